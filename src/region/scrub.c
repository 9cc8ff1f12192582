/* Anti-entropy: proof that regions hold the same, and repair where they do not.
 *
 * In turn, each shared table is offered to a peer: our bucketed digests, together with our position
 * vector. When the peer's vector is equal its digests must be too; a bucket that differs, or else
 * one bucket in turn, is then compared version by version. A record the peer's snapshot has, of
 * which we should have at least that version because we have applied its origin's log past its
 * stamp, and have not, is a divergence: the whole stretch is fetched and merged. Each side repairs
 * itself only; the other finds its own lacks when its turn comes.
 *
 * The end of an item whose time was over has a version that is no region's, so no position tells
 * whether we should have it. One that we lack is a suspect. If we still lack it when we look again
 * because of digests of equal vectors, we had by then applied all that the peer had when we looked
 * first: it is a divergence. A digest may have waited while we looked, so we look twice. */
#include "region/inside.h"

struct digest_call {
    uint64_t table;
    struct repl_frame *ret;
};

/* Runs on the writer, where digests and positions belong together. */
static enum err digest_run(void *arg, struct part_stage *s, struct arena *a)
{
    struct digest_call *d = arg;
    struct part *p = part_stage_part(s);
    size_t n;
    const struct part_mark *marks = part_marks(p, &n);
    struct repl_mark *copy = ARENA_ARRAY(a, struct repl_mark, n);
    if (copy == NULL) {
        return ERR_TOO_BIG;
    }
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        copy[kept++] = (struct repl_mark){marks[i].region, marks[i].pos, marks[i].hlc};
    }
    d->ret->type = REPL_DIGEST;
    d->ret->digest.table = d->table;
    d->ret->digest.marks = copy;
    d->ret->digest.n_marks = kept;
    for (unsigned i = 0; i < REPL_DIGEST_BUCKETS; i++) {
        d->ret->digest.buckets[i] = part_table_digest(p, d->table, i);
    }
    return OK;
}

static bool submit_digest(
    struct region *r,
    struct link *l,
    enum errand_kind kind,
    uint64_t table,
    const struct repl_frame *theirs)
{
    struct errand *e = errand_new(r, kind, PART_CMD_CALL);
    struct digest_call *d = ARENA_NEW(&e->arena, struct digest_call);
    e->link = l->id;
    d->table = table;
    d->ret = &e->digest;
    if (theirs != NULL) {
        e->theirs = *theirs;
        struct bytes marks =
            bytes_of(theirs->digest.marks, theirs->digest.n_marks * sizeof *theirs->digest.marks);
        e->theirs.digest.marks =
            (const struct repl_mark *)(const void *)bytes_dup(&e->arena, marks).base;
    }
    e->cmd.call.run = digest_run;
    e->cmd.call.arg = d;
    return errand_submit(e);
}

/* The table and peer whose turn it is; false when there is nothing to compare. */
static bool next_turn(struct region *r, uint64_t *ret_table, struct link **ret_link)
{
    size_t n = 1;
    struct bytes after = BYTES_NONE;
    for (const struct core_group *g; (g = catalog_group_after(r->catalog, after)) != NULL;) {
        after = g->name;
        n++;
    }
    uint64_t turn = r->scrub_turn++;
    uint64_t at = turn % n;
    *ret_table = PART_TABLE_CATALOG;
    after = BYTES_NONE;
    for (uint64_t i = 0; i < at; i++) {
        const struct core_group *g = catalog_group_after(r->catalog, after);
        ASSERT(g != NULL);
        after = g->name;
        *ret_table = g->table;
    }
    bool held = *ret_table == PART_TABLE_CATALOG ||
                catalog_replicates_to(r->catalog, *ret_table, r->config.id);
    if (!held || r->n_links == 0) {
        return false;
    }
    struct link *l = r->links[(turn / n) % r->n_links];
    *ret_link = l;
    return l->ready && replicates_to(r, *ret_table, l->peer);
}

void scrub_tick(struct region *r, uint64_t now_ms)
{
    if (r->config.knobs.scrub_ms == 0 || now_ms < r->scrub_ms) {
        return;
    }
    r->scrub_ms = now_ms + r->config.knobs.scrub_ms;
    uint64_t table;
    struct link *l;
    if (next_turn(r, &table, &l) && !seed_is_open(r, table)) {
        (void)submit_digest(r, l, ERRAND_DIGEST, table, NULL);
    }
}

void scrub_digest_done(struct region *r, struct errand *e)
{
    struct link *l = link_find(r, e->link);
    if (e->cmd.err == OK && l != NULL && l->ready) {
        link_send(r, l, &e->digest);
    }
}

void scrub_digest(struct region *r, struct link *l, const struct repl_frame *f)
{
    r->status.scrubs++;
    if (replicates_to(r, f->digest.table, l->peer) && seed_is_settled(r, f->digest.table)) {
        (void)submit_digest(r, l, ERRAND_COMPARE, f->digest.table, f);
    }
}

static bool marks_equal(const struct repl_frame *a, const struct repl_frame *b)
{
    if (a->digest.n_marks != b->digest.n_marks) {
        return false;
    }
    for (size_t i = 0; i < a->digest.n_marks; i++) {
        bool found = false;
        for (size_t j = 0; j < b->digest.n_marks; j++) {
            found |= a->digest.marks[i].region.v == b->digest.marks[j].region.v &&
                     a->digest.marks[i].pos.v == b->digest.marks[j].pos.v;
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

static bool differs(const struct errand *e, unsigned bucket)
{
    struct hash128 a = e->digest.digest.buckets[bucket];
    struct hash128 b = e->theirs.digest.buckets[bucket];
    return a.lo != b.lo || a.hi != b.hi;
}

void scrub_compare_done(struct region *r, struct errand *e)
{
    struct link *l = link_find(r, e->link);
    bool can = e->cmd.err == OK && l != NULL && l->ready && !l->scrubbing && !l->seed_in.active &&
               !seed_is_open(r, e->digest.digest.table);
    if (!can) {
        return;
    }
    unsigned bucket = (unsigned)(r->bucket_turn++ % REPL_DIGEST_BUCKETS);
    bool equal = marks_equal(&e->digest, &e->theirs);
    for (unsigned i = 0; i < REPL_DIGEST_BUCKETS && equal; i++) {
        if (!differs(e, i)) {
            suspects_forget(r->suspects, l->peer->id, e->digest.digest.table, i, /* scan= */ 0);
        }
    }
    /* From the turn's bucket on, so that one that cannot be mended now hides no other. */
    for (unsigned n = 0; n < REPL_DIGEST_BUCKETS && equal && !differs(e, bucket); n++) {
        bucket = (bucket + 1) % REPL_DIGEST_BUCKETS;
    }
    if (equal && !differs(e, bucket)) {
        return; /* proved equal */
    }
    uint32_t span = UINT32_MAX / REPL_DIGEST_BUCKETS + 1;
    struct repl_frame want = {
        .type = REPL_SEED_WANT,
        .seed_want = {
            .purpose = REPL_PURPOSE_SCRUB,
            .mode = REPL_SEED_VERSIONS,
            .table = e->digest.digest.table,
            .hash_lo = bucket * span,
            .hash_hi = bucket * span + (span - 1),
        }};
    l->scrubbing = seed_send_want(r, l, &want);
    l->repairing = false;
    l->scrub_equal = equal;
    l->scrub_bucket = bucket;
    l->scrub_scan = ++r->scans;
}

/* Whether we ought to hold at least this version. */
static bool should_have(const struct region *r, const struct repl_record *rec, struct hlc floor)
{
    const struct repl_mark *m = repl_vector_find(&r->marks, rec->version.region);
    bool own = rec->version.region.v == r->config.id.v;
    bool applied = own || (m != NULL && m->hlc.v >= rec->version.hlc.v);
    return applied && (rec->live || rec->version.hlc.v >= floor.v);
}

/* Whether `rec` is the end of our item that we ought to have by now. */
static bool misses_end(
    struct region *r, const struct link *l, uint64_t table, const struct repl_record *rec)
{
    bool nobodys = !rec->live && rec->version.region.v != r->config.id.v &&
                   repl_vector_find(&r->marks, rec->version.region) == NULL;
    if (!nobodys) {
        return false;
    }
    const uint64_t of[] = {l->peer->id.v, table, rec->version.hlc.v, rec->version.region.v};
    uint64_t name = hash64(rec->key, hash64(bytes_of(of, sizeof of), /* seed= */ 0));
    const struct suspect seen = {
        .name = name == 0 ? 1 : name,
        .peer = l->peer->id,
        .table = table,
        .bucket = l->scrub_bucket,
        .scan = l->scrub_scan,
    };
    return suspects_see(r->suspects, &seen, l->scrub_equal);
}

/* Counts records of the chunk that our store lacks although it should have them. Both sides are in
 * storage order, so one pass over each is enough. */
static size_t divergent(
    struct region *r,
    const struct link *l,
    const struct repl_frame *f,
    uint32_t *ret_lo,
    uint32_t *ret_hi)
{
    struct hlc floor = {0};
    if (part_read_gc_floor(&r->reader, &floor) != OK) {
        return 0;
    }
    struct part_raw_cursor *c =
        part_raw_open(&r->reader, f->seed_chunk.table, 0, UINT32_MAX, f->seed_chunk.from);
    struct part_raw ours = {0};
    enum err e = part_raw_next(c, &ours);
    size_t n = 0;
    for (size_t i = 0; i < f->seed_chunk.n; i++) {
        const struct repl_record *rec = &f->seed_chunk.records[i];
        uint32_t hash = key_partition_hash(bytes_of(rec->key.base, key_first_len(rec->key)));
        while (e == OK) {
            uint32_t our_hash =
                key_partition_hash(bytes_of(ours.key.base, key_first_len(ours.key)));
            bool before =
                our_hash < hash || (our_hash == hash && bytes_cmp(ours.key, rec->key) < 0);
            if (!before) {
                break;
            }
            e = part_raw_next(c, &ours);
        }
        bool there = e == OK && bytes_eq(ours.key, rec->key);
        bool have = there && version_cmp(ours.version, rec->version) >= 0;
        bool end = there && ours.live && !have && misses_end(r, l, f->seed_chunk.table, rec);
        if (end || (!have && should_have(r, rec, floor))) {
            *ret_lo = n == 0 || hash < *ret_lo ? hash : *ret_lo;
            *ret_hi = n == 0 || hash > *ret_hi ? hash : *ret_hi;
            n++;
        }
    }
    part_raw_close(c);
    return n;
}

static void take_versions(struct region *r, struct link *l, const struct repl_frame *f)
{
    uint32_t lo = 0;
    uint32_t hi = 0;
    size_t n = divergent(r, l, f, &lo, &hi);
    l->scrubbing = !f->seed_chunk.last;
    if (n == 0) {
        if (l->scrubbing) {
            seed_send_more(r, l, f->seed_chunk.table);
        } else {
            suspects_forget(
                r->suspects, l->peer->id, f->seed_chunk.table, l->scrub_bucket, l->scrub_scan);
        }
        return;
    }
    TRACE(
        r->config.tracer,
        TRACE_WARN,
        "region",
        "found divergent records, repairing",
        TRACE_TEXT("peer", bytes_str(l->peer->name)),
        TRACE_NUM("table", f->seed_chunk.table),
        TRACE_NUM("records", n));
    struct repl_frame want = {
        .type = REPL_SEED_WANT,
        .seed_want = {
            .purpose = REPL_PURPOSE_REPAIR,
            .mode = REPL_SEED_WHOLE,
            .table = f->seed_chunk.table,
            .hash_lo = lo,
            .hash_hi = hi,
        }};
    l->scrubbing = seed_send_want(r, l, &want);
    l->repairing = true;
}

void scrub_chunk(struct region *r, struct link *l, const struct repl_frame *f)
{
    if (!l->scrubbing || seed_is_open(r, f->seed_chunk.table)) {
        l->scrubbing = false;
        return;
    }
    bool versions = f->seed_chunk.mode == REPL_SEED_VERSIONS;
    if (versions == l->repairing) {
        return; /* the rest of an answer that we have heard enough of */
    }
    l->seed_in.progress++;
    if (versions) {
        take_versions(r, l, f);
        return;
    }
    (void)seed_submit_records(r, l, f);
    l->scrubbing = !f->seed_chunk.last;
    if (l->scrubbing) {
        seed_send_more(r, l, f->seed_chunk.table);
    }
}

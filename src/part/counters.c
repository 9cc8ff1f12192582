/* Counters and digests of tables: kept in memory, changed with each change, written as a checkpoint
 * now and then, and brought up to date at open by replaying the log behind the checkpoint.
 *
 * Invariants
 *  1. A table's stored counters are exact at the checkpoint's position: tables that did not change
 * since the checkpoint before keep their old row.
 *  2. The log is never trimmed past the checkpoint, so replay has all it needs.
 *  3. Every change of items that is not in the log (dropping a table) forces a checkpoint in its
 * own batch. */
#include <stdlib.h>

#include "part/impl.h"

struct hash128 part_version_hash(struct bytes key, struct version v)
{
    uint64_t stamp[2] = {v.hlc.v, v.region.v};
    return hash128(key, hash64(bytes_of(stamp, sizeof stamp), 0));
}

static struct hash128 sum(struct hash128 a, struct hash128 b)
{
    struct hash128 s = {.lo = a.lo + b.lo};
    s.hi = a.hi + b.hi + (s.lo < a.lo ? 1U : 0U);
    return s;
}

static struct hash128 difference(struct hash128 a, struct hash128 b)
{
    return (struct hash128){.lo = a.lo - b.lo, .hi = a.hi - b.hi - (a.lo < b.lo ? 1U : 0U)};
}

static unsigned bucket_of(struct bytes key)
{
    size_t first = key_first_len(key);
    ASSERT(first > 0);
    return key_partition_hash((struct bytes){key.base, first}) >> 26;
}

static_assert(PART_DIGEST_BUCKETS == 1 << (32 - 26), "a bucket is the hash's top bits");

static void need_digest(struct part_tstate *t)
{
    if (t->digest == NULL) {
        t->digest = calloc(PART_DIGEST_BUCKETS, sizeof *t->digest);
        ASSERT(t->digest != NULL);
    }
}

void part_counts_add(
    struct part *p, struct part_tstate *t, struct bytes key, struct version v, uint64_t bytes)
{
    (void)p;
    need_digest(t);
    t->dirty = true;
    t->counts.items++;
    t->counts.bytes += bytes;
    struct hash128 *d = &t->digest[bucket_of(key)];
    *d = sum(*d, part_version_hash(key, v));
}

void part_counts_sub(
    struct part *p, struct part_tstate *t, struct bytes key, struct version v, uint64_t bytes)
{
    (void)p;
    need_digest(t);
    t->dirty = true;
    t->counts.items--;
    t->counts.bytes -= bytes;
    struct hash128 *d = &t->digest[bucket_of(key)];
    *d = difference(*d, part_version_hash(key, v));
}

static void put_counts(struct part *p, const struct part_tstate *t)
{
    buf_clear(&p->key_buf);
    layout_counts_key(&p->key_buf, t->id);
    if (t->digest == NULL) {
        engine_batch_delete(p->batch, buf_bytes(&p->key_buf));
        return;
    }
    struct buf *b = &p->meta_buf;
    buf_clear(b);
    size_t start = layout_checked_begin(b);
    put_varint(b, t->counts.items);
    put_varint(b, t->counts.bytes);
    for (unsigned i = 0; i < PART_DIGEST_BUCKETS; i++) {
        put_u64(b, t->digest[i].lo);
        put_u64(b, t->digest[i].hi);
    }
    layout_checked_end(b, start);
    engine_batch_put(p->batch, buf_bytes(&p->key_buf), buf_bytes(b));
}

void part_checkpoint_put(struct part *p)
{
    MAP_FOREACH (&p->tables, e) {
        struct part_tstate *t = e->value;
        if (t->dirty) {
            put_counts(p, t);
            t->dirty = false;
        }
    }
    part_meta_u64_put(p, "checkpoint", p->tail.v);
    p->checkpoint = p->tail;
    p->log_bytes_since = 0;
    p->checkpoint_must = false;
}

/* ---- open ---- */

static enum err load_row(struct part *p, struct bytes key, struct bytes value)
{
    struct reader r;
    enum err e = layout_checked_open(value, &r);
    if (e != OK) {
        return e;
    }
    if (key.len != 9) {
        return ERR_CORRUPT;
    }
    struct part_tstate *t = part_tstate_need(p, load_u64_be(key.base + 1));
    need_digest(t);
    t->counts.items = get_varint(&r);
    t->counts.bytes = get_varint(&r);
    for (unsigned i = 0; i < PART_DIGEST_BUCKETS; i++) {
        t->digest[i].lo = get_u64(&r);
        t->digest[i].hi = get_u64(&r);
    }
    return r.bad || reader_left(&r) != 0 ? ERR_CORRUPT : OK;
}

static enum err load_rows(struct part *p)
{
    const uint8_t lo[] = {ROW_COUNTS};
    const uint8_t hi[] = {ROW_COUNTS + 1};
    struct engine_iter *it = engine_iter_open_once(
        p->config.engine, NULL, bytes_of(lo, sizeof lo), bytes_of(hi, sizeof hi));
    enum err e = OK;
    for (bool on = engine_iter_first(it); on && e == OK; on = engine_iter_next(it)) {
        e = load_row(p, engine_iter_key(it), engine_iter_value(it));
    }
    if (e == OK) {
        e = engine_iter_err(it);
    }
    engine_iter_close(it);
    return e;
}

static enum err replay_change(struct part *p, struct arena *a, const struct change_txn *t, size_t i)
{
    const struct change *c = &t->changes[i];
    if (!part_change_took_effect(t, c)) {
        return OK;
    }
    if (key_first_len(c->key) == 0) {
        return ERR_CORRUPT;
    }
    struct part_tstate *table = part_tstate_need(p, c->table);
    if (c->had_old && c->old_live) {
        part_counts_sub(p, table, c->key, c->old_version, c->old_bytes);
    }
    if (c->kind == CHANGE_DELETE) {
        return OK;
    }
    struct value item;
    enum err e = value_decode(a, c->item, &item);
    if (e == OK) {
        part_counts_add(p, table, c->key, change_version(t, c), item_size(&item));
    }
    return e;
}

static enum err replay(struct part *p, struct arena *a)
{
    struct part_reader r = {.engine = p->config.engine};
    struct part_log_cursor *c = part_log_open(&r, p->checkpoint);
    struct local_pos at = p->checkpoint;
    enum err e = OK;
    for (;;) {
        struct local_pos pos;
        struct bytes stored;
        e = part_log_next(c, &pos, &stored);
        if (e != OK) {
            break;
        }
        struct change_txn t;
        arena_clear(a);
        e = pos.v == at.v + 1 ? change_txn_decode(a, stored, /* wire_only= */ false, &t)
                              : ERR_CORRUPT;
        for (size_t i = 0; e == OK && i < t.n_changes; i++) {
            e = replay_change(p, a, &t, i);
        }
        if (e != OK) {
            break;
        }
        at = pos;
        p->log_bytes_since += stored.len;
    }
    part_log_close(c);
    if (e != ERR_NOT_FOUND) {
        return e;
    }
    return at.v == p->tail.v ? OK : ERR_CORRUPT;
}

enum err part_counts_load(struct part *p)
{
    enum err e = load_rows(p);
    if (e != OK) {
        return e;
    }
    struct arena a;
    arena_init(&a, SIZE_MAX / 2);
    e = replay(p, &a);
    arena_done(&a);
    return e;
}

/* ---- asked from above ---- */

struct part_counts part_table_counts(const struct part *p, uint64_t table)
{
    const struct part_tstate *t = part_tstate_find(p, table);
    return t == NULL ? (struct part_counts){0} : t->counts;
}

struct hash128 part_table_digest(const struct part *p, uint64_t table, unsigned bucket)
{
    ASSERT(bucket < PART_DIGEST_BUCKETS);
    const struct part_tstate *t = part_tstate_find(p, table);
    return t == NULL || t->digest == NULL ? (struct hash128){0} : t->digest[bucket];
}

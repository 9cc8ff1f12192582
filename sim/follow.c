/* Consumers of every table's stream in every region, who keep a copy of the table by what they are
 * told and compare it with the table itself. They look at what is committed only, live through the
 * crashes of their regions, and go on from where they were.
 *
 * What must hold: a record fits the copy (nothing is inserted over an item, and what changes or
 * goes is what was there), sequence numbers grow, and whenever a consumer has caught up its copy is
 * the table. When a region has forgotten what comes next it must say so; then the consumer takes
 * the table as it is and goes on from there. */
#include "sim/sim.h"

struct following {
    struct sim *sim;
    struct node *node;
    const char *table;
    struct follower *f;
    struct feed_view view;
    struct core_stream stream;
    struct arena a;
};

static uint64_t *hash_of(struct sim *s, struct bytes item)
{
    uint64_t *h = sim_alloc(s, sizeof *h);
    *h = hash64(item, 0);
    return h;
}

static struct bytes encoded(struct following *g, const struct value *v)
{
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    value_encode(&b, v);
    struct bytes copy = bytes_dup(&g->a, buf_bytes(&b));
    buf_done(&b);
    return copy;
}

static struct bytes key_in(struct following *g, const struct value *keys)
{
    struct buf b;
    struct bytes attr;
    buf_init(&b, 4096);
    if (part_key_of(&g->stream.keys, keys, &b, &attr) != OK) {
        sim_fail(g->sim, "%s %s: a record's keys are none", g->node->name, g->table);
    }
    struct bytes copy = bytes_dup(&g->a, buf_bytes(&b));
    buf_done(&b);
    return copy;
}

static void told_wrong(struct following *g, const struct feed_record *r, const char *what)
{
    sim_fail(
        g->sim,
        "%s %s: the feed at %llu.%u %s",
        g->node->name,
        g->table,
        (unsigned long long)r->seq.pos.v,
        r->seq.index,
        what);
}

static void take_record(struct following *g, const struct feed_record *r)
{
    struct follower *f = g->f;
    bool grows = r->seq.pos.v > f->last.pos.v ||
                 (r->seq.pos.v == f->last.pos.v && r->seq.index > f->last.index);
    if (!grows) {
        told_wrong(g, r, "does not come after the record before it");
    }
    f->last = r->seq;
    struct bytes key = key_in(g, &r->keys);
    const uint64_t *had = map_get(&f->copy, key);
    if ((had != NULL) == (r->event == FEED_INSERT)) {
        told_wrong(g, r, had != NULL ? "inserts what is there" : "changes what is not there");
    }
    if (r->has_old && (had == NULL || *had != hash64(encoded(g, &r->old_image), 0))) {
        told_wrong(g, r, "has an old image that was not there");
    }
    if (r->event == FEED_REMOVE) {
        (void)map_remove(&f->copy, key);
    } else if (r->has_new) {
        (void)map_put(&f->copy, key, hash_of(g->sim, encoded(g, &r->new_image)));
    }
    g->sim->result.told++;
}

/* Calls `each` for every item of the stream's table as the view has it. */
static void walk_table(
    struct following *g, void (*each)(struct following *g, const struct part_raw *raw))
{
    uint64_t id = g->stream.spans[g->stream.n_spans - 1].table;
    struct part_raw_cursor *c = part_raw_open(&g->view.reader, id, 0, UINT32_MAX, BYTES_NONE);
    struct part_raw raw;
    enum err e = part_raw_next(c, &raw);
    for (; e == OK; e = part_raw_next(c, &raw)) {
        if (raw.live) {
            each(g, &raw);
        }
    }
    part_raw_close(c);
    if (e != ERR_NOT_FOUND) {
        sim_fail(g->sim, "%s does not read: %s", g->node->name, err_name(e));
    }
}

static void copy_item(struct following *g, const struct part_raw *raw)
{
    (void)map_put(&g->f->copy, raw->key, hash_of(g->sim, raw->item));
}

static void compare_item(struct following *g, const struct part_raw *raw)
{
    const uint64_t *had = map_get(&g->f->copy, raw->key);
    g->f->compared++;
    if (had == NULL || *had != hash64(raw->item, 0)) {
        sim_fail(
            g->sim,
            "%s %s: the feed does not tell what the table holds: %s",
            g->node->name,
            g->table,
            had == NULL ? "an item is missing" : "an item differs");
    }
}

static void compare(struct following *g)
{
    if (g->stream.ended_ms != 0) {
        return; /* its table may be gone, or goes on without it */
    }
    g->f->compared = 0;
    walk_table(g, compare_item);
    if (g->f->compared != map_count(&g->f->copy)) {
        sim_fail(g->sim, "%s %s: the feed tells of items that are gone", g->node->name, g->table);
    }
}

static void forget(struct follower *f)
{
    map_done(&f->copy);
    map_init(&f->copy);
}

/* The feed no longer reaches back to where this consumer was. */
static void begin_anew(struct following *g)
{
    forget(g->f);
    walk_table(g, copy_item);
    g->f->at = (struct feed_seq){{g->view.tail.v + 1}, 0};
    g->sim->result.told_gaps++;
}

/* The shard that holds a place, or NULL. */
static const struct feed_shard *shard_at(struct following *g, struct local_pos pos)
{
    const struct feed_shard *shards;
    size_t n;
    enum err e = feed_shards(&g->view, &g->stream, &g->a, &shards, &n);
    for (size_t i = 0; e == OK && i < n; i++) {
        bool follows = i == 0 || (shards[i].parent.v == shards[i - 1].first.v &&
                                  shards[i].first.v == shards[i - 1].last.v + 1);
        if (!follows) {
            sim_fail(g->sim, "%s %s: shards leave a gap", g->node->name, g->table);
        }
        if (shards[i].first.v <= pos.v && pos.v <= shards[i].last.v) {
            return &shards[i];
        }
    }
    return NULL;
}

/* Reads on; false when there is no more now. */
static bool read_on(struct following *g)
{
    struct follower *f = g->f;
    const struct feed_shard *shard = shard_at(g, f->at.pos);
    if (f->at.pos.v > g->view.tail.v || f->at.pos.v > g->stream.last.v) {
        return false;
    }
    struct feed_page page = {
        .from = f->at,
        .last = shard == NULL ? g->stream.last : shard->last,
        .limit = (size_t)(1 + (f->turn++ % 40)),
        .scan_bytes = 1 + (f->turn * 977) % 20000,
    };
    enum err e = shard == NULL ? ERR_FENCED : feed_read(&g->view, &g->stream, &page, &g->a);
    if (e == ERR_FENCED) {
        if (f->at.pos.v >= g->view.oldest.v) {
            sim_fail(g->sim, "%s %s: what is there is refused", g->node->name, g->table);
        }
        bool kept = f->at.pos.v >= g->view.feed.epochs[0].first.v;
        if (kept && g->sim->knobs.log_bytes_max >= SIM_LOG_BYTES_AMPLE) {
            sim_fail(g->sim, "%s %s: the log goes under a stream", g->node->name, g->table);
        }
        begin_anew(g);
        return false;
    }
    if (e != OK) {
        sim_fail(g->sim, "%s %s: the feed does not read: %s", g->node->name, g->table, err_name(e));
        return false;
    }
    bool skip = g->sim->config.plant == SIM_PLANT_FEED_SKIP && page.n > 1 && f->turn % 8 == 0;
    for (size_t i = 0; i < page.n - (skip ? 1 : 0); i++) {
        take_record(g, &page.records[i]);
    }
    f->at = page.next;
    return true;
}

/* The table's latest stream; another one than before begins with its own first record, on what the
 * table held then: nothing, as streams here are on from the start of their tables. */
static bool find_stream(struct following *g)
{
    const struct core_stream *list;
    size_t n;
    enum err e =
        core_streams_list(&g->view.reader, bytes_str(g->table), NULL, &g->a, 1000, &list, &n);
    if (e != OK || n == 0) {
        return false;
    }
    g->stream = list[n - 1];
    if (g->stream.created_ms != g->f->created_ms) {
        forget(g->f);
        g->f->created_ms = g->stream.created_ms;
        g->f->at = (struct feed_seq){g->stream.first, 0};
        g->f->last = (struct feed_seq){{0}, 0};
    }
    return true;
}

static void follow(struct following *g)
{
    if (!find_stream(g)) {
        return;
    }
    if (g->f->at.pos.v > g->view.tail.v + 1) {
        sim_fail(g->sim, "%s %s: the feed went back", g->node->name, g->table);
        return;
    }
    while (!g->sim->result.failed && read_on(g)) {
    }
    compare(g);
}

void follow_feeds(struct sim *s, struct node *n)
{
    for (unsigned i = 0; i < s->n_tables && !s->result.failed; i++) {
        struct following g = {
            .sim = s, .node = n, .table = s->tables[i].name, .f = &n->followers[i]};
        enum err e = feed_open(n->engine, &g.view);
        if (e != OK) {
            const struct core_table *t = catalog_table(core_catalog(n->core), bytes_str(g.table));
            if (e != ERR_NOT_FOUND || (t != NULL && t->stream != CORE_STREAM_NONE)) {
                sim_fail(s, "%s: its feeds do not open: %s", n->name, err_name(e));
            }
            continue;
        }
        arena_init(&g.a, SIZE_MAX / 2);
        follow(&g);
        arena_done(&g.a);
        feed_close(&g.view);
    }
}

/* The conflict log: every version that lost to one its writer did not know of, as an ordinary item
 * of the system table PART_TABLE_CONFLICTS, keyed by the table's name and the time of the loser.
 *
 * Invariants
 *  1. The sort key is a function of table, key and loser alone, so seeing the same loser twice
 * leaves one entry.
 *  2. Each entry has an order row with a growing sequence number; entries above the cap go from the
 * low end. */
#include "part/impl.h"

const struct part_table part_conflicts_table = {
    .id = PART_TABLE_CONFLICTS,
    .name = BYTES_LIT("conflicts"),
    .keys = {.hash = {BYTES_LIT("table"), VALUE_STRING}, .range = {BYTES_LIT("at"), VALUE_STRING}},
};

static struct bytes iso_time(struct arena *a, uint64_t ms)
{
    uint64_t s = ms / 1000;
    struct date d = date_of_days((int64_t)(s / 86400));
    struct bytes text = bytes_fmt(
        a,
        "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
        (unsigned)d.year,
        d.month,
        d.day,
        (unsigned)(s / 3600 % 24),
        (unsigned)(s / 60 % 60),
        (unsigned)(s % 60),
        (unsigned)(ms % 1000));
    ASSERT(text.base != NULL);
    return text;
}

static struct value text_value(struct bytes text)
{
    return (struct value){.type = VALUE_STRING, .bytes = text};
}

static struct value map_value(struct member *members, size_t n)
{
    enum err e = members_sort(members, n);
    ASSERT(e == OK);
    return (struct value){.type = VALUE_MAP, .map = {.members = members, .n = n}};
}

/* {region, version, item}. An item so deep that the entry could not be read back stands there as
 * its bytes. */
static struct value side_value(struct arena *a, const struct conflict_side *s)
{
    if (s->version.region.v == 0) {
        return (struct value){.type = VALUE_NULL};
    }
    struct member *m = ARENA_ARRAY(a, struct member, 4);
    ASSERT(m != NULL);
    size_t n = 0;
    m[n++] = (struct member){
        BYTES_LIT("region"),
        text_value(bytes_fmt(a, "%016llx", (unsigned long long)s->version.region.v)),
    };
    m[n++] = (struct member){
        BYTES_LIT("version"),
        text_value(bytes_fmt(a, "%016llx", (unsigned long long)s->version.hlc.v)),
    };
    m[n++] = (struct member){
        BYTES_LIT("written"),
        text_value(iso_time(a, hlc_ms(s->version.hlc))),
    };
    if (s->item != NULL && value_depth(s->item) + 2 <= DOC_DEPTH_MAX) {
        m[n++] = (struct member){BYTES_LIT("item"), *s->item};
    } else if (s->item != NULL) {
        struct buf b;
        buf_init(&b, SIZE_MAX / 2);
        value_encode(&b, s->item);
        struct value raw = {.type = VALUE_BINARY, .bytes = bytes_dup(a, buf_bytes(&b))};
        m[n++] = (struct member){BYTES_LIT("item_bytes"), raw};
        buf_done(&b);
    }
    return map_value(m, n);
}

static void put_order_row(struct part *p, uint64_t seq, struct bytes value)
{
    struct buf key;
    buf_init(&key, 64);
    layout_conflict_key(&key, seq);
    part_stage_row(p, buf_bytes(&key), value);
    buf_done(&key);
}

/* Removes the oldest entry. An order row whose entry somebody deleted by hand just goes. */
static enum err drop_oldest(struct part *p, struct part_tstate *t)
{
    struct arena *a = &p->batch_arena;
    uint64_t seq = p->conflict_head;
    buf_clear(&p->key_buf);
    layout_conflict_key(&p->key_buf, seq);
    struct bytes row;
    enum err e = part_stage_read(p, buf_bytes(&p->key_buf), &row);
    if (e == OK) {
        struct staged c = {.table = t, .key = bytes_dup(a, row)};
        e = part_stage_load(p, PART_TABLE_CONFLICTS, c.key, /* want_item= */ false, a, &c.old);
        if (e == OK && c.old.live) {
            e = part_stage_change(p, &c);
        }
        put_order_row(p, seq, BYTES_NONE);
    }
    if (e == OK || e == ERR_NOT_FOUND) {
        p->conflict_head++;
        return OK;
    }
    return e;
}

static struct value entry_item(struct part *p, const struct conflict *c)
{
    struct arena *a = &p->batch_arena;
    struct member *m = ARENA_ARRAY(a, struct member, 7);
    ASSERT(m != NULL);
    struct value key;
    enum err e = part_key_attrs(a, &c->table->keys, c->key, &key);
    if (e != OK) {
        key = (struct value){.type = VALUE_BINARY, .bytes = c->key};
    }
    struct hash128 h = hash128(c->key, c->table->id);
    struct bytes when = iso_time(a, hlc_ms(c->loser.version.hlc));
    m[0] = (struct member){BYTES_LIT("table"), text_value(c->table->name)};
    m[1] = (struct member){
        BYTES_LIT("at"),
        text_value(bytes_fmt(
            a,
            "%.*s#%016llx-%016llx-%016llx",
            BYTES_FMT(when),
            (unsigned long long)c->loser.version.hlc.v,
            (unsigned long long)c->loser.version.region.v,
            (unsigned long long)h.lo)),
    };
    m[2] = (struct member){BYTES_LIT("key"), key};
    m[3] = (struct member){BYTES_LIT("winner"), side_value(a, &c->winner)};
    m[4] = (struct member){BYTES_LIT("loser"), side_value(a, &c->loser)};
    m[5] = (struct member){BYTES_LIT("reason"), text_value(bytes_str(c->reason))};
    m[6] = (struct member){BYTES_LIT("decided"), text_value(iso_time(a, p->now_ms))};
    return map_value(m, 7);
}

enum err part_conflict_put(struct part *p, const struct conflict *c)
{
    struct arena *a = &p->batch_arena;
    struct part_tstate *t = part_tstate_need(p, PART_TABLE_CONFLICTS);
    struct value *item = ARENA_NEW(a, struct value);
    ASSERT(item != NULL);
    *item = entry_item(p, c);
    struct buf key;
    struct bytes attr;
    buf_init(&key, SIZE_MAX / 2);
    enum err e = part_key_of(&t->schema->keys, item, &key, &attr);
    struct staged s = {.table = t, .key = bytes_dup(a, buf_bytes(&key)), .item = item};
    buf_done(&key);
    if (e == OK) {
        e = part_stage_load(p, PART_TABLE_CONFLICTS, s.key, /* want_item= */ false, a, &s.old);
    }
    if (e != OK || s.old.live) {
        return e;
    }
    s.size = item_size(item);
    e = part_stage_change(p, &s);
    if (e != OK) {
        return e;
    }
    put_order_row(p, p->conflict_next, s.key);
    p->conflict_next++;
    while (e == OK && p->conflict_next - p->conflict_head > p->config.conflicts_max) {
        e = drop_oldest(p, t);
    }
    return e;
}

/* The order rows, by sequence number. */
static struct engine_iter *order_open(struct engine *engine, struct engine_snapshot *snap)
{
    const uint8_t lo[] = {ROW_CONFLICT};
    const uint8_t hi[] = {ROW_CONFLICT + 1};
    return engine_iter_open(engine, snap, bytes_of(lo, sizeof lo), bytes_of(hi, sizeof hi));
}

static enum err order_end(struct part *p, bool last, uint64_t *ret)
{
    struct engine_iter *it = order_open(p->config.engine, NULL);
    enum err e = OK;
    if (last ? engine_iter_last(it) : engine_iter_first(it)) {
        struct bytes key = engine_iter_key(it);
        e = key.len == 9 ? OK : ERR_CORRUPT;
        *ret = e == OK ? load_u64_be(key.base + 1) : 0;
    } else {
        e = engine_iter_err(it);
    }
    engine_iter_close(it);
    return e;
}

enum err part_conflict_load(struct part *p)
{
    uint64_t first = 1;
    uint64_t last = 0;
    enum err e = order_end(p, false, &first);
    if (e == OK) {
        e = order_end(p, true, &last);
    }
    p->conflict_head = first;
    p->conflict_next = last + 1;
    return e;
}

/* ---- reading ---- */

static enum err read_table(
    const struct part_reader *r,
    struct bytes table,
    struct arena *a,
    bool (*take)(void *ctx, const struct value *entry),
    void *ctx)
{
    const struct expr_key_cond query = {.hash = text_value(table), .op = EXPR_RANGE_ALL};
    const struct part_range range = {.query = &query, .hash_hi = UINT32_MAX, .backward = true};
    struct part_cursor *c;
    enum err e = part_cursor_open(r, &part_conflicts_table, &range, &c);
    if (e != OK) {
        return e;
    }
    for (bool more = true; more && e == OK;) {
        struct value entry;
        size_t size;
        arena_clear(a);
        e = part_cursor_next(c, a, &entry, &size);
        more = e == OK && take(ctx, &entry);
    }
    part_cursor_close(c);
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err read_all(
    const struct part_reader *r,
    struct arena *a,
    bool (*take)(void *ctx, const struct value *entry),
    void *ctx)
{
    struct engine_iter *it = order_open(r->engine, r->snap);
    enum err e = OK;
    bool more = true;
    for (bool on = engine_iter_last(it); on && more && e == OK; on = engine_iter_prev(it)) {
        struct value entry;
        arena_clear(a);
        e = part_get(r, &part_conflicts_table, engine_iter_value(it), a, &entry, NULL);
        if (e == OK) {
            more = take(ctx, &entry);
        } else if (e == ERR_NOT_FOUND) {
            e = OK; /* dropped since the iterator was opened, or deleted by hand */
        }
    }
    e = e == OK ? engine_iter_err(it) : e;
    engine_iter_close(it);
    return e;
}

enum err part_conflicts_read(
    const struct part_reader *r,
    struct bytes table,
    struct arena *a,
    bool (*take)(void *ctx, const struct value *entry),
    void *ctx)
{
    return table.len > 0 ? read_table(r, table, a, take, ctx) : read_all(r, a, take, ctx);
}

/* The writer's frame: opening a store, tables, marks and other bookkeeping rows.
 *
 * Invariant: whatever the store holds is stamped at or below the own mark's stamp stored with it;
 * the clock restarts there or at the durable ceiling of promises, whichever is later. */
#include "part/part.h"

#include <stdlib.h>

#include "part/impl.h"

/* ---- tables ---- */

struct part_tstate *part_tstate_find(const struct part *p, uint64_t id)
{
    if (p->table_last != NULL && p->table_last->id == id) {
        return p->table_last;
    }
    return map_get(&p->tables, bytes_of(&id, sizeof id));
}

struct part_tstate *part_tstate_need(struct part *p, uint64_t id)
{
    struct part_tstate *t = part_tstate_find(p, id);
    if (t == NULL) {
        t = calloc(1, sizeof *t);
        ASSERT(t != NULL);
        t->id = id;
        buf_init(&t->expiry_attr, SIZE_MAX / 2);
        (void)map_put(&p->tables, bytes_of(&id, sizeof id), t);
    }
    p->table_last = t;
    return t;
}

void part_set_table(struct part *p, const struct part_table *t)
{
    struct part_tstate *state = part_tstate_need(p, t->id);
    struct part_table *copy = part_table_dup(t);
    part_table_free(state->schema);
    state->schema = copy;
    state->schema_serial++;
    part_istates_settle(p, state);
    part_throttle_settle(p, state);
    part_expiry_settle(p, state);
}

const struct part_table *part_find_table(const struct part *p, uint64_t id)
{
    const struct part_tstate *t = part_tstate_find(p, id);
    return t == NULL ? NULL : t->schema;
}

static void set_system_tables(struct part *p)
{
    const struct part_table catalog = {
        .id = PART_TABLE_CATALOG,
        .name = BYTES_LIT("catalog"),
        .keys =
            {.hash = {BYTES_LIT("kind"), VALUE_STRING}, .range = {BYTES_LIT("name"), VALUE_STRING}},
        .replicated = true,
    };
    part_set_table(p, &catalog);
    part_set_table(p, &part_conflicts_table);
}

/* ---- marks and other bookkeeping rows ---- */

struct part_mark *part_mark_find(struct part *p, struct region_id region)
{
    for (size_t i = 0; i < p->n_marks; i++) {
        if (p->marks[i].region.v == region.v) {
            return &p->marks[i];
        }
    }
    return NULL;
}

struct part_mark *part_mark_need(struct part *p, struct region_id region)
{
    struct part_mark *m = part_mark_find(p, region);
    if (m == NULL) {
        p->marks = part_grow(p->marks, p->n_marks, &p->marks_cap, sizeof *p->marks);
        m = &p->marks[p->n_marks++];
        *m = (struct part_mark){.region = region};
    }
    return m;
}

static void meta_put(struct part *p, const char *name, size_t start)
{
    layout_checked_end(&p->meta_buf, start);
    buf_clear(&p->key_buf);
    layout_meta_key(&p->key_buf, name);
    engine_batch_put(p->batch, buf_bytes(&p->key_buf), buf_bytes(&p->meta_buf));
}

void part_meta_u64_put(struct part *p, const char *name, uint64_t v)
{
    buf_clear(&p->meta_buf);
    size_t start = layout_checked_begin(&p->meta_buf);
    put_u64(&p->meta_buf, v);
    meta_put(p, name, start);
}

void part_marks_put(struct part *p)
{
    ASSERT(p->n_marks > 0);
    p->marks[0].pos.v = p->tail.v;
    p->marks[0].hlc = p->clock.last;
    buf_clear(&p->meta_buf);
    size_t start = layout_checked_begin(&p->meta_buf);
    for (size_t i = 0; i < p->n_marks; i++) {
        put_u64(&p->meta_buf, p->marks[i].region.v);
        put_u64(&p->meta_buf, p->marks[i].pos.v);
        put_u64(&p->meta_buf, p->marks[i].hlc.v);
    }
    meta_put(p, "marks", start);
    p->marks_must = false;
}

static enum err meta_u64_get(struct part *p, const char *name, uint64_t *ret)
{
    buf_clear(&p->key_buf);
    layout_meta_key(&p->key_buf, name);
    buf_clear(&p->read_buf);
    enum err e = engine_get(p->config.engine, NULL, buf_bytes(&p->key_buf), &p->read_buf);
    if (e == ERR_NOT_FOUND) {
        *ret = 0;
        return OK;
    }
    struct reader r;
    if (e == OK) {
        e = layout_checked_open(buf_bytes(&p->read_buf), &r);
    }
    if (e != OK) {
        return e;
    }
    *ret = get_u64(&r);
    return r.bad || reader_left(&r) != 0 ? ERR_CORRUPT : OK;
}

/* ---- open ---- */

/* Whether the engine is empty, ours, or somebody else's. */
static enum err identify(struct part *p)
{
    uint64_t region;
    enum err e = meta_u64_get(p, "identity", &region);
    if (e != OK) {
        return e;
    }
    if (region != 0) {
        return region == p->config.region.v ? OK : ERR_INVALID;
    }
    struct engine_iter *it = engine_iter_open(p->config.engine, NULL, BYTES_NONE, BYTES_NONE);
    bool empty = !engine_iter_first(it);
    e = engine_iter_err(it);
    engine_iter_close(it);
    if (e != OK) {
        return e;
    }
    if (!empty) {
        return ERR_CORRUPT; /* rows, but nobody's */
    }
    part_meta_u64_put(p, "identity", p->config.region.v);
    e = engine_write(p->config.engine, p->batch, /* sync= */ true);
    engine_batch_clear(p->batch);
    return e;
}

static enum err load_marks(struct part *p)
{
    struct part_reader r = {.engine = p->config.engine};
    const struct part_mark *marks;
    size_t n;
    enum err e = part_read_marks(&r, &p->batch_arena, &marks, &n);
    if (e != OK) {
        return e;
    }
    if (n > 0 && marks[0].region.v != p->config.region.v) {
        return ERR_CORRUPT;
    }
    *part_mark_need(p, p->config.region) = (struct part_mark){.region = p->config.region};
    for (size_t i = 0; i < n; i++) {
        *part_mark_need(p, marks[i].region) = marks[i];
    }
    p->tail.v = p->marks[0].pos.v;
    return OK;
}

/* The log must end where the marks say. */
static enum err check_tail(struct part *p)
{
    struct part_reader r = {.engine = p->config.engine};
    struct part_log_cursor *c =
        part_log_open(&r, (struct local_pos){p->tail.v == 0 ? 0 : p->tail.v - 1});
    struct local_pos pos = {0};
    struct bytes stored;
    enum err e = part_log_next(c, &pos, &stored);
    if (e == OK && pos.v != p->tail.v) {
        e = ERR_CORRUPT;
    }
    if (e == OK) {
        e = part_log_next(c, &pos, &stored);
        e = e == OK ? ERR_CORRUPT : e;
    }
    part_log_close(c);
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err replay_catalog(struct part *p)
{
    if (p->config.catalog_changed == NULL) {
        return OK;
    }
    struct part_reader r = {.engine = p->config.engine};
    struct part_raw_cursor *c = part_raw_open(&r, PART_TABLE_CATALOG, 0, UINT32_MAX, BYTES_NONE);
    const struct part_table *t = part_find_table(p, PART_TABLE_CATALOG);
    struct part_raw raw;
    enum err e = part_raw_next(c, &raw);
    for (; e == OK; e = part_raw_next(c, &raw)) {
        if (!raw.live) {
            continue;
        }
        struct value key;
        struct value item;
        arena_clear(&p->batch_arena);
        e = part_key_attrs(&p->batch_arena, &t->keys, raw.key, &key);
        if (e == OK) {
            e = value_decode(&p->batch_arena, raw.item, &item);
        }
        if (e != OK) {
            break;
        }
        p->config.catalog_changed(p->config.ctx, NULL, &key, &item);
    }
    part_raw_close(c);
    return e == ERR_NOT_FOUND ? OK : e;
}

static enum err load(struct part *p)
{
    enum err e = identify(p);
    if (e == OK) {
        e = load_marks(p);
    }
    if (e == OK) {
        e = meta_u64_get(p, "ceiling", &p->ceiling.v);
    }
    if (e == OK) {
        e = meta_u64_get(p, "gc_floor", &p->gc_floor.v);
    }
    if (e == OK) {
        e = meta_u64_get(p, "checkpoint", &p->checkpoint.v);
    }
    if (e == OK) {
        e = check_tail(p);
    }
    if (e == OK) {
        e = part_counts_load(p);
    }
    if (e == OK) {
        e = part_conflict_load(p);
    }
    if (e == OK) {
        e = part_expiry_load(p);
    }
    if (e == OK) {
        e = replay_catalog(p);
    }
    return e;
}

static void init_buffers(struct part *p)
{
    buf_init(&p->log, SIZE_MAX / 2);
    buf_init(&p->key_buf, SIZE_MAX / 2);
    buf_init(&p->read_buf, SIZE_MAX / 2);
    buf_init(&p->enc_buf, SIZE_MAX / 2);
    buf_init(&p->meta_buf, SIZE_MAX / 2);
    buf_init(&p->sweep_after, SIZE_MAX / 2);
    buf_init(&p->row_old.key, SIZE_MAX / 2);
    buf_init(&p->row_old.value, SIZE_MAX / 2);
    buf_init(&p->row_new.key, SIZE_MAX / 2);
    buf_init(&p->row_new.value, SIZE_MAX / 2);
}

static void discard(struct part *p)
{
    MAP_FOREACH (&p->tables, e) {
        struct part_tstate *t = e->value;
        part_table_free(t->schema);
        part_istates_free(t);
        free(t->digest);
        buf_done(&t->expiry_attr);
        free(t);
    }
    map_done(&p->tables);
    engine_batch_free(p->batch);
    arena_done(&p->batch_arena);
    overlay_done(&p->overlay);
    row_cache_done(&p->rows);
    free(p->stage.staged);
    free(p->stage.acts);
    free(p->stage.undo);
    free(p->log_ends);
    free(p->dropped);
    free(p->index_dirty);
    free(p->arrived);
    free(p->changes);
    free(p->marks);
    buf_done(&p->log);
    buf_done(&p->key_buf);
    buf_done(&p->read_buf);
    buf_done(&p->enc_buf);
    buf_done(&p->meta_buf);
    buf_done(&p->sweep_after);
    part_index_row_done(&p->row_old);
    part_index_row_done(&p->row_new);
    free(p);
}

enum err part_open(const struct part_config *config, uint64_t now_ms, struct part **ret)
{
    ASSERT(config->region.v != 0);
    ASSERT(config->batch_bytes_max > 0);
    struct part *p = calloc(1, sizeof *p);
    ASSERT(p != NULL);
    p->config = *config;
    p->now_ms = now_ms;
    p->batch = engine_batch_new(config->engine);
    arena_init(&p->batch_arena, SIZE_MAX / 2);
    map_init(&p->tables);
    init_buffers(p);
    p->waiting.tail = &p->waiting.head;
    p->done.tail = &p->done.head;
    set_system_tables(p);
    enum err e = load(p);
    if (e != OK) {
        discard(p);
        return e;
    }
    struct hlc floor = p->marks[0].hlc;
    if (floor.v < p->ceiling.v) {
        floor = p->ceiling;
    }
    hlc_clock_init(&p->clock, floor, config->drift_ms_max);
    p->batch_tail = p->tail;
    arena_clear(&p->batch_arena);
    *ret = p;
    return OK;
}

void part_close(struct part *p)
{
    if (p == NULL) {
        return;
    }
    if (!p->failed && p->checkpoint.v < p->tail.v) {
        engine_batch_clear(p->batch);
        part_checkpoint_put(p);
        enum err e = engine_write(p->config.engine, p->batch, /* sync= */ true);
        (void)e; /* without it the next open replays a little more */
    }
    discard(p);
}

void part_abandon(struct part *p)
{
    if (p != NULL) {
        discard(p);
    }
}

/* ---- asked from above ---- */

struct local_pos part_tail(const struct part *p)
{
    return p->tail;
}

struct hlc part_gc_floor(const struct part *p)
{
    return p->gc_floor;
}

const struct part_mark *part_marks(const struct part *p, size_t *ret_n)
{
    *ret_n = p->n_marks;
    return p->marks;
}

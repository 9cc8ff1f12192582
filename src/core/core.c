/* The writer's side: opens part and catalog, runs group commits, and does core's own errands
 * between them.
 *
 * A catalog row that changes, ours or a peer's, marks the name it is about. Marked names are looked
 * at in calls of their own after the commit (reconcile.c), which see the rows of whole transactions
 * and stage the next step; what they stage marks names again, until nothing is left to do. So an
 * errand's state is nowhere but in the rows: after a restart every name is marked once and work
 * goes on where it was.
 *
 * Invariants
 *  1. The writer's schemas agree with the catalog from the change of a row on, within its batch.
 *  2. Rows are announced only after their batch is on disk, each once, in commit order.
 *  3. Commands of core's own never reach core_take_done().
 * Not promised: that an errand runs at once; core_deadline() says when to call again. */
#include "core/core.h"

#include <stdlib.h>

#include "core/impl.h"

/* ---- marks ---- */

void core_mark(struct core *c, struct bytes name)
{
    (void)map_put(&c->dirty, name, c);
}

void core_mark_at(struct core *c, struct bytes name, uint64_t at_ms)
{
    uint64_t *at = map_get(&c->waiting, name);
    if (at == NULL) {
        at = malloc(sizeof *at);
        ASSERT(at != NULL);
        (void)map_put(&c->waiting, name, at);
    }
    *at = at_ms;
}

uint64_t core_marked_at(const struct core *c, struct bytes name)
{
    const uint64_t *at = map_get(&c->waiting, name);
    return at == NULL ? 0 : *at;
}

void core_unmark_at(struct core *c, struct bytes name)
{
    free(map_remove(&c->waiting, name));
}

static void mark_due(struct core *c)
{
    MAP_FOREACH (&c->waiting, entry) {
        if (*(const uint64_t *)entry->value <= c->now_ms) {
            core_mark(c, entry->key);
        }
    }
}

/* Whoever comes or goes may change every group. */
static void mark_groups(struct core *c)
{
    core_mark(c, CORE_NAME_MEMBERS);
    const struct group_entry *g = catalog_group_entry_after(c->catalog, BYTES_NONE);
    while (g != NULL) {
        core_mark(c, g->name);
        g = catalog_group_entry_after(c->catalog, g->name);
    }
}

/* ---- rows ---- */

static void tell_row(struct core *c, const struct value *key, const struct value *item)
{
    if (c->catalog_row == NULL) {
        return;
    }
    struct told_row *row = ARENA_NEW(&c->told_mem, struct told_row);
    ASSERT(row != NULL);
    enum err err = value_dup(&c->told_mem, key, &row->key);
    ASSERT(err == OK);
    row->gone = item == NULL;
    if (item != NULL) {
        err = value_dup(&c->told_mem, item, &row->item);
        ASSERT(err == OK);
    }
    if (c->told_last == NULL) {
        c->told_first = row;
    } else {
        c->told_last->next = row;
    }
    c->told_last = row;
}

static void announce_rows(struct core *c, bool committed)
{
    for (const struct told_row *row = c->told_first; row != NULL && committed; row = row->next) {
        c->catalog_row(c->ctx, &row->key, row->gone ? NULL : &row->item);
    }
    c->told_first = NULL;
    c->told_last = NULL;
    arena_clear(&c->told_mem);
}

static void set_schema(struct core *c, struct bytes name)
{
    const struct core_table *t = catalog_table(c->catalog, name);
    if (t != NULL) {
        part_set_table(c->part, &t->part);
    }
}

/* part's catalog_changed. */
static void catalog_changed(
    void *ctx, struct part_stage *s, const struct value *key, const struct value *item)
{
    struct core *c = ctx;
    /* A row that does not decode is of another version or broken: it stays stored and has no
     * effect. */
    enum err err = catalog_apply(c->catalog, key, item);
    if (s == NULL) {
        return;
    }
    tell_row(c, key, item);
    struct row_key row;
    if (err != OK || row_key_parse(key, &row) != OK) {
        return;
    }
    switch (row.kind) {
    case ROW_MEMBER:
        mark_groups(c);
        break;
    case ROW_TABLE:
        if (bytes_eq(row.region, catalog_region(c->catalog))) {
            set_schema(c, row.table);
            core_mark(c, row.table);
            streams_agree(c, s, row.table);
        }
        break;
    case ROW_GROUP:
    case ROW_REPLICA:
        set_schema(c, row.table);
        core_mark(c, row.table);
        break;
    }
}

/* ---- opening and closing ---- */

static void set_schemas(struct core *c)
{
    struct part_table seeds = seeds_schema();
    struct part_table jobs = core_jobs_schema();
    part_set_table(c->part, &seeds);
    part_set_table(c->part, &jobs);
    const struct core_table *t = catalog_table_after(c->catalog, BYTES_NONE);
    while (t != NULL) {
        part_set_table(c->part, &t->part);
        core_mark(c, t->part.name);
        t = catalog_table_after(c->catalog, t->part.name);
    }
    mark_groups(c);
}

enum err core_open(const struct core_config *config, uint64_t now_ms, struct core **ret)
{
    struct core *c = calloc(1, sizeof *c);
    ASSERT(c != NULL);
    c->catalog = catalog_new(config->region);
    c->engine = config->part.engine;
    c->id = config->part.region;
    /* A store that is opened again with the same seed must not draw the same ids again. */
    uint64_t parts[] = {config->seed, config->part.region.v, now_ms};
    c->prng = prng_seeded(hash64(bytes_of(parts, sizeof parts), /* seed= */ 0));
    c->catalog_row = config->catalog_row;
    c->expired = config->expired;
    c->ctx = config->ctx;
    c->now_ms = now_ms;
    arena_init(&c->told_mem, SIZE_MAX / 2);
    map_init(&c->dirty);
    map_init(&c->waiting);
    map_init(&c->building);
    map_init(&c->streams);
    map_init(&c->streams_open);
    c->stream_retention_ms =
        config->stream_retention_ms == 0 ? CORE_STREAM_RETENTION_MS : config->stream_retention_ms;
    c->stream_shard_ms =
        config->stream_shard_ms == 0 ? CORE_STREAM_SHARD_MS : config->stream_shard_ms;
    map_init(&c->filling);
    map_init(&c->expiring);
    map_init(&c->sweeping);
    c->ttl_sweep_ms = config->ttl_sweep_ms;
    buf_init(&c->sweep_after, SIZE_MAX / 2);
    struct part_config part = config->part;
    part.catalog_changed = catalog_changed;
    part.ctx = c;
    enum err err = part_open(&part, now_ms, &c->part);
    if (err != OK) {
        c->part = NULL;
        core_close(c);
        return err;
    }
    err = streams_load(c);
    if (err != OK) {
        core_close(c);
        return err;
    }
    set_schemas(c);
    *ret = c;
    return OK;
}

static void errand_free(struct errand *e)
{
    arena_done(&e->mem);
    free(e);
}

static void free_errands(struct core *c)
{
    for (;;) {
        struct part_cmd *cmd = c->part == NULL ? NULL : part_take_done(c->part);
        if (cmd == NULL) {
            return;
        }
        if (cmd->owner == c) {
            errand_free((struct errand *)cmd);
        }
    }
}

void core_close(struct core *c)
{
    if (c == NULL) {
        return;
    }
    free_errands(c);
    if (c->part != NULL) {
        part_close(c->part);
    }
    catalog_free(c->catalog);
    map_done(&c->dirty);
    MAP_FOREACH (&c->waiting, entry) {
        free(entry->value);
    }
    map_done(&c->waiting);
    map_done(&c->building);
    streams_done(c);
    map_done(&c->filling);
    map_done(&c->expiring);
    map_done(&c->sweeping);
    buf_done(&c->sweep_after);
    arena_done(&c->told_mem);
    free(c);
}

struct part *core_part(struct core *c)
{
    return c->part;
}

const struct catalog *core_catalog(const struct core *c)
{
    return c->catalog;
}

/* ---- errands ---- */

struct errand *core_errand_new(struct core *c, enum errand_kind kind, struct bytes name)
{
    struct errand *e = calloc(1, sizeof *e);
    ASSERT(e != NULL);
    arena_init(&e->mem, CORE_ROW_ARENA_BYTES);
    e->core = c;
    e->kind = kind;
    e->name = bytes_dup(&e->mem, name);
    e->cmd.arena = &e->mem;
    e->cmd.owner = c;
    return e;
}

void core_errand_submit(struct errand *e)
{
    e->core->n_errands++;
    part_submit(e->core->part, &e->cmd);
}

static enum err run_reconcile(void *arg, struct part_stage *s, struct arena *a)
{
    struct errand *e = arg;
    return reconcile(e->core, s, a, e->name);
}

static size_t submit_marked(struct core *c)
{
    size_t n = 0;
    MAP_FOREACH (&c->dirty, entry) {
        if (n == CORE_ERRANDS_MAX) {
            break;
        }
        struct errand *e = core_errand_new(c, ERRAND_RECONCILE, entry->key);
        (void)map_remove(&c->dirty, entry->key);
        e->cmd.kind = PART_CMD_CALL;
        e->cmd.call.run = run_reconcile;
        e->cmd.call.arg = e;
        core_errand_submit(e);
        n++;
    }
    return n;
}

/* The first index of a table that waits to be filled. */
static const struct core_index *index_to_fill(const struct core_table *t)
{
    for (size_t i = 0; t != NULL && i < t->n_indexes; i++) {
        if (t->indexes[i].status == CORE_CREATING) {
            return &t->indexes[i];
        }
    }
    return NULL;
}

/* One stretch of one index at a time, so that clients' commands find room in every commit. */
static void submit_backfill(struct core *c)
{
    MAP_FOREACH (&c->building, entry) {
        const struct core_table *t = catalog_table(c->catalog, entry->key);
        const struct core_index *x = index_to_fill(t);
        if (x == NULL) {
            (void)map_remove(&c->building, entry->key);
            continue;
        }
        struct errand *e = core_errand_new(c, ERRAND_BACKFILL, entry->key);
        e->index = x->part.id;
        e->cmd.kind = PART_CMD_BACKFILL;
        e->cmd.backfill.table = t->part.id;
        e->cmd.backfill.index = x->part.id;
        e->cmd.backfill.items_max = CORE_BACKFILL_ITEMS;
        core_errand_submit(e);
        return;
    }
}

static enum err run_index_ready(void *arg, struct part_stage *s, struct arena *a)
{
    struct errand *e = arg;
    const struct core_table *t = catalog_table(e->core->catalog, e->name);
    if (t == NULL || t->status == CORE_DELETING) {
        return OK;
    }
    struct core_table next;
    enum err err = table_copy(a, t, &next);
    if (err != OK) {
        return err;
    }
    bool changed = false;
    for (size_t i = 0; i < next.n_indexes; i++) {
        struct core_index *x = (struct core_index *)(uintptr_t)&next.indexes[i];
        if (x->part.id == e->index && x->status == CORE_CREATING) {
            x->status = CORE_ACTIVE;
            x->backfilling = false;
            changed = true;
        }
    }
    return changed ? stage_table(s, a, &next) : OK;
}

static void backfill_done(struct errand *e)
{
    struct core *c = e->core;
    if (e->cmd.err != OK) {
        /* The table or index may have gone meanwhile: looking again finds out, but not at once. */
        (void)map_remove(&c->building, e->name);
        core_mark_at(c, e->name, c->now_ms + CORE_RETRY_MS);
        return;
    }
    if (!e->cmd.backfill.done) {
        return;
    }
    struct errand *ready = core_errand_new(c, ERRAND_INDEX_READY, e->name);
    ready->index = e->index;
    ready->cmd.kind = PART_CMD_CALL;
    ready->cmd.call.run = run_index_ready;
    ready->cmd.call.arg = ready;
    core_errand_submit(ready);
}

static void errand_done(struct errand *e)
{
    struct core *c = e->core;
    c->n_errands--;
    c->n_looks += e->kind == ERRAND_RECONCILE ? 1 : 0;
    if (!part_failed(c->part)) {
        if (e->kind == ERRAND_BACKFILL) {
            backfill_done(e);
        } else if (e->kind == ERRAND_EXPIRY_FILL || e->kind == ERRAND_EXPIRE) {
            core_expiry_done(e);
        } else if (e->cmd.err != OK) {
            core_mark_at(c, e->name, c->now_ms + CORE_RETRY_MS);
        }
    }
    errand_free(e);
}

/* A table with a stream publishes whether it is empty: look at those whose answer the writes
 * changed. */
static void note_emptiness(struct core *c, const struct part_cmd *cmd)
{
    uint64_t last = 0;
    for (size_t i = 0; cmd->kind == PART_CMD_WRITE && i < cmd->write.n; i++) {
        uint64_t id = cmd->write.ops[i].table;
        if (id == last) {
            continue;
        }
        last = id;
        const struct core_table *t = catalog_table_by_id(c->catalog, id);
        if (t == NULL || t->stream == CORE_STREAM_NONE) {
            continue;
        }
        bool empty = part_table_counts(c->part, id).items == 0;
        if (empty == t->empty) {
            continue;
        }
        const struct core_group *g = catalog_group_by_table(c->catalog, id);
        if (g == NULL || core_group_replica(g, t->region) == NULL) {
            core_mark(c, t->part.name);
        }
    }
}

static void drain_done(struct core *c)
{
    for (;;) {
        struct part_cmd *cmd = part_take_done(c->part);
        if (cmd == NULL) {
            return;
        }
        if (cmd->owner == c) {
            errand_done((struct errand *)cmd);
            continue;
        }
        note_emptiness(c, cmd);
        cmd->next = NULL;
        if (c->done_last == NULL) {
            c->done_first = cmd;
        } else {
            c->done_last->next = cmd;
        }
        c->done_last = cmd;
    }
}

enum err core_commit(struct core *c, uint64_t now_ms)
{
    c->now_ms = now_ms;
    if (!part_failed(c->part)) {
        mark_due(c);
        submit_backfill(c);
        core_expiry_submit(c);
    }
    for (unsigned round = 0; round < CORE_ROUNDS_MAX; round++) {
        if (!part_failed(c->part)) {
            (void)submit_marked(c);
        }
        if (round > 0 && c->n_errands == 0) {
            return OK;
        }
        enum err err = part_commit(c->part, now_ms);
        announce_rows(c, err == OK);
        drain_done(c);
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

struct part_cmd *core_take_done(struct core *c)
{
    struct part_cmd *cmd = c->done_first;
    if (cmd == NULL) {
        return NULL;
    }
    c->done_first = cmd->next;
    if (c->done_first == NULL) {
        c->done_last = NULL;
    }
    cmd->next = NULL;
    return cmd;
}

uint64_t core_looks(const struct core *c)
{
    return c->n_looks;
}

uint64_t core_deadline(const struct core *c)
{
    if (part_failed(c->part)) {
        return UINT64_MAX;
    }
    if (map_count(&c->dirty) > 0 || map_count(&c->building) > 0 || c->n_errands > 0) {
        return 0;
    }
    uint64_t at = UINT64_MAX;
    MAP_FOREACH (&c->waiting, entry) {
        uint64_t due = *(const uint64_t *)entry->value;
        at = due < at ? due : at;
    }
    uint64_t expiry = core_expiry_deadline(c);
    return expiry < at ? expiry : at;
}

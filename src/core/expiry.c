/* Time to live, the writer's side: fills in the expiry rows of tables that were switched on with
 * data in them, and now and then deletes what has expired, a piece at a time so that clients'
 * commands find room in between.
 *
 * Every region sweeps its replica. An item is first of all its writer's region's to delete; the
 * others do so a while later, in case that region is gone. Who deletes an item another has deleted
 * changes nothing (part/expiry.c).
 *
 * Invariant: at most one filling piece and one sweeping piece are at the writer. */
#include "core/impl.h"

enum {
    CORE_EXPIRE_ROWS = 500, /* of one piece */
    CORE_OTHERS_SWEEPS = 5, /* how many sweeps later another region's items are due */
};

static bool has_ttl(const struct core_table *t)
{
    return t != NULL && t->part.ttl.len > 0 && t->status != CORE_DELETING;
}

void core_expiry_look(struct core *c, struct bytes name)
{
    const struct core_table *t = catalog_table(c->catalog, name);
    if (t != NULL && !part_expiry_settled(c->part, t->part.id)) {
        (void)map_put(&c->filling, name, c);
    }
    if (has_ttl(t) && c->ttl_sweep_ms > 0) {
        (void)map_put(&c->expiring, name, c);
    }
}

static void submit_fill(struct core *c)
{
    if (c->fill_out) {
        return;
    }
    MAP_FOREACH (&c->filling, entry) {
        const struct core_table *t = catalog_table(c->catalog, entry->key);
        if (t == NULL || part_expiry_settled(c->part, t->part.id)) {
            (void)map_remove(&c->filling, entry->key);
            continue;
        }
        struct errand *e = core_errand_new(c, ERRAND_EXPIRY_FILL, entry->key);
        e->cmd.kind = PART_CMD_BACKFILL;
        e->cmd.backfill.table = t->part.id;
        e->cmd.backfill.index = PART_INDEX_EXPIRY;
        e->cmd.backfill.items_max = CORE_BACKFILL_ITEMS;
        c->fill_out = true;
        core_errand_submit(e);
        return;
    }
}

/* A sweep begins: which tables hold something that is due? */
static void begin_sweep(struct core *c)
{
    uint64_t latest = c->now_ms + c->ttl_sweep_ms;
    if (c->sweep_at_ms > latest) {
        c->sweep_at_ms = latest; /* the clock was set back */
    }
    if (map_count(&c->sweeping) > 0 || c->now_ms < c->sweep_at_ms) {
        return;
    }
    c->sweep_at_ms = latest;
    MAP_FOREACH (&c->expiring, entry) {
        const struct core_table *t = catalog_table(c->catalog, entry->key);
        if (!has_ttl(t)) {
            (void)map_remove(&c->expiring, entry->key);
        } else if (part_expiry_due_ms(c->part, t->part.id) <= c->now_ms) {
            (void)map_put(&c->sweeping, entry->key, c);
        }
    }
}

static void submit_sweep(struct core *c)
{
    MAP_FOREACH (&c->sweeping, entry) {
        const struct core_table *t = catalog_table(c->catalog, entry->key);
        if (!has_ttl(t)) {
            (void)map_remove(&c->sweeping, entry->key);
            buf_clear(&c->sweep_after);
            continue;
        }
        struct errand *e = core_errand_new(c, ERRAND_EXPIRE, entry->key);
        e->cmd.kind = PART_CMD_EXPIRE;
        e->cmd.expire.table = t->part.id;
        e->cmd.expire.others_ms = (uint64_t)c->ttl_sweep_ms * CORE_OTHERS_SWEEPS;
        e->cmd.expire.items_max = CORE_EXPIRE_ROWS;
        e->cmd.expire.after = bytes_dup(&e->mem, buf_bytes(&c->sweep_after));
        c->sweep_out = true;
        core_errand_submit(e);
        return;
    }
}

void core_expiry_submit(struct core *c)
{
    if (map_count(&c->filling) > 0) {
        submit_fill(c);
    }
    if (map_count(&c->expiring) == 0 || c->sweep_out) {
        return;
    }
    begin_sweep(c);
    submit_sweep(c);
}

static void fill_done(struct core *c, const struct errand *e)
{
    c->fill_out = false;
    if (e->cmd.err != OK) {
        /* The table may have gone meanwhile: looking again finds out, but not at once. */
        (void)map_remove(&c->filling, e->name);
        core_mark_at(c, e->name, c->now_ms + CORE_RETRY_MS);
    }
}

static void sweep_done(struct core *c, const struct errand *e)
{
    c->sweep_out = false;
    buf_clear(&c->sweep_after);
    if (e->cmd.err == OK && !e->cmd.expire.done) {
        buf_put_bytes(&c->sweep_after, e->cmd.expire.next);
    } else {
        (void)map_remove(&c->sweeping, e->name); /* after an error the next sweep tries again */
    }
    if (e->cmd.expire.n_deleted == 0) {
        return;
    }
    core_mark(c, e->name); /* it may be empty now, which it publishes */
    if (c->expired != NULL) {
        c->expired(c->ctx, e->name, e->cmd.expire.n_deleted);
    }
}

void core_expiry_done(struct errand *e)
{
    if (e->kind == ERRAND_EXPIRY_FILL) {
        fill_done(e->core, e);
    } else {
        sweep_done(e->core, e);
    }
}

uint64_t core_expiry_deadline(const struct core *c)
{
    if (map_count(&c->filling) > 0 || map_count(&c->sweeping) > 0) {
        return 0;
    }
    return map_count(&c->expiring) > 0 ? c->sweep_at_ms : UINT64_MAX;
}

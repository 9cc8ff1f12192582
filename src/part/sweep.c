/* Forgetting tombstones nobody needs any more, oldest first, by the rows kept in stamp order.
 *
 * A walk over the rows takes as many commands as it needs, each going on where the one before it
 * ended. Rows that do not read, or whose data rows do not, stay where they are and hold up nothing;
 * the next walk looks at them again. */
#include "part/impl.h"

/* One tombstone row; the data row goes with it if it still is that tombstone. */
static enum err forget(struct part *p, struct bytes row)
{
    if (row.len <= 17) {
        return ERR_CORRUPT;
    }
    struct hlc hlc = {load_u64_be(row.base + 1)};
    uint64_t table = load_u64_be(row.base + 9);
    struct bytes key = bytes_from(row, 17);
    struct record rec;
    enum err e = part_stage_load(p, table, key, /* want_item= */ false, &p->batch_arena, &rec);
    if (e != OK) {
        return e == ERR_INVALID ? ERR_CORRUPT : e;
    }
    if (rec.present && !rec.live && rec.buried.v == hlc.v) {
        struct bytes data = buf_bytes(&p->key_buf);
        engine_batch_delete(p->batch, data);
        row_cache_forget(&p->rows, data, hash64(data, 0));
    }
    engine_batch_delete(p->batch, row);
    return OK;
}

static enum err sweep(struct part *p, struct part_cmd *cmd, struct engine_iter *it)
{
    for (bool on = engine_iter_first(it); on; on = engine_iter_next(it)) {
        struct bytes row = engine_iter_key(it);
        if (cmd->sweep.n == cmd->sweep.tombstones_max) {
            return OK;
        }
        enum err e = forget(p, row);
        if (e == ERR_CORRUPT || e == ERR_FORMAT) {
            p->sweep_unread++;
        } else if (e != OK) {
            return e;
        }
        buf_clear(&p->sweep_after);
        buf_put_bytes(&p->sweep_after, row);
        cmd->sweep.n++;
    }
    cmd->sweep.done = engine_iter_err(it) == OK;
    return engine_iter_err(it);
}

/* A walk is over and the next begins anew; what it left is told when it is not as much as was left
 * before. */
static void end_walk(struct part *p)
{
    if (p->sweep_unread != p->sweep_unread_told && p->sweep_unread > 0) {
        TRACE(
            p->config.tracer,
            TRACE_ERROR,
            "part",
            "tombstones do not read, leaving them",
            TRACE_NUM("tombstones", p->sweep_unread));
    }
    p->sweep_unread_told = p->sweep_unread;
    p->sweep_unread = 0;
    buf_clear(&p->sweep_after);
}

/* Behind the row reached last, or at the first there is. */
static void put_start(const struct part *p, struct buf *lo)
{
    if (p->sweep_after.len > 0) {
        buf_put_bytes(lo, buf_bytes(&p->sweep_after));
        buf_put_u8(lo, 0); /* the smallest key greater than that row's */
    } else {
        buf_put_u8(lo, ROW_TOMBSTONE);
    }
}

/* The floor rises first and durably in the same batch: from then on a version below it that arrives
 * where nothing stands is suspect. */
void part_sweep_run(struct part *p, struct part_cmd *cmd)
{
    ASSERT(p->overlay.n == 0);
    cmd->sweep.done = false;
    cmd->sweep.n = 0;
    struct hlc below = cmd->sweep.below;
    if (below.v > p->gc_floor.v) {
        p->gc_floor = below;
        part_meta_u64_put(p, "gc_floor", below.v);
    }
    struct buf lo;
    struct buf hi;
    buf_init(&lo, SIZE_MAX / 2);
    buf_init(&hi, 64);
    put_start(p, &lo);
    buf_put_u8(&hi, ROW_TOMBSTONE);
    put_u64_be(&hi, below.v);
    struct engine_iter *it =
        engine_iter_open(p->config.engine, NULL, buf_bytes(&lo), buf_bytes(&hi));
    cmd->err = sweep(p, cmd, it);
    engine_iter_close(it);
    if (cmd->sweep.done) {
        end_walk(p);
    }
    buf_done(&lo);
    buf_done(&hi);
}

/* Forgetting tombstones nobody needs any more, oldest first, by the rows kept in stamp order. */
#include "part/impl.h"

/* One tombstone row; the data row goes with it if it still is that tombstone. */
static enum err forget(struct part *p, struct bytes row, struct hlc hlc)
{
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
    size_t n = 0;
    for (bool on = engine_iter_first(it); on; on = engine_iter_next(it)) {
        struct bytes row = engine_iter_key(it);
        if (row.len <= 17) {
            return ERR_CORRUPT;
        }
        if (n == cmd->sweep.tombstones_max) {
            return OK;
        }
        enum err e = forget(p, row, (struct hlc){load_u64_be(row.base + 1)});
        if (e != OK) {
            return e;
        }
        n++;
    }
    cmd->sweep.done = engine_iter_err(it) == OK;
    return engine_iter_err(it);
}

/* The floor rises first and durably in the same batch: from then on a version below it that arrives
 * where nothing stands is suspect. */
void part_sweep_run(struct part *p, struct part_cmd *cmd)
{
    ASSERT(p->overlay.n == 0);
    cmd->sweep.done = false;
    struct hlc below = cmd->sweep.below;
    if (below.v > p->gc_floor.v) {
        p->gc_floor = below;
        part_meta_u64_put(p, "gc_floor", below.v);
    }
    const uint8_t lo[] = {ROW_TOMBSTONE};
    struct buf hi;
    buf_init(&hi, 64);
    buf_put_u8(&hi, ROW_TOMBSTONE);
    put_u64_be(&hi, below.v);
    struct engine_iter *it =
        engine_iter_open(p->config.engine, NULL, bytes_of(lo, sizeof lo), buf_bytes(&hi));
    cmd->err = sweep(p, cmd, it);
    engine_iter_close(it);
    buf_done(&hi);
}

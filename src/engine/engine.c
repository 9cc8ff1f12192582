/* The rules every engine shares, and the way through the table of functions to the maker.
 *
 * An iterator is before the first key (fresh), on a key, or off (it ran past an end, or a seek
 * found nothing). From before the first, next goes to the first key; from off, only a positioning
 * call leads back. */
#include "engine/engine.h"

#include "engine/engine_ops.h"

void engine_close(struct engine *e)
{
    if (e != NULL) {
        e->ops->close(e);
    }
}

enum err engine_get(
    struct engine *e, struct engine_snapshot *snap, struct bytes key, struct buf *ret)
{
    ASSERT(snap == NULL || snap->engine == e);
    return e->ops->get(e, snap, key, ret);
}

struct engine_snapshot *engine_snapshot_open(struct engine *e)
{
    struct engine_snapshot *s = e->ops->snapshot_open(e);
    ASSERT(s->engine == e);
    return s;
}

void engine_snapshot_close(struct engine_snapshot *s)
{
    if (s != NULL) {
        s->engine->ops->snapshot_close(s);
    }
}

static struct engine_iter *iter_open(
    struct engine *e, struct engine_snapshot *snap, struct bytes lo, struct bytes hi, bool once)
{
    ASSERT(snap == NULL || snap->engine == e);
    struct engine_iter *it = e->ops->iter_open(e, snap, lo, hi, once);
    it->ops = e->ops;
    it->place = ENGINE_BEFORE_FIRST;
    return it;
}

struct engine_iter *engine_iter_open(
    struct engine *e, struct engine_snapshot *snap, struct bytes lo, struct bytes hi)
{
    return iter_open(e, snap, lo, hi, /* once= */ false);
}

struct engine_iter *engine_iter_open_once(
    struct engine *e, struct engine_snapshot *snap, struct bytes lo, struct bytes hi)
{
    return iter_open(e, snap, lo, hi, /* once= */ true);
}

void engine_iter_close(struct engine_iter *it)
{
    if (it != NULL) {
        it->ops->iter_close(it);
    }
}

static bool stands(struct engine_iter *it, bool on_key)
{
    it->place = on_key ? ENGINE_ON_KEY : ENGINE_OFF;
    return on_key;
}

bool engine_iter_first(struct engine_iter *it)
{
    return stands(it, it->ops->iter_first(it));
}

bool engine_iter_last(struct engine_iter *it)
{
    return stands(it, it->ops->iter_last(it));
}

bool engine_iter_seek(struct engine_iter *it, struct bytes key)
{
    return stands(it, it->ops->iter_seek(it, key));
}

bool engine_iter_seek_back(struct engine_iter *it, struct bytes key)
{
    return stands(it, it->ops->iter_seek_back(it, key));
}

bool engine_iter_next(struct engine_iter *it)
{
    switch (it->place) {
    case ENGINE_BEFORE_FIRST:
        return engine_iter_first(it);
    case ENGINE_ON_KEY:
        return stands(it, it->ops->iter_next(it));
    case ENGINE_OFF:
        return false;
    }
    UNREACHABLE();
}

bool engine_iter_prev(struct engine_iter *it)
{
    if (it->place != ENGINE_ON_KEY) {
        return false;
    }
    return stands(it, it->ops->iter_prev(it));
}

struct bytes engine_iter_key(const struct engine_iter *it)
{
    ASSERT(it->place == ENGINE_ON_KEY);
    return it->key;
}

struct bytes engine_iter_value(const struct engine_iter *it)
{
    ASSERT(it->place == ENGINE_ON_KEY);
    return it->value;
}

enum err engine_iter_err(const struct engine_iter *it)
{
    return it->err;
}

struct engine_batch *engine_batch_new(struct engine *e)
{
    struct engine_batch *b = e->ops->batch_new(e);
    b->ops = e->ops;
    b->count = 0;
    return b;
}

void engine_batch_free(struct engine_batch *b)
{
    if (b != NULL) {
        b->ops->batch_free(b);
    }
}

void engine_batch_clear(struct engine_batch *b)
{
    b->ops->batch_clear(b);
    b->count = 0;
}

void engine_batch_put(struct engine_batch *b, struct bytes key, struct bytes value)
{
    b->ops->batch_put(b, key, value);
    b->count++;
}

void engine_batch_delete(struct engine_batch *b, struct bytes key)
{
    b->ops->batch_delete(b, key);
    b->count++;
}

void engine_batch_delete_range(struct engine_batch *b, struct bytes lo, struct bytes hi)
{
    ASSERT(hi.len > 0);
    if (bytes_cmp(lo, hi) >= 0) {
        return;
    }
    b->ops->batch_delete_range(b, lo, hi);
    b->count++;
}

size_t engine_batch_bytes(const struct engine_batch *b)
{
    return b->ops->batch_bytes(b);
}

size_t engine_batch_count(const struct engine_batch *b)
{
    return b->count;
}

enum err engine_write(struct engine *e, struct engine_batch *b, bool sync)
{
    ASSERT(b->ops == e->ops);
    return e->ops->write(e, b, sync);
}

struct bytes engine_why(const struct engine *e)
{
    return e->why;
}

enum err engine_checkpoint(struct engine *e, const char *path)
{
    return e->ops->checkpoint(e, path);
}

void engine_stats(struct engine *e, struct engine_stats *ret)
{
    *ret = (struct engine_stats){0};
    e->ops->stats(e, ret);
}

uint64_t engine_range_bytes(struct engine *e, struct bytes lo, struct bytes hi)
{
    if (hi.len > 0 && bytes_cmp(lo, hi) >= 0) {
        return 0;
    }
    return e->ops->range_bytes(e, lo, hi);
}

void engine_reclaim(struct engine *e, struct bytes lo, struct bytes hi)
{
    if (e->ops->reclaim != NULL && bytes_cmp(lo, hi) < 0) {
        e->ops->reclaim(e, lo, hi);
    }
}

void engine_reclaim_stop(struct engine *e)
{
    if (e->ops->reclaim_stop != NULL) {
        e->ops->reclaim_stop(e);
    }
}

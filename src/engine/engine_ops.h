#pragma once

/* What an engine is made of, for its makers and nobody else: a table of functions, and the common
 * heads of the objects they make. A maker embeds each head as the first member of its own object.
 *
 * engine.c keeps the shared rules (where an iterator stands, what an empty range means), so makers
 * hold only what differs between them. */

#include "engine/engine.h"

struct engine_ops {
    void (*close)(struct engine *e);
    enum err (*get)(
        struct engine *e, struct engine_snapshot *snap, struct bytes key, struct buf *ret);
    struct engine_snapshot *(*snapshot_open)(struct engine *e);
    void (*snapshot_close)(struct engine_snapshot *s);
    struct engine_iter *(*iter_open)(
        struct engine *e,
        struct engine_snapshot *snap,
        struct bytes lo,
        struct bytes hi,
        bool once);
    void (*iter_close)(struct engine_iter *it);
    /* The moves set `key` and `value` and return true, or return false with `err` told. */
    bool (*iter_first)(struct engine_iter *it);
    bool (*iter_last)(struct engine_iter *it);
    bool (*iter_seek)(struct engine_iter *it, struct bytes key);
    bool (*iter_seek_back)(struct engine_iter *it, struct bytes key);
    /* Only from a key. */
    bool (*iter_next)(struct engine_iter *it);
    bool (*iter_prev)(struct engine_iter *it);
    struct engine_batch *(*batch_new)(struct engine *e);
    void (*batch_free)(struct engine_batch *b);
    void (*batch_clear)(struct engine_batch *b);
    void (*batch_put)(struct engine_batch *b, struct bytes key, struct bytes value);
    void (*batch_delete)(struct engine_batch *b, struct bytes key);
    /* lo < hi. */
    void (*batch_delete_range)(struct engine_batch *b, struct bytes lo, struct bytes hi);
    size_t (*batch_bytes)(const struct engine_batch *b);
    enum err (*write)(struct engine *e, struct engine_batch *b, bool sync);
    enum err (*checkpoint)(struct engine *e, const char *path);
    void (*stats)(struct engine *e, struct engine_stats *ret);
    uint64_t (*range_bytes)(struct engine *e, struct bytes lo, struct bytes hi);
    /* lo < hi. Both NULL: there is nothing to give back. */
    void (*reclaim)(struct engine *e, struct bytes lo, struct bytes hi);
    void (*reclaim_stop)(struct engine *e);
};

struct engine {
    const struct engine_ops *ops;
    struct bytes why; /* see engine_why() */
};

struct engine_snapshot {
    struct engine *engine;
};

enum engine_place { ENGINE_BEFORE_FIRST, ENGINE_ON_KEY, ENGINE_OFF };

struct engine_iter {
    const struct engine_ops *ops;
    enum engine_place place;
    struct bytes key;
    struct bytes value;
    enum err err;
};

struct engine_batch {
    const struct engine_ops *ops;
    size_t count;
};

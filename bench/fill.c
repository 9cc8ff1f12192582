/* Puts items into a stopped region's store, through the writer itself but without HTTP, so that a
 * benchmark can have ten million in half a minute. The region's log grows as by any write.
 *
 * usage: fill STORE REGION ID TABLE ITEMS ITEM_BYTES      ID: the region's, 16 hex digits
 *
 * Items are as the load generator's with --keys ITEMS: pk "k-00000000" on, sk 0. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/core.h"

enum { GROUP = 500, FILLER_MAX = 4096, CACHE_BYTES = 64 << 20, BUFFER_BYTES = 64 << 20 };

static uint64_t wall_ms(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_REALTIME, &t); /* cannot fail */
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* One group of items, made in `a`. */
static struct part_op *make_ops(
    struct arena *a, const struct core_table *t, uint64_t first, size_t n, struct bytes filler)
{
    struct part_op *ops = ARENA_ARRAY(a, struct part_op, n);
    struct buf key;
    buf_init(&key, /* len_max= */ 4096);
    for (size_t i = 0; i < n; i++) {
        struct member *m = ARENA_ARRAY(a, struct member, 3);
        struct value *item = ARENA_NEW(a, struct value);
        m[0] = (struct member){BYTES_LIT("filler"), {.type = VALUE_STRING, .bytes = filler}};
        m[1].name = BYTES_LIT("pk");
        m[1].value.type = VALUE_STRING;
        m[1].value.bytes = bytes_fmt(a, "k-%08" PRIu64, first + i);
        m[2] =
            (struct member){BYTES_LIT("sk"), {.type = VALUE_NUMBER, .number = decimal_of_i64(0)}};
        item->type = VALUE_MAP;
        item->map.members = m;
        item->map.n = 3;
        struct bytes bad;
        buf_clear(&key);
        enum err e = part_key_of(&t->part.keys, item, &key, &bad);
        ASSERT(e == OK);
        ops[i] = (struct part_op){
            .kind = PART_PUT,
            .table = t->part.id,
            .key = bytes_dup(a, buf_bytes(&key)),
            .item = item};
    }
    buf_done(&key);
    return ops;
}

static enum err fill(
    struct core *c, const struct core_table *t, uint64_t items, struct bytes filler)
{
    struct arena a;
    arena_init(&a, /* bytes_max= */ 64 << 20);
    enum err e = OK;
    for (uint64_t at = 0; at < items && e == OK; at += GROUP) {
        size_t n = items - at < GROUP ? (size_t)(items - at) : GROUP;
        arena_clear(&a);
        struct part_cmd cmd = {.kind = PART_CMD_WRITE, .arena = &a};
        cmd.write.ops = make_ops(&a, t, at, n, filler);
        cmd.write.n = n;
        cmd.write.atomic = true;
        part_submit(core_part(c), &cmd);
        e = core_commit(c, wall_ms());
        while (e == OK && core_take_done(c) != &cmd) {
            e = core_commit(c, wall_ms());
        }
        e = e == OK ? cmd.err : e;
    }
    arena_done(&a);
    return e;
}

static enum err fill_store(char **argv, struct engine *engine)
{
    struct core_config config = {
        .part =
            {
                .region = {strtoull(argv[3], NULL, 16)},
                .engine = engine,
                .drift_ms_max = 500,
                .batch_bytes_max = 4 << 20,
                .conflicts_max = 1000,
            },
        .region = bytes_str(argv[2]),
        .seed = 1,
    };
    static uint8_t filler[FILLER_MAX];
    memset(filler, 'x', sizeof filler);
    size_t len = strtoul(argv[6], NULL, 10);
    len = len > sizeof filler ? sizeof filler : len;
    struct core *core;
    enum err e = core_open(&config, wall_ms(), &core);
    if (e != OK) {
        return e;
    }
    const struct core_table *t = catalog_table(core_catalog(core), bytes_str(argv[4]));
    e = t == NULL ? ERR_NOT_FOUND
                  : fill(core, t, strtoull(argv[5], NULL, 10), bytes_of(filler, len));
    core_close(core);
    return e;
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        (void)fprintf(stderr, "usage: fill STORE REGION ID TABLE ITEMS ITEM_BYTES\n");
        return 2;
    }
    struct arena a;
    arena_init(&a, /* bytes_max= */ 1 << 16);
    const struct engine_rocks_config config = {
        .path = argv[1], .cache_bytes = CACHE_BYTES, .write_buffer_bytes = BUFFER_BYTES};
    struct engine *engine;
    struct bytes msg;
    enum err e = engine_rocks_open(&config, &a, &engine, &msg);
    if (e == OK) {
        e = fill_store(argv, engine);
        engine_close(engine);
    }
    arena_done(&a);
    if (e != OK) {
        (void)fprintf(stderr, "fill: %s\n", err_name(e)); /* the exit code says it too */
    }
    return e == OK ? 0 : 1;
}

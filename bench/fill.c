/* Puts items into a stopped region's store, through the writer itself but without HTTP, so that a
 * benchmark can have ten million within minutes. The region's log grows as by any write.
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

/* What the command line says. */
struct order {
    const char *store;
    const char *region;
    uint64_t id;
    const char *table;
    uint64_t items;
    uint64_t item_bytes;
};

static bool take_order(int argc, char **argv, struct order *ret)
{
    if (argc != 7 || strlen(argv[3]) != 16) {
        return false;
    }
    *ret = (struct order){.store = argv[1], .region = argv[2], .table = argv[4]};
    for (const char *at = argv[3]; *at != '\0'; at++) {
        unsigned digit = *at <= '9' ? (unsigned)(*at - '0') : (unsigned)(*at - 'a') + 10;
        ret->id = ret->id << 4 | (digit & 15);
    }
    return bytes_u64(bytes_str(argv[5]), &ret->items) == OK &&
           bytes_u64(bytes_str(argv[6]), &ret->item_bytes) == OK && ret->item_bytes <= FILLER_MAX;
}

static enum err fill_store(const struct order *o, struct engine *engine)
{
    struct core_config config = {
        .part =
            {
                .region = {o->id},
                .engine = engine,
                .drift_ms_max = 500,
                .batch_bytes_max = 4 << 20,
                .conflicts_max = 1000,
            },
        .region = bytes_str(o->region),
        .seed = 1,
    };
    uint8_t filler[FILLER_MAX];
    memset(filler, 'x', sizeof filler);
    struct core *core;
    enum err e = core_open(&config, wall_ms(), &core);
    if (e != OK) {
        return e;
    }
    const struct core_table *t = catalog_table(core_catalog(core), bytes_str(o->table));
    e = t == NULL ? ERR_NOT_FOUND
                  : fill(core, t, o->items, bytes_of(filler, (size_t)o->item_bytes));
    core_close(core);
    return e;
}

int main(int argc, char **argv)
{
    struct order order;
    if (!take_order(argc, argv, &order)) {
        (void)fprintf(stderr, "usage: fill STORE REGION ID TABLE ITEMS ITEM_BYTES\n");
        return 2;
    }
    struct arena a;
    arena_init(&a, /* bytes_max= */ 1 << 16);
    const struct engine_rocks_config config = {
        .path = order.store, .cache_bytes = CACHE_BYTES, .write_buffer_bytes = BUFFER_BYTES};
    struct engine *engine;
    struct bytes msg;
    enum err e = engine_rocks_open(&config, &a, &engine, &msg);
    if (e == OK) {
        e = fill_store(&order, engine);
        engine_close(engine);
    }
    arena_done(&a);
    if (e != OK) {
        (void)fprintf(stderr, "fill: %s\n", err_name(e)); /* the exit code says it too */
    }
    return e == OK ? 0 : 1;
}

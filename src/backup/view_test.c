/* A table's past, compared with a model that remembers every moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "backup/backup.h"

#include <cmocka.h>

enum { KEYS = 12, STEPS = 120 };

static const struct region_id own = {7};

struct world {
    struct engine *engine;
    struct core *core;
    struct arena mem;
    uint64_t now_ms;
    uint64_t table;
    int value[KEYS];              /* 0: not there */
    int history[STEPS + 1][KEYS]; /* after each step */
    uint64_t at_ms[STEPS + 1];
};

static enum err run(struct world *w, struct part_cmd *cmd)
{
    cmd->arena = &w->mem;
    part_submit(core_part(w->core), cmd);
    do {
        assert_int_equal(core_commit(w->core, w->now_ms), OK);
    } while (core_deadline(w->core) <= w->now_ms);
    assert_ptr_equal(core_take_done(w->core), cmd);
    return cmd->err;
}

static enum err administer(struct world *w, struct core_admin *call)
{
    call->core = w->core;
    struct part_cmd cmd = {.kind = PART_CMD_CALL, .call = {.run = core_admin_run, .arg = call}};
    return run(w, &cmd);
}

static const struct core_table *table_of(const struct world *w)
{
    return catalog_table(core_catalog(w->core), BYTES_LIT("books"));
}

static void open_world(struct world *w)
{
    static const struct expr_key_attr attrs[] = {{BYTES_LIT("pk"), VALUE_NUMBER}};
    *w = (struct world){.engine = engine_mem_new(), .now_ms = UINT64_C(1700000000000)};
    arena_init(&w->mem, SIZE_MAX / 2);
    const struct core_config config = {
        .part =
            {
                .region = own,
                .engine = w->engine,
                .drift_ms_max = 500,
                .batch_bytes_max = 1 << 20,
                .conflicts_max = 10,
            },
        .region = BYTES_LIT("us"),
        .seed = 1,
    };
    assert_int_equal(core_open(&config, w->now_ms, &w->core), OK);
    const struct core_table table = {
        .part = {.keys = {.hash = attrs[0]}},
        .attrs = attrs,
        .n_attrs = 1,
        .on_demand = true,
        .extra = {.type = VALUE_MAP},
    };
    struct core_admin create = {
        .kind = CORE_ADMIN_CREATE_TABLE, .name = BYTES_LIT("books"), .table = &table};
    assert_int_equal(administer(w, &create), OK);
    struct core_table wanted = *table_of(w);
    wanted.pitr_since_ms = w->now_ms;
    wanted.pitr_days = 35;
    struct core_admin update = {
        .kind = CORE_ADMIN_UPDATE_TABLE,
        .name = BYTES_LIT("books"),
        .table = &wanted,
        .settings_only = true,
    };
    assert_int_equal(administer(w, &update), OK);
    assert_true(table_of(w)->part.keep_old_images);
    assert_int_equal(table_of(w)->status, CORE_ACTIVE);
    w->table = table_of(w)->part.id;
}

static void close_world(struct world *w)
{
    core_close(w->core);
    engine_close(w->engine);
    arena_done(&w->mem);
}

static struct value item_of(struct arena *a, int key, int value)
{
    struct member *m = ARENA_ARRAY(a, struct member, 2);
    m[0] = (struct member){BYTES_LIT("pk"), {.type = VALUE_NUMBER, .number = decimal_of_i64(key)}};
    m[1] = (struct member){BYTES_LIT("v"), {.type = VALUE_NUMBER, .number = decimal_of_i64(value)}};
    return (struct value){.type = VALUE_MAP, .map = {m, 2}};
}

/* Sets key to value; 0 deletes. */
static void set(struct world *w, int key, int value)
{
    struct value item = item_of(&w->mem, key, value);
    struct buf b;
    struct bytes attr;
    buf_init(&b, 1000);
    assert_int_equal(part_key_of(&table_of(w)->part.keys, &item, &b, &attr), OK);
    struct part_op op = {
        .kind = value == 0 ? PART_DELETE : PART_PUT,
        .table = w->table,
        .key = buf_bytes(&b),
        .item = &item,
    };
    struct part_cmd cmd = {.kind = PART_CMD_WRITE, .write = {.ops = &op, .n = 1}};
    assert_int_equal(run(w, &cmd), OK);
    assert_int_equal(op.err, OK);
    buf_done(&b);
    w->value[key] = value;
}

static void live(struct world *w, struct prng *prng)
{
    memcpy(w->history[0], w->value, sizeof w->value);
    w->at_ms[0] = w->now_ms;
    for (int i = 1; i <= STEPS; i++) {
        w->now_ms += 10;
        int key = (int)prng_below(prng, KEYS);
        set(w, key, prng_chance(prng, 300) ? 0 : i);
        memcpy(w->history[i], w->value, sizeof w->value);
        w->at_ms[i] = w->now_ms;
    }
}

static void number_in(struct bytes item, int *ret_key, int *ret_value)
{
    struct arena a;
    struct value v;
    int64_t n = 0;
    arena_init(&a, 1 << 16);
    assert_int_equal(value_decode(&a, item, &v), OK);
    assert_int_equal(decimal_to_i64(&value_find(&v, BYTES_LIT("pk"))->number, &n), OK);
    *ret_key = (int)n;
    assert_int_equal(decimal_to_i64(&value_find(&v, BYTES_LIT("v"))->number, &n), OK);
    *ret_value = (int)n;
    arena_done(&a);
}

static struct hlc end_of(uint64_t ms)
{
    return (struct hlc){ms << 16 | 0xffff};
}

/* At every moment since recovery was switched on, the view is what the model remembers; in steps of
 * any size. */
static void test_every_moment(void **state)
{
    (void)state;
    struct world w;
    struct prng prng = prng_seeded(11);
    open_world(&w);
    live(&w, &prng);
    for (int i = 0; i <= STEPS; i++) {
        struct backup_view_config config = {
            .reader = {.engine = w.engine, .snap = engine_snapshot_open(w.engine)},
            .table = w.table,
            .upto = end_of(w.at_ms[i]),
        };
        struct backup_view *v = backup_view_open(&config);
        int found[KEYS] = {0};
        size_t steps = 1 + (size_t)prng_below(&prng, 7);
        struct backup_view_record r;
        enum err e;
        while ((e = backup_view_next(v, &steps, &r)) != ERR_NOT_FOUND) {
            if (e == ERR_AGAIN) {
                assert_int_equal(steps, 0);
                steps = 1 + (size_t)prng_below(&prng, 7);
                continue;
            }
            assert_int_equal(e, OK);
            int key;
            int value;
            number_in(r.item, &key, &value);
            assert_int_equal(found[key], 0);
            found[key] = value;
        }
        assert_memory_equal(found, w.history[i], sizeof found);
        backup_view_close(v);
        engine_snapshot_close(config.reader.snap);
    }
    close_world(&w);
}

/* Between any two moments the changes are those keys that were written, each with what stood there
 * before and after; what was written later does not show. */
static void test_changes_between(void **state)
{
    (void)state;
    struct world w;
    struct prng prng = prng_seeded(12);
    open_world(&w);
    live(&w, &prng);
    for (int round = 0; round < 60; round++) {
        int from = (int)prng_below(&prng, STEPS);
        int upto = from + (int)prng_below(&prng, (uint64_t)(STEPS - from)) + 1;
        struct backup_view_config config = {
            .reader = {.engine = w.engine, .snap = engine_snapshot_open(w.engine)},
            .table = w.table,
            .changes = true,
            .from = end_of(w.at_ms[from]),
            .upto = end_of(w.at_ms[upto]),
        };
        struct backup_view *v = backup_view_open(&config);
        bool seen[KEYS] = {false};
        size_t steps = SIZE_MAX;
        struct backup_view_record r;
        while (backup_view_next(v, &steps, &r) == OK) {
            int key = -1;
            int before = 0;
            int after = 0;
            if (r.had_old) {
                number_in(r.old_item, &key, &before);
            }
            if (r.has_new) {
                number_in(r.item, &key, &after);
            }
            if (key < 0) {
                continue; /* came and went */
            }
            seen[key] = true;
            assert_int_equal(before, w.history[from][key]);
            assert_int_equal(after, w.history[upto][key]);
            assert_true(hlc_ms(r.changed) > w.at_ms[from] && hlc_ms(r.changed) <= w.at_ms[upto]);
        }
        for (int key = 0; key < KEYS; key++) {
            assert_true(seen[key] || w.history[from][key] == w.history[upto][key]);
        }
        backup_view_close(v);
        engine_snapshot_close(config.reader.snap);
    }
    close_world(&w);
}

/* Once the log's beginning is trimmed, no earlier time is offered than what is left can bring
 * back. */
static void test_earliest(void **state)
{
    (void)state;
    struct world w;
    struct prng prng = prng_seeded(13);
    uint64_t earliest;
    open_world(&w);
    live(&w, &prng);
    const struct part_reader r = {.engine = w.engine};
    uint64_t since = table_of(&w)->pitr_since_ms;
    assert_int_equal(backup_earliest_ms(&r, own, table_of(&w), w.now_ms, &earliest), OK);
    assert_int_equal(earliest, (since + 999) / 1000 * 1000); /* a whole second */
    const uint64_t week_ms = UINT64_C(7) * 24 * 3600 * 1000;
    uint64_t later = w.now_ms + 10 * week_ms;
    assert_int_equal(backup_earliest_ms(&r, own, table_of(&w), later, &earliest), OK);
    assert_true(earliest >= later - 5 * week_ms && earliest < later - 5 * week_ms + 1000);
    struct part_cmd trim = {
        .kind = PART_CMD_TRIM, .trim = {.upto = {part_tail(core_part(w.core)).v - 20}}};
    assert_int_equal(run(&w, &trim), OK);
    struct hlc floor;
    assert_int_equal(backup_log_floor(&r, own, &floor), OK);
    assert_true(hlc_ms(floor) >= w.at_ms[STEPS - 20] && hlc_ms(floor) <= w.at_ms[STEPS - 18]);
    assert_int_equal(backup_earliest_ms(&r, own, table_of(&w), w.now_ms, &earliest), OK);
    assert_true(earliest > hlc_ms(floor) && earliest <= hlc_ms(floor) + 1000);
    close_world(&w);
}

/* One transaction of one change to key 1, from another region: an item, or the end of a version. */
static void receive(struct world *w, uint64_t from, uint64_t ms, int value, struct version base)
{
    struct value item = item_of(&w->mem, 1, value);
    struct buf key;
    struct buf bytes;
    struct buf wire;
    struct buf txns;
    struct bytes attr;
    struct bytes section;
    buf_init(&key, 1000);
    buf_init(&bytes, 1000);
    buf_init(&wire, 1000);
    buf_init(&txns, 1000);
    assert_int_equal(part_key_of(&table_of(w)->part.keys, &item, &key, &attr), OK);
    value_encode(&bytes, &item);
    const struct change change = {
        .kind = value == 0 ? CHANGE_DELETE : CHANGE_PUT,
        .flags = value == 0 ? CHANGE_BY_TTL | CHANGE_ON_BASE : 0,
        .table = w->table,
        .key = buf_bytes(&key),
        .item = value == 0 ? BYTES_NONE : buf_bytes(&bytes),
        .base = base,
    };
    const struct change_txn t = {
        .origin = {from},
        .origin_pos = {1},
        .hlc = hlc_of_ms(ms),
        .changes = &change,
        .n_changes = 1,
    };
    change_txn_encode(&wire, &t);
    assert_int_equal(change_txn_wire(buf_bytes(&wire), &section), OK);
    put_lenbytes(&txns, section);
    struct part_cmd cmd = {
        .kind = PART_CMD_APPLY,
        .apply = {.origin = t.origin, .to = {1}, .hlc_to = t.hlc, .txns = buf_bytes(&txns)},
    };
    assert_int_equal(run(w, &cmd), OK);
    assert_int_equal(cmd.apply.n_applied, 1);
    buf_done(&key);
    buf_done(&bytes);
    buf_done(&wire);
    buf_done(&txns);
}

enum { NO_CHANGES = -1 };

/* What key 1 is at a moment, or of the changes since `from_ms` what they made of it; 0: nothing. */
static int value_at(struct world *w, uint64_t ms, int64_t from_ms)
{
    struct backup_view_config config = {
        .reader = {.engine = w->engine, .snap = engine_snapshot_open(w->engine)},
        .table = w->table,
        .changes = from_ms != NO_CHANGES,
        .from = end_of(from_ms == NO_CHANGES ? 0 : (uint64_t)from_ms),
        .upto = end_of(ms),
    };
    struct backup_view *v = backup_view_open(&config);
    struct backup_view_record r;
    size_t steps = SIZE_MAX;
    int value = 0;
    while (backup_view_next(v, &steps, &r) == OK) {
        int key;
        if (r.has_new) {
            assert_int_equal(value, 0);
            number_in(r.item, &key, &value);
        }
    }
    backup_view_close(v);
    engine_snapshot_close(config.reader.snap);
    return value;
}

/* 32: an item that one region let expire, while another had extended it a little earlier and the
 * news of that came later, is at every moment what the versions say. */
static void test_extension_before_expiry(void **state)
{
    (void)state;
    struct world w;
    open_world(&w);
    const uint64_t t = w.now_ms + 1000;
    w.now_ms = t + 100;
    receive(&w, 100, t, 1, (struct version){0});
    receive(&w, 200, t + 50, 0, (struct version){hlc_of_ms(t), {100}});
    receive(&w, 300, t + 20, 2, (struct version){0});
    for (int64_t from = NO_CHANGES; from <= 0; from++) {
        assert_int_equal(value_at(&w, t + 10, from), 1);
        assert_int_equal(value_at(&w, t + 30, from), 2);
        assert_int_equal(value_at(&w, t + 60, from), 2);
    }
    assert_int_equal(value_at(&w, t + 60, (int64_t)t + 10), 2);
    assert_int_equal(value_at(&w, t + 60, (int64_t)t + 30), 0);
    close_world(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_moment),
        cmocka_unit_test(test_changes_between),
        cmocka_unit_test(test_earliest),
        cmocka_unit_test(test_extension_before_expiry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

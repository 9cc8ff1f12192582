#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "part/test_util.h"

#include <cmocka.h>

static const struct value *thing(struct region *r, int64_t sk, const char *note)
{
    return item_of(&r->arena, "pk", str("p"), "sk", num(sk), "gi", str(note));
}

static const struct value *thing_key(struct region *r, int64_t sk)
{
    return item_of(&r->arena, "pk", str("p"), "sk", num(sk), NULL, num(0));
}

static bool has(struct region *r, int64_t sk)
{
    struct value v;
    enum err e = get_item(r, TABLE, thing_key(r, sk), &v);
    assert_true(e == OK || e == ERR_NOT_FOUND);
    return e == OK;
}

/* Whichever write fails, once or for ever, applied or not: what was acknowledged is there after
 * reopening, what was in doubt is there whole or not at all and no end of the log tells of it, and
 * later commands are refused until then. */
static void test_fail_every_write(void **state)
{
    (void)state;
    enum { WRITES = 6 };
    for (unsigned variant = 0; variant < 4 * WRITES; variant++) {
        unsigned n = 1 + variant / 4;
        bool applied = variant % 2 == 1;
        struct region r;
        region_start(&r, 7);
        engine_mem_fail_write(r.engine, n, variant % 4 >= 2, applied);
        enum err results[WRITES];
        const uint64_t tail = part_tail(r.part).v;
        for (unsigned i = 0; i < WRITES; i++) {
            results[i] = put_item(&r, TABLE, thing(&r, (int64_t)i, "x"));
            enum err expect = i + 1 < n ? OK : i + 1 == n ? ERR_IO : ERR_FAILED;
            assert_int_equal(results[i], expect);
        }
        assert_true(part_failed(r.part));
        assert_int_equal(part_tail(r.part).v, tail + n - 1);
        engine_mem_fail_write(r.engine, 0, false, false);
        region_crash(&r);
        for (unsigned i = 0; i < WRITES; i++) {
            bool expect = results[i] == OK || (results[i] == ERR_IO && applied);
            assert_int_equal(has(&r, (int64_t)i), expect);
        }
        assert_int_equal(part_check(r.part), OK);
        assert_int_equal(put_item(&r, TABLE, thing(&r, 100, "x")), OK);
        region_stop(&r);
    }
}

/* In a batch that failed every operation that would have succeeded is in doubt, whichever command
 * it came in; what waited behind it is refused. */
static void test_doubt(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    struct part_op ops[2] = {0};
    struct part_cmd cmds[2];
    for (int i = 0; i < 2; i++) {
        ops[i] = (struct part_op){
            .kind = PART_PUT,
            .table = i == 0 ? TABLE : TABLE + 9,
            .key = key_in(&r.arena, part_find_table(r.part, TABLE), thing_key(&r, i)),
            .item = thing(&r, i, "x"),
        };
        cmds[i] = (struct part_cmd){
            .kind = PART_CMD_WRITE,
            .arena = &r.arena,
            .write = {.ops = &ops[i], .n = 1},
        };
        part_submit(r.part, &cmds[i]);
    }
    engine_mem_fail_write(r.engine, 1, false, false);
    assert_int_equal(part_commit(r.part, r.now_ms), ERR_IO);
    assert_int_equal(cmds[0].err, ERR_IO);
    assert_int_equal(ops[0].err, ERR_IO);
    assert_int_equal(ops[1].err, ERR_NOT_FOUND);
    assert_ptr_equal(part_take_done(r.part), &cmds[0]);
    part_submit(r.part, &cmds[0]);
    assert_int_equal(part_commit(r.part, r.now_ms), ERR_FAILED);
    assert_int_equal(ops[0].err, ERR_FAILED);
    region_stop(&r);
}

/* Counters and digests after a power cut equal those before it, with the log replayed from the
 * start, from a checkpoint, and after a clean close. */
static void test_counters_survive(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    for (int round = 0; round < 3; round++) {
        for (int64_t i = 0; i < 40; i++) {
            assert_int_equal(put_item(&r, TABLE, thing(&r, i * (round + 1), "x")), OK);
        }
        assert_int_equal(delete_item(&r, TABLE, thing_key(&r, round)), OK);
        struct part_counts before = part_table_counts(r.part, TABLE);
        if (round == 1) {
            region_reopen(&r);
        } else {
            region_crash(&r);
        }
        struct part_counts after = part_table_counts(r.part, TABLE);
        assert_int_equal(before.items, after.items);
        assert_int_equal(before.bytes, after.bytes);
        assert_int_equal(part_check(r.part), OK);
    }
    region_stop(&r);
}

/* Trimming forgets the log up to a position and no further, and counters need nothing of what is
 * gone. */
static void test_trim(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    for (int64_t i = 0; i < 10; i++) {
        assert_int_equal(put_item(&r, TABLE, thing(&r, i, "x")), OK);
    }
    struct part_cmd trim = {.kind = PART_CMD_TRIM, .trim = {.upto = {6}}};
    assert_int_equal(commit_one(&r, &trim), OK);
    const struct part_reader reader = {.engine = r.engine};
    struct local_pos first;
    assert_int_equal(part_log_first(&reader, &first), OK);
    assert_int_equal(first.v, 7);
    region_crash(&r);
    assert_int_equal(part_tail(r.part).v, 10);
    assert_int_equal(part_check(r.part), OK);
    trim.trim.upto.v = 1000;
    assert_int_equal(commit_one(&r, &trim), OK);
    assert_int_equal(part_log_first(&reader, &first), OK);
    assert_int_equal(first.v, 11);
    region_crash(&r);
    assert_int_equal(part_tail(r.part).v, 10);
    assert_int_equal(put_item(&r, TABLE, thing(&r, 77, "x")), OK);
    assert_int_equal(part_tail(r.part).v, 11);
    assert_int_equal(part_check(r.part), OK);
    region_stop(&r);
}

/* The store is an older copy of what it was: it goes on behind every position and stamp that were
 * given out before, with an empty log, over a crash too. A skip to where it already is does
 * nothing.
 */
static void test_skip(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    for (int64_t i = 0; i < 3; i++) {
        assert_int_equal(put_item(&r, TABLE, thing(&r, i, "x")), OK);
    }
    struct hlc far = {part_marks(r.part, &(size_t){0})[0].hlc.v + hlc_of_ms(100).v};
    struct part_cmd skip = {.kind = PART_CMD_SKIP, .skip = {.to = {20}, .hlc = far}};
    assert_int_equal(commit_one(&r, &skip), OK);
    assert_int_equal(part_tail(r.part).v, 20);
    const struct part_reader reader = {.engine = r.engine};
    struct local_pos first;
    assert_int_equal(part_log_first(&reader, &first), OK);
    assert_int_equal(first.v, 21);
    region_crash(&r);
    assert_int_equal(part_tail(r.part).v, 20);
    for (int64_t i = 0; i < 3; i++) {
        assert_int_equal(put_item(&r, TABLE, thing(&r, 70 + i, "x")), OK);
    }
    skip.skip.to.v = 22;
    assert_int_equal(commit_one(&r, &skip), OK);
    assert_int_equal(part_tail(r.part).v, 23);
    assert_int_equal(part_log_first(&reader, &first), OK);
    assert_int_equal(first.v, 23);
    assert_true(part_marks(r.part, &(size_t){0})[0].hlc.v > far.v);
    assert_int_equal(part_check(r.part), OK);
    region_stop(&r);
}

/* After a trim in the middle of a received stretch, what is left of the origin can still be found.
 */
static void test_trim_origin(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    region_start(&a, 1);
    region_start(&b, 2);
    for (int64_t i = 0; i < 12; i++) {
        assert_int_equal(put_item(&a, TABLE, thing(&a, i, "x")), OK);
        if (i % 4 == 3) {
            carry(&b, &a, a.config.region);
        }
    }
    struct part_cmd trim = {.kind = PART_CMD_TRIM, .trim = {.upto = {6}}};
    assert_int_equal(commit_one(&b, &trim), OK);
    const struct part_reader reader = {.engine = b.engine};
    for (uint64_t after = 6; after < 12; after++) {
        struct local_pos at;
        assert_int_equal(
            part_log_find_origin(&reader, a.config.region, (struct peer_pos){after}, &at), OK);
        assert_true(at.v <= after);
        assert_true(after < 8 || at.v >= 7);
    }
    region_stop(&a);
    region_stop(&b);
}

/* There is one tombstone row for each tombstone: it goes when the key lives again and when it dies
 * anew. */
static void test_tombstone_rows(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    for (int64_t i = 0; i < 3; i++) {
        assert_int_equal(put_item(&r, TABLE, thing(&r, i, "x")), OK);
        assert_int_equal(delete_item(&r, TABLE, thing_key(&r, i)), OK);
    }
    assert_int_equal(count_rows(&r, 't'), 3);
    assert_int_equal(put_item(&r, TABLE, thing(&r, 1, "x")), OK);
    assert_int_equal(count_rows(&r, 't'), 2);
    assert_int_equal(delete_item(&r, TABLE, thing_key(&r, 1)), OK);
    assert_int_equal(count_rows(&r, 't'), 3);
    region_stop(&r);
}

/* A sweep takes tombstones below its stamp, oldest first and no more than told, leaves younger ones
 * and keys that live again, and its floor survives. */
static void test_sweep(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    for (int64_t i = 0; i < 6; i++) {
        assert_int_equal(put_item(&r, TABLE, thing(&r, i, "x")), OK);
        r.now_ms += 10;
        assert_int_equal(delete_item(&r, TABLE, thing_key(&r, i)), OK);
    }
    assert_int_equal(put_item(&r, TABLE, thing(&r, 0, "again")), OK);
    assert_int_equal(part_check(r.part), OK);
    struct part_cmd sweep = {
        .kind = PART_CMD_SWEEP,
        .sweep = {.below = hlc_of_ms(NOW_MS + 45), .tombstones_max = 2},
    };
    assert_int_equal(commit_one(&r, &sweep), OK);
    assert_false(sweep.sweep.done);
    assert_int_equal(commit_one(&r, &sweep), OK);
    assert_true(sweep.sweep.done);
    const struct part_reader reader = {.engine = r.engine};
    struct part_raw_cursor *c = part_raw_open(&reader, TABLE, 0, UINT32_MAX, BYTES_NONE);
    struct part_raw raw;
    size_t live = 0;
    size_t dead = 0;
    while (part_raw_next(c, &raw) == OK) {
        live += raw.live ? 1U : 0U;
        dead += raw.live ? 0U : 1U;
    }
    part_raw_close(c);
    assert_int_equal(live, 1);
    assert_int_equal(dead, 2);
    assert_true(has(&r, 0));
    region_crash(&r);
    struct hlc floor;
    assert_int_equal(part_read_gc_floor(&reader, &floor), OK);
    assert_int_equal(floor.v, hlc_of_ms(NOW_MS + 45).v);
    assert_int_equal(part_gc_floor(r.part).v, floor.v);
    assert_int_equal(part_check(r.part), OK);
    region_stop(&r);
}

/* An index made over existing items, backfilled in small stretches with writes and a restart in
 * between, equals one that was maintained from the beginning. */
static void test_backfill(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    struct part_table bare = *part_find_table(r.part, TABLE);
    bare.n_indexes = 0;
    part_set_table(r.part, &bare);
    for (int64_t i = 0; i < 50; i++) {
        assert_int_equal(put_item(&r, TABLE, thing(&r, i, "red")), OK);
    }
    r.building = true;
    set_test_table(&r, true);
    struct part_cmd fill = {
        .kind = PART_CMD_BACKFILL,
        .backfill = {.table = TABLE, .index = 1, .items_max = 7},
    };
    int64_t round = 0;
    for (; !fill.backfill.done && round < 100; round++) {
        assert_int_equal(commit_one(&r, &fill), OK);
        assert_int_equal(put_item(&r, TABLE, thing(&r, round, "blue")), OK);
        assert_int_equal(delete_item(&r, TABLE, thing_key(&r, 49 - round)), OK);
        if (round == 3) {
            region_crash(&r);
        }
    }
    assert_true(fill.backfill.done);
    region_reopen(&r);
    r.building = false;
    set_test_table(&r, true);
    assert_int_equal(part_check(r.part), OK);
    /* A command that walks the engine waits for the batch before it to be written. */
    fill.arena = &r.arena;
    struct part_op op = {
        .kind = PART_PUT,
        .table = TABLE,
        .key = key_in(&r.arena, part_find_table(r.part, TABLE), thing_key(&r, 400)),
        .item = thing(&r, 400, "red"),
    };
    struct part_cmd put = {
        .kind = PART_CMD_WRITE,
        .arena = &r.arena,
        .write = {.ops = &op, .n = 1},
    };
    part_submit(r.part, &put);
    part_submit(r.part, &fill);
    assert_int_equal(part_commit(r.part, r.now_ms), OK);
    assert_ptr_equal(part_take_done(r.part), &put);
    assert_null(part_take_done(r.part));
    assert_int_equal(part_commit(r.part, r.now_ms), OK);
    assert_ptr_equal(part_take_done(r.part), &fill);
    assert_int_equal(part_check(r.part), OK);
    fill.backfill.index = 9;
    assert_int_equal(commit_one(&r, &fill), ERR_NOT_FOUND);
    region_stop(&r);
}

static void expect_rows(struct region *r, uint32_t index, uint64_t items, uint64_t bytes)
{
    struct part_counts n = part_index_counts(r->part, TABLE, index);
    assert_int_equal(n.items, items);
    assert_int_equal(n.bytes, bytes);
}

static void forget_index_counts(struct region *r)
{
    struct engine_batch *b = engine_batch_new(r->engine);
    engine_batch_delete_range(b, BYTES_LIT("x"), BYTES_LIT("y"));
    assert_int_equal(engine_write(r->engine, b, /* sync= */ true), OK);
    engine_batch_free(b);
}

/* The counters of an index follow items that come into it, change in it and leave it, survive a
 * crash, and are made up for a store that was written without them. */
static void test_index_counts(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    expect_rows(&r, 1, 0, 0);
    const struct value *key = item_of(&r.arena, "pk", str("a"), "sk", num(1), NULL, num(0));
    const struct value *in = item_of(&r.arena, "pk", str("a"), "sk", num(1), "gi", str("four"));
    assert_int_equal(put_item(&r, TABLE, in), OK);
    expect_rows(&r, 1, 1, 2 + 1 + 2 + 2 + 2 + 4);
    in = item_of(&r.arena, "pk", str("a"), "sk", num(1), "gi", str("x"));
    assert_int_equal(put_item(&r, TABLE, in), OK);
    expect_rows(&r, 1, 1, 2 + 1 + 2 + 2 + 2 + 1);
    region_crash(&r);
    expect_rows(&r, 1, 1, 2 + 1 + 2 + 2 + 2 + 1);
    expect_rows(&r, 2, 0, 0);
    forget_index_counts(&r);
    region_crash(&r);
    expect_rows(&r, 1, 1, 2 + 1 + 2 + 2 + 2 + 1);
    assert_int_equal(part_check(r.part), OK);
    assert_int_equal(put_item(&r, TABLE, key), OK);
    expect_rows(&r, 1, 0, 0);
    in = item_of(&r.arena, "pk", str("a"), "sk", num(1), "at", str("noon"));
    assert_int_equal(put_item(&r, TABLE, in), OK);
    expect_rows(&r, 2, 1, item_size(in));
    assert_int_equal(delete_item(&r, TABLE, key), OK);
    expect_rows(&r, 2, 0, 0);
    expect_rows(&r, 9, 0, 0);
    assert_int_equal(part_check(r.part), OK);
    region_stop(&r);
}

static size_t snapshot_of(struct region *r, struct part_raw *ret, size_t max)
{
    const struct part_reader reader = {.engine = r->engine};
    struct part_raw_cursor *c = part_raw_open(&reader, TABLE, 0, UINT32_MAX, BYTES_NONE);
    size_t n = 0;
    struct part_raw raw;
    while (n < max && part_raw_next(c, &raw) == OK) {
        raw.position = bytes_dup(&r->arena, raw.position);
        raw.key = bytes_dup(&r->arena, raw.key);
        raw.item = bytes_dup(&r->arena, raw.item);
        ret[n++] = raw;
    }
    part_raw_close(c);
    return n;
}

/* A seed brings an empty region level, merges with what is newer there, repeats without effect, and
 * is not for peers; a complete one removes what the peer has forgotten. */
static void test_seed(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    region_start(&a, 1);
    region_start(&b, 2);
    for (int64_t i = 0; i < 20; i++) {
        assert_int_equal(put_item(&a, TABLE, thing(&a, i, "from a")), OK);
    }
    assert_int_equal(delete_item(&a, TABLE, thing_key(&a, 3)), OK);
    /* B holds something the peer has long deleted and forgotten, and something newer. */
    assert_int_equal(put_item(&b, TABLE, thing(&b, 500, "stale")), OK);
    b.now_ms += 100;
    assert_int_equal(put_item(&b, TABLE, thing(&b, 5, "newer")), OK);
    assert_int_equal(put_item(&b, TABLE, thing(&b, 600, "new here")), OK);
    struct part_raw raws[64];
    size_t n = snapshot_of(&a, raws, 64);
    assert_int_equal(n, 20);
    struct part_cmd seed = {
        .kind = PART_CMD_SEED,
        .seed =
            {.table = TABLE,
             .complete = true,
             .gc_floor = hlc_of_ms(NOW_MS + 50),
             .records = raws,
             .n = n},
    };
    uint64_t tail = part_tail(b.part).v;
    assert_int_equal(commit_one(&b, &seed), OK);
    assert_int_equal(seed.seed.n_applied, 19);
    assert_int_equal(seed.seed.n_purged, 1);
    assert_false(has(&b, 500));
    assert_false(has(&b, 3));
    assert_true(has(&b, 19));
    assert_true(has(&b, 600));
    struct value v;
    assert_int_equal(get_item(&b, TABLE, thing_key(&b, 5), &v), OK);
    assert_true(bytes_eq_str(value_find(&v, BYTES_LIT("gi"))->bytes, "newer"));
    assert_int_equal(part_tail(b.part).v, tail + 20);
    const struct part_reader reader = {.engine = b.engine};
    struct part_log_cursor *c = part_log_open(&reader, (struct local_pos){tail});
    struct local_pos pos;
    struct bytes stored;
    while (part_log_next(c, &pos, &stored) == OK) {
        struct change_txn t;
        assert_int_equal(change_txn_peek(stored, &t), OK);
        assert_int_equal(t.origin_pos.v, 0);
    }
    part_log_close(c);
    assert_int_equal(commit_one(&b, &seed), OK);
    assert_int_equal(seed.seed.n_applied, 0);
    assert_int_equal(seed.seed.n_purged, 0);
    region_crash(&b);
    assert_int_equal(part_check(b.part), OK);
    carry(&a, &b, b.config.region);
    carry(&b, &a, a.config.region);
    assert_int_equal(delete_item(&a, TABLE, thing_key(&a, 500)), OK);
    carry(&b, &a, a.config.region);
    check_same_digests(&a, &b, TABLE);
    region_stop(&a);
    region_stop(&b);
}

/* Promised stamps are never undercut, not after a power cut and not when the wall clock went back;
 * and promises close together cost no write. */
static void test_mark(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    struct part_cmd mark = {.kind = PART_CMD_MARK};
    assert_int_equal(commit_one(&r, &mark), OK);
    struct hlc first = mark.mark.hlc;
    assert_int_equal(hlc_ms(first), NOW_MS);
    r.now_ms += 50;
    /* The next engine write would fail, so this promise makes none. */
    engine_mem_fail_write(r.engine, 1, true, false);
    assert_int_equal(commit_one(&r, &mark), OK);
    assert_true(mark.mark.hlc.v > first.v);
    engine_mem_fail_write(r.engine, 0, false, false);
    struct hlc promised = mark.mark.hlc;
    r.now_ms -= 10000;
    region_crash(&r);
    struct part_op op = {
        .kind = PART_PUT,
        .table = TABLE,
        .key = key_in(&r.arena, part_find_table(r.part, TABLE), thing_key(&r, 1)),
        .item = thing(&r, 1, "x"),
    };
    struct part_cmd cmd;
    assert_int_equal(run_one(&r, &op, &cmd), OK);
    assert_true(cmd.write.version.hlc.v > promised.v);
    assert_true(hlc_ms(cmd.write.version.hlc) <= hlc_ms(promised) + 110);
    struct hlc last = cmd.write.version.hlc;
    region_crash(&r);
    assert_int_equal(run_one(&r, &op, &cmd), OK);
    assert_true(cmd.write.version.hlc.v > last.v);
    region_stop(&r);
}

/* A store belongs to the region that made it. */
static void test_identity(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    part_close(r.part);
    r.config.region.v = 8;
    struct part *other = NULL;
    assert_int_equal(part_open(&r.config, NOW_MS, &other), ERR_INVALID);
    assert_null(other);
    r.config.region.v = 7;
    region_open(&r);
    region_stop(&r);
}

/* ---- calls and the catalog ---- */

struct listener {
    struct region *region;
    int told;
    int replayed;
    int deleted;
    bool echo; /* stage another row when told of "first" */
};

static const struct value *row_key(struct arena *a, const char *name)
{
    return item_of(a, "kind", str("table"), "name", str(name), NULL, num(0));
}

static void on_catalog(
    void *ctx, struct part_stage *s, const struct value *key, const struct value *item)
{
    struct listener *l = ctx;
    if (s == NULL) {
        l->replayed++;
        return;
    }
    l->told++;
    l->deleted += item == NULL ? 1 : 0;
    if (l->echo && bytes_eq_str(value_find(key, BYTES_LIT("name"))->bytes, "first")) {
        const struct value *echo = row_key(&l->region->arena, "echo");
        assert_int_equal(part_stage_put(s, PART_TABLE_CATALOG, echo, echo), OK);
    }
}

struct call {
    struct region *region;
    enum err result;
    bool drop;
    bool twice;
};

/* The same keys again and again in one transaction. */
static enum err stage_twice(struct call *c, struct part_stage *s)
{
    struct region *r = c->region;
    for (int64_t i = 0; i < 3; i++) {
        const struct value *first = thing(r, i, "first");
        const struct value *second = thing(r, i, "second");
        assert_int_equal(part_stage_put(s, TABLE, thing_key(r, i), first), OK);
        assert_int_equal(part_stage_put(s, TABLE, thing_key(r, i), second), OK);
    }
    assert_int_equal(part_stage_put(s, TABLE, thing_key(r, 0), NULL), OK);
    assert_int_equal(part_stage_put(s, TABLE, thing_key(r, 1), NULL), OK);
    assert_int_equal(part_stage_put(s, TABLE, thing_key(r, 1), thing(r, 1, "third")), OK);
    return OK;
}

static enum err run_call(void *arg, struct part_stage *s, struct arena *a)
{
    struct call *c = arg;
    const struct value *key = row_key(a, "first");
    struct value got;
    if (c->twice) {
        return stage_twice(c, s);
    }
    if (c->drop) {
        part_stage_drop_table(s, TABLE);
        struct part_table t = *part_find_table(part_stage_part(s), TABLE);
        part_set_table(part_stage_part(s), &t);
        assert_int_equal(part_stage_get(s, TABLE, thing_key(c->region, 1), a, &got), ERR_NOT_FOUND);
        const struct value *item = thing(c->region, 2, "kept");
        assert_int_equal(part_stage_put(s, TABLE, thing_key(c->region, 2), item), OK);
        return c->result;
    }
    assert_int_equal(part_stage_put(s, PART_TABLE_CATALOG, key, key), OK);
    assert_int_equal(part_stage_get(s, PART_TABLE_CATALOG, key, a, &got), OK);
    part_stage_note(s, BYTES_LIT("errand"), BYTES_LIT("half done"));
    part_stage_mark(s, (struct part_mark){.region = {55}, .pos = {9}, .hlc = {4}});
    return c->result;
}

/* A call's rows, note and mark commit together, its listener is told once and what it stages joins
 * the same transaction; a call that fails leaves nothing and nobody is told. */
static void test_call(void **state)
{
    (void)state;
    struct region r;
    struct listener l = {.region = &r, .echo = true};
    region_start(&r, 7);
    part_abandon(r.part);
    r.config.catalog_changed = on_catalog;
    r.config.ctx = &l;
    region_open(&r);
    struct call call = {.region = &r, .result = ERR_LIMIT};
    struct part_cmd cmd = {.kind = PART_CMD_CALL, .call = {.run = run_call, .arg = &call}};
    assert_int_equal(commit_one(&r, &cmd), ERR_LIMIT);
    assert_int_equal(l.told, 0);
    assert_int_equal(part_tail(r.part).v, 0);
    const struct part_reader reader = {.engine = r.engine};
    struct buf note;
    buf_init(&note, 100);
    assert_int_equal(part_note(&reader, BYTES_LIT("errand"), &note), ERR_NOT_FOUND);
    call.result = OK;
    assert_int_equal(commit_one(&r, &cmd), OK);
    assert_int_equal(cmd.call.pos.v, 1);
    assert_int_equal(l.told, 2);
    assert_int_equal(part_table_counts(r.part, PART_TABLE_CATALOG).items, 2);
    assert_int_equal(part_note(&reader, BYTES_LIT("errand"), &note), OK);
    assert_true(bytes_eq_str(buf_bytes(&note), "half done"));
    buf_done(&note);
    part_abandon(r.part);
    engine_mem_crash(r.engine);
    region_open(&r);
    assert_int_equal(l.replayed, 2);
    assert_int_equal(mark_of(&r, (struct region_id){55}), 9);
    assert_int_equal(part_check(r.part), OK);
    region_stop(&r);
}

/* Received catalog rows are told too, and what is staged then is a transaction of ours behind the
 * received one. */
static void test_received_catalog(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    struct listener l = {.region = &b, .echo = true};
    region_start(&a, 1);
    region_start(&b, 2);
    part_abandon(b.part);
    b.config.catalog_changed = on_catalog;
    b.config.ctx = &l;
    region_open(&b);
    struct call call = {.region = &a, .result = OK};
    struct part_cmd cmd = {.kind = PART_CMD_CALL, .call = {.run = run_call, .arg = &call}};
    assert_int_equal(commit_one(&a, &cmd), OK);
    carry(&b, &a, a.config.region);
    assert_int_equal(l.told, 2);
    assert_int_equal(part_tail(b.part).v, 2);
    carry(&a, &b, b.config.region);
    check_same_digests(&a, &b, PART_TABLE_CATALOG);
    assert_int_equal(part_check(b.part), OK);
    region_stop(&a);
    region_stop(&b);
}

/* A key staged several times in one transaction changes once, from what stood there before. */
static void test_call_twice(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    assert_int_equal(put_item(&r, TABLE, thing(&r, 0, "old")), OK);
    assert_int_equal(put_item(&r, TABLE, thing(&r, 1, "old")), OK);
    struct call call = {.region = &r, .result = OK, .twice = true};
    struct part_cmd cmd = {.kind = PART_CMD_CALL, .call = {.run = run_call, .arg = &call}};
    assert_int_equal(commit_one(&r, &cmd), OK);
    assert_false(has(&r, 0));
    assert_true(has(&r, 1));
    assert_true(has(&r, 2));
    const struct part_reader reader = {.engine = r.engine};
    struct part_log_cursor *c = part_log_open(&reader, (struct local_pos){2});
    struct local_pos pos;
    struct bytes stored;
    struct change_txn t;
    assert_int_equal(part_log_next(c, &pos, &stored), OK);
    assert_int_equal(change_txn_decode(&r.arena, stored, false, &t), OK);
    assert_int_equal(t.n_changes, 3);
    assert_true(t.changes[1].old_live);
    assert_false(t.changes[2].had_old);
    part_log_close(c);
    assert_int_equal(part_check(r.part), OK);
    region_crash(&r);
    assert_int_equal(part_check(r.part), OK);
    region_stop(&r);
}

/* A dropped table is gone with its index rows and counters, also when it is set and filled again in
 * the same call; a failed call drops nothing. */
static void test_drop_table(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    for (int64_t i = 0; i < 10; i++) {
        assert_int_equal(put_item(&r, TABLE, thing(&r, i, "x")), OK);
    }
    assert_int_equal(delete_item(&r, TABLE, thing_key(&r, 9)), OK);
    struct call call = {.region = &r, .result = ERR_LIMIT, .drop = true};
    struct part_cmd cmd = {.kind = PART_CMD_CALL, .call = {.run = run_call, .arg = &call}};
    assert_int_equal(commit_one(&r, &cmd), ERR_LIMIT);
    assert_int_equal(part_table_counts(r.part, TABLE).items, 9);
    assert_true(has(&r, 1));
    /* Not even for what follows in the same batch. */
    struct part_op op = {
        .kind = PART_CHECK,
        .table = TABLE,
        .key = key_in(&r.arena, part_find_table(r.part, TABLE), thing_key(&r, 1)),
        .want_old = true,
    };
    struct part_cmd look = {
        .kind = PART_CMD_WRITE,
        .arena = &r.arena,
        .write = {.ops = &op, .n = 1},
    };
    part_submit(r.part, &cmd);
    part_submit(r.part, &look);
    assert_int_equal(part_commit(r.part, r.now_ms), OK);
    assert_ptr_equal(part_take_done(r.part), &cmd);
    assert_ptr_equal(part_take_done(r.part), &look);
    assert_int_equal(op.err, OK);
    assert_non_null(op.old);
    call.result = OK;
    assert_int_equal(commit_one(&r, &cmd), OK);
    assert_int_equal(part_table_counts(r.part, TABLE).items, 1);
    assert_false(has(&r, 1));
    assert_true(has(&r, 2));
    assert_int_equal(part_check(r.part), OK);
    region_crash(&r);
    assert_int_equal(part_table_counts(r.part, TABLE).items, 1);
    assert_int_equal(part_check(r.part), OK);
    /* The dropped table's tombstone row is still there; a younger tombstone at its key is not its
     * business. */
    r.now_ms += 100;
    assert_int_equal(put_item(&r, TABLE, thing(&r, 9, "x")), OK);
    assert_int_equal(delete_item(&r, TABLE, thing_key(&r, 9)), OK);
    assert_int_equal(count_rows(&r, 't'), 2);
    struct part_cmd sweep = {
        .kind = PART_CMD_SWEEP,
        .sweep = {.below = hlc_of_ms(NOW_MS + 45), .tombstones_max = 100},
    };
    assert_int_equal(commit_one(&r, &sweep), OK);
    assert_true(has(&r, 2));
    assert_int_equal(count_rows(&r, 't'), 1);
    assert_int_equal(count_rows(&r, 'd'), 2);
    assert_int_equal(part_check(r.part), OK);
    region_stop(&r);
}

/* A transaction that was taken back after some of it was staged, and a sweep behind it in the same
 * turn: nothing of the one is seen by the other. */
static void test_sweep_after_cancelled(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    assert_int_equal(put_item(&r, TABLE, thing(&r, 1, "x")), OK);
    assert_int_equal(delete_item(&r, TABLE, thing_key(&r, 1)), OK);
    const struct part_table *t = part_find_table(r.part, TABLE);
    struct part_op ops[] = {
        {.kind = PART_PUT, .table = TABLE, .item = thing(&r, 2, "x")},
        {.kind = PART_PUT, .table = TABLE + 1, .item = thing(&r, 3, "x")},
    };
    ops[0].key = key_in(&r.arena, t, ops[0].item);
    ops[1].key = key_in(&r.arena, t, ops[1].item);
    struct part_cmd cancelled = {
        .kind = PART_CMD_WRITE,
        .arena = &r.arena,
        .write = {.ops = ops, .n = 2, .atomic = true},
    };
    struct part_cmd sweep = {
        .kind = PART_CMD_SWEEP,
        .sweep = {.below = hlc_of_ms(NOW_MS + 45), .tombstones_max = 100},
    };
    part_submit(r.part, &cancelled);
    part_submit(r.part, &sweep);
    while (part_waiting(r.part) > 0) {
        assert_int_equal(part_commit(r.part, r.now_ms), OK);
    }
    assert_ptr_equal(part_take_done(r.part), &cancelled);
    assert_ptr_equal(part_take_done(r.part), &sweep);
    assert_int_equal(cancelled.err, ERR_CANCELLED);
    assert_int_equal(sweep.err, OK);
    assert_true(sweep.sweep.done);
    assert_false(has(&r, 2));
    assert_int_equal(count_rows(&r, 't'), 0);
    assert_int_equal(part_check(r.part), OK);
    region_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sweep_after_cancelled),
        cmocka_unit_test(test_fail_every_write),
        cmocka_unit_test(test_doubt),
        cmocka_unit_test(test_counters_survive),
        cmocka_unit_test(test_trim),
        cmocka_unit_test(test_skip),
        cmocka_unit_test(test_trim_origin),
        cmocka_unit_test(test_tombstone_rows),
        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_backfill),
        cmocka_unit_test(test_index_counts),
        cmocka_unit_test(test_seed),
        cmocka_unit_test(test_mark),
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_call),
        cmocka_unit_test(test_received_catalog),
        cmocka_unit_test(test_call_twice),
        cmocka_unit_test(test_drop_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Group commit in steps: a batch is gathered while the one before it is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "part/test_util.h"

#include <cmocka.h>

struct write {
    struct part_op op;
    struct part_cmd cmd;
};

static const struct value *thing(struct region *r, int64_t sk, const char *note)
{
    return item_of(&r->arena, "pk", str("p"), "sk", num(sk), "gi", str(note));
}

static const struct value *thing_key(struct region *r, int64_t sk)
{
    return item_of(&r->arena, "pk", str("p"), "sk", num(sk), NULL, num(0));
}

/* A put with an optional condition, waiting at the writer. */
static struct write *submit_put(
    struct region *r, int64_t sk, const char *note, const char *condition)
{
    struct write *w = ARENA_NEW(&r->arena, struct write);
    w->op = (struct part_op){
        .kind = PART_PUT,
        .table = TABLE,
        .key = key_in(&r->arena, part_find_table(r->part, TABLE), thing_key(r, sk)),
        .item = thing(r, sk, note),
        .want_old = true,
    };
    if (condition != NULL) {
        struct expr_env env = {0};
        struct bytes msg;
        assert_int_equal(
            expr_cond_parse(
                &r->arena, EXPR_CONDITION, bytes_str(condition), &env, &w->op.condition, &msg),
            OK);
    }
    w->cmd = (struct part_cmd){
        .kind = PART_CMD_WRITE,
        .arena = &r->arena,
        .write = {.ops = &w->op, .n = 1},
    };
    part_submit(r->part, &w->cmd);
    return w;
}

static bool has(struct region *r, int64_t sk)
{
    struct value v;
    enum err e = get_item(r, TABLE, thing_key(r, sk), &v);
    assert_true(e == OK || e == ERR_NOT_FOUND);
    return e == OK;
}

static void land(struct region *r, struct part_batch *b, struct write *const *writes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        assert_ptr_equal(part_batch_take_done(b), &writes[i]->cmd);
    }
    assert_null(part_batch_take_done(b));
    part_retire(r->part);
}

/* What is gathered while a batch is under way sees its effects, though the engine does not show
 * them yet; both are there in the end, and so is what they make of each other. */
static void test_gather_sees_what_is_under_way(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    struct write *first = submit_put(&r, 1, "one", NULL);
    part_gather(r.part, r.now_ms);
    assert_int_equal(part_gathered(r.part), 1);
    struct part_batch *b = part_seal(r.part);
    assert_int_equal(part_batch_tail(b).v, 1);
    struct write *again = submit_put(&r, 1, "two", "attribute_exists(pk)");
    struct write *refused = submit_put(&r, 1, "three", "attribute_not_exists(pk)");
    struct write *other = submit_put(&r, 2, "two", NULL);
    part_gather(r.part, r.now_ms);
    assert_false(has(&r, 1));
    assert_int_equal(again->op.err, OK);
    assert_true(bytes_eq_str(value_find(again->op.old, BYTES_LIT("gi"))->bytes, "one"));
    assert_int_equal(refused->op.err, ERR_CONDITION);
    assert_int_equal(part_written(r.part).v, 0);
    assert_int_equal(part_batch_write(b), OK);
    assert_true(has(&r, 1));
    assert_false(has(&r, 2));
    land(&r, b, (struct write *[]){first}, 1);
    assert_int_equal(part_written(r.part).v, 1);
    b = part_seal(r.part);
    assert_int_equal(part_batch_write(b), OK);
    land(&r, b, (struct write *[]){again, refused, other}, 3);
    assert_int_equal(part_written(r.part).v, 3);
    assert_int_equal(part_check(r.part), OK);
    region_crash(&r);
    assert_int_equal(part_tail(r.part).v, 3);
    assert_true(has(&r, 2));
    assert_int_equal(part_check(r.part), OK);
    region_stop(&r);
}

/* Only clients' writes are gathered; the first other command, and what waits behind it, is
 * committed together with what was gathered before, in order. */
static void test_gather_stops_at_others(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    struct write *before = submit_put(&r, 1, "x", NULL);
    struct part_cmd mark = {.kind = PART_CMD_MARK, .arena = &r.arena};
    part_submit(r.part, &mark);
    struct write *behind = submit_put(&r, 2, "x", NULL);
    part_gather(r.part, r.now_ms);
    assert_int_equal(part_gathered(r.part), 1);
    assert_int_equal(part_waiting(r.part), 2);
    assert_int_equal(part_commit(r.part, r.now_ms), OK);
    assert_ptr_equal(part_take_done(r.part), &before->cmd);
    assert_ptr_equal(part_take_done(r.part), &mark);
    assert_ptr_equal(part_take_done(r.part), &behind->cmd);
    assert_int_equal(mark.mark.pos.v, 1);
    assert_true(has(&r, 1));
    assert_true(has(&r, 2));
    region_stop(&r);
}

/* A crash before, and one after, the batch under way reached the disk: what was gathered upon it is
 * gone in either case. */
static void test_crash_under_way(void **state)
{
    (void)state;
    for (int written = 0; written < 2; written++) {
        struct region r;
        region_start(&r, 7);
        assert_int_equal(put_item(&r, TABLE, thing(&r, 0, "x")), OK);
        (void)submit_put(&r, 1, "x", NULL);
        part_gather(r.part, r.now_ms);
        struct part_batch *b = part_seal(r.part);
        (void)submit_put(&r, 2, "x", NULL);
        part_gather(r.part, r.now_ms);
        if (written == 1) {
            assert_int_equal(part_batch_write(b), OK);
        }
        region_crash(&r);
        assert_true(has(&r, 0));
        assert_int_equal(has(&r, 1), written == 1);
        assert_false(has(&r, 2));
        assert_int_equal(part_check(r.part), OK);
        region_stop(&r);
    }
}

/* When the batch under way fails its commands are in doubt; those gathered upon it certainly did
 * not happen, nor did those that wait. */
static void test_failure_under_way(void **state)
{
    (void)state;
    for (int applied = 0; applied < 2; applied++) {
        struct region r;
        region_start(&r, 7);
        struct write *doubted = submit_put(&r, 1, "x", NULL);
        part_gather(r.part, r.now_ms);
        struct part_batch *b = part_seal(r.part);
        struct write *gathered = submit_put(&r, 2, "x", "attribute_not_exists(pk)");
        part_gather(r.part, r.now_ms);
        struct write *waiting = submit_put(&r, 3, "x", NULL);
        engine_mem_fail_write(r.engine, 1, /* for_ever= */ false, applied == 1);
        assert_int_equal(part_batch_write(b), ERR_IO);
        assert_int_equal(doubted->op.err, ERR_IO);
        land(&r, b, (struct write *[]){doubted}, 1);
        assert_true(part_failed(r.part));
        part_gather(r.part, r.now_ms);
        assert_int_equal(part_waiting(r.part), 1);
        assert_int_equal(part_commit(r.part, r.now_ms), ERR_FAILED);
        assert_ptr_equal(part_take_done(r.part), &gathered->cmd);
        assert_int_equal(gathered->op.err, ERR_FAILED);
        assert_ptr_equal(part_take_done(r.part), &waiting->cmd);
        assert_int_equal(waiting->op.err, ERR_FAILED);
        region_crash(&r);
        assert_int_equal(has(&r, 1), applied == 1);
        assert_false(has(&r, 2));
        assert_int_equal(part_check(r.part), OK);
        region_stop(&r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gather_sees_what_is_under_way),
        cmocka_unit_test(test_gather_stops_at_others),
        cmocka_unit_test(test_crash_under_way),
        cmocka_unit_test(test_failure_under_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

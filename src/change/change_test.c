#include "change/change.h"

/* clang-format off: cmocka.h needs the other two before it. */
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
/* clang-format on */

static const struct change_seen seen[] = {
    {{0x3333333333333333}, {0x018000000000000a}},
    {{0x2222222222222222}, {0x0180000000640003}},
};

/* Every kind of change and of old version, in an order that uses and breaks the same-table form. */
static struct change_txn sample(struct change *c)
{
    c[0] = (struct change){
        .kind = CHANGE_PUT, .table = 1024, .key = BYTES_LIT("k1"), .item = BYTES_LIT("item one")};
    c[1] = (struct change){
        .kind = CHANGE_DELETE,
        .flags = CHANGE_BY_TTL,
        .table = 1024,
        .key = BYTES_LIT("k2"),
        .had_old = true,
        .old_live = true,
        .old_version = {{0x0180000000630000}, {0x1111111111111111}},
        .old_bytes = 300,
        .old_item = BYTES_LIT("old two")};
    c[2] = (struct change){
        .kind = CHANGE_PUT,
        .table = 99999,
        .key = BYTES_LIT("k3"),
        .had_old = true,
        .old_version = {{0x01800000006400ff}, {0x2222222222222222}}};
    return (struct change_txn){
        .origin = {0x1111111111111111},
        .origin_pos = {77},
        .hlc = {0x0180000000650001},
        .seen = seen,
        .n_seen = 2,
        .changes = c,
        .n_changes = 3};
}

static void check_change(const struct change *a, const struct change *b, bool local)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->flags, b->flags);
    assert_true(a->table == b->table);
    assert_true(bytes_eq(a->key, b->key));
    assert_true(bytes_eq(a->item, b->item));
    assert_int_equal(a->had_old, local && b->had_old);
    assert_int_equal(a->old_live, local && b->old_live);
    if (a->had_old) {
        assert_true(version_eq(a->old_version, b->old_version));
        assert_true(a->old_bytes == b->old_bytes);
    }
    if (local) {
        assert_true(bytes_eq(a->old_item, b->old_item));
    } else {
        assert_int_equal(a->old_item.len, 0);
    }
}

/* Both forms come back as they went in, the seen vector sorted; peek agrees. */
static void test_round_trip(void **state)
{
    (void)state;
    struct change changes[3];
    struct change_txn t = sample(changes);
    struct buf b;
    struct arena a;
    buf_init(&b, 4096);
    arena_init(&a, 65536);
    change_txn_encode(&b, &t);
    assert_int_equal(b.err, OK);
    struct bytes wire;
    assert_int_equal(change_txn_wire(buf_bytes(&b), &wire), OK);
    for (int wire_only = 0; wire_only < 2; wire_only++) {
        struct bytes in = wire_only ? wire : buf_bytes(&b);
        struct change_txn got;
        assert_int_equal(change_txn_decode(&a, in, wire_only, &got), OK);
        assert_true(got.origin.v == t.origin.v);
        assert_true(got.origin_pos.v == t.origin_pos.v);
        assert_true(got.hlc.v == t.hlc.v);
        assert_int_equal(got.n_seen, 2);
        assert_true(got.seen[0].region.v == seen[1].region.v);
        assert_true(got.seen[0].hlc.v == seen[1].hlc.v);
        assert_true(got.seen[1].hlc.v == seen[0].hlc.v);
        assert_int_equal(got.n_changes, 3);
        for (size_t i = 0; i < 3; i++) {
            check_change(&got.changes[i], &changes[i], !wire_only);
        }
        struct change_txn head;
        assert_int_equal(change_txn_peek(in, &head), OK);
        assert_true(head.origin.v == t.origin.v);
        assert_true(head.origin_pos.v == t.origin_pos.v);
        assert_true(head.hlc.v == t.hlc.v);
    }
    arena_done(&a);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

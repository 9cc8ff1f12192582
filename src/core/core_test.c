#include "core/test_util.h"

/* A created table answers as CREATING, opens by itself in the same commit, and both catalogs of the
 * region know it; creating it again is refused. */
static void test_create(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 1, 1);
    struct node *n = &c.nodes[0];
    struct core_table t = plain_table();
    struct core_admin call;
    assert_int_equal(node_create(n, "flights", &t, &call), OK);
    assert_int_equal(call.result->status, CORE_CREATING);
    assert_int_equal(call.result->uuid.len, 36);
    assert_int_equal(node_table(n, "flights")->status, CORE_ACTIVE);
    const struct core_table *seen = catalog_table(n->mirror, BYTES_LIT("flights"));
    assert_int_equal(seen->status, CORE_ACTIVE);
    assert_true(seen->empty);
    assert_ptr_equal(catalog_table_by_id(n->mirror, seen->part.id), seen);
    assert_false(seen->part.replicated);
    assert_true(seen->part.keep_old_images);
    assert_int_equal(node_create(n, "flights", &t, &call), ERR_EXISTS);
    assert_int_equal(call.refusal, CORE_REFUSED_TABLE_EXISTS);
    assert_null(call.result);
    node_put(n, "flights", 1, "first");
    assert_true(bytes_eq_str(node_note(n, "flights", 1), "first"));
    assert_int_equal(node_note(n, "flights", 2).len, 0);
    cluster_stop(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

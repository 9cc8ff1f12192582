#include "core/test_util.h"

static const char T[] = "flights";

/* Two regions with an empty table each and rows on both sides. */
static void start_pair(struct cluster *c)
{
    cluster_start(c, 2, 7);
    settle(c);
    node_create_plain(&c->nodes[0], T);
    node_create_plain(&c->nodes[1], T);
    settle(c);
}

static void join_pair(struct cluster *c)
{
    struct core_admin call;
    start_pair(c);
    assert_int_equal(node_regions(&c->nodes[0], CORE_ADMIN_CREATE_GROUP, T, "us", "eu", &call), OK);
    settle(c);
}

static void check_notes(struct cluster *c, int64_t pk, const char *note)
{
    for (size_t i = 0; i < c->n; i++) {
        struct bytes got = node_note(&c->nodes[i], T, pk);
        if (!bytes_eq_str(got, note)) {
            fail_msg("%s has \"%.*s\", not \"%s\"", c->nodes[i].region, BYTES_FMT(got), note);
        }
    }
}

/* Two empty tables joined into a 2017 group take one id, become replicas, and carry writes both
 * ways. */
static void test_create_group(void **state)
{
    (void)state;
    struct cluster c;
    start_pair(&c);
    struct node *us = &c.nodes[0];
    struct node *eu = &c.nodes[1];
    struct core_admin call;
    struct bytes eu_uuid = bytes_dup(&c.mem, node_table(eu, T)->uuid);
    assert_int_equal(node_regions(us, CORE_ADMIN_CREATE_GROUP, T, "us", "eu", &call), OK);
    assert_int_equal(node_replica(us, T, "us"), CORE_ACTIVE);
    assert_int_equal(node_replica(us, T, "eu"), CORE_CREATING);
    node_put(us, T, 1, "early");
    settle(&c);
    assert_int_equal(node_replica(us, T, "eu"), CORE_ACTIVE);
    assert_int_equal(node_replica(eu, T, "eu"), CORE_ACTIVE);
    assert_int_equal(node_table(us, T)->part.id, node_table(eu, T)->part.id);
    assert_true(node_table(us, T)->part.replicated);
    assert_true(node_table(eu, T)->part.replicated);
    assert_true(catalog_table(eu->mirror, bytes_str(T))->part.replicated);
    assert_true(bytes_eq(node_table(eu, T)->uuid, eu_uuid));
    check_notes(&c, 1, "early");
    node_put(eu, T, 2, "from eu");
    node_put(us, T, 3, "from us");
    settle(&c);
    check_notes(&c, 2, "from eu");
    check_notes(&c, 3, "from us");
    assert_int_equal(node_regions(us, CORE_ADMIN_CREATE_GROUP, T, "us", "eu", &call), ERR_EXISTS);
    assert_int_equal(call.refusal, CORE_REFUSED_GROUP_EXISTS);
    check_nodes(&c);
    cluster_stop(&c);
}

/* A live table gets a replica in another region, made from nothing, filled, and kept up to date; a
 * second one too. */
static void test_add_replica(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 3, 9);
    settle(&c);
    struct node *us = &c.nodes[0];
    struct node *ap = &c.nodes[2];
    node_create_plain(us, T);
    node_put(us, T, 1, "old");
    struct core_admin call;
    assert_int_equal(node_regions(us, CORE_ADMIN_ADD_REPLICA, T, "eu", NULL, &call), OK);
    node_put(us, T, 2, "meanwhile");
    settle(&c);
    assert_int_equal(node_replica(us, T, "eu"), CORE_ACTIVE);
    assert_int_equal(node_table(&c.nodes[1], T)->status, CORE_ACTIVE);
    node_put(&c.nodes[1], T, 3, "at eu");
    assert_int_equal(node_regions(&c.nodes[1], CORE_ADMIN_ADD_REPLICA, T, "ap", NULL, &call), OK);
    settle(&c);
    assert_int_equal(node_replica(us, T, "ap"), CORE_ACTIVE);
    assert_int_equal(node_table(ap, T)->stream, CORE_STREAM_NEW_AND_OLD_IMAGES);
    node_put(ap, T, 4, "at ap");
    settle(&c);
    check_notes(&c, 1, "old");
    check_notes(&c, 2, "meanwhile");
    check_notes(&c, 3, "at eu");
    check_notes(&c, 4, "at ap");
    assert_int_equal(node_needs(ap).n, 0);
    check_nodes(&c);
    cluster_stop(&c);
}

/* A replica that leaves a 2017 group keeps its table, which no longer exchanges anything with the
 * others. */
static void test_leave_2017(void **state)
{
    (void)state;
    struct cluster c;
    join_pair(&c);
    struct core_admin call;
    struct node *us = &c.nodes[0];
    struct node *eu = &c.nodes[1];
    node_put(us, T, 1, "before");
    settle(&c);
    assert_int_equal(node_regions(us, CORE_ADMIN_REMOVE_REPLICA, T, "eu", NULL, &call), OK);
    settle(&c);
    assert_int_equal(node_replica(us, T, "eu"), -1);
    assert_int_equal(node_replica(us, T, "us"), CORE_ACTIVE);
    assert_int_equal(node_table(eu, T)->status, CORE_ACTIVE);
    assert_false(node_table(eu, T)->part.replicated);
    assert_false(node_table(us, T)->part.replicated);
    check_notes(&c, 1, "before");
    node_put(us, T, 2, "us alone");
    node_put(eu, T, 3, "eu alone");
    settle(&c);
    assert_int_equal(node_note(eu, T, 2).len, 0);
    assert_int_equal(node_note(us, T, 3).len, 0);
    assert_int_equal(node_regions(us, CORE_ADMIN_ADD_REPLICA, T, "eu", NULL, &call), ERR_INVALID);
    assert_int_equal(call.refusal, CORE_REFUSED_NOT_EMPTY);
    node_delete(eu, T, 1);
    node_delete(eu, T, 3);
    settle(&c);
    assert_int_equal(node_regions(us, CORE_ADMIN_ADD_REPLICA, T, "eu", NULL, &call), OK);
    settle(&c);
    check_notes(&c, 1, "before");
    check_notes(&c, 2, "us alone");
    check_nodes(&c);
    cluster_stop(&c);
}

/* A replica removed from a 2019 group is deleted with its table; the last one left is an ordinary
 * table again and can be replicated anew. */
static void test_remove_2019(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 2, 11);
    settle(&c);
    struct node *us = &c.nodes[0];
    struct node *eu = &c.nodes[1];
    node_create_plain(us, T);
    node_put(us, T, 1, "kept");
    struct core_admin call;
    for (unsigned round = 0; round < 2; round++) {
        assert_int_equal(node_regions(us, CORE_ADMIN_ADD_REPLICA, T, "eu", NULL, &call), OK);
        settle(&c);
        check_notes(&c, 1, "kept");
        assert_int_equal(node_regions(us, CORE_ADMIN_REMOVE_REPLICA, T, "eu", NULL, &call), OK);
        settle(&c);
        assert_null(node_table(eu, T));
        assert_null(node_group(us, T));
        assert_null(node_group(eu, T));
        assert_false(node_table(us, T)->part.replicated);
        assert_int_equal(node_needs(eu).n, 0);
    }
    check_nodes(&c);
    cluster_stop(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_group),
        cmocka_unit_test(test_add_replica),
        cmocka_unit_test(test_leave_2017),
        cmocka_unit_test(test_remove_2019),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "core/test_util.h"

static const char T[] = "flights";

static enum err set_ttl(struct node *n, const char *attr, bool on, struct core_admin *call)
{
    *call = (struct core_admin){
        .kind = CORE_ADMIN_SET_TTL,
        .name = bytes_str(T),
        .ttl = bytes_str(attr),
        .ttl_on = on,
    };
    return node_admin(n, call);
}

static void check_ttl(const struct node *n, const char *attr)
{
    const struct core_table *t = node_table(n, T);
    assert_non_null(t);
    assert_true(bytes_eq_str(t->part.ttl, attr));
    assert_true(bytes_eq_str(catalog_table(n->mirror, bytes_str(T))->part.ttl, attr));
    assert_true(part_expiry_settled(core_part(n->core), t->part.id));
}

static void put_until(struct node *n, int64_t pk, uint64_t ms)
{
    const struct value *item =
        make_item(&n->cluster->mem, pk, "s", "until", num((int64_t)(ms / 1000)));
    assert_int_equal(node_write(n, T, PART_PUT, item), OK);
}

/* Lets so much time pass, with every node doing what it has to do. */
static void pass(struct cluster *c, uint64_t ms)
{
    c->now_ms += ms;
    for (size_t i = 0; i < c->n; i++) {
        node_run(&c->nodes[i]);
    }
}

/* On and off, each refused where it changes nothing or names another attribute; it outlives a
 * restart; and a table that is not there has none. */
static void test_setting(void **state)
{
    (void)state;
    struct cluster c;
    struct core_admin call;
    cluster_start(&c, 1, 3);
    struct node *us = &c.nodes[0];
    assert_int_equal(set_ttl(us, "until", true, &call), ERR_NOT_FOUND);
    assert_int_equal(call.refusal, CORE_REFUSED_TABLE_MISSING);
    node_create_plain(us, T);
    assert_int_equal(set_ttl(us, "until", false, &call), ERR_INVALID);
    assert_int_equal(call.refusal, CORE_REFUSED_TTL_OFF);
    assert_int_equal(set_ttl(us, "until", true, &call), OK);
    assert_true(bytes_eq_str(call.result->part.ttl, "until"));
    check_ttl(us, "until");
    assert_int_equal(set_ttl(us, "until", true, &call), ERR_INVALID);
    assert_int_equal(call.refusal, CORE_REFUSED_TTL_ON);
    for (int on = 0; on < 2; on++) {
        assert_int_equal(set_ttl(us, "other", on == 1, &call), ERR_INVALID);
        assert_int_equal(call.refusal, CORE_REFUSED_TTL_OTHER);
        assert_true(bytes_eq_str(call.refused_ttl, "until"));
    }
    node_reopen(us);
    node_run(us);
    check_ttl(us, "until");
    assert_int_equal(set_ttl(us, "until", false, &call), OK);
    check_ttl(us, "");
    check_nodes(&c);
    cluster_stop(&c);
}

/* Items that were there before, and more than one piece of them, are found and go; what expires
 * later goes when its time has come, over a restart too. */
static void test_sweep(void **state)
{
    (void)state;
    struct cluster c;
    struct core_admin call;
    cluster_start(&c, 1, 4);
    struct node *us = &c.nodes[0];
    node_create_plain(us, T);
    for (int64_t i = 0; i < 1200; i++) {
        put_until(us, i, i % 2 == 0 ? c.now_ms - 5000 : c.now_ms + 60000);
    }
    assert_int_equal(set_ttl(us, "until", true, &call), OK);
    pass(&c, TTL_SWEEP_MS);
    assert_int_equal(node_count(us, T), 600);
    assert_int_equal(c.n_expired, 600);
    pass(&c, 59000);
    assert_int_equal(node_count(us, T), 600);
    node_reopen(us);
    pass(&c, 1000);
    pass(&c, TTL_SWEEP_MS);
    assert_int_equal(node_count(us, T), 0);
    assert_int_equal(c.n_expired, 1200);
    check_nodes(&c);
    cluster_stop(&c);
}

/* A replica of a 2019 group is made with the setting, and follows it from whichever region; what
 * one region deletes goes in the other. */
static void test_group_2019(void **state)
{
    (void)state;
    struct cluster c;
    struct core_admin call;
    cluster_start(&c, 2, 5);
    settle(&c);
    struct node *us = &c.nodes[0];
    struct node *eu = &c.nodes[1];
    node_create_plain(us, T);
    assert_int_equal(set_ttl(us, "until", true, &call), OK);
    assert_int_equal(node_regions(us, CORE_ADMIN_ADD_REPLICA, T, "eu", NULL, &call), OK);
    settle(&c);
    check_ttl(eu, "until");
    put_until(us, 1, c.now_ms + 60000);
    put_until(eu, 2, c.now_ms + 60000);
    put_until(eu, 3, c.now_ms + 6000000);
    settle(&c);
    assert_int_equal(node_count(us, T), 3);
    pass(&c, 61000);
    pass(&c, TTL_SWEEP_MS);
    settle(&c);
    assert_int_equal(node_count(us, T), 1);
    assert_int_equal(node_count(eu, T), 1);
    assert_int_equal(set_ttl(eu, "until", false, &call), OK);
    settle(&c);
    check_ttl(us, "");
    check_nodes(&c);
    cluster_stop(&c);
}

/* Tables of a 2017 group keep settings of their own. */
static void test_group_2017(void **state)
{
    (void)state;
    struct cluster c;
    struct core_admin call;
    cluster_start(&c, 2, 6);
    settle(&c);
    struct node *us = &c.nodes[0];
    struct node *eu = &c.nodes[1];
    node_create_plain(us, T);
    node_create_plain(eu, T);
    assert_int_equal(set_ttl(us, "until", true, &call), OK);
    settle(&c);
    assert_int_equal(node_regions(us, CORE_ADMIN_CREATE_GROUP, T, "us", "eu", &call), OK);
    settle(&c);
    check_ttl(us, "until");
    check_ttl(eu, "");
    put_until(us, 1, c.now_ms + 1000);
    settle(&c);
    pass(&c, 2000);
    settle(&c);
    assert_int_equal(node_count(us, T), 0);
    assert_int_equal(node_count(eu, T), 0);
    check_nodes(&c);
    cluster_stop(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_setting),
        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_group_2019),
        cmocka_unit_test(test_group_2017),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

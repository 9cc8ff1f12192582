#include "core/test_util.h"

static const char T[] = "flights";

static void join_pair(struct cluster *c)
{
    struct core_admin call;
    cluster_start(c, 2, 7);
    settle(c);
    node_create_plain(&c->nodes[0], T);
    node_create_plain(&c->nodes[1], T);
    settle(c);
    assert_int_equal(node_regions(&c->nodes[0], CORE_ADMIN_CREATE_GROUP, T, "us", "eu", &call), OK);
    settle(c);
}

/* As a fence does that was prepared some time ago. */
static void open_need(struct node *n, uint64_t table, struct region_id from)
{
    struct core_seed_need need = {table, from, true, BYTES_NONE};
    struct progress open = {.need = &need, .opens = true};
    struct part_cmd cmd = {.kind = PART_CMD_CALL, .call = {.run = run_progress, .arg = &open}};
    assert_int_equal(node_cmd(n, &cmd), OK);
}

/* A fence comes to the writer when our replica, or the other region's, has just left the group:
 * nobody would ever close a need, so none is open. */
static void test_fence_after_leaving(void **state)
{
    (void)state;
    const char *const leavers[] = {"us", "eu"};
    for (size_t i = 0; i < 2; i++) {
        struct cluster c;
        struct core_admin call;
        join_pair(&c);
        struct node *us = &c.nodes[0];
        uint64_t id = node_table(us, T)->part.id;
        assert_int_equal(
            node_regions(us, CORE_ADMIN_REMOVE_REPLICA, T, leavers[i], NULL, &call), OK);
        settle(&c);
        assert_int_equal(node_replica(us, T, leavers[i]), -1);
        open_need(us, id, c.nodes[1].id);
        assert_int_equal(node_needs(us).n, 0);
        cluster_stop(&c);
    }
}

/* A fence off the catalog of a region that was removed meanwhile opens nothing either. */
static void test_fence_after_removal(void **state)
{
    (void)state;
    struct cluster c;
    struct core_admin call;
    join_pair(&c);
    struct node *us = &c.nodes[0];
    assert_int_equal(node_regions(us, CORE_ADMIN_REMOVE_MEMBER, "", "eu", NULL, &call), OK);
    open_need(us, PART_TABLE_CATALOG, c.nodes[1].id);
    assert_int_equal(node_needs(us).n, 0);
    cluster_stop(&c);
}

static enum err run_drop_group(void *arg, struct part_stage *s, struct arena *a)
{
    const struct value *key = arg;
    (void)a;
    return part_stage_put(s, PART_TABLE_CATALOG, key, /* item= */ NULL);
}

/* Our replica waits for data of another region's when the row of their group goes: that region took
 * itself for the last one in it, since rows had been lost to it. Nobody looks after the replica any
 * more, and when the other region says that it has none, the need ends. While the group is there
 * its word alone ends nothing. */
static void test_group_gone(void **state)
{
    (void)state;
    struct cluster c;
    join_pair(&c);
    struct node *us = &c.nodes[0];
    struct node *eu = &c.nodes[1];
    uint64_t id = node_table(us, T)->part.id;
    open_need(us, id, eu->id);
    assert_int_equal(node_needs(us).n, 1);
    struct core_seed_need need = node_needs(us).list[0];
    struct progress gone = {.need = &need, .is_void = true};
    struct part_cmd cmd = {.kind = PART_CMD_CALL, .call = {.run = run_progress, .arg = &gone}};
    assert_int_equal(node_cmd(us, &cmd), OK);
    assert_int_equal(node_needs(us).n, 1);
    struct member names[] = {{BYTES_LIT("kind"), str("group")}, {BYTES_LIT("name"), str(T)}};
    struct value key = {.type = VALUE_MAP, .map = {names, 2}};
    struct part_cmd drop = {.kind = PART_CMD_CALL, .call = {.run = run_drop_group, .arg = &key}};
    assert_int_equal(node_cmd(eu, &drop), OK);
    (void)ship(eu, us, 100);
    assert_null(node_group(us, T));
    assert_int_equal(node_needs(us).n, 1);
    assert_int_equal(node_cmd(us, &cmd), OK);
    assert_int_equal(node_needs(us).n, 0);
    cluster_stop(&c);
}

/* A table leaves its 2017 group while a region has not heard all of it: what it wrote as a replica
 * still comes there, its deletes among it, and what it writes alone does not, also when the table,
 * emptied, has joined again. */
static void test_leaver_ships_the_rest(void **state)
{
    (void)state;
    struct cluster c;
    struct core_admin call;
    cluster_start(&c, 3, 17);
    settle(&c);
    struct node *us = &c.nodes[0];
    struct node *eu = &c.nodes[1];
    struct node *ap = &c.nodes[2];
    for (size_t i = 0; i < 3; i++) {
        node_create_plain(&c.nodes[i], T);
    }
    settle(&c);
    assert_int_equal(node_regions(eu, CORE_ADMIN_CREATE_GROUP, T, "us", "eu", &call), OK);
    settle(&c);
    assert_int_equal(node_regions(eu, CORE_ADMIN_ADD_REPLICA, T, "ap", NULL, &call), OK);
    settle(&c);
    for (int64_t i = 0; i < 3; i++) {
        node_put(us, T, i, "as a replica");
    }
    settle(&c);
    node_delete(us, T, 0);
    node_put(us, T, 3, "as a replica");
    (void)ship(us, eu, 100);
    assert_int_equal(node_regions(eu, CORE_ADMIN_REMOVE_REPLICA, T, "us", NULL, &call), OK);
    for (unsigned i = 0; i < 10; i++) {
        (void)ship(us, eu, 100);
        (void)ship(eu, us, 100);
        node_run(us);
        c.now_ms += 1000;
    }
    assert_int_equal(node_replica(us, T, "us"), -1);
    for (int64_t i = 1; i < 4; i++) {
        node_delete(us, T, i);
    }
    node_put(us, T, 4, "alone");
    node_delete(us, T, 4);
    (void)ship(us, eu, 100); /* the word that the table is empty */
    assert_int_equal(node_regions(eu, CORE_ADMIN_ADD_REPLICA, T, "us", NULL, &call), OK);
    for (unsigned i = 0; i < 10; i++) {
        (void)ship(eu, us, 100);
        (void)ship(us, eu, 100);
        node_run(us);
        c.now_ms += 1000;
    }
    assert_int_equal(node_replica(us, T, "us"), CORE_CREATING);
    (void)ship(us, ap, 100);
    assert_int_equal(node_count(ap, T), 3);
    settle(&c);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(node_replica(&c.nodes[i], T, "us"), CORE_ACTIVE);
        assert_int_equal(node_count(&c.nodes[i], T), 3);
        assert_int_equal(node_note(&c.nodes[i], T, 0).len, 0);
        for (int64_t k = 1; k < 4; k++) {
            assert_true(bytes_eq_str(node_note(&c.nodes[i], T, k), "as a replica"));
        }
    }
    check_nodes(&c);
    cluster_stop(&c);
}

/* A complete replica is fenced off a region that it takes for one in the making, as far as it has
 * heard: what that one deleted and forgot comes with a whole seed only, so it asks for that. One in
 * the making asks for no more than it was told to, or two of them might wait for each other. */
static void test_fence_asks_for_all(void **state)
{
    (void)state;
    struct cluster c;
    struct core_admin call;
    join_pair(&c);
    struct node *us = &c.nodes[0];
    uint64_t id = node_table(us, T)->part.id;
    struct core_seed_need need = {id, c.nodes[1].id, false, BYTES_NONE};
    struct progress open = {.need = &need, .opens = true};
    struct part_cmd cmd = {.kind = PART_CMD_CALL, .call = {.run = run_progress, .arg = &open}};
    assert_int_equal(node_cmd(us, &cmd), OK);
    assert_int_equal(node_needs(us).n, 1);
    assert_true(node_needs(us).list[0].whole);
    cluster_stop(&c);

    cluster_start(&c, 3, 8);
    settle(&c);
    us = &c.nodes[0];
    struct node *eu = &c.nodes[1];
    struct node *ap = &c.nodes[2];
    node_create_plain(us, T);
    assert_int_equal(node_regions(us, CORE_ADMIN_ADD_REPLICA, T, "eu", "ap", &call), OK);
    (void)ship(us, eu, 100);
    assert_int_equal(node_replica(eu, T, "eu"), CORE_CREATING);
    need = (struct core_seed_need){node_table(us, T)->part.id, ap->id, false, BYTES_NONE};
    assert_int_equal(node_cmd(eu, &cmd), OK);
    struct needs needs = node_needs(eu);
    assert_int_equal(needs.n, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(needs.list[i].whole, needs.list[i].from.v == us->id.v);
    }
    cluster_stop(&c);
}

/* A new replica hears of its group from one region and not yet of another that is in it: not even
 * its member row. It does not take itself for complete before it has what that one wrote without
 * knowing of it. */
static void test_member_unheard_of(void **state)
{
    (void)state;
    struct cluster c;
    struct core_admin call;
    cluster_open(&c, 3, 41);
    struct node *us = &c.nodes[0];
    struct node *eu = &c.nodes[1];
    struct node *ap = &c.nodes[2];
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(node_member(&c.nodes[i], &c.nodes[i]), OK);
    }
    (void)ship(eu, us, 100);
    (void)ship(ap, us, 100);
    (void)ship(us, eu, 100);
    node_create_plain(us, T);
    assert_int_equal(node_regions(us, CORE_ADMIN_ADD_REPLICA, T, "eu", NULL, &call), OK);
    for (unsigned i = 0; i < 20; i++) {
        (void)ship(us, eu, 100);
        (void)ship(eu, us, 100);
        struct needs needs = node_needs(eu);
        for (size_t k = 0; k < needs.n; k++) {
            (void)serve(eu, &needs.list[k]);
        }
        node_run(eu);
        c.now_ms += 100;
    }
    assert_int_equal(node_replica(us, T, "eu"), CORE_ACTIVE);
    node_put(us, T, 1, "known to both");
    (void)ship(us, eu, 100);
    node_delete(eu, T, 1);
    node_put(eu, T, 2, "told nobody yet");
    assert_int_equal(node_regions(us, CORE_ADMIN_ADD_REPLICA, T, "ap", NULL, &call), OK);
    for (unsigned i = 0; i < 20; i++) {
        (void)ship(us, ap, 100);
        (void)ship(ap, us, 100);
        struct needs needs = node_needs(ap);
        for (size_t k = 0; k < needs.n; k++) {
            (void)serve(ap, &needs.list[k]);
        }
        c.now_ms += 100;
        node_run(ap);
    }
    assert_true(bytes_eq_str(node_note(ap, T, 1), "known to both"));
    assert_int_equal(node_replica(ap, T, "ap"), CORE_CREATING);
    /* eu has read its log for ap before it hears of ap's replica, and left the table out. */
    (void)ship(eu, ap, 100);
    settle(&c);
    assert_int_equal(node_replica(ap, T, "ap"), CORE_ACTIVE);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(node_note(&c.nodes[i], T, 1).len, 0);
        assert_true(bytes_eq_str(node_note(&c.nodes[i], T, 2), "told nobody yet"));
    }
    check_nodes(&c);
    cluster_stop(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fence_after_leaving),
        cmocka_unit_test(test_fence_after_removal),
        cmocka_unit_test(test_leaver_ships_the_rest),
        cmocka_unit_test(test_group_gone),
        cmocka_unit_test(test_fence_asks_for_all),
        cmocka_unit_test(test_member_unheard_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

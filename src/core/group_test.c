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

static const struct value *node_attr(struct node *n, int64_t pk, const char *name)
{
    struct core_view v = {n->engine, core_catalog(n->core)};
    const struct core_table *t = node_table(n, T);
    struct arena *a = &n->cluster->mem;
    const struct value *key = make_item(a, pk, "s", NULL, num(0));
    struct value item;
    size_t bytes;
    assert_int_equal(core_get(&v, t, key_of(a, t, key), NULL, a, &item, &bytes), OK);
    return value_find(&item, bytes_str(name));
}

/* Items of a 2017 group tell in every region when and where they were written last; those of a 2019
 * group do not. */
static void test_stamps(void **state)
{
    (void)state;
    struct cluster c;
    join_pair(&c);
    node_put(&c.nodes[0], T, 1, "from us");
    node_put(&c.nodes[1], T, 2, "from eu");
    settle(&c);
    for (size_t i = 0; i < 2; i++) {
        const struct value *region = node_attr(&c.nodes[i], 1, "aws:rep:updateregion");
        assert_true(region != NULL && bytes_eq_str(region->bytes, "us"));
        region = node_attr(&c.nodes[i], 2, "aws:rep:updateregion");
        assert_true(region != NULL && bytes_eq_str(region->bytes, "eu"));
        const struct value *deleting = node_attr(&c.nodes[i], 2, "aws:rep:deleting");
        assert_true(deleting != NULL && deleting->type == VALUE_BOOL && !deleting->boolean);
    }
    const struct value *us = node_attr(&c.nodes[0], 1, "aws:rep:updatetime");
    const struct value *eu = node_attr(&c.nodes[1], 1, "aws:rep:updatetime");
    assert_true(us != NULL && us->type == VALUE_NUMBER && value_eq(us, eu));
    node_put(&c.nodes[1], T, 1, "again");
    settle(&c);
    eu = node_attr(&c.nodes[0], 1, "aws:rep:updatetime");
    assert_true(value_cmp(us, eu) < 0);
    cluster_stop(&c);
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
        assert_int_equal(node_needs(eu).n, 0);
    }
    check_nodes(&c);
    cluster_stop(&c);
}

static void check_refused(
    struct node *n,
    enum core_admin_kind kind,
    const char *r1,
    const char *r2,
    enum core_refusal why,
    const char *where)
{
    struct core_admin call;
    assert_true(node_regions(n, kind, T, r1, r2, &call) != OK);
    assert_int_equal(call.refusal, why);
    if (where != NULL) {
        assert_true(bytes_eq_str(call.refused_region, where));
    }
}

static void create_at(struct node *n, const struct core_table *t)
{
    struct core_admin call;
    assert_int_equal(node_create(n, T, t, &call), OK);
    settle(n->cluster);
}

static void delete_at(struct node *n)
{
    struct core_admin call = {.kind = CORE_ADMIN_DELETE_TABLE, .name = bytes_str(T)};
    assert_int_equal(node_admin(n, &call), OK);
    settle(n->cluster);
}

/* A 2017 group is refused, each time by name and place, while a region is unknown, its table is
 * missing, or its table differs in keys, stream, content or capacity. */
static void test_create_refusals(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 2, 21);
    settle(&c);
    struct node *us = &c.nodes[0];
    struct node *eu = &c.nodes[1];
    const enum core_admin_kind create = CORE_ADMIN_CREATE_GROUP;
    check_refused(us, create, "us", "eu", CORE_REFUSED_REPLICA_TABLE_MISSING, "us");
    node_create_plain(us, T);
    check_refused(us, create, "us", "mars", CORE_REFUSED_REGION_UNKNOWN, "mars");
    check_refused(us, create, "us", "eu", CORE_REFUSED_REPLICA_TABLE_MISSING, "eu");
    struct core_table t = plain_table();
    t.part.keys.range = (struct expr_key_attr){0};
    t.n_attrs = 1;
    create_at(eu, &t);
    check_refused(us, create, "us", "eu", CORE_REFUSED_KEYS_DIFFER, "eu");
    delete_at(eu);
    t = plain_table();
    t.stream = CORE_STREAM_NEW_IMAGE;
    create_at(eu, &t);
    check_refused(us, create, "us", "eu", CORE_REFUSED_STREAM_NEEDED, "eu");
    delete_at(eu);
    t = plain_table();
    t.throughput.write_units = 6;
    create_at(eu, &t);
    check_refused(us, create, "us", "eu", CORE_REFUSED_BILLING_DIFFERS, "eu");
    delete_at(eu);
    t = plain_table();
    create_at(eu, &t);
    node_put(eu, T, 1, "full");
    settle(&c);
    check_refused(us, create, "us", "eu", CORE_REFUSED_NOT_EMPTY, "eu");
    node_delete(eu, T, 1);
    node_put(us, T, 1, "full");
    settle(&c);
    check_refused(us, create, "us", "eu", CORE_REFUSED_NOT_EMPTY, "us");
    node_delete(us, T, 1);
    struct core_admin call;
    assert_int_equal(node_regions(us, create, T, "us", "eu", &call), OK);
    settle(&c);
    assert_int_equal(node_replica(eu, T, "eu"), CORE_ACTIVE);
    cluster_stop(&c);
}

/* The same for adding and removing replicas, and a replica of a 2017 group is not deleted in place.
 */
static void test_replica_refusals(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 3, 22);
    settle(&c);
    struct node *us = &c.nodes[0];
    struct node *eu = &c.nodes[1];
    const enum core_admin_kind add = CORE_ADMIN_ADD_REPLICA;
    const enum core_admin_kind rm = CORE_ADMIN_REMOVE_REPLICA;
    check_refused(us, add, "eu", NULL, CORE_REFUSED_TABLE_MISSING, NULL);
    check_refused(us, rm, "eu", NULL, CORE_REFUSED_GROUP_MISSING, NULL);
    struct core_table t = plain_table();
    t.stream = CORE_STREAM_NONE;
    create_at(us, &t);
    check_refused(us, add, "eu", NULL, CORE_REFUSED_STREAM_NEEDED, NULL);
    delete_at(us);
    node_create_plain(us, T);
    check_refused(us, add, "us", NULL, CORE_REFUSED_REPLICA_EXISTS, "us");
    check_refused(us, add, "mars", NULL, CORE_REFUSED_REGION_UNKNOWN, "mars");
    t = plain_table();
    create_at(eu, &t);
    check_refused(us, add, "eu", NULL, CORE_REFUSED_TABLE_EXISTS, "eu");
    delete_at(eu);
    struct core_admin call;
    assert_int_equal(node_regions(us, add, T, "eu", NULL, &call), OK);
    check_refused(us, add, "eu", NULL, CORE_REFUSED_REPLICA_EXISTS, "eu");
    check_refused(us, rm, "us", NULL, CORE_REFUSED_TABLE_BUSY, NULL);
    struct core_admin del = {.kind = CORE_ADMIN_DELETE_TABLE, .name = bytes_str(T)};
    assert_int_equal(node_admin(us, &del), ERR_IN_USE);
    assert_int_equal(del.refusal, CORE_REFUSED_TABLE_BUSY);
    settle(&c);
    check_refused(us, rm, "ap", NULL, CORE_REFUSED_REPLICA_MISSING, "ap");
    check_refused(&c.nodes[2], add, "ap", NULL, CORE_REFUSED_TABLE_MISSING, NULL);
    check_refused(us, CORE_ADMIN_CREATE_GROUP, "us", "eu", CORE_REFUSED_GROUP_EXISTS, NULL);
    t = *node_table(us, T);
    t.stream = CORE_STREAM_NONE;
    struct core_admin up = {.kind = CORE_ADMIN_UPDATE_TABLE, .name = bytes_str(T), .table = &t};
    assert_true(node_admin(us, &up) != OK);
    assert_int_equal(up.refusal, CORE_REFUSED_STREAM_NEEDED);
    assert_int_equal(node_admin(eu, &del), OK);
    settle(&c);
    assert_null(node_table(eu, T));
    assert_null(node_group(us, T));
    cluster_stop(&c);
    join_pair(&c);
    assert_int_equal(node_admin(&c.nodes[1], &del), ERR_IN_USE);
    assert_int_equal(del.refusal, CORE_REFUSED_IS_REPLICA);
    cluster_stop(&c);
}

/* An index added, and billing changed, at one replica reaches the others under the same index id;
 * the index is filled there too, and goes everywhere when dropped. */
static void test_settings_follow(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 2, 23);
    settle(&c);
    struct node *us = &c.nodes[0];
    struct node *eu = &c.nodes[1];
    node_create_plain(us, T);
    node_put(us, T, 1, "blue");
    struct core_admin call;
    assert_int_equal(node_regions(us, CORE_ADMIN_ADD_REPLICA, T, "eu", NULL, &call), OK);
    settle(&c);
    const struct expr_key_attr attrs[] = {
        {BYTES_LIT("pk"), VALUE_NUMBER},
        {BYTES_LIT("sk"), VALUE_STRING},
        {BYTES_LIT("note"), VALUE_STRING},
    };
    const struct core_index index = {
        .part = {.name = BYTES_LIT("by-note"), .keys = {.hash = attrs[2]}},
    };
    struct core_table t = *core_table_dup(&c.mem, node_table(us, T));
    t.attrs = attrs;
    t.n_attrs = 3;
    t.indexes = &index;
    t.n_indexes = 1;
    t.on_demand = true;
    call = (struct core_admin){.kind = CORE_ADMIN_UPDATE_TABLE, .name = bytes_str(T), .table = &t};
    assert_int_equal(node_admin(us, &call), OK);
    settle(&c);
    const struct core_table *there = node_table(eu, T);
    assert_int_equal(there->n_indexes, 1);
    assert_int_equal(there->indexes[0].status, CORE_ACTIVE);
    assert_int_equal(there->indexes[0].part.id, node_table(us, T)->indexes[0].part.id);
    assert_true(there->on_demand);
    assert_int_equal(there->n_attrs, 3);
    check_nodes(&c);
    t = *core_table_dup(&c.mem, there);
    t.n_indexes = 0;
    assert_int_equal(node_admin(eu, &call), OK);
    settle(&c);
    assert_int_equal(node_table(us, T)->n_indexes, 0);
    assert_int_equal(node_table(eu, T)->n_indexes, 0);
    assert_int_equal(node_table(us, T)->n_attrs, 2);
    check_nodes(&c);
    cluster_stop(&c);
}

/* Two regions that make a group of the same name at once end with one group everywhere; the
 * replicas of the other are FAILED where all can see it, keep their items, and can be removed. */
static void test_two_groups_at_once(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 4, 24);
    settle(&c);
    struct node *us = &c.nodes[0];
    struct node *ap = &c.nodes[2];
    node_create_plain(us, T);
    node_create_plain(ap, T);
    node_put(us, T, 1, "us");
    node_put(ap, T, 1, "ap");
    struct core_admin call;
    assert_int_equal(node_regions(us, CORE_ADMIN_ADD_REPLICA, T, "eu", NULL, &call), OK);
    c.now_ms += 10;
    assert_int_equal(node_regions(ap, CORE_ADMIN_ADD_REPLICA, T, "sa", NULL, &call), OK);
    settle(&c);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(node_replica(&c.nodes[i], T, "ap"), CORE_ACTIVE);
        assert_int_equal(node_replica(&c.nodes[i], T, "sa"), CORE_ACTIVE);
        assert_int_equal(node_replica(&c.nodes[i], T, "us"), CORE_FAILED);
        assert_int_equal(node_replica(&c.nodes[i], T, "eu"), CORE_FAILED);
        assert_int_equal(node_table(&c.nodes[i], T)->status, CORE_ACTIVE);
        assert_int_equal(node_needs(&c.nodes[i]).n, 0);
    }
    assert_true(bytes_eq_str(node_note(us, T, 1), "us"));
    assert_true(bytes_eq_str(node_note(&c.nodes[3], T, 1), "ap"));
    assert_int_equal(node_regions(ap, CORE_ADMIN_REMOVE_REPLICA, T, "us", "eu", &call), OK);
    settle(&c);
    assert_int_equal(node_group(us, T)->n_replicas, 2);
    assert_true(bytes_eq_str(node_note(us, T, 1), "us"));
    check_nodes(&c);
    cluster_stop(&c);
}

/* Two replicas added at once from two regions that do not know of each other's doing both get
 * everything, also what the other wrote before it knew of them. */
static void test_two_adds_at_once(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 4, 25);
    settle(&c);
    struct node *us = &c.nodes[0];
    struct node *eu = &c.nodes[1];
    struct node *ap = &c.nodes[2];
    struct node *sa = &c.nodes[3];
    struct core_admin call;
    node_create_plain(us, T);
    node_put(us, T, 1, "old");
    assert_int_equal(node_regions(us, CORE_ADMIN_ADD_REPLICA, T, "eu", NULL, &call), OK);
    settle(&c);
    assert_int_equal(node_regions(us, CORE_ADMIN_ADD_REPLICA, T, "ap", NULL, &call), OK);
    assert_int_equal(node_regions(eu, CORE_ADMIN_ADD_REPLICA, T, "sa", NULL, &call), OK);
    (void)ship(us, ap, 100);
    (void)ship(eu, sa, 100);
    node_put(ap, T, 2, "at ap");
    node_put(sa, T, 3, "at sa");
    settle(&c);
    assert_int_equal(node_group(us, T)->n_replicas, 4);
    check_notes(&c, 1, "old");
    check_notes(&c, 2, "at ap");
    check_notes(&c, 3, "at sa");
    check_nodes(&c);
    cluster_stop(&c);
}

/* A member that is removed takes its replicas and everybody's wants of it along, also those of a
 * replica that was just being built from it. */
static void test_remove_member(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 3, 26);
    settle(&c);
    struct node *us = &c.nodes[0];
    struct node *eu = &c.nodes[1];
    struct core_admin call;
    node_create_plain(us, T);
    assert_int_equal(node_regions(us, CORE_ADMIN_ADD_REPLICA, T, "eu", "ap", &call), OK);
    uint64_t looks = core_looks(eu->core);
    (void)ship(us, eu, 100);
    (void)ship(us, &c.nodes[2], 100);
    assert_int_equal(node_needs(eu).n, 2);
    assert_true(core_looks(eu->core) > looks); /* whoever keeps a copy of the needs is told */
    assert_int_equal(node_regions(eu, CORE_ADMIN_REMOVE_MEMBER, "", "us", NULL, &call), OK);
    check_refused(eu, CORE_ADMIN_REMOVE_MEMBER, "us", NULL, CORE_REFUSED_REGION_UNKNOWN, "us");
    c.nodes[0].sent[1] = c.nodes[0].sent[2] = part_tail(core_part(us->core));
    settle(&c);
    assert_int_equal(node_replica(eu, T, "us"), -1);
    assert_int_equal(node_replica(eu, T, "eu"), CORE_ACTIVE);
    assert_int_equal(node_replica(eu, T, "ap"), CORE_ACTIVE);
    assert_false(catalog_replicates_to(core_catalog(eu->core), PART_TABLE_CATALOG, us->id));
    assert_true(catalog_member(core_catalog(eu->core), BYTES_LIT("us"))->removed);
    node_put(eu, T, 1, "without us");
    settle(&c);
    assert_true(bytes_eq_str(node_note(&c.nodes[2], T, 1), "without us"));
    cluster_stop(&c);
}

/* What one region asks of another's replica is followed there, once: what is changed there later
 * stays. A replica that is being made begins with what was asked of it. */
static void test_wishes(void **state)
{
    (void)state;
    struct cluster c;
    join_pair(&c);
    struct node *us = &c.nodes[0];
    struct node *eu = &c.nodes[1];
    uint64_t write_units = node_table(eu, T)->throughput.write_units;
    struct bytes region = BYTES_LIT("eu");
    struct member asked[] = {
        {BYTES_LIT("a"), {.type = VALUE_STRING, .bytes = BYTES_LIT("x")}},
        {BYTES_LIT("b"), {.type = VALUE_NULL}},
    };
    struct core_wish wish = {
        .read_units = 77,
        .table_class = BYTES_LIT("COLD"),
        .extra_name = BYTES_LIT("front"),
        .extra = {.type = VALUE_MAP, .map = {asked, 2}},
    };
    struct core_admin call = {
        .kind = CORE_ADMIN_SET_REPLICA,
        .name = bytes_str(T),
        .regions = &region,
        .n_regions = 1,
        .wishes = &wish,
    };
    assert_int_equal(node_admin(us, &call), OK);
    settle(&c);
    assert_int_equal(node_table(eu, T)->throughput.read_units, 77);
    assert_int_equal(node_table(eu, T)->throughput.write_units, write_units);
    assert_true(bytes_eq_str(node_table(eu, T)->table_class, "COLD"));
    assert_int_not_equal(node_table(us, T)->throughput.read_units, 77);
    const struct value *front = value_find(&node_table(eu, T)->extra, BYTES_LIT("front"));
    assert_non_null(front);
    assert_int_equal(front->map.n, 1);
    assert_true(bytes_eq_str(value_find(front, BYTES_LIT("a"))->bytes, "x"));
    struct core_table own = *node_table(eu, T);
    own.throughput.read_units = 5;
    struct core_admin update = {
        .kind = CORE_ADMIN_UPDATE_TABLE, .name = bytes_str(T), .table = &own};
    assert_int_equal(node_admin(eu, &update), OK);
    settle(&c);
    assert_int_equal(node_table(eu, T)->throughput.read_units, 5);
    assert_true(bytes_eq_str(node_table(eu, T)->table_class, "COLD"));
    region = BYTES_LIT("ap");
    assert_int_equal(node_admin(us, &call), ERR_NOT_FOUND);
    assert_int_equal(call.refusal, CORE_REFUSED_REPLICA_MISSING);
    cluster_stop(&c);
}

/* A fence opens a whole need, also of the catalog, which ends like any other. */
static void test_fence_opens_need(void **state)
{
    (void)state;
    struct cluster c;
    join_pair(&c);
    struct node *us = &c.nodes[0];
    const uint64_t wants[] = {PART_TABLE_CATALOG, node_table(us, T)->part.id};
    for (size_t i = 0; i < 2; i++) {
        struct core_seed_need need = {wants[i], c.nodes[1].id, true, BYTES_NONE};
        struct progress open = {.need = &need, .opens = true};
        struct part_cmd cmd = {.kind = PART_CMD_CALL, .call = {.run = run_progress, .arg = &open}};
        assert_int_equal(node_cmd(us, &cmd), OK);
        struct needs needs = node_needs(us);
        assert_int_equal(needs.n, 1);
        assert_true(needs.list[0].whole);
        assert_int_equal(needs.list[0].table, wants[i]);
        struct progress done = {.need = &need};
        struct part_cmd end = {.kind = PART_CMD_CALL, .call = {.run = run_progress, .arg = &done}};
        assert_int_equal(node_cmd(us, &end), OK);
        assert_int_equal(node_needs(us).n, 0);
    }
    assert_int_equal(node_replica(us, T, "us"), CORE_ACTIVE);
    cluster_stop(&c);
}

struct fence {
    struct node *from;
    struct peer_pos pos;
};

static enum err run_fence(void *arg, struct part_stage *s, struct arena *a)
{
    (void)a;
    const struct fence *f = arg;
    const struct core_seed_need need = {PART_TABLE_CATALOG, f->from->id, true, BYTES_NONE};
    part_stage_mark(s, (struct part_mark){.region = f->from->id, .pos = f->pos});
    return core_seed_progress(s, &need, /* done= */ false);
}

/* What was not carried yet from one node to another never is: the catalog is to be fetched. */
static void fence_off(struct node *from, struct node *to)
{
    struct fence f = {from, {part_tail(core_part(from->core)).v}};
    struct part_cmd cmd = {.kind = PART_CMD_CALL, .call = {.run = run_fence, .arg = &f}};
    assert_int_equal(node_cmd(to, &cmd), OK);
    from->sent[to - to->cluster->nodes].v = f.pos.v;
}

/* A region that was fenced off hears that it is to leave a group before it knows who else is in it.
 * It does not take itself for the last one and the group away with it. */
static void test_leave_half_seen(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 3, 31);
    settle(&c);
    struct node *us = &c.nodes[0];
    struct node *ap = &c.nodes[2];
    struct core_admin call;
    node_create_plain(us, T);
    assert_int_equal(node_regions(us, CORE_ADMIN_ADD_REPLICA, T, "eu", NULL, &call), OK);
    for (unsigned i = 0; i < 20; i++) {
        (void)ship(us, &c.nodes[1], 100);
        (void)ship(&c.nodes[1], us, 100);
        struct needs needs = node_needs(&c.nodes[1]);
        for (size_t k = 0; k < needs.n; k++) {
            (void)serve(&c.nodes[1], &needs.list[k]);
        }
        node_run(&c.nodes[1]);
        node_run(us);
        c.now_ms += 1000;
    }
    assert_int_equal(node_replica(us, T, "eu"), CORE_ACTIVE);
    fence_off(us, ap);
    fence_off(&c.nodes[1], ap);
    assert_int_equal(node_regions(us, CORE_ADMIN_ADD_REPLICA, T, "ap", NULL, &call), OK);
    assert_int_equal(node_regions(us, CORE_ADMIN_REMOVE_REPLICA, T, "ap", NULL, &call), OK);
    (void)ship(us, ap, 100);
    assert_int_equal(node_replica(ap, T, "us"), -1);
    for (unsigned i = 0; i < 10; i++) {
        c.now_ms += 1000;
        node_run(ap);
    }
    assert_int_equal(node_replica(ap, T, "ap"), CORE_DELETING);
    settle(&c);
    for (size_t i = 0; i < c.n; i++) {
        assert_non_null(node_group(&c.nodes[i], T));
        assert_int_equal(node_replica(&c.nodes[i], T, "us"), CORE_ACTIVE);
        assert_int_equal(node_replica(&c.nodes[i], T, "eu"), CORE_ACTIVE);
        assert_int_equal(node_replica(&c.nodes[i], T, "ap"), -1);
    }
    check_nodes(&c);
    cluster_stop(&c);
}

/* A region is lost and comes back empty under its old name and a new id. It hears of its earlier
 * replicas before it hears of their removal, says nothing about them, and can be added again. */
static void test_lost_region_returns(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 3, 27);
    settle(&c);
    struct node *us = &c.nodes[0];
    struct node *eu = &c.nodes[1];
    struct node *ap = &c.nodes[2];
    struct core_admin call;
    for (size_t i = 0; i < 3; i++) {
        node_create_plain(&c.nodes[i], T);
    }
    settle(&c);
    assert_int_equal(node_regions(us, CORE_ADMIN_CREATE_GROUP, T, "us", "ap", &call), OK);
    settle(&c);
    assert_int_equal(node_replica(eu, T, "ap"), CORE_ACTIVE);
    assert_int_equal(node_regions(eu, CORE_ADMIN_REMOVE_MEMBER, "", "ap", NULL, &call), OK);
    settle(&c);
    node_replace(ap, /* id= */ 77);
    us->sent[2] = eu->sent[2] = (struct local_pos){0};
    assert_int_equal(node_member(us, ap), OK);
    (void)ship(us, ap, 1000);
    assert_int_equal(node_replica(ap, T, "ap"), CORE_CREATING); /* as us made it */
    settle(&c);
    assert_int_equal(node_replica(ap, T, "ap"), -1);
    assert_int_equal(node_replica(us, T, "ap"), -1);
    node_create_plain(ap, T);
    settle(&c);
    assert_int_equal(node_regions(us, CORE_ADMIN_ADD_REPLICA, T, "ap", NULL, &call), OK);
    settle(&c);
    assert_int_equal(node_replica(us, T, "ap"), CORE_ACTIVE);
    cluster_stop(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create_group),
        cmocka_unit_test(test_stamps),
        cmocka_unit_test(test_add_replica),
        cmocka_unit_test(test_leave_2017),
        cmocka_unit_test(test_remove_2019),
        cmocka_unit_test(test_create_refusals),
        cmocka_unit_test(test_replica_refusals),
        cmocka_unit_test(test_settings_follow),
        cmocka_unit_test(test_two_groups_at_once),
        cmocka_unit_test(test_two_adds_at_once),
        cmocka_unit_test(test_remove_member),
        cmocka_unit_test(test_lost_region_returns),
        cmocka_unit_test(test_wishes),
        cmocka_unit_test(test_fence_opens_need),
        cmocka_unit_test(test_leave_half_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

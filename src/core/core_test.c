#include "core/test_util.h"

static const char T[] = "flights";

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
    assert_int_equal(node_create(n, T, &t, &call), OK);
    assert_int_equal(call.result->status, CORE_CREATING);
    assert_int_equal(call.result->uuid.len, 36);
    assert_int_equal(node_table(n, T)->status, CORE_ACTIVE);
    const struct core_table *seen = catalog_table(n->mirror, bytes_str(T));
    assert_int_equal(seen->status, CORE_ACTIVE);
    assert_true(seen->empty);
    assert_ptr_equal(catalog_table_by_id(n->mirror, seen->part.id), seen);
    assert_true(seen->part.keep_old_images);
    assert_int_equal(node_create(n, T, &t, &call), ERR_EXISTS);
    assert_int_equal(call.refusal, CORE_REFUSED_TABLE_EXISTS);
    assert_null(call.result);
    node_put(n, T, 1, "first");
    assert_true(bytes_eq_str(node_note(n, T, 1), "first"));
    assert_int_equal(node_note(n, T, 2).len, 0);
    cluster_stop(&c);
}

static enum err update(struct node *n, const struct core_table *want, struct core_admin *call)
{
    *call = (struct core_admin){
        .kind = CORE_ADMIN_UPDATE_TABLE,
        .name = bytes_str(T),
        .table = want,
    };
    return node_admin(n, call);
}

/* A copy of the table as it is, to be changed. */
static struct core_table wanted(struct node *n)
{
    struct core_table *t = core_table_dup(&n->cluster->mem, node_table(n, T));
    assert_non_null(t);
    return *t;
}

static void add_index(struct node *n, struct core_table *t, const char *name, const char *attr)
{
    struct arena *a = &n->cluster->mem;
    struct core_index *indexes = ARENA_ARRAY(a, struct core_index, t->n_indexes + 1);
    struct expr_key_attr *attrs = ARENA_ARRAY(a, struct expr_key_attr, t->n_attrs + 1);
    for (size_t i = 0; i < t->n_indexes; i++) {
        indexes[i] = t->indexes[i];
    }
    for (size_t i = 0; i < t->n_attrs; i++) {
        attrs[i] = t->attrs[i];
    }
    attrs[t->n_attrs++] = (struct expr_key_attr){bytes_str(attr), VALUE_STRING};
    indexes[t->n_indexes++] = (struct core_index){
        .part = {.name = bytes_str(name), .keys = {.hash = {bytes_str(attr), VALUE_STRING}}},
    };
    t->indexes = indexes;
    t->attrs = attrs;
}

static uint64_t count_index(struct node *n, const char *hash)
{
    struct core_view v = {n->engine, core_catalog(n->core)};
    const struct expr_key_cond cond = {.hash = str(hash), .op = EXPR_RANGE_ALL};
    const struct core_table *t = node_table(n, T);
    struct core_page page = {
        .table = t, .index = &t->indexes[0], .query = &cond, .count_only = true};
    assert_int_equal(core_page_read(&v, &page, &n->cluster->mem), OK);
    return page.count;
}

/* An index added to a full table is filled in stretches, also over a restart in the middle, and
 * only then ACTIVE; dropped, it goes with its attribute. */
static void test_index_life(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 1, 2);
    struct node *n = &c.nodes[0];
    node_create_plain(n, T);
    for (int64_t i = 0; i < 1300; i++) {
        node_put(n, T, i, i % 2 == 0 ? "even" : "odd");
    }
    struct core_table t = wanted(n);
    add_index(n, &t, "by-note", "note");
    struct core_admin call = {
        .kind = CORE_ADMIN_UPDATE_TABLE, .core = n->core, .name = bytes_str(T), .table = &t};
    struct part_cmd cmd = {
        .kind = PART_CMD_CALL,
        .arena = &c.mem,
        .call = {.run = core_admin_run, .arg = &call},
    };
    part_submit(core_part(n->core), &cmd);
    assert_int_equal(core_commit(n->core, c.now_ms), OK);
    assert_ptr_equal(core_take_done(n->core), &cmd);
    assert_int_equal(cmd.err, OK);
    assert_int_equal(call.result->status, CORE_UPDATING);
    assert_int_equal(call.result->indexes[0].status, CORE_CREATING);
    assert_int_equal(node_table(n, T)->status, CORE_ACTIVE);
    assert_int_equal(node_table(n, T)->indexes[0].status, CORE_CREATING);
    assert_int_equal(core_deadline(n->core), 0);
    assert_int_equal(core_commit(n->core, c.now_ms), OK);
    assert_true(node_table(n, T)->indexes[0].backfilling);
    node_reopen(n);
    node_run(n);
    assert_int_equal(node_table(n, T)->indexes[0].status, CORE_ACTIVE);
    assert_false(node_table(n, T)->indexes[0].backfilling);
    assert_int_equal(count_index(n, "odd"), 650);
    assert_int_equal(part_check(core_part(n->core)), OK);
    struct core_table without = wanted(n);
    without.n_indexes = 0;
    assert_int_equal(update(n, &without, &call), OK);
    assert_int_equal(call.result->indexes[0].status, CORE_DELETING);
    assert_int_equal(node_table(n, T)->n_indexes, 0);
    assert_int_equal(node_table(n, T)->n_attrs, 2);
    assert_int_equal(part_check(core_part(n->core)), OK);
    cluster_stop(&c);
}

/* Each update that cannot be is refused by its own name and changes nothing. */
static void test_update_refusals(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 1, 3);
    struct node *n = &c.nodes[0];
    struct core_table t = plain_table();
    struct core_admin call;
    assert_int_equal(update(n, &t, &call), ERR_NOT_FOUND);
    assert_int_equal(call.refusal, CORE_REFUSED_TABLE_MISSING);
    node_create_plain(n, T);
    t = wanted(n);
    add_index(n, &t, "one", "a");
    add_index(n, &t, "two", "b");
    assert_int_equal(update(n, &t, &call), ERR_IN_USE);
    assert_int_equal(call.refusal, CORE_REFUSED_INDEX_BUSY);
    t = wanted(n);
    add_index(n, &t, "one", "a");
    assert_int_equal(update(n, &t, &call), OK);
    t = wanted(n);
    add_index(n, &t, "one", "b");
    assert_int_equal(update(n, &t, &call), ERR_EXISTS);
    assert_int_equal(call.refusal, CORE_REFUSED_INDEX_EXISTS);
    t = wanted(n);
    struct core_index unknown = t.indexes[0];
    unknown.part.id += 1;
    t.indexes = &unknown;
    assert_int_equal(update(n, &t, &call), ERR_NOT_FOUND);
    assert_int_equal(call.refusal, CORE_REFUSED_INDEX_MISSING);
    for (int i = 1; i < CORE_GSI_MAX; i++) {
        t = wanted(n);
        struct bytes name = bytes_fmt(&c.mem, "index-%d", i);
        add_index(n, &t, bytes_cstr(&c.mem, name), bytes_cstr(&c.mem, name));
        assert_int_equal(update(n, &t, &call), OK);
    }
    t = wanted(n);
    add_index(n, &t, "over", "over");
    assert_int_equal(update(n, &t, &call), ERR_LIMIT);
    assert_int_equal(call.refusal, CORE_REFUSED_TOO_MANY);
    assert_int_equal(node_table(n, T)->n_indexes, CORE_GSI_MAX);
    cluster_stop(&c);
}

/* Billing, stream, protection and class change, with the times that go with them; tags alone leave
 * the status. */
static void test_update_settings(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 1, 4);
    struct node *n = &c.nodes[0];
    node_create_plain(n, T);
    uint64_t created = node_table(n, T)->created_ms;
    c.now_ms += 1000;
    struct core_admin call;
    struct core_table t = wanted(n);
    t.on_demand = true;
    t.throughput = (struct core_throughput){0, 0};
    t.stream = CORE_STREAM_NONE;
    t.table_class = BYTES_LIT("STANDARD_INFREQUENT_ACCESS");
    assert_int_equal(update(n, &t, &call), OK);
    const struct core_table *now = node_table(n, T);
    assert_true(now->on_demand);
    assert_int_equal(now->billing_changed_ms, c.now_ms);
    assert_int_equal(now->stream_created_ms, created);
    assert_false(now->part.keep_old_images);
    assert_false(now->empty);
    assert_true(bytes_eq_str(now->table_class, "STANDARD_INFREQUENT_ACCESS"));
    c.now_ms += 1000;
    t = wanted(n);
    t.stream = CORE_STREAM_NEW_IMAGE;
    t.deletion_protection = true;
    assert_int_equal(update(n, &t, &call), OK);
    assert_int_equal(node_table(n, T)->stream_created_ms, c.now_ms);
    assert_true(node_table(n, T)->empty);
    const struct core_tag tags[] = {
        {BYTES_LIT("z"), BYTES_LIT("1")}, {BYTES_LIT("a"), BYTES_LIT("")}};
    t = wanted(n);
    t.tags = tags;
    t.n_tags = 2;
    t.on_demand = false;
    call = (struct core_admin){
        .kind = CORE_ADMIN_UPDATE_TABLE,
        .name = bytes_str(T),
        .table = &t,
        .settings_only = true,
    };
    assert_int_equal(node_admin(n, &call), OK);
    assert_int_equal(call.result->status, CORE_ACTIVE);
    node_reopen(n);
    now = node_table(n, T);
    assert_int_equal(now->n_tags, 2);
    assert_true(bytes_eq_str(now->tags[0].key, "z"));
    assert_int_equal(now->tags[1].value.len, 0);
    assert_true(now->on_demand);
    cluster_stop(&c);
}

/* A protected table is not deleted; another goes with its items, and its name is free for a new
 * one, which is empty and has another id. */
static void test_delete(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 1, 5);
    struct node *n = &c.nodes[0];
    struct core_admin call = {.kind = CORE_ADMIN_DELETE_TABLE, .name = bytes_str(T)};
    assert_int_equal(node_admin(n, &call), ERR_NOT_FOUND);
    assert_int_equal(call.refusal, CORE_REFUSED_TABLE_MISSING);
    struct core_table t = plain_table();
    t.deletion_protection = true;
    struct core_admin create;
    assert_int_equal(node_create(n, T, &t, &create), OK);
    uint64_t id = node_table(n, T)->part.id;
    node_put(n, T, 1, "gone");
    assert_int_equal(node_admin(n, &call), ERR_INVALID);
    assert_int_equal(call.refusal, CORE_REFUSED_PROTECTED);
    t = wanted(n);
    t.deletion_protection = false;
    assert_int_equal(update(n, &t, &create), OK);
    assert_int_equal(node_admin(n, &call), OK);
    assert_int_equal(call.result->status, CORE_DELETING);
    assert_null(node_table(n, T));
    assert_null(catalog_table(n->mirror, bytes_str(T)));
    assert_int_equal(part_table_counts(core_part(n->core), id).items, 0);
    node_create_plain(n, T);
    assert_true(node_table(n, T)->part.id != id);
    assert_int_equal(node_note(n, T, 1).len, 0);
    cluster_stop(&c);
}

/* A store cut off between an administration call and its errands goes on with them when it is
 * opened again. */
static void test_errands_after_crash(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 1, 6);
    struct node *n = &c.nodes[0];
    node_create_plain(n, T);
    node_put(n, T, 1, "x");
    struct core_admin call = {
        .kind = CORE_ADMIN_DELETE_TABLE, .core = n->core, .name = bytes_str(T)};
    struct part_cmd cmd = {
        .kind = PART_CMD_CALL,
        .arena = &c.mem,
        .call = {.run = core_admin_run, .arg = &call},
    };
    part_submit(core_part(n->core), &cmd);
    assert_int_equal(part_commit(core_part(n->core), c.now_ms), OK);
    assert_int_equal(node_table(n, T)->status, CORE_DELETING);
    node_reopen(n);
    assert_int_equal(node_table(n, T)->status, CORE_DELETING);
    node_run(n);
    assert_null(node_table(n, T));
    cluster_stop(&c);
}

/* After a failed write the core refuses work, announces nothing and asks for no attention. */
static void test_failed_engine(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 1, 7);
    struct node *n = &c.nodes[0];
    engine_mem_fail_write(n->engine, 1, /* for_ever= */ true, /* applied= */ false);
    struct core_table t = plain_table();
    struct core_admin call = {
        .kind = CORE_ADMIN_CREATE_TABLE, .core = n->core, .name = bytes_str(T), .table = &t};
    struct part_cmd cmd = {
        .kind = PART_CMD_CALL,
        .arena = &c.mem,
        .call = {.run = core_admin_run, .arg = &call},
    };
    part_submit(core_part(n->core), &cmd);
    assert_int_equal(core_commit(n->core, c.now_ms), ERR_IO);
    assert_ptr_equal(core_take_done(n->core), &cmd);
    assert_int_equal(cmd.err, ERR_IO);
    assert_null(catalog_table(n->mirror, bytes_str(T)));
    assert_true(core_deadline(n->core) == UINT64_MAX);
    engine_mem_fail_write(n->engine, 0, false, false);
    node_reopen(n);
    node_run(n);
    assert_null(node_table(n, T));
    node_create_plain(n, T);
    cluster_stop(&c);
}

/* Tables are listed in the order of their names, from any name on. */
static void test_listing(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 1, 8);
    struct node *n = &c.nodes[0];
    static const char *const names[] = {"mmm", "aaa", "zzz", "mmm2", "MMM"};
    static const char *const sorted[] = {"MMM", "aaa", "mmm", "mmm2", "zzz"};
    for (size_t i = 0; i < 5; i++) {
        node_create_plain(n, names[i]);
    }
    struct bytes after = BYTES_NONE;
    for (size_t i = 0; i < 5; i++) {
        const struct core_table *t = catalog_table_after(n->mirror, after);
        assert_true(bytes_eq_str(t->part.name, sorted[i]));
        after = t->part.name;
    }
    assert_null(catalog_table_after(n->mirror, after));
    assert_true(bytes_eq_str(catalog_table_after(n->mirror, BYTES_LIT("n"))->part.name, "zzz"));
    cluster_stop(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_create),
        cmocka_unit_test(test_index_life),
        cmocka_unit_test(test_update_refusals),
        cmocka_unit_test(test_update_settings),
        cmocka_unit_test(test_delete),
        cmocka_unit_test(test_errands_after_crash),
        cmocka_unit_test(test_failed_engine),
        cmocka_unit_test(test_listing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

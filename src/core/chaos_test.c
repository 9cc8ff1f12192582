#include "core/test_util.h"

/* Random administration and writes in three regions, with logs carried over and seeds served in
 * random order and regions stopped and opened again in between. When all is quiet the regions must
 * agree. */

static const char *const tables[] = {"alpha", "beta"};

static const char *any_table(struct cluster *c)
{
    return tables[prng_below(&c->prng, 2)];
}

static const char *any_region(struct cluster *c)
{
    return c->nodes[prng_below(&c->prng, c->n)].region;
}

static void do_update(struct node *n, const char *name)
{
    const struct core_table *t = node_table(n, name);
    if (t == NULL) {
        return;
    }
    struct arena *a = &n->cluster->mem;
    struct core_table *want = core_table_dup(a, t);
    struct core_index *indexes = ARENA_ARRAY(a, struct core_index, t->n_indexes + 1);
    struct expr_key_attr *attrs = ARENA_ARRAY(a, struct expr_key_attr, t->n_attrs + 1);
    size_t n_attrs = 0;
    bool has_note = false;
    for (; n_attrs < t->n_attrs; n_attrs++) {
        attrs[n_attrs] = want->attrs[n_attrs];
        has_note = has_note || bytes_eq_str(attrs[n_attrs].name, "note");
    }
    if (!has_note) {
        attrs[n_attrs++] = (struct expr_key_attr){BYTES_LIT("note"), VALUE_STRING};
    }
    size_t n_indexes = 0;
    bool drop = prng_chance(&n->cluster->prng, 500);
    for (size_t i = 0; i < t->n_indexes; i++) {
        if (!drop || i > 0) {
            indexes[n_indexes++] = want->indexes[i];
        }
    }
    if (!drop && prng_chance(&n->cluster->prng, 700)) {
        indexes[n_indexes++] = (struct core_index){
            .part =
                {
                    .name = bytes_fmt(a, "by-%d", (int)prng_below(&n->cluster->prng, 3)),
                    .keys = {.hash = {BYTES_LIT("note"), VALUE_STRING}},
                },
        };
    }
    want->attrs = attrs;
    want->n_attrs = n_attrs;
    want->indexes = indexes;
    want->n_indexes = n_indexes;
    if (prng_chance(&n->cluster->prng, 300)) {
        want->on_demand = !want->on_demand;
    }
    want->throughput.write_units = 1 + prng_below(&n->cluster->prng, 9);
    struct core_admin call = {
        .kind = CORE_ADMIN_UPDATE_TABLE, .name = bytes_str(name), .table = want};
    (void)!node_admin(n, &call);
}

static void do_admin(struct cluster *c)
{
    struct node *n = &c->nodes[prng_below(&c->prng, c->n)];
    const char *name = any_table(c);
    struct core_admin call = {.refusal = CORE_REFUSED_NOT};
    enum err err = OK;
    struct core_table t = plain_table();
    switch (prng_below(&c->prng, 7)) {
    case 0:
    case 1:
        err = node_create(n, name, &t, &call);
        break;
    case 2:
        call = (struct core_admin){.kind = CORE_ADMIN_DELETE_TABLE, .name = bytes_str(name)};
        err = prng_chance(&c->prng, 300) ? node_admin(n, &call) : OK;
        break;
    case 3:
        err = node_regions(n, CORE_ADMIN_CREATE_GROUP, name, n->region, any_region(c), &call);
        break;
    case 4:
        err = node_regions(n, CORE_ADMIN_ADD_REPLICA, name, any_region(c), NULL, &call);
        break;
    case 5:
        if (prng_chance(&c->prng, 400)) {
            err = node_regions(n, CORE_ADMIN_REMOVE_REPLICA, name, any_region(c), NULL, &call);
        }
        break;
    default:
        do_update(n, name);
        break;
    }
    assert_true((err == OK) == (call.refusal == CORE_REFUSED_NOT));
}

static void do_write(struct cluster *c)
{
    struct node *n = &c->nodes[prng_below(&c->prng, c->n)];
    const char *name = any_table(c);
    const struct core_table *t = node_table(n, name);
    if (t == NULL || t->status == CORE_CREATING || t->status == CORE_DELETING) {
        return;
    }
    int64_t pk = (int64_t)prng_below(&c->prng, 8);
    if (prng_chance(&c->prng, 600)) {
        node_delete(n, name, pk);
    } else {
        node_put(n, name, pk, bytes_cstr(&c->mem, bytes_fmt(&c->mem, "%d", (int)pk)));
    }
}

static void do_carry(struct cluster *c)
{
    struct node *from = &c->nodes[prng_below(&c->prng, c->n)];
    struct node *to = &c->nodes[prng_below(&c->prng, c->n)];
    if (from != to) {
        (void)ship(from, to, 1 + prng_below(&c->prng, 4));
    }
    struct needs needs = node_needs(to);
    if (needs.n > 0) {
        (void)serve(to, &needs.list[prng_below(&c->prng, needs.n)]);
    }
}

/* ---- what must hold when all is quiet ---- */

static struct bytes dump(struct cluster *c, struct node *n, uint64_t table)
{
    struct part_reader reader = {.engine = n->engine};
    struct part_raw_cursor *cursor = part_raw_open(&reader, table, 0, UINT32_MAX, BYTES_NONE);
    struct buf b;
    buf_init(&b, 1 << 24);
    struct part_raw raw;
    while (part_raw_next(cursor, &raw) == OK) {
        if (raw.live) {
            put_lenbytes(&b, raw.key);
            put_lenbytes(&b, raw.item);
        }
    }
    part_raw_close(cursor);
    struct bytes copy = bytes_dup(&c->mem, buf_bytes(&b));
    buf_done(&b);
    return copy;
}

static void check_group(struct cluster *c, const struct core_group *g, uint64_t seed)
{
    struct bytes first = BYTES_NONE;
    bool have = false;
    for (size_t i = 0; i < g->n_replicas; i++) {
        const struct core_replica *r = &g->replicas[i];
        if (r->status == CORE_FAILED) {
            continue;
        }
        if (r->status != CORE_ACTIVE) {
            fail_msg(
                "seed %llu: %.*s in %.*s is stuck in %d",
                (unsigned long long)seed,
                BYTES_FMT(g->name),
                BYTES_FMT(r->region),
                (int)r->status);
        }
        for (size_t k = 0; k < c->n; k++) {
            if (!bytes_eq_str(r->region, c->nodes[k].region)) {
                continue;
            }
            struct bytes items = dump(c, &c->nodes[k], g->table);
            if (have && !bytes_eq(items, first)) {
                fail_msg("seed %llu: %.*s differs", (unsigned long long)seed, BYTES_FMT(g->name));
            }
            first = items;
            have = true;
        }
    }
}

static void check_quiet(struct cluster *c, uint64_t seed)
{
    struct bytes rows = dump(c, &c->nodes[0], PART_TABLE_CATALOG);
    for (size_t i = 0; i < c->n; i++) {
        struct node *n = &c->nodes[i];
        if (!bytes_eq(rows, dump(c, n, PART_TABLE_CATALOG))) {
            fail_msg("seed %llu: catalogs differ", (unsigned long long)seed);
        }
        const struct core_table *t = catalog_table_after(core_catalog(n->core), BYTES_NONE);
        for (; t != NULL; t = catalog_table_after(core_catalog(n->core), t->part.name)) {
            if (t->status != CORE_ACTIVE) {
                fail_msg("seed %llu: table stuck in %d", (unsigned long long)seed, (int)t->status);
            }
            for (size_t k = 0; k < t->n_indexes; k++) {
                assert_int_equal(t->indexes[k].status, CORE_ACTIVE);
            }
            assert_int_equal(
                catalog_table(n->mirror, t->part.name)->part.replicated, t->part.replicated);
        }
        if (node_needs(n).n != 0) {
            fail_msg("seed %llu: needs left", (unsigned long long)seed);
        }
    }
    const struct core_group *g = catalog_group_after(core_catalog(c->nodes[0].core), BYTES_NONE);
    for (; g != NULL; g = catalog_group_after(core_catalog(c->nodes[0].core), g->name)) {
        check_group(c, g, seed);
    }
    check_nodes(c);
}

static void run_seed(uint64_t seed)
{
    struct cluster c;
    cluster_start(&c, 3, seed);
    settle(&c);
    for (unsigned step = 0; step < 150; step++) {
        unsigned what = (unsigned)prng_below(&c.prng, 100);
        if (what < 20) {
            do_admin(&c);
        } else if (what < 45) {
            do_write(&c);
        } else if (what < 90) {
            do_carry(&c);
        } else if (what < 95) {
            node_reopen(&c.nodes[prng_below(&c.prng, c.n)]);
        } else {
            c.now_ms += prng_below(&c.prng, 300);
            node_run(&c.nodes[prng_below(&c.prng, c.n)]);
        }
    }
    settle(&c);
    check_quiet(&c, seed);
    cluster_stop(&c);
}

/* After any history of random steps the regions come to rest with equal catalogs and equal
 * replicas. */
static void test_random_histories(void **state)
{
    (void)state;
    const char *from = getenv("CORE_CHAOS_SEED");
    const char *count = getenv("CORE_CHAOS_SEEDS");
    uint64_t first = 1;
    uint64_t n = 40;
    if (from != NULL) {
        assert_int_equal(bytes_u64(bytes_str(from), &first), OK);
    }
    if (count != NULL) {
        assert_int_equal(bytes_u64(bytes_str(count), &n), OK);
    }
    for (uint64_t seed = first; seed < first + n; seed++) {
        run_seed(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_histories),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

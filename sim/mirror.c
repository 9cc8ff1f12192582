/* The decoded catalogs, the writer's and that of replication, must say what the stored rows say,
 * whichever way a row came: written here, by a log, a seed or a repair. And the writer's schemas
 * must agree with them. */
#include "sim/sim.h"

static uint64_t mix(uint64_t h, uint64_t v)
{
    return hash64(bytes_of(&v, sizeof v), h);
}

static uint64_t mix_table(uint64_t h, const struct core_table *t)
{
    if (t == NULL) {
        return mix(h, 0);
    }
    const uint64_t facts[] = {
        t->part.id,
        (uint64_t)t->status,
        t->created_ms,
        t->join,
        (uint64_t)t->stream,
        t->stream_created_ms,
        t->empty,
        t->part.ttl.len,
        t->n_indexes,
    };
    h = hash64(t->part.name, hash64(bytes_of(facts, sizeof facts), h));
    for (size_t i = 0; i < t->n_indexes; i++) {
        h = mix(mix(h, t->indexes[i].part.id), (uint64_t)t->indexes[i].status);
    }
    return h;
}

static uint64_t mix_group(uint64_t h, const struct core_group *g)
{
    h = hash64(g->source, hash64(g->name, mix(mix(h, g->table), (uint64_t)g->version)));
    for (size_t i = 0; i < g->n_replicas; i++) {
        const struct core_replica *r = &g->replicas[i];
        const uint64_t facts[] = {
            r->table, r->join, r->member.v, (uint64_t)r->status, r->created_ms};
        h = hash64(r->region, hash64(bytes_of(facts, sizeof facts), h));
    }
    return h;
}

/* All that a catalog says, in a number. */
static uint64_t print_of(const struct sim *s, const struct catalog *c)
{
    uint64_t h = 0;
    for (const struct core_table *t = catalog_table_after(c, BYTES_NONE); t != NULL;
         t = catalog_table_after(c, t->part.name)) {
        h = mix(mix_table(h, t), t->part.replicated);
        h = mix_table(h, catalog_table_by_id(c, t->part.id));
    }
    for (unsigned i = 0; i < s->n_nodes * s->n_tables; i++) {
        struct bytes region = bytes_str(s->nodes[i / s->n_tables].name);
        struct bytes name = bytes_str(s->tables[i % s->n_tables].name);
        h = mix_table(h, catalog_table_in(c, region, name));
    }
    for (const struct core_group *g = catalog_group_after(c, BYTES_NONE); g != NULL;
         g = catalog_group_after(c, g->name)) {
        h = mix_group(h, g);
        h = mix(h, catalog_group_by_table(c, g->table) == g);
    }
    for (const struct core_member *m = catalog_member_after(c, BYTES_NONE); m != NULL;
         m = catalog_member_after(c, m->region)) {
        h = hash64(m->region, mix(mix(h, m->id.v), m->removed));
    }
    return h;
}

static void take_row(struct node *n, void *ctx, const struct value *key, const struct value *item)
{
    if (catalog_apply(ctx, key, item) != OK) {
        sim_fail(n->sim, "%s: a row of the catalog does not decode", n->name);
    }
}

static void check_schemas(struct node *n)
{
    const struct catalog *c = core_catalog(n->core);
    for (const struct core_table *t = catalog_table_after(c, BYTES_NONE); t != NULL;
         t = catalog_table_after(c, t->part.name)) {
        const struct part_table *schema = part_find_table(core_part(n->core), t->part.id);
        bool good = schema != NULL && schema->replicated == t->part.replicated &&
                    (schema->stamp != NULL) == (t->part.stamp != NULL) &&
                    schema->n_indexes == t->part.n_indexes && bytes_eq(schema->ttl, t->part.ttl);
        if (!good) {
            sim_fail(
                n->sim,
                "%s: the writer has another schema of %.*s than its catalog",
                n->name,
                BYTES_FMT(t->part.name));
        }
    }
}

void mirror_check(struct node *n)
{
    struct sim *s = n->sim;
    struct catalog *stored = catalog_new(bytes_str(n->name));
    enum err e = node_rows(n, take_row, stored);
    if (e != OK) {
        sim_fail(s, "%s: catalog does not read: %s", n->name, err_name(e));
    }
    uint64_t want = print_of(s, stored);
    if (print_of(s, core_catalog(n->core)) != want) {
        sim_fail(s, "%s: its writer's catalog is not what is stored", n->name);
    }
    if (n->news == NULL && print_of(s, region_catalog(n->region)) != want) {
        sim_fail(s, "%s: its replication's catalog is not what is stored", n->name);
    }
    check_schemas(n);
    catalog_free(stored);
}

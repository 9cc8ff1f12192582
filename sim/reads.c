/* Readers of transactions: what one of them reads at an instant shows each transaction whole or not
 * at all, in the region that made it and in every other. */
#include "sim/sim.h"

static const struct core_table *own_table(const struct node *n, const char *name)
{
    return catalog_table(core_catalog(n->core), bytes_str(name));
}

/* Whether this region has the first two tables whole, in groups of the same regions. */
static bool readable(struct sim *s, struct node *n)
{
    const struct catalog *catalog = core_catalog(n->core);
    const struct core_group *g[2];
    for (unsigned i = 0; i < 2; i++) {
        g[i] = catalog_group(catalog, bytes_str(s->tables[i].name));
        const struct core_table *t = own_table(n, s->tables[i].name);
        if (g[i] == NULL || t == NULL || t->part.id != g[i]->table) {
            return false;
        }
        for (unsigned k = 0; k < s->n_nodes; k++) {
            if (s->tables[i].touched[k]) {
                return false;
            }
        }
        for (size_t k = 0; k < g[i]->n_replicas; k++) {
            if (g[i]->replicas[k].status != CORE_ACTIVE) {
                return false;
            }
        }
    }
    for (size_t k = 0; k < g[0]->n_replicas; k++) {
        if (core_group_replica(g[1], g[0]->replicas[k].region) == NULL) {
            return false;
        }
    }
    return g[0]->n_replicas == g[1]->n_replicas;
}

/* A seed runs ahead of the log it came beside: until the log has caught up with where the others
 * were when seeding ended, a region may show one table later than another. */
static bool caught_up(struct sim *s, struct node *n)
{
    if (n->seeding || region_status(n->region).seeds_open > 0) {
        n->seeding = false;
        for (unsigned i = 0; i < s->n_nodes; i++) {
            n->wait_for[i] = s->nodes[i].ingested;
        }
        n->seeding = region_status(n->region).seeds_open > 0;
        return false;
    }
    for (unsigned i = 0; i < s->n_nodes; i++) {
        const struct repl_mark *m = repl_vector_find(region_marks(n->region), s->nodes[i].id);
        if (n->wait_for[i] > (m == NULL ? 0 : m->pos.v)) {
            return false;
        }
    }
    return true;
}

static void check_group(struct sim *s, struct node *n, unsigned group)
{
    struct version seen[SIM_GROUP_KEYS] = {{{0}, {0}}};
    struct engine_snapshot *snap = engine_snapshot_open(n->engine);
    const struct part_reader r = {.engine = n->engine, .snap = snap};
    struct arena a;
    arena_init(&a, SIZE_MAX / 2);
    for (unsigned i = 0; i < SIM_GROUP_KEYS; i++) {
        const struct core_table *t = own_table(n, s->tables[i % 2].name);
        struct bytes key = workload_group_key(&a, t, group, i);
        struct value item;
        enum err e = part_get(&r, &t->part, key, &a, &item, &seen[i]);
        if (e != OK && e != ERR_NOT_FOUND) {
            sim_fail(s, "%s does not read: %s", n->name, err_name(e));
        }
    }
    for (unsigned i = 1; i < SIM_GROUP_KEYS; i++) {
        if (!version_eq(seen[i], seen[0])) {
            sim_fail(
                s,
                "%s shows a transaction in part: group %u, %llx and %llx",
                n->name,
                group,
                (unsigned long long)seen[0].hlc.v,
                (unsigned long long)seen[i].hlc.v);
        }
    }
    arena_done(&a);
    engine_snapshot_close(snap);
}

void reads_sample(struct sim *s)
{
    for (unsigned k = 0; k < s->n_nodes; k++) {
        struct node *n = &s->nodes[k];
        if (!n->up || part_failed(core_part(n->core))) {
            continue;
        }
        if (region_outstanding(n->region) > 1000) {
            sim_fail(
                s, "%s has %zu commands at its writer", n->name, region_outstanding(n->region));
        }
        follow_feeds(s, n);
        bool due = readable(s, n) && s->injected == 0;
        if (!due || !caught_up(s, n)) {
            n->seeding |= !due;
            continue;
        }
        s->result.samples++;
        for (unsigned g = 0; g < SIM_GROUPS; g++) {
            check_group(s, n, g);
        }
    }
}

/* Clients that read by TransactGet, in every region at any instant between its commits.
 *
 * Checked
 *  - what is read is what the region's log comes to by then, to the byte
 *  - the items of a group show one transaction whole, in the region that made it and in every other
 */
#include "sim/sim.h"

enum { OTHERS = 2, GLANCE_PER_MILLE = 200 };

static const struct core_table *own_table(const struct node *n, const char *name)
{
    return catalog_table(core_catalog(n->core), bytes_str(name));
}

/* Whether this region has the first two tables whole, each in a group. */
static bool readable(struct sim *s, struct node *n)
{
    for (unsigned i = 0; i < 2; i++) {
        const char *name = s->tables[i].name;
        const struct core_group *g = catalog_group(core_catalog(n->core), bytes_str(name));
        if (workload_grouped(n, name) == NULL ||
            core_group_replica(g, bytes_str(n->name))->status != CORE_ACTIVE) {
            return false;
        }
        for (unsigned k = 0; k < s->n_nodes; k++) {
            if (s->tables[i].touched[k]) {
                return false;
            }
        }
    }
    return true;
}

void reads_partial(struct node *n, struct region_id origin, uint64_t to)
{
    const struct node *by = node_named(n->sim, origin);
    if (by != NULL && n->wait_for[by->index] < to) {
        n->wait_for[by->index] = to;
    }
}

/* A seed runs ahead of the log it came beside, and one who relays another's log without having all
 * the tables passes on what it has of each transaction: until the log has caught up with where the
 * others were when seeding ended, and with what was relayed, a region may show one table later than
 * another. */
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

/* ---- what is read ---- */

/* One item of a TransactGet. */
struct shown {
    bool live;
    int64_t writer;
    int64_t left;
};

static int64_t number_of(const struct value *item, const char *name)
{
    const struct value *v = value_find(item, bytes_str(name));
    int64_t n = -1;
    bool fits = v != NULL && v->type == VALUE_NUMBER && decimal_to_i64(&v->number, &n) == OK;
    return fits ? n : -1;
}

static uint64_t hash_of(const struct value *item)
{
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    value_encode(&b, item);
    uint64_t h = hash64(buf_bytes(&b), 0);
    buf_done(&b);
    return h;
}

/* Reads an item, which must be what the region's log comes to. */
static struct shown show(
    struct node *n, const struct core_view *v, const struct core_table *t, const struct value *key)
{
    struct sim *s = n->sim;
    struct arena a;
    struct value item = {.type = VALUE_MAP};
    size_t bytes;
    arena_init(&a, SIZE_MAX / 2);
    struct bytes stored = workload_key_bytes(&a, t, key);
    enum err e = core_get(v, t, stored, NULL, &a, &item, &bytes);
    if (e != OK && e != ERR_NOT_FOUND) {
        sim_fail(s, "%s does not read: %s", n->name, err_name(e));
    }
    struct shown shown = {
        .live = e == OK, .writer = number_of(&item, "o"), .left = number_of(&item, "w")};
    const struct cell *c = ledger_cell(n, t->part.id, stored);
    bool live = c != NULL && c->live;
    if (live != shown.live || (live && c->item_hash != hash_of(&item))) {
        sim_fail(
            s,
            "%s reads in table %llx another item than its log comes to",
            n->name,
            (unsigned long long)t->part.id);
    }
    arena_done(&a);
    return shown;
}

/* A TransactGet of all items of a group and of a few others. `due`: the group must show whole
 * transactions, which the items themselves tell: who wrote them, and which he left. */
static void transact_get(struct node *n, unsigned group, bool due)
{
    struct sim *s = n->sim;
    struct core_view v = {.engine = n->engine, .catalog = core_catalog(n->core)};
    struct shown seen[SIM_GROUP_KEYS] = {{0}};
    struct arena a;
    unsigned there = 0;
    unsigned first = 0;
    arena_init(&a, SIZE_MAX / 2);
    v.snap = engine_snapshot_open(n->engine);
    for (unsigned i = 0; i < SIM_GROUP_KEYS; i++) {
        const struct core_table *t = own_table(n, s->tables[i % 2].name);
        const struct value *key = workload_key(&a, "group", transact_group_key(group, i));
        seen[i] = t == NULL ? seen[i] : show(n, &v, t, key);
        first = seen[i].live && there == 0 ? i : first;
        there |= (seen[i].live ? 1U : 0U) << i;
    }
    for (unsigned i = 0; i < OTHERS; i++) {
        unsigned table = (unsigned)prng_between(&s->transact_prng, 0, s->n_tables - 1);
        unsigned k = (unsigned)prng_between(&s->transact_prng, 0, s->keys - 1);
        const struct core_table *t = own_table(n, s->tables[table].name);
        if (t != NULL) {
            (void)show(n, &v, t, workload_key(&a, "k", k));
        }
    }
    engine_snapshot_close(v.snap);
    arena_done(&a);
    s->result.reads++;
    for (unsigned i = 0; i < SIM_GROUP_KEYS && due && there != 0; i++) {
        bool whole = seen[first].left == (int64_t)there &&
                     (!seen[i].live ||
                      (seen[i].writer == seen[first].writer && seen[i].left == seen[first].left));
        if (!whole) {
            sim_fail(
                s,
                "%s shows a transaction in part: group %u, %lld and %lld, items %x of %llx",
                n->name,
                group,
                (long long)seen[first].writer,
                (long long)seen[i].writer,
                there,
                (unsigned long long)seen[first].left);
        }
    }
}

/* Whether groups must show whole transactions in this region now. */
static bool is_due(struct sim *s, struct node *n)
{
    bool due = readable(s, n) && s->injected == 0;
    if (!due || !caught_up(s, n)) {
        n->seeding |= !due;
        return false;
    }
    s->result.samples++;
    return true;
}

void reads_groups(struct sim *s, struct node *n)
{
    bool due = is_due(s, n);
    for (unsigned g = 0; g < SIM_GROUPS && !s->result.failed; g++) {
        transact_get(n, g, due);
    }
}

void reads_glance(struct node *n)
{
    struct sim *s = n->sim;
    if (prng_chance(&s->transact_prng, GLANCE_PER_MILLE)) {
        unsigned group = (unsigned)prng_between(&s->transact_prng, 0, SIM_GROUPS - 1);
        transact_get(n, group, is_due(s, n));
    }
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
        reads_groups(s, n);
    }
}

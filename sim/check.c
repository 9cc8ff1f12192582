/* What must hold in the end: every replica holds what the ledger says, to the version, with its
 * bookkeeping right. */
#include <stdlib.h>

#include "sim/sim.h"

static const struct core_table *own_table(const struct node *n, const char *name)
{
    return catalog_table(core_catalog(n->core), bytes_str(name));
}

/* ---- at rest ---- */

/* Whether this region's table `id` is a replica in a group now. */
static bool grouped(const struct node *n, const struct table_plan *plan, uint64_t id)
{
    const struct core_group *g = catalog_group(core_catalog(n->core), bytes_str(plan->name));
    const struct core_replica *r = g == NULL ? NULL : core_group_replica(g, bytes_str(n->name));
    return r != NULL && g->table == id && r->table == id && r->status == CORE_ACTIVE;
}

static bool digests_equal(const struct node *a, const struct node *b, uint64_t table)
{
    for (unsigned i = 0; i < PART_DIGEST_BUCKETS; i++) {
        struct hash128 x = part_table_digest(core_part(a->core), table, i);
        struct hash128 y = part_table_digest(core_part(b->core), table, i);
        if (x.lo != y.lo || x.hi != y.hi) {
            return false;
        }
    }
    return true;
}

/* Whether a node's replicas have the digests of the first node's. */
static bool repaired(struct sim *s, const struct node *n)
{
    const struct node *first = &s->nodes[0];
    bool equal = digests_equal(n, first, PART_TABLE_CATALOG);
    for (unsigned i = 0; i < s->n_tables && equal; i++) {
        const struct core_table *t = own_table(n, s->tables[i].name);
        for (unsigned k = 0; t != NULL && k < s->n_nodes; k++) {
            const struct node *o = &s->nodes[k];
            bool both =
                grouped(n, &s->tables[i], t->part.id) && grouped(o, &s->tables[i], t->part.id);
            equal &= !both || digests_equal(n, o, t->part.id);
        }
    }
    return equal;
}

static bool node_settled(struct sim *s, struct node *n, const char **ret_why)
{
    if (!n->up || part_failed(core_part(n->core))) {
        *ret_why = "down";
        return false;
    }
    if (region_status(n->region).seeds_open > 0) {
        *ret_why = "seeding";
        return false;
    }
    for (unsigned i = 0; i < s->n_nodes; i++) {
        const struct repl_mark *m = repl_vector_find(region_marks(n->region), s->nodes[i].id);
        if ((m == NULL ? 0 : m->pos.v) < s->nodes[i].ingested) {
            *ret_why = "behind";
            return false;
        }
    }
    for (unsigned i = 0; i < s->n_tables; i++) {
        const struct core_table *t = own_table(n, s->tables[i].name);
        const struct core_group *g =
            catalog_group(core_catalog(n->core), bytes_str(s->tables[i].name));
        bool busy = t != NULL && t->status != CORE_ACTIVE;
        for (size_t k = 0; t != NULL && k < t->n_indexes; k++) {
            busy |= t->indexes[k].status != CORE_ACTIVE;
        }
        for (size_t k = 0; g != NULL && k < g->n_replicas; k++) {
            busy |=
                g->replicas[k].status == CORE_CREATING || g->replicas[k].status == CORE_DELETING;
        }
        if (busy) {
            *ret_why = "busy tables";
            return false;
        }
    }
    if (!expiry_settled(s, n)) {
        *ret_why = "with items that ought to have expired";
        return false;
    }
    return true;
}

bool check_settled(struct sim *s)
{
    bool settled = s->n_calls == 0;
    s->unsettled = settled ? "" : "calls under way";
    uint64_t tails = 0;
    for (unsigned i = 0; i < s->n_nodes && settled; i++) {
        settled = node_settled(s, &s->nodes[i], &s->unsettled);
        s->unsettled_node = i;
        tails += s->nodes[i].ingested;
    }
    for (unsigned i = 0; i < s->n_nodes && settled; i++) {
        if (settled && s->injected + s->removals > 0 && !repaired(s, &s->nodes[i])) {
            s->unsettled = "damaged";
            s->unsettled_node = i;
            settled = false;
        }
    }
    bool calm = settled && tails == s->tails;
    s->tails = tails;
    return calm;
}

static void describe_table(struct sim *s, const struct node *n, const char *name)
{
    static const char status[] = {'c', 'A', 'u', 'd', 'F'};
    const struct core_table *t = own_table(n, name);
    const struct core_group *g = catalog_group(core_catalog(n->core), bytes_str(name));
    char line[SIM_STORY_BYTES];
    int at = snprintf(
        line,
        sizeof line,
        "%s %s: table %04llx, group %04llx %d",
        n->name,
        name,
        (unsigned long long)(t == NULL ? 0 : t->part.id & 0xffff),
        (unsigned long long)(g == NULL ? 0 : g->table & 0xffff),
        g == NULL ? 0 : (int)g->version);
    for (size_t i = 0; g != NULL && i < g->n_replicas; i++) {
        at += snprintf(
            line + at,
            sizeof line - (size_t)at,
            " %.*s:%c:%04llx",
            BYTES_FMT(g->replicas[i].region),
            status[g->replicas[i].status],
            (unsigned long long)(g->replicas[i].table & 0xffff));
    }
    sim_tell(s, "%s", line);
}

void check_describe(struct sim *s)
{
    for (unsigned i = 0; i < s->n_nodes * s->n_tables; i++) {
        const struct node *n = &s->nodes[i / s->n_tables];
        if (n->up) {
            describe_table(s, n, s->tables[i % s->n_tables].name);
        }
    }
    for (unsigned i = 0; i < s->n_nodes; i++) {
        struct node *n = &s->nodes[i];
        char line[SIM_STORY_BYTES];
        int at = snprintf(
            line, sizeof line, "%s tail %llu has", n->name, (unsigned long long)n->ingested);
        for (unsigned k = 0; k < s->n_nodes && n->up; k++) {
            const struct repl_mark *m = repl_vector_find(region_marks(n->region), s->nodes[k].id);
            at += snprintf(
                line + at,
                sizeof line - (size_t)at,
                " %llu",
                (unsigned long long)(m == NULL ? 0 : m->pos.v));
        }
        struct region_peer_status peers[SIM_REGIONS_MAX];
        size_t n_peers =
            n->up ? region_peers(n->region, peers, SIM_REGIONS_MAX, node_mono_ms(n)) : 0;
        sim_tell(s, "%s, %zu seeds", line, n->up ? region_status(n->region).seeds_open : 0);
        for (size_t k = 0; k < n_peers; k++) {
            const struct region_peer_status *p = &peers[k];
            sim_tell(
                s,
                "  %s: up %d subscribed %d relayed %d fenced %d drifting %d ahead %d acked %llu "
                "pending %llu",
                p->name,
                p->connected,
                p->subscribed,
                p->relayed,
                p->fenced,
                p->drifting,
                p->ahead,
                (unsigned long long)p->acked.v,
                (unsigned long long)p->pending);
        }
    }
}

/* ---- the model ---- */

struct claim {
    struct claim *next;
    struct version version;
    bool live;
    uint64_t item_hash;
    bool optional; /* its region left: what it had not shipped need not be here */
};

struct model {
    struct map keys; /* table and key: struct claim list */
};

static void claim(
    struct sim *s, struct model *m, const struct ledger_txn *t, size_t i, bool optional)
{
    const struct ledger_change *c = &t->changes[i];
    uint8_t k[4096];
    store_u64_be(k, c->table);
    memcpy(k + 8, c->key.base, c->key.len);
    struct bytes key = bytes_of(k, c->key.len + 8);
    struct claim *cl = sim_alloc(s, sizeof *cl);
    *cl = (struct claim){
        .next = map_get(&m->keys, key),
        .version = c->version,
        .live = c->live,
        .item_hash = c->item_hash,
        .optional = optional,
    };
    (void)map_put(&m->keys, key, cl);
}

/* Whether what `by` wrote to the table must show at `at`: both hold it together, and `by` has done
 * so all along. */
static bool must_show(
    const struct node *by, const struct node *at, const struct table_plan *plan, uint64_t id)
{
    const struct core_table *t = own_table(by, plan->name);
    if (t == NULL || t->part.id != id || plan->touched[by->index]) {
        return false;
    }
    return by == at || (grouped(by, plan, id) && grouped(at, plan, id));
}

/* Everything any region ever wrote to the table `id`, as `at` ought to have it. */
static void gather(
    struct sim *s,
    struct model *m,
    const struct node *at,
    const struct table_plan *plan,
    uint64_t id)
{
    for (unsigned i = 0; i < s->n_nodes; i++) {
        struct node *n = &s->nodes[i];
        bool must = plan == NULL || must_show(n, at, plan, id);
        for (size_t p = 0; p < n->txns_cap; p++) {
            for (size_t k = 0; n->txns[p] != NULL && k < n->txns[p]->n; k++) {
                if (n->txns[p]->changes[k].table == id) {
                    claim(s, m, n->txns[p], k, !must);
                }
            }
        }
    }
}

struct held {
    struct version version;
    bool live;
    uint64_t item_hash;
};

static void check_claims(
    struct sim *s,
    struct node *n,
    struct bytes key,
    const struct claim *list,
    const struct held *have)
{
    const struct claim *must = NULL;
    const struct claim *stands = NULL;
    bool later_delete = false;
    for (const struct claim *c = list; c != NULL; c = c->next) {
        bool more = must == NULL || version_cmp(c->version, must->version) > 0;
        must = !c->optional && more ? c : must;
        stands = have != NULL && version_eq(c->version, have->version) ? c : stands;
    }
    for (const struct claim *c = list; c != NULL; c = c->next) {
        later_delete |=
            c->optional && !c->live && (must == NULL || version_cmp(c->version, must->version) > 0);
    }
    bool live = have != NULL && have->live;
    uint64_t table = load_u64_be(key.base);
    uint64_t must_hlc = must == NULL ? 0 : must->version.hlc.v;
    uint64_t have_hlc = have == NULL ? 0 : have->version.hlc.v;
    bool older = live && must != NULL && version_cmp(have->version, must->version) < 0;
    if (live && (stands == NULL || !stands->live || stands->item_hash != have->item_hash)) {
        sim_fail(
            s,
            "%s table %llx: an item %llx that nobody wrote",
            n->name,
            (unsigned long long)table,
            (unsigned long long)have_hlc);
    } else if (older || (!live && must != NULL && must->live && !later_delete)) {
        sim_fail(
            s,
            "%s table %llx: a write is lost: %llx by %llx must stand, %llx stands",
            n->name,
            (unsigned long long)table,
            (unsigned long long)must_hlc,
            (unsigned long long)must->version.region.v,
            (unsigned long long)have_hlc);
    } else if (
        live && must != NULL && !stands->optional && stands != must &&
        !version_eq(stands->version, must->version)) {
        sim_fail(
            s,
            "%s table %llx: neither the last write nor a later one stands",
            n->name,
            (unsigned long long)table);
    }
}

/* The stored content of a table, by table and key. */
static void read_held(struct sim *s, struct node *n, uint64_t table, struct map *ret)
{
    const struct part_reader r = {.engine = n->engine};
    struct part_raw_cursor *c = part_raw_open(&r, table, 0, UINT32_MAX, BYTES_NONE);
    struct part_raw raw;
    enum err e = part_raw_next(c, &raw);
    for (; e == OK; e = part_raw_next(c, &raw)) {
        uint8_t k[4096];
        store_u64_be(k, table);
        memcpy(k + 8, raw.key.base, raw.key.len);
        struct held *h = sim_alloc(s, sizeof *h);
        *h = (struct held){raw.version, raw.live, hash64(raw.item, 0)};
        (void)map_put(ret, bytes_of(k, raw.key.len + 8), h);
    }
    part_raw_close(c);
    if (e != ERR_NOT_FOUND) {
        sim_fail(s, "%s does not read: %s", n->name, err_name(e));
    }
}

/* The log, replayed into nothing, gives what is stored. Where a tombstone had been forgotten, a
 * late expiry of something older leaves one again. */
static void check_fold(struct sim *s, struct node *n, uint64_t table, struct map *held)
{
    MAP_FOREACH (held, e) {
        const struct held *h = e->value;
        const struct cell *c = map_get(&n->fold, e->key);
        bool exact = c != NULL && version_eq(c->version, h->version);
        bool same = c != NULL && c->live == h->live &&
                    (h->live ? exact && c->item_hash == h->item_hash
                             : version_cmp(h->version, c->version) <= 0);
        if (!same) {
            sim_fail(
                s,
                "%s table %llx: the log and the store differ",
                n->name,
                (unsigned long long)table);
        }
    }
    MAP_FOREACH (&n->fold, e) {
        const struct cell *c = e->value;
        if (load_u64_be(e->key.base) == table && c->live && map_get(held, e->key) == NULL) {
            sim_fail(
                s,
                "%s table %llx: the log has an item that the store lacks",
                n->name,
                (unsigned long long)table);
        }
    }
}

static void check_table(struct sim *s, struct node *n, struct model *m, uint64_t table)
{
    struct map held;
    map_init(&held);
    read_held(s, n, table, &held);
    check_fold(s, n, table, &held);
    MAP_FOREACH (&m->keys, e) {
        check_claims(s, n, e->key, e->value, map_get(&held, e->key));
    }
    MAP_FOREACH (&held, e) {
        const struct held *h = e->value;
        if (h->live && map_get(&m->keys, e->key) == NULL) {
            sim_fail(
                s, "%s table %llx: an item that nobody wrote", n->name, (unsigned long long)table);
        }
    }
    map_done(&held);
}

/* Names the first key at which two regions hold different items. */
static void tell_difference(struct sim *s, struct node *a, struct node *b, uint64_t table)
{
    struct map x;
    struct map y;
    map_init(&x);
    map_init(&y);
    read_held(s, a, table, &x);
    read_held(s, b, table, &y);
    MAP_FOREACH (&x, e) {
        const struct held *p = e->value;
        const struct held *q = map_get(&y, e->key);
        bool q_live = q != NULL && q->live;
        if (p->live != q_live || (p->live && !version_eq(p->version, q->version))) {
            sim_tell(
                s,
                "%08llx: %s %s %llx, %s %s %llx",
                (unsigned long long)(hash64(bytes_from(e->key, 8), table) & 0xffffffff),
                a->name,
                p->live ? "has" : "deleted",
                (unsigned long long)p->version.hlc.v,
                b->name,
                q == NULL ? "lacks"
                : q->live ? "has"
                          : "deleted",
                (unsigned long long)(q == NULL ? 0 : q->version.hlc.v));
        }
    }
    map_done(&x);
    map_done(&y);
}

static void tell_differences(struct sim *s, struct node *a, struct node *b, uint64_t table)
{
    tell_difference(s, a, b, table);
    tell_difference(s, b, a, table);
}

void check_describe_damage(struct sim *s)
{
    for (unsigned i = 0; i < s->n_nodes * s->n_nodes; i++) {
        struct node *a = &s->nodes[i / s->n_nodes];
        struct node *b = &s->nodes[i % s->n_nodes];
        if (a->index >= b->index || !a->up || !b->up) {
            continue;
        }
        tell_differences(s, a, b, PART_TABLE_CATALOG);
        for (unsigned k = 0; k < s->n_tables; k++) {
            const struct core_table *t = own_table(a, s->tables[k].name);
            if (t != NULL && grouped(a, &s->tables[k], t->part.id) &&
                grouped(b, &s->tables[k], t->part.id)) {
                tell_differences(s, a, b, t->part.id);
            }
        }
    }
}

static void check_digests(struct sim *s, struct node *a, struct node *b, uint64_t table)
{
    if (!digests_equal(a, b, table)) {
        tell_differences(s, a, b, table);
        sim_fail(s, "%s and %s differ in table %llx", a->name, b->name, (unsigned long long)table);
    }
}

static void check_plan(struct sim *s, const struct table_plan *plan)
{
    for (unsigned i = 0; i < s->n_nodes; i++) {
        struct node *n = &s->nodes[i];
        const struct core_table *t = own_table(n, plan->name);
        if (t == NULL || s->result.failed) {
            continue;
        }
        struct model m;
        map_init(&m.keys);
        gather(s, &m, n, plan, t->part.id);
        check_table(s, n, &m, t->part.id);
        map_done(&m.keys);
        for (unsigned k = 0; k < i && !s->result.failed; k++) {
            const struct core_table *other = own_table(&s->nodes[k], plan->name);
            bool together = other != NULL && other->part.id == t->part.id &&
                            grouped(n, plan, t->part.id) && grouped(&s->nodes[k], plan, t->part.id);
            if (together) {
                check_digests(s, n, &s->nodes[k], t->part.id);
            }
        }
    }
}

void check_final(struct sim *s)
{
    struct model catalog;
    map_init(&catalog.keys);
    gather(s, &catalog, NULL, NULL, PART_TABLE_CATALOG);
    for (unsigned i = 0; i < s->n_nodes && !s->result.failed; i++) {
        struct node *n = &s->nodes[i];
        check_table(s, n, &catalog, PART_TABLE_CATALOG);
        if (i > 0) {
            check_digests(s, n, &s->nodes[0], PART_TABLE_CATALOG);
        }
        mirror_check(n);
        enum err e = part_check(core_part(n->core));
        if (e != OK) {
            sim_fail(s, "%s: its bookkeeping is wrong: %s", n->name, err_name(e));
        }
        s->result.repaired += region_status(n->region).repaired;
        s->result.conflicts += region_status(n->region).conflicts;
    }
    map_done(&catalog.keys);
    for (unsigned i = 0; i < s->n_tables && !s->result.failed; i++) {
        check_plan(s, &s->tables[i]);
    }
    if (s->repairs > 0 && s->injected == 0 && (s->removals == 0 || s->result.fenced == 0)) {
        sim_fail(s, "scrubbing repaired what nobody had damaged");
    }
    reads_sample(s);
}

/* An operator who creates tables, joins them, adds and removes replicas and indexes, at any time
 * and in any region, whether or not it makes sense there and then. */
#include <stdlib.h>

#include "sim/sim.h"

static struct call *admin_call(struct node *n, enum core_admin_kind kind, const char *name)
{
    struct call *c = call_new(n->sim, n->index);
    c->admin = true;
    c->cmd.kind = PART_CMD_CALL;
    c->cmd.call.run = core_admin_run;
    c->cmd.call.arg = &c->call;
    c->call.kind = kind;
    c->call.core = n->core;
    c->call.name = bytes_dup(&c->arena, bytes_str(name));
    return c;
}

static void send(struct node *n, struct call *c)
{
    sim_tell(n->sim, "%s: admin %d of %.*s", n->name, (int)c->call.kind, BYTES_FMT(c->call.name));
    node_submit(n, &c->cmd);
}

void admin_join(struct node *n)
{
    if (catalog_member(core_catalog(n->core), bytes_str(n->name)) != NULL) {
        return;
    }
    struct call *c = admin_call(n, CORE_ADMIN_PUT_MEMBER, n->name);
    struct core_member *m = ARENA_NEW(&c->arena, struct core_member);
    *m = (struct core_member){
        .region = bytes_str(n->name),
        .id = n->id,
        .http_address = bytes_str(n->address),
        .link_address = bytes_str(n->address),
    };
    c->call.member = m;
    send(n, c);
}

static struct table_plan *plan_of(struct sim *s, const char *name)
{
    struct table_plan *p = s->tables;
    while (strcmp(p->name, name) != 0) {
        p++;
    }
    return p;
}

static void create_table(struct node *n, const char *name)
{
    static const struct expr_key_attr attrs[] = {
        {{(const uint8_t *)"pk", 2}, VALUE_STRING},
        {{(const uint8_t *)"sk", 2}, VALUE_NUMBER},
    };
    struct call *c = admin_call(n, CORE_ADMIN_CREATE_TABLE, name);
    struct core_table *t = ARENA_NEW(&c->arena, struct core_table);
    *t = (struct core_table){
        .part =
            {
                .keys = {.hash = attrs[0], .range = attrs[1]},
                .keep_old_images = true,
                .ttl = expiry_attr(plan_of(n->sim, name)),
            },
        .attrs = attrs,
        .n_attrs = 2,
        .on_demand = true,
        .stream = CORE_STREAM_NEW_AND_OLD_IMAGES,
        .extra = {.type = VALUE_MAP},
    };
    c->call.table = t;
    send(n, c);
}

static void with_regions(struct call *c, const struct node *const *nodes, size_t n)
{
    struct bytes *regions = ARENA_ARRAY(&c->arena, struct bytes, n);
    for (size_t i = 0; i < n; i++) {
        regions[i] = bytes_str(nodes[i]->name);
    }
    c->call.regions = regions;
    c->call.n_regions = n;
    c->call.extra = (struct value){.type = VALUE_MAP};
}

static void join_tables(struct node *n, const char *name)
{
    struct sim *s = n->sim;
    const struct node *with[SIM_REGIONS_MAX];
    size_t count = 0;
    for (unsigned i = 0; i < s->n_nodes; i++) {
        const struct node *other = &s->nodes[i];
        const struct catalog *catalog = core_catalog(n->core);
        bool has = catalog_table_in(catalog, bytes_str(other->name), bytes_str(name)) != NULL;
        if (has && (other == n || sim_chance(s, 900))) {
            with[count++] = other;
        }
    }
    if (count < 2) {
        return;
    }
    struct call *c = admin_call(n, CORE_ADMIN_CREATE_GROUP, name);
    with_regions(c, with, count);
    send(n, c);
}

static void add_replica(struct node *n, const char *name)
{
    struct sim *s = n->sim;
    const struct core_group *g = catalog_group(core_catalog(n->core), bytes_str(name));
    const struct node *with[SIM_REGIONS_MAX];
    size_t count = 0;
    for (unsigned i = 0; i < s->n_nodes; i++) {
        const struct node *other = &s->nodes[i];
        bool in = g != NULL && core_group_replica(g, bytes_str(other->name)) != NULL;
        if (!in && other != n && (count == 0 || sim_chance(s, 300))) {
            with[count++] = other;
        }
    }
    if (count == 0) {
        return;
    }
    struct call *c = admin_call(n, CORE_ADMIN_ADD_REPLICA, name);
    with_regions(c, with, count);
    send(n, c);
}

static void remove_replica(struct node *n, const char *name)
{
    struct sim *s = n->sim;
    const struct node *gone = &s->nodes[sim_rand(s, 0, s->n_nodes - 1)];
    plan_of(s, name)->touched[gone->index] = true;
    s->removals++;
    struct call *c = admin_call(n, CORE_ADMIN_REMOVE_REPLICA, name);
    with_regions(c, &gone, 1);
    send(n, c);
}

/* Adds an index on "g", or drops the one there is. */
static void change_index(struct node *n, const char *name)
{
    static const struct expr_key_attr attrs[] = {
        {{(const uint8_t *)"g", 1}, VALUE_STRING},
        {{(const uint8_t *)"pk", 2}, VALUE_STRING},
        {{(const uint8_t *)"sk", 2}, VALUE_NUMBER},
    };
    const struct core_table *old = catalog_table(core_catalog(n->core), bytes_str(name));
    struct call *c = admin_call(n, CORE_ADMIN_UPDATE_TABLE, name);
    struct core_table *t = core_table_dup(&c->arena, old);
    if (old->n_indexes > 0) {
        t->indexes = NULL;
        t->n_indexes = 0;
        t->attrs = attrs + 1;
        t->n_attrs = 2;
    } else {
        struct core_index *x = ARENA_NEW(&c->arena, struct core_index);
        x->part.name = BYTES_LIT("by-g");
        x->part.keys = (struct expr_key_schema){.hash = attrs[0]};
        x->part.projection = PART_PROJECT_ALL;
        t->indexes = x;
        t->n_indexes = 1;
        t->attrs = attrs;
        t->n_attrs = 3;
    }
    c->call.table = t;
    send(n, c);
}

/* Turns time to live on, or off if it is on. */
static void switch_ttl(struct node *n, const char *name)
{
    const struct core_table *t = catalog_table(core_catalog(n->core), bytes_str(name));
    struct call *c = admin_call(n, CORE_ADMIN_SET_TTL, name);
    c->call.ttl = BYTES_LIT("until");
    c->call.ttl_on = t->part.ttl.len == 0;
    send(n, c);
}

static void tend(struct sim *s, struct node *n, struct table_plan *plan)
{
    const struct catalog *catalog = core_catalog(n->core);
    struct bytes name = bytes_str(plan->name);
    const struct core_table *t = catalog_table(catalog, name);
    const struct core_group *g = catalog_group(catalog, name);
    bool member = g != NULL && core_group_replica(g, bytes_str(n->name)) != NULL;
    bool early = s->now_us < 3000000;
    bool first_two = plan - s->tables < 2;
    bool removes = s->removes && !(first_two && s->steady);
    if (t == NULL) {
        bool founds = (unsigned)(plan - s->tables) % s->n_nodes == n->index;
        bool makes = g == NULL && (plan->paired || founds || sim_chance(s, 50));
        if (makes) {
            create_table(n, plan->name);
        }
        return;
    }
    if (t->status != CORE_ACTIVE) {
        return;
    }
    /* Two regions that change one group at once are promised no more than that one of them wins,
     * and writes made in between may stay where they were made: a table has one operator. */
    bool founder = (unsigned)(plan - s->tables) % s->n_nodes == n->index;
    if (!founder) {
        return;
    }
    if (g == NULL && plan->paired && sim_chance(s, 700)) {
        join_tables(n, plan->name);
        return;
    }
    if (expiry_switches(s)) {
        switch_ttl(n, plan->name);
        return;
    }
    uint64_t draw = sim_rand(s, 0, 99);
    if (draw < 50 || early) {
        add_replica(n, plan->name);
    } else if (draw < 70) {
        change_index(n, plan->name);
    } else if (draw < 78 && member && removes) {
        remove_replica(n, plan->name);
    } else if (draw < 80 && !first_two && s->removes) {
        s->removals++;
        plan->touched[n->index] = true;
        send(n, admin_call(n, CORE_ADMIN_DELETE_TABLE, plan->name));
    }
}

void admin_try(struct sim *s)
{
    if (s->healed) {
        return;
    }
    struct node *n = &s->nodes[sim_rand(s, 0, s->n_nodes - 1)];
    struct table_plan *plan = &s->tables[sim_rand(s, 0, s->n_tables - 1)];
    if (n->up && !part_failed(core_part(n->core))) {
        tend(s, n, plan);
    }
    bool early = s->now_us < 3000000;
    sim_push(s, s->now_us + sim_rand(s, 1000, early ? 60000 : 1500000), EV_ADMIN, 0, 0, NULL);
}

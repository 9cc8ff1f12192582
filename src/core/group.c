/* Administration of groups and members, inside the writer's batch.
 *
 * A call writes the rows that say what shall be; each region's own core sees them and makes its
 * part true (reconcile.c). So an answer means that the wish is on disk here, not that other regions
 * know of it yet. */
#include "core/impl.h"

static const struct core_member *live_member(const struct core *c, struct bytes region)
{
    const struct core_member *m = catalog_member(c->catalog, region);
    return m == NULL || m->removed ? NULL : m;
}

static bool is_empty(const struct core *c, const struct core_table *t)
{
    if (bytes_eq(t->region, catalog_region(c->catalog))) {
        return part_table_counts(c->part, t->part.id).items == 0;
    }
    return t->empty;
}

static bool settings_equal(const struct core_table *t, const struct core_table *shape)
{
    if (t->n_indexes != shape->n_indexes || t->on_demand != shape->on_demand ||
        t->throughput.write_units != shape->throughput.write_units) {
        return false;
    }
    for (size_t i = 0; i < t->n_indexes; i++) {
        const struct core_index *x = find_index(shape, t->indexes[i].part.name);
        if (x == NULL || !index_shape_equal(&x->part, &t->indexes[i].part) ||
            x->throughput.write_units != t->indexes[i].throughput.write_units) {
            return false;
        }
    }
    return true;
}

/* Whether a region's table may join a 2017 group of tables like `shape`. */
static enum err check_joinable(
    struct core_admin *call, struct bytes region, const struct core_table *shape)
{
    const struct core *c = call->core;
    if (live_member(c, region) == NULL) {
        return refuse_region(call, CORE_REFUSED_REGION_UNKNOWN, ERR_NOT_FOUND, region);
    }
    const struct core_table *t = catalog_table_in(c->catalog, region, call->name);
    if (t == NULL) {
        return refuse_region(call, CORE_REFUSED_REPLICA_TABLE_MISSING, ERR_NOT_FOUND, region);
    }
    if (t->status != CORE_ACTIVE) {
        return refuse_region(call, CORE_REFUSED_TABLE_BUSY, ERR_IN_USE, region);
    }
    if (!keys_equal(&t->part.keys, &shape->part.keys)) {
        return refuse_region(call, CORE_REFUSED_KEYS_DIFFER, ERR_INVALID, region);
    }
    if (t->stream != CORE_STREAM_NEW_AND_OLD_IMAGES) {
        return refuse_region(call, CORE_REFUSED_STREAM_NEEDED, ERR_INVALID, region);
    }
    if (!is_empty(c, t)) {
        return refuse_region(call, CORE_REFUSED_NOT_EMPTY, ERR_INVALID, region);
    }
    if (!settings_equal(t, shape)) {
        return refuse_region(call, CORE_REFUSED_BILLING_DIFFERS, ERR_INVALID, region);
    }
    return OK;
}

bool replica_is_stale(const struct core *c, const struct replica_row *r)
{
    bool own = bytes_eq(r->replica.region, catalog_region(c->catalog));
    const struct core_member *m = catalog_member(c->catalog, r->replica.region);
    uint64_t id = own ? c->id.v : m == NULL ? 0 : m->id.v;
    return r->replica.member.v != 0 && id != 0 && r->replica.member.v != id;
}

static enum err stage_new_replica(
    struct core_admin *call,
    struct part_stage *s,
    struct arena *a,
    const struct replica_row *like,
    struct bytes region,
    enum core_status status)
{
    const struct core_member *m = catalog_member(call->core->catalog, region);
    struct replica_row row = *like;
    row.replica.region = region;
    row.replica.member = m == NULL ? (struct region_id){0} : m->id;
    row.replica.join = new_join(call->core);
    row.replica.status = status;
    return stage_replica(s, a, call->name, &row);
}

/* A replica in the call's i-th region, to be built, with what is asked of it from the start. */
static enum err stage_wanted_replica(
    struct core_admin *call,
    struct part_stage *s,
    struct arena *a,
    const struct replica_row *like,
    size_t i)
{
    struct replica_row row = *like;
    if (call->wishes != NULL) {
        enum err err =
            wish_merge(a, &call->extra, &call->wishes[i], part_stage_now_ms(s), &row.replica.extra);
        if (err != OK) {
            return err;
        }
    }
    return stage_new_replica(call, s, a, &row, call->regions[i], CORE_CREATING);
}

static enum err make_group(
    struct core_admin *call,
    struct part_stage *s,
    struct arena *a,
    const struct core_table *source,
    enum core_group_version version)
{
    struct group_row row = {
        .table = source->part.id,
        .version = version,
        .created_ms = part_stage_now_ms(s),
        .source = source->region,
    };
    enum err err = group_shape_of(a, source, &row.shape);
    return err == OK ? stage_group(s, a, call->name, &row) : err;
}

static enum err result_of(struct core_admin *call, struct arena *a)
{
    const struct core_table *t = catalog_table(call->core->catalog, call->name);
    call->result = t == NULL ? NULL : core_table_dup(a, t);
    return t != NULL && call->result == NULL ? ERR_TOO_BIG : OK;
}

enum err admin_create_group(struct core_admin *call, struct part_stage *s, struct arena *a)
{
    struct core *c = call->core;
    struct bytes own = catalog_region(c->catalog);
    if (catalog_group(c->catalog, call->name) != NULL) {
        return refuse(call, CORE_REFUSED_GROUP_EXISTS, ERR_EXISTS);
    }
    if (call->n_regions == 0) {
        return refuse(call, CORE_REFUSED_REGION_UNKNOWN, ERR_INVALID);
    }
    if (call->n_regions > CORE_REGIONS_MAX) {
        return refuse(call, CORE_REFUSED_TOO_MANY, ERR_LIMIT);
    }
    struct bytes source_region =
        bytes_listed(call->regions, call->n_regions, own) ? own : call->regions[0];
    const struct core_table *source = catalog_table_in(c->catalog, source_region, call->name);
    if (source == NULL) {
        bool unknown = live_member(c, source_region) == NULL;
        return refuse_region(
            call,
            unknown ? CORE_REFUSED_REGION_UNKNOWN : CORE_REFUSED_REPLICA_TABLE_MISSING,
            ERR_NOT_FOUND,
            source_region);
    }
    for (size_t i = 0; i < call->n_regions; i++) {
        enum err err = check_joinable(call, call->regions[i], source);
        if (err != OK) {
            return err;
        }
    }
    struct replica_row like = {
        .replica =
            {
                .table = source->part.id,
                .created_ms = part_stage_now_ms(s),
                .extra = call->extra,
            },
        .known = call->regions,
        .n_known = call->n_regions,
    };
    enum err err = make_group(call, s, a, source, CORE_GROUP_2017);
    for (size_t i = 0; err == OK && i < call->n_regions; i++) {
        bool ready = bytes_eq(call->regions[i], source_region) && bytes_eq(source_region, own);
        err = stage_new_replica(
            call, s, a, &like, call->regions[i], ready ? CORE_ACTIVE : CORE_CREATING);
    }
    return err == OK ? result_of(call, a) : err;
}

/* ---- adding ---- */

/* A region that a 2019 group may make a table in. */
static enum err check_free(struct core_admin *call, struct bytes region)
{
    const struct core *c = call->core;
    if (live_member(c, region) == NULL) {
        return refuse_region(call, CORE_REFUSED_REGION_UNKNOWN, ERR_NOT_FOUND, region);
    }
    if (catalog_table_in(c->catalog, region, call->name) != NULL) {
        return refuse_region(call, CORE_REFUSED_TABLE_EXISTS, ERR_EXISTS, region);
    }
    return OK;
}

/* Makes a group of our table and the regions. */
static enum err begin_group(struct core_admin *call, struct part_stage *s, struct arena *a)
{
    struct core *c = call->core;
    struct bytes own = catalog_region(c->catalog);
    const struct core_table *t = catalog_table(c->catalog, call->name);
    if (t == NULL) {
        return refuse(call, CORE_REFUSED_TABLE_MISSING, ERR_NOT_FOUND);
    }
    if (t->status != CORE_ACTIVE) {
        return refuse(call, CORE_REFUSED_TABLE_BUSY, ERR_IN_USE);
    }
    if (t->stream == CORE_STREAM_NONE) {
        return refuse(call, CORE_REFUSED_STREAM_NEEDED, ERR_INVALID);
    }
    struct bytes *known = ARENA_ARRAY(a, struct bytes, call->n_regions + 1);
    if (known == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < call->n_regions; i++) {
        if (bytes_eq(call->regions[i], own)) {
            return refuse_region(call, CORE_REFUSED_REPLICA_EXISTS, ERR_EXISTS, own);
        }
        enum err err = check_free(call, call->regions[i]);
        if (err != OK) {
            return err;
        }
        known[i] = call->regions[i];
    }
    known[call->n_regions] = own;
    struct replica_row like = {
        .replica = {.table = t->part.id, .created_ms = part_stage_now_ms(s)},
        .known = known,
        .n_known = call->n_regions + 1,
    };
    enum err err = make_group(call, s, a, t, CORE_GROUP_2019);
    if (err == OK) {
        err = stage_new_replica(call, s, a, &like, own, CORE_ACTIVE);
    }
    like.replica.extra = call->extra;
    for (size_t i = 0; err == OK && i < call->n_regions; i++) {
        err = stage_wanted_replica(call, s, a, &like, i);
    }
    return err == OK ? result_of(call, a) : err;
}

static bool is_live_replica(const struct group_entry *g, size_t i)
{
    const struct core_replica *r = &g->replicas[i]->row.replica;
    return r->table == g->row.table && r->status != CORE_FAILED && r->status != CORE_DELETING;
}

/* The regions a new replica must know: those in the group, and those joining with it. */
static struct bytes *known_after(
    struct core_admin *call, struct arena *a, const struct group_entry *g, size_t *ret_n)
{
    struct bytes *known = ARENA_ARRAY(a, struct bytes, g->n_replicas + call->n_regions);
    size_t n = 0;
    for (size_t i = 0; known != NULL && i < g->n_replicas; i++) {
        if (is_live_replica(g, i)) {
            known[n++] = g->replicas[i]->row.replica.region;
        }
    }
    for (size_t i = 0; known != NULL && i < call->n_regions; i++) {
        known[n++] = call->regions[i];
    }
    *ret_n = n;
    return known;
}

/* Where a new replica should take its data: from here if we have it, else from the first that has.
 */
static struct bytes best_source(const struct core *c, const struct group_entry *g)
{
    struct bytes best = g->row.source;
    bool found = false;
    for (size_t i = 0; i < g->n_replicas; i++) {
        const struct core_replica *r = &g->replicas[i]->row.replica;
        if (!is_live_replica(g, i) || r->status != CORE_ACTIVE) {
            continue;
        }
        if (!found || bytes_eq(r->region, catalog_region(c->catalog))) {
            best = r->region;
            found = true;
        }
    }
    return best;
}

static enum err check_add(struct core_admin *call, const struct group_entry *g)
{
    struct core *c = call->core;
    if (g->row.version == CORE_GROUP_2019) {
        const struct replica_row *own = group_entry_replica(g, catalog_region(c->catalog));
        if (own == NULL || own->replica.table != g->row.table) {
            return refuse(call, CORE_REFUSED_TABLE_MISSING, ERR_NOT_FOUND);
        }
        if (own->replica.status != CORE_ACTIVE) {
            return refuse(call, CORE_REFUSED_TABLE_BUSY, ERR_IN_USE);
        }
    }
    if (g->n_replicas + call->n_regions > CORE_REGIONS_MAX) {
        return refuse(call, CORE_REFUSED_TOO_MANY, ERR_LIMIT);
    }
    for (size_t i = 0; i < call->n_regions; i++) {
        struct bytes region = call->regions[i];
        const struct replica_row *old = group_entry_replica(g, region);
        if (old != NULL && !replica_is_stale(c, old)) {
            return refuse_region(call, CORE_REFUSED_REPLICA_EXISTS, ERR_EXISTS, region);
        }
        enum err err = g->row.version == CORE_GROUP_2019
                           ? check_free(call, region)
                           : check_joinable(call, region, &g->row.shape);
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

enum err admin_add_replica(struct core_admin *call, struct part_stage *s, struct arena *a)
{
    struct core *c = call->core;
    if (call->n_regions == 0) {
        return refuse(call, CORE_REFUSED_REGION_UNKNOWN, ERR_INVALID);
    }
    if (catalog_group(c->catalog, call->name) == NULL) {
        return begin_group(call, s, a);
    }
    const struct group_entry *g = catalog_group_entry(c->catalog, call->name);
    enum err err = check_add(call, g);
    if (err != OK) {
        return err;
    }
    /* The group row is written again although it says the same: should its last replica be
     * dissolving it right now, the later of the two stamps decides. */
    struct group_row row = g->row;
    row.source = best_source(c, g);
    struct replica_row like = {
        .replica =
            {
                .table = row.table,
                .created_ms = part_stage_now_ms(s),
                .extra = call->extra,
            },
    };
    like.known = known_after(call, a, g, &like.n_known);
    if (like.known == NULL) {
        return ERR_TOO_BIG;
    }
    err = stage_group(s, a, call->name, &row);
    for (size_t i = 0; err == OK && i < call->n_regions; i++) {
        err = stage_wanted_replica(call, s, a, &like, i);
    }
    return err == OK ? result_of(call, a) : err;
}

/* ---- removing ---- */

/* Whether what remains could still be built from something. */
static bool leaves_a_source(const struct core_admin *call, const struct group_entry *g)
{
    size_t n_active = 0;
    size_t n_building = 0;
    for (size_t i = 0; i < g->n_replicas; i++) {
        const struct core_replica *r = &g->replicas[i]->row.replica;
        if (!is_live_replica(g, i) || bytes_listed(call->regions, call->n_regions, r->region)) {
            continue;
        }
        n_active += r->status == CORE_ACTIVE ? 1 : 0;
        n_building += r->status == CORE_CREATING ? 1 : 0;
    }
    return n_active > 0 || n_building == 0;
}

enum err admin_remove_replica(struct core_admin *call, struct part_stage *s, struct arena *a)
{
    struct core *c = call->core;
    if (catalog_group(c->catalog, call->name) == NULL) {
        return refuse(call, CORE_REFUSED_GROUP_MISSING, ERR_NOT_FOUND);
    }
    const struct group_entry *g = catalog_group_entry(c->catalog, call->name);
    for (size_t i = 0; i < call->n_regions; i++) {
        if (group_entry_replica(g, call->regions[i]) == NULL) {
            return refuse_region(
                call, CORE_REFUSED_REPLICA_MISSING, ERR_NOT_FOUND, call->regions[i]);
        }
    }
    if (!leaves_a_source(call, g)) {
        return refuse(call, CORE_REFUSED_TABLE_BUSY, ERR_IN_USE);
    }
    enum err err = OK;
    for (size_t i = 0; err == OK && i < call->n_regions; i++) {
        struct replica_row row = *group_entry_replica(g, call->regions[i]);
        if (row.replica.status != CORE_DELETING) {
            row.replica.status = CORE_DELETING;
            err = stage_replica(s, a, call->name, &row);
        }
    }
    return err == OK ? result_of(call, a) : err;
}

enum err admin_set_replica(struct core_admin *call, struct part_stage *s, struct arena *a)
{
    struct core *c = call->core;
    if (catalog_group(c->catalog, call->name) == NULL) {
        return refuse(call, CORE_REFUSED_GROUP_MISSING, ERR_NOT_FOUND);
    }
    const struct group_entry *g = catalog_group_entry(c->catalog, call->name);
    for (size_t i = 0; i < call->n_regions; i++) {
        const struct replica_row *r = group_entry_replica(g, call->regions[i]);
        if (r == NULL) {
            return refuse_region(
                call, CORE_REFUSED_REPLICA_MISSING, ERR_NOT_FOUND, call->regions[i]);
        }
        /* The row says the replica's status too: one that is changing is its region's to write. */
        if (r->replica.status != CORE_ACTIVE) {
            return refuse_region(call, CORE_REFUSED_TABLE_BUSY, ERR_IN_USE, call->regions[i]);
        }
    }
    enum err err = OK;
    for (size_t i = 0; err == OK && i < call->n_regions; i++) {
        struct replica_row row = *group_entry_replica(g, call->regions[i]);
        const struct value extra = row.replica.extra;
        err = wish_merge(a, &extra, &call->wishes[i], part_stage_now_ms(s), &row.replica.extra);
        if (err == OK) {
            err = stage_replica(s, a, call->name, &row);
        }
    }
    return err == OK ? result_of(call, a) : err;
}

enum err admin_replica_seeded(struct core_admin *call, struct part_stage *s, struct arena *a)
{
    struct core *c = call->core;
    const struct group_entry *g = catalog_group_entry(c->catalog, call->name);
    const struct replica_row *own =
        g == NULL ? NULL : group_entry_replica(g, catalog_region(c->catalog));
    if (own == NULL || !g->has_row) {
        return refuse(call, CORE_REFUSED_REPLICA_MISSING, ERR_NOT_FOUND);
    }
    const struct core_member *m = catalog_member_after(c->catalog, BYTES_NONE);
    for (; m != NULL; m = catalog_member_after(c->catalog, m->region)) {
        struct seed_row row;
        enum err err = seed_get(s, a, g->row.table, m->id, &row);
        if (err == OK && !row.done) {
            return refuse_region(call, CORE_REFUSED_TABLE_BUSY, ERR_IN_USE, m->region);
        }
        if (err != OK && err != ERR_NOT_FOUND) {
            return err;
        }
    }
    /* Whether that was all is the errand's to decide: others may have joined meanwhile. */
    core_mark(c, call->name);
    return result_of(call, a);
}

/* ---- members ---- */

enum err admin_put_member(struct core_admin *call, struct part_stage *s, struct arena *a)
{
    const struct core *c = call->core;
    const struct core_member *old = catalog_member(c->catalog, call->member->region);
    bool adds = !call->member->removed && (old == NULL || old->removed);
    if (adds && catalog_members_live(c->catalog) >= CORE_REGIONS_MAX) {
        return refuse(call, CORE_REFUSED_TOO_MANY, ERR_LIMIT);
    }
    struct core_member m = *call->member;
    m.joined_ms = m.joined_ms == 0 ? part_stage_now_ms(s) : m.joined_ms;
    struct value item;
    enum err err = row_of_member(a, &m, &item);
    if (err != OK) {
        return err;
    }
    return stage_row(s, a, &(struct row_key){ROW_MEMBER, m.region, BYTES_NONE}, &item);
}

static enum err remove_member(
    struct core_admin *call, struct part_stage *s, struct arena *a, struct bytes region)
{
    const struct core *c = call->core;
    const struct core_member *old = live_member(c, region);
    if (old == NULL) {
        return refuse_region(call, CORE_REFUSED_REGION_UNKNOWN, ERR_NOT_FOUND, region);
    }
    struct core_member m = *old;
    m.removed = true;
    struct value item;
    enum err err = row_of_member(a, &m, &item);
    if (err == OK) {
        err = stage_row(s, a, &(struct row_key){ROW_MEMBER, m.region, BYTES_NONE}, &item);
    }
    /* More replicas than fit a transaction are left to the errands of those that stay. */
    size_t n = 0;
    const struct group_entry *g = catalog_group_entry_after(c->catalog, BYTES_NONE);
    for (; err == OK && g != NULL && n < CORE_REMOVALS_MAX;
         g = catalog_group_entry_after(c->catalog, g->name)) {
        if (group_entry_replica(g, region) != NULL) {
            err = stage_no_replica(s, a, region, g->name);
            n++;
        }
    }
    return err;
}

enum err admin_remove_member(struct core_admin *call, struct part_stage *s, struct arena *a)
{
    enum err err = OK;
    for (size_t i = 0; err == OK && i < call->n_regions; i++) {
        err = remove_member(call, s, a, call->regions[i]);
    }
    return err;
}

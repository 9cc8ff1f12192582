/* Administration of tables, inside the writer's batch.
 *
 * A call checks everything against the catalog first and stages rows last, so a refusal has no
 * effect. What takes longer than a batch (filling an index, dropping rows) is left to the errands
 * that the staged rows set off. */
#include "core/impl.h"

enum err refuse(struct core_admin *call, enum core_refusal why, enum err err)
{
    ASSERT(err != OK);
    call->refusal = why;
    return err;
}

enum err refuse_region(
    struct core_admin *call, enum core_refusal why, enum err err, struct bytes region)
{
    call->refused_region = region;
    return refuse(call, why, err);
}

static enum err set_result(struct core_admin *call, struct arena *a, const struct core_table *t)
{
    call->result = core_table_dup(a, t);
    return call->result == NULL ? ERR_TOO_BIG : OK;
}

static struct core_index *index_at(struct core_table *t, size_t i)
{
    /* Every table changed here is a copy whose arrays are ours. */
    return (struct core_index *)(uintptr_t)&t->indexes[i];
}

static bool too_many_indexes(const struct core_table *t)
{
    size_t n_local = 0;
    for (size_t i = 0; i < t->n_indexes; i++) {
        n_local += t->indexes[i].part.local ? 1 : 0;
    }
    return n_local > CORE_LSI_MAX || t->n_indexes - n_local > CORE_GSI_MAX;
}

/* ---- create ---- */

static enum err create_table(struct core_admin *call, struct part_stage *s, struct arena *a)
{
    struct core *c = call->core;
    if (catalog_table(c->catalog, call->name) != NULL) {
        return refuse(call, CORE_REFUSED_TABLE_EXISTS, ERR_EXISTS);
    }
    if (catalog_own_tables(c->catalog) >= CORE_TABLES_MAX || too_many_indexes(call->table)) {
        return refuse(call, CORE_REFUSED_TOO_MANY, ERR_LIMIT);
    }
    struct core_table t;
    enum err err = table_copy(a, call->table, &t);
    if (err != OK) {
        return err;
    }
    t.part.id = new_table_id(c);
    t.part.name = call->name;
    t.part.replicated = false;
    t.region = catalog_region(c->catalog);
    t.uuid = t.uuid.len == 0 ? new_uuid(c, a) : t.uuid;
    t.status = CORE_CREATING;
    t.created_ms = part_stage_now_ms(s);
    t.pitr_since_ms = 0;
    t.pitr_days = 0;
    t.billing_changed_ms = 0;
    t.join = 0;
    t.n_spans = 0;
    t.stream_created_ms =
        t.stream == CORE_STREAM_NONE ? 0 : streams_label_ms(c, call->name, t.created_ms);
    t.empty = t.stream != CORE_STREAM_NONE;
    t.table_class = t.table_class.len == 0 ? BYTES_LIT("STANDARD") : t.table_class;
    for (size_t i = 0; i < t.n_indexes; i++) {
        struct core_index *x = index_at(&t, i);
        x->part.id = (uint32_t)i + 1;
        x->status = CORE_ACTIVE;
        x->backfilling = false;
    }
    if (t.uuid.base == NULL) {
        return ERR_TOO_BIG;
    }
    err = stage_table(s, a, &t);
    if (err == OK) {
        err = set_result(call, a, &t);
    }
    /* There is nothing to fill, so the indexes are ready; the answer shows them as what they just
     * were. */
    for (size_t i = 0; err == OK && i < t.n_indexes; i++) {
        index_at(call->result, i)->status = CORE_CREATING;
    }
    return err;
}

/* ---- update ---- */

/* What an update does to the indexes. */
struct index_diff {
    size_t n_created;
    size_t n_dropped;
    size_t n_pending; /* others that are being created or dropped already */
};

static bool is_wanted(const struct core_table *wanted, uint32_t id)
{
    return find_index_id(wanted, id) != NULL;
}

static enum err diff_indexes(
    struct core_admin *call, const struct core_table *t, struct index_diff *ret)
{
    struct index_diff d = {0};
    for (size_t i = 0; i < call->table->n_indexes; i++) {
        const struct core_index *x = &call->table->indexes[i];
        if (x->part.id != 0 && find_index_id(t, x->part.id) == NULL) {
            return refuse(call, CORE_REFUSED_INDEX_MISSING, ERR_NOT_FOUND);
        }
        if (x->part.id == 0 && find_index(t, x->part.name) != NULL) {
            return refuse(call, CORE_REFUSED_INDEX_EXISTS, ERR_EXISTS);
        }
        d.n_created += x->part.id == 0 ? 1 : 0;
    }
    for (size_t i = 0; i < t->n_indexes; i++) {
        const struct core_index *x = &t->indexes[i];
        bool dropped = !is_wanted(call->table, x->part.id);
        if (dropped && x->status == CORE_DELETING) {
            return refuse(call, CORE_REFUSED_INDEX_BUSY, ERR_IN_USE);
        }
        bool pending = x->status == CORE_CREATING || x->status == CORE_DELETING;
        d.n_pending += pending && !dropped ? 1 : 0;
        d.n_dropped += dropped ? 1 : 0;
    }
    size_t n_changes = d.n_created + d.n_dropped;
    if (n_changes > 1 || (n_changes > 0 && d.n_pending > 0)) {
        return refuse(call, CORE_REFUSED_INDEX_BUSY, ERR_IN_USE);
    }
    if (d.n_created > 0 && too_many_indexes(call->table)) {
        return refuse(call, CORE_REFUSED_TOO_MANY, ERR_LIMIT);
    }
    *ret = d;
    return OK;
}

/* The attributes wanted, and those that indexes on their way out still use. */
static enum err merge_attrs(
    struct arena *a,
    const struct core_table *t,
    const struct core_table *wanted,
    struct core_table *next)
{
    struct expr_key_attr *attrs =
        ARENA_ARRAY(a, struct expr_key_attr, t->n_attrs + wanted->n_attrs);
    if (attrs == NULL) {
        return ERR_TOO_BIG;
    }
    size_t n = 0;
    for (size_t i = 0; i < wanted->n_attrs; i++) {
        attrs[n++] = wanted->attrs[i];
    }
    for (size_t i = 0; i < t->n_attrs; i++) {
        bool there = false;
        for (size_t k = 0; k < wanted->n_attrs; k++) {
            there = there || bytes_eq(wanted->attrs[k].name, t->attrs[i].name);
        }
        if (!there) {
            attrs[n++] = t->attrs[i];
        }
    }
    next->attrs = attrs;
    next->n_attrs = n;
    return OK;
}

/* Existing indexes in their order, dropped ones as DELETING, then the new one. */
static enum err merge_indexes(
    struct core *c,
    struct arena *a,
    const struct core_table *t,
    const struct core_table *wanted,
    struct core_table *next)
{
    struct core_index *list = ARENA_ARRAY(a, struct core_index, t->n_indexes + wanted->n_indexes);
    if (list == NULL) {
        return ERR_TOO_BIG;
    }
    size_t n = 0;
    for (size_t i = 0; i < t->n_indexes; i++) {
        struct core_index x = t->indexes[i];
        const struct core_index *w = find_index_id(wanted, x.part.id);
        if (w == NULL) {
            x.status = CORE_DELETING;
            x.backfilling = false;
        } else if (
            w->throughput.read_units != x.throughput.read_units ||
            w->throughput.write_units != x.throughput.write_units ||
            w->throughput.read_max != x.throughput.read_max ||
            w->throughput.write_max != x.throughput.write_max) {
            x.throughput = w->throughput;
            x.status = x.status == CORE_ACTIVE ? CORE_UPDATING : x.status;
        }
        list[n++] = x;
    }
    for (size_t i = 0; i < wanted->n_indexes; i++) {
        if (wanted->indexes[i].part.id == 0) {
            struct core_index x = wanted->indexes[i];
            x.part.id = new_index_id(c, t);
            x.status = CORE_CREATING;
            x.backfilling = false;
            list[n++] = x;
        }
    }
    next->indexes = list;
    next->n_indexes = n;
    return OK;
}

enum err group_shape_of(struct arena *a, const struct core_table *t, struct core_table *ret)
{
    struct core_index *list = ARENA_ARRAY(a, struct core_index, t->n_indexes);
    if (list == NULL) {
        return ERR_TOO_BIG;
    }
    struct core_table shape = *t;
    size_t n = 0;
    for (size_t i = 0; i < t->n_indexes; i++) {
        if (t->indexes[i].status != CORE_DELETING) {
            list[n] = t->indexes[i];
            list[n].status = CORE_ACTIVE;
            list[n].backfilling = false;
            n++;
        }
    }
    shape.indexes = list;
    shape.n_indexes = n;
    *ret = shape;
    return OK;
}

/* The table as it was, with all that an update may change taken from what is wanted. */
static struct core_table updated(
    const struct core *c,
    const struct core_table *t,
    const struct core_table *wanted,
    uint64_t now_ms)
{
    struct core_table next = *t;
    next.on_demand = wanted->on_demand;
    next.throughput = wanted->throughput;
    if (wanted->on_demand != t->on_demand) {
        next.billing_changed_ms = now_ms;
    }
    next.stream = wanted->stream;
    if (t->stream == CORE_STREAM_NONE && wanted->stream != CORE_STREAM_NONE) {
        next.stream_created_ms = streams_label_ms(c, t->part.name, now_ms);
    }
    next.deletion_protection = wanted->deletion_protection;
    next.table_class = wanted->table_class.len == 0 ? t->table_class : wanted->table_class;
    next.tags = wanted->tags;
    next.n_tags = wanted->n_tags;
    next.extra = wanted->extra;
    next.status = CORE_UPDATING;
    return next;
}

/* Our replica of a group that our table belongs to, or NULL. */
static const struct replica_row *own_replica(
    const struct core *c, const struct core_table *t, const struct group_entry **ret_group)
{
    const struct group_entry *g = catalog_group_entry(c->catalog, t->part.name);
    if (g == NULL || !g->has_row || g->row.table != t->part.id) {
        return NULL;
    }
    const struct replica_row *own = group_entry_replica(g, catalog_region(c->catalog));
    bool in = own != NULL && own->replica.table == t->part.id &&
              own->replica.status != CORE_FAILED && own->replica.status != CORE_DELETING;
    *ret_group = g;
    return in ? own : NULL;
}

/* A time that no write before this call is stamped with. */
static uint64_t behind_all_writes(const struct core *c, const struct part_stage *s)
{
    size_t n;
    const struct part_mark *marks = part_marks(c->part, &n);
    uint64_t now_ms = part_stage_now_ms(s);
    uint64_t last_ms = n == 0 ? 0 : hlc_ms(marks[0].hlc);
    return (last_ms > now_ms ? last_ms : now_ms) + 1;
}

static enum err update_settings(
    struct core_admin *call, struct part_stage *s, struct arena *a, const struct core_table *t)
{
    const struct core *c = call->core;
    struct core_table next = *t;
    next.tags = call->table->tags;
    next.n_tags = call->table->n_tags;
    next.extra = call->table->extra;
    next.throughput.read_max = call->table->throughput.read_max;
    next.throughput.write_max = call->table->throughput.write_max;
    next.deletion_protection = call->table->deletion_protection;
    next.pitr_days = call->table->pitr_days;
    next.pitr_since_ms = call->table->pitr_since_ms;
    if (t->pitr_since_ms == 0 && next.pitr_since_ms != 0) {
        next.pitr_since_ms = behind_all_writes(c, s);
    }
    enum err err = stage_table(s, a, &next);
    return err == OK ? set_result(call, a, &next) : err;
}

static enum err update_table(struct core_admin *call, struct part_stage *s, struct arena *a)
{
    struct core *c = call->core;
    const struct core_table *t = catalog_table(c->catalog, call->name);
    if (t == NULL) {
        return refuse(call, CORE_REFUSED_TABLE_MISSING, ERR_NOT_FOUND);
    }
    if (call->settings_only) {
        return update_settings(call, s, a, t);
    }
    if (t->status != CORE_ACTIVE) {
        return refuse(call, CORE_REFUSED_TABLE_BUSY, ERR_IN_USE);
    }
    struct index_diff diff;
    enum err err = diff_indexes(call, t, &diff);
    if (err != OK) {
        return err;
    }
    const struct group_entry *g = NULL;
    bool grouped = own_replica(c, t, &g) != NULL;
    if (grouped && call->table->stream == CORE_STREAM_NONE) {
        return refuse(call, CORE_REFUSED_STREAM_NEEDED, ERR_INVALID);
    }
    struct core_table next = updated(c, t, call->table, part_stage_now_ms(s));
    err = merge_indexes(c, a, t, call->table, &next);
    if (err == OK) {
        err = merge_attrs(a, t, call->table, &next);
    }
    if (err == OK) {
        err = stage_table(s, a, &next);
    }
    if (err == OK && grouped) {
        struct group_row row = g->row;
        err = group_shape_of(a, &next, &row.shape);
        if (err == OK) {
            err = stage_group(s, a, call->name, &row);
        }
    }
    return err == OK ? set_result(call, a, &next) : err;
}

/* ---- delete ---- */

/* Whether our replica is the only one from which others are being built. */
static bool is_needed(const struct core *c, const struct group_entry *g)
{
    size_t n_active = 0;
    size_t n_building = 0;
    for (size_t i = 0; i < g->n_replicas; i++) {
        const struct core_replica *r = &g->replicas[i]->row.replica;
        if (bytes_eq(r->region, catalog_region(c->catalog)) || r->table != g->row.table) {
            continue;
        }
        n_active += r->status == CORE_ACTIVE ? 1 : 0;
        n_building += r->status == CORE_CREATING ? 1 : 0;
    }
    return n_building > 0 && n_active == 0;
}

static bool indexes_settled(const struct core_table *t)
{
    for (size_t i = 0; i < t->n_indexes; i++) {
        if (t->indexes[i].status != CORE_ACTIVE) {
            return false;
        }
    }
    return true;
}

static enum err delete_table(struct core_admin *call, struct part_stage *s, struct arena *a)
{
    struct core *c = call->core;
    const struct core_table *t = catalog_table(c->catalog, call->name);
    if (t == NULL) {
        return refuse(call, CORE_REFUSED_TABLE_MISSING, ERR_NOT_FOUND);
    }
    if (t->status == CORE_DELETING) {
        return set_result(call, a, t);
    }
    if (t->deletion_protection) {
        return refuse(call, CORE_REFUSED_PROTECTED, ERR_INVALID);
    }
    const struct group_entry *g = NULL;
    const struct replica_row *own = own_replica(c, t, &g);
    if (own != NULL && g->row.version == CORE_GROUP_2017) {
        return refuse(call, CORE_REFUSED_IS_REPLICA, ERR_IN_USE);
    }
    if (t->status != CORE_ACTIVE || (own != NULL && is_needed(c, g))) {
        return refuse(call, CORE_REFUSED_TABLE_BUSY, ERR_IN_USE);
    }
    if (!indexes_settled(t)) {
        return refuse(call, CORE_REFUSED_INDEXES_BUSY, ERR_IN_USE);
    }
    struct core_table next = *t;
    next.status = CORE_DELETING;
    enum err err = stage_table(s, a, &next);
    if (err == OK && own != NULL) {
        struct replica_row row = *own;
        row.replica.status = CORE_DELETING;
        err = stage_replica(s, a, call->name, &row);
    }
    return err == OK ? set_result(call, a, &next) : err;
}

/* ---- the end of a restore or import ---- */

/* Its table is known by its uuid: the name may meanwhile be another table's. */
static enum err fill_table(struct core_admin *call, struct part_stage *s, struct arena *a)
{
    const struct core_table *t = catalog_table(call->core->catalog, call->name);
    if (t == NULL || !t->filling || !bytes_eq(t->uuid, call->table->uuid)) {
        return refuse(call, CORE_REFUSED_TABLE_MISSING, ERR_NOT_FOUND);
    }
    struct core_table next = *t;
    next.filling = false;
    next.extra = call->table->extra;
    next.status = call->fill_failed ? CORE_DELETING : CORE_CREATING;
    enum err err = stage_table(s, a, &next);
    return err == OK ? set_result(call, a, &next) : err;
}

enum err core_table_encode(struct arena *a, const struct core_table *t, struct value *ret)
{
    return row_of_table(a, t, ret);
}

enum err core_table_decode(struct arena *a, const struct value *row, struct core_table *ret)
{
    const struct value *kind = value_find(row, BYTES_LIT("kind"));
    const struct value *name = value_find(row, BYTES_LIT("name"));
    if (kind == NULL || name == NULL) {
        return ERR_CORRUPT;
    }
    const struct member members[] = {
        {BYTES_LIT("kind"), *kind},
        {BYTES_LIT("name"), *name},
    };
    const struct value key = {.type = VALUE_MAP, .map = {members, 2}};
    struct row_key parsed;
    enum err err = row_key_parse(&key, &parsed);
    if (err == OK && parsed.kind != ROW_TABLE) {
        err = ERR_CORRUPT;
    }
    return err == OK ? row_to_table(a, &parsed, row, ret) : err;
}

struct part_table core_jobs_schema(void)
{
    return (struct part_table){
        .id = CORE_TABLE_JOBS,
        .name = BYTES_LIT("jobs"),
        .keys =
            {
                .hash = {BYTES_LIT("kind"), VALUE_STRING},
                .range = {BYTES_LIT("name"), VALUE_STRING},
            },
    };
}

/* ---- time to live ---- */

/* Of a 2019 group the setting is the group's, and all its tables follow; in a 2017 group each table
 * keeps its own. */
static enum err set_ttl(struct core_admin *call, struct part_stage *s, struct arena *a)
{
    struct core *c = call->core;
    const struct core_table *t = catalog_table(c->catalog, call->name);
    if (t == NULL) {
        return refuse(call, CORE_REFUSED_TABLE_MISSING, ERR_NOT_FOUND);
    }
    if (t->status != CORE_ACTIVE) {
        return refuse(call, CORE_REFUSED_TABLE_BUSY, ERR_IN_USE);
    }
    if (!call->ttl_on && t->part.ttl.len == 0) {
        return refuse(call, CORE_REFUSED_TTL_OFF, ERR_INVALID);
    }
    if (t->part.ttl.len > 0 && !bytes_eq(t->part.ttl, call->ttl)) {
        call->refused_ttl = bytes_dup(a, t->part.ttl);
        return refuse(call, CORE_REFUSED_TTL_OTHER, ERR_INVALID);
    }
    if (call->ttl_on && t->part.ttl.len > 0) {
        return refuse(call, CORE_REFUSED_TTL_ON, ERR_INVALID);
    }
    struct core_table next = *t;
    next.part.ttl = call->ttl_on ? call->ttl : BYTES_NONE;
    enum err err = stage_table(s, a, &next);
    const struct group_entry *g = NULL;
    bool grouped = own_replica(c, t, &g) != NULL && g->row.version == CORE_GROUP_2019;
    if (err == OK && grouped) {
        struct group_row row = g->row;
        row.shape.part.ttl = next.part.ttl;
        err = stage_group(s, a, call->name, &row);
    }
    return err == OK ? set_result(call, a, &next) : err;
}

enum err core_admin_run(void *arg, struct part_stage *s, struct arena *a)
{
    struct core_admin *call = arg;
    call->refusal = CORE_REFUSED_NOT;
    call->refused_region = BYTES_NONE;
    call->refused_ttl = BYTES_NONE;
    call->result = NULL;
    switch (call->kind) {
    case CORE_ADMIN_CREATE_TABLE:
        return create_table(call, s, a);
    case CORE_ADMIN_UPDATE_TABLE:
        return update_table(call, s, a);
    case CORE_ADMIN_DELETE_TABLE:
        return delete_table(call, s, a);
    case CORE_ADMIN_SET_TTL:
        return set_ttl(call, s, a);
    case CORE_ADMIN_FILL_TABLE:
        return fill_table(call, s, a);
    case CORE_ADMIN_CREATE_GROUP:
        return admin_create_group(call, s, a);
    case CORE_ADMIN_ADD_REPLICA:
        return admin_add_replica(call, s, a);
    case CORE_ADMIN_REMOVE_REPLICA:
        return admin_remove_replica(call, s, a);
    case CORE_ADMIN_SET_REPLICA:
        return admin_set_replica(call, s, a);
    case CORE_ADMIN_REPLICA_SEEDED:
        return admin_replica_seeded(call, s, a);
    case CORE_ADMIN_PUT_MEMBER:
        return admin_put_member(call, s, a);
    case CORE_ADMIN_REMOVE_MEMBER:
        return admin_remove_member(call, s, a);
    }
    return ERR_INVALID;
}

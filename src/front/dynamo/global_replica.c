/* ReplicaUpdates of UpdateTable: global tables of version 2019.11.21.
 *
 * Create makes the table in the other region and fills it; Delete deletes it there. A table without
 * a stream gets one first, as in DynamoDB. Unlike DynamoDB, provisioned tables need no auto
 * scaling. */
#include "front/dynamo/table_admin.h"

struct replica_action {
    enum core_admin_kind kind;
    struct bytes region;
    const struct json *in;
    struct wish_request wish;
};

static bool read_entry(
    struct dynamo_call *c, const struct json *entry, struct replica_action *ret, unsigned *ret_n)
{
    static const struct {
        const char *field;
        const char *class;
        enum core_admin_kind kind;
    } actions[] = {
        {"Create", "CreateReplicationGroupMemberAction", CORE_ADMIN_ADD_REPLICA},
        {"Update", "UpdateReplicationGroupMemberAction", CORE_ADMIN_SET_REPLICA},
        {"Delete", "DeleteReplicationGroupMemberAction", CORE_ADMIN_REMOVE_REPLICA},
    };
    static const char *const not_supported[] = {"Disassociate", NULL};
    *ret_n = 0;
    if (!refuse_params(c, entry, not_supported)) {
        return false;
    }
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        const struct json *j;
        if (!field_struct(c, entry, actions[i].field, actions[i].class, &j)) {
            return false;
        }
        if (j == NULL) {
            continue;
        }
        ret->kind = actions[i].kind;
        ret->in = j;
        (*ret_n)++;
        if (!field_string(c, j, "RegionName", &ret->region)) {
            return false;
        }
    }
    return true;
}

static bool read_updates(struct dynamo_call *c, const struct json *in, struct replica_action *ret)
{
    const struct json *list;
    struct checks k = {.c = c};
    if (!field_list(c, in, "ReplicaUpdates", &list)) {
        return false;
    }
    if (list->array.n == 0) {
        check_count(&k, "replicaUpdates", BYTES_LIT("[]"), 0, 1, 1);
    }
    if (!checks_done(&k)) {
        return false;
    }
    for (size_t i = 0; i < list->array.n && i < 2; i++) {
        unsigned n;
        const struct json *j = &list->array.items[i];
        if (!json_as_struct(c, j, "ReplicationGroupUpdate") || !read_entry(c, j, ret, &n)) {
            return false;
        }
        if (n == 0) {
            return call_invalid(
                c, "There are no actions specified in the Replica Update Action of the request.");
        }
        if (n > 1) {
            return call_invalid(
                c,
                "Update table operation with more than one type of replica actions not allowed.");
        }
    }
    if (list->array.n > 1) {
        return call_invalid(
            c,
            "Update table operation with more than one create or delete replica actions not "
            "allowed");
    }
    return true;
}

/* ---- what is asked of a replica ---- */

bool read_units_field(
    struct checks *k, const struct json *in, const char *field, const char *path, uint64_t *ret)
{
    struct opt_int units;
    if (!field_int(k->c, in, field, "Long", &units)) {
        return false;
    }
    check_range(k, path, units, 1, INT64_MAX);
    if (units.present && units.v > 0) {
        *ret = (uint64_t)units.v;
    }
    return true;
}

/* ProvisionedThroughputOverride and OnDemandThroughputOverride: what a replica may have of its own.
 */
static bool read_overrides(
    struct checks *k,
    const struct json *in,
    const char *path,
    uint64_t *ret_units,
    uint64_t *ret_max)
{
    const struct json *j;
    const char *name = "ProvisionedThroughputOverride";
    if (!field_struct(k->c, in, name, name, &j)) {
        return false;
    }
    const char *units = check_path(k, "%s.provisionedThroughputOverride.readCapacityUnits", path);
    if (j != NULL && !read_units_field(k, j, "ReadCapacityUnits", units, ret_units)) {
        return false;
    }
    name = "OnDemandThroughputOverride";
    if (!field_struct(k->c, in, name, name, &j) || j == NULL) {
        return j == NULL;
    }
    struct opt_int max;
    if (!field_int(k->c, j, "MaxReadRequestUnits", "Long", &max)) {
        return false;
    }
    if (max.present && max.v < 1 && max.v != -1) {
        return call_invalid(
            k->c,
            INVALID_PREFIX "Requested MaxReadRequestUnits for OnDemandThroughput for table is "
                           "outside of valid range");
    }
    if (max.present) {
        *ret_max = max.v < 0 ? CORE_UNITS_UNLIMITED : (uint64_t)max.v;
    }
    return true;
}

static bool read_index_overrides(struct checks *k, const char *path, struct replica_action *x)
{
    const struct json *list;
    if (!field_list(k->c, x->in, "GlobalSecondaryIndexes", &list)) {
        return false;
    }
    if (list == NULL) {
        return true;
    }
    x->wish.indexes = ARENA_ARRAY(k->c->arena, struct core_index_wish, list->array.n);
    if (x->wish.indexes == NULL) {
        return call_fail_err(k->c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < list->array.n; i++) {
        const struct json *j = &list->array.items[i];
        struct core_index_wish wish = {0};
        const char *own = check_path(k, "%s.globalSecondaryIndexes.%zu.member", path, i + 1);
        if (!json_as_struct(k->c, j, "ReplicaGlobalSecondaryIndex") ||
            !field_string(k->c, j, "IndexName", &wish.name) ||
            !read_overrides(k, j, own, &wish.read_units, &wish.read_max)) {
            return false;
        }
        check_not_null(k, check_path(k, "%s.indexName", own), wish.name.base != NULL);
        if (wish.name.base != NULL && (wish.read_units > 0 || wish.read_max > 0)) {
            x->wish.indexes[x->wish.wish.n_indexes++] = wish;
        }
    }
    return true;
}

static bool action_check(struct dynamo_call *c, struct replica_action *x)
{
    struct checks k = {.c = c};
    const char *path = "replicaUpdates.1.member.create";
    if (x->kind != CORE_ADMIN_ADD_REPLICA) {
        path = x->kind == CORE_ADMIN_SET_REPLICA ? "replicaUpdates.1.member.update"
                                                 : "replicaUpdates.1.member.delete";
    }
    struct core_wish *wish = &x->wish.wish;
    check_not_null(&k, check_path(&k, "%s.regionName", path), x->region.base != NULL);
    if (!read_overrides(&k, x->in, path, &wish->read_units, &wish->read_max) ||
        !read_index_overrides(&k, path, x) ||
        !field_string(c, x->in, "TableClassOverride", &wish->table_class) || !checks_done(&k) ||
        !table_class_check(c, wish->table_class)) {
        return false;
    }
    wish->indexes = x->wish.indexes;
    x->wish.any = wish->read_units > 0 || wish->read_max > 0 || wish->n_indexes > 0 ||
                  wish->table_class.len > 0;
    if (bytes_eq(x->region, c->d->region)) {
        return call_invalid(
            c,
            "Cannot add, delete, or update the local region through ReplicaUpdates. Use "
            "CreateTable, DeleteTable, or UpdateTable as required.");
    }
    /* DynamoDB's own answer for tables under a key that is not the customer's, as all are here. */
    return !field_present(x->in, "KMSMasterKeyId") ||
           call_invalid(c, INVALID_PREFIX "KMSMasterKeyId must be specified for each replica.");
}

enum err wish_fault(
    struct table_call *t, const struct core_table *now, const struct core_wish *wish)
{
    bool units = wish->read_units > 0;
    bool max = wish->read_max > 0;
    for (size_t i = 0; i < wish->n_indexes; i++) {
        units = units || wish->indexes[i].read_units > 0;
        max = max || wish->indexes[i].read_max > 0;
    }
    if (max && !now->on_demand) {
        return table_fault_invalid(
            t,
            "MaxReadRequestUnits for OnDemandThroughput cannot be specified when the table "
            "BillingMode is PROVISIONED");
    }
    if (now->on_demand && units) {
        return table_fault_invalid(
            t,
            INVALID_PREFIX
            "ReadCapacityUnits cannot be specified for a replica when BillingMode is "
            "PAY_PER_REQUEST");
    }
    for (size_t i = 0; i < wish->n_indexes; i++) {
        const struct core_index *x = table_index(now, wish->indexes[i].name);
        if (x == NULL || x->part.local) {
            return table_fault(
                t,
                t->needs_group == CORE_GROUP_2017 ? AWS_INDEX_NOT_FOUND : AWS_RESOURCE_NOT_FOUND,
                "Requested resource not found: Index: %.*s not found for table: %.*s",
                BYTES_FMT(wish->indexes[i].name),
                BYTES_FMT(now->part.name));
        }
    }
    return OK;
}

bool consistency_check(struct dynamo_call *c, const struct json *in, bool adds_replica)
{
    struct bytes text;
    struct checks k = {.c = c};
    if (!field_string(c, in, "MultiRegionConsistency", &text)) {
        return false;
    }
    check_enum(&k, "multiRegionConsistency", text, "EVENTUAL, STRONG");
    if (!checks_done(&k)) {
        return false;
    }
    if (bytes_eq_str(text, "STRONG")) {
        return call_invalid(
            c, INVALID_PREFIX "MultiRegionConsistency STRONG is not supported by this server");
    }
    if (field_present(in, "GlobalTableWitnessUpdates")) {
        return call_invalid(
            c,
            "MultiRegionConsistency must be set as STRONG when GlobalTableWitnessUpdates parameter "
            "is present.");
    }
    return text.base == NULL || adds_replica ||
           call_invalid(
               c,
               "Only Replica Create actions are supported when MultiRegionConsistency parameter is "
               "provided.");
}

/* ---- in the writer ---- */

/* In the writer: replicas of a 2017 group are UpdateGlobalTable's. */
static enum err only_2019(struct table_call *t, const struct core_table *now, struct arena *a)
{
    (void)a;
    const struct core_group *g = catalog_group(core_catalog(t->admin.core), now->part.name);
    if (g != NULL && g->table == now->part.id && g->version == CORE_GROUP_2017) {
        return table_fault_invalid(
            t,
            INVALID_PREFIX "Table %.*s is a replica of a global table of version 2017.11.29: use "
                           "UpdateGlobalTable to change its replicas.",
            BYTES_FMT(now->part.name));
    }
    return t->admin.wishes == NULL ? OK : wish_fault(t, now, t->admin.wishes);
}

static enum err enable_stream(struct table_call *t, const struct core_table *now, struct arena *a)
{
    enum err err = only_2019(t, now, a);
    t->wanted.stream = CORE_STREAM_NEW_AND_OLD_IMAGES;
    return err;
}

/* Makes the call that `first` comes before; NULL and answered at the cap. */
static struct table_call *stream_first(struct dynamo_call *c, struct table_call *then)
{
    struct table_call *first = table_call_new(c, CORE_ADMIN_UPDATE_TABLE, then->admin.name);
    if (first != NULL) {
        first->build = enable_stream;
        first->then = then;
    }
    return first;
}

enum dynamo_step update_replicas_begin(
    struct dynamo_call *c, const struct json *in, struct bytes table)
{
    struct replica_action x = {0};
    if (!read_updates(c, in, &x) || !action_check(c, &x) ||
        !consistency_check(c, in, x.kind == CORE_ADMIN_ADD_REPLICA)) {
        return DYNAMO_ANSWER;
    }
    if (x.kind == CORE_ADMIN_SET_REPLICA && !x.wish.any) {
        (void)call_invalid(
            c, "There are no actions specified in the Replica Update Action of the request.");
        return DYNAMO_ANSWER;
    }
    const struct core_table *now = catalog_table(c->d->view.catalog, table);
    if (now == NULL) {
        (void)fail_table_missing(c, table); /* answers */
        return DYNAMO_ANSWER;
    }
    struct table_call *t = table_call_new(c, x.kind, table);
    if (t == NULL) {
        return DYNAMO_ANSWER;
    }
    struct bytes *region = ARENA_NEW(c->arena, struct bytes);
    struct core_wish *wish = ARENA_NEW(c->arena, struct core_wish);
    if (region == NULL || wish == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
        return DYNAMO_ANSWER;
    }
    *region = x.region;
    *wish = x.wish.wish;
    t->admin.wishes = x.wish.any ? wish : NULL;
    t->admin.regions = region;
    t->admin.n_regions = 1;
    t->admin.extra = (struct value){.type = VALUE_MAP};
    t->replicas_2019 = true;
    t->build = only_2019;
    bool streamless = x.kind == CORE_ADMIN_ADD_REPLICA && now->stream == CORE_STREAM_NONE;
    struct table_call *first = streamless ? stream_first(c, t) : t;
    return first == NULL ? DYNAMO_ANSWER : table_call_sync(first);
}

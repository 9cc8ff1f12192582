/* Global tables of version 2017.11.29: CreateGlobalTable, UpdateGlobalTable, DescribeGlobalTable
 * and ListGlobalTables. Groups of version 2019.11.21 are UpdateTable's and are not found here, as
 * in DynamoDB.
 *
 * A change waits until this region has seen what the others' catalogs hold at its beginning, or for
 * two seconds when one of them cannot be reached; then the writer checks DynamoDB's requirements
 * against what is known here. Any region may be asked.
 *
 * Unlike DynamoDB, a replica may be added while the others hold data: its own table must be empty
 * and is then filled. */
#include "front/dynamo/table_admin.h"

enum { GLOBAL_LIST_MAX = 100 };

struct region_list {
    struct bytes *items;
    size_t n;
};

/* ---- descriptions ---- */

static const struct core_group *find_2017(struct dynamo_call *c, struct bytes name)
{
    const struct core_group *g = catalog_group(c->d->view.catalog, name);
    return g != NULL && g->version == CORE_GROUP_2017 ? g : NULL;
}

/* A group is being made while a replica from its first day is; afterwards it is being changed. */
static const char *group_status(const struct core_group *g)
{
    bool changing = false;
    for (size_t i = 0; i < g->n_replicas; i++) {
        const struct core_replica *r = &g->replicas[i];
        if (r->status == CORE_CREATING && r->created_ms <= g->created_ms) {
            return "CREATING";
        }
        changing = changing || r->status != CORE_ACTIVE;
    }
    return changing ? "UPDATING" : "ACTIVE";
}

static void put_group(struct buf *b, const struct core_group *g, const char *status)
{
    buf_put_str(b, "{\"GlobalTableDescription\":{\"ReplicationGroup\":[");
    for (size_t i = 0; i < g->n_replicas; i++) {
        buf_put_str(b, i == 0 ? "{\"RegionName\":" : ",{\"RegionName\":");
        json_put_string(b, g->replicas[i].region);
        buf_putf(b, ",\"ReplicaStatus\":\"%s\"}", replica_status_name(g->replicas[i].status));
    }
    buf_put_str(b, "],\"GlobalTableArn\":\"arn:aws:dynamodb::" DYNAMO_ACCOUNT ":global-table/");
    buf_put_bytes(b, g->name);
    buf_put_str(b, "\",\"CreationDateTime\":");
    put_seconds(b, g->created_ms);
    buf_putf(b, ",\"GlobalTableStatus\":\"%s\",\"GlobalTableName\":", status);
    json_put_string(b, g->name);
    buf_put_str(b, "}}");
}

/* ---- requests ---- */

/* GlobalTableName, which is no ARN; its length is told apart from the rest as a table name's is. */
bool global_name_field(struct checks *k, const struct json *in, struct bytes *ret)
{
    if (!field_string(k->c, in, "GlobalTableName", ret)) {
        return false;
    }
    check_not_null(k, "globalTableName", ret->base != NULL);
    if (ret->base != NULL) {
        check_index_name(k, "globalTableName", *ret);
    }
    return true;
}

/* Adds a region once; a name given twice counts once. */
static bool region_add(struct dynamo_call *c, struct region_list *list, struct bytes region)
{
    if (region.base == NULL || region.len == 0) {
        return call_invalid(c, INVALID_PREFIX "RegionName must be specified for each replica.");
    }
    if (bytes_is_listed(list->items, list->n, region)) {
        return true;
    }
    if (list->n == CORE_REGIONS_MAX) {
        return call_failf(
            c,
            AWS_LIMIT_EXCEEDED,
            "Subscriber limit exceeded: A global table can have at most %d replicas",
            CORE_REGIONS_MAX);
    }
    list->items[list->n] = region;
    list->n++;
    return true;
}

static bool region_list_init(struct dynamo_call *c, struct region_list *list)
{
    *list = (struct region_list){ARENA_ARRAY(c->arena, struct bytes, CORE_REGIONS_MAX), 0};
    return list->items != NULL || call_fail_err(c, ERR_TOO_BIG);
}

enum dynamo_step create_global_begin(struct dynamo_call *c, const struct json *in)
{
    struct checks k = {.c = c};
    struct bytes name;
    struct region_list regions;
    const struct json *list;
    if (!global_name_field(&k, in, &name) || !field_list(c, in, "ReplicationGroup", &list) ||
        !region_list_init(c, &regions)) {
        return DYNAMO_ANSWER;
    }
    check_not_null(&k, "replicationGroup", list != NULL);
    if (!checks_done(&k)) {
        return DYNAMO_ANSWER;
    }
    for (size_t i = 0; i < list->array.n; i++) {
        struct bytes region;
        const struct json *j = &list->array.items[i];
        if (!json_as_struct(c, j, "Replica") || !field_string(c, j, "RegionName", &region) ||
            !region_add(c, &regions, region)) {
            return DYNAMO_ANSWER;
        }
    }
    if (regions.n == 0) {
        (void)call_invalid(c, INVALID_PREFIX "ReplicationGroup must not be empty."); /* answers */
        return DYNAMO_ANSWER;
    }
    struct table_call *t = table_call_new(c, CORE_ADMIN_CREATE_GROUP, name);
    if (t == NULL) {
        return DYNAMO_ANSWER;
    }
    t->admin.regions = regions.items;
    t->admin.n_regions = regions.n;
    t->admin.extra = (struct value){.type = VALUE_MAP};
    return table_call_sync(t);
}

enum dynamo_step global_change_resume(struct dynamo_call *c)
{
    enum dynamo_step step;
    if (!table_call_finished(c, &step)) {
        return step;
    }
    const struct table_call *t = c->state;
    const struct core_group *g = find_2017(c, t->admin.name);
    /* Who removes the last replica may find that the group has gone by now. */
    struct core_group gone = {.name = t->admin.name};
    bool creates = t->admin.kind == CORE_ADMIN_CREATE_GROUP;
    put_group(call_body(c), g == NULL ? &gone : g, creates ? "CREATING" : "UPDATING");
    return call_ok(c);
}

/* ---- UpdateGlobalTable ---- */

static bool read_action(
    struct dynamo_call *c,
    const struct json *update,
    const char *name,
    const char *class,
    struct region_list *list,
    bool *ret_any)
{
    const struct json *action;
    struct bytes region;
    if (!field_struct(c, update, name, class, &action)) {
        return false;
    }
    if (action == NULL) {
        return true;
    }
    *ret_any = true;
    return field_string(c, action, "RegionName", &region) && region_add(c, list, region);
}

static bool read_replica_updates(
    struct dynamo_call *c,
    const struct json *list,
    struct region_list *creates,
    struct region_list *deletes)
{
    for (size_t i = 0; i < list->array.n; i++) {
        const struct json *j = &list->array.items[i];
        bool any = false;
        if (!json_as_struct(c, j, "ReplicaUpdate") ||
            !read_action(c, j, "Create", "CreateReplicaAction", creates, &any) ||
            !read_action(c, j, "Delete", "DeleteReplicaAction", deletes, &any)) {
            return false;
        }
        if (!any) {
            return call_invalid(
                c, INVALID_PREFIX "One of Create or Delete must be specified for each replica.");
        }
    }
    for (size_t i = 0; i < creates->n; i++) {
        if (bytes_is_listed(deletes->items, deletes->n, creates->items[i])) {
            return call_invalid(
                c,
                INVALID_PREFIX "A replica cannot be created and deleted in one request: %.*s",
                BYTES_FMT(creates->items[i]));
        }
    }
    if (creates->n + deletes->n == 0) {
        return call_invalid(c, "One or more parameter values were invalid");
    }
    return true;
}

static void set_regions(struct core_admin *admin, const struct region_list *list)
{
    admin->regions = list->items;
    admin->n_regions = list->n;
    admin->extra = (struct value){.type = VALUE_MAP};
}

enum dynamo_step update_global_begin(struct dynamo_call *c, const struct json *in)
{
    struct checks k = {.c = c};
    struct bytes name;
    struct region_list creates;
    struct region_list deletes;
    const struct json *list;
    if (!global_name_field(&k, in, &name) || !field_list(c, in, "ReplicaUpdates", &list) ||
        !region_list_init(c, &creates) || !region_list_init(c, &deletes)) {
        return DYNAMO_ANSWER;
    }
    check_not_null(&k, "replicaUpdates", list != NULL);
    if (!checks_done(&k) || !read_replica_updates(c, list, &creates, &deletes)) {
        return DYNAMO_ANSWER;
    }
    struct table_call *t =
        table_call_new(c, creates.n > 0 ? CORE_ADMIN_ADD_REPLICA : CORE_ADMIN_REMOVE_REPLICA, name);
    if (t == NULL) {
        return DYNAMO_ANSWER;
    }
    set_regions(&t->admin, creates.n > 0 ? &creates : &deletes);
    t->needs_group = CORE_GROUP_2017;
    if (creates.n > 0 && deletes.n > 0) {
        t->has_also = true;
        t->also = t->admin;
        t->also.kind = CORE_ADMIN_REMOVE_REPLICA;
        set_regions(&t->also, &deletes);
    }
    return table_call_sync(t);
}

/* ---- DescribeGlobalTable and ListGlobalTables ---- */

enum dynamo_step describe_global_begin(struct dynamo_call *c, const struct json *in)
{
    struct checks k = {.c = c};
    struct bytes name;
    if (!global_name_field(&k, in, &name) || !checks_done(&k)) {
        return DYNAMO_ANSWER;
    }
    const struct core_group *g = find_2017(c, name);
    if (g == NULL) {
        (void)fail_group_missing(c, name); /* answers */
        return DYNAMO_ANSWER;
    }
    put_group(call_body(c), g, group_status(g));
    return call_ok(c);
}

static const struct core_group *next_listed(
    const struct catalog *catalog, struct bytes after, struct bytes region)
{
    const struct core_group *g = catalog_group_after(catalog, after);
    while (g != NULL && (g->version != CORE_GROUP_2017 ||
                         (region.base != NULL && core_group_replica(g, region) == NULL))) {
        g = catalog_group_after(catalog, g->name);
    }
    return g;
}

static void put_listed(struct buf *b, const struct core_group *g)
{
    buf_put_str(b, "{\"GlobalTableName\":");
    json_put_string(b, g->name);
    buf_put_str(b, ",\"ReplicationGroup\":[");
    for (size_t i = 0; i < g->n_replicas; i++) {
        buf_put_str(b, i == 0 ? "{\"RegionName\":" : ",{\"RegionName\":");
        json_put_string(b, g->replicas[i].region);
        buf_put_u8(b, '}');
    }
    buf_put_str(b, "]}");
}

enum dynamo_step list_globals_begin(struct dynamo_call *c, const struct json *in)
{
    struct checks k = {.c = c};
    struct bytes after;
    struct bytes region;
    struct opt_int limit;
    if (!field_string(c, in, "ExclusiveStartGlobalTableName", &after) ||
        !field_int(c, in, "Limit", "Integer", &limit) ||
        !field_string(c, in, "RegionName", &region)) {
        return DYNAMO_ANSWER;
    }
    check_index_name(&k, "exclusiveStartGlobalTableName", after);
    check_range(&k, "limit", limit, 1, GLOBAL_LIST_MAX);
    if (!checks_done(&k)) {
        return DYNAMO_ANSWER;
    }
    size_t max = limit.present ? (size_t)limit.v : GLOBAL_LIST_MAX;
    struct buf *b = call_body(c);
    struct bytes last = after;
    const struct core_group *g = next_listed(c->d->view.catalog, last, region);
    buf_put_str(b, "{\"GlobalTables\":[");
    for (size_t n = 0; g != NULL && n < max; n++) {
        buf_put_str(b, n == 0 ? "" : ",");
        put_listed(b, g);
        last = g->name;
        g = next_listed(c->d->view.catalog, last, region);
    }
    buf_put_u8(b, ']');
    if (g != NULL) {
        buf_put_str(b, ",\"LastEvaluatedGlobalTableName\":");
        json_put_string(b, last);
    }
    buf_put_u8(b, '}');
    return call_ok(c);
}

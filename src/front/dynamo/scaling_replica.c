/* DescribeTableReplicaAutoScaling and UpdateTableReplicaAutoScaling, of version 2019.11.21.
 *
 * Read capacity is scaled in each replica by itself, write capacity by the same settings in all.
 * What is asked of replicas is a wish to each, our own included, so an answer may still show what
 * was before. */
#include "front/dynamo/scaling.h"

enum { INDEXES_MAX = 20 };

/* ---- descriptions ---- */

static void put_indexes(struct buf *b, const struct core_table *t)
{
    const char *comma = "";
    buf_put_str(b, ",\"GlobalSecondaryIndexes\":[");
    for (size_t i = 0; i < t->n_indexes; i++) {
        const struct core_index *x = &t->indexes[i];
        if (x->part.local) {
            continue;
        }
        buf_put_str(b, comma);
        buf_put_str(b, "{\"IndexName\":");
        json_put_string(b, x->part.name);
        buf_putf(b, ",\"IndexStatus\":\"%s\"", status_name(x->status));
        buf_put_str(b, ",\"ProvisionedReadCapacityAutoScalingSettings\":");
        scaling_put_settings(b, t, x->part.name, false);
        buf_put_str(b, ",\"ProvisionedWriteCapacityAutoScalingSettings\":");
        scaling_put_settings(b, t, x->part.name, true);
        buf_put_u8(b, '}');
        comma = ",";
    }
    buf_put_u8(b, ']');
}

static void put_replica(
    struct buf *b, struct bytes region, enum core_status status, const struct core_table *t)
{
    buf_put_str(b, "{\"RegionName\":");
    json_put_string(b, region);
    buf_putf(b, ",\"ReplicaStatus\":\"%s\"", replica_status_name(status));
    if (t != NULL) {
        put_indexes(b, t);
        buf_put_str(b, ",\"ReplicaProvisionedReadCapacityAutoScalingSettings\":");
        scaling_put_settings(b, t, BYTES_NONE, false);
        buf_put_str(b, ",\"ReplicaProvisionedWriteCapacityAutoScalingSettings\":");
        scaling_put_settings(b, t, BYTES_NONE, true);
    }
    buf_put_u8(b, '}');
}

static const struct core_group *group_of(struct dynamo_call *c, const struct core_table *t)
{
    const struct core_group *g = catalog_group(c->d->view.catalog, t->part.name);
    return g != NULL && g->table == t->part.id ? g : NULL;
}

static enum dynamo_step answer_scaling(struct dynamo_call *c, struct bytes name)
{
    const struct catalog *catalog = c->d->view.catalog;
    const struct core_table *t = catalog_table(catalog, name);
    if (t == NULL) {
        (void)fail_table_missing(c, name); /* answers */
        return DYNAMO_ANSWER;
    }
    const struct core_group *g = group_of(c, t);
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"TableAutoScalingDescription\":{\"TableName\":");
    json_put_string(b, t->part.name);
    buf_putf(b, ",\"TableStatus\":\"%s\",\"Replicas\":[", status_name(t->status));
    if (g == NULL) {
        put_replica(b, c->d->region, t->status, t);
    }
    for (size_t i = 0; g != NULL && i < g->n_replicas; i++) {
        const struct core_replica *r = &g->replicas[i];
        buf_put_str(b, i == 0 ? "" : ",");
        put_replica(b, r->region, r->status, catalog_table_in(catalog, r->region, name));
    }
    buf_put_str(b, "]}}");
    return call_ok(c);
}

enum dynamo_step describe_replica_scaling_begin(struct dynamo_call *c, const struct json *in)
{
    struct bytes name;
    return table_field(c, in, &name) ? answer_scaling(c, name) : DYNAMO_ANSWER;
}

/* ---- the request ---- */

struct index_scaling {
    struct bytes name;
    struct scaling_update update;
};

struct replica_scaling {
    struct bytes region;
    struct scaling_update read;
    struct index_scaling *indexes;
    size_t n_indexes;
};

struct scaling_call {
    struct bytes name;
    struct scaling_update write;
    struct index_scaling *indexes;
    size_t n_indexes;
    struct replica_scaling *replicas;
    size_t n_replicas;
};

static bool read_indexes(
    struct checks *k,
    const struct json *in,
    const char *list_name,
    const char *path,
    const char *field,
    struct index_scaling **ret,
    size_t *ret_n)
{
    const struct json *list;
    if (!field_list(k->c, in, list_name, &list)) {
        return false;
    }
    if (list == NULL) {
        return true;
    }
    check_count(k, path, BYTES_LIT("[...]"), list->array.n, 1, INDEXES_MAX);
    *ret = ARENA_ARRAY(k->c->arena, struct index_scaling, list->array.n);
    if (*ret == NULL) {
        return call_fail_err(k->c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < list->array.n; i++) {
        const struct json *j = &list->array.items[i];
        struct index_scaling *x = &(*ret)[(*ret_n)++];
        const char *own = check_path(k, "%s.%zu.member", path, i + 1);
        if (!json_as_struct(k->c, j, "IndexAutoScalingUpdate") ||
            !field_string(k->c, j, "IndexName", &x->name) ||
            !scaling_update_read(k, j, field, own, &x->update)) {
            return false;
        }
        check_not_null(k, check_path(k, "%s.indexName", own), x->name.base != NULL);
    }
    return true;
}

static bool read_replicas(struct checks *k, const struct json *in, struct scaling_call *r)
{
    const struct json *list;
    if (!field_list(k->c, in, "ReplicaUpdates", &list)) {
        return false;
    }
    if (list == NULL) {
        return true;
    }
    check_count(k, "replicaUpdates", BYTES_LIT("[...]"), list->array.n, 1, CORE_REGIONS_MAX);
    r->replicas = ARENA_ARRAY(k->c->arena, struct replica_scaling, list->array.n);
    if (r->replicas == NULL) {
        return call_fail_err(k->c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < list->array.n; i++) {
        const struct json *j = &list->array.items[i];
        struct replica_scaling *x = &r->replicas[r->n_replicas++];
        const char *own = check_path(k, "replicaUpdates.%zu.member", i + 1);
        const char *indexes = check_path(k, "%s.replicaGlobalSecondaryIndexUpdates", own);
        if (!json_as_struct(k->c, j, "ReplicaAutoScalingUpdate") ||
            !field_string(k->c, j, "RegionName", &x->region) ||
            !scaling_update_read(
                k, j, "ReplicaProvisionedReadCapacityAutoScalingUpdate", own, &x->read) ||
            !read_indexes(
                k,
                j,
                "ReplicaGlobalSecondaryIndexUpdates",
                indexes,
                "ProvisionedReadCapacityAutoScalingUpdate",
                &x->indexes,
                &x->n_indexes)) {
            return false;
        }
        check_not_null(k, check_path(k, "%s.regionName", own), x->region.base != NULL);
    }
    return true;
}

static bool read_call(struct dynamo_call *c, const struct json *in, struct scaling_call *r)
{
    struct checks k = {.c = c};
    return table_field(c, in, &r->name) &&
           scaling_update_read(
               &k,
               in,
               "ProvisionedWriteCapacityAutoScalingUpdate",
               "provisionedWriteCapacityAutoScalingUpdate",
               &r->write) &&
           read_indexes(
               &k,
               in,
               "GlobalSecondaryIndexUpdates",
               "globalSecondaryIndexUpdates",
               "ProvisionedWriteCapacityAutoScalingUpdate",
               &r->indexes,
               &r->n_indexes) &&
           read_replicas(&k, in, r) && checks_done(&k);
}

/* ---- wishes ---- */

static bool add_indexes(
    struct dynamo_call *c,
    struct bytes name,
    const struct core_table *t,
    const struct index_scaling *indexes,
    size_t n,
    bool write,
    struct core_wish *wish)
{
    for (size_t i = 0; i < n; i++) {
        const struct core_index *x = t == NULL ? NULL : table_index(t, indexes[i].name);
        if (t != NULL && (x == NULL || x->part.local)) {
            return call_failf(
                c,
                AWS_RESOURCE_NOT_FOUND,
                "Requested resource not found: Index: %.*s not found for table: %.*s",
                BYTES_FMT(indexes[i].name),
                BYTES_FMT(t->part.name));
        }
        if (!scaling_wish_add(c, name, t, &indexes[i].update, indexes[i].name, write, wish)) {
            return false;
        }
    }
    return true;
}

/* What the call asks of the replica in `region`. */
static bool make_wish(
    struct dynamo_call *c,
    const struct scaling_call *r,
    struct bytes region,
    struct core_wish *wish)
{
    const struct core_table *t = catalog_table_in(c->d->view.catalog, region, r->name);
    *wish = (struct core_wish){0};
    if (!scaling_wish_add(c, r->name, t, &r->write, BYTES_NONE, true, wish) ||
        !add_indexes(c, r->name, t, r->indexes, r->n_indexes, true, wish)) {
        return false;
    }
    for (size_t i = 0; i < r->n_replicas; i++) {
        const struct replica_scaling *x = &r->replicas[i];
        if (!bytes_eq(x->region, region)) {
            continue;
        }
        if (!scaling_wish_add(c, r->name, t, &x->read, BYTES_NONE, false, wish) ||
            !add_indexes(c, r->name, t, x->indexes, x->n_indexes, false, wish)) {
            return false;
        }
    }
    return true;
}

static bool regions_known(
    struct dynamo_call *c, const struct scaling_call *r, const struct core_group *g)
{
    for (size_t i = 0; i < r->n_replicas; i++) {
        if (core_group_replica(g, r->replicas[i].region) == NULL) {
            return call_invalid(
                c,
                "Update global table operation failed because one or more replicas were not part "
                "of the global table. Please retry the request without these replicas: [%.*s].",
                BYTES_FMT(r->replicas[i].region));
        }
    }
    return true;
}

static bool make_wishes(
    struct dynamo_call *c,
    const struct scaling_call *r,
    const struct core_group *g,
    struct table_call *t)
{
    struct bytes *regions = ARENA_ARRAY(c->arena, struct bytes, g->n_replicas);
    struct core_wish *wishes = ARENA_ARRAY(c->arena, struct core_wish, g->n_replicas);
    if (regions == NULL || wishes == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    t->admin.regions = regions;
    t->admin.wishes = wishes;
    for (size_t i = 0; i < g->n_replicas; i++) {
        size_t n = t->admin.n_regions;
        if (!make_wish(c, r, g->replicas[i].region, &wishes[n])) {
            return false;
        }
        if (wishes[n].extra_name.len > 0) {
            regions[n] = bytes_dup(c->arena, g->replicas[i].region);
            t->admin.n_regions++;
        }
    }
    return t->admin.n_regions > 0 ||
           call_invalid(c, "At least one auto scaling setting must be specified");
}

enum dynamo_step update_replica_scaling_begin(struct dynamo_call *c, const struct json *in)
{
    struct scaling_call r = {0};
    if (!read_call(c, in, &r)) {
        return DYNAMO_ANSWER;
    }
    const struct core_table *now = catalog_table(c->d->view.catalog, r.name);
    if (now == NULL) {
        (void)fail_table_missing(c, r.name); /* answers */
        return DYNAMO_ANSWER;
    }
    const struct core_group *g = group_of(c, now);
    if (g == NULL || g->version != CORE_GROUP_2019) {
        (void)call_invalid(
            c,
            INVALID_PREFIX "Table %.*s is not a global table of version 2019.11.21: its capacity "
                           "is scaled by Application Auto Scaling or UpdateGlobalTableSettings.",
            BYTES_FMT(r.name));
        return DYNAMO_ANSWER;
    }
    struct table_call *t =
        regions_known(c, &r, g) ? table_call_new(c, CORE_ADMIN_SET_REPLICA, r.name) : NULL;
    if (t == NULL || !make_wishes(c, &r, g, t)) {
        return DYNAMO_ANSWER;
    }
    t->replicas_2019 = true;
    return table_call_submit(t);
}

enum dynamo_step update_replica_scaling_resume(struct dynamo_call *c)
{
    enum dynamo_step step;
    if (!table_call_finished(c, &step)) {
        return step;
    }
    const struct table_call *t = c->state;
    return answer_scaling(c, t->admin.name);
}

/* DescribeGlobalTableSettings and UpdateGlobalTableSettings, of version 2017.11.29.
 *
 * Billing mode and write capacity are the group's: they are changed in this region's table and
 * every replica follows. Read capacity and class are each replica's own: they are asked of it, and
 * it follows when it hears of it, so an answer may still show what was before.
 *
 * Auto scaling of read capacity is asked of each replica, that of write capacity of all of them:
 * each region's controller looks after its own table. */
#include "front/dynamo/scaling.h"

enum { REPLICA_UPDATES_MAX = 50, INDEX_UPDATES_MAX = 20 };

/* ---- descriptions ---- */

static void put_units(
    struct buf *b,
    const char *prefix,
    const struct core_table *t,
    struct bytes index,
    struct core_throughput units)
{
    for (int write = 0; write < 2; write++) {
        const char *kind = write == 1 ? "Write" : "Read";
        uint64_t v = write == 1 ? units.write_units : units.read_units;
        buf_putf(
            b,
            ",\"%sProvisioned%sCapacityUnits\":%llu,\"%sProvisioned%sCapacityAutoScaling"
            "Settings\":",
            prefix,
            kind,
            (unsigned long long)v,
            prefix,
            kind);
        scaling_put_settings(b, t, index, write == 1);
    }
}

static void put_index_settings(struct buf *b, const struct core_table *t)
{
    bool any = false;
    for (size_t i = 0; i < t->n_indexes; i++) {
        const struct core_index *x = &t->indexes[i];
        if (x->part.local) {
            continue;
        }
        buf_put_str(b, any ? "," : ",\"ReplicaGlobalSecondaryIndexSettings\":[");
        buf_put_str(b, "{\"IndexName\":");
        json_put_string(b, x->part.name);
        buf_putf(b, ",\"IndexStatus\":\"%s\"", status_name(x->status));
        if (!t->on_demand) {
            put_units(b, "", t, x->part.name, x->throughput);
        }
        buf_put_u8(b, '}');
        any = true;
    }
    buf_put_str(b, any ? "]" : "");
}

static void put_replica_settings(
    struct buf *b, const struct core_replica *r, const struct core_table *t)
{
    buf_put_str(b, "{\"RegionName\":");
    json_put_string(b, r->region);
    buf_putf(b, ",\"ReplicaStatus\":\"%s\"", replica_status_name(r->status));
    if (t != NULL) {
        if (t->on_demand) {
            buf_put_str(b, ",\"ReplicaBillingModeSummary\":{\"BillingMode\":\"PAY_PER_REQUEST\"}");
        }
        put_units(b, "Replica", t, BYTES_NONE, t->throughput);
        put_index_settings(b, t);
        buf_put_str(b, ",\"ReplicaTableClassSummary\":{\"TableClass\":");
        json_put_string(b, t->table_class);
        buf_put_u8(b, '}');
    }
    buf_put_u8(b, '}');
}

static enum dynamo_step answer_settings(struct dynamo_call *c, struct bytes name)
{
    const struct catalog *catalog = c->d->view.catalog;
    const struct core_group *g = catalog_group(catalog, name);
    if (g == NULL || g->version != CORE_GROUP_2017) {
        (void)call_failf(
            c,
            AWS_GLOBAL_TABLE_NOT_FOUND,
            "Global table with name: '%.*s' does not exist.",
            BYTES_FMT(name));
        return DYNAMO_ANSWER;
    }
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"GlobalTableName\":");
    json_put_string(b, name);
    buf_put_str(b, ",\"ReplicaSettings\":[");
    for (size_t i = 0; i < g->n_replicas; i++) {
        const struct core_replica *r = &g->replicas[i];
        buf_put_str(b, i == 0 ? "" : ",");
        put_replica_settings(b, r, catalog_table_in(catalog, r->region, name));
    }
    buf_put_str(b, "]}");
    return call_ok(c);
}

enum dynamo_step describe_global_settings_begin(struct dynamo_call *c, const struct json *in)
{
    struct checks k = {.c = c};
    struct bytes name;
    if (!global_name_field(&k, in, &name) || !checks_done(&k)) {
        return DYNAMO_ANSWER;
    }
    return answer_settings(c, name);
}

/* ---- the request ---- */

struct index_units {
    struct bytes name;
    uint64_t write_units; /* 0: as they are */
    struct scaling_update scaling;
};

/* Auto scaling asked of one replica's read capacities. */
struct read_scaling {
    struct scaling_update table;
    struct index_units *indexes;
    size_t n_indexes;
    bool any;
};

struct settings_request {
    struct bytes name;
    struct bytes billing;
    uint64_t write_units; /* 0: as they are */
    struct index_units *indexes;
    size_t n_indexes;
    struct bytes *regions; /* replicas of which something is asked */
    struct core_wish *wishes;
    struct read_scaling *scaling; /* as many */
    size_t n_wishes;
    struct scaling_update write_scaling;
};

static bool read_index_units(struct checks *k, const struct json *in, struct settings_request *r)
{
    const struct json *list;
    const char *field = "GlobalTableGlobalSecondaryIndexSettingsUpdate";
    if (!field_list(k->c, in, field, &list)) {
        return false;
    }
    if (list == NULL) {
        return true;
    }
    const char *path = "globalTableGlobalSecondaryIndexSettingsUpdate";
    size_t n = list->array.n;
    check_count(k, path, n == 0 ? BYTES_LIT("[]") : BYTES_LIT("[...]"), n, 1, INDEX_UPDATES_MAX);
    r->indexes = ARENA_ARRAY(k->c->arena, struct index_units, n);
    if (r->indexes == NULL) {
        return call_fail_err(k->c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < n; i++) {
        const struct json *j = &list->array.items[i];
        struct index_units *x = &r->indexes[r->n_indexes++];
        const char *name = check_path(k, "%s.%zu.member.indexName", path, i + 1);
        const char *units =
            check_path(k, "%s.%zu.member.provisionedWriteCapacityUnits", path, i + 1);
        if (!json_as_struct(k->c, j, "GlobalTableGlobalSecondaryIndexSettingsUpdate") ||
            !field_string(k->c, j, "IndexName", &x->name) ||
            !read_units_field(k, j, "ProvisionedWriteCapacityUnits", units, &x->write_units) ||
            !scaling_update_read(
                k,
                j,
                "ProvisionedWriteCapacityAutoScalingSettingsUpdate",
                check_path(
                    k,
                    "%s.%zu.member.provisionedWriteCapacityAutoScalingSettingsUpdate",
                    path,
                    i + 1),
                &x->scaling)) {
            return false;
        }
        check_not_null(k, name, x->name.base != NULL);
    }
    return true;
}

static bool read_wish_indexes(
    struct checks *k,
    const struct json *in,
    const char *path,
    struct core_wish *wish,
    struct read_scaling *scaling)
{
    const struct json *list;
    if (!field_list(k->c, in, "ReplicaGlobalSecondaryIndexSettingsUpdate", &list)) {
        return false;
    }
    if (list == NULL) {
        return true;
    }
    size_t n = list->array.n;
    const char *own = check_path(k, "%s.replicaGlobalSecondaryIndexSettingsUpdate", path);
    check_count(k, own, n == 0 ? BYTES_LIT("[]") : BYTES_LIT("[...]"), n, 1, INDEX_UPDATES_MAX);
    struct core_index_wish *indexes = ARENA_ARRAY(k->c->arena, struct core_index_wish, n);
    scaling->indexes = ARENA_ARRAY(k->c->arena, struct index_units, n);
    if (indexes == NULL || scaling->indexes == NULL) {
        return call_fail_err(k->c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < n; i++) {
        const struct json *j = &list->array.items[i];
        struct core_index_wish x = {0};
        struct index_units *s = &scaling->indexes[scaling->n_indexes++];
        const char *units = check_path(k, "%s.%zu.member.provisionedReadCapacityUnits", own, i + 1);
        const char *settings = check_path(
            k, "%s.%zu.member.provisionedReadCapacityAutoScalingSettingsUpdate", own, i + 1);
        if (!json_as_struct(k->c, j, "ReplicaGlobalSecondaryIndexSettingsUpdate") ||
            !field_string(k->c, j, "IndexName", &x.name) ||
            !read_units_field(k, j, "ProvisionedReadCapacityUnits", units, &x.read_units) ||
            !scaling_update_read(
                k, j, "ProvisionedReadCapacityAutoScalingSettingsUpdate", settings, &s->scaling)) {
            return false;
        }
        s->name = x.name;
        scaling->any |= s->scaling.present;
        check_not_null(
            k, check_path(k, "%s.%zu.member.indexName", own, i + 1), x.name.base != NULL);
        if (x.name.base != NULL && x.read_units > 0) {
            indexes[wish->n_indexes++] = x;
        }
    }
    wish->indexes = indexes;
    return true;
}

static bool read_wish(
    struct checks *k, const struct json *in, const char *path, struct settings_request *r)
{
    struct bytes region;
    struct core_wish wish = {0};
    struct read_scaling scaling = {0};
    const char *units = check_path(k, "%s.replicaProvisionedReadCapacityUnits", path);
    const char *settings =
        check_path(k, "%s.replicaProvisionedReadCapacityAutoScalingSettingsUpdate", path);
    if (!json_as_struct(k->c, in, "ReplicaSettingsUpdate") ||
        !field_string(k->c, in, "RegionName", &region) ||
        !read_units_field(k, in, "ReplicaProvisionedReadCapacityUnits", units, &wish.read_units) ||
        !scaling_update_read(
            k,
            in,
            "ReplicaProvisionedReadCapacityAutoScalingSettingsUpdate",
            settings,
            &scaling.table) ||
        !field_string(k->c, in, "ReplicaTableClass", &wish.table_class) ||
        !read_wish_indexes(k, in, path, &wish, &scaling)) {
        return false;
    }
    check_not_null(k, check_path(k, "%s.regionName", path), region.base != NULL);
    scaling.any |= scaling.table.present;
    if (wish.read_units > 0 || wish.n_indexes > 0 || wish.table_class.len > 0 || scaling.any) {
        r->regions[r->n_wishes] = region;
        r->scaling[r->n_wishes] = scaling;
        r->wishes[r->n_wishes++] = wish;
    }
    return table_class_check(k->c, wish.table_class);
}

static bool read_wishes(struct checks *k, const struct json *in, struct settings_request *r)
{
    const struct json *list;
    if (!field_list(k->c, in, "ReplicaSettingsUpdate", &list)) {
        return false;
    }
    /* Write scaling is asked of every replica, named or not. */
    size_t room = (list == NULL ? 0 : list->array.n) + CORE_REGIONS_MAX;
    r->regions = ARENA_ARRAY(k->c->arena, struct bytes, room);
    r->wishes = ARENA_ARRAY(k->c->arena, struct core_wish, room);
    r->scaling = ARENA_ARRAY(k->c->arena, struct read_scaling, room);
    if (r->regions == NULL || r->wishes == NULL || r->scaling == NULL) {
        return call_fail_err(k->c, ERR_TOO_BIG);
    }
    if (list == NULL) {
        return true;
    }
    size_t n = list->array.n;
    const char *path = "replicaSettingsUpdate";
    check_count(k, path, n == 0 ? BYTES_LIT("[]") : BYTES_LIT("[...]"), n, 1, REPLICA_UPDATES_MAX);
    for (size_t i = 0; i < n; i++) {
        const char *own = check_path(k, "%s.%zu.member", path, i + 1);
        if (!read_wish(k, &list->array.items[i], own, r)) {
            return false;
        }
    }
    return true;
}

static bool settings_read(struct dynamo_call *c, const struct json *in, struct settings_request *r)
{
    struct checks k = {.c = c};
    if (!global_name_field(&k, in, &r->name) ||
        !field_string(c, in, "GlobalTableBillingMode", &r->billing)) {
        return false;
    }
    check_enum(&k, "globalTableBillingMode", r->billing, "PROVISIONED, PAY_PER_REQUEST");
    return read_units_field(
               &k,
               in,
               "GlobalTableProvisionedWriteCapacityUnits",
               "globalTableProvisionedWriteCapacityUnits",
               &r->write_units) &&
           scaling_update_read(
               &k,
               in,
               "GlobalTableProvisionedWriteCapacityAutoScalingSettingsUpdate",
               "globalTableProvisionedWriteCapacityAutoScalingSettingsUpdate",
               &r->write_scaling) &&
           read_index_units(&k, in, r) && read_wishes(&k, in, r) && checks_done(&k);
}

/* ---- auto scaling, as wishes ---- */

static bool scales_writes(const struct settings_request *r)
{
    bool any = r->write_scaling.present;
    for (size_t i = 0; i < r->n_indexes; i++) {
        any |= r->indexes[i].scaling.present;
    }
    return any;
}

/* Every replica gets a wish when write scaling is asked for. */
static bool name_replicas(struct dynamo_call *c, struct settings_request *r)
{
    const struct core_group *g = catalog_group(c->d->view.catalog, r->name);
    for (size_t i = 0; g != NULL && scales_writes(r) && i < g->n_replicas; i++) {
        if (bytes_is_listed(r->regions, r->n_wishes, g->replicas[i].region)) {
            continue;
        }
        struct bytes region = bytes_dup(c->arena, g->replicas[i].region);
        if (region.base == NULL) {
            return call_fail_err(c, ERR_TOO_BIG);
        }
        r->regions[r->n_wishes++] = region;
    }
    return true;
}

static bool add_scaling(struct dynamo_call *c, struct settings_request *r)
{
    for (size_t i = 0; i < r->n_wishes; i++) {
        struct core_wish *wish = &r->wishes[i];
        const struct read_scaling *s = &r->scaling[i];
        const struct core_table *t = catalog_table_in(c->d->view.catalog, r->regions[i], r->name);
        if (!scaling_wish_add(c, r->name, t, &r->write_scaling, BYTES_NONE, true, wish) ||
            !scaling_wish_add(c, r->name, t, &s->table, BYTES_NONE, false, wish)) {
            return false;
        }
        for (size_t k = 0; k < r->n_indexes; k++) {
            const struct index_units *x = &r->indexes[k];
            if (!scaling_wish_add(c, r->name, t, &x->scaling, x->name, true, wish)) {
                return false;
            }
        }
        for (size_t k = 0; k < s->n_indexes; k++) {
            const struct index_units *x = &s->indexes[k];
            if (!scaling_wish_add(c, r->name, t, &x->scaling, x->name, false, wish)) {
                return false;
            }
        }
    }
    return true;
}

/* ---- in the writer ---- */

/* Units of a table that becomes provisioned and of which nothing better is known. */
enum { UNITS_FIRST = 5 };

static void first_units(struct core_throughput *units)
{
    units->read_units = units->read_units == 0 ? UNITS_FIRST : units->read_units;
    units->write_units = units->write_units == 0 ? UNITS_FIRST : units->write_units;
}

static enum err set_group(struct table_call *t, const struct core_table *now, struct arena *a)
{
    const struct settings_request *r = t->arg;
    struct core_table *wanted = &t->wanted;
    bool on_demand =
        r->billing.base == NULL ? now->on_demand : bytes_eq_str(r->billing, "PAY_PER_REQUEST");
    if (on_demand && (r->write_units > 0 || r->n_indexes > 0)) {
        return table_fault_invalid(
            t,
            INVALID_PREFIX "Write capacity cannot be specified when BillingMode is "
                           "PAY_PER_REQUEST");
    }
    wanted->on_demand = on_demand;
    struct core_throughput none = {0};
    wanted->throughput = on_demand ? none : wanted->throughput;
    if (r->write_units > 0) {
        wanted->throughput.write_units = r->write_units;
    }
    if (!on_demand) {
        first_units(&wanted->throughput);
    }
    for (size_t i = 0; i < wanted->n_indexes; i++) {
        /* The copy's arrays are ours; only the public struct calls them const. */
        struct core_index *x = (struct core_index *)(uintptr_t)&wanted->indexes[i];
        x->throughput = on_demand || x->part.local ? none : x->throughput;
        for (size_t k = 0; k < r->n_indexes && !x->part.local; k++) {
            if (bytes_eq(r->indexes[k].name, x->part.name) && r->indexes[k].write_units > 0) {
                x->throughput.write_units = r->indexes[k].write_units;
            }
        }
        if (!on_demand && !x->part.local) {
            first_units(&x->throughput);
        }
    }
    for (size_t k = 0; k < r->n_indexes; k++) {
        struct core_index_wish named = {.name = r->indexes[k].name};
        struct core_wish wish = {.indexes = &named, .n_indexes = 1};
        enum err err = wish_fault(t, wanted, &wish);
        if (err != OK) {
            return err;
        }
    }
    return history_note(
        a, wanted, BYTES_LIT(""), now->throughput, wanted->throughput, t->c->now_ms);
}

static enum err set_replicas(struct table_call *t, const struct core_table *now, struct arena *a)
{
    (void)a;
    for (size_t i = 0; i < t->admin.n_regions; i++) {
        enum err err = wish_fault(t, now, &t->admin.wishes[i]);
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

/* ---- the operation ---- */

static struct table_call *replicas_call(struct dynamo_call *c, const struct settings_request *r)
{
    struct table_call *t = table_call_new(c, CORE_ADMIN_SET_REPLICA, r->name);
    if (t != NULL) {
        t->needs_group = CORE_GROUP_2017;
        t->build = set_replicas;
        t->admin.regions = r->regions;
        t->admin.n_regions = r->n_wishes;
        t->admin.wishes = r->wishes;
    }
    return t;
}

enum dynamo_step update_global_settings_begin(struct dynamo_call *c, const struct json *in)
{
    struct settings_request *r = ARENA_NEW(c->arena, struct settings_request);
    if (r == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
        return DYNAMO_ANSWER;
    }
    if (!settings_read(c, in, r) || !name_replicas(c, r) || !add_scaling(c, r)) {
        return DYNAMO_ANSWER;
    }
    bool group = r->billing.base != NULL || r->write_units > 0 || r->n_indexes > 0;
    if (!group && r->n_wishes == 0) {
        (void)call_invalid(
            c,
            "Failed to update settings for global table with name: \u2018%.*s\u2019 because at "
            "least one update parameter must be specified.",
            BYTES_FMT(r->name));
        return DYNAMO_ANSWER;
    }
    struct table_call *replicas = NULL;
    if (r->n_wishes > 0) {
        replicas = replicas_call(c, r);
        if (replicas == NULL || !group) {
            return replicas == NULL ? DYNAMO_ANSWER : table_call_sync(replicas);
        }
    }
    struct table_call *t = table_call_new(c, CORE_ADMIN_UPDATE_TABLE, r->name);
    if (t == NULL) {
        return DYNAMO_ANSWER;
    }
    t->needs_group = CORE_GROUP_2017;
    t->build = set_group;
    t->arg = r;
    t->then = replicas;
    return table_call_sync(t);
}

enum dynamo_step update_global_settings_resume(struct dynamo_call *c)
{
    enum dynamo_step step;
    if (!table_call_finished(c, &step)) {
        return step;
    }
    const struct table_call *t = c->state;
    return answer_settings(c, t->admin.name);
}

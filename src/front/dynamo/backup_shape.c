/* What a table to be made of a backup or of another table's past shall be, and how backups show the
 * table they came from.
 *
 * A restored table has the source's keys, indexes and billing unless the request says otherwise,
 * and nothing else of it: no stream, tags, recovery, protection or class. */
#include "front/dynamo/backup_calls.h"

/* ---- reading ---- */

static bool read_index_override(
    struct checks *k, const struct json *in, bool global, struct index_list *ret)
{
    const char *field = global ? "GlobalSecondaryIndexOverride" : "LocalSecondaryIndexOverride";
    const char *path = global ? "globalSecondaryIndexOverride" : "localSecondaryIndexOverride";
    const char *class = global ? "GlobalSecondaryIndex" : "LocalSecondaryIndex";
    const struct json *list;
    *ret = (struct index_list){0};
    if (!field_list(k->c, in, field, &list)) {
        return false;
    }
    if (list == NULL) {
        return true;
    }
    ret->present = true;
    ret->n = list->array.n;
    ret->items = ARENA_ARRAY(k->c->arena, struct index_request, ret->n);
    if (ret->items == NULL) {
        return call_fail_err(k->c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < ret->n; i++) {
        const struct json *j = &list->array.items[i];
        if (!json_as_struct(k->c, j, class) ||
            !read_index(
                k, j, check_path(k, "%s.%zu.member", path, i + 1), global, &ret->items[i])) {
            return false;
        }
    }
    return true;
}

static bool read_throughput_override(
    struct checks *k, const struct json *in, struct throughput_request *ret)
{
    const struct json *j;
    const char *path = "provisionedThroughputOverride";
    *ret = (struct throughput_request){0};
    if (!field_struct(k->c, in, "ProvisionedThroughputOverride", "ProvisionedThroughput", &j)) {
        return false;
    }
    if (j == NULL) {
        return true;
    }
    ret->present = true;
    if (!field_int(k->c, j, "ReadCapacityUnits", "Long", &ret->read) ||
        !field_int(k->c, j, "WriteCapacityUnits", "Long", &ret->write)) {
        return false;
    }
    const char *read_path = check_path(k, "%s.readCapacityUnits", path);
    const char *write_path = check_path(k, "%s.writeCapacityUnits", path);
    check_not_null(k, read_path, ret->read.present);
    check_range(k, read_path, ret->read, 1, INT64_MAX);
    check_not_null(k, write_path, ret->write.present);
    check_range(k, write_path, ret->write, 1, INT64_MAX);
    return true;
}

bool read_overrides(
    struct dynamo_call *c, struct checks *k, const struct json *in, struct restore_overrides *ret)
{
    const char *sse_path = "sSESpecificationOverride.sSEType";
    static const char *const not_supported[] = {"VectorIndexOverride", NULL};
    if (!refuse_params(c, in, not_supported) ||
        !field_string(c, in, "BillingModeOverride", &ret->billing) ||
        !read_throughput_override(k, in, &ret->throughput) ||
        !read_index_override(k, in, /* global= */ true, &ret->globals) ||
        !read_index_override(k, in, /* global= */ false, &ret->locals) ||
        !read_maxima_override(c, in, &ret->maxima) ||
        !read_sse(k, in, "SSESpecificationOverride", sse_path, &ret->sse)) {
        return false;
    }
    check_enum(k, "billingModeOverride", ret->billing, "PROVISIONED, PAY_PER_REQUEST");
    return checks_done(k) && sse_check(c, &ret->sse);
}

/* ---- indexes ---- */

static bool keys_match(const struct key_list *asked, const struct expr_key_schema *keys)
{
    bool same = asked->n == expr_keys_count(keys);
    for (size_t i = 0; same && i < asked->n; i++) {
        const char *type = i < expr_keys_hashes(keys) ? "HASH" : "RANGE";
        same = bytes_eq(asked->items[i].name, expr_keys_at(keys, i)->name) &&
               bytes_eq_str(asked->items[i].type, type);
    }
    return same;
}

static bool projection_matches(const struct index_request *x, const struct part_index *index)
{
    switch (index->projection) {
    case PART_PROJECT_ALL:
        return bytes_eq_str(x->projection, "ALL");
    case PART_PROJECT_KEYS:
        return bytes_eq_str(x->projection, "KEYS_ONLY");
    case PART_PROJECT_INCLUDE:
        break;
    }
    bool same = bytes_eq_str(x->projection, "INCLUDE") && x->n_include == index->n_include;
    for (size_t i = 0; same && i < x->n_include; i++) {
        same = bytes_is_listed(index->include, index->n_include, x->include[i]);
    }
    return same;
}

/* The source's index that one asked for is, under whatever name. */
static enum err take_index(
    struct job_call *j,
    const struct core_table *source,
    bool local,
    const struct index_request *x,
    struct core_index *ret)
{
    for (size_t i = 0; i < source->n_indexes; i++) {
        const struct core_index *index = &source->indexes[i];
        if (index->part.local == local && keys_match(&x->keys, &index->part.keys) &&
            projection_matches(x, &index->part)) {
            *ret = *index;
            ret->part.name = x->name;
            if (x->throughput.present) {
                ret->throughput = (struct core_throughput){
                    (uint64_t)x->throughput.read.v, (uint64_t)x->throughput.write.v};
            }
            return OK;
        }
    }
    return job_fault_invalid(
        j,
        INVALID_REQUEST "Index %.*s does not match a secondary index that existed in the source "
                        "table and cannot be created during the restore operation",
        BYTES_FMT(x->name));
}

static enum err take_indexes(
    struct job_call *j,
    struct arena *a,
    const struct core_table *source,
    const struct restore_overrides *o,
    struct core_table *t)
{
    struct core_index *list =
        ARENA_ARRAY(a, struct core_index, source->n_indexes + o->globals.n + o->locals.n);
    size_t n = 0;
    if (list == NULL) {
        return ERR_TOO_BIG;
    }
    for (unsigned local = 0; local < 2; local++) {
        const struct index_list *asked = local == 1 ? &o->locals : &o->globals;
        for (size_t i = 0; i < asked->n; i++) {
            enum err err = take_index(j, source, local == 1, &asked->items[i], &list[n]);
            if (err != OK) {
                return err;
            }
            n++;
        }
        for (size_t i = 0; i < source->n_indexes && !asked->present; i++) {
            bool going = source->indexes[i].status == CORE_DELETING;
            if (source->indexes[i].part.local == (local == 1) && !going) {
                list[n++] = source->indexes[i];
            }
        }
    }
    t->indexes = list;
    t->n_indexes = n;
    return OK;
}

/* Declared attributes are those that some key uses. */
static enum err take_attrs(struct arena *a, const struct core_table *source, struct core_table *t)
{
    struct expr_key_attr *attrs = ARENA_ARRAY(a, struct expr_key_attr, source->n_attrs);
    size_t n = 0;
    if (attrs == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < source->n_attrs; i++) {
        bool used = expr_keys_have(&t->part.keys, source->attrs[i].name);
        for (size_t k = 0; k < t->n_indexes; k++) {
            used = used || expr_keys_have(&t->indexes[k].part.keys, source->attrs[i].name);
        }
        if (used) {
            attrs[n++] = source->attrs[i];
        }
    }
    t->attrs = attrs;
    t->n_attrs = n;
    return OK;
}

/* ---- billing ---- */

static struct core_throughput maxima_of(struct core_throughput units)
{
    return (struct core_throughput){.read_max = units.read_max, .write_max = units.write_max};
}

static enum err take_billing(
    struct job_call *j,
    const struct core_table *source,
    const struct restore_overrides *o,
    struct core_table *t)
{
    bool asked = o->billing.base != NULL;
    t->on_demand = asked ? bytes_eq_str(o->billing, "PAY_PER_REQUEST") : source->on_demand;
    if (t->on_demand && o->throughput.present) {
        return job_fault_invalid(
            j,
            INVALID_REQUEST
            "Cannot override ProvisionedThroughput unless BillingMode is PROVISIONED");
    }
    if (!t->on_demand && source->on_demand && !o->throughput.present) {
        return job_fault_invalid(
            j,
            INVALID_REQUEST "Must override ProvisionedThroughput if BillingMode is overridden to "
                            "PROVISIONED");
    }
    struct bytes fault = maxima_override_fault(j->c->arena, &o->maxima, t->on_demand);
    if (fault.base != NULL) {
        return job_fault_invalid(j, "%.*s", BYTES_FMT(fault));
    }
    t->throughput = t->on_demand ? maxima_of(source->throughput) : source->throughput;
    maxima_apply(&o->maxima, &t->throughput);
    if (o->throughput.present) {
        t->throughput = (struct core_throughput){
            (uint64_t)o->throughput.read.v, (uint64_t)o->throughput.write.v};
    }
    for (size_t i = 0; i < t->n_indexes; i++) {
        /* The list was made here. */
        struct core_index *x = (struct core_index *)(uintptr_t)&t->indexes[i];
        bool none = x->throughput.read_units == 0;
        if (t->on_demand || x->part.local) {
            x->throughput = maxima_of(x->throughput);
        } else if (none) {
            x->throughput = t->throughput; /* it was on demand: as much as the table */
        }
        x->status = CORE_ACTIVE;
        x->backfilling = false;
    }
    return OK;
}

enum err restore_shape(
    struct job_call *j,
    struct arena *a,
    const struct core_table *source,
    const struct restore_overrides *o)
{
    struct core_table *t = &j->wanted;
    *t = (struct core_table){
        .part = {.keys = source->part.keys},
        .table_class = BYTES_LIT("STANDARD"),
        .filling = true,
        .extra = {.type = VALUE_MAP},
    };
    enum err err = take_indexes(j, a, source, o, t);
    if (err == OK) {
        err = take_billing(j, source, o, t);
    }
    if (err == OK && !o->sse.disabled && (o->sse.enabled || has_sse(source))) {
        err = sse_set(a, t, true);
    }
    return err == OK ? take_attrs(a, source, t) : err;
}

/* ---- descriptions ---- */

static void put_index_infos(struct buf *b, const struct core_table *t, bool local, bool *any)
{
    bool first = true;
    for (size_t i = 0; i < t->n_indexes; i++) {
        const struct core_index *x = &t->indexes[i];
        if (x->part.local != local) {
            continue;
        }
        if (first) {
            buf_putf(b, "%s\"%sSecondaryIndexes\":[", *any ? "," : "", local ? "Local" : "Global");
        }
        buf_put_str(b, first ? "{\"IndexName\":" : ",{\"IndexName\":");
        json_put_string(b, x->part.name);
        buf_put_u8(b, ',');
        put_key_schema(b, &x->part.keys);
        put_projection(b, &x->part);
        if (!local) {
            buf_putf(
                b,
                ",\"ProvisionedThroughput\":{\"ReadCapacityUnits\":%llu,\"WriteCapacityUnits\":%"
                "llu}",
                (unsigned long long)x->throughput.read_units,
                (unsigned long long)x->throughput.write_units);
            put_maxima(b, t->on_demand, x->throughput, TELL_STATE);
        }
        buf_put_u8(b, '}');
        first = false;
        *any = true;
    }
    buf_put_str(b, first ? "" : "]");
}

void put_source_table(struct buf *b, const struct core_table *t, const struct backup_job *job)
{
    bool any = false;
    buf_put_str(b, "\"SourceTableDetails\":{\"TableName\":");
    json_put_string(b, t->part.name);
    buf_put_str(b, ",\"TableId\":");
    json_put_string(b, t->uuid);
    buf_put_str(b, ",\"TableArn\":\"");
    put_table_arn(b, t->region, t->part.name);
    buf_putf(b, "\",\"TableSizeBytes\":%llu,", (unsigned long long)job->bytes);
    put_key_schema(b, &t->part.keys);
    buf_put_str(b, ",\"TableCreationDateTime\":");
    put_seconds(b, t->created_ms);
    buf_putf(
        b,
        ",\"ProvisionedThroughput\":{\"ReadCapacityUnits\":%llu,\"WriteCapacityUnits\":%llu},"
        "\"ItemCount\":%llu,\"BillingMode\":\"%s\"",
        (unsigned long long)t->throughput.read_units,
        (unsigned long long)t->throughput.write_units,
        (unsigned long long)job->items,
        t->on_demand ? "PAY_PER_REQUEST" : "PROVISIONED");
    put_maxima(b, t->on_demand, t->throughput, TELL_STATE);
    buf_put_str(b, "},\"SourceTableFeatureDetails\":{");
    put_index_infos(b, t, /* local= */ true, &any);
    put_index_infos(b, t, /* local= */ false, &any);
    if (t->stream != CORE_STREAM_NONE) {
        buf_putf(
            b,
            "%s\"StreamDescription\":{\"StreamEnabled\":true,\"StreamViewType\":\"%s\"}",
            any ? "," : "",
            stream_view_name(t->stream));
        any = true;
    }
    if (t->part.ttl.len > 0) {
        buf_putf(
            b,
            "%s\"TimeToLiveDescription\":{\"TimeToLiveStatus\":\"ENABLED\",\"AttributeName\":",
            any ? "," : "");
        json_put_string(b, t->part.ttl);
        buf_put_u8(b, '}');
        any = true;
    }
    if (has_sse(t)) {
        buf_put_str(b, any ? "," : "");
        put_sse(b, t);
    }
    buf_put_u8(b, '}');
}

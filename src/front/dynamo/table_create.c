/* CreateTable.
 *
 * Faults are found in DynamoDB's order: wrong JSON types, then all constraints together, then the
 * first thing that does not fit: capacity, keys, attributes, local indexes, global indexes, stream,
 * class, tags. */
#include "front/dynamo/policy.h"

struct create_request {
    struct bytes table;
    struct attr_list attrs;
    struct bytes billing;
    struct throughput_request throughput;
    struct limits_request limits;
    struct key_list keys;
    struct index_list locals;
    struct index_list globals;
    struct stream_request stream;
    struct bytes table_class;
    bool protection;
    struct tag_list tags;
    struct sse_request sse;
    struct bytes policy; /* base NULL: none */
};

static const char *const not_supported[] = {
    "GlobalTableSourceArn",
    "GlobalTableSettingsReplicationMode",
    "VectorIndexes",
    NULL,
};

/* ---- reading ---- */

static bool read_indexes(
    struct checks *k, const struct json *in, bool global, struct index_list *ret)
{
    const struct json *list;
    const char *field = global ? "GlobalSecondaryIndexes" : "LocalSecondaryIndexes";
    const char *path = global ? "globalSecondaryIndexes" : "localSecondaryIndexes";
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
        const char *class = global ? "GlobalSecondaryIndex" : "LocalSecondaryIndex";
        if (!json_as_struct(k->c, j, class) ||
            !read_index(
                k, j, check_path(k, "%s.%zu.member", path, i + 1), global, &ret->items[i])) {
            return false;
        }
    }
    return true;
}

static bool create_read(struct dynamo_call *c, const struct json *in, struct create_request *r)
{
    struct checks k = {.c = c};
    bool typed = field_string(c, in, "TableName", &r->table) && read_attrs(&k, in, true, &r->attrs);
    if (!typed) {
        return false;
    }
    if (r->table.base != NULL) {
        check_name_chars(&k, "tableName", r->table);
    }
    typed = field_string(c, in, "BillingMode", &r->billing);
    if (!typed) {
        return false;
    }
    check_enum(&k, "billingMode", r->billing, "PROVISIONED, PAY_PER_REQUEST");
    typed = read_throughput(&k, in, "", &r->throughput) && read_limits(&k, in, "", &r->limits) &&
            read_keys(&k, in, "", KEY_OF_TABLE, &r->keys) &&
            read_indexes(&k, in, /* global= */ false, &r->locals) &&
            read_indexes(&k, in, /* global= */ true, &r->globals) &&
            read_stream(&k, in, &r->stream) &&
            read_sse(&k, in, "SSESpecification", "sSESpecification.sSEType", &r->sse) &&
            field_string(c, in, "TableClass", &r->table_class) &&
            field_bool(c, in, "DeletionProtectionEnabled", &r->protection) &&
            read_tags(c, in, &r->tags) && field_string(c, in, "ResourcePolicy", &r->policy);
    return typed && table_name_check(c, "TableName", r->table) && checks_done(&k);
}

/* ---- what does not fit together ---- */

static struct core_throughput units_of(const struct throughput_request *r)
{
    return (struct core_throughput){(uint64_t)r->read.v, (uint64_t)r->write.v};
}

static struct bytes table_limits_fault(struct arena *a, const struct create_request *r)
{
    bool on_demand = bytes_eq_str(r->billing, "PAY_PER_REQUEST");
    return limits_create_fault(a, &r->limits, BYTES_LIT(""), on_demand, units_of(&r->throughput));
}

static struct bytes capacity_fault(struct arena *a, const struct create_request *r)
{
    if (bytes_eq_str(r->billing, "PAY_PER_REQUEST")) {
        return r->throughput.present
                   ? BYTES_LIT(INVALID_PREFIX
                               "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified "
                               "when BillingMode is PAY_PER_REQUEST")
                   : table_limits_fault(a, r);
    }
    if (!r->throughput.present) {
        return BYTES_LIT(INVALID_PREFIX "ReadCapacityUnits and WriteCapacityUnits must both be "
                                        "specified when BillingMode is PROVISIONED");
    }
    struct bytes fault = units_fault(a, &r->throughput);
    return fault.base == NULL ? table_limits_fault(a, r) : fault;
}

static bool duplicate_name(const struct create_request *r, const struct index_request *x)
{
    const struct index_list *lists[] = {&r->locals, &r->globals};
    for (size_t l = 0; l < 2; l++) {
        for (size_t i = 0; i < lists[l]->n; i++) {
            if (&lists[l]->items[i] == x) {
                return false;
            }
            if (bytes_eq(lists[l]->items[i].name, x->name)) {
                return true;
            }
        }
    }
    return false;
}

static struct bytes duplicate_fault(struct arena *a, const struct index_request *x)
{
    return bytes_fmt(a, INVALID_PREFIX "Duplicate index name: %.*s", BYTES_FMT(x->name));
}

static struct bytes local_fault(
    struct arena *a, const struct create_request *r, const struct index_request *x)
{
    struct bytes fault = keys_fault(a, &x->keys, &r->attrs, KEY_OF_LOCAL);
    if (fault.base != NULL) {
        return fault;
    }
    if (x->keys.n != 2) {
        return bytes_fmt(
            a,
            INVALID_PREFIX "Index KeySchema does not have a range key for index: %.*s",
            BYTES_FMT(x->name));
    }
    struct bytes hash = r->keys.items[0].name;
    if (!bytes_eq(x->keys.items[0].name, hash)) {
        return bytes_fmt(
            a,
            INVALID_PREFIX
            "Index KeySchema does not have the same leading hash key as table KeySchema for "
            "index: %.*s. index hash key: %.*s, table hash key: %.*s",
            BYTES_FMT(x->name),
            BYTES_FMT(x->keys.items[0].name),
            BYTES_FMT(hash));
    }
    fault = projection_fault(a, x);
    if (fault.base != NULL) {
        return fault;
    }
    return duplicate_name(r, x) ? duplicate_fault(a, x) : BYTES_NONE;
}

static struct bytes locals_fault(struct arena *a, const struct create_request *r)
{
    if (!r->locals.present) {
        return BYTES_NONE;
    }
    if (r->locals.n == 0) {
        return BYTES_LIT(INVALID_PREFIX "List of LocalSecondaryIndexes is empty");
    }
    if (r->keys.n != 2) {
        return BYTES_LIT(INVALID_PREFIX "Table KeySchema does not have a range key, which is "
                                        "required when specifying a LocalSecondaryIndex");
    }
    for (size_t i = 0; i < r->locals.n && i <= CORE_LSI_MAX; i++) {
        struct bytes fault = local_fault(a, r, &r->locals.items[i]);
        if (fault.base != NULL) {
            return fault;
        }
    }
    if (r->locals.n > CORE_LSI_MAX) {
        return bytes_fmt(
            a,
            INVALID_PREFIX "Number of LocalSecondaryIndexes exceeds per-table limit of %d",
            CORE_LSI_MAX);
    }
    return BYTES_NONE;
}

static struct bytes global_fault(
    struct arena *a, const struct create_request *r, const struct index_request *x)
{
    struct bytes fault = keys_fault(a, &x->keys, &r->attrs, KEY_OF_GLOBAL);
    if (fault.base == NULL) {
        fault = projection_fault(a, x);
    }
    if (fault.base != NULL) {
        return fault;
    }
    bool on_demand = bytes_eq_str(r->billing, "PAY_PER_REQUEST");
    if (on_demand && x->throughput.present) {
        return bytes_fmt(
            a,
            INVALID_PREFIX "ProvisionedThroughput should not be specified for index: %.*s when "
                           "BillingMode is PAY_PER_REQUEST",
            BYTES_FMT(x->name));
    }
    if (!on_demand && !x->throughput.present) {
        return bytes_fmt(
            a,
            INVALID_PREFIX "ProvisionedThroughput is not specified for index: %.*s",
            BYTES_FMT(x->name));
    }
    fault = units_fault(a, &x->throughput);
    if (fault.base == NULL) {
        fault = limits_create_fault(a, &x->limits, x->name, on_demand, units_of(&x->throughput));
    }
    if (fault.base != NULL) {
        return fault;
    }
    return duplicate_name(r, x) ? duplicate_fault(a, x) : BYTES_NONE;
}

static struct bytes globals_fault(struct arena *a, const struct create_request *r)
{
    if (!r->globals.present) {
        return BYTES_NONE;
    }
    if (r->globals.n == 0) {
        return BYTES_LIT(INVALID_PREFIX "List of GlobalSecondaryIndexes is empty");
    }
    for (size_t i = 0; i < r->globals.n && i <= CORE_GSI_MAX; i++) {
        struct bytes fault = global_fault(a, r, &r->globals.items[i]);
        if (fault.base != NULL) {
            return fault;
        }
    }
    if (r->globals.n > CORE_GSI_MAX) {
        return bytes_fmt(
            a,
            INVALID_PREFIX "GlobalSecondaryIndex count exceeds the per-table limit of %d",
            CORE_GSI_MAX);
    }
    return BYTES_NONE;
}

static size_t included(const struct index_list *list)
{
    size_t n = 0;
    for (size_t i = 0; i < list->n; i++) {
        n += list->items[i].n_include;
    }
    return n;
}

/* The names of all keys, each once, in `names`, which has room for all. */
static size_t keys_used(const struct create_request *r, struct bytes *names)
{
    size_t n = 0;
    const struct index_list *lists[] = {&r->locals, &r->globals};
    for (size_t i = 0; i < r->keys.n; i++) {
        names[n++] = r->keys.items[i].name;
    }
    for (size_t l = 0; l < 2; l++) {
        for (size_t i = 0; i < lists[l]->n; i++) {
            const struct key_list *keys = &lists[l]->items[i].keys;
            for (size_t e = 0; e < keys->n; e++) {
                if (!bytes_is_listed(names, n, keys->items[e].name)) {
                    names[n++] = keys->items[e].name;
                }
            }
        }
    }
    return n;
}

/* Above these counts the list is refused for its length, whatever its keys are. */
static bool is_readable(const struct create_request *r)
{
    bool short_lists = r->locals.n <= CORE_LSI_MAX && r->globals.n <= CORE_GSI_MAX;
    for (size_t i = 0; short_lists && i < r->globals.n; i++) {
        short_lists = r->globals.items[i].keys.n <= EXPR_KEY_ATTRS_MAX;
    }
    return short_lists;
}

static struct bytes unused_fault(
    struct arena *a, const struct create_request *r, const struct bytes *used, size_t n_used)
{
    struct buf b;
    buf_init(&b, /* len_max= */ 1024 * 1024);
    buf_put_str(
        &b, INVALID_PREFIX "Some AttributeDefinitions are not used. AttributeDefinitions: [");
    for (size_t i = 0; i < r->attrs.n; i++) {
        buf_put_str(&b, i == 0 ? "" : ", ");
        buf_put_bytes(&b, r->attrs.items[i].name);
    }
    buf_put_str(&b, "], keys used: [");
    for (size_t i = 0; i < n_used; i++) {
        buf_put_str(&b, i == 0 ? "" : ", ");
        buf_put_bytes(&b, used[i]);
    }
    buf_put_u8(&b, ']');
    struct bytes msg = bytes_dup(a, buf_bytes(&b));
    buf_done(&b);
    return msg;
}

enum { USED_MAX = 2 + 2 * CORE_LSI_MAX + EXPR_KEY_ATTRS_MAX * CORE_GSI_MAX };

static struct bytes twice_fault(struct arena *a, const struct attr_list *attrs)
{
    for (size_t i = 0; i < attrs->n && i <= USED_MAX; i++) {
        for (size_t k = 0; k < i; k++) {
            if (bytes_eq(attrs->items[i].name, attrs->items[k].name)) {
                return bytes_fmt(
                    a, "Attribute Name is duplicated: %.*s", BYTES_FMT(attrs->items[i].name));
            }
        }
    }
    return BYTES_NONE;
}

/* More attributes than keys is what DynamoDB finds before anything in the indexes. */
static struct bytes attrs_fault(struct arena *a, const struct create_request *r)
{
    struct bytes used[USED_MAX];
    size_t n_used = is_readable(r) ? keys_used(r, used) : USED_MAX;
    if (r->attrs.n > n_used && n_used < USED_MAX) {
        return unused_fault(a, r, used, n_used);
    }
    return BYTES_NONE;
}

static struct bytes stream_fault(const struct stream_request *s)
{
    if (s->enabled && s->view.base == NULL) {
        return BYTES_LIT(
            INVALID_PREFIX
            "Table is being created with a stream enabled, UpdateViewType is required");
    }
    if (!s->enabled && s->view.base != NULL) {
        return BYTES_LIT(INVALID_PREFIX "Table is being created with a stream disabled, "
                                        "UpdateViewType should not be specified");
    }
    return BYTES_NONE;
}

static struct bytes create_fault(struct arena *a, const struct create_request *r)
{
    struct bytes fault = capacity_fault(a, r);
    if (fault.base == NULL) {
        fault = keys_fault(a, &r->keys, &r->attrs, KEY_OF_TABLE);
    }
    if (fault.base == NULL) {
        fault = twice_fault(a, &r->attrs);
    }
    if (fault.base == NULL && !r->locals.present && !r->globals.present &&
        r->keys.n != r->attrs.n) {
        fault = BYTES_LIT(INVALID_PREFIX "Number of attributes in KeySchema does not exactly match "
                                         "number of attributes defined in AttributeDefinitions");
    }
    if (fault.base == NULL) {
        fault = attrs_fault(a, r);
    }
    if (fault.base == NULL) {
        fault = locals_fault(a, r);
    }
    if (fault.base == NULL) {
        fault = globals_fault(a, r);
    }
    if (fault.base == NULL) {
        fault = included_fault(a, included(&r->locals) + included(&r->globals));
    }
    return fault.base == NULL ? stream_fault(&r->stream) : fault;
}

bool table_class_check(struct dynamo_call *c, struct bytes table_class)
{
    if (table_class.base == NULL || enum_has("STANDARD, STANDARD_INFREQUENT_ACCESS", table_class)) {
        return true;
    }
    return call_invalid(
        c,
        "Invalid table-class parameter provided. Please try again with a valid table-class value: "
        "[STANDARD, STANDARD_INFREQUENT_ACCESS].");
}

/* ---- the table ---- */

static bool create_table(
    struct dynamo_call *c, const struct create_request *r, struct core_table *t)
{
    size_t n = r->locals.n + r->globals.n;
    struct core_index *indexes = ARENA_ARRAY(c->arena, struct core_index, n);
    *t = (struct core_table){
        .indexes = indexes,
        .n_indexes = n,
        .on_demand = bytes_eq_str(r->billing, "PAY_PER_REQUEST"),
        .throughput = {(uint64_t)r->throughput.read.v, (uint64_t)r->throughput.write.v},
        .stream = r->stream.enabled ? to_stream_view(r->stream.view) : CORE_STREAM_NONE,
        .deletion_protection = r->protection,
        .table_class = r->table_class.base == NULL ? BYTES_LIT("STANDARD") : r->table_class,
        .tags = r->tags.items,
        .n_tags = r->tags.n,
        .extra = {.type = VALUE_MAP},
    };
    if (indexes == NULL || to_attrs(c->arena, &r->attrs, t) != OK ||
        to_keys(c->arena, &r->keys, &r->attrs, &t->part.keys) != OK ||
        limits_apply(c->arena, &r->limits, t, BYTES_LIT(""), &t->throughput) != OK) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    struct policy policy = {
        .text = r->policy,
        .revision = bytes_fmt(c->arena, "%llu", (unsigned long long)c->now_ms),
    };
    if (policy.text.base != NULL &&
        (policy.revision.base == NULL || policy_set(c->arena, t, 0, &policy) != OK)) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    if (r->sse.enabled && sse_set(c->arena, t, true) != OK) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < n; i++) {
        bool local = i < r->locals.n;
        const struct index_request *x =
            local ? &r->locals.items[i] : &r->globals.items[i - r->locals.n];
        if (to_index(c->arena, x, &r->attrs, local, &indexes[i]) != OK ||
            limits_apply(c->arena, &x->limits, t, x->name, &indexes[i].throughput) != OK) {
            return call_fail_err(c, ERR_TOO_BIG);
        }
    }
    return true;
}

bool create_table_parse(
    struct dynamo_call *c, const struct json *in, struct bytes *ret_name, struct core_table *ret)
{
    struct create_request r = {0};
    if (!create_read(c, in, &r) || !refuse_params(c, in, not_supported) ||
        !table_resolve(c, r.table, ret_name)) {
        return false;
    }
    struct bytes fault = create_fault(c->arena, &r);
    if (fault.base != NULL) {
        return call_fail(c, AWS_VALIDATION, fault);
    }
    return table_class_check(c, r.table_class) && tags_check(c, &r.tags) && sse_check(c, &r.sse) &&
           (r.policy.base == NULL || policy_read(c, r.policy, &r.policy)) &&
           create_table(c, &r, ret);
}

enum dynamo_step create_table_begin(struct dynamo_call *c, const struct json *in)
{
    struct core_table wanted;
    struct bytes name;
    if (!create_table_parse(c, in, &name, &wanted)) {
        return DYNAMO_ANSWER;
    }
    struct table_call *t = table_call_new(c, CORE_ADMIN_CREATE_TABLE, name);
    if (t == NULL) {
        return DYNAMO_ANSWER;
    }
    t->wanted = wanted;
    return table_call_submit(t);
}

enum dynamo_step table_change_resume(struct dynamo_call *c)
{
    enum dynamo_step step;
    return table_call_finished(c, &step) ? answer_table(c->state) : step;
}

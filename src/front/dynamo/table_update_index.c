/* GlobalSecondaryIndexUpdates of UpdateTable: throughput of indexes, one new index, or one that
 * goes. */
#include "front/dynamo/table_admin.h"

/* ---- reading ---- */

/* One action; an entry should hold one, and the last one read is kept. */
static bool read_action(
    struct checks *k, const struct json *in, const char *path, size_t which, struct index_update *u)
{
    static const struct {
        const char *field;
        const char *path;
        const char *class;
    } actions[] = {
        [INDEX_UPDATE] = {"Update", "update", "UpdateGlobalSecondaryIndexAction"},
        [INDEX_CREATE] = {"Create", "create", "CreateGlobalSecondaryIndexAction"},
        [INDEX_DELETE] = {"Delete", "delete", "DeleteGlobalSecondaryIndexAction"},
    };
    const struct json *j;
    if (!field_struct(k->c, in, actions[which].field, actions[which].class, &j)) {
        return false;
    }
    if (j == NULL) {
        return true;
    }
    u->n_actions++;
    u->action = (enum index_action)which;
    const char *own = check_path(k, "%s.%s", path, actions[which].path);
    if (which == INDEX_CREATE) {
        return read_index(k, j, own, /* global= */ true, &u->index);
    }
    u->index = (struct index_request){0};
    if (!field_string(k->c, j, "IndexName", &u->index.name)) {
        return false;
    }
    const char *name = check_path(k, "%s.indexName", own);
    check_not_null(k, name, u->index.name.base != NULL);
    if (u->index.name.base != NULL) {
        check_index_name(k, name, u->index.name);
    }
    if (which == INDEX_DELETE) {
        return true;
    }
    if (!read_throughput(k, j, own, &u->index.throughput) ||
        !read_limits(k, j, own, &u->index.limits)) {
        return false;
    }
    bool any = u->index.throughput.present || u->index.limits.on_demand.present ||
               u->index.limits.warm.present;
    check_not_null(k, check_path(k, "%s.provisionedThroughput", own), any);
    return true;
}

bool read_index_updates(struct checks *k, const struct json *in, struct index_updates *ret)
{
    const struct json *list;
    *ret = (struct index_updates){0};
    if (!field_list(k->c, in, "GlobalSecondaryIndexUpdates", &list)) {
        return false;
    }
    if (list == NULL) {
        return true;
    }
    ret->present = true;
    ret->n = list->array.n;
    ret->items = ARENA_ARRAY(k->c->arena, struct index_update, ret->n);
    if (ret->items == NULL) {
        return call_fail_err(k->c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < ret->n; i++) {
        const struct json *j = &list->array.items[i];
        const char *path = check_path(k, "globalSecondaryIndexUpdates.%zu.member", i + 1);
        if (!json_as_struct(k->c, j, "GlobalSecondaryIndexUpdate")) {
            return false;
        }
        for (size_t which = INDEX_UPDATE; which <= INDEX_DELETE; which++) {
            if (!read_action(k, j, path, which, &ret->items[i])) {
                return false;
            }
        }
    }
    return true;
}

/* ---- the request by itself ---- */

static bool update_check(struct dynamo_call *c, const struct index_update *u)
{
    if (u->n_actions == 0) {
        return call_invalid(
            c,
            INVALID_PREFIX "One of GlobalSecondaryIndexUpdate.Update, "
                           "GlobalSecondaryIndexUpdate.Create, GlobalSecondaryIndexUpdate.Delete "
                           "must not be null");
    }
    if (u->n_actions > 1) {
        return call_invalid(
            c,
            INVALID_PREFIX "Only one global secondary index action is allowed per "
                           "GlobalSecondaryIndexUpdate object");
    }
    struct bytes fault = units_fault(c->arena, &u->index.throughput);
    return fault.base == NULL || call_fail(c, AWS_VALIDATION, fault);
}

bool index_updates_check(struct dynamo_call *c, const struct index_updates *u)
{
    if (u->present && u->n == 0) {
        return call_invalid(c, INVALID_PREFIX "List of GlobalSecondaryIndexUpdates is empty");
    }
    size_t n_changes = 0;
    for (size_t i = 0; i < u->n && i <= CORE_GSI_MAX; i++) {
        if (!update_check(c, &u->items[i])) {
            return false;
        }
        n_changes += u->items[i].action != INDEX_UPDATE ? 1 : 0;
        for (size_t k = 0; k < i; k++) {
            if (bytes_eq(u->items[k].index.name, u->items[i].index.name)) {
                return call_invalid(
                    c,
                    INVALID_PREFIX "Only one global secondary index update per index is allowed "
                                   "simultaneously. Index: %.*s",
                    BYTES_FMT(u->items[i].index.name));
            }
        }
    }
    if (n_changes > 1 || u->n > CORE_GSI_MAX) {
        return call_fail(
            c,
            AWS_LIMIT_EXCEEDED,
            BYTES_LIT("Subscriber limit exceeded: Only 1 online index can be created or deleted "
                      "simultaneously per table"));
    }
    return true;
}

/* ---- against the table ---- */

static size_t index_at(const struct core_table *t, struct bytes name)
{
    size_t i = 0;
    while (i < t->n_indexes && !bytes_eq(t->indexes[i].part.name, name)) {
        i++;
    }
    return i;
}

/* The index an update or deletion names. */
static enum err find_global(
    struct table_call *t, const struct core_table *now, const struct index_update *u, size_t *ret)
{
    struct bytes name = u->index.name;
    size_t i = index_at(now, name);
    if (i == now->n_indexes) {
        return table_fault(
            t,
            AWS_RESOURCE_NOT_FOUND,
            "Requested resource not found: Index %.*s for table %.*s",
            BYTES_FMT(name),
            BYTES_FMT(now->part.name));
    }
    if (now->indexes[i].part.local) {
        return table_fault_invalid(
            t,
            "Cannot %s an index that is not a GlobalSecondaryIndex: %.*s",
            u->action == INDEX_DELETE ? "delete" : "update",
            BYTES_FMT(name));
    }
    *ret = i;
    return OK;
}

static enum err set_units(
    struct table_call *t,
    const struct core_table *now,
    const struct index_update *u,
    struct core_table *wanted,
    struct arena *a)
{
    size_t i;
    enum err err = find_global(t, now, u, &i);
    if (err != OK) {
        return err;
    }
    const struct core_index *x = &now->indexes[i];
    struct bytes name = x->part.name;
    if (x->status != CORE_ACTIVE) {
        return table_fault(
            t,
            AWS_RESOURCE_IN_USE,
            "Attempt to change a resource which is still in use: Index is being updated.  Table: "
            "%.*s Index: %.*s",
            BYTES_FMT(now->part.name),
            BYTES_FMT(name));
    }
    /* The copy's arrays are ours; only the public struct calls them const. */
    struct core_index *mine = (struct core_index *)(uintptr_t)&wanted->indexes[i];
    struct bytes fault = limits_update_fault(a, &u->index.limits, wanted, name, mine->throughput);
    if (fault.base != NULL) {
        return table_fault_invalid(t, "%.*s", BYTES_FMT(fault));
    }
    if (!u->index.throughput.present) {
        return limits_apply(a, &u->index.limits, wanted, name, &mine->throughput);
    }
    if (wanted->on_demand) {
        return table_fault_invalid(
            t,
            INVALID_PREFIX "The only Updates for index: %.*s when TableThroughputMode is "
                           "PAY_PER_REQUEST can be to OnDemandThroughput, WarmThroughput",
            BYTES_FMT(name));
    }
    struct core_throughput want = {
        (uint64_t)u->index.throughput.read.v, (uint64_t)u->index.throughput.write.v};
    struct core_throughput have = x->throughput;
    if (want.read_units == have.read_units && want.write_units == have.write_units) {
        return table_fault_invalid(
            t,
            "The provisioned throughput for the index %.*s will not change. The requested value "
            "equals the current value. Current ReadCapacityUnits provisioned for index %.*s: %llu. "
            "Requested ReadCapacityUnits: %llu. Current WriteCapacityUnits provisioned for "
            "index %.*s: %llu. Requested WriteCapacityUnits: %llu. Refer to the Amazon DynamoDB "
            "Developer Guide for current limits and how to request higher limits.",
            BYTES_FMT(name),
            BYTES_FMT(name),
            (unsigned long long)have.read_units,
            (unsigned long long)want.read_units,
            BYTES_FMT(name),
            (unsigned long long)have.write_units,
            (unsigned long long)want.write_units);
    }
    fault = decreases_fault(a, now, name, have, want, t->c->now_ms);
    if (fault.base != NULL) {
        return table_fault(t, AWS_LIMIT_EXCEEDED, "%.*s", BYTES_FMT(fault));
    }
    mine->throughput = want;
    err = limits_apply(a, &u->index.limits, wanted, name, &mine->throughput);
    return err == OK ? history_note(a, wanted, name, have, want, t->c->now_ms) : err;
}

static void put_schema_element(struct buf *b, struct bytes name, const char *type, bool hash)
{
    buf_putf(b, "key{%.*s:%s:%s}", BYTES_FMT(name), type, hash ? "HASH" : "RANGE");
}

/* The first key schema of the table that holds the attribute. */
static const struct expr_key_schema *schema_with(const struct core_table *t, struct bytes name)
{
    for (size_t i = 0; i < t->n_indexes; i++) {
        const struct expr_key_schema *keys = &t->indexes[i].part.keys;
        for (size_t k = 0; k < expr_keys_count(keys); k++) {
            if (bytes_eq(expr_keys_at(keys, k)->name, name)) {
                return keys;
            }
        }
    }
    return &t->part.keys;
}

static void put_schema(struct buf *b, const struct expr_key_schema *keys)
{
    for (size_t i = 0; i < expr_keys_count(keys); i++) {
        const struct expr_key_attr *attr = expr_keys_at(keys, i);
        buf_put_str(b, i == 0 ? "" : ", ");
        put_schema_element(b, attr->name, value_tag(attr->type), i <= keys->n_more_hash);
    }
}

static enum err redefined(
    struct table_call *t,
    const struct core_table *now,
    const struct index_request *x,
    const struct attr_list *given,
    struct bytes name)
{
    struct buf b;
    buf_init(&b, /* len_max= */ 64 * 1024);
    buf_put_str(&b, "Existing schema: Schema:[SchemaElement: ");
    bool of_table =
        bytes_eq(now->part.keys.hash.name, name) || bytes_eq(now->part.keys.range.name, name);
    put_schema(&b, of_table ? &now->part.keys : schema_with(now, name));
    buf_put_str(&b, "] New schema: Schema:[SchemaElement: ");
    for (size_t i = 0; i < x->keys.n; i++) {
        const struct key_element *e = &x->keys.items[i];
        const struct key_element *declared = attr_of(given, e->name);
        buf_put_str(&b, i == 0 ? "" : ", ");
        put_schema_element(
            &b,
            e->name,
            value_tag(to_type(declared == NULL ? BYTES_LIT("S") : declared->type)),
            bytes_eq_str(e->type, "HASH"));
    }
    buf_put_u8(&b, ']');
    enum err err = table_fault_invalid(
        t,
        INVALID_PREFIX "Attributes cannot be redefined. Please check that your attribute has the "
                       "same type as previously defined. %.*s",
        BYTES_FMT(buf_bytes(&b)));
    buf_done(&b);
    return err;
}

/* The table's attributes and those that the request adds for the new index; of others it may say
 * what it likes. */
static enum err join_attrs(
    struct table_call *t,
    const struct core_table *now,
    const struct index_request *x,
    const struct attr_list *given,
    struct attr_list *ret,
    struct arena *a)
{
    struct key_element *items = ARENA_ARRAY(a, struct key_element, now->n_attrs + x->keys.n);
    if (items == NULL) {
        return ERR_TOO_BIG;
    }
    size_t n = 0;
    for (size_t i = 0; i < now->n_attrs; i++) {
        items[n++] =
            (struct key_element){now->attrs[i].name, bytes_str(value_tag(now->attrs[i].type))};
    }
    for (size_t i = 0; i < x->keys.n; i++) {
        const struct key_element *e = attr_of(given, x->keys.items[i].name);
        const struct attr_list so_far = {true, items, n};
        const struct key_element *had = e == NULL ? NULL : attr_of(&so_far, e->name);
        if (had != NULL && !bytes_eq(had->type, e->type)) {
            return redefined(t, now, x, given, e->name);
        }
        if (e != NULL && had == NULL) {
            items[n++] = *e;
        }
    }
    *ret = (struct attr_list){true, items, n};
    return OK;
}

static enum err create_fault(
    struct table_call *t,
    const struct core_table *wanted,
    const struct index_request *x,
    const struct attr_list *attrs,
    struct arena *a)
{
    struct bytes fault = keys_fault(a, &x->keys, attrs, KEY_OF_GLOBAL);
    if (fault.base == NULL) {
        fault = projection_fault(a, x);
    }
    size_t n_included = x->n_include;
    for (size_t i = 0; i < wanted->n_indexes; i++) {
        n_included += wanted->indexes[i].part.n_include;
    }
    if (fault.base == NULL) {
        fault = included_fault(a, n_included);
    }
    if (fault.base != NULL) {
        return table_fault_invalid(t, "%.*s", BYTES_FMT(fault));
    }
    if (wanted->on_demand && x->throughput.present) {
        return table_fault_invalid(
            t,
            INVALID_PREFIX "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified for "
                           "index: %.*s when BillingMode is PAY_PER_REQUEST",
            BYTES_FMT(x->name));
    }
    if (!wanted->on_demand && !x->throughput.present) {
        return table_fault_invalid(
            t,
            INVALID_PREFIX
            "Both ReadCapacityUnits and WriteCapacityUnits must be specified for index: %.*s",
            BYTES_FMT(x->name));
    }
    const struct core_throughput units = {
        (uint64_t)x->throughput.read.v, (uint64_t)x->throughput.write.v};
    fault = limits_create_fault(a, &x->limits, x->name, wanted->on_demand, units);
    return fault.base == NULL ? OK : table_fault_invalid(t, "%.*s", BYTES_FMT(fault));
}

/* Declares the attributes of an index's keys that the table does not declare yet. */
static enum err declare_keys(
    struct core_table *wanted, const struct expr_key_schema *keys, struct arena *a)
{
    struct expr_key_attr *attrs =
        ARENA_ARRAY(a, struct expr_key_attr, wanted->n_attrs + EXPR_KEY_ATTRS_MAX);
    if (attrs == NULL) {
        return ERR_TOO_BIG;
    }
    size_t n = wanted->n_attrs;
    for (size_t i = 0; i < n; i++) {
        attrs[i] = wanted->attrs[i];
    }
    for (size_t p = 0; p < expr_keys_count(keys); p++) {
        const struct expr_key_attr *part = expr_keys_at(keys, p);
        bool there = false;
        for (size_t i = 0; i < n; i++) {
            there = there || bytes_eq(attrs[i].name, part->name);
        }
        if (!there) {
            attrs[n++] = *part;
        }
    }
    wanted->attrs = attrs;
    wanted->n_attrs = n;
    return OK;
}

static enum err add_index(
    struct table_call *t,
    const struct core_table *now,
    const struct index_request *x,
    const struct attr_list *given,
    struct core_table *wanted,
    struct arena *a)
{
    if (index_at(now, x->name) < now->n_indexes) {
        return table_fault_invalid(t, "Attempting to create an index which already exists");
    }
    if (!given->present) {
        return table_fault_invalid(
            t,
            INVALID_PREFIX "AttributeDefinitions is not specified for index: %.*s",
            BYTES_FMT(x->name));
    }
    size_t n_global = 0;
    for (size_t i = 0; i < wanted->n_indexes; i++) {
        n_global += wanted->indexes[i].part.local ? 0 : 1;
    }
    if (n_global >= CORE_GSI_MAX) {
        return table_fault(
            t,
            AWS_LIMIT_EXCEEDED,
            "Subscriber limit exceeded: Number of global secondary indexes exceeds per-table "
            "limit of %d",
            CORE_GSI_MAX);
    }
    struct attr_list attrs;
    enum err err = join_attrs(t, now, x, given, &attrs, a);
    if (err == OK) {
        err = create_fault(t, wanted, x, &attrs, a);
    }
    if (err != OK) {
        return err;
    }
    struct core_index *list = ARENA_ARRAY(a, struct core_index, wanted->n_indexes + 1);
    if (list == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < wanted->n_indexes; i++) {
        list[i] = wanted->indexes[i];
    }
    err = to_index(a, x, &attrs, /* local= */ false, &list[wanted->n_indexes]);
    if (err != OK) {
        return err;
    }
    wanted->indexes = list;
    wanted->n_indexes++;
    err = limits_apply(a, &x->limits, wanted, x->name, &list[wanted->n_indexes - 1].throughput);
    if (err != OK) {
        return err;
    }
    return declare_keys(wanted, &list[wanted->n_indexes - 1].part.keys, a);
}

static enum err drop_index(
    struct table_call *t,
    const struct core_table *now,
    const struct index_update *u,
    struct core_table *wanted,
    struct arena *a)
{
    size_t gone;
    enum err err = find_global(t, now, u, &gone);
    if (err != OK) {
        return err;
    }
    struct core_index *list = ARENA_ARRAY(a, struct core_index, wanted->n_indexes);
    if (list == NULL) {
        return ERR_TOO_BIG;
    }
    size_t n = 0;
    for (size_t i = 0; i < wanted->n_indexes; i++) {
        if (!bytes_eq(wanted->indexes[i].part.name, u->index.name)) {
            list[n++] = wanted->indexes[i];
        }
    }
    wanted->indexes = list;
    wanted->n_indexes = n;
    return OK;
}

enum err index_updates_apply(
    struct table_call *t,
    const struct core_table *now,
    const struct index_updates *u,
    const struct attr_list *attrs,
    struct core_table *wanted,
    struct arena *a)
{
    /* Throughput goes first: it finds indexes by their places in `now`. */
    for (size_t i = 0; i < u->n; i++) {
        if (u->items[i].action == INDEX_UPDATE) {
            enum err err = set_units(t, now, &u->items[i], wanted, a);
            if (err != OK) {
                return err;
            }
        }
    }
    for (size_t i = 0; i < u->n; i++) {
        enum err err = OK;
        if (u->items[i].action == INDEX_CREATE) {
            err = add_index(t, now, &u->items[i].index, attrs, wanted, a);
        }
        if (u->items[i].action == INDEX_DELETE) {
            err = drop_index(t, now, &u->items[i], wanted, a);
        }
        if (err != OK) {
            return err;
        }
    }
    return OK;
}

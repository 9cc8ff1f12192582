/* UpdateTable, but for ReplicaUpdates.
 *
 * What the request alone shows is checked here on the loop thread; what depends on the table is
 * checked in the writer against the table that is then changed. */
#include "front/dynamo/table_admin.h"

struct update_request {
    struct attr_list attrs;
    struct bytes billing;
    struct throughput_request throughput;
    struct limits_request limits;
    struct index_updates indexes;
    struct stream_request stream;
    struct bytes table_class;
    bool has_protection;
    bool protection;
    struct sse_request sse;
    bool has_consistency; /* MultiRegionConsistency: of ReplicaUpdates, of nothing else */
};

static const char *const not_supported[] = {
    "GlobalTableSettingsReplicationMode",
    "DisassociationProtectionEnabled",
    "VectorIndexUpdates",
    NULL,
};

/* ---- the request by itself ---- */

static bool update_read(
    struct dynamo_call *c, const struct json *in, struct update_request *r, struct bytes *ret_name)
{
    struct checks k = {.c = c};
    struct bytes table;
    if (!field_string(c, in, "TableName", &table) ||
        !read_attrs(&k, in, /* needed= */ false, &r->attrs)) {
        return false;
    }
    if (table.base != NULL && !bytes_has_prefix(table, BYTES_LIT("arn:"))) {
        check_name_chars(&k, "tableName", table);
    }
    if (!read_throughput(&k, in, "", &r->throughput) || !read_limits(&k, in, "", &r->limits) ||
        !field_string(c, in, "BillingMode", &r->billing)) {
        return false;
    }
    check_enum(&k, "billingMode", r->billing, "PROVISIONED, PAY_PER_REQUEST");
    r->has_protection = field_present(in, "DeletionProtectionEnabled");
    r->has_consistency = field_present(in, "MultiRegionConsistency");
    return read_index_updates(&k, in, &r->indexes) && read_stream(&k, in, &r->stream) &&
           read_sse(&k, in, "SSESpecification", "sSESpecification.sSEType", &r->sse) &&
           field_string(c, in, "TableClass", &r->table_class) &&
           field_bool(c, in, "DeletionProtectionEnabled", &r->protection) &&
           table_name_check(c, "TableName", table) && checks_done(&k) &&
           table_resolve(c, table, ret_name);
}

static bool invalid(struct dynamo_call *c, const char *what)
{
    return call_invalid(c, INVALID_PREFIX "%s", what);
}

static bool changes_indexes(const struct index_updates *u)
{
    for (size_t i = 0; i < u->n; i++) {
        if (u->items[i].n_actions > 0 && u->items[i].action != INDEX_UPDATE) {
            return true;
        }
    }
    return false;
}

static bool creates_index(const struct index_updates *u)
{
    for (size_t i = 0; i < u->n; i++) {
        if (u->items[i].n_actions > 0 && u->items[i].action == INDEX_CREATE) {
            return true;
        }
    }
    return false;
}

/* What must not be asked for together with OnDemandThroughput and WarmThroughput; `n` things are
 * asked for, billing mode and throughput counted as one. */
static bool limits_alone_check(struct dynamo_call *c, const struct update_request *r, unsigned n)
{
    const struct limits_request *l = &r->limits;
    if (l->warm.present && n > 1) {
        return creates_index(&r->indexes)
                   ? invalid(
                         c,
                         "Create global secondary index cannot be specified when updating "
                         "WarmThroughput")
                   : invalid(c, "WarmThroughput must be the only operation in the request");
    }
    if (l->on_demand.present && n > (r->billing.base != NULL ? 2u : 1u)) {
        return invalid(
            c,
            "OnDemandThroughput can only be combined with BillingMode in an UpdateTable request");
    }
    bool empty_warm = l->warm.present && !l->warm.read.present && !l->warm.write.present;
    bool empty = l->on_demand.present && !l->on_demand.read.present && !l->on_demand.write.present;
    return !(empty_warm || empty) ||
           invalid(
               c,
               empty ? "OnDemandThroughput must specify MaxReadRequestUnits, MaxWriteRequestUnits, "
                       "or both"
                     : "WarmThroughput must specify ReadUnitsPerSecond, WriteUnitsPerSecond, or "
                       "both");
}

/* What must not be asked for together. */
static bool alone_check(struct dynamo_call *c, const struct update_request *r)
{
    bool iops = r->throughput.present;
    /* An empty list of index updates counts only beside something else. */
    bool indexes = r->indexes.present && r->indexes.n > 0;
    unsigned n = (iops || r->billing.base != NULL) + (indexes ? 1u : 0u) +
                 (r->stream.present ? 1u : 0u) + (r->table_class.base != NULL ? 1u : 0u) +
                 (r->has_protection ? 1u : 0u) + (r->sse.present ? 1u : 0u) +
                 (r->limits.warm.present ? 1u : 0u) + (r->limits.on_demand.present ? 1u : 0u);
    if (n == 0) {
        return call_invalid(
            c,
            "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, "
            "GlobalSecondaryIndexUpdates, SSESpecification, ReplicaUpdates, "
            "MultiAccountReplicaReady, ReplicaTransitRoleArn, %sDeletionProtectionEnabled, "
            "OnDemandThroughput, WarmThroughput or TableClass is required",
            r->has_consistency ? "" : "MultiRegionConsistency, ");
    }
    if (n > 1 && r->sse.present) {
        return invalid(
            c, "Server-Side Encryption modification must be the only operation in the request");
    }
    if (n > 1 && r->table_class.base != NULL) {
        return invalid(c, "TableClass modification must be the only operation in the request");
    }
    if (n > 1 && r->has_protection) {
        return invalid(
            c, "DeletionProtection modification must be the only operation in the request");
    }
    if (!limits_alone_check(c, r, n)) {
        return false;
    }
    if (iops && r->stream.present) {
        return invalid(c, "You cannot modify stream status while updating table IOPS");
    }
    if (iops && changes_indexes(&r->indexes)) {
        return invalid(c, "You cannot create or delete index while updating table IOPS");
    }
    if (r->stream.present && changes_indexes(&r->indexes)) {
        return invalid(c, "You cannot create or delete index while changing stream status");
    }
    return true;
}

static bool update_check(struct dynamo_call *c, const struct update_request *r)
{
    if (!alone_check(c, r) || !table_class_check(c, r->table_class)) {
        return false;
    }
    if (bytes_eq_str(r->billing, "PROVISIONED") && !r->throughput.present) {
        return invalid(
            c, "ProvisionedThroughput must be specified when BillingMode is PROVISIONED");
    }
    struct bytes fault = units_fault(c->arena, &r->throughput);
    if (fault.base != NULL) {
        return call_fail(c, AWS_VALIDATION, fault);
    }
    if (r->stream.present && r->stream.enabled && r->stream.view.base == NULL) {
        return invalid(c, "If stream is being enabled then UpdateViewType is required");
    }
    if (r->stream.present && !r->stream.enabled && r->stream.view.base != NULL) {
        return invalid(c, "If stream is being disabled, then UpdateViewType must not be specified");
    }
    return index_updates_check(c, &r->indexes);
}

/* ---- against the table, in the writer ---- */

static enum err unchanged(
    struct table_call *t, struct core_throughput have, struct core_throughput want)
{
    return table_fault_invalid(
        t,
        "The provisioned throughput for the table will not change. The requested value equals the "
        "current value. Current ReadCapacityUnits provisioned for the table: %llu. Requested "
        "ReadCapacityUnits: %llu. Current WriteCapacityUnits provisioned for the table: %llu. "
        "Requested WriteCapacityUnits: %llu. Refer to the Amazon DynamoDB Developer Guide for "
        "current limits and how to request higher limits.",
        (unsigned long long)have.read_units,
        (unsigned long long)want.read_units,
        (unsigned long long)have.write_units,
        (unsigned long long)want.write_units);
}

static bool is_updated(const struct index_updates *u, struct bytes name)
{
    for (size_t i = 0; i < u->n; i++) {
        if (bytes_eq(u->items[i].index.name, name)) {
            return true;
        }
    }
    return false;
}

/* Global indexes that a change to provisioned billing leaves without throughput. */
static enum err indexes_lack_units(
    struct table_call *t, const struct core_table *now, const struct index_updates *u)
{
    struct buf names;
    buf_init(&names, /* len_max= */ 16 * 1024);
    for (size_t i = 0; i < now->n_indexes; i++) {
        const struct core_index *x = &now->indexes[i];
        if (x->part.local || x->status == CORE_DELETING || is_updated(u, x->part.name)) {
            continue;
        }
        buf_put_str(&names, names.len == 0 ? "" : ",");
        buf_put_bytes(&names, x->part.name);
    }
    enum err err = OK;
    if (names.len > 0) {
        err = table_fault_invalid(
            t,
            INVALID_PREFIX "ProvisionedThroughput must be specified for index: %.*s",
            BYTES_FMT(buf_bytes(&names)));
    }
    buf_done(&names);
    return err;
}

/* What was warm stays so: notes it of the table and its global indexes. */
static enum err note_warmth(struct arena *a, struct core_table *wanted)
{
    enum err err = warm_note(a, wanted, BYTES_LIT(""), wanted->throughput);
    for (size_t i = 0; i < wanted->n_indexes && err == OK; i++) {
        const struct core_index *x = &wanted->indexes[i];
        err = x->part.local ? OK : warm_note(a, wanted, x->part.name, x->throughput);
    }
    return err;
}

static void clear_index_units(struct core_table *wanted)
{
    for (size_t i = 0; i < wanted->n_indexes; i++) {
        /* The copy's arrays are ours; only the public struct calls them const. */
        struct core_index *x = (struct core_index *)(uintptr_t)&wanted->indexes[i];
        x->throughput = (struct core_throughput){0};
    }
}

static enum err apply_billing(
    struct table_call *t,
    const struct core_table *now,
    const struct update_request *r,
    struct arena *a)
{
    struct core_table *wanted = &t->wanted;
    bool on_demand =
        r->billing.base == NULL ? now->on_demand : bytes_eq_str(r->billing, "PAY_PER_REQUEST");
    if (on_demand && r->throughput.present) {
        return table_fault_invalid(
            t,
            INVALID_PREFIX "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when "
                           "BillingMode is PAY_PER_REQUEST");
    }
    if (on_demand != now->on_demand) {
        enum err noted = note_warmth(a, wanted);
        if (noted != OK) {
            return noted;
        }
    }
    wanted->on_demand = on_demand;
    if (on_demand && !now->on_demand) {
        wanted->throughput = (struct core_throughput){0};
        clear_index_units(wanted);
        return extra_set_ms(a, wanted, "on_demand", t->c->now_ms);
    }
    if (!r->throughput.present) {
        return OK;
    }
    struct core_throughput want = {(uint64_t)r->throughput.read.v, (uint64_t)r->throughput.write.v};
    struct core_throughput have = now->throughput;
    bool same = want.read_units == have.read_units && want.write_units == have.write_units;
    if (!now->on_demand && same) {
        return unchanged(t, have, want);
    }
    struct bytes fault = decreases_fault(a, now, BYTES_LIT(""), have, want, t->c->now_ms);
    if (fault.base != NULL) {
        return table_fault(t, AWS_LIMIT_EXCEEDED, "%.*s", BYTES_FMT(fault));
    }
    wanted->throughput = want;
    if (now->on_demand && extra_ms(now, "on_demand") == 0) {
        /* It was on demand from the start. */
        enum err kept = extra_set_ms(a, wanted, "on_demand", now->created_ms);
        if (kept != OK) {
            return kept;
        }
    }
    enum err err = history_note(a, wanted, BYTES_LIT(""), have, want, t->c->now_ms);
    return err == OK && now->on_demand ? indexes_lack_units(t, now, &r->indexes) : err;
}

static enum err apply_limits(struct table_call *t, const struct update_request *r, struct arena *a)
{
    struct core_table *wanted = &t->wanted;
    struct bytes fault =
        limits_update_fault(a, &r->limits, wanted, BYTES_LIT(""), wanted->throughput);
    if (fault.base != NULL) {
        return table_fault_invalid(t, "%.*s", BYTES_FMT(fault));
    }
    return limits_apply(a, &r->limits, wanted, BYTES_LIT(""), &wanted->throughput);
}

static enum err apply_stream(
    struct table_call *t, const struct core_table *now, const struct stream_request *s)
{
    if (!s->present) {
        return OK;
    }
    if (s->enabled && now->stream != CORE_STREAM_NONE) {
        return table_fault_invalid(
            t, "Table already has an enabled stream: TableName: %.*s", BYTES_FMT(now->part.name));
    }
    if (!s->enabled && now->stream == CORE_STREAM_NONE) {
        return table_fault_invalid(
            t, "Table has no stream to disable: TableName: %.*s", BYTES_FMT(now->part.name));
    }
    t->wanted.stream = s->enabled ? to_stream_view(s->view) : CORE_STREAM_NONE;
    return OK;
}

/* For the answer: the units as they are. A new billing mode's are told at once. */
static enum err keep_rates(
    struct table_call *t,
    const struct core_table *now,
    const struct update_request *r,
    struct arena *a)
{
    struct core_index *list = ARENA_ARRAY(a, struct core_index, now->n_indexes);
    if (list == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < now->n_indexes; i++) {
        list[i] = (struct core_index){.throughput = now->indexes[i].throughput};
        list[i].part.id = now->indexes[i].part.id;
    }
    bool switched = t->wanted.on_demand && !now->on_demand;
    bool maxima = r->limits.on_demand.present || r->indexes.present;
    t->before = (struct table_rates){
        .known = t->wanted.on_demand == now->on_demand,
        .how = r->limits.warm.present ? TELL_WARMING
               : switched             ? TELL_SWITCHED
               : maxima               ? TELL_UPDATED
                                      : TELL_STATE,
        .extra = t->wanted.extra,
        .table = now->throughput,
        .indexes = list,
        .n_indexes = now->n_indexes,
    };
    return OK;
}

static enum err apply_sse(
    struct table_call *t,
    const struct core_table *now,
    const struct sse_request *sse,
    struct arena *a)
{
    if (!sse->enabled && !has_sse(now)) {
        return table_fault_invalid(t, INVALID_PREFIX "Table is already encrypted by default");
    }
    if (sse->key_is_arn && has_sse(now)) {
        return table_fault_invalid(
            t,
            INVALID_PREFIX "Table is already encrypted with given KMSMasterKeyId. Use "
                           "KMSMasterKeyId parameter if you want to change Master Key");
    }
    return sse_set(a, &t->wanted, sse->enabled);
}

/* A class that is set for the first time to what it is anyway leaves no trace. */
static enum err apply_class(struct table_call *t, struct bytes class, struct arena *a)
{
    struct core_table *wanted = &t->wanted;
    bool same = wanted->table_class.len == 0 || bytes_eq_str(wanted->table_class, "STANDARD");
    if (same && bytes_eq_str(class, "STANDARD") && extra_ms(wanted, "class") == 0) {
        return OK;
    }
    wanted->table_class = class;
    return extra_set_ms(a, wanted, "class", t->c->now_ms);
}

static enum err build(struct table_call *t, const struct core_table *now, struct arena *a)
{
    const struct update_request *r = t->arg;
    if (now->status == CORE_CREATING || now->status == CORE_DELETING) {
        t->admin.refusal = CORE_REFUSED_TABLE_BUSY;
        return ERR_IN_USE;
    }
    if (r->sse.present) {
        return apply_sse(t, now, &r->sse, a);
    }
    enum err err = apply_billing(t, now, r, a);
    if (err == OK) {
        err = keep_rates(t, now, r, a);
    }
    if (err == OK) {
        err = apply_limits(t, r, a);
    }
    if (err == OK) {
        err = apply_stream(t, now, &r->stream);
    }
    if (err == OK && r->table_class.base != NULL) {
        err = apply_class(t, r->table_class, a);
    }
    if (err == OK && r->has_protection) {
        t->wanted.deletion_protection = r->protection;
    }
    return err == OK ? index_updates_apply(t, now, &r->indexes, &r->attrs, &t->wanted, a) : err;
}

/* ---- the operation ---- */

enum dynamo_step update_table_begin(struct dynamo_call *c, const struct json *in)
{
    struct bytes name;
    struct update_request *r = ARENA_NEW(c->arena, struct update_request);
    if (r == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
        return DYNAMO_ANSWER;
    }
    if (!update_read(c, in, r, &name) || !refuse_params(c, in, not_supported)) {
        return DYNAMO_ANSWER;
    }
    if (field_present(in, "ReplicaUpdates")) {
        if (r->throughput.present || r->billing.base != NULL || r->indexes.present ||
            r->stream.present || r->table_class.base != NULL || r->has_protection ||
            r->sse.present || r->limits.on_demand.present || r->limits.warm.present) {
            (void)invalid(
                c, "Requests that modify replicas or witnesses must not also modify other fields");
            return DYNAMO_ANSWER;
        }
        return update_replicas_begin(c, in, name);
    }
    if (!update_check(c, r) || !consistency_check(c, in, false) || !sse_check(c, &r->sse)) {
        return DYNAMO_ANSWER;
    }
    struct table_call *t = table_call_new(c, CORE_ADMIN_UPDATE_TABLE, name);
    if (t == NULL) {
        return DYNAMO_ANSWER;
    }
    /* These come alone and leave the table ACTIVE; replicas have to be told of maxima. */
    bool limits = (r->limits.on_demand.present || r->limits.warm.present) &&
                  r->billing.base == NULL && !r->indexes.present &&
                  catalog_group(c->d->view.catalog, name) == NULL;
    t->admin.settings_only = r->has_protection || r->sse.present || limits;
    t->build = build;
    t->arg = r;
    return table_call_submit(t);
}

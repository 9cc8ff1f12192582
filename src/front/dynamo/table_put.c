/* Descriptions of tables in answers.
 *
 * The numbers of items and their bytes are exact, of the table and of its indexes, as the writer
 * counts them. DynamoDB itself brings them up to date every six hours or so. */
#include "feed/feed.h"
#include "front/dynamo/table_admin.h"

const char *status_name(enum core_status s)
{
    switch (s) {
    case CORE_CREATING:
        return "CREATING";
    case CORE_ACTIVE:
        return "ACTIVE";
    case CORE_UPDATING:
        return "UPDATING";
    case CORE_DELETING:
        return "DELETING";
    case CORE_FAILED:
        break;
    }
    return "FAILED";
}

const char *replica_status_name(enum core_status s)
{
    return s == CORE_FAILED ? "CREATION_FAILED" : status_name(s);
}

void put_seconds(struct buf *b, uint64_t ms)
{
    buf_putf(b, "%llu.%03u", (unsigned long long)(ms / 1000), (unsigned)(ms % 1000));
}

/* ---- parts ---- */

static void put_key(struct buf *b, struct bytes name, const char *type)
{
    buf_put_str(b, "{\"AttributeName\":");
    json_put_string(b, name);
    buf_putf(b, ",\"KeyType\":\"%s\"}", type);
}

void put_key_schema(struct buf *b, const struct expr_key_schema *keys)
{
    buf_put_str(b, "\"KeySchema\":[");
    for (size_t i = 0; i < expr_keys_count(keys); i++) {
        buf_put_str(b, i == 0 ? "" : ",");
        put_key(b, expr_keys_at(keys, i)->name, i < expr_keys_hashes(keys) ? "HASH" : "RANGE");
    }
    buf_put_u8(b, ']');
}

/* The index of the smallest name greater than `after` (len 0: of all), n when there is none:
 * DynamoDB tells attribute names in their order. */
static size_t next_name(
    struct bytes (*name_at)(const void *list, size_t i),
    const void *list,
    size_t n,
    struct bytes after)
{
    size_t best = n;
    for (size_t i = 0; i < n; i++) {
        struct bytes name = name_at(list, i);
        bool later = after.len == 0 || bytes_cmp(name, after) > 0;
        if (later && (best == n || bytes_cmp(name, name_at(list, best)) < 0)) {
            best = i;
        }
    }
    return best;
}

static struct bytes attr_name(const void *list, size_t i)
{
    return ((const struct expr_key_attr *)list)[i].name;
}

static struct bytes listed_name(const void *list, size_t i)
{
    return ((const struct bytes *)list)[i];
}

static void put_attrs(struct buf *b, const struct core_table *t)
{
    buf_put_str(b, "\"AttributeDefinitions\":[");
    struct bytes after = BYTES_LIT("");
    for (size_t n = 0; n < t->n_attrs; n++) {
        size_t i = next_name(attr_name, t->attrs, t->n_attrs, after);
        if (i == t->n_attrs) {
            break;
        }
        after = t->attrs[i].name;
        buf_put_str(b, n == 0 ? "{\"AttributeName\":" : ",{\"AttributeName\":");
        json_put_string(b, t->attrs[i].name);
        buf_putf(b, ",\"AttributeType\":\"%s\"}", value_tag(t->attrs[i].type));
    }
    buf_put_u8(b, ']');
}

void put_projection(struct buf *b, const struct part_index *x)
{
    switch (x->projection) {
    case PART_PROJECT_ALL:
        buf_put_str(b, ",\"Projection\":{\"ProjectionType\":\"ALL\"}");
        return;
    case PART_PROJECT_KEYS:
        buf_put_str(b, ",\"Projection\":{\"ProjectionType\":\"KEYS_ONLY\"}");
        return;
    case PART_PROJECT_INCLUDE:
        break;
    }
    buf_put_str(b, ",\"Projection\":{\"ProjectionType\":\"INCLUDE\",\"NonKeyAttributes\":[");
    struct bytes after = BYTES_LIT("");
    for (size_t n = 0; n < x->n_include; n++) {
        size_t i = next_name(listed_name, x->include, x->n_include, after);
        if (i == x->n_include) {
            break;
        }
        after = x->include[i];
        buf_put_str(b, n == 0 ? "" : ",");
        json_put_string(b, x->include[i]);
    }
    buf_put_str(b, "]}");
}

static void put_throughput(
    struct dynamo_call *c,
    struct buf *b,
    const struct core_table *t,
    struct bytes index,
    struct core_throughput units)
{
    struct throughput_history h = history_of(t, index);
    buf_put_str(b, ",\"ProvisionedThroughput\":{");
    if (h.increased_ms > 0) {
        buf_put_str(b, "\"LastIncreaseDateTime\":");
        put_seconds(b, h.increased_ms);
        buf_put_u8(b, ',');
    }
    if (h.decreased_ms > 0) {
        buf_put_str(b, "\"LastDecreaseDateTime\":");
        put_seconds(b, h.decreased_ms);
        buf_put_u8(b, ',');
    }
    const uint64_t day_ms = UINT64_C(24) * 3600 * 1000;
    bool today = h.decreased_ms / day_ms == c->now_ms / day_ms;
    buf_putf(
        b,
        "\"NumberOfDecreasesToday\":%llu,\"ReadCapacityUnits\":%llu,\"WriteCapacityUnits\":%llu}",
        (unsigned long long)(today ? h.decreases : 0),
        (unsigned long long)units.read_units,
        (unsigned long long)units.write_units);
}

/* ---- indexes ---- */

/* An index that is being made or dropped counts as empty. */
static struct part_counts counts_of(
    const struct core_table *t, const struct core_index *x, const struct table_counts *counts)
{
    bool there = t->status != CORE_CREATING && x->status != CORE_CREATING;
    for (size_t i = 0; there && i < counts->n_indexes; i++) {
        if (counts->indexes[i].id == x->part.id) {
            return counts->indexes[i].counts;
        }
    }
    return (struct part_counts){0};
}

static void put_index(
    struct dynamo_call *c,
    struct buf *b,
    const struct core_table *t,
    const struct core_index *x,
    const struct table_counts *counts,
    enum telling how)
{
    struct part_counts n = counts_of(t, x, counts);
    buf_put_str(b, "{\"IndexName\":");
    json_put_string(b, x->part.name);
    buf_put_u8(b, ',');
    put_key_schema(b, &x->part.keys);
    put_projection(b, &x->part);
    if (!x->part.local) {
        buf_putf(b, ",\"IndexStatus\":\"%s\"", status_name(x->status));
        if (x->status == CORE_CREATING && t->status != CORE_CREATING) {
            buf_putf(b, ",\"Backfilling\":%s", x->backfilling ? "true" : "false");
        }
        put_throughput(c, b, t, x->part.name, x->throughput);
        put_limits(b, t, x->part.name, x->throughput, how);
    }
    buf_putf(
        b,
        ",\"IndexSizeBytes\":%llu,\"ItemCount\":%llu,\"IndexArn\":\"",
        (unsigned long long)n.bytes,
        (unsigned long long)n.items);
    put_table_arn(b, t->region, t->part.name);
    buf_put_str(b, "/index/");
    buf_put_bytes(b, x->part.name);
    buf_put_str(b, "\"}");
}

static void put_indexes(
    struct dynamo_call *c,
    struct buf *b,
    const struct core_table *t,
    bool local,
    const struct table_counts *counts,
    enum telling how)
{
    bool any = false;
    for (size_t i = 0; i < t->n_indexes; i++) {
        if (t->indexes[i].part.local != local) {
            continue;
        }
        if (!any) {
            buf_putf(b, ",\"%sSecondaryIndexes\":[", local ? "Local" : "Global");
        }
        buf_put_str(b, any ? "," : "");
        put_index(c, b, t, &t->indexes[i], counts, how);
        any = true;
    }
    buf_put_str(b, any ? "]" : "");
}

/* ---- billing, streams, class ---- */

static void put_billing(struct buf *b, const struct core_table *t, enum telling how)
{
    if (!t->on_demand && t->billing_changed_ms == 0) {
        return;
    }
    uint64_t since = t->billing_changed_ms == 0 ? t->created_ms : t->billing_changed_ms;
    uint64_t last = t->on_demand ? since : extra_ms(t, "on_demand");
    /* What goes on is not told yet. */
    last = t->status == CORE_CREATING || how == TELL_SWITCHED ? 0 : last;
    const char *mode = t->on_demand ? "PAY_PER_REQUEST" : "PROVISIONED";
    buf_putf(b, ",\"BillingModeSummary\":{\"BillingMode\":\"%s\"", mode);
    if (last > 0) {
        buf_put_str(b, ",\"LastUpdateToPayPerRequestDateTime\":");
        put_seconds(b, last);
    }
    buf_put_u8(b, '}');
}

const char *stream_view_name(enum core_stream_view v)
{
    switch (v) {
    case CORE_STREAM_NONE:
        break;
    case CORE_STREAM_KEYS_ONLY:
        return "KEYS_ONLY";
    case CORE_STREAM_NEW_IMAGE:
        return "NEW_IMAGE";
    case CORE_STREAM_OLD_IMAGE:
        return "OLD_IMAGE";
    case CORE_STREAM_NEW_AND_OLD_IMAGES:
        return "NEW_AND_OLD_IMAGES";
    }
    return "";
}

static void put_stream(struct buf *b, const struct core_table *t)
{
    if (t->stream != CORE_STREAM_NONE) {
        buf_putf(
            b,
            ",\"StreamSpecification\":{\"StreamEnabled\":true,\"StreamViewType\":\"%s\"}",
            stream_view_name(t->stream));
    }
    if (t->stream_created_ms == 0) {
        return;
    }
    buf_put_str(b, ",\"LatestStreamLabel\":\"");
    feed_label_put(b, t->stream_created_ms);
    buf_put_str(b, "\",\"LatestStreamArn\":\"");
    put_stream_arn(b, t->region, t->part.name, t->stream_created_ms);
    buf_put_u8(b, '"');
}

static void put_class(struct buf *b, const struct core_table *t)
{
    uint64_t changed = extra_ms(t, "class");
    if (changed == 0 && (t->table_class.len == 0 || bytes_eq_str(t->table_class, "STANDARD"))) {
        return;
    }
    buf_put_str(b, ",\"TableClassSummary\":{\"TableClass\":");
    json_put_string(b, t->table_class);
    if (changed > 0) {
        buf_put_str(b, ",\"LastUpdateDateTime\":");
        put_seconds(b, changed);
    }
    buf_put_u8(b, '}');
}

/* ---- replicas of a 2019 group ---- */

/* What is of its own in one replica's table or index: throughput unlike ours. */
static void put_override(
    struct buf *b, bool on_demand, struct core_throughput ours, struct core_throughput theirs)
{
    if (!on_demand && theirs.read_units != ours.read_units) {
        buf_putf(
            b,
            ",\"ProvisionedThroughputOverride\":{\"ReadCapacityUnits\":%llu}",
            (unsigned long long)theirs.read_units);
    }
    if (on_demand && theirs.read_max != ours.read_max && theirs.read_max > 0) {
        bool none = theirs.read_max == CORE_UNITS_UNLIMITED;
        buf_putf(
            b,
            ",\"OnDemandThroughputOverride\":{\"MaxReadRequestUnits\":%lld}",
            none ? -1LL : (long long)theirs.read_max);
    }
}

static void put_replica_indexes(
    struct buf *b, const struct core_table *ours, const struct core_table *theirs)
{
    bool any = false;
    for (size_t i = 0; i < theirs->n_indexes; i++) {
        const struct core_index *x = &theirs->indexes[i];
        const struct core_index *mine = table_index(ours, x->part.name);
        if (x->part.local) {
            continue;
        }
        buf_put_str(b, any ? "," : ",\"GlobalSecondaryIndexes\":[");
        buf_put_str(b, "{\"IndexName\":");
        json_put_string(b, x->part.name);
        if (mine != NULL) {
            put_override(b, theirs->on_demand, mine->throughput, x->throughput);
        }
        put_warm(b, theirs, x->part.name, x->throughput, TELL_STATE);
        buf_put_u8(b, '}');
        any = true;
    }
    buf_put_str(b, any ? "]" : "");
}

#define SETTINGS_MODE ",\"GlobalTableSettingsReplicationMode\":\"ENABLED_WITH_OVERRIDES\""

static void put_replica(
    struct dynamo_call *c, struct buf *b, const struct core_table *t, const struct core_replica *r)
{
    const struct core_table *theirs = catalog_table_in(c->d->view.catalog, r->region, t->part.name);
    buf_put_str(b, "{\"RegionName\":");
    json_put_string(b, r->region);
    buf_putf(b, ",\"ReplicaStatus\":\"%s\"", replica_status_name(r->status));
    if (r->status == CORE_FAILED) {
        buf_put_str(
            b,
            ",\"ReplicaStatusDescription\":\"The replica's table does not agree with its global "
            "table.\"");
    }
    if (theirs != NULL) {
        put_override(b, theirs->on_demand, t->throughput, theirs->throughput);
    }
    if (theirs != NULL && !bytes_eq(theirs->table_class, t->table_class)) {
        buf_put_str(b, ",\"ReplicaTableClassSummary\":{\"TableClass\":");
        json_put_string(b, theirs->table_class);
        buf_put_u8(b, '}');
    }
    buf_put_str(b, SETTINGS_MODE ",\"ReplicaArn\":\"");
    put_table_arn(b, r->region, t->part.name);
    buf_put_u8(b, '"');
    if (theirs != NULL) {
        put_warm(b, theirs, BYTES_LIT(""), theirs->throughput, TELL_STATE);
        put_replica_indexes(b, t, theirs);
    }
    buf_put_u8(b, '}');
}

static void put_replicas(struct dynamo_call *c, struct buf *b, const struct core_table *t)
{
    const struct core_group *g = catalog_group(c->d->view.catalog, t->part.name);
    if (g == NULL || g->version != CORE_GROUP_2019 || g->table != t->part.id) {
        return;
    }
    bool any = false;
    for (size_t i = 0; i < g->n_replicas; i++) {
        if (bytes_eq(g->replicas[i].region, c->d->region)) {
            continue;
        }
        buf_put_str(
            b, any ? "," : SETTINGS_MODE ",\"GlobalTableVersion\":\"2019.11.21\",\"Replicas\":[");
        put_replica(c, b, t, &g->replicas[i]);
        any = true;
    }
    buf_put_str(b, any ? "]" : "");
}

/* ---- where a table that is being restored comes from ---- */

static void put_restore_text(
    struct buf *b, const struct value *map, const char *from, const char *to)
{
    const struct value *v = value_find(map, bytes_str(from));
    if (v != NULL && v->type == VALUE_STRING) {
        buf_putf(b, "\"%s\":", to);
        json_put_string(b, v->bytes);
        buf_put_u8(b, ',');
    }
}

static void put_restore(struct buf *b, const struct core_table *t)
{
    const struct value *map = value_find(&t->extra, BYTES_LIT("restore"));
    int64_t at = 0;
    if (!t->filling || map == NULL || map->type != VALUE_MAP) {
        return;
    }
    const struct value *v = value_find(map, BYTES_LIT("at"));
    if (v == NULL || v->type != VALUE_NUMBER || decimal_to_i64(&v->number, &at) != OK || at < 0) {
        return;
    }
    buf_put_str(b, ",\"RestoreSummary\":{");
    put_restore_text(b, map, "backup", "SourceBackupArn");
    put_restore_text(b, map, "table", "SourceTableArn");
    buf_put_str(b, "\"RestoreDateTime\":");
    put_seconds(b, (uint64_t)at);
    buf_put_str(b, ",\"RestoreInProgress\":true}");
}

/* ---- the whole ---- */

static void put_common(
    struct dynamo_call *c,
    struct buf *b,
    const struct core_table *t,
    const struct table_counts *counts,
    enum telling how)
{
    put_throughput(c, b, t, BYTES_LIT(""), t->throughput);
    buf_putf(
        b,
        ",\"TableSizeBytes\":%llu,\"ItemCount\":%llu,\"TableArn\":\"",
        (unsigned long long)counts->table.bytes,
        (unsigned long long)counts->table.items);
    put_table_arn(b, t->region, t->part.name);
    buf_put_str(b, "\",\"TableId\":");
    json_put_string(b, t->uuid);
    put_limits(b, t, BYTES_LIT(""), t->throughput, how);
    put_billing(b, t, how);
    put_stream(b, t);
    put_class(b, t);
    buf_putf(b, ",\"DeletionProtectionEnabled\":%s", t->deletion_protection ? "true" : "false");
}

void put_table(
    struct dynamo_call *c,
    struct buf *b,
    const struct core_table *t,
    const struct table_counts *counts,
    enum telling how)
{
    buf_put_u8(b, '{');
    put_attrs(b, t);
    buf_put_str(b, ",\"TableName\":");
    json_put_string(b, t->part.name);
    buf_put_u8(b, ',');
    put_key_schema(b, &t->part.keys);
    buf_putf(b, ",\"TableStatus\":\"%s\",\"CreationDateTime\":", status_name(t->status));
    put_seconds(b, t->created_ms);
    put_common(c, b, t, counts, how);
    put_indexes(c, b, t, /* local= */ true, counts, TELL_STATE);
    put_indexes(
        c, b, t, /* local= */ false, counts, how == TELL_UPDATED ? TELL_UPDATED : TELL_STATE);
    put_replicas(c, b, t);
    if (has_sse(t)) {
        buf_put_u8(b, ',');
        put_sse(b, t);
    }
    put_restore(b, t);
    buf_put_u8(b, '}');
}

/* What DeleteTable tells: not what the table was made of. */
static void put_deleted(struct dynamo_call *c, struct buf *b, const struct table_call *t)
{
    buf_put_str(b, "{\"TableName\":");
    json_put_string(b, t->admin.result->part.name);
    buf_put_str(b, ",\"TableStatus\":\"DELETING\"");
    put_common(c, b, t->admin.result, &t->counts, TELL_STATE);
    buf_put_u8(b, '}');
}

static struct core_throughput units_before(
    const struct core_throughput *before, struct core_throughput now)
{
    now.read_units = before->read_units;
    now.write_units = before->write_units;
    return now;
}

/* The table as it is told while its update goes on: the units are still the ones from before, and
 * a decrease does not count yet. */
static enum err with_rates(
    struct arena *a, const struct table_rates *before, struct core_table *table)
{
    struct core_index *list = ARENA_ARRAY(a, struct core_index, table->n_indexes);
    if (list == NULL) {
        return ERR_TOO_BIG;
    }
    enum err err = history_uncount(a, table, BYTES_LIT(""), before->table, table->throughput);
    table->throughput = units_before(&before->table, table->throughput);
    for (size_t i = 0; err == OK && i < table->n_indexes; i++) {
        list[i] = table->indexes[i];
        for (size_t k = 0; err == OK && k < before->n_indexes; k++) {
            const struct core_index *old = &before->indexes[k];
            if (old->part.id == list[i].part.id) {
                err = history_uncount(
                    a, table, list[i].part.name, old->throughput, list[i].throughput);
                list[i].throughput = units_before(&old->throughput, list[i].throughput);
            }
        }
    }
    table->indexes = list;
    return err;
}

enum dynamo_step answer_table(struct table_call *t)
{
    ASSERT(t->admin.result != NULL);
    struct core_table shown = *t->admin.result;
    if (t->before.how == TELL_WARMING) {
        shown.extra = t->before.extra;
    }
    if (t->before.known && with_rates(t->c->arena, &t->before, &shown) != OK) {
        (void)call_fail_err(t->c, ERR_TOO_BIG); /* answers */
        return DYNAMO_ANSWER;
    }
    struct buf *b = call_body(t->c);
    buf_put_str(b, "{\"TableDescription\":");
    if (shown.status == CORE_DELETING) {
        put_deleted(t->c, b, t);
    } else {
        put_table(t->c, b, &shown, &t->counts, t->before.how);
    }
    buf_put_u8(b, '}');
    return call_ok(t->c);
}

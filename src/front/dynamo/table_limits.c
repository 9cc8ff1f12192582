/* OnDemandThroughput: the most request units a second of a table or global index that is on demand,
 * which are core's to know. WarmThroughput: the units a second it is ready for, which here is never
 * less than asked for; the values are kept in the table's `extra`, never decrease and are only
 * told. */
#include "front/dynamo/table_admin.h"

enum { WARM_READ_INITIAL = 12000, WARM_WRITE_INITIAL = 4000 };
#define WARM "warm"
#define SEE_WARM                                                              \
    " See: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/" \
    "on-demand-capacity-mode.html#on-demand-capacity-mode-initial"

/* ---- reading ---- */

static bool read_units(
    struct dynamo_call *c,
    const struct json *in,
    const char *field,
    const char *read,
    const char *write,
    struct units_request *ret)
{
    const struct json *j;
    *ret = (struct units_request){0};
    if (!field_struct(c, in, field, field, &j)) {
        return false;
    }
    ret->present = j != NULL;
    return j == NULL || (field_int(c, j, read, "Long", &ret->read) &&
                         field_int(c, j, write, "Long", &ret->write));
}

bool read_limits(
    struct checks *k, const struct json *in, const char *path, struct limits_request *ret)
{
    (void)path; /* no constraint of the request's form is theirs */
    return read_units(
               k->c,
               in,
               "OnDemandThroughput",
               "MaxReadRequestUnits",
               "MaxWriteRequestUnits",
               &ret->on_demand) &&
           read_units(
               k->c, in, "WarmThroughput", "ReadUnitsPerSecond", "WriteUnitsPerSecond", &ret->warm);
}

bool read_maxima_override(struct dynamo_call *c, const struct json *in, struct units_request *ret)
{
    return read_units(
        c, in, "OnDemandThroughputOverride", "MaxReadRequestUnits", "MaxWriteRequestUnits", ret);
}

/* ---- faults ---- */

/* "for table", "for index : name", "for index name": DynamoDB writes them in three ways. */
static struct bytes subject(struct arena *a, struct bytes index, const char *how)
{
    return index.len == 0 ? BYTES_LIT(" for table") : bytes_fmt(a, "%s%.*s", how, BYTES_FMT(index));
}

static struct bytes provisioned_fault(
    struct arena *a, const struct units_request *r, struct bytes index, bool creating)
{
    const char *name = r->read.present ? "MaxReadRequestUnits" : "MaxWriteRequestUnits";
    struct bytes of = BYTES_LIT("");
    if (index.len > 0) {
        of = subject(a, index, creating ? " for index: " : " for index : ");
    }
    return bytes_fmt(
        a,
        INVALID_PREFIX "%s for OnDemandThroughput%.*s cannot be specified when %s BillingMode is "
                       "PROVISIONED%s",
        name,
        BYTES_FMT(of),
        creating ? "table" : "the table",
        creating ? "." : "");
}

static bool is_maximum(struct opt_int v, bool creating)
{
    return !v.present || v.v >= 1 || (v.v == -1 && !creating);
}

static struct bytes on_demand_fault(
    struct arena *a,
    const struct units_request *r,
    struct bytes index,
    bool on_demand,
    bool creating)
{
    if (!on_demand && (r->read.present || r->write.present)) {
        return provisioned_fault(a, r, index, creating);
    }
    bool read = is_maximum(r->read, creating);
    if (read && is_maximum(r->write, creating)) {
        return BYTES_NONE;
    }
    return bytes_fmt(
        a,
        INVALID_PREFIX "Requested %s for OnDemandThroughput%.*s is outside of valid range",
        read ? "MaxWriteRequestUnits" : "MaxReadRequestUnits",
        BYTES_FMT(subject(a, index, " for index : ")));
}

struct bytes maxima_override_fault(struct arena *a, const struct units_request *r, bool on_demand)
{
    bool read = is_maximum(r->read, /* creating= */ true);
    if (!on_demand && (r->read.present || r->write.present)) {
        return bytes_fmt(
            a,
            INVALID_REQUEST "Cannot override %s for OnDemandThroughput unless BillingModeOverride "
                            "is PAY_PER_REQUEST",
            r->read.present ? "MaxReadRequestUnits" : "MaxWriteRequestUnits");
    }
    return read && is_maximum(r->write, /* creating= */ true)
               ? BYTES_NONE
               : bytes_fmt(
                     a,
                     INVALID_REQUEST
                     "Requested %s for OnDemandThroughput is outside of valid range",
                     read ? "MaxWriteRequestUnits" : "MaxReadRequestUnits");
}

/* The first of the two that is less than it must be: "ReadUnitsPerSecond", or NULL. */
static const char *too_cold(const struct units_request *r, struct core_throughput least)
{
    if (r->read.present && (r->read.v < 0 || (uint64_t)r->read.v < least.read_units)) {
        return "ReadUnitsPerSecond";
    }
    bool write = r->write.present && (r->write.v < 0 || (uint64_t)r->write.v < least.write_units);
    return write ? "WriteUnitsPerSecond" : NULL;
}

static struct core_throughput initial(bool on_demand, struct core_throughput units)
{
    const struct core_throughput first = {WARM_READ_INITIAL, WARM_WRITE_INITIAL};
    return on_demand ? first : units;
}

struct bytes limits_create_fault(
    struct arena *a,
    const struct limits_request *r,
    struct bytes index,
    bool on_demand,
    struct core_throughput units)
{
    struct bytes fault = on_demand_fault(a, &r->on_demand, index, on_demand, /* creating= */ true);
    const char *cold = too_cold(&r->warm, initial(on_demand, units));
    if (fault.base != NULL || cold == NULL) {
        return fault;
    }
    bool read = strcmp(cold, "ReadUnitsPerSecond") == 0;
    return bytes_fmt(
        a,
        INVALID_PREFIX "Requested %s for WarmThroughput%.*s is lower than %s",
        cold,
        BYTES_FMT(subject(a, index, " for index ")),
        on_demand ? "initial throughput for OnDemand." SEE_WARM
        : read    ? "ReadCapacityUnits of ProvisionedThroughput"
                  : "WriteCapacityUnits of ProvisionedThroughput");
}

static struct core_throughput warm_of(
    const struct core_table *t, struct bytes index, struct core_throughput units)
{
    struct core_throughput warm = initial(t->on_demand, units);
    uint64_t read = extra_number(t, WARM, index, "read");
    uint64_t write = extra_number(t, WARM, index, "write");
    warm.read_units = read > warm.read_units ? read : warm.read_units;
    warm.write_units = write > warm.write_units ? write : warm.write_units;
    return warm;
}

struct bytes limits_update_fault(
    struct arena *a,
    const struct limits_request *r,
    const struct core_table *wanted,
    struct bytes index,
    struct core_throughput units)
{
    struct bytes fault =
        on_demand_fault(a, &r->on_demand, index, wanted->on_demand, /* creating= */ false);
    const char *cold = too_cold(&r->warm, warm_of(wanted, index, units));
    if (fault.base != NULL || cold == NULL) {
        return fault;
    }
    return bytes_fmt(
        a,
        INVALID_PREFIX "Requested %s for WarmThroughput%.*s is lower than current WarmThroughput, "
                       "decreasing WarmThroughput is not supported",
        cold,
        BYTES_FMT(subject(a, index, " for index ")));
}

/* ---- keeping ---- */

static uint64_t maximum(struct opt_int v, uint64_t before)
{
    if (!v.present) {
        return before;
    }
    return v.v < 0 ? CORE_UNITS_UNLIMITED : (uint64_t)v.v;
}

void maxima_apply(const struct units_request *r, struct core_throughput *units)
{
    units->read_max = maximum(r->read, units->read_max);
    units->write_max = maximum(r->write, units->write_max);
}

enum err warm_note(
    struct arena *a, struct core_table *t, struct bytes index, struct core_throughput units)
{
    struct core_throughput warm = warm_of(t, index, units);
    warm.read_units = units.read_units > warm.read_units ? units.read_units : warm.read_units;
    warm.write_units = units.write_units > warm.write_units ? units.write_units : warm.write_units;
    return extra_set_numbers(a, t, WARM, index, warm.read_units, warm.write_units);
}

enum err limits_apply(
    struct arena *a,
    const struct limits_request *r,
    struct core_table *t,
    struct bytes index,
    struct core_throughput *units)
{
    maxima_apply(&r->on_demand, units);
    if (!r->warm.read.present && !r->warm.write.present) {
        return OK;
    }
    struct core_throughput warm = {0};
    warm.read_units = r->warm.read.present ? (uint64_t)r->warm.read.v : 0;
    warm.write_units = r->warm.write.present ? (uint64_t)r->warm.write.v : 0;
    struct core_throughput now = warm_of(t, index, *units);
    warm.read_units = warm.read_units > now.read_units ? warm.read_units : now.read_units;
    warm.write_units = warm.write_units > now.write_units ? warm.write_units : now.write_units;
    return extra_set_numbers(a, t, WARM, index, warm.read_units, warm.write_units);
}

/* ---- telling ---- */

static bool is_told(uint64_t max, enum telling how)
{
    return max > 0 && (max != CORE_UNITS_UNLIMITED || how == TELL_UPDATED);
}

static void put_maximum(struct buf *b, const char *name, uint64_t v)
{
    if (v == CORE_UNITS_UNLIMITED) {
        buf_putf(b, "\"%s\":-1", name);
    } else {
        buf_putf(b, "\"%s\":%llu", name, (unsigned long long)v);
    }
}

void put_maxima(struct buf *b, bool on_demand, struct core_throughput units, enum telling how)
{
    bool reads = on_demand && is_told(units.read_max, how);
    bool writes = on_demand && is_told(units.write_max, how);
    if (!reads && !writes) {
        return;
    }
    buf_put_str(b, ",\"OnDemandThroughput\":{");
    if (reads) {
        put_maximum(b, "MaxReadRequestUnits", units.read_max);
    }
    if (writes) {
        buf_put_str(b, reads ? "," : "");
        put_maximum(b, "MaxWriteRequestUnits", units.write_max);
    }
    buf_put_u8(b, '}');
}

void put_limits(
    struct buf *b,
    const struct core_table *t,
    struct bytes index,
    struct core_throughput units,
    enum telling how)
{
    put_maxima(b, t->on_demand, units, how);
    /* A table that is just being made tells only what was asked for. */
    bool asked = extra_number(t, WARM, index, "read") > 0;
    if (t->status != CORE_CREATING) {
        put_warm(b, t, index, units, how);
    } else if (asked) {
        put_warm(b, t, index, units, TELL_WARMING);
    }
}

void put_warm(
    struct buf *b,
    const struct core_table *t,
    struct bytes index,
    struct core_throughput units,
    enum telling how)
{
    struct core_throughput warm = warm_of(t, index, units);
    buf_putf(
        b,
        ",\"WarmThroughput\":{\"ReadUnitsPerSecond\":%llu,\"WriteUnitsPerSecond\":%llu,"
        "\"Status\":\"%s\"}",
        (unsigned long long)warm.read_units,
        (unsigned long long)warm.write_units,
        how == TELL_WARMING ? "UPDATING" : "ACTIVE");
}

/* GetMetricStatistics and GetMetricData: what is asked, as spans of series to be filled in by every
 * thread, and the answer.
 *
 * Source: the CloudWatch API reference; the words of refusals as clients report them. Times are
 * rounded down to the minute. Points begin at StartTime and follow each other by Period. */
#include <stdarg.h>
#include <stdio.h>

#include "front/cloudwatch/inside.h"

enum {
    STATISTICS_MAX = 5,
    POINTS_MAX = 1440,
    MINUTE_S = 60,
    PREFIX_MAX = 100,
    SLOTS_MAX = CW_KEEP_MINUTES + 2
};

const char *const cw_stat_names[5] = {"SampleCount", "Average", "Sum", "Minimum", "Maximum"};

int cw_stat_index(struct bytes name)
{
    for (int i = 0; i < 5; i++) {
        if (bytes_eq_str(name, cw_stat_names[i])) {
            return i;
        }
    }
    return -1;
}

double cw_stat_value(const struct cw_stat *s, int index)
{
    switch (index) {
    case 0:
        return s->n;
    case 1:
        return s->sum / s->n;
    case 2:
        return s->sum;
    case 3:
        return s->min;
    default:
        return s->max;
    }
}

bool cw_fail(struct cw_call *c, const char *code, const char *shape, const char *fmt, ...)
{
    char msg[1024];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(msg, sizeof msg, fmt, ap); /* what does not fit is left out */
    va_end(ap);
    const struct cw_fault fault = {code, shape, 400};
    cw_put_fault(
        c->a, c->args.protocol, c->request->request_id, &fault, bytes_str(msg), &c->answer);
    c->answered = true;
    return false;
}

#define INVALID_VALUE       "InvalidParameterValue", "InvalidParameterValueException"
#define INVALID_COMBINATION "InvalidParameterCombination", "InvalidParameterCombinationException"
#define MISSING             "MissingParameter", "MissingRequiredParameterException"

/* ---- parameters ---- */

static bool required(struct cw_call *c, const char *path, struct bytes *ret)
{
    *ret = cw_arg(&c->args, "%s", path);
    return ret->len > 0 || cw_fail(c, MISSING, "The parameter %s is required.", path);
}

static bool time_field(struct cw_call *c, const char *name, uint64_t *ret)
{
    struct bytes text;
    double v;
    if (!required(c, name, &text)) {
        return false;
    }
    if (cw_time_parse(text, &v) != OK || v < 0) {
        return cw_fail(
            c, INVALID_VALUE, "The parameter %s must be a valid ISO 8601 timestamp.", name);
    }
    *ret = (uint64_t)v / MINUTE_S;
    return true;
}

struct range {
    uint64_t start; /* minutes */
    uint64_t end;
};

static bool range_read(struct cw_call *c, struct range *ret)
{
    double start;
    double end;
    if (!time_field(c, "StartTime", &ret->start) || !time_field(c, "EndTime", &ret->end)) {
        return false;
    }
    bool parsed = cw_time_parse(cw_arg(&c->args, "StartTime"), &start) == OK &&
                  cw_time_parse(cw_arg(&c->args, "EndTime"), &end) == OK;
    ASSERT(parsed);
    if (start >= end) {
        return cw_fail(
            c, INVALID_VALUE, "The parameter StartTime must be less than the parameter EndTime.");
    }
    /* An end within a minute includes what that minute has so far. */
    ret->end += end > (double)(ret->end * MINUTE_S) ? 1 : 0;
    return true;
}

static bool period_read(struct cw_call *c, const char *path, uint64_t *ret_seconds)
{
    struct bytes text;
    if (!required(c, path, &text)) {
        return false;
    }
    uint64_t s = 0;
    bool number = bytes_u64(text, &s) == OK;
    bool fine = s == 1 || s == 5 || s == 10 || s == 20 || s == 30;
    if (!number || s == 0 || s > UINT32_MAX || (!fine && s % MINUTE_S != 0)) {
        return cw_fail(
            c,
            INVALID_VALUE,
            "The parameter %s must be 1, 5, 10, 20, 30, or a multiple of 60.",
            path);
    }
    *ret_seconds = s;
    return true;
}

/* Dimensions that a series of the metric has. */
static const char *part_name(enum cw_part part)
{
    switch (part) {
    case CW_PART_NONE:
        return "";
    case CW_PART_OPERATION:
        return "Operation";
    case CW_PART_INDEX:
        return "GlobalSecondaryIndexName";
    case CW_PART_RECEIVER:
        return "ReceivingRegion";
    }
    UNREACHABLE();
}

bool cw_dimensions_read(struct cw_call *c, const char *prefix, struct cw_query *q, bool of_dynamodb)
{
    q->known = of_dynamodb && cw_metric_find(q->metric_name, &q->span.metric);
    const struct cw_metric_row *row = cw_metric_row(q->span.metric);
    q->span.table = BYTES_NONE;
    q->span.part = BYTES_NONE;
    for (unsigned i = 1; cw_arg_any(&c->args, "%s.member.%u", prefix, i); i++) {
        if (i > CW_DIMENSIONS_MAX) {
            return cw_fail(
                c,
                INVALID_VALUE,
                "The collection %s must not have a size greater than %d.",
                prefix,
                CW_DIMENSIONS_MAX);
        }
        struct bytes name = cw_arg(&c->args, "%s.member.%u.Name", prefix, i);
        struct bytes value = cw_arg(&c->args, "%s.member.%u.Value", prefix, i);
        if (name.len == 0 || value.len == 0) {
            return cw_fail(
                c,
                MISSING,
                "The parameter %s.member.%u.%s is required.",
                prefix,
                i,
                name.len == 0 ? "Name" : "Value");
        }
        if (row->of_table && q->span.table.len == 0 && bytes_eq_str(name, "TableName")) {
            q->span.table = value;
        } else if (q->span.part.len == 0 && bytes_eq_str(name, part_name(row->part))) {
            q->span.part = value;
        } else {
            q->known = false;
        }
    }
    q->known = q->known && row->of_table == (q->span.table.len > 0) &&
               (!row->part_needed || q->span.part.len > 0);
    q->span.table = row->of_table ? q->span.table : CW_NO_TABLE;
    return true;
}

/* Only what may still be kept gets slots, however long ago the range begins. */
static bool slots_make(struct cw_call *c, struct cw_query *q, struct range r, uint64_t period_s)
{
    uint64_t now = c->request->now_ms / 1000 / MINUTE_S;
    uint64_t period = period_s < MINUTE_S ? 1 : period_s / MINUTE_S;
    uint64_t oldest = now < CW_KEEP_MINUTES ? 0 : now - CW_KEEP_MINUTES;
    if (r.start < oldest) {
        r.start += (oldest - r.start) / period * period;
    }
    uint64_t end = r.end < now + 1 ? r.end : now + 1;
    q->span.minute = r.start;
    q->span.minutes_end = end;
    q->span.period = period;
    q->span.n_slots = end <= r.start ? 0 : (size_t)((end - r.start + period - 1) / period);
    ASSERT(q->span.n_slots <= SLOTS_MAX);
    q->span.slots = ARENA_ARRAY(c->a, struct cw_stat, q->span.n_slots + 1);
    return q->span.slots != NULL ||
           cw_fail(c, "LimitExceeded", "LimitExceededFault", "The request is too large.");
}

/* A unit that is not the metric's finds nothing. */
static void unit_check(const struct cw_call *c, const char *path, struct cw_query *q)
{
    struct bytes unit = cw_arg(&c->args, "%s", path);
    if (unit.len > 0 && !bytes_eq_str(unit, cw_metric_row(q->span.metric)->unit)) {
        q->known = false;
    }
}

/* ---- GetMetricStatistics ---- */

static bool statistics_fields(struct cw_call *c)
{
    bool plain = cw_arg_any(&c->args, "Statistics.member.1"); /* none in the list is none */
    if (cw_arg_any(&c->args, "ExtendedStatistics")) {
        return cw_fail(
            c, INVALID_VALUE, "The parameter ExtendedStatistics is not supported by this server.");
    }
    if (!plain) {
        return cw_fail(
            c, INVALID_COMBINATION, "Must specify either Statistics or ExtendedStatistics");
    }
    for (unsigned i = 1; cw_arg_any(&c->args, "Statistics.member.%u", i); i++) {
        if (i > STATISTICS_MAX) {
            return cw_fail(
                c,
                INVALID_VALUE,
                "The collection Statistics must not have a size greater than %d.",
                STATISTICS_MAX);
        }
        int stat = cw_stat_index(cw_arg(&c->args, "Statistics.member.%u", i));
        if (stat < 0) {
            return cw_fail(
                c,
                INVALID_VALUE,
                "The parameter Statistics.member.%u must be a value in the set [ SampleCount, "
                "Average, Sum, Minimum, Maximum ].",
                i);
        }
        c->stats[stat] = true;
    }
    return true;
}

static bool statistics_read(struct cw_call *c)
{
    struct bytes space;
    struct range range;
    uint64_t period;
    struct cw_query *q = ARENA_NEW(c->a, struct cw_query);
    if (q == NULL) {
        return cw_fail(c, "LimitExceeded", "LimitExceededFault", "The request is too large.");
    }
    c->queries = q;
    c->n_queries = 1;
    if (!required(c, "Namespace", &space) || !required(c, "MetricName", &q->metric_name) ||
        !cw_dimensions_read(c, "Dimensions", q, bytes_eq_str(space, "AWS/DynamoDB")) ||
        !range_read(c, &range) || !period_read(c, "Period", &period) || !statistics_fields(c)) {
        return false;
    }
    uint64_t points = (range.end - range.start) * MINUTE_S / period;
    if (points > POINTS_MAX) {
        return cw_fail(
            c,
            INVALID_COMBINATION,
            "You have requested up to %llu datapoints, which exceeds the limit of %d. You may "
            "reduce the datapoints requested by increasing Period, or decreasing the time range.",
            (unsigned long long)points,
            POINTS_MAX);
    }
    unit_check(c, "Unit", q);
    return slots_make(c, q, range, period);
}

static uint64_t slot_seconds(const struct cw_span *span, size_t i)
{
    return (span->minute + i * span->period) * MINUTE_S;
}

static void statistics_put(struct cw_call *c, struct cw_answer *ret)
{
    const struct cw_query *q = &c->queries[0];
    struct cw_out o;
    cw_out_begin(&o, c);
    cw_out_text(&o, "Label", q->metric_name);
    cw_out_list(&o, "Datapoints");
    for (size_t i = 0; i < q->span.n_slots; i++) {
        const struct cw_stat *s = &q->span.slots[i];
        if (s->n <= 0) {
            continue;
        }
        cw_out_open(&o, NULL);
        cw_out_time(&o, "Timestamp", slot_seconds(&q->span, i));
        for (int k = 0; k < 5; k++) {
            if (c->stats[k]) {
                cw_out_number(&o, cw_stat_names[k], cw_stat_value(s, k));
            }
        }
        cw_out_text(&o, "Unit", bytes_str(cw_metric_row(q->span.metric)->unit));
        cw_out_close(&o, NULL);
    }
    cw_out_list_end(&o, "Datapoints");
    cw_out_end(&o, c, ret);
}

/* ---- GetMetricData ---- */

#define VALIDATION "ValidationError", "ValidationError"

static bool id_is_legal(struct bytes id)
{
    bool legal = id.len > 0 && id.len <= 255 && id.base[0] >= 'a' && id.base[0] <= 'z';
    for (size_t i = 0; i < id.len; i++) {
        uint8_t ch = id.base[i];
        uint8_t low = ch | 0x20;
        legal &= (low >= 'a' && low <= 'z') || (ch >= '0' && ch <= '9') || ch == '_';
    }
    return legal;
}

static bool data_id(struct cw_call *c, const char *at, struct cw_query *q)
{
    q->id = cw_arg(&c->args, "%s.Id", at);
    if (!id_is_legal(q->id)) {
        return cw_fail(
            c,
            VALIDATION,
            "The value '%.*s' for parameter %s.Id is not matching the expected pattern "
            "^[a-z][a-zA-Z0-9_]*$.",
            BYTES_FMT(q->id),
            at);
    }
    for (const struct cw_query *other = c->queries; other != q; other++) {
        if (bytes_eq(other->id, q->id)) {
            return cw_fail(
                c,
                VALIDATION,
                "The values for parameter id in MetricDataQueries are not unique: '%.*s'.",
                BYTES_FMT(q->id));
        }
    }
    return true;
}

static bool data_query(struct cw_call *c, const char *at, struct range range, struct cw_query *q)
{
    char path[PREFIX_MAX + 60];
    struct bytes space;
    uint64_t period;
    if (!data_id(c, at, q)) {
        return false;
    }
    if (cw_arg_any(&c->args, "%s.Expression", at)) {
        return cw_fail(
            c, VALIDATION, "The parameter %s.Expression is not supported by this server.", at);
    }
    if (!cw_arg_any(&c->args, "%s.MetricStat", at)) {
        return cw_fail(c, VALIDATION, "The parameter %s.MetricStat is required.", at);
    }
    (void)snprintf(path, sizeof path, "%s.MetricStat.Metric.Namespace", at);
    if (!required(c, path, &space)) {
        return false;
    }
    (void)snprintf(path, sizeof path, "%s.MetricStat.Metric.MetricName", at);
    if (!required(c, path, &q->metric_name)) {
        return false;
    }
    (void)snprintf(path, sizeof path, "%s.MetricStat.Metric.Dimensions", at);
    if (!cw_dimensions_read(c, path, q, bytes_eq_str(space, "AWS/DynamoDB"))) {
        return false;
    }
    (void)snprintf(path, sizeof path, "%s.MetricStat.Period", at);
    if (!period_read(c, path, &period)) {
        return false;
    }
    (void)snprintf(path, sizeof path, "%s.MetricStat.Unit", at);
    unit_check(c, path, q);
    q->stat = cw_arg(&c->args, "%s.MetricStat.Stat", at);
    if (cw_stat_index(q->stat) < 0) {
        return cw_fail(
            c,
            VALIDATION,
            "The value '%.*s' for parameter %s.MetricStat.Stat is not supported by this server.",
            BYTES_FMT(q->stat),
            at);
    }
    q->label = cw_arg(&c->args, "%s.Label", at);
    if (bytes_contains(q->label, BYTES_LIT("${"))) {
        return cw_fail(
            c, VALIDATION, "Dynamic labels (%s.Label) are not supported by this server.", at);
    }
    q->label = q->label.base == NULL ? q->metric_name : q->label;
    q->hidden = bytes_eq_str(cw_arg(&c->args, "%s.ReturnData", at), "false");
    return slots_make(c, q, range, period);
}

static bool data_read(struct cw_call *c)
{
    struct range range;
    size_t n = 0;
    while (n <= CW_QUERIES_MAX &&
           cw_arg_any(&c->args, "MetricDataQueries.member.%u", (unsigned)n + 1)) {
        n++;
    }
    if (n == 0) {
        return cw_fail(c, VALIDATION, "The parameter MetricDataQueries is required.");
    }
    if (n > CW_QUERIES_MAX) {
        return cw_fail(
            c,
            VALIDATION,
            "The collection MetricDataQueries must not have a size greater than %d.",
            CW_QUERIES_MAX);
    }
    if (cw_arg_any(&c->args, "MaxDatapoints") || cw_arg_any(&c->args, "NextToken")) {
        return cw_fail(
            c, VALIDATION, "MaxDatapoints and NextToken are not supported by this server.");
    }
    struct bytes order = cw_arg(&c->args, "ScanBy");
    c->ascending = bytes_eq_str(order, "TimestampAscending");
    if (order.len > 0 && !c->ascending && !bytes_eq_str(order, "TimestampDescending")) {
        return cw_fail(
            c,
            INVALID_VALUE,
            "The parameter ScanBy must be a value in the set [ TimestampDescending, "
            "TimestampAscending ].");
    }
    c->queries = ARENA_ARRAY(c->a, struct cw_query, n);
    if (c->queries == NULL) {
        return cw_fail(c, "LimitExceeded", "LimitExceededFault", "The request is too large.");
    }
    if (!range_read(c, &range)) {
        return false;
    }
    for (; c->n_queries < n; c->n_queries++) {
        char at[PREFIX_MAX];
        (void)snprintf(at, sizeof at, "MetricDataQueries.member.%u", (unsigned)c->n_queries + 1);
        if (!data_query(c, at, range, &c->queries[c->n_queries])) {
            return false;
        }
    }
    return true;
}

/* The i-th slot in the order asked for. */
static size_t slot_at(const struct cw_call *c, const struct cw_span *span, size_t i)
{
    return c->ascending ? i : span->n_slots - 1 - i;
}

static void data_put(struct cw_call *c, struct cw_answer *ret)
{
    struct cw_out o;
    cw_out_begin(&o, c);
    cw_out_list(&o, "Messages");
    cw_out_list_end(&o, "Messages");
    cw_out_list(&o, "MetricDataResults");
    for (size_t k = 0; k < c->n_queries; k++) {
        const struct cw_query *q = &c->queries[k];
        const struct cw_span *span = &q->span;
        if (q->hidden) {
            continue;
        }
        cw_out_open(&o, NULL);
        cw_out_text(&o, "Id", q->id);
        cw_out_text(&o, "Label", q->label);
        cw_out_text(&o, "StatusCode", BYTES_LIT("Complete"));
        cw_out_list(&o, "Timestamps");
        for (size_t i = 0; i < span->n_slots; i++) {
            size_t at = slot_at(c, span, i);
            if (span->slots[at].n > 0) {
                cw_out_time(&o, NULL, slot_seconds(span, at));
            }
        }
        cw_out_list_end(&o, "Timestamps");
        cw_out_list(&o, "Values");
        for (size_t i = 0; i < span->n_slots; i++) {
            const struct cw_stat *s = &span->slots[slot_at(c, span, i)];
            if (s->n > 0) {
                cw_out_number(&o, NULL, cw_stat_value(s, cw_stat_index(q->stat)));
            }
        }
        cw_out_list_end(&o, "Values");
        cw_out_close(&o, NULL);
    }
    cw_out_list_end(&o, "MetricDataResults");
    cw_out_end(&o, c, ret);
}

/* ---- the call ---- */

static const struct {
    const char *name;
    bool (*read)(struct cw_call *c);
    void (*put)(struct cw_call *c, struct cw_answer *ret);
} ops[] = {
    [CW_GET_STATISTICS] = {"GetMetricStatistics", statistics_read, statistics_put},
    [CW_GET_DATA] = {"GetMetricData", data_read, data_put},
    [CW_LIST] = {"ListMetrics", cw_list_read, cw_list_put},
};

enum { OPS = sizeof ops / sizeof ops[0] };

static bool operation_find(struct cw_call *c)
{
    for (unsigned i = 0; i < OPS; i++) {
        if (bytes_eq_str(c->args.operation, ops[i].name)) {
            c->op = (enum cw_op)i;
            return true;
        }
    }
    struct bytes given = c->args.operation;
    c->args.operation = BYTES_LIT("");
    return cw_fail(
        c,
        "InvalidAction",
        "UnknownOperationException",
        "The action %.*s is not valid for this web service.",
        (int)(given.len < 100 ? given.len : 100),
        given.len == 0 ? "" : (const char *)given.base);
}

enum cw_step cw_begin(
    struct json_parser *parser,
    struct arena *a,
    const struct cw_request *r,
    struct cw_call **ret,
    struct cw_answer *ret_answer)
{
    struct cw_call *c = ARENA_NEW(a, struct cw_call);
    *ret = c;
    ASSERT(c != NULL);
    c->a = a;
    c->request = r;
    enum err e = cw_args_read(parser, a, r, &c->args);
    if (e != OK) {
        (void)cw_fail(
            c,
            "MalformedInput",
            "SerializationException",
            "The request does not parse."); /* answers */
    } else if (operation_find(c) && ops[c->op].read(c)) {
        return CW_GATHER;
    }
    ASSERT(c->answered);
    *ret_answer = c->answer;
    return CW_ANSWER;
}

bool cw_asks(const struct cw_call *c, enum cw_metric m)
{
    for (size_t i = 0; i < c->n_queries; i++) {
        if (c->queries[i].known && c->queries[i].span.metric == m) {
            return true;
        }
    }
    return false;
}

void cw_gather(struct cw_call *c, const struct cw_meter *m, uint64_t now_ms)
{
    if (c->op == CW_LIST) {
        cw_meter_list(m, now_ms, cw_list_take, c);
        return;
    }
    for (size_t i = 0; i < c->n_queries; i++) {
        struct cw_query *q = &c->queries[i];
        if (q->known) {
            cw_meter_read(m, &q->span, now_ms);
        }
    }
}

void cw_finish(struct cw_call *c, struct cw_answer *ret)
{
    ops[c->op].put(c, ret);
}

struct bytes cw_operation(const struct cw_call *c)
{
    return c->args.operation;
}

void cw_refuse(
    struct arena *a,
    const struct cw_request *r,
    struct bytes name,
    struct bytes msg,
    struct cw_answer *ret)
{
    static const struct {
        const char *theirs;
        struct cw_fault ours;
    } rows[] = {
        {"InvalidSignatureException", {"SignatureDoesNotMatch", "InvalidSignatureException", 403}},
        {"UnrecognizedClientException",
         {"InvalidClientTokenId", "UnrecognizedClientException", 403}},
        {"MissingAuthenticationTokenException",
         {"MissingAuthenticationToken", "MissingAuthenticationTokenException", 403}},
        {"IncompleteSignatureException",
         {"IncompleteSignature", "IncompleteSignatureException", 400}},
        {"ThrottlingException", {"Throttling", "ThrottlingException", 400}},
    };
    static const struct cw_fault inside = {"InternalFailure", "InternalServiceFault", 500};
    const struct cw_fault *fault = &inside;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fault = bytes_eq_str(name, rows[i].theirs) ? &rows[i].ours : fault;
    }
    struct cw_args args = {.protocol = CW_QUERY};
    if (r->target.base != NULL) {
        args.protocol = CW_JSON;
    } else if (bytes_has_prefix(r->path, BYTES_LIT("/service/"))) {
        args.protocol = CW_CBOR;
    }
    cw_put_fault(a, args.protocol, r->request_id, fault, msg, ret);
}

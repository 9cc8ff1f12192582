#pragma once

/* CloudWatch for the namespace AWS/DynamoDB: what happened to tables, kept by the minute, and the
 * requests that read it.
 *
 * Pure: time comes in with each call. Every thread that sees something to count has a `struct
 * cw_meter` of its own; a request makes a round through them and each adds what it has, so nothing
 * is shared:
 *
 *     cw_begin --+--> CW_ANSWER   send call->answer
 *                +--> CW_GATHER   cw_gather() on each thread with its meter, then cw_finish()
 *
 * Not promised: that data survives a restart, or is kept for longer than CW_KEEP_MINUTES. */

#include "base/base.h"
#include "doc/doc.h"

enum {
    CW_KEEP_MINUTES = 180, /* of one-minute points */
    CW_BODY_BYTES_MAX = 1024 * 1024,
    CW_QUERIES_MAX = 500, /* of one GetMetricData */
    CW_HEADERS_MAX = 4,
};

/* ---- what is measured ---- */

enum cw_metric {
    CW_CONSUMED_READ,
    CW_CONSUMED_WRITE,
    CW_PROVISIONED_READ,
    CW_PROVISIONED_WRITE,
    CW_LATENCY,
    CW_RETURNED_ITEMS,
    CW_THROTTLED_REQUESTS,
    CW_READ_THROTTLES,
    CW_WRITE_THROTTLES,
    CW_READ_PROVISIONED_THROTTLES,
    CW_WRITE_PROVISIONED_THROTTLES,
    CW_READ_ON_DEMAND_THROTTLES,
    CW_WRITE_ON_DEMAND_THROTTLES,
    CW_ON_DEMAND_READ_MAX,
    CW_ON_DEMAND_WRITE_MAX,
    CW_USER_ERRORS,
    CW_SYSTEM_ERRORS,
    CW_CONDITIONAL_CHECKS,
    CW_TRANSACTION_CONFLICTS,
    CW_TTL_DELETES,
    CW_REPLICATION_LATENCY,
    CW_PENDING_REPLICATION,
    CW_METRICS,
};

/* What of a metric is named besides the table. */
enum cw_part { CW_PART_NONE, CW_PART_OPERATION, CW_PART_INDEX, CW_PART_RECEIVER };

struct cw_metric_row {
    const char *name;
    const char *unit;
    bool of_table; /* has the dimension TableName */
    enum cw_part part;
    bool part_needed; /* false: a series without it is another series (index of a table) */
    bool level;       /* a setting that holds until it changes, not a sum of events */
};

const struct cw_metric_row *cw_metric_row(enum cw_metric m);
/* The metric of that name; false: there is none. */
bool cw_metric_find(struct bytes name, enum cw_metric *ret);

/* Some measured values together. */
struct cw_stat {
    double n;
    double sum;
    double min;
    double max;
};

static inline struct cw_stat cw_one(double v)
{
    return (struct cw_stat){1, v, v, v};
}

void cw_stat_add(struct cw_stat *to, const struct cw_stat *more);

/* ---- one thread's meter (meter.c) ---- */

struct cw_meter;
struct cw_table;

struct cw_meter *cw_meter_new(void);
/* NULL is legal. */
void cw_meter_free(struct cw_meter *m);
/* Stands for the table of what belongs to none. */
#define CW_NO_TABLE BYTES_LIT("*")

/* A table's series, made when new. Valid until the next call. */
struct cw_table *cw_meter_table(struct cw_meter *m, struct bytes table, uint64_t now_ms);
/* Adds to the point of this minute. `part` is the index, operation or receiver; len 0: none. Time
 * that goes back counts for the latest minute. */
void cw_add(
    struct cw_table *t,
    enum cw_metric metric,
    struct bytes part,
    uint64_t now_ms,
    const struct cw_stat *stat);
/* From this minute on the setting has that value; below 0: there is none. */
void cw_set(
    struct cw_table *t, enum cw_metric metric, struct bytes part, uint64_t now_ms, double value);
/* No setting of the table holds from this minute on, until set again. */
void cw_unset(struct cw_table *t, uint64_t now_ms);
/* All that was ever added to the series (its sum), for whoever takes differences. */
double cw_total(
    const struct cw_meter *m, struct bytes table, enum cw_metric metric, struct bytes part);

/* Points of one series, summed over periods: slot i begins `period` minutes after slot i - 1. */
struct cw_span {
    enum cw_metric metric;
    struct bytes table;
    struct bytes part;
    uint64_t minute;      /* of slot 0, since 1970 */
    uint64_t minutes_end; /* points of this minute and later are left out */
    uint64_t period;      /* minutes */
    struct cw_stat *slots;
    size_t n_slots;
};
void cw_meter_read(const struct cw_meter *m, struct cw_span *span, uint64_t now_ms);

/* A series' name, as ListMetrics tells it. */
struct cw_listed {
    enum cw_metric metric;
    struct bytes table;
    struct bytes part;
};
/* Calls `take` for each series with a point that is still kept. */
void cw_meter_list(
    const struct cw_meter *m,
    uint64_t now_ms,
    void (*take)(void *ctx, const struct cw_listed *s),
    void *ctx);

/* ---- requests ---- */

enum cw_protocol { CW_QUERY, CW_JSON, CW_CBOR };

struct cw_header {
    const char *name;
    struct bytes value;
};

/* Borrowed for the life of the call. */
struct cw_request {
    struct bytes method;
    struct bytes path;
    struct bytes query;        /* of the URL */
    struct bytes content_type; /* base NULL: none */
    struct bytes target;       /* X-Amz-Target */
    struct bytes body;
    uint64_t now_ms;
    struct bytes request_id;
};

struct cw_answer {
    unsigned status;
    struct cw_header headers[CW_HEADERS_MAX];
    size_t n_headers;
    struct bytes body;
};

enum cw_step { CW_ANSWER, CW_GATHER };

struct cw_call;

/* Whether a request is for this service, by what it says of its operation. */
bool cw_is_ours(const struct cw_request *r);
/* Starts a call. The request and the arena outlive it. */
enum cw_step cw_begin(
    struct json_parser *parser,
    struct arena *a,
    const struct cw_request *r,
    struct cw_call **ret,
    struct cw_answer *ret_answer);
/* Whether the call asks for that metric by name. */
bool cw_asks(const struct cw_call *c, enum cw_metric m);
/* On each thread in turn. */
void cw_gather(struct cw_call *c, const struct cw_meter *m, uint64_t now_ms);
/* On the thread that began. */
void cw_finish(struct cw_call *c, struct cw_answer *ret);
/* The operation's name, for metrics and logs. */
struct bytes cw_operation(const struct cw_call *c);
/* An answer to a request that may not even begin: `name` is DynamoDB's name for what is wrong with
 * its signature. */
void cw_refuse(
    struct arena *a,
    const struct cw_request *r,
    struct bytes name,
    struct bytes msg,
    struct cw_answer *ret);

#pragma once

/* What the files of this room share: a request's parameters and an answer's parts, the same for all
 * three protocols.
 *
 * A parameter is named by its path as the query protocol writes it ("Dimensions.member.1.Name"). In
 * JSON and CBOR the same path walks the tree: "member" names nothing there and the number is an
 * element. */

#include "front/cloudwatch/cloudwatch.h"

/* ---- parameters (args.c) ---- */

struct cw_pair {
    struct bytes name;
    struct bytes value;
};

struct cw_args {
    enum cw_protocol protocol;
    struct bytes operation;
    const struct cw_pair *pairs; /* CW_QUERY; sorted by name */
    size_t n_pairs;
    struct json root; /* the others */
};

/* Reads operation and parameters. OK; ERR_SYNTAX: the body does not parse; ERR_TOO_BIG. */
MUST_CHECK enum err cw_args_read(
    struct json_parser *parser, struct arena *a, const struct cw_request *r, struct cw_args *ret);
/* Path of a parameter or list element, printf-like; base NULL when absent. */
struct bytes cw_arg(const struct cw_args *args, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Whether anything stands at that path or below it. */
bool cw_arg_any(const struct cw_args *args, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* CBOR (RFC 8949) as a JSON tree; byte strings are not taken. OK; ERR_SYNTAX; ERR_LIMIT (nested too
 * deep); ERR_TOO_BIG. */
MUST_CHECK enum err cw_cbor_decode(struct arena *a, struct bytes in, struct json *ret);
/* Seconds since 1970 of "2026-11-26T10:00:00Z" and of a number. */
MUST_CHECK enum err cw_time_parse(struct bytes text, double *ret);

/* ---- answers (out.c) ---- */

struct cw_out {
    enum cw_protocol protocol;
    struct buf b;
    bool comma; /* CW_JSON: before what comes next */
};

void cw_out_begin(struct cw_out *o, const struct cw_call *c);
/* `name` NULL: an element of a list. */
void cw_out_open(struct cw_out *o, const char *name);
void cw_out_close(struct cw_out *o, const char *name);
void cw_out_list(struct cw_out *o, const char *name);
void cw_out_list_end(struct cw_out *o, const char *name);
void cw_out_text(struct cw_out *o, const char *name, struct bytes v);
void cw_out_number(struct cw_out *o, const char *name, double v);
void cw_out_time(struct cw_out *o, const char *name, uint64_t seconds);
/* Ends the answer. */
void cw_out_end(struct cw_out *o, struct cw_call *c, struct cw_answer *ret);

/* An error as its protocol writes it. */
struct cw_fault {
    const char *code;  /* of the query protocol: "InvalidParameterValue" */
    const char *shape; /* of the others: "InvalidParameterValueException" */
    unsigned status;
};
void cw_put_fault(
    struct arena *a,
    enum cw_protocol protocol,
    struct bytes request_id,
    const struct cw_fault *fault,
    struct bytes msg,
    struct cw_answer *ret);

/* ---- a call ---- */

enum cw_op { CW_GET_STATISTICS, CW_GET_DATA, CW_LIST };

enum { CW_FILTERS_MAX = 10, CW_DIMENSIONS_MAX = 30 };

struct cw_filter {
    struct bytes name;
    struct bytes value; /* base NULL: any */
};

struct cw_listing {
    struct bytes space;  /* base NULL: any */
    struct bytes metric; /* base NULL: any */
    struct cw_filter filters[CW_FILTERS_MAX];
    unsigned n_filters;
    struct map seen; /* encoded name to struct cw_listed in the arena */
    struct arena *a;
    bool full;
};

struct cw_query {
    struct bytes id;
    struct bytes label;
    struct bytes metric_name;
    struct bytes stat;
    bool known;  /* there is such a series of metrics */
    bool hidden; /* ReturnData false */
    struct cw_span span;
};

struct cw_call {
    struct arena *a;
    const struct cw_request *request;
    struct cw_args args;
    enum cw_op op;
    struct cw_answer answer; /* set when a reader fails */
    bool answered;
    struct cw_query *queries;
    size_t n_queries;
    bool ascending;
    bool stats[5]; /* GetMetricStatistics: as in cw_stat_names */
    struct cw_listing listing;
};

/* Answers with an error; always returns false. */
bool cw_fail(struct cw_call *c, const char *code, const char *shape, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

extern const char *const cw_stat_names[5];
/* Index in cw_stat_names, or -1. */
int cw_stat_index(struct bytes name);
double cw_stat_value(const struct cw_stat *s, int index);

/* list.c: ListMetrics */
bool cw_list_read(struct cw_call *c);
void cw_list_take(void *ctx, const struct cw_listed *s);
void cw_list_put(struct cw_call *c, struct cw_answer *ret);
/* Whether the series has these dimensions exactly; fills in the span's names. */
bool cw_dimensions_read(
    struct cw_call *c, const char *prefix, struct cw_query *q, bool of_dynamodb);

#pragma once

/* The pieces of the operator's interface: its JSON in and out (admin_json.c), its tables
 * (admin_data.c). */

#include "server/inside.h"

/* The decoded value of a query parameter, in the request's arena; len 0 when missing. */
struct bytes admin_query(const struct http_request *req, const char *name);
bool admin_parse_fault(const struct http_request *req, struct fault *ret);
/* Fills ask->admin and ask->member. */
bool admin_parse_members(const struct http_request *req, struct ask *ask);

void admin_put_status(struct buf *b, const struct web *w, const struct ask *ask);
void admin_put_digest(struct buf *b, const struct ask *ask);
/* What a new region's configuration needs. */
void admin_put_join(struct buf *b, const struct web *w, const struct core_member *m);

/* Quantile (0..1) of a histogram, as the upper bound of the bucket it falls in; 0 when empty. */
uint64_t admin_latency_quantile(const struct region_latency *l, double q);

/* These return the answer's status; unless it is 200, *reterr_why says what is wrong. */
int admin_put_records(
    struct buf *b, const struct web *w, const struct http_request *req, const char **reterr_why);
int admin_put_conflicts(
    struct buf *b, const struct web *w, const struct http_request *req, const char **reterr_why);
void admin_put_tables(struct buf *b, const struct web *w);
/* The value in DynamoDB's tagged JSON. */
void admin_put_value(struct buf *b, const struct value *v);

#pragma once

/* For the tests of operations on tables: pieces of requests, and what is expected of answers.
 * Quotes are single ones, for the eye. */

#include "front/dynamo/test_util.h"

#define KEY_A "'KeySchema':[{'AttributeName':'a','KeyType':'HASH'}]"
#define KEY_AB \
    "'KeySchema':[{'AttributeName':'a','KeyType':'HASH'},{'AttributeName':'b','KeyType':'RANGE'}]"
#define ATTR_A "'AttributeDefinitions':[{'AttributeName':'a','AttributeType':'S'}]"
#define ATTR_AB                                                                                \
    "'AttributeDefinitions':[{'AttributeName':'a','AttributeType':'S'},{'AttributeName':'b','" \
    "AttributeType':'N'}]"
#define UNITS        "'ProvisionedThroughput':{'ReadCapacityUnits':5,'WriteCapacityUnits':6}"
#define ON_DEMAND    "'BillingMode':'PAY_PER_REQUEST'"
#define HASH(name)   "{'AttributeName':'" name "','KeyType':'HASH'}"
#define RANGE(name)  "{'AttributeName':'" name "','KeyType':'RANGE'}"
#define ALL          "'ProjectionType':'ALL'"
#define UPDATE(what) "{'TableName':'abc'," what "}"
#define INVALID      "One or more parameter values were invalid: "

/* Expects a piece of the last answer. */
static inline void has(struct rig *r, const char *piece)
{
    struct bytes want = unquoted(&r->mem, piece);
    if (!bytes_contains(r->last_body, want)) {
        fail_msg("no %s in %.*s", piece, BYTES_FMT(r->last_body));
    }
}

static inline void lacks(struct rig *r, const char *piece)
{
    struct bytes want = unquoted(&r->mem, piece);
    if (bytes_contains(r->last_body, want)) {
        fail_msg("%s in %.*s", piece, BYTES_FMT(r->last_body));
    }
}

static inline void ok(struct rig *r, const char *op, const char *body)
{
    unsigned status = rig_send_bytes(r, op, unquoted(&r->mem, body));
    if (status != 200) {
        fail_msg("%s %s answered %u %.*s", op, body, status, BYTES_FMT(r->last_body));
    }
}

struct refusal {
    const char *body;
    const char *message;
};

static inline void all_invalid(struct rig *r, const char *op, const struct refusal *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        rig_invalid(r, op, list[i].body, list[i].message);
    }
}

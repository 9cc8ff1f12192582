#pragma once

/* Resource-based policies of tables and their streams. A stream is meant by the time at which it
 * was turned on, the table itself by 0. */

#include "front/dynamo/table_admin.h"

#define POLICY_USER_HEAD "arn:aws:iam::" DYNAMO_ACCOUNT ":user/" /* and an access key's id */

enum { POLICY_BYTES_MAX = 20480 };

struct policy {
    struct bytes text;     /* in the form that is shown; base NULL: none, to policy_set() */
    struct bytes revision; /* RevisionId */
};

/* Checks a policy as it was given; *ret is the form that is kept. */
bool policy_read(struct dynamo_call *c, struct bytes text, struct bytes *ret);
/* Whether a policy in its kept form denies the caller an operation on a resource, an ARN. OK;
 * ERR_SYNTAX; ERR_TOO_BIG. */
MUST_CHECK enum err policy_deny(
    struct dynamo_call *c, struct bytes policy, struct bytes resource, const char *op, bool *ret);

/* The policy of the table or of its stream; false: it has none. Borrowed. */
bool policy_of(const struct core_table *t, uint64_t stream_ms, struct policy *ret);
/* Puts it into t->extra. OK; ERR_TOO_BIG. */
MUST_CHECK enum err policy_set(
    struct arena *a, struct core_table *t, uint64_t stream_ms, const struct policy *p);
/* The ARN of the table or of its stream; base NULL at the arena's cap. */
struct bytes policy_resource(struct dynamo_call *c, struct bytes table, uint64_t stream_ms);
/* The words of a denial. */
struct bytes policy_denial(struct dynamo_call *c, struct bytes resource);
/* As policy_allows(), by the policy of the table's stream. */
bool policy_allows_stream(struct dynamo_call *c, const struct core_table *t, uint64_t stream_ms);

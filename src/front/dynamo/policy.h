#pragma once

/* Resource-based policies of tables. */

#include "front/dynamo/table_admin.h"

enum { POLICY_BYTES_MAX = 20480 };

struct policy {
    struct bytes text;     /* in the form that is shown; base NULL: none, to policy_set() */
    struct bytes revision; /* RevisionId */
};

/* Checks a policy as it was given; *ret is the form that is kept. */
bool policy_read(struct dynamo_call *c, struct bytes text, struct bytes *ret);
/* The table's policy; false: it has none. Borrowed. */
bool policy_of(const struct core_table *t, struct policy *ret);
/* Puts it into t->extra. OK; ERR_TOO_BIG. */
MUST_CHECK enum err policy_set(struct arena *a, struct core_table *t, const struct policy *p);
/* Whether a policy in its kept form denies the caller an operation on a table. OK; ERR_SYNTAX;
 * ERR_TOO_BIG. */
MUST_CHECK enum err policy_deny(
    struct dynamo_call *c, struct bytes policy, struct bytes table, const char *op, bool *ret);
/* The words of a denial. */
struct bytes policy_denial(struct dynamo_call *c, struct bytes table);

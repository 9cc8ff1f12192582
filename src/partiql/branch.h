#pragma once

/* What branch.c makes of a WHERE clause and plan.c makes reads of. */

#include "partiql/ast.h"

enum { BRANCHES_MAX = 64 }; /* more are "too many" whatever they are */
static_assert((int)BRANCHES_MAX > (int)PARTIQL_READS_MAX, "too many can be told");

/* What of a branch is for the filter: conditions, newest first. */
struct rest {
    const struct partiql_node *node;
    const struct rest *next;
};

/* What a sort key's attribute may be. */
struct bound {
    const struct value *lo; /* NULL: open */
    const struct value *hi;
    bool lo_out; /* the bound itself is not in the range */
    bool hi_out;
    bool prefix; /* lo and hi enclose what begins with lo */
};

struct branch {
    const struct value *hash[EXPR_KEY_PARTS_MAX];
    bool hash_clash; /* two different ones: nothing fits, and nothing is read by key */
    struct bound range[EXPR_KEY_PARTS_MAX];
    const struct rest *rest;
    /* The first key attribute that is compared with a value of another type. */
    const struct expr_key_attr *bad;
    const struct value *bad_value;
};

struct branches {
    struct branch *list;
    size_t n;
    bool too_many;
    bool names_key; /* a key condition is in it */
    unsigned pins;  /* which partition key attributes every branch would have, a bit each */
};

struct plan {
    struct arena *arena;
    const struct partiql_stmt *stmt;
    const struct expr_key_schema *keys;
    struct branches *of; /* by node, from stmt->where_first on */
    bool no_memory;
};

/* The branches of a node, once made. */
struct branches *branches_of(struct plan *p, const struct partiql_node *n);
/* Makes a node's branches from those of its operands; p->no_memory at the arena's cap. */
void branches_make(struct plan *p, const struct partiql_node *n);
bool bound_is_open(const struct bound *b);
/* Narrows a range by another. */
void bound_narrow(struct bound *b, const struct bound *by);

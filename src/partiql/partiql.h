#pragma once

/* PartiQL as DynamoDB speaks it: SELECT, INSERT, UPDATE, DELETE and, in transactions, EXISTS. A
 * statement is parsed with its parameters, then planned against the keys of the table or index it
 * names; what comes out are key ranges, conditions and updates of the room expr, so nothing here
 * reads or writes anything.
 *
 * Messages are DynamoDB's own words where those are known, complete, and for the front to send
 * verbatim inside a ValidationException. They live in the arena or are constants. Scanner by re2c,
 * grammar by lemon; every pass over a statement is a loop over its nodes, none recurses, and the
 * work is linear in the statement but for PARTIQL_READS_MAX squared. Source: "PartiQL - a
 * SQL-compatible query language for Amazon DynamoDB" in the DynamoDB developer guide. */

#include "base/base.h"
#include "doc/doc.h"
#include "expr/expr.h"

enum {
    PARTIQL_BYTES_MAX = 8192, /* length of one statement */
    PARTIQL_READS_MAX = 50,   /* key ranges one SELECT may come apart into */
};

enum partiql_kind {
    PARTIQL_SELECT,
    PARTIQL_INSERT,
    PARTIQL_UPDATE,
    PARTIQL_DELETE,
    PARTIQL_EXISTS, /* EXISTS(SELECT ...): a condition check of a transaction */
};

enum partiql_returning {
    PARTIQL_RETURNING_NONE,
    PARTIQL_RETURNING_ALL_OLD,
    PARTIQL_RETURNING_ALL_NEW,
    PARTIQL_RETURNING_MODIFIED_OLD,
    PARTIQL_RETURNING_MODIFIED_NEW,
};

/* One column of a SELECT: the value at `path` is told under `name`, which is what the path says
 * from its last name on ("a.b[0]": "b[0]"). */
struct partiql_column {
    struct expr_path path;
    struct bytes name;
};

struct partiql_order {
    struct bytes attr;
    bool descending;
};

struct partiql_node;
struct partiql_set;

/* Borrows the statement's text and the parameters. */
struct partiql_stmt {
    enum partiql_kind kind;
    struct bytes table;
    struct bytes index; /* base NULL: none */
    const struct partiql_column *columns;
    size_t n_columns; /* 0: all attributes */
    const struct partiql_order *order;
    size_t n_order;
    enum partiql_returning returning;
    const struct value *item; /* INSERT */
    /* The room's own. */
    struct bytes text;
    struct partiql_node *nodes;
    size_t n_nodes;
    struct partiql_node *where; /* NULL: no WHERE clause */
    struct partiql_node *where_first;
    struct partiql_node *actions; /* UPDATE */
};

/* Parses a statement and binds its parameters in order. `text` is valid UTF-8. OK; ERR_INVALID with
 * the message; ERR_TOO_BIG at the arena's cap. */
MUST_CHECK enum err partiql_parse(
    struct arena *a,
    struct bytes text,
    const struct value *params,
    size_t n_params,
    struct partiql_stmt *ret,
    struct bytes *reterr_msg);

/* ---- reading ---- */

/* One key range, and what of it is meant: no two ranges of a statement let an item through. */
struct partiql_read {
    struct expr_key_cond cond;
    const struct expr_cond *filter;
};

/* What a SELECT reads: key ranges of one table or index, in this order, or all of it. */
struct partiql_reads {
    bool scan; /* no ranges: read everything */
    const struct partiql_read *reads;
    size_t n_reads;
    bool backward;                  /* each range from its end */
    const struct expr_cond *filter; /* the whole WHERE clause, or NULL */
    /* Filter attributes of one range outside `held`, when no range can do without such. */
    const struct bytes *not_held;
    size_t n_not_held;
};

/* What is known of the attributes an index holds; NULL instead of it: all. */
struct partiql_held {
    const struct bytes *names;
    size_t n;
};

/* Plans a SELECT (also the one in an EXISTS) over `keys`, those of the table or of the index it
 * names. OK; ERR_INVALID with the message: key types, overlapping ranges, too many ranges, ORDER BY
 * without its conditions, conditions that make no sense; ERR_TOO_BIG. */
MUST_CHECK enum err partiql_plan_reads(
    struct arena *a,
    const struct partiql_stmt *stmt,
    const struct expr_key_schema *keys,
    const struct partiql_held *held,
    struct partiql_reads *ret,
    struct bytes *reterr_msg);

/* ---- one item by its whole key ---- */

/* How far a WHERE clause names one item. */
enum partiql_names {
    PARTIQL_NAMES_ITEM,  /* one equality, or several equal ones, for each key attribute */
    PARTIQL_NAMES_PART,  /* a key attribute has none */
    PARTIQL_NAMES_MANY,  /* a key attribute has two that differ; the first counts */
    PARTIQL_NAMES_TYPED, /* a key attribute is compared with another type than its own */
};

struct partiql_item {
    enum partiql_names names;
    struct bytes attr; /* the key attribute at fault, when none is missing */
    struct value key;  /* the key attributes that have a value */
    bool key_only;     /* nothing but key equalities stands in the WHERE clause */
};

/* The item that a SELECT, UPDATE, DELETE or EXISTS names by equalities that stand in the WHERE
 * clause's outermost AND. With `in_counts` an IN list of one value is an equality. OK;
 * ERR_TOO_BIG. */
MUST_CHECK enum err partiql_item_of(
    struct arena *a,
    const struct partiql_stmt *stmt,
    const struct expr_key_schema *keys,
    bool in_counts,
    struct partiql_item *ret);

/* The condition under which a write of the item it names, or an EXISTS, goes ahead: of an INSERT
 * that there is no such item, of an UPDATE and an EXISTS that the item fits the WHERE clause, of a
 * DELETE that it does or is not there. OK; ERR_INVALID with the message; ERR_TOO_BIG. */
MUST_CHECK enum err partiql_condition(
    struct arena *a,
    const struct partiql_stmt *stmt,
    const struct expr_key_schema *keys,
    const struct expr_cond **ret,
    struct bytes *reterr_msg);

/* An UPDATE's SET and REMOVE. OK; ERR_INVALID with the message; ERR_TOO_BIG. */
MUST_CHECK enum err partiql_update(
    struct arena *a,
    const struct partiql_stmt *stmt,
    const struct expr_update **ret,
    struct bytes *reterr_msg);

#pragma once

/* PartiQL statements, as the three operations that take them share them. A statement goes through
 * the functions below in their order; any of them answers (or notes, see call_note()) and returns
 * false. */

#include "front/dynamo/dynamo_internal.h"
#include "partiql/partiql.h"

struct statement {
    struct bytes text;
    const struct json *params_in; /* or NULL */
    struct value *params;
    size_t n_params;
    bool consistent;      /* ConsistentRead */
    bool item_on_failure; /* ReturnValuesOnConditionCheckFailure */
    struct partiql_stmt stmt;
    const struct core_table *table; /* holds until the catalog's next change */
    struct bytes table_name;        /* as the catalog has it; base NULL until it is found */
    /* SELECT */
    const struct core_index *index; /* NULL: the table itself */
    struct partiql_reads reads;
    bool single;               /* a read of one item by its whole key, `key` */
    struct bytes key;          /* encoded */
    bool fetch_whole;          /* of a local index, to get what it lacks from the table */
    struct capacity *capacity; /* NULL unless wanted */
    /* INSERT, UPDATE, DELETE, EXISTS */
    struct part_op op;
};

/* Types and constraints of a statement's own fields. `prefix` is what stands before their names in
 * DynamoDB's words for faults ("", "statements.1.member."). */
bool statement_fields(
    struct dynamo_call *c,
    struct checks *k,
    const struct json *in,
    const char *prefix,
    struct statement *s);
/* The parameters' values. */
bool statement_params(struct dynamo_call *c, struct statement *s);
bool statement_parse(struct dynamo_call *c, struct statement *s);
bool statement_is_read(const struct statement *s);
/* Finds the table. */
bool statement_find(struct dynamo_call *c, struct statement *s);
/* A SELECT's index and plan. */
bool statement_plan(struct dynamo_call *c, struct statement *s);
/* The words for a WHERE clause that does not name one item; true when it does. */
bool statement_names(
    struct dynamo_call *c, const struct statement *s, const struct partiql_item *item);
/* The op of a write whose WHERE clause names `item` (an INSERT's is not looked at). */
bool statement_write(struct dynamo_call *c, struct statement *s, const struct partiql_item *item);
/* Answers for an op the writer refused. */
bool statement_refused(struct dynamo_call *c, const struct statement *s);
/* What RETURNING asks for of a done write; *ret NULL: nothing. */
bool statement_returned(struct dynamo_call *c, const struct statement *s, const struct value **ret);
/* Appends an item as the SELECT's columns show it. */
void statement_put_item(struct buf *b, const struct statement *s, const struct value *item);

enum dynamo_step execute_statement_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step execute_statement_resume(struct dynamo_call *c);
enum dynamo_step batch_statement_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step batch_statement_resume(struct dynamo_call *c);
enum dynamo_step execute_transaction_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step execute_transaction_resume(struct dynamo_call *c);

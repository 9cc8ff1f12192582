#pragma once

/* Expressions over items, in DynamoDB's language: key conditions, conditions and filters,
 * projections and updates. Parsing resolves #names and :values at once, so a parsed expression is
 * self-contained in its arena and can be evaluated later on another thread. Grammar by lemon,
 * scanner by re2c.
 *
 * Messages are DynamoDB's own words and complete: what a message starts with ("Invalid
 * UpdateExpression: ", "Invalid FilterExpression: ", "One or more parameter values were invalid: ",
 * or nothing at all) is in it, and the front sends it verbatim inside a ValidationException.
 * (DynamoDB has lately begun to put "1 validation error detected: " before some of them in the
 * single-item writes; that is left to the front.) They live in the arena or are constants. Of
 * several mistakes in one text the reported one is DynamoDB's choice: syntax, then redundant
 * parentheses, reserved words and functions, then placeholders and types.
 *
 * Keywords are keywords in any case and in every kind of expression; function names are lower case
 * only. Every function here ends in time linear in its text, tree or item (sorting paths apart),
 * with recursion bounded by EXPR_PATH_DEPTH_MAX and EXPR_OPERATORS_MAX. Source: "Using expressions
 * in DynamoDB", "Condition and filter expressions", "Update expressions", "Reserved words",
 * "Constraints" in the DynamoDB developer guide. */

#include "base/base.h"
#include "doc/doc.h"

enum {
    EXPR_BYTES_MAX = 4096,    /* length of one expression's text */
    EXPR_OPERATORS_MAX = 300, /* operators and functions in one expression */
    EXPR_IN_OPERANDS_MAX = 100,
    EXPR_PATH_DEPTH_MAX = 32,
    EXPR_SUBSTITUTION_BYTES_MAX = 2 * 1024 * 1024,
    EXPR_KEY_PARTS_MAX = 4, /* hash attributes, and range attributes, of one key */
    EXPR_KEY_ATTRS_MAX = 2 * EXPR_KEY_PARTS_MAX,
};

/* One placeholder table entry; `used` is set when an expression refers to it. */
struct expr_name {
    struct bytes placeholder; /* "#n" */
    struct bytes name;
    bool used;
};

struct expr_value {
    struct bytes placeholder; /* ":v" */
    struct value value;
    bool used;
};

/* The ExpressionAttributeNames and ExpressionAttributeValues of one request; NULL tables with n 0
 * when the request had none (the wording of some errors depends on that). */
struct expr_env {
    struct expr_name *names;
    size_t n_names;
    struct expr_value *values;
    size_t n_values;
    bool has_names; /* the request carried the parameter */
    bool has_values;
};

/* After all of a request's expressions are parsed: OK, or ERR_INVALID with "Value provided in
 * ExpressionAttributeNames unused in expressions: keys: {#a, #b}" (or …Values …). */
MUST_CHECK enum err expr_env_unused(
    struct arena *a, const struct expr_env *env, struct bytes *reterr_msg);

/* ---- document paths ---- */

struct expr_step {
    bool is_index;
    uint32_t index;
    struct bytes name;
};

/* name(.name | [index])*; the first step is always a name. */
struct expr_path {
    const struct expr_step *steps;
    size_t n;
};

/* The value at `path`, or NULL. */
const struct value *expr_path_find(const struct expr_path *path, const struct value *item);

/* ---- conditions and filters ---- */

struct expr_cond;

enum expr_kind { EXPR_CONDITION, EXPR_FILTER, EXPR_KEY_CONDITION, EXPR_PROJECTION, EXPR_UPDATE };

/* Parses a ConditionExpression or FilterExpression (kind chooses the wording). OK; ERR_INVALID with
 * the message (syntax, reserved word, undefined placeholder, operand types, limits, …); ERR_TOO_BIG
 * at the arena's cap. What any of the parsers here
 * returns borrows `text` and the env's tables, names and values, so these must live as long. */
MUST_CHECK enum err expr_cond_parse(
    struct arena *a,
    enum expr_kind kind,
    struct bytes text,
    struct expr_env *env,
    const struct expr_cond **ret,
    struct bytes *reterr_msg);
/* Evaluates on `item` (an empty map stands for "no such item"). Never fails: comparisons between
 * unlike types or with missing attributes are false, as in DynamoDB. No allocation. */
bool expr_cond_eval(const struct expr_cond *c, const struct value *item);
/* Whether the condition mentions top-level attribute `name` (a filter may not use key attributes).
 */
bool expr_cond_mentions(const struct expr_cond *c, struct bytes name);
/* Whether it mentions a path that goes on below `name`, which for a key attribute is an error ("Key
 * attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: Key:
 * ..."). */
bool expr_cond_reaches_into(const struct expr_cond *c, struct bytes name);

/* Builders for the legacy API (Expected, QueryFilter, …), which has no text form. All allocate in
 * `a` and return NULL only at its cap; paths' steps and the operands (arrays too) are borrowed. */
enum expr_cmp { EXPR_EQ, EXPR_NE, EXPR_LT, EXPR_LE, EXPR_GT, EXPR_GE };
const struct expr_cond *expr_cond_compare(
    struct arena *a, const struct expr_path *path, enum expr_cmp op, const struct value *v);
const struct expr_cond *expr_cond_between(
    struct arena *a, const struct expr_path *path, const struct value *lo, const struct value *hi);
const struct expr_cond *expr_cond_in(
    struct arena *a, const struct expr_path *path, const struct value *vs, size_t n);
const struct expr_cond *expr_cond_exists(
    struct arena *a, const struct expr_path *path, bool exists);
const struct expr_cond *expr_cond_begins_with(
    struct arena *a, const struct expr_path *path, const struct value *prefix);
const struct expr_cond *expr_cond_contains(
    struct arena *a, const struct expr_path *path, const struct value *v);
const struct expr_cond *expr_cond_not(struct arena *a, const struct expr_cond *c);
const struct expr_cond *expr_cond_join(
    struct arena *a, bool is_and, const struct expr_cond *const *cs, size_t n);

/* ---- key conditions ---- */

struct expr_key_attr {
    struct bytes name;
    enum value_type type;
};

/* A table's key is one hash attribute and at most one range attribute; so is a local index's. A
 * global index may have several of each ("multi-attribute keys"): items are together when all their
 * hash attributes are equal, and in order of the range attributes, one after the other. */
struct expr_key_schema {
    struct expr_key_attr hash;
    struct expr_key_attr range;       /* name.base NULL: no sort key */
    const struct expr_key_attr *more; /* further hash attributes, then further range attributes */
    uint8_t n_more_hash;
    uint8_t n_more_range;
};

static inline size_t expr_keys_hashes(const struct expr_key_schema *k)
{
    return (size_t)1 + k->n_more_hash;
}

/* How many attributes the key has. */
static inline size_t expr_keys_count(const struct expr_key_schema *k)
{
    return expr_keys_hashes(k) + (k->range.name.base == NULL ? 0 : (size_t)1 + k->n_more_range);
}

/* The i-th of them: hash attributes first. */
static inline const struct expr_key_attr *expr_keys_at(const struct expr_key_schema *k, size_t i)
{
    size_t hashes = expr_keys_hashes(k);
    if (i == 0) {
        return &k->hash;
    }
    if (i < hashes) {
        return &k->more[i - 1];
    }
    return i == hashes ? &k->range : &k->more[i - 2];
}

/* Whether `name` is one of them. */
bool expr_keys_have(const struct expr_key_schema *k, struct bytes name);

enum expr_range_op {
    EXPR_RANGE_ALL,
    EXPR_RANGE_EQ,
    EXPR_RANGE_LT,
    EXPR_RANGE_LE,
    EXPR_RANGE_GT,
    EXPR_RANGE_GE,
    EXPR_RANGE_BETWEEN,
    EXPR_RANGE_BEGINS_WITH,
};

struct expr_key_cond {
    struct value hash;
    /* Of a key of several attributes: the values of the further hash attributes, then those that
     * the range attributes before the one `op` is about must equal. */
    const struct value *more;
    size_t n_more;
    enum expr_range_op op; /* on the first range attribute that is not in `more` */
    struct value lo;       /* the operand; lower bound of BETWEEN */
    struct value hi;       /* upper bound of BETWEEN */
};

/* A KeyConditionExpression is read in two steps, since DynamoDB looks at all expressions of a
 * request, and at what they leave unused, before it looks at the table. The form is parsed without
 * a schema: OK; ERR_INVALID with the parser's words; ERR_TOO_BIG. The text and `env` must outlive
 * it. */
struct expr_key_form;
MUST_CHECK enum err expr_key_form_parse(
    struct arena *a,
    struct bytes text,
    struct expr_env *env,
    const struct expr_key_form **ret,
    struct bytes *reterr_msg);
/* The words for what no key condition may hold ("Invalid operator used in …"), whatever the schema;
 * base NULL when there is nothing of the kind. */
struct bytes expr_key_form_fault(const struct expr_key_form *form);
/* A form without fault against the schema; returns as expr_key_cond_parse(). */
MUST_CHECK enum err expr_key_form_match(
    const struct expr_key_form *form,
    const struct expr_key_schema *schema,
    struct expr_key_cond *ret,
    struct bytes *reterr_msg);

/* Both steps: a KeyConditionExpression against the table's or index's schema: exactly one equality
 * on the hash attribute, at most one condition on the range attribute, in either order, each with
 * its operands in either order. Of a key of several attributes: an equality on each hash attribute,
 * and conditions on range attributes from the first on, all but the last of them equalities. OK;
 * ERR_INVALID with "Query condition missed key schema element: …", "Query key condition not
 * supported", type mismatches, …; ERR_TOO_BIG. Whether a key may have the values (empty, too long)
 * is the caller's to check. */
MUST_CHECK enum err expr_key_cond_parse(
    struct arena *a,
    struct bytes text,
    struct expr_env *env,
    const struct expr_key_schema *schema,
    struct expr_key_cond *ret,
    struct bytes *reterr_msg);

/* One attribute's condition, for callers without a text. */
struct expr_key_leaf {
    struct bytes attr;
    enum expr_range_op op; /* not ALL */
    const struct value *lo;
    const struct value *hi; /* of BETWEEN, else NULL */
};

/* Matches conditions, at most one an attribute, with the schema of a key of several attributes. OK;
 * ERR_INVALID with the message; ERR_TOO_BIG. */
MUST_CHECK enum err expr_key_cond_match(
    struct arena *a,
    const struct expr_key_schema *schema,
    const struct expr_key_leaf *leaves,
    size_t n,
    struct expr_key_cond *ret,
    struct bytes *reterr_msg);

/* ---- projections ---- */

struct expr_projection;

/* Parses a ProjectionExpression. OK; ERR_INVALID (syntax, overlapping or conflicting paths, …). */
MUST_CHECK enum err expr_projection_parse(
    struct arena *a,
    struct bytes text,
    struct expr_env *env,
    const struct expr_projection **ret,
    struct bytes *reterr_msg);
/* A projection of whole top-level attributes (AttributesToGet, index projections). NULL at the cap.
 */
const struct expr_projection *expr_projection_of_names(
    struct arena *a, const struct bytes *names, size_t n);
/* The parts of `item` the projection names; list elements close up as DynamoDB does. OK;
 * ERR_TOO_BIG. */
MUST_CHECK enum err expr_project(
    struct arena *a, const struct expr_projection *p, const struct value *item, struct value *ret);
/* Whether every path begins with one of `names` (may an index answer it alone?). */
bool expr_projection_within(const struct expr_projection *p, const struct bytes *names, size_t n);
/* As expr_cond_reaches_into(). */
bool expr_projection_reaches_into(const struct expr_projection *p, struct bytes name);

/* ---- updates ---- */

struct expr_update;

/* Parses an UpdateExpression (SET REMOVE ADD DELETE, each at most once; if_not_exists, list_append,
 * +, -). OK; ERR_INVALID (syntax, overlapping paths, operand types, …); ERR_TOO_BIG. */
MUST_CHECK enum err expr_update_parse(
    struct arena *a,
    struct bytes text,
    struct expr_env *env,
    const struct expr_update **ret,
    struct bytes *reterr_msg);
/* Legacy AttributeUpdates, one call an attribute; start with *u NULL. NULL value with DELETE
 * removes, and only there `v` may be NULL. `name` and `v` are borrowed; ADD takes N, sets and L,
 * DELETE sets (checked by the caller). Applying says "Type mismatch for attribute to update" where
 * types differ. OK; ERR_TOO_BIG. */
enum expr_update_action { EXPR_UPDATE_PUT, EXPR_UPDATE_ADD, EXPR_UPDATE_DELETE };
MUST_CHECK enum err expr_update_add_legacy(
    struct arena *a,
    struct expr_update **u,
    struct bytes name,
    enum expr_update_action action,
    const struct value *v);
/* ERR_INVALID with "One or more parameter values were invalid: Cannot update attribute …. This
 * attribute is part of the key" when a path touches one of `names`, else OK. */
MUST_CHECK enum err expr_update_check_keys(
    struct arena *a,
    const struct expr_update *u,
    const struct bytes *names,
    size_t n,
    struct bytes *reterr_msg);
/* Applies to `item` (all right-hand sides read the item as it was). OK with the new item in *ret
 * (shares with `item`); ERR_INVALID with DynamoDB's message ("The provided expression refers to an
 * attribute that does not exist in the item", "An operand in the update expression has an incorrect
 * data type", "The document path provided in the update expression is invalid for update", number
 * overflow, nesting deeper than DOC_DEPTH_MAX); ERR_TOO_BIG at the arena's cap. Item size and key
 * types are the caller's to check. */
MUST_CHECK enum err expr_update_apply(
    struct arena *a,
    const struct expr_update *u,
    const struct value *item,
    struct value *ret,
    struct bytes *reterr_msg);
/* The parts of `item` (the old or the new image) that the update's paths name: UPDATED_OLD /
 * UPDATED_NEW. OK; ERR_TOO_BIG. */
MUST_CHECK enum err expr_update_project(
    struct arena *a, const struct expr_update *u, const struct value *item, struct value *ret);
/* Whether the update itself is over DOC_ITEM_BYTES_MAX, as DynamoDB weighs it: the attributes that
 * it touches, as they stand in `after` (of after_size = item_size()), and some bytes for each
 * action. */
bool expr_update_too_big(const struct expr_update *u, const struct value *after, size_t after_size);
/* Whether it only removes (REMOVE and DELETE), so that on a missing item nothing need be created.
 */
bool expr_update_only_removes(const struct expr_update *u);
/* Whether the update alone, without an item, tells the type of what it puts at the top-level
 * `name`: of a value, a sum, a list_append, and of if_not_exists() its second operand's. */
bool expr_update_known_type(const struct expr_update *u, struct bytes name, enum value_type *ret);
/* As expr_cond_reaches_into(); right-hand sides count. */
bool expr_update_reaches_into(const struct expr_update *u, struct bytes name);

/* ---- the same trees, built by another language's parser ---- */

/* Nodes are made bottom-up and each is used once; operands of a node are made before it and from
 * left to right, since the first problem in that order is the one reported. Paths and values are
 * borrowed. Nothing fails on the way: what went wrong is told at the end. Messages carry no
 * "Invalid ...Expression: ". */
struct expr_build;

struct expr_ref {
    uint32_t v;
};

/* Room for `n_nodes_max` nodes; NULL at the arena's cap. */
struct expr_build *expr_build_new(struct arena *a, size_t n_nodes_max);
struct expr_ref expr_build_path(struct expr_build *b, const struct expr_path *path);
struct expr_ref expr_build_value(struct expr_build *b, const struct value *v);
struct expr_ref expr_build_compare(
    struct expr_build *b, enum expr_cmp cmp, struct expr_ref x, struct expr_ref y);
struct expr_ref expr_build_between(
    struct expr_build *b, struct expr_ref x, struct expr_ref lo, struct expr_ref hi);
struct expr_ref expr_build_in(
    struct expr_build *b, struct expr_ref x, const struct expr_ref *list, size_t n);
struct expr_ref expr_build_not(struct expr_build *b, struct expr_ref x);
struct expr_ref expr_build_join(
    struct expr_build *b, bool is_and, struct expr_ref x, struct expr_ref y);
/* A function by its lower-case name, which must be one of this room's (asserted). */
struct expr_ref expr_build_call(
    struct expr_build *b, const char *name, const struct expr_ref *args, size_t n);
struct expr_ref expr_build_sum(
    struct expr_build *b, bool minus, struct expr_ref x, struct expr_ref y);
/* Where the next node will stand; and a second one of the tree whose nodes are those from `first`
 * to its root. */
struct expr_ref expr_build_next(const struct expr_build *b);
struct expr_ref expr_build_copy(struct expr_build *b, struct expr_ref first, struct expr_ref root);
/* An update's actions. REMOVE takes no operand and DELETE and ADD take a value. */
enum expr_action { EXPR_ACTION_SET, EXPR_ACTION_REMOVE, EXPR_ACTION_ADD, EXPR_ACTION_DELETE };
void expr_build_action(
    struct expr_build *b,
    enum expr_action action,
    const struct expr_path *path,
    const struct expr_ref *operand);
/* Check and finish what was built. Errors as those of the parsers. */
MUST_CHECK enum err expr_build_cond(
    struct expr_build *b,
    struct expr_ref root,
    const struct expr_cond **ret,
    struct bytes *reterr_msg);
MUST_CHECK enum err expr_build_update(
    struct expr_build *b, const struct expr_update **ret, struct bytes *reterr_msg);

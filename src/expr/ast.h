#pragma once

/* What the files of this room share: tokens, the tree a text is parsed into, and the document-path
 * tree that projections and updates walk.
 *
 * A text is scanned whole, then parsed. The parser makes nodes bottom-up, so an array of nodes in
 * the order of their making has children before parents: every pass over the tree is a plain loop,
 * none recurses. A function call makes two nodes, CALL_HEAD when its "(" is read and CALL when its
 * ")" is, so that a pass can meet calls in reading order (heads) or after their operands (calls). A
 * text of EXPR_BYTES_MAX bytes has at most as many tokens and nodes, which bounds everything here.
 */

#include "expr/expr.h"

/* In the order of the grammar's %token line, which checks it. */
enum token_kind {
    TOKEN_END = 0,
    TOKEN_ID,
    TOKEN_NAME,  /* "#n" */
    TOKEN_VALUE, /* ":v" */
    TOKEN_INDEX, /* digits */
    TOKEN_AND,
    TOKEN_OR,
    TOKEN_NOT,
    TOKEN_BETWEEN,
    TOKEN_IN,
    TOKEN_SET,
    TOKEN_REMOVE,
    TOKEN_ADD,
    TOKEN_DELETE,
    TOKEN_EQ,
    TOKEN_NE,
    TOKEN_LT,
    TOKEN_LE,
    TOKEN_GT,
    TOKEN_GE,
    TOKEN_LPAREN,
    TOKEN_RPAREN,
    TOKEN_LBRACKET,
    TOKEN_RBRACKET,
    TOKEN_COMMA,
    TOKEN_DOT,
    TOKEN_PLUS,
    TOKEN_MINUS,
    TOKEN_UNKNOWN,
    TOKEN_START_CONDITION, /* never scanned: the first token fed, it chooses the start symbol */
    TOKEN_START_PROJECTION,
    TOKEN_START_UPDATE,
};

struct token {
    uint16_t start; /* offsets into the text; a static_assert bounds them */
    uint16_t end;
    uint8_t kind;
};
static_assert(EXPR_BYTES_MAX < UINT16_MAX, "token offsets are 16 bits");

/* Scans all of `text` into `to`, which has room for text.len + 1 tokens, and returns how many it
 * wrote; the last one is TOKEN_END. Never fails: what fits nothing becomes TOKEN_UNKNOWN. */
size_t expr_scan(struct bytes text, struct token *to);

enum node_kind {
    NODE_PATH,
    NODE_VALUE,
    NODE_CALL_HEAD,
    NODE_CALL,
    NODE_COMPARE,
    NODE_BETWEEN,
    NODE_IN,
    NODE_NOT,
    NODE_AND,
    NODE_OR,
    NODE_ARITHMETIC,
    NODE_ACTION,
};

enum function {
    FUNCTION_NONE,
    FUNCTION_ATTRIBUTE_EXISTS,
    FUNCTION_ATTRIBUTE_NOT_EXISTS,
    FUNCTION_ATTRIBUTE_TYPE,
    FUNCTION_BEGINS_WITH,
    FUNCTION_CONTAINS,
    FUNCTION_SIZE,
    FUNCTION_IF_NOT_EXISTS,
    FUNCTION_LIST_APPEND,
};

struct node {
    enum node_kind kind;
    bool in_parens;
    bool as_condition;         /* CALL_HEAD: stands where a condition is expected */
    bool in_list_append;       /* CALL_HEAD: is an operand of list_append */
    uint8_t function;          /* CALL_HEAD, CALL: enum function, set by the checks */
    const struct token *token; /* PATH: the first; VALUE; calls: the name; else the operator */
    const struct token *end;   /* PATH: past the last */
    struct node *a;            /* operands; CALL: a is its head; ACTION: a the path, b the value */
    struct node *b;
    struct node *c;
    struct node *args; /* CALL, IN: a list through `next` */
    struct node *next;
    struct node *tail; /* first of a list: its last */
    uint32_t n_args;
    int32_t entry; /* conditions: the first test, and where its outcomes lead */
    int32_t on_true;
    int32_t on_false;
    struct expr_path path;     /* PATH, once its names are resolved */
    const struct value *value; /* VALUE, once resolved */
};

/* Placeholders by name: linear for a few, a map for many. */
struct lookup {
    struct map map;
    bool mapped;
};

struct parse {
    struct arena *arena;
    enum expr_kind kind;
    struct bytes text;
    struct expr_env *env;
    struct lookup names;
    struct lookup values;
    struct token *tokens;
    size_t n_tokens;
    struct node *nodes;
    size_t n_nodes;
    struct node *root; /* conditions */
    struct node *list; /* projections: paths; updates: actions, in the order written */
    bool redundant_parens;
    bool bare;        /* messages do not begin with the kind of expression */
    bool sections[4]; /* SET REMOVE ADD DELETE seen */
    const struct token *repeated_section;
    unsigned n_operators;
    enum err err;
    struct bytes msg; /* with ERR_INVALID */
};

static inline struct bytes token_text(const struct parse *p, const struct token *t)
{
    return bytes_of(p->text.base + t->start, (size_t)(t->end - t->start));
}

/* ---- parse.c: a text becomes nodes ---- */

/* Scans and parses. OK; ERR_INVALID (empty, too long, syntax, redundant parentheses); ERR_TOO_BIG.
 * Call parse_done() in any case; p->err and p->msg say the same. */
MUST_CHECK enum err parse_text(
    struct parse *p, struct arena *a, enum expr_kind kind, struct bytes text, struct expr_env *env);
void parse_done(struct parse *p);
/* Sets the error unless one is set: "Invalid ...Expression: " and then the text. */
void parse_fail(struct parse *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void parse_fail_memory(struct parse *p);
/* Runs the generated parser over p->tokens. */
void expr_grammar_run(struct parse *p);

/* Called by the grammar's actions. They never return NULL: after an error they give a spare node.
 */
void parse_syntax_error(struct parse *p, const struct token *t);
struct node *parse_node(
    struct parse *p, enum node_kind kind, const struct token *t, struct node *a, struct node *b);
struct node *parse_path(struct parse *p, const struct token *t);
struct node *parse_parens(struct parse *p, struct node *n);
struct node *parse_list(struct node *list, struct node *n);
struct node *parse_call(struct parse *p, struct node *head, struct node *args);
struct node *parse_between(
    struct parse *p, const struct token *t, struct node *x, struct node *lo, struct node *hi);
struct node *parse_in(struct parse *p, const struct token *t, struct node *x, struct node *list);
struct node *parse_action(
    struct parse *p, enum token_kind section, struct node *path, struct node *v);
void parse_section(struct parse *p, const struct token *t, struct node *actions);

/* ---- check.c: nodes are checked as DynamoDB checks them, and placeholders resolved ---- */

void check_condition(struct parse *p);
/* As above for trees that were built: their paths and values stand, their words were somebody
 * else's to check. */
void check_built_condition(struct parse *p);
void check_built_update(struct parse *p);
void check_projection(struct parse *p);
void check_update(struct parse *p);
/* Whether `word`, in any case, is one of DynamoDB's reserved words. */
bool expr_is_reserved(struct bytes word);
enum function expr_function(struct bytes name);

/* ---- path.c ---- */

int path_step_cmp(const struct expr_step *a, const struct expr_step *b);
/* "[a, [1], b]", DynamoDB's way to write a path in a message; base NULL at the cap. */
struct bytes path_text(struct arena *a, const struct expr_path *path);
/* Fails `p` if two of the paths overlap or conflict. */
void path_check_clashes(struct parse *p, const struct expr_path *paths, size_t n);

/* Paths as a tree. `leaf` is the number of the path that ends here; only nodes without kids are
 * leaves. */
struct path_tree {
    struct expr_step step;
    size_t leaf;
    struct path_tree *kids; /* ascending by path_step_cmp */
    size_t n_kids;
    size_t kids_cap;
};

/* Builds the tree of paths that do not clash. OK; ERR_TOO_BIG. */
MUST_CHECK enum err path_tree_build(
    struct arena *a, const struct expr_path *paths, size_t n, struct path_tree *ret);
/* Adds a top-level name, replacing one of the same name. OK; ERR_TOO_BIG. */
MUST_CHECK enum err path_tree_add_name(
    struct arena *a, struct path_tree *t, struct bytes name, size_t leaf);
/* What of `item` the tree names. OK; ERR_TOO_BIG. */
MUST_CHECK enum err path_tree_project(
    struct arena *a, const struct path_tree *t, const struct value *item, struct value *ret);

/* ---- cond.c ---- */

/* Turns the checked tree into a condition; NULL at the arena's cap. */
const struct expr_cond *cond_compile(struct parse *p);

/* ---- update.c ---- */

/* Turns the checked actions into an update; NULL at the arena's cap. */
struct expr_update *update_compile(struct parse *p);

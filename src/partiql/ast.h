#pragma once

/* What the files of this room share: tokens and the nodes a statement is parsed into.
 *
 * Nodes are made bottom-up, so an array of them in the order of their making has children before
 * parents, and a subtree is a contiguous stretch that ends in its root: every pass is a plain loop.
 * No node is made without a token of its own, which bounds their number. */

#include <stdarg.h>

#include "partiql/partiql.h"

enum {
    PARTIQL_STACK = 2000, /* entries of the parser's stack: what nesting may cost */
    BUILD_FACTOR = 8, /* nodes of the room expr for one of ours; what compares predicates with each
                         other again and again may not find room */
};

/* In the order of the grammar's %token lines, which check it. */
enum pq_token {
    PQ_END = 0,
    PQ_ID,
    PQ_QUOTED,
    PQ_STRING,
    PQ_NUMBER,
    PQ_PARAM,
    PQ_SELECT,
    PQ_FROM,
    PQ_WHERE,
    PQ_INSERT,
    PQ_INTO,
    PQ_VALUE,
    PQ_UPDATE,
    PQ_SET,
    PQ_REMOVE,
    PQ_DELETE,
    PQ_RETURNING,
    PQ_ALL,
    PQ_MODIFIED,
    PQ_OLD,
    PQ_NEW,
    PQ_ORDER,
    PQ_BY,
    PQ_ASC,
    PQ_DESC,
    PQ_EXISTS,
    PQ_DISTINCT,
    PQ_GROUP,
    PQ_HAVING,
    PQ_LIMIT,
    PQ_JOIN,
    PQ_ON,
    PQ_AS,
    PQ_AT,
    PQ_AND,
    PQ_OR,
    PQ_NOT,
    PQ_BETWEEN,
    PQ_IN,
    PQ_IS,
    PQ_LIKE,
    PQ_NOT_BETWEEN, /* of two words */
    PQ_NOT_IN,
    PQ_NOT_LIKE,
    PQ_MISSING,
    PQ_NULL,
    PQ_TRUE,
    PQ_FALSE,
    PQ_TYPE,     /* the name of a type, for IS */
    PQ_FUNCTION, /* a keyword that is a function before a parenthesis */
    PQ_KEYWORD,  /* any other of SQL's words */
    PQ_EQ,
    PQ_NE,
    PQ_LT,
    PQ_LE,
    PQ_GT,
    PQ_GE,
    PQ_LPAREN,
    PQ_RPAREN,
    PQ_LBRACKET,
    PQ_RBRACKET,
    PQ_LBRACE,
    PQ_RBRACE,
    PQ_LBAG,
    PQ_RBAG,
    PQ_COMMA,
    PQ_COLON,
    PQ_DOT,
    PQ_PLUS,
    PQ_MINUS,
    PQ_STAR,
    PQ_OPERATOR, /* "/", "%", "||" */
    PQ_SEMICOLON,
    PQ_WRONG, /* never reaches the grammar: the scanner could not read on */
};

struct pq_tok {
    uint16_t start; /* offsets into the text */
    uint16_t end;
    uint8_t kind;
};
static_assert(PARTIQL_BYTES_MAX < UINT16_MAX, "token offsets are 16 bits");

/* Scans all of `text`, comments left out, into `to`, which has room for text.len + 1 tokens, and
 * returns how many it wrote; the last is PQ_END, or PQ_WRONG where it could not go on. */
size_t pq_scan(struct bytes text, struct pq_tok *to);
/* What kind of token a bare word is. */
enum pq_token pq_word(struct bytes word);

enum pq_kind {
    PQN_LITERAL, /* string, number, true, false, null, or a parameter's value */
    PQN_NAME,    /* an identifier; with steps below it becomes a path */
    PQN_STEP,    /* one step of a path */
    PQN_LIST,
    PQN_BAG,
    PQN_STRUCT,
    PQN_MEMBER, /* a: its name's literal, b: its value */
    PQN_MISSING,
    PQN_CALL,
    PQN_COMPARE,
    PQN_BETWEEN,
    PQN_IN,
    PQN_IS,
    PQN_NOT,
    PQN_AND,
    PQN_OR,
    PQN_SUM,  /* + - and the operators that are never supported */
    PQN_SIGN, /* unary + or - */
    PQN_LIKE,
    PQN_STAR,
    PQN_SUBQUERY,
    PQN_ASSIGN, /* SET a = b */
    PQN_REMOVE, /* REMOVE a */
    PQN_ORDER,
};

/* What a node of a WHERE clause is to its parent. */
enum pq_class {
    PQC_NONE,
    PQC_OPERAND,   /* stands for a value */
    PQC_PREDICATE, /* stands for truth */
    PQC_SEQ,       /* what IN takes */
    PQC_TRUTH,     /* the literals true and false: operands that a predicate may be compared with */
};

struct partiql_node {
    enum pq_kind kind;
    bool negated;             /* IN, BETWEEN, IS, LIKE after NOT */
    bool is_param;            /* LITERAL */
    bool descending;          /* ORDER */
    bool outermost;           /* an operand of the WHERE clause's outermost AND */
    uint8_t cls;              /* enum pq_class, in a WHERE clause */
    const struct pq_tok *tok; /* its first token, or its operator */
    const struct pq_tok *end; /* past the last token of a literal or name */
    struct partiql_node *a;
    struct partiql_node *b;
    struct partiql_node *c;
    struct partiql_node *args; /* through `next`: elements, members, arguments, steps */
    size_t n_args;
    struct partiql_node *next;
    struct partiql_node *tail;      /* first of a list: its last */
    struct partiql_node *up;        /* of an element or a member's value: the literal it is in */
    const struct partiql_node *key; /* of a member's value: the literal of its name */
    size_t at;                      /* of an element: its place */
    uint8_t depth;                  /* of a literal: how many levels are in it */
    const struct value *value;      /* literals, once made; NULL where something else is inside */
    struct expr_path path;          /* NAME, once resolved */
    struct bytes name;     /* NAME, CALL: the word; STEP: the name, base NULL for an index */
    uint32_t index;        /* STEP */
    struct expr_ref first; /* in a WHERE clause, once lowered: its tree's first node */
    struct expr_ref ref;   /* and its root */
};

struct pq_parse {
    struct arena *arena;
    struct bytes text;
    struct pq_tok *tokens;
    size_t n_tokens;
    struct partiql_node *nodes;
    size_t n_nodes;
    const struct value *params;
    size_t n_params;
    size_t n_params_used;
    uint8_t *opens; /* kinds of the brackets that are open, innermost last */
    size_t n_opens;
    struct partiql_stmt *stmt;
    /* What the grammar found. */
    struct partiql_node *source;
    struct partiql_node *columns;
    struct partiql_node *item;
    struct partiql_node *order;
    struct partiql_node *actions;
    struct partiql_node *where;
    size_t where_first;
    const char *refusal; /* well-formed, but not DynamoDB's: the first such thing */
    const struct pq_tok *returning_all;
    const struct pq_tok *returning_age;
    enum err err;
    struct bytes msg;
};

static inline struct bytes pq_text(struct bytes text, const struct pq_tok *t)
{
    return bytes_of(text.base + t->start, (size_t)(t->end - t->start));
}

/* ---- parse.c: called by the grammar's actions. They never return NULL: after an error they give a
 * spare node. ---- */

/* A message in the arena; base NULL at its cap. `args` is used up. */
struct bytes pq_vfmt(struct arena *a, const char *fmt, va_list args)
    __attribute__((format(printf, 2, 0)));
/* Of a tuple's key. */
#define PQ_EMPTY_NAME "Empty attribute name"
void pq_fail(struct pq_parse *p, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "Statement wasn't well formed, can't be processed: " and then the text. */
void pq_fail_syntax(struct pq_parse *p, const char *what);
void pq_fail_memory(struct pq_parse *p);
/* Keeps the first refusal; it is reported once all of the statement is found well-formed. */
void pq_refuse(struct pq_parse *p, const char *why);
struct partiql_node *pq_node(struct pq_parse *p, enum pq_kind kind, const struct pq_tok *t);
struct partiql_node *pq_pair(
    struct pq_parse *p,
    enum pq_kind kind,
    const struct pq_tok *t,
    struct partiql_node *a,
    struct partiql_node *b);
struct partiql_node *pq_name(struct pq_parse *p, const struct pq_tok *t);
struct partiql_node *pq_literal(struct pq_parse *p, const struct pq_tok *t);
/* One more step of a path: a name, or what stands in brackets. */
struct partiql_node *pq_step_name(
    struct pq_parse *p, struct partiql_node *path, const struct pq_tok *t);
struct partiql_node *pq_step_index(
    struct pq_parse *p, struct partiql_node *path, struct partiql_node *x, const struct pq_tok *t);
struct partiql_node *pq_list(struct partiql_node *list, struct partiql_node *n);
struct partiql_node *pq_container(
    struct pq_parse *p, enum pq_kind kind, const struct pq_tok *t, struct partiql_node *list);
/* The word or the quoted text of an identifier; base NULL at the cap. */
struct bytes pq_unquoted(struct arena *a, struct bytes quoted);
/* Appends `line:column:length` of the token, counted in characters from 1, as DynamoDB points. */
void pq_put_position(struct buf *b, struct bytes text, const struct pq_tok *t);
/* Runs the generated parser over p->tokens; grammar.y. */
void pq_grammar_run(struct pq_parse *p);

/* ---- literal.c ---- */

/* Makes the values of all literals that are made of literals only, and of parameters. */
void pq_literals_make(struct pq_parse *p);
/* Whether the node is a literal by its kind, though it may be a bad one. */
bool pq_is_literal(const struct partiql_node *n);
/* What is wrong with a literal that has no value. OK with the words; ERR_TOO_BIG. */
MUST_CHECK enum err pq_literal_fault(
    struct arena *a,
    const struct partiql_stmt *stmt,
    const struct partiql_node *literal,
    struct bytes *ret);

/* ---- resolve.c ---- */

/* From the grammar's findings to the statement: sources, columns, order, item; fails `p`. */
void pq_resolve(struct pq_parse *p);

/* ---- where.c ---- */

/* What lowering a clause or an update shares. */
struct pq_lower {
    struct arena *arena;
    const struct partiql_stmt *stmt;
    struct expr_build *build;
    enum err err;
    struct bytes msg;
};

void pq_lower_fail(struct pq_lower *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Makes the WHERE clause's condition in l->build. */
struct expr_ref pq_lower_where(struct pq_lower *l);
/* `path = value` in either order, or NULL: the attribute's node and, in *ret_value, the value. */
const struct partiql_node *pq_equality(
    const struct partiql_node *n, const struct value **ret_value);
/* The values IN takes: how many, and the first; 0 when what stands there is no list. */
size_t pq_in_list(const struct partiql_node *n, const struct partiql_node **ret_first);
/* Whether a node names attribute `name` itself, not something in it. */
bool pq_is_attr(const struct partiql_node *n, struct bytes name);

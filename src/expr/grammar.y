/* The grammar of all five kinds of expression, for lemon. The first token fed chooses the kind.
 *
 * A function call in parentheses may turn out to be an operand or a condition; only what follows tells. So
 * `pcall` stays neutral until then: `or_x`, `and_x` and `not_x` are conditions that are more than a call,
 * `or_c`, `and_c` and `not_c` may be one. Which function may stand where is check.c's business. */

%name ExprGrammar
%token_prefix GRAMMAR_
%token_type {const struct token *}
%default_type {struct node *}
%extra_argument {struct parse *p}

/* Every token pushes at most one entry and no rule is empty, so the text's bound bounds the stack. */
%stack_size 4200

%token ID NAME VALUE INDEX.
%token AND OR NOT BETWEEN IN SET REMOVE ADD DELETE.
%token EQ NE LT LE GT GE.
%token LPAREN RPAREN LBRACKET RBRACKET COMMA DOT PLUS MINUS UNKNOWN.
%token START_CONDITION START_PROJECTION START_UPDATE.

%include {
#include "expr/ast.h"
static_assert(EXPR_BYTES_MAX + 3 <= 4200, "the parser's stack holds any text");
}

%syntax_error {
    (void)yymajor;
    parse_syntax_error(p, yyminor);
}

%stack_overflow {
    parse_fail_memory(p);
}

%start_symbol start

start ::= START_CONDITION or_c(X). { p->root = X; }
start ::= START_PROJECTION paths(X). { p->list = X; }
start ::= START_UPDATE sections.

/* ---- paths ---- */

%type ident {const struct token *}
ident(R) ::= ID(T). { R = T; }
ident(R) ::= NAME(T). { R = T; }

path(R) ::= ident(T). { R = parse_path(p, T); }
path(R) ::= path(X) DOT ident(T). { X->end = T + 1; R = X; }
path(R) ::= path(X) LBRACKET INDEX RBRACKET(T). { X->end = T + 1; R = X; }

paths(R) ::= path(X). { R = parse_list(NULL, X); }
paths(R) ::= paths(L) COMMA path(X). { R = parse_list(L, X); }

/* ---- operands ---- */

call_head(R) ::= ID(T) LPAREN. { R = parse_node(p, NODE_CALL_HEAD, T, NULL, NULL); }
call(R) ::= call_head(H) operands(L) RPAREN. { R = parse_call(p, H, L); }

operands(R) ::= operand(X). { R = parse_list(NULL, X); }
operands(R) ::= operands(L) COMMA operand(X). { R = parse_list(L, X); }

pcall(R) ::= LPAREN call(X) RPAREN. { R = parse_parens(p, X); }
pcall(R) ::= LPAREN pcall(X) RPAREN. { R = parse_parens(p, X); }

plain(R) ::= path(X). { R = X; }
plain(R) ::= VALUE(T). { R = parse_node(p, NODE_VALUE, T, NULL, NULL); }
plain(R) ::= LPAREN plain(X) RPAREN. { R = parse_parens(p, X); }

operand(R) ::= plain(X). { R = X; }
operand(R) ::= call(X). { R = X; }
operand(R) ::= pcall(X). { R = X; }

/* ---- conditions ---- */

%type cmp {const struct token *}
cmp(R) ::= EQ(T). { R = T; }
cmp(R) ::= NE(T). { R = T; }
cmp(R) ::= LT(T). { R = T; }
cmp(R) ::= LE(T). { R = T; }
cmp(R) ::= GT(T). { R = T; }
cmp(R) ::= GE(T). { R = T; }

either(R) ::= call(X). { X->a->as_condition = true; R = X; }
either(R) ::= pcall(X). { X->a->as_condition = true; R = X; }

prim_x(R) ::= operand(X) cmp(T) operand(Y). { R = parse_node(p, NODE_COMPARE, T, X, Y); }
prim_x(R) ::= operand(X) BETWEEN(T) operand(Y) AND operand(Z). { R = parse_between(p, T, X, Y, Z); }
prim_x(R) ::= operand(X) IN(T) LPAREN operands(L) RPAREN. { R = parse_in(p, T, X, L); }
prim_x(R) ::= LPAREN or_x(X) RPAREN. { R = parse_parens(p, X); }

not_x(R) ::= prim_x(X). { R = X; }
not_x(R) ::= NOT(T) not_c(X). { R = parse_node(p, NODE_NOT, T, X, NULL); }
not_c(R) ::= not_x(X). { R = X; }
not_c(R) ::= either(X). { R = X; }

and_x(R) ::= not_x(X). { R = X; }
and_x(R) ::= and_c(X) AND(T) not_c(Y). { R = parse_node(p, NODE_AND, T, X, Y); }
and_c(R) ::= and_x(X). { R = X; }
and_c(R) ::= either(X). { R = X; }

or_x(R) ::= and_x(X). { R = X; }
or_x(R) ::= or_c(X) OR(T) and_c(Y). { R = parse_node(p, NODE_OR, T, X, Y); }
or_c(R) ::= or_x(X). { R = X; }
or_c(R) ::= either(X). { R = X; }

/* ---- updates ---- */

sections ::= section.
sections ::= sections section.

section ::= SET(T) sets(L). { parse_section(p, T, L); }
section ::= REMOVE(T) removes(L). { parse_section(p, T, L); }
section ::= ADD(T) adds(L). { parse_section(p, T, L); }
section ::= DELETE(T) deletes(L). { parse_section(p, T, L); }

sets(R) ::= set(X). { R = parse_list(NULL, X); }
sets(R) ::= sets(L) COMMA set(X). { R = parse_list(L, X); }
set(R) ::= path(X) EQ set_value(V). { R = parse_action(p, TOKEN_SET, X, V); }

set_value(R) ::= operand(X). { R = X; }
set_value(R) ::= sum(X). { R = X; }
sum(R) ::= operand(X) PLUS(T) operand(Y). { R = parse_node(p, NODE_ARITHMETIC, T, X, Y); }
sum(R) ::= operand(X) MINUS(T) operand(Y). { R = parse_node(p, NODE_ARITHMETIC, T, X, Y); }
sum(R) ::= LPAREN sum(X) RPAREN. { R = parse_parens(p, X); }

removes(R) ::= remove(X). { R = parse_list(NULL, X); }
removes(R) ::= removes(L) COMMA remove(X). { R = parse_list(L, X); }
remove(R) ::= path(X). { R = parse_action(p, TOKEN_REMOVE, X, NULL); }

adds(R) ::= add(X). { R = parse_list(NULL, X); }
adds(R) ::= adds(L) COMMA add(X). { R = parse_list(L, X); }
add(R) ::= path(X) VALUE(T). {
    R = parse_action(p, TOKEN_ADD, X, parse_node(p, NODE_VALUE, T, NULL, NULL));
}

deletes(R) ::= delete(X). { R = parse_list(NULL, X); }
deletes(R) ::= deletes(L) COMMA delete(X). { R = parse_list(L, X); }
delete(R) ::= path(X) VALUE(T). {
    R = parse_action(p, TOKEN_DELETE, X, parse_node(p, NODE_VALUE, T, NULL, NULL));
}

%code {
static_assert(GRAMMAR_ID == (int)TOKEN_ID, "token numbers agree");
static_assert(GRAMMAR_AND == (int)TOKEN_AND, "token numbers agree");
static_assert(GRAMMAR_DELETE == (int)TOKEN_DELETE, "token numbers agree");
static_assert(GRAMMAR_EQ == (int)TOKEN_EQ, "token numbers agree");
static_assert(GRAMMAR_LPAREN == (int)TOKEN_LPAREN, "token numbers agree");
static_assert(GRAMMAR_UNKNOWN == (int)TOKEN_UNKNOWN, "token numbers agree");
static_assert(GRAMMAR_START_UPDATE == (int)TOKEN_START_UPDATE, "token numbers agree");

void expr_grammar_run(struct parse *p)
{
    /* About 70 KB of stack, of which an ordinary text touches the first few hundred bytes. */
    yyParser parser;
    int start = TOKEN_START_CONDITION;
    if (p->kind == EXPR_PROJECTION) {
        start = TOKEN_START_PROJECTION;
    } else if (p->kind == EXPR_UPDATE) {
        start = TOKEN_START_UPDATE;
    }
    ExprGrammarInit(&parser);
    ExprGrammar(&parser, start, p->tokens, p);
    for (size_t i = 0; i < p->n_tokens && p->err == OK; i++) {
        ExprGrammar(&parser, p->tokens[i].kind, &p->tokens[i], p);
    }
    ExprGrammarFinalize(&parser);
}
}

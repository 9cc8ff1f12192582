/* The grammar of PartiQL's statements, for lemon. It takes more than DynamoDB does, as the parser that
 * DynamoDB uses does: what is well-formed but not DynamoDB's is noted by pq_refuse() or found by later
 * passes, which have better words for it.
 *
 * A statement that is not well-formed is told in the words of that parser, which goes by what it
 * wanted next. Here the parser's state is asked which tokens it would have taken (wants()). */

%name PqGrammar
%token_prefix PQG_
%token_type {const struct pq_tok *}
%default_type {struct partiql_node *}
%extra_argument {struct pq_parse *p}
%stack_size 2000

%token ID QUOTED STRING NUMBER PARAM.
%token SELECT FROM WHERE INSERT INTO VALUE UPDATE SET REMOVE DELETE.
%token RETURNING ALL MODIFIED OLD NEW ORDER BY ASC DESC EXISTS.
%token DISTINCT GROUP HAVING LIMIT JOIN ON AS AT.
%token AND OR NOT BETWEEN IN IS LIKE NOT_BETWEEN NOT_IN NOT_LIKE MISSING NULL TRUE FALSE.
%token TYPE FUNCTION KEYWORD.
%token EQ NE LT LE GT GE.
%token LPAREN RPAREN LBRACKET RBRACKET LBRACE RBRACE LBAG RBAG.
%token COMMA COLON DOT PLUS MINUS STAR OPERATOR SEMICOLON.

%fallback ID MODIFIED OLD NEW.

%include {
#include "partiql/ast.h"
static_assert(PARTIQL_STACK == 2000, "the parser's stack is as deep as promised");
static void syntax_error(void *parser, struct pq_parse *p, const struct pq_tok *t);
}

%syntax_error {
    (void)yymajor;
    syntax_error(yypParser, p, yyminor);
}

%stack_overflow {
    pq_fail_syntax(p, "The statement is nested too deeply");
}

%start_symbol start

start ::= statement.
start ::= statement SEMICOLON.

statement ::= select(S). { (void)S; p->stmt->kind = PARTIQL_SELECT; }
statement ::= EXISTS LPAREN select(S) RPAREN. { (void)S; p->stmt->kind = PARTIQL_EXISTS; }
statement ::= insert.
statement ::= update.
statement ::= delete.

/* ---- SELECT ---- */

select(R) ::= SELECT quantifier columns(C) FROM sources(F) where group having order limit. {
    p->columns = C;
    p->source = F;
    R = F;
}

quantifier ::= .
quantifier ::= DISTINCT. { pq_refuse(p, "Unsupported clause: DISTINCT"); }
quantifier ::= ALL.

columns(R) ::= column(X). { R = pq_list(NULL, X); }
columns(R) ::= columns(L) COMMA column(X). { R = pq_list(L, X); }
columns(R) ::= VALUE expr(X). {
    pq_refuse(p, "Select projection doesn't support value or pivot keywords");
    R = pq_list(NULL, X);
}
column(R) ::= STAR(T). { R = pq_node(p, PQN_STAR, T); }
column(R) ::= expr(X). { R = X; }
column(R) ::= expr(X) alias. { R = X; }

sources(R) ::= source(X). { R = X; }
sources(R) ::= sources(X) COMMA source. {
    pq_refuse(p, "Only select from a single table or index is supported.");
    R = X;
}
sources(R) ::= sources(X) joins source on. {
    pq_refuse(p, "Only select from a single table or index is supported.");
    R = X;
}
joins ::= JOIN.
joins ::= joins JOIN.
on ::= .
on ::= ON expr.
source(R) ::= primary(X). { R = X; }
source(R) ::= primary(X) alias. { R = X; }

alias ::= AS ident. { pq_refuse(p, "Aliasing is not supported"); }
alias ::= ident. { pq_refuse(p, "Aliasing is not supported"); }

where ::= .
where ::= where_word expr(X). { p->where = X; }
where_word ::= WHERE. { p->where_first = p->n_nodes; }

group ::= .
group ::= GROUP BY exprs. { pq_refuse(p, "Unsupported clause: GROUP BY"); }
having ::= .
having ::= HAVING expr. { pq_refuse(p, "Unsupported clause: HAVING"); }
limit ::= .
limit ::= LIMIT expr. { pq_refuse(p, "Unsupported clause: LIMIT"); }
order ::= .
order ::= ORDER BY keys(L). { p->order = L; }
keys(R) ::= key(X). { R = pq_list(NULL, X); }
keys(R) ::= keys(L) COMMA key(X). { R = pq_list(L, X); }
key(R) ::= expr(X). { R = pq_pair(p, PQN_ORDER, X->tok, X, NULL); }
key(R) ::= expr(X) ASC. { R = pq_pair(p, PQN_ORDER, X->tok, X, NULL); }
key(R) ::= expr(X) DESC. {
    R = pq_pair(p, PQN_ORDER, X->tok, X, NULL);
    R->descending = true;
}

/* ---- INSERT, UPDATE, DELETE ---- */

insert ::= INSERT INTO names(F) VALUE expr(X) position returning. {
    p->stmt->kind = PARTIQL_INSERT;
    p->source = F;
    p->item = X;
}
insert ::= INSERT INTO names(F) expr(X) returning. {
    pq_refuse(p, "Unsupported operation: Inserting multiple items in a single statement is not "
                 "supported, use \"INSERT INTO tableName VALUE item\" instead");
    p->stmt->kind = PARTIQL_INSERT;
    p->source = F;
    p->item = X;
}
names(R) ::= ident(T). { R = pq_name(p, T); }
names(R) ::= names(X) DOT ident(T). { R = pq_step_name(p, X, T); }
position ::= .
position ::= AT expr. { pq_refuse(p, "AT is not supported in insert statements."); }

update ::= UPDATE path(F) opt_alias actions(L) where returning. {
    p->stmt->kind = PARTIQL_UPDATE;
    p->source = F;
    p->actions = L;
}
opt_alias ::= .
opt_alias ::= alias.
actions(R) ::= action(X). { R = X; }
actions(R) ::= actions(L) action(X). {
    L->tail->next = X;
    L->tail = X->tail;
    R = L;
}
action(R) ::= SET assigns(L). { R = L; }
action(R) ::= REMOVE(T) path(X). { R = pq_list(NULL, pq_pair(p, PQN_REMOVE, T, X, NULL)); }
assigns(R) ::= assign(X). { R = pq_list(NULL, X); }
assigns(R) ::= assigns(L) COMMA assign(X). { R = pq_list(L, X); }
assign(R) ::= path(X) EQ(T) expr(Y). { R = pq_pair(p, PQN_ASSIGN, T, X, Y); }

delete ::= DELETE FROM path(F) opt_alias where returning. {
    p->stmt->kind = PARTIQL_DELETE;
    p->source = F;
}

returning ::= .
returning ::= RETURNING results.
results ::= result.
results ::= results COMMA result. {
    pq_refuse(p, "Invalid syntax with multiple returning elements in RETURNING clause");
}
result ::= extent(X) age(Y) STAR. { p->returning_all = X; p->returning_age = Y; }
result ::= extent(X) age(Y) primary. {
    pq_refuse(p, "Expected '*' after ( MODIFIED | ALL ) ( NEW | OLD ) in RETURNING clause");
    p->returning_all = X;
    p->returning_age = Y;
}
%type extent {const struct pq_tok *}
%type age {const struct pq_tok *}
extent(R) ::= ALL(T). { R = T; }
extent(R) ::= MODIFIED(T). { R = T; }
age(R) ::= OLD(T). { R = T; }
age(R) ::= NEW(T). { R = T; }

/* ---- paths ---- */

%type ident {const struct pq_tok *}
ident(R) ::= ID(T). { R = T; }
ident(R) ::= QUOTED(T). { R = T; }

path(R) ::= ident(T). { R = pq_name(p, T); }
path(R) ::= path(X) DOT ident(T). { R = pq_step_name(p, X, T); }
path(R) ::= path(X) LBRACKET expr(Y) RBRACKET(T). { R = pq_step_index(p, X, Y, T); }

/* ---- expressions ---- */

exprs(R) ::= expr(X). { R = pq_list(NULL, X); }
exprs(R) ::= exprs(L) COMMA expr(X). { R = pq_list(L, X); }

expr(R) ::= either(X). { R = X; }

either(R) ::= both(X). { R = X; }
either(R) ::= either(X) OR(T) both(Y). { R = pq_pair(p, PQN_OR, T, X, Y); }
both(R) ::= nots(X). { R = X; }
both(R) ::= both(X) AND(T) nots(Y). { R = pq_pair(p, PQN_AND, T, X, Y); }
nots(R) ::= equals(X). { R = X; }
nots(R) ::= NOT(T) nots(X). { R = pq_pair(p, PQN_NOT, T, X, NULL); }

equals(R) ::= range(X). { R = X; }
equals(R) ::= equals(X) EQ(T) range(Y). { R = pq_pair(p, PQN_COMPARE, T, X, Y); }
equals(R) ::= equals(X) NE(T) range(Y). { R = pq_pair(p, PQN_COMPARE, T, X, Y); }
equals(R) ::= equals(X) IN(T) range(Y). { R = pq_pair(p, PQN_IN, T, X, Y); }
equals(R) ::= equals(X) NOT_IN(T) range(Y). {
    R = pq_pair(p, PQN_IN, T, X, Y);
    R->negated = true;
}
equals(R) ::= equals(X) IS(T) type(Y). {
    R = pq_pair(p, PQN_IS, T, X, NULL);
    R->end = Y;
}
equals(R) ::= equals(X) IS(T) NOT type(Y). {
    R = pq_pair(p, PQN_IS, T, X, NULL);
    R->end = Y;
    R->negated = true;
}
%type type {const struct pq_tok *}
type(R) ::= MISSING(T). { R = T; }
type(R) ::= NULL(T). { R = T; }
type(R) ::= TYPE(T). { R = T; }
type(R) ::= TYPE(T) TYPE. { R = T; }
type(R) ::= TYPE(T) KEYWORD. { R = T; }

range(R) ::= sum(X). { R = X; }
range(R) ::= range(X) LT(T) sum(Y). { R = pq_pair(p, PQN_COMPARE, T, X, Y); }
range(R) ::= range(X) LE(T) sum(Y). { R = pq_pair(p, PQN_COMPARE, T, X, Y); }
range(R) ::= range(X) GT(T) sum(Y). { R = pq_pair(p, PQN_COMPARE, T, X, Y); }
range(R) ::= range(X) GE(T) sum(Y). { R = pq_pair(p, PQN_COMPARE, T, X, Y); }
range(R) ::= range(X) BETWEEN(T) sum(Y) AND sum(Z). {
    R = pq_pair(p, PQN_BETWEEN, T, X, Y);
    R->c = Z;
}
range(R) ::= range(X) NOT_BETWEEN(T) sum(Y) AND sum(Z). {
    R = pq_pair(p, PQN_BETWEEN, T, X, Y);
    R->c = Z;
    R->negated = true;
}
range(R) ::= range(X) LIKE(T) sum(Y). { R = pq_pair(p, PQN_LIKE, T, X, Y); }
range(R) ::= range(X) NOT_LIKE(T) sum(Y). { R = pq_pair(p, PQN_LIKE, T, X, Y); }

sum(R) ::= product(X). { R = X; }
sum(R) ::= sum(X) PLUS(T) product(Y). { R = pq_pair(p, PQN_SUM, T, X, Y); }
sum(R) ::= sum(X) MINUS(T) product(Y). { R = pq_pair(p, PQN_SUM, T, X, Y); }
product(R) ::= sign(X). { R = X; }
product(R) ::= product(X) STAR(T) sign(Y). { R = pq_pair(p, PQN_SUM, T, X, Y); }
product(R) ::= product(X) OPERATOR(T) sign(Y). { R = pq_pair(p, PQN_SUM, T, X, Y); }
sign(R) ::= primary(X). { R = X; }
sign(R) ::= MINUS(T) sign(X). { R = pq_pair(p, PQN_SIGN, T, X, NULL); }
sign(R) ::= PLUS(T) sign(X). { R = pq_pair(p, PQN_SIGN, T, X, NULL); }

primary(R) ::= term(X). { R = X; }
primary(R) ::= primary(X) DOT ident(T). { R = pq_step_name(p, X, T); }
primary(R) ::= primary(X) DOT STAR. {
    pq_refuse(p, "Unpivot path component like a.*.b are not supported");
    R = X;
}
primary(R) ::= primary(X) LBRACKET expr(Y) RBRACKET(T). { R = pq_step_index(p, X, Y, T); }
primary(R) ::= primary(X) LBRACKET STAR RBRACKET. {
    pq_refuse(p, "Wildcard path component like a[*].b are not supported");
    R = X;
}

term(R) ::= ident(T). { R = pq_name(p, T); }
term(R) ::= STRING(T). { R = pq_literal(p, T); }
term(R) ::= NUMBER(T). { R = pq_literal(p, T); }
term(R) ::= TRUE(T). { R = pq_literal(p, T); }
term(R) ::= FALSE(T). { R = pq_literal(p, T); }
term(R) ::= NULL(T). { R = pq_literal(p, T); }
term(R) ::= PARAM(T). { R = pq_literal(p, T); }
term(R) ::= MISSING(T). { R = pq_node(p, PQN_MISSING, T); }
term(R) ::= call_name(T) LPAREN RPAREN. { R = pq_container(p, PQN_CALL, T, NULL); }
term(R) ::= call_name(T) LPAREN exprs(L) RPAREN. { R = pq_container(p, PQN_CALL, T, L); }
term(R) ::= LPAREN(T) exprs(L) RPAREN. {
    R = L;
    if (L->next != NULL) {
        R = pq_container(p, PQN_LIST, T, L);
    }
}
term(R) ::= LPAREN(T) select RPAREN. {
    pq_refuse(p, "Unsupported operation: SELECT within an expression");
    R = pq_node(p, PQN_SUBQUERY, T);
}
term(R) ::= LBRACKET(T) RBRACKET. { R = pq_container(p, PQN_LIST, T, NULL); }
term(R) ::= LBRACKET(T) exprs(L) RBRACKET. { R = pq_container(p, PQN_LIST, T, L); }
term(R) ::= LBAG(T) RBAG. { R = pq_container(p, PQN_BAG, T, NULL); }
term(R) ::= LBAG(T) exprs(L) RBAG. { R = pq_container(p, PQN_BAG, T, L); }
term(R) ::= LBRACE(T) RBRACE. { R = pq_container(p, PQN_STRUCT, T, NULL); }
term(R) ::= LBRACE(T) members(L) RBRACE. { R = pq_container(p, PQN_STRUCT, T, L); }

%type call_name {const struct pq_tok *}
call_name(R) ::= ident(T). { R = T; }
call_name(R) ::= FUNCTION(T). { R = T; }

members(R) ::= member(X). { R = pq_list(NULL, X); }
members(R) ::= members(L) COMMA member(X). { R = pq_list(L, X); }
member(R) ::= expr(X) COLON(T) expr(Y). { R = pq_pair(p, PQN_MEMBER, T, X, Y); }

%code {
static_assert(PQG_ID == (int)PQ_ID, "token numbers agree");
static_assert(PQG_PARAM == (int)PQ_PARAM, "token numbers agree");
static_assert(PQG_DELETE == (int)PQ_DELETE, "token numbers agree");
static_assert(PQG_EXISTS == (int)PQ_EXISTS, "token numbers agree");
static_assert(PQG_AT == (int)PQ_AT, "token numbers agree");
static_assert(PQG_FALSE == (int)PQ_FALSE, "token numbers agree");
static_assert(PQG_KEYWORD == (int)PQ_KEYWORD, "token numbers agree");
static_assert(PQG_GE == (int)PQ_GE, "token numbers agree");
static_assert(PQG_RBAG == (int)PQ_RBAG, "token numbers agree");
static_assert(PQG_SEMICOLON == (int)PQ_SEMICOLON, "token numbers agree");

/* Whether the parser, as it stands, could shift token `kind`. */
static bool wants(yyParser *parser, int kind)
{
    YYACTIONTYPE action = yy_find_shift_action((YYCODETYPE)kind, parser->yytos->stateno);
    return action <= YY_MAX_SHIFTREDUCE;
}

static bool is_operator(enum pq_token kind)
{
    return (kind >= PQ_EQ && kind <= PQ_GE) || kind == PQ_PLUS || kind == PQ_MINUS ||
           kind == PQ_OPERATOR || (kind >= PQ_AND && kind <= PQ_NOT_LIKE);
}

static bool is_keyword(enum pq_token kind)
{
    return (kind >= PQ_SELECT && kind <= PQ_ORDER) || (kind >= PQ_EXISTS && kind <= PQ_ON) ||
           kind == PQ_TYPE || kind == PQ_FUNCTION || kind == PQ_KEYWORD;
}

/* A term was wanted and `t` is none. */
static const char *not_a_term(const struct pq_parse *p, const struct pq_tok *t)
{
    enum pq_token before = t > p->tokens ? t[-1].kind : PQ_END;
    if (t->kind == PQ_END && is_operator(before) && before != PQ_NOT) {
        return before == PQ_AND ? "Expected expression after AND"
                                : "Missing right-hand side expression of infix operator";
    }
    if (t->kind == PQ_FROM) {
        return "Expected data manipulation"; /* FROM begins a statement of its own */
    }
    if (is_operator(t->kind)) {
        return "Unexpected operator";
    }
    return is_keyword(t->kind) ? "Unexpected keyword" : "Unexpected term";
}

/* An expression was complete and the bracket around it goes on otherwise. */
static const char *not_in_bracket(const struct pq_parse *p)
{
    uint8_t open = p->opens[p->n_opens - 1];
    return open == PQ_LPAREN     ? "Expected RIGHT_PAREN"
           : open == PQ_LBRACKET ? "Expected RIGHT_BRACKET"
           : open == PQ_LBRACE   ? "Expected RIGHT_CURLY"
                                 : "Expected RIGHT_DOUBLE_ANGLE_BRACKET";
}

static void syntax_error(void *parser, struct pq_parse *p, const struct pq_tok *t)
{
    yyParser *y = parser;
    enum pq_token before = t > p->tokens ? t[-1].kind : PQ_END;
    const char *what = "Unexpected token after expression";
    if (before == PQ_SEMICOLON) {
        what = "Unexpected token after semicolon. (Only one query is allowed.)";
    } else if (before == PQ_INSERT || before == PQ_END) {
        what = is_keyword(t->kind) || before == PQ_INSERT ? "Unexpected keyword"
                                                          : "Unexpected term";
    } else if (before == PQ_DELETE) {
        what = "Expected FROM after DELETE";
    } else if (before == PQ_DOT) {
        what = "Invalid path dot component";
    } else if (before == PQ_AS) {
        what = "Expected identifier for AS-alias";
    } else if (before == PQ_ORDER || before == PQ_GROUP) {
        what = "Expected BY";
    } else if (wants(y, PQ_PARAM)) {
        what = not_a_term(p, t);
    } else if (wants(y, PQ_MISSING)) {
        what = "Expected type name";
    } else if (
        before == PQ_RETURNING ||
        ((before == PQ_ALL || before == PQ_MODIFIED) && wants(y, PQ_NEW))) {
        what = "Expected ( MODIFIED | ALL ) ( NEW | OLD ) in each returning element.";
    } else if (wants(y, PQ_SET)) {
        what = "Expected data manipulation";
    } else if (wants(y, PQ_EQ) && !wants(y, PQ_NE)) {
        what = "Expected '='";
    } else if (wants(y, PQ_COLON)) {
        what = "Expected COLON";
    } else if (p->n_opens > 0) {
        what = not_in_bracket(p);
    } else if (wants(y, PQ_FROM)) {
        what = "Expected FROM after SELECT list";
    } else if (wants(y, PQ_ID)) {
        what = "Expected identifier for simple path";
    }
    pq_fail_syntax(p, what);
}

static bool opens(enum pq_token kind)
{
    return kind == PQ_LPAREN || kind == PQ_LBRACKET || kind == PQ_LBRACE || kind == PQ_LBAG;
}

static bool closes(enum pq_token kind)
{
    return kind == PQ_RPAREN || kind == PQ_RBRACKET || kind == PQ_RBRACE || kind == PQ_RBAG;
}

void pq_grammar_run(struct pq_parse *p)
{
    /* About 32 KB of stack, of which an ordinary statement touches the first few hundred bytes. */
    yyParser parser;
    PqGrammarInit(&parser);
    for (size_t i = 0; i < p->n_tokens && p->err == OK; i++) {
        const struct pq_tok *t = &p->tokens[i];
        if (closes(t->kind)) {
            /* A bracket that closes another than the innermost is an error the parser finds. */
            PqGrammar(&parser, t->kind, t, p);
            p->n_opens -= p->n_opens > 0;
        } else {
            PqGrammar(&parser, t->kind, t, p);
            if (opens(t->kind)) {
                p->opens[p->n_opens++] = t->kind;
            }
        }
    }
    PqGrammarFinalize(&parser);
}
}

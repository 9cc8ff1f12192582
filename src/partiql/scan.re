/* The scanner of PartiQL, for re2c: words, quoted identifiers, strings, numbers and the like. Words
 * are told apart by words.c. Comments are blanks. Where a string, a quoted identifier or a comment
 * does not end, or a character fits nothing, scanning stops. */

#include "partiql/ast.h"

enum { SKIP = PQ_WRONG + 1 };

/* One token from `at` on, before `limit`; past the limit the scanner sees a NUL. Returns where it
 * ends. */
static const uint8_t *scan_one(const uint8_t *at, const uint8_t *limit, int *ret_kind)
{
    const uint8_t *marker;
    const uint8_t *cursor = at;
#define IS(k)                                                                                      \
    {                                                                                              \
        *ret_kind = (k);                                                                           \
        return cursor;                                                                             \
    }
    /*!re2c
    re2c:define:YYCTYPE = "uint8_t";
    re2c:define:YYCURSOR = cursor;
    re2c:define:YYMARKER = marker;
    re2c:define:YYPEEK = "(cursor < limit ? *cursor : 0)";
    re2c:api = custom;
    re2c:api:style = free-form;
    re2c:define:YYSKIP = "++cursor;";
    re2c:define:YYBACKUP = "marker = cursor;";
    re2c:define:YYRESTORE = "cursor = marker;";
    re2c:yyfill:enable = 0;

    digits = [0-9]+;
    exponent = [eE] [+-]? digits;

    [A-Za-z_$] [A-Za-z0-9_$]*                       { IS(PQ_ID) }
    "\"" ([^"\x00] | "\"\"")* "\""                  { IS(PQ_QUOTED) }
    "'" ([^'\x00] | "''")* "'"                      { IS(PQ_STRING) }
    (digits ("." [0-9]*)? | "." digits) exponent?   { IS(PQ_NUMBER) }
    [ \t\r\n\x0B\x0C]+                              { IS(SKIP) }
    "--" [^\r\n\x00]*                               { IS(SKIP) }
    "/*" ([^*\x00] | "*"+ [^*/\x00])* "*"+ "/"      { IS(SKIP) }
    "?"        { IS(PQ_PARAM) }
    "="        { IS(PQ_EQ) }
    "<>"       { IS(PQ_NE) }
    "!="       { IS(PQ_NE) }
    "<"        { IS(PQ_LT) }
    "<="       { IS(PQ_LE) }
    ">"        { IS(PQ_GT) }
    ">="       { IS(PQ_GE) }
    "("        { IS(PQ_LPAREN) }
    ")"        { IS(PQ_RPAREN) }
    "["        { IS(PQ_LBRACKET) }
    "]"        { IS(PQ_RBRACKET) }
    "{"        { IS(PQ_LBRACE) }
    "}"        { IS(PQ_RBRACE) }
    "<<"       { IS(PQ_LBAG) }
    ">>"       { IS(PQ_RBAG) }
    ","        { IS(PQ_COMMA) }
    ":"        { IS(PQ_COLON) }
    "."        { IS(PQ_DOT) }
    "+"        { IS(PQ_PLUS) }
    "-"        { IS(PQ_MINUS) }
    "*"        { IS(PQ_STAR) }
    "/"        { IS(PQ_OPERATOR) }
    "%"        { IS(PQ_OPERATOR) }
    "||"       { IS(PQ_OPERATOR) }
    ";"        { IS(PQ_SEMICOLON) }
    "/*"       { IS(PQ_WRONG) }
    *          { IS(PQ_WRONG) }
    */
#undef IS
}

/* NOT and the operator behind it are one token. */
static int negated(int kind)
{
    switch (kind) {
    case PQ_BETWEEN:
        return PQ_NOT_BETWEEN;
    case PQ_IN:
        return PQ_NOT_IN;
    case PQ_LIKE:
        return PQ_NOT_LIKE;
    }
    return kind;
}

size_t pq_scan(struct bytes text, struct pq_tok *to)
{
    size_t n = 0;
    size_t at = 0;
    ASSERT(text.len <= PARTIQL_BYTES_MAX);
    while (at < text.len) {
        int kind;
        const uint8_t *end = scan_one(text.base + at, text.base + text.len, &kind);
        ASSERT(end > text.base + at);
        ASSERT(end <= text.base + text.len);
        struct bytes word = bytes_of(text.base + at, (size_t)(end - text.base) - at);
        if (kind == PQ_ID) {
            kind = pq_word(word);
        }
        if (n > 0 && to[n - 1].kind == PQ_NOT && negated(kind) != kind) {
            to[n - 1].kind = (uint8_t)negated(kind);
            to[n - 1].end = (uint16_t)(end - text.base);
        } else if (kind != SKIP) {
            to[n++] = (struct pq_tok){
                .start = (uint16_t)at,
                .end = (uint16_t)(end - text.base),
                .kind = (uint8_t)kind,
            };
        }
        if (kind == PQ_WRONG) {
            return n;
        }
        at = (size_t)(end - text.base);
    }
    to[n++] = (struct pq_tok){(uint16_t)text.len, (uint16_t)text.len, PQ_END};
    return n;
}

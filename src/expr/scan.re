/* The scanner of expressions, for re2c. It knows no placeholders and no reserved words; keywords are
 * keywords in any case and in every kind of expression. A character that fits nothing is a token of its
 * own, as DynamoDB names it in its syntax errors. */

#include "expr/ast.h"

/* One token from `at` on, before `limit`; past the limit the scanner sees a NUL, which ends any token.
 * Returns where the token ends. */
static const uint8_t *scan_one(const uint8_t *at, const uint8_t *limit, enum token_kind *ret_kind)
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

    word = [A-Za-z0-9_];

    'and'      { IS(TOKEN_AND) }
    'or'       { IS(TOKEN_OR) }
    'not'      { IS(TOKEN_NOT) }
    'between'  { IS(TOKEN_BETWEEN) }
    'in'       { IS(TOKEN_IN) }
    'set'      { IS(TOKEN_SET) }
    'remove'   { IS(TOKEN_REMOVE) }
    'add'      { IS(TOKEN_ADD) }
    'delete'   { IS(TOKEN_DELETE) }
    [A-Za-z] word*  { IS(TOKEN_ID) }
    "#" word+  { IS(TOKEN_NAME) }
    ":" word+  { IS(TOKEN_VALUE) }
    [0-9]+     { IS(TOKEN_INDEX) }
    "="        { IS(TOKEN_EQ) }
    "<>"       { IS(TOKEN_NE) }
    "<"        { IS(TOKEN_LT) }
    "<="       { IS(TOKEN_LE) }
    ">"        { IS(TOKEN_GT) }
    ">="       { IS(TOKEN_GE) }
    "("        { IS(TOKEN_LPAREN) }
    ")"        { IS(TOKEN_RPAREN) }
    "["        { IS(TOKEN_LBRACKET) }
    "]"        { IS(TOKEN_RBRACKET) }
    ","        { IS(TOKEN_COMMA) }
    "."        { IS(TOKEN_DOT) }
    "+"        { IS(TOKEN_PLUS) }
    "-"        { IS(TOKEN_MINUS) }
    [\xC0-\xFF] [\x80-\xBF]*  { IS(TOKEN_UNKNOWN) }
    *          { IS(TOKEN_UNKNOWN) }
    */
#undef IS
}

size_t expr_scan(struct bytes text, struct token *to)
{
    size_t n = 0;
    size_t at = 0;
    ASSERT(text.len <= EXPR_BYTES_MAX);
    for (;;) {
        while (at < text.len
               && (text.base[at] == ' ' || text.base[at] == '\t' || text.base[at] == '\r'
                   || text.base[at] == '\n')) {
            at++;
        }
        if (at == text.len) {
            break;
        }
        enum token_kind kind;
        const uint8_t *end = scan_one(text.base + at, text.base + text.len, &kind);
        ASSERT(end > text.base + at);
        ASSERT(end <= text.base + text.len);
        to[n++] = (struct token){
            .start = (uint16_t)at,
            .end = (uint16_t)(end - text.base),
            .kind = (uint8_t)kind,
        };
        at = (size_t)(end - text.base);
    }
    to[n++] = (struct token){(uint16_t)text.len, (uint16_t)text.len, TOKEN_END};
    return n;
}

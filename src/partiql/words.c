/* Bare words: SQL's keywords, in any letter case, and everything else, which is an identifier. A
 * keyword that has no part in DynamoDB's statements is still none to name an attribute with, unless
 * quoted. Names of parts of a date are no keywords. */

#include <strings.h>

#include "partiql/ast.h"

struct word {
    const char *text;
    enum pq_token kind;
};

/* The words that statements are made of. */
static const struct word words[] = {
    {"select", PQ_SELECT},
    {"from", PQ_FROM},
    {"where", PQ_WHERE},
    {"insert", PQ_INSERT},
    {"into", PQ_INTO},
    {"value", PQ_VALUE},
    {"update", PQ_UPDATE},
    {"set", PQ_SET},
    {"remove", PQ_REMOVE},
    {"delete", PQ_DELETE},
    {"returning", PQ_RETURNING},
    {"all", PQ_ALL},
    {"modified", PQ_MODIFIED},
    {"old", PQ_OLD},
    {"new", PQ_NEW},
    {"order", PQ_ORDER},
    {"by", PQ_BY},
    {"asc", PQ_ASC},
    {"desc", PQ_DESC},
    {"exists", PQ_EXISTS},
    {"distinct", PQ_DISTINCT},
    {"group", PQ_GROUP},
    {"having", PQ_HAVING},
    {"limit", PQ_LIMIT},
    {"join", PQ_JOIN},
    {"cross", PQ_JOIN},
    {"inner", PQ_JOIN},
    {"left", PQ_JOIN},
    {"right", PQ_JOIN},
    {"full", PQ_JOIN},
    {"outer", PQ_JOIN},
    {"on", PQ_ON},
    {"as", PQ_AS},
    {"at", PQ_AT},
    {"and", PQ_AND},
    {"or", PQ_OR},
    {"not", PQ_NOT},
    {"between", PQ_BETWEEN},
    {"in", PQ_IN},
    {"is", PQ_IS},
    {"like", PQ_LIKE},
    {"missing", PQ_MISSING},
    {"null", PQ_NULL},
    {"true", PQ_TRUE},
    {"false", PQ_FALSE},
    {"union", PQ_OPERATOR},
    {"except", PQ_OPERATOR},
    {"intersect", PQ_OPERATOR},
};

static const char *const types[] = {
    "bag",     "blob",     "bool",   "boolean", "char",    "character", "clob",    "dec",
    "decimal", "double",   "float",  "int",     "integer", "list",      "numeric", "real",
    "sexp",    "smallint", "string", "struct",  "symbol",  "timestamp", "tuple",   "varchar",
};

static const char *const functions[] = {
    "avg",
    "bit_length",
    "char_length",
    "character_length",
    "coalesce",
    "count",
    "lower",
    "max",
    "min",
    "nullif",
    "octet_length",
    "size",
    "sum",
    "upper",
};

static const char *const keywords[] = {
    "absolute",
    "action",
    "add",
    "allocate",
    "alter",
    "any",
    "are",
    "assertion",
    "authorization",
    "begin",
    "bit",
    "both",
    "cascade",
    "cascaded",
    "case",
    "cast",
    "catalog",
    "check",
    "close",
    "collate",
    "collation",
    "column",
    "commit",
    "connect",
    "connection",
    "constraint",
    "constraints",
    "continue",
    "convert",
    "corresponding",
    "create",
    "current",
    "current_date",
    "current_time",
    "current_timestamp",
    "current_user",
    "cursor",
    "date",
    "deallocate",
    "declare",
    "default",
    "deferrable",
    "deferred",
    "describe",
    "descriptor",
    "diagnostics",
    "disconnect",
    "domain",
    "drop",
    "else",
    "end",
    "escape",
    "exception",
    "exec",
    "execute",
    "external",
    "extract",
    "fetch",
    "first",
    "for",
    "foreign",
    "found",
    "get",
    "global",
    "go",
    "goto",
    "grant",
    "identity",
    "immediate",
    "index",
    "indicator",
    "initially",
    "input",
    "insensitive",
    "interval",
    "isolation",
    "key",
    "language",
    "last",
    "leading",
    "level",
    "local",
    "match",
    "module",
    "names",
    "national",
    "natural",
    "nchar",
    "next",
    "no",
    "of",
    "only",
    "open",
    "option",
    "output",
    "overlaps",
    "pad",
    "partial",
    "pivot",
    "position",
    "precision",
    "prepare",
    "preserve",
    "primary",
    "prior",
    "privileges",
    "procedure",
    "public",
    "read",
    "references",
    "relative",
    "restrict",
    "revoke",
    "rollback",
    "rows",
    "schema",
    "scroll",
    "section",
    "session",
    "session_user",
    "some",
    "space",
    "sql",
    "sqlcode",
    "sqlerror",
    "sqlstate",
    "substring",
    "system_user",
    "table",
    "temporary",
    "then",
    "time",
    "timezone_hour",
    "timezone_minute",
    "to",
    "trailing",
    "transaction",
    "translate",
    "translation",
    "trim",
    "unique",
    "unknown",
    "unpivot",
    "usage",
    "user",
    "using",
    "values",
    "varying",
    "view",
    "when",
    "whenever",
    "with",
    "work",
    "write",
    "zone",
};

static bool same_word(struct bytes word, const char *text)
{
    /* Most words differ in their first letter: 0x20 is what tells upper from lower case. */
    return (word.base[0] | 0x20) == (uint8_t)text[0] && strlen(text) == word.len &&
           strncasecmp((const char *)word.base, text, word.len) == 0;
}

static bool is_among(struct bytes word, const char *const *texts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (same_word(word, texts[i])) {
            return true;
        }
    }
    return false;
}
#define IS_AMONG(word, texts) is_among((word), (texts), sizeof(texts) / sizeof(texts)[0])

enum pq_token pq_word(struct bytes word)
{
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (same_word(word, words[i].text)) {
            return words[i].kind;
        }
    }
    if (IS_AMONG(word, types)) {
        return PQ_TYPE;
    }
    if (IS_AMONG(word, functions)) {
        return PQ_FUNCTION;
    }
    return IS_AMONG(word, keywords) ? PQ_KEYWORD : PQ_ID;
}

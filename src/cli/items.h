#pragma once

/* Items as files hold them (CSV fields, plain JSON, DynamoDB's tagged JSON) and as requests hold
 * them (tagged JSON). Pure. */

#include "base/base.h"
#include "base/csv.h"
#include "doc/doc.h"

enum { ITEM_COLUMNS_MAX = 1000, ITEM_DEPTH_MAX = 64 };

/* How a CSV column's fields are read. The hint behind the name in the header line says which. */
enum column_type {
    COLUMN_STRING, /* no hint, or ":S" */
    COLUMN_NUMBER, /* ":N" */
    COLUMN_BINARY, /* ":B", base64 */
    COLUMN_BOOL,   /* ":BOOL", true or false */
    COLUMN_JSON,   /* ":JSON", an attribute value as DynamoDB writes it: {"SS":["a","b"]} */
};

struct column {
    struct bytes name;
    enum column_type type;
    bool hinted;
};

/* The name and hint of one header field. */
struct column column_parse(struct bytes head);
/* Whether a column's head ends like one with a type ("price:NUM") that is none. */
bool column_type_unknown(struct bytes name);
/* Appends the header field that column_parse() reads back. */
void column_put(struct buf *b, const struct column *c);
/* Appends an item of tagged JSON; a field without a value is an attribute that is not there. OK;
 * ERR_SYNTAX: a field is no value of its column's type, *reterr_column tells which; ERR_LIMIT: more
 * fields than columns. */
MUST_CHECK enum err item_put_record(
    struct buf *b,
    struct json_parser *parser,
    struct arena *a,
    const struct column *columns,
    size_t n_columns,
    const struct csv_record *record,
    size_t *reterr_column);
/* Whether every member of the object is a single type tag with a value of that type's form. */
bool item_is_tagged(const struct json *item);
/* Appends an item of plain JSON as tagged. OK; ERR_LIMIT (too deep); ERR_SYNTAX (no object). */
MUST_CHECK enum err item_put_tagged(struct buf *b, const struct json *plain);
/* Appends a tagged item as plain JSON: sets become arrays, binaries base64 strings. Likewise. */
MUST_CHECK enum err item_put_plain(struct buf *b, const struct json *tagged);
/* The CSV column type that holds this tagged value. */
enum column_type column_type_of(const struct json *tagged_value);
/* Appends a tagged value as the CSV field of a column. */
void column_put_value(struct buf *b, enum column_type type, const struct json *tagged_value);
/* Appends a text that two tagged items share only if the attribute has the same value in both. */
void item_put_key(struct buf *b, const struct json *tagged, struct bytes name);

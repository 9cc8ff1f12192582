#pragma once

/* Comma-separated values as RFC 4180 has them, or separated by another character: fields in quotes
 * may hold commas, line breaks and doubled quotes; lines end in LF or CRLF. Pure: works on the
 * bytes it is given. */

#include "base/arena.h"
#include "base/bytes.h"

struct csv_field {
    struct bytes text;
    bool quoted; /* an empty field in quotes is an empty text; without them it is no value */
};

struct csv_record {
    struct csv_field *fields;
    size_t n; /* 0: an empty line */
};

/* Takes the first record of `in`, whose fields are parted by `delimiter`. `last`: nothing follows
 * `in`. *ret_used is its length with the line's end. OK; ERR_AGAIN: the record goes on behind `in`;
 * ERR_NOT_FOUND: `in` is empty and last; ERR_SYNTAX: a quote where none may be; ERR_TOO_BIG at the
 * arena's cap. */
MUST_CHECK enum err csv_next(
    struct arena *a,
    struct bytes in,
    char delimiter,
    bool last,
    struct csv_record *ret,
    size_t *ret_used);
/* Appends one field, in quotes if it needs them or `quoted` asks for them. */
void csv_put(struct buf *b, struct bytes text, bool quoted);

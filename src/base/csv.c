/* Reading and writing CSV records. A first pass finds where the record ends and how many fields it
 * has, a second one copies them, so that nothing has to grow. */
#include "base/csv.h"

enum where {
    AT_START,
    PLAIN,
    INSIDE,
    BEHIND
}; /* of a field: its start, unquoted, in quotes, behind the closing one */

/* Finds the record's end: `*ret_len` without the line's end, `*ret_used` with it. */
static enum err measure(
    struct bytes in,
    uint8_t delimiter,
    bool last,
    size_t *ret_len,
    size_t *ret_used,
    size_t *ret_fields)
{
    enum where where = AT_START;
    size_t fields = 1;
    for (size_t i = 0; i < in.len; i++) {
        uint8_t c = in.base[i];
        if (where == INSIDE) {
            where = c == '"' ? BEHIND : INSIDE;
            continue;
        }
        bool line_end = c == '\n' || (c == '\r' && i + 1 < in.len && in.base[i + 1] == '\n');
        if (line_end) {
            *ret_len = i;
            *ret_used = i + (c == '\r' ? 2 : 1);
            *ret_fields = fields;
            return OK;
        }
        if (c == '\r' && i + 1 == in.len && !last) {
            return ERR_AGAIN;
        }
        if (c == delimiter) {
            fields++;
            where = AT_START;
        } else if (c == '"' && where != PLAIN) {
            where = INSIDE; /* opens the field, or is the second of two within it */
        } else if (where == BEHIND || c == '"') {
            return ERR_SYNTAX;
        } else {
            where = PLAIN;
        }
    }
    if (!last) {
        return ERR_AGAIN;
    }
    *ret_len = in.len;
    *ret_used = in.len;
    *ret_fields = fields;
    return where == INSIDE ? ERR_SYNTAX : OK;
}

/* The field that begins at `*at`; moves `*at` behind its delimiter. */
static enum err take_field(
    struct arena *a, struct bytes line, uint8_t delimiter, size_t *at, struct csv_field *ret)
{
    size_t i = *at;
    ret->quoted = i < line.len && line.base[i] == '"';
    if (!ret->quoted) {
        while (i < line.len && line.base[i] != delimiter) {
            i++;
        }
        ret->text = bytes_dup(a, bytes_of(line.base + *at, i - *at));
        *at = i + 1;
        return ret->text.base == NULL && ret->text.len > 0 ? ERR_TOO_BIG : OK;
    }
    uint8_t *to = arena_alloc(a, line.len - i);
    size_t n = 0;
    if (to == NULL) {
        return ERR_TOO_BIG;
    }
    for (i++; i < line.len; i++) {
        bool quote = line.base[i] == '"';
        if (quote && (i + 1 == line.len || line.base[i + 1] != '"')) {
            break;
        }
        to[n++] = line.base[i];
        i += quote;
    }
    ret->text = bytes_of(to, n);
    *at = i + 2; /* the closing quote and the delimiter */
    return OK;
}

enum err csv_next(
    struct arena *a,
    struct bytes in,
    char delimiter,
    bool last,
    struct csv_record *ret,
    size_t *ret_used)
{
    if (in.len == 0) {
        return last ? ERR_NOT_FOUND : ERR_AGAIN;
    }
    size_t len;
    size_t n;
    enum err e = measure(in, (uint8_t)delimiter, last, &len, ret_used, &n);
    if (e != OK) {
        return e;
    }
    *ret = (struct csv_record){0};
    if (len == 0) {
        return OK;
    }
    ret->fields = ARENA_ARRAY(a, struct csv_field, n);
    if (ret->fields == NULL) {
        return ERR_TOO_BIG;
    }
    size_t at = 0;
    for (; ret->n < n; ret->n++) {
        e = take_field(a, bytes_of(in.base, len), (uint8_t)delimiter, &at, &ret->fields[ret->n]);
        if (e != OK) {
            return e;
        }
    }
    return OK;
}

static bool needs_quotes(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.base[i];
        bool outer_blank = c == ' ' && (i == 0 || i + 1 == text.len);
        if (c == ',' || c == '"' || c == '\n' || c == '\r' || outer_blank) {
            return true;
        }
    }
    return false;
}

void csv_put(struct buf *b, struct bytes text, bool quoted)
{
    if (!quoted && !needs_quotes(text)) {
        buf_put_bytes(b, text);
        return;
    }
    buf_put_u8(b, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.base[i] == '"') {
            buf_put_u8(b, '"');
        }
        buf_put_u8(b, text.base[i]);
    }
    buf_put_u8(b, '"');
}

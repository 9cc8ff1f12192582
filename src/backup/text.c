/* Records of imported files: where a JSON object ends, and what the fields of a CSV record are. */
#include "base/text.h"

#include "backup/backup.h"

/* ---- JSON objects one after the other ---- */

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

enum err backup_object_find(struct bytes in, bool last, size_t *ret_start, size_t *ret_len)
{
    size_t start = 0;
    size_t depth = 0;
    bool inside = false; /* a string */
    while (start < in.len && is_blank(in.base[start])) {
        start++;
    }
    if (start == in.len) {
        return last ? ERR_NOT_FOUND : ERR_AGAIN;
    }
    if (in.base[start] != '{') {
        return ERR_SYNTAX;
    }
    for (size_t i = start; i < in.len; i++) {
        uint8_t c = in.base[i];
        if (inside) {
            i += c == '\\' ? 1 : 0;
            inside = c != '"';
            continue;
        }
        inside = c == '"';
        depth += c == '{' || c == '[' ? 1 : 0;
        depth -= c == '}' || c == ']' ? 1 : 0;
        if (depth == 0) {
            *ret_start = start;
            *ret_len = i + 1 - start;
            return OK;
        }
    }
    return last ? ERR_SYNTAX : ERR_AGAIN;
}

/* ---- CSV ---- */

static enum value_type type_of(const struct core_table *t, struct bytes name)
{
    for (size_t i = 0; i < t->n_attrs; i++) {
        if (bytes_eq(t->attrs[i].name, name)) {
            return t->attrs[i].type;
        }
    }
    return VALUE_STRING;
}

enum err backup_columns_of_names(
    struct arena *a,
    const struct core_table *t,
    const struct bytes *names,
    size_t n,
    struct backup_columns *ret)
{
    struct bytes *own = ARENA_ARRAY(a, struct bytes, n);
    enum value_type *types = ARENA_ARRAY(a, enum value_type, n);
    if (own == NULL || types == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < n; i++) {
        own[i] = bytes_dup(a, names[i]);
        types[i] = type_of(t, names[i]);
    }
    *ret = (struct backup_columns){own, types, n};
    return OK;
}

enum err backup_columns_of_record(
    struct arena *a,
    const struct core_table *t,
    const struct csv_record *record,
    struct backup_columns *ret)
{
    struct bytes *names = ARENA_ARRAY(a, struct bytes, record->n);
    if (names == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < record->n; i++) {
        names[i] = record->fields[i].text;
    }
    return backup_columns_of_names(a, t, names, record->n, ret);
}

/* One field as its column's type. OK; ERR_INVALID; ERR_TOO_BIG. */
static enum err field_value(
    struct arena *a, enum value_type type, struct bytes text, struct value *ret)
{
    bool underflow;
    if (type == VALUE_NUMBER) {
        ret->type = VALUE_NUMBER;
        return decimal_parse(text, &ret->number, &underflow) == OK ? OK : ERR_INVALID;
    }
    ret->type = type;
    if (type == VALUE_BINARY) {
        enum err e = base64_decode(a, text, &ret->bytes);
        return e == ERR_SYNTAX ? ERR_INVALID : e;
    }
    ret->bytes = text;
    return utf8_valid(text) ? OK : ERR_INVALID;
}

enum err backup_csv_item(
    struct arena *a,
    const struct backup_columns *columns,
    const struct csv_record *record,
    struct value *ret)
{
    struct member *members = ARENA_ARRAY(a, struct member, record->n);
    size_t n = 0;
    if (members == NULL) {
        return ERR_TOO_BIG;
    }
    if (record->n > columns->n) {
        return ERR_INVALID;
    }
    for (size_t i = 0; i < record->n; i++) {
        const struct csv_field *f = &record->fields[i];
        if (f->text.len == 0 && !f->quoted) {
            continue; /* no value */
        }
        members[n].name = columns->names[i];
        if (members[n].name.len == 0) {
            return ERR_INVALID;
        }
        enum err e = field_value(a, columns->types[i], f->text, &members[n].value);
        if (e != OK) {
            return e;
        }
        n++;
    }
    if (members_sort(members, n) != OK) {
        return ERR_INVALID; /* a column twice */
    }
    *ret = (struct value){.type = VALUE_MAP, .map = {members, n}};
    return OK;
}

/* Conversions between the forms of items. Recursion follows the nesting of the input, which the
 * JSON parser bounds by the depth it is told and each function bounds again. */
#include "cli/items.h"

#include "base/text.h"

static const struct {
    const char *hint;
    enum column_type type;
} hints[] = {
    {":S", COLUMN_STRING},
    {":N", COLUMN_NUMBER},
    {":B", COLUMN_BINARY},
    {":BOOL", COLUMN_BOOL},
    {":JSON", COLUMN_JSON},
};

enum { HINTS = sizeof hints / sizeof hints[0] };

struct column column_parse(struct bytes head)
{
    for (size_t i = 0; i < HINTS; i++) {
        size_t len = strlen(hints[i].hint);
        if (head.len > len && bytes_eq_str(bytes_from(head, head.len - len), hints[i].hint)) {
            return (struct column){bytes_of(head.base, head.len - len), hints[i].type, true};
        }
    }
    return (struct column){head, COLUMN_STRING, false};
}

bool column_type_unknown(struct bytes name)
{
    size_t at = name.len;
    while (at > 0 && name.base[at - 1] >= 'A' && name.base[at - 1] <= 'Z') {
        at--;
    }
    return at > 1 && at < name.len && name.base[at - 1] == ':' && !column_parse(name).hinted;
}

void column_put(struct buf *b, const struct column *c)
{
    bool looks_hinted = column_parse(c->name).hinted;
    struct buf head;
    buf_init(&head, SIZE_MAX / 2);
    buf_put_bytes(&head, c->name);
    for (size_t i = 0; i < HINTS; i++) {
        if (hints[i].type == c->type && (c->type != COLUMN_STRING || looks_hinted)) {
            buf_put_str(&head, hints[i].hint);
        }
    }
    csv_put(b, buf_bytes(&head), false);
    buf_done(&head);
}

static bool number_ok(struct bytes text)
{
    struct decimal d;
    bool underflow;
    return decimal_parse(text, &d, &underflow) == OK;
}

static bool value_is_tagged(const struct json *v);

/* OK with the value appended; ERR_SYNTAX when the field is none of its column's. */
static enum err put_field(
    struct buf *b,
    struct json_parser *parser,
    struct arena *a,
    enum column_type type,
    struct bytes text)
{
    struct json j;
    struct bytes raw;
    switch (type) {
    case COLUMN_STRING:
        if (!utf8_valid(text)) {
            return ERR_SYNTAX;
        }
        buf_put_str(b, "{\"S\":");
        json_put_string(b, text);
        break;
    case COLUMN_NUMBER:
        if (!number_ok(text)) {
            return ERR_SYNTAX;
        }
        buf_putf(b, "{\"N\":\"%.*s\"", BYTES_FMT(text));
        break;
    case COLUMN_BINARY:
        if (base64_decode(a, text, &raw) != OK) {
            return ERR_SYNTAX;
        }
        buf_putf(b, "{\"B\":\"%.*s\"", BYTES_FMT(text));
        break;
    case COLUMN_BOOL:
        if (!bytes_eq_str(text, "true") && !bytes_eq_str(text, "false")) {
            return ERR_SYNTAX;
        }
        buf_putf(b, "{\"BOOL\":%.*s", BYTES_FMT(text));
        break;
    case COLUMN_JSON:
        if (json_parse(parser, a, text, ITEM_DEPTH_MAX, &j) != OK || !value_is_tagged(&j)) {
            return ERR_SYNTAX;
        }
        json_put(b, &j);
        return OK;
    }
    buf_put_str(b, "}");
    return OK;
}

enum err item_put_record(
    struct buf *b,
    struct json_parser *parser,
    struct arena *a,
    const struct column *columns,
    size_t n_columns,
    const struct csv_record *record,
    size_t *reterr_column)
{
    if (record->n > n_columns) {
        return ERR_LIMIT;
    }
    bool first = true;
    buf_put_str(b, "{");
    for (size_t i = 0; i < record->n; i++) {
        const struct csv_field *f = &record->fields[i];
        if (f->text.len == 0 && !f->quoted) {
            continue;
        }
        buf_put_str(b, first ? "" : ",");
        first = false;
        json_put_string(b, columns[i].name);
        buf_put_str(b, ":");
        if (put_field(b, parser, a, columns[i].type, f->text) != OK) {
            *reterr_column = i;
            return ERR_SYNTAX;
        }
    }
    buf_put_str(b, "}");
    return b->err;
}

/* ---- tagged and plain JSON ---- */

static bool all_strings(const struct json *v)
{
    bool good = v->type == JSON_ARRAY;
    for (size_t i = 0; good && i < v->array.n; i++) {
        good = v->array.items[i].type == JSON_STRING;
    }
    return good;
}

/* {"S":"x"} and its like: one member, a tag's name, a value of the tag's form. What is inside lists
 * and maps is left to the region to judge. */
static bool value_is_tagged(const struct json *v)
{
    static const struct {
        const char *tag;
        enum json_type type;
    } tags[] = {
        {"S", JSON_STRING},
        {"N", JSON_STRING},
        {"B", JSON_STRING},
        {"BOOL", JSON_BOOL},
        {"NULL", JSON_BOOL},
        {"M", JSON_OBJECT},
        {"L", JSON_ARRAY},
        {"SS", JSON_ARRAY},
        {"NS", JSON_ARRAY},
        {"BS", JSON_ARRAY},
    };
    if (v->type != JSON_OBJECT || v->object.n != 1) {
        return false;
    }
    const struct json_member *m = &v->object.members[0];
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        if (bytes_eq_str(m->name, tags[i].tag)) {
            bool set = m->name.len == 2; /* SS, NS, BS */
            return m->value.type == tags[i].type && (!set || all_strings(&m->value));
        }
    }
    return false;
}

bool item_is_tagged(const struct json *item)
{
    bool tagged = item->type == JSON_OBJECT && item->object.n > 0;
    for (size_t i = 0; tagged && i < item->object.n; i++) {
        tagged = value_is_tagged(&item->object.members[i].value);
    }
    return tagged;
}

static enum err put_tagged_members(struct buf *b, const struct json *plain, size_t depth);

static enum err put_tagged_value(struct buf *b, const struct json *v, size_t depth)
{
    if (depth == ITEM_DEPTH_MAX) {
        return ERR_LIMIT;
    }
    enum err e = OK;
    switch (v->type) {
    case JSON_NULL:
        buf_put_str(b, "{\"NULL\":true");
        break;
    case JSON_BOOL:
        buf_putf(b, "{\"BOOL\":%s", v->boolean ? "true" : "false");
        break;
    case JSON_NUMBER:
        buf_putf(b, "{\"N\":\"%.*s\"", BYTES_FMT(v->text));
        break;
    case JSON_STRING:
        buf_put_str(b, "{\"S\":");
        json_put_string(b, v->text);
        break;
    case JSON_ARRAY:
        buf_put_str(b, "{\"L\":[");
        for (size_t i = 0; e == OK && i < v->array.n; i++) {
            buf_put_str(b, i == 0 ? "" : ",");
            e = put_tagged_value(b, &v->array.items[i], depth + 1);
        }
        buf_put_str(b, "]");
        break;
    case JSON_OBJECT:
        buf_put_str(b, "{\"M\":");
        e = put_tagged_members(b, v, depth + 1);
        break;
    }
    buf_put_str(b, "}");
    return e;
}

static enum err put_tagged_members(struct buf *b, const struct json *plain, size_t depth)
{
    enum err e = OK;
    buf_put_str(b, "{");
    for (size_t i = 0; e == OK && i < plain->object.n; i++) {
        buf_put_str(b, i == 0 ? "" : ",");
        json_put_string(b, plain->object.members[i].name);
        buf_put_str(b, ":");
        e = put_tagged_value(b, &plain->object.members[i].value, depth);
    }
    buf_put_str(b, "}");
    return e;
}

enum err item_put_tagged(struct buf *b, const struct json *plain)
{
    return plain->type == JSON_OBJECT ? put_tagged_members(b, plain, 0) : ERR_SYNTAX;
}

static enum err put_plain_members(struct buf *b, const struct json *tagged, size_t depth);

static enum err put_plain_value(struct buf *b, const struct json *v, size_t depth)
{
    if (depth == ITEM_DEPTH_MAX) {
        return ERR_LIMIT;
    }
    if (!value_is_tagged(v)) {
        return ERR_SYNTAX;
    }
    struct bytes tag = v->object.members[0].name;
    const struct json *inner = &v->object.members[0].value;
    bool numbers = bytes_eq_str(tag, "NS");
    enum err e = OK;
    if (bytes_eq_str(tag, "NULL")) {
        buf_put_str(b, "null");
    } else if (bytes_eq_str(tag, "N")) {
        buf_put_bytes(b, inner->text);
    } else if (bytes_eq_str(tag, "M")) {
        return put_plain_members(b, inner, depth + 1);
    } else if (inner->type == JSON_ARRAY) {
        buf_put_str(b, "[");
        for (size_t i = 0; e == OK && i < inner->array.n; i++) {
            const struct json *element = &inner->array.items[i];
            buf_put_str(b, i == 0 ? "" : ",");
            if (bytes_eq_str(tag, "L")) {
                e = put_plain_value(b, element, depth + 1);
            } else if (numbers) {
                buf_put_bytes(b, element->text);
            } else {
                json_put_string(b, element->text);
            }
        }
        buf_put_str(b, "]");
    } else {
        json_put(b, inner); /* S, B, BOOL */
    }
    return e;
}

static enum err put_plain_members(struct buf *b, const struct json *tagged, size_t depth)
{
    enum err e = OK;
    buf_put_str(b, "{");
    for (size_t i = 0; e == OK && i < tagged->object.n; i++) {
        buf_put_str(b, i == 0 ? "" : ",");
        json_put_string(b, tagged->object.members[i].name);
        buf_put_str(b, ":");
        e = put_plain_value(b, &tagged->object.members[i].value, depth);
    }
    buf_put_str(b, "}");
    return e;
}

enum err item_put_plain(struct buf *b, const struct json *tagged)
{
    return tagged->type == JSON_OBJECT ? put_plain_members(b, tagged, 0) : ERR_SYNTAX;
}

/* ---- columns of tagged values ---- */

enum column_type column_type_of(const struct json *tagged_value)
{
    static const struct {
        const char *tag;
        enum column_type type;
    } types[] = {
        {"S", COLUMN_STRING},
        {"N", COLUMN_NUMBER},
        {"B", COLUMN_BINARY},
        {"BOOL", COLUMN_BOOL},
    };
    for (size_t i = 0; value_is_tagged(tagged_value) && i < sizeof types / sizeof types[0]; i++) {
        if (bytes_eq_str(tagged_value->object.members[0].name, types[i].tag)) {
            return types[i].type;
        }
    }
    return COLUMN_JSON;
}

void column_put_value(struct buf *b, enum column_type type, const struct json *tagged_value)
{
    if (type == COLUMN_JSON) {
        struct buf text;
        buf_init(&text, SIZE_MAX / 2);
        json_put(&text, tagged_value);
        csv_put(b, buf_bytes(&text), true);
        buf_done(&text);
        return;
    }
    const struct json *inner = &tagged_value->object.members[0].value;
    if (type == COLUMN_BOOL) {
        buf_put_str(b, inner->boolean ? "true" : "false");
    } else {
        csv_put(b, inner->text, inner->text.len == 0); /* empty but there */
    }
}

void item_put_key(struct buf *b, const struct json *tagged, struct bytes name)
{
    struct decimal d;
    bool underflow;
    char number[DOC_DECIMAL_TEXT_MAX];
    for (size_t i = 0; tagged->type == JSON_OBJECT && i < tagged->object.n; i++) {
        const struct json_member *m = &tagged->object.members[i];
        if (!bytes_eq(m->name, name)) {
            continue;
        }
        const struct json *n = json_find(&m->value, "N");
        /* 1 and 1.0 are one key. */
        if (n != NULL && decimal_parse(n->text, &d, &underflow) == OK) {
            put_lenbytes(b, bytes_of(number, decimal_text(&d, number)));
            return;
        }
        struct buf text;
        buf_init(&text, SIZE_MAX / 2);
        json_put(&text, &m->value);
        put_lenbytes(b, buf_bytes(&text));
        buf_done(&text);
        return;
    }
}

/* AttributeValues: DynamoDB's tagged JSON to values and back.
 *
 * Invariants: a value made here is well-formed for every room below (sets sorted and unique, maps
 * sorted, numbers in normal form, at most DOC_DEPTH_MAX levels deep), so nothing below checks
 * again. Recursion is bounded by that depth on the way in, and by what is stored on the way out. */
#include "front/dynamo/dynamo_internal.h"

/* In the words DynamoDB shows; it names what was too deep only in general. */
#define NESTED_TOO_DEEP                                                                         \
    "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels " \
    "beyond supported limit"
#define INVALID "One or more parameter values were invalid: "

struct attr_reader {
    struct dynamo_call *c;
    struct arena *a;
    struct bytes msg; /* of ERR_INVALID */
};

static enum err invalid(struct attr_reader *r, struct bytes msg)
{
    r->msg = msg;
    return msg.base == NULL ? ERR_TOO_BIG : ERR_INVALID;
}

/* A fault of JSON types answers the call at once. */
static enum err misfit(struct attr_reader *r, struct bytes msg)
{
    (void)call_fail(r->c, AWS_SERIALIZATION, msg); /* answers */
    return ERR_SYNTAX;
}

/* Takes a scalar's JSON string, where DynamoDB's own type is String. */
static enum err take_text(struct attr_reader *r, const struct json *j, struct bytes *ret)
{
    return json_as_string(r->c, j, ret) ? OK : ERR_SYNTAX;
}

static enum err take_number(struct attr_reader *r, struct bytes text, struct value *ret)
{
    if (text.len == 0) {
        return invalid(r, BYTES_LIT("The parameter cannot be converted to a numeric value"));
    }
    bool underflow = false;
    enum err err = decimal_parse(text, &ret->number, &underflow);
    if (err == OK) {
        ret->type = VALUE_NUMBER;
        return OK;
    }
    if (err == ERR_LIMIT) {
        return invalid(
            r, BYTES_LIT("Attempting to store more than 38 significant digits in a Number"));
    }
    if (err == ERR_TOO_BIG && underflow) {
        return invalid(
            r,
            BYTES_LIT("Number underflow. Attempting to store a number with magnitude smaller than "
                      "supported range"));
    }
    if (err == ERR_TOO_BIG) {
        return invalid(
            r,
            BYTES_LIT("Number overflow. Attempting to store a number with magnitude larger than "
                      "supported range"));
    }
    return invalid(
        r,
        bytes_fmt(
            r->a, "The parameter cannot be converted to a numeric value: %.*s", BYTES_FMT(text)));
}

/* OK; ERR_SYNTAX: answered; ERR_TOO_BIG at the arena's cap. */
static enum err decode_binary(struct dynamo_call *c, const struct json *j, struct bytes *ret)
{
    if (j->type == JSON_ARRAY) {
        (void)call_fail(/* answers */
                        c,
                        AWS_SERIALIZATION,
                        BYTES_LIT("Unrecognized collection type class java.nio.ByteBuffer"));
        return ERR_SYNTAX;
    }
    if (j->type == JSON_OBJECT) {
        (void)call_fail(/* answers */
                        c,
                        AWS_SERIALIZATION,
                        BYTES_LIT("Start of structure or map found where not expected"));
        return ERR_SYNTAX;
    }
    if (j->type != JSON_STRING) {
        (void)call_fail(/* answers */
                        c,
                        AWS_SERIALIZATION,
                        BYTES_LIT("only base-64-encoded strings are convertible to bytes"));
        return ERR_SYNTAX;
    }
    if (j->text.len % 4 != 0) {
        (void)call_failf(/* answers */
                         c,
                         AWS_SERIALIZATION,
                         "Base64 encoded length is expected a multiple of 4 bytes but found: %zu",
                         j->text.len);
        return ERR_SYNTAX;
    }
    enum err err = base64_decode(c->arena, j->text, ret);
    if (err == ERR_SYNTAX) {
        (void)call_fail(/* answers */
                        c,
                        AWS_SERIALIZATION,
                        BYTES_LIT("Invalid last non-pad Base64 character dectected"));
    }
    return err;
}

bool json_as_binary(struct dynamo_call *c, const struct json *j, struct bytes *ret)
{
    enum err err = decode_binary(c, j, ret);
    return err == OK || (err == ERR_SYNTAX ? false : call_fail_err(c, err));
}

static enum err take_binary(struct attr_reader *r, const struct json *j, struct bytes *ret)
{
    return decode_binary(r->c, j, ret);
}

/* The list of a set as DynamoDB shows it: [a, b]. */
static struct bytes show_list(struct attr_reader *r, const struct json *list)
{
    struct buf b;
    buf_init(&b, /* len_max= */ 1024 * 1024);
    buf_put_u8(&b, '[');
    for (size_t i = 0; i < list->array.n; i++) {
        buf_put_str(&b, i == 0 ? "" : ", ");
        buf_put_bytes(&b, list->array.items[i].text);
    }
    buf_put_u8(&b, ']');
    struct bytes shown = bytes_dup(r->a, buf_bytes(&b));
    buf_done(&b);
    return shown;
}

static enum err set_duplicates(struct attr_reader *r, enum value_type type, const struct json *j)
{
    if (type == VALUE_NUMBER_SET) {
        return invalid(r, BYTES_LIT("Input collection contains duplicates"));
    }
    struct bytes shown = show_list(r, j);
    return invalid(
        r,
        bytes_fmt(
            r->a,
            type == VALUE_STRING_SET ? INVALID "Input collection %.*s contains duplicates."
                                     : INVALID
                "Input collection %.*sof type BS contains duplicates.",
            BYTES_FMT(shown)));
}

static enum err take_set_element(
    struct attr_reader *r, enum value_type type, const struct json *j, struct value *ret)
{
    if (type == VALUE_BINARY_SET) {
        ret->type = VALUE_BINARY;
        return take_binary(r, j, &ret->bytes);
    }
    struct bytes text;
    enum err err = take_text(r, j, &text);
    if (err != OK) {
        return err;
    }
    if (type == VALUE_NUMBER_SET) {
        return take_number(r, text, ret);
    }
    *ret = (struct value){.type = VALUE_STRING, .bytes = text};
    return OK;
}

static enum err take_list_head(
    struct attr_reader *r, const struct json *j, size_t *ret_n, struct value **ret_items)
{
    if (j->type == JSON_OBJECT) {
        return misfit(r, BYTES_LIT("Start of structure or map found where not expected"));
    }
    if (j->type != JSON_ARRAY) {
        return misfit(r, BYTES_LIT("Unexpected field type"));
    }
    *ret_items = ARENA_ARRAY(r->a, struct value, j->array.n);
    *ret_n = j->array.n;
    return *ret_items == NULL ? ERR_TOO_BIG : OK;
}

static enum err take_set(
    struct attr_reader *r, enum value_type type, const struct json *j, struct value *ret)
{
    size_t n;
    struct value *items;
    enum err err = take_list_head(r, j, &n, &items);
    if (err != OK) {
        return err;
    }
    if (n == 0) {
        return invalid(
            r,
            type == VALUE_STRING_SET   ? BYTES_LIT(INVALID "An string set  may not be empty")
            : type == VALUE_NUMBER_SET ? BYTES_LIT(INVALID "An number set  may not be empty")
                                       : BYTES_LIT(INVALID "Binary sets should not be empty"));
    }
    for (size_t i = 0; i < n; i++) {
        err = take_set_element(r, type, &j->array.items[i], &items[i]);
        if (err != OK) {
            return err;
        }
    }
    if (set_sort(items, n) != OK) {
        return set_duplicates(r, type, j);
    }
    *ret = (struct value){.type = type, .list = {items, n}};
    return OK;
}

/* The type a tag stands for; false for unknown tags, which are ignored. */
static bool tag_type(struct bytes tag, enum value_type *ret)
{
    static const struct {
        char tag[5];
        enum value_type type;
    } tags[] = {
        {"S", VALUE_STRING},
        {"N", VALUE_NUMBER},
        {"B", VALUE_BINARY},
        {"BOOL", VALUE_BOOL},
        {"NULL", VALUE_NULL},
        {"M", VALUE_MAP},
        {"L", VALUE_LIST},
        {"SS", VALUE_STRING_SET},
        {"NS", VALUE_NUMBER_SET},
        {"BS", VALUE_BINARY_SET},
    };
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        if (bytes_eq_str(tag, tags[i].tag)) {
            *ret = tags[i].type;
            return true;
        }
    }
    return false;
}

static enum err take_value(
    struct attr_reader *r, const struct json *j, unsigned depth, struct value *ret);

const char *attr_name_fault(struct bytes name)
{
    return name.len == 0                    ? "Empty attribute name"
           : name.len > ATTR_NAME_BYTES_MAX ? "Attribute name is too large, must be less than "
                                              "65536 bytes"
                                            : NULL;
}

static enum err take_members(
    struct attr_reader *r, const struct json *j, unsigned depth, struct value *ret)
{
    size_t n = j->object.n;
    struct member *members = ARENA_ARRAY(r->a, struct member, n);
    if (members == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < n; i++) {
        members[i].name = j->object.members[i].name;
        const char *fault = attr_name_fault(members[i].name);
        if (fault != NULL) {
            return invalid(r, bytes_str(fault));
        }
        enum err err = take_value(r, &j->object.members[i].value, depth, &members[i].value);
        if (err != OK) {
            return err;
        }
    }
    if (members_sort(members, n) != OK) {
        return misfit(r, BYTES_LIT("Duplicate field found in a map"));
    }
    *ret = (struct value){.type = VALUE_MAP, .map = {members, n}};
    return OK;
}

static enum err take_map(
    struct attr_reader *r, const struct json *j, unsigned depth, struct value *ret)
{
    if (j->type == JSON_ARRAY) {
        return misfit(
            r,
            BYTES_LIT("Unrecognized collection type java.util.Map<java.lang.String, "
                      "com.amazonaws.dynamodb.v20120810.AttributeValue>"));
    }
    if (j->type != JSON_OBJECT) {
        return misfit(r, BYTES_LIT("Unexpected field type"));
    }
    return take_members(r, j, depth, ret);
}

static enum err take_list(
    struct attr_reader *r, const struct json *j, unsigned depth, struct value *ret)
{
    size_t n;
    struct value *items;
    enum err err = take_list_head(r, j, &n, &items);
    if (err != OK) {
        return err;
    }
    for (size_t i = 0; i < n; i++) {
        err = take_value(r, &j->array.items[i], depth, &items[i]);
        if (err != OK) {
            return err;
        }
    }
    *ret = (struct value){.type = VALUE_LIST, .list = {items, n}};
    return OK;
}

/* Both take the strings DynamoDB takes; a NULL must be true. */
static enum err take_bool(
    struct attr_reader *r, enum value_type type, const struct json *j, struct value *ret)
{
    *ret = (struct value){.type = type};
    bool truth = false;
    if (!json_as_bool(r->c, j, &truth)) {
        return ERR_SYNTAX;
    }
    if (type == VALUE_BOOL) {
        ret->boolean = truth;
    } else if (!truth) {
        return invalid(
            r, BYTES_LIT(INVALID "Null attribute value types must have the value of true"));
    }
    return OK;
}

static enum err take_typed(
    struct attr_reader *r,
    enum value_type type,
    const struct json *j,
    unsigned depth,
    struct value *ret)
{
    struct bytes text;
    enum err err;
    switch (type) {
    case VALUE_STRING:
        ret->type = VALUE_STRING;
        return take_text(r, j, &ret->bytes);
    case VALUE_NUMBER:
        err = take_text(r, j, &text);
        return err == OK ? take_number(r, text, ret) : err;
    case VALUE_BINARY:
        ret->type = VALUE_BINARY;
        return take_binary(r, j, &ret->bytes);
    case VALUE_BOOL:
    case VALUE_NULL:
        return take_bool(r, type, j, ret);
    case VALUE_MAP:
        return take_map(r, j, depth + 1, ret);
    case VALUE_LIST:
        return take_list(r, j, depth + 1, ret);
    case VALUE_STRING_SET:
    case VALUE_NUMBER_SET:
    case VALUE_BINARY_SET:
        return take_set(r, type, j, ret);
    }
    UNREACHABLE();
}

/* `depth` counts the attribute itself as 1. */
static enum err take_value(
    struct attr_reader *r, const struct json *j, unsigned depth, struct value *ret)
{
    if (depth > DOC_DEPTH_MAX) {
        return invalid(r, BYTES_LIT(NESTED_TOO_DEEP));
    }
    if (j->type != JSON_OBJECT && j->type != JSON_NULL) {
        return json_as_struct(r->c, j, "AttributeValue") ? OK : ERR_SYNTAX;
    }
    const struct json *inner = NULL;
    enum value_type type = VALUE_NULL;
    size_t n = j->type == JSON_NULL ? 0 : j->object.n;
    for (size_t i = 0; i < n; i++) {
        const struct json_member *m = &j->object.members[i];
        enum value_type found;
        if (m->value.type == JSON_NULL || !tag_type(m->name, &found)) {
            continue;
        }
        if (inner != NULL) {
            return invalid(
                r,
                BYTES_LIT("Supplied AttributeValue has more than one datatypes set, must contain "
                          "exactly one of the supported datatypes"));
        }
        inner = &m->value;
        type = found;
    }
    if (inner == NULL) {
        return invalid(
            r,
            BYTES_LIT("Supplied AttributeValue is empty, must contain exactly one of the supported "
                      "datatypes"));
    }
    return take_typed(r, type, inner, depth, ret);
}

/* Answers for what a reader met. */
static bool settle(struct attr_reader *r, enum err err)
{
    if (err == OK) {
        return true;
    }
    if (err == ERR_SYNTAX) {
        return false;
    }
    if (err == ERR_INVALID) {
        return call_fail(r->c, AWS_VALIDATION, r->msg);
    }
    return call_fail_err(r->c, err);
}

bool attr_parse(struct dynamo_call *c, const struct json *j, struct value *ret)
{
    struct attr_reader r = {.c = c, .a = c->arena};
    return settle(&r, take_value(&r, j, 1, ret));
}

enum err attr_parse_quiet(
    struct dynamo_call *c, const struct json *j, struct value *ret, struct bytes *reterr_msg)
{
    struct attr_reader r = {.c = c, .a = c->arena};
    enum err err = take_value(&r, j, 1, ret);
    if (err == ERR_INVALID) {
        *reterr_msg = r.msg;
    }
    return err;
}

bool attr_map_parse(struct dynamo_call *c, const struct json *obj, struct value *ret)
{
    ASSERT(obj->type == JSON_OBJECT);
    struct attr_reader r = {.c = c, .a = c->arena};
    return settle(&r, take_members(&r, obj, 1, ret));
}

/* ---- out ---- */

static void put_tag(struct buf *b, enum value_type type)
{
    buf_put_str(b, "{\"");
    buf_put_str(b, value_tag(type));
    buf_put_str(b, "\":");
}

static void put_binary(struct buf *b, struct bytes raw)
{
    buf_put_u8(b, '"');
    put_base64(b, raw);
    buf_put_u8(b, '"');
}

static void put_number(struct buf *b, const struct decimal *d)
{
    char text[DOC_DECIMAL_TEXT_MAX];
    size_t n = decimal_text(d, text);
    buf_put_u8(b, '"');
    buf_put(b, text, n);
    buf_put_u8(b, '"');
}

static void put_set(struct buf *b, const struct value *v)
{
    buf_put_u8(b, '[');
    for (size_t i = 0; i < v->list.n; i++) {
        const struct value *e = &v->list.items[i];
        if (i > 0) {
            buf_put_u8(b, ',');
        }
        if (e->type == VALUE_NUMBER) {
            put_number(b, &e->number);
        } else if (e->type == VALUE_BINARY) {
            put_binary(b, e->bytes);
        } else {
            json_put_string(b, e->bytes);
        }
    }
    buf_put_u8(b, ']');
}

static void put_list(struct buf *b, const struct value *v)
{
    buf_put_u8(b, '[');
    for (size_t i = 0; i < v->list.n; i++) {
        if (i > 0) {
            buf_put_u8(b, ',');
        }
        attr_put(b, &v->list.items[i]);
    }
    buf_put_u8(b, ']');
}

void attr_put(struct buf *b, const struct value *v)
{
    put_tag(b, v->type);
    switch (v->type) {
    case VALUE_STRING:
        json_put_string(b, v->bytes);
        break;
    case VALUE_NUMBER:
        put_number(b, &v->number);
        break;
    case VALUE_BINARY:
        put_binary(b, v->bytes);
        break;
    case VALUE_BOOL:
        buf_put_str(b, v->boolean ? "true" : "false");
        break;
    case VALUE_NULL:
        buf_put_str(b, "true");
        break;
    case VALUE_LIST:
        put_list(b, v);
        break;
    case VALUE_MAP:
        attr_map_put(b, v);
        break;
    case VALUE_STRING_SET:
    case VALUE_NUMBER_SET:
    case VALUE_BINARY_SET:
        put_set(b, v);
        break;
    }
    buf_put_u8(b, '}');
}

void attr_map_put(struct buf *b, const struct value *map)
{
    ASSERT(map->type == VALUE_MAP);
    buf_put_u8(b, '{');
    for (size_t i = 0; i < map->map.n; i++) {
        if (i > 0) {
            buf_put_u8(b, ',');
        }
        json_put_string(b, map->map.members[i].name);
        buf_put_u8(b, ':');
        attr_put(b, &map->map.members[i].value);
    }
    buf_put_u8(b, '}');
}

/* The pieces of requests that describe tables: reading them with DynamoDB's constraints, its words
 * for what does not fit together, and their translation into core's terms.
 *
 * Constraints are reported in the order in which the readers are called, so callers follow
 * DynamoDB's order of fields. */
#include <stdarg.h>
#include <stdio.h>

#include "front/dynamo/table_admin.h"

const char *check_path(struct checks *k, const char *fmt, ...)
{
    if (k->n >= DYNAMO_CHECKS_MAX) {
        return "";
    }
    char text[512];
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    ASSERT(n >= 0);
    char *copy = bytes_cstr(k->c->arena, bytes_str(text));
    return copy == NULL ? "" : copy;
}

/* "keySchema" below "" and "x.keySchema" below "x". */
static const char *below(struct checks *k, const char *path, const char *name)
{
    return check_path(k, "%s%s%s", path, path[0] == '\0' ? "" : ".", name);
}

bool bytes_is_listed(const struct bytes *list, size_t n, struct bytes v)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes_eq(list[i], v)) {
            return true;
        }
    }
    return false;
}

/* ---- readers ---- */

/* A list of {AttributeName, `type_field`}. */
static bool read_elements(
    struct checks *k,
    const struct json *list,
    const char *class,
    const char *type_field,
    const struct key_element **ret)
{
    size_t n = list->array.n;
    struct key_element *items = ARENA_ARRAY(k->c->arena, struct key_element, n);
    if (items == NULL) {
        return call_fail_err(k->c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < n; i++) {
        const struct json *j = &list->array.items[i];
        if (!json_as_struct(k->c, j, class) ||
            !field_string(k->c, j, "AttributeName", &items[i].name) ||
            !field_string(k->c, j, type_field, &items[i].type)) {
            return false;
        }
    }
    *ret = items;
    return true;
}

static void check_elements(
    struct checks *k,
    const char *path,
    const struct key_element *items,
    size_t n,
    const char *type_name,
    const char *types)
{
    for (size_t i = 0; i < n && k->n < DYNAMO_CHECKS_MAX; i++) {
        const char *name = check_path(k, "%s.%zu.member.attributeName", path, i + 1);
        const char *type = check_path(k, "%s.%zu.member.%s", path, i + 1, type_name);
        check_not_null(k, name, items[i].name.base != NULL);
        check_length(k, name, items[i].name, 1, 255);
        check_not_null(k, type, items[i].type.base != NULL);
        check_enum(k, type, items[i].type, types);
    }
}

bool read_attrs(struct checks *k, const struct json *in, bool needed, struct attr_list *ret)
{
    const struct json *list;
    if (!field_list(k->c, in, "AttributeDefinitions", &list)) {
        return false;
    }
    *ret = (struct attr_list){.present = list != NULL};
    if (list == NULL) {
        if (needed) {
            check_not_null(k, "attributeDefinitions", false);
        }
        return true;
    }
    ret->n = list->array.n;
    if (!read_elements(k, list, "AttributeDefinition", "AttributeType", &ret->items)) {
        return false;
    }
    check_elements(k, "attributeDefinitions", ret->items, ret->n, "attributeType", "B, N, S");
    return true;
}

/* As DynamoDB shows a list of key elements. */
static struct bytes shown_keys(struct arena *a, const struct key_list *keys)
{
    struct buf b;
    buf_init(&b, /* len_max= */ 64 * 1024);
    buf_put_u8(&b, '[');
    for (size_t i = 0; i < keys->n; i++) {
        const struct key_element *e = &keys->items[i];
        buf_putf(
            &b,
            "%sKeySchemaElement(attributeName=%.*s, keyType=%.*s)",
            i == 0 ? "" : ", ",
            BYTES_FMT(e->name.base == NULL ? BYTES_LIT("null") : e->name),
            BYTES_FMT(e->type.base == NULL ? BYTES_LIT("null") : e->type));
    }
    buf_put_u8(&b, ']');
    struct bytes text = bytes_dup(a, buf_bytes(&b));
    buf_done(&b);
    return text;
}

bool read_keys(
    struct checks *k,
    const struct json *in,
    const char *path,
    enum key_owner owner,
    struct key_list *ret)
{
    const struct json *list;
    const char *own = below(k, path, "keySchema");
    *ret = (struct key_list){0};
    if (!field_list(k->c, in, "KeySchema", &list)) {
        return false;
    }
    check_not_null(k, own, list != NULL);
    if (list == NULL) {
        return true;
    }
    ret->n = list->array.n;
    if (!read_elements(k, list, "KeySchemaElement", "KeyType", &ret->items)) {
        return false;
    }
    size_t max = owner == KEY_OF_GLOBAL ? SIZE_MAX : 2; /* of a global one, keys_fault() says */
    if (ret->n < 1 || ret->n > max) {
        check_count(k, own, shown_keys(k->c->arena, ret), ret->n, 1, max);
    }
    check_elements(k, own, ret->items, ret->n, "keyType", "HASH, RANGE");
    return true;
}

bool read_throughput(
    struct checks *k, const struct json *in, const char *path, struct throughput_request *ret)
{
    const struct json *j;
    *ret = (struct throughput_request){0};
    if (!field_struct(k->c, in, "ProvisionedThroughput", "ProvisionedThroughput", &j)) {
        return false;
    }
    if (j == NULL) {
        return true;
    }
    ret->present = true;
    if (!field_int(k->c, j, "WriteCapacityUnits", "Long", &ret->write) ||
        !field_int(k->c, j, "ReadCapacityUnits", "Long", &ret->read)) {
        return false;
    }
    const char *own = below(k, path, "provisionedThroughput");
    const char *write = below(k, own, "writeCapacityUnits");
    const char *read = below(k, own, "readCapacityUnits");
    check_not_null(k, write, ret->write.present);
    check_range(k, write, ret->write, 1, INT64_MAX);
    check_not_null(k, read, ret->read.present);
    check_range(k, read, ret->read, 1, INT64_MAX);
    return true;
}

static struct bytes shown_names(struct arena *a, const struct bytes *names, size_t n)
{
    struct buf b;
    buf_init(&b, /* len_max= */ 64 * 1024);
    buf_put_u8(&b, '[');
    for (size_t i = 0; i < n; i++) {
        buf_put_str(&b, i == 0 ? "" : ", ");
        buf_put_bytes(&b, names[i]);
    }
    buf_put_u8(&b, ']');
    struct bytes text = bytes_dup(a, buf_bytes(&b));
    buf_done(&b);
    return text;
}

static bool read_include(
    struct checks *k, const struct json *in, const char *path, struct index_request *ret)
{
    const struct json *list;
    if (!field_list(k->c, in, "NonKeyAttributes", &list)) {
        return false;
    }
    if (list == NULL) {
        return true;
    }
    ret->has_include = true;
    ret->n_include = list->array.n;
    struct bytes *names = ARENA_ARRAY(k->c->arena, struct bytes, ret->n_include);
    if (names == NULL) {
        return call_fail_err(k->c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < ret->n_include; i++) {
        if (!json_as_string(k->c, &list->array.items[i], &names[i])) {
            return false;
        }
    }
    ret->include = names;
    const char *own = below(k, path, "nonKeyAttributes");
    if (ret->n_include < 1 || ret->n_include > 20) {
        check_count(k, own, shown_names(k->c->arena, names, ret->n_include), ret->n_include, 1, 20);
    }
    for (size_t i = 0; i < ret->n_include && k->n < DYNAMO_CHECKS_MAX; i++) {
        check_length(k, check_path(k, "%s.%zu.member", own, i + 1), names[i], 1, 255);
    }
    return true;
}

static bool read_projection(
    struct checks *k, const struct json *in, const char *path, struct index_request *ret)
{
    const struct json *j;
    const char *own = below(k, path, "projection");
    if (!field_struct(k->c, in, "Projection", "Projection", &j)) {
        return false;
    }
    check_not_null(k, own, j != NULL);
    if (j == NULL) {
        return true;
    }
    if (!field_string(k->c, j, "ProjectionType", &ret->projection)) {
        return false;
    }
    check_enum(k, below(k, own, "projectionType"), ret->projection, "ALL, INCLUDE, KEYS_ONLY");
    return read_include(k, j, own, ret);
}

bool read_index(
    struct checks *k,
    const struct json *in,
    const char *path,
    bool global,
    struct index_request *ret)
{
    *ret = (struct index_request){0};
    const char *name = below(k, path, "indexName");
    if (!field_string(k->c, in, "IndexName", &ret->name)) {
        return false;
    }
    check_not_null(k, name, ret->name.base != NULL);
    if (ret->name.base != NULL) {
        check_index_name(k, name, ret->name);
    }
    if (global && (!read_throughput(k, in, path, &ret->throughput) ||
                   !read_limits(k, in, path, &ret->limits))) {
        return false;
    }
    return read_keys(k, in, path, global ? KEY_OF_GLOBAL : KEY_OF_LOCAL, &ret->keys) &&
           read_projection(k, in, path, ret);
}

bool read_stream(struct checks *k, const struct json *in, struct stream_request *ret)
{
    const struct json *j;
    *ret = (struct stream_request){0};
    if (!field_struct(k->c, in, "StreamSpecification", "StreamSpecification", &j)) {
        return false;
    }
    if (j == NULL) {
        return true;
    }
    ret->present = true;
    ret->has_enabled = field_present(j, "StreamEnabled");
    if (!field_bool(k->c, j, "StreamEnabled", &ret->enabled) ||
        !field_string(k->c, j, "StreamViewType", &ret->view)) {
        return false;
    }
    check_not_null(k, "streamSpecification.streamEnabled", ret->has_enabled);
    check_enum(
        k,
        "streamSpecification.streamViewType",
        ret->view,
        "NEW_IMAGE, OLD_IMAGE, NEW_AND_OLD_IMAGES, KEYS_ONLY");
    return true;
}

/* ---- tags ---- */

bool read_tags(struct dynamo_call *c, const struct json *in, struct tag_list *ret)
{
    const struct json *list;
    *ret = (struct tag_list){0};
    if (!field_list(c, in, "Tags", &list)) {
        return false;
    }
    if (list == NULL) {
        return true;
    }
    ret->present = true;
    ret->n = list->array.n;
    ret->items = ARENA_ARRAY(c->arena, struct core_tag, ret->n);
    if (ret->items == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < ret->n; i++) {
        const struct json *j = &list->array.items[i];
        if (!json_as_struct(c, j, "Tag") || !field_string(c, j, "Key", &ret->items[i].key) ||
            !field_string(c, j, "Value", &ret->items[i].value)) {
            return false;
        }
    }
    return true;
}

/* Letters of any alphabet, digits, white space and a few marks. */
static bool tag_chars_ok(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t ch = text.base[i];
        bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || ch >= 0x80;
        bool digit = ch >= '0' && ch <= '9';
        if (!letter && !digit && (ch == 0 || strchr(" \t\n\r+-=._:/@", ch) == NULL)) {
            return false;
        }
    }
    return true;
}

bool tag_key_check(struct dynamo_call *c, struct bytes key)
{
    size_t chars = key.base == NULL ? 0 : utf8_length(key);
    return (chars >= 1 && chars <= TAG_KEY_CHARS_MAX && tag_chars_ok(key)) ||
           call_invalid(
               c,
               "The Tag Key provided is invalid, Key: %.*s",
               BYTES_FMT(key.base == NULL ? BYTES_LIT("null") : key));
}

static bool tag_check(struct dynamo_call *c, const struct core_tag *tag)
{
    struct bytes null = BYTES_LIT("null");
    if (!tag_key_check(c, tag->key)) {
        return false;
    }
    if (bytes_has_prefix(tag->key, BYTES_LIT("aws:"))) {
        return call_invalid(
            c, "Tag Key cannot be prefixed with aws:, Key: %.*s", BYTES_FMT(tag->key));
    }
    if (tag->value.base == NULL || utf8_length(tag->value) > TAG_VALUE_CHARS_MAX ||
        !tag_chars_ok(tag->value)) {
        return call_invalid(
            c,
            "The Tag Value provided is invalid, Value: %.*s",
            BYTES_FMT(tag->value.base == NULL ? null : tag->value));
    }
    return true;
}

bool tags_check(struct dynamo_call *c, const struct tag_list *tags)
{
    if (tags->n > CORE_TAGS_MAX) {
        return call_invalid(c, TOO_MANY_TAGS);
    }
    for (size_t i = 0; i < tags->n; i++) {
        if (!tag_check(c, &tags->items[i])) {
            return false;
        }
        for (size_t j = 0; j < i; j++) {
            if (bytes_eq(tags->items[i].key, tags->items[j].key)) {
                return call_invalid(
                    c,
                    "Duplicate Tag Keys provided as input: Duplicate Tag Key found %.*s",
                    BYTES_FMT(tags->items[i].key));
            }
        }
    }
    return true;
}

/* ---- what does not fit together ---- */

const struct key_element *attr_of(const struct attr_list *attrs, struct bytes name)
{
    for (size_t i = 0; i < attrs->n; i++) {
        if (bytes_eq(attrs->items[i].name, name)) {
            return &attrs->items[i];
        }
    }
    return NULL;
}

static void put_names(struct buf *b, const struct key_element *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        buf_put_str(b, i == 0 ? "" : ", ");
        buf_put_bytes(b, items[i].name);
    }
}

static struct bytes undefined_fault(
    struct arena *a, const struct key_list *keys, const struct attr_list *attrs)
{
    struct buf b;
    buf_init(&b, /* len_max= */ 1024 * 1024);
    buf_put_str(
        &b,
        INVALID_PREFIX
        "Some index key attributes are not defined in AttributeDefinitions. Keys: [");
    put_names(&b, keys->items, keys->n);
    buf_put_str(&b, "], AttributeDefinitions: [");
    put_names(&b, attrs->items, attrs->n);
    buf_put_u8(&b, ']');
    struct bytes msg = bytes_dup(a, buf_bytes(&b));
    buf_done(&b);
    return msg;
}

/* What is wrong with the order and the number of a global index's key attributes. */
static struct bytes wide_fault(const struct key_list *keys)
{
    size_t n_hash = 0;
    size_t n_range = 0;
    for (size_t i = 0; i < keys->n; i++) {
        bool hash = bytes_eq_str(keys->items[i].type, "HASH");
        if (hash && n_range > 0) {
            return BYTES_LIT(INVALID_PREFIX "All HASH key attributes must precede RANGE key "
                                            "attributes in the KeySchema");
        }
        n_hash += hash ? 1 : 0;
        n_range += hash ? 0 : 1;
        for (size_t k = 0; k < i && i < EXPR_KEY_ATTRS_MAX; k++) {
            if (bytes_eq(keys->items[i].name, keys->items[k].name)) {
                return BYTES_LIT(
                    "The KeySchema contains multiple key attributes with the same name");
            }
        }
    }
    if (n_hash > EXPR_KEY_PARTS_MAX) {
        return BYTES_LIT(INVALID_PREFIX "The KeySchema exceeds the maximum allowed number of HASH "
                                        "key attributes");
    }
    if (n_range > EXPR_KEY_PARTS_MAX) {
        return BYTES_LIT(INVALID_PREFIX "The KeySchema exceeds the maximum allowed number of RANGE "
                                        "key attributes");
    }
    return BYTES_NONE;
}

struct bytes keys_fault(
    struct arena *a,
    const struct key_list *keys,
    const struct attr_list *attrs,
    enum key_owner owner)
{
    if (owner == KEY_OF_TABLE && keys->n > attrs->n) {
        return BYTES_LIT("Invalid KeySchema: Some index key attribute have no definition");
    }
    for (size_t i = 0; i < keys->n; i++) {
        if (attr_of(attrs, keys->items[i].name) == NULL) {
            return undefined_fault(a, keys, attrs);
        }
    }
    bool two_hashes = keys->n == 2 && bytes_eq_str(keys->items[1].type, "HASH");
    if (keys->n == 2 && bytes_eq(keys->items[0].name, keys->items[1].name) &&
        (owner != KEY_OF_GLOBAL || !two_hashes)) {
        return BYTES_LIT(
            "Both the Hash Key and the Range Key element in the KeySchema have the same name");
    }
    if (!bytes_eq_str(keys->items[0].type, "HASH")) {
        return BYTES_LIT("Invalid KeySchema: The first KeySchemaElement is not a HASH key type");
    }
    if (owner == KEY_OF_GLOBAL) {
        return wide_fault(keys);
    }
    if (keys->n == 2 && !bytes_eq_str(keys->items[1].type, "RANGE")) {
        return BYTES_LIT("Invalid KeySchema: The second KeySchemaElement is not a RANGE key type");
    }
    return BYTES_NONE;
}

struct bytes projection_fault(struct arena *a, const struct index_request *x)
{
    if (x->projection.base == NULL) {
        return BYTES_LIT(INVALID_PREFIX "Unknown ProjectionType: null");
    }
    bool include = bytes_eq_str(x->projection, "INCLUDE");
    if (x->has_include && !include) {
        return bytes_fmt(
            a,
            INVALID_PREFIX "ProjectionType is %.*s, but NonKeyAttributes is specified",
            BYTES_FMT(x->projection));
    }
    if (!x->has_include && include) {
        return BYTES_LIT(INVALID_PREFIX
                         "ProjectionType is INCLUDE, but NonKeyAttributes is not specified");
    }
    for (size_t i = 0; i < x->n_include; i++) {
        if (bytes_is_listed(x->include, i, x->include[i])) {
            return bytes_fmt(
                a,
                INVALID_PREFIX "Duplicate element in NonKeyAttributes: %.*s",
                BYTES_FMT(x->include[i]));
        }
    }
    return BYTES_NONE;
}

struct bytes included_fault(struct arena *a, size_t n)
{
    if (n <= INCLUDED_ATTRS_MAX) {
        return BYTES_NONE;
    }
    return bytes_fmt(
        a,
        INVALID_PREFIX "Number of NonKeyAttributes of all indexes exceeds per-table limit of %d",
        INCLUDED_ATTRS_MAX);
}

struct bytes units_fault(struct arena *a, const struct throughput_request *t)
{
    const int64_t max = INT64_C(1000000000000);
    if (t->read.present && t->read.v > max) {
        return bytes_fmt(
            a, "Given value %lld for ReadCapacityUnits is out of bounds", (long long)t->read.v);
    }
    if (t->write.present && t->write.v > max) {
        return bytes_fmt(
            a, "Given value %lld for WriteCapacityUnits is out of bounds", (long long)t->write.v);
    }
    return BYTES_NONE;
}

/* ---- translation ---- */

enum value_type to_type(struct bytes type)
{
    if (bytes_eq_str(type, "S")) {
        return VALUE_STRING;
    }
    return bytes_eq_str(type, "N") ? VALUE_NUMBER : VALUE_BINARY;
}

enum err to_attrs(struct arena *a, const struct attr_list *from, struct core_table *ret)
{
    struct expr_key_attr *attrs = ARENA_ARRAY(a, struct expr_key_attr, from->n);
    if (attrs == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < from->n; i++) {
        attrs[i] = (struct expr_key_attr){from->items[i].name, to_type(from->items[i].type)};
    }
    ret->attrs = attrs;
    ret->n_attrs = from->n;
    return OK;
}

enum err to_keys(
    struct arena *a,
    const struct key_list *keys,
    const struct attr_list *attrs,
    struct expr_key_schema *ret)
{
    struct expr_key_schema schema = {0};
    struct expr_key_attr *more = NULL;
    if (keys->n > 2 || (keys->n == 2 && bytes_eq_str(keys->items[1].type, "HASH"))) {
        more = ARENA_ARRAY(a, struct expr_key_attr, keys->n);
        if (more == NULL) {
            return ERR_TOO_BIG;
        }
    }
    size_t n_more = 0;
    for (size_t i = 0; i < keys->n; i++) {
        const struct key_element *declared = attr_of(attrs, keys->items[i].name);
        ASSERT(declared != NULL);
        struct expr_key_attr attr = {declared->name, to_type(declared->type)};
        bool hash = bytes_eq_str(keys->items[i].type, "HASH");
        if (i == 0) {
            schema.hash = attr;
        } else if (!hash && schema.range.name.base == NULL) {
            schema.range = attr;
        } else {
            ASSERT(more != NULL);
            more[n_more++] = attr;
            *(hash ? &schema.n_more_hash : &schema.n_more_range) += 1;
        }
    }
    schema.more = more;
    *ret = schema;
    return OK;
}

enum err to_index(
    struct arena *a,
    const struct index_request *x,
    const struct attr_list *attrs,
    bool local,
    struct core_index *ret)
{
    enum part_projection projection = PART_PROJECT_KEYS;
    if (bytes_eq_str(x->projection, "ALL")) {
        projection = PART_PROJECT_ALL;
    }
    if (bytes_eq_str(x->projection, "INCLUDE")) {
        projection = PART_PROJECT_INCLUDE;
    }
    *ret = (struct core_index){
        .part =
            {
                .name = x->name,
                .local = local,
                .projection = projection,
                .include = x->include,
                .n_include = x->n_include,
            },
        .throughput = {(uint64_t)x->throughput.read.v, (uint64_t)x->throughput.write.v},
    };
    return to_keys(a, &x->keys, attrs, &ret->part.keys);
}

enum core_stream_view to_stream_view(struct bytes view)
{
    if (bytes_eq_str(view, "KEYS_ONLY")) {
        return CORE_STREAM_KEYS_ONLY;
    }
    if (bytes_eq_str(view, "NEW_IMAGE")) {
        return CORE_STREAM_NEW_IMAGE;
    }
    return bytes_eq_str(view, "OLD_IMAGE") ? CORE_STREAM_OLD_IMAGE : CORE_STREAM_NEW_AND_OLD_IMAGES;
}

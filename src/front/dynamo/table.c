/* Tables by name or ARN, and the checks DynamoDB makes of keys and of items against a table's
 * schema.
 *
 * What is checked here is what a request alone tells. Whether an update turns an index key
 * attribute into something else is known only in the writer, which reports it as a part_fault. */
#include "front/dynamo/dynamo_internal.h"

#define INVALID   "One or more parameter values were invalid: "
#define NOT_VALID "One or more parameter values are not valid. "

/* ---- tables ---- */

#define ARN_HEAD "arn:aws:dynamodb:"

/* Cuts arn:aws:dynamodb:REGION:ACCOUNT:table/NAME into region and name; false when it is none, as
 * those of indexes and streams are. */
static bool arn_cut(struct bytes arn, struct bytes *ret_region, struct bytes *ret_name)
{
    if (!bytes_has_prefix(arn, BYTES_LIT(ARN_HEAD))) {
        return false;
    }
    struct bytes rest = bytes_from(arn, sizeof ARN_HEAD - 1);
    const uint8_t *colon = memchr(rest.base, ':', rest.len);
    if (colon == NULL) {
        return false;
    }
    *ret_region = bytes_of(rest.base, (size_t)(colon - rest.base));
    rest = bytes_from(rest, ret_region->len + 1);
    struct bytes mark = BYTES_LIT(DYNAMO_ACCOUNT ":table/");
    if (!bytes_has_prefix(rest, mark)) {
        return false;
    }
    rest = bytes_from(rest, mark.len);
    *ret_name = rest;
    return rest.len > 0 && memchr(rest.base, '/', rest.len) == NULL;
}

struct bytes table_name_of(struct bytes name_or_arn)
{
    struct bytes region;
    struct bytes name;
    return arn_cut(name_or_arn, &region, &name) ? name : name_or_arn;
}

bool table_find(struct dynamo_call *c, struct bytes name, const struct core_table **ret)
{
    struct bytes region = c->d->region;
    struct bytes plain = name;
    if (!arn_cut(name, &region, &plain)) {
        region = c->d->region;
        plain = name;
    }
    const struct core_table *t = NULL;
    if (bytes_eq(region, c->d->region)) {
        t = catalog_table(c->d->view.catalog, plain);
    }
    if (t == NULL || t->status == CORE_CREATING || t->status == CORE_DELETING) {
        return call_fail(c, AWS_RESOURCE_NOT_FOUND, BYTES_LIT("Requested resource not found"));
    }
    *ret = t;
    c->table = c->table.base == NULL ? plain : c->table;
    return t->extra.map.n == 0 || policy_allows(c, t);
}

void put_table_arn(struct buf *b, struct bytes region, struct bytes name)
{
    buf_put_str(b, ARN_HEAD);
    buf_put_bytes(b, region);
    buf_put_str(b, ":" DYNAMO_ACCOUNT ":table/");
    buf_put_bytes(b, name);
}

const struct core_index *table_index(const struct core_table *t, struct bytes name)
{
    for (size_t i = 0; i < t->n_indexes; i++) {
        if (bytes_eq(t->indexes[i].part.name, name)) {
            return &t->indexes[i];
        }
    }
    return NULL;
}

/* ---- keys ---- */

static bool is_empty_text(const struct value *v)
{
    return (v->type == VALUE_STRING || v->type == VALUE_BINARY) && v->bytes.len == 0;
}

static const char *empty_kind(const struct value *v)
{
    return v->type == VALUE_STRING ? "string" : "binary";
}

/* Emptiness and length of one key attribute's value, whose type is right. `before` begins the
 * message. */
static bool key_value_check(
    struct dynamo_call *c,
    const char *before,
    const struct expr_key_attr *attr,
    bool is_hash,
    const struct value *v)
{
    if (is_empty_text(v)) {
        return call_invalid(
            c,
            "%s" NOT_VALID "The AttributeValue for a key attribute cannot contain an empty %s "
            "value. Key: %.*s",
            before,
            empty_kind(v),
            BYTES_FMT(attr->name));
    }
    if (v->type == VALUE_NUMBER) {
        return true;
    }
    if (is_hash && v->bytes.len > DOC_HASH_KEY_BYTES_MAX) {
        return call_invalid(
            c,
            "%s" INVALID "Size of hashkey has exceeded the maximum size limit of2048 bytes",
            before);
    }
    if (!is_hash && v->bytes.len > DOC_RANGE_KEY_BYTES_MAX) {
        return call_invalid(
            c,
            "%s" INVALID "Aggregated size of all range keys has exceeded the size limit of 1024 "
            "bytes",
            before);
    }
    return true;
}

static bool index_key_empty(
    struct dynamo_call *c,
    const struct expr_key_attr *attr,
    struct bytes index_name,
    const struct value *v)
{
    return call_invalid(
        c,
        NOT_VALID "A value specified for a secondary index key is not supported. The "
                  "AttributeValue for a key attribute cannot contain an empty %s value. "
                  "IndexName: %.*s, IndexKey: %.*s",
        empty_kind(v),
        BYTES_FMT(index_name),
        BYTES_FMT(attr->name));
}

bool key_operand_check(
    struct dynamo_call *c,
    const struct core_index *index,
    const struct expr_key_attr *attr,
    bool is_hash,
    const struct value *v)
{
    if (index != NULL && is_empty_text(v)) {
        return index_key_empty(c, attr, index->part.name, v);
    }
    return key_value_check(c, "", attr, is_hash, v);
}

/* The encoded key of attributes that passed all checks. */
static bool key_encoded(
    struct dynamo_call *c,
    const struct expr_key_schema *keys,
    const struct value *attrs,
    struct bytes *ret)
{
    struct bytes attr;
    struct buf *b = &c->d->key;
    buf_clear(b);
    enum err err = part_key_of(keys, attrs, b, &attr);
    if (err != OK) {
        return call_invalid(c, "The provided key element does not match the schema");
    }
    *ret = bytes_dup(c->arena, buf_bytes(b));
    return ret->base != NULL || call_fail_err(c, ERR_TOO_BIG);
}

static bool key_mismatch(struct dynamo_call *c)
{
    return call_invalid(c, "The provided key element does not match the schema");
}

bool key_attr_check(
    struct dynamo_call *c,
    const char *before,
    const struct expr_key_attr *attr,
    bool is_hash,
    const struct value *attrs)
{
    const struct value *v = value_find(attrs, attr->name);
    if (v == NULL || v->type != attr->type) {
        return call_invalid(c, "%sThe provided key element does not match the schema", before);
    }
    return key_value_check(c, before, attr, is_hash, v);
}

bool key_parse(
    struct dynamo_call *c,
    const struct expr_key_schema *keys,
    const struct value *attrs,
    struct bytes *ret)
{
    bool has_range = keys->range.name.base != NULL;
    if (attrs->map.n != (has_range ? 2 : 1)) {
        return key_mismatch(c);
    }
    if (!key_attr_check(c, "", &keys->hash, true, attrs)) {
        return false;
    }
    if (has_range && !key_attr_check(c, "", &keys->range, false, attrs)) {
        return false;
    }
    return key_encoded(c, keys, attrs, ret);
}

/* ---- items ---- */

static bool item_key_attr_check(
    struct dynamo_call *c,
    const struct expr_key_attr *attr,
    bool is_hash,
    const struct value *item,
    bool batch)
{
    const struct value *v = value_find(item, attr->name);
    if (batch && (v == NULL || v->type != attr->type)) {
        return key_mismatch(c);
    }
    if (v == NULL) {
        return call_invalid(c, INVALID "Missing the key %.*s in the item", BYTES_FMT(attr->name));
    }
    if (v->type != attr->type) {
        return call_invalid(
            c,
            INVALID "Type mismatch for key %.*s expected: %s actual: %s",
            BYTES_FMT(attr->name),
            value_tag(attr->type),
            value_tag(v->type));
    }
    return key_value_check(c, "", attr, is_hash, v);
}

static bool index_key_mismatch(
    struct dynamo_call *c,
    const struct expr_key_attr *attr,
    struct bytes index_name,
    enum value_type actual)
{
    return call_invalid(
        c,
        INVALID "Type mismatch for Index Key %.*s Expected: %s Actual: %s IndexName: %.*s",
        BYTES_FMT(attr->name),
        value_tag(attr->type),
        value_tag(actual),
        BYTES_FMT(index_name));
}

bool index_key_fault(
    struct dynamo_call *c,
    const struct expr_key_attr *attr,
    struct bytes index_name,
    bool is_hash,
    const struct value *v)
{
    if (v->type != attr->type) {
        return index_key_mismatch(c, attr, index_name, v->type);
    }
    if (is_empty_text(v)) {
        return index_key_empty(c, attr, index_name, v);
    }
    size_t len_max = is_hash ? DOC_HASH_KEY_BYTES_MAX : DOC_RANGE_KEY_BYTES_MAX;
    if (v->type == VALUE_NUMBER || v->bytes.len <= len_max) {
        return true;
    }
    return call_invalid(
        c,
        INVALID "Size limit exceeded for Index Key %.*s Actual Size: %zu bytes Max Size: %zu bytes "
                "IndexName: %.*s",
        BYTES_FMT(attr->name),
        v->bytes.len,
        len_max,
        BYTES_FMT(index_name));
}

static bool index_key_attr_check(
    struct dynamo_call *c,
    const struct part_index *index,
    const struct expr_key_attr *attr,
    bool is_hash,
    const struct value *item)
{
    const struct value *v = value_find(item, attr->name);
    return v == NULL || index_key_fault(c, attr, index->name, is_hash, v);
}

/* The next index in the order of names, in which DynamoDB looks for faults; NULL behind the last.
 * Indexes are few, so each name is looked for anew. */
static const struct part_index *next_index(
    const struct core_table *t, const struct part_index *last)
{
    const struct part_index *next = NULL;
    for (size_t i = 0; i < t->n_indexes; i++) {
        const struct part_index *x = &t->indexes[i].part;
        if ((last == NULL || bytes_cmp(x->name, last->name) > 0) &&
            (next == NULL || bytes_cmp(x->name, next->name) < 0)) {
            next = x;
        }
    }
    return next;
}

static bool index_keys_check(
    struct dynamo_call *c, const struct core_table *t, const struct value *item)
{
    for (const struct part_index *x = next_index(t, NULL); x != NULL; x = next_index(t, x)) {
        for (size_t i = 0; i < expr_keys_count(&x->keys); i++) {
            bool is_hash = i < expr_keys_hashes(&x->keys);
            if (!index_key_attr_check(c, x, expr_keys_at(&x->keys, i), is_hash, item)) {
                return false;
            }
        }
    }
    return true;
}

bool update_index_keys_check(
    struct dynamo_call *c, const struct core_table *t, const struct expr_update *update)
{
    if (update == NULL) {
        return true;
    }
    for (const struct part_index *x = next_index(t, NULL); x != NULL; x = next_index(t, x)) {
        for (size_t i = 0; i < expr_keys_count(&x->keys); i++) {
            const struct expr_key_attr *attr = expr_keys_at(&x->keys, i);
            enum value_type type;
            if (expr_update_known_type(update, attr->name, &type) && type != attr->type) {
                return index_key_mismatch(c, attr, x->name, type);
            }
        }
    }
    return true;
}

bool item_key(
    struct dynamo_call *c,
    const struct core_table *t,
    const struct value *item,
    bool batch,
    struct bytes *ret)
{
    const struct expr_key_schema *keys = &t->part.keys;
    if (!item_key_attr_check(c, &keys->hash, true, item, batch)) {
        return false;
    }
    if (keys->range.name.base != NULL &&
        !item_key_attr_check(c, &keys->range, false, item, batch)) {
        return false;
    }
    if (t->n_indexes > 0 && !index_keys_check(c, t, item)) {
        return false;
    }
    return key_encoded(c, keys, item, ret);
}

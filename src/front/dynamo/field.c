/* Typed fields of request bodies, in DynamoDB's words for what is wrong with them.
 *
 * DynamoDB looks at a request in two passes: first every field must have its JSON type
 * (SerializationException, the first fault only), then the constraints of all fields are checked
 * together (ValidationException, "N validation errors detected"). Unknown fields are ignored, null
 * is absence. */
#include "front/dynamo/dynamo_internal.h"

#define NAME_PATTERN "[a-zA-Z0-9_.-]+"

/* A present, non-null field, or NULL. */
static const struct json *field(const struct json *obj, const char *name)
{
    const struct json *j = json_find(obj, name);
    return j == NULL || j->type == JSON_NULL ? NULL : j;
}

bool field_present(const struct json *obj, const char *name)
{
    return field(obj, name) != NULL;
}

static bool misfit(struct dynamo_call *c, const char *msg)
{
    return call_fail(c, AWS_SERIALIZATION, bytes_str(msg));
}

/* DynamoDB tells whole numbers from others, by how they are written. */
static const char *number_kind(const struct json *j)
{
    for (size_t i = 0; i < j->text.len; i++) {
        uint8_t ch = j->text.base[i];
        if (ch == '.' || ch == 'e' || ch == 'E') {
            return "DECIMAL_VALUE";
        }
    }
    return "NUMBER_VALUE";
}

/* The words for a value that is not of the scalar type `type` ("String", "Boolean", "Integer",
 * "Long"). */
static bool misfit_scalar(struct dynamo_call *c, const struct json *j, const char *type)
{
    switch (j->type) {
    case JSON_BOOL:
        return call_failf(
            c,
            AWS_SERIALIZATION,
            "%s cannot be converted to %s",
            j->boolean ? "TRUE_VALUE" : "FALSE_VALUE",
            type);
    case JSON_NUMBER:
        return call_failf(
            c, AWS_SERIALIZATION, "%s cannot be converted to %s", number_kind(j), type);
    case JSON_STRING:
        return call_failf(c, AWS_SERIALIZATION, "STRING_VALUE cannot be converted to %s", type);
    case JSON_ARRAY:
        return call_failf(
            c, AWS_SERIALIZATION, "Unrecognized collection type class java.lang.%s", type);
    case JSON_OBJECT:
    case JSON_NULL:
        break;
    }
    return misfit(c, "Start of structure or map found where not expected");
}

bool json_as_string(struct dynamo_call *c, const struct json *j, struct bytes *ret)
{
    if (j->type != JSON_STRING) {
        return misfit_scalar(c, j, "String");
    }
    /* An empty string is not an absent one. */
    *ret = j->text.base == NULL ? BYTES_LIT("") : j->text;
    return true;
}

bool field_string(
    struct dynamo_call *c, const struct json *obj, const char *name, struct bytes *ret)
{
    const struct json *j = field(obj, name);
    if (j == NULL) {
        *ret = BYTES_NONE;
        return true;
    }
    return json_as_string(c, j, ret);
}

static bool text_is(struct bytes text, const char *lower)
{
    size_t n = strlen(lower);
    if (text.len != n) {
        return false;
    }
    for (size_t i = 0; i < n; i++) {
        uint8_t ch = text.base[i];
        if (ch >= 'A' && ch <= 'Z') {
            ch = (uint8_t)(ch + 32);
        }
        if (ch != (uint8_t)lower[i]) {
            return false;
        }
    }
    return true;
}

bool json_as_bool(struct dynamo_call *c, const struct json *j, bool *ret)
{
    if (j->type == JSON_BOOL) {
        *ret = j->boolean;
        return true;
    }
    if (j->type != JSON_STRING) {
        return misfit_scalar(c, j, "Boolean");
    }
    if (text_is(j->text, "true") || text_is(j->text, "1") || text_is(j->text, "yes")) {
        *ret = true;
        return true;
    }
    if (text_is(j->text, "false") || text_is(j->text, "0") || text_is(j->text, "no")) {
        *ret = false;
        return true;
    }
    return misfit(c, "Unexpected token received from parser");
}

bool field_bool(struct dynamo_call *c, const struct json *obj, const char *name, bool *ret)
{
    const struct json *j = field(obj, name);
    return j == NULL || json_as_bool(c, j, ret);
}

/* A JSON number rounded down, saturated to 64 bits. */
static int64_t number_floor(struct bytes literal)
{
    struct decimal d;
    bool underflow = false;
    bool neg = literal.len > 0 && literal.base[0] == '-';
    enum err err = decimal_parse(literal, &d, &underflow);
    if (err == ERR_TOO_BIG && underflow) {
        return neg ? -1 : 0;
    }
    if (err != OK) {
        return neg ? INT64_MIN : INT64_MAX;
    }
    unsigned __int128 whole = d.coef;
    bool fraction = false;
    for (int exp = d.exp; exp < 0; exp++) {
        fraction = fraction || whole % 10 != 0;
        whole /= 10;
    }
    for (int exp = d.exp; exp > 0 && whole <= INT64_MAX; exp--) {
        whole *= 10;
    }
    if (whole > (unsigned __int128)INT64_MAX - 1) {
        return neg ? INT64_MIN : INT64_MAX;
    }
    int64_t v = (int64_t)whole;
    return neg ? -v - (fraction ? 1 : 0) : v;
}

bool json_as_int(struct dynamo_call *c, const struct json *j, const char *type, struct opt_int *ret)
{
    if (j->type != JSON_NUMBER) {
        return misfit_scalar(c, j, type);
    }
    *ret = (struct opt_int){true, number_floor(j->text)};
    return true;
}

bool field_int(
    struct dynamo_call *c,
    const struct json *obj,
    const char *name,
    const char *type,
    struct opt_int *ret)
{
    const struct json *j = field(obj, name);
    if (j == NULL) {
        *ret = (struct opt_int){0};
        return true;
    }
    return json_as_int(c, j, type, ret);
}

bool json_as_struct(struct dynamo_call *c, const struct json *j, const char *class)
{
    if (j->type == JSON_OBJECT) {
        return true;
    }
    if (j->type == JSON_ARRAY) {
        return call_failf(
            c,
            AWS_SERIALIZATION,
            "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.%s",
            class);
    }
    return misfit(c, "Unexpected value type in payload");
}

bool json_as_member(struct dynamo_call *c, const struct json *j, const char *class)
{
    if (j->type == JSON_OBJECT || j->type == JSON_ARRAY) {
        return json_as_struct(c, j, class);
    }
    return misfit(c, "Unexpected field type");
}

bool field_struct(
    struct dynamo_call *c,
    const struct json *obj,
    const char *name,
    const char *class,
    const struct json **ret)
{
    *ret = field(obj, name);
    return *ret == NULL || json_as_member(c, *ret, class);
}

bool json_as_map(struct dynamo_call *c, const struct json *j, const char *class)
{
    if (j->type == JSON_OBJECT) {
        return true;
    }
    if (j->type == JSON_ARRAY) {
        bool qualified = strchr(class, '.') != NULL;
        return call_failf(
            c,
            AWS_SERIALIZATION,
            "Unrecognized collection type java.util.Map<java.lang.String, %s%s>",
            qualified ? "" : "com.amazonaws.dynamodb.v20120810.",
            class);
    }
    return misfit(c, "Unexpected field type");
}

bool field_map(
    struct dynamo_call *c,
    const struct json *obj,
    const char *name,
    const char *class,
    const struct json **ret)
{
    *ret = field(obj, name);
    return *ret == NULL || json_as_map(c, *ret, class);
}

bool json_as_list(struct dynamo_call *c, const struct json *j)
{
    if (j->type == JSON_ARRAY) {
        return true;
    }
    return misfit(
        c,
        j->type == JSON_OBJECT ? "Start of structure or map found where not expected"
                               : "Unexpected field type");
}

bool field_list(
    struct dynamo_call *c, const struct json *obj, const char *name, const struct json **ret)
{
    *ret = field(obj, name);
    return *ret == NULL || json_as_list(c, *ret);
}

/* ---- constraints ---- */

static void check_failed(
    struct checks *k, struct bytes shown, const char *path, struct bytes constraint)
{
    struct bytes msg;
    if (shown.base == NULL) {
        msg = bytes_fmt(
            k->c->arena,
            "Value null at '%s' failed to satisfy constraint: %.*s",
            path,
            BYTES_FMT(constraint));
    } else {
        msg = bytes_fmt(
            k->c->arena,
            "Value '%.*s' at '%s' failed to satisfy constraint: %.*s",
            BYTES_FMT(shown),
            path,
            BYTES_FMT(constraint));
    }
    if (k->n < DYNAMO_CHECKS_MAX) {
        k->msgs[k->n] = msg;
        k->n++;
    }
}

void check_fail(struct checks *k, struct bytes shown, const char *path, const char *constraint)
{
    check_failed(k, shown, path, bytes_str(constraint));
}

void check_not_null(struct checks *k, const char *path, bool present)
{
    if (!present) {
        check_fail(k, BYTES_NONE, path, "Member must not be null");
    }
}

void check_count(
    struct checks *k, const char *path, struct bytes shown, size_t n, size_t min, size_t max)
{
    if (n < min) {
        check_failed(
            k,
            shown,
            path,
            bytes_fmt(k->c->arena, "Member must have length greater than or equal to %zu", min));
    }
    if (n > max) {
        check_failed(
            k,
            shown,
            path,
            bytes_fmt(k->c->arena, "Member must have length less than or equal to %zu", max));
    }
}

void check_length(struct checks *k, const char *path, struct bytes v, size_t min, size_t max)
{
    if (v.base != NULL) {
        check_count(k, path, v, utf8_length(v), min, max);
    }
}

bool enum_has(const char *values, struct bytes v)
{
    const char *at = values;
    for (;;) {
        const char *end = strchr(at, ',');
        size_t len = end == NULL ? strlen(at) : (size_t)(end - at);
        if (bytes_eq(bytes_of(at, len), v)) {
            return true;
        }
        if (end == NULL) {
            return false;
        }
        at = end + 2;
    }
}

void check_enum(struct checks *k, const char *path, struct bytes v, const char *values)
{
    if (v.base == NULL || enum_has(values, v)) {
        return;
    }
    check_failed(
        k, v, path, bytes_fmt(k->c->arena, "Member must satisfy enum value set: [%s]", values));
}

void check_range(struct checks *k, const char *path, struct opt_int v, int64_t min, int64_t max)
{
    if (!v.present || (v.v >= min && v.v <= max)) {
        return;
    }
    struct bytes shown = bytes_fmt(k->c->arena, "%lld", (long long)v.v);
    bool low = v.v < min;
    struct bytes constraint = bytes_fmt(
        k->c->arena,
        "Member must have value %s than or equal to %lld",
        low ? "greater" : "less",
        (long long)(low ? min : max));
    check_failed(k, shown, path, constraint);
}

static bool name_chars_ok(struct bytes v)
{
    for (size_t i = 0; i < v.len; i++) {
        uint8_t ch = v.base[i];
        bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
        if (!letter && !(ch >= '0' && ch <= '9') && ch != '_' && ch != '-' && ch != '.') {
            return false;
        }
    }
    return v.len > 0;
}

void check_name_chars(struct checks *k, const char *path, struct bytes v)
{
    if (v.base != NULL && !name_chars_ok(v)) {
        check_fail(k, v, path, "Member must satisfy regular expression pattern: " NAME_PATTERN);
    }
}

void check_table_name(struct checks *k, const char *path, struct bytes v)
{
    check_not_null(k, path, v.base != NULL);
    if (v.base == NULL || bytes_has_prefix(v, BYTES_LIT("arn:"))) {
        return;
    }
    /* DynamoDB takes names of one and two letters here and then does not find them. */
    if (v.len > 0) {
        check_name_chars(k, path, v);
    }
    check_length(k, path, v, 1, 255);
}

void check_index_name(struct checks *k, const char *path, struct bytes v)
{
    check_name_chars(k, path, v);
    check_length(k, path, v, 3, 255);
}

bool checks_done(struct checks *k)
{
    if (k->n == 0) {
        return true;
    }
    struct buf all;
    buf_init(&all, /* len_max= */ 1024 * 1024);
    buf_putf(&all, "%u validation error%s detected: ", k->n, k->n == 1 ? "" : "s");
    for (unsigned i = 0; i < k->n; i++) {
        buf_put_str(&all, i == 0 ? "" : "; ");
        buf_put_bytes(&all, k->msgs[i]);
    }
    struct bytes msg = bytes_dup(k->c->arena, buf_bytes(&all));
    buf_done(&all);
    return call_fail(k->c, AWS_VALIDATION, msg);
}

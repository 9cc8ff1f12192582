/* What all operations with expressions share: the rules on mixing parameters, the two substitution
 * tables, and the frame DynamoDB puts around an expression's own message. */
#include "front/dynamo/dynamo_internal.h"

/* Appends the names of those parameters that are there: "A, B". Returns how many. */
static size_t list_present(struct buf *b, const struct json *in, const char *const *names)
{
    size_t n = 0;
    for (; *names != NULL; names++) {
        if (field_present(in, *names)) {
            buf_put_str(b, n == 0 ? "" : ", ");
            buf_put_str(b, *names);
            n++;
        }
    }
    return n;
}

static bool refuse_mixture(struct dynamo_call *c, struct bytes legacy, struct bytes expressions)
{
    return call_invalid(
        c,
        "Can not use both expression and non-expression parameters in the same request: "
        "Non-expression parameters: {%.*s} Expression parameters: {%.*s}",
        BYTES_FMT(legacy),
        BYTES_FMT(expressions));
}

/* ExpressionAttributeValues without an expression that could use them; a projection cannot. */
static bool values_check(struct dynamo_call *c, const struct json *in, const struct expr_params *p)
{
    struct buf b;
    buf_init(&b, /* len_max= */ 512);
    size_t n = 0;
    for (const char *const *name = p->expressions; *name != NULL; name++) {
        if (strcmp(*name, "ProjectionExpression") == 0) {
            continue;
        }
        if (field_present(in, *name)) {
            buf_done(&b);
            return true;
        }
        buf_put_str(&b, n == 0 ? "" : " and ");
        buf_put_str(&b, *name);
        n++;
    }
    bool ok = n == 0 || call_invalid(
                            c,
                            "ExpressionAttributeValues can only be specified when using "
                            "expressions: %.*s %s null",
                            BYTES_FMT(buf_bytes(&b)),
                            n > 1 ? "are" : "is");
    buf_done(&b);
    return ok;
}

/* The parameters' JSON types, which are looked at before what is said in them. */
static bool types_check(struct dynamo_call *c, const struct json *in, const struct expr_params *p)
{
    for (const char *const *name = p->expressions; *name != NULL; name++) {
        struct bytes text;
        if (!field_string(c, in, *name, &text)) {
            return false;
        }
    }
    const struct json *map;
    return field_map(c, in, "ExpressionAttributeNames", "java.lang.String", &map) &&
           field_map(c, in, "ExpressionAttributeValues", "AttributeValue", &map);
}

bool exprs_check(struct dynamo_call *c, const struct json *in, const struct expr_params *p)
{
    if (!types_check(c, in, p)) {
        return false;
    }
    struct buf legacy;
    struct buf expressions;
    buf_init(&legacy, /* len_max= */ 512);
    buf_init(&expressions, /* len_max= */ 512);
    size_t n_legacy = 0;
    for (const char *const *name = p->legacy; *name != NULL; name++) {
        /* KeyConditions may go with any other expression than the one that replaces it. */
        bool counts =
            strcmp(*name, "KeyConditions") != 0 || field_present(in, "KeyConditionExpression");
        if (counts && field_present(in, *name)) {
            buf_put_str(&legacy, n_legacy == 0 ? "" : ", ");
            buf_put_str(&legacy, *name);
            n_legacy++;
        }
    }
    size_t n_expressions = list_present(&expressions, in, p->expressions);
    bool ok = true;
    if (n_legacy > 0 && n_expressions > 0) {
        ok = refuse_mixture(c, buf_bytes(&legacy), buf_bytes(&expressions));
    } else if (n_expressions == 0 && field_present(in, "ExpressionAttributeNames")) {
        ok = call_invalid(
            c, "ExpressionAttributeNames can only be specified when using expressions");
    } else if (field_present(in, "ExpressionAttributeValues")) {
        ok = values_check(c, in, p);
    }
    buf_done(&legacy);
    buf_done(&expressions);
    return ok;
}

/* ---- substitutions ---- */

enum { PLACEHOLDER_BYTES_MAX = 255, SUBSTITUTIONS_BYTES_MAX = 2 * 1024 * 1024 };

static bool placeholder_ok(struct bytes key, uint8_t mark)
{
    if (key.len < 2 || key.base[0] != mark) {
        return false;
    }
    for (size_t i = 1; i < key.len; i++) {
        uint8_t ch = key.base[i];
        bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');
        if (!letter && !(ch >= '0' && ch <= '9') && ch != '_') {
            return false;
        }
    }
    return true;
}

/* Both tables' frame: not empty, well-formed placeholders. */
static bool table_check(
    struct dynamo_call *c, const struct json *obj, const char *param, uint8_t mark)
{
    if (obj->object.n == 0) {
        return call_invalid(c, "%s must not be empty", param);
    }
    for (size_t i = 0; i < obj->object.n; i++) {
        struct bytes key = obj->object.members[i].name;
        if (key.len > PLACEHOLDER_BYTES_MAX) {
            return call_invalid(
                c,
                "%s contains invalid key: The expression attribute map contains a key that is too "
                "long",
                param);
        }
        if (!placeholder_ok(key, mark)) {
            return call_invalid(
                c, "%s contains invalid key: Syntax error; key: \"%.*s\"", param, BYTES_FMT(key));
        }
    }
    return true;
}

static bool name_check(struct dynamo_call *c, const struct expr_name *n)
{
    if (n->name.len > ATTR_NAME_BYTES_MAX) {
        return call_invalid(
            c,
            "1 validation error detected: Value '{%.*s=...}' at 'expressionAttributeNames' failed "
            "to satisfy constraint: Map value must satisfy constraint: [Member must have length "
            "less than or equal to 65535, Member must have length greater than or equal to 0]",
            BYTES_FMT(n->placeholder));
    }
    return n->name.len > 0 || call_invalid(
                                  c,
                                  "ExpressionAttributeNames contains invalid value: Empty "
                                  "attribute name for key %.*s",
                                  BYTES_FMT(n->placeholder));
}

static bool names_read(struct dynamo_call *c, const struct json *obj, struct expr_env *env)
{
    if (!table_check(c, obj, "ExpressionAttributeNames", '#')) {
        return false;
    }
    size_t n = obj->object.n;
    env->has_names = true;
    env->n_names = n;
    env->names = ARENA_ARRAY(c->arena, struct expr_name, n);
    if (env->names == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < n; i++) {
        env->names[i].placeholder = obj->object.members[i].name;
        if (!json_as_string(c, &obj->object.members[i].value, &env->names[i].name) ||
            !name_check(c, &env->names[i])) {
            return false;
        }
        if (env->names[i].name.len == 0) {
            return call_invalid(
                c,
                "ExpressionAttributeNames contains invalid value: Empty attribute name for key "
                "%.*s",
                BYTES_FMT(env->names[i].placeholder));
        }
    }
    return true;
}

/* Faults of values that are told of as they are, wherever the value stands. */
static bool stands_alone(const struct dynamo_call *c, struct bytes msg)
{
    return bytes_has_prefix(msg, BYTES_LIT("Nesting Levels")) ||
           (c->framed && bytes_has_prefix(msg, BYTES_LIT("One or more parameter")));
}

static bool values_read(struct dynamo_call *c, const struct json *obj, struct expr_env *env)
{
    if (!table_check(c, obj, "ExpressionAttributeValues", ':')) {
        return false;
    }
    size_t n = obj->object.n;
    env->has_values = true;
    env->n_values = n;
    env->values = ARENA_ARRAY(c->arena, struct expr_value, n);
    if (env->values == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < n; i++) {
        struct expr_value *v = &env->values[i];
        v->placeholder = obj->object.members[i].name;
        struct bytes msg;
        enum err err = attr_parse_quiet(c, &obj->object.members[i].value, &v->value, &msg);
        if (err == ERR_SYNTAX) {
            return false; /* answered */
        }
        if (err == ERR_INVALID && stands_alone(c, msg)) {
            return call_fail(c, AWS_VALIDATION, msg);
        }
        if (err == ERR_INVALID) {
            return call_invalid(
                c,
                "ExpressionAttributeValues contains invalid value: %.*s for key %.*s",
                BYTES_FMT(msg),
                BYTES_FMT(v->placeholder));
        }
        if (err != OK) {
            return call_fail_err(c, err);
        }
    }
    return true;
}

/* What all substitutions may hold together. Only a request that is at least as large can pass it.
 */
static bool sizes_check(struct dynamo_call *c, const struct expr_env *env)
{
    if (c->request->body.len <= SUBSTITUTIONS_BYTES_MAX &&
        header_find(c->request, "content-encoding").base == NULL) {
        return true;
    }
    size_t names = 0;
    size_t values = 0;
    for (size_t i = 0; i < env->n_names; i++) {
        names += env->names[i].placeholder.len + env->names[i].name.len;
    }
    for (size_t i = 0; i < env->n_values; i++) {
        values += env->values[i].placeholder.len + value_size(&env->values[i].value);
    }
    if (names > SUBSTITUTIONS_BYTES_MAX) {
        return call_invalid(c, "ExpressionAttributeNames exceeds max size");
    }
    if (values > SUBSTITUTIONS_BYTES_MAX) {
        return call_invalid(c, "ExpressionAttributeValues exceeds max size");
    }
    return names + values <= SUBSTITUTIONS_BYTES_MAX ||
           call_invalid(
               c,
               "Combined size of ExpressionAttributeNames and ExpressionAttributeValues exceeds "
               "max size");
}

bool exprs_env(struct dynamo_call *c, const struct json *in, struct expr_env *ret)
{
    *ret = (struct expr_env){0};
    const struct json *names;
    const struct json *values;
    if (!field_map(c, in, "ExpressionAttributeNames", "java.lang.String", &names) ||
        !field_map(c, in, "ExpressionAttributeValues", "AttributeValue", &values)) {
        return false;
    }
    if (names != NULL && !names_read(c, names, ret)) {
        return false;
    }
    return (values == NULL || values_read(c, values, ret)) && sizes_check(c, ret);
}

/* ---- expressions ---- */

static bool settle(struct dynamo_call *c, enum err err, struct bytes msg)
{
    if (err == OK) {
        return true;
    }
    return err == ERR_INVALID ? call_fail(c, AWS_VALIDATION, msg) : call_fail_err(c, err);
}

bool exprs_cond(
    struct dynamo_call *c,
    const struct json *in,
    const char *name,
    struct expr_env *env,
    const struct expr_cond **ret)
{
    *ret = NULL;
    struct bytes text;
    if (!field_string(c, in, name, &text)) {
        return false;
    }
    if (text.base == NULL) {
        return true;
    }
    bool filter = strcmp(name, "FilterExpression") == 0;
    struct bytes msg = BYTES_NONE;
    enum err err =
        expr_cond_parse(c->arena, filter ? EXPR_FILTER : EXPR_CONDITION, text, env, ret, &msg);
    return settle(c, err, msg);
}

bool exprs_projection(
    struct dynamo_call *c,
    const struct json *in,
    struct expr_env *env,
    const struct expr_projection **ret)
{
    *ret = NULL;
    struct bytes text;
    if (!field_string(c, in, "ProjectionExpression", &text)) {
        return false;
    }
    if (text.base == NULL) {
        return true;
    }
    struct bytes msg = BYTES_NONE;
    enum err err = expr_projection_parse(c->arena, text, env, ret, &msg);
    return settle(c, err, msg);
}

bool exprs_update(
    struct dynamo_call *c,
    const struct json *in,
    struct expr_env *env,
    const struct expr_update **ret)
{
    *ret = NULL;
    struct bytes text;
    if (!field_string(c, in, "UpdateExpression", &text)) {
        return false;
    }
    if (text.base == NULL) {
        return true;
    }
    struct bytes msg = BYTES_NONE;
    enum err err = expr_update_parse(c->arena, text, env, ret, &msg);
    return settle(c, err, msg);
}

bool exprs_unused(struct dynamo_call *c, const struct expr_env *env)
{
    if (!env->has_names && !env->has_values) {
        return true;
    }
    struct bytes msg = BYTES_NONE;
    return settle(c, expr_env_unused(c->arena, env, &msg), msg);
}

/* ---- paths into key attributes ---- */

static bool reaches_into(const struct exprs_parsed *x, struct bytes name)
{
    return name.base != NULL &&
           ((x->condition != NULL && expr_cond_reaches_into(x->condition, name)) ||
            (x->projection != NULL && expr_projection_reaches_into(x->projection, name)) ||
            (x->update != NULL && expr_update_reaches_into(x->update, name)));
}

static bool refuse_path(struct dynamo_call *c, const char *what, struct bytes name)
{
    return call_invalid(
        c,
        "Key attributes must be scalars; list random access '[]' and map lookup '.' are not "
        "allowed: %s: %.*s",
        what,
        BYTES_FMT(name));
}

bool exprs_paths_check(
    struct dynamo_call *c, const struct core_table *t, const struct exprs_parsed *x)
{
    const struct expr_key_schema *keys = &t->part.keys;
    if (reaches_into(x, keys->hash.name)) {
        return refuse_path(c, "Key", keys->hash.name);
    }
    if (reaches_into(x, keys->range.name)) {
        return refuse_path(c, "Key", keys->range.name);
    }
    for (size_t i = 0; i < t->n_indexes; i++) {
        const struct expr_key_schema *index = &t->indexes[i].part.keys;
        for (size_t k = 0; k < expr_keys_count(index); k++) {
            if (reaches_into(x, expr_keys_at(index, k)->name)) {
                return refuse_path(c, "IndexKey", expr_keys_at(index, k)->name);
            }
        }
    }
    return true;
}

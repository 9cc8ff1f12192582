/* Looks for JSON of the wrong type in a whole request.
 *
 * DynamoDB reads a request completely before it looks at what it means, so a wrong type anywhere
 * comes before every other fault. The operations here read parameters as they need them; this walk
 * runs only when one of them has found a fault of another kind, and puts the two in DynamoDB's
 * order. A request without a fault never pays for it.
 *
 * Recursion follows the JSON tree, whose depth the parser bounds. */
#include "front/dynamo/shape.h"

/* What holds a value; DynamoDB words some faults by that. */
enum place { IN_STRUCT, IN_LIST_OR_MAP };

static bool fits(
    struct dynamo_call *c, const struct json *j, const struct shape *shape, enum place place);

static const struct shape *member_shape(const struct shape *shape, struct bytes name)
{
    for (size_t i = 0; i < shape->n_members; i++) {
        if (bytes_eq_str(name, shape->members[i].name)) {
            return shape->members[i].shape;
        }
    }
    return NULL;
}

static bool struct_fits(
    struct dynamo_call *c, const struct json *j, const struct shape *shape, enum place place)
{
    bool right = place == IN_STRUCT ? json_as_member(c, j, shape->class)
                                    : json_as_struct(c, j, shape->class);
    if (!right) {
        return false;
    }
    for (size_t i = 0; i < j->object.n; i++) {
        const struct json_member *m = &j->object.members[i];
        const struct shape *of = member_shape(shape, m->name);
        if (of != NULL && !fits(c, &m->value, of, IN_STRUCT)) {
            return false;
        }
    }
    return true;
}

/* DynamoDB stumbles over scalars where a collection within a collection is expected. */
static bool is_scalar_for_collection(struct dynamo_call *c, const struct json *j, enum place place)
{
    if (place == IN_STRUCT || j->type == JSON_ARRAY || j->type == JSON_OBJECT) {
        return false;
    }
    return !call_fail(/* answers */
                      c,
                      AWS_SERIALIZATION,
                      BYTES_LIT(
                          "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl "
                          "cannot be "
                          "cast to class java.lang.Class "
                          "(sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl and "
                          "java.lang.Class are in module java.base of loader 'bootstrap')"));
}

static bool list_fits(
    struct dynamo_call *c, const struct json *j, const struct shape *shape, enum place place)
{
    if (is_scalar_for_collection(c, j, place) || !json_as_list(c, j)) {
        return false;
    }
    for (size_t i = 0; i < j->array.n; i++) {
        if (!fits(c, &j->array.items[i], shape->element, IN_LIST_OR_MAP)) {
            return false;
        }
    }
    return true;
}

/* The Java class of a map's values, as DynamoDB names it. */
static const char *element_class(const struct shape *element)
{
    if (element->kind == SHAPE_STRUCT) {
        return element->class;
    }
    if (element->kind == SHAPE_STRING) {
        return "java.lang.String";
    }
    ASSERT(element->kind == SHAPE_LIST); /* BatchWriteItem's */
    return "java.util.List<com.amazonaws.dynamodb.v20120810.WriteRequest>";
}

static bool map_fits(
    struct dynamo_call *c, const struct json *j, const struct shape *shape, enum place place)
{
    if (is_scalar_for_collection(c, j, place) ||
        !json_as_map(c, j, element_class(shape->element))) {
        return false;
    }
    for (size_t i = 0; i < j->object.n; i++) {
        if (!fits(c, &j->object.members[i].value, shape->element, IN_LIST_OR_MAP)) {
            return false;
        }
    }
    return true;
}

static bool fits(
    struct dynamo_call *c, const struct json *j, const struct shape *shape, enum place place)
{
    struct bytes text;
    bool truth;
    struct opt_int number;
    if (j->type == JSON_NULL) {
        return true;
    }
    switch (shape->kind) {
    case SHAPE_STRING:
        return json_as_string(c, j, &text);
    case SHAPE_BOOLEAN:
        return json_as_bool(c, j, &truth);
    case SHAPE_INTEGER:
        return json_as_int(c, j, "Integer", &number);
    case SHAPE_LONG:
        return json_as_int(c, j, "Long", &number);
    case SHAPE_DOUBLE:
        return json_as_int(c, j, "Double", &number);
    case SHAPE_TIMESTAMP:
        return true; /* numbers and texts of several forms; their operations read them */
    case SHAPE_BINARY:
        return json_as_binary(c, j, &text);
    case SHAPE_STRUCT:
        return struct_fits(c, j, shape, place);
    case SHAPE_LIST:
        return list_fits(c, j, shape, place);
    case SHAPE_MAP:
        return map_fits(c, j, shape, place);
    }
    UNREACHABLE();
}

bool shape_check(struct dynamo_call *c, const char *op_name, const struct json *in)
{
    const struct shape *shape = shape_of(op_name);
    return shape == NULL || fits(c, in, shape, IN_STRUCT);
}

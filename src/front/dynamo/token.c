/* Request tokens: what makes a repeated request the same one, and the name it goes by.
 *
 * Two requests are the same when their JSON says the same, whatever the order of members in
 * objects: clients write maps in any order. DynamoDB keeps tokens apart by operation. */
#include "front/dynamo/dynamo_internal.h"

enum { TOKEN_CHARS_MAX = 36 };

void check_token(struct checks *k, struct bytes text)
{
    check_length(k, "clientRequestToken", text, 1, TOKEN_CHARS_MAX);
}

static struct hash128 hash_of(enum json_type type, const void *p, size_t n)
{
    return hash128(bytes_of(p, n), (uint64_t)type);
}

static struct hash128 hash_json(const struct json *j);

/* The sum over the members, which does not depend on their order. Absent and null are one. */
static struct hash128 hash_object(const struct json *j)
{
    struct hash128 sum = {0};
    for (size_t i = 0; i < j->object.n; i++) {
        const struct json_member *m = &j->object.members[i];
        if (m->value.type == JSON_NULL) {
            continue;
        }
        struct hash128 parts[2] = {hash128(m->name, /* seed= */ 0), hash_json(&m->value)};
        struct hash128 h = hash_of(JSON_OBJECT, parts, sizeof parts);
        sum.hi += h.hi + (sum.lo + h.lo < h.lo ? 1U : 0U);
        sum.lo += h.lo;
    }
    return hash_of(JSON_OBJECT, &sum, sizeof sum);
}

static struct hash128 hash_array(const struct json *j)
{
    struct hash128 parts[2] = {{0}, {0}};
    for (size_t i = 0; i < j->array.n; i++) {
        parts[1] = hash_json(&j->array.items[i]);
        parts[0] = hash_of(JSON_ARRAY, parts, sizeof parts);
    }
    return parts[0];
}

/* As deep as the body's nesting, which is bounded. */
static struct hash128 hash_json(const struct json *j)
{
    switch (j->type) {
    case JSON_OBJECT:
        return hash_object(j);
    case JSON_ARRAY:
        return hash_array(j);
    case JSON_STRING:
    case JSON_NUMBER:
        return hash_of(j->type, j->text.base, j->text.len);
    case JSON_BOOL:
        return hash_of(j->type, &j->boolean, sizeof j->boolean);
    case JSON_NULL:
        break;
    }
    return hash_of(JSON_NULL, "", 0);
}

bool token_of(
    struct dynamo_call *c,
    char scope,
    struct bytes text,
    const struct json *request,
    struct part_token **ret)
{
    *ret = NULL;
    if (text.base == NULL) {
        return true;
    }
    struct part_token *t = ARENA_NEW(c->arena, struct part_token);
    if (t == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    t->name = bytes_fmt(c->arena, "%c%.*s", scope, BYTES_FMT(text));
    t->request = hash_json(request);
    *ret = t;
    return t->name.base != NULL || call_fail_err(c, ERR_TOO_BIG);
}

/* Where policies are kept, and whether one allows an operation. A table's row has one of the table
 * itself and one of its latest stream, which counts until the table gets another stream. */
#include "front/dynamo/policy.h"

/* The member of the row's `extra`. */
static const char *place(uint64_t stream_ms)
{
    return stream_ms == 0 ? "policy" : "stream_policy";
}

/* Whether it is of the stream that was turned on then. */
static bool is_of(const struct value *p, uint64_t stream_ms)
{
    const struct value *stream = value_find(p, BYTES_LIT("stream"));
    uint64_t ms;
    return stream_ms == 0 || (stream != NULL && stream->type == VALUE_STRING &&
                              bytes_u64(stream->bytes, &ms) == OK && ms == stream_ms);
}

bool policy_of(const struct core_table *t, uint64_t stream_ms, struct policy *ret)
{
    const struct value *p = NULL;
    if (t->extra.type == VALUE_MAP) {
        p = value_find(&t->extra, bytes_str(place(stream_ms)));
    }
    if (p == NULL || p->type != VALUE_MAP || !is_of(p, stream_ms)) {
        return false;
    }
    const struct value *text = value_find(p, BYTES_LIT("text"));
    const struct value *revision = value_find(p, BYTES_LIT("revision"));
    if (text == NULL || text->type != VALUE_STRING || revision == NULL ||
        revision->type != VALUE_STRING) {
        return false; /* the policy is gone, its last revision is left */
    }
    *ret = (struct policy){.text = text->bytes, .revision = revision->bytes};
    return true;
}

enum err policy_set(
    struct arena *a, struct core_table *t, uint64_t stream_ms, const struct policy *p)
{
    struct member *m = ARENA_ARRAY(a, struct member, 3);
    struct value *v = ARENA_NEW(a, struct value);
    struct bytes stream = bytes_fmt(a, "%llu", (unsigned long long)stream_ms);
    if (m == NULL || v == NULL || stream.base == NULL) {
        return ERR_TOO_BIG;
    }
    size_t n = 0;
    m[n++] = (struct member){BYTES_LIT("revision"), {.type = VALUE_STRING, .bytes = p->revision}};
    if (stream_ms != 0) {
        m[n++] = (struct member){BYTES_LIT("stream"), {.type = VALUE_STRING, .bytes = stream}};
    }
    if (p->text.base != NULL) {
        m[n++] = (struct member){BYTES_LIT("text"), {.type = VALUE_STRING, .bytes = p->text}};
    }
    *v = (struct value){.type = VALUE_MAP, .map = {m, n}};
    return extra_set(a, t, place(stream_ms), v);
}

struct bytes policy_resource(struct dynamo_call *c, struct bytes table, uint64_t stream_ms)
{
    struct buf b;
    buf_init(&b, /* len_max= */ 4096);
    if (stream_ms == 0) {
        put_table_arn(&b, c->d->region, table);
    } else {
        put_stream_arn(&b, c->d->region, table, stream_ms);
    }
    struct bytes arn = bytes_dup(c->arena, buf_bytes(&b));
    buf_done(&b);
    return arn;
}

static const char *action_of(const struct dynamo_call *c)
{
    return c->action == NULL ? c->op->name : c->action;
}

struct bytes policy_denial(struct dynamo_call *c, struct bytes resource)
{
    return bytes_fmt(
        c->arena,
        "User: " POLICY_USER_HEAD "%.*s is not authorized to perform: dynamodb:%s on resource: "
        "%.*s with an explicit deny in a resource-based policy",
        BYTES_FMT(c->access_key),
        action_of(c),
        BYTES_FMT(resource));
}

/* What the call is about: an index that is read is a resource of its own. */
static struct bytes resource_asked(struct dynamo_call *c, struct bytes table, uint64_t stream_ms)
{
    struct bytes arn = policy_resource(c, table, stream_ms);
    if (arn.base == NULL || stream_ms != 0 || c->index.base == NULL) {
        return arn;
    }
    return bytes_fmt(c->arena, "%.*s/index/%.*s", BYTES_FMT(arn), BYTES_FMT(c->index));
}

bool policy_allows_stream(struct dynamo_call *c, const struct core_table *t, uint64_t stream_ms)
{
    struct policy p;
    bool denied = true; /* a policy that cannot be read denies */
    if (!policy_of(t, stream_ms, &p)) {
        return true;
    }
    struct bytes resource = resource_asked(c, t->part.name, stream_ms);
    enum err err = resource.base == NULL ? ERR_TOO_BIG
                                         : policy_deny(c, p.text, resource, action_of(c), &denied);
    if (err == ERR_TOO_BIG) {
        return call_fail_err(c, err);
    }
    return !denied || call_fail(c, AWS_ACCESS_DENIED, policy_denial(c, resource));
}

bool policy_allows(struct dynamo_call *c, const struct core_table *t)
{
    return policy_allows_stream(c, t, 0);
}

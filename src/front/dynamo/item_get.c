/* GetItem: read on the loop thread, answered at once. Every read sees all acknowledged writes of
 * the region, so ConsistentRead changes only what the read is said to cost. */
#include "front/dynamo/dynamo_internal.h"

static const char *const get_expressions[] = {"ProjectionExpression", NULL};
static const char *const get_legacy[] = {"AttributesToGet", NULL};
static const struct expr_params get_params = {get_expressions, get_legacy};

struct get_state {
    struct bytes table;
    const struct json *key;
    bool consistent;
    enum return_capacity want_capacity;
    struct expr_env env;
    const struct expr_projection *projection;
};

static bool get_read(struct dynamo_call *c, const struct json *in, struct get_state *s)
{
    struct checks k = {.c = c};
    if (!field_string(c, in, "TableName", &s->table) ||
        !field_map(c, in, "Key", "AttributeValue", &s->key) ||
        !field_bool(c, in, "ConsistentRead", &s->consistent) ||
        !field_capacity(c, &k, in, &s->want_capacity)) {
        return false;
    }
    check_table_name(&k, "tableName", s->table);
    check_not_null(&k, "key", s->key != NULL);
    legacy_checks(&k, in, get_legacy);
    return checks_done(&k);
}

static enum dynamo_step get_answer(
    struct dynamo_call *c,
    const struct get_state *s,
    const struct core_table *t,
    const struct value *item,
    size_t bytes)
{
    struct capacity *cap = NULL;
    uint64_t used = capacity_read_halves(bytes, s->consistent);
    usage_read(c, s->table, NULL, used);
    throttle_take(c, t, NULL, used);
    if (s->want_capacity != CAPACITY_NONE) {
        cap = capacity_new(c->arena, t, s->table);
        if (cap == NULL) {
            (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
            return DYNAMO_ANSWER;
        }
        cap->halves = capacity_read_halves(bytes, s->consistent);
    }
    struct buf *b = call_body(c);
    buf_put_u8(b, '{');
    if (item != NULL) {
        buf_put_str(b, "\"Item\":");
        attr_map_put(b, item);
    }
    if (cap != NULL) {
        buf_put_str(b, item != NULL ? ",\"ConsumedCapacity\":" : "\"ConsumedCapacity\":");
        capacity_put(b, cap, s->want_capacity);
    }
    buf_put_u8(b, '}');
    return call_ok(c);
}

enum dynamo_step get_item_begin(struct dynamo_call *c, const struct json *in)
{
    struct get_state s = {0};
    struct value key_attrs;
    struct bytes key;
    const struct core_table *t;
    if (!get_read(c, in, &s) || !exprs_check(c, in, &get_params) ||
        !attr_map_parse(c, s.key, &key_attrs) || !exprs_env(c, in, &s.env) ||
        !exprs_projection(c, in, &s.env, &s.projection) ||
        !legacy_projection(c, in, &s.projection) || !exprs_unused(c, &s.env) ||
        !table_find(c, s.table, &t)) {
        return DYNAMO_ANSWER;
    }
    struct exprs_parsed parsed = {.projection = s.projection};
    if (!exprs_paths_check(c, t, &parsed) || !key_parse(c, &t->part.keys, &key_attrs, &key)) {
        return DYNAMO_ANSWER;
    }
    if (throttled(c, t, NULL)) {
        const struct spent spent = spent_read(t, NULL);
        (void)fail_throttled(c, &spent); /* answers */
        return DYNAMO_ANSWER;
    }
    struct value item;
    size_t bytes = 0;
    enum err err = core_get(&c->d->view, t, key, s.projection, c->arena, &item, &bytes);
    if (err == ERR_NOT_FOUND) {
        return get_answer(c, &s, t, NULL, 0);
    }
    if (err != OK) {
        (void)call_fail_err(c, err); /* answers */
        return DYNAMO_ANSWER;
    }
    return get_answer(c, &s, t, &item, bytes);
}

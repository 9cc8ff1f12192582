/* BatchGetItem: up to 100 items of any tables, read at once on the loop thread. When the items pass
 * 16 MB the keys that are left come back in UnprocessedKeys.
 *
 * All is checked before anything is read, so an error never follows half a result. */
#include "front/dynamo/dynamo_internal.h"

enum { KEYS_MAX = 100, ITEMS_BYTES_MAX = 16 * 1024 * 1024 };

static const char *const get_expressions[] = {"ProjectionExpression", NULL};
static const char *const get_legacy[] = {"AttributesToGet", NULL};
static const struct expr_params get_params = {get_expressions, get_legacy};

struct batch_read {
    struct bytes given; /* name or ARN, as the request has it */
    const struct json *in;
    const struct json *keys_in;
    const struct core_table *table;
    struct value *key_attrs; /* n_keys maps */
    struct bytes *keys;      /* encoded */
    size_t n_keys;
    size_t n_done;
    bool consistent;
    struct expr_env env;
    const struct expr_projection *projection;
    struct capacity *capacity;
};

struct batch_get {
    struct batch_read *reads;
    size_t n_reads;
    enum return_capacity want_capacity;
    size_t bytes; /* of items so far */
};

static const char *keys_path(struct dynamo_call *c, struct bytes table)
{
    struct bytes path = bytes_fmt(c->arena, "requestItems.%.*s.member.keys", BYTES_FMT(table));
    return bytes_cstr(c->arena, path);
}

/* Types and constraints of one table's entry. */
static bool read_shape(
    struct dynamo_call *c, struct checks *k, const struct json_member *m, struct batch_read *r)
{
    r->given = m->name;
    r->in = &m->value;
    if (!json_as_struct(c, r->in, "KeysAndAttributes") ||
        !field_list(c, r->in, "Keys", &r->keys_in) ||
        !field_bool(c, r->in, "ConsistentRead", &r->consistent)) {
        return false;
    }
    const char *path = keys_path(c, m->name);
    if (path == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    check_not_null(k, path, r->keys_in != NULL);
    legacy_checks(k, r->in, get_legacy);
    return true;
}

/* The values of the keys, which need no table to be read. */
static bool keys_values(struct dynamo_call *c, struct batch_read *r)
{
    r->n_keys = r->keys_in->array.n;
    r->key_attrs = ARENA_ARRAY(c->arena, struct value, r->n_keys);
    if (r->key_attrs == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < r->n_keys; i++) {
        const struct json *j = &r->keys_in->array.items[i];
        if (!json_as_map(c, j, "AttributeValue") || !attr_map_parse(c, j, &r->key_attrs[i])) {
            return false;
        }
    }
    return true;
}

/* Everything of one table that needs no table to check. */
static bool read_parse(struct dynamo_call *c, struct batch_read *r)
{
    if (r->keys_in->array.n < 1 || r->keys_in->array.n > KEYS_MAX) {
        return call_invalid(
            c,
            "1 validation error detected: Value at 'RequestItems.%.*s.member.Keys' failed to "
            "satisfy constraint: Member must have length %s than or equal to %d",
            BYTES_FMT(r->given),
            r->keys_in->array.n < 1 ? "greater" : "less",
            r->keys_in->array.n < 1 ? 1 : KEYS_MAX);
    }
    return exprs_check(c, r->in, &get_params) && exprs_env(c, r->in, &r->env) &&
           exprs_projection(c, r->in, &r->env, &r->projection) &&
           legacy_projection(c, r->in, &r->projection) && exprs_unused(c, &r->env) &&
           keys_values(c, r);
}

static bool keys_read(struct dynamo_call *c, struct batch_read *r)
{
    r->keys = ARENA_ARRAY(c->arena, struct bytes, r->n_keys);
    if (r->keys == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < r->n_keys; i++) {
        if (!key_parse(c, &r->table->part.keys, &r->key_attrs[i], &r->keys[i])) {
            return false;
        }
        for (size_t k = 0; k < i; k++) {
            if (bytes_eq(r->keys[k], r->keys[i])) {
                return call_invalid(c, "Provided list of item keys contains duplicates");
            }
        }
    }
    return true;
}

static bool read_resolve(struct dynamo_call *c, struct batch_read *r, enum return_capacity want)
{
    struct exprs_parsed parsed = {.projection = r->projection};
    if (!table_find(c, r->given, &r->table) || !exprs_paths_check(c, r->table, &parsed) ||
        !keys_read(c, r)) {
        return false;
    }
    if (want == CAPACITY_NONE) {
        return true;
    }
    r->capacity = capacity_new(c->arena, r->table, r->given);
    return r->capacity != NULL || call_fail_err(c, ERR_TOO_BIG);
}

/* The tables of one request ask all in the old way or all in the new. */
static bool ways_check(struct dynamo_call *c, const struct batch_get *g)
{
    bool expression = false, legacy = false;
    for (size_t i = 0; i < g->n_reads; i++) {
        expression = expression || field_present(g->reads[i].in, "ProjectionExpression");
        legacy = legacy || field_present(g->reads[i].in, "AttributesToGet");
    }
    return !(expression && legacy) ||
           call_invalid(
               c,
               "Can not use both expression and non-expression parameters in the same request: "
               "Non-expression parameters: {AttributesToGet} Expression parameters: "
               "{ProjectionExpression}");
}

static bool batch_get_prepare(struct dynamo_call *c, const struct json *in, struct batch_get *g)
{
    const struct json *map;
    struct checks k = {.c = c};
    if (!field_map(c, in, "RequestItems", "KeysAndAttributes", &map) ||
        !field_capacity(c, &k, in, &g->want_capacity)) {
        return false;
    }
    check_not_null(&k, "requestItems", map != NULL);
    if (map == NULL || map->object.n == 0) {
        return checks_done(&k) &&
               call_invalid(
                   c,
                   "1 validation error detected: Value at 'RequestItems' failed to satisfy "
                   "constraint: Member must have length greater than or equal to 1");
    }
    batch_names_check(&k, map);
    g->n_reads = map->object.n;
    g->reads = ARENA_ARRAY(c->arena, struct batch_read, g->n_reads);
    if (g->reads == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    size_t total = 0;
    for (size_t i = 0; i < g->n_reads; i++) {
        if (!read_shape(c, &k, &map->object.members[i], &g->reads[i])) {
            return false;
        }
    }
    if (!checks_done(&k) || !batch_tables_differ(c, map) || !ways_check(c, g)) {
        return false;
    }
    for (size_t i = 0; i < g->n_reads; i++) {
        if (!read_parse(c, &g->reads[i])) {
            return false;
        }
        total += g->reads[i].n_keys;
    }
    if (total > KEYS_MAX) {
        return call_invalid(c, "Too many items requested for the BatchGetItem call");
    }
    for (size_t i = 0; i < g->n_reads; i++) {
        if (!read_resolve(c, &g->reads[i], g->want_capacity)) {
            return false;
        }
    }
    return true;
}

/* ---- reading and writing ---- */

/* Reads on until all keys are done or the answer is full. */
static enum err put_items(
    struct dynamo_call *c, struct buf *b, struct batch_get *g, struct batch_read *r)
{
    bool first = true;
    for (; r->n_done < r->n_keys && g->bytes < ITEMS_BYTES_MAX; r->n_done++) {
        if (throttled(c, r->table, NULL)) {
            const struct spent spent = spent_read(r->table, NULL);
            usage_refused(c, &spent);
            break; /* what is left comes back as unprocessed */
        }
        struct value item;
        size_t bytes = 0;
        enum err err = core_get(
            &c->d->view, r->table, r->keys[r->n_done], r->projection, c->arena, &item, &bytes);
        if (err != OK && err != ERR_NOT_FOUND) {
            return err;
        }
        if (err == OK && g->bytes + bytes > ITEMS_BYTES_MAX) {
            g->bytes = ITEMS_BYTES_MAX; /* full: the item is read again by the client's next call */
            break;
        }
        uint64_t used = capacity_read_halves(bytes, r->consistent);
        usage_read(c, r->given, NULL, used);
        throttle_take(c, r->table, NULL, used);
        if (r->capacity != NULL) {
            r->capacity->halves += capacity_read_halves(bytes, r->consistent);
        }
        if (err == ERR_NOT_FOUND) {
            continue;
        }
        g->bytes += bytes;
        buf_put_str(b, first ? "" : ",");
        attr_map_put(b, &item);
        first = false;
    }
    return OK;
}

static enum err put_responses(struct dynamo_call *c, struct buf *b, struct batch_get *g)
{
    buf_put_str(b, "{\"Responses\":{");
    for (size_t i = 0; i < g->n_reads; i++) {
        struct batch_read *r = &g->reads[i];
        buf_put_str(b, i == 0 ? "" : ",");
        json_put_string(b, r->given);
        buf_put_str(b, ":[");
        enum err err = put_items(c, b, g, r);
        if (err != OK) {
            return err;
        }
        buf_put_u8(b, ']');
    }
    buf_put_u8(b, '}');
    return OK;
}

/* The table's entry as it came, with the keys that are left. */
static void put_left_keys(struct buf *b, const struct batch_read *r)
{
    json_put_string(b, r->given);
    buf_put_str(b, ":{");
    for (size_t i = 0; i < r->in->object.n; i++) {
        const struct json_member *m = &r->in->object.members[i];
        if (bytes_eq_str(m->name, "Keys") || m->value.type == JSON_NULL) {
            continue;
        }
        json_put_string(b, m->name);
        buf_put_u8(b, ':');
        json_put(b, &m->value);
        buf_put_u8(b, ',');
    }
    buf_put_str(b, "\"Keys\":[");
    for (size_t i = r->n_done; i < r->n_keys; i++) {
        buf_put_str(b, i == r->n_done ? "" : ",");
        json_put(b, &r->keys_in->array.items[i]);
    }
    buf_put_str(b, "]}");
}

static void put_unprocessed_keys(struct buf *b, const struct batch_get *g)
{
    bool first = true;
    buf_put_str(b, ",\"UnprocessedKeys\":{");
    for (size_t i = 0; i < g->n_reads; i++) {
        if (g->reads[i].n_done < g->reads[i].n_keys) {
            buf_put_str(b, first ? "" : ",");
            put_left_keys(b, &g->reads[i]);
            first = false;
        }
    }
    buf_put_u8(b, '}');
}

/* Only want of capacity keeps the first key of all tables from being read. */
static bool nothing_read(const struct batch_get *g)
{
    size_t done = 0;
    for (size_t i = 0; i < g->n_reads; i++) {
        done += g->reads[i].n_done;
    }
    return done == 0;
}

enum dynamo_step batch_get_begin(struct dynamo_call *c, const struct json *in)
{
    struct batch_get g = {0};
    if (!batch_get_prepare(c, in, &g)) {
        return DYNAMO_ANSWER;
    }
    struct buf *b = call_body(c);
    enum err err = put_responses(c, b, &g);
    if (err != OK) {
        (void)call_fail_err(c, err); /* answers */
        return DYNAMO_ANSWER;
    }
    if (nothing_read(&g)) {
        const struct spent spent = spent_read(g.reads[0].table, NULL);
        (void)call_fail_spent(c, &spent); /* answers */
        return DYNAMO_ANSWER;
    }
    put_unprocessed_keys(b, &g);
    if (g.want_capacity != CAPACITY_NONE) {
        buf_put_str(b, ",\"ConsumedCapacity\":[");
        for (size_t i = 0; i < g.n_reads; i++) {
            buf_put_str(b, i == 0 ? "" : ",");
            capacity_put(b, g.reads[i].capacity, g.want_capacity);
        }
        buf_put_u8(b, ']');
    }
    buf_put_u8(b, '}');
    return call_ok(c);
}

/* TransactGetItems: up to 100 items of any tables as they stood at one instant, read on the loop
 * thread from one snapshot.
 *
 * A key that does not fit its table cancels the transaction; of several only the first has a
 * reason.
 */
#include "front/dynamo/dynamo_internal.h"

static const char *const get_expressions[] = {"ProjectionExpression", NULL};
static const char *const no_legacy[] = {NULL};
static const struct expr_params get_params = {get_expressions, no_legacy};

struct transact_read {
    const struct json *in;
    const struct json *key_in;
    struct bytes given; /* table name or ARN */
    struct value key_attrs;
    struct expr_env env;
    const struct expr_projection *projection;
    const struct core_table *table;
    struct bytes key;
    struct value item;
    bool there;
    struct capacity *capacity; /* its table's; NULL unless wanted */
    bool first;                /* of its table */
};

struct transact_get {
    struct transact_read *reads;
    struct cancel_reason *reasons;
    size_t n;
    enum return_capacity want_capacity;
    bool has_misfit; /* a key that does not fit its table */
};

/* ---- shape ---- */

static bool read_shape(
    struct dynamo_call *c,
    struct checks *k,
    const struct json *j,
    size_t i,
    struct transact_read *r)
{
    if (!json_as_struct(c, j, "TransactGetItem") || !field_struct(c, j, "Get", "Get", &r->in)) {
        return false;
    }
    struct bytes path = bytes_fmt(c->arena, "transactItems.%zu.member.get", i + 1);
    const char *get = bytes_cstr(c->arena, path);
    const char *table = bytes_cstr(c->arena, bytes_fmt(c->arena, "%s.tableName", get));
    const char *key = bytes_cstr(c->arena, bytes_fmt(c->arena, "%s.key", get));
    if (get == NULL || table == NULL || key == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    check_not_null(k, get, r->in != NULL);
    if (r->in == NULL) {
        return true;
    }
    if (!field_string(c, r->in, "TableName", &r->given) ||
        !field_map(c, r->in, "Key", "AttributeValue", &r->key_in)) {
        return false;
    }
    check_table_name(k, table, r->given);
    check_not_null(k, key, r->key_in != NULL);
    return true;
}

static bool read_parse(struct dynamo_call *c, struct transact_read *r)
{
    return exprs_check(c, r->in, &get_params) && attr_map_parse(c, r->key_in, &r->key_attrs) &&
           exprs_env(c, r->in, &r->env) && exprs_projection(c, r->in, &r->env, &r->projection) &&
           exprs_unused(c, &r->env);
}

/* ---- tables and keys ---- */

static bool read_capacity(struct dynamo_call *c, struct transact_get *g, size_t i)
{
    struct transact_read *r = &g->reads[i];
    for (size_t k = 0; k < i; k++) {
        if (g->reads[k].table == r->table) {
            r->capacity = g->reads[k].capacity;
            return true;
        }
    }
    r->first = true;
    r->capacity = capacity_new(c->arena, r->table, r->given);
    if (r->capacity == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    r->capacity->kind = "ReadCapacityUnits";
    return true;
}

static bool read_resolve(struct dynamo_call *c, struct transact_get *g, size_t i, bool *ret_fits)
{
    struct transact_read *r = &g->reads[i];
    c->action = "GetItem";
    if (!table_find(c, r->given, &r->table)) {
        return false;
    }
    struct exprs_parsed parsed = {.projection = r->projection};
    struct call_noted noted;
    call_note(c, &noted);
    *ret_fits = exprs_paths_check(c, r->table, &parsed) &&
                key_parse(c, &r->table->part.keys, &r->key_attrs, &r->key);
    call_note(c, NULL);
    if (!*ret_fits) {
        if (!g->has_misfit) { /* only the first is told */
            g->reasons[i] = (struct cancel_reason){.code = "ValidationError", .msg = noted.msg};
        }
        g->has_misfit = true;
        return noted.error == AWS_VALIDATION || call_fail(c, noted.error, noted.msg);
    }
    if (throttled(c, r->table, NULL)) {
        const struct spent spent = spent_read(r->table, NULL);
        *ret_fits = false;
        g->reasons[i] = throttled_reason(c, &spent);
    }
    return g->want_capacity == CAPACITY_NONE || read_capacity(c, g, i);
}

static bool reads_resolve(struct dynamo_call *c, struct transact_get *g)
{
    bool all = true;
    for (size_t i = 0; i < g->n; i++) {
        bool fits;
        if (!read_resolve(c, g, i, &fits)) {
            return false;
        }
        all = all && fits;
    }
    if (!all) {
        return call_cancel(c, g->reasons, g->n);
    }
    for (size_t i = 1; i < g->n; i++) {
        for (size_t k = 0; k < i; k++) {
            if (g->reads[i].table == g->reads[k].table &&
                bytes_eq(g->reads[i].key, g->reads[k].key)) {
                return call_invalid(
                    c, "Transaction request cannot include multiple operations on one item");
            }
        }
    }
    return true;
}

static bool transact_get_prepare(
    struct dynamo_call *c, const struct json *in, struct transact_get *g)
{
    struct checks k = {.c = c};
    const struct json *list;
    if (!field_list(c, in, "TransactItems", &list) ||
        !field_capacity(c, &k, in, &g->want_capacity)) {
        return false;
    }
    check_not_null(&k, "transactItems", list != NULL);
    g->n = list == NULL ? 0 : list->array.n;
    if (list != NULL) {
        check_count(
            &k,
            "transactItems",
            g->n == 0 ? BYTES_LIT("[]") : BYTES_LIT("[...]"),
            g->n,
            1,
            TRANSACTION_PARTS_MAX);
    }
    if (g->n == 0 || g->n > TRANSACTION_PARTS_MAX) {
        return checks_done(&k);
    }
    g->reads = ARENA_ARRAY(c->arena, struct transact_read, g->n);
    g->reasons = ARENA_ARRAY(c->arena, struct cancel_reason, g->n);
    if (g->reads == NULL || g->reasons == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < g->n; i++) {
        if (!read_shape(c, &k, &list->array.items[i], i, &g->reads[i])) {
            return false;
        }
    }
    if (!checks_done(&k)) {
        return false;
    }
    for (size_t i = 0; i < g->n; i++) {
        if (!read_parse(c, &g->reads[i])) {
            return false;
        }
    }
    return reads_resolve(c, g);
}

/* ---- reading and answering ---- */

static bool read_all(struct dynamo_call *c, const struct core_view *v, struct transact_get *g)
{
    size_t total = 0;
    for (size_t i = 0; i < g->n; i++) {
        struct transact_read *r = &g->reads[i];
        size_t bytes = 0;
        enum err err = core_get(v, r->table, r->key, r->projection, c->arena, &r->item, &bytes);
        if (err != OK && err != ERR_NOT_FOUND) {
            return call_fail_err(c, err);
        }
        /* An item of which the projection shows nothing is left out like one that is not there. */
        r->there = err == OK && r->item.map.n > 0;
        total += bytes;
        uint64_t halves = capacity_read_halves(bytes, /* consistent= */ true) * 2;
        usage_read(c, r->given, NULL, halves);
        throttle_take(c, r->table, NULL, halves);
        if (r->capacity != NULL) {
            r->capacity->halves += halves;
        }
    }
    return total <= TRANSACTION_BYTES_MAX || call_invalid(c, TRANSACTION_READS_TOO_LARGE);
}

static void put_answer(struct buf *b, const struct transact_get *g)
{
    buf_put_u8(b, '{');
    if (g->want_capacity != CAPACITY_NONE) {
        const char *comma = "";
        buf_put_str(b, "\"ConsumedCapacity\":[");
        for (size_t i = 0; i < g->n; i++) {
            if (g->reads[i].first) {
                buf_put_str(b, comma);
                capacity_put(b, g->reads[i].capacity, g->want_capacity);
                comma = ",";
            }
        }
        buf_put_str(b, "],");
    }
    buf_put_str(b, "\"Responses\":[");
    for (size_t i = 0; i < g->n; i++) {
        buf_put_str(b, i == 0 ? "{" : ",{");
        if (g->reads[i].there) {
            buf_put_str(b, "\"Item\":");
            attr_map_put(b, &g->reads[i].item);
        }
        buf_put_u8(b, '}');
    }
    buf_put_str(b, "]}");
}

enum dynamo_step transact_get_begin(struct dynamo_call *c, const struct json *in)
{
    struct transact_get g = {0};
    if (!transact_get_prepare(c, in, &g)) {
        return DYNAMO_ANSWER;
    }
    struct core_view v = c->d->view;
    v.snap = engine_snapshot_open(v.engine);
    bool ok = read_all(c, &v, &g);
    engine_snapshot_close(v.snap);
    if (!ok) {
        return DYNAMO_ANSWER;
    }
    put_answer(call_body(c), &g);
    return call_ok(c);
}

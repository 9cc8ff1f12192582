/* BatchWriteItem: up to 25 puts and deletes of any tables in one command to the writer, each on its
 * own.
 *
 * What the writer could not do of it comes back in UnprocessedItems, as it came; all else is done.
 */
#include "front/dynamo/dynamo_internal.h"

enum { REQUESTS_MAX = 25 };

/* One table of the request. */
struct batch_table {
    struct bytes given; /* name or ARN, as the request has it */
    size_t op_first;
    size_t n_ops;
    struct capacity *capacity; /* NULL unless wanted */
};

struct batch_write_state {
    struct part_cmd cmd;
    struct part_op ops[REQUESTS_MAX];
    const struct json *requests[REQUESTS_MAX]; /* for UnprocessedItems */
    struct collection collections[REQUESTS_MAX];
    bool want_metrics;
    size_t n_ops;
    struct batch_table *tables;
    size_t n_tables;
    enum return_capacity want_capacity;
};

/* ---- shape and limits ---- */

bool batch_map_check(struct dynamo_call *c, const struct json *map, const char *op_name)
{
    if (map->object.n == 0) {
        return call_invalid(c, "The requestItems parameter is required for %s", op_name);
    }
    struct checks k = {.c = c};
    for (size_t i = 0; i < map->object.n; i++) {
        struct bytes name = map->object.members[i].name;
        struct checks one = {.c = c};
        check_table_name(&one, "", name);
        if (one.n > 0) {
            check_fail(
                &k,
                bytes_fmt(c->arena, "{%.*s=...}", BYTES_FMT(name)),
                "requestItems",
                "Map keys must satisfy constraint: [Member must have length less than or equal to "
                "255, Member must have length greater than or equal to 1, Member must satisfy "
                "regular expression pattern: [a-zA-Z0-9_.-]+]");
        }
    }
    return checks_done(&k);
}

static bool counts_check(struct dynamo_call *c, const struct json *map)
{
    struct checks k = {.c = c};
    size_t total = 0;
    for (size_t i = 0; i < map->object.n; i++) {
        const struct json *list = &map->object.members[i].value;
        if (list->type == JSON_OBJECT) {
            return call_fail(
                c,
                AWS_SERIALIZATION,
                BYTES_LIT("Start of structure or map found where not expected"));
        }
        if (list->type != JSON_ARRAY) {
            return call_fail(c, AWS_SERIALIZATION, BYTES_LIT("Unexpected field type"));
        }
        total += list->array.n;
        if (list->array.n < 1 || list->array.n > REQUESTS_MAX) {
            check_fail(
                &k,
                bytes_fmt(c->arena, "{%.*s=[...]}", BYTES_FMT(map->object.members[i].name)),
                "requestItems",
                "Map value must satisfy constraint: [Member must have length less than or equal to "
                "25, Member must have length greater than or equal to 1]");
        }
    }
    if (!checks_done(&k)) {
        return false;
    }
    return total <= REQUESTS_MAX ||
           call_invalid(c, "Too many items requested for the BatchWriteItem call");
}

/* ---- one request ---- */

static bool put_read(
    struct dynamo_call *c,
    const struct core_table *t,
    const struct json *req,
    struct part_op *op,
    const struct value **ret_attrs)
{
    const struct json *attrs;
    if (!field_map(c, req, "Item", "AttributeValue", &attrs)) {
        return false;
    }
    if (attrs == NULL) {
        return call_invalid(
            c,
            "1 validation error detected: Value null at 'requestItems.%.*s.member.1.member."
            "putRequest.item' failed to satisfy constraint: Member must not be null",
            BYTES_FMT(t->part.name));
    }
    struct value *item = ARENA_NEW(c->arena, struct value);
    if (item == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    if (!attr_map_parse(c, attrs, item)) {
        return false;
    }
    if (item_size(item) > DOC_ITEM_BYTES_MAX) {
        return call_invalid(c, "Item size has exceeded the maximum allowed size");
    }
    op->kind = PART_PUT;
    op->item = item;
    *ret_attrs = item;
    return item_key(c, t, item, true, &op->key);
}

static bool delete_read(
    struct dynamo_call *c,
    const struct core_table *t,
    const struct json *req,
    struct part_op *op,
    const struct value **ret_attrs)
{
    const struct json *attrs;
    if (!field_map(c, req, "Key", "AttributeValue", &attrs)) {
        return false;
    }
    if (attrs == NULL) {
        return call_invalid(
            c,
            "1 validation error detected: Value null at 'requestItems.%.*s.member.1.member."
            "deleteRequest.key' failed to satisfy constraint: Member must not be null",
            BYTES_FMT(t->part.name));
    }
    struct value *key = ARENA_NEW(c->arena, struct value);
    if (key == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    op->kind = PART_DELETE;
    *ret_attrs = key;
    return attr_map_parse(c, attrs, key) && key_parse(c, &t->part.keys, key, &op->key);
}

static bool request_read(
    struct dynamo_call *c,
    const struct core_table *t,
    const struct json *req,
    struct part_op *op,
    const struct value **ret_attrs)
{
    const struct json *put;
    const struct json *del;
    if (!json_as_struct(c, req, "WriteRequest") ||
        !field_struct(c, req, "PutRequest", "PutRequest", &put) ||
        !field_struct(c, req, "DeleteRequest", "DeleteRequest", &del)) {
        return false;
    }
    if ((put == NULL) == (del == NULL)) {
        return call_invalid(
            c,
            "Supplied AttributeValue has more than one datatypes set, must contain exactly one of "
            "the supported datatypes");
    }
    op->table = t->part.id;
    return put != NULL ? put_read(c, t, put, op, ret_attrs) : delete_read(c, t, del, op, ret_attrs);
}

/* Whether the newest op repeats the key of an earlier one of its table: at most 25, so all are
 * compared. */
static bool repeats(const struct batch_write_state *s, const struct batch_table *bt)
{
    const struct part_op *newest = &s->ops[s->n_ops - 1];
    for (size_t i = bt->op_first; i + 1 < s->n_ops; i++) {
        if (bytes_eq(s->ops[i].key, newest->key)) {
            return true;
        }
    }
    return false;
}

static bool table_read(
    struct dynamo_call *c,
    struct batch_write_state *s,
    const struct json_member *m,
    struct batch_table *bt)
{
    const struct core_table *t;
    if (!table_find(c, m->name, &t)) {
        return false;
    }
    *bt = (struct batch_table){.given = m->name, .op_first = s->n_ops};
    if (s->want_capacity != CAPACITY_NONE) {
        bt->capacity = capacity_new(c->arena, t);
        if (bt->capacity == NULL) {
            return call_fail_err(c, ERR_TOO_BIG);
        }
    }
    for (size_t i = 0; i < m->value.array.n; i++) {
        const struct json *req = &m->value.array.items[i];
        ASSERT(s->n_ops < REQUESTS_MAX);
        s->requests[s->n_ops] = req;
        const struct value *attrs = NULL;
        if (!request_read(c, t, req, &s->ops[s->n_ops], &attrs)) {
            return false;
        }
        if (s->want_metrics && !collection_of(c->arena, t, attrs, &s->collections[s->n_ops])) {
            return call_fail_err(c, ERR_TOO_BIG);
        }
        s->n_ops++;
        if (repeats(s, bt)) {
            return call_invalid(c, "Provided list of item keys contains duplicates");
        }
    }
    bt->n_ops = s->n_ops - bt->op_first;
    return true;
}

static bool batch_write_prepare(
    struct dynamo_call *c, const struct json *in, struct batch_write_state *s)
{
    const struct json *map;
    struct checks k = {.c = c};
    if (!field_map(
            c,
            in,
            "RequestItems",
            "java.util.List<com.amazonaws.dynamodb.v20120810.WriteRequest>",
            &map) ||
        !field_capacity(c, &k, in, &s->want_capacity)) {
        return false;
    }
    if (!field_metrics(c, &k, in, &s->want_metrics)) {
        return false;
    }
    check_not_null(&k, "requestItems", map != NULL);
    if (!checks_done(&k) || !batch_map_check(c, map, "BatchWriteItem") || !counts_check(c, map)) {
        return false;
    }
    s->n_tables = map->object.n;
    s->tables = ARENA_ARRAY(c->arena, struct batch_table, s->n_tables);
    if (s->tables == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < s->n_tables; i++) {
        if (!table_read(c, s, &map->object.members[i], &s->tables[i])) {
            return false;
        }
    }
    return true;
}

enum dynamo_step batch_write_begin(struct dynamo_call *c, const struct json *in)
{
    struct batch_write_state *s = ARENA_NEW(c->arena, struct batch_write_state);
    if (s == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
        return DYNAMO_ANSWER;
    }
    if (!batch_write_prepare(c, in, s)) {
        return DYNAMO_ANSWER;
    }
    s->cmd = (struct part_cmd){.kind = PART_CMD_WRITE, .write = {.ops = s->ops, .n = s->n_ops}};
    c->state = s;
    return call_submit(c, &s->cmd);
}

/* ---- the answer ---- */

static void put_unprocessed(
    struct buf *b, const struct batch_write_state *s, const struct batch_table *bt, bool *first)
{
    bool open = false;
    for (size_t i = bt->op_first; i < bt->op_first + bt->n_ops; i++) {
        if (s->ops[i].err == OK) {
            continue;
        }
        if (open) {
            buf_put_u8(b, ',');
        } else {
            buf_put_str(b, *first ? "" : ",");
            json_put_string(b, bt->given);
            buf_put_str(b, ":[");
            *first = false;
            open = true;
        }
        json_put(b, s->requests[i]);
    }
    if (open) {
        buf_put_u8(b, ']');
    }
}

static void put_capacities(struct buf *b, const struct batch_write_state *s)
{
    buf_put_str(b, ",\"ConsumedCapacity\":[");
    for (size_t i = 0; i < s->n_tables; i++) {
        struct batch_table *bt = &s->tables[i];
        for (size_t k = bt->op_first; k < bt->op_first + bt->n_ops; k++) {
            if (s->ops[k].err == OK) {
                capacity_add_op(bt->capacity, &s->ops[k]);
            }
        }
        buf_put_str(b, i == 0 ? "" : ",");
        capacity_put(b, bt->capacity, s->want_capacity);
    }
    buf_put_u8(b, ']');
}

/* Whether a later op of the table tells of the same collection, and with a later size. */
static bool told_later(const struct batch_write_state *s, const struct batch_table *bt, size_t i)
{
    for (size_t k = i + 1; k < bt->op_first + bt->n_ops; k++) {
        if (s->ops[k].err == OK && value_eq(&s->collections[k].value, &s->collections[i].value)) {
            return true;
        }
    }
    return false;
}

/* Each collection that was touched, once; nothing where there is none. */
static void put_metrics(struct buf *b, const struct batch_write_state *s)
{
    bool any_table = false;
    for (size_t i = 0; i < s->n_tables; i++) {
        const struct batch_table *bt = &s->tables[i];
        bool any = false;
        for (size_t k = bt->op_first; k < bt->op_first + bt->n_ops; k++) {
            bool told = s->ops[k].err == OK && s->collections[k].key.base != NULL;
            if (!told || told_later(s, bt, k)) {
                continue;
            }
            if (!any) {
                buf_put_str(b, any_table ? "," : ",\"ItemCollectionMetrics\":{");
                json_put_string(b, bt->given);
            }
            buf_put_str(b, any ? "," : ":[");
            collection_put(b, &s->collections[k], s->ops[k].collection_bytes);
            any = true;
            any_table = true;
        }
        buf_put_str(b, any ? "]" : "");
    }
    buf_put_str(b, any_table ? "}" : "");
}

/* A put that its collection has no room for would come back for ever. */
static bool too_large(const struct batch_write_state *s)
{
    for (size_t i = 0; i < s->n_ops; i++) {
        if (s->ops[i].fault == PART_FAULT_COLLECTION) {
            return true;
        }
    }
    return false;
}

/* An op that failed in the engine may or may not have happened: that is no "unprocessed". */
static enum err first_unknown(const struct batch_write_state *s)
{
    if (s->cmd.err != OK) {
        return s->cmd.err;
    }
    for (size_t i = 0; i < s->n_ops; i++) {
        if (s->ops[i].err == ERR_IO) {
            return ERR_IO;
        }
    }
    return OK;
}

static void count_usage(
    struct dynamo_call *c, const struct batch_write_state *s, const struct batch_table *bt)
{
    for (size_t i = bt->op_first; i < bt->op_first + bt->n_ops; i++) {
        if (s->ops[i].err == OK) {
            usage_write(c, bt->given, &s->ops[i]);
        }
    }
}

enum dynamo_step batch_write_resume(struct dynamo_call *c)
{
    struct batch_write_state *s = c->state;
    enum err err = first_unknown(s);
    if (err != OK) {
        (void)call_fail_err(c, err); /* answers */
        return DYNAMO_ANSWER;
    }
    if (too_large(s)) {
        (void)fail_collection_too_large(c); /* answers */
        return DYNAMO_ANSWER;
    }
    struct buf *b = call_body(c);
    bool first = true;
    buf_put_str(b, "{\"UnprocessedItems\":{");
    for (size_t i = 0; i < s->n_tables; i++) {
        put_unprocessed(b, s, &s->tables[i], &first);
        count_usage(c, s, &s->tables[i]);
    }
    buf_put_u8(b, '}');
    if (s->want_capacity != CAPACITY_NONE) {
        put_capacities(b, s);
    }
    if (s->want_metrics) {
        put_metrics(b, s);
    }
    buf_put_u8(b, '}');
    return call_ok(c);
}

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

/* One WriteRequest. */
struct write_request {
    const struct json *in; /* for UnprocessedItems */
    bool is_put;
    struct value attrs; /* item or key */
};

struct batch_write_state {
    struct part_cmd cmd;
    struct part_op ops[REQUESTS_MAX];
    struct write_request requests[REQUESTS_MAX];
    struct collection collections[REQUESTS_MAX];
    bool want_metrics;
    size_t n_ops;
    struct batch_table *tables;
    size_t n_tables;
    enum return_capacity want_capacity;
};

/* ---- shape and limits ---- */

enum { SHOWN_BYTES_MAX = 64 * 1024 };

static bool is_table_name(struct dynamo_call *c, struct bytes name)
{
    struct checks k = {.c = c};
    if (!bytes_has_prefix(name, BYTES_LIT("arn:"))) {
        check_name_chars(&k, "", name);
        check_length(&k, "", name, 3, 255);
    }
    return k.n == 0;
}

/* The requests as DynamoDB shows them where a table's name is wrong: all of them, as they came. */
static struct bytes requests_shown(struct dynamo_call *c, const struct json *map, struct bytes name)
{
    struct buf b;
    buf_init(&b, SHOWN_BYTES_MAX);
    json_put(&b, map);
    struct bytes shown = b.err == OK ? bytes_dup(c->arena, buf_bytes(&b))
                                     : bytes_fmt(c->arena, "{%.*s=...}", BYTES_FMT(name));
    buf_done(&b);
    return shown;
}

void batch_names_check(struct checks *k, const struct json *map)
{
    for (size_t i = 0; i < map->object.n; i++) {
        struct bytes name = map->object.members[i].name;
        if (!is_table_name(k->c, name)) {
            check_fail(
                k,
                requests_shown(k->c, map, name),
                "requestItems",
                "Map keys must satisfy constraint: [Member must have length less than or equal to "
                "255, Member must have length greater than or equal to 3, Member must satisfy "
                "regular expression pattern: [a-zA-Z0-9_.-]+]");
        }
    }
}

bool batch_tables_differ(struct dynamo_call *c, const struct json *map)
{
    for (size_t i = 0; i < map->object.n; i++) {
        struct bytes arn = map->object.members[i].name;
        if (!bytes_has_prefix(arn, BYTES_LIT("arn:"))) {
            continue; /* names alone differ */
        }
        for (size_t k = 0; k < map->object.n; k++) {
            struct bytes other = map->object.members[k].name;
            if (k != i && bytes_eq(table_name_of(other), table_name_of(arn))) {
                return call_invalid(c, "Provided list of table names contains duplicates");
            }
        }
    }
    return true;
}

/* A member of one request that must be there: Item of a PutRequest, Key of a DeleteRequest. */
static void member_check(
    struct checks *k,
    struct bytes table,
    size_t at,
    const struct json *request,
    const char *names[2],
    const char *path)
{
    const struct json *j = request->type == JSON_OBJECT ? json_find(request, names[0]) : NULL;
    if (j == NULL || j->type != JSON_OBJECT || field_present(j, names[1])) {
        return;
    }
    struct bytes full = bytes_fmt(
        k->c->arena, "requestItems.%.*s.member.%zu.member.%s", BYTES_FMT(table), at, path);
    const char *text = bytes_cstr(k->c->arena, full);
    check_not_null(k, text == NULL ? path : text, false);
}

/* The lists of requests: how long they are, and what each of their elements must have. */
static bool lists_check(struct dynamo_call *c, struct checks *k, const struct json *map)
{
    const char *put[2] = {"PutRequest", "Item"};
    const char *del[2] = {"DeleteRequest", "Key"};
    for (size_t i = 0; i < map->object.n; i++) {
        const struct json_member *m = &map->object.members[i];
        if (!json_as_list(c, &m->value)) {
            return false;
        }
        if (m->value.array.n < 1 || m->value.array.n > REQUESTS_MAX) {
            check_fail(
                k,
                bytes_fmt(c->arena, "{%.*s=[...]}", BYTES_FMT(m->name)),
                "requestItems",
                "Map value must satisfy constraint: [Member must have length less than or equal to "
                "25, Member must have length greater than or equal to 1]");
        }
        for (size_t r = 0; r < m->value.array.n && k->n < DYNAMO_CHECKS_MAX; r++) {
            member_check(k, m->name, r + 1, &m->value.array.items[r], put, "putRequest.item");
            member_check(k, m->name, r + 1, &m->value.array.items[r], del, "deleteRequest.key");
        }
    }
    return true;
}

/* ---- one request ---- */

static bool put_read(struct dynamo_call *c, const struct json *req, struct write_request *ret)
{
    const struct json *attrs;
    if (!field_map(c, req, "Item", "AttributeValue", &attrs) ||
        !attr_map_parse(c, attrs, &ret->attrs)) {
        return false;
    }
    ret->is_put = true;
    return item_size(&ret->attrs) <= DOC_ITEM_BYTES_MAX ||
           call_invalid(c, "Item size has exceeded the maximum allowed size");
}

static bool delete_read(struct dynamo_call *c, const struct json *req, struct write_request *ret)
{
    const struct json *attrs;
    return field_map(c, req, "Key", "AttributeValue", &attrs) &&
           attr_map_parse(c, attrs, &ret->attrs);
}

static bool request_read(struct dynamo_call *c, const struct json *req, struct write_request *ret)
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
    ret->in = req;
    return put != NULL ? put_read(c, put, ret) : delete_read(c, del, ret);
}

/* All of the requests that needs no table to be read. */
static bool requests_read(
    struct dynamo_call *c, const struct json *map, struct batch_write_state *s)
{
    size_t n = 0;
    for (size_t i = 0; i < map->object.n; i++) {
        const struct json *list = &map->object.members[i].value;
        for (size_t r = 0; r < list->array.n; r++, n++) {
            ASSERT(n < REQUESTS_MAX);
            if (!request_read(c, &list->array.items[r], &s->requests[n])) {
                return false;
            }
        }
    }
    return true;
}

static bool op_fill(
    struct dynamo_call *c,
    const struct core_table *t,
    const struct write_request *r,
    struct part_op *op)
{
    op->table = t->part.id;
    if (!r->is_put) {
        op->kind = PART_DELETE;
        return key_parse(c, &t->part.keys, &r->attrs, &op->key);
    }
    op->kind = PART_PUT;
    op->item = &r->attrs;
    return item_key(c, t, &r->attrs, true, &op->key);
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
        bt->capacity = capacity_new(c->arena, t, m->name);
        if (bt->capacity == NULL) {
            return call_fail_err(c, ERR_TOO_BIG);
        }
    }
    for (size_t i = 0; i < m->value.array.n; i++) {
        if (!op_fill(c, t, &s->requests[s->n_ops], &s->ops[s->n_ops])) {
            return false;
        }
        if (s->want_metrics &&
            !collection_of(c->arena, t, &s->requests[s->n_ops].attrs, &s->collections[s->n_ops])) {
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
    if (map == NULL) {
        return checks_done(&k);
    }
    if (map->object.n == 0) {
        return call_invalid(c, "The requestItems parameter is required for BatchWriteItem");
    }
    batch_names_check(&k, map);
    if (!lists_check(c, &k, map) || !checks_done(&k)) {
        return false;
    }
    size_t total = 0;
    for (size_t i = 0; i < map->object.n; i++) {
        total += map->object.members[i].value.array.n;
    }
    if (total > REQUESTS_MAX) {
        return call_invalid(c, "Too many items requested for the BatchWriteItem call");
    }
    if (!batch_tables_differ(c, map) || !requests_read(c, map, s)) {
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
        json_put(b, s->requests[i].in);
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

/* Whether nothing was done for want of capacity: then there is no answer to hand anything back in.
 */
static bool all_throttled(const struct batch_write_state *s)
{
    for (size_t i = 0; i < s->n_ops; i++) {
        if (!op_throttled(&s->ops[i])) {
            return false;
        }
    }
    return true;
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
            usage_write(c, bt->given, &s->ops[i], 1);
        } else if (op_throttled(&s->ops[i])) {
            const struct spent spent = spent_write(c, bt->given, &s->ops[i]);
            usage_refused(c, &spent);
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
    for (size_t i = 0; i < s->n_tables; i++) {
        count_usage(c, s, &s->tables[i]);
    }
    if (all_throttled(s)) {
        const struct spent spent = spent_write(c, s->tables[0].given, &s->ops[0]);
        (void)call_fail_spent(c, &spent); /* answers */
        return DYNAMO_ANSWER;
    }
    struct buf *b = call_body(c);
    bool first = true;
    buf_put_str(b, "{\"UnprocessedItems\":{");
    for (size_t i = 0; i < s->n_tables; i++) {
        put_unprocessed(b, s, &s->tables[i], &first);
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

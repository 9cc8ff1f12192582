/* Query and Scan: one page, read at once on the loop thread.
 *
 * What the two share is the request: where to read (table or index), from where on
 * (ExclusiveStartKey), what to keep (filter), what to show (Select, projection). core reads the
 * page; here it is checked and worded. */
#include "front/dynamo/dynamo_internal.h"

#define INVALID   "One or more parameter values were invalid: "
#define BAD_START "The provided starting key is invalid"

enum select { SELECT_ALL, SELECT_PROJECTED, SELECT_SPECIFIC, SELECT_COUNT };

struct page_state {
    struct bytes table_name;
    struct bytes index_name;
    struct bytes select_text;
    struct opt_int limit;
    struct opt_int segment;
    struct opt_int total_segments;
    const struct json *start_in;
    bool consistent;
    bool forward;
    enum return_capacity want_capacity;
    struct expr_env env;
    struct value start;
    const struct core_table *table;
    const struct core_index *index;     /* NULL: the table */
    const struct expr_key_schema *keys; /* of what is read */
    struct expr_key_cond query;
    const struct expr_cond *filter;
    const struct expr_projection *projection;
    struct bytes projection_text;
    const struct json *get_in; /* AttributesToGet, or NULL */
    bool legacy_filter;
    enum select select;
    bool fetch_whole;
};

static bool is_scan(const struct dynamo_call *c)
{
    return c->op->begin == scan_begin;
}

/* ---- the request's fields ---- */

static bool fields_read(
    struct dynamo_call *c,
    const struct json *in,
    const struct expr_params *params,
    struct page_state *s)
{
    struct checks k = {.c = c};
    s->forward = true;
    if (!field_string(c, in, "TableName", &s->table_name) ||
        !field_string(c, in, "IndexName", &s->index_name) ||
        !field_string(c, in, "Select", &s->select_text) ||
        !field_string(c, in, "ProjectionExpression", &s->projection_text) ||
        !field_list(c, in, "AttributesToGet", &s->get_in) ||
        !field_int(c, in, "Limit", "Integer", &s->limit) ||
        !field_map(c, in, "ExclusiveStartKey", "AttributeValue", &s->start_in) ||
        !field_bool(c, in, "ConsistentRead", &s->consistent) ||
        !field_capacity(c, &k, in, &s->want_capacity)) {
        return false;
    }
    if (is_scan(c)) {
        if (!field_int(c, in, "Segment", "Integer", &s->segment) ||
            !field_int(c, in, "TotalSegments", "Integer", &s->total_segments)) {
            return false;
        }
    } else if (!field_bool(c, in, "ScanIndexForward", &s->forward)) {
        return false;
    }
    s->legacy_filter = field_present(in, "QueryFilter");
    check_enum(
        &k,
        "select",
        s->select_text,
        "SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, ALL_PROJECTED_ATTRIBUTES");
    check_index_name(&k, "indexName", s->index_name);
    check_table_name(&k, "tableName", s->table_name);
    if (!is_scan(c) && s->limit.present && s->limit.v < 1) {
        /* Query has words of its own. */
        return call_invalid(
            c,
            "1 validation error detected: Value at 'Limit' failed to satisfy constraint: Member "
            "must have value greater than or equal to 1");
    }
    check_range(&k, "limit", s->limit, 1, INT64_MAX);
    check_range(&k, "segment", s->segment, 0, 999999);
    check_range(&k, "totalSegments", s->total_segments, 1, 1000000);
    legacy_checks(&k, in, params->legacy);
    return checks_done(&k);
}

static bool segments_check(struct dynamo_call *c, const struct page_state *s)
{
    if (s->segment.present && !s->total_segments.present) {
        return call_invalid(
            c,
            "The TotalSegments parameter is required but was not present in the request when "
            "Segment parameter is present");
    }
    if (s->total_segments.present && !s->segment.present) {
        return call_invalid(
            c,
            "The Segment parameter is required but was not present in the request when parameter "
            "TotalSegments is present");
    }
    if (s->segment.present && s->segment.v >= s->total_segments.v) {
        return call_invalid(
            c,
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            "Segment: %lld is not less than TotalSegments: %lld",
            (long long)s->segment.v,
            (long long)s->total_segments.v);
    }
    return true;
}

/* DynamoDB puts its prefix only before some of the words about a starting key's values. */
static bool start_read(struct dynamo_call *c, struct page_state *s)
{
    if (s->start_in == NULL) {
        return true;
    }
    for (size_t i = 0; i < s->start_in->object.n; i++) {
        struct bytes msg;
        struct value v;
        enum err err = attr_parse_quiet(c, &s->start_in->object.members[i].value, &v, &msg);
        if (err == ERR_SYNTAX) {
            return false; /* answered */
        }
        if (err == ERR_INVALID) {
            bool bare = bytes_contains(msg, BYTES_LIT("contains duplicates")) ||
                        bytes_contains(msg, BYTES_LIT("number set")) ||
                        bytes_contains(msg, BYTES_LIT("numeric value")) ||
                        bytes_contains(msg, BYTES_LIT("significant digits")) ||
                        bytes_contains(msg, BYTES_LIT("number with magnitude"));
            return call_invalid(c, "%s%.*s", bare ? "" : BAD_START ": ", BYTES_FMT(msg));
        }
        if (err != OK) {
            return call_fail_err(c, err);
        }
    }
    return attr_map_parse(c, s->start_in, &s->start);
}

/* ---- Select ---- */

static bool select_resolve(struct dynamo_call *c, struct page_state *s)
{
    bool has_index = s->index_name.base != NULL;
    bool has_projection = s->projection != NULL;
    struct bytes t = s->select_text;
    s->select = bytes_eq_str(t, "COUNT")                      ? SELECT_COUNT
                : bytes_eq_str(t, "ALL_ATTRIBUTES")           ? SELECT_ALL
                : bytes_eq_str(t, "ALL_PROJECTED_ATTRIBUTES") ? SELECT_PROJECTED
                : bytes_eq_str(t, "SPECIFIC_ATTRIBUTES")      ? SELECT_SPECIFIC
                : has_projection                              ? SELECT_SPECIFIC
                : has_index                                   ? SELECT_PROJECTED
                                                              : SELECT_ALL;
    /* Query words these inside the frame of validation errors, Scan bare. */
    const char *frame = is_scan(c) ? "" : "1 validation error detected: ";
    if (has_projection && s->select != SELECT_SPECIFIC) {
        return call_invalid(
            c,
            "%sCannot specify the %s when choosing to get %s",
            frame,
            s->get_in != NULL ? "AttributesToGet" : "ProjectionExpression",
            s->select == SELECT_COUNT ? "only the Count"
            : s->select == SELECT_ALL ? "ALL_ATTRIBUTES"
                                      : "ALL_PROJECTED_ATTRIBUTES");
    }
    if (s->select == SELECT_SPECIFIC && !has_projection) {
        return call_invalid(
            c,
            "%sMust specify the AttributesToGet or ProjectionExpression when choosing to get "
            "SPECIFIC_ATTRIBUTES",
            frame);
    }
    if (s->select == SELECT_PROJECTED && !has_index) {
        return call_invalid(
            c,
            "%sALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
            frame);
    }
    return true;
}

struct bytes *index_attr_names(
    struct arena *a, const struct core_table *t, const struct part_index *x, size_t *ret_n)
{
    struct bytes *names = ARENA_ARRAY(a, struct bytes, 2 + EXPR_KEY_ATTRS_MAX + x->n_include);
    if (names == NULL) {
        return NULL;
    }
    const struct expr_key_schema *const keys[] = {&t->part.keys, &x->keys};
    size_t n = 0;
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < expr_keys_count(keys[k]); i++) {
            names[n++] = expr_keys_at(keys[k], i)->name;
        }
    }
    for (size_t i = 0; x->projection == PART_PROJECT_INCLUDE && i < x->n_include; i++) {
        names[n++] = x->include[i];
    }
    *ret_n = n;
    return names;
}

/* The attribute a projection's path begins with; its text was parsed before, so it is well-formed.
 */
static struct bytes path_head(struct bytes path, const struct expr_env *env)
{
    size_t from = 0;
    while (from < path.len && memchr(" \t\r\n", path.base[from], 4) != NULL) {
        from++;
    }
    size_t to = from;
    while (to < path.len && memchr(" \t\r\n.[", path.base[to], 6) == NULL) {
        to++;
    }
    struct bytes head = bytes_of(path.base + from, to - from);
    for (size_t i = 0; i < env->n_names; i++) {
        if (bytes_eq(env->names[i].placeholder, head)) {
            return env->names[i].name;
        }
    }
    return head;
}

static bool is_one_of(struct bytes name, const struct bytes *names, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes_eq(names[i], name)) {
            return true;
        }
    }
    return false;
}

static void put_unless(struct buf *list, struct bytes name, const struct bytes *names, size_t n)
{
    if (!is_one_of(name, names, n)) {
        buf_put_str(list, list->len == 0 ? "" : ", ");
        buf_put_bytes(list, name);
    }
}

static bool refuse_not_projected(
    struct dynamo_call *c, const struct page_state *s, const struct bytes *names, size_t n)
{
    struct buf list;
    buf_init(&list, /* len_max= */ 1024 * 1024);
    struct bytes rest = s->projection_text;
    while (rest.len > 0) {
        const uint8_t *comma = memchr(rest.base, ',', rest.len);
        size_t len = comma == NULL ? rest.len : (size_t)(comma - rest.base);
        put_unless(&list, path_head(bytes_of(rest.base, len), &s->env), names, n);
        rest = bytes_from(rest, comma == NULL ? len : len + 1);
    }
    for (size_t i = 0; s->get_in != NULL && i < s->get_in->array.n; i++) {
        put_unless(&list, s->get_in->array.items[i].text, names, n);
    }
    bool ok = call_invalid(
        c,
        INVALID "Global secondary index %.*s does not project [%.*s]",
        BYTES_FMT(s->index->part.name),
        BYTES_FMT(buf_bytes(&list)));
    buf_done(&list);
    return ok;
}

/* An index that does not hold all that is asked for: a local one fetches it from the table, a
 * global one cannot. */
static bool index_covers_check(struct dynamo_call *c, struct page_state *s)
{
    if (s->index == NULL || s->index->part.projection == PART_PROJECT_ALL) {
        return true;
    }
    const struct part_index *x = &s->index->part;
    bool covered = s->select != SELECT_ALL;
    struct bytes *names = NULL;
    size_t n = 0;
    if (s->select == SELECT_SPECIFIC) {
        names = index_attr_names(c->arena, s->table, x, &n);
        if (names == NULL) {
            return call_fail_err(c, ERR_TOO_BIG);
        }
        covered = expr_projection_within(s->projection, names, n);
    }
    if (covered) {
        return true;
    }
    if (x->local) {
        s->fetch_whole = true;
        return true;
    }
    if (s->select == SELECT_SPECIFIC) {
        return refuse_not_projected(c, s, names, n);
    }
    return call_invalid(
        c,
        INVALID "Select type ALL_ATTRIBUTES is not supported for global secondary index %.*s "
                "because its projection type is not ALL",
        BYTES_FMT(x->name));
}

/* ---- table and index ---- */

static bool source_find(struct dynamo_call *c, struct page_state *s)
{
    c->index = s->index_name;
    if (!table_find(c, s->table_name, &s->table)) {
        return false;
    }
    s->keys = &s->table->part.keys;
    if (s->index_name.base == NULL) {
        return true;
    }
    s->index = table_index(s->table, s->index_name);
    if (s->index == NULL) {
        return call_invalid(
            c, "The table does not have the specified index: %.*s", BYTES_FMT(s->index_name));
    }
    s->keys = &s->index->part.keys;
    if (!s->index->part.local && s->consistent) {
        return call_invalid(c, "Consistent reads are not supported on global secondary indexes");
    }
    if (s->index->backfilling || s->index->status == CORE_CREATING) {
        return call_invalid(
            c,
            "Cannot read from backfilling global secondary index: %.*s",
            BYTES_FMT(s->index_name));
    }
    return true;
}

/* ---- ExclusiveStartKey ---- */

static size_t start_attrs_count(const struct page_state *s)
{
    const struct expr_key_schema *t = &s->table->part.keys;
    size_t n = expr_keys_count(t);
    for (size_t i = 0; s->index != NULL && i < expr_keys_count(s->keys); i++) {
        n += expr_keys_have(t, expr_keys_at(s->keys, i)->name) ? 0 : 1;
    }
    return n;
}

static bool start_has_all(const struct page_state *s)
{
    return s->start.map.n == start_attrs_count(s);
}

static bool start_keys_check(
    struct dynamo_call *c,
    const struct page_state *s,
    const struct expr_key_schema *keys,
    const char *before)
{
    for (size_t i = 0; i < expr_keys_count(keys); i++) {
        const struct expr_key_attr *attr = expr_keys_at(keys, i);
        if (!key_attr_check(c, before, attr, i < expr_keys_hashes(keys), &s->start)) {
            return false;
        }
    }
    return true;
}

/* The starting key against the schema of the table and of the index. What is wrong with the keys
 * that are read along DynamoDB says without telling where, unless a table is scanned. */
static bool start_check(struct dynamo_call *c, const struct page_state *s)
{
    const struct expr_key_schema *t = &s->table->part.keys;
    if (is_scan(c) && s->index == NULL) {
        return start_has_all(s)
                   ? start_keys_check(c, s, t, BAD_START ": ")
                   : call_invalid(
                         c, BAD_START ": The provided key element does not match the schema");
    }
    bool named = start_has_all(s);
    for (size_t i = 0; named && i < expr_keys_count(s->keys); i++) {
        named = value_find(&s->start, expr_keys_at(s->keys, i)->name) != NULL;
    }
    return named ? start_keys_check(c, s, s->keys, "") && start_keys_check(c, s, t, BAD_START ": ")
                 : call_invalid(c, BAD_START);
}

static bool begins_with(const struct value *v, const struct value *prefix)
{
    return v->type == prefix->type && bytes_has_prefix(v->bytes, prefix->bytes);
}

static bool range_holds(const struct expr_key_cond *q, const struct value *v)
{
    switch (q->op) {
    case EXPR_RANGE_ALL:
        return true;
    case EXPR_RANGE_EQ:
        return value_cmp(v, &q->lo) == 0;
    case EXPR_RANGE_LT:
        return value_cmp(v, &q->lo) < 0;
    case EXPR_RANGE_LE:
        return value_cmp(v, &q->lo) <= 0;
    case EXPR_RANGE_GT:
        return value_cmp(v, &q->lo) > 0;
    case EXPR_RANGE_GE:
        return value_cmp(v, &q->lo) >= 0;
    case EXPR_RANGE_BETWEEN:
        return value_cmp(v, &q->lo) >= 0 && value_cmp(v, &q->hi) <= 0;
    case EXPR_RANGE_BEGINS_WITH:
        return begins_with(v, &q->lo);
    }
    UNREACHABLE();
}

/* A Query's starting key must itself satisfy the key condition. */
static bool start_in_query(struct dynamo_call *c, const struct page_state *s)
{
    const struct value *hash = value_find(&s->start, s->keys->hash.name);
    bool same_hash = value_eq(hash, &s->query.hash);
    bool in_range = true;
    for (size_t i = 0; i < s->query.n_more; i++) {
        const struct value *v = value_find(&s->start, expr_keys_at(s->keys, i + 1)->name);
        bool same = value_eq(v, &s->query.more[i]);
        bool is_hash = i + 1 < expr_keys_hashes(s->keys);
        same_hash = same_hash && (same || !is_hash);
        in_range = in_range && (same || is_hash);
    }
    if (s->query.op != EXPR_RANGE_ALL) {
        struct bytes name = expr_keys_at(s->keys, s->query.n_more + 1)->name;
        const struct value *range = value_find(&s->start, name);
        if (!in_range || !range_holds(&s->query, range)) {
            return call_invalid(
                c, "The provided starting key does not match the range key predicate");
        }
        if (!same_hash) {
            return call_invalid(c, "The query can return at most one row and cannot be restarted");
        }
    }
    return same_hash ||
           call_invalid(
               c,
               "The provided starting key is outside query boundaries based on provided "
               "conditions");
}

/* ---- reading and answering ---- */

static bool page_read(struct dynamo_call *c, struct page_state *s, struct core_page *page)
{
    if (throttled(c, s->table, s->index)) {
        const struct spent spent = spent_read(s->table, s->index);
        return fail_throttled(c, &spent);
    }
    *page = (struct core_page){
        .table = s->table,
        .index = s->index,
        .query = is_scan(c) ? NULL : &s->query,
        .segment = (uint32_t)s->segment.v,
        .total_segments = (uint32_t)s->total_segments.v,
        .backward = !s->forward,
        .limit = s->limit.present ? (uint64_t)s->limit.v : 0,
        .after = s->start_in == NULL ? NULL : &s->start,
        .filter = s->filter,
        .projection = s->projection,
        .fetch_whole = s->fetch_whole,
        .count_only = s->select == SELECT_COUNT,
    };
    enum err err = core_page_read(&c->d->view, page, c->arena);
    if (err == OK) {
        return true;
    }
    if (err != ERR_INVALID) {
        return call_fail_err(c, err);
    }
    if (is_scan(c)) {
        return call_invalid(
            c,
            BAD_START ": Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct "
                      "Segment. TotalSegments: %lld Segment: %lld",
            (long long)s->total_segments.v,
            (long long)s->segment.v);
    }
    return call_invalid(
        c, "The provided starting key is outside query boundaries based on provided conditions");
}

static struct capacity *page_capacity(
    struct dynamo_call *c, const struct page_state *s, const struct core_page *page)
{
    struct capacity *cap = capacity_new(c->arena, s->table, s->table_name);
    if (cap == NULL) {
        return NULL;
    }
    uint64_t halves = capacity_read_halves(page->bytes, s->consistent);
    if (s->index == NULL) {
        cap->halves = halves;
        return cap;
    }
    cap->index_halves[(size_t)(s->index - s->table->indexes)] = halves;
    cap->halves = capacity_fetched_halves(page, s->consistent);
    return cap;
}

static enum dynamo_step page_answer(
    struct dynamo_call *c, const struct page_state *s, const struct core_page *page)
{
    struct capacity *cap = NULL;
    uint64_t used = capacity_read_halves(page->bytes, s->consistent);
    usage_read(c, c->table, s->index, used);
    throttle_take(c, s->table, s->index, used);
    if (page->bytes_fetched > 0) {
        used = capacity_fetched_halves(page, s->consistent);
        usage_read(c, c->table, NULL, used);
        throttle_take(c, s->table, NULL, used);
    }
    c->has_items = true;
    c->items = page->count;
    if (s->want_capacity != CAPACITY_NONE) {
        cap = page_capacity(c, s, page);
        if (cap == NULL) {
            (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
            return DYNAMO_ANSWER;
        }
    }
    struct buf *b = call_body(c);
    buf_putf(
        b,
        "{\"Count\":%llu,\"ScannedCount\":%llu",
        (unsigned long long)page->count,
        (unsigned long long)page->scanned);
    if (s->select != SELECT_COUNT) {
        buf_put_str(b, ",\"Items\":[");
        for (size_t i = 0; i < page->n_items; i++) {
            if (i > 0) {
                buf_put_u8(b, ',');
            }
            attr_map_put(b, &page->items[i]);
        }
        buf_put_u8(b, ']');
    }
    if (page->has_last) {
        buf_put_str(b, ",\"LastEvaluatedKey\":");
        attr_map_put(b, &page->last);
    }
    if (cap != NULL) {
        buf_put_str(b, ",\"ConsumedCapacity\":");
        capacity_put(b, cap, s->want_capacity);
    }
    buf_put_u8(b, '}');
    return call_ok(c);
}

/* ---- Query ---- */

static const char *const query_expressions[] = {
    "ProjectionExpression", "FilterExpression", "KeyConditionExpression", NULL};
static const char *const query_legacy[] = {
    "AttributesToGet", "QueryFilter", "ConditionalOperator", "KeyConditions", NULL};
static const struct expr_params query_params = {query_expressions, query_legacy};

/* What a Query selects, as far as that can be said without its table. */
struct query_form {
    const struct legacy_keys *legacy;       /* KeyConditions, or NULL */
    const struct expr_key_form *expression; /* KeyConditionExpression, or NULL */
};

static bool key_form_parse(
    struct dynamo_call *c, const struct json *in, struct page_state *s, struct query_form *f)
{
    struct bytes text;
    if (!field_string(c, in, "KeyConditionExpression", &text)) {
        return false;
    }
    if (text.base == NULL) {
        return true;
    }
    struct bytes msg = BYTES_NONE;
    enum err err = expr_key_form_parse(c->arena, text, &s->env, &f->expression, &msg);
    if (err == OK) {
        return true;
    }
    return err == ERR_INVALID ? call_fail(c, AWS_VALIDATION, msg) : call_fail_err(c, err);
}

/* The form's own faults, which come after those of all expressions. */
static bool key_form_check(struct dynamo_call *c, const struct json *in, struct query_form *f)
{
    if (f->expression == NULL) {
        return legacy_keys_read(c, in, &f->legacy);
    }
    struct bytes fault = expr_key_form_fault(f->expression);
    return fault.base == NULL || call_fail(c, AWS_VALIDATION, fault);
}

static bool key_form_match(struct dynamo_call *c, const struct query_form *f, struct page_state *s)
{
    if (f->expression == NULL) {
        return legacy_keys_resolve(c, f->legacy, s->keys, &s->query);
    }
    struct bytes msg = BYTES_NONE;
    enum err err = expr_key_form_match(f->expression, s->keys, &s->query, &msg);
    if (err == OK) {
        return true;
    }
    return err == ERR_INVALID ? call_fail(c, AWS_VALIDATION, msg) : call_fail_err(c, err);
}

/* No key is empty or too long, so nothing is to be compared with such a value. */
static bool key_operands_check(struct dynamo_call *c, const struct page_state *s)
{
    const struct expr_key_cond *q = &s->query;
    size_t hashes = expr_keys_hashes(s->keys);
    if (!key_operand_check(c, s->index, &s->keys->hash, true, &q->hash)) {
        return false;
    }
    for (size_t i = 0; i < q->n_more; i++) {
        const struct expr_key_attr *attr = expr_keys_at(s->keys, i + 1);
        if (!key_operand_check(c, s->index, attr, i + 1 < hashes, &q->more[i])) {
            return false;
        }
    }
    if (q->op == EXPR_RANGE_ALL) {
        return true;
    }
    const struct expr_key_attr *range = expr_keys_at(s->keys, q->n_more + 1);
    return key_operand_check(c, s->index, range, false, &q->lo) &&
           (q->op != EXPR_RANGE_BETWEEN || key_operand_check(c, s->index, range, false, &q->hi));
}

static bool filter_keys_check(struct dynamo_call *c, const struct page_state *s)
{
    if (s->filter == NULL) {
        return true;
    }
    for (size_t i = 0; i < expr_keys_count(s->keys); i++) {
        struct bytes name = expr_keys_at(s->keys, i)->name;
        if (expr_cond_mentions(s->filter, name)) {
            return call_invalid(
                c,
                "%s can only contain non-primary key attributes: Primary key attribute: %.*s",
                s->legacy_filter ? "QueryFilter" : "Filter Expression",
                BYTES_FMT(name));
        }
    }
    return true;
}

static bool paths_check(struct dynamo_call *c, const struct page_state *s)
{
    struct exprs_parsed parsed = {.condition = s->filter, .projection = s->projection};
    return exprs_paths_check(c, s->table, &parsed);
}

/* Filter and projection by expression, with ExpressionAttributeNames and -Values; those of the
 * older parameters, which are read before, stay where there is none. */
static bool exprs_read(struct dynamo_call *c, const struct json *in, struct page_state *s)
{
    const struct expr_cond *filter;
    const struct expr_projection *projection;
    if (!exprs_cond(c, in, "FilterExpression", &s->env, &filter) ||
        !exprs_projection(c, in, &s->env, &projection)) {
        return false;
    }
    s->filter = filter == NULL ? s->filter : filter;
    s->projection = projection == NULL ? s->projection : projection;
    return exprs_unused(c, &s->env);
}

static bool query_prepare(struct dynamo_call *c, const struct json *in, struct page_state *s)
{
    struct query_form form = {0};
    if (!fields_read(c, in, &query_params, s) || !exprs_check(c, in, &query_params) ||
        !legacy_cond(c, in, "QueryFilter", &s->filter) ||
        !legacy_projection(c, in, &s->projection) || !start_read(c, s)) {
        return false;
    }
    if (!field_present(in, "KeyConditions") && !field_present(in, "KeyConditionExpression")) {
        return call_invalid(
            c,
            "Either the KeyConditions or KeyConditionExpression parameter must be specified in the "
            "request.");
    }
    if (!exprs_env(c, in, &s->env) || !key_form_parse(c, in, s, &form) || !exprs_read(c, in, s) ||
        !key_form_check(c, in, &form) || !select_resolve(c, s) || !source_find(c, s)) {
        return false;
    }
    if (s->start_in != NULL && !start_has_all(s)) {
        return call_invalid(c, BAD_START);
    }
    if (!key_form_match(c, &form, s) || !key_operands_check(c, s)) {
        return false;
    }
    if (s->start_in != NULL && (!start_check(c, s) || !start_in_query(c, s))) {
        return false;
    }
    return paths_check(c, s) && filter_keys_check(c, s) && index_covers_check(c, s);
}

enum dynamo_step query_begin(struct dynamo_call *c, const struct json *in)
{
    struct page_state s = {0};
    struct core_page page;
    if (!query_prepare(c, in, &s) || !page_read(c, &s, &page)) {
        return DYNAMO_ANSWER;
    }
    return page_answer(c, &s, &page);
}

/* ---- Scan ---- */

static const char *const scan_expressions[] = {"ProjectionExpression", "FilterExpression", NULL};
static const char *const scan_legacy[] = {
    "AttributesToGet", "ScanFilter", "ConditionalOperator", NULL};
static const struct expr_params scan_params = {scan_expressions, scan_legacy};

static bool scan_prepare(struct dynamo_call *c, const struct json *in, struct page_state *s)
{
    if (!fields_read(c, in, &scan_params, s) || !exprs_check(c, in, &scan_params) ||
        !legacy_projection(c, in, &s->projection) ||
        !legacy_cond(c, in, "ScanFilter", &s->filter) || !start_read(c, s) ||
        !segments_check(c, s) || !exprs_env(c, in, &s->env) || !exprs_read(c, in, s) ||
        !select_resolve(c, s) || !source_find(c, s)) {
        return false;
    }
    if (s->start_in != NULL && !start_check(c, s)) {
        return false;
    }
    return paths_check(c, s) && index_covers_check(c, s);
}

enum dynamo_step scan_begin(struct dynamo_call *c, const struct json *in)
{
    struct page_state s = {0};
    struct core_page page;
    if (!scan_prepare(c, in, &s) || !page_read(c, &s, &page)) {
        return DYNAMO_ANSWER;
    }
    return page_answer(c, &s, &page);
}

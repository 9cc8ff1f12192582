/* Operator views of what is stored: tables, raw records, the conflict log. */
#include "server/admin.h"

enum { RECORDS_PAGE = 1000, CONFLICTS_PAGE_MAX = 1000, CONFLICTS_BYTES = 32 << 20 };

static void put_value_at(struct buf *b, const struct value *v, unsigned depth);

static void put_elements(struct buf *b, const struct value *v, unsigned depth, bool tagged)
{
    buf_put_str(b, "[");
    for (size_t i = 0; i < v->list.n; i++) {
        buf_put_str(b, i == 0 ? "" : ",");
        const struct value *e = &v->list.items[i];
        char number[DOC_DECIMAL_TEXT_MAX];
        if (tagged) {
            put_value_at(b, e, depth + 1);
        } else if (e->type == VALUE_NUMBER) {
            (void)decimal_text(&e->number, number);
            buf_putf(b, "\"%s\"", number);
        } else if (e->type == VALUE_BINARY) {
            buf_put_str(b, "\"");
            put_base64(b, e->bytes);
            buf_put_str(b, "\"");
        } else {
            json_put_string(b, e->bytes);
        }
    }
    buf_put_str(b, "]");
}

static void put_members(struct buf *b, const struct value *v, unsigned depth)
{
    buf_put_str(b, "{");
    for (size_t i = 0; i < v->map.n; i++) {
        buf_put_str(b, i == 0 ? "" : ",");
        json_put_string(b, v->map.members[i].name);
        buf_put_str(b, ":");
        put_value_at(b, &v->map.members[i].value, depth + 1);
    }
    buf_put_str(b, "}");
}

/* Depth is bounded by what an item may nest. */
static void put_value_at(struct buf *b, const struct value *v, unsigned depth)
{
    ASSERT(depth <= 2 * DOC_DEPTH_MAX);
    char number[DOC_DECIMAL_TEXT_MAX];
    buf_putf(b, "{\"%s\":", value_tag(v->type));
    switch (v->type) {
    case VALUE_NULL:
        buf_put_str(b, "true");
        break;
    case VALUE_BOOL:
        buf_put_str(b, v->boolean ? "true" : "false");
        break;
    case VALUE_NUMBER:
        (void)decimal_text(&v->number, number);
        buf_putf(b, "\"%s\"", number);
        break;
    case VALUE_STRING:
        json_put_string(b, v->bytes);
        break;
    case VALUE_BINARY:
        buf_put_str(b, "\"");
        put_base64(b, v->bytes);
        buf_put_str(b, "\"");
        break;
    case VALUE_LIST:
        put_elements(b, v, depth, /* tagged= */ true);
        break;
    case VALUE_STRING_SET:
    case VALUE_NUMBER_SET:
    case VALUE_BINARY_SET:
        put_elements(b, v, depth, /* tagged= */ false);
        break;
    case VALUE_MAP:
        put_members(b, v, depth);
        break;
    }
    buf_put_str(b, "}");
}

void admin_put_value(struct buf *b, const struct value *v)
{
    put_value_at(b, v, 0);
}

static const char *status_word(enum core_status s)
{
    static const char *const words[] = {
        [CORE_CREATING] = "CREATING",
        [CORE_ACTIVE] = "ACTIVE",
        [CORE_UPDATING] = "UPDATING",
        [CORE_DELETING] = "DELETING",
        [CORE_FAILED] = "FAILED",
    };
    return words[s];
}

static void put_table(struct buf *b, const struct web *w, const struct core_table *t)
{
    buf_put_str(b, "{\"name\":");
    json_put_string(b, t->part.name);
    buf_putf(b, ",\"id\":\"%016llx\",\"uuid\":", (unsigned long long)t->part.id);
    json_put_string(b, t->uuid);
    buf_putf(b, ",\"status\":\"%s\",\"replicas\":[", status_word(t->status));
    const struct core_group *g = catalog_group_by_table(w->catalog, t->part.id);
    for (size_t i = 0; g != NULL && i < g->n_replicas; i++) {
        buf_put_str(b, i == 0 ? "{\"region\":" : ",{\"region\":");
        json_put_string(b, g->replicas[i].region);
        buf_putf(b, ",\"status\":\"%s\"}", status_word(g->replicas[i].status));
    }
    buf_put_str(b, "],\"global_version\":");
    if (g == NULL) {
        buf_put_str(b, "null}");
    } else {
        buf_putf(b, "%d}", (int)g->version);
    }
}

void admin_put_tables(struct buf *b, const struct web *w)
{
    buf_put_str(b, "{\"tables\":[");
    struct bytes after = BYTES_NONE;
    for (const struct core_table *t; (t = catalog_table_after(w->catalog, after)) != NULL;) {
        buf_put_str(b, after.len == 0 ? "" : ",");
        after = t->part.name;
        put_table(b, w, t);
    }
    buf_put_str(b, "]}\n");
}

static void put_raw(
    struct buf *b, struct arena *a, const struct expr_key_schema *keys, const struct part_raw *raw)
{
    struct value key;
    buf_put_str(b, "{\"key\":");
    if (part_key_attrs(a, keys, raw->key, &key) == OK) {
        put_members(b, &key, 0);
    } else {
        buf_put_str(b, "null");
    }
    buf_putf(
        b,
        ",\"live\":%s,\"hlc\":\"%016llx\",\"region\":\"%016llx\"}",
        raw->live ? "true" : "false",
        (unsigned long long)raw->version.hlc.v,
        (unsigned long long)raw->version.region.v);
}

/* The id and keys of a table by name, the catalog itself included. */
static bool find_table(
    const struct web *w, struct bytes name, uint64_t *ret_id, struct expr_key_schema *ret_keys)
{
    const struct core_table *t = catalog_table(w->catalog, name);
    if (t != NULL) {
        *ret_id = t->part.id;
        *ret_keys = t->part.keys;
        return true;
    }
    *ret_id = PART_TABLE_CATALOG;
    *ret_keys = (struct expr_key_schema){
        .hash = {BYTES_LIT("kind"), VALUE_STRING}, .range = {BYTES_LIT("name"), VALUE_STRING}};
    return bytes_eq_str(name, "godwit.catalog");
}

int admin_put_records(
    struct buf *b, const struct web *w, const struct http_request *req, const char **reterr_why)
{
    uint64_t id;
    uint64_t bucket;
    struct expr_key_schema keys;
    struct bytes after = BYTES_NONE;
    if (!find_table(w, admin_query(req, "table"), &id, &keys)) {
        *reterr_why = "this region has no such table";
        return 404;
    }
    if (bytes_u64(admin_query(req, "bucket"), &bucket) != OK || bucket >= PART_DIGEST_BUCKETS) {
        *reterr_why = "the bucket is a number from 0 to 63";
        return 400;
    }
    if (hex_decode(req->arena, admin_query(req, "after"), &after) != OK) {
        *reterr_why = "the position does not parse";
        return 400;
    }
    uint32_t span = UINT32_MAX / PART_DIGEST_BUCKETS + 1;
    uint32_t lo = (uint32_t)bucket * span;
    const struct part_reader reader = {.engine = w->server->engine};
    struct part_raw_cursor *c = part_raw_open(&reader, id, lo, lo + (span - 1), after);
    struct part_raw raw;
    struct buf last;
    buf_init(&last, 1 << 16);
    enum err e = OK;
    unsigned n = 0;
    buf_put_str(b, "{\"records\":[");
    for (; n < RECORDS_PAGE; n++) {
        e = part_raw_next(c, &raw);
        if (e != OK) {
            break;
        }
        buf_put_str(b, n == 0 ? "" : ",");
        put_raw(b, req->arena, &keys, &raw);
        buf_clear(&last);
        buf_put_bytes(&last, raw.position);
    }
    part_raw_close(c);
    buf_put_str(b, "],\"next\":");
    if (n == RECORDS_PAGE) {
        buf_put_str(b, "\"");
        put_hex(b, buf_bytes(&last));
        buf_put_str(b, "\"}\n");
    } else {
        buf_put_str(b, "null}\n");
    }
    buf_done(&last);
    *reterr_why = err_text(e);
    return e == OK || e == ERR_NOT_FOUND ? 200 : 500;
}

struct conflicts {
    struct buf *b;
    uint64_t n;
    uint64_t limit;
};

/* Whether another one may follow: huge items make a shorter page. */
static bool put_conflict(void *ctx, const struct value *entry)
{
    struct conflicts *page = ctx;
    buf_put_str(page->b, page->n == 0 ? "" : ",");
    put_members(page->b, entry, 0);
    page->n++;
    return page->n < page->limit && page->b->len < CONFLICTS_BYTES;
}

int admin_put_conflicts(
    struct buf *b, const struct web *w, const struct http_request *req, const char **reterr_why)
{
    struct bytes text = admin_query(req, "limit");
    struct conflicts page = {.b = b, .limit = CONFLICTS_PAGE_MAX};
    bool good = text.len == 0 || bytes_u64(text, &page.limit) == OK;
    if (!good || page.limit == 0 || page.limit > CONFLICTS_PAGE_MAX) {
        *reterr_why = "the limit is a number from 1 to 1000";
        return 400;
    }
    const struct part_reader reader = {.engine = w->server->engine};
    struct arena entry_arena;
    arena_init(&entry_arena, 64 << 20);
    buf_put_str(b, "{\"conflicts\":[");
    enum err e =
        part_conflicts_read(&reader, admin_query(req, "table"), &entry_arena, put_conflict, &page);
    buf_put_str(b, "]}\n");
    arena_done(&entry_arena);
    *reterr_why = err_text(e);
    return e == OK ? 200 : 500;
}

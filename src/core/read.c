/* Reading: one item, or a page of a Query or Scan. Any thread, with its own catalog and arena.
 *
 * A page evaluates items in order until one of three ends:
 *  1. the items evaluated reach `limit`;
 *  2. the bytes read reach CORE_PAGE_BYTES_MAX (the item that reaches it is the last of the page);
 *  3. the range ends.
 * In the first two cases there is a last key, even if nothing follows it: finding that out would
 * cost a read that nobody asked for. Filter and projection come after, so they change neither the
 * limit nor the bytes.
 *
 * Items are decoded into a scratch arena and copied out only when they pass, so a filter that drops
 * nearly everything costs the request's arena nearly nothing. */
#include "core/core.h"

enum { SCRATCH_BYTES_MAX = 128 * 1024 * 1024, ITEMS_FIRST = 16 };

enum err core_get(
    const struct core_view *v,
    const struct core_table *t,
    struct bytes key,
    const struct expr_projection *projection,
    struct arena *a,
    struct value *ret,
    size_t *ret_bytes)
{
    struct part_reader reader = {.engine = v->engine, .snap = v->snap};
    struct value item;
    enum err err = part_get(&reader, &t->part, key, a, &item, /* ret_version= */ NULL);
    if (err != OK) {
        if (err == ERR_NOT_FOUND) {
            *ret_bytes = 0;
        }
        return err;
    }
    size_t bytes = item_size(&item);
    if (projection != NULL) {
        struct value part;
        err = expr_project(a, projection, &item, &part);
        if (err != OK) {
            return err;
        }
        item = part;
    }
    *ret = item;
    *ret_bytes = bytes;
    return OK;
}

/* Where in the ring a scan's segment lies: total_segments stretches that differ by at most one in
 * length. */
static void segment_range(const struct core_page *page, struct part_range *range)
{
    uint64_t total = page->total_segments == 0 ? 1 : page->total_segments;
    ASSERT(page->segment < total);
    const uint64_t ring = (uint64_t)1 << 32;
    range->hash_lo = (uint32_t)(ring * page->segment / total);
    range->hash_hi = (uint32_t)(ring * (page->segment + (uint64_t)1) / total - 1);
}

struct reading {
    struct core_page *page;
    struct part_reader reader;
    struct arena *a;      /* the request's */
    struct arena scratch; /* one item's */
    bool direct;          /* decode into `a` at once: every item read is returned as it is */
    struct value *items;
    size_t items_cap;
};

static enum err append(struct reading *r, const struct value *item)
{
    struct core_page *page = r->page;
    if (page->n_items == r->items_cap) {
        size_t cap = r->items_cap == 0 ? ITEMS_FIRST : r->items_cap * 2;
        struct value *items = ARENA_ARRAY(r->a, struct value, cap);
        if (items == NULL) {
            return ERR_TOO_BIG;
        }
        for (size_t i = 0; i < page->n_items; i++) {
            items[i] = r->items[i];
        }
        r->items = items;
        r->items_cap = cap;
        page->items = items;
    }
    r->items[page->n_items++] = *item;
    return OK;
}

/* The item an index row stands for. The row may be newer or older than a table read without the
 * same snapshot, so both go through one. */
static enum err fetch(struct reading *r, struct value *item)
{
    struct buf key;
    buf_init(&key, DOC_HASH_KEY_BYTES_MAX * 3 + DOC_RANGE_KEY_BYTES_MAX * 3);
    struct bytes bad_attr;
    enum err err = part_key_of(&r->page->table->part.keys, item, &key, &bad_attr);
    if (err != OK) {
        buf_done(&key);
        return ERR_CORRUPT;
    }
    struct value whole;
    err = part_get(
        &r->reader,
        &r->page->table->part,
        buf_bytes(&key),
        &r->scratch,
        &whole,
        /* ret_version= */ NULL);
    buf_done(&key);
    if (err != OK) {
        return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
    }
    size_t bytes = item_size(&whole);
    r->page->bytes_fetched += bytes;
    r->page->units_fetched += (bytes + 4095) / 4096;
    *item = whole;
    return OK;
}

/* Filters, projects and keeps one evaluated item. */
static enum err take_item(struct reading *r, struct value item)
{
    struct core_page *page = r->page;
    if (page->fetch_whole) {
        enum err err = fetch(r, &item);
        if (err != OK) {
            return err;
        }
    }
    if (page->filter != NULL && !expr_cond_eval(page->filter, &item)) {
        return OK;
    }
    page->count++;
    if (page->count_only) {
        return OK;
    }
    if (page->projection != NULL) {
        struct value part;
        enum err err = expr_project(&r->scratch, page->projection, &item, &part);
        if (err != OK) {
            return err;
        }
        item = part;
    }
    if (!r->direct) {
        struct value copy;
        enum err err = value_dup(r->a, &item, &copy);
        if (err != OK) {
            return err;
        }
        item = copy;
    }
    return append(r, &item);
}

/* Collects the attributes of `keys` that are not in `members` yet. */
static size_t add_key_attrs(
    struct member *members, size_t n, const struct expr_key_schema *keys, const struct value *item)
{
    for (size_t i = 0; i < expr_keys_count(keys); i++) {
        struct bytes name = expr_keys_at(keys, i)->name;
        bool there = false;
        for (size_t k = 0; k < n; k++) {
            there = there || bytes_eq(members[k].name, name);
        }
        const struct value *v = value_find(item, name);
        if (!there && v != NULL) {
            members[n++] = (struct member){name, *v};
        }
    }
    return n;
}

/* The key attributes of an item: the table's and, read through an index, the index's. */
static enum err key_attrs_of(struct reading *r, const struct value *item, struct value *ret)
{
    struct member members[2 + EXPR_KEY_ATTRS_MAX];
    size_t n = add_key_attrs(members, 0, &r->page->table->part.keys, item);
    if (r->page->index != NULL) {
        n = add_key_attrs(members, n, &r->page->index->part.keys, item);
    }
    enum err err = members_sort(members, n);
    ASSERT(err == OK);
    struct value map = {.type = VALUE_MAP, .map = {members, n}};
    return value_dup(r->a, &map, ret);
}

static bool page_full(const struct core_page *page)
{
    return (page->limit > 0 && page->scanned >= page->limit) ||
           page->bytes + page->bytes_fetched >= CORE_PAGE_BYTES_MAX;
}

static enum err read_items(struct reading *r, struct part_cursor *cursor)
{
    struct core_page *page = r->page;
    struct arena *into = r->direct ? r->a : &r->scratch;
    for (;;) {
        struct value item;
        size_t bytes;
        enum err err = part_cursor_next(cursor, into, &item, &bytes);
        if (err == ERR_NOT_FOUND) {
            return OK;
        }
        if (err != OK) {
            return err;
        }
        page->scanned++;
        page->bytes += bytes;
        err = take_item(r, item);
        if (err != OK) {
            return err;
        }
        if (page_full(page)) {
            err = key_attrs_of(r, &item, &page->last);
            page->has_last = err == OK;
            return err;
        }
        arena_clear(&r->scratch);
    }
}

static enum err read_range(struct reading *r)
{
    const struct core_page *page = r->page;
    struct part_range range = {
        .index = page->index == NULL ? NULL : &page->index->part,
        .query = page->query,
        .hash_hi = UINT32_MAX,
        .backward = page->backward,
        .after = page->after,
    };
    if (page->query == NULL) {
        segment_range(page, &range);
    }
    struct part_cursor *cursor;
    enum err err = part_cursor_open(&r->reader, &page->table->part, &range, &cursor);
    if (err != OK) {
        return err;
    }
    err = read_items(r, cursor);
    part_cursor_close(cursor);
    return err;
}

enum err core_page_read(const struct core_view *v, struct core_page *page, struct arena *a)
{
    ASSERT(!page->backward || page->query != NULL);
    ASSERT(!page->fetch_whole || page->index != NULL);
    page->items = NULL;
    page->n_items = 0;
    page->count = 0;
    page->scanned = 0;
    page->bytes = 0;
    page->bytes_fetched = 0;
    page->units_fetched = 0;
    page->has_last = false;
    struct reading r = {
        .page = page,
        .reader = {.engine = v->engine},
        .a = a,
        .direct = page->filter == NULL && page->projection == NULL && !page->count_only &&
                  !page->fetch_whole,
    };
    arena_init(&r.scratch, SCRATCH_BYTES_MAX);
    if (page->fetch_whole) {
        r.reader.snap = engine_snapshot_open(v->engine);
    }
    enum err err = read_range(&r);
    if (r.reader.snap != NULL) {
        engine_snapshot_close(r.reader.snap);
    }
    arena_done(&r.scratch);
    return err;
}

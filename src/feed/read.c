/* Pages of records, out of the change log.
 *
 * Invariants
 *  1. A page ends between two changes, and the next one begins there.
 *  2. Work is bounded: by records, by their bytes, and by the log looked at. A stretch of log in
 * which the table had no part yields an empty page and a place further on. */
#include "feed/feed.h"

enum { TXN_ARENA_BYTES = 2 * CHANGE_TXN_BYTES_MAX };

struct reading {
    const struct feed_view *v;
    const struct core_stream *s;
    struct feed_page *page;
    struct arena *a;
    struct feed_record *records;
    size_t bytes;
};

/* The id of the stream's table at a position. */
static uint64_t table_at(const struct core_stream *s, struct local_pos pos)
{
    size_t i = s->n_spans - 1;
    while (i > 0 && s->spans[i].first.v > pos.v) {
        i--;
    }
    return s->spans[i].table;
}

/* Whether a change is news, and what news. */
static bool event_of(const struct change_txn *t, const struct change *c, enum feed_event *ret)
{
    if (!part_change_took_effect(t, c) || c->same) {
        return false;
    }
    if (c->kind == CHANGE_DELETE) {
        *ret = FEED_REMOVE;
        return c->old_live;
    }
    *ret = c->old_live ? FEED_MODIFY : FEED_INSERT;
    return true;
}

static enum err decode_image(
    struct reading *g, struct bytes stored, struct value *ret, struct feed_record *r)
{
    struct bytes copy = bytes_dup(g->a, stored);
    if (copy.base == NULL) {
        return ERR_TOO_BIG;
    }
    enum err err = value_decode(g->a, copy, ret);
    if (err == OK) {
        r->bytes += item_size(ret);
    }
    return err;
}

static enum err put_images(struct reading *g, const struct change *c, struct feed_record *r)
{
    enum core_stream_view view = g->s->view;
    bool both = view == CORE_STREAM_NEW_AND_OLD_IMAGES;
    enum err err = OK;
    if (c->kind == CHANGE_PUT && (both || view == CORE_STREAM_NEW_IMAGE)) {
        r->has_new = true;
        err = decode_image(g, c->item, &r->new_image, r);
    }
    if (err == OK && c->old_item.len > 0 && (both || view == CORE_STREAM_OLD_IMAGE)) {
        r->has_old = true;
        err = decode_image(g, c->old_item, &r->old_image, r);
    }
    return err;
}

static struct hash128 record_id(const struct reading *g, struct feed_seq seq)
{
    uint64_t parts[] = {g->v->region.v, g->s->created_ms, seq.pos.v, seq.index};
    return hash128(g->s->table, hash64(bytes_of(parts, sizeof parts), /* seed= */ 0));
}

static enum err put_record(
    struct reading *g,
    const struct change_txn *t,
    const struct change *c,
    enum feed_event event,
    struct feed_seq seq)
{
    bool ours = t->origin.v == g->v->region.v && t->origin_pos.v != 0;
    struct feed_record r = {
        .event = event,
        .seq = seq,
        .id = record_id(g, seq),
        .at_ms = hlc_ms(t->hlc),
        .by_ttl = event == FEED_REMOVE && ours && (c->flags & CHANGE_BY_TTL) != 0,
    };
    struct bytes key = bytes_dup(g->a, c->key);
    if (key.base == NULL) {
        return ERR_TOO_BIG;
    }
    enum err err = part_key_attrs(g->a, &g->s->keys, key, &r.keys);
    if (err != OK) {
        return err;
    }
    r.bytes = item_size(&r.keys);
    err = put_images(g, c, &r);
    if (err == OK) {
        g->bytes += r.bytes;
        g->records[g->page->n++] = r;
    }
    return err;
}

static size_t change_bytes(const struct change *c)
{
    return c->key.len + c->item.len + c->old_item.len;
}

/* The table's part in one transaction. *ret_full: the page ended inside it, at page->next. */
static enum err take_txn(
    struct reading *g, struct local_pos pos, const struct change_txn *t, bool *ret_full)
{
    struct feed_page *page = g->page;
    uint64_t table = table_at(g->s, pos);
    size_t i = pos.v == page->from.pos.v ? page->from.index : 0;
    for (; i < t->n_changes; i++) {
        const struct change *c = &t->changes[i];
        enum feed_event event;
        if (c->table != table || !event_of(t, c, &event)) {
            continue;
        }
        struct feed_seq seq = {pos, (unsigned)i};
        bool fits = g->bytes + change_bytes(c) <= FEED_PAGE_BYTES_MAX || page->n == 0;
        if (page->n == page->limit || !fits) {
            page->next = seq;
            *ret_full = true;
            return OK;
        }
        enum err err = put_record(g, t, c, event, seq);
        if (err != OK) {
            return err;
        }
    }
    page->next = (struct feed_seq){{pos.v + 1}, 0};
    *ret_full = false;
    return OK;
}

static enum err scan(struct reading *g, struct part_log_cursor *cursor, struct arena *scratch)
{
    struct feed_page *page = g->page;
    size_t scanned = 0;
    bool full = false;
    while (!full && page->next.pos.v <= page->last.v && scanned < page->scan_bytes) {
        struct local_pos pos;
        struct bytes stored;
        enum err err = part_log_next(cursor, &pos, &stored);
        if (err == ERR_NOT_FOUND) {
            return OK;
        }
        if (err == OK && pos.v != page->next.pos.v) {
            err = ERR_FENCED;
        }
        struct change_txn t;
        if (err == OK) {
            arena_clear(scratch);
            err = change_txn_decode(scratch, stored, /* wire_only= */ false, &t);
        }
        if (err == OK) {
            err = take_txn(g, pos, &t, &full);
        }
        if (err != OK) {
            return err;
        }
        scanned += stored.len;
    }
    return OK;
}

enum err feed_read(
    const struct feed_view *v, const struct core_stream *s, struct feed_page *page, struct arena *a)
{
    ASSERT(page->limit >= 1);
    ASSERT(page->limit <= FEED_RECORDS_MAX);
    struct reading g = {.v = v, .s = s, .page = page, .a = a};
    page->n = 0;
    page->next = page->from;
    page->ended = page->from.pos.v > page->last.v;
    if (page->ended) {
        page->records = NULL;
        return OK;
    }
    if (page->from.pos.v < v->oldest.v) {
        return ERR_FENCED;
    }
    g.records = ARENA_ARRAY(a, struct feed_record, page->limit);
    if (g.records == NULL) {
        return ERR_TOO_BIG;
    }
    page->records = g.records;
    struct arena scratch;
    arena_init(&scratch, TXN_ARENA_BYTES);
    struct part_log_cursor *cursor =
        part_log_open(&v->reader, (struct local_pos){page->from.pos.v - 1});
    enum err err = scan(&g, cursor, &scratch);
    part_log_close(cursor);
    arena_done(&scratch);
    page->ended = page->next.pos.v > page->last.v;
    return err;
}

/* Notes about streams as bytes, and reading them (docs/formats/feed.md).
 *
 * Invariants
 *  1. What is written is read back equal; a note that does not decode is ERR_CORRUPT, never
 * guessed.
 *  2. Notes of one table's streams follow each other in the order of their labels. */
#include "core/streams.h"

enum { FORMAT = 1, NAME_BYTES_MAX = 512 };

static const enum value_type key_types[] = {VALUE_STRING, VALUE_NUMBER, VALUE_BINARY};

struct bytes stream_note_name(struct arena *a, struct bytes table, uint64_t created_ms)
{
    return bytes_fmt(
        a, CORE_STREAM_NOTES "%.*s/%016llx", BYTES_FMT(table), (unsigned long long)created_ms);
}

/* ---- writing ---- */

static void put_key_attr(struct buf *b, const struct expr_key_attr *attr)
{
    put_lenbytes(b, attr->name);
    uint8_t type = 0;
    while (key_types[type] != attr->type && attr->name.len > 0) {
        type++;
    }
    buf_put_u8(b, type);
}

static void put_crc(struct buf *b)
{
    put_u32(b, crc32c(0, buf_bytes(b)));
}

void stream_put(struct buf *b, const struct core_stream *s)
{
    buf_put_u8(b, FORMAT);
    put_lenbytes(b, s->table);
    put_varint(b, s->created_ms);
    buf_put_u8(b, (uint8_t)s->view);
    put_key_attr(b, &s->keys.hash);
    put_key_attr(b, &s->keys.range);
    put_varint(b, s->first.v);
    put_varint(b, s->ended_ms);
    put_varint(b, s->ended_ms == 0 ? 0 : s->last.v);
    put_varint(b, s->n_spans);
    for (size_t i = 0; i < s->n_spans; i++) {
        put_u64(b, s->spans[i].table);
        put_varint(b, s->spans[i].first.v);
    }
    put_crc(b);
}

void feed_put(struct buf *b, const struct core_feed *f)
{
    buf_put_u8(b, FORMAT);
    buf_put(b, f->secret, sizeof f->secret);
    put_varint(b, f->before.v);
    put_varint(b, f->n_epochs);
    for (size_t i = 0; i < f->n_epochs; i++) {
        put_varint(b, f->epochs[i].first.v);
        put_varint(b, f->epochs[i].began_ms);
    }
    put_crc(b);
}

/* ---- reading ---- */

/* A reader over what lies between format and checksum. */
static enum err open_note(struct bytes in, struct reader *ret)
{
    if (in.len < 5) {
        return ERR_CORRUPT;
    }
    struct bytes body = bytes_of(in.base, in.len - 4);
    struct reader tail = reader_of(bytes_from(in, body.len));
    if (get_u32(&tail) != crc32c(0, body)) {
        return ERR_CORRUPT;
    }
    *ret = reader_of(body);
    return get_u8(ret) == FORMAT ? OK : ERR_FORMAT;
}

static struct expr_key_attr get_key_attr(struct reader *r)
{
    struct expr_key_attr attr = {.name = get_lenbytes(r)};
    uint8_t type = get_u8(r);
    r->bad = r->bad || type >= sizeof key_types / sizeof key_types[0];
    attr.type = r->bad ? VALUE_STRING : key_types[type];
    if (attr.name.len == 0) {
        attr.name = BYTES_NONE; /* no sort key */
    }
    return attr;
}

static enum err get_spans(struct reader *r, struct arena *a, struct core_stream *s)
{
    uint64_t n = get_varint(r);
    if (r->bad || n == 0 || n > reader_left(r) / 9) {
        return ERR_CORRUPT;
    }
    struct core_stream_span *spans = ARENA_ARRAY(a, struct core_stream_span, n);
    if (spans == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < n; i++) {
        spans[i].table = get_u64(r);
        spans[i].first.v = get_varint(r);
    }
    s->spans = spans;
    s->n_spans = n;
    return r->bad || reader_left(r) != 0 ? ERR_CORRUPT : OK;
}

enum err stream_get(struct arena *a, struct bytes in, struct core_stream *ret)
{
    struct bytes copy = bytes_dup(a, in);
    if (copy.base == NULL) {
        return ERR_TOO_BIG;
    }
    struct reader r;
    enum err err = open_note(copy, &r);
    if (err != OK) {
        return err;
    }
    struct core_stream s = {.table = get_lenbytes(&r)};
    s.created_ms = get_varint(&r);
    uint8_t view = get_u8(&r);
    s.keys.hash = get_key_attr(&r);
    s.keys.range = get_key_attr(&r);
    s.first.v = get_varint(&r);
    s.ended_ms = get_varint(&r);
    s.last.v = get_varint(&r);
    if (r.bad || view == CORE_STREAM_NONE || view > CORE_STREAM_NEW_AND_OLD_IMAGES) {
        return ERR_CORRUPT;
    }
    s.view = (enum core_stream_view)view;
    if (s.ended_ms == 0) {
        s.last.v = UINT64_MAX;
    }
    err = get_spans(&r, a, &s);
    if (err == OK) {
        *ret = s;
    }
    return err;
}

enum err feed_get(struct bytes in, struct core_feed *ret)
{
    struct reader r;
    enum err err = open_note(in, &r);
    if (err != OK) {
        return err;
    }
    struct core_feed f = {0};
    struct bytes secret = get_bytes(&r, sizeof f.secret);
    f.before.v = get_varint(&r);
    f.n_epochs = get_varint(&r);
    if (r.bad || f.n_epochs == 0 || f.n_epochs > CORE_EPOCHS_MAX) {
        return ERR_CORRUPT;
    }
    memcpy(f.secret, secret.base, sizeof f.secret);
    for (size_t i = 0; i < f.n_epochs; i++) {
        f.epochs[i].first.v = get_varint(&r);
        f.epochs[i].began_ms = get_varint(&r);
        r.bad = r.bad || (i > 0 && f.epochs[i].first.v <= f.epochs[i - 1].first.v);
    }
    if (r.bad || reader_left(&r) != 0) {
        return ERR_CORRUPT;
    }
    *ret = f;
    return OK;
}

enum err core_feed_read(const struct part_reader *r, struct core_feed *ret)
{
    struct buf value;
    buf_init(&value, 64 * 1024);
    enum err err = part_note(r, BYTES_LIT(CORE_FEED_NOTE), &value);
    if (err == OK) {
        err = feed_get(buf_bytes(&value), ret);
    }
    buf_done(&value);
    return err;
}

enum err core_stream_read(
    const struct part_reader *r,
    struct bytes table,
    uint64_t created_ms,
    struct arena *a,
    struct core_stream *ret)
{
    struct bytes name = stream_note_name(a, table, created_ms);
    if (name.base == NULL) {
        return ERR_TOO_BIG;
    }
    struct buf value;
    buf_init(&value, SIZE_MAX / 2);
    enum err err = part_note(r, name, &value);
    if (err == OK) {
        err = stream_get(a, buf_bytes(&value), ret);
    }
    buf_done(&value);
    return err;
}

struct listing {
    struct arena *a;
    struct core_stream *streams;
    size_t n;
    size_t max;
    enum err err;
};

static bool list_one(void *ctx, struct bytes name, struct bytes value)
{
    (void)name; /* the value says it too */
    struct listing *l = ctx;
    l->err = stream_get(l->a, value, &l->streams[l->n]);
    l->n += l->err == OK ? 1 : 0;
    return l->err == OK && l->n < l->max;
}

enum err core_streams_list(
    const struct part_reader *r,
    struct bytes table,
    const struct core_stream *after,
    struct arena *a,
    size_t max,
    const struct core_stream **ret,
    size_t *ret_n)
{
    struct bytes prefix = table.len == 0
                              ? BYTES_LIT(CORE_STREAM_NOTES)
                              : bytes_fmt(a, CORE_STREAM_NOTES "%.*s/", BYTES_FMT(table));
    struct bytes from =
        after == NULL ? BYTES_NONE : stream_note_name(a, after->table, after->created_ms);
    struct listing l = {.a = a, .streams = ARENA_ARRAY(a, struct core_stream, max), .max = max};
    if (prefix.base == NULL || l.streams == NULL || (after != NULL && from.base == NULL)) {
        return ERR_TOO_BIG;
    }
    enum err err = part_notes(r, prefix, from, list_one, &l);
    *ret = l.streams;
    *ret_n = l.n;
    return err == OK ? l.err : err;
}

/* Labels, sequence numbers and shards: how places in a stream are written. */
#include "feed/feed.h"

enum { POS_DIGITS = 20, INDEX_DIGITS = 3, MARK_DIGITS = 4 };

/* ---- labels ---- */

static const uint64_t day_ms = UINT64_C(24) * 3600 * 1000;

void feed_label_put(struct buf *b, uint64_t ms)
{
    struct date d = date_of_days((int64_t)(ms / day_ms));
    unsigned rest = (unsigned)(ms % day_ms);
    buf_putf(
        b,
        "%04u-%02u-%02uT%02u:%02u:%02u.%03u",
        (unsigned)d.year,
        d.month,
        d.day,
        rest / 3600000,
        rest / 60000 % 60,
        rest / 1000 % 60,
        rest % 1000);
}

/* The number that `digits` characters from `at` on write, which there are. */
static bool take_digits(struct bytes text, size_t at, size_t digits, uint64_t *ret)
{
    return bytes_u64(bytes_of(text.base + at, digits), ret) == OK;
}

enum err feed_label_parse(struct bytes label, uint64_t *ret_ms)
{
    static const struct {
        uint8_t at;
        uint8_t digits;
    } parts[] = {{0, 4}, {5, 2}, {8, 2}, {11, 2}, {14, 2}, {17, 2}, {20, 3}};
    uint64_t v[7];
    if (label.len != 23) {
        return ERR_SYNTAX;
    }
    for (size_t i = 0; i < 7; i++) {
        if (!take_digits(label, parts[i].at, parts[i].digits, &v[i])) {
            return ERR_SYNTAX;
        }
    }
    if (v[0] < 1970) {
        return ERR_SYNTAX;
    }
    uint64_t ms = (uint64_t)days_of_date((int64_t)v[0], (int64_t)v[1], (int64_t)v[2]) * day_ms +
                  v[3] * 3600000 + v[4] * 60000 + v[5] * 1000 + v[6];
    /* What it would be written as tells whether it was a date at all. */
    struct buf again;
    buf_init(&again, 64);
    feed_label_put(&again, ms);
    bool same = again.err == OK && bytes_eq(buf_bytes(&again), label);
    buf_done(&again);
    *ret_ms = ms;
    return same ? OK : ERR_SYNTAX;
}

/* ---- sequence numbers ---- */

/* All of one length and none with a leading zero, so that their order as numbers is that as text,
 * and a consumer that keeps them as numbers gives them back unchanged. */
void feed_seq_put(struct buf *b, struct feed_seq seq, unsigned mark)
{
    ASSERT(seq.index < CHANGE_TXN_CHANGES_MAX);
    ASSERT(mark < FEED_MARKS);
    buf_putf(b, "1%020llu%03u%04u", (unsigned long long)seq.pos.v, seq.index, mark);
}

enum err feed_seq_parse(struct bytes text, unsigned mark, struct feed_seq *ret)
{
    if (text.len != FEED_SEQ_DIGITS || text.base[0] != '1') {
        return ERR_SYNTAX;
    }
    uint64_t index;
    uint64_t theirs;
    if (!take_digits(text, 1, POS_DIGITS, &ret->pos.v) ||
        !take_digits(text, 1 + POS_DIGITS, INDEX_DIGITS, &index) ||
        !take_digits(text, 1 + POS_DIGITS + INDEX_DIGITS, MARK_DIGITS, &theirs)) {
        return ERR_SYNTAX;
    }
    ret->index = (unsigned)index;
    return theirs == mark ? OK : ERR_AUTH;
}

/* ---- the view ---- */

static enum err look(struct feed_view *v)
{
    enum err err = core_feed_read(&v->reader, &v->feed);
    if (err != OK) {
        return err;
    }
    struct arena a;
    arena_init(&a, 1 << 20);
    const struct part_mark *marks;
    size_t n;
    err = part_read_marks(&v->reader, &a, &marks, &n);
    if (err == OK && n > 0) {
        v->region = marks[0].region;
        v->tail.v = marks[0].pos.v;
    }
    arena_done(&a);
    if (err == OK) {
        err = part_log_first(&v->reader, &v->oldest);
    }
    if (err == OK && v->oldest.v < v->feed.epochs[0].first.v) {
        v->oldest = v->feed.epochs[0].first;
    }
    return err;
}

enum err feed_open(struct engine *engine, struct feed_view *ret)
{
    struct feed_view v = {.snap = engine_snapshot_open(engine)};
    v.reader = (struct part_reader){.engine = engine, .snap = v.snap};
    enum err err = look(&v);
    if (err != OK) {
        engine_snapshot_close(v.snap);
        return err;
    }
    *ret = v;
    return OK;
}

void feed_close(struct feed_view *v)
{
    engine_snapshot_close(v->snap);
}

unsigned feed_mark(const struct feed_view *v, const struct core_stream *s)
{
    uint64_t parts[] = {v->region.v, s->created_ms};
    uint64_t h = hash64(s->table, hash64(bytes_of(parts, sizeof parts), /* seed= */ 0));
    return (unsigned)(h % FEED_MARKS);
}

/* ---- shards ---- */

static struct local_pos later(struct local_pos a, struct local_pos b)
{
    return a.v > b.v ? a : b;
}

/* The piece of the stream that lies in epoch `i`; false when there is none left. */
static bool shard_of(
    const struct feed_view *v, const struct core_stream *s, size_t i, struct feed_shard *ret)
{
    const struct core_feed *f = &v->feed;
    struct local_pos before = i > 0 ? f->epochs[i - 1].first : f->before;
    bool newest = i + 1 == f->n_epochs;
    struct local_pos last = {newest ? UINT64_MAX : f->epochs[i + 1].first.v - 1};
    if (s->last.v < last.v) {
        last = s->last;
    }
    struct local_pos first = later(s->first, f->epochs[i].first);
    bool older = before.v != 0 && s->first.v < f->epochs[i].first.v;
    *ret = (struct feed_shard){
        .first = first,
        .last = last,
        .parent = older ? later(s->first, before) : (struct local_pos){0},
    };
    return first.v <= last.v && last.v >= v->oldest.v;
}

enum err feed_shards(
    const struct feed_view *v,
    const struct core_stream *s,
    struct arena *a,
    const struct feed_shard **ret,
    size_t *ret_n)
{
    struct feed_shard *list = ARENA_ARRAY(a, struct feed_shard, v->feed.n_epochs);
    if (list == NULL) {
        return ERR_TOO_BIG;
    }
    size_t n = 0;
    for (size_t i = 0; i < v->feed.n_epochs; i++) {
        n += shard_of(v, s, i, &list[n]) ? 1 : 0;
    }
    *ret = list;
    *ret_n = n;
    return OK;
}

void feed_shard_id_put(struct buf *b, const struct core_stream *s, struct local_pos first)
{
    unsigned mark = (unsigned)(hash64(s->table, s->created_ms) >> 32);
    buf_putf(b, "shardId-%020llu-%08x", (unsigned long long)first.v, mark);
}

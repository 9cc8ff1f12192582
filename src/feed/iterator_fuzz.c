/* Hostile iterators, sequence numbers and labels. Whatever is accepted is what would be written;
 * and the input taken as a place and sealed by us comes back, or mutations would never get past the
 * seal. */
#include "feed/feed.h"

enum { MARK = 8901 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct core_feed feed = {.secret = "fifteen letters"};
static const struct core_stream stream = {
    .table = {(const uint8_t *)"flights", 7},
    .created_ms = 1700000000123,
};

static void check_text(struct bytes in)
{
    struct buf again;
    struct feed_seq seq;
    uint64_t ms;
    struct feed_iterator it;
    buf_init(&again, 4096);
    if (feed_seq_parse(in, MARK, &seq) == OK) {
        feed_seq_put(&again, seq, MARK);
        ASSERT(bytes_eq(buf_bytes(&again), in));
    }
    buf_clear(&again);
    if (feed_label_parse(in, &ms) == OK) {
        feed_label_put(&again, ms);
        ASSERT(bytes_eq(buf_bytes(&again), in));
    }
    buf_clear(&again);
    if (feed_iterator_parse(in, &feed, &stream, &it) == OK) {
        feed_iterator_put(&again, &feed, &stream, &it);
        ASSERT(bytes_eq(buf_bytes(&again), in));
    }
    buf_done(&again);
}

static void check_place(struct bytes in)
{
    struct reader r = reader_of(in);
    struct feed_iterator it = {
        .shard = {get_u64(&r)},
        .at = {{get_u64(&r)}, get_u16(&r) % CHANGE_TXN_CHANGES_MAX},
        .issued_ms = get_u64(&r),
    };
    if (r.bad) {
        return;
    }
    struct buf text;
    struct feed_iterator got;
    buf_init(&text, 4096);
    feed_iterator_put(&text, &feed, &stream, &it);
    enum err e = feed_iterator_parse(buf_bytes(&text), &feed, &stream, &got);
    ASSERT(e == OK);
    ASSERT(got.at.pos.v == it.at.pos.v);
    ASSERT(got.at.index == it.at.index);
    /* One character changed, as the rest of the input says: no longer ours. */
    struct bytes rest = bytes_of(r.at, reader_left(&r));
    if (rest.len >= 2 && rest.base[1] != 0) {
        text.base[rest.base[0] % text.len] ^= rest.base[1];
        e = feed_iterator_parse(buf_bytes(&text), &feed, &stream, &got);
        ASSERT(e != OK);
    }
    buf_done(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    check_text(bytes_of(data, size));
    check_place(bytes_of(data, size));
    return 0;
}

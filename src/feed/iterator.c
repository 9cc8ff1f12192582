/* Iterators as text: a place, when it was handed out, and a seal only this region can make.
 *
 * Invariant: what parses was put by us for the same stream, unchanged. The seal covers the stream's
 * name, which the text itself does not repeat. */
#include "feed/feed.h"

enum { FORMAT = 1, PLACE_BYTES = 1 + 8 + 8 + 2 + 8, SEAL_BYTES = 16 };

static void put_place(struct buf *b, const struct feed_iterator *it)
{
    buf_put_u8(b, FORMAT);
    put_u64(b, it->shard.v);
    put_u64(b, it->at.pos.v);
    put_u16(b, (uint16_t)it->at.index);
    put_u64(b, it->issued_ms);
}

static void seal(
    struct bytes place,
    const struct core_feed *feed,
    const struct core_stream *s,
    uint8_t ret[SHA256_LEN])
{
    struct buf sealed;
    buf_init(&sealed, 4096);
    buf_put_bytes(&sealed, place);
    put_u64(&sealed, s->created_ms);
    put_lenbytes(&sealed, s->table);
    ASSERT(sealed.err == OK);
    hmac_sha256(bytes_of(feed->secret, sizeof feed->secret), buf_bytes(&sealed), ret);
    buf_done(&sealed);
}

void feed_iterator_put(
    struct buf *b,
    const struct core_feed *feed,
    const struct core_stream *s,
    const struct feed_iterator *it)
{
    struct buf raw;
    uint8_t mac[SHA256_LEN];
    buf_init(&raw, 256);
    put_place(&raw, it);
    seal(buf_bytes(&raw), feed, s, mac);
    buf_put(&raw, mac, SEAL_BYTES);
    put_base64(b, buf_bytes(&raw));
    buf_done(&raw);
}

static enum err open_seal(
    struct bytes raw,
    const struct core_feed *feed,
    const struct core_stream *s,
    struct feed_iterator *ret)
{
    if (raw.len != PLACE_BYTES + SEAL_BYTES) {
        return ERR_SYNTAX;
    }
    uint8_t mac[SHA256_LEN];
    seal(bytes_of(raw.base, PLACE_BYTES), feed, s, mac);
    if (!bytes_eq_secret(bytes_of(mac, SEAL_BYTES), bytes_from(raw, PLACE_BYTES))) {
        return ERR_AUTH;
    }
    struct reader r = reader_of(raw);
    uint8_t format = get_u8(&r);
    ret->shard.v = get_u64(&r);
    ret->at.pos.v = get_u64(&r);
    ret->at.index = get_u16(&r);
    ret->issued_ms = get_u64(&r);
    return format == FORMAT && ret->at.index < CHANGE_TXN_CHANGES_MAX ? OK : ERR_SYNTAX;
}

enum err feed_iterator_parse(
    struct bytes text,
    const struct core_feed *feed,
    const struct core_stream *s,
    struct feed_iterator *ret)
{
    if (text.len > 2 * (PLACE_BYTES + SEAL_BYTES)) {
        return ERR_SYNTAX;
    }
    struct arena a;
    struct bytes raw;
    arena_init(&a, 1 << 16);
    enum err err = base64_decode(&a, text, &raw);
    if (err == OK) {
        err = open_seal(raw, feed, s, ret);
    }
    arena_done(&a);
    return err == ERR_AUTH ? ERR_AUTH : err == OK ? OK : ERR_SYNTAX;
}

/* Frames to bytes and back. A frame is: type byte, body, CRC-32C of both. Offsets are in
 * docs/formats/link.md. */
#include "repl/repl.h"

enum { FLAG_NOTHING = 1, FLAG_FENCED = 1, FLAG_PARTIAL = 1, FLAG_LAST = 1, FLAG_LIVE = 1 };
enum { CRC_BYTES = 4, RECORDS_MAX = 1 << 20 };

static void put_marks(struct buf *b, const struct repl_mark *marks, size_t n)
{
    put_varint(b, n);
    for (size_t i = 0; i < n; i++) {
        put_u64(b, marks[i].region.v);
        put_varint(b, marks[i].pos.v);
        put_u64(b, marks[i].hlc.v);
    }
}

static void put_records(struct buf *b, const struct repl_record *records, size_t n)
{
    put_varint(b, n);
    for (size_t i = 0; i < n; i++) {
        buf_put_u8(b, records[i].live ? FLAG_LIVE : 0);
        put_u64(b, records[i].version.hlc.v);
        put_u64(b, records[i].version.region.v);
        put_lenbytes(b, records[i].key);
        put_lenbytes(b, records[i].item);
    }
}

static void put_seed_chunk(struct buf *b, const struct repl_frame *f)
{
    buf_put_u8(b, (uint8_t)f->seed_chunk.purpose);
    buf_put_u8(b, (uint8_t)f->seed_chunk.mode);
    put_u64(b, f->seed_chunk.table);
    put_lenbytes(b, f->seed_chunk.from);
    put_lenbytes(b, f->seed_chunk.to);
    buf_put_u8(b, f->seed_chunk.last ? FLAG_LAST : 0);
    put_u64(b, f->seed_chunk.gc_floor.v);
    put_records(b, f->seed_chunk.records, f->seed_chunk.n);
}

static void put_digest(struct buf *b, const struct repl_frame *f)
{
    put_u64(b, f->digest.table);
    put_marks(b, f->digest.marks, f->digest.n_marks);
    for (size_t i = 0; i < REPL_DIGEST_BUCKETS; i++) {
        put_u64(b, f->digest.buckets[i].lo);
        put_u64(b, f->digest.buckets[i].hi);
    }
}

static void put_body(struct buf *b, const struct repl_frame *f)
{
    switch (f->type) {
    case REPL_HELLO:
        put_u16(b, f->hello.protocol);
        put_u64(b, f->hello.region.v);
        put_lenbytes(b, f->hello.name);
        put_lenbytes(b, f->hello.nonce);
        return;
    case REPL_PROOF:
        put_lenbytes(b, f->proof.mac);
        return;
    case REPL_BYE:
        put_lenbytes(b, f->bye.reason);
        return;
    case REPL_SUBSCRIBE:
    case REPL_UNSUBSCRIBE:
        put_u64(b, f->subscribe.origin.v);
        put_varint(b, f->subscribe.from.v);
        buf_put_u8(b, f->subscribe.from_nothing ? FLAG_NOTHING : 0);
        return;
    case REPL_START:
        put_u64(b, f->start.origin.v);
        put_varint(b, f->start.pos.v);
        buf_put_u8(b, f->start.fenced ? FLAG_FENCED : 0);
        return;
    case REPL_TXNS:
        put_u64(b, f->txns.origin.v);
        put_varint(b, f->txns.from.v);
        put_varint(b, f->txns.to.v - f->txns.from.v);
        put_u64(b, f->txns.hlc_to.v);
        buf_put_u8(b, f->txns.partial ? FLAG_PARTIAL : 0);
        put_lenbytes(b, f->txns.txns);
        return;
    case REPL_APPLIED:
        put_u64(b, f->applied.origin.v);
        put_varint(b, f->applied.pos.v);
        put_u64(b, f->applied.wall_ms);
        return;
    case REPL_MARKS:
        put_marks(b, f->marks.marks, f->marks.n);
        return;
    case REPL_SYNC:
    case REPL_SYNCED:
        put_u64(b, f->sync.id);
        put_varint(b, f->sync.pos.v);
        return;
    case REPL_SEED_WANT:
        buf_put_u8(b, (uint8_t)f->seed_want.purpose);
        buf_put_u8(b, (uint8_t)f->seed_want.mode);
        put_u64(b, f->seed_want.table);
        put_u32(b, f->seed_want.hash_lo);
        put_u32(b, f->seed_want.hash_hi);
        put_lenbytes(b, f->seed_want.from);
        return;
    case REPL_SEED_CHUNK:
        put_seed_chunk(b, f);
        return;
    case REPL_SEED_MORE:
    case REPL_SEED_REFUSE:
        put_u64(b, f->seed_refuse.table);
        put_lenbytes(b, f->seed_refuse.reason);
        return;
    case REPL_DIGEST:
        put_digest(b, f);
        return;
    }
    UNREACHABLE();
}

void repl_frame_encode(struct buf *b, const struct repl_frame *f)
{
    size_t start = b->len;
    buf_put_u8(b, (uint8_t)f->type);
    put_body(b, f);
    if (b->err == OK) {
        put_u32(b, crc32c(0, bytes_of(b->base + start, b->len - start)));
    }
}

/* One bit, and nothing else in its byte: a frame has one encoding. */
static bool get_flag(struct reader *r)
{
    uint8_t v = get_u8(r);
    r->bad |= v > 1;
    return v == 1;
}

static enum err get_marks(
    struct arena *a, struct reader *r, const struct repl_mark **ret, size_t *ret_n)
{
    uint64_t n = get_varint(r);
    if (r->bad || n > CHANGE_REGIONS_MAX) {
        return ERR_CORRUPT;
    }
    struct repl_mark *marks = ARENA_ARRAY(a, struct repl_mark, n);
    if (marks == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < n; i++) {
        marks[i].region.v = get_u64(r);
        marks[i].pos.v = get_varint(r);
        marks[i].hlc.v = get_u64(r);
    }
    *ret = marks;
    *ret_n = n;
    return OK;
}

static enum err get_records(
    struct arena *a, struct reader *r, const struct repl_record **ret, size_t *ret_n)
{
    uint64_t n = get_varint(r);
    /* A record is at least 19 bytes, so a count that the rest cannot hold is a lie. */
    if (r->bad || n > RECORDS_MAX || n * 19 > reader_left(r)) {
        return ERR_CORRUPT;
    }
    struct repl_record *records = ARENA_ARRAY(a, struct repl_record, n);
    if (records == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < n; i++) {
        records[i].live = get_flag(r);
        records[i].version.hlc.v = get_u64(r);
        records[i].version.region.v = get_u64(r);
        records[i].key = get_lenbytes(r);
        records[i].item = get_lenbytes(r);
    }
    *ret = records;
    *ret_n = n;
    return OK;
}

static enum err get_seed_chunk(struct arena *a, struct reader *r, struct repl_frame *f)
{
    f->seed_chunk.purpose = (enum repl_seed_purpose)get_u8(r);
    f->seed_chunk.mode = (enum repl_seed_mode)get_u8(r);
    f->seed_chunk.table = get_u64(r);
    f->seed_chunk.from = get_lenbytes(r);
    f->seed_chunk.to = get_lenbytes(r);
    f->seed_chunk.last = get_flag(r);
    f->seed_chunk.gc_floor.v = get_u64(r);
    return get_records(a, r, &f->seed_chunk.records, &f->seed_chunk.n);
}

static enum err get_digest(struct arena *a, struct reader *r, struct repl_frame *f)
{
    f->digest.table = get_u64(r);
    enum err e = get_marks(a, r, &f->digest.marks, &f->digest.n_marks);
    for (size_t i = 0; i < REPL_DIGEST_BUCKETS; i++) {
        f->digest.buckets[i].lo = get_u64(r);
        f->digest.buckets[i].hi = get_u64(r);
    }
    return e;
}

static void get_txns(struct reader *r, struct repl_frame *f)
{
    f->txns.origin.v = get_u64(r);
    f->txns.from.v = get_varint(r);
    uint64_t span = get_varint(r);
    r->bad |= __builtin_add_overflow(f->txns.from.v, span, &f->txns.to.v);
    f->txns.hlc_to.v = get_u64(r);
    f->txns.partial = get_flag(r);
    f->txns.txns = get_lenbytes(r);
}

static void get_seed_want(struct reader *r, struct repl_frame *f)
{
    f->seed_want.purpose = (enum repl_seed_purpose)get_u8(r);
    f->seed_want.mode = (enum repl_seed_mode)get_u8(r);
    f->seed_want.table = get_u64(r);
    f->seed_want.hash_lo = get_u32(r);
    f->seed_want.hash_hi = get_u32(r);
    f->seed_want.from = get_lenbytes(r);
}

static enum err get_body(struct arena *a, struct reader *r, struct repl_frame *f)
{
    switch (f->type) {
    case REPL_HELLO:
        f->hello.protocol = get_u16(r);
        f->hello.region.v = get_u64(r);
        f->hello.name = get_lenbytes(r);
        f->hello.nonce = get_lenbytes(r);
        return OK;
    case REPL_PROOF:
        f->proof.mac = get_lenbytes(r);
        return OK;
    case REPL_BYE:
        f->bye.reason = get_lenbytes(r);
        return OK;
    case REPL_SUBSCRIBE:
    case REPL_UNSUBSCRIBE:
        f->subscribe.origin.v = get_u64(r);
        f->subscribe.from.v = get_varint(r);
        f->subscribe.from_nothing = get_flag(r);
        return OK;
    case REPL_START:
        f->start.origin.v = get_u64(r);
        f->start.pos.v = get_varint(r);
        f->start.fenced = get_flag(r);
        return OK;
    case REPL_TXNS:
        get_txns(r, f);
        return OK;
    case REPL_APPLIED:
        f->applied.origin.v = get_u64(r);
        f->applied.pos.v = get_varint(r);
        f->applied.wall_ms = get_u64(r);
        return OK;
    case REPL_MARKS:
        return get_marks(a, r, &f->marks.marks, &f->marks.n);
    case REPL_SYNC:
    case REPL_SYNCED:
        f->sync.id = get_u64(r);
        f->sync.pos.v = get_varint(r);
        return OK;
    case REPL_SEED_WANT:
        get_seed_want(r, f);
        return OK;
    case REPL_SEED_CHUNK:
        return get_seed_chunk(a, r, f);
    case REPL_SEED_MORE:
    case REPL_SEED_REFUSE:
        f->seed_refuse.table = get_u64(r);
        f->seed_refuse.reason = get_lenbytes(r);
        return OK;
    case REPL_DIGEST:
        return get_digest(a, r, f);
    }
    return ERR_FORMAT;
}

enum err repl_frame_decode(struct arena *a, struct bytes in, struct repl_frame *ret)
{
    if (in.len < 1 + CRC_BYTES || in.len > REPL_FRAME_BYTES_MAX) {
        return ERR_CORRUPT;
    }
    struct bytes body = {in.base, in.len - CRC_BYTES};
    struct reader tail = reader_of(bytes_from(in, body.len));
    if (get_u32(&tail) != crc32c(0, body)) {
        return ERR_CORRUPT;
    }
    struct reader r = reader_of(body);
    struct repl_frame f = {.type = (enum repl_frame_type)get_u8(&r)};
    enum err e = get_body(a, &r, &f);
    if (e != OK) {
        return e;
    }
    if (r.bad || reader_left(&r) != 0) {
        return ERR_CORRUPT;
    }
    *ret = f;
    return OK;
}

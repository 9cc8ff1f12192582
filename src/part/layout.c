/* Keys and values of the store, byte by byte (docs/formats/store.md has the tables).
 *
 * Invariants
 *  1. Integers inside keys are big-endian, so byte order is number order; inside values
 * little-endian.
 *  2. An encoded primary key is self-delimiting, so no data key is a prefix of another.
 *  3. Bookkeeping rows carry their own CRC-32C; items lean on the engine's block checksums and log
 * records on the change room's. */
#include "part/layout.h"

void layout_put_u32_be(struct buf *b, uint32_t v)
{
    uint32_t be = __builtin_bswap32(v);
    buf_put(b, &be, sizeof be);
}

void layout_data_prefix(struct buf *b, uint64_t table)
{
    buf_put_u8(b, ROW_DATA);
    put_u64_be(b, table);
}

bool layout_data_key(struct buf *b, uint64_t table, struct bytes key)
{
    size_t first = key_first_len(key);
    if (first == 0) {
        return false;
    }
    layout_data_prefix(b, table);
    layout_put_u32_be(b, key_partition_hash((struct bytes){key.base, first}));
    buf_put_bytes(b, key);
    return true;
}

void layout_collection_key(struct buf *b, uint64_t table, struct bytes key)
{
    size_t first = key_first_len(key);
    ASSERT(first > 0);
    struct bytes partition = {key.base, first};
    buf_put_u8(b, ROW_COLLECTION);
    put_u64_be(b, table);
    layout_put_u32_be(b, key_partition_hash(partition));
    buf_put_bytes(b, partition);
}

void layout_index_prefix(struct buf *b, uint64_t table, uint32_t index)
{
    buf_put_u8(b, ROW_INDEX);
    put_u64_be(b, table);
    layout_put_u32_be(b, index);
}

void layout_log_key(struct buf *b, struct local_pos pos)
{
    buf_put_u8(b, ROW_LOG);
    put_u64_be(b, pos.v);
}

void layout_origin_key(struct buf *b, struct region_id region, struct peer_pos pos)
{
    buf_put_u8(b, ROW_ORIGIN);
    put_u64_be(b, region.v);
    put_u64_be(b, pos.v);
}

void layout_expiry_prefix(struct buf *b, uint64_t table)
{
    buf_put_u8(b, ROW_EXPIRY);
    put_u64_be(b, table);
}

void layout_expiry_second(struct buf *b, uint64_t table, uint64_t seconds)
{
    layout_expiry_prefix(b, table);
    put_u64_be(b, seconds);
}

void layout_expiry_key(struct buf *b, uint64_t table, uint64_t seconds, struct bytes key)
{
    layout_expiry_second(b, table, seconds);
    buf_put_bytes(b, key);
}

void layout_expiry_state_key(struct buf *b, uint64_t table)
{
    buf_put_u8(b, ROW_EXPIRY_STATE);
    put_u64_be(b, table);
}

void layout_tombstone_key(struct buf *b, struct hlc hlc, uint64_t table, struct bytes key)
{
    buf_put_u8(b, ROW_TOMBSTONE);
    put_u64_be(b, hlc.v);
    put_u64_be(b, table);
    buf_put_bytes(b, key);
}

void layout_counts_key(struct buf *b, uint64_t table)
{
    buf_put_u8(b, ROW_COUNTS);
    put_u64_be(b, table);
}

void layout_backfill_key(struct buf *b, uint64_t table, uint32_t index)
{
    buf_put_u8(b, ROW_BACKFILL);
    put_u64_be(b, table);
    layout_put_u32_be(b, index);
}

void layout_index_counts_key(struct buf *b, uint64_t table, uint32_t index)
{
    buf_put_u8(b, ROW_INDEX_COUNTS);
    put_u64_be(b, table);
    layout_put_u32_be(b, index);
}

void layout_conflict_key(struct buf *b, uint64_t seq)
{
    buf_put_u8(b, ROW_CONFLICT);
    put_u64_be(b, seq);
}

void layout_note_key(struct buf *b, struct bytes name)
{
    buf_put_u8(b, ROW_NOTE);
    buf_put_bytes(b, name);
}

void layout_token_key(struct buf *b, struct bytes name)
{
    buf_put_u8(b, ROW_TOKEN);
    buf_put_bytes(b, name);
}

void layout_token_end_key(struct buf *b, uint64_t ends_ms, struct bytes name)
{
    buf_put_u8(b, ROW_TOKEN_END);
    put_u64_be(b, ends_ms);
    buf_put_bytes(b, name);
}

void layout_meta_key(struct buf *b, const char *name)
{
    buf_put_u8(b, ROW_META);
    buf_put_str(b, name);
}

enum { RECORD_LIVE = 1, RECORD_BURIED_LATER = 2 };

void layout_record_put(struct buf *b, const struct record *r)
{
    ASSERT(r->present);
    bool later = !r->live && r->buried.v != r->version.hlc.v;
    buf_put_u8(b, LAYOUT_FORMAT);
    buf_put_u8(b, r->live ? RECORD_LIVE : later ? RECORD_BURIED_LATER : 0);
    put_u64(b, r->version.hlc.v);
    put_u64(b, r->version.region.v);
    put_varint(b, r->pos.v);
    if (r->live) {
        put_varint(b, r->size);
        buf_put_bytes(b, r->item);
    } else if (later) {
        put_u64(b, r->buried.v);
    }
}

enum err layout_record_get(struct bytes in, struct record *ret)
{
    struct reader r = reader_of(in);
    uint8_t format = get_u8(&r);
    uint8_t flags = get_u8(&r);
    struct record rec = {.present = true, .live = (flags & RECORD_LIVE) != 0};
    rec.version.hlc.v = get_u64(&r);
    rec.version.region.v = get_u64(&r);
    rec.buried = rec.version.hlc;
    rec.pos.v = get_varint(&r);
    if (rec.live) {
        rec.size = get_varint(&r);
        rec.item = get_bytes(&r, reader_left(&r));
    } else if (flags == RECORD_BURIED_LATER) {
        rec.buried.v = get_u64(&r);
    }
    bool known = flags == 0 || flags == RECORD_LIVE || flags == RECORD_BURIED_LATER;
    if (r.bad || format != LAYOUT_FORMAT || !known || reader_left(&r) != 0) {
        return ERR_CORRUPT;
    }
    *ret = rec;
    return OK;
}

size_t layout_checked_begin(struct buf *b)
{
    size_t start = b->len;
    buf_put_u8(b, LAYOUT_FORMAT);
    return start;
}

void layout_checked_end(struct buf *b, size_t start)
{
    ASSERT(b->err == OK);
    ASSERT(start < b->len);
    put_u32(b, crc32c(0, bytes_of(b->base + start, b->len - start)));
}

enum err layout_checked_open(struct bytes in, struct reader *ret)
{
    if (in.len < 5) {
        return ERR_CORRUPT;
    }
    if (in.base[0] != LAYOUT_FORMAT) {
        return ERR_FORMAT;
    }
    struct reader tail = reader_of(bytes_from(in, in.len - 4));
    if (get_u32(&tail) != crc32c(0, (struct bytes){in.base, in.len - 4})) {
        return ERR_CORRUPT;
    }
    *ret = reader_of((struct bytes){in.base + 1, in.len - 5});
    return OK;
}

void layout_prefix_end(struct buf *b, size_t from)
{
    while (b->len > from && b->base[b->len - 1] == 0xff) {
        b->len--;
    }
    ASSERT(b->len > from);
    b->base[b->len - 1]++;
}

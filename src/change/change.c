/* The bytes of a transaction. docs/formats/log.md has the offset tables; tests/golden/change.hex
 * the bytes.
 *
 * Invariants
 *  1. Encoding is a function of the transaction alone: the seen vector is written in ascending
 * order of region, so every region that re-encodes a transaction gets the same wire section.
 *  2. Decoding reads nothing before the checksum over it has matched, except lengths, which are
 * bounded.
 *  3. A decoded transaction re-encodes to the bytes it came from.
 *
 * Not promised: that a decoded transaction makes sense (that its keys fit a schema, its stamps a
 * clock). */
#include "change/change.h"

enum {
    FORMAT = 1,
    REGION_BYTES = 8,
    CRC_BYTES = 4,
    SEEN_BYTES_MIN = REGION_BYTES + 2,
    /* head byte of a change, wire section */
    HEAD_KIND = 0x07,
    HEAD_SAME_TABLE = 0x08,
    HEAD_FLAGS_SHIFT = 4,
    WIRE_BYTES_MIN = 2,
    /* head byte of a change, local section */
    OLD_HAD = 0x01,
    OLD_LIVE = 0x02,
    OLD_IMAGE = 0x04,
    OLD_BY_ORIGIN = 0x08,
    OLD_SAME = 0x10,
    OLD_ALL = 0x1f,
};

static const uint8_t flags_known = CHANGE_BY_TTL | CHANGE_ON_BASE;

/* ---- stamps: relative to the transaction's, milliseconds and counter apart, as both are small
 * ---- */

static uint64_t zigzag(uint64_t v)
{
    return (v << 1) ^ (0 - (v >> 63));
}

static uint64_t unzigzag(uint64_t v)
{
    return (v >> 1) ^ (0 - (v & 1));
}

static void put_stamp(struct buf *b, struct hlc base, struct hlc h)
{
    put_varint(b, zigzag(hlc_ms(base) - hlc_ms(h)));
    put_varint(b, h.v & 0xffff);
}

static struct hlc get_stamp(struct reader *r, struct hlc base)
{
    uint64_t ms = hlc_ms(base) - unzigzag(get_varint(r));
    uint64_t counter = get_varint(r);
    if (ms >> 48 != 0 || counter > 0xffff) {
        r->bad = true;
    }
    return (struct hlc){ms << 16 | (counter & 0xffff)};
}

/* ---- encoding ---- */

/* Ascending by region, in place. Vectors have as many entries as the cluster has regions, so few.
 */
static void sort_seen(struct change_seen *seen, size_t n)
{
    for (size_t i = 1; i < n; i++) {
        struct change_seen s = seen[i];
        size_t j = i;
        for (; j > 0 && seen[j - 1].region.v > s.region.v; j--) {
            seen[j] = seen[j - 1];
        }
        seen[j] = s;
    }
}

static void put_seen(struct buf *b, const struct change_txn *t)
{
    ASSERT(t->n_seen <= CHANGE_REGIONS_MAX);
    struct change_seen seen[CHANGE_REGIONS_MAX];
    for (size_t i = 0; i < t->n_seen; i++) {
        seen[i] = t->seen[i];
    }
    sort_seen(seen, t->n_seen);
    put_varint(b, t->n_seen);
    for (size_t i = 0; i < t->n_seen; i++) {
        ASSERT(i == 0 || seen[i].region.v != seen[i - 1].region.v);
        put_u64(b, seen[i].region.v);
        put_stamp(b, t->hlc, seen[i].hlc);
    }
}

/* Only an expiry has a base, and its transaction came after it. */
static bool base_fits(const struct change_txn *t, const struct change *c)
{
    return c->kind == CHANGE_DELETE && (c->flags & CHANGE_BY_TTL) != 0 &&
           c->base.hlc.v < t->hlc.v && c->base.region.v != 0;
}

static void put_change(
    struct buf *b, const struct change_txn *t, const struct change *c, const struct change *before)
{
    ASSERT(c->kind == CHANGE_PUT || c->item.len == 0);
    ASSERT((c->flags & ~flags_known) == 0);
    bool same = before != NULL && before->table == c->table;
    unsigned head = (unsigned)c->kind | (unsigned)c->flags << HEAD_FLAGS_SHIFT;
    buf_put_u8(b, (uint8_t)(head | (same ? HEAD_SAME_TABLE : 0)));
    if (!same) {
        put_varint(b, c->table);
    }
    put_lenbytes(b, c->key);
    if (c->kind == CHANGE_PUT) {
        put_lenbytes(b, c->item);
    }
    if ((c->flags & CHANGE_ON_BASE) != 0) {
        ASSERT(base_fits(t, c));
        put_stamp(b, t->hlc, c->base.hlc);
        put_u64(b, c->base.region.v);
    }
}

static void put_old(struct buf *b, const struct change_txn *t, const struct change *c)
{
    ASSERT(c->had_old || !c->old_live);
    ASSERT(c->old_live || c->old_item.len == 0);
    ASSERT(!c->same || (c->old_live && c->kind == CHANGE_PUT));
    bool by_origin = c->had_old && c->old_version.region.v == t->origin.v;
    unsigned head = (c->had_old ? OLD_HAD : 0U) | (c->old_live ? OLD_LIVE : 0U) |
                    (c->old_item.len > 0 ? OLD_IMAGE : 0U) | (by_origin ? OLD_BY_ORIGIN : 0U) |
                    (c->same ? OLD_SAME : 0U);
    buf_put_u8(b, (uint8_t)head);
    if (!c->had_old) {
        return;
    }
    if (!by_origin) {
        put_u64(b, c->old_version.region.v);
    }
    put_stamp(b, t->hlc, c->old_version.hlc);
    if (c->old_live) {
        put_varint(b, c->old_bytes);
    }
    if (c->old_item.len > 0) {
        put_lenbytes(b, c->old_item);
    }
}

static size_t varint_len(uint64_t v)
{
    size_t n = 1;
    for (; v >= 0x80; v >>= 7) {
        n++;
    }
    return n;
}

/* The body was appended from `start` on; puts format and length before it and the checksum behind
 * it. The length is known only now, and moving the body costs less than encoding it twice or always
 * spending five bytes. */
static void close_section(struct buf *b, size_t start, uint32_t crc_seed)
{
    if (b->err != OK) {
        return;
    }
    size_t body = b->len - start;
    if (body > CHANGE_TXN_BYTES_MAX) {
        b->err = ERR_TOO_BIG;
        return;
    }
    size_t head = 1 + varint_len(body);
    if (buf_reserve(b, head) == NULL) {
        return;
    }
    memmove(b->base + start + head, b->base + start, body);
    b->len = start;
    buf_put_u8(b, FORMAT);
    put_varint(b, body);
    ASSERT(b->len == start + head);
    b->len += body;
    put_u32(b, crc32c(crc_seed, bytes_of(b->base + start, head + body)));
}

static uint32_t crc_at_end(const struct buf *b)
{
    struct reader r = reader_of(bytes_of(b->base + b->len - CRC_BYTES, CRC_BYTES));
    return get_u32(&r);
}

static void encode_wire(struct buf *b, const struct change_txn *t)
{
    ASSERT(t->origin.v != 0);
    ASSERT(t->n_changes <= CHANGE_TXN_CHANGES_MAX);
    size_t start = b->len;
    put_u64(b, t->origin.v);
    put_varint(b, t->origin_pos.v);
    put_u64(b, t->hlc.v);
    put_seen(b, t);
    put_varint(b, t->n_changes);
    for (size_t i = 0; i < t->n_changes; i++) {
        put_change(b, t, &t->changes[i], i == 0 ? NULL : &t->changes[i - 1]);
    }
    close_section(b, start, 0);
}

void change_txn_encode(struct buf *b, const struct change_txn *t)
{
    encode_wire(b, t);
    if (b->err != OK) {
        return;
    }
    uint32_t wire_crc = crc_at_end(b);
    size_t start = b->len;
    for (size_t i = 0; i < t->n_changes; i++) {
        put_old(b, t, &t->changes[i]);
    }
    close_section(b, start, wire_crc);
}

/* ---- decoding ---- */

struct section {
    struct bytes whole;
    struct bytes body;
    uint32_t crc;
};

/* Cuts the next section off `r` by its length, without checking its checksum. */
static enum err cut_section(struct reader *r, struct section *ret)
{
    const uint8_t *start = r->at;
    uint8_t format = get_u8(r);
    if (r->bad) {
        return ERR_CORRUPT;
    }
    if (format != FORMAT) {
        return ERR_FORMAT;
    }
    uint64_t n = get_varint(r);
    if (r->bad || n > CHANGE_TXN_BYTES_MAX) {
        return ERR_CORRUPT;
    }
    ret->body = get_bytes(r, n);
    ret->crc = get_u32(r);
    if (r->bad) {
        return ERR_CORRUPT;
    }
    ret->whole = bytes_of(start, (size_t)(r->at - start));
    return OK;
}

static bool section_sound(const struct section *s, uint32_t crc_seed)
{
    return crc32c(crc_seed, bytes_of(s->whole.base, s->whole.len - CRC_BYTES)) == s->crc;
}

static void get_head(struct reader *r, struct change_txn *t)
{
    t->origin.v = get_u64(r);
    t->origin_pos.v = get_varint(r);
    t->hlc.v = get_u64(r);
    if (t->origin.v == 0) {
        r->bad = true;
    }
}

static enum err get_seen(struct reader *r, struct arena *a, struct change_txn *t)
{
    uint64_t n = get_varint(r);
    if (r->bad || n > CHANGE_REGIONS_MAX || n > reader_left(r) / SEEN_BYTES_MIN) {
        return ERR_CORRUPT;
    }
    struct change_seen *seen = ARENA_ARRAY(a, struct change_seen, n);
    if (seen == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < n; i++) {
        seen[i].region.v = get_u64(r);
        seen[i].hlc = get_stamp(r, t->hlc);
        if (r->bad || (i > 0 && seen[i].region.v <= seen[i - 1].region.v)) {
            return ERR_CORRUPT;
        }
    }
    t->seen = seen;
    t->n_seen = n;
    return OK;
}

static enum err get_change(
    struct reader *r, const struct change_txn *t, struct change *c, const struct change *before)
{
    uint8_t head = get_u8(r);
    if (r->bad) {
        return ERR_CORRUPT;
    }
    unsigned kind = head & HEAD_KIND;
    c->flags = (uint8_t)(head >> HEAD_FLAGS_SHIFT);
    if ((kind != CHANGE_PUT && kind != CHANGE_DELETE) || (c->flags & ~flags_known) != 0) {
        return ERR_FORMAT;
    }
    c->kind = (enum change_kind)kind;
    bool same = (head & HEAD_SAME_TABLE) != 0;
    if (same) {
        if (before == NULL) {
            return ERR_CORRUPT;
        }
        c->table = before->table;
    } else {
        c->table = get_varint(r);
        if (before != NULL && before->table == c->table) {
            return ERR_CORRUPT; /* has a shorter form, and one transaction has one encoding */
        }
    }
    c->key = get_lenbytes(r);
    c->item = c->kind == CHANGE_PUT ? get_lenbytes(r) : BYTES_NONE;
    if ((c->flags & CHANGE_ON_BASE) != 0) {
        c->base.hlc = get_stamp(r, t->hlc);
        c->base.region.v = get_u64(r);
        r->bad |= !base_fits(t, c);
    }
    return r->bad ? ERR_CORRUPT : OK;
}

static enum err get_changes(
    struct reader *r,
    struct arena *a,
    const struct change_txn *t,
    struct change **ret,
    size_t *ret_n)
{
    uint64_t n = get_varint(r);
    if (r->bad || n > CHANGE_TXN_CHANGES_MAX || n > reader_left(r) / WIRE_BYTES_MIN) {
        return ERR_CORRUPT;
    }
    struct change *changes = ARENA_ARRAY(a, struct change, n);
    if (changes == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < n; i++) {
        enum err e = get_change(r, t, &changes[i], i == 0 ? NULL : &changes[i - 1]);
        if (e != OK) {
            return e;
        }
    }
    if (reader_left(r) != 0) {
        return ERR_CORRUPT;
    }
    *ret = changes;
    *ret_n = n;
    return OK;
}

static enum err get_old(struct reader *r, const struct change_txn *t, struct change *c)
{
    uint8_t head = get_u8(r);
    bool image = (head & OLD_IMAGE) != 0;
    bool by_origin = (head & OLD_BY_ORIGIN) != 0;
    c->had_old = (head & OLD_HAD) != 0;
    c->old_live = (head & OLD_LIVE) != 0;
    c->same = (head & OLD_SAME) != 0;
    if (r->bad || (head & ~OLD_ALL) != 0) {
        return r->bad ? ERR_CORRUPT : ERR_FORMAT;
    }
    if ((c->old_live && !c->had_old) || (image && !c->old_live) || (by_origin && !c->had_old)) {
        return ERR_CORRUPT;
    }
    if (c->same && (!c->old_live || c->kind != CHANGE_PUT)) {
        return ERR_CORRUPT;
    }
    if (!c->had_old) {
        return OK;
    }
    c->old_version.region = t->origin;
    if (!by_origin) {
        c->old_version.region.v = get_u64(r);
        if (c->old_version.region.v == t->origin.v) {
            return ERR_CORRUPT;
        }
    }
    c->old_version.hlc = get_stamp(r, t->hlc);
    c->old_bytes = c->old_live ? get_varint(r) : 0;
    if (image) {
        c->old_item = get_lenbytes(r);
        if (c->old_item.len == 0) {
            return ERR_CORRUPT;
        }
    }
    return r->bad ? ERR_CORRUPT : OK;
}

static enum err get_olds(
    const struct section *s, const struct change_txn *t, struct change *changes, size_t n)
{
    struct reader r = reader_of(s->body);
    for (size_t i = 0; i < n; i++) {
        enum err e = get_old(&r, t, &changes[i]);
        if (e != OK) {
            return e;
        }
    }
    return reader_left(&r) == 0 ? OK : ERR_CORRUPT;
}

/* Both sections cut and their checksums compared; `ret_local` only without `wire_only`. */
static enum err cut_txn(
    struct bytes in, bool wire_only, struct section *ret_wire, struct section *ret_local)
{
    struct reader r = reader_of(in);
    enum err e = cut_section(&r, ret_wire);
    if (e != OK) {
        return e;
    }
    if (!section_sound(ret_wire, 0)) {
        return ERR_CORRUPT;
    }
    if (!wire_only) {
        e = cut_section(&r, ret_local);
        if (e != OK) {
            return e;
        }
        if (!section_sound(ret_local, ret_wire->crc)) {
            return ERR_CORRUPT;
        }
    }
    return reader_left(&r) == 0 ? OK : ERR_CORRUPT;
}

enum err change_txn_decode(struct arena *a, struct bytes in, bool wire_only, struct change_txn *ret)
{
    struct section wire;
    struct section local;
    enum err e = cut_txn(in, wire_only, &wire, &local);
    if (e != OK) {
        return e;
    }
    struct change_txn t = {0};
    struct reader r = reader_of(wire.body);
    get_head(&r, &t);
    e = get_seen(&r, a, &t);
    if (e != OK) {
        return e;
    }
    struct change *changes;
    e = get_changes(&r, a, &t, &changes, &t.n_changes);
    if (e != OK) {
        return e;
    }
    if (!wire_only) {
        e = get_olds(&local, &t, changes, t.n_changes);
        if (e != OK) {
            return e;
        }
    }
    t.changes = changes;
    *ret = t;
    return OK;
}

enum err change_txn_wire(struct bytes stored, struct bytes *ret)
{
    struct reader r = reader_of(stored);
    struct section wire;
    enum err e = cut_section(&r, &wire);
    if (e != OK) {
        return ERR_CORRUPT;
    }
    *ret = wire.whole;
    return OK;
}

enum err change_txn_peek(struct bytes in, struct change_txn *ret)
{
    struct reader r = reader_of(in);
    struct section wire;
    enum err e = cut_section(&r, &wire);
    if (e != OK) {
        return e;
    }
    struct change_txn t = {0};
    r = reader_of(wire.body);
    get_head(&r, &t);
    if (r.bad) {
        return ERR_CORRUPT;
    }
    *ret = t;
    return OK;
}

enum err change_txn_filter(
    struct buf *b,
    struct arena *scratch,
    struct bytes stored,
    bool (*keep)(void *ctx, uint64_t table),
    void *ctx,
    size_t *ret_n)
{
    struct change_txn t;
    enum err e = change_txn_decode(scratch, stored, /* wire_only= */ false, &t);
    if (e != OK) {
        return e;
    }
    struct change *kept = ARENA_ARRAY(scratch, struct change, t.n_changes);
    if (kept == NULL) {
        return ERR_TOO_BIG;
    }
    size_t n = 0;
    for (size_t i = 0; i < t.n_changes; i++) {
        if (keep(ctx, t.changes[i].table)) {
            kept[n++] = t.changes[i];
        }
    }
    if (n > 0) {
        t.changes = kept;
        t.n_changes = n;
        encode_wire(b, &t);
        if (b->err != OK) {
            return b->err;
        }
    }
    *ret_n = n;
    return OK;
}

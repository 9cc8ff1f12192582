/* The log's layout, as RocksDB writes it without recycling (docs of RocksDB, "Write Ahead Log File
 * Format"): blocks of 32 KiB, in each a run of records that do not cross its end; less than a
 * header's room at the end stays unused.
 *
 *   offset  bytes  what
 *   0       4      CRC-32C over type and payload, masked
 *   4       2      length of the payload
 *   6       1      type: 1 a whole batch, 2 its first piece, 3 a middle one, 4 its last
 *   7       -      payload
 *
 * A batch begins with the sequence number of its first entry (8 bytes) and how many it has (4).
 *
 * A batch is synced before the next one is written, as the one writer waits for each. So a break
 * followed by the intact beginning of another batch lies in something that was durable, while a
 * break with nothing after it can be the batch nobody was told about. A flipped bit in the very
 * last batch looks like the latter; no reader can tell.
 *
 * RocksDB's own tolerant reading cannot tell the two apart: it takes a length that leads past the
 * end of the log for a tail cut short, also when that length is damage and durable batches follow.
 * Hence this walk, at every opening; it reads no more than RocksDB is about to read anyway.
 *
 * A log that was not closed ends in zeros (wal_ahead_need()), also one that a newer log followed:
 * RocksDB closes it only when it is not needed any more. That is an end like any other if the next
 * log goes on with the sequence number at which this one stopped; if it does not, durable batches
 * were lost to the zeros.
 *
 * When RocksDB opens a store whose log is torn, it begins the next log with an empty batch, a mark
 * of the sequence number at which it goes on. We cut the torn tail off after that and before
 * anything else is written, so a break may be followed by such marks, of openings that a crash
 * ended early.
 *
 * The search after a break looks at every byte, for the break may be in a length. A value that
 * holds the image of a log record can thus make a torn tail look like damage: that errs on the side
 * of refusing. */
#include "engine/wal.h"

enum {
    HEADER_BYTES = 7,
    TYPE_WHOLE = 1,
    TYPE_FIRST = 2,
    TYPE_LAST = 4,
    BATCH_HEADER_BYTES = 12,
};

static const uint32_t crc_mask = 0xa282ead8;

/* The whole length of the intact record at `at`, or 0. */
static size_t record_at(struct bytes block, size_t at, uint8_t *ret_type)
{
    struct reader r = reader_of(bytes_of(block.base + at, block.len - at));
    uint32_t stored = get_u32(&r);
    size_t n = get_u16(&r);
    const uint8_t *type = r.at;
    struct bytes covered = get_bytes(&r, 1 + n);
    if (r.bad || *type < TYPE_WHOLE || *type > TYPE_LAST) {
        return 0;
    }
    uint32_t crc = crc32c(0, covered);
    if ((crc >> 15 | crc << 17) + crc_mask != stored) {
        return 0;
    }
    *ret_type = *type;
    return HEADER_BYTES + n;
}

/* One that has entries; an empty one is RocksDB's mark (see above). */
static bool batch_begins_after(struct bytes block, size_t at)
{
    for (; at + HEADER_BYTES <= block.len; at++) {
        uint8_t type = 0;
        size_t n = record_at(block, at, &type);
        bool empty = type == TYPE_WHOLE && n == HEADER_BYTES + BATCH_HEADER_BYTES;
        if (n > 0 && (type == TYPE_FIRST || (type == TYPE_WHOLE && !empty))) {
            return true;
        }
    }
    return false;
}

static bool is_blank(struct bytes b)
{
    for (size_t i = 0; i < b.len; i++) {
        if (b.base[i] != 0) {
            return false;
        }
    }
    return true;
}

/* A batch begins in this record. false: entries are missing before it. */
static bool take_batch(struct wal_walk *w, struct bytes payload)
{
    struct reader r = reader_of(payload);
    uint64_t first = get_u64(&r);
    uint32_t n = get_u32(&r);
    bool goes_on = !w->follows || w->next == 0 || r.bad || first == w->next;
    w->follows = false;
    w->next = r.bad ? 0 : first + n;
    return goes_on;
}

/* Where the run of intact records from the block's start ends. */
static size_t intact_bytes(struct wal_walk *w, struct bytes block)
{
    size_t at = 0;
    for (;;) {
        uint8_t type;
        size_t n = record_at(block, at, &type);
        if (n == 0) {
            return at;
        }
        struct bytes payload = bytes_of(block.base + at + HEADER_BYTES, n - HEADER_BYTES);
        if ((type == TYPE_WHOLE || type == TYPE_FIRST) && !take_batch(w, payload)) {
            w->state = WAL_DAMAGED;
        }
        at += n;
    }
}

void wal_walk_log(struct wal_walk *w)
{
    w->log_bytes = 0;
    if (w->state == WAL_TORN && w->blank) {
        w->state = WAL_SOUND;
        w->follows = true;
    }
}

void wal_walk_block(struct wal_walk *w, struct bytes block)
{
    ASSERT(block.len <= WAL_BLOCK_BYTES);
    switch (w->state) {
    case WAL_SOUND: {
        size_t at = intact_bytes(w, block);
        bool full = WAL_BLOCK_BYTES - at < HEADER_BYTES;
        w->log_bytes += full ? block.len : at;
        if (at == block.len || full || w->state == WAL_DAMAGED) {
            return;
        }
        w->blank = is_blank(bytes_from(block, at));
        bool more = !w->blank && batch_begins_after(block, at + 1);
        w->state = more ? WAL_DAMAGED : WAL_TORN;
        return;
    }
    case WAL_TORN:
        if (is_blank(block)) {
            return;
        }
        w->blank = false;
        w->state = batch_begins_after(block, 0) ? WAL_DAMAGED : WAL_TORN;
        return;
    case WAL_DAMAGED:
        return;
    }
    UNREACHABLE();
}

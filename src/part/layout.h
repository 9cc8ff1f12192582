#pragma once

/* How rows lie in the engine: keys and values of every kind (docs/formats/store.md). Private to the
 * room. */

#include "part/part.h"

/* First byte of an engine key. Stored: never change one. */
enum {
    ROW_BACKFILL = 'b',
    ROW_CONFLICT = 'c',
    ROW_DATA = 'd',
    ROW_COLLECTION = 'g',
    ROW_EXPIRY = 'e',
    ROW_INDEX = 'i',
    ROW_COUNTS = 'k',
    ROW_LOG = 'l',
    ROW_META = 'm',
    ROW_NOTE = 'n',
    ROW_ORIGIN = 'o',
    ROW_TOKEN = 'q',
    ROW_TOKEN_END = 'r',
    ROW_TOMBSTONE = 't',
    ROW_INDEX_COUNTS = 'x',
    ROW_EXPIRY_STATE = 'y',
};

static_assert((int)ROW_DATA == (int)PART_ROWS_KEPT, "items are what is read again and again");

enum {
    LAYOUT_FORMAT = 1,
    LAYOUT_HASH_BYTES = 4,
    LAYOUT_DATA_PREFIX = 1 + 8,       /* kind, table */
    LAYOUT_INDEX_PREFIX = 1 + 8 + 4,  /* kind, table, index */
    LAYOUT_EXPIRY_PREFIX = 1 + 8 + 8, /* kind, table, seconds */
};

/* What stands at a key: nothing, a tombstone or an item. */
struct record {
    bool present;
    bool live;
    struct version version;
    struct hlc buried;    /* of a tombstone: the stamp it is kept for, its own or a later one */
    struct local_pos pos; /* our log's transaction that put it there */
    uint64_t size;        /* item_size(), if live */
    struct bytes item;    /* encoded, if live */
};

/* Each appends a key to `b`, which the caller clears first. */
void layout_put_u32_be(struct buf *b, uint32_t v);
void layout_data_prefix(struct buf *b, uint64_t table);
/* The key's partition hash must be computable: false (nothing appended) when `key` is malformed. */
bool layout_data_key(struct buf *b, uint64_t table, struct bytes key);
/* Of the collection that the item with this primary key belongs to. `key` is well-formed. */
void layout_collection_key(struct buf *b, uint64_t table, struct bytes key);
void layout_index_prefix(struct buf *b, uint64_t table, uint32_t index);
void layout_log_key(struct buf *b, struct local_pos pos);
void layout_origin_key(struct buf *b, struct region_id region, struct peer_pos pos);
/* The table's part of the expiry rows, the rows of one second, and one row. */
void layout_expiry_prefix(struct buf *b, uint64_t table);
void layout_expiry_second(struct buf *b, uint64_t table, uint64_t seconds);
void layout_expiry_key(struct buf *b, uint64_t table, uint64_t seconds, struct bytes key);
void layout_expiry_state_key(struct buf *b, uint64_t table);
void layout_tombstone_key(struct buf *b, struct hlc hlc, uint64_t table, struct bytes key);
void layout_counts_key(struct buf *b, uint64_t table);
void layout_backfill_key(struct buf *b, uint64_t table, uint32_t index);
void layout_index_counts_key(struct buf *b, uint64_t table, uint32_t index);
void layout_conflict_key(struct buf *b, uint64_t seq);
void layout_note_key(struct buf *b, struct bytes name);
void layout_token_key(struct buf *b, struct bytes name);
void layout_token_end_key(struct buf *b, uint64_t ends_ms, struct bytes name);
void layout_meta_key(struct buf *b, const char *name);

/* Appends the stored form of a record. */
void layout_record_put(struct buf *b, const struct record *r);
/* OK; ERR_CORRUPT (a newer format is named by the store's identity row, at open). ret->item borrows
 * from `in`. */
MUST_CHECK enum err layout_record_get(struct bytes in, struct record *ret);

/* A checked value of a bookkeeping row: format byte, payload, CRC-32C. `begin` appends the format
 * byte and says where the row starts in `b`; the caller appends the payload; `end` appends the
 * checksum. */
size_t layout_checked_begin(struct buf *b);
void layout_checked_end(struct buf *b, size_t start);
/* A reader over the payload. OK; ERR_CORRUPT; ERR_FORMAT. */
MUST_CHECK enum err layout_checked_open(struct bytes in, struct reader *ret);

/* The smallest key greater than every key that begins with b[from..]; edits in place. Prefixes here
 * begin with a kind byte below 0xff, so there always is one. */
void layout_prefix_end(struct buf *b, size_t from);

#pragma once

/* Change records: what happened to one item, grouped into the transaction that did it, and their
 * bytes in the log and on the wire (docs/formats/log.md, golden bytes in change_test.c).
 *
 * A stored transaction has two sections. The wire section is what peers receive, byte for byte: it
 * is encoded once and sent to all. The local section follows it and never leaves the region: old
 * images for feeds, and old versions and sizes for rebuilding counters and digests by replay. Each
 * section has its own CRC-32C. */

#include "base/base.h"
#include "hlc/hlc.h"

/* A position in our own change log. Positions start at 1 and grow by one a transaction. */
struct local_pos {
    uint64_t v;
};

/* A position in some peer's change log (that peer's local_pos), never comparable with ours. */
struct peer_pos {
    uint64_t v;
};

/* The numbers are stored: never renumber. Unknown kinds are refused (ERR_FORMAT), not guessed. */
enum change_kind {
    CHANGE_PUT = 1,    /* the item as a whole */
    CHANGE_DELETE = 2, /* a tombstone */
};

enum change_flag {
    CHANGE_BY_TTL = 1,  /* the item expired; nobody deleted it by hand */
    CHANGE_ON_BASE = 2, /* ends the version `base` and no later one; only of a delete by TTL */
};

struct change {
    enum change_kind kind;
    uint8_t flags;
    uint64_t table;      /* cluster table id */
    struct bytes key;    /* encoded primary key (doc room's key bytes) */
    struct bytes item;   /* PUT: encoded item; DELETE: empty */
    struct version base; /* ON_BASE: stamped before the transaction */
    /* local section */
    bool had_old;               /* an item or tombstone stood there before */
    bool old_live;              /* and it was an item */
    struct version old_version; /* if had_old */
    uint64_t old_bytes;         /* item_size() of the old item, if old_live */
    struct bytes old_item; /* old image, if old_live and the table keeps old images; else empty */
    bool same; /* old_live, and a PUT put the same item again: no news for feeds. Only known of
                  tables with a stream, else false */
};

/* "This origin had applied that region's log up to that stamp when it wrote": who knew what, for
 * telling a conflict from an ordinary overwrite. */
struct change_seen {
    struct region_id region;
    struct hlc hlc;
};

struct change_txn {
    struct region_id origin;
    struct peer_pos origin_pos; /* its position in the origin's log; 0: not from there (seeded) */
    struct hlc hlc;             /* see change_version() */
    const struct change_seen *seen;
    size_t n_seen;
    const struct change *changes;
    size_t n_changes;
};

/* The version of a change: (stamp, origin) of its transaction. Of one on a base, the smallest
 * version above the base: any other write that beats the base beats the end of it too, whenever and
 * wherever it was made, and all who end the same version do it with the same one. */
static inline struct version change_version(const struct change_txn *t, const struct change *c)
{
    return (c->flags & CHANGE_ON_BASE) != 0 ? version_next(c->base)
                                            : (struct version){t->hlc, t->origin};
}

enum {
    CHANGE_TXN_CHANGES_MAX = 1000,
    CHANGE_REGIONS_MAX = 64,
    CHANGE_TXN_BYTES_MAX = 64 * 1024 * 1024,
};

/* Appends both sections. Sticky ERR_TOO_BIG in `b` (its bound, or a section over
 * CHANGE_TXN_BYTES_MAX). `origin` is set; `seen` may be in any order but names no region twice: it
 * is written, and so read back, in ascending order of region id. */
void change_txn_encode(struct buf *b, const struct change_txn *t);
/* Decodes a stored transaction (both sections) or, with `wire_only`, a wire section alone; slices
 * borrow from `in`, arrays live in `a`. OK; ERR_CORRUPT (checksum, lengths, order, trailing bytes);
 * ERR_FORMAT (version or kind not known); ERR_TOO_BIG at the arena's cap. */
MUST_CHECK enum err change_txn_decode(
    struct arena *a, struct bytes in, bool wire_only, struct change_txn *ret);
/* The wire section of a stored transaction, checked for length only. OK; ERR_CORRUPT. */
MUST_CHECK enum err change_txn_wire(struct bytes stored, struct bytes *ret);
/* Reads origin, origin_pos and hlc (of either form) without the rest. OK; ERR_CORRUPT; ERR_FORMAT.
 */
MUST_CHECK enum err change_txn_peek(struct bytes in, struct change_txn *ret);
/* Appends a wire section holding only the changes whose table `keep` accepts; *ret_n says how many
 * (0: nothing is appended). For peers that do not hold all of the transaction's tables. OK, or an
 * error of decode. */
MUST_CHECK enum err change_txn_filter(
    struct buf *b,
    struct arena *scratch,
    struct bytes stored,
    bool (*keep)(void *ctx, uint64_t table),
    void *ctx,
    size_t *ret_n);

#pragma once

/* A table's changes as consumers see them: the names of streams and shards, places in them, and
 * pages of records read from our change log (docs/formats/feed.md).
 *
 * Pure, and any thread: everything is read from the engine through one snapshot, so a page knows
 * exactly where its stream begins and ends whatever the writer does meanwhile. The writer pays
 * nothing for consumers; they read the log it keeps anyway.
 *
 * Promises
 *  1. Each change that altered an item of the table while the stream was on is shown once, with one
 * sequence number, in the order in which this region made it; sequence numbers grow.
 *  2. A place in a stream stays good over restarts. What is behind it may be forgotten: then
 * reading there is ERR_FENCED, never a silent skip.
 *  3. An iterator that this region did not make for this stream is refused. */

#include "base/base.h"
#include "core/core.h"
#include "doc/doc.h"
#include "engine/engine.h"
#include "part/part.h"

enum {
    FEED_RECORDS_MAX = 1000,               /* of one page */
    FEED_PAGE_BYTES_MAX = 1024 * 1024,     /* of one page, but one record always fits */
    FEED_SCAN_BYTES_MAX = 4 * 1024 * 1024, /* of log looked at for one page */
    FEED_ITERATOR_MS = 15 * 60 * 1000,     /* how long an iterator is good for */
    FEED_SEQ_DIGITS = 28,
    FEED_MARKS = 10000,
    FEED_SHARD_ID_LEN = 37,
};

/* ---- labels: when a stream was turned on, as 2015-05-11T21:21:33.291 ---- */

void feed_label_put(struct buf *b, uint64_t ms);
/* OK; ERR_SYNTAX (anything feed_label_put() would not have written). */
MUST_CHECK enum err feed_label_parse(struct bytes label, uint64_t *ret_ms);

/* ---- places ---- */

/* Before change `index` of the transaction at `pos` of our log. */
struct feed_seq {
    struct local_pos pos;
    unsigned index; /* 0 .. 999 */
};

/* The place just behind the change at `seq`. */
static inline struct feed_seq feed_seq_after(struct feed_seq seq)
{
    bool more = seq.index + 1 < CHANGE_TXN_CHANGES_MAX;
    return more ? (struct feed_seq){seq.pos, seq.index + 1} : (struct feed_seq){{seq.pos.v + 1}, 0};
}

/* Appends the sequence number. `mark`, below FEED_MARKS, is feed_mark(). */
void feed_seq_put(struct buf *b, struct feed_seq seq, unsigned mark);
/* OK; ERR_SYNTAX (no sequence number of ours); ERR_AUTH (of another stream or region). */
MUST_CHECK enum err feed_seq_parse(struct bytes text, unsigned mark, struct feed_seq *ret);

/* ---- one look at our streams ---- */

struct feed_view {
    struct part_reader reader;
    struct engine_snapshot *snap;
    struct core_feed feed;
    struct region_id region; /* ours */
    struct local_pos tail;
    struct local_pos oldest; /* what lies before it is forgotten */
};

/* OK; ERR_NOT_FOUND (no stream, or none of late); ERR_IO; ERR_CORRUPT; ERR_FORMAT. On OK to be
 * closed before the engine goes. */
MUST_CHECK enum err feed_open(struct engine *engine, struct feed_view *ret);
void feed_close(struct feed_view *v);
/* What tells the sequence numbers of a stream in this region from others', nearly always: a
 * consumer that takes its place in one region to another is told, not led astray. */
unsigned feed_mark(const struct feed_view *v, const struct core_stream *s);

/* ---- shards ---- */

struct feed_shard {
    struct local_pos first;
    struct local_pos last;   /* UINT64_MAX while it is open */
    struct local_pos parent; /* the first position of the one before it; 0: there was none */
};

/* The shards of a stream that still hold something, oldest first: at most CORE_EPOCHS_MAX. The
 * array is in the arena. OK; ERR_TOO_BIG. */
MUST_CHECK enum err feed_shards(
    const struct feed_view *v,
    const struct core_stream *s,
    struct arena *a,
    const struct feed_shard **ret,
    size_t *ret_n);
/* Appends the id of a stream's shard that begins at `first`: FEED_SHARD_ID_LEN characters, in the
 * order of the shards. */
void feed_shard_id_put(struct buf *b, const struct core_stream *s, struct local_pos first);

/* ---- iterators ---- */

struct feed_iterator {
    struct local_pos shard; /* the first position of the shard it walks */
    struct feed_seq at;
    uint64_t issued_ms;
};

/* Appends the iterator as text that proves it was made here for this stream. */
void feed_iterator_put(
    struct buf *b,
    const struct core_feed *feed,
    const struct core_stream *s,
    const struct feed_iterator *it);
/* OK; ERR_SYNTAX; ERR_AUTH (not made here, or for another stream, or changed since). */
MUST_CHECK enum err feed_iterator_parse(
    struct bytes text,
    const struct core_feed *feed,
    const struct core_stream *s,
    struct feed_iterator *ret);

/* ---- records ---- */

enum feed_event { FEED_INSERT, FEED_MODIFY, FEED_REMOVE };

struct feed_record {
    enum feed_event event;
    struct feed_seq seq;
    struct hash128 id;
    uint64_t at_ms; /* of the transaction's stamp, where it was made */
    bool by_ttl;    /* this region found that the item had expired */
    struct value keys;
    bool has_new; /* images as the stream's view says */
    bool has_old;
    struct value new_image;
    struct value old_image;
    size_t bytes; /* of keys and images as DynamoDB counts items */
};

struct feed_page {
    /* in */
    struct feed_seq from;
    struct local_pos last; /* the shard's */
    size_t limit;          /* 1 .. FEED_RECORDS_MAX */
    size_t scan_bytes;     /* of log to look at before giving up: at least one transaction is */
    /* out, in the arena */
    const struct feed_record *records;
    size_t n;
    struct feed_seq next; /* where to go on */
    bool ended;           /* the shard holds nothing more, ever */
};

/* OK, also with no records; ERR_FENCED (what was asked for is forgotten); ERR_IO; ERR_CORRUPT;
 * ERR_FORMAT; ERR_TOO_BIG. */
MUST_CHECK enum err feed_read(
    const struct feed_view *v,
    const struct core_stream *s,
    struct feed_page *page,
    struct arena *a);

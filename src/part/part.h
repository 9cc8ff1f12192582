#pragma once

/* The writer of one region's data: commands in, one atomic synced batch out. Also the only room
 * that knows how items, index rows, the change log and its bookkeeping are laid out in the engine
 * (docs/formats/store.md), so the readers live here too.
 *
 * Threads: a `struct part` belongs to one thread at a time, the writer. The read functions take an
 * engine and a schema, hold no state and may run on any thread.
 *
 * Promises
 *  1. part_commit() evaluates all waiting commands, in order, each seeing the effects of those
 * before it, and writes items, index rows, change records, positions and counters in one synced
 * batch. A command is done only after that batch is on disk.
 *  2. Every change carries a version greater than the one it replaces.
 *  3. A received transaction is applied whole, exactly once, in its origin's order.
 *  4. After an engine write error the part is FAILED: every waiting and later command ends with
 * ERR_FAILED (those in the failed batch with ERR_IO: whether they took effect is unknown), until
 * the store is opened again. Not promised: anything about other regions. */

#include "base/base.h"
#include "change/change.h"
#include "doc/doc.h"
#include "engine/engine.h"
#include "expr/expr.h"
#include "hlc/hlc.h"
#include "merge/merge.h"

enum {
    PART_TABLE_CATALOG = 1,   /* system table: replicated to every member, keyed (kind S, name S) */
    PART_TABLE_CONFLICTS = 2, /* system table: this region's conflict log, keyed (table S, at S) */
    PART_TABLE_FIRST = 1024,  /* smallest id of a user's table */
    PART_COLLECTION_GB_MAX = 10, /* what the items of one partition key may come to, if limited */
    PART_DIGEST_BUCKETS = 64,    /* a bucket is a 64th of the partition-hash ring, so a key range */
    PART_ROWS_KEPT = 'd',        /* for engine_rocks_config: first byte of items' keys */
    PART_INDEX_EXPIRY = 0,       /* no index has this id: of a BACKFILL, the table's expiry rows */
};

/* ---- schema: what the writer and the readers must know of a table ---- */

enum part_projection { PART_PROJECT_ALL, PART_PROJECT_KEYS, PART_PROJECT_INCLUDE };

struct part_index {
    uint32_t id; /* unique in the table for ever; an index re-created under its old name gets a new
                    one */
    struct bytes name;
    bool local; /* shares the table's partition key */
    struct expr_key_schema keys;
    enum part_projection projection;
    const struct bytes *include; /* PART_PROJECT_INCLUDE: further attribute names */
    size_t n_include;
    uint64_t write_units; /* of a global one: a second, 0: not bounded */
    bool building;        /* made over a table that held items already: its backfill is not done */
};

/* Attributes that the writer sets in each item that is put into a table here, so that whoever reads
 * the item sees of its version what versions themselves do not show: when (a number of seconds),
 * where, and that it is not being deleted. Items from elsewhere come with theirs. */
struct part_stamp {
    struct bytes time;
    struct bytes region;
    struct bytes deleting;
    struct bytes region_name; /* what is put under `region` */
};

struct part_table {
    uint64_t id;
    struct bytes name;
    struct expr_key_schema keys;
    const struct part_index *indexes;
    size_t n_indexes;
    uint64_t write_units; /* that clients may use a second; 0: not bounded */
    bool keep_old_images; /* the log keeps old images (streams with OLD_IMAGE or NEW_AND_OLD_IMAGES)
                           */
    bool streamed;        /* the log says of a put whether it left the item as it was */
    bool replicated;  /* other regions hold it: deletes leave tombstones, conflicts are logged */
    struct bytes ttl; /* the attribute that says when an item expires; len 0: items do not */
    const struct part_stamp *stamp; /* or NULL */
};

/* A deep copy on the heap, and its end. NULL is legal. */
struct part_table *part_table_dup(const struct part_table *t);
void part_table_free(struct part_table *t);

/* Appends the encoded primary key of `attrs` (a map holding at least the key attributes): the
 * partition key's bytes, then the sort key's. OK; ERR_INVALID (an attribute is missing or has the
 * wrong type); ERR_LIMIT (longer than DynamoDB allows, or empty). *reterr_attr names the attribute.
 */
MUST_CHECK enum err part_key_of(
    const struct expr_key_schema *keys,
    const struct value *attrs,
    struct buf *ret,
    struct bytes *reterr_attr);
/* The map of key attributes an encoded primary key stands for. OK; ERR_CORRUPT; ERR_TOO_BIG. */
MUST_CHECK enum err part_key_attrs(
    struct arena *a, const struct expr_key_schema *keys, struct bytes key, struct value *ret);

/* ---- reading ---- */

struct part_reader {
    struct engine *engine;
    struct engine_snapshot *snap; /* NULL: latest committed */
};

/* One item by encoded primary key, decoded into `a`. `ret_version` may be NULL. OK; ERR_NOT_FOUND
 * (never there, or deleted); ERR_IO; ERR_CORRUPT; ERR_TOO_BIG. */
MUST_CHECK enum err part_get(
    const struct part_reader *r,
    const struct part_table *t,
    struct bytes key,
    struct arena *a,
    struct value *ret,
    struct version *ret_version);

/* What a cursor walks over. Positions are exclusive starts. */
struct part_range {
    const struct part_index *index; /* NULL: the table itself */
    bool once; /* nobody will read these rows again soon: see engine_iter_open_once() */
    /* Query: one partition key value and a condition on the sort key. */
    const struct expr_key_cond *query; /* NULL: scan */
    /* Scan: the part [hash_lo, hash_hi] of the ring, both included; all of it is 0 .. UINT32_MAX.
     */
    uint32_t hash_lo;
    uint32_t hash_hi;
    bool backward; /* Query only */
    /* Go on after this item: its key attributes (table key, and the index's key if `index`), or
     * NULL. It need not exist any more. */
    const struct value *after;
};

struct part_cursor;

/* OK; ERR_INVALID (`after` does not fit the schema, or lies outside the range). The cursor borrows
 * the schema and the engine; close it before they go. */
MUST_CHECK enum err part_cursor_open(
    const struct part_reader *r,
    const struct part_table *t,
    const struct part_range *range,
    struct part_cursor **ret);
void part_cursor_close(struct part_cursor *c);
/* The next live item (of an index: its projected attributes), decoded into `a`. *ret_bytes is its
 * item_size(). OK; ERR_NOT_FOUND at the end; ERR_IO; ERR_CORRUPT; ERR_TOO_BIG. */
MUST_CHECK enum err part_cursor_next(
    struct part_cursor *c, struct arena *a, struct value *ret, size_t *ret_bytes);

/* The conflict log's entries, to `take` until it returns false: of one table the latest losers
 * first, of all (`table` empty) the latest logged. Each is decoded into `a`, which is cleared
 * before the next. OK; ERR_IO; ERR_CORRUPT; ERR_TOO_BIG. */
MUST_CHECK enum err part_conflicts_read(
    const struct part_reader *r,
    struct bytes table,
    struct arena *a,
    bool (*take)(void *ctx, const struct value *entry),
    void *ctx);

/* Raw records, tombstones included, for seeding and verification: keys in storage order from `from`
 * (exclusive storage position, len 0: the beginning of hash_lo) up to the end of hash_hi. */
struct part_raw {
    struct bytes position; /* opaque storage position of the record, for `from` */
    struct bytes key;      /* encoded primary key */
    bool live;
    bool expired; /* a tombstone that an expiry left, whose version's region wrote nothing */
    struct version version;
    struct bytes item; /* encoded; empty for a tombstone */
};
/* Appends the storage position of a record with this key. OK; ERR_INVALID (no well-formed key). */
MUST_CHECK enum err part_raw_position(struct buf *b, struct bytes key);
struct part_raw_cursor;
struct part_raw_cursor *part_raw_open(
    const struct part_reader *r,
    uint64_t table,
    uint32_t hash_lo,
    uint32_t hash_hi,
    struct bytes from);
void part_raw_close(struct part_raw_cursor *c);
/* Borrowed until the next call. OK; ERR_NOT_FOUND at the end; ERR_IO; ERR_CORRUPT: where there is a
 * position, it is the record there that does not read, and the next call goes on behind it. */
MUST_CHECK enum err part_raw_next(struct part_raw_cursor *c, struct part_raw *ret);

/* Walks our own change log after `after`. The log holds our transactions (origin ourselves,
 * origin_pos their local_pos) and, whole, every received one (its origin and origin_pos, so that it
 * can be relayed). A transaction with origin_pos 0 came out of a seed, a purge or a partial
 * stretch: it is for feeds, not for peers, whatever its origin, so never ship or relay it. */
struct part_log_cursor;
struct part_log_cursor *part_log_open(const struct part_reader *r, struct local_pos after);
void part_log_close(struct part_log_cursor *c);
/* The stored transaction (both sections), borrowed until the next call. OK; ERR_NOT_FOUND at the
 * end (a later call does not see newer records: open again); ERR_IO; ERR_CORRUPT. */
MUST_CHECK enum err part_log_next(
    struct part_log_cursor *c, struct local_pos *ret_pos, struct bytes *ret_stored);
/* The oldest position still in the log (tail + 1 when empty). OK; ERR_IO; ERR_CORRUPT. */
MUST_CHECK enum err part_log_first(const struct part_reader *r, struct local_pos *ret);
/* Where in our log to begin looking for `origin`'s records after `after`: a position before the
 * first of them. */
MUST_CHECK enum err part_log_find_origin(
    const struct part_reader *r,
    struct region_id origin,
    struct peer_pos after,
    struct local_pos *ret);

/* Whether a logged change altered our data. A received change that lost, repeated what stood there,
 * was quarantined or belongs to a table that is not ours is logged with an old version not below
 * its own. Feeds skip those. */
static inline bool part_change_took_effect(const struct change_txn *t, const struct change *c)
{
    return !c->had_old || version_cmp(c->old_version, change_version(t, c)) < 0;
}

/* How far this region has applied `region`'s log. For ourselves: the tail. */
struct part_mark {
    struct region_id region;
    struct peer_pos pos;
    struct hlc hlc; /* nothing of that region stamped at or below this is still to come */
};

/* The position vector as last committed, into `a`: any thread. OK (n 0 in an empty store); ERR_IO;
 * ERR_CORRUPT; ERR_TOO_BIG. */
MUST_CHECK enum err part_read_marks(
    const struct part_reader *r, struct arena *a, const struct part_mark **ret, size_t *ret_n);
/* Tombstones below this stamp may be gone. OK; ERR_IO; ERR_CORRUPT. */
MUST_CHECK enum err part_read_gc_floor(const struct part_reader *r, struct hlc *ret);
/* About how many stored bytes the log holds in (from, to]. */
uint64_t part_log_bytes(const struct part_reader *r, struct local_pos from, struct local_pos to);
/* Has the engine give back the space of what was trimmed, dropped and deleted, where it is worth
 * the work. A reclaimer, of one store and one thread, remembers what came of it, so that nothing is
 * rewritten again and again in vain. Less than `bytes_min` at a time is not worth the work. */
struct part_reclaimer;
struct part_reclaimer *part_reclaimer_new(uint64_t bytes_min);
void part_reclaimer_free(struct part_reclaimer *rc); /* NULL is legal */
enum part_reclaim_found {
    PART_RECLAIM_NONE, /* nothing was worth it */
    PART_RECLAIM_SOME, /* one span of keys was rewritten; there may be more */
};
struct part_reclaimed {
    enum part_reclaim_found what;
    uint64_t bytes_before; /* of the span */
    uint64_t bytes_after;
};
/* Whether a snapshot that was open at the look before still is: it may hold what was deleted since.
 */
bool part_reclaim_must_wait(const struct part_reclaimer *rc, const struct part_reader *r);
/* Looks, and blocks while files are rewritten; engine_reclaim_stop() ends it. For a thread that may
 * wait. The counters are those of the latest checkpoint, so part_reclaim_prepare() goes before. */
struct part_reclaimed part_reclaim(struct part_reclaimer *rc, const struct part_reader *r);

/* ---- the writer ---- */

struct part_stage;

struct part_config {
    struct region_id region;
    struct engine *engine; /* borrowed */
    uint32_t drift_ms_max;
    bool throttle;                 /* tables' and indexes' write_units bound what clients write */
    struct tracer *tracer;         /* may be NULL */
    size_t batch_bytes_max;        /* a commit closes its batch at about this size */
    uint64_t collection_bytes_max; /* of a table with local indexes; 0: PART_COLLECTION_GB_MAX */
    size_t conflicts_max;          /* entries the conflict log keeps; older ones go first */
    /* Told, on the writer thread and while the batch is being built, of every change to a catalog
     * row, ours or received (item NULL: deleted). May stage further changes through `s` and set or
     * drop schemas. When: for a change of ours after the whole command or call was found good
     * (run() returned OK), so nothing told is ever taken back, and what is staged joins the same
     * transaction; for a received one after its transaction, what is staged then forms a
     * transaction of ours. Rows staged from inside are told too. At open it is told once for each
     * existing row with `s` NULL, before part_open() returns: schemas are set after that. */
    void (*catalog_changed)(
        void *ctx, struct part_stage *s, const struct value *key, const struct value *item);
    void *ctx;
};

struct part;

/* Opens the writer over an engine: finds the log's tail, the clock's floor, the position vector and
 * counters (checkpoint plus replay of the log behind it), and replays the catalog to
 * `catalog_changed`. An empty engine becomes this region's. OK; ERR_IO; ERR_CORRUPT; ERR_INVALID
 * (the store belongs to another region); ERR_FORMAT. */
MUST_CHECK enum err part_open(const struct part_config *config, uint64_t now_ms, struct part **ret);
/* Writes a checkpoint of the counters if the part is sound, and frees it. The engine stays open. */
void part_close(struct part *p);
/* Frees it without another write, as a power cut would leave the store: for the simulator and
 * tests. */
void part_abandon(struct part *p);
bool part_failed(const struct part *p);

/* Makes a table known, replacing the schema of the same id; copied. */
void part_set_table(struct part *p, const struct part_table *t);
/* The schema, valid until it is set or dropped, or NULL. */
const struct part_table *part_find_table(const struct part *p, uint64_t id);

struct part_counts {
    uint64_t items;
    uint64_t bytes; /* sum of item_size() */
};
/* Live items of a table, exact. */
struct part_counts part_table_counts(const struct part *p, uint64_t table);
/* Rows of an index, exact; of one that is being built: of the items its backfill has come past. */
struct part_counts part_index_counts(const struct part *p, uint64_t table, uint32_t index);
/* Sum over the bucket's live items of hash128(key, version), modulo 2^128; tombstones do not count.
 */
struct hash128 part_table_digest(const struct part *p, uint64_t table, unsigned bucket);

/* Recounts everything from the stored items and compares: counters, digests, tombstone rows, and
 * the index rows and expiry rows of every known table with what a rebuild would write. For tests
 * and the simulator; walks the whole store; no index may be waiting for its backfill. OK;
 * ERR_CORRUPT; ERR_IO. */
MUST_CHECK enum err part_check(struct part *p);

/* -- time to live: an item whose attribute named by the schema's `ttl` holds a number of seconds
 * since 1970 that is past, and not by more than five years, is to be deleted -- */

/* When an item expires, in whole seconds. false: never (no such attribute, not a number, below one
 * second or past the year 9999). */
bool part_expiry_of(const struct part_table *t, const struct value *item, uint64_t *ret_seconds);
/* Whether a table's expiry rows are what its schema asks for. If not, PART_CMD_BACKFILL with
 * PART_INDEX_EXPIRY is to run until it is done. */
bool part_expiry_settled(const struct part *p, uint64_t table);
/* No item of the table expires before this time in milliseconds; UINT64_MAX: none ever. A bound,
 * for knowing when to look: it may be too early, never too late. */
uint64_t part_expiry_due_ms(const struct part *p, uint64_t table);
/* Items of the table this region deleted because they had expired, since the part was opened. */
uint64_t part_expired_count(const struct part *p, uint64_t table);

/* The end of our log: between commits, the last position that is durable. Of a part that failed it
 * is the last that was so before. */
struct local_pos part_tail(const struct part *p);
struct hlc part_gc_floor(const struct part *p);
/* The position vector, ourselves first, then peers in order of first contact. Borrowed until the
 * next commit. */
const struct part_mark *part_marks(const struct part *p, size_t *ret_n);

/* -- commands -- */

enum part_op_kind { PART_PUT, PART_UPDATE, PART_DELETE, PART_CHECK };

enum part_fault {
    PART_FAULT_NONE,
    PART_FAULT_NO_TABLE,        /* ERR_NOT_FOUND */
    PART_FAULT_CONDITION,       /* ERR_CONDITION: `old` holds the item when want_old */
    PART_FAULT_UPDATE,          /* ERR_INVALID: `msg` is expr's message */
    PART_FAULT_INDEX_KEY,       /* ERR_INVALID: `fault_attr` has the wrong type for, or is empty in,
                                   `fault_index` */
    PART_FAULT_INDEX_LENGTH,    /* ERR_INVALID: key attribute of an index too long */
    PART_FAULT_ITEM_SIZE,       /* ERR_TOO_BIG: the item afterwards, or the update itself, is over
                                 * DOC_ITEM_BYTES_MAX */
    PART_FAULT_THROTTLED,       /* ERR_BUSY: the table's write units are used up */
    PART_FAULT_INDEX_THROTTLED, /* ERR_BUSY: those of a global index that the write touches */
    PART_FAULT_DEPTH,           /* ERR_LIMIT: nested deeper than DOC_DEPTH_MAX after the update */
    PART_FAULT_COLLECTION,      /* ERR_LIMIT: the items of its partition key and their rows in local
                                   indexes would become too many bytes */
};

/* One item operation. Inputs and outputs live in the command's arena. */
struct part_op {
    enum part_op_kind kind;
    uint64_t table;
    struct bytes key;                  /* encoded primary key */
    const struct value *key_attrs;     /* UPDATE: what a new item begins as */
    const struct value *item;          /* PUT: the whole item, keys included */
    const struct expr_update *update;  /* UPDATE; NULL changes nothing but creates the item */
    const struct expr_cond *condition; /* or NULL */
    uint8_t flags;                     /* enum change_flag */
    bool want_old;
    bool want_new;
    /* out */
    enum err err;
    enum part_fault fault;
    struct bytes msg;
    struct bytes fault_attr;
    struct bytes fault_index;
    struct value fault_value;  /* what stood in fault_attr */
    const struct value *old;   /* want_old: the item before, or NULL when there was none */
    const struct value *now;   /* want_new: the item after, or NULL */
    size_t old_bytes;          /* item_size() before, without a stamp; 0 when there was none */
    size_t new_bytes;          /* after */
    uint64_t collection_bytes; /* of a table with local indexes: its items with this partition key
                                  and their rows in local indexes, afterwards */
    uint32_t index_units[25];  /* write units each index cost (1 KB units, delete + insert counted
                                  apart) */
    uint32_t stamp_units;      /* that setting the table's stamp cost besides, also in a transaction
                                  once */
};

/* Write units of 1 KB for an item of so many bytes, before and after the write. */
static inline uint64_t part_write_units(uint64_t before, uint64_t after)
{
    uint64_t bytes = before > after ? before : after;
    return bytes == 0 ? 1 : (bytes + 1023) / 1024;
}

enum {
    PART_TOKEN_MS = 10 * 60 * 1000, /* how long a done write is remembered by its token */
    PART_TOKEN_NAME_MAX = 255,
};

/* Makes an atomic write happen once. The first of a name that succeeds is remembered in the same
 * batch; a later one within PART_TOKEN_MS changes nothing. */
struct part_token {
    struct bytes name;      /* 1 to PART_TOKEN_NAME_MAX bytes */
    struct hash128 request; /* what is asked for; under one name always the same */
    /* out: it had been done before. The command is OK, its ops have no other output than old_bytes,
     * the larger of old_bytes and new_bytes of the first time. */
    bool repeated;
};

enum part_cmd_kind {
    PART_CMD_WRITE,    /* item operations of a client */
    PART_CMD_CALL,     /* code of the rooms above, inside the batch */
    PART_CMD_APPLY,    /* transactions received from a peer */
    PART_CMD_SEED,     /* records of a snapshot received from a peer */
    PART_CMD_BACKFILL, /* the next stretch of a new index, or of a table's expiry rows */
    PART_CMD_EXPIRE,   /* delete items whose time is over */
    PART_CMD_TRIM,     /* forget the log up to a position */
    PART_CMD_SWEEP,    /* forget tombstones below a stamp */
    PART_CMD_MARK,     /* promise a stamp: the idle heartbeat */
    PART_CMD_SKIP,     /* our store is older than what others have of us: go on behind that */
};

struct part_cmd {
    enum part_cmd_kind kind;
    struct arena *arena;   /* the command's memory, outputs included */
    void *owner;           /* the submitter's */
    struct part_cmd *next; /* the queue's */
    enum err err;          /* out, of the command as a whole */
    union {
        struct {
            struct part_op *ops;
            size_t n;
            bool atomic; /* all or none: err ERR_CANCELLED when any op fails; else each op stands
                            alone */
            /* Atomic ones only. Items put may take so many bytes in all (0: no bound), or nothing
             * happens: ERR_TOO_BIG. `token` may be NULL; ERR_EXISTS: its name stands for another
             * request. */
            uint64_t bytes_max;
            struct part_token *token;
            struct version version; /* out: of the transaction (of the last, when not atomic) */
            struct local_pos pos;   /* out: its position; 0 when nothing changed */
        } write;
        struct {
            /* Stages changes through `s`; an error discards what this call staged. */
            enum err (*run)(void *arg, struct part_stage *s, struct arena *a);
            void *arg;
            struct local_pos pos; /* out */
        } call;
        struct {
            /* Transactions of `origin` at positions in (from, to], wire sections one after the
             * other, each with a varint length before it. ERR_GAP when we have not applied up to
             * `from`; nothing happens when we are past `to`; a partly known stretch applies its
             * unknown rest. `hlc_to`: nothing later of the origin is stamped at or below it.
             * ERR_CLOCK_DRIFT: held back, nothing applied. `partial`: the sender may not hold all
             * of the origin's tables that we hold, so merge but do not advance the mark. */
            struct region_id origin;
            struct peer_pos from;
            struct peer_pos to;
            struct hlc hlc_to;
            bool partial;
            struct bytes txns;
            /* out */
            size_t n_applied;
            size_t n_conflicts;
            size_t n_quarantined;
            struct local_pos tail; /* of our log, what was applied included */
        } apply;
        struct {
            /* All records of `table` in the storage stretch (from, to] (len 0: the ring's ends) as
             * some peer has them; merged by version, not shipped on. Records we hold there with a
             * version below `gc_floor` that the stretch lacks were deleted and forgotten elsewhere:
             * they go, when `complete`. */
            uint64_t table;
            struct bytes from;
            struct bytes to;
            bool complete;
            struct hlc gc_floor;
            /* We had everything of the table below our own tombstone floor: a record below it where
             * nothing stands was deleted here and the deletion forgotten, so it is left out. */
            bool settled;
            const struct part_raw *records;
            size_t n;
            size_t n_applied; /* out */
            size_t n_purged;  /* out */
        } seed;
        struct {
            uint64_t table;
            uint32_t index; /* PART_INDEX_EXPIRY: bring the expiry rows in line with the schema */
            size_t items_max;
            bool done; /* out */
        } backfill;
        struct {
            /* Items of `table` whose time was over at now_ms (the commit's) and who stand as they
             * are now: each becomes a delete on the base of its version, so no later write of any
             * region is lost by it. Items another region wrote last wait `others_ms` longer, since
             * that region is to delete them. Looks at items_max rows after the row `after` (len 0:
             * from the beginning), an opaque position. */
            uint64_t table;
            uint64_t others_ms;
            size_t items_max;
            struct bytes after;
            size_t n_deleted;  /* out */
            bool done;         /* out */
            struct bytes next; /* out, in the command's arena: the `after` to go on from */
        } expire;
        struct {
            struct local_pos upto;
        } trim;
        struct {
            struct hlc below;
            size_t tombstones_max;
            size_t n;  /* out: looked at */
            bool done; /* out: behind the last one; what does not read is left and told */
        } sweep;
        struct {
            struct local_pos pos; /* out: nothing after it is stamped at or below `hlc` */
            struct hlc hlc;       /* out */
        } mark;
        struct {
            /* Positions up to `to` and stamps up to `hlc` were given out before; none of them is
             * given out again. Our log up to there is dropped, for part of it may stand at
             * positions that mean something else elsewhere: peers that lack any of it are fenced.
             * Also when our tail is past `to` already. */
            struct local_pos to;
            struct hlc hlc;
        } skip;
    };
};

/* Queues a command; it belongs to the part until it comes back from part_take_done(). */
void part_submit(struct part *p, struct part_cmd *cmd);
size_t part_waiting(const struct part *p);
/* One group commit at wall time `now_ms`: takes waiting commands until the batch is full, writes,
 * syncs. OK; ERR_IO when this write failed; ERR_FAILED when an earlier one did. Commands are done
 * in every case. */
MUST_CHECK enum err part_commit(struct part *p, uint64_t now_ms);
/* What writes of other regions have cost a table here, or one of its global indexes. */
struct part_arrived {
    uint64_t writes; /* 0: nothing */
    uint64_t units;
    uint64_t units_min; /* of one write */
    uint64_t units_max;
};
/* Hands over what has come since the last time: the table's own (`index` len 0, local indexes
 * included), then that of its global indexes. Names are borrowed for the call. */
void part_take_arrived(
    struct part *p,
    void (*take)(
        void *ctx, struct bytes table, struct bytes index, const struct part_arrived *what),
    void *ctx);
/* The oldest done command, or NULL. It is the submitter's again. */
struct part_cmd *part_take_done(struct part *p);

/* -- inside a PART_CMD_CALL or catalog_changed: one transaction over any tables -- */

struct part_stage;

struct part *part_stage_part(struct part_stage *s);
/* To be `run` by a CALL before a part_reclaim(). */
MUST_CHECK enum err part_reclaim_prepare(void *arg, struct part_stage *s, struct arena *a);
/* The `ctx` that the part was opened with. */
void *part_context(const struct part *p);
uint64_t part_stage_now_ms(const struct part_stage *s);
/* Reads through the open batch. OK, ERR_NOT_FOUND, ERR_IO, ERR_CORRUPT, ERR_TOO_BIG. */
MUST_CHECK enum err part_stage_get(
    struct part_stage *s,
    uint64_t table,
    const struct value *key,
    struct arena *a,
    struct value *ret);
/* Puts or (item NULL) deletes; versioned, logged and replicated like a client's write. OK, ERR_*.
 */
MUST_CHECK enum err part_stage_put(
    struct part_stage *s, uint64_t table, const struct value *key, const struct value *item);
/* Forgets a table: rows, index rows, counters, schema, and what this call staged for it before. Not
 * replicated, no change records. Setting the schema again and putting items after it is legal. */
void part_stage_drop_table(struct part_stage *s, uint64_t table);
/* Forgets an index's rows. */
void part_stage_drop_index(struct part_stage *s, uint64_t table, uint32_t index);
/* Small local bookkeeping of the rooms above (not replicated), committed with the batch. value.len
 * 0: delete. */
void part_stage_note(struct part_stage *s, struct bytes name, struct bytes value);
/* Reads a note, from any thread. OK, ERR_NOT_FOUND, ERR_IO, ERR_CORRUPT. */
MUST_CHECK enum err part_note(const struct part_reader *r, struct bytes name, struct buf *ret);
/* Shows the notes whose names begin with `prefix` and come after `after`, in bytewise order of
 * their names, until `each` returns false. Names and values are borrowed for the call. OK; ERR_IO.
 */
MUST_CHECK enum err part_notes(
    const struct part_reader *r,
    struct bytes prefix,
    struct bytes after,
    bool (*each)(void *ctx, struct bytes name, struct bytes value),
    void *ctx);
/* Sets a peer's mark without applying anything: the start of a subscription. */
void part_stage_mark(struct part_stage *s, struct part_mark mark);

#pragma once

/* The insides the writer's files share: the open batch, the open transaction, tables' counters.
 * Private. */

#include "part/layout.h"
#include "part/part.h"

enum {
    PART_CHECKPOINT_BYTES =
        4 * 1024 * 1024,   /* log written between two checkpoints of the counters */
    PART_CEILING_MS = 100, /* how far ahead of a promised stamp the durable ceiling lies */
    PART_TXN_BYTES_MAX = CHANGE_TXN_BYTES_MAX - 1024 * 1024,
};

/* ---- overlay: what the open batch holds and the engine does not yet ---- */

enum overlay_state {
    OVERLAY_UNKNOWN, /* not written in this batch: ask the engine */
    OVERLAY_ABSENT,
    OVERLAY_PRESENT,
};

struct overlay_entry {
    struct bytes key;
    uint64_t hash;
    struct bytes value;
    enum overlay_state state;
    uint64_t txn; /* serial of the transaction that staged it last as a change, and where */
    size_t at;
};

struct overlay {
    struct overlay_entry **slots;
    size_t n_slots;
    size_t n;
};

struct overlay_undo {
    struct overlay_entry *entry;
    struct bytes value;
    enum overlay_state state;
    uint64_t txn;
    size_t at;
};

/* ---- row cache (row_cache.c): data rows as they stand in the engine ---- */

struct row_cache {
    struct cached_row **slots; /* NULL: nothing was put yet */
    size_t bytes;
};

/* false: the engine has to be asked. `*ret` is the cache's, until the next put, forget or clear. */
bool row_cache_find(
    struct row_cache *c, struct bytes key, uint64_t hash, bool *ret_present, struct bytes *ret);
/* The row is this now (absent: `value` len 0). Both are copied. */
void row_cache_put(
    struct row_cache *c, struct bytes key, uint64_t hash, bool present, struct bytes value);
void row_cache_forget(struct row_cache *c, struct bytes key, uint64_t hash);
void row_cache_clear(struct row_cache *c);
void row_cache_done(struct row_cache *c);

/* ---- a table as the writer knows it ---- */

/* An index of a table as the writer knows it. */
struct part_istate {
    uint32_t id;
    struct part_counts counts;
    bool building;
    struct buf reached;   /* building: the storage position up to which items are counted */
    struct bucket bucket; /* write units */
    struct part_arrived arrived;
};

struct part_tstate {
    uint64_t id;
    struct part_table *schema;   /* NULL: not known, but counters may be */
    uint64_t schema_serial;      /* grows each time the schema is set */
    struct bucket bucket;        /* write units */
    struct part_arrived arrived; /* if anything here or in an index, it is in the part's list */
    bool has_arrived;
    struct part_counts counts;
    struct hash128 *digest; /* PART_DIGEST_BUCKETS, or NULL while the table never held an item */
    bool dirty;             /* changed since the last checkpoint */
    struct part_istate *istates; /* in the order of the schema's indexes */
    size_t n_istates;
    bool recollect;         /* the sizes of its collections are still to be worked out */
    bool collected;         /* it has local indexes: the bytes of its collections are kept */
    bool index_dirty;       /* in the part's list of tables whose indexes' counters changed */
    struct buf expiry_attr; /* what the expiry rows in the engine are of; empty: there are none */
    bool expiry_done;       /* and all of them are there */
    uint64_t expiry_first;  /* seconds: no row lies before */
    uint64_t expiry_left;   /* of the rows the walk under way has left behind it */
    uint64_t n_expired;
};

/* ---- the open transaction ---- */

struct staged {
    struct part_tstate *table;
    struct bytes key;
    struct overlay_entry *entry; /* NULL: no effect here, logged only */
    struct record old;           /* `item` only where somebody needs it */
    const struct value *old_item;
    const struct value *item; /* NULL: deleted */
    struct bytes item_bytes;
    uint64_t size;
    struct bytes logged_item; /* what the log says of a change without effect */
    uint64_t table_id;
    enum change_kind kind;
    uint8_t flags;
    struct version base;    /* with CHANGE_ON_BASE */
    struct version version; /* set by part_stage_change() */
    struct hlc buried;      /* of a tombstone; 0: the transaction's stamp */
    bool tombstone;         /* a delete that leaves one */
    bool cancelled;
    uint32_t *index_units;
    struct overlay_entry *collection; /* NULL: the table's are not kept */
    uint64_t *collection_bytes;       /* out, or NULL */
};

enum stage_act_kind { STAGE_ACT_ROW, STAGE_ACT_DROP_TABLE, STAGE_ACT_DROP_INDEX, STAGE_ACT_MARK };

/* Things besides changes, done when the transaction closes. */
struct stage_act {
    enum stage_act_kind kind;
    uint64_t table;
    uint32_t index;
    struct bytes key;   /* ROW */
    struct bytes value; /* ROW; len 0: delete */
    struct part_mark mark;
    uint64_t schema_serial; /* DROP_TABLE: at the time of the call */
};

struct part_stage {
    struct part *part;
    bool open;
    bool foreign;
    uint64_t serial;
    struct version version; /* hlc 0: not ticked yet */
    struct local_pos pos;
    struct peer_pos origin_pos;
    const struct change_seen *seen; /* of a foreign one */
    size_t n_seen;
    size_t bytes;
    struct staged *staged;
    size_t n_staged;
    size_t staged_cap;
    struct stage_act *acts;
    size_t n_acts;
    size_t acts_cap;
    struct overlay_undo *undo;
    size_t n_undo;
    size_t undo_cap;
    size_t n_dropped_before;
    uint64_t conflict_head_before;
    uint64_t conflict_next_before;
};

struct part_queue {
    struct part_cmd *head;
    struct part_cmd **tail;
    size_t n;
};

struct index_row {
    bool there;
    struct buf key;
    struct buf value;
    uint64_t size;
};

struct part {
    struct part_config config;
    bool failed;
    uint64_t now_ms;
    struct hlc_clock clock;
    struct hlc ceiling; /* durable bound of promised stamps */
    struct hlc gc_floor;
    struct buf sweep_after; /* the tombstone row that the walk under way reached; empty: none */
    size_t sweep_unread;    /* rows it could not read */
    size_t sweep_unread_told;
    struct local_pos tail;
    struct part_mark *marks;
    size_t n_marks;
    size_t marks_cap;
    bool marks_must; /* the marks row is to be written even if nothing else is */
    struct map tables;
    struct part_tstate *table_last;

    struct part_queue waiting;
    struct part_queue done;

    /* the open batch */
    struct engine_batch *batch;
    struct arena batch_arena;
    struct overlay overlay;
    struct row_cache rows;
    struct part_stage stage;
    struct local_pos batch_tail; /* the tail before this batch */
    struct buf log;              /* this batch's stored transactions, one after the other */
    size_t *log_ends;
    size_t log_ends_cap;
    uint64_t *dropped; /* tables whose engine rows are gone in this batch */
    size_t n_dropped;
    size_t dropped_cap;
    struct part_tstate **index_dirty; /* tables whose indexes' counters this batch changed */
    size_t n_index_dirty;
    size_t index_dirty_cap;
    struct part_tstate **arrived; /* tables for which other regions' writes cost something */
    size_t n_arrived;
    size_t arrived_cap;
    struct change *changes; /* scratch of the log encoder */
    size_t changes_cap;

    struct local_pos checkpoint;
    size_t log_bytes_since; /* log bytes behind the checkpoint */
    bool checkpoint_must;

    uint64_t conflict_head; /* sequence numbers of the conflict log's order rows */
    uint64_t conflict_next;

    uint64_t tokens_due_ms; /* no token ends before; looked up anew when that time has come */

    struct buf key_buf;
    struct buf read_buf;
    struct buf enc_buf;
    struct buf meta_buf;
    struct index_row row_old;
    struct index_row row_new;
};

/* Grows an array of the part to hold one more; stops the process when memory runs out. */
void *part_grow(void *base, size_t n, size_t *cap, size_t size);

/* ---- tables and marks (part.c) ---- */

struct part_tstate *part_tstate_find(const struct part *p, uint64_t id);
struct part_tstate *part_tstate_need(struct part *p, uint64_t id);
struct part_mark *part_mark_find(struct part *p, struct region_id region);
struct part_mark *part_mark_need(struct part *p, struct region_id region);
void part_marks_put(struct part *p);
void part_meta_u64_put(struct part *p, const char *name, uint64_t v);

/* ---- overlay (overlay.c) ---- */

void overlay_clear(struct overlay *o);
void overlay_done(struct overlay *o);
/* NULL when the key was never touched in this batch. */
struct overlay_entry *overlay_find(const struct overlay *o, struct bytes key, uint64_t hash);
struct overlay_entry *overlay_need(
    struct overlay *o, struct arena *a, struct bytes key, uint64_t hash);

/* ---- stage (stage.c) ---- */

/* Opens a transaction of ours. */
void part_stage_begin(struct part *p);
/* Opens one that a peer (or a seed: origin_pos 0) made. */
void part_stage_begin_foreign(
    struct part *p, const struct change_txn *t, struct peer_pos origin_pos);
/* The record at a key through the open batch. `item` wanted: copied into `a`. OK also when nothing
 * is there (ret->present false); ERR_IO; ERR_CORRUPT; ERR_TOO_BIG; ERR_INVALID (the key
 * is malformed). */
MUST_CHECK enum err part_stage_load(
    struct part *p,
    uint64_t table,
    struct bytes key,
    bool want_item,
    struct arena *a,
    struct record *ret);
/* Any row through the open batch. OK; ERR_NOT_FOUND; ERR_IO; ERR_CORRUPT. Borrowed until the next
 * read. */
MUST_CHECK enum err part_stage_read(struct part *p, struct bytes row_key, struct bytes *ret);
/* Stages a change; the struct's inputs are table, key, old, old_item, item, item_bytes (may be
 * empty: encoded here), size, flags, base, buried, tombstone, index_units. Memory handed over lives
 * as long as the batch or the command. OK; ERR_LIMIT; ERR_TOO_BIG; ERR_CORRUPT (the old version is
 * not below ours); ERR_INVALID. */
MUST_CHECK enum err part_stage_change(struct part *p, const struct staged *change);
/* Lists a received change that has no effect here, so that the log keeps the transaction whole. */
void part_stage_no_effect(struct part *p, const struct change *c, const struct record *old);
/* Stages a bookkeeping row: visible to part_stage_read(), written when the transaction closes. */
void part_stage_row(struct part *p, struct bytes key, struct bytes value);
/* Tells the catalog's listener (own transactions), writes everything to the batch and the log.
 * *ret_pos is 0 when nothing was logged. */
MUST_CHECK enum err part_stage_close(struct part *p, struct local_pos *ret_pos);
void part_stage_abort(struct part *p);
/* Whether the engine's rows of a table are gone in the open batch. */
bool part_is_dropped(const struct part *p, uint64_t table);
/* Whether a write needs the old item's bytes, and whether it needs them decoded. */
bool part_needs_old_bytes(const struct part_table *t);
bool part_needs_old_item(const struct part_table *t);

/* ---- index rows (index.c) ---- */

/* The row `item` has in `ix`; ret->there false when it has none. OK; ERR_TOO_BIG. */
MUST_CHECK enum err part_index_row(
    struct arena *a,
    const struct part_table *t,
    const struct part_index *ix,
    struct bytes key,
    const struct value *item,
    struct bytes item_bytes,
    struct index_row *ret);
void part_index_row_done(struct index_row *r);
/* Writes what changes in the indexes to the batch. */
MUST_CHECK enum err part_index_update(struct part *p, const struct staged *s);
/* Whether an item of a client may stand under the table's indexes; sets op->fault and its
 * companions. */
MUST_CHECK enum err part_index_check(
    const struct part_table *t, const struct value *item, struct part_op *op);
void part_index_backfill(struct part *p, struct part_cmd *cmd);

/* ---- expiry rows (expiry.c) ---- */

/* Puts what a staged change makes of its item's expiry row into the batch. */
void part_expiry_update(struct part *p, const struct staged *s);
/* A schema was set: rows of an attribute it does not name go. */
void part_expiry_settle(struct part *p, struct part_tstate *t);
/* The table's rows are gone. */
void part_expiry_forget(struct part_tstate *t);
/* At open: which tables have rows. OK; ERR_IO; ERR_CORRUPT; ERR_FORMAT. */
MUST_CHECK enum err part_expiry_load(struct part *p);
void part_expiry_backfill(struct part *p, struct part_cmd *cmd);
void part_expire_run(struct part *p, struct part_cmd *cmd);

/* ---- counters (counters.c) ---- */

struct hash128 part_version_hash(struct bytes key, struct version v);
void part_counts_add(
    struct part *p, struct part_tstate *t, struct bytes key, struct version v, uint64_t bytes);
void part_counts_sub(
    struct part *p, struct part_tstate *t, struct bytes key, struct version v, uint64_t bytes);
/* Puts changed tables' counters and the position they stand for into the batch. */
void part_checkpoint_put(struct part *p);
/* Reads the checkpoint and replays the log behind it. OK; ERR_IO; ERR_CORRUPT; ERR_FORMAT. */
MUST_CHECK enum err part_counts_load(struct part *p);

/* ---- stamps (stamp.c) ---- */

/* Sets the table's stamp in the item of a change of ours whose version is known. OK; ERR_TOO_BIG.
 */
MUST_CHECK enum err part_stamp_put(struct part *p, struct staged *c, struct version v);
/* item_size() of what `stamp` (or NULL) does not set; 0 without an item. */
uint64_t part_unstamped_size(const struct part_stamp *stamp, const struct value *item);

/* ---- counters of indexes (index_counts.c) ---- */

/* Brings a table's index states in line with its schema: keeps what is known, reads what is not. A
 * store that cannot be read makes the part FAILED. */
void part_istates_settle(struct part *p, struct part_tstate *t);
void part_istates_free(struct part_tstate *t);
/* The table's rows are gone: all counters are 0. */
void part_istates_zero(struct part *p, struct part_tstate *t);
/* Counts the difference that a change of the item at `position` makes in the i-th index. */
void part_istate_count(
    struct part *p,
    struct part_tstate *t,
    size_t i,
    struct bytes position,
    const struct index_row *before,
    const struct index_row *after);
/* The i-th index's backfill has come past `position` (len 0: past the end), where `row` stands. */
void part_istate_reach(
    struct part *p,
    struct part_tstate *t,
    size_t i,
    struct bytes position,
    const struct index_row *row);
/* Puts changed counters into the batch. */
void part_istates_put(struct part *p);

/* ---- item collections (collection.c) ---- */

/* Whether a table has local indexes, so that the size of its collections is kept. */
bool part_is_collected(const struct part_table *t);
/* The collection of the item with this key, as the open batch leaves it, known from here on. OK;
 * ERR_IO; ERR_CORRUPT. */
MUST_CHECK enum err part_collection_need(
    struct part *p, uint64_t table, struct bytes key, struct overlay_entry **ret);
uint64_t part_collection_bytes(const struct overlay_entry *e);
/* Adds what a change did to it and puts the sum into the batch. */
void part_collection_add(struct part *p, const struct staged *s, uint64_t plus, uint64_t minus);
/* Whether a client's change may make the collection as large as it would. OK; or op->fault with
 * ERR_LIMIT; ERR_TOO_BIG. */
MUST_CHECK enum err part_collection_check(
    struct part *p, struct part_op *op, const struct staged *s);
/* Writes all sums of a table anew from its items, outside the open batch. OK; ERR_IO; ERR_CORRUPT;
 * ERR_TOO_BIG. */
MUST_CHECK enum err part_collections_rebuild(struct part *p, const struct part_table *t);

/* ---- log (log.c) ---- */

/* Appends the open transaction as position p->stage.pos. OK; ERR_TOO_BIG. */
MUST_CHECK enum err part_log_append(struct part *p, const struct change_txn *t);
/* Puts the rows of what was appended into the batch, when it is about to be written: one after the
 * other, since the engine finds the place of a key next to the last one's at once. */
void part_log_put(struct part *p);
/* What the writer of the record logged at `pos` had seen; known false when the log no longer tells.
 */
MUST_CHECK enum err part_log_sight(struct part *p, const struct record *r, struct merge_sight *ret);
MUST_CHECK enum err part_log_trim(struct part *p, struct local_pos upto);

/* ---- the commands ---- */

void part_write_run(struct part *p, struct part_cmd *cmd);
void part_apply_run(struct part *p, struct part_cmd *cmd);
void part_seed_run(struct part *p, struct part_cmd *cmd);
void part_sweep_run(struct part *p, struct part_cmd *cmd);

/* ---- provisioned capacity (throttle.c) ---- */

/* Takes over the rates of the schema that was set. */
void part_throttle_settle(struct part *p, struct part_tstate *t);
/* Whether the table's write units are used up; those of a global index that `old` or `item` (each
 * NULL or not) appears in. */
bool part_throttle_table(struct part *p, struct part_tstate *t);
/* NULL: none. */
const struct part_index *part_throttle_index(
    struct part *p, struct part_tstate *t, const struct value *old, const struct value *item);
/* Takes what an operation cost; the table's own part `times`. */
void part_throttle_take(struct part *p, const struct part_op *op, unsigned times);

/* ---- what other regions' writes cost (arrival.c) ---- */

struct arrival {
    struct part_tstate *table;
    uint64_t units;
    uint32_t *index_units; /* as many as it has indexes; NULL: it has none, or they cost nothing */
};

/* What a received change costs that takes effect (`applies`) or does not; units 0: nothing. */
struct arrival part_arrival_of(struct part *p, const struct staged *s, bool applies);
/* Takes and counts it, once its transaction is closed. */
void part_arrival_add(struct part *p, const struct arrival *a);

/* ---- tokens (token.c) ---- */

/* Looks for the command's token: OK, and when `repeated` the command has its outputs; ERR_EXISTS;
 * ERR_IO; ERR_CORRUPT. */
MUST_CHECK enum err part_token_look(struct part *p, struct part_cmd *cmd);
/* Stages the token of a command whose ops all succeeded, and the end of tokens whose time is over.
 * OK; ERR_IO; ERR_CORRUPT. */
MUST_CHECK enum err part_token_keep(struct part *p, const struct part_cmd *cmd);

/* ---- the conflict log (conflict.c) ---- */

extern const struct part_table part_conflicts_table;

struct conflict_side {
    struct version version;   /* region 0: there is none */
    const struct value *item; /* NULL: a delete */
};

struct conflict {
    const struct part_table *table;
    struct bytes key;
    struct conflict_side winner;
    struct conflict_side loser;
    const char *reason;
};
/* Stages the entry in the open transaction of ours, and the removal of the oldest above the cap. */
MUST_CHECK enum err part_conflict_put(struct part *p, const struct conflict *c);
/* Finds the order rows' ends. */
MUST_CHECK enum err part_conflict_load(struct part *p);

/* ---- what came from elsewhere (apply.c) ---- */

struct received {
    struct change_txn txn;
    const struct value *items; /* decoded, one a change */
};

/* What applying one transaction leaves to do. */
struct outcome {
    struct conflict *losers;
    size_t n_losers;
    size_t *told; /* changes of catalog rows that took effect */
    size_t n_told;
    struct arrival *arrivals;
    size_t n_arrivals;
};

void part_outcome_init(struct outcome *o, struct arena *a, size_t n_changes);
/* Writes conflict entries and tells the catalog's listener, in a transaction of ours. */
MUST_CHECK enum err part_follow_up(
    struct part *p, const struct received *r, const struct outcome *o);

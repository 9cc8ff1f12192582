#pragma once

/* The writer's side of core, inside: the object, and the helpers its files share. */

#include "core/catalog.h"

enum {
    CORE_ROW_ARENA_BYTES = 64 * 1024 * 1024, /* one errand's memory */
    CORE_ERRANDS_MAX = 256,                  /* names looked at in one commit */
    CORE_ROUNDS_MAX = 8,                     /* commits in one core_commit() */
    CORE_BACKFILL_ITEMS = 500,               /* of one stretch: about what a commit takes anyway */
    CORE_SEED_POLL_MS = 100,    /* how often a replica looks whether its seeds are in */
    CORE_LEAVE_GRACE_MS = 2000, /* a replica that leaves goes on shipping for so long */
    CORE_RETRY_MS = 1000,
    CORE_REMOVALS_MAX = 500, /* replica rows that go in the transaction that removes a member */
};

/* A catalog row that changed in the open commit. */
struct told_row {
    struct value key;
    struct value item;
    bool gone;
    struct told_row *next;
};

struct core {
    struct part *part;
    struct catalog *catalog;
    struct engine *engine;
    struct region_id id;
    struct prng prng;
    void (*catalog_row)(void *ctx, const struct value *key, const struct value *item);
    void (*expired)(void *ctx, struct bytes table, size_t n);
    void *ctx;
    uint64_t now_ms;

    struct arena told_mem;
    struct told_row *told_first;
    struct told_row *told_last;

    struct map dirty;    /* names of tables and groups to look at; the value only marks */
    struct map waiting;  /* name: heap uint64_t, wall time to look again */
    struct map building; /* names of our tables with an index to fill; the value only marks */

    struct map filling;     /* names of our tables with expiry rows to bring in line */
    struct map expiring;    /* names of our tables with time to live */
    struct map sweeping;    /* those the sweep under way has still to see to */
    struct buf sweep_after; /* the row reached in the first of them */
    uint32_t ttl_sweep_ms;  /* 0: never */
    uint64_t sweep_at_ms;   /* the next sweep begins */
    bool fill_out;          /* a piece is at the writer */
    bool sweep_out;

    struct part_cmd *done_first;
    struct part_cmd *done_last;
    struct map streams;      /* by note name: struct stream_entry, ended ones included */
    struct map streams_open; /* by table: the one of them that is on */
    bool has_feed;
    struct core_feed feed;
    uint64_t stream_retention_ms;
    uint64_t stream_shard_ms;
    enum err streams_err; /* of loading */

    size_t n_errands; /* our own commands that are out */
    uint64_t n_looks; /* names looked after, ever */
};

enum errand_kind {
    ERRAND_RECONCILE,
    ERRAND_BACKFILL,
    ERRAND_INDEX_READY,
    ERRAND_EXPIRY_FILL,
    ERRAND_EXPIRE,
};

/* One of core's own commands. `cmd.owner` is the core, which no submitter's is. */
struct errand {
    struct part_cmd cmd; /* first */
    struct arena mem;
    struct core *core;
    enum errand_kind kind;
    struct bytes name; /* in `mem` */
    uint32_t index;
};

struct errand *core_errand_new(struct core *c, enum errand_kind kind, struct bytes name);
void core_errand_submit(struct errand *e);

/* Names what needs looking at soon, or at a time: a table or group, or one of the names below. */
#define CORE_NAME_MEMBERS BYTES_LIT("/") /* no table is called so */
#define CORE_NAME_STREAMS BYTES_LIT("/streams")
void core_mark(struct core *c, struct bytes name);
void core_mark_at(struct core *c, struct bytes name, uint64_t at_ms);
/* The time set by core_mark_at(), or 0. */
uint64_t core_marked_at(const struct core *c, struct bytes name);
void core_unmark_at(struct core *c, struct bytes name);

/* ---- staging rows ---- */

MUST_CHECK enum err stage_row(
    struct part_stage *s, struct arena *a, const struct row_key *key, const struct value *item);
MUST_CHECK enum err stage_table(struct part_stage *s, struct arena *a, const struct core_table *t);
MUST_CHECK enum err stage_group(
    struct part_stage *s, struct arena *a, struct bytes name, const struct group_row *g);
MUST_CHECK enum err stage_replica(
    struct part_stage *s, struct arena *a, struct bytes table, const struct replica_row *r);
MUST_CHECK enum err stage_no_table(
    struct part_stage *s, struct arena *a, struct bytes region, struct bytes table);
MUST_CHECK enum err stage_no_group(struct part_stage *s, struct arena *a, struct bytes table);
MUST_CHECK enum err stage_no_replica(
    struct part_stage *s, struct arena *a, struct bytes region, struct bytes table);

/* Whether a replica was made for an earlier region of its region's name, which was removed. Of our
 * own region our id decides; of another the member row, which may still be on its way. */
bool replica_is_stale(const struct core *c, const struct replica_row *r);

/* ---- ids ---- */

uint64_t new_join(struct core *c);

uint64_t new_table_id(struct core *c);
uint32_t new_index_id(struct core *c, const struct core_table *t);
/* 36 characters in `a`; base NULL at the cap. */
struct bytes new_uuid(struct core *c, struct arena *a);

/* ---- seeds (seeds.c) ---- */

/* A row of CORE_TABLE_SEEDS: what we want, or had, of one region's data of a table. */
struct seed_row {
    bool whole;
    bool done;
    uint64_t join; /* of the replica it is about; 0: not known then */
    struct bytes cursor;
};

struct part_table seeds_schema(void);
/* OK; ERR_NOT_FOUND; ERR_*. */
MUST_CHECK enum err seed_get(
    struct part_stage *s,
    struct arena *a,
    uint64_t table,
    struct region_id from,
    struct seed_row *ret);
/* NULL row: deletes. */
MUST_CHECK enum err seed_put(
    struct part_stage *s,
    struct arena *a,
    uint64_t table,
    struct region_id from,
    const struct seed_row *row);
/* Forgets everything about a table's seeds. */
MUST_CHECK enum err seeds_drop(
    const struct core *c, struct part_stage *s, struct arena *a, uint64_t table);

struct join {
    struct core *core;
    struct part_stage *s;
    struct arena *a;
    const struct group_entry *g;
    const struct replica_row *own;
};

/* Forgets what we wanted of removed members' catalogs. */
MUST_CHECK enum err seeds_drop_removed(const struct core *c, struct part_stage *s, struct arena *a);
/* Brings the needs of a replica that is being built in line with who is in its group now.
 * *ret_done: all data is here. */
MUST_CHECK enum err seeds_follow(const struct join *j, bool *ret_done);
/* Adds needs from replicas that joined without knowing of ours, and drops those from replicas that
 * went. */
MUST_CHECK enum err seeds_follow_active(const struct join *j);

/* ---- wishes (wish.c) ---- */

/* A replica's `extra` with a wish added. OK; ERR_TOO_BIG. */
MUST_CHECK enum err wish_merge(
    struct arena *a,
    const struct value *extra,
    const struct core_wish *wish,
    uint64_t now_ms,
    struct value *ret);
/* Whether a replica's `extra` holds a wish that its table has not followed. */
bool wish_is_open(const struct value *extra, const struct core_table *t);
/* Follows it; `t` is a copy whose arrays are ours. OK; ERR_TOO_BIG. */
MUST_CHECK enum err wish_follow(struct arena *a, const struct value *extra, struct core_table *t);

/* ---- streams (streams.c) ---- */

/* Reads them from the engine. OK; ERR_IO; ERR_CORRUPT; ERR_FORMAT. */
MUST_CHECK enum err streams_load(struct core *c);
void streams_done(struct core *c);
/* Begins, ends or rebinds the stream of one of our tables so that it is as the table's row says; in
 * the batch of that row. Does nothing when they agree. */
void streams_agree(struct core *c, struct part_stage *s, struct bytes table);
/* The label of a stream that begins now: the time, or just later when the table has used that. */
uint64_t streams_label_ms(const struct core *c, struct bytes table, uint64_t now_ms);
/* Begins a new epoch and forgets old epochs and streams, where due; sees to it that it is called
 * again in time. */
void streams_tend(struct core *c, struct part_stage *s);

/* ---- time to live (expiry.c) ---- */

/* Something about our table of that name may have changed. */
void core_expiry_look(struct core *c, struct bytes name);
/* Submits what is due: one piece of filling in rows, and one of a sweep. */
void core_expiry_submit(struct core *c);
void core_expiry_done(struct errand *e);
/* Wall time at which core_expiry_submit() has something to do; UINT64_MAX: never. */
uint64_t core_expiry_deadline(const struct core *c);

/* ---- looking after one name (reconcile.c) ---- */

/* Compares what the rows say of a table with what is, and stages the next step. Stages nothing when
 * nothing is to do, so repeating it ends. */
MUST_CHECK enum err reconcile(
    struct core *c, struct part_stage *s, struct arena *a, struct bytes name);

/* ---- administration (admin.c, group.c) ---- */

MUST_CHECK enum err refuse(struct core_admin *call, enum core_refusal why, enum err err);
MUST_CHECK enum err refuse_region(
    struct core_admin *call, enum core_refusal why, enum err err, struct bytes region);
MUST_CHECK enum err admin_create_group(
    struct core_admin *call, struct part_stage *s, struct arena *a);
MUST_CHECK enum err admin_add_replica(
    struct core_admin *call, struct part_stage *s, struct arena *a);
MUST_CHECK enum err admin_remove_replica(
    struct core_admin *call, struct part_stage *s, struct arena *a);
MUST_CHECK enum err admin_set_replica(
    struct core_admin *call, struct part_stage *s, struct arena *a);
MUST_CHECK enum err admin_replica_seeded(
    struct core_admin *call, struct part_stage *s, struct arena *a);
MUST_CHECK enum err admin_put_member(
    struct core_admin *call, struct part_stage *s, struct arena *a);
MUST_CHECK enum err admin_remove_member(
    struct core_admin *call, struct part_stage *s, struct arena *a);
/* The group row's shape after a replica's table became `t`: indexes that are going are left out.
 * OK; ERR_TOO_BIG. */
MUST_CHECK enum err group_shape_of(
    struct arena *a, const struct core_table *t, struct core_table *ret);

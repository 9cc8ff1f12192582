#pragma once

/* What the files of this room share: the region object and its parts. */

#include "region/region.h"

enum {
    LINKS_MAX = 256,
    STRANGERS_MAX = 64, /* of them, accepted and not proved yet */
    SENDERS_MAX = CORE_REGIONS_MAX,
    SEED_CREDIT = 4,
    NEEDS_MAX = 4096,
    SYNCS_MAX = 256,
    SHIPPED_TABLES_MAX = 32, /* of one frame: further ones go unmetered */
    LOG_SCAN_MAX = 4096,     /* records looked at for one frame */
    SWEEP_MAX = 1000,        /* tombstones of one command ... */
    SWEEP_PAUSE_MS = 50,     /* ... after which others have their turn */
    RECLAIM_MS = 10000,
    RECLAIM_WRITES_MS = 50000, /* longer when nothing but our log has grown */
    QUIET_BEATS_MAX = 10,      /* heartbeats without a promise while nothing is written */
    REFUSALS_TOLD = 64,        /* in a row; rows on their way explain fewer */
    FAILURE_TELL_MS = 60000,
    REFUSAL_TELL_MS = 1000,
    SUSPECTS = 256,
    PASSED_MAX = 1024, /* suspects in search of a place that one which leads nowhere turns away */
};

static_assert(
    LINKS_MAX > STRANGERS_MAX + 2 * CORE_REGIONS_MAX, "dialed and proved links have room");

enum errand_kind {
    ERRAND_APPLY,
    ERRAND_FENCE,
    ERRAND_SEED,
    ERRAND_SEED_NOTE,
    ERRAND_MARK,
    ERRAND_TRIM,
    ERRAND_SWEEP,
    ERRAND_DIGEST,
    ERRAND_COMPARE,
    ERRAND_REPAIR,
    ERRAND_REWOUND_SEED,
    ERRAND_REWOUND_SKIP,
};

/* A command of ours at the writer, with its memory. */
struct errand {
    struct part_cmd cmd;
    struct arena arena;
    enum errand_kind kind;
    struct region *region;
    uint64_t link;
    uint64_t sync_id; /* MARK: whom to answer, 0 for the heartbeat */
    struct region_id origin;
    size_t bytes;
    struct core_seed_need need;
    bool last;
    uint64_t serial;          /* SEED: of the seed it belongs to */
    bool is_void;             /* SEED_NOTE: the peer asked has no such table */
    struct repl_frame digest; /* DIGEST and COMPARE: ours */
    struct repl_frame theirs; /* COMPARE */
    struct peer_pos mark_to;
    struct peer_pos their_pos; /* REWOUND: of our log, as the peer has it */
    uint64_t hlc_to_ms;
};

struct seed_out {
    bool active;
    struct repl_frame want;
    struct engine_snapshot *snap;
    struct part_raw_cursor *cursor;
    struct buf position; /* of the last record sent */
    unsigned credit;
    struct hlc gc_floor;
};

struct seed_in {
    bool active;
    struct core_seed_need need; /* cursor points into `cursor` */
    struct buf cursor;
    uint64_t retry_ms;
    uint64_t serial; /* chunks of an earlier one are not counted as progress */
    uint64_t progress;
    uint64_t refused_table; /* the last one: others have their turn before it has it again */
    uint64_t refusals;      /* since records came last */
};

struct peer;

/* What one frame of our log carried, until its arrival is told. */
struct shipped {
    struct shipped *next;
    struct peer_pos to;
    size_t n;
    struct shipped_table {
        uint64_t table;
        uint64_t n;
        uint64_t first_ms; /* stamps */
        uint64_t last_ms;
        double sum_ms;
    } tables[SHIPPED_TABLES_MAX];
};

struct link {
    uint64_t id;
    bool dialed;
    bool opened;
    bool ready;
    uint64_t began_ms;
    struct peer *peer; /* dialed: from the start; accepted: once named */
    struct repl_handshake handshake;
    uint64_t deadline_ms; /* of the handshake, then of silence */
    struct repl_sender *senders[SENDERS_MAX];
    size_t n_senders;
    struct shipped *shipped; /* oldest first */
    struct shipped *shipped_last;
    bool ack_due;
    bool heartbeat_due;
    struct seed_out seed_out;
    struct seed_in seed_in;
    bool scrubbing;
    bool repairing;          /* scrubbing: records are on their way, no longer versions alone */
    bool scrub_equal;        /* scrubbing: the digests that led to it were of equal vectors */
    unsigned scrub_bucket;   /* scrubbing: what is looked at */
    uint64_t scrub_scan;     /* scrubbing: its number */
    uint64_t stall_progress; /* of seed_in, when it was looked at last */
    uint64_t stall_ms;       /* a seed or scrub that has not moved by then is given up; 0: none */
};

struct peer {
    struct peer *next;
    struct region_id id; /* 0 until known */
    char name[REPL_REGION_NAME_MAX + 1];
    char address[256];
    bool configured;
    bool member;
    bool removed;
    bool ahead;
    bool mending; /* ahead: commands that bring us forward are at the writer */
    bool fenced;
    struct link *link; /* dialing or up */
    uint64_t redial_ms;
    uint32_t backoff_ms;
    uint64_t lost_ms; /* when the link went away; 0 while ready */
    struct repl_vector marks;
    uint64_t sent_bytes;
    uint64_t received_bytes;
};

/* The receiving end of one origin's log. */
struct intake {
    struct region_id origin;
    uint64_t link; /* where it comes from now; 0: nowhere */
    bool relayed;
    bool drifting;
    struct peer_pos expected;
    size_t applying;
    size_t fencing;    /* fences at the writer */
    uint64_t failures; /* stretches that did not apply, ever; drifting ones and gaps apart */
    uint64_t failed;   /* of them, since the last that did */
    uint64_t tell_ms;  /* not told again before */
    uint64_t hold_ms;  /* do not subscribe before */
    uint64_t applied_txns;
    uint64_t conflicts;
    struct region_latency latency;
};

/* The end of an item that scrubbing found a peer to have and not us. */
struct suspect {
    uint64_t name; /* of the record; 0: nobody has the place */
    struct region_id peer;
    uint64_t table;
    unsigned bucket;
    uint64_t scan;   /* the last that saw it, from 1 */
    unsigned looks;  /* because of equal vectors, since it was found */
    unsigned passed; /* others that came for its place since it last led somewhere */
};

struct sync_wait {
    void *token;
    uint64_t id;
    uint64_t deadline_ms;
    size_t n;
    struct {
        struct region_id region;
        bool answered;
        struct peer_pos pos;
    } of[CORE_REGIONS_MAX];
};

struct region {
    struct region_config config;
    char name[REPL_REGION_NAME_MAX + 1];
    struct buf secret;
    struct part_reader reader;
    struct catalog *catalog;
    struct prng prng;
    struct peer *peers;
    struct link *links[LINKS_MAX];
    size_t n_links;
    uint64_t next_link;
    uint64_t refusals; /* of links, since the last that was told */
    uint64_t refusal_tell_ms;
    struct intake intakes[CORE_REGIONS_MAX];
    size_t n_intakes;
    struct repl_vector marks; /* what we have applied; our own entry is the tail */
    struct part_mark promise; /* of the latest PART_CMD_MARK */
    bool marking;
    uint64_t promise_sum; /* positions_sum() when a promise was last asked for */
    unsigned quiet_beats; /* since then */
    uint64_t heartbeat_ms;
    uint64_t janitor_ms;
    uint64_t reclaim_ms;   /* not before; 0: now */
    uint64_t reclaim_tail; /* of our log when it was asked for last */
    bool reclaimed;        /* nothing is known to be gone since that was asked for last */
    uint64_t scrub_ms;
    uint64_t scrub_turn;
    uint64_t scans;       /* of buckets that may differ */
    uint64_t bucket_turn; /* of its own, or the two keep step and some pair never has its turn */
    struct suspect suspects[SUSPECTS];
    bool trimming;
    bool streams_cut; /* the quota took log from streams; said once */
    bool sweeping;
    bool sweep_more;   /* tombstones that may be forgotten were left by the latest sweep */
    uint64_t sweep_ms; /* not before */
    bool failed;
    struct core_seed_need needs[NEEDS_MAX];
    size_t n_needs;
    struct arena needs_arena;
    bool needs_dirty;
    size_t outstanding;
    struct sync_wait *syncs[SYNCS_MAX];
    size_t n_syncs;
    uint64_t next_sync;
    struct region_status status;
    struct arena scratch; /* cleared per event */
    struct buf frame;     /* reused for encoding */
    bool again;           /* bounded work was cut short: come back at once */
};

/* region.c */
struct errand *errand_new(struct region *r, enum errand_kind kind, enum part_cmd_kind cmd);
void errand_free(struct errand *e);
/* Submits, or frees it and returns false. */
bool errand_submit(struct errand *e);
struct peer *peer_find(struct region *r, struct region_id id);
/* Ours, or that of a peer that has told its name; member rows may come later. */
struct bytes region_name_of(const struct region *r, struct region_id id);
/* Whether a region has, or is building, a replica of a table that is ours too. */
bool region_holds(const struct region *r, uint64_t table, struct region_id id);
/* As region_holds(); of a region that was removed nobody knows any more, so it may have. */
bool may_have_held(const struct region *r, uint64_t table, struct region_id id);
struct intake *intake_of(struct region *r, struct region_id origin);
void settle(struct region *r, uint64_t now_ms);

/* links.c */
struct link *link_find(struct region *r, uint64_t id);
struct link *link_of(struct region *r, struct region_id peer);
void link_send(struct region *r, struct link *l, const struct repl_frame *f);
void link_drop(struct region *r, struct link *l, uint64_t now_ms);
/* Whether it is ours to dial that peer, now or at its redial_ms; of two regions only one dials. */
bool links_awaits_dial(const struct region *r, const struct peer *p);
void links_dial(struct region *r, uint64_t now_ms);
void links_expire(struct region *r, uint64_t now_ms);
void link_free(struct link *l);

/* feed.c: our log going out */
void feed_subscribe(struct region *r, struct link *l, const struct repl_frame *f);
void feed_unsubscribe(struct link *l, struct region_id origin);
/* We were fenced off that region's log: who has it from us would take the hole for a stretch
 * without transactions. Their links go; over the next ones they subscribe anew, and the relay floor
 * counts.
 */
void feed_relay_stop(struct region *r, struct region_id origin, uint64_t now_ms);
void feed_marks(struct region *r, struct link *l, const struct repl_frame *f);
void feed_pump(struct region *r, struct link *l);
bool replicates_to(const struct region *r, uint64_t table, const struct peer *p);

/* shipped.c: how long our changes take to arrive */
/* Notes a change stamped then in what is about to be sent. */
void shipped_note(struct shipped *s, uint64_t table, uint64_t stamp_ms);
/* A frame with these changes has gone out. */
void shipped_add(struct link *l, const struct shipped *s, struct peer_pos to);
void shipped_clear(struct link *l);
void shipped_applied(struct region *r, struct link *l, const struct repl_frame *f);
/* The peer has applied our log up to there; what it has not told of until now it never will. */
void shipped_acked(struct link *l, struct peer_pos pos);
/* Tells the origin, straight from which a stretch came, that it is readable now. */
void shipped_tell(struct region *r, const struct errand *e, uint64_t wall_ms);

/* What we hold of a lost origin's log may have holes: after a fence, or where a table was seeded.
 * Below this position we do not relay. */
void relay_floor_stage(struct part_stage *s, struct region_id origin, struct peer_pos floor);
/* For every origin, at where it stands now. */
void relay_floors_stage(struct part_stage *s);

/* intake.c: their logs coming in */
void intake_subscribe(struct region *r, uint64_t now_ms);
void intake_start(struct region *r, struct link *l, const struct repl_frame *f, uint64_t now_ms);
void intake_txns(struct region *r, struct link *l, const struct repl_frame *f, uint64_t now_ms);
void intake_applied(struct region *r, struct errand *e, uint64_t now_ms, uint64_t wall_ms);
void intake_fenced(struct region *r, struct errand *e, uint64_t now_ms);
void intake_lost(struct region *r, struct link *l);
void acks_flush(struct region *r);

/* Makes `e` a call that opens seed needs, from a region, for all tables that we share with it; with
 * `mark_to` not 0 it also takes that for what we have applied of the region's log. How many tables,
 * 0 when memory is out. */
size_t fence_prepare(
    struct region *r, struct errand *e, struct region_id from, struct peer_pos mark_to);

/* rewound.c: our own store is older than it was */
void rewound_begin(struct region *r, struct link *l, struct peer_pos theirs);
void rewound_seeding(struct region *r, struct errand *e);
void rewound_skipped(struct region *r, struct errand *e, uint64_t now_ms);

/* seed.c */
void seed_want(struct region *r, struct link *l, const struct repl_frame *f);
void seed_pump(struct region *r, struct link *l);
void seed_chunk(struct region *r, struct link *l, const struct repl_frame *f);
void seed_refused(struct region *r, struct link *l, const struct repl_frame *f, uint64_t now_ms);
void seed_noted(struct region *r, struct errand *e, uint64_t now_ms);
void seeds_start(struct region *r, uint64_t now_ms);
/* Whether data of a table is still to come, or rows of the catalog that may tell of some. */
bool seed_is_open(const struct region *r, uint64_t table);
bool seed_is_settled(const struct region *r, uint64_t table);
void seed_out_stop(struct seed_out *s);
/* What is under way counts no more, and nothing begins before `at_ms`. */
void seed_in_stop(struct region *r, struct link *l, uint64_t at_ms);
void seed_send_more(struct region *r, struct link *l, uint64_t table);
bool seed_submit_records(struct region *r, struct link *l, const struct repl_frame *f);
bool seed_send_want(struct region *r, struct link *l, const struct repl_frame *want);

/* suspects.c */
/* A scan, of `equal` vectors or not, has seen one. Whether it has been missed long enough to be
 * fetched; its place is then free. */
bool suspects_see(struct suspect at[SUSPECTS], const struct suspect *seen, bool equal);
/* Those of the bucket are not missed any more that scan number `scan` (0: any) has not seen. */
void suspects_forget(
    struct suspect at[SUSPECTS],
    struct region_id peer,
    uint64_t table,
    unsigned bucket,
    uint64_t scan);

/* scrub.c */
void scrub_tick(struct region *r, uint64_t now_ms);
void scrub_digest(struct region *r, struct link *l, const struct repl_frame *f);
void scrub_digest_done(struct region *r, struct errand *e);
void scrub_compare_done(struct region *r, struct errand *e);
void scrub_chunk(struct region *r, struct link *l, const struct repl_frame *f);

/* retain.c: how far point-in-time recovery lets the log [first, tail] go. */
uint64_t wanted_by_recovery(const struct region *r, uint64_t first, uint64_t tail, uint64_t now_ms);

/* janitor.c: heartbeats, trimming, tombstones, syncs */
void janitor_tick(struct region *r, uint64_t now_ms);
void heartbeat_tick(struct region *r, uint64_t now_ms);
void marked(struct region *r, struct errand *e);
void syncs_asked(struct region *r, struct link *l, const struct repl_frame *f);
void syncs_answered(struct region *r, struct link *l, const struct repl_frame *f);
void syncs_check(struct region *r, uint64_t now_ms);
void syncs_resend(struct region *r, struct link *l);

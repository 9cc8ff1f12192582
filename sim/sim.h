#pragma once

/* A whole cluster in one thread from one seed: the region, core and writer rooms as they are, on a
 * network, disks and clocks that this room makes up. One seed is one history; the rolling hash of
 * all events proves it.
 *
 * What judges a run is written apart from what is judged: the ledger replays the change logs with
 * last-writer-wins by (stamp, region id) on its own, without merge or part. */

#include <stdio.h>

#include "change/change.h"
#include "core/core.h"
#include "doc/doc.h"
#include "engine/engine.h"
#include "expr/expr.h"
#include "feed/feed.h"
#include "part/part.h"
#include "region/region.h"
#include "repl/repl.h"

enum {
    SIM_REGIONS_MAX = 5,
    SIM_TABLES_MAX = 6,
    SIM_CALL_OPS_MAX = 6,
    SIM_STORY_MAX = 48,
    SIM_STORY_BYTES = 160,
    SIM_GROUP_KEYS = 3, /* items one transaction group writes, always together */
    SIM_GROUPS = 4,
};

#define SIM_LOG_BYTES_AMPLE (UINT64_C(1) << 30) /* a quota of the log that no history reaches */

/* Bugs planted on purpose, to prove that the checkers see them. */
enum sim_plant {
    SIM_PLANT_NONE,
    SIM_PLANT_TIE_BREAK,        /* an equal stamp of another region never wins */
    SIM_PLANT_NO_PEER_POSITION, /* a crash takes back how far a peer's log was applied */
    SIM_PLANT_ACK_BEFORE_SYNC,  /* a crash takes back the last commit although it was answered */
    SIM_PLANT_LOST_FRAME,       /* a stretch of log arrives empty */
    SIM_PLANT_TORN_TXN,         /* a transaction arrives without its last change */
    SIM_PLANT_FEED_SKIP,        /* a page of a feed lacks its last record */
    SIM_PLANT_EXPIRY_TIME,      /* an expiry arrives with its transaction's stamp as its version */
    SIM_PLANT_TWO_BATCHES,      /* a commit reaches the store in two steps, with readers between */
    SIM_PLANT_FORGET_TOKEN,     /* tokens do not survive a restart */
};

struct sim_config {
    uint64_t seed;
    unsigned regions; /* 0: the seed chooses */
    uint64_t steps;   /* client calls */
    bool trace;
    enum sim_plant plant;
};

struct sim_result {
    uint64_t hash;
    uint64_t events;
    uint64_t virtual_ms;
    uint64_t acked;
    uint64_t crashes;
    uint64_t converge_ms;
    uint64_t repaired;
    uint64_t fenced;
    uint64_t conflicts;
    uint64_t ties;
    uint64_t samples;
    uint64_t reads;      /* TransactGet */
    uint64_t transacted; /* transactions answered with success */
    uint64_t cancelled;
    uint64_t repeated;   /* told to be done before */
    uint64_t mismatched; /* refused for a token that was used */
    uint64_t told;       /* records that consumers of streams read */
    uint64_t told_gaps;  /* times that such a one was told that it came too late */
    uint64_t expired;    /* items whose end some region's log shows */
    bool failed;
    char reason[512];
};

/* Runs one history to its end. The story of the last events goes to `out` when it failed. */
struct sim_result sim_run(const struct sim_config *config, FILE *out);

/* ---- events ---- */

enum sim_event_kind {
    EV_FRAME,   /* the head of a connection's queue has arrived */
    EV_DIAL,    /* a dial reaches its target */
    EV_REFUSED, /* a dial has failed */
    EV_TIMER,   /* region_deadline() */
    EV_WRITER,  /* the writer's turn */
    EV_NEWS,    /* the head of a node's news has reached its region */
    EV_ANSWER,  /* a client's answer has arrived */
    EV_CLIENT,  /* a client thinks of something to do */
    EV_ADMIN,
    EV_FAULT,
    EV_HEAL, /* a fault that was made for a while ends */
    EV_START,
    EV_SAMPLE,
};

struct sim_event {
    uint64_t at_us;
    uint64_t seq;
    enum sim_event_kind kind;
    unsigned node;
    uint32_t life; /* of the node; an event for an earlier life is void */
    uint64_t number;
    void *ptr;
};

/* ---- network ---- */

enum packet_kind { PACKET_OPENED, PACKET_DATA, PACKET_FIN };

struct packet {
    struct packet *next;
    enum packet_kind kind;
    size_t len;
    uint8_t data[];
};

/* Side 0 dialed side 1. */
struct conn {
    struct conn *next;
    uint64_t id;
    unsigned node[2];
    uint32_t life[2];
    uint64_t link[2]; /* 0: not known yet */
    bool open[2];
    struct packet *head[2]; /* sent by that side */
    struct packet **tail[2];
    uint64_t last_us[2];
    unsigned stalled[2];
};

/* ---- a region and the shell around it ---- */

enum news_kind { NEWS_ROW, NEWS_COMMITTED, NEWS_DONE };

struct news {
    struct news *next;
    enum news_kind kind;
    struct part_cmd *cmd;
    uint64_t tail;
    struct buf row;
    size_t key_len;
};

struct sim;
struct call;

/* A consumer of one table's stream in one region, and its copy of the table. */
struct follower {
    uint64_t created_ms; /* the stream's label; 0: none seen yet */
    struct feed_seq at;
    struct feed_seq last; /* record */
    struct map copy;      /* encoded key: uint64_t, hash of the item */
    size_t compared;
    uint64_t turn;
};

struct node {
    struct sim *sim;
    unsigned index;
    char name[16];
    char address[16];
    struct region_id id;
    struct engine *engine;
    struct core *core;
    struct region *region;
    struct tracer tracer;
    bool up;
    bool dying; /* its region's wishes are no longer heard */
    uint32_t life;
    struct conn *accepting;
    struct part_cmd *inbox; /* on the way to the writer */
    struct part_cmd **inbox_tail;
    size_t n_inbox;
    struct news *news;
    struct news **news_tail;
    uint64_t news_us;
    uint64_t timer_us; /* when the armed event comes; UINT64_MAX: none */
    uint64_t writer_us;
    uint64_t announced;
    bool hit_after_commit; /* crash before the next commit's news leaves */
    /* clock */
    int64_t skew_ms;
    int64_t ppm;
    uint64_t frozen_ms; /* 0: it runs */
    /* what a planted bug remembers */
    struct engine *before;
    struct part_mark old_mark;
    /* ledger */
    uint64_t ingested; /* of its log */
    uint64_t hlc_max;  /* greatest stamp in its log */
    uint64_t own_hlc;
    struct map fold;          /* table and key: struct cell */
    struct map peer_pos;      /* origin: struct cell used as a position */
    struct map ended;         /* table, version and key, for each version that expired */
    struct ledger_txn **txns; /* by own position */
    size_t txns_cap;
    size_t n_clients;
    struct transact *again; /* transactions to be asked for once more */
    struct transact *done;  /* the last one under a token */
    struct follower followers[SIM_TABLES_MAX];
    bool seeding; /* since the last look of reads_sample() */
    uint64_t wait_for[SIM_REGIONS_MAX];
};

/* ---- what clients did ---- */

enum op_state { OP_PENDING, OP_ACKED, OP_REFUSED, OP_UNKNOWN };
enum op_kind { OP_PUT, OP_PUT_NEW, OP_ADD, OP_DELETE, OP_TRANSACT };

struct op {
    uint64_t id;
    enum op_kind kind;
    enum op_state state;
    unsigned node;
    int64_t delta;
    uint64_t seen_pos;         /* position of its effect in its region's log; 0: none seen */
    struct transact *transact; /* OP_TRANSACT */
};

/* ---- transactions ---- */

enum guard_kind { GUARD_NONE, GUARD_EXISTS, GUARD_ABSENT, GUARD_WRITER, GUARD_BELOW };

/* A condition as data, so that it can be judged without expr. */
struct guard {
    enum guard_kind kind;
    int64_t number; /* who must have written the item, or what its counter must be below */
};

/* What guards look at. */
struct sight {
    bool live;
    int64_t writer; /* id of the op that wrote it last */
    int64_t counter;
};

/* One element of what a transaction asks for, and what became of it. */
struct step {
    enum part_op_kind kind;
    unsigned table; /* of the plan */
    const char *prefix;
    unsigned key;
    struct guard guard;
    int64_t delta;
    int64_t until;
    unsigned left; /* bits of the items of its group that the transaction leaves; 0: no group */
    uint64_t table_id;
    struct bytes stored_key;
    struct sight before; /* what stood there when it took effect */
    uint64_t bytes;      /* as its first answer said */
};

/* Tries are numbered from 1, in the order they are made in. */
struct transact {
    struct op *op;
    struct op *named; /* whose token it carries; NULL: it has none */
    struct step steps[SIM_CALL_OPS_MAX];
    size_t n;
    uint64_t began_us;
    unsigned tries;
    unsigned open;           /* tries whose answer is still to come */
    unsigned did;            /* the try that was answered with success */
    unsigned refused_last;   /* the last that was refused */
    unsigned repeated_first; /* the first that was told that it had been done */
    bool waits;              /* to be asked for again */
    struct transact *next;
};

struct call {
    struct sim *sim;
    struct part_cmd cmd;
    struct arena arena;
    unsigned node;
    bool admin;
    struct core_admin call;
    struct op *ops[SIM_CALL_OPS_MAX];
    size_t n_ops;
    struct transact *transact; /* or NULL: the ops stand for themselves */
    struct part_token token;
    unsigned attempt;
    bool was_done; /* when it was asked for, the log had it already */
    bool returned; /* the writer has given it back; the answer is on its way */
    struct call *next;
};

/* ---- ledger ---- */

struct ledger_change {
    uint64_t table;
    struct bytes key;
    struct version version;
    bool live;
    uint64_t item_hash;
};

struct ledger_txn {
    struct version version;
    uint64_t pos;
    struct ledger_change *changes;
    size_t n;
};

struct cell {
    struct version version;
    bool live;
    uint64_t item_hash;
    int64_t counter;
    int64_t writer; /* id of the op that wrote it; -1: none */
    int64_t until;  /* seconds; 0: for ever */
    uint64_t pos;
};

struct table_plan {
    char name[16];
    bool touched[SIM_REGIONS_MAX]; /* a removal was asked for there */
    bool paired;                   /* made in several regions and joined while empty */
    bool deleted;
    bool ttl; /* its tables begin with time to live on */
};

struct sim {
    struct sim_config config;
    struct sim_result result;
    struct prng prng;
    struct arena arena;
    uint64_t now_us;
    uint64_t seq;
    struct sim_event *heap;
    size_t n_heap;
    size_t heap_cap;
    struct node nodes[SIM_REGIONS_MAX];
    unsigned n_nodes;
    struct region_knobs knobs;
    uint32_t drift_ms_max;
    uint32_t stream_retention_ms;
    uint32_t stream_shard_ms;
    size_t batch_bytes_max;
    uint64_t wall_base_ms;
    uint64_t wall_max_ms;
    uint64_t hlc_slack_ms;

    struct conn *conns;
    uint64_t next_conn;
    uint64_t delay_us[SIM_REGIONS_MAX][SIM_REGIONS_MAX];
    uint64_t jitter_us;
    bool cut[SIM_REGIONS_MAX][SIM_REGIONS_MAX];
    uint64_t clog_us[SIM_REGIONS_MAX][SIM_REGIONS_MAX]; /* extra delay */

    bool healed;
    unsigned faults_per_mille[10];
    uint64_t fault_gap_us;
    uint64_t think_us;
    uint64_t calls_made;
    uint64_t injected; /* frames emptied on purpose for scrubbing to find */
    bool inject;
    bool removes;      /* replicas are removed in this history */
    uint64_t removals; /* with a fence, what a leaver had written may be left to scrubbing */
    uint64_t repairs;
    uint64_t tails;
    const char *unsettled;
    unsigned unsettled_node;

    struct prng ttl_prng;
    bool expires; /* items expire in this history */
    uint32_t ttl_sweep_ms;

    struct prng transact_prng;
    bool steady; /* the first two tables are joined early and stay so */

    struct table_plan tables[SIM_TABLES_MAX];
    unsigned n_tables;
    unsigned keys;
    struct call *calls;
    size_t n_calls;
    struct op **ops; /* by id */
    size_t n_ops;
    size_t ops_cap;

    char story[SIM_STORY_MAX][SIM_STORY_BYTES];
    size_t n_story;
    FILE *out;
};

/* ---- world.c ---- */
void sim_push(
    struct sim *s,
    uint64_t at_us,
    enum sim_event_kind kind,
    unsigned node,
    uint64_t number,
    void *ptr);
void sim_hash(struct sim *s, const void *p, size_t n);
void sim_hash_u64(struct sim *s, uint64_t v);
void sim_tell(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* The first failure stays. */
void sim_fail(struct sim *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
uint64_t sim_rand(struct sim *s, uint64_t lo, uint64_t hi);
bool sim_chance(struct sim *s, unsigned per_mille);
void *sim_alloc(struct sim *s, size_t n);

/* ---- node.c ---- */
void node_init(struct sim *s, unsigned index);
void node_done(struct node *n);
void node_start(struct node *n);
/* The stored rows of the catalog, one after the other. OK, or how reading them failed. */
MUST_CHECK enum err node_rows(
    struct node *n,
    void (*take)(struct node *n, void *ctx, const struct value *key, const struct value *item),
    void *ctx);
void node_crash(struct node *n, bool drop_frames);
uint64_t node_mono_ms(const struct node *n);
uint64_t node_wall_ms(struct node *n);
void node_rearm(struct node *n);
void node_submit(struct node *n, struct part_cmd *cmd);
void node_writer_turn(struct node *n);
void node_news(struct node *n);
struct node *node_named(struct sim *s, struct region_id id);

/* ---- net.c ---- */
void net_dial(struct node *n, uint64_t link, struct bytes address);
void net_send(struct node *n, uint64_t link, struct bytes frame);
void net_hang_up(struct node *n, uint64_t link);
void net_dial_arrives(struct sim *s, const struct sim_event *ev);
void net_dial_refused(struct sim *s, const struct sim_event *ev);
void net_frame_arrives(struct sim *s, const struct sim_event *ev);
/* Every connection of a node ends, from its side. */
void net_drop_node(struct node *n, bool drop_frames);
void net_reset_some(struct sim *s);
void net_heal(struct sim *s, unsigned from, unsigned to);
void net_done(struct sim *s);

/* ---- faults.c ---- */
void faults_init(struct sim *s);
void faults_make(struct sim *s);
void faults_end(struct sim *s, const struct sim_event *ev);
void faults_heal_all(struct sim *s);

/* ---- workload.c, admin.c ---- */
void workload_init(struct sim *s);
void workload_client(struct sim *s, unsigned node);
void workload_answer(struct sim *s, struct call *c);
/* The writer is gone, and with it what it had not answered. */
void workload_forget(struct sim *s, unsigned node);
void workload_done(struct sim *s);
/* The table of the plan as a client of this region may write to it now, or NULL. One that shall be
 * joined to others stays empty for a while until it is. */
const struct core_table *workload_table(struct sim *s, struct node *n, unsigned i);
/* Our replica of a group, or NULL. */
const struct core_table *workload_grouped(const struct node *n, const char *name);
/* Key attributes of an item, and their bytes. */
const struct value *workload_key(struct arena *a, const char *prefix, unsigned k);
struct bytes workload_key_bytes(
    struct arena *a, const struct core_table *t, const struct value *key);
struct op *op_new(struct sim *s, struct call *c, enum op_kind kind);
struct call *call_new(struct sim *s, unsigned node);
void call_end(struct call *c);
void admin_try(struct sim *s);
void admin_join(struct node *n);

/* ---- transact.c, verdict.c ---- */
void transact_init(struct sim *s);
/* Makes a call of a new transaction or of one that is asked for again. */
bool transact_make(struct sim *s, struct node *n, struct call *c);
void transact_ask_again(struct node *n, struct transact *t);
/* The name of the i-th item of a group among the keys with the prefix "group". */
unsigned transact_group_key(unsigned group, unsigned i);
void transact_answer(struct sim *s, struct call *c);
/* The writer is gone before it answered. */
void transact_lost(struct sim *s, struct call *c);
/* A transaction of its own is read from a region's log; the ledger is as it was before. */
void transact_logged(struct node *n, const struct change_txn *log, uint64_t pos);
struct sight transact_sight(const struct cell *c);

/* ---- ledger.c ---- */
void ledger_ingest(struct node *n);
struct cell *ledger_cell(struct node *n, uint64_t table, struct bytes key);
void ledger_done(struct node *n);

/* ---- expiry.c ---- */
void expiry_init(struct sim *s);
/* Whether a new item gets a time, and which. */
bool expiry_draw(struct sim *s, int64_t *ret_seconds);
/* Whether the operator turns a table's time to live on or off now. */
bool expiry_switches(struct sim *s);
struct bytes expiry_attr(const struct table_plan *plan);
/* The version of a change, by rules of the ledger's own. */
struct version expiry_version(const struct change_txn *t, const struct change *c);
/* A change that took effect is read from a log; `before`: what stood there, or NULL. */
void expiry_logged(
    struct node *n, const struct change *c, const struct cell *before, uint64_t pos, bool own);
/* Whether nothing stands there that ought to be gone, and all rows are as they should be. */
bool expiry_settled(struct sim *s, struct node *n);

/* ---- reads.c ---- */
/* Reads in every region that runs. */
void reads_sample(struct sim *s);
/* A stretch of a peer's log up to `to` is on its way to the writer, perhaps with transactions in
 * part. */
void reads_partial(struct node *n, struct region_id origin, uint64_t to);
/* Now and then reads in one region, right after a commit. */
void reads_glance(struct node *n);
/* Whether groups show whole transactions in this region, as far as that is due now. */
void reads_groups(struct sim *s, struct node *n);

/* ---- mirror.c ---- */
/* Compares a region's decoded catalogs with its stored rows, between two commits. */
void mirror_check(struct node *n);

/* ---- check.c ---- */
/* Whether everything that shall come to rest has. */
bool check_settled(struct sim *s);
void check_final(struct sim *s);
void check_describe(struct sim *s);
/* Names what regions hold differently. */
void check_describe_damage(struct sim *s);

/* ---- follow.c ---- */
/* Lets the consumers of a running node's streams read on and compare. */
void follow_feeds(struct sim *s, struct node *n);

/* ---- plant.c ---- */
/* What becomes of a frame on its way from `from` to `to`; the buffer holds the replacement. */
struct bytes plant_frame(
    struct sim *s, struct node *from, struct node *to, struct bytes frame, struct buf *b);
void plant_before_commit(struct node *n);
void plant_after_commit(struct node *n);
void plant_after_crash(struct node *n);
void plant_after_start(struct node *n);

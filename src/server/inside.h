#pragma once

/* What the files of this room share: the process, its threads, and the messages between them. */

#include "core/core.h"
#include "front/cloudwatch/cloudwatch.h"
#include "front/dynamo/dynamo.h"
#include "io/io.h"
#include "region/region.h"
#include "server/alone.h"
#include "server/recent.h"
#include "server/server.h"

/* Of a clock that only goes forward. */
static inline uint64_t mono_ms(void)
{
    return io_now_ns() / 1000000;
}

enum {
    WRITER_INBOX_MAX = 4096,  /* waiting commands; beyond it clients are throttled */
    WRITER_PATIENCE_US = 150, /* how long half of a group is waited for */
    NEWS_UNREAD_MAX = 4096,   /* messages in the inbox of the links beyond which news wait */
    NEWS_AGAIN_MS = 100,
    OTHER_INBOX_MAX = 1 << 20, /* answers and news; bounded by what was asked */
    SYNC_MS_MAX = 5000,        /* how long an operation waits for other regions' news */
    FORWARD_MS_MAX = 60000,
    LATENCY_BUCKETS = 16,
    OPS_MAX = 96,
    SETTLE_MS = 500,   /* from being up to the end of what only a start needs */
    SAMPLE_MS = 60000, /* how often settings that drift are metered */
};

enum msg_kind {
    MSG_JOB,       /* a command, on its way to the writer or back */
    MSG_ROW,       /* a catalog row changed */
    MSG_COMMITTED, /* our log has grown */
    MSG_EXPIRED,   /* items of a table were deleted because their time was over */
    MSG_ARRIVED,   /* other regions' writes cost a table, or an index of it, something */
    MSG_LOOKED,    /* core looked after names, so seed needs may have changed */
    MSG_SYNC,      /* a request wants to know what other regions know; or: it does now */
    MSG_ASK,       /* an admin request makes its round through the threads */
    MSG_FAULT,     /* development: change faults */
    MSG_SCALING,   /* what of which capacity was consumed, on its round through the threads with
                      meters */
    MSG_WAKE,      /* a job began, or a backup went */
    MSG_RECLAIM,   /* the space of what is gone is wanted back */
    MSG_FAILED,    /* to the first web thread: the disk refused a write */
    MSG_REVIVED,   /* to the first web thread: it takes them again */
    MSG_STOP,      /* to a web thread, `number` says which step of stopping */
};

/* Steps in which the web threads stop (web.c). */
enum web_stop {
    WEB_DRAIN,   /* begin nothing new */
    WEB_DRAINED, /* to the first thread: one of them has nothing under way any more */
    WEB_LEAVE,   /* nobody has: leave the loop */
};

struct web;
struct web_request;
struct ask;

struct msg {
    struct mail mail;
    enum msg_kind kind;
    bool heap;            /* the receiver frees it */
    struct mailbox *home; /* where the answer goes */
    struct part_cmd *cmd; /* JOB */
    void *owner;          /* JOB: the command's owner before we borrowed that field */
    uint64_t number;      /* COMMITTED: tail; EXPIRED: how many; FAULT: skew; STOP: the step */
    uint8_t *row;         /* ROW: encoded key, then encoded item; EXPIRED: table's name; ARRIVED:
                             table's name, then index's; WAKE: the job's name; heap */
    size_t key_len;
    size_t row_len;               /* ROW: key_len: the row is gone */
    struct part_arrived arrived;  /* ARRIVED */
    enum backup_kind job_kind;    /* WAKE */
    struct engine_snapshot *snap; /* WAKE: the receiver's */
    struct web_request *request;
    struct ask *ask;
    void (*back)(struct web *w, struct msg *m); /* JOB of a web thread's own: takes it back */
    const struct bytes *regions;                /* SYNC */
    size_t n_regions;
    enum err err;
};

struct counters {
    struct {
        char name[40];
        uint64_t ok;
        uint64_t user_errors;
        uint64_t system_errors;
        uint64_t throttled;
    } ops[OPS_MAX];
    size_t n_ops;
    uint64_t latency_us[LATENCY_BUCKETS]; /* bucket i: below 2^(i+6) us */
    uint64_t latency_count;
    uint64_t latency_sum_us;
    uint64_t forwarded;
    uint64_t in_place; /* writes that a web thread carried out itself */
    uint64_t connections;
};

/* An admin request's working paper: each thread on its round writes its part. */
enum ask_kind { ASK_HEALTH, ASK_STATUS, ASK_METRICS, ASK_DIGEST, ASK_FAULT, ASK_ADMIN, ASK_METERS };

struct fault {
    bool heal;
    bool has_skew;
    int64_t skew_ms;
    struct bytes peer; /* empty: all peers */
    bool has_delay;
    double delay_ms;
    bool has_jitter;
    double jitter_ms;
    bool has_loss;
    uint32_t loss_per_mille;
    bool has_bandwidth;
    uint64_t bytes_per_s;
    bool has_cut;
    bool cut;
};

struct ask {
    struct msg msg;
    struct part_cmd cmd; /* the part of the round that runs on the writer */
    enum ask_kind kind;
    struct web_request *request;
    unsigned hop;
    struct counters counters; /* summed over web threads */
    struct fault fault;
    struct region_status region;
    struct region_peer_status peers[CORE_REGIONS_MAX];
    size_t n_peers;
    struct repl_mark marks[CHANGE_REGIONS_MAX];
    size_t n_marks;
    struct io_fault faults[CORE_REGIONS_MAX]; /* in force towards peers[i] */
    int64_t skew_ms;                          /* of the clock, made by fault injection */
    /* from the writer */
    struct bytes table_name;
    uint64_t table;
    bool table_found;
    struct part_counts counts;
    struct hash128 digest[PART_DIGEST_BUCKETS];
    uint64_t writer_depth;
    uint64_t n_expired;
    struct core_admin admin;
    struct core_member member;
    struct cw_call *meters; /* METERS: what is asked of each thread's meter */
};

struct logger {
    struct tracer tracer;
    enum trace_level level;
    struct bytes region;
};

struct server;

struct writer {
    struct server *server;
    struct io_thread *thread;
    struct mailbox *inbox;
    struct core *core;
    struct io_clock clock;
    size_t group[2];    /* commands in the last two groups */
    uint64_t announced; /* tail told to `links` */
    uint64_t looks;     /* core_looks() told to `links` */
    uint64_t until_ms;  /* when it wakes by itself, while it waits */
    bool failed;        /* told of it */
};

struct web {
    struct server *server;
    unsigned index;
    struct io_thread *thread; /* NULL for the first, which runs on the main thread */
    struct io_loop *loop;
    struct mailbox *inbox;
    struct http_server *http;
    struct http_client *client;
    struct catalog *catalog;
    struct dynamo *dynamo;
    struct keystore *keystore;
    struct io_timer keys_timer;
    struct io_timer scaling_timer; /* of the first thread, and so is the scaler */
    struct dynamo_scaler *scaler;
    struct buf keys_buf; /* what the keystore was made of */
    struct counters counters;
    struct cw_meter *meter;
    struct json_parser *parser;
    size_t under_way; /* requests whose message is with another thread */
    struct alone alone;
    struct recent health;
    struct recent metrics;
    bool stopping;
    bool drained;
};

struct link_slot {
    uint64_t id;
    struct io_link *link;
    char region[REPL_REGION_NAME_MAX + 1];
    struct link_slot *next;
};

struct links {
    struct server *server;
    struct io_thread *thread;
    struct io_loop *loop;
    struct mailbox *inbox;
    struct io_link_listener *listener;
    struct region *region;
    struct io_clock clock;
    struct io_timer timer;
    struct io_timer sample_timer;
    struct cw_meter *meter;
    uint64_t n_expired; /* items of all tables, since the start */
    struct link_slot *slots;
    struct io_fault faults[CORE_REGIONS_MAX]; /* by index in `fault_names` */
    char fault_names[CORE_REGIONS_MAX][REPL_REGION_NAME_MAX + 1];
    struct io_link_bytes wire[CORE_REGIONS_MAX]; /* of links that are gone, by the same index */
    size_t n_faults;
    bool stopping;
    uint64_t stop_ns;
};

struct runner;

struct jobs {
    struct server *server;
    struct io_thread *thread;
    struct mailbox *inbox;
    struct io_clock clock;
    struct dynamo *dynamo; /* for the JSON of items in files */
    struct runner *runners;
    struct msg *wanted; /* WAKEs that came meanwhile, oldest first */
    struct msg *wanted_last;
    struct part_reclaimer *reclaimer;
    bool reclaim;           /* MSG_RECLAIM came */
    uint64_t reclaim_at_ms; /* not before; by mono_ms() */
    bool reclaim_waits;     /* for a snapshot to be closed; was told */
    bool stopping;
};

/* After a refused write (revive.c). */
struct revival {
    struct io_thread *thread; /* tries the disk; NULL: it never refused */
    struct mailbox *inbox;
    uint64_t pause_ms; /* between two tries; 0: it never refused, neither before this start */
};

struct server {
    const struct server_config *config;
    struct logger logger;
    struct engine *engine;
    struct io_lock lock;
    char key_path[4096];
    char admin_token[SERVER_ADMIN_TOKEN_LEN + 1];
    struct writer writer;
    struct links links;
    struct jobs jobs;
    struct web webs[SERVER_WEB_THREADS_MAX];
    unsigned n_webs;
    unsigned n_drained;  /* the first web thread's */
    size_t clients_max;  /* connections of each web thread */
    size_t forwards_max; /* requests that each has with other regions */
    struct io_signals *signals;
    struct io_timer settled; /* on the first web thread: the start is over */
    int signo;               /* the signal that ends it */
    struct revival revival;
    bool anew; /* it ends to start again */
    uint16_t http_port;
    uint16_t link_port;
    uint64_t started_ns;
};

/* server.c */
/* The disk takes writes again: ends to start anew, unless it ends already. */
void server_revive(struct server *s);
/* The path of a file in the data directory; false when it is too long. */
bool server_path(const struct server *s, const char *name, char *ret, size_t size);

/* revive.c */
/* The disk refused a write: from now on it is tried, and MSG_REVIVED posted when it takes them. */
void revive_watch(struct server *s);
void revive_stop(struct server *s);
/* The ports of a server that starts anew, also where the configuration says "any". */
struct revive_ports {
    uint16_t http;
    uint16_t link;
};
/* Whether this process was executed by revive_exec(), which left the ports. */
bool revive_inherit(struct revival *r, struct revive_ports *ret);
/* Executes the program anew with the arguments it has. When that fails, the process's exit code. */
int revive_exec(const struct revival *r, struct revive_ports ports);
/* The same after a pause, for a server that could not start anew; 0 when told to stop meanwhile. */
int revive_later(struct revival *r, struct revive_ports ports);

/* log.c */
void logger_init(struct logger *l, enum trace_level level, struct bytes region);

/* keys.c */
/* Finds the key file; a region that has none makes it, with one key. */
MUST_CHECK enum err keys_prepare(struct server *s);

/* messages.c */
struct msg *msg_new(enum msg_kind kind);
void msg_free(struct msg *m);
static inline struct msg *msg_of(struct mail *m)
{
    return (struct msg *)m;
}
/* Posts where there is room by construction. */
void msg_post(struct mailbox *to, struct msg *m);
void msg_post_all(struct mailbox *to, struct mail *first, struct mail *last, size_t n);
/* Hands a row to `take` decoded. */
void msg_row_take(
    const struct msg *m,
    void (*take)(void *ctx, const struct value *key, const struct value *item),
    void *ctx);
/* Calls `take` for every catalog row in the store. */
MUST_CHECK enum err catalog_load(
    struct engine *engine,
    void (*take)(void *ctx, const struct value *key, const struct value *item),
    void *ctx);
/* "host:port" with a numeric host. false when it does not parse. */
bool address_split(struct bytes address, char *host, size_t host_size, uint16_t *ret_port);

/* writer.c */
MUST_CHECK enum err writer_open(struct server *s);
MUST_CHECK enum err writer_start(struct server *s);
void writer_stop(struct server *s);
/* A web thread does the writer's work for a command of its own, while the writer has none. true: it
 * is done. false: the writer is at work, or about to be; nothing happened. */
bool writer_stand_in(struct server *s, struct part_cmd *cmd);

/* links.c */
MUST_CHECK enum err links_open(struct server *s);
MUST_CHECK enum err links_start(struct server *s);
void links_stop(struct server *s);
struct io_link_bytes links_wire(const struct links *l, size_t fault_index);
/* Meters how much other regions have not applied yet. */
void links_sample(struct links *l);

/* jobs.c */
MUST_CHECK enum err jobs_start(struct server *s);
/* Before the writer stops. */
void jobs_stop(struct server *s);
/* Any thread: looks after the job, with a snapshot taken here and now. */
void jobs_wake(struct server *s, const struct dynamo_job *job);

/* web.c */
/* OK; ERR_FORMAT: the key file does not parse, which was logged; others: it cannot listen. */
MUST_CHECK enum err web_open(struct server *s, unsigned index);
MUST_CHECK enum err web_start(struct server *s, unsigned index);
/* Serves until webs_stop(), then hangs up on everybody. The first web thread calls it itself; the
 * others do by web_start(). */
void web_run(struct web *w);
/* Any thread: all web threads end what is under way and leave their loops. */
void webs_stop(struct server *s);
/* Waits for the thread, which has been told to leave. */
void web_join(struct web *w);
void web_close(struct web *w);
void web_count(
    struct web *w, struct bytes op, unsigned status, struct bytes error, uint64_t took_ns);

/* admin.c */
struct web_request {
    struct msg msg;
    struct web *web;
    struct http_request *http;
    struct dynamo_request dynamo_request;
    struct dynamo_call call;
    uint64_t began_ns;
};
/* Takes a request under /_godwit/, /healthz or /metrics; false: it is none of these. */
bool admin_take(struct web *w, struct http_request *req);
/* The ask is back on its own web thread. */
void admin_back(struct web *w, struct ask *ask);
/* What each thread adds to an ask on its round. */
void admin_on_web(struct web *w, struct ask *ask);
void admin_on_links(struct links *l, struct ask *ask);
/* Where an ask goes next. */
void admin_forward(struct server *s, struct ask *ask);
/* An ask for `req`, sent on its round by ask_send(). */
struct ask *ask_new(struct web *w, struct http_request *req, enum ask_kind kind);
void ask_send(struct web *w, struct ask *ask);

/* coding.c: the front's content codings */
extern const struct dynamo_codings web_codings;

/* meter.c: CloudWatch, and what it tells */
/* Takes a request to CloudWatch; false: it is none. */
bool cloudwatch_take(struct web_request *r);
void cloudwatch_back(struct web *w, struct ask *ask);
/* Whether an error's name says that capacity, or the server, was used up. */
bool meter_is_throttling(struct bytes error);
/* Counts an answered call. */
void meter_call(struct web *w, const struct dynamo_call *call, uint64_t took_ns);
/* A row of the catalog has changed: its table's provisioned capacity may have. */
void meter_row(struct web *w, const struct value *key);

/* scaling.c: of the first web thread */
void scaling_open(struct web *w);
void scaling_close(struct web *w);
void scaling_on_web(struct web *w, struct msg *m);
void scaling_on_links(struct links *l, struct msg *m);

/* metrics.c */
void metrics_put(
    struct buf *b, const struct server *s, const struct ask *ask, const struct catalog *c);

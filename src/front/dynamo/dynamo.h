#pragma once

/* The DynamoDB front: request bytes in, answer bytes out, in DynamoDB's JSON 1.0 protocol over
 * HTTP.
 *
 * Pure: the shell around it owns sockets, clocks, threads and the mailbox to the writer. Each loop
 * thread has one `struct dynamo`; each request has one `struct dynamo_call` in its own arena.
 * Nothing here blocks: whatever must happen elsewhere is returned as a step, and the shell resumes
 * the call when it is done.
 *
 *     dynamo_begin --+--> DYNAMO_ANSWER      send call->answer, then free the arena
 *                    +--> DYNAMO_SUBMIT      hand call->cmd to the writer; when it comes back
 * dynamo_resume() |                       (mailbox full: dynamo_refuse(), which answers)
 *                    +--> DYNAMO_WAIT_MARKS  when the marks of call->wait are reached, or its
 * deadline has come, dynamo_resume() dynamo_resume --> the same three
 *
 * While a command is with the writer, the call and its arena belong to the writer's side: nobody
 * touches them. A client that goes away changes nothing; the shell then drops the answer. */

#include "backup/backup.h"
#include "base/base.h"
#include "core/core.h"
#include "doc/doc.h"
#include "expr/expr.h"

enum {
    DYNAMO_BODY_BYTES_MAX =
        16 * 1024 * 1024, /* longest request body DynamoDB takes; the shell cuts off there */
    DYNAMO_ARENA_BYTES_MAX =
        192 * 1024 * 1024, /* a cap for request arenas that fits every legal request */
    DYNAMO_ANSWER_HEADERS_MAX = 10,
};

/* ---- keys (docs/formats/keys.md) ---- */

struct keystore_key {
    struct bytes id;      /* access key id */
    struct bytes secret;  /* secret access key */
    struct bytes created; /* as written; informative */
    bool active;          /* false: revoked */
};

struct keystore;

/* Reads a key file. OK; ERR_SYNTAX with the number of the first bad line (from 1); ERR_EXISTS
 * likewise for an access key id given twice. */
MUST_CHECK enum err keystore_parse(struct bytes text, struct keystore **ret, size_t *reterr_line);
/* NULL is legal. */
void keystore_free(struct keystore *ks);
/* The key, revoked ones included, or NULL. */
const struct keystore_key *keystore_find(const struct keystore *ks, struct bytes id);
/* All keys in file order; borrowed. */
const struct keystore_key *keystore_keys(const struct keystore *ks, size_t *ret_n);
/* Appends the file's heading, and one key's line. */
void keystore_put_heading(struct buf *b);
void keystore_put_key(struct buf *b, const struct keystore_key *key);

/* ---- one loop thread's front ---- */

/* Content codings, which only the shell knows. Names as they stand in headers. */
struct dynamo_codings {
    /* Content-Encoding `coding`: OK with the body as it was; ERR_FORMAT: not known, or broken;
     * ERR_TOO_BIG: longer than `len_max`, or the arena's cap. */
    enum err (*unpack)(
        struct arena *a, struct bytes coding, struct bytes body, size_t len_max, struct bytes *ret);
    /* An answer as Accept-Encoding `accept` wants it, with the coding's name; base NULL: as it is.
     */
    struct bytes (*pack)(
        struct arena *a, struct bytes accept, struct bytes body, struct bytes *ret_coding);
};

struct dynamo_config {
    struct bytes region;   /* our own; copied */
    struct core_view view; /* this thread's catalog and the engine; borrowed */
    struct core *core;     /* only passed on in core_admin; never looked into here. May be NULL */
    const struct keystore *keystore; /* borrowed; replaced with dynamo_set_keystore() */
    unsigned read_shares;            /* how many threads like this share provisioned read capacity;
                                        0: it is not enforced */
    bool signatures_off;             /* take every request unsigned: fuzzing and tests */
    bool region_any;                 /* take requests signed for a region that is not ours */
    const struct dynamo_codings *codings; /* NULL: none; borrowed */
    uint64_t seed;                        /* for request ids */
};

struct dynamo;

struct dynamo *dynamo_new(const struct dynamo_config *config);
/* NULL is legal. */
void dynamo_free(struct dynamo *d);
/* Takes another set of keys; signing keys derived from the old set are forgotten. */
void dynamo_set_keystore(struct dynamo *d, const struct keystore *keystore);

/* ---- auto scaling's errand: once a period the shell fills in what has been consumed of each
 * capacity that is to be scaled, and submits the changes ---- */

struct dynamo_use {
    struct bytes table;
    struct bytes index; /* len 0: the table */
    bool write;
    double total; /* units consumed since whenever; only its growth counts */
};

/* What is to be scaled of our region's tables, in `a`; *ret_n 0: nothing. */
struct dynamo_use *dynamo_scaler_uses(struct arena *a, const struct catalog *c, size_t *ret_n);

struct dynamo_scaler;

struct dynamo_scaler *dynamo_scaler_new(struct core *core, uint64_t seed);
/* NULL is legal. */
void dynamo_scaler_free(struct dynamo_scaler *s);
/* A period is over. Each change is a command for `submit`; when it is back, dynamo_scaler_done().
 */
void dynamo_scaler_tick(
    struct dynamo_scaler *s,
    const struct catalog *c,
    const struct dynamo_use *uses,
    size_t n,
    uint64_t now_ms,
    void (*submit)(void *ctx, struct part_cmd *cmd),
    void *ctx);
void dynamo_scaler_done(struct part_cmd *cmd);

/* ---- one request ---- */

struct dynamo_header {
    struct bytes name; /* in any letter case */
    struct bytes value;
};

/* Borrowed for the life of the call. */
struct dynamo_request {
    struct bytes method;
    struct bytes path;  /* as sent, still percent-encoded, without the query */
    struct bytes query; /* behind the '?', as sent; may be empty */
    const struct dynamo_header *headers;
    size_t n_headers;
    struct bytes body;
    uint64_t now_ms;
};

enum dynamo_step { DYNAMO_ANSWER, DYNAMO_SUBMIT, DYNAMO_WAIT_MARKS };

struct dynamo_answer {
    unsigned status;
    struct dynamo_header
        headers[DYNAMO_ANSWER_HEADERS_MAX]; /* content-length and date are the shell's */
    size_t n_headers;
    struct bytes body;
};

/* Resume once this region has applied, of every named region, all that is stamped at or below
 * `upto`. */
struct dynamo_wait {
    const struct bytes *regions;
    size_t n_regions;
    struct hlc upto;
    uint64_t deadline_ms; /* wall time; then resume anyway */
};

/* A job of the `backup` room that began, or a backup that went, in this call: once it is answered
 * whoever runs jobs is to look after it, with a snapshot taken before the answer leaves. */
struct dynamo_job {
    bool began;
    enum backup_kind kind;
    struct bytes name;
};

struct dynamo;
struct dynamo_op;
struct call_noted;

/* What an answered call used of one table or one of its global indexes, for meters. Units in
 * halves. */
struct dynamo_usage {
    const struct dynamo_usage *next;
    struct bytes table;
    struct bytes index; /* len 0: of the table, its local indexes included */
    uint64_t read_halves;
    uint64_t write_halves;
    /* Reads and writes not let in: units were used up, provisioned ones or, with `on_demand`, as
     * many as are let in at most. */
    uint32_t reads_refused;
    uint32_t writes_refused;
    bool on_demand;
};

struct dynamo_call {
    struct arena *arena;
    const struct dynamo_request *request;
    struct part_cmd *cmd;        /* DYNAMO_SUBMIT; cmd->owner is free for the shell's use */
    struct dynamo_wait wait;     /* DYNAMO_WAIT_MARKS */
    struct dynamo_answer answer; /* DYNAMO_ANSWER */
    struct dynamo_job job;       /* DYNAMO_ANSWER */
    /* For metrics and logs, once answered: the operation ("PutItem"; empty when unknown), the AWS
     * error name (empty on success) and the caller's access key id. */
    struct bytes op_name;
    struct bytes error_name;
    struct bytes error_msg; /* no base when the error has none */
    struct bytes access_key;
    struct bytes table; /* the first one that it named and that is there; base NULL: none */
    const struct dynamo_usage *usage;
    bool has_items; /* a Query's or Scan's answer, with `items` in it */
    uint64_t items;
    /* The front's own. */
    struct dynamo *d;
    const struct dynamo_op *op;
    const char *action;  /* that policies are asked about; NULL: the operation's name */
    struct bytes index;  /* that it reads, for policies; base NULL: the table */
    const char *service; /* that the signature must be for */
    void *state;
    struct call_noted *noted;
    uint64_t now_ms;
    bool from_browser; /* it has an Origin */
    bool framed;       /* faults are told in the frame of a validation error */
    bool plain_json;   /* application/json rather than application/x-amz-json-1.0 */
    char request_id[52];
    char crc32[INTEGER_TEXT_MAX];
};

/* The region in the request's credential scope (Authorization header or X-Amz-Credential),
 * unverified, so that the shell can forward a request signed for another region. len 0 when there
 * is none. *ret_service: the service named there, likewise. Borrowed. */
struct bytes dynamo_signed_region(const struct dynamo_request *request, struct bytes *ret_service);

/* Verifies the signature of a request to another of AWS's services that this endpoint serves
 * ("monitoring"). false: call->error_name and call->error_msg say why, in DynamoDB's words, and
 * `answer` is DynamoDB's. `call` as in dynamo_begin(). */
bool dynamo_authenticate(
    struct dynamo *d,
    struct dynamo_call *call,
    struct arena *arena,
    const struct dynamo_request *request,
    const char *service);

/* Starts a call. The caller sets nothing in `call` beforehand; `arena` and `request` outlive it.
 * Requests that are not DynamoDB's (no X-Amz-Target) get DynamoDB's own error too. */
enum dynamo_step dynamo_begin(
    struct dynamo *d,
    struct dynamo_call *call,
    struct arena *arena,
    const struct dynamo_request *request);
/* Goes on after DYNAMO_SUBMIT (the command is done) or DYNAMO_WAIT_MARKS. The same thread's `d`. */
enum dynamo_step dynamo_resume(struct dynamo *d, struct dynamo_call *call, uint64_t now_ms);
/* Ends a call the shell could not serve, with the answer for `why`: ERR_BUSY (throttling),
 * ERR_UNAVAILABLE (the signed region could not be reached), ERR_TOO_BIG (body too long), anything
 * else (internal error). Also legal instead of dynamo_begin(), on a zeroed call with `arena` set.
 */
void dynamo_refuse(struct dynamo *d, struct dynamo_call *call, enum err why);

/* ---- items in files: the lines and manifests of exports and imports ---- */

/* {"Item":…} and a line's end. */
void dynamo_put_item_line(struct buf *b, const struct value *item);
struct dynamo_change_line {
    uint64_t changed_ms;
    const struct value *keys;
    const struct value *old; /* or NULL */
    const struct value *now; /* or NULL */
};
void dynamo_put_change_line(struct buf *b, const struct dynamo_change_line *line);
/* A line of manifest-files.json, about one data file. */
void dynamo_put_export_file(
    struct buf *b, uint64_t items, struct bytes md5, struct bytes etag, struct bytes key);
/* manifest-summary.json of a job that is over. */
void dynamo_put_export_summary(
    struct buf *b, struct bytes region, const struct backup_job *job, struct bytes files_key);
/* The item of one {"Item":…}. `d` is used for scratch only. OK; ERR_SYNTAX: no JSON; ERR_INVALID:
 * no item; ERR_TOO_BIG. */
MUST_CHECK enum err dynamo_take_item_line(
    struct dynamo *d, struct arena *a, struct bytes line, struct value *ret);

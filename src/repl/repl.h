#pragma once

/* What regions say to each other: the frames of a link and their bytes (docs/formats/link.md), the
 * handshake that proves both ends hold the cluster's secret, and the two ends of a log subscription
 * as small state machines. Pure: bytes and positions in, bytes and positions out. A link carries
 * frames whole and in order; anything may be lost only together with the link.
 *
 * A subscription: the receiver asks a peer for an origin's log after a position; the peer sends
 * stretches (from, to] that join end to end. Usually origin and peer are the same region; when an
 * origin is lost, others relay what they have of its log. What the receiver has applied durably
 * comes back as marks, and only then may the sender forget. */

#include "base/base.h"
#include "change/change.h"
#include "hlc/hlc.h"

enum {
    REPL_PROTOCOL = 2,
    REPL_NONCE_BYTES = 16,
    REPL_FRAME_BYTES_MAX = 32 * 1024 * 1024,
    REPL_REGION_NAME_MAX = 64,
    REPL_DIGEST_BUCKETS = 64,
};

/* ---- frames ---- */

/* The numbers are on the wire: never renumber. */
enum repl_frame_type {
    REPL_HELLO = 1,
    REPL_PROOF = 2,
    REPL_BYE = 3,
    REPL_SUBSCRIBE = 4,
    REPL_START = 5,
    REPL_TXNS = 6,
    REPL_MARKS = 7,
    REPL_SYNC = 8,
    REPL_SYNCED = 9,
    REPL_SEED_WANT = 10,
    REPL_SEED_CHUNK = 11,
    REPL_SEED_MORE = 12,
    REPL_SEED_REFUSE = 13,
    REPL_DIGEST = 14,
    REPL_UNSUBSCRIBE = 15,
    REPL_APPLIED = 16,
};

/* How far a region has applied each region's log; its own entry is its tail. */
struct repl_mark {
    struct region_id region;
    struct peer_pos pos;
    struct hlc hlc;
};

enum repl_seed_mode {
    REPL_SEED_WHOLE = 1,    /* every record of the range */
    REPL_SEED_OWN = 2,      /* those whose current version the sender itself wrote */
    REPL_SEED_VERSIONS = 3, /* every record, without items */
};

/* Why a seed is wanted; the sender echoes it. */
enum repl_seed_purpose {
    REPL_PURPOSE_SEED = 1,
    REPL_PURPOSE_SCRUB = 2,
    REPL_PURPOSE_REPAIR = 3,
};

struct repl_record {
    struct bytes key;
    struct version version;
    bool live;
    struct bytes item;
};

struct repl_frame {
    enum repl_frame_type type;
    union {
        struct {
            uint16_t protocol;
            struct region_id region;
            struct bytes name;
            struct bytes nonce; /* REPL_NONCE_BYTES */
        } hello;
        struct {
            struct bytes mac; /* SHA256_LEN */
        } proof;
        struct {
            struct bytes reason;
        } bye;
        struct {
            struct region_id origin;
            struct peer_pos from;
            bool from_nothing; /* never had any of it: start wherever the log starts or ends */
        } subscribe;           /* and unsubscribe, which reads origin alone */
        struct {
            struct region_id origin;
            struct peer_pos pos; /* the stretch begins after this */
            bool fenced;         /* what lies between is gone from the log: seed anew */
        } start;
        struct {
            struct region_id origin;
            struct peer_pos from;
            struct peer_pos to;
            struct hlc hlc_to;
            bool partial;
            struct bytes txns; /* each: varint length, wire section */
        } txns;
        struct {
            struct region_id origin; /* the receiver of this frame */
            struct peer_pos pos;     /* of its log, up to here */
            uint64_t wall_ms;        /* became readable at the sender then, by its clock */
        } applied;
        struct {
            const struct repl_mark *marks;
            size_t n;
        } marks;
        struct {
            uint64_t id;
            struct peer_pos
                pos; /* SYNCED: have this much of me and you know all I knew when asked */
        } sync;
        struct {
            enum repl_seed_purpose purpose;
            enum repl_seed_mode mode;
            uint64_t table;
            uint32_t hash_lo;
            uint32_t hash_hi;
            struct bytes from; /* storage position, exclusive */
        } seed_want;
        struct {
            enum repl_seed_purpose purpose;
            enum repl_seed_mode mode;
            uint64_t table;
            struct bytes from;
            struct bytes to; /* len 0 with `last`: the end of the asked range */
            bool last;
            struct hlc gc_floor;
            const struct repl_record *records;
            size_t n;
        } seed_chunk;
        struct {
            uint64_t table;
            struct bytes reason;
        } seed_refuse; /* and seed_more, which reads table alone */
        struct {
            uint64_t table;
            const struct repl_mark *marks;
            size_t n_marks;
            struct hash128 buckets[REPL_DIGEST_BUCKETS];
        } digest;
    };
};

/* Appends the frame's bytes, checksum included. Sticky ERR_TOO_BIG in `b`. */
void repl_frame_encode(struct buf *b, const struct repl_frame *f);
/* Slices borrow from `in`, arrays live in `a`. OK; ERR_CORRUPT (checksum, lengths); ERR_FORMAT (a
 * type not known here); ERR_TOO_BIG at the arena's cap. */
MUST_CHECK enum err repl_frame_decode(struct arena *a, struct bytes in, struct repl_frame *ret);

/* ---- handshake: each end sends HELLO, then PROOF over both nonces; neither says more before it
 * has checked the other's proof. ---- */

enum repl_handshake_state { REPL_HANDSHAKE_HELLO, REPL_HANDSHAKE_PROOF, REPL_HANDSHAKE_DONE };

struct repl_handshake {
    enum repl_handshake_state state;
    struct region_id self;
    uint8_t nonce[REPL_NONCE_BYTES];
    uint8_t secret[SHA256_LEN]; /* hash of the cluster secret */
    /* of the peer, from its HELLO */
    struct region_id peer;
    char peer_name[REPL_REGION_NAME_MAX + 1];
    uint8_t peer_nonce[REPL_NONCE_BYTES];
};

/* Starts a handshake and appends our HELLO to `ret_frame`. */
void repl_handshake_begin(
    struct repl_handshake *h,
    struct bytes secret,
    struct region_id self,
    struct bytes name,
    const uint8_t nonce[REPL_NONCE_BYTES],
    struct buf *ret_frame);
/* Takes the peer's next frame; appends what to send, if anything. OK (look at `state`); ERR_AUTH
 * (wrong proof, or the peer is ourselves); ERR_FORMAT (no common protocol); ERR_INVALID (a frame
 * out of turn). */
MUST_CHECK enum err repl_handshake_step(
    struct repl_handshake *h, const struct repl_frame *f, struct buf *ret_frame);

/* ---- the sending end of a subscription ---- */

enum { REPL_WINDOW_FRAMES = 128 };

struct repl_sender {
    bool active;
    struct region_id origin;
    struct local_pos read; /* our own log has been read up to here */
    struct peer_pos sent;  /* the origin's log is covered up to here by frames sent */
    struct peer_pos acked; /* and applied there up to here */
    struct hlc sent_hlc;
    struct {
        struct peer_pos to;
        size_t bytes;
        uint32_t n_txns;
    } flight[REPL_WINDOW_FRAMES]; /* ring of frames sent, not acknowledged */
    uint32_t flight_first;
    uint32_t flight_n;
    size_t flight_bytes;
    uint64_t flight_txns;
    uint64_t txns_total;
    uint64_t bytes_total;
};

void repl_sender_start(
    struct repl_sender *s, struct region_id origin, struct local_pos read, struct peer_pos from);
void repl_sender_stop(struct repl_sender *s);
/* Whether another frame may go out under a window of `bytes_max` unacknowledged bytes. */
bool repl_sender_may_send(const struct repl_sender *s, size_t bytes_max);
/* A frame covering up to `to` has gone out. */
void repl_sender_sent(
    struct repl_sender *s, struct peer_pos to, struct hlc hlc_to, size_t bytes, uint32_t n_txns);
/* The receiver has applied up to `pos`; older news is ignored. */
void repl_sender_acked(struct repl_sender *s, struct peer_pos pos);

/* ---- position vectors ---- */

struct repl_vector {
    struct repl_mark marks[CHANGE_REGIONS_MAX];
    size_t n;
};

/* The entry of `region`, or NULL. */
const struct repl_mark *repl_vector_find(const struct repl_vector *v, struct region_id region);
/* Raises the entry (adding it when new); never lowers either part. false when the vector is full.
 */
bool repl_vector_raise(struct repl_vector *v, struct repl_mark mark);
/* Whether a covers b: every entry of b has pos <= a's. */
bool repl_vector_covers(const struct repl_vector *a, const struct repl_vector *b);

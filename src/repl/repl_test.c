#include "repl/repl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct repl_mark marks[] = {
    {{0x1111111111111111}, {300}, {0x0102030405060708}},
    {{0x2222222222222222}, {0}, {0}},
};
static const struct repl_record records[] = {
    {{(const uint8_t *)"k1", 2}, {{0x65000000}, {3}}, true, {(const uint8_t *)"item", 4}},
    {{(const uint8_t *)"k2", 2}, {{0x66000000}, {4}}, false, {NULL, 0}},
};

/* One frame of every type; returns how many. */
static size_t samples(struct repl_frame *ret)
{
    static const uint8_t nonce[REPL_NONCE_BYTES] = {1, 2, 3};
    static const uint8_t mac[SHA256_LEN] = {9, 8, 7};
    size_t n = 0;
    ret[n++] = (struct repl_frame){
        .type = REPL_HELLO,
        .hello = {
            .protocol = REPL_PROTOCOL,
            .region = {5},
            .name = BYTES_LIT("eu-west-1"),
            .nonce = {nonce, sizeof nonce}}};
    ret[n++] = (struct repl_frame){.type = REPL_PROOF, .proof = {.mac = {mac, sizeof mac}}};
    ret[n++] = (struct repl_frame){.type = REPL_BYE, .bye = {.reason = BYTES_LIT("so long")}};
    ret[n++] = (struct repl_frame){
        .type = REPL_SUBSCRIBE, .subscribe = {.origin = {6}, .from = {77}, .from_nothing = true}};
    ret[n++] = (struct repl_frame){
        .type = REPL_START, .start = {.origin = {6}, .pos = {78}, .fenced = true}};
    ret[n++] = (struct repl_frame){
        .type = REPL_TXNS,
        .txns = {
            .origin = {6},
            .from = {78},
            .to = {400},
            .hlc_to = {0x7000000},
            .partial = true,
            .txns = BYTES_LIT("transactions")}};
    ret[n++] = (struct repl_frame){.type = REPL_MARKS, .marks = {marks, 2}};
    ret[n++] = (struct repl_frame){.type = REPL_SYNC, .sync = {.id = 4}};
    ret[n++] = (struct repl_frame){.type = REPL_SYNCED, .sync = {.id = 4, .pos = {9}}};
    ret[n++] = (struct repl_frame){
        .type = REPL_SEED_WANT,
        .seed_want = {
            .purpose = REPL_PURPOSE_SCRUB,
            .mode = REPL_SEED_VERSIONS,
            .table = 1024,
            .hash_lo = 1,
            .hash_hi = UINT32_MAX,
            .from = BYTES_LIT("pos")}};
    ret[n++] = (struct repl_frame){
        .type = REPL_SEED_CHUNK,
        .seed_chunk = {
            .purpose = REPL_PURPOSE_SEED,
            .mode = REPL_SEED_WHOLE,
            .table = 1024,
            .from = BYTES_LIT("a"),
            .to = BYTES_LIT("b"),
            .last = true,
            .gc_floor = {0x60000},
            .records = records,
            .n = 2}};
    ret[n++] = (struct repl_frame){.type = REPL_SEED_MORE, .seed_refuse = {.table = 1024}};
    ret[n++] = (struct repl_frame){
        .type = REPL_SEED_REFUSE, .seed_refuse = {.table = 1024, .reason = BYTES_LIT("not yet")}};
    struct repl_frame digest = {
        .type = REPL_DIGEST, .digest = {.table = 1024, .marks = marks, .n_marks = 2}};
    for (size_t i = 0; i < REPL_DIGEST_BUCKETS; i++) {
        digest.digest.buckets[i] = (struct hash128){i, i * 3};
    }
    ret[n++] = digest;
    ret[n++] = (struct repl_frame){.type = REPL_UNSUBSCRIBE, .subscribe = {.origin = {6}}};
    ret[n++] = (struct repl_frame){
        .type = REPL_APPLIED, .applied = {.origin = {6}, .pos = {400}, .wall_ms = 1795687200123}};
    return n;
}

enum { SAMPLES = 16 };

static struct bytes encode(struct buf *b, const struct repl_frame *f)
{
    buf_init(b, 1 << 20);
    repl_frame_encode(b, f);
    assert_int_equal(b->err, OK);
    return buf_bytes(b);
}

/* Every frame type comes back as it was: decoding and encoding again gives the same bytes. */
static void test_round_trip(void **state)
{
    (void)state;
    struct repl_frame all[SAMPLES];
    assert_int_equal(samples(all), SAMPLES);
    for (size_t i = 0; i < SAMPLES; i++) {
        struct buf b;
        struct buf again;
        struct arena a;
        struct repl_frame f;
        arena_init(&a, 1 << 20);
        struct bytes in = encode(&b, &all[i]);
        assert_int_equal(repl_frame_decode(&a, in, &f), OK);
        assert_int_equal(f.type, all[i].type);
        assert_true(bytes_eq(encode(&again, &f), in));
        buf_done(&b);
        buf_done(&again);
        arena_done(&a);
    }
}

/* The bytes of a stretch of log, of a seed chunk and of news of arrival are those of
 * docs/formats/link.md, for ever. */
static void test_golden(void **state)
{
    (void)state;
    static const struct {
        size_t sample;
        const char *hex;
    } golden[] = {
        {5, "0606000000000000004ec2020000000700000000010c7472616e73616374696f6e734890436b"},
        {10,
         "0b0101000400000000000001610162010000060000000000020100000065000000000300000000000000"
         "026b31046974656d00000000660000000004000000000000000"
         "26b3200f56a90ed"},
        {15, "10060000000000000090037b354c17a2010000acf3e9c8"},
    };
    struct repl_frame all[SAMPLES];
    (void)samples(all);
    for (size_t i = 0; i < sizeof golden / sizeof golden[0]; i++) {
        struct buf b;
        struct buf hex;
        buf_init(&hex, 4096);
        struct bytes in = encode(&b, &all[golden[i].sample]);
        put_hex(&hex, in);
        buf_put_u8(&hex, 0);
        assert_string_equal((const char *)hex.base, golden[i].hex);
        buf_done(&b);
        buf_done(&hex);
    }
}

/* A frame that was cut anywhere, or has any one bit flipped, is refused. */
static void test_damage(void **state)
{
    (void)state;
    struct repl_frame all[SAMPLES];
    (void)samples(all);
    for (size_t i = 0; i < SAMPLES; i++) {
        struct buf b;
        struct arena a;
        struct repl_frame f;
        struct bytes in = encode(&b, &all[i]);
        arena_init(&a, 1 << 20);
        for (size_t len = 0; len < in.len; len++) {
            assert_int_not_equal(repl_frame_decode(&a, bytes_of(in.base, len), &f), OK);
        }
        for (size_t bit = 0; bit < in.len * 8; bit++) {
            b.base[bit / 8] ^= (uint8_t)(1U << (bit % 8));
            assert_int_equal(repl_frame_decode(&a, in, &f), ERR_CORRUPT);
            b.base[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        }
        buf_done(&b);
        arena_done(&a);
    }
}

/* A frame of a type to come is refused by name, even with a good checksum. */
static void test_unknown_type(void **state)
{
    (void)state;
    struct buf b;
    struct arena a;
    struct repl_frame f;
    buf_init(&b, 64);
    arena_init(&a, 1 << 16);
    buf_put_u8(&b, 17);
    put_u32(&b, crc32c(0, buf_bytes(&b)));
    assert_int_equal(repl_frame_decode(&a, buf_bytes(&b), &f), ERR_FORMAT);
    buf_done(&b);
    arena_done(&a);
}

/* A count that the rest of the frame cannot hold is refused before memory is taken for it. */
static void test_lying_count(void **state)
{
    (void)state;
    struct repl_frame all[SAMPLES];
    (void)samples(all);
    all[10].seed_chunk.n = 0;
    struct buf b;
    struct arena a;
    struct repl_frame f;
    (void)encode(&b, &all[10]);
    b.len -= 5; /* the checksum and the count */
    put_varint(&b, 1 << 20);
    put_u32(&b, crc32c(0, buf_bytes(&b)));
    arena_init(&a, 64);
    assert_int_equal(repl_frame_decode(&a, buf_bytes(&b), &f), ERR_CORRUPT);
    buf_done(&b);
    arena_done(&a);
}

/* ---- handshake ---- */

struct side {
    struct repl_handshake h;
    struct buf out;
};

static void begin(struct side *s, const char *secret, uint64_t id, uint8_t nonce_seed)
{
    uint8_t nonce[REPL_NONCE_BYTES];
    memset(nonce, nonce_seed, sizeof nonce);
    buf_init(&s->out, 4096);
    repl_handshake_begin(
        &s->h, bytes_str(secret), (struct region_id){id}, BYTES_LIT("name"), nonce, &s->out);
}

/* Gives one side the bytes the other said; its answer replaces what it had said. */
static enum err tell(struct side *to, struct bytes frame)
{
    struct arena a;
    struct repl_frame f;
    struct buf copy;
    buf_init(&copy, 4096);
    buf_put_bytes(&copy, frame);
    arena_init(&a, 1 << 16);
    assert_int_equal(repl_frame_decode(&a, buf_bytes(&copy), &f), OK);
    buf_clear(&to->out);
    enum err e = repl_handshake_step(&to->h, &f, &to->out);
    buf_done(&copy);
    arena_done(&a);
    return e;
}

/* Two regions that hold the secret prove it to each other and learn each other's id and name. */
static void test_handshake(void **state)
{
    (void)state;
    struct side a;
    struct side b;
    begin(&a, "secret", 1, 10);
    begin(&b, "secret", 2, 20);
    struct buf hello;
    buf_init(&hello, 4096);
    buf_put_bytes(&hello, buf_bytes(&a.out));
    assert_int_equal(tell(&a, buf_bytes(&b.out)), OK);
    assert_int_equal(tell(&b, buf_bytes(&hello)), OK);
    buf_clear(&hello);
    buf_put_bytes(&hello, buf_bytes(&a.out));
    assert_int_equal(tell(&a, buf_bytes(&b.out)), OK);
    assert_int_equal(tell(&b, buf_bytes(&hello)), OK);
    assert_int_equal(a.h.state, REPL_HANDSHAKE_DONE);
    assert_int_equal(b.h.state, REPL_HANDSHAKE_DONE);
    assert_int_equal(a.h.peer.v, 2);
    assert_string_equal(b.h.peer_name, "name");
    buf_done(&hello);
    buf_done(&a.out);
    buf_done(&b.out);
}

/* A peer that speaks another version of the protocol is refused, and known by the name it claims.
 */
static void test_other_protocol(void **state)
{
    (void)state;
    struct side a;
    struct buf hello;
    begin(&a, "secret", 1, 10);
    buf_init(&hello, 4096);
    uint8_t nonce[REPL_NONCE_BYTES] = {0};
    struct repl_frame f = {
        .type = REPL_HELLO,
        .hello = {
            .protocol = REPL_PROTOCOL + 1,
            .region = {2},
            .name = BYTES_LIT("eu-west-1"),
            .nonce = bytes_of(nonce, sizeof nonce),
        }};
    repl_frame_encode(&hello, &f);
    assert_int_equal(tell(&a, buf_bytes(&hello)), ERR_FORMAT);
    assert_string_equal(a.h.peer_name, "eu-west-1");
    buf_done(&hello);
    buf_done(&a.out);
}

/* A peer with another secret is refused although it speaks the protocol. */
static void test_wrong_secret(void **state)
{
    (void)state;
    struct side a;
    struct side b;
    begin(&a, "secret", 1, 10);
    begin(&b, "guess", 2, 20);
    struct buf said;
    buf_init(&said, 4096);
    buf_put_bytes(&said, buf_bytes(&a.out));
    assert_int_equal(tell(&a, buf_bytes(&b.out)), OK);
    assert_int_equal(tell(&b, buf_bytes(&said)), OK);
    assert_int_equal(tell(&a, buf_bytes(&b.out)), ERR_AUTH);
    buf_done(&said);
    buf_done(&a.out);
    buf_done(&b.out);
}

/* Our own words sent back at us prove nothing: neither under our id nor under another. */
static void test_reflection(void **state)
{
    (void)state;
    struct side a;
    struct side mirror;
    begin(&a, "secret", 1, 10);
    struct buf hello;
    buf_init(&hello, 4096);
    buf_put_bytes(&hello, buf_bytes(&a.out));
    assert_int_equal(tell(&a, buf_bytes(&hello)), ERR_AUTH);
    buf_done(&a.out);
    begin(&a, "secret", 1, 10);
    begin(&mirror, "does not know it", 2, 10);
    assert_int_equal(tell(&a, buf_bytes(&mirror.out)), OK);
    buf_clear(&hello);
    buf_put_bytes(&hello, buf_bytes(&a.out));
    assert_int_equal(tell(&a, buf_bytes(&hello)), ERR_AUTH);
    buf_done(&hello);
    buf_done(&a.out);
    buf_done(&mirror.out);
}

/* A proof that was good once is worth nothing against another nonce, nor out of turn. */
static void test_replay(void **state)
{
    (void)state;
    struct side a;
    struct side b;
    struct buf proof;
    struct buf hello;
    buf_init(&proof, 4096);
    buf_init(&hello, 4096);
    begin(&a, "secret", 1, 10);
    begin(&b, "secret", 2, 20);
    buf_put_bytes(&hello, buf_bytes(&b.out));
    assert_int_equal(tell(&b, buf_bytes(&a.out)), OK);
    buf_put_bytes(&proof, buf_bytes(&b.out));
    buf_done(&a.out);
    begin(&a, "secret", 1, 11);
    assert_int_equal(tell(&a, buf_bytes(&proof)), ERR_INVALID);
    assert_int_equal(tell(&a, buf_bytes(&hello)), OK);
    assert_int_equal(tell(&a, buf_bytes(&hello)), ERR_INVALID);
    assert_int_equal(tell(&a, buf_bytes(&proof)), ERR_AUTH);
    buf_done(&a.out);
    buf_done(&b.out);
    buf_done(&proof);
    buf_done(&hello);
}

/* ---- sender and vectors ---- */

/* The window closes at its bytes, opens with acknowledgements, and heartbeats take no room in it.
 */
static void test_sender_window(void **state)
{
    (void)state;
    struct repl_sender s = {.active = false};
    assert_false(repl_sender_may_send(&s, 100));
    repl_sender_start(&s, (struct region_id){7}, (struct local_pos){10}, (struct peer_pos){10});
    repl_sender_sent(&s, (struct peer_pos){12}, (struct hlc){1}, 60, 2);
    repl_sender_sent(&s, (struct peer_pos){13}, (struct hlc){2}, 0, 0);
    assert_int_equal(s.flight_n, 1);
    assert_true(repl_sender_may_send(&s, 100));
    repl_sender_sent(&s, (struct peer_pos){15}, (struct hlc){3}, 60, 2);
    assert_false(repl_sender_may_send(&s, 100));
    repl_sender_acked(&s, (struct peer_pos){11});
    assert_int_equal(s.flight_bytes, 120);
    repl_sender_acked(&s, (struct peer_pos){12});
    assert_int_equal(s.flight_bytes, 60);
    assert_true(repl_sender_may_send(&s, 100));
    repl_sender_acked(&s, (struct peer_pos){3});
    assert_int_equal(s.acked.v, 12);
    repl_sender_acked(&s, (struct peer_pos){15});
    assert_int_equal(s.flight_bytes, 0);
    assert_int_equal(s.txns_total, 4);
    repl_sender_stop(&s);
    assert_false(repl_sender_may_send(&s, 100));
}

/* However small they are, only so many frames are under way at once, and the ring wraps. */
static void test_sender_ring(void **state)
{
    (void)state;
    struct repl_sender s = {.active = false};
    repl_sender_start(&s, (struct region_id){7}, (struct local_pos){0}, (struct peer_pos){0});
    for (uint64_t pos = 1; pos <= 3 * REPL_WINDOW_FRAMES; pos++) {
        assert_true(repl_sender_may_send(&s, SIZE_MAX));
        repl_sender_sent(&s, (struct peer_pos){pos}, (struct hlc){pos}, 1, 1);
        if (s.flight_n == REPL_WINDOW_FRAMES) {
            assert_false(repl_sender_may_send(&s, SIZE_MAX));
            repl_sender_acked(&s, (struct peer_pos){pos - 50});
            assert_int_equal(s.flight_n, 50);
        }
    }
}

/* A vector only grows, in each part by itself, and is full at its bound. */
static void test_vector(void **state)
{
    (void)state;
    struct repl_vector v = {.n = 0};
    struct repl_vector w = {.n = 0};
    assert_true(repl_vector_covers(&v, &w));
    assert_true(repl_vector_raise(&v, (struct repl_mark){{1}, {5}, {50}}));
    assert_true(repl_vector_raise(&v, (struct repl_mark){{1}, {4}, {60}}));
    assert_int_equal(repl_vector_find(&v, (struct region_id){1})->pos.v, 5);
    assert_int_equal(repl_vector_find(&v, (struct region_id){1})->hlc.v, 60);
    assert_null(repl_vector_find(&v, (struct region_id){2}));
    assert_true(repl_vector_raise(&w, (struct repl_mark){{2}, {0}, {0}}));
    assert_true(repl_vector_covers(&v, &w));
    assert_false(repl_vector_covers(&w, &v));
    for (uint64_t id = 2; id <= CHANGE_REGIONS_MAX; id++) {
        assert_true(repl_vector_raise(&v, (struct repl_mark){{id}, {1}, {1}}));
    }
    assert_false(repl_vector_raise(&v, (struct repl_mark){{999}, {1}, {1}}));
    assert_true(repl_vector_raise(&v, (struct repl_mark){{2}, {7}, {7}}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_unknown_type),
        cmocka_unit_test(test_lying_count),
        cmocka_unit_test(test_handshake),
        cmocka_unit_test(test_other_protocol),
        cmocka_unit_test(test_wrong_secret),
        cmocka_unit_test(test_reflection),
        cmocka_unit_test(test_replay),
        cmocka_unit_test(test_sender_window),
        cmocka_unit_test(test_sender_ring),
        cmocka_unit_test(test_vector),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include "change/change.h"

#include <stdlib.h>

/* clang-format off: cmocka.h needs the other two before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
/* clang-format on */

static const struct change_seen seen[] = {
    {{0x3333333333333333}, {0x018000000000000a}},
    {{0x2222222222222222}, {0x0180000000640003}},
};

/* Every kind of change and of old version, in an order that uses and breaks the same-table form. */
static struct change_txn sample(struct change *c)
{
    c[0] = (struct change){
        .kind = CHANGE_PUT, .table = 1024, .key = BYTES_LIT("k1"), .item = BYTES_LIT("item one")};
    c[1] = (struct change){
        .kind = CHANGE_DELETE,
        .flags = CHANGE_BY_TTL,
        .table = 1024,
        .key = BYTES_LIT("k2"),
        .had_old = true,
        .old_live = true,
        .old_version = {{0x0180000000630000}, {0x1111111111111111}},
        .old_bytes = 300,
        .old_item = BYTES_LIT("old two")};
    c[2] = (struct change){
        .kind = CHANGE_PUT,
        .table = 99999,
        .key = BYTES_LIT("k3"),
        .had_old = true,
        .old_version = {{0x01800000006400ff}, {0x2222222222222222}}};
    return (struct change_txn){
        .origin = {0x1111111111111111},
        .origin_pos = {77},
        .hlc = {0x0180000000650001},
        .seen = seen,
        .n_seen = 2,
        .changes = c,
        .n_changes = 3};
}

static void check_change(const struct change *a, const struct change *b, bool local)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->flags, b->flags);
    assert_true(a->table == b->table);
    assert_true(bytes_eq(a->key, b->key));
    assert_true(bytes_eq(a->item, b->item));
    assert_int_equal(a->had_old, local && b->had_old);
    assert_int_equal(a->old_live, local && b->old_live);
    if (a->had_old) {
        assert_true(version_eq(a->old_version, b->old_version));
        assert_true(a->old_bytes == b->old_bytes);
    }
    if (local) {
        assert_true(bytes_eq(a->old_item, b->old_item));
    } else {
        assert_int_equal(a->old_item.len, 0);
    }
}

/* Both forms come back as they went in, the seen vector sorted; peek agrees. */
static void test_round_trip(void **state)
{
    (void)state;
    struct change changes[3];
    struct change_txn t = sample(changes);
    struct buf b;
    struct arena a;
    buf_init(&b, 4096);
    arena_init(&a, 65536);
    change_txn_encode(&b, &t);
    assert_int_equal(b.err, OK);
    struct bytes wire;
    assert_int_equal(change_txn_wire(buf_bytes(&b), &wire), OK);
    for (int wire_only = 0; wire_only < 2; wire_only++) {
        struct bytes in = wire_only ? wire : buf_bytes(&b);
        struct change_txn got;
        assert_int_equal(change_txn_decode(&a, in, wire_only, &got), OK);
        assert_true(got.origin.v == t.origin.v);
        assert_true(got.origin_pos.v == t.origin_pos.v);
        assert_true(got.hlc.v == t.hlc.v);
        assert_int_equal(got.n_seen, 2);
        assert_true(got.seen[0].region.v == seen[1].region.v);
        assert_true(got.seen[0].hlc.v == seen[1].hlc.v);
        assert_true(got.seen[1].hlc.v == seen[0].hlc.v);
        assert_int_equal(got.n_changes, 3);
        for (size_t i = 0; i < 3; i++) {
            check_change(&got.changes[i], &changes[i], !wire_only);
        }
        struct change_txn head;
        assert_int_equal(change_txn_peek(in, &head), OK);
        assert_true(head.origin.v == t.origin.v);
        assert_true(head.origin_pos.v == t.origin_pos.v);
        assert_true(head.hlc.v == t.hlc.v);
    }
    arena_done(&a);
    buf_done(&b);
}

/* The bytes of sample(), both sections; a change here is a new format version. */
static const char golden[] =
    "014311111111111111114d010065000000800102222222222222222202033333333333333333ca01"
    "0a03018008026b31086974656d206f6e651a026b32019f8d06026b33002155733c011a000f0400ac"
    "02076f6c642074776f01222222222222222202ff01adefc037";

static struct bytes encode_sample(struct buf *b)
{
    struct change changes[3];
    struct change_txn t = sample(changes);
    buf_init(b, 4096);
    change_txn_encode(b, &t);
    assert_int_equal(b->err, OK);
    return buf_bytes(b);
}

/* The encoding is, byte for byte, what is written down. */
static void test_golden(void **state)
{
    (void)state;
    struct buf b;
    struct buf hex;
    buf_init(&hex, 4096);
    put_hex(&hex, encode_sample(&b));
    buf_put_u8(&hex, 0);
    assert_string_equal((const char *)hex.base, golden);
    buf_done(&hex);
    buf_done(&b);
}

static struct change_txn same_txn(struct change *c)
{
    *c = (struct change){
        .kind = CHANGE_PUT,
        .table = 1024,
        .key = BYTES_LIT("k1"),
        .item = BYTES_LIT("item one"),
        .had_old = true,
        .old_live = true,
        .old_version = {{0x0180000000630000}, {0x1111111111111111}},
        .old_bytes = 300,
        .same = true};
    return (struct change_txn){
        .origin = {0x1111111111111111},
        .origin_pos = {78},
        .hlc = {0x0180000000650001},
        .changes = c,
        .n_changes = 1};
}

/* Decodes a copy of exactly `in.len` bytes on the heap, where a sanitizer sees any step outside. */
static enum err decode_copy(struct bytes in, bool wire_only)
{
    struct arena a;
    arena_init(&a, 1 << 20);
    uint8_t *copy = malloc(in.len + 1);
    memcpy(copy + 1, in.base, in.len);
    struct bytes exact = bytes_of(copy + 1, in.len);
    struct change_txn t;
    struct bytes wire;
    enum err e = change_txn_decode(&a, exact, wire_only, &t);
    (void)!change_txn_peek(exact, &t);
    (void)!change_txn_wire(exact, &wire);
    free(copy);
    arena_done(&a);
    return e;
}

/* Cut anywhere, either form is corrupt; so it is with a byte too many. */
static void test_truncated(void **state)
{
    (void)state;
    struct buf b;
    struct bytes all = encode_sample(&b);
    struct bytes wire;
    assert_int_equal(change_txn_wire(all, &wire), OK);
    for (size_t n = 0; n < all.len; n++) {
        assert_int_equal(decode_copy(bytes_of(all.base, n), false), ERR_CORRUPT);
        enum err e = decode_copy(bytes_of(all.base, n), true);
        assert_int_equal(e, n == wire.len ? OK : ERR_CORRUPT);
    }
    assert_int_equal(decode_copy(all, false), OK);
    assert_int_equal(decode_copy(all, true), ERR_CORRUPT);
    buf_put_u8(&b, 0);
    assert_int_equal(decode_copy(buf_bytes(&b), false), ERR_CORRUPT);
    buf_done(&b);
}

/* Every single flipped bit is noticed. */
static void test_bit_flips(void **state)
{
    (void)state;
    struct buf b;
    struct bytes all = encode_sample(&b);
    for (size_t i = 0; i < all.len * 8; i++) {
        b.base[i / 8] = (uint8_t)(b.base[i / 8] ^ 1U << i % 8);
        enum err e = decode_copy(all, false);
        assert_true(e == ERR_CORRUPT || e == ERR_FORMAT);
        b.base[i / 8] = (uint8_t)(b.base[i / 8] ^ 1U << i % 8);
    }
    assert_int_equal(decode_copy(all, false), OK);
    buf_done(&b);
}

/* Puts right the checksums of a stored transaction whose bytes were changed on purpose. */
static void mend_checksums(struct buf *b, size_t wire_len)
{
    uint32_t crc = crc32c(0, bytes_of(b->base, wire_len - 4));
    memcpy(b->base + wire_len - 4, &crc, sizeof crc);
    crc = crc32c(crc, bytes_of(b->base + wire_len, b->len - wire_len - 4));
    memcpy(b->base + b->len - 4, &crc, sizeof crc);
}

/* A put that left its item as it was says so in the local section alone, in the bytes written down
 * here; the same bit where no item stood, is refused. */
static void test_same(void **state)
{
    (void)state;
    struct change c;
    struct change_txn t = same_txn(&c);
    struct buf b;
    struct buf hex;
    struct arena a;
    buf_init(&b, 4096);
    buf_init(&hex, 4096);
    arena_init(&a, 65536);
    change_txn_encode(&b, &t);
    struct change_txn got;
    assert_int_equal(change_txn_decode(&a, buf_bytes(&b), false, &got), OK);
    assert_true(got.changes[0].same);
    check_change(&got.changes[0], &c, true);
    struct bytes wire;
    assert_int_equal(change_txn_wire(buf_bytes(&b), &wire), OK);
    assert_int_equal(change_txn_decode(&a, wire, true, &got), OK);
    assert_false(got.changes[0].same);
    struct bytes local = bytes_from(buf_bytes(&b), wire.len);
    put_hex(&hex, local);
    buf_put_u8(&hex, 0);
    assert_string_equal((const char *)hex.base, "01051b0400ac027257afa7");
    size_t old_head = wire.len + 2;
    b.base[old_head] = 0x19; /* something stood there, but no item: nothing can be the same */
    mend_checksums(&b, wire.len);
    assert_int_equal(change_txn_decode(&a, buf_bytes(&b), false, &got), ERR_CORRUPT);
    b.base[old_head] = 0x2b;
    mend_checksums(&b, wire.len);
    assert_int_equal(change_txn_decode(&a, buf_bytes(&b), false, &got), ERR_FORMAT);
    arena_done(&a);
    buf_done(&hex);
    buf_done(&b);
}

/* With good checksums every byte may still be anything: decoding never steps outside, and what it
 * accepts encodes to the same bytes again, so there is one encoding of a transaction. */
static void test_malformed_but_checksummed(void **state)
{
    (void)state;
    struct buf b;
    struct buf again;
    struct arena a;
    struct bytes all = encode_sample(&b);
    struct bytes wire;
    int n_ok = 0;
    int n_refused = 0;
    assert_int_equal(change_txn_wire(all, &wire), OK);
    buf_init(&again, 4096);
    arena_init(&a, 1 << 20);
    for (size_t i = 0; i < all.len * 256; i++) {
        uint8_t was = b.base[i / 256];
        b.base[i / 256] = (uint8_t)i;
        mend_checksums(&b, wire.len);
        struct change_txn t;
        if (change_txn_decode(&a, all, false, &t) == OK) {
            n_ok++;
            buf_clear(&again);
            change_txn_encode(&again, &t);
            assert_true(bytes_eq(buf_bytes(&again), all));
        } else {
            n_refused++;
        }
        (void)decode_copy(all, false);
        arena_clear(&a);
        b.base[i / 256] = was;
        mend_checksums(&b, wire.len);
    }
    assert_true(n_ok > 1000);
    assert_true(n_refused > 1000);
    arena_done(&a);
    buf_done(&again);
    buf_done(&b);
}

/* A later format version or kind of change is refused by its own error, not as damage. */
static void test_unknown_refused(void **state)
{
    (void)state;
    struct buf b;
    struct bytes all = encode_sample(&b);
    struct bytes wire;
    struct change_txn t;
    assert_int_equal(change_txn_wire(all, &wire), OK);
    b.base[0] = 2;
    assert_int_equal(decode_copy(all, false), ERR_FORMAT);
    assert_int_equal(change_txn_peek(all, &t), ERR_FORMAT);
    b.base[0] = 1;
    for (size_t at = 0; at < all.len; at++) {
        /* The first change is a PUT of table 1024: head byte 1, then its varint 80 08. */
        if (b.base[at] == 1 && b.base[at + 1] == 0x80 && b.base[at + 2] == 0x08) {
            b.base[at] = 7;
            mend_checksums(&b, wire.len);
            assert_int_equal(decode_copy(all, false), ERR_FORMAT);
            buf_done(&b);
            return;
        }
    }
    fail_msg("no head byte found");
}

/* A local section does not fit another transaction's wire section. */
static void test_sections_belong_together(void **state)
{
    (void)state;
    struct change changes[3];
    struct change_txn t = sample(changes);
    struct buf one;
    struct buf other;
    struct bytes all = encode_sample(&one);
    struct bytes wire;
    assert_int_equal(change_txn_wire(all, &wire), OK);
    buf_init(&other, 4096);
    t.origin_pos.v++;
    change_txn_encode(&other, &t);
    assert_int_equal(other.len, all.len);
    memcpy(other.base + wire.len, all.base + wire.len, all.len - wire.len);
    assert_int_equal(decode_copy(buf_bytes(&other), false), ERR_CORRUPT);
    buf_done(&one);
    buf_done(&other);
}

static bool keep_table(void *ctx, uint64_t table)
{
    return table == *(const uint64_t *)ctx;
}

/* Filtering keeps one table's changes and everything about the transaction; keeping none appends
 * nothing. */
static void test_filter(void **state)
{
    (void)state;
    struct buf b;
    struct buf out;
    struct arena a;
    struct change_txn t;
    struct change changes[3];
    size_t n = 99;
    struct bytes all = encode_sample(&b);
    buf_init(&out, 4096);
    arena_init(&a, 65536);
    uint64_t table = 1024;
    assert_int_equal(change_txn_filter(&out, &a, all, keep_table, &table, &n), OK);
    assert_int_equal(n, 2);
    assert_int_equal(change_txn_decode(&a, buf_bytes(&out), true, &t), OK);
    (void)sample(changes);
    assert_int_equal(t.n_changes, 2);
    check_change(&t.changes[0], &changes[0], false);
    check_change(&t.changes[1], &changes[1], false);
    assert_int_equal(t.n_seen, 2);
    assert_true(t.origin_pos.v == 77);
    size_t len = out.len;
    table = 5;
    assert_int_equal(change_txn_filter(&out, &a, all, keep_table, &table, &n), OK);
    assert_int_equal(n, 0);
    assert_int_equal(out.len, len);
    b.base[20] ^= 1;
    assert_int_equal(change_txn_filter(&out, &a, all, keep_table, &table, &n), ERR_CORRUPT);
    arena_done(&a);
    buf_done(&out);
    buf_done(&b);
}

/* A buffer too small for a transaction is told so, at every size. */
static void test_encode_bound(void **state)
{
    (void)state;
    struct buf b;
    size_t len = encode_sample(&b).len;
    buf_done(&b);
    struct change changes[3];
    struct change_txn t = sample(changes);
    for (size_t max = 0; max <= len; max++) {
        buf_init(&b, max);
        change_txn_encode(&b, &t);
        assert_int_equal(b.err, max < len ? ERR_TOO_BIG : OK);
        buf_done(&b);
    }
}

/* Stamps ahead of the transaction's, far behind it and at the ends of the range survive. */
static void test_extreme_stamps(void **state)
{
    (void)state;
    const uint64_t stamps[] = {
        0, 1, 0xffff, 0x10000, UINT64_MAX, UINT64_MAX - 1, UINT64_C(1) << 63};
    enum { N = sizeof stamps / sizeof stamps[0] };
    struct arena a;
    struct buf b;
    arena_init(&a, 65536);
    buf_init(&b, 4096);
    for (size_t i = 0; i < (size_t)N * N; i++) {
        const struct change_seen saw = {{i + 1}, {stamps[i / N]}};
        struct change_txn t = {
            .origin = {UINT64_MAX},
            .origin_pos = {UINT64_MAX},
            .hlc = {stamps[i % N]},
            .seen = &saw,
            .n_seen = 1};
        struct change_txn got;
        buf_clear(&b);
        change_txn_encode(&b, &t);
        assert_int_equal(change_txn_decode(&a, buf_bytes(&b), false, &got), OK);
        assert_true(got.seen[0].hlc.v == saw.hlc.v);
        assert_true(got.hlc.v == t.hlc.v);
        assert_int_equal(got.n_changes, 0);
        arena_clear(&a);
    }
    arena_done(&a);
    buf_done(&b);
}

/* A delete that ends one version. */
static struct change_txn ending(struct change *c)
{
    *c = (struct change){
        .kind = CHANGE_DELETE,
        .flags = CHANGE_BY_TTL | CHANGE_ON_BASE,
        .table = 1024,
        .key = BYTES_LIT("k4"),
        .base = {{0x0180000000630000}, {0x2222222222222222}}};
    return (struct change_txn){
        .origin = {0x1111111111111111},
        .origin_pos = {78},
        .hlc = {0x0180000000650001},
        .changes = c,
        .n_changes = 1};
}

static const char golden_on_base[] =
    "012311111111111111114e01006500000080010001328008026b340400222222222222222226"
    "77113f010100e1fd73c1";

enum { ENDING_HEAD = 21, ENDING_STAMP = 27 }; /* where those bytes of ending() lie */

static enum err decode_ending(size_t at, uint8_t byte)
{
    struct change c;
    struct change_txn t = ending(&c);
    struct buf b;
    struct bytes wire;
    buf_init(&b, 4096);
    change_txn_encode(&b, &t);
    assert_int_equal(change_txn_wire(buf_bytes(&b), &wire), OK);
    assert_int_equal(b.base[ENDING_HEAD], 0x32);
    assert_int_equal(b.base[ENDING_STAMP], 4);
    b.base[at] = byte;
    mend_checksums(&b, wire.len);
    enum err e = decode_copy(buf_bytes(&b), false);
    buf_done(&b);
    return e;
}

/* The end of a version is written down with that version, in these bytes, and has the next version
 * after it as its own. A base that is not older than the transaction is refused, and so is one of a
 * change that is no expiry. */
static void test_on_base(void **state)
{
    (void)state;
    struct change c;
    struct change_txn t = ending(&c);
    struct change_txn got;
    struct buf b;
    struct buf hex;
    struct arena a;
    buf_init(&b, 4096);
    buf_init(&hex, 4096);
    arena_init(&a, 65536);
    change_txn_encode(&b, &t);
    put_hex(&hex, buf_bytes(&b));
    buf_put_u8(&hex, 0);
    assert_string_equal((const char *)hex.base, golden_on_base);
    assert_int_equal(change_txn_decode(&a, buf_bytes(&b), false, &got), OK);
    check_change(&got.changes[0], &c, true);
    assert_true(version_eq(got.changes[0].base, c.base));
    struct version v = change_version(&got, &got.changes[0]);
    assert_true(v.hlc.v == 0x0180000000630000);
    assert_true(v.region.v == 0x2222222222222223);
    assert_int_equal(decode_ending(ENDING_STAMP, 0), OK); /* its own millisecond, counter 0 */
    assert_int_equal(decode_ending(ENDING_STAMP, 1), ERR_CORRUPT);   /* one later */
    assert_int_equal(decode_ending(ENDING_STAMP + 1, 1), OK);        /* counter 1 */
    assert_int_equal(decode_ending(ENDING_HEAD, 0x22), ERR_CORRUPT); /* not by TTL */
    assert_int_equal(decode_ending(ENDING_HEAD, 0x72), ERR_FORMAT);  /* a flag nobody knows */
    arena_done(&a);
    buf_done(&hex);
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_golden),
        cmocka_unit_test(test_same),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_bit_flips),
        cmocka_unit_test(test_malformed_but_checksummed),
        cmocka_unit_test(test_unknown_refused),
        cmocka_unit_test(test_sections_belong_together),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_encode_bound),
        cmocka_unit_test(test_extreme_stamps),
        cmocka_unit_test(test_on_base),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

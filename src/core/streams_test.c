#include "core/streams.h"

#include "core/test_util.h"

static const char T[] = "flights";

enum { HOUR_MS = 3600 * 1000 };

static struct core_stream *streams_of(struct node *n, const char *table, size_t *ret_n)
{
    const struct part_reader r = {.engine = n->engine};
    const struct core_stream *list;
    assert_int_equal(
        core_streams_list(&r, bytes_str(table), NULL, &n->cluster->mem, 100, &list, ret_n), OK);
    return (struct core_stream *)(uintptr_t)list;
}

static struct core_feed feed_of(struct node *n)
{
    const struct part_reader r = {.engine = n->engine};
    struct core_feed feed;
    assert_int_equal(core_feed_read(&r, &feed), OK);
    return feed;
}

static void set_view(struct node *n, enum core_stream_view view)
{
    struct core_table *t = core_table_dup(&n->cluster->mem, node_table(n, T));
    assert_non_null(t);
    t->stream = view;
    struct core_admin call = {.kind = CORE_ADMIN_UPDATE_TABLE, .name = bytes_str(T), .table = t};
    assert_int_equal(node_admin(n, &call), OK);
}

static void pass(struct cluster *c, uint64_t ms)
{
    c->now_ms += ms;
    node_run(&c->nodes[0]);
}

/* A table's stream begins with the table and ends with its being turned off; turned on again, also
 * within the same millisecond, it is another one with a label of its own, and the first can still
 * be read after a restart. Writes lie in the stretch of the stream that was on when they were made.
 */
static void test_life(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 1, 1);
    struct node *n = &c.nodes[0];
    node_create_plain(n, T);
    node_put(n, T, 1, "first");
    struct local_pos first_put = part_tail(core_part(n->core));
    set_view(n, CORE_STREAM_NONE);
    node_put(n, T, 1, "between");
    struct local_pos between = part_tail(core_part(n->core));
    set_view(n, CORE_STREAM_KEYS_ONLY);
    node_put(n, T, 1, "second");
    node_reopen(n);
    node_run(n);
    size_t count;
    const struct core_stream *s = streams_of(n, T, &count);
    assert_int_equal(count, 2);
    assert_int_equal(s[0].created_ms, c.now_ms);
    assert_int_equal(s[0].view, CORE_STREAM_NEW_AND_OLD_IMAGES);
    assert_int_equal(s[0].ended_ms, c.now_ms);
    assert_true(s[0].first.v < first_put.v);
    assert_true(s[0].last.v >= first_put.v && s[0].last.v < between.v);
    assert_int_equal(s[1].created_ms, c.now_ms + 1);
    assert_int_equal(s[1].view, CORE_STREAM_KEYS_ONLY);
    assert_int_equal(s[1].ended_ms, 0);
    assert_true(s[1].first.v > between.v);
    assert_true(s[1].last.v == UINT64_MAX);
    assert_int_equal(node_table(n, T)->stream_created_ms, c.now_ms + 1);
    assert_true(bytes_eq_str(s[1].keys.hash.name, "pk"));
    assert_int_equal(s[1].keys.hash.type, VALUE_NUMBER);
    assert_true(bytes_eq_str(s[1].keys.range.name, "sk"));
    cluster_stop(&c);
}

/* A deleted table's stream stays readable for its retention and is then forgotten with its epochs,
 * and the table made again under the name has a stream of its own meanwhile. */
static void test_deleted(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 1, 2);
    struct node *n = &c.nodes[0];
    node_create_plain(n, T);
    node_put(n, T, 1, "first");
    struct core_admin call = {.kind = CORE_ADMIN_DELETE_TABLE, .name = bytes_str(T)};
    assert_int_equal(node_admin(n, &call), OK);
    size_t count;
    const struct core_stream *s = streams_of(n, T, &count);
    assert_int_equal(count, 1);
    assert_true(s[0].ended_ms != 0);
    node_create_plain(n, T);
    pass(&c, 23 * HOUR_MS);
    (void)streams_of(n, T, &count);
    assert_int_equal(count, 2);
    pass(&c, 1 * HOUR_MS);
    s = streams_of(n, T, &count);
    assert_int_equal(count, 1);
    assert_int_equal(s[0].ended_ms, 0);
    assert_int_equal(node_admin(n, &call), OK);
    assert_true(core_deadline(n->core) <= c.now_ms + 24 * HOUR_MS);
    pass(&c, 24 * HOUR_MS);
    (void)streams_of(n, T, &count);
    assert_int_equal(count, 0);
    const struct part_reader r = {.engine = n->engine};
    struct core_feed feed;
    assert_int_equal(core_feed_read(&r, &feed), ERR_NOT_FOUND);
    assert_true(core_deadline(n->core) == UINT64_MAX);
    cluster_stop(&c);
}

/* A client turns a table's stream on and off for ever: only so many that have ended are kept, the
 * latest ones, and others' streams do not suffer as long as they are on. */
static void test_ended_are_bounded(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 1, 12);
    struct node *n = &c.nodes[0];
    node_create_plain(n, "other");
    node_create_plain(n, T);
    uint64_t first = node_table(n, T)->stream_created_ms;
    for (unsigned i = 0; i <= CORE_STREAMS_ENDED_MAX; i++) {
        c.now_ms++;
        set_view(n, CORE_STREAM_NONE);
        set_view(n, CORE_STREAM_KEYS_ONLY);
    }
    const struct part_reader r = {.engine = n->engine};
    const struct core_stream *s;
    size_t count;
    assert_int_equal(
        core_streams_list(&r, bytes_str(T), NULL, &c.mem, 2 * CORE_STREAMS_ENDED_MAX, &s, &count),
        OK);
    assert_int_equal(count, CORE_STREAMS_ENDED_MAX + 1);
    assert_true(s[0].created_ms > first);
    assert_true(s[count - 1].ended_ms == 0);
    (void)streams_of(n, "other", &count);
    assert_int_equal(count, 1);
    node_reopen(n);
    cluster_stop(&c);
}

/* Epochs follow each other every four hours while there is something to tell apart, and the oldest
 * go once they ended a day ago; the secret stays. */
static void test_epochs(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 1, 3);
    struct node *n = &c.nodes[0];
    node_create_plain(n, T);
    struct core_feed begun = feed_of(n);
    assert_int_equal(begun.n_epochs, 1);
    node_put(n, T, 1, "first");
    pass(&c, 4 * HOUR_MS);
    struct core_feed feed = feed_of(n);
    assert_int_equal(feed.n_epochs, 2);
    assert_true(feed.epochs[1].first.v == part_tail(core_part(n->core)).v + 1);
    pass(&c, 8 * HOUR_MS); /* nothing was written: one empty epoch is enough */
    assert_int_equal(feed_of(n).n_epochs, 2);
    for (int i = 0; i < 3; i++) {
        node_put(n, T, 1, "again");
        pass(&c, 4 * HOUR_MS);
    }
    feed = feed_of(n);
    assert_int_equal(feed.n_epochs, 5);
    assert_int_equal(feed.before.v, 0);
    pass(
        &c,
        4 * HOUR_MS); /* the second epoch began 24 hours ago, so the first is over for as long */
    feed = feed_of(n);
    assert_true(feed.epochs[0].first.v > begun.epochs[0].first.v);
    assert_true(feed.before.v == begun.epochs[0].first.v);
    assert_memory_equal(feed.secret, begun.secret, sizeof feed.secret);
    cluster_stop(&c);
}

/* A table that joins a group takes another id: its stream goes on, under both. */
static void test_rebind(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 2, 4);
    struct node *us = &c.nodes[0];
    struct node *eu = &c.nodes[1];
    node_create_plain(us, T);
    node_create_plain(eu, T);
    node_put(eu, T, 1, "alone");
    node_delete(eu, T, 1);
    uint64_t alone = node_table(eu, T)->part.id;
    settle(&c);
    struct core_admin call;
    assert_int_equal(node_regions(us, CORE_ADMIN_CREATE_GROUP, T, "us", "eu", &call), OK);
    settle(&c);
    assert_true(node_table(eu, T)->part.id != alone);
    size_t count;
    const struct core_stream *s = streams_of(eu, T, &count);
    assert_int_equal(count, 1);
    assert_int_equal(s[0].ended_ms, 0);
    assert_int_equal(s[0].n_spans, 2);
    assert_true(s[0].spans[0].table == alone);
    assert_true(s[0].spans[1].table == node_table(eu, T)->part.id);
    assert_true(s[0].spans[0].first.v < s[0].spans[1].first.v);
    cluster_stop(&c);
}

/* Lists go on after any label, of one table or of all. */
static void test_list(void **state)
{
    (void)state;
    struct cluster c;
    cluster_start(&c, 1, 5);
    struct node *n = &c.nodes[0];
    const char *const names[] = {"aaa", "bbb", "ccc"};
    for (size_t i = 0; i < 3; i++) {
        node_create_plain(n, names[i]);
    }
    const struct part_reader r = {.engine = n->engine};
    const struct core_stream *list;
    size_t count;
    assert_int_equal(core_streams_list(&r, BYTES_NONE, NULL, &c.mem, 2, &list, &count), OK);
    assert_int_equal(count, 2);
    assert_true(bytes_eq_str(list[1].table, "bbb"));
    assert_int_equal(core_streams_list(&r, BYTES_NONE, &list[1], &c.mem, 2, &list, &count), OK);
    assert_int_equal(count, 1);
    assert_true(bytes_eq_str(list[0].table, "ccc"));
    assert_int_equal(core_streams_list(&r, BYTES_LIT("aaa"), NULL, &c.mem, 9, &list, &count), OK);
    assert_int_equal(count, 1);
    struct core_stream one;
    assert_int_equal(core_stream_read(&r, BYTES_LIT("aaa"), list[0].created_ms, &c.mem, &one), OK);
    assert_int_equal(core_stream_read(&r, BYTES_LIT("aaa"), 1, &c.mem, &one), ERR_NOT_FOUND);
    cluster_stop(&c);
}

static void golden(const struct buf *b, const char *want)
{
    struct buf hex;
    buf_init(&hex, 4096);
    put_hex(&hex, buf_bytes(b));
    buf_put_u8(&hex, 0);
    assert_string_equal((const char *)hex.base, want);
    buf_done(&hex);
}

/* Both notes are, byte for byte, what is written down; each comes back as it went in, and with any
 * one bit changed it is refused. */
static void test_bytes(void **state)
{
    (void)state;
    struct arena a;
    struct buf b;
    arena_init(&a, 1 << 24);
    buf_init(&b, 4096);
    const struct core_stream_span spans[] = {{1024, {7}}, {99999, {200}}};
    const struct core_stream s = {
        .table = BYTES_LIT("flights"),
        .created_ms = 1700000000000,
        .view = CORE_STREAM_OLD_IMAGE,
        .keys = {{BYTES_LIT("pk"), VALUE_STRING}, {BYTES_LIT("sk"), VALUE_NUMBER}},
        .first = {7},
        .last = {300},
        .ended_ms = 1700000001000,
        .spans = spans,
        .n_spans = 2,
    };
    stream_put(&b, &s);
    golden(
        &b,
        "0107666c696768747380d095ffbc310302706b0002736b0107e8d795ffbc31ac02020004000000000000079f86"
        "01"
        "0000000000c801a7655650");
    struct core_stream got;
    assert_int_equal(stream_get(&a, buf_bytes(&b), &got), OK);
    assert_int_equal(got.last.v, 300);
    assert_int_equal(got.spans[1].first.v, 200);
    for (size_t i = 0; i < b.len * 8; i++) {
        b.base[i / 8] ^= (uint8_t)(1U << i % 8);
        assert_int_equal(stream_get(&a, buf_bytes(&b), &got), ERR_CORRUPT);
        b.base[i / 8] ^= (uint8_t)(1U << i % 8);
    }
    buf_clear(&b);
    const struct core_feed f = {
        .secret = {1, 2, 3},
        .before = {3},
        .epochs = {{{7}, 1700000000000}, {{300}, 1700000001000}},
        .n_epochs = 2,
    };
    feed_put(&b, &f);
    golden(&b, "010102030000000000000000000000000003020780d095ffbc31ac02e8d795ffbc31e41a9362");
    struct core_feed back;
    assert_int_equal(feed_get(buf_bytes(&b), &back), OK);
    assert_int_equal(back.n_epochs, 2);
    assert_int_equal(back.epochs[1].first.v, 300);
    for (size_t i = 0; i < b.len * 8; i++) {
        b.base[i / 8] ^= (uint8_t)(1U << i % 8);
        assert_int_equal(feed_get(buf_bytes(&b), &back), ERR_CORRUPT);
        b.base[i / 8] ^= (uint8_t)(1U << i % 8);
    }
    buf_done(&b);
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_deleted),
        cmocka_unit_test(test_ended_are_bounded),
        cmocka_unit_test(test_epochs),
        cmocka_unit_test(test_rebind),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

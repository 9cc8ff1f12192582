#include "feed/feed.h"

/* clang-format off: cmocka.h needs the other two before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
/* clang-format on */

/* One region with one table, written to through the writer. */
struct rig {
    struct engine *engine;
    struct core *core;
    struct arena mem;
    uint64_t now_ms;
    struct core_stream stream; /* the table's latest */
    struct feed_view view;
};

static const struct expr_key_attr key_attr = {{(const uint8_t *)"pk", 2}, VALUE_STRING};

static enum err run(struct rig *r, struct part_cmd *cmd)
{
    cmd->arena = &r->mem;
    part_submit(core_part(r->core), cmd);
    do {
        assert_int_equal(core_commit(r->core, r->now_ms), OK);
    } while (core_deadline(r->core) <= r->now_ms || part_waiting(core_part(r->core)) > 0);
    assert_ptr_equal(core_take_done(r->core), cmd);
    return cmd->err;
}

static void create(struct rig *r, enum core_stream_view view)
{
    const struct core_table t = {
        .part = {.keys = {.hash = key_attr}},
        .attrs = &key_attr,
        .n_attrs = 1,
        .on_demand = true,
        .stream = view,
    };
    struct core_admin call = {
        .kind = CORE_ADMIN_CREATE_TABLE, .core = r->core, .name = BYTES_LIT("t"), .table = &t};
    struct part_cmd cmd = {.kind = PART_CMD_CALL, .call = {.run = core_admin_run, .arg = &call}};
    assert_int_equal(run(r, &cmd), OK);
}

static void rig_open(struct rig *r, enum core_stream_view view)
{
    *r = (struct rig){.now_ms = UINT64_C(1700000000000)};
    arena_init(&r->mem, SIZE_MAX / 2);
    r->engine = engine_mem_new();
    const struct core_config config = {
        .part =
            {
                .region = {7},
                .engine = r->engine,
                .drift_ms_max = 500,
                .batch_bytes_max = 1 << 20,
                .conflicts_max = 100,
            },
        .region = BYTES_LIT("eu"),
        .seed = 1,
        .stream_retention_ms = 10000,
        .stream_shard_ms = 1000,
    };
    assert_int_equal(core_open(&config, r->now_ms, &r->core), OK);
    create(r, view);
}

static void rig_close(struct rig *r)
{
    core_close(r->core);
    engine_close(r->engine);
    arena_done(&r->mem);
}

static void pass(struct rig *r, uint64_t ms)
{
    r->now_ms += ms;
    do {
        assert_int_equal(core_commit(r->core, r->now_ms), OK);
    } while (core_deadline(r->core) <= r->now_ms);
}

/* An item {pk, n}. */
static const struct value *item(struct rig *r, const char *pk, int64_t n)
{
    struct member *m = ARENA_ARRAY(&r->mem, struct member, 2);
    struct value *v = ARENA_NEW(&r->mem, struct value);
    m[0] = (struct member){BYTES_LIT("n"), {.type = VALUE_NUMBER, .number = decimal_of_i64(n)}};
    m[1] = (struct member){BYTES_LIT("pk"), {.type = VALUE_STRING, .bytes = bytes_str(pk)}};
    *v = (struct value){.type = VALUE_MAP, .map = {m, 2}};
    return v;
}

static struct part_op op_of(struct rig *r, enum part_op_kind kind, const char *pk, int64_t n)
{
    const struct core_table *t = catalog_table(core_catalog(r->core), BYTES_LIT("t"));
    struct buf b;
    struct bytes attr;
    buf_init(&b, 4096);
    const struct value *v = item(r, pk, n);
    assert_int_equal(part_key_of(&t->part.keys, v, &b, &attr), OK);
    struct part_op op = {
        .kind = kind,
        .table = t->part.id,
        .key = bytes_dup(&r->mem, buf_bytes(&b)),
        .item = kind == PART_PUT ? v : NULL,
    };
    buf_done(&b);
    return op;
}

static void write_all(struct rig *r, struct part_op *ops, size_t n)
{
    struct part_cmd cmd = {.kind = PART_CMD_WRITE, .write = {.ops = ops, .n = n, .atomic = true}};
    assert_int_equal(run(r, &cmd), OK);
}

static void put(struct rig *r, const char *pk, int64_t n)
{
    struct part_op op = op_of(r, PART_PUT, pk, n);
    write_all(r, &op, 1);
}

static void look(struct rig *r)
{
    const struct core_stream *list;
    size_t n;
    if (r->view.snap != NULL) {
        feed_close(&r->view);
    }
    assert_int_equal(feed_open(r->engine, &r->view), OK);
    assert_int_equal(
        core_streams_list(&r->view.reader, BYTES_LIT("t"), NULL, &r->mem, 10, &list, &n), OK);
    assert_true(n > 0);
    r->stream = list[n - 1];
}

static void done(struct rig *r)
{
    feed_close(&r->view);
    rig_close(r);
}

static struct feed_page page_from(struct rig *r, struct feed_seq from, size_t limit)
{
    struct feed_page p = {
        .from = from,
        .last = r->stream.last,
        .limit = limit,
        .scan_bytes = FEED_SCAN_BYTES_MAX,
    };
    assert_int_equal(feed_read(&r->view, &r->stream, &p, &r->mem), OK);
    return p;
}

static struct feed_page all(struct rig *r)
{
    look(r);
    return page_from(r, (struct feed_seq){r->stream.first, 0}, FEED_RECORDS_MAX);
}

static int64_t n_of(const struct value *image)
{
    int64_t n;
    assert_int_equal(decimal_to_i64(&value_find(image, BYTES_LIT("n"))->number, &n), OK);
    return n;
}

/* Writes are told as what they did to the item, in order, with both images; a put of the same item
 * and a delete of nothing are no news. */
static void test_events(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, CORE_STREAM_NEW_AND_OLD_IMAGES);
    put(&r, "a", 1);
    put(&r, "a", 1);
    put(&r, "a", 2);
    struct part_op op = op_of(&r, PART_DELETE, "a", 0);
    write_all(&r, &op, 1);
    op = op_of(&r, PART_DELETE, "a", 0);
    write_all(&r, &op, 1);
    put(&r, "a", 3);
    struct feed_page p = all(&r);
    static const enum feed_event events[] = {FEED_INSERT, FEED_MODIFY, FEED_REMOVE, FEED_INSERT};
    static const int64_t news[] = {1, 2, 0, 3};
    static const int64_t olds[] = {0, 1, 2, 0};
    assert_int_equal(p.n, 4);
    for (size_t i = 0; i < p.n; i++) {
        const struct feed_record *rec = &p.records[i];
        assert_int_equal(rec->event, events[i]);
        assert_int_equal(rec->has_new, news[i] != 0);
        assert_int_equal(rec->has_old, olds[i] != 0);
        assert_true(!rec->has_new || n_of(&rec->new_image) == news[i]);
        assert_true(!rec->has_old || n_of(&rec->old_image) == olds[i]);
        assert_true(bytes_eq_str(value_find(&rec->keys, BYTES_LIT("pk"))->bytes, "a"));
        assert_int_equal(rec->at_ms, r.now_ms);
        assert_true(i == 0 || rec->seq.pos.v > p.records[i - 1].seq.pos.v);
    }
    /* keys: pk 2 + a 1; an item: that, n 1 and its number 2 */
    assert_int_equal(p.records[0].bytes, 3 + 6);
    assert_int_equal(p.records[1].bytes, 3 + 6 + 6);
    assert_false(p.ended);
    p = page_from(&r, p.next, 1);
    assert_int_equal(p.n, 0);
    done(&r);
}

/* Each view shows its own images, and none of them an unchanged put. */
static void test_views(void **state)
{
    (void)state;
    for (int view = CORE_STREAM_KEYS_ONLY; view <= CORE_STREAM_NEW_AND_OLD_IMAGES; view++) {
        bool news = view == CORE_STREAM_NEW_IMAGE || view == CORE_STREAM_NEW_AND_OLD_IMAGES;
        bool olds = view == CORE_STREAM_OLD_IMAGE || view == CORE_STREAM_NEW_AND_OLD_IMAGES;
        struct rig r;
        rig_open(&r, (enum core_stream_view)view);
        put(&r, "a", 1);
        put(&r, "a", 1);
        put(&r, "a", 2);
        struct feed_page p = all(&r);
        assert_int_equal(p.n, 2);
        assert_int_equal(p.records[1].event, FEED_MODIFY);
        assert_int_equal(p.records[1].has_new, news);
        assert_int_equal(p.records[1].has_old, olds);
        assert_int_equal(p.records[0].has_old, false);
        done(&r);
    }
}

/* The records of one transaction follow each other under one position, pages may cut it anywhere,
 * and going on gives each record once. */
static void test_pages(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, CORE_STREAM_KEYS_ONLY);
    struct part_op ops[5];
    for (size_t i = 0; i < 5; i++) {
        ops[i] = op_of(&r, PART_PUT, (const char *[]){"a", "b", "c", "d", "e"}[i], 1);
    }
    write_all(&r, ops, 5);
    put(&r, "f", 1);
    struct feed_page whole = all(&r);
    assert_int_equal(whole.n, 6);
    assert_true(whole.records[0].seq.pos.v == whole.records[4].seq.pos.v);
    for (size_t limit = 1; limit < 7; limit++) {
        struct feed_seq at = {r.stream.first, 0};
        size_t seen = 0;
        for (;;) {
            struct feed_page p = page_from(&r, at, limit);
            for (size_t i = 0; i < p.n; i++) {
                const struct feed_record *want = &whole.records[seen++];
                assert_true(value_eq(&p.records[i].keys, &want->keys));
                assert_true(p.records[i].id.lo == want->id.lo && p.records[i].id.hi == want->id.hi);
            }
            if (p.next.pos.v == at.pos.v && p.next.index == at.index) {
                break;
            }
            at = p.next;
        }
        assert_int_equal(seen, 6);
    }
    done(&r);
}

/* A page gives up after so much log, and its place lets the next one go on until all is seen. */
static void test_scan_bound(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, CORE_STREAM_KEYS_ONLY);
    for (int i = 0; i < 10; i++) {
        put(&r, "a", 1); /* the first is news, the others are not */
    }
    put(&r, "b", 1);
    look(&r);
    struct feed_seq at = {r.stream.first, 0};
    size_t seen = 0;
    size_t pages = 0;
    while (at.pos.v <= r.view.tail.v) {
        struct feed_page p = {.from = at, .last = r.stream.last, .limit = 10, .scan_bytes = 1};
        assert_int_equal(feed_read(&r.view, &r.stream, &p, &r.mem), OK);
        assert_true(p.next.pos.v > at.pos.v);
        at = p.next;
        seen += p.n;
        pages++;
    }
    assert_int_equal(seen, 2);
    assert_true(pages >= 11);
    done(&r);
}

/* Shards follow each other in age, each the parent of the next, and together hold every record
 * once; the closed ones end, the last does not. What retention has forgotten is said to be so. */
static void test_shards(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, CORE_STREAM_KEYS_ONLY);
    const char *const keys[] = {"a", "b", "c"};
    for (size_t i = 0; i < 3; i++) {
        put(&r, keys[i], 1);
        pass(&r, 1000);
    }
    look(&r);
    const struct feed_shard *shards;
    size_t n;
    assert_int_equal(feed_shards(&r.view, &r.stream, &r.mem, &shards, &n), OK);
    assert_int_equal(n, 4);
    for (size_t i = 0; i < n; i++) {
        struct feed_page p = {
            .from = {shards[i].first, 0},
            .last = shards[i].last,
            .limit = 10,
            .scan_bytes = FEED_SCAN_BYTES_MAX,
        };
        assert_int_equal(feed_read(&r.view, &r.stream, &p, &r.mem), OK);
        assert_int_equal(p.n, i < 3 ? 1 : 0);
        assert_int_equal(p.ended, i < 3);
        assert_true(shards[i].parent.v == (i == 0 ? 0 : shards[i - 1].first.v));
        assert_true(i == 0 || shards[i].first.v == shards[i - 1].last.v + 1);
    }
    assert_true(shards[3].last.v == UINT64_MAX);
    struct local_pos first = shards[0].first;
    pass(&r, 8000);
    look(&r);
    assert_int_equal(feed_shards(&r.view, &r.stream, &r.mem, &shards, &n), OK);
    assert_int_equal(n, 3);
    assert_true(shards[0].parent.v == first.v);
    struct feed_page p = {.from = {first, 0}, .last = r.stream.last, .limit = 1, .scan_bytes = 1};
    assert_int_equal(feed_read(&r.view, &r.stream, &p, &r.mem), ERR_FENCED);
    done(&r);
}

static enum err trim(struct rig *r, struct local_pos upto)
{
    struct part_cmd cmd = {.kind = PART_CMD_TRIM, .trim = {.upto = upto}};
    return run(r, &cmd);
}

/* A log trimmed under a stream, by its quota, is said so too; and shards that lay wholly there are
 * no longer listed. */
static void test_trimmed(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, CORE_STREAM_KEYS_ONLY);
    put(&r, "a", 1);
    pass(&r, 1000);
    put(&r, "b", 1);
    put(&r, "c", 1);
    struct local_pos tail = part_tail(core_part(r.core));
    assert_int_equal(trim(&r, (struct local_pos){tail.v - 1}), OK);
    look(&r);
    const struct feed_shard *shards;
    size_t n;
    assert_int_equal(feed_shards(&r.view, &r.stream, &r.mem, &shards, &n), OK);
    assert_int_equal(n, 1);
    struct feed_page p = {
        .from = {shards[0].first, 0}, .last = shards[0].last, .limit = 9, .scan_bytes = 1};
    assert_int_equal(feed_read(&r.view, &r.stream, &p, &r.mem), ERR_FENCED);
    p.from.pos = tail;
    assert_int_equal(feed_read(&r.view, &r.stream, &p, &r.mem), OK);
    assert_int_equal(p.n, 1);
    assert_int_equal(trim(&r, tail), OK);
    look(&r);
    assert_true(r.view.oldest.v == tail.v + 1);
    assert_int_equal(feed_read(&r.view, &r.stream, &p, &r.mem), ERR_FENCED);
    p.from.pos.v = tail.v + 1;
    assert_int_equal(feed_read(&r.view, &r.stream, &p, &r.mem), OK);
    done(&r);
}

/* The expiry of an item is told from a delete where this region found it, and not where it was
 * received. */
static void test_by_ttl(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r, CORE_STREAM_KEYS_ONLY);
    put(&r, "a", 1);
    put(&r, "b", 1);
    struct part_op op = op_of(&r, PART_DELETE, "a", 0);
    op.flags = CHANGE_BY_TTL;
    write_all(&r, &op, 1);
    op = op_of(&r, PART_DELETE, "b", 0);
    struct change c = {
        .kind = CHANGE_DELETE, .flags = CHANGE_BY_TTL, .table = op.table, .key = op.key};
    struct change_txn t = {
        .origin = {8},
        .origin_pos = {1},
        .hlc = {(r.now_ms + 1) << 16},
        .changes = &c,
        .n_changes = 1};
    struct buf stored;
    struct buf txns;
    struct bytes wire;
    buf_init(&stored, 4096);
    buf_init(&txns, 4096);
    change_txn_encode(&stored, &t);
    assert_int_equal(change_txn_wire(buf_bytes(&stored), &wire), OK);
    put_lenbytes(&txns, wire);
    struct part_cmd cmd = {
        .kind = PART_CMD_APPLY,
        .apply = {.origin = {8}, .to = {1}, .hlc_to = t.hlc, .txns = buf_bytes(&txns)},
    };
    assert_int_equal(run(&r, &cmd), OK);
    struct feed_page p = all(&r);
    assert_int_equal(p.n, 4);
    assert_int_equal(p.records[2].event, FEED_REMOVE);
    assert_true(p.records[2].by_ttl);
    assert_int_equal(p.records[3].event, FEED_REMOVE);
    assert_false(p.records[3].by_ttl);
    buf_done(&stored);
    buf_done(&txns);
    done(&r);
}

static void check_text(const struct buf *b, const char *want)
{
    assert_int_equal(b->err, OK);
    assert_int_equal(b->len, strlen(want));
    assert_memory_equal(b->base, want, b->len);
}

/* Labels, sequence numbers and shard ids are written as they are written down here; the first two
 * come back, and near misses do not. */
static void test_names(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 4096);
    uint64_t ms;
    struct feed_seq seq;
    static const uint64_t times[] = {0, 951782399999, 1700000000123, 4102444800000};
    for (size_t i = 0; i < 4; i++) {
        buf_clear(&b);
        feed_label_put(&b, times[i]);
        assert_int_equal(feed_label_parse(buf_bytes(&b), &ms), OK);
        assert_true(ms == times[i]);
    }
    buf_clear(&b);
    feed_label_put(&b, 1700000000123);
    check_text(&b, "2023-11-14T22:13:20.123");
    static const char *const labels[] = {
        "",
        "2023-11-14T22:13:20",
        "2023-02-29T00:00:00.000",
        "2023-11-14 22:13:20.123",
        "2023-11-14T24:00:00.000",
        "1969-01-01T00:00:00.000",
        "2023-00-14T22:13:20.123",
        "2023-11-14T22:13:20.1234",
        "+023-11-14T22:13:20.123"};
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        assert_int_equal(feed_label_parse(bytes_str(labels[i]), &ms), ERR_SYNTAX);
    }
    buf_clear(&b);
    feed_seq_put(&b, (struct feed_seq){{12345}, 67}, 8901);
    check_text(&b, "1000000000000000123450678901");
    assert_int_equal(feed_seq_parse(buf_bytes(&b), 8901, &seq), OK);
    assert_int_equal(feed_seq_parse(buf_bytes(&b), 8900, &seq), ERR_AUTH);
    assert_true(seq.pos.v == 12345 && seq.index == 67);
    static const char *const seqs[] = {
        "",
        "0000000000000000123450678901",
        "100000000000000012345067890",
        "100000000000000012345067890x",
        "10000000000000001234506789012",
        "1999999999999999999990008901"};
    for (size_t i = 0; i < sizeof seqs / sizeof seqs[0]; i++) {
        assert_int_equal(feed_seq_parse(bytes_str(seqs[i]), 8901, &seq), ERR_SYNTAX);
    }
    const struct core_stream s = {.table = BYTES_LIT("flights"), .created_ms = 1700000000123};
    buf_clear(&b);
    feed_shard_id_put(&b, &s, (struct local_pos){42});
    check_text(&b, "shardId-00000000000000000042-9c00e7a4");
    assert_int_equal(b.len, FEED_SHARD_ID_LEN);
    buf_done(&b);
}

/* An iterator comes back as it was made, in the text written down here; for another stream, under
 * another secret, or with any character changed it is refused. */
static void test_iterator(void **state)
{
    (void)state;
    const struct core_feed feed = {.secret = "0123456789abcde"};
    const struct core_stream s = {.table = BYTES_LIT("flights"), .created_ms = 1700000000123};
    const struct feed_iterator it = {{42}, {{43}, 7}, 1700000000456};
    struct feed_iterator got;
    struct buf b;
    buf_init(&b, 4096);
    feed_iterator_put(&b, &feed, &s, &it);
    check_text(&b, "ASoAAAAAAAAAKwAAAAAAAAAHAMhp5c+LAQAAUxwMtX8F5/r2I6POxjTXtw==");
    assert_int_equal(feed_iterator_parse(buf_bytes(&b), &feed, &s, &got), OK);
    assert_true(got.shard.v == 42 && got.at.pos.v == 43 && got.at.index == 7);
    assert_true(got.issued_ms == it.issued_ms);
    struct core_feed feed2 = feed;
    feed2.secret[3] ^= 1;
    assert_int_equal(feed_iterator_parse(buf_bytes(&b), &feed2, &s, &got), ERR_AUTH);
    struct core_stream s2 = s;
    s2.created_ms++;
    assert_int_equal(feed_iterator_parse(buf_bytes(&b), &feed, &s2, &got), ERR_AUTH);
    s2 = s;
    s2.table = BYTES_LIT("flight");
    assert_int_equal(feed_iterator_parse(buf_bytes(&b), &feed, &s2, &got), ERR_AUTH);
    for (size_t i = 0; i < b.len; i++) {
        b.base[i] ^= 1;
        assert_true(feed_iterator_parse(buf_bytes(&b), &feed, &s, &got) != OK);
        b.base[i] ^= 1;
        assert_true(feed_iterator_parse(bytes_of(b.base, i), &feed, &s, &got) != OK);
    }
    buf_done(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_views),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_scan_bound),
        cmocka_unit_test(test_shards),
        cmocka_unit_test(test_trimmed),
        cmocka_unit_test(test_by_ttl),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_iterator),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

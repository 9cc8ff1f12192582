/* Time to live, by hand: rows, deleting, and what two regions make of one expiry. */
#include "part/layout.h"
#include "part/test_util.h"

/* The ids lie apart: the end of a version has the region id after it. */
enum { ID_A = 0x1000, ID_B = 0x2000, ID_C = 0x3000, OTHERS_MS = 5000 };

static void set_ttl(struct region *r, const char *attr)
{
    const struct part_table t = {
        .id = TABLE,
        .name = BYTES_LIT("things"),
        .keys = {{BYTES_LIT("pk"), VALUE_STRING}, {BYTES_LIT("sk"), VALUE_NUMBER}},
        .keep_old_images = true,
        .replicated = true,
        .ttl = attr == NULL ? BYTES_NONE : bytes_str(attr),
    };
    part_set_table(r->part, &t);
}

/* A power cut, and the schema again as the rooms above would set it. */
static void crash(struct region *r, const char *attr)
{
    part_abandon(r->part);
    engine_mem_crash(r->engine);
    region_open(r);
    set_ttl(r, attr);
}

static void fill(struct region *r, size_t items_max)
{
    struct part_cmd cmd = {
        .kind = PART_CMD_BACKFILL,
        .backfill = {.table = TABLE, .index = PART_INDEX_EXPIRY, .items_max = items_max},
    };
    for (unsigned i = 0; i < 1000 && !cmd.backfill.done; i++) {
        assert_int_equal(commit_one(r, &cmd), OK);
    }
    assert_true(cmd.backfill.done);
    assert_true(part_expiry_settled(r->part, TABLE));
}

/* Without region_start(), whose table has indexes. */
static void start_off(struct region *r, uint64_t id)
{
    *r = (struct region){.now_ms = NOW_MS};
    arena_init(&r->arena, SIZE_MAX / 2);
    r->engine = engine_mem_new();
    r->config = (struct part_config){
        .region = {id},
        .drift_ms_max = 500,
        .batch_bytes_max = 1 << 20,
        .conflicts_max = 1000,
    };
    region_open(r);
    set_ttl(r, NULL);
}

static void start(struct region *r, uint64_t id)
{
    start_off(r, id);
    set_ttl(r, "until");
    fill(r, 10);
}

static const struct value *thing(struct region *r, int64_t sk, int64_t until)
{
    return item_of(&r->arena, "pk", str("p"), "sk", num(sk), "until", num(until));
}

static const struct value *thing_key(struct region *r, int64_t sk)
{
    return item_of(&r->arena, "pk", str("p"), "sk", num(sk), NULL, num(0));
}

static bool has(struct region *r, int64_t sk)
{
    struct value v;
    enum err e = get_item(r, TABLE, thing_key(r, sk), &v);
    assert_true(e == OK || e == ERR_NOT_FOUND);
    return e == OK;
}

/* One sweep to its end, in pieces of so many rows; how many items went. */
static size_t expire_in(struct region *r, size_t items_max)
{
    struct part_cmd cmd = {
        .kind = PART_CMD_EXPIRE,
        .expire = {.table = TABLE, .others_ms = OTHERS_MS, .items_max = items_max},
    };
    size_t n = 0;
    for (unsigned i = 0; i < 1000 && !cmd.expire.done; i++) {
        cmd.expire.after = cmd.expire.next;
        assert_int_equal(commit_one(r, &cmd), OK);
        n += cmd.expire.n_deleted;
    }
    assert_true(cmd.expire.done);
    assert_int_equal(part_check(r->part), OK);
    return n;
}

static size_t expire(struct region *r)
{
    return expire_in(r, 100);
}

/* An item goes when its second has come, not before, and reads like any other until then; what was
 * put off, made eternal or deleted meanwhile is left alone. The counters say what went. */
static void test_due(void **state)
{
    (void)state;
    struct region r;
    start(&r, ID_A);
    for (int64_t i = 0; i < 6; i++) {
        assert_int_equal(put_item(&r, TABLE, thing(&r, i, NOW + 10)), OK);
    }
    assert_true(part_expiry_due_ms(r.part, TABLE) == NOW_MS + 10000);
    assert_int_equal(put_item(&r, TABLE, thing(&r, 1, NOW + 60)), OK);
    assert_int_equal(put_item(&r, TABLE, thing_key(&r, 2)), OK);
    assert_int_equal(delete_item(&r, TABLE, thing_key(&r, 3)), OK);
    r.now_ms = NOW_MS + 9999;
    assert_int_equal(expire(&r), 0);
    assert_true(has(&r, 0));
    r.now_ms = NOW_MS + 10000;
    assert_int_equal(expire(&r), 3);
    assert_false(has(&r, 0));
    assert_true(has(&r, 1));
    assert_true(has(&r, 2));
    assert_int_equal(part_expired_count(r.part, TABLE), 3);
    assert_true(part_expiry_due_ms(r.part, TABLE) == NOW_MS + 60000);
    assert_int_equal(part_table_counts(r.part, TABLE).items, 2);
    assert_int_equal(expire(&r), 0);
    crash(&r, "until");
    assert_true(part_expiry_settled(r.part, TABLE));
    r.now_ms = NOW_MS + 60000;
    assert_int_equal(expire(&r), 1);
    assert_true(part_expiry_due_ms(r.part, TABLE) == UINT64_MAX);
    region_stop(&r);
}

static void put_until(struct region *r, int64_t sk, struct value until)
{
    const struct value *item = item_of(&r->arena, "pk", str("p"), "sk", num(sk), "until", until);
    assert_int_equal(put_item(r, TABLE, item), OK);
}

static struct value number(const char *text)
{
    struct value v = {.type = VALUE_NUMBER};
    bool underflow;
    assert_int_equal(decimal_parse(bytes_str(text), &v.number, &underflow), OK);
    return v;
}

/* 31: times that are none, lie too far back or further ahead than any calendar neither delete nor
 * wrap round to something that would; a fraction of a second is cut off. */
static void test_31_absurd_times(void **state)
{
    (void)state;
    struct region r;
    start(&r, ID_A);
    const struct value never[] = {
        number("0"),
        number("-1"),
        number("-1700000000"),
        number("0.5"),
        number("1700000000000"),
        number("253402300800"),
        number("18446744073709551616"),
        number("18446744075409551616"),
        number("9223372036854775808"),
        number("99999999999999999999999999999999999999"),
        number("1e125"),
        number("1e-130"),
        number("162777600"),
        number("1542100000"),
        str("1699999999"),
        {.type = VALUE_NULL},
        {.type = VALUE_BOOL, .boolean = true},
        {.type = VALUE_LIST},
    };
    int64_t n = (int64_t)(sizeof never / sizeof never[0]);
    for (int64_t i = 0; i < n; i++) {
        put_until(&r, i, never[i]);
    }
    put_until(&r, n, number("1699999999.75"));
    put_until(&r, n + 1, number("1542500000"));
    put_until(&r, n + 2, number("1.699999999e9"));
    put_until(&r, n + 3, number("2147483648"));
    put_until(&r, n + 4, number("4294967296"));
    put_until(&r, n + 5, number("253402300799"));
    assert_int_equal(expire(&r), 3);
    for (int64_t i = 0; i < n; i++) {
        assert_true(has(&r, i));
    }
    r.now_ms = UINT64_C(2147483648000);
    assert_int_equal(expire(&r), 1);
    r.now_ms = UINT64_C(4294967296000);
    assert_int_equal(expire(&r), 1);
    r.now_ms = UINT64_C(253402300799000);
    assert_int_equal(expire(&r), 1);
    for (int64_t i = 0; i < n; i++) {
        assert_int_equal(has(&r, i), true);
    }
    region_stop(&r);
}

/* Much that expires at once goes in bounded pieces and transactions, and all of it goes. */
static void test_pieces(void **state)
{
    (void)state;
    struct region r;
    start(&r, ID_A);
    for (int64_t i = 0; i < 350; i++) {
        assert_int_equal(put_item(&r, TABLE, thing(&r, i, NOW - i % 7)), OK);
    }
    uint64_t before = part_tail(r.part).v;
    assert_int_equal(expire_in(&r, 120), 350);
    assert_true(part_tail(r.part).v - before >= 6);
    assert_int_equal(part_table_counts(r.part, TABLE).items, 0);
    region_stop(&r);
}

/* Switched on over data, the rows are filled in piece by piece while writes go on and a crash comes
 * between; switched to another attribute they are made anew; switched off they go. */
static void test_backfill(void **state)
{
    (void)state;
    struct region r;
    start_off(&r, ID_A);
    for (int64_t i = 0; i < 40; i++) {
        assert_int_equal(put_item(&r, TABLE, thing(&r, i, NOW - 1)), OK);
    }
    assert_int_equal(expire(&r), 0);
    set_ttl(&r, "until");
    assert_false(part_expiry_settled(r.part, TABLE));
    struct part_cmd some = {
        .kind = PART_CMD_BACKFILL,
        .backfill = {.table = TABLE, .index = PART_INDEX_EXPIRY, .items_max = 15},
    };
    assert_int_equal(commit_one(&r, &some), OK);
    assert_int_equal(commit_one(&r, &some), OK);
    assert_false(some.backfill.done);
    for (int64_t i = 0; i < 40; i += 4) {
        assert_int_equal(put_item(&r, TABLE, thing(&r, i, NOW + 100)), OK);
    }
    crash(&r, "until");
    assert_false(part_expiry_settled(r.part, TABLE));
    fill(&r, 7);
    assert_int_equal(part_check(r.part), OK);
    assert_int_equal(expire(&r), 30);
    set_ttl(&r, "sk");
    assert_false(part_expiry_settled(r.part, TABLE));
    r.now_ms = NOW_MS + 200000;
    assert_int_equal(expire(&r), 0);
    fill(&r, 7);
    assert_int_equal(part_check(r.part), OK);
    set_ttl(&r, NULL);
    fill(&r, 7);
    assert_int_equal(expire(&r), 0);
    assert_int_equal(part_table_counts(r.part, TABLE).items, 10);
    region_stop(&r);
}

/* Switched off and, before the rows of then were cleared away, on again: what was written in
 * between expires like the rest, also when the power goes before the rows are there. */
static void test_off_and_on(void **state)
{
    (void)state;
    struct region r;
    start(&r, ID_A);
    assert_int_equal(put_item(&r, TABLE, thing(&r, 1, NOW - 1)), OK);
    set_ttl(&r, NULL);
    assert_int_equal(put_item(&r, TABLE, thing(&r, 2, NOW - 1)), OK);
    set_ttl(&r, "until");
    assert_false(part_expiry_settled(r.part, TABLE));
    assert_int_equal(put_item(&r, TABLE, thing(&r, 3, NOW - 1)), OK);
    crash(&r, "until");
    assert_false(part_expiry_settled(r.part, TABLE));
    fill(&r, 10);
    assert_int_equal(expire(&r), 3);
    region_stop(&r);
}

struct tally {
    size_t puts;
    size_t removals; /* of items that stood there */
    size_t by_ttl;
};

/* What the region's log says happened to the table, effects only. */
static struct tally tally(struct region *r)
{
    const struct part_reader reader = {.engine = r->engine};
    struct part_log_cursor *c = part_log_open(&reader, (struct local_pos){0});
    struct tally n = {0};
    struct local_pos pos;
    struct bytes stored;
    while (part_log_next(c, &pos, &stored) == OK) {
        struct change_txn t;
        assert_int_equal(change_txn_decode(&r->arena, stored, false, &t), OK);
        for (size_t i = 0; i < t.n_changes; i++) {
            const struct change *k = &t.changes[i];
            if (k->table != TABLE || !part_change_took_effect(&t, k)) {
                continue;
            }
            n.puts += k->kind == CHANGE_PUT ? 1U : 0U;
            n.removals += k->kind == CHANGE_DELETE && k->old_live ? 1U : 0U;
            n.by_ttl += k->old_live && (k->flags & CHANGE_BY_TTL) != 0 ? 1U : 0U;
        }
    }
    part_log_close(c);
    return n;
}

static size_t count_conflicts(struct region *r)
{
    return (size_t)part_table_counts(r->part, PART_TABLE_CONFLICTS).items;
}

static void exchange(struct region *a, struct region *b)
{
    carry(b, a, a->config.region);
    carry(a, b, b->config.region);
}

struct listener {
    struct tracer tracer;
    unsigned n;
};

static void hear(struct tracer *t, const struct trace_event *ev)
{
    struct listener *l = (struct listener *)t;
    l->n += ev->level == TRACE_ERROR ? 1U : 0U;
}

/* A row that is no row, and an item that does not read, keep nobody else's items from expiring. The
 * sweep says so, and comes to an end. */
static void test_unread_rows(void **state)
{
    (void)state;
    struct region r;
    struct listener l = {.tracer = {.emit = hear}};
    start(&r, ID_A);
    r.config.tracer = &l.tracer;
    part_close(r.part);
    region_open(&r);
    set_ttl(&r, "until");
    for (int64_t i = 0; i < 4; i++) {
        assert_int_equal(put_item(&r, TABLE, thing(&r, i, NOW + 1 + i)), OK);
    }
    struct bytes key = key_in(&r.arena, part_find_table(r.part, TABLE), thing_key(&r, 1));
    struct buf row;
    buf_init(&row, 4096);
    layout_expiry_key(&row, TABLE, NOW, BYTES_LIT("?"));
    put_raw(&r, buf_bytes(&row));
    buf_clear(&row);
    layout_expiry_second(&row, TABLE, NOW);
    put_raw(&r, buf_bytes(&row));
    buf_clear(&row);
    assert_true(layout_data_key(&row, TABLE, key));
    put_raw(&r, buf_bytes(&row));
    buf_done(&row);
    part_close(r.part); /* it would go by what it wrote */
    region_open(&r);
    set_ttl(&r, "until");
    r.now_ms = NOW_MS + 10000;
    struct part_cmd cmd = {
        .kind = PART_CMD_EXPIRE,
        .expire = {.table = TABLE, .others_ms = OTHERS_MS, .items_max = 100},
    };
    assert_int_equal(commit_one(&r, &cmd), OK);
    assert_true(cmd.expire.done);
    assert_int_equal(cmd.expire.n_deleted, 3);
    assert_int_equal(l.n, 1);
    assert_true(part_expiry_due_ms(r.part, TABLE) == UINT64_MAX);
    region_stop(&r);
}

/* Items that do not read keep the rows of those behind them from nothing: their own are left out,
 * which is told, and the backfill comes to an end. */
static void test_unread_backfill(void **state)
{
    (void)state;
    struct region r;
    struct listener l = {.tracer = {.emit = hear}};
    start_off(&r, ID_A);
    r.config.tracer = &l.tracer;
    part_close(r.part);
    region_open(&r);
    set_ttl(&r, NULL);
    struct engine_batch *b = engine_batch_new(r.engine);
    struct buf row;
    buf_init(&row, 4096);
    for (int64_t i = 0; i < 6; i++) {
        assert_int_equal(put_item(&r, TABLE, thing(&r, i, NOW - 1)), OK);
        struct bytes key = key_in(&r.arena, part_find_table(r.part, TABLE), thing_key(&r, i));
        buf_clear(&row);
        assert_true(layout_data_key(&row, TABLE, key));
        if (i == 2) {
            engine_batch_put(b, buf_bytes(&row), BYTES_LIT("?"));
        } else if (i == 4) { /* a header as it should be, and then no item */
            struct buf record;
            buf_init(&record, 4096);
            layout_record_put(
                &record,
                &(struct record){
                    .present = true,
                    .live = true,
                    .version = {hlc_of_ms(NOW_MS), {ID_A}},
                    .item = BYTES_LIT("?"),
                });
            engine_batch_put(b, buf_bytes(&row), buf_bytes(&record));
            buf_done(&record);
        }
    }
    assert_int_equal(engine_write(r.engine, b, true), OK);
    engine_batch_free(b);
    buf_done(&row);
    set_ttl(&r, "until");
    fill(&r, 100);
    assert_int_equal(l.n, 1);
    struct part_cmd cmd = {
        .kind = PART_CMD_EXPIRE,
        .expire = {.table = TABLE, .others_ms = OTHERS_MS, .items_max = 100},
    };
    assert_int_equal(commit_one(&r, &cmd), OK);
    assert_int_equal(cmd.expire.n_deleted, 4);
    region_stop(&r);
}

/* The end of a version that a region takes from another's snapshot stays known as such: it is no
 * region's write, so whoever seeds from here gets it whosever writes they ask for, and it is kept
 * like what is told now. */
static void test_seeded_end(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    start(&a, ID_A);
    start(&b, ID_B);
    assert_int_equal(put_item(&a, TABLE, thing(&a, 1, NOW + 1)), OK);
    a.now_ms = b.now_ms = NOW_MS + 2000;
    assert_int_equal(expire(&a), 1);
    const struct part_reader from = {.engine = a.engine};
    struct part_raw_cursor *c = part_raw_open(&from, TABLE, 0, UINT32_MAX, BYTES_NONE);
    struct part_raw raw;
    assert_int_equal(part_raw_next(c, &raw), OK);
    assert_true(raw.expired);
    struct part_cmd seed = {
        .kind = PART_CMD_SEED,
        .seed = {.table = TABLE, .records = &raw, .n = 1},
    };
    assert_int_equal(commit_one(&b, &seed), OK);
    assert_int_equal(seed.seed.n_applied, 1);
    part_raw_close(c);
    const struct part_reader at = {.engine = b.engine};
    c = part_raw_open(&at, TABLE, 0, UINT32_MAX, BYTES_NONE);
    assert_int_equal(part_raw_next(c, &raw), OK);
    assert_false(raw.live);
    assert_true(raw.expired);
    part_raw_close(c);
    assert_int_equal(part_check(b.part), OK);
    region_stop(&a);
    region_stop(&b);
}

/* The conflict log shows an expiry that ended what its region did not know of under the version it
 * has, which is not its transaction's. */
static void test_conflict_shows_version(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    start(&a, ID_A);
    start(&b, ID_B);
    assert_int_equal(put_item(&b, TABLE, thing(&b, 1, NOW + 900)), OK);
    a.now_ms = NOW_MS + 10;
    assert_int_equal(put_item(&a, TABLE, thing(&a, 1, NOW + 1)), OK);
    a.now_ms = b.now_ms = NOW_MS + 5000;
    assert_int_equal(expire(&a), 1);
    /* Of a's log only the expiry comes. */
    uint64_t to = mark_of(&a, a.config.region);
    struct part_cmd cmd = cut_stretch(&a, a.config.region, to - 1, to, &b.arena);
    cmd.apply.partial = true;
    assert_int_equal(commit_one(&b, &cmd), OK);
    assert_int_equal(cmd.apply.n_conflicts, 1);
    const struct part_reader reader = {.engine = b.engine};
    const struct part_table *t = part_find_table(b.part, PART_TABLE_CONFLICTS);
    const struct part_range all = {.hash_hi = UINT32_MAX};
    struct part_cursor *c;
    struct value entry;
    size_t bytes;
    assert_int_equal(part_cursor_open(&reader, t, &all, &c), OK);
    assert_int_equal(part_cursor_next(c, &b.arena, &entry, &bytes), OK);
    part_cursor_close(c);
    const struct value *winner = value_find(&entry, BYTES_LIT("winner"));
    assert_non_null(winner);
    struct bytes region = bytes_fmt(&b.arena, "%016llx", (unsigned long long)ID_A + 1);
    assert_true(bytes_eq(value_find(winner, BYTES_LIT("region"))->bytes, region));
    region_stop(&a);
    region_stop(&b);
}

/* 32: an extension that one region acknowledged wins over the expiry that another, its clock five
 * seconds ahead, decided without knowing of it; whichever is heard of first, and also when the
 * extension carries the lower stamp of the two. Nobody is told of a conflict. */
static void test_32_extension_wins(void **state)
{
    (void)state;
    for (int order = 0; order < 2; order++) {
        struct region a;
        struct region b;
        start(&a, ID_A);
        start(&b, ID_B);
        assert_int_equal(put_item(&a, TABLE, thing(&a, 1, NOW + 3)), OK);
        exchange(&a, &b);
        b.now_ms = NOW_MS + 100;
        assert_int_equal(put_item(&b, TABLE, thing(&b, 1, NOW + 1000)), OK);
        a.now_ms = NOW_MS + 5000;
        assert_int_equal(expire(&a), 1);
        b.now_ms = NOW_MS + 5000;
        if (order == 0) {
            carry(&b, &a, a.config.region);
            carry(&a, &b, b.config.region);
        } else {
            carry(&a, &b, b.config.region);
            carry(&b, &a, a.config.region);
        }
        assert_true(has(&a, 1));
        assert_true(has(&b, 1));
        check_same_digests(&a, &b, TABLE);
        assert_int_equal(count_conflicts(&a), 0);
        assert_int_equal(count_conflicts(&b), 0);
        assert_int_equal(tally(&a).by_ttl, 1);
        assert_int_equal(tally(&b).by_ttl, 0);
        assert_int_equal(part_check(a.part), OK);
        assert_int_equal(part_check(b.part), OK);
        region_stop(&a);
        region_stop(&b);
    }
}

/* 32, 30: a write of the very stamp the expired version has, but of a greater region id, beats the
 * expired version and so its expiry too. */
static void test_32_equal_stamps(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    start(&a, ID_A);
    start(&b, ID_B);
    assert_int_equal(put_item(&a, TABLE, thing(&a, 1, NOW + 1)), OK);
    assert_int_equal(put_item(&b, TABLE, thing(&b, 1, NOW + 1000)), OK);
    a.now_ms = NOW_MS + 2000;
    b.now_ms = NOW_MS + 2000;
    assert_int_equal(expire(&a), 1);
    carry(&b, &a, a.config.region);
    carry(&a, &b, b.config.region);
    assert_true(has(&a, 1));
    assert_true(has(&b, 1));
    check_same_digests(&a, &b, TABLE);
    region_stop(&a);
    region_stop(&b);
}

/* 32: two regions that both delete an expired item leave the same, and each one's log has the event
 * once, whoever was first. */
static void test_32_both_sweep(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    start(&a, ID_A);
    start(&b, ID_B);
    assert_int_equal(put_item(&a, TABLE, thing(&a, 1, NOW + 1)), OK);
    exchange(&a, &b);
    a.now_ms = NOW_MS + 3000;
    b.now_ms = NOW_MS + 3000;
    assert_int_equal(expire(&b), 0); /* it leaves the item to its writer for a while, */
    assert_true(part_expiry_due_ms(b.part, TABLE) <= b.now_ms);
    b.now_ms = NOW_MS + 1000 + OTHERS_MS;
    assert_int_equal(expire(&b), 1); /* but not for ever */
    assert_int_equal(expire(&a), 1);
    a.now_ms = b.now_ms;
    exchange(&a, &b);
    assert_false(has(&a, 1));
    assert_false(has(&b, 1));
    assert_int_equal(tally(&a).by_ttl, 1);
    assert_int_equal(tally(&b).by_ttl, 1);
    assert_int_equal(tally(&a).removals, 1);
    assert_int_equal(tally(&b).removals, 1);
    assert_int_equal(count_conflicts(&a), 0);
    assert_int_equal(count_conflicts(&b), 0);
    assert_int_equal(part_check(a.part), OK);
    assert_int_equal(part_check(b.part), OK);
    region_stop(&a);
    region_stop(&b);
}

/* 35: an expiry that arrives before the item it ends keeps that item out, also where tombstones as
 * old as it have been forgotten, and also of an older item it finds. */
static void test_35_before_its_item(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    struct region c;
    start(&a, ID_A);
    start(&b, ID_B);
    start(&c, ID_C);
    assert_int_equal(put_item(&b, TABLE, thing(&b, 2, NOW + 900)), OK);
    carry(&c, &b, b.config.region);
    a.now_ms = NOW_MS + 10;
    assert_int_equal(put_item(&a, TABLE, thing(&a, 1, NOW + 1)), OK);
    assert_int_equal(put_item(&a, TABLE, thing(&a, 2, NOW + 1)), OK);
    carry(&b, &a, a.config.region);
    b.now_ms = NOW_MS + 20000;
    c.now_ms = NOW_MS + 20000;
    assert_int_equal(expire(&b), 2);
    struct part_cmd forget = {
        .kind = PART_CMD_SWEEP,
        .sweep = {.below = hlc_of_ms(NOW_MS + 15000), .tombstones_max = 100},
    };
    assert_int_equal(commit_one(&c, &forget), OK);
    carry(&c, &b, b.config.region);
    assert_false(has(&c, 2));
    assert_int_equal(commit_one(&c, &forget), OK); /* the tombstones are not as old as they look */
    carry(&c, &a, a.config.region);
    assert_false(has(&c, 1));
    assert_false(has(&c, 2));
    a.now_ms = b.now_ms;
    carry(&a, &b, b.config.region);
    check_same_digests(&a, &c, TABLE);
    check_same_digests(&b, &c, TABLE);
    assert_int_equal(tally(&c).by_ttl, 1);
    assert_int_equal(part_check(c.part), OK);
    forget.sweep.below = hlc_of_ms(NOW_MS + 30000);
    assert_int_equal(commit_one(&c, &forget), OK);
    assert_int_equal(part_check(c.part), OK);
    crash(&c, "until");
    assert_int_equal(part_check(c.part), OK);
    region_stop(&a);
    region_stop(&b);
    region_stop(&c);
}

/* What is written after an expiry was heard of stands, is a new item, and goes in its own time. */
static void test_written_anew(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    start(&a, ID_A);
    start(&b, ID_B);
    assert_int_equal(put_item(&a, TABLE, thing(&a, 1, NOW + 1)), OK);
    a.now_ms = NOW_MS + 2000;
    b.now_ms = NOW_MS + 2000;
    assert_int_equal(expire(&a), 1);
    exchange(&a, &b);
    assert_int_equal(put_item(&b, TABLE, thing(&b, 1, NOW + 10)), OK);
    exchange(&a, &b);
    assert_true(has(&a, 1));
    b.now_ms = NOW_MS + 11000;
    a.now_ms = b.now_ms;
    assert_int_equal(expire(&b), 1);
    exchange(&a, &b);
    assert_false(has(&a, 1));
    assert_int_equal(tally(&a).by_ttl, 2);
    check_same_digests(&a, &b, TABLE);
    assert_int_equal(part_check(a.part), OK);
    region_stop(&a);
    region_stop(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_due),
        cmocka_unit_test(test_31_absurd_times),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_backfill),
        cmocka_unit_test(test_off_and_on),
        cmocka_unit_test(test_unread_rows),
        cmocka_unit_test(test_unread_backfill),
        cmocka_unit_test(test_seeded_end),
        cmocka_unit_test(test_conflict_shows_version),
        cmocka_unit_test(test_32_extension_wins),
        cmocka_unit_test(test_32_equal_stamps),
        cmocka_unit_test(test_32_both_sweep),
        cmocka_unit_test(test_35_before_its_item),
        cmocka_unit_test(test_written_anew),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

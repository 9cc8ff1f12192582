#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "part/test_util.h"

#include <cmocka.h>

static const struct value *thing(struct region *r, const char *pk, const char *note)
{
    return item_of(&r->arena, "pk", str(pk), "sk", num(1), "note", str(note));
}

static const struct value *thing_key(struct region *r, const char *pk)
{
    return item_of(&r->arena, "pk", str(pk), "sk", num(1), NULL, num(0));
}

static void check_note(struct region *r, const char *pk, const char *note)
{
    struct value v;
    assert_int_equal(get_item(r, TABLE, thing_key(r, pk), &v), OK);
    assert_true(bytes_eq_str(value_find(&v, BYTES_LIT("note"))->bytes, note));
}

static void start_two(struct region *a, struct region *b)
{
    region_start(a, 1);
    region_start(b, 2);
}

static void stop_two(struct region *a, struct region *b)
{
    region_stop(a);
    region_stop(b);
}

/* A stretch that begins beyond what is known is a gap and changes nothing; one that is known
 * already changes nothing; one that overlaps applies its unknown rest, once. */
static void test_exactly_once(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    start_two(&a, &b);
    const char *const notes[] = {"1", "2", "3", "4"};
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(put_item(&a, TABLE, thing(&a, "x", notes[i])), OK);
    }
    struct region_id origin = a.config.region;
    struct part_cmd gap = cut_stretch(&a, origin, 2, 4, &b.arena);
    assert_int_equal(commit_one(&b, &gap), ERR_GAP);
    assert_int_equal(part_tail(b.part).v, 0);
    struct part_cmd first = cut_stretch(&a, origin, 0, 2, &b.arena);
    assert_int_equal(commit_one(&b, &first), OK);
    assert_int_equal(first.apply.n_applied, 2);
    check_note(&b, "x", "2");
    assert_int_equal(commit_one(&b, &first), OK);
    assert_int_equal(first.apply.n_applied, 0);
    assert_int_equal(part_tail(b.part).v, 2);
    struct part_cmd overlap = cut_stretch(&a, origin, 1, 4, &b.arena);
    assert_int_equal(commit_one(&b, &overlap), OK);
    assert_int_equal(overlap.apply.n_applied, 2);
    check_note(&b, "x", "4");
    assert_int_equal(part_tail(b.part).v, 4);
    region_crash(&b);
    assert_int_equal(mark_of(&b, origin), 4);
    check_same_digests(&a, &b, TABLE);
    assert_int_equal(part_check(b.part), OK);
    stop_two(&a, &b);
}

static size_t count_conflicts(struct region *r, struct value *ret_last)
{
    const struct part_reader reader = {.engine = r->engine};
    const struct part_range all = {.hash_hi = UINT32_MAX};
    struct part_cursor *c;
    const struct part_table *t = part_find_table(r->part, PART_TABLE_CONFLICTS);
    assert_int_equal(part_cursor_open(&reader, t, &all, &c), OK);
    size_t n = 0;
    size_t bytes;
    while (part_cursor_next(c, &r->arena, ret_last, &bytes) == OK) {
        n++;
    }
    part_cursor_close(c);
    return n;
}

static void check_side(
    const struct value *entry, const char *side, const char *region, const char *note)
{
    const struct value *s = value_find(entry, bytes_str(side));
    assert_non_null(s);
    assert_true(bytes_eq_str(value_find(s, BYTES_LIT("region"))->bytes, region));
    const struct value *item = value_find(s, BYTES_LIT("item"));
    if (note == NULL) {
        assert_null(item);
    } else {
        assert_true(bytes_eq_str(value_find(item, BYTES_LIT("note"))->bytes, note));
    }
}

/* Writes made in ignorance of each other leave one entry, the same loser and winner, in both
 * regions; sending the same stretch again adds none. */
static void test_conflict_both_sides(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    start_two(&a, &b);
    assert_int_equal(put_item(&a, TABLE, thing(&a, "x", "from a")), OK);
    b.now_ms += 10;
    assert_int_equal(put_item(&b, TABLE, thing(&b, "x", "from b")), OK);
    carry(&b, &a, a.config.region);
    carry(&a, &b, b.config.region);
    check_note(&a, "x", "from b");
    check_note(&b, "x", "from b");
    struct value in_a;
    struct value in_b;
    assert_int_equal(count_conflicts(&a, &in_a), 1);
    assert_int_equal(count_conflicts(&b, &in_b), 1);
    check_side(&in_a, "winner", "0000000000000002", "from b");
    check_side(&in_a, "loser", "0000000000000001", "from a");
    check_side(&in_b, "winner", "0000000000000002", "from b");
    check_side(&in_b, "loser", "0000000000000001", "from a");
    const struct value *at = value_find(&in_a, BYTES_LIT("at"));
    assert_true(value_eq(at, value_find(&in_b, BYTES_LIT("at"))));
    assert_true(bytes_has_prefix(at->bytes, BYTES_LIT("2023-11-14T22:13:20.000Z#")));
    struct part_cmd again = cut_stretch(&b, b.config.region, 0, 1, &a.arena);
    again.apply.partial = true; /* merges again, without the mark's protection */
    assert_int_equal(commit_one(&a, &again), OK);
    assert_int_equal(count_conflicts(&a, &in_a), 1);
    assert_int_equal(part_check(a.part), OK);
    assert_int_equal(part_check(b.part), OK);
    stop_two(&a, &b);
}

/* An overwrite by somebody who had seen the old version is no conflict, and neither is a relayed
 * repeat. */
static void test_no_conflict_when_seen(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    start_two(&a, &b);
    struct value last;
    assert_int_equal(put_item(&a, TABLE, thing(&a, "x", "1")), OK);
    carry(&b, &a, a.config.region);
    assert_int_equal(put_item(&b, TABLE, thing(&b, "x", "2")), OK);
    carry(&a, &b, b.config.region);
    assert_int_equal(delete_item(&a, TABLE, thing_key(&a, "x")), OK);
    carry(&b, &a, a.config.region);
    assert_int_equal(count_conflicts(&a, &last), 0);
    assert_int_equal(count_conflicts(&b, &last), 0);
    assert_int_equal(part_table_counts(b.part, TABLE).items, 0);
    stop_two(&a, &b);
}

/* A conflict with a write of the same, still uncommitted batch is found and told like any other. */
static void test_conflict_in_batch(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    start_two(&a, &b);
    assert_int_equal(put_item(&a, TABLE, thing(&a, "x", "from a")), OK);
    b.now_ms += 50;
    const char *const keys[] = {"y", "x"};
    struct part_op ops[2] = {0};
    struct part_cmd cmds[2];
    for (int i = 0; i < 2; i++) {
        const struct value *item = thing(&b, keys[i], "from b");
        ops[i] = (struct part_op){
            .kind = PART_PUT,
            .table = TABLE,
            .key = key_in(&b.arena, part_find_table(b.part, TABLE), item),
            .item = item,
        };
        cmds[i] = (struct part_cmd){
            .kind = PART_CMD_WRITE,
            .arena = &b.arena,
            .write = {.ops = &ops[i], .n = 1},
        };
        part_submit(b.part, &cmds[i]);
    }
    struct part_cmd apply = cut_stretch(&a, a.config.region, 0, 1, &b.arena);
    apply.arena = &b.arena;
    part_submit(b.part, &apply);
    assert_int_equal(part_commit(b.part, b.now_ms), OK);
    assert_int_equal(apply.err, OK);
    assert_int_equal(apply.apply.n_conflicts, 1);
    check_note(&b, "x", "from b");
    struct value entry;
    assert_int_equal(count_conflicts(&b, &entry), 1);
    check_side(&entry, "loser", "0000000000000001", "from a");
    stop_two(&a, &b);
}

/* Of a seeded item nobody knows what its writer had seen: an older version that arrives after it is
 * no conflict. */
static void test_no_conflict_after_seed(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    struct region c;
    start_two(&a, &b);
    region_start(&c, 3);
    assert_int_equal(put_item(&a, TABLE, thing(&a, "x", "1")), OK);
    carry(&c, &a, a.config.region);
    assert_int_equal(put_item(&c, TABLE, thing(&c, "x", "2")), OK);
    const struct part_reader reader = {.engine = c.engine};
    struct part_raw_cursor *raws = part_raw_open(&reader, TABLE, 0, UINT32_MAX, BYTES_NONE);
    struct part_raw raw;
    assert_int_equal(part_raw_next(raws, &raw), OK);
    struct part_cmd seed = {
        .kind = PART_CMD_SEED,
        .seed = {.table = TABLE, .records = &raw, .n = 1},
    };
    assert_int_equal(commit_one(&b, &seed), OK);
    assert_int_equal(seed.seed.n_applied, 1);
    part_raw_close(raws);
    carry(&b, &a, a.config.region);
    check_note(&b, "x", "2");
    struct value last;
    assert_int_equal(count_conflicts(&b, &last), 0);
    region_stop(&c);
    stop_two(&a, &b);
}

/* A delete that wins over a concurrent put is a conflict whose winner has no item; the put stays
 * deleted. */
static void test_delete_wins(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    start_two(&a, &b);
    assert_int_equal(put_item(&a, TABLE, thing(&a, "x", "base")), OK);
    carry(&b, &a, a.config.region);
    assert_int_equal(put_item(&a, TABLE, thing(&a, "x", "again")), OK);
    b.now_ms += 50;
    assert_int_equal(delete_item(&b, TABLE, thing_key(&b, "x")), OK);
    carry(&a, &b, b.config.region);
    carry(&b, &a, a.config.region);
    struct value v;
    assert_int_equal(get_item(&a, TABLE, thing_key(&a, "x"), &v), ERR_NOT_FOUND);
    assert_int_equal(get_item(&b, TABLE, thing_key(&b, "x"), &v), ERR_NOT_FOUND);
    struct value entry;
    assert_int_equal(count_conflicts(&a, &entry), 1);
    check_side(&entry, "winner", "0000000000000002", NULL);
    check_side(&entry, "loser", "0000000000000001", "again");
    assert_int_equal(count_conflicts(&b, &entry), 1);
    stop_two(&a, &b);
}

struct seen {
    size_t max;
    size_t n;
    char keys[64];
};

static bool see(void *ctx, const struct value *entry)
{
    struct seen *s = ctx;
    struct bytes key = value_find(value_find(entry, BYTES_LIT("key")), BYTES_LIT("pk"))->bytes;
    size_t len = strlen(s->keys);
    (void)snprintf(s->keys + len, sizeof s->keys - len, "%.*s ", BYTES_FMT(key));
    return ++s->n < s->max;
}

static void check_seen(struct region *r, const char *table, size_t max, const char *keys)
{
    const struct part_reader reader = {.engine = r->engine};
    struct seen s = {.max = max};
    assert_int_equal(part_conflicts_read(&reader, bytes_str(table), &r->arena, see, &s), OK);
    assert_string_equal(s.keys, keys);
}

/* The conflict log is read from its end, as far as wanted: of all tables as it was logged, of one
 * by the losers' time. */
static void test_conflicts_read(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    struct region c;
    start_two(&a, &b);
    region_start(&c, 3);
    assert_int_equal(put_item(&c, TABLE, thing(&c, "early", "from c")), OK);
    a.now_ms += 10;
    assert_int_equal(put_item(&a, TABLE, thing(&a, "late", "from a")), OK);
    a.now_ms += 10;
    assert_int_equal(put_item(&a, TABLE, thing(&a, "last", "from a")), OK);
    check_seen(&b, "", 9, "");
    b.now_ms += 50;
    const char *const keys[] = {"early", "late", "last"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(put_item(&b, TABLE, thing(&b, keys[i], "from b")), OK);
    }
    carry(&b, &a, a.config.region);
    carry(&b, &c, c.config.region);
    check_seen(&b, "", 9, "early last late ");
    check_seen(&b, "", 2, "early last ");
    check_seen(&b, "things", 9, "last late early ");
    check_seen(&b, "things", 1, "last ");
    check_seen(&b, "others", 9, "");
    region_stop(&c);
    stop_two(&a, &b);
}

/* The conflict log keeps no more entries than told; the oldest go first. */
static void test_conflicts_capped(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    start_two(&a, &b);
    part_abandon(b.part);
    b.config.conflicts_max = 3;
    region_open(&b);
    set_test_table(&b, true);
    for (int i = 0; i < 8; i++) {
        a.now_ms += 10;
        b.now_ms = a.now_ms + 1;
        assert_int_equal(put_item(&a, TABLE, thing(&a, "x", "from a")), OK);
        assert_int_equal(put_item(&b, TABLE, thing(&b, "x", "from b")), OK);
    }
    carry(&b, &a, a.config.region);
    struct value last;
    assert_int_equal(count_conflicts(&b, &last), 3);
    const struct value *loser = value_find(&last, BYTES_LIT("loser"));
    assert_true(
        bytes_eq_str(value_find(loser, BYTES_LIT("written"))->bytes, "2023-11-14T22:13:20.080Z"));
    region_crash(&b);
    assert_int_equal(count_conflicts(&b, &last), 3);
    assert_int_equal(part_check(b.part), OK);
    stop_two(&a, &b);
}

/* Seeing a loser again does not count against the cap. */
static void test_conflict_repeats(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    start_two(&a, &b);
    part_abandon(b.part);
    b.config.conflicts_max = 2;
    region_open(&b);
    set_test_table(&b, true);
    b.now_ms += 50;
    assert_int_equal(put_item(&b, TABLE, thing(&b, "x", "from b")), OK);
    assert_int_equal(put_item(&b, TABLE, thing(&b, "y", "from b")), OK);
    assert_int_equal(put_item(&a, TABLE, thing(&a, "x", "from a")), OK);
    for (int i = 0; i < 3; i++) {
        struct part_cmd cmd = cut_stretch(&a, a.config.region, 0, 1, &b.arena);
        cmd.apply.partial = true;
        assert_int_equal(commit_one(&b, &cmd), OK);
        assert_int_equal(cmd.apply.n_conflicts, 1);
    }
    assert_int_equal(put_item(&a, TABLE, thing(&a, "y", "from a")), OK);
    carry(&b, &a, a.config.region);
    struct value last;
    assert_int_equal(count_conflicts(&b, &last), 2);
    stop_two(&a, &b);
}

/* A stamp too far ahead holds the whole stretch back, and it applies once the clock has come near.
 */
static void test_drift(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    start_two(&a, &b);
    assert_int_equal(put_item(&a, TABLE, thing(&a, "x", "ok")), OK);
    a.now_ms += 5000;
    assert_int_equal(put_item(&a, TABLE, thing(&a, "y", "ahead")), OK);
    struct part_cmd cmd = cut_stretch(&a, a.config.region, 0, 2, &b.arena);
    assert_int_equal(commit_one(&b, &cmd), ERR_CLOCK_DRIFT);
    assert_int_equal(part_tail(b.part).v, 0);
    b.now_ms += 4600;
    assert_int_equal(commit_one(&b, &cmd), OK);
    check_note(&b, "y", "ahead");
    stop_two(&a, &b);
}

/* Damaged bytes anywhere in a stretch leave the region as it was. */
static void test_damage(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    start_two(&a, &b);
    assert_int_equal(put_item(&a, TABLE, thing(&a, "x", "1")), OK);
    assert_int_equal(put_item(&a, TABLE, thing(&a, "x", "2")), OK);
    struct part_cmd good = cut_stretch(&a, a.config.region, 0, 2, &b.arena);
    uint8_t *bytes = (uint8_t *)(uintptr_t)good.apply.txns.base;
    for (size_t i = 0; i < good.apply.txns.len; i++) {
        struct part_cmd cmd = good;
        bytes[i] ^= 0x10;
        assert_int_not_equal(commit_one(&b, &cmd), OK);
        bytes[i] ^= 0x10;
        assert_int_equal(part_tail(b.part).v, 0);
        assert_int_equal(mark_of(&b, a.config.region), 0);
    }
    struct part_cmd wrong = good;
    wrong.apply.origin.v = 77;
    assert_int_equal(commit_one(&b, &wrong), ERR_CORRUPT);
    assert_int_equal(commit_one(&b, &good), OK);
    stop_two(&a, &b);
}

/* After tombstones below a floor are gone, a version below it that arrives where nothing stands is
 * kept out and noted; one above it is taken. */
static void test_quarantine(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    start_two(&a, &b);
    assert_int_equal(put_item(&a, TABLE, thing(&a, "x", "zombie")), OK);
    struct part_cmd sweep = {
        .kind = PART_CMD_SWEEP,
        .sweep = {.below = hlc_of_ms(NOW_MS + 1000), .tombstones_max = 10},
    };
    assert_int_equal(commit_one(&b, &sweep), OK);
    assert_true(sweep.sweep.done);
    struct part_cmd cmd = cut_stretch(&a, a.config.region, 0, 1, &b.arena);
    assert_int_equal(commit_one(&b, &cmd), OK);
    assert_int_equal(cmd.apply.n_quarantined, 1);
    struct value v;
    assert_int_equal(get_item(&b, TABLE, thing_key(&b, "x"), &v), ERR_NOT_FOUND);
    struct value entry;
    assert_int_equal(count_conflicts(&b, &entry), 1);
    assert_true(bytes_eq_str(value_find(&entry, BYTES_LIT("reason"))->bytes, "quarantined"));
    region_reopen(&b);
    assert_int_equal(part_gc_floor(b.part).v, hlc_of_ms(NOW_MS + 1000).v);
    assert_int_equal(part_check(b.part), OK);
    a.now_ms += 2000;
    b.now_ms += 2000;
    assert_int_equal(put_item(&a, TABLE, thing(&a, "x", "new")), OK);
    carry(&b, &a, a.config.region);
    check_note(&b, "x", "new");
    stop_two(&a, &b);
}

/* A table not known here is skipped, but its transactions stay in the log for relaying. */
static void test_unknown_table(void **state)
{
    (void)state;
    struct region a;
    struct region b;
    struct region c;
    start_two(&a, &b);
    region_start(&c, 3);
    struct part_table other = *part_find_table(a.part, TABLE);
    other.id = TABLE + 5;
    part_set_table(a.part, &other);
    part_set_table(c.part, &other);
    assert_int_equal(put_item(&a, TABLE + 5, thing(&a, "x", "other")), OK);
    assert_int_equal(put_item(&a, TABLE, thing(&a, "x", "ours")), OK);
    carry(&b, &a, a.config.region);
    check_note(&b, "x", "ours");
    assert_int_equal(part_table_counts(b.part, TABLE + 5).items, 0);
    carry(&c, &b, a.config.region);
    struct value v;
    assert_int_equal(get_item(&c, TABLE + 5, thing_key(&c, "x"), &v), OK);
    region_crash(&b);
    assert_int_equal(part_check(b.part), OK);
    region_stop(&c);
    stop_two(&a, &b);
}

/* An empty stretch moves the mark durably; a promise alone moves only its stamp. */
static void test_empty_stretch(void **state)
{
    (void)state;
    struct region b;
    region_start(&b, 2);
    struct part_cmd cmd = {
        .kind = PART_CMD_APPLY,
        .apply = {.origin = {9}, .from = {0}, .to = {12}, .hlc_to = hlc_of_ms(NOW_MS)},
    };
    assert_int_equal(commit_one(&b, &cmd), OK);
    region_crash(&b);
    assert_int_equal(mark_of(&b, (struct region_id){9}), 12);
    cmd.apply.from.v = 12;
    cmd.apply.hlc_to = hlc_of_ms(NOW_MS + 99);
    assert_int_equal(commit_one(&b, &cmd), OK);
    size_t n;
    const struct part_mark *m = part_marks(b.part, &n);
    assert_int_equal(n, 2);
    assert_int_equal(m[1].hlc.v, hlc_of_ms(NOW_MS + 99).v);
    region_stop(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exactly_once),
        cmocka_unit_test(test_conflict_both_sides),
        cmocka_unit_test(test_no_conflict_when_seen),
        cmocka_unit_test(test_conflict_in_batch),
        cmocka_unit_test(test_no_conflict_after_seed),
        cmocka_unit_test(test_delete_wins),
        cmocka_unit_test(test_conflicts_read),
        cmocka_unit_test(test_conflicts_capped),
        cmocka_unit_test(test_conflict_repeats),
        cmocka_unit_test(test_drift),
        cmocka_unit_test(test_damage),
        cmocka_unit_test(test_quarantine),
        cmocka_unit_test(test_unknown_table),
        cmocka_unit_test(test_empty_stretch),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "part/test_util.h"

#include <cmocka.h>

enum { REGIONS = 3, KEYS = 12, STEPS = 400 };

/* The newest acknowledged write of each key, by version: what every region must hold in the end. */
struct model_key {
    struct version version;
    bool live;
    int64_t value;
};

struct world {
    struct region regions[REGIONS];
    struct model_key model[KEYS];
    struct prng prng;
    int64_t writes;
    bool crashes;
};

static const struct value *world_item(struct region *r, struct prng *g, uint64_t key, int64_t n)
{
    static const char *const groups[] = {"red", "green", "blue"};
    struct member *m = ARENA_ARRAY(&r->arena, struct member, 6);
    struct value *item = ARENA_NEW(&r->arena, struct value);
    size_t at = 0;
    m[at++] = (struct member){BYTES_LIT("pk"), str(key % 2 == 0 ? "even" : "odd")};
    m[at++] = (struct member){BYTES_LIT("sk"), num((int64_t)key)};
    m[at++] = (struct member){BYTES_LIT("n"), num(n)};
    if (prng_chance(g, 700)) {
        m[at++] = (struct member){BYTES_LIT("gi"), str(groups[prng_below(g, 3)])};
    }
    if (prng_chance(g, 500)) {
        m[at++] = (struct member){BYTES_LIT("at"), str(groups[prng_below(g, 3)])};
    }
    assert_int_equal(members_sort(m, at), OK);
    *item = (struct value){.type = VALUE_MAP, .map = {.members = m, .n = at}};
    return item;
}

/* Lets the next engine write fail now and then. *ret_applied: it reaches the disk all the same. */
static bool arm_failure(struct world *w, struct region *r, bool *ret_applied)
{
    bool armed = w->crashes && prng_chance(&w->prng, 60);
    *ret_applied = prng_chance(&w->prng, 500);
    if (armed) {
        engine_mem_fail_write(r->engine, 1, /* for_ever= */ true, *ret_applied);
    }
    return armed;
}

/* Commits, and after a failure opens the store again. Whether the command took effect. */
static bool commit_or_crash(struct world *w, struct region *r, struct part_cmd *cmd)
{
    bool applied;
    bool armed = arm_failure(w, r, &applied);
    enum err e = commit_one(r, cmd);
    engine_mem_fail_write(r->engine, 0, false, false);
    if (e == OK) {
        return true; /* also armed, when there was nothing to write */
    }
    assert_true(armed);
    assert_int_equal(e, ERR_IO);
    region_crash(r);
    return applied;
}

static void write_some(struct world *w, struct region *r)
{
    enum { OPS = 4 };
    struct part_op ops[OPS] = {0};
    uint64_t keys[OPS];
    const struct part_table *t = part_find_table(r->part, TABLE);
    size_t n = prng_between(&w->prng, 1, OPS);
    uint64_t first = prng_below(&w->prng, KEYS);
    bool deleted[OPS];
    for (size_t i = 0; i < n; i++) {
        keys[i] = (first + i) % KEYS;
        const struct value *item = world_item(r, &w->prng, keys[i], w->writes);
        deleted[i] = prng_chance(&w->prng, 300);
        ops[i] = (struct part_op){
            .kind = deleted[i] ? PART_DELETE : PART_PUT,
            .table = TABLE,
            .key = key_in(&r->arena, t, item),
            .item = item,
            .want_old = true,
        };
    }
    struct part_cmd cmd = {.kind = PART_CMD_WRITE, .write = {.ops = ops, .n = n, .atomic = true}};
    if (!commit_or_crash(w, r, &cmd)) {
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (deleted[i] && ops[i].old == NULL) {
            continue;
        }
        struct model_key *m = &w->model[keys[i]];
        if (version_cmp(cmd.write.version, m->version) > 0) {
            *m = (struct model_key){cmd.write.version, !deleted[i], w->writes};
        }
    }
    w->writes++;
}

static void exchange(struct world *w, struct region *dst, struct region *src)
{
    struct region_id origin = w->regions[prng_below(&w->prng, REGIONS)].config.region;
    if (origin.v == dst->config.region.v) {
        return;
    }
    uint64_t to = mark_of(src, origin);
    uint64_t have = mark_of(dst, origin);
    if (to == 0) {
        return;
    }
    /* Any overlap with what is there, any end. */
    uint64_t from = prng_below(&w->prng, have + 1);
    to = prng_between(&w->prng, 1, to);
    if (from >= to) {
        return;
    }
    struct part_cmd cmd = cut_stretch(src, origin, from, to, &dst->arena);
    bool applied = commit_or_crash(w, dst, &cmd);
    assert_int_equal(mark_of(dst, origin), applied && to > have ? to : have);
}

static void step(struct world *w)
{
    struct region *r = &w->regions[prng_below(&w->prng, REGIONS)];
    r->now_ms += prng_below(&w->prng, 3);
    uint64_t dice = prng_below(&w->prng, 100);
    if (dice < 45) {
        write_some(w, r);
    } else if (dice < 95) {
        exchange(w, r, &w->regions[prng_below(&w->prng, REGIONS)]);
    } else if (w->crashes) {
        /* A power cut between commits loses nothing; a clean stop neither. */
        if (dice < 98) {
            region_crash(r);
        } else {
            region_reopen(r);
        }
    }
}

static void check_world(struct world *w)
{
    for (size_t i = 0; i < REGIONS; i++) {
        for (size_t k = 0; k < REGIONS; k++) {
            if (i != k) {
                carry(&w->regions[i], &w->regions[k], w->regions[k].config.region);
            }
        }
    }
    for (size_t i = 0; i < REGIONS; i++) {
        struct region *r = &w->regions[i];
        assert_int_equal(part_check(r->part), OK);
        check_same_digests(&w->regions[0], r, TABLE);
        for (uint64_t k = 0; k < KEYS; k++) {
            const struct value *key = item_of(
                &r->arena,
                "pk",
                str(k % 2 == 0 ? "even" : "odd"),
                "sk",
                num((int64_t)k),
                NULL,
                num(0));
            struct value v;
            enum err e = get_item(r, TABLE, key, &v);
            assert_int_equal(e, w->model[k].live ? OK : ERR_NOT_FOUND);
            if (e == OK) {
                const struct value expect = num(w->model[k].value);
                assert_true(value_eq(value_find(&v, BYTES_LIT("n")), &expect));
            }
        }
    }
}

static void run_world(uint64_t seed, bool crashes)
{
    struct world w = {.prng = prng_seeded(seed), .crashes = crashes};
    for (size_t i = 0; i < REGIONS; i++) {
        region_start(&w.regions[i], 100 + i);
        w.regions[i].now_ms += prng_below(&w.prng, 200);
    }
    for (int i = 0; i < STEPS; i++) {
        step(&w);
    }
    check_world(&w);
    for (size_t i = 0; i < REGIONS; i++) {
        region_stop(&w.regions[i]);
    }
}

/* Three regions that write at random and pass their logs to each other in any order, relayed or
 * not, with any overlap, end up equal to each other and to the newest acknowledged write of every
 * key. */
static void test_converge(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        run_world(seed, false);
    }
}

/* The same with power cuts and restarts between commits, and engine writes that fail with and
 * without effect. */
static void test_converge_crashes(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        run_world(seed, true);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_converge),
        cmocka_unit_test(test_converge_crashes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

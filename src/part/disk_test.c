/* A store on bad disks. Power is cut at any call that it makes of the file system: whatever had
 * been promised by then is there, of what had not a step is whole or not at all, and the store
 * opens and goes on; then it is cut again, while it recovers or goes on. Any call is refused, or
 * all from one on. Any bit flips.
 *
 * usage: disk_test DIRECTORY ROUNDS, after another seed than 1 with GODWIT_SEED, 20 times as many
 * rounds with GODWIT_SOAK. RocksDB's threads make each run another one, also of the same seed. */
#include "tests/disk.h"

#include <errno.h>
#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "part/test_util.h"

#include <cmocka.h>

enum {
    STEPS = 300,
    OPS_MAX = 3,
    KEYS = 40,
    NOTE_BYTES_MAX = 3000,
    BUFFER_BYTES = 64 * 1024, /* RocksDB's least, so that it writes files often */
    OPEN_EVERY = 60,          /* steps, in the mean */
    STEPS_AFTER = 5,          /* after a cut */
    CUTS_RUNNING = 3,
    SOAK_TIMES = 20,
};

/* What the store holds after a step. */
struct state {
    struct hash128 digest;
    uint64_t tail;
};

struct disk_run {
    const char *dir;
    uint64_t rounds;
    uint64_t seed;
    size_t steps;
    struct state states[STEPS + 1];
};

static enum err open_store(struct region *r, const char *dir, struct bytes *reterr_msg)
{
    const struct engine_rocks_config config = {
        .path = dir,
        .cache_bytes = 1 << 20,
        .write_buffer_bytes = BUFFER_BYTES,
        .rows_kept = PART_ROWS_KEPT,
    };
    enum err e = engine_rocks_open(&config, &r->arena, &r->engine, reterr_msg);
    if (e != OK) {
        return e;
    }
    r->config = (struct part_config){
        .engine = r->engine,
        .region = {7},
        .drift_ms_max = 500,
        .batch_bytes_max = 1 << 20,
        .conflicts_max = 10,
    };
    e = part_open(&r->config, r->now_ms, &r->part);
    if (e != OK) {
        engine_close(r->engine);
        *reterr_msg = BYTES_LIT("the part does not open");
        return e;
    }
    set_test_table(r, true);
    return OK;
}

static void must_open(struct region *r, const char *dir)
{
    struct bytes msg = BYTES_NONE;
    if (open_store(r, dir, &msg) != OK) {
        fail_msg("%s: %.*s", dir, (int)msg.len, (const char *)msg.base);
    }
}

static struct state state_of(const struct region *r)
{
    struct state s = {.tail = part_tail(r->part).v};
    for (unsigned bucket = 0; bucket < PART_DIGEST_BUCKETS; bucket++) {
        struct hash128 d = part_table_digest(r->part, TABLE, bucket);
        s.digest = (struct hash128){s.digest.lo + d.lo, s.digest.hi + d.hi};
    }
    return s;
}

static bool is_state(struct state a, struct state b)
{
    return a.tail == b.tail && a.digest.lo == b.digest.lo && a.digest.hi == b.digest.hi;
}

/* ---- the history ---- */

/* Some of it noise, and some that compresses. */
static struct value note_of(struct region *r, struct prng *rng)
{
    size_t n = prng_below(rng, NOTE_BYTES_MAX);
    uint8_t *note = arena_alloc(&r->arena, n + 1);
    for (size_t i = 0; i < n; i++) {
        note[i] = i % 2 == 0 ? 0 : (uint8_t)prng_u64(rng);
    }
    return (struct value){.type = VALUE_BINARY, .bytes = bytes_of(note, n)};
}

static struct part_op op_of(struct region *r, struct prng *rng, const struct value *key)
{
    struct part_op op = {
        .kind = prng_chance(rng, 250) ? PART_DELETE : PART_PUT,
        .table = TABLE,
        .key = key_in(&r->arena, part_find_table(r->part, TABLE), key),
    };
    if (op.kind == PART_PUT) {
        struct member *m = ARENA_ARRAY(&r->arena, struct member, 4);
        m[0] = (struct member){BYTES_LIT("gi"), str(prng_chance(rng, 500) ? "x" : "y")};
        m[1] = (struct member){BYTES_LIT("note"), note_of(r, rng)};
        m[2] = key->map.members[0];
        m[3] = key->map.members[1];
        struct value *item = ARENA_NEW(&r->arena, struct value);
        *item = (struct value){.type = VALUE_MAP, .map = {.members = m, .n = 4}};
        op.item = item;
    }
    return op;
}

/* One to three items in one transaction; now and then a trim or a sweep instead. */
static enum err one_step(struct region *r, struct prng *rng)
{
    struct part_cmd cmd = {.kind = PART_CMD_WRITE};
    struct part_op ops[OPS_MAX];
    if (prng_chance(rng, 50)) {
        cmd = (struct part_cmd){
            .kind = PART_CMD_TRIM,
            .trim = {.upto = {prng_below(rng, part_tail(r->part).v + 1)}},
        };
    } else if (prng_chance(rng, 50)) {
        cmd = (struct part_cmd){
            .kind = PART_CMD_SWEEP,
            .sweep = {.below = hlc_of_ms(r->now_ms), .tombstones_max = 100},
        };
    } else {
        int64_t first = (int64_t)prng_below(rng, KEYS);
        cmd.write.n = prng_between(rng, 1, OPS_MAX);
        cmd.write.ops = ops;
        for (size_t i = 0; i < cmd.write.n; i++) {
            const struct value *key = item_of(
                &r->arena, "pk", str("a"), "sk", num((first + (int64_t)i) % KEYS), NULL, num(0));
            ops[i] = op_of(r, rng, key);
        }
    }
    r->now_ms += prng_below(rng, 1000);
    return commit_one(r, &cmd);
}

static enum err reopen(struct region *r, const char *dir, struct prng *rng)
{
    struct bytes msg;
    if (prng_chance(rng, 500)) {
        part_close(r->part);
    } else {
        part_abandon(r->part);
    }
    engine_close(r->engine);
    return open_store(r, dir, &msg);
}

static void take_steps(struct disk_run *p, struct region *r, size_t steps, struct prng *rng)
{
    for (size_t i = 0; i < steps; i++) {
        if (prng_chance(rng, 1000 / OPEN_EVERY)) {
            assert_int_equal(reopen(r, p->dir, rng), OK);
        }
        p->states[i] = state_of(r);
        assert_int_equal(one_step(r, rng), OK);
        disk_record_promise();
    }
    p->states[steps] = state_of(r);
    p->steps = steps;
    assert_int_equal(part_check(r->part), OK);
}

/* In a directory that is new. */
static void start_recording(const struct disk_run *p, struct region *r)
{
    arena_init(&r->arena, SIZE_MAX / 2);
    disk_remove(p->dir);
    disk_make(p->dir);
    disk_record_start(p->dir);
}

static struct disk_history *record(struct disk_run *p, struct prng *rng)
{
    struct region r = {.now_ms = NOW_MS};
    start_recording(p, &r);
    must_open(&r, p->dir);
    take_steps(p, &r, STEPS, rng);
    struct disk_history *h = disk_record_stop();
    region_stop(&r);
    return h;
}

/* ---- the cuts ---- */

/* The store after a cut: what was promised is there. It goes on, which is recorded too. */
static struct disk_history *go_on(struct disk_run *p, size_t promises, struct prng *rng)
{
    struct region r = {.now_ms = NOW_MS + 1000 * 2 * STEPS};
    arena_init(&r.arena, SIZE_MAX / 2);
    disk_record_start(p->dir);
    must_open(&r, p->dir);
    struct state now = state_of(&r);
    bool before = is_state(now, p->states[promises]);
    bool after = promises < p->steps && is_state(now, p->states[promises + 1]);
    if (!before && !after) {
        fail_msg(
            "%zu steps were promised, up to %" PRIu64 "; the store is at %" PRIu64,
            promises,
            p->states[promises].tail,
            now.tail);
    }
    take_steps(p, &r, STEPS_AFTER, rng);
    struct disk_history *h = disk_record_stop();
    region_stop(&r);
    return h;
}

/* Each cut is followed by a second one, while the store recovers or goes on, and that by a third.
 */
static void test_f03_power_cut(void **state)
{
    struct disk_run *p = *state;
    struct prng rng = prng_seeded(p->seed);
    struct disk_history *first = record(p, &rng);
    print_message(
        "seed %" PRIu64 ": %zu calls recorded, %" PRIu64 " times %d cuts\n",
        p->seed,
        disk_calls(first),
        p->rounds,
        CUTS_RUNNING);
    struct disk_run after;
    for (size_t i = 0; i < p->rounds; i++) {
        struct disk_history *h = first;
        after = *p;
        for (int j = 0; j < CUTS_RUNNING; j++) {
            size_t at = prng_between(&rng, disk_first(h), disk_calls(h));
            at = prng_chance(&rng, 500) ? disk_next_sync(h, at) : at; /* where most is at stake */
            enum disk_luck luck = (enum disk_luck)prng_below(&rng, DISK_LUCKS);
            print_message("%zu.%d: before call %zu, luck %d\n", i, j, at, (int)luck);
            disk_remove(p->dir);
            size_t promises = disk_power_cut(h, at, luck, &rng, p->dir);
            if (h != first) {
                disk_history_free(h);
            }
            h = go_on(&after, promises, &rng);
        }
        disk_history_free(h);
    }
    disk_history_free(first);
    disk_remove(p->dir);
}

/* ---- a disk that refuses ---- */

/* The store that failed is read as before, and takes no more. */
static void check_failed(struct region *r, struct prng *rng)
{
    assert_true(part_failed(r->part));
    for (int64_t i = 0; i < KEYS; i++) {
        struct value item;
        enum err e = get_item(
            r, TABLE, item_of(&r->arena, "pk", str("a"), "sk", num(i), NULL, num(0)), &item);
        assert_true(e == OK || e == ERR_NOT_FOUND);
    }
    assert_int_equal(one_step(r, rng), ERR_FAILED);
}

/* The steps of `p` again, until the disk refuses one; what was recorded. */
static struct disk_history *take_steps_again(
    const struct disk_run *p, size_t calls, int err, struct prng *rng)
{
    struct region r = {.now_ms = NOW_MS};
    struct prng steps = prng_seeded(p->seed);
    struct bytes msg;
    start_recording(p, &r);
    disk_refuse(prng_below(rng, calls), prng_chance(rng, 500) ? 1 : SIZE_MAX, err);
    enum err e = open_store(&r, p->dir, &msg);
    bool is_open = e == OK;
    for (size_t i = 0; i < p->steps && e == OK; i++) {
        if (prng_chance(&steps, 1000 / OPEN_EVERY)) {
            e = reopen(&r, p->dir, &steps);
            is_open = e == OK;
        }
        if (e != OK) {
            break;
        }
        assert_true(is_state(state_of(&r), p->states[i]));
        e = one_step(&r, &steps);
        if (e == OK) {
            disk_record_promise();
        } else {
            assert_int_equal(e, ERR_IO);
            check_failed(&r, &steps);
        }
    }
    if (is_open) {
        part_abandon(r.part);
        engine_close(r.engine);
    }
    arena_done(&r.arena);
    return disk_record_stop();
}

/* One call that fails, or all from one on: what was answered with success is there afterwards, also
 * if the power is cut; what was not, wholly or not at all. */
static void test_f06_f07_disk_refuses(void **state)
{
    static const int errors[] = {EIO, ENOSPC};
    struct disk_run *p = *state;
    struct prng rng = prng_seeded(p->seed);
    struct disk_history *h = record(p, &rng);
    size_t calls = disk_calls(h);
    disk_history_free(h);
    for (size_t i = 0; i < p->rounds / 4; i++) { /* RocksDB takes its time to recover */
        struct disk_run after = *p;
        h = take_steps_again(p, calls, errors[i % 2], &rng);
        disk_remove(p->dir);
        enum disk_luck luck = (enum disk_luck)prng_below(&rng, DISK_LUCKS);
        size_t promises = disk_power_cut(h, disk_calls(h), luck, &rng, p->dir);
        print_message("%zu: %zu steps, luck %d\n", i, promises, (int)luck);
        disk_history_free(h);
        disk_history_free(go_on(&after, promises, &rng));
    }
    disk_remove(p->dir);
}

/* ---- a bit that flips ---- */

/* Items by their keys, encoded; empty where there is none. */
struct items {
    struct bytes of[KEYS];
    uint64_t tail;
};

/* false: one could not be read. */
static bool read_items(struct region *r, struct arena *a, struct items *ret)
{
    ret->tail = part_tail(r->part).v;
    for (int64_t i = 0; i < KEYS; i++) {
        struct value item;
        struct buf b;
        enum err e = get_item(
            r, TABLE, item_of(&r->arena, "pk", str("a"), "sk", num(i), NULL, num(0)), &item);
        ret->of[i] = BYTES_NONE;
        if (e == ERR_NOT_FOUND) {
            continue;
        }
        if (e != OK) {
            assert_true(e == ERR_CORRUPT || e == ERR_IO);
            return false;
        }
        buf_init(&b, SIZE_MAX);
        value_encode(&b, &item);
        ret->of[i] = bytes_dup(a, buf_bytes(&b));
        buf_done(&b);
    }
    return true;
}

static bool are_items(const struct items *a, const struct items *b)
{
    for (size_t i = 0; i < KEYS; i++) {
        if (!bytes_eq(a->of[i], b->of[i])) {
            return false;
        }
    }
    return a->tail == b->tail;
}

/* A store that was left open, and what is in it after its last step and the one before. */
static struct disk_history *record_items(
    struct disk_run *p, struct prng *rng, struct arena *a, struct items ret[2])
{
    struct region r = {.now_ms = NOW_MS};
    start_recording(p, &r);
    must_open(&r, p->dir);
    take_steps(p, &r, STEPS - 1, rng);
    do { /* one that writes: a trim may find nothing to do */
        assert_true(read_items(&r, a, &ret[0]));
        assert_int_equal(one_step(&r, rng), OK);
        assert_true(read_items(&r, a, &ret[1]));
    } while (ret[0].tail == ret[1].tail);
    struct disk_history *h = disk_record_stop();
    region_stop(&r);
    return h;
}

/* A bit that flips in any file of a store but its manifest is told, or nothing comes of it: the
 * store is refused, or a read is, or all is there as it was. Only the last step may be missing,
 * whose bytes at the log's end cannot be told from what a power cut tore. */
static void test_f05_bit_flips(void **state)
{
    struct disk_run *p = *state;
    struct prng rng = prng_seeded(p->seed);
    struct arena a;
    struct items items[2];
    unsigned told = 0;
    arena_init(&a, SIZE_MAX / 2);
    struct disk_history *h = record_items(p, &rng, &a, items);
    for (size_t i = 0; i < 3 * p->rounds; i++) {
        struct region r = {.now_ms = NOW_MS + 1000 * STEPS};
        struct bytes msg;
        struct items now;
        char name[DISK_NAME_BYTES];
        arena_init(&r.arena, SIZE_MAX / 2);
        disk_remove(p->dir);
        (void)disk_power_cut(h, disk_calls(h), DISK_KEEPS_ALL, &rng, p->dir);
        disk_flip(p->dir, &rng, name);
        print_message("%zu: %s\n", i, name);
        if (open_store(&r, p->dir, &msg) != OK) {
            told++;
        } else {
            bool read = read_items(&r, &r.arena, &now);
            told += !read;
            assert_true(!read || are_items(&now, &items[0]) || are_items(&now, &items[1]));
            part_abandon(r.part);
            engine_close(r.engine);
        }
        arena_done(&r.arena);
    }
    assert_true(told > p->rounds / 2);
    disk_history_free(h);
    arena_done(&a);
    disk_remove(p->dir);
}

static uint64_t number_in(const char *name, uint64_t otherwise)
{
    const char *text = getenv(name);
    uint64_t n;
    return text != NULL && bytes_u64(bytes_str(text), &n) == OK ? n : otherwise;
}

int main(int argc, char **argv)
{
    struct disk_run p = {.seed = number_in("GODWIT_SEED", 1)};
    uint64_t rounds;
    if (argc != 3 || bytes_u64(bytes_str(argv[2]), &rounds) != OK) {
        print_error("usage: disk_test DIRECTORY ROUNDS\n");
        return 2;
    }
    p.dir = argv[1];
    p.rounds = rounds * (number_in("GODWIT_SOAK", 0) > 0 ? SOAK_TIMES : 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_prestate(test_f03_power_cut, &p),
        cmocka_unit_test_prestate(test_f05_bit_flips, &p),
        cmocka_unit_test_prestate(test_f06_f07_disk_refuses, &p),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

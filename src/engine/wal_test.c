#include "engine/wal.h"

#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* clang-format off: cmocka.h needs the other two before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
/* clang-format on */

#include "engine/engine.h"

enum { PATH = 300, BATCHES = 30, BIG_BATCH = 20, FILE_MAX = 1 << 20 };

/* A store that was written to and never closed, as a power cut finds it: its files, of which one is
 * the log. */
struct crashed {
    char dir[64];         /* the store of which the files were copied */
    char copy[64];        /* where they are laid out, damaged, and opened */
    char log[PATH];       /* the log's path in `copy` */
    struct buf bytes;     /* the log as it was */
    size_t ends[BATCHES]; /* where each batch ends in it */
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st;
    (void)type;
    (void)ftw;
    return remove(path);
}

static void remove_tree(const char *dir)
{
    (void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static enum err open_store(const char *dir, struct engine **ret)
{
    struct arena a;
    struct bytes msg = BYTES_NONE;
    arena_init(&a, 4096);
    const struct engine_rocks_config config = {dir, 1 << 20, 4 << 20};
    enum err e = engine_rocks_open(&config, &a, ret, &msg);
    assert_int_equal(e == OK, msg.len == 0);
    arena_done(&a);
    return e;
}

static void read_file(const char *path, struct buf *ret)
{
    buf_clear(ret);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    uint8_t *to = buf_reserve(ret, FILE_MAX);
    ret->len = fread(to, 1, FILE_MAX, f);
    (void)fclose(f);
}

static void write_file(const char *path, struct bytes b)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(b.base, 1, b.len, f), b.len);
    assert_int_equal(fclose(f), 0);
}

/* Lays the store's files out afresh in `copy`, the log among them. */
static void lay_out(struct crashed *c)
{
    remove_tree(c->copy);
    assert_int_equal(mkdir(c->copy, 0700), 0);
    DIR *d = opendir(c->dir);
    assert_non_null(d);
    struct buf b;
    buf_init(&b, SIZE_MAX);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        char from[PATH + 64];
        char to[PATH + 64];
        size_t n = strlen(e->d_name);
        (void)snprintf(from, sizeof from, "%s/%.200s", c->dir, e->d_name);
        (void)snprintf(to, sizeof to, "%s/%.200s", c->copy, e->d_name);
        bool is_log = n > 4 && strcmp(e->d_name + n - 4, ".log") == 0;
        if (e->d_name[0] == '.' || strcmp(e->d_name, "LOCK") == 0) {
            continue;
        }
        read_file(from, &b);
        write_file(to, buf_bytes(&b));
        if (is_log) {
            (void)snprintf(c->log, sizeof c->log, "%.299s", to);
        }
    }
    (void)closedir(d);
    buf_done(&b);
}

/* What stands in a log, without the room behind it: a batch of ours ends in another byte than 0. */
static void trim(struct buf *log)
{
    while (log->len > 0 && log->base[log->len - 1] == 0) {
        log->len--;
    }
}

static size_t log_bytes(const struct crashed *c)
{
    size_t sum = 0;
    struct buf log;
    buf_init(&log, SIZE_MAX);
    DIR *d = opendir(c->dir);
    assert_non_null(d);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        char path[PATH];
        (void)snprintf(path, sizeof path, "%s/%.200s", c->dir, e->d_name);
        size_t n = strlen(path);
        if (strcmp(path + n - 4, ".log") == 0) {
            read_file(path, &log);
            trim(&log);
            sum += log.len;
        }
    }
    (void)closedir(d);
    buf_done(&log);
    return sum;
}

static void write_batch(struct engine *e, unsigned i)
{
    static const uint8_t noise[3] = {'v', 0, 0xff};
    struct engine_batch *b = engine_batch_new(e);
    struct buf value;
    buf_init(&value, SIZE_MAX);
    /* One batch is longer than a block of the log and so written in pieces. */
    size_t n = i == BIG_BATCH ? 40000 : 100;
    for (size_t j = 0; j < n; j++) {
        buf_put(&value, noise, sizeof noise);
    }
    char key[8];
    (void)snprintf(key, sizeof key, "k%02u", i);
    engine_batch_put(b, bytes_str(key), buf_bytes(&value));
    assert_int_equal(engine_write(e, b, true), OK);
    engine_batch_free(b);
    buf_done(&value);
}

static int setup(void **state)
{
    struct crashed *c = calloc(1, sizeof *c);
    struct engine *e;
    const char *tmp = getenv("TMPDIR");
    (void)snprintf(c->dir, sizeof c->dir, "%.40s/godwit-wal-XXXXXX", tmp == NULL ? "/tmp" : tmp);
    assert_non_null(mkdtemp(c->dir));
    (void)snprintf(c->copy, sizeof c->copy, "%.58s-copy", c->dir);
    assert_int_equal(open_store(c->dir, &e), OK);
    for (unsigned i = 0; i < BATCHES; i++) {
        write_batch(e, i);
        c->ends[i] = log_bytes(c);
    }
    lay_out(c);
    engine_close(e);
    buf_init(&c->bytes, SIZE_MAX);
    read_file(c->log, &c->bytes);
    assert_true(c->bytes.base[c->bytes.len - 1] == 0);
    assert_int_equal(c->bytes.len % WAL_BLOCK_BYTES, 0);
    trim(&c->bytes);
    assert_int_equal(c->bytes.len, c->ends[BATCHES - 1]);
    /* From here on `dir` holds the crashed store's files and nobody opens it. */
    remove_tree(c->dir);
    assert_int_equal(rename(c->copy, c->dir), 0);
    lay_out(c);
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    struct crashed *c = *state;
    remove_tree(c->dir);
    remove_tree(c->copy);
    buf_done(&c->bytes);
    free(c);
    return 0;
}

static size_t batches_within(const struct crashed *c, size_t bytes)
{
    size_t n = 0;
    while (n < BATCHES && c->ends[n] <= bytes) {
        n++;
    }
    return n;
}

static enum wal_state walk(struct bytes log)
{
    struct wal_walk w = {WAL_SOUND};
    for (size_t at = 0; at < log.len; at += WAL_BLOCK_BYTES) {
        size_t left = log.len - at;
        size_t n = left < WAL_BLOCK_BYTES ? left : WAL_BLOCK_BYTES;
        wal_walk_block(&w, bytes_of(log.base + at, n));
    }
    return w.state;
}

/* Opens the store with `log` for its log; it must hold exactly the first batches, and go on taking
 * writes that are there when it is opened again. */
static void check_opens(struct crashed *c, struct bytes log, size_t batches)
{
    struct engine *e;
    lay_out(c);
    write_file(c->log, log);
    for (int again = 0; again < 2; again++) {
        assert_int_equal(open_store(c->copy, &e), OK);
        struct engine_iter *it = engine_iter_open(e, NULL, BYTES_NONE, BYTES_LIT("z"));
        size_t n = 0;
        while (engine_iter_next(it)) {
            char key[8];
            (void)snprintf(key, sizeof key, "k%02zu", n++);
            assert_true(bytes_eq_str(engine_iter_key(it), key));
        }
        assert_int_equal(engine_iter_err(it), OK);
        assert_int_equal(n, batches + (again ? 1 : 0));
        engine_iter_close(it);
        if (!again) {
            write_batch(e, (unsigned)batches);
        }
        engine_close(e);
    }
}

static void check_refused(struct crashed *c, struct bytes log)
{
    struct engine *e;
    lay_out(c);
    write_file(c->log, log);
    assert_int_equal(open_store(c->copy, &e), ERR_CORRUPT);
}

/* Wherever it was cut, the log is a torn one or a sound one, never a damaged
 * one. */
static void test_walk_every_cut(void **state)
{
    struct crashed *c = *state;
    for (size_t n = 0; n <= c->bytes.len; n += n < 8000 || n + 2000 > c->bytes.len ? 1 : 97) {
        enum wal_state s = walk(bytes_of(c->bytes.base, n));
        assert_int_not_equal(s, WAL_DAMAGED);
        if (batches_within(c, n) > 0 && c->ends[batches_within(c, n) - 1] == n) {
            assert_int_equal(s, WAL_SOUND);
        }
    }
}

/* A flipped bit before the last batch is damage; in the last batch it looks like a torn tail. */
static void test_walk_flips(void **state)
{
    struct crashed *c = *state;
    size_t last = c->ends[BATCHES - 2];
    for (size_t i = 0; i<c->bytes.len; i += i + 600> last || i < 600 ? 1 : 211) {
        c->bytes.base[i] ^= 0x10;
        enum wal_state s = walk(buf_bytes(&c->bytes));
        /* Bytes a block's end leaves unused are nobody's. */
        bool unused = s == WAL_SOUND && WAL_BLOCK_BYTES - i % WAL_BLOCK_BYTES < 7;
        assert_true(unused || s == (i < last ? WAL_DAMAGED : WAL_TORN));
        c->bytes.base[i] ^= 0x10;
    }
}

/* A store whose log was cut anywhere opens with every batch that was whole, and goes on. */
static void test_open_cut(void **state)
{
    struct crashed *c = *state;
    const size_t big = c->ends[BIG_BATCH];
    const size_t cuts[] = {
        0,
        3,
        7,
        c->ends[0] - 1,
        c->ends[0],
        c->ends[0] + 1,
        c->ends[0] + 7,
        c->ends[5] + 100,
        big - 60000,
        big - 1,
        big,
        c->ends[BATCHES - 2] + 6,
        c->bytes.len - 1,
        c->bytes.len,
    };
    for (size_t i = 0; i < sizeof cuts / sizeof cuts[0]; i++) {
        check_opens(c, bytes_of(c->bytes.base, cuts[i]), batches_within(c, cuts[i]));
    }
}

/* Garbage or zeros behind the last batch, or over the second half of it, or behind the first piece
 * of a batch in pieces, do not keep the store from opening. */
static void test_open_garbage(void **state)
{
    struct crashed *c = *state;
    struct prng p = prng_seeded(3);
    struct buf b;
    buf_init(&b, SIZE_MAX);
    for (unsigned round = 0; round < 8; round++) {
        buf_clear(&b);
        size_t kept = c->bytes.len;
        size_t batches = BATCHES;
        if (round % 4 == 1 || round % 4 == 2) {
            kept = c->ends[BATCHES - 2] + 150;
            batches = BATCHES - 1;
        } else if (round % 4 == 3) {
            kept = c->ends[BIG_BATCH - 1] + 50000;
            batches = BIG_BATCH;
        }
        buf_put(&b, c->bytes.base, kept);
        for (size_t i = 0; i < 70000; i++) {
            buf_put_u8(&b, round % 2 == 0 ? 0 : (uint8_t)prng_u64(&p));
        }
        check_opens(c, buf_bytes(&b), batches);
        if (kept < c->bytes.len) {
            /* As long as the whole batch would be: its header stands, its payload does not check.
             */
            check_opens(c, bytes_of(b.base, c->ends[batches]), batches);
        }
    }
    buf_done(&b);
}

/* A bit flipped under durable batches, in a payload, a length or a checksum, refuses the store
 * instead of opening a shorter history. */
static void test_open_damage(void **state)
{
    struct crashed *c = *state;
    const size_t flips[] = {
        0, 4, 5, 6, 40, c->ends[9] + 5, c->ends[BIG_BATCH] - 30000, c->ends[BATCHES - 3] + 5};
    for (size_t i = 0; i < sizeof flips / sizeof flips[0]; i++) {
        c->bytes.base[flips[i]] ^= 0x80;
        check_refused(c, buf_bytes(&c->bytes));
        c->bytes.base[flips[i]] ^= 0x80;
    }
}

/* A record with a batch of no entries or one. */
static void put_record(struct buf *b, uint64_t sequence, uint8_t entries)
{
    uint8_t covered[1 + 12 + 4] = {1};
    size_t n = 1 + 12 + 4 * (size_t)entries;
    for (unsigned k = 0; k < 8; k++) {
        covered[1 + k] = (uint8_t)(sequence >> 8 * k);
    }
    covered[9] = entries;
    memset(covered + 13, 0xff, 4);
    uint32_t crc = crc32c(0, bytes_of(covered, n));
    put_u32(b, (crc >> 15 | crc << 17) + 0xa282ead8);
    put_u16(b, (uint16_t)(n - 1));
    buf_put(b, covered, n);
}

/* A log of records with batches of one entry each, numbered from `first`, and room behind it. */
static struct bytes log_of(struct buf *b, uint64_t first, unsigned n, size_t room)
{
    buf_clear(b);
    for (unsigned i = 0; i < n; i++) {
        put_record(b, first + i, 1);
    }
    memset(buf_reserve(b, room), 0, room);
    b->len += room;
    return buf_bytes(b);
}

/* A log that was never closed ends in room written ahead; when another one followed, that is an end
 * only if the next goes on where it stopped and if nothing but zeros stands there. */
static void test_walk_room(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, SIZE_MAX);
    for (unsigned variant = 0; variant < 4; variant++) {
        struct wal_walk w = {WAL_SOUND};
        wal_walk_log(&w);
        struct bytes log = log_of(&b, 7, 3, 1000);
        if (variant == 2) {
            b.base[log.len - 500] = 1;
        }
        wal_walk_block(&w, log);
        assert_int_equal(w.state, WAL_TORN);
        assert_int_equal(w.log_bytes, log.len - 1000);
        wal_walk_log(&w);
        if (variant == 3) { /* one without a batch between them */
            wal_walk_block(&w, log_of(&b, 0, 0, 100));
            wal_walk_log(&w);
        }
        wal_walk_block(&w, log_of(&b, variant == 1 ? 11 : 10, 2, 0));
        bool lost = variant == 1 || variant == 2;
        assert_int_equal(w.state, lost ? WAL_DAMAGED : WAL_SOUND);
    }
    buf_done(&b);
}

/* A crash while a store with a torn log is opened leaves RocksDB's mark behind the break. That is
 * no damage; a batch would be. */
static void test_walk_mark(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, SIZE_MAX);
    for (uint8_t entries = 0; entries < 2; entries++) {
        struct wal_walk w = {WAL_SOUND};
        wal_walk_log(&w);
        struct bytes log = log_of(&b, 7, 3, 0);
        wal_walk_block(&w, bytes_of(log.base, log.len - 5));
        assert_int_equal(w.state, WAL_TORN);
        for (int opening = 0; opening < 2; opening++) {
            buf_clear(&b);
            put_record(&b, 9, entries);
            wal_walk_log(&w);
            wal_walk_block(&w, buf_bytes(&b));
            assert_int_equal(w.state, entries == 0 ? WAL_TORN : WAL_DAMAGED);
        }
    }
    buf_done(&b);
}

/* A manifest is judged as a log is: broken before its end, a length that leads past the end
 * included, or at its end. */
static void test_manifest(void **state)
{
    struct crashed *c = *state;
    struct buf b;
    enum wal_state found;
    char path[PATH];
    buf_init(&b, SIZE_MAX);
    remove_tree(c->copy);
    assert_int_equal(mkdir(c->copy, 0700), 0);
    assert_int_equal(wal_manifest_state(c->copy, &found), OK);
    assert_int_equal(found, WAL_SOUND);
    (void)snprintf(path, sizeof path, "%s/CURRENT", c->copy);
    write_file(path, BYTES_LIT("MANIFEST-000007\n"));
    (void)snprintf(path, sizeof path, "%s/MANIFEST-000007", c->copy);
    for (size_t broken = 0; broken < 4; broken++) {
        size_t each = log_of(&b, 7, 1, 0).len;
        (void)log_of(&b, 7, 3, 0);
        if (broken < 3) {
            b.base[each * broken + 5] ^= 0x20; /* its length */
        }
        write_file(path, buf_bytes(&b));
        assert_int_equal(wal_manifest_state(c->copy, &found), OK);
        assert_int_equal(found, broken < 2 ? WAL_DAMAGED : broken == 2 ? WAL_TORN : WAL_SOUND);
    }
    buf_done(&b);
}

/* As before, with files: the torn tail is cut off, and no mark. */
static void test_cut_before_marks(void **state)
{
    struct crashed *c = *state;
    struct buf b;
    enum wal_state found;
    char path[PATH];
    buf_init(&b, SIZE_MAX);
    lay_out(c);
    size_t torn = c->ends[BATCHES - 2] + 50;
    write_file(c->log, bytes_of(c->bytes.base, torn));
    (void)snprintf(path, sizeof path, "%s/999999.log", c->copy);
    put_record(&b, 9, 0);
    write_file(path, buf_bytes(&b));
    size_t mark = b.len;
    assert_int_equal(wal_dir_state(c->copy, 0, &found), OK);
    assert_int_equal(found, WAL_TORN);
    assert_int_equal(wal_dir_cut(c->copy), OK);
    read_file(c->log, &b);
    assert_int_equal(b.len, c->ends[BATCHES - 2]);
    read_file(path, &b);
    assert_int_equal(b.len, mark);
    assert_int_equal(wal_dir_state(c->copy, 0, &found), OK);
    assert_int_equal(found, WAL_SOUND);
    buf_done(&b);
}

/* Logs that were written out and deleted, and that a power cut brought back, each alone: with a gap
 * behind it, torn, or damaged. They are not needed, and the store opens with all it had. */
static void test_open_returned_log(void **state)
{
    struct crashed *c = *state;
    struct engine *e;
    remove_tree(c->copy);
    assert_int_equal(open_store(c->copy, &e), OK);
    for (unsigned i = 0; i < BATCHES; i++) {
        write_batch(e, i);
    }
    engine_close(e);
    for (int i = 0; i < 2; i++) { /* each writes out what is in the log of the one before */
        assert_int_equal(open_store(c->copy, &e), OK);
        write_batch(e, (unsigned)(BATCHES + i));
        engine_close(e);
    }
    struct buf log;
    char path[PATH];
    buf_init(&log, SIZE_MAX);
    (void)snprintf(path, sizeof path, "%s/%s", c->copy, strrchr(c->log, '/') + 1);
    assert_int_not_equal(access(path, F_OK), 0);
    for (int how = 0; how < 3; how++) {
        buf_clear(&log);
        buf_put(&log, c->bytes.base, how == 1 ? c->ends[5] + 30 : c->bytes.len);
        log.base[40] ^= how == 2;
        memset(buf_reserve(&log, 1000), 0, 1000);
        log.len += how == 0 ? 1000 : 0;
        write_file(path, buf_bytes(&log));
        assert_int_equal(open_store(c->copy, &e), OK);
        struct engine_iter *it = engine_iter_open(e, NULL, BYTES_NONE, BYTES_LIT("z"));
        unsigned n = 0;
        while (engine_iter_next(it)) {
            n++;
        }
        assert_int_equal(n, BATCHES + 2);
        engine_iter_close(it);
        engine_close(e);
        assert_int_not_equal(access(path, F_OK), 0);
    }
    buf_done(&log);
}

/* A log with room behind it, as a crash leaves it, opens whole; one that was closed has none. */
static void test_open_room(void **state)
{
    struct crashed *c = *state;
    struct engine *e;
    remove_tree(c->copy);
    assert_int_equal(open_store(c->copy, &e), OK);
    char path[PATH];
    struct buf log;
    buf_init(&log, SIZE_MAX);
    for (unsigned i = 0; i < BATCHES; i++) {
        write_batch(e, i);
    }
    engine_close(e);
    (void)snprintf(path, sizeof path, "%s/%s", c->copy, strrchr(c->log, '/') + 1);
    read_file(path, &log);
    size_t closed = log.len;
    trim(&log);
    assert_int_equal(log.len, closed); /* truncated when it was closed */
    memset(buf_reserve(&log, 5000), 0, 5000);
    log.len += 5000;
    check_opens(c, buf_bytes(&log), BATCHES);
    buf_done(&log);
}

/* The other process: counts what is there, writes as much again that is synced, and dies. */
static int write_and_die(const char *dir, const char *expected)
{
    enum { WRITES = 150 };
    static const uint8_t noise[5000] = {1, 2, 3};
    struct engine *e;
    struct arena a;
    struct bytes msg;
    arena_init(&a, 4096);
    const struct engine_rocks_config config = {dir, 1 << 20, 64 << 10};
    if (engine_rocks_open(&config, &a, &e, &msg) != OK) {
        return 1;
    }
    uint64_t n = 0;
    uint64_t rounds;
    struct engine_iter *it = engine_iter_open(e, NULL, BYTES_NONE, BYTES_NONE);
    while (engine_iter_next(it)) {
        n++;
    }
    engine_iter_close(it);
    if (bytes_u64(bytes_str(expected), &rounds) != OK || n != rounds * WRITES) {
        return 2;
    }
    for (uint64_t i = n; i < n + WRITES; i++) {
        struct engine_batch *b = engine_batch_new(e);
        uint8_t key[8];
        store_u64_be(key, i);
        engine_batch_put(b, bytes_of(key, sizeof key), bytes_of(noise, sizeof noise));
        if (engine_write(e, b, true) != OK) {
            return 3;
        }
        engine_batch_free(b);
    }
    _exit(0);
}

/* A process that dies with several logs not yet closed: what it had synced is there, each time. */
static void test_killed_between_logs(void **state)
{
    struct crashed *c = *state;
    remove_tree(c->copy);
    for (unsigned round = 0; round < 5; round++) {
        char expected[8];
        (void)snprintf(expected, sizeof expected, "%u", round);
        pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            (void)execl("/proc/self/exe", "wal_test", c->copy, expected, (char *)NULL);
            _exit(127);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
}

int main(int argc, char **argv)
{
    if (argc == 3) {
        return write_and_die(argv[1], argv[2]);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walk_every_cut),
        cmocka_unit_test(test_walk_flips),
        cmocka_unit_test(test_walk_room),
        cmocka_unit_test(test_walk_mark),
        cmocka_unit_test(test_manifest),
        cmocka_unit_test(test_cut_before_marks),
        cmocka_unit_test(test_open_returned_log),
        cmocka_unit_test(test_open_room),
        cmocka_unit_test(test_killed_between_logs),
        cmocka_unit_test(test_open_cut),
        cmocka_unit_test(test_open_garbage),
        cmocka_unit_test(test_open_damage),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}

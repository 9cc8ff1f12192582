/* Jobs that ended long ago, and their tokens, make room for new ones. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "backup/backup.h"

#include <cmocka.h>

enum { JOBS = 130 };

#define NOW_MS UINT64_C(1700000000000)
#define DAY_MS (UINT64_C(24) * 3600 * 1000)

struct world {
    struct engine *engine;
    struct core *core;
    struct arena mem;
    size_t n_running; /* as the latest tend() found */
};

static void call(
    struct world *w, enum err (*run)(void *arg, struct part_stage *s, struct arena *a), void *arg)
{
    struct part_cmd cmd = {
        .kind = PART_CMD_CALL,
        .arena = &w->mem,
        .call = {.run = run, .arg = arg},
    };
    part_submit(core_part(w->core), &cmd);
    assert_int_equal(core_commit(w->core, NOW_MS), OK);
    assert_ptr_equal(core_take_done(w->core), &cmd);
    assert_int_equal(cmd.err, OK);
}

static void start(struct world *w)
{
    *w = (struct world){.engine = engine_mem_new()};
    arena_init(&w->mem, SIZE_MAX / 2);
    const struct core_config config = {
        .part =
            {
                .region = {7},
                .engine = w->engine,
                .batch_bytes_max = 1 << 20,
                .conflicts_max = 10,
            },
        .region = BYTES_LIT("us"),
        .seed = 1,
    };
    assert_int_equal(core_open(&config, NOW_MS, &w->core), OK);
}

static void stop(struct world *w)
{
    core_close(w->core);
    engine_close(w->engine);
    arena_done(&w->mem);
}

struct wanted {
    enum backup_kind kind;
    enum backup_status status;
    uint64_t ended_ms;
    struct bytes name;
    struct bytes token;
};

static enum err run_put(void *arg, struct part_stage *s, struct arena *a)
{
    const struct wanted *w = arg;
    const struct backup_job job = {
        .kind = w->kind,
        .name = w->name,
        .status = w->status,
        .began_ms = w->ended_ms,
        .ended_ms = w->status == BACKUP_RUNNING ? 0 : w->ended_ms,
    };
    enum err e = backup_job_put(s, a, &job);
    if (e != OK || w->token.base == NULL) {
        return e;
    }
    return backup_token_put(s, a, w->kind, w->token, w->name, w->ended_ms);
}

static void put(struct world *w, const struct wanted *wanted)
{
    struct wanted copy = *wanted;
    call(w, run_put, &copy);
}

static enum err run_tend(void *arg, struct part_stage *s, struct arena *a)
{
    struct world *w = arg;
    return backup_jobs_tend(s, w->engine, a, BACKUP_EXPORT, &w->n_running);
}

static size_t count(struct world *w, enum backup_kind kind)
{
    const struct backup_job *jobs;
    size_t n;
    assert_int_equal(backup_job_list(w->engine, &w->mem, kind, &jobs, &n), OK);
    return n;
}

struct token_look {
    struct bytes token;
    enum err err;
};

static enum err run_look(void *arg, struct part_stage *s, struct arena *a)
{
    struct token_look *l = arg;
    struct bytes name;
    uint64_t since_ms;
    l->err = backup_token_get(s, a, BACKUP_EXPORT, l->token, &name, &since_ms);
    return OK;
}

static enum err token(struct world *w, struct bytes name)
{
    struct token_look l = {.token = name};
    call(w, run_look, &l);
    return l.err;
}

/* Of exports that ended ninety days ago and more each new one takes some away, and tokens whose
 * hours are over; what runs, what ended lately and other kinds of jobs stay. */
static void test_tend(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    for (unsigned i = 0; i < JOBS; i++) {
        put(&w,
            &(struct wanted){
                .kind = BACKUP_EXPORT,
                .status = i % 2 == 0 ? BACKUP_DONE : BACKUP_FAILED,
                .ended_ms = NOW_MS - 90 * DAY_MS,
                .name = bytes_fmt(&w.mem, "%014u-%08x", 1000 + i, i),
            });
    }
    put(&w,
        &(struct wanted){
            .kind = BACKUP_EXPORT,
            .status = BACKUP_DONE,
            .ended_ms = NOW_MS - 90 * DAY_MS + 1,
            .name = BYTES_LIT("lately"),
            .token = BYTES_LIT("worn out"),
        });
    put(&w,
        &(struct wanted){
            .kind = BACKUP_EXPORT,
            .status = BACKUP_RUNNING,
            .ended_ms = NOW_MS - 91 * DAY_MS,
            .name = BYTES_LIT("running"),
        });
    put(&w,
        &(struct wanted){
            .kind = BACKUP_EXPORT,
            .status = BACKUP_DONE,
            .ended_ms = NOW_MS - BACKUP_TOKEN_MS + 1,
            .name = BYTES_LIT("just now"),
            .token = BYTES_LIT("good"),
        });
    put(&w,
        &(struct wanted){
            .kind = BACKUP_KEPT,
            .status = BACKUP_DONE,
            .ended_ms = NOW_MS - 900 * DAY_MS,
            .name = BYTES_LIT("kept"),
        });
    size_t before = count(&w, BACKUP_EXPORT);
    assert_int_equal(before, JOBS + 3);
    call(&w, run_tend, &w);
    assert_int_equal(w.n_running, 1);
    assert_true(count(&w, BACKUP_EXPORT) < before);
    for (unsigned i = 0; i < 4; i++) {
        call(&w, run_tend, &w);
    }
    assert_int_equal(count(&w, BACKUP_EXPORT), 3);
    assert_int_equal(count(&w, BACKUP_KEPT), 1);
    assert_int_equal(token(&w, BYTES_LIT("worn out")), ERR_NOT_FOUND);
    assert_int_equal(token(&w, BYTES_LIT("good")), OK);
    stop(&w);
}

/* What is past is not told of any more, also before it is taken away. */
static void test_past(void **state)
{
    (void)state;
    struct backup_job job = {.kind = BACKUP_IMPORT, .status = BACKUP_DONE, .ended_ms = NOW_MS};
    assert_false(backup_job_is_past(&job, NOW_MS + 90 * DAY_MS - 1));
    assert_true(backup_job_is_past(&job, NOW_MS + 90 * DAY_MS));
    job.status = BACKUP_RUNNING;
    assert_false(backup_job_is_past(&job, NOW_MS + 90 * DAY_MS));
    job.status = BACKUP_DONE;
    job.kind = BACKUP_KEPT;
    assert_false(backup_job_is_past(&job, NOW_MS + 90 * DAY_MS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tend),
        cmocka_unit_test(test_past),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The jobs thread: which jobs run, whose turn it is, and the way to the writer and back. */
#include "server/jobs.h"

#include <stdio.h>
#include <stdlib.h>

enum {
    ROW_ARENA_BYTES = 64 << 20,
    RETRY_MS = 20,
    RECLAIM_BYTES_MIN = 16 << 20,
    RECLAIM_REST = 4, /* times what it took */
    RECLAIM_LATER_MS = 10000,
    RECLAIM_VAIN_MS = 60000,
};

/* ---- paths ---- */

bool jobs_backup_path(const struct jobs *js, struct bytes name, char ret[JOB_PATH_MAX])
{
    struct bytes dir = js->server->config->data_dir;
    int n =
        snprintf(ret, JOB_PATH_MAX, "%.*s/backups/%.*s.backup", BYTES_FMT(dir), BYTES_FMT(name));
    return n > 0 && n < JOB_PATH_MAX;
}

/* No part of the path may lead out of the bucket. */
static bool stays_inside(struct bytes key)
{
    size_t start = 0;
    for (size_t i = 0; i <= key.len; i++) {
        bool end = i == key.len || key.base[i] == '/';
        if (i < key.len && key.base[i] == 0) {
            return false;
        }
        if (end) {
            struct bytes part = {key.base + start, i - start};
            if (bytes_eq_str(part, "..") || bytes_eq_str(part, ".")) {
                return false;
            }
            start = i + 1;
        }
    }
    return true;
}

bool jobs_bucket_path(
    const struct jobs *js, struct bytes bucket, struct bytes key, char ret[JOB_PATH_MAX])
{
    const struct server_config *c = js->server->config;
    struct bytes slash = BYTES_LIT("/");
    bool name = bucket.len > 0 && stays_inside(bucket) && !bytes_contains(bucket, slash);
    int n = c->s3_dir.len > 0 ? snprintf(ret, JOB_PATH_MAX, "%.*s/", BYTES_FMT(c->s3_dir))
                              : snprintf(ret, JOB_PATH_MAX, "%.*s/s3/", BYTES_FMT(c->data_dir));
    if (!name || !stays_inside(key) || n < 0 || n >= JOB_PATH_MAX) {
        return false;
    }
    size_t room = (size_t)(JOB_PATH_MAX - n);
    int m = key.len == 0 ? snprintf(ret + n, room, "%.*s", BYTES_FMT(bucket))
                         : snprintf(ret + n, room, "%.*s/%.*s", BYTES_FMT(bucket), BYTES_FMT(key));
    return m > 0 && (size_t)m < room;
}

void jobs_log(
    const struct runner *r, enum trace_level level, const char *event, struct bytes detail)
{
    TRACE(
        &r->jobs->server->logger.tracer,
        level,
        "server",
        event,
        TRACE_TEXT("job", r->job.name),
        TRACE_TEXT("table", r->job.table_name),
        TRACE_TEXT("detail", detail));
}

/* ---- messages ---- */

static void want(struct jobs *js, struct msg *m)
{
    if (js->wanted_last == NULL) {
        js->wanted = m;
    } else {
        js->wanted_last->mail.next = &m->mail;
    }
    js->wanted_last = m;
    m->mail.next = NULL;
}

/* Takes in what came; true once `awaited` (or NULL) is among it. */
static bool take_messages(struct jobs *js, const struct msg *awaited)
{
    bool back = false;
    for (struct mail *m = mailbox_take_all(js->inbox), *next; m != NULL; m = next) {
        next = m->next;
        struct msg *msg = msg_of(m);
        if (msg == awaited) {
            back = true;
            continue;
        }
        if (msg->kind == MSG_WAKE) {
            want(js, msg);
            continue;
        }
        if (msg->kind == MSG_FAULT) {
            js->clock.skew_ms = (int64_t)msg->number;
        }
        js->reclaim |= msg->kind == MSG_RECLAIM;
        js->stopping |= msg->kind == MSG_STOP;
        msg_free(msg);
    }
    return back;
}

enum err jobs_do(struct jobs *js, struct part_cmd *cmd)
{
    struct msg msg = {.kind = MSG_JOB, .home = js->inbox, .cmd = cmd};
    while (mailbox_post(js->server->writer.inbox, &msg.mail) != OK) {
        (void)mailbox_wait(js->inbox, RETRY_MS);
        (void)take_messages(js, NULL);
    }
    do {
        (void)mailbox_wait(js->inbox, /* timeout_ms= */ -1);
    } while (!take_messages(js, &msg));
    return cmd->err;
}

enum err jobs_call(
    struct jobs *js, enum err (*run)(void *arg, struct part_stage *s, struct arena *a), void *arg)
{
    struct arena a;
    arena_init(&a, ROW_ARENA_BYTES);
    struct part_cmd cmd = {.kind = PART_CMD_CALL, .arena = &a, .call = {.run = run, .arg = arg}};
    enum err e = jobs_do(js, &cmd);
    arena_done(&a);
    return e;
}

/* ---- rows ---- */

static enum err save(void *arg, struct part_stage *s, struct arena *a)
{
    const struct runner *r = arg;
    return backup_job_put(s, a, &r->job);
}

enum err runner_save(struct runner *r)
{
    return jobs_call(r->jobs, save, r);
}

struct ending {
    struct runner *runner;
    bool failed;
    bool drop;
};

static enum err end_filling(void *arg, struct part_stage *s, struct arena *a)
{
    const struct ending *e = arg;
    const struct backup_job *job = &e->runner->job;
    struct core_table t = {.extra = {.type = VALUE_MAP}};
    bool import = job->kind == BACKUP_IMPORT;
    t.uuid = import ? job->table_uuid : job->target_uuid;
    struct core_admin admin = {
        .kind = CORE_ADMIN_FILL_TABLE,
        .core = e->runner->jobs->server->writer.core,
        .name = import ? job->table_name : job->target_name,
        .table = &t,
        .fill_failed = e->failed,
    };
    const struct core_table *now = catalog_table(core_catalog(admin.core), admin.name);
    enum err err = OK;
    if (now != NULL && now->extra.type == VALUE_MAP) {
        /* Where it comes from is told until now. */
        err = value_with(a, &now->extra, BYTES_LIT("restore"), NULL, &t.extra);
    }
    err = err == OK ? core_admin_run(&admin, s, a) : err;
    if (err == ERR_NOT_FOUND && e->failed) {
        err = OK; /* it never came to be */
    }
    if (err != OK) {
        return err;
    }
    return e->drop ? backup_job_drop(s, a, job->kind, job->name) : backup_job_put(s, a, job);
}

enum err runner_end_filling(struct runner *r, bool failed, bool drop)
{
    struct ending e = {r, failed, drop};
    return jobs_call(r->jobs, end_filling, &e);
}

/* ---- runners ---- */

static void runner_free(struct runner *r)
{
    if (r->done != NULL) {
        r->done(r);
    }
    putter_done(&r->putter);
    if (r->snap != NULL) {
        engine_snapshot_close(r->snap);
    }
    arena_done(&r->arena);
    free(r);
}

static bool is_running(const struct jobs *js, const struct backup_job *job)
{
    for (const struct runner *r = js->runners; r != NULL; r = r->next) {
        if (r->job.kind == job->kind && bytes_eq(r->job.name, job->name)) {
            return true;
        }
    }
    return false;
}

static enum err runner_begin(struct runner *r)
{
    enum err e = r->job.table == NULL ? ERR_CORRUPT : OK;
    if (e == OK) {
        e = core_table_decode(&r->arena, r->job.table, &r->source);
    }
    /* Which kind it is decides how a failure is written down, so that comes first. */
    enum err begun = ERR_INVALID;
    switch (r->job.kind) {
    case BACKUP_KEPT:
        begun = backup_begin(r);
        break;
    case BACKUP_RESTORE:
        /* Of a backup the file says what the table was. */
        e = r->job.of_past ? e : OK;
        begun = restore_begin(r);
        break;
    case BACKUP_EXPORT:
        begun = export_job_begin(r);
        break;
    case BACKUP_IMPORT:
        begun = import_job_begin(r);
        break;
    }
    return e == OK ? begun : e;
}

static void runner_failed(struct runner *r, enum err why)
{
    jobs_log(r, TRACE_ERROR, "a job failed", bytes_str(err_text(why)));
    enum err e = r->fail(r, why);
    if (e != OK) {
        jobs_log(r, TRACE_ERROR, "a failure could not be written down", bytes_str(err_text(e)));
    }
}

/* Begins the job of that name unless it runs already or is over. */
static void begin(
    struct jobs *js, enum backup_kind kind, struct bytes name, struct engine_snapshot *snap)
{
    struct runner *r = calloc(1, sizeof *r);
    ASSERT(r != NULL);
    r->jobs = js;
    arena_init(&r->arena, ROW_ARENA_BYTES);
    putter_init(&r->putter);
    r->snap = snap;
    struct engine *engine = js->server->engine;
    enum err e = backup_job_read(engine, &r->arena, kind, bytes_dup(&r->arena, name), &r->job);
    if (e != OK || r->job.status != BACKUP_RUNNING || is_running(js, &r->job)) {
        runner_free(r);
        return;
    }
    if (r->snap == NULL) {
        r->snap = engine_snapshot_open(engine);
    }
    e = runner_begin(r);
    if (e != OK) {
        runner_failed(r, e);
        runner_free(r);
        return;
    }
    r->next = js->runners;
    js->runners = r;
}

/* ---- after a restart ---- */

static void begin_all(struct jobs *js, enum backup_kind kind)
{
    struct arena a;
    const struct backup_job *jobs;
    size_t n;
    arena_init(&a, ROW_ARENA_BYTES);
    enum err e = backup_job_list(js->server->engine, &a, kind, &jobs, &n);
    for (size_t i = 0; e == OK && i < n; i++) {
        if (jobs[i].status == BACKUP_RUNNING) {
            begin(js, kind, jobs[i].name, NULL);
        }
    }
    if (e != OK) {
        TRACE(
            &js->server->logger.tracer,
            TRACE_ERROR,
            "server",
            "could not look for jobs that were under way, retrying at the next start",
            TRACE_NUM("kind", kind),
            TRACE_TEXT("err", bytes_str(err_text(e))));
    }
    arena_done(&a);
}

struct sweep {
    struct jobs *jobs;
    struct arena arena;
};

/* A backup file whose row is gone, or that was never finished, goes. */
static void sweep_file(void *ctx, const char *file, uint64_t bytes)
{
    (void)bytes;
    struct sweep *sweep = ctx;
    struct jobs *js = sweep->jobs;
    struct bytes name = bytes_str(file);
    char path[JOB_PATH_MAX];
    struct backup_job job;
    const size_t name_len = strlen("00000000000000-00000000");
    name.len = name.len < name_len ? name.len : name_len;
    if (!backup_job_name_valid(name)) {
        return;
    }
    arena_clear(&sweep->arena);
    enum err e = backup_job_read(js->server->engine, &sweep->arena, BACKUP_KEPT, name, &job);
    bool busy = e == OK && job.status == BACKUP_RUNNING;
    bool whole = bytes_eq_str(bytes_from(bytes_str(file), name_len), ".backup");
    if (busy || (e == OK && whole) || (e != OK && e != ERR_NOT_FOUND)) {
        return;
    }
    struct bytes dir = js->server->config->data_dir;
    int n = snprintf(path, sizeof path, "%.*s/backups/%s", BYTES_FMT(dir), file);
    if (n > 0 && (size_t)n < sizeof path && io_unlink(path) == ERR_IO) {
        TRACE(
            &js->server->logger.tracer,
            TRACE_WARN,
            "server",
            "could not remove a backup file, retrying at the next deletion",
            TRACE_TEXT("file", bytes_str(path)));
    }
}

static void sweep_files(struct jobs *js)
{
    struct sweep sweep = {.jobs = js};
    char path[JOB_PATH_MAX];
    struct bytes dir = js->server->config->data_dir;
    int n = snprintf(path, sizeof path, "%.*s/backups", BYTES_FMT(dir));
    if (n < 0 || (size_t)n >= sizeof path) {
        return;
    }
    arena_init(&sweep.arena, ROW_ARENA_BYTES);
    enum err e = io_dir_walk(path, /* deep= */ false, sweep_file, &sweep);
    if (e != OK && e != ERR_NOT_FOUND) {
        TRACE(
            &js->server->logger.tracer,
            TRACE_WARN,
            "server",
            "could not look through the backups",
            TRACE_TEXT("err", bytes_str(err_text(e))));
    }
    arena_done(&sweep.arena);
}

/* ---- the thread ---- */

/* Begins what was asked for meanwhile. */
static void take_wanted(struct jobs *js)
{
    while (js->wanted != NULL) {
        struct msg *m = js->wanted;
        js->wanted = (struct msg *)m->mail.next;
        js->wanted_last = js->wanted == NULL ? NULL : js->wanted_last;
        begin(js, m->job_kind, bytes_of(m->row, m->row_len), m->snap);
        if (m->job_kind == BACKUP_KEPT) {
            sweep_files(js);
        }
        msg_free(m);
    }
}

/* One step of each runner. */
static void run_round(struct jobs *js)
{
    for (struct runner **at = &js->runners; *at != NULL && !js->stopping;) {
        struct runner *r = *at;
        enum err e = r->step(r);
        if (e == OK) {
            at = &r->next;
            continue;
        }
        if (e != ERR_NOT_FOUND) {
            runner_failed(r, e);
        }
        *at = r->next;
        runner_free(r);
    }
}

static bool is_busy(const struct jobs *js)
{
    return js->runners != NULL || js->wanted != NULL;
}

/* How long to wait for a message; negative: until one comes. */
static int64_t patience_ms(const struct jobs *js)
{
    uint64_t now_ms = mono_ms();
    if (is_busy(js) || (js->reclaim && js->reclaim_at_ms <= now_ms)) {
        return 0;
    }
    return js->reclaim ? (int64_t)(js->reclaim_at_ms - now_ms) : -1;
}

/* Told once: somebody may wait for the space. */
static bool must_wait(struct jobs *js, const struct part_reader *reader)
{
    bool waits = part_reclaim_must_wait(js->reclaimer, reader);
    if (waits && !js->reclaim_waits) {
        TRACE(
            &js->server->logger.tracer,
            TRACE_INFO,
            "server",
            "the space of what is gone comes back when a seed, backup or export has ended");
    }
    js->reclaim_waits = waits;
    return waits;
}

/* One span of keys; how long the disk is to be left alone then. */
static uint64_t reclaim_one(struct jobs *js, const struct part_reader *reader)
{
    uint64_t began_ms = mono_ms();
    struct part_reclaimed found = part_reclaim(js->reclaimer, reader);
    uint64_t took_ms = mono_ms() - began_ms;
    if (found.what == PART_RECLAIM_NONE) {
        return RECLAIM_REST * took_ms;
    }
    js->reclaim = true;
    TRACE(
        &js->server->logger.tracer,
        TRACE_INFO,
        "server",
        "rewrote files for the space of what is gone",
        TRACE_NUM("bytes_before", found.bytes_before),
        TRACE_NUM("bytes_after", found.bytes_after),
        TRACE_NUM("ms", took_ms));
    bool vain = found.bytes_after >= found.bytes_before; /* the disk may be full */
    return RECLAIM_REST * took_ms + (vain ? RECLAIM_VAIN_MS : 0);
}

/* Not while a job runs: it would stand still, and what it has a snapshot of cannot go. */
static void reclaim(struct jobs *js)
{
    if (!js->reclaim || is_busy(js) || mono_ms() < js->reclaim_at_ms) {
        return;
    }
    const struct part_reader reader = {.engine = js->server->engine};
    if (must_wait(js, &reader)) {
        js->reclaim_at_ms = mono_ms() + RECLAIM_LATER_MS;
        return;
    }
    if (jobs_call(js, part_reclaim_prepare, NULL) != OK) {
        js->reclaim = false; /* the writer failed */
        return;
    }
    if (is_busy(js) || js->stopping) {
        return;
    }
    js->reclaim = false;
    uint64_t rest_ms = reclaim_one(js, &reader);
    js->reclaim_at_ms = mono_ms() + rest_ms;
}

static void jobs_run(void *arg)
{
    struct jobs *js = arg;
    for (unsigned kind = 0; kind < BACKUP_KINDS; kind++) {
        begin_all(js, (enum backup_kind)kind);
    }
    sweep_files(js);
    while (!js->stopping) {
        (void)mailbox_wait(js->inbox, patience_ms(js));
        (void)take_messages(js, NULL);
        if (!js->stopping) {
            take_wanted(js);
            run_round(js);
        }
        if (!js->stopping) {
            reclaim(js);
        }
    }
    /* What is under way begins anew when the region starts again. */
    while (js->runners != NULL) {
        struct runner *r = js->runners;
        js->runners = r->next;
        runner_free(r);
    }
    while (js->wanted != NULL) {
        struct msg *m = js->wanted;
        js->wanted = (struct msg *)m->mail.next;
        if (m->snap != NULL) {
            engine_snapshot_close(m->snap);
        }
        msg_free(m);
    }
}

void jobs_wake(struct server *s, const struct dynamo_job *job)
{
    struct msg *m = msg_new(MSG_WAKE);
    m->job_kind = job->kind;
    m->row = malloc(job->name.len + 1);
    ASSERT(m->row != NULL);
    memcpy(m->row, job->name.base, job->name.len);
    m->row_len = job->name.len;
    m->snap = engine_snapshot_open(s->engine);
    msg_post(s->jobs.inbox, m);
}

enum err jobs_start(struct server *s)
{
    struct jobs *js = &s->jobs;
    const struct dynamo_config dynamo = {
        .region = s->config->name,
        .signatures_off = true,
        .seed = io_random_seed(),
    };
    js->server = s;
    js->reclaimer = part_reclaimer_new(RECLAIM_BYTES_MIN);
    js->dynamo = dynamo_new(&dynamo);
    return io_thread_spawn("jobs", jobs_run, js, &js->thread);
}

void jobs_stop(struct server *s)
{
    struct jobs *js = &s->jobs;
    if (js->thread != NULL) {
        engine_reclaim_stop(s->engine);
        msg_post(js->inbox, msg_new(MSG_STOP));
        io_thread_join(js->thread);
        js->thread = NULL;
    }
    part_reclaimer_free(js->reclaimer);
    js->reclaimer = NULL;
    dynamo_free(js->dynamo);
    js->dynamo = NULL;
}

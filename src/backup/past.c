/* Forgetting: exports and imports that ended long ago, and tokens that stand for nothing any more.
 * New ones make room for themselves: whoever begins one takes some of the old ones away, in the
 * same batch, more of them than it adds. */
#include "backup/backup.h"

enum { DROPS_MAX = 50 }; /* rows of old ones that one new job takes away */

static const uint64_t past_ms = UINT64_C(90) * 24 * 3600 * 1000;

bool backup_job_is_past(const struct backup_job *job, uint64_t now_ms)
{
    bool fleeting = job->kind == BACKUP_EXPORT || job->kind == BACKUP_IMPORT;
    return fleeting && job->status != BACKUP_RUNNING && job->ended_ms + past_ms <= now_ms;
}

struct tending {
    struct part_stage *s;
    struct arena *a;
    enum backup_kind kind;
    uint64_t now_ms;
    size_t n_running;
    size_t n_dropped;
};

/* One row of CORE_TABLE_JOBS, of whatever kind. A row that does not decode is none of ours. */
static enum err tend_row(struct tending *t, const struct value *row)
{
    struct backup_job job;
    struct bytes token;
    uint64_t since_ms;
    enum err e = OK;
    if (backup_token_decode(row, t->kind, &token, &since_ms)) {
        bool over = since_ms + BACKUP_TOKEN_MS <= t->now_ms && t->n_dropped < DROPS_MAX;
        e = over ? backup_token_drop(t->s, t->a, t->kind, token) : OK;
        t->n_dropped += over ? 1 : 0;
    } else if (backup_job_decode(t->a, row, &job) == OK && job.kind == t->kind) {
        bool over = backup_job_is_past(&job, t->now_ms) && t->n_dropped < DROPS_MAX;
        e = over ? backup_job_drop(t->s, t->a, t->kind, job.name) : OK;
        t->n_running += job.status == BACKUP_RUNNING ? 1 : 0;
        t->n_dropped += over ? 1 : 0;
    }
    return e;
}

enum err backup_jobs_tend(
    struct part_stage *s,
    struct engine *engine,
    struct arena *a,
    enum backup_kind kind,
    size_t *ret_running)
{
    const struct part_table table = core_jobs_schema();
    const struct part_reader r = {.engine = engine};
    const struct part_range range = {.hash_lo = 0, .hash_hi = UINT32_MAX};
    struct tending t = {.s = s, .a = a, .kind = kind, .now_ms = part_stage_now_ms(s)};
    struct part_cursor *c;
    enum err e = part_cursor_open(&r, &table, &range, &c);
    if (e != OK) {
        return e;
    }
    while (e == OK) {
        struct value row;
        size_t size;
        e = part_cursor_next(c, a, &row, &size);
        if (e == OK) {
            e = tend_row(&t, &row);
        }
    }
    part_cursor_close(c);
    *ret_running = t.n_running;
    return e == ERR_NOT_FOUND ? OK : e;
}

#pragma once

/* What the files of the jobs thread share. It backs up, restores, exports and imports: reads the
 * engine itself, reads and writes files, and changes data by commands to the writer like anybody
 * else. It may block; nobody waits for it.
 *
 * Every job that runs has a runner, and runners take turns, a bounded step each. A runner keeps
 * nothing that a restart would miss: the job's row says that it is RUNNING, and then it begins
 * anew.
 */

#include "server/inside.h"

enum {
    JOB_STEP_RECORDS = 2000,      /* records one step looks at */
    JOB_STEP_BYTES = 512 * 1024,  /* and about how much it reads or writes of files */
    JOB_PUT_ITEMS = 100,          /* items in one command to the writer */
    JOB_PUT_BYTES = 1024 * 1024,  /* and about their bytes */
    JOB_ITEM_BYTES_MAX = 4 << 20, /* an encoded item, or a line of a file */
    JOB_NAME_MAX = 64,
    JOB_PATH_MAX = 4096,
};

struct runner;

/* Items on their way to the writer. */
struct putter {
    struct arena arena; /* of one command: its items and operations */
    struct part_op *ops;
    size_t n;
    size_t bytes;
    uint64_t put;     /* that stand in the table */
    uint64_t refused; /* that do not fit it */
};

struct runner {
    struct jobs *jobs;
    struct runner *next;
    struct arena arena; /* as long as the runner */
    struct backup_job job;
    struct core_table source; /* as the job's row has it */
    struct engine_snapshot *snap;
    /* OK: there is more; ERR_NOT_FOUND: the job is done and its row says so; any other error: it
     * failed. */
    enum err (*step)(struct runner *r);
    void (*done)(struct runner *r);                   /* frees `own`; may be NULL */
    enum err (*fail)(struct runner *r, enum err why); /* writes down that it failed */
    void *own;
    struct putter putter;
};

/* ---- jobs.c ---- */

/* Hands a command to the writer and waits for it. Returns its error. */
MUST_CHECK enum err jobs_do(struct jobs *js, struct part_cmd *cmd);
/* The same for a call inside the batch. */
MUST_CHECK enum err jobs_call(
    struct jobs *js, enum err (*run)(void *arg, struct part_stage *s, struct arena *a), void *arg);
/* "DATA_DIR/backups/NAME.backup" into `ret`. false: too long. */
bool jobs_backup_path(const struct jobs *js, struct bytes name, char ret[JOB_PATH_MAX]);
/* "S3_DIR/BUCKET" or, with `key`, "S3_DIR/BUCKET/KEY". false: too long, or it would leave the
 * bucket. */
bool jobs_bucket_path(
    const struct jobs *js, struct bytes bucket, struct bytes key, char ret[JOB_PATH_MAX]);
void jobs_log(
    const struct runner *r, enum trace_level level, const char *event, struct bytes detail);
/* Writes the job's row, as it is now. */
MUST_CHECK enum err runner_save(struct runner *r);
/* Ends the filling of the job's table: it opens, or goes. With `drop` the job's row goes in the
 * same commit, else it is written as it is now. */
MUST_CHECK enum err runner_end_filling(struct runner *r, bool failed, bool drop);

#define JOB_NO_BUCKET                                                                         \
    "The specified bucket does not exist (Service: Amazon S3; Status Code: 404; Error Code: " \
    "NoSuchBucket)"

/* Whether the runner's snapshot has the job's table. OK; ERR_NOT_FOUND: it had gone before. */
MUST_CHECK enum err runner_table_is_there(const struct runner *r);
/* Whether the log still holds all that happened since. OK; ERR_FENCED. */
MUST_CHECK enum err runner_past_is_held(const struct runner *r, uint64_t since_ms);

/* ---- jobs_put.c ---- */

void putter_init(struct putter *p);
void putter_done(struct putter *p);
/* Adds an item, which lies in p->arena, to the next command, and sends that when it is full. OK;
 * ERR_INVALID: it does not fit the table and is left out; or an error of the writer. */
MUST_CHECK enum err putter_add(
    struct runner *r, const struct core_table *t, const struct value *item);
MUST_CHECK enum err putter_flush(struct runner *r);
/* The runner's target table as the writer knows it, copied into the runner's arena. OK;
 * ERR_NOT_FOUND: it is not there, or not being filled by this job. */
MUST_CHECK enum err runner_target(
    struct runner *r, struct bytes name, struct bytes uuid, struct core_table **ret);

/* ---- the kinds ---- */

/* Each sets step, done and fail. OK, or why it cannot begin. */
MUST_CHECK enum err backup_begin(struct runner *r);
MUST_CHECK enum err restore_begin(struct runner *r);
MUST_CHECK enum err export_job_begin(struct runner *r);
MUST_CHECK enum err import_job_begin(struct runner *r);

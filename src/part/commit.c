/* The queue and the group commit.
 *
 * A commit takes commands in order. Those that walk the engine (backfill, trim, sweep, seed) begin
 * a batch of their own, because the engine does not hold the open batch yet. Marks, the clock's
 * floor and, now and then, the counters' checkpoint go into the same batch as the changes, so a
 * crash leaves all of it or nothing.
 *
 * The next batch may be gathered while the last one is written, so that neither the processor nor
 * the disk waits for the other. At most one batch is under way; what is gathered meanwhile sees its
 * effects through its overlay, and is sealed only when it is on disk.
 *
 * Invariants
 *  1. No command is done before its batch is synced, nor before the batches its own was evaluated
 * upon.
 *  2. While a batch is under way only clients' writes are evaluated: everything else reads the
 * engine itself. */
#include "part/impl.h"

/* ---- queue ---- */

void part_queue_init(struct part_queue *q)
{
    *q = (struct part_queue){.tail = &q->head};
}

static void push(struct part_queue *q, struct part_cmd *cmd)
{
    cmd->next = NULL;
    *q->tail = cmd;
    q->tail = &cmd->next;
    q->n++;
}

static struct part_cmd *pop(struct part_queue *q)
{
    struct part_cmd *cmd = q->head;
    if (cmd != NULL) {
        q->head = cmd->next;
        if (q->head == NULL) {
            q->tail = &q->head;
        }
        q->n--;
        cmd->next = NULL;
    }
    return cmd;
}

void part_submit(struct part *p, struct part_cmd *cmd)
{
    push(&p->waiting, cmd);
}

size_t part_waiting(const struct part *p)
{
    return p->waiting.n;
}

struct part_cmd *part_take_done(struct part *p)
{
    return pop(&p->done);
}

/* ---- commit ---- */

static void run_call(struct part *p, struct part_cmd *cmd)
{
    part_stage_begin(p);
    cmd->call.pos.v = 0;
    cmd->err = cmd->call.run(cmd->call.arg, &p->stage, cmd->arena);
    if (cmd->err != OK) {
        part_stage_abort(p);
        return;
    }
    cmd->err = part_stage_close(p, &cmd->call.pos);
}

/* A promise costs a write only when it passes the durable ceiling, which then moves a little ahead.
 */
static void run_mark(struct part *p, struct part_cmd *cmd)
{
    struct hlc h = hlc_tick(&p->clock, p->now_ms);
    if (h.v > p->ceiling.v) {
        p->ceiling.v = h.v + hlc_of_ms(PART_CEILING_MS).v;
        part_meta_u64_put(p, "ceiling", p->ceiling.v);
    }
    cmd->mark.hlc = h;
    cmd->mark.pos = p->tail;
    cmd->err = OK;
}

static void run_skip(struct part *p, struct part_cmd *cmd)
{
    cmd->err = part_log_trim(p, cmd->skip.to);
    if (cmd->err != OK) {
        return;
    }
    if (cmd->skip.to.v > p->tail.v) {
        p->tail = cmd->skip.to;
        p->batch_tail = p->tail;
        p->checkpoint_must = true;
    }
    p->marks_must = true;
    if (cmd->skip.hlc.v > p->clock.last.v) {
        hlc_clock_init(&p->clock, cmd->skip.hlc, p->config.drift_ms_max);
    }
}

static bool walks_engine(const struct part_cmd *cmd)
{
    switch (cmd->kind) {
    case PART_CMD_BACKFILL:
    case PART_CMD_EXPIRE:
    case PART_CMD_TRIM:
    case PART_CMD_SWEEP:
    case PART_CMD_SEED:
    case PART_CMD_SKIP:
        return true;
    case PART_CMD_WRITE:
    case PART_CMD_CALL:
    case PART_CMD_APPLY:
    case PART_CMD_MARK:
        return false;
    }
    UNREACHABLE();
}

static void run(struct part *p, struct part_cmd *cmd)
{
    switch (cmd->kind) {
    case PART_CMD_WRITE:
        part_write_run(p, cmd);
        return;
    case PART_CMD_CALL:
        run_call(p, cmd);
        return;
    case PART_CMD_APPLY:
        part_apply_run(p, cmd);
        return;
    case PART_CMD_SEED:
        part_seed_run(p, cmd);
        return;
    case PART_CMD_BACKFILL:
        if (cmd->backfill.index == PART_INDEX_EXPIRY) {
            part_expiry_backfill(p, cmd);
        } else {
            part_index_backfill(p, cmd);
        }
        return;
    case PART_CMD_EXPIRE:
        part_expire_run(p, cmd);
        return;
    case PART_CMD_TRIM:
        cmd->err = part_log_trim(p, cmd->trim.upto);
        return;
    case PART_CMD_SWEEP:
        part_sweep_run(p, cmd);
        return;
    case PART_CMD_MARK:
        run_mark(p, cmd);
        return;
    case PART_CMD_SKIP:
        run_skip(p, cmd);
        return;
    }
    UNREACHABLE();
}

static bool batch_is_empty(const struct part *p)
{
    return engine_batch_count(p->batch) == 0 && !p->marks_must;
}

/* Whether the engine shows all there is, as those who walk it need. */
static bool engine_is_whole(const struct part *p)
{
    return batch_is_empty(p) && p->overlay.n == 0;
}

void part_batch_init(struct part_batch *b, struct engine *engine)
{
    b->engine = engine;
    b->rows = engine_batch_new(engine);
    arena_init(&b->arena, SIZE_MAX / 2);
    part_queue_init(&b->cmds);
}

void part_batch_done(struct part_batch *b)
{
    engine_batch_free(b->rows);
    arena_done(&b->arena);
    overlay_done(&b->overlay);
}

/* Evaluates what waits into the open batch, in order: until it is full, or before a command that
 * has to wait for it (or, `writes_only`, is no client's write). */
static void evaluate(struct part *p, bool writes_only)
{
    while (p->waiting.head != NULL && engine_batch_bytes(p->batch) < p->config.batch_bytes_max) {
        bool alone = walks_engine(p->waiting.head);
        if ((alone && !engine_is_whole(p)) ||
            (writes_only && p->waiting.head->kind != PART_CMD_WRITE)) {
            return;
        }
        struct part_cmd *cmd = pop(&p->waiting);
        run(p, cmd);
        ASSERT(!p->stage.open);
        push(&p->gathered, cmd);
        if (alone) {
            return;
        }
    }
}

void part_gather(struct part *p, uint64_t now_ms)
{
    if (!p->failed) {
        p->now_ms = now_ms;
        evaluate(p, /* writes_only= */ true);
    }
}

size_t part_gathered(const struct part *p)
{
    return p->gathered.n;
}

/* What the batch has to say besides its changes. */
static void finish_rows(struct part *p)
{
    if (p->checkpoint_must || p->log_bytes_since > PART_CHECKPOINT_BYTES) {
        part_checkpoint_put(p);
    }
    part_istates_put(p);
    if (!batch_is_empty(p)) {
        part_marks_put(p);
    }
}

struct part_batch *part_seal(struct part *p)
{
    struct part_batch *b = &p->sealed;
    ASSERT(!b->under_way);
    finish_rows(p);
    struct part_batch open = {.rows = p->batch, .arena = p->batch_arena, .overlay = p->overlay};
    p->batch = b->rows;
    p->batch_arena = b->arena;
    p->overlay = b->overlay;
    b->rows = open.rows;
    b->arena = open.arena;
    b->overlay = open.overlay;
    while (p->gathered.n > 0) {
        push(&b->cmds, pop(&p->gathered));
    }
    b->tail = p->tail;
    b->err = OK;
    b->under_way = true;
    buf_clear(&p->log);
    p->n_dropped = 0;
    p->batch_tail = p->tail;
    return b;
}

/* The batch failed: nobody knows whether it is there, so neither do its commands. */
static void doubt(struct part_cmd *cmd)
{
    cmd->err = ERR_IO;
    if (cmd->kind != PART_CMD_WRITE) {
        return;
    }
    for (size_t i = 0; i < cmd->write.n; i++) {
        if (cmd->write.ops[i].err == OK) {
            cmd->write.ops[i].err = ERR_IO;
        }
    }
}

enum err part_batch_write(struct part_batch *b)
{
    ASSERT(b->under_way);
    if (engine_batch_count(b->rows) > 0) {
        b->err = engine_write(b->engine, b->rows, /* sync= */ true);
    }
    for (struct part_cmd *cmd = b->cmds.head; cmd != NULL && b->err != OK; cmd = cmd->next) {
        doubt(cmd);
    }
    return b->err;
}

const struct part_cmd *part_batch_first(const struct part_batch *b)
{
    return b->cmds.head;
}

struct part_cmd *part_batch_take_done(struct part_batch *b)
{
    return pop(&b->cmds);
}

struct local_pos part_batch_tail(const struct part_batch *b)
{
    return b->tail;
}

static void refuse(struct part *p, struct part_queue *q)
{
    for (struct part_cmd *cmd = pop(q); cmd != NULL; cmd = pop(q)) {
        cmd->err = ERR_FAILED;
        for (size_t i = 0; cmd->kind == PART_CMD_WRITE && i < cmd->write.n; i++) {
            cmd->write.ops[i].err = ERR_FAILED;
        }
        push(&p->done, cmd);
    }
}

void part_retire(struct part *p)
{
    struct part_batch *b = &p->sealed;
    ASSERT(b->under_way);
    ASSERT(b->cmds.n == 0);
    b->under_way = false;
    engine_batch_clear(b->rows);
    overlay_clear(&b->overlay);
    arena_clear(&b->arena);
    if (b->err == OK) {
        p->written = b->tail;
    } else {
        p->failed = true;
        TRACE(
            p->config.tracer,
            TRACE_ERROR,
            "part",
            "writer failed",
            TRACE_TEXT("err", bytes_str(err_name(b->err))));
    }
}

bool part_failed(const struct part *p)
{
    return p->failed;
}

enum err part_commit(struct part *p, uint64_t now_ms)
{
    bool failed_before = p->failed;
    if (!failed_before) {
        p->now_ms = now_ms;
        evaluate(p, /* writes_only= */ false);
        struct part_batch *b = part_seal(p);
        enum err e = part_batch_write(b);
        while (b->cmds.n > 0) {
            push(&p->done, pop(&b->cmds));
        }
        part_retire(p);
        ASSERT(e == OK || p->failed);
    }
    if (!p->failed) { /* a schema that could not be settled fails it too */
        return OK;
    }
    refuse(p, &p->gathered);
    refuse(p, &p->waiting);
    return failed_before ? ERR_FAILED : ERR_IO;
}

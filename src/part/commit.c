/* The queue and the group commit.
 *
 * A commit takes commands in order. Those that walk the engine (backfill, trim, sweep, seed) begin
 * a batch of their own, because the engine does not hold the open batch yet. Marks, the clock's
 * floor and, now and then, the counters' checkpoint go into the same batch as the changes, so a
 * crash leaves all of it or nothing.
 *
 * Invariant: no command is done before its batch is synced. */
#include "part/impl.h"

/* ---- queue ---- */

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
    return engine_batch_count(p->batch) == 0 && p->log.len == 0 && !p->marks_must;
}

static enum err write_batch(struct part *p)
{
    if (p->checkpoint_must || p->log_bytes_since > PART_CHECKPOINT_BYTES) {
        part_checkpoint_put(p);
    }
    part_istates_put(p);
    if (batch_is_empty(p)) {
        return OK;
    }
    part_marks_put(p);
    part_log_put(p);
    return engine_write(p->config.engine, p->batch, /* sync= */ true);
}

/* System tables are read through the catalog; their rows would only take the room. */
static bool is_cached(struct bytes row_key)
{
    return row_key.base[0] == ROW_DATA && load_u64_be(row_key.base + 1) >= PART_TABLE_FIRST;
}

/* What the batch made of the data rows is what the engine holds now. */
static void cache_rows(struct part *p)
{
    if (p->n_dropped > 0) {
        row_cache_clear(&p->rows);
        return;
    }
    for (size_t i = 0; p->overlay.n > 0 && i < p->overlay.n_slots; i++) {
        const struct overlay_entry *e = p->overlay.slots[i];
        if (e != NULL && is_cached(e->key) && e->state != OVERLAY_UNKNOWN) {
            row_cache_put(&p->rows, e->key, e->hash, e->state == OVERLAY_PRESENT, e->value);
        }
    }
}

static void clear_batch(struct part *p)
{
    engine_batch_clear(p->batch);
    overlay_clear(&p->overlay);
    arena_clear(&p->batch_arena);
    buf_clear(&p->log);
    p->n_dropped = 0;
    p->batch_tail = p->tail;
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

static void refuse_waiting(struct part *p)
{
    for (struct part_cmd *cmd = pop(&p->waiting); cmd != NULL; cmd = pop(&p->waiting)) {
        cmd->err = ERR_FAILED;
        for (size_t i = 0; cmd->kind == PART_CMD_WRITE && i < cmd->write.n; i++) {
            cmd->write.ops[i].err = ERR_FAILED;
        }
        push(&p->done, cmd);
    }
}

bool part_failed(const struct part *p)
{
    return p->failed;
}

enum err part_commit(struct part *p, uint64_t now_ms)
{
    if (p->failed) {
        refuse_waiting(p);
        return ERR_FAILED;
    }
    p->now_ms = now_ms;
    const struct local_pos durable = p->tail;
    struct part_queue batch = {.head = NULL};
    batch.tail = &batch.head;
    while (p->waiting.head != NULL) {
        bool alone = walks_engine(p->waiting.head);
        /* A transaction that was taken back leaves nothing in the batch, but entries in the
         * overlay. */
        if (alone && (!batch_is_empty(p) || p->overlay.n > 0)) {
            break;
        }
        struct part_cmd *cmd = pop(&p->waiting);
        run(p, cmd);
        ASSERT(!p->stage.open);
        push(&batch, cmd);
        if (alone || engine_batch_bytes(p->batch) + p->log.len >= p->config.batch_bytes_max) {
            break;
        }
    }
    enum err e = write_batch(p);
    p->failed = p->failed || e != OK; /* a schema that could not be settled failed it before */
    for (struct part_cmd *cmd = pop(&batch); cmd != NULL; cmd = pop(&batch)) {
        if (e != OK) {
            doubt(cmd);
        }
        push(&p->done, cmd);
    }
    if (!p->failed) {
        cache_rows(p);
    }
    clear_batch(p);
    if (p->failed) {
        p->tail = durable; /* nobody shall be told of what may not be there */
        TRACE(
            p->config.tracer,
            TRACE_ERROR,
            "part",
            "writer failed",
            TRACE_TEXT("err", bytes_str(err_name(e == OK ? ERR_FAILED : e))),
            TRACE_TEXT("detail", engine_why(p->config.engine)));
        refuse_waiting(p);
        return ERR_IO;
    }
    return OK;
}

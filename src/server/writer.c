/* The writer: takes commands from its inbox, commits them in groups, sends them home.
 *
 * Two threads take turns at it. The one that has the turn gathers a batch; when it is to be
 * written, the turn goes to the other, which gathers the next batch while this one waits for the
 * disk and sends the answers home. So the processor and the disk work at the same time, and no
 * answer passes through more threads than with one. A lone client gains nothing from that: while
 * groups hold one command, and whenever something other than clients' writes waits, the thread
 * keeps the turn and writes by itself.
 *
 * The turn is a message in a mailbox, and so is the news that a batch is written. */
#include <stdio.h>

#include "server/inside.h"

/* After a commit: every other thread has a catalog of its own to bring up to date. */
static void tell_row(void *ctx, const struct value *key, const struct value *item)
{
    struct writer *w = ctx;
    struct server *s = w->server;
    struct buf b;
    buf_init(&b, 16 << 20);
    value_encode(&b, key);
    size_t key_len = b.len;
    if (item != NULL) {
        value_encode(&b, item);
    }
    ASSERT(b.err == OK);
    for (unsigned i = 0; i < s->n_webs + 1; i++) {
        struct msg *m = msg_new(MSG_ROW);
        struct buf copy;
        buf_init(&copy, 16 << 20);
        buf_put_bytes(&copy, buf_bytes(&b));
        m->row = copy.base;
        m->key_len = key_len;
        m->row_len = copy.len;
        msg_post(i < s->n_webs ? s->webs[i].inbox : s->links.inbox, m);
    }
    buf_done(&b);
}

/* The links thread keeps the region's meter. */
static void tell_expired(void *ctx, struct bytes table, size_t n)
{
    struct writer *w = ctx;
    struct msg *m = msg_new(MSG_EXPIRED);
    struct buf name;
    buf_init(&name, 1024);
    buf_put_bytes(&name, table);
    ASSERT(name.err == OK);
    m->row = name.base;
    m->row_len = name.len;
    m->number = n;
    msg_post(w->server->links.inbox, m);
}

static void tell_arrived(
    void *ctx, struct bytes table, struct bytes index, const struct part_arrived *what)
{
    struct writer *w = ctx;
    struct msg *m = msg_new(MSG_ARRIVED);
    struct buf names;
    buf_init(&names, 1024);
    buf_put_bytes(&names, table);
    buf_put_bytes(&names, index);
    ASSERT(names.err == OK);
    m->row = names.base;
    m->key_len = table.len;
    m->row_len = names.len;
    m->arrived = *what;
    msg_post(w->server->links.inbox, m);
}

enum err writer_open(struct server *s)
{
    struct writer *w = &s->writer;
    w->server = s;
    w->inbox = mailbox_new(WRITER_INBOX_MAX);
    const struct core_config config = {
        .part =
            {
                .region = s->config->id,
                .engine = s->engine,
                .drift_ms_max = s->config->drift_ms_max,
                .throttle = s->config->capacity_enforce != 0,
                .tracer = &s->logger.tracer,
                .batch_bytes_max = 4 << 20,
                .conflicts_max = s->config->conflicts_max,
            },
        .region = s->config->name,
        .seed = io_random_seed(),
        .ttl_sweep_ms = s->config->ttl_sweep_ms,
        .stream_retention_ms = s->config->stream_retention_ms,
        .stream_shard_ms = s->config->stream_shard_ms,
        .catalog_row = tell_row,
        .expired = tell_expired,
        .ctx = w,
    };
    return core_open(&config, io_clock_now_ms(&w->clock), &w->core);
}

/* Takes in what came. */
static void writer_take(struct writer *w)
{
    for (struct mail *m = mailbox_take_all(w->inbox), *next; m != NULL; m = next) {
        next = m->next;
        struct msg *msg = msg_of(m);
        if (msg->kind == MSG_JOB) {
            msg->owner = msg->cmd->owner;
            msg->cmd->owner = msg;
            part_submit(core_part(w->core), msg->cmd);
            continue;
        }
        if (msg->kind == MSG_WRITTEN) {
            part_retire(core_part(w->core));
            w->under_way = false;
            continue;
        }
        if (msg->kind == MSG_FAULT) {
            w->clock.skew_ms = (int64_t)msg->number;
        }
        w->stopping |= msg->kind == MSG_STOP;
        msg_free(msg);
    }
}

/* Commands of one group that belong to one thread go home together, so that it wakes once for all
 * of them instead of for the first. */
static void give_back(struct part_cmd *(*take_done)(void *from), void *from)
{
    struct mailbox *home = NULL;
    struct mail *first = NULL;
    struct mail *last = NULL;
    size_t n = 0;
    for (struct part_cmd *cmd; (cmd = take_done(from)) != NULL;) {
        struct msg *msg = cmd->owner;
        cmd->owner = msg->owner;
        if (n > 0 && msg->home != home) {
            msg_post_all(home, first, last, n);
            n = 0;
        }
        home = msg->home;
        if (n == 0) {
            first = &msg->mail;
        } else {
            last->next = &msg->mail;
        }
        last = &msg->mail;
        n++;
    }
    if (n > 0) {
        msg_post_all(home, first, last, n);
    }
}

static struct part_cmd *core_done(void *from)
{
    return core_take_done(from);
}

static struct part_cmd *batch_done(void *from)
{
    return part_batch_take_done(from);
}

static void announce(const struct writer *w, uint64_t tail)
{
    struct msg *news = msg_new(MSG_COMMITTED);
    news->number = tail;
    msg_post(w->server->links.inbox, news);
}

static void tell_failure(const struct writer *w, enum err e)
{
    TRACE(
        &w->server->logger.tracer,
        TRACE_ERROR,
        "server",
        "commit failed, this region takes no more writes until restarted",
        TRACE_TEXT("err", bytes_str(err_name(e))));
}

/* Everything that waits, core's errands too, by this thread alone. */
static void writer_commit(struct writer *w)
{
    enum err e = core_commit(w->core, io_clock_now_ms(&w->clock));
    if (e != OK && e != ERR_FAILED) {
        tell_failure(w, e);
    }
    uint64_t tail = part_tail(core_part(w->core)).v;
    if (tail != w->announced) {
        w->announced = tail;
        announce(w, tail);
    }
    part_take_arrived(core_part(w->core), tell_arrived, w);
    if (core_looks(w->core) != w->looks) {
        w->looks = core_looks(w->core);
        msg_post(w->server->links.inbox, msg_new(MSG_LOOKED));
    }
    give_back(core_done, w->core);
}

/* How many commands to wait a moment for: the mean of the last two groups. Clients that wait for
 * their answers before they ask again come back in two groups, one of which gathers while the other
 * is synced. Without patience the groups stay as uneven as chance made them, often fifteen and one,
 * and a sync for one command costs as much as one for fifteen. A single client is never waited for:
 * its groups are ones. */
static size_t writer_wanted(const struct writer *w)
{
    return (w->group[0] + w->group[1]) / 2;
}

/* Waits for something to do. While a batch is under way its end is the next event at the latest. */
static void writer_wait(struct writer *w)
{
    int64_t wait = -1;
    if (!w->under_way) {
        uint64_t now = io_clock_now_ms(&w->clock);
        uint64_t deadline = core_deadline(w->core);
        bool waiting = part_waiting(core_part(w->core)) > 0;
        wait = waiting || deadline <= now ? 0
               : deadline == UINT64_MAX   ? -1
                                          : (int64_t)(deadline - now);
    }
    (void)mailbox_wait_many(w->inbox, wait, writer_wanted(w), WRITER_LINGER_US);
}

/* One turn: gathers until a batch is to be written by this thread while another has the turn.
 * Returns it, or NULL when the writer is to stop. */
static struct part_batch *writer_turn(struct writer *w)
{
    struct part *p = core_part(w->core);
    while (!w->stopping || w->under_way) {
        writer_wait(w);
        writer_take(w);
        size_t group = part_gathered(p) + part_waiting(p);
        uint64_t now_ms = io_clock_now_ms(&w->clock);
        bool pipelined = !w->stopping && writer_wanted(w) > 1 && core_gathers(w->core, now_ms);
        if (pipelined) {
            part_gather(p, now_ms);
        }
        if (w->under_way) {
            continue;
        }
        if (group > 0) {
            w->group[0] = w->group[1];
            w->group[1] = group;
        }
        if (pipelined && part_waiting(p) == 0 && part_gathered(p) > 0) {
            w->under_way = true;
            return core_seal(w->core);
        }
        if (group > 0 || core_deadline(w->core) <= now_ms) {
            writer_commit(w);
        }
    }
    return NULL;
}

/* Blocks until the turn is this thread's. Whoever is awake first has it. false: stop. */
static bool turn_take(struct writer *w)
{
    while (mailbox_take_all(w->turn) == NULL) {
        (void)mailbox_wait(w->turn, -1);
    }
    return !w->stopping;
}

static void writer_run(void *arg)
{
    struct writer_thread *t = arg;
    struct writer *w = t->writer;
    while (turn_take(w)) {
        struct part_batch *b = writer_turn(w);
        uint64_t tail = b == NULL ? 0 : part_batch_tail(b).v;
        bool grown = b != NULL && tail != w->announced;
        w->announced = b == NULL ? w->announced : tail;
        msg_post(w->turn, &w->token);
        if (b == NULL) {
            return;
        }
        enum err e = part_batch_write(b);
        if (e != OK) {
            tell_failure(w, e);
        } else if (grown) {
            announce(w, tail);
        }
        give_back(batch_done, b);
        e = mailbox_post_urgent(w->inbox, &t->written.mail);
        ASSERT(e == OK);
    }
    msg_post(w->turn, &w->token);
}

enum err writer_start(struct server *s)
{
    struct writer *w = &s->writer;
    w->announced = part_tail(core_part(w->core)).v;
    w->turn = mailbox_new(WRITER_THREADS);
    w->token.kind = MSG_TURN;
    msg_post(w->turn, &w->token);
    for (unsigned i = 0; i < WRITER_THREADS; i++) {
        struct writer_thread *t = &w->threads[i];
        t->writer = w;
        t->written.kind = MSG_WRITTEN;
        enum err e = io_thread_spawn("writer", writer_run, t, &t->thread);
        if (e != OK) {
            return e;
        }
    }
    return OK;
}

void writer_stop(struct server *s)
{
    struct writer *w = &s->writer;
    if (w->threads[0].thread != NULL) {
        msg_post(w->inbox, msg_new(MSG_STOP));
    }
    for (unsigned i = 0; i < WRITER_THREADS && w->threads[i].thread != NULL; i++) {
        io_thread_join(w->threads[i].thread);
        w->threads[i].thread = NULL;
    }
    if (w->turn != NULL) {
        (void)mailbox_take_all(w->turn);
        mailbox_free(w->turn);
        w->turn = NULL;
    }
    core_close(w->core);
    w->core = NULL;
}

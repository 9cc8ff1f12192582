/* The writer: takes commands from its inbox, commits them in groups, sends them home. It has a
 * thread of its own; while that waits, another may do its work (writer_stand_in()). */
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

/* Takes in what came. true when told to stop. */
static bool writer_take(struct writer *w)
{
    bool stop = false;
    for (struct mail *m = mailbox_take_all(w->inbox), *next; m != NULL; m = next) {
        next = m->next;
        struct msg *msg = msg_of(m);
        if (msg->kind == MSG_JOB) {
            msg->owner = msg->cmd->owner;
            msg->cmd->owner = msg;
            part_submit(core_part(w->core), msg->cmd);
            continue;
        }
        if (msg->kind == MSG_FAULT) {
            w->clock.skew_ms = (int64_t)msg->number;
        }
        stop |= msg->kind == MSG_STOP;
        msg_free(msg);
    }
    return stop;
}

/* Commands of one group that belong to one thread, on their way home. */
struct homeward {
    struct mailbox *home;
    struct mail *first;
    struct mail *last;
    size_t n;
};

static void homeward_add(struct homeward *h, struct msg *msg)
{
    h->home = msg->home;
    if (h->n == 0) {
        h->first = &msg->mail;
    } else {
        h->last->next = &msg->mail;
    }
    h->last = &msg->mail;
    h->n++;
}

static void homeward_post(struct homeward *h)
{
    if (h->n > 0) {
        msg_post_all(h->home, h->first, h->last, h->n);
        h->n = 0;
    }
}

/* Commands of one group that belong to one thread go home together, so that it wakes once for all
 * of them instead of for the first. Those of the links are only collected. */
static struct homeward writer_give_back(struct writer *w)
{
    struct homeward others = {.n = 0};
    struct homeward links = {.n = 0};
    for (struct part_cmd *cmd; (cmd = core_take_done(w->core)) != NULL;) {
        struct msg *msg = cmd->owner;
        cmd->owner = msg->owner;
        if (msg->home == NULL) {
            continue; /* of whoever stands in for us, and waits here */
        }
        if (msg->home == w->server->links.inbox) {
            homeward_add(&links, msg);
            continue;
        }
        if (msg->home != others.home) {
            homeward_post(&others);
        }
        homeward_add(&others, msg);
    }
    homeward_post(&others);
    return links;
}

static void tell_links(struct writer *w, enum msg_kind kind, uint64_t number)
{
    struct msg *news = msg_new(kind);
    news->number = number;
    msg_post(w->server->links.inbox, news);
}

static bool has_news(const struct writer *w)
{
    return part_tail(core_part(w->core)).v != w->announced || core_looks(w->core) != w->looks;
}

/* Of news only the latest counts. A thread of the links that is stalled for minutes must not have
 * its inbox filled with them, so they wait then, unless something `follows` that is to be heard
 * after them. */
static void writer_tell(struct writer *w, bool follows)
{
    uint64_t tail = part_tail(core_part(w->core)).v;
    uint64_t looks = core_looks(w->core);
    part_take_arrived(core_part(w->core), tell_arrived, w);
    if (!follows && mailbox_depth(w->server->links.inbox) >= NEWS_UNREAD_MAX) {
        return;
    }
    if (tail != w->announced) {
        w->announced = tail;
        tell_links(w, MSG_COMMITTED, tail);
    }
    if (looks != w->looks) {
        w->looks = looks;
        tell_links(w, MSG_LOOKED, 0);
    }
}

/* Clients wait for their answers, so these go first. The links hear what a commit did before they
 * hear what became of their own commands in it. */
static void writer_commit(struct writer *w)
{
    enum err e = core_commit(w->core, io_clock_now_ms(&w->clock));
    if (e != OK && e != ERR_FAILED) {
        TRACE(
            &w->server->logger.tracer,
            TRACE_ERROR,
            "server",
            "commit failed, this region takes no more writes until it has started anew",
            TRACE_TEXT("err", bytes_str(err_name(e))));
    }
    /* Whatever else a part may fail of, another start does not mend. */
    bool refused = part_failed(core_part(w->core)) && engine_why(w->server->engine).len > 0;
    if (refused && !w->failed) {
        w->failed = true;
        msg_post(w->server->webs[0].inbox, msg_new(MSG_FAILED));
    }
    struct homeward links = writer_give_back(w);
    writer_tell(w, links.n > 0);
    homeward_post(&links);
}

/* For writer_wanted(). */
static void count_group(struct writer *w, size_t n)
{
    w->group[0] = w->group[1];
    w->group[1] = n;
}

/* How many commands to be woken by: half the mean of the last two groups. Clients that wait for
 * their answers before they ask again come back in two groups, one of which gathers while the other
 * is synced. Woken by the first command of a group the writer would sync it alone, and that costs
 * as much as for all; woken by the last, it would have stood idle while they came. A single client
 * is never waited for: its groups are ones. */
static size_t writer_wanted(const struct writer *w)
{
    return (w->group[0] + w->group[1] + 2) / 4;
}

/* When there is something to do without a message, by wall time. */
static uint64_t writer_deadline(const struct writer *w, uint64_t now_ms)
{
    uint64_t at = core_deadline(w->core);
    if (part_waiting(core_part(w->core)) > 0) {
        return now_ms;
    }
    return has_news(w) && at > now_ms + NEWS_AGAIN_MS ? now_ms + NEWS_AGAIN_MS : at;
}

/* Until there is something to do. */
static void writer_wait(struct writer *w)
{
    uint64_t now = io_clock_now_ms(&w->clock);
    w->until_ms = writer_deadline(w, now);
    if (w->until_ms <= now) {
        return;
    }
    if (writer_wanted(w) > 1 && mailbox_wait_many(w->inbox, writer_wanted(w), WRITER_PATIENCE_US)) {
        return;
    }
    (void)mailbox_wait(w->inbox, w->until_ms == UINT64_MAX ? -1 : (int64_t)(w->until_ms - now));
}

bool writer_stand_in(struct server *s, struct part_cmd *cmd)
{
    struct writer *w = &s->writer;
    if (!mailbox_borrow(w->inbox)) {
        return false;
    }
    ASSERT(part_waiting(core_part(w->core)) == 0); /* so the command is done in one commit */
    struct msg msg = {.kind = MSG_JOB, .cmd = cmd, .owner = cmd->owner};
    cmd->owner = &msg;
    count_group(w, 1);
    part_submit(core_part(w->core), cmd);
    writer_commit(w);
    ASSERT(cmd->owner == msg.owner);
    bool earlier = writer_deadline(w, io_clock_now_ms(&w->clock)) < w->until_ms;
    mailbox_return(w->inbox, /* rouse= */ earlier);
    return true;
}

static void writer_run(void *arg)
{
    struct writer *w = arg;
    io_thread_wait_finely(); /* its patience is shorter than the slack of a wait would be */
    bool stop = false;
    while (!stop) {
        writer_wait(w);
        stop = writer_take(w);
        bool due = core_deadline(w->core) <= io_clock_now_ms(&w->clock);
        size_t waiting = part_waiting(core_part(w->core));
        if (waiting > 0) {
            count_group(w, waiting);
        }
        if (due || waiting > 0) {
            writer_commit(w);
        } else if (has_news(w)) {
            writer_tell(w, /* follows= */ false);
        }
    }
}

enum err writer_start(struct server *s)
{
    s->writer.announced = part_tail(core_part(s->writer.core)).v;
    return io_thread_spawn("writer", writer_run, &s->writer, &s->writer.thread);
}

void writer_stop(struct server *s)
{
    struct writer *w = &s->writer;
    if (w->thread != NULL) {
        msg_post(w->inbox, msg_new(MSG_STOP));
        io_thread_join(w->thread);
        w->thread = NULL;
    }
    core_close(w->core);
    w->core = NULL;
}

/* Auto scaling's errand: once a period the first web thread asks all threads with meters what has
 * been consumed of each capacity that somebody wants scaled, and lets the controller decide. */
#include <stdlib.h>

#include "server/inside.h"

/* On its way through the web threads, the links and back. */
struct scaling_round {
    struct msg msg;
    struct arena arena;
    struct dynamo_use *uses;
    size_t n;
    unsigned hop;
};

static void round_free(struct scaling_round *r)
{
    arena_done(&r->arena);
    free(r);
}

static void command_back(struct web *w, struct msg *m)
{
    (void)w;
    dynamo_scaler_done(m->cmd); /* what it could not do is looked at again in the next period */
    msg_free(m);
}

static void submit(void *ctx, struct part_cmd *cmd)
{
    struct web *w = ctx;
    struct msg *m = msg_new(MSG_JOB);
    m->cmd = cmd;
    m->home = w->inbox;
    m->back = command_back;
    w->under_way++;
    if (mailbox_post(w->server->writer.inbox, &m->mail) != OK) {
        w->under_way--;
        command_back(w, m);
    }
}

static void round_back(struct web *w, struct scaling_round *r)
{
    w->under_way--;
    if (!w->stopping) {
        dynamo_scaler_tick(
            w->scaler, w->catalog, r->uses, r->n, io_loop_now_ms(w->loop), submit, w);
    }
    round_free(r);
}

static void add_meter(struct scaling_round *r, const struct cw_meter *meter)
{
    for (size_t i = 0; i < r->n; i++) {
        struct dynamo_use *use = &r->uses[i];
        enum cw_metric metric = use->write ? CW_CONSUMED_WRITE : CW_CONSUMED_READ;
        use->total += cw_total(meter, use->table, metric, use->index);
    }
    r->hop++;
}

void scaling_on_web(struct web *w, struct msg *m)
{
    struct scaling_round *r = (struct scaling_round *)m;
    struct server *s = w->server;
    if (r->hop > s->n_webs) {
        round_back(w, r);
        return;
    }
    add_meter(r, w->meter);
    msg_post(r->hop < s->n_webs ? s->webs[r->hop].inbox : s->links.inbox, &r->msg);
}

void scaling_on_links(struct links *l, struct msg *m)
{
    add_meter((struct scaling_round *)m, l->meter);
    msg_post(l->server->webs[0].inbox, m);
}

static void fired(struct io_timer *t)
{
    struct web *w = (struct web *)((char *)t - offsetof(struct web, scaling_timer));
    if (w->stopping) {
        return;
    }
    io_timer_arm_ms(&w->scaling_timer, w->server->config->scaling_ms);
    struct scaling_round *r = calloc(1, sizeof *r);
    ASSERT(r != NULL);
    arena_init(&r->arena, 64 << 20);
    r->uses = dynamo_scaler_uses(&r->arena, w->catalog, &r->n);
    r->msg.kind = MSG_SCALING;
    w->under_way++;
    scaling_on_web(w, &r->msg);
}

void scaling_open(struct web *w)
{
    w->scaler = dynamo_scaler_new(w->server->writer.core, io_random_seed());
    io_timer_init(&w->scaling_timer, w->loop, fired);
    io_timer_arm_ms(&w->scaling_timer, w->server->config->scaling_ms);
}

void scaling_close(struct web *w)
{
    if (w->scaler != NULL) {
        io_timer_disarm(&w->scaling_timer);
        dynamo_scaler_free(w->scaler);
        w->scaler = NULL;
    }
}

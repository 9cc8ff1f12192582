/* A web thread: client requests in, answers out. DynamoDB calls go through the front; requests
 * signed for another region are forwarded there; operator requests go to admin.c.
 *
 * The threads stop together, since what one is asked may make a round through all (admin.c):
 *
 *    all: WEB_DRAIN, no new requests --> first: WEB_DRAINED of each --> all: WEB_LEAVE
 *
 * A thread that left its loop sooner would keep another's round, and with it the other, waiting for
 * ever. */
#include <stdio.h>
#include <stdlib.h>

#include "server/inside.h"

enum { KEYS_CHECK_MS = 500 };

static void run_step(struct web_request *r, enum dynamo_step step);

/* ---- counting ---- */

static unsigned latency_bucket(uint64_t us)
{
    unsigned i = 0;
    while (i + 1 < LATENCY_BUCKETS && us >= UINT64_C(64) << i) {
        i++;
    }
    return i;
}

void web_count(
    struct web *w, struct bytes op, unsigned status, struct bytes error, uint64_t took_ns)
{
    struct counters *c = &w->counters;
    size_t i = 0;
    struct bytes name = op.len == 0 ? BYTES_LIT("Unknown") : op;
    while (i < c->n_ops && !bytes_eq_str(name, c->ops[i].name)) {
        i++;
    }
    if (i == c->n_ops) {
        if (c->n_ops == OPS_MAX) {
            return;
        }
        (void)snprintf(c->ops[i].name, sizeof c->ops[i].name, "%.*s", BYTES_FMT(name));
        c->n_ops++;
    }
    bool throttled = meter_is_throttling(error);
    c->ops[i].ok += status < 400;
    c->ops[i].throttled += throttled;
    c->ops[i].user_errors += status >= 400 && status < 500 && !throttled;
    c->ops[i].system_errors += status >= 500;
    uint64_t us = took_ns / 1000;
    c->latency_us[latency_bucket(us)]++;
    c->latency_count++;
    c->latency_sum_us += us;
}

/* ---- DynamoDB calls ---- */

static void answer(struct web_request *r)
{
    struct http_header headers[DYNAMO_ANSWER_HEADERS_MAX];
    const struct dynamo_answer *a = &r->call.answer;
    if (r->call.job.began) {
        jobs_wake(r->web->server, &r->call.job);
    }
    for (size_t i = 0; i < a->n_headers; i++) {
        headers[i] = (struct http_header){a->headers[i].name, a->headers[i].value};
    }
    uint64_t took_ns = io_now_ns() - r->began_ns;
    web_count(r->web, r->call.op_name, a->status, r->call.error_name, took_ns);
    meter_call(r->web, &r->call, took_ns);
    const struct http_response res = {
        .status = (int)a->status, .headers = headers, .n_headers = a->n_headers, .body = a->body};
    http_respond(r->http, &res);
}

static void refuse(struct web_request *r, enum err why)
{
    dynamo_refuse(r->web->dynamo, &r->call, why);
    answer(r);
}

/* Carries out a write on this thread if the client is alone with it and the writer idle. Two
 * threads need not wake each other then, which takes longer than the work they do. Other commands
 * than writes change the catalog, and this thread must hear of that before its client does. */
static bool write_in_place(struct web *w, struct part_cmd *cmd)
{
    uint64_t turn = io_loop_turns(w->loop);
    uint64_t began_ns = io_now_ns();
    bool may =
        cmd->kind == PART_CMD_WRITE && w->under_way == 0 && alone_may(&w->alone, turn, began_ns);
    if (!may || !writer_stand_in(w->server, cmd)) {
        return false;
    }
    alone_did(&w->alone, turn, began_ns, io_now_ns());
    w->counters.in_place++;
    return true;
}

static void run_step(struct web_request *r, enum dynamo_step step)
{
    struct web *w = r->web;
    if (step == DYNAMO_SUBMIT && write_in_place(w, r->call.cmd)) {
        step = dynamo_resume(w->dynamo, &r->call, io_loop_now_ms(w->loop));
    }
    r->msg.home = w->inbox;
    r->msg.request = r;
    switch (step) {
    case DYNAMO_ANSWER:
        answer(r);
        return;
    case DYNAMO_SUBMIT:
        r->msg.kind = MSG_JOB;
        r->msg.cmd = r->call.cmd;
        w->under_way++;
        if (mailbox_post(w->server->writer.inbox, &r->msg.mail) != OK) {
            w->under_way--;
            refuse(r, ERR_BUSY);
        }
        return;
    case DYNAMO_WAIT_MARKS:
        r->msg.kind = MSG_SYNC;
        r->msg.regions = r->call.wait.regions;
        r->msg.n_regions = r->call.wait.n_regions;
        w->under_way++;
        msg_post(w->server->links.inbox, &r->msg);
        return;
    }
    UNREACHABLE();
}

/* ---- stopping ---- */

static void web_post_stop(struct web *w, enum web_stop step)
{
    struct msg *m = msg_new(MSG_STOP);
    m->number = step;
    msg_post(w->inbox, m);
}

void webs_stop(struct server *s)
{
    for (unsigned i = 0; i < s->n_webs; i++) {
        web_post_stop(&s->webs[i], WEB_DRAIN);
    }
}

/* Called after everything that may have ended the last request under way. */
static void drained_check(struct web *w)
{
    if (w->stopping && w->under_way == 0 && !w->drained) {
        w->drained = true; /* and it stays so: nothing new is begun */
        web_post_stop(&w->server->webs[0], WEB_DRAINED);
    }
}

static void take_stop(struct web *w, enum web_stop step)
{
    struct server *s = w->server;
    switch (step) {
    case WEB_DRAIN:
        w->stopping = true;
        http_server_drain(w->http);
        return;
    case WEB_DRAINED:
        s->n_drained++;
        for (unsigned i = 0; s->n_drained == s->n_webs && i < s->n_webs; i++) {
            web_post_stop(&s->webs[i], WEB_LEAVE);
        }
        return;
    case WEB_LEAVE:
        io_loop_stop(w->loop);
        return;
    }
    UNREACHABLE();
}

/* ---- forwarding to the region a request was signed for ---- */

/* Says which region forwarded a request. One that has it goes no further: were two regions told of
 * the same address, or stood a proxy before both, it would go round without end. */
#define FORWARDED_BY "x-godwit-forwarded-by"

static void forwarded(void *arg, enum err e, const struct http_reply *reply)
{
    struct web_request *r = arg;
    struct web *w = r->web;
    struct bytes body = e == OK ? bytes_dup(r->http->arena, reply->body) : BYTES_NONE;
    w->under_way--;
    if (e != OK) {
        refuse(r, e == ERR_UNAVAILABLE ? ERR_UNAVAILABLE : ERR_IO);
    } else if (reply->body.len > 0 && body.base == NULL) {
        refuse(r, ERR_IO); /* it was carried out, but there is no room for its answer */
    } else {
        w->counters.forwarded++;
        const struct http_response res = {
            .status = reply->status,
            .headers = reply->headers,
            .n_headers = reply->n_headers,
            .body = body,
        };
        http_respond(r->http, &res);
    }
    drained_check(w);
}

/* Where the region's clients are served; len 0 when the cluster has no such region. */
static struct bytes http_address_of(const struct web *w, struct bytes region)
{
    const struct core_member *m = catalog_member(w->catalog, region);
    if (m != NULL && !m->removed && m->http_address.len > 0) {
        return m->http_address;
    }
    const struct server_config *c = w->server->config;
    for (size_t i = 0; i < c->n_peers && m == NULL; i++) {
        if (bytes_eq(c->peers[i].name, region)) {
            return c->peers[i].http_address;
        }
    }
    return BYTES_NONE;
}

/* true when the request is on its way elsewhere. */
static bool forward(struct web_request *r, struct bytes region)
{
    struct web *w = r->web;
    char host[256];
    uint16_t port;
    struct bytes address = http_address_of(w, region);
    if (!address_split(address, host, sizeof host, &port)) {
        return false;
    }
    r->call.arena = r->http->arena;
    size_t n = r->http->n_headers;
    struct http_header *headers = ARENA_ARRAY(r->http->arena, struct http_header, n + 1);
    if (headers == NULL) {
        return false;
    }
    memcpy(headers, r->http->headers, n * sizeof *headers);
    headers[n] = (struct http_header){BYTES_LIT(FORWARDED_BY), w->server->config->name};
    const struct http_call_request request = {
        .addr = host,
        .port = port,
        .method = r->http->method,
        .target = r->http->target,
        .headers = headers,
        .n_headers = n + 1,
        .body = r->http->body,
        .timeout_ms = FORWARD_MS_MAX,
    };
    w->under_way++;
    enum err e = http_client_call(w->client, &request, forwarded, r, NULL);
    if (e != OK) {
        w->under_way--;
        refuse(r, e == ERR_BUSY ? ERR_BUSY : ERR_UNAVAILABLE);
    }
    return true;
}

static void on_request(void *arg, struct http_request *req)
{
    struct web *w = arg;
    alone_asked(&w->alone, req->connection);
    if (w->stopping) {
        http_respond_body(req, 503, NULL, BYTES_NONE);
        return;
    }
    if (admin_take(w, req)) {
        return;
    }
    struct web_request *r = ARENA_NEW(req->arena, struct web_request);
    struct dynamo_header *headers = ARENA_ARRAY(req->arena, struct dynamo_header, req->n_headers);
    if (r == NULL || headers == NULL) {
        http_respond_body(req, 503, NULL, BYTES_NONE);
        return;
    }
    r->web = w;
    r->http = req;
    r->began_ns = io_now_ns();
    for (size_t i = 0; i < req->n_headers; i++) {
        headers[i] = (struct dynamo_header){req->headers[i].name, req->headers[i].value};
    }
    r->dynamo_request = (struct dynamo_request){
        .method = req->method,
        .path = req->path,
        .query = req->query,
        .headers = headers,
        .n_headers = req->n_headers,
        .body = req->body,
        .now_ms = io_loop_now_ms(w->loop),
    };
    struct bytes service;
    struct bytes region = dynamo_signed_region(&r->dynamo_request, &service);
    bool foreign = region.len > 0 && !bytes_eq(region, w->server->config->name);
    bool first = http_header_find(req->headers, req->n_headers, FORWARDED_BY).base == NULL;
    if (foreign && first && forward(r, region)) {
        return;
    }
    if (!bytes_eq_str(service, "dynamodb") && cloudwatch_take(r)) {
        return;
    }
    run_step(r, dynamo_begin(w->dynamo, &r->call, req->arena, &r->dynamo_request));
}

/* ---- messages ---- */

static void take_row(void *ctx, const struct value *key, const struct value *item)
{
    struct web *w = ctx;
    enum err e = catalog_apply(w->catalog, key, item);
    if (w->index == 0) {
        meter_row(w, key);
    }
    if (e != OK) {
        TRACE(
            &w->server->logger.tracer,
            TRACE_WARN,
            "server",
            "catalog row does not decode, ignoring",
            TRACE_TEXT("err", bytes_str(err_name(e))));
    }
}

static void take_message(struct web *w, struct msg *m)
{
    switch (m->kind) {
    case MSG_JOB:
    case MSG_SYNC:
        w->under_way--;
        if (m->back != NULL) {
            m->back(w, m);
            return;
        }
        if (m->ask != NULL) {
            admin_back(w, m->ask);
            return;
        }
        run_step(m->request, dynamo_resume(w->dynamo, &m->request->call, io_loop_now_ms(w->loop)));
        return;
    case MSG_ROW:
        msg_row_take(m, take_row, w);
        break;
    case MSG_ASK:
        admin_on_web(w, m->ask);
        admin_forward(w->server, m->ask);
        return;
    case MSG_FAULT:
        io_loop_skew(w->loop, (int64_t)m->number);
        break;
    case MSG_SCALING:
        scaling_on_web(w, m);
        return;
    case MSG_COMMITTED:
    case MSG_EXPIRED:
    case MSG_ARRIVED:
    case MSG_LOOKED:
    case MSG_WAKE:
    case MSG_RECLAIM:
        break;
    case MSG_FAILED:
        revive_watch(w->server);
        break;
    case MSG_REVIVED:
        server_revive(w->server);
        break;
    case MSG_STOP:
        take_stop(w, (enum web_stop)m->number);
        break;
    }
    msg_free(m);
}

static void receive(void *arg, struct mail *batch)
{
    struct web *w = arg;
    for (struct mail *next; batch != NULL; batch = next) {
        next = batch->next;
        take_message(w, msg_of(batch));
    }
    drained_check(w);
}

/* ---- keys: the file is read again when it changes, so `godwit key` works on a running region ----
 */

static void keys_load(struct web *w)
{
    struct buf text;
    buf_init(&text, 16 << 20);
    enum err e = io_file_read(w->server->key_path, &text);
    bool same = e == OK && bytes_eq(buf_bytes(&text), buf_bytes(&w->keys_buf));
    if (e != OK || (same && w->keystore != NULL)) {
        buf_done(&text);
        return;
    }
    struct keystore *fresh = NULL;
    size_t line = 0;
    e = keystore_parse(buf_bytes(&text), &fresh, &line);
    if (e != OK) {
        TRACE(
            &w->server->logger.tracer,
            TRACE_ERROR,
            "server",
            w->keystore == NULL ? "key file does not parse"
                                : "key file does not parse, keeping the old keys",
            TRACE_NUM("line", line));
        buf_done(&text);
        return;
    }
    struct keystore *old = w->keystore;
    w->keystore = fresh;
    if (w->dynamo != NULL) {
        dynamo_set_keystore(w->dynamo, fresh);
    }
    keystore_free(old);
    buf_done(&w->keys_buf);
    w->keys_buf = text;
}

static void keys_timer_fired(struct io_timer *t)
{
    struct web *w = (struct web *)((char *)t - offsetof(struct web, keys_timer));
    keys_load(w);
    io_timer_arm_ms(&w->keys_timer, KEYS_CHECK_MS);
}

/* ---- life ---- */

enum err web_open(struct server *s, unsigned index)
{
    struct web *w = &s->webs[index];
    w->server = s;
    w->index = index;
    w->catalog = catalog_new(s->config->name);
    w->meter = cw_meter_new();
    w->parser = json_parser_new();
    buf_init(&w->keys_buf, 16 << 20);
    recent_init(&w->health);
    recent_init(&w->metrics);
    enum err e = io_loop_new(&w->loop);
    if (e != OK) {
        return e;
    }
    e = mailbox_attach(w->inbox, w->loop, receive, w);
    if (e != OK) {
        return e;
    }
    keys_load(w);
    if (w->keystore == NULL) {
        return ERR_FORMAT;
    }
    const struct dynamo_config dynamo = {
        .region = s->config->name,
        .view = {.engine = s->engine, .catalog = w->catalog},
        .core = s->writer.core,
        .keystore = w->keystore,
        .read_shares = s->config->capacity_enforce != 0 ? s->n_webs : 0,
        .codings = &web_codings,
        .seed = io_random_seed(),
    };
    w->dynamo = dynamo_new(&dynamo);
    w->client =
        http_client_new(w->loop, &(struct http_client_config){.calls_max = s->forwards_max});
    char host[256];
    uint16_t port;
    if (!address_split(s->config->http_address, host, sizeof host, &port)) {
        return ERR_INVALID;
    }
    const struct http_server_config http = {
        .addr = host,
        .port = index == 0 ? port : s->http_port,
        .port_joined = index > 0,
        .body_bytes_max = DYNAMO_BODY_BYTES_MAX,
        .arena_bytes_max = DYNAMO_ARENA_BYTES_MAX,
        .connections_max = s->clients_max,
        .handler = on_request,
        .arg = w,
    };
    e = http_server_new(w->loop, &http, &w->http);
    if (e == OK && index == 0) {
        s->http_port = http_server_port(w->http);
    }
    io_timer_init(&w->keys_timer, w->loop, keys_timer_fired);
    io_timer_arm_ms(&w->keys_timer, KEYS_CHECK_MS);
    if (index == 0) {
        scaling_open(w);
    }
    return e;
}

/* On the thread of the loop: H2O keeps buffers of its own for each thread, and a socket's go back
 * to where they came from. */
static void hang_up(struct web *w)
{
    io_timer_disarm(&w->keys_timer);
    http_client_free(w->client);
    w->client = NULL;
    http_server_free(w->http);
    w->http = NULL;
}

void web_run(struct web *w)
{
    io_loop_run(w->loop);
    hang_up(w);
}

static void web_thread(void *arg)
{
    web_run(arg);
}

enum err web_start(struct server *s, unsigned index)
{
    struct web *w = &s->webs[index];
    enum err e = catalog_load(s->engine, take_row, w);
    if (e != OK || index == 0) {
        return e;
    }
    return io_thread_spawn("web", web_thread, w, &w->thread);
}

void web_join(struct web *w)
{
    io_thread_join(w->thread);
    w->thread = NULL;
}

void web_close(struct web *w)
{
    scaling_close(w);
    dynamo_free(w->dynamo);
    keystore_free(w->keystore);
    catalog_free(w->catalog);
    cw_meter_free(w->meter);
    json_parser_free(w->parser);
    buf_done(&w->keys_buf);
    recent_done(&w->health);
    recent_done(&w->metrics);
}

/* The operator's interface over HTTP: /healthz and /metrics for machines, /_godwit/ for the command
 * line tool.
 *
 * A request that needs other threads makes a round as an `ask`: through each web thread, the links
 * thread and, as a command, the writer; each writes down what it knows, and the asking thread
 * answers. Nothing is shared. */
#include "server/admin.h"

#include <stdio.h>
#include <unistd.h>

static void reply_error(struct http_request *req, int status, const char *text)
{
    struct buf b;
    buf_init(&b, 4096);
    buf_put_str(&b, "{\"error\":");
    json_put_string(&b, bytes_str(text));
    buf_put_str(&b, "}\n");
    struct bytes body = bytes_dup(req->arena, buf_bytes(&b));
    buf_done(&b);
    http_respond_body(req, status, "application/json", body);
}

static void reply_json(struct http_request *req, struct buf *b)
{
    if (b->err != OK) {
        reply_error(req, 500, "the answer is too long");
    } else {
        http_respond_body(req, 200, "application/json", bytes_dup(req->arena, buf_bytes(b)));
    }
    buf_done(b);
}

/* ---- what anybody may ask, without a token ---- */

static const char health_type[] = "application/json";
static const char metrics_type[] = "text/plain; version=0.0.4";

static void reply_open(struct http_request *req, int status, const char *type, struct bytes body)
{
    http_respond_body(req, status, type, bytes_dup(req->arena, body));
}

/* Answers with what was said a moment ago, if that does. */
static bool reply_recent(struct recent *r, struct http_request *req, const char *type)
{
    int status;
    struct bytes body;
    bool does = recent_take(r, mono_ms(), &status, &body);
    if (does) {
        reply_open(req, status, type, body);
    }
    return does;
}

/* ---- the round ---- */

static enum err on_writer(void *arg, struct part_stage *s, struct arena *a)
{
    struct ask *ask = arg;
    struct part *p = part_stage_part(s);
    struct server *server = ask->request->web->server;
    size_t n;
    const struct part_mark *marks = part_marks(p, &n);
    ask->n_marks = n < CHANGE_REGIONS_MAX ? n : CHANGE_REGIONS_MAX;
    for (size_t i = 0; i < ask->n_marks; i++) {
        ask->marks[i] = (struct repl_mark){marks[i].region, marks[i].pos, marks[i].hlc};
    }
    ask->writer_depth = mailbox_depth(server->writer.inbox);
    if (ask->kind == ASK_DIGEST) {
        const struct core_table *t =
            catalog_table(core_catalog(server->writer.core), ask->table_name);
        bool is_catalog = bytes_eq_str(ask->table_name, "godwit.catalog");
        ask->table_found = t != NULL || is_catalog;
        ask->table = is_catalog ? PART_TABLE_CATALOG : t != NULL ? t->part.id : 0;
        ask->counts = part_table_counts(p, ask->table);
        for (unsigned i = 0; i < PART_DIGEST_BUCKETS; i++) {
            ask->digest[i] = part_table_digest(p, ask->table, i);
        }
    }
    if (ask->kind == ASK_ADMIN) {
        return core_admin_run(&ask->admin, s, a);
    }
    return OK;
}

void admin_forward(struct server *s, struct ask *ask)
{
    unsigned hop = ask->hop++;
    if (hop < s->n_webs) {
        msg_post(s->webs[hop].inbox, &ask->msg);
        return;
    }
    if (hop == s->n_webs) {
        msg_post(s->links.inbox, &ask->msg);
        return;
    }
    ask->msg.kind = MSG_JOB;
    if (ask->kind == ASK_METERS) {
        msg_post(ask->msg.home, &ask->msg); /* the writer meters nothing */
        return;
    }
    ask->msg.cmd = &ask->cmd;
    ask->cmd = (struct part_cmd){
        .kind = PART_CMD_CALL,
        .arena = ask->request->http->arena,
        .call = {.run = on_writer, .arg = ask},
    };
    if (mailbox_post(s->writer.inbox, &ask->msg.mail) != OK) {
        ask->cmd.err = ERR_BUSY;
        msg_post(ask->msg.home, &ask->msg);
    }
}

void admin_on_web(struct web *w, struct ask *ask)
{
    if (ask->kind == ASK_METERS) {
        cw_gather(ask->meters, w->meter, io_loop_now_ms(w->loop));
        return;
    }
    const struct counters *from = &w->counters;
    struct counters *to = &ask->counters;
    for (size_t i = 0; i < from->n_ops; i++) {
        size_t j = 0;
        while (j < to->n_ops && strcmp(to->ops[j].name, from->ops[i].name) != 0) {
            j++;
        }
        if (j == OPS_MAX) {
            continue;
        }
        if (j == to->n_ops) {
            memcpy(to->ops[j].name, from->ops[i].name, sizeof to->ops[j].name);
            to->n_ops++;
        }
        to->ops[j].ok += from->ops[i].ok;
        to->ops[j].user_errors += from->ops[i].user_errors;
        to->ops[j].system_errors += from->ops[i].system_errors;
        to->ops[j].throttled += from->ops[i].throttled;
    }
    for (size_t i = 0; i < LATENCY_BUCKETS; i++) {
        to->latency_us[i] += from->latency_us[i];
    }
    to->latency_count += from->latency_count;
    to->latency_sum_us += from->latency_sum_us;
    to->forwarded += from->forwarded;
    to->in_place += from->in_place;
    to->connections += http_server_connections(w->http);
    if (ask->kind == ASK_FAULT && ask->fault.has_skew) {
        io_loop_skew(w->loop, ask->fault.skew_ms);
    }
}

void admin_on_links(struct links *l, struct ask *ask)
{
    if (ask->kind == ASK_METERS) {
        if (cw_asks(ask->meters, CW_PENDING_REPLICATION)) {
            links_sample(l);
        }
        cw_gather(ask->meters, l->meter, io_loop_now_ms(l->loop));
        return;
    }
    ask->region = region_status(l->region);
    ask->skew_ms = l->clock.skew_ms;
    ask->n_expired = l->n_expired;
    ask->n_peers = region_peers(l->region, ask->peers, CORE_REGIONS_MAX, io_now_ns() / 1000000);
    for (size_t i = 0; i < ask->n_peers; i++) {
        /* The names point into the region object; this thread alone may follow them. */
        struct arena *a = ask->request->http->arena;
        struct bytes name = bytes_str(ask->peers[i].name);
        for (size_t j = 0; j < l->n_faults; j++) {
            if (bytes_eq_str(name, l->fault_names[j])) {
                struct io_link_bytes wire = links_wire(l, j);
                ask->faults[i] = l->faults[j];
                ask->peers[i].sent_bytes = wire.sent;
                ask->peers[i].received_bytes = wire.received;
            }
        }
        ask->peers[i].name = bytes_cstr(a, name);
        ask->peers[i].address = bytes_cstr(a, bytes_str(ask->peers[i].address));
    }
    if (ask->kind == ASK_FAULT && ask->fault.has_skew) {
        struct msg *m = msg_new(MSG_FAULT);
        m->number = (uint64_t)ask->fault.skew_ms;
        /* A full inbox loses the change for the writer; the operator sees the skew only where it
         * took. */
        if (mailbox_post(l->server->writer.inbox, &m->mail) != OK) {
            msg_free(m);
        }
        struct msg *jobs = msg_new(MSG_FAULT);
        jobs->number = (uint64_t)ask->fault.skew_ms;
        msg_post(l->server->jobs.inbox, jobs);
    }
}

/* ---- answers ---- */

static void admin_result(struct web *w, struct ask *ask)
{
    struct http_request *req = ask->request->http;
    if (ask->cmd.err != OK) {
        int status = ask->admin.refusal == CORE_REFUSED_NOT ? 503 : 409;
        reply_error(req, status, err_text(ask->cmd.err));
        return;
    }
    struct buf b;
    buf_init(&b, 1 << 20);
    if (ask->admin.kind == CORE_ADMIN_PUT_MEMBER) {
        admin_put_join(&b, w, &ask->member);
    } else {
        buf_put_str(&b, "{}\n");
    }
    reply_json(req, &b);
}

void admin_back(struct web *w, struct ask *ask)
{
    struct http_request *req = ask->request->http;
    struct buf b;
    buf_init(&b, 16 << 20);
    bool failed = ask->cmd.err != OK && ask->cmd.err != ERR_BUSY;
    switch (ask->kind) {
    case ASK_HEALTH:
        buf_putf(&b, "{\"status\":\"%s\",\"region\":", failed ? "failed" : "ok");
        json_put_string(&b, w->server->config->name);
        buf_put_str(&b, "}\n");
        recent_keep(&w->health, mono_ms(), failed ? 503 : 200, buf_bytes(&b));
        reply_open(req, failed ? 503 : 200, health_type, buf_bytes(&b));
        break;
    case ASK_STATUS:
        admin_put_status(&b, w, ask);
        reply_json(req, &b);
        return;
    case ASK_METRICS:
        metrics_put(&b, w->server, ask, w->catalog);
        recent_keep(&w->metrics, mono_ms(), 200, buf_bytes(&b));
        reply_open(req, 200, metrics_type, buf_bytes(&b));
        break;
    case ASK_DIGEST:
        if (ask->cmd.err != OK || !ask->table_found) {
            reply_error(
                req,
                ask->cmd.err != OK ? 503 : 404,
                ask->cmd.err != OK ? err_text(ask->cmd.err) : "this region has no such table");
            break;
        }
        admin_put_digest(&b, ask);
        reply_json(req, &b);
        return;
    case ASK_FAULT:
        buf_put_str(&b, "{}\n");
        reply_json(req, &b);
        return;
    case ASK_ADMIN:
        admin_result(w, ask);
        break;
    case ASK_METERS:
        cloudwatch_back(w, ask);
        break;
    }
    buf_done(&b);
}

/* ---- requests ---- */

struct ask *ask_new(struct web *w, struct http_request *req, enum ask_kind kind)
{
    struct ask *ask = ARENA_NEW(req->arena, struct ask);
    struct web_request *r = ARENA_NEW(req->arena, struct web_request);
    ASSERT(ask != NULL);
    ASSERT(r != NULL);
    *r = (struct web_request){.web = w, .http = req, .began_ns = io_now_ns()};
    ask->kind = kind;
    ask->request = r;
    ask->msg = (struct msg){.kind = MSG_ASK, .home = w->inbox, .ask = ask, .request = r};
    return ask;
}

void ask_send(struct web *w, struct ask *ask)
{
    w->under_way++;
    admin_forward(w->server, ask);
}

static void ask_simple(struct web *w, struct http_request *req, enum ask_kind kind)
{
    ask_send(w, ask_new(w, req, kind));
}

/* Health is the writer's: a region that cannot write is not healthy, and one whose writer hangs
 * should not look so. The other threads are not asked. */
static void healthz(struct web *w, struct http_request *req)
{
    if (reply_recent(&w->health, req, health_type)) {
        return;
    }
    struct ask *ask = ask_new(w, req, ASK_HEALTH);
    ask->hop = w->server->n_webs + 1;
    ask_send(w, ask);
}

static void digest(struct web *w, struct http_request *req)
{
    struct ask *ask = ask_new(w, req, ASK_DIGEST);
    ask->table_name = admin_query(req, "table");
    ask_send(w, ask);
}

static void fault(struct web *w, struct http_request *req)
{
    if (!w->server->config->development) {
        reply_error(req, 403, "faults can be injected in development mode only");
        return;
    }
    struct ask *ask = ask_new(w, req, ASK_FAULT);
    if (!admin_parse_fault(req, &ask->fault)) {
        reply_error(req, 400, "the fault does not parse, or a number of it is out of range");
        return;
    }
    ask_send(w, ask);
}

static void members(struct web *w, struct http_request *req)
{
    struct ask *ask = ask_new(w, req, ASK_ADMIN);
    ask->admin.core = w->server->writer.core;
    if (!admin_parse_members(req, ask)) {
        reply_error(
            req,
            400,
            "expected {\"add\":{\"region\",\"http\",\"link\"}} or {\"remove\":\"REGION\"}");
        return;
    }
    const struct core_member *m = catalog_member(w->catalog, ask->admin.name);
    bool adding = ask->admin.kind == CORE_ADMIN_PUT_MEMBER;
    if (adding && m != NULL && !m->removed) {
        reply_error(req, 409, "the cluster has a region of that name already");
        return;
    }
    if (!adding && m == NULL) {
        reply_error(req, 404, "the cluster has no region of that name");
        return;
    }
    if (adding) {
        ask->member.id.v = io_random_seed() | 1;
        ask->member.joined_ms = io_loop_now_ms(w->loop);
    }
    ask_send(w, ask);
}

static void page(
    struct web *w,
    struct http_request *req,
    int (*put)(
        struct buf *b,
        const struct web *w,
        const struct http_request *req,
        const char **reterr_why))
{
    struct buf b;
    const char *why = NULL;
    buf_init(&b, 64 << 20);
    int status = put(&b, w, req, &why);
    if (status == 200) {
        reply_json(req, &b);
    } else {
        buf_done(&b);
        reply_error(req, status, why);
    }
}

static void tables(struct web *w, struct http_request *req)
{
    struct buf b;
    buf_init(&b, 64 << 20);
    admin_put_tables(&b, w);
    reply_json(req, &b);
}

static bool authorized(const struct web *w, const struct http_request *req)
{
    struct bytes given = http_header_find(req->headers, req->n_headers, "authorization");
    struct bytes prefix = BYTES_LIT("Bearer ");
    return given.base != NULL && bytes_has_prefix(given, prefix) &&
           bytes_eq_secret(bytes_from(given, prefix.len), bytes_str(w->server->admin_token));
}

static void dispatch(struct web *w, struct http_request *req, struct bytes name, bool post)
{
    if (bytes_eq_str(name, "status") && !post) {
        ask_simple(w, req, ASK_STATUS);
    } else if (bytes_eq_str(name, "tables") && !post) {
        tables(w, req);
    } else if (bytes_eq_str(name, "digest") && !post) {
        digest(w, req);
    } else if (bytes_eq_str(name, "records") && !post) {
        page(w, req, admin_put_records);
    } else if (bytes_eq_str(name, "conflicts") && !post) {
        page(w, req, admin_put_conflicts);
    } else if (bytes_eq_str(name, "fault") && post) {
        fault(w, req);
    } else if (bytes_eq_str(name, "members") && post) {
        members(w, req);
    } else {
        reply_error(req, 404, "no such admin request");
    }
}

bool admin_take(struct web *w, struct http_request *req)
{
    struct bytes prefix = BYTES_LIT("/_godwit/");
    bool post = bytes_eq_str(req->method, "POST");
    if (bytes_eq_str(req->path, "/healthz")) {
        healthz(w, req);
        return true;
    }
    if (bytes_eq_str(req->path, "/metrics")) {
        if (!reply_recent(&w->metrics, req, metrics_type)) {
            ask_simple(w, req, ASK_METRICS);
        }
        return true;
    }
    if (!bytes_has_prefix(req->path, prefix)) {
        return false;
    }
    if (!authorized(w, req)) {
        reply_error(req, 403, "the admin token is missing or wrong");
        return true;
    }
    dispatch(w, req, bytes_from(req->path, prefix.len), post);
    return true;
}

/* Operator requests and answers as JSON. */
#include <stdlib.h>
#include <unistd.h>

#include "server/admin.h"

struct bytes admin_query(const struct http_request *req, const char *name)
{
    struct bytes rest = req->query;
    while (rest.len > 0) {
        const uint8_t *amp = memchr(rest.base, '&', rest.len);
        struct bytes pair = {rest.base, amp == NULL ? rest.len : (size_t)(amp - rest.base)};
        rest = bytes_from(rest, pair.len + 1);
        const uint8_t *eq = pair.len == 0 ? NULL : memchr(pair.base, '=', pair.len);
        if (eq == NULL ||
            !bytes_eq(bytes_of(pair.base, (size_t)(eq - pair.base)), bytes_str(name))) {
            continue;
        }
        struct bytes value = bytes_from(pair, (size_t)(eq - pair.base) + 1);
        uint8_t *out = arena_alloc(req->arena, value.len + 1);
        size_t n = 0;
        for (size_t i = 0; out != NULL && i < value.len; i++) {
            struct bytes raw;
            bool escaped = value.base[i] == '%' && i + 2 < value.len &&
                           hex_decode(req->arena, bytes_of(value.base + i + 1, 2), &raw) == OK;
            out[n++] = escaped ? raw.base[0] : value.base[i];
            i += escaped ? 2 : 0;
        }
        return bytes_of(out, out == NULL ? 0 : n);
    }
    return BYTES_NONE;
}

static bool parse_body(const struct http_request *req, struct json *ret)
{
    struct json_parser *p = json_parser_new();
    enum err e = json_parse(p, req->arena, req->body, 8, ret);
    json_parser_free(p);
    return e == OK && ret->type == JSON_OBJECT;
}

/* A finite number member; *ret_has false when it is missing; false when it is something else. */
static bool number(const struct json *obj, const char *name, bool *ret_has, double *ret)
{
    const struct json *j = json_find(obj, name);
    *ret_has = j != NULL;
    if (j == NULL) {
        return true;
    }
    struct decimal d;
    bool underflow;
    char text[DOC_DECIMAL_TEXT_MAX];
    if (j->type != JSON_NUMBER || decimal_parse(j->text, &d, &underflow) != OK) {
        return false;
    }
    (void)decimal_text(&d, text);
    *ret = strtod(text, NULL);
    return *ret > -1e12 && *ret < 1e12;
}

static bool within(double v, double min, double max)
{
    return v >= min && v <= max;
}

bool admin_parse_fault(const struct http_request *req, struct fault *ret)
{
    struct json j;
    if (!parse_body(req, &j)) {
        return false;
    }
    struct fault f = {0};
    const struct json *heal = json_find(&j, "heal");
    const struct json *cut = json_find(&j, "cut");
    const struct json *peer = json_find(&j, "peer");
    double skew = 0;
    double loss = 0;
    double bandwidth = 0;
    bool good =
        number(&j, "skew_ms", &f.has_skew, &skew) &&
        number(&j, "delay_ms", &f.has_delay, &f.delay_ms) &&
        number(&j, "jitter_ms", &f.has_jitter, &f.jitter_ms) &&
        number(&j, "loss_per_mille", &f.has_loss, &loss) &&
        number(&j, "bytes_per_s", &f.has_bandwidth, &bandwidth) &&
        (heal == NULL || heal->type == JSON_BOOL) && (cut == NULL || cut->type == JSON_BOOL) &&
        (peer == NULL || peer->type == JSON_STRING) && within(f.delay_ms, 0, SERVER_FAULT_MS_MAX) &&
        within(f.jitter_ms, 0, SERVER_FAULT_MS_MAX) && within(loss, 0, SERVER_FAULT_LOSS_MAX) &&
        within(bandwidth, 0, SERVER_FAULT_BANDWIDTH_MAX) &&
        within(skew, -SERVER_FAULT_SKEW_MS_MAX, SERVER_FAULT_SKEW_MS_MAX);
    if (!good) {
        return false;
    }
    f.heal = heal != NULL && heal->boolean;
    f.has_cut = cut != NULL;
    f.cut = cut != NULL && cut->boolean;
    f.peer = peer == NULL ? BYTES_NONE : peer->text;
    f.skew_ms = (int64_t)skew;
    f.loss_per_mille = (uint32_t)loss;
    f.bytes_per_s = (uint64_t)bandwidth;
    *ret = f;
    return true;
}

static bool text_member(const struct json *obj, const char *name, struct bytes *ret)
{
    const struct json *j = json_find(obj, name);
    if (j == NULL || j->type != JSON_STRING || j->text.len == 0) {
        return false;
    }
    *ret = j->text;
    return true;
}

bool admin_parse_members(const struct http_request *req, struct ask *ask)
{
    struct json j;
    if (!parse_body(req, &j)) {
        return false;
    }
    const struct json *add = json_find(&j, "add");
    if (add == NULL) {
        ask->admin.kind = CORE_ADMIN_REMOVE_MEMBER;
        ask->admin.regions = &ask->admin.name;
        ask->admin.n_regions = 1;
        return text_member(&j, "remove", &ask->admin.name);
    }
    struct core_member *m = &ask->member;
    bool good = text_member(add, "region", &m->region) &&
                text_member(add, "http", &m->http_address) &&
                text_member(add, "link", &m->link_address) && m->region.len <= REPL_REGION_NAME_MAX;
    ask->admin.kind = CORE_ADMIN_PUT_MEMBER;
    ask->admin.name = m->region;
    ask->admin.member = m;
    return good;
}

static void put_field_text(struct buf *b, const char *name, struct bytes text)
{
    buf_putf(b, "\"%s\":", name);
    json_put_string(b, text);
}

static void put_id(struct buf *b, const char *name, uint64_t id)
{
    buf_putf(b, "\"%s\":\"%016llx\"", name, (unsigned long long)id);
}

static void put_number(struct buf *b, const char *name, uint64_t v)
{
    buf_putf(b, "\"%s\":%llu", name, (unsigned long long)v);
}

static void put_bool(struct buf *b, const char *name, bool v)
{
    buf_putf(b, "\"%s\":%s", name, v ? "true" : "false");
}

uint64_t admin_latency_quantile(const struct region_latency *l, double q)
{
    uint64_t want = (uint64_t)((double)l->count * q);
    uint64_t seen = 0;
    for (unsigned i = 0; i < REGION_LATENCY_BUCKETS && l->count > 0; i++) {
        seen += l->buckets[i];
        if (seen > want || seen == l->count) {
            return region_latency_bound_ms(i);
        }
    }
    return 0;
}

static void put_latency(struct buf *b, const struct region_latency *l)
{
    buf_put_str(b, "\"latency\":{");
    put_number(b, "count", l->count);
    buf_put_str(b, ",");
    put_number(b, "mean_ms", l->count == 0 ? 0 : l->sum_ms / l->count);
    buf_put_str(b, ",");
    put_number(b, "last_ms", l->last_ms);
    buf_put_str(b, ",");
    put_number(b, "p50_ms", admin_latency_quantile(l, 0.50));
    buf_put_str(b, ",");
    put_number(b, "p99_ms", admin_latency_quantile(l, 0.99));
    buf_put_str(b, "}");
}

static void put_fault(struct buf *b, const struct io_fault *f)
{
    buf_putf(
        b,
        "\"fault\":{\"delay_ms\":%.3f,\"jitter_ms\":%.3f,\"loss_per_mille\":%u,\"bytes_per_s\":%"
        "llu,",
        f->delay_ms,
        f->jitter_ms,
        f->loss_per_mille,
        (unsigned long long)f->bytes_per_s);
    put_bool(b, "cut", f->blackhole);
    buf_put_str(b, "}");
}

static void put_peer(struct buf *b, const struct region_peer_status *p, const struct io_fault *f)
{
    const struct {
        const char *name;
        bool v;
    } flags[] = {
        {"member", p->member},
        {"connected", p->connected},
        {"subscribed", p->subscribed},
        {"fenced", p->fenced},
        {"relayed", p->relayed},
        {"drifting", p->drifting},
        {"ahead", p->ahead},
    };
    const struct {
        const char *name;
        uint64_t v;
    } numbers[] = {
        {"acked", p->acked.v},
        {"pending", p->pending},
        {"applied", p->applied.v},
        {"behind_ms", p->behind_ms},
        {"sent_bytes", p->sent_bytes},
        {"received_bytes", p->received_bytes},
        {"applied_txns", p->applied_txns},
        {"apply_failures", p->apply_failures},
        {"conflicts", p->conflicts},
    };
    buf_put_str(b, "{");
    put_field_text(b, "name", bytes_str(p->name));
    buf_put_str(b, ",");
    put_id(b, "id", p->id.v);
    buf_put_str(b, ",");
    put_field_text(b, "address", bytes_str(p->address));
    for (size_t i = 0; i < sizeof flags / sizeof flags[0]; i++) {
        buf_put_str(b, ",");
        put_bool(b, flags[i].name, flags[i].v);
    }
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        buf_put_str(b, ",");
        put_number(b, numbers[i].name, numbers[i].v);
    }
    buf_put_str(b, ",");
    put_latency(b, &p->latency);
    buf_put_str(b, ",");
    put_fault(b, f);
    buf_put_str(b, "}");
}

static void put_marks(struct buf *b, const struct ask *ask, const struct web *w)
{
    buf_put_str(b, "\"marks\":[");
    for (size_t i = 0; i < ask->n_marks; i++) {
        const struct repl_mark *m = &ask->marks[i];
        const struct core_member *who =
            w == NULL ? NULL : catalog_member_by_id(w->catalog, m->region);
        buf_put_str(b, i == 0 ? "{" : ",{");
        put_id(b, "id", m->region.v);
        buf_put_str(b, ",");
        put_number(b, "pos", m->pos.v);
        buf_put_str(b, ",");
        put_id(b, "hlc", m->hlc.v);
        if (who != NULL) {
            buf_put_str(b, ",");
            put_field_text(b, "region", who->region);
        }
        buf_put_str(b, "}");
    }
    buf_put_str(b, "]");
}

static void put_members(struct buf *b, const struct catalog *c)
{
    struct bytes after = BYTES_NONE;
    buf_put_str(b, "\"members\":[");
    for (const struct core_member *m; (m = catalog_member_after(c, after)) != NULL;) {
        buf_put_str(b, after.len == 0 ? "{" : ",{");
        after = m->region;
        put_field_text(b, "region", m->region);
        buf_put_str(b, ",");
        put_id(b, "id", m->id.v);
        buf_put_str(b, ",");
        put_field_text(b, "http", m->http_address);
        buf_put_str(b, ",");
        put_field_text(b, "link", m->link_address);
        buf_put_str(b, ",");
        put_bool(b, "removed", m->removed);
        buf_put_str(b, "}");
    }
    buf_put_str(b, "]");
}

void admin_put_status(struct buf *b, const struct web *w, const struct ask *ask)
{
    const struct server_config *c = w->server->config;
    const struct region_status *r = &ask->region;
    const struct {
        const char *name;
        uint64_t v;
    } numbers[] = {
        {"pid", (uint64_t)getpid()},
        {"uptime_ms", (io_now_ns() - w->server->started_ns) / 1000000},
        {"tail", r->tail.v},
        {"log_first", r->log_first.v},
        {"log_bytes", r->log_bytes},
        {"seeds_open", r->seeds_open},
        {"repaired", r->repaired},
        {"scrubs", r->scrubs},
        {"conflicts", r->conflicts},
        {"quarantined", r->quarantined},
    };
    buf_put_str(b, "{");
    put_field_text(b, "region", c->name);
    buf_put_str(b, ",");
    put_id(b, "id", c->id.v);
    buf_put_str(b, ",");
    put_field_text(b, "version", BYTES_LIT(GODWIT_VERSION));
    buf_put_str(b, ",");
    put_bool(b, "development", c->development);
    buf_put_str(b, ",");
    put_bool(b, "failed", ask->cmd.err != OK && ask->cmd.err != ERR_BUSY);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        buf_put_str(b, ",");
        put_number(b, numbers[i].name, numbers[i].v);
    }
    buf_putf(b, ",\"skew_ms\":%lld,", (long long)ask->skew_ms);
    put_marks(b, ask, w);
    buf_put_str(b, ",\"peers\":[");
    for (size_t i = 0; i < ask->n_peers; i++) {
        buf_put_str(b, i == 0 ? "" : ",");
        put_peer(b, &ask->peers[i], &ask->faults[i]);
    }
    buf_put_str(b, "],");
    put_members(b, w->catalog);
    buf_put_str(b, "}\n");
}

void admin_put_digest(struct buf *b, const struct ask *ask)
{
    buf_put_str(b, "{");
    put_field_text(b, "table", ask->table_name);
    buf_put_str(b, ",");
    put_id(b, "id", ask->table);
    buf_put_str(b, ",");
    put_number(b, "items", ask->counts.items);
    buf_put_str(b, ",");
    put_number(b, "bytes", ask->counts.bytes);
    buf_put_str(b, ",\"buckets\":[");
    for (size_t i = 0; i < PART_DIGEST_BUCKETS; i++) {
        buf_putf(
            b,
            "%s\"%016llx%016llx\"",
            i == 0 ? "" : ",",
            (unsigned long long)ask->digest[i].hi,
            (unsigned long long)ask->digest[i].lo);
    }
    buf_put_str(b, "],");
    put_marks(b, ask, NULL);
    buf_put_str(b, "}\n");
}

static void put_join_peer(
    struct buf *b, struct bytes region, struct region_id id, struct bytes link, struct bytes http)
{
    buf_put_str(b, "{");
    put_field_text(b, "region", region);
    buf_put_str(b, ",");
    put_id(b, "id", id.v);
    buf_put_str(b, ",");
    put_field_text(b, "link", link);
    buf_put_str(b, ",");
    put_field_text(b, "http", http);
    buf_put_str(b, "}");
}

void admin_put_join(struct buf *b, const struct web *w, const struct core_member *m)
{
    const struct server_config *c = w->server->config;
    buf_put_str(b, "{");
    put_id(b, "id", m->id.v);
    buf_put_str(b, ",");
    put_field_text(b, "secret", c->secret);
    buf_put_str(b, ",\"peers\":[");
    struct bytes after = BYTES_NONE;
    bool first = true;
    for (const struct core_member *p; (p = catalog_member_after(w->catalog, after)) != NULL;) {
        after = p->region;
        if (p->removed || p->id.v == m->id.v) {
            continue;
        }
        buf_put_str(b, first ? "" : ",");
        first = false;
        put_join_peer(b, p->region, p->id, p->link_address, p->http_address);
    }
    buf_put_str(b, "]}\n");
}

/* The configuration file: one `key = value` a line, '#' begins a comment. Numbers go through one
 * table of knobs, so that name, place and range of each stand in one line. */
#include <arpa/inet.h>
#include <stddef.h>

#include "base/text.h"
#include "server/inside.h"

struct knob {
    const char *name;
    size_t offset;
    bool wide; /* uint64_t, else uint32_t */
    uint64_t min;
    uint64_t max;
};

#define KNOB32(name, field, min, max)                                \
    {                                                                \
        name, offsetof(struct server_config, field), false, min, max \
    }
#define KNOB64(name, field, min, max)                               \
    {                                                               \
        name, offsetof(struct server_config, field), true, min, max \
    }

static const struct knob knobs[] = {
    KNOB32("web.threads", web_threads, 1, SERVER_WEB_THREADS_MAX),
    KNOB64("engine.cache_bytes", cache_bytes, 1 << 20, UINT64_C(1) << 40),
    KNOB64("engine.write_buffer_bytes", write_buffer_bytes, 1 << 20, UINT64_C(1) << 34),
    KNOB32("capacity.enforce", capacity_enforce, 0, 1),
    KNOB32("clock.drift_ms_max", drift_ms_max, 1, 3600000),
    KNOB32("scaling.period_ms", scaling_ms, 10, 3600000),
    KNOB64("conflicts.max", conflicts_max, 10, 100000000),
    KNOB32("ttl.sweep_ms", ttl_sweep_ms, 0, 86400000),
    KNOB32("stream.retention_ms", stream_retention_ms, 100, UINT32_MAX),
    KNOB32("stream.shard_ms", stream_shard_ms, 10, UINT32_MAX),
    KNOB32("link.heartbeat_ms", knobs.heartbeat_ms, 10, 60000),
    KNOB32("link.dead_ms", knobs.dead_ms, 100, 600000),
    KNOB32("link.handshake_ms", knobs.handshake_ms, 100, 60000),
    KNOB32("link.redial_ms_min", knobs.redial_ms_min, 10, 60000),
    KNOB32("link.redial_ms_max", knobs.redial_ms_max, 10, 600000),
    KNOB32("link.relay_ms", knobs.relay_ms, 100, 600000),
    KNOB32("link.window_bytes", knobs.window_bytes, 65536, 1 << 30),
    KNOB32("link.frame_bytes", knobs.frame_bytes, 1024, 8 << 20),
    KNOB32("seed.bytes", knobs.seed_bytes, 1024, 8 << 20),
    KNOB32("scrub.interval_ms", knobs.scrub_ms, 0, 86400000),
    KNOB32("janitor.interval_ms", knobs.janitor_ms, 10, 3600000),
    KNOB32("tombstone.grace_ms", knobs.tombstone_grace_ms, 0, UINT32_MAX),
    KNOB64("log.keep_bytes", knobs.log_keep_bytes, 0, UINT64_MAX),
    KNOB64("log.bytes_max", knobs.log_bytes_max, 1 << 16, UINT64_MAX),
};

enum { HOST_BYTES_MAX = 64, KNOBS = sizeof knobs / sizeof knobs[0] };

static const char *const level_names[] = {"debug", "info", "warn", "error"};

struct server_config server_config_default(void)
{
    return (struct server_config){
        .data_dir = BYTES_LIT("godwit-data"),
        .http_address = BYTES_LIT("127.0.0.1:8000"),
        .link_address = BYTES_LIT("127.0.0.1:9000"),
        .web_threads = 1,
        .cache_bytes = 64 << 20,
        .write_buffer_bytes = 16 << 20,
        .drift_ms_max = 500,
        .scaling_ms = 60000,
        .conflicts_max = 100000,
        .capacity_enforce = 1,
        .ttl_sweep_ms = 1000,
        .stream_retention_ms = CORE_STREAM_RETENTION_MS,
        .stream_shard_ms = CORE_STREAM_SHARD_MS,
        .log_level = TRACE_INFO,
        .knobs = region_knobs_default(),
    };
}

static uint64_t knob_read(const struct server_config *c, const struct knob *k)
{
    const char *at = (const char *)c + k->offset;
    uint64_t wide;
    uint32_t narrow;
    if (k->wide) {
        memcpy(&wide, at, sizeof wide);
        return wide;
    }
    memcpy(&narrow, at, sizeof narrow);
    return narrow;
}

static void knob_write(struct server_config *c, const struct knob *k, uint64_t v)
{
    char *at = (char *)c + k->offset;
    uint32_t narrow = (uint32_t)v;
    if (k->wide) {
        memcpy(at, &v, sizeof v);
    } else {
        memcpy(at, &narrow, sizeof narrow);
    }
}

static bool blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static struct bytes trimmed(struct bytes b)
{
    while (b.len > 0 && blank(b.base[0])) {
        b = bytes_from(b, 1);
    }
    while (b.len > 0 && blank(b.base[b.len - 1])) {
        b.len--;
    }
    return b;
}

/* Cuts what stands before the first `c` off `*rest`; all of it when there is none. */
static struct bytes cut(struct bytes *rest, char c)
{
    const uint8_t *at = rest->len == 0 ? NULL : memchr(rest->base, c, rest->len);
    struct bytes head = *rest;
    if (at == NULL) {
        *rest = BYTES_NONE;
        return head;
    }
    head.len = (size_t)(at - rest->base);
    *rest = bytes_from(*rest, head.len + 1);
    return head;
}

static bool parse_id(struct arena *a, struct bytes text, struct region_id *ret)
{
    struct bytes raw;
    if (text.len != 16 || hex_decode(a, text, &raw) != OK) {
        return false;
    }
    ret->v = load_u64_be(raw.base);
    return ret->v != 0;
}

bool server_address_ok(struct bytes address)
{
    char host[HOST_BYTES_MAX];
    uint16_t port;
    struct in6_addr raw;
    return address_split(address, host, sizeof host, &port) &&
           (inet_pton(AF_INET, host, &raw) == 1 || inet_pton(AF_INET6, host, &raw) == 1);
}

/* "NAME ID LINK_ADDRESS HTTP_ADDRESS [DELAY_MICROSECONDS]" */
static bool parse_peer(struct arena *a, struct bytes text, struct server_config *c)
{
    if (c->n_peers == CORE_REGIONS_MAX) {
        return false;
    }
    struct server_peer p = {0};
    uint64_t delay_us = 0;
    p.name = cut(&text, ' ');
    text = trimmed(text);
    struct bytes id = cut(&text, ' ');
    text = trimmed(text);
    p.link_address = cut(&text, ' ');
    text = trimmed(text);
    p.http_address = cut(&text, ' ');
    text = trimmed(text);
    bool good = p.name.len > 0 && p.name.len <= REPL_REGION_NAME_MAX && parse_id(a, id, &p.id) &&
                server_address_ok(p.link_address) &&
                (text.len == 0 || bytes_u64(text, &delay_us) == OK);
    if (!good) {
        return false;
    }
    p.delay_ms = (double)delay_us / 1000.0;
    c->peers[c->n_peers++] = p;
    return true;
}

static bool parse_level(struct bytes value, struct server_config *c)
{
    for (size_t i = 0; i < sizeof level_names / sizeof level_names[0]; i++) {
        if (bytes_eq_str(value, level_names[i])) {
            c->log_level = (enum trace_level)i;
            return true;
        }
    }
    return false;
}

/* Whether `value` is one for the setting `key`; *ret_found says whether there is such a setting. */
static bool parse_text(
    struct arena *a, struct bytes key, struct bytes value, struct server_config *c, bool *ret_found)
{
    *ret_found = true;
    if (bytes_eq_str(key, "region")) {
        c->name = value;
        return value.len > 0 && value.len <= REPL_REGION_NAME_MAX;
    }
    if (bytes_eq_str(key, "id")) {
        return parse_id(a, value, &c->id);
    }
    if (bytes_eq_str(key, "peer")) {
        return parse_peer(a, value, c);
    }
    if (bytes_eq_str(key, "log.level")) {
        return parse_level(value, c);
    }
    if (bytes_eq_str(key, "development")) {
        c->development = bytes_eq_str(value, "yes");
        return c->development || bytes_eq_str(value, "no");
    }
    struct {
        const char *name;
        struct bytes *to;
    } const texts[] = {
        {"secret", &c->secret},
        {"data_dir", &c->data_dir},
        {"key_file", &c->key_file},
        {"s3.dir", &c->s3_dir},
        {"http", &c->http_address},
        {"link", &c->link_address},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        if (bytes_eq_str(key, texts[i].name)) {
            bool address = texts[i].to == &c->http_address || texts[i].to == &c->link_address;
            *texts[i].to = value;
            return value.len > 0 && (!address || server_address_ok(value));
        }
    }
    *ret_found = false;
    return false;
}

static bool parse_knob(
    struct bytes key, struct bytes value, struct server_config *c, bool *ret_found)
{
    for (size_t i = 0; i < KNOBS; i++) {
        if (!bytes_eq_str(key, knobs[i].name)) {
            continue;
        }
        uint64_t v;
        *ret_found = true;
        if (bytes_u64(value, &v) != OK || v < knobs[i].min || v > knobs[i].max) {
            return false;
        }
        knob_write(c, &knobs[i], v);
        return true;
    }
    *ret_found = false;
    return false;
}

/* The sentence about a line that does not do. */
static struct bytes refusal(
    struct arena *a, unsigned line, struct bytes key, struct bytes value, bool known)
{
    if (!known) {
        return bytes_fmt(a, "line %u: there is no setting \"%.*s\"", line, BYTES_FMT(key));
    }
    for (size_t i = 0; i < KNOBS; i++) {
        if (bytes_eq_str(key, knobs[i].name)) {
            return bytes_fmt(
                a,
                "line %u: \"%.*s\" is no value for %s: a whole number from %llu to %llu",
                line,
                BYTES_FMT(value),
                knobs[i].name,
                (unsigned long long)knobs[i].min,
                (unsigned long long)knobs[i].max);
        }
    }
    bool address = bytes_eq_str(key, "http") || bytes_eq_str(key, "link");
    return bytes_fmt(
        a,
        "line %u: \"%.*s\" is no value for %.*s%s",
        line,
        BYTES_FMT(value),
        BYTES_FMT(key),
        address ? ": a numeric address and a port, such as 127.0.0.1:8000" : "");
}

enum err server_config_parse(
    struct arena *a, struct bytes text, struct server_config *ret, struct bytes *reterr_msg)
{
    struct server_config c = server_config_default();
    struct bytes rest = bytes_dup(a, text);
    for (unsigned line = 1; rest.len > 0; line++) {
        struct bytes all = cut(&rest, '\n');
        struct bytes value = cut(&all, '#');
        value = trimmed(value);
        if (value.len == 0) {
            continue;
        }
        struct bytes key = trimmed(cut(&value, '='));
        value = trimmed(value);
        bool found;
        bool good = parse_knob(key, value, &c, &found);
        if (!good && !found) {
            good = parse_text(a, key, value, &c, &found);
        }
        if (!good) {
            *reterr_msg = refusal(a, line, key, value, found);
            return ERR_INVALID;
        }
    }
    const char *missing = c.name.len == 0     ? "region"
                          : c.id.v == 0       ? "id"
                          : c.secret.len == 0 ? "secret"
                                              : NULL;
    if (missing != NULL) {
        *reterr_msg = bytes_fmt(a, "the setting \"%s\" is missing", missing);
        return ERR_INVALID;
    }
    *ret = c;
    return OK;
}

static void put_text(struct buf *b, const char *key, struct bytes value)
{
    if (value.len > 0) {
        buf_putf(b, "%s = %.*s\n", key, BYTES_FMT(value));
    }
}

void server_config_put(struct buf *b, const struct server_config *c)
{
    struct server_config d = server_config_default();
    put_text(b, "region", c->name);
    buf_putf(b, "id = %016llx\n", (unsigned long long)c->id.v);
    put_text(b, "secret", c->secret);
    put_text(b, "data_dir", c->data_dir);
    put_text(b, "key_file", c->key_file);
    put_text(b, "s3.dir", c->s3_dir);
    put_text(b, "http", c->http_address);
    put_text(b, "link", c->link_address);
    buf_putf(b, "development = %s\n", c->development ? "yes" : "no");
    if (c->log_level != d.log_level) {
        buf_putf(b, "log.level = %s\n", level_names[c->log_level]);
    }
    for (size_t i = 0; i < c->n_peers; i++) {
        const struct server_peer *p = &c->peers[i];
        buf_putf(
            b,
            "peer = %.*s %016llx %.*s %.*s %llu\n",
            BYTES_FMT(p->name),
            (unsigned long long)p->id.v,
            BYTES_FMT(p->link_address),
            BYTES_FMT(p->http_address),
            (unsigned long long)(p->delay_ms * 1000.0));
    }
    for (size_t i = 0; i < KNOBS; i++) {
        uint64_t v = knob_read(c, &knobs[i]);
        if (v != knob_read(&d, &knobs[i])) {
            buf_putf(b, "%s = %llu\n", knobs[i].name, (unsigned long long)v);
        }
    }
}

void server_admin_token(struct bytes secret, char ret[SERVER_ADMIN_TOKEN_LEN + 1])
{
    uint8_t mac[SHA256_LEN];
    hmac_sha256(secret, BYTES_LIT("godwit admin token 1"), mac);
    struct buf b;
    buf_init(&b, SERVER_ADMIN_TOKEN_LEN);
    put_hex(&b, bytes_of(mac, sizeof mac));
    ASSERT(b.len == SERVER_ADMIN_TOKEN_LEN);
    memcpy(ret, b.base, b.len);
    ret[SERVER_ADMIN_TOKEN_LEN] = '\0';
    buf_done(&b);
}

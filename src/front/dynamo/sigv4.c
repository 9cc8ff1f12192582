/* AWS Signature Version 4, verified. The form in the Authorization header is what every SDK sends;
 * the form in the query string (presigned) is taken too.
 *
 * Source: "Create a signed AWS API request" in the IAM user guide. The order of the checks and
 * their words are DynamoDB's. The body's own hash always goes into the canonical request, whatever
 * x-amz-content-sha256 says, so an unsigned payload is never taken.
 *
 * Promises: the signature comparison takes the same time wherever the first difference is; an
 * unknown, a revoked and a wrongly signed key all fail before anything of the body is looked at.
 * Not promised: protection against replay within the 15 minutes. */
#include <stdlib.h>

#include "front/dynamo/dynamo_internal.h"

enum {
    SKEW_MS_MAX = 15 * 60 * 1000,
    SIGNING_CACHE_MAX = 256,   /* derived keys kept; all are forgotten when that many are there */
    EXPIRES_S_MAX = 7 * 86400, /* of presigned requests */
};

struct signing_cache {
    struct map keys; /* "id/date/region/service" to 32 bytes on the heap */
};

/* What a request says about its signature. */
struct auth {
    struct bytes algorithm;
    struct bytes credential;
    struct bytes signed_headers;
    struct bytes signature;
    struct bytes date; /* 20150830T123600Z */
    bool in_query;
    uint64_t expires_s; /* in_query */
    /* The parts of `credential`. */
    struct bytes key_id;
    struct bytes scope_date;
    struct bytes region;
    struct bytes service;
    struct bytes terminator;
};

/* ---- signing keys ---- */

struct signing_cache *signing_cache_new(void)
{
    struct signing_cache *s = calloc(1, sizeof *s);
    ASSERT(s != NULL);
    map_init(&s->keys);
    return s;
}

void signing_cache_clear(struct signing_cache *s)
{
    MAP_FOREACH (&s->keys, e) {
        free(e->value);
    }
    map_done(&s->keys);
    map_init(&s->keys);
}

void signing_cache_free(struct signing_cache *s)
{
    if (s == NULL) {
        return;
    }
    signing_cache_clear(s);
    map_done(&s->keys);
    free(s);
}

static void derive_key(
    struct arena *a, const struct auth *auth, struct bytes secret, uint8_t ret[SHA256_LEN])
{
    struct bytes start = bytes_fmt(a, "AWS4%.*s", BYTES_FMT(secret));
    uint8_t k_date[SHA256_LEN];
    uint8_t k_region[SHA256_LEN];
    uint8_t k_service[SHA256_LEN];
    hmac_sha256(start, auth->scope_date, k_date);
    hmac_sha256(bytes_of(k_date, SHA256_LEN), auth->region, k_region);
    hmac_sha256(bytes_of(k_region, SHA256_LEN), auth->service, k_service);
    hmac_sha256(bytes_of(k_service, SHA256_LEN), auth->terminator, ret);
}

/* The signing key for a request whose scope was checked, derived once a day, region, service and
 * key. */
static const uint8_t *signing_key(
    struct dynamo_call *c, const struct auth *auth, const struct keystore_key *key)
{
    struct signing_cache *s = c->d->signing;
    const struct bytes parts[] = {
        auth->key_id, auth->scope_date, auth->region, bytes_str(c->service)};
    struct bytes name = bytes_join(c->arena, parts, sizeof parts / sizeof parts[0], '/');
    if (name.base == NULL) {
        return NULL;
    }
    uint8_t *found = map_get(&s->keys, name);
    if (found != NULL) {
        return found;
    }
    if (map_count(&s->keys) >= SIGNING_CACHE_MAX) {
        signing_cache_clear(s);
    }
    uint8_t *fresh = malloc(SHA256_LEN);
    ASSERT(fresh != NULL);
    derive_key(c->arena, auth, key->secret, fresh);
    (void)map_put(&s->keys, name, fresh); /* it was not there */
    return fresh;
}

/* ---- reading what the request says ---- */

static uint8_t lower(uint8_t ch)
{
    return ch >= 'A' && ch <= 'Z' ? (uint8_t)(ch + 32) : ch;
}

static bool name_is(struct bytes name, struct bytes lower_name)
{
    if (name.len != lower_name.len) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        if (lower(name.base[i]) != lower_name.base[i]) {
            return false;
        }
    }
    return true;
}

struct bytes header_find(const struct dynamo_request *r, const char *name)
{
    struct bytes want = bytes_str(name);
    for (size_t i = r->n_headers; i > 0; i--) {
        if (name_is(r->headers[i - 1].name, want)) {
            struct bytes v = r->headers[i - 1].value;
            return v.base == NULL ? BYTES_LIT("") : v;
        }
    }
    return BYTES_NONE;
}

static struct bytes trim(struct bytes b)
{
    while (b.len > 0 && (b.base[0] == ' ' || b.base[0] == '\t')) {
        b = bytes_from(b, 1);
    }
    while (b.len > 0 && (b.base[b.len - 1] == ' ' || b.base[b.len - 1] == '\t')) {
        b.len--;
    }
    return b;
}

/* Takes the part up to `ch` (or all) off `rest`. */
static struct bytes take_until(struct bytes *rest, uint8_t ch)
{
    const uint8_t *at = rest->len == 0 ? NULL : memchr(rest->base, ch, rest->len);
    if (at == NULL) {
        struct bytes all = *rest;
        *rest = bytes_from(*rest, rest->len);
        return all;
    }
    struct bytes part = bytes_of(rest->base, (size_t)(at - rest->base));
    *rest = bytes_from(*rest, part.len + 1);
    return part;
}

/* Credential=…, SignedHeaders=…, Signature=…, separated by commas or blanks. */
static void auth_from_header(struct bytes header, struct auth *ret)
{
    struct bytes rest = trim(header);
    ret->algorithm = take_until(&rest, ' ');
    while (rest.len > 0) {
        const uint8_t *comma = memchr(rest.base, ',', rest.len);
        struct bytes pair = comma == NULL ? rest : bytes_of(rest.base, (size_t)(comma - rest.base));
        const uint8_t *blank = pair.len == 0 ? NULL : memchr(pair.base, ' ', pair.len);
        pair.len = blank == NULL ? pair.len : (size_t)(blank - pair.base);
        rest = bytes_from(rest, pair.len + 1);
        struct bytes name = take_until(&pair, '=');
        if (bytes_eq_str(name, "Credential")) {
            ret->credential = pair;
        } else if (bytes_eq_str(name, "SignedHeaders")) {
            ret->signed_headers = pair;
        } else if (bytes_eq_str(name, "Signature")) {
            ret->signature = pair;
        }
    }
}

static int hex_digit(uint8_t ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }
    ch = lower(ch);
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

/* Percent-decoded, in the arena; without base at its cap. Malformed escapes stay as they are. */
static struct bytes percent_decode(struct arena *a, struct bytes s)
{
    uint8_t *to = arena_alloc(a, s.len + 1);
    if (to == NULL) {
        return BYTES_NONE;
    }
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.base[i] == '%' && i + 2 < s.len && hex_digit(s.base[i + 1]) >= 0 &&
            hex_digit(s.base[i + 2]) >= 0) {
            to[n++] = (uint8_t)(hex_digit(s.base[i + 1]) * 16 + hex_digit(s.base[i + 2]));
            i += 2;
        } else {
            to[n++] = s.base[i];
        }
    }
    return bytes_of(to, n);
}

/* A query parameter's decoded value, base NULL when absent. */
static struct bytes query_find(struct arena *a, struct bytes query, const char *name)
{
    while (query.len > 0) {
        struct bytes pair = take_until(&query, '&');
        struct bytes key = take_until(&pair, '=');
        if (bytes_eq_str(key, name)) {
            return percent_decode(a, pair);
        }
    }
    return BYTES_NONE;
}

static void auth_from_query(struct arena *a, struct bytes query, struct auth *ret)
{
    ret->in_query = true;
    ret->algorithm = query_find(a, query, "X-Amz-Algorithm");
    ret->credential = query_find(a, query, "X-Amz-Credential");
    ret->signed_headers = query_find(a, query, "X-Amz-SignedHeaders");
    ret->signature = query_find(a, query, "X-Amz-Signature");
    ret->date = query_find(a, query, "X-Amz-Date");
    struct bytes expires = query_find(a, query, "X-Amz-Expires");
    ret->expires_s = SKEW_MS_MAX / 1000;
    uint64_t seconds;
    if (expires.base != NULL && bytes_u64(expires, &seconds) == OK && seconds <= EXPIRES_S_MAX) {
        ret->expires_s = seconds;
    }
}

/* Cuts keyid/date/region/service/term; false unless there are exactly five parts. */
static bool credential_cut(struct auth *auth)
{
    struct bytes rest = auth->credential;
    struct bytes *parts[] = {
        &auth->key_id, &auth->scope_date, &auth->region, &auth->service, &auth->terminator};
    size_t n = sizeof parts / sizeof parts[0];
    for (size_t i = 0; i < n; i++) {
        *parts[i] = take_until(&rest, '/');
        if (parts[i]->len == 0) {
            return false;
        }
    }
    return rest.len == 0;
}

struct bytes dynamo_signed_region(const struct dynamo_request *request, struct bytes *ret_service)
{
    struct auth auth = {0};
    *ret_service = BYTES_NONE;
    struct bytes header = header_find(request, "authorization");
    if (header.base != NULL) {
        auth_from_header(header, &auth);
        if (!credential_cut(&auth)) {
            return BYTES_NONE;
        }
        *ret_service = auth.service;
        return auth.region;
    }
    /* Without an arena the raw parameter has to do: clients escape its slashes. */
    struct bytes query = request->query;
    while (query.len > 0) {
        struct bytes pair = take_until(&query, '&');
        if (!bytes_eq_str(take_until(&pair, '='), "X-Amz-Credential")) {
            continue;
        }
        struct bytes parts[4] = {BYTES_NONE};
        for (int i = 0; i < 4 && pair.len > 0; i++) {
            size_t n = 0;
            while (n < pair.len && pair.base[n] != '/' && pair.base[n] != '%') {
                n++;
            }
            parts[i] = bytes_of(pair.base, n);
            bool escaped = n < pair.len && pair.base[n] == '%';
            pair = bytes_from(pair, n + (escaped ? 3 : 1));
        }
        *ret_service = parts[3];
        return parts[2];
    }
    return BYTES_NONE;
}

/* ---- dates ---- */

static bool digits(struct bytes s, size_t from, size_t n, int64_t *ret)
{
    int64_t v = 0;
    for (size_t i = from; i < from + n; i++) {
        if (s.base[i] < '0' || s.base[i] > '9') {
            return false;
        }
        v = v * 10 + (s.base[i] - '0');
    }
    *ret = v;
    return true;
}

/* 20150830T123600Z to milliseconds; false when malformed. */
static bool date_parse(struct bytes s, int64_t *ret_ms)
{
    int64_t y;
    int64_t mo;
    int64_t d;
    int64_t h;
    int64_t mi;
    int64_t sec;
    if (s.len != 16 || s.base[8] != 'T' || s.base[15] != 'Z' || !digits(s, 0, 4, &y) ||
        !digits(s, 4, 2, &mo) || !digits(s, 6, 2, &d) || !digits(s, 9, 2, &h) ||
        !digits(s, 11, 2, &mi) || !digits(s, 13, 2, &sec)) {
        return false;
    }
    if (mo < 1 || mo > 12 || d < 1 || d > 31 || h > 23 || mi > 59 || sec > 60) {
        return false;
    }
    *ret_ms = (((days_of_date(y, mo, d) * 24 + h) * 60 + mi) * 60 + sec) * 1000;
    return true;
}

static struct bytes date_text(struct arena *a, int64_t ms)
{
    int64_t s = ms / 1000;
    struct date d = date_of_days(s / 86400);
    int64_t t = s % 86400;
    return bytes_fmt(
        a,
        "%04d%02u%02uT%02d%02d%02dZ",
        (int)d.year,
        d.month,
        d.day,
        (int)(t / 3600),
        (int)(t / 60 % 60),
        (int)(t % 60));
}

static bool date_check(struct dynamo_call *c, const struct auth *auth)
{
    int64_t signed_ms;
    if (!date_parse(auth->date, &signed_ms)) {
        return call_failf(
            c,
            AWS_INCOMPLETE_SIGNATURE,
            "Date must be in ISO-8601 'basic format'. Got '%.*s'. See "
            "http://en.wikipedia.org/wiki/ISO_8601",
            BYTES_FMT(auth->date));
    }
    int64_t now_ms = (int64_t)c->now_ms;
    int64_t life_ms = auth->in_query ? (int64_t)auth->expires_s * 1000 : SKEW_MS_MAX;
    if (signed_ms < now_ms - life_ms) {
        return call_failf(
            c,
            AWS_INVALID_SIGNATURE,
            "Signature expired: %.*s is now earlier than %.*s (%.*s - %d min.)",
            BYTES_FMT(auth->date),
            BYTES_FMT(date_text(c->arena, now_ms - life_ms)),
            BYTES_FMT(date_text(c->arena, now_ms)),
            (int)(life_ms / 60000));
    }
    if (signed_ms > now_ms + SKEW_MS_MAX) {
        return call_failf(
            c,
            AWS_INVALID_SIGNATURE,
            "Signature not yet current: %.*s is still later than %.*s (%.*s + 15 min.)",
            BYTES_FMT(auth->date),
            BYTES_FMT(date_text(c->arena, now_ms + SKEW_MS_MAX)),
            BYTES_FMT(date_text(c->arena, now_ms)));
    }
    return true;
}

/* ---- the canonical request ---- */

static void put_encoded(struct buf *b, struct bytes s, bool keep_slash)
{
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < s.len; i++) {
        uint8_t ch = s.base[i];
        bool letter = (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z');
        bool plain = letter || (ch >= '0' && ch <= '9') || ch == '-' || ch == '_' || ch == '.' ||
                     ch == '~' || (keep_slash && ch == '/');
        if (plain) {
            buf_put_u8(b, ch);
        } else {
            uint8_t out[3] = {'%', (uint8_t)hex[ch >> 4], (uint8_t)hex[ch & 15]};
            buf_put(b, out, sizeof out);
        }
    }
}

struct param {
    struct bytes encoded; /* name=value as it goes into the canonical query */
};

static int param_cmp(const void *a, const void *b)
{
    const struct param *pa = a;
    const struct param *pb = b;
    return bytes_cmp(pa->encoded, pb->encoded);
}

static size_t count_byte(struct bytes s, uint8_t ch)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++) {
        n += s.base[i] == ch;
    }
    return n;
}

/* Parameters sorted, each decoded and encoded anew; the signature itself is left out. */
static enum err put_query(struct dynamo_call *c, struct buf *b)
{
    struct bytes rest = c->request->query;
    if (rest.len == 0) {
        return OK;
    }
    struct param *params = ARENA_ARRAY(c->arena, struct param, count_byte(rest, '&') + 1);
    if (params == NULL) {
        return ERR_TOO_BIG;
    }
    size_t n = 0;
    struct buf one;
    buf_init(&one, /* len_max= */ 1024 * 1024);
    while (rest.len > 0) {
        struct bytes pair = take_until(&rest, '&');
        struct bytes name = take_until(&pair, '=');
        if (bytes_eq_str(name, "X-Amz-Signature") || name.len == 0) {
            continue;
        }
        buf_clear(&one);
        put_encoded(&one, percent_decode(c->arena, name), false);
        buf_put_u8(&one, '=');
        put_encoded(&one, percent_decode(c->arena, pair), false);
        params[n].encoded = bytes_dup(c->arena, buf_bytes(&one));
        n++;
    }
    buf_done(&one);
    qsort(params, n, sizeof params[0], param_cmp);
    for (size_t i = 0; i < n; i++) {
        buf_put_str(b, i == 0 ? "" : "&");
        buf_put_bytes(b, params[i].encoded);
    }
    return OK;
}

/* A value without blanks at its ends and with single blanks inside. */
static void put_header_value(struct buf *b, struct bytes value)
{
    struct bytes v = trim(value);
    bool blank = false;
    for (size_t i = 0; i < v.len; i++) {
        bool is_blank = v.base[i] == ' ';
        if (!is_blank || !blank) {
            buf_put_u8(b, v.base[i]);
        }
        blank = is_blank;
    }
}

/* name:value,value\n for one signed header; a header that is not there has no value. */
static void put_header_line(struct buf *b, const struct dynamo_request *r, struct bytes name)
{
    buf_put_bytes(b, name);
    buf_put_u8(b, ':');
    bool first = true;
    for (size_t i = 0; i < r->n_headers; i++) {
        if (!name_is(r->headers[i].name, name)) {
            continue;
        }
        if (!first) {
            buf_put_u8(b, ',');
        }
        put_header_value(b, r->headers[i].value);
        first = false;
    }
    buf_put_u8(b, '\n');
}

static enum err put_canonical(struct dynamo_call *c, const struct auth *auth, struct buf *b)
{
    const struct dynamo_request *r = c->request;
    buf_put_bytes(b, r->method);
    buf_put_u8(b, '\n');
    if (r->path.len == 0) {
        buf_put_u8(b, '/');
    }
    put_encoded(b, r->path, true);
    buf_put_u8(b, '\n');
    enum err err = put_query(c, b);
    if (err != OK) {
        return err;
    }
    buf_put_u8(b, '\n');
    struct bytes rest = auth->signed_headers;
    while (rest.len > 0 && b->err == OK) { /* a long header named ever again makes it too big */
        put_header_line(b, r, take_until(&rest, ';'));
    }
    buf_put_u8(b, '\n');
    buf_put_bytes(b, auth->signed_headers);
    buf_put_u8(b, '\n');
    uint8_t hash[SHA256_LEN];
    sha256(r->body, hash);
    put_hex(b, bytes_of(hash, sizeof hash));
    return b->err;
}

/* Whether the signature is the one `key` makes. OK; ERR_AUTH; ERR_TOO_BIG. */
static enum err signature_verify(
    struct dynamo_call *c, const struct auth *auth, const struct keystore_key *key)
{
    struct buf *b = &c->d->signing_text;
    buf_clear(b);
    enum err err = put_canonical(c, auth, b);
    if (err != OK) {
        return err;
    }
    uint8_t hash[SHA256_LEN];
    sha256(buf_bytes(b), hash);
    buf_clear(b);
    buf_put_str(b, "AWS4-HMAC-SHA256\n");
    buf_put_bytes(b, auth->date);
    buf_put_u8(b, '\n');
    buf_put_bytes(b, bytes_from(auth->credential, auth->key_id.len + 1));
    buf_put_u8(b, '\n');
    put_hex(b, bytes_of(hash, sizeof hash));
    const uint8_t *derived = signing_key(c, auth, key);
    if (derived == NULL || b->err != OK) {
        return ERR_TOO_BIG;
    }
    uint8_t mac[SHA256_LEN];
    hmac_sha256(bytes_of(derived, SHA256_LEN), buf_bytes(b), mac);
    buf_clear(b);
    put_hex(b, bytes_of(mac, sizeof mac));
    return bytes_eq_secret(buf_bytes(b), auth->signature) ? OK : ERR_AUTH;
}

/* ---- the checks, in DynamoDB's order ---- */

static bool header_params_check(struct dynamo_call *c, const struct auth *auth, struct bytes header)
{
    bool no_date = auth->date.base == NULL;
    if (auth->credential.len > 0 && auth->signature.len > 0 && auth->signed_headers.len > 0 &&
        !no_date) {
        return true;
    }
    return call_failf(
        c,
        AWS_INCOMPLETE_SIGNATURE,
        "%s%s%s%sAuthorization=%.*s",
        auth->credential.len == 0 ? "Authorization header requires 'Credential' parameter. " : "",
        auth->signature.len == 0 ? "Authorization header requires 'Signature' parameter. " : "",
        auth->signed_headers.len == 0 ? "Authorization header requires 'SignedHeaders' parameter. "
                                      : "",
        no_date ? "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' "
                  "header. "
                : "",
        BYTES_FMT(header));
}

static bool query_params_check(struct dynamo_call *c, const struct auth *auth)
{
    struct {
        const char *name;
        struct bytes value;
    } params[] = {
        {"X-Amz-Algorithm", auth->algorithm},
        {"X-Amz-Credential", auth->credential},
        {"X-Amz-Signature", auth->signature},
        {"X-Amz-SignedHeaders", auth->signed_headers},
        {"X-Amz-Date", auth->date},
    };
    struct buf *b = &c->d->signing_text;
    buf_clear(b);
    for (size_t i = 0; i < sizeof params / sizeof params[0]; i++) {
        if (params[i].value.len == 0) {
            buf_putf(b, "AWS query-string parameters must include '%s'. ", params[i].name);
        }
    }
    if (b->len == 0) {
        return true;
    }
    return call_failf(
        c,
        AWS_INCOMPLETE_SIGNATURE,
        "%.*sRe-examine the query-string parameters.",
        BYTES_FMT(buf_bytes(b)));
}

static bool auth_read(struct dynamo_call *c, struct auth *ret)
{
    const struct dynamo_request *r = c->request;
    struct bytes header = header_find(r, "authorization");
    struct bytes in_query = query_find(c->arena, r->query, "X-Amz-Algorithm");
    if (header.base != NULL && in_query.base != NULL) {
        return call_fail(
            c,
            AWS_INVALID_SIGNATURE,
            BYTES_LIT("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as "
                      "HTTP header."));
    }
    if (in_query.base != NULL) {
        auth_from_query(c->arena, r->query, ret);
        return query_params_check(c, ret);
    }
    if (header.base == NULL || !bytes_has_prefix(trim(header), BYTES_LIT("AWS4-"))) {
        return call_fail(
            c, AWS_MISSING_AUTHENTICATION, BYTES_LIT("Request is missing Authentication Token"));
    }
    auth_from_header(header, ret);
    ret->date = header_find(r, "x-amz-date");
    if (ret->date.base == NULL) {
        ret->date = header_find(r, "date");
    }
    return header_params_check(c, ret, header);
}

static bool host_is_signed(struct bytes signed_headers)
{
    while (signed_headers.len > 0) {
        if (name_is(take_until(&signed_headers, ';'), BYTES_LIT("host"))) {
            return true;
        }
    }
    return false;
}

static bool scope_check(struct dynamo_call *c, const struct auth *auth)
{
    struct buf *b = &c->d->signing_text;
    buf_clear(b);
    if (!c->d->region_any && !bytes_eq(auth->region, c->d->region)) {
        buf_putf(
            b,
            "Credential should be scoped to a valid region, not '%.*s'. ",
            BYTES_FMT(auth->region));
    }
    if (!bytes_eq_str(auth->service, c->service)) {
        buf_putf(b, "Credential should be scoped to correct service: '%s'. ", c->service);
    }
    if (!bytes_eq_str(auth->terminator, "aws4_request")) {
        buf_putf(
            b,
            "Credential should be scoped with a valid terminator: 'aws4_request', not '%.*s'. ",
            BYTES_FMT(auth->terminator));
    }
    if (!bytes_eq(auth->scope_date, bytes_of(auth->date.base, 8))) {
        buf_putf(
            b,
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
            "HTTP: '%.*s' != '%.8s', from '%.*s'. ",
            BYTES_FMT(auth->scope_date),
            (const char *)auth->date.base,
            BYTES_FMT(auth->date));
    }
    return b->len == 0 || call_fail(c, AWS_INVALID_SIGNATURE, bytes_dup(c->arena, buf_bytes(b)));
}

static bool auth_check(struct dynamo_call *c, struct auth *auth)
{
    if (!date_check(c, auth)) {
        return false;
    }
    if (!host_is_signed(auth->signed_headers)) {
        return call_fail(
            c,
            AWS_INVALID_SIGNATURE,
            BYTES_LIT("'Host' must be a 'SignedHeader' in the AWS Authorization."));
    }
    if (!bytes_eq_str(auth->algorithm, "AWS4-HMAC-SHA256")) {
        return call_failf(
            c,
            AWS_INCOMPLETE_SIGNATURE,
            "Unsupported AWS 'algorithm': '%.*s' (only AWS4-HMAC-SHA256 for now). ",
            BYTES_FMT(auth->algorithm));
    }
    if (!credential_cut(auth)) {
        return call_failf(
            c,
            AWS_INCOMPLETE_SIGNATURE,
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            "keyid/date/region/service/term, got '%.*s'",
            BYTES_FMT(auth->credential));
    }
    return scope_check(c, auth);
}

bool signature_check(struct dynamo_call *c)
{
    struct auth auth = {0};
    if (!auth_read(c, &auth) || !auth_check(c, &auth)) {
        return false;
    }
    c->access_key = auth.key_id;
    const struct keystore_key *key =
        c->d->keystore == NULL ? NULL : keystore_find(c->d->keystore, auth.key_id);
    if (key == NULL || !key->active) {
        return call_fail(
            c,
            AWS_UNRECOGNIZED_CLIENT,
            BYTES_LIT("The security token included in the request is invalid."));
    }
    enum err err = signature_verify(c, &auth, key);
    if (err == OK) {
        return true;
    }
    if (err != ERR_AUTH) {
        return call_fail_err(c, err);
    }
    return call_fail(
        c,
        AWS_INVALID_SIGNATURE,
        BYTES_LIT("The request signature we calculated does not match the signature you provided. "
                  "Check your AWS Secret Access Key and signing method. Consult the service "
                  "documentation for details."));
}

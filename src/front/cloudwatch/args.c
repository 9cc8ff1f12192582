/* A request's parameters, whichever of the three protocols they came in: the query protocol's form,
 * JSON 1.0, and Smithy RPC v2's CBOR. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "front/cloudwatch/inside.h"

enum { PATH_MAX_CHARS = 200, JSON_DEPTH = 16, PAIRS_MAX = 20000 };

#define TARGET_PREFIX BYTES_LIT("GraniteServiceVersion20100801.")
#define RPC_PREFIX    BYTES_LIT("/service/GraniteServiceVersion20100801/operation/")

/* ---- forms ---- */

static int hex_digit(uint8_t ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }
    ch |= 0x20;
    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

static struct bytes form_decode(struct arena *a, struct bytes s)
{
    uint8_t *to = arena_alloc(a, s.len + 1);
    size_t n = 0;
    for (size_t i = 0; to != NULL && i < s.len; i++) {
        bool escape = s.base[i] == '%' && i + 2 < s.len && hex_digit(s.base[i + 1]) >= 0 &&
                      hex_digit(s.base[i + 2]) >= 0;
        if (escape) {
            to[n++] = (uint8_t)(hex_digit(s.base[i + 1]) * 16 + hex_digit(s.base[i + 2]));
            i += 2;
        } else {
            to[n++] = s.base[i] == '+' ? ' ' : s.base[i];
        }
    }
    return to == NULL ? BYTES_NONE : bytes_of(to, n);
}

/* Takes the part up to `ch` (or all) off `rest`. */
static struct bytes take_until(struct bytes *rest, uint8_t ch)
{
    size_t n = 0;
    while (n < rest->len && rest->base[n] != ch) {
        n++;
    }
    struct bytes part = bytes_of(rest->base, n);
    *rest = bytes_from(*rest, n + 1);
    return part;
}

static int pair_cmp(const void *a, const void *b)
{
    const struct cw_pair *pa = a;
    const struct cw_pair *pb = b;
    return bytes_cmp(pa->name, pb->name);
}

static enum err form_read(struct arena *a, struct bytes form, struct cw_args *ret)
{
    size_t n = 1;
    for (size_t i = 0; i < form.len; i++) {
        n += form.base[i] == '&';
    }
    struct cw_pair *pairs = n > PAIRS_MAX ? NULL : ARENA_ARRAY(a, struct cw_pair, n);
    if (pairs == NULL) {
        return ERR_TOO_BIG;
    }
    while (form.len > 0) {
        struct bytes value = take_until(&form, '&');
        struct bytes name = take_until(&value, '=');
        struct cw_pair *p = &pairs[ret->n_pairs];
        p->name = form_decode(a, name);
        p->value = form_decode(a, value);
        if (p->name.base == NULL || p->value.base == NULL) {
            return ERR_TOO_BIG;
        }
        if (bytes_eq_str(p->name, "Action")) {
            ret->operation = p->value;
        }
        ret->n_pairs++;
    }
    qsort(pairs, ret->n_pairs, sizeof pairs[0], pair_cmp);
    ret->pairs = pairs;
    return OK;
}

/* ---- what a request is ---- */

static bool is_form(const struct cw_request *r)
{
    return r->content_type.base != NULL &&
           bytes_has_prefix(r->content_type, BYTES_LIT("application/x-www-form-urlencoded"));
}

static bool has_action(struct bytes form)
{
    while (form.len > 0) {
        struct bytes pair = take_until(&form, '&');
        if (bytes_has_prefix(pair, BYTES_LIT("Action="))) {
            return true;
        }
    }
    return false;
}

static enum cw_protocol protocol_of(const struct cw_request *r)
{
    bool json = r->target.base != NULL && bytes_has_prefix(r->target, TARGET_PREFIX);
    return json ? CW_JSON : bytes_has_prefix(r->path, RPC_PREFIX) ? CW_CBOR : CW_QUERY;
}

bool cw_is_ours(const struct cw_request *r)
{
    if (protocol_of(r) != CW_QUERY) {
        return true;
    }
    return r->target.base == NULL && ((is_form(r) && has_action(r->body)) || has_action(r->query));
}

enum err cw_args_read(
    struct json_parser *parser, struct arena *a, const struct cw_request *r, struct cw_args *ret)
{
    *ret = (struct cw_args){.protocol = protocol_of(r)};
    if (r->body.len > CW_BODY_BYTES_MAX) {
        return ERR_TOO_BIG;
    }
    switch (ret->protocol) {
    case CW_QUERY:
        return form_read(a, is_form(r) ? r->body : r->query, ret);
    case CW_JSON: {
        ret->operation = bytes_from(r->target, TARGET_PREFIX.len);
        enum err e = json_parse(parser, a, r->body, JSON_DEPTH, &ret->root);
        return e == OK && ret->root.type != JSON_OBJECT ? ERR_SYNTAX : e;
    }
    case CW_CBOR: {
        ret->operation = bytes_from(r->path, RPC_PREFIX.len);
        ret->root = (struct json){.type = JSON_OBJECT};
        return r->body.len == 0 ? OK : cw_cbor_decode(a, r->body, &ret->root);
    }
    }
    UNREACHABLE();
}

/* ---- finding ---- */

static const struct json *walk(const struct json *at, struct bytes path)
{
    while (path.len > 0 && at != NULL) {
        struct bytes part = take_until(&path, '.');
        uint64_t i;
        if (bytes_eq_str(part, "member")) {
            continue;
        }
        if (at->type == JSON_ARRAY) {
            bool in = bytes_u64(part, &i) == OK && i >= 1 && i <= at->array.n;
            at = in ? &at->array.items[i - 1] : NULL;
            continue;
        }
        const struct json *next = NULL;
        for (size_t k = 0; at->type == JSON_OBJECT && k < at->object.n; k++) {
            if (bytes_eq(at->object.members[k].name, part)) {
                next = &at->object.members[k].value;
            }
        }
        at = next;
    }
    return at;
}

static struct bytes scalar(const struct json *j)
{
    if (j == NULL || j->type == JSON_NULL) {
        return BYTES_NONE;
    }
    if (j->type == JSON_BOOL) {
        return j->boolean ? BYTES_LIT("true") : BYTES_LIT("false");
    }
    return j->type == JSON_STRING || j->type == JSON_NUMBER ? j->text : BYTES_NONE;
}

/* The first pair whose name is not less than that. */
static size_t lower_bound(const struct cw_args *args, struct bytes name)
{
    size_t lo = 0;
    size_t hi = args->n_pairs;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (bytes_cmp(args->pairs[mid].name, name) < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

static struct bytes find(const struct cw_args *args, struct bytes path)
{
    if (args->protocol != CW_QUERY) {
        return scalar(walk(&args->root, path));
    }
    size_t i = lower_bound(args, path);
    bool found = i < args->n_pairs && bytes_eq(args->pairs[i].name, path);
    return found ? args->pairs[i].value : BYTES_NONE;
}

struct bytes cw_arg(const struct cw_args *args, const char *fmt, ...)
{
    char path[PATH_MAX_CHARS];
    va_list ap;
    va_start(ap, fmt);
    size_t n = (size_t)vsnprintf(path, sizeof path, fmt, ap);
    va_end(ap);
    ASSERT(n < sizeof path);
    return find(args, bytes_str(path));
}

bool cw_arg_any(const struct cw_args *args, const char *fmt, ...)
{
    char path[PATH_MAX_CHARS];
    va_list ap;
    va_start(ap, fmt);
    size_t n = (size_t)vsnprintf(path, sizeof path, fmt, ap);
    va_end(ap);
    ASSERT(n + 1 < sizeof path); /* room for a '.' */
    struct bytes name = bytes_str(path);
    if (args->protocol != CW_QUERY) {
        const struct json *j = walk(&args->root, name);
        return j != NULL && j->type != JSON_NULL;
    }
    if (find(args, name).base != NULL) {
        return true;
    }
    path[n] = '.';
    struct bytes below = bytes_of(path, n + 1);
    size_t i = lower_bound(args, below);
    return i < args->n_pairs && bytes_has_prefix(args->pairs[i].name, below);
}

/* ---- times ---- */

/* Takes `n` digits off, and the character `after` them unless it is 0. */
static bool take_digits(struct bytes *s, size_t n, char after, int64_t *ret)
{
    uint64_t v;
    if (s->len < n + (after != 0) || bytes_u64(bytes_of(s->base, n), &v) != OK ||
        (after != 0 && s->base[n] != (uint8_t)after)) {
        return false;
    }
    *ret = (int64_t)v;
    *s = bytes_from(*s, n + (after != 0));
    return true;
}

/* A fraction of a second, and then Z, +hh:mm, or nothing, which counts as Z. */
static enum err zone_parse(struct bytes s, double *seconds)
{
    int64_t h;
    int64_t m;
    if (s.len > 0 && s.base[0] == '.') {
        double scale = 0.1;
        for (s = bytes_from(s, 1); s.len > 0 && s.base[0] >= '0' && s.base[0] <= '9';
             s = bytes_from(s, 1), scale /= 10) {
            *seconds += scale * (s.base[0] - '0');
        }
    }
    if (s.len == 0 || bytes_eq_str(s, "Z")) {
        return OK;
    }
    bool east = s.base[0] == '+';
    if (!east && s.base[0] != '-') {
        return ERR_SYNTAX;
    }
    s = bytes_from(s, 1);
    if (!take_digits(&s, 2, s.len == 5 ? ':' : 0, &h) || !take_digits(&s, 2, 0, &m) || s.len > 0) {
        return ERR_SYNTAX;
    }
    *seconds += (double)(h * 3600 + m * 60) * (east ? -1 : 1);
    return OK;
}

/* 1764151200, 1764151200.5 or 1.7641512E9. */
static enum err epoch_parse(struct bytes text, double *ret)
{
    char copy[48];
    char *end;
    if (text.len == 0 || text.len >= sizeof copy) {
        return ERR_SYNTAX;
    }
    memcpy(copy, text.base, text.len);
    copy[text.len] = '\0';
    double v = strtod(copy, &end);
    if (end != copy + text.len || !(v >= -1e12 && v <= 1e12)) {
        return ERR_SYNTAX;
    }
    *ret = v;
    return OK;
}

enum err cw_time_parse(struct bytes text, double *ret)
{
    struct bytes s = text;
    int64_t y;
    int64_t mo;
    int64_t d;
    int64_t h = 0;
    int64_t mi = 0;
    int64_t sec = 0;
    if (s.len < 10 || s.base[4] != '-') {
        return epoch_parse(text, ret);
    }
    if (!take_digits(&s, 4, '-', &y) || !take_digits(&s, 2, '-', &mo) ||
        !take_digits(&s, 2, 0, &d)) {
        return ERR_SYNTAX;
    }
    if (s.len > 0 && (s.base[0] == 'T' || s.base[0] == ' ')) {
        s = bytes_from(s, 1);
        if (!take_digits(&s, 2, ':', &h) || !take_digits(&s, 2, s.len > 2 ? ':' : 0, &mi) ||
            (s.len > 0 && !take_digits(&s, 2, 0, &sec))) {
            return ERR_SYNTAX;
        }
    }
    bool legal = mo >= 1 && mo <= 12 && d >= 1 && d <= 31 && h <= 23 && mi <= 59 && sec <= 60;
    *ret = (double)(((days_of_date(y, mo, d) * 24 + h) * 60 + mi) * 60 + sec);
    return legal ? zone_parse(s, ret) : ERR_SYNTAX;
}

/* CBOR in, as a JSON tree: what Smithy RPC v2 sends. Definite and indefinite lengths; integers and
 * floats become number literals; tags (1: a time) are looked through.
 *
 * Containers nest to a bounded depth on an explicit stack. */
#include <math.h>

#include "front/cloudwatch/inside.h"

enum { DEPTH_MAX = 16, ITEMS_MAX = 20000 };

enum major { UINT, NINT, BYTE_STRING, TEXT, ARRAY, MAP, TAG, SIMPLE };

struct head {
    enum major major;
    uint8_t info;
    uint64_t v;
    bool indefinite;
};

struct level {
    bool map;
    bool indefinite;
    uint64_t left; /* elements still to come; of a map: values */
    struct json *items;
    struct json_member *members;
    size_t n;
    size_t cap;
    struct bytes key;
    bool has_key;
};

struct decoder {
    struct arena *a;
    struct bytes in;
    struct level levels[DEPTH_MAX];
    size_t depth;
};

static enum err head_read(struct decoder *d, struct head *ret)
{
    if (d->in.len == 0) {
        return ERR_SYNTAX;
    }
    uint8_t first = d->in.base[0];
    *ret = (struct head){.major = (enum major)(first >> 5), .info = first & 31};
    d->in = bytes_from(d->in, 1);
    if (ret->info < 24) {
        ret->v = ret->info;
        return OK;
    }
    if (ret->info == 31) {
        ret->indefinite = true;
        return OK;
    }
    size_t n = (size_t)1 << (ret->info - 24);
    if (ret->info > 27 || d->in.len < n) {
        return ERR_SYNTAX;
    }
    for (size_t i = 0; i < n; i++) {
        ret->v = ret->v << 8 | d->in.base[i];
    }
    d->in = bytes_from(d->in, n);
    return OK;
}

static double half(uint16_t v)
{
    int exponent = v >> 10 & 31;
    double mantissa = v & 1023;
    double abs = exponent == 0    ? ldexp(mantissa, -24)
                 : exponent != 31 ? ldexp(mantissa + 1024, exponent - 25)
                                  : HUGE_VAL;
    return v >> 15 ? -abs : abs;
}

static enum err simple(struct decoder *d, const struct head *h, struct json *ret)
{
    double number;
    float single;
    uint32_t bits = (uint32_t)h->v;
    switch (h->info) {
    case 20:
    case 21:
        *ret = (struct json){.type = JSON_BOOL, .boolean = h->info == 21};
        return OK;
    case 22:
    case 23:
        *ret = (struct json){.type = JSON_NULL};
        return OK;
    case 25:
        number = half((uint16_t)h->v);
        break;
    case 26:
        memcpy(&single, &bits, sizeof single);
        number = (double)single;
        break;
    case 27:
        memcpy(&number, &h->v, sizeof number);
        break;
    default:
        return ERR_SYNTAX;
    }
    *ret = (struct json){.type = JSON_NUMBER, .text = bytes_fmt(d->a, "%.17g", number)};
    return ret->text.base == NULL ? ERR_TOO_BIG : OK;
}

static enum err text(struct decoder *d, const struct head *h, struct bytes *ret)
{
    if (h->major != TEXT || h->indefinite || h->v > d->in.len) {
        return ERR_SYNTAX;
    }
    *ret = bytes_of(d->in.base, (size_t)h->v);
    d->in = bytes_from(d->in, ret->len);
    return utf8_valid(*ret) ? OK : ERR_SYNTAX;
}

static enum err scalar(struct decoder *d, const struct head *h, struct json *ret)
{
    *ret = (struct json){.type = JSON_NUMBER};
    switch (h->major) {
    case UINT:
        ret->text = bytes_fmt(d->a, "%llu", (unsigned long long)h->v);
        return ret->text.base == NULL ? ERR_TOO_BIG : OK;
    case NINT:
        ret->text = bytes_fmt(d->a, "-%llu", (unsigned long long)h->v + 1);
        return ret->text.base == NULL ? ERR_TOO_BIG : OK;
    case TEXT:
        ret->type = JSON_STRING;
        return text(d, h, &ret->text);
    case SIMPLE:
        return simple(d, h, ret);
    case BYTE_STRING:
    case ARRAY:
    case MAP:
    case TAG:
        break;
    }
    return ERR_SYNTAX;
}

static enum err level_open(struct decoder *d, const struct head *h)
{
    if (d->depth == DEPTH_MAX) {
        return ERR_LIMIT;
    }
    if (!h->indefinite && h->v > ITEMS_MAX) {
        return ERR_TOO_BIG;
    }
    d->levels[d->depth++] = (struct level){
        .map = h->major == MAP, .indefinite = h->indefinite, .left = h->indefinite ? 0 : h->v};
    return OK;
}

static enum err level_grow(struct decoder *d, struct level *l)
{
    size_t cap = l->cap == 0 ? 8 : l->cap * 2;
    struct json *items = l->map ? NULL : ARENA_ARRAY(d->a, struct json, cap);
    struct json_member *members = l->map ? ARENA_ARRAY(d->a, struct json_member, cap) : NULL;
    if ((l->map ? (void *)members : (void *)items) == NULL || cap > ITEMS_MAX) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < l->n; i++) {
        if (l->map) {
            members[i] = l->members[i];
        } else {
            items[i] = l->items[i];
        }
    }
    l->items = items;
    l->members = members;
    l->cap = cap;
    return OK;
}

static enum err level_take(struct decoder *d, struct level *l, const struct json *v)
{
    enum err e = l->n == l->cap ? level_grow(d, l) : OK;
    if (e != OK) {
        return e;
    }
    if (l->map) {
        l->members[l->n++] = (struct json_member){l->key, *v};
        l->has_key = false;
    } else {
        l->items[l->n++] = *v;
    }
    l->left -= !l->indefinite;
    return OK;
}

static struct json level_close(struct decoder *d)
{
    const struct level *l = &d->levels[--d->depth];
    struct json j = {.type = l->map ? JSON_OBJECT : JSON_ARRAY};
    if (l->map) {
        j.object.members = l->members;
        j.object.n = l->n;
    } else {
        j.array.items = l->items;
        j.array.n = l->n;
    }
    return j;
}

/* One step: a whole value, or the beginning of a container (*ret_open). */
static enum err step(struct decoder *d, struct json *ret, bool *ret_open)
{
    struct head h;
    struct level *l = d->depth == 0 ? NULL : &d->levels[d->depth - 1];
    *ret_open = false;
    enum err e = head_read(d, &h);
    while (e == OK && h.major == TAG && !h.indefinite) {
        e = head_read(d, &h);
    }
    if (e != OK) {
        return e;
    }
    bool end = h.major == SIMPLE && h.indefinite;
    if (end) {
        if (l == NULL || !l->indefinite || l->has_key) {
            return ERR_SYNTAX;
        }
        *ret = level_close(d);
        return OK;
    }
    if (l != NULL && l->map && !l->has_key) {
        l->has_key = true;
        *ret_open = true; /* nothing is whole yet */
        return text(d, &h, &l->key);
    }
    if (h.major == ARRAY || h.major == MAP) {
        e = level_open(d, &h);
        *ret_open = h.indefinite || h.v > 0;
        if (e == OK && !*ret_open) {
            *ret = level_close(d);
        }
        return e;
    }
    return scalar(d, &h, ret);
}

enum err cw_cbor_decode(struct arena *a, struct bytes in, struct json *ret)
{
    struct decoder d = {.a = a, .in = in};
    for (;;) {
        struct json v = {0};
        bool open;
        enum err e = step(&d, &v, &open);
        /* A whole value may end the container it is in, and that the one around it. */
        while (e == OK && !open && d.depth > 0) {
            struct level *l = &d.levels[d.depth - 1];
            e = level_take(&d, l, &v);
            open = l->indefinite || l->left > 0;
            if (e == OK && !open) {
                v = level_close(&d);
            }
        }
        if (e != OK) {
            return e;
        }
        if (!open) {
            *ret = v;
            return d.in.len == 0 && v.type == JSON_OBJECT ? OK : ERR_SYNTAX;
        }
    }
}

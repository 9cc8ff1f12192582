/* Canonical item bytes: docs/formats/item.md has the layout.
 *
 * Invariants:
 * 1. Equal values have equal bytes, and every byte string decodes to at most one value: the decoder
 * refuses whatever the encoder would not have written (padded varints, unsorted names, trailing
 * zeros).
 * 2. A container's bytes start with their length, so a reader steps over it without looking inside.
 * 3. Decoded strings borrow from the input; arrays live in the arena.
 *
 * Not promised: any check against bit rot. Item bytes travel inside records that carry a checksum
 * and a version byte of their own. */
#include "doc/doc.h"
#include "doc/doc_internal.h"

enum {
    BODY_LEN_BYTES = 4,
    NUMBER_LEN_MASK = 0x1f, /* bytes of coefficient that follow */
    NUMBER_NEG = 0x20,
    NUMBER_EXP = 0x40, /* an exponent follows */
    COEF_BYTES_MAX = 16,
    ZIGZAG_EXP_MAX = 1023,
    DECODE_DEPTH_MAX = DOC_DEPTH_MAX + 1,
};

/* ---- encoding ---- */

static inline size_t varint_len(uint64_t v)
{
    return v < 0x80 ? 1 : (size_t)(63 - __builtin_clzll(v)) / 7 + 1;
}

static inline uint8_t *store_varint(uint8_t *at, uint64_t v)
{
    while (v >= 0x80) {
        *at++ = (uint8_t)(v | 0x80);
        v >>= 7;
    }
    *at++ = (uint8_t)v;
    return at;
}

/* buf_reserve() without the call when there is room already. */
static inline uint8_t *room(struct buf *b, size_t n)
{
    if (b->err == OK && n <= b->cap - b->len) {
        return b->base + b->len;
    }
    return buf_reserve(b, n);
}

static inline void put_text(struct buf *b, struct bytes s)
{
    size_t n = varint_len(s.len) + s.len;
    uint8_t *at = room(b, n);
    if (at == NULL) {
        return;
    }
    at = store_varint(at, s.len);
    if (s.len > 0) {
        memcpy(at, s.base, s.len);
    }
    b->len += n;
}

static void put_number(struct buf *b, const struct decimal *d)
{
    uint64_t hi = (uint64_t)(d->coef >> 64);
    uint64_t lo = (uint64_t)d->coef;
    int bits = hi != 0 ? 128 - __builtin_clzll(hi) : lo != 0 ? 64 - __builtin_clzll(lo) : 0;
    size_t n = (size_t)(bits + 7) / 8;
    uint32_t zigzag = d->exp < 0 ? (uint32_t)(-d->exp) * 2 - 1 : (uint32_t)d->exp * 2;
    size_t n_exp = zigzag != 0 ? varint_len(zigzag) : 0;
    uint8_t *at = room(b, 1 + n_exp + n);
    if (at == NULL) {
        return;
    }
    *at++ = (uint8_t)(n | (d->neg ? NUMBER_NEG : 0U) | (zigzag != 0 ? NUMBER_EXP : 0U));
    if (zigzag != 0) {
        at = store_varint(at, zigzag);
    }
    memcpy(at, &d->coef, n);
    b->len += 1 + n_exp + n;
}

static inline void put_byte(struct buf *b, uint8_t v)
{
    uint8_t *at = room(b, 1);
    if (at != NULL) {
        *at = v;
        b->len++;
    }
}

/* Leaves room for a container's length and writes its count; returns where the length belongs. */
static size_t open_body(struct buf *b, size_t n)
{
    size_t start = b->len;
    size_t head = BODY_LEN_BYTES + varint_len(n);
    uint8_t *at = room(b, head);
    if (at != NULL) {
        (void)store_varint(at + BODY_LEN_BYTES, n);
        b->len += head;
    }
    return start;
}

static void close_body(struct buf *b, size_t start)
{
    if (b->err != OK) {
        return;
    }
    size_t len = b->len - start - BODY_LEN_BYTES;
    if (len > UINT32_MAX) {
        b->err = ERR_TOO_BIG;
        return;
    }
    uint32_t len32 = (uint32_t)len;
    memcpy(b->base + start, &len32, sizeof len32);
}

static void encode_at(struct buf *b, const struct value *v, size_t depth);

/* What follows the type byte. */
static void encode_payload(struct buf *b, const struct value *v, size_t depth)
{
    size_t start;
    ASSERT(depth <= VALUE_DEPTH_MAX);
    switch (v->type) {
    case VALUE_NULL:
        return;
    case VALUE_BOOL:
        put_byte(b, v->boolean ? 1 : 0);
        return;
    case VALUE_NUMBER:
        put_number(b, &v->number);
        return;
    case VALUE_STRING:
    case VALUE_BINARY:
        put_text(b, v->bytes);
        return;
    case VALUE_LIST:
        start = open_body(b, v->list.n);
        for (size_t i = 0; i < v->list.n; i++) {
            encode_at(b, &v->list.items[i], depth + 1);
        }
        close_body(b, start);
        return;
    case VALUE_STRING_SET:
    case VALUE_NUMBER_SET:
    case VALUE_BINARY_SET:
        start = open_body(b, v->list.n);
        for (size_t i = 0; i < v->list.n; i++) {
            encode_payload(b, &v->list.items[i], depth + 1);
        }
        close_body(b, start);
        return;
    case VALUE_MAP:
        start = open_body(b, v->map.n);
        for (size_t i = 0; i < v->map.n; i++) {
            put_text(b, v->map.members[i].name);
            encode_at(b, &v->map.members[i].value, depth + 1);
        }
        close_body(b, start);
        return;
    }
    UNREACHABLE();
}

static void encode_at(struct buf *b, const struct value *v, size_t depth)
{
    put_byte(b, (uint8_t)v->type);
    encode_payload(b, v, depth);
}

void value_encode(struct buf *b, const struct value *v)
{
    encode_at(b, v, /* depth= */ 0);
}

/* ---- decoding ---- */

struct cursor {
    const uint8_t *at;
    const uint8_t *end; /* of the innermost container */
    struct arena *arena;
};

static inline size_t left(const struct cursor *c)
{
    return (size_t)(c->end - c->at);
}

static bool take_varint_slow(struct cursor *c, uint64_t *ret)
{
    struct reader r = {.at = c->at, .end = c->end};
    uint64_t v = get_varint(&r);
    if (r.bad) {
        return false;
    }
    c->at = r.at;
    *ret = v;
    return true;
}

static inline bool take_varint(struct cursor *c, uint64_t *ret)
{
    if (c->at < c->end && *c->at < 0x80) {
        *ret = *c->at++;
        return true;
    }
    return take_varint_slow(c, ret);
}

static inline bool take_bytes(struct cursor *c, struct bytes *ret)
{
    uint64_t n;
    if (!take_varint(c, &n) || n > left(c)) {
        return false;
    }
    *ret = (struct bytes){c->at, n};
    c->at += n;
    return true;
}

static inline uint64_t load8(const uint8_t *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

static inline uint64_t load4(const uint8_t *p)
{
    uint32_t word;
    memcpy(&word, p, sizeof word);
    return word;
}

bool text_valid(struct bytes b)
{
    /* Loads may overlap: it is enough that every byte is seen. */
    const uint64_t top_bits = UINT64_C(0x8080808080808080);
    uint64_t seen = 0;
    if (b.len >= 8) {
        for (size_t i = 0; i + 8 < b.len; i += 8) {
            seen |= load8(b.base + i);
        }
        seen |= load8(b.base + b.len - 8);
    } else if (b.len >= 4) {
        seen = load4(b.base) | load4(b.base + b.len - 4);
    } else {
        for (size_t i = 0; i < b.len; i++) {
            seen |= b.base[i];
        }
    }
    return (seen & top_bits) == 0 || utf8_valid(b);
}

static inline bool take_text(struct cursor *c, struct bytes *ret)
{
    struct bytes text;
    if (!take_bytes(c, &text) || !text_valid(text)) {
        return false;
    }
    *ret = text;
    return true;
}

static bool take_exponent(struct cursor *c, int16_t *ret)
{
    uint64_t zigzag;
    if (!take_varint(c, &zigzag) || zigzag == 0 || zigzag > ZIGZAG_EXP_MAX) {
        return false;
    }
    int magnitude = (int)(zigzag + 1) / 2;
    *ret = (int16_t)((zigzag & 1) != 0 ? -magnitude : magnitude);
    return true;
}

static bool take_coef(struct cursor *c, size_t n, unsigned __int128 *ret)
{
    if (n > COEF_BYTES_MAX || n > left(c)) {
        return false;
    }
    if (n == 0) {
        return false; /* zero has a form of its own */
    }
    unsigned __int128 coef = 0;
    if (n <= 8 && left(c) >= 8) {
        coef = load8(c->at) & (UINT64_MAX >> (64 - 8 * n));
    } else {
        memcpy(&coef, c->at, n);
    }
    c->at += n;
    *ret = coef;
    return c->at[-1] != 0;
}

static inline unsigned last_digit(unsigned __int128 coef)
{
    /* 2^64 ends in a 6, so two short divisions do for one long. */
    uint64_t hi = (uint64_t)(coef >> 64);
    uint64_t lo = (uint64_t)coef;
    return (unsigned)((hi % 10 * 6 + lo % 10) % 10);
}

static bool take_number(struct cursor *c, struct decimal *ret)
{
    if (c->at == c->end) {
        return false;
    }
    uint8_t head = *c->at++;
    struct decimal d = {.neg = (head & NUMBER_NEG) != 0};
    if (head == 0) {
        *ret = d;
        return true;
    }
    if (head > (NUMBER_LEN_MASK | NUMBER_NEG | NUMBER_EXP)) {
        return false;
    }
    if ((head & NUMBER_EXP) != 0 && !take_exponent(c, &d.exp)) {
        return false;
    }
    if (!take_coef(c, head & NUMBER_LEN_MASK, &d.coef) || last_digit(d.coef) == 0) {
        return false;
    }
    if (decimal_coef_len(d.coef) > DOC_DECIMAL_DIGITS_MAX || !decimal_in_range(&d)) {
        return false;
    }
    *ret = d;
    return true;
}

static enum err decode_at(struct cursor *c, size_t depth, struct value *to);
static enum err decode_payload(struct cursor *c, enum value_type t, size_t depth, struct value *to);

/* The length and the count that open a container; narrows the cursor to its body. `each_min` is the
 * fewest bytes an element can take, so that a lying count cannot ask for more memory than its bytes
 * could fill. */
static bool enter_body(struct cursor *c, size_t each_min, size_t *ret_n)
{
    uint32_t len;
    uint64_t n;
    if (left(c) < sizeof len) {
        return false;
    }
    memcpy(&len, c->at, sizeof len);
    c->at += sizeof len;
    if (len > left(c)) {
        return false;
    }
    c->end = c->at + len;
    if (!take_varint(c, &n) || n > left(c) / each_min) {
        return false;
    }
    *ret_n = n;
    return true;
}

static enum err decode_list(struct cursor *c, size_t depth, struct value *to)
{
    size_t n;
    const uint8_t *outer_end = c->end;
    if (depth >= DECODE_DEPTH_MAX || !enter_body(c, /* each_min= */ 1, &n)) {
        return ERR_CORRUPT;
    }
    struct value *items = arena_alloc(c->arena, n * sizeof *items);
    if (items == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < n; i++) {
        enum err e = decode_at(c, depth + 1, &items[i]);
        if (e != OK) {
            return e;
        }
    }
    if (c->at != c->end) {
        return ERR_CORRUPT;
    }
    c->end = outer_end;
    to->list.items = items;
    to->list.n = n;
    return OK;
}

static enum err decode_set(
    struct cursor *c, enum value_type element, size_t depth, struct value *to)
{
    size_t n;
    const uint8_t *outer_end = c->end;
    if (!enter_body(c, /* each_min= */ 1, &n)) {
        return ERR_CORRUPT;
    }
    struct value *items = arena_alloc(c->arena, n * sizeof *items);
    if (items == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < n; i++) {
        enum err e = decode_payload(c, element, depth + 1, &items[i]);
        if (e != OK) {
            return e;
        }
        if (i > 0 && value_cmp(&items[i - 1], &items[i]) >= 0) {
            return ERR_CORRUPT;
        }
    }
    if (c->at != c->end) {
        return ERR_CORRUPT;
    }
    c->end = outer_end;
    to->list.items = items;
    to->list.n = n;
    return OK;
}

static inline bool ascend(struct bytes a, struct bytes b)
{
    if (a.len > 0 && b.len > 0 && a.base[0] != b.base[0]) {
        return a.base[0] < b.base[0];
    }
    return bytes_cmp(a, b) < 0;
}

static enum err decode_map(struct cursor *c, size_t depth, struct value *to)
{
    size_t n;
    const uint8_t *outer_end = c->end;
    if (depth >= DECODE_DEPTH_MAX || !enter_body(c, /* each_min= */ 2, &n)) {
        return ERR_CORRUPT;
    }
    struct member *members = arena_alloc(c->arena, n * sizeof *members);
    if (members == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < n; i++) {
        struct member *m = &members[i];
        if (!take_text(c, &m->name) || (i > 0 && !ascend(members[i - 1].name, m->name))) {
            return ERR_CORRUPT;
        }
        enum err e = decode_at(c, depth + 1, &m->value);
        if (e != OK) {
            return e;
        }
    }
    if (c->at != c->end) {
        return ERR_CORRUPT;
    }
    c->end = outer_end;
    to->map.members = members;
    to->map.n = n;
    return OK;
}

static enum err decode_payload(struct cursor *c, enum value_type t, size_t depth, struct value *to)
{
    to->type = t;
    switch (t) {
    case VALUE_NULL:
        return OK;
    case VALUE_BOOL:
        if (c->at == c->end || *c->at > 1) {
            return ERR_CORRUPT;
        }
        to->boolean = *c->at++ != 0;
        return OK;
    case VALUE_NUMBER:
        return take_number(c, &to->number) ? OK : ERR_CORRUPT;
    case VALUE_STRING:
        return take_text(c, &to->bytes) ? OK : ERR_CORRUPT;
    case VALUE_BINARY:
        return take_bytes(c, &to->bytes) ? OK : ERR_CORRUPT;
    case VALUE_LIST:
        return decode_list(c, depth, to);
    case VALUE_MAP:
        return decode_map(c, depth, to);
    case VALUE_STRING_SET:
        return decode_set(c, VALUE_STRING, depth, to);
    case VALUE_NUMBER_SET:
        return decode_set(c, VALUE_NUMBER, depth, to);
    case VALUE_BINARY_SET:
        return decode_set(c, VALUE_BINARY, depth, to);
    }
    UNREACHABLE();
}

static enum err decode_at(struct cursor *c, size_t depth, struct value *to)
{
    if (c->at == c->end || *c->at >= VALUE_TYPES) {
        return ERR_CORRUPT;
    }
    enum value_type t = (enum value_type) * c->at++;
    return decode_payload(c, t, depth, to);
}

enum err value_decode(struct arena *a, struct bytes in, struct value *ret)
{
    if (in.len == 0) {
        return ERR_CORRUPT;
    }
    struct cursor c = {.at = in.base, .end = in.base + in.len, .arena = a};
    struct value v;
    enum err e = decode_at(&c, /* depth= */ 0, &v);
    if (e != OK) {
        return e;
    }
    if (c.at != c.end) {
        return ERR_CORRUPT;
    }
    *ret = v;
    return OK;
}

/* ---- one member ---- */

static bool skip_bytes(struct cursor *c, uint64_t n)
{
    if (n > left(c)) {
        return false;
    }
    c->at += n;
    return true;
}

static bool skip_number(struct cursor *c)
{
    uint64_t zigzag;
    if (c->at == c->end) {
        return false;
    }
    uint8_t head = *c->at++;
    if ((head & NUMBER_EXP) != 0 && !take_varint(c, &zigzag)) {
        return false;
    }
    return skip_bytes(c, head & NUMBER_LEN_MASK);
}

/* Steps over one value without looking inside containers. */
static bool skip_value(struct cursor *c)
{
    uint64_t n;
    uint32_t body;
    if (c->at == c->end || *c->at >= VALUE_TYPES) {
        return false;
    }
    enum value_type t = (enum value_type) * c->at++;
    switch (t) {
    case VALUE_NULL:
        return true;
    case VALUE_BOOL:
        return skip_bytes(c, 1);
    case VALUE_NUMBER:
        return skip_number(c);
    case VALUE_STRING:
    case VALUE_BINARY:
        return take_varint(c, &n) && skip_bytes(c, n);
    case VALUE_LIST:
    case VALUE_MAP:
    case VALUE_STRING_SET:
    case VALUE_NUMBER_SET:
    case VALUE_BINARY_SET:
        if (left(c) < sizeof body) {
            return false;
        }
        memcpy(&body, c->at, sizeof body);
        c->at += sizeof body;
        return skip_bytes(c, body);
    }
    UNREACHABLE();
}

enum err value_decode_member(struct arena *a, struct bytes in, struct bytes name, struct value *ret)
{
    if (in.len == 0) {
        return ERR_CORRUPT;
    }
    struct cursor c = {.at = in.base, .end = in.base + in.len, .arena = a};
    size_t n;
    if (*c.at++ != VALUE_MAP || !enter_body(&c, /* each_min= */ 2, &n)) {
        return ERR_CORRUPT;
    }
    if (c.end != in.base + in.len) {
        return ERR_CORRUPT;
    }
    for (size_t i = 0; i < n; i++) {
        struct bytes at_name;
        if (!take_bytes(&c, &at_name)) {
            return ERR_CORRUPT;
        }
        int order = bytes_cmp(at_name, name);
        if (order > 0) {
            return ERR_NOT_FOUND;
        }
        if (order == 0) {
            struct value v;
            enum err e = decode_at(&c, /* depth= */ 1, &v);
            if (e == OK) {
                *ret = v;
            }
            return e;
        }
        if (!skip_value(&c)) {
            return ERR_CORRUPT;
        }
    }
    return c.at == c.end ? ERR_NOT_FOUND : ERR_CORRUPT;
}

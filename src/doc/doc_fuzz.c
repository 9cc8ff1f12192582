/* Hostile bytes for this room's four parsers. The first byte picks one; the rest is its input.
 * Besides not crashing, whatever is accepted must survive a round trip. */
#include "doc/doc.h"

#include <stdlib.h>

#include "doc/doc_internal.h"

enum { ARENA_BYTES = 8 * 1024 * 1024, OUT_BYTES = 8 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct target {
    struct arena a;
    struct buf out;
};

static void fuzz_json(struct target *t, struct bytes in)
{
    struct json_parser *p = json_parser_new();
    struct json first;
    struct json second;
    if (json_parse(p, &t->a, in, /* depth_max= */ 70, &first) == OK) {
        json_put(&t->out, &first);
        if (t->out.err == OK) {
            enum err e = json_parse(p, &t->a, buf_bytes(&t->out), /* depth_max= */ 70, &second);
            ASSERT(e == OK || e == ERR_TOO_BIG);
            size_t len = t->out.len;
            if (e == OK) {
                json_put(&t->out, &second);
                struct bytes again = bytes_from(buf_bytes(&t->out), len);
                bool same = bytes_eq(bytes_of(t->out.base, len), again);
                ASSERT(same || t->out.err != OK);
            }
        }
    }
    json_parser_free(p);
}

static void fuzz_value(struct target *t, struct bytes in)
{
    struct value v;
    if (value_decode(&t->a, in, &v) != OK) {
        return;
    }
    value_encode(&t->out, &v);
    ASSERT(t->out.err == OK);
    ASSERT(bytes_eq(buf_bytes(&t->out), in));
    ASSERT(value_depth(&v) <= DOC_DEPTH_MAX + 1);
    struct value copy;
    if (value_dup(&t->a, &v, &copy) == OK) {
        ASSERT(value_eq(&v, &copy));
        ASSERT(value_cmp(&v, &copy) == 0);
        ASSERT(value_size(&v) == value_size(&copy));
    }
    for (size_t i = 0; v.type == VALUE_MAP && i < v.map.n; i++) {
        struct value one;
        const struct member *m = &v.map.members[i];
        const struct value *found = value_find(&v, m->name);
        ASSERT(found == &m->value);
        enum err e = value_decode_member(&t->a, in, m->name, &one);
        ASSERT(e == OK || e == ERR_TOO_BIG);
        ASSERT(e != OK || value_eq(&one, found));
    }
}

static void fuzz_member(struct target *t, struct bytes in)
{
    struct value v;
    (void)!value_decode_member(&t->a, in, BYTES_LIT("b"), &v);
}

static void fuzz_key(struct target *t, struct bytes in)
{
    struct reader r = reader_of(in);
    struct value v;
    while (key_decode(&t->a, &r, &v) == OK) {
        key_encode(&t->out, &v);
    }
    ASSERT(t->out.err == OK);
    ASSERT(bytes_has_prefix(in, buf_bytes(&t->out)));
}

static bool take_decimal(struct bytes in, struct decimal *ret)
{
    struct decimal back;
    bool underflow;
    if (decimal_parse(in, ret, &underflow) != OK) {
        return false;
    }
    char text[DOC_DECIMAL_TEXT_MAX];
    size_t len = decimal_text(ret, text);
    ASSERT(decimal_in_range(ret));
    enum err e = decimal_parse(bytes_of(text, len), &back, &underflow);
    ASSERT(e == OK);
    ASSERT(decimal_cmp(ret, &back) == 0);
    ASSERT(ret->coef == back.coef);
    ASSERT(ret->exp == back.exp);
    ASSERT(ret->neg == back.neg);
    return true;
}

/* One number, or two with a comma between, which are then added and taken apart. */
static void fuzz_decimal(struct bytes in)
{
    struct decimal a;
    struct decimal b;
    struct decimal sum;
    struct decimal back;
    int64_t i;
    const uint8_t *comma = in.len == 0 ? NULL : memchr(in.base, ',', in.len);
    size_t first = comma == NULL ? in.len : (size_t)(comma - in.base);
    if (!take_decimal(bytes_of(in.base, first), &a)) {
        return;
    }
    if (decimal_to_i64(&a, &i) == OK) {
        b = decimal_of_i64(i);
        ASSERT(decimal_cmp(&a, &b) == 0);
    }
    if (comma == NULL || !take_decimal(bytes_from(in, first + 1), &b)) {
        return;
    }
    ASSERT(decimal_cmp(&a, &b) == -decimal_cmp(&b, &a));
    if (decimal_add(&a, &b, &sum) == OK) {
        ASSERT(decimal_in_range(&sum));
        enum err e = decimal_sub(&sum, &b, &back);
        ASSERT(e == OK);
        ASSERT(decimal_cmp(&back, &a) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct target t;
    struct bytes in = {data + 1, size - 1};
    arena_init(&t.a, ARENA_BYTES);
    buf_init(&t.out, OUT_BYTES);
    switch (data[0] % 5) {
    case 0:
        fuzz_json(&t, in);
        break;
    case 1:
        fuzz_value(&t, in);
        break;
    case 2:
        fuzz_key(&t, in);
        break;
    case 3:
        fuzz_decimal(in);
        break;
    case 4:
        fuzz_member(&t, in);
        break;
    }
    buf_done(&t.out);
    arena_done(&t.a);
    return 0;
}

#pragma once

/* What the tests of this room share: values from compact text, and random values from a seed. */

/* clang-format off */
#include <setjmp.h> /* cmocka.h wants these before itself */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include <stdio.h>
#include <stdlib.h>

#include "doc/doc.h"
#include "doc/doc_internal.h"

static inline struct decimal dec(const char *text)
{
    struct decimal d = {0};
    bool underflow;
    enum err e = decimal_parse(bytes_str(text), &d, &underflow);
    ASSERT(e == OK);
    return d;
}

static inline struct value num(const char *text)
{
    return (struct value){.type = VALUE_NUMBER, .number = dec(text)};
}

static inline struct value str(const char *text)
{
    return (struct value){.type = VALUE_STRING, .bytes = bytes_str(text)};
}

/* A number whose length, scale and sign are all drawn, so that edges come often. */
static inline struct decimal random_decimal(struct prng *r)
{
    char text[64];
    size_t n = 0;
    uint64_t digits = prng_chance(r, 300) ? 38 : prng_between(r, 1, 38);
    if (prng_chance(r, 500)) {
        text[n++] = '-';
    }
    for (uint64_t i = 0; i < digits; i++) {
        uint64_t digit = prng_chance(r, 200) ? 0 : prng_chance(r, 200) ? 9 : prng_below(r, 10);
        text[n++] = (char)('0' + digit);
    }
    int64_t exp =
        prng_chance(r, 500) ? (int64_t)prng_below(r, 8) - 4 : (int64_t)prng_below(r, 180) - 130;
    int wrote = snprintf(text + n, sizeof text - n, "e%d", (int)exp);
    ASSERT(wrote > 0);
    struct decimal d = {0};
    bool underflow;
    enum err e = decimal_parse(bytes_str(text), &d, &underflow);
    return e == OK ? d : dec("1");
}

/* Short texts over a small alphabet, zeros and high bytes included, so that prefixes and ties
 * happen. */
static inline struct bytes random_bytes(struct prng *r, struct arena *a, bool utf8)
{
    static const char *const parts[] = {
        "a", "b", "z", "\x01", "\xc3\xa9", "\xf0\x9f\x98\x80", "\"\\", " "};
    size_t n = prng_below(r, 10);
    uint8_t *to = arena_alloc(a, n * 4);
    ASSERT(to != NULL);
    size_t len = 0;
    for (size_t i = 0; i < n; i++) {
        if (prng_chance(r, 150)) {
            to[len++] = utf8 || prng_chance(r, 500) ? 0x00 : 0xff;
        } else {
            const char *part = parts[prng_below(r, 8)];
            memcpy(to + len, part, strlen(part));
            len += strlen(part);
        }
    }
    return bytes_of(to, len);
}

static inline struct value random_scalar(struct prng *r, struct arena *a, enum value_type t)
{
    struct value v = {.type = t};
    if (t == VALUE_BOOL) {
        v.boolean = prng_chance(r, 500);
    } else if (t == VALUE_NUMBER) {
        v.number = random_decimal(r);
    } else if (t == VALUE_STRING || t == VALUE_BINARY) {
        v.bytes = random_bytes(r, a, t == VALUE_STRING);
    }
    return v;
}

static inline enum value_type set_element(enum value_type t)
{
    return t == VALUE_STRING_SET   ? VALUE_STRING
           : t == VALUE_NUMBER_SET ? VALUE_NUMBER
                                   : VALUE_BINARY;
}

static inline struct value random_value(struct prng *r, struct arena *a, size_t depth);

static inline struct value random_map(struct prng *r, struct arena *a, size_t depth)
{
    size_t n = prng_below(r, prng_chance(r, 100) ? 40 : 6);
    struct member *members = ARENA_ARRAY(a, struct member, n);
    ASSERT(members != NULL);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct value so_far = {.type = VALUE_MAP, .map = {.members = members, .n = kept}};
        struct bytes name = random_bytes(r, a, /* utf8= */ true);
        if (value_find(&so_far, name) == NULL) {
            members[kept++] = (struct member){name, random_value(r, a, depth)};
            enum err e = members_sort(members, kept);
            ASSERT(e == OK);
        }
    }
    return (struct value){.type = VALUE_MAP, .map = {.members = members, .n = kept}};
}

static inline struct value random_value(struct prng *r, struct arena *a, size_t depth)
{
    enum value_type t = (enum value_type)prng_below(r, depth == 0 ? VALUE_LIST : VALUE_TYPES);
    if (t < VALUE_LIST) {
        return random_scalar(r, a, t);
    }
    if (t == VALUE_MAP) {
        return random_map(r, a, depth - 1);
    }
    size_t n = prng_below(r, 6);
    struct value *items = ARENA_ARRAY(a, struct value, n + 1);
    ASSERT(items != NULL);
    size_t kept = 0;
    for (size_t i = 0; i < n; i++) {
        struct value one =
            t == VALUE_LIST ? random_value(r, a, depth - 1) : random_scalar(r, a, set_element(t));
        bool known = false;
        for (size_t j = 0; t != VALUE_LIST && j < kept; j++) {
            known = known || value_eq(&items[j], &one);
        }
        if (!known) {
            items[kept++] = one;
        }
    }
    enum err e = t == VALUE_LIST ? OK : set_sort(items, kept);
    ASSERT(e == OK);
    return (struct value){.type = t, .list = {.items = items, .n = kept}};
}

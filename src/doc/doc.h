#pragma once

/* Documents: the values an item is made of, exact decimals, the order and equality of values,
 * canonical bytes, order-preserving key bytes, and JSON. Everything here is pure; every fallible
 * function leaves its output untouched when it fails.
 *
 * The value model is DynamoDB's (S N B BOOL NULL M L SS NS BS), which JSON documents and SQL rows
 * map into. */

#include "base/base.h"

enum {
    DOC_DEPTH_MAX = 32, /* nesting levels of an attribute value: {"M":{"a":{"S":""}}} is 2 deep */
    DOC_ITEM_BYTES_MAX = 400 * 1024,
    DOC_DECIMAL_DIGITS_MAX = 38,
    DOC_DECIMAL_EXP10_MAX = 125,  /* largest magnitude 9.99…9e125 */
    DOC_DECIMAL_EXP10_MIN = -130, /* smallest magnitude 1e-130 */
    DOC_DECIMAL_TEXT_MAX = 176,   /* longest text decimal_text() writes, NUL included */
    DOC_HASH_KEY_BYTES_MAX = 2048,
    DOC_RANGE_KEY_BYTES_MAX = 1024,
};

/* ---- decimals ---- */

/* The number (-1)^neg * coef * 10^exp. Normal form, which every function here returns and expects:
 * coef has no trailing decimal zero and at most 38 digits; zero is {0, 0, false}. So equal numbers
 * are equal field by field. Source: DynamoDB "Naming rules and data types", Number. */
struct decimal {
    unsigned __int128 coef;
    int16_t exp;
    bool neg;
};

/* Parses DynamoDB's number text: optional sign, digits with optional point, optional exponent; no
 * blanks. Leading and trailing zeros do not count against the 38 digits. OK; ERR_SYNTAX (not a
 * number); ERR_LIMIT (more than 38 significant digits); ERR_TOO_BIG (magnitude over the largest,
 * or, nonzero, under the smallest; *ret_underflow tells which). Cost is linear in the text whatever
 * the exponent says. */
MUST_CHECK enum err decimal_parse(struct bytes text, struct decimal *ret, bool *ret_underflow);
struct decimal decimal_of_i64(int64_t v);
/* OK; ERR_TOO_BIG when not an integer in range. */
MUST_CHECK enum err decimal_to_i64(const struct decimal *d, int64_t *ret);
/* Writes DynamoDB's own rendering: plain digits, no exponent form ("100", "0.001", "-1.5"; 1e125 is
 * a one and 125 zeros). Returns the length; `to` holds DOC_DECIMAL_TEXT_MAX bytes and is
 * NUL-terminated. */
size_t decimal_text(const struct decimal *d, char *to);
int decimal_cmp(const struct decimal *a, const struct decimal *b);
/* Exact sum or difference. OK; ERR_LIMIT when it needs more than 38 digits; ERR_TOO_BIG past the
 * range. */
MUST_CHECK enum err decimal_add(
    const struct decimal *a, const struct decimal *b, struct decimal *ret);
MUST_CHECK enum err decimal_sub(
    const struct decimal *a, const struct decimal *b, struct decimal *ret);

/* ---- values ---- */

/* The numbers are stored in item bytes: never renumber. */
enum value_type {
    VALUE_NULL = 0,
    VALUE_BOOL = 1,
    VALUE_NUMBER = 2,
    VALUE_STRING = 3,
    VALUE_BINARY = 4,
    VALUE_LIST = 5,
    VALUE_MAP = 6,
    VALUE_STRING_SET = 7,
    VALUE_NUMBER_SET = 8,
    VALUE_BINARY_SET = 9,
};
enum { VALUE_TYPES = 10 };
/* No value may be built deeper than this (asserted wherever one is walked): room for what a JSON
 * text of JSON_DEPTH_MAX can say, and for an update path of 32 steps that ends in a value of 32
 * levels. */
enum { VALUE_DEPTH_MAX = 256 };

struct member;

/* Borrows all its memory (usually one arena). Immutable once built: shared subtrees are fine. */
struct value {
    enum value_type type;
    union {
        bool boolean;
        struct decimal number;
        struct bytes bytes; /* STRING (valid UTF-8) and BINARY */
        struct {
            const struct value *items;
            size_t n;
        } list; /* LIST, and the sets: sorted ascending by value_cmp, no duplicates */
        struct {
            const struct member *members;
            size_t n;
        } map; /* sorted ascending by name (bytes_cmp), no duplicates */
    };
};

struct member {
    struct bytes name;
    struct value value;
};

/* An item is a value of type VALUE_MAP. */

/* The member of a map, or NULL. Binary search. */
const struct value *value_find(const struct value *map, struct bytes name);
/* Sorts `members` by name. OK; ERR_EXISTS when two share a name. */
MUST_CHECK enum err members_sort(struct member *members, size_t n);
/* Sorts a set's elements in value_cmp order. OK; ERR_EXISTS when two are equal. */
MUST_CHECK enum err set_sort(struct value *elements, size_t n);
/* A map equal to `map` with one member added, replaced or (value NULL) removed; shares the rest.
 * `name` and `value` are borrowed. OK; ERR_TOO_BIG at the arena's cap. */
MUST_CHECK enum err value_with(
    struct arena *a,
    const struct value *map,
    struct bytes name,
    const struct value *value,
    struct value *ret);
/* A deep copy into `a`. OK; ERR_TOO_BIG. */
MUST_CHECK enum err value_dup(struct arena *a, const struct value *v, struct value *ret);
/* Same type and same content; sets and maps as sets and maps, numbers by value. */
bool value_eq(const struct value *a, const struct value *b);
/* A total order: by type number, then numbers by value, strings and binaries bytewise, false before
 * true, lists and sets element by element, maps member by member. Within S, N and B it is
 * DynamoDB's sort order. */
int value_cmp(const struct value *a, const struct value *b);
/* Nesting levels: 0 for a scalar or set at the top, +1 for each LIST or MAP around. */
size_t value_depth(const struct value *v);
/* The size in bytes as DynamoDB counts it for the 400 KB limit and for capacity: names and strings
 * in UTF-8 bytes, numbers about (significant digits / 2) + 1, BOOL and NULL 1, L and M 3 + 1 per
 * element. */
size_t value_size(const struct value *v);
size_t item_size(const struct value *item);
/* DynamoDB's type tag: "S", "N", "BOOL", "NULL", "M", "L", "SS", "NS", "BS", "B". */
const char *value_tag(enum value_type t);

/* ---- item bytes (docs/formats/item.md) ---- */

/* Appends the canonical encoding: equal values give equal bytes. Sticky ERR_TOO_BIG in `b`. */
void value_encode(struct buf *b, const struct value *v);
/* Decodes exactly all of `in`; strings borrow from `in`, the rest lives in `a`. OK; ERR_CORRUPT
 * (also for non-canonical bytes, depth over DOC_DEPTH_MAX + 1, lengths past the end); ERR_TOO_BIG
 * at the cap. */
MUST_CHECK enum err value_decode(struct arena *a, struct bytes in, struct value *ret);
/* Decodes one member of an encoded map without the others. OK, ERR_NOT_FOUND, ERR_CORRUPT,
 * ERR_TOO_BIG. */
MUST_CHECK enum err value_decode_member(
    struct arena *a, struct bytes in, struct bytes name, struct value *ret);

/* ---- key bytes (docs/formats/key.md) ---- */

/* Appends bytes whose bytewise order is value_cmp's order for S, N and B of one type;
 * self-delimiting, so concatenations compare part by part. `v` is STRING, NUMBER or BINARY
 * (asserted). */
void key_encode(struct buf *b, const struct value *v);
/* As key_encode() without the end mark: the prefix that all keys have whose text begins with `v`'s.
 * `v` is STRING or BINARY (asserted). */
void key_encode_prefix(struct buf *b, const struct value *v);
/* Takes one encoded key value off the reader, into `a`. OK; ERR_CORRUPT or ERR_TOO_BIG (the reader
 * is then bad). */
MUST_CHECK enum err key_decode(struct arena *a, struct reader *r, struct value *ret);
/* The length of the first encoded key value in `key`, 0 if malformed. */
size_t key_first_len(struct bytes key);
/* Where on the ring of 2^32 an encoded partition-key value falls; parts tables into partitions,
 * scan segments and digest buckets. Stable for ever. */
uint32_t key_partition_hash(struct bytes encoded_partition_key);
/* The smallest byte string greater than every string with prefix `p` (in `a`); len 0 when there is
 * none. base is NULL only at the arena's cap. */
struct bytes key_prefix_end(struct arena *a, struct bytes p);

/* ---- JSON (simdjson behind json_simdjson.cpp, the only C++ here) ---- */

enum json_type {
    JSON_NULL,
    JSON_BOOL,
    JSON_NUMBER, /* text holds the literal as written */
    JSON_STRING,
    JSON_ARRAY,
    JSON_OBJECT,
};

struct json_member;

struct json {
    enum json_type type;
    bool boolean;
    struct bytes text; /* STRING: unescaped UTF-8; NUMBER: the literal */
    union {
        struct {
            const struct json *items;
            size_t n;
        } array;
        struct {
            const struct json_member *members; /* as written, duplicates kept */
            size_t n;
        } object;
    };
};

struct json_member {
    struct bytes name;
    struct json value;
};

/* Reusable scratch of one thread; heap. */
struct json_parser;
struct json_parser *json_parser_new(void);
void json_parser_free(struct json_parser *p);
/* The most that may be passed as `depth_max` (asserted), and the deepest tree json_put() writes. */
enum { JSON_DEPTH_MAX = 256 };
/* Parses exactly one JSON text (RFC 8259) of at most `depth_max` nested containers. The tree and
 * all text live in `a`, which must have room for a copy of the text. OK; ERR_SYNTAX (also invalid
 * UTF-8, trailing bytes, empty); ERR_LIMIT (too deep); ERR_TOO_BIG at the arena's cap. */
MUST_CHECK enum err json_parse(
    struct json_parser *p, struct arena *a, struct bytes text, size_t depth_max, struct json *ret);
/* The last member of that name in an object, or NULL (also when `obj` is no object). */
const struct json *json_find(const struct json *obj, const char *name);
/* Appends a JSON string literal, quotes included, control characters escaped. `s` is valid UTF-8.
 */
void json_put_string(struct buf *b, struct bytes s);
/* Appends `j` as compact JSON. */
void json_put(struct buf *b, const struct json *j);

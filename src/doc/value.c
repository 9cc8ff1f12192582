/* Values: lookup, building, order, equality and size.
 *
 * Invariants of every value:
 * 1. Maps are sorted by name and sets by value_cmp, without duplicates; so both compare element by
 * element.
 * 2. Numbers are in decimal normal form; so equal numbers have equal fields.
 * 3. Nesting is at most VALUE_DEPTH_MAX, which bounds every recursion here; whoever builds from a
 * client's bytes has refused deeper ones long before. */
#include <stdlib.h>

#include "doc/doc.h"
#include "doc/doc_internal.h"

/* ---- lookup ---- */

enum {
    SCAN_MEMBERS_MAX = 8
}; /* up to here a scan that compares lengths first beats a binary search */

const struct value *value_find(const struct value *map, struct bytes name)
{
    ASSERT(map->type == VALUE_MAP);
    const struct member *members = map->map.members;
    size_t lo = 0;
    size_t hi = map->map.n;
    while (hi - lo > SCAN_MEMBERS_MAX) {
        size_t mid = lo + (hi - lo) / 2;
        int c = bytes_cmp(members[mid].name, name);
        if (c == 0) {
            return &members[mid].value;
        }
        if (c < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    for (; lo < hi; lo++) {
        if (bytes_eq(members[lo].name, name)) {
            return &members[lo].value;
        }
    }
    return NULL;
}

/* ---- sorting ---- */

typedef int (*order_fn)(const void *a, const void *b);

static int member_order(const void *a, const void *b)
{
    return bytes_cmp(((const struct member *)a)->name, ((const struct member *)b)->name);
}

static int value_order(const void *a, const void *b)
{
    return value_cmp(a, b);
}

/* The largest thing sorted here. */
union sortable {
    struct member member;
    struct value value;
};

enum { INSERTION_MAX = 16 };

static void sort_small(char *base, size_t n, size_t size, order_fn cmp)
{
    union sortable hole;
    for (size_t i = 1; i < n; i++) {
        size_t j = i;
        while (j > 0 && cmp(base + (j - 1) * size, base + i * size) > 0) {
            j--;
        }
        if (j < i) {
            memcpy(&hole, base + i * size, size);
            memmove(base + (j + 1) * size, base + j * size, (i - j) * size);
            memcpy(base + j * size, &hole, size);
        }
    }
}

/* Merges the sorted runs from[0, mid) and from[mid, n) into `to`. */
static void merge_runs(const char *from, size_t mid, size_t n, size_t size, order_fn cmp, char *to)
{
    size_t left = 0;
    size_t right = mid;
    for (size_t i = 0; i < n; i++) {
        bool take_left =
            right == n || (left < mid && cmp(from + left * size, from + right * size) <= 0);
        size_t *at = take_left ? &left : &right;
        memcpy(to + i * size, from + *at * size, size);
        ++*at;
    }
}

/* A bottom-up merge sort: qsort() may ask the kernel how much memory there is, and this room may
 * not. */
static void sort_large(char *base, size_t n, size_t size, order_fn cmp)
{
    for (size_t i = 0; i < n; i += INSERTION_MAX) {
        sort_small(base + i * size, n - i < INSERTION_MAX ? n - i : INSERTION_MAX, size, cmp);
    }
    char *scratch = calloc(n, size);
    ASSERT(scratch != NULL);
    char *from = base;
    char *to = scratch;
    for (size_t run = INSERTION_MAX; run < n; run *= 2) {
        for (size_t i = 0; i < n; i += 2 * run) {
            size_t total = n - i < 2 * run ? n - i : 2 * run;
            size_t mid = total < run ? total : run;
            merge_runs(from + i * size, mid, total, size, cmp, to + i * size);
        }
        char *swap = from;
        from = to;
        to = swap;
    }
    if (from != base) {
        memcpy(base, from, n * size);
    }
    free(scratch);
}

/* Sorts and says whether the elements differ. Input that is in order already, as our own bytes are,
 * costs one pass. */
static bool sort_distinct(void *array, size_t n, size_t size, order_fn cmp)
{
    char *base = array;
    bool sorted = true;
    for (size_t i = 1; i < n && sorted; i++) {
        sorted = cmp(base + (i - 1) * size, base + i * size) < 0;
    }
    if (sorted) {
        return true;
    }
    if (n <= INSERTION_MAX) {
        sort_small(base, n, size, cmp);
    } else {
        sort_large(base, n, size, cmp);
    }
    for (size_t i = 1; i < n; i++) {
        if (cmp(base + (i - 1) * size, base + i * size) == 0) {
            return false;
        }
    }
    return true;
}

enum err members_sort(struct member *members, size_t n)
{
    return sort_distinct(members, n, sizeof *members, member_order) ? OK : ERR_EXISTS;
}

enum err set_sort(struct value *elements, size_t n)
{
    return sort_distinct(elements, n, sizeof *elements, value_order) ? OK : ERR_EXISTS;
}

/* ---- building ---- */

enum err value_with(
    struct arena *a,
    const struct value *map,
    struct bytes name,
    const struct value *value,
    struct value *ret)
{
    ASSERT(map->type == VALUE_MAP);
    const struct member *old = map->map.members;
    size_t n = map->map.n;
    size_t lo = 0;
    size_t hi = n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (bytes_cmp(old[mid].name, name) < 0) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    bool found = lo < n && bytes_eq(old[lo].name, name);
    if (value == NULL && !found) {
        *ret = *map;
        return OK;
    }
    size_t n_new = n - (found ? 1 : 0) + (value != NULL ? 1 : 0);
    struct member *members = arena_alloc(a, n_new * sizeof *members);
    if (members == NULL) {
        return ERR_TOO_BIG;
    }
    size_t tail = lo + (found ? 1 : 0);
    size_t at = lo;
    if (lo > 0) {
        memcpy(members, old, lo * sizeof *members);
    }
    if (value != NULL) {
        members[at++] = (struct member){.name = name, .value = *value};
    }
    if (tail < n) {
        memcpy(members + at, old + tail, (n - tail) * sizeof *members);
    }
    *ret = (struct value){.type = VALUE_MAP, .map = {.members = members, .n = n_new}};
    return OK;
}

static enum err dup_bytes(struct arena *a, struct bytes b, struct bytes *ret)
{
    struct bytes copy = bytes_dup(a, b);
    if (b.len > 0 && copy.base == NULL) {
        return ERR_TOO_BIG;
    }
    *ret = copy;
    return OK;
}

static enum err dup_at(struct arena *a, const struct value *v, size_t depth, struct value *ret);

static enum err dup_list(struct arena *a, const struct value *v, size_t depth, struct value *ret)
{
    struct value *items = arena_alloc(a, v->list.n * sizeof *items);
    if (items == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < v->list.n; i++) {
        enum err e = dup_at(a, &v->list.items[i], depth + 1, &items[i]);
        if (e != OK) {
            return e;
        }
    }
    *ret = (struct value){.type = v->type, .list = {.items = items, .n = v->list.n}};
    return OK;
}

static enum err dup_map(struct arena *a, const struct value *v, size_t depth, struct value *ret)
{
    struct member *members = arena_alloc(a, v->map.n * sizeof *members);
    if (members == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < v->map.n; i++) {
        enum err e = dup_bytes(a, v->map.members[i].name, &members[i].name);
        if (e == OK) {
            e = dup_at(a, &v->map.members[i].value, depth + 1, &members[i].value);
        }
        if (e != OK) {
            return e;
        }
    }
    *ret = (struct value){.type = VALUE_MAP, .map = {.members = members, .n = v->map.n}};
    return OK;
}

static enum err dup_at(struct arena *a, const struct value *v, size_t depth, struct value *ret)
{
    ASSERT(depth <= VALUE_DEPTH_MAX);
    switch (v->type) {
    case VALUE_NULL:
    case VALUE_BOOL:
    case VALUE_NUMBER:
        *ret = *v;
        return OK;
    case VALUE_STRING:
    case VALUE_BINARY: {
        struct bytes copy;
        enum err e = dup_bytes(a, v->bytes, &copy);
        if (e == OK) {
            *ret = (struct value){.type = v->type, .bytes = copy};
        }
        return e;
    }
    case VALUE_LIST:
    case VALUE_STRING_SET:
    case VALUE_NUMBER_SET:
    case VALUE_BINARY_SET:
        return dup_list(a, v, depth, ret);
    case VALUE_MAP:
        return dup_map(a, v, depth, ret);
    }
    UNREACHABLE();
}

enum err value_dup(struct arena *a, const struct value *v, struct value *ret)
{
    return dup_at(a, v, /* depth= */ 0, ret);
}

/* ---- order and equality ---- */

static int cmp_at(const struct value *a, const struct value *b, size_t depth);

static int cmp_sizes(size_t a, size_t b)
{
    return (a > b) - (a < b);
}

static int cmp_lists(const struct value *a, const struct value *b, size_t depth)
{
    for (size_t i = 0; i < a->list.n && i < b->list.n; i++) {
        int c = cmp_at(&a->list.items[i], &b->list.items[i], depth + 1);
        if (c != 0) {
            return c;
        }
    }
    return cmp_sizes(a->list.n, b->list.n);
}

static int cmp_maps(const struct value *a, const struct value *b, size_t depth)
{
    for (size_t i = 0; i < a->map.n && i < b->map.n; i++) {
        const struct member *ma = &a->map.members[i];
        const struct member *mb = &b->map.members[i];
        int c = bytes_cmp(ma->name, mb->name);
        if (c == 0) {
            c = cmp_at(&ma->value, &mb->value, depth + 1);
        }
        if (c != 0) {
            return c;
        }
    }
    return cmp_sizes(a->map.n, b->map.n);
}

static int cmp_at(const struct value *a, const struct value *b, size_t depth)
{
    ASSERT(depth <= VALUE_DEPTH_MAX);
    if (a->type != b->type) {
        return a->type < b->type ? -1 : 1;
    }
    switch (a->type) {
    case VALUE_NULL:
        return 0;
    case VALUE_BOOL:
        return (int)a->boolean - (int)b->boolean;
    case VALUE_NUMBER:
        return decimal_cmp(&a->number, &b->number);
    case VALUE_STRING:
    case VALUE_BINARY:
        return bytes_cmp(a->bytes, b->bytes);
    case VALUE_LIST:
    case VALUE_STRING_SET:
    case VALUE_NUMBER_SET:
    case VALUE_BINARY_SET:
        return cmp_lists(a, b, depth);
    case VALUE_MAP:
        return cmp_maps(a, b, depth);
    }
    UNREACHABLE();
}

int value_cmp(const struct value *a, const struct value *b)
{
    return cmp_at(a, b, /* depth= */ 0);
}

static bool eq_at(const struct value *a, const struct value *b, size_t depth);

static bool eq_lists(const struct value *a, const struct value *b, size_t depth)
{
    bool eq = a->list.n == b->list.n;
    for (size_t i = 0; eq && i < a->list.n; i++) {
        eq = eq_at(&a->list.items[i], &b->list.items[i], depth + 1);
    }
    return eq;
}

static bool eq_maps(const struct value *a, const struct value *b, size_t depth)
{
    bool eq = a->map.n == b->map.n;
    for (size_t i = 0; eq && i < a->map.n; i++) {
        const struct member *ma = &a->map.members[i];
        const struct member *mb = &b->map.members[i];
        eq = bytes_eq(ma->name, mb->name) && eq_at(&ma->value, &mb->value, depth + 1);
    }
    return eq;
}

static bool eq_at(const struct value *a, const struct value *b, size_t depth)
{
    ASSERT(depth <= VALUE_DEPTH_MAX);
    if (a->type != b->type) {
        return false;
    }
    switch (a->type) {
    case VALUE_NULL:
        return true;
    case VALUE_BOOL:
        return a->boolean == b->boolean;
    case VALUE_NUMBER:
        return a->number.coef == b->number.coef && a->number.exp == b->number.exp &&
               a->number.neg == b->number.neg;
    case VALUE_STRING:
    case VALUE_BINARY:
        return bytes_eq(a->bytes, b->bytes);
    case VALUE_LIST:
    case VALUE_STRING_SET:
    case VALUE_NUMBER_SET:
    case VALUE_BINARY_SET:
        return eq_lists(a, b, depth);
    case VALUE_MAP:
        return eq_maps(a, b, depth);
    }
    UNREACHABLE();
}

bool value_eq(const struct value *a, const struct value *b)
{
    return eq_at(a, b, /* depth= */ 0);
}

/* ---- depth and size ---- */

static size_t depth_at(const struct value *v, size_t depth)
{
    ASSERT(depth <= VALUE_DEPTH_MAX);
    size_t deepest = 0;
    if (v->type == VALUE_LIST) {
        for (size_t i = 0; i < v->list.n; i++) {
            size_t d = depth_at(&v->list.items[i], depth + 1);
            deepest = d > deepest ? d : deepest;
        }
        return deepest + 1;
    }
    if (v->type == VALUE_MAP) {
        for (size_t i = 0; i < v->map.n; i++) {
            size_t d = depth_at(&v->map.members[i].value, depth + 1);
            deepest = d > deepest ? d : deepest;
        }
        return deepest + 1;
    }
    return 0;
}

size_t value_depth(const struct value *v)
{
    return depth_at(v, /* depth= */ 0);
}

enum { NUMBER_BYTES_MAX = 21 };

/* DynamoDB counts a byte for each pair of digits, pairs aligned at the decimal point, one for the
 * exponent and one for a minus sign; zero is one byte. No number has more than 21. */
static size_t number_size(const struct decimal *d)
{
    if (d->coef == 0) {
        return 1;
    }
    int n = decimal_coef_len(d->coef);
    int top = d->exp + n - 1;
    bool straddles = n % 2 == 0 && top % 2 == 0;
    size_t size = 1 + (size_t)(n + 1) / 2 + (straddles ? 1 : 0) + (d->neg ? 1 : 0);
    return size < NUMBER_BYTES_MAX ? size : NUMBER_BYTES_MAX;
}

static size_t size_at(const struct value *v, size_t depth)
{
    ASSERT(depth <= VALUE_DEPTH_MAX);
    size_t size = 0;
    switch (v->type) {
    case VALUE_NULL:
    case VALUE_BOOL:
        return 1;
    case VALUE_NUMBER:
        return number_size(&v->number);
    case VALUE_STRING:
    case VALUE_BINARY:
        return v->bytes.len;
    case VALUE_STRING_SET:
    case VALUE_NUMBER_SET:
    case VALUE_BINARY_SET:
        for (size_t i = 0; i < v->list.n; i++) {
            size += size_at(&v->list.items[i], depth + 1);
        }
        return size;
    case VALUE_LIST:
        for (size_t i = 0; i < v->list.n; i++) {
            size += 1 + size_at(&v->list.items[i], depth + 1);
        }
        return 3 + size;
    case VALUE_MAP:
        for (size_t i = 0; i < v->map.n; i++) {
            size += 1 + v->map.members[i].name.len;
            size += size_at(&v->map.members[i].value, depth + 1);
        }
        return 3 + size;
    }
    UNREACHABLE();
}

size_t value_size(const struct value *v)
{
    return size_at(v, /* depth= */ 0);
}

size_t item_size(const struct value *item)
{
    ASSERT(item->type == VALUE_MAP);
    /* An item's own map costs nothing beyond its members. */
    return value_size(item) - 3 - item->map.n;
}

const char *value_tag(enum value_type t)
{
    switch (t) {
    case VALUE_NULL:
        return "NULL";
    case VALUE_BOOL:
        return "BOOL";
    case VALUE_NUMBER:
        return "N";
    case VALUE_STRING:
        return "S";
    case VALUE_BINARY:
        return "B";
    case VALUE_LIST:
        return "L";
    case VALUE_MAP:
        return "M";
    case VALUE_STRING_SET:
        return "SS";
    case VALUE_NUMBER_SET:
        return "NS";
    case VALUE_BINARY_SET:
        return "BS";
    }
    UNREACHABLE();
}

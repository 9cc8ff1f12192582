/* Schemas: deep copies, and primary keys to bytes and back. */
#include <stdlib.h>

#include "part/part.h"

struct table_copy {
    struct part_table table; /* first: the handle the caller sees */
    _Alignas(16) char content[];
};

static struct expr_key_schema keys_dup(struct arena *a, const struct expr_key_schema *k)
{
    struct expr_key_schema copy = {
        .hash = {.name = bytes_dup(a, k->hash.name), .type = k->hash.type},
        .range = {.name = bytes_dup(a, k->range.name), .type = k->range.type},
        .n_more_hash = k->n_more_hash,
        .n_more_range = k->n_more_range,
    };
    size_t n = (size_t)k->n_more_hash + k->n_more_range;
    if (n > 0) {
        struct expr_key_attr *more = ARENA_ARRAY(a, struct expr_key_attr, n);
        for (size_t i = 0; i < n; i++) {
            more[i] = (struct expr_key_attr){bytes_dup(a, k->more[i].name), k->more[i].type};
        }
        copy.more = more;
    }
    return copy;
}

static struct part_table copy_in(struct arena *a, const struct part_table *t)
{
    struct part_table copy = *t;
    struct part_index *indexes = ARENA_ARRAY(a, struct part_index, t->n_indexes);
    for (size_t i = 0; i < t->n_indexes; i++) {
        indexes[i] = t->indexes[i];
        indexes[i].name = bytes_dup(a, t->indexes[i].name);
        indexes[i].keys = keys_dup(a, &t->indexes[i].keys);
        struct bytes *include = ARENA_ARRAY(a, struct bytes, t->indexes[i].n_include);
        for (size_t k = 0; k < t->indexes[i].n_include; k++) {
            include[k] = bytes_dup(a, t->indexes[i].include[k]);
        }
        indexes[i].include = include;
    }
    copy.name = bytes_dup(a, t->name);
    copy.keys = keys_dup(a, &t->keys);
    copy.indexes = indexes;
    copy.ttl = bytes_dup(a, t->ttl);
    if (t->stamp != NULL) {
        struct part_stamp *stamp = ARENA_NEW(a, struct part_stamp);
        stamp->time = bytes_dup(a, t->stamp->time);
        stamp->region = bytes_dup(a, t->stamp->region);
        stamp->deleting = bytes_dup(a, t->stamp->deleting);
        stamp->region_name = bytes_dup(a, t->stamp->region_name);
        copy.stamp = stamp;
    }
    return copy;
}

/* Copied twice, first to know its size: the copy that stays is one of a great many. */
struct part_table *part_table_dup(const struct part_table *t)
{
    struct arena a;
    arena_init(&a, SIZE_MAX / 2);
    (void)copy_in(&a, t);
    size_t n = arena_taken(&a);
    arena_done(&a);
    struct table_copy *c = malloc(sizeof *c + n);
    ASSERT(c != NULL);
    arena_init_in(&a, c->content, n);
    c->table = copy_in(&a, t);
    return &c->table;
}

void part_table_free(struct part_table *t)
{
    free(t);
}

static bool key_value_fits(const struct value *v, size_t bytes_max)
{
    if (v->type == VALUE_NUMBER) {
        return true;
    }
    return v->bytes.len > 0 && v->bytes.len <= bytes_max;
}

static enum err key_part(
    const struct expr_key_attr *attr,
    size_t bytes_max,
    const struct value *attrs,
    struct buf *b,
    struct bytes *reterr_attr)
{
    const struct value *v = value_find(attrs, attr->name);
    if (v == NULL || v->type != attr->type) {
        *reterr_attr = attr->name;
        return ERR_INVALID;
    }
    if (!key_value_fits(v, bytes_max)) {
        *reterr_attr = attr->name;
        return ERR_LIMIT;
    }
    key_encode(b, v);
    return OK;
}

enum err part_key_of(
    const struct expr_key_schema *keys,
    const struct value *attrs,
    struct buf *ret,
    struct bytes *reterr_attr)
{
    ASSERT(attrs->type == VALUE_MAP);
    size_t start = ret->len;
    size_t n = expr_keys_count(keys);
    size_t n_hash = expr_keys_hashes(keys);
    enum err e = OK;
    for (size_t i = 0; i < n && e == OK; i++) {
        size_t max = i < n_hash ? DOC_HASH_KEY_BYTES_MAX : DOC_RANGE_KEY_BYTES_MAX;
        e = key_part(expr_keys_at(keys, i), max, attrs, ret, reterr_attr);
    }
    if (e != OK) {
        ret->len = start;
    }
    return e;
}

enum err part_key_attrs(
    struct arena *a, const struct expr_key_schema *keys, struct bytes key, struct value *ret)
{
    ASSERT(keys->more == NULL); /* a primary key */
    struct reader r = reader_of(key);
    size_t n = keys->range.name.base != NULL ? 2 : 1;
    struct member *members = ARENA_ARRAY(a, struct member, n);
    if (members == NULL) {
        return ERR_TOO_BIG;
    }
    members[0].name = keys->hash.name;
    enum err e = key_decode(a, &r, &members[0].value);
    if (e == OK && n == 2) {
        members[1].name = keys->range.name;
        e = key_decode(a, &r, &members[1].value);
    }
    if (e != OK) {
        return e;
    }
    bool typed = members[0].value.type == keys->hash.type &&
                 (n == 1 || members[1].value.type == keys->range.type);
    if (r.bad || reader_left(&r) != 0 || !typed || members_sort(members, n) != OK) {
        return ERR_CORRUPT;
    }
    *ret = (struct value){.type = VALUE_MAP, .map = {.members = members, .n = n}};
    return OK;
}

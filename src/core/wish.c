/* Wishes: settings that a replica keeps for itself (read units, class), asked for anywhere.
 *
 * A region writes only its own table's row, so what is asked for another region's table goes into
 * that region's replica row, under "wish" in `extra`, and the region follows it when it looks after
 * the name. "at" tells wishes apart: a table remembers in its own `extra` which one it followed
 * last, so each is followed once and does not undo what is changed later.
 *
 * A wish keeps what earlier ones said and it does not, since they may not have been seen yet. */
#include "core/impl.h"

#define WISH "wish"

static const struct value *wish_in(const struct value *extra)
{
    if (extra->type != VALUE_MAP) {
        return NULL;
    }
    const struct value *wish = value_find(extra, BYTES_LIT(WISH));
    return wish != NULL && wish->type == VALUE_MAP ? wish : NULL;
}

/* The map under a name, empty when there is none. */
static struct value map_in(const struct value *map, struct bytes name)
{
    const struct value *v = value_find(map, name);
    return v != NULL && v->type == VALUE_MAP ? *v : (struct value){.type = VALUE_MAP};
}

static uint64_t number_in(const struct value *map, struct bytes name)
{
    const struct value *v = value_find(map, name);
    int64_t n = 0;
    if (v == NULL || v->type != VALUE_NUMBER || decimal_to_i64(&v->number, &n) != OK || n < 0) {
        return 0;
    }
    return (uint64_t)n;
}

/* Puts a member into *map; sticky in *err. */
static void set(
    struct arena *a, struct value *map, struct bytes name, struct value v, enum err *err)
{
    struct value *copy = ARENA_NEW(a, struct value);
    struct value next;
    if (*err != OK) {
        return;
    }
    *err = copy == NULL ? ERR_TOO_BIG : OK;
    if (*err == OK) {
        *copy = v;
        *err = value_with(a, map, name, copy, &next);
    }
    if (*err == OK) {
        *map = next;
    }
}

static struct value number(uint64_t v)
{
    return (struct value){.type = VALUE_NUMBER, .number = decimal_of_i64((int64_t)v)};
}

/* What is asked of the front's own settings, on top of what was asked before. */
static void merge_extra(
    struct arena *a, struct value *map, const struct core_wish *wish, enum err *err)
{
    struct value all = map_in(map, BYTES_LIT("extra"));
    struct value members = map_in(&all, wish->extra_name);
    for (size_t i = 0; i < wish->extra.map.n; i++) {
        const struct member *m = &wish->extra.map.members[i];
        set(a, &members, m->name, m->value, err);
    }
    set(a, &all, wish->extra_name, members, err);
    set(a, map, BYTES_LIT("extra"), all, err);
}

static void follow_extra(
    struct arena *a, const struct value *wish, struct value *extra, enum err *err)
{
    const struct value all = map_in(wish, BYTES_LIT("extra"));
    for (size_t k = 0; k < all.map.n; k++) {
        const struct member *named = &all.map.members[k];
        struct value next = map_in(extra, named->name);
        for (size_t i = 0; named->value.type == VALUE_MAP && i < named->value.map.n; i++) {
            const struct member *m = &named->value.map.members[i];
            struct value without;
            if (m->value.type != VALUE_NULL) {
                set(a, &next, m->name, m->value, err);
            } else if (*err == OK) {
                *err = value_with(a, &next, m->name, NULL, &without);
                next = *err == OK ? without : next;
            }
        }
        set(a, extra, named->name, next, err);
    }
}

enum err wish_merge(
    struct arena *a,
    const struct value *extra,
    const struct core_wish *wish,
    uint64_t now_ms,
    struct value *ret)
{
    const struct value empty = {.type = VALUE_MAP};
    const struct value *old = wish_in(extra);
    struct value map = old == NULL ? empty : *old;
    struct value indexes = map_in(&map, BYTES_LIT("indexes"));
    struct value maxima = map_in(&map, BYTES_LIT("indexes_max"));
    uint64_t before = number_in(&map, BYTES_LIT("at"));
    enum err err = OK;
    set(a, &map, BYTES_LIT("at"), number(now_ms > before ? now_ms : before + 1), &err);
    if (wish->read_units > 0) {
        set(a, &map, BYTES_LIT("read"), number(wish->read_units), &err);
    }
    if (wish->read_max > 0) {
        set(a, &map, BYTES_LIT("read_max"), number(wish->read_max), &err);
    }
    if (wish->table_class.len > 0) {
        struct value name = {.type = VALUE_STRING, .bytes = wish->table_class};
        set(a, &map, BYTES_LIT("class"), name, &err);
    }
    for (size_t i = 0; i < wish->n_indexes; i++) {
        const struct core_index_wish *x = &wish->indexes[i];
        if (x->read_units > 0) {
            set(a, &indexes, x->name, number(x->read_units), &err);
        }
        if (x->read_max > 0) {
            set(a, &maxima, x->name, number(x->read_max), &err);
        }
    }
    set(a, &map, BYTES_LIT("indexes"), indexes, &err);
    if (maxima.map.n > 0) {
        set(a, &map, BYTES_LIT("indexes_max"), maxima, &err);
    }
    if (wish->extra_name.len > 0) {
        merge_extra(a, &map, wish, &err);
    }
    struct value next = extra->type == VALUE_MAP ? *extra : empty;
    set(a, &next, BYTES_LIT(WISH), map, &err);
    if (err == OK) {
        *ret = next;
    }
    return err;
}

bool wish_is_open(const struct value *extra, const struct core_table *t)
{
    const struct value *wish = wish_in(extra);
    if (wish == NULL) {
        return false;
    }
    uint64_t followed = t->extra.type == VALUE_MAP ? number_in(&t->extra, BYTES_LIT(WISH)) : 0;
    return number_in(wish, BYTES_LIT("at")) != followed;
}

enum err wish_follow(struct arena *a, const struct value *extra, struct core_table *t)
{
    const struct value *wish = wish_in(extra);
    ASSERT(wish != NULL);
    const struct value indexes = map_in(wish, BYTES_LIT("indexes"));
    const struct value maxima = map_in(wish, BYTES_LIT("indexes_max"));
    const struct value *table_class = value_find(wish, BYTES_LIT("class"));
    uint64_t units = number_in(wish, BYTES_LIT("read"));
    if (units > 0 && !t->on_demand) {
        t->throughput.read_units = units;
    }
    uint64_t max = number_in(wish, BYTES_LIT("read_max"));
    if (max > 0 && t->on_demand) {
        t->throughput.read_max = max;
    }
    for (size_t i = 0; i < t->n_indexes; i++) {
        /* Every table changed here is a copy whose arrays are ours. */
        struct core_index *x = (struct core_index *)(uintptr_t)&t->indexes[i];
        units = number_in(&indexes, x->part.name);
        max = number_in(&maxima, x->part.name);
        if (units > 0 && !x->part.local && !t->on_demand) {
            x->throughput.read_units = units;
        }
        if (max > 0 && !x->part.local && t->on_demand) {
            x->throughput.read_max = max;
        }
    }
    if (table_class != NULL && table_class->type == VALUE_STRING && table_class->bytes.len > 0) {
        t->table_class = table_class->bytes;
    }
    const struct value empty = {.type = VALUE_MAP};
    struct value next = t->extra.type == VALUE_MAP ? t->extra : empty;
    enum err err = OK;
    follow_extra(a, wish, &next, &err);
    set(a, &next, BYTES_LIT(WISH), number(number_in(wish, BYTES_LIT("at"))), &err);
    if (err == OK) {
        t->extra = next;
    }
    return err;
}

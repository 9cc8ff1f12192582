/* What is kept of auto scaling, in a table's `extra`:
 *
 *   "scaling"  M of "r", "w", "r/INDEX", "w/INDEX" to M: the scalable targets
 *   "scaled"   L of M: what the controller did, oldest first
 *
 * Numbers are times in milliseconds, units, seconds, and thousandths of a per cent. */
#include "front/dynamo/scaling.h"

#define TARGETS    BYTES_LIT("scaling")
#define ACTIVITIES BYTES_LIT("scaled")

/* ---- values ---- */

static const struct value *member(const struct value *map, const char *name, enum value_type type)
{
    if (map == NULL || map->type != VALUE_MAP) {
        return NULL;
    }
    const struct value *v = value_find(map, bytes_str(name));
    return v != NULL && v->type == type ? v : NULL;
}

static uint64_t number_in(const struct value *map, const char *name)
{
    const struct value *v = member(map, name, VALUE_NUMBER);
    int64_t n = 0;
    return v != NULL && decimal_to_i64(&v->number, &n) == OK && n > 0 ? (uint64_t)n : 0;
}

static struct bytes text_in(const struct value *map, const char *name)
{
    const struct value *v = member(map, name, VALUE_STRING);
    return v == NULL ? BYTES_NONE : v->bytes;
}

static bool flag_in(const struct value *map, const char *name)
{
    const struct value *v = member(map, name, VALUE_BOOL);
    return v != NULL && v->boolean;
}

/* A map being made; sticky errors. */
struct making {
    struct arena *a;
    struct value map;
    enum err err;
};

static void put(struct making *m, struct bytes name, struct value v)
{
    struct value *copy = ARENA_NEW(m->a, struct value);
    struct value next;
    if (m->err != OK) {
        return;
    }
    m->err = copy == NULL ? ERR_TOO_BIG : OK;
    if (m->err == OK) {
        *copy = v;
        m->err = value_with(m->a, &m->map, name, copy, &next);
    }
    if (m->err == OK) {
        m->map = next;
    }
}

static void put_number(struct making *m, const char *name, uint64_t v)
{
    put(m,
        bytes_str(name),
        (struct value){.type = VALUE_NUMBER, .number = decimal_of_i64((int64_t)v)});
}

static void put_text(struct making *m, const char *name, struct bytes v)
{
    if (v.base != NULL) {
        put(m, bytes_str(name), (struct value){.type = VALUE_STRING, .bytes = v});
    }
}

static void put_flag(struct making *m, const char *name, bool v)
{
    if (v) {
        put(m, bytes_str(name), (struct value){.type = VALUE_BOOL, .boolean = true});
    }
}

/* ---- targets ---- */

static struct scaling_target target_of(struct bytes key, const struct value *v)
{
    const struct value *p = member(v, "policy", VALUE_MAP);
    struct scaling_target t = {
        .index = bytes_from(key, 2),
        .write = key.len > 0 && key.base[0] == 'w',
        .min = number_in(v, "min"),
        .max = number_in(v, "max"),
        .role = text_in(v, "role"),
        .id = text_in(v, "id"),
        .hold_in = flag_in(v, "hold_in"),
        .hold_out = flag_in(v, "hold_out"),
        .hold_scheduled = flag_in(v, "hold_scheduled"),
        .created_ms = number_in(v, "created"),
        .tags = member(v, "tags", VALUE_MAP),
        .has_policy = p != NULL,
    };
    t.policy = (struct scaling_policy){
        .name = text_in(p, "name"),
        .id = text_in(p, "id"),
        .target_milli = number_in(p, "target"),
        .in_s = number_in(p, "in"),
        .out_s = number_in(p, "out"),
        .has_in = member(p, "in", VALUE_NUMBER) != NULL,
        .has_out = member(p, "out", VALUE_NUMBER) != NULL,
        .no_scale_in = flag_in(p, "no_in"),
        .created_ms = number_in(p, "created"),
    };
    return t;
}

static const struct value *targets_in(const struct core_table *t)
{
    return member(&t->extra, "scaling", VALUE_MAP);
}

bool scaling_at(const struct core_table *t, size_t i, struct scaling_target *ret)
{
    const struct value *all = targets_in(t);
    if (all == NULL || i >= all->map.n) {
        return false;
    }
    *ret = target_of(all->map.members[i].name, &all->map.members[i].value);
    return true;
}

bool scaling_find(
    const struct core_table *t, struct bytes index, bool write, struct scaling_target *ret)
{
    for (size_t i = 0; scaling_at(t, i, ret); i++) {
        if (ret->write == write && bytes_eq(ret->index, index)) {
            return true;
        }
    }
    return false;
}

struct bytes scaling_key(struct arena *a, struct bytes index, bool write)
{
    const char *letter = write ? "w" : "r";
    return index.len == 0 ? bytes_str(letter) : bytes_fmt(a, "%s/%.*s", letter, BYTES_FMT(index));
}

enum err scaling_value(struct arena *a, const struct scaling_target *t, struct value *ret)
{
    struct making m = {.a = a, .map = {.type = VALUE_MAP}};
    put_number(&m, "min", t->min);
    put_number(&m, "max", t->max);
    put_text(&m, "role", t->role);
    put_text(&m, "id", t->id);
    put_flag(&m, "hold_in", t->hold_in);
    put_flag(&m, "hold_out", t->hold_out);
    put_flag(&m, "hold_scheduled", t->hold_scheduled);
    put_number(&m, "created", t->created_ms);
    if (t->tags != NULL) {
        put(&m, BYTES_LIT("tags"), *t->tags);
    }
    if (t->has_policy) {
        struct making p = {.a = a, .map = {.type = VALUE_MAP}};
        put_text(&p, "name", t->policy.name);
        put_text(&p, "id", t->policy.id);
        put_number(&p, "target", t->policy.target_milli);
        if (t->policy.has_in) {
            put_number(&p, "in", t->policy.in_s);
        }
        if (t->policy.has_out) {
            put_number(&p, "out", t->policy.out_s);
        }
        put_flag(&p, "no_in", t->policy.no_scale_in);
        put_number(&p, "created", t->policy.created_ms);
        m.err = m.err == OK ? p.err : m.err;
        put(&m, BYTES_LIT("policy"), p.map);
    }
    *ret = m.map;
    return m.err;
}

/* `t->extra` with another member, or without it (v NULL). */
static enum err extra_put(
    struct arena *a, struct core_table *t, struct bytes name, const struct value *v)
{
    struct value empty = {.type = VALUE_MAP};
    struct value next;
    const struct value *old = t->extra.type == VALUE_MAP ? &t->extra : &empty;
    enum err e = value_with(a, old, name, v, &next);
    if (e == OK) {
        t->extra = next;
    }
    return e;
}

static enum err target_put(
    struct arena *a, struct core_table *t, struct bytes key, const struct value *v)
{
    struct value empty = {.type = VALUE_MAP};
    struct value *all = ARENA_NEW(a, struct value);
    const struct value *old = targets_in(t);
    if (all == NULL || key.base == NULL) {
        return ERR_TOO_BIG;
    }
    enum err e = value_with(a, old == NULL ? &empty : old, key, v, all);
    return e == OK ? extra_put(a, t, TARGETS, all->map.n == 0 ? NULL : all) : e;
}

enum err scaling_put(struct arena *a, struct core_table *t, const struct scaling_target *target)
{
    struct value *v = ARENA_NEW(a, struct value);
    if (v == NULL) {
        return ERR_TOO_BIG;
    }
    enum err e = scaling_value(a, target, v);
    return e == OK ? target_put(a, t, scaling_key(a, target->index, target->write), v) : e;
}

enum err scaling_drop(struct arena *a, struct core_table *t, struct bytes index, bool write)
{
    struct scaling_target had;
    if (!scaling_find(t, index, write, &had)) {
        return OK;
    }
    return target_put(a, t, scaling_key(a, index, write), NULL);
}

bool scaling_units(const struct core_table *t, struct bytes index, bool write, uint64_t *ret)
{
    const struct core_throughput *units = &t->throughput;
    if (index.len > 0) {
        const struct core_index *x = table_index(t, index);
        if (x == NULL || x->part.local) {
            return false;
        }
        units = &x->throughput;
    }
    *ret = write ? units->write_units : units->read_units;
    return !t->on_demand;
}

struct bytes scaling_id(struct dynamo_call *c)
{
    return bytes_fmt(
        c->arena,
        "%016llx%016llx",
        (unsigned long long)prng_u64(&c->d->prng),
        (unsigned long long)prng_u64(&c->d->prng));
}

/* ---- activities ---- */

bool scaling_activity_at(const struct core_table *t, size_t i, struct scaling_activity *ret)
{
    const struct value *all = member(&t->extra, "scaled", VALUE_LIST);
    if (all == NULL || i >= all->list.n) {
        return false;
    }
    const struct value *v = &all->list.items[i];
    *ret = (struct scaling_activity){
        .id = text_in(v, "id"),
        .index = text_in(v, "index"),
        .write = flag_in(v, "write"),
        .at_ms = number_in(v, "at"),
        .from = number_in(v, "from"),
        .to = number_in(v, "to"),
        .cause = (enum scaling_cause)number_in(v, "cause"),
        .policy = text_in(v, "policy"),
        .bound = number_in(v, "bound"),
    };
    return true;
}

enum err scaling_activity_add(
    struct arena *a, struct core_table *t, const struct scaling_activity *x)
{
    struct making m = {.a = a, .map = {.type = VALUE_MAP}};
    put_text(&m, "id", x->id);
    put_text(&m, "index", x->index);
    put_flag(&m, "write", x->write);
    put_number(&m, "at", x->at_ms);
    put_number(&m, "from", x->from);
    put_number(&m, "to", x->to);
    put_number(&m, "cause", (uint64_t)x->cause);
    put_text(&m, "policy", x->policy);
    put_number(&m, "bound", x->bound);
    const struct value *old = member(&t->extra, "scaled", VALUE_LIST);
    size_t had = old == NULL ? 0 : old->list.n;
    size_t skip = had < SCALING_ACTIVITIES_MAX ? 0 : had - SCALING_ACTIVITIES_MAX + 1;
    struct value *items = ARENA_ARRAY(a, struct value, had - skip + 1);
    struct value *list = ARENA_NEW(a, struct value);
    if (items == NULL || list == NULL || m.err != OK) {
        return ERR_TOO_BIG;
    }
    for (size_t i = skip; i < had; i++) {
        items[i - skip] = old->list.items[i];
    }
    items[had - skip] = m.map;
    *list = (struct value){.type = VALUE_LIST, .list = {items, had - skip + 1}};
    return extra_put(a, t, ACTIVITIES, list);
}

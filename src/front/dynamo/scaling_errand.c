/* The controller's errand: looks at every target of this region's tables once a period, and changes
 * capacity by a command to the writer that changes the table's row, and notes the activity in it,
 * in one.
 *
 * What a target did lately is remembered here only: after a restart the count of periods begins
 * anew. The command looks again before it changes anything, so that a change made meanwhile by hand
 * stands. */
#include <stdlib.h>

#include "front/dynamo/scaling.h"

struct watched {
    struct scaling_watch watch;
    double total; /* consumed when it was looked at last */
    uint64_t round;
};

struct dynamo_scaler {
    struct core *core;
    struct prng prng;
    struct map watched; /* "TABLE/KEY" to struct watched */
    uint64_t round;
    uint64_t last_ms;
};

struct scaling_command {
    struct part_cmd cmd; /* first, so that the shell's pointer is ours */
    struct arena arena;
    struct core_admin admin;
    struct core_table wanted;
    struct scaling_activity activity;
};

struct dynamo_scaler *dynamo_scaler_new(struct core *core, uint64_t seed)
{
    struct dynamo_scaler *s = calloc(1, sizeof *s);
    ASSERT(s != NULL);
    s->core = core;
    s->prng = prng_seeded(seed);
    map_init(&s->watched);
    return s;
}

void dynamo_scaler_free(struct dynamo_scaler *s)
{
    if (s == NULL) {
        return;
    }
    MAP_FOREACH (&s->watched, e) {
        free(e->value);
    }
    map_done(&s->watched);
    free(s);
}

struct dynamo_use *dynamo_scaler_uses(struct arena *a, const struct catalog *c, size_t *ret_n)
{
    size_t n = 0;
    size_t cap = 0;
    struct dynamo_use *uses = NULL;
    struct bytes after = BYTES_NONE;
    for (const struct core_table *t; (t = catalog_table_after(c, after)) != NULL;) {
        after = t->part.name;
        struct scaling_target x;
        for (size_t i = 0; scaling_at(t, i, &x); i++) {
            if (n == cap) {
                cap = cap == 0 ? 16 : cap * 2;
                struct dynamo_use *more = ARENA_ARRAY(a, struct dynamo_use, cap);
                if (more == NULL) {
                    break;
                }
                memcpy(more, uses == NULL ? more : uses, n * sizeof *more);
                uses = more;
            }
            uses[n++] = (struct dynamo_use){
                .table = bytes_dup(a, t->part.name),
                .index = bytes_dup(a, x.index),
                .write = x.write,
            };
        }
    }
    *ret_n = n;
    return uses;
}

/* ---- in the writer ---- */

static void set_units(struct core_table *t, struct bytes index, bool write, uint64_t units)
{
    struct core_throughput *to = &t->throughput;
    if (index.len > 0) {
        /* The copy's arrays are ours; only the public struct calls them const. */
        to = &((struct core_index *)(uintptr_t)table_index(t, index))->throughput;
    }
    *(write ? &to->write_units : &to->read_units) = units;
}

static struct core_throughput units_of(const struct core_table *t, struct bytes index)
{
    return index.len == 0 ? t->throughput : table_index(t, index)->throughput;
}

static enum err run(void *arg, struct part_stage *s, struct arena *a)
{
    struct scaling_command *x = arg;
    const struct scaling_activity *act = &x->activity;
    const struct core_table *now = catalog_table(core_catalog(x->admin.core), x->admin.name);
    struct scaling_target target;
    uint64_t units;
    bool stands = now != NULL && now->status == CORE_ACTIVE &&
                  scaling_find(now, act->index, act->write, &target) &&
                  scaling_units(now, act->index, act->write, &units) && units == act->from;
    if (!stands) {
        return ERR_CONDITION;
    }
    struct core_table *copy = core_table_dup(a, now);
    if (copy == NULL) {
        return ERR_TOO_BIG;
    }
    x->wanted = *copy;
    set_units(&x->wanted, act->index, act->write, act->to);
    enum err e = history_note(
        a,
        &x->wanted,
        act->index,
        units_of(now, act->index),
        units_of(&x->wanted, act->index),
        act->at_ms);
    if (e == OK) {
        e = scaling_activity_add(a, &x->wanted, act);
    }
    return e == OK ? core_admin_run(&x->admin, s, a) : e;
}

static struct scaling_command *command_new(
    struct dynamo_scaler *s,
    struct bytes table,
    const struct scaling_target *t,
    const struct scaling_activity *what)
{
    struct scaling_command *x = calloc(1, sizeof *x);
    ASSERT(x != NULL);
    arena_init(&x->arena, 16 << 20);
    x->activity = *what;
    x->activity.index = bytes_dup(&x->arena, t->index);
    x->activity.write = t->write;
    x->activity.policy = t->has_policy ? bytes_dup(&x->arena, t->policy.name) : BYTES_NONE;
    x->activity.bound = what->cause == SCALING_BELOW_MIN   ? t->min
                        : what->cause == SCALING_ABOVE_MAX ? t->max
                                                           : 0;
    x->activity.id = bytes_fmt(
        &x->arena,
        "%016llx%016llx",
        (unsigned long long)prng_u64(&s->prng),
        (unsigned long long)prng_u64(&s->prng));
    x->admin = (struct core_admin){
        .kind = CORE_ADMIN_UPDATE_TABLE,
        .core = s->core,
        .name = bytes_dup(&x->arena, table),
        .table = &x->wanted,
    };
    x->cmd = (struct part_cmd){
        .kind = PART_CMD_CALL,
        .arena = &x->arena,
        .call = {.run = run, .arg = x},
    };
    return x;
}

void dynamo_scaler_done(struct part_cmd *cmd)
{
    struct scaling_command *x = (struct scaling_command *)cmd;
    arena_done(&x->arena);
    free(x);
}

/* ---- one period ---- */

/* When a replica of the table scaled this capacity out last; 0: never, or not known any more. */
static uint64_t latest_growth(const struct core_table *t, const struct dynamo_use *use)
{
    struct scaling_activity x;
    uint64_t at = 0;
    for (size_t i = 0; t != NULL && scaling_activity_at(t, i, &x); i++) {
        bool same = x.write == use->write && bytes_eq(x.index, use->index);
        at = same && x.to > x.from ? x.at_ms : at;
    }
    return at;
}

/* Write capacity belongs to all replicas, but a region that is cut off sees its own clients' writes
 * only. So the region that asked for it last is the one that may take it back. */
static bool may_shrink(
    const struct catalog *c, const struct core_table *t, const struct dynamo_use *use)
{
    const struct core_group *g = use->write ? catalog_group(c, t->part.name) : NULL;
    if (g == NULL || g->table != t->part.id) {
        return true;
    }
    uint64_t ours = latest_growth(t, use);
    for (size_t i = 0; i < g->n_replicas; i++) {
        const struct core_table *other = catalog_table_in(c, g->replicas[i].region, t->part.name);
        if (latest_growth(other, use) > ours) {
            return false;
        }
    }
    return true;
}

static struct watched *watched_of(
    struct dynamo_scaler *s, struct arena *a, const struct dynamo_use *use)
{
    struct bytes key = bytes_fmt(
        a, "%.*s/%c/%.*s", BYTES_FMT(use->table), use->write ? 'w' : 'r', BYTES_FMT(use->index));
    struct watched *w = map_get(&s->watched, key);
    if (w == NULL) {
        w = calloc(1, sizeof *w);
        ASSERT(w != NULL);
        w->total = use->total;
        (void)map_put(&s->watched, key, w); /* it was not there */
    }
    w->round = s->round;
    return w;
}

static void forget_unseen(struct dynamo_scaler *s)
{
    MAP_FOREACH (&s->watched, e) {
        struct watched *w = e->value;
        if (w->round != s->round) {
            (void)map_remove(&s->watched, e->key); /* it is there */
            free(w);
        }
    }
}

void dynamo_scaler_tick(
    struct dynamo_scaler *s,
    const struct catalog *c,
    const struct dynamo_use *uses,
    size_t n,
    uint64_t now_ms,
    void (*submit)(void *ctx, struct part_cmd *cmd),
    void *ctx)
{
    struct arena a;
    uint64_t passed = now_ms > s->last_ms ? now_ms - s->last_ms : 1;
    arena_init(&a, 64 << 20);
    s->round++;
    s->last_ms = now_ms;
    for (size_t i = 0; i < n; i++) {
        const struct dynamo_use *use = &uses[i];
        const struct core_table *t = catalog_table(c, use->table);
        struct scaling_target target;
        struct scaling_activity what = {.at_ms = now_ms};
        struct scaling_period p = {.seconds = (double)passed / 1000, .now_ms = now_ms};
        struct watched *w = watched_of(s, &a, use);
        p.used = use->total > w->total ? use->total - w->total : 0;
        w->total = use->total;
        if (t == NULL || t->status != CORE_ACTIVE ||
            !scaling_find(t, use->index, use->write, &target) ||
            !scaling_units(t, use->index, use->write, &p.units)) {
            continue;
        }
        what.from = p.units;
        p.may_shrink = may_shrink(c, t, use);
        if (scaling_step(&w->watch, &target, &p, &what.to, &what.cause)) {
            submit(ctx, &command_new(s, use->table, &target, &what)->cmd);
        }
    }
    forget_unseen(s);
    arena_done(&a);
}

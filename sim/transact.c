/* Clients that ask for transactions: puts, updates, deletes and condition checks over several keys
 * and tables, some under a token. One that was asked for under a token is asked for again: when its
 * region went down before the answer, while the first is still under way, or after the answer as if
 * it had been lost. And now and then a token that was used comes back with something else.
 *
 * The items of a group are written by these transactions alone, and each time all of them: the puts
 * and updates say which items of the group the transaction leaves, a delete asks for an item to be
 * there. So a reader can tell from what it sees of a group whether it sees the whole of one
 * transaction. */
#include "sim/sim.h"

enum {
    AGAIN_US_MAX = 300 * 1000 * 1000, /* well within what tokens are remembered for */
    PLAIN_STEPS_MAX = 5,
    PICKS_MAX = 12,
};

static uint64_t draw(struct sim *s, uint64_t lo, uint64_t hi)
{
    return prng_between(&s->transact_prng, lo, hi);
}

static bool chance(struct sim *s, unsigned per_mille)
{
    return prng_chance(&s->transact_prng, per_mille);
}

void transact_init(struct sim *s)
{
    s->transact_prng = prng_seeded(s->config.seed ^ UINT64_C(0x7472616e73));
    s->steady = chance(s, 700);
    for (unsigned i = 0; i < 2 && s->steady; i++) {
        s->tables[i].paired = true;
    }
}

/* ---- what is asked for ---- */

static struct step *step_add(struct transact *t, unsigned table, const char *prefix, unsigned key)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct step *o = &t->steps[i];
        if (o->table == table && o->key == key && strcmp(o->prefix, prefix) == 0) {
            return NULL; /* an item comes once in a transaction */
        }
    }
    struct step *st = &t->steps[t->n++];
    *st = (struct step){.kind = PART_CHECK, .table = table, .prefix = prefix, .key = key};
    return st;
}

/* A condition that mostly holds of what stands there now. */
static struct guard draw_guard(struct sim *s, struct node *n, const struct step *st)
{
    struct arena a;
    arena_init(&a, SIZE_MAX / 2);
    const struct core_table *t = workload_table(s, n, st->table);
    struct sight now = {0};
    if (t != NULL) {
        const struct value *key = workload_key(&a, st->prefix, st->key);
        now = transact_sight(ledger_cell(n, t->part.id, workload_key_bytes(&a, t, key)));
    }
    arena_done(&a);
    if (chance(s, 60)) {
        now.live = !now.live;
    }
    if (!now.live) {
        return (struct guard){.kind = GUARD_ABSENT};
    }
    switch (draw(s, 0, 2)) {
    case 0:
        return (struct guard){.kind = GUARD_EXISTS};
    case 1:
        return (struct guard){.kind = GUARD_WRITER, .number = now.writer};
    default:
        return (struct guard){.kind = GUARD_BELOW, .number = now.counter + (int64_t)draw(s, 0, 15)};
    }
}

unsigned transact_group_key(unsigned group, unsigned i)
{
    return group * SIM_GROUP_KEYS * 2 + i;
}

static void add_checks(struct sim *s, struct node *n, struct transact *t, unsigned group)
{
    while (t->n < SIM_CALL_OPS_MAX && chance(s, 350)) {
        unsigned table = (unsigned)draw(s, 0, s->n_tables - 1);
        unsigned i = (unsigned)draw(s, 0, SIM_GROUP_KEYS - 1);
        bool of_group = group < SIM_GROUPS && chance(s, 500);
        struct step *st =
            of_group ? step_add(t, i % 2, "group", transact_group_key((group + 1) % SIM_GROUPS, i))
            : workload_table(s, n, table) != NULL
                ? step_add(t, table, "k", (unsigned)draw(s, 0, s->keys - 1))
                : NULL;
        if (st != NULL) {
            st->guard = draw_guard(s, n, st);
        }
    }
}

/* All items of one group, and condition checks of others. */
static bool plan_group(struct sim *s, struct node *n, struct transact *t)
{
    if (!workload_grouped(n, s->tables[0].name) || !workload_grouped(n, s->tables[1].name)) {
        return false;
    }
    unsigned group = (unsigned)draw(s, 0, SIM_GROUPS - 1);
    unsigned all = (1U << SIM_GROUP_KEYS) - 1;
    unsigned left = chance(s, 250) ? (unsigned)draw(s, 1, all) : all;
    for (unsigned i = 0; i < SIM_GROUP_KEYS; i++) {
        struct step *st = step_add(t, i % 2, "group", transact_group_key(group, i));
        st->left = left;
        st->delta = (int64_t)draw(s, 1, 9);
        if ((left >> i & 1) == 0) {
            st->kind = PART_DELETE;
            st->guard.kind = GUARD_EXISTS;
            continue;
        }
        st->kind = chance(s, 350) ? PART_UPDATE : PART_PUT;
        if (chance(s, 80)) {
            st->guard = draw_guard(s, n, st);
        }
    }
    add_checks(s, n, t, group);
    return true;
}

/* Any items of any tables. */
static bool plan_plain(struct sim *s, struct node *n, struct transact *t)
{
    size_t want = (size_t)draw(s, 2, PLAIN_STEPS_MAX);
    bool writes = false;
    for (unsigned i = 0; i < PICKS_MAX && t->n < want; i++) {
        unsigned table = (unsigned)draw(s, 0, s->n_tables - 1);
        unsigned key = (unsigned)draw(s, 0, s->keys - 1);
        struct step *st = workload_table(s, n, table) != NULL ? step_add(t, table, "k", key) : NULL;
        if (st == NULL) {
            continue;
        }
        st->kind = !writes || chance(s, 400) ? PART_PUT
                   : chance(s, 500)          ? PART_UPDATE
                                             : PART_DELETE;
        writes = true;
        st->delta = (int64_t)draw(s, 1, 9);
        int64_t until;
        if (st->kind == PART_PUT && expiry_draw(s, &until)) {
            st->until = until;
        }
        if (chance(s, 150)) {
            st->guard = draw_guard(s, n, st);
        }
    }
    add_checks(s, n, t, SIM_GROUPS);
    return writes;
}

/* ---- the same request, as often as it is asked for ---- */

static struct value number(int64_t v)
{
    return (struct value){.type = VALUE_NUMBER, .number = decimal_of_i64(v)};
}

static const struct value *step_item(
    struct arena *a, const struct transact *t, const struct step *st, const struct value *key)
{
    uint64_t h = hash64(bytes_of(&st->key, sizeof st->key), t->op->id);
    struct member *m = ARENA_ARRAY(a, struct member, 8);
    struct value *v = ARENA_NEW(a, struct value);
    char *pad = arena_alloc(a, 200);
    size_t n = 0;
    memset(pad, 'y', 200);
    if (h % 5 > 0) {
        struct bytes g = bytes_fmt(a, "g%u", (unsigned)(h % 4));
        m[n++] = (struct member){BYTES_LIT("g"), {.type = VALUE_STRING, .bytes = g}};
    }
    m[n++] = (struct member){BYTES_LIT("n"), number(st->delta)};
    m[n++] = (struct member){BYTES_LIT("o"), number((int64_t)t->op->id)};
    m[n++] = key->map.members[0];
    m[n++] = (struct member){
        BYTES_LIT("s"), {.type = VALUE_STRING, .bytes = bytes_of(pad, (h >> 8) % 200)}};
    m[n++] = key->map.members[1];
    if (st->until != 0) {
        m[n++] = (struct member){BYTES_LIT("until"), number(st->until)};
    }
    if (st->left != 0) {
        m[n++] = (struct member){BYTES_LIT("w"), number((int64_t)st->left)};
    }
    enum err e = members_sort(m, n);
    ASSERT(e == OK);
    *v = (struct value){.type = VALUE_MAP, .map = {m, n}};
    return v;
}

static const struct expr_update *step_update(
    struct arena *a, const struct transact *t, const struct step *st)
{
    struct expr_value *values = ARENA_ARRAY(a, struct expr_value, 3);
    values[0] = (struct expr_value){.placeholder = BYTES_LIT(":d"), .value = number(st->delta)};
    values[1] =
        (struct expr_value){.placeholder = BYTES_LIT(":o"), .value = number((int64_t)t->op->id)};
    values[2] =
        (struct expr_value){.placeholder = BYTES_LIT(":w"), .value = number((int64_t)st->left)};
    bool grouped = st->left != 0;
    struct expr_env env = {.values = values, .n_values = grouped ? 3 : 2, .has_values = true};
    const struct expr_update *u;
    struct bytes msg = BYTES_NONE;
    enum err e = expr_update_parse(
        a,
        grouped ? BYTES_LIT("SET o = :o, w = :w ADD n :d") : BYTES_LIT("SET o = :o ADD n :d"),
        &env,
        &u,
        &msg);
    ASSERT(e == OK);
    return u;
}

static const struct expr_cond *guard_cond(struct arena *a, const struct guard *g)
{
    static const char *const texts[] = {
        [GUARD_EXISTS] = "attribute_exists(pk)",
        [GUARD_ABSENT] = "attribute_not_exists(pk)",
        [GUARD_WRITER] = "o = :g",
        [GUARD_BELOW] = "n < :g",
    };
    if (g->kind == GUARD_NONE) {
        return NULL;
    }
    bool compares = g->kind == GUARD_WRITER || g->kind == GUARD_BELOW;
    struct expr_value *v = ARENA_NEW(a, struct expr_value);
    *v = (struct expr_value){.placeholder = BYTES_LIT(":g"), .value = number(g->number)};
    struct expr_env env = {.values = v, .n_values = compares ? 1 : 0, .has_values = compares};
    const struct expr_cond *cond;
    struct bytes msg = BYTES_NONE;
    enum err e = expr_cond_parse(a, EXPR_CONDITION, bytes_str(texts[g->kind]), &env, &cond, &msg);
    ASSERT(e == OK);
    return cond;
}

/* Fills the command in. false: a table is gone, or another one since the first time. */
static bool build(struct sim *s, struct node *n, struct call *c, struct transact *t)
{
    struct arena *a = &c->arena;
    struct part_op *ops = ARENA_ARRAY(a, struct part_op, t->n);
    for (size_t i = 0; i < t->n; i++) {
        struct step *st = &t->steps[i];
        const struct core_table *table = workload_table(s, n, st->table);
        if (table == NULL || (t->tries > 0 && table->part.id != st->table_id)) {
            return false;
        }
        const struct value *key = workload_key(a, st->prefix, st->key);
        ops[i] = (struct part_op){
            .kind = st->kind,
            .table = table->part.id,
            .key = workload_key_bytes(a, table, key),
            .key_attrs = key,
            .condition = guard_cond(a, &st->guard),
            .want_old = true,
        };
        ops[i].item = st->kind == PART_PUT ? step_item(a, t, st, key) : NULL;
        ops[i].update = st->kind == PART_UPDATE ? step_update(a, t, st) : NULL;
        st->table_id = table->part.id;
        st->stored_key = t->tries > 0 ? st->stored_key : bytes_dup(&s->arena, ops[i].key);
    }
    c->cmd.kind = PART_CMD_WRITE;
    c->cmd.write.ops = ops;
    c->cmd.write.n = t->n;
    c->cmd.write.atomic = true;
    if (t->named != NULL) {
        c->token.name = bytes_fmt(a, "t%llu", (unsigned long long)t->named->id);
        c->token.request = (struct hash128){.lo = t->op->id, .hi = 1};
        c->cmd.write.token = &c->token;
    }
    return true;
}

/* ---- once more ---- */

void transact_ask_again(struct node *n, struct transact *t)
{
    if (!t->waits && t->named == t->op) {
        t->waits = true;
        t->next = n->again;
        n->again = t;
    }
}

static struct transact *take_again(struct sim *s, struct node *n)
{
    struct transact *t = n->again;
    if (t == NULL || !chance(s, 600)) {
        return NULL;
    }
    n->again = t->next;
    t->waits = false;
    return s->now_us - t->began_us < AGAIN_US_MAX ? t : NULL;
}

static struct transact *fresh(struct sim *s, struct node *n, struct call *c)
{
    struct transact *t = sim_alloc(s, sizeof *t);
    bool planned = chance(s, 700) ? plan_group(s, n, t) : plan_plain(s, n, t);
    if (!planned) {
        return NULL;
    }
    t->op = op_new(s, c, OP_TRANSACT);
    t->op->transact = t;
    t->began_us = s->now_us;
    const struct transact *done = n->done;
    if (done != NULL && s->now_us - done->began_us < AGAIN_US_MAX && chance(s, 40)) {
        t->named = done->op;
    } else if (chance(s, 600)) {
        t->named = t->op;
    }
    return t;
}

bool transact_make(struct sim *s, struct node *n, struct call *c)
{
    struct transact *t = take_again(s, n);
    t = t != NULL ? t : fresh(s, n, c);
    if (t == NULL || !build(s, n, c, t)) {
        return false;
    }
    c->transact = t;
    c->attempt = ++t->tries;
    c->was_done = t->op->seen_pos != 0;
    t->open++;
    bool settled = t->op->state == OP_ACKED || t->op->state == OP_UNKNOWN;
    t->op->state = settled ? t->op->state : OP_PENDING;
    if (chance(s, 100)) {
        transact_ask_again(n, t); /* before the answer */
    }
    return true;
}

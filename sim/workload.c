/* Clients: they choose tables, keys and operations, wait for their answer, and note what they were
 * told. What an answer promised is compared with the ledger when it arrives. */
#include <stdlib.h>

#include "sim/sim.h"

enum { CALL_ARENA_BYTES = 64 * 1024 * 1024 };

void workload_init(struct sim *s)
{
    s->removes = sim_chance(s, 300);
    if (s->removes) {
        /* What a leaver had shipped to some only, and forgot for the quota's sake, nobody mends. */
        s->knobs.log_bytes_max = UINT64_C(1) << 40;
    }
    s->n_tables = (unsigned)sim_rand(s, 2, 4);
    s->keys = (unsigned)(sim_chance(s, 500) ? sim_rand(s, 2, 8) : sim_rand(s, 20, 200));
    s->think_us = UINT64_C(2000) << sim_rand(s, 0, 6);
    for (unsigned i = 0; i < s->n_tables; i++) {
        (void)snprintf(s->tables[i].name, sizeof s->tables[i].name, "t%u", i);
        s->tables[i].paired = sim_chance(s, 500);
    }
    for (unsigned i = 0; i < s->n_nodes; i++) {
        for (size_t k = 0; k < s->nodes[i].n_clients; k++) {
            sim_push(s, 300000 + sim_rand(s, 0, 50000), EV_CLIENT, i, 0, NULL);
        }
    }
    sim_push(s, 200000, EV_ADMIN, 0, 0, NULL);
}

/* ---- calls ---- */

struct call *call_new(struct sim *s, unsigned node)
{
    struct call *c = calloc(1, sizeof *c);
    ASSERT(c != NULL);
    c->sim = s;
    c->node = node;
    arena_init(&c->arena, CALL_ARENA_BYTES);
    c->cmd.arena = &c->arena;
    c->cmd.owner = c;
    c->next = s->calls;
    s->calls = c;
    s->n_calls++;
    return c;
}

void call_end(struct call *c)
{
    struct sim *s = c->sim;
    for (struct call **at = &s->calls; *at != NULL; at = &(*at)->next) {
        if (*at == c) {
            *at = c->next;
            break;
        }
    }
    s->n_calls--;
    arena_done(&c->arena);
    free(c);
}

struct op *op_new(struct sim *s, struct call *c, enum op_kind kind)
{
    struct op *o = sim_alloc(s, sizeof *o);
    if (s->n_ops == s->ops_cap) {
        s->ops_cap = s->ops_cap == 0 ? 1024 : s->ops_cap * 2;
        s->ops = realloc(s->ops, s->ops_cap * sizeof *s->ops);
        ASSERT(s->ops != NULL);
    }
    o->id = s->n_ops;
    o->kind = kind;
    o->node = c->node;
    s->ops[s->n_ops++] = o;
    if (c->n_ops == 0 || c->ops[c->n_ops - 1] != o) {
        c->ops[c->n_ops++] = o;
    }
    return o;
}

void workload_forget(struct sim *s, unsigned node)
{
    for (struct call *c = s->calls, *next; c != NULL; c = next) {
        next = c->next;
        if (c->node != node || c->returned) {
            continue;
        }
        if (c->transact != NULL) {
            transact_lost(s, c);
        }
        for (size_t i = 0; i < c->n_ops && c->transact == NULL; i++) {
            c->ops[i]->state = OP_UNKNOWN;
        }
        if (!c->admin) {
            sim_push(s, s->now_us + sim_rand(s, 1000, 200000), EV_CLIENT, node, 0, NULL);
        }
        call_end(c);
    }
}

void workload_done(struct sim *s)
{
    while (s->calls != NULL) {
        call_end(s->calls);
    }
}

/* ---- answers ---- */

static void acked(struct sim *s, struct call *c, struct op *o, const struct part_op *op)
{
    struct node *n = &s->nodes[c->node];
    o->state = OP_ACKED;
    s->result.acked++;
    uint64_t pos = c->cmd.write.pos.v;
    if (o->kind == OP_DELETE) {
        if (pos != 0 && (pos >= n->txns_cap || n->txns[pos] == NULL)) {
            sim_fail(
                s,
                "delete %llu was answered but is not in the log of %s",
                (unsigned long long)o->id,
                n->name);
        }
        return;
    }
    (void)op;
    if (o->seen_pos == 0) {
        sim_fail(
            s,
            "write %llu was answered but is not in the log of %s",
            (unsigned long long)o->id,
            n->name);
        return;
    }
    bool last = o == c->ops[c->n_ops - 1];
    const struct ledger_txn *t = n->txns[o->seen_pos];
    if (last && (pos != o->seen_pos || !version_eq(t->version, c->cmd.write.version))) {
        sim_fail(
            s,
            "write %llu was answered with another version than the log of %s has",
            (unsigned long long)o->id,
            n->name);
    }
}

static void answered(struct sim *s, struct call *c, struct op *o, const struct part_op *op)
{
    enum err e = c->cmd.err != OK ? c->cmd.err : op->err;
    if (e == OK) {
        acked(s, c, o, op);
        return;
    }
    bool unknown = e == ERR_IO;
    o->state = unknown ? OP_UNKNOWN : OP_REFUSED;
    if (!unknown && o->seen_pos != 0) {
        sim_fail(
            s,
            "write %llu was refused (%s) but is in the log of %s",
            (unsigned long long)o->id,
            err_name(e),
            s->nodes[c->node].name);
    }
}

void workload_answer(struct sim *s, struct call *c)
{
    unsigned node = c->node;
    if (!c->admin) {
        if (c->transact != NULL) {
            transact_answer(s, c);
        }
        for (size_t i = 0; i < c->n_ops && c->transact == NULL; i++) {
            answered(s, c, c->ops[i], &c->cmd.write.ops[i]);
        }
        sim_push(s, s->now_us + sim_rand(s, 1, s->think_us * 2), EV_CLIENT, node, 0, NULL);
    } else if (c->cmd.err != OK) {
        sim_tell(
            s,
            "%s: admin %d of %.*s refused: %s %d",
            s->nodes[node].name,
            (int)c->call.kind,
            BYTES_FMT(c->call.name),
            err_name(c->cmd.err),
            (int)c->call.refusal);
    }
    sim_hash_u64(s, (uint64_t)c->cmd.err);
    call_end(c);
}

/* ---- operations ---- */

static struct value text(struct arena *a, const char *fmt, unsigned n)
{
    char b[32];
    (void)snprintf(b, sizeof b, "%s%u", fmt, n);
    return (struct value){.type = VALUE_STRING, .bytes = bytes_dup(a, bytes_str(b))};
}

static struct value number(int64_t v)
{
    return (struct value){.type = VALUE_NUMBER, .number = decimal_of_i64(v)};
}

const struct value *workload_key(struct arena *a, const char *prefix, unsigned k)
{
    struct member *m = ARENA_ARRAY(a, struct member, 2);
    struct value *v = ARENA_NEW(a, struct value);
    m[0] = (struct member){BYTES_LIT("pk"), text(a, prefix, k / 2)};
    m[1] = (struct member){BYTES_LIT("sk"), number(k % 2)};
    *v = (struct value){.type = VALUE_MAP, .map = {m, 2}};
    return v;
}

static const struct value *item_value(
    struct sim *s, struct arena *a, const struct value *key, uint64_t id)
{
    struct member *m = ARENA_ARRAY(a, struct member, 7);
    struct value *v = ARENA_NEW(a, struct value);
    char *pad = arena_alloc(a, 200);
    memset(pad, 'x', 200);
    size_t n = 0;
    bool indexed = sim_chance(s, 800);
    if (indexed) {
        m[n++] = (struct member){BYTES_LIT("g"), text(a, "g", (unsigned)sim_rand(s, 0, 3))};
    }
    m[n++] = (struct member){BYTES_LIT("n"), number((int64_t)sim_rand(s, 0, 100))};
    m[n++] = (struct member){BYTES_LIT("o"), number((int64_t)id)};
    m[n++] = key->map.members[0];
    m[n++] = (struct member){
        BYTES_LIT("s"), {.type = VALUE_STRING, .bytes = bytes_of(pad, sim_rand(s, 0, 200))}};
    m[n++] = key->map.members[1];
    int64_t until;
    if (expiry_draw(s, &until)) {
        m[n++] = (struct member){BYTES_LIT("until"), number(until)};
    }
    enum err e = members_sort(m, n);
    ASSERT(e == OK);
    *v = (struct value){.type = VALUE_MAP, .map = {m, n}};
    return v;
}

struct bytes workload_key_bytes(
    struct arena *a, const struct core_table *t, const struct value *key)
{
    struct buf b;
    struct bytes attr;
    buf_init(&b, SIZE_MAX / 2);
    enum err e = part_key_of(&t->part.keys, key, &b, &attr);
    ASSERT(e == OK);
    struct bytes k = bytes_dup(a, buf_bytes(&b));
    buf_done(&b);
    return k;
}

static void make_update(struct arena *a, struct part_op *op, struct op *o)
{
    struct expr_value *values = ARENA_ARRAY(a, struct expr_value, 2);
    values[0] = (struct expr_value){.placeholder = BYTES_LIT(":d"), .value = number(o->delta)};
    values[1] =
        (struct expr_value){.placeholder = BYTES_LIT(":o"), .value = number((int64_t)o->id)};
    struct expr_env env = {.values = values, .n_values = 2, .has_values = true};
    struct bytes msg = BYTES_NONE;
    op->kind = PART_UPDATE;
    enum err e = expr_update_parse(a, BYTES_LIT("SET o = :o ADD n :d"), &env, &op->update, &msg);
    ASSERT(e == OK);
}

static void make_op(
    struct sim *s, struct call *c, struct part_op *op, const struct core_table *t, unsigned k)
{
    struct arena *a = &c->arena;
    const struct value *key = workload_key(a, "k", k);
    uint64_t draw = sim_rand(s, 0, 99);
    enum op_kind kind = draw < 50   ? OP_PUT
                        : draw < 65 ? OP_ADD
                        : draw < 85 ? OP_DELETE
                                    : OP_PUT_NEW;
    struct op *o = op_new(s, c, kind);
    *op = (struct part_op){
        .table = t->part.id, .key = workload_key_bytes(a, t, key), .key_attrs = key};
    if (kind == OP_DELETE) {
        op->kind = PART_DELETE;
    } else if (kind == OP_ADD) {
        o->delta = (int64_t)sim_rand(s, 1, 9);
        make_update(a, op, o);
    } else {
        op->kind = PART_PUT;
        op->item = item_value(s, a, key, o->id);
    }
    if (kind == OP_PUT_NEW) {
        struct expr_env env = {0};
        struct bytes msg = BYTES_NONE;
        enum err e = expr_cond_parse(
            a, EXPR_CONDITION, BYTES_LIT("attribute_not_exists(pk)"), &env, &op->condition, &msg);
        ASSERT(e == OK);
    }
}

const struct core_table *workload_table(struct sim *s, struct node *n, unsigned i)
{
    const struct table_plan *plan = &s->tables[i];
    const struct catalog *catalog = core_catalog(n->core);
    const struct core_table *t = catalog_table(catalog, bytes_str(plan->name));
    bool ready = t != NULL && (t->status == CORE_ACTIVE || t->status == CORE_UPDATING);
    bool waits = plan->paired && s->now_us < 6000000 &&
                 catalog_group(catalog, bytes_str(plan->name)) == NULL;
    return ready && !waits ? t : NULL;
}

const struct core_table *workload_grouped(const struct node *n, const char *name)
{
    const struct catalog *catalog = core_catalog(n->core);
    const struct core_table *t = catalog_table(catalog, bytes_str(name));
    const struct core_group *g = catalog_group(catalog, bytes_str(name));
    bool in = t != NULL && g != NULL && t->status == CORE_ACTIVE && t->part.id == g->table &&
              core_group_replica(g, bytes_str(n->name)) != NULL;
    return in ? t : NULL;
}

static unsigned pick_key(struct sim *s)
{
    unsigned hot = s->keys < 4 ? s->keys : 4;
    return (unsigned)sim_rand(s, 0, sim_chance(s, 500) ? hot - 1 : s->keys - 1);
}

static bool make_call(struct sim *s, struct node *n, struct call *c)
{
    struct part_op *ops = ARENA_ARRAY(&c->arena, struct part_op, SIM_CALL_OPS_MAX);
    c->cmd.kind = PART_CMD_WRITE;
    c->cmd.write.ops = ops;
    if (sim_chance(s, 200)) {
        return transact_make(s, n, c);
    }
    const struct core_table *t = workload_table(s, n, (unsigned)sim_rand(s, 0, s->n_tables - 1));
    if (t == NULL) {
        return false;
    }
    size_t count = sim_chance(s, 850) ? 1 : (size_t)sim_rand(s, 2, 4);
    for (size_t i = 0; i < count; i++) {
        make_op(s, c, &ops[i], t, pick_key(s));
    }
    c->cmd.write.n = count;
    return true;
}

void workload_client(struct sim *s, unsigned node)
{
    struct node *n = &s->nodes[node];
    if (s->healed) {
        return;
    }
    struct call *c = n->up ? call_new(s, node) : NULL;
    if (c == NULL || part_failed(core_part(n->core)) || !make_call(s, n, c)) {
        if (c != NULL) {
            for (size_t i = 0; i < c->n_ops; i++) {
                c->ops[i]->state = OP_REFUSED;
            }
            call_end(c);
        }
        sim_push(s, s->now_us + sim_rand(s, 1000, 100000), EV_CLIENT, node, 0, NULL);
        return;
    }
    s->calls_made++;
    node_submit(n, &c->cmd);
}

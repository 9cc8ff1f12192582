/* What a transaction's answers and its place in its region's log must say of each other. Judged by
 * the conditions as data (struct guard) and by what the ledger holds, without expr or part.
 *
 * Checked
 *  - in the log: all that the transaction asks for stands in it and nothing else, every condition
 *    held of what stood there before, and it stands in the log once however often it was asked for
 *  - an answer of success shows what stood there before
 *  - a refusal shows an item that a condition does not allow, and of the others only such as are
 *    allowed
 *  - asked for again under its token: refused again, or done, and from then on told that it was
 *    done before, with the sizes of the first time
 *  - a token that was used is refused to another request */
#include "sim/sim.h"

static int64_t number_of(const struct value *item, const char *name, int64_t otherwise)
{
    const struct value *v = value_find(item, bytes_str(name));
    int64_t n;
    bool fits = v != NULL && v->type == VALUE_NUMBER && decimal_to_i64(&v->number, &n) == OK;
    return fits ? n : otherwise;
}

struct sight transact_sight(const struct cell *c)
{
    return c == NULL || !c->live
               ? (struct sight){0}
               : (struct sight){.live = true, .writer = c->writer, .counter = c->counter};
}

static struct sight sight_of_item(const struct value *item)
{
    return item == NULL ? (struct sight){0}
                        : (struct sight){
                              .live = true,
                              .writer = number_of(item, "o", -1),
                              .counter = number_of(item, "n", 0)};
}

static bool sight_eq(const struct sight *a, const struct sight *b)
{
    return a->live == b->live && a->writer == b->writer && a->counter == b->counter;
}

static bool holds(const struct guard *g, const struct sight *at)
{
    switch (g->kind) {
    case GUARD_NONE:
        return true;
    case GUARD_EXISTS:
        return at->live;
    case GUARD_ABSENT:
        return !at->live;
    case GUARD_WRITER:
        return at->live && at->writer == g->number;
    case GUARD_BELOW:
        return at->live && at->counter < g->number;
    }
    UNREACHABLE();
}

static void judge(struct sim *s, const struct transact *t, bool good, const char *what)
{
    if (!good) {
        sim_fail(
            s,
            "transaction %llu of %s %s",
            (unsigned long long)t->op->id,
            s->nodes[t->op->node].name,
            what);
    }
}

/* ---- in the log of the region that made it ---- */

/* The transaction a client asked for that this is, by what it put; NULL: another write. */
static struct transact *asked_for(struct sim *s, const struct change_txn *log)
{
    struct transact *t = NULL;
    struct arena a;
    arena_init(&a, SIZE_MAX / 2);
    for (size_t i = 0; i < log->n_changes; i++) {
        const struct change *c = &log->changes[i];
        struct value item;
        if (c->table < PART_TABLE_FIRST || c->kind != CHANGE_PUT ||
            value_decode(&a, c->item, &item) != OK) {
            continue;
        }
        int64_t id = number_of(&item, "o", -1);
        if (id >= 0 && (size_t)id < s->n_ops) {
            t = s->ops[id]->transact;
        }
        break;
    }
    arena_done(&a);
    return t;
}

static const struct change *change_at(const struct change_txn *log, const struct step *st)
{
    for (size_t i = 0; i < log->n_changes; i++) {
        const struct change *c = &log->changes[i];
        if (c->table == st->table_id && bytes_eq(c->key, st->stored_key)) {
            return c;
        }
    }
    return NULL;
}

/* Whether the item that a step left is what it asked for. */
static bool left_right(const struct transact *t, const struct step *st, const struct change *c)
{
    struct arena a;
    struct value item;
    arena_init(&a, SIZE_MAX / 2);
    bool adds = st->kind == PART_UPDATE && st->before.live;
    bool good = value_decode(&a, c->item, &item) == OK &&
                number_of(&item, "o", -1) == (int64_t)t->op->id &&
                number_of(&item, "n", -1) == st->delta + (adds ? st->before.counter : 0) &&
                number_of(&item, "w", 0) == (int64_t)st->left;
    arena_done(&a);
    return good;
}

void transact_logged(struct node *n, const struct change_txn *log, uint64_t pos)
{
    struct sim *s = n->sim;
    struct transact *t = asked_for(s, log);
    if (t == NULL) {
        return;
    }
    struct op *o = t->op;
    judge(s, t, o->node == n->index, "shows in the log of another region as its own");
    judge(s, t, o->seen_pos == 0, "shows in the log for the second time");
    judge(s, t, o->state != OP_REFUSED, "was refused and shows in the log");
    judge(s, t, t->named == NULL || t->named == o, "took effect under a token that was used");
    o->seen_pos = pos;
    size_t want = 0;
    size_t have = 0;
    for (size_t i = 0; i < t->n; i++) {
        struct step *st = &t->steps[i];
        const struct change *c = change_at(log, st);
        st->before = transact_sight(ledger_cell(n, st->table_id, st->stored_key));
        judge(
            s, t, holds(&st->guard, &st->before), "took effect although a condition did not hold");
        bool puts = st->kind == PART_PUT || st->kind == PART_UPDATE;
        bool changes = puts || (st->kind == PART_DELETE && st->before.live);
        want += changes ? 1 : 0;
        judge(s, t, (c != NULL) == changes, "shows in the log in part");
        if (c != NULL) {
            judge(s, t, (c->kind == CHANGE_PUT) == puts, "shows in the log as another change");
            judge(s, t, !puts || left_right(t, st, c), "left another item than it asked for");
        }
    }
    for (size_t i = 0; i < log->n_changes; i++) {
        have += log->changes[i].table >= PART_TABLE_FIRST ? 1 : 0;
    }
    judge(s, t, want == have, "shows in the log with something else");
}

/* ---- answers ---- */

static uint64_t bytes_of_op(const struct part_op *op)
{
    return op->old_bytes > op->new_bytes ? op->old_bytes : op->new_bytes;
}

static void done(struct sim *s, struct call *c, struct transact *t)
{
    struct node *n = &s->nodes[c->node];
    uint64_t pos = t->op->seen_pos;
    judge(s, t, !c->was_done && t->did == 0, "was done for the second time");
    judge(s, t, pos != 0, "was answered but is not in the log");
    if (s->result.failed) {
        return;
    }
    bool there =
        pos == c->cmd.write.pos.v && version_eq(n->txns[pos]->version, c->cmd.write.version);
    judge(s, t, there, "was answered with another place than the log has");
    for (size_t i = 0; i < t->n; i++) {
        const struct part_op *op = &c->cmd.write.ops[i];
        struct sight old = sight_of_item(op->old);
        judge(s, t, sight_eq(&old, &t->steps[i].before), "was shown an item that was not there");
        t->steps[i].bytes = bytes_of_op(op);
    }
    t->did = c->attempt;
    t->op->state = OP_ACKED;
    s->result.acked++;
    s->result.transacted++;
    n->done = t->named == t->op ? t : n->done;
}

static void repeated(struct sim *s, struct call *c, struct transact *t)
{
    judge(s, t, t->op->seen_pos != 0, "was told to be done before and is not in the log");
    for (size_t i = 0; i < t->n && t->did != 0; i++) {
        bool same = bytes_of_op(&c->cmd.write.ops[i]) == t->steps[i].bytes;
        judge(s, t, same, "was told other sizes than the first time");
    }
    bool first = t->repeated_first == 0 || c->attempt < t->repeated_first;
    t->repeated_first = first ? c->attempt : t->repeated_first;
    t->op->state = OP_ACKED;
    s->result.repeated++;
}

static void cancelled(struct sim *s, struct call *c, struct transact *t)
{
    bool reason = false;
    for (size_t i = 0; i < t->n; i++) {
        const struct part_op *op = &c->cmd.write.ops[i];
        struct sight old = sight_of_item(op->old);
        if (op->fault == PART_FAULT_CONDITION) {
            judge(s, t, !holds(&t->steps[i].guard, &old), "was refused for a condition that held");
        } else if (op->err == OK) {
            judge(s, t, holds(&t->steps[i].guard, &old), "was not refused for a condition");
        }
        reason |= op->err != OK;
    }
    judge(s, t, reason, "was refused for no reason");
    judge(s, t, !c->was_done, "was done and is refused when it is asked for again");
    t->refused_last = c->attempt > t->refused_last ? c->attempt : t->refused_last;
    s->result.cancelled++;
}

/* The writer takes what is asked for in the order it is asked for, whatever order the answers take:
 * refusals, then the one that did it, then those who are told so. */
static void judge_order(struct sim *s, const struct transact *t)
{
    bool good = t->did == 0 || (t->refused_last < t->did &&
                                (t->repeated_first == 0 || t->repeated_first > t->did));
    judge(s, t, good, "was done, and before or after it answered as if not");
    bool told = t->repeated_first == 0 || t->refused_last < t->repeated_first;
    judge(s, t, told, "was told to be done before, and refused later");
}

static void other_request(struct sim *s, const struct call *c, const struct transact *t)
{
    bool unknown = c->cmd.err == ERR_IO || c->cmd.err == ERR_FAILED;
    judge(s, t, unknown || c->cmd.err == ERR_EXISTS, "was let in under a token that was used");
    s->result.mismatched += unknown ? 0 : 1;
}

void transact_answer(struct sim *s, struct call *c)
{
    struct transact *t = c->transact;
    enum err e = c->cmd.err;
    t->open--;
    if (t->named != NULL && t->named != t->op) {
        other_request(s, c, t);
        t->op->state = OP_REFUSED;
        return;
    }
    if (e == OK) {
        bool before = t->named != NULL && c->token.repeated;
        (before ? repeated : done)(s, c, t);
    } else if (e == ERR_IO) {
        t->op->state = t->op->state == OP_PENDING ? OP_UNKNOWN : t->op->state;
        transact_ask_again(&s->nodes[c->node], t);
    } else if (e == ERR_CANCELLED) {
        cancelled(s, c, t);
    } else {
        judge(s, t, e == ERR_FAILED, "was refused for an unheard-of reason");
    }
    if (t->open == 0 && t->op->state == OP_PENDING) {
        t->op->state = OP_REFUSED;
        judge(s, t, t->op->seen_pos == 0, "was refused and is in the log");
    }
    judge_order(s, t);
    if (prng_chance(&s->transact_prng, 250)) {
        transact_ask_again(&s->nodes[c->node], t); /* as if the answer had been lost */
    }
}

void transact_lost(struct sim *s, struct call *c)
{
    struct transact *t = c->transact;
    t->open--;
    t->op->state = t->op->state == OP_ACKED ? OP_ACKED : OP_UNKNOWN;
    if (prng_chance(&s->transact_prng, 800)) {
        transact_ask_again(&s->nodes[c->node], t);
    }
}

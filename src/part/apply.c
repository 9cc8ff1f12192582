/* Transactions received from a peer: checked whole, then applied one after the other, each with its
 * origin's stamp, its own record in our log and the origin's position in the same batch.
 *
 * Invariants
 *  1. Bytes that fail a check, or a stamp too far ahead, are found before the first transaction is
 * applied.
 *  2. The origin's mark moves with each transaction, so an error in the middle leaves a prefix
 * applied exactly once.
 *  3. A received transaction is logged as it came, also where it lost: what we hold of an origin's
 * log can be relayed whole.
 *  4. What applying makes us write ourselves (conflict entries, rows staged by the catalog's
 * listener) forms transactions of ours behind it. */
#include "part/impl.h"

enum { FOLLOW_UP_CHANGES = 400 }; /* changes of ours in one follow-up before another begins */

static enum err check_changes(struct arena *a, struct received *r)
{
    struct value *items = ARENA_ARRAY(a, struct value, r->txn.n_changes);
    ASSERT(items != NULL);
    for (size_t i = 0; i < r->txn.n_changes; i++) {
        const struct change *c = &r->txn.changes[i];
        if (key_first_len(c->key) == 0) {
            return ERR_CORRUPT;
        }
        if (c->kind == CHANGE_DELETE) {
            continue;
        }
        enum err e = value_decode(a, c->item, &items[i]);
        if (e != OK) {
            return e;
        }
        if (items[i].type != VALUE_MAP) {
            return ERR_CORRUPT;
        }
    }
    r->items = items;
    return OK;
}

/* Cuts the stretch into transactions and checks each. */
static enum err check_all(
    struct part *p, const struct part_cmd *cmd, struct received **ret, size_t *ret_n)
{
    struct arena *a = &p->batch_arena;
    struct received *all = NULL;
    size_t n = 0;
    size_t cap = 0;
    uint64_t at = cmd->apply.from.v;
    struct reader r = reader_of(cmd->apply.txns);
    while (reader_left(&r) > 0) {
        struct bytes wire = get_lenbytes(&r);
        if (r.bad) {
            return ERR_CORRUPT;
        }
        if (n == cap) {
            struct received *larger = ARENA_ARRAY(a, struct received, cap == 0 ? 16 : cap * 2);
            ASSERT(larger != NULL);
            if (n > 0) {
                memcpy(larger, all, n * sizeof *all);
            }
            all = larger;
            cap = cap == 0 ? 16 : cap * 2;
        }
        enum err e = change_txn_decode(a, wire, /* wire_only= */ true, &all[n].txn);
        if (e == OK) {
            e = check_changes(a, &all[n]);
        }
        if (e != OK) {
            return e;
        }
        const struct change_txn *t = &all[n].txn;
        bool fits = t->origin.v == cmd->apply.origin.v && t->origin_pos.v > at &&
                    t->origin_pos.v <= cmd->apply.to.v;
        if (!fits) {
            return ERR_CORRUPT;
        }
        at = t->origin_pos.v;
        n++;
    }
    *ret = all;
    *ret_n = n;
    return OK;
}

static enum err observe_all(struct part *p, const struct received *all, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        enum err e = hlc_observe(&p->clock, all[i].txn.hlc, p->now_ms);
        if (e != OK) {
            return e;
        }
    }
    return OK;
}

static enum err decode_local(struct part *p, const struct record *old, const struct value **ret)
{
    *ret = NULL;
    if (!old->live) {
        return OK;
    }
    struct value *v = ARENA_NEW(&p->batch_arena, struct value);
    ASSERT(v != NULL);
    enum err e = value_decode(&p->batch_arena, old->item, v);
    if (e == OK) {
        *ret = v;
    }
    return e;
}

/* Whether one side is an expiry that nobody can be at odds with: it ended the very version that
 * stands there, came too late, or what follows it came after it. */
static bool expiry_is_no_party(
    const struct change *c, const struct record *old, struct merge_decision d)
{
    if ((c->flags & CHANGE_ON_BASE) != 0) {
        return d.verdict != MERGE_APPLY || version_eq(old->version, c->base);
    }
    return d.verdict == MERGE_APPLY && !old->live && old->buried.v != old->version.hlc.v;
}

static enum err decide(
    struct part *p,
    const struct change_txn *t,
    const struct change *c,
    const struct record *old,
    struct merge_decision *ret)
{
    struct version incoming = change_version(t, c);
    struct merge_local local = {old->present, old->live, old->version};
    struct merge_sight theirs = {
        .known = true,
        .writer = t->origin,
        .seen = t->seen,
        .n_seen = t->n_seen,
    };
    struct merge_sight ours = {.known = false, .writer = old->version.region};
    if (old->present && version_cmp(old->version, incoming) > 0) {
        enum err e = part_log_sight(p, old, &ours);
        if (e != OK) {
            return e;
        }
    }
    /* An old base is no sign that its expiry is: that leaves a tombstone wherever it comes. */
    bool on_base = (c->flags & CHANGE_ON_BASE) != 0;
    struct hlc floor = on_base ? (struct hlc){0} : p->gc_floor;
    struct merge_decision d = merge_decide(&local, incoming, &theirs, &ours, floor);
    d.conflict = d.conflict && !expiry_is_no_party(c, old, d);
    *ret = d;
    return OK;
}

/* Notes the loser of one decision, if there is one to note. */
static void note_loser(
    struct outcome *l,
    const struct part_table *t,
    const struct change *c,
    struct merge_decision d,
    struct conflict_side local,
    struct conflict_side incoming)
{
    bool quarantined = d.verdict == MERGE_QUARANTINE;
    if (!t->replicated || (!d.conflict && !quarantined)) {
        return;
    }
    bool applied = d.verdict == MERGE_APPLY;
    l->losers[l->n_losers++] = (struct conflict){
        .table = t,
        .key = c->key,
        .winner = quarantined ? (struct conflict_side){{{0}, {0}}, NULL}
                  : applied   ? incoming
                              : local,
        .loser = applied ? local : incoming,
        .reason = quarantined ? "quarantined" : "concurrent",
    };
}

/* A partial stretch tells again what has been told in full. */
static void note_arrival(
    struct part *p, const struct part_cmd *cmd, struct outcome *out, struct staged *s, bool applies)
{
    if (cmd->apply.partial && !applies) {
        return;
    }
    struct arrival a = part_arrival_of(p, s, applies);
    if (a.units > 0) {
        out->arrivals[out->n_arrivals++] = a;
        s->index_units = a.index_units;
    }
}

static enum err apply_change(
    struct part *p, struct part_cmd *cmd, const struct received *r, size_t i, struct outcome *out)
{
    const struct change *c = &r->txn.changes[i];
    struct part_tstate *t = part_tstate_find(p, c->table);
    bool ours = t != NULL && t->schema != NULL &&
                (c->table >= PART_TABLE_FIRST || c->table == PART_TABLE_CATALOG);
    struct record old = {0};
    if (!ours) {
        part_stage_no_effect(p, c, &old);
        return OK;
    }
    struct staged s = {
        .table = t,
        .key = c->key,
        .item = c->kind == CHANGE_PUT ? &r->items[i] : NULL,
        .item_bytes = c->item,
        .flags = c->flags,
        .base = c->base,
        .tombstone = true,
    };
    enum err e =
        part_stage_load(p, c->table, c->key, /* want_item= */ true, &p->batch_arena, &s.old);
    if (e == OK) {
        e = decode_local(p, &s.old, &s.old_item);
    }
    s.size = s.item == NULL ? 0 : item_size(s.item);
    struct merge_decision d;
    if (e == OK) {
        e = decide(p, &r->txn, c, &s.old, &d);
    }
    if (e != OK) {
        return e;
    }
    note_loser(
        out,
        t->schema,
        c,
        d,
        (struct conflict_side){s.old.version, s.old_item},
        (struct conflict_side){change_version(&r->txn, c), s.item});
    cmd->apply.n_conflicts += d.conflict ? 1U : 0U;
    cmd->apply.n_quarantined += d.verdict == MERGE_QUARANTINE ? 1U : 0U;
    if (d.verdict != MERGE_APPLY) {
        note_arrival(p, cmd, out, &s, false);
        part_stage_no_effect(p, c, &s.old);
        return OK;
    }
    note_arrival(p, cmd, out, &s, true);
    if (c->table == PART_TABLE_CATALOG) {
        out->told[out->n_told++] = i;
    }
    return part_stage_change(p, &s);
}

static bool has_effect(const struct part_stage *s)
{
    for (size_t i = 0; i < s->n_staged; i++) {
        if (s->staged[i].entry != NULL) {
            return true;
        }
    }
    return false;
}

void part_outcome_init(struct outcome *o, struct arena *a, size_t n_changes)
{
    *o = (struct outcome){
        .losers = ARENA_ARRAY(a, struct conflict, n_changes),
        .told = ARENA_ARRAY(a, size_t, n_changes),
        .arrivals = ARENA_ARRAY(a, struct arrival, n_changes),
    };
    ASSERT(o->losers != NULL);
    ASSERT(o->told != NULL);
    ASSERT(o->arrivals != NULL);
}

static void tell(struct part *p, const struct received *r, size_t i)
{
    const struct part_table *t = part_find_table(p, PART_TABLE_CATALOG);
    const struct change *c = &r->txn.changes[i];
    struct value key;
    enum err e = part_key_attrs(&p->batch_arena, &t->keys, c->key, &key);
    if (e == OK && p->config.catalog_changed != NULL) {
        const struct value *item = c->kind == CHANGE_PUT ? &r->items[i] : NULL;
        p->config.catalog_changed(p->config.ctx, &p->stage, &key, item);
    }
}

static enum err put_losers(struct part *p, const struct outcome *o)
{
    struct local_pos pos;
    enum err e = OK;
    for (size_t i = 0; i < o->n_losers && e == OK; i++) {
        if (p->stage.n_staged >= FOLLOW_UP_CHANGES) {
            e = part_stage_close(p, &pos);
            if (e != OK) {
                return e;
            }
            part_stage_begin(p);
        }
        e = part_conflict_put(p, &o->losers[i]);
    }
    if (e != OK) {
        part_stage_abort(p);
    }
    return e;
}

/* The news first: the listener must hear of what happened even if a conflict entry cannot be
 * written. */
enum err part_follow_up(struct part *p, const struct received *r, const struct outcome *o)
{
    struct local_pos pos;
    enum err e = OK;
    if (o->n_told > 0) {
        part_stage_begin(p);
        for (size_t i = 0; i < o->n_told; i++) {
            tell(p, r, o->told[i]);
        }
        e = part_stage_close(p, &pos);
    }
    if (e != OK || o->n_losers == 0) {
        return e;
    }
    part_stage_begin(p);
    e = put_losers(p, o);
    return e == OK ? part_stage_close(p, &pos) : e;
}

static void put_origin_row(
    struct part *p, struct region_id origin, struct peer_pos at, struct local_pos pos)
{
    buf_clear(&p->key_buf);
    layout_origin_key(&p->key_buf, origin, at);
    buf_clear(&p->meta_buf);
    put_u64(&p->meta_buf, pos.v);
    engine_batch_put(p->batch, buf_bytes(&p->key_buf), buf_bytes(&p->meta_buf));
}

static enum err apply_txn(
    struct part *p, struct part_cmd *cmd, const struct received *r, bool *origin_row)
{
    const struct change_txn *t = &r->txn;
    bool partial = cmd->apply.partial;
    struct outcome out;
    part_outcome_init(&out, &p->batch_arena, t->n_changes);
    part_stage_begin_foreign(p, t, partial ? (struct peer_pos){0} : t->origin_pos);
    enum err e = OK;
    for (size_t i = 0; i < t->n_changes && e == OK; i++) {
        e = apply_change(p, cmd, r, i, &out);
    }
    struct local_pos pos = {0};
    if (e != OK || (partial && !has_effect(&p->stage))) {
        part_stage_abort(p); /* of a partial stretch, only what took effect is worth a log record */
    } else {
        e = part_stage_close(p, &pos);
    }
    if (e != OK) {
        return e;
    }
    for (size_t i = 0; i < out.n_arrivals; i++) {
        part_arrival_add(p, &out.arrivals[i]);
    }
    cmd->apply.n_applied++;
    if (!partial) {
        struct part_mark *m = part_mark_need(p, t->origin);
        m->pos = t->origin_pos;
        m->hlc = m->hlc.v < t->hlc.v ? t->hlc : m->hlc;
        p->marks_must = true;
        if (pos.v != 0 && *origin_row) {
            put_origin_row(p, t->origin, t->origin_pos, pos);
            *origin_row = false;
        }
    }
    return part_follow_up(p, r, &out);
}

static enum err apply_all(struct part *p, struct part_cmd *cmd, uint64_t have)
{
    struct received *all = NULL;
    size_t n = 0;
    enum err e = check_all(p, cmd, &all, &n);
    if (e == OK) {
        e = observe_all(p, all, n);
    }
    bool origin_row = true;
    for (size_t i = 0; i < n && e == OK; i++) {
        if (all[i].txn.origin_pos.v > have) {
            e = apply_txn(p, cmd, &all[i], &origin_row);
        }
    }
    return e;
}

void part_apply_run(struct part *p, struct part_cmd *cmd)
{
    cmd->apply.n_applied = 0;
    cmd->apply.n_conflicts = 0;
    cmd->apply.n_quarantined = 0;
    if (cmd->apply.origin.v == p->config.region.v || cmd->apply.origin.v == 0) {
        cmd->err = ERR_INVALID;
        return;
    }
    const struct part_mark *known = part_mark_find(p, cmd->apply.origin);
    uint64_t have = known == NULL ? 0 : known->pos.v;
    if (cmd->apply.from.v > have && !cmd->apply.partial) {
        cmd->err = ERR_GAP;
        return;
    }
    cmd->err = cmd->apply.to.v > have ? apply_all(p, cmd, have) : OK;
    cmd->apply.tail = p->tail;
    if (cmd->err != OK || cmd->apply.partial || cmd->apply.to.v < have) {
        return;
    }
    struct part_mark *m = part_mark_need(p, cmd->apply.origin);
    if (m->pos.v < cmd->apply.to.v) {
        m->pos = cmd->apply.to;
        p->marks_must = true;
    }
    /* A later promise alone is not worth a synced write: after a restart we know less, which is
     * safe. */
    if (m->hlc.v < cmd->apply.hlc_to.v) {
        m->hlc = cmd->apply.hlc_to;
    }
}

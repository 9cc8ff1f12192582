/* The ledger: what every region's change log says, read right after each commit and replayed by
 * rules of its own. It is the independent model: the greatest version by (stamp, region id) of all
 * changes is what must stand at a key in the end.
 *
 * Checked while reading
 *  - a region's own transactions are never lost again and carry growing stamps, greater than every
 *    stamp its log held before, and not further ahead than clocks allow
 *  - a received transaction says what its origin's log said, and each position comes once, in order
 *  - a change takes effect exactly when its version is greater than what stands there
 *  - conditional and counting writes follow from what stood there before */
#include <stdlib.h>

#include "sim/sim.h"

static bool watched(uint64_t table)
{
    return table == PART_TABLE_CATALOG || table >= PART_TABLE_FIRST;
}

static struct bytes cell_key(uint64_t table, struct bytes key, uint8_t *to, size_t max)
{
    ASSERT(key.len + 8 <= max);
    store_u64_be(to, table);
    memcpy(to + 8, key.base, key.len);
    return bytes_of(to, key.len + 8);
}

struct cell *ledger_cell(struct node *n, uint64_t table, struct bytes key)
{
    uint8_t k[4096];
    return map_get(&n->fold, cell_key(table, key, k, sizeof k));
}

static struct cell *cell_need(struct node *n, uint64_t table, struct bytes key)
{
    uint8_t k[4096];
    struct bytes name = cell_key(table, key, k, sizeof k);
    struct cell *c = map_get(&n->fold, name);
    if (c == NULL) {
        c = sim_alloc(n->sim, sizeof *c);
        (void)map_put(&n->fold, name, c);
    }
    return c;
}

static int64_t number_of(const struct value *item, const char *name, int64_t otherwise)
{
    const struct value *v = value_find(item, bytes_str(name));
    int64_t n;
    bool fits = v != NULL && v->type == VALUE_NUMBER && decimal_to_i64(&v->number, &n) == OK;
    return fits ? n : otherwise;
}

/* ---- a region's own transactions ---- */

/* The write that made this change, if a client did. */
static void note_op(
    struct node *n,
    const struct change *c,
    const struct cell *before,
    uint64_t pos,
    const struct value *item)
{
    struct sim *s = n->sim;
    int64_t id = number_of(item, "o", -1);
    if (c->table < PART_TABLE_FIRST || id < 0 || (size_t)id >= s->n_ops) {
        return;
    }
    struct op *o = s->ops[id];
    if (o->kind == OP_TRANSACT) {
        return; /* judged as a whole */
    }
    if (o->node != n->index || o->seen_pos != 0 || o->state == OP_REFUSED) {
        sim_fail(
            s,
            "write %lld shows in the log of %s at %llu: already at %llu, state %d",
            (long long)id,
            n->name,
            (unsigned long long)pos,
            (unsigned long long)o->seen_pos,
            (int)o->state);
        return;
    }
    o->seen_pos = pos;
    bool live = before != NULL && before->live;
    if (o->kind == OP_PUT_NEW && live) {
        sim_fail(s, "write %lld replaced an item although it asked for none", (long long)id);
    }
    int64_t sum = (live ? before->counter : 0) + o->delta;
    if (o->kind == OP_ADD && number_of(item, "n", -1) != sum) {
        sim_fail(s, "write %lld added up wrongly", (long long)id);
    }
}

static void keep_txn(struct node *n, const struct change_txn *t, uint64_t pos)
{
    struct sim *s = n->sim;
    while (pos >= n->txns_cap) {
        size_t cap = n->txns_cap == 0 ? 1024 : n->txns_cap * 2;
        n->txns = realloc(n->txns, cap * sizeof(struct ledger_txn *));
        ASSERT(n->txns != NULL);
        memset(n->txns + n->txns_cap, 0, (cap - n->txns_cap) * sizeof(struct ledger_txn *));
        n->txns_cap = cap;
    }
    struct ledger_txn *l = sim_alloc(s, sizeof *l);
    l->version = (struct version){t->hlc, t->origin};
    l->pos = pos;
    l->changes = sim_alloc(s, t->n_changes * sizeof *l->changes);
    l->n = t->n_changes;
    for (size_t i = 0; i < t->n_changes; i++) {
        l->changes[i] = (struct ledger_change){
            .table = t->changes[i].table,
            .key = bytes_dup(&s->arena, t->changes[i].key),
            .version = expiry_version(t, &t->changes[i]),
            .live = t->changes[i].kind == CHANGE_PUT,
            .item_hash = hash64(t->changes[i].item, 0),
        };
    }
    n->txns[pos] = l;
}

static void check_stamp(struct node *n, const struct change_txn *t, uint64_t pos)
{
    struct sim *s = n->sim;
    if (t->hlc.v <= n->hlc_max) {
        sim_fail(
            s,
            "%s stamped %llx at %llu after it had seen %llx",
            n->name,
            (unsigned long long)t->hlc.v,
            (unsigned long long)pos,
            (unsigned long long)n->hlc_max);
    }
    uint64_t most = s->wall_max_ms + s->drift_ms_max + 200 + s->result.crashes * 101;
    if (hlc_ms(t->hlc) > most) {
        sim_fail(
            s,
            "%s stamped %llu ms ahead of every clock",
            n->name,
            (unsigned long long)(hlc_ms(t->hlc) - s->wall_max_ms));
    }
}

/* ---- received ones ---- */

static bool same_change(const struct ledger_txn *l, const struct change *c)
{
    for (size_t i = 0; l != NULL && i < l->n; i++) {
        const struct ledger_change *k = &l->changes[i];
        if (k->table == c->table && bytes_eq(k->key, c->key)) {
            return k->live == (c->kind == CHANGE_PUT) && k->item_hash == hash64(c->item, 0);
        }
    }
    return false;
}

static void check_received(struct node *n, const struct change_txn *t, uint64_t pos)
{
    struct sim *s = n->sim;
    struct node *origin = node_named(s, t->origin);
    uint64_t at = t->origin_pos.v;
    const struct ledger_txn *l = origin != NULL && at < origin->txns_cap ? origin->txns[at] : NULL;
    if (l == NULL || l->version.hlc.v != t->hlc.v) {
        sim_fail(
            s,
            "%s holds at %llu a transaction its origin never made",
            n->name,
            (unsigned long long)pos);
        return;
    }
    for (size_t i = 0; i < t->n_changes; i++) {
        if (!same_change(l, &t->changes[i])) {
            sim_fail(
                s,
                "%s holds at %llu a change its origin never made",
                n->name,
                (unsigned long long)pos);
        }
    }
    struct bytes key = bytes_of(&t->origin.v, sizeof t->origin.v);
    struct cell *last = map_get(&n->peer_pos, key);
    if (last == NULL) {
        last = sim_alloc(s, sizeof *last);
        (void)map_put(&n->peer_pos, key, last);
    }
    if (at <= last->pos) {
        sim_fail(
            s,
            "%s applied %s's position %llu after %llu",
            n->name,
            origin->name,
            (unsigned long long)at,
            (unsigned long long)last->pos);
    }
    last->pos = at;
}

/* ---- replay ---- */

static void tell_change(
    struct node *n, const struct change_txn *t, const struct change *c, uint64_t pos, bool effect)
{
    struct sim *s = n->sim;
    if (!s->config.trace) {
        return;
    }
    /* The tombstone of an expiry that came in a seed is nobody's. */
    const struct node *by = node_named(s, t->origin);
    sim_tell(
        s,
        "%s logs %llu: %s %08llx of %04llx, %llx by %s at %llu%s",
        n->name,
        (unsigned long long)pos,
        c->kind == CHANGE_PUT ? "put" : "delete",
        (unsigned long long)(hash64(c->key, c->table) & 0xffffffff),
        (unsigned long long)(c->table & 0xffff),
        (unsigned long long)t->hlc.v,
        by == NULL ? "nobody" : by->name,
        (unsigned long long)t->origin_pos.v,
        effect ? "" : ", no effect");
}

/* Whether a repair brings back what a region deleted that has left the table's group since, or is
 * about to. Who was fenced off its log has nobody to ask for the rest, and the others may have
 * forgotten the delete when scrubbing comes to it. */
static bool leaver_deleted(
    struct node *n, const struct change_txn *t, const struct cell *cell, uint64_t table)
{
    struct sim *s = n->sim;
    if (t->origin_pos.v != 0 || cell == NULL || cell->live || s->result.fenced == 0) {
        return false;
    }
    const struct node *by = node_named(s, cell->version.region);
    for (unsigned i = 0; i < s->n_tables; i++) {
        const struct core_table *own =
            catalog_table(core_catalog(n->core), bytes_str(s->tables[i].name));
        bool left = false;
        for (unsigned k = 0; k < s->n_nodes; k++) {
            left |= s->tables[i].touched[k] && (by == NULL || by->index == k);
        }
        if (own != NULL && own->part.id == table && left) {
            return true;
        }
    }
    return false;
}

static void fold(
    struct node *n, const struct change_txn *t, const struct change *c, uint64_t pos, bool own)
{
    struct sim *s = n->sim;
    struct version v = expiry_version(t, c);
    bool effect = part_change_took_effect(t, c);
    struct cell *cell = ledger_cell(n, c->table, c->key);
    bool newer = cell == NULL || version_cmp(v, cell->version) > 0;
    s->result.ties += cell != NULL && !own && v.hlc.v == cell->version.hlc.v &&
                              v.region.v != cell->version.region.v
                          ? 1
                          : 0;
    tell_change(n, t, c, pos, effect);
    bool again =
        cell != NULL && c->kind == CHANGE_DELETE && !cell->live; /* a forgotten tombstone */
    bool back = effect && !newer && leaver_deleted(n, t, cell, c->table);
    if (effect && !newer && !again && !back) {
        sim_fail(
            s,
            "%s at %llu: an older version replaced a newer one: table %llx, %s %llx at %llu, "
            "before it %s %llx",
            n->name,
            (unsigned long long)pos,
            (unsigned long long)c->table,
            c->kind == CHANGE_PUT ? "put" : "delete",
            (unsigned long long)v.hlc.v,
            (unsigned long long)t->origin_pos.v,
            cell->live ? "put" : "delete",
            (unsigned long long)cell->version.hlc.v);
    }
    bool held = part_find_table(core_part(n->core), c->table) != NULL;
    if (!effect && newer && cell != NULL && held) {
        sim_fail(
            s,
            "%s at %llu: a newer version did not replace an older one",
            n->name,
            (unsigned long long)pos);
    }
    if (!effect) {
        return;
    }
    expiry_logged(n, c, cell, pos, own);
    struct value item = {.type = VALUE_MAP};
    struct arena a;
    arena_init(&a, SIZE_MAX / 2);
    if (c->kind == CHANGE_PUT && value_decode(&a, c->item, &item) != OK) {
        sim_fail(s, "%s at %llu: an item does not decode", n->name, (unsigned long long)pos);
    }
    if (own && c->kind == CHANGE_PUT) {
        note_op(n, c, cell, pos, &item);
    }
    if (!newer && !back) {
        arena_done(&a);
        return;
    }
    cell = cell_need(n, c->table, c->key);
    *cell = (struct cell){
        .version = v,
        .live = c->kind == CHANGE_PUT,
        .item_hash = hash64(c->item, 0),
        .counter = number_of(&item, "n", 0),
        .writer = number_of(&item, "o", -1),
        .until = number_of(&item, "until", 0),
        .pos = pos,
    };
    arena_done(&a);
}

static void take(struct node *n, uint64_t pos, const struct change_txn *t)
{
    bool mine = t->origin.v == n->id.v;
    bool own = mine && t->origin_pos.v == pos;
    if (own) {
        check_stamp(n, t, pos);
        keep_txn(n, t, pos);
        transact_logged(n, t, pos);
    } else if (!mine && t->origin_pos.v != 0) {
        check_received(n, t, pos);
    }
    n->hlc_max = t->hlc.v > n->hlc_max ? t->hlc.v : n->hlc_max;
    for (size_t i = 0; i < t->n_changes; i++) {
        if (watched(t->changes[i].table)) {
            fold(n, t, &t->changes[i], pos, own);
        }
    }
}

/* Tables that are gone leave nothing behind. */
static void forget_dropped(struct node *n)
{
    MAP_FOREACH (&n->fold, e) {
        if (part_find_table(core_part(n->core), load_u64_be(e->key.base)) == NULL) {
            (void)map_remove(&n->fold, e->key);
        }
    }
    MAP_FOREACH (&n->ended, e) {
        if (part_find_table(core_part(n->core), load_u64_be(e->key.base)) == NULL) {
            (void)map_remove(&n->ended, e->key);
        }
    }
}

void ledger_ingest(struct node *n)
{
    struct sim *s = n->sim;
    uint64_t tail = part_tail(core_part(n->core)).v;
    if (tail < n->ingested && !part_failed(core_part(n->core))) {
        sim_fail(
            s,
            "%s lost its log from %llu to %llu",
            n->name,
            (unsigned long long)tail,
            (unsigned long long)n->ingested);
        return;
    }
    bool failed = part_failed(core_part(n->core)); /* then the log may end anywhere beyond */
    if (tail == n->ingested && !failed) {
        return;
    }
    const struct part_reader reader = {.engine = n->engine};
    struct part_log_cursor *c = part_log_open(&reader, (struct local_pos){n->ingested});
    struct arena a;
    arena_init(&a, SIZE_MAX / 2);
    struct local_pos pos;
    struct bytes stored;
    enum err e = part_log_next(c, &pos, &stored);
    for (; e == OK && !s->result.failed; e = part_log_next(c, &pos, &stored)) {
        struct change_txn t;
        arena_clear(&a);
        e = change_txn_decode(&a, stored, /* wire_only= */ false, &t);
        if (e != OK || pos.v != n->ingested + 1) {
            sim_fail(s, "%s: log at %llu: %s", n->name, (unsigned long long)pos.v, err_name(e));
            break;
        }
        take(n, pos.v, &t);
        n->ingested = pos.v;
    }
    part_log_close(c);
    arena_done(&a);
    if (n->ingested != tail && !failed) {
        sim_fail(
            s,
            "%s: the log ends at %llu, not %llu",
            n->name,
            (unsigned long long)n->ingested,
            (unsigned long long)tail);
    }
    forget_dropped(n);
}

void ledger_done(struct node *n)
{
    map_done(&n->fold);
    map_done(&n->peer_pos);
    map_done(&n->ended);
    free(n->txns);
}

/* How long our changes take to become readable elsewhere, and how many have not.
 *
 * Two clocks are involved, since the time that counts ends where the change arrives: the origin
 * stamped it, and the region that applied it says when, by its own clock (REPL_APPLIED). The origin
 * remembers of each frame which tables' changes it carried and when they were stamped, so that the
 * news needs no more than a position. What was applied just before a link broke goes unmetered;
 * what is sent again is metered when it arrives, with the wait in it. What the peer acknowledges
 * without having told of it is forgotten, for the news comes before the acknowledgement. */
#include <stdlib.h>

#include "region/inside.h"

/* What one look at the log behind a peer reads at most. */
enum { PENDING_SCAN_MAX = 20000, PENDING_SCAN_BYTES = 16 << 20 };

void shipped_note(struct shipped *s, uint64_t table, uint64_t stamp_ms)
{
    size_t i = 0;
    while (i < s->n && s->tables[i].table != table) {
        i++;
    }
    if (i == SHIPPED_TABLES_MAX) {
        return;
    }
    struct shipped_table *t = &s->tables[i];
    if (i == s->n) {
        s->n++;
        *t = (struct shipped_table){.table = table, .first_ms = stamp_ms, .last_ms = stamp_ms};
    }
    t->n++;
    t->sum_ms += (double)stamp_ms;
    t->first_ms = stamp_ms < t->first_ms ? stamp_ms : t->first_ms;
    t->last_ms = stamp_ms > t->last_ms ? stamp_ms : t->last_ms;
}

void shipped_add(struct link *l, const struct shipped *s, struct peer_pos to)
{
    if (s->n == 0) {
        return;
    }
    struct shipped *copy = malloc(sizeof *copy);
    ASSERT(copy != NULL);
    *copy = *s;
    copy->to = to;
    copy->next = NULL;
    if (l->shipped == NULL) {
        l->shipped = copy;
    } else {
        l->shipped_last->next = copy;
    }
    l->shipped_last = copy;
}

static void drop_first(struct link *l)
{
    struct shipped *first = l->shipped;
    l->shipped = first->next;
    free(first);
}

void shipped_clear(struct link *l)
{
    while (l->shipped != NULL) {
        drop_first(l);
    }
}

/* By two clocks a change may seem to have arrived before it was made. */
static double took(uint64_t wall_ms, uint64_t stamp_ms)
{
    return wall_ms > stamp_ms ? (double)(wall_ms - stamp_ms) : 0;
}

static void tell_arrival(
    struct region *r, const struct link *l, const struct shipped_table *t, uint64_t wall_ms)
{
    const struct core_table *table = catalog_table_by_id(r->catalog, t->table);
    if (table == NULL || r->config.ops.arrived == NULL) {
        return;
    }
    double sum = (double)wall_ms * (double)t->n - t->sum_ms;
    struct region_arrival a = {
        .n = t->n,
        .min_ms = took(wall_ms, t->last_ms),
        .max_ms = took(wall_ms, t->first_ms),
    };
    a.sum_ms = sum < a.max_ms ? a.max_ms : sum;
    r->config.ops.arrived(r->config.ctx, table->part.name, bytes_str(l->peer->name), &a);
}

void shipped_applied(struct region *r, struct link *l, const struct repl_frame *f)
{
    if (f->applied.origin.v != r->config.id.v) {
        return;
    }
    while (l->shipped != NULL && l->shipped->to.v <= f->applied.pos.v) {
        for (size_t i = 0; i < l->shipped->n; i++) {
            tell_arrival(r, l, &l->shipped->tables[i], f->applied.wall_ms);
        }
        drop_first(l);
    }
}

void shipped_acked(struct link *l, struct peer_pos pos)
{
    while (l->shipped != NULL && l->shipped->to.v <= pos.v) {
        drop_first(l);
    }
}

void shipped_tell(struct region *r, const struct errand *e, uint64_t wall_ms)
{
    struct link *l = link_find(r, e->link);
    bool direct = l != NULL && l->ready && l->peer->id.v == e->origin.v;
    if (!direct || e->cmd.apply.n_applied == 0) {
        return;
    }
    link_send(
        r,
        l,
        &(struct repl_frame){
            .type = REPL_APPLIED,
            .applied = {.origin = e->origin, .pos = e->mark_to, .wall_ms = wall_ms}});
}

/* ---- what has not arrived ---- */

struct pending {
    uint64_t table;
    struct bytes name;
    uint64_t n;
};

/* Counts our changes of these tables behind a position. */
static void count_behind(
    struct region *r, struct local_pos from, struct pending *tables, size_t n_tables)
{
    const struct repl_mark *own = repl_vector_find(&r->marks, r->config.id);
    uint64_t tail = own == NULL ? 0 : own->pos.v;
    uint64_t scanned = 0;
    uint64_t bytes = 0;
    struct arena a;
    struct local_pos pos = from;
    struct bytes stored;
    if (from.v >= tail) {
        return;
    }
    struct part_log_cursor *c = part_log_open(&r->reader, from);
    arena_init(&a, CHANGE_TXN_BYTES_MAX);
    bool more = true;
    while (more && part_log_next(c, &pos, &stored) == OK && pos.v <= tail) {
        struct change_txn t;
        struct bytes wire;
        bytes += stored.len;
        more = ++scanned < PENDING_SCAN_MAX && bytes < PENDING_SCAN_BYTES;
        arena_clear(&a);
        if (change_txn_wire(stored, &wire) != OK ||
            change_txn_decode(&a, wire, /* wire_only= */ true, &t) != OK ||
            t.origin.v != r->config.id.v) {
            continue;
        }
        for (size_t i = 0; i < t.n_changes; i++) {
            for (size_t k = 0; k < n_tables; k++) {
                tables[k].n += tables[k].table == t.changes[i].table;
            }
        }
    }
    part_log_close(c);
    arena_done(&a);
    for (size_t k = 0; k < n_tables && !more; k++) {
        tables[k].n = tables[k].n * (tail - from.v) / scanned;
    }
}

static size_t legacy_tables(struct region *r, const struct peer *p, struct pending *ret, size_t max)
{
    size_t n = 0;
    struct bytes after = BYTES_NONE;
    const struct core_group *g;
    while (n < max && (g = catalog_group_after(r->catalog, after)) != NULL) {
        after = g->name;
        bool both = region_holds(r, g->table, p->id) && region_holds(r, g->table, r->config.id);
        if (g->version == CORE_GROUP_2017 && both) {
            ret[n++] = (struct pending){.table = g->table, .name = g->name};
        }
    }
    return n;
}

void region_pending(
    struct region *r,
    void (*take)(void *ctx, struct bytes table, struct bytes peer, uint64_t n),
    void *ctx)
{
    struct pending *tables = calloc(CORE_TABLES_MAX, sizeof *tables);
    ASSERT(tables != NULL);
    for (const struct peer *p = r->peers; p != NULL; p = p->next) {
        if (p->removed || p->id.v == 0) {
            continue;
        }
        size_t n = legacy_tables(r, p, tables, CORE_TABLES_MAX);
        const struct repl_mark *acked = repl_vector_find(&p->marks, r->config.id);
        if (n > 0) {
            count_behind(r, (struct local_pos){acked == NULL ? 0 : acked->pos.v}, tables, n);
        }
        for (size_t i = 0; i < n; i++) {
            take(ctx, tables[i].name, bytes_str(p->name), tables[i].n);
        }
    }
    free(tables);
}

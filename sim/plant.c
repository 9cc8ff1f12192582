/* Bugs planted on purpose. The rooms under test stay as they are: the shell does to them what the
 * bug would do. */
#include "sim/sim.h"

/* ---- frames ---- */

/* Whether the planted bug drops the `i`-th change of a transaction. */
static bool drops(struct sim *s, struct node *to, const struct change_txn *t, size_t i)
{
    const struct change *c = &t->changes[i];
    if (s->config.plant == SIM_PLANT_TORN_TXN) {
        return c->table >= PART_TABLE_FIRST && t->n_changes > 1 && i + 1 == t->n_changes;
    }
    const struct cell *cell = ledger_cell(to, c->table, c->key);
    return s->config.plant == SIM_PLANT_TIE_BREAK && cell != NULL &&
           cell->version.hlc.v == t->hlc.v && cell->version.region.v != t->origin.v;
}

/* Copies one transaction without what the bug takes from it; true when there was something. */
static bool copy_txn(struct sim *s, struct node *to, struct bytes wire, struct buf *out)
{
    struct arena a;
    struct change_txn t;
    arena_init(&a, SIZE_MAX / 2);
    enum err e = change_txn_decode(&a, wire, /* wire_only= */ true, &t);
    ASSERT(e == OK);
    struct change *kept = ARENA_ARRAY(&a, struct change, t.n_changes);
    size_t n = 0;
    bool changed = false;
    for (size_t i = 0; i < t.n_changes; i++) {
        if (drops(s, to, &t, i)) {
            changed = true;
            continue;
        }
        kept[n] = t.changes[i];
        bool on_base = (kept[n].flags & CHANGE_ON_BASE) != 0;
        if (on_base && s->config.plant == SIM_PLANT_EXPIRY_TIME) {
            kept[n].flags &= (uint8_t)~CHANGE_ON_BASE;
            changed = true;
        }
        n++;
    }
    if (!changed) {
        put_lenbytes(out, wire);
    } else if (n > 0) {
        struct buf stored;
        struct bytes part;
        buf_init(&stored, SIZE_MAX / 2);
        t.changes = kept;
        t.n_changes = n;
        change_txn_encode(&stored, &t);
        e = change_txn_wire(buf_bytes(&stored), &part);
        ASSERT(e == OK);
        put_lenbytes(out, part);
        buf_done(&stored);
    }
    arena_done(&a);
    return changed;
}

static bool copy_txns(struct sim *s, struct node *to, struct bytes txns, struct buf *out)
{
    bool changed = false;
    struct reader r = reader_of(txns);
    while (reader_left(&r) > 0) {
        struct bytes wire = get_lenbytes(&r);
        changed |= copy_txn(s, to, wire, out);
    }
    return changed;
}

/* Whether a stretch of log shall arrive empty: the bug, or now and then damage for scrubbing to
 * find. */
static bool empties(struct sim *s)
{
    if (s->config.plant == SIM_PLANT_LOST_FRAME) {
        return sim_chance(s, 20);
    }
    bool now =
        s->inject && !s->healed && s->injected < 3 && s->now_us > 4000000 && sim_chance(s, 20);
    s->injected += now ? 1 : 0;
    return now;
}

struct bytes plant_frame(
    struct sim *s, struct node *from, struct node *to, struct bytes frame, struct buf *b)
{
    (void)from;
    bool edits = s->config.plant == SIM_PLANT_TORN_TXN || s->config.plant == SIM_PLANT_TIE_BREAK ||
                 s->config.plant == SIM_PLANT_EXPIRY_TIME;
    bool busy = s->inject || s->config.plant == SIM_PLANT_LOST_FRAME || edits;
    if (!busy || frame.len == 0 || frame.base[0] != REPL_TXNS) {
        return frame;
    }
    struct arena a;
    struct repl_frame f;
    struct buf txns;
    arena_init(&a, SIZE_MAX / 2);
    buf_init(&txns, SIZE_MAX / 2);
    enum err e = repl_frame_decode(&a, frame, &f);
    ASSERT(e == OK);
    bool changed = f.txns.txns.len > 0 && empties(s);
    if (!changed && edits) {
        changed = copy_txns(s, to, f.txns.txns, &txns);
    }
    if (changed) {
        sim_tell(s, "a frame of %s to %s is spoilt", from->name, to->name);
        f.txns.txns = buf_bytes(&txns);
        repl_frame_encode(b, &f);
        frame = buf_bytes(b);
    }
    buf_done(&txns);
    arena_done(&a);
    return frame;
}

/* ---- commits ---- */

/* Rows from `lo` (included) to `hi` (excluded); empty ones stand for the ends. */
static void copy_rows(struct engine *from, struct bytes lo, struct bytes hi, struct engine *to)
{
    struct engine_batch *b = engine_batch_new(to);
    struct engine_iter *it = engine_iter_open(from, NULL, lo, hi);
    if (lo.len > 0) {
        engine_batch_delete_range(b, lo, hi);
    }
    for (bool on = engine_iter_first(it); on; on = engine_iter_next(it)) {
        engine_batch_put(b, engine_iter_key(it), engine_iter_value(it));
    }
    engine_iter_close(it);
    enum err err = engine_write(to, b, /* sync= */ true);
    ASSERT(err == OK);
    engine_batch_free(b);
}

static struct engine *copy_of(struct engine *e)
{
    struct engine *copy = engine_mem_new();
    copy_rows(e, BYTES_NONE, BYTES_NONE, copy);
    return copy;
}

void plant_before_commit(struct node *n)
{
    enum sim_plant plant = n->sim->config.plant;
    bool keeps = plant == SIM_PLANT_ACK_BEFORE_SYNC || plant == SIM_PLANT_TWO_BATCHES;
    if (keeps && part_waiting(core_part(n->core)) > 0) {
        if (n->before != NULL) {
            engine_close(n->before);
        }
        n->before = copy_of(n->engine);
    }
}

/* Shows readers the store as it is between two batches: without what the commit did to the second
 * table. */
void plant_after_commit(struct node *n)
{
    const struct core_table *t =
        catalog_table(core_catalog(n->core), bytes_str(n->sim->tables[1].name));
    if (n->sim->config.plant != SIM_PLANT_TWO_BATCHES || n->before == NULL || t == NULL) {
        return;
    }
    uint8_t lo[9] = {'d'}; /* a table's items (docs/formats/store.md) */
    uint8_t hi[9] = {'d'};
    store_u64_be(lo + 1, t->part.id);
    store_u64_be(hi + 1, t->part.id + 1);
    struct engine *whole = n->engine;
    n->engine = copy_of(whole);
    copy_rows(n->before, bytes_of(lo, sizeof lo), bytes_of(hi, sizeof hi), n->engine);
    reads_groups(n->sim, n);
    engine_close(n->engine);
    n->engine = whole;
}

/* ---- crashes ---- */

void plant_after_crash(struct node *n)
{
    if (n->sim->config.plant == SIM_PLANT_ACK_BEFORE_SYNC && n->before != NULL) {
        engine_close(n->engine);
        n->engine = n->before;
        n->before = NULL;
    }
}

static void forget_tokens(struct node *n)
{
    struct engine *none = engine_mem_new();
    struct bytes lo = BYTES_LIT("q"); /* by name, and as "r" by their end */
    struct bytes hi = BYTES_LIT("s");
    engine_mem_fail_write(n->engine, 0, false, false);
    copy_rows(none, lo, hi, n->engine);
    engine_close(none);
}

static enum err set_back(void *arg, struct part_stage *s, struct arena *a)
{
    (void)a;
    struct node *n = arg;
    size_t count;
    const struct part_mark *marks = part_marks(part_stage_part(s), &count);
    for (size_t i = 1; i < count; i++) {
        struct part_mark m = marks[i];
        m.pos.v = m.pos.v > 20 ? m.pos.v - 20 : 0;
        part_stage_mark(s, m);
    }
    sim_tell(n->sim, "%s forgets how far it was", n->name);
    return OK;
}

void plant_after_start(struct node *n)
{
    if (n->sim->config.plant == SIM_PLANT_FORGET_TOKEN) {
        forget_tokens(n);
    }
    if (n->sim->config.plant != SIM_PLANT_NO_PEER_POSITION || n->life < 2) {
        return;
    }
    struct arena a;
    arena_init(&a, SIZE_MAX / 2);
    struct part_cmd cmd = {.kind = PART_CMD_CALL, .arena = &a, .owner = n};
    cmd.call.run = set_back;
    cmd.call.arg = n;
    part_submit(core_part(n->core), &cmd);
    enum err e = part_commit(core_part(n->core), node_wall_ms(n));
    ASSERT(e == OK);
    struct part_cmd *back = part_take_done(core_part(n->core));
    ASSERT(back == &cmd);
    arena_done(&a);
}

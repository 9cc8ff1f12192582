/* Records of a peer's snapshot: merged by version alone, whoever had seen what. Each goes into our
 * log for the feeds, under its own stamp and without an origin position, so no peer ever gets it
 * from there.
 *
 * A complete stretch also tells what is not there: an item of ours below the peer's tombstone floor
 * that the stretch lacks was deleted and its tombstone forgotten while we were away, so it goes. */
#include "part/impl.h"

struct seeding {
    struct part *part;
    struct part_cmd *cmd;
    struct part_tstate *table;
    struct value *items; /* decoded, one a record */
};

static enum err check_records(struct seeding *s)
{
    struct part *p = s->part;
    const struct part_cmd *cmd = s->cmd;
    s->items = ARENA_ARRAY(&p->batch_arena, struct value, cmd->seed.n);
    ASSERT(s->items != NULL);
    for (size_t i = 0; i < cmd->seed.n; i++) {
        const struct part_raw *r = &cmd->seed.records[i];
        bool ascending = i == 0 || bytes_cmp(cmd->seed.records[i - 1].position, r->position) < 0;
        if (!ascending || key_first_len(r->key) == 0 || r->version.region.v == 0) {
            return ERR_CORRUPT;
        }
        enum err e = r->live ? value_decode(&p->batch_arena, r->item, &s->items[i]) : OK;
        if (e == OK && r->live && s->items[i].type != VALUE_MAP) {
            e = ERR_CORRUPT;
        }
        if (e == OK) {
            e = hlc_observe(&p->clock, r->version.hlc, p->now_ms);
        }
        if (e != OK) {
            return e;
        }
    }
    return OK;
}

static bool is_region(struct part *p, struct region_id id)
{
    return id.v == p->config.region.v || part_mark_find(p, id) != NULL;
}

/* Stages one record or removal in the open foreign transaction. *ret_staged: whether it won. */
static enum err stage_record(
    struct seeding *s,
    const struct part_raw *r,
    const struct value *item,
    bool purge,
    bool *ret_staged)
{
    struct part *p = s->part;
    struct staged c = {
        .table = s->table,
        .key = r->key,
        .item = item,
        .item_bytes = r->item,
        .tombstone = !purge,
    };
    /* Where it came from a tombstone that is older than what we forget, or whose version is no
     * region's as an expiry's is, is kept for longer than its stamp says. Of an expiry others may
     * not know yet: this also leaves the sign that nobody wrote its version. */
    struct version v = p->stage.version;
    if (item == NULL && !purge && (v.hlc.v < p->gc_floor.v || !is_region(p, v.region))) {
        const struct hlc now = hlc_of_ms(p->now_ms);
        c.buried = p->clock.last.v > now.v ? p->clock.last : now;
        c.buried.v += c.buried.v == v.hlc.v ? 1 : 0;
    }
    enum err e =
        part_stage_load(p, s->table->id, r->key, /* want_item= */ true, &p->batch_arena, &c.old);
    if (e != OK) {
        return e;
    }
    const struct merge_local local = {c.old.present, c.old.live, c.old.version};
    const struct merge_sight unknown = {.known = false};
    const struct hlc floor = s->cmd->seed.settled ? p->gc_floor : (struct hlc){0};
    struct merge_decision d = merge_decide(&local, p->stage.version, &unknown, &unknown, floor);
    *ret_staged = d.verdict == MERGE_APPLY;
    if (d.verdict != MERGE_APPLY) {
        return OK;
    }
    if (c.old.live) {
        struct value *old = ARENA_NEW(&p->batch_arena, struct value);
        ASSERT(old != NULL);
        e = value_decode(&p->batch_arena, c.old.item, old);
        c.old_item = old;
    }
    if (e == OK) {
        c.size = item == NULL ? 0 : item_size(item);
        e = part_stage_change(p, &c);
    }
    return e;
}

/* The catalog's listener, for one staged record. */
static enum err announce(
    struct seeding *s,
    const struct change_txn *t,
    const struct part_raw *r,
    const struct value *item)
{
    if (s->table->id != PART_TABLE_CATALOG) {
        return OK;
    }
    const struct change change = {
        .kind = item == NULL ? CHANGE_DELETE : CHANGE_PUT,
        .table = s->table->id,
        .key = r->key,
    };
    struct received one = {.txn = *t, .items = item};
    one.txn.changes = &change;
    one.txn.n_changes = 1;
    struct outcome out;
    part_outcome_init(&out, &s->part->batch_arena, 1);
    out.told[out.n_told++] = 0;
    return part_follow_up(s->part, &one, &out);
}

/* One record, in a transaction of its own stamp. */
static enum err seed_one(
    struct seeding *s,
    const struct part_raw *r,
    const struct value *item,
    struct version stamp,
    bool purge,
    bool *ret_staged)
{
    struct part *p = s->part;
    const struct change_txn t = {.origin = stamp.region, .hlc = stamp.hlc};
    part_stage_begin_foreign(p, &t, (struct peer_pos){0});
    *ret_staged = false;
    enum err e = stage_record(s, r, item, purge, ret_staged);
    if (e != OK || !*ret_staged) {
        part_stage_abort(p);
        return e;
    }
    struct local_pos pos;
    e = part_stage_close(p, &pos);
    return e == OK ? announce(s, &t, r, item) : e;
}

static enum err seed_records(struct seeding *s)
{
    for (size_t i = 0; i < s->cmd->seed.n; i++) {
        const struct part_raw *r = &s->cmd->seed.records[i];
        bool staged;
        enum err e = seed_one(s, r, r->live ? &s->items[i] : NULL, r->version, false, &staged);
        if (e != OK) {
            return e;
        }
        s->cmd->seed.n_applied += staged ? 1U : 0U;
    }
    return OK;
}

/* Walks what we hold in the stretch beside the sorted records and removes what was forgotten there.
 * The cursor reads the engine as it was before this batch, which is what we held. */
static enum err purge(struct seeding *s, struct part_raw_cursor *c)
{
    const struct part_cmd *cmd = s->cmd;
    size_t i = 0;
    struct part_raw mine;
    for (enum err e = part_raw_next(c, &mine);; e = part_raw_next(c, &mine)) {
        bool past = e == OK && cmd->seed.to.len > 0 && bytes_cmp(mine.position, cmd->seed.to) > 0;
        if (e == ERR_NOT_FOUND || past) {
            return OK;
        }
        if (e != OK) {
            return e;
        }
        while (i < cmd->seed.n && bytes_cmp(cmd->seed.records[i].position, mine.position) < 0) {
            i++;
        }
        bool there = i < cmd->seed.n && bytes_eq(cmd->seed.records[i].position, mine.position);
        if (there || !mine.live || mine.version.hlc.v >= cmd->seed.gc_floor.v) {
            continue;
        }
        struct version stamp = {cmd->seed.gc_floor, mine.version.region};
        struct part_raw gone = mine;
        gone.item = BYTES_NONE;
        bool staged;
        e = seed_one(s, &gone, NULL, stamp, true, &staged);
        if (e != OK) {
            return e;
        }
        s->cmd->seed.n_purged += staged ? 1U : 0U;
    }
}

void part_seed_run(struct part *p, struct part_cmd *cmd)
{
    ASSERT(p->overlay.n == 0);
    cmd->seed.n_applied = 0;
    cmd->seed.n_purged = 0;
    struct seeding s = {.part = p, .cmd = cmd, .table = part_tstate_find(p, cmd->seed.table)};
    if (s.table == NULL || s.table->schema == NULL) {
        cmd->err = ERR_NOT_FOUND;
        return;
    }
    enum err e = check_records(&s);
    if (e == OK) {
        e = seed_records(&s);
    }
    if (e == OK && cmd->seed.complete) {
        struct part_reader r = {.engine = p->config.engine};
        struct part_raw_cursor *c =
            part_raw_open(&r, cmd->seed.table, 0, UINT32_MAX, cmd->seed.from);
        e = purge(&s, c);
        part_raw_close(c);
    }
    cmd->err = e;
}

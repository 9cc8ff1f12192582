/* A table as it stood at a stamp, out of a snapshot and the log.
 *
 * Of one key the changes that took effect have growing versions, so the first of them above a stamp
 * holds, as its old image, what stood there at the stamp. Only an expiry has a later stamp than its
 * version says, and may be followed by a write that is stamped before it and knew nothing of it:
 * such a write is what stood there, and what the expiry replaced is not. A first pass over the log
 * notes that change for each key that has one; a second pass over the table's records puts the old
 * images in their places; a third one adds what is there no more.
 *
 * The notes are positions, not images, so their memory grows with the keys changed since, about a
 * hundred bytes each; the log's quota bounds it. */
#include <stdlib.h>

#include "backup/backup.h"

enum { SECOND_MS = 1000, DAY_MS = 24 * 3600 * 1000, FLOOR_LOOK_MAX = 20000 };

/* Where the log keeps what stood at a key before a change. pos 0: there is no such change. */
struct spot {
    uint64_t pos;
    size_t at; /* index of the change in its transaction */
    bool live; /* an item stood there */
};

struct note {
    struct spot before; /* of the first change above `from` (changes) */
    struct spot after;  /* of the first change above `upto` */
    struct hlc changed;
    bool seen;
};

enum phase { PHASE_LOG, PHASE_RECORDS, PHASE_GONE, PHASE_END };

struct backup_view {
    struct backup_view_config config;
    enum phase phase;
    struct part_log_cursor *log;
    struct part_raw_cursor *records;
    struct map notes;
    bool expiries;          /* some change above the stamp was an expiry */
    size_t at;              /* PHASE_GONE: where in the notes */
    struct arena arena;     /* one log transaction, or one record */
    struct arena old_arena; /* what holds the record's other image */
    struct buf current;
};

struct backup_view *backup_view_open(const struct backup_view_config *config)
{
    struct backup_view *v = calloc(1, sizeof *v);
    ASSERT(v != NULL);
    ASSERT(config->reader.snap != NULL);
    v->config = *config;
    v->phase = config->all ? PHASE_RECORDS : PHASE_LOG;
    map_init(&v->notes);
    arena_init(&v->arena, /* bytes_max= */ 256 << 20);
    arena_init(&v->old_arena, /* bytes_max= */ 256 << 20);
    return v;
}

void backup_view_close(struct backup_view *v)
{
    if (v == NULL) {
        return;
    }
    part_log_close(v->log);
    part_raw_close(v->records);
    MAP_FOREACH (&v->notes, entry) {
        free(entry->value);
    }
    map_done(&v->notes);
    arena_done(&v->arena);
    arena_done(&v->old_arena);
    free(v);
}

/* ---- the log ---- */

/* What is stamped up to here leaves no note. */
static uint64_t above(const struct backup_view *v)
{
    return v->config.changes ? v->config.from.v : v->config.upto.v;
}

static void note_change(
    struct backup_view *v, const struct change_txn *t, struct local_pos pos, size_t at)
{
    const struct change *c = &t->changes[at];
    struct note *n = map_get(&v->notes, c->key);
    bool later = t->hlc.v > v->config.upto.v;
    bool noted = t->hlc.v > above(v);
    if (!later && n != NULL) { /* what is noted above this is of an expiry */
        n->after = (struct spot){0};
        n->before = noted ? n->before : (struct spot){0};
    }
    if (!noted) {
        return;
    }
    v->expiries = v->expiries || (c->flags & CHANGE_ON_BASE) != 0;
    if (n == NULL) {
        n = calloc(1, sizeof *n);
        ASSERT(n != NULL);
        (void)map_put(&v->notes, c->key, n);
    }
    const struct spot spot = {pos.v, at, c->old_live};
    if (later && n->after.pos == 0) {
        n->after = spot;
    }
    if (!later && n->before.pos == 0) {
        n->before = spot;
    }
    n->changed = later ? n->changed : t->hlc;
}

static enum err note_txn(struct backup_view *v, struct local_pos pos, struct bytes stored)
{
    struct change_txn t;
    enum err e = change_txn_peek(stored, &t);
    if (e != OK || (t.hlc.v <= above(v) && !v->expiries)) {
        return e;
    }
    arena_clear(&v->arena);
    e = change_txn_decode(&v->arena, stored, /* wire_only= */ false, &t);
    for (size_t i = 0; e == OK && i < t.n_changes; i++) {
        if (t.changes[i].table == v->config.table && part_change_took_effect(&t, &t.changes[i])) {
            note_change(v, &t, pos, i);
        }
    }
    return e;
}

static enum err step_log(struct backup_view *v)
{
    if (v->log == NULL) {
        v->log = part_log_open(&v->config.reader, (struct local_pos){0});
    }
    struct local_pos pos;
    struct bytes stored;
    enum err e = part_log_next(v->log, &pos, &stored);
    if (e == ERR_NOT_FOUND) {
        part_log_close(v->log);
        v->log = NULL;
        v->phase = v->config.changes ? PHASE_GONE : PHASE_RECORDS;
        return OK;
    }
    return e == OK ? note_txn(v, pos, stored) : e;
}

/* The image a spot speaks of, into `a`. */
static enum err image_at(
    struct backup_view *v, const struct spot *spot, struct arena *a, struct bytes *ret)
{
    struct part_log_cursor *c = part_log_open(&v->config.reader, (struct local_pos){spot->pos - 1});
    struct local_pos pos;
    struct bytes stored;
    struct change_txn t;
    arena_clear(a);
    enum err e = part_log_next(c, &pos, &stored);
    if (e == OK) {
        e = change_txn_decode(a, stored, /* wire_only= */ false, &t);
    }
    if (e == OK && (spot->at >= t.n_changes || t.changes[spot->at].old_item.len == 0)) {
        e = ERR_CORRUPT; /* recovery was off then, or the image did not fit */
    }
    if (e == OK) {
        *ret = bytes_dup(a, t.changes[spot->at].old_item);
        e = ret->base == NULL ? ERR_TOO_BIG : OK;
    }
    part_log_close(c);
    return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
}

/* ---- records ---- */

/* One record of the snapshot. OK: in *ret; ERR_AGAIN: it is none of the view's; ERR_NOT_FOUND: the
 * end. */
static enum err step_record(struct backup_view *v, struct backup_view_record *ret)
{
    if (v->records == NULL) {
        v->records = part_raw_open(&v->config.reader, v->config.table, 0, UINT32_MAX, BYTES_NONE);
    }
    struct part_raw raw;
    enum err e = part_raw_next(v->records, &raw);
    if (e != OK) {
        return e;
    }
    struct note *n = map_count(&v->notes) == 0 ? NULL : map_get(&v->notes, raw.key);
    *ret = (struct backup_view_record){.key = raw.key, .has_new = true, .item = raw.item};
    if (n != NULL) {
        n->seen = true;
    }
    if (n == NULL || n->after.pos == 0) {
        return raw.live ? OK : ERR_AGAIN;
    }
    return n->after.live ? image_at(v, &n->after, &v->arena, &ret->item) : ERR_AGAIN;
}

/* The item that stands at `key` in the snapshot, into `a`; *ret_there false: none. */
static enum err current_item(
    struct backup_view *v, struct bytes key, struct arena *a, struct bytes *ret, bool *ret_there)
{
    const struct part_table t = {.id = v->config.table};
    struct value item;
    struct buf b;
    arena_clear(a);
    *ret_there = false;
    enum err e = part_get(&v->config.reader, &t, key, a, &item, NULL);
    if (e == ERR_NOT_FOUND) {
        return OK;
    }
    if (e != OK) {
        return e;
    }
    buf_init(&b, BACKUP_BLOCK_BYTES_MAX);
    value_encode(&b, &item);
    *ret = bytes_dup(a, buf_bytes(&b));
    e = b.err != OK || ret->base == NULL ? ERR_TOO_BIG : OK;
    buf_done(&b);
    *ret_there = e == OK;
    return e;
}

/* One noted key: what became of it between the stamps. */
static enum err changed_key(
    struct backup_view *v, struct bytes key, const struct note *n, struct backup_view_record *ret)
{
    if (n->before.pos == 0) {
        return ERR_AGAIN;
    }
    *ret = (struct backup_view_record){.key = key, .changed = n->changed};
    ret->had_old = n->before.live;
    enum err e = n->before.live ? image_at(v, &n->before, &v->old_arena, &ret->old_item) : OK;
    if (e != OK) {
        return e;
    }
    if (n->after.pos == 0) {
        return current_item(v, key, &v->arena, &ret->item, &ret->has_new);
    }
    ret->has_new = n->after.live;
    return n->after.live ? image_at(v, &n->after, &v->arena, &ret->item) : OK;
}

static enum err step_gone(struct backup_view *v, struct backup_view_record *ret)
{
    const struct map_entry *entry = map_next(&v->notes, &v->at);
    if (entry == NULL) {
        return ERR_NOT_FOUND;
    }
    const struct note *n = entry->value;
    if (v->config.changes) {
        return changed_key(v, entry->key, n, ret);
    }
    if (n->seen || !n->after.live) {
        return ERR_AGAIN;
    }
    *ret = (struct backup_view_record){.key = entry->key, .has_new = true};
    return image_at(v, &n->after, &v->arena, &ret->item);
}

static enum err step(struct backup_view *v, struct backup_view_record *ret)
{
    enum err e;
    switch (v->phase) {
    case PHASE_LOG:
        e = step_log(v);
        return e == OK ? ERR_AGAIN : e;
    case PHASE_RECORDS:
        e = step_record(v, ret);
        v->phase = e == ERR_NOT_FOUND ? PHASE_GONE : v->phase;
        return e == ERR_NOT_FOUND ? ERR_AGAIN : e;
    case PHASE_GONE:
        e = step_gone(v, ret);
        v->phase = e == ERR_NOT_FOUND ? PHASE_END : v->phase;
        return e;
    case PHASE_END:
        break;
    }
    return ERR_NOT_FOUND;
}

enum err backup_view_next(struct backup_view *v, size_t *steps, struct backup_view_record *ret)
{
    enum err e = ERR_AGAIN;
    while (e == ERR_AGAIN && *steps > 0) {
        (*steps)--;
        e = step(v, ret);
    }
    return e;
}

/* ---- how far back ---- */

/* Of one region transactions lie in the log in the order of their stamps, so those that were
 * trimmed are stamped below the first that is left of it; and our own are stamped above all that
 * came before them. So the first of ours is enough, or one of every region we know. */
struct floor_search {
    const struct part_mark *marks;
    size_t n_marks;
    bool seen[CHANGE_REGIONS_MAX];
    size_t n_seen;
    struct hlc floor;
};

static enum err look_at(
    struct floor_search *f, struct region_id own, struct bytes stored, bool *ret_found)
{
    struct change_txn t;
    enum err e = change_txn_peek(stored, &t);
    if (e != OK || t.origin_pos.v == 0) {
        return e;
    }
    for (size_t i = 0; i < f->n_marks && i < CHANGE_REGIONS_MAX; i++) {
        if (f->marks[i].region.v == t.origin.v && !f->seen[i]) {
            f->seen[i] = true;
            f->n_seen++;
            f->floor.v = t.hlc.v > f->floor.v ? t.hlc.v : f->floor.v;
        }
    }
    *ret_found = t.origin.v == own.v || f->n_seen == f->n_marks;
    return OK;
}

static enum err search_floor(
    const struct part_reader *r, struct region_id own, struct floor_search *f)
{
    struct local_pos pos = {0};
    struct bytes stored;
    struct part_log_cursor *c = part_log_open(r, (struct local_pos){0});
    enum err e = part_log_next(c, &pos, &stored);
    bool found = e == OK && pos.v == 1; /* nothing was trimmed */
    for (unsigned i = 0; e == OK && !found && i < FLOOR_LOOK_MAX; i++) {
        e = look_at(f, own, stored, &found);
        if (e == OK && !found) {
            e = part_log_next(c, &pos, &stored);
        }
    }
    part_log_close(c);
    /* Of a region that is not seen all may be gone that we have of it. */
    for (size_t i = 0; i < f->n_marks && !found; i++) {
        f->floor.v = f->marks[i].hlc.v > f->floor.v ? f->marks[i].hlc.v : f->floor.v;
    }
    return e == ERR_NOT_FOUND ? OK : e;
}

enum err backup_log_floor(const struct part_reader *r, struct region_id own, struct hlc *ret)
{
    struct arena a;
    struct floor_search f = {0};
    arena_init(&a, /* bytes_max= */ 1 << 20);
    enum err e = part_read_marks(r, &a, &f.marks, &f.n_marks);
    if (e == OK) {
        e = search_floor(r, own, &f);
    }
    if (e == OK) {
        *ret = f.floor;
    }
    arena_done(&a);
    return e;
}

enum err backup_earliest_ms(
    const struct part_reader *r,
    struct region_id own,
    const struct core_table *t,
    uint64_t now_ms,
    uint64_t *ret)
{
    struct hlc floor;
    enum err e = backup_log_floor(r, own, &floor);
    if (e != OK) {
        return e;
    }
    uint64_t period = (uint64_t)t->pitr_days * DAY_MS;
    uint64_t earliest = t->pitr_since_ms;
    uint64_t kept = now_ms > period ? now_ms - period : 0;
    uint64_t logged = floor.v == 0 ? 0 : hlc_ms(floor) + 1;
    earliest = kept > earliest ? kept : earliest;
    earliest = logged > earliest ? logged : earliest;
    *ret = (earliest + SECOND_MS - 1) / SECOND_MS * SECOND_MS;
    return OK;
}

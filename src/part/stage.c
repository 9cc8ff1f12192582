/* The open transaction: changes are staged in memory, seen by every later read of the batch, and
 * written to the engine batch only when the transaction closes. Until then part_stage_abort() takes
 * all of it back.
 *
 * Invariants
 *  1. At most one transaction is open; it becomes position tail + 1 of our log, or leaves no trace.
 *  2. A key changes at most once in a transaction: staging it again replaces what was staged, and
 * `old` stays what stood there before the transaction.
 *  3. Nothing reaches the engine batch, the counters, the marks or a schema drop before the
 * transaction closes, so there is nothing to roll back but the overlay.
 *  4. The catalog's listener hears of a change of ours only when nothing can refuse the transaction
 * any more. */
#include <stdlib.h>

#include "part/impl.h"

void *part_grow(void *base, size_t n, size_t *cap, size_t size)
{
    if (n < *cap) {
        return base;
    }
    *cap = *cap == 0 ? 16 : *cap * 2;
    void *grown = realloc(base, *cap * size);
    ASSERT(grown != NULL);
    return grown;
}

static void begin(struct part *p)
{
    struct part_stage *s = &p->stage;
    ASSERT(!s->open);
    s->part = p;
    s->open = true;
    s->foreign = false;
    s->serial++;
    s->version = (struct version){{0}, p->config.region};
    s->pos.v = p->tail.v + 1;
    s->origin_pos.v = s->pos.v;
    s->seen = NULL;
    s->n_seen = 0;
    s->bytes = 0;
    s->n_staged = 0;
    s->n_acts = 0;
    s->n_undo = 0;
    s->n_dropped_before = p->n_dropped;
    s->conflict_head_before = p->conflict_head;
    s->conflict_next_before = p->conflict_next;
}

void part_stage_begin(struct part *p)
{
    begin(p);
}

void part_stage_begin_foreign(
    struct part *p, const struct change_txn *t, struct peer_pos origin_pos)
{
    begin(p);
    struct part_stage *s = &p->stage;
    s->foreign = true;
    s->version = (struct version){t->hlc, t->origin};
    s->origin_pos = origin_pos;
    s->seen = t->seen;
    s->n_seen = t->n_seen;
}

/* The stamp is taken at the first change, so that refused and empty transactions use none up. */
static struct version stage_version(struct part_stage *s)
{
    if (s->version.hlc.v == 0) {
        s->version.hlc = hlc_tick(&s->part->clock, s->part->now_ms);
    }
    return s->version;
}

bool part_is_dropped(const struct part *p, uint64_t table)
{
    for (size_t i = 0; i < p->n_dropped; i++) {
        if (p->dropped[i] == table) {
            return true;
        }
    }
    return false;
}

static bool is_dropped(const struct part *p, struct bytes row_key)
{
    return p->n_dropped > 0 && (row_key.base[0] == ROW_DATA || row_key.base[0] == ROW_COLLECTION) &&
           part_is_dropped(p, load_u64_be(row_key.base + 1));
}

enum err part_stage_read(struct part *p, struct bytes row_key, struct bytes *ret)
{
    uint64_t hash = hash64(row_key, 0);
    struct overlay_entry *e = overlay_find(&p->overlay, row_key, hash);
    if (e != NULL && e->state != OVERLAY_UNKNOWN) {
        *ret = e->value;
        return e->state == OVERLAY_PRESENT ? OK : ERR_NOT_FOUND;
    }
    if (is_dropped(p, row_key)) {
        return ERR_NOT_FOUND;
    }
    bool present;
    if (row_key.base[0] == ROW_DATA && row_cache_find(&p->rows, row_key, hash, &present, ret)) {
        return present ? OK : ERR_NOT_FOUND;
    }
    buf_clear(&p->read_buf);
    enum err err = engine_get(p->config.engine, NULL, row_key, &p->read_buf);
    if (err == OK) {
        *ret = buf_bytes(&p->read_buf);
    }
    return err;
}

enum err part_stage_load(
    struct part *p,
    uint64_t table,
    struct bytes key,
    bool want_item,
    struct arena *a,
    struct record *ret)
{
    buf_clear(&p->key_buf);
    if (!layout_data_key(&p->key_buf, table, key)) {
        return ERR_INVALID;
    }
    struct bytes stored;
    enum err e = part_stage_read(p, buf_bytes(&p->key_buf), &stored);
    if (e == ERR_NOT_FOUND) {
        *ret = (struct record){0};
        return OK;
    }
    struct record rec;
    if (e == OK) {
        e = layout_record_get(stored, &rec);
    }
    if (e != OK) {
        return e;
    }
    if (!want_item || !rec.live) {
        rec.item = BYTES_NONE;
    } else {
        rec.item = bytes_dup(a, rec.item);
        if (rec.item.base == NULL) {
            return ERR_TOO_BIG;
        }
    }
    *ret = rec;
    return OK;
}

static void remember(struct part_stage *s, struct overlay_entry *e)
{
    s->undo = part_grow(s->undo, s->n_undo, &s->undo_cap, sizeof *s->undo);
    s->undo[s->n_undo++] = (struct overlay_undo){e, e->value, e->state, e->txn, e->at};
}

bool part_needs_old_bytes(const struct part_table *t)
{
    return t->n_indexes > 0 || t->keep_old_images || t->streamed || t->ttl.len > 0;
}

bool part_needs_old_item(const struct part_table *t)
{
    return t->n_indexes > 0 || t->ttl.len > 0;
}

/* The bytes the data row gets, in the batch's arena; c->item_bytes then points into them. */
static enum err encode_row(struct part *p, struct staged *c, struct bytes *ret)
{
    struct record rec = {
        .present = true,
        .live = c->kind == CHANGE_PUT,
        .version = c->version,
        .buried = c->buried,
        .pos = p->stage.pos,
        .size = c->size,
    };
    buf_clear(&p->enc_buf);
    layout_record_put(&p->enc_buf, &rec);
    size_t header = p->enc_buf.len;
    if (c->kind == CHANGE_PUT && c->item_bytes.len > 0) {
        buf_put_bytes(&p->enc_buf, c->item_bytes);
    } else if (c->kind == CHANGE_PUT) {
        value_encode(&p->enc_buf, c->item);
    }
    if (p->enc_buf.err != OK) {
        return p->enc_buf.err;
    }
    *ret = bytes_dup(&p->batch_arena, buf_bytes(&p->enc_buf));
    ASSERT(ret->base != NULL);
    c->item_bytes = bytes_from(*ret, header);
    return OK;
}

static struct staged *staged_slot(struct part_stage *s)
{
    s->staged = part_grow(s->staged, s->n_staged, &s->staged_cap, sizeof *s->staged);
    return &s->staged[s->n_staged++];
}

enum err part_stage_change(struct part *p, const struct staged *change)
{
    struct part_stage *s = &p->stage;
    ASSERT(s->open);
    struct version own = stage_version(s);
    struct staged c = *change;
    c.version = (c.flags & CHANGE_ON_BASE) != 0 ? version_next(c.base) : own;
    c.buried = c.buried.v == 0 ? own.hlc : c.buried;
    c.kind = c.item == NULL ? CHANGE_DELETE : CHANGE_PUT;
    c.table_id = c.table->id;
    c.cancelled = false;
    const struct part_table *schema = c.table->schema;
    if (schema != NULL && schema->stamp != NULL && c.item != NULL && !s->foreign) {
        enum err stamped = part_stamp_put(p, &c, c.version);
        if (stamped != OK) {
            return stamped;
        }
    }
    buf_clear(&p->key_buf);
    if (!layout_data_key(&p->key_buf, c.table_id, c.key)) {
        return ERR_INVALID;
    }
    struct bytes row;
    enum err e = encode_row(p, &c, &row);
    if (e != OK) {
        return e;
    }
    struct bytes row_key = buf_bytes(&p->key_buf);
    c.entry = overlay_need(&p->overlay, &p->batch_arena, row_key, hash64(row_key, 0));
    c.key = bytes_from(c.entry->key, LAYOUT_DATA_PREFIX + LAYOUT_HASH_BYTES);
    c.collection = NULL;
    if (c.table->collected) {
        e = part_collection_need(p, c.table_id, c.key, &c.collection);
        if (e != OK) {
            return e;
        }
    }
    bool again = c.entry->txn == s->serial;
    if (!again && c.old.present && version_cmp(c.old.version, c.version) >= 0) {
        return ERR_CORRUPT;
    }
    if (!again && s->n_staged >= CHANGE_TXN_CHANGES_MAX) {
        return ERR_LIMIT;
    }
    s->bytes += row.len + c.key.len + c.old.item.len + 64;
    if (s->bytes > PART_TXN_BYTES_MAX && !s->foreign) {
        return ERR_TOO_BIG;
    }
    remember(s, c.entry);
    if (again) {
        struct staged *first = &s->staged[c.entry->at];
        c.old = first->old;
        c.old_item = first->old_item;
        *first = c;
    } else {
        c.entry->txn = s->serial;
        c.entry->at = s->n_staged;
        *staged_slot(s) = c;
    }
    bool stays = c.kind == CHANGE_PUT || c.tombstone;
    c.entry->state = stays ? OVERLAY_PRESENT : OVERLAY_ABSENT;
    c.entry->value = stays ? row : BYTES_NONE;
    return OK;
}

void part_stage_no_effect(struct part *p, const struct change *c, const struct record *old)
{
    struct part_stage *s = &p->stage;
    ASSERT(s->foreign);
    struct record shown = *old;
    const struct change_txn t = {.origin = s->version.region, .hlc = s->version.hlc};
    struct version theirs = change_version(&t, c);
    if (!shown.present || version_cmp(shown.version, theirs) < 0) {
        shown = (struct record){.present = true, .version = theirs};
    }
    shown.live = false;
    *staged_slot(s) = (struct staged){
        .kind = c->kind,
        .table_id = c->table,
        .key = c->key,
        .logged_item = c->item,
        .flags = c->flags,
        .base = c->base,
        .old = shown,
    };
}

static struct stage_act *act_slot(struct part_stage *s, enum stage_act_kind kind)
{
    s->acts = part_grow(s->acts, s->n_acts, &s->acts_cap, sizeof *s->acts);
    s->acts[s->n_acts] = (struct stage_act){.kind = kind};
    return &s->acts[s->n_acts++];
}

void part_stage_row(struct part *p, struct bytes key, struct bytes value)
{
    struct part_stage *s = &p->stage;
    ASSERT(s->open);
    struct overlay_entry *e = overlay_need(&p->overlay, &p->batch_arena, key, hash64(key, 0));
    remember(s, e);
    e->value = bytes_dup(&p->batch_arena, value);
    e->state = value.len > 0 ? OVERLAY_PRESENT : OVERLAY_ABSENT;
    struct stage_act *act = act_slot(s, STAGE_ACT_ROW);
    act->key = e->key;
    act->value = e->value;
}

void part_stage_abort(struct part *p)
{
    struct part_stage *s = &p->stage;
    ASSERT(s->open);
    for (size_t i = s->n_undo; i > 0; i--) {
        const struct overlay_undo *u = &s->undo[i - 1];
        u->entry->value = u->value;
        u->entry->state = u->state;
        u->entry->txn = u->txn;
        u->entry->at = u->at;
    }
    p->n_dropped = s->n_dropped_before;
    p->conflict_head = s->conflict_head_before;
    p->conflict_next = s->conflict_next_before;
    s->open = false;
}

/* ---- closing ---- */

/* The listener may stage more rows, and is told of those too. */
static enum err tell_catalog(struct part *p)
{
    struct part_stage *s = &p->stage;
    if (p->config.catalog_changed == NULL) {
        return OK;
    }
    for (size_t i = 0; i < s->n_staged; i++) {
        if (s->staged[i].cancelled || s->staged[i].table_id != PART_TABLE_CATALOG) {
            continue;
        }
        struct value key;
        enum err e = part_key_attrs(
            &p->batch_arena, &s->staged[i].table->schema->keys, s->staged[i].key, &key);
        if (e != OK) {
            return e;
        }
        p->config.catalog_changed(p->config.ctx, s, &key, s->staged[i].item);
    }
    return OK;
}

static void delete_prefix(struct part *p, struct buf *b)
{
    uint8_t lo[LAYOUT_INDEX_PREFIX];
    size_t n = b->len;
    ASSERT(n <= sizeof lo);
    memcpy(lo, b->base, n);
    layout_prefix_end(b, 0);
    engine_batch_delete_range(p->batch, bytes_of(lo, n), buf_bytes(b));
}

static void drop_table(struct part *p, const struct stage_act *act)
{
    struct buf *b = &p->key_buf;
    buf_clear(b);
    layout_data_prefix(b, act->table);
    delete_prefix(p, b);
    const uint8_t kinds[] = {
        ROW_INDEX,
        ROW_BACKFILL,
        ROW_INDEX_COUNTS,
        ROW_COLLECTION,
        ROW_EXPIRY,
        ROW_EXPIRY_STATE,
    };
    for (size_t i = 0; i < sizeof kinds; i++) {
        buf_clear(b);
        buf_put_u8(b, kinds[i]);
        put_u64_be(b, act->table);
        delete_prefix(p, b);
    }
    struct part_tstate *t = part_tstate_need(p, act->table);
    part_expiry_forget(t);
    if (t->schema_serial == act->schema_serial) {
        part_table_free(t->schema);
        t->schema = NULL;
        part_istates_free(t);
    }
    free(t->digest);
    t->digest = NULL;
    t->counts = (struct part_counts){0};
    t->dirty = true;
    part_istates_zero(p, t);
    /* The log may still tell of the table's items; replay must begin behind them. */
    p->checkpoint_must = true;
}

static void drop_index(struct part *p, const struct stage_act *act)
{
    buf_clear(&p->key_buf);
    layout_index_prefix(&p->key_buf, act->table, act->index);
    delete_prefix(p, &p->key_buf);
    buf_clear(&p->key_buf);
    layout_backfill_key(&p->key_buf, act->table, act->index);
    engine_batch_delete(p->batch, buf_bytes(&p->key_buf));
    buf_clear(&p->key_buf);
    layout_index_counts_key(&p->key_buf, act->table, act->index);
    engine_batch_delete(p->batch, buf_bytes(&p->key_buf));
}

static void run_acts(struct part *p)
{
    struct part_stage *s = &p->stage;
    for (size_t i = 0; i < s->n_acts; i++) {
        const struct stage_act *act = &s->acts[i];
        switch (act->kind) {
        case STAGE_ACT_ROW:
            if (act->value.len > 0) {
                engine_batch_put(p->batch, act->key, act->value);
            } else {
                engine_batch_delete(p->batch, act->key);
            }
            break;
        case STAGE_ACT_DROP_TABLE:
            drop_table(p, act);
            break;
        case STAGE_ACT_DROP_INDEX:
            drop_index(p, act);
            break;
        case STAGE_ACT_MARK:
            *part_mark_need(p, act->mark.region) = act->mark;
            p->marks_must = true;
            break;
        }
    }
}

static void put_tombstone_row(struct part *p, struct hlc hlc, const struct staged *c, bool there)
{
    buf_clear(&p->key_buf);
    layout_tombstone_key(&p->key_buf, hlc, c->table_id, c->key);
    if (there) {
        const uint8_t format[] = {LAYOUT_FORMAT};
        engine_batch_put(p->batch, buf_bytes(&p->key_buf), bytes_of(format, sizeof format));
    } else {
        engine_batch_delete(p->batch, buf_bytes(&p->key_buf));
    }
}

/* One staged change to rows and counters. */
static enum err write_change(struct part *p, const struct staged *c)
{
    if (c->entry->state == OVERLAY_PRESENT) {
        engine_batch_put(p->batch, c->entry->key, c->entry->value);
    } else {
        engine_batch_delete(p->batch, c->entry->key);
    }
    if (c->old.present && !c->old.live) {
        put_tombstone_row(p, c->old.buried, c, false);
    }
    if (c->kind == CHANGE_DELETE && c->tombstone) {
        put_tombstone_row(p, c->buried, c, true);
    }
    if (c->old.live) {
        part_counts_sub(p, c->table, c->key, c->old.version, c->old.size);
    }
    if (c->kind == CHANGE_PUT) {
        part_counts_add(p, c->table, c->key, c->version, c->size);
    }
    part_expiry_update(p, c);
    return part_index_update(p, c);
}

/* Who knew what: for our own transactions, our marks as they are now. */
static void own_seen(struct part *p, struct change_txn *t)
{
    struct change_seen *seen = ARENA_ARRAY(&p->batch_arena, struct change_seen, p->n_marks);
    ASSERT(seen != NULL);
    size_t n = 0;
    for (size_t i = 1; i < p->n_marks && n < CHANGE_REGIONS_MAX; i++) {
        if (p->marks[i].hlc.v > 0) {
            seen[n++] = (struct change_seen){p->marks[i].region, p->marks[i].hlc};
        }
    }
    t->seen = seen;
    t->n_seen = n;
}

/* Whether a put left the item as it was; equal items have equal bytes. */
static bool leaves_same(const struct staged *c)
{
    return c->entry != NULL && c->kind == CHANGE_PUT && c->old.live && c->table->schema->streamed &&
           bytes_eq(c->old.item, c->item_bytes);
}

static enum err append_log(struct part *p)
{
    struct part_stage *s = &p->stage;
    struct change_txn t = {
        .origin = s->version.region,
        .origin_pos = s->origin_pos,
        .hlc = s->version.hlc,
        .seen = s->seen,
        .n_seen = s->n_seen,
    };
    if (!s->foreign) {
        own_seen(p, &t);
    }
    size_t image_bytes = 0;
    for (size_t i = 0; i < s->n_staged; i++) {
        const struct staged *c = &s->staged[i];
        if (c->cancelled) {
            continue;
        }
        /* Over a received transaction's size we have no say; images that do not fit are left out.
         */
        bool images = c->entry != NULL && c->old.live && c->table->schema->keep_old_images &&
                      c->old.item.len <= PART_TXN_BYTES_MAX - image_bytes;
        image_bytes += images ? c->old.item.len : 0;
        p->changes = part_grow(p->changes, t.n_changes, &p->changes_cap, sizeof *p->changes);
        p->changes[t.n_changes++] = (struct change){
            .kind = c->kind,
            .flags = c->flags,
            .table = c->table_id,
            .key = c->key,
            .base = c->base,
            .item = c->entry == NULL ? c->logged_item : c->item_bytes,
            .had_old = c->old.present,
            .old_live = c->old.live,
            .old_version = c->old.version,
            .old_bytes = c->old.live ? c->old.size : 0,
            .old_item = images ? c->old.item : BYTES_NONE,
            .same = leaves_same(c),
        };
    }
    t.changes = p->changes;
    return part_log_append(p, &t);
}

static bool has_changes(const struct part_stage *s)
{
    for (size_t i = 0; i < s->n_staged; i++) {
        if (!s->staged[i].cancelled) {
            return true;
        }
    }
    return false;
}

enum err part_stage_close(struct part *p, struct local_pos *ret_pos)
{
    struct part_stage *s = &p->stage;
    ASSERT(s->open);
    enum err e = s->foreign ? OK : tell_catalog(p);
    if (e != OK) {
        part_stage_abort(p);
        return e;
    }
    /* The log first: it alone can still refuse, but nothing of ours, which was bounded as it was
     * staged: the listener has been told of it. */
    bool logged = has_changes(s);
    if (logged) {
        e = append_log(p);
    }
    ASSERT(e == OK || s->foreign);
    if (e != OK) {
        part_stage_abort(p);
        return e;
    }
    run_acts(p);
    for (size_t i = 0; i < s->n_staged; i++) {
        if (!s->staged[i].cancelled && s->staged[i].entry != NULL) {
            e = write_change(p, &s->staged[i]);
            ASSERT(e == OK);
        }
    }
    if (logged) {
        p->tail = s->pos;
    }
    *ret_pos = logged ? s->pos : (struct local_pos){0};
    s->open = false;
    return OK;
}

/* ---- for the rooms above ---- */

struct part *part_stage_part(struct part_stage *s)
{
    return s->part;
}

void *part_context(const struct part *p)
{
    return p->config.ctx;
}

uint64_t part_stage_now_ms(const struct part_stage *s)
{
    return s->part->now_ms;
}

static enum err call_key(
    struct part_stage *s,
    uint64_t table,
    const struct value *key,
    struct part_tstate **ret_table,
    struct bytes *ret_key)
{
    struct part *p = s->part;
    ASSERT(s->open);
    struct part_tstate *t = part_tstate_find(p, table);
    if (t == NULL || t->schema == NULL) {
        return ERR_NOT_FOUND;
    }
    buf_clear(&p->enc_buf);
    struct bytes attr;
    enum err e = part_key_of(&t->schema->keys, key, &p->enc_buf, &attr);
    if (e != OK) {
        return e;
    }
    *ret_table = t;
    *ret_key = bytes_dup(&p->batch_arena, buf_bytes(&p->enc_buf));
    return OK;
}

enum err part_stage_get(
    struct part_stage *s,
    uint64_t table,
    const struct value *key,
    struct arena *a,
    struct value *ret)
{
    struct part_tstate *t;
    struct bytes k;
    enum err e = call_key(s, table, key, &t, &k);
    if (e != OK) {
        return e;
    }
    struct record rec;
    e = part_stage_load(s->part, table, k, /* want_item= */ true, a, &rec);
    if (e != OK) {
        return e;
    }
    return rec.live ? value_decode(a, rec.item, ret) : ERR_NOT_FOUND;
}

enum err part_stage_put(
    struct part_stage *s, uint64_t table, const struct value *key, const struct value *item)
{
    struct part *p = s->part;
    struct staged c = {0};
    enum err e = call_key(s, table, key, &c.table, &c.key);
    if (e != OK) {
        return e;
    }
    const struct part_table *schema = c.table->schema;
    e = part_stage_load(p, table, c.key, part_needs_old_bytes(schema), &p->batch_arena, &c.old);
    if (e != OK) {
        return e;
    }
    if (item == NULL && !c.old.live) {
        return OK;
    }
    if (c.old.live && part_needs_old_item(schema)) {
        struct value *old = ARENA_NEW(&p->batch_arena, struct value);
        ASSERT(old != NULL);
        e = value_decode(&p->batch_arena, c.old.item, old);
        if (e != OK) {
            return e;
        }
        c.old_item = old;
    }
    if (item != NULL) {
        /* The caller's memory may be gone before the transaction closes. */
        struct value *copy = ARENA_NEW(&p->batch_arena, struct value);
        ASSERT(copy != NULL);
        e = value_dup(&p->batch_arena, item, copy);
        if (e != OK) {
            return e;
        }
        c.item = copy;
        c.size = item_size(copy);
    }
    c.tombstone = schema->replicated;
    return part_stage_change(p, &c);
}

void part_stage_drop_table(struct part_stage *s, uint64_t table)
{
    struct part *p = s->part;
    ASSERT(s->open);
    ASSERT(table >= PART_TABLE_FIRST);
    for (size_t i = 0; i < s->n_staged; i++) {
        if (s->staged[i].entry != NULL && s->staged[i].table_id == table) {
            s->staged[i].cancelled = true;
        }
    }
    for (size_t i = 0; i < p->overlay.n_slots; i++) {
        struct overlay_entry *e = p->overlay.slots[i];
        bool of_table = e != NULL &&
                        (e->key.base[0] == ROW_DATA || e->key.base[0] == ROW_COLLECTION) &&
                        load_u64_be(e->key.base + 1) == table;
        if (of_table) {
            remember(s, e);
            e->state = OVERLAY_ABSENT;
            e->value = BYTES_NONE;
            e->txn = 0;
        }
    }
    p->dropped = part_grow(p->dropped, p->n_dropped, &p->dropped_cap, sizeof *p->dropped);
    p->dropped[p->n_dropped++] = table;
    const struct part_tstate *t = part_tstate_find(p, table);
    struct stage_act *act = act_slot(s, STAGE_ACT_DROP_TABLE);
    act->table = table;
    act->schema_serial = t == NULL ? 0 : t->schema_serial;
}

void part_stage_drop_index(struct part_stage *s, uint64_t table, uint32_t index)
{
    ASSERT(s->open);
    struct stage_act *act = act_slot(s, STAGE_ACT_DROP_INDEX);
    act->table = table;
    act->index = index;
}

void part_stage_note(struct part_stage *s, struct bytes name, struct bytes value)
{
    struct part *p = s->part;
    ASSERT(s->open);
    buf_clear(&p->key_buf);
    layout_note_key(&p->key_buf, name);
    part_stage_row(p, buf_bytes(&p->key_buf), value);
}

void part_stage_mark(struct part_stage *s, struct part_mark mark)
{
    ASSERT(s->open);
    ASSERT(mark.region.v != s->part->config.region.v);
    act_slot(s, STAGE_ACT_MARK)->mark = mark;
}

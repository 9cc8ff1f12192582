/* Time to live: a row for each item that expires, in the order of its time, so that finding what is
 * due costs what is due and not what is stored; the backfill of those rows; and the deleting.
 *
 * Invariants
 *  1. A row is a function of schema and item alone, like an index row.
 *  2. Rows are of the attribute the table's state row names, and all there once it says done. A
 *     schema that names another attribute makes them go in its own batch. Whoever reads a row
 *     compares it with the item all the same.
 *  3. An expiry ends one version (CHANGE_ON_BASE). It is decided in the batch that deletes, by what
 *     stands there then.
 *  4. `expiry_first` is at or before the earliest row, except for rows too old to matter, and rows
 * that do not read, or whose items do not: a sweep leaves those where they are and says so.
 *
 * Not promised: that an item goes at once when its time is over. Until it is deleted it reads like
 * any other. */
#include "part/impl.h"

enum {
    EXPIRE_TXN_ITEMS = 100,             /* one transaction's deletes */
    EXPIRE_TXN_BYTES = 1024 * 1024,     /* and about their bytes */
    EXPIRE_CMD_BYTES = 8 * 1024 * 1024, /* items read by one command, about */
};

static const uint64_t seconds_max = UINT64_C(253402300799);            /* the end of 9999 */
static const uint64_t age_max = UINT64_C(5) * 365 * 86400 + 2 * 86400; /* five years, with leap days
                                                                        */

bool part_expiry_of(const struct part_table *t, const struct value *item, uint64_t *ret_seconds)
{
    const struct value *v = t->ttl.len == 0 ? NULL : value_find(item, t->ttl);
    if (v == NULL || v->type != VALUE_NUMBER || v->number.neg) {
        return false;
    }
    struct decimal whole = v->number;
    while (whole.exp < 0 && whole.coef != 0) {
        whole.coef /= 10;
        whole.exp++;
    }
    int64_t seconds;
    bool fits = whole.coef != 0 && decimal_to_i64(&whole, &seconds) == OK;
    if (!fits || (uint64_t)seconds > seconds_max) {
        return false;
    }
    *ret_seconds = (uint64_t)seconds;
    return true;
}

/* ---- rows ---- */

static void put_row(struct part *p, struct part_tstate *t, uint64_t seconds, struct bytes key)
{
    const uint8_t format[] = {LAYOUT_FORMAT};
    buf_clear(&p->key_buf);
    layout_expiry_key(&p->key_buf, t->id, seconds, key);
    engine_batch_put(p->batch, buf_bytes(&p->key_buf), bytes_of(format, sizeof format));
    t->expiry_first = seconds < t->expiry_first ? seconds : t->expiry_first;
    t->expiry_left = seconds < t->expiry_left ? seconds : t->expiry_left;
}

void part_expiry_update(struct part *p, const struct staged *s)
{
    const struct part_table *t = s->table->schema;
    if (t == NULL || t->ttl.len == 0) {
        return;
    }
    uint64_t before = 0;
    uint64_t after = 0;
    bool had = s->old_item != NULL && part_expiry_of(t, s->old_item, &before);
    bool has = s->item != NULL && part_expiry_of(t, s->item, &after);
    if (had && (!has || before != after)) {
        buf_clear(&p->key_buf);
        layout_expiry_key(&p->key_buf, t->id, before, s->key);
        engine_batch_delete(p->batch, buf_bytes(&p->key_buf));
    }
    if (has && (!had || before != after)) {
        put_row(p, s->table, after, s->key);
    }
}

void part_expiry_forget(struct part_tstate *t)
{
    buf_clear(&t->expiry_attr);
    t->expiry_done = false;
    t->expiry_first = UINT64_MAX;
    t->expiry_left = UINT64_MAX;
}

bool part_expiry_settled(const struct part *p, uint64_t table)
{
    const struct part_tstate *t = part_tstate_find(p, table);
    if (t == NULL || t->schema == NULL) {
        return true;
    }
    bool same = bytes_eq(buf_bytes(&t->expiry_attr), t->schema->ttl);
    return same && (t->expiry_done || t->schema->ttl.len == 0);
}

uint64_t part_expiry_due_ms(const struct part *p, uint64_t table)
{
    const struct part_tstate *t = part_tstate_find(p, table);
    bool never =
        t == NULL || t->schema == NULL || t->schema->ttl.len == 0 || t->expiry_first > seconds_max;
    return never ? UINT64_MAX : t->expiry_first * 1000;
}

uint64_t part_expired_count(const struct part *p, uint64_t table)
{
    const struct part_tstate *t = part_tstate_find(p, table);
    return t == NULL ? 0 : t->n_expired;
}

/* ---- the state row, and filling in rows ---- */

static enum err load_state(struct part *p, struct bytes key, struct bytes value)
{
    struct reader r;
    enum err e = layout_checked_open(value, &r);
    if (e != OK) {
        return e;
    }
    if (key.len != 9) {
        return ERR_CORRUPT;
    }
    uint8_t done = get_u8(&r);
    struct bytes attr = get_lenbytes(&r);
    if (r.bad || done > 1 || attr.len == 0) {
        return ERR_CORRUPT;
    }
    struct part_tstate *t = part_tstate_need(p, load_u64_be(key.base + 1));
    buf_clear(&t->expiry_attr);
    buf_put_bytes(&t->expiry_attr, attr);
    t->expiry_done = done == 1;
    return OK;
}

enum err part_expiry_load(struct part *p)
{
    const uint8_t lo[] = {ROW_EXPIRY_STATE};
    const uint8_t hi[] = {ROW_EXPIRY_STATE + 1};
    struct engine_iter *it =
        engine_iter_open(p->config.engine, NULL, bytes_of(lo, sizeof lo), bytes_of(hi, sizeof hi));
    enum err e = OK;
    for (bool on = engine_iter_first(it); on && e == OK; on = engine_iter_next(it)) {
        e = load_state(p, engine_iter_key(it), engine_iter_value(it));
    }
    e = e == OK ? engine_iter_err(it) : e;
    engine_iter_close(it);
    return e;
}

static void put_state(struct part *p, struct part_tstate *t, struct bytes position)
{
    buf_clear(&p->key_buf);
    layout_expiry_state_key(&p->key_buf, t->id);
    if (t->expiry_attr.len == 0) {
        engine_batch_delete(p->batch, buf_bytes(&p->key_buf));
        return;
    }
    buf_clear(&p->meta_buf);
    size_t start = layout_checked_begin(&p->meta_buf);
    buf_put_u8(&p->meta_buf, t->expiry_done ? 1 : 0);
    put_lenbytes(&p->meta_buf, buf_bytes(&t->expiry_attr));
    buf_put_bytes(&p->meta_buf, position);
    layout_checked_end(&p->meta_buf, start);
    engine_batch_put(p->batch, buf_bytes(&p->key_buf), buf_bytes(&p->meta_buf));
}

static enum err read_position(struct part *p, const struct part_tstate *t, struct buf *ret)
{
    buf_clear(&p->key_buf);
    layout_expiry_state_key(&p->key_buf, t->id);
    buf_clear(&p->read_buf);
    enum err e = engine_get(p->config.engine, NULL, buf_bytes(&p->key_buf), &p->read_buf);
    struct reader r;
    if (e == OK) {
        e = layout_checked_open(buf_bytes(&p->read_buf), &r);
    }
    if (e == OK) {
        (void)get_u8(&r);
        (void)get_lenbytes(&r);
        buf_put_bytes(ret, get_bytes(&r, reader_left(&r)));
    }
    return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
}

/* The schema asks for another attribute, or none: all rows go, and filling in begins. */
static void start_over(struct part *p, struct part_tstate *t)
{
    struct buf hi;
    buf_init(&hi, 64);
    buf_clear(&p->key_buf);
    layout_expiry_prefix(&p->key_buf, t->id);
    layout_expiry_prefix(&hi, t->id);
    layout_prefix_end(&hi, 0);
    engine_batch_delete_range(p->batch, buf_bytes(&p->key_buf), buf_bytes(&hi));
    buf_done(&hi);
    part_expiry_forget(t);
    buf_put_bytes(&t->expiry_attr, t->schema->ttl);
    put_state(p, t, BYTES_NONE);
}

/* Writes under the new schema keep no rows of the old attribute in step. If the old one were back
 * before the backfill had begun, its rows would pass for all there are. */
void part_expiry_settle(struct part *p, struct part_tstate *t)
{
    if (t->expiry_attr.len > 0 && !bytes_eq(buf_bytes(&t->expiry_attr), t->schema->ttl)) {
        start_over(p, t);
    }
}

static void tell_unread(struct part *p, const struct part_tstate *t, size_t n)
{
    if (n > 0) {
        TRACE(
            p->config.tracer,
            TRACE_ERROR,
            "part",
            "items that are to expire do not read, leaving them",
            TRACE_TEXT("table", t->schema->name),
            TRACE_NUM("items", n));
    }
}

/* What does not read gets no row, and holds up nothing behind it. */
static enum err fill(struct part *p, struct part_cmd *cmd, struct part_tstate *t, struct buf *at)
{
    struct part_reader reader = {.engine = p->config.engine};
    struct part_raw_cursor *c = part_raw_open(&reader, t->id, 0, UINT32_MAX, buf_bytes(at));
    size_t n_unread = 0;
    enum err e = OK;
    for (size_t n = 0; n < cmd->backfill.items_max && e == OK; n++) {
        struct part_raw raw;
        struct value item;
        uint64_t seconds;
        e = part_raw_next(c, &raw);
        if (e == OK && raw.live) {
            e = value_decode(&p->batch_arena, raw.item, &item);
        }
        bool unread = (e == ERR_CORRUPT || e == ERR_FORMAT) && raw.position.len > 0;
        if (e == OK && raw.live && part_expiry_of(t->schema, &item, &seconds)) {
            put_row(p, t, seconds, raw.key);
        }
        e = unread ? OK : e;
        n_unread += unread ? 1 : 0;
        if (e == OK) {
            buf_clear(at);
            buf_put_bytes(at, raw.position);
        }
    }
    part_raw_close(c);
    tell_unread(p, t, n_unread);
    return e;
}

/* The batch is empty when this runs, so the engine holds all there is; what is written meanwhile
 * keeps its rows in step by itself, because the schema already names the attribute. */
void part_expiry_backfill(struct part *p, struct part_cmd *cmd)
{
    ASSERT(p->overlay.n == 0);
    cmd->backfill.done = false;
    struct part_tstate *t = part_tstate_find(p, cmd->backfill.table);
    if (t == NULL || t->schema == NULL) {
        cmd->err = ERR_NOT_FOUND;
        return;
    }
    cmd->err = OK;
    if (!bytes_eq(buf_bytes(&t->expiry_attr), t->schema->ttl)) {
        start_over(p, t);
    } else if (!part_expiry_settled(p, t->id)) {
        struct buf at;
        buf_init(&at, SIZE_MAX / 2);
        enum err e = read_position(p, t, &at);
        e = e == OK ? fill(p, cmd, t, &at) : e;
        t->expiry_done = e == ERR_NOT_FOUND;
        cmd->err = t->expiry_done ? OK : e;
        put_state(p, t, t->expiry_done ? BYTES_NONE : buf_bytes(&at));
        buf_done(&at);
    }
    cmd->backfill.done = part_expiry_settled(p, t->id);
}

/* ---- deleting ---- */

struct expiring {
    struct part *part;
    struct part_cmd *cmd;
    struct part_tstate *table;
    uint64_t now_s;    /* our own items, */
    uint64_t others_s; /* and others', are due when their time is not after this */
    size_t bytes;
    size_t n_unread;
};

/* What a row that is due comes to. */
enum due { DUE_NOT, DUE_LATER, DUE_NOW, DUE_UNREAD };

static enum err close_txn(struct expiring *x)
{
    struct part_stage *s = &x->part->stage;
    if (!s->open) {
        return OK;
    }
    size_t n = s->n_staged;
    struct local_pos pos;
    enum err e = part_stage_close(x->part, &pos);
    if (e == OK) {
        x->cmd->expire.n_deleted += n;
        x->table->n_expired += n;
    }
    return e;
}

static enum err stage_delete(struct expiring *x, struct staged *c)
{
    struct part_stage *s = &x->part->stage;
    enum err e = OK;
    if (s->open && (s->n_staged >= EXPIRE_TXN_ITEMS || s->bytes >= EXPIRE_TXN_BYTES)) {
        e = close_txn(x);
    }
    if (e == OK && !s->open) {
        part_stage_begin(x->part);
    }
    return e == OK ? part_stage_change(x->part, c) : e;
}

/* Looks at one row that is due; DUE_NOW fills in the delete. DUE_LATER: its item stands, but
 * another region is to delete it first. OK; ERR_IO; ERR_TOO_BIG. */
static enum err look(
    struct expiring *x, struct bytes key, uint64_t seconds, struct staged *c, enum due *ret)
{
    struct part *p = x->part;
    struct value *item = ARENA_NEW(&p->batch_arena, struct value);
    ASSERT(item != NULL);
    *ret = DUE_NOT;
    enum err e =
        part_stage_load(p, x->table->id, key, /* want_item= */ true, &p->batch_arena, &c->old);
    if (e == OK && c->old.live) {
        x->bytes += c->old.item.len;
        e = value_decode(&p->batch_arena, c->old.item, item);
    }
    if (e == ERR_IO || e == ERR_TOO_BIG) {
        return e;
    }
    if (e != OK) {
        *ret = DUE_UNREAD;
        return OK;
    }
    uint64_t now = 0;
    if (!c->old.live || !part_expiry_of(x->table->schema, item, &now) || now != seconds) {
        return OK;
    }
    bool ours = c->old.version.region.v == p->config.region.v;
    *ret = !ours && seconds > x->others_s ? DUE_LATER : DUE_NOW;
    *c = (struct staged){
        .table = x->table,
        .key = key,
        .old = c->old,
        .old_item = item,
        .flags = CHANGE_BY_TTL | CHANGE_ON_BASE,
        .base = c->old.version,
        .tombstone = x->table->schema->replicated,
    };
    return OK;
}

static enum err expire_row(struct expiring *x, struct bytes row, uint64_t seconds)
{
    struct part_tstate *t = x->table;
    struct staged c = {0};
    enum due due = DUE_UNREAD;
    enum err e = OK;
    if (row.len > LAYOUT_EXPIRY_PREFIX) {
        struct bytes key = bytes_dup(&x->part->batch_arena, bytes_from(row, LAYOUT_EXPIRY_PREFIX));
        e = look(x, key, seconds, &c, &due);
    }
    if (e == OK && due == DUE_NOW) {
        e = stage_delete(x, &c);
    }
    t->expiry_left = due == DUE_LATER && seconds < t->expiry_left ? seconds : t->expiry_left;
    x->n_unread += due == DUE_UNREAD ? 1 : 0;
    return e;
}

/* Walks the due rows; *ret_first is the time of the first row behind them. */
static enum err expire_rows(struct expiring *x, struct engine_iter *it, uint64_t *ret_first)
{
    struct part_cmd *cmd = x->cmd;
    *ret_first = UINT64_MAX;
    size_t n = 0;
    for (bool on = engine_iter_first(it); on; on = engine_iter_next(it)) {
        struct bytes row = engine_iter_key(it);
        uint64_t seconds = row.len < 17 ? 0 : load_u64_be(row.base + 9);
        if (seconds > x->now_s) {
            *ret_first = seconds;
            break;
        }
        if (n == cmd->expire.items_max || x->bytes >= EXPIRE_CMD_BYTES) {
            cmd->expire.done = false;
            return OK;
        }
        enum err e = expire_row(x, row, seconds);
        if (e != OK) {
            return e;
        }
        cmd->expire.next = bytes_dup(cmd->arena, row);
        n++;
    }
    return engine_iter_err(it);
}

static struct engine_iter *open_rows(struct expiring *x)
{
    struct buf lo;
    struct buf hi;
    buf_init(&lo, SIZE_MAX / 2);
    buf_init(&hi, 64);
    if (x->cmd->expire.after.len > 0) {
        buf_put_bytes(&lo, x->cmd->expire.after);
        buf_put_u8(&lo, 0); /* the smallest key greater than that row's */
    } else {
        uint64_t oldest = x->now_s > age_max ? x->now_s - age_max : 0;
        layout_expiry_second(&lo, x->table->id, oldest);
    }
    layout_expiry_prefix(&hi, x->table->id);
    layout_prefix_end(&hi, 0);
    struct engine_iter *it =
        engine_iter_open(x->part->config.engine, NULL, buf_bytes(&lo), buf_bytes(&hi));
    buf_done(&lo);
    buf_done(&hi);
    return it;
}

void part_expire_run(struct part *p, struct part_cmd *cmd)
{
    ASSERT(p->overlay.n == 0);
    cmd->expire.n_deleted = 0;
    cmd->expire.done = true;
    cmd->expire.next = cmd->expire.after;
    struct part_tstate *t = part_tstate_find(p, cmd->expire.table);
    cmd->err = OK;
    if (t == NULL || t->schema == NULL || t->schema->ttl.len == 0) {
        return;
    }
    uint64_t others_ms = cmd->expire.others_ms < p->now_ms ? cmd->expire.others_ms : p->now_ms;
    struct expiring x = {
        .part = p,
        .cmd = cmd,
        .table = t,
        .now_s = p->now_ms / 1000,
        .others_s = (p->now_ms - others_ms) / 1000,
    };
    if (cmd->expire.after.len == 0) {
        t->expiry_left = UINT64_MAX;
    }
    uint64_t first;
    struct engine_iter *it = open_rows(&x);
    enum err e = expire_rows(&x, it, &first);
    engine_iter_close(it);
    if (e == OK) {
        e = close_txn(&x);
    } else if (p->stage.open) {
        part_stage_abort(p);
    }
    tell_unread(p, t, x.n_unread);
    if (e == OK && cmd->expire.done) {
        t->expiry_first = first < t->expiry_left ? first : t->expiry_left;
    }
    cmd->err = e;
}

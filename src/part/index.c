/* Index rows: what an item looks like in an index, keeping the rows in step with each change, and
 * the backfill of a new index over items that were there before it.
 *
 * Invariants
 *  1. The row is a function of schema and item alone, so a rebuilt index equals a maintained one
 * byte by byte.
 *  2. Indexes are sparse: an item without the index's key attributes, or with ones that cannot be
 * keys, has no row. Clients are refused the latter; items from regions whose table lacks the index
 * arrive all the same. */
#include "part/impl.h"

void part_index_row_done(struct index_row *r)
{
    buf_done(&r->key);
    buf_done(&r->value);
}

static size_t part_bytes_max(size_t i, size_t n_hash)
{
    return i < n_hash ? DOC_HASH_KEY_BYTES_MAX : DOC_RANGE_KEY_BYTES_MAX;
}

static const struct value *index_key_value(
    const struct expr_key_attr *attr, size_t bytes_max, const struct value *item)
{
    const struct value *v = value_find(item, attr->name);
    if (v == NULL || v->type != attr->type) {
        return NULL;
    }
    if (v->type != VALUE_NUMBER && (v->bytes.len == 0 || v->bytes.len > bytes_max)) {
        return NULL;
    }
    return v;
}

static bool is_projected(const struct part_table *t, const struct part_index *ix, struct bytes name)
{
    if (expr_keys_have(&t->keys, name) || expr_keys_have(&ix->keys, name)) {
        return true;
    }
    for (size_t i = 0; i < ix->n_include; i++) {
        if (ix->projection == PART_PROJECT_INCLUDE && bytes_eq(ix->include[i], name)) {
            return true;
        }
    }
    return false;
}

static enum err project(
    struct arena *a,
    const struct part_table *t,
    const struct part_index *ix,
    const struct value *item,
    struct bytes item_bytes,
    struct index_row *ret)
{
    buf_put_u8(&ret->value, LAYOUT_FORMAT);
    if (ix->projection == PART_PROJECT_ALL) {
        ret->size = item_size(item);
        if (item_bytes.len > 0) {
            buf_put_bytes(&ret->value, item_bytes);
        } else {
            value_encode(&ret->value, item);
        }
        return ret->value.err;
    }
    struct member *members = ARENA_ARRAY(a, struct member, item->map.n);
    if (members == NULL) {
        return ERR_TOO_BIG;
    }
    size_t n = 0;
    for (size_t i = 0; i < item->map.n; i++) {
        if (is_projected(t, ix, item->map.members[i].name)) {
            members[n++] = item->map.members[i];
        }
    }
    struct value row = {.type = VALUE_MAP, .map = {.members = members, .n = n}};
    ret->size = item_size(&row);
    value_encode(&ret->value, &row);
    return ret->value.err;
}

enum err part_index_row(
    struct arena *a,
    const struct part_table *t,
    const struct part_index *ix,
    struct bytes key,
    const struct value *item,
    struct bytes item_bytes,
    struct index_row *ret)
{
    buf_clear(&ret->key);
    buf_clear(&ret->value);
    ret->there = false;
    ret->size = 0;
    if (item == NULL) {
        return OK;
    }
    size_t n = expr_keys_count(&ix->keys);
    size_t n_hash = expr_keys_hashes(&ix->keys);
    const struct value *parts[EXPR_KEY_ATTRS_MAX];
    ASSERT(n <= EXPR_KEY_ATTRS_MAX);
    for (size_t i = 0; i < n; i++) {
        parts[i] = index_key_value(expr_keys_at(&ix->keys, i), part_bytes_max(i, n_hash), item);
        if (parts[i] == NULL) {
            return OK;
        }
    }
    layout_index_prefix(&ret->key, t->id, ix->id);
    /* The hash stands before the bytes it is of: encode first, put it in behind the prefix
     * afterwards. */
    const uint8_t gap[LAYOUT_HASH_BYTES] = {0};
    buf_put(&ret->key, gap, sizeof gap);
    size_t at = ret->key.len;
    for (size_t i = 0; i < n_hash; i++) {
        key_encode(&ret->key, parts[i]);
    }
    uint32_t ring =
        __builtin_bswap32(key_partition_hash(bytes_of(ret->key.base + at, ret->key.len - at)));
    memcpy(ret->key.base + LAYOUT_INDEX_PREFIX, &ring, sizeof ring);
    for (size_t i = n_hash; i < n; i++) {
        key_encode(&ret->key, parts[i]);
    }
    buf_put_bytes(&ret->key, key);
    if (ret->key.err != OK) {
        return ret->key.err;
    }
    ret->there = true;
    return project(a, t, ix, item, item_bytes, ret);
}

static uint32_t write_units(uint64_t bytes)
{
    return (uint32_t)((bytes + 1023) / 1024);
}

static bool row_eq(const struct buf *a, const struct buf *b)
{
    return bytes_eq(buf_bytes(a), buf_bytes(b));
}

/* Puts the difference between two rows of one index into the batch; returns its price. */
static uint32_t write_difference(
    struct part *p, const struct index_row *before, const struct index_row *after)
{
    bool same_key = before->there && after->there && row_eq(&before->key, &after->key);
    if (same_key && row_eq(&before->value, &after->value)) {
        return 0;
    }
    uint32_t units = 0;
    if (before->there && !same_key) {
        engine_batch_delete(p->batch, buf_bytes(&before->key));
        units += write_units(before->size);
    }
    if (after->there) {
        engine_batch_put(p->batch, buf_bytes(&after->key), buf_bytes(&after->value));
        uint64_t larger = same_key && before->size > after->size ? before->size : after->size;
        units += write_units(larger);
    }
    return units;
}

enum err part_index_update(struct part *p, const struct staged *s)
{
    const struct part_table *t = s->table->schema;
    if (t == NULL) {
        return OK;
    }
    uint64_t plus = s->item == NULL ? 0 : s->size;
    uint64_t minus = s->old.live ? s->old.size : 0;
    for (size_t i = 0; i < t->n_indexes; i++) {
        const struct part_index *ix = &t->indexes[i];
        enum err e =
            part_index_row(&p->batch_arena, t, ix, s->key, s->old_item, s->old.item, &p->row_old);
        if (e == OK) {
            e = part_index_row(&p->batch_arena, t, ix, s->key, s->item, s->item_bytes, &p->row_new);
        }
        if (e != OK) {
            return e;
        }
        uint32_t units = write_difference(p, &p->row_old, &p->row_new);
        struct bytes position = bytes_from(s->entry->key, LAYOUT_DATA_PREFIX);
        part_istate_count(p, s->table, i, position, &p->row_old, &p->row_new);
        plus += ix->local ? p->row_new.size : 0;
        minus += ix->local ? p->row_old.size : 0;
        if (s->index_units != NULL && i < 25) {
            s->index_units[i] = units;
        }
    }
    if (s->collection != NULL) {
        part_collection_add(p, s, plus, minus);
    }
    return OK;
}

static enum err check_attr(
    const struct part_index *ix,
    const struct expr_key_attr *attr,
    size_t bytes_max,
    const struct value *item,
    struct part_op *op)
{
    const struct value *v = value_find(item, attr->name);
    if (v == NULL) {
        return OK;
    }
    bool typed = v->type == attr->type;
    bool scalar = v->type == VALUE_STRING || v->type == VALUE_BINARY;
    if (typed && (!scalar || (v->bytes.len > 0 && v->bytes.len <= bytes_max))) {
        return OK;
    }
    op->fault = typed && v->bytes.len > 0 ? PART_FAULT_INDEX_LENGTH : PART_FAULT_INDEX_KEY;
    op->fault_attr = attr->name;
    op->fault_index = ix->name;
    op->fault_value = *v;
    return ERR_INVALID;
}

enum err part_index_check(const struct part_table *t, const struct value *item, struct part_op *op)
{
    for (size_t i = 0; i < t->n_indexes; i++) {
        const struct part_index *ix = &t->indexes[i];
        size_t n_hash = expr_keys_hashes(&ix->keys);
        for (size_t k = 0; k < expr_keys_count(&ix->keys); k++) {
            const struct expr_key_attr *attr = expr_keys_at(&ix->keys, k);
            enum err e = check_attr(ix, attr, part_bytes_max(k, n_hash), item, op);
            if (e != OK) {
                return e;
            }
        }
    }
    return OK;
}

/* ---- backfill ---- */

static void put_position(struct part *p, uint64_t table, uint32_t index, struct bytes position)
{
    buf_clear(&p->key_buf);
    layout_backfill_key(&p->key_buf, table, index);
    buf_clear(&p->meta_buf);
    size_t start = layout_checked_begin(&p->meta_buf);
    buf_put_bytes(&p->meta_buf, position);
    layout_checked_end(&p->meta_buf, start);
    engine_batch_put(p->batch, buf_bytes(&p->key_buf), buf_bytes(&p->meta_buf));
}

static enum err backfill_record(
    struct part *p, struct part_tstate *t, size_t i, const struct part_raw *raw)
{
    struct value item;
    enum err e = raw->live ? value_decode(&p->batch_arena, raw->item, &item) : OK;
    if (e == OK) {
        e = part_index_row(
            &p->batch_arena,
            t->schema,
            &t->schema->indexes[i],
            raw->key,
            raw->live ? &item : NULL,
            raw->item,
            &p->row_new);
    }
    if (e == OK && p->row_new.there) {
        engine_batch_put(p->batch, buf_bytes(&p->row_new.key), buf_bytes(&p->row_new.value));
    }
    if (e == OK) {
        part_istate_reach(p, t, i, raw->position, &p->row_new);
    }
    return e;
}

static enum err backfill(struct part *p, struct part_cmd *cmd, struct part_tstate *t, size_t i)
{
    struct part_reader reader = {.engine = p->config.engine};
    const struct buf *reached = &t->istates[i].reached;
    struct part_raw_cursor *c = part_raw_open(&reader, t->id, 0, UINT32_MAX, buf_bytes(reached));
    struct part_raw raw;
    enum err e = OK;
    for (size_t n = 0; n < cmd->backfill.items_max && e == OK; n++) {
        e = part_raw_next(c, &raw);
        if (e == OK) {
            e = backfill_record(p, t, i, &raw);
        }
    }
    part_raw_close(c);
    cmd->backfill.done = e == ERR_NOT_FOUND;
    if (cmd->backfill.done) {
        const struct index_row none = {.there = false};
        part_istate_reach(p, t, i, BYTES_NONE, &none);
    }
    /* Also when a record could not be read: what was counted before it is in this batch. */
    put_position(p, t->id, t->schema->indexes[i].id, buf_bytes(reached));
    return cmd->backfill.done ? OK : e;
}

/* The batch is empty when this runs, so the engine holds all there is; what is written afterwards
 * keeps the new index in step by itself, because the schema already names it. */
void part_index_backfill(struct part *p, struct part_cmd *cmd)
{
    ASSERT(p->overlay.n == 0);
    cmd->backfill.done = false;
    struct part_tstate *t = part_tstate_find(p, cmd->backfill.table);
    cmd->err = ERR_NOT_FOUND;
    for (size_t i = 0; t != NULL && t->schema != NULL && i < t->n_istates; i++) {
        if (t->istates[i].id == cmd->backfill.index) {
            cmd->err = backfill(p, cmd, t, i);
            return;
        }
    }
}

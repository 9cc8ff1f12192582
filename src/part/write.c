/* Item operations of clients: read what stands, judge the condition, work out the new item, refuse
 * what may not stand, stage the rest. */
#include "part/impl.h"

static enum err fault(struct part_op *op, enum part_fault f, enum err e)
{
    op->fault = f;
    return e;
}

static const struct value no_item = {.type = VALUE_MAP};

static enum err decode_old(struct arena *a, const struct record *rec, const struct value **ret)
{
    *ret = NULL;
    if (!rec->live) {
        return OK;
    }
    struct value *v = ARENA_NEW(a, struct value);
    if (v == NULL) {
        return ERR_TOO_BIG;
    }
    enum err e = value_decode(a, rec->item, v);
    if (e == OK) {
        *ret = v;
    }
    return e;
}

/* The item as the operation leaves it, NULL when it leaves none. */
static enum err new_item(
    struct arena *a, struct part_op *op, const struct value *old, const struct value **ret)
{
    *ret = op->kind == PART_PUT ? op->item : NULL;
    if (op->kind != PART_UPDATE) {
        return OK;
    }
    const struct value *base = old != NULL ? old : op->key_attrs;
    if (op->update == NULL) {
        *ret = base;
        return OK;
    }
    if (old == NULL && expr_update_only_removes(op->update)) {
        return OK;
    }
    struct value *v = ARENA_NEW(a, struct value);
    if (v == NULL) {
        return ERR_TOO_BIG;
    }
    enum err e = expr_update_apply(a, op->update, base, v, &op->msg);
    if (e == ERR_INVALID) {
        return fault(op, PART_FAULT_UPDATE, e);
    }
    if (e == OK) {
        *ret = v;
    }
    return e;
}

/* An item has to fit, and an update with what DynamoDB adds to it. */
static bool too_big(const struct part_op *op, const struct value *item)
{
    return op->new_bytes > DOC_ITEM_BYTES_MAX ||
           (op->kind == PART_UPDATE && op->update != NULL &&
            expr_update_too_big(op->update, item, op->new_bytes));
}

static enum err check_item(const struct part_table *t, struct part_op *op, const struct value *item)
{
    op->new_bytes = item_size(item);
    if (too_big(op, item)) {
        return fault(op, PART_FAULT_ITEM_SIZE, ERR_TOO_BIG);
    }
    if (op->kind == PART_UPDATE && value_depth(item) > DOC_DEPTH_MAX) {
        return fault(op, PART_FAULT_DEPTH, ERR_LIMIT);
    }
    return part_index_check(t, item, op);
}

/* The operation's new item is known and differs from "nothing to do". */
static enum err stage_op(
    struct part *p,
    struct part_op *op,
    struct part_tstate *t,
    const struct record *old,
    const struct value *old_item,
    const struct value *item)
{
    struct staged c = {
        .table = t,
        .key = op->key,
        .old = *old,
        .old_item = old_item,
        .item = item,
        .flags = op->flags,
        .tombstone = t->schema->replicated,
        .index_units = op->index_units,
        .collection_bytes = &op->collection_bytes,
    };
    if (item != NULL) {
        enum err e = check_item(t->schema, op, item);
        if (e != OK) {
            return e;
        }
        c.size = op->new_bytes;
        if (t->collected) {
            e = part_collection_check(p, op, &c);
        }
        if (e != OK) {
            return e;
        }
        if (t->schema->stamp != NULL) {
            op->stamp_units = (uint32_t)part_write_units(op->old_bytes, op->new_bytes);
        }
    }
    return part_stage_change(p, &c);
}

static enum err evaluate(struct part *p, struct part_op *op, struct arena *cmd_arena)
{
    struct part_tstate *t = part_tstate_find(p, op->table);
    if (t == NULL || t->schema == NULL) {
        return fault(op, PART_FAULT_NO_TABLE, ERR_NOT_FOUND);
    }
    if (part_throttle_table(p, t)) {
        return fault(op, PART_FAULT_THROTTLED, ERR_BUSY);
    }
    bool shown = op->want_old || op->want_new || op->kind == PART_UPDATE;
    struct arena *a = shown ? cmd_arena : &p->batch_arena;
    bool decode = shown || op->condition != NULL || part_needs_old_item(t->schema) ||
                  t->schema->stamp != NULL;
    struct record old;
    enum err e =
        part_stage_load(p, op->table, op->key, decode || part_needs_old_bytes(t->schema), a, &old);
    if (e != OK) {
        return e;
    }
    const struct value *old_item = NULL;
    if (decode) {
        e = decode_old(a, &old, &old_item);
    }
    if (e != OK) {
        return e;
    }
    op->old_bytes = !old.live                  ? 0
                    : t->schema->stamp == NULL ? old.size
                                               : part_unstamped_size(t->schema->stamp, old_item);
    op->old = op->want_old ? old_item : NULL;
    if (t->collected) {
        struct overlay_entry *collection;
        e = part_collection_need(p, op->table, op->key, &collection);
        if (e != OK) {
            return e;
        }
        op->collection_bytes = part_collection_bytes(collection);
    }
    if (op->condition != NULL &&
        !expr_cond_eval(op->condition, old_item != NULL ? old_item : &no_item)) {
        return fault(op, PART_FAULT_CONDITION, ERR_CONDITION);
    }
    const struct value *item = NULL;
    e = new_item(a, op, old_item, &item);
    if (e != OK || op->kind == PART_CHECK) {
        return e;
    }
    const struct part_index *spent = part_throttle_index(p, t, old_item, item);
    if (spent != NULL) {
        op->fault_index = spent->name;
        return fault(op, PART_FAULT_INDEX_THROTTLED, ERR_BUSY);
    }
    if (item != NULL || old.live) {
        e = stage_op(p, op, t, &old, old_item, item);
    }
    op->now = e == OK && op->want_new ? item : NULL;
    return e;
}

static void run_op(struct part *p, struct part_op *op, struct arena *a)
{
    op->fault = PART_FAULT_NONE;
    op->old = NULL;
    op->now = NULL;
    op->old_bytes = 0;
    op->new_bytes = 0;
    op->collection_bytes = 0;
    memset(op->index_units, 0, sizeof op->index_units);
    op->stamp_units = 0;
    op->err = evaluate(p, op, a);
    if (op->err != OK) {
        /* The schema may be another one before the client is told. */
        op->fault_attr = bytes_dup(a, op->fault_attr);
        op->fault_index = bytes_dup(a, op->fault_index);
    }
}

/* Evaluates and stages all. OK, or why none of it may happen. */
static enum err stage_all(struct part *p, struct part_cmd *cmd)
{
    enum err worst = OK;
    uint64_t bytes = 0;
    /* Every operation is judged even after one failed: the client is told about each. */
    for (size_t i = 0; i < cmd->write.n; i++) {
        struct part_op *op = &cmd->write.ops[i];
        run_op(p, op, cmd->arena);
        bool ours = op->err == ERR_IO || op->err == ERR_CORRUPT;
        if (op->err != OK && (worst == OK || worst == ERR_CANCELLED)) {
            worst = ours ? op->err : ERR_CANCELLED;
        }
        bytes += op->kind == PART_CHECK ? 0 : op->new_bytes;
    }
    if (worst == OK && cmd->write.bytes_max > 0 && bytes > cmd->write.bytes_max) {
        return ERR_TOO_BIG;
    }
    return worst == OK && cmd->write.token != NULL ? part_token_keep(p, cmd) : worst;
}

static enum err run_atomic(struct part *p, struct part_cmd *cmd)
{
    if (cmd->write.token != NULL) {
        enum err e = part_token_look(p, cmd);
        if (e != OK || cmd->write.token->repeated) {
            return e;
        }
    }
    part_stage_begin(p);
    enum err e = stage_all(p, cmd);
    if (e != OK) {
        part_stage_abort(p);
    } else {
        e = part_stage_close(p, &cmd->write.pos);
    }
    if (e != OK) {
        if (cmd->write.token != NULL) {
            p->tokens_due_ms = 0; /* what was forgotten is remembered again */
        }
        return e;
    }
    cmd->write.version = p->stage.version;
    return OK;
}

static void run_alone(struct part *p, struct part_cmd *cmd, struct part_op *op)
{
    part_stage_begin(p);
    run_op(p, op, cmd->arena);
    if (op->err != OK) {
        part_stage_abort(p);
        return;
    }
    struct local_pos pos;
    op->err = part_stage_close(p, &pos);
    if (op->err == OK && pos.v != 0) {
        cmd->write.pos = pos;
        cmd->write.version = p->stage.version;
    }
}

void part_write_run(struct part *p, struct part_cmd *cmd)
{
    cmd->write.pos.v = 0;
    cmd->write.version = (struct version){{0}, {0}};
    if (cmd->write.atomic) {
        cmd->err = run_atomic(p, cmd);
        for (size_t i = 0; i < cmd->write.n && cmd->err != OK; i++) {
            cmd->write.ops[i].stamp_units = 0;
        }
        bool counts = cmd->write.token == NULL || !cmd->write.token->repeated;
        for (size_t i = 0; i < cmd->write.n && counts && cmd->err != ERR_EXISTS; i++) {
            part_throttle_take(p, &cmd->write.ops[i], /* times= */ 2);
        }
        return;
    }
    for (size_t i = 0; i < cmd->write.n; i++) {
        run_alone(p, cmd, &cmd->write.ops[i]);
        part_throttle_take(p, &cmd->write.ops[i], /* times= */ 1);
    }
    cmd->err = OK;
}

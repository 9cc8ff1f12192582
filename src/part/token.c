/* Tokens: what makes a repeated write happen once.
 *
 * A token is two bookkeeping rows, staged in the transaction it stands for: one by name, with what
 * was asked and how large the items were; one by the time it ends, to find those that are over.
 * Both stay in this region. Nobody looks after tokens between writes: whoever keeps a new one
 * forgets some whose time is over, so there are never many more than were used lately.
 *
 * Invariant: a row by time leads to a row by name with the same time, or to none, or to one that
 * was kept anew under the same name; the last two are stale and merely go. */
#include "part/impl.h"

enum { TOKENS_FORGOTTEN_MAX = 64 }; /* by one write */

struct token_row {
    struct hash128 request;
    uint64_t ends_ms;
    size_t n; /* of ops */
    struct reader sizes;
};

/* The row under a name through the open batch. OK; ERR_NOT_FOUND; ERR_IO; ERR_CORRUPT. The sizes
 * are borrowed until the next read. */
static enum err row_get(struct part *p, struct bytes name, struct token_row *ret)
{
    buf_clear(&p->key_buf);
    layout_token_key(&p->key_buf, name);
    struct bytes stored;
    enum err e = part_stage_read(p, buf_bytes(&p->key_buf), &stored);
    if (e != OK) {
        return e;
    }
    struct reader r;
    if (layout_checked_open(stored, &r) != OK) {
        return ERR_CORRUPT;
    }
    ret->ends_ms = get_u64(&r);
    ret->request.lo = get_u64(&r);
    ret->request.hi = get_u64(&r);
    ret->n = get_varint(&r);
    ret->sizes = r;
    return r.bad ? ERR_CORRUPT : OK;
}

enum err part_token_look(struct part *p, struct part_cmd *cmd)
{
    struct part_token *t = cmd->write.token;
    ASSERT(t->name.len > 0);
    ASSERT(t->name.len <= PART_TOKEN_NAME_MAX);
    t->repeated = false;
    struct token_row row;
    enum err e = row_get(p, t->name, &row);
    if (e == ERR_NOT_FOUND) {
        return OK;
    }
    if (e != OK || row.ends_ms <= p->now_ms) {
        return e;
    }
    if (row.request.lo != t->request.lo || row.request.hi != t->request.hi) {
        return ERR_EXISTS;
    }
    if (row.n != cmd->write.n) {
        return ERR_CORRUPT;
    }
    for (size_t i = 0; i < cmd->write.n; i++) {
        struct part_op *op = &cmd->write.ops[i];
        op->err = OK;
        op->fault = PART_FAULT_NONE;
        op->old = NULL;
        op->now = NULL;
        op->old_bytes = get_varint(&row.sizes);
        op->new_bytes = 0;
        op->collection_bytes = 0;
        memset(op->index_units, 0, sizeof op->index_units);
        op->stamp_units = 0;
    }
    t->repeated = !row.sizes.bad && reader_left(&row.sizes) == 0;
    return t->repeated ? OK : ERR_CORRUPT;
}

/* ---- those whose time is over ---- */

static enum err forget(struct part *p, struct bytes end_key, uint64_t ends_ms)
{
    struct bytes key = bytes_dup(&p->batch_arena, end_key);
    struct bytes name = bytes_from(key, 1 + 8);
    struct token_row row;
    enum err e = row_get(p, name, &row);
    if (e != OK && e != ERR_NOT_FOUND) {
        return e;
    }
    if (e == OK && row.ends_ms == ends_ms) {
        buf_clear(&p->enc_buf);
        layout_token_key(&p->enc_buf, name);
        part_stage_row(p, buf_bytes(&p->enc_buf), BYTES_NONE);
    }
    part_stage_row(p, key, BYTES_NONE);
    return OK;
}

/* The engine may still show rows that this batch has forgotten already; that does no harm. */
static enum err forget_some(struct part *p, struct engine_iter *it)
{
    size_t n = 0;
    for (bool on = engine_iter_first(it); on; on = engine_iter_next(it)) {
        struct bytes key = engine_iter_key(it);
        if (key.len <= 1 + 8) {
            return ERR_CORRUPT;
        }
        uint64_t ends_ms = load_u64_be(key.base + 1);
        if (ends_ms > p->now_ms || n == TOKENS_FORGOTTEN_MAX) {
            p->tokens_due_ms = ends_ms;
            return OK;
        }
        enum err e = forget(p, key, ends_ms);
        if (e != OK) {
            return e;
        }
        n++;
    }
    p->tokens_due_ms = p->now_ms + PART_TOKEN_MS;
    return engine_iter_err(it);
}

enum err part_token_keep(struct part *p, const struct part_cmd *cmd)
{
    const struct part_token *t = cmd->write.token;
    uint64_t ends_ms = p->now_ms + PART_TOKEN_MS;
    buf_clear(&p->meta_buf);
    size_t start = layout_checked_begin(&p->meta_buf);
    put_u64(&p->meta_buf, ends_ms);
    put_u64(&p->meta_buf, t->request.lo);
    put_u64(&p->meta_buf, t->request.hi);
    put_varint(&p->meta_buf, cmd->write.n);
    for (size_t i = 0; i < cmd->write.n; i++) {
        const struct part_op *op = &cmd->write.ops[i];
        put_varint(&p->meta_buf, op->old_bytes > op->new_bytes ? op->old_bytes : op->new_bytes);
    }
    layout_checked_end(&p->meta_buf, start);
    buf_clear(&p->enc_buf);
    layout_token_key(&p->enc_buf, t->name);
    part_stage_row(p, buf_bytes(&p->enc_buf), buf_bytes(&p->meta_buf));
    const uint8_t format[] = {LAYOUT_FORMAT};
    buf_clear(&p->enc_buf);
    layout_token_end_key(&p->enc_buf, ends_ms, t->name);
    part_stage_row(p, buf_bytes(&p->enc_buf), bytes_of(format, sizeof format));
    if (p->now_ms < p->tokens_due_ms) {
        return OK;
    }
    const uint8_t lo[] = {ROW_TOKEN_END};
    const uint8_t hi[] = {ROW_TOKEN_END + 1};
    struct engine_iter *it =
        engine_iter_open(p->config.engine, NULL, bytes_of(lo, sizeof lo), bytes_of(hi, sizeof hi));
    enum err e = forget_some(p, it);
    engine_iter_close(it);
    return e;
}

/* Items that a restore or an import puts into its table: bounded commands to the writer, as any
 * client's. */
#include "server/jobs.h"

enum { PUT_ARENA_BYTES = 256 << 20 };

void putter_init(struct putter *p)
{
    *p = (struct putter){0};
    arena_init(&p->arena, PUT_ARENA_BYTES);
}

void putter_done(struct putter *p)
{
    arena_done(&p->arena);
}

static void putter_clear(struct putter *p)
{
    p->ops = NULL;
    p->n = 0;
    p->bytes = 0;
    arena_clear(&p->arena);
}

enum err putter_flush(struct runner *r)
{
    struct putter *p = &r->putter;
    if (p->n == 0) {
        putter_clear(p); /* of what was read and left out */
        return OK;
    }
    struct part_cmd cmd = {
        .kind = PART_CMD_WRITE,
        .arena = &p->arena,
        .write = {.ops = p->ops, .n = p->n},
    };
    enum err e = jobs_do(r->jobs, &cmd);
    for (size_t i = 0; i < p->n && e == OK; i++) {
        const struct part_op *op = &p->ops[i];
        bool misfit = op->fault == PART_FAULT_INDEX_KEY || op->fault == PART_FAULT_INDEX_LENGTH ||
                      op->fault == PART_FAULT_ITEM_SIZE || op->fault == PART_FAULT_DEPTH;
        p->put += op->err == OK;
        p->refused += op->err != OK && misfit;
        e = op->err == OK || misfit ? OK : op->err;
    }
    putter_clear(p);
    return e;
}

enum err putter_add(struct runner *r, const struct core_table *t, const struct value *item)
{
    struct putter *p = &r->putter;
    size_t size = item_size(item);
    struct bytes attr;
    struct buf key;
    if (size > DOC_ITEM_BYTES_MAX) {
        return ERR_INVALID;
    }
    if (p->ops == NULL) {
        p->ops = ARENA_ARRAY(&p->arena, struct part_op, JOB_PUT_ITEMS);
        ASSERT(p->ops != NULL);
    }
    buf_init(&key, /* len_max= */ 16384);
    enum err e = part_key_of(&t->part.keys, item, &key, &attr);
    if (e == OK) {
        struct value *own = ARENA_NEW(&p->arena, struct value);
        struct bytes own_key = bytes_dup(&p->arena, buf_bytes(&key));
        ASSERT(own != NULL);
        ASSERT(own_key.base != NULL);
        *own = *item;
        p->ops[p->n++] =
            (struct part_op){.kind = PART_PUT, .table = t->part.id, .key = own_key, .item = own};
        p->bytes += size;
    }
    buf_done(&key);
    if (e != OK) {
        return ERR_INVALID;
    }
    return p->n == JOB_PUT_ITEMS || p->bytes >= JOB_PUT_BYTES ? putter_flush(r) : OK;
}

struct finding {
    struct core *core;
    struct arena *arena;
    struct bytes name;
    struct bytes uuid;
    struct core_table *found;
};

static enum err find(void *arg, struct part_stage *s, struct arena *a)
{
    (void)s;
    (void)a;
    struct finding *f = arg;
    const struct core_table *t = catalog_table(core_catalog(f->core), f->name);
    if (t == NULL || !t->filling || !bytes_eq(t->uuid, f->uuid)) {
        return ERR_NOT_FOUND;
    }
    f->found = core_table_dup(f->arena, t);
    return f->found == NULL ? ERR_TOO_BIG : OK;
}

enum err runner_target(
    struct runner *r, struct bytes name, struct bytes uuid, struct core_table **ret)
{
    struct finding f = {
        .core = r->jobs->server->writer.core,
        .arena = &r->arena,
        .name = name,
        .uuid = uuid,
    };
    enum err e = jobs_call(r->jobs, find, &f);
    if (e == OK) {
        *ret = f.found;
    }
    return e;
}

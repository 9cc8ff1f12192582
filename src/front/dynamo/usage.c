/* What calls use of tables and their global indexes, told to whoever meters. Always counted,
 * whether or not the client wants to know: sums in the request's arena, no more. */
#include "front/dynamo/dynamo_internal.h"

static struct dynamo_usage *usage_of(struct dynamo_call *c, struct bytes table, struct bytes index)
{
    /* A call names few tables, and one after the other. */
    for (const struct dynamo_usage *u = c->usage; u != NULL; u = u->next) {
        if (bytes_eq(u->table, table) && bytes_eq(u->index, index)) {
            return (struct dynamo_usage *)(uintptr_t)u;
        }
    }
    struct dynamo_usage *u = ARENA_NEW(c->arena, struct dynamo_usage);
    if (u != NULL) {
        *u = (struct dynamo_usage){.next = c->usage, .table = table, .index = index};
        c->usage = u;
    }
    return u;
}

/* Of a global index the name has to outlive the catalog's. */
static struct bytes index_name(struct dynamo_call *c, const struct core_index *x)
{
    return x == NULL || x->part.local ? BYTES_NONE : bytes_dup(c->arena, x->part.name);
}

void usage_read(
    struct dynamo_call *c, struct bytes table, const struct core_index *index, uint64_t halves)
{
    struct dynamo_usage *u = usage_of(c, table_name_of(table), index_name(c, index));
    if (u != NULL) {
        u->read_halves += halves;
    }
}

void usage_repeated(struct dynamo_call *c, struct bytes table, const struct part_op *op)
{
    uint64_t halves = capacity_read_halves(op->old_bytes, /* consistent= */ true) * 2;
    const struct core_table *t = catalog_table(c->d->view.catalog, table_name_of(table));
    usage_read(c, table, NULL, halves);
    if (t != NULL) {
        throttle_take(c, t, NULL, halves);
    }
}

void usage_refused(struct dynamo_call *c, const struct spent *s)
{
    struct dynamo_usage *u = usage_of(c, s->table, s->index);
    if (u != NULL) {
        u->writes_refused += s->write ? 1 : 0;
        u->reads_refused += s->write ? 0 : 1;
        u->on_demand = s->on_demand;
    }
}

void usage_write(
    struct dynamo_call *c, struct bytes table, const struct part_op *op, unsigned times)
{
    struct bytes name = table_name_of(table);
    struct dynamo_usage *u = usage_of(c, name, BYTES_NONE);
    if (u == NULL) {
        return;
    }
    u->write_halves += part_write_units(op->old_bytes, op->new_bytes) * 2 * times;
    u->write_halves += (uint64_t)op->stamp_units * 2;
    if (op->err != OK) {
        return;
    }
    const struct core_table *t = NULL;
    size_t n_max = sizeof op->index_units / sizeof op->index_units[0];
    for (size_t i = 0; i < n_max; i++) {
        if (op->index_units[i] == 0) {
            continue;
        }
        t = t == NULL ? catalog_table(c->d->view.catalog, name) : t;
        if (t == NULL || i >= t->n_indexes) {
            return; /* the table has changed meanwhile */
        }
        struct dynamo_usage *x = usage_of(c, name, index_name(c, &t->indexes[i]));
        if (x != NULL) {
            x->write_halves += (uint64_t)op->index_units[i] * 2;
        }
    }
}

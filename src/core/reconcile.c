/* Looks after one name: compares the rows of our table, its group and its replicas with what is
 * stored here, and stages the next step towards agreement. Runs in a call of its own after every
 * change of a row about the name, and at start.
 *
 *   our table   CREATING --finish_states--> ACTIVE --admin--> UPDATING --finish_states--> ACTIVE
 *               any --admin or leave--> DELETING --drop_own_table--> gone
 *   an index    CREATING --backfill errand--> ACTIVE;  DELETING --finish_indexes--> gone
 *   our replica CREATING --join--> bound --build, seeds in--> ACTIVE
 *               CREATING or ACTIVE, cannot agree with its group --fail--> FAILED
 *               any --admin--> DELETING --leave--> gone
 *
 * Invariants
 *  1. A region writes its own table and replica rows only; of others' rows it writes what an
 * administration call asks for. The group row goes with its last replica.
 *  2. Every decision that cannot be taken back (FAILED, dropping) rests on rows that were written
 * together or by us, never on the absence of a row that may still be on its way. What may only be
 * late is waited for.
 *  3. A look at rows that agree stages nothing.
 * Not promised: that two regions which create the same group at once both succeed. The group row of
 * the later stamp stays; replicas of the other one become FAILED, keep their tables, and can be
 * removed. */
#include "core/impl.h"

struct look {
    struct core *c;
    struct part_stage *s;
    struct arena *a;
    struct bytes name;
    uint64_t now_ms;
    uint64_t due_ms; /* when a look had been put off to; 0: was not */
    const struct core_table *t;
    const struct group_entry *g;
    const struct replica_row *own;
    struct core_table next; /* our table's row as it shall be, if `edited` */
    bool edited;
};

static struct bytes own_region(const struct look *l)
{
    return catalog_region(l->c->catalog);
}

/* Our table as this look has it so far. */
static const struct core_table *current(const struct look *l)
{
    return l->edited ? &l->next : l->t;
}

static enum err edit(struct look *l)
{
    if (l->edited) {
        return OK;
    }
    ASSERT(l->t != NULL);
    enum err err = table_copy(l->a, l->t, &l->next);
    l->edited = err == OK;
    return err;
}

static struct core_index *next_index(struct look *l, size_t i)
{
    /* The copy's arrays are ours; only the public struct calls them const. */
    return (struct core_index *)(uintptr_t)&l->next.indexes[i];
}

static struct join join_of(const struct look *l)
{
    return (struct join){l->c, l->s, l->a, l->g, l->own};
}

static enum err set_own_replica(struct look *l, enum core_status status)
{
    struct replica_row row = *l->own;
    row.replica.status = status;
    return stage_replica(l->s, l->a, l->name, &row);
}

/* ---- the end of tables and replicas ---- */

/* Whether replicas of the group may be unknown here, so that being the last one of it is not sure:
 * a region that was fenced off has holes in its catalog until that has been seeded. Going then
 * would take the group away from those who stay. Whose log we were fenced off has a mark, but
 * perhaps no member's row here yet. */
static enum err may_be_others(struct look *l, bool *ret)
{
    *ret = false;
    size_t n;
    const struct part_mark *marks = part_marks(l->c->part, &n);
    if (l->own == NULL || !l->g->has_row || l->g->n_replicas != 1) {
        return OK;
    }
    for (size_t i = 1; i < n && !*ret; i++) {
        struct seed_row row;
        enum err err = seed_get(l->s, l->a, PART_TABLE_CATALOG, marks[i].region, &row);
        if (err != OK && err != ERR_NOT_FOUND) {
            return err;
        }
        *ret = err == OK && !row.done;
    }
    return OK;
}

/* As may_be_others(); if so, it also comes back to the name a while later. */
static enum err must_wait(struct look *l, bool *ret)
{
    enum err err = may_be_others(l, ret);
    if (err == OK && *ret) {
        core_mark_at(l->c, l->name, l->now_ms + CORE_RETRY_MS);
    }
    return err;
}

static enum err drop_own_table(struct look *l)
{
    bool waits;
    enum err err = must_wait(l, &waits);
    if (err != OK || waits) {
        return err;
    }
    part_stage_drop_table(l->s, l->t->part.id);
    err = stage_no_table(l->s, l->a, own_region(l), l->name);
    if (err == OK) {
        err = seeds_drop(l->c, l->s, l->a, l->t->part.id);
    }
    bool ours = l->own != NULL &&
                (l->own->replica.table == l->t->part.id || l->own->replica.status == CORE_DELETING);
    if (err != OK || !ours) {
        return err;
    }
    err = stage_no_replica(l->s, l->a, own_region(l), l->name);
    if (err == OK && l->g->has_row && l->g->n_replicas == 1) {
        err = stage_no_group(l->s, l->a, l->name);
    }
    return err;
}

/* ---- which changes of our table are the group's ---- */

/* Where what this look stages will stand in our log. */
static struct local_pos next_pos(const struct look *l)
{
    return (struct local_pos){part_tail(l->c->part).v + 1};
}

/* The table joins with this look. Of many memberships the latest are remembered. */
static void span_begin(struct look *l)
{
    struct core_table *t = &l->next;
    if (t->n_spans == CORE_SPANS_MAX) {
        memmove(&t->spans[0], &t->spans[1], (CORE_SPANS_MAX - 1) * sizeof t->spans[0]);
        t->n_spans--;
    }
    t->spans[t->n_spans++] = (struct core_span){.since = next_pos(l)};
}

/* It leaves with this look. */
static void span_end(struct look *l)
{
    struct core_table *t = &l->next;
    if (t->n_spans == 0) {
        t->spans[t->n_spans++] = (struct core_span){0}; /* from its beginning */
    }
    t->spans[t->n_spans - 1].left = next_pos(l);
}

/* Another group begins with the table that had left the one before: what it holds is the group's.
 */
static enum err span_reopen(struct look *l)
{
    size_t n = l->t->n_spans;
    if (n == 0 || l->t->spans[n - 1].left.v == 0) {
        return OK;
    }
    enum err err = edit(l);
    if (err == OK) {
        l->next.spans[n - 1].left.v = 0;
    }
    return err;
}

/* Whether our replica stands for the table we have. */
static bool is_bound(const struct look *l)
{
    return l->t != NULL && l->g->has_row && l->own->replica.table == l->g->row.table &&
           l->t->part.id == l->g->row.table;
}

/* A replica that leaves a 2019 group is deleted with its table. Of a 2017 group the table stays,
 * alone; for a while it still ships, so that what was written before the removal reaches the
 * others soon, and after that it is told from what is written later by its place in the log. */
static enum err leave(struct look *l)
{
    if (is_bound(l) && l->g->row.version == CORE_GROUP_2019) {
        enum err err = edit(l);
        if (err == OK) {
            l->next.status = CORE_DELETING;
        }
        return err;
    }
    if (is_bound(l) && (l->due_ms == 0 || l->due_ms > l->now_ms)) {
        core_mark_at(l->c, l->name, l->due_ms == 0 ? l->now_ms + CORE_LEAVE_GRACE_MS : l->due_ms);
        return OK;
    }
    bool waits;
    enum err err = must_wait(l, &waits);
    if (err != OK || waits) {
        return err;
    }
    err = seeds_drop(l->c, l->s, l->a, l->own->replica.table);
    if (err == OK && is_bound(l)) {
        err = edit(l);
        span_end(l);
    }
    if (err == OK) {
        err = stage_no_replica(l->s, l->a, own_region(l), l->name);
    }
    if (err == OK && l->g->has_row && l->g->n_replicas == 1) {
        err = stage_no_group(l->s, l->a, l->name);
    }
    return err;
}

/* The table may have been bound to another group's id than our replica row now names: no data of
 * either is wanted. */
static enum err fail(struct look *l)
{
    enum err err = seeds_drop(l->c, l->s, l->a, l->own->replica.table);
    if (err == OK && l->t != NULL && l->t->part.id != l->own->replica.table) {
        err = seeds_drop(l->c, l->s, l->a, l->t->part.id);
    }
    return err == OK ? set_own_replica(l, CORE_FAILED) : err;
}

/* ---- joining a group ---- */

static void make_indexes_active(struct look *l)
{
    for (size_t i = 0; i < l->next.n_indexes; i++) {
        struct core_index *x = next_index(l, i);
        x->status = CORE_ACTIVE;
        x->backfilling = false;
    }
}

/* The table of a new replica, like its group's. */
static enum err make_table(struct look *l)
{
    enum err err = table_copy(l->a, &l->g->row.shape, &l->next);
    if (err != OK) {
        return err;
    }
    struct core_table *t = &l->next;
    t->part.id = l->g->row.table;
    t->part.name = l->name;
    t->region = own_region(l);
    t->uuid = new_uuid(l->c, l->a);
    t->status = CORE_CREATING;
    t->created_ms = l->now_ms;
    t->stream_created_ms = streams_label_ms(l->c, l->name, l->now_ms);
    t->n_spans = 0;
    t->extra = (struct value){.type = VALUE_MAP};
    make_indexes_active(l);
    l->edited = true;
    return t->uuid.base == NULL ? ERR_TOO_BIG : OK;
}

/* Our empty table takes the group's id and the group's indexes, which carry the same ids
 * everywhere. */
static enum err rebind_table(struct look *l)
{
    struct core_table shape;
    enum err err = table_copy(l->a, &l->g->row.shape, &shape);
    if (err == OK) {
        err = edit(l);
    }
    if (err != OK) {
        return err;
    }
    /* Also under the same id: what was deleted while the table stood alone is no delete of the
     * group's items. */
    part_stage_drop_table(l->s, l->t->part.id);
    if (l->t->part.id != l->g->row.table) {
        err = seeds_drop(l->c, l->s, l->a, l->t->part.id);
        l->next.n_spans = 0; /* they were of the other id */
    }
    l->next.part.id = l->g->row.table;
    span_begin(l);
    /* Dropping is not in the log, so no time before it can be recovered. */
    l->next.pitr_since_ms = l->next.pitr_since_ms == 0 ? 0 : l->now_ms;
    l->next.attrs = shape.attrs;
    l->next.n_attrs = shape.n_attrs;
    l->next.indexes = shape.indexes;
    l->next.n_indexes = shape.n_indexes;
    make_indexes_active(l);
    return err;
}

static bool can_rebind(const struct look *l)
{
    const struct core_table *t = l->t;
    return keys_equal(&t->part.keys, &l->g->row.shape.part.keys) &&
           t->stream == l->g->row.shape.stream &&
           part_table_counts(l->c->part, t->part.id).items == 0;
}

static enum err join_group(struct look *l)
{
    const struct group_row *row = &l->g->row;
    bool is_source = bytes_eq(row->source, own_region(l));
    if (is_source && l->t != NULL && l->t->part.id == row->table) {
        enum err err = span_reopen(l);
        return err == OK ? set_own_replica(l, CORE_ACTIVE) : err;
    }
    if (l->t == NULL && row->version == CORE_GROUP_2017) {
        return fail(l);
    }
    if (l->t == NULL && catalog_own_tables(l->c->catalog) >= CORE_TABLES_MAX) {
        return fail(l);
    }
    if (l->t != NULL && !can_rebind(l)) {
        return fail(l);
    }
    enum err err = l->t == NULL ? make_table(l) : rebind_table(l);
    /* What was fetched for an earlier membership is no longer known to be whole. */
    if (err == OK) {
        err = seeds_drop(l->c, l->s, l->a, row->table);
    }
    if (err != OK) {
        return err;
    }
    l->next.join = l->own->replica.join;
    return OK;
}

static enum err follow_shape(struct look *l);

static enum err build(struct look *l)
{
    if (!is_bound(l)) {
        return fail(l);
    }
    struct join j = join_of(l);
    bool done;
    enum err err = seeds_follow(&j, &done);
    if (err != OK) {
        return err;
    }
    if (!done) {
        core_mark_at(l->c, l->name, l->now_ms + CORE_SEED_POLL_MS);
        return follow_shape(l);
    }
    err = set_own_replica(l, CORE_ACTIVE);
    if (err == OK && l->t->status == CORE_CREATING) {
        err = edit(l);
        l->next.status = CORE_ACTIVE;
    }
    return err == OK ? follow_shape(l) : err;
}

/* ---- following the group's settings ---- */

static enum err drop_foreign_indexes(struct look *l, const struct core_table *shape)
{
    for (size_t i = 0; i < current(l)->n_indexes; i++) {
        const struct core_index *x = &current(l)->indexes[i];
        if (find_index_id(shape, x->part.id) != NULL || x->status == CORE_DELETING) {
            continue;
        }
        enum err err = edit(l);
        if (err != OK) {
            return err;
        }
        next_index(l, i)->status = CORE_DELETING;
        next_index(l, i)->backfilling = false;
    }
    return OK;
}

/* An index whose name is still taken by one that is going waits for the next look. */
static bool is_index_missing(const struct look *l, const struct core_index *wanted)
{
    const struct core_table *t = current(l);
    return find_index_id(t, wanted->part.id) == NULL && find_index(t, wanted->part.name) == NULL;
}

/* The attributes of the group, and those of our own that indexes on their way out still use. */
static enum err merge_attrs(struct look *l, const struct core_table *shape)
{
    size_t n = 0;
    struct expr_key_attr *attrs =
        ARENA_ARRAY(l->a, struct expr_key_attr, shape->n_attrs + l->next.n_attrs);
    if (attrs == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < shape->n_attrs; i++) {
        attrs[n++] = shape->attrs[i];
    }
    for (size_t i = 0; i < l->next.n_attrs; i++) {
        bool there = false;
        for (size_t k = 0; k < shape->n_attrs; k++) {
            there = there || bytes_eq(shape->attrs[k].name, l->next.attrs[i].name);
        }
        if (!there) {
            attrs[n++] = l->next.attrs[i];
        }
    }
    l->next.attrs = attrs;
    l->next.n_attrs = n;
    return OK;
}

static enum err add_missing_indexes(struct look *l, const struct core_table *shape)
{
    size_t n_missing = 0;
    for (size_t i = 0; i < shape->n_indexes; i++) {
        n_missing += is_index_missing(l, &shape->indexes[i]) ? 1 : 0;
    }
    if (n_missing == 0) {
        return OK;
    }
    enum err err = edit(l);
    if (err != OK) {
        return err;
    }
    struct core_index *indexes =
        ARENA_ARRAY(l->a, struct core_index, l->next.n_indexes + n_missing);
    if (indexes == NULL) {
        return ERR_TOO_BIG;
    }
    size_t n = 0;
    for (; n < l->next.n_indexes; n++) {
        indexes[n] = l->next.indexes[n];
    }
    for (size_t i = 0; i < shape->n_indexes; i++) {
        if (is_index_missing(l, &shape->indexes[i])) {
            indexes[n] = shape->indexes[i];
            indexes[n].status = CORE_CREATING;
            indexes[n].backfilling = true;
            n++;
        }
    }
    l->next.indexes = indexes;
    l->next.n_indexes = n;
    return merge_attrs(l, shape);
}

/* Billing mode and write units are the group's; read units stay each replica's own, except that a
 * change of mode brings some. */
static enum err follow_billing(struct look *l, const struct core_table *shape)
{
    const struct core_table *t = current(l);
    bool mode = t->on_demand != shape->on_demand;
    bool units = t->throughput.write_units != shape->throughput.write_units ||
                 t->throughput.write_max != shape->throughput.write_max;
    for (size_t i = 0; i < t->n_indexes; i++) {
        const struct core_index *x = find_index_id(shape, t->indexes[i].part.id);
        units = units ||
                (x != NULL && (x->throughput.write_units != t->indexes[i].throughput.write_units ||
                               x->throughput.write_max != t->indexes[i].throughput.write_max));
    }
    if (!mode && !units) {
        return OK;
    }
    enum err err = edit(l);
    if (err != OK) {
        return err;
    }
    l->next.on_demand = shape->on_demand;
    l->next.throughput.write_units = shape->throughput.write_units;
    l->next.throughput.write_max = shape->throughput.write_max;
    if (mode) {
        l->next.throughput = shape->throughput;
        l->next.billing_changed_ms = l->now_ms;
    }
    for (size_t i = 0; i < l->next.n_indexes; i++) {
        const struct core_index *x = find_index_id(shape, l->next.indexes[i].part.id);
        if (x != NULL) {
            struct core_throughput *mine = &next_index(l, i)->throughput;
            mine->write_units = x->throughput.write_units;
            mine->write_max = x->throughput.write_max;
            if (mode) {
                *mine = x->throughput;
            }
        }
    }
    return OK;
}

/* Which attribute ends items is the group's too, but of a 2017 group each table's own. */
static enum err follow_ttl(struct look *l, const struct core_table *shape)
{
    bool same = bytes_eq(current(l)->part.ttl, shape->part.ttl);
    if (same || l->g->row.version == CORE_GROUP_2017) {
        return OK;
    }
    enum err err = edit(l);
    if (err == OK) {
        l->next.part.ttl = shape->part.ttl;
    }
    return err;
}

/* What somebody asked of our replica. */
static enum err follow_wish(struct look *l)
{
    const struct value *extra = &l->own->replica.extra;
    if (!wish_is_open(extra, current(l))) {
        return OK;
    }
    enum err err = edit(l);
    return err == OK ? wish_follow(l->a, extra, &l->next) : err;
}

static enum err follow_shape(struct look *l)
{
    const struct core_table *shape = &l->g->row.shape;
    enum err err = drop_foreign_indexes(l, shape);
    if (err == OK) {
        err = add_missing_indexes(l, shape);
    }
    if (err == OK) {
        err = follow_billing(l, shape);
    }
    if (err == OK) {
        err = follow_ttl(l, shape);
    }
    return err == OK ? follow_wish(l) : err;
}

/* ---- being in a group ---- */

static enum err dissolve(struct look *l)
{
    bool waits;
    enum err err = must_wait(l, &waits);
    if (err != OK || waits) {
        return err;
    }
    err = stage_no_replica(l->s, l->a, own_region(l), l->name);
    if (err == OK) {
        err = stage_no_group(l->s, l->a, l->name);
    }
    return err == OK ? seeds_drop(l->c, l->s, l->a, l->g->row.table) : err;
}

static enum err be_replica(struct look *l)
{
    if (!is_bound(l)) {
        return fail(l);
    }
    /* Our row was made together with another one, so when ours is the last the others have gone. */
    if (l->g->row.version == CORE_GROUP_2019 && l->g->n_replicas == 1) {
        return dissolve(l);
    }
    struct join j = join_of(l);
    enum err err = seeds_follow_active(&j);
    return err == OK ? follow_shape(l) : err;
}

/* A group that somebody added to while we dissolved it still has our table under its id: we belong
 * to it. Of a 2017 group such a table has left. */
static enum err come_back(struct look *l)
{
    bool ours = l->g->has_row && l->g->row.version == CORE_GROUP_2019 && l->g->n_replicas > 0 &&
                l->t != NULL && l->t->part.id == l->g->row.table;
    if (!ours) {
        return OK;
    }
    struct bytes *known = ARENA_ARRAY(l->a, struct bytes, l->g->n_replicas + 1);
    if (known == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < l->g->n_replicas; i++) {
        known[i] = l->g->replicas[i]->row.replica.region;
    }
    known[l->g->n_replicas] = own_region(l);
    struct replica_row row = {
        .replica =
            {
                .region = own_region(l),
                .table = l->g->row.table,
                .join = new_join(l->c),
                .member = l->c->id,
                .status = CORE_ACTIVE,
                .created_ms = l->now_ms,
            },
        .known = known,
        .n_known = l->g->n_replicas + 1,
    };
    return stage_replica(l->s, l->a, l->name, &row);
}

static bool is_removed(const struct look *l, struct bytes region)
{
    const struct core_member *m = catalog_member(l->c->catalog, region);
    return m != NULL && m->removed;
}

/* Replicas of regions that were removed go with them. The removal takes along what fits one
 * transaction; the first of the replicas that stay sees to the rest. */
static enum err drop_removed(struct look *l, bool *ret_any)
{
    *ret_any = false;
    bool first = l->own != NULL;
    for (size_t i = 0; i < l->g->n_replicas && first; i++) {
        struct bytes region = l->g->replicas[i]->row.replica.region;
        first = is_removed(l, region) || bytes_cmp(own_region(l), region) <= 0;
    }
    for (size_t i = 0; i < l->g->n_replicas && first; i++) {
        struct bytes region = l->g->replicas[i]->row.replica.region;
        if (!is_removed(l, region)) {
            continue;
        }
        enum err err = stage_no_replica(l->s, l->a, region, l->name);
        if (err != OK) {
            return err;
        }
        *ret_any = true;
    }
    return OK;
}

static enum err look_at_group(struct look *l)
{
    if (l->g == NULL || is_removed(l, own_region(l))) {
        return OK;
    }
    bool dropped;
    enum err err = drop_removed(l, &dropped);
    if (err != OK || dropped) {
        return err;
    }
    if (l->own == NULL) {
        return come_back(l);
    }
    /* The logs of the others still tell of a region of our name that was removed. Its replicas are
     * not ours, and a word of ours about them would outlive their removal, which is on its way. */
    if (replica_is_stale(l->c, l->own)) {
        return OK;
    }
    if (l->own->replica.status == CORE_DELETING) {
        return leave(l);
    }
    if (l->own->replica.status == CORE_FAILED || !l->g->has_row) {
        return OK;
    }
    if (l->own->replica.table != l->g->row.table) {
        return fail(l);
    }
    if (l->own->replica.status != CORE_CREATING) {
        return be_replica(l);
    }
    bool joined = is_bound(l) && l->t->join == l->own->replica.join;
    return joined ? build(l) : join_group(l);
}

/* ---- our table by itself ---- */

/* Whether our table waits for the data of its group before it opens. */
static bool is_being_built(const struct look *l)
{
    return l->own != NULL && l->own->replica.status == CORE_CREATING && l->g->has_row &&
           l->own->replica.table == l->g->row.table && current(l)->part.id == l->g->row.table;
}

static enum err finish_states(struct look *l)
{
    const struct core_table *t = current(l);
    bool opens = t->status == CORE_CREATING && !is_being_built(l) && !t->filling;
    if (!opens && t->status != CORE_UPDATING) {
        return OK;
    }
    enum err err = edit(l);
    if (err == OK) {
        l->next.status = CORE_ACTIVE;
    }
    return err;
}

static bool uses_attr(const struct expr_key_schema *keys, struct bytes name)
{
    return expr_keys_have(keys, name);
}

/* Declared attributes are those that some key uses. */
static enum err prune_attrs(struct look *l)
{
    struct expr_key_attr *attrs = ARENA_ARRAY(l->a, struct expr_key_attr, l->next.n_attrs);
    if (attrs == NULL) {
        return ERR_TOO_BIG;
    }
    size_t n = 0;
    for (size_t i = 0; i < l->next.n_attrs; i++) {
        bool used = uses_attr(&l->next.part.keys, l->next.attrs[i].name);
        for (size_t k = 0; k < l->next.n_indexes; k++) {
            used = used || uses_attr(&l->next.indexes[k].part.keys, l->next.attrs[i].name);
        }
        if (used) {
            attrs[n++] = l->next.attrs[i];
        }
    }
    l->next.attrs = attrs;
    l->next.n_attrs = n;
    return OK;
}

static enum err finish_indexes(struct look *l)
{
    bool settle = false;
    for (size_t i = 0; i < current(l)->n_indexes; i++) {
        const struct core_index *x = &current(l)->indexes[i];
        settle = settle || x->status == CORE_DELETING || x->status == CORE_UPDATING ||
                 (x->status == CORE_CREATING && !x->backfilling);
        if (x->status == CORE_CREATING) {
            (void)map_put(&l->c->building, l->name, l->c);
        }
    }
    enum err err = settle ? edit(l) : OK;
    if (!settle || err != OK) {
        return err;
    }
    size_t n = 0;
    for (size_t i = 0; i < l->next.n_indexes; i++) {
        struct core_index x = l->next.indexes[i];
        if (x.status == CORE_DELETING) {
            part_stage_drop_index(l->s, l->next.part.id, x.part.id);
            core_mark(l->c, l->name);
            continue;
        }
        x.status = x.status == CORE_UPDATING ? CORE_ACTIVE : x.status;
        x.backfilling = x.status == CORE_CREATING;
        *next_index(l, n++) = x;
    }
    l->next.n_indexes = n;
    return prune_attrs(l);
}

static enum err publish_emptiness(struct look *l)
{
    const struct core_table *t = current(l);
    bool grouped = l->own != NULL && l->own->replica.table == t->part.id;
    bool empty = t->stream != CORE_STREAM_NONE && !grouped &&
                 part_table_counts(l->c->part, t->part.id).items == 0;
    if (empty == t->empty) {
        return OK;
    }
    enum err err = edit(l);
    if (err == OK) {
        l->next.empty = empty;
    }
    return err;
}

static enum err look_at_table(struct look *l)
{
    if (current(l) == NULL || current(l)->status == CORE_DELETING) {
        return OK;
    }
    core_expiry_look(l->c, l->name);
    enum err err = finish_states(l);
    if (err == OK) {
        err = finish_indexes(l);
    }
    return err == OK ? publish_emptiness(l) : err;
}

enum err reconcile(struct core *c, struct part_stage *s, struct arena *a, struct bytes name)
{
    struct look l = {
        .c = c,
        .s = s,
        .a = a,
        .name = name,
        .now_ms = part_stage_now_ms(s),
        .due_ms = core_marked_at(c, name),
        .t = catalog_table(c->catalog, name),
        .g = catalog_group_entry(c->catalog, name),
    };
    core_unmark_at(c, name);
    if (bytes_eq(name, CORE_NAME_MEMBERS)) {
        return seeds_drop_removed(c, s, a);
    }
    if (bytes_eq(name, CORE_NAME_STREAMS)) {
        streams_tend(c, s);
        return OK;
    }
    if (l.g != NULL) {
        l.own = group_entry_replica(l.g, own_region(&l));
    }
    if (l.t != NULL && l.t->status == CORE_DELETING) {
        return drop_own_table(&l);
    }
    streams_agree(c, s, name);
    enum err err = look_at_group(&l);
    if (err == OK) {
        err = look_at_table(&l);
    }
    return err == OK && l.edited ? stage_table(s, a, &l.next) : err;
}

/* Seed needs: which region's data of a table is still to be fetched. Rows of a local table, so that
 * they commit with what they are about, can be read through the open batch, and survive a restart.
 *
 * Row (table, from), both 16 hex digits. Attributes: whole, done (BOOL), join (S, 16 hex digits:
 * which membership of the region it is about, 0 when not known yet), cursor (B).
 *
 * Invariants
 *  1. A replica that is being built has a need, open or done, for every other replica, and at most
 * one whole one.
 *  2. A need is open only while its region is a member and may hold a replica.
 * Why other regions at all, when the source has everything: what a third region wrote just before
 * it learned of us, it did not ship to us, and the source may not have had it yet when it served
 * us. So each gives what it wrote last itself. */
#include "core/impl.h"

struct part_table seeds_schema(void)
{
    return (struct part_table){
        .id = CORE_TABLE_SEEDS,
        .name = BYTES_LIT("seeds"),
        .keys =
            {
                .hash = {BYTES_LIT("table"), VALUE_STRING},
                .range = {BYTES_LIT("from"), VALUE_STRING},
            },
    };
}

static enum err seed_item(
    struct arena *a,
    uint64_t table,
    struct region_id from,
    const struct seed_row *row,
    struct value *ret)
{
    struct member *m = ARENA_ARRAY(a, struct member, 6);
    struct bytes table_text = bytes_fmt(a, "%016llx", (unsigned long long)table);
    struct bytes from_text = bytes_fmt(a, "%016llx", (unsigned long long)from.v);
    struct bytes join_text =
        bytes_fmt(a, "%016llx", (unsigned long long)(row == NULL ? 0 : row->join));
    if (m == NULL || table_text.base == NULL || from_text.base == NULL || join_text.base == NULL) {
        return ERR_TOO_BIG;
    }
    size_t n = 0;
    if (row != NULL) {
        m[n++] = (struct member){BYTES_LIT("cursor"), {.type = VALUE_BINARY, .bytes = row->cursor}};
        m[n++] = (struct member){BYTES_LIT("done"), {.type = VALUE_BOOL, .boolean = row->done}};
    }
    m[n++] = (struct member){BYTES_LIT("from"), {.type = VALUE_STRING, .bytes = from_text}};
    if (row != NULL) {
        m[n++] = (struct member){BYTES_LIT("join"), {.type = VALUE_STRING, .bytes = join_text}};
    }
    m[n++] = (struct member){BYTES_LIT("table"), {.type = VALUE_STRING, .bytes = table_text}};
    if (row != NULL) {
        m[n++] = (struct member){BYTES_LIT("whole"), {.type = VALUE_BOOL, .boolean = row->whole}};
    }
    *ret = (struct value){.type = VALUE_MAP, .map = {m, n}};
    return OK;
}

static bool hex_of(const struct value *v, uint64_t *ret)
{
    if (v == NULL || v->type != VALUE_STRING || v->bytes.len != 16) {
        return false;
    }
    uint64_t id = 0;
    for (size_t i = 0; i < 16; i++) {
        uint8_t ch = v->bytes.base[i];
        bool digit = ch >= '0' && ch <= '9';
        if (!digit && !(ch >= 'a' && ch <= 'f')) {
            return false;
        }
        id = id << 4 | (uint64_t)(digit ? ch - '0' : ch - 'a' + 10);
    }
    *ret = id;
    return true;
}

static bool flag_of(const struct value *item, struct bytes name)
{
    const struct value *v = value_find(item, name);
    return v != NULL && v->type == VALUE_BOOL && v->boolean;
}

static struct seed_row seed_of(const struct value *item)
{
    struct seed_row row = {
        .whole = flag_of(item, BYTES_LIT("whole")),
        .done = flag_of(item, BYTES_LIT("done")),
    };
    if (!hex_of(value_find(item, BYTES_LIT("join")), &row.join)) {
        row.join = 0;
    }
    const struct value *cursor = value_find(item, BYTES_LIT("cursor"));
    if (cursor != NULL && cursor->type == VALUE_BINARY) {
        row.cursor = cursor->bytes;
    }
    return row;
}

enum err seed_get(
    struct part_stage *s,
    struct arena *a,
    uint64_t table,
    struct region_id from,
    struct seed_row *ret)
{
    struct value key;
    enum err err = seed_item(a, table, from, /* row= */ NULL, &key);
    if (err != OK) {
        return err;
    }
    struct value item;
    err = part_stage_get(s, CORE_TABLE_SEEDS, &key, a, &item);
    if (err != OK) {
        return err;
    }
    *ret = seed_of(&item);
    return OK;
}

enum err seed_put(
    struct part_stage *s,
    struct arena *a,
    uint64_t table,
    struct region_id from,
    const struct seed_row *row)
{
    struct value key;
    enum err err = seed_item(a, table, from, /* row= */ NULL, &key);
    if (err != OK) {
        return err;
    }
    if (row == NULL) {
        return part_stage_put(s, CORE_TABLE_SEEDS, &key, /* item= */ NULL);
    }
    struct value item;
    err = seed_item(a, table, from, row, &item);
    if (err != OK) {
        return err;
    }
    return part_stage_put(s, CORE_TABLE_SEEDS, &key, &item);
}

/* Deletes a row if it is there. */
static enum err seed_drop(
    struct part_stage *s, struct arena *a, uint64_t table, struct region_id from)
{
    struct seed_row row;
    enum err err = seed_get(s, a, table, from, &row);
    if (err == ERR_NOT_FOUND) {
        return OK;
    }
    return err == OK ? seed_put(s, a, table, from, /* row= */ NULL) : err;
}

enum err seeds_drop(const struct core *c, struct part_stage *s, struct arena *a, uint64_t table)
{
    enum err err = OK;
    const struct core_member *m = catalog_member_after(c->catalog, BYTES_NONE);
    while (err == OK && m != NULL) {
        err = seed_drop(s, a, table, m->id);
        m = catalog_member_after(c->catalog, m->region);
    }
    return err;
}

/* ---- who has to give what ---- */

/* Another region's part in our group. */
struct party {
    bool in;                      /* is, or may be, a replica beside us */
    bool unseen;                  /* told of by our own row, its row has not come yet */
    const struct core_replica *r; /* NULL when unseen */
};

/* `need` is what is stored of the region, or NULL. */
static struct party party_of(
    const struct join *j, const struct core_member *m, const struct seed_row *need)
{
    struct party p = {0};
    if (m->removed || bytes_eq(m->region, catalog_region(j->core->catalog))) {
        return p;
    }
    const struct replica_row *row = group_entry_replica(j->g, m->region);
    if (row == NULL) {
        /* A row that was seen and is no longer there has been deleted. */
        bool was_seen = need != NULL && need->join != 0;
        p.unseen = !was_seen && bytes_listed(j->own->known, j->own->n_known, m->region);
        p.in = p.unseen;
        return p;
    }
    p.r = &row->replica;
    p.in =
        p.r->table == j->g->row.table && p.r->status != CORE_FAILED && p.r->status != CORE_DELETING;
    return p;
}

/* Whether a stored need is about the replica that is there now. */
static bool still_about(const struct seed_row *row, const struct party *p)
{
    return p->unseen || row->join == 0 || row->join == p->r->join;
}

static enum err add_need(
    const struct join *j, const struct core_member *m, const struct party *p, bool whole)
{
    struct seed_row row = {
        .whole = whole,
        .join = p->unseen ? 0 : p->r->join,
        .cursor = BYTES_LIT(""),
    };
    return seed_put(j->s, j->a, j->g->row.table, m->id, &row);
}

/* What one walk over the members found. */
struct survey {
    bool has_whole;                   /* a whole need, open or done */
    bool open;                        /* some need is open */
    bool others;                      /* there is another replica */
    bool unseen;                      /* one of them has not shown its row */
    bool source_there;                /* the group's source is one of them */
    bool first;                       /* none of them comes before us by name */
    const struct core_member *active; /* best one to take everything from */
};

/* Drops needs from regions that went, adds own-only ones from regions without, and surveys the
 * rest. */
static enum err survey_member(const struct join *j, const struct core_member *m, struct survey *v)
{
    struct seed_row row;
    enum err err = seed_get(j->s, j->a, j->g->row.table, m->id, &row);
    if (err != OK && err != ERR_NOT_FOUND) {
        return err;
    }
    bool has = err == OK;
    struct party p = party_of(j, m, has ? &row : NULL);
    if (!p.in) {
        /* What a region gave before it went stays given. */
        v->has_whole = v->has_whole || (has && row.whole && row.done);
        return has && !row.done ? seed_put(j->s, j->a, j->g->row.table, m->id, NULL) : OK;
    }
    v->others = true;
    v->unseen = v->unseen || p.unseen;
    bool is_source = bytes_eq(m->region, j->g->row.source);
    v->source_there = v->source_there || is_source;
    v->first = v->first && bytes_cmp(catalog_region(j->core->catalog), m->region) < 0;
    if (!p.unseen && p.r->status == CORE_ACTIVE && (v->active == NULL || is_source)) {
        v->active = m;
    }
    if (!has || !still_about(&row, &p)) {
        v->open = true;
        return add_need(j, m, &p, /* whole= */ false);
    }
    v->has_whole = v->has_whole || row.whole;
    v->open = v->open || !row.done;
    if (row.join != 0 || p.unseen) {
        return OK;
    }
    if (row.done && !row.whole) {
        /* It had nothing for us before it joined; what it wrote since, not knowing us, is still to
         * be had. */
        v->open = true;
        return add_need(j, m, &p, /* whole= */ false);
    }
    row.join = p.r->join;
    return seed_put(j->s, j->a, j->g->row.table, m->id, &row);
}

static enum err survey_members(const struct join *j, struct survey *ret)
{
    struct survey v = {.first = true};
    enum err err = OK;
    const struct core_member *m = catalog_member_after(j->core->catalog, BYTES_NONE);
    while (err == OK && m != NULL) {
        err = survey_member(j, m, &v);
        m = catalog_member_after(j->core->catalog, m->region);
    }
    *ret = v;
    return err;
}

/* Whether the members' rows of all that are, or may be, replicas beside us are here. Needs are kept
 * by the ids that stand there, so of a region without one we could not ask for what it wrote before
 * it learned of us. */
static bool knows_members(const struct join *j)
{
    const struct catalog *catalog = j->core->catalog;
    for (size_t i = 0; i < j->g->n_replicas; i++) {
        const struct core_replica *r = &j->g->replicas[i]->row.replica;
        bool in =
            r->table == j->g->row.table && r->status != CORE_FAILED && r->status != CORE_DELETING;
        if (in && catalog_member(catalog, r->region) == NULL &&
            !bytes_eq(r->region, catalog_region(catalog))) {
            return false;
        }
    }
    for (size_t i = 0; i < j->own->n_known; i++) {
        struct bytes region = j->own->known[i];
        bool seen = group_entry_replica(j->g, region) != NULL;
        if (!seen && catalog_member(catalog, region) == NULL &&
            !bytes_eq(region, catalog_region(catalog))) {
            return false;
        }
    }
    return true;
}

enum err seeds_follow(const struct join *j, bool *ret_done)
{
    struct survey v;
    enum err err = survey_members(j, &v);
    if (err != OK) {
        return err;
    }
    *ret_done = false;
    v.open = v.open || !knows_members(j);
    if (v.has_whole || !v.others) {
        *ret_done = !v.open;
        return OK;
    }
    if (v.active != NULL) {
        struct party p = party_of(j, v.active, /* need= */ NULL);
        return add_need(j, v.active, &p, /* whole= */ true);
    }
    /* Nobody has everything. If the source is gone for good and all others are known to be as
     * empty-handed as we, the first of us by name goes ahead with what the others wrote; the rest
     * then take from it. */
    *ret_done = !v.source_there && !v.unseen && v.first && !v.open;
    return OK;
}

/* An ACTIVE replica's look at one other region. */
static enum err follow_member(const struct join *j, const struct core_member *m)
{
    struct seed_row row;
    uint64_t table = j->g->row.table;
    enum err err = seed_get(j->s, j->a, table, m->id, &row);
    if (err != OK && err != ERR_NOT_FOUND) {
        return err;
    }
    bool has = err == OK;
    struct party p = party_of(j, m, has ? &row : NULL);
    if (!p.in) {
        return has ? seed_put(j->s, j->a, table, m->id, /* row= */ NULL) : OK;
    }
    if (p.unseen || (has && still_about(&row, &p))) {
        return OK;
    }
    const struct replica_row *theirs = group_entry_replica(j->g, m->region);
    bool knew_us = bytes_listed(theirs->known, theirs->n_known, catalog_region(j->core->catalog));
    bool known_to_us = bytes_listed(j->own->known, j->own->n_known, m->region) &&
                       theirs->replica.created_ms <= j->own->replica.created_ms;
    return knew_us || known_to_us ? OK : add_need(j, m, &p, /* whole= */ false);
}

enum err seeds_follow_active(const struct join *j)
{
    enum err err = OK;
    const struct core_member *m = catalog_member_after(j->core->catalog, BYTES_NONE);
    while (err == OK && m != NULL) {
        err = follow_member(j, m);
        m = catalog_member_after(j->core->catalog, m->region);
    }
    return err;
}

/* ---- for the replication plumbing ---- */

static void tell_need(
    const struct value *item, void (*each)(void *ctx, const struct core_seed_need *need), void *ctx)
{
    struct core_seed_need need;
    if (!hex_of(value_find(item, BYTES_LIT("table")), &need.table) ||
        !hex_of(value_find(item, BYTES_LIT("from")), &need.from.v)) {
        return;
    }
    struct seed_row row = seed_of(item);
    if (row.done) {
        return;
    }
    need.whole = row.whole;
    need.cursor = row.cursor;
    each(ctx, &need);
}

enum err core_seed_needs(
    const struct part_reader *r,
    void (*each)(void *ctx, const struct core_seed_need *need),
    void *ctx)
{
    struct part_table schema = seeds_schema();
    struct part_range range = {.hash_hi = UINT32_MAX};
    struct part_cursor *cursor;
    enum err err = part_cursor_open(r, &schema, &range, &cursor);
    if (err != OK) {
        return err;
    }
    struct arena a;
    arena_init(&a, CORE_ROW_ARENA_BYTES);
    while (err == OK) {
        struct value item;
        size_t bytes;
        err = part_cursor_next(cursor, &a, &item, &bytes);
        if (err == OK) {
            tell_need(&item, each, ctx);
            arena_clear(&a);
        }
    }
    part_cursor_close(cursor);
    arena_done(&a);
    return err == ERR_NOT_FOUND ? OK : err;
}

enum err seeds_drop_removed(const struct core *c, struct part_stage *s, struct arena *a)
{
    enum err err = OK;
    const struct core_member *m = catalog_member_after(c->catalog, BYTES_NONE);
    for (; err == OK && m != NULL; m = catalog_member_after(c->catalog, m->region)) {
        if (m->removed) {
            err = seed_drop(s, a, PART_TABLE_CATALOG, m->id);
        }
    }
    return err;
}

/* Our replica of the group that shares a table, if looks at the group see to its needs; else NULL.
 */
static const struct replica_row *own_that_needs(
    const struct core *c, uint64_t table, const struct group_entry **ret_g)
{
    const struct core_group *view = catalog_group_by_table(c->catalog, table);
    *ret_g = view == NULL ? NULL : catalog_group_entry(c->catalog, view->name);
    const struct replica_row *own =
        *ret_g == NULL ? NULL : group_entry_replica(*ret_g, catalog_region(c->catalog));
    bool looks = own != NULL && own->replica.table == table && own->replica.status != CORE_FAILED &&
                 !replica_is_stale(c, own);
    return looks ? own : NULL;
}

/* Whether somebody looks after a need of a table that is opened now, as it is at this moment:
 * whoever opens it decided that on another thread, perhaps before we, or the region asked, left the
 * group, and then nothing would ever end it. */
static bool is_looked_after(
    const struct core *c,
    const struct core_seed_need *need,
    const struct group_entry *g,
    const struct replica_row *own)
{
    if (own == NULL) {
        return false;
    }
    const struct core_member *m = catalog_member_by_id(c->catalog, need->from);
    /* A replica in the making may wait for others whose rows have not come. */
    bool may_come = own->replica.status == CORE_CREATING && !need->whole;
    return m == NULL || may_come || group_entry_replica(g, m->region) != NULL;
}

/* Whoever was fenced off a region's log may lack deletes that the region has forgotten, and only a
 * whole seed tells of those. Whether the region has everything may stand in the very stretch that
 * is missing, so a replica that is complete itself asks for everything and waits until the region
 * has it; one in the making does not, for the other may be waiting for it. A look at the group
 * follows: it knows better what is still wanted. */
static enum err open_table_need(
    struct core *c,
    struct part_stage *s,
    struct arena *a,
    const struct core_seed_need *need,
    struct seed_row *row)
{
    const struct group_entry *g;
    const struct replica_row *own = own_that_needs(c, need->table, &g);
    if (!is_looked_after(c, need, g, own)) {
        return OK;
    }
    row->whole = row->whole || own->replica.status == CORE_ACTIVE;
    core_mark(c, g->name);
    return seed_put(s, a, need->table, need->from, row);
}

/* The region asked says that it holds no such table. If we have not heard of its membership it had
 * nothing to give before that. Else a look at our group knows whether it still has a part in it;
 * and where there is no such look any more, since the group, or our part in it, is gone, nobody
 * would ever end the need: then it goes now. */
static enum err end_need(
    struct core *c,
    struct part_stage *s,
    struct arena *a,
    const struct core_seed_need *need,
    struct seed_row *row)
{
    const struct group_entry *g;
    if (own_that_needs(c, need->table, &g) == NULL) {
        return seed_put(s, a, need->table, need->from, /* row= */ NULL);
    }
    core_mark(c, g->name);
    if (row->whole || row->join != 0) {
        return OK;
    }
    row->done = true;
    return seed_put(s, a, need->table, need->from, row);
}

enum err core_seed_void(struct part_stage *s, const struct core_seed_need *need)
{
    struct arena a;
    arena_init(&a, CORE_ROW_ARENA_BYTES);
    struct seed_row row;
    enum err err = seed_get(s, &a, need->table, need->from, &row);
    if (err == OK && !row.done) {
        err = end_need(part_context(part_stage_part(s)), s, &a, need, &row);
    }
    arena_done(&a);
    return err == ERR_NOT_FOUND ? OK : err;
}

static enum err open_need(
    struct part_stage *s, struct arena *a, const struct core_seed_need *need, uint64_t join)
{
    struct core *c = part_context(part_stage_part(s));
    const struct core_member *m = catalog_member_by_id(c->catalog, need->from);
    struct seed_row row = {.whole = need->whole, .join = join, .cursor = BYTES_LIT("")};
    if (m != NULL && m->removed) {
        return OK;
    }
    return need->table == PART_TABLE_CATALOG ? seed_put(s, a, need->table, need->from, &row)
                                             : open_table_need(c, s, a, need, &row);
}

enum err core_seed_progress(struct part_stage *s, const struct core_seed_need *need, bool done)
{
    struct arena a;
    arena_init(&a, CORE_ROW_ARENA_BYTES);
    struct seed_row row;
    enum err err = seed_get(s, &a, need->table, need->from, &row);
    if (err != OK && err != ERR_NOT_FOUND) {
        arena_done(&a);
        return err;
    }
    bool has = err == OK;
    bool opens = !done && need->cursor.len == 0;
    /* A need may have become void, or changed from own-only to whole, while it was being served. */
    bool goes_on = has && !row.done && row.whole == need->whole;
    if (opens) {
        err = open_need(s, &a, need, has ? row.join : 0);
    } else if (goes_on) {
        row.done = done;
        row.cursor = done || need->cursor.base == NULL ? BYTES_LIT("") : need->cursor;
        err = seed_put(s, &a, need->table, need->from, &row);
    }
    arena_done(&a);
    return err == ERR_NOT_FOUND ? OK : err;
}

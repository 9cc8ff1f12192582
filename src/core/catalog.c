/* The decoded catalog of one thread.
 *
 * Invariants
 *  1. The same rows in any order give the same catalog: every row is kept on its own, and what
 * follows from several rows (a group's replica list, whether a table is replicated) is worked out
 * anew when one changes.
 *  2. Every decoded object owns its memory, so replacing a row frees exactly the object it had
 * made. A table, of which there may be thousands in each thread, is one piece of memory.
 *  3. A table has one entry by name and at most one by id.
 * Not promised: that rows agree with each other; replicas without a group row are kept and not
 * shown. */
#include "core/catalog.h"

#include <stdlib.h>

enum {
    ROW_MEM_MAX = 8 * 1024 * 1024,
    MEMBER_BYTES = 128, /* what a row of that kind mostly takes */
    GROUP_BYTES = 256,
};

/* In one piece with all that the table points to. */
struct table_entry {
    struct core_table table;
    _Alignas(16) char content[];
};

struct member_entry {
    struct arena mem;
    struct core_member member;
};

/* Pointers to entries in name order. */
struct sorted {
    void **at;
    size_t n;
    size_t cap;
    struct bytes (*name_of)(const void *entry);
};

struct catalog {
    struct bytes region;
    struct map own;    /* table name: struct table_entry */
    struct map own_id; /* table id: struct table_entry */
    struct map remote; /* REGION/TABLE: struct table_entry */
    struct map groups; /* name: struct group_entry */
    struct map group_id;
    struct sorted own_sorted;
    struct sorted groups_sorted;
    struct sorted members;
    struct arena scratch;
    struct arena measure;    /* for a copy whose size is to be known before it is made */
    struct part_stamp stamp; /* of tables in 2017 groups */
};

static struct bytes table_name_of(const void *entry)
{
    return ((const struct table_entry *)entry)->table.part.name;
}

static struct bytes group_name_of(const void *entry)
{
    return ((const struct group_entry *)entry)->name;
}

static struct bytes member_name_of(const void *entry)
{
    return ((const struct member_entry *)entry)->member.region;
}

static struct bytes heap_bytes(struct bytes b)
{
    uint8_t *copy = malloc(b.len + 1);
    ASSERT(copy != NULL);
    if (b.len > 0) {
        memcpy(copy, b.base, b.len);
    }
    return bytes_of(copy, b.len);
}

static void heap_bytes_free(struct bytes b)
{
    free((void *)(uintptr_t)b.base);
}

/* ---- sorted pointers ---- */

/* The first place whose name is not below (or, with `past`, is above) `name`. */
static size_t sorted_find(const struct sorted *s, struct bytes name, bool past)
{
    size_t lo = 0;
    size_t hi = s->n;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int cmp = bytes_cmp(s->name_of(s->at[mid]), name);
        if (cmp < 0 || (past && cmp == 0)) {
            lo = mid + 1;
        } else {
            hi = mid;
        }
    }
    return lo;
}

static void *sorted_get(const struct sorted *s, struct bytes name)
{
    size_t i = sorted_find(s, name, /* past= */ false);
    return i < s->n && bytes_eq(s->name_of(s->at[i]), name) ? s->at[i] : NULL;
}

static void *sorted_after(const struct sorted *s, struct bytes after)
{
    size_t i = sorted_find(s, after, /* past= */ true);
    return i < s->n ? s->at[i] : NULL;
}

/* Puts an entry in the place of the one with its name, or between its neighbours. */
static void sorted_put(struct sorted *s, void *entry)
{
    struct bytes name = s->name_of(entry);
    size_t i = sorted_find(s, name, /* past= */ false);
    if (i < s->n && bytes_eq(s->name_of(s->at[i]), name)) {
        s->at[i] = entry;
        return;
    }
    if (s->n == s->cap) {
        s->cap = s->cap == 0 ? 16 : s->cap * 2;
        s->at = realloc(s->at, s->cap * sizeof *s->at);
        ASSERT(s->at != NULL);
    }
    memmove(&s->at[i + 1], &s->at[i], (s->n - i) * sizeof *s->at);
    s->at[i] = entry;
    s->n++;
}

static void sorted_remove(struct sorted *s, struct bytes name)
{
    size_t i = sorted_find(s, name, /* past= */ false);
    ASSERT(i < s->n);
    s->n--;
    memmove(&s->at[i], &s->at[i + 1], (s->n - i) * sizeof *s->at);
}

/* ---- birth and end ---- */

struct catalog *catalog_new(struct bytes own_region)
{
    struct catalog *c = calloc(1, sizeof *c);
    ASSERT(c != NULL);
    c->region = heap_bytes(own_region);
    c->stamp = (struct part_stamp){
        .time = BYTES_LIT("aws:rep:updatetime"),
        .region = BYTES_LIT("aws:rep:updateregion"),
        .deleting = BYTES_LIT("aws:rep:deleting"),
        .region_name = c->region,
    };
    map_init(&c->own);
    map_init(&c->own_id);
    map_init(&c->remote);
    map_init(&c->groups);
    map_init(&c->group_id);
    c->own_sorted.name_of = table_name_of;
    c->groups_sorted.name_of = group_name_of;
    c->members.name_of = member_name_of;
    arena_init(&c->scratch, ROW_MEM_MAX);
    arena_init(&c->measure, ROW_MEM_MAX);
    return c;
}

static void member_entry_free(struct member_entry *e)
{
    if (e != NULL) {
        arena_done(&e->mem);
        free(e);
    }
}

static void group_entry_free(struct group_entry *g)
{
    for (size_t i = 0; i < g->n_replicas; i++) {
        free(g->replicas[i]);
    }
    free(g->replicas);
    free(g->view_replicas);
    arena_done(&g->row_mem);
    heap_bytes_free(g->name);
    free(g);
}

void catalog_free(struct catalog *c)
{
    if (c == NULL) {
        return;
    }
    MAP_FOREACH (&c->own, own) {
        free(own->value);
    }
    MAP_FOREACH (&c->remote, remote) {
        free(remote->value);
    }
    MAP_FOREACH (&c->groups, group) {
        group_entry_free(group->value);
    }
    for (size_t i = 0; i < c->members.n; i++) {
        member_entry_free(c->members.at[i]);
    }
    map_done(&c->own);
    map_done(&c->own_id);
    map_done(&c->remote);
    map_done(&c->groups);
    map_done(&c->group_id);
    free(c->own_sorted.at);
    free(c->groups_sorted.at);
    free(c->members.at);
    arena_done(&c->scratch);
    arena_done(&c->measure);
    heap_bytes_free(c->region);
    free(c);
}

/* ---- what follows from several rows ---- */

struct id_key {
    uint8_t base[8];
};

static struct id_key id_key(uint64_t id)
{
    struct id_key key;
    store_u64_be(key.base, id);
    return key;
}

static void *id_get(const struct map *m, uint64_t id)
{
    struct id_key key = id_key(id);
    return map_get(m, bytes_of(key.base, sizeof key.base));
}

static void id_put(struct map *m, uint64_t id, void *entry)
{
    struct id_key key = id_key(id);
    (void)map_put(m, bytes_of(key.base, sizeof key.base), entry);
}

/* Forgets an id, unless another entry has taken it over. */
static void id_remove(struct map *m, uint64_t id, const void *entry)
{
    struct id_key key = id_key(id);
    if (map_get(m, bytes_of(key.base, sizeof key.base)) == entry) {
        (void)map_remove(m, bytes_of(key.base, sizeof key.base));
    }
}

static struct bytes remote_name(struct catalog *c, const struct row_key *key)
{
    return bytes_fmt(&c->scratch, "%.*s/%.*s", BYTES_FMT(key->region), BYTES_FMT(key->table));
}

const struct replica_row *group_entry_replica(const struct group_entry *g, struct bytes region)
{
    for (size_t i = 0; i < g->n_replicas; i++) {
        if (bytes_eq(g->replicas[i]->row.replica.region, region)) {
            return &g->replicas[i]->row;
        }
    }
    return NULL;
}

bool catalog_is_replicated(const struct catalog *c, const struct core_table *t)
{
    /* Whoever can be joined may have been, elsewhere and not yet heard of: from then on a delete
     * here is a version that others must learn of. */
    if (t->stream == CORE_STREAM_NEW_AND_OLD_IMAGES) {
        return true;
    }
    const struct group_entry *g = map_get(&c->groups, t->part.name);
    if (g == NULL || !g->has_row || g->row.table != t->part.id) {
        return false;
    }
    bool ours = false;
    size_t others = 0;
    for (size_t i = 0; i < g->n_replicas; i++) {
        const struct core_replica *r = &g->replicas[i]->row.replica;
        if (r->table != t->part.id || r->status == CORE_FAILED) {
            continue;
        }
        if (bytes_eq(r->region, c->region)) {
            ours = true;
        } else {
            others++;
        }
    }
    return ours && others > 0;
}

/* Items of a 2017 group's tables say by whom and when they were written last. */
static bool is_stamped(const struct catalog *c, const struct core_table *t)
{
    const struct group_entry *g = map_get(&c->groups, t->part.name);
    if (g == NULL || !g->has_row || g->row.table != t->part.id ||
        g->row.version != CORE_GROUP_2017) {
        return false;
    }
    const struct replica_row *own = group_entry_replica(g, c->region);
    return own != NULL && own->replica.table == t->part.id && own->replica.status != CORE_FAILED;
}

static void settle_own_table(struct catalog *c, struct bytes name)
{
    struct table_entry *e = map_get(&c->own, name);
    if (e != NULL) {
        e->table.part.replicated = catalog_is_replicated(c, &e->table);
        e->table.part.stamp = is_stamped(c, &e->table) ? &c->stamp : NULL;
    }
}

/* Rebuilds what fronts see of a group. */
static void settle_group(struct catalog *c, struct group_entry *g)
{
    free(g->view_replicas);
    g->view_replicas = calloc(g->n_replicas + 1, sizeof *g->view_replicas);
    ASSERT(g->view_replicas != NULL);
    for (size_t i = 0; i < g->n_replicas; i++) {
        g->view_replicas[i] = g->replicas[i]->row.replica;
    }
    g->view = (struct core_group){
        .name = g->name,
        .table = g->row.table,
        .version = g->row.version,
        .created_ms = g->row.created_ms,
        .source = g->row.source,
        .replicas = g->view_replicas,
        .n_replicas = g->n_replicas,
    };
    settle_own_table(c, g->name);
}

/* ---- taking rows in ---- */

static enum err apply_member(struct catalog *c, const struct row_key *key, const struct value *item)
{
    struct member_entry *old = sorted_get(&c->members, key->region);
    if (item == NULL) {
        if (old != NULL) {
            sorted_remove(&c->members, key->region);
            member_entry_free(old);
        }
        return OK;
    }
    struct core_member m;
    enum err err = row_to_member(&c->scratch, key, item, &m);
    if (err != OK) {
        return err;
    }
    struct member_entry *e = calloc(1, sizeof *e);
    ASSERT(e != NULL);
    arena_init_sized(&e->mem, ROW_MEM_MAX, MEMBER_BYTES);
    e->member = m;
    e->member.region = bytes_dup(&e->mem, m.region);
    e->member.http_address = bytes_dup(&e->mem, m.http_address);
    e->member.link_address = bytes_dup(&e->mem, m.link_address);
    sorted_put(&c->members, e);
    member_entry_free(old);
    return OK;
}

static uint64_t bound(bool on_demand, uint64_t units, uint64_t most)
{
    return !on_demand ? units : most == CORE_UNITS_UNLIMITED ? 0 : most;
}

uint64_t core_read_bound(const struct core_table *t, const struct core_throughput *x)
{
    return bound(t->on_demand, x->read_units, x->read_max);
}

static uint64_t write_bound(const struct core_table *t, const struct core_throughput *x)
{
    return bound(t->on_demand, x->write_units, x->write_max);
}

/* The writer's schema carries the rates that bound writes. */
static void rates_set(struct core_table *t)
{
    t->part.write_units = write_bound(t, &t->throughput);
    struct part_index *indexes = (struct part_index *)(uintptr_t)t->part.indexes;
    for (size_t i = 0; i < t->part.n_indexes; i++) {
        const struct core_index *x = &t->indexes[i];
        indexes[i].write_units = x->part.local ? 0 : write_bound(t, &x->throughput);
    }
}

/* A heap entry for the table an item describes. */
static enum err table_entry_new(
    struct catalog *c,
    const struct row_key *key,
    const struct value *item,
    struct table_entry **ret)
{
    struct core_table t;
    enum err err = row_to_table(&c->scratch, key, item, &t);
    if (err != OK) {
        return err;
    }
    struct core_table measured;
    arena_clear(&c->measure);
    err = table_copy(&c->measure, &t, &measured);
    if (err != OK) {
        return err;
    }
    size_t n = arena_taken(&c->measure);
    struct table_entry *e = malloc(sizeof *e + n);
    struct arena content;
    ASSERT(e != NULL);
    arena_init_in(&content, e->content, n);
    err = table_copy(&content, &t, &e->table);
    ASSERT(err == OK);
    rates_set(&e->table);
    *ret = e;
    return OK;
}

static enum err apply_own(struct catalog *c, const struct row_key *key, const struct value *item)
{
    struct table_entry *e = NULL;
    if (item != NULL) {
        enum err err = table_entry_new(c, key, item, &e);
        if (err != OK) {
            return err;
        }
    }
    struct table_entry *old = map_get(&c->own, key->table);
    if (old != NULL) {
        id_remove(&c->own_id, old->table.part.id, old);
    }
    if (e != NULL) {
        (void)map_put(&c->own, key->table, e);
        sorted_put(&c->own_sorted, e);
        id_put(&c->own_id, e->table.part.id, e);
        settle_own_table(c, key->table);
    } else if (old != NULL) {
        (void)map_remove(&c->own, key->table);
        sorted_remove(&c->own_sorted, key->table);
    }
    free(old);
    return OK;
}

static enum err apply_remote(struct catalog *c, const struct row_key *key, const struct value *item)
{
    struct bytes name = remote_name(c, key);
    if (name.base == NULL) {
        return ERR_TOO_BIG;
    }
    if (item == NULL) {
        free(map_remove(&c->remote, name));
        return OK;
    }
    struct table_entry *e;
    enum err err = table_entry_new(c, key, item, &e);
    if (err != OK) {
        return err;
    }
    free(map_put(&c->remote, name, e));
    return OK;
}

static struct group_entry *group_entry_get(struct catalog *c, struct bytes name)
{
    struct group_entry *g = map_get(&c->groups, name);
    if (g != NULL) {
        return g;
    }
    g = calloc(1, sizeof *g);
    ASSERT(g != NULL);
    g->name = heap_bytes(name);
    arena_init_sized(&g->row_mem, ROW_MEM_MAX, GROUP_BYTES);
    (void)map_put(&c->groups, name, g);
    sorted_put(&c->groups_sorted, g);
    return g;
}

/* Works out the group anew, or forgets it with its last row. */
static void group_entry_changed(struct catalog *c, struct group_entry *g)
{
    settle_group(c, g);
    if (!g->has_row && g->n_replicas == 0) {
        (void)map_remove(&c->groups, g->name);
        sorted_remove(&c->groups_sorted, g->name);
        group_entry_free(g);
    }
}

static enum err apply_group(struct catalog *c, const struct row_key *key, const struct value *item)
{
    struct group_row row;
    if (item != NULL) {
        enum err err = row_to_group(&c->scratch, key, item, &row);
        if (err != OK) {
            return err;
        }
    }
    struct group_entry *g = group_entry_get(c, key->table);
    if (g->has_row) {
        id_remove(&c->group_id, g->row.table, g);
        arena_done(&g->row_mem);
        g->has_row = false;
        g->row = (struct group_row){0};
    }
    enum err err = OK;
    if (item != NULL) {
        err = group_row_copy(&g->row_mem, &row, &g->row);
        g->has_row = err == OK;
    }
    if (g->has_row) {
        id_put(&c->group_id, g->row.table, g);
    }
    group_entry_changed(c, g);
    return err;
}

/* Puts (or, with `e` NULL, removes) the replica of a region, keeping the order. */
static void group_set_replica(struct group_entry *g, struct bytes region, struct replica_entry *e)
{
    size_t i = 0;
    while (i < g->n_replicas && bytes_cmp(g->replicas[i]->row.replica.region, region) < 0) {
        i++;
    }
    bool there = i < g->n_replicas && bytes_eq(g->replicas[i]->row.replica.region, region);
    if (there) {
        free(g->replicas[i]);
        if (e == NULL) {
            g->n_replicas--;
            memmove(
                &g->replicas[i], &g->replicas[i + 1], (g->n_replicas - i) * sizeof *g->replicas);
        } else {
            g->replicas[i] = e;
        }
        return;
    }
    if (e == NULL) {
        return;
    }
    if (g->n_replicas == g->replicas_cap) {
        g->replicas_cap = g->replicas_cap == 0 ? 4 : g->replicas_cap * 2;
        g->replicas = realloc(g->replicas, g->replicas_cap * sizeof *g->replicas);
        ASSERT(g->replicas != NULL);
    }
    memmove(&g->replicas[i + 1], &g->replicas[i], (g->n_replicas - i) * sizeof *g->replicas);
    g->replicas[i] = e;
    g->n_replicas++;
}

static enum err apply_replica(
    struct catalog *c, const struct row_key *key, const struct value *item)
{
    struct replica_entry *e = NULL;
    if (item != NULL) {
        struct replica_row row;
        enum err err = row_to_replica(&c->scratch, key, item, &row);
        if (err != OK) {
            return err;
        }
        struct replica_row measured;
        arena_clear(&c->measure);
        err = replica_row_copy(&c->measure, &row, &measured);
        if (err != OK) {
            return err;
        }
        size_t n = arena_taken(&c->measure);
        struct arena content;
        e = malloc(sizeof *e + n);
        ASSERT(e != NULL);
        arena_init_in(&content, e->content, n);
        err = replica_row_copy(&content, &row, &e->row);
        ASSERT(err == OK);
    }
    struct group_entry *g = group_entry_get(c, key->table);
    group_set_replica(g, key->region, e);
    group_entry_changed(c, g);
    return OK;
}

static enum err apply_row(struct catalog *c, const struct row_key *key, const struct value *item)
{
    switch (key->kind) {
    case ROW_MEMBER:
        return apply_member(c, key, item);
    case ROW_TABLE:
        return bytes_eq(key->region, c->region) ? apply_own(c, key, item)
                                                : apply_remote(c, key, item);
    case ROW_GROUP:
        return apply_group(c, key, item);
    case ROW_REPLICA:
        return apply_replica(c, key, item);
    }
    return ERR_CORRUPT;
}

enum err catalog_apply(struct catalog *c, const struct value *key, const struct value *item)
{
    struct row_key row;
    if (row_key_parse(key, &row) != OK) {
        return ERR_CORRUPT;
    }
    enum err err = apply_row(c, &row, item);
    arena_clear(&c->scratch);
    return err == OK ? OK : ERR_CORRUPT;
}

/* ---- looking up ---- */

struct bytes catalog_region(const struct catalog *c)
{
    return c->region;
}

const struct core_table *catalog_table(const struct catalog *c, struct bytes name)
{
    const struct table_entry *e = map_get(&c->own, name);
    return e == NULL ? NULL : &e->table;
}

const struct core_table *catalog_table_in(
    const struct catalog *c, struct bytes region, struct bytes name)
{
    if (bytes_eq(region, c->region)) {
        return catalog_table(c, name);
    }
    struct buf key;
    buf_init(&key, region.len + name.len + 1);
    buf_put_bytes(&key, region);
    buf_put_u8(&key, '/');
    buf_put_bytes(&key, name);
    const struct table_entry *e = map_get(&c->remote, buf_bytes(&key));
    buf_done(&key);
    return e == NULL ? NULL : &e->table;
}

const struct core_table *catalog_table_by_id(const struct catalog *c, uint64_t id)
{
    const struct table_entry *e = id_get(&c->own_id, id);
    return e == NULL ? NULL : &e->table;
}

const struct core_table *catalog_table_after(const struct catalog *c, struct bytes after)
{
    const struct table_entry *e = sorted_after(&c->own_sorted, after);
    return e == NULL ? NULL : &e->table;
}

static bool is_complete(const struct group_entry *g)
{
    return g->has_row && g->n_replicas > 0;
}

const struct core_group *catalog_group(const struct catalog *c, struct bytes name)
{
    const struct group_entry *g = map_get(&c->groups, name);
    return g != NULL && is_complete(g) ? &g->view : NULL;
}

const struct core_group *catalog_group_by_table(const struct catalog *c, uint64_t table)
{
    const struct group_entry *g = id_get(&c->group_id, table);
    return g != NULL && is_complete(g) ? &g->view : NULL;
}

const struct core_group *catalog_group_after(const struct catalog *c, struct bytes after)
{
    for (size_t i = sorted_find(&c->groups_sorted, after, /* past= */ true); i < c->groups_sorted.n;
         i++) {
        const struct group_entry *g = c->groups_sorted.at[i];
        if (is_complete(g)) {
            return &g->view;
        }
    }
    return NULL;
}

const struct core_replica *core_group_replica(const struct core_group *g, struct bytes region)
{
    for (size_t i = 0; i < g->n_replicas; i++) {
        if (bytes_eq(g->replicas[i].region, region)) {
            return &g->replicas[i];
        }
    }
    return NULL;
}

const struct core_member *catalog_member(const struct catalog *c, struct bytes region)
{
    const struct member_entry *e = sorted_get(&c->members, region);
    return e == NULL ? NULL : &e->member;
}

const struct core_member *catalog_member_by_id(const struct catalog *c, struct region_id id)
{
    for (size_t i = 0; i < c->members.n; i++) {
        const struct member_entry *e = c->members.at[i];
        if (e->member.id.v == id.v) {
            return &e->member;
        }
    }
    return NULL;
}

const struct core_member *catalog_member_after(const struct catalog *c, struct bytes after)
{
    const struct member_entry *e = sorted_after(&c->members, after);
    return e == NULL ? NULL : &e->member;
}

const struct group_entry *catalog_group_entry(const struct catalog *c, struct bytes name)
{
    return map_get(&c->groups, name);
}

const struct group_entry *catalog_group_entry_after(const struct catalog *c, struct bytes after)
{
    return sorted_after(&c->groups_sorted, after);
}

size_t catalog_own_tables(const struct catalog *c)
{
    return c->own_sorted.n;
}

size_t catalog_members_live(const struct catalog *c)
{
    size_t n = 0;
    for (size_t i = 0; i < c->members.n; i++) {
        const struct member_entry *e = c->members.at[i];
        n += e->member.removed ? 0 : 1;
    }
    return n;
}

/* Whether a change of ours at `pos` was made while the table was its group's, in which it is now if
 * `joined`. */
static bool in_span(const struct core_table *t, bool joined, struct local_pos pos)
{
    if (t->n_spans == 0) {
        return joined;
    }
    for (size_t i = 0; i < t->n_spans; i++) {
        const struct core_span *s = &t->spans[i];
        if (pos.v >= s->since.v && (s->left.v == 0 ? joined : pos.v <= s->left.v)) {
            return true;
        }
    }
    return false;
}

/* Of a user's table, between us and a member; of a change at `pos`, which may be none that has been
 * made yet. */
static bool ships_to(
    const struct catalog *c, const struct group_entry *g, struct local_pos pos, struct bytes region)
{
    const struct replica_row *own = group_entry_replica(g, c->region);
    const struct table_entry *own_table = id_get(&c->own_id, g->row.table);
    bool joined = own != NULL && own->replica.table == g->row.table;
    /* A table that left its group keeps the id, and what is written to it from then on stays here.
     * What it, or a dropped table, wrote while it was a replica still goes out. */
    if (own_table != NULL && !in_span(&own_table->table, joined, pos)) {
        return false;
    }
    const struct replica_row *target = group_entry_replica(g, region);
    if (target != NULL) {
        /* One that leaves is shipped to until it has left: its own word that it became ACTIVE may
         * have crossed the removal and win over it, and then nothing may be missing. */
        return target->replica.table == g->row.table && target->replica.status != CORE_FAILED;
    }
    return joined && own->replica.status == CORE_CREATING &&
           bytes_listed(own->known, own->n_known, region);
}

bool catalog_replicates_to(const struct catalog *c, uint64_t table, struct region_id region)
{
    const struct core_member *m = catalog_member_by_id(c, region);
    return m != NULL && catalog_replicates_to_name(c, table, m->region);
}

bool catalog_ships(
    const struct catalog *c, uint64_t table, struct local_pos pos, struct bytes region)
{
    const struct core_member *m = catalog_member(c, region);
    if (m != NULL && m->removed) {
        return false;
    }
    if (table == PART_TABLE_CATALOG) {
        return true;
    }
    const struct group_entry *g = id_get(&c->group_id, table);
    return g != NULL && ships_to(c, g, pos, region);
}

bool catalog_replicates_to_name(const struct catalog *c, uint64_t table, struct bytes region)
{
    return catalog_ships(c, table, (struct local_pos){UINT64_MAX}, region);
}

/* Whether we hold the group's table, or, with `whole`, everything that is in it. */
static bool holds(const struct catalog *c, const struct group_entry *g, bool whole)
{
    const struct replica_row *own = group_entry_replica(g, c->region);
    if (own == NULL || own->replica.table != g->row.table) {
        return false;
    }
    bool has =
        own->replica.status == CORE_ACTIVE || (own->replica.status == CORE_CREATING && !whole);
    return has && id_get(&c->own_id, g->row.table) != NULL;
}

bool catalog_serves_seed(
    const struct catalog *c, uint64_t table, struct region_id region, bool whole)
{
    if (table < PART_TABLE_FIRST || !catalog_replicates_to(c, table, region)) {
        return false;
    }
    const struct core_member *m = catalog_member_by_id(c, region);
    const struct group_entry *g = id_get(&c->group_id, table);
    const struct replica_row *r = group_entry_replica(g, m->region);
    if (r == NULL || r->replica.status == CORE_DELETING || !holds(c, g, whole)) {
        return false;
    }
    if (r->replica.status != CORE_CREATING) {
        return true;
    }
    const struct core_table *t = catalog_table_in(c, m->region, g->name);
    return t != NULL && t->part.id == table && t->join == r->replica.join;
}

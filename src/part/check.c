/* Recounting everything by walking the store, for tests and the simulator: what the writer keeps in
 * step by differences must equal what can be worked out from the items alone. */
#include <stdlib.h>

#include "part/impl.h"

struct recount {
    uint64_t id;
    struct part_counts counts;
    struct hash128 digest[PART_DIGEST_BUCKETS];
};

struct checking {
    struct part *part;
    struct map tables;      /* id bytes to struct recount */
    struct map indexes;     /* table and index bytes to struct part_counts */
    struct map collections; /* engine key to heap uint64_t */
    uint64_t tombstones;
    uint64_t index_rows;
    uint64_t expiry_rows;
    struct arena a;
    struct index_row row;
    struct buf got;
};

static struct recount *recount_of(struct checking *k, uint64_t id)
{
    struct recount *c = map_get(&k->tables, bytes_of(&id, sizeof id));
    if (c == NULL) {
        c = calloc(1, sizeof *c);
        ASSERT(c != NULL);
        c->id = id;
        (void)map_put(&k->tables, bytes_of(&id, sizeof id), c);
    }
    return c;
}

static struct part_counts *index_recount_of(struct checking *k, uint64_t table, uint32_t index)
{
    uint64_t id[] = {table, index};
    struct part_counts *c = map_get(&k->indexes, bytes_of(id, sizeof id));
    if (c == NULL) {
        c = calloc(1, sizeof *c);
        ASSERT(c != NULL);
        (void)map_put(&k->indexes, bytes_of(id, sizeof id), c);
    }
    return c;
}

static void add_to_collection(struct checking *k, uint64_t table, struct bytes key, uint64_t bytes)
{
    struct buf b;
    buf_init(&b, SIZE_MAX / 2);
    layout_collection_key(&b, table, key);
    uint64_t *sum = map_get(&k->collections, buf_bytes(&b));
    if (sum == NULL) {
        sum = calloc(1, sizeof *sum);
        ASSERT(sum != NULL);
        (void)map_put(&k->collections, buf_bytes(&b), sum);
    }
    *sum += bytes;
    buf_done(&b);
}

/* The item's row stands in every index as a rebuild would write it. */
static enum err check_rows(
    struct checking *k,
    const struct part_table *t,
    struct bytes key,
    const struct value *item,
    struct bytes item_bytes)
{
    for (size_t i = 0; i < t->n_indexes; i++) {
        enum err e = part_index_row(&k->a, t, &t->indexes[i], key, item, item_bytes, &k->row);
        if (e != OK) {
            return e;
        }
        if (!k->row.there) {
            continue;
        }
        k->index_rows++;
        struct part_counts *n = index_recount_of(k, t->id, t->indexes[i].id);
        n->items++;
        n->bytes += k->row.size;
        if (t->indexes[i].local) {
            add_to_collection(k, t->id, key, k->row.size);
        }
        buf_clear(&k->got);
        e = engine_get(k->part->config.engine, NULL, buf_bytes(&k->row.key), &k->got);
        if (e == ERR_NOT_FOUND ||
            (e == OK && !bytes_eq(buf_bytes(&k->got), buf_bytes(&k->row.value)))) {
            return ERR_CORRUPT;
        }
        if (e != OK) {
            return e;
        }
    }
    return OK;
}

/* The item's expiry row stands there. While rows are being filled in there is nothing to say. */
static enum err check_expiry(
    struct checking *k, const struct part_table *t, struct bytes key, const struct value *item)
{
    uint64_t seconds;
    if (!part_expiry_settled(k->part, t->id) || !part_expiry_of(t, item, &seconds)) {
        return OK;
    }
    buf_clear(&k->row.key);
    layout_expiry_key(&k->row.key, t->id, seconds, key);
    buf_clear(&k->got);
    enum err e = engine_get(k->part->config.engine, NULL, buf_bytes(&k->row.key), &k->got);
    k->expiry_rows++;
    return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
}

static enum err count_expiry_row(struct checking *k, struct bytes key, struct bytes value)
{
    bool formed =
        key.len > LAYOUT_EXPIRY_PREFIX && value.len == 1 && value.base[0] == LAYOUT_FORMAT;
    if (!formed) {
        return ERR_CORRUPT;
    }
    uint64_t table = load_u64_be(key.base + 1);
    bool counted = part_find_table(k->part, table) != NULL && part_expiry_settled(k->part, table);
    k->expiry_rows -= counted ? 1U : 0U;
    return OK;
}

static enum err check_tombstone(
    struct checking *k, uint64_t table, struct bytes key, struct hlc hlc)
{
    struct buf row;
    buf_init(&row, SIZE_MAX / 2);
    layout_tombstone_key(&row, hlc, table, key);
    buf_clear(&k->got);
    enum err e = engine_get(k->part->config.engine, NULL, buf_bytes(&row), &k->got);
    buf_done(&row);
    k->tombstones++;
    return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
}

static enum err check_record(struct checking *k, struct bytes row_key, struct bytes stored)
{
    struct record rec;
    enum err e = layout_record_get(stored, &rec);
    if (e != OK) {
        return e;
    }
    uint64_t table = load_u64_be(row_key.base + 1);
    struct bytes key = bytes_from(row_key, LAYOUT_DATA_PREFIX + LAYOUT_HASH_BYTES);
    if (rec.version.hlc.v > k->part->clock.last.v || rec.pos.v > k->part->tail.v) {
        return ERR_CORRUPT;
    }
    if (!rec.live) {
        return check_tombstone(k, table, key, rec.buried);
    }
    struct value item;
    e = value_decode(&k->a, rec.item, &item);
    if (e != OK) {
        return e;
    }
    if (item_size(&item) != rec.size) {
        return ERR_CORRUPT;
    }
    struct recount *c = recount_of(k, table);
    c->counts.items++;
    c->counts.bytes += rec.size;
    unsigned bucket = key_partition_hash((struct bytes){key.base, key_first_len(key)}) >> 26;
    struct hash128 h = part_version_hash(key, rec.version);
    struct hash128 *d = &c->digest[bucket];
    d->hi += h.hi + (d->lo + h.lo < h.lo ? 1U : 0U);
    d->lo += h.lo;
    const struct part_table *t = part_find_table(k->part, table);
    if (t != NULL && part_is_collected(t)) {
        add_to_collection(k, table, key, rec.size);
    }
    if (t == NULL) {
        return OK;
    }
    e = check_rows(k, t, key, &item, rec.item);
    return e == OK ? check_expiry(k, t, key, &item) : e;
}

/* Calls `each` for every row of a kind. */
static enum err walk(
    struct checking *k,
    uint8_t kind,
    enum err (*each)(struct checking *k, struct bytes key, struct bytes value))
{
    const uint8_t lo[] = {kind};
    const uint8_t hi[] = {(uint8_t)(kind + 1)};
    struct engine_iter *it = engine_iter_open_once(
        k->part->config.engine, NULL, bytes_of(lo, sizeof lo), bytes_of(hi, sizeof hi));
    enum err e = OK;
    for (bool on = engine_iter_first(it); on && e == OK; on = engine_iter_next(it)) {
        arena_clear(&k->a);
        e = each(k, engine_iter_key(it), engine_iter_value(it));
    }
    if (e == OK) {
        e = engine_iter_err(it);
    }
    engine_iter_close(it);
    return e;
}

static enum err count_index_row(struct checking *k, struct bytes key, struct bytes value)
{
    (void)value;
    const struct part_table *t = part_find_table(k->part, load_u64_be(key.base + 1));
    if (t != NULL) {
        k->index_rows--;
    }
    return OK;
}

/* Each stored sum is that of its items; none is left over then. */
static enum err check_collection_row(struct checking *k, struct bytes key, struct bytes value)
{
    struct reader r;
    enum err e = layout_checked_open(value, &r);
    if (e != OK || part_find_table(k->part, load_u64_be(key.base + 1)) == NULL) {
        return e;
    }
    uint64_t *sum = map_remove(&k->collections, key);
    bool equal = sum != NULL && *sum == get_varint(&r) && !r.bad;
    free(sum);
    return equal ? OK : ERR_CORRUPT;
}

/* Tombstone rows of tables that were dropped outlive them until a sweep; of others there is one a
 * tombstone. */
static enum err count_tombstone_row(struct checking *k, struct bytes key, struct bytes value)
{
    (void)value;
    struct record rec;
    uint64_t table = load_u64_be(key.base + 9);
    enum err e =
        part_stage_load(k->part, table, bytes_from(key, 17), /* want_item= */ false, &k->a, &rec);
    bool stands = e == OK && rec.present && !rec.live && rec.buried.v == load_u64_be(key.base + 1);
    if (stands) {
        k->tombstones--;
    }
    return e;
}

static bool indexes_agree(struct checking *k, const struct part_tstate *t)
{
    for (size_t i = 0; i < t->n_istates; i++) {
        const struct part_counts *n = index_recount_of(k, t->id, t->istates[i].id);
        const struct part_counts *have = &t->istates[i].counts;
        if (n->items != have->items || n->bytes != have->bytes) {
            return false;
        }
    }
    return true;
}

static enum err compare_tables(struct checking *k)
{
    MAP_FOREACH (&k->part->tables, e) {
        const struct part_tstate *t = e->value;
        const struct recount *c = recount_of(k, t->id);
        if (c->counts.items != t->counts.items || c->counts.bytes != t->counts.bytes) {
            return ERR_CORRUPT;
        }
        if (!indexes_agree(k, t)) {
            return ERR_CORRUPT;
        }
        for (unsigned i = 0; i < PART_DIGEST_BUCKETS; i++) {
            struct hash128 d = part_table_digest(k->part, t->id, i);
            if (d.lo != c->digest[i].lo || d.hi != c->digest[i].hi) {
                return ERR_CORRUPT;
            }
        }
    }
    return map_count(&k->tables) <= map_count(&k->part->tables) ? OK : ERR_CORRUPT;
}

enum err part_check(struct part *p)
{
    ASSERT(!p->stage.open);
    struct checking k = {.part = p};
    map_init(&k.tables);
    map_init(&k.indexes);
    map_init(&k.collections);
    arena_init(&k.a, SIZE_MAX / 2);
    buf_init(&k.got, SIZE_MAX / 2);
    buf_init(&k.row.key, SIZE_MAX / 2);
    buf_init(&k.row.value, SIZE_MAX / 2);
    enum err e = walk(&k, ROW_DATA, check_record);
    if (e == OK) {
        e = walk(&k, ROW_INDEX, count_index_row);
    }
    if (e == OK) {
        e = walk(&k, ROW_TOMBSTONE, count_tombstone_row);
    }
    if (e == OK) {
        e = walk(&k, ROW_COLLECTION, check_collection_row);
    }
    if (e == OK) {
        e = compare_tables(&k);
    }
    if (e == OK) {
        e = walk(&k, ROW_EXPIRY, count_expiry_row);
    }
    bool left = map_count(&k.collections) > 0 || k.expiry_rows != 0;
    if (e == OK && (k.index_rows != 0 || k.tombstones != 0 || left)) {
        e = ERR_CORRUPT;
    }
    MAP_FOREACH (&k.tables, entry) {
        free(entry->value);
    }
    map_done(&k.tables);
    MAP_FOREACH (&k.indexes, counts) {
        free(counts->value);
    }
    map_done(&k.indexes);
    MAP_FOREACH (&k.collections, sum) {
        free(sum->value);
    }
    map_done(&k.collections);
    arena_done(&k.a);
    buf_done(&k.got);
    part_index_row_done(&k.row);
    return e;
}

/* Staging of catalog rows, and the ids that go into them.
 *
 * Ids are drawn at random from the core's own generator and checked against what is known, so that
 * two regions that cannot see each other do not draw the same. */
#include "core/impl.h"

enum err stage_row(
    struct part_stage *s, struct arena *a, const struct row_key *key, const struct value *item)
{
    struct value k;
    enum err err = row_key_make(a, key, &k);
    if (err != OK) {
        return err;
    }
    return part_stage_put(s, PART_TABLE_CATALOG, &k, item);
}

enum err stage_table(struct part_stage *s, struct arena *a, const struct core_table *t)
{
    struct value item;
    enum err err = row_of_table(a, t, &item);
    if (err != OK) {
        return err;
    }
    return stage_row(s, a, &(struct row_key){ROW_TABLE, t->region, t->part.name}, &item);
}

enum err stage_group(
    struct part_stage *s, struct arena *a, struct bytes name, const struct group_row *g)
{
    struct value item;
    enum err err = row_of_group(a, name, g, &item);
    if (err != OK) {
        return err;
    }
    return stage_row(s, a, &(struct row_key){ROW_GROUP, BYTES_NONE, name}, &item);
}

enum err stage_replica(
    struct part_stage *s, struct arena *a, struct bytes table, const struct replica_row *r)
{
    struct value item;
    enum err err = row_of_replica(a, table, r, &item);
    if (err != OK) {
        return err;
    }
    return stage_row(s, a, &(struct row_key){ROW_REPLICA, r->replica.region, table}, &item);
}

enum err stage_no_table(
    struct part_stage *s, struct arena *a, struct bytes region, struct bytes table)
{
    return stage_row(s, a, &(struct row_key){ROW_TABLE, region, table}, /* item= */ NULL);
}

enum err stage_no_group(struct part_stage *s, struct arena *a, struct bytes table)
{
    return stage_row(s, a, &(struct row_key){ROW_GROUP, BYTES_NONE, table}, /* item= */ NULL);
}

enum err stage_no_replica(
    struct part_stage *s, struct arena *a, struct bytes region, struct bytes table)
{
    return stage_row(s, a, &(struct row_key){ROW_REPLICA, region, table}, /* item= */ NULL);
}

uint64_t new_join(struct core *c)
{
    return prng_u64(&c->prng) | 1;
}

uint64_t new_table_id(struct core *c)
{
    for (;;) {
        uint64_t id = prng_u64(&c->prng) >> 1;
        if (id >= PART_TABLE_FIRST && catalog_table_by_id(c->catalog, id) == NULL &&
            catalog_group_by_table(c->catalog, id) == NULL) {
            return id;
        }
    }
}

/* Indexes made with their table count from 1; later ones draw from far above, so that replicas
 * which add an index at the same time do not give one id to two. */
uint32_t new_index_id(struct core *c, const struct core_table *t)
{
    for (;;) {
        uint32_t id = (uint32_t)prng_between(&c->prng, 1 << 16, INT32_MAX);
        if (find_index_id(t, id) == NULL) {
            return id;
        }
    }
}

struct bytes core_uuid(struct prng *prng, struct arena *a)
{
    uint64_t hi = prng_u64(prng);
    uint64_t lo = prng_u64(prng);
    /* RFC 9562, version 4: random but for the version and the variant. */
    hi = (hi & ~(uint64_t)0xf000) | 0x4000;
    lo = (lo & ~((uint64_t)3 << 62)) | (uint64_t)1 << 63;
    return bytes_fmt(
        a,
        "%08x-%04x-%04x-%04x-%012llx",
        (unsigned)(hi >> 32),
        (unsigned)(hi >> 16 & 0xffff),
        (unsigned)(hi & 0xffff),
        (unsigned)(lo >> 48),
        (unsigned long long)(lo & 0xffffffffffff));
}

struct bytes new_uuid(struct core *c, struct arena *a)
{
    return core_uuid(&c->prng, a);
}

#pragma once

/* Catalog rows as items of PART_TABLE_CATALOG, and back. The layout is docs/formats/catalog.md.
 *
 * Decoders borrow strings from the item and take arrays from the arena. A row of a newer format
 * version is ERR_FORMAT; attributes that are not known are ignored. */

#include "core/core.h"

enum row_kind { ROW_MEMBER, ROW_TABLE, ROW_GROUP, ROW_REPLICA };

enum {
    ROW_VERSION = 2, /* the newest that is understood */
    ROW_VERSION_PLAIN = 1,
    ROW_VERSION_WIDE = 2, /* of a table with an index whose key is of several attributes */
};

/* A row's identity. `table` is empty for members, `region` for groups. */
struct row_key {
    enum row_kind kind;
    struct bytes region;
    struct bytes table;
};

/* What a group row says. `shape` is what the replicas' tables have in common: keys, attributes,
 * indexes with their ids, billing, write throughput, stream; a new replica's table is made from it.
 */
struct group_row {
    uint64_t table;
    enum core_group_version version;
    uint64_t created_ms;
    struct bytes source;
    struct core_table shape;
};

/* What a replica row says. `known` lists the regions that were in the group when it joined, itself
 * and those joining with it included: until it is ACTIVE it ships to them even before their rows
 * have arrived. */
struct replica_row {
    struct core_replica replica;
    const struct bytes *known;
    size_t n_known;
};

/* OK; ERR_CORRUPT (not a catalog key; a kind from the future is one too). */
MUST_CHECK enum err row_key_parse(const struct value *key, struct row_key *ret);
/* The key attributes as a map. OK; ERR_TOO_BIG. */
MUST_CHECK enum err row_key_make(struct arena *a, const struct row_key *key, struct value *ret);

/* Whole items, key attributes included. OK; ERR_TOO_BIG. */
MUST_CHECK enum err row_of_member(struct arena *a, const struct core_member *m, struct value *ret);
MUST_CHECK enum err row_of_table(struct arena *a, const struct core_table *t, struct value *ret);
MUST_CHECK enum err row_of_group(
    struct arena *a, struct bytes name, const struct group_row *g, struct value *ret);
MUST_CHECK enum err row_of_replica(
    struct arena *a, struct bytes table, const struct replica_row *r, struct value *ret);

/* Names come from the key. OK; ERR_CORRUPT; ERR_FORMAT; ERR_TOO_BIG. */
MUST_CHECK enum err row_to_member(
    struct arena *a, const struct row_key *key, const struct value *item, struct core_member *ret);
MUST_CHECK enum err row_to_table(
    struct arena *a, const struct row_key *key, const struct value *item, struct core_table *ret);
MUST_CHECK enum err row_to_group(
    struct arena *a, const struct row_key *key, const struct value *item, struct group_row *ret);
MUST_CHECK enum err row_to_replica(
    struct arena *a, const struct row_key *key, const struct value *item, struct replica_row *ret);

/* Deep copies. OK; ERR_TOO_BIG. */
MUST_CHECK enum err table_copy(struct arena *a, const struct core_table *t, struct core_table *ret);
MUST_CHECK enum err group_row_copy(
    struct arena *a, const struct group_row *g, struct group_row *ret);
MUST_CHECK enum err replica_row_copy(
    struct arena *a, const struct replica_row *r, struct replica_row *ret);
MUST_CHECK enum err bytes_array_copy(
    struct arena *a, const struct bytes *from, size_t n, const struct bytes **ret);

/* Makes part.keep_old_images agree with streams and point-in-time recovery. */
void table_keep_images(struct core_table *t);
/* Makes part.indexes, part.keep_old_images and the like agree with the rest. OK; ERR_TOO_BIG. */
MUST_CHECK enum err table_settle(struct arena *a, struct core_table *t);

/* Whether two tables have the same keys, types included. */
bool keys_equal(const struct expr_key_schema *a, const struct expr_key_schema *b);
/* Whether two indexes are the same but for id, status and throughput. */
bool index_shape_equal(const struct part_index *a, const struct part_index *b);
const struct core_index *find_index(const struct core_table *t, struct bytes name);
const struct core_index *find_index_id(const struct core_table *t, uint32_t id);
bool bytes_listed(const struct bytes *list, size_t n, struct bytes name);

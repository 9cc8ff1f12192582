#pragma once

/* The catalog's insides, for the writer's side of core: a group as it stands row by row, complete
 * or not. */

#include "core/rows.h"

/* Everything known under one group name. Rows arrive in any order, so either part may be missing.
 */
struct group_entry {
    struct bytes name;
    bool has_row;
    struct group_row row; /* if has_row */
    struct arena row_mem;
    struct replica_entry **replicas; /* sorted by region */
    size_t n_replicas;
    size_t replicas_cap;
    struct core_replica *view_replicas;
    struct core_group view; /* what fronts see, when complete */
};

/* In one piece with all that the row points to. */
struct replica_entry {
    struct replica_row row;
    _Alignas(16) char content[];
};

/* NULL when no row of that name exists. */
const struct group_entry *catalog_group_entry(const struct catalog *c, struct bytes name);
const struct replica_row *group_entry_replica(const struct group_entry *g, struct bytes region);
/* The next entry in name order, incomplete ones included. */
const struct group_entry *catalog_group_entry_after(const struct catalog *c, struct bytes after);
/* Whether our table of that name is a replica whose changes other regions take. */
bool catalog_is_replicated(const struct catalog *c, const struct core_table *t);
size_t catalog_own_tables(const struct catalog *c);
size_t catalog_members_live(const struct catalog *c);

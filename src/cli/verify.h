#pragma once

/* What `godwit verify` compares: a table's digests in all regions that hold it, and, where they
 * differ, its records. */

#include "cli/fleet.h"

enum { VERIFY_BUCKETS_MAX = 256 };

/* The name under which regions answer for their catalog. */
#define VERIFY_CATALOG "godwit.catalog"

struct replica {
    const struct fleet_region *region;
    struct bytes status; /* "ACTIVE", …; empty for the catalog */
    struct json digest;
    bool answered;
    const char *why; /* when it did not */
};

struct verified {
    const char *table;
    struct replica replicas[CORE_REGIONS_MAX];
    size_t n;
    bool answered; /* by all replicas */
    bool active;   /* all of them */
    bool equal;    /* all digests */
    bool marks_equal;
};

/* Asks every replica for its digest, into `a`, and compares. */
void verify_digests(struct cli *cli, struct arena *a, const struct cluster *c, struct verified *v);
/* Appends what differs: at most `max` keys, a line each or (as_json) an array. Returns how many
 * keys differ. */
size_t verify_differences(
    struct cli *cli,
    const struct cluster *c,
    const struct verified *v,
    size_t max,
    bool as_json,
    struct buf *out);

#pragma once

/* Two versions of an item in, one decision out: last writer wins by version, deletes are versions
 * too. The decision depends on its arguments alone, so every region decides alike whatever the
 * order of arrival. */

#include "base/base.h"
#include "change/change.h"
#include "hlc/hlc.h"

/* What stands at the key now. */
struct merge_local {
    bool present; /* an item or a tombstone */
    bool live;    /* an item */
    struct version version;
};

enum merge_verdict {
    MERGE_APPLY,      /* the incoming version replaces what stands there */
    MERGE_SAME,       /* it is what stands there: a repeat */
    MERGE_KEEP,       /* what stands there is newer */
    MERGE_QUARANTINE, /* nothing stands there, but a tombstone may have stood and been forgotten:
                       * only a region that was away past the tombstones' life sends such a version
                       */
};

struct merge_decision {
    enum merge_verdict verdict;
    bool conflict; /* neither writer knew of the other's version: the loser goes to the conflict log
                    */
};

/* What a writer had seen when it wrote: `known` false when the log no longer tells, and then no
 * conflict is claimed against it. */
struct merge_sight {
    bool known;
    struct region_id writer;
    const struct change_seen *seen;
    size_t n_seen;
};

/* `incoming` arrives from a writer with sight `theirs` (only read when the verdict is MERGE_APPLY
 * over something present); the writer of the local version had sight `ours` (only read when the
 * verdict is MERGE_KEEP). `gc_floor`: tombstones below this stamp may be gone here. */
struct merge_decision merge_decide(
    const struct merge_local *local,
    struct version incoming,
    const struct merge_sight *theirs,
    const struct merge_sight *ours,
    struct hlc gc_floor);

/* Whether a writer with sight `s` knew version `v`; a writer knows all its own, and one whose sight
 * is not known gets the benefit of the doubt. */
bool merge_knew(const struct merge_sight *s, struct version v);

/* The merge decision.
 *
 *   stands there    incoming version          verdict      conflict when
 *   nothing         below gc_floor            QUARANTINE   never
 *   nothing         at or above gc_floor      APPLY        never
 *   item/tombstone  greater                   APPLY        its writer did not know what stands here
 *   item/tombstone  equal                     SAME         never
 *   item/tombstone  smaller                   KEEP         the writer of what stands here did not
 * know it
 *
 * Only the winner's sight is asked. The loser cannot have known the winner: a writer stamps above
 * all it has seen, so whoever knew a version has the greater one.
 *
 * The verdict is a function of the versions, so the version that stands at the end is the greatest
 * that arrived, whatever the order. Whether a *conflict* is claimed may differ between regions,
 * because an intermediate version may have stood at one of them and not at another; it is a report,
 * never state. */
#include "merge/merge.h"

bool merge_knew(const struct merge_sight *s, struct version v)
{
    if (!s->known || s->writer.v == v.region.v) {
        return true;
    }
    for (size_t i = 0; i < s->n_seen; i++) {
        if (s->seen[i].region.v == v.region.v) {
            return v.hlc.v <= s->seen[i].hlc.v;
        }
    }
    return false;
}

struct merge_decision merge_decide(
    const struct merge_local *local,
    struct version incoming,
    const struct merge_sight *theirs,
    const struct merge_sight *ours,
    struct hlc gc_floor)
{
    ASSERT(local->present || !local->live);
    if (!local->present) {
        bool forgotten = incoming.hlc.v < gc_floor.v;
        return (struct merge_decision){forgotten ? MERGE_QUARANTINE : MERGE_APPLY, false};
    }
    int order = version_cmp(incoming, local->version);
    if (order == 0) {
        return (struct merge_decision){MERGE_SAME, false};
    }
    if (order > 0) {
        return (struct merge_decision){MERGE_APPLY, !merge_knew(theirs, local->version)};
    }
    return (struct merge_decision){MERGE_KEEP, !merge_knew(ours, incoming)};
}

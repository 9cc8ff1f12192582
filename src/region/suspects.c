/* Ends of items that a peer has and we do not, and that no position says we should have: those of
 * items whose time was over, which each region ends for itself. One may still be on its way, in the
 * log or in a sweep of our own, so it is fetched only after it was missed twice more when both had
 * applied the same.
 *
 * Few are remembered at a time. Each has its place until it was fetched, or until it is known to be
 * missed no longer: if others could displace it before its second look, thousands would keep each
 * other from ever being fetched; if it stayed, what only was on its way would keep out what is
 * lost.
 */
#include "region/inside.h"

enum { LOOKS_WANTED = 2 };

bool suspects_see(struct suspect at[SUSPECTS], const struct suspect *seen, bool equal)
{
    ASSERT(seen->name != 0);
    struct suspect *s = &at[seen->name % SUSPECTS];
    if (s->name != seen->name) {
        if (s->name == 0 || ++s->passed > PASSED_MAX) {
            *s = *seen;
        }
        return false;
    }
    s->scan = seen->scan;
    if (!equal) {
        return false;
    }
    s->passed = 0;
    s->looks++;
    bool missed = s->looks >= LOOKS_WANTED;
    if (missed) {
        *s = (struct suspect){0};
    }
    return missed;
}

void suspects_forget(
    struct suspect at[SUSPECTS],
    struct region_id peer,
    uint64_t table,
    unsigned bucket,
    uint64_t scan)
{
    for (unsigned i = 0; i < SUSPECTS; i++) {
        const struct suspect *s = &at[i];
        bool meant = s->peer.v == peer.v && s->table == table && s->bucket == bucket;
        if (s->name != 0 && meant && s->scan != scan) {
            at[i] = (struct suspect){0};
        }
    }
}

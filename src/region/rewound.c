/* Our store was put back to an older copy: a peer has applied more of our log than we have.
 *
 * What is wrong then, and what puts it right:
 *  1. Positions behind our tail have been used before. Peers would take the new transactions there
 *     for ones they know and skip them. So the writer goes on behind the last position that the
 *     peer has seen (PART_CMD_SKIP), and drops the log before it, so that a peer which lacks some
 *     of it is fenced instead of being given two meanings of one position.
 *  2. What we had acknowledged and lost is with the peer. It comes back as a seed of every table
 *     that we share, opened before the skip: after a crash in between it all begins again.
 *  3. What was written between the restart and this discovery stands in our store alone, at
 *     positions the peers have behind them. The writer skips one position more, so that all of
 *     them are fenced and take a seed of us. Nothing that we lost is purged there: a seed purges
 *     only below the tombstone floor, which is as old as our copy until our own seeds are done.
 *
 * A peer that has not seen more than we have written anew cannot tell us; the digests of scrubbing
 * mend that case too, more slowly. */
#include "region/inside.h"

/* No log is ever so long: whoever says it has seen that much of ours is not believed. */
static const uint64_t rewound_pos_max = UINT64_MAX / 4;

void rewound_begin(struct region *r, struct link *l, struct peer_pos theirs)
{
    struct peer *p = l->peer;
    if (p->mending || theirs.v > rewound_pos_max) {
        return;
    }
    struct errand *e = errand_new(r, ERRAND_REWOUND_SEED, PART_CMD_CALL);
    e->link = l->id;
    e->their_pos = theirs;
    if (fence_prepare(r, e, p->id, (struct peer_pos){0}) == 0) {
        errand_free(e);
        return;
    }
    p->mending = errand_submit(e);
}

void rewound_seeding(struct region *r, struct errand *e)
{
    struct peer *p = peer_find(r, e->origin);
    if (p == NULL) {
        return;
    }
    p->mending = false;
    r->needs_dirty = true;
    if (e->cmd.err != OK) {
        return;
    }
    const struct repl_mark *m = repl_vector_find(&p->marks, r->config.id);
    struct errand *skip = errand_new(r, ERRAND_REWOUND_SKIP, PART_CMD_SKIP);
    skip->link = e->link;
    skip->origin = e->origin;
    skip->cmd.skip.to.v = e->their_pos.v + 1; /* one that nobody has: everybody is fenced */
    skip->cmd.skip.hlc = m == NULL ? (struct hlc){0} : m->hlc;
    p->mending = errand_submit(skip);
}

/* The peer subscribes anew over a new link, or finds us unchanged and all of this begins again. */
void rewound_skipped(struct region *r, struct errand *e, uint64_t now_ms)
{
    struct peer *p = peer_find(r, e->origin);
    if (p != NULL) {
        p->mending = false;
        p->ahead = e->cmd.err != OK;
    }
    if (e->cmd.err == OK) {
        (void)repl_vector_raise(
            &r->marks, (struct repl_mark){.region = r->config.id, .pos = {e->cmd.skip.to.v}});
    }
    struct link *l = link_find(r, e->link);
    if (l != NULL) {
        link_drop(r, l, now_ms);
    }
}

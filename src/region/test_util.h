#pragma once

/* What the room's tests share: a region whose peers, links and shell are the test's. */

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "region/inside.h"

#include <cmocka.h>

/* Region "us" on the test's store, with no table and nothing under way. */
static inline struct region *us_new(
    uint64_t id,
    struct engine *engine,
    const struct region_seed_peer *peers,
    size_t n_peers,
    const struct region_ops *ops,
    struct tracer *tracer,
    void *ctx)
{
    const struct region_config config = {
        .name = BYTES_LIT("us"),
        .id = {id},
        .secret = BYTES_LIT("secret"),
        .engine = engine,
        .peers = peers,
        .n_peers = n_peers,
        .knobs = region_knobs_default(),
        .tracer = tracer,
        .ops = *ops,
        .ctx = ctx,
    };
    struct region *r;
    assert_int_equal(region_new(&config, /* now_ms= */ 1000, &r), OK);
    r->needs_dirty = false;
    return r;
}

/* A link to that peer, which is up. It is the test's: us_free() leaves it. */
static inline void us_link(struct region *r, struct link *l, uint64_t link, uint64_t peer)
{
    struct peer *p = peer_find(r, (struct region_id){peer});
    assert_non_null(p);
    *l = (struct link){.id = link, .ready = true, .peer = p};
    buf_init(&l->seed_in.cursor, SIZE_MAX / 2);
    p->link = l;
    r->links[r->n_links++] = l;
}

static inline void us_free(struct region *r)
{
    for (size_t i = 0; i < r->n_links; i++) {
        buf_done(&r->links[i]->seed_in.cursor);
    }
    r->n_links = 0;
    region_free(r);
}

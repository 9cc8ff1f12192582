/* How much of our log point-in-time recovery wants kept. */
#include "region/inside.h"

enum { OWN_LOOK_MAX = 1000, DAY_MS = 24 * 3600 * 1000 };

/* The earliest time that some table of ours may be brought back to; UINT64_MAX: none may. */
static uint64_t wanted_since(const struct region *r, uint64_t now_ms)
{
    uint64_t since = UINT64_MAX;
    const struct core_table *t = catalog_table_after(r->catalog, BYTES_NONE);
    for (; t != NULL; t = catalog_table_after(r->catalog, t->part.name)) {
        uint64_t period = (uint64_t)t->pitr_days * DAY_MS;
        if (t->pitr_since_ms == 0) {
            continue;
        }
        uint64_t from = now_ms > period ? now_ms - period : 0;
        from = from > t->pitr_since_ms ? from : t->pitr_since_ms;
        since = from < since ? from : since;
    }
    return since;
}

/* Whether all that lies at or before `pos` is stamped before `ms`: our own transactions are stamped
 * above everything before them, so the next of them tells. */
static bool is_before(const struct region *r, uint64_t pos, uint64_t ms)
{
    struct part_log_cursor *c = part_log_open(&r->reader, (struct local_pos){pos});
    bool before = false;
    for (unsigned i = 0; i < OWN_LOOK_MAX; i++) {
        struct local_pos at;
        struct bytes stored;
        struct change_txn t;
        if (part_log_next(c, &at, &stored) != OK || change_txn_peek(stored, &t) != OK) {
            break;
        }
        if (t.origin.v == r->config.id.v && t.origin_pos.v != 0) {
            before = hlc_ms(t.hlc) < ms;
            break;
        }
    }
    part_log_close(c);
    return before;
}

uint64_t wanted_by_recovery(const struct region *r, uint64_t first, uint64_t tail, uint64_t now_ms)
{
    uint64_t since = wanted_since(r, now_ms);
    if (since == UINT64_MAX) {
        return UINT64_MAX;
    }
    uint64_t lo = first - 1;
    uint64_t hi = tail;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo + 1) / 2;
        if (is_before(r, mid, since)) {
            lo = mid;
        } else {
            hi = mid - 1;
        }
    }
    return lo;
}

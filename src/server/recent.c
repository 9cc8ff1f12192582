/* Answers that are good for a moment. */
#include "server/recent.h"

void recent_init(struct recent *r)
{
    *r = (struct recent){.status = 0};
    buf_init(&r->body, 16 << 20);
}

void recent_done(struct recent *r)
{
    buf_done(&r->body);
}

bool recent_take(struct recent *r, uint64_t now_ms, int *ret_status, struct bytes *ret_body)
{
    uint64_t good_ms = r->rounds > 0 ? RECENT_STALE_MS : RECENT_MS;
    if (r->status == 0 || now_ms - r->at_ms >= good_ms) {
        r->rounds++;
        return false;
    }
    *ret_status = r->status;
    *ret_body = buf_bytes(&r->body);
    return true;
}

void recent_keep(struct recent *r, uint64_t now_ms, int status, struct bytes body)
{
    ASSERT(r->rounds > 0);
    r->rounds--;
    buf_clear(&r->body);
    buf_put_bytes(&r->body, body);
    r->status = r->body.err == OK ? status : 0;
    r->at_ms = now_ms;
}

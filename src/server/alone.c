/* When a web thread may do the writer's work. */
#include "server/alone.h"

void alone_asked(struct alone *a, uint64_t connection)
{
    a->n = connection == a->connection ? a->n + 1 : 1;
    a->connection = connection;
}

bool alone_may(const struct alone *a, uint64_t turn, uint64_t now_ns)
{
    return a->n >= ALONE_MIN && turn != a->turn && now_ns >= a->paused_until_ns;
}

void alone_did(struct alone *a, uint64_t turn, uint64_t began_ns, uint64_t ended_ns)
{
    const uint64_t ms = 1000000;
    a->turn = turn;
    if (ended_ns - began_ns >= ALONE_LONG_MS * ms) {
        a->paused_until_ns = ended_ns + ALONE_PAUSE_MS * ms;
    }
}

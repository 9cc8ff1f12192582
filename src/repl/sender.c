/* The sending end of a subscription: what was covered, what is in flight, and when more may go. */
#include "repl/repl.h"

void repl_sender_start(
    struct repl_sender *s, struct region_id origin, struct local_pos read, struct peer_pos from)
{
    *s = (struct repl_sender){
        .active = true,
        .origin = origin,
        .read = read,
        .sent = from,
        .acked = from,
        .txns_total = s->txns_total,
        .bytes_total = s->bytes_total,
    };
}

void repl_sender_stop(struct repl_sender *s)
{
    s->active = false;
    s->flight_n = 0;
    s->flight_bytes = 0;
    s->flight_txns = 0;
}

bool repl_sender_may_send(const struct repl_sender *s, size_t bytes_max)
{
    return s->active && s->flight_n < REPL_WINDOW_FRAMES && s->flight_bytes < bytes_max;
}

void repl_sender_sent(
    struct repl_sender *s, struct peer_pos to, struct hlc hlc_to, size_t bytes, uint32_t n_txns)
{
    ASSERT(s->active);
    ASSERT(to.v >= s->sent.v);
    ASSERT(s->flight_n < REPL_WINDOW_FRAMES);
    s->sent = to;
    s->sent_hlc = hlc_to;
    s->txns_total += n_txns;
    s->bytes_total += bytes;
    if (n_txns == 0) {
        return; /* a heartbeat takes no room in the window */
    }
    uint32_t at = (s->flight_first + s->flight_n) % REPL_WINDOW_FRAMES;
    s->flight[at].to = to;
    s->flight[at].bytes = bytes;
    s->flight[at].n_txns = n_txns;
    s->flight_n++;
    s->flight_bytes += bytes;
    s->flight_txns += n_txns;
}

void repl_sender_acked(struct repl_sender *s, struct peer_pos pos)
{
    if (pos.v > s->acked.v) {
        s->acked = pos;
    }
    while (s->flight_n > 0 && s->flight[s->flight_first].to.v <= s->acked.v) {
        s->flight_bytes -= s->flight[s->flight_first].bytes;
        s->flight_txns -= s->flight[s->flight_first].n_txns;
        s->flight_first = (s->flight_first + 1) % REPL_WINDOW_FRAMES;
        s->flight_n--;
    }
    ASSERT(s->flight_n > 0 || s->flight_bytes == 0);
}

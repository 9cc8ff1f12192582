/* What is asked of the server, and what becomes of it. */
#include <stdio.h>

#include "load/inside.h"

enum { FILLER_MAX = 400 * 1024, FIXED_ITEM_BYTES = 120 };

static void choose(struct connection *c, struct request *r)
{
    struct work *w = c->work;
    const struct load_plan *p = w->plan;
    r->is_read = prng_below(&w->prng, 100) < p->reads_percent;
    r->seq = c->next_seq++;
    int n;
    if (p->keys > 0) {
        uint64_t key = p->in_order ? w->issued % p->keys : prng_below(&w->prng, p->keys);
        n = snprintf(r->pk, sizeof r->pk, "%s-%08llu", p->prefix, (unsigned long long)key);
        r->sk = 0;
    } else if (p->ring > 0 && r->seq % 2 == 1) {
        n = snprintf(r->pk, sizeof r->pk, "%s-%u-ring", p->prefix, c->index);
        r->sk = r->seq / 2 % p->ring;
    } else {
        n = snprintf(r->pk, sizeof r->pk, "%s-%u", p->prefix, c->index);
        r->sk = r->seq;
    }
    ASSERT(n > 0);
    ASSERT(n < (int)sizeof r->pk);
    w->issued++;
}

/* Letters that do not compress to less than five bits each, so that nothing looks smaller on disk
 * or wire than a user's data would. */
static void put_noise(struct work *w, uint8_t *to, uint32_t n)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEF";
    uint64_t bits = 0;
    for (uint32_t i = 0; i < n; i++) {
        bits = i % 12 == 0 ? prng_u64(&w->prng) : bits >> 5;
        to[i] = (uint8_t)letters[bits & 31];
    }
}

static void put_body(struct work *w, const struct request *r)
{
    struct buf *b = &w->body;
    buf_clear(b);
    buf_putf(
        b,
        "{\"TableName\":\"%.*s\",\"%s\":{\"pk\":{\"S\":\"%s\"},\"sk\":{\"N\":\"%llu\"}",
        BYTES_FMT(w->plan->table),
        r->is_read ? "Key" : "Item",
        r->pk,
        (unsigned long long)r->sk);
    if (!r->is_read) {
        buf_putf(
            b,
            ",\"seq\":{\"N\":\"%llu\"},\"airline\":{\"S\":\"Limosa "
            "Lapponica\"},\"from\":{\"S\":\"ANC\"},"
            "\"to\":{\"S\":\"AKL\"},\"seats\":{\"N\":\"%u\"},\"open\":{\"BOOL\":true},\"filler\":{"
            "\"S\":\"",
            (unsigned long long)r->seq,
            (unsigned)(r->seq % 300));
        uint32_t n =
            w->plan->item_bytes > FIXED_ITEM_BYTES ? w->plan->item_bytes - FIXED_ITEM_BYTES : 0;
        n = n > FILLER_MAX ? FILLER_MAX : n;
        uint8_t *to = buf_reserve(b, n);
        ASSERT(to != NULL);
        put_noise(w, to, n);
        b->len += n;
        buf_put_str(b, "\"}");
    }
    buf_put_str(b, "}}");
}

void work_next(struct connection *c, int64_t now_s, struct buf *to)
{
    struct work *w = c->work;
    choose(c, &c->request);
    put_body(w, &c->request);
    struct bytes target = c->request.is_read ? BYTES_LIT("DynamoDB_20120810.GetItem")
                                             : BYTES_LIT("DynamoDB_20120810.PutItem");
    sign_request(&w->signer, now_s, target, buf_bytes(&w->body), to);
}

static void count_done(
    struct load_tally *t, const struct request *r, uint64_t took_us, uint64_t now_ns)
{
    t->done++;
    if (t->last_done_ns != 0 && now_ns - t->last_done_ns > t->gap_ns_max) {
        t->gap_ns_max = now_ns - t->last_done_ns;
    }
    t->last_done_ns = now_ns;
    if (r->is_read) {
        t->reads++;
        histogram_add(&t->read_us, took_us);
    } else {
        t->writes++;
        histogram_add(&t->write_us, took_us);
    }
}

void work_ended(
    struct connection *c,
    enum outcome outcome,
    uint64_t took_us,
    uint64_t now_ns,
    struct bytes body)
{
    struct work *w = c->work;
    struct load_tally *t = w->tally;
    const struct request *r = &c->request;
    char mark = '=';
    switch (outcome) {
    case OUTCOME_DONE:
        count_done(t, r, took_us, now_ns);
        t->found += r->is_read && bytes_contains(body, BYTES_LIT("\"Item\""));
        break;
    case OUTCOME_REFUSED:
        t->refused++;
        mark = '!';
        break;
    case OUTCOME_UNKNOWN:
        t->unknown++;
        mark = '?';
        break;
    }
    if (outcome != OUTCOME_DONE && t->first_error[0] == '\0' && body.len > 0) {
        (void)snprintf(t->first_error, sizeof t->first_error, "%.*s", BYTES_FMT(body)); /* cut */
    }
    if (w->plan->log_fd >= 0 && !r->is_read) {
        buf_putf(
            &w->log,
            "%c %s %llu %llu\n",
            mark,
            r->pk,
            (unsigned long long)r->sk,
            (unsigned long long)r->seq);
        ASSERT(w->log.err == OK);
    }
}

/* When a frame leaves a link that pretends to be long, slow, lossy or cut.
 *
 * Modelled on what TCP shows its user: nothing is lost or reordered, it only comes later. A lost
 * frame waits for one retransmission and everything behind it waits too; a cut holds all until it
 * heals.
 *
 * Invariant: due_ns never decreases along the queue, so order is kept by construction.
 *
 * Does not promise: slow start, or anything about the time a connection takes to be made. */
#include "io/hold.h"

#include <stdlib.h>

static const double ns_per_ms = 1e6;
static const double ns_per_s = 1e9;
static const double resend_ms_min = 20;

void hold_init(struct hold *h, const struct io_fault *fault, uint64_t seed)
{
    *h = (struct hold){.fault = *fault, .prng = prng_seeded(seed)};
    h->tail = &h->head;
}

void hold_done(struct hold *h)
{
    while (h->head != NULL) {
        struct held *f = h->head;
        h->head = f->next;
        free(f);
    }
    h->tail = &h->head;
}

bool hold_needed(const struct hold *h)
{
    const struct io_fault *f = &h->fault;
    return h->head != NULL || f->blackhole || f->delay_ms > 0 || f->jitter_ms > 0 ||
           f->loss_per_mille > 0 || f->bytes_per_s > 0;
}

static uint64_t ns_of_ms(double ms)
{
    return ms <= 0 ? 0 : (uint64_t)(ms * ns_per_ms);
}

/* The time at which `len` bytes sent at `now_ns` are due, behind all before them. */
static uint64_t due_for(struct hold *h, uint64_t now_ns, size_t len)
{
    const struct io_fault *f = &h->fault;
    uint64_t due_ns = now_ns;
    if (f->bytes_per_s > 0) {
        uint64_t start_ns = h->wire_free_ns > now_ns ? h->wire_free_ns : now_ns;
        due_ns = start_ns + (uint64_t)((double)len * ns_per_s / (double)f->bytes_per_s);
        h->wire_free_ns = due_ns;
    }
    due_ns += ns_of_ms(f->delay_ms);
    uint64_t jitter_ns = ns_of_ms(f->jitter_ms);
    if (jitter_ns > 0) {
        due_ns += prng_below(&h->prng, jitter_ns + 1);
    }
    if (f->loss_per_mille > 0 && prng_chance(&h->prng, f->loss_per_mille)) {
        double resend_ms = 2 * f->delay_ms;
        due_ns += ns_of_ms(resend_ms > resend_ms_min ? resend_ms : resend_ms_min);
    }
    if (due_ns < h->due_ns_last) {
        due_ns = h->due_ns_last;
    }
    h->due_ns_last = due_ns;
    return due_ns;
}

void hold_push(struct hold *h, uint64_t now_ns, struct bytes header, struct bytes body)
{
    struct held *f = malloc(sizeof *f + header.len + body.len);
    ASSERT(f != NULL);
    f->next = NULL;
    f->len = header.len + body.len;
    f->due_ns = due_for(h, now_ns, f->len);
    memcpy(f->bytes, header.base, header.len);
    if (body.len > 0) {
        memcpy(f->bytes + header.len, body.base, body.len);
    }
    *h->tail = f;
    h->tail = &f->next;
}

uint64_t hold_due_ns(const struct hold *h)
{
    return h->head == NULL || h->fault.blackhole ? UINT64_MAX : h->head->due_ns;
}

struct held *hold_pop(struct hold *h, uint64_t now_ns)
{
    if (hold_due_ns(h) > now_ns) {
        return NULL;
    }
    struct held *f = h->head;
    h->head = f->next;
    if (h->head == NULL) {
        h->tail = &h->head;
    }
    return f;
}

void hold_set_fault(struct hold *h, uint64_t now_ns, const struct io_fault *fault)
{
    bool heals = h->fault.blackhole && !fault->blackhole;
    h->fault = *fault;
    if (h->fault.bytes_per_s == 0) {
        h->wire_free_ns = 0;
    }
    if (!heals) {
        return;
    }
    h->wire_free_ns = 0;
    h->due_ns_last = 0;
    for (struct held *f = h->head; f != NULL; f = f->next) {
        f->due_ns = due_for(h, now_ns, f->len);
    }
}

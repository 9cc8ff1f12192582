#pragma once

/* Private to io: the hold-back queue of a link's outgoing direction. Pure: it is told the time. */

#include "io/io.h"

struct held {
    struct held *next;
    uint64_t due_ns;
    size_t len;
    uint8_t bytes[];
};

struct hold {
    struct io_fault fault;
    struct prng prng;
    struct held *head; /* due times never decrease from here on */
    struct held **tail;
    uint64_t wire_free_ns; /* when the bandwidth limit lets the next frame start */
    uint64_t due_ns_last;  /* of the latest frame */
};

void hold_init(struct hold *h, const struct io_fault *fault, uint64_t seed);
void hold_done(struct hold *h);
/* Whether a frame may not leave at once: there are faults, or frames before it. */
bool hold_needed(const struct hold *h);
/* Queues `header` and `body` as one. */
void hold_push(struct hold *h, uint64_t now_ns, struct bytes header, struct bytes body);
/* When hold_pop() has something next; UINT64_MAX: not before the fault changes. */
uint64_t hold_due_ns(const struct hold *h);
/* The oldest frame if it is due, for the caller to free(); else NULL. */
struct held *hold_pop(struct hold *h, uint64_t now_ns);
void hold_set_fault(struct hold *h, uint64_t now_ns, const struct io_fault *fault);

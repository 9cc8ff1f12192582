#pragma once

/* One HTTP exchange at a time, blocking, over kept connections: admin calls with a bearer token,
 * DynamoDB calls with an AWS signature. libcurl does both. Proxies of the environment are not used:
 * regions are addressed directly. */

#include "base/base.h"

struct web;

struct web_ask {
    const char *method;
    const char *url;
    struct bytes body;
    const char *bearer; /* Authorization token, or NULL */
    const char *target; /* X-Amz-Target, or NULL; then the request is signed with: */
    const char *region;
    const char *access_key;
    const char *secret_key;
    uint64_t timeout_ms; /* 0: 30000 */
};

struct web_answer {
    long status;
    struct bytes body;  /* in the arena given */
    const char *reason; /* after an error: why, in words; borrowed until the next ask */
};

struct web *web_new(void);
/* NULL is legal. */
void web_free(struct web *w);
/* OK: an answer came, whatever its status. ERR_UNAVAILABLE: could not connect, nothing was sent.
 * ERR_TIMEOUT, ERR_IO: it may have been carried out. ERR_TOO_BIG: the answer exceeds the arena. */
MUST_CHECK enum err web_ask(
    struct web *w, struct arena *a, const struct web_ask *ask, struct web_answer *ret);

#pragma once

/* The client's side of AWS Signature Version 4, for POST / with no query: what is the same for
 * every request of a second is made once. */

#include "base/base.h"

struct signer {
    struct bytes host; /* "127.0.0.1:8000"; all slices borrow */
    struct bytes region;
    struct bytes access_key;
    struct bytes secret_key; /* empty: send a header of the right shape and no signature */
    int64_t made_at_s;       /* what the fields below were made for */
    char date[32];           /* 20150830T123600Z */
    uint8_t key[SHA256_LEN];
};

/* Appends a whole request that calls `target` ("DynamoDB_20120810.GetItem") with `body`. */
void sign_request(
    struct signer *s, int64_t now_s, struct bytes target, struct bytes body, struct buf *to);

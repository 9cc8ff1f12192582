#pragma once

/* DynamoDB requests to one region, signed, as any client sends them. */

#include "cli/fleet.h"
#include "cli/keys.h"

struct aws {
    struct cli *cli;
    const char *url;
    const char *region;
    struct access_key key;
};

/* For the region named by --region, or else the first that answers. The key is the directory's
 * first active one, or that of the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY) when the
 * directory has none. CLI_OK, or CLI_FAILED after having said why. */
int aws_open(struct cli *cli, const struct args *args, struct aws *ret);
/* For a region already found. */
int aws_open_at(
    struct cli *cli, const struct fleet *fleet, const struct fleet_region *r, struct aws *ret);
/* One request. OK; ERR_INVALID: refused for good; ERR_NOT_FOUND: no such table; ERR_BUSY: worth
 * trying again; others as web_ask(). After an error *reterr_why says it in words, in `a`. */
MUST_CHECK enum err aws_ask(
    struct aws *aws,
    struct arena *a,
    const char *operation,
    struct bytes body,
    struct json *ret,
    const char **reterr_why);
/* As aws_ask(), trying again with growing pauses, for about a minute, while that may help. Only for
 * requests that may be repeated. */
MUST_CHECK enum err aws_ask_again(
    struct aws *aws,
    struct arena *a,
    const char *operation,
    struct bytes body,
    struct json *ret,
    const char **reterr_why);
/* The pause before attempt `n` (from 1). */
uint64_t aws_pause_ms(unsigned n);

#pragma once

/* The regions of a live cluster, found by asking: the ones a directory knows, and those they name
 * as members. */

#include "cli/dir.h"

struct fleet_region {
    const char *name;
    const char *url;
    const struct cluster_region *known; /* what the directory says of it; NULL: nothing */
    bool up;                            /* it answered */
    const char *why;                    /* when it did not */
    struct json status;                 /* its /_godwit/status, when it did */
};

struct fleet {
    struct cluster cluster;
    struct fleet_region regions[CORE_REGIONS_MAX];
    size_t n;
};

/* Asks the cluster a command is about. CLI_OK when at least one region answered; else CLI_FAILED
 * after having said why. */
int fleet_open(struct cli *cli, const struct args *args, struct fleet *ret);
/* Asks all regions again, and those who joined since. The former answers stay in `a` of the call
 * they came with. */
void fleet_ask(struct cli *cli, struct arena *a, struct fleet *fleet);
/* The region of that name, or NULL after having said that there is none. */
struct fleet_region *fleet_find(struct fleet *fleet, const char *name);
/* As fleet_find(), for one that has to answer: NULL, after having said why, also when it does not.
 */
struct fleet_region *fleet_find_up(struct fleet *fleet, const char *name);
/* The first region that answered; there is one after fleet_open(). */
struct fleet_region *fleet_first_up(struct fleet *fleet);

/* One admin request. `body` may be empty; `path` begins behind "/_godwit/". OK with the answer in
 * `a`; an error with words in *reterr_why: ERR_UNAVAILABLE (nothing was sent), ERR_INVALID (the
 * region refused), or what web_ask() says. */
MUST_CHECK enum err admin_ask(
    struct cli *cli,
    struct arena *a,
    const struct cluster *cluster,
    const char *url,
    const char *method,
    const char *path,
    struct bytes body,
    struct json *ret,
    const char **reterr_why);
/* Percent-encodes a query value. */
const char *query_text(struct cli *cli, struct bytes value);

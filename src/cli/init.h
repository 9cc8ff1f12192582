#pragma once

/* Making regions: identities, secrets, addresses, join files. */

#include "cli/dir.h"

/* 64 random bits, never 0. */
struct region_id region_id_fresh(void);
/* 256 random bits as hex. */
struct bytes cluster_secret_fresh(struct cli *cli);

/* What a new region must know to join a live cluster, as `godwit region add` writes it and `godwit
 * init --join` reads it. */
struct join {
    struct bytes region;
    struct bytes http;
    struct bytes link;
    struct region_id id;
    struct bytes secret;
    struct server_peer peers[CORE_REGIONS_MAX];
    size_t n_peers;
};

/* Reads {"region","http","link","id","secret","peers":[…]}. OK; ERR_INVALID when something is
 * missing or malformed. */
MUST_CHECK enum err join_parse(struct cli *cli, const struct json *j, struct join *ret);
/* Appends that JSON text. */
void join_put(struct buf *b, const struct join *j);
/* Whether `hex` is a region id: 16 hex digits, not all 0. */
bool region_id_parse(struct cli *cli, struct bytes hex, struct region_id *ret);
/* CLI_OK, or CLI_USAGE after having said that clients and regions cannot share an address. Port 0
 * is any free one, so two of them are two. */
int addresses_apart(struct bytes http, struct bytes link);

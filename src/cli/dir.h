#pragma once

/* Where godwit keeps its files, and who is in a cluster.
 *
 * A directory describes itself by the configurations in it: `DIR/godwit.conf` is one region (made
 * by `godwit init`), `DIR/NAME/godwit.conf` is one region of a development cluster (made by `godwit
 * dev`). `DIR/keys` holds the access keys of all of them. Nothing else says who is here, so nothing
 * can contradict it. */

#include "cli/inside.h"
#include "server/server.h"

enum { CONFIG_BYTES_MAX = 1 << 20 };

struct cluster_region {
    const char *name;
    const char *url;                    /* "http://127.0.0.1:8000" */
    const char *home;                   /* its folder; NULL for a region known only from others */
    const char *conf;                   /* its configuration file; NULL likewise */
    const struct server_config *config; /* NULL likewise */
};

struct cluster {
    const char *dir;
    bool dev;             /* made by `godwit dev` */
    const char *key_file; /* may not exist */
    const char *token;    /* admin token; NULL: none known */
    struct cluster_region regions[CORE_REGIONS_MAX];
    size_t n;
};

/* The file's configuration, as written. CLI_OK, or CLI_FAILED after having said why. */
int config_load(struct cli *cli, const char *path, struct server_config *ret);
/* Writes it, readable by its owner alone since it holds the secret. Likewise. */
int config_save(const char *path, const struct server_config *config);
/* `path` as seen from the folder that the configuration `conf` lies in. */
const char *config_relative(struct cli *cli, const char *conf, struct bytes path);

/* What DIR holds, in order of HTTP port; n is 0 when there is nothing. CLI_OK, or CLI_FAILED after
 * having said why. */
int cluster_load(struct cli *cli, const char *dir, struct cluster *ret);
/* The cluster a command is about: --endpoint, or the directory; at least one region. With
 * `wants_token`, a missing admin token is an error too. */
int cluster_open(struct cli *cli, const struct args *args, bool wants_token, struct cluster *ret);
/* The region of that name, or NULL. */
const struct cluster_region *cluster_find(const struct cluster *c, const char *name);

/* Whether `name` may name a region: lower-case letters, digits and inner dashes, at most 63. */
bool region_name_ok(struct bytes name);
/* "host:port" with a numeric host and a port up to 65535. *ret_port may be NULL. */
bool address_ok(struct bytes address, uint16_t *ret_port);

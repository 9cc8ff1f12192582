#pragma once

/* The access keys of a directory: who may sign requests. */

#include "cli/inside.h"

struct access_key {
    const char *id;
    const char *secret;
};

/* The first active key of the file. CLI_OK, or CLI_FAILED after having said why. */
int keys_first(struct cli *cli, const char *path, struct access_key *ret);
/* As keys_first(), but a file that does not exist is made, with one fresh key. */
int keys_ensure(struct cli *cli, const char *path, struct access_key *ret);

#pragma once

/* What import and export have in common: the table's keys and the file's format. */

#include "cli/aws.h"
#include "cli/items.h"
#include "cli/progress.h"

enum transfer_format { FORMAT_CSV, FORMAT_JSONL };

struct transfer_table {
    const char *name;
    struct column keys[2]; /* hash, then range */
    size_t n_keys;
    uint64_t items; /* as the region last counted */
};

/* The format that --format or the file's name says. CLI_OK, or CLI_USAGE after having said that
 * neither does. */
int transfer_format(const struct args *args, const char *path, enum transfer_format *ret);
/* Asks for the table's description. CLI_OK, or CLI_FAILED after having said why. */
int transfer_table(struct aws *aws, const char *name, struct transfer_table *ret);
/* Why a file did not open, as errno says. */
const char *transfer_why(void);

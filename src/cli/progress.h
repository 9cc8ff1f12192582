#pragma once

/* How far an import or export has come: on disk, so that it can go on after an interruption, and on
 * the terminal. */

#include "cli/inside.h"

/* The content of FILE.progress. */
struct progress {
    const char *kind; /* "import", "export" */
    const char *table;
    const char *region;
    uint64_t file_bytes; /* of an import's input, by which it is known again */
    uint64_t file_mtime; /* in ns */
    uint64_t offset;     /* bytes of the file that are done */
    uint64_t items;
    struct bytes key; /* an export's LastEvaluatedKey as JSON; empty: none */
};

void progress_put(struct buf *b, const struct progress *p);
/* Reads what progress_put() wrote into `ret`, whose texts then live in the run's arena. OK;
 * ERR_SYNTAX. */
MUST_CHECK enum err progress_parse(struct cli *cli, struct bytes text, struct progress *ret);
/* Whether work that is described by `now` may go on where `then` ended: same kind, table, region
 * and file. */
bool progress_fits(const struct progress *then, const struct progress *now);
/* Takes over offset, items and key from the file if there is one that fits. true if so. */
bool progress_resume(struct cli *cli, const char *path, struct progress *now);
/* Saves at most a few times a second unless `force`. CLI_OK, or CLI_FAILED after having said why.
 */
int progress_save(const char *path, const struct progress *p, uint64_t *last_ns, bool force);
/* Removes the file, if there. */
void progress_done(const char *path);

/* One line of the terminal that is written over; nothing when standard error is no terminal. */
struct bar {
    const char *label;
    uint64_t total; /* 0: not known */
    uint64_t began_ns;
    uint64_t last_ns;
    bool on;
};

void bar_begin(struct bar *bar, const char *label, uint64_t total);
void bar_show(struct bar *bar, uint64_t done, uint64_t items);
/* Clears the line. */
void bar_end(struct bar *bar);

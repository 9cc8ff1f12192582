#pragma once

/* Readable tables: cells in rows, columns as wide as their widest cell. */

#include "cli/inside.h"

enum { GRID_COLUMNS_MAX = 12 };

struct grid {
    struct cli *cli;
    size_t columns;
    const char **cells; /* row by row */
    size_t n;
    size_t cap;
};

/* `heads` are the first row. */
void grid_init(struct grid *g, struct cli *cli, size_t columns, const char *const *heads);
/* Adds the next cell of the present row. */
void grid_cell(struct grid *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Appends the table to `b`. The last row is complete (asserted). */
void grid_put(const struct grid *g, struct buf *b);

/* Spans and sizes for people, in the run's arena: "850 ms", "12 s", "3 h 5 m"; "12 B", "3.4 MB". */
const char *text_span(struct cli *cli, uint64_t ms);
const char *text_size(struct cli *cli, uint64_t bytes);
/* "1 item", "2 items" */
const char *text_count(struct cli *cli, uint64_t n, const char *one);

/* Tables for people. Widths count code points, which is right for the letters that names here are
 * made of. */
#include "cli/grid.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

enum { CELL_BYTES_MAX = 1024, FIRST_CELLS = 64, GAP = 2 };

void grid_init(struct grid *g, struct cli *cli, size_t columns, const char *const *heads)
{
    ASSERT(columns > 0);
    ASSERT(columns <= GRID_COLUMNS_MAX);
    *g = (struct grid){.cli = cli, .columns = columns};
    for (size_t i = 0; i < columns; i++) {
        grid_cell(g, "%s", heads[i]);
    }
}

void grid_cell(struct grid *g, const char *fmt, ...)
{
    char text[CELL_BYTES_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args); /* a cell longer than that is cut */
    va_end(args);
    if (g->n == g->cap) {
        size_t cap = g->cap == 0 ? FIRST_CELLS : 2 * g->cap;
        const char **cells = ARENA_ARRAY(&g->cli->run_arena, const char *, cap);
        ASSERT(cells != NULL);
        if (g->n > 0) {
            memcpy(cells, g->cells, g->n * sizeof cells[0]);
        }
        g->cells = cells;
        g->cap = cap;
    }
    g->cells[g->n++] = cli_text(g->cli, "%s", text);
}

void grid_put(const struct grid *g, struct buf *b)
{
    ASSERT(g->n % g->columns == 0);
    size_t widths[GRID_COLUMNS_MAX] = {0};
    for (size_t i = 0; i < g->n; i++) {
        size_t width = utf8_length(bytes_str(g->cells[i]));
        size_t column = i % g->columns;
        widths[column] = width > widths[column] ? width : widths[column];
    }
    for (size_t i = 0; i < g->n; i++) {
        bool last = (i + 1) % g->columns == 0;
        size_t width = utf8_length(bytes_str(g->cells[i]));
        buf_put_str(b, g->cells[i]);
        if (last) {
            buf_put_str(b, "\n");
        } else {
            buf_putf(b, "%*s", (int)(widths[i % g->columns] - width) + GAP, "");
        }
    }
}

const char *text_span(struct cli *cli, uint64_t ms)
{
    unsigned long long s = ms / 1000;
    if (ms < 10000) {
        return cli_text(cli, "%llu ms", (unsigned long long)ms);
    }
    if (s < 120) {
        return cli_text(cli, "%llu s", s);
    }
    if (s < 7200) {
        return cli_text(cli, "%llu m", s / 60);
    }
    return cli_text(cli, "%llu h %llu m", s / 3600, s / 60 % 60);
}

const char *text_size(struct cli *cli, uint64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    double v = (double)bytes;
    size_t i = 0;
    while (v >= 1000 && i + 1 < sizeof units / sizeof units[0]) {
        v /= 1000;
        i++;
    }
    return cli_text(cli, i == 0 ? "%.0f %s" : "%.1f %s", v, units[i]);
}

const char *text_count(struct cli *cli, uint64_t n, const char *one)
{
    return cli_text(cli, "%llu %s%s", (unsigned long long)n, one, n == 1 ? "" : "s");
}

/* Progress files and the progress bar. A progress file may be older than the work it describes,
 * never newer: it is written after the work, and what is done twice (putting an item, cutting a
 * file and writing on) does no harm. */
#include "cli/progress.h"

#include <stdio.h>
#include <unistd.h>

#include "io/io.h"

enum { PROGRESS_BYTES_MAX = 1 << 20, SAVE_MS = 500, SHOW_MS = 100, BAR_CELLS = 30 };

void progress_put(struct buf *b, const struct progress *p)
{
    buf_put_str(b, "{");
    json_put_member_u64(b, "version", 1);
    json_put_member(b, "kind", bytes_str(p->kind));
    json_put_member(b, "table", bytes_str(p->table));
    json_put_member(b, "region", bytes_str(p->region));
    json_put_member_u64(b, "file_bytes", p->file_bytes);
    json_put_member_u64(b, "file_mtime", p->file_mtime);
    json_put_member_u64(b, "offset", p->offset);
    json_put_member_u64(b, "items", p->items);
    if (p->key.len > 0) {
        json_put_member(b, "key", p->key);
    }
    buf_put_str(b, "}\n");
}

enum err progress_parse(struct cli *cli, struct bytes text, struct progress *ret)
{
    struct json j;
    if (json_parse(cli->json, &cli->run_arena, text, CLI_JSON_DEPTH_MAX, &j) != OK ||
        json_u64(&j, "version") != 1) {
        return ERR_SYNTAX;
    }
    *ret = (struct progress){
        .kind = cli_text(cli, "%.*s", BYTES_FMT(json_text(&j, "kind"))),
        .table = cli_text(cli, "%.*s", BYTES_FMT(json_text(&j, "table"))),
        .region = cli_text(cli, "%.*s", BYTES_FMT(json_text(&j, "region"))),
        .file_bytes = json_u64(&j, "file_bytes"),
        .file_mtime = json_u64(&j, "file_mtime"),
        .offset = json_u64(&j, "offset"),
        .items = json_u64(&j, "items"),
        .key = json_text(&j, "key"),
    };
    return OK;
}

bool progress_fits(const struct progress *then, const struct progress *now)
{
    return strcmp(then->kind, now->kind) == 0 && strcmp(then->table, now->table) == 0 &&
           strcmp(then->region, now->region) == 0 && then->file_bytes == now->file_bytes &&
           then->file_mtime == now->file_mtime;
}

bool progress_resume(struct cli *cli, const char *path, struct progress *now)
{
    struct bytes text;
    struct progress then;
    if (cli_read_file(cli, path, &text) != OK) {
        return false;
    }
    if (progress_parse(cli, text, &then) != OK || !progress_fits(&then, now)) {
        cli_note("%s belongs to other work; starting from the beginning", path);
        return false;
    }
    now->offset = then.offset;
    now->items = then.items;
    now->key = then.key;
    return true;
}

int progress_save(const char *path, const struct progress *p, uint64_t *last_ns, bool force)
{
    uint64_t now = io_now_ns();
    if (!force && now - *last_ns < (uint64_t)SAVE_MS * 1000000) {
        return CLI_OK;
    }
    struct buf b;
    buf_init(&b, PROGRESS_BYTES_MAX);
    progress_put(&b, p);
    enum err e = b.err == OK ? io_file_write(path, buf_bytes(&b), 0644) : b.err;
    buf_done(&b);
    *last_ns = io_now_ns();
    return e == OK ? CLI_OK : cli_fail("could not write %s: %s", path, err_text(e));
}

void progress_done(const char *path)
{
    (void)unlink(path); /* not there: the work was short */
}

/* ---- the bar ---- */

void bar_begin(struct bar *bar, const char *label, uint64_t total)
{
    *bar = (struct bar){.label = label, .total = total, .began_ns = io_now_ns()};
    bar->on = isatty(STDERR_FILENO) == 1;
}

void bar_show(struct bar *bar, uint64_t done, uint64_t items)
{
    uint64_t now = io_now_ns();
    if (!bar->on || now - bar->last_ns < (uint64_t)SHOW_MS * 1000000) {
        return;
    }
    bar->last_ns = now;
    double seconds = (double)(now - bar->began_ns) / 1e9;
    double part = bar->total == 0 ? 0 : (double)done / (double)bar->total;
    int cells = part > 1 ? BAR_CELLS : (int)(part * BAR_CELLS);
    char line[BAR_CELLS + 1];
    memset(line, '.', BAR_CELLS);
    memset(line, '#', (size_t)cells);
    line[BAR_CELLS] = '\0';
    (void)fprintf(
        stderr,
        "\r%s [%s] %3.0f %%  %llu items, %.0f/s ",
        bar->label,
        line,
        100 * (part > 1 ? 1 : part),
        (unsigned long long)items,
        seconds > 0 ? (double)items / seconds : 0); /* a terminal that is gone shows nothing */
}

void bar_end(struct bar *bar)
{
    if (bar->on) {
        (void)fputs("\r\033[K", stderr); /* likewise */
    }
    bar->on = false;
}

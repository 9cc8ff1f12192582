/* `godwit export`: a table's items, page by page of a Scan.
 *
 * Items go to FILE.part as tagged JSON lines, and FILE.progress says which page comes next and how
 * long FILE.part was then; an interrupted export cuts it there and goes on. The finished FILE.part
 * is renamed, or, for CSV, whose first line must name columns that only the last item may have,
 * read once for the columns and once to be written.
 *
 * Not promised: one instant for the whole table; each page shows the table as it was when the page
 * was read. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/grid.h"
#include "cli/transfer.h"
#include "io/io.h"

enum { PAGE_ARENA_BYTES_MAX = 256 << 20, PAGE_BYTES_MAX = 64 << 20, LINE_BYTES_MAX = 64 << 20 };

struct export
{
    struct cli *cli;
    struct aws aws;
    struct transfer_table table;
    enum transfer_format format;
    bool plain; /* JSON lines without type tags */
    const char *path;
    const char *part_path;
    const char *progress_path;
    int fd; /* of the part file */
    struct progress progress;
    struct bar bar;
    struct column *columns; /* CSV */
    size_t n_columns;
};

static enum err write_all(int fd, struct bytes content)
{
    while (content.len > 0) {
        ssize_t n = write(fd, content.base, content.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return ERR_IO;
        }
        content = bytes_from(content, (size_t)n);
    }
    return OK;
}

/* ---- pages ---- */

static enum err put_page(const struct export *ex, const struct json *page, struct buf *out)
{
    size_t n;
    const struct json *items = json_items(page, "Items", &n);
    enum err e = OK;
    for (size_t i = 0; i < n && e == OK; i++) {
        if (ex->plain) {
            e = item_put_plain(out, &items[i]);
        } else {
            json_put(out, &items[i]);
        }
        buf_put_str(out, "\n");
    }
    return e == OK ? out->err : e;
}

/* Reads the page behind progress.key and appends it to the part file. *ret_more: there are others.
 */
static int take_page(struct export *ex, struct arena *a, bool *ret_more)
{
    struct buf b;
    struct json page;
    const char *why = "the page could not be read";
    buf_init(&b, PAGE_BYTES_MAX);
    buf_put_str(&b, "{");
    json_put_member(&b, "TableName", bytes_str(ex->table.name));
    if (ex->progress.key.len > 0) {
        json_put_name(&b, "ExclusiveStartKey");
        buf_put_bytes(&b, ex->progress.key);
    }
    buf_put_str(&b, "}");
    enum err e = aws_ask_again(&ex->aws, a, "Scan", buf_bytes(&b), &page, &why);
    buf_clear(&b);
    if (e == OK) {
        e = put_page(ex, &page, &b);
    }
    if (e != OK) {
        buf_done(&b);
        return cli_fail("%s, table %s: %s", ex->aws.region, ex->table.name, why);
    }
    e = write_all(ex->fd, buf_bytes(&b));
    ex->progress.offset += b.len;
    buf_clear(&b);
    const struct json *key = json_find(&page, "LastEvaluatedKey");
    *ret_more = key != NULL && key->type == JSON_OBJECT;
    if (*ret_more) {
        json_put(&b, key);
    }
    ex->progress.key = bytes_of(cli_text(ex->cli, "%.*s", BYTES_FMT(buf_bytes(&b))), b.len);
    size_t n;
    (void)json_items(&page, "Items", &n);
    ex->progress.items += n;
    buf_done(&b);
    return e == OK ? CLI_OK : cli_fail("could not write %s", ex->part_path);
}

static int take_pages(struct export *ex)
{
    int code = CLI_OK;
    uint64_t saved_ns = 0;
    for (bool more = true; more && code == CLI_OK;) {
        struct arena a;
        arena_init(&a, PAGE_ARENA_BYTES_MAX);
        code = take_page(ex, &a, &more);
        arena_done(&a);
        /* What the progress file counts on must be on disk before it. */
        if (code == CLI_OK && more && fdatasync(ex->fd) == 0) {
            code = progress_save(ex->progress_path, &ex->progress, &saved_ns, false);
        }
        bar_show(&ex->bar, ex->progress.items, ex->progress.items);
    }
    return code;
}

static int open_part(struct export *ex, bool restart)
{
    /* Plain and tagged lines do not go into one file. */
    ex->progress = (struct progress){
        .kind = ex->plain ? "plain export" : "export",
        .table = ex->table.name,
        .region = ex->aws.region,
    };
    struct stat st;
    bool resumes = !restart && stat(ex->part_path, &st) == 0 &&
                   progress_resume(ex->cli, ex->progress_path, &ex->progress);
    if (resumes && (uint64_t)st.st_size < ex->progress.offset) {
        resumes = false; /* somebody cut it */
    }
    if (!resumes) {
        ex->progress.offset = 0;
        ex->progress.items = 0;
        ex->progress.key = BYTES_NONE;
    }
    ex->fd = open(ex->part_path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (ex->fd < 0 || ftruncate(ex->fd, (off_t)ex->progress.offset) != 0 ||
        lseek(ex->fd, 0, SEEK_END) < 0) {
        return cli_fail("could not open %s: %s", ex->part_path, transfer_why());
    }
    if (resumes) {
        cli_note("going on behind %s", text_count(ex->cli, ex->progress.items, "item"));
    }
    return CLI_OK;
}

/* ---- CSV ---- */

/* Calls `each` with every item of the part file, in order. */
static int for_each_item(
    struct export *ex, int (*each)(struct export *ex, const struct json *item, FILE *to), FILE *to)
{
    FILE *from = fopen(ex->part_path, "re");
    char *line = NULL;
    size_t cap = 0;
    int code = from != NULL ? CLI_OK : cli_fail("could not read %s", ex->part_path);
    while (code == CLI_OK) {
        ssize_t n = getline(&line, &cap, from);
        if (n <= 0) {
            code = ferror(from) == 0 ? CLI_OK : cli_fail("could not read %s", ex->part_path);
            break;
        }
        struct arena a;
        struct json item;
        arena_init(&a, PAGE_ARENA_BYTES_MAX);
        struct bytes text = bytes_of(line, (size_t)n);
        bool good = json_parse(ex->cli->json, &a, text, CLI_JSON_DEPTH_MAX, &item) == OK &&
                    item.type == JSON_OBJECT;
        code = good ? each(ex, &item, to) : cli_fail("%s is damaged", ex->part_path);
        arena_done(&a);
    }
    free(line);
    if (from != NULL) {
        (void)fclose(from); /* only read */
    }
    return code;
}

static struct column *find_column(const struct export *ex, struct bytes name)
{
    for (size_t i = 0; i < ex->n_columns; i++) {
        if (bytes_eq(ex->columns[i].name, name)) {
            return &ex->columns[i];
        }
    }
    return NULL;
}

/* Learns the item's columns. One whose values differ in type holds tagged JSON. */
static int learn_columns(struct export *ex, const struct json *item, FILE *to)
{
    (void)to;
    for (size_t i = 0; i < item->object.n; i++) {
        struct bytes name = item->object.members[i].name;
        enum column_type type = column_type_of(&item->object.members[i].value);
        struct column *known = find_column(ex, name);
        if (known != NULL) {
            known->type = known->type == type ? type : COLUMN_JSON;
        } else if (ex->n_columns == ITEM_COLUMNS_MAX) {
            return cli_fail(
                "the items have more than %d attributes; export JSON lines", ITEM_COLUMNS_MAX);
        } else {
            struct bytes own = bytes_dup(&ex->cli->run_arena, name);
            ex->columns[ex->n_columns++] = (struct column){own, type, false};
        }
    }
    return CLI_OK;
}

static int put_line(FILE *to, struct buf *b)
{
    buf_put_str(b, "\n");
    bool good = b->err == OK && fwrite(b->base, 1, b->len, to) == b->len;
    buf_done(b);
    return good ? CLI_OK : cli_fail("could not write the file");
}

static int write_record(struct export *ex, const struct json *item, FILE *to)
{
    struct buf b;
    buf_init(&b, LINE_BYTES_MAX);
    for (size_t i = 0; i < ex->n_columns; i++) {
        buf_put_str(&b, i == 0 ? "" : ",");
        for (size_t k = 0; k < item->object.n; k++) {
            if (bytes_eq(item->object.members[k].name, ex->columns[i].name)) {
                column_put_value(&b, ex->columns[i].type, &item->object.members[k].value);
            }
        }
    }
    return put_line(to, &b);
}

/* Gives a finished file its name, for good: what it was made of goes next. */
static int take_place(const char *from, const char *path)
{
    bool good = rename(from, path) == 0 && io_sync_parent(path) == OK;
    return good ? CLI_OK : cli_fail("could not write %s", path);
}

/* Turns the part file into CSV at FILE. */
static int write_csv(struct export *ex)
{
    ex->columns = ARENA_ARRAY(&ex->cli->run_arena, struct column, ITEM_COLUMNS_MAX);
    ASSERT(ex->columns != NULL);
    memcpy(ex->columns, ex->table.keys, sizeof ex->table.keys);
    ex->n_columns = ex->table.n_keys;
    int code = for_each_item(ex, learn_columns, NULL);
    if (code != CLI_OK) {
        return code;
    }
    const char *tmp = cli_text(ex->cli, "%s.tmp", ex->path);
    FILE *to = fopen(tmp, "we");
    if (to == NULL) {
        return cli_fail("could not write %s", tmp);
    }
    struct buf b;
    buf_init(&b, LINE_BYTES_MAX);
    for (size_t i = 0; i < ex->n_columns; i++) {
        buf_put_str(&b, i == 0 ? "" : ",");
        column_put(&b, &ex->columns[i]);
    }
    code = put_line(to, &b);
    if (code == CLI_OK) {
        code = for_each_item(ex, write_record, to);
    }
    bool written = fflush(to) == 0 && fsync(fileno(to)) == 0;
    written = fclose(to) == 0 && written;
    if (code == CLI_OK && !written) {
        code = cli_fail("could not write %s", tmp);
    }
    return code == CLI_OK ? take_place(tmp, ex->path) : code;
}

static int finish(struct export *ex)
{
    int code = CLI_OK;
    if (fsync(ex->fd) != 0) {
        return cli_fail("could not write %s", ex->part_path);
    }
    if (ex->format == FORMAT_CSV) {
        code = write_csv(ex);
        if (code == CLI_OK) {
            (void)unlink(ex->part_path); /* FILE is whole without it */
        }
    } else {
        code = take_place(ex->part_path, ex->path);
    }
    if (code == CLI_OK) {
        progress_done(ex->progress_path);
        (void)printf(
            "%s of %s in %s written to %s\n",
            text_count(ex->cli, ex->progress.items, "item"),
            ex->table.name,
            ex->aws.region,
            ex->path);
    }
    return code;
}

/* The finished file takes FILE's place by a rename, which would put it where a device was. */
static int check_target(const char *path)
{
    struct stat st;
    if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
        return cli_fail("%s is there and is no regular file; name another", path);
    }
    return CLI_OK;
}

int run_export(struct cli *cli, const struct args *args)
{
    struct export *ex = ARENA_NEW(&cli->run_arena, struct export);
    ASSERT(ex != NULL);
    *ex = (struct export){.cli = cli, .path = args->at[1], .fd = -1};
    ex->part_path = cli_text(cli, "%s.part", ex->path);
    ex->progress_path = cli_text(cli, "%s.progress", ex->path);
    ex->plain = args_flag(args, "plain");
    int code = transfer_format(args, ex->path, &ex->format);
    if (code == CLI_OK && ex->plain && ex->format == FORMAT_CSV) {
        code = cli_misuse("--plain is about JSON lines; CSV has no type tags");
    }
    if (code == CLI_OK) {
        code = check_target(ex->path);
    }
    if (code == CLI_OK) {
        code = aws_open(cli, args, &ex->aws);
    }
    if (code == CLI_OK) {
        code = transfer_table(&ex->aws, args->at[0], &ex->table);
    }
    if (code == CLI_OK) {
        code = open_part(ex, args_flag(args, "restart"));
    }
    if (code == CLI_OK) {
        bar_begin(&ex->bar, cli_text(cli, "export of %s", ex->table.name), ex->table.items);
        code = take_pages(ex);
        bar_end(&ex->bar);
    }
    if (code == CLI_OK) {
        code = finish(ex);
    }
    if (ex->fd >= 0) {
        (void)close(ex->fd); /* synced where it matters */
    }
    return code;
}

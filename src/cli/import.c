/* `godwit import`: a file's items are put in batches, in the file's order.
 *
 * FILE.progress says how many bytes of the file are in the table; it is written behind the work, so
 * after an interruption some items may be put again, which changes nothing. Items with the same key
 * never share a batch, which DynamoDB would refuse; the later one goes into a later batch and wins,
 * as in the file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/grid.h"
#include "cli/transfer.h"

enum {
    BATCH_ITEMS_MAX = 25,
    BATCH_BYTES_MAX = 8 << 20,
    RECORD_BYTES_MAX = 64 << 20,
    READ_BYTES = 1 << 20,
    RECORD_ARENA_BYTES_MAX = 256 << 20,
    UNPROCESSED_TRIES_MAX = 20,
};

/* The file, as a window that moves over it. */
struct source {
    int fd;
    struct buf window;
    size_t at;       /* what of the window is done */
    uint64_t offset; /* of `at` in the file */
    uint64_t lines;  /* that ended before `at` */
    bool skipped;    /* it began somewhere in the file: nobody has counted lines */
    bool last;       /* nothing follows the window */
};

struct import {
    struct cli *cli;
    struct aws aws;
    struct transfer_table table;
    enum transfer_format format;
    const char *path;
    const char *progress_path;
    struct source source;
    struct column *columns; /* CSV */
    size_t n_columns;
    uint64_t record; /* number of the present record, the header being none */
    struct buf body; /* of the batch being filled */
    size_t n_batch;
    uint64_t batch_first; /* its first record */
    uint64_t batch_end;   /* the offset behind its last record */
    struct map batch_keys;
    struct arena record_arena;
    struct progress progress;
    uint64_t saved_ns;
    struct bar bar;
};

/* ---- the file ---- */

/* Reads on. OK; ERR_IO; ERR_TOO_BIG: one record fills the whole window. */
static enum err source_fill(struct source *s)
{
    struct bytes rest = bytes_from(buf_bytes(&s->window), s->at);
    if (s->at > 0 && rest.len > 0) {
        memmove(s->window.base, rest.base, rest.len);
    }
    s->window.len = rest.len;
    s->at = 0;
    uint8_t *to = buf_reserve(&s->window, READ_BYTES);
    if (to == NULL) {
        return ERR_TOO_BIG;
    }
    ssize_t n = -1;
    do {
        n = read(s->fd, to, READ_BYTES);
    } while (n < 0 && errno == EINTR);
    if (n < 0) {
        return ERR_IO;
    }
    s->window.len += (size_t)n;
    s->last = n == 0;
    return OK;
}

static void source_take(struct source *s, size_t n)
{
    for (size_t i = s->at; i < s->at + n; i++) {
        s->lines += s->window.base[i] == '\n';
    }
    s->at += n;
    s->offset += n;
}

/* One line without its end; the length with it in *ret_used. As csv_next(). */
static enum err line_next(struct bytes in, bool last, struct bytes *ret, size_t *ret_used)
{
    const uint8_t *end = in.len == 0 ? NULL : memchr(in.base, '\n', in.len);
    if (in.len == 0 || (end == NULL && !last)) {
        return last ? ERR_NOT_FOUND : ERR_AGAIN;
    }
    size_t len = end == NULL ? in.len : (size_t)(end - in.base);
    *ret_used = end == NULL ? len : len + 1;
    *ret = bytes_of(in.base, len > 0 && in.base[len - 1] == '\r' ? len - 1 : len);
    return OK;
}

/* The next record of either format, empty ones skipped. OK, ERR_NOT_FOUND at the end, or what is
 * wrong. */
static enum err next_record(struct import *im, struct csv_record *ret_csv, struct bytes *ret_line)
{
    struct source *s = &im->source;
    for (;;) {
        arena_clear(&im->record_arena);
        struct bytes in = bytes_from(buf_bytes(&s->window), s->at);
        size_t used = 0;
        bool csv = im->format == FORMAT_CSV;
        enum err e = csv ? csv_next(&im->record_arena, in, ',', s->last, ret_csv, &used)
                         : line_next(in, s->last, ret_line, &used);
        if (e == ERR_AGAIN) {
            e = source_fill(s);
            if (e != OK) {
                return e;
            }
            continue;
        }
        if (e != OK) {
            return e;
        }
        source_take(s, used);
        if (csv ? ret_csv->n > 0 : ret_line->len > 0) {
            return OK;
        }
    }
}

static int read_header(struct import *im)
{
    struct csv_record header;
    struct bytes mark = BYTES_LIT("\xef\xbb\xbf");
    enum err e = source_fill(&im->source);
    if (e == OK && bytes_has_prefix(buf_bytes(&im->source.window), mark)) {
        source_take(&im->source, mark.len);
    }
    if (e != OK || im->format == FORMAT_JSONL) {
        return e == OK ? CLI_OK : cli_fail("could not read %s: %s", im->path, err_text(e));
    }
    e = next_record(im, &header, NULL);
    if (e != OK || header.n > ITEM_COLUMNS_MAX) {
        return cli_fail("%s does not begin with a line that names the columns", im->path);
    }
    struct arena *a = &im->cli->run_arena;
    im->columns = ARENA_ARRAY(a, struct column, header.n);
    ASSERT(im->columns != NULL);
    im->n_columns = header.n;
    for (size_t i = 0; i < header.n; i++) {
        struct column c = column_parse(bytes_dup(a, header.fields[i].text));
        if (!utf8_valid(c.name) || c.name.len == 0) {
            return cli_fail("%s: column %zu has no name", im->path, i + 1);
        }
        if (!c.hinted && column_type_unknown(c.name)) {
            cli_note(
                "column \"%.*s\" ends in no type that is known here; that is its whole name",
                BYTES_FMT(c.name));
        }
        for (size_t k = 0; k < im->table.n_keys && !c.hinted; k++) {
            c.type = bytes_eq(c.name, im->table.keys[k].name) ? im->table.keys[k].type : c.type;
        }
        im->columns[i] = c;
    }
    return CLI_OK;
}

/* ---- items ---- */

/* Appends the record's item as tagged JSON. */
static int put_csv_item(struct import *im, const struct csv_record *record, struct buf *item)
{
    size_t column = 0;
    struct arena *a = &im->record_arena;
    enum err e =
        item_put_record(item, im->cli->json, a, im->columns, im->n_columns, record, &column);
    if (e == ERR_SYNTAX) {
        struct bytes name = im->columns[column].name;
        struct bytes text = record->fields[column].text;
        text.len = text.len < 60 ? text.len : 60;
        return cli_fail(
            "%s, record %llu: \"%.*s\" is no value for column %.*s",
            im->path,
            (unsigned long long)im->record,
            BYTES_FMT(text),
            BYTES_FMT(name));
    }
    return e == OK ? CLI_OK
                   : cli_fail(
                         "%s, record %llu: %s",
                         im->path,
                         (unsigned long long)im->record,
                         e == ERR_LIMIT ? "more fields than the first line names" : err_text(e));
}

static int put_json_item(struct import *im, struct bytes line, struct buf *item)
{
    struct json j;
    enum err e = json_parse(im->cli->json, &im->record_arena, line, ITEM_DEPTH_MAX, &j);
    const struct json *wrapped = e == OK ? json_find(&j, "Item") : NULL;
    /* DynamoDB's own exports wrap each item. */
    const struct json *inner =
        wrapped != NULL && j.object.n == 1 && item_is_tagged(wrapped) ? wrapped : &j;
    if (e == OK && item_is_tagged(inner)) {
        json_put(item, inner);
    } else if (e == OK) {
        e = item_put_tagged(item, inner);
    }
    e = e == OK ? item->err : e;
    return e == OK ? CLI_OK
                   : cli_fail(
                         "%s, line %llu: no JSON object: %s",
                         im->path,
                         (unsigned long long)im->record,
                         err_text(e));
}

/* ---- batches ---- */

static void batch_clear(struct import *im)
{
    buf_clear(&im->body);
    buf_put_str(&im->body, "{\"RequestItems\":{");
    json_put_string(&im->body, bytes_str(im->table.name));
    buf_put_str(&im->body, ":[");
    im->n_batch = 0;
    map_done(&im->batch_keys);
    map_init(&im->batch_keys);
}

/* Sends the batch, and what comes back unprocessed, until nothing does. */
static int batch_send(struct import *im)
{
    buf_put_str(&im->body, "]}}");
    enum err e = im->body.err;
    const char *why = "the batch is too long";
    struct arena a;
    arena_init(&a, RECORD_ARENA_BYTES_MAX);
    for (unsigned n = 1; e == OK; n++) {
        struct json j;
        arena_clear(&a);
        e = aws_ask_again(&im->aws, &a, "BatchWriteItem", buf_bytes(&im->body), &j, &why);
        const struct json *left = e == OK ? json_find(&j, "UnprocessedItems") : NULL;
        if (left == NULL || left->type != JSON_OBJECT || left->object.n == 0) {
            break;
        }
        if (n == UNPROCESSED_TRIES_MAX) {
            e = ERR_BUSY;
            why = "the region is too busy to take the items";
        }
        buf_clear(&im->body);
        buf_put_str(&im->body, "{\"RequestItems\":");
        json_put(&im->body, left);
        buf_put_str(&im->body, "}");
        cli_sleep_ms(aws_pause_ms(n));
    }
    int code = CLI_OK;
    if (e != OK) {
        bar_end(&im->bar);
        code = cli_fail(
            "%s, records %llu to %llu: %s",
            im->path,
            (unsigned long long)im->batch_first,
            (unsigned long long)(im->batch_first + im->n_batch - 1),
            why);
    }
    arena_done(&a);
    return code;
}

static int batch_flush(struct import *im, bool force_save)
{
    int code = CLI_OK;
    if (im->n_batch > 0) {
        code = batch_send(im);
        if (code == CLI_OK) {
            im->progress.offset = im->batch_end;
            im->progress.items += im->n_batch;
            bar_show(&im->bar, im->progress.offset, im->progress.items);
        }
        force_save = force_save || code != CLI_OK;
    }
    batch_clear(im);
    int saved = progress_save(im->progress_path, &im->progress, &im->saved_ns, force_save);
    return code == CLI_OK ? saved : code;
}

/* Puts one item into the batch, sending it first if the item does not go with what it holds. */
static int batch_add(struct import *im, struct bytes item)
{
    struct json j;
    struct buf key;
    int code = CLI_OK;
    if (json_parse(im->cli->json, &im->record_arena, item, CLI_JSON_DEPTH_MAX, &j) != OK) {
        return cli_fail("%s, record %llu: no item", im->path, (unsigned long long)im->record);
    }
    if (item.len > BATCH_BYTES_MAX) {
        return cli_fail(
            "%s, record %llu: longer than any item may be",
            im->path,
            (unsigned long long)im->record);
    }
    buf_init(&key, RECORD_BYTES_MAX);
    for (size_t i = 0; i < im->table.n_keys; i++) {
        item_put_key(&key, &j, im->table.keys[i].name);
    }
    bool twice = map_get(&im->batch_keys, buf_bytes(&key)) != NULL;
    if (twice || im->n_batch == BATCH_ITEMS_MAX || im->body.len + item.len > BATCH_BYTES_MAX) {
        code = batch_flush(im, false);
    }
    if (code == CLI_OK) {
        im->batch_first = im->n_batch == 0 ? im->record : im->batch_first;
        buf_put_str(
            &im->body,
            im->n_batch == 0 ? "{\"PutRequest\":{\"Item\":" : ",{\"PutRequest\":{\"Item\":");
        buf_put_bytes(&im->body, item);
        buf_put_str(&im->body, "}}");
        im->n_batch++;
        im->batch_end = im->source.offset;
        (void)map_put(&im->batch_keys, buf_bytes(&key), im); /* only that it is there counts */
    }
    buf_done(&key);
    return code;
}

/* ---- the whole ---- */

/* What the reading of a record that begins on the next line ended in. After an import went on from
 * where an earlier one had stopped nobody has counted the lines. */
static int fail_source(struct import *im, enum err e)
{
    bool csv = im->format == FORMAT_CSV;
    const char *where = im->source.skipped
                            ? cli_text(im->cli, "record %llu", (unsigned long long)im->record)
                            : cli_text(
                                  im->cli,
                                  "the record that begins on line %llu",
                                  (unsigned long long)im->source.lines + 1);
    return cli_fail(
        "%s, %s: %s",
        im->path,
        where,
        csv && e == ERR_SYNTAX ? "a quote is not closed, or something stands behind its end"
                               : err_text(e));
}

static int import_all(struct import *im)
{
    struct buf item;
    int code = CLI_OK;
    buf_init(&item, RECORD_BYTES_MAX);
    batch_clear(im);
    for (im->record = im->progress.items + 1; code == CLI_OK; im->record++) {
        struct csv_record record;
        struct bytes line;
        enum err e = next_record(im, &record, &line);
        if (e == ERR_NOT_FOUND) {
            break;
        }
        if (e != OK) {
            code = fail_source(im, e);
            break;
        }
        buf_clear(&item);
        code = im->format == FORMAT_CSV ? put_csv_item(im, &record, &item)
                                        : put_json_item(im, line, &item);
        code = code == CLI_OK ? batch_add(im, buf_bytes(&item)) : code;
    }
    /* Records before a bad one are good. */
    int flushed = batch_flush(im, true);
    buf_done(&item);
    return code == CLI_OK ? flushed : code;
}

static int open_file(struct import *im)
{
    struct stat st;
    im->source.fd = open(im->path, O_RDONLY | O_CLOEXEC);
    if (im->source.fd < 0) {
        return cli_fail("could not open %s: %s", im->path, transfer_why());
    }
    if (fstat(im->source.fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        return cli_fail("%s is no regular file", im->path);
    }
    im->progress = (struct progress){
        .kind = "import",
        .table = im->table.name,
        .region = im->aws.region,
        .file_bytes = (uint64_t)st.st_size,
        .file_mtime = (uint64_t)st.st_mtim.tv_sec * 1000000000 + (uint64_t)st.st_mtim.tv_nsec,
    };
    return CLI_OK;
}

/* Moves behind what an earlier run has done. */
static int skip_done(struct import *im, bool restart)
{
    struct source *s = &im->source;
    if (restart || !progress_resume(im->cli, im->progress_path, &im->progress) ||
        im->progress.offset <= s->offset) {
        return CLI_OK;
    }
    if (lseek(s->fd, (off_t)im->progress.offset, SEEK_SET) < 0) {
        return cli_fail("could not go on in %s", im->path);
    }
    s->window.len = 0;
    s->at = 0;
    s->last = false;
    s->offset = im->progress.offset;
    s->skipped = true;
    cli_note("going on behind %s in the table", text_count(im->cli, im->progress.items, "item"));
    return CLI_OK;
}

int run_import(struct cli *cli, const struct args *args)
{
    struct import *im = ARENA_NEW(&cli->run_arena, struct import);
    ASSERT(im != NULL);
    *im = (struct import){.cli = cli, .path = args->at[1], .source = {.fd = -1}};
    im->progress_path = cli_text(cli, "%s.progress", im->path);
    int code = transfer_format(args, im->path, &im->format);
    if (code == CLI_OK) {
        code = aws_open(cli, args, &im->aws);
    }
    if (code == CLI_OK) {
        code = transfer_table(&im->aws, args->at[0], &im->table);
    }
    if (code == CLI_OK) {
        code = open_file(im);
    }
    buf_init(&im->source.window, RECORD_BYTES_MAX);
    buf_init(&im->body, 2 * RECORD_BYTES_MAX);
    arena_init(&im->record_arena, RECORD_ARENA_BYTES_MAX);
    map_init(&im->batch_keys);
    if (code == CLI_OK) {
        code = read_header(im);
    }
    if (code == CLI_OK) {
        code = skip_done(im, args_flag(args, "restart"));
    }
    if (code == CLI_OK) {
        bar_begin(
            &im->bar, cli_text(cli, "import into %s", im->table.name), im->progress.file_bytes);
        code = import_all(im);
        bar_end(&im->bar);
    }
    if (code == CLI_OK) {
        progress_done(im->progress_path);
        (void)printf(
            "%s put into %s in %s\n",
            text_count(cli, im->progress.items, "item"),
            im->table.name,
            im->aws.region);
    }
    if (im->source.fd >= 0) {
        (void)close(im->source.fd); /* only read */
    }
    map_done(&im->batch_keys);
    arena_done(&im->record_arena);
    buf_done(&im->body);
    buf_done(&im->source.window);
    return code;
}

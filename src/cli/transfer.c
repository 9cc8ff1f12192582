/* The common ground of import and export. */
#include "cli/transfer.h"

#include <errno.h>

enum { NAME_BYTES_MAX = 4096 };

static bool ends_with(struct bytes text, const char *end)
{
    size_t len = strlen(end);
    return text.len >= len && bytes_eq_str(bytes_from(text, text.len - len), end);
}

int transfer_format(const struct args *args, const char *path, enum transfer_format *ret)
{
    const char *said = args_text(args, "format", NULL);
    struct bytes name = bytes_str(path);
    bool jsonl =
        ends_with(name, ".jsonl") || ends_with(name, ".ndjson") || ends_with(name, ".json");
    if (said != NULL ? strcmp(said, "csv") == 0 : ends_with(name, ".csv")) {
        *ret = FORMAT_CSV;
        return CLI_OK;
    }
    if (said != NULL ? strcmp(said, "jsonl") == 0 : jsonl) {
        *ret = FORMAT_JSONL;
        return CLI_OK;
    }
    return cli_misuse("--format is csv or jsonl, and needed where the file's name does not end so");
}

/* The type of a key attribute, by its name among the definitions. */
static enum column_type key_type(const struct json *table, struct bytes name)
{
    size_t n;
    const struct json *attrs = json_items(table, "AttributeDefinitions", &n);
    for (size_t i = 0; i < n; i++) {
        if (bytes_eq(json_text(&attrs[i], "AttributeName"), name)) {
            struct bytes type = json_text(&attrs[i], "AttributeType");
            return bytes_eq_str(type, "N")   ? COLUMN_NUMBER
                   : bytes_eq_str(type, "B") ? COLUMN_BINARY
                                             : COLUMN_STRING;
        }
    }
    return COLUMN_STRING;
}

int transfer_table(struct aws *aws, const char *name, struct transfer_table *ret)
{
    struct buf body;
    struct json j;
    const char *why = "the name is too long";
    buf_init(&body, NAME_BYTES_MAX);
    buf_put_str(&body, "{");
    json_put_member(&body, "TableName", bytes_str(name));
    buf_put_str(&body, "}");
    enum err e = body.err;
    if (e == OK) {
        e = aws_ask(aws, &aws->cli->run_arena, "DescribeTable", buf_bytes(&body), &j, &why);
    }
    buf_done(&body);
    if (e != OK) {
        return cli_fail("%s, table %s: %s", aws->region, name, why);
    }
    const struct json *table = json_find(&j, "Table");
    size_t n;
    const struct json *keys = json_items(table == NULL ? &j : table, "KeySchema", &n);
    *ret = (struct transfer_table){.name = name};
    for (size_t i = 0; i < n && i < 2; i++) {
        struct bytes key = json_text(&keys[i], "AttributeName");
        ret->keys[ret->n_keys++] = (struct column){key, key_type(table, key), false};
    }
    ret->items = table == NULL ? 0 : json_u64(table, "ItemCount");
    return ret->n_keys > 0 ? CLI_OK
                           : cli_fail("the description of table %s could not be read", name);
}

const char *transfer_why(void)
{
    return errno == ENOENT   ? err_text(ERR_NOT_FOUND)
           : errno == EACCES ? "permission denied"
                             : err_text(ERR_IO);
}

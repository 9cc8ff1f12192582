/* `godwit table list` and `godwit table describe`: tables are regional objects, so the answers of
 * all regions are laid side by side. */
#include "cli/aws.h"
#include "cli/grid.h"

enum { BODY_BYTES_MAX = 4096 };

/* One region's tables; n is 0 after having said why it gave none. */
static const struct json *tables_of(
    struct cli *cli, const struct fleet *fleet, const struct fleet_region *r, size_t *ret_n)
{
    struct json *j = ARENA_NEW(&cli->run_arena, struct json);
    ASSERT(j != NULL);
    const char *why = r->why;
    *ret_n = 0;
    if (!r->up ||
        admin_ask(
            cli, &cli->run_arena, &fleet->cluster, r->url, "GET", "tables", BYTES_NONE, j, &why) !=
            OK) {
        cli_note("%s is not counted: %s", r->name, why);
        return NULL;
    }
    return json_items(j, "tables", ret_n);
}

/* A table's line: where it is and in which state, as one region says. */
static void put_row(
    struct cli *cli, struct grid *g, const struct fleet_region *r, const struct json *t)
{
    size_t n;
    const struct json *replicas = json_items(t, "replicas", &n);
    const char *where = n == 0 ? "-" : "";
    for (size_t i = 0; i < n; i++) {
        struct bytes region = json_text(&replicas[i], "region");
        struct bytes status = json_text(&replicas[i], "status");
        where = cli_text(cli, "%s%s%.*s", where, i == 0 ? "" : " ", BYTES_FMT(region));
        if (!bytes_eq_str(status, "ACTIVE")) {
            where = cli_text(cli, "%s (%.*s)", where, BYTES_FMT(status));
        }
    }
    grid_cell(g, "%.*s", BYTES_FMT(json_text(t, "name")));
    grid_cell(g, "%s", r->name);
    grid_cell(g, "%.*s", BYTES_FMT(json_text(t, "status")));
    struct bytes version = json_text(t, "global_version");
    grid_cell(g, "%.*s", BYTES_FMT(version.len > 0 ? version : BYTES_LIT("-")));
    grid_cell(g, "%s", where);
}

int run_table_list(struct cli *cli, const struct args *args)
{
    struct fleet *fleet = ARENA_NEW(&cli->run_arena, struct fleet);
    ASSERT(fleet != NULL);
    int code = fleet_open(cli, args, fleet);
    if (code != CLI_OK) {
        return code;
    }
    static const char *const heads[] = {"TABLE", "REGION", "STATUS", "GLOBAL", "REPLICAS"};
    struct grid g;
    grid_init(&g, cli, sizeof heads / sizeof heads[0], heads);
    bool as_json = args_flag(args, "json");
    struct buf b;
    buf_init(&b, CLI_OUTPUT_BYTES_MAX);
    buf_put_str(&b, as_json ? "{\"regions\":[" : "");
    for (size_t i = 0; i < fleet->n; i++) {
        size_t n;
        const struct json *tables = tables_of(cli, fleet, &fleet->regions[i], &n);
        for (size_t k = 0; k < n && !as_json; k++) {
            put_row(cli, &g, &fleet->regions[i], &tables[k]);
        }
        if (as_json && fleet->regions[i].up) {
            json_put_comma(&b);
            buf_put_str(&b, "{");
            json_put_member(&b, "region", bytes_str(fleet->regions[i].name));
            json_put_name(&b, "tables");
            json_put(&b, &(struct json){.type = JSON_ARRAY, .array = {tables, n}});
            buf_put_str(&b, "}");
        }
    }
    if (as_json) {
        buf_put_str(&b, "]}\n");
    } else {
        grid_put(&g, &b);
    }
    return cli_output(&b);
}

/* ---- describe ---- */

static enum err describe(
    struct aws *aws, const char *name, struct json *ret, const char **reterr_why)
{
    struct buf body;
    buf_init(&body, BODY_BYTES_MAX);
    buf_put_str(&body, "{");
    json_put_member(&body, "TableName", bytes_str(name));
    buf_put_str(&body, "}");
    enum err e = body.err;
    if (e == OK) {
        e = aws_ask(aws, &aws->cli->run_arena, "DescribeTable", buf_bytes(&body), ret, reterr_why);
    }
    buf_done(&body);
    return e;
}

int run_table_describe(struct cli *cli, const struct args *args)
{
    const char *name = args->at[0];
    struct fleet *fleet = ARENA_NEW(&cli->run_arena, struct fleet);
    ASSERT(fleet != NULL);
    int code = fleet_open(cli, args, fleet);
    if (code != CLI_OK) {
        return code;
    }
    bool as_json = args_flag(args, "json");
    size_t n_found = 0;
    struct buf b;
    buf_init(&b, CLI_OUTPUT_BYTES_MAX);
    buf_put_str(&b, as_json ? "{\"regions\":[" : "");
    for (size_t i = 0; i < fleet->n && code == CLI_OK; i++) {
        const struct fleet_region *r = &fleet->regions[i];
        struct aws aws;
        struct json j;
        const char *why = r->why;
        code = r->up ? aws_open_at(cli, fleet, r, &aws) : CLI_OK;
        enum err e = r->up && code == CLI_OK ? describe(&aws, name, &j, &why) : ERR_UNAVAILABLE;
        const struct json *table = e == OK ? json_find(&j, "Table") : NULL;
        if (table == NULL) {
            if (e != ERR_NOT_FOUND && code == CLI_OK) {
                cli_note("%s: %s", r->name, why);
            }
            continue;
        }
        n_found++;
        if (as_json) {
            json_put_comma(&b);
            buf_put_str(&b, "{");
            json_put_member(&b, "region", bytes_str(r->name));
            json_put_name(&b, "table");
            json_put(&b, table);
            buf_put_str(&b, "}");
        } else {
            buf_putf(&b, "%s:\n", r->name);
            json_put_pretty(&b, table);
            buf_put_str(&b, "\n");
        }
    }
    buf_put_str(&b, as_json ? "]}\n" : "");
    if (code != CLI_OK || n_found == 0) {
        buf_done(&b);
        return code != CLI_OK ? code : cli_fail("no region that answers has a table \"%s\"", name);
    }
    return cli_output(&b);
}

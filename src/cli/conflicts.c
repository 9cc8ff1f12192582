/* `godwit conflicts`: what lost to a write it did not know of, as the regions logged it. Each
 * region logs what it decided itself, and all decide alike, so one entry shows up in several
 * regions; it is printed once. */
#include <stdlib.h>

#include "cli/fleet.h"
#include "cli/grid.h"

enum { LIMIT = 20, LIMIT_MAX = 1000 };

struct entry {
    const struct json *json;
    struct bytes at; /* starts with the time of the loser, ISO 8601 */
    const char *regions;
};

struct entries {
    struct entry *all;
    size_t n;
    struct map seen; /* table and at, to the entry */
};

/* The text of a DynamoDB value that is a string or number; or its JSON. */
static struct bytes value_text(struct cli *cli, const struct json *tagged)
{
    struct bytes text = json_text(tagged, "S");
    text = text.len > 0 ? text : json_text(tagged, "N");
    if (text.len > 0 || tagged == NULL) {
        return text;
    }
    struct buf b;
    buf_init(&b, CLI_OUTPUT_BYTES_MAX);
    json_put(&b, tagged);
    text = bytes_dup(&cli->run_arena, buf_bytes(&b));
    buf_done(&b);
    return text;
}

/* The attributes of a tagged map, "a=1 b=x", cut to what fits a line. */
static const char *map_text(struct cli *cli, const struct json *tagged)
{
    const struct json *map = tagged == NULL ? NULL : json_find(tagged, "M");
    const char *text = map == NULL ? "-" : "";
    for (size_t i = 0;
         map != NULL && map->type == JSON_OBJECT && i < map->object.n && strlen(text) < 60;
         i++) {
        struct bytes value = value_text(cli, &map->object.members[i].value);
        text = cli_text(
            cli,
            "%s%s%.*s=%.*s",
            text,
            i == 0 ? "" : " ",
            BYTES_FMT(map->object.members[i].name),
            BYTES_FMT(value));
    }
    return text;
}

/* A member of the map inside a tagged map, as text. */
static struct bytes inner_text(struct cli *cli, const struct json *tagged, const char *name)
{
    const struct json *map = tagged == NULL ? NULL : json_find(tagged, "M");
    return map == NULL ? BYTES_NONE : value_text(cli, json_find(map, name));
}

/* The name of the region whose id the side of an entry carries. */
static const char *side_region(struct cli *cli, const struct fleet *fleet, const struct json *side)
{
    struct bytes id = inner_text(cli, side, "region");
    for (size_t i = 0; i < fleet->n; i++) {
        size_t n = 0;
        const struct json *members =
            fleet->regions[i].up ? json_items(&fleet->regions[i].status, "members", &n) : NULL;
        for (size_t k = 0; k < n; k++) {
            if (id.len > 0 && bytes_eq(json_text(&members[k], "id"), id)) {
                return cli_text(cli, "%.*s", BYTES_FMT(json_text(&members[k], "region")));
            }
        }
    }
    return cli_text(cli, "%.*s", BYTES_FMT(id));
}

static void take(struct cli *cli, struct entries *to, const struct json *item, const char *region)
{
    struct bytes table = value_text(cli, json_find(item, "table"));
    struct bytes at = value_text(cli, json_find(item, "at"));
    struct bytes key = bytes_fmt(&cli->run_arena, "%.*s %.*s", BYTES_FMT(table), BYTES_FMT(at));
    struct entry *known = map_get(&to->seen, key);
    if (known != NULL) {
        known->regions = cli_text(cli, "%s %s", known->regions, region);
        return;
    }
    to->all[to->n] = (struct entry){.json = item, .at = at, .regions = region};
    (void)map_put(&to->seen, key, &to->all[to->n]); /* the key is new */
    to->n++;
}

static int by_time(const void *a, const void *b)
{
    const struct entry *x = a;
    const struct entry *y = b;
    return bytes_cmp(y->at, x->at); /* the latest first */
}

static int collect(
    struct cli *cli,
    const struct args *args,
    struct fleet *fleet,
    uint64_t limit,
    struct entries *to)
{
    const char *path = cli_text(cli, "conflicts?limit=%d", LIMIT_MAX);
    if (args->n > 0) {
        path = cli_text(cli, "%s&table=%s", path, query_text(cli, bytes_str(args->at[0])));
    }
    const char *only = args_text(args, "region", NULL);
    if (only != NULL && fleet_find_up(fleet, only) == NULL) {
        return CLI_FAILED;
    }
    to->all = ARENA_ARRAY(&cli->run_arena, struct entry, (size_t)LIMIT_MAX * fleet->n);
    ASSERT(to->all != NULL);
    for (size_t i = 0; i < fleet->n; i++) {
        const struct fleet_region *r = &fleet->regions[i];
        struct json *j = ARENA_NEW(&cli->run_arena, struct json);
        const char *why = r->why;
        size_t n = 0;
        if (only != NULL && strcmp(only, r->name) != 0) {
            continue;
        }
        ASSERT(j != NULL);
        if (!r->up ||
            admin_ask(
                cli, &cli->run_arena, &fleet->cluster, r->url, "GET", path, BYTES_NONE, j, &why) !=
                OK) {
            cli_note("%s is not counted: %s", r->name, why);
            continue;
        }
        const struct json *items = json_items(j, "conflicts", &n);
        for (size_t k = 0; k < n && k < LIMIT_MAX; k++) {
            take(cli, to, &items[k], r->name);
        }
    }
    qsort(to->all, to->n, sizeof to->all[0], by_time);
    to->n = to->n < limit ? to->n : (size_t)limit;
    return CLI_OK;
}

static int print(
    struct cli *cli, const struct args *args, const struct fleet *fleet, const struct entries *from)
{
    struct buf b;
    buf_init(&b, CLI_OUTPUT_BYTES_MAX);
    if (args_flag(args, "json")) {
        buf_put_str(&b, "{\"conflicts\":[");
        for (size_t i = 0; i < from->n; i++) {
            json_put_comma(&b);
            buf_put_str(&b, "{");
            json_put_member(&b, "logged_in", bytes_str(from->all[i].regions));
            json_put_name(&b, "entry");
            json_put(&b, from->all[i].json);
            buf_put_str(&b, "}");
        }
        buf_put_str(&b, "]}\n");
        return cli_output(&b);
    }
    static const char *const heads[] = {
        "TABLE", "KEY", "WINNER", "WRITTEN", "LOSER", "WRITTEN", "LOSING ITEM", "LOGGED IN"};
    struct grid g;
    grid_init(&g, cli, sizeof heads / sizeof heads[0], heads);
    for (size_t i = 0; i < from->n; i++) {
        const struct json *j = from->all[i].json;
        const struct json *winner = json_find(j, "winner");
        const struct json *loser = json_find(j, "loser");
        const struct json *inner = loser == NULL ? NULL : json_find(loser, "M");
        grid_cell(&g, "%.*s", BYTES_FMT(value_text(cli, json_find(j, "table"))));
        grid_cell(&g, "%s", map_text(cli, json_find(j, "key")));
        grid_cell(&g, "%s", side_region(cli, fleet, winner));
        grid_cell(&g, "%.*s", BYTES_FMT(inner_text(cli, winner, "written")));
        grid_cell(&g, "%s", side_region(cli, fleet, loser));
        grid_cell(&g, "%.*s", BYTES_FMT(inner_text(cli, loser, "written")));
        grid_cell(&g, "%s", map_text(cli, inner == NULL ? NULL : json_find(inner, "item")));
        grid_cell(&g, "%s", from->all[i].regions);
    }
    if (from->n > 0) {
        grid_put(&g, &b);
    } else {
        buf_put_str(&b, "no conflict is logged\n");
    }
    return cli_output(&b);
}

int run_conflicts(struct cli *cli, const struct args *args)
{
    struct fleet *fleet = ARENA_NEW(&cli->run_arena, struct fleet);
    ASSERT(fleet != NULL);
    if (args_number(args, "limit", LIMIT) == 0) {
        return cli_misuse("--limit must be at least 1");
    }
    int code = fleet_open(cli, args, fleet);
    if (code != CLI_OK) {
        return code;
    }
    struct entries entries = {0};
    map_init(&entries.seen);
    code = collect(cli, args, fleet, args_number(args, "limit", LIMIT), &entries);
    if (code == CLI_OK) {
        code = print(cli, args, fleet, &entries);
    }
    map_done(&entries.seen);
    return code;
}

/* Talking to regions' admin interfaces. */
#include "cli/fleet.h"

#include "cli/http.h"

enum { STATUS_TIMEOUT_MS = 10000, URL_BYTES_MAX = 4096 };

const char *query_text(struct cli *cli, struct bytes value)
{
    struct buf b;
    buf_init(&b, URL_BYTES_MAX);
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.base[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                     c == '-' || c == '.' || c == '_' || c == '~';
        if (plain) {
            buf_put_u8(&b, c);
        } else {
            buf_putf(&b, "%%%02X", c);
        }
    }
    const char *text = cli_text(cli, "%.*s", BYTES_FMT(buf_bytes(&b)));
    buf_done(&b);
    return text;
}

enum err admin_ask(
    struct cli *cli,
    struct arena *a,
    const struct cluster *cluster,
    const char *url,
    const char *method,
    const char *path,
    struct bytes body,
    struct json *ret,
    const char **reterr_why)
{
    if (cli->web == NULL) {
        cli->web = web_new();
    }
    const struct web_ask ask = {
        .method = method,
        .url = cli_text(cli, "%s/_godwit/%s", url, path),
        .body = body,
        .bearer = cluster->token,
        .timeout_ms = STATUS_TIMEOUT_MS,
    };
    struct web_answer answer;
    enum err e = web_ask(cli->web, a, &ask, &answer);
    if (e != OK) {
        *reterr_why = cli_text(cli, "%s", answer.reason);
        return e;
    }
    e = json_parse(cli->json, a, answer.body, CLI_JSON_DEPTH_MAX, ret);
    if (answer.status != 200) {
        struct bytes error = e == OK ? json_text(ret, "error") : BYTES_NONE;
        *reterr_why = error.len > 0
                          ? cli_text(cli, "%.*s", BYTES_FMT(error))
                          : cli_text(cli, "it answered with HTTP status %ld", answer.status);
        return ERR_INVALID;
    }
    *reterr_why = "its answer could not be read";
    return e;
}

static void ask_status(
    struct cli *cli, struct arena *a, const struct cluster *c, struct fleet_region *r)
{
    enum err e = admin_ask(cli, a, c, r->url, "GET", "status", BYTES_NONE, &r->status, &r->why);
    r->up = e == OK;
    struct bytes name = r->up ? json_text(&r->status, "region") : BYTES_NONE;
    if (r->known == NULL && name.len > 0) {
        r->name = cli_text(cli, "%.*s", BYTES_FMT(name)); /* an --endpoint has no name before */
    }
}

static struct fleet_region *find(struct fleet *fleet, struct bytes name)
{
    for (size_t i = 0; i < fleet->n; i++) {
        if (bytes_eq_str(name, fleet->regions[i].name)) {
            return &fleet->regions[i];
        }
    }
    return NULL;
}

static void add(struct cli *cli, struct fleet *fleet, struct bytes name, struct bytes http)
{
    if (find(fleet, name) == NULL && fleet->n < CORE_REGIONS_MAX && http.len > 0) {
        fleet->regions[fleet->n++] = (struct fleet_region){
            .name = cli_text(cli, "%.*s", BYTES_FMT(name)),
            .url = cli_text(cli, "http://%.*s", BYTES_FMT(http)),
        };
    }
}

/* Adds the members that the answers from `from` on name. */
static void add_members(struct cli *cli, struct fleet *fleet, size_t from, size_t to)
{
    for (size_t i = from; i < to; i++) {
        size_t n = 0;
        const struct json *members =
            fleet->regions[i].up ? json_items(&fleet->regions[i].status, "members", &n) : NULL;
        for (size_t k = 0; k < n; k++) {
            if (!json_true(&members[k], "removed")) {
                add(cli, fleet, json_text(&members[k], "region"), json_text(&members[k], "http"));
            }
        }
    }
}

/* Whether a region that answers says that `name` has been removed. */
static bool is_removed(const struct fleet *fleet, const char *name)
{
    for (size_t i = 0; i < fleet->n; i++) {
        size_t n = 0;
        const struct json *members =
            fleet->regions[i].up ? json_items(&fleet->regions[i].status, "members", &n) : NULL;
        for (size_t k = 0; k < n; k++) {
            if (bytes_eq_str(json_text(&members[k], "region"), name) &&
                json_true(&members[k], "removed")) {
                return true;
            }
        }
    }
    return false;
}

/* Lets go of regions that do not answer and are no members any more. */
static void drop_removed(struct fleet *fleet)
{
    size_t kept = 0;
    for (size_t i = 0; i < fleet->n; i++) {
        if (fleet->regions[i].up || !is_removed(fleet, fleet->regions[i].name)) {
            fleet->regions[kept++] = fleet->regions[i];
        }
    }
    fleet->n = kept;
}

void fleet_ask(struct cli *cli, struct arena *a, struct fleet *fleet)
{
    for (size_t from = 0; from < fleet->n;) {
        size_t to = fleet->n;
        for (size_t i = from; i < to; i++) {
            ask_status(cli, a, &fleet->cluster, &fleet->regions[i]);
        }
        add_members(cli, fleet, from, to);
        from = to;
    }
    drop_removed(fleet);
}

/* Peers that only a configuration names: the way in when its own region is down. */
static void add_peers(struct cli *cli, struct fleet *fleet)
{
    for (size_t i = 0; i < fleet->cluster.n; i++) {
        const struct server_config *c = fleet->cluster.regions[i].config;
        for (size_t k = 0; c != NULL && k < c->n_peers; k++) {
            add(cli, fleet, c->peers[k].name, c->peers[k].http_address);
        }
    }
}

int fleet_open(struct cli *cli, const struct args *args, struct fleet *ret)
{
    ret->n = 0;
    int code = cluster_open(cli, args, true, &ret->cluster);
    if (code != CLI_OK) {
        return code;
    }
    for (size_t i = 0; i < ret->cluster.n; i++) {
        const struct cluster_region *r = &ret->cluster.regions[i];
        ret->regions[ret->n++] = (struct fleet_region){
            .name = r->name,
            .url = r->url,
            .known = r->config != NULL ? r : NULL,
        };
    }
    fleet_ask(cli, &cli->run_arena, ret);
    for (size_t i = 0; i < ret->n; i++) {
        if (ret->regions[i].up) {
            return CLI_OK;
        }
    }
    add_peers(cli, ret);
    fleet_ask(cli, &cli->run_arena, ret);
    for (size_t i = 0; i < ret->n; i++) {
        if (ret->regions[i].up) {
            return CLI_OK;
        }
    }
    return cli_fail(
        "no region answers; %s at %s: %s",
        ret->regions[0].name,
        ret->regions[0].url,
        ret->regions[0].why);
}

struct fleet_region *fleet_find(struct fleet *fleet, const char *name)
{
    struct fleet_region *r = find(fleet, bytes_str(name));
    if (r == NULL) {
        (void)cli_fail("there is no region \"%s\" in this cluster", name);
    }
    return r;
}

struct fleet_region *fleet_find_up(struct fleet *fleet, const char *name)
{
    struct fleet_region *r = fleet_find(fleet, name);
    if (r != NULL && !r->up) {
        (void)cli_fail("%s at %s does not answer: %s", r->name, r->url, r->why);
        return NULL;
    }
    return r;
}

struct fleet_region *fleet_first_up(struct fleet *fleet)
{
    size_t i = 0;
    while (!fleet->regions[i].up) {
        i++;
        ASSERT(i < fleet->n);
    }
    return &fleet->regions[i];
}

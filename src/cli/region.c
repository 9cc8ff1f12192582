/* `godwit region add` and `godwit region remove`, on a live cluster.
 *
 * Of a cluster that runs elsewhere, a new region gets a join file, which `godwit init --join` turns
 * into its configuration. In a development cluster everything is at hand, so the one command also
 * chooses ports, writes the configurations and has the supervisor start or stop the region. */
#include <stdio.h>

#include "cli/dev.h"
#include "cli/fleet.h"
#include "cli/init.h"
#include "io/io.h"

enum { JOIN_BYTES_MAX = 1 << 20 };

/* Registers the member with a region that answers, and learns what its configuration needs. */
static int register_member(struct cli *cli, struct fleet *fleet, struct join *j)
{
    struct buf b;
    buf_init(&b, JOIN_BYTES_MAX);
    buf_put_str(&b, "{\"add\":{");
    json_put_member(&b, "region", j->region);
    json_put_member(&b, "http", j->http);
    json_put_member(&b, "link", j->link);
    buf_put_str(&b, "}}");
    const struct fleet_region *via = fleet_first_up(fleet);
    struct json answer;
    const char *why;
    enum err e = admin_ask(
        cli,
        &cli->run_arena,
        &fleet->cluster,
        via->url,
        "POST",
        "members",
        buf_bytes(&b),
        &answer,
        &why);
    if (e != OK) {
        buf_done(&b);
        return cli_fail("%s did not take the new region: %s", via->name, why);
    }
    /* The answer holds the id, the secret and the peers; a join text is that and our own names. */
    struct join learned;
    buf_clear(&b);
    buf_put_str(&b, "{");
    json_put_member(&b, "region", j->region);
    json_put_member(&b, "http", j->http);
    json_put_member(&b, "link", j->link);
    for (size_t i = 0; i < answer.object.n; i++) {
        json_put_comma(&b);
        json_put_string(&b, answer.object.members[i].name);
        buf_put_str(&b, ":");
        json_put(&b, &answer.object.members[i].value);
    }
    buf_put_str(&b, "}");
    struct json whole;
    e = b.err == OK
            ? json_parse(cli->json, &cli->run_arena, buf_bytes(&b), CLI_JSON_DEPTH_MAX, &whole)
            : b.err;
    if (e == OK) {
        e = join_parse(cli, &whole, &learned);
    }
    buf_done(&b);
    *j = e == OK ? learned : *j;
    return e == OK ? CLI_OK : cli_fail("could not read what %s answered", via->name);
}

static int write_join(struct cli *cli, const struct args *args, const struct join *j)
{
    const char *path = args_text(args, "out", NULL);
    if (path == NULL) {
        path = cli_text(cli, "%.*s.join", BYTES_FMT(j->region));
    }
    struct buf b;
    buf_init(&b, JOIN_BYTES_MAX);
    join_put(&b, j);
    enum err e = b.err == OK ? io_file_write(path, buf_bytes(&b), 0600) : b.err;
    buf_done(&b);
    if (e != OK) {
        return cli_fail("could not write %s: %s", path, err_text(e));
    }
    (void)printf(
        "%.*s is a member of the cluster now. %s holds what it must know, the cluster secret "
        "included.\n"
        "On its machine:\n\n  godwit init --join %s\n  godwit server\n",
        BYTES_FMT(j->region),
        path,
        path); /* checked when the program ends */
    return CLI_OK;
}

/* ---- development clusters ---- */

/* The delay between a newcomer and another region. A cluster made with one delay for all pairs
 * keeps to that. */
static double delay_like_others(
    struct cli *cli, const struct cluster *c, const char *a, const char *b)
{
    bool realistic = true;
    bool uniform = true;
    double first = -1;
    for (size_t i = 0; i < c->n; i++) {
        const struct server_config *config = c->regions[i].config;
        for (size_t k = 0; k < config->n_peers; k++) {
            double ms = config->peers[k].delay_ms;
            const char *peer = cli_text(cli, "%.*s", BYTES_FMT(config->peers[k].name));
            double expected = dev_delay(c->regions[i].name, peer);
            first = first < 0 ? ms : first;
            realistic = realistic && ms >= expected && ms <= expected;
            uniform = uniform && ms >= first && ms <= first;
        }
    }
    return realistic || !uniform ? dev_delay(a, b) : first;
}

/* Ports behind those in use here. */
static int choose_addresses(struct cli *cli, const struct cluster *c, struct join *j)
{
    uint16_t http = 0;
    uint16_t link = 0;
    for (size_t i = 0; i < c->n; i++) {
        uint16_t port = 0;
        http = address_ok(c->regions[i].config->http_address, &port) && port > http ? port : http;
        link = address_ok(c->regions[i].config->link_address, &port) && port > link ? port : link;
    }
    uint16_t ports[2];
    bool regular = link == http + DEV_LINK_PORT_OFFSET;
    int code = dev_ports(regular ? (uint16_t)(http + 1) : 0, 1, ports);
    if (code == CLI_OK) {
        j->http = bytes_str(cli_text(cli, "127.0.0.1:%u", ports[0]));
        j->link = bytes_str(cli_text(cli, "127.0.0.1:%u", ports[1]));
    }
    return code;
}

static int write_newcomer(struct cli *cli, const struct cluster *c, const struct join *j)
{
    struct server_config config = *c->regions[0].config; /* for the settings they share */
    const char *name = cli_text(cli, "%.*s", BYTES_FMT(j->region));
    const char *home = cli_text(cli, "%s/%s", c->dir, name);
    config.name = j->region;
    config.id = j->id;
    config.secret = j->secret;
    config.http_address = j->http;
    config.link_address = j->link;
    config.n_peers = j->n_peers;
    for (size_t i = 0; i < j->n_peers; i++) {
        config.peers[i] = j->peers[i];
        const char *peer = cli_text(cli, "%.*s", BYTES_FMT(j->peers[i].name));
        config.peers[i].delay_ms = delay_like_others(cli, c, name, peer);
    }
    enum err e = io_mkdir_p(home, 0700);
    if (e != OK) {
        return cli_fail("could not make the directory %s: %s", home, err_text(e));
    }
    return config_save(cli_text(cli, "%s/godwit.conf", home), &config);
}

/* Tells the others' configurations of the newcomer, and the running ones of the delay towards it.
 */
static int tell_others(struct cli *cli, struct fleet *fleet, const struct join *j)
{
    const struct cluster *c = &fleet->cluster;
    const char *name = cli_text(cli, "%.*s", BYTES_FMT(j->region));
    int code = CLI_OK;
    for (size_t i = 0; i < fleet->n && code == CLI_OK; i++) {
        const struct fleet_region *r = &fleet->regions[i];
        if (r->known == NULL || r->known->config->n_peers == CORE_REGIONS_MAX) {
            continue;
        }
        struct server_config config = *r->known->config;
        double ms = delay_like_others(cli, c, r->name, name);
        config.peers[config.n_peers++] = (struct server_peer){
            .name = j->region,
            .id = j->id,
            .link_address = j->link,
            .http_address = j->http,
            .delay_ms = ms,
        };
        code = config_save(r->known->conf, &config);
        const char *body = cli_text(cli, "{\"peer\":\"%s\",\"delay_ms\":%.3f}", name, ms);
        struct json answer;
        const char *why;
        if (code == CLI_OK && r->up &&
            admin_ask(
                cli, &cli->run_arena, c, r->url, "POST", "fault", bytes_str(body), &answer, &why) !=
                OK) {
            cli_note(
                "%s does not delay what it sends to %s until it is started anew: %s",
                r->name,
                name,
                why);
        }
    }
    return code;
}

static int start_newcomer(struct cli *cli, const struct cluster *c, const struct join *j)
{
    struct bytes answer;
    if (!dev_running(c->dir)) {
        (void)printf("%.*s is a member now; the next godwit dev starts it\n", BYTES_FMT(j->region));
        return CLI_OK;
    }
    int code = dev_ask(cli, c->dir, cli_text(cli, "start %.*s", BYTES_FMT(j->region)), &answer);
    if (code == CLI_OK) {
        (void)printf("%.*s", BYTES_FMT(answer)); /* checked when the program ends */
    }
    return code;
}

static int add_to_dev(struct cli *cli, struct fleet *fleet, struct join *j)
{
    int code = CLI_OK;
    if (j->http.len == 0) {
        code = choose_addresses(cli, &fleet->cluster, j);
    }
    if (code == CLI_OK) {
        code = register_member(cli, fleet, j);
    }
    if (code == CLI_OK) {
        code = write_newcomer(cli, &fleet->cluster, j);
    }
    if (code == CLI_OK) {
        code = tell_others(cli, fleet, j);
    }
    return code == CLI_OK ? start_newcomer(cli, &fleet->cluster, j) : code;
}

int run_region_add(struct cli *cli, const struct args *args)
{
    struct join j = {
        .region = bytes_str(args->at[0]),
        .http = bytes_str(args_text(args, "http", "")),
        .link = bytes_str(args_text(args, "link", "")),
    };
    if (!region_name_ok(j.region)) {
        return cli_misuse(
            "\"%s\" cannot name a region: lower-case letters, digits, inner dashes", args->at[0]);
    }
    struct fleet *fleet = ARENA_NEW(&cli->run_arena, struct fleet);
    ASSERT(fleet != NULL);
    int code = fleet_open(cli, args, fleet);
    if (code != CLI_OK) {
        return code;
    }
    bool both = j.http.len > 0 && j.link.len > 0;
    bool none = j.http.len == 0 && j.link.len == 0;
    if (!(fleet->cluster.dev && none) &&
        !(both && address_ok(j.http, NULL) && address_ok(j.link, NULL))) {
        return cli_misuse(
            "--http HOST:PORT and --link HOST:PORT say where the new region will be, with numeric "
            "hosts");
    }
    code = both ? addresses_apart(j.http, j.link) : CLI_OK;
    if (code != CLI_OK) {
        return code;
    }
    for (size_t i = 0; i < fleet->n; i++) {
        if (bytes_eq_str(j.region, fleet->regions[i].name)) {
            return cli_fail("the cluster has a region %s already", args->at[0]);
        }
    }
    if (fleet->cluster.dev && args_text(args, "out", NULL) == NULL) {
        return add_to_dev(cli, fleet, &j);
    }
    code = register_member(cli, fleet, &j);
    return code == CLI_OK ? write_join(cli, args, &j) : code;
}

/* ---- remove ---- */

/* Takes the region out of the development cluster: its process, its configuration, its name in the
 * others'. The data stays where it is. */
static int remove_from_dev(struct cli *cli, const struct cluster *c, const char *name)
{
    const struct cluster_region *gone = cluster_find(c, name);
    struct bytes answer;
    int code = CLI_OK;
    if (gone == NULL) {
        return CLI_OK;
    }
    if (dev_running(c->dir)) {
        code = dev_ask(cli, c->dir, cli_text(cli, "forget %s", name), &answer);
    }
    if (code == CLI_OK && rename(gone->conf, cli_text(cli, "%s.removed", gone->conf)) != 0) {
        code = cli_fail("could not rename %s", gone->conf);
    }
    for (size_t i = 0; i < c->n && code == CLI_OK; i++) {
        struct server_config config = *c->regions[i].config;
        size_t kept = 0;
        for (size_t k = 0; k < config.n_peers; k++) {
            if (!bytes_eq_str(config.peers[k].name, name)) {
                config.peers[kept++] = config.peers[k];
            }
        }
        bool changed = kept != config.n_peers;
        config.n_peers = kept;
        if (changed && &c->regions[i] != gone) {
            code = config_save(c->regions[i].conf, &config);
        }
    }
    return code;
}

int run_region_remove(struct cli *cli, const struct args *args)
{
    const char *name = args->at[0];
    struct fleet *fleet = ARENA_NEW(&cli->run_arena, struct fleet);
    ASSERT(fleet != NULL);
    int code = fleet_open(cli, args, fleet);
    if (code != CLI_OK) {
        return code;
    }
    if (fleet_find(fleet, name) == NULL) {
        return CLI_FAILED;
    }
    const struct fleet_region *via = NULL;
    for (size_t i = 0; i < fleet->n && via == NULL; i++) {
        bool other = strcmp(fleet->regions[i].name, name) != 0;
        via = other && fleet->regions[i].up ? &fleet->regions[i] : NULL;
    }
    if (via == NULL) {
        return cli_fail("another region must be up to remove %s from the cluster", name);
    }
    struct buf b;
    buf_init(&b, JOIN_BYTES_MAX);
    buf_put_str(&b, "{");
    json_put_member(&b, "remove", bytes_str(name));
    buf_put_str(&b, "}");
    struct json answer;
    const char *why;
    enum err e = admin_ask(
        cli,
        &cli->run_arena,
        &fleet->cluster,
        via->url,
        "POST",
        "members",
        buf_bytes(&b),
        &answer,
        &why);
    buf_done(&b);
    if (e != OK) {
        return cli_fail("%s did not remove %s: %s", via->name, name, why);
    }
    if (fleet->cluster.dev) {
        code = remove_from_dev(cli, &fleet->cluster, name);
    }
    if (code == CLI_OK) {
        (void)printf(
            "%s is no member of the cluster any more\n", name); /* checked when the program ends */
    }
    return code;
}

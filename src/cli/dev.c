/* `godwit dev`: plans a development cluster, writes its configurations once, and has them
 * supervised.
 *
 * Identities, secrets and ports are chosen when the directory is made and never again, so that a
 * restart finds the same data at the same place. Delays may be changed by any later start. */
#include "cli/dev.h"

#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/delay.h"
#include "cli/init.h"
#include "io/io.h"

enum {
    DEV_PORT = 8000,
    DEV_PORT_MAX = 60000,
    DEV_DELAY_MS_UNKNOWN = 50,
};

static const char default_regions[] = "us-east-2,eu-west-1,ap-southeast-1";

struct plan {
    const char *dir;
    struct bytes names[CORE_REGIONS_MAX];
    size_t n;
};

double dev_delay(const char *a, const char *b)
{
    double ms;
    return delay_between(a, b, &ms) ? ms : DEV_DELAY_MS_UNKNOWN;
}

/* Binds a port of loopback, held until the returned socket is closed; -1 when it is taken. */
static int hold_port(uint16_t port, uint16_t *ret_port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    socklen_t len = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int on = 1;
    if (fd < 0) {
        return -1;
    }
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, 1) != 0 ||
        getsockname(fd, (struct sockaddr *)&address, &len) != 0) {
        (void)close(fd); /* nothing was sent */
        return -1;
    }
    *ret_port = ntohs(address.sin_port);
    return fd;
}

int dev_ports(uint16_t base, size_t n, uint16_t *ret_ports)
{
    int held[2 * CORE_REGIONS_MAX];
    size_t n_held = 0;
    int code = CLI_OK;
    ASSERT(n <= CORE_REGIONS_MAX);
    while (n_held < 2 * n && code == CLI_OK) {
        size_t offset = n_held < n ? n_held : n_held - n + DEV_LINK_PORT_OFFSET;
        uint16_t port = base == 0 ? 0 : (uint16_t)(base + offset);
        int fd = hold_port(port, &ret_ports[n_held]);
        if (fd < 0) {
            code = cli_fail("port %u is taken; choose other ports with --port", port);
        } else {
            held[n_held++] = fd;
        }
    }
    for (size_t i = 0; i < n_held; i++) {
        (void)close(held[i]); /* nothing was sent */
    }
    return code;
}

static int parse_regions(const char *text, struct plan *plan)
{
    struct bytes rest = bytes_str(text);
    plan->n = 0;
    for (bool more = true; more;) {
        const uint8_t *comma = rest.len == 0 ? NULL : memchr(rest.base, ',', rest.len);
        struct bytes name =
            bytes_of(rest.base, comma == NULL ? rest.len : (size_t)(comma - rest.base));
        more = comma != NULL;
        rest = bytes_from(rest, name.len + 1);
        if (!region_name_ok(name)) {
            return cli_misuse(
                "\"%.*s\" cannot name a region: lower-case letters, digits, inner dashes",
                BYTES_FMT(name));
        }
        for (size_t i = 0; i < plan->n; i++) {
            if (bytes_eq(plan->names[i], name)) {
                return cli_misuse("region %.*s is named twice", BYTES_FMT(name));
            }
        }
        if (plan->n == CORE_REGIONS_MAX) {
            return cli_misuse("more than %d regions", CORE_REGIONS_MAX);
        }
        plan->names[plan->n++] = name;
    }
    return CLI_OK;
}

static void set_delays(struct cli *cli, const struct args *args, struct server_config *config)
{
    for (size_t i = 0; i < config->n_peers; i++) {
        struct server_peer *p = &config->peers[i];
        const char *own = cli_text(cli, "%.*s", BYTES_FMT(config->name));
        double ms = dev_delay(own, cli_text(cli, "%.*s", BYTES_FMT(p->name)));
        p->delay_ms =
            args_flag(args, "no-delay") ? 0 : (double)args_number(args, "delay", (uint64_t)ms);
    }
}

static int make_region(struct cli *cli, const char *dir, const struct server_config *config)
{
    const char *home = cli_text(cli, "%s/%.*s", dir, BYTES_FMT(config->name));
    enum err e = io_mkdir_p(home, 0700);
    if (e != OK) {
        return cli_fail("could not make the directory %s: %s", home, err_text(e));
    }
    return config_save(cli_text(cli, "%s/godwit.conf", home), config);
}

/* Chooses everything and writes all configurations. */
static int make_cluster(struct cli *cli, const struct args *args, const struct plan *plan)
{
    uint16_t ports[2 * CORE_REGIONS_MAX];
    int code = dev_ports((uint16_t)args_number(args, "port", DEV_PORT), plan->n, ports);
    if (code != CLI_OK) {
        return code;
    }
    struct server_peer all[CORE_REGIONS_MAX];
    for (size_t i = 0; i < plan->n; i++) {
        all[i] = (struct server_peer){
            .name = plan->names[i],
            .id = region_id_fresh(),
            .http_address = bytes_str(cli_text(cli, "127.0.0.1:%u", ports[i])),
            .link_address = bytes_str(cli_text(cli, "127.0.0.1:%u", ports[plan->n + i])),
        };
    }
    struct bytes secret = cluster_secret_fresh(cli);
    for (size_t i = 0; i < plan->n && code == CLI_OK; i++) {
        struct server_config config = server_config_default();
        config.name = all[i].name;
        config.id = all[i].id;
        config.secret = secret;
        config.data_dir = BYTES_LIT("data");
        config.key_file = BYTES_LIT("../keys");
        config.http_address = all[i].http_address;
        config.link_address = all[i].link_address;
        config.development = true;
        for (size_t k = 0; k < plan->n; k++) {
            if (k != i) {
                config.peers[config.n_peers++] = all[k];
            }
        }
        set_delays(cli, args, &config);
        code = make_region(cli, plan->dir, &config);
    }
    return code;
}

/* A directory that exists keeps its regions and ports; what the command line says must agree. */
static int check_cluster(
    struct cli *cli, const struct args *args, const struct plan *plan, const struct cluster *c)
{
    if (!c->dev) {
        return cli_fail("%s holds one region made by godwit init; choose another --dir", c->dir);
    }
    if (args_text(args, "regions", NULL) != NULL) {
        size_t n_known = 0;
        for (size_t i = 0; i < plan->n; i++) {
            n_known += cluster_find(c, cli_text(cli, "%.*s", BYTES_FMT(plan->names[i]))) != NULL;
        }
        if (n_known != plan->n || plan->n != c->n) {
            return cli_fail(
                "%s was made with other regions; leave --regions out, choose another --dir, or add "
                "a region to "
                "the running cluster with godwit region add",
                c->dir);
        }
    }
    uint16_t port = 0;
    bool has_port = address_ok(c->regions[0].config->http_address, &port);
    if (args_number(args, "port", port) != port && has_port && args_number(args, "port", 0) != 0) {
        return cli_fail(
            "%s was made for ports from %u; leave --port out, or choose another --dir",
            c->dir,
            port);
    }
    bool delays = args_flag(args, "no-delay") || args_text(args, "delay", NULL) != NULL;
    for (size_t i = 0; i < c->n && delays; i++) {
        struct server_config config = *c->regions[i].config;
        set_delays(cli, args, &config);
        int code = config_save(c->regions[i].conf, &config);
        if (code != CLI_OK) {
            return code;
        }
    }
    return CLI_OK;
}

int run_dev(struct cli *cli, const struct args *args)
{
    struct plan plan = {.dir = cli_dir(args)};
    struct cluster cluster;
    struct access_key key;
    if (args_flag(args, "no-delay") && args_text(args, "delay", NULL) != NULL) {
        return cli_misuse("--delay and --no-delay do not go together");
    }
    int code = parse_regions(args_text(args, "regions", default_regions), &plan);
    if (code != CLI_OK) {
        return code;
    }
    enum err e = io_mkdir_p(plan.dir, 0700);
    if (e != OK) {
        return cli_fail("could not make the directory %s: %s", plan.dir, err_text(e));
    }
    struct io_lock held;
    e = io_lock_open(cli_text(cli, "%s/dev.lock", plan.dir), &held);
    if (e != OK) {
        return e == ERR_IN_USE ? cli_fail("another godwit dev runs in %s", plan.dir)
                               : cli_fail("could not lock %s: %s", plan.dir, err_text(e));
    }
    code = cluster_load(cli, plan.dir, &cluster);
    if (code == CLI_OK) {
        code = cluster.n > 0 ? check_cluster(cli, args, &plan, &cluster)
                             : make_cluster(cli, args, &plan);
    }
    if (code == CLI_OK) {
        code = cluster_load(cli, plan.dir, &cluster);
    }
    if (code == CLI_OK) {
        code = keys_ensure(cli, cli_text(cli, "%s/keys", plan.dir), &key);
    }
    if (code == CLI_OK) {
        code = dev_supervise(cli, &cluster, &key, args_flag(args, "json"));
    }
    io_lock_close(&held);
    return code;
}

/* ---- commands that ask the supervisor ---- */

static int ask_and_print(struct cli *cli, const char *dir, const char *line)
{
    struct bytes answer;
    int code = dev_ask(cli, dir, line, &answer);
    if (code == CLI_OK) {
        (void)printf("%.*s", BYTES_FMT(answer)); /* checked when the program ends */
    }
    return code;
}

int run_dev_start(struct cli *cli, const struct args *args)
{
    return ask_and_print(cli, cli_dir(args), cli_text(cli, "start %s", args->at[0]));
}

int run_dev_stop(struct cli *cli, const struct args *args)
{
    bool kills = args_flag(args, "kill");
    if (kills && args->n == 0) {
        return cli_misuse("--kill needs a region");
    }
    const char *line =
        args->n == 0 ? "quit" : cli_text(cli, "%s %s", kills ? "kill" : "stop", args->at[0]);
    int code = ask_and_print(cli, cli_dir(args), line);
    if (code == CLI_OK && args->n == 0) {
        (void)printf("all regions in %s have stopped\n", cli_dir(args)); /* checked at the end */
    }
    return code;
}

/* Takes the next word of a line of the supervisor's. */
static struct bytes word(struct bytes *rest, char end)
{
    const uint8_t *at = rest->len == 0 ? NULL : memchr(rest->base, end, rest->len);
    struct bytes head = bytes_of(rest->base, at == NULL ? rest->len : (size_t)(at - rest->base));
    *rest = bytes_from(*rest, head.len + 1);
    return head;
}

int run_dev_pids(struct cli *cli, const struct args *args)
{
    struct bytes answer;
    int code = dev_ask(cli, cli_dir(args), "pids", &answer);
    if (code != CLI_OK) {
        return code;
    }
    if (!args_flag(args, "json")) {
        (void)printf("%.*s", BYTES_FMT(answer)); /* checked when the program ends */
        return CLI_OK;
    }
    struct buf b;
    buf_init(&b, CLI_OUTPUT_BYTES_MAX);
    buf_put_str(&b, "{\"regions\":[");
    while (answer.len > 0) {
        struct bytes line = word(&answer, '\n');
        json_put_comma(&b);
        buf_put_str(&b, "{");
        json_put_member(&b, "region", word(&line, ' '));
        json_put_member(&b, "state", word(&line, ' '));
        uint64_t pid;
        json_put_member_u64(&b, "pid", bytes_u64(word(&line, ' '), &pid) == OK ? pid : 0);
        json_put_member(&b, "url", line);
        buf_put_str(&b, "}");
    }
    buf_put_str(&b, "]}\n");
    return cli_output(&b);
}

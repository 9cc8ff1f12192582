/* Directories of configurations, and the cluster they describe. */
#include "cli/dir.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "io/io.h"

enum { REGION_NAME_MAX = 63 };

bool region_name_ok(struct bytes name)
{
    if (name.len == 0 || name.len > REGION_NAME_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.base[i];
        bool word = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        bool inner_dash = c == '-' && i > 0 && i + 1 < name.len;
        if (!word && !inner_dash) {
            return false;
        }
    }
    return true;
}

bool address_ok(struct bytes address, uint16_t *ret_port)
{
    size_t colon = address.len;
    while (colon > 0 && address.base[colon - 1] != ':') {
        colon--;
    }
    uint64_t port;
    if (colon < 2 || bytes_u64(bytes_from(address, colon), &port) != OK || port > UINT16_MAX) {
        return false;
    }
    for (size_t i = 0; i < address.len; i++) {
        if (address.base[i] <= ' ' || address.base[i] == '/' || address.base[i] == '#') {
            return false;
        }
    }
    if (ret_port != NULL) {
        *ret_port = (uint16_t)port;
    }
    return server_address_ok(address);
}

int config_load(struct cli *cli, const char *path, struct server_config *ret)
{
    struct bytes text;
    enum err e = cli_read_file(cli, path, &text);
    if (e != OK) {
        return cli_fail("could not read %s: %s", path, err_text(e));
    }
    struct bytes msg = BYTES_LIT("the configuration is too long");
    if (server_config_parse(&cli->run_arena, text, ret, &msg) != OK) {
        return cli_fail("%s: %.*s", path, BYTES_FMT(msg));
    }
    return CLI_OK;
}

int config_save(const char *path, const struct server_config *config)
{
    struct buf b;
    buf_init(&b, CONFIG_BYTES_MAX);
    server_config_put(&b, config);
    errno = 0;
    enum err e = b.err == OK ? io_file_write(path, buf_bytes(&b), 0600) : b.err;
    buf_done(&b);
    return e == OK ? CLI_OK
                   : cli_fail(
                         "could not write %s: %s",
                         path,
                         errno == EACCES ? "permission denied" : err_text(e));
}

const char *config_relative(struct cli *cli, const char *conf, struct bytes path)
{
    const char *slash = strrchr(conf, '/');
    bool absolute = path.len > 0 && path.base[0] == '/';
    if (absolute || slash == NULL) {
        return cli_text(cli, "%.*s", BYTES_FMT(path));
    }
    return cli_text(cli, "%.*s/%.*s", (int)(slash - conf), conf, BYTES_FMT(path));
}

static bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

/* An address to connect to: who listens on all addresses is reached on loopback. */
static const char *url_of(struct cli *cli, struct bytes address)
{
    struct bytes any = BYTES_LIT("0.0.0.0:");
    if (bytes_has_prefix(address, any)) {
        return cli_text(cli, "http://127.0.0.1:%.*s", BYTES_FMT(bytes_from(address, any.len)));
    }
    return cli_text(cli, "http://%.*s", BYTES_FMT(address));
}

static int add_region(struct cli *cli, const char *home, struct cluster *c)
{
    if (c->n == CORE_REGIONS_MAX) {
        return cli_fail("more than %d regions in %s", CORE_REGIONS_MAX, c->dir);
    }
    const char *conf = cli_text(cli, "%s/godwit.conf", home);
    struct server_config *config = ARENA_NEW(&cli->run_arena, struct server_config);
    ASSERT(config != NULL);
    int code = config_load(cli, conf, config);
    if (code != CLI_OK) {
        return code;
    }
    if (c->n == 0) {
        char token[SERVER_ADMIN_TOKEN_LEN + 1];
        server_admin_token(config->secret, token);
        c->token = cli_text(cli, "%s", token);
        bool has_key_file = config->key_file.len > 0;
        if (!c->dev) { /* the regions of a development cluster share DIR/keys */
            c->key_file =
                has_key_file
                    ? config_relative(cli, conf, config->key_file)
                    : cli_text(cli, "%s/keys", config_relative(cli, conf, config->data_dir));
        }
    }
    c->regions[c->n++] = (struct cluster_region){
        .name = cli_text(cli, "%.*s", BYTES_FMT(config->name)),
        .url = url_of(cli, config->http_address),
        .home = home,
        .conf = conf,
        .config = config,
    };
    return CLI_OK;
}

static int by_port(const void *a, const void *b)
{
    const struct cluster_region *x = a;
    const struct cluster_region *y = b;
    uint16_t port_x = 0;
    uint16_t port_y = 0;
    /* Addresses without a port sort first; the regions will refuse them. */
    (void)address_ok(x->config->http_address, &port_x);
    (void)address_ok(y->config->http_address, &port_y);
    return port_x != port_y ? (port_x < port_y ? -1 : 1) : strcmp(x->name, y->name);
}

/* Adds every folder of `dir` that holds a configuration. */
static int add_folders(struct cli *cli, DIR *dir, struct cluster *c)
{
    for (struct dirent *entry = readdir(dir); entry != NULL; entry = readdir(dir)) {
        const char *home = cli_text(cli, "%s/%s", c->dir, entry->d_name);
        if (!region_name_ok(bytes_str(entry->d_name)) ||
            !file_exists(cli_text(cli, "%s/godwit.conf", home))) {
            continue;
        }
        int code = add_region(cli, home, c);
        if (code != CLI_OK) {
            return code;
        }
    }
    qsort(c->regions, c->n, sizeof c->regions[0], by_port);
    return CLI_OK;
}

int cluster_load(struct cli *cli, const char *dir, struct cluster *ret)
{
    *ret = (struct cluster){.dir = dir, .key_file = cli_text(cli, "%s/keys", dir)};
    if (file_exists(cli_text(cli, "%s/godwit.conf", dir))) {
        return add_region(cli, dir, ret);
    }
    DIR *folder = opendir(dir);
    if (folder == NULL) {
        return CLI_OK;
    }
    ret->dev = true;
    int code = add_folders(cli, folder, ret);
    (void)closedir(folder); /* was only read */
    return code;
}

int cluster_open(struct cli *cli, const struct args *args, bool wants_token, struct cluster *ret)
{
    const char *endpoint = args_text(args, "endpoint", NULL);
    const char *dir = cli_dir(args);
    int code = cluster_load(cli, dir, ret);
    if (code != CLI_OK) {
        return code;
    }
    const char *env = getenv("GODWIT_TOKEN");
    const char *token = args_text(args, "token", env != NULL && env[0] != '\0' ? env : NULL);
    ret->token = token != NULL ? token : ret->token;
    if (endpoint != NULL) {
        bool full = strstr(endpoint, "://") != NULL;
        const char *url = full ? endpoint : cli_text(cli, "http://%s", endpoint);
        ret->n = 1;
        ret->dev = false;
        ret->regions[0] = (struct cluster_region){.name = endpoint, .url = url};
    }
    if (ret->n == 0) {
        return cli_fail(
            "there is no region in %s; name its directory with --dir or an address with --endpoint",
            dir);
    }
    if (wants_token && ret->token == NULL) {
        return cli_fail(
            "no admin token is known for %s; give it with --token or GODWIT_TOKEN", endpoint);
    }
    return CLI_OK;
}

const struct cluster_region *cluster_find(const struct cluster *c, const char *name)
{
    for (size_t i = 0; i < c->n; i++) {
        if (strcmp(c->regions[i].name, name) == 0) {
            return &c->regions[i];
        }
    }
    return NULL;
}

/* `godwit init` and `godwit server`: a region's configuration is written once, and then run. */
#include "cli/init.h"

#include <sys/prctl.h>

#include "base/text.h"
#include "cli/keys.h"
#include "io/io.h"

enum { SECRET_BYTES = 32, ID_HEX = 16 };

struct region_id region_id_fresh(void)
{
    struct region_id id = {0};
    while (id.v == 0) {
        io_random(&id.v, sizeof id.v);
    }
    return id;
}

struct bytes cluster_secret_fresh(struct cli *cli)
{
    uint8_t raw[SECRET_BYTES];
    io_random(raw, sizeof raw);
    struct buf b;
    buf_init(&b, 2 * sizeof raw);
    put_hex(&b, bytes_of(raw, sizeof raw));
    struct bytes secret = bytes_dup(&cli->run_arena, buf_bytes(&b));
    buf_done(&b);
    ASSERT(secret.len == 2 * SECRET_BYTES);
    return secret;
}

bool region_id_parse(struct cli *cli, struct bytes hex, struct region_id *ret)
{
    struct bytes raw;
    if (hex.len != ID_HEX || hex_decode(&cli->run_arena, hex, &raw) != OK) {
        return false;
    }
    ret->v = load_u64_be(raw.base);
    return ret->v != 0;
}

enum err join_parse(struct cli *cli, const struct json *j, struct join *ret)
{
    *ret = (struct join){
        .region = json_text(j, "region"),
        .http = json_text(j, "http"),
        .link = json_text(j, "link"),
        .secret = json_text(j, "secret"),
    };
    size_t n;
    const struct json *peers = json_items(j, "peers", &n);
    bool good = region_name_ok(ret->region) && address_ok(ret->http, NULL) &&
                address_ok(ret->link, NULL) && ret->secret.len > 0 &&
                region_id_parse(cli, json_text(j, "id"), &ret->id) && n <= CORE_REGIONS_MAX;
    for (size_t i = 0; good && i < n; i++) {
        struct server_peer *p = &ret->peers[ret->n_peers++];
        p->name = json_text(&peers[i], "region");
        p->link_address = json_text(&peers[i], "link");
        p->http_address = json_text(&peers[i], "http");
        good = region_name_ok(p->name) && address_ok(p->link_address, NULL) &&
               address_ok(p->http_address, NULL) &&
               region_id_parse(cli, json_text(&peers[i], "id"), &p->id);
    }
    return good ? OK : ERR_INVALID;
}

static void put_id(struct buf *b, struct region_id id)
{
    json_put_name(b, "id");
    buf_putf(b, "\"%016llx\"", (unsigned long long)id.v);
}

void join_put(struct buf *b, const struct join *j)
{
    buf_put_str(b, "{");
    json_put_member(b, "region", j->region);
    put_id(b, j->id);
    json_put_member(b, "http", j->http);
    json_put_member(b, "link", j->link);
    json_put_member(b, "secret", j->secret);
    json_put_name(b, "peers");
    buf_put_str(b, "[");
    for (size_t i = 0; i < j->n_peers; i++) {
        json_put_comma(b);
        buf_put_str(b, "{");
        json_put_member(b, "region", j->peers[i].name);
        put_id(b, j->peers[i].id);
        json_put_member(b, "http", j->peers[i].http_address);
        json_put_member(b, "link", j->peers[i].link_address);
        buf_put_str(b, "}");
    }
    buf_put_str(b, "]}\n");
}

static int read_join(struct cli *cli, const char *path, struct join *ret)
{
    struct bytes text;
    struct json j;
    enum err e = cli_read_file(cli, path, &text);
    if (e == OK) {
        e = json_parse(cli->json, &cli->run_arena, text, CLI_JSON_DEPTH_MAX, &j);
    }
    if (e == OK) {
        e = join_parse(cli, &j, ret);
    }
    return e == OK ? CLI_OK : cli_fail("could not read the join file %s: %s", path, err_text(e));
}

int addresses_apart(struct bytes http, struct bytes link)
{
    uint16_t port = 0;
    bool same = bytes_eq(http, link) && address_ok(http, &port) && port != 0;
    return same ? cli_misuse(
                      "clients and regions cannot both connect to %.*s; name --http and --link",
                      BYTES_FMT(http))
                : CLI_OK;
}

/* Lays the command's own options over what a join file says (all empty without one). */
static int settle(struct cli *cli, const struct args *args, struct join *j)
{
    const char *name = args_text(args, "region", NULL);
    const char *http = args_text(args, "http", NULL);
    const char *link = args_text(args, "link", NULL);
    bool joins = j->region.len > 0;
    if (joins && (name != NULL || http != NULL || link != NULL)) {
        return cli_misuse(
            "the join file says name and addresses; --region, --http and --link do not go with it");
    }
    if (joins) {
        return CLI_OK;
    }
    if (name == NULL) {
        return cli_misuse("--region NAME or --join FILE is needed");
    }
    struct server_config defaults = server_config_default();
    *j = (struct join){
        .region = bytes_str(name),
        .http = http != NULL ? bytes_str(http) : defaults.http_address,
        .link = link != NULL ? bytes_str(link) : defaults.link_address,
        .id = region_id_fresh(),
        .secret = cluster_secret_fresh(cli),
    };
    if (!region_name_ok(j->region)) {
        return cli_misuse(
            "\"%s\" cannot name a region: lower-case letters, digits and inner dashes", name);
    }
    if (!address_ok(j->http, NULL) || !address_ok(j->link, NULL)) {
        return cli_misuse("an address is HOST:PORT with a numeric host, such as 127.0.0.1:8000");
    }
    return addresses_apart(j->http, j->link);
}

static int write_region(
    struct cli *cli, const char *dir, const struct join *j, struct access_key *ret_key)
{
    enum err e = io_mkdir_p(dir, 0700);
    if (e != OK) {
        return cli_fail("could not make the directory %s: %s", dir, err_text(e));
    }
    struct server_config config = server_config_default();
    config.name = j->region;
    config.id = j->id;
    config.secret = j->secret;
    config.data_dir = BYTES_LIT("data");
    config.key_file = BYTES_LIT("keys");
    config.http_address = j->http;
    config.link_address = j->link;
    memcpy(config.peers, j->peers, sizeof config.peers);
    config.n_peers = j->n_peers;
    int code = keys_ensure(cli, cli_text(cli, "%s/keys", dir), ret_key);
    return code == CLI_OK ? config_save(cli_text(cli, "%s/godwit.conf", dir), &config) : code;
}

int run_init(struct cli *cli, const struct args *args)
{
    const char *dir = cli_dir(args);
    const char *file = args_text(args, "join", NULL);
    struct cluster present;
    struct join j = {0};
    struct access_key key;
    int code = cluster_load(cli, dir, &present);
    if (code == CLI_OK && present.n > 0) {
        code = cli_fail("%s holds region %s already", dir, present.regions[0].name);
    }
    if (code == CLI_OK && file != NULL) {
        code = read_join(cli, file, &j);
    }
    if (code == CLI_OK) {
        code = settle(cli, args, &j);
    }
    if (code == CLI_OK) {
        code = write_region(cli, dir, &j, &key);
    }
    if (code != CLI_OK) {
        return code;
    }
    struct buf b;
    buf_init(&b, CLI_OUTPUT_BYTES_MAX);
    if (args_flag(args, "json")) {
        buf_put_str(&b, "{");
        json_put_member(&b, "region", j.region);
        put_id(&b, j.id);
        json_put_member(&b, "http", j.http);
        json_put_member(&b, "link", j.link);
        json_put_member(&b, "config", bytes_str(cli_text(cli, "%s/godwit.conf", dir)));
        json_put_member(&b, "access_key_id", bytes_str(key.id));
        json_put_member(&b, "secret_access_key", bytes_str(key.secret));
        buf_put_str(&b, "}\n");
        return cli_output(&b);
    }
    buf_putf(&b, "region %.*s is ready to run: %s/godwit.conf\n\n", BYTES_FMT(j.region), dir);
    buf_putf(&b, "  access key   %s\n  secret key   %s\n\n", key.id, key.secret);
    buf_putf(&b, "start it with:  godwit server --config %s/godwit.conf\n", dir);
    if (j.n_peers > 0) {
        buf_putf(
            &b,
            "Clients use one set of keys everywhere if %s/keys is copied from another region.\n",
            dir);
    }
    return cli_output(&b);
}

int run_server(struct cli *cli, const struct args *args)
{
    const char *path = args_text(args, "config", NULL);
    if (path == NULL) {
        path = cli_text(cli, "%s/godwit.conf", cli_dir(args));
    }
    struct server_config config;
    int code = config_load(cli, path, &config);
    if (code != CLI_OK) {
        return code;
    }
    config.data_dir = bytes_str(config_relative(cli, path, config.data_dir));
    if (config.key_file.len > 0) {
        config.key_file = bytes_str(config_relative(cli, path, config.key_file));
    }
    if (config.s3_dir.len > 0) {
        config.s3_dir = bytes_str(config_relative(cli, path, config.s3_dir));
    }
    /* A supervisor starts us by way of /proc/self/exe, which ps and top would show. */
    (void)prctl(PR_SET_NAME, "godwit");
    bool has_fd = args_text(args, "ready-fd", NULL) != NULL;
    return server_run(&config, has_fd ? (int)args_number(args, "ready-fd", 0) : -1);
}

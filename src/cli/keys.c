/* `godwit key`: the key file is rewritten whole and atomically; regions notice and read it again. A
 * lock beside it keeps two commands from losing each other's change. */
#include "cli/keys.h"

#include "cli/dir.h"
#include "front/dynamo/dynamo.h"
#include "io/io.h"

enum { KEY_FILE_BYTES_MAX = 16 << 20 };

/* Reads the file; *ret is NULL when there is none. */
static int load(struct cli *cli, const char *path, struct keystore **ret)
{
    struct bytes text;
    *ret = NULL;
    enum err e = cli_read_file(cli, path, &text);
    if (e == ERR_NOT_FOUND) {
        return CLI_OK;
    }
    if (e != OK) {
        return cli_fail("could not read %s: %s", path, err_text(e));
    }
    size_t line = 0;
    e = keystore_parse(text, ret, &line);
    return e == OK ? CLI_OK : cli_fail("%s, line %zu: %s", path, line, err_text(e));
}

/* Writes the keys of `ks` (may be NULL), `revoked` among them turned off, and `added` (may be NULL)
 * behind them. */
static int save(
    const char *path,
    const struct keystore *ks,
    struct bytes revoked,
    const struct keystore_key *added)
{
    struct buf b;
    buf_init(&b, KEY_FILE_BYTES_MAX);
    keystore_put_heading(&b);
    size_t n = 0;
    const struct keystore_key *keys = ks != NULL ? keystore_keys(ks, &n) : NULL;
    for (size_t i = 0; i < n; i++) {
        struct keystore_key key = keys[i];
        key.active = key.active && !bytes_eq(key.id, revoked);
        keystore_put_key(&b, &key);
    }
    if (added != NULL) {
        keystore_put_key(&b, added);
    }
    enum err e = b.err == OK ? io_file_write(path, buf_bytes(&b), 0600) : b.err;
    buf_done(&b);
    return e == OK ? CLI_OK : cli_fail("could not write %s: %s", path, err_text(e));
}

static int lock(struct cli *cli, const char *path, struct io_lock *ret)
{
    const char *lock_path = cli_text(cli, "%s.lock", path);
    for (int tries = 0; tries < 100; tries++) {
        enum err e = io_lock_open(lock_path, ret);
        if (e != ERR_IN_USE) {
            return e == OK ? CLI_OK : cli_fail("could not lock %s: %s", lock_path, err_text(e));
        }
        cli_sleep_ms(20);
    }
    return cli_fail("another command is changing %s", path);
}

/* The first active key, or NULL. */
static const struct keystore_key *first_active(const struct keystore *ks)
{
    size_t n;
    const struct keystore_key *keys = keystore_keys(ks, &n);
    for (size_t i = 0; i < n; i++) {
        if (keys[i].active) {
            return &keys[i];
        }
    }
    return NULL;
}

int keys_first(struct cli *cli, const char *path, struct access_key *ret)
{
    struct keystore *ks;
    int code = load(cli, path, &ks);
    if (code != CLI_OK) {
        return code;
    }
    if (ks == NULL) {
        return cli_fail("there is no key file %s", path);
    }
    const struct keystore_key *key = first_active(ks);
    if (key != NULL) {
        ret->id = cli_text(cli, "%.*s", BYTES_FMT(key->id));
        ret->secret = cli_text(cli, "%.*s", BYTES_FMT(key->secret));
    }
    keystore_free(ks);
    return key != NULL ? CLI_OK
                       : cli_fail("%s holds no active key; godwit key create makes one", path);
}

int keys_ensure(struct cli *cli, const char *path, struct access_key *ret)
{
    struct io_lock held;
    int code = lock(cli, path, &held);
    if (code != CLI_OK) {
        return code;
    }
    struct keystore *ks;
    code = load(cli, path, &ks);
    if (code == CLI_OK && (ks == NULL || first_active(ks) == NULL)) {
        struct keystore_key key;
        server_key_fresh(&cli->run_arena, &key);
        code = save(path, ks, BYTES_NONE, &key);
    }
    keystore_free(ks);
    io_lock_close(&held);
    return code == CLI_OK ? keys_first(cli, path, ret) : code;
}

/* ---- commands ---- */

/* The key file of the directory the arguments name. */
static int find_file(struct cli *cli, const struct args *args, const char **ret)
{
    struct cluster c;
    int code = cluster_load(cli, cli_dir(args), &c);
    if (code != CLI_OK) {
        return code;
    }
    *ret = args_text(args, "keys", c.key_file);
    if (c.n == 0 && args_text(args, "keys", NULL) == NULL) {
        return cli_fail("there is no region in %s; name its directory with --dir", c.dir);
    }
    return CLI_OK;
}

static void put_key(struct buf *b, const struct keystore_key *key, bool secret)
{
    json_put_comma(b);
    buf_put_str(b, "{");
    json_put_member(b, "access_key_id", key->id);
    if (secret) {
        json_put_member(b, "secret_access_key", key->secret);
    }
    json_put_member(b, "created", key->created);
    json_put_member(b, "status", bytes_str(key->active ? "active" : "revoked"));
    buf_put_str(b, "}");
}

static int print_key(const struct args *args, const struct keystore_key *key)
{
    struct buf b;
    buf_init(&b, CLI_OUTPUT_BYTES_MAX);
    if (args_flag(args, "json")) {
        put_key(&b, key, true);
        buf_put_str(&b, "\n");
    } else {
        buf_putf(&b, "access key   %.*s\n", BYTES_FMT(key->id));
        buf_putf(&b, "secret key   %.*s\n", BYTES_FMT(key->secret));
    }
    return cli_output(&b);
}

int run_key_create(struct cli *cli, const struct args *args)
{
    const char *path;
    struct io_lock held;
    int code = find_file(cli, args, &path);
    if (code == CLI_OK) {
        code = lock(cli, path, &held);
    }
    if (code != CLI_OK) {
        return code;
    }
    struct keystore *ks;
    struct keystore_key key;
    server_key_fresh(&cli->run_arena, &key);
    code = load(cli, path, &ks);
    if (code == CLI_OK) {
        code = save(path, ks, BYTES_NONE, &key);
    }
    keystore_free(ks);
    io_lock_close(&held);
    return code == CLI_OK ? print_key(args, &key) : code;
}

int run_key_revoke(struct cli *cli, const struct args *args)
{
    const char *path;
    struct io_lock held;
    int code = find_file(cli, args, &path);
    if (code == CLI_OK) {
        code = lock(cli, path, &held);
    }
    if (code != CLI_OK) {
        return code;
    }
    struct keystore *ks;
    struct bytes id = bytes_str(args->at[0]);
    code = load(cli, path, &ks);
    if (code == CLI_OK && (ks == NULL || keystore_find(ks, id) == NULL)) {
        code = cli_fail("%s holds no key \"%s\"", path, args->at[0]);
    }
    if (code == CLI_OK) {
        code = save(path, ks, id, NULL);
    }
    keystore_free(ks);
    io_lock_close(&held);
    return code;
}

int run_key_list(struct cli *cli, const struct args *args)
{
    const char *path;
    struct keystore *ks = NULL;
    int code = find_file(cli, args, &path);
    if (code == CLI_OK) {
        code = load(cli, path, &ks);
    }
    if (code != CLI_OK) {
        return code;
    }
    size_t n = 0;
    const struct keystore_key *keys = ks != NULL ? keystore_keys(ks, &n) : NULL;
    bool secrets = args_flag(args, "secrets");
    bool as_json = args_flag(args, "json");
    struct buf b;
    buf_init(&b, CLI_OUTPUT_BYTES_MAX);
    buf_put_str(&b, as_json ? "{\"keys\":[" : "");
    for (size_t i = 0; i < n; i++) {
        if (as_json) {
            put_key(&b, &keys[i], secrets);
            continue;
        }
        buf_putf(&b, "%.*s  %-7s", BYTES_FMT(keys[i].id), keys[i].active ? "active" : "revoked");
        buf_putf(&b, "  %.*s", BYTES_FMT(keys[i].created));
        if (secrets) {
            buf_putf(&b, "  %.*s", BYTES_FMT(keys[i].secret));
        }
        buf_put_str(&b, "\n");
    }
    buf_put_str(&b, as_json ? "]}\n" : "");
    keystore_free(ks);
    return cli_output(&b);
}

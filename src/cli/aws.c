/* A small DynamoDB client: one endpoint, one key, errors sorted into those worth another try and
 * the rest. */
#include "cli/aws.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "cli/http.h"

enum { TRIES_MAX = 20, PAUSE_MS_FIRST = 25, PAUSE_MS_MAX = 5000, NAME_BYTES_MAX = 128 };

static bool file_exists(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0;
}

static int find_key(struct cli *cli, const char *path, struct access_key *ret)
{
    const char *id = getenv("AWS_ACCESS_KEY_ID");
    const char *secret = getenv("AWS_SECRET_ACCESS_KEY");
    if (file_exists(path)) {
        return keys_first(cli, path, ret);
    }
    if (id == NULL || secret == NULL) {
        return cli_fail(
            "there is no key file %s; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", path);
    }
    *ret = (struct access_key){.id = id, .secret = secret};
    return CLI_OK;
}

int aws_open_at(
    struct cli *cli, const struct fleet *fleet, const struct fleet_region *r, struct aws *ret)
{
    *ret = (struct aws){.cli = cli, .url = r->url, .region = r->name};
    return find_key(cli, fleet->cluster.key_file, &ret->key);
}

/* Without an admin token: an endpoint and a region's name are all a DynamoDB client has. */
static int open_endpoint(struct cli *cli, const struct args *args, struct aws *ret)
{
    struct cluster c;
    int code = cluster_open(cli, args, false, &c);
    if (code != CLI_OK) {
        return code;
    }
    *ret = (struct aws){
        .cli = cli, .url = c.regions[0].url, .region = args_text(args, "region", NULL)};
    if (cli->web == NULL) {
        cli->web = web_new();
    }
    return find_key(cli, c.key_file, &ret->key);
}

int aws_open(struct cli *cli, const struct args *args, struct aws *ret)
{
    const char *name = args_text(args, "region", NULL);
    if (name != NULL && args_text(args, "endpoint", NULL) != NULL) {
        return open_endpoint(cli, args, ret);
    }
    struct fleet *fleet = ARENA_NEW(&cli->run_arena, struct fleet);
    ASSERT(fleet != NULL);
    int code = fleet_open(cli, args, fleet);
    if (code != CLI_OK) {
        return code;
    }
    const struct fleet_region *r =
        name != NULL ? fleet_find_up(fleet, name) : fleet_first_up(fleet);
    return r == NULL ? CLI_FAILED : aws_open_at(cli, fleet, r, ret);
}

/* The error's name behind its namespace:
 * "com.amazonaws.dynamodb.v20120810#ResourceNotFoundException". */
static struct bytes error_name(const struct json *j)
{
    struct bytes name = json_text(j, "__type");
    const uint8_t *hash = name.len == 0 ? NULL : memchr(name.base, '#', name.len);
    return hash == NULL ? name : bytes_from(name, (size_t)(hash - name.base) + 1);
}

static enum err err_of(long status, struct bytes name)
{
    static const char *const again[] = {
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "LimitExceededException",
        "InternalServerError",
    };
    if (status >= 500) {
        return ERR_BUSY;
    }
    for (size_t i = 0; i < sizeof again / sizeof again[0]; i++) {
        if (bytes_eq_str(name, again[i])) {
            return ERR_BUSY;
        }
    }
    return bytes_eq_str(name, "ResourceNotFoundException") ? ERR_NOT_FOUND : ERR_INVALID;
}

static const char *words(struct arena *a, struct bytes text)
{
    const char *copy = bytes_cstr(a, text);
    return copy != NULL ? copy : "the answer is too long";
}

enum err aws_ask(
    struct aws *aws,
    struct arena *a,
    const char *operation,
    struct bytes body,
    struct json *ret,
    const char **reterr_why)
{
    char target[NAME_BYTES_MAX];
    int n = snprintf(target, sizeof target, "DynamoDB_20120810.%s", operation);
    ASSERT(n > 0);
    const struct web_ask ask = {
        .method = "POST",
        .url = aws->url,
        .body = body,
        .target = target,
        .region = aws->region,
        .access_key = aws->key.id,
        .secret_key = aws->key.secret,
    };
    struct web_answer answer;
    enum err e = web_ask(aws->cli->web, a, &ask, &answer);
    if (e != OK) {
        *reterr_why = words(a, bytes_str(answer.reason));
        return e;
    }
    e = json_parse(aws->cli->json, a, answer.body, CLI_JSON_DEPTH_MAX, ret);
    if (answer.status == 200) {
        *reterr_why = "the answer could not be read";
        return e;
    }
    if (e != OK) { /* who is full, or about to end, says no more than a status */
        *reterr_why = words(a, bytes_fmt(a, "it answered with HTTP status %ld", answer.status));
        return err_of(answer.status, BYTES_NONE);
    }
    struct bytes name = error_name(ret);
    struct bytes text = json_text(ret, "message");
    text = text.len > 0 ? text : json_text(ret, "Message");
    *reterr_why = words(a, bytes_fmt(a, "%.*s: %.*s", BYTES_FMT(name), BYTES_FMT(text)));
    return err_of(answer.status, name);
}

uint64_t aws_pause_ms(unsigned n)
{
    uint64_t ms = PAUSE_MS_FIRST;
    for (unsigned i = 1; i < n && ms < PAUSE_MS_MAX; i++) {
        ms *= 2;
    }
    return ms < PAUSE_MS_MAX ? ms : PAUSE_MS_MAX;
}

enum err aws_ask_again(
    struct aws *aws,
    struct arena *a,
    const char *operation,
    struct bytes body,
    struct json *ret,
    const char **reterr_why)
{
    for (unsigned n = 1;; n++) {
        enum err e = aws_ask(aws, a, operation, body, ret, reterr_why);
        bool may_help = e == ERR_BUSY || e == ERR_UNAVAILABLE || e == ERR_TIMEOUT || e == ERR_IO;
        if (!may_help || n == TRIES_MAX) {
            return e;
        }
        cli_sleep_ms(aws_pause_ms(n));
    }
}

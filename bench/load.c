/* The load generator as a bare program: any server, signed or not. `load --help` says what can be
 * asked for; the result is one line of JSON. */
#include "load/load.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char usage[] =
    "usage: load --port PORT --table NAME [options]\n"
    "  --host ADDRESS         (default 127.0.0.1)\n"
    "  --region NAME          sign for this region, with $AWS_ACCESS_KEY_ID and "
    "$AWS_SECRET_ACCESS_KEY;\n"
    "                         without it nothing is signed\n"
    "  --connections N        (16)\n"
    "  --seconds N            end after N seconds\n"
    "  --requests N           end after N requests\n"
    "  --rate N               N requests a second over all connections; latencies count from when\n"
    "                         each was due\n"
    "  --reads PERCENT        GetItem; the rest are PutItem (0)\n"
    "  --keys N               choose among N keys; without it each write has its own\n"
    "  --in-order             with --keys: write one after the other\n"
    "  --ring N               every second write goes to one of N keys of its connection\n"
    "  --prefix TEXT          begins the partition keys (k)\n"
    "  --item-bytes N         about so large items (300)\n"
    "  --timeout-ms N         (10000)\n"
    "  --persistent           connect again when a connection ends\n"
    "  --log FILE             append the outcome of each write\n"
    "  --seed N               of the choices (1)\n";

enum option_id {
    OPT_HELP,
    OPT_HOST,
    OPT_PORT,
    OPT_TABLE,
    OPT_REGION,
    OPT_CONNECTIONS,
    OPT_SECONDS,
    OPT_REQUESTS,
    OPT_RATE,
    OPT_READS,
    OPT_KEYS,
    OPT_IN_ORDER,
    OPT_RING,
    OPT_PREFIX,
    OPT_ITEM_BYTES,
    OPT_TIMEOUT_MS,
    OPT_PERSISTENT,
    OPT_LOG,
    OPT_SEED,
    OPTIONS,
};

static const struct option options[] = {
    {"help", no_argument, NULL, OPT_HELP},
    {"host", required_argument, NULL, OPT_HOST},
    {"port", required_argument, NULL, OPT_PORT},
    {"table", required_argument, NULL, OPT_TABLE},
    {"region", required_argument, NULL, OPT_REGION},
    {"connections", required_argument, NULL, OPT_CONNECTIONS},
    {"seconds", required_argument, NULL, OPT_SECONDS},
    {"requests", required_argument, NULL, OPT_REQUESTS},
    {"rate", required_argument, NULL, OPT_RATE},
    {"reads", required_argument, NULL, OPT_READS},
    {"keys", required_argument, NULL, OPT_KEYS},
    {"in-order", no_argument, NULL, OPT_IN_ORDER},
    {"ring", required_argument, NULL, OPT_RING},
    {"prefix", required_argument, NULL, OPT_PREFIX},
    {"item-bytes", required_argument, NULL, OPT_ITEM_BYTES},
    {"timeout-ms", required_argument, NULL, OPT_TIMEOUT_MS},
    {"persistent", no_argument, NULL, OPT_PERSISTENT},
    {"log", required_argument, NULL, OPT_LOG},
    {"seed", required_argument, NULL, OPT_SEED},
    {NULL, 0, NULL, 0},
};

/* What was given, before it is understood. */
struct given {
    const char *text[OPTIONS];
};

static bool collect(int argc, char **argv, struct given *ret)
{
    for (;;) {
        int id = getopt_long(argc, argv, "", options, NULL);
        if (id == -1) {
            return optind == argc;
        }
        if (id < 0 || id >= OPTIONS) {
            return false;
        }
        ret->text[id] = optarg != NULL ? optarg : "";
    }
}

/* The number given, or `otherwise`; *good becomes false when it is none or out of range. */
static uint64_t number(
    const struct given *g, enum option_id id, uint64_t otherwise, uint64_t max, bool *good)
{
    uint64_t v = otherwise;
    if (g->text[id] != NULL && (bytes_u64(bytes_str(g->text[id]), &v) != OK || v > max)) {
        *good = false;
        return otherwise;
    }
    return v;
}

static const char *text(const struct given *g, enum option_id id, const char *otherwise)
{
    return g->text[id] != NULL ? g->text[id] : otherwise;
}

static bool make_plan(const struct given *g, struct load_plan *ret)
{
    bool good = g->text[OPT_PORT] != NULL && g->text[OPT_TABLE] != NULL;
    *ret = (struct load_plan){
        .host = text(g, OPT_HOST, "127.0.0.1"),
        .port = (uint16_t)number(g, OPT_PORT, 0, UINT16_MAX, &good),
        .table = bytes_str(text(g, OPT_TABLE, "")),
        .prefix = text(g, OPT_PREFIX, "k"),
        .connections = (uint32_t)number(g, OPT_CONNECTIONS, 16, LOAD_CONNECTIONS_MAX, &good),
        .seconds_max = number(g, OPT_SECONDS, 0, 1000000, &good),
        .requests_max = number(g, OPT_REQUESTS, 0, UINT64_MAX, &good),
        .rate = number(g, OPT_RATE, 0, 10000000, &good),
        .reads_percent = (uint32_t)number(g, OPT_READS, 0, 100, &good),
        .keys = number(g, OPT_KEYS, 0, 100000000, &good),
        .ring = (uint32_t)number(g, OPT_RING, 0, 1000000, &good),
        .in_order = g->text[OPT_IN_ORDER] != NULL,
        .item_bytes = (uint32_t)number(g, OPT_ITEM_BYTES, 300, 400 * 1024, &good),
        .seed = number(g, OPT_SEED, 1, UINT64_MAX, &good),
        .timeout_ms = number(g, OPT_TIMEOUT_MS, 10000, 1000000, &good),
        .persistent = g->text[OPT_PERSISTENT] != NULL,
        .log_fd = -1,
    };
    return good && ret->connections > 0 && strlen(ret->prefix) < LOAD_NAME_MAX / 2;
}

static struct bytes environment(const char *name)
{
    const char *value = getenv(name);
    return value == NULL ? BYTES_NONE : bytes_str(value);
}

static int run(const struct load_plan *plan)
{
    struct load_tally *tally = calloc(1, sizeof *tally);
    ASSERT(tally != NULL);
    enum err e = load_run(plan, tally);
    struct buf out;
    buf_init(&out, /* len_max= */ 65536);
    load_tally_put(&out, tally);
    (void)printf("%.*s", BYTES_FMT(buf_bytes(&out))); /* checked by the flush */
    if (tally->first_error[0] != '\0') {
        (void)fprintf(stderr, "load: first error: %s\n", tally->first_error);
    }
    buf_done(&out);
    free(tally);
    return e == OK && fflush(stdout) == 0 ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct given given = {0};
    struct load_plan plan;
    bool good = collect(argc, argv, &given);
    if (given.text[OPT_HELP] != NULL) {
        return fputs(usage, stdout) < 0 ? 1 : 0;
    }
    if (!good || !make_plan(&given, &plan)) {
        (void)fputs(usage, stderr); /* the exit code says it too */
        return 2;
    }
    const char *log = given.text[OPT_LOG];
    if (log != NULL) {
        plan.log_fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
        if (plan.log_fd < 0) {
            (void)fprintf(stderr, "load: could not open %s\n", log); /* the exit code says it too */
            return 1;
        }
    }
    if (given.text[OPT_REGION] != NULL) {
        plan.region = bytes_str(given.text[OPT_REGION]);
        plan.access_key = environment("AWS_ACCESS_KEY_ID");
        plan.secret_key = environment("AWS_SECRET_ACCESS_KEY");
    }
    return run(&plan);
}

/* A closed-loop load generator for DynamoDB-shaped servers: every connection waits for its answer
 * before it asks again. `load --help` says what can be asked for; the result is one line of JSON.
 */
#include "bench/load.h"

#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_MAX = 64 << 20 };

static const char usage[] =
    "usage: load --port PORT --table NAME [options]\n"
    "  --host ADDRESS         (default 127.0.0.1)\n"
    "  --region NAME          sign for this region, with $AWS_ACCESS_KEY_ID and "
    "$AWS_SECRET_ACCESS_KEY;\n"
    "                         without it nothing is signed\n"
    "  --connections N        (16)\n"
    "  --seconds N            end after N seconds\n"
    "  --requests N           end after N requests\n"
    "  --rate N               at most N requests a second over all connections\n"
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

static bool make_plan(const struct given *g, struct plan *ret)
{
    bool good = g->text[OPT_PORT] != NULL && g->text[OPT_TABLE] != NULL;
    *ret = (struct plan){
        .host = text(g, OPT_HOST, "127.0.0.1"),
        .port = (uint16_t)number(g, OPT_PORT, 0, UINT16_MAX, &good),
        .table = bytes_str(text(g, OPT_TABLE, "")),
        .prefix = text(g, OPT_PREFIX, "k"),
        .connections = (uint32_t)number(g, OPT_CONNECTIONS, 16, CONNECTIONS_MAX, &good),
        .seconds_max = number(g, OPT_SECONDS, 0, 1000000, &good),
        .requests_max = number(g, OPT_REQUESTS, 0, UINT64_MAX, &good),
        .rate = number(g, OPT_RATE, 0, 10000000, &good),
        .reads_percent = (uint32_t)number(g, OPT_READS, 0, 100, &good),
        .keys = number(g, OPT_KEYS, 0, 100000000, &good),
        .ring = (uint32_t)number(g, OPT_RING, 0, 1000000, &good),
        .in_order = g->text[OPT_IN_ORDER] != NULL,
        .item_bytes = (uint32_t)number(g, OPT_ITEM_BYTES, 300, 400 * 1024, &good),
        .timeout_ms = number(g, OPT_TIMEOUT_MS, 10000, 1000000, &good),
        .persistent = g->text[OPT_PERSISTENT] != NULL,
        .log_fd = -1,
    };
    return good && ret->connections > 0 && strlen(ret->prefix) < NAME_MAX_LEN / 2;
}

static void put_latency(const char *name, const struct histogram *h)
{
    (void)printf(
        ", \"%s_us\": {\"p50\": %llu, \"p90\": %llu, \"p99\": %llu, \"max\": %llu, \"mean\": %llu}",
        name,
        (unsigned long long)histogram_at(h, 500),
        (unsigned long long)histogram_at(h, 900),
        (unsigned long long)histogram_at(h, 990),
        (unsigned long long)h->max,
        (unsigned long long)(h->count == 0 ? 0 : h->sum / h->count));
}

/* Whatever fails to be printed shows in the exit code, at the end. */
static void print_result(const struct tally *t, double seconds)
{
    (void)printf(
        "{\"done\": %llu, \"reads\": %llu, \"found\": %llu, \"writes\": %llu, \"refused\": %llu, "
        "\"unknown\": %llu, \"connects\": %llu, \"seconds\": %.3f, \"per_second\": %.1f, "
        "\"gap_ms_max\": %.1f",
        (unsigned long long)t->done,
        (unsigned long long)t->reads,
        (unsigned long long)t->found,
        (unsigned long long)t->writes,
        (unsigned long long)t->refused,
        (unsigned long long)t->unknown,
        (unsigned long long)t->connects,
        seconds,
        (double)t->done / seconds,
        (double)t->gap_ns_max / 1e6);
    put_latency("read", &t->read_us);
    put_latency("write", &t->write_us);
    (void)printf("}\n");
    if (t->first_error[0] != '\0') {
        (void)fprintf(stderr, "load: first error: %s\n", t->first_error);
    }
}

static double seconds_now(void)
{
    struct timespec t;
    (void)clock_gettime(CLOCK_MONOTONIC, &t); /* cannot fail */
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static struct bytes environment(const char *name)
{
    const char *value = getenv(name);
    return value == NULL ? BYTES_NONE : bytes_str(value);
}

static int run(struct work *w)
{
    double begun = seconds_now();
    int code = load_run(w);
    print_result(&w->tally, seconds_now() - begun);
    return code != 0 || fflush(stdout) != 0 ? 1 : 0;
}

int main(int argc, char **argv)
{
    struct given given = {0};
    struct plan plan;
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
    char host[NAME_MAX_LEN];
    (void)snprintf(host, sizeof host, "%s:%u", plan.host, plan.port); /* an address fits */
    struct work *w = calloc(1, sizeof *w);
    ASSERT(w != NULL);
    w->plan = &plan;
    w->prng = prng_seeded(number(&given, OPT_SEED, 1, UINT64_MAX, &good));
    w->signer = (struct signer){
        .host = bytes_str(host), .region = BYTES_LIT("none"), .access_key = BYTES_LIT("none")};
    if (given.text[OPT_REGION] != NULL) {
        w->signer.region = bytes_str(given.text[OPT_REGION]);
        w->signer.access_key = environment("AWS_ACCESS_KEY_ID");
        w->signer.secret_key = environment("AWS_SECRET_ACCESS_KEY");
    }
    buf_init(&w->log, BUFFER_MAX);
    buf_init(&w->body, BUFFER_MAX);
    int code = run(w);
    buf_done(&w->log);
    buf_done(&w->body);
    free(w);
    return code;
}

/* `godwit bench`: the load generator against a running region, with a table of its own, and what it
 * measured in words. */
#include "cli/aws.h"
#include "cli/grid.h"
#include "load/load.h"

#define BENCH_TABLE "godwit-bench"

enum {
    BENCH_SECONDS = 10,
    BENCH_KEYS = 10000,
    BENCH_CONNECTIONS = 16,
    BENCH_ITEM_BYTES = 300,
    BENCH_TIMEOUT_MS = 10000,
    TABLE_PATIENCE_MS = 30000,
    TABLE_POLL_MS = 50,
};

static const char create_body[] =
    "{\"TableName\":\"" BENCH_TABLE "\",\"BillingMode\":\"PAY_PER_REQUEST\",\"KeySchema\":["
    "{\"AttributeName\":\"pk\",\"KeyType\":\"HASH\"},{\"AttributeName\":\"sk\",\"KeyType\":"
    "\"RANGE\"}],"
    "\"AttributeDefinitions\":[{\"AttributeName\":\"pk\",\"AttributeType\":\"S\"},"
    "{\"AttributeName\":\"sk\",\"AttributeType\":\"N\"}]}";
static const char describe_body[] = "{\"TableName\":\"" BENCH_TABLE "\"}";

/* CLI_OK once the table is there and ACTIVE. */
static int ensure_table(struct cli *cli, struct aws *aws)
{
    for (uint64_t waited = 0; waited < TABLE_PATIENCE_MS; waited += TABLE_POLL_MS) {
        struct json j;
        const char *why = "";
        enum err e =
            aws_ask(aws, &cli->run_arena, "DescribeTable", bytes_str(describe_body), &j, &why);
        if (e == ERR_NOT_FOUND) {
            e = aws_ask(aws, &cli->run_arena, "CreateTable", bytes_str(create_body), &j, &why);
        }
        if (e != OK && e != ERR_BUSY) {
            return cli_fail("%s, table " BENCH_TABLE ": %s", aws->region, why);
        }
        const struct json *table = e == OK ? json_find(&j, "Table") : NULL;
        if (table != NULL && bytes_eq_str(json_text(table, "TableStatus"), "ACTIVE")) {
            return CLI_OK;
        }
        cli_sleep_ms(TABLE_POLL_MS);
    }
    return cli_fail("%s did not make the table " BENCH_TABLE " in time", aws->region);
}

/* "http://127.0.0.1:8000" in parts. */
static bool split_url(struct cli *cli, const char *url, struct load_plan *plan)
{
    const char *host = strstr(url, "://");
    host = host == NULL ? url : host + 3;
    uint16_t port = 0;
    const char *colon = strrchr(host, ':');
    if (colon == NULL || !address_ok(bytes_of((const uint8_t *)host, strcspn(host, "/")), &port)) {
        return false;
    }
    plan->host = cli_text(cli, "%.*s", (int)(colon - host), host);
    plan->port = port;
    return true;
}

static void put_row(struct grid *g, const char *name, const struct histogram *h, double seconds)
{
    if (h->count == 0) {
        return;
    }
    grid_cell(g, "%s", name);
    grid_cell(g, "%.0f", (double)h->count / seconds);
    grid_cell(g, "%llu", (unsigned long long)histogram_at(h, 500));
    grid_cell(g, "%llu", (unsigned long long)histogram_at(h, 900));
    grid_cell(g, "%llu", (unsigned long long)histogram_at(h, 990));
    grid_cell(g, "%llu", (unsigned long long)histogram_at(h, 999));
    grid_cell(g, "%llu", (unsigned long long)h->max);
}

static int show(struct cli *cli, const struct load_plan *plan, const struct load_tally *t)
{
    struct buf b;
    buf_init(&b, CLI_OUTPUT_BYTES_MAX);
    buf_putf(
        &b,
        "%.*s: %llu requests in %.1f s over %u connections, %s\n",
        BYTES_FMT(plan->region),
        (unsigned long long)t->done,
        t->seconds,
        plan->connections,
        plan->rate == 0 ? "each asking again as soon as it is answered"
                        : cli_text(cli, "%llu/s asked for", (unsigned long long)plan->rate));
    static const char *const heads[] = {
        "", "per second", "p50 us", "p90 us", "p99 us", "p99.9 us", "max us"};
    struct grid g;
    grid_init(&g, cli, sizeof heads / sizeof heads[0], heads);
    put_row(&g, "GetItem", &t->read_us, t->seconds);
    put_row(&g, "PutItem", &t->write_us, t->seconds);
    grid_put(&g, &b);
    if (t->refused + t->unknown > 0) {
        buf_putf(
            &b,
            "%llu refused, %llu without a clear answer; the first: %s\n",
            (unsigned long long)t->refused,
            (unsigned long long)t->unknown,
            t->first_error);
    }
    return cli_output(&b);
}

/* Every key once, so that reads find something. */
static enum err fill(struct load_plan plan, struct load_tally *t)
{
    plan.requests_max = plan.keys;
    plan.seconds_max = 0;
    plan.rate = 0;
    plan.reads_percent = 0;
    plan.in_order = true;
    return load_run(&plan, t);
}

static int measure(struct cli *cli, const struct args *args, const struct load_plan *plan)
{
    struct load_tally *t = ARENA_NEW(&cli->run_arena, struct load_tally);
    ASSERT(t != NULL);
    enum err e = plan->reads_percent > 0 ? fill(*plan, t) : OK;
    if (e == OK) {
        e = load_run(plan, t);
    }
    if (e != OK) {
        return cli_fail("%s:%u: %s", plan->host, plan->port, t->first_error);
    }
    if (!args_flag(args, "json")) {
        return show(cli, plan, t);
    }
    struct buf b;
    buf_init(&b, CLI_OUTPUT_BYTES_MAX);
    load_tally_put(&b, t);
    return cli_output(&b);
}

int run_bench(struct cli *cli, const struct args *args)
{
    struct load_plan plan = {
        .table = BYTES_LIT(BENCH_TABLE),
        .prefix = "k",
        .connections = (uint32_t)args_number(args, "connections", BENCH_CONNECTIONS),
        .seconds_max = args_number(args, "seconds", BENCH_SECONDS),
        .rate = args_number(args, "rate", 0),
        .reads_percent = (uint32_t)args_number(args, "reads", 50),
        .keys = args_number(args, "keys", BENCH_KEYS),
        .item_bytes = (uint32_t)args_number(args, "item-bytes", BENCH_ITEM_BYTES),
        .timeout_ms = BENCH_TIMEOUT_MS,
        .seed = args_number(args, "seed", 1),
        .log_fd = -1,
    };
    if (plan.connections == 0 || plan.seconds_max == 0 || plan.keys == 0) {
        return cli_misuse("--connections, --seconds and --keys must be at least 1");
    }
    struct aws aws;
    int code = aws_open(cli, args, &aws);
    if (code == CLI_OK) {
        code = ensure_table(cli, &aws);
    }
    if (code != CLI_OK) {
        return code;
    }
    if (!split_url(cli, aws.url, &plan)) {
        return cli_fail("the load generator needs a numeric address and a port, not %s", aws.url);
    }
    plan.region = bytes_str(aws.region);
    plan.access_key = bytes_str(aws.key.id);
    plan.secret_key = bytes_str(aws.key.secret);
    return measure(cli, args, &plan);
}

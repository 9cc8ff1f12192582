/* `godwit status` and `godwit region list`: what the regions say of themselves and of each other.
 */
#include "cli/fleet.h"
#include "cli/grid.h"

static const struct json *peer_of(const struct fleet_region *r, const char *name)
{
    size_t n = 0;
    const struct json *peers = r->up ? json_items(&r->status, "peers", &n) : NULL;
    for (size_t i = 0; i < n; i++) {
        if (bytes_eq_str(json_text(&peers[i], "name"), name)) {
            return &peers[i];
        }
    }
    return NULL;
}

static const char *region_state(const struct fleet_region *r)
{
    if (!r->up) {
        return "down";
    }
    return json_true(&r->status, "failed") ? "failed" : "up";
}

/* How far fault injection has set the clock off. */
static const char *clock_skew(struct cli *cli, const struct fleet_region *r)
{
    struct bytes ms = json_text(&r->status, "skew_ms");
    if (ms.len == 0 || bytes_eq_str(ms, "0")) {
        return "right";
    }
    return cli_text(cli, "%s%.*s ms", ms.base[0] == '-' ? "" : "+", BYTES_FMT(ms));
}

static void put_regions(struct cli *cli, const struct fleet *fleet, struct buf *b)
{
    static const char *const heads[] = {
        "REGION",
        "STATE",
        "ENDPOINT",
        "PID",
        "UPTIME",
        "CLOCK",
        "LOG",
        "SEEDS",
        "CONFLICTS",
        "QUARANTINED",
        "REPAIRED"};
    struct grid g;
    grid_init(&g, cli, sizeof heads / sizeof heads[0], heads);
    for (size_t i = 0; i < fleet->n; i++) {
        const struct fleet_region *r = &fleet->regions[i];
        grid_cell(&g, "%s", r->name);
        grid_cell(&g, "%s", region_state(r));
        grid_cell(&g, "%s", r->url);
        static const char *const numbers[] = {"seeds_open", "conflicts", "quarantined", "repaired"};
        if (r->up) {
            grid_cell(&g, "%llu", (unsigned long long)json_u64(&r->status, "pid"));
            grid_cell(&g, "%s", text_span(cli, json_u64(&r->status, "uptime_ms")));
            grid_cell(&g, "%s", clock_skew(cli, r));
            grid_cell(&g, "%s", text_size(cli, json_u64(&r->status, "log_bytes")));
        }
        for (size_t k = 0; k < 4 && r->up; k++) {
            grid_cell(&g, "%llu", (unsigned long long)json_u64(&r->status, numbers[k]));
        }
        for (size_t k = 3; k < g.columns && !r->up; k++) {
            grid_cell(&g, "-");
        }
    }
    grid_put(&g, b);
}

static const char *link_state(const struct json *out)
{
    if (json_true(out, "fenced")) {
        return "fenced";
    }
    if (!json_true(out, "connected")) {
        return "lost";
    }
    if (json_true(out, "drifting")) {
        return "drifting";
    }
    return json_true(out, "relayed") ? "relayed" : "connected";
}

/* The faults that make a link worse than its configuration. */
static const char *link_faults(struct cli *cli, const struct json *fault)
{
    const char *text = json_true(fault, "cut") ? "cut" : "";
    uint64_t loss = json_u64(fault, "loss_per_mille");
    uint64_t rate = json_u64(fault, "bytes_per_s");
    struct bytes jitter = json_text(fault, "jitter_ms");
    if (loss > 0) {
        text = cli_text(cli, "%s loss %llu/1000", text, (unsigned long long)loss);
    }
    if (rate > 0) {
        text = cli_text(cli, "%s %s/s", text, text_size(cli, rate));
    }
    if (jitter.len > 0 && !bytes_eq_str(jitter, "0.000")) {
        text = cli_text(cli, "%s jitter %.*s ms", text, BYTES_FMT(jitter));
    }
    return text[0] == '\0' ? "-" : text + (text[0] == ' ');
}

/* Links as data flows: what `a` has for `b`, and how late what `b` took from `a` arrived. */
static void put_link(
    struct cli *cli, struct grid *g, const struct fleet_region *a, const struct fleet_region *b)
{
    const struct json *out = peer_of(a, b->name);
    const struct json *in = peer_of(b, a->name);
    const struct json *latency = in == NULL ? NULL : json_find(in, "latency");
    const struct json *fault = out == NULL ? NULL : json_find(out, "fault");
    if (out == NULL) {
        return;
    }
    grid_cell(g, "%s -> %s", a->name, b->name);
    grid_cell(g, "%s", link_state(out));
    grid_cell(g, "%llu", (unsigned long long)json_u64(out, "pending"));
    bool measured = latency != NULL && json_u64(latency, "count") > 0;
    static const char *const spans[] = {"last_ms", "p50_ms", "p99_ms"};
    for (size_t i = 0; i < 3; i++) {
        if (measured) {
            grid_cell(g, "%s", text_span(cli, json_u64(latency, spans[i])));
        } else {
            grid_cell(g, "-");
        }
    }
    struct bytes delay = fault == NULL ? BYTES_NONE : json_text(fault, "delay_ms");
    if (delay.len > 4 && bytes_eq_str(bytes_from(delay, delay.len - 4), ".000")) {
        delay.len -= 4;
    }
    grid_cell(g, "%.*s ms", BYTES_FMT(delay));
    grid_cell(g, "%s", text_size(cli, json_u64(out, "sent_bytes")));
    grid_cell(g, "%s", fault == NULL ? "-" : link_faults(cli, fault));
}

static void put_links(struct cli *cli, const struct fleet *fleet, struct buf *b)
{
    static const char *const heads[] = {
        "LINK", "STATE", "PENDING", "LAG LAST", "P50", "P99", "ADDED DELAY", "SENT", "FAULTS"};
    struct grid g;
    grid_init(&g, cli, sizeof heads / sizeof heads[0], heads);
    for (size_t i = 0; i < fleet->n; i++) {
        for (size_t k = 0; k < fleet->n; k++) {
            if (i != k) {
                put_link(cli, &g, &fleet->regions[i], &fleet->regions[k]);
            }
        }
    }
    if (g.n > g.columns) {
        buf_put_str(b, "\n");
        grid_put(&g, b);
    }
}

int run_status(struct cli *cli, const struct args *args)
{
    struct fleet *fleet = ARENA_NEW(&cli->run_arena, struct fleet);
    ASSERT(fleet != NULL);
    int code = fleet_open(cli, args, fleet);
    if (code != CLI_OK) {
        return code;
    }
    struct buf b;
    buf_init(&b, CLI_OUTPUT_BYTES_MAX);
    if (!args_flag(args, "json")) {
        put_regions(cli, fleet, &b);
        put_links(cli, fleet, &b);
        return cli_output(&b);
    }
    buf_put_str(&b, "{\"regions\":[");
    for (size_t i = 0; i < fleet->n; i++) {
        const struct fleet_region *r = &fleet->regions[i];
        json_put_comma(&b);
        buf_put_str(&b, "{");
        json_put_member(&b, "region", bytes_str(r->name));
        json_put_member(&b, "url", bytes_str(r->url));
        json_put_member(&b, "state", bytes_str(region_state(r)));
        if (r->up) {
            json_put_name(&b, "status");
            json_put(&b, &r->status);
        }
        buf_put_str(&b, "}");
    }
    buf_put_str(&b, "]}\n");
    return cli_output(&b);
}

/* ---- region list ---- */

/* The cluster's members as the first region that answers knows them, removed ones included. */
int run_region_list(struct cli *cli, const struct args *args)
{
    struct fleet *fleet = ARENA_NEW(&cli->run_arena, struct fleet);
    ASSERT(fleet != NULL);
    int code = fleet_open(cli, args, fleet);
    if (code != CLI_OK) {
        return code;
    }
    const struct fleet_region *r = fleet_first_up(fleet);
    const struct json *members = json_find(&r->status, "members");
    struct buf b;
    buf_init(&b, CLI_OUTPUT_BYTES_MAX);
    if (args_flag(args, "json")) {
        buf_put_str(&b, "{\"regions\":");
        if (members != NULL) {
            json_put(&b, members);
        } else {
            buf_put_str(&b, "[]");
        }
        buf_put_str(&b, "}\n");
        return cli_output(&b);
    }
    static const char *const heads[] = {"REGION", "ID", "HTTP", "LINK", "MEMBER"};
    struct grid g;
    grid_init(&g, cli, sizeof heads / sizeof heads[0], heads);
    size_t n;
    const struct json *list = json_items(&r->status, "members", &n);
    for (size_t i = 0; i < n; i++) {
        grid_cell(&g, "%.*s", BYTES_FMT(json_text(&list[i], "region")));
        grid_cell(&g, "%.*s", BYTES_FMT(json_text(&list[i], "id")));
        grid_cell(&g, "%.*s", BYTES_FMT(json_text(&list[i], "http")));
        grid_cell(&g, "%.*s", BYTES_FMT(json_text(&list[i], "link")));
        grid_cell(&g, "%s", json_true(&list[i], "removed") ? "removed" : "yes");
    }
    grid_put(&g, &b);
    return cli_output(&b);
}

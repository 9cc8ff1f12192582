/* `godwit verify`: proves that all regions hold the same, or names what differs.
 *
 * Regions change while they are looked at, so a single difference proves nothing. The command looks
 * again and again, until nothing is under way between the regions and all digests are equal, which
 * is the proof, or until the time is up. Two looks in a row that find regions at rest, at equal
 * positions and yet different end it early: waiting will not help.
 *
 * Not promised: that writes made after the look, or by a region that is no member, are part of it.
 */
#include "cli/verify.h"

#include "cli/grid.h"
#include "io/io.h"

enum {
    TIMEOUT_S = 30,
    TIMEOUT_S_MAX = 86400,
    PAUSE_MS = 200,
    KEYS = 20,
    LOOK_ARENA_BYTES_MAX = 1 << 30,
    TABLES_MAX = 10000,
    REST_LOOKS = 2,
};

/* One look at everything. Lives in its arena. */
struct look {
    struct arena arena;
    struct fleet fleet;
    uint64_t pending;
    const char *unrest; /* what is not at rest, or NULL */
    struct verified **tables;
    size_t n;
};

static void note_unrest(struct look *l, const char *why)
{
    l->unrest = l->unrest != NULL ? l->unrest : why;
}

static void count_pending(struct cli *cli, struct look *l)
{
    l->pending = 0;
    for (size_t i = 0; i < l->fleet.n; i++) {
        const struct fleet_region *r = &l->fleet.regions[i];
        if (!r->up) {
            note_unrest(l, cli_text(cli, "%s does not answer: %s", r->name, r->why));
            continue;
        }
        size_t n;
        const struct json *peers = json_items(&r->status, "peers", &n);
        for (size_t k = 0; k < n; k++) {
            uint64_t pending = json_u64(&peers[k], "pending");
            struct bytes name = json_text(&peers[k], "name");
            if (json_true(&peers[k], "member") && pending > 0) {
                l->pending += pending;
                static const char text[] = "%s has %llu records that %.*s has not acknowledged";
                note_unrest(
                    l, cli_text(cli, text, r->name, (unsigned long long)pending, BYTES_FMT(name)));
            }
        }
        uint64_t seeds = json_u64(&r->status, "seeds_open");
        if (seeds > 0) {
            note_unrest(l, cli_text(cli, "%s is still being seeded", r->name));
        }
    }
}

static struct verified *find_table(const struct look *l, struct bytes name)
{
    for (size_t i = 0; i < l->n; i++) {
        if (bytes_eq_str(name, l->tables[i]->table)) {
            return l->tables[i];
        }
    }
    return NULL;
}

static struct verified *add_table(struct cli *cli, struct look *l, struct bytes name)
{
    struct verified *v = find_table(l, name);
    if (v == NULL) {
        ASSERT(l->n < TABLES_MAX);
        v = ARENA_NEW(&l->arena, struct verified);
        ASSERT(v != NULL);
        v->table = cli_text(cli, "%.*s", BYTES_FMT(name));
        l->tables[l->n++] = v;
    }
    return v;
}

/* Adds a region that is said to hold the table. One that nobody knows an address of counts as not
 * answering. */
static void add_replica(
    struct cli *cli, struct look *l, struct verified *v, struct bytes region, struct bytes status)
{
    for (size_t i = 0; i < v->n; i++) {
        if (bytes_eq_str(region, v->replicas[i].region->name)) {
            bool active = bytes_eq_str(status, "ACTIVE");
            v->replicas[i].status = active ? v->replicas[i].status : status;
            return;
        }
    }
    const struct fleet_region *found = NULL;
    for (size_t i = 0; i < l->fleet.n; i++) {
        found = bytes_eq_str(region, l->fleet.regions[i].name) ? &l->fleet.regions[i] : found;
    }
    if (found == NULL) {
        struct fleet_region *unknown = ARENA_NEW(&l->arena, struct fleet_region);
        ASSERT(unknown != NULL);
        *unknown = (struct fleet_region){
            .name = cli_text(cli, "%.*s", BYTES_FMT(region)),
            .why = "it is no member of the cluster"};
        found = unknown;
    }
    if (v->n < CORE_REGIONS_MAX) {
        v->replicas[v->n++] = (struct replica){.region = found, .status = status};
    }
}

/* The tables that several regions hold, as all regions that answer say together. */
static void find_tables(struct cli *cli, struct look *l, const struct args *args)
{
    for (size_t i = 0; i < l->fleet.n; i++) {
        const struct fleet_region *r = &l->fleet.regions[i];
        struct json j;
        const char *why;
        size_t n = 0;
        if (!r->up ||
            admin_ask(
                cli, &l->arena, &l->fleet.cluster, r->url, "GET", "tables", BYTES_NONE, &j, &why) !=
                OK) {
            continue; /* noted as not answering, or about to be */
        }
        const struct json *tables = json_items(&j, "tables", &n);
        for (size_t k = 0; k < n; k++) {
            struct bytes name = json_text(&tables[k], "name");
            size_t n_replicas;
            const struct json *replicas = json_items(&tables[k], "replicas", &n_replicas);
            bool wanted = args->n == 0;
            for (size_t w = 0; w < args->n; w++) {
                wanted = wanted || bytes_eq_str(name, args->at[w]);
            }
            for (size_t m = 0; m < n_replicas && wanted; m++) {
                struct verified *v = add_table(cli, l, name);
                struct bytes region = json_text(&replicas[m], "region");
                add_replica(cli, l, v, region, json_text(&replicas[m], "status"));
            }
        }
    }
}

static void find_catalog(struct cli *cli, struct look *l)
{
    struct verified *v = add_table(cli, l, BYTES_LIT(VERIFY_CATALOG));
    for (size_t i = 0; i < l->fleet.n; i++) {
        add_replica(cli, l, v, bytes_str(l->fleet.regions[i].name), BYTES_NONE);
    }
}

/* Whether everything is proved equal. *ret_hopeless: at rest, at equal positions, and different. */
static bool judge(struct cli *cli, struct look *l, bool *ret_hopeless)
{
    bool equal = true;
    bool differs_at_rest = false;
    for (size_t i = 0; i < l->n; i++) {
        struct verified *v = l->tables[i];
        verify_digests(cli, &l->arena, &l->fleet.cluster, v);
        for (size_t k = 0; k < v->n; k++) {
            if (!v->replicas[k].answered) {
                static const char text[] = "%s does not answer for %s: %s";
                note_unrest(
                    l,
                    cli_text(cli, text, v->replicas[k].region->name, v->table, v->replicas[k].why));
            }
        }
        if (!v->active) {
            note_unrest(l, cli_text(cli, "a replica of %s is still being made", v->table));
        }
        equal = equal && v->equal;
        differs_at_rest = differs_at_rest || (v->answered && v->marks_equal && !v->equal);
    }
    *ret_hopeless = differs_at_rest && l->unrest == NULL;
    return equal && l->unrest == NULL;
}

static bool look(struct cli *cli, const struct args *args, struct look *l, bool *ret_hopeless)
{
    arena_clear(&l->arena);
    l->tables = ARENA_ARRAY(&l->arena, struct verified *, TABLES_MAX);
    ASSERT(l->tables != NULL);
    l->n = 0;
    l->unrest = NULL;
    fleet_ask(cli, &l->arena, &l->fleet);
    count_pending(cli, l);
    find_catalog(cli, l);
    find_tables(cli, l, args);
    return judge(cli, l, ret_hopeless);
}

/* ---- the report ---- */

static void put_table_json(
    struct cli *cli, const struct look *l, const struct verified *v, size_t keys, struct buf *b)
{
    json_put_comma(b);
    buf_put_str(b, "{");
    json_put_member(b, "table", bytes_str(v->table));
    json_put_member_bool(b, "equal", v->equal);
    json_put_name(b, "regions");
    buf_put_str(b, "[");
    for (size_t i = 0; i < v->n; i++) {
        json_put_comma(b);
        buf_put_str(b, "{");
        json_put_member(b, "region", bytes_str(v->replicas[i].region->name));
        json_put_member_bool(b, "answered", v->replicas[i].answered);
        if (v->replicas[i].answered) {
            json_put_member_u64(b, "items", json_u64(&v->replicas[i].digest, "items"));
        }
        buf_put_str(b, "}");
    }
    buf_put_str(b, "],\"differences\":[");
    size_t n =
        v->equal || !v->answered ? 0 : verify_differences(cli, &l->fleet.cluster, v, keys, true, b);
    buf_putf(b, "],\"differing_keys\":%zu}", n);
}

static void put_table(
    struct cli *cli, const struct look *l, const struct verified *v, size_t keys, struct buf *b)
{
    if (!v->answered) {
        buf_putf(b, "%s: not compared\n", v->table);
        return;
    }
    if (v->equal) {
        uint64_t items = json_u64(&v->replicas[0].digest, "items");
        buf_putf(
            b, "%s: equal in %zu regions, %s\n", v->table, v->n, text_count(cli, items, "item"));
        return;
    }
    buf_putf(b, "%s: differs\n", v->table);
    size_t n = verify_differences(cli, &l->fleet.cluster, v, keys, false, b);
    if (n > keys) {
        buf_putf(b, "  and %zu more keys\n", n - keys);
    }
    if (n == 0) {
        buf_put_str(b, "  no key differs by now: the regions were still at work\n");
    }
}

static int report(struct cli *cli, const struct args *args, const struct look *l, bool proved)
{
    bool as_json = args_flag(args, "json");
    size_t keys = (size_t)args_number(args, "keys", KEYS);
    struct buf b;
    buf_init(&b, CLI_OUTPUT_BYTES_MAX);
    if (as_json) {
        buf_put_str(&b, "{");
        json_put_member_bool(&b, "equal", proved);
        json_put_member_u64(&b, "pending", l->pending);
        if (l->unrest != NULL) {
            json_put_member(&b, "unrest", bytes_str(l->unrest));
        }
        json_put_name(&b, "tables");
        buf_put_str(&b, "[");
    }
    for (size_t i = 0; i < l->n; i++) {
        if (as_json) {
            put_table_json(cli, l, l->tables[i], keys, &b);
        } else {
            put_table(cli, l, l->tables[i], keys, &b);
        }
    }
    buf_put_str(&b, as_json ? "]}\n" : "");
    int code = cli_output(&b);
    if (proved || code != CLI_OK) {
        return code;
    }
    return l->unrest != NULL ? cli_fail("not proved: %s", l->unrest)
                             : cli_fail("the regions are not equal");
}

int run_verify(struct cli *cli, const struct args *args)
{
    struct look *l = ARENA_NEW(&cli->run_arena, struct look);
    ASSERT(l != NULL);
    int code = fleet_open(cli, args, &l->fleet);
    if (code != CLI_OK) {
        return code;
    }
    arena_init(&l->arena, LOOK_ARENA_BYTES_MAX);
    uint64_t until = io_now_ns() + args_number(args, "timeout", TIMEOUT_S) * 1000000000;
    bool proved = false;
    for (int hopeless_looks = 0;;) {
        bool hopeless;
        proved = look(cli, args, l, &hopeless);
        hopeless_looks = hopeless ? hopeless_looks + 1 : 0;
        if (proved || hopeless_looks == REST_LOOKS || io_now_ns() > until) {
            break;
        }
        cli_sleep_ms(PAUSE_MS);
    }
    for (size_t i = 0; i < args->n && code == CLI_OK; i++) {
        if (find_table(l, bytes_str(args->at[i])) == NULL) {
            code =
                cli_fail("no region that answers says that \"%s\" is a global table", args->at[i]);
        }
    }
    if (code == CLI_OK) {
        code = report(cli, args, l, proved);
    }
    arena_done(&l->arena);
    return code;
}

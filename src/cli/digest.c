/* Digests and records of one table, region against region. Only buckets whose digests differ are
 * read record by record, one page at a time. */
#include "base/text.h"
#include "cli/verify.h"

enum { RECORDS_ARENA_BYTES_MAX = 1 << 30 };

static bool buckets_equal(const struct json *x, const struct json *y)
{
    size_t n;
    size_t m;
    const struct json *a = json_items(x, "buckets", &n);
    const struct json *b = json_items(y, "buckets", &m);
    bool equal = n == m && n > 0;
    for (size_t i = 0; equal && i < n; i++) {
        equal = bytes_eq(a[i].text, b[i].text);
    }
    return equal;
}

/* The position that a digest's marks give for region `id`, or empty. */
static struct bytes mark_of(const struct json *digest, struct bytes id)
{
    size_t n;
    const struct json *marks = json_items(digest, "marks", &n);
    for (size_t i = 0; i < n; i++) {
        if (bytes_eq(json_text(&marks[i], "id"), id)) {
            return json_text(&marks[i], "pos");
        }
    }
    return BYTES_NONE;
}

/* Whether `y` has seen all logs exactly as far as `x`. */
static bool marks_equal(const struct json *x, const struct json *y)
{
    size_t n;
    const struct json *marks = json_items(x, "marks", &n);
    for (size_t i = 0; i < n; i++) {
        if (!bytes_eq(json_text(&marks[i], "pos"), mark_of(y, json_text(&marks[i], "id")))) {
            return false;
        }
    }
    return true;
}

void verify_digests(struct cli *cli, struct arena *a, const struct cluster *c, struct verified *v)
{
    const char *path = cli_text(cli, "digest?table=%s", query_text(cli, bytes_str(v->table)));
    v->answered = true;
    v->active = true;
    for (size_t i = 0; i < v->n; i++) {
        struct replica *r = &v->replicas[i];
        r->why = r->region->why;
        r->answered =
            r->region->up &&
            admin_ask(cli, a, c, r->region->url, "GET", path, BYTES_NONE, &r->digest, &r->why) ==
                OK;
        v->answered = v->answered && r->answered;
        v->active = v->active && (r->status.len == 0 || bytes_eq_str(r->status, "ACTIVE"));
    }
    v->equal = v->answered;
    v->marks_equal = v->answered;
    for (size_t i = 1; i < v->n && v->answered; i++) {
        const struct json *x = &v->replicas[0].digest;
        const struct json *y = &v->replicas[i].digest;
        v->equal = v->equal && buckets_equal(x, y);
        v->marks_equal = v->marks_equal && marks_equal(x, y) && marks_equal(y, x);
    }
}

/* ---- records ---- */

/* What each replica has under one key: "HLC REGION", base NULL where nothing lives. */
struct versions {
    struct bytes of[CORE_REGIONS_MAX];
};

struct compare {
    struct cli *cli;
    struct arena arena;
    const struct cluster *cluster;
    const struct verified *v;
    struct map keys; /* key as JSON text, to struct versions */
    size_t max;
    size_t n_found;
    bool as_json;
    struct buf *out;
};

static bool take_record(struct compare *c, size_t replica, const struct json *record)
{
    const struct json *key = json_find(record, "key");
    /* Tombstones are no content: one region may have forgotten what another still remembers. */
    if (key == NULL || !json_true(record, "live")) {
        return true;
    }
    struct buf b;
    buf_init(&b, CLI_OUTPUT_BYTES_MAX);
    json_put(&b, key);
    struct versions *known = map_get(&c->keys, buf_bytes(&b));
    if (known == NULL) {
        known = ARENA_NEW(&c->arena, struct versions);
        if (known != NULL) {
            (void)map_put(&c->keys, buf_bytes(&b), known); /* the key is new */
        }
    }
    buf_done(&b);
    if (known == NULL) {
        return false;
    }
    known->of[replica] = bytes_fmt(
        &c->arena,
        "%.*s %.*s",
        BYTES_FMT(json_text(record, "hlc")),
        BYTES_FMT(json_text(record, "region")));
    return known->of[replica].base != NULL;
}

/* All records of one bucket at one replica. false after having said why they cannot be had. */
static bool read_bucket(struct compare *c, size_t replica, size_t bucket)
{
    const struct fleet_region *r = c->v->replicas[replica].region;
    struct bytes table = bytes_str(query_text(c->cli, bytes_str(c->v->table)));
    const char *after = "";
    for (;;) {
        struct arena page;
        struct json j;
        const char *why;
        arena_init(&page, RECORDS_ARENA_BYTES_MAX);
        const char *path = cli_text(
            c->cli,
            "records?table=%.*s&bucket=%zu%s%s",
            BYTES_FMT(table),
            bucket,
            after[0] == '\0' ? "" : "&after=",
            after);
        enum err e =
            admin_ask(c->cli, &page, c->cluster, r->url, "GET", path, BYTES_NONE, &j, &why);
        size_t n = 0;
        const struct json *records = e == OK ? json_items(&j, "records", &n) : NULL;
        bool room = true;
        for (size_t i = 0; i < n && room; i++) {
            room = take_record(c, replica, &records[i]);
        }
        struct bytes next = e == OK ? json_text(&j, "next") : BYTES_NONE;
        after = cli_text(c->cli, "%.*s", BYTES_FMT(next));
        arena_done(&page);
        if (e != OK || !room) {
            cli_note("%s could not be compared: %s", r->name, e != OK ? why : "too many records");
            return false;
        }
        if (after[0] == '\0') {
            return true;
        }
    }
}

static const char *version_text(struct compare *c, struct bytes version)
{
    return version.base == NULL ? "absent" : cli_text(c->cli, "%.*s", BYTES_FMT(version));
}

static void put_difference(struct compare *c, struct bytes key, const struct versions *versions)
{
    const struct verified *v = c->v;
    if (c->as_json) {
        json_put_comma(c->out);
        buf_put_str(c->out, "{\"key\":");
        buf_put_bytes(c->out, key);
        json_put_name(c->out, "versions");
        buf_put_str(c->out, "{");
        for (size_t i = 0; i < v->n; i++) {
            const char *text = version_text(c, versions->of[i]);
            json_put_member(c->out, v->replicas[i].region->name, bytes_str(text));
        }
        buf_put_str(c->out, "}}");
        return;
    }
    buf_putf(c->out, "  %.*s\n", BYTES_FMT(key));
    for (size_t i = 0; i < v->n; i++) {
        buf_putf(
            c->out,
            "    %-20s %s\n",
            v->replicas[i].region->name,
            version_text(c, versions->of[i]));
    }
}

static void compare_bucket(struct compare *c, size_t bucket)
{
    arena_init(&c->arena, RECORDS_ARENA_BYTES_MAX);
    map_init(&c->keys);
    bool whole = true;
    for (size_t i = 0; i < c->v->n && whole; i++) {
        whole = read_bucket(c, i, bucket);
    }
    MAP_FOREACH (&c->keys, entry) {
        const struct versions *versions = entry->value;
        bool same = true;
        for (size_t i = 1; i < c->v->n; i++) {
            bool both = (versions->of[0].base == NULL) == (versions->of[i].base == NULL);
            same = same && both && bytes_eq(versions->of[0], versions->of[i]);
        }
        if (whole && !same && c->n_found++ < c->max) {
            put_difference(c, entry->key, versions);
        }
    }
    map_done(&c->keys);
    arena_done(&c->arena);
}

size_t verify_differences(
    struct cli *cli,
    const struct cluster *cluster,
    const struct verified *v,
    size_t max,
    bool as_json,
    struct buf *out)
{
    struct compare c = {
        .cli = cli, .cluster = cluster, .v = v, .max = max, .as_json = as_json, .out = out};
    size_t n;
    const struct json *first = json_items(&v->replicas[0].digest, "buckets", &n);
    for (size_t bucket = 0; bucket < n; bucket++) {
        bool same = true;
        for (size_t i = 1; i < v->n; i++) {
            size_t m;
            const struct json *other = json_items(&v->replicas[i].digest, "buckets", &m);
            same = same && bucket < m && bytes_eq(first[bucket].text, other[bucket].text);
        }
        if (!same) {
            compare_bucket(&c, bucket);
        }
    }
    return c.n_found;
}

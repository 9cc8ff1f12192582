/* ListMetrics: which series there are. Threads may have the same ones, so names are collected in a
 * map; pages are cut from the sorted whole, and the token is where the next begins. */
#include <stdlib.h>

#include "front/cloudwatch/inside.h"

enum { PAGE = 500 };

static uint64_t page_start(const struct cw_call *c)
{
    struct bytes token = cw_arg(&c->args, "NextToken");
    uint64_t at = 0;
    return bytes_u64(token, &at) == OK ? at : 0;
}

bool cw_list_read(struct cw_call *c)
{
    struct bytes token = cw_arg(&c->args, "NextToken");
    struct bytes active = cw_arg(&c->args, "RecentlyActive");
    uint64_t at;
    if (token.len > 0 && bytes_u64(token, &at) != OK) {
        return cw_fail(
            c,
            "InvalidParameterValue",
            "InvalidParameterValueException",
            "Invalid nextToken '%.*s'",
            BYTES_FMT(token));
    }
    if (active.len > 0 && !bytes_eq_str(active, "PT3H")) {
        return cw_fail(
            c,
            "InvalidParameterValue",
            "InvalidParameterValueException",
            "The parameter RecentlyActive must be a value in the set [ PT3H ].");
    }
    struct cw_listing *l = &c->listing;
    for (unsigned i = 1; cw_arg_any(&c->args, "Dimensions.member.%u", i); i++) {
        struct bytes name = cw_arg(&c->args, "Dimensions.member.%u.Name", i);
        if (name.len == 0 || i > CW_FILTERS_MAX) {
            return cw_fail(
                c,
                "InvalidParameterValue",
                "InvalidParameterValueException",
                i > CW_FILTERS_MAX ? "The parameter Dimensions has too many members (%u)."
                                   : "The parameter Dimensions.member.%u.Name is required.",
                i);
        }
        l->filters[l->n_filters++] =
            (struct cw_filter){name, cw_arg(&c->args, "Dimensions.member.%u.Value", i)};
    }
    l->space = cw_arg(&c->args, "Namespace");
    l->metric = cw_arg(&c->args, "MetricName");
    map_init(&l->seen);
    l->a = c->a;
    return true;
}

static const char *part_dimension(enum cw_part part)
{
    static const char *const names[] = {
        [CW_PART_NONE] = "",
        [CW_PART_OPERATION] = "Operation",
        [CW_PART_INDEX] = "GlobalSecondaryIndexName",
        [CW_PART_RECEIVER] = "ReceivingRegion",
    };
    return names[part];
}

static bool passes(const struct cw_call *c, const struct cw_listed *s)
{
    const struct cw_metric_row *row = cw_metric_row(s->metric);
    const struct cw_listing *l = &c->listing;
    if ((l->space.base != NULL && !bytes_eq_str(l->space, "AWS/DynamoDB")) ||
        (l->metric.base != NULL && !bytes_eq_str(l->metric, row->name))) {
        return false;
    }
    for (unsigned i = 0; i < l->n_filters; i++) {
        struct cw_filter f = l->filters[i];
        bool table = row->of_table && bytes_eq_str(f.name, "TableName");
        bool part = s->part.len > 0 && bytes_eq_str(f.name, part_dimension(row->part));
        struct bytes has = table ? s->table : s->part;
        if ((!table && !part) || (f.value.base != NULL && !bytes_eq(f.value, has))) {
            return false;
        }
    }
    return true;
}

void cw_list_take(void *ctx, const struct cw_listed *s)
{
    struct cw_call *c = ctx;
    if (!passes(c, s)) {
        return;
    }
    struct bytes key = bytes_fmt(
        c->a,
        "%s/%.*s/%.*s",
        cw_metric_row(s->metric)->name,
        BYTES_FMT(s->table),
        BYTES_FMT(s->part));
    struct cw_listed *copy = ARENA_NEW(c->a, struct cw_listed);
    if (key.base == NULL || copy == NULL) {
        c->listing.full = true;
        return;
    }
    if (map_get(&c->listing.seen, key) != NULL) {
        return;
    }
    *copy = (struct cw_listed){s->metric, bytes_dup(c->a, s->table), bytes_dup(c->a, s->part)};
    (void)map_put(&c->listing.seen, key, copy); /* it was not there */
}

struct row {
    struct bytes key;
    const struct cw_listed *listed;
};

static int row_cmp(const void *a, const void *b)
{
    const struct row *ra = a;
    const struct row *rb = b;
    return bytes_cmp(ra->key, rb->key);
}

static void put_dimension(struct cw_out *o, const char *name, struct bytes value)
{
    cw_out_open(o, NULL);
    cw_out_text(o, "Name", bytes_str(name));
    cw_out_text(o, "Value", value);
    cw_out_close(o, NULL);
}

static void put_row(struct cw_out *o, const struct cw_listed *s)
{
    const struct cw_metric_row *row = cw_metric_row(s->metric);
    cw_out_open(o, NULL);
    cw_out_text(o, "Namespace", BYTES_LIT("AWS/DynamoDB"));
    cw_out_text(o, "MetricName", bytes_str(row->name));
    cw_out_list(o, "Dimensions");
    if (row->of_table) {
        put_dimension(o, "TableName", s->table);
    }
    if (s->part.len > 0) {
        put_dimension(o, part_dimension(row->part), s->part);
    }
    cw_out_list_end(o, "Dimensions");
    cw_out_close(o, NULL);
}

void cw_list_put(struct cw_call *c, struct cw_answer *ret)
{
    size_t n = 0;
    struct row *rows = ARENA_ARRAY(c->a, struct row, map_count(&c->listing.seen) + 1);
    MAP_FOREACH (&c->listing.seen, e) {
        if (rows != NULL) {
            rows[n].key = bytes_dup(c->a, e->key);
            rows[n++].listed = e->value;
        }
    }
    map_done(&c->listing.seen);
    if (rows == NULL || c->listing.full) {
        (void)cw_fail(c, "LimitExceeded", "LimitExceededFault", "There are too many metrics.");
        *ret = c->answer;
        return;
    }
    qsort(rows, n, sizeof rows[0], row_cmp);
    uint64_t from = page_start(c);
    from = from > n ? n : from;
    size_t end = n - (size_t)from > PAGE ? (size_t)from + PAGE : n;
    struct cw_out o;
    cw_out_begin(&o, c);
    cw_out_list(&o, "Metrics");
    for (size_t i = (size_t)from; i < end; i++) {
        put_row(&o, rows[i].listed);
    }
    cw_out_list_end(&o, "Metrics");
    if (end < n) {
        cw_out_text(&o, "NextToken", bytes_fmt(c->a, "%zu", end));
    }
    cw_out_end(&o, c, ret);
}

/* One thread's meter: for each table that saw something, its series; for each series, one point a
 * minute in which something happened, in a ring.
 *
 * Invariants:
 * 1. The points of a series ascend by minute, one a minute at most.
 * 2. A ring has room for CW_KEEP_MINUTES points at most and grows to that by doubling, so a table
 *    that is used once costs some hundred bytes and a busy one some kilobytes a series.
 * 3. A table whose series are all older than what is kept is forgotten when others are made.
 *
 * A level series holds changes instead of sums: a point's value is the setting's from its minute to
 * the next point's. */
#include <stdlib.h>

#include "front/cloudwatch/cloudwatch.h"

enum { FIRST_POINTS = 4, MINUTE_MS = 60000, TABLES_SWEPT_FROM = 64 };

struct point {
    uint64_t minute;
    struct cw_stat stat;
};

struct series {
    enum cw_metric metric;
    struct bytes part; /* heap */
    struct point *points;
    uint32_t cap;
    uint32_t first;
    uint32_t n;
    double total;
};

struct cw_table {
    struct bytes name; /* heap */
    struct series *series;
    size_t n;
    size_t cap;
};

struct cw_meter {
    struct map tables;
    struct cw_table *latest; /* the one asked for last */
    uint64_t swept_minute;
};

static struct bytes heap_dup(struct bytes b)
{
    uint8_t *copy = malloc(b.len + 1);
    ASSERT(copy != NULL);
    if (b.len > 0) {
        memcpy(copy, b.base, b.len);
    }
    return bytes_of(copy, b.len);
}

static void heap_free(struct bytes b)
{
    free((void *)(uintptr_t)b.base);
}

static struct point *point_at(const struct series *s, uint32_t i)
{
    ASSERT(i < s->n);
    return &s->points[(s->first + i) % s->cap];
}

/* ---- tables ---- */

struct cw_meter *cw_meter_new(void)
{
    struct cw_meter *m = calloc(1, sizeof *m);
    ASSERT(m != NULL);
    map_init(&m->tables);
    return m;
}

static void table_free(struct cw_table *t)
{
    for (size_t i = 0; i < t->n; i++) {
        heap_free(t->series[i].part);
        free(t->series[i].points);
    }
    free(t->series);
    heap_free(t->name);
    free(t);
}

void cw_meter_free(struct cw_meter *m)
{
    if (m == NULL) {
        return;
    }
    MAP_FOREACH (&m->tables, e) {
        table_free(e->value);
    }
    map_done(&m->tables);
    free(m);
}

static bool table_is_old(const struct cw_table *t, uint64_t minute)
{
    for (size_t i = 0; i < t->n; i++) {
        const struct series *s = &t->series[i];
        const struct point *last = s->n == 0 ? NULL : point_at(s, s->n - 1);
        bool holds = last != NULL && cw_metric_row(s->metric)->level && last->stat.sum >= 0;
        if (holds || (last != NULL && last->minute + CW_KEEP_MINUTES > minute)) {
            return false;
        }
    }
    return true;
}

static void sweep(struct cw_meter *m, uint64_t minute)
{
    if (map_count(&m->tables) < TABLES_SWEPT_FROM || minute == m->swept_minute) {
        return;
    }
    m->swept_minute = minute;
    m->latest = NULL;
    MAP_FOREACH (&m->tables, e) {
        struct cw_table *t = e->value;
        if (table_is_old(t, minute)) {
            (void)map_remove(&m->tables, t->name); /* it is there */
            table_free(t);
        }
    }
}

struct cw_table *cw_meter_table(struct cw_meter *m, struct bytes table, uint64_t now_ms)
{
    if (m->latest != NULL && bytes_eq(m->latest->name, table)) {
        return m->latest;
    }
    struct cw_table *t = map_get(&m->tables, table);
    if (t == NULL) {
        sweep(m, now_ms / MINUTE_MS);
        t = calloc(1, sizeof *t);
        ASSERT(t != NULL);
        t->name = heap_dup(table);
        (void)map_put(&m->tables, t->name, t); /* it was not there */
    }
    m->latest = t;
    return t;
}

/* ---- series ---- */

static struct series *series_find(
    const struct cw_table *t, enum cw_metric metric, struct bytes part)
{
    for (size_t i = 0; i < t->n; i++) {
        if (t->series[i].metric == metric && bytes_eq(t->series[i].part, part)) {
            return &t->series[i];
        }
    }
    return NULL;
}

static struct series *series_of(struct cw_table *t, enum cw_metric metric, struct bytes part)
{
    struct series *s = series_find(t, metric, part);
    if (s != NULL) {
        return s;
    }
    if (t->n == t->cap) {
        t->cap = t->cap == 0 ? 4 : t->cap * 2;
        t->series = realloc(t->series, t->cap * sizeof t->series[0]);
        ASSERT(t->series != NULL);
    }
    s = &t->series[t->n++];
    *s = (struct series){.metric = metric, .part = heap_dup(part)};
    return s;
}

static void grow(struct series *s)
{
    uint32_t cap = s->cap == 0 ? FIRST_POINTS : s->cap * 2;
    cap = cap > CW_KEEP_MINUTES ? CW_KEEP_MINUTES : cap;
    struct point *points = malloc(cap * sizeof points[0]);
    ASSERT(points != NULL);
    for (uint32_t i = 0; i < s->n; i++) {
        points[i] = *point_at(s, i);
    }
    free(s->points);
    s->points = points;
    s->cap = cap;
    s->first = 0;
}

/* The point of this minute, empty when new. */
static struct point *point_now(struct series *s, uint64_t minute)
{
    if (s->n > 0 && point_at(s, s->n - 1)->minute >= minute) {
        return point_at(s, s->n - 1);
    }
    if (s->n == s->cap && s->cap < CW_KEEP_MINUTES) {
        grow(s);
    }
    if (s->n == s->cap) {
        s->first = (s->first + 1) % s->cap;
        s->n--;
    }
    s->n++;
    struct point *p = point_at(s, s->n - 1);
    *p = (struct point){.minute = minute};
    return p;
}

void cw_add(
    struct cw_table *t,
    enum cw_metric metric,
    struct bytes part,
    uint64_t now_ms,
    const struct cw_stat *stat)
{
    ASSERT(!cw_metric_row(metric)->level);
    struct series *s = series_of(t, metric, part);
    cw_stat_add(&point_now(s, now_ms / MINUTE_MS)->stat, stat);
    s->total += stat->sum;
}

void cw_set(
    struct cw_table *t, enum cw_metric metric, struct bytes part, uint64_t now_ms, double value)
{
    ASSERT(cw_metric_row(metric)->level);
    struct series *s = series_of(t, metric, part);
    bool same = s->n > 0 && point_at(s, s->n - 1)->stat.sum == value;
    bool none = s->n == 0 && value < 0;
    if (!same && !none) {
        point_now(s, now_ms / MINUTE_MS)->stat = cw_one(value);
    }
}

void cw_unset(struct cw_table *t, uint64_t now_ms)
{
    for (size_t i = 0; i < t->n; i++) {
        if (cw_metric_row(t->series[i].metric)->level) {
            cw_set(t, t->series[i].metric, t->series[i].part, now_ms, -1);
        }
    }
}

double cw_total(
    const struct cw_meter *m, struct bytes table, enum cw_metric metric, struct bytes part)
{
    const struct cw_table *t = map_get(&m->tables, table);
    const struct series *s = t == NULL ? NULL : series_find(t, metric, part);
    return s == NULL ? 0 : s->total;
}

/* ---- reading ---- */

static void span_add(struct cw_span *span, uint64_t minute, const struct cw_stat *stat)
{
    if (minute < span->minute || minute >= span->minutes_end) {
        return;
    }
    uint64_t i = (minute - span->minute) / span->period;
    if (i < span->n_slots) {
        cw_stat_add(&span->slots[i], stat);
    }
}

static uint64_t oldest_kept(uint64_t now_minute)
{
    return now_minute < CW_KEEP_MINUTES ? 0 : now_minute - CW_KEEP_MINUTES + 1;
}

/* A setting counts once for each minute in which it held. */
static void read_level(const struct series *s, struct cw_span *span, uint64_t now_minute)
{
    uint64_t oldest = oldest_kept(now_minute);
    for (uint32_t i = 0; i < s->n; i++) {
        const struct point *p = point_at(s, i);
        uint64_t end = i + 1 < s->n ? point_at(s, i + 1)->minute : now_minute + 1;
        uint64_t at = p->minute < oldest ? oldest : p->minute;
        for (; at < end && p->stat.sum >= 0; at++) {
            span_add(span, at, &p->stat);
        }
    }
}

void cw_meter_read(const struct cw_meter *m, struct cw_span *span, uint64_t now_ms)
{
    uint64_t now_minute = now_ms / MINUTE_MS;
    const struct cw_table *t = map_get(&m->tables, span->table);
    const struct series *s = t == NULL ? NULL : series_find(t, span->metric, span->part);
    if (s == NULL) {
        return;
    }
    if (cw_metric_row(s->metric)->level) {
        read_level(s, span, now_minute);
        return;
    }
    for (uint32_t i = 0; i < s->n; i++) {
        const struct point *p = point_at(s, i);
        if (p->minute >= oldest_kept(now_minute)) {
            span_add(span, p->minute, &p->stat);
        }
    }
}

void cw_meter_list(
    const struct cw_meter *m,
    uint64_t now_ms,
    void (*take)(void *ctx, const struct cw_listed *s),
    void *ctx)
{
    uint64_t oldest = oldest_kept(now_ms / MINUTE_MS);
    MAP_FOREACH (&m->tables, e) {
        const struct cw_table *t = e->value;
        for (size_t i = 0; i < t->n; i++) {
            const struct series *s = &t->series[i];
            const struct point *last = s->n == 0 ? NULL : point_at(s, s->n - 1);
            bool holds = last != NULL && cw_metric_row(s->metric)->level && last->stat.sum >= 0;
            if (last != NULL && (holds || last->minute >= oldest)) {
                take(ctx, &(struct cw_listed){s->metric, t->name, s->part});
            }
        }
    }
}

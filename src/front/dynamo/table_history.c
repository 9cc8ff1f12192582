/* What DynamoDB tells of a table's past and core has no notion of: when throughput last went up and
 * down and how often today, how warm it once was, and when billing mode and class changed. Kept as
 * times in milliseconds in the table's `extra` map, under "throughput" by index name ("" is the
 * table), so it is as durable as the table. */
#include "front/dynamo/table_admin.h"

static uint64_t number_in(const struct value *map, const char *name)
{
    if (map == NULL || map->type != VALUE_MAP) {
        return 0;
    }
    const struct value *v = value_find(map, bytes_str(name));
    int64_t n = 0;
    if (v == NULL || v->type != VALUE_NUMBER || decimal_to_i64(&v->number, &n) != OK || n < 0) {
        return 0;
    }
    return (uint64_t)n;
}

static struct value number(uint64_t v)
{
    return (struct value){.type = VALUE_NUMBER, .number = decimal_of_i64((int64_t)v)};
}

static const struct value *map_in(const struct value *map, struct bytes name)
{
    if (map == NULL || map->type != VALUE_MAP) {
        return NULL;
    }
    const struct value *v = value_find(map, name);
    return v != NULL && v->type == VALUE_MAP ? v : NULL;
}

uint64_t extra_ms(const struct core_table *t, const char *name)
{
    return number_in(&t->extra, name);
}

enum err extra_set(struct arena *a, struct core_table *t, const char *name, const struct value *v)
{
    struct value empty = {.type = VALUE_MAP};
    const struct value *old = t->extra.type == VALUE_MAP ? &t->extra : &empty;
    struct value next;
    enum err err = value_with(a, old, bytes_str(name), v, &next);
    if (err == OK) {
        t->extra = next;
    }
    return err;
}

enum err extra_set_ms(struct arena *a, struct core_table *t, const char *name, uint64_t ms)
{
    struct value *v = ARENA_NEW(a, struct value);
    if (v == NULL) {
        return ERR_TOO_BIG;
    }
    *v = number(ms);
    return extra_set(a, t, name, v);
}

uint64_t extra_number(
    const struct core_table *t, const char *map, struct bytes index, const char *name)
{
    const struct value *all = map_in(&t->extra, bytes_str(map));
    return number_in(map_in(all, index), name);
}

enum err extra_set_numbers(
    struct arena *a,
    struct core_table *t,
    const char *map,
    struct bytes index,
    uint64_t read,
    uint64_t write)
{
    struct member *m = ARENA_ARRAY(a, struct member, 2);
    struct value *one = ARENA_NEW(a, struct value);
    struct value *all = ARENA_NEW(a, struct value);
    if (m == NULL || one == NULL || all == NULL) {
        return ERR_TOO_BIG;
    }
    m[0] = (struct member){BYTES_LIT("read"), number(read)};
    m[1] = (struct member){BYTES_LIT("write"), number(write)};
    *one = (struct value){.type = VALUE_MAP, .map = {m, 2}};
    struct value none = {.type = VALUE_MAP};
    const struct value *old = map_in(&t->extra, bytes_str(map));
    enum err err = value_with(a, old == NULL ? &none : old, index, one, all);
    return err == OK ? extra_set(a, t, map, all) : err;
}

struct throughput_history history_of(const struct core_table *t, struct bytes index)
{
    const struct value *all = map_in(&t->extra, BYTES_LIT("throughput"));
    const struct value *one = map_in(all, index);
    return (struct throughput_history){
        .increased_ms = number_in(one, "increased"),
        .decreased_ms = number_in(one, "decreased"),
        .decreases = number_in(one, "decreases"),
    };
}

static enum err history_set(
    struct arena *a, struct core_table *t, struct bytes index, const struct throughput_history *h)
{
    struct member *m = ARENA_ARRAY(a, struct member, 3);
    struct value *one = ARENA_NEW(a, struct value);
    struct value *all = ARENA_NEW(a, struct value);
    if (m == NULL || one == NULL || all == NULL) {
        return ERR_TOO_BIG;
    }
    m[0] = (struct member){BYTES_LIT("decreased"), number(h->decreased_ms)};
    m[1] = (struct member){BYTES_LIT("decreases"), number(h->decreases)};
    m[2] = (struct member){BYTES_LIT("increased"), number(h->increased_ms)};
    *one = (struct value){.type = VALUE_MAP, .map = {m, 3}};
    struct value none = {.type = VALUE_MAP};
    const struct value *old = map_in(&t->extra, BYTES_LIT("throughput"));
    enum err err = value_with(a, old == NULL ? &none : old, index, one, all);
    return err == OK ? extra_set(a, t, "throughput", all) : err;
}

/* ---- how often throughput may go down ---- */

enum { DECREASES_FREE = 4 };
#define SECOND_MS UINT64_C(1000)
#define HOUR_MS   (3600 * SECOND_MS)
#define DAY_MS    (24 * HOUR_MS)

/* "Thursday, October 8, 2026 at 11:20:48 PM Coordinated Universal Time" */
static void put_date(struct buf *b, uint64_t ms)
{
    static const char *const weekdays[] = {
        "Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"};
    static const char *const months[] = {
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December"};
    uint64_t days = ms / DAY_MS;
    uint64_t second = ms % DAY_MS / SECOND_MS;
    struct date d = date_of_days((int64_t)days);
    unsigned hour = (unsigned)(second / 3600);
    buf_putf(
        b,
        "%s, %s %u, %lld at %u:%02u:%02u %s Coordinated Universal Time",
        weekdays[days % 7],
        months[d.month - 1],
        d.day,
        (long long)d.year,
        hour % 12 == 0 ? 12 : hour % 12,
        (unsigned)(second / 60 % 60),
        (unsigned)(second % 60),
        hour < 12 ? "AM" : "PM");
}

struct bytes decreases_fault(
    struct arena *a,
    const struct core_table *t,
    struct bytes index,
    struct core_throughput before,
    struct core_throughput after,
    uint64_t now_ms)
{
    struct throughput_history h = history_of(t, index);
    bool down = after.read_units < before.read_units || after.write_units < before.write_units;
    bool today = h.decreased_ms / DAY_MS == now_ms / DAY_MS;
    if (!down || !today || h.decreases < DECREASES_FREE || now_ms >= h.decreased_ms + HOUR_MS) {
        return BYTES_NONE;
    }
    uint64_t tomorrow = (now_ms / DAY_MS + 1) * DAY_MS;
    uint64_t next = h.decreased_ms + HOUR_MS;
    struct buf b;
    buf_init(&b, /* len_max= */ 1024);
    buf_putf(
        &b,
        "Subscriber limit exceeded: Provisioned throughput decreases are limited within a given "
        "UTC day. After the first %d decreases, each subsequent decrease in the same UTC day can "
        "be performed at most once every 3600 seconds. Number of decreases today: %llu. Last "
        "decrease at ",
        DECREASES_FREE,
        (unsigned long long)h.decreases);
    put_date(&b, h.decreased_ms);
    buf_put_str(&b, ". Next decrease can be made at ");
    put_date(&b, next < tomorrow ? next : tomorrow);
    struct bytes msg = bytes_dup(a, buf_bytes(&b));
    buf_done(&b);
    return msg;
}

enum err history_note(
    struct arena *a,
    struct core_table *t,
    struct bytes index,
    struct core_throughput before,
    struct core_throughput after,
    uint64_t now_ms)
{
    bool up = after.read_units > before.read_units || after.write_units > before.write_units;
    bool down = after.read_units < before.read_units || after.write_units < before.write_units;
    if (!up && !down) {
        return OK;
    }
    enum err err = warm_note(a, t, index, before);
    if (err != OK) {
        return err;
    }
    struct throughput_history h = history_of(t, index);
    if (up) {
        h.increased_ms = now_ms;
    }
    if (down) {
        bool today = h.decreased_ms / DAY_MS == now_ms / DAY_MS;
        h.decreases = today ? h.decreases + 1 : 1;
        h.decreased_ms = now_ms;
    }
    return history_set(a, t, index, &h);
}

enum err history_uncount(
    struct arena *a,
    struct core_table *t,
    struct bytes index,
    struct core_throughput before,
    struct core_throughput after)
{
    struct throughput_history h = history_of(t, index);
    bool down = after.read_units < before.read_units || after.write_units < before.write_units;
    if (!down || h.decreases == 0) {
        return OK;
    }
    h.decreases--;
    return history_set(a, t, index, &h);
}

/* Stamps: what an item tells of its own version, as attributes.
 *
 * They are part of the item, so conditions, projections, indexes and feeds see them and they travel
 * with it. What a client puts under their names is replaced. */
#include <stdio.h>

#include "part/impl.h"

/* Seconds since 1970 with six digits: milliseconds, and within one the clock's counter. */
static struct decimal seconds_of(struct hlc h)
{
    unsigned counter = (unsigned)(h.v & 0xffff);
    char text[40];
    (void)snprintf(
        text,
        sizeof text,
        "%llu.%03u%03u",
        (unsigned long long)(hlc_ms(h) / 1000),
        (unsigned)(hlc_ms(h) % 1000),
        counter < 999 ? counter : 999);
    struct decimal d;
    bool underflow;
    enum err e = decimal_parse(bytes_str(text), &d, &underflow);
    ASSERT(e == OK);
    return d;
}

uint64_t part_unstamped_size(const struct part_stamp *stamp, const struct value *item)
{
    if (item == NULL) {
        return 0;
    }
    uint64_t size = item_size(item);
    if (stamp == NULL) {
        return size;
    }
    const struct bytes names[] = {stamp->time, stamp->region, stamp->deleting};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct value *v = value_find(item, names[i]);
        size -= v == NULL ? 0 : names[i].len + value_size(v);
    }
    return size;
}

enum err part_stamp_put(struct part *p, struct staged *c, struct version v)
{
    const struct part_stamp *stamp = c->table->schema->stamp;
    struct arena *a = &p->batch_arena;
    struct value *item = ARENA_NEW(a, struct value);
    ASSERT(item != NULL);
    const struct value time = {.type = VALUE_NUMBER, .number = seconds_of(v.hlc)};
    const struct value region = {.type = VALUE_STRING, .bytes = stamp->region_name};
    const struct value deleting = {.type = VALUE_BOOL, .boolean = false};
    enum err e = value_with(a, c->item, stamp->time, &time, item);
    if (e == OK) {
        e = value_with(a, item, stamp->region, &region, item);
    }
    if (e == OK) {
        e = value_with(a, item, stamp->deleting, &deleting, item);
    }
    if (e == OK) {
        c->item = item;
        c->item_bytes = BYTES_NONE;
        c->size = item_size(item);
    }
    return e;
}

/* Time to live in a history: which tables have it, when items are to go, and what must hold of
 * those that went. Draws from a generator of its own, so that histories without it stay as they
 * were.
 *
 * Checked, on top of what holds of every change
 *  - a region ends only a version that stands there, and only when its time was over by some clock
 *    the region has had
 *  - no region's log shows the end of one version twice
 *  - in the end nothing stands whose time has long been over */
#include "sim/sim.h"

enum {
    OVERDUE_SWEEPS = 6, /* of which five are the patience with another region's items */
    OVERDUE_MS = 1500,
};

void expiry_init(struct sim *s)
{
    s->ttl_prng = prng_seeded(s->config.seed ^ UINT64_C(0x74746c));
    s->expires = s->config.plant == SIM_PLANT_EXPIRY_TIME || prng_chance(&s->ttl_prng, 600);
    s->ttl_sweep_ms = (uint32_t)prng_between(&s->ttl_prng, 20, 1000);
    for (unsigned i = 0; i < s->n_tables; i++) {
        s->tables[i].ttl = s->expires && prng_chance(&s->ttl_prng, 800);
    }
}

bool expiry_draw(struct sim *s, int64_t *ret_seconds)
{
    if (!s->expires || !prng_chance(&s->ttl_prng, 500)) {
        return false;
    }
    int64_t now = (int64_t)((s->wall_base_ms + s->now_us / 1000) / 1000);
    uint64_t draw = prng_between(&s->ttl_prng, 0, 99);
    if (draw < 60) {
        *ret_seconds = now + (int64_t)prng_between(&s->ttl_prng, 0, 6) - 1;
    } else if (draw < 90) {
        *ret_seconds = now + (int64_t)prng_between(&s->ttl_prng, 60, 100000);
    } else {
        *ret_seconds = (int64_t)prng_between(&s->ttl_prng, 0, 100) - 50;
    }
    return true;
}

bool expiry_switches(struct sim *s)
{
    return s->expires && !s->inject && prng_chance(&s->ttl_prng, 100);
}

struct bytes expiry_attr(const struct table_plan *plan)
{
    return plan->ttl ? BYTES_LIT("until") : BYTES_NONE;
}

struct version expiry_version(const struct change_txn *t, const struct change *c)
{
    if ((c->flags & CHANGE_ON_BASE) == 0) {
        return (struct version){t->hlc, t->origin};
    }
    return (struct version){c->base.hlc, {c->base.region.v + 1}};
}

/* ---- each end of a version, as it is read from a log ---- */

void expiry_logged(
    struct node *n, const struct change *c, const struct cell *before, uint64_t pos, bool own)
{
    struct sim *s = n->sim;
    if ((c->flags & CHANGE_ON_BASE) == 0) {
        return;
    }
    bool stood = before != NULL && before->live && version_eq(before->version, c->base);
    int64_t until_ms = before == NULL ? 0 : before->until * 1000;
    if (own && (!stood || until_ms <= 0 || (uint64_t)until_ms > s->wall_max_ms)) {
        sim_fail(
            s,
            "%s ended at %llu what did not stand there or had time left",
            n->name,
            (unsigned long long)pos);
    }
    if (!c->old_live) {
        return;
    }
    s->result.expired++;
    uint8_t k[4096];
    ASSERT(c->key.len + 24 <= sizeof k);
    store_u64_be(k, c->table);
    store_u64_be(k + 8, c->base.hlc.v);
    store_u64_be(k + 16, c->base.region.v);
    memcpy(k + 24, c->key.base, c->key.len);
    if (map_put(&n->ended, bytes_of(k, c->key.len + 24), n) != NULL) {
        sim_fail(
            s,
            "%s shows at %llu the end of a version for the second time",
            n->name,
            (unsigned long long)pos);
    }
}

/* ---- in the end ---- */

static bool is_overdue(struct sim *s, struct node *n, const struct value *item)
{
    const struct value *v = value_find(item, BYTES_LIT("until"));
    int64_t seconds;
    bool timed = v != NULL && v->type == VALUE_NUMBER &&
                 decimal_to_i64(&v->number, &seconds) == OK && seconds > 1000000000;
    uint64_t patience = (uint64_t)s->ttl_sweep_ms * OVERDUE_SWEEPS + OVERDUE_MS;
    return timed && (uint64_t)seconds * 1000 + patience < node_wall_ms(n);
}

static bool table_has_overdue(struct sim *s, struct node *n, const struct core_table *t)
{
    const struct part_reader r = {.engine = n->engine};
    struct part_raw_cursor *c = part_raw_open(&r, t->part.id, 0, UINT32_MAX, BYTES_NONE);
    struct part_raw raw;
    struct arena a;
    bool overdue = false;
    arena_init(&a, SIZE_MAX / 2);
    while (!overdue && part_raw_next(c, &raw) == OK) {
        struct value item;
        arena_clear(&a);
        overdue = raw.live && value_decode(&a, raw.item, &item) == OK && is_overdue(s, n, &item);
    }
    arena_done(&a);
    part_raw_close(c);
    return overdue;
}

bool expiry_settled(struct sim *s, struct node *n)
{
    for (unsigned i = 0; i < s->n_tables; i++) {
        const struct core_table *t =
            catalog_table(core_catalog(n->core), bytes_str(s->tables[i].name));
        if (t == NULL) {
            continue;
        }
        bool on = t->part.ttl.len > 0;
        if (!part_expiry_settled(core_part(n->core), t->part.id) ||
            (on && table_has_overdue(s, n, t))) {
            return false;
        }
    }
    return true;
}

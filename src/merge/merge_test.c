#include "merge/merge.h"

/* clang-format off: cmocka.h needs the other two before it. */
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
/* clang-format on */

enum { REGIONS = 3 };

static const struct merge_sight unknown = {.known = false};

static struct version version_of(uint64_t stamp, uint64_t region)
{
    return (struct version){{stamp}, {region}};
}

/* ---- the table ---- */

/* Every row of the decision table, once with a writer that knew and once with one that did not. */
static void test_table(void **state)
{
    (void)state;
    const struct change_seen saw[] = {{{1}, {10}}};
    const struct merge_sight knew = {true, {2}, saw, 1};
    const struct merge_sight blind = {true, {2}, NULL, 0};
    const struct merge_local none = {0};
    const struct merge_local live = {true, true, version_of(10, 1)};
    const struct merge_local dead = {true, false, version_of(10, 1)};
    const struct hlc floor = {5};
    const struct {
        const struct merge_local *local;
        struct version incoming;
        const struct merge_sight *theirs;
        const struct merge_sight *ours;
        enum merge_verdict verdict;
        bool conflict;
    } rows[] = {
        {&none, version_of(4, 2), &blind, &unknown, MERGE_QUARANTINE, false},
        {&none, version_of(5, 2), &blind, &unknown, MERGE_APPLY, false},
        {&live, version_of(11, 2), &knew, &unknown, MERGE_APPLY, false},
        {&live, version_of(11, 2), &blind, &unknown, MERGE_APPLY, true},
        {&live, version_of(11, 2), &unknown, &unknown, MERGE_APPLY, false},
        {&dead, version_of(11, 2), &blind, &unknown, MERGE_APPLY, true},
        {&live, version_of(10, 1), &blind, &blind, MERGE_SAME, false},
        {&live, version_of(9, 2), &blind, &unknown, MERGE_KEEP, false},
        {&live, version_of(9, 3), &blind, &blind, MERGE_KEEP, true},
        {&dead, version_of(9, 1), &blind, &knew, MERGE_KEEP, false},
        /* Something stands there, so nothing was forgotten: the floor does not matter. */
        {&live, version_of(4, 3), &blind, &blind, MERGE_KEEP, true},
        /* Equal stamps: the region id decides. */
        {&live, version_of(10, 2), &blind, &unknown, MERGE_APPLY, true},
        {&live, version_of(10, 0), &blind, &blind, MERGE_KEEP, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct merge_decision d =
            merge_decide(rows[i].local, rows[i].incoming, rows[i].theirs, rows[i].ours, floor);
        assert_int_equal(d.verdict, rows[i].verdict);
        assert_int_equal(d.conflict, rows[i].conflict);
    }
}

/* A writer knew what lies at or below the stamp it had seen of a region, all of its own, and of a
 * region it had never heard of nothing; one whose sight is lost is not accused. */
static void test_knew(void **state)
{
    (void)state;
    const struct change_seen saw[] = {{{1}, {10}}, {{3}, {7}}};
    const struct merge_sight s = {true, {2}, saw, 2};
    assert_true(merge_knew(&s, version_of(10, 1)));
    assert_false(merge_knew(&s, version_of(11, 1)));
    assert_true(merge_knew(&s, version_of(7, 3)));
    assert_false(merge_knew(&s, version_of(8, 3)));
    assert_false(merge_knew(&s, version_of(1, 4)));
    assert_true(merge_knew(&s, version_of(1000, 2)));
    assert_true(merge_knew(&unknown, version_of(1, 4)));
}

/* ---- any order of arrival, exhaustively ---- */

static void arrive(struct merge_local *at, struct version v, bool live)
{
    struct merge_decision d = merge_decide(at, v, &unknown, &unknown, (struct hlc){0});
    if (d.verdict == MERGE_APPLY) {
        *at = (struct merge_local){true, live, v};
    }
}

struct arrivals {
    struct version v[4];
    bool live[4];
    size_t n;
};

static void check_orders(const struct arrivals *all)
{
    size_t best = 0;
    for (size_t i = 1; i < all->n; i++) {
        best = version_cmp(all->v[i], all->v[best]) > 0 ? i : best;
    }
    /* All sequences of n draws with repetition, kept when each version was drawn or drawn twice:
     * every order, and every order with one repeat and one missing is covered by the shorter sets.
     */
    size_t sequences = 1;
    for (size_t i = 0; i < all->n + 1; i++) {
        sequences *= all->n;
    }
    for (size_t code = 0; code < sequences; code++) {
        struct merge_local at = {0};
        unsigned drawn = 0;
        size_t rest = code;
        for (size_t i = 0; i < all->n + 1; i++, rest /= all->n) {
            size_t pick = rest % all->n;
            drawn |= 1U << pick;
            arrive(&at, all->v[pick], all->live[pick]);
        }
        if (drawn == (1U << all->n) - 1) {
            assert_true(version_eq(at.version, all->v[best]));
            assert_int_equal(at.live, all->live[best]);
        }
    }
}

/* Of three regions and four stamps, each set of up to four distinct versions, items and tombstones
 * mixed, ends at its greatest version in every order of arrival, one repeated anywhere. */
static void test_any_order(void **state)
{
    (void)state;
    enum { STAMPS = 4, VERSIONS = REGIONS * STAMPS };
    size_t n_sets = 0;
    for (unsigned set = 1; set < 1U << VERSIONS; set++) {
        if (__builtin_popcount(set) > 4) {
            continue;
        }
        struct arrivals all = {.n = 0};
        for (unsigned i = 0; i < VERSIONS; i++) {
            if ((set >> i & 1) != 0) {
                all.live[all.n] = (set * 31 + i) % 3 != 0;
                all.v[all.n++] = version_of(1 + i / REGIONS, 1 + i % REGIONS);
            }
        }
        check_orders(&all);
        n_sets++;
    }
    assert_int_equal(n_sets, 12 + 66 + 220 + 495);
}

/* ---- conflicts against a model that keeps explicit causal sets ---- */

enum { WRITES_MAX = 24, HISTORIES = 4000 };

struct write {
    struct version version;
    uint32_t cause; /* model: the writes it knew, itself included, one bit each */
    struct change_seen seen[REGIONS];
    size_t n_seen;
};

struct site {
    struct hlc_clock clock;
    uint32_t known;          /* model: the writes applied here */
    size_t applied[REGIONS]; /* how many of each region's log */
    struct change_seen seen[REGIONS];
    size_t n_seen;
    int standing; /* index of the write that stands here; -1 none */
};

struct world {
    struct prng prng;
    struct write writes[WRITES_MAX];
    int n_writes;
    int logs[REGIONS][WRITES_MAX];
    size_t log_len[REGIONS];
    struct site sites[REGIONS];
    uint64_t now_ms;
    int n_conflicts;
    int n_overtaken;
};

static void note_seen(struct site *s, struct version v)
{
    for (size_t i = 0; i < s->n_seen; i++) {
        if (s->seen[i].region.v == v.region.v) {
            s->seen[i].hlc = v.hlc;
            return;
        }
    }
    s->seen[s->n_seen++] = (struct change_seen){v.region, v.hlc};
}

static void write_here(struct world *w, size_t r)
{
    struct site *s = &w->sites[r];
    struct write *x = &w->writes[w->n_writes];
    *x = (struct write){.version = {hlc_tick(&s->clock, w->now_ms), {r + 1}}, .n_seen = s->n_seen};
    memcpy(x->seen, s->seen, sizeof x->seen);
    s->known |= 1U << w->n_writes;
    x->cause = s->known;
    s->standing = w->n_writes;
    w->logs[r][w->log_len[r]++] = w->n_writes++;
}

static struct merge_sight sight_of(const struct write *x)
{
    return (struct merge_sight){true, x->version.region, x->seen, x->n_seen};
}

/* The next write of `from`'s log arrives at `to`; the flag must be what the causal sets say. */
static void ship(struct world *w, size_t from, size_t to)
{
    struct site *s = &w->sites[to];
    if (from == to || s->applied[from] == w->log_len[from]) {
        return;
    }
    int at = w->logs[from][s->applied[from]++];
    const struct write *in = &w->writes[at];
    struct merge_local local = {0};
    struct merge_sight ours = unknown;
    if (s->standing >= 0) {
        local = (struct merge_local){true, true, w->writes[s->standing].version};
        ours = sight_of(&w->writes[s->standing]);
    }
    struct merge_sight theirs = sight_of(in);
    struct merge_decision d = merge_decide(&local, in->version, &theirs, &ours, (struct hlc){0});
    bool concurrent = false;
    if (s->standing >= 0) {
        const struct write *here = &w->writes[s->standing];
        bool they_knew = (in->cause >> s->standing & 1) != 0;
        bool we_knew = (here->cause >> at & 1) != 0;
        concurrent = !they_knew && !we_knew;
        assert_false(they_knew && we_knew);
        assert_true(!we_knew || d.verdict == MERGE_KEEP);
        assert_true(!they_knew || d.verdict == MERGE_APPLY);
    }
    assert_int_equal(d.conflict, concurrent);
    w->n_conflicts += concurrent;
    w->n_overtaken += d.verdict == MERGE_KEEP && !concurrent;
    assert_int_equal(hlc_observe(&s->clock, in->version.hlc, w->now_ms), OK);
    s->known |= 1U << at;
    note_seen(s, in->version);
    if (d.verdict == MERGE_APPLY) {
        s->standing = at;
    }
}

static void run_history(struct world *w)
{
    for (size_t r = 0; r < REGIONS; r++) {
        hlc_clock_init(&w->sites[r].clock, (struct hlc){0}, /* drift_ms_max= */ 1000000);
        w->sites[r].standing = -1;
    }
    while (w->n_writes < WRITES_MAX) {
        w->now_ms += prng_below(&w->prng, 2);
        if (prng_chance(&w->prng, 300)) {
            write_here(w, prng_below(&w->prng, REGIONS));
        } else {
            ship(w, prng_below(&w->prng, REGIONS), prng_below(&w->prng, REGIONS));
        }
    }
    for (int i = 0; i < WRITES_MAX * REGIONS * REGIONS; i++) {
        ship(w, (size_t)i % REGIONS, (size_t)i / REGIONS % REGIONS);
    }
    for (size_t r = 1; r < REGIONS; r++) {
        assert_int_equal(w->sites[r].standing, w->sites[0].standing);
    }
}

/* In random histories of three regions writing one key, where writes overtake their causes by way
 * of the third region, a conflict is claimed exactly when neither write is in the other's causal
 * past, and all regions end alike. */
static void test_conflicts_exact(void **state)
{
    (void)state;
    int n_conflicts = 0;
    int n_overtaken = 0;
    for (uint64_t seed = 1; seed <= HISTORIES; seed++) {
        struct world w = {.prng = prng_seeded(seed), .now_ms = 1000};
        run_history(&w);
        n_conflicts += w.n_conflicts;
        n_overtaken += w.n_overtaken;
    }
    /* The histories reach what they are for. */
    assert_true(n_conflicts > HISTORIES);
    assert_true(n_overtaken > HISTORIES / 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_knew),
        cmocka_unit_test(test_any_order),
        cmocka_unit_test(test_conflicts_exact),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

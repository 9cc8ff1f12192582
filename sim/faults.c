/* Faults: which, how often and for how long is the seed's choice, each history its own mixture. */
#include "sim/sim.h"

enum fault_kind {
    FAULT_CRASH,
    FAULT_CRASH_ALL,
    FAULT_CUT,
    FAULT_ISOLATE,
    FAULT_CLOG,
    FAULT_RESET,
    FAULT_SKEW,
    FAULT_FREEZE,
    FAULT_DISK,
    FAULT_HIT, /* crash between a commit and everything that follows from it */
    FAULT_KINDS,
};

enum heal_kind { HEAL_RESTART, HEAL_CUT, HEAL_CLOG, HEAL_FREEZE };

static uint64_t heal_code(enum heal_kind kind, unsigned from, unsigned to)
{
    return (uint64_t)kind << 48 | (uint64_t)from << 8 | to;
}

void faults_init(struct sim *s)
{
    for (unsigned i = 0; i < FAULT_KINDS; i++) {
        s->faults_per_mille[i] = sim_chance(s, 600) ? (unsigned)sim_rand(s, 10, 300) : 0;
    }
    s->fault_gap_us = sim_rand(s, 50000, 2000000);
    s->inject = s->config.plant == SIM_PLANT_NONE && sim_chance(s, 100);
    if (s->inject) {
        /* Seeding from a damaged region spreads it, and who lost a delete holds on to the item. */
        s->knobs.log_bytes_max = UINT64_C(1) << 40;
        s->knobs.tombstone_grace_ms = 3600 * 1000;
    }
    for (unsigned i = 0; i < s->n_nodes; i++) {
        struct node *n = &s->nodes[i];
        n->skew_ms = sim_chance(s, 500) ? 0 : (int64_t)sim_rand(s, 0, 400) - 200;
        n->ppm = (int64_t)sim_rand(s, 0, 400) - 200;
    }
    sim_push(s, 500000, EV_FAULT, 0, 0, NULL);
}

static void cut(struct sim *s, unsigned from, unsigned to, uint64_t for_us)
{
    if (from == to || s->cut[from][to]) {
        return;
    }
    s->cut[from][to] = true;
    sim_push(s, s->now_us + for_us, EV_HEAL, from, heal_code(HEAL_CUT, from, to), NULL);
}

static void isolate(struct sim *s, unsigned node)
{
    uint64_t for_us = sim_rand(s, 100000, 8000000);
    for (unsigned i = 0; i < s->n_nodes; i++) {
        cut(s, node, i, for_us);
        cut(s, i, node, for_us);
    }
}

static void skew(struct sim *s, struct node *n)
{
    /* Mostly within what peers bear, sometimes beyond. */
    int64_t most = !sim_chance(s, 150) ? 450 : s->expires ? 5000 : 3000;
    n->skew_ms = (int64_t)sim_rand(s, 0, (uint64_t)most * 2) - most;
    sim_tell(s, "%s clock %+lld ms", n->name, (long long)n->skew_ms);
}

static void make(struct sim *s, enum fault_kind kind)
{
    unsigned a = (unsigned)sim_rand(s, 0, s->n_nodes - 1);
    unsigned b = (unsigned)sim_rand(s, 0, s->n_nodes - 1);
    struct node *n = &s->nodes[a];
    uint64_t for_us = sim_rand(s, 50000, 4000000);
    switch (kind) {
    case FAULT_CRASH:
        node_crash(n, sim_chance(s, 500));
        return;
    case FAULT_CRASH_ALL:
        for (unsigned i = 0; i < s->n_nodes; i++) {
            node_crash(&s->nodes[i], sim_chance(s, 500));
        }
        return;
    case FAULT_CUT:
        sim_tell(s, "cut %s>%s", n->name, s->nodes[b].name);
        cut(s, a, b, for_us);
        return;
    case FAULT_ISOLATE:
        sim_tell(s, "isolate %s", n->name);
        isolate(s, a);
        return;
    case FAULT_CLOG:
        s->clog_us[a][b] = sim_rand(s, 10000, 1500000);
        sim_push(s, s->now_us + for_us, EV_HEAL, a, heal_code(HEAL_CLOG, a, b), NULL);
        return;
    case FAULT_RESET:
        net_reset_some(s);
        return;
    case FAULT_SKEW:
        skew(s, n);
        return;
    case FAULT_FREEZE:
        n->frozen_ms = node_wall_ms(n);
        sim_push(s, s->now_us + for_us, EV_HEAL, a, heal_code(HEAL_FREEZE, a, 0), NULL);
        return;
    case FAULT_DISK:
        engine_mem_fail_write(
            n->engine, (unsigned)sim_rand(s, 1, 5), sim_chance(s, 500), sim_chance(s, 500));
        return;
    case FAULT_HIT:
        n->hit_after_commit = true;
        return;
    case FAULT_KINDS:
        break;
    }
    UNREACHABLE();
}

void faults_make(struct sim *s)
{
    if (s->healed) {
        return;
    }
    unsigned total = 0;
    for (unsigned i = 0; i < FAULT_KINDS; i++) {
        total += s->faults_per_mille[i];
    }
    if (total > 0) {
        uint64_t draw = sim_rand(s, 0, total - 1);
        unsigned kind = 0;
        while (draw >= s->faults_per_mille[kind]) {
            draw -= s->faults_per_mille[kind];
            kind++;
        }
        make(s, (enum fault_kind)kind);
    }
    sim_push(s, s->now_us + sim_rand(s, 1000, s->fault_gap_us * 2), EV_FAULT, 0, 0, NULL);
}

void faults_end(struct sim *s, const struct sim_event *ev)
{
    enum heal_kind kind = (enum heal_kind)(ev->number >> 48);
    unsigned from = (ev->number >> 8) & 0xff;
    unsigned to = ev->number & 0xff;
    switch (kind) {
    case HEAL_RESTART:
        if (s->nodes[ev->node].life == ev->number) {
            node_crash(&s->nodes[ev->node], false);
        }
        return;
    case HEAL_CUT:
        net_heal(s, from, to);
        return;
    case HEAL_CLOG:
        s->clog_us[from][to] = 0;
        return;
    case HEAL_FREEZE:
        s->nodes[from].frozen_ms = 0;
        return;
    }
    UNREACHABLE();
}

void faults_heal_all(struct sim *s)
{
    for (unsigned i = 0; i < s->n_nodes; i++) {
        struct node *n = &s->nodes[i];
        for (unsigned k = 0; k < s->n_nodes; k++) {
            s->clog_us[i][k] = 0;
            net_heal(s, i, k);
        }
        n->skew_ms = 0;
        n->ppm = 0;
        n->frozen_ms = 0;
        n->hit_after_commit = false;
        engine_mem_fail_write(n->engine, 0, false, false);
    }
}

/* godwit-sim: runs histories from seeds and says which broke a promise, and how. */
#include <stdlib.h>
#include <time.h>

#include "sim/sim.h"

struct options {
    struct sim_config config;
    uint64_t runs;
    const char *seeds; /* file of seeds to run, or NULL */
    bool canary;       /* stop at the first seed that fails, and call that good */
    bool quiet;
};

static const struct {
    const char *name;
    enum sim_plant plant;
} plants[] = {
    {"tie-break", SIM_PLANT_TIE_BREAK},
    {"no-peer-position", SIM_PLANT_NO_PEER_POSITION},
    {"ack-before-sync", SIM_PLANT_ACK_BEFORE_SYNC},
    {"lost-frame", SIM_PLANT_LOST_FRAME},
    {"torn-txn", SIM_PLANT_TORN_TXN},
    {"feed-skip", SIM_PLANT_FEED_SKIP},
    {"expiry-time", SIM_PLANT_EXPIRY_TIME},
    {"two-batches", SIM_PLANT_TWO_BATCHES},
    {"forget-token", SIM_PLANT_FORGET_TOKEN},
};

static int usage(void)
{
    (void)fprintf(
        stderr,
        "usage: godwit-sim [--seed N] [--runs K] [--regions 3..5] [--steps N] [--trace] [--quiet]\n"
        "                  [--seeds FILE]\n"
        "                  [--plant "
        "tie-break|no-peer-position|ack-before-sync|lost-frame|torn-txn|\n"
        "                   feed-skip|expiry-time|two-batches|forget-token]\n"
        "Runs K histories from seeds N, N+1, …; exits 1 at the first that breaks a promise. With\n"
        "--plant, runs until the planted bug is found and exits 1 if no history finds it. Without\n"
        "--seed the first seed is drawn from the clock. Otherwise GODWIT_SEED and "
        "GODWIT_SIM_SEEDS,\n"
        "where set, replace N and K.\n");
    return 2;
}

static bool take_number(const char *text, uint64_t *ret)
{
    return text != NULL && bytes_u64(bytes_str(text), ret) == OK;
}

static bool take_plant(const char *name, enum sim_plant *ret)
{
    for (size_t i = 0; name != NULL && i < sizeof plants / sizeof plants[0]; i++) {
        if (strcmp(name, plants[i].name) == 0) {
            *ret = plants[i].plant;
            return true;
        }
    }
    return false;
}

/* A soak wants other seeds, a sanitizer build fewer of them; a planted bug wants as many as it
 * takes. */
static bool parse_environment(struct options *o)
{
    const char *seed = getenv("GODWIT_SEED");
    const char *runs = getenv("GODWIT_SIM_SEEDS");
    if (o->canary || o->seeds != NULL || o->config.seed == UINT64_MAX) {
        return true;
    }
    return (seed == NULL || take_number(seed, &o->config.seed)) &&
           (runs == NULL || take_number(runs, &o->runs));
}

static bool parse(int argc, char **argv, struct options *o)
{
    for (int i = 1; i < argc; i++) {
        const char *next = i + 1 < argc ? argv[i + 1] : NULL;
        uint64_t n = 0;
        bool ok = true;
        if (strcmp(argv[i], "--trace") == 0) {
            o->config.trace = true;
            continue;
        }
        if (strcmp(argv[i], "--quiet") == 0) {
            o->quiet = true;
            continue;
        }
        if (strcmp(argv[i], "--seeds") == 0) {
            o->seeds = next;
            ok = next != NULL;
        } else if (strcmp(argv[i], "--plant") == 0) {
            ok = take_plant(next, &o->config.plant);
            o->canary = true;
        } else if (!take_number(next, &n)) {
            return false;
        } else if (strcmp(argv[i], "--seed") == 0) {
            o->config.seed = n;
        } else if (strcmp(argv[i], "--runs") == 0) {
            o->runs = n;
        } else if (strcmp(argv[i], "--steps") == 0) {
            o->config.steps = n;
        } else if (strcmp(argv[i], "--regions") == 0) {
            o->config.regions = (unsigned)n;
            ok = n >= 2 && n <= SIM_REGIONS_MAX;
        } else {
            ok = false;
        }
        if (!ok) {
            return false;
        }
        i++;
    }
    return parse_environment(o);
}

static void print(const struct sim_config *c, const struct sim_result *r)
{
    (void)printf(
        "seed %llu hash %016llx events %llu virtual_ms %llu acked %llu crashes %llu samples %llu "
        "reads %llu transacted %llu cancelled %llu repeated %llu mismatched %llu "
        "conflicts %llu ties %llu fenced %llu expired %llu repaired %llu told %llu "
        "told_gaps %llu converge_ms %llu\n",
        (unsigned long long)c->seed,
        (unsigned long long)r->hash,
        (unsigned long long)r->events,
        (unsigned long long)r->virtual_ms,
        (unsigned long long)r->acked,
        (unsigned long long)r->crashes,
        (unsigned long long)r->samples,
        (unsigned long long)r->reads,
        (unsigned long long)r->transacted,
        (unsigned long long)r->cancelled,
        (unsigned long long)r->repeated,
        (unsigned long long)r->mismatched,
        (unsigned long long)r->conflicts,
        (unsigned long long)r->ties,
        (unsigned long long)r->fenced,
        (unsigned long long)r->expired,
        (unsigned long long)r->repaired,
        (unsigned long long)r->told,
        (unsigned long long)r->told_gaps,
        (unsigned long long)r->converge_ms);
    (void)fflush(stdout);
}

/* One seed; one in twenty runs twice and must end in the same hash. */
static bool run_seed(const struct options *o, const struct sim_config *c)
{
    struct sim_result r = sim_run(c, o->canary ? stderr : stdout);
    if (!o->quiet) {
        print(c, &r);
    }
    if (r.failed) {
        (void)printf(
            "seed %llu %s: %s\n",
            (unsigned long long)c->seed,
            o->canary ? "finds the planted bug" : "FAILED",
            r.reason);
        return false;
    }
    if (c->seed % 20 == 0) {
        struct sim_result again = sim_run(c, stdout);
        if (again.hash != r.hash) {
            (void)printf(
                "seed %llu FAILED: two runs, two histories: %016llx %016llx\n",
                (unsigned long long)c->seed,
                (unsigned long long)r.hash,
                (unsigned long long)again.hash);
            return false;
        }
    }
    return true;
}

/* Every line that begins with a digit is a seed; the rest says what it once found. */
static int run_file(const struct options *o)
{
    FILE *f = fopen(o->seeds, "r");
    if (f == NULL) {
        (void)fprintf(stderr, "godwit-sim: could not open '%s'\n", o->seeds);
        return 2;
    }
    char line[256];
    bool good = true;
    while (fgets(line, sizeof line, f) != NULL) {
        size_t digits = strspn(line, "0123456789");
        struct sim_config c = o->config;
        if (digits > 0 && bytes_u64(bytes_of(line, digits), &c.seed) == OK) {
            good &= run_seed(o, &c);
        }
    }
    (void)fclose(f);
    return good ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct options o = {.config = {.steps = 1500}, .runs = 1};
    o.config.seed = UINT64_MAX;
    if (!parse(argc, argv, &o)) {
        return usage();
    }
    if (o.seeds != NULL) {
        return run_file(&o);
    }
    if (o.config.seed == UINT64_MAX) {
        o.config.seed = (uint64_t)time(NULL) % 1000000000;
    }
    if (o.canary && o.runs == 1) {
        o.runs = 200;
    }
    uint64_t events = 0;
    for (uint64_t i = 0; i < o.runs; i++) {
        struct sim_config c = o.config;
        c.seed += i;
        if (!run_seed(&o, &c)) {
            return o.canary ? 0 : 1;
        }
        events++;
    }
    (void)printf(
        "%llu histories, %s\n",
        (unsigned long long)events,
        o.canary ? "and none found the planted bug" : "every promise kept");
    return o.canary ? 1 : 0;
}

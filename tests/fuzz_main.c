/* A main() for any libFuzzer-style entry, so that every compiler and every machine can run the
 * fuzzers with fixed seeds. It is no replacement for coverage-guided runs; for those link the same
 * entry with clang -fsanitize=fuzzer instead of this file.
 *
 *   x_fuzz PATH...                       runs each file, and each file in each directory, once
 *   x_fuzz --random SEED COUNT PATH...   then COUNT more, made by mutating those and from nothing
 *
 * GODWIT_SEED and GODWIT_FUZZ_RUNS, where set, replace SEED and COUNT: a soak wants other seeds, a
 * sanitizer build fewer runs.
 *
 * On a crash the last line on standard error names the input: the file, or the seed and the round.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_BYTES_MAX = 64 * 1024, FRESH_BYTES_MAX = 200, MUTATIONS_MAX = 8, FILES_MAX = 10000 };

struct corpus {
    struct arena arena;
    struct bytes inputs[FILES_MAX];
    size_t n;
};

/* Runs one input from a heap block of its exact size, so that the address sanitizer sees any
 * overrun. */
static void run(struct bytes in)
{
    uint8_t *copy = malloc(in.len > 0 ? in.len : 1);
    ASSERT(copy != NULL);
    if (in.len > 0) {
        memcpy(copy, in.base, in.len);
    }
    (void)LLVMFuzzerTestOneInput(copy, in.len);
    free(copy);
}

static bool add_file(struct corpus *c, const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        fprintf(stderr, "could not open \"%s\"\n", path);
        return false;
    }
    uint8_t *data = arena_alloc(&c->arena, INPUT_BYTES_MAX);
    ASSERT(data != NULL);
    size_t n = fread(data, 1, INPUT_BYTES_MAX, f);
    bool read = ferror(f) == 0;
    (void)fclose(f); /* read-only */
    if (!read || c->n == FILES_MAX) {
        fprintf(stderr, "could not take \"%s\"\n", path);
        return false;
    }
    c->inputs[c->n++] = bytes_of(data, n);
    fprintf(stderr, "input %s\n", path);
    run(c->inputs[c->n - 1]);
    return true;
}

static int not_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static bool add_path(struct corpus *c, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        fprintf(stderr, "could not find \"%s\"\n", path);
        return false;
    }
    if (!S_ISDIR(st.st_mode)) {
        return add_file(c, path);
    }
    struct dirent **entries;
    int n = scandir(path, &entries, not_hidden, alphasort);
    bool ok = n >= 0;
    for (int i = 0; i < n; i++) {
        struct bytes name = bytes_fmt(&c->arena, "%s/%s", path, entries[i]->d_name);
        ASSERT(name.base != NULL);
        ok = ok && add_file(c, (const char *)name.base);
        free(entries[i]);
    }
    if (n >= 0) {
        free(entries);
    }
    return ok;
}

/* Bytes that parsers care about come more often than others. */
static uint8_t draw_byte(struct prng *r)
{
    static const char common[] =
        "{}[]\",:\\u0123456789eE+-. \x00\x01\x02\x03\x06\x7f\x80\xff#()<>=";
    return prng_chance(r, 500) ? (uint8_t)common[prng_below(r, sizeof common - 1)]
                               : (uint8_t)prng_below(r, 256);
}

static size_t mutate_once(struct prng *r, const struct corpus *c, uint8_t *data, size_t n)
{
    size_t at = n == 0 ? 0 : prng_below(r, n);
    size_t span = n == 0 ? 0 : prng_between(r, 1, n - at < 16 ? n - at : 16);
    switch (prng_below(r, 6)) {
    case 0: /* change a byte */
        if (n > 0) {
            data[at] = draw_byte(r);
        }
        return n;
    case 1: /* flip a bit */
        if (n > 0) {
            data[at] ^= (uint8_t)(1U << prng_below(r, 8));
        }
        return n;
    case 2: /* insert a byte */
        if (n < INPUT_BYTES_MAX) {
            memmove(data + at + 1, data + at, n - at);
            data[at] = draw_byte(r);
            return n + 1;
        }
        return n;
    case 3: /* remove a span */
        memmove(data + at, data + at + span, n - at - span);
        return n - span;
    case 4: /* repeat a span */
        if (n + span <= INPUT_BYTES_MAX) {
            memmove(data + at + span, data + at, n - at);
            return n + span;
        }
        return n;
    default: /* go on with the tail of another input */
        if (c->n > 0) {
            struct bytes other = c->inputs[prng_below(r, c->n)];
            struct bytes tail = bytes_from(other, prng_below(r, other.len + 1));
            size_t room = INPUT_BYTES_MAX - at;
            size_t take = tail.len < room ? tail.len : room;
            if (take > 0) {
                memcpy(data + at, tail.base, take);
            }
            return at + take;
        }
        return n;
    }
}

static void run_random(struct corpus *c, uint64_t seed, uint64_t count)
{
    struct prng r = prng_seeded(seed);
    uint8_t *data = malloc(INPUT_BYTES_MAX);
    ASSERT(data != NULL);
    for (uint64_t round = 0; round < count; round++) {
        size_t n = 0;
        if (c->n > 0 && prng_chance(&r, 900)) {
            struct bytes from = c->inputs[prng_below(&r, c->n)];
            n = from.len;
            if (n > 0) {
                memcpy(data, from.base, n);
            }
        } else {
            n = prng_below(&r, FRESH_BYTES_MAX);
            for (size_t i = 0; i < n; i++) {
                data[i] = draw_byte(&r);
            }
        }
        for (uint64_t i = prng_between(&r, 1, MUTATIONS_MAX); i > 0; i--) {
            n = mutate_once(&r, c, data, n);
        }
        if (round % 1000 == 0) {
            fprintf(
                stderr,
                "seed %llu, rounds from %llu\n",
                (unsigned long long)seed,
                (unsigned long long)round);
        }
        run(bytes_of(data, n));
    }
    free(data);
}

/* The number in an environment variable, or the argument's. OK, or why neither is one. */
static enum err number(const char *variable, const char *argument, uint64_t *ret)
{
    const char *text = getenv(variable);
    return bytes_u64(bytes_str(text != NULL ? text : argument), ret);
}

int main(int argc, char **argv)
{
    uint64_t seed = 0;
    uint64_t count = 0;
    int first = 1;
    if (argc >= 4 && strcmp(argv[1], "--random") == 0) {
        if (number("GODWIT_SEED", argv[2], &seed) != OK ||
            number("GODWIT_FUZZ_RUNS", argv[3], &count) != OK) {
            fprintf(stderr, "usage: %s [--random SEED COUNT] PATH...\n", argv[0]);
            return 2;
        }
        first = 4;
    }
    struct corpus *c = calloc(1, sizeof *c);
    ASSERT(c != NULL);
    arena_init(&c->arena, SIZE_MAX);
    bool ok = true;
    for (int i = first; i < argc && ok; i++) {
        ok = add_path(c, argv[i]);
    }
    if (ok) {
        run_random(c, seed, count);
        printf(
            "%zu inputs and %llu made from seed %llu ran\n",
            c->n,
            (unsigned long long)count,
            (unsigned long long)seed);
    }
    arena_done(&c->arena);
    free(c);
    return ok ? 0 : 1;
}

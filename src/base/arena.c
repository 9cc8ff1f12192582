/* Bump allocation in a list of blocks, doubling up to 1 MiB. */
#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum { ALIGN = 16, BLOCK_FIRST = 4096, BLOCK_LARGEST = 1 << 20 };

struct arena_block {
    struct arena_block *older;
    size_t size;
    _Alignas(ALIGN) char data[];
};

struct arena_cleanup {
    struct arena_cleanup *older;
    void (*run)(void *arg);
    void *arg;
};

void arena_init(struct arena *a, size_t bytes_max)
{
    *a = (struct arena){.bytes_max = bytes_max, .first_bytes = BLOCK_FIRST};
}

void arena_init_sized(struct arena *a, size_t bytes_max, size_t first_bytes)
{
    *a = (struct arena){.bytes_max = bytes_max, .first_bytes = first_bytes};
}

void arena_init_in(struct arena *a, void *memory, size_t n)
{
    ASSERT((uintptr_t)memory % ALIGN == 0);
    *a = (struct arena){.at = memory, .end = (char *)memory + n, .bytes_max = n, .is_fixed = true};
}

size_t arena_taken(const struct arena *a)
{
    size_t taken = 0;
    for (const struct arena_block *b = a->blocks; b != NULL; b = b->older) {
        taken += b == a->blocks ? (size_t)(a->at - b->data) : b->size + ALIGN;
    }
    return taken;
}

static void run_cleanups(struct arena *a)
{
    /* A cleanup may free memory of other owners but must not allocate here. */
    for (struct arena_cleanup *c = a->cleanups; c != NULL; c = c->older) {
        c->run(c->arg);
    }
    a->cleanups = NULL;
}

void arena_done(struct arena *a)
{
    run_cleanups(a);
    for (struct arena_block *b = a->blocks; b != NULL;) {
        struct arena_block *older = b->older;
        free(b);
        b = older;
    }
    if (!a->is_fixed) {
        *a = (struct arena){.bytes_max = a->bytes_max, .first_bytes = a->first_bytes};
    }
}

void arena_clear(struct arena *a)
{
    run_cleanups(a);
    struct arena_block *keep = a->blocks;
    if (keep == NULL) {
        return;
    }
    for (struct arena_block *b = keep->older; b != NULL;) {
        struct arena_block *older = b->older;
        free(b);
        b = older;
    }
    keep->older = NULL;
    a->at = keep->data;
    a->end = keep->data + keep->size;
    a->bytes_used = 0;
}

static void add_block(struct arena *a, size_t need)
{
    size_t size = a->blocks == NULL ? a->first_bytes : a->blocks->size * 2;
    if (size > BLOCK_LARGEST) {
        size = BLOCK_LARGEST;
    }
    if (size < need) {
        size = need;
    }
    struct arena_block *b = malloc(sizeof *b + size);
    ASSERT(b != NULL);
    b->older = a->blocks;
    b->size = size;
    a->blocks = b;
    a->at = b->data;
    a->end = b->data + size;
}

static void *take(struct arena *a, size_t n, size_t align)
{
    if (n > a->bytes_max - a->bytes_used || n > SIZE_MAX - ALIGN) {
        return NULL;
    }
    size_t skip = (size_t)(-(uintptr_t)a->at & (align - 1));
    size_t left = (size_t)(a->end - a->at);
    if (skip + n > left || (a->blocks == NULL && !a->is_fixed)) {
        if (a->is_fixed) {
            return NULL;
        }
        add_block(a, n);
        skip = 0;
    }
    void *p = a->at + skip;
    a->at += skip + n;
    a->bytes_used += n;
    return p;
}

void *arena_alloc(struct arena *a, size_t n)
{
    return take(a, n, ALIGN);
}

uint8_t *arena_alloc_bytes(struct arena *a, size_t n)
{
    return take(a, n, 1);
}

void *arena_calloc(struct arena *a, size_t count, size_t size)
{
    size_t n;
    if (__builtin_mul_overflow(count, size, &n)) {
        return NULL;
    }
    void *p = arena_alloc(a, n);
    if (p != NULL) {
        memset(p, 0, n);
    }
    return p;
}

bool arena_on_clear(struct arena *a, void (*run)(void *arg), void *arg)
{
    struct arena_cleanup *c = arena_alloc(a, sizeof *c);
    if (c == NULL) {
        return false;
    }
    *c = (struct arena_cleanup){.older = a->cleanups, .run = run, .arg = arg};
    a->cleanups = c;
    return true;
}

/* What the data rows written last are in the engine, so that writing one again need not search
 * there.
 *
 * The writer is the only one that changes rows, and tells the cache of each it wrote once the batch
 * is on disk, and of what it removes past the overlay at once; so what stands here is what the
 * engine would say. A slot holds one row: the last one written of those whose hash leads to it.
 * When the rows outgrow their bound all of them go, which costs less than keeping an order among
 * them. */
#include <stdlib.h>

#include "part/impl.h"

enum {
    SLOTS = 1 << 15,
    ROW_BYTES_MAX = 16 << 10, /* larger ones are not worth a copy */
    BYTES_MAX = 8 << 20,
};

/* A row's key and value, one after the other. */
struct cached_row {
    uint64_t hash;
    size_t cap;
    uint32_t key_len;
    uint32_t value_len;
    bool present;
    uint8_t bytes[];
};

static struct cached_row **slot_of(struct row_cache *c, uint64_t hash)
{
    return &c->slots[hash % SLOTS];
}

static struct bytes key_of(const struct cached_row *r)
{
    return bytes_of(r->bytes, r->key_len);
}

static void drop(struct row_cache *c, struct cached_row **slot)
{
    if (*slot != NULL) {
        c->bytes -= sizeof **slot + (*slot)->cap;
        free(*slot);
        *slot = NULL;
    }
}

void row_cache_clear(struct row_cache *c)
{
    for (size_t i = 0; c->bytes > 0 && i < SLOTS; i++) {
        drop(c, &c->slots[i]);
    }
}

void row_cache_done(struct row_cache *c)
{
    row_cache_clear(c);
    free(c->slots);
    *c = (struct row_cache){0};
}

static struct cached_row *find(struct row_cache *c, struct bytes key, uint64_t hash)
{
    struct cached_row *r = c->slots == NULL ? NULL : *slot_of(c, hash);
    return r != NULL && r->hash == hash && bytes_eq(key_of(r), key) ? r : NULL;
}

bool row_cache_find(
    struct row_cache *c, struct bytes key, uint64_t hash, bool *ret_present, struct bytes *ret)
{
    const struct cached_row *r = find(c, key, hash);
    if (r == NULL) {
        return false;
    }
    *ret_present = r->present;
    *ret = bytes_of(r->bytes + r->key_len, r->value_len);
    return true;
}

void row_cache_forget(struct row_cache *c, struct bytes key, uint64_t hash)
{
    if (find(c, key, hash) != NULL) {
        drop(c, slot_of(c, hash));
    }
}

void row_cache_put(
    struct row_cache *c, struct bytes key, uint64_t hash, bool present, struct bytes value)
{
    size_t need = key.len + value.len;
    if (need > ROW_BYTES_MAX) {
        row_cache_forget(c, key, hash);
        return;
    }
    if (c->bytes > BYTES_MAX) {
        row_cache_clear(c);
    }
    if (c->slots == NULL) {
        c->slots = calloc(SLOTS, sizeof(struct cached_row *));
        ASSERT(c->slots != NULL);
    }
    struct cached_row **slot = slot_of(c, hash);
    if (*slot == NULL || (*slot)->cap < need) {
        drop(c, slot);
        *slot = malloc(sizeof **slot + need);
        ASSERT(*slot != NULL);
        (*slot)->cap = need;
        c->bytes += sizeof **slot + need;
    }
    struct cached_row *r = *slot;
    r->hash = hash;
    r->key_len = (uint32_t)key.len;
    r->value_len = (uint32_t)value.len;
    r->present = present;
    memcpy(r->bytes, key.base, key.len);
    if (value.len > 0) {
        memcpy(r->bytes + key.len, value.base, value.len);
    }
}

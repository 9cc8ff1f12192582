/* Messages between threads, and catalog rows inside them. */
#include <stdlib.h>

#include "server/inside.h"

struct msg *msg_new(enum msg_kind kind)
{
    struct msg *m = calloc(1, sizeof *m);
    ASSERT(m != NULL);
    m->kind = kind;
    m->heap = true;
    return m;
}

void msg_free(struct msg *m)
{
    if (m->heap) {
        free(m->row);
        free(m);
    }
}

void msg_post(struct mailbox *to, struct msg *m)
{
    enum err e = mailbox_post(to, &m->mail);
    ASSERT(e == OK);
}

void msg_post_all(struct mailbox *to, struct mail *first, struct mail *last, size_t n)
{
    enum err e = mailbox_post_all(to, first, last, n);
    ASSERT(e == OK);
}

void msg_row_take(
    const struct msg *m,
    void (*take)(void *ctx, const struct value *key, const struct value *item),
    void *ctx)
{
    struct arena a;
    struct value key;
    struct value item;
    arena_init(&a, 16 << 20);
    bool gone = m->key_len == m->row_len;
    enum err e = value_decode(&a, bytes_of(m->row, m->key_len), &key);
    if (e == OK && !gone) {
        e = value_decode(&a, bytes_of(m->row + m->key_len, m->row_len - m->key_len), &item);
    }
    ASSERT(e == OK);
    take(ctx, &key, gone ? NULL : &item);
    arena_done(&a);
}

enum err catalog_load(
    struct engine *engine,
    void (*take)(void *ctx, const struct value *key, const struct value *item),
    void *ctx)
{
    const struct part_table table = {
        .id = PART_TABLE_CATALOG,
        .name = BYTES_LIT("godwit.catalog"),
        .keys =
            {
                .hash = {BYTES_LIT("kind"), VALUE_STRING},
                .range = {BYTES_LIT("name"), VALUE_STRING},
            },
    };
    struct part_reader reader = {.engine = engine, .snap = engine_snapshot_open(engine)};
    struct part_range range = {.once = true, .hash_lo = 0, .hash_hi = UINT32_MAX};
    struct part_cursor *c = NULL;
    struct arena a;
    arena_init(&a, 64 << 20);
    enum err e = part_cursor_open(&reader, &table, &range, &c);
    while (e == OK) {
        struct value item;
        struct value key;
        size_t size;
        struct buf encoded;
        struct bytes attr;
        e = part_cursor_next(c, &a, &item, &size);
        if (e != OK) {
            break;
        }
        buf_init(&encoded, 1 << 20);
        e = part_key_of(&table.keys, &item, &encoded, &attr);
        if (e == OK) {
            e = part_key_attrs(&a, &table.keys, buf_bytes(&encoded), &key);
        }
        if (e == OK) {
            take(ctx, &key, &item);
        }
        buf_done(&encoded);
        arena_clear(&a);
    }
    part_cursor_close(c);
    engine_snapshot_close(reader.snap);
    arena_done(&a);
    return e == ERR_NOT_FOUND ? OK : e;
}

bool address_split(struct bytes address, char *host, size_t host_size, uint16_t *ret_port)
{
    size_t colon = address.len;
    while (colon > 0 && address.base[colon - 1] != ':') {
        colon--;
    }
    uint64_t port;
    if (colon < 2 || bytes_u64(bytes_from(address, colon), &port) != OK || port > UINT16_MAX) {
        return false;
    }
    struct bytes name = {address.base, colon - 1};
    if (name.len > 2 && name.base[0] == '[' && name.base[name.len - 1] == ']') {
        name = (struct bytes){name.base + 1, name.len - 2};
    }
    if (name.len >= host_size) {
        return false;
    }
    memcpy(host, name.base, name.len);
    host[name.len] = '\0';
    *ret_port = (uint16_t)port;
    return true;
}

/* The key file (docs/formats/keys.md): who may sign requests. Bytes in, object out; whoever holds
 * the file reads and writes it. Keys are few, so they are kept in a list and looked up in a map. */
#include <stdlib.h>

#include "front/dynamo/dynamo_internal.h"

struct keystore {
    struct arena arena;
    struct keystore_key *keys;
    size_t n;
    struct map by_id; /* id to key */
};

static bool is_blank(uint8_t ch)
{
    return ch == ' ' || ch == '\t' || ch == '\r';
}

/* Takes the next word off `line`; empty at the end. */
static struct bytes next_word(struct bytes *line)
{
    size_t from = 0;
    while (from < line->len && is_blank(line->base[from])) {
        from++;
    }
    size_t to = from;
    while (to < line->len && !is_blank(line->base[to])) {
        to++;
    }
    struct bytes word = bytes_of(line->base + from, to - from);
    *line = bytes_from(*line, to);
    return word;
}

static bool id_ok(struct bytes id)
{
    for (size_t i = 0; i < id.len; i++) {
        uint8_t ch = id.base[i];
        bool letter = (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z');
        if (!letter && !(ch >= '0' && ch <= '9')) {
            return false;
        }
    }
    return id.len > 0 && id.len <= 128;
}

static bool line_parse(struct bytes line, struct keystore_key *ret)
{
    ret->id = next_word(&line);
    ret->secret = next_word(&line);
    ret->created = next_word(&line);
    struct bytes status = next_word(&line);
    bool active = bytes_eq_str(status, "active");
    if (!active && !bytes_eq_str(status, "revoked")) {
        return false;
    }
    ret->active = active;
    return id_ok(ret->id) && next_word(&line).len == 0;
}

static bool is_comment(struct bytes line)
{
    struct bytes rest = line;
    struct bytes word = next_word(&rest);
    return word.len == 0 || word.base[0] == '#';
}

/* The next line without its end; `text` moves past it. */
static struct bytes next_line(struct bytes *text)
{
    const uint8_t *end = memchr(text->base, '\n', text->len);
    size_t len = end == NULL ? text->len : (size_t)(end - text->base);
    struct bytes line = bytes_of(text->base, len);
    *text = bytes_from(*text, end == NULL ? len : len + 1);
    return line;
}

static size_t count_lines(struct bytes text)
{
    size_t n = 1;
    for (size_t i = 0; i < text.len; i++) {
        n += text.base[i] == '\n';
    }
    return n;
}

static enum err keystore_fill(struct keystore *ks, struct bytes text, size_t *reterr_line)
{
    size_t line_no = 0;
    while (text.len > 0) {
        struct bytes line = next_line(&text);
        line_no++;
        if (is_comment(line)) {
            continue;
        }
        struct keystore_key *key = &ks->keys[ks->n];
        if (!line_parse(line, key)) {
            *reterr_line = line_no;
            return ERR_SYNTAX;
        }
        if (map_get(&ks->by_id, key->id) != NULL) {
            *reterr_line = line_no;
            return ERR_EXISTS;
        }
        (void)map_put(&ks->by_id, key->id, key); /* the id is new */
        ks->n++;
    }
    return OK;
}

enum err keystore_parse(struct bytes text, struct keystore **ret, size_t *reterr_line)
{
    struct keystore *ks = calloc(1, sizeof *ks);
    ASSERT(ks != NULL);
    arena_init(&ks->arena, SIZE_MAX / 2);
    map_init(&ks->by_id);
    struct bytes own = bytes_dup(&ks->arena, text);
    ks->keys = ARENA_ARRAY(&ks->arena, struct keystore_key, count_lines(text));
    ASSERT(ks->keys != NULL);
    enum err err = keystore_fill(ks, own, reterr_line);
    if (err != OK) {
        keystore_free(ks);
        return err;
    }
    *ret = ks;
    return OK;
}

void keystore_free(struct keystore *ks)
{
    if (ks == NULL) {
        return;
    }
    map_done(&ks->by_id);
    arena_done(&ks->arena);
    free(ks);
}

const struct keystore_key *keystore_find(const struct keystore *ks, struct bytes id)
{
    return map_get(&ks->by_id, id);
}

const struct keystore_key *keystore_keys(const struct keystore *ks, size_t *ret_n)
{
    *ret_n = ks->n;
    return ks->keys;
}

void keystore_put_heading(struct buf *b)
{
    buf_put_str(b, "# godwit access keys: access_key_id secret_access_key created status\n");
}

void keystore_put_key(struct buf *b, const struct keystore_key *key)
{
    buf_putf(
        b,
        "%.*s %.*s %.*s %s\n",
        BYTES_FMT(key->id),
        BYTES_FMT(key->secret),
        BYTES_FMT(key->created),
        key->active ? "active" : "revoked");
}

/* Access keys: how one is made, and a region's first. */
#include <stdio.h>
#include <time.h>

#include "server/inside.h"

enum { KEY_FILE_BYTES_MAX = 16 << 20, ID_RANDOM = 14, SECRET_RANDOM = 40, DATE_BYTES = 32 };
enum { LOCK_TRIES_MAX = 1000 };

/* `prefix` and `n` random characters of `alphabet`, all equally likely: a byte past the last whole
 * round of the alphabet is drawn again. */
static struct bytes random_text(struct arena *a, const char *prefix, const char *alphabet, size_t n)
{
    size_t len = strlen(alphabet);
    size_t before = strlen(prefix);
    uint8_t *text = arena_alloc(a, before + n);
    ASSERT(text != NULL);
    memcpy(text, prefix, before);
    for (size_t i = before; i < before + n;) {
        uint8_t byte;
        io_random(&byte, 1);
        if (byte < 256 - 256 % len) {
            text[i++] = (uint8_t)alphabet[byte % len];
        }
    }
    return bytes_of(text, before + n);
}

void server_key_fresh(struct arena *a, struct keystore_key *ret)
{
    struct io_clock clock = {0};
    time_t seconds = (time_t)(io_clock_now_ms(&clock) / 1000);
    struct tm tm;
    char date[DATE_BYTES];
    (void)gmtime_r(&seconds, &tm); /* fails only past the year 2^31 */
    size_t n = strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%SZ", &tm);
    ASSERT(n > 0);
    /* Letters and digits alone, which survive being pasted anywhere. */
    const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    *ret = (struct keystore_key){
        .id = random_text(a, "GODWIT", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", ID_RANDOM),
        .secret = random_text(a, "", letters, SECRET_RANDOM),
        .created = bytes_dup(a, bytes_of(date, n)),
        .active = true,
    };
}

/* Writes a key file with one fresh key. */
static enum err make(const char *path)
{
    struct arena a;
    struct buf text;
    struct keystore_key key;
    arena_init(&a, 1 << 16);
    buf_init(&text, 1 << 16);
    server_key_fresh(&a, &key);
    keystore_put_heading(&text);
    keystore_put_key(&text, &key);
    enum err e = io_file_write(path, buf_bytes(&text), 0600);
    buf_done(&text);
    arena_done(&a);
    return e;
}

/* Regions that share a key file may start at the same instant; whoever holds the lock makes it. */
static enum err make_locked(const char *path)
{
    char lock_path[4200];
    struct io_lock lock;
    struct buf text;
    (void)snprintf(lock_path, sizeof lock_path, "%s.lock", path);
    enum err e = io_lock_open(lock_path, &lock);
    if (e == ERR_IN_USE) {
        return ERR_AGAIN;
    }
    if (e != OK) {
        return e;
    }
    buf_init(&text, KEY_FILE_BYTES_MAX);
    e = io_file_read(path, &text);
    if (e == ERR_NOT_FOUND) {
        e = make(path);
    }
    buf_done(&text);
    io_lock_close(&lock);
    return e;
}

enum err keys_prepare(struct server *s)
{
    const struct server_config *c = s->config;
    size_t size = sizeof s->key_path;
    int n = c->key_file.len > 0 ? snprintf(s->key_path, size, "%.*s", BYTES_FMT(c->key_file))
                                : snprintf(s->key_path, size, "%.*s/keys", BYTES_FMT(c->data_dir));
    if (n <= 0 || (size_t)n >= size) {
        return ERR_INVALID;
    }
    struct buf text;
    buf_init(&text, KEY_FILE_BYTES_MAX);
    enum err e = io_file_read(s->key_path, &text);
    for (unsigned i = 0; (e == ERR_NOT_FOUND || e == ERR_AGAIN) && i < LOCK_TRIES_MAX; i++) {
        e = make_locked(s->key_path);
    }
    buf_done(&text);
    return e;
}

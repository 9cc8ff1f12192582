/* The log files of a RocksDB directory: walked before RocksDB opens them, and given room ahead. */
#include "engine/wal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    LOGS_MAX = 256,
    PATH_BYTES = 4096,
    NAME_BYTES = 64,
    AHEAD_BYTES = 512 * 1024, /* room is made in such pieces */
    AHEAD_LEAST = 64,         /* for the headers of a small batch's records */
};

struct logs {
    uint64_t number[LOGS_MAX];
    size_t n;
};

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* The numbers in "000123.log", oldest first; none of a directory that does not exist. False when it
 * cannot be read. */
static bool list_logs(const char *dir, struct logs *ret)
{
    ret->n = 0;
    DIR *d = opendir(dir);
    if (d == NULL) {
        return errno == ENOENT;
    }
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        struct bytes name = bytes_str(e->d_name);
        uint64_t number;
        if (name.len <= 4 || !bytes_eq_str(bytes_from(name, name.len - 4), ".log") ||
            bytes_u64(bytes_of(name.base, name.len - 4), &number) != OK) {
            continue;
        }
        if (ret->n == LOGS_MAX) {
            (void)closedir(d);
            return false;
        }
        ret->number[ret->n++] = number;
    }
    (void)closedir(d);
    qsort(ret->number, ret->n, sizeof ret->number[0], by_number);
    return true;
}

static bool log_path(const char *dir, uint64_t number, char ret[PATH_BYTES])
{
    int n = snprintf(ret, PATH_BYTES, "%s/%06llu.log", dir, (unsigned long long)number);
    return n > 0 && n < PATH_BYTES;
}

static enum err walk_log(const char *path, struct wal_walk *w)
{
    wal_walk_log(w);
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        /* RocksDB, when it has the store open, may just have deleted a log it needs no more. */
        return errno == ENOENT ? OK : ERR_IO;
    }
    for (;;) {
        uint8_t block[WAL_BLOCK_BYTES];
        size_t got = fread(block, 1, sizeof block, f);
        wal_walk_block(w, bytes_of(block, got));
        if (got < sizeof block) {
            break;
        }
    }
    enum err e = ferror(f) == 0 ? OK : ERR_IO;
    (void)fclose(f); /* read-only */
    return e;
}

/* Durably: were the cut to come undone, a break would lie before what is written next. */
static enum err cut_log(const char *path, uint64_t length)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) {
        return errno == ENOENT ? OK : ERR_IO;
    }
    struct stat st;
    enum err e = OK;
    if (fstat(fd, &st) != 0) {
        e = ERR_IO;
    } else if ((uint64_t)st.st_size > length) {
        bool cut = ftruncate(fd, (off_t)length) == 0 && fsync(fd) == 0;
        e = cut ? OK : ERR_IO;
    }
    (void)close(fd); /* what matters was synced */
    return e;
}

static enum err walk_dir(const char *dir, uint64_t from, bool cut, struct wal_walk *w)
{
    struct logs logs;
    char path[PATH_BYTES];
    if (!list_logs(dir, &logs)) {
        return ERR_IO;
    }
    for (size_t i = 0; i < logs.n; i++) {
        if (logs.number[i] < from) {
            continue;
        }
        if (!log_path(dir, logs.number[i], path)) {
            return ERR_IO;
        }
        enum err e = walk_log(path, w);
        if (e == OK && cut && w->state == WAL_TORN) {
            e = cut_log(path, w->log_bytes);
        }
        if (cut) { /* the next, which may be in use already, is judged by itself */
            *w = (struct wal_walk){WAL_SOUND};
        }
        if (e != OK) {
            return e;
        }
    }
    return OK;
}

enum err wal_dir_state(const char *dir, uint64_t from, enum wal_state *ret)
{
    struct wal_walk w = {WAL_SOUND};
    enum err e = walk_dir(dir, from, /* cut= */ false, &w);
    if (e == OK) {
        *ret = w.state;
    }
    return e;
}

enum err wal_dir_cut(const char *dir)
{
    struct wal_walk w = {WAL_SOUND};
    return walk_dir(dir, /* from= */ 0, /* cut= */ true, &w);
}

enum err wal_manifest_state(const char *dir, enum wal_state *ret)
{
    struct wal_walk w = {WAL_SOUND};
    char path[PATH_BYTES];
    char name[NAME_BYTES];
    *ret = WAL_SOUND;
    int n = snprintf(path, sizeof path, "%s/CURRENT", dir);
    FILE *f = n > 0 && n < PATH_BYTES ? fopen(path, "rb") : NULL;
    if (f == NULL) {
        return errno == ENOENT ? OK : ERR_IO;
    }
    size_t len = fread(name, 1, sizeof name - 1, f);
    (void)fclose(f); /* read-only */
    name[len] = '\0';
    name[strcspn(name, "\n")] = '\0'; /* whatever else it may be, RocksDB will tell */
    n = snprintf(path, sizeof path, "%s/%s", dir, name);
    enum err e = n > 0 && n < PATH_BYTES ? walk_log(path, &w) : ERR_IO;
    *ret = w.state;
    return e;
}

/* ---- room ahead ---- */

void wal_ahead_init(struct wal_ahead *a, const char *dir)
{
    *a = (struct wal_ahead){.dir = strdup(dir), .fd = -1};
    ASSERT(a->dir != NULL);
}

void wal_ahead_done(struct wal_ahead *a)
{
    if (a->fd >= 0) {
        (void)close(a->fd); /* nothing written through it matters */
    }
    free(a->dir);
    *a = (struct wal_ahead){.fd = -1};
}

/* Turns to the newest log. */
static void ahead_look(struct wal_ahead *a)
{
    struct logs logs;
    char path[PATH_BYTES];
    if (!list_logs(a->dir, &logs) || logs.n == 0) {
        return;
    }
    uint64_t newest = logs.number[logs.n - 1];
    if (newest == a->number || !log_path(a->dir, newest, path)) {
        return;
    }
    if (a->fd >= 0) {
        (void)close(a->fd);
    }
    a->fd = open(path, O_WRONLY | O_CLOEXEC);
    a->number = newest;
    a->left = 0;
}

/* Only ever behind the end of the file, where nobody has written: RocksDB writes at a place of its
 * own, at or before it, and on this thread. Another thread may make it turn to a new log meanwhile;
 * then the old one has room it does not need, which is an end like any other. The room ends with a
 * block, as RocksDB takes less than a header's bytes in the last one for damage. */
static void ahead_write(struct wal_ahead *a)
{
    static const uint8_t zeros[WAL_BLOCK_BYTES];
    struct stat st;
    if (a->fd < 0 || fstat(a->fd, &st) != 0) {
        return;
    }
    off_t end = st.st_size + AHEAD_BYTES;
    for (off_t at = st.st_size; at < end;) {
        size_t n = sizeof zeros - (size_t)at % sizeof zeros;
        if (pwrite(a->fd, zeros, n, at) != (ssize_t)n) {
            return;
        }
        at += (off_t)n;
    }
}

void wal_ahead_need(struct wal_ahead *a, size_t batch_bytes)
{
    uint64_t need = batch_bytes + batch_bytes / 1024 + AHEAD_LEAST;
    if (a->left < need) {
        ahead_look(a);
        ahead_write(a);
        a->left += AHEAD_BYTES; /* also when it failed: not to be tried at every batch */
    }
    a->left -= need < a->left ? need : a->left;
}

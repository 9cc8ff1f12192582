/* The recorder. One mutex is held through each call on a recorded file, so that what is recorded is
 * in the order in which it happened. */
#include "tests/disk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

enum { FDS = 1024, SECTOR_BYTES = 512, PATH_BYTES = 4096, NO_FILE = -1, ALL_NAMES = -2 };

enum call_kind {
    CALL_CREATE,   /* name, file */
    CALL_WRITE,    /* file, at, bytes */
    CALL_TRUNCATE, /* file, at: its length from then on */
    CALL_SYNC,     /* file, or ALL_NAMES of the directory */
    CALL_LOSE,     /* file: its sync was refused */
    CALL_RENAME,   /* name, to */
    CALL_UNLINK,   /* name */
    CALL_PROMISE,
};

struct call {
    enum call_kind kind;
    int file;
    uint64_t at;
    uint8_t *bytes;
    size_t len;
    char name[DISK_NAME_BYTES];
    char to[DISK_NAME_BYTES];
};

/* A name and the file behind it. */
struct entry {
    char name[DISK_NAME_BYTES];
    int file;
};

struct names {
    struct entry *entries;
    size_t n;
    size_t cap;
};

struct disk_history {
    const char *dir;
    struct call *calls;
    size_t n;
    size_t cap;
    size_t first; /* call since the start */
    size_t before_refusal;
    size_t refusals;
    int refusal;
    int files;
    struct names names; /* as they are now */
};

static struct {
    pthread_mutex_t lock;
    struct disk_history *now; /* NULL: nothing is recorded */
    int file_of[FDS];         /* by file descriptor; shifted by one, so that zero is none */
} rec = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- names ---- */

static void *grow(void *p, size_t n, size_t *cap, size_t size)
{
    if (n < *cap) {
        return p;
    }
    *cap = *cap == 0 ? 64 : 2 * *cap;
    p = realloc(p, *cap * size);
    ASSERT(p != NULL);
    return p;
}

static struct entry *names_find(const struct names *ns, const char *name)
{
    for (size_t i = 0; i < ns->n; i++) {
        if (strcmp(ns->entries[i].name, name) == 0) {
            return &ns->entries[i];
        }
    }
    return NULL;
}

static void names_remove(struct names *ns, const char *name)
{
    struct entry *e = names_find(ns, name);
    if (e != NULL) {
        *e = ns->entries[--ns->n];
    }
}

static void names_put(struct names *ns, const char *name, int file)
{
    names_remove(ns, name);
    ns->entries = grow(ns->entries, ns->n, &ns->cap, sizeof *ns->entries);
    struct entry *e = &ns->entries[ns->n++];
    *e = (struct entry){.file = file};
    memcpy(e->name, name, strlen(name) + 1);
}

static void names_apply(struct names *ns, const struct call *c)
{
    const struct entry *e = names_find(ns, c->name);
    if (c->kind == CALL_CREATE) {
        names_put(ns, c->name, c->file);
    } else if (e != NULL && c->kind == CALL_RENAME) {
        int file = e->file;
        names_remove(ns, c->name);
        names_put(ns, c->to, file);
    } else if (c->kind == CALL_UNLINK) {
        names_remove(ns, c->name);
    }
}

/* ---- recording ---- */

/* The name of a file in the recorded directory, or NULL; "" is the directory itself. RocksDB's log
 * of its own doings is nobody's concern. */
static const char *name_in(const char *path)
{
    size_t n = rec.now == NULL ? 0 : strlen(rec.now->dir);
    if (n == 0 || strncmp(path, rec.now->dir, n) != 0 || (path[n] != '/' && path[n] != '\0')) {
        return NULL;
    }
    const char *name = path + n;
    name += strspn(name, "/");
    bool is_info = strncmp(name, "LOG", 3) == 0;
    return !is_info && strchr(name, '/') == NULL && strlen(name) < DISK_NAME_BYTES ? name : NULL;
}

static struct call *add(enum call_kind kind, int file, const char *name)
{
    struct disk_history *h = rec.now;
    h->calls = grow(h->calls, h->n, &h->cap, sizeof *h->calls);
    struct call *c = &h->calls[h->n++];
    *c = (struct call){.kind = kind, .file = file};
    memcpy(c->name, name, strlen(name) + 1);
    return c;
}

static int file_of(int fd)
{
    return rec.now != NULL && fd >= 0 && fd < FDS ? rec.file_of[fd] - 1 : NO_FILE;
}

static void opened(int fd, const char *name, int flags)
{
    ASSERT(fd < FDS);
    if (*name == '\0') {
        rec.file_of[fd] = ALL_NAMES + 1;
        return;
    }
    if ((flags & O_ACCMODE) == O_RDONLY) {
        return;
    }
    const struct entry *e = names_find(&rec.now->names, name);
    int file = e != NULL ? e->file : rec.now->files++;
    if (e == NULL) {
        names_apply(&rec.now->names, add(CALL_CREATE, file, name));
    } else if ((flags & O_TRUNC) != 0) {
        add(CALL_TRUNCATE, file, "");
    }
    rec.file_of[fd] = file + 1;
}

/* Whether a call on a recorded file is to be refused; sets errno then. */
static bool is_refused(void)
{
    struct disk_history *h = rec.now;
    if (h->refusals == 0) {
        return false;
    }
    if (h->before_refusal > 0) {
        h->before_refusal--;
        return false;
    }
    h->refusals--;
    errno = h->refusal;
    return true;
}

/* How many of `n` bytes are written: a disk that gets full takes a first part. 0: refused. */
static size_t taken_of(size_t n)
{
    if (!is_refused()) {
        return n;
    }
    return rec.now->refusal == ENOSPC ? n / 2 : 0;
}

static void wrote(int file, off_t at, const void *p, ssize_t n)
{
    if (n <= 0) {
        return;
    }
    struct call *c = add(CALL_WRITE, file, "");
    c->at = (uint64_t)at;
    c->len = (size_t)n;
    c->bytes = malloc(c->len);
    ASSERT(c->bytes != NULL);
    memcpy(c->bytes, p, c->len);
}

/* The names that offsets of 64 bits have, which our own files ask for, are the same calls here. */
_Static_assert(sizeof(long) == 8, "offsets are of 64 bits");
int __real_open(const char *path, int flags, ...);
int __real_close(int fd);
ssize_t __real_write(int fd, const void *p, size_t n);
ssize_t __real_pwrite(int fd, const void *p, size_t n, off_t at);
int __real_ftruncate(int fd, off_t n);
int __real_rename(const char *from, const char *to);
int __real_unlink(const char *path);

int __wrap_open(const char *path, int flags, mode_t mode);
int __wrap_open(const char *path, int flags, mode_t mode)
{
    pthread_mutex_lock(&rec.lock);
    const char *name = name_in(path);
    bool refused = name != NULL && (flags & O_CREAT) != 0 && is_refused();
    int fd = refused ? -1 : __real_open(path, flags, mode);
    int err = errno;
    if (fd >= 0 && name != NULL) {
        opened(fd, name, flags);
    }
    pthread_mutex_unlock(&rec.lock);
    errno = err;
    return fd;
}

int __wrap_open64(const char *path, int flags, mode_t mode);
int __wrap_open64(const char *path, int flags, mode_t mode)
{
    return __wrap_open(path, flags, mode);
}

int __wrap_close(int fd);
int __wrap_close(int fd)
{
    pthread_mutex_lock(&rec.lock);
    if (fd >= 0 && fd < FDS) {
        rec.file_of[fd] = 0;
    }
    int ret = __real_close(fd);
    pthread_mutex_unlock(&rec.lock);
    return ret;
}

ssize_t __wrap_write(int fd, const void *p, size_t n);
ssize_t __wrap_write(int fd, const void *p, size_t n)
{
    pthread_mutex_lock(&rec.lock);
    int file = file_of(fd);
    off_t at = file >= 0 ? lseek(fd, 0, SEEK_CUR) : 0;
    size_t taken = file >= 0 && n > 0 ? taken_of(n) : n;
    ssize_t ret = taken == 0 && n > 0 ? -1 : __real_write(fd, p, taken);
    if (file >= 0) {
        wrote(file, at, p, ret);
    }
    pthread_mutex_unlock(&rec.lock);
    return ret;
}

ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite(int fd, const void *p, size_t n, off_t at)
{
    pthread_mutex_lock(&rec.lock);
    size_t taken = file_of(fd) >= 0 && n > 0 ? taken_of(n) : n;
    ssize_t ret = taken == 0 && n > 0 ? -1 : __real_pwrite(fd, p, taken, at);
    if (file_of(fd) >= 0) {
        wrote(file_of(fd), at, p, ret);
    }
    pthread_mutex_unlock(&rec.lock);
    return ret;
}

ssize_t __wrap_pwrite64(int fd, const void *p, size_t n, off_t at);
ssize_t __wrap_pwrite64(int fd, const void *p, size_t n, off_t at)
{
    return __wrap_pwrite(fd, p, n, at);
}

int __wrap_ftruncate(int fd, off_t n);
int __wrap_ftruncate(int fd, off_t n)
{
    pthread_mutex_lock(&rec.lock);
    int ret = file_of(fd) >= 0 && is_refused() ? -1 : __real_ftruncate(fd, n);
    if (ret == 0 && file_of(fd) >= 0) {
        add(CALL_TRUNCATE, file_of(fd), "")->at = (uint64_t)n;
    }
    pthread_mutex_unlock(&rec.lock);
    return ret;
}

int __wrap_ftruncate64(int fd, off_t n);
int __wrap_ftruncate64(int fd, off_t n)
{
    return __wrap_ftruncate(fd, n);
}

/* No power is cut in truth, so nothing need be waited for. */
static int sync_one(int fd)
{
    pthread_mutex_lock(&rec.lock);
    int ret = 0;
    if (file_of(fd) != NO_FILE) {
        ret = is_refused() ? -1 : 0;
        if (ret == 0) {
            add(CALL_SYNC, file_of(fd), "");
        } else if (file_of(fd) >= 0) {
            add(CALL_LOSE, file_of(fd), "");
        }
    }
    pthread_mutex_unlock(&rec.lock);
    return ret;
}

int __wrap_fsync(int fd);
int __wrap_fsync(int fd)
{
    return sync_one(fd);
}

int __wrap_fdatasync(int fd);
int __wrap_fdatasync(int fd)
{
    return sync_one(fd);
}

int __wrap_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to)
{
    pthread_mutex_lock(&rec.lock);
    const char *name = name_in(from);
    int ret = name != NULL && is_refused() ? -1 : __real_rename(from, to);
    if (ret == 0 && name != NULL && name_in(to) != NULL) {
        struct call *c = add(CALL_RENAME, NO_FILE, name);
        memcpy(c->to, name_in(to), strlen(name_in(to)) + 1);
        names_apply(&rec.now->names, c);
    }
    pthread_mutex_unlock(&rec.lock);
    return ret;
}

int __wrap_unlink(const char *path);
int __wrap_unlink(const char *path)
{
    pthread_mutex_lock(&rec.lock);
    const char *name = name_in(path);
    int ret = name != NULL && is_refused() ? -1 : __real_unlink(path);
    if (ret == 0 && name != NULL) {
        names_apply(&rec.now->names, add(CALL_UNLINK, NO_FILE, name));
    }
    pthread_mutex_unlock(&rec.lock);
    return ret;
}

/* A file that was there, all of it safe. */
static void take_file(const char *dir, const char *name)
{
    char path[PATH_BYTES];
    uint8_t piece[PATH_BYTES];
    int file = rec.now->files++;
    names_apply(&rec.now->names, add(CALL_CREATE, file, name));
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "rb");
    ASSERT(f != NULL);
    off_t at = 0;
    for (size_t n; (n = fread(piece, 1, sizeof piece, f)) > 0; at += (off_t)n) {
        wrote(file, at, piece, (ssize_t)n);
    }
    (void)fclose(f); /* read-only */
    add(CALL_SYNC, file, "");
}

void disk_record_start(const char *dir)
{
    pthread_mutex_lock(&rec.lock);
    ASSERT(rec.now == NULL);
    rec.now = calloc(1, sizeof *rec.now);
    ASSERT(rec.now != NULL);
    rec.now->dir = dir;
    memset(rec.file_of, 0, sizeof rec.file_of);
    DIR *d = opendir(dir);
    ASSERT(d != NULL);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (e->d_type == DT_REG) {
            take_file(dir, e->d_name);
        }
    }
    (void)closedir(d);
    add(CALL_SYNC, ALL_NAMES, "");
    rec.now->first = rec.now->n;
    pthread_mutex_unlock(&rec.lock);
}

void disk_record_promise(void)
{
    pthread_mutex_lock(&rec.lock);
    add(CALL_PROMISE, NO_FILE, "");
    pthread_mutex_unlock(&rec.lock);
}

void disk_refuse(size_t before, size_t times, int err)
{
    pthread_mutex_lock(&rec.lock);
    rec.now->before_refusal = before;
    rec.now->refusals = times;
    rec.now->refusal = err;
    pthread_mutex_unlock(&rec.lock);
}

struct disk_history *disk_record_stop(void)
{
    pthread_mutex_lock(&rec.lock);
    struct disk_history *h = rec.now;
    rec.now = NULL;
    pthread_mutex_unlock(&rec.lock);
    return h;
}

void disk_history_free(struct disk_history *h)
{
    for (size_t i = 0; i < h->n; i++) {
        free(h->calls[i].bytes);
    }
    free(h->calls);
    free(h->names.entries);
    free(h);
}

size_t disk_calls(const struct disk_history *h)
{
    return h->n;
}

size_t disk_first(const struct disk_history *h)
{
    return h->first;
}

size_t disk_next_sync(const struct disk_history *h, size_t at)
{
    while (at < h->n && h->calls[at].kind != CALL_SYNC) {
        at++;
    }
    return at;
}

void disk_make(const char *dir)
{
    int made = mkdir(dir, 0700);
    ASSERT(made == 0);
}

void disk_remove(const char *dir)
{
    DIR *d = opendir(dir);
    if (d == NULL) {
        return;
    }
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        char path[PATH_BYTES];
        (void)snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        (void)unlink(path); /* not the two dots */
    }
    (void)closedir(d);
    (void)rmdir(dir); /* what is left in it shows when it is made anew */
}

/* ---- a power cut ---- */

/* The bytes of a file. */
struct content {
    uint8_t *base;
    size_t len;
    size_t cap;
    bool cut; /* an append was lost, and so are those behind it */
};

struct disk {
    struct content *files;
    struct names names;
    bool names_cut; /* a change of names was lost, and so are those behind it */
    size_t promises;
};

static void set_length(struct content *f, size_t len)
{
    if (len > f->cap) {
        f->cap = 2 * len;
        f->base = realloc(f->base, f->cap);
        ASSERT(f->base != NULL);
    }
    if (len > f->len) {
        memset(f->base + f->len, 0, len - f->len);
    }
    f->len = len;
}

static void put_bytes(struct content *f, uint64_t at, const uint8_t *p, size_t n)
{
    if (n == 0) {
        return; /* there may be no bytes to point at */
    }
    if (at + n > f->len) {
        set_length(f, at + n);
    }
    memcpy(f->base + at, p, n);
}

/* Its first bytes, or, of what it writes over, half of the sectors. */
static void put_some(struct content *f, const struct call *c, bool torn, struct prng *rng)
{
    size_t over = c->at < f->len ? f->len - c->at : 0;
    over = over < c->len ? over : c->len;
    size_t end = over == c->len && !torn ? c->len : prng_below(rng, c->len + 1);
    for (size_t i = 0; i < over && i < end;) {
        size_t n = SECTOR_BYTES - (c->at + i) % SECTOR_BYTES;
        n = n < over - i ? n : over - i;
        if (torn || prng_chance(rng, 500)) {
            put_bytes(f, c->at + i, c->bytes + i, n);
        }
        i += n;
    }
    if (c->len > over && !f->cut) {
        end = end < over ? over : end;
        put_bytes(f, c->at + over, c->bytes + over, end - over);
        f->cut = end < c->len;
    }
}

static void apply(struct disk *d, const struct call *c)
{
    if (c->kind == CALL_WRITE) {
        put_bytes(&d->files[c->file], c->at, c->bytes, c->len);
    } else if (c->kind == CALL_TRUNCATE) {
        struct content *f = &d->files[c->file];
        set_length(f, f->cut && c->at > f->len ? f->len : c->at);
    } else {
        names_apply(&d->names, c);
    }
}

static bool is_of_dir(const struct call *c)
{
    return c->kind == CALL_CREATE || c->kind == CALL_RENAME || c->kind == CALL_UNLINK;
}

static bool is_change(const struct call *c)
{
    return is_of_dir(c) || c->kind == CALL_WRITE || c->kind == CALL_TRUNCATE;
}

/* For each call before `at`, where it was synced: at a later call, or, as `at` tells, not yet. */
static size_t *sync_places(const struct disk_history *h, size_t at)
{
    size_t *places = calloc(at + 1, sizeof *places);
    size_t *next = calloc((size_t)h->files + 1, sizeof *next); /* by file; the directory's last */
    ASSERT(places != NULL);
    ASSERT(next != NULL);
    for (int i = 0; i <= h->files; i++) {
        next[i] = at;
    }
    for (size_t i = at; i-- > 0;) {
        const struct call *c = &h->calls[i];
        if (c->kind == CALL_SYNC || c->kind == CALL_LOSE) {
            next[c->file == ALL_NAMES ? h->files : c->file] = c->kind == CALL_SYNC ? i : at;
        } else if (is_change(c)) {
            places[i] = next[is_of_dir(c) ? h->files : c->file];
        }
    }
    free(next);
    return places;
}

static void write_files(const struct disk *d, const char *to)
{
    disk_make(to);
    for (size_t i = 0; i < d->names.n; i++) {
        char path[PATH_BYTES];
        const struct content *f = &d->files[d->names.entries[i].file];
        int n = snprintf(path, sizeof path, "%s/%s", to, d->names.entries[i].name);
        ASSERT(n > 0);
        ASSERT(n < (int)sizeof path);
        FILE *out = fopen(path, "wb");
        ASSERT(out != NULL);
        if (f->len > 0) {
            size_t written = fwrite(f->base, 1, f->len, out);
            ASSERT(written == f->len);
        }
        ASSERT(fclose(out) == 0);
    }
}

/* What was synced is all there, in its order; what was not, as luck has it, at its place between.
 */
size_t disk_power_cut(
    const struct disk_history *h, size_t at, enum disk_luck luck, struct prng *rng, const char *to)
{
    ASSERT(at >= h->first);
    ASSERT(at <= h->n);
    ASSERT(luck < DISK_LUCKS);
    struct disk d = {.files = calloc((size_t)h->files + 1, sizeof *d.files)};
    ASSERT(d.files != NULL);
    size_t *synced = sync_places(h, at);
    size_t pending = 0;
    for (size_t i = 0; i < at; i++) {
        pending += is_change(&h->calls[i]) && synced[i] == at;
    }
    /* Of the calls that were not synced so many made it, the last of them half way. */
    size_t torn = prng_below(rng, pending + 1);
    for (size_t i = 0; i < at; i++) {
        const struct call *c = &h->calls[i];
        d.promises += c->kind == CALL_PROMISE;
        if (!is_change(c)) {
            continue;
        }
        bool safe = synced[i] < at || luck == DISK_KEEPS_ALL;
        if (safe || (luck == DISK_TEARS && torn > 1)) {
            apply(&d, c);
        } else if (c->kind == CALL_WRITE && (luck == DISK_SCATTERS || torn == 1)) {
            put_some(&d.files[c->file], c, luck == DISK_TEARS, rng);
        } else if (luck == DISK_SCATTERS && is_of_dir(c)) {
            d.names_cut = d.names_cut || prng_chance(rng, 500);
            if (!d.names_cut) {
                apply(&d, c);
            }
        } else if (luck == DISK_SCATTERS && prng_chance(rng, 500)) {
            apply(&d, c);
        }
        torn -= !safe && torn > 0;
    }
    write_files(&d, to);
    for (int i = 0; i < h->files; i++) {
        free(d.files[i].base);
    }
    free(d.files);
    free(d.names.entries);
    free(synced);
    return d.promises;
}

/* ---- a bit that flips ---- */

/* RocksDB's notes on itself, its lock and what we keep out of the recording hold nothing. The
 * manifest's last record is no more to be judged by than the log's, and what is lost with it may be
 * anything: left to a test of its own. */
static bool holds_data(const struct dirent *e)
{
    bool notes = strncmp(e->d_name, "OPTIONS", 7) == 0 || strcmp(e->d_name, "IDENTITY") == 0;
    bool lock = strncmp(e->d_name, "LO", 2) == 0;
    bool manifest = strncmp(e->d_name, "MANIFEST", 8) == 0;
    return e->d_type == DT_REG && !notes && !lock && !manifest &&
           strlen(e->d_name) < DISK_NAME_BYTES;
}

static void pick_file(const char *dir, struct prng *rng, char ret[DISK_NAME_BYTES])
{
    uint64_t seen = 0;
    DIR *d = opendir(dir);
    ASSERT(d != NULL);
    for (struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (holds_data(e) && prng_below(rng, ++seen) == 0) {
            memcpy(ret, e->d_name, strlen(e->d_name) + 1);
        }
    }
    (void)closedir(d);
    ASSERT(seen > 0);
}

void disk_flip(const char *dir, struct prng *rng, char ret[DISK_NAME_BYTES])
{
    char path[PATH_BYTES];
    struct stat st = {.st_size = 0};
    while (st.st_size == 0) {
        pick_file(dir, rng, ret);
        (void)snprintf(path, sizeof path, "%s/%s", dir, ret);
        int told = stat(path, &st);
        ASSERT(told == 0);
    }
    FILE *f = fopen(path, "r+b");
    ASSERT(f != NULL);
    long at = (long)prng_below(rng, (uint64_t)st.st_size);
    (void)fseek(f, at, SEEK_SET);
    int byte = fgetc(f);
    (void)fseek(f, at, SEEK_SET);
    (void)fputc(byte ^ 1 << prng_below(rng, 8), f);
    int closed = fclose(f);
    ASSERT(closed == 0);
}

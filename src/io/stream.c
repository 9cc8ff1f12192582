/* Files read and written piece by piece, and walks over folders.
 *
 * A file that is being written has another name until io_stream_commit(); a crash leaves the old
 * file, or none. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/io.h"

enum { WALK_DEPTH_MAX = 64 };

struct io_stream {
    int fd;
    bool writing;
    char path[PATH_MAX];
    char tmp[PATH_MAX];
};

static enum err stream_new(const char *path, bool writing, struct io_stream **ret)
{
    struct io_stream *s = calloc(1, sizeof *s);
    ASSERT(s != NULL);
    int n = snprintf(s->path, sizeof s->path, "%s", path);
    int m = snprintf(s->tmp, sizeof s->tmp, "%s.tmp", path);
    if (n < 0 || m < 0 || (size_t)m >= sizeof s->tmp) {
        free(s);
        return ERR_INVALID;
    }
    s->writing = writing;
    s->fd = writing ? open(s->tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)
                    : open(s->path, O_RDONLY | O_CLOEXEC);
    if (s->fd < 0) {
        enum err e = errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO;
        free(s);
        return e;
    }
    *ret = s;
    return OK;
}

enum err io_stream_create(const char *path, struct io_stream **ret)
{
    return stream_new(path, /* writing= */ true, ret);
}

enum err io_stream_open(const char *path, struct io_stream **ret)
{
    return stream_new(path, /* writing= */ false, ret);
}

enum err io_stream_write(struct io_stream *s, struct bytes content)
{
    ASSERT(s->writing);
    while (content.len > 0) {
        ssize_t n = write(s->fd, content.base, content.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return ERR_IO;
        }
        content = bytes_from(content, (size_t)n);
    }
    return OK;
}

enum err io_stream_read(struct io_stream *s, size_t n_max, struct buf *ret)
{
    ASSERT(!s->writing);
    uint8_t *to = buf_reserve(ret, n_max);
    if (to == NULL) {
        return ERR_TOO_BIG;
    }
    ssize_t n = read(s->fd, to, n_max);
    while (n < 0 && errno == EINTR) {
        n = read(s->fd, to, n_max);
    }
    if (n < 0) {
        return ERR_IO;
    }
    ret->len += (size_t)n;
    return n == 0 ? ERR_NOT_FOUND : OK;
}

enum err io_stream_commit(struct io_stream *s)
{
    ASSERT(s->writing);
    enum err e = fsync(s->fd) == 0 ? OK : ERR_IO;
    if (e == OK && rename(s->tmp, s->path) != 0) {
        e = ERR_IO;
    }
    if (e == OK) {
        s->writing = false;
        e = io_sync_parent(s->path);
    }
    io_stream_close(s);
    return e;
}

void io_stream_close(struct io_stream *s)
{
    if (s == NULL) {
        return;
    }
    (void)close(s->fd); /* what had to be checked was checked by fsync */
    if (s->writing) {
        (void)unlink(s->tmp); /* it was given up */
    }
    free(s);
}

enum err io_unlink(const char *path)
{
    if (unlink(path) == 0) {
        return OK;
    }
    return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
}

bool io_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* ---- walks ---- */

struct walk {
    void (*each)(void *ctx, const char *name, uint64_t bytes);
    void *ctx;
    size_t root_len;
    bool deep;
    char path[PATH_MAX];
};

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static enum err walk_dir(struct walk *w, unsigned depth);

/* What stands under the walk's path: a file is told, a folder gone into, else it is passed over. */
static enum err walk_one(struct walk *w, unsigned depth)
{
    struct stat st;
    if (lstat(w->path, &st) != 0) {
        return errno == ENOENT ? OK : ERR_IO;
    }
    if (S_ISREG(st.st_mode)) {
        w->each(w->ctx, w->path + w->root_len + 1, (uint64_t)st.st_size);
        return OK;
    }
    return S_ISDIR(st.st_mode) && w->deep && depth < WALK_DEPTH_MAX ? walk_dir(w, depth + 1) : OK;
}

static enum err walk_dir(struct walk *w, unsigned depth)
{
    struct dirent **names = NULL;
    int n = scandir(w->path, &names, NULL, by_name);
    if (n < 0) {
        return errno == ENOENT || errno == ENOTDIR ? ERR_NOT_FOUND : ERR_IO;
    }
    size_t len = strlen(w->path);
    enum err e = OK;
    for (int i = 0; i < n; i++) {
        const char *name = names[i]->d_name;
        bool self = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
        int m = snprintf(w->path + len, sizeof w->path - len, "/%s", name);
        if (e == OK && !self) {
            e = m < 0 || (size_t)m >= sizeof w->path - len ? ERR_INVALID : walk_one(w, depth);
        }
        free(names[i]);
    }
    w->path[len] = '\0';
    free(names);
    return e;
}

enum err io_dir_walk(
    const char *path,
    bool deep,
    void (*each)(void *ctx, const char *name, uint64_t bytes),
    void *ctx)
{
    struct walk *w = calloc(1, sizeof *w);
    ASSERT(w != NULL);
    w->each = each;
    w->ctx = ctx;
    w->deep = deep;
    int n = snprintf(w->path, sizeof w->path, "%s", path);
    enum err e = n < 0 || (size_t)n >= sizeof w->path ? ERR_INVALID : OK;
    if (e == OK) {
        w->root_len = (size_t)n;
        e = walk_dir(w, 0);
    }
    free(w);
    return e;
}

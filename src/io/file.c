/* Files: whole reads, atomic durable writes, directories, lock files.
 *
 * An atomic write is: new content in a temporary file beside the old, fsync, rename over the old,
 * fsync of the directory. Leaving out the last lets a crash bring the old file back after the
 * caller was told OK. After a failed fsync nothing is retried: the kernel may have dropped the
 * dirty pages, and a second fsync would then report success for bytes that never reached the disk.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "io/io.h"

/* Most files are small: the first read asks for little, later ones for more. */
enum { READ_FIRST_BYTES = 4 << 10, READ_CHUNK_BYTES = 64 << 10, TRY_BYTES = 64 << 10 };

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd); /* what had to be checked was checked by fsync */
    }
}

#define AUTO_CLOSE __attribute__((cleanup(close_fd)))

static enum err err_of_errno(void)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return ERR_NOT_FOUND;
    case EEXIST:
        return ERR_EXISTS;
    case ENAMETOOLONG:
        return ERR_INVALID;
    }
    return ERR_IO;
}

enum err io_file_read(const char *path, struct buf *ret)
{
    AUTO_CLOSE int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_of_errno();
    }
    for (size_t chunk = READ_FIRST_BYTES;; chunk = READ_CHUNK_BYTES) {
        /* One byte more than fits is asked for, so that a file of exactly the bound is read to its
         * end. */
        size_t room = ret->len_max - ret->len;
        uint8_t byte;
        size_t want = room < chunk ? room : chunk;
        uint8_t *to = want == 0 ? &byte : buf_reserve(ret, want);
        if (to == NULL) {
            return ERR_TOO_BIG;
        }
        ssize_t n = read(fd, to, want == 0 ? 1 : want);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return ERR_IO;
        }
        if (n == 0) {
            return OK;
        }
        if (want == 0) {
            return ERR_TOO_BIG;
        }
        ret->len += (size_t)n;
    }
}

static enum err write_all(int fd, struct bytes content)
{
    while (content.len > 0) {
        ssize_t n = write(fd, content.base, content.len);
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

enum err io_sync_parent(const char *path)
{
    char dir[PATH_MAX];
    const char *slash = strrchr(path, '/');
    /* "/file" lies in "/", "file" in ".". */
    size_t len = slash == NULL ? 0 : slash == path ? 1 : (size_t)(slash - path);
    (void)snprintf(dir, sizeof dir, "%.*s", (int)len, len == 0 ? "" : path);
    AUTO_CLOSE int fd = open(len == 0 ? "." : dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fsync(fd) != 0) {
        return ERR_IO;
    }
    return OK;
}

static enum err write_synced(const char *path, struct bytes content, unsigned mode)
{
    AUTO_CLOSE int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, (mode_t)mode);
    if (fd < 0) {
        return err_of_errno();
    }
    /* A temporary file left by a crash keeps its old mode otherwise; secrets rely on it. */
    if (fchmod(fd, (mode_t)mode) != 0) {
        return ERR_IO;
    }
    enum err e = write_all(fd, content);
    if (e == OK && fsync(fd) != 0) {
        e = ERR_IO;
    }
    return e;
}

enum err io_file_write(const char *path, struct bytes content, unsigned mode)
{
    char tmp[PATH_MAX];
    int n = snprintf(tmp, sizeof tmp, "%s.tmp", path);
    if (n < 0 || (size_t)n >= sizeof tmp) {
        return ERR_INVALID;
    }
    enum err e = write_synced(tmp, content, mode);
    if (e != OK) {
        (void)unlink(tmp); /* the old file stands */
        return e;
    }
    if (rename(tmp, path) != 0) {
        (void)unlink(tmp); /* the old file stands */
        return ERR_IO;
    }
    return io_sync_parent(path);
}

static enum err make_one(const char *path, unsigned mode)
{
    if (mkdir(path, (mode_t)mode) == 0) {
        return io_sync_parent(path);
    }
    if (errno != EEXIST) {
        return errno == ENOTDIR ? ERR_EXISTS : ERR_IO;
    }
    struct stat st;
    if (stat(path, &st) != 0) {
        return ERR_IO;
    }
    return S_ISDIR(st.st_mode) ? OK : ERR_EXISTS;
}

enum err io_mkdir_p(const char *path, unsigned mode)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof part) {
        return ERR_INVALID;
    }
    for (size_t i = 1; i <= len; i++) {
        bool end_of_name = (i == len || path[i] == '/') && path[i - 1] != '/';
        if (!end_of_name) {
            continue;
        }
        memcpy(part, path, i);
        part[i] = '\0';
        enum err e = make_one(part, mode);
        if (e != OK) {
            return e;
        }
    }
    return OK;
}

enum err io_lock_open(const char *path, struct io_lock *ret)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) {
        return err_of_errno();
    }
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        enum err e = errno == EWOULDBLOCK ? ERR_IN_USE : ERR_IO;
        (void)close(fd); /* nothing was written */
        return e;
    }
    ret->fd = fd;
    return OK;
}

void io_lock_close(struct io_lock *lock)
{
    (void)close(lock->fd); /* lets go of the lock; nothing was written */
    lock->fd = -1;
}

enum err io_disk_try(const char *path, uint64_t bytes)
{
    static const uint8_t some[TRY_BYTES] = {1};
    struct statvfs vfs;
    enum err e = io_file_write(path, bytes_of(some, sizeof some), 0600);
    if (e != OK) {
        return e;
    }
    bool told = statvfs(path, &vfs) == 0;
    e = io_unlink(path);
    if (e != OK || !told) {
        return e == OK ? ERR_IO : e;
    }
    return vfs.f_bavail >= bytes / vfs.f_frsize ? OK : ERR_LIMIT;
}

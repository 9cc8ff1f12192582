/* A disk that is full, for programs started with this in LD_PRELOAD: while the file that
 * GODWIT_TEST_DISK_FULL names is there, what it holds is a directory, and the kernel takes nothing
 * for the files below it. */
#undef _FILE_OFFSET_BITS /* pwrite() and pwrite64() are two names here */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

static bool is_full(int fd)
{
    const char *flag = getenv("GODWIT_TEST_DISK_FULL");
    char dir[PATH_BYTES] = "";
    char link[64];
    char path[PATH_BYTES] = "";
    int from = flag == NULL ? -1 : open(flag, O_RDONLY | O_CLOEXEC);
    if (from < 0) {
        return false;
    }
    ssize_t n = read(from, dir, sizeof dir - 1);
    (void)close(from);
    (void)snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    return n > 0 && readlink(link, path, sizeof path - 1) > n && strncmp(path, dir, (size_t)n) == 0;
}

ssize_t write(int fd, const void *p, size_t n)
{
    int err = errno;
    if (is_full(fd)) {
        errno = ENOSPC;
        return -1;
    }
    errno = err;
    ssize_t (*next)(int, const void *, size_t) =
        (ssize_t(*)(int, const void *, size_t))dlsym(RTLD_NEXT, "write");
    return next(fd, p, n);
}

ssize_t pwrite(int fd, const void *p, size_t n, off_t at)
{
    int err = errno;
    if (is_full(fd)) {
        errno = ENOSPC;
        return -1;
    }
    errno = err;
    ssize_t (*next)(int, const void *, size_t, off_t) =
        (ssize_t(*)(int, const void *, size_t, off_t))dlsym(RTLD_NEXT, "pwrite");
    return next(fd, p, n, at);
}

ssize_t pwrite64(int fd, const void *p, size_t n, off64_t at)
{
    return pwrite(fd, p, n, at);
}

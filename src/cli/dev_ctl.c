/* The supervisor's socket, both ends. The socket is named through the directory's descriptor, since
 * a socket's path may be only 107 bytes long and directories are deeper than that. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "cli/dev.h"

enum { BACKLOG = 16, LINE_SECONDS_MAX = 2, ANSWER_BYTES_MAX = 1 << 20, READ_BYTES = 4096 };

/* The address of DIR/dev.sock; the returned descriptor keeps it valid. -1: no such directory. */
static int address_of(const char *dir, struct sockaddr_un *ret)
{
    int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return -1;
    }
    *ret = (struct sockaddr_un){.sun_family = AF_UNIX};
    int n = snprintf(ret->sun_path, sizeof ret->sun_path, "/proc/self/fd/%d/dev.sock", fd);
    ASSERT(n > 0);
    return fd;
}

int dev_listen(const char *dir)
{
    struct sockaddr_un address;
    int dir_fd = address_of(dir, &address);
    int fd = dir_fd < 0 ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0) {
        (void)unlinkat(dir_fd, "dev.sock", 0); /* a former supervisor's; the lock says it is gone */
        if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 ||
            listen(fd, BACKLOG) != 0) {
            (void)close(fd); /* nothing was sent */
            fd = -1;
        }
    }
    if (dir_fd >= 0) {
        (void)close(dir_fd); /* only named the directory */
    }
    if (fd < 0) {
        (void)cli_fail("could not make the socket %s/dev.sock", dir);
    }
    return fd;
}

static int dial(const char *dir)
{
    struct sockaddr_un address;
    int dir_fd = address_of(dir, &address);
    int fd = dir_fd < 0 ? -1 : socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        (void)close(fd); /* nothing was sent */
        fd = -1;
    }
    if (dir_fd >= 0) {
        (void)close(dir_fd); /* only named the directory */
    }
    return fd;
}

bool dev_running(const char *dir)
{
    int fd = dial(dir);
    if (fd >= 0) {
        (void)close(fd); /* nothing was sent */
    }
    return fd >= 0;
}

/* Sends all of it; a reader that is gone is no error of ours. */
static void send_all(int fd, struct bytes text)
{
    while (text.len > 0) {
        ssize_t n = send(fd, text.base, text.len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return;
        }
        text = bytes_from(text, (size_t)n);
    }
}

void dev_answer(int fd, bool ok, const char *text)
{
    send_all(fd, ok ? BYTES_LIT("ok ") : BYTES_LIT("error "));
    send_all(fd, bytes_str(text));
    (void)close(fd); /* the end of the answer */
}

bool dev_read_line(int fd, char ret[DEV_LINE_BYTES_MAX])
{
    struct timeval patience = {.tv_sec = LINE_SECONDS_MAX};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) != 0) {
        return false;
    }
    for (size_t len = 0; len < DEV_LINE_BYTES_MAX;) {
        ssize_t n = recv(fd, ret + len, DEV_LINE_BYTES_MAX - len, 0);
        if (n <= 0) {
            return false;
        }
        len += (size_t)n;
        char *end = memchr(ret, '\n', len);
        if (end != NULL) {
            *end = '\0';
            return true;
        }
    }
    return false;
}

static enum err read_all(int fd, struct buf *b)
{
    for (;;) {
        uint8_t *to = buf_reserve(b, READ_BYTES);
        if (to == NULL) {
            return ERR_TOO_BIG;
        }
        ssize_t n = recv(fd, to, READ_BYTES, 0);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            return ERR_IO;
        }
        if (n == 0) {
            return OK;
        }
        b->len += (size_t)n;
    }
}

int dev_ask(struct cli *cli, const char *dir, const char *line, struct bytes *ret)
{
    int fd = dial(dir);
    if (fd < 0) {
        return cli_fail("no godwit dev runs in %s; start one with: godwit dev --dir %s", dir, dir);
    }
    send_all(fd, bytes_str(cli_text(cli, "%s\n", line)));
    struct buf b;
    buf_init(&b, ANSWER_BYTES_MAX);
    enum err e = read_all(fd, &b);
    (void)close(fd); /* all was read */
    *ret = bytes_dup(&cli->run_arena, buf_bytes(&b));
    buf_done(&b);
    struct bytes ok = BYTES_LIT("ok ");
    struct bytes error = BYTES_LIT("error ");
    if (e == OK && bytes_has_prefix(*ret, ok)) {
        *ret = bytes_from(*ret, ok.len);
        return CLI_OK;
    }
    /* A supervisor that was asked to quit answers by ending. */
    if (e == OK && ret->len == 0 && strcmp(line, "quit") == 0) {
        return CLI_OK;
    }
    if (e == OK && bytes_has_prefix(*ret, error)) {
        struct bytes text = bytes_from(*ret, error.len);
        text.len -= text.len > 0 && text.base[text.len - 1] == '\n';
        return cli_fail("%.*s", BYTES_FMT(text));
    }
    return cli_fail("the godwit dev in %s gave no answer", dir);
}

/* The physical limit beside which the front is measured: an HTTP/1.1 responder on one epoll thread
 * that cuts requests out of the stream by Content-Length and answers each with the same bytes. It
 * looks at nothing else, so no server that does any work can be faster on the same core. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/base.h"

enum { IN_MAX = 1 << 16, EVENTS = 256 };

#define BODY                                                                                   \
    "{\"Item\":{\"pk\":{\"S\":\"k-00000000\"},\"sk\":{\"N\":\"0\"},\"seats\":{\"N\":\"299\"}," \
    "\"open\":{\"BOOL\":true},\"filler\":{\"S\":\"aaaaaaaaaaaaaaaa\"}}}"
static_assert(sizeof BODY - 1 == 124, "the header below says so");
static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: "
                             "application/x-amz-json-1.0\r\nContent-Length: 124\r\n\r\n" BODY;

struct client {
    int fd;
    size_t len;
    char in[IN_MAX];
};

/* The length of the first whole request in the buffer, 0 when it is not there yet. */
static size_t request_length(const struct client *c)
{
    const char *end = c->len < 4 ? NULL : memmem(c->in, c->len, "\r\n\r\n", 4);
    if (end == NULL) {
        return 0;
    }
    size_t head = (size_t)(end - c->in) + 4;
    static const char name[] = "Content-Length: ";
    const char *at = memmem(c->in, head, name, sizeof name - 1);
    size_t body = 0;
    for (at = at == NULL ? "" : at + sizeof name - 1; *at >= '0' && *at <= '9'; at++) {
        body = body * 10 + (size_t)(*at - '0');
    }
    return c->len >= head + body ? head + body : 0;
}

static void hang_up(struct client *c)
{
    (void)close(c->fd); /* the client has gone */
    free(c);
}

static void serve(struct client *c)
{
    ssize_t n = recv(c->fd, c->in + c->len, sizeof c->in - c->len, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }
    if (n <= 0) {
        hang_up(c);
        return;
    }
    c->len += (size_t)n;
    for (size_t length = request_length(c); length > 0; length = request_length(c)) {
        if (send(c->fd, answer, sizeof answer - 1, MSG_NOSIGNAL) != (ssize_t)(sizeof answer - 1)) {
            hang_up(c);
            return;
        }
        memmove(c->in, c->in + length, c->len - length);
        c->len -= length;
    }
}

static void take(int listener, int epoll_fd)
{
    int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* slower without, not wrong */
    struct client *c = calloc(1, sizeof *c);
    if (c == NULL) {
        abort();
    }
    c->fd = fd;
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
    if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e) != 0) {
        hang_up(c);
    }
}

int main(int argc, char **argv)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    uint64_t port = 0;
    bool given = argc == 2 && bytes_u64(bytes_str(argv[1]), &port) == OK && port <= UINT16_MAX;
    at.sin_port = htons((uint16_t)port);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = NULL};
    if (!given || listener < 0 || epoll_fd < 0 ||
        bind(listener, (struct sockaddr *)&at, sizeof at) != 0 || listen(listener, 4096) != 0 ||
        epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &e) != 0) {
        (void)fprintf(stderr, "usage: responder PORT (free, on loopback)\n"); /* the code says it */
        return 2;
    }
    for (;;) {
        struct epoll_event events[EVENTS];
        int n = epoll_wait(epoll_fd, events, EVENTS, -1);
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == NULL) {
                take(listener, epoll_fd);
            } else {
                serve(events[i].data.ptr);
            }
        }
    }
}

#pragma once

/* For io's tests: a raw TCP client in the thread of the loop under test. Nothing sleeps; a step is
 * one turn of the loop and one look at the socket, and a test that waits for ever ends by running
 * out of steps. */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "io/io.h"

#include <cmocka.h>

enum { STEPS_MAX = 20000 };

/* Runs the loop until `cond` holds. */
#define LOOP_UNTIL(loop, cond)                          \
    do {                                                \
        int steps = 0;                                  \
        while (!(cond)) {                               \
            assert_true(steps++ < STEPS_MAX);           \
            io_loop_turn((loop), /* wait_ms_max= */ 1); \
        }                                               \
    } while (0)

static inline int raw_connect(uint16_t port)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    struct sockaddr_in sa = {
        .sin_family = AF_INET,
        .sin_port = htons(port),
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };
    /* The kernel completes the handshake from the backlog; the loop need not run. */
    assert_int_equal(connect(fd, (struct sockaddr *)&sa, sizeof sa), 0);
    return fd;
}

/* Sends everything, turning the loop when the socket is full. */
static inline void raw_send(struct io_loop *loop, int fd, const void *data, size_t len)
{
    const char *at = data;
    for (int steps = 0; len > 0;) {
        ssize_t n = send(fd, at, len, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0) {
            if (errno == EPIPE || errno == ECONNRESET) {
                return;
            }
            assert_true(errno == EAGAIN);
            assert_true(steps++ < STEPS_MAX);
            io_loop_turn(loop, 1);
            continue;
        }
        at += n;
        len -= (size_t)n;
    }
}

static inline void raw_send_str(struct io_loop *loop, int fd, const char *text)
{
    raw_send(loop, fd, text, strlen(text));
}

struct raw_reader {
    int fd;
    bool eof;
    bool reset;
    struct buf in;
};

static inline void raw_reader_init(struct raw_reader *r, int fd)
{
    *r = (struct raw_reader){.fd = fd};
    buf_init(&r->in, (size_t)256 << 20);
}

static inline void raw_reader_done(struct raw_reader *r)
{
    buf_done(&r->in);
    (void)close(r->fd);
}

static inline void raw_read_some(struct raw_reader *r)
{
    uint8_t *to = buf_reserve(&r->in, 65536);
    assert_non_null(to);
    ssize_t n = recv(r->fd, to, 65536, MSG_DONTWAIT);
    if (n > 0) {
        r->in.len += (size_t)n;
    } else if (n == 0) {
        r->eof = true;
    } else if (errno != EAGAIN) {
        r->reset = true;
    }
}

/* Until `needle` has come `times` times, or the end of the stream. */
static inline size_t raw_read_until(
    struct io_loop *loop, struct raw_reader *r, const char *needle, size_t times)
{
    size_t needle_len = strlen(needle);
    for (int steps = 0; steps < STEPS_MAX; steps++) {
        size_t found = 0;
        const uint8_t *at = r->in.base;
        const uint8_t *end = r->in.base + r->in.len;
        while (at != NULL && at < end) {
            at = memmem(at, (size_t)(end - at), needle, needle_len);
            if (at != NULL) {
                found++;
                at += needle_len;
            }
        }
        if (found >= times || r->eof || r->reset) {
            return found;
        }
        io_loop_turn(loop, 1);
        raw_read_some(r);
    }
    fail_msg("\"%s\" did not come %zu times", needle, times);
    return 0;
}

static inline void raw_read_to_eof(struct io_loop *loop, struct raw_reader *r)
{
    for (int steps = 0; !r->eof && !r->reset; steps++) {
        assert_true(steps < STEPS_MAX);
        io_loop_turn(loop, 1);
        raw_read_some(r);
    }
}

#pragma once

/* Private to io: what the other files need of a loop, of H2O's sockets and of addresses. */

#include <h2o.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "io/io.h"

enum { HTTP_DATE_LEN = 29, PEER_TEXT_LEN = 64, ACCEPTS_PER_TURN = 64 };

struct io_loop {
    h2o_evloop_t *h2o;
    struct io_clock clock;
    struct io_timer **heap; /* least (at_ns, seq) first; each knows its place */
    size_t heap_len;
    size_t heap_cap;
    uint64_t timer_seq;
    uint64_t armed_ns; /* what timer_sock's descriptor is set to; UINT64_MAX: nothing */
    h2o_socket_t *timer_sock;
    uint64_t n_turns;
    bool stop;
    uint64_t date_s; /* the second that `date` shows */
    char date[HTTP_DATE_LEN + 1];
};

/* Calls `ready` whenever `fd` is readable, without reading from it. Closing the socket closes `fd`.
 */
h2o_socket_t *loop_watch(struct io_loop *loop, int fd, h2o_socket_cb ready, void *data);
/* "Sat, 21 Nov 2026 03:00:00 GMT" by the loop's clock; valid until the next call. */
const char *loop_http_date(struct io_loop *loop);
/* Gives an empty input buffer's memory back. */
void loop_release_input(h2o_socket_t *sock);

struct net_addr {
    struct sockaddr_storage sa;
    socklen_t len;
};

/* Numeric addresses only. OK or ERR_INVALID. */
MUST_CHECK enum err net_addr_parse(const char *addr, uint16_t port, struct net_addr *ret);
/* With SO_REUSEPORT a second server on one port is no error to the kernel, and would silently take
 * half of the connections; so whoever does not mean to join others checks first that it is alone.
 */
enum net_share {
    NET_ALONE,      /* nobody may listen there, now or later */
    NET_SHARED,     /* nobody may listen there now; later ones may join */
    NET_SHARED_JOIN /* joins */
};

/* OK, ERR_INVALID, ERR_IN_USE, ERR_IO. The descriptor listens, non-blocking. */
MUST_CHECK enum err net_listen(
    const char *addr, uint16_t port, enum net_share share, int *ret_fd, uint16_t *ret_port);
/* Writes "addr:port" of the other end ("?" if it has gone). */
void net_peer_text(h2o_socket_t *sock, char ret[PEER_TEXT_LEN]);

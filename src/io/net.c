/* Addresses and listening sockets. Names are never resolved here: a blocked resolver would stop a
 * loop. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <unistd.h>

#include "io/loop.h"

enum err net_addr_parse(const char *addr, uint16_t port, struct net_addr *ret)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, addr, &v4.sin_addr) == 1) {
        *ret = (struct net_addr){.len = sizeof v4};
        memcpy(&ret->sa, &v4, sizeof v4);
        return OK;
    }
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    if (inet_pton(AF_INET6, addr, &v6.sin6_addr) == 1) {
        *ret = (struct net_addr){.len = sizeof v6};
        memcpy(&ret->sa, &v6, sizeof v6);
        return OK;
    }
    return ERR_INVALID;
}

static uint16_t port_of(const struct sockaddr_storage *sa)
{
    if (sa->ss_family == AF_INET6) {
        return ntohs(((const struct sockaddr_in6 *)sa)->sin6_port);
    }
    return ntohs(((const struct sockaddr_in *)sa)->sin_port);
}

/* A socket bound to `a`, or an error. */
static enum err bound_socket(const struct net_addr *a, bool reuse_port, int *ret)
{
    int fd = socket(a->sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return ERR_IO;
    }
    int on = 1;
    int rc = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (rc == 0 && reuse_port) {
        rc = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    }
    if (rc == 0) {
        rc = bind(fd, (const struct sockaddr *)&a->sa, a->len);
    }
    if (rc != 0) {
        enum err e = errno == EADDRINUSE      ? ERR_IN_USE
                     : errno == EADDRNOTAVAIL ? ERR_INVALID
                                              : ERR_IO;
        (void)close(fd); /* never used */
        return e;
    }
    *ret = fd;
    return OK;
}

enum err net_listen(
    const char *addr, uint16_t port, enum net_share share, int *ret_fd, uint16_t *ret_port)
{
    struct net_addr a;
    enum err e = net_addr_parse(addr, port, &a);
    if (e != OK) {
        return e;
    }
    int fd = -1;
    if (share == NET_SHARED) {
        e = bound_socket(&a, /* reuse_port= */ false, &fd);
        if (e != OK) {
            return e;
        }
        (void)close(fd); /* only asked whether the port is free */
    }
    e = bound_socket(&a, share != NET_ALONE, &fd);
    if (e != OK) {
        return e;
    }
    if (listen(fd, SOMAXCONN) != 0) {
        e = errno == EADDRINUSE ? ERR_IN_USE : ERR_IO;
        (void)close(fd); /* never used */
        return e;
    }
    socklen_t len = sizeof a.sa;
    int rc = getsockname(fd, (struct sockaddr *)&a.sa, &len);
    ASSERT(rc == 0);
    *ret_fd = fd;
    *ret_port = port_of(&a.sa);
    return OK;
}

void net_peer_text(h2o_socket_t *sock, char ret[PEER_TEXT_LEN])
{
    struct sockaddr_storage sa = {0};
    char host[INET6_ADDRSTRLEN];
    const void *raw = NULL;
    if (h2o_socket_getpeername(sock, (struct sockaddr *)&sa) != 0) {
        raw = sa.ss_family == AF_INET6 ? (const void *)&((struct sockaddr_in6 *)&sa)->sin6_addr
                                       : (const void *)&((struct sockaddr_in *)&sa)->sin_addr;
    }
    if (raw == NULL || inet_ntop(sa.ss_family, raw, host, sizeof host) == NULL) {
        (void)snprintf(ret, PEER_TEXT_LEN, "?");
        return;
    }
    if (sa.ss_family == AF_INET6) {
        (void)snprintf(ret, PEER_TEXT_LEN, "[%s]:%u", host, port_of(&sa));
    } else {
        (void)snprintf(ret, PEER_TEXT_LEN, "%s:%u", host, port_of(&sa));
    }
}

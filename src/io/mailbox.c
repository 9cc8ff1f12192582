/* Mailboxes, and with them every lock of the tree.
 *
 * A mutex guards a linked list; taking detaches the whole list, so the receiver pays one lock per
 * batch and senders wait for a few instructions at most. The receiver is woken on the step from
 * empty to non-empty only (or, if it waits for many, when as many are there as it wants): while the
 * list is not empty a wake-up is under way, and the receiver takes everything. While the box is
 * borrowed nobody is woken; what has come by then is a reason to at its return.
 *
 * Invariants, under the lock: 1. head is NULL exactly when depth is 0; 2. depth <= depth_max; 3. if
 * the box is not empty and a loop is attached, its eventfd has been written since the last take, or
 * the one whose post filled it is about to; 4. between mailbox_borrow() and mailbox_return() the
 * receiver is inside wait_for(), and stays there. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "io/loop.h"

struct mailbox {
    pthread_mutex_t lock;
    pthread_cond_t filled; /* on the monotonic clock */
    struct mail *head;
    struct mail **tail;
    size_t depth;
    size_t depth_max;
    size_t wanted; /* how many messages the receiver waits for; 1 unless for many */
    bool waiting;  /* the receiver is in wait_for() */
    bool borrowed; /* somebody does its work meanwhile */
    bool roused;   /* its wait is over, message or not */
    bool closed;
    bool attached; /* a loop receives, and is woken through `wake_fd` */
    int wake_fd;   /* -1: was never attached. Closed with the box only: posters use it unlocked */
    /* What follows is the attached receiver's and read on its thread alone. */
    h2o_socket_t *sock;
    mailbox_receive receive;
    void *arg;
};

static void lock(struct mailbox *mb)
{
    int rc = pthread_mutex_lock(&mb->lock);
    ASSERT(rc == 0);
}

static void unlock(struct mailbox *mb)
{
    int rc = pthread_mutex_unlock(&mb->lock);
    ASSERT(rc == 0);
}

struct mailbox *mailbox_new(size_t depth_max)
{
    ASSERT(depth_max > 0);
    struct mailbox *mb = malloc(sizeof *mb);
    ASSERT(mb != NULL);
    *mb = (struct mailbox){.depth_max = depth_max, .wanted = 1, .wake_fd = -1};
    mb->tail = &mb->head;
    pthread_condattr_t attr;
    int rc = pthread_condattr_init(&attr);
    ASSERT(rc == 0);
    rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    ASSERT(rc == 0);
    rc = pthread_cond_init(&mb->filled, &attr);
    ASSERT(rc == 0);
    rc = pthread_mutex_init(&mb->lock, NULL);
    ASSERT(rc == 0);
    (void)pthread_condattr_destroy(&attr);
    return mb;
}

void mailbox_free(struct mailbox *mb)
{
    if (mb == NULL) {
        return;
    }
    ASSERT(mb->head == NULL);
    ASSERT(mb->sock == NULL);
    (void)pthread_cond_destroy(&mb->filled);
    (void)pthread_mutex_destroy(&mb->lock);
    if (mb->wake_fd >= 0) {
        (void)close(mb->wake_fd);
    }
    free(mb);
}

/* Lets go of the lock first: whoever were woken under it might run at once, on this very
 * processor, and find nothing but the lock taken. */
static void unlock_and_wake(struct mailbox *mb)
{
    bool attached = mb->attached;
    unlock(mb);
    if (!attached) {
        int rc = pthread_cond_signal(&mb->filled);
        ASSERT(rc == 0);
        return;
    }
    uint64_t one = 1;
    ssize_t n = write(mb->wake_fd, &one, sizeof one);
    /* EAGAIN would mean a counter near 2^64, which is readable anyway. */
    ASSERT(n == (ssize_t)sizeof one || errno == EAGAIN);
}

enum err mailbox_post_all(struct mailbox *mb, struct mail *first, struct mail *last, size_t n)
{
    ASSERT(n > 0);
    lock(mb);
    if (mb->closed) {
        unlock(mb);
        return ERR_UNAVAILABLE;
    }
    if (mb->depth_max - mb->depth < n) {
        unlock(mb);
        return ERR_BUSY;
    }
    bool was_short = mb->depth < mb->wanted;
    last->next = NULL;
    *mb->tail = first;
    mb->tail = &last->next;
    mb->depth += n;
    if (was_short && mb->depth >= mb->wanted && !mb->borrowed) {
        unlock_and_wake(mb);
    } else {
        unlock(mb);
    }
    return OK;
}

enum err mailbox_post(struct mailbox *mb, struct mail *m)
{
    ASSERT(m != NULL);
    return mailbox_post_all(mb, m, m, 1);
}

void mailbox_close(struct mailbox *mb)
{
    lock(mb);
    mb->closed = true;
    int rc = pthread_cond_broadcast(&mb->filled);
    ASSERT(rc == 0);
    unlock(mb);
}

bool mailbox_closed(struct mailbox *mb)
{
    lock(mb);
    bool closed = mb->closed;
    unlock(mb);
    return closed;
}

size_t mailbox_depth(struct mailbox *mb)
{
    lock(mb);
    size_t depth = mb->depth;
    unlock(mb);
    return depth;
}

struct mail *mailbox_take_all(struct mailbox *mb)
{
    lock(mb);
    struct mail *batch = mb->head;
    ASSERT((batch == NULL) == (mb->depth == 0));
    mb->head = NULL;
    mb->tail = &mb->head;
    mb->depth = 0;
    unlock(mb);
    return batch;
}

static struct timespec deadline_in(int64_t timeout_us)
{
    struct timespec ts;
    int rc = clock_gettime(CLOCK_MONOTONIC, &ts);
    ASSERT(rc == 0);
    ts.tv_sec += (time_t)(timeout_us / 1000000);
    ts.tv_nsec += (long)(timeout_us % 1000000) * 1000;
    if (ts.tv_nsec >= 1000000000) {
        ts.tv_sec += 1;
        ts.tv_nsec -= 1000000000;
    }
    return ts;
}

/* Until `n` messages wait, the box is closed, or the time is up (negative: never) or declared to be
 * so by mailbox_return(); and in any case until the box is not borrowed. Under the lock. */
static void wait_for(struct mailbox *mb, size_t n, int64_t timeout_us)
{
    struct timespec deadline = {0};
    if (timeout_us >= 0) {
        deadline = deadline_in(timeout_us);
    }
    mb->wanted = n;
    mb->waiting = true;
    while (mb->borrowed || (mb->depth < n && !mb->closed && !mb->roused)) {
        int rc = timeout_us < 0 || mb->roused
                     ? pthread_cond_wait(&mb->filled, &mb->lock)
                     : pthread_cond_timedwait(&mb->filled, &mb->lock, &deadline);
        ASSERT(rc == 0 || rc == ETIMEDOUT);
        mb->roused |= rc == ETIMEDOUT;
    }
    mb->wanted = 1;
    mb->waiting = false;
    mb->roused = false;
}

bool mailbox_borrow(struct mailbox *mb)
{
    lock(mb);
    bool idle = mb->waiting && mb->wanted == 1 && mb->depth == 0;
    /* A receiver that was roused has something to do; it must not be kept from it again and again.
     */
    bool lent = idle && !mb->borrowed && !mb->roused && !mb->closed;
    mb->borrowed |= lent;
    unlock(mb);
    return lent;
}

void mailbox_return(struct mailbox *mb, bool rouse)
{
    lock(mb);
    ASSERT(mb->borrowed);
    ASSERT(mb->waiting);
    mb->borrowed = false;
    mb->roused |= rouse;
    if (mb->roused || mb->depth > 0 || mb->closed) {
        unlock_and_wake(mb);
    } else {
        unlock(mb);
    }
}

bool mailbox_wait_many(struct mailbox *mb, size_t n, int64_t timeout_us)
{
    lock(mb);
    ASSERT(!mb->attached);
    wait_for(mb, n < mb->depth_max ? n : mb->depth_max, timeout_us);
    bool filled = mb->depth > 0;
    unlock(mb);
    return filled;
}

bool mailbox_wait(struct mailbox *mb, int64_t timeout_ms)
{
    return mailbox_wait_many(mb, 1, timeout_ms < 0 ? -1 : timeout_ms * 1000);
}

static void wake_ready(h2o_socket_t *sock, const char *err)
{
    (void)err; /* the box is looked at in any case */
    struct mailbox *mb = sock->data;
    uint64_t count;
    /* Read before taking: a post after the take finds the box empty and writes anew. */
    ssize_t n = read(h2o_socket_get_fd(sock), &count, sizeof count);
    (void)n; /* EAGAIN: nothing was written since */
    struct mail *batch = mailbox_take_all(mb);
    if (batch != NULL) {
        mb->receive(mb->arg, batch);
    }
}

enum err mailbox_attach(
    struct mailbox *mb, struct io_loop *loop, mailbox_receive receive, void *arg)
{
    ASSERT(mb->sock == NULL);
    ASSERT(receive != NULL);
    if (mb->wake_fd < 0) {
        mb->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    }
    int fd = mb->wake_fd < 0 ? -1 : fcntl(mb->wake_fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0) {
        return ERR_IO;
    }
    mb->receive = receive;
    mb->arg = arg;
    mb->sock = loop_watch(loop, fd, wake_ready, mb);
    lock(mb);
    mb->attached = true;
    if (mb->head != NULL) {
        unlock_and_wake(mb);
    } else {
        unlock(mb);
    }
    return OK;
}

void mailbox_detach(struct mailbox *mb)
{
    if (mb->sock == NULL) {
        return;
    }
    lock(mb);
    mb->attached = false;
    unlock(mb);
    h2o_socket_close(mb->sock);
    mb->sock = NULL;
}

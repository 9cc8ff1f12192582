/* Randomness, signals and threads of the operating system. */
#include <errno.h>
#include <link.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "io/loop.h"

enum { THREAD_NAME_BYTES = 16 };

void io_random(void *ret, size_t n)
{
    uint8_t *at = ret;
    while (n > 0) {
        ssize_t got = getrandom(at, n, 0);
        /* Up to 256 bytes never fail; longer reads may be cut short by a signal. */
        ASSERT(got > 0 || errno == EINTR);
        if (got > 0) {
            at += got;
            n -= (size_t)got;
        }
    }
}

uint64_t io_random_seed(void)
{
    uint64_t seed;
    io_random(&seed, sizeof seed);
    return seed;
}

/* ---- signals ---- */

struct io_signals {
    h2o_socket_t *sock;
    void (*on_signal)(void *arg, int signo);
    void *arg;
};

static sigset_t stop_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set); /* cannot fail, nor can adding real signals */
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    return set;
}

void io_signals_block(void)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    int rc = sigaction(SIGPIPE, &ignore, NULL);
    ASSERT(rc == 0);
    sigset_t set = stop_signals();
    rc = pthread_sigmask(SIG_BLOCK, &set, NULL);
    ASSERT(rc == 0);
}

static void signal_ready(h2o_socket_t *sock, const char *err)
{
    (void)err; /* read() tells */
    struct io_signals *s = sock->data;
    struct signalfd_siginfo info;
    ssize_t n = read(h2o_socket_get_fd(sock), &info, sizeof info);
    if (n == (ssize_t)sizeof info) {
        s->on_signal(s->arg, (int)info.ssi_signo);
    }
}

enum err io_signals_open(
    struct io_loop *loop,
    void (*on_signal)(void *arg, int signo),
    void *arg,
    struct io_signals **ret)
{
    ASSERT(on_signal != NULL);
    sigset_t set = stop_signals();
    int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (fd < 0) {
        return ERR_IO;
    }
    struct io_signals *s = malloc(sizeof *s);
    ASSERT(s != NULL);
    *s = (struct io_signals){.on_signal = on_signal, .arg = arg};
    s->sock = loop_watch(loop, fd, signal_ready, s);
    *ret = s;
    return OK;
}

void io_signals_close(struct io_signals *s)
{
    if (s == NULL) {
        return;
    }
    h2o_socket_close(s->sock);
    free(s);
}

/* ---- limits ---- */

uint64_t io_files_raise(uint64_t wanted)
{
    struct rlimit files;
    int rc = getrlimit(RLIMIT_NOFILE, &files);
    ASSERT(rc == 0);
    if (files.rlim_cur >= wanted) {
        return files.rlim_cur;
    }
    const struct rlimit more = {
        .rlim_cur = wanted < files.rlim_max ? wanted : files.rlim_max,
        .rlim_max = files.rlim_max,
    };
    return setrlimit(RLIMIT_NOFILE, &more) == 0 ? more.rlim_cur : files.rlim_cur;
}

/* ---- threads ---- */

struct io_thread {
    pthread_t thread;
    void (*run)(void *arg);
    void *arg;
    char name[THREAD_NAME_BYTES];
};

static void *thread_main(void *arg)
{
    struct io_thread *t = arg;
    (void)pthread_setname_np(pthread_self(), t->name); /* only for people who look */
    t->run(t->arg);
    return NULL;
}

enum err io_thread_spawn(
    const char *name, void (*run)(void *arg), void *arg, struct io_thread **ret)
{
    ASSERT(run != NULL);
    struct io_thread *t = malloc(sizeof *t);
    ASSERT(t != NULL);
    *t = (struct io_thread){.run = run, .arg = arg};
    (void)snprintf(t->name, sizeof t->name, "%s", name);
    if (pthread_create(&t->thread, NULL, thread_main, t) != 0) {
        free(t);
        return ERR_LIMIT;
    }
    *ret = t;
    return OK;
}

void io_thread_join(struct io_thread *t)
{
    if (t == NULL) {
        return;
    }
    int rc = pthread_join(t->thread, NULL);
    ASSERT(rc == 0);
    free(t);
}

void io_thread_wait_finely(void)
{
    int rc = prctl(PR_SET_TIMERSLACK, 1000UL);
    ASSERT(rc == 0);
}

/* ---- memory ---- */

/* What the loader relocated lies in segments that were writable, and stays. */
static int forget_object(struct dl_phdr_info *object, size_t size, void *page_bytes)
{
    (void)size;
    uintptr_t page = *(const uintptr_t *)page_bytes;
    for (size_t i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        if (segment->p_type == PT_LOAD && (segment->p_flags & PF_W) == 0) {
            uintptr_t from = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
            uintptr_t to = object->dlpi_addr + segment->p_vaddr + segment->p_memsz;
            /* Where it is refused, as for locked memory, the pages stay, and that is all. */
            (void)madvise((void *)from, to - from, MADV_DONTNEED);
        }
    }
    return 0;
}

void io_pages_forget(void)
{
    uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    (void)dl_iterate_phdr(forget_object, &page_bytes);
}

/* One region's process, seen from its parent.
 *
 * It runs this same program (the file that is running, even if it was replaced on disk meanwhile)
 * in a process group of its own, so that Ctrl-C in the terminal reaches the supervisor alone, and
 * is killed by the kernel when the supervisor ends, however that comes about: a region survives
 * that as it survives any crash. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "cli/dev.h"

enum { EXEC_FAILED = 127, FD_TEXT = 16 };

const char *child_state_name(enum child_state s)
{
    static const char *const names[] = {"down", "starting", "up", "stopping"};
    return names[s];
}

/* The new process, up to exec; only calls that are safe after fork. */
static _Noreturn void become_server(
    const struct child *c, pid_t parent, int ready_fd, char *const argv[])
{
    sigset_t none;
    (void)sigemptyset(&none); /* cannot fail */
    int log_fd = open(c->log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    int null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool good = prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent &&
                setpgid(0, 0) == 0 && sigprocmask(SIG_SETMASK, &none, NULL) == 0 && log_fd >= 0 &&
                null_fd >= 0 && dup2(null_fd, STDIN_FILENO) >= 0 &&
                dup2(log_fd, STDOUT_FILENO) >= 0 && dup2(log_fd, STDERR_FILENO) >= 0 &&
                fcntl(ready_fd, F_SETFD, 0) == 0;
    if (good) {
        (void)execv("/proc/self/exe", argv); /* comes back only when it failed */
    }
    _exit(EXEC_FAILED);
}

int child_start(struct child *c)
{
    ASSERT(c->state == CHILD_DOWN);
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return cli_fail("could not start %s: no descriptors left", c->name);
    }
    char fd_text[FD_TEXT];
    (void)snprintf(fd_text, sizeof fd_text, "%d", ends[1]); /* an int fits */
    char *const argv[] = {
        "godwit", "server", "--config", (char *)c->conf, "--ready-fd", fd_text, NULL};
    pid_t parent = getpid();
    (void)fflush(stdout); /* or the child would inherit what is unwritten */
    pid_t pid = fork();
    if (pid == 0) {
        become_server(c, parent, ends[1], argv);
    }
    (void)close(ends[1]); /* the child's */
    if (pid < 0) {
        (void)close(ends[0]); /* nothing was read */
        return cli_fail("could not start %s: no process could be made", c->name);
    }
    c->pid = pid;
    c->ready_fd = ends[0];
    c->state = CHILD_STARTING;
    return CLI_OK;
}

void child_ready(struct child *c)
{
    char line[DEV_LINE_BYTES_MAX];
    ssize_t n = read(c->ready_fd, line, sizeof line);
    if (n < 0 && errno == EINTR) {
        return;
    }
    /* The line is short enough to arrive whole. Anything else is the end of a region that failed.
     */
    bool ready = n > 6 && memcmp(line, "ready ", 6) == 0;
    (void)close(c->ready_fd); /* only read */
    c->ready_fd = -1;
    if (ready && c->state == CHILD_STARTING) {
        c->state = CHILD_UP;
    }
}

void child_signal(struct child *c, int signo)
{
    if (c->pid > 0) {
        (void)kill(c->pid, signo); /* fails only if it has ended, which will be told */
        c->state = CHILD_STOPPING;
    }
}

void child_tell(struct child *c, bool ok, const char *text)
{
    if (c->waiter_fd >= 0) {
        dev_answer(c->waiter_fd, ok, text);
        c->waiter_fd = -1;
    }
}

/* The supervisor of a development cluster: one thread that waits for signals, for questions on its
 * socket and for its children's readiness.
 *
 * It restarts nothing by itself: a region that dies stays down, as a lost region does, until
 * somebody starts it. Every child is down before it returns. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/dev.h"
#include "io/io.h"

enum { STOP_MS_MAX = 15000, DYING_MS_MAX = 300, TAIL_BYTES = 2048, TAIL_LINES = 5, FIXED_FDS = 2 };

struct dev {
    struct cli *cli;
    const char *dir;
    const struct access_key *key;
    bool as_json;
    struct child children[CORE_REGIONS_MAX];
    size_t n;
    int signal_fd;
    int listen_fd;
    bool announced; /* what is printed once all have come up */
    bool stopping;
    uint64_t kill_at_ns; /* when stopping */
    int code;
};

static const char *dir_option(const struct dev *d)
{
    return strcmp(d->dir, "godwit-data") == 0 ? "" : cli_text(d->cli, " --dir %s", d->dir);
}

static struct child *find_child(struct dev *d, const char *name)
{
    for (size_t i = 0; i < d->n; i++) {
        if (strcmp(d->children[i].name, name) == 0) {
            return &d->children[i];
        }
    }
    return NULL;
}

static struct child *add_child(struct dev *d, const struct cluster_region *r)
{
    if (d->n == CORE_REGIONS_MAX) {
        return NULL;
    }
    d->children[d->n] = (struct child){
        .name = r->name,
        .url = r->url,
        .conf = r->conf,
        .log = cli_text(d->cli, "%s/log", r->home),
        .ready_fd = -1,
        .waiter_fd = -1,
    };
    return &d->children[d->n++];
}

/* ---- words ---- */

/* The last lines a region logged. */
static void print_tail(struct dev *d, const struct child *c)
{
    struct bytes log;
    if (cli_read_file(d->cli, c->log, &log) != OK) {
        return;
    }
    size_t from = log.len;
    for (size_t lines = 0; from > 0 && log.len - from < TAIL_BYTES; from--) {
        lines += log.base[from - 1] == '\n' && from < log.len;
        if (lines == TAIL_LINES) {
            break;
        }
    }
    cli_note("last lines of %s:\n%.*s", c->log, BYTES_FMT(bytes_from(log, from)));
}

static void print_json(struct dev *d)
{
    struct buf b;
    buf_init(&b, CLI_OUTPUT_BYTES_MAX);
    buf_put_str(&b, "{");
    json_put_member(&b, "dir", bytes_str(d->dir));
    json_put_member_u64(&b, "pid", (uint64_t)getpid());
    json_put_member(&b, "access_key_id", bytes_str(d->key->id));
    json_put_member(&b, "secret_access_key", bytes_str(d->key->secret));
    json_put_name(&b, "regions");
    buf_put_str(&b, "[");
    for (size_t i = 0; i < d->n; i++) {
        json_put_comma(&b);
        buf_put_str(&b, "{");
        json_put_member(&b, "region", bytes_str(d->children[i].name));
        json_put_member(&b, "url", bytes_str(d->children[i].url));
        json_put_member_u64(&b, "pid", (uint64_t)d->children[i].pid);
        json_put_member(&b, "log", bytes_str(d->children[i].log));
        buf_put_str(&b, "}");
    }
    buf_put_str(&b, "]}\n");
    (void)cli_output(&b); /* nobody reads it: the regions serve all the same */
}

static void print_banner(struct dev *d)
{
    const struct child *first = &d->children[0];
    const char *dir = dir_option(d);
    struct buf b;
    buf_init(&b, CLI_OUTPUT_BYTES_MAX);
    buf_putf(&b, "godwit %s: %zu regions are up, data in %s\n\n", GODWIT_VERSION, d->n, d->dir);
    buf_putf(&b, "  %-20s %-26s %-8s %s\n", "REGION", "ENDPOINT", "PID", "LOG");
    for (size_t i = 0; i < d->n; i++) {
        const struct child *c = &d->children[i];
        buf_putf(&b, "  %-20s %-26s %-8d %s\n", c->name, c->url, c->pid, c->log);
    }
    buf_putf(&b, "\n  access key   %s\n  secret key   %s\n\n", d->key->id, d->key->secret);
    buf_put_str(
        &b,
        "Any endpoint serves every region: a request goes to the region it is signed for. "
        "Try:\n\n");
    buf_putf(
        &b, "  export AWS_ACCESS_KEY_ID=%s AWS_SECRET_ACCESS_KEY=%s\n", d->key->id, d->key->secret);
    buf_putf(
        &b, "  aws dynamodb list-tables --region %s --endpoint-url %s\n", first->name, first->url);
    buf_putf(&b, "  godwit status%s\n\nCtrl-C stops all regions.\n", dir);
    (void)cli_output(&b); /* nobody reads it: the regions serve all the same */
}

/* Says once what is there, as soon as no region is still coming up. */
static void announce(struct dev *d)
{
    bool all_up = true;
    for (size_t i = 0; i < d->n; i++) {
        if (d->children[i].state == CHILD_STARTING) {
            return;
        }
        all_up = all_up && d->children[i].state == CHILD_UP;
    }
    d->announced = true;
    if (!all_up) {
        return; /* whoever failed has been named, and all are being stopped */
    }
    if (d->as_json) {
        print_json(d);
    } else {
        print_banner(d);
    }
}

/* ---- stopping ---- */

static void stop_all(struct dev *d, int signo)
{
    d->kill_at_ns = io_now_ns() + (uint64_t)STOP_MS_MAX * 1000000;
    d->stopping = true;
    for (size_t i = 0; i < d->n; i++) {
        child_signal(&d->children[i], signo);
    }
}

static bool any_alive(const struct dev *d)
{
    for (size_t i = 0; i < d->n; i++) {
        if (d->children[i].pid > 0) {
            return true;
        }
    }
    return false;
}

static const char *how_it_ended(struct dev *d, int status)
{
    if (WIFSIGNALED(status)) {
        const char *name = sigabbrev_np(WTERMSIG(status));
        return cli_text(d->cli, "was killed by SIG%s", name != NULL ? name : "?");
    }
    return cli_text(d->cli, "ended with exit code %d", WEXITSTATUS(status));
}

static void child_ended(struct dev *d, struct child *c, int status)
{
    enum child_state was = c->state;
    if (c->ready_fd >= 0) {
        (void)close(c->ready_fd); /* only read */
        c->ready_fd = -1;
    }
    const char *how = how_it_ended(d, status);
    pid_t pid = c->pid;
    c->pid = 0;
    c->state = CHILD_DOWN;
    if (was == CHILD_STOPPING) {
        child_tell(c, true, cli_text(d->cli, "%s is stopped\n", c->name));
        if (!d->stopping) {
            cli_note("%s (pid %d) is stopped", c->name, pid);
        }
        return;
    }
    if (was == CHILD_STARTING) {
        child_tell(
            c,
            false,
            cli_text(d->cli, "%s could not start: it %s; see %s\n", c->name, how, c->log));
        cli_note("%s could not start: it %s", c->name, how);
        print_tail(d, c);
        if (!d->announced) {
            d->code = CLI_FAILED;
            stop_all(d, SIGTERM);
        }
        return;
    }
    cli_note(
        "%s (pid %d) %s; the other regions go on. Start it again with: godwit dev start %s%s",
        c->name,
        pid,
        how,
        c->name,
        dir_option(d));
}

static void reap(struct dev *d)
{
    int status;
    for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
        for (size_t i = 0; i < d->n; i++) {
            if (d->children[i].pid == pid) {
                child_ended(d, &d->children[i], status);
            }
        }
    }
}

static void take_signal(struct dev *d)
{
    struct signalfd_siginfo info;
    if (read(d->signal_fd, &info, sizeof info) != (ssize_t)sizeof info) {
        return;
    }
    if (info.ssi_signo == SIGCHLD) {
        reap(d);
    } else if (!d->stopping) {
        if (!d->as_json) {
            cli_note("stopping all regions; once more to kill them");
        }
        stop_all(d, SIGTERM);
    } else {
        stop_all(d, SIGKILL);
    }
}

/* ---- questions ---- */

/* A process that was just killed may need a moment to end; whoever killed it must be able to start
 * it anew at once. */
static void reap_dying(struct dev *d, const struct child *c)
{
    int fd = pidfd_open(c->pid, 0);
    struct pollfd ends = {.fd = fd, .events = POLLIN};
    if (fd >= 0) {
        (void)poll(&ends, 1, DYING_MS_MAX); /* if it lives on, that is what is answered */
        (void)close(fd);                    /* only watched */
    }
    reap(d);
}

/* The child of that name. One that is new, or was removed and may have been added anew at another
 * address, is looked up in the directory. NULL: there is none. */
static struct child *child_to_start(struct dev *d, const char *name)
{
    struct child *c = find_child(d, name);
    struct cluster cluster;
    if (c != NULL && !c->forgotten) {
        return c;
    }
    if (cluster_load(d->cli, d->dir, &cluster) != CLI_OK) {
        return NULL;
    }
    const struct cluster_region *r = cluster_find(&cluster, name);
    if (r == NULL) {
        return NULL;
    }
    if (c == NULL) {
        return add_child(d, r);
    }
    c->url = r->url;
    c->conf = r->conf;
    return c;
}

static void answer_start(struct dev *d, const char *name, int fd)
{
    struct child *c = child_to_start(d, name);
    if (c != NULL && c->state == CHILD_UP) {
        reap_dying(d, c);
    }
    if (c == NULL || d->stopping) {
        dev_answer(
            fd,
            false,
            cli_text(d->cli, "there is no region \"%s\" to start in %s\n", name, d->dir));
    } else if (c->state != CHILD_DOWN) {
        dev_answer(
            fd,
            false,
            cli_text(d->cli, "%s is %s, pid %d\n", name, child_state_name(c->state), c->pid));
    } else if (child_start(c) != CLI_OK) {
        dev_answer(fd, false, cli_text(d->cli, "could not start %s\n", name));
    } else {
        c->forgotten = false;
        c->waiter_fd = fd;
    }
}

static void answer_stop(struct dev *d, const char *name, int fd, int signo, bool forget)
{
    struct child *c = find_child(d, name);
    if (c == NULL) {
        dev_answer(fd, false, cli_text(d->cli, "there is no region \"%s\" in %s\n", name, d->dir));
        return;
    }
    c->forgotten = c->forgotten || forget;
    if (c->state == CHILD_DOWN) {
        dev_answer(fd, true, cli_text(d->cli, "%s is stopped\n", name));
        return;
    }
    child_tell(c, false, "somebody asked for something else meanwhile\n");
    c->waiter_fd = fd;
    child_signal(c, signo);
}

static void answer_pids(struct dev *d, int fd)
{
    struct buf b;
    buf_init(&b, CLI_OUTPUT_BYTES_MAX);
    for (size_t i = 0; i < d->n; i++) {
        const struct child *c = &d->children[i];
        if (!c->forgotten) {
            buf_putf(&b, "%s %s %d %s\n", c->name, child_state_name(c->state), c->pid, c->url);
        }
    }
    buf_put_u8(&b, '\0');
    dev_answer(fd, true, (const char *)b.base);
    buf_done(&b);
}

static void take_question(struct dev *d)
{
    int fd = accept4(d->listen_fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0) {
        return;
    }
    char line[DEV_LINE_BYTES_MAX];
    if (!dev_read_line(fd, line)) {
        (void)close(fd); /* nothing was asked */
    } else if (strncmp(line, "start ", 6) == 0) {
        answer_start(d, line + 6, fd);
    } else if (strncmp(line, "stop ", 5) == 0) {
        answer_stop(d, line + 5, fd, SIGTERM, false);
    } else if (strncmp(line, "kill ", 5) == 0) {
        answer_stop(d, line + 5, fd, SIGKILL, false);
    } else if (strncmp(line, "forget ", 7) == 0) {
        answer_stop(d, line + 7, fd, SIGTERM, true);
    } else if (strcmp(line, "pids") == 0) {
        answer_pids(d, fd);
    } else if (strcmp(line, "quit") == 0) {
        stop_all(d, SIGTERM); /* the connection closes with this process, which is the answer */
    } else {
        dev_answer(fd, false, "what was asked is not known here\n");
    }
}

/* ---- the loop ---- */

static void turn(struct dev *d)
{
    struct pollfd fds[FIXED_FDS + CORE_REGIONS_MAX];
    struct child *of[FIXED_FDS + CORE_REGIONS_MAX];
    nfds_t n = FIXED_FDS;
    fds[0] = (struct pollfd){.fd = d->signal_fd, .events = POLLIN};
    fds[1] = (struct pollfd){.fd = d->listen_fd, .events = POLLIN};
    for (size_t i = 0; i < d->n; i++) {
        if (d->children[i].ready_fd >= 0) {
            of[n] = &d->children[i];
            fds[n++] = (struct pollfd){.fd = d->children[i].ready_fd, .events = POLLIN};
        }
    }
    if (poll(fds, n, d->stopping ? 100 : -1) < 0) {
        return; /* interrupted: the next turn sees the same */
    }
    for (nfds_t i = FIXED_FDS; i < n; i++) {
        if (fds[i].revents != 0) {
            child_ready(of[i]);
            if (of[i]->state == CHILD_UP) {
                const struct child *c = of[i];
                const char *text =
                    cli_text(d->cli, "%s is up at %s, pid %d\n", c->name, c->url, c->pid);
                child_tell(of[i], true, text);
                if (d->announced) {
                    cli_note("%s is up, pid %d", c->name, c->pid);
                }
            }
        }
    }
    if (fds[0].revents != 0) {
        take_signal(d);
    }
    if (fds[1].revents != 0) {
        take_question(d);
    }
    if (d->stopping && io_now_ns() > d->kill_at_ns) {
        stop_all(d, SIGKILL);
    }
    if (!d->announced) {
        announce(d);
    }
}

static int open_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set); /* cannot fail, nor can adding real signals */
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaddset(&set, SIGCHLD);
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    if (sigprocmask(SIG_BLOCK, &set, NULL) != 0 || sigaction(SIGPIPE, &ignore, NULL) != 0) {
        return -1;
    }
    return signalfd(-1, &set, SFD_CLOEXEC);
}

int dev_supervise(
    struct cli *cli, const struct cluster *cluster, const struct access_key *key, bool as_json)
{
    struct dev d = {.cli = cli, .dir = cluster->dir, .key = key, .as_json = as_json};
    d.listen_fd = dev_listen(cluster->dir);
    if (d.listen_fd < 0) {
        return CLI_FAILED;
    }
    d.signal_fd = open_signals();
    ASSERT(d.signal_fd >= 0);
    for (size_t i = 0; i < cluster->n; i++) {
        struct child *c = add_child(&d, &cluster->regions[i]);
        if (child_start(c) != CLI_OK) {
            d.code = CLI_FAILED;
            stop_all(&d, SIGTERM);
        }
    }
    while (!d.stopping || any_alive(&d)) {
        turn(&d);
    }
    if (!as_json && d.code == CLI_OK) {
        cli_note("all regions are stopped; their data is in %s", d.dir);
    }
    (void)close(d.signal_fd); /* only read */
    (void)close(d.listen_fd); /* questions that wait are answered by its end */
    return d.code;
}

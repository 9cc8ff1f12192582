#pragma once

/* Development clusters: several regions as processes on loopback, with delays between them.
 *
 * `godwit dev` is the supervisor: it alone is the regions' parent, so they end with it. Other
 * commands ask it, over a socket in the directory, to start and stop regions. A question is one
 * line; the answer is "ok" or "error", a blank, and text up to the end of the connection:
 *
 *     start NAME    answered once the region answers requests, or has failed to come up
 *     stop NAME     answered once its process has ended
 *     kill NAME     as stop, by SIGKILL: the region has no chance to finish anything
 *     forget NAME   as stop; the region is no longer listed
 *     pids          "NAME STATE PID URL" lines
 *     quit          answered by the end of the supervisor */

#include <sys/types.h>

#include "cli/dir.h"
#include "cli/keys.h"

enum {
    DEV_LINE_BYTES_MAX = 256,
    DEV_LINK_PORT_OFFSET = 1000, /* from a region's HTTP port to its link port */
};

enum child_state { CHILD_DOWN, CHILD_STARTING, CHILD_UP, CHILD_STOPPING };

/* A region's process. */
struct child {
    const char *name;
    const char *url;
    const char *conf;
    const char *log;
    enum child_state state;
    bool forgotten;
    pid_t pid;     /* 0 when down */
    int ready_fd;  /* the region writes to the other end once it answers; -1: closed */
    int waiter_fd; /* whoever asked for a start or stop; -1: nobody waits */
};

/* "down", "starting", "up", "stopping". */
const char *child_state_name(enum child_state s);
/* Starts the process: CHILD_STARTING. CLI_OK, or CLI_FAILED after having said why. */
int child_start(struct child *c);
/* Reads from ready_fd, which is readable: CHILD_UP once the region says so. */
void child_ready(struct child *c);
/* Asks the process to end (SIGTERM) or ends it (SIGKILL): CHILD_STOPPING. Legal when down. */
void child_signal(struct child *c, int signo);
/* Answers the waiter, if any. */
void child_tell(struct child *c, bool ok, const char *text);

/* Supervises the cluster's regions until told to stop; returns the exit code. */
int dev_supervise(
    struct cli *cli, const struct cluster *cluster, const struct access_key *key, bool as_json);

/* Both ends of the socket. dev_listen(): -1 after having said why. */
int dev_listen(const char *dir);
/* Asks the supervisor of `dir`. CLI_OK with the answer's text; CLI_FAILED after having said why. */
int dev_ask(struct cli *cli, const char *dir, const char *line, struct bytes *ret);
/* Whether a supervisor runs for `dir`. */
bool dev_running(const char *dir);
/* Reads one line, without its end, from a connection that came in. false when none came in time. */
bool dev_read_line(int fd, char ret[DEV_LINE_BYTES_MAX]);
void dev_answer(int fd, bool ok, const char *text);

/* Chooses ports on loopback. Base 0: any free ones. CLI_OK, or CLI_FAILED after having said which
 * is taken. */
int dev_ports(uint16_t base, size_t n, uint16_t *ret_ports);
/* The one-way delay between two regions of a development cluster: as asked for, or else realistic.
 */
double dev_delay(const char *a, const char *b);

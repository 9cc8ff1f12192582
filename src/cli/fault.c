/* `godwit fault`: what a region does to the frames it sends to another, and to its own clock.
 * Development mode only; the regions refuse otherwise. Each region is told its own direction. */
#include <stdlib.h>

#include "cli/fleet.h"
#include "server/server.h"

/* A number as JSON takes it: digits with an optional sign and fraction. */
static bool number_ok(const char *text, bool may_be_negative)
{
    const char *at = text + (may_be_negative && text[0] == '-');
    bool digit = false;
    bool point = false;
    for (; *at != '\0'; at++) {
        if (*at >= '0' && *at <= '9') {
            digit = true;
        } else if (*at == '.' && digit && !point && at[1] != '\0') {
            point = true;
        } else {
            return false;
        }
    }
    return digit;
}

static int post(
    struct cli *cli, const struct fleet *fleet, const struct fleet_region *r, const char *body)
{
    struct json answer;
    const char *why;
    enum err e = admin_ask(
        cli,
        &cli->run_arena,
        &fleet->cluster,
        r->url,
        "POST",
        "fault",
        bytes_str(body),
        &answer,
        &why);
    return e == OK ? CLI_OK : cli_fail("%s: %s", r->name, why);
}

/* Tells `from` what to do to what it sends to `to`. */
static int post_link(
    struct cli *cli, struct fleet *fleet, const char *from, const char *to, const char *change)
{
    const struct fleet_region *r = fleet_find_up(fleet, from);
    if (r == NULL) {
        return CLI_FAILED;
    }
    return post(cli, fleet, r, cli_text(cli, "{\"peer\":\"%s\",%s}", to, change));
}

/* Both directions, or only from A to B. "all" for B means every other region. */
static int change_links(
    struct cli *cli, const struct args *args, struct fleet *fleet, const char *change)
{
    const char *a = args->at[0];
    const char *b = args->at[1];
    bool all = strcmp(b, "all") == 0;
    if (strcmp(a, b) == 0) {
        return cli_misuse("a region has no link to itself");
    }
    if (fleet_find(fleet, a) == NULL || (!all && fleet_find(fleet, b) == NULL)) {
        return CLI_FAILED;
    }
    int code = CLI_OK;
    for (size_t i = 0; i < fleet->n && code == CLI_OK; i++) {
        const char *other = fleet->regions[i].name;
        if (strcmp(other, a) == 0 || (!all && strcmp(other, b) != 0)) {
            continue;
        }
        code = post_link(cli, fleet, a, other, change);
        if (code == CLI_OK && !args_flag(args, "one-way")) {
            code = post_link(cli, fleet, other, a, change);
        }
    }
    return code;
}

static int open_and_change(struct cli *cli, const struct args *args, const char *change)
{
    struct fleet *fleet = ARENA_NEW(&cli->run_arena, struct fleet);
    ASSERT(fleet != NULL);
    int code = fleet_open(cli, args, fleet);
    return code == CLI_OK ? change_links(cli, args, fleet, change) : code;
}

/* CLI_OK for a number from `min` to `max`. */
static int check_number(const char *text, double min, double max)
{
    if (!number_ok(text, min < 0)) {
        return cli_misuse("\"%s\" is no number", text);
    }
    double v = strtod(text, NULL);
    return v >= min && v <= max
               ? CLI_OK
               : cli_misuse("%s is out of range: from %.0f to %.0f", text, min, max);
}

/* Commands that set one number of a link: `godwit fault WHAT A B NUMBER`. */
static int change_number(struct cli *cli, const struct args *args, const char *member, double max)
{
    int code = check_number(args->at[2], 0, max);
    if (code != CLI_OK) {
        return code;
    }
    return open_and_change(cli, args, cli_text(cli, "\"%s\":%s", member, args->at[2]));
}

int run_fault_delay(struct cli *cli, const struct args *args)
{
    return change_number(cli, args, "delay_ms", SERVER_FAULT_MS_MAX);
}

int run_fault_jitter(struct cli *cli, const struct args *args)
{
    return change_number(cli, args, "jitter_ms", SERVER_FAULT_MS_MAX);
}

int run_fault_loss(struct cli *cli, const struct args *args)
{
    return change_number(cli, args, "loss_per_mille", SERVER_FAULT_LOSS_MAX);
}

int run_fault_bandwidth(struct cli *cli, const struct args *args)
{
    return change_number(cli, args, "bytes_per_s", SERVER_FAULT_BANDWIDTH_MAX);
}

int run_fault_partition(struct cli *cli, const struct args *args)
{
    return open_and_change(cli, args, "\"cut\":true");
}

int run_fault_skew(struct cli *cli, const struct args *args)
{
    int code = check_number(args->at[1], -SERVER_FAULT_SKEW_MS_MAX, SERVER_FAULT_SKEW_MS_MAX);
    if (code != CLI_OK) {
        return code;
    }
    struct fleet *fleet = ARENA_NEW(&cli->run_arena, struct fleet);
    ASSERT(fleet != NULL);
    code = fleet_open(cli, args, fleet);
    if (code != CLI_OK) {
        return code;
    }
    const struct fleet_region *r = fleet_find_up(fleet, args->at[0]);
    return r == NULL ? CLI_FAILED
                     : post(cli, fleet, r, cli_text(cli, "{\"skew_ms\":%s}", args->at[1]));
}

/* Everything everywhere; a region that is down has no faults to heal. */
static int heal_all(struct cli *cli, struct fleet *fleet)
{
    int code = CLI_OK;
    for (size_t i = 0; i < fleet->n; i++) {
        const struct fleet_region *r = &fleet->regions[i];
        if (!r->up) {
            cli_note("%s does not answer; its faults end with its process", r->name);
            continue;
        }
        int one = post(cli, fleet, r, "{\"heal\":true,\"skew_ms\":0}");
        code = code == CLI_OK ? one : code;
    }
    return code;
}

int run_fault_heal(struct cli *cli, const struct args *args)
{
    if (args->n == 1) {
        return cli_misuse("name both ends of a link, or none to heal everything");
    }
    if (args->n == 2) {
        return open_and_change(cli, args, "\"heal\":true");
    }
    struct fleet *fleet = ARENA_NEW(&cli->run_arena, struct fleet);
    ASSERT(fleet != NULL);
    int code = fleet_open(cli, args, fleet);
    return code == CLI_OK ? heal_all(cli, fleet) : code;
}

/* The table of commands: what each is called, takes and says of itself. */
#include "cli/inside.h"

#define OPTIONS(list) .options = (list), .n_options = sizeof(list) / sizeof((list)[0])

static const struct arg_option server_options[] = {
    {"config", ARG_TEXT, "FILE", "the region's configuration (default: DIR/godwit.conf)", 0},
    {"ready-fd", ARG_NUMBER, "N", "write a line to this descriptor once the region answers", 1024},
    CLI_OPTION_DIR,
};

static const struct arg_option init_options[] = {
    {"region", ARG_TEXT, "NAME", "the region's name, such as eu-west-1", 0},
    CLI_OPTION_DIR,
    {"http", ARG_TEXT, "HOST:PORT", "where clients connect (default: 127.0.0.1:8000)", 0},
    {"link", ARG_TEXT, "HOST:PORT", "where other regions connect (default: 127.0.0.1:9000)", 0},
    {"join", ARG_TEXT, "FILE", "join the cluster that wrote this file (godwit region add)", 0},
    CLI_OPTION_JSON,
};

static const struct arg_option dev_options[] = {
    {"regions", ARG_TEXT, "A,B,C", "names (default: us-east-2,eu-west-1,ap-southeast-1)", 0},
    CLI_OPTION_DIR,
    {"port",
     ARG_NUMBER,
     "BASE",
     "first HTTP port; links use BASE + 1000 on (default: 8000; 0: any)",
     60000},
    {"delay",
     ARG_NUMBER,
     "MS",
     "one-way delay between all regions, instead of realistic ones",
     60000},
    {"no-delay", ARG_FLAG, NULL, "no delays between regions", 0},
    {"json", ARG_FLAG, NULL, "print what is there as one line of JSON, once all regions are up", 0},
};

static const struct arg_option dir_options[] = {CLI_OPTION_DIR};
static const struct arg_option dev_stop_options[] = {
    CLI_OPTION_DIR,
    {"kill", ARG_FLAG, NULL, "by SIGKILL, as a crash", 0},
};
static const struct arg_option dir_json_options[] = {CLI_OPTION_DIR, CLI_OPTION_JSON};

static const struct arg_option key_options[] = {
    CLI_OPTION_DIR,
    {"keys", ARG_TEXT, "FILE", "the key file (default: the one the region in DIR uses)", 0},
    CLI_OPTION_JSON,
};
static const struct arg_option key_list_options[] = {
    CLI_OPTION_DIR,
    {"keys", ARG_TEXT, "FILE", "the key file (default: the one the region in DIR uses)", 0},
    {"secrets", ARG_FLAG, NULL, "show the secret keys too", 0},
    CLI_OPTION_JSON,
};

const struct cli_command cli_commands[] = {
    {
        .name = "dev",
        .synopsis = "",
        .summary = "run a development cluster on this machine until Ctrl-C",
        .details = "Starts one process per region on loopback, with realistic delays between them. "
                   "Identities, keys\n"
                   "and data stay in DIR, so the next start goes on where this one ended. A region "
                   "that dies stays\n"
                   "down, as a lost region does, until godwit dev start brings it back. Ctrl-C "
                   "stops all regions;\n"
                   "a second one kills them.",
        OPTIONS(dev_options),
        .run = run_dev,
    },
    {
        .name = "dev start",
        .synopsis = "REGION",
        .summary = "start a region of the running development cluster again",
        OPTIONS(dir_options),
        .n_min = 1,
        .n_max = 1,
        .run = run_dev_start,
    },
    {
        .name = "dev stop",
        .synopsis = "[REGION]",
        .summary = "stop one region of the running development cluster, or all of it",
        OPTIONS(dev_stop_options),
        .n_max = 1,
        .run = run_dev_stop,
    },
    {
        .name = "dev pids",
        .synopsis = "",
        .summary = "list the development cluster's regions: name, state, pid, address",
        OPTIONS(dir_json_options),
        .run = run_dev_pids,
    },
    {
        .name = "init",
        .synopsis = "",
        .summary = "write the configuration of a new region",
        .details = "Makes DIR/godwit.conf with a fresh region id and cluster secret, or those of a "
                   "join file, and\n"
                   "DIR/keys with a fresh access key unless it is there already.",
        OPTIONS(init_options),
        .run = run_init,
    },
    {
        .name = "server",
        .synopsis = "",
        .summary = "run one region until SIGINT or SIGTERM",
        .details = "Prints nothing but its log, on standard error. Relative paths in the "
                   "configuration are seen from\n"
                   "the folder it lies in.",
        OPTIONS(server_options),
        .run = run_server,
    },
    {
        .name = "key create",
        .synopsis = "",
        .summary = "make an access key and print it",
        OPTIONS(key_options),
        .run = run_key_create,
    },
    {
        .name = "key list",
        .synopsis = "",
        .summary = "list the access keys",
        OPTIONS(key_list_options),
        .run = run_key_list,
    },
    {
        .name = "key revoke",
        .synopsis = "ACCESS_KEY_ID",
        .summary = "turn an access key off; requests signed with it are refused",
        OPTIONS(key_options),
        .n_min = 1,
        .n_max = 1,
        .run = run_key_revoke,
    },
};
const size_t cli_commands_n = sizeof cli_commands / sizeof cli_commands[0];

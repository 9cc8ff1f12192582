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

static const struct arg_option cluster_options[] = {CLI_OPTIONS_CLUSTER};
static const struct arg_option cluster_json_options[] = {CLI_OPTIONS_CLUSTER, CLI_OPTION_JSON};

static const struct arg_option region_add_options[] = {
    {"http", ARG_TEXT, "HOST:PORT", "where its clients will connect", 0},
    {"link", ARG_TEXT, "HOST:PORT", "where the other regions will connect", 0},
    {"out", ARG_TEXT, "FILE", "the join file to write (default: NAME.join)", 0},
    CLI_OPTIONS_CLUSTER,
};

static const struct arg_option verify_options[] = {
    {"timeout",
     ARG_NUMBER,
     "S",
     "how long to wait for regions to become equal (default: 30)",
     86400},
    {"keys", ARG_NUMBER, "N", "how many differing keys of a table to name (default: 20)", 1000000},
    CLI_OPTIONS_CLUSTER,
    CLI_OPTION_JSON,
};

static const struct arg_option conflicts_options[] = {
    {"limit", ARG_NUMBER, "N", "how many to show, the latest first (default: 20)", 1000},
    {"region", ARG_TEXT, "NAME", "only what this region logged", 0},
    CLI_OPTIONS_CLUSTER,
    CLI_OPTION_JSON,
};

static const struct arg_option fault_options[] = {
    {"one-way", ARG_FLAG, NULL, "only what A sends to B", 0},
    CLI_OPTIONS_CLUSTER,
};

#define TRANSFER_OPTIONS                                                                           \
    {"format", ARG_TEXT, "csv|jsonl", "the file's format (default: by its name)", 0},              \
        {"region", ARG_TEXT, "NAME", "which region's table (default: the first that answers)", 0}, \
    {                                                                                              \
        "restart", ARG_FLAG, NULL, "begin anew instead of going on where an earlier run ended", 0  \
    }

static const struct arg_option import_options[] = {TRANSFER_OPTIONS, CLI_OPTIONS_CLUSTER};
static const struct arg_option export_options[] = {
    TRANSFER_OPTIONS,
    {"plain", ARG_FLAG, NULL, "JSON lines without DynamoDB's type tags", 0},
    CLI_OPTIONS_CLUSTER,
};

static const struct arg_option bench_options[] = {
    {"region", ARG_TEXT, "NAME", "which region (default: the first that answers)", 0},
    {"connections", ARG_NUMBER, "N", "(default: 16)", 16384},
    {"seconds", ARG_NUMBER, "N", "(default: 10)", 1000000},
    {"rate",
     ARG_NUMBER,
     "N",
     "requests a second; latencies then count from when each was due (default: as many as go)",
     10000000},
    {"reads", ARG_NUMBER, "PERCENT", "GetItem; the rest are PutItem (default: 50)", 100},
    {"keys", ARG_NUMBER, "N", "choose among so many items (default: 10000)", 100000000},
    {"item-bytes", ARG_NUMBER, "N", "about so large (default: 300)", 400 * 1024},
    {"seed", ARG_NUMBER, "N", "of the choices (default: 1)", 0},
    CLI_OPTIONS_CLUSTER,
    CLI_OPTION_JSON,
};

#define FAULT_DETAILS                                                                             \
    "B may be \"all\": every other region. Only regions in development mode take faults; godwit " \
    "status\n"                                                                                    \
    "shows them, godwit fault heal ends them."

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
    {
        .name = "status",
        .synopsis = "",
        .summary = "show regions, links, lag and what is pending",
        .details =
            "A link's lag is what the receiving region measured, from a write's commit there to "
            "its commit here;\n"
            "pending counts records sent or waiting that the other side has not acknowledged.",
        OPTIONS(cluster_json_options),
        .run = run_status,
    },
    {
        .name = "region add",
        .synopsis = "NAME",
        .summary = "add a region to a live cluster",
        .details = "In a development cluster this is all: it chooses ports, writes the "
                   "configuration and starts the\n"
                   "region. Elsewhere it needs --http and --link, and writes a join file for "
                   "godwit init --join.",
        OPTIONS(region_add_options),
        .n_min = 1,
        .n_max = 1,
        .run = run_region_add,
    },
    {
        .name = "region remove",
        .synopsis = "NAME",
        .summary = "remove a region from a live cluster",
        .details = "Its log is no longer taken and no longer kept for; to come back it must join "
                   "anew. Its data stays\n"
                   "on its disk.",
        OPTIONS(cluster_options),
        .n_min = 1,
        .n_max = 1,
        .run = run_region_remove,
    },
    {
        .name = "region list",
        .synopsis = "",
        .summary = "list the members of the cluster",
        OPTIONS(cluster_json_options),
        .run = run_region_list,
    },
    {
        .name = "table list",
        .synopsis = "",
        .summary = "list the tables of all regions",
        OPTIONS(cluster_json_options),
        .run = run_table_list,
    },
    {
        .name = "table describe",
        .synopsis = "NAME",
        .summary = "show what each region says of a table",
        OPTIONS(cluster_json_options),
        .n_min = 1,
        .n_max = 1,
        .run = run_table_describe,
    },
    {
        .name = "verify",
        .synopsis = "[TABLE...]",
        .summary = "prove that all regions hold the same, or name what differs",
        .details = "Compares digests of the catalog and of every global table, or of the tables "
                   "named, once nothing is\n"
                   "under way between regions. Exit code 0 means: every replica answered and all "
                   "are equal.",
        OPTIONS(verify_options),
        .n_max = ARGS_POSITIONS_MAX,
        .run = run_verify,
    },
    {
        .name = "conflicts",
        .synopsis = "[TABLE]",
        .summary = "show writes that lost to others they did not know of",
        OPTIONS(conflicts_options),
        .n_max = 1,
        .run = run_conflicts,
    },
    {
        .name = "fault delay",
        .synopsis = "A B MS",
        .summary = "delay what two regions send each other",
        .details = FAULT_DETAILS,
        OPTIONS(fault_options),
        .n_min = 3,
        .n_max = 3,
        .run = run_fault_delay,
    },
    {
        .name = "fault jitter",
        .synopsis = "A B MS",
        .summary = "delay it by up to so much more, at random",
        .details = FAULT_DETAILS,
        OPTIONS(fault_options),
        .n_min = 3,
        .n_max = 3,
        .run = run_fault_jitter,
    },
    {
        .name = "fault loss",
        .synopsis = "A B PER_MILLE",
        .summary = "lose frames between two regions, which costs retransmissions",
        .details = FAULT_DETAILS,
        OPTIONS(fault_options),
        .n_min = 3,
        .n_max = 3,
        .run = run_fault_loss,
    },
    {
        .name = "fault bandwidth",
        .synopsis = "A B BYTES_PER_S",
        .summary = "limit the rate between two regions; 0 ends it",
        .details = FAULT_DETAILS,
        OPTIONS(fault_options),
        .n_min = 3,
        .n_max = 3,
        .run = run_fault_bandwidth,
    },
    {
        .name = "fault partition",
        .synopsis = "A B",
        .summary = "cut two regions off from each other",
        .details = FAULT_DETAILS,
        OPTIONS(fault_options),
        .n_min = 2,
        .n_max = 2,
        .run = run_fault_partition,
    },
    {
        .name = "fault skew",
        .synopsis = "REGION MS",
        .summary = "set a region's clock forward or, with a minus, back",
        OPTIONS(cluster_options),
        .n_min = 2,
        .n_max = 2,
        .run = run_fault_skew,
    },
    {
        .name = "fault heal",
        .synopsis = "[A B]",
        .summary = "end the faults between two regions, or all faults",
        .details = "Delays return to what the configuration says.",
        OPTIONS(fault_options),
        .n_max = 2,
        .run = run_fault_heal,
    },
    {
        .name = "import",
        .synopsis = "TABLE FILE",
        .summary = "put a file's items into a table",
        .details =
            "CSV begins with a line of column names; behind a name, a type: id:N, S (text, the "
            "default), N, B\n"
            "(base64), BOOL, or JSON (an attribute value as DynamoDB writes it). An empty field is "
            "no value,\n"
            "an empty one in quotes an empty text. JSON lines hold plain objects, or DynamoDB's "
            "tagged ones.\n"
            "FILE.progress says how far an interrupted import came; the next run goes on there.",
        OPTIONS(import_options),
        .n_min = 2,
        .n_max = 2,
        .run = run_import,
    },
    {
        .name = "export",
        .synopsis = "TABLE FILE",
        .summary = "write a table's items to a file",
        .details = "Writes what import reads. FILE.part and FILE.progress hold an export that was "
                   "interrupted; the\n"
                   "next run goes on there.",
        OPTIONS(export_options),
        .n_min = 2,
        .n_max = 2,
        .run = run_export,
    },
    {
        .name = "bench",
        .synopsis = "",
        .summary = "put load on a region and measure it",
        .details =
            "Signed GetItem and PutItem requests against a table of its own, godwit-bench, which "
            "stays. Writes\n"
            "count when they are acknowledged, so when they are on disk.",
        OPTIONS(bench_options),
        .run = run_bench,
    },
};
const size_t cli_commands_n = sizeof cli_commands / sizeof cli_commands[0];

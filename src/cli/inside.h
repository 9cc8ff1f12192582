#pragma once

/* What the commands share: the run's context, how a command is declared, how it speaks. */

#include "base/base.h"
#include "cli/args.h"
#include "doc/doc.h"

enum { CLI_OK = 0, CLI_FAILED = 1, CLI_USAGE = 2 };

enum { CLI_JSON_DEPTH_MAX = 100 };

struct web;

/* One run of the program. */
struct cli {
    struct arena run_arena; /* lives as long as the run */
    struct json_parser *json;
    struct web *web; /* made at first use by admin or DynamoDB calls */
};

struct cli_command {
    const char *name;     /* one or two words: "status", "key create" */
    const char *synopsis; /* positional arguments, for the usage line */
    const char *summary;  /* one line, lower case */
    const char *details;  /* paragraphs for --help, or NULL */
    const struct arg_option *options;
    size_t n_options;
    size_t n_min; /* positional arguments */
    size_t n_max;
    int (*run)(struct cli *cli, const struct args *args);
};

/* Ends a failed command: writes "godwit: TEXT" to standard error, returns CLI_FAILED. */
int cli_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* As cli_fail() for arguments that make no sense; returns CLI_USAGE. */
int cli_misuse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A remark on standard error that is no failure. */
void cli_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Writes a finished output to standard output; CLI_OK, or CLI_FAILED when it could not be written.
 * Frees `out`. */
int cli_output(struct buf *out);
/* printf into the run's arena, NUL-terminated. Past the arena's cap the process ends with a
 * message: nothing a command line says is that long. */
char *cli_text(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Reads a whole file into the run's arena. OK, or io_file_read()'s errors. */
MUST_CHECK enum err cli_read_file(struct cli *cli, const char *path, struct bytes *ret);
/* A wait that nothing interrupts but the process's end. */
void cli_sleep_ms(uint64_t ms);

/* Output grows to at most this. */
enum { CLI_OUTPUT_BYTES_MAX = 1 << 30 };

/* Options many commands have. */
#define CLI_OPTION_DIR                                                                 \
    {                                                                                  \
        "dir", ARG_TEXT, "DIR",                                                        \
            "where godwit keeps its files (default: $GODWIT_DIR, or ./godwit-data)", 0 \
    }
#define CLI_OPTION_JSON                         \
    {                                           \
        "json", ARG_FLAG, NULL, "print JSON", 0 \
    }
#define CLI_OPTIONS_CLUSTER                                                                \
    CLI_OPTION_DIR,                                                                        \
        {"endpoint",                                                                       \
         ARG_TEXT,                                                                         \
         "URL",                                                                            \
         "ask the region at this address instead of those in DIR",                         \
         0},                                                                               \
    {                                                                                      \
        "token", ARG_TEXT, "TOKEN", "admin token (default: $GODWIT_TOKEN, or from DIR)", 0 \
    }

/* --dir, $GODWIT_DIR or the default. */
const char *cli_dir(const struct args *args);

/* ---- JSON that others wrote, read without fuss ---- */

/* The member's text (strings and numbers), or empty. */
struct bytes json_text(const struct json *obj, const char *name);
/* The member's whole number, or 0 when it is missing or none. */
uint64_t json_u64(const struct json *obj, const char *name);
bool json_true(const struct json *obj, const char *name);
/* The member's elements; *ret_n is 0 when it is no array. */
const struct json *json_items(const struct json *obj, const char *name, size_t *ret_n);
/* Appends `"name":` and the string, with a comma before it unless it follows an opening bracket. */
void json_put_member(struct buf *b, const char *name, struct bytes text);
void json_put_member_u64(struct buf *b, const char *name, uint64_t v);
void json_put_member_bool(struct buf *b, const char *name, bool v);
/* Appends `"name":` alone, for a value that follows. */
void json_put_name(struct buf *b, const char *name);
/* Appends a comma unless nothing stands before it in its array. */
void json_put_comma(struct buf *b);
/* Appends `j` over several lines, for people. */
void json_put_pretty(struct buf *b, const struct json *j);

/* ---- the commands ---- */

extern const struct cli_command cli_commands[];
extern const size_t cli_commands_n;

#define CLI_RUN(name) int name(struct cli *cli, const struct args *args)
CLI_RUN(run_server);
CLI_RUN(run_init);
CLI_RUN(run_dev);
CLI_RUN(run_dev_start);
CLI_RUN(run_dev_stop);
CLI_RUN(run_dev_pids);
CLI_RUN(run_key_create);
CLI_RUN(run_key_list);
CLI_RUN(run_key_revoke);
CLI_RUN(run_status);
CLI_RUN(run_region_add);
CLI_RUN(run_region_remove);
CLI_RUN(run_region_list);
CLI_RUN(run_table_list);
CLI_RUN(run_table_describe);
CLI_RUN(run_verify);
CLI_RUN(run_conflicts);
CLI_RUN(run_fault_delay);
CLI_RUN(run_fault_jitter);
CLI_RUN(run_fault_loss);
CLI_RUN(run_fault_bandwidth);
CLI_RUN(run_fault_partition);
CLI_RUN(run_fault_skew);
CLI_RUN(run_fault_heal);
CLI_RUN(run_import);
CLI_RUN(run_export);
CLI_RUN(run_bench);

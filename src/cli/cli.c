/* Finding the command, its help, and the ways in which commands speak: data on standard output,
 * sentences on standard error, the outcome in the exit code. */
#include "cli/cli.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/http.h"
#include "cli/inside.h"
#include "io/io.h"

enum { RUN_ARENA_BYTES_MAX = 1 << 30, FILE_BYTES_MAX = 16 << 20, HELP_COLUMN = 26 };

__attribute__((format(printf, 2, 0))) static void say_line(
    const char *before, const char *fmt, va_list args)
{
    (void)fflush(stdout); /* what was said before comes before; a failure shows at the end */
    (void)fputs(before, stderr);
    (void)vfprintf(stderr, fmt, args);
    (void)fputc('\n', stderr);
}

int cli_fail(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say_line("godwit: ", fmt, args);
    va_end(args);
    return CLI_FAILED;
}

int cli_misuse(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say_line("godwit: ", fmt, args);
    va_end(args);
    return CLI_USAGE;
}

void cli_note(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    say_line("", fmt, args);
    va_end(args);
}

int cli_output(struct buf *out)
{
    bool whole = out->err == OK;
    bool written = fwrite(out->base, 1, out->len, stdout) == out->len && fflush(stdout) == 0;
    buf_done(out);
    if (!whole) {
        return cli_fail("the output is too long");
    }
    return written ? CLI_OK : cli_fail("could not write the output");
}

char *cli_text(struct cli *cli, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    char *text = len < 0 ? NULL : arena_alloc(&cli->run_arena, (size_t)len + 1);
    if (text == NULL) {
        exit(cli_fail("out of room for texts"));
    }
    (void)vsnprintf(text, (size_t)len + 1, fmt, again); /* measured above */
    va_end(again);
    return text;
}

enum err cli_read_file(struct cli *cli, const char *path, struct bytes *ret)
{
    struct buf b;
    buf_init(&b, FILE_BYTES_MAX);
    enum err e = io_file_read(path, &b);
    if (e == OK) {
        *ret = bytes_dup(&cli->run_arena, buf_bytes(&b));
        e = ret->len > 0 && ret->base == NULL ? ERR_TOO_BIG : OK;
    }
    buf_done(&b);
    return e;
}

void cli_sleep_ms(uint64_t ms)
{
    uint64_t until = io_now_ns() + ms * 1000000;
    for (uint64_t now = io_now_ns(); now < until; now = io_now_ns()) {
        (void)poll(
            NULL, 0, (int)((until - now) / 1000000) + 1); /* interrupted: the clock decides */
    }
}

const char *cli_dir(const struct args *args)
{
    const char *env = getenv("GODWIT_DIR");
    return args_text(args, "dir", env != NULL && env[0] != '\0' ? env : "godwit-data");
}

/* ---- help ---- */

static void put_summary(struct buf *b, const struct cli_command *c)
{
    buf_putf(b, "  %-18s %s\n", c->name, c->summary);
}

static bool in_group(const struct cli_command *c, const char *group)
{
    size_t len = strlen(group);
    return strncmp(c->name, group, len) == 0 && (c->name[len] == '\0' || c->name[len] == ' ');
}

/* Help on the program, or (group not NULL) on the commands that begin with that word. */
static int help_list(const char *group)
{
    struct buf b;
    buf_init(&b, CLI_OUTPUT_BYTES_MAX);
    if (group == NULL) {
        buf_put_str(
            &b,
            "godwit: a multi-region, active-active database that speaks DynamoDB's protocol\n\n"
            "usage: godwit COMMAND [ARGUMENTS]\n\ncommands:\n");
    } else {
        buf_putf(&b, "usage: godwit %s COMMAND [ARGUMENTS]\n\ncommands:\n", group);
    }
    for (size_t i = 0; i < cli_commands_n; i++) {
        if (group == NULL || in_group(&cli_commands[i], group)) {
            put_summary(&b, &cli_commands[i]);
        }
    }
    buf_put_str(
        &b, "\ngodwit COMMAND --help says more. Exit codes: 0 ok, 1 failed, 2 wrong usage.\n");
    return cli_output(&b);
}

static int help_command(const struct cli_command *c)
{
    struct buf b;
    buf_init(&b, CLI_OUTPUT_BYTES_MAX);
    buf_putf(&b, "usage: godwit %s%s%s", c->name, c->synopsis[0] != '\0' ? " " : "", c->synopsis);
    buf_putf(&b, "%s\n\n%s\n", c->n_options > 0 ? " [OPTIONS]" : "", c->summary);
    if (c->details != NULL) {
        buf_putf(&b, "\n%s\n", c->details);
    }
    if (c->n_options > 0) {
        buf_put_str(&b, "\noptions:\n");
    }
    for (size_t i = 0; i < c->n_options; i++) {
        const struct arg_option *o = &c->options[i];
        const char *metavar = o->metavar != NULL ? o->metavar : "";
        int width = HELP_COLUMN - (int)strlen(o->name) - 1;
        buf_putf(&b, "  --%s %-*s %s\n", o->name, width > 0 ? width : 0, metavar, o->help);
    }
    return cli_output(&b);
}

/* ---- dispatch ---- */

/* The command named by the first one or two words; *ret_words says how many. The longest name wins.
 */
static const struct cli_command *find_command(int argc, char **argv, int *ret_words)
{
    const struct cli_command *found = NULL;
    for (size_t i = 0; i < cli_commands_n; i++) {
        const char *space = strchr(cli_commands[i].name, ' ');
        size_t first =
            space == NULL ? strlen(cli_commands[i].name) : (size_t)(space - cli_commands[i].name);
        bool match =
            argc > 1 && bytes_eq(bytes_str(argv[1]), bytes_of(cli_commands[i].name, first));
        if (space != NULL) {
            match = match && argc > 2 && strcmp(argv[2], space + 1) == 0;
        }
        if (match && (found == NULL || space != NULL)) {
            found = &cli_commands[i];
            *ret_words = space == NULL ? 1 : 2;
        }
    }
    return found;
}

static bool is_group(const char *word)
{
    for (size_t i = 0; i < cli_commands_n; i++) {
        if (in_group(&cli_commands[i], word)) {
            return true;
        }
    }
    return false;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0;
}

static bool wants_help(int argc, char **argv)
{
    for (int i = 0; i < argc && strcmp(argv[i], "--") != 0; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

static int run_command(const struct cli_command *c, int argc, char **argv)
{
    struct cli cli = {.json = json_parser_new()};
    arena_init(&cli.run_arena, RUN_ARENA_BYTES_MAX);
    struct args args;
    const char *msg = NULL;
    int code;
    if (args_parse(&cli.run_arena, c->options, c->n_options, argc, argv, &args, &msg) != OK) {
        code = cli_misuse("%s (see godwit %s --help)", msg, c->name);
    } else if (args.n < c->n_min) {
        code =
            cli_misuse("usage: godwit %s %s (see godwit %s --help)", c->name, c->synopsis, c->name);
    } else if (args.n > c->n_max) {
        code = cli_misuse(
            "one argument too many: \"%s\" (see godwit %s --help)", args.at[c->n_max], c->name);
    } else {
        code = c->run(&cli, &args);
    }
    web_free(cli.web);
    json_parser_free(cli.json);
    arena_done(&cli.run_arena);
    if (fflush(stdout) != 0 && code == CLI_OK) {
        code = cli_fail("could not write the output");
    }
    return code;
}

int cli_main(int argc, char **argv)
{
    const char *word = argc > 1 ? argv[1] : "--help";
    if (strcmp(word, "--version") == 0 || strcmp(word, "version") == 0) {
        return printf("godwit %s\n", GODWIT_VERSION) > 0 ? CLI_OK : CLI_FAILED;
    }
    bool help = is_help(word);
    if (help && argc <= 2) {
        (void)help_list(NULL);
        return argc > 1 ? CLI_OK : CLI_USAGE;
    }
    if (help) { /* godwit help COMMAND */
        argc--;
        argv++;
        word = argv[1];
    }
    int words = 0;
    const struct cli_command *c = find_command(argc, argv, &words);
    help = help || wants_help(argc - 1 - words, argv + 1 + words);
    if (c == NULL && is_group(word) && (help || argc == 2)) {
        (void)help_list(word);
        return help ? CLI_OK : CLI_USAGE;
    }
    if (c == NULL) {
        bool group = is_group(word);
        return cli_misuse(
            "there is no command \"%s%s%s\"; godwit %s%s--help lists them",
            word,
            group ? " " : "",
            group ? argv[2] : "",
            group ? word : "",
            group ? " " : "");
    }
    return help ? help_command(c) : run_command(c, argc - 1 - words, argv + 1 + words);
}

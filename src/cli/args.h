#pragma once

/* Command lines against a declared set of options: `--name value`, `--name=value`, `--flag`, `--`
 * and positional arguments in any order. Pure: what is wrong comes back as a sentence, nothing is
 * printed. */

#include "base/base.h"

enum { ARGS_OPTIONS_MAX = 16, ARGS_POSITIONS_MAX = 64 };

enum arg_type { ARG_FLAG, ARG_TEXT, ARG_NUMBER };

struct arg_option {
    const char *name; /* without the dashes */
    enum arg_type type;
    const char *metavar; /* what stands for the value in the help; NULL for flags */
    const char *help;
    uint64_t max; /* largest ARG_NUMBER; 0: no bound */
};

struct args {
    const struct arg_option *options;
    size_t n_options;
    const char *text[ARGS_OPTIONS_MAX]; /* NULL: not given */
    uint64_t number[ARGS_OPTIONS_MAX];
    const char *at[ARGS_POSITIONS_MAX];
    size_t n;
};

/* Parses `argc` words into `ret`, which borrows them. "-" and a dash before a digit begin a
 * positional argument, not an option. OK; ERR_INVALID with a sentence in `a`. */
MUST_CHECK enum err args_parse(
    struct arena *a,
    const struct arg_option *options,
    size_t n_options,
    int argc,
    char **argv,
    struct args *ret,
    const char **reterr_msg);
/* The value given, or `otherwise`. The option is one of the declared ones (asserted). */
const char *args_text(const struct args *args, const char *name, const char *otherwise);
uint64_t args_number(const struct args *args, const char *name, uint64_t otherwise);
bool args_flag(const struct args *args, const char *name);

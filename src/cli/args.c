/* Parsing of command lines. An option given twice is refused: one of the two was a mistake, and
 * picking either would hide it. */
#include "cli/args.h"

static const char *say(struct arena *a, const char *what, const char *word)
{
    struct bytes text = bytes_fmt(a, "%s \"%s\"", what, word);
    const char *msg = text.base == NULL ? NULL : bytes_cstr(a, text);
    return msg != NULL ? msg : what;
}

/* The option's index, or n_options. */
static size_t find(const struct arg_option *options, size_t n_options, struct bytes name)
{
    size_t i = 0;
    while (i < n_options && !bytes_eq_str(name, options[i].name)) {
        i++;
    }
    return i;
}

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1] != '\0' && !(word[1] >= '0' && word[1] <= '9');
}

struct cursor {
    struct arena *a;
    int argc;
    char **argv;
    int at;
};

/* Takes the option at the cursor, and its value. */
static enum err take_option(struct cursor *c, struct args *args, const char **reterr_msg)
{
    const char *word = c->argv[c->at++];
    const char *equals = strchr(word, '=');
    struct bytes name = bytes_of(word, equals == NULL ? strlen(word) : (size_t)(equals - word));
    bool dashed = name.len > 2 && word[1] == '-';
    size_t i = dashed ? find(args->options, args->n_options, bytes_from(name, 2)) : args->n_options;
    if (i == args->n_options) {
        *reterr_msg = say(c->a, "there is no option", word);
        return ERR_INVALID;
    }
    const struct arg_option *o = &args->options[i];
    if (args->text[i] != NULL) {
        *reterr_msg = say(c->a, "given more than once: option", word);
        return ERR_INVALID;
    }
    if (o->type == ARG_FLAG) {
        args->text[i] = word;
        *reterr_msg = say(c->a, "no value belongs to option", word);
        return equals == NULL ? OK : ERR_INVALID;
    }
    if (equals == NULL && c->at == c->argc) {
        *reterr_msg = say(c->a, "a value is missing behind option", word);
        return ERR_INVALID;
    }
    args->text[i] = equals != NULL ? equals + 1 : c->argv[c->at++];
    if (o->type == ARG_NUMBER) {
        enum err e = bytes_u64(bytes_str(args->text[i]), &args->number[i]);
        if (e != OK || (o->max != 0 && args->number[i] > o->max)) {
            *reterr_msg = say(c->a, "not a number in range for this option:", word);
            return ERR_INVALID;
        }
    }
    return OK;
}

enum err args_parse(
    struct arena *a,
    const struct arg_option *options,
    size_t n_options,
    int argc,
    char **argv,
    struct args *ret,
    const char **reterr_msg)
{
    ASSERT(n_options <= ARGS_OPTIONS_MAX);
    struct args args = {.options = options, .n_options = n_options};
    struct cursor c = {.a = a, .argc = argc, .argv = argv};
    bool only_positions = false;
    while (c.at < argc) {
        const char *word = argv[c.at];
        if (!only_positions && strcmp(word, "--") == 0) {
            only_positions = true;
            c.at++;
        } else if (!only_positions && is_option(word)) {
            enum err e = take_option(&c, &args, reterr_msg);
            if (e != OK) {
                return e;
            }
        } else if (args.n == ARGS_POSITIONS_MAX) {
            *reterr_msg = say(a, "too many arguments, from", word);
            return ERR_INVALID;
        } else {
            args.at[args.n++] = word;
            c.at++;
        }
    }
    *ret = args;
    return OK;
}

static size_t index_of(const struct args *args, const char *name)
{
    size_t i = find(args->options, args->n_options, bytes_str(name));
    ASSERT(i < args->n_options);
    return i;
}

const char *args_text(const struct args *args, const char *name, const char *otherwise)
{
    const char *text = args->text[index_of(args, name)];
    return text != NULL ? text : otherwise;
}

uint64_t args_number(const struct args *args, const char *name, uint64_t otherwise)
{
    size_t i = index_of(args, name);
    ASSERT(args->options[i].type == ARG_NUMBER);
    return args->text[i] != NULL ? args->number[i] : otherwise;
}

bool args_flag(const struct args *args, const char *name)
{
    size_t i = index_of(args, name);
    ASSERT(args->options[i].type == ARG_FLAG);
    return args->text[i] != NULL;
}

/* Names and texts of the closed error list. */
#include "base/err.h"

#include <stddef.h>

const char *err_text(enum err e)
{
#define ERR_TEXT(name, text) [name] = text,
    static const char *const texts[] = {ERR_LIST(ERR_TEXT)};
#undef ERR_TEXT
    return (size_t)e < sizeof texts / sizeof texts[0] ? texts[e] : "unknown error";
}

const char *err_name(enum err e)
{
#define ERR_NAME(name, text) [name] = #name,
    static const char *const names[] = {ERR_LIST(ERR_NAME)};
#undef ERR_NAME
    return (size_t)e < sizeof names / sizeof names[0] ? names[e] : "ERR_UNKNOWN";
}

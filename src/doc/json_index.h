#pragma once

/* The seam between C and simdjson: where in a text the structural characters are. C and C++ both
 * read this header. Private to the room. */

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { JSON_PADDING = 64 }; /* readable bytes that must follow a text */

/* Scratch that grows with the texts and shrinks on demand; heap. */
struct json_index;

/* Never NULL: out of memory stops the process. Takes next to no memory before the first scan. */
struct json_index *json_index_new(void);
void json_index_free(struct json_index *x);
/* Finds the offsets, ascending, of every {}[]:, outside strings, of every opening quote and of
 * every other token's first byte. Checks UTF-8, that strings end, and that they hold no raw control
 * characters; nothing else. `*ret_at` lives until the next call on `x`. OK; ERR_SYNTAX; ERR_TOO_BIG
 * (4 GB or more). */
MUST_CHECK enum err json_index_scan(
    struct json_index *x, const uint8_t *text, size_t len, const uint32_t **ret_at, size_t *ret_n);
/* Gives memory back if the last texts made it grow beyond a megabyte. */
void json_index_shrink(struct json_index *x);

#ifdef __cplusplus
}
#endif

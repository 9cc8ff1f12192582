#pragma once

/* Text forms of bytes: base64 (RFC 4648 section 4, padded, strict), lower-case hex, UTF-8 validity.
 */

#include "base/bytes.h"

void put_base64(struct buf *b, struct bytes raw);
/* Strict: length a multiple of 4, padding only at the end, no blanks, unused bits zero. OK with the
 * bytes in `a`; ERR_SYNTAX; ERR_TOO_BIG at the arena's cap. */
MUST_CHECK enum err base64_decode(struct arena *a, struct bytes text, struct bytes *ret);
enum { INTEGER_TEXT_MAX = 20 };
/* In decimal, without a NUL; how many characters. */
size_t integer_text(uint64_t v, char ret[INTEGER_TEXT_MAX]);
void put_integer(struct buf *b, uint64_t v);
void put_hex(struct buf *b, struct bytes raw);
/* Accepts either case. OK, ERR_SYNTAX, ERR_TOO_BIG. */
MUST_CHECK enum err hex_decode(struct arena *a, struct bytes text, struct bytes *ret);
/* Shortest forms only, no surrogates, at most U+10FFFF (RFC 3629). */
bool utf8_valid(struct bytes b);
/* Number of code points in valid UTF-8. */
size_t utf8_length(struct bytes b);

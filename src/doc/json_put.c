/* JSON out: string literals and whole trees, compact. */
#include "doc/doc.h"
#include "doc/doc_internal.h"

/* Whether any of eight bytes needs an escape: below 0x20, a quote or a backslash. Exact when the
 * answer is no; a yes may be a byte above 0x7f in disguise, which the bytewise loop then sorts out.
 */
static inline bool word_is_plain(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    const uint64_t tops = ones << 7;
    uint64_t quote = word ^ (ones * '"');
    uint64_t backslash = word ^ (ones * '\\');
    uint64_t hit = (word - ones * 0x20) | (quote - ones) | (backslash - ones);
    return (hit & tops) == 0;
}

static inline bool byte_is_plain(uint8_t c)
{
    return c >= 0x20 && c != '"' && c != '\\';
}

/* Length of the run at `from` that needs no escape. */
static size_t plain_run(struct bytes s, size_t from)
{
    size_t i = from;
    for (; i + 8 <= s.len; i += 8) {
        uint64_t word;
        memcpy(&word, s.base + i, sizeof word);
        if (word_is_plain(word)) {
            continue;
        }
        for (size_t end = i + 8; i < end; i++) {
            if (!byte_is_plain(s.base[i])) {
                return i - from;
            }
        }
        i -= 8;
    }
    while (i < s.len && byte_is_plain(s.base[i])) {
        i++;
    }
    return i - from;
}

static void put_escape(struct buf *b, uint8_t c)
{
    static const char hex[] = "0123456789abcdef";
    /* Indexed by the byte; 0 means \u00XX. */
    static const char letters[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    char letter = c < 0x20 ? letters[c] : (char)c;
    if (letter != 0) {
        char out[2] = {'\\', letter};
        buf_put(b, out, sizeof out);
        return;
    }
    char out[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    buf_put(b, out, sizeof out);
}

/* The common case: nothing to escape, so one reservation holds it all. */
static void put_plain(struct buf *b, struct bytes s)
{
    uint8_t *to = buf_reserve(b, s.len + 2);
    if (to == NULL) {
        return;
    }
    to[0] = '"';
    if (s.len > 0) {
        memcpy(to + 1, s.base, s.len);
    }
    to[s.len + 1] = '"';
    b->len += s.len + 2;
}

void json_put_string(struct buf *b, struct bytes s)
{
    size_t run = plain_run(s, 0);
    if (run == s.len) {
        put_plain(b, s);
        return;
    }
    buf_put_u8(b, '"');
    for (size_t i = 0; i < s.len; run = plain_run(s, i)) {
        buf_put(b, s.base + i, run);
        i += run;
        if (i < s.len) {
            put_escape(b, s.base[i]);
            i++;
        }
    }
    buf_put_u8(b, '"');
}

static void put_at(struct buf *b, const struct json *j, size_t depth)
{
    ASSERT(depth <= JSON_DEPTH_MAX);
    switch (j->type) {
    case JSON_NULL:
        buf_put(b, "null", 4);
        return;
    case JSON_BOOL:
        buf_put_str(b, j->boolean ? "true" : "false");
        return;
    case JSON_NUMBER:
        buf_put_bytes(b, j->text);
        return;
    case JSON_STRING:
        json_put_string(b, j->text);
        return;
    case JSON_ARRAY:
        buf_put_u8(b, '[');
        for (size_t i = 0; i < j->array.n; i++) {
            if (i > 0) {
                buf_put_u8(b, ',');
            }
            put_at(b, &j->array.items[i], depth + 1);
        }
        buf_put_u8(b, ']');
        return;
    case JSON_OBJECT:
        buf_put_u8(b, '{');
        for (size_t i = 0; i < j->object.n; i++) {
            if (i > 0) {
                buf_put_u8(b, ',');
            }
            json_put_string(b, j->object.members[i].name);
            buf_put_u8(b, ':');
            put_at(b, &j->object.members[i].value, depth + 1);
        }
        buf_put_u8(b, '}');
        return;
    }
    UNREACHABLE();
}

void json_put(struct buf *b, const struct json *j)
{
    put_at(b, j, /* depth= */ 0);
}

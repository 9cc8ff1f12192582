/* Reading and writing JSON by member name. Answers come from our own regions, but maybe from other
 * versions of them: what is missing reads as empty or zero, and each command says what it could not
 * find. */
#include "cli/inside.h"

struct bytes json_text(const struct json *obj, const char *name)
{
    const struct json *j = json_find(obj, name);
    return j != NULL && (j->type == JSON_STRING || j->type == JSON_NUMBER) ? j->text : BYTES_NONE;
}

uint64_t json_u64(const struct json *obj, const char *name)
{
    uint64_t v;
    return bytes_u64(json_text(obj, name), &v) == OK ? v : 0;
}

bool json_true(const struct json *obj, const char *name)
{
    const struct json *j = json_find(obj, name);
    return j != NULL && j->type == JSON_BOOL && j->boolean;
}

const struct json *json_items(const struct json *obj, const char *name, size_t *ret_n)
{
    const struct json *j = json_find(obj, name);
    bool found = j != NULL && j->type == JSON_ARRAY;
    *ret_n = found ? j->array.n : 0;
    return found ? j->array.items : NULL;
}

void json_put_comma(struct buf *b)
{
    uint8_t last = b->len > 0 ? b->base[b->len - 1] : '{';
    if (last != '{' && last != '[') {
        buf_put_u8(b, ',');
    }
}

void json_put_name(struct buf *b, const char *name)
{
    json_put_comma(b);
    json_put_string(b, bytes_str(name));
    buf_put_u8(b, ':');
}

void json_put_member(struct buf *b, const char *name, struct bytes text)
{
    json_put_name(b, name);
    json_put_string(b, text);
}

void json_put_member_u64(struct buf *b, const char *name, uint64_t v)
{
    json_put_name(b, name);
    buf_putf(b, "%llu", (unsigned long long)v);
}

void json_put_member_bool(struct buf *b, const char *name, bool v)
{
    json_put_name(b, name);
    buf_put_str(b, v ? "true" : "false");
}

static void put_break(struct buf *b, size_t level)
{
    buf_put_u8(b, '\n');
    for (size_t i = 0; i < level; i++) {
        buf_put_str(b, "  ");
    }
}

/* Works on the compact text, so it needs no stack: a bracket opens a level unless it is closed at
 * once. */
void json_put_pretty(struct buf *b, const struct json *j)
{
    struct buf compact;
    buf_init(&compact, CLI_OUTPUT_BYTES_MAX);
    json_put(&compact, j);
    size_t level = 0;
    bool quoted = false;
    for (size_t i = 0; i < compact.len; i++) {
        uint8_t c = compact.base[i];
        uint8_t next = i + 1 < compact.len ? compact.base[i + 1] : 0;
        if (quoted) {
            buf_put_u8(b, c);
            if (c == '\\') {
                buf_put_u8(b, next);
                i++;
            }
            quoted = c != '"';
        } else if ((c == '{' || c == '[') && (next == '}' || next == ']')) {
            buf_put_u8(b, c);
            buf_put_u8(b, next);
            i++;
        } else if (c == '{' || c == '[') {
            buf_put_u8(b, c);
            put_break(b, ++level);
        } else if (c == '}' || c == ']') {
            put_break(b, --level);
            buf_put_u8(b, c);
        } else {
            buf_put_u8(b, c);
            quoted = c == '"';
            if (c == ',') {
                put_break(b, level);
            } else if (c == ':') {
                buf_put_u8(b, ' ');
            }
        }
    }
    if (compact.err != OK) {
        b->err = compact.err;
    }
    buf_done(&compact);
}

/* JSON texts to trees. simdjson has found where the structure is (json_index.h); this file walks it
 * once, from left to right, checks the grammar, and builds.
 *
 * Invariants:
 * 1. The text is copied into the caller's arena once. Strings without escapes and numbers borrow
 * from the copy; strings with escapes are decoded in place, for decoded text is never longer.
 * 2. Members and elements gather on the parser's stack until their container closes and its size is
 * known; then they move to the arena in one piece. So each node is moved once, whatever the
 * nesting.
 * 3. The stack never outgrows what the arena could still take, for all that is on it must end
 * there. */
#include <stdlib.h>

#include "doc/doc.h"
#include "doc/doc_internal.h"
#include "doc/json_index.h"

enum {
    STACK_FIRST = 32,
    STACK_BYTES_KEPT = 1024 * 1024,
};

struct json_parser {
    struct json_index *index;
    struct json_member *stack;
    size_t stack_cap;
};

struct json_parser *json_parser_new(void)
{
    struct json_parser *p = calloc(1, sizeof *p);
    ASSERT(p != NULL);
    p->index = json_index_new();
    return p;
}

void json_parser_free(struct json_parser *p)
{
    if (p == NULL) {
        return;
    }
    json_index_free(p->index);
    free(p->stack);
    free(p);
}

/* An open container: where its children start on the stack. Its own node lies just below them. */
struct frame {
    size_t first;
};

struct walk {
    struct json_parser *p;
    struct arena *a;
    uint8_t *text;
    const uint32_t *at; /* the next structural offset … */
    const uint32_t *end;
    size_t top; /* nodes on the stack */
    size_t depth;
    size_t depth_max;
    struct frame frames[JSON_DEPTH_MAX];
};

/* ---- scalars ---- */

static inline bool is_delimiter(uint8_t c)
{
    return c == ',' || c == '}' || c == ']' || c == ' ' || c == '\n' || c == '\r' || c == '\t' ||
           c == ':';
}

static inline bool is_digit(uint8_t c)
{
    return (uint8_t)(c - '0') <= 9;
}

/* Every scan ends at the padding at the latest, which is blanks. */
static bool scan_number(uint8_t *s, struct json *to)
{
    uint8_t *c = s;
    if (*c == '-') {
        c++;
    }
    if (*c == '0') {
        c++;
    } else if (is_digit(*c)) {
        do {
            c++;
        } while (is_digit(*c));
    } else {
        return false;
    }
    if (*c == '.') {
        if (!is_digit(*++c)) {
            return false;
        }
        do {
            c++;
        } while (is_digit(*c));
    }
    if (*c == 'e' || *c == 'E') {
        c++;
        if (*c == '+' || *c == '-') {
            c++;
        }
        if (!is_digit(*c)) {
            return false;
        }
        do {
            c++;
        } while (is_digit(*c));
    }
    if (!is_delimiter(*c)) {
        return false;
    }
    *to = (struct json){.type = JSON_NUMBER, .text = {s, (size_t)(c - s)}};
    return true;
}

static bool scan_word(const uint8_t *s, const char *word, size_t len)
{
    return memcmp(s, word, len) == 0 && is_delimiter(s[len]);
}

/* Four hexadecimal digits, or -1. */
static int32_t hex4(const uint8_t *s)
{
    int32_t v = 0;
    for (int i = 0; i < 4; i++) {
        uint8_t lower = s[i] | 0x20;
        int digit = is_digit(s[i])                 ? s[i] - '0'
                    : lower >= 'a' && lower <= 'f' ? lower - 'a' + 10
                                                   : -1;
        if (digit < 0) {
            return -1;
        }
        v = v << 4 | digit;
    }
    return v;
}

static uint8_t *store_utf8(uint8_t *to, uint32_t cp)
{
    if (cp < 0x80) {
        *to++ = (uint8_t)cp;
    } else if (cp < 0x800) {
        *to++ = (uint8_t)(0xc0 | cp >> 6);
        *to++ = (uint8_t)(0x80 | (cp & 0x3f));
    } else if (cp < 0x10000) {
        *to++ = (uint8_t)(0xe0 | cp >> 12);
        *to++ = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
        *to++ = (uint8_t)(0x80 | (cp & 0x3f));
    } else {
        *to++ = (uint8_t)(0xf0 | cp >> 18);
        *to++ = (uint8_t)(0x80 | (cp >> 12 & 0x3f));
        *to++ = (uint8_t)(0x80 | (cp >> 6 & 0x3f));
        *to++ = (uint8_t)(0x80 | (cp & 0x3f));
    }
    return to;
}

/* Decodes the \uXXXX (or surrogate pair) whose digits start at `*s`; half a pair is refused. */
static bool unescape_unicode(const uint8_t **s, uint8_t **to)
{
    int32_t cp = hex4(*s);
    if (cp < 0 || (cp >= 0xdc00 && cp <= 0xdfff)) {
        return false;
    }
    *s += 4;
    if (cp >= 0xd800 && cp <= 0xdbff) {
        if ((*s)[0] != '\\' || (*s)[1] != 'u') {
            return false;
        }
        int32_t low = hex4(*s + 2);
        if (low < 0xdc00 || low > 0xdfff) {
            return false;
        }
        *s += 6;
        cp = 0x10000 + ((cp - 0xd800) << 10) + (low - 0xdc00);
    }
    *to = store_utf8(*to, (uint32_t)cp);
    return true;
}

/* The byte that a one-letter escape stands for, or 0. */
static uint8_t unescape_letter(uint8_t c)
{
    switch (c) {
    case '"':
    case '\\':
    case '/':
        return c;
    case 'b':
        return '\b';
    case 'f':
        return '\f';
    case 'n':
        return '\n';
    case 'r':
        return '\r';
    case 't':
        return '\t';
    default:
        return 0;
    }
}

/* Decodes the rest of a string in place, from its first backslash on. */
static bool unescape(uint8_t *start, uint8_t *backslash, struct bytes *ret)
{
    const uint8_t *s = backslash;
    uint8_t *to = backslash;
    while (*s != '"') {
        if (*s != '\\') {
            *to++ = *s++;
            continue;
        }
        s += 2;
        if (s[-1] == 'u') {
            if (!unescape_unicode(&s, &to)) {
                return false;
            }
            continue;
        }
        uint8_t c = unescape_letter(s[-1]);
        if (c == 0) {
            return false;
        }
        *to++ = c;
    }
    *ret = bytes_of(start, (size_t)(to - start));
    return true;
}

/* A bit set in the top of each byte of `word` that equals the byte repeated in `pattern`; bytes
 * above the first match may be marked wrongly, which a search for the first one does not mind. */
static inline uint64_t match_bytes(uint64_t word, uint64_t pattern)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t x = word ^ pattern;
    return (x - ones) & ~x & (ones << 7);
}

/* The string that opens at `quote`. That it ends, and where its quotes lie, simdjson has checked.
 */
static inline bool scan_string(uint8_t *quote, struct bytes *ret)
{
    const uint64_t quotes = UINT64_C(0x2222222222222222);
    const uint64_t backslashes = UINT64_C(0x5c5c5c5c5c5c5c5c);
    uint8_t *start = quote + 1;
    for (uint8_t *c = start;; c += 8) {
        uint64_t word;
        memcpy(&word, c, sizeof word);
        uint64_t hit = match_bytes(word, quotes) | match_bytes(word, backslashes);
        if (hit == 0) {
            continue;
        }
        c += __builtin_ctzll(hit) / 8;
        if (*c == '\\') {
            return unescape(start, c, ret);
        }
        *ret = bytes_of(start, (size_t)(c - start));
        return true;
    }
}

/* ---- the walk ---- */

static enum err grow_stack(struct walk *w)
{
    struct json_parser *p = w->p;
    size_t cap = p->stack_cap == 0 ? STACK_FIRST : p->stack_cap * 2;
    /* What waits here still has to fit the arena, in nodes of at least this size. */
    if (w->top * sizeof(struct json) > w->a->bytes_max - w->a->bytes_used) {
        return ERR_TOO_BIG;
    }
    struct json_member *grown = realloc(p->stack, cap * sizeof *grown);
    ASSERT(grown != NULL);
    p->stack = grown;
    p->stack_cap = cap;
    return OK;
}

static enum err open_container(struct walk *w, struct json *node, enum json_type type)
{
    *node = (struct json){.type = type};
    if (w->depth == w->depth_max) {
        return ERR_LIMIT;
    }
    w->frames[w->depth++] = (struct frame){.first = w->top};
    return OK;
}

/* Moves the children of the innermost container into the arena. */
static enum err close_container(struct walk *w)
{
    size_t first = w->frames[--w->depth].first;
    struct json_member *children = w->p->stack + first;
    struct json *node = &children[-1].value;
    size_t n = w->top - first;
    w->top = first;
    if (n == 0) {
        return OK;
    }
    if (node->type == JSON_OBJECT) {
        struct json_member *members = arena_alloc(w->a, n * sizeof *members);
        if (members == NULL) {
            return ERR_TOO_BIG;
        }
        memcpy(members, children, n * sizeof *members);
        node->object.members = members;
        node->object.n = n;
        return OK;
    }
    struct json *items = arena_alloc(w->a, n * sizeof *items);
    if (items == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < n; i++) {
        items[i] = children[i].value;
    }
    node->array.items = items;
    node->array.n = n;
    return OK;
}

static bool scan_scalar(uint8_t *s, struct json *node)
{
    switch (*s) {
    case '"':
        *node = (struct json){.type = JSON_STRING};
        return scan_string(s, &node->text);
    case 't':
        *node = (struct json){.type = JSON_BOOL, .boolean = true};
        return scan_word(s, "true", 4);
    case 'f':
        *node = (struct json){.type = JSON_BOOL, .boolean = false};
        return scan_word(s, "false", 5);
    case 'n':
        *node = (struct json){.type = JSON_NULL};
        return scan_word(s, "null", 4);
    default:
        return scan_number(s, node);
    }
}

/* Whether the next structural character is `c`. */
static inline bool next_is(const struct walk *w, uint8_t c)
{
    return w->at < w->end && w->text[*w->at] == c;
}

/* Takes `"name":` off the text into `*ret`. */
static inline bool take_name(struct walk *w, struct bytes *ret)
{
    if (!next_is(w, '"')) {
        return false;
    }
    if (!scan_string(w->text + *w->at++, ret)) {
        return false;
    }
    if (!next_is(w, ':')) {
        return false;
    }
    w->at++;
    return true;
}

/* Takes one value (or opens a container) into a new node on the stack. */
static inline enum err take_value(struct walk *w, struct bytes name)
{
    if (w->at == w->end) {
        return ERR_SYNTAX;
    }
    if (w->top == w->p->stack_cap) {
        enum err e = grow_stack(w);
        if (e != OK) {
            return e;
        }
    }
    struct json_member *node = &w->p->stack[w->top++];
    uint8_t *s = w->text + *w->at++;
    node->name = name;
    if (*s == '{') {
        return open_container(w, &node->value, JSON_OBJECT);
    }
    if (*s == '[') {
        return open_container(w, &node->value, JSON_ARRAY);
    }
    return scan_scalar(s, &node->value) ? OK : ERR_SYNTAX;
}

/* One step inside the innermost container: its end, or its next child. */
static enum err walk_step(struct walk *w)
{
    size_t first = w->frames[w->depth - 1].first;
    bool object = w->p->stack[first - 1].value.type == JSON_OBJECT;
    if (next_is(w, object ? '}' : ']')) {
        w->at++;
        return close_container(w);
    }
    if (w->top > first) {
        if (!next_is(w, ',')) {
            return ERR_SYNTAX;
        }
        w->at++;
    }
    struct bytes name = BYTES_NONE;
    if (object && !take_name(w, &name)) {
        return ERR_SYNTAX;
    }
    return take_value(w, name);
}

static enum err walk_all(struct walk *w)
{
    enum err e = take_value(w, BYTES_NONE);
    while (e == OK && w->depth > 0) {
        e = walk_step(w);
    }
    if (e == OK && w->at != w->end) {
        return ERR_SYNTAX;
    }
    return e;
}

static void shrink(struct json_parser *p)
{
    json_index_shrink(p->index);
    if (p->stack_cap * sizeof *p->stack > STACK_BYTES_KEPT) {
        free(p->stack);
        p->stack = NULL;
        p->stack_cap = 0;
    }
}

enum err json_parse(
    struct json_parser *p, struct arena *a, struct bytes text, size_t depth_max, struct json *ret)
{
    ASSERT(depth_max <= JSON_DEPTH_MAX);
    if (text.len == 0) {
        return ERR_SYNTAX;
    }
    uint8_t *copy = arena_alloc(a, text.len + JSON_PADDING);
    if (copy == NULL) {
        return ERR_TOO_BIG;
    }
    memcpy(copy, text.base, text.len);
    memset(copy + text.len, ' ', JSON_PADDING);
    struct walk w;
    w.p = p;
    w.a = a;
    w.text = copy;
    w.top = 0;
    w.depth = 0;
    w.depth_max = depth_max;
    size_t n = 0;
    enum err e = json_index_scan(p->index, copy, text.len, &w.at, &n);
    if (e == OK) {
        w.end = w.at + n;
        e = walk_all(&w);
    }
    if (e == OK) {
        ASSERT(w.top == 1);
        *ret = p->stack[0].value;
    }
    shrink(p);
    return e;
}

const struct json *json_find(const struct json *obj, const char *name)
{
    if (obj->type != JSON_OBJECT) {
        return NULL;
    }
    struct bytes wanted = bytes_str(name);
    for (size_t i = obj->object.n; i > 0; i--) {
        const struct json_member *m = &obj->object.members[i - 1];
        if (bytes_eq(m->name, wanted)) {
            return &m->value;
        }
    }
    return NULL;
}

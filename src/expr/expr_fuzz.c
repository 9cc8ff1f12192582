/* Hostile texts for the five kinds of expression. The first byte, modulo five, picks the kind; the
 * rest is the text, or, where the first byte has its high bit set, numbers of words to put
 * together, which gets deeper into the grammar. Besides not crashing: an error has a message, a
 * condition and its negation differ, and what an update or a projection makes of an item is
 * canonical. */

#include "expr/expr.h"

enum { ARENA_BYTES = 4 * 1024 * 1024, OUT_BYTES = 4 * 1024 * 1024, N_ATTRIBUTES = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct target {
    struct arena arena;
    struct expr_name names[2];
    struct expr_value values[N_ATTRIBUTES];
    struct expr_env env;
    struct value elements[2];
    struct member inner[2];
    struct member members[N_ATTRIBUTES];
    struct value item;
};

static const char *const words[] = {
    "a",
    "b",
    "c",
    "d",
    "e",
    "f",
    "g",
    "h",
    "#n",
    "#m",
    ":a",
    ":b",
    ":c",
    ":d",
    ":e",
    ":f",
    ":g",
    ":h",
    ".a",
    ".b",
    "[0]",
    "[1]",
    "[7]",
    "(",
    ")",
    "(",
    ")",
    ",",
    ",",
    "=",
    "=",
    "<>",
    "<",
    "<=",
    ">",
    ">=",
    "AND",
    "OR",
    "NOT",
    "IN",
    "+",
    "-",
    "SET",
    "SET",
    "ADD",
    "BETWEEN",
    "DELETE",
    "REMOVE",
    "size(",
    "contains(",
    "attribute_exists(",
    "attribute_not_exists(",
    "attribute_type(",
    "begins_with(",
    "if_not_exists(",
    "list_append(",
};
enum { N_WORDS = sizeof words / sizeof words[0] };

/* Attributes a to h and values :a to :h are one of each kind: S N B NULL L M SS NS. */
static void target_init(struct target *t)
{
    static const enum value_type types[N_ATTRIBUTES] = {
        VALUE_STRING,
        VALUE_NUMBER,
        VALUE_BINARY,
        VALUE_NULL,
        VALUE_LIST,
        VALUE_MAP,
        VALUE_STRING_SET,
        VALUE_NUMBER_SET,
    };
    static const char *const keys[N_ATTRIBUTES] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    static const char *const placeholders[N_ATTRIBUTES] = {
        ":a", ":b", ":c", ":d", ":e", ":f", ":g", ":h"};
    *t = (struct target){.env = {.n_names = 2, .n_values = N_ATTRIBUTES}};
    arena_init(&t->arena, ARENA_BYTES);
    t->elements[0] = (struct value){.type = VALUE_NUMBER, .number = decimal_of_i64(1)};
    t->elements[1] = (struct value){.type = VALUE_STRING, .bytes = BYTES_LIT("S")};
    t->inner[0] = (struct member){BYTES_LIT("a"), t->elements[0]};
    t->inner[1] = (struct member){BYTES_LIT("b"), {.type = VALUE_LIST, .list = {t->elements, 2}}};
    for (size_t i = 0; i < N_ATTRIBUTES; i++) {
        struct value v = {.type = types[i]};
        if (types[i] == VALUE_STRING || types[i] == VALUE_BINARY) {
            v.bytes = BYTES_LIT("S");
        } else if (types[i] == VALUE_NUMBER) {
            v.number = decimal_of_i64(7);
        } else if (types[i] == VALUE_MAP) {
            v.map.members = t->inner;
            v.map.n = 2;
        } else if (types[i] == VALUE_LIST) {
            v.list.items = t->elements;
            v.list.n = 2;
        } else if (types[i] != VALUE_NULL) {
            v.list.items = &t->elements[types[i] == VALUE_STRING_SET];
            v.list.n = 1;
        }
        t->members[i] = (struct member){bytes_str(keys[i]), v};
        t->values[i] = (struct expr_value){bytes_str(placeholders[i]), v, false};
    }
    t->names[0] = (struct expr_name){BYTES_LIT("#n"), BYTES_LIT("f"), false};
    t->names[1] = (struct expr_name){BYTES_LIT("#m"), BYTES_LIT("x.y"), false};
    t->env.names = t->names;
    t->env.values = t->values;
    t->item = (struct value){.type = VALUE_MAP, .map = {t->members, N_ATTRIBUTES}};
}

static struct bytes text_of_words(struct target *t, struct bytes numbers)
{
    struct buf b;
    buf_init(&b, /* len_max= */ 8 * EXPR_BYTES_MAX);
    for (size_t i = 0; i < numbers.len; i++) {
        buf_put_str(&b, words[numbers.base[i] % N_WORDS]);
        if (numbers.base[i] < 128) {
            buf_put_str(&b, " ");
        }
    }
    struct bytes text = bytes_dup(&t->arena, buf_bytes(&b));
    buf_done(&b);
    return text;
}

static void check_error(enum err err, struct bytes msg)
{
    ASSERT(err == OK || err == ERR_INVALID || err == ERR_TOO_BIG);
    ASSERT(err != ERR_INVALID || msg.len > 0);
}

static void check_canonical(struct target *t, const struct value *v)
{
    struct buf b;
    buf_init(&b, OUT_BYTES);
    value_encode(&b, v);
    ASSERT(b.err == OK);
    struct value again;
    enum err err = value_decode(&t->arena, buf_bytes(&b), &again);
    ASSERT(err == OK || err == ERR_TOO_BIG);
    if (err == OK) {
        ASSERT(value_eq(v, &again));
    }
    buf_done(&b);
}

static void fuzz_condition(struct target *t, enum expr_kind kind, struct bytes text)
{
    const struct expr_cond *c = NULL;
    struct bytes msg = BYTES_NONE;
    enum err err = expr_cond_parse(&t->arena, kind, text, &t->env, &c, &msg);
    check_error(err, msg);
    if (err != OK) {
        return;
    }
    const struct expr_cond *not_c = expr_cond_not(&t->arena, c);
    if (not_c != NULL) {
        bool holds = expr_cond_eval(c, &t->item);
        bool differs = expr_cond_eval(not_c, &t->item);
        ASSERT(holds != differs);
    }
    (void)expr_cond_mentions(c, BYTES_LIT("a"));
}

static void fuzz_key_condition(struct target *t, struct bytes text)
{
    struct expr_key_schema schema = {
        .hash = {BYTES_LIT("a"), VALUE_STRING},
        .range = {BYTES_LIT("b"), VALUE_NUMBER},
    };
    struct expr_key_cond k;
    struct bytes msg = BYTES_NONE;
    enum err err = expr_key_cond_parse(&t->arena, text, &t->env, &schema, &k, &msg);
    check_error(err, msg);
    if (err == OK) {
        ASSERT(k.hash.type == VALUE_STRING);
        ASSERT(k.op == EXPR_RANGE_ALL || k.lo.type == VALUE_NUMBER);
        ASSERT(k.op != EXPR_RANGE_BETWEEN || k.hi.type == VALUE_NUMBER);
    }
}

static void fuzz_projection(struct target *t, struct bytes text)
{
    const struct expr_projection *p = NULL;
    struct bytes msg = BYTES_NONE;
    enum err err = expr_projection_parse(&t->arena, text, &t->env, &p, &msg);
    check_error(err, msg);
    struct value part;
    if (err == OK && expr_project(&t->arena, p, &t->item, &part) == OK) {
        check_canonical(t, &part);
    }
}

static void fuzz_update(struct target *t, struct bytes text)
{
    const struct expr_update *u = NULL;
    struct bytes msg = BYTES_NONE;
    enum err err = expr_update_parse(&t->arena, text, &t->env, &u, &msg);
    check_error(err, msg);
    if (err != OK) {
        return;
    }
    struct value now = t->item;
    /* Again and again on its own result, so that odd shapes arise. */
    for (int i = 0; i < 3; i++) {
        struct value after;
        msg = BYTES_NONE;
        err = expr_update_apply(&t->arena, u, &now, &after, &msg);
        check_error(err, msg);
        if (err != OK) {
            return;
        }
        check_canonical(t, &after);
        struct value part;
        if (expr_update_project(&t->arena, u, &after, &part) == OK) {
            check_canonical(t, &part);
        }
        now = after;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct target t;
    target_init(&t);
    struct bytes text = bytes_of(data + 1, size - 1);
    if ((data[0] & 0x80) != 0) {
        text = text_of_words(&t, text);
    }
    enum expr_kind kind = (enum expr_kind)((data[0] & 0x7f) % 5);
    switch (kind) {
    case EXPR_CONDITION:
    case EXPR_FILTER:
        fuzz_condition(&t, kind, text);
        break;
    case EXPR_KEY_CONDITION:
        fuzz_key_condition(&t, text);
        break;
    case EXPR_PROJECTION:
        fuzz_projection(&t, text);
        break;
    case EXPR_UPDATE:
        fuzz_update(&t, text);
        break;
    }
    arena_done(&t.arena);
    return 0;
}

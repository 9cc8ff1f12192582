/* Hostile statements. The first byte tells what follows: a text, or, with its high bit set, numbers
 * of words to put together, which gets deeper into the grammar. What parses is planned, lowered and
 * applied. Besides not crashing: an error has a message; ranges are at most so many; an item that
 * the clause lets through comes out of exactly one of the ranges; what an update makes is
 * canonical. */

#include "partiql/partiql.h"

enum { ARENA_BYTES = 16 * 1024 * 1024, OUT_BYTES = 4 * 1024 * 1024 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const words[] = {
    "SELECT ",
    "* ",
    "FROM ",
    "t ",
    "WHERE ",
    "pk ",
    "sk ",
    "a ",
    "n ",
    "l ",
    "s ",
    "m.x ",
    "l[0] ",
    "l[-1] ",
    "pk = 'p' ",
    "sk = 's' ",
    "AND ",
    "AND ",
    "OR ",
    "NOT ",
    "( ",
    ") ",
    "( ",
    ") ",
    "[ ",
    "] ",
    "{ ",
    "} ",
    "<< ",
    ">> ",
    ", ",
    ", ",
    ": ",
    ". ",
    "= ",
    "= ",
    "<> ",
    "< ",
    "<= ",
    "> ",
    ">= ",
    "+ ",
    "- ",
    "? ",
    "'p' ",
    "'s' ",
    "'x' ",
    "1 ",
    "2.50 ",
    "1e3 ",
    "true ",
    "null ",
    "BETWEEN ",
    "IN ",
    "IS ",
    "MISSING ",
    "LIKE ",
    "begins_with(sk, 's') ",
    "contains(",
    "size(",
    "attribute_type(",
    "attribute_exists(",
    "INSERT INTO t VALUE {'pk': ",
    "UPDATE t ",
    "SET ",
    "REMOVE ",
    "DELETE FROM t ",
    "RETURNING ALL OLD * ",
    "MODIFIED ",
    "NEW ",
    "ORDER BY ",
    "DESC ",
    "EXISTS( ",
    "list_append(",
    "set_add(s, <<'x'>>) ",
    "set_delete(",
    "\"q\" ",
    "; ",
    "SELECT * FROM t WHERE ",
    "UPDATE t SET n = ",
    "WHERE pk = 'p' ",
    "-- c\n",
    "/* c */",
};
enum { N_WORDS = sizeof words / sizeof words[0] };

static struct bytes text_of(struct arena *a, const uint8_t *data, size_t size)
{
    if (size == 0 || (data[0] & 0x80) == 0) {
        struct bytes text = bytes_of(data, size);
        text = bytes_from(text, 1);
        return text.len <= PARTIQL_BYTES_MAX && utf8_valid(text) ? text : BYTES_LIT("");
    }
    struct buf b;
    buf_init(&b, PARTIQL_BYTES_MAX);
    for (size_t i = 1; i < size; i++) {
        buf_put_str(&b, words[data[i] % N_WORDS]);
    }
    struct bytes text = b.err == OK ? bytes_dup(a, buf_bytes(&b)) : BYTES_LIT("");
    buf_done(&b);
    return text;
}

/* {l: ['s'], n: 2.5, pk: 'p', s: <<'x'>>, sk: 's'} */
static void item_make(struct member members[5], struct value elements[2], struct value *ret)
{
    elements[0] = (struct value){.type = VALUE_STRING, .bytes = BYTES_LIT("s")};
    elements[1] = (struct value){.type = VALUE_STRING, .bytes = BYTES_LIT("x")};
    members[0] = (struct member){BYTES_LIT("l"), {.type = VALUE_LIST, .list = {&elements[0], 1}}};
    members[1] =
        (struct member){BYTES_LIT("n"), {.type = VALUE_NUMBER, .number = {.coef = 25, .exp = -1}}};
    members[2] = (struct member){BYTES_LIT("pk"), {.type = VALUE_STRING, .bytes = BYTES_LIT("p")}};
    members[3] =
        (struct member){BYTES_LIT("s"), {.type = VALUE_STRING_SET, .list = {&elements[1], 1}}};
    members[4] = (struct member){BYTES_LIT("sk"), {.type = VALUE_STRING, .bytes = BYTES_LIT("s")}};
    *ret = (struct value){.type = VALUE_MAP, .map = {members, 5}};
}

static bool in_range(const struct expr_key_cond *r, const struct value *hash, const struct value *v)
{
    if (!value_eq(&r->hash, hash)) {
        return false;
    }
    switch (r->op) {
    case EXPR_RANGE_ALL:
        return true;
    case EXPR_RANGE_EQ:
        return value_cmp(v, &r->lo) == 0;
    case EXPR_RANGE_LT:
        return value_cmp(v, &r->lo) < 0;
    case EXPR_RANGE_LE:
        return value_cmp(v, &r->lo) <= 0;
    case EXPR_RANGE_GT:
        return value_cmp(v, &r->lo) > 0;
    case EXPR_RANGE_GE:
        return value_cmp(v, &r->lo) >= 0;
    case EXPR_RANGE_BETWEEN:
        return value_cmp(v, &r->lo) >= 0 && value_cmp(v, &r->hi) <= 0;
    case EXPR_RANGE_BEGINS_WITH:
        return bytes_has_prefix(v->bytes, r->lo.bytes);
    }
    UNREACHABLE();
}

static void check_reads(const struct partiql_reads *reads, const struct value *item)
{
    ASSERT(reads->n_reads <= PARTIQL_READS_MAX);
    ASSERT(!reads->scan || reads->n_reads == 0);
    if (reads->scan || reads->filter == NULL || !expr_cond_eval(reads->filter, item)) {
        return;
    }
    size_t n = 0;
    for (size_t i = 0; i < reads->n_reads; i++) {
        bool read = in_range(
            &reads->reads[i].cond,
            value_find(item, BYTES_LIT("pk")),
            value_find(item, BYTES_LIT("sk")));
        n += read && expr_cond_eval(reads->reads[i].filter, item);
    }
    ASSERT(n == 1);
}

/* Makes an update of the statement and applies it. */
static enum err try_update(
    struct arena *a, const struct partiql_stmt *stmt, const struct value *item, struct bytes *msg)
{
    const struct expr_update *u;
    struct value after;
    enum err err = partiql_update(a, stmt, &u, msg);
    if (err == OK) {
        err = expr_update_apply(a, u, item, &after, msg);
    }
    if (err == OK) {
        struct buf b;
        struct value again;
        buf_init(&b, OUT_BYTES);
        value_encode(&b, &after);
        enum err decoded = value_decode(a, buf_bytes(&b), &again);
        ASSERT(b.err != OK || decoded != OK || value_eq(&after, &again));
        buf_done(&b);
    }
    return err;
}

static enum err try_statement(
    struct arena *a, const struct partiql_stmt *stmt, const struct value *item, struct bytes *msg)
{
    static const struct expr_key_schema keys = {
        {{(const uint8_t *)"pk", 2}, VALUE_STRING}, {{(const uint8_t *)"sk", 2}, VALUE_STRING}};
    static const struct bytes names[] = {{(const uint8_t *)"pk", 2}, {(const uint8_t *)"sk", 2}};
    static const struct partiql_held held = {names, 2};
    const struct expr_cond *condition;
    struct partiql_item named;
    struct partiql_reads reads;
    if (stmt->kind == PARTIQL_SELECT) {
        enum err err = partiql_plan_reads(a, stmt, &keys, &held, &reads, msg);
        if (err == OK) {
            check_reads(&reads, item);
        }
        return err;
    }
    enum err err = partiql_item_of(a, stmt, &keys, true, &named);
    if (err == OK && (stmt->kind == PARTIQL_INSERT || stmt->where != NULL)) {
        err = partiql_condition(a, stmt, &keys, &condition, msg);
    }
    if (err == OK && stmt->kind == PARTIQL_UPDATE) {
        err = try_update(a, stmt, item, msg);
    }
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena arena;
    arena_init(&arena, ARENA_BYTES);
    struct member members[5];
    struct value elements[2];
    struct value item;
    item_make(members, elements, &item);
    struct bytes text = text_of(&arena, data, size);
    struct value params[8];
    size_t n_params = 0;
    for (size_t i = 0; i < text.len && n_params < 8; i++) {
        if (text.base[i] == '?') {
            params[n_params++] = members[text.base[0] % 5].value;
        }
    }
    struct partiql_stmt stmt;
    struct bytes msg = BYTES_NONE;
    enum err err = partiql_parse(&arena, text, params, n_params, &stmt, &msg);
    if (err == OK) {
        err = try_statement(&arena, &stmt, &item, &msg);
    }
    ASSERT(err == OK || err == ERR_INVALID || err == ERR_TOO_BIG);
    ASSERT(err != ERR_INVALID || msg.len > 0);
    arena_done(&arena);
    return 0;
}

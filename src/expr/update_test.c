/* Updates: what becomes of an item, and what an update refuses to do to it. */

#include "expr/test_util.h"

struct update_case {
    const char *text;
    const char *values;
    const char *before;
    const char *after; /* or the message */
};

static const struct expr_update *parse(struct world *w, const char *text, const char *values)
{
    const struct expr_update *u = NULL;
    struct bytes msg = BYTES_LIT("");
    placeholders(w, values);
    enum err err = expr_update_parse(&w->arena, bytes_str(text), &w->env, &u, &msg);
    if (err != OK) {
        fail_msg("%s: %s: %s", text, err_name(err), text_of(w, msg));
    }
    return u;
}

static const char *applied(struct world *w, const struct expr_update *u, const char *before)
{
    struct value item = val(w, before);
    struct value after;
    struct bytes msg = BYTES_NONE;
    enum err err = expr_update_apply(&w->arena, u, &item, &after, &msg);
    /* The old item is never written to. */
    struct value again = val(w, before);
    assert_true(value_eq(&item, &again));
    if (err == ERR_INVALID) {
        return text_of(w, msg);
    }
    assert_int_equal(err, OK);
    return show(w, &after);
}

static void check_all(const struct update_case *cases, size_t n)
{
    struct world w;
    world_init(&w);
    for (size_t i = 0; i < n; i++) {
        const struct expr_update *u = parse(&w, cases[i].text, cases[i].values);
        const char *after = applied(&w, u, cases[i].before);
        if (strcmp(after, cases[i].after) != 0) {
            fail_msg("%s on %s: %s", cases[i].text, cases[i].before, after);
        }
    }
    world_done(&w);
}
#define CHECK_ALL(cases) check_all((cases), sizeof(cases) / sizeof(cases)[0])

#define MISSING    "The provided expression refers to an attribute that does not exist in the item"
#define WRONG_TYPE "An operand in the update expression has an incorrect data type"
#define WRONG_PATH "The document path provided in the update expression is invalid for update"

/* SET puts, replaces and copies; every right side sees the item as it was. */
static void sets(void **state)
{
    (void)state;
    static const struct update_case cases[] = {
        {"SET a = :v", "{:v: 1}", "{}", "{a: 1}"},
        {"set a=:v", "{:v: 1}", "{a: 'x', b: 2}", "{a: 1, b: 2}"},
        {"SET a = b", NULL, "{b: [1]}", "{a: [1], b: [1]}"},
        {"SET a = b, b = a", NULL, "{a: 1, b: 2}", "{a: 2, b: 1}"},
        {"SET a = b", NULL, "{}", MISSING},
        {"SET x = :v, y = x", "{:v: 4}", "{}", MISSING},
        {"SET a = b REMOVE b", NULL, "{b: 1}", "{a: 1}"},
        {"SET a = b + :v", "{:v: 3}", "{b: 4}", "{a: 7, b: 4}"},
        {"SET a = a - :v", "{:v: 3}", "{a: 1}", "{a: -2}"},
        {"SET a = (a + (:v))", "{:v: 3}", "{a: 1}", "{a: 4}"},
        {"SET a = :v - b", "{:v: 0.1}", "{b: 0.25}", "{a: -0.15, b: 0.25}"},
        {"SET a = b + :v", "{:v: 3}", "{b: '4'}", WRONG_TYPE},
        {"SET a = b + :v", "{:v: 3}", "{}", MISSING},
        {"SET #n = :v", "{#n: 'a.b', :v: 1}", "{}", "{a.b: 1}"},
        {"SET seats_available= :s", "{:s: 7}", "{seats_available: 9}", "{seats_available: 7}"},
    };
    CHECK_ALL(cases);
}

/* if_not_exists falls back, list_append concatenates; they nest. */
static void set_functions(void **state)
{
    (void)state;
    static const struct update_case cases[] = {
        {"SET a = if_not_exists(a, :v)", "{:v: 1}", "{}", "{a: 1}"},
        {"SET a = if_not_exists(a, :v)", "{:v: 1}", "{a: 'x'}", "{a: 'x'}"},
        {"SET a = if_not_exists(b, :v)", "{:v: 1}", "{b: 2}", "{a: 2, b: 2}"},
        {"SET a = if_not_exists(a, if_not_exists(b, :v))", "{:v: 1}", "{b: 2}", "{a: 2, b: 2}"},
        {"SET a = if_not_exists(a, b)", NULL, "{}", MISSING},
        {"SET a = if_not_exists(a, :z) + :v", "{:z: 0, :v: 1}", "{}", "{a: 1}"},
        {"SET a = if_not_exists(a, :z) + :v", "{:z: 0, :v: 1}", "{a: 5}", "{a: 6}"},
        {"SET a = list_append(a, :v)", "{:v: [3]}", "{a: [1, 2]}", "{a: [1, 2, 3]}"},
        {"SET a = list_append(:v, a)", "{:v: [3]}", "{a: [1, 2]}", "{a: [3, 1, 2]}"},
        {"SET a = list_append(a, :v)", "{:v: []}", "{a: []}", "{a: []}"},
        {"SET a = list_append(if_not_exists(a, :e), :v)", "{:e: [], :v: [3]}", "{}", "{a: [3]}"},
        {"SET a = list_append(a, :v)", "{:v: [3]}", "{a: 1}", WRONG_TYPE},
        {"SET a = list_append(a, :v)", "{:v: [3]}", "{}", MISSING},
    };
    CHECK_ALL(cases);
}

/* Nested targets change in place; a parent that is not there, or of another kind, is refused. */
static void nested_paths(void **state)
{
    (void)state;
    static const struct update_case cases[] = {
        {"SET a.b = :v", "{:v: 1}", "{a: {c: 2}}", "{a: {b: 1, c: 2}}"},
        {"SET a.b.c = :v, a.d = :v", "{:v: 1}", "{a: {b: {}}}", "{a: {b: {c: 1}, d: 1}}"},
        {"SET a[1] = :v", "{:v: 9}", "{a: [1, 2, 3]}", "{a: [1, 9, 3]}"},
        {"SET a[1].b = :v", "{:v: 9}", "{a: [1, {}, 3]}", "{a: [1, {b: 9}, 3]}"},
        {"SET a[9] = :v", "{:v: 9}", "{a: [1]}", "{a: [1, 9]}"},
        {"SET a[9] = :v, a[5] = :w, a[0] = :z",
         "{:v: 9, :w: 5, :z: 0}",
         "{a: [1]}",
         "{a: [0, 5, 9]}"},
        {"SET a.b = :v", "{:v: 1}", "{}", WRONG_PATH},
        {"SET a.b = :v", "{:v: 1}", "{a: 1}", WRONG_PATH},
        {"SET a.b = :v", "{:v: 1}", "{a: [1]}", WRONG_PATH},
        {"SET a[0] = :v", "{:v: 1}", "{a: {b: 1}}", WRONG_PATH},
        {"SET a[5].b = :v", "{:v: 1}", "{a: [{}]}", WRONG_PATH},
        {"REMOVE a.b", NULL, "{}", WRONG_PATH},
        {"REMOVE a[1]", NULL, "{a: {b: 1}}", WRONG_PATH},
        {"ADD a.b :v", "{:v: 1}", "{a: 1}", WRONG_PATH},
        {"DELETE a.b :v", "{:v: <1>}", "{}", WRONG_PATH},
    };
    CHECK_ALL(cases);
}

/* REMOVE takes away; list elements keep their old numbers until all is done, then close up. */
static void removes(void **state)
{
    (void)state;
    static const struct update_case cases[] = {
        {"REMOVE a", NULL, "{a: 1, b: 2}", "{b: 2}"},
        {"REMOVE a, c", NULL, "{a: 1, b: 2}", "{b: 2}"},
        {"REMOVE a[0], a[2]", NULL, "{a: [1, 2, 3, 4]}", "{a: [2, 4]}"},
        {"REMOVE a[1] SET a[3] = :v",
         "{:v: 17}",
         "{a: [2, 3, 4, 5, 6, 7]}",
         "{a: [2, 4, 17, 6, 7]}"},
        {"SET a[9] = :v REMOVE a[0]", "{:v: 17}", "{a: [2, 3]}", "{a: [3, 17]}"},
        {"REMOVE a[17]", NULL, "{a: [4, 5]}", "{a: [4, 5]}"},
        {"REMOVE a.b[1].c, a.d", NULL, "{a: {b: [1, {c: 2}], d: 3}}", "{a: {b: [1, {}]}}"},
        {"REMOVE a[0]", NULL, "{a: [4]}", "{a: []}"},
    };
    CHECK_ALL(cases);
}

/* ADD counts up and unites, from nothing too; DELETE takes elements away, and an emptied set goes.
 */
static void adds_and_deletes(void **state)
{
    (void)state;
    static const struct update_case cases[] = {
        {"ADD a :v", "{:v: 4}", "{a: 3}", "{a: 7}"},
        {"ADD a :v", "{:v: 4}", "{}", "{a: 4}"},
        {"ADD a :v", "{:v: -4}", "{a: 4}", "{a: 0}"},
        {"ADD a :v", "{:v: 4}", "{a: 'x'}", WRONG_TYPE},
        {"ADD a :v", "{:v: <'b', 'c'>}", "{a: <'a', 'b'>}", "{a: <'a', 'b', 'c'>}"},
        {"ADD a :v", "{:v: <'b'>}", "{}", "{a: <'b'>}"},
        {"ADD a :v", "{:v: <1>}", "{a: <'a'>}", WRONG_TYPE},
        {"ADD a :v", "{:v: <1>}", "{a: [1]}", WRONG_TYPE},
        {"ADD a.b :v, c[0] :v, c[7] :v", "{:v: 1}", "{a: {}, c: [1]}", "{a: {b: 1}, c: [2, 1]}"},
        {"DELETE a :v", "{:v: <'b', 'z'>}", "{a: <'a', 'b', 'c'>}", "{a: <'a', 'c'>}"},
        {"DELETE a :v", "{:v: <'a'>}", "{a: <'a'>, b: 1}", "{b: 1}"},
        {"DELETE a :v", "{:v: <'a'>}", "{}", "{}"},
        {"DELETE a :v", "{:v: <1>}", "{a: <'a'>}", WRONG_TYPE},
        {"DELETE a[0] :v", "{:v: <1>}", "{a: [<1>, 2]}", "{a: [2]}"},
        {"SET c = a ADD a :v REMOVE b", "{:v: 1}", "{a: 1, b: 1}", "{a: 2, c: 1}"},
    };
    CHECK_ALL(cases);
}

/* Arithmetic that leaves the number range or the depth limit is refused. */
static void limits(void **state)
{
    (void)state;
    static const struct update_case cases[] = {
        {"ADD a :v",
         "{:v: 9e125}",
         "{a: 9e125}",
         "Number overflow. Attempting to store a number with magnitude larger than supported "
         "range"},
        {"SET a = a - :v",
         "{:v: 1e-130}",
         "{a: 1.5e-130}",
         "Number underflow. Attempting to store a number with magnitude smaller than supported "
         "range"},
        {"ADD a :v",
         "{:v: 1e-20}",
         "{a: 1e20}",
         "Number overflow. Attempting to store a number with magnitude larger than supported "
         "range"},
    };
    CHECK_ALL(cases);
    struct world w;
    world_init(&w);
    char deep[128] = {0};
    memset(deep, '[', 31);
    memset(deep + 31, ']', 31);
    char values[160];
    (void)snprintf(values, sizeof values, "{:v: %s}", deep);
    const struct expr_update *u = parse(&w, "SET a = :v", values);
    assert_int_equal(applied(&w, u, "{}")[0], '{');
    u = parse(&w, "SET a.b = :v", values);
    assert_string_equal(
        applied(&w, u, "{a: {}}"),
        "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels "
        "beyond supported limit");
    world_done(&w);
}

/* UPDATED_OLD and UPDATED_NEW show just what the paths name in either image. */
static void projects(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    const struct expr_update *u = parse(&w, "SET a.b = :v, c = :v REMOVE d[1] ADD e :v", "{:v: 1}");
    struct value before = val(&w, "{a: {b: 0, x: 1}, d: [7, 8], z: 1}");
    struct value after;
    struct value part;
    struct bytes msg;
    assert_int_equal(expr_update_apply(&w.arena, u, &before, &after, &msg), OK);
    assert_int_equal(expr_update_project(&w.arena, u, &before, &part), OK);
    assert_string_equal(show(&w, &part), "{a: {b: 0}, d: [8]}");
    assert_int_equal(expr_update_project(&w.arena, u, &after, &part), OK);
    assert_string_equal(show(&w, &part), "{a: {b: 1}, c: 1, e: 1}");
    world_done(&w);
}

/* An update knows whether it can create an item, touches keys, or reaches into an attribute. */
static void questions(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct bytes msg = BYTES_NONE;
    struct bytes keys[] = {BYTES_LIT("k"), BYTES_LIT("r")};
    const struct expr_update *u = parse(&w, "REMOVE a DELETE b :v", "{:v: <1>}");
    assert_true(expr_update_only_removes(u));
    assert_int_equal(expr_update_check_keys(&w.arena, u, keys, 2, &msg), OK);
    u = parse(&w, "REMOVE r.x SET a = c.d, b = k", NULL);
    assert_false(expr_update_only_removes(u));
    assert_int_equal(expr_update_check_keys(&w.arena, u, keys, 2, &msg), ERR_INVALID);
    assert_string_equal(
        text_of(&w, msg),
        "One or more parameter values were invalid: Cannot update attribute r. "
        "This attribute is part of the key");
    assert_true(expr_update_reaches_into(u, BYTES_LIT("r")));
    assert_true(expr_update_reaches_into(u, BYTES_LIT("c")));
    assert_false(expr_update_reaches_into(u, BYTES_LIT("k")));
    world_done(&w);
}

/* The legacy form does the same, lets ADD append to lists, and names type errors its own way. */
static void legacy(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct value one = val(&w, "1");
    struct value list = val(&w, "[9]");
    struct value set = val(&w, "<'x'>");
    struct expr_update *u = NULL;
    struct arena *a = &w.arena;
    assert_int_equal(
        expr_update_add_legacy(a, &u, BYTES_LIT("gone"), EXPR_UPDATE_DELETE, NULL), OK);
    assert_int_equal(expr_update_add_legacy(a, &u, BYTES_LIT("s"), EXPR_UPDATE_DELETE, &set), OK);
    assert_true(expr_update_only_removes(u));
    assert_int_equal(expr_update_add_legacy(a, &u, BYTES_LIT("put"), EXPR_UPDATE_PUT, &one), OK);
    assert_int_equal(expr_update_add_legacy(a, &u, BYTES_LIT("l"), EXPR_UPDATE_ADD, &list), OK);
    assert_int_equal(expr_update_add_legacy(a, &u, BYTES_LIT("n"), EXPR_UPDATE_ADD, &one), OK);
    assert_false(expr_update_only_removes(u));
    assert_string_equal(
        applied(&w, u, "{gone: 1, s: <'x', 'y'>, l: [8], n: 2, other: 3}"),
        "{l: [8, 9], n: 3, other: 3, put: 1, s: <'y'>}");
    assert_string_equal(applied(&w, u, "{}"), "{l: [9], n: 1, put: 1}");
    assert_string_equal(applied(&w, u, "{n: 'x'}"), "Type mismatch for attribute to update");
    for (int i = 0; i < 50; i++) {
        struct bytes name = bytes_fmt(a, "m%02d", (i * 17) % 50);
        assert_int_equal(expr_update_add_legacy(a, &u, name, EXPR_UPDATE_PUT, &one), OK);
    }
    struct value before = val(&w, "{}");
    struct value after;
    struct bytes msg;
    assert_int_equal(expr_update_apply(a, u, &before, &after, &msg), OK);
    assert_int_equal(after.map.n, 53);
    assert_int_equal(members_sort((struct member *)(uintptr_t)after.map.members, 53), OK);
    world_done(&w);
}

/* An update alone tells the types of what it puts at the top level, but for what it copies. */
static void known_types(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    const struct expr_update *u = parse(
        &w,
        "SET a = :s, b = c, d = c + :n, e = list_append(c, c), f = if_not_exists(c, :n), g.h = :s, "
        "i = "
        "if_not_exists(c, if_not_exists(d, c)) REMOVE j ADD k :n DELETE l :set",
        "{:s: 'x', :n: 1, :set: <'x'>}");
    static const struct {
        const char *name;
        bool known;
        enum value_type type;
    } cases[] = {
        {"a", true, VALUE_STRING},
        {"b", false, VALUE_NULL},
        {"d", true, VALUE_NUMBER},
        {"e", true, VALUE_LIST},
        {"f", true, VALUE_NUMBER},
        {"g", false, VALUE_NULL},
        {"i", false, VALUE_NULL},
        {"j", false, VALUE_NULL},
        {"k", true, VALUE_NUMBER},
        {"l", true, VALUE_STRING_SET},
        {"c", false, VALUE_NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        enum value_type type = VALUE_NULL;
        bool known = expr_update_known_type(u, bytes_str(cases[i].name), &type);
        if (known != cases[i].known || type != cases[i].type) {
            fail_msg("%s: %d %s", cases[i].name, known, value_tag(type));
        }
    }
    world_done(&w);
}

/* The longest string in "b" with which an update of {k, u, b, l} is not too big. */
static size_t room_of(struct world *w, const char *text)
{
    const struct expr_update *u = parse(w, text, "{:v: 1, :s: <'x'>}");
    struct value item = val(w, "{b: '', k: 'key', l: [''], n: 1, u: 'untouched'}");
    struct member *members = (struct member *)(uintptr_t)item.map.members;
    enum { FIRST_STEP = 1 << 18 };
    char *pad = arena_alloc(&w->arena, 2 * FIRST_STEP);
    assert_non_null(pad);
    memset(pad, 'x', 2 * FIRST_STEP);
    size_t len = 0;
    for (size_t step = FIRST_STEP; step > 0; step /= 2) {
        members[0].value.bytes = bytes_of(pad, len + step);
        if (!expr_update_too_big(u, &item, item_size(&item))) {
            len += step;
        }
    }
    return len;
}

/* An update weighs the attributes it touches, whole, with 3 bytes, 19 for a SET or ADD, one more by
 * an index, 2 for a REMOVE or DELETE; what it leaves alone weighs nothing. */
static void weight(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    const size_t all = DOC_ITEM_BYTES_MAX - 3 - 1;
    assert_int_equal(room_of(&w, "SET b = :v"), all - 19);
    assert_int_equal(room_of(&w, "ADD b :v"), all - 19);
    assert_int_equal(room_of(&w, "REMOVE b"), all - 2);
    assert_int_equal(room_of(&w, "DELETE b :s"), all - 2);
    assert_int_equal(room_of(&w, "SET b = :v, n = :v"), all - 2 * 19 - 3);
    assert_int_equal(room_of(&w, "SET b = :v, gone = :v"), all - 2 * 19);
    assert_int_equal(room_of(&w, "SET b = :v, l[0] = :v"), all - 2 * 19 - 1 - 5);
    assert_int_equal(room_of(&w, "SET b = :v, l = :v"), all - 2 * 19 - 5);
    assert_int_equal(room_of(&w, "SET b = :v REMOVE l[0]"), all - 19 - 2 - 5);
    assert_int_equal(room_of(&w, "SET b.c = :v, b.d = :v"), all - 2 * 19);
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sets),
        cmocka_unit_test(set_functions),
        cmocka_unit_test(nested_paths),
        cmocka_unit_test(removes),
        cmocka_unit_test(adds_and_deletes),
        cmocka_unit_test(limits),
        cmocka_unit_test(projects),
        cmocka_unit_test(questions),
        cmocka_unit_test(legacy),
        cmocka_unit_test(known_types),
        cmocka_unit_test(weight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Projections: which parts of an item come back. */

#include "expr/test_util.h"

static const char item_text[] = "{a: {b: [2, 4, {x: 'hi', y: 'yo'}], c: 5}, b: 'hello', 'a.b': 1}";

static const struct expr_projection *parse(struct world *w, const char *text, const char *names)
{
    const struct expr_projection *p = NULL;
    struct bytes msg = BYTES_LIT("");
    placeholders(w, names);
    enum err err = expr_projection_parse(&w->arena, bytes_str(text), &w->env, &p, &msg);
    if (err != OK) {
        fail_msg("%s: %s: %s", text, err_name(err), text_of(w, msg));
    }
    return p;
}

/* Paths pick, merge and close up; what is not there is silently left out, parents included. */
static void projects(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *names;
        const char *result;
    } cases[] = {
        {"b", NULL, "{b: 'hello'}"},
        {"#n", "{#n: 'a.b'}", "{a.b: 1}"},
        {"a.c", NULL, "{a: {c: 5}}"},
        {" a . c , b ", NULL, "{a: {c: 5}, b: 'hello'}"},
        {"a.b[0]", NULL, "{a: {b: [2]}}"},
        {"a.b[2].y", NULL, "{a: {b: [{y: 'yo'}]}}"},
        {"a.b[2].y, a.b[0]", NULL, "{a: {b: [2, {y: 'yo'}]}}"},
        {"a.b[1], a.b[0], a.c", NULL, "{a: {b: [2, 4], c: 5}}"},
        {"#a.#b[2].#x", "{#a: 'a', #b: 'b', #x: 'x'}", "{a: {b: [{x: 'hi'}]}}"},
        {"zz", NULL, "{}"},
        {"a.b[3]", NULL, "{}"},
        {"a.x.y", NULL, "{}"},
        {"a.b.x", NULL, "{}"},
        {"a[0]", NULL, "{}"},
        {"a.b[0].x, a.b[1][0]", NULL, "{}"},
        {"b.c", NULL, "{}"},
        {"a.x, a.b[0], zz, a.b[3].x", NULL, "{a: {b: [2]}}"},
    };
    struct world w;
    world_init(&w);
    struct value item = val(&w, item_text);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct value part;
        const struct expr_projection *p = parse(&w, cases[i].text, cases[i].names);
        assert_int_equal(expr_project(&w.arena, p, &item, &part), OK);
        if (strcmp(show(&w, &part), cases[i].result) != 0) {
            fail_msg("%s: %s", cases[i].text, show(&w, &part));
        }
    }
    world_done(&w);
}

/* Whole attributes by name, as indexes and AttributesToGet ask for. */
static void projects_names(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct value item = val(&w, "{c: 3, a: 1, b: 2}");
    struct bytes names[] = {BYTES_LIT("c"), BYTES_LIT("a"), BYTES_LIT("zz")};
    struct value part;
    const struct expr_projection *p = expr_projection_of_names(&w.arena, names, 3);
    assert_non_null(p);
    assert_int_equal(expr_project(&w.arena, p, &item, &part), OK);
    assert_string_equal(show(&w, &part), "{a: 1, c: 3}");
    p = expr_projection_of_names(&w.arena, NULL, 0);
    assert_int_equal(expr_project(&w.arena, p, &item, &part), OK);
    assert_string_equal(show(&w, &part), "{}");
    world_done(&w);
}

/* An index can answer a projection alone if it holds every attribute the paths begin with. */
static void knows_its_attributes(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct bytes names[] = {BYTES_LIT("a"), BYTES_LIT("b")};
    const struct expr_projection *p = parse(&w, "a.x, b, a.y[1]", NULL);
    assert_true(expr_projection_within(p, names, 2));
    assert_false(expr_projection_within(p, names, 1));
    assert_true(expr_projection_reaches_into(p, names[0]));
    assert_false(expr_projection_reaches_into(p, names[1]));
    world_done(&w);
}

/* A thousand paths, and paths of the greatest depth, work as two do. */
static void large(void **state)
{
    (void)state;
    struct world w;
    world_init(&w);
    struct buf text;
    buf_init(&text, EXPR_BYTES_MAX);
    for (int i = 0; i < 600; i++) {
        buf_putf(&text, "%sa[%d]", i > 0 ? "," : "", 599 - i);
    }
    assert_int_equal(text.err, OK);
    struct value item = val(&w, "{a: [0, 1, 2, 3]}");
    struct value part;
    const struct expr_projection *p = parse(&w, text_of(&w, buf_bytes(&text)), NULL);
    assert_int_equal(expr_project(&w.arena, p, &item, &part), OK);
    assert_string_equal(show(&w, &part), "{a: [0, 1, 2, 3]}");
    buf_clear(&text);
    buf_put_str(&text, "a");
    for (int i = 1; i < EXPR_PATH_DEPTH_MAX; i++) {
        buf_put_str(&text, "[0]");
    }
    p = parse(&w, text_of(&w, buf_bytes(&text)), NULL);
    assert_int_equal(expr_project(&w.arena, p, &item, &part), OK);
    assert_string_equal(show(&w, &part), "{}");
    buf_done(&text);
    world_done(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(projects),
        cmocka_unit_test(projects_names),
        cmocka_unit_test(knows_its_attributes),
        cmocka_unit_test(large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

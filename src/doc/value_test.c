#include "doc/doc.h"
#include "doc/test_util.h"

static struct value map_of(struct member *members, size_t n)
{
    enum err e = members_sort(members, n);
    ASSERT(e == OK);
    return (struct value){.type = VALUE_MAP, .map = {.members = members, .n = n}};
}

static struct value list_of(const struct value *items, size_t n)
{
    return (struct value){.type = VALUE_LIST, .list = {.items = items, .n = n}};
}

/* In maps of every size each member is found, and names just beside it are not. */
static void test_find(void **state)
{
    (void)state;
    enum { N = 70 };
    char names[N][4];
    struct member members[N];
    for (size_t n = 0; n < N; n++) {
        for (size_t i = 0; i < n; i++) {
            int wrote = snprintf(names[i], sizeof names[i], "%02u", (unsigned)(i * 37 % 100));
            assert_int_equal(wrote, 2);
            members[i] = (struct member){bytes_str(names[i]), str(names[i])};
        }
        struct value map = map_of(members, n);
        for (size_t i = 0; i < n; i++) {
            const struct value *found = value_find(&map, bytes_str(names[i]));
            assert_non_null(found);
            assert_true(bytes_eq_str(found->bytes, names[i]));
        }
        assert_null(value_find(&map, BYTES_LIT("")));
        assert_null(value_find(&map, BYTES_LIT("000")));
        assert_null(value_find(&map, BYTES_LIT("x")));
    }
}

/* Members given in any order, few or many, come out sorted; two of one name are ERR_EXISTS. */
static void test_members_sort(void **state)
{
    (void)state;
    enum { N = 1000 };
    static char names[N][8];
    static struct member members[N];
    struct prng r = prng_seeded(40);
    for (size_t n = 0; n < N; n += n < 40 ? 1 : 97) {
        for (size_t i = 0; i < n; i++) {
            int wrote = snprintf(names[i], sizeof names[i], "%u", (unsigned)i);
            assert_true(wrote > 0);
            size_t j = prng_below(&r, i + 1);
            members[i] = members[j];
            members[j] = (struct member){bytes_str(names[i]), num(names[i])};
        }
        assert_int_equal(members_sort(members, n), OK);
        for (size_t i = 1; i < n; i++) {
            assert_true(bytes_cmp(members[i - 1].name, members[i].name) < 0);
        }
        for (size_t i = 0; i < n; i++) {
            char text[DOC_DECIMAL_TEXT_MAX];
            (void)decimal_text(&members[i].value.number, text);
            assert_true(bytes_eq_str(members[i].name, text));
        }
        if (n >= 2) {
            members[0].name = members[n - 1].name;
            assert_int_equal(members_sort(members, n), ERR_EXISTS);
        }
    }
}

/* Sets sort by value, and equal numbers written differently are duplicates. */
static void test_set_sort(void **state)
{
    (void)state;
    struct value set[] = {num("10"), num("9"), num("-1"), num("0.5")};
    assert_int_equal(set_sort(set, 4), OK);
    struct value want[] = {num("-1"), num("0.5"), num("9"), num("10")};
    for (size_t i = 0; i < 4; i++) {
        assert_true(value_eq(&set[i], &want[i]));
    }
    struct value twice[] = {num("1.0"), num("2"), num("1")};
    assert_int_equal(set_sort(twice, 3), ERR_EXISTS);
}

/* Adding, replacing and removing a member leaves the old map as it was and the new one sorted. */
static void test_with(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 100000);
    struct member members[] = {{BYTES_LIT("b"), num("1")}, {BYTES_LIT("d"), num("2")}};
    struct value map = map_of(members, 2);
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    for (size_t i = 0; i < 5; i++) {
        struct value nine = num("9");
        struct value with;
        struct value without;
        bool there = value_find(&map, bytes_str(names[i])) != NULL;
        assert_int_equal(value_with(&a, &map, bytes_str(names[i]), &nine, &with), OK);
        assert_int_equal(with.map.n, there ? 2 : 3);
        assert_true(value_eq(value_find(&with, bytes_str(names[i])), &nine));
        for (size_t j = 1; j < with.map.n; j++) {
            assert_true(bytes_cmp(with.map.members[j - 1].name, with.map.members[j].name) < 0);
        }
        assert_int_equal(value_with(&a, &map, bytes_str(names[i]), NULL, &without), OK);
        assert_int_equal(without.map.n, there ? 1 : 2);
        assert_null(value_find(&without, bytes_str(names[i])));
        assert_int_equal(map.map.n, 2);
    }
    struct arena tiny;
    arena_init(&tiny, 10);
    struct value nine = num("9");
    struct value out = str("untouched");
    assert_int_equal(value_with(&tiny, &map, BYTES_LIT("x"), &nine, &out), ERR_TOO_BIG);
    assert_int_equal(out.type, VALUE_STRING);
    arena_done(&tiny);
    arena_done(&a);
}

/* Types order before contents, then each type by its own rule. */
static void test_cmp(void **state)
{
    (void)state;
    struct member ma[] = {{BYTES_LIT("a"), num("1")}};
    struct member mb[] = {{BYTES_LIT("a"), num("2")}};
    struct member mc[] = {{BYTES_LIT("a"), num("2")}, {BYTES_LIT("b"), num("0")}};
    struct value l1[] = {num("1"), num("2")};
    struct value l2[] = {num("1"), num("3")};
    const struct value ascending[] = {
        {.type = VALUE_NULL},
        {.type = VALUE_BOOL, .boolean = false},
        {.type = VALUE_BOOL, .boolean = true},
        num("-10"),
        num("-9.5"),
        num("0"),
        num("1e-130"),
        num("2"),
        num("10"),
        str(""),
        str("A"),
        str("a"),
        str("ab"),
        str("b"),
        str("\xc3\xa9"),
        {.type = VALUE_BINARY, .bytes = BYTES_LIT("")},
        {.type = VALUE_BINARY, .bytes = BYTES_LIT("\x00")},
        {.type = VALUE_BINARY, .bytes = BYTES_LIT("\xff")},
        list_of(NULL, 0),
        list_of(l1, 1),
        list_of(l1, 2),
        list_of(l2, 2),
        map_of(NULL, 0),
        map_of(ma, 1),
        map_of(mb, 1),
        map_of(mc, 2),
        {.type = VALUE_NUMBER_SET, .list = {.items = l1, .n = 2}},
    };
    size_t n = sizeof ascending / sizeof ascending[0];
    for (size_t i = 0; i < n; i++) {
        for (size_t j = 0; j < n; j++) {
            int c = value_cmp(&ascending[i], &ascending[j]);
            assert_int_equal((c > 0) - (c < 0), (i > j) - (i < j));
            assert_int_equal(value_eq(&ascending[i], &ascending[j]), i == j);
        }
    }
}

/* Depth counts the lists and maps around the innermost value. */
static void test_depth(void **state)
{
    (void)state;
    struct value s = str("");
    struct value l1 = list_of(&s, 1);
    struct member m[] = {{BYTES_LIT("a"), l1}, {BYTES_LIT("b"), s}};
    struct value m2 = map_of(m, 2);
    struct value set = {.type = VALUE_STRING_SET, .list = {.items = &s, .n = 1}};
    struct value empty = list_of(NULL, 0);
    assert_int_equal(value_depth(&s), 0);
    assert_int_equal(value_depth(&set), 0);
    assert_int_equal(value_depth(&empty), 1);
    assert_int_equal(value_depth(&l1), 1);
    assert_int_equal(value_depth(&m2), 2);
}

static size_t number_bytes(const char *text)
{
    struct value v = num(text);
    return value_size(&v);
}

/* Sizes are DynamoDB's: a byte a digit pair aligned at the point, one for the exponent, one for a
 * minus, and 21 at most. */
static void test_size(void **state)
{
    (void)state;
    assert_int_equal(number_bytes("0"), 1);
    assert_int_equal(number_bytes("1"), 2);
    assert_int_equal(number_bytes("-1"), 3);
    assert_int_equal(number_bytes("12"), 2);
    assert_int_equal(number_bytes("123"), 3);
    assert_int_equal(number_bytes("1234"), 3);
    assert_int_equal(number_bytes("1.2"), 3);
    assert_int_equal(number_bytes("3.14159"), 5);
    assert_int_equal(number_bytes("100.5"), 4);
    assert_int_equal(number_bytes("0.15"), 2);
    assert_int_equal(number_bytes("0.012"), 3);
    assert_int_equal(number_bytes("120"), 3);
    assert_int_equal(number_bytes("1010"), 3);
    assert_int_equal(number_bytes("-42"), 3);
    assert_int_equal(number_bytes("100000"), 2);
    assert_int_equal(number_bytes("99999999999999999999999999999999999999"), 20);
    assert_int_equal(number_bytes("-99999999999999999999999999999999999999"), 21);
    assert_int_equal(number_bytes("9.9999999999999999999999999999999999999"), 21);
    assert_int_equal(number_bytes("-9.9999999999999999999999999999999999999"), 21);
    struct value items[] = {str("abc"), {.type = VALUE_NULL}, {.type = VALUE_BOOL}};
    struct value list = list_of(items, 3);
    struct value set = {.type = VALUE_STRING_SET, .list = {.items = items, .n = 1}};
    struct member members[] = {{BYTES_LIT("xy"), list}, {BYTES_LIT("n\xc3\xa9"), set}};
    struct value map = map_of(members, 2);
    assert_int_equal(value_size(&list), 3 + (1 + 3) + (1 + 1) + (1 + 1));
    assert_int_equal(value_size(&set), 3);
    assert_int_equal(value_size(&map), 3 + (1 + 2 + 11) + (1 + 3 + 3));
    assert_int_equal(item_size(&map), 2 + 11 + 3 + 3);
    struct value empty = map_of(NULL, 0);
    assert_int_equal(item_size(&empty), 0);
    assert_int_equal(value_size(&empty), 3);
}

/* A copy equals its original, survives it, and any arena too small is ERR_TOO_BIG. */
static void test_dup(void **state)
{
    (void)state;
    struct prng r = prng_seeded(41);
    for (int round = 0; round < 300; round++) {
        struct arena from;
        struct arena to;
        struct buf before;
        struct buf after;
        struct value copy;
        arena_init(&from, 1 << 24);
        arena_init(&to, 1 << 24);
        buf_init(&before, 1 << 24);
        buf_init(&after, 1 << 24);
        struct value v = random_value(&r, &from, 4);
        assert_int_equal(value_dup(&to, &v, &copy), OK);
        assert_true(value_eq(&v, &copy));
        assert_int_equal(value_cmp(&v, &copy), 0);
        assert_int_equal(value_size(&v), value_size(&copy));
        value_encode(&before, &v);
        if (to.bytes_used > 0) {
            struct arena small;
            struct value none;
            arena_init(&small, to.bytes_used - 1);
            assert_int_equal(value_dup(&small, &v, &none), ERR_TOO_BIG);
            arena_done(&small);
        }
        arena_done(&from);
        value_encode(&after, &copy);
        assert_true(bytes_eq(buf_bytes(&before), buf_bytes(&after)));
        arena_done(&to);
        buf_done(&before);
        buf_done(&after);
    }
}

/* Order is antisymmetric and agrees with equality on random values. */
static void test_cmp_random(void **state)
{
    (void)state;
    struct prng r = prng_seeded(42);
    struct arena a;
    arena_init(&a, 1 << 24);
    for (int round = 0; round < 3000; round++) {
        arena_clear(&a);
        struct value x = random_value(&r, &a, 2);
        struct value y = random_value(&r, &a, 2);
        int xy = value_cmp(&x, &y);
        int yx = value_cmp(&y, &x);
        assert_int_equal((xy > 0) - (xy < 0), (yx < 0) - (yx > 0));
        assert_int_equal(xy == 0, value_eq(&x, &y));
    }
    arena_done(&a);
}

/* Every type has its own tag. */
static void test_tag(void **state)
{
    (void)state;
    static const char *const want[VALUE_TYPES] = {
        "NULL", "BOOL", "N", "S", "B", "L", "M", "SS", "NS", "BS"};
    for (int t = 0; t < VALUE_TYPES; t++) {
        assert_string_equal(value_tag((enum value_type)t), want[t]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_members_sort),
        cmocka_unit_test(test_set_sort),
        cmocka_unit_test(test_with),
        cmocka_unit_test(test_cmp),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_size),
        cmocka_unit_test(test_dup),
        cmocka_unit_test(test_cmp_random),
        cmocka_unit_test(test_tag),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

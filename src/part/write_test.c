#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include "part/test_util.h"

#include <cmocka.h>

static const struct value *thing(struct region *r, const char *pk, int64_t sk, const char *note)
{
    return item_of(&r->arena, "pk", str(pk), "sk", num(sk), "note", str(note));
}

static const struct value *thing_key(struct region *r, const char *pk, int64_t sk)
{
    return item_of(&r->arena, "pk", str(pk), "sk", num(sk), NULL, num(0));
}

static void check_note(struct region *r, const char *pk, int64_t sk, const char *note)
{
    struct value v;
    assert_int_equal(get_item(r, TABLE, thing_key(r, pk, sk), &v), OK);
    assert_true(bytes_eq_str(value_find(&v, BYTES_LIT("note"))->bytes, note));
}

/* What was put is read, what was deleted is not, and a delete of nothing writes nothing. */
static void test_put_get_delete(void **state)
{
    (void)state;
    struct region r;
    region_start(&r, 7);
    assert_int_equal(put_item(&r, TABLE, thing(&r, "a", 1, "one")), OK);
    check_note(&r, "a", 1, "one");
    assert_int_equal(part_tail(r.part).v, 1);
    assert_int_equal(delete_item(&r, TABLE, thing_key(&r, "a", 2)), OK);
    assert_int_equal(part_tail(r.part).v, 1);
    assert_int_equal(delete_item(&r, TABLE, thing_key(&r, "a", 1)), OK);
    assert_int_equal(part_tail(r.part).v, 2);
    struct value v;
    assert_int_equal(get_item(&r, TABLE, thing_key(&r, "a", 1), &v), ERR_NOT_FOUND);
    assert_int_equal(part_table_counts(r.part, TABLE).items, 0);
    assert_int_equal(part_check(r.part), OK);
    region_stop(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_get_delete),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

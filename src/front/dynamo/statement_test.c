/* PartiQL end to end, from request bytes to answer bytes, over a real core on engine_mem. */
#include "front/dynamo/test_util.h"

/* Sends a statement with what else the request shall hold (quotes written '), and expects status
 * `status`. The answer stays in r->last_body. */
static void run(struct rig *r, const char *statement, const char *more, unsigned status)
{
    struct buf b;
    buf_init(&b, /* len_max= */ 1 << 20);
    buf_put_str(&b, "{\"Statement\":");
    json_put_string(&b, bytes_str(statement));
    buf_put_bytes(&b, unquoted(&r->mem, more));
    buf_put_u8(&b, '}');
    unsigned got = rig_send_bytes(r, "ExecuteStatement", bytes_dup(&r->mem, buf_bytes(&b)));
    buf_done(&b);
    if (got != status) {
        fail_msg("%s: %u %.*s", statement, got, BYTES_FMT(r->last_body));
    }
}

static void expect(struct rig *r, const char *answer)
{
    struct bytes want = unquoted(&r->mem, answer);
    if (!bytes_eq(r->last_body, want)) {
        fail_msg("answered %.*s\n instead of %s", BYTES_FMT(r->last_body), answer);
    }
}

static void fill(struct rig *r)
{
    rig_open(r);
    rig_create_full(r);
    for (int i = 1; i <= 3; i++) {
        char params[64];
        (void)snprintf(params, sizeof params, ",'Parameters':[{'N':'%d'}]", i); /* fits */
        run(r, "INSERT INTO \"full\" VALUE {'h': 'a', 'r': ?, 'g': 'x', 'v': 1}", params, 200);
        expect(r, "{'Items':[]}");
    }
}

/* The value of a string member in the last answer. */
static struct bytes member(struct rig *r, const char *name)
{
    struct json_parser *parser = json_parser_new();
    struct json parsed;
    assert_int_equal(json_parse(parser, &r->mem, r->last_body, 10, &parsed), OK);
    json_parser_free(parser);
    const struct json *j = json_find(&parsed, name);
    assert_non_null(j);
    return j->text;
}

/* Pages end at the limit and go on behind the last item; the token's bytes are those that are
 * written down. */
static void test_token(void **state)
{
    (void)state;
    struct rig r;
    fill(&r);
    const char *select = "SELECT r FROM \"full\" WHERE h = 'a'";
    run(&r, select, ",'Limit':2", 200);
    struct bytes token = member(&r, "NextToken");
    assert_true(bytes_has_prefix(
        r.last_body, unquoted(&r.mem, "{'Items':[{'r':{'N':'1'}},{'r':{'N':'2'}}],'NextToken':")));
    struct bytes raw;
    assert_int_equal(base64_decode(&r.mem, token, &raw), OK);
    struct buf hex;
    buf_init(&hex, /* len_max= */ 4096);
    put_hex(&hex, raw);
    assert_true(bytes_eq_str(
        buf_bytes(&hex), "0183a40b3f845118d50001060b0000000201680301610172020102892a16202de1ee0e"));
    buf_done(&hex);
    struct bytes more = bytes_fmt(&r.mem, ",'Limit':2,'NextToken':'%.*s'", BYTES_FMT(token));
    run(&r, select, bytes_cstr(&r.mem, more), 200);
    expect(&r, "{'Items':[{'r':{'N':'3'}}]}");
    run(&r, "SELECT h FROM \"full\" WHERE h = 'a'", bytes_cstr(&r.mem, more), 400);
    assert_true(bytes_contains(r.last_body, BYTES_LIT("NextToken does not match request")));
    rig_close(&r);
}

/* A token with any byte changed is refused. */
static void test_spoilt_token(void **state)
{
    (void)state;
    struct rig r;
    fill(&r);
    const char *select = "SELECT * FROM \"full\" WHERE h = 'a'";
    run(&r, select, ",'Limit':1", 200);
    struct bytes raw;
    assert_int_equal(base64_decode(&r.mem, member(&r, "NextToken"), &raw), OK);
    for (size_t i = 0; i < raw.len; i++) {
        uint8_t *spoilt = arena_alloc(&r.mem, raw.len);
        memcpy(spoilt, raw.base, raw.len);
        spoilt[i] ^= 1;
        struct buf b;
        buf_init(&b, /* len_max= */ 4096);
        buf_put_str(&b, ",'NextToken':'");
        put_base64(&b, bytes_of(spoilt, raw.len));
        buf_put_str(&b, "'");
        run(&r, select, bytes_cstr(&r.mem, buf_bytes(&b)), 400);
        assert_true(bytes_contains(r.last_body, BYTES_LIT("Invalid NextToken")));
        buf_done(&b);
    }
    rig_close(&r);
}

/* Several reads by key share one limit, and a page may end between them. */
static void test_several_reads(void **state)
{
    (void)state;
    struct rig r;
    fill(&r);
    run(&r,
        "SELECT r FROM \"full\" WHERE h = 'a' AND r IN [3, 1]",
        ",'ReturnConsumedCapacity':'TOTAL'",
        200);
    expect(
        &r,
        "{'Items':[{'r':{'N':'1'}},{'r':{'N':'3'}}],"
        "'ConsumedCapacity':{'TableName':'full','CapacityUnits':1.0}}");
    run(&r, "SELECT r FROM \"full\" WHERE h IN ['none', 'a'] AND r > 1 ORDER BY h DESC", "", 200);
    expect(&r, "{'Items':[{'r':{'N':'3'}},{'r':{'N':'2'}}]}");
    rig_close(&r);
}

/* A read through an index sees what the index holds, or says what it lacks. */
static void test_index(void **state)
{
    (void)state;
    struct rig r;
    fill(&r);
    run(&r, "SELECT * FROM \"full\".\"gsi\" WHERE g = 'x' AND r < 2", "", 200);
    expect(&r, "{'Items':[{'g':{'S':'x'},'h':{'S':'a'},'r':{'N':'1'}}]}");
    run(&r, "SELECT v FROM \"full\".\"gsi\" WHERE g = 'x'", "", 400);
    assert_true(bytes_contains(r.last_body, BYTES_LIT("index gsi does not project [v]")));
    run(&r, "SELECT h FROM \"full\".\"gsi\" WHERE g = 'x'", ",'ConsistentRead':true", 400);
    assert_true(bytes_contains(r.last_body, BYTES_LIT("Strongly consistent read is not")));
    rig_close(&r);
}

/* Updates tell what RETURNING asks for, and change nothing where the WHERE clause does not hold. */
static void test_writes(void **state)
{
    (void)state;
    struct rig r;
    fill(&r);
    const char *where = "WHERE h = 'a' AND r = 1";
    char text[256];
    (void)snprintf(
        text, sizeof text, "UPDATE \"full\" SET v = v + 1 %s RETURNING MODIFIED NEW *", where);
    run(&r, text, "", 200);
    expect(&r, "{'Items':[{'v':{'N':'2'}}]}");
    (void)snprintf(text, sizeof text, "UPDATE \"full\" SET v = 0 %s AND v = 1", where);
    run(&r, text, "", 400);
    assert_true(bytes_eq_str(r.call.error_name, "ConditionalCheckFailedException"));
    run(&r, "INSERT INTO \"full\" VALUE {'h': 'a', 'r': 1}", "", 400);
    assert_true(bytes_eq_str(r.call.error_name, "DuplicateItemException"));
    (void)snprintf(text, sizeof text, "DELETE FROM \"full\" %s RETURNING ALL OLD *", where);
    run(&r, text, "", 200);
    expect(&r, "{'Items':[{'g':{'S':'x'},'h':{'S':'a'},'r':{'N':'1'},'v':{'N':'2'}}]}");
    run(&r, text, "", 200);
    expect(&r, "{'Items':[]}");
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token),
        cmocka_unit_test(test_spoilt_token),
        cmocka_unit_test(test_several_reads),
        cmocka_unit_test(test_index),
        cmocka_unit_test(test_writes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

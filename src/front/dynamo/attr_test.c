/* AttributeValues and typed fields: what is taken, what it becomes, and the words for what is not.
 */
#include "front/dynamo/test_util.h"

struct conversion {
    const char *in;
    const char *out; /* as GetItem shows it */
};

static const struct conversion conversions[] = {
    {"{'S':''}", "{'S':''}"},
    {"{'S':'\\u00e9\\n\\\"'}", "{'S':'\xc3\xa9\\n\\\"'}"},
    {"{'N':'0'}", "{'N':'0'}"},
    {"{'N':'-0.0'}", "{'N':'0'}"},
    {"{'N':'+001.500'}", "{'N':'1.5'}"},
    {"{'N':'1E3'}", "{'N':'1000'}"},
    {"{'N':'.5'}", "{'N':'0.5'}"},
    {"{'N':'12345678901234567890123456789012345678'}",
     "{'N':'12345678901234567890123456789012345678'}"},
    {"{'B':''}", "{'B':''}"},
    {"{'B':'/+8='}", "{'B':'/+8='}"},
    {"{'BOOL':false}", "{'BOOL':false}"},
    {"{'BOOL':'yes'}", "{'BOOL':true}"},
    {"{'BOOL':'0'}", "{'BOOL':false}"},
    {"{'NULL':true}", "{'NULL':true}"},
    {"{'NULL':'yes'}", "{'NULL':true}"},
    {"{'L':[]}", "{'L':[]}"},
    {"{'M':{}}", "{'M':{}}"},
    {"{'M':{'b':{'N':'1'},'a':{'S':'x'}}}", "{'M':{'a':{'S':'x'},'b':{'N':'1'}}}"},
    {"{'SS':['','b','a']}", "{'SS':['','a','b']}"},
    {"{'NS':['10','9','-1']}", "{'NS':['-1','9','10']}"},
    {"{'S':'a','N':null}", "{'S':'a'}"},
    {"{'S':'a','Other':'b'}", "{'S':'a'}"},
};

/* Each form is stored as the value it stands for and shown in DynamoDB's own form. */
static void test_conversions(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_create_hash(&r);
    for (size_t i = 0; i < sizeof conversions / sizeof conversions[0]; i++) {
        const struct conversion *v = &conversions[i];
        struct bytes put =
            bytes_fmt(&r.mem, "{'TableName':'hash','Item':{'h':{'S':'k'},'x':%s}}", v->in);
        struct bytes got = bytes_fmt(&r.mem, "{'Item':{'h':{'S':'k'},'x':%s}}", v->out);
        rig_ok(&r, "PutItem", bytes_cstr(&r.mem, put), "{}");
        rig_ok(
            &r, "GetItem", "{'TableName':'hash','Key':{'h':{'S':'k'}}}", bytes_cstr(&r.mem, got));
    }
    rig_close(&r);
}

struct fault {
    const char *in;
    const char *message;
};

#define INVALID "One or more parameter values were invalid: "

static const struct fault value_faults[] = {
    {"{}", "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"},
    {"null",
     "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"},
    {"{'Z':'a'}",
     "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"},
    {"{'L':[{}]}",
     "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"},
    {"{'S':'a','N':'1'}",
     "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the "
     "supported datatypes"},
    {"{'N':''}", "The parameter cannot be converted to a numeric value"},
    {"{'N':'1x'}", "The parameter cannot be converted to a numeric value: 1x"},
    {"{'N':' 1'}", "The parameter cannot be converted to a numeric value:  1"},
    {"{'N':'123456789012345678901234567890123456789'}",
     "Attempting to store more than 38 significant digits in a Number"},
    {"{'N':'1e126'}",
     "Number overflow. Attempting to store a number with magnitude larger than supported range"},
    {"{'N':'1e-131'}",
     "Number underflow. Attempting to store a number with magnitude smaller than supported range"},
    {"{'NULL':false}", INVALID "Null attribute value types must have the value of true"},
    {"{'SS':[]}", INVALID "An string set  may not be empty"},
    {"{'NS':[]}", INVALID "An number set  may not be empty"},
    {"{'BS':[]}", INVALID "Binary sets should not be empty"},
    {"{'SS':['a','b','a']}", INVALID "Input collection [a, b, a] contains duplicates."},
    {"{'NS':['1','1.0']}", "Input collection contains duplicates"},
    {"{'BS':['AQ==','AQ==']}",
     INVALID "Input collection [AQ==, AQ==]of type BS contains duplicates."},
};

static const struct fault type_faults[] = {
    {"'a'", "Unexpected value type in payload"},
    {"1", "Unexpected value type in payload"},
    {"[]", "Unrecognized collection type class com.amazonaws.dynamodb.v20120810.AttributeValue"},
    {"{'S':1}", "NUMBER_VALUE cannot be converted to String"},
    {"{'S':1.5}", "DECIMAL_VALUE cannot be converted to String"},
    {"{'S':true}", "TRUE_VALUE cannot be converted to String"},
    {"{'S':[]}", "Unrecognized collection type class java.lang.String"},
    {"{'S':{}}", "Start of structure or map found where not expected"},
    {"{'N':1}", "NUMBER_VALUE cannot be converted to String"},
    {"{'B':1}", "only base-64-encoded strings are convertible to bytes"},
    {"{'B':[]}", "Unrecognized collection type class java.nio.ByteBuffer"},
    {"{'B':'abc'}", "Base64 encoded length is expected a multiple of 4 bytes but found: 3"},
    {"{'B':'a==='}", "Invalid last non-pad Base64 character dectected"},
    {"{'BOOL':'perhaps'}", "Unexpected token received from parser"},
    {"{'BOOL':1}", "NUMBER_VALUE cannot be converted to Boolean"},
    {"{'SS':'a'}", "Unexpected field type"},
    {"{'SS':{}}", "Start of structure or map found where not expected"},
    {"{'SS':[1]}", "NUMBER_VALUE cannot be converted to String"},
    {"{'L':{}}", "Start of structure or map found where not expected"},
    {"{'M':[]}",
     "Unrecognized collection type java.util.Map<java.lang.String, "
     "com.amazonaws.dynamodb.v20120810.AttributeValue>"},
    {"{'M':1}", "Unexpected field type"},
};

static void expect_faults(
    struct rig *r, const struct fault *faults, size_t n, const char *error_name)
{
    const char *frame = faults == value_faults ? "1 validation error detected: " : "";
    for (size_t i = 0; i < n; i++) {
        struct bytes put =
            bytes_fmt(&r->mem, "{'TableName':'hash','Item':{'h':{'S':'k'},'x':%s}}", faults[i].in);
        struct bytes message = bytes_fmt(&r->mem, "%s%s", frame, faults[i].message);
        rig_refused(
            r, "PutItem", bytes_cstr(&r->mem, put), error_name, bytes_cstr(&r->mem, message));
    }
}

/* Values that cannot be stored, and JSON types that do not fit, are refused in DynamoDB's words. */
static void test_faults(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_create_hash(&r);
    expect_faults(
        &r, value_faults, sizeof value_faults / sizeof value_faults[0], "ValidationException");
    expect_faults(
        &r, type_faults, sizeof type_faults / sizeof type_faults[0], "SerializationException");
    rig_close(&r);
}

static const struct fault field_faults[] = {
    {"{'TableName':1}", "NUMBER_VALUE cannot be converted to String"},
    {"{'TableName':[]}", "Unrecognized collection type class java.lang.String"},
    {"{'TableName':{}}", "Start of structure or map found where not expected"},
    {"{'Limit':'a'}", "STRING_VALUE cannot be converted to Integer"},
    {"{'Limit':true}", "TRUE_VALUE cannot be converted to Integer"},
    {"{'Limit':[]}", "Unrecognized collection type class java.lang.Integer"},
    {"{'ConsistentRead':1.5}", "DECIMAL_VALUE cannot be converted to Boolean"},
    {"{'ExclusiveStartKey':1}", "Unexpected field type"},
    {"{'ExclusiveStartKey':[]}",
     "Unrecognized collection type java.util.Map<java.lang.String, "
     "com.amazonaws.dynamodb.v20120810.AttributeValue>"},
    {"{'ReturnConsumedCapacity':false}", "FALSE_VALUE cannot be converted to String"},
    {"{'TableName':'hash','FilterExpression':1}", "NUMBER_VALUE cannot be converted to String"},
    {"{'TableName':'hash','ExpressionAttributeNames':[]}",
     "Unrecognized collection type java.util.Map<java.lang.String, java.lang.String>"},
    {"{'TableName':'hash','ExpressionAttributeValues':1}", "Unexpected field type"},
};

/* Fields of the wrong JSON type are refused before anything else is looked at; null is absence. */
static void test_field_types(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_create_hash(&r);
    for (size_t i = 0; i < sizeof field_faults / sizeof field_faults[0]; i++) {
        rig_refused(
            &r, "Scan", field_faults[i].in, "SerializationException", field_faults[i].message);
    }
    rig_ok(
        &r,
        "Scan",
        "{'TableName':'hash','Limit':null,'IndexName':null,'Unknown':7,'Select':'COUNT'}",
        "{'Count':0,'ScannedCount':0}");
    rig_close(&r);
}

/* Appends `x` wrapped in `wraps` maps. */
static void put_nested(struct buf *b, int wraps)
{
    for (int i = 0; i < wraps; i++) {
        buf_put_str(b, "{\"M\":{\"n\":");
    }
    buf_put_str(b, "{\"S\":\"leaf\"}");
    for (int i = 0; i < wraps; i++) {
        buf_put_str(b, "}}");
    }
}

/* 31 wraps are taken, 32 and any more are refused with the same words, however deep the JSON is. */
static void test_nesting(void **state)
{
    (void)state;
    static const struct {
        int wraps;
        unsigned status;
    } cases[] = {{31, 200}, {32, 400}, {33, 400}, {100, 400}, {5000, 400}};
    struct rig r;
    rig_open(&r);
    rig_create_hash(&r);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct buf b;
        buf_init(&b, /* len_max= */ 1 << 20);
        buf_put_str(&b, "{\"TableName\":\"hash\",\"Item\":{\"h\":{\"S\":\"k\"},\"x\":");
        put_nested(&b, cases[i].wraps);
        buf_put_str(&b, "}}");
        assert_int_equal(rig_send_bytes(&r, "PutItem", buf_bytes(&b)), cases[i].status);
        if (cases[i].status == 400) {
            assert_true(bytes_contains(
                r.last_body,
                BYTES_LIT("Nesting Levels have exceeded supported limits: Attributes in the item "
                          "have nested levels beyond supported limit")));
        }
        buf_done(&b);
    }
    rig_close(&r);
}

/* A body that blows up in memory is refused, not served at any price. */
static void test_arena_cap(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_create_hash(&r);
    struct buf b;
    buf_init(&b, /* len_max= */ 1 << 20);
    buf_put_str(&b, "{\"TableName\":\"hash\",\"Item\":{\"h\":{\"S\":\"k\"},\"x\":{\"L\":[");
    for (int i = 0; i < 10000; i++) {
        buf_put_str(&b, "{\"L\":[]},");
    }
    buf_put_str(&b, "{\"S\":\"\"}]}}}");
    struct arena whole = r.mem;
    arena_init(&r.mem, /* bytes_max= */ 300 * 1024);
    assert_int_equal(rig_send_bytes(&r, "PutItem", buf_bytes(&b)), 413);
    assert_true(bytes_eq_str(r.call.error_name, "PayloadTooLarge"));
    assert_true(bytes_eq_str(
        r.call.answer.body,
        "{\"__type\":\"com.amazon.coral.service#PayloadTooLarge\",\"message\":\"Request size "
        "exceeded "
        "the maximum allowed size\"}"));
    arena_done(&r.mem);
    r.mem = whole;
    buf_done(&b);
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversions),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_field_types),
        cmocka_unit_test(test_nesting),
        cmocka_unit_test(test_arena_cap),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* The parameters from before expressions, end to end. */
#include "front/dynamo/test_util.h"

/* What PutItem and UpdateItem put before faults of a request itself. */
#define FRAME "1 validation error detected: "

#define PUT "{'TableName':'hash','Item':{'h':{'S':'a'},'n':{'N':'5'},'s':{'SS':['x','y']}}"

static void fill(struct rig *r)
{
    rig_create_hash(r);
    rig_create_full(r);
    rig_ok(r, "PutItem", PUT "}", "{}");
    for (int i = 1; i <= 4; i++) {
        struct bytes body = bytes_fmt(
            &r->mem,
            "{'TableName':'full','Item':{'h':{'S':'a'},'r':{'N':'%d'},'x':{'S':'v%d'},'g':{'S':'g'}"
            "}}",
            i,
            i);
        rig_ok(r, "PutItem", bytes_cstr(&r->mem, body), "{}");
    }
}

struct expectation {
    const char *expected; /* behind 'Expected': */
    bool holds;
};

static const struct expectation expectations[] = {
    {"{'n':{'Value':{'N':'5.0'}}}", true},
    {"{'n':{'Value':{'N':'6'}}}", false},
    {"{'n':{'Exists':true,'Value':{'N':'5'}}}", true},
    {"{'n':{'Exists':false}}", false},
    {"{'q':{'Exists':false}}", true},
    {"{'n':{'ComparisonOperator':'EQ','AttributeValueList':[{'N':'5'}]}}", true},
    {"{'n':{'ComparisonOperator':'NE','Value':{'N':'5'}}}", false},
    {"{'n':{'ComparisonOperator':'LE','Value':{'N':'5'}}}", true},
    {"{'n':{'ComparisonOperator':'LT','Value':{'N':'5'}}}", false},
    {"{'n':{'ComparisonOperator':'GE','Value':{'N':'5'}}}", true},
    {"{'n':{'ComparisonOperator':'GT','Value':{'N':'5'}}}", false},
    {"{'n':{'ComparisonOperator':'IN','AttributeValueList':[{'N':'4'},{'N':'5'}]}}", true},
    {"{'n':{'ComparisonOperator':'BETWEEN','AttributeValueList':[{'N':'1'},{'N':'4'}]}}", false},
    {"{'s':{'ComparisonOperator':'CONTAINS','Value':{'S':'x'}}}", true},
    {"{'s':{'ComparisonOperator':'NOT_CONTAINS','Value':{'S':'x'}}}", false},
    {"{'h':{'ComparisonOperator':'BEGINS_WITH','Value':{'S':'a'}}}", true},
    {"{'n':{'ComparisonOperator':'NULL'}}", false},
    {"{'n':{'ComparisonOperator':'NOT_NULL'}}", true},
    {"{'n':{'Value':{'N':'6'}},'h':{'Value':{'S':'a'}}},'ConditionalOperator':'OR'", true},
    {"{'n':{'Value':{'N':'6'}},'h':{'Value':{'S':'a'}}},'ConditionalOperator':'AND'", false},
    {"{'n':{'Value':{'N':'6'}},'h':{'Value':{'S':'a'}}}", false},
};

/* Each form of Expected holds or does not, as the expression it stands for would. */
static void test_expected(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    fill(&r);
    for (size_t i = 0; i < sizeof expectations / sizeof expectations[0]; i++) {
        struct bytes body = bytes_fmt(&r.mem, PUT ",'Expected':%s}", expectations[i].expected);
        const char *text = bytes_cstr(&r.mem, body);
        if (expectations[i].holds) {
            rig_ok(&r, "PutItem", text, "{}");
        } else {
            rig_refused(
                &r,
                "PutItem",
                text,
                "ConditionalCheckFailedException",
                "The conditional request failed");
        }
    }
    rig_close(&r);
}

/* AttributeUpdates put, add and delete; what was touched comes back. */
static void test_attribute_updates(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    fill(&r);
    rig_ok(
        &r,
        "UpdateItem",
        "{'TableName':'hash','Key':{'h':{'S':'a'}},'AttributeUpdates':{'n':{'Action':'ADD','Value':"
        "{'N':"
        "'2'}},'new':{'Value':{'S':'v'}},'s':{'Action':'DELETE','Value':{'SS':['x']}}},"
        "'ReturnValues':'UPDATED_NEW'}",
        "{'Attributes':{'n':{'N':'7'},'new':{'S':'v'},'s':{'SS':['y']}}}");
    rig_ok(
        &r,
        "UpdateItem",
        "{'TableName':'hash','Key':{'h':{'S':'a'}},'AttributeUpdates':{'n':{'Action':'DELETE'}},"
        "'Expected':{'n':{'Value':{'N':'7'}}},'ReturnValues':'ALL_NEW'}",
        "{'Attributes':{'h':{'S':'a'},'new':{'S':'v'},'s':{'SS':['y']}}}");
    rig_close(&r);
}

/* KeyConditions, QueryFilter, ScanFilter and AttributesToGet read as their expressions do. */
static void test_reads(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    fill(&r);
    rig_ok(
        &r,
        "Query",
        "{'TableName':'full','KeyConditions':{'h':{'ComparisonOperator':'EQ','AttributeValueList':["
        "{'S':'a'"
        "}]},'r':{'ComparisonOperator':'BETWEEN','AttributeValueList':[{'N':'2'},{'N':'3'}]}},"
        "'AttributesToGet':['x'],'QueryFilter':{'x':{'ComparisonOperator':'NE','AttributeValueList'"
        ":[{'S':"
        "'v2'}]}}}",
        "{'Count':1,'ScannedCount':2,'Items':[{'x':{'S':'v3'}}]}");
    rig_ok(
        &r,
        "Query",
        "{'TableName':'full','KeyConditions':{'h':{'ComparisonOperator':'EQ','AttributeValueList':["
        "{'S':'a'"
        "}]}},'FilterExpression':'x = "
        ":x','ExpressionAttributeValues':{':x':{'S':'v4'}},'Select':'COUNT'}",
        "{'Count':1,'ScannedCount':4}");
    rig_ok(
        &r,
        "Scan",
        "{'TableName':'full','Select':'COUNT','ConditionalOperator':'OR','ScanFilter':{'x':{"
        "'ComparisonOperator':'EQ','AttributeValueList':[{'S':'v1'}]},'r':{'ComparisonOperator':'"
        "GT',"
        "'AttributeValueList':[{'N':'3'}]}}}",
        "{'Count':2,'ScannedCount':4}");
    rig_ok(
        &r,
        "GetItem",
        "{'TableName':'hash','Key':{'h':{'S':'a'}},'AttributesToGet':['n','none']}",
        "{'Item':{'n':{'N':'5'}}}");
    rig_ok(
        &r,
        "BatchGetItem",
        "{'RequestItems':{'hash':{'Keys':[{'h':{'S':'a'}}],'AttributesToGet':['h']}}}",
        "{'Responses':{'hash':[{'h':{'S':'a'}}]},'UnprocessedKeys':{}}");
    rig_close(&r);
}

struct refusal {
    const char *op;
    const char *body;
    const char *message;
};

#define INVALID "One or more parameter values were invalid: "
#define KEY     "{'TableName':'hash','Key':{'h':{'S':'a'}},"
#define ON_A    "'h':{'ComparisonOperator':'EQ','AttributeValueList':[{'S':'a'}]}"

static const struct refusal refusals[] = {
    {"PutItem",
     PUT ",'Expected':{'n':{}}}",
     FRAME INVALID "Value must be provided when Exists is null for Attribute: n"},
    {"PutItem",
     PUT ",'Expected':{'n':{'Exists':true}}}",
     FRAME INVALID "Value must be provided when Exists is true for Attribute: n"},
    {"PutItem",
     PUT ",'Expected':{'n':{'Exists':false,'Value':{'N':'1'}}}}",
     FRAME INVALID "Value cannot be used when Exists is false for Attribute: n"},
    {"PutItem",
     PUT ",'Expected':{'n':{'Exists':false,'ComparisonOperator':'NULL'}}}",
     FRAME INVALID "Exists and ComparisonOperator cannot be used together for Attribute: n"},
    {"PutItem",
     PUT ",'Expected':{'n':{'ComparisonOperator':'LT'}}}",
     FRAME INVALID
     "Value or AttributeValueList must be used with ComparisonOperator: LT for Attribute: n"},
    {"PutItem",
     PUT ",'Expected':{'n':{'AttributeValueList':[],'Value':{'N':'1'}}}}",
     FRAME INVALID "Value and AttributeValueList cannot be used together for Attribute: n"},
    {"PutItem",
     PUT ",'Expected':{'n':{'AttributeValueList':[]}}}",
     FRAME INVALID
     "AttributeValueList can only be used with a ComparisonOperator for Attribute: n"},
    {"PutItem",
     PUT ",'Expected':{'n':{'ComparisonOperator':'BETWEEN','Value':{'N':'1'}}}}",
     FRAME INVALID "Invalid number of argument(s) for the BETWEEN ComparisonOperator"},
    {"PutItem",
     PUT
     ",'Expected':{'n':{'ComparisonOperator':'IN','AttributeValueList':[{'N':'1'},{'S':'1'}]}}}",
     FRAME INVALID "AttributeValues inside AttributeValueList must be of same type"},
    {"PutItem",
     PUT ",'Expected':{'n':{'ComparisonOperator':'BETWEEN','AttributeValueList':[{'N':'2'},{'N':'1'"
         "}]}}}",
     FRAME
     "The BETWEEN condition was provided a range where the lower bound is greater than the upper "
     "bound"},
    {"PutItem",
     PUT ",'Expected':{'n':{'ComparisonOperator':'XX','Value':{'N':'1'}}}}",
     "1 validation error detected: Value 'XX' at 'expected.n.member.comparisonOperator' failed to "
     "satisfy "
     "constraint: Member must satisfy enum value set: [IN, NULL, BETWEEN, LT, NOT_CONTAINS, EQ, "
     "GT, "
     "NOT_NULL, NE, LE, BEGINS_WITH, GE, CONTAINS]"},
    {"PutItem",
     PUT ",'ConditionalOperator':'OR'}",
     FRAME "ConditionalOperator cannot be used without Filter or Expected"},
    {"PutItem",
     PUT ",'ConditionalOperator':'OR','Expected':{'n':{'Value':{'N':'1'}}}}",
     FRAME "ConditionalOperator can only be used when Filter or Expected has two or more elements"},
    {"UpdateItem",
     KEY "'AttributeUpdates':{'n':{'Action':'PUT'}}}",
     FRAME INVALID "Only DELETE action is allowed when no attribute value is specified"},
    {"UpdateItem",
     KEY "'AttributeUpdates':{'n':{'Action':'DELETE','Value':{'N':'1'}}}}",
     FRAME INVALID "DELETE action with value is not supported for the type N"},
    {"UpdateItem",
     KEY "'AttributeUpdates':{'n':{'Action':'ADD','Value':{'S':'1'}}}}",
     FRAME INVALID "ADD action is not supported for the type S"},
    {"UpdateItem",
     KEY "'AttributeUpdates':{'h':{'Value':{'S':'b'}}}}",
     INVALID "Cannot update attribute h. This attribute is part of the key"},
    {"UpdateItem",
     KEY "'AttributeUpdates':{'s':{'Action':'ADD','Value':{'N':'1'}}}}",
     "Type mismatch for attribute to update"},
    {"GetItem",
     KEY "'AttributesToGet':[]}",
     "1 validation error detected: Value '[]' at 'attributesToGet' failed to satisfy constraint: "
     "Member must "
     "have length greater than or equal to 1"},
    {"GetItem",
     KEY "'AttributesToGet':['a','b','a']}",
     INVALID "Duplicate value in attribute name: a"},
    {"Query", "{'TableName':'full','KeyConditions':{}}", "Conditions can be of length 1 or 2 only"},
    {"Query",
     "{'TableName':'full','KeyConditions':{'r':{'ComparisonOperator':'EQ','AttributeValueList':[{'"
     "N':'1'}]}}}",
     "Query condition missed key schema element: h"},
    {"Query",
     "{'TableName':'full','KeyConditions':{" ON_A
     ",'x':{'ComparisonOperator':'EQ','AttributeValueList':[{'N':'1'}]}}}",
     "Query condition missed key schema element: r"},
    {"Query",
     "{'TableName':'full','KeyConditions':{'h':{'ComparisonOperator':'LT','AttributeValueList':[{'"
     "S':'a'}]}}}",
     "Query key condition not supported"},
    {"Query",
     "{'TableName':'full','KeyConditions':{" ON_A
     ",'r':{'ComparisonOperator':'NE','AttributeValueList':[{'N':'1'}]}}}",
     "Attempted conditional constraint is not an indexable operation"},
    {"Query",
     "{'TableName':'full','KeyConditions':{" ON_A
     ",'r':{'ComparisonOperator':'EQ','AttributeValueList':[{'S':'1'}]}}}",
     INVALID "Condition parameter type does not match schema type"},
    {"Query",
     "{'TableName':'full','KeyConditions':{" ON_A
     "},'QueryFilter':{'r':{'ComparisonOperator':'NULL'}}}",
     "QueryFilter can only contain non-primary key attributes: Primary key attribute: r"},
    {"Query",
     "{'TableName':'full','KeyConditions':{" ON_A
     "},'QueryFilter':{'x':{'ComparisonOperator':'LT','AttributeValueList':[{'BOOL':true}]}}}",
     INVALID "ComparisonOperator LT is not valid for BOOL AttributeValue type"},
    {"Query",
     "{'TableName':'full','IndexName':'gsi','AttributesToGet':['h','x'],'KeyConditions':{'g':{"
     "'ComparisonOperator':'EQ','AttributeValueList':[{'S':'g'}]}}}",
     INVALID "Global secondary index gsi does not project [x]"},
    {"Scan",
     "{'TableName':'full','Select':'ALL_ATTRIBUTES','AttributesToGet':['h']}",
     "Cannot specify the AttributesToGet when choosing to get ALL_ATTRIBUTES"},
};

/* Wrong legacy parameters are refused in DynamoDB's words. */
static void test_words(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    fill(&r);
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++) {
        rig_invalid(&r, refusals[i].op, refusals[i].body, refusals[i].message);
    }
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expected),
        cmocka_unit_test(test_attribute_updates),
        cmocka_unit_test(test_reads),
        cmocka_unit_test(test_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

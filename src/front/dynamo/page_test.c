/* Query, Scan and the two batches end to end, from request bytes to answer bytes. */
#include "front/dynamo/test_util.h"

/* Three items of one partition and one of another; the global index holds two of them, the local
 * one all. */
static void fill(struct rig *r)
{
    rig_create_hash(r);
    rig_create_full(r);
    static const char *const items[] = {
        ("{'h':{'S':'a'},'r':{'N':'1'},'g':{'S':'x'},'l':{'S':'l3'},'kept':{'S':'k1'},"
         "'more':{'S':'m1'}}"),
        "{'h':{'S':'a'},'r':{'N':'2'},'l':{'S':'l2'},'kept':{'S':'k2'},'more':{'S':'m2'}}",
        "{'h':{'S':'a'},'r':{'N':'10'},'g':{'S':'x'},'l':{'S':'l1'},'more':{'S':'m3'}}",
        "{'h':{'S':'b'},'r':{'N':'5'},'l':{'S':'l9'}}",
    };
    for (size_t i = 0; i < sizeof items / sizeof items[0]; i++) {
        struct bytes body = bytes_fmt(&r->mem, "{'TableName':'full','Item':%s}", items[i]);
        rig_ok(r, "PutItem", bytes_cstr(&r->mem, body), "{}");
    }
}

#define QUERY_A                                          \
    "{'TableName':'full','KeyConditionExpression':'h = " \
    ":h','ExpressionAttributeValues':{':h':{'S':"        \
    "'a'}},'ProjectionExpression':'r'"
#define ITEM(n) "{'r':{'N':'" n "'}}"

/* A partition is read in the order of its sort key, forward and backward. */
static void test_query_order(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    fill(&r);
    rig_ok(
        &r,
        "Query",
        QUERY_A "}",
        "{'Count':3,'ScannedCount':3,'Items':[" ITEM("1") "," ITEM("2") "," ITEM("10") "]}");
    rig_ok(
        &r,
        "Query",
        QUERY_A ",'ScanIndexForward':false}",
        "{'Count':3,'ScannedCount':3,'Items':[" ITEM("10") "," ITEM("2") "," ITEM("1") "]}");
    rig_ok(
        &r,
        "Query",
        "{'TableName':'full','KeyConditionExpression':'h= :h and r BETWEEN :a AND :b',"
        "'ExpressionAttributeValues':{':h':{'S':'a'},':a':{'N':'2'},':b':{'N':'9'}},'Select':'"
        "COUNT'}",
        "{'Count':1,'ScannedCount':1}");
    rig_close(&r);
}

/* Pages end at the limit with a last key, even at the end; the last key starts the next page. */
static void test_query_pages(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    fill(&r);
    rig_ok(
        &r,
        "Query",
        QUERY_A ",'Limit':2}",
        "{'Count':2,'ScannedCount':2,'Items':[" ITEM("1") "," ITEM(
            "2") "],'LastEvaluatedKey':{'h':{'S':'a'},'r':{'N':'2'}}}");
    rig_ok(
        &r,
        "Query",
        QUERY_A ",'Limit':1,'ExclusiveStartKey':{'h':{'S':'a'},'r':{'N':'2'}}}",
        "{'Count':1,'ScannedCount':1,'Items':[" ITEM(
            "10") "],'LastEvaluatedKey':{'h':{'S':'a'},'r':{'N':'10'}}}");
    rig_ok(
        &r,
        "Query",
        QUERY_A ",'ExclusiveStartKey':{'h':{'S':'a'},'r':{'N':'10'}}}",
        "{'Count':0,'ScannedCount':0,'Items':[]}");
    rig_close(&r);
}

/* A filter drops items after they were counted, and its capacity is that of what was read. */
static void test_filter(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    fill(&r);
    rig_ok(
        &r,
        "Query",
        "{'TableName':'full','KeyConditionExpression':'h = "
        ":h','FilterExpression':'attribute_exists(g)',"
        "'ExpressionAttributeValues':{':h':{'S':'a'}},'ProjectionExpression':'r',"
        "'ReturnConsumedCapacity':'TOTAL'}",
        "{'Count':2,'ScannedCount':3,'Items':[" ITEM("1") "," ITEM(
            "10") "],'ConsumedCapacity':{'TableName':'full','CapacityUnits':0.5}}");
    rig_close(&r);
}

/* A global index gives what it projects; a local one fetches the rest from the table on demand. */
static void test_indexes(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    fill(&r);
    rig_ok(
        &r,
        "Query",
        "{'TableName':'full','IndexName':'gsi','KeyConditionExpression':'g = :g','Limit':1,"
        "'ExpressionAttributeValues':{':g':{'S':'x'}},'ReturnConsumedCapacity':'INDEXES'}",
        "{'Count':1,'ScannedCount':1,'Items':[{'g':{'S':'x'},'h':{'S':'a'},'r':{'N':'1'}}],"
        "'LastEvaluatedKey':{'g':{'S':'x'},'h':{'S':'a'},'r':{'N':'1'}},'ConsumedCapacity':{'"
        "TableName':"
        "'full','CapacityUnits':0.5,'Table':{'CapacityUnits':0.0},'GlobalSecondaryIndexes':{'gsi':{"
        "'CapacityUnits':0.5}}}}");
    rig_ok(
        &r,
        "Query",
        "{'TableName':'full','IndexName':'gsi','KeyConditionExpression':'g = :g',"
        "'ExpressionAttributeValues':{':g':{'S':'x'}},"
        "'ExclusiveStartKey':{'g':{'S':'x'},'h':{'S':'a'},'r':{'N':'1'}}}",
        "{'Count':1,'ScannedCount':1,'Items':[{'g':{'S':'x'},'h':{'S':'a'},'r':{'N':'10'}}]}");
    rig_ok(
        &r,
        "Query",
        "{'TableName':'full','IndexName':'lsi','KeyConditionExpression':'h = :h AND begins_with(l, "
        ":l)',"
        "'ExpressionAttributeValues':{':h':{'S':'a'},':l':{'S':'l2'}},'ConsistentRead':true}",
        "{'Count':1,'ScannedCount':1,'Items':[{'h':{'S':'a'},'kept':{'S':'k2'},'l':{'S':'l2'},"
        "'r':{'N':'2'}}]}");
    rig_ok(
        &r,
        "Query",
        "{'TableName':'full','IndexName':'lsi','KeyConditionExpression':'h = :h AND l < :l',"
        "'ExpressionAttributeValues':{':h':{'S':'a'},':l':{'S':'l2'}},'ProjectionExpression':'more'"
        "}",
        "{'Count':1,'ScannedCount':1,'Items':[{'more':{'S':'m3'}}]}");
    rig_close(&r);
}

/* Segments together see every item once; each stops at its own limit. */
static void test_scan_segments(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    fill(&r);
    rig_ok(&r, "Scan", "{'TableName':'full','Select':'COUNT'}", "{'Count':4,'ScannedCount':4}");
    unsigned total = 0;
    for (unsigned i = 0; i < 3; i++) {
        struct bytes body = bytes_fmt(
            &r.mem,
            "{\"TableName\":\"full\",\"Select\":\"COUNT\",\"Segment\":%u,\"TotalSegments\":3}",
            i);
        assert_int_equal(rig_send_bytes(&r, "Scan", body), 200);
        total += (unsigned)(r.last_body.base[sizeof "{\"Count\":" - 1] - '0');
    }
    assert_int_equal(total, 4);
    rig_ok(
        &r,
        "Scan",
        "{'TableName':'full','IndexName':'gsi','Select':'COUNT','FilterExpression':'r > :r',"
        "'ExpressionAttributeValues':{':r':{'N':'1'}}}",
        "{'Count':1,'ScannedCount':2}");
    rig_close(&r);
}

struct refusal {
    const char *op;
    const char *body;
    const char *message;
};

#define GSI "'TableName':'full','IndexName':'gsi'"
#define ON_A                                                                                       \
    "'TableName':'full','KeyConditionExpression':'h = :h','ExpressionAttributeValues':{':h':{'S':" \
    "'a'}}"
#define ON_GSI GSI ",'KeyConditionExpression':'g = :g','ExpressionAttributeValues':{':g':{'S':'x'}}"

static const struct refusal page_refusals[] = {
    {"Query",
     "{'TableName':'full'}",
     "Either the KeyConditions or KeyConditionExpression parameter must be specified in the "
     "request."},
    {"Query",
     "{'TableName':'full','KeyConditionExpression':''}",
     "Invalid KeyConditionExpression: The expression can not be empty;"},
    {"Query",
     "{'TableName':'full','KeyConditionExpression':'r = "
     ":r','ExpressionAttributeValues':{':r':{'N':'1'}"
     "}}",
     "Query condition missed key schema element: h"},
    {"Query",
     "{" ON_A ",'Limit':0}",
     "1 validation error detected: Value at 'Limit' failed to satisfy constraint: Member must have "
     "value greater than or equal to 1"},
    {"Query",
     "{" ON_A ",'Select':'NO'}",
     "1 validation error detected: Value 'NO' at 'select' failed to satisfy constraint: Member "
     "must "
     "satisfy enum value set: [SPECIFIC_ATTRIBUTES, COUNT, ALL_ATTRIBUTES, "
     "ALL_PROJECTED_ATTRIBUTES]"},
    {"Query",
     "{" ON_A ",'Select':'SPECIFIC_ATTRIBUTES'}",
     "1 validation error detected: Must specify the AttributesToGet or ProjectionExpression "
     "when "
     "choosing to get SPECIFIC_ATTRIBUTES"},
    {"Scan",
     "{'TableName':'full','Select':'COUNT','ProjectionExpression':'x'}",
     "Cannot specify the ProjectionExpression when choosing to get only the Count"},
    {"Scan",
     "{'TableName':'full','Select':'ALL_PROJECTED_ATTRIBUTES'}",
     "ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName"},
    {"Query",
     "{" ON_A ",'FilterExpression':'r = :h'}",
     "Filter Expression can only contain non-primary key attributes: Primary key attribute: r"},
    {"Query",
     "{" ON_A ",'IndexName':'nothere'}",
     "The table does not have the specified index: nothere"},
    {"Query",
     "{" ON_GSI ",'ConsistentRead':true}",
     "Consistent reads are not supported on global secondary indexes"},
    {"Scan",
     "{" GSI ",'ConsistentRead':true}",
     "Consistent reads are not supported on global secondary indexes"},
    {"Query",
     "{" ON_GSI ",'Select':'ALL_ATTRIBUTES'}",
     "One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported "
     "for "
     "global secondary index gsi because its projection type is not ALL"},
    {"Query",
     "{" ON_GSI
     ",'ProjectionExpression':'h, kept, #o.x','ExpressionAttributeNames':{'#o':'other'}}",
     "One or more parameter values were invalid: Global secondary index gsi does not project "
     "[kept, "
     "other]"},
    {"Query",
     "{" ON_A ",'ExclusiveStartKey':{'h':{'S':'a'}}}",
     "The provided starting key is invalid"},
    {"Query",
     "{" ON_A ",'ExclusiveStartKey':{'h':{'S':'b'},'r':{'N':'1'}}}",
     "The provided starting key is outside query boundaries based on provided conditions"},
    {"Query",
     "{'TableName':'full','KeyConditionExpression':'h = :h AND r > "
     ":r','ExpressionAttributeValues':"
     "{':h':{'S':'a'},':r':{'N':'3'}},'ExclusiveStartKey':{'h':{'S':'a'},'r':{'N':'1'}}}",
     "The provided starting key does not match the range key predicate"},
    {"Query",
     "{" ON_A ",'ExclusiveStartKey':{'h':{},'r':{'N':'1'}}}",
     "The provided starting key is invalid: Supplied AttributeValue is empty, must contain "
     "exactly one "
     "of the supported datatypes"},
    {"Query",
     "{'TableName':'full','KeyConditionExpression':'r = :r','ExpressionAttributeValues':{':r':{'N':"
     "'1'}},'ExclusiveStartKey':{'h':{'S':'a'}}}",
     "The provided starting key is invalid"},
    {"Query",
     "{" ON_A ",'ExclusiveStartKey':{'h':{'S':'a'},'x':{'N':'1'}}}",
     "The provided starting key is invalid"},
    {"Query",
     "{" ON_A ",'ExclusiveStartKey':{'h':{'S':'a'},'r':{'S':'1'}}}",
     "The provided key element does not match the schema"},
    {"Query",
     "{" ON_A ",'ExclusiveStartKey':{'h':{'S':''},'r':{'N':'1'}}}",
     "One or more parameter values are not valid. The AttributeValue for a key attribute cannot "
     "contain an empty string value. Key: h"},
    {"Scan",
     "{" GSI ",'ExclusiveStartKey':{'h':{'S':'a'},'r':{'N':'1'},'x':{'S':'x'}}}",
     "The provided starting key is invalid"},
    {"Scan",
     "{" GSI ",'ExclusiveStartKey':{'h':{'S':'a'},'r':{'N':'1'},'g':{'N':'1'}}}",
     "The provided key element does not match the schema"},
    {"Query",
     "{" ON_GSI ",'ExclusiveStartKey':{'h':{'N':'1'},'r':{'N':'1'},'g':{'S':'x'}}}",
     "The provided starting key is invalid: The provided key element does not match the "
     "schema"},
    {"Query",
     "{" ON_A ",'KeyConditions':{}}",
     "Can not use both expression and non-expression parameters in the same request: "
     "Non-expression "
     "parameters: {KeyConditions} Expression parameters: {KeyConditionExpression}"},
    {"Scan",
     "{'TableName':'full','ExclusiveStartKey':{'h':{'S':'a'}}}",
     "The provided starting key is invalid: The provided key element does not match the "
     "schema"},
    {"Scan",
     "{'TableName':'full','ExclusiveStartKey':{'h':{'S':'a'},'r':{'S':'1'}}}",
     "The provided starting key is invalid: The provided key element does not match the "
     "schema"},
    {"Scan",
     "{'TableName':'full','ExclusiveStartKey':{'h':{'S':''},'r':{'N':'1'}}}",
     "The provided starting key is invalid: One or more parameter values are not valid. The "
     "AttributeValue for a key attribute cannot contain an empty string value. Key: h"},
    {"Scan",
     "{'TableName':'full','Segment':0}",
     "The TotalSegments parameter is required but was not present in the request when Segment "
     "parameter is present"},
    {"Scan",
     "{'TableName':'full','TotalSegments':4}",
     "The Segment parameter is required but was not present in the request when parameter "
     "TotalSegments is present"},
    {"Scan",
     "{'TableName':'full','Segment':5,'TotalSegments':5}",
     "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
     "Segment: 5 is "
     "not less than TotalSegments: 5"},
};

/* Wrong questions are refused in DynamoDB's words. */
static void test_page_words(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    fill(&r);
    for (size_t i = 0; i < sizeof page_refusals / sizeof page_refusals[0]; i++) {
        rig_invalid(&r, page_refusals[i].op, page_refusals[i].body, page_refusals[i].message);
    }
    rig_close(&r);
}

/* A starting key outside the segment it is sent with is refused in every segment but its own. */
static void test_scan_start_segment(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    fill(&r);
    unsigned taken = 0;
    for (unsigned i = 0; i < 4; i++) {
        struct bytes body = bytes_fmt(
            &r.mem,
            "{\"TableName\":\"full\",\"Segment\":%u,\"TotalSegments\":4,\"ExclusiveStartKey\":{"
            "\"h\":{"
            "\"S\":\"a\"},\"r\":{\"N\":\"1\"}}}",
            i);
        if (rig_send_bytes(&r, "Scan", body) == 200) {
            taken++;
            continue;
        }
        struct bytes want = bytes_fmt(
            &r.mem,
            "The provided starting key is invalid: Invalid ExclusiveStartKey. Please use "
            "ExclusiveStartKey with correct Segment. TotalSegments: 4 Segment: %u",
            i);
        assert_true(bytes_contains(r.last_body, want));
    }
    assert_int_equal(taken, 1);
    rig_close(&r);
}

/* A batch writes and deletes over several tables; a batch read finds what is there. */
static void test_batches(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    fill(&r);
    rig_ok(
        &r,
        "BatchWriteItem",
        "{'RequestItems':{'hash':[{'PutRequest':{'Item':{'h':{'S':'p'},'x':{'N':'1'}}}},"
        "{'PutRequest':{'Item':{'h':{'S':'q'}}}}],'full':[{'DeleteRequest':{'Key':{'h':{'S':'a'},"
        "'r':{'N':'1'}}}}]},'ReturnConsumedCapacity':'TOTAL'}",
        "{'UnprocessedItems':{},'ConsumedCapacity':[{'TableName':'hash','CapacityUnits':2.0},"
        "{'TableName':'full','CapacityUnits':3.0}]}");
    rig_ok(
        &r,
        "BatchGetItem",
        "{'RequestItems':{'hash':{'Keys':[{'h':{'S':'q'}},{'h':{'S':'p'}},{'h':{'S':'none'}}]},"
        "'full':{'Keys':[{'h':{'S':'a'},'r':{'N':'1'}},{'h':{'S':'a'},'r':{'N':'2.0'}}],"
        "'ProjectionExpression':'#m','ExpressionAttributeNames':{'#m':'more'},'ConsistentRead':"
        "true}},"
        "'ReturnConsumedCapacity':'TOTAL'}",
        "{'Responses':{'hash':[{'h':{'S':'q'}},{'h':{'S':'p'},'x':{'N':'1'}}],'full':[{'more':{'S':"
        "'m2'}}"
        "]},'UnprocessedKeys':{},'ConsumedCapacity':[{'TableName':'hash','CapacityUnits':1.5},"
        "{'TableName':'full','CapacityUnits':2.0}]}");
    rig_close(&r);
}

/* What the writer refused of a batch comes back as it came; the rest is done. A table that went
 * away meanwhile is such a refusal, and for a single write the error it is. */
static void test_table_goes_away(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    fill(&r);
    struct bytes body = unquoted(
        &r.mem,
        "{'RequestItems':{'hash':[{'PutRequest':{'Item':{'h':{'S':'p'}}}}],"
        "'full':[{'DeleteRequest':{'Key':{'h':{'S':'a'},'r':{'N':'1'}}}}]},"
        "'ReturnConsumedCapacity':'TOTAL'}");
    enum dynamo_step step = rig_begin(&r, "BatchWriteItem", body);
    assert_int_equal(step, DYNAMO_SUBMIT);
    rig_drop(&r, "full");
    rig_finish(&r, step);
    assert_int_equal(r.call.answer.status, 200);
    struct bytes want = unquoted(
        &r.mem,
        "{'UnprocessedItems':{'full':[{'DeleteRequest':{'Key':{'h':{'S':'a'},'r':{'N':'1'}}}}]},"
        "'ConsumedCapacity':[{'TableName':'hash','CapacityUnits':1.0},{'TableName':'full',"
        "'CapacityUnits':0.0}]}");
    assert_true(bytes_eq(r.last_body, want));
    body = unquoted(&r.mem, "{'TableName':'hash','Item':{'h':{'S':'q'}}}");
    step = rig_begin(&r, "PutItem", body);
    assert_int_equal(step, DYNAMO_SUBMIT);
    rig_drop(&r, "hash");
    rig_finish(&r, step);
    assert_true(bytes_eq_str(r.call.error_name, "ResourceNotFoundException"));
    rig_close(&r);
}

/* A batch read that would pass 16 MB gives back the keys it did not come to, with all they came
 * with. */
static void test_batch_get_full(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    rig_create_hash(&r);
    enum { FILL = 390 * 1024, N = 45 };
    char *fill_text = malloc(FILL);
    memset(fill_text, 'x', FILL);
    struct buf keys;
    buf_init(&keys, /* len_max= */ 1 << 20);
    for (int i = 0; i < N; i++) {
        struct bytes body = bytes_fmt(
            &r.mem,
            "{\"TableName\":\"hash\",\"Item\":{\"h\":{\"S\":\"k%d\"},\"x\":{\"S\":\"%.*s\"}}}",
            i,
            FILL,
            fill_text);
        assert_int_equal(rig_send_bytes(&r, "PutItem", body), 200);
        buf_putf(&keys, "%s{\"h\":{\"S\":\"k%d\"}}", i == 0 ? "" : ",", i);
    }
    struct bytes body = bytes_fmt(
        &r.mem,
        "{\"RequestItems\":{\"hash\":{\"Keys\":[%.*s],\"ConsistentRead\":true}}}",
        BYTES_FMT(buf_bytes(&keys)));
    assert_int_equal(rig_send_bytes(&r, "BatchGetItem", body), 200);
    struct bytes left = BYTES_LIT("\"UnprocessedKeys\":{\"hash\":{\"ConsistentRead\":true,\"Keys\":"
                                  "[{\"h\":{\"S\":\"k42\"}},{\"h\":{"
                                  "\"S\":\"k43\"}},{\"h\":{\"S\":\"k44\"}}]}}}");
    assert_true(bytes_contains(r.last_body, left));
    buf_done(&keys);
    free(fill_text);
    rig_close(&r);
}

static const struct refusal batch_refusals[] = {
    {"BatchGetItem",
     "{'RequestItems':{}}",
     "1 validation error detected: Value at 'RequestItems' failed to satisfy constraint: Member "
     "must have length greater than or equal to 1"},
    {"BatchGetItem",
     "{'RequestItems':{'bad!name':{'Keys':[{'h':{'S':'a'}}]}}}",
     "1 validation error detected: Value '{\"bad!name\":{\"Keys\":[{\"h\":{\"S\":"
     "\"a\"}}]}}' at 'requestItems' failed to satisfy constraint: Map keys must satisfy "
     "constraint: [Member must have length less than or equal to 255, Member must have length "
     "greater than or equal to 3, Member must satisfy regular expression pattern: "
     "[a-zA-Z0-9_.-]+]"},
    {"BatchWriteItem",
     "{'RequestItems':{}}",
     "The requestItems parameter is required for BatchWriteItem"},
    {"BatchGetItem",
     "{'RequestItems':{'nowhere':{'Keys':[{'h':{}}]}}}",
     "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"},
    {"BatchWriteItem",
     "{'RequestItems':{'nowhere':[{'DeleteRequest':{'Key':{'h':{}}}}]}}",
     "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"},
    {"BatchWriteItem",
     "{'RequestItems':{'hash':[{'PutRequest':{'Item':{'h':{'S':'a'}}}},{'DeleteRequest':{}},"
     "{'PutRequest':{}}]}}",
     "2 validation errors detected: Value null at 'requestItems.hash.member.2.member.deleteRequest."
     "key' failed to satisfy constraint: Member must not be null; Value null at "
     "'requestItems.hash.member.3.member.putRequest.item' failed to satisfy constraint: Member "
     "must "
     "not be null"},
    {"BatchWriteItem",
     "{}",
     "1 validation error detected: Value null at 'requestItems' failed to satisfy constraint: "
     "Member "
     "must not be null"},
    {"BatchGetItem",
     "{'RequestItems':{'hash':{'Keys':[{'h':{'S':'a'}},{'h':{'S':'a'}}]}}}",
     "Provided list of item keys contains duplicates"},
    {"BatchGetItem",
     "{'RequestItems':{'hash':{'Keys':[]}}}",
     "1 validation error detected: Value at 'RequestItems.hash.member.Keys' failed to satisfy "
     "constraint: Member must have length greater than or equal to 1"},
    {"BatchGetItem",
     "{'RequestItems':{'hash':{'Keys':[{'h':{'S':'a'}}],'ProjectionExpression':'x, x'}}}",
     "Invalid ProjectionExpression: Two document paths overlap with each other; must remove or "
     "rewrite "
     "one of these paths; path one: [x], path two: [x]"},
    {"BatchWriteItem",
     "{'RequestItems':{'hash':[{'PutRequest':{'Item':{'h':{'S':'a'}}}},{'DeleteRequest':{'Key':"
     "{'h':"
     "{'S':'a'}}}}]}}",
     "Provided list of item keys contains duplicates"},
    {"BatchWriteItem",
     "{'RequestItems':{'hash':[{'PutRequest':{'Item':{'h':{'N':'5'}}}}]}}",
     "The provided key element does not match the schema"},
    {"BatchWriteItem",
     "{'RequestItems':{'hash':[{}]}}",
     "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the "
     "supported datatypes"},
    {"BatchWriteItem",
     "{'RequestItems':{'hash':[]}}",
     "1 validation error detected: Value '{hash=[...]}' at 'requestItems' failed to satisfy "
     "constraint: Map value must satisfy constraint: [Member must have length less than or "
     "equal to "
     "25, Member must have length greater than or equal to 1]"},
};

/* Wrong batches are refused whole, in DynamoDB's words. */
static void test_batch_words(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    fill(&r);
    for (size_t i = 0; i < sizeof batch_refusals / sizeof batch_refusals[0]; i++) {
        rig_invalid(&r, batch_refusals[i].op, batch_refusals[i].body, batch_refusals[i].message);
    }
    rig_refused(
        &r,
        "BatchWriteItem",
        "{'RequestItems':{'nothere':[{'PutRequest':{'Item':{'h':{'S':'a'}}}}]}}",
        "ResourceNotFoundException",
        "Requested resource not found");
    rig_close(&r);
}

/* Twenty-five writes and a hundred reads pass, one more does not, in one table or spread over two.
 */
static void test_batch_limits(void **state)
{
    (void)state;
    struct rig r;
    rig_open(&r);
    fill(&r);
    for (int n = 25; n <= 26; n++) {
        struct buf b;
        buf_init(&b, /* len_max= */ 1 << 20);
        buf_put_str(&b, "{\"RequestItems\":{\"hash\":[");
        for (int i = 0; i < n; i++) {
            buf_putf(
                &b, "%s{\"PutRequest\":{\"Item\":{\"h\":{\"S\":\"w%d\"}}}}", i == 0 ? "" : ",", i);
        }
        buf_put_str(&b, "]}}");
        assert_int_equal(rig_send_bytes(&r, "BatchWriteItem", buf_bytes(&b)), n == 25 ? 200 : 400);
        buf_done(&b);
    }
    for (int n = 100; n <= 101; n++) {
        struct buf b;
        buf_init(&b, /* len_max= */ 1 << 20);
        buf_put_str(&b, "{\"RequestItems\":{\"hash\":{\"Keys\":[");
        for (int i = 0; i < n; i++) {
            buf_putf(&b, "%s{\"h\":{\"S\":\"w%d\"}}", i == 0 ? "" : ",", i);
        }
        buf_put_str(&b, "]}}}");
        assert_int_equal(rig_send_bytes(&r, "BatchGetItem", buf_bytes(&b)), n == 100 ? 200 : 400);
        buf_done(&b);
    }
    assert_true(bytes_contains(
        r.last_body,
        BYTES_LIT("1 validation error detected: Value at 'RequestItems.hash.member.Keys' failed to "
                  "satisfy constraint: Member must have length less than or equal to 100")));
    rig_close(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_query_order),
        cmocka_unit_test(test_query_pages),
        cmocka_unit_test(test_filter),
        cmocka_unit_test(test_indexes),
        cmocka_unit_test(test_scan_segments),
        cmocka_unit_test(test_page_words),
        cmocka_unit_test(test_scan_start_segment),
        cmocka_unit_test(test_batches),
        cmocka_unit_test(test_table_goes_away),
        cmocka_unit_test(test_batch_get_full),
        cmocka_unit_test(test_batch_words),
        cmocka_unit_test(test_batch_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

/* Meters and the requests that read them, with time given: what is counted in which minute, what is
 * forgotten, and the answers in all three protocols. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "front/cloudwatch/inside.h"

#include <cmocka.h>

#define MINUTE UINT64_C(60000)
/* 2026-11-26T10:00:00Z */
#define NOW UINT64_C(1795687200000)

struct fixture {
    struct arena arena;
    struct json_parser *parser;
    struct cw_meter *meter;
    struct cw_request request;
    struct cw_answer answer;
};

static void setup(struct fixture *f)
{
    *f = (struct fixture){.parser = json_parser_new(), .meter = cw_meter_new()};
    arena_init(&f->arena, 64 << 20);
}

static void teardown(struct fixture *f)
{
    cw_meter_free(f->meter);
    json_parser_free(f->parser);
    arena_done(&f->arena);
}

static void count(
    struct fixture *f, const char *table, enum cw_metric m, const char *part, uint64_t at, double v)
{
    struct cw_stat stat = cw_one(v);
    struct cw_table *t = cw_meter_table(f->meter, bytes_str(table), at);
    cw_add(t, m, bytes_str(part), at, &stat);
}

static void run(struct fixture *f)
{
    struct cw_call *call;
    f->request.method = BYTES_LIT("POST");
    f->request.path = f->request.path.len == 0 ? BYTES_LIT("/") : f->request.path;
    f->request.now_ms = NOW;
    f->request.request_id = BYTES_LIT("id-1");
    assert_true(cw_is_ours(&f->request));
    if (cw_begin(f->parser, &f->arena, &f->request, &call, &f->answer) == CW_GATHER) {
        cw_gather(call, f->meter, NOW);
        cw_finish(call, &f->answer);
    }
}

static void form(struct fixture *f, const char *body)
{
    f->request = (struct cw_request){
        .content_type = BYTES_LIT("application/x-www-form-urlencoded; charset=utf-8"),
        .body = bytes_str(body),
    };
    run(f);
}

static void assert_has(const struct fixture *f, const char *text)
{
    if (!bytes_contains(f->answer.body, bytes_str(text))) {
        print_error("%.*s\nlacks %s\n", BYTES_FMT(f->answer.body), text);
        fail();
    }
}

static void assert_lacks(const struct fixture *f, const char *text)
{
    assert_false(bytes_contains(f->answer.body, bytes_str(text)));
}

/* Values of one minute make one point, of another minute another; min, max, sum and count are
 * theirs; a series of another table, operation or metric is not touched. */
static void test_minutes(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    count(&f, "t", CW_LATENCY, "GetItem", NOW - 2 * MINUTE, 4);
    count(&f, "t", CW_LATENCY, "GetItem", NOW - 2 * MINUTE + 59999, 6);
    count(&f, "t", CW_LATENCY, "GetItem", NOW, 9);
    count(&f, "t", CW_LATENCY, "PutItem", NOW, 100);
    count(&f, "u", CW_LATENCY, "GetItem", NOW, 100);
    struct cw_stat slots[3] = {{0}};
    struct cw_span span = {
        .metric = CW_LATENCY,
        .table = BYTES_LIT("t"),
        .part = BYTES_LIT("GetItem"),
        .minute = NOW / MINUTE - 2,
        .minutes_end = NOW / MINUTE + 1,
        .period = 1,
        .slots = slots,
        .n_slots = 3,
    };
    cw_meter_read(f.meter, &span, NOW);
    assert_true(slots[0].n == 2 && slots[0].sum == 10 && slots[0].min == 4 && slots[0].max == 6);
    assert_true(slots[1].n == 0);
    assert_true(slots[2].n == 1 && slots[2].sum == 9);
    assert_true(cw_total(f.meter, BYTES_LIT("t"), CW_LATENCY, BYTES_LIT("GetItem")) == 19);
    teardown(&f);
}

/* Points older than what is kept are gone, however many minutes there were, and a clock that goes
 * back does not lose a value. */
static void test_ring(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    enum { MINUTES = CW_KEEP_MINUTES + 20 };
    for (uint64_t i = 0; i < MINUTES; i++) {
        count(&f, "t", CW_CONSUMED_READ, "", NOW - (MINUTES - 1 - i) * MINUTE, 1);
    }
    count(&f, "t", CW_CONSUMED_READ, "", NOW - 5 * MINUTE, 10);
    struct cw_stat slots[1] = {{0}};
    struct cw_span span = {
        .metric = CW_CONSUMED_READ,
        .table = BYTES_LIT("t"),
        .part = BYTES_LIT(""),
        .minute = NOW / MINUTE - MINUTES,
        .minutes_end = NOW / MINUTE + 1,
        .period = MINUTES + 1,
        .slots = slots,
        .n_slots = 1,
    };
    cw_meter_read(f.meter, &span, NOW);
    assert_true(slots[0].n == CW_KEEP_MINUTES + 1);
    assert_true(slots[0].sum == CW_KEEP_MINUTES + 10);
    teardown(&f);
}

/* A setting counts in every minute in which it held, from the one in which it was made, and no more
 * once there is none. */
static void test_levels(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    struct cw_table *t = cw_meter_table(f.meter, BYTES_LIT("t"), NOW);
    cw_set(t, CW_PROVISIONED_READ, BYTES_LIT(""), NOW - 10 * MINUTE, 5);
    cw_set(t, CW_PROVISIONED_READ, BYTES_LIT(""), NOW - 8 * MINUTE, 5);
    cw_set(t, CW_PROVISIONED_READ, BYTES_LIT(""), NOW - 4 * MINUTE, 7);
    cw_set(t, CW_PROVISIONED_READ, BYTES_LIT(""), NOW - 1 * MINUTE, -1);
    form(
        &f,
        "Action=GetMetricStatistics&Version=2010-08-01&Namespace=AWS%2FDynamoDB"
        "&MetricName=ProvisionedReadCapacityUnits&Dimensions.member.1.Name=TableName"
        "&Dimensions.member.1.Value=t&StartTime=2026-11-26T09%3A30%3A00Z"
        "&EndTime=2026-11-26T10%3A01%3A00Z&Period=3600&Statistics.member.1=Average"
        "&Statistics.member.2=SampleCount&Statistics.member.3=Maximum");
    assert_int_equal(f.answer.status, 200);
    assert_has(&f, "<SampleCount>9.0</SampleCount>");
    assert_has(&f, "<Maximum>7.0</Maximum>");
    assert_has(&f, "<Average>5.66666666666667</Average>");
    teardown(&f);
}

#define ASK_FROM(metric, from, to, period)                                                      \
    "Action=GetMetricStatistics&Version=2010-08-01&Namespace=AWS%2FDynamoDB&MetricName=" metric \
    "&Dimensions.member.1.Name=TableName&Dimensions.member.1.Value=t"                           \
    "&StartTime=" from "&EndTime=" to "&Period=" period
#define ASK(metric) ASK_FROM(metric, "2026-11-26T09%3A58%3A00Z", "2026-11-26T10%3A01%3A00Z", "60")

/* The AWS CLI's form gets the XML it expects; units, label and order are the service's. */
static void test_statistics(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    count(&f, "t", CW_CONSUMED_WRITE, "", NOW - 2 * MINUTE, 1.5);
    count(&f, "t", CW_CONSUMED_WRITE, "", NOW, 2);
    count(&f, "t", CW_CONSUMED_WRITE, "by", NOW, 50);
    form(&f, ASK("ConsumedWriteCapacityUnits") "&Statistics.member.1=Sum");
    assert_int_equal(f.answer.status, 200);
    assert_true(bytes_eq_str(
        f.answer.body,
        "<GetMetricStatisticsResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\">"
        "<GetMetricStatisticsResult><Label>ConsumedWriteCapacityUnits</Label><Datapoints>"
        "<member><Timestamp>2026-11-26T09:58:00Z</Timestamp><Sum>1.5</Sum><Unit>Count</Unit>"
        "</member><member><Timestamp>2026-11-26T10:00:00Z</Timestamp><Sum>2.0</Sum>"
        "<Unit>Count</Unit></member></Datapoints></GetMetricStatisticsResult><ResponseMetadata>"
        "<RequestId>id-1</RequestId></ResponseMetadata></GetMetricStatisticsResponse>"));
    form(
        &f,
        ASK("ConsumedWriteCapacityUnits") "&Statistics.member.1=Sum"
                                          "&Dimensions.member.2.Name=GlobalSecondaryIndexName"
                                          "&Dimensions.member.2.Value=by");
    assert_has(&f, "<Sum>50.0</Sum>");
    teardown(&f);
}

/* What has no data, for its metric, its dimensions, its unit or its time, is an empty answer and no
 * fault. */
static void test_nothing_to_tell(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        ASK("TransactionConflict") "&Statistics.member.1=Sum",
        ASK("NoSuchMetric") "&Statistics.member.1=Sum",
        ASK("UserErrors") "&Statistics.member.1=Sum",
        ASK("SuccessfulRequestLatency") "&Statistics.member.1=Sum",
        ASK("ConsumedWriteCapacityUnits") "&Statistics.member.1=Sum&Unit=Bytes",
        ASK_FROM(
            "ConsumedWriteCapacityUnits",
            "2020-01-01T00%3A00%3A00Z",
            "1577836860",
            "60") "&Statistics.member.1=Sum",
    };
    struct fixture f;
    setup(&f);
    count(&f, "t", CW_CONSUMED_WRITE, "", NOW, 1);
    count(&f, "t", CW_LATENCY, "GetItem", NOW, 1);
    count(&f, "*", CW_USER_ERRORS, "", NOW, 1);
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        form(&f, bodies[i]);
        assert_int_equal(f.answer.status, 200);
        assert_has(&f, "<Datapoints></Datapoints>");
    }
    teardown(&f);
}

/* Each fault has CloudWatch's code, and says which parameter it means. */
static void test_faults(void **state)
{
    (void)state;
    static const struct {
        const char *body;
        const char *says;
    } rows[] = {
        {"Action=PutMetricData&Namespace=n", "<Code>InvalidAction</Code>"},
        {"Action=GetMetricStatistics", "The parameter Namespace is required."},
        {"Action=GetMetricStatistics&Namespace=n&MetricName=m",
         "<Code>MissingParameter</Code><Message>The parameter StartTime is required."},
        {ASK("m"), "<Code>InvalidParameterCombination</Code>"},
        {ASK("m") "&Statistics.member.1=Mean", "Statistics.member.1 must be a value in the set"},
        {ASK("m") "&ExtendedStatistics.member.1=p99", "ExtendedStatistics is not supported"},
        {ASK_FROM("m", "2026-11-26T10%3A00%3A00Z", "2026-11-26T10%3A00%3A00Z", "60"),
         "StartTime must be less than the parameter EndTime."},
        {ASK_FROM("m", "yesterday", "2026-11-26T10%3A00%3A00Z", "60"), "ISO 8601"},
        {ASK_FROM("m", "2026-11-25", "2026-11-26", "61"), "multiple of 60"},
        {ASK_FROM("m", "2026-11-20", "2026-11-26", "60") "&Statistics.member.1=Sum",
         "requested up to 8640 datapoints, which exceeds the limit of 1440"},
        {"Action=GetMetricData&StartTime=1&EndTime=2", "MetricDataQueries is required"},
        {"Action=GetMetricData&StartTime=1&EndTime=2&MetricDataQueries.member.1.Id=a"
         "&MetricDataQueries.member.1.Expression=a*2",
         "Expression is not supported"},
        {"Action=GetMetricData&StartTime=1&EndTime=2&MetricDataQueries.member.1.Id=Aa",
         "<Code>ValidationError</Code>"},
        {"Action=ListMetrics&NextToken=x", "<Code>InvalidParameterValue</Code>"},
        {"Action=ListMetrics&RecentlyActive=PT1H", "PT3H"},
    };
    struct fixture f;
    setup(&f);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        form(&f, rows[i].body);
        assert_int_equal(f.answer.status, 400);
        assert_has(&f, rows[i].says);
        assert_has(&f, "<ErrorResponse");
    }
    teardown(&f);
}

/* Lists are as long as CloudWatch lets them be: each member is looked for among all parameters. */
static void test_long_lists(void **state)
{
    (void)state;
    static const struct {
        const char *head;
        const char *list;
        const char *member; /* behind the number */
        const char *value;
        unsigned most;
        const char *says;
    } rows[] = {
        {ASK("m"), "Statistics", "", "Sum", 5, "The collection Statistics must not have a size"},
        {ASK("m") "&Statistics.member.1=Sum",
         "Dimensions",
         ".Name",
         "a",
         30,
         "The collection Dimensions must not have a size greater than 30."},
        {"Action=ListMetrics", "Dimensions", ".Name", "a", 10, "too many members (11)"},
    };
    struct fixture f;
    setup(&f);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        for (unsigned n = rows[i].most; n <= rows[i].most + 1; n++) {
            struct buf b;
            buf_init(&b, 1 << 16);
            buf_put_str(&b, rows[i].head);
            for (unsigned k = 1; k <= n; k++) {
                buf_putf(
                    &b,
                    "&%s.member.%u%s=%s&%s.member.%u.Value=b",
                    rows[i].list,
                    k,
                    rows[i].member,
                    rows[i].value,
                    rows[i].list,
                    k);
            }
            form(&f, bytes_cstr(&f.arena, buf_bytes(&b)));
            buf_done(&b);
            assert_int_equal(f.answer.status, n <= rows[i].most ? 200 : 400);
        }
        assert_has(&f, rows[i].says);
    }
    teardown(&f);
}

/* An empty list of statistics asks for none. */
static void test_no_statistics(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    f.request = (struct cw_request){
        .target = BYTES_LIT("GraniteServiceVersion20100801.GetMetricStatistics"),
        .body = BYTES_LIT(
            "{\"StartTime\":1795687000,\"EndTime\":1795687260,\"Period\":60,\"Namespace\":"
            "\"AWS/DynamoDB\",\"MetricName\":\"m\",\"Statistics\":[]}"),
    };
    run(&f);
    assert_int_equal(f.answer.status, 400);
    assert_has(&f, "Must specify either Statistics or ExtendedStatistics");
    teardown(&f);
}

/* GetMetricData answers several series at once, newest first unless asked otherwise; the JSON
 * protocol has the same numbers. */
static void test_data(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    count(&f, "t", CW_LATENCY, "GetItem", NOW - MINUTE, 4);
    count(&f, "t", CW_LATENCY, "GetItem", NOW, 8);
    f.request = (struct cw_request){
        .target = BYTES_LIT("GraniteServiceVersion20100801.GetMetricData"),
        .body = BYTES_LIT(
            "{\"StartTime\":1795687000,\"EndTime\":1795687260.5,\"MetricDataQueries\":[{\"Id\":"
            "\"a\","
            "\"Label\":\"mine\",\"MetricStat\":{\"Metric\":{\"Namespace\":\"AWS/DynamoDB\","
            "\"MetricName\":\"SuccessfulRequestLatency\",\"Dimensions\":[{\"Name\":\"Operation\","
            "\"Value\":\"GetItem\"},{\"Name\":\"TableName\",\"Value\":\"t\"}]},\"Period\":60,"
            "\"Stat\":\"Average\"}},{\"Id\":\"b\",\"ReturnData\":false,\"MetricStat\":{\"Metric\":"
            "{\"Namespace\":\"n\",\"MetricName\":\"m\"},\"Period\":60,\"Stat\":\"Sum\"}}]}"),
    };
    run(&f);
    assert_true(bytes_eq_str(
        f.answer.body,
        "{\"Messages\":[],\"MetricDataResults\":[{\"Id\":\"a\",\"Label\":\"mine\",\"StatusCode\":"
        "\"Complete\",\"Timestamps\":[1795687200,1795687140],\"Values\":[8.0,4.0]}]}"));
    teardown(&f);
}

/* The same request in CBOR, lengths definite and indefinite, is the same request; the answer ends
 * where it should and says which protocol it is in. */
static void test_cbor(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    count(&f, "t", CW_LATENCY, "GetItem", NOW, 8);
    static const char body[] =
        "\xBF"
        "\x69Namespace\x6C"
        "AWS/DynamoDB"
        "\x6AMetricName\x78\x18SuccessfulRequestLatency"
        "\x6A"
        "Dimensions\x9F\xA2\x64Name\x69TableName\x65Value\x61t"
        "\xA2\x64Name\x69Operation\x65Value\x67GetItem\xFF"
        "\x69StartTime\xC1\x1A\x6B\x08\x17\x60" /* 1795692384 is replaced below */
        "\x67"
        "EndTime\xC1\xFB\x41\xDA\xC2\x05\xD8\x00\x00\x00"
        "\x66Period\x18\x3C"
        "\x6AStatistics\x81\x63Sum"
        "\xFF";
    char bytes[sizeof body];
    memcpy(bytes, body, sizeof body);
    char *start = memmem(bytes, sizeof bytes, "\xC1\x1A", 2);
    assert_non_null(start);
    uint32_t from = (uint32_t)(NOW / 1000 - 60);
    for (int i = 0; i < 4; i++) {
        start[2 + i] = (char)(from >> (24 - 8 * i));
    }
    char *end = memmem(bytes, sizeof bytes, "\xC1\xFB", 2);
    assert_non_null(end);
    double to = (double)(NOW / 1000 + 60);
    uint64_t bits;
    memcpy(&bits, &to, sizeof bits);
    for (int i = 0; i < 8; i++) {
        end[2 + i] = (char)(bits >> (56 - 8 * i));
    }
    f.request = (struct cw_request){
        .path = BYTES_LIT("/service/GraniteServiceVersion20100801/operation/GetMetricStatistics"),
        .body = bytes_of(bytes, sizeof body - 1),
    };
    run(&f);
    assert_int_equal(f.answer.status, 200);
    static const char answer[] = "\xBF\x65Label\x78\x18SuccessfulRequestLatency\x6A"
                                 "Datapoints\x9F\xBF\x69Timestamp\xC1\x1A";
    assert_true(bytes_has_prefix(f.answer.body, bytes_of(answer, sizeof answer - 1)));
    struct json parsed;
    assert_int_equal(cw_cbor_decode(&f.arena, f.answer.body, &parsed), OK);
    struct cw_args args = {.protocol = CW_CBOR, .root = parsed};
    assert_true(bytes_eq_str(cw_arg(&args, "Datapoints.member.1.Sum"), "8"));
    assert_true(bytes_eq_str(cw_arg(&args, "Datapoints.member.1.Timestamp"), "1795687200"));
    /* Every shorter body is refused, none runs over its end. */
    for (size_t n = 1; n < sizeof body - 1; n++) {
        assert_int_not_equal(cw_cbor_decode(&f.arena, bytes_of(bytes, n), &parsed), OK);
    }
    teardown(&f);
}

/* Metrics are listed once however many threads have them, filtered by what is asked, in pages. */
static void test_list(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    count(&f, "t", CW_LATENCY, "GetItem", NOW, 1);
    count(&f, "t", CW_CONSUMED_READ, "", NOW, 1);
    count(&f, "old", CW_CONSUMED_READ, "", NOW - CW_KEEP_MINUTES * MINUTE, 1);
    form(&f, "Action=ListMetrics&Namespace=AWS%2FDynamoDB");
    assert_has(&f, "<Value>GetItem</Value>");
    assert_has(&f, "ConsumedReadCapacityUnits");
    assert_lacks(&f, "old");
    form(
        &f,
        "Action=ListMetrics&MetricName=SuccessfulRequestLatency"
        "&Dimensions.member.1.Name=Operation&Dimensions.member.1.Value=PutItem");
    assert_has(&f, "<Metrics></Metrics>");
    form(&f, "Action=ListMetrics&Dimensions.member.1.Name=Operation");
    assert_has(&f, "<Value>GetItem</Value>");
    assert_lacks(&f, "ConsumedReadCapacityUnits");
    for (int i = 0; i < 600; i++) {
        char name[24];
        (void)snprintf(name, sizeof name, "table-%03d", i);
        count(&f, name, CW_CONSUMED_READ, "", NOW, 1);
    }
    form(&f, "Action=ListMetrics");
    assert_has(&f, "<NextToken>500</NextToken>");
    form(&f, "Action=ListMetrics&NextToken=500");
    assert_lacks(&f, "NextToken");
    assert_has(&f, "<Value>table-599</Value>");
    teardown(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_minutes),
        cmocka_unit_test(test_ring),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_statistics),
        cmocka_unit_test(test_no_statistics),
        cmocka_unit_test(test_nothing_to_tell),
        cmocka_unit_test(test_faults),
        cmocka_unit_test(test_long_lists),
        cmocka_unit_test(test_data),
        cmocka_unit_test(test_cbor),
        cmocka_unit_test(test_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

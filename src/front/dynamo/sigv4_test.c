/* Signatures against AWS's published vectors (the "get-vanilla" family of the SigV4 test suite) and
 * against what botocore computes for DynamoDB; then every refusal in DynamoDB's words. The .c file
 * is included for the vectors, whose service is "service". */
#include "front/dynamo/sigv4.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define KEY_ID   "AKIDEXAMPLE"
#define SECRET   "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define DATE     "20150830T123600Z"
#define NOW_MS   UINT64_C(1440938160000)
#define KEY_FILE KEY_ID " " SECRET " 2015-08-30T12:00:00Z active\nREVOKED secret - revoked\n"

struct fixture {
    struct arena arena;
    struct keystore *ks;
    struct dynamo *d;
    struct dynamo_call call;
    struct dynamo_header headers[8];
    struct dynamo_request request;
};

static void setup(struct fixture *f)
{
    size_t line;
    *f = (struct fixture){0};
    arena_init(&f->arena, /* bytes_max= */ 1024 * 1024);
    assert_int_equal(keystore_parse(BYTES_LIT(KEY_FILE), &f->ks, &line), OK);
    struct dynamo_config config = {.region = BYTES_LIT("eu-west-1"), .keystore = f->ks, .seed = 1};
    f->d = dynamo_new(&config);
    f->request = (struct dynamo_request){
        .method = BYTES_LIT("POST"),
        .path = BYTES_LIT("/"),
        .query = BYTES_LIT(""),
        .body = BYTES_LIT(""),
        .headers = f->headers,
        .now_ms = NOW_MS,
    };
    f->call = (struct dynamo_call){
        .d = f->d,
        .arena = &f->arena,
        .request = &f->request,
        .now_ms = NOW_MS,
        .service = "dynamodb",
    };
}

static void teardown(struct fixture *f)
{
    dynamo_free(f->d);
    keystore_free(f->ks);
    arena_done(&f->arena);
}

static void add_header(struct fixture *f, const char *name, const char *value)
{
    f->headers[f->request.n_headers] = (struct dynamo_header){bytes_str(name), bytes_str(value)};
    f->request.n_headers++;
}

/* What DynamoDB's clients send. */
static void add_request(struct fixture *f)
{
    f->request.body = BYTES_LIT("{\"TableName\":\"t\",\"Key\":{\"k\":{\"S\":\"1\"}}}");
    add_header(f, "Host", "127.0.0.1:8000");
    add_header(f, "Content-Type", "application/x-amz-json-1.0");
    add_header(f, "X-Amz-Target", "DynamoDB_20120810.GetItem");
}

#define SCOPE  KEY_ID "/20150830/eu-west-1/dynamodb/aws4_request"
#define SIGNED "content-type;host;x-amz-date;x-amz-target"
#define GOOD_AUTH                                                  \
    "AWS4-HMAC-SHA256 Credential=" SCOPE ", SignedHeaders=" SIGNED \
    ", Signature=81caf34976f9f92c619811eea95389b7c753cedcb71baf0a6db55c026f27eed7"

static enum err verify(struct fixture *f, const char *signed_headers, const char *signature)
{
    struct auth auth = {
        .credential = BYTES_LIT(KEY_ID "/20150830/us-east-1/service/aws4_request"),
        .signed_headers = bytes_str(signed_headers),
        .signature = bytes_str(signature),
        .date = BYTES_LIT(DATE),
    };
    assert_true(credential_cut(&auth));
    const struct keystore_key *key = keystore_find(f->ks, BYTES_LIT(KEY_ID));
    assert_non_null(key);
    return signature_verify(&f->call, &auth, key);
}

struct vector {
    const char *method;
    const char *query;
    const char *headers[2][2];
    const char *signed_headers;
    const char *signature;
};

/* Each published request is taken with its published signature and refused with any other. */
static void test_published_vectors(void **state)
{
    (void)state;
    static const struct vector vectors[] = {
        {"GET",
         "",
         {{NULL}},
         "host;x-amz-date",
         "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
        {"POST",
         "",
         {{NULL}},
         "host;x-amz-date",
         "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
        {"GET",
         "Param2=value2&Param1=value1",
         {{NULL}},
         "host;x-amz-date",
         "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
        {"GET",
         "",
         {{"My-Header1", " value1"}, {"My-Header2", " \"a   b   c\" "}},
         "host;my-header1;my-header2;x-amz-date",
         "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    };
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++) {
        const struct vector *v = &vectors[i];
        struct fixture f;
        setup(&f);
        f.request.method = bytes_str(v->method);
        f.request.query = bytes_str(v->query);
        add_header(&f, "Host", "example.amazonaws.com");
        add_header(&f, "X-Amz-Date", DATE);
        for (size_t h = 0; h < 2 && v->headers[h][0] != NULL; h++) {
            add_header(&f, v->headers[h][0], v->headers[h][1]);
        }
        assert_int_equal(verify(&f, v->signed_headers, v->signature), OK);
        char other[65];
        (void)snprintf(other, sizeof other, "%s", v->signature);
        other[63] = other[63] == '0' ? '1' : '0';
        assert_int_equal(verify(&f, v->signed_headers, other), ERR_AUTH);
        assert_int_equal(verify(&f, v->signed_headers, "short"), ERR_AUTH);
        teardown(&f);
    }
}

/* A request signed by botocore passes, twice (the second time with the cached key), and names its
 * region. */
static void test_client_request_passes(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    add_request(&f);
    add_header(&f, "X-Amz-Date", DATE);
    add_header(&f, "Authorization", GOOD_AUTH);
    assert_true(signature_check(&f.call));
    assert_true(signature_check(&f.call));
    assert_int_equal(map_count(&f.d->signing->keys), 1);
    assert_true(bytes_eq_str(f.call.access_key, KEY_ID));
    struct bytes service;
    assert_true(bytes_eq_str(dynamo_signed_region(&f.request, &service), "eu-west-1"));
    assert_true(bytes_eq_str(service, "dynamodb"));
    dynamo_set_keystore(f.d, f.ks);
    assert_int_equal(map_count(&f.d->signing->keys), 0);
    teardown(&f);
}

/* A presigned request passes while it lives, and names its region although the scope is escaped. */
static void test_presigned_request_passes(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    add_header(&f, "Host", "127.0.0.1:8000");
    add_header(&f, "X-Amz-Target", "DynamoDB_20120810.GetItem");
    f.request.query = BYTES_LIT(
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20150830%2Feu-west-1%2F"
        "dynamodb%2Faws4_request&X-Amz-Date=20150830T123600Z&X-Amz-Expires=300&"
        "X-Amz-SignedHeaders=host%3Bx-amz-target&X-Amz-Signature="
        "751b14d0f0e3fe9119056a33ac0b0adab09071f5119a00e7c7b018bca5bb242f");
    assert_true(signature_check(&f.call));
    struct bytes service;
    assert_true(bytes_eq_str(dynamo_signed_region(&f.request, &service), "eu-west-1"));
    assert_true(bytes_eq_str(service, "dynamodb"));
    f.call.now_ms = NOW_MS + 301 * 1000;
    assert_false(signature_check(&f.call));
    assert_true(bytes_eq_str(f.call.error_name, "InvalidSignatureException"));
    teardown(&f);
}

/* One changed byte of the body makes the signature wrong. */
static void test_changed_body_is_refused(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    add_request(&f);
    f.request.body = BYTES_LIT("{\"TableName\":\"t\",\"Key\":{\"k\":{\"S\":\"2\"}}}");
    add_header(&f, "X-Amz-Date", DATE);
    add_header(&f, "Authorization", GOOD_AUTH);
    assert_false(signature_check(&f.call));
    assert_int_equal(f.call.answer.status, 400);
    assert_true(bytes_eq_str(
        f.call.answer.body,
        "{\"__type\":\"com.amazon.coral.service#InvalidSignatureException\",\"message\":\"The "
        "request signature we calculated does not match the signature you provided. Check your AWS "
        "Secret Access Key and signing method. Consult the service documentation for details.\"}"));
    teardown(&f);
}

struct refusal {
    const char *auth; /* NULL: none */
    const char *date; /* NULL: none */
    uint64_t now_ms;
    const char *name;
    const char *message; /* a part of it */
};

static const struct refusal auth_refusals[] = {
    {NULL,
     DATE,
     NOW_MS,
     "MissingAuthenticationTokenException",
     "Request is missing Authentication Token"},
    {"Basic abc",
     DATE,
     NOW_MS,
     "MissingAuthenticationTokenException",
     "Request is missing Authentication Token"},
    {"AWS4-HMAC-SHA256 Credential=a",
     NULL,
     NOW_MS,
     "IncompleteSignatureException",
     "Authorization header requires 'Signature' parameter. Authorization header requires "
     "'SignedHeaders' parameter. Authorization header requires existence of either a "
     "'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256 Credential=a"},
    {GOOD_AUTH,
     "yesterday",
     NOW_MS,
     "IncompleteSignatureException",
     "Date must be in ISO-8601 'basic format'. Got 'yesterday'. See "
     "http://en.wikipedia.org/wiki/ISO_8601"},
    {GOOD_AUTH,
     DATE,
     NOW_MS + 20 * 60 * 1000,
     "InvalidSignatureException",
     "Signature expired: 20150830T123600Z is now earlier than 20150830T124100Z "
     "(20150830T125600Z - 15 min.)"},
    {GOOD_AUTH,
     DATE,
     NOW_MS - 20 * 60 * 1000,
     "InvalidSignatureException",
     "Signature not yet current: 20150830T123600Z is still later than 20150830T123100Z "
     "(20150830T121600Z + 15 min.)"},
    {"AWS4-HMAC-SHA256 Credential=" SCOPE ",SignedHeaders=x-amz-date,Signature=b",
     DATE,
     NOW_MS,
     "InvalidSignatureException",
     "'Host' must be a 'SignedHeader' in the AWS Authorization."},
    {"AWS4-HMAC-SHA1 Credential=" SCOPE ",SignedHeaders=Host,Signature=b",
     DATE,
     NOW_MS,
     "IncompleteSignatureException",
     "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1' (only AWS4-HMAC-SHA256 for now). "},
    {"AWS4-HMAC-SHA256 Credential=a/b/c/d,SignedHeaders=host,Signature=b",
     DATE,
     NOW_MS,
     "IncompleteSignatureException",
     "Credential must have exactly 5 slash-delimited elements, e.g. "
     "keyid/date/region/service/term, got 'a/b/c/d'"},
    {"AWS4-HMAC-SHA256 Credential=a/b/c/d/e,SignedHeaders=host,Signature=b",
     DATE,
     NOW_MS,
     "InvalidSignatureException",
     "Credential should be scoped to a valid region, not 'c'. Credential should be scoped to "
     "correct service: 'dynamodb'. Credential should be scoped with a valid terminator: "
     "'aws4_request', not 'e'. Date in Credential scope does not match YYYYMMDD from ISO-8601 "
     "version of date from HTTP: 'b' != '20150830', from '20150830T123600Z'. "},
    {"AWS4-HMAC-SHA256 Credential=NOBODY/20150830/eu-west-1/dynamodb/aws4_request,"
     "SignedHeaders=host,Signature=b",
     DATE,
     NOW_MS,
     "UnrecognizedClientException",
     "The security token included in the request is invalid."},
    {"AWS4-HMAC-SHA256 Credential=REVOKED/20150830/eu-west-1/dynamodb/aws4_request,"
     "SignedHeaders=host,Signature=b",
     DATE,
     NOW_MS,
     "UnrecognizedClientException",
     "The security token included in the request is invalid."},
};

/* What is wrong with an Authorization header is said in DynamoDB's words. */
static void test_refusals(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof auth_refusals / sizeof auth_refusals[0]; i++) {
        const struct refusal *r = &auth_refusals[i];
        struct fixture f;
        setup(&f);
        add_request(&f);
        if (r->date != NULL) {
            add_header(&f, "x-amz-date", r->date);
        }
        if (r->auth != NULL) {
            add_header(&f, "authorization", r->auth);
        }
        f.call.now_ms = r->now_ms;
        assert_false(signature_check(&f.call));
        assert_int_equal(f.call.answer.status, 400);
        assert_true(bytes_eq_str(f.call.error_name, r->name));
        struct bytes want = bytes_fmt(&f.arena, "\"message\":\"%s\"}", r->message);
        if (!bytes_contains(f.call.answer.body, want)) {
            print_error("%.*s\n", BYTES_FMT(f.call.answer.body));
            fail();
        }
        teardown(&f);
    }
}

/* A signature for DynamoDB is good for DynamoDB alone: another service of the endpoint refuses it,
 * and the error's name and words are there for that service to render. */
static void test_service_of_its_own(void **state)
{
    (void)state;
    struct fixture f;
    setup(&f);
    add_request(&f);
    add_header(&f, "X-Amz-Date", DATE);
    add_header(&f, "Authorization", GOOD_AUTH);
    assert_true(dynamo_authenticate(f.d, &f.call, &f.arena, &f.request, "dynamodb"));
    assert_false(dynamo_authenticate(f.d, &f.call, &f.arena, &f.request, "monitoring"));
    assert_true(bytes_eq_str(f.call.error_name, "InvalidSignatureException"));
    assert_true(bytes_eq_str(
        f.call.error_msg, "Credential should be scoped to correct service: 'monitoring'. "));
    teardown(&f);
}

/* Dates turn into milliseconds and back, leap days included; malformed ones are refused. */
static void test_dates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } dates[] = {
        {"19700101T000000Z", 0},
        {"20000229T235959Z", INT64_C(951868799000)},
        {"20150830T123600Z", INT64_C(1440938160000)},
        {"21000301T000000Z", INT64_C(4107542400000)},
    };
    struct arena a;
    arena_init(&a, /* bytes_max= */ 65536);
    for (size_t i = 0; i < sizeof dates / sizeof dates[0]; i++) {
        int64_t ms;
        assert_true(date_parse(bytes_str(dates[i].text), &ms));
        assert_int_equal(ms, dates[i].ms);
        assert_true(bytes_eq_str(date_text(&a, ms), dates[i].text));
    }
    static const char *const bad[] = {
        "",
        "20150830",
        "20151330T123600Z",
        "20150830T243600Z",
        "20150830 123600Z",
        "2015083aT123600Z"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        int64_t ms;
        assert_false(date_parse(bytes_str(bad[i]), &ms));
    }
    arena_done(&a);
}

/* A key file is read with comments, blank lines and revoked keys, and written back as it was. */
static void test_keystore_round_trip(void **state)
{
    (void)state;
    struct keystore *ks;
    size_t line;
    struct bytes text = BYTES_LIT("# a comment\n\n  AKIA1 s3cr3t/+ 2026-01-02T03:04:05Z active\n"
                                  "AKIA2\tother\t-\trevoked\r\n");
    assert_int_equal(keystore_parse(text, &ks, &line), OK);
    size_t n;
    const struct keystore_key *keys = keystore_keys(ks, &n);
    assert_int_equal(n, 2);
    assert_true(keys[0].active);
    assert_false(keys[1].active);
    assert_ptr_equal(keystore_find(ks, BYTES_LIT("AKIA2")), &keys[1]);
    assert_null(keystore_find(ks, BYTES_LIT("AKIA3")));
    struct buf b;
    buf_init(&b, /* len_max= */ 4096);
    keystore_put_heading(&b);
    keystore_put_key(&b, &keys[0]);
    keystore_put_key(&b, &keys[1]);
    assert_true(bytes_eq_str(
        buf_bytes(&b),
        "# godwit access keys: access_key_id secret_access_key created status\n"
        "AKIA1 s3cr3t/+ 2026-01-02T03:04:05Z active\n"
        "AKIA2 other - revoked\n"));
    buf_done(&b);
    keystore_free(ks);
}

/* A bad line is named by its number; so is an id given twice. */
static void test_keystore_faults(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err err;
        size_t line;
    } faults[] = {
        {"A s - active\nB s -\n", ERR_SYNTAX, 2},
        {"A s - perhaps\n", ERR_SYNTAX, 1},
        {"A s - active extra\n", ERR_SYNTAX, 1},
        {"A/B s - active\n", ERR_SYNTAX, 1},
        {"#\nA s - active\n\nA t - revoked\n", ERR_EXISTS, 4},
    };
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
        struct keystore *ks;
        size_t line = 0;
        assert_int_equal(keystore_parse(bytes_str(faults[i].text), &ks, &line), faults[i].err);
        assert_int_equal(line, faults[i].line);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_published_vectors),
        cmocka_unit_test(test_client_request_passes),
        cmocka_unit_test(test_presigned_request_passes),
        cmocka_unit_test(test_changed_body_is_refused),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_service_of_its_own),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_keystore_round_trip),
        cmocka_unit_test(test_keystore_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

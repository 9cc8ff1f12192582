/* Hostile signatures. The input is a request as text: a byte that tells what to do, then lines with
 * the method, the path, the query and headers ("name:value"), an empty line, and the body.
 *
 * As it is, it is refused, whatever its bytes are. Signed by us it is taken, in the header and in
 * the query alike; and refused when something that the signature speaks for is changed afterwards.
 * The .c file is included for what it would have signed, which verifying leaves behind. */
#include "front/dynamo/sigv4.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define KEY_ID "AKIDEXAMPLE"
#define DATE   "20150830T123600Z"
#define SCOPE  KEY_ID "/20150830/eu-west-1/dynamodb/aws4_request"
#define NOW_MS UINT64_C(1440938160000)

enum { HEADERS_MAX = 12, SIGN = 1, IN_QUERY = 2, ARENA_BYTES = 16 * 1024 * 1024 };

struct attempt {
    struct arena arena;
    struct keystore *ks;
    struct dynamo d; /* no more of it than signatures take */
    struct dynamo_header headers[HEADERS_MAX + 3];
    struct dynamo_request request;
    struct auth auth;
};

static void read_request(struct attempt *t, struct bytes in)
{
    t->request.method = take_until(&in, '\n');
    t->request.path = take_until(&in, '\n');
    t->request.query = take_until(&in, '\n');
    while (in.len > 0) {
        struct bytes value = take_until(&in, '\n');
        if (value.len == 0) {
            break;
        }
        struct bytes name = take_until(&value, ':');
        if (t->request.n_headers < HEADERS_MAX) {
            t->headers[t->request.n_headers++] = (struct dynamo_header){name, value};
        }
    }
    t->request.body = in;
}

static struct dynamo_call call_of(struct attempt *t)
{
    return (struct dynamo_call){
        .d = &t->d,
        .arena = &t->arena,
        .request = &t->request,
        .now_ms = NOW_MS,
        .service = "dynamodb",
    };
}

static bool check(struct attempt *t)
{
    struct bytes service;
    struct call_noted noted = {.error = AWS_VALIDATION};
    (void)dynamo_signed_region(&t->request, &service); /* of anything */
    struct dynamo_call call = call_of(t);
    call_note(&call, &noted);
    bool good = signature_check(&call);
    ASSERT(good || noted.msg.len > 0);
    ASSERT(
        good || noted.error == AWS_MISSING_AUTHENTICATION ||
        noted.error == AWS_INCOMPLETE_SIGNATURE || noted.error == AWS_INVALID_SIGNATURE ||
        noted.error == AWS_UNRECOGNIZED_CLIENT);
    return good;
}

static void add_header(struct attempt *t, const char *name, struct bytes value)
{
    t->headers[t->request.n_headers++] = (struct dynamo_header){bytes_str(name), value};
}

/* Whether a header can be named in the list of signed ones. */
static bool can_be_named(struct bytes name)
{
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.base[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
        if (!plain) {
            return false;
        }
    }
    return name.len > 0 && !bytes_eq_str(name, "authorization");
}

static struct bytes names_of(struct attempt *t)
{
    struct bytes names = BYTES_LIT("host");
    for (size_t i = 0; i < t->request.n_headers; i++) {
        if (can_be_named(t->headers[i].name)) {
            names =
                bytes_fmt(&t->arena, "%.*s;%.*s", BYTES_FMT(names), BYTES_FMT(t->headers[i].name));
        }
    }
    return names;
}

/* The signature of the request as it stands: a wrong one is refused, and leaves the right one. */
static struct bytes signature_of(struct attempt *t)
{
    struct dynamo_call call = call_of(t);
    t->auth.credential = BYTES_LIT(SCOPE);
    t->auth.date = BYTES_LIT(DATE);
    t->auth.signature = BYTES_LIT("none");
    bool five = credential_cut(&t->auth);
    ASSERT(five);
    enum err e = signature_verify(&call, &t->auth, keystore_find(t->ks, BYTES_LIT(KEY_ID)));
    ASSERT(e == ERR_AUTH);
    return bytes_dup(&t->arena, buf_bytes(&t->d.signing_text));
}

static void sign_in_header(struct attempt *t)
{
    add_header(t, "x-amz-date", BYTES_LIT(DATE));
    t->auth.signed_headers = names_of(t);
    struct bytes signature = signature_of(t);
    add_header(
        t,
        "Authorization",
        bytes_fmt(
            &t->arena,
            "AWS4-HMAC-SHA256 Credential=" SCOPE ", SignedHeaders=%.*s, Signature=%.*s",
            BYTES_FMT(t->auth.signed_headers),
            BYTES_FMT(signature)));
}

static void sign_in_query(struct attempt *t)
{
    t->auth.signed_headers = names_of(t);
    t->request.query = bytes_fmt(
        &t->arena,
        "%.*s%sX-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=" SCOPE "&X-Amz-Date=" DATE
        "&X-Amz-SignedHeaders=%.*s",
        BYTES_FMT(t->request.query),
        t->request.query.len > 0 ? "&" : "",
        BYTES_FMT(t->auth.signed_headers));
    struct bytes signature = signature_of(t);
    t->request.query = bytes_fmt(
        &t->arena, "%.*s&X-Amz-Signature=%.*s", BYTES_FMT(t->request.query), BYTES_FMT(signature));
}

/* A signed request is taken, and another one under its signature is not. */
static void check_signed(struct attempt *t, unsigned which)
{
    struct dynamo_request *r = &t->request;
    bool taken = check(t);
    ASSERT(taken);
    switch (which % 5) {
    case 0:
        r->body = bytes_fmt(&t->arena, "%.*s ", BYTES_FMT(r->body));
        break;
    case 1:
        r->method = bytes_fmt(&t->arena, "%.*sX", BYTES_FMT(r->method));
        break;
    case 2:
        r->path = bytes_fmt(&t->arena, "%.*s/x", BYTES_FMT(r->path));
        break;
    case 3:
        r->query = bytes_fmt(&t->arena, "%.*s&x=1", BYTES_FMT(r->query));
        break;
    default:
        add_header(t, "host", BYTES_LIT("elsewhere"));
        break;
    }
    taken = check(t);
    ASSERT(!taken);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct attempt t = {.request = {.now_ms = NOW_MS}};
    size_t line;
    if (size == 0 || memchr(data, 0, size) != NULL) {
        return 0; /* no head holds a zero */
    }
    arena_init(&t.arena, ARENA_BYTES);
    enum err e = keystore_parse(
        BYTES_LIT(KEY_ID " wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY - active\n"), &t.ks, &line);
    ASSERT(e == OK);
    t.d.region = BYTES_LIT("eu-west-1");
    t.d.keystore = t.ks;
    t.d.signing = signing_cache_new();
    buf_init(&t.d.signing_text, ARENA_BYTES);
    t.request.headers = t.headers;
    read_request(&t, bytes_of(data + 1, size - 1));
    if ((data[0] & SIGN) == 0) {
        bool taken = check(&t);
        ASSERT(!taken);
    } else {
        /* What the request says of signatures itself would be in the way. */
        bool says = bytes_contains(t.request.query, BYTES_LIT("X-Amz-")) ||
                    header_find(&t.request, "authorization").base != NULL;
        if (!says) {
            ((data[0] & IN_QUERY) != 0 ? sign_in_query : sign_in_header)(&t);
            check_signed(&t, data[0] / 4);
        }
    }
    buf_done(&t.d.signing_text);
    signing_cache_free(t.d.signing);
    keystore_free(t.ks);
    arena_done(&t.arena);
    return 0;
}

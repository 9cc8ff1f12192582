/* Answers: bodies, headers, checksums and the one table from this front's errors to AWS names and
 * HTTP statuses.
 *
 * An answer never fails: at the arena's cap a constant body says that something went wrong inside.
 */
#include <stdarg.h>
#include <stdio.h>

#include "front/dynamo/dynamo_internal.h"

#define FRAME "1 validation error detected: "

#define CORAL    "com.amazon.coral.service#"
#define DYNAMODB "com.amazonaws.dynamodb.v20120810#"

#define TOO_LARGE "Request size exceeded the maximum allowed size"

enum { PACK_BYTES_MIN = 4096 }; /* DynamoDB compresses nothing smaller */

struct error_row {
    const char *prefix;
    const char *name;
    unsigned status;
};

/* The prefixes and statuses as DynamoDB sends them; clients look at the name behind the '#'. */
static const struct error_row error_rows[AWS_ERRORS] = {
    [AWS_VALIDATION] = {"com.amazon.coral.validate#", "ValidationException", 400},
    [AWS_SERIALIZATION] = {CORAL, "SerializationException", 400},
    [AWS_UNKNOWN_OPERATION] = {CORAL, "UnknownOperationException", 400},
    [AWS_MISSING_AUTHENTICATION] = {CORAL, "MissingAuthenticationTokenException", 400},
    [AWS_INCOMPLETE_SIGNATURE] = {CORAL, "IncompleteSignatureException", 400},
    [AWS_INVALID_SIGNATURE] = {CORAL, "InvalidSignatureException", 400},
    [AWS_UNRECOGNIZED_CLIENT] = {CORAL, "UnrecognizedClientException", 400},
    [AWS_CONDITIONAL_CHECK_FAILED] = {DYNAMODB, "ConditionalCheckFailedException", 400},
    [AWS_DUPLICATE_ITEM] = {DYNAMODB, "DuplicateItemException", 400},
    [AWS_COLLECTION_TOO_LARGE] = {DYNAMODB, "ItemCollectionSizeLimitExceededException", 400},
    [AWS_TRANSACTION_CANCELED] = {DYNAMODB, "TransactionCanceledException", 400},
    [AWS_IDEMPOTENT_MISMATCH] = {DYNAMODB, "IdempotentParameterMismatchException", 400},
    [AWS_RESOURCE_NOT_FOUND] = {DYNAMODB, "ResourceNotFoundException", 400},
    [AWS_RESOURCE_IN_USE] = {DYNAMODB, "ResourceInUseException", 400},
    [AWS_TABLE_NOT_FOUND] = {DYNAMODB, "TableNotFoundException", 400},
    [AWS_TABLE_IN_USE] = {DYNAMODB, "TableInUseException", 400},
    [AWS_LIMIT_EXCEEDED] = {DYNAMODB, "LimitExceededException", 400},
    [AWS_GLOBAL_TABLE_EXISTS] = {DYNAMODB, "GlobalTableAlreadyExistsException", 400},
    [AWS_GLOBAL_TABLE_NOT_FOUND] = {DYNAMODB, "GlobalTableNotFoundException", 400},
    [AWS_REPLICA_EXISTS] = {DYNAMODB, "ReplicaAlreadyExistsException", 400},
    [AWS_REPLICA_NOT_FOUND] = {DYNAMODB, "ReplicaNotFoundException", 400},
    [AWS_INDEX_NOT_FOUND] = {DYNAMODB, "IndexNotFoundException", 400},
    [AWS_TRIMMED_DATA_ACCESS] = {DYNAMODB, "TrimmedDataAccessException", 400},
    [AWS_EXPIRED_ITERATOR] = {DYNAMODB, "ExpiredIteratorException", 400},
    [AWS_OBJECT_NOT_FOUND] = {"", "ObjectNotFoundException", 400},
    [AWS_INVALID_NEXT_TOKEN] = {"", "InvalidNextTokenException", 400},
    [AWS_TABLE_EXISTS] = {DYNAMODB, "TableAlreadyExistsException", 400},
    [AWS_BACKUP_NOT_FOUND] = {DYNAMODB, "BackupNotFoundException", 400},
    [AWS_BACKUP_IN_USE] = {DYNAMODB, "BackupInUseException", 400},
    [AWS_PITR_UNAVAILABLE] = {DYNAMODB, "PointInTimeRecoveryUnavailableException", 400},
    [AWS_INVALID_RESTORE_TIME] = {DYNAMODB, "InvalidRestoreTimeException", 400},
    [AWS_INVALID_EXPORT_TIME] = {DYNAMODB, "InvalidExportTimeException", 400},
    [AWS_EXPORT_NOT_FOUND] = {DYNAMODB, "ExportNotFoundException", 400},
    [AWS_EXPORT_CONFLICT] = {DYNAMODB, "ExportConflictException", 400},
    [AWS_IMPORT_NOT_FOUND] = {DYNAMODB, "ImportNotFoundException", 400},
    [AWS_IMPORT_CONFLICT] = {DYNAMODB, "ImportConflictException", 400},
    [AWS_THROUGHPUT_EXCEEDED] = {DYNAMODB, "ProvisionedThroughputExceededException", 400},
    [AWS_THROTTLING] = {"com.amazon.coral.availability#", "ThrottlingException", 400},
    [AWS_PAYLOAD_TOO_LARGE] = {CORAL, "PayloadTooLarge", 413},
    [AWS_ACCESS_DENIED] = {CORAL, "AccessDeniedException", 400},
    [AWS_TOO_MANY_TAGS] = {"", "TooManyTagsException", 400},
    [AWS_POLICY_NOT_FOUND] = {DYNAMODB, "PolicyNotFoundException", 400},
    [AWS_INTERNAL] = {DYNAMODB, "InternalServerError", 500},
    [AWS_UNAVAILABLE] = {CORAL, "ServiceUnavailableException", 503},
};

/* ---- CRC-32, eight bytes a step (slicing by 8, Kounavis and Berry 2005) ---- */

void crc32_init(uint32_t table[8][256])
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t v = i;
        for (int bit = 0; bit < 8; bit++) {
            v = (v >> 1) ^ (UINT32_C(0xEDB88320) & (0 - (v & 1)));
        }
        table[0][i] = v;
    }
    for (uint32_t i = 0; i < 256; i++) {
        for (int k = 1; k < 8; k++) {
            uint32_t before = table[k - 1][i];
            table[k][i] = (before >> 8) ^ table[0][before & 0xFF];
        }
    }
}

uint32_t crc32_of(uint32_t table[8][256], struct bytes b)
{
    uint32_t crc = ~UINT32_C(0);
    const uint8_t *at = b.base;
    size_t left = b.len;
    while (left >= 8) {
        uint32_t lo;
        uint32_t hi;
        memcpy(&lo, at, 4);
        memcpy(&hi, at + 4, 4);
        lo ^= crc;
        crc = table[7][lo & 0xFF] ^ table[6][(lo >> 8) & 0xFF] ^ table[5][(lo >> 16) & 0xFF] ^
              table[4][lo >> 24] ^ table[3][hi & 0xFF] ^ table[2][(hi >> 8) & 0xFF] ^
              table[1][(hi >> 16) & 0xFF] ^ table[0][hi >> 24];
        at += 8;
        left -= 8;
    }
    while (left > 0) {
        crc = (crc >> 8) ^ table[0][(crc ^ *at) & 0xFF];
        at++;
        left--;
    }
    return ~crc;
}

/* ---- answers ---- */

/* As many characters and of the same alphabet as AWS's request ids. */
static void make_request_id(struct dynamo *d, char to[52])
{
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUV";
    for (int i = 0; i < 52;) {
        uint64_t word = prng_u64(&d->prng);
        for (int k = 0; k < 12 && i < 52; k++, i++) {
            to[i] = alphabet[word & 31];
            word >>= 5;
        }
    }
}

static void put_header(struct dynamo_answer *answer, struct bytes name, struct bytes value)
{
    ASSERT(answer->n_headers < DYNAMO_ANSWER_HEADERS_MAX);
    answer->headers[answer->n_headers] = (struct dynamo_header){name, value};
    answer->n_headers++;
}

void call_header(struct dynamo_call *c, struct bytes name, struct bytes value)
{
    put_header(&c->answer, name, value);
}

/* The headers every answer has; a body without a media type has none of its own. The checksum is
 * over the body as it is sent. */
static void put_headers(struct dynamo_call *c, struct bytes media_type)
{
    make_request_id(c->d, c->request_id);
    size_t crc_len = integer_text(crc32_of(c->d->crc32_table, c->answer.body), c->crc32);
    put_header(&c->answer, BYTES_LIT("server"), BYTES_LIT("Server"));
    if (media_type.base != NULL) {
        put_header(&c->answer, BYTES_LIT("content-type"), media_type);
    }
    put_header(
        &c->answer, BYTES_LIT("x-amzn-requestid"), bytes_of(c->request_id, sizeof c->request_id));
    put_header(&c->answer, BYTES_LIT("x-amz-crc32"), bytes_of(c->crc32, crc_len));
    if (c->from_browser) {
        put_header(&c->answer, BYTES_LIT("access-control-allow-origin"), BYTES_LIT("*"));
        put_header(
            &c->answer,
            BYTES_LIT("access-control-expose-headers"),
            BYTES_LIT("x-amzn-RequestId,x-amzn-ErrorType,x-amzn-ErrorMessage,Date"));
    }
}

/* A body in the coding that the client asks for; base NULL: none. */
static struct bytes packed(struct dynamo_call *c, struct bytes body, struct bytes *ret_coding)
{
    if (body.len < PACK_BYTES_MIN || c->request == NULL || c->d->codings == NULL) {
        return BYTES_NONE;
    }
    struct bytes accept = header_find(c->request, "accept-encoding");
    if (accept.len == 0) {
        return BYTES_NONE;
    }
    return c->d->codings->pack(c->arena, accept, body, ret_coding);
}

static struct bytes media_type(const struct dynamo_call *c)
{
    if (c->op != NULL && c->op->service != NULL) {
        return BYTES_LIT("application/x-amz-json-1.1"); /* Application Auto Scaling's */
    }
    return c->plain_json ? BYTES_LIT("application/json") : BYTES_LIT("application/x-amz-json-1.0");
}

static void answer_with(struct dynamo_call *c, unsigned status, struct bytes body)
{
    struct bytes coding = BYTES_NONE;
    struct bytes small = packed(c, body, &coding);
    bool is_packed = small.base != NULL;
    c->answer = (struct dynamo_answer){.status = status, .body = is_packed ? small : body};
    put_headers(c, media_type(c));
    if (is_packed) {
        put_header(&c->answer, BYTES_LIT("content-encoding"), coding);
    }
}

void call_raw(struct dynamo_call *c, unsigned status, struct bytes body)
{
    c->answer = (struct dynamo_answer){.status = status, .body = body};
    put_headers(c, BYTES_NONE);
    if (status >= 400) {
        c->error_name = bytes_str(error_rows[AWS_UNKNOWN_OPERATION].name);
    }
}

struct buf *call_body(struct dynamo_call *c)
{
    struct buf *out = &c->d->out;
    /* A huge answer's buffer is not kept for the small ones that follow. */
    if (out->cap > 4 * 1024 * 1024) {
        buf_done(out);
    }
    buf_clear(out);
    return out;
}

/* The body written so far, in the arena; without base when it does not fit. */
static struct bytes take_body(struct dynamo_call *c)
{
    if (c->d->out.err != OK) {
        return BYTES_NONE;
    }
    if (c->d->out.len == 0) {
        return BYTES_LIT(""); /* an answer without a body */
    }
    return bytes_dup(c->arena, buf_bytes(&c->d->out));
}

/* At the arena's cap there is no room for words: constants have to do. */
static void answer_without_arena(struct dynamo_call *c, enum aws_error error)
{
    if (error == AWS_PAYLOAD_TOO_LARGE) {
        answer_with(
            c,
            413,
            BYTES_LIT("{\"__type\":\"" CORAL "PayloadTooLarge\",\"message\":\"" TOO_LARGE "\"}"));
        return;
    }
    c->error_name = BYTES_LIT("InternalServerError");
    answer_with(
        c,
        500,
        BYTES_LIT("{\"__type\":\"" DYNAMODB "InternalServerError\",\"message\":\"Internal server "
                  "error\"}"));
}

static bool answer_error(struct dynamo_call *c, enum aws_error error)
{
    const struct error_row *row = &error_rows[error];
    struct bytes body = take_body(c);
    c->error_name = bytes_str(row->name);
    if (body.base == NULL) {
        answer_without_arena(c, error);
    } else {
        answer_with(c, row->status, body);
    }
    return false;
}

/* Most of DynamoDB's errors carry a "message", some a "Message"; some clients mind. */
static const char *message_member(enum aws_error error)
{
    bool capital = error == AWS_SERIALIZATION || error == AWS_TRANSACTION_CANCELED ||
                   error == AWS_IDEMPOTENT_MISMATCH || error == AWS_ACCESS_DENIED;
    return capital ? ",\"Message\":" : ",\"message\":";
}

static void put_error(struct buf *b, enum aws_error error, struct bytes msg)
{
    const struct error_row *row = &error_rows[error];
    buf_put_str(b, "{\"__type\":\"");
    buf_put_str(b, row->prefix);
    buf_put_str(b, row->name);
    buf_put_u8(b, '"');
    if (msg.base != NULL) {
        buf_put_str(b, message_member(error));
        json_put_string(b, msg);
    }
}

void call_note(struct dynamo_call *c, struct call_noted *noted)
{
    c->noted = noted;
}

/* Lists of broken constraints have the frame already, and the limit on nesting stands without. */
static bool is_bare(struct bytes msg)
{
    size_t digits = 0;
    while (digits < msg.len && msg.base[digits] >= '0' && msg.base[digits] <= '9') {
        digits++;
    }
    return (digits > 0 &&
            bytes_has_prefix(bytes_from(msg, digits), BYTES_LIT(" validation error"))) ||
           bytes_has_prefix(msg, BYTES_LIT("Nesting Levels"));
}

bool call_fail(struct dynamo_call *c, enum aws_error error, struct bytes msg)
{
    ASSERT(error < AWS_ERRORS);
    if (error == AWS_VALIDATION && c->framed && !is_bare(msg)) {
        struct bytes framed = bytes_fmt(c->arena, FRAME "%.*s", BYTES_FMT(msg));
        msg = framed.base == NULL ? msg : framed;
    }
    if (c->noted != NULL) {
        *c->noted = (struct call_noted){error, msg};
        return false;
    }
    struct buf *b = call_body(c);
    c->error_msg = msg;
    put_error(b, error, msg);
    buf_put_u8(b, '}');
    return answer_error(c, error);
}

/* Formats into the arena; NULL arguments are the caller's bug. */
static struct bytes format(struct arena *a, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

static struct bytes format(struct arena *a, const char *fmt, va_list ap)
{
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(NULL, 0, fmt, again);
    va_end(again);
    ASSERT(n >= 0);
    char *text = arena_alloc(a, (size_t)n + 1);
    if (text == NULL) {
        return BYTES_NONE;
    }
    (void)vsnprintf(text, (size_t)n + 1, fmt, ap); /* measured above */
    return bytes_of(text, (size_t)n);
}

bool call_failf(struct dynamo_call *c, enum aws_error error, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct bytes msg = format(c->arena, fmt, ap);
    va_end(ap);
    return call_fail(c, error, msg);
}

bool call_invalid(struct dynamo_call *c, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    struct bytes msg = format(c->arena, fmt, ap);
    va_end(ap);
    return call_fail(c, AWS_VALIDATION, msg);
}

bool call_fail_condition(struct dynamo_call *c, const struct value *item)
{
    struct buf *b = call_body(c);
    put_error(b, AWS_CONDITIONAL_CHECK_FAILED, BYTES_LIT("The conditional request failed"));
    if (item != NULL) {
        buf_put_str(b, ",\"Item\":");
        attr_map_put(b, item);
    }
    buf_put_u8(b, '}');
    return answer_error(c, AWS_CONDITIONAL_CHECK_FAILED);
}

bool call_fail_throttling(
    struct dynamo_call *c,
    enum aws_error error,
    struct bytes msg,
    struct bytes reason,
    struct bytes resource)
{
    if (c->noted != NULL) {
        return call_fail(c, error, msg);
    }
    /* The two errors spell the member as their models do. */
    bool capital = error == AWS_THROUGHPUT_EXCEEDED;
    struct buf *b = call_body(c);
    c->error_msg = msg;
    put_error(b, error, msg);
    buf_put_str(b, capital ? ",\"ThrottlingReasons\":" : ",\"throttlingReasons\":");
    buf_put_str(b, "[{\"reason\":");
    json_put_string(b, reason);
    buf_put_str(b, ",\"resource\":");
    json_put_string(b, resource);
    buf_put_str(b, "}]}");
    return answer_error(c, error);
}

static void put_reason(struct buf *b, const struct cancel_reason *r)
{
    if (r->code == NULL) {
        buf_put_str(b, "{\"Code\":\"None\"}");
        return;
    }
    buf_putf(b, "{\"Code\":\"%s\",", r->code);
    if (r->item != NULL) {
        buf_put_str(b, "\"Item\":");
        attr_map_put(b, r->item);
        buf_put_u8(b, ',');
    }
    buf_put_str(b, "\"Message\":");
    json_put_string(b, r->msg);
    buf_put_u8(b, '}');
}

bool call_cancel(struct dynamo_call *c, const struct cancel_reason *reasons, size_t n)
{
    struct buf msg;
    buf_init(&msg, /* len_max= */ 64 * 1024);
    buf_put_str(
        &msg, "Transaction cancelled, please refer cancellation reasons for specific reasons [");
    for (size_t i = 0; i < n; i++) {
        buf_putf(
            &msg, "%s%s", i == 0 ? "" : ", ", reasons[i].code == NULL ? "None" : reasons[i].code);
    }
    buf_put_u8(&msg, ']');
    struct buf *b = call_body(c);
    put_error(b, AWS_TRANSACTION_CANCELED, buf_bytes(&msg));
    buf_done(&msg);
    buf_put_str(b, ",\"CancellationReasons\":[");
    for (size_t i = 0; i < n; i++) {
        buf_put_str(b, i == 0 ? "" : ",");
        put_reason(b, &reasons[i]);
    }
    buf_put_str(b, "]}");
    return answer_error(c, AWS_TRANSACTION_CANCELED);
}

bool call_fail_err(struct dynamo_call *c, enum err err)
{
    switch (err) {
    case ERR_BUSY:
    case ERR_LIMIT:
        return call_fail(
            c, AWS_THROTTLING, BYTES_LIT("Rate of requests exceeds the allowed throughput."));
    case ERR_TOO_BIG:
        return call_fail(c, AWS_PAYLOAD_TOO_LARGE, BYTES_LIT(TOO_LARGE));
    case ERR_UNAVAILABLE:
    case ERR_AGAIN:
    case ERR_TIMEOUT:
    case ERR_FAILED: /* refused, so surely not applied */
        return call_fail(c, AWS_UNAVAILABLE, BYTES_LIT("The service is currently unavailable."));
    case ERR_NOT_FOUND:
        return call_fail(c, AWS_RESOURCE_NOT_FOUND, BYTES_LIT("Requested resource not found"));
    case OK:
    case ERR_INVALID:
    case ERR_SYNTAX:
    case ERR_EXISTS:
    case ERR_IN_USE:
    case ERR_CONDITION:
    case ERR_CANCELLED:
    case ERR_CONFLICT:
    case ERR_AUTH:
    case ERR_IO:
    case ERR_CORRUPT:
    case ERR_FORMAT:
    case ERR_CLOCK_DRIFT:
    case ERR_GAP:
    case ERR_FENCED:
        break;
    }
    ASSERT(err != OK);
    return call_fail(c, AWS_INTERNAL, BYTES_LIT("Internal server error"));
}

enum dynamo_step call_ok(struct dynamo_call *c)
{
    struct bytes body = take_body(c);
    if (body.base == NULL) {
        (void)call_fail_err(c, ERR_IO); /* answers */
        return DYNAMO_ANSWER;
    }
    answer_with(c, 200, body);
    return DYNAMO_ANSWER;
}

enum dynamo_step call_submit(struct dynamo_call *c, struct part_cmd *cmd)
{
    cmd->arena = c->arena;
    c->cmd = cmd;
    return DYNAMO_SUBMIT;
}

/* SSESpecification and SSEDescription.
 *
 * There is no key service, and the region's files are as the disk keeps them: what is asked for
 * with DynamoDB's own key is kept with the table, in its `extra` map under "sse", and told as
 * DynamoDB tells it, so that what describes a table's encryption and compares it can be run; the
 * documentation says so. A key of the caller's own is one that does not exist here. */
#include "base/hash.h"
#include "front/dynamo/table_admin.h"

bool read_sse(
    struct checks *k,
    const struct json *in,
    const char *field,
    const char *path,
    struct sse_request *ret)
{
    const struct json *j;
    *ret = (struct sse_request){0};
    if (!field_struct(k->c, in, field, "SSESpecification", &j) || j == NULL) {
        return j == NULL;
    }
    ret->present = true;
    bool given = field_present(j, "Enabled");
    if (!field_bool(k->c, j, "Enabled", &ret->enabled) ||
        !field_string(k->c, j, "SSEType", &ret->type) ||
        !field_string(k->c, j, "KMSMasterKeyId", &ret->key)) {
        return false;
    }
    ret->disabled = given && !ret->enabled;
    ret->enabled = ret->enabled || (!given && bytes_eq_str(ret->type, "KMS"));
    check_enum(k, path, ret->type, "AES256, KMS");
    return true;
}

/* ---- keys ---- */

#define OWN_ALIAS "alias/aws/dynamodb"

static void put_kms_arn(struct buf *b, struct bytes region)
{
    buf_put_str(b, "arn:aws:kms:");
    buf_put_bytes(b, region);
    buf_put_str(b, ":" DYNAMO_ACCOUNT ":");
}

/* The ARN of a region's own key: the same for all its tables, and always. */
static void put_own_key(struct buf *b, struct bytes region)
{
    struct hash128 h = hash128(region, /* seed= */ 0);
    put_kms_arn(b, region);
    buf_putf(
        b,
        "key/%08x-%04x-4%03x-8%03x-%012llx",
        (unsigned)(h.lo >> 32),
        (unsigned)(h.lo >> 16) & 0xFFFF,
        (unsigned)h.lo & 0xFFF,
        (unsigned)(h.hi >> 52),
        (unsigned long long)h.hi & 0xFFFFFFFFFFFF);
}

static bool names_own_key(struct dynamo_call *c, struct bytes key, bool *ret_by_arn)
{
    struct buf arn;
    buf_init(&arn, /* len_max= */ 1024);
    put_own_key(&arn, c->d->region);
    *ret_by_arn = bytes_eq(buf_bytes(&arn), key);
    buf_clear(&arn);
    put_kms_arn(&arn, c->d->region);
    buf_put_str(&arn, OWN_ALIAS);
    bool own = *ret_by_arn || bytes_eq_str(key, OWN_ALIAS) || bytes_eq(buf_bytes(&arn), key);
    buf_done(&arn);
    return own;
}

/* DynamoDB passes on what the key service says of a key that it does not find. */
static bool fail_no_key(struct dynamo_call *c, struct bytes key)
{
    struct buf arn;
    buf_init(&arn, /* len_max= */ 16 * 1024);
    bool alias = bytes_has_prefix(key, BYTES_LIT("alias/"));
    if (!bytes_has_prefix(key, BYTES_LIT("arn:"))) {
        put_kms_arn(&arn, c->d->region);
        buf_put_str(&arn, alias ? "" : "key/");
    }
    buf_put_bytes(&arn, key);
    (void)call_invalid(/* answers */
                       c,
                       "KMS validation error: com.amazonaws.services.kms.model.NotFoundException: "
                       "%s%.*s%s (Service: AWSKMS; Status Code: 400; Error Code: "
                       "NotFoundException)",
                       alias ? "Alias " : "Key '",
                       BYTES_FMT(buf_bytes(&arn)),
                       alias ? " is not found." : "' does not exist");
    buf_done(&arn);
    return false;
}

bool sse_check(struct dynamo_call *c, struct sse_request *r)
{
    if (r->disabled && r->type.base != NULL) {
        return call_invalid(c, INVALID_PREFIX "SSEType can not be specified if Enabled is false");
    }
    if (r->disabled && r->key.base != NULL) {
        return call_invalid(
            c, INVALID_PREFIX "KMSMasterKeyId can not be specified if Enabled is false");
    }
    if (bytes_eq_str(r->type, "AES256")) {
        return call_invalid(c, INVALID_PREFIX "SSEType AES256 is not supported");
    }
    if (r->key.base != NULL && r->type.base == NULL) {
        return call_invalid(
            c, INVALID_PREFIX "SSEType KMS is required if KMSMasterKeyId is specified");
    }
    return r->key.base == NULL || names_own_key(c, r->key, &r->key_is_arn) ||
           fail_no_key(c, r->key);
}

/* ---- of a table ---- */

bool has_sse(const struct core_table *t)
{
    return t->extra.type == VALUE_MAP && value_find(&t->extra, BYTES_LIT("sse")) != NULL;
}

enum err sse_set(struct arena *a, struct core_table *t, bool on)
{
    struct value *v = ARENA_NEW(a, struct value);
    if (v == NULL) {
        return ERR_TOO_BIG;
    }
    *v = (struct value){.type = VALUE_STRING, .bytes = BYTES_LIT("KMS")};
    return on || has_sse(t) ? extra_set(a, t, "sse", on ? v : NULL) : OK;
}

void put_sse(struct buf *b, const struct core_table *t)
{
    buf_put_str(
        b, "\"SSEDescription\":{\"Status\":\"ENABLED\",\"SSEType\":\"KMS\",\"KMSMasterKeyArn\":\"");
    put_own_key(b, t->region);
    buf_put_str(b, "\"}");
}

/* PutResourcePolicy, GetResourcePolicy and DeleteResourcePolicy. A policy is changed in the
 * writer, where its revision is known for certain; changing it leaves the table's state alone. */
#include "front/dynamo/policy.h"
#include "front/dynamo/stream.h"

struct policy_request {
    struct bytes arn;
    struct bytes table;
    uint64_t stream_ms;    /* of this stream of the table; 0: of the table */
    struct bytes text;     /* base NULL: to be deleted */
    struct bytes expected; /* ExpectedRevisionId; base NULL: whichever */
    uint64_t now_ms;
    /* out, from the writer */
    struct bytes revision; /* base NULL: there was nothing to delete */
};

/* ---- which table or stream ---- */

static bool arn_check(
    struct dynamo_call *c, struct bytes arn, struct bytes *ret_table, uint64_t *ret_stream_ms)
{
    struct buf own;
    buf_init(&own, /* len_max= */ 4096);
    put_table_arn(&own, c->d->region, BYTES_LIT(""));
    struct bytes head = buf_bytes(&own);
    struct bytes region_head = bytes_of(head.base, head.len - strlen(DYNAMO_ACCOUNT ":table/"));
    bool ours = bytes_has_prefix(arn, head);
    bool our_region = bytes_has_prefix(arn, region_head);
    struct bytes name = ours ? bytes_from(arn, head.len) : BYTES_NONE;
    buf_done(&own);
    if (!bytes_has_prefix(arn, BYTES_LIT("arn:"))) {
        return call_invalid(c, INVALID_PREFIX "ARNs must start with 'arn:': %.*s", BYTES_FMT(arn));
    }
    if (!our_region) {
        return call_invalid(c, INVALID_PREFIX "Invalid resource Arn: %.*s", BYTES_FMT(arn));
    }
    if (!ours) {
        return call_invalid(
            c,
            "This action is only supported by accounts that match the resource owner\xE2\x80\x99s "
            "account.");
    }
    if (bytes_contains(name, BYTES_LIT("/index/"))) {
        return call_invalid(
            c,
            INVALID_PREFIX "Invalid resource arn provided, only table or stream is accepted. "
                           "Provided resource arn: %.*s",
            BYTES_FMT(arn));
    }
    if (stream_arn_parse(arn, ret_table, ret_stream_ms)) {
        return true;
    }
    if (name.len == 0 || memchr(name.base, '/', name.len) != NULL) {
        return call_invalid(
            c, INVALID_PREFIX "Provided Arn is not a DynamoDB resource arn: %.*s", BYTES_FMT(arn));
    }
    *ret_table = name;
    *ret_stream_ms = 0;
    return true;
}

/* The table is there and has or had the stream last, and its policy allows this. */
static bool resource_check(struct dynamo_call *c, const struct policy_request *r)
{
    const struct core_table *t = catalog_table(c->d->view.catalog, r->table);
    if (r->stream_ms != 0 && (t == NULL || t->stream_created_ms != r->stream_ms)) {
        return fail_stream_missing(c, r->arn);
    }
    return t == NULL ? fail_table_missing(c, r->table) : policy_allows_stream(c, t, r->stream_ms);
}

/* What all three take; the resource must be there and allow it. */
static bool request_read(
    struct dynamo_call *c, const struct json *in, bool has_policy, struct policy_request *r)
{
    struct checks k = {.c = c};
    *r = (struct policy_request){.now_ms = c->now_ms};
    if (!field_string(c, in, "ResourceArn", &r->arn) ||
        !field_string(c, in, "ExpectedRevisionId", &r->expected) ||
        (has_policy && !field_string(c, in, "Policy", &r->text))) {
        return false;
    }
    check_not_null(&k, "resourceArn", r->arn.base != NULL);
    check_length(&k, "resourceArn", r->arn, 1, 1283);
    check_length(&k, "expectedRevisionId", r->expected, 1, 255);
    if (has_policy) {
        check_not_null(&k, "policy", r->text.base != NULL);
    }
    return checks_done(&k) && arn_check(c, r->arn, &r->table, &r->stream_ms) &&
           resource_check(c, r);
}

static bool not_found(struct dynamo_call *c, struct bytes arn)
{
    return call_failf(
        c,
        AWS_POLICY_NOT_FOUND,
        "Resource-based policy not found for the provided ResourceArn: %.*s",
        BYTES_FMT(arn));
}

/* ---- changes, in the writer ---- */

/* `found` NULL: there is none. */
static enum err revision_fault(
    struct table_call *t,
    const struct policy_request *r,
    bool wants_none,
    const struct policy *found)
{
    const char *head = "Resource-based policy not found for the provided ResourceArn: Requested";
    const char *kind = r->stream_ms == 0 ? "table" : "stream of table";
    if (wants_none) {
        return table_fault(
            t,
            AWS_POLICY_NOT_FOUND,
            "%s policy update expecting none to be present for %s %.*s, but a policy exists with "
            "revision id %.*s.",
            head,
            kind,
            BYTES_FMT(r->table),
            BYTES_FMT(found->revision));
    }
    struct bytes what = found == NULL ? BYTES_LIT("no policy is associated to target")
                                      : BYTES_LIT("the policy associated to target");
    return table_fault(
        t,
        AWS_POLICY_NOT_FOUND,
        "%s update for policy with revision id %.*s, but %.*s %s %.*s%s%.*s.",
        head,
        BYTES_FMT(r->expected),
        BYTES_FMT(what),
        kind,
        BYTES_FMT(r->table),
        found == NULL ? "" : " has revision id ",
        BYTES_FMT(found == NULL ? BYTES_LIT("") : found->revision));
}

static enum err change(struct table_call *t, const struct core_table *now, struct arena *a)
{
    /* The request is the call's own, so it may be answered in. */
    struct policy_request *r = (struct policy_request *)(uintptr_t)t->arg;
    struct policy old = {.text = BYTES_NONE, .revision = BYTES_NONE};
    bool has = policy_of(now, r->stream_ms, &old);
    bool wants_none = bytes_eq_str(r->expected, "NO_POLICY") && r->text.base != NULL;
    bool fits = wants_none ? !has : has && bytes_eq(r->expected, old.revision);
    if (r->expected.base != NULL && !fits) {
        return revision_fault(t, r, wants_none, has ? &old : NULL);
    }
    if (has && bytes_eq(r->text, old.text)) {
        r->revision = bytes_dup(a, old.revision); /* nothing changes */
        return r->revision.base == NULL ? ERR_TOO_BIG : OK;
    }
    if (!has && r->text.base == NULL) {
        return OK;
    }
    r->revision = bytes_fmt(a, "%llu", (unsigned long long)r->now_ms);
    if (r->revision.base == NULL) {
        return ERR_TOO_BIG;
    }
    const struct policy next = {.text = r->text, .revision = r->revision};
    return policy_set(a, &t->wanted, r->stream_ms, &next);
}

static enum dynamo_step submit(struct dynamo_call *c, const struct policy_request *r)
{
    struct table_call *t = table_call_new(c, CORE_ADMIN_UPDATE_TABLE, r->table);
    if (t == NULL) {
        return DYNAMO_ANSWER;
    }
    t->admin.settings_only = true;
    t->policy_stream_ms = r->stream_ms;
    t->build = change;
    t->arg = r;
    return table_call_submit(t);
}

/* ---- operations ---- */

/* A policy that denies its author the next one must be meant so. */
static bool lockout_check(struct dynamo_call *c, const struct policy_request *r, bool confirmed)
{
    bool denied = false;
    struct bytes resource = policy_resource(c, r->table, r->stream_ms);
    enum err err = resource.base == NULL
                       ? ERR_TOO_BIG
                       : policy_deny(c, r->text, resource, "PutResourcePolicy", &denied);
    if (err != OK) {
        return call_fail_err(c, err);
    }
    return !denied || confirmed ||
           call_invalid(
               c,
               INVALID_PREFIX "The policy would deny the caller PutResourcePolicy; set "
                              "ConfirmRemoveSelfResourceAccess to put it all the same");
}

enum dynamo_step put_policy_begin(struct dynamo_call *c, const struct json *in)
{
    bool confirmed = false;
    struct policy_request *r = ARENA_NEW(c->arena, struct policy_request);
    if (r == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
        return DYNAMO_ANSWER;
    }
    if (!field_bool(c, in, "ConfirmRemoveSelfResourceAccess", &confirmed) ||
        !request_read(c, in, true, r) || !policy_read(c, r->text, &r->text) ||
        !lockout_check(c, r, confirmed)) {
        return DYNAMO_ANSWER;
    }
    return submit(c, r);
}

enum dynamo_step delete_policy_begin(struct dynamo_call *c, const struct json *in)
{
    struct policy_request *r = ARENA_NEW(c->arena, struct policy_request);
    if (r == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
        return DYNAMO_ANSWER;
    }
    if (!request_read(c, in, false, r)) {
        return DYNAMO_ANSWER;
    }
    return submit(c, r);
}

enum dynamo_step policy_resume(struct dynamo_call *c)
{
    enum dynamo_step step;
    if (!table_call_finished(c, &step)) {
        return step;
    }
    const struct table_call *t = c->state;
    const struct policy_request *r = t->arg;
    struct buf *b = call_body(c);
    buf_put_u8(b, '{');
    if (r->revision.base != NULL) {
        buf_put_str(b, "\"RevisionId\":");
        json_put_string(b, r->revision);
    }
    buf_put_u8(b, '}');
    return call_ok(c);
}

enum dynamo_step get_policy_begin(struct dynamo_call *c, const struct json *in)
{
    struct policy_request r;
    struct policy p;
    if (!request_read(c, in, false, &r)) {
        return DYNAMO_ANSWER;
    }
    const struct core_table *t = catalog_table(c->d->view.catalog, r.table);
    if (!policy_of(t, r.stream_ms, &p)) {
        (void)not_found(c, r.arn); /* answers */
        return DYNAMO_ANSWER;
    }
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"Policy\":");
    json_put_string(b, p.text);
    buf_put_str(b, ",\"RevisionId\":");
    json_put_string(b, p.revision);
    buf_put_u8(b, '}');
    return call_ok(c);
}

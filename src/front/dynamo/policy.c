/* Resource-based policies: what one says, in the language of IAM, and whom it denies what.
 *
 * All keys belong to the one account that owns the tables, so what no policy denies is allowed, and
 * statements that allow say nothing more. A key is the user of its id:
 * arn:aws:iam::ACCOUNT:user/ID.
 *
 * A policy is kept as DynamoDB shows it: without blanks, members in a fixed order, lists of one
 * element as that element, an account's number as its root. */
#include "front/dynamo/policy.h"

#define ROOT "arn:aws:iam::" DYNAMO_ACCOUNT ":root"
#define UNBOUNDED                                                                               \
    "Resource-based policy grants unbounded access in one or more elements. Please revise the " \
    "policy to ensure least-privilege form of access"
#define BAD_POLICY INVALID_PREFIX "Invalid policy document: "

enum { POLICY_DEPTH_MAX = 16 };

/* ---- matching ---- */

static uint8_t lower(uint8_t ch)
{
    return ch >= 'A' && ch <= 'Z' ? (uint8_t)(ch + 32) : ch;
}

/* '*' is any text, '?' any byte. */
static bool wild_match(struct bytes pattern, struct bytes text, bool any_case)
{
    size_t p = 0;
    size_t t = 0;
    size_t star = SIZE_MAX; /* the last '*', and where its text began */
    size_t resume = 0;
    while (t < text.len) {
        bool one = p < pattern.len && pattern.base[p] != '*' &&
                   (pattern.base[p] == '?' || pattern.base[p] == text.base[t] ||
                    (any_case && lower(pattern.base[p]) == lower(text.base[t])));
        if (one) {
            p++;
            t++;
        } else if (p < pattern.len && pattern.base[p] == '*') {
            star = p;
            p++;
            resume = t;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            resume++;
            t = resume;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.base[p] == '*') {
        p++;
    }
    return p == pattern.len;
}

/* Whether one of the patterns, a text or a list of them, matches. */
static bool any_match(const struct json *patterns, struct bytes text, bool any_case)
{
    if (patterns->type == JSON_STRING) {
        return wild_match(patterns->text, text, any_case);
    }
    for (size_t i = 0; patterns->type == JSON_ARRAY && i < patterns->array.n; i++) {
        if (wild_match(patterns->array.items[i].text, text, any_case)) {
            return true;
        }
    }
    return false;
}

static bool is_caller(struct bytes principal, struct bytes key_id)
{
    if (bytes_eq_str(principal, "*") || bytes_eq_str(principal, DYNAMO_ACCOUNT) ||
        bytes_eq_str(principal, ROOT)) {
        return true;
    }
    struct bytes head = BYTES_LIT(POLICY_USER_HEAD);
    return bytes_has_prefix(principal, head) && bytes_eq(bytes_from(principal, head.len), key_id);
}

static bool names_caller(const struct json *principal, struct bytes key_id)
{
    const struct json *who = principal;
    if (principal->type == JSON_OBJECT) {
        who = json_find(principal, "AWS");
    }
    if (who == NULL) {
        return false;
    }
    if (who->type == JSON_STRING) {
        return is_caller(who->text, key_id);
    }
    for (size_t i = 0; who->type == JSON_ARRAY && i < who->array.n; i++) {
        if (is_caller(who->array.items[i].text, key_id)) {
            return true;
        }
    }
    return false;
}

/* "Action" or "NotAction", "Resource" or "NotResource". */
static bool element_match(
    const struct json *st, const char *name, const char *not_name, struct bytes text, bool any_case)
{
    const struct json *is = json_find(st, name);
    if (is != NULL) {
        return any_match(is, text, any_case);
    }
    const struct json *is_not = json_find(st, not_name);
    return is_not != NULL && !any_match(is_not, text, any_case);
}

/* Whether a policy that was checked denies it. */
static bool policy_says_no(
    const struct json *policy, struct bytes key_id, struct bytes action, struct bytes resource)
{
    const struct json *list = json_find(policy, "Statement");
    for (size_t i = 0; list != NULL && i < list->array.n; i++) {
        const struct json *st = &list->array.items[i];
        if (bytes_eq_str(json_find(st, "Effect")->text, "Deny") &&
            names_caller(json_find(st, "Principal"), key_id) &&
            element_match(st, "Action", "NotAction", action, true) &&
            element_match(st, "Resource", "NotResource", resource, false)) {
            return true;
        }
    }
    return false;
}

/* ---- reading ---- */

static bool text_or_texts(const struct json *j)
{
    if (j->type == JSON_STRING) {
        return true;
    }
    for (size_t i = 0; j->type == JSON_ARRAY && i < j->array.n; i++) {
        if (j->array.items[i].type != JSON_STRING) {
            return false;
        }
    }
    return j->type == JSON_ARRAY && j->array.n > 0;
}

static bool missing(struct dynamo_call *c, const char *name)
{
    return call_invalid(c, BAD_POLICY "Missing required field %s", name);
}

static bool malformed(struct dynamo_call *c, const char *name)
{
    return call_invalid(c, BAD_POLICY "Invalid %s", name);
}

/* "Action", "Resource": one of the two forms, a text or a list. */
static bool element_check(
    struct dynamo_call *c, const struct json *st, const char *name, const char *not_name)
{
    const struct json *j = json_find(st, name);
    const struct json *is_not = json_find(st, not_name);
    if (j == NULL && is_not == NULL) {
        return missing(c, name);
    }
    if (j != NULL && is_not != NULL) {
        return malformed(c, name);
    }
    return text_or_texts(j != NULL ? j : is_not) || malformed(c, name);
}

static bool is_any(const struct json *j)
{
    return j->type == JSON_STRING && bytes_eq_str(j->text, "*");
}

/* {"AWS": ..}, {"Service": ..} or both. A service is none of our callers. */
static bool principals_form(const struct json *j)
{
    for (size_t i = 0; i < j->object.n; i++) {
        const struct json_member *m = &j->object.members[i];
        bool known = bytes_eq_str(m->name, "AWS") || bytes_eq_str(m->name, "Service");
        if (!known || !text_or_texts(&m->value)) {
            return false;
        }
    }
    return j->object.n > 0;
}

static bool principal_check(struct dynamo_call *c, const struct json *st, bool allow)
{
    const struct json *j = json_find(st, "Principal");
    if (j == NULL) {
        return missing(c, "Principal");
    }
    const struct json *who = j->type == JSON_OBJECT ? json_find(j, "AWS") : j;
    if (j->type == JSON_OBJECT ? !principals_form(j) : !is_any(j)) {
        return call_invalid(c, INVALID_PREFIX "Invalid principal in policy document.");
    }
    bool bounded = who == NULL || !is_any(who) || json_find(st, "Condition") != NULL;
    return !allow || bounded || call_invalid(c, UNBOUNDED);
}

static bool effect_check(struct dynamo_call *c, const struct json *st, bool *ret_allow)
{
    const struct json *j = json_find(st, "Effect");
    if (j == NULL) {
        return missing(c, "Effect");
    }
    *ret_allow = j->type == JSON_STRING && wild_match(j->text, BYTES_LIT("Allow"), true);
    bool deny = j->type == JSON_STRING && wild_match(j->text, BYTES_LIT("Deny"), true);
    return *ret_allow || deny || malformed(c, "Effect");
}

/* {operator: {key: value or list of values}} */
static bool condition_form(const struct json *j)
{
    for (size_t i = 0; j->type == JSON_OBJECT && i < j->object.n; i++) {
        if (j->object.members[i].value.type != JSON_OBJECT) {
            return false;
        }
    }
    return j->type == JSON_OBJECT;
}

/* Members whose meaning would be lost: what is allowed only under a condition is allowed anyway,
 * and so its condition is no more than kept; what is denied under one would be denied too often. */
static bool members_check(struct dynamo_call *c, const struct json *st, bool allow)
{
    static const char *const known[] = {
        "Sid",
        "Effect",
        "Principal",
        "Action",
        "NotAction",
        "Resource",
        "NotResource",
        "Condition"};
    for (size_t i = 0; i < st->object.n; i++) {
        struct bytes name = st->object.members[i].name;
        bool is_known = false;
        for (size_t k = 0; k < sizeof known / sizeof known[0]; k++) {
            is_known = is_known || bytes_eq_str(name, known[k]);
        }
        bool is_condition = bytes_eq_str(name, "Condition");
        if ((is_condition && !allow) || bytes_eq_str(name, "NotPrincipal")) {
            return call_invalid(
                c, BAD_POLICY "%.*s is not supported by this server", BYTES_FMT(name));
        }
        if (!is_known) {
            return call_invalid(c, BAD_POLICY "Unknown field %.*s", BYTES_FMT(name));
        }
        if (is_condition && !condition_form(&st->object.members[i].value)) {
            return malformed(c, "Condition");
        }
    }
    return true;
}

static bool statement_check(struct dynamo_call *c, const struct json *st)
{
    bool allow = false;
    if (st->type != JSON_OBJECT) {
        return malformed(c, "Statement");
    }
    const struct json *sid = json_find(st, "Sid");
    return effect_check(c, st, &allow) && members_check(c, st, allow) &&
           principal_check(c, st, allow) && element_check(c, st, "Action", "NotAction") &&
           element_check(c, st, "Resource", "NotResource") &&
           (sid == NULL || sid->type == JSON_STRING || malformed(c, "Sid"));
}

static bool sids_check(struct dynamo_call *c, const struct json *list)
{
    for (size_t i = 0; i < list->array.n; i++) {
        const struct json *a = json_find(&list->array.items[i], "Sid");
        for (size_t k = 0; a != NULL && k < i; k++) {
            const struct json *b = json_find(&list->array.items[k], "Sid");
            if (b != NULL && bytes_eq(a->text, b->text)) {
                return call_invalid(
                    c, BAD_POLICY "Statement IDs (SID) in a single policy must be unique.");
            }
        }
    }
    return true;
}

/* The statements as a list. */
static bool statements_check(struct dynamo_call *c, const struct json *j, struct json *ret)
{
    if (j == NULL) {
        return missing(c, "Statement");
    }
    *ret = j->type == JSON_OBJECT ? (struct json){.type = JSON_ARRAY, .array = {j, 1}} : *j;
    if (ret->type != JSON_ARRAY) {
        return malformed(c, "Statement");
    }
    if (ret->array.n == 0) {
        return call_invalid(c, BAD_POLICY "Could not parse the policy: Statement is empty!");
    }
    for (size_t i = 0; i < ret->array.n; i++) {
        if (!statement_check(c, &ret->array.items[i])) {
            return false;
        }
    }
    return sids_check(c, ret);
}

/* ---- writing ---- */

static void put_text(struct buf *b, struct bytes text)
{
    json_put_string(b, bytes_eq_str(text, DYNAMO_ACCOUNT) ? BYTES_LIT(ROOT) : text);
}

/* `,"name":` and a text or a list; nothing when it is not there. */
static void put_element(struct buf *b, const struct json *st, const char *name)
{
    const struct json *j = json_find(st, name);
    if (j == NULL) {
        return;
    }
    buf_putf(b, ",\"%s\":", name);
    if (j->type == JSON_STRING) {
        put_text(b, j->text);
        return;
    }
    bool list = j->array.n > 1;
    buf_put_str(b, list ? "[" : "");
    for (size_t i = 0; i < j->array.n; i++) {
        buf_put_str(b, i == 0 ? "" : ",");
        put_text(b, j->array.items[i].text);
    }
    buf_put_str(b, list ? "]" : "");
}

static void put_statement(struct buf *b, const struct json *st)
{
    const struct json *sid = json_find(st, "Sid");
    const struct json *principal = json_find(st, "Principal");
    bool allow = wild_match(json_find(st, "Effect")->text, BYTES_LIT("Allow"), true);
    buf_put_u8(b, '{');
    if (sid != NULL) {
        buf_put_str(b, "\"Sid\":");
        json_put_string(b, sid->text);
        buf_put_u8(b, ',');
    }
    buf_putf(b, "\"Effect\":\"%s\",\"Principal\":", allow ? "Allow" : "Deny");
    if (principal->type == JSON_STRING) {
        json_put_string(b, principal->text);
    } else {
        struct buf who;
        buf_init(&who, /* len_max= */ 64 * 1024);
        put_element(&who, principal, "AWS");
        put_element(&who, principal, "Service");
        buf_put_u8(b, '{');
        buf_put_bytes(b, bytes_from(buf_bytes(&who), 1)); /* without the comma */
        buf_put_u8(b, '}');
        buf_done(&who);
    }
    put_element(b, st, "Action");
    put_element(b, st, "NotAction");
    put_element(b, st, "Resource");
    put_element(b, st, "NotResource");
    const struct json *condition = json_find(st, "Condition");
    if (condition != NULL) {
        buf_put_str(b, ",\"Condition\":");
        json_put(b, condition);
    }
    buf_put_u8(b, '}');
}

bool policy_read(struct dynamo_call *c, struct bytes text, struct bytes *ret)
{
    struct json policy;
    struct json list = {.type = JSON_NULL};
    if (text.len > POLICY_BYTES_MAX) {
        return call_invalid(
            c, INVALID_PREFIX "Maximum policy size of %d bytes exceeded", POLICY_BYTES_MAX);
    }
    enum err err = json_parse(c->d->parser, c->arena, text, POLICY_DEPTH_MAX, &policy);
    if (err == ERR_TOO_BIG) {
        return call_fail_err(c, err);
    }
    if (err != OK || policy.type != JSON_OBJECT) {
        return call_invalid(c, BAD_POLICY "This policy contains invalid Json");
    }
    const struct json *version = json_find(&policy, "Version");
    if (version != NULL &&
        (version->type != JSON_STRING || !enum_has("2008-10-17, 2012-10-17", version->text))) {
        return malformed(c, "Version");
    }
    if (!statements_check(c, json_find(&policy, "Statement"), &list)) {
        return false;
    }
    struct buf b;
    buf_init(&b, /* len_max= */ 256 * 1024);
    buf_put_str(&b, "{\"Version\":");
    json_put_string(&b, version == NULL ? BYTES_LIT("2008-10-17") : version->text);
    buf_put_str(&b, ",\"Statement\":[");
    for (size_t i = 0; i < list.array.n; i++) {
        buf_put_str(&b, i == 0 ? "" : ",");
        put_statement(&b, &list.array.items[i]);
    }
    buf_put_str(&b, "]}");
    *ret = bytes_dup(c->arena, buf_bytes(&b));
    buf_done(&b);
    return ret->base != NULL || call_fail_err(c, ERR_TOO_BIG);
}

/* ---- asking ---- */

enum err policy_deny(
    struct dynamo_call *c, struct bytes policy, struct bytes resource, const char *op, bool *ret)
{
    struct bytes action = bytes_fmt(c->arena, "dynamodb:%s", op);
    /* Not the thread's own parser: in the writer it is another thread's. */
    struct json_parser *parser = json_parser_new();
    struct json parsed;
    enum err err = json_parse(parser, c->arena, policy, POLICY_DEPTH_MAX, &parsed);
    if (err == OK && action.base != NULL) {
        *ret = policy_says_no(&parsed, c->access_key, action, resource);
    }
    json_parser_free(parser);
    return err == OK && action.base == NULL ? ERR_TOO_BIG : err;
}

/* TagResource, UntagResource and ListTagsOfResource. Tags belong to a region's table; changing
 * them is possible in any state of the table and leaves the state alone. */
#include "front/dynamo/table_admin.h"

struct untag_request {
    struct bytes *keys;
    size_t n;
};

/* ---- which table ---- */

/* ResourceArn, which must be a table's of this region. */
static bool resource_field(struct dynamo_call *c, const struct json *in, struct bytes *ret_arn)
{
    if (!field_string(c, in, "ResourceArn", ret_arn)) {
        return false;
    }
    if (ret_arn->base == NULL) {
        return call_invalid(c, "Invalid TableArn");
    }
    if (!bytes_has_prefix(*ret_arn, BYTES_LIT("arn:"))) {
        return call_invalid(
            c, INVALID_PREFIX "ARNs must start with 'arn:': %.*s", BYTES_FMT(*ret_arn));
    }
    if (!bytes_has_prefix(*ret_arn, BYTES_LIT("arn:aws:dynamodb:"))) {
        return call_invalid(
            c,
            INVALID_PREFIX "Provided Arn is not a DynamoDB resource arn: %.*s",
            BYTES_FMT(*ret_arn));
    }
    return true;
}

static bool resource_name(struct dynamo_call *c, struct bytes arn, struct bytes *ret)
{
    struct buf own;
    buf_init(&own, /* len_max= */ 4096);
    put_table_arn(&own, c->d->region, BYTES_LIT(""));
    bool ours = bytes_has_prefix(arn, buf_bytes(&own));
    struct bytes name = ours ? bytes_from(arn, own.len) : BYTES_NONE;
    buf_done(&own);
    if (name.len > 0 && memchr(name.base, '/', name.len) != NULL) {
        return call_invalid(
            c,
            INVALID_PREFIX "Invalid resource arn provided, only table or stream is accepted. "
                           "Provided resource arn: %.*s",
            BYTES_FMT(arn));
    }
    if (name.len == 0) {
        return call_invalid(
            c, "Invalid TableArn: Invalid ResourceArn provided as input %.*s", BYTES_FMT(arn));
    }
    const struct core_table *t = catalog_table(c->d->view.catalog, name);
    if (t == NULL) {
        return call_failf(
            c,
            AWS_RESOURCE_NOT_FOUND,
            "Requested resource not found: ResourceArn: %.*s not found",
            BYTES_FMT(arn));
    }
    *ret = name;
    return policy_allows(c, t);
}

/* ---- changes, in the writer ---- */

static size_t tag_at(const struct core_tag *tags, size_t n, struct bytes key)
{
    size_t i = 0;
    while (i < n && !bytes_eq(tags[i].key, key)) {
        i++;
    }
    return i;
}

static enum err add_tags(struct table_call *t, const struct core_table *now, struct arena *a)
{
    const struct tag_list *add = t->arg;
    struct core_tag *tags = ARENA_ARRAY(a, struct core_tag, now->n_tags + add->n);
    if (tags == NULL) {
        return ERR_TOO_BIG;
    }
    size_t n = now->n_tags;
    for (size_t i = 0; i < n; i++) {
        tags[i] = t->wanted.tags[i];
    }
    for (size_t i = 0; i < add->n; i++) {
        size_t at = tag_at(tags, n, add->items[i].key);
        tags[at] = add->items[i];
        n += at == n ? 1 : 0;
    }
    if (n > CORE_TAGS_MAX) {
        return table_fault_invalid(t, TOO_MANY_TAGS);
    }
    t->wanted.tags = tags;
    t->wanted.n_tags = n;
    return OK;
}

static enum err drop_tags(struct table_call *t, const struct core_table *now, struct arena *a)
{
    const struct untag_request *r = t->arg;
    struct core_tag *tags = ARENA_ARRAY(a, struct core_tag, now->n_tags);
    if (tags == NULL) {
        return ERR_TOO_BIG;
    }
    size_t n = 0;
    for (size_t i = 0; i < now->n_tags; i++) {
        if (!bytes_is_listed(r->keys, r->n, t->wanted.tags[i].key)) {
            tags[n++] = t->wanted.tags[i];
        }
    }
    t->wanted.tags = tags;
    t->wanted.n_tags = n;
    return OK;
}

/* ---- operations ---- */

static enum dynamo_step submit(
    struct dynamo_call *c,
    struct bytes name,
    enum err (*build)(struct table_call *t, const struct core_table *now, struct arena *a),
    const void *arg)
{
    struct table_call *t = table_call_new(c, CORE_ADMIN_UPDATE_TABLE, name);
    if (t == NULL) {
        return DYNAMO_ANSWER;
    }
    t->admin.settings_only = true;
    t->build = build;
    t->arg = arg;
    return table_call_submit(t);
}

enum dynamo_step tag_begin(struct dynamo_call *c, const struct json *in)
{
    struct bytes arn;
    struct bytes name;
    struct tag_list *tags = ARENA_NEW(c->arena, struct tag_list);
    if (tags == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
        return DYNAMO_ANSWER;
    }
    if (!read_tags(c, in, tags) || !resource_field(c, in, &arn)) {
        return DYNAMO_ANSWER;
    }
    struct checks k = {.c = c};
    check_not_null(&k, "tags", tags->present);
    if (!checks_done(&k)) {
        return DYNAMO_ANSWER;
    }
    if (tags->n == 0) {
        (void)call_invalid(c, "Atleast one Tag needs to be provided as Input."); /* answers */
        return DYNAMO_ANSWER;
    }
    if (!tags_check(c, tags) || !resource_name(c, arn, &name)) {
        return DYNAMO_ANSWER;
    }
    return submit(c, name, add_tags, tags);
}

static bool read_tag_keys(struct dynamo_call *c, const struct json *in, struct untag_request *r)
{
    const struct json *list;
    struct checks k = {.c = c};
    if (!field_list(c, in, "TagKeys", &list)) {
        return false;
    }
    check_not_null(&k, "tagKeys", list != NULL);
    if (list == NULL) {
        return checks_done(&k);
    }
    r->n = list->array.n;
    r->keys = ARENA_ARRAY(c->arena, struct bytes, r->n);
    if (r->keys == NULL) {
        return call_fail_err(c, ERR_TOO_BIG);
    }
    for (size_t i = 0; i < r->n; i++) {
        if (!json_as_string(c, &list->array.items[i], &r->keys[i])) {
            return false;
        }
    }
    return true;
}

enum dynamo_step untag_begin(struct dynamo_call *c, const struct json *in)
{
    struct bytes arn;
    struct bytes name;
    struct untag_request *r = ARENA_NEW(c->arena, struct untag_request);
    if (r == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
        return DYNAMO_ANSWER;
    }
    if (!resource_field(c, in, &arn) || !read_tag_keys(c, in, r)) {
        return DYNAMO_ANSWER;
    }
    if (r->n == 0) {
        (void)call_invalid(c, "Atleast one Tag Key needs to be provided as Input.");
        return DYNAMO_ANSWER;
    }
    if (r->n > CORE_TAGS_MAX) {
        (void)call_invalid(c, TOO_MANY_TAGS); /* answers */
        return DYNAMO_ANSWER;
    }
    for (size_t i = 0; i < r->n; i++) {
        if (!tag_key_check(c, r->keys[i])) {
            return DYNAMO_ANSWER;
        }
    }
    if (!resource_name(c, arn, &name)) {
        return DYNAMO_ANSWER;
    }
    return submit(c, name, drop_tags, r);
}

enum dynamo_step tags_resume(struct dynamo_call *c)
{
    enum dynamo_step step;
    if (!table_call_finished(c, &step)) {
        return step;
    }
    (void)call_body(c); /* the answer has none */
    return call_ok(c);
}

enum dynamo_step list_tags_begin(struct dynamo_call *c, const struct json *in)
{
    struct bytes arn;
    struct bytes name;
    struct bytes token;
    if (!field_string(c, in, "NextToken", &token) || !resource_field(c, in, &arn) ||
        !resource_name(c, arn, &name)) {
        return DYNAMO_ANSWER;
    }
    /* All tags come at once, so no token was ever given out; DynamoDB ignores those it did not
     * give. */
    const struct core_table *t = catalog_table(c->d->view.catalog, name);
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"Tags\":[");
    for (size_t i = 0; i < t->n_tags; i++) {
        buf_put_str(b, i == 0 ? "{\"Key\":" : ",{\"Key\":");
        json_put_string(b, t->tags[i].key);
        buf_put_str(b, ",\"Value\":");
        json_put_string(b, t->tags[i].value);
        buf_put_u8(b, '}');
    }
    buf_put_str(b, "]}");
    return call_ok(c);
}

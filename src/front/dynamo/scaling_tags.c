/* Application Auto Scaling for DynamoDB: tags of scalable targets. They are kept with the target,
 * in the table's row, and mean nothing here. */
#include "front/dynamo/scaling_api.h"

enum { TAGS_MAX = 50, KEY_CHARS_MAX = 128, VALUE_CHARS_MAX = 256, ARN_MAX = 1011 };

struct tags_request {
    struct bytes arn;
    struct bytes id; /* the target's */
    struct bytes table;
    struct value tags;  /* to set */
    struct bytes *keys; /* to drop */
    size_t n_keys;
};

/* ---- the request ---- */

static bool tag_check(struct dynamo_call *c, struct bytes key, struct bytes value)
{
    size_t chars = utf8_length(key);
    if (chars < 1 || chars > KEY_CHARS_MAX || bytes_has_prefix(key, BYTES_LIT("aws:"))) {
        return call_invalid(c, "The tag key %.*s is not valid", BYTES_FMT(key));
    }
    return utf8_length(value) <= VALUE_CHARS_MAX ||
           call_invalid(c, "The value of tag %.*s is too long", BYTES_FMT(key));
}

bool scaling_tags_read(struct dynamo_call *c, const struct json *in, struct value *ret)
{
    const struct json *map;
    *ret = (struct value){.type = VALUE_NULL};
    if (!field_map(c, in, "Tags", "String", &map)) {
        return false;
    }
    if (map == NULL) {
        return true;
    }
    *ret = (struct value){.type = VALUE_MAP};
    for (size_t i = 0; i < map->object.n; i++) {
        struct value *v = ARENA_NEW(c->arena, struct value);
        struct bytes key = map->object.members[i].name;
        struct value next;
        if (v == NULL) {
            return call_fail_err(c, ERR_TOO_BIG);
        }
        v->type = VALUE_STRING;
        if (!json_as_string(c, &map->object.members[i].value, &v->bytes) ||
            !tag_check(c, key, v->bytes)) {
            return false;
        }
        if (value_with(c->arena, ret, key, v, &next) != OK) {
            return call_fail_err(c, ERR_TOO_BIG);
        }
        *ret = next;
    }
    return ret->map.n <= TAGS_MAX ||
           call_fail(c, AWS_TOO_MANY_TAGS, BYTES_LIT("A scalable target can have 50 tags at most"));
}

static bool no_resource(struct dynamo_call *c, struct bytes arn)
{
    return call_failf(
        c, AWS_RESOURCE_NOT_FOUND, "The specified resource doesn't exist: %.*s", BYTES_FMT(arn));
}

static bool find_by_id(const struct core_table *t, struct bytes id, struct scaling_target *ret)
{
    for (size_t i = 0; scaling_at(t, i, ret); i++) {
        if (bytes_eq(ret->id, id)) {
            return true;
        }
    }
    return false;
}

/* ResourceARN, and the target that has it. */
static bool resource_read(
    struct dynamo_call *c,
    struct checks *k,
    const struct json *in,
    struct tags_request *r,
    struct scaling_target *ret)
{
    if (!field_string(c, in, "ResourceARN", &r->arn)) {
        return false;
    }
    check_not_null(k, "resourceARN", r->arn.base != NULL);
    check_length(k, "resourceARN", r->arn, 1, ARN_MAX);
    if (!checks_done(k)) {
        return false;
    }
    struct buf head;
    buf_init(&head, 4096);
    scaling_put_target_arn(&head, c->d->region, BYTES_LIT(""));
    bool ours = bytes_has_prefix(r->arn, buf_bytes(&head));
    r->id = ours ? bytes_from(r->arn, head.len) : BYTES_LIT("");
    buf_done(&head);
    const struct core_table *t = catalog_table_after(c->d->view.catalog, BYTES_NONE);
    while (ours && t != NULL) {
        if (find_by_id(t, r->id, ret)) {
            r->table = bytes_dup(c->arena, t->part.name);
            return r->table.base != NULL || call_fail_err(c, ERR_TOO_BIG);
        }
        t = catalog_table_after(c->d->view.catalog, t->part.name);
    }
    return no_resource(c, r->arn);
}

/* ---- in the writer ---- */

static enum err gone(struct table_call *t, const struct tags_request *r)
{
    return table_fault(
        t, AWS_RESOURCE_NOT_FOUND, "The specified resource doesn't exist: %.*s", BYTES_FMT(r->arn));
}

/* The target that is meant, and its tags to be changed. */
static enum err take_up(
    struct table_call *t,
    const struct core_table *now,
    struct arena *a,
    struct scaling_target *ret,
    struct value **ret_tags)
{
    const struct tags_request *r = t->arg;
    if (!find_by_id(now, r->id, ret)) {
        return gone(t, r);
    }
    *ret_tags = ARENA_NEW(a, struct value);
    if (*ret_tags == NULL) {
        return ERR_TOO_BIG;
    }
    **ret_tags = ret->tags == NULL ? (struct value){.type = VALUE_MAP} : *ret->tags;
    return OK;
}

static enum err put_back(
    struct table_call *t, struct arena *a, struct scaling_target *x, const struct value *tags)
{
    x->tags = tags->map.n == 0 ? NULL : tags;
    return scaling_put(a, &t->wanted, x);
}

static enum err add_tags(struct table_call *t, const struct core_table *now, struct arena *a)
{
    const struct tags_request *r = t->arg;
    struct scaling_target x;
    struct value *tags;
    enum err e = take_up(t, now, a, &x, &tags);
    for (size_t i = 0; i < r->tags.map.n && e == OK; i++) {
        struct value next;
        const struct member *m = &r->tags.map.members[i];
        e = value_with(a, tags, m->name, &m->value, &next);
        if (e == OK) {
            *tags = next;
        }
    }
    if (e != OK) {
        return e;
    }
    if (tags->map.n > TAGS_MAX) {
        return table_fault(t, AWS_TOO_MANY_TAGS, "A scalable target can have 50 tags at most");
    }
    return put_back(t, a, &x, tags);
}

static enum err drop_tags(struct table_call *t, const struct core_table *now, struct arena *a)
{
    const struct tags_request *r = t->arg;
    struct scaling_target x;
    struct value *tags;
    enum err e = take_up(t, now, a, &x, &tags);
    for (size_t i = 0; i < r->n_keys && e == OK; i++) {
        struct value next;
        e = value_with(a, tags, r->keys[i], NULL, &next);
        if (e == OK) {
            *tags = next;
        }
    }
    return e == OK ? put_back(t, a, &x, tags) : e;
}

/* ---- the calls ---- */

static struct tags_request *request_new(struct dynamo_call *c)
{
    struct tags_request *r = ARENA_NEW(c->arena, struct tags_request);
    if (r == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
    }
    return r;
}

static enum dynamo_step submit(
    struct dynamo_call *c,
    const struct tags_request *r,
    enum err (*build)(struct table_call *t, const struct core_table *now, struct arena *a))
{
    struct table_call *t = table_call_new(c, CORE_ADMIN_UPDATE_TABLE, r->table);
    if (t == NULL) {
        return DYNAMO_ANSWER;
    }
    t->admin.settings_only = true;
    t->build = build;
    t->arg = r;
    return table_call_submit(t);
}

enum dynamo_step scaling_tag_begin(struct dynamo_call *c, const struct json *in)
{
    struct checks k = {.c = c};
    struct scaling_target x;
    struct tags_request *r = request_new(c);
    if (r == NULL || !scaling_tags_read(c, in, &r->tags)) {
        return DYNAMO_ANSWER;
    }
    check_not_null(&k, "tags", r->tags.type == VALUE_MAP);
    return resource_read(c, &k, in, r, &x) ? submit(c, r, add_tags) : DYNAMO_ANSWER;
}

enum dynamo_step scaling_untag_begin(struct dynamo_call *c, const struct json *in)
{
    struct checks k = {.c = c};
    struct scaling_target x;
    const struct json *list;
    struct tags_request *r = request_new(c);
    if (r == NULL || !field_list(c, in, "TagKeys", &list)) {
        return DYNAMO_ANSWER;
    }
    check_not_null(&k, "tagKeys", list != NULL);
    size_t n = list == NULL ? 0 : list->array.n;
    r->keys = ARENA_ARRAY(c->arena, struct bytes, n);
    if (r->keys == NULL) {
        (void)call_fail_err(c, ERR_TOO_BIG); /* answers */
        return DYNAMO_ANSWER;
    }
    for (; r->n_keys < n; r->n_keys++) {
        if (!json_as_string(c, &list->array.items[r->n_keys], &r->keys[r->n_keys])) {
            return DYNAMO_ANSWER;
        }
    }
    return resource_read(c, &k, in, r, &x) ? submit(c, r, drop_tags) : DYNAMO_ANSWER;
}

enum dynamo_step scaling_tags_resume(struct dynamo_call *c)
{
    enum dynamo_step step;
    if (!table_call_finished(c, &step)) {
        return step;
    }
    buf_put_str(call_body(c), "{}");
    return call_ok(c);
}

enum dynamo_step scaling_list_tags_begin(struct dynamo_call *c, const struct json *in)
{
    struct checks k = {.c = c};
    struct tags_request r = {0};
    struct scaling_target x;
    if (!resource_read(c, &k, in, &r, &x)) {
        return DYNAMO_ANSWER;
    }
    struct buf *b = call_body(c);
    buf_put_str(b, "{\"Tags\":{");
    for (size_t i = 0; x.tags != NULL && i < x.tags->map.n; i++) {
        buf_put_str(b, i == 0 ? "" : ",");
        json_put_string(b, x.tags->map.members[i].name);
        buf_put_u8(b, ':');
        json_put_string(b, x.tags->map.members[i].value.bytes);
    }
    buf_put_str(b, "}}");
    return call_ok(c);
}

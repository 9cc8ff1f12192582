/* Item collections in answers: which one a write touched, and the gigabyte in which its size lies.
 */
#include "front/dynamo/dynamo_internal.h"

bool field_metrics(struct dynamo_call *c, struct checks *k, const struct json *in, bool *ret)
{
    struct bytes text;
    if (!field_string(c, in, "ReturnItemCollectionMetrics", &text)) {
        return false;
    }
    check_enum(k, "returnItemCollectionMetrics", text, "SIZE, NONE");
    *ret = bytes_eq_str(text, "SIZE");
    return true;
}

bool collection_of(
    struct arena *a, const struct core_table *t, const struct value *attrs, struct collection *ret)
{
    *ret = (struct collection){.key = BYTES_NONE};
    bool any = false;
    for (size_t i = 0; i < t->n_indexes; i++) {
        any = any || t->indexes[i].part.local;
    }
    if (!any) {
        return true;
    }
    const struct value *v = value_find(attrs, t->part.keys.hash.name);
    ASSERT(v != NULL);
    ret->key = bytes_dup(a, t->part.keys.hash.name);
    ret->value = *v;
    return ret->key.base != NULL;
}

void collection_put(struct buf *b, const struct collection *m, uint64_t bytes)
{
    unsigned long long gb = (unsigned long long)(bytes >> 30);
    buf_put_str(b, "{\"ItemCollectionKey\":{");
    json_put_string(b, m->key);
    buf_put_u8(b, ':');
    attr_put(b, &m->value);
    buf_putf(b, "},\"SizeEstimateRangeGB\":[%llu.0,%llu.0]}", gb, gb + 1);
}

bool fail_collection_too_large(struct dynamo_call *c)
{
    return call_fail(c, AWS_COLLECTION_TOO_LARGE, BYTES_LIT("Collection size exceeded."));
}

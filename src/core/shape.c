/* Copies and comparisons of what the catalog holds.
 *
 * Invariant: a copy shares no memory with its original. */
#include "core/rows.h"

/* Copies slices into one arena; sticky, so that a struct is copied straight down. */
struct copier {
    struct arena *a;
    bool full;
};

static struct bytes copy_bytes(struct copier *c, struct bytes b)
{
    if (b.base == NULL || c->full) {
        return BYTES_NONE;
    }
    struct bytes copy = bytes_dup(c->a, b);
    if (copy.base == NULL && b.len > 0) {
        c->full = true;
    }
    return copy;
}

static const struct bytes *copy_list(struct copier *c, const struct bytes *from, size_t n)
{
    struct bytes *list = ARENA_ARRAY(c->a, struct bytes, n);
    if (list == NULL) {
        c->full = true;
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        list[i] = copy_bytes(c, from[i]);
    }
    return list;
}

enum err bytes_array_copy(
    struct arena *a, const struct bytes *from, size_t n, const struct bytes **ret)
{
    struct copier c = {.a = a};
    const struct bytes *list = copy_list(&c, from, n);
    if (c.full) {
        return ERR_TOO_BIG;
    }
    *ret = list;
    return OK;
}

static const struct expr_key_attr *copy_attrs(
    struct copier *c, const struct expr_key_attr *from, size_t n)
{
    struct expr_key_attr *attrs = ARENA_ARRAY(c->a, struct expr_key_attr, n);
    if (attrs == NULL) {
        c->full = true;
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        attrs[i] = (struct expr_key_attr){copy_bytes(c, from[i].name), from[i].type};
    }
    return attrs;
}

static struct expr_key_schema copy_keys(struct copier *c, const struct expr_key_schema *keys)
{
    struct expr_key_schema copy = *keys;
    copy.hash.name = copy_bytes(c, keys->hash.name);
    copy.range.name = copy_bytes(c, keys->range.name);
    if (keys->more != NULL) {
        copy.more = copy_attrs(c, keys->more, (size_t)keys->n_more_hash + keys->n_more_range);
    }
    return copy;
}

static struct value copy_value(struct copier *c, const struct value *v)
{
    struct value copy = {.type = VALUE_MAP};
    if (!c->full && v->type == VALUE_MAP && value_dup(c->a, v, &copy) != OK) {
        c->full = true;
    }
    return copy;
}

static const struct core_index *copy_indexes(
    struct copier *c, const struct core_index *from, size_t n)
{
    struct core_index *indexes = ARENA_ARRAY(c->a, struct core_index, n);
    if (indexes == NULL) {
        c->full = true;
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        indexes[i] = from[i];
        indexes[i].part.name = copy_bytes(c, from[i].part.name);
        indexes[i].part.keys = copy_keys(c, &from[i].part.keys);
        indexes[i].part.include = copy_list(c, from[i].part.include, from[i].part.n_include);
    }
    return indexes;
}

static const struct core_tag *copy_tags(struct copier *c, const struct core_tag *from, size_t n)
{
    struct core_tag *tags = ARENA_ARRAY(c->a, struct core_tag, n);
    if (tags == NULL) {
        c->full = true;
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        tags[i] = (struct core_tag){copy_bytes(c, from[i].key), copy_bytes(c, from[i].value)};
    }
    return tags;
}

void table_keep_images(struct core_table *t)
{
    t->part.keep_old_images = t->stream == CORE_STREAM_OLD_IMAGE ||
                              t->stream == CORE_STREAM_NEW_AND_OLD_IMAGES || t->pitr_since_ms != 0;
}

enum err table_settle(struct arena *a, struct core_table *t)
{
    struct part_index *indexes = ARENA_ARRAY(a, struct part_index, t->n_indexes);
    if (indexes == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < t->n_indexes; i++) {
        indexes[i] = t->indexes[i].part;
        indexes[i].building = t->indexes[i].status == CORE_CREATING;
    }
    t->part.indexes = indexes;
    t->part.n_indexes = t->n_indexes;
    t->part.streamed = t->stream != CORE_STREAM_NONE;
    table_keep_images(t);
    return OK;
}

enum err table_copy(struct arena *a, const struct core_table *t, struct core_table *ret)
{
    struct copier c = {.a = a};
    struct core_table copy = *t;
    copy.part.name = copy_bytes(&c, t->part.name);
    copy.part.keys = copy_keys(&c, &t->part.keys);
    copy.part.ttl = copy_bytes(&c, t->part.ttl);
    copy.region = copy_bytes(&c, t->region);
    copy.uuid = copy_bytes(&c, t->uuid);
    copy.attrs = copy_attrs(&c, t->attrs, t->n_attrs);
    copy.indexes = copy_indexes(&c, t->indexes, t->n_indexes);
    copy.table_class = copy_bytes(&c, t->table_class);
    copy.tags = copy_tags(&c, t->tags, t->n_tags);
    copy.extra = copy_value(&c, &t->extra);
    if (c.full || table_settle(a, &copy) != OK) {
        return ERR_TOO_BIG;
    }
    *ret = copy;
    return OK;
}

struct core_table *core_table_dup(struct arena *a, const struct core_table *t)
{
    struct core_table *copy = ARENA_NEW(a, struct core_table);
    if (copy == NULL || table_copy(a, t, copy) != OK) {
        return NULL;
    }
    return copy;
}

enum err group_row_copy(struct arena *a, const struct group_row *g, struct group_row *ret)
{
    struct copier c = {.a = a};
    struct group_row copy = *g;
    copy.source = copy_bytes(&c, g->source);
    if (c.full || table_copy(a, &g->shape, &copy.shape) != OK) {
        return ERR_TOO_BIG;
    }
    *ret = copy;
    return OK;
}

enum err replica_row_copy(struct arena *a, const struct replica_row *r, struct replica_row *ret)
{
    struct copier c = {.a = a};
    struct replica_row copy = *r;
    copy.replica.region = copy_bytes(&c, r->replica.region);
    copy.replica.extra = copy_value(&c, &r->replica.extra);
    copy.known = copy_list(&c, r->known, r->n_known);
    if (c.full) {
        return ERR_TOO_BIG;
    }
    *ret = copy;
    return OK;
}

static bool attr_equal(const struct expr_key_attr *a, const struct expr_key_attr *b)
{
    return bytes_eq(a->name, b->name) && (a->name.len == 0 || a->type == b->type);
}

bool keys_equal(const struct expr_key_schema *a, const struct expr_key_schema *b)
{
    if (a->n_more_hash != b->n_more_hash || a->n_more_range != b->n_more_range) {
        return false;
    }
    bool equal = attr_equal(&a->hash, &b->hash) && attr_equal(&a->range, &b->range);
    size_t n_more = (size_t)a->n_more_hash + a->n_more_range;
    for (size_t i = 0; i < n_more && equal; i++) {
        equal = attr_equal(&a->more[i], &b->more[i]);
    }
    return equal;
}

bool bytes_listed(const struct bytes *list, size_t n, struct bytes name)
{
    for (size_t i = 0; i < n; i++) {
        if (bytes_eq(list[i], name)) {
            return true;
        }
    }
    return false;
}

bool index_shape_equal(const struct part_index *a, const struct part_index *b)
{
    if (!bytes_eq(a->name, b->name) || a->local != b->local || a->projection != b->projection ||
        !keys_equal(&a->keys, &b->keys)) {
        return false;
    }
    if (a->projection != PART_PROJECT_INCLUDE) {
        return true;
    }
    if (a->n_include != b->n_include) {
        return false;
    }
    for (size_t i = 0; i < a->n_include; i++) {
        if (!bytes_listed(b->include, b->n_include, a->include[i])) {
            return false;
        }
    }
    return true;
}

const struct core_index *find_index(const struct core_table *t, struct bytes name)
{
    for (size_t i = 0; i < t->n_indexes; i++) {
        if (bytes_eq(t->indexes[i].part.name, name)) {
            return &t->indexes[i];
        }
    }
    return NULL;
}

const struct core_index *find_index_id(const struct core_table *t, uint32_t id)
{
    for (size_t i = 0; i < t->n_indexes; i++) {
        if (t->indexes[i].part.id == id) {
            return &t->indexes[i];
        }
    }
    return NULL;
}

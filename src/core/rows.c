/* Encoding and decoding of catalog rows.
 *
 * Invariants
 *  1. What an encoder writes its decoder reads back equal.
 *  2. A decoder never trusts a row: it may come from a peer of another version. Required attributes
 * that are missing or of the wrong type make the row ERR_CORRUPT; optional ones take their default.
 *  3. A row carries its format version; a greater one is refused by name, not guessed.
 * Not promised: that names in a row refer to anything. */
#include "core/rows.h"

enum { ROW_ATTRS_MAX = 32 };

static const char *const status_names[] = {
    [CORE_CREATING] = "CREATING",
    [CORE_ACTIVE] = "ACTIVE",
    [CORE_UPDATING] = "UPDATING",
    [CORE_DELETING] = "DELETING",
    [CORE_FAILED] = "FAILED",
};
static const char *const stream_names[] = {
    [CORE_STREAM_NONE] = "NONE",
    [CORE_STREAM_KEYS_ONLY] = "KEYS_ONLY",
    [CORE_STREAM_NEW_IMAGE] = "NEW_IMAGE",
    [CORE_STREAM_OLD_IMAGE] = "OLD_IMAGE",
    [CORE_STREAM_NEW_AND_OLD_IMAGES] = "NEW_AND_OLD_IMAGES",
};
static const char *const projection_names[] = {
    [PART_PROJECT_ALL] = "ALL",
    [PART_PROJECT_KEYS] = "KEYS_ONLY",
    [PART_PROJECT_INCLUDE] = "INCLUDE",
};
static const char *const kind_names[] = {
    [ROW_MEMBER] = "member",
    [ROW_TABLE] = "table",
    [ROW_GROUP] = "group",
    [ROW_REPLICA] = "replica",
};

#define N_NAMES(names) (sizeof(names) / sizeof((names)[0]))

/* ---- writing ---- */

/* Collects a row's attributes; sticky error. */
struct writer {
    struct arena *a;
    struct member attrs[ROW_ATTRS_MAX];
    size_t n;
    bool full;
};

static void put_value(struct writer *w, const char *name, struct value v)
{
    ASSERT(w->n < ROW_ATTRS_MAX);
    w->attrs[w->n++] = (struct member){bytes_str(name), v};
}

static struct value value_string(struct bytes s)
{
    return (struct value){.type = VALUE_STRING, .bytes = s};
}

static struct value value_number(uint64_t v)
{
    int64_t clamped = v > INT64_MAX ? INT64_MAX : (int64_t)v;
    return (struct value){.type = VALUE_NUMBER, .number = decimal_of_i64(clamped)};
}

static void put_string(struct writer *w, const char *name, struct bytes s)
{
    put_value(w, name, value_string(s));
}

static void put_text(struct writer *w, const char *name, const char *text)
{
    put_string(w, name, bytes_str(text));
}

static void put_number(struct writer *w, const char *name, uint64_t v)
{
    put_value(w, name, value_number(v));
}

static void put_bool(struct writer *w, const char *name, bool v)
{
    put_value(w, name, (struct value){.type = VALUE_BOOL, .boolean = v});
}

/* Ids use all 64 bits, more than a JSON reader takes for a number: they are text. */
static void put_id(struct writer *w, const char *name, uint64_t id)
{
    struct bytes text = bytes_fmt(w->a, "%016llx", (unsigned long long)id);
    if (text.base == NULL) {
        w->full = true;
        return;
    }
    put_string(w, name, text);
}

static struct value *list_of(struct writer *w, const char *name, size_t n)
{
    struct value *items = ARENA_ARRAY(w->a, struct value, n);
    if (items == NULL) {
        w->full = true;
        return NULL;
    }
    put_value(w, name, (struct value){.type = VALUE_LIST, .list = {items, n}});
    return items;
}

static void put_strings(struct writer *w, const char *name, const struct bytes *list, size_t n)
{
    struct value *items = list_of(w, name, n);
    for (size_t i = 0; items != NULL && i < n; i++) {
        items[i] = value_string(list[i]);
    }
}

/* The map of what was collected. */
static enum err writer_end(struct writer *w, struct value *ret)
{
    struct member *members = ARENA_ARRAY(w->a, struct member, w->n);
    if (w->full || members == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < w->n; i++) {
        members[i] = w->attrs[i];
    }
    enum err err = members_sort(members, w->n);
    ASSERT(err == OK);
    *ret = (struct value){.type = VALUE_MAP, .map = {members, w->n}};
    return OK;
}

static void put_map(struct writer *w, const char *name, struct writer *inner)
{
    struct value map;
    if (writer_end(inner, &map) != OK) {
        w->full = true;
        return;
    }
    put_value(w, name, map);
}

/* "a/b", or just the one that is there. */
static void put_row_key(struct writer *w, const struct row_key *key)
{
    put_text(w, "kind", kind_names[key->kind]);
    struct bytes name = BYTES_NONE;
    switch (key->kind) {
    case ROW_MEMBER:
        name = key->region;
        break;
    case ROW_GROUP:
        name = key->table;
        break;
    case ROW_TABLE:
        name = bytes_fmt(w->a, "%.*s/%.*s", BYTES_FMT(key->region), BYTES_FMT(key->table));
        break;
    case ROW_REPLICA:
        name = bytes_fmt(w->a, "%.*s/%.*s", BYTES_FMT(key->table), BYTES_FMT(key->region));
        break;
    }
    w->full = w->full || name.base == NULL;
    put_string(w, "name", name);
}

enum err row_key_make(struct arena *a, const struct row_key *key, struct value *ret)
{
    struct writer w = {.a = a};
    put_row_key(&w, key);
    return writer_end(&w, ret);
}

static void put_throughput(struct writer *w, const struct core_throughput *t)
{
    put_number(w, "read_units", t->read_units);
    put_number(w, "write_units", t->write_units);
    if (t->read_max > 0) {
        put_number(w, "read_max", t->read_max);
    }
    if (t->write_max > 0) {
        put_number(w, "write_max", t->write_max);
    }
}

static void put_keys(struct writer *w, const struct expr_key_schema *keys)
{
    put_string(w, "hash", keys->hash.name);
    if (keys->range.name.base != NULL) {
        put_string(w, "range", keys->range.name);
    }
    if (keys->more == NULL) {
        return;
    }
    struct bytes names[EXPR_KEY_ATTRS_MAX];
    size_t n = (size_t)keys->n_more_hash + keys->n_more_range;
    ASSERT(n <= EXPR_KEY_ATTRS_MAX);
    for (size_t i = 0; i < n; i++) {
        names[i] = keys->more[i].name;
    }
    put_strings(w, "more_hash", names, keys->n_more_hash);
    put_strings(w, "more_range", names + keys->n_more_hash, keys->n_more_range);
}

static enum err value_of_index(struct arena *a, const struct core_index *x, struct value *ret)
{
    struct writer w = {.a = a};
    put_number(&w, "id", x->part.id);
    put_string(&w, "name", x->part.name);
    put_bool(&w, "local", x->part.local);
    put_keys(&w, &x->part.keys);
    put_text(&w, "projection", projection_names[x->part.projection]);
    put_strings(&w, "include", x->part.include, x->part.n_include);
    put_text(&w, "status", status_names[x->status]);
    put_bool(&w, "backfilling", x->backfilling);
    put_throughput(&w, &x->throughput);
    return writer_end(&w, ret);
}

/* An index with a key of several attributes would be misread by who knows of single ones only. */
static uint64_t shape_version(const struct core_table *t)
{
    for (size_t i = 0; i < t->n_indexes; i++) {
        if (t->indexes[i].part.keys.more != NULL) {
            return ROW_VERSION_WIDE;
        }
    }
    return ROW_VERSION_PLAIN;
}

/* What a table row and a group row share. */
static void put_shape(struct writer *w, const struct core_table *t)
{
    put_keys(w, &t->part.keys);
    struct value *attrs = list_of(w, "attrs", t->n_attrs);
    for (size_t i = 0; attrs != NULL && i < t->n_attrs; i++) {
        struct writer attr = {.a = w->a};
        put_string(&attr, "name", t->attrs[i].name);
        put_text(&attr, "type", value_tag(t->attrs[i].type));
        w->full = w->full || writer_end(&attr, &attrs[i]) != OK;
    }
    struct value *indexes = list_of(w, "indexes", t->n_indexes);
    for (size_t i = 0; indexes != NULL && i < t->n_indexes; i++) {
        w->full = w->full || value_of_index(w->a, &t->indexes[i], &indexes[i]) != OK;
    }
    put_bool(w, "on_demand", t->on_demand);
    put_throughput(w, &t->throughput);
    put_text(w, "stream", stream_names[t->stream]);
    put_string(w, "class", t->table_class);
    if (t->part.ttl.len > 0) {
        put_string(w, "ttl", t->part.ttl);
    }
}

static void put_tags(struct writer *w, const struct core_tag *tags, size_t n)
{
    struct value *items = list_of(w, "tags", n);
    for (size_t i = 0; items != NULL && i < n; i++) {
        struct writer tag = {.a = w->a};
        put_string(&tag, "key", tags[i].key);
        put_string(&tag, "value", tags[i].value);
        w->full = w->full || writer_end(&tag, &items[i]) != OK;
    }
}

static void put_extra(struct writer *w, const struct value *extra)
{
    if (extra->type == VALUE_MAP) {
        put_value(w, "extra", *extra);
    } else {
        put_map(w, "extra", &(struct writer){.a = w->a});
    }
}

/* Two numbers each, in one list. */
static void put_spans(struct writer *w, const struct core_table *t)
{
    struct value *items = t->n_spans == 0 ? NULL : list_of(w, "spans", t->n_spans * 2);
    for (size_t i = 0; items != NULL && i < t->n_spans; i++) {
        items[i * 2] = value_number(t->spans[i].since.v);
        items[i * 2 + 1] = value_number(t->spans[i].left.v);
    }
}

enum err row_of_table(struct arena *a, const struct core_table *t, struct value *ret)
{
    struct writer w = {.a = a};
    put_row_key(&w, &(struct row_key){ROW_TABLE, t->region, t->part.name});
    put_number(&w, "v", shape_version(t));
    put_id(&w, "id", t->part.id);
    put_string(&w, "uuid", t->uuid);
    put_text(&w, "status", status_names[t->status]);
    put_number(&w, "created", t->created_ms);
    put_shape(&w, t);
    put_number(&w, "billing_changed", t->billing_changed_ms);
    put_number(&w, "stream_created", t->stream_created_ms);
    put_bool(&w, "protected", t->deletion_protection);
    put_bool(&w, "empty", t->empty);
    put_id(&w, "join", t->join);
    put_spans(&w, t);
    if (t->filling) {
        put_bool(&w, "filling", true);
    }
    if (t->pitr_since_ms != 0) {
        put_number(&w, "pitr_since", t->pitr_since_ms);
        put_number(&w, "pitr_days", t->pitr_days);
    }
    put_tags(&w, t->tags, t->n_tags);
    put_extra(&w, &t->extra);
    return writer_end(&w, ret);
}

enum err row_of_group(
    struct arena *a, struct bytes name, const struct group_row *g, struct value *ret)
{
    struct writer w = {.a = a};
    put_row_key(&w, &(struct row_key){ROW_GROUP, BYTES_NONE, name});
    put_number(&w, "v", shape_version(&g->shape));
    put_id(&w, "id", g->table);
    put_number(&w, "version", (uint64_t)g->version);
    put_number(&w, "created", g->created_ms);
    put_string(&w, "source", g->source);
    put_shape(&w, &g->shape);
    return writer_end(&w, ret);
}

enum err row_of_replica(
    struct arena *a, struct bytes table, const struct replica_row *r, struct value *ret)
{
    struct writer w = {.a = a};
    put_row_key(&w, &(struct row_key){ROW_REPLICA, r->replica.region, table});
    put_number(&w, "v", ROW_VERSION_PLAIN);
    put_id(&w, "id", r->replica.table);
    put_id(&w, "join", r->replica.join);
    put_text(&w, "status", status_names[r->replica.status]);
    put_number(&w, "created", r->replica.created_ms);
    if (r->replica.member.v != 0) {
        put_id(&w, "member", r->replica.member.v);
    }
    put_strings(&w, "known", r->known, r->n_known);
    put_extra(&w, &r->replica.extra);
    return writer_end(&w, ret);
}

enum err row_of_member(struct arena *a, const struct core_member *m, struct value *ret)
{
    struct writer w = {.a = a};
    put_row_key(&w, &(struct row_key){ROW_MEMBER, m->region, BYTES_NONE});
    put_number(&w, "v", ROW_VERSION_PLAIN);
    put_id(&w, "id", m->id.v);
    put_string(&w, "http", m->http_address);
    put_string(&w, "link", m->link_address);
    put_bool(&w, "removed", m->removed);
    put_number(&w, "joined", m->joined_ms);
    return writer_end(&w, ret);
}

/* ---- reading ---- */

/* Takes attributes off a map; sticky error. */
struct taker {
    const struct value *map;
    bool bad;
};

static const struct value *take(struct taker *t, const char *name, enum value_type type)
{
    const struct value *v = value_find(t->map, bytes_str(name));
    if (v == NULL || v->type != type) {
        t->bad = true;
        return NULL;
    }
    return v;
}

static struct bytes take_string(struct taker *t, const char *name)
{
    const struct value *v = take(t, name, VALUE_STRING);
    return v == NULL ? BYTES_NONE : v->bytes;
}

static uint64_t take_number(struct taker *t, const char *name)
{
    const struct value *v = take(t, name, VALUE_NUMBER);
    int64_t n = 0;
    if (v == NULL || decimal_to_i64(&v->number, &n) != OK || n < 0) {
        t->bad = true;
        return 0;
    }
    return (uint64_t)n;
}

/* As take_number(), of an attribute that may be absent: 0. */
static uint64_t take_number_or_0(struct taker *t, const char *name)
{
    return value_find(t->map, bytes_str(name)) == NULL ? 0 : take_number(t, name);
}

/* Flags came one by one: an absent one is false. */
static bool take_flag(struct taker *t, const char *name)
{
    const struct value *v = value_find(t->map, bytes_str(name));
    return v != NULL && v->type == VALUE_BOOL && v->boolean;
}

static unsigned hex_digit(uint8_t c)
{
    if (c >= '0' && c <= '9') {
        return (unsigned)(c - '0');
    }
    return c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

static uint64_t take_id(struct taker *t, const char *name)
{
    struct bytes text = take_string(t, name);
    uint64_t id = 0;
    t->bad = t->bad || text.len != 16;
    for (size_t i = 0; i < text.len && !t->bad; i++) {
        unsigned digit = hex_digit(text.base[i]);
        t->bad = digit > 15;
        id = id << 4 | (digit & 15);
    }
    return id;
}

static unsigned take_name(struct taker *t, const char *name, const char *const *names, size_t n)
{
    struct bytes text = take_string(t, name);
    for (size_t i = 0; i < n; i++) {
        if (bytes_eq_str(text, names[i])) {
            return (unsigned)i;
        }
    }
    t->bad = true;
    return 0;
}

static enum core_status take_status(struct taker *t)
{
    return (enum core_status)take_name(t, "status", status_names, N_NAMES(status_names));
}

/* Numbers that came later: an absent one is 0. */
static uint64_t take_later_number(struct taker *t, const char *name)
{
    return value_find(t->map, bytes_str(name)) == NULL ? 0 : take_number(t, name);
}

static struct core_throughput take_throughput(struct taker *t)
{
    return (struct core_throughput){
        .read_units = take_number(t, "read_units"),
        .write_units = take_number(t, "write_units"),
        .read_max = take_later_number(t, "read_max"),
        .write_max = take_later_number(t, "write_max"),
    };
}

static struct value take_extra(struct taker *t)
{
    const struct value *v = value_find(t->map, BYTES_LIT("extra"));
    if (v != NULL && v->type == VALUE_MAP) {
        return *v;
    }
    return (struct value){.type = VALUE_MAP};
}

static enum err take_strings(
    struct taker *t, struct arena *a, const char *name, const struct bytes **ret, size_t *ret_n)
{
    const struct value *list = take(t, name, VALUE_LIST);
    size_t n = list == NULL ? 0 : list->list.n;
    struct bytes *strings = ARENA_ARRAY(a, struct bytes, n);
    if (strings == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < n; i++) {
        t->bad = t->bad || list->list.items[i].type != VALUE_STRING;
        strings[i] = t->bad ? BYTES_NONE : list->list.items[i].bytes;
    }
    *ret = strings;
    *ret_n = n;
    return OK;
}

static void take_spans(struct taker *t, struct core_table *ret)
{
    const struct value *list = value_find(t->map, BYTES_LIT("spans"));
    size_t n = list == NULL || list->type != VALUE_LIST ? 0 : list->list.n;
    t->bad = t->bad || n % 2 != 0 || n > (size_t)CORE_SPANS_MAX * 2;
    for (size_t i = 0; i < n && !t->bad; i++) {
        const struct value *v = &list->list.items[i];
        int64_t pos = -1;
        t->bad = v->type != VALUE_NUMBER || decimal_to_i64(&v->number, &pos) != OK || pos < 0;
        struct core_span *s = &ret->spans[i / 2];
        *(i % 2 == 0 ? &s->since : &s->left) = (struct local_pos){t->bad ? 0 : (uint64_t)pos};
    }
    ret->n_spans = t->bad ? 0 : (uint32_t)(n / 2);
}

static enum err check_version(const struct value *item)
{
    struct taker t = {.map = item};
    uint64_t v = item->type == VALUE_MAP ? take_number(&t, "v") : 0;
    if (t.bad || v == 0) {
        return ERR_CORRUPT;
    }
    return v > ROW_VERSION ? ERR_FORMAT : OK;
}

enum err row_key_parse(const struct value *key, struct row_key *ret)
{
    if (key->type != VALUE_MAP) {
        return ERR_CORRUPT;
    }
    struct taker t = {.map = key};
    enum row_kind kind = (enum row_kind)take_name(&t, "kind", kind_names, N_NAMES(kind_names));
    struct bytes name = take_string(&t, "name");
    if (t.bad || name.len == 0) {
        return ERR_CORRUPT;
    }
    if (kind == ROW_MEMBER) {
        *ret = (struct row_key){kind, name, BYTES_NONE};
        return OK;
    }
    if (kind == ROW_GROUP) {
        *ret = (struct row_key){kind, BYTES_NONE, name};
        return OK;
    }
    const uint8_t *slash = memchr(name.base, '/', name.len);
    if (slash == NULL) {
        return ERR_CORRUPT;
    }
    struct bytes first = bytes_of(name.base, (size_t)(slash - name.base));
    struct bytes second = bytes_from(name, first.len + 1);
    if (first.len == 0 || second.len == 0) {
        return ERR_CORRUPT;
    }
    *ret = kind == ROW_TABLE ? (struct row_key){kind, first, second}
                             : (struct row_key){kind, second, first};
    return OK;
}

/* The declared type of a key attribute. */
static struct expr_key_attr typed_attr(
    struct taker *t, const struct core_table *table, struct bytes name)
{
    for (size_t i = 0; i < table->n_attrs; i++) {
        if (bytes_eq(table->attrs[i].name, name)) {
            return table->attrs[i];
        }
    }
    t->bad = true;
    return (struct expr_key_attr){0};
}

static struct expr_key_schema take_keys(struct taker *t, const struct core_table *table)
{
    struct expr_key_schema keys = {0};
    keys.hash = typed_attr(t, table, take_string(t, "hash"));
    const struct value *range = value_find(t->map, BYTES_LIT("range"));
    if (range != NULL) {
        keys.range = typed_attr(t, table, take_string(t, "range"));
    }
    return keys;
}

static size_t listed(const struct value *map, const char *name, const struct value **ret)
{
    *ret = value_find(map, bytes_str(name));
    return *ret != NULL && (*ret)->type == VALUE_LIST ? (*ret)->list.n : 0;
}

/* The further attributes of a global index's key. */
static enum err take_more_keys(
    struct arena *a, struct taker *t, const struct core_table *table, struct expr_key_schema *keys)
{
    const struct value *lists[2];
    size_t n_hash = listed(t->map, "more_hash", &lists[0]);
    size_t n_range = listed(t->map, "more_range", &lists[1]);
    if (n_hash + n_range == 0) {
        return OK;
    }
    bool fits = n_hash < EXPR_KEY_PARTS_MAX && n_range < EXPR_KEY_PARTS_MAX &&
                (n_range == 0 || keys->range.name.base != NULL);
    struct expr_key_attr *more = ARENA_ARRAY(a, struct expr_key_attr, n_hash + n_range);
    if (more == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < n_hash + n_range && fits; i++) {
        const struct value *v =
            i < n_hash ? &lists[0]->list.items[i] : &lists[1]->list.items[i - n_hash];
        fits = v->type == VALUE_STRING;
        more[i] = fits ? typed_attr(t, table, v->bytes) : (struct expr_key_attr){0};
    }
    t->bad = t->bad || !fits;
    keys->more = more;
    keys->n_more_hash = (uint8_t)n_hash;
    keys->n_more_range = (uint8_t)n_range;
    return OK;
}

static enum err take_attrs(struct taker *t, struct arena *a, struct core_table *ret)
{
    const struct value *list = take(t, "attrs", VALUE_LIST);
    size_t n = list == NULL ? 0 : list->list.n;
    struct expr_key_attr *attrs = ARENA_ARRAY(a, struct expr_key_attr, n);
    if (attrs == NULL) {
        return ERR_TOO_BIG;
    }
    static const char *const tags[] = {"S", "N", "B"};
    static const enum value_type types[] = {VALUE_STRING, VALUE_NUMBER, VALUE_BINARY};
    for (size_t i = 0; i < n; i++) {
        struct taker attr = {.map = &list->list.items[i]};
        if (attr.map->type != VALUE_MAP) {
            t->bad = true;
            break;
        }
        attrs[i].name = take_string(&attr, "name");
        attrs[i].type = types[take_name(&attr, "type", tags, N_NAMES(tags))];
        t->bad = t->bad || attr.bad;
    }
    ret->attrs = attrs;
    ret->n_attrs = n;
    return OK;
}

static enum err take_index(
    struct arena *a, struct taker *t, const struct core_table *table, struct core_index *ret)
{
    uint64_t id = take_number(t, "id");
    t->bad = t->bad || id == 0 || id > UINT32_MAX;
    ret->part.id = (uint32_t)id;
    ret->part.name = take_string(t, "name");
    ret->part.local = take_flag(t, "local");
    ret->part.keys = take_keys(t, table);
    ret->part.projection = (enum part_projection)take_name(
        t, "projection", projection_names, N_NAMES(projection_names));
    ret->status = take_status(t);
    ret->backfilling = take_flag(t, "backfilling");
    ret->throughput = take_throughput(t);
    enum err err = take_more_keys(a, t, table, &ret->part.keys);
    return err == OK ? take_strings(t, a, "include", &ret->part.include, &ret->part.n_include)
                     : err;
}

static enum err take_indexes(struct taker *t, struct arena *a, struct core_table *ret)
{
    const struct value *list = take(t, "indexes", VALUE_LIST);
    size_t n = list == NULL ? 0 : list->list.n;
    struct core_index *indexes = ARENA_ARRAY(a, struct core_index, n);
    if (indexes == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < n; i++) {
        struct taker index = {.map = &list->list.items[i]};
        if (index.map->type != VALUE_MAP) {
            t->bad = true;
            return OK;
        }
        enum err err = take_index(a, &index, ret, &indexes[i]);
        if (err != OK) {
            return err;
        }
        t->bad = t->bad || index.bad;
    }
    ret->indexes = indexes;
    ret->n_indexes = n;
    return OK;
}

static enum err take_shape(struct taker *t, struct arena *a, struct core_table *ret)
{
    enum err err = take_attrs(t, a, ret);
    if (err != OK || t->bad) {
        return err;
    }
    ret->part.keys = take_keys(t, ret);
    err = take_indexes(t, a, ret);
    if (err != OK) {
        return err;
    }
    ret->on_demand = take_flag(t, "on_demand");
    ret->throughput = take_throughput(t);
    ret->stream =
        (enum core_stream_view)take_name(t, "stream", stream_names, N_NAMES(stream_names));
    ret->table_class = take_string(t, "class");
    if (value_find(t->map, BYTES_LIT("ttl")) != NULL) {
        ret->part.ttl = take_string(t, "ttl");
    }
    return t->bad ? OK : table_settle(a, ret);
}

static enum err take_tags(struct taker *t, struct arena *a, struct core_table *ret)
{
    const struct value *list = take(t, "tags", VALUE_LIST);
    size_t n = list == NULL ? 0 : list->list.n;
    struct core_tag *tags = ARENA_ARRAY(a, struct core_tag, n);
    if (tags == NULL) {
        return ERR_TOO_BIG;
    }
    for (size_t i = 0; i < n; i++) {
        struct taker tag = {.map = &list->list.items[i]};
        if (tag.map->type != VALUE_MAP) {
            t->bad = true;
            return OK;
        }
        tags[i] = (struct core_tag){take_string(&tag, "key"), take_string(&tag, "value")};
        t->bad = t->bad || tag.bad;
    }
    ret->tags = tags;
    ret->n_tags = n;
    return OK;
}

enum err row_to_table(
    struct arena *a, const struct row_key *key, const struct value *item, struct core_table *ret)
{
    enum err err = check_version(item);
    if (err != OK) {
        return err;
    }
    struct taker t = {.map = item};
    struct core_table table = {.region = key->region};
    table.part.name = key->table;
    table.part.id = take_id(&t, "id");
    table.uuid = take_string(&t, "uuid");
    table.status = take_status(&t);
    table.created_ms = take_number(&t, "created");
    err = take_shape(&t, a, &table);
    if (err != OK) {
        return err;
    }
    table.billing_changed_ms = take_number(&t, "billing_changed");
    table.stream_created_ms = take_number(&t, "stream_created");
    table.deletion_protection = take_flag(&t, "protected");
    table.empty = take_flag(&t, "empty");
    table.join = take_id(&t, "join");
    take_spans(&t, &table);
    table.filling = take_flag(&t, "filling");
    table.pitr_since_ms = take_number_or_0(&t, "pitr_since");
    uint64_t days = take_number_or_0(&t, "pitr_days");
    t.bad = t.bad || days > UINT32_MAX;
    table.pitr_days = (uint32_t)days;
    table_keep_images(&table);
    err = take_tags(&t, a, &table);
    if (err != OK) {
        return err;
    }
    table.extra = take_extra(&t);
    if (t.bad || table.part.id < PART_TABLE_FIRST) {
        return ERR_CORRUPT;
    }
    *ret = table;
    return OK;
}

enum err row_to_group(
    struct arena *a, const struct row_key *key, const struct value *item, struct group_row *ret)
{
    enum err err = check_version(item);
    if (err != OK) {
        return err;
    }
    struct taker t = {.map = item};
    struct group_row g = {0};
    g.table = take_id(&t, "id");
    uint64_t version = take_number(&t, "version");
    g.version = version == CORE_GROUP_2017 ? CORE_GROUP_2017 : CORE_GROUP_2019;
    g.created_ms = take_number(&t, "created");
    g.source = take_string(&t, "source");
    g.shape.part.name = key->table;
    g.shape.part.id = g.table;
    err = take_shape(&t, a, &g.shape);
    if (err != OK) {
        return err;
    }
    bool known = version == CORE_GROUP_2017 || version == CORE_GROUP_2019;
    if (t.bad || !known || g.table < PART_TABLE_FIRST) {
        return ERR_CORRUPT;
    }
    *ret = g;
    return OK;
}

enum err row_to_replica(
    struct arena *a, const struct row_key *key, const struct value *item, struct replica_row *ret)
{
    enum err err = check_version(item);
    if (err != OK) {
        return err;
    }
    struct taker t = {.map = item};
    struct replica_row r = {.replica = {.region = key->region}};
    r.replica.table = take_id(&t, "id");
    r.replica.join = take_id(&t, "join");
    r.replica.status = take_status(&t);
    r.replica.created_ms = take_number(&t, "created");
    r.replica.extra = take_extra(&t);
    if (value_find(item, BYTES_LIT("member")) != NULL) {
        r.replica.member.v = take_id(&t, "member");
    }
    err = take_strings(&t, a, "known", &r.known, &r.n_known);
    if (err != OK) {
        return err;
    }
    if (t.bad) {
        return ERR_CORRUPT;
    }
    *ret = r;
    return OK;
}

enum err row_to_member(
    struct arena *a, const struct row_key *key, const struct value *item, struct core_member *ret)
{
    (void)a; /* a member row needs no arrays */
    enum err err = check_version(item);
    if (err != OK) {
        return err;
    }
    struct taker t = {.map = item};
    struct core_member m = {.region = key->region};
    m.id.v = take_id(&t, "id");
    m.http_address = take_string(&t, "http");
    m.link_address = take_string(&t, "link");
    m.removed = take_flag(&t, "removed");
    m.joined_ms = take_number(&t, "joined");
    if (t.bad || m.id.v == 0) {
        return ERR_CORRUPT;
    }
    *ret = m;
    return OK;
}

/* Rows of jobs, and reading them.
 *
 * Invariants
 *  1. What the encoder writes the decoder reads back equal; what a job does not use is not written.
 *  2. A decoder never trusts a row: wrong types make it ERR_CORRUPT, a greater version ERR_FORMAT.
 */
#include <stddef.h>
#include <stdlib.h>

#include "backup/backup.h"

enum { JOB_VERSION = 1 };

enum field_type { FIELD_TEXT, FIELD_NUMBER, FIELD_FLAG };

struct field {
    const char *name;
    size_t offset;
    enum field_type type;
};

#define TEXT(field)                                            \
    {                                                          \
#field, offsetof(struct backup_job, field), FIELD_TEXT \
    }
#define NUMBER(field)                                            \
    {                                                            \
#field, offsetof(struct backup_job, field), FIELD_NUMBER \
    }
#define FLAG(field)                                            \
    {                                                          \
#field, offsetof(struct backup_job, field), FIELD_FLAG \
    }

/* Stored names: never rename one. */
static const struct field fields[] = {
    TEXT(table_name),
    TEXT(table_uuid),
    TEXT(label),
    NUMBER(began_ms),
    NUMBER(ended_ms),
    NUMBER(items),
    NUMBER(bytes),
    TEXT(target_name),
    TEXT(target_uuid),
    FLAG(of_past),
    NUMBER(upto_ms),
    NUMBER(from_ms),
    FLAG(incremental),
    FLAG(has_type),
    FLAG(new_only),
    TEXT(bucket),
    TEXT(bucket_owner),
    TEXT(prefix),
    TEXT(token),
    TEXT(request),
    TEXT(format),
    TEXT(compression),
    TEXT(encryption),
    TEXT(manifest),
    TEXT(options),
    TEXT(params),
    TEXT(delimiter),
    NUMBER(processed_items),
    NUMBER(processed_bytes),
    NUMBER(errors),
    TEXT(fault_code),
    TEXT(fault_text),
};

enum { FIELDS = sizeof fields / sizeof fields[0], MEMBERS_MAX = FIELDS + 6 };

static const char *const kind_names[BACKUP_KINDS] = {
    [BACKUP_KEPT] = "backup",
    [BACKUP_RESTORE] = "restore",
    [BACKUP_EXPORT] = "export",
    [BACKUP_IMPORT] = "import",
};
static const char *const token_kinds[BACKUP_KINDS] = {
    [BACKUP_KEPT] = "token-backup",
    [BACKUP_RESTORE] = "token-restore",
    [BACKUP_EXPORT] = "token-export",
    [BACKUP_IMPORT] = "token-import",
};
static const char *const status_names[] = {
    [BACKUP_RUNNING] = "RUNNING",
    [BACKUP_DONE] = "DONE",
    [BACKUP_FAILED] = "FAILED",
};

/* ---- names ---- */

enum { NAME_DIGITS = 14, NAME_HEX = 8, NAME_LEN = NAME_DIGITS + 1 + NAME_HEX };

struct bytes backup_job_name(struct prng *prng, struct arena *a, uint64_t now_ms)
{
    uint32_t chance = (uint32_t)prng_u64(prng);
    return bytes_fmt(a, "%014llu-%08x", (unsigned long long)now_ms, (unsigned)chance);
}

bool backup_job_name_valid(struct bytes name)
{
    bool good = name.len == NAME_LEN && name.base[NAME_DIGITS] == '-';
    for (size_t i = 0; good && i < NAME_LEN; i++) {
        uint8_t c = name.base[i];
        bool digit = c >= '0' && c <= '9';
        good = i < NAME_DIGITS ? digit : i == NAME_DIGITS || digit || (c >= 'a' && c <= 'f');
    }
    return good;
}

/* ---- rows ---- */

static struct value text_value(struct bytes text)
{
    return (struct value){.type = VALUE_STRING, .bytes = text};
}

static struct value number_value(uint64_t n)
{
    int64_t clamped = n > INT64_MAX ? INT64_MAX : (int64_t)n;
    return (struct value){.type = VALUE_NUMBER, .number = decimal_of_i64(clamped)};
}

static enum err key_of(struct arena *a, const char *kind, struct bytes name, struct value *ret)
{
    struct member *m = ARENA_ARRAY(a, struct member, 2);
    if (m == NULL) {
        return ERR_TOO_BIG;
    }
    m[0] = (struct member){BYTES_LIT("kind"), text_value(bytes_str(kind))};
    m[1] = (struct member){BYTES_LIT("name"), text_value(name)};
    *ret = (struct value){.type = VALUE_MAP, .map = {m, 2}};
    return OK;
}

enum err backup_job_key(
    struct arena *a, enum backup_kind kind, struct bytes name, struct value *ret)
{
    return key_of(a, kind_names[kind], name, ret);
}

/* Adds the field's member unless it is empty. */
static void put_field(struct member *m, size_t *n, const struct backup_job *job, size_t i)
{
    const char *at = (const char *)job + fields[i].offset;
    struct bytes text;
    uint64_t number;
    bool flag;
    switch (fields[i].type) {
    case FIELD_TEXT:
        memcpy(&text, at, sizeof text);
        if (text.base != NULL) {
            m[(*n)++] = (struct member){bytes_str(fields[i].name), text_value(text)};
        }
        return;
    case FIELD_NUMBER:
        memcpy(&number, at, sizeof number);
        if (number != 0) {
            m[(*n)++] = (struct member){bytes_str(fields[i].name), number_value(number)};
        }
        return;
    case FIELD_FLAG:
        memcpy(&flag, at, sizeof flag);
        if (flag) {
            const struct value yes = {.type = VALUE_BOOL, .boolean = true};
            m[(*n)++] = (struct member){bytes_str(fields[i].name), yes};
        }
        return;
    }
    UNREACHABLE();
}

enum err backup_job_encode(struct arena *a, const struct backup_job *job, struct value *ret)
{
    struct member *m = ARENA_ARRAY(a, struct member, MEMBERS_MAX);
    struct value *columns = ARENA_ARRAY(a, struct value, job->n_columns);
    size_t n = 0;
    if (m == NULL || columns == NULL) {
        return ERR_TOO_BIG;
    }
    m[n++] = (struct member){BYTES_LIT("kind"), text_value(bytes_str(kind_names[job->kind]))};
    m[n++] = (struct member){BYTES_LIT("name"), text_value(job->name)};
    m[n++] = (struct member){BYTES_LIT("v"), number_value(JOB_VERSION)};
    m[n++] = (struct member){BYTES_LIT("status"), text_value(bytes_str(status_names[job->status]))};
    if (job->table != NULL) {
        m[n++] = (struct member){BYTES_LIT("table"), *job->table};
    }
    if (job->columns != NULL) {
        for (size_t i = 0; i < job->n_columns; i++) {
            columns[i] = text_value(job->columns[i]);
        }
        const struct value list = {.type = VALUE_LIST, .list = {columns, job->n_columns}};
        m[n++] = (struct member){BYTES_LIT("columns"), list};
    }
    for (size_t i = 0; i < FIELDS; i++) {
        put_field(m, &n, job, i);
    }
    enum err e = members_sort(m, n);
    ASSERT(e == OK);
    *ret = (struct value){.type = VALUE_MAP, .map = {m, n}};
    return OK;
}

static bool take_field(const struct value *row, struct backup_job *job, size_t i)
{
    const struct value *v = value_find(row, bytes_str(fields[i].name));
    char *at = (char *)job + fields[i].offset;
    int64_t number = 0;
    uint64_t wide;
    if (v == NULL) {
        return true;
    }
    switch (fields[i].type) {
    case FIELD_TEXT:
        if (v->type == VALUE_STRING) {
            struct bytes text = v->bytes.len == 0 ? BYTES_LIT("") : v->bytes;
            memcpy(at, &text, sizeof text);
        }
        return v->type == VALUE_STRING;
    case FIELD_NUMBER:
        if (v->type != VALUE_NUMBER || decimal_to_i64(&v->number, &number) != OK || number < 0) {
            return false;
        }
        wide = (uint64_t)number;
        memcpy(at, &wide, sizeof wide);
        return true;
    case FIELD_FLAG:
        if (v->type == VALUE_BOOL) {
            memcpy(at, &v->boolean, sizeof v->boolean);
        }
        return v->type == VALUE_BOOL;
    }
    UNREACHABLE();
}

static bool take_columns(struct arena *a, const struct value *row, struct backup_job *job)
{
    const struct value *list = value_find(row, BYTES_LIT("columns"));
    if (list == NULL) {
        return true;
    }
    if (list->type != VALUE_LIST) {
        return false;
    }
    struct bytes *columns = ARENA_ARRAY(a, struct bytes, list->list.n);
    if (columns == NULL) {
        return false;
    }
    for (size_t i = 0; i < list->list.n; i++) {
        if (list->list.items[i].type != VALUE_STRING) {
            return false;
        }
        columns[i] = list->list.items[i].bytes;
    }
    job->columns = columns;
    job->n_columns = list->list.n;
    return true;
}

/* Which of `names` a text attribute is; n when none. */
static size_t take_name(
    const struct value *row, struct bytes attr, const char *const *names, size_t n)
{
    const struct value *v = value_find(row, attr);
    for (size_t i = 0; v != NULL && v->type == VALUE_STRING && i < n; i++) {
        if (bytes_eq_str(v->bytes, names[i])) {
            return i;
        }
    }
    return n;
}

enum err backup_job_decode(struct arena *a, const struct value *row, struct backup_job *ret)
{
    if (row->type != VALUE_MAP) {
        return ERR_CORRUPT;
    }
    const struct value *v = value_find(row, BYTES_LIT("v"));
    const struct value *name = value_find(row, BYTES_LIT("name"));
    int64_t version = 0;
    if (v == NULL || v->type != VALUE_NUMBER || decimal_to_i64(&v->number, &version) != OK ||
        version < 1 || name == NULL || name->type != VALUE_STRING) {
        return ERR_CORRUPT;
    }
    if (version > JOB_VERSION) {
        return ERR_FORMAT;
    }
    size_t kind = take_name(row, BYTES_LIT("kind"), kind_names, BACKUP_KINDS);
    size_t status = take_name(row, BYTES_LIT("status"), status_names, 3);
    if (kind == BACKUP_KINDS || status == 3) {
        return ERR_CORRUPT;
    }
    struct backup_job job = {
        .kind = (enum backup_kind)kind,
        .status = (enum backup_status)status,
        .name = name->bytes,
        .table = value_find(row, BYTES_LIT("table")),
    };
    bool good = take_columns(a, row, &job);
    for (size_t i = 0; i < FIELDS && good; i++) {
        good = take_field(row, &job, i);
    }
    if (!good) {
        return ERR_CORRUPT;
    }
    *ret = job;
    return OK;
}

/* ---- in the writer ---- */

enum err backup_job_get(
    struct part_stage *s,
    struct arena *a,
    enum backup_kind kind,
    struct bytes name,
    struct backup_job *ret)
{
    struct value key;
    struct value *row = ARENA_NEW(a, struct value);
    enum err e = row == NULL ? ERR_TOO_BIG : backup_job_key(a, kind, name, &key);
    if (e == OK) {
        e = part_stage_get(s, CORE_TABLE_JOBS, &key, a, row);
    }
    return e == OK ? backup_job_decode(a, row, ret) : e;
}

enum err backup_job_put(struct part_stage *s, struct arena *a, const struct backup_job *job)
{
    struct value key;
    struct value row;
    enum err e = backup_job_key(a, job->kind, job->name, &key);
    if (e == OK) {
        e = backup_job_encode(a, job, &row);
    }
    return e == OK ? part_stage_put(s, CORE_TABLE_JOBS, &key, &row) : e;
}

enum err backup_job_drop(
    struct part_stage *s, struct arena *a, enum backup_kind kind, struct bytes name)
{
    struct value key;
    enum err e = backup_job_key(a, kind, name, &key);
    return e == OK ? part_stage_put(s, CORE_TABLE_JOBS, &key, /* item= */ NULL) : e;
}

/* ---- tokens ---- */

static struct bytes text_of(const struct value *row, struct bytes attr)
{
    const struct value *v = value_find(row, attr);
    return v != NULL && v->type == VALUE_STRING ? v->bytes : BYTES_NONE;
}

static bool take_token(
    const struct value *row,
    enum backup_kind kind,
    struct bytes *ret_token,
    struct bytes *ret_job,
    uint64_t *ret_since_ms)
{
    const struct value *since = value_find(row, BYTES_LIT("since"));
    int64_t ms = 0;
    *ret_token = text_of(row, BYTES_LIT("name"));
    *ret_job = text_of(row, BYTES_LIT("job"));
    if (!bytes_eq_str(text_of(row, BYTES_LIT("kind")), token_kinds[kind]) ||
        ret_token->base == NULL || ret_job->base == NULL || since == NULL ||
        since->type != VALUE_NUMBER || decimal_to_i64(&since->number, &ms) != OK || ms < 0) {
        return false;
    }
    *ret_since_ms = (uint64_t)ms;
    return true;
}

bool backup_token_decode(
    const struct value *row, enum backup_kind kind, struct bytes *ret_token, uint64_t *ret_since_ms)
{
    struct bytes job;
    return take_token(row, kind, ret_token, &job, ret_since_ms);
}

enum err backup_token_get(
    struct part_stage *s,
    struct arena *a,
    enum backup_kind kind,
    struct bytes token,
    struct bytes *ret_name,
    uint64_t *ret_since_ms)
{
    struct value key;
    struct value row;
    enum err e = key_of(a, token_kinds[kind], token, &key);
    if (e == OK) {
        e = part_stage_get(s, CORE_TABLE_JOBS, &key, a, &row);
    }
    if (e != OK) {
        return e;
    }
    struct bytes name;
    if (!take_token(&row, kind, &name, ret_name, ret_since_ms)) {
        return ERR_CORRUPT;
    }
    return OK;
}

enum err backup_token_drop(
    struct part_stage *s, struct arena *a, enum backup_kind kind, struct bytes token)
{
    struct value key;
    enum err e = key_of(a, token_kinds[kind], token, &key);
    return e == OK ? part_stage_put(s, CORE_TABLE_JOBS, &key, /* item= */ NULL) : e;
}

enum err backup_token_put(
    struct part_stage *s,
    struct arena *a,
    enum backup_kind kind,
    struct bytes token,
    struct bytes name,
    uint64_t since_ms)
{
    struct value key;
    enum err e = key_of(a, token_kinds[kind], token, &key);
    struct member *m = ARENA_ARRAY(a, struct member, 4);
    if (e != OK || m == NULL) {
        return ERR_TOO_BIG;
    }
    m[0] = (struct member){BYTES_LIT("job"), text_value(name)};
    m[1] = (struct member){BYTES_LIT("kind"), text_value(bytes_str(token_kinds[kind]))};
    m[2] = (struct member){BYTES_LIT("name"), text_value(token)};
    m[3] = (struct member){BYTES_LIT("since"), number_value(since_ms)};
    const struct value row = {.type = VALUE_MAP, .map = {m, 4}};
    return part_stage_put(s, CORE_TABLE_JOBS, &key, &row);
}

/* ---- in any thread ---- */

enum err backup_job_read(
    struct engine *engine,
    struct arena *a,
    enum backup_kind kind,
    struct bytes name,
    struct backup_job *ret)
{
    const struct part_table t = core_jobs_schema();
    const struct part_reader r = {.engine = engine};
    struct value key;
    struct value *row = ARENA_NEW(a, struct value);
    struct bytes attr;
    struct buf encoded;
    buf_init(&encoded, /* len_max= */ 8192);
    enum err e = row == NULL ? ERR_TOO_BIG : backup_job_key(a, kind, name, &key);
    if (e == OK) {
        e = part_key_of(&t.keys, &key, &encoded, &attr);
    }
    if (e == OK) {
        e = part_get(&r, &t, buf_bytes(&encoded), a, row, NULL);
    }
    buf_done(&encoded);
    return e == OK ? backup_job_decode(a, row, ret) : e;
}

static enum err list_into(
    struct part_cursor *c,
    struct arena *a,
    enum backup_kind kind,
    struct backup_job **jobs,
    size_t *n)
{
    size_t cap = 0;
    for (;;) {
        struct value *row = ARENA_NEW(a, struct value);
        size_t size;
        enum err e = row == NULL ? ERR_TOO_BIG : part_cursor_next(c, a, row, &size);
        if (e != OK) {
            return e == ERR_NOT_FOUND ? OK : e;
        }
        const struct value *of = value_find(row, BYTES_LIT("kind"));
        if (of == NULL || of->type != VALUE_STRING || !bytes_eq_str(of->bytes, kind_names[kind])) {
            continue;
        }
        if (*n == cap) {
            size_t more = cap == 0 ? 16 : 2 * cap;
            struct backup_job *grown = ARENA_ARRAY(a, struct backup_job, more);
            if (grown == NULL) {
                return ERR_TOO_BIG;
            }
            if (*n > 0) {
                memcpy(grown, *jobs, *n * sizeof *grown);
            }
            *jobs = grown;
            cap = more;
        }
        e = backup_job_decode(a, row, &(*jobs)[*n]);
        if (e != OK) {
            return e;
        }
        (*n)++;
    }
}

enum err backup_job_list(
    struct engine *engine,
    struct arena *a,
    enum backup_kind kind,
    const struct backup_job **ret,
    size_t *ret_n)
{
    const struct part_table t = core_jobs_schema();
    const struct part_reader r = {.engine = engine};
    const struct part_range range = {.hash_lo = 0, .hash_hi = UINT32_MAX};
    struct part_cursor *c;
    struct backup_job *jobs = NULL;
    size_t n = 0;
    enum err e = part_cursor_open(&r, &t, &range, &c);
    if (e != OK) {
        return e;
    }
    e = list_into(c, a, kind, &jobs, &n);
    part_cursor_close(c);
    if (e == OK) {
        *ret = jobs;
        *ret_n = n;
    }
    return e;
}

#pragma once

/* What the operations on tables and global tables share: administration calls to the writer, the
 * pieces of requests that describe tables, and descriptions in answers. */

#include "front/dynamo/dynamo_internal.h"

enum {
    TAG_KEY_CHARS_MAX = 128,
    TAG_VALUE_CHARS_MAX = 256,
    CAPACITY_UNITS_ACCOUNT_MAX = 80000, /* what DescribeLimits says; nothing enforces it */
    CAPACITY_UNITS_TABLE_MAX = 40000,
    INCLUDED_ATTRS_MAX = 100,  /* named by all of a table's indexes together */
    REGION_SYNC_MS_MAX = 2000, /* how long a call waits for other regions' catalogs */
};

#define INVALID_PREFIX  "One or more parameter values were invalid: "
#define INVALID_REQUEST "Invalid Request: "

/* Items and bytes of a table and of each of its indexes, as the writer counts them. */
struct index_counts {
    uint32_t id;
    struct part_counts counts;
};

struct table_counts {
    struct part_counts table;
    const struct index_counts *indexes;
    size_t n_indexes;
};

/* ---- calls to the writer (table_call.c) ---- */

/* How a table is told. */
enum telling {
    TELL_STATE,    /* as it is */
    TELL_UPDATED,  /* by an update of maxima: also that there is none any more */
    TELL_SWITCHED, /* by one to on demand: not yet since when */
    TELL_WARMING,  /* by one of the warm throughput: that it goes on */
};

/* A table's units before an update, which are in force and told until it is ACTIVE again. */
struct table_rates {
    bool known;
    enum telling how;
    struct value extra; /* of the table as it was */
    struct core_throughput table;
    const struct core_index *indexes; /* their ids and units only */
    size_t n_indexes;
};

/* One administration call under way. `build` runs in the writer, where nothing changes between the
 * look at the table and the change: it fills in `wanted` from the table as it is and refuses what
 * the request cannot mean for it. */
struct table_call {
    struct dynamo_call *c;
    struct part_cmd cmd;
    struct core_admin admin;
    struct core_table wanted; /* what admin.table points to, when `build` is set */
    enum err (*build)(struct table_call *t, const struct core_table *now, struct arena *a);
    const void *arg;           /* the operation's own */
    uint64_t policy_stream_ms; /* whose policy rules: this stream's of the table; 0: the table's */
    bool count_only;           /* change nothing, only count `admin.name`'s items */
    bool has_also;             /* `also` is to succeed with it or neither */
    struct core_admin also;
    struct table_call *then; /* submitted when this one has succeeded; its result is the answer */
    bool replicas_2019;      /* words refusals as UpdateTable does */
    int needs_group;         /* enum core_group_version the table's group must have; 0: whichever */
    bool submitted;
    struct bytes answer;       /* what `build` decided and the answer tells; in its arena */
    struct table_rates before; /* set by `build`; in its arena */
    /* out */
    bool found;                 /* count_only: the table is there */
    struct table_counts counts; /* of the table, before a deletion */
    bool has_fault;
    enum aws_error fault;
    struct bytes fault_msg;
};

/* NULL (and answered) at the arena's cap. The call is also the dynamo_call's state. */
struct table_call *table_call_new(
    struct dynamo_call *c, enum core_admin_kind kind, struct bytes table);
enum dynamo_step table_call_submit(struct table_call *t);
/* As table_call_submit(), once the catalogs of all other member regions have come in. */
enum dynamo_step table_call_sync(struct table_call *t);
/* For an operation's resume. true: the call and what came after it succeeded; c->state is the last
 * of them. false: it goes on, or was answered: return *ret_step. */
bool table_call_finished(struct dynamo_call *c, enum dynamo_step *ret_step);
/* For `build`: the refusal in words. Returns ERR_INVALID. */
MUST_CHECK enum err table_fault(struct table_call *t, enum aws_error error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
MUST_CHECK enum err table_fault_invalid(struct table_call *t, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The name in a table name or an ARN of our region; answers for other regions' ARNs. */
bool table_resolve(struct dynamo_call *c, struct bytes name_or_arn, struct bytes *ret);
/* Reads the field, checks it and resolves it: for operations whose only constraint it is. */
bool table_field(struct dynamo_call *c, const struct json *in, struct bytes *ret);
bool fail_table_missing(struct dynamo_call *c, struct bytes name);
bool fail_group_missing(struct dynamo_call *c, struct bytes name);
/* DynamoDB checks table names of these operations before all else: three characters at least. */
bool table_name_check(struct dynamo_call *c, const char *field, struct bytes name);
bool table_class_check(struct dynamo_call *c, struct bytes table_class);
/* SSESpecification, or `field` that is of its kind; `path` is that of its SSEType (table_sse.c). */
struct sse_request {
    bool present;
    bool enabled;
    bool disabled;   /* said so; neither: not said */
    bool key_is_arn; /* after sse_check(): the key is given by its ARN */
    struct bytes key;
    struct bytes type;
};

bool read_sse(
    struct checks *k,
    const struct json *in,
    const char *field,
    const char *path,
    struct sse_request *ret);
/* What does not fit together, and keys that are not the region's own. */
bool sse_check(struct dynamo_call *c, struct sse_request *r);
/* Whether the table asks for encryption with the region's own key. */
bool has_sse(const struct core_table *t);
/* Keeps in t->extra that it does, or no longer does. OK; ERR_TOO_BIG. */
MUST_CHECK enum err sse_set(struct arena *a, struct core_table *t, bool on);
/* "SSEDescription":{…} of a table that has_sse(). */
void put_sse(struct buf *b, const struct core_table *t);
/* Refuses parameters that are there and that nothing here honours. NULL-terminated. */
bool refuse_params(struct dynamo_call *c, const struct json *in, const char *const *names);
/* ---- pieces of requests (table_request.c) ---- */

struct key_element {
    struct bytes name;
    struct bytes type;
};

struct key_list {
    const struct key_element *items;
    size_t n;
};

/* AttributeDefinitions; `type` is valid once the checks have passed. */
struct attr_list {
    bool present;
    const struct key_element *items; /* type: "S", "N", "B" */
    size_t n;
};

struct throughput_request {
    bool present;
    struct opt_int read;
    struct opt_int write;
};

/* A structure of two units a second, each optional. */
struct units_request {
    bool present;
    struct opt_int read;
    struct opt_int write;
};

/* OnDemandThroughput and WarmThroughput. */
struct limits_request {
    struct units_request on_demand;
    struct units_request warm;
};

struct index_request {
    struct bytes name;
    struct key_list keys;
    struct bytes projection; /* base NULL: not given */
    bool has_include;
    const struct bytes *include;
    size_t n_include;
    struct throughput_request throughput;
    struct limits_request limits;
};

struct index_list {
    bool present;
    struct index_request *items;
    size_t n;
};

struct stream_request {
    bool present;
    bool has_enabled;
    bool enabled;
    struct bytes view; /* base NULL: not given */
};

struct tag_list {
    bool present;
    struct core_tag *items;
    size_t n;
};

/* Whose key it is: only a global index's may be made of several attributes a part. */
enum key_owner { KEY_OF_TABLE, KEY_OF_LOCAL, KEY_OF_GLOBAL };

/* A path as DynamoDB writes it, or "" when no further fault would be reported. */
const char *check_path(struct checks *k, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Readers answer on wrong JSON types (false) and add constraints to `k`. `path` may be "". */
bool read_attrs(struct checks *k, const struct json *in, bool needed, struct attr_list *ret);
bool read_keys(
    struct checks *k,
    const struct json *in,
    const char *path,
    enum key_owner owner,
    struct key_list *ret);
bool read_throughput(
    struct checks *k, const struct json *in, const char *path, struct throughput_request *ret);
/* One index: name, KeySchema, Projection and (global) ProvisionedThroughput of `in`. */
bool read_index(
    struct checks *k,
    const struct json *in,
    const char *path,
    bool global,
    struct index_request *ret);
bool read_stream(struct checks *k, const struct json *in, struct stream_request *ret);
bool read_tags(struct dynamo_call *c, const struct json *in, struct tag_list *ret);
/* Words for tags that are not valid by themselves. */
bool tags_check(struct dynamo_call *c, const struct tag_list *tags);
bool tag_key_check(struct dynamo_call *c, struct bytes key);
#define TOO_MANY_TAGS "Number of Tags exceed the current limit for the provided ResourceArn"

/* The attribute's definition, or NULL. */
const struct key_element *attr_of(const struct attr_list *attrs, struct bytes name);
/* "S", "N", or else a binary. */
enum value_type to_type(struct bytes type);
/* What is wrong with the request as such, in words, or BYTES_NONE. These run in any thread. */
struct bytes keys_fault(
    struct arena *a,
    const struct key_list *keys,
    const struct attr_list *attrs,
    enum key_owner owner);
struct bytes projection_fault(struct arena *a, const struct index_request *x);
/* When all indexes of a table together name `n` attributes to be included. */
struct bytes included_fault(struct arena *a, size_t n);
struct bytes units_fault(struct arena *a, const struct throughput_request *t);
bool bytes_is_listed(const struct bytes *list, size_t n, struct bytes v);
/* Translations of what has passed the checks. */
MUST_CHECK enum err to_attrs(struct arena *a, const struct attr_list *from, struct core_table *ret);
MUST_CHECK enum err to_keys(
    struct arena *a,
    const struct key_list *keys,
    const struct attr_list *attrs,
    struct expr_key_schema *ret);
MUST_CHECK enum err to_index(
    struct arena *a,
    const struct index_request *x,
    const struct attr_list *attrs,
    bool local,
    struct core_index *ret);
enum core_stream_view to_stream_view(struct bytes view);

/* ---- descriptions (table_put.c) ---- */

/* A TableDescription. */
void put_table(
    struct dynamo_call *c,
    struct buf *b,
    const struct core_table *t,
    const struct table_counts *counts,
    enum telling how);
/* {"TableDescription":…} of a call's result: the whole answer. Of a table that goes it lacks keys,
 * attributes, creation time, indexes and replicas, as in DynamoDB. */
enum dynamo_step answer_table(struct table_call *t);
void put_seconds(struct buf *b, uint64_t ms);
/* "KeySchema":[…] and ,"Projection":{…} */
void put_key_schema(struct buf *b, const struct expr_key_schema *keys);
void put_projection(struct buf *b, const struct part_index *x);
const char *stream_view_name(enum core_stream_view v);
const char *status_name(enum core_status s);
/* "ACTIVE" and so on, "CREATION_FAILED" for a replica that could not be made. */
const char *replica_status_name(enum core_status s);

/* ---- OnDemandThroughput and WarmThroughput (table_limits.c) ---- */

bool read_limits(
    struct checks *k, const struct json *in, const char *path, struct limits_request *ret);
/* What is wrong with them for a table, or (name len > 0) a global index, that is being created with
 * `units`. BYTES_NONE: nothing. */
struct bytes limits_create_fault(
    struct arena *a,
    const struct limits_request *r,
    struct bytes index,
    bool on_demand,
    struct core_throughput units);
/* The same for one that is there. */
struct bytes limits_update_fault(
    struct arena *a,
    const struct limits_request *r,
    const struct core_table *wanted,
    struct bytes index,
    struct core_throughput units);
/* Sets the maxima in *units, and the warm throughput in t->extra. OK; ERR_TOO_BIG. */
MUST_CHECK enum err limits_apply(
    struct arena *a,
    const struct limits_request *r,
    struct core_table *t,
    struct bytes index,
    struct core_throughput *units);
/* Notes that the table or index was once as warm as this. OK; ERR_TOO_BIG. */
MUST_CHECK enum err warm_note(
    struct arena *a, struct core_table *t, struct bytes index, struct core_throughput units);
/* OnDemandThroughputOverride of a restore, what is wrong with it for a table that will be on demand
 * or not, and setting its maxima. */
bool read_maxima_override(struct dynamo_call *c, const struct json *in, struct units_request *ret);
struct bytes maxima_override_fault(struct arena *a, const struct units_request *r, bool on_demand);
void maxima_apply(const struct units_request *r, struct core_throughput *units);
/* ,"OnDemandThroughput":… unless there are none. */
void put_maxima(struct buf *b, bool on_demand, struct core_throughput units, enum telling how);
/* ,"OnDemandThroughput":… and ,"WarmThroughput":… */
void put_limits(
    struct buf *b,
    const struct core_table *t,
    struct bytes index,
    struct core_throughput units,
    enum telling how);
void put_warm(
    struct buf *b,
    const struct core_table *t,
    struct bytes index,
    struct core_throughput units,
    enum telling how);

/* ---- throughput history, kept in core_table.extra (table_history.c) ---- */

struct throughput_history {
    uint64_t increased_ms; /* 0: never */
    uint64_t decreased_ms;
    uint64_t decreases; /* on the day of decreased_ms */
};

/* Of the table (`index` len 0) or a global index. */
struct throughput_history history_of(const struct core_table *t, struct bytes index);
/* Notes a change in t->extra. OK; ERR_TOO_BIG. */
MUST_CHECK enum err history_note(
    struct arena *a,
    struct core_table *t,
    struct bytes index,
    struct core_throughput before,
    struct core_throughput after,
    uint64_t now_ms);
/* Takes the decrease that was noted of this change out of the count again: it counts from when the
 * update is done. OK; ERR_TOO_BIG. */
MUST_CHECK enum err history_uncount(
    struct arena *a,
    struct core_table *t,
    struct bytes index,
    struct core_throughput before,
    struct core_throughput after);
/* The words for a decrease that is one too many today, BYTES_NONE when it is not. */
struct bytes decreases_fault(
    struct arena *a,
    const struct core_table *t,
    struct bytes index,
    struct core_throughput before,
    struct core_throughput after,
    uint64_t now_ms);
/* A map of numbers in t->extra, by index name, and one of its numbers: 0 when there is none. */
uint64_t extra_number(
    const struct core_table *t, const char *map, struct bytes index, const char *name);
/* Puts two numbers there. OK; ERR_TOO_BIG. */
MUST_CHECK enum err extra_set_numbers(
    struct arena *a,
    struct core_table *t,
    const char *map,
    struct bytes index,
    uint64_t read,
    uint64_t write);
/* Puts a member into t->extra; v NULL: takes it out. OK; ERR_TOO_BIG. */
MUST_CHECK enum err extra_set(
    struct arena *a, struct core_table *t, const char *name, const struct value *v);
/* A time in t->extra, 0 when there is none. */
uint64_t extra_ms(const struct core_table *t, const char *name);
MUST_CHECK enum err extra_set_ms(
    struct arena *a, struct core_table *t, const char *name, uint64_t ms);

/* ---- global tables ---- */

/* The read units and class that a request asks of one replica. */
struct wish_request {
    struct core_wish wish;
    struct core_index_wish *indexes;
    bool any;
};

/* ReadCapacityUnits of a structure such as ProvisionedThroughputOverride (global_replica.c). */
bool read_units_field(
    struct checks *k, const struct json *in, const char *field, const char *path, uint64_t *ret);
/* In the writer: what a wish asks must be possible for a table like this. */
MUST_CHECK enum err wish_fault(
    struct table_call *t, const struct core_table *now, const struct core_wish *wish);
/* GlobalTableName with its constraints (global_table.c). */
bool global_name_field(struct checks *k, const struct json *in, struct bytes *ret);

/* ---- UpdateTable's parts ---- */

/* GlobalSecondaryIndexUpdates (table_update_index.c). */
enum index_action { INDEX_UPDATE, INDEX_CREATE, INDEX_DELETE };

struct index_update {
    unsigned n_actions; /* given; one is legal */
    enum index_action action;
    struct index_request index;
};

struct index_updates {
    bool present;
    struct index_update *items;
    size_t n;
};

bool read_index_updates(struct checks *k, const struct json *in, struct index_updates *ret);
/* Faults that the request alone shows. */
bool index_updates_check(struct dynamo_call *c, const struct index_updates *u);
/* Applies the updates to the indexes of `wanted`, which begins as a copy of `now`. */
MUST_CHECK enum err index_updates_apply(
    struct table_call *t,
    const struct core_table *now,
    const struct index_updates *u,
    const struct attr_list *attrs,
    struct core_table *wanted,
    struct arena *a);

/* MultiRegionConsistency and GlobalTableWitnessUpdates: regions that agree at once are not there,
 * and that they agree after a while is said with a new replica only. */
bool consistency_check(struct dynamo_call *c, const struct json *in, bool adds_replica);
/* ReplicaUpdates (global_replica.c): the whole operation. */
enum dynamo_step update_replicas_begin(
    struct dynamo_call *c, const struct json *in, struct bytes table);

/* ---- operations ---- */

/* What CreateTable's parameters ask for, checked (table_create.c). */
bool create_table_parse(
    struct dynamo_call *c, const struct json *in, struct bytes *ret_name, struct core_table *ret);

enum dynamo_step create_table_begin(struct dynamo_call *c, const struct json *in);
/* Of operations that answer with a TableDescription. */
enum dynamo_step table_change_resume(struct dynamo_call *c);
enum dynamo_step describe_table_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step describe_table_resume(struct dynamo_call *c);
enum dynamo_step delete_table_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step list_tables_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step put_policy_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step get_policy_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step delete_policy_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step policy_resume(struct dynamo_call *c);
enum dynamo_step describe_kinesis_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step enable_kinesis_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step enable_kinesis_resume(struct dynamo_call *c);
enum dynamo_step disable_kinesis_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step update_kinesis_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step describe_insights_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step update_insights_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step update_insights_resume(struct dynamo_call *c);
enum dynamo_step list_insights_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step describe_limits_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step describe_endpoints_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step describe_ttl_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step update_ttl_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step update_ttl_resume(struct dynamo_call *c);
enum dynamo_step update_table_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step create_global_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step update_global_begin(struct dynamo_call *c, const struct json *in);
/* Of both above. */
enum dynamo_step global_change_resume(struct dynamo_call *c);
enum dynamo_step describe_global_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step list_globals_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step describe_global_settings_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step update_global_settings_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step update_global_settings_resume(struct dynamo_call *c);
enum dynamo_step tag_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step untag_begin(struct dynamo_call *c, const struct json *in);
/* Of both above. */
enum dynamo_step tags_resume(struct dynamo_call *c);
enum dynamo_step list_tags_begin(struct dynamo_call *c, const struct json *in);

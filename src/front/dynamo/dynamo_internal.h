#pragma once

/* What the files of this room share. An operation is one entry in the table of dynamo.c and one
 * file: its `begin` gets the parsed body, its `resume` runs after a DYNAMO_SUBMIT or
 * DYNAMO_WAIT_MARKS.
 *
 * A function here that returns bool answers the call with an error when it returns false: the
 * caller then returns false (or DYNAMO_ANSWER) at once. Nothing is answered when it returns true.
 */

#include "front/dynamo/dynamo.h"

#define DYNAMO_ACCOUNT "000000000000"

enum {
    /* Deepest legal body: 32 nested AttributeValues (two JSON levels each) inside a
     * BatchWriteItem's envelope. Deeper ones up to here still get DynamoDB's own words about
     * nesting. */
    DYNAMO_JSON_DEPTH_MAX = 240,
    DYNAMO_CHECKS_MAX = 10, /* DynamoDB reports at most ten validation errors at once */
};

/* ---- the loop thread's front ---- */

struct signing_cache;

struct dynamo {
    struct bytes region;
    struct core_view view;
    struct core *core;
    const struct keystore *keystore;
    struct signing_cache *signing;
    bool signatures_off;
    bool region_any;
    unsigned read_shares;
    struct map read_buckets; /* table and global index: struct bucket */
    const struct dynamo_codings *codings;
    struct prng prng;
    struct json_parser *parser;
    struct buf out;          /* the answer being written; copied into the call's arena at the end */
    struct buf key;          /* scratch for encoded keys */
    struct buf signing_text; /* scratch for canonical requests */
    uint32_t crc32_table[8][256];
};

struct dynamo_op {
    const char *name;
    /* `in` lies on the stack, all it points to in the call's arena. */
    enum dynamo_step (*begin)(struct dynamo_call *c, const struct json *in);
    enum dynamo_step (*resume)(struct dynamo_call *c); /* NULL: begin always answers */
    const char *service; /* that its requests are signed for; NULL: DynamoDB */
};

/* ---- answers (answer.c) ---- */

/* AWS names; prefix and status are in answer.c's table. */
enum aws_error {
    AWS_VALIDATION,
    AWS_SERIALIZATION,
    AWS_UNKNOWN_OPERATION,
    AWS_MISSING_AUTHENTICATION,
    AWS_INCOMPLETE_SIGNATURE,
    AWS_INVALID_SIGNATURE,
    AWS_UNRECOGNIZED_CLIENT,
    AWS_CONDITIONAL_CHECK_FAILED,
    AWS_DUPLICATE_ITEM,
    AWS_COLLECTION_TOO_LARGE,
    AWS_TRANSACTION_CANCELED,
    AWS_IDEMPOTENT_MISMATCH,
    AWS_RESOURCE_NOT_FOUND,
    AWS_RESOURCE_IN_USE,
    AWS_TABLE_NOT_FOUND,
    AWS_TABLE_IN_USE,
    AWS_LIMIT_EXCEEDED,
    AWS_GLOBAL_TABLE_EXISTS,
    AWS_GLOBAL_TABLE_NOT_FOUND,
    AWS_REPLICA_EXISTS,
    AWS_REPLICA_NOT_FOUND,
    AWS_INDEX_NOT_FOUND,
    AWS_TRIMMED_DATA_ACCESS,
    AWS_EXPIRED_ITERATOR,
    AWS_OBJECT_NOT_FOUND,
    AWS_INVALID_NEXT_TOKEN,
    AWS_TABLE_EXISTS,
    AWS_BACKUP_NOT_FOUND,
    AWS_BACKUP_IN_USE,
    AWS_PITR_UNAVAILABLE,
    AWS_INVALID_RESTORE_TIME,
    AWS_INVALID_EXPORT_TIME,
    AWS_EXPORT_NOT_FOUND,
    AWS_EXPORT_CONFLICT,
    AWS_IMPORT_NOT_FOUND,
    AWS_IMPORT_CONFLICT,
    AWS_ACCESS_DENIED,
    AWS_THROUGHPUT_EXCEEDED,
    AWS_THROTTLING,
    AWS_PAYLOAD_TOO_LARGE,
    AWS_POLICY_NOT_FOUND,
    AWS_TOO_MANY_TAGS,
    AWS_INTERNAL,
    AWS_UNAVAILABLE,
    AWS_ERRORS,
};

/* What would have been answered: see call_note(). */
struct call_noted {
    enum aws_error error;
    struct bytes msg;
};

/* From here on the failing functions below note what they would answer in `*noted` and answer
 * nothing, until call_note(c, NULL): for operations whose parts fail each for itself. */
void call_note(struct dynamo_call *c, struct call_noted *noted);

/* Answers with an error; always returns false. A `msg` without base is left out of the body. */
bool call_fail(struct dynamo_call *c, enum aws_error error, struct bytes msg);
bool call_failf(struct dynamo_call *c, enum aws_error error, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* A ValidationException with these words. */
bool call_invalid(struct dynamo_call *c, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* ConditionalCheckFailedException, with the item as it stands unless `item` is NULL. Never noted.
 */
bool call_fail_condition(struct dynamo_call *c, const struct value *item);
/* What a transaction may have, of writes, reads or statements. */
enum { TRANSACTION_PARTS_MAX = 100, TRANSACTION_BYTES_MAX = 4 * 1024 * 1024 };
#define TRANSACTION_WRITES_TOO_LARGE "Transaction payload size cannot exceed 4 MB"
#define TRANSACTION_READS_TOO_LARGE \
    "The aggregate size of the items in the transaction exceeded 4 MB"
/* Why one part of a transaction was refused; code NULL: it was not. */
struct cancel_reason {
    const char *code;
    struct bytes msg;
    const struct value *item; /* or NULL */
};
/* Throttling with its reason ("TableReadProvisionedThroughputExceeded") and the ARN of what is used
 * up. */
bool call_fail_throttling(
    struct dynamo_call *c,
    enum aws_error error,
    struct bytes msg,
    struct bytes reason,
    struct bytes resource);
/* TransactionCanceledException with the reasons in order. */
bool call_cancel(struct dynamo_call *c, const struct cancel_reason *reasons, size_t n);
/* The answer for an `enum err` that no operation gives a meaning of its own: throttling, internal
 * errors, the arena's cap. `err` is not OK. */
bool call_fail_err(struct dynamo_call *c, enum err err);
/* Fills in the front's tables for the checksum; once a thread. */
void crc32_init(uint32_t table[8][256]);
/* CRC-32 as of zlib and Ethernet (ISO 3309), which x-amz-crc32 carries. */
uint32_t crc32_of(uint32_t table[8][256], struct bytes b);
/* A fresh, empty body buffer. Exactly one of call_ok() and the failing functions follows. */
struct buf *call_body(struct dynamo_call *c);
/* Answers 200 with what was written to call_body(). */
enum dynamo_step call_ok(struct dynamo_call *c);
/* Hands `cmd` to the writer: fills in arena and returns DYNAMO_SUBMIT. */
enum dynamo_step call_submit(struct dynamo_call *c, struct part_cmd *cmd);

/* Answers with a body that is no JSON, and without a media type. */
void call_raw(struct dynamo_call *c, unsigned status, struct bytes body);
/* Adds a header to the answer just made; `value` outlives the answer. */
void call_header(struct dynamo_call *c, struct bytes name, struct bytes value);

/* ---- HTTP around operations (envelope.c) ---- */

/* Answers, and returns false, when the request is none of a DynamoDB client: a browser's preflight,
 * the health line, another method or media type. Else notes how the answer has to look. */
bool envelope_open(struct dynamo_call *c);
/* The body, uncompressed. */
bool envelope_body(struct dynamo_call *c, struct bytes *ret);

/* ---- typed JSON fields (field.c): SerializationException when the type is wrong; null counts as
 * absent ---- */

/* Absent: *ret has no base. */
bool field_string(
    struct dynamo_call *c, const struct json *obj, const char *name, struct bytes *ret);
/* Absent: *ret unchanged. Takes the strings DynamoDB takes ("true", "no", "1"). */
bool field_bool(struct dynamo_call *c, const struct json *obj, const char *name, bool *ret);

struct opt_int {
    bool present;
    int64_t v; /* saturated */
};
/* `type` is "Integer" or "Long", for the words. Fractions are cut off, as DynamoDB does. */
bool field_int(
    struct dynamo_call *c,
    const struct json *obj,
    const char *name,
    const char *type,
    struct opt_int *ret);
/* A structure such as ProvisionedThroughput (`class` "ProvisionedThroughput" for the words).
 * Absent: NULL. */
bool field_struct(
    struct dynamo_call *c,
    const struct json *obj,
    const char *name,
    const char *class,
    const struct json **ret);
/* A map from names to `class` ("AttributeValue"). Absent: NULL. */
bool field_map(
    struct dynamo_call *c,
    const struct json *obj,
    const char *name,
    const char *class,
    const struct json **ret);
/* A list; its elements' types are not looked at. Absent: NULL. */
bool field_list(
    struct dynamo_call *c, const struct json *obj, const char *name, const struct json **ret);
/* A value that is there, whatever holds it. A structure is json_as_struct() as an element of a list
 * or map and json_as_member() as a member of a structure: they differ in their words. */
bool json_as_string(struct dynamo_call *c, const struct json *j, struct bytes *ret);
bool json_as_bool(struct dynamo_call *c, const struct json *j, bool *ret);
bool json_as_int(
    struct dynamo_call *c, const struct json *j, const char *type, struct opt_int *ret);
bool json_as_struct(struct dynamo_call *c, const struct json *j, const char *class);
bool json_as_member(struct dynamo_call *c, const struct json *j, const char *class);
bool json_as_map(struct dynamo_call *c, const struct json *j, const char *class);
bool json_as_list(struct dynamo_call *c, const struct json *j);
/* Base64. */
bool json_as_binary(struct dynamo_call *c, const struct json *j, struct bytes *ret);
/* Whether the field is there and not null. */
bool field_present(const struct json *obj, const char *name);

/* ---- the shapes of all requests (shape.c, shape_table.c) ---- */

/* Looks for JSON of the wrong type anywhere in the body of an operation by that name, in the order
 * of the body, and answers the call with the first. A name that is not known passes. */
bool shape_check(struct dynamo_call *c, const char *op_name, const struct json *in);

/* ---- "N validation errors detected" (field.c) ---- */

struct checks {
    struct dynamo_call *c;
    unsigned n;
    struct bytes msgs[DYNAMO_CHECKS_MAX];
};

/* Paths are as DynamoDB writes them: 'tableName', 'requestItems.t.member.keys'. Absent values pass
 * all checks but check_not_null(). */
void check_fail(struct checks *k, struct bytes shown, const char *path, const char *constraint);
void check_not_null(struct checks *k, const char *path, bool present);
void check_length(struct checks *k, const char *path, struct bytes v, size_t min, size_t max);
void check_count(
    struct checks *k, const char *path, struct bytes shown, size_t n, size_t min, size_t max);
/* `values` is the set as DynamoDB writes it: "A, B, C". */
void check_enum(struct checks *k, const char *path, struct bytes v, const char *values);
void check_range(struct checks *k, const char *path, struct opt_int v, int64_t min, int64_t max);
/* Letters, digits, '_', '-', '.', as names of tables and indexes are made. */
void check_name_chars(struct checks *k, const char *path, struct bytes v);
/* The usual three for a table name or ARN. */
void check_table_name(struct checks *k, const char *path, struct bytes v);
void check_index_name(struct checks *k, const char *path, struct bytes v);
/* Answers when any check failed. */
bool checks_done(struct checks *k);
/* Whether `v` is one of "A, B, C". */
bool enum_has(const char *values, struct bytes v);

/* ---- AttributeValues (attr.c) ---- */

enum { ATTR_NAME_BYTES_MAX = 65535 };

/* What is wrong with the name of an attribute, wherever it stands; NULL: nothing. */
const char *attr_name_fault(struct bytes name);

/* One tagged value. */
bool attr_parse(struct dynamo_call *c, const struct json *j, struct value *ret);
/* A map of them (an Item, a Key): OK with a VALUE_MAP. */
bool attr_map_parse(struct dynamo_call *c, const struct json *obj, struct value *ret);
/* As attr_parse(), but the fault comes back in words: OK; ERR_INVALID with *reterr_msg. A wrong
 * JSON type still answers the call: ERR_SYNTAX. ERR_TOO_BIG at the arena's cap, not answered. */
MUST_CHECK enum err attr_parse_quiet(
    struct dynamo_call *c, const struct json *j, struct value *ret, struct bytes *reterr_msg);
void attr_put(struct buf *b, const struct value *v);
/* {"name":{"S":"…"},…} of a VALUE_MAP. */
void attr_map_put(struct buf *b, const struct value *map);

/* ---- tables, keys, items (table.c) ---- */

/* The table a name or ARN stands for: "Requested resource not found" unless it is there and not
 * CREATING. The result holds until the catalog's next change, so not over a DYNAMO_SUBMIT. */
bool table_find(struct dynamo_call *c, struct bytes name, const struct core_table **ret);
/* Whether the table's resource-based policy, if it has one, lets the caller do this operation. */
bool policy_allows(struct dynamo_call *c, const struct core_table *t);
/* The table name in a name or ARN. */
struct bytes table_name_of(struct bytes name_or_arn);
/* Appends arn:aws:dynamodb:REGION:ACCOUNT:table/NAME. */
void put_table_arn(struct buf *b, struct bytes region, struct bytes name);
/* The same of the stream that was turned on at `created_ms`. */
void put_stream_arn(struct buf *b, struct bytes region, struct bytes table, uint64_t created_ms);
/* The names of all attributes an index holds that does not hold all; NULL at the arena's cap. */
struct bytes *index_attr_names(
    struct arena *a, const struct core_table *t, const struct part_index *x, size_t *ret_n);
/* An index by name, or NULL. Global ones come back with local false in part.local. */
const struct core_index *table_index(const struct core_table *t, struct bytes name);
/* The encoded primary key of a Key parameter: exactly the key attributes, right types, not empty,
 * not too long. */
bool key_parse(
    struct dynamo_call *c,
    const struct expr_key_schema *keys,
    const struct value *attrs,
    struct bytes *ret);
/* Whether `attrs` has a key's attribute, of its type, not empty and not too long. `before` begins
 * what is answered when it has not. */
bool key_attr_check(
    struct dynamo_call *c,
    const char *before,
    const struct expr_key_attr *attr,
    bool is_hash,
    const struct value *attrs);
/* The encoded primary key of an item to put, and the checks of its index key attributes. `batch`:
 * BatchWriteItem words type faults of the key otherwise. */
bool item_key(
    struct dynamo_call *c,
    const struct core_table *t,
    const struct value *item,
    bool batch,
    struct bytes *ret);

/* Refuses an update that alone, whatever the item is, gives a key of an index a wrong type;
 * `update` may be NULL. */
bool update_index_keys_check(
    struct dynamo_call *c, const struct core_table *t, const struct expr_update *update);
/* The words for an index key attribute `v` that has the wrong type, is empty or is too long; true
 * when it is none of these. */
bool index_key_fault(
    struct dynamo_call *c,
    const struct expr_key_attr *attr,
    struct bytes index_name,
    bool is_hash,
    const struct value *v);
/* A value that a Query compares with the key attribute `attr` of the table or of `index` (NULL: the
 * table), whose type is right: not empty, not too long. */
bool key_operand_check(
    struct dynamo_call *c,
    const struct core_index *index,
    const struct expr_key_attr *attr,
    bool is_hash,
    const struct value *v);

/* ---- expressions (exprs.c) ---- */

/* The parameters an operation takes, by name. Names NULL-terminated. */
struct expr_params {
    const char *const *expressions; /* "ConditionExpression", … in DynamoDB's order of listing */
    const char *const *legacy;      /* "Expected", … */
};
/* Refuses mixtures of the two, and names or values without an expression. */
bool exprs_check(struct dynamo_call *c, const struct json *in, const struct expr_params *p);
/* Reads ExpressionAttributeNames and ExpressionAttributeValues. */
bool exprs_env(struct dynamo_call *c, const struct json *in, struct expr_env *ret);
/* Parses the expression `name` if it is there; *ret NULL when not. */
bool exprs_cond(
    struct dynamo_call *c,
    const struct json *in,
    const char *name,
    struct expr_env *env,
    const struct expr_cond **ret);
bool exprs_projection(
    struct dynamo_call *c,
    const struct json *in,
    struct expr_env *env,
    const struct expr_projection **ret);
bool exprs_update(
    struct dynamo_call *c,
    const struct json *in,
    struct expr_env *env,
    const struct expr_update **ret);
/* After all are parsed. */
bool exprs_unused(struct dynamo_call *c, const struct expr_env *env);

/* A request's parsed expressions, each or NULL. */
struct exprs_parsed {
    const struct expr_cond *condition;
    const struct expr_projection *projection;
    const struct expr_update *update;
};
/* Refuses paths that go on below a key attribute of the table or of one of its indexes. */
bool exprs_paths_check(
    struct dynamo_call *c, const struct core_table *t, const struct exprs_parsed *x);

/* ---- the parameters from before expressions (legacy.c): *ret is left alone when they are absent
 * ---- */

/* "Expected", "QueryFilter" or "ScanFilter", joined by ConditionalOperator. */
bool legacy_cond(
    struct dynamo_call *c, const struct json *in, const char *param, const struct expr_cond **ret);
/* AttributesToGet. */
bool legacy_projection(
    struct dynamo_call *c, const struct json *in, const struct expr_projection **ret);
/* AttributeUpdates. */
bool legacy_update(struct dynamo_call *c, const struct json *in, const struct expr_update **ret);
/* KeyConditions, which are there, in two steps as expr_key_form_parse(). */
struct legacy_keys;
bool legacy_keys_read(struct dynamo_call *c, const struct json *in, const struct legacy_keys **ret);
bool legacy_keys_resolve(
    struct dynamo_call *c,
    const struct legacy_keys *conds,
    const struct expr_key_schema *keys,
    struct expr_key_cond *ret);
/* The constraints of these parameters, among those of the request's others. Names
 * NULL-terminated. All functions above expect that they hold. */
void legacy_checks(struct checks *k, const struct json *in, const char *const *names);

/* ---- capacity (capacity.c) ---- */

enum return_capacity { CAPACITY_NONE, CAPACITY_TOTAL, CAPACITY_INDEXES };

/* Units in halves, so that eventually consistent reads stay whole numbers. */
struct capacity {
    struct bytes table;
    uint64_t halves;                 /* of the table itself */
    const struct bytes *index_names; /* n_indexes of each */
    const bool *index_local;
    uint64_t *index_halves;
    size_t n_indexes;
    const char *kind; /* of a transaction: the units are told under this name too; else NULL */
};

/* Reads and checks ReturnConsumedCapacity ("returnConsumedCapacity" in the words). */
bool field_capacity(
    struct dynamo_call *c, struct checks *k, const struct json *in, enum return_capacity *ret);
/* A tally for `t`, named as it was `given`, with room for its indexes, all names copied: it holds
 * over a DYNAMO_SUBMIT. NULL at the cap. */
struct capacity *capacity_new(struct arena *a, const struct core_table *t, struct bytes given);
uint64_t capacity_read_halves(size_t bytes, bool consistent);
/* What a page read in its table of items that an index did not hold whole. */
uint64_t capacity_fetched_halves(const struct core_page *page, bool consistent);
/* Adds what a done write cost. */
void capacity_add_op(struct capacity *cap, const struct part_op *op);
/* As above for one part of a transaction: the table's own part counts double. */
void capacity_add_transacted(struct capacity *cap, const struct part_op *op);
/* {"TableName":…,"CapacityUnits":…} and, for CAPACITY_INDEXES, the parts. */
void capacity_put(struct buf *b, const struct capacity *cap, enum return_capacity want);

/* ---- item collections (collection.c) ---- */

/* The collection an item belongs to, copied, as a ReturnItemCollectionMetrics of SIZE tells it. */
struct collection {
    struct bytes key; /* base NULL: the table has none, or it was not asked for */
    struct value value;
};

/* Reads and checks ReturnItemCollectionMetrics. */
bool field_metrics(struct dynamo_call *c, struct checks *k, const struct json *in, bool *ret);
/* Of an item or key with its attributes `attrs` in `t`; empty when `t` has no local index. False
 * (nothing answered) at the arena's cap. */
bool collection_of(
    struct arena *a, const struct core_table *t, const struct value *attrs, struct collection *ret);
/* {"ItemCollectionKey":…,"SizeEstimateRangeGB":[…]} */
void collection_put(struct buf *b, const struct collection *m, uint64_t bytes);
bool fail_collection_too_large(struct dynamo_call *c);

/* ---- what the call used, for meters (usage.c): nothing here fails; at the arena's cap it goes
 * uncounted ---- */

/* `table` is a name or ARN that lives as long as the call; `index` NULL: the table itself. */
void usage_read(
    struct dynamo_call *c, struct bytes table, const struct core_index *index, uint64_t halves);
/* A write that was done or whose condition failed; the table's own units count `times`, which is 2
 * in a transaction. */
void usage_write(
    struct dynamo_call *c, struct bytes table, const struct part_op *op, unsigned times);
/* An op of a transaction that had been done before: it costs the read that found that out, which is
 * taken from the table's read units too. */
void usage_repeated(struct dynamo_call *c, struct bytes table, const struct part_op *op);
/* A read or write that was not let in. */
struct spent;
void usage_refused(struct dynamo_call *c, const struct spent *s);

/* ---- capacity that is used up (throttle.c) ---- */

/* Whether the read units of the table, or of a global `index`, are used up. */
bool throttled(struct dynamo_call *c, const struct core_table *t, const struct core_index *index);
/* Takes what a read cost. */
void throttle_take(
    struct dynamo_call *c,
    const struct core_table *t,
    const struct core_index *index,
    uint64_t halves);

/* Whose units are used up. */
struct spent {
    struct bytes table;
    struct bytes index; /* a global one's; len 0: the table's own units */
    bool write;
    bool on_demand; /* the most that OnDemandThroughput lets in, not what is provisioned */
};

struct spent spent_read(const struct core_table *t, const struct core_index *index);
/* Of an op that the writer refused as throttled. */
struct spent spent_write(
    struct dynamo_call *c, struct bytes table_name_or_arn, const struct part_op *op);
/* Whether that is how the writer refused it. */
bool op_throttled(const struct part_op *op);
/* ProvisionedThroughputExceededException or ThrottlingException. */
bool call_fail_spent(struct dynamo_call *c, const struct spent *s);
/* The same, and meters it. */
bool fail_throttled(struct dynamo_call *c, const struct spent *s);
/* As the reason for cancelling a transaction; meters it. */
struct cancel_reason throttled_reason(struct dynamo_call *c, const struct spent *s);
/* Forgets all buckets. */
void throttles_free(struct dynamo *d);

/* ---- request tokens (token.c) ---- */

/* The token by which an operation (`scope`, its own letter) is done once; what is asked for is
 * `request`, whose objects' members may come in any order. Base NULL: *ret NULL. */
bool token_of(
    struct dynamo_call *c,
    char scope,
    struct bytes text,
    const struct json *request,
    struct part_token **ret);
/* 1 to 36 characters. */
void check_token(struct checks *k, struct bytes text);

/* ---- signatures (sigv4.c) ---- */

struct signing_cache *signing_cache_new(void);
void signing_cache_free(struct signing_cache *s);
void signing_cache_clear(struct signing_cache *s);
/* Verifies the request's AWS Signature Version 4, in the header or in the query. */
bool signature_check(struct dynamo_call *c);

/* A header's value by lower-case name, base NULL when absent. The last one wins. */
struct bytes header_find(const struct dynamo_request *r, const char *name);

/* ---- writes (item_write.c) ---- */

/* Refuses an update of key attributes; `update` may be NULL. */
bool update_keys_check(
    struct dynamo_call *c, const struct core_table *t, const struct expr_update *update);
/* Answers for an operation that the writer refused. `table_name` as the catalog has it. */
bool op_fail(
    struct dynamo_call *c, const struct part_op *op, struct bytes table_name, bool item_on_failure);

/* ---- operations ---- */

/* RequestItems of both batch operations: well-named tables. */
void batch_names_check(struct checks *k, const struct json *map);
/* That none of them is named twice, by its name and by its ARN. */
bool batch_tables_differ(struct dynamo_call *c, const struct json *map);

enum dynamo_step put_item_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step get_item_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step update_item_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step delete_item_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step write_resume(struct dynamo_call *c); /* of the three writes above */
enum dynamo_step batch_write_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step batch_write_resume(struct dynamo_call *c);
enum dynamo_step batch_get_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step transact_write_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step transact_write_resume(struct dynamo_call *c);
enum dynamo_step transact_get_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step query_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step scan_begin(struct dynamo_call *c, const struct json *in);

/* Of DynamoDB Streams. */
enum dynamo_step list_streams_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step describe_stream_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step get_shard_iterator_begin(struct dynamo_call *c, const struct json *in);
enum dynamo_step get_records_begin(struct dynamo_call *c, const struct json *in);

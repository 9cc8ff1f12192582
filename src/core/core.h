#pragma once

/* The database as its fronts see it, in nobody's protocol words: a catalog of tables, groups and
 * members; reads with paging; administration as calls that run inside the writer.
 *
 * The catalog is the content of system table PART_TABLE_CATALOG, one row an object, decoded. Each
 * thread has a `struct catalog` of its own and is fed the same rows in the same order, so nothing
 * is shared. Rows:
 *
 *   kind "member"   name REGION            a region of the cluster
 *   kind "table"    name REGION/TABLE      a region's table; only that region writes it
 *   kind "group"    name TABLE             a global table: same-named tables that replicate to each
 * other kind "replica"  name TABLE/REGION      one table's membership in its group
 *
 * All are replicated to every member, so every region knows all tables of all regions, a flight
 * time late. Concurrent changes to one row merge as any item does: last writer wins. */

#include "base/base.h"
#include "doc/doc.h"
#include "engine/engine.h"
#include "expr/expr.h"
#include "hlc/hlc.h"
#include "part/part.h"

enum {
    CORE_PAGE_BYTES_MAX = 1024 * 1024, /* data read by one Query or Scan page */
    CORE_GSI_MAX = 20,
    CORE_LSI_MAX = 5,
    CORE_REGIONS_MAX = 32,
    CORE_TABLES_MAX = 10000, /* of one region */
    CORE_SPANS_MAX = 4,      /* memberships of one table that are remembered */
    CORE_TAGS_MAX = 50,
    CORE_TABLE_SEEDS =
        16, /* system table: this region's seed needs, keyed (table S, from S); never shipped */
    CORE_TABLE_JOBS =
        17, /* system table: this region's backups, restores, exports and imports, keyed (kind S,
               name S); never shipped. What stands in a row is the `backup` room's affair. */
};

/* ---- what the catalog holds ---- */

enum core_status { CORE_CREATING, CORE_ACTIVE, CORE_UPDATING, CORE_DELETING, CORE_FAILED };

/* The numbers are stored: never renumber. */
enum core_stream_view {
    CORE_STREAM_NONE,
    CORE_STREAM_KEYS_ONLY,
    CORE_STREAM_NEW_IMAGE,
    CORE_STREAM_OLD_IMAGE,
    CORE_STREAM_NEW_AND_OLD_IMAGES,
};

/* What may be read and written in a second: provisioned, or at most on demand. */
struct core_throughput {
    uint64_t read_units; /* 0 and 0: on demand */
    uint64_t write_units;
    uint64_t read_max; /* on demand: 0: nobody set one; CORE_UNITS_UNLIMITED: somebody set none */
    uint64_t write_max;
};
#define CORE_UNITS_UNLIMITED ((uint64_t)INT64_MAX)

struct core_table;
/* The read units a second that bound a table, or a global index of it, whose throughput is `x`; 0:
 * nothing does. */
uint64_t core_read_bound(const struct core_table *t, const struct core_throughput *x);

struct core_index {
    struct part_index part; /* id, name, keys, projection */
    enum core_status status;
    bool backfilling;
    struct core_throughput throughput;
};

struct core_tag {
    struct bytes key;
    struct bytes value;
};

/* A table of a 2017 group is a table before it and behind: positions of our log at which, and
 * between which, our changes of it are the group's. */
struct core_span {
    struct local_pos since;
    struct local_pos left; /* 0: it has not left since */
};

/* One region's table. Immutable; valid until the catalog's next change. */
struct core_table {
    /* id, name, keys, indexes as the writer uses them (building ones included) */
    struct part_table part;
    struct bytes region; /* where it lives */
    struct bytes uuid;   /* TableId, 8-4-4-4-12 hex */
    uint64_t created_ms;
    const struct expr_key_attr *attrs; /* AttributeDefinitions, as declared */
    size_t n_attrs;
    const struct core_index *indexes; /* same order as part.indexes */
    size_t n_indexes;
    struct core_throughput throughput;
    uint64_t billing_changed_ms; /* 0: never */
    enum core_status status;
    enum core_stream_view stream; /* NONE: disabled */
    /* Label of the latest stream, kept after disabling; 0: never had one. */
    uint64_t stream_created_ms;
    uint64_t join; /* the `join` of the replica that this table became last; 0: never was one */
    struct core_span spans[CORE_SPANS_MAX]; /* oldest first */
    uint32_t n_spans;                       /* 0: while it is in a group, all changes are its */
    bool on_demand;
    bool deletion_protection;
    /* Of an ungrouped table with a stream: holds no item, as its owner last published. */
    bool empty;
    bool filling; /* a restore or an import still writes it: CREATING until that says it is done */
    struct bytes table_class; /* "STANDARD", "STANDARD_INFREQUENT_ACCESS" */
    /* Point-in-time recovery is on since then, so the log keeps old images; 0: it is off. An update
     * that switches it on sets the time itself. */
    uint64_t pitr_since_ms;
    uint32_t pitr_days; /* how far back it shall reach; 0 when off */
    const struct core_tag *tags;
    size_t n_tags;
    struct value extra; /* map of settings that only a front understands, kept as they came */
};

struct core_replica {
    struct bytes region;
    uint64_t table; /* the group's id when it joined; another id: of an earlier group, not
                       replicated to */
    uint64_t join;  /* random; tells this membership from earlier ones of the same region */
    struct region_id member; /* whom it was made for: another id than the region's of today is a
                                region of that name that was removed. 0: rows from before this */
    enum core_status status; /* CREATING until its data is there */
    uint64_t created_ms;
    struct value extra;
};

enum core_group_version { CORE_GROUP_2017 = 2017, CORE_GROUP_2019 = 2019 };

struct core_group {
    struct bytes name;
    uint64_t table; /* the cluster table id all replicas share */
    enum core_group_version version;
    uint64_t created_ms;
    struct bytes source;                 /* the region whose table the group began with */
    const struct core_replica *replicas; /* sorted by region, at least one */
    size_t n_replicas;
};

struct core_member {
    struct bytes region;
    struct region_id id;
    struct bytes http_address; /* "127.0.0.1:8000" */
    struct bytes link_address; /* "127.0.0.1:9000" */
    bool removed; /* its log is no longer taken; a region that comes back must join anew */
    uint64_t joined_ms;
};

struct catalog;

struct catalog *catalog_new(struct bytes own_region);
void catalog_free(struct catalog *c);
/* Takes a row in (item NULL: it is gone). OK; ERR_CORRUPT when the row does not decode: ignored. */
MUST_CHECK enum err catalog_apply(
    struct catalog *c, const struct value *key, const struct value *item);
struct bytes catalog_region(const struct catalog *c);
/* Results are NULL when there is none, and valid until the next catalog_apply(). */
const struct core_table *catalog_table(
    const struct catalog *c, struct bytes name); /* our region's */
const struct core_table *catalog_table_in(
    const struct catalog *c, struct bytes region, struct bytes name);
const struct core_table *catalog_table_by_id(
    const struct catalog *c, uint64_t id); /* our region's */
/* Our region's tables in name order: the first whose name is greater than `after` (len 0: from the
 * start). */
const struct core_table *catalog_table_after(const struct catalog *c, struct bytes after);
const struct core_group *catalog_group(const struct catalog *c, struct bytes name);
const struct core_group *catalog_group_by_table(const struct catalog *c, uint64_t table);
const struct core_group *catalog_group_after(const struct catalog *c, struct bytes after);
/* A group's replica in `region`, or NULL. */
const struct core_replica *core_group_replica(const struct core_group *g, struct bytes region);
const struct core_member *catalog_member(const struct catalog *c, struct bytes region);
const struct core_member *catalog_member_by_id(const struct catalog *c, struct region_id id);
const struct core_member *catalog_member_after(const struct catalog *c, struct bytes after);
/* Whether changes of table `id` in our log go to `region`: it is a member, and holds or is building
 * a replica of the same group as we (the system catalog: every member does). Of ourselves: whether
 * we do. */
bool catalog_replicates_to(const struct catalog *c, uint64_t table, struct region_id region);
/* As above for a region that proved its name although its member row may still be on its way: its
 * replica's row may have come before, by another region's log. */
bool catalog_replicates_to_name(const struct catalog *c, uint64_t table, struct bytes region);
/* As above, of our own change of the table at a position of our log: what a table that left its
 * group had written before it did still goes out, and what it wrote while it was none does not. */
bool catalog_ships(
    const struct catalog *c, uint64_t table, struct local_pos pos, struct bytes region);
/* Whether a seed need of `region` for table `id` may be served from here now: we hold the table
 * (all of it, for a whole need); we ship its changes there, so nothing falls between snapshot and
 * log; and the region's own word that it joined has arrived, with everything it had written before,
 * so that a region which comes back finds its own old writes in the snapshot. */
bool catalog_serves_seed(
    const struct catalog *c, uint64_t table, struct region_id region, bool whole);

/* ---- reading (any thread, with that thread's catalog) ---- */

struct core_view {
    struct engine *engine;
    const struct catalog *catalog;
    struct engine_snapshot *snap; /* core_get() reads this state; NULL: the latest committed */
};

/* One item; `projection` may be NULL. `ret_bytes` is the whole item's size, 0 when there is none.
 * OK; ERR_NOT_FOUND (no such item); ERR_IO; ERR_CORRUPT; ERR_TOO_BIG. */
MUST_CHECK enum err core_get(
    const struct core_view *v,
    const struct core_table *t,
    struct bytes key,
    const struct expr_projection *projection,
    struct arena *a,
    struct value *ret,
    size_t *ret_bytes);

/* A page of a Query or Scan. */
struct core_page {
    /* in */
    const struct core_table *table;
    const struct core_index *index;    /* NULL: the table */
    const struct expr_key_cond *query; /* NULL: scan */
    uint32_t segment;                  /* scan; total_segments 0 counts as 1 */
    uint32_t total_segments;
    bool backward;
    uint64_t limit;            /* items evaluated; 0: none */
    const struct value *after; /* ExclusiveStartKey, checked by the caller against the schema */
    const struct expr_cond *filter;           /* or NULL */
    const struct expr_projection *projection; /* or NULL */
    bool fetch_whole; /* index read that wants attributes the index lacks: get each from the table
                         (local indexes) */
    bool count_only;
    /* out, in the arena */
    const struct value *items;
    size_t n_items;
    uint64_t count;         /* items that passed the filter */
    uint64_t scanned;       /* items evaluated */
    size_t bytes;           /* read and counted against the page */
    size_t bytes_fetched;   /* of fetch_whole's table reads */
    uint64_t units_fetched; /* of 4 KB, each read rounded up for itself */
    bool has_last;
    struct value last; /* LastEvaluatedKey: key attributes of the last item evaluated */
};
/* Stops at limit, CORE_PAGE_BYTES_MAX, or the end; as in DynamoDB a page that stops at the limit
 * has a last key even if nothing follows. OK; ERR_INVALID (`after` outside the range); ERR_IO;
 * ERR_CORRUPT; ERR_TOO_BIG. */
MUST_CHECK enum err core_page_read(
    const struct core_view *v, struct core_page *page, struct arena *a);

/* ---- streams: which stretch of our log is whose feed (any thread, from committed notes) ---- */

enum {
    CORE_EPOCHS_MAX = 64,
    CORE_FEED_SECRET_BYTES = 16,
    CORE_STREAMS_ENDED_MAX = 1000, /* streams of a region that have ended and can still be read */
};

/* From `first` on the stream's table has this id. */
struct core_stream_span {
    uint64_t table;
    struct local_pos first;
};

/* One life of a table's stream: the changes of its table at positions [first, last] of our log. */
struct core_stream {
    struct bytes table; /* its name */
    uint64_t created_ms;
    enum core_stream_view view;
    struct expr_key_schema keys;
    struct local_pos first;
    struct local_pos last;                /* UINT64_MAX while it is on */
    uint64_t ended_ms;                    /* 0: it is on */
    const struct core_stream_span *spans; /* at least one, growing */
    size_t n_spans;
};

/* All streams' log is cut at the same positions; shards are made from the pieces. */
struct core_epoch {
    struct local_pos first;
    uint64_t began_ms;
};

struct core_feed {
    uint8_t secret[CORE_FEED_SECRET_BYTES]; /* ours alone: proves that an iterator is our own */
    struct local_pos before; /* where the epoch before the first began, if there was one; else 0 */
    struct core_epoch epochs[CORE_EPOCHS_MAX]; /* what lies before the first is forgotten */
    size_t n_epochs;                           /* at least one */
};

/* OK; ERR_NOT_FOUND (no stream, or none of late); ERR_IO; ERR_CORRUPT; ERR_FORMAT. */
MUST_CHECK enum err core_feed_read(const struct part_reader *r, struct core_feed *ret);
/* A stream by table and label. OK; ERR_NOT_FOUND; ERR_IO; ERR_CORRUPT; ERR_FORMAT; ERR_TOO_BIG. */
MUST_CHECK enum err core_stream_read(
    const struct part_reader *r,
    struct bytes table,
    uint64_t created_ms,
    struct arena *a,
    struct core_stream *ret);
/* At most `max` streams, of one table (len 0: of all), after `after` (NULL: from the start) by
 * table and label; of `after` only these two are read. OK, or as above. */
MUST_CHECK enum err core_streams_list(
    const struct part_reader *r,
    struct bytes table,
    const struct core_stream *after,
    struct arena *a,
    size_t max,
    const struct core_stream **ret,
    size_t *ret_n);

/* ---- the writer's side ---- */

enum {
    CORE_STREAM_RETENTION_MS = 24 * 3600 * 1000,
    CORE_STREAM_SHARD_MS = 4 * 3600 * 1000,
};

struct core_config {
    struct part_config part;      /* catalog_changed and ctx are core's own and ignored here */
    struct bytes region;          /* our name; copied */
    uint64_t seed;                /* for ids */
    uint32_t stream_retention_ms; /* how long streams' records are kept; 0: the default above */
    uint32_t stream_shard_ms;     /* how old a shard becomes before the next begins; likewise */
    uint32_t ttl_sweep_ms;        /* how often items whose time is over are deleted; 0: never */
    /* Told after each commit, on the writer thread, of catalog rows that changed, for the other
     * threads' catalogs. Borrowed. May be NULL. */
    void (*catalog_row)(void *ctx, const struct value *key, const struct value *item);
    /* Told, on the writer thread, of items of a table that were deleted because they had expired.
     * May be NULL. */
    void (*expired)(void *ctx, struct bytes table, size_t n);
    void *ctx;
};

struct core;

/* Opens part and catalog. Errors as part_open(). */
MUST_CHECK enum err core_open(const struct core_config *config, uint64_t now_ms, struct core **ret);
void core_close(struct core *c);
struct part *core_part(struct core *c);
const struct catalog *core_catalog(const struct core *c);
/* Group commit plus core's own errands (backfill, dropping, announcing rows). Call when commands
 * wait or core_deadline() has come. Commands come back through part_take_done(), core's own
 * excepted: take them with core_take_done(), which hides those. */
MUST_CHECK enum err core_commit(struct core *c, uint64_t now_ms);
struct part_cmd *core_take_done(struct core *c);
/* How often core looked after a name so far, which is when seed needs come and go: whoever keeps a
 * copy of them reads anew after a core_commit() in which this grew. The rows that were told during
 * that commit came too early for it. */
uint64_t core_looks(const struct core *c);
/* Wall time at which core_commit() wants to run although nothing waits; UINT64_MAX: never. */
uint64_t core_deadline(const struct core *c);

/* ---- administration: filled in, sent to the writer as a PART_CMD_CALL running core_admin_run ----
 */

enum core_admin_kind {
    CORE_ADMIN_CREATE_TABLE,
    CORE_ADMIN_UPDATE_TABLE,
    CORE_ADMIN_DELETE_TABLE,
    CORE_ADMIN_SET_TTL,        /* time to live on or off, by `ttl` and `ttl_on` */
    CORE_ADMIN_CREATE_GROUP,   /* 2017: joins existing, empty, same-keyed tables */
    CORE_ADMIN_ADD_REPLICA,    /* makes a 2019 group when there is none; creates and seeds the table
                                  there */
    CORE_ADMIN_REMOVE_REPLICA, /* 2017: the table stays, alone; 2019: it is deleted there */
    CORE_ADMIN_SET_REPLICA,    /* asks replicas for settings of their own (`wishes`) */
    CORE_ADMIN_FILL_TABLE,     /* ends the filling of our table whose uuid is table->uuid: with
                                  `fill_failed` it goes, else it opens */
    CORE_ADMIN_REPLICA_SEEDED, /* our replica of `name` has all data: becomes ACTIVE in this commit
                                */
    CORE_ADMIN_PUT_MEMBER,     /* `member`, new or changed */
    CORE_ADMIN_REMOVE_MEMBER,  /* `regions`: their replicas and seed needs go too */
};

/* Why an administration call was refused, for the front to word. */
enum core_refusal {
    CORE_REFUSED_NOT,
    CORE_REFUSED_TABLE_EXISTS, /* here, or (ADD_REPLICA, 2019) in `refused_region` */
    CORE_REFUSED_TABLE_MISSING,
    CORE_REFUSED_TABLE_BUSY, /* CREATING, UPDATING or DELETING */
    CORE_REFUSED_PROTECTED,
    CORE_REFUSED_INDEX_EXISTS,
    CORE_REFUSED_INDEX_MISSING,
    CORE_REFUSED_INDEXES_BUSY, /* DELETE_TABLE: an index is not ACTIVE */
    CORE_REFUSED_INDEX_BUSY,   /* one index a table is created or deleted at a time */
    CORE_REFUSED_GROUP_EXISTS,
    CORE_REFUSED_GROUP_MISSING,
    CORE_REFUSED_REGION_UNKNOWN,
    CORE_REFUSED_REPLICA_EXISTS,
    CORE_REFUSED_REPLICA_MISSING,
    CORE_REFUSED_REPLICA_TABLE_MISSING, /* no such table in region `refused_region` */
    CORE_REFUSED_KEYS_DIFFER,
    CORE_REFUSED_STREAM_NEEDED,
    CORE_REFUSED_NOT_EMPTY,
    CORE_REFUSED_BILLING_DIFFERS, /* capacity settings or indexes unlike the other replicas' */
    CORE_REFUSED_TOO_MANY,
    CORE_REFUSED_TTL_ON,     /* SET_TTL: is on already, with the same attribute */
    CORE_REFUSED_TTL_OTHER,  /* SET_TTL: is on, with the attribute `refused_ttl` */
    CORE_REFUSED_TTL_OFF,    /* SET_TTL: is off already */
    CORE_REFUSED_IS_REPLICA, /* DELETE_TABLE of a 2017 replica: it must leave its group first */
};

/* Settings that a replica keeps for itself and follows when it sees them. */
struct core_index_wish {
    struct bytes name;
    uint64_t read_units; /* 0: as they are */
    uint64_t read_max;   /* 0: as it is */
};

struct core_wish {
    uint64_t read_units; /* 0: as they are */
    uint64_t read_max;   /* 0: as it is */
    const struct core_index_wish *indexes;
    size_t n_indexes;
    struct bytes table_class; /* len 0: as it is */
    /* Of the table's `extra`: members to replace in the map of that name, and (VALUE_NULL) to take
     * out of it. len 0: none. */
    struct bytes extra_name;
    struct value extra; /* VALUE_MAP */
};

struct core_admin {
    enum core_admin_kind kind;
    struct core *core;
    struct bytes name; /* table */
    /* CREATE: everything the caller wants the table to be (ids, region, status are filled in by
     * core; uuid too unless it is set). UPDATE: the table as it shall become; which parts differ
     * decides. New indexes have part.id 0; indexes that are missing are dropped. */
    const struct core_table *table;
    bool settings_only;          /* UPDATE of tags, `extra`, maxima on demand, protection against
                                    deletion or point-in-time recovery alone: allowed in any state,
                                    status unchanged */
    bool fill_failed;            /* FILL_TABLE */
    const struct bytes *regions; /* groups and replicas */
    size_t n_regions;
    struct value extra;             /* of a new replica */
    const struct core_wish *wishes; /* SET_REPLICA, ADD_REPLICA: one a region; ADD: or NULL */
    const struct core_member *member;
    struct bytes ttl;
    bool ttl_on;
    /* out, in the command's arena */
    enum core_refusal refusal;
    struct bytes refused_region;
    struct bytes refused_ttl;
    /* Deep copy of the table after the change, or NULL. Its status is CREATING, UPDATING or
     * DELETING although the errands that end that state usually run in the same core_commit(). */
    struct core_table *result;
};

/* A PART_CMD_CALL's run function; arg is the struct core_admin. OK, or
 * ERR_INVALID/ERR_EXISTS/ERR_NOT_FOUND/ ERR_IN_USE/ERR_LIMIT with `refusal` saying why. */
MUST_CHECK enum err core_admin_run(void *arg, struct part_stage *s, struct arena *a);

/* A deep copy into an arena. NULL at its cap. */
struct core_table *core_table_dup(struct arena *a, const struct core_table *t);
/* A random TableId, 8-4-4-4-12 hex in `a`, for a CREATE_TABLE that must name it beforehand. base
 * NULL at the cap. */
struct bytes core_uuid(struct prng *prng, struct arena *a);
/* A table's row as a value, and back; both borrow. OK; ERR_TOO_BIG; of decode also ERR_CORRUPT,
 * ERR_FORMAT. */
MUST_CHECK enum err core_table_encode(
    struct arena *a, const struct core_table *t, struct value *ret);
MUST_CHECK enum err core_table_decode(
    struct arena *a, const struct value *row, struct core_table *ret);
/* The schema of CORE_TABLE_JOBS. */
struct part_table core_jobs_schema(void);

/* ---- errands of replication: which of our tables still need whose data (survives restarts) ----
 *
 * Whoever answers another region's need serves it only once its own catalog_serves_seed() says so;
 * before, the asker tries again later. When it holds no replica of the table it says so, and the
 * asker stages core_seed_void(). */

struct core_seed_need {
    uint64_t table;
    struct region_id from;
    bool whole;          /* everything, from one source; else only what `from` itself wrote last */
    struct bytes cursor; /* storage position reached */
};
/* Calls `each` for every open need, ours, read from the engine. OK; ERR_IO; ERR_CORRUPT. */
MUST_CHECK enum err core_seed_needs(
    const struct part_reader *r,
    void (*each)(void *ctx, const struct core_seed_need *need),
    void *ctx);
/* Stages progress (done false) or the end (done true) of a need; one that is no longer open is left
 * alone. Not done and with an empty cursor it opens the need, anew if it had been open or done
 * before (what a region that was fenced asks for; also of PART_TABLE_CATALOG), unless we are, or
 * the region is, no replica of the table any more, or it was removed: then it does nothing. A
 * replica that is ACTIVE asks for everything. OK, or an error of part_stage_put(). When the last
 * need of a replica is done core makes it ACTIVE by itself. */
MUST_CHECK enum err core_seed_progress(
    struct part_stage *s, const struct core_seed_need *need, bool done);
/* Stages that the region asked holds no replica of the table. Ends an own-only need whose replica
 * has never been seen here: it went before we came. Any other stays open while we are in the
 * table's group; rows on their way will say what became of the replica, and core then drops the
 * need or turns it to another source. Where we are in no such group any more, it is dropped. OK, or
 * an error of part_stage_put(). */
MUST_CHECK enum err core_seed_void(struct part_stage *s, const struct core_seed_need *need);

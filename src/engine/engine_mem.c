/* An ordered map in memory: a treap whose nodes are shared between states and never changed while
 * shared.
 *
 * A state of the store is a root. Taking a snapshot is taking a reference on the root; a write
 * copies the path from the root to what it changes, except nodes nobody else refers to, which it
 * changes in place. So snapshots are O(1), iterators stay valid whatever is written, and a power
 * cut is going back to the root of the last synced write.
 *
 * Invariants
 *  1. In a node's left subtree all keys are smaller, in the right all greater; priorities do not
 * increase downwards.
 *  2. A priority is a hash of its key, so a state's shape depends on its contents alone: one
 * history, one tree.
 *  3. `bytes` of a node is the sum over its subtree.
 *  4. A node with one reference, reached over nodes with one reference each, belongs to nobody
 * else.
 *
 * Depth is logarithmic in the number of keys unless keys are chosen against the hash, which nobody
 * does to a test double; TREE_DEPTH_MAX asserts it. Not promised: thread safety, durability, a
 * memory bound. */
#include "engine/engine.h"

#include <stdlib.h>

#include "engine/engine_ops.h"

enum { TREE_DEPTH_MAX = 192 };

struct entry {
    unsigned refs;
    uint32_t key_len;
    uint32_t value_len;
    uint8_t data[]; /* key, then value */
};

struct node {
    unsigned refs;
    uint64_t prio;
    struct entry *entry;
    struct node *left;
    struct node *right;
    uint64_t bytes;
};

/* Snapshots and iterators hang on their engine, so that a crash can take their states away. */
struct handle {
    struct handle *next;
    struct handle *prev;
    struct node *root;
    bool lost;                        /* to a crash */
    struct engine_snapshot *snapshot; /* what it belongs to: one of the two */
    struct engine_iter *iter;
};

struct mem {
    struct engine head;
    struct node *now;
    struct node *durable;
    struct handle handles; /* sentinel of a ring */
    unsigned fail_in;      /* writes until the first failing one, that one included; 0: never */
    bool fail_for_ever;
    bool fail_applied;
};

struct mem_snapshot {
    struct engine_snapshot head;
    struct handle handle;
};

struct mem_iter {
    struct engine_iter head;
    struct handle handle;
    struct buf bounds; /* lo, then hi */
    size_t lo_len;
    const struct node *path[TREE_DEPTH_MAX]; /* from the root to where it stands */
    size_t depth;
};

enum mem_op_kind { MEM_PUT, MEM_DELETE, MEM_DELETE_RANGE };

struct mem_op {
    enum mem_op_kind kind;
    uint32_t a_len; /* key, or lo */
    uint32_t b_len; /* value, or hi */
};

struct mem_batch {
    struct engine_batch head;
    struct mem_op *ops;
    size_t n_ops;
    size_t ops_cap;
    struct buf data; /* of all operations, in order */
};

/* ---- entries and nodes ---- */

static void *take_memory(size_t n)
{
    void *p = malloc(n);
    ASSERT(p != NULL);
    return p;
}

static struct bytes entry_key(const struct entry *e)
{
    return bytes_of(e->data, e->key_len);
}

static struct bytes entry_value(const struct entry *e)
{
    return bytes_of(e->data + e->key_len, e->value_len);
}

static struct entry *entry_new(struct bytes key, struct bytes value)
{
    struct entry *e = take_memory(sizeof *e + key.len + value.len);
    *e = (struct entry){.refs = 1, .key_len = (uint32_t)key.len, .value_len = (uint32_t)value.len};
    if (key.len > 0) {
        memcpy(e->data, key.base, key.len);
    }
    if (value.len > 0) {
        memcpy(e->data + key.len, value.base, value.len);
    }
    return e;
}

static void entry_unref(struct entry *e)
{
    ASSERT(e->refs > 0);
    if (--e->refs == 0) {
        free(e);
    }
}

static struct node *node_ref(struct node *n)
{
    if (n != NULL) {
        n->refs++;
    }
    return n;
}

static void node_unref(struct node *n)
{
    while (n != NULL) {
        ASSERT(n->refs > 0);
        if (--n->refs > 0) {
            return;
        }
        struct node *right = n->right;
        node_unref(n->left); /* as deep as the tree at most */
        entry_unref(n->entry);
        free(n);
        n = right;
    }
}

static uint64_t bytes_in(const struct node *n)
{
    return n == NULL ? 0 : n->bytes;
}

static uint64_t entry_bytes(const struct entry *e)
{
    return (uint64_t)e->key_len + e->value_len;
}

static struct node *node_sum(struct node *n)
{
    n->bytes = bytes_in(n->left) + bytes_in(n->right) + entry_bytes(n->entry);
    return n;
}

/* Gives a node that may be changed, for one reference to `n`. */
static struct node *node_own(struct node *n)
{
    if (n->refs == 1) {
        return n;
    }
    struct node *copy = take_memory(sizeof *copy);
    *copy = *n;
    copy->refs = 1;
    copy->entry->refs++;
    (void)node_ref(copy->left);
    (void)node_ref(copy->right);
    n->refs--;
    return copy;
}

/* ---- trees; each function takes over the references it is given and hands out those it returns
 * ---- */

/* Keys below `key` to *ret_low, the others to *ret_high. */
static void tree_split(
    struct node *t, struct bytes key, struct node **ret_low, struct node **ret_high)
{
    if (t == NULL) {
        *ret_low = NULL;
        *ret_high = NULL;
        return;
    }
    t = node_own(t);
    if (bytes_cmp(entry_key(t->entry), key) < 0) {
        tree_split(t->right, key, &t->right, ret_high);
        *ret_low = node_sum(t);
    } else {
        tree_split(t->left, key, ret_low, &t->left);
        *ret_high = node_sum(t);
    }
}

/* Every key of `low` is below every key of `high`. */
static struct node *tree_join(struct node *low, struct node *high)
{
    if (low == NULL) {
        return high;
    }
    if (high == NULL) {
        return low;
    }
    if (low->prio >= high->prio) {
        low = node_own(low);
        low->right = tree_join(low->right, high);
        return node_sum(low);
    }
    high = node_own(high);
    high->left = tree_join(low, high->left);
    return node_sum(high);
}

static struct node *tree_put(struct node *t, struct entry *e, uint64_t prio)
{
    if (t == NULL || prio > t->prio) {
        /* Were the key below `t`, its priority would be at most t's: equal keys have equal ones. */
        struct node *n = take_memory(sizeof *n);
        *n = (struct node){.refs = 1, .prio = prio, .entry = e};
        tree_split(t, entry_key(e), &n->left, &n->right);
        return node_sum(n);
    }
    t = node_own(t);
    int c = bytes_cmp(entry_key(e), entry_key(t->entry));
    if (c == 0) {
        entry_unref(t->entry);
        t->entry = e;
    } else if (c < 0) {
        t->left = tree_put(t->left, e, prio);
    } else {
        t->right = tree_put(t->right, e, prio);
    }
    return node_sum(t);
}

static struct node *tree_delete(struct node *t, struct bytes key)
{
    if (t == NULL) {
        return NULL;
    }
    t = node_own(t);
    int c = bytes_cmp(key, entry_key(t->entry));
    if (c == 0) {
        struct node *low = t->left;
        struct node *high = t->right;
        t->left = NULL;
        t->right = NULL;
        node_unref(t);
        return tree_join(low, high);
    }
    if (c < 0) {
        t->left = tree_delete(t->left, key);
    } else {
        t->right = tree_delete(t->right, key);
    }
    return node_sum(t);
}

static struct node *tree_delete_range(struct node *t, struct bytes lo, struct bytes hi)
{
    struct node *low;
    struct node *mid;
    struct node *high;
    tree_split(t, lo, &low, &mid);
    tree_split(mid, hi, &mid, &high);
    node_unref(mid);
    return tree_join(low, high);
}

static const struct entry *tree_find(const struct node *t, struct bytes key)
{
    while (t != NULL) {
        int c = bytes_cmp(key, entry_key(t->entry));
        if (c == 0) {
            return t->entry;
        }
        t = c < 0 ? t->left : t->right;
    }
    return NULL;
}

/* Bytes of the entries below `key`. */
static uint64_t tree_bytes_below(const struct node *t, struct bytes key)
{
    uint64_t sum = 0;
    while (t != NULL) {
        if (bytes_cmp(entry_key(t->entry), key) < 0) {
            sum += bytes_in(t->left) + entry_bytes(t->entry);
            t = t->right;
        } else {
            t = t->left;
        }
    }
    return sum;
}

/* ---- handles ---- */

static void handle_open(struct mem *m, struct handle *h, struct node *root)
{
    *h = (struct handle){.next = m->handles.next, .prev = &m->handles, .root = node_ref(root)};
    h->next->prev = h;
    m->handles.next = h;
}

static void handle_close(struct handle *h)
{
    h->next->prev = h->prev;
    h->prev->next = h->next;
    node_unref(h->root);
}

/* ---- snapshots and reads ---- */

static struct engine_snapshot *mem_snapshot_open(struct engine *e)
{
    struct mem *m = (struct mem *)e;
    struct mem_snapshot *s = take_memory(sizeof *s);
    s->head.engine = e;
    handle_open(m, &s->handle, m->now);
    s->handle.snapshot = &s->head;
    return &s->head;
}

static void mem_snapshot_close(struct engine_snapshot *snap)
{
    struct mem_snapshot *s = (struct mem_snapshot *)snap;
    handle_close(&s->handle);
    free(s);
}

static enum err mem_get(
    struct engine *e, struct engine_snapshot *snap, struct bytes key, struct buf *ret)
{
    const struct node *root = ((struct mem *)e)->now;
    if (snap != NULL) {
        const struct mem_snapshot *s = (struct mem_snapshot *)snap;
        if (s->handle.lost) {
            return ERR_IO;
        }
        root = s->handle.root;
    }
    const struct entry *found = tree_find(root, key);
    if (found == NULL) {
        return ERR_NOT_FOUND;
    }
    buf_put_bytes(ret, entry_value(found));
    return ret->err;
}

/* ---- iterators ---- */

static struct bytes iter_lo(const struct mem_iter *it)
{
    return bytes_of(it->bounds.base, it->lo_len);
}

static struct bytes iter_hi(const struct mem_iter *it)
{
    return bytes_from(buf_bytes(&it->bounds), it->lo_len);
}

static struct engine_iter *mem_iter_open(
    struct engine *e, struct engine_snapshot *snap, struct bytes lo, struct bytes hi, bool once)
{
    (void)once;
    struct mem *m = (struct mem *)e;
    struct mem_iter *it = take_memory(sizeof *it);
    it->head = (struct engine_iter){0};
    it->depth = 0;
    it->lo_len = lo.len;
    buf_init(&it->bounds, SIZE_MAX);
    buf_put_bytes(&it->bounds, lo);
    buf_put_bytes(&it->bounds, hi);
    struct mem_snapshot *s = (struct mem_snapshot *)snap;
    handle_open(m, &it->handle, s == NULL ? m->now : s->handle.root);
    it->handle.iter = &it->head;
    it->handle.lost = s != NULL && s->handle.lost;
    return &it->head;
}

static void mem_iter_close(struct engine_iter *iter)
{
    struct mem_iter *it = (struct mem_iter *)iter;
    handle_close(&it->handle);
    buf_done(&it->bounds);
    free(it);
}

static void path_push(struct mem_iter *it, const struct node *n)
{
    ASSERT(it->depth < TREE_DEPTH_MAX);
    it->path[it->depth++] = n;
}

/* Cuts the path back to `depth` nodes; 0 is nowhere. True when the last of them lies within the
 * bounds. */
static bool iter_settle(struct mem_iter *it, size_t depth)
{
    it->depth = depth;
    if (it->handle.lost) {
        it->head.err = ERR_IO;
        return false;
    }
    if (depth == 0) {
        return false;
    }
    const struct entry *e = it->path[depth - 1]->entry;
    struct bytes hi = iter_hi(it);
    if (bytes_cmp(entry_key(e), iter_lo(it)) < 0 ||
        (hi.len > 0 && bytes_cmp(entry_key(e), hi) >= 0)) {
        it->depth = 0;
        return false;
    }
    it->head.key = entry_key(e);
    it->head.value = entry_value(e);
    return true;
}

/* To the first key >= `key`. */
static bool seek_up(struct mem_iter *it, struct bytes key)
{
    size_t best = 0;
    it->depth = 0;
    const struct node *n = it->handle.root;
    while (n != NULL) {
        path_push(it, n);
        if (bytes_cmp(entry_key(n->entry), key) >= 0) {
            best = it->depth;
            n = n->left;
        } else {
            n = n->right;
        }
    }
    return iter_settle(it, best);
}

/* To the last key < `key`, or <= `key` with `or_equal`. */
static bool seek_down(struct mem_iter *it, struct bytes key, bool or_equal)
{
    size_t best = 0;
    it->depth = 0;
    const struct node *n = it->handle.root;
    while (n != NULL) {
        path_push(it, n);
        if (bytes_cmp(entry_key(n->entry), key) < (or_equal ? 1 : 0)) {
            best = it->depth;
            n = n->right;
        } else {
            n = n->left;
        }
    }
    return iter_settle(it, best);
}

static bool mem_iter_first(struct engine_iter *iter)
{
    struct mem_iter *it = (struct mem_iter *)iter;
    return seek_up(it, iter_lo(it));
}

static bool mem_iter_last(struct engine_iter *iter)
{
    struct mem_iter *it = (struct mem_iter *)iter;
    struct bytes hi = iter_hi(it);
    if (hi.len > 0) {
        return seek_down(it, hi, /* or_equal= */ false);
    }
    it->depth = 0;
    for (const struct node *n = it->handle.root; n != NULL; n = n->right) {
        path_push(it, n);
    }
    return iter_settle(it, it->depth);
}

static bool mem_iter_seek(struct engine_iter *iter, struct bytes key)
{
    struct mem_iter *it = (struct mem_iter *)iter;
    struct bytes lo = iter_lo(it);
    return seek_up(it, bytes_cmp(key, lo) < 0 ? lo : key);
}

static bool mem_iter_seek_back(struct engine_iter *iter, struct bytes key)
{
    struct mem_iter *it = (struct mem_iter *)iter;
    struct bytes hi = iter_hi(it);
    if (hi.len > 0 && bytes_cmp(key, hi) >= 0) {
        return seek_down(it, hi, /* or_equal= */ false);
    }
    return seek_down(it, key, /* or_equal= */ true);
}

static bool mem_iter_next(struct engine_iter *iter)
{
    struct mem_iter *it = (struct mem_iter *)iter;
    if (it->handle.lost) {
        return iter_settle(it, 0);
    }
    const struct node *n = it->path[it->depth - 1];
    if (n->right != NULL) {
        for (n = n->right; n != NULL; n = n->left) {
            path_push(it, n);
        }
        return iter_settle(it, it->depth);
    }
    while (it->depth > 1 && it->path[it->depth - 2]->right == it->path[it->depth - 1]) {
        it->depth--;
    }
    return iter_settle(it, it->depth - 1);
}

static bool mem_iter_prev(struct engine_iter *iter)
{
    struct mem_iter *it = (struct mem_iter *)iter;
    if (it->handle.lost) {
        return iter_settle(it, 0);
    }
    const struct node *n = it->path[it->depth - 1];
    if (n->left != NULL) {
        for (n = n->left; n != NULL; n = n->right) {
            path_push(it, n);
        }
        return iter_settle(it, it->depth);
    }
    while (it->depth > 1 && it->path[it->depth - 2]->left == it->path[it->depth - 1]) {
        it->depth--;
    }
    return iter_settle(it, it->depth - 1);
}

/* ---- batches ---- */

static struct engine_batch *mem_batch_new(struct engine *e)
{
    (void)e;
    struct mem_batch *b = take_memory(sizeof *b);
    *b = (struct mem_batch){0};
    buf_init(&b->data, SIZE_MAX);
    return &b->head;
}

static void mem_batch_free(struct engine_batch *batch)
{
    struct mem_batch *b = (struct mem_batch *)batch;
    buf_done(&b->data);
    free(b->ops);
    free(b);
}

static void mem_batch_clear(struct engine_batch *batch)
{
    struct mem_batch *b = (struct mem_batch *)batch;
    b->n_ops = 0;
    buf_clear(&b->data);
}

static void batch_add(
    struct engine_batch *batch, enum mem_op_kind kind, struct bytes first, struct bytes second)
{
    struct mem_batch *b = (struct mem_batch *)batch;
    if (b->n_ops == b->ops_cap) {
        b->ops_cap = b->ops_cap == 0 ? 16 : b->ops_cap * 2;
        b->ops = realloc(b->ops, b->ops_cap * sizeof *b->ops);
        ASSERT(b->ops != NULL);
    }
    b->ops[b->n_ops++] = (struct mem_op){kind, (uint32_t)first.len, (uint32_t)second.len};
    buf_put_bytes(&b->data, first);
    buf_put_bytes(&b->data, second);
}

static void mem_batch_put(struct engine_batch *b, struct bytes key, struct bytes value)
{
    batch_add(b, MEM_PUT, key, value);
}

static void mem_batch_delete(struct engine_batch *b, struct bytes key)
{
    batch_add(b, MEM_DELETE, key, BYTES_NONE);
}

static void mem_batch_delete_range(struct engine_batch *b, struct bytes lo, struct bytes hi)
{
    batch_add(b, MEM_DELETE_RANGE, lo, hi);
}

static size_t mem_batch_bytes(const struct engine_batch *batch)
{
    const struct mem_batch *b = (const struct mem_batch *)batch;
    return b->data.len + b->n_ops * sizeof *b->ops;
}

static struct node *apply_op(
    struct node *root, enum mem_op_kind kind, struct bytes first, struct bytes second)
{
    switch (kind) {
    case MEM_PUT:
        return tree_put(root, entry_new(first, second), hash64(first, /* seed= */ 0));
    case MEM_DELETE:
        return tree_find(root, first) == NULL ? root : tree_delete(root, first);
    case MEM_DELETE_RANGE:
        return tree_delete_range(root, first, second);
    }
    UNREACHABLE();
}

static void apply_batch(struct mem *m, const struct mem_batch *b)
{
    struct reader r = reader_of(buf_bytes(&b->data));
    for (size_t i = 0; i < b->n_ops; i++) {
        struct bytes first = get_bytes(&r, b->ops[i].a_len);
        struct bytes second = get_bytes(&r, b->ops[i].b_len);
        m->now = apply_op(m->now, b->ops[i].kind, first, second);
    }
    ASSERT(!r.bad);
    ASSERT(reader_left(&r) == 0);
}

static void make_durable(struct mem *m)
{
    struct node *old = m->durable;
    m->durable = node_ref(m->now);
    node_unref(old);
}

/* Whether this write is one of those that fail. */
static bool fault_due(struct mem *m)
{
    if (m->fail_in == 0) {
        return false;
    }
    if (m->fail_in > 1) {
        m->fail_in--;
        return false;
    }
    if (!m->fail_for_ever) {
        m->fail_in = 0;
    }
    return true;
}

static enum err mem_write(struct engine *e, struct engine_batch *batch, bool sync)
{
    struct mem *m = (struct mem *)e;
    const struct mem_batch *b = (const struct mem_batch *)batch;
    if (fault_due(m)) {
        if (m->fail_applied) {
            apply_batch(m, b);
            make_durable(m);
        }
        return ERR_IO;
    }
    apply_batch(m, b);
    if (sync) {
        make_durable(m);
    }
    return OK;
}

/* ---- the rest ---- */

static enum err mem_checkpoint(struct engine *e, const char *path)
{
    (void)e;
    (void)path;
    return ERR_INVALID;
}

static void mem_stats(struct engine *e, struct engine_stats *ret)
{
    ret->memory_bytes = bytes_in(((const struct mem *)e)->now);
}

static uint64_t mem_range_bytes(struct engine *e, struct bytes lo, struct bytes hi)
{
    const struct mem *m = (const struct mem *)e;
    uint64_t below_hi = hi.len == 0 ? bytes_in(m->now) : tree_bytes_below(m->now, hi);
    return below_hi - tree_bytes_below(m->now, lo);
}

static void lose_handles(struct mem *m)
{
    for (struct handle *h = m->handles.next; h != &m->handles; h = h->next) {
        node_unref(h->root);
        h->root = NULL;
        h->lost = true;
    }
}

static void mem_close(struct engine *e)
{
    struct mem *m = (struct mem *)e;
    /* What a crash orphaned may never have been closed; anything else left open is its owner's
     * mistake. */
    while (m->handles.next != &m->handles) {
        struct handle *h = m->handles.next;
        ASSERT(h->lost);
        if (h->iter != NULL) {
            mem_iter_close(h->iter);
        } else {
            mem_snapshot_close(h->snapshot);
        }
    }
    node_unref(m->now);
    node_unref(m->durable);
    free(m);
}

static const struct engine_ops mem_ops = {
    .close = mem_close,
    .get = mem_get,
    .snapshot_open = mem_snapshot_open,
    .snapshot_close = mem_snapshot_close,
    .iter_open = mem_iter_open,
    .iter_close = mem_iter_close,
    .iter_first = mem_iter_first,
    .iter_last = mem_iter_last,
    .iter_seek = mem_iter_seek,
    .iter_seek_back = mem_iter_seek_back,
    .iter_next = mem_iter_next,
    .iter_prev = mem_iter_prev,
    .batch_new = mem_batch_new,
    .batch_free = mem_batch_free,
    .batch_clear = mem_batch_clear,
    .batch_put = mem_batch_put,
    .batch_delete = mem_batch_delete,
    .batch_delete_range = mem_batch_delete_range,
    .batch_bytes = mem_batch_bytes,
    .write = mem_write,
    .checkpoint = mem_checkpoint,
    .stats = mem_stats,
    .range_bytes = mem_range_bytes,
};

struct engine *engine_mem_new(void)
{
    struct mem *m = take_memory(sizeof *m);
    *m = (struct mem){.head.ops = &mem_ops};
    m->handles.next = &m->handles;
    m->handles.prev = &m->handles;
    return &m->head;
}

static struct mem *mem_of(struct engine *e)
{
    ASSERT(e->ops == &mem_ops);
    return (struct mem *)e;
}

void engine_mem_crash(struct engine *e)
{
    struct mem *m = mem_of(e);
    lose_handles(m);
    struct node *lost = m->now;
    m->now = node_ref(m->durable);
    node_unref(lost);
}

void engine_mem_fail_write(struct engine *e, unsigned n, bool for_ever, bool applied)
{
    struct mem *m = mem_of(e);
    m->fail_in = n;
    m->fail_for_ever = for_ever;
    m->fail_applied = applied;
}

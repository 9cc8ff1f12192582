/* NextToken of ExecuteStatement: where a SELECT goes on, sealed and bound to its statement
 * (docs/formats/next-token.md). A token that was not made here is "Invalid NextToken", one that
 * was made for another statement or other parameters "does not match request". It says nothing that
 * its holder has not read, so it is sealed against mistakes and meddling, not kept secret. */
#include "front/dynamo/statement_token.h"

enum { TOKEN_VERSION = 1, TOKEN_BYTES_MAX = 64 * 1024, SEED = 0x7071 };

static uint64_t binding_of(const struct statement *s)
{
    struct buf b;
    buf_init(&b, /* len_max= */ 32 * 1024 * 1024);
    put_lenbytes(&b, s->text);
    for (size_t i = 0; i < s->n_params; i++) {
        value_encode(&b, &s->params[i]);
    }
    uint64_t hash = hash64(buf_bytes(&b), SEED);
    buf_done(&b);
    return hash;
}

static void put_seal(struct buf *b)
{
    put_u64(b, hash64(buf_bytes(b), SEED));
}

void statement_token_put(struct buf *to, const struct statement *s, const struct statement_at *at)
{
    struct buf b;
    buf_init(&b, TOKEN_BYTES_MAX);
    buf_put_u8(&b, TOKEN_VERSION);
    put_u64(&b, binding_of(s));
    put_varint(&b, at->read);
    buf_put_u8(&b, at->has_after);
    if (at->has_after) {
        value_encode(&b, &at->after);
    }
    put_seal(&b);
    put_base64(to, buf_bytes(&b));
    buf_done(&b);
}

static bool invalid(struct dynamo_call *c)
{
    return call_invalid(c, "Invalid NextToken");
}

bool statement_token_read(
    struct dynamo_call *c, const struct statement *s, struct bytes text, struct statement_at *ret)
{
    struct bytes raw;
    enum { SEAL = 8 };
    if (base64_decode(c->arena, text, &raw) != OK || raw.len <= SEAL) {
        return invalid(c);
    }
    struct bytes sealed = bytes_of(raw.base, raw.len - SEAL);
    struct reader seal = reader_of(bytes_from(raw, sealed.len));
    struct reader r = reader_of(sealed);
    if (get_u64(&seal) != hash64(sealed, SEED) || get_u8(&r) != TOKEN_VERSION) {
        return invalid(c);
    }
    if (get_u64(&r) != binding_of(s)) {
        return call_invalid(c, "NextToken does not match request");
    }
    *ret = (struct statement_at){.read = (size_t)get_varint(&r), .has_after = get_u8(&r) != 0};
    struct bytes after = get_bytes(&r, reader_left(&r));
    size_t n_reads = s->reads.scan ? 1 : s->reads.n_reads;
    if (r.bad || ret->read >= n_reads ||
        (ret->has_after &&
         (value_decode(c->arena, after, &ret->after) != OK || ret->after.type != VALUE_MAP))) {
        return invalid(c);
    }
    return true;
}

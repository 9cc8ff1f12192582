/* Mutual proof of the cluster secret. The proof covers both nonces, both region ids and the
 * prover's role in that pair, so it can be replayed neither later nor back at its maker. */
#include "repl/repl.h"

static void proof_of(
    const struct repl_handshake *h,
    struct region_id prover,
    const uint8_t *prover_nonce,
    struct region_id checker,
    const uint8_t *checker_nonce,
    uint8_t ret[SHA256_LEN])
{
    struct buf b;
    buf_init(&b, 256);
    buf_put_str(&b, "godwit link proof 1");
    put_u64(&b, prover.v);
    buf_put(&b, prover_nonce, REPL_NONCE_BYTES);
    put_u64(&b, checker.v);
    buf_put(&b, checker_nonce, REPL_NONCE_BYTES);
    ASSERT(b.err == OK);
    hmac_sha256(bytes_of(h->secret, SHA256_LEN), buf_bytes(&b), ret);
    buf_done(&b);
}

void repl_handshake_begin(
    struct repl_handshake *h,
    struct bytes secret,
    struct region_id self,
    struct bytes name,
    const uint8_t nonce[REPL_NONCE_BYTES],
    struct buf *ret_frame)
{
    ASSERT(self.v != 0);
    ASSERT(name.len <= REPL_REGION_NAME_MAX);
    *h = (struct repl_handshake){.state = REPL_HANDSHAKE_HELLO, .self = self};
    memcpy(h->nonce, nonce, REPL_NONCE_BYTES);
    sha256(secret, h->secret);
    struct repl_frame f = {
        .type = REPL_HELLO,
        .hello = {
            .protocol = REPL_PROTOCOL,
            .region = self,
            .name = name,
            .nonce = bytes_of(h->nonce, REPL_NONCE_BYTES),
        }};
    repl_frame_encode(ret_frame, &f);
}

static enum err take_hello(
    struct repl_handshake *h, const struct repl_frame *f, struct buf *ret_frame)
{
    /* First of all what it calls itself, so that whoever is refused can be named. */
    bool named = f->hello.name.len > 0 && f->hello.name.len <= REPL_REGION_NAME_MAX;
    if (named) {
        memcpy(h->peer_name, f->hello.name.base, f->hello.name.len);
        h->peer_name[f->hello.name.len] = '\0';
    }
    if (f->hello.protocol != REPL_PROTOCOL) {
        return ERR_FORMAT;
    }
    if (!named || f->hello.nonce.len != REPL_NONCE_BYTES || f->hello.region.v == 0) {
        return ERR_INVALID;
    }
    if (f->hello.region.v == h->self.v) {
        return ERR_AUTH;
    }
    h->peer = f->hello.region;
    memcpy(h->peer_nonce, f->hello.nonce.base, REPL_NONCE_BYTES);
    uint8_t mac[SHA256_LEN];
    proof_of(h, h->self, h->nonce, h->peer, h->peer_nonce, mac);
    struct repl_frame proof = {.type = REPL_PROOF, .proof = {.mac = bytes_of(mac, SHA256_LEN)}};
    repl_frame_encode(ret_frame, &proof);
    h->state = REPL_HANDSHAKE_PROOF;
    return OK;
}

static enum err take_proof(struct repl_handshake *h, const struct repl_frame *f)
{
    uint8_t mac[SHA256_LEN];
    proof_of(h, h->peer, h->peer_nonce, h->self, h->nonce, mac);
    if (!bytes_eq_secret(f->proof.mac, bytes_of(mac, SHA256_LEN))) {
        return ERR_AUTH;
    }
    h->state = REPL_HANDSHAKE_DONE;
    return OK;
}

enum err repl_handshake_step(
    struct repl_handshake *h, const struct repl_frame *f, struct buf *ret_frame)
{
    if (h->state == REPL_HANDSHAKE_HELLO && f->type == REPL_HELLO) {
        return take_hello(h, f, ret_frame);
    }
    if (h->state == REPL_HANDSHAKE_PROOF && f->type == REPL_PROOF) {
        return take_proof(h, f);
    }
    return ERR_INVALID;
}

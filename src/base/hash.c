/* The one file that sees libxxhash and OpenSSL's digests. */
#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>
#include <xxhash.h>

#include "base/assert.h"

uint64_t hash64(struct bytes b, uint64_t seed)
{
    return XXH3_64bits_withSeed(b.base, b.len, seed);
}

struct hash128 hash128(struct bytes b, uint64_t seed)
{
    XXH128_hash_t h = XXH3_128bits_withSeed(b.base, b.len, seed);
    return (struct hash128){h.low64, h.high64};
}

void sha256(struct bytes b, uint8_t ret[SHA256_LEN])
{
    static const uint8_t none[1] = {0};
    (void)SHA256(b.len == 0 ? none : b.base, b.len, ret);
}

void hmac_sha256(struct bytes key, struct bytes msg, uint8_t ret[SHA256_LEN])
{
    static const uint8_t none[1] = {0};
    ASSERT(key.len <= INT32_MAX);
    unsigned len = 0;
    const void *made = HMAC(
        EVP_sha256(),
        key.len == 0 ? none : key.base,
        (int)key.len,
        msg.len == 0 ? none : msg.base,
        msg.len,
        ret,
        &len);
    ASSERT(made != NULL);
    ASSERT(len == SHA256_LEN);
}

bool bytes_eq_secret(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.base, b.base, a.len) == 0);
}

struct md5 *md5_new(void)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    ASSERT(ctx != NULL);
    int rc = EVP_DigestInit_ex(ctx, EVP_md5(), NULL);
    ASSERT(rc == 1);
    return (struct md5 *)ctx;
}

void md5_free(struct md5 *m)
{
    EVP_MD_CTX_free((EVP_MD_CTX *)m);
}

void md5_add(struct md5 *m, struct bytes b)
{
    int rc = b.len == 0 ? 1 : EVP_DigestUpdate((EVP_MD_CTX *)m, b.base, b.len);
    ASSERT(rc == 1);
}

void md5_end(struct md5 *m, uint8_t ret[MD5_LEN])
{
    int rc = EVP_DigestFinal_ex((EVP_MD_CTX *)m, ret, NULL);
    ASSERT(rc == 1);
}

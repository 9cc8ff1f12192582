/* The one file that sees libxxhash and OpenSSL's digests.
 *
 * SHA-256 is called by its older interface. The newer one looks its provider up by name at each
 * call: half a microsecond for a digest and two for an HMAC whose own work takes a fifth of that,
 * several times a request; and the first call reads OpenSSL's configuration and sets up all of its
 * algorithms, which took a tenth of a region's start. */
#define OPENSSL_API_COMPAT 10101 /* for the older interface without warnings */
#include "base/hash.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/sha.h>
#include <string.h>
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

static void sha256_add(SHA256_CTX *c, struct bytes b)
{
    if (b.len > 0) {
        int rc = SHA256_Update(c, b.base, b.len);
        ASSERT(rc == 1);
    }
}

static void sha256_end(SHA256_CTX *c, uint8_t ret[SHA256_LEN])
{
    int rc = SHA256_Final(ret, c);
    ASSERT(rc == 1);
}

static void sha256_begin(SHA256_CTX *c)
{
    int rc = SHA256_Init(c);
    ASSERT(rc == 1);
}

void sha256(struct bytes b, uint8_t ret[SHA256_LEN])
{
    SHA256_CTX c;
    sha256_begin(&c);
    sha256_add(&c, b);
    sha256_end(&c, ret);
}

/* RFC 2104. */
void hmac_sha256(struct bytes key, struct bytes msg, uint8_t ret[SHA256_LEN])
{
    SHA256_CTX c;
    uint8_t pad[SHA256_CBLOCK] = {0};
    if (key.len > sizeof pad) {
        sha256(key, pad);
    } else if (key.len > 0) {
        memcpy(pad, key.base, key.len);
    }
    for (size_t i = 0; i < sizeof pad; i++) {
        pad[i] ^= 0x36;
    }
    sha256_begin(&c);
    sha256_add(&c, bytes_of(pad, sizeof pad));
    sha256_add(&c, msg);
    sha256_end(&c, ret);
    for (size_t i = 0; i < sizeof pad; i++) {
        pad[i] ^= 0x36 ^ 0x5c;
    }
    sha256_begin(&c);
    sha256_add(&c, bytes_of(pad, sizeof pad));
    sha256_add(&c, bytes_of(ret, SHA256_LEN));
    sha256_end(&c, ret);
    OPENSSL_cleanse(pad, sizeof pad);
    OPENSSL_cleanse(&c, sizeof c);
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

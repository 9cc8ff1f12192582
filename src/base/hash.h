#pragma once

/* Hashes: fast ones (XXH3, not secret, same on every machine) for tables and digests; SHA-256 and
 * HMAC-SHA-256 (OpenSSL) for signatures. Pure: no random source, no kernel. */

#include "base/bytes.h"

struct hash128 {
    uint64_t lo;
    uint64_t hi;
};

uint64_t hash64(struct bytes b, uint64_t seed);
struct hash128 hash128(struct bytes b, uint64_t seed);

enum { SHA256_LEN = 32 };
void sha256(struct bytes b, uint8_t ret[SHA256_LEN]);
void hmac_sha256(struct bytes key, struct bytes msg, uint8_t ret[SHA256_LEN]);
/* MD5 (RFC 1321), piece by piece: the checksum of files whose readers expect that one; it proves
 * nothing. */
enum { MD5_LEN = 16 };
struct md5;
struct md5 *md5_new(void);
/* NULL is legal. */
void md5_free(struct md5 *m);
void md5_add(struct md5 *m, struct bytes b);
/* Nothing is added afterwards. */
void md5_end(struct md5 *m, uint8_t ret[MD5_LEN]);
/* Time does not depend on where the first difference is. Lengths are not secret. */
bool bytes_eq_secret(struct bytes a, struct bytes b);

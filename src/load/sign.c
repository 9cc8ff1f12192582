/* Source: "Create a signed AWS API request" in the IAM user guide. */
#include "load/sign.h"

#include <time.h>

enum { DAY_LEN = 8, CANONICAL_MAX = 2048 };

static const char signed_names[] = "content-type;host;x-amz-date;x-amz-target";

static void refresh(struct signer *s, int64_t now_s)
{
    if (s->made_at_s == now_s) {
        return;
    }
    time_t seconds = (time_t)now_s;
    struct tm tm;
    (void)gmtime_r(&seconds, &tm); /* fails only past the year 2^31 */
    size_t n = strftime(s->date, sizeof s->date, "%Y%m%dT%H%M%SZ", &tm);
    ASSERT(n > DAY_LEN);
    s->made_at_s = now_s;
    struct buf start;
    uint8_t k[SHA256_LEN];
    buf_init(&start, CANONICAL_MAX);
    buf_put_str(&start, "AWS4");
    buf_put_bytes(&start, s->secret_key);
    hmac_sha256(buf_bytes(&start), bytes_of(s->date, DAY_LEN), k);
    hmac_sha256(bytes_of(k, SHA256_LEN), s->region, k);
    hmac_sha256(bytes_of(k, SHA256_LEN), BYTES_LIT("dynamodb"), k);
    hmac_sha256(bytes_of(k, SHA256_LEN), BYTES_LIT("aws4_request"), s->key);
    buf_done(&start);
}

static void put_hash(struct buf *to, struct bytes of)
{
    uint8_t hash[SHA256_LEN];
    sha256(of, hash);
    put_hex(to, bytes_of(hash, sizeof hash));
}

static void put_signature(struct signer *s, struct bytes target, struct bytes body, struct buf *to)
{
    struct buf text;
    buf_init(&text, CANONICAL_MAX);
    buf_put_str(&text, "POST\n/\n\ncontent-type:application/x-amz-json-1.0\nhost:");
    buf_put_bytes(&text, s->host);
    buf_put_str(&text, "\nx-amz-date:");
    buf_put_str(&text, s->date);
    buf_put_str(&text, "\nx-amz-target:");
    buf_put_bytes(&text, target);
    buf_put_str(&text, "\n\n");
    buf_put_str(&text, signed_names);
    buf_put_u8(&text, '\n');
    put_hash(&text, body);
    uint8_t canonical[SHA256_LEN];
    sha256(buf_bytes(&text), canonical);
    buf_clear(&text);
    buf_putf(
        &text,
        "AWS4-HMAC-SHA256\n%s\n%.8s/%.*s/dynamodb/aws4_request\n",
        s->date,
        s->date,
        BYTES_FMT(s->region));
    put_hex(&text, bytes_of(canonical, sizeof canonical));
    uint8_t mac[SHA256_LEN];
    hmac_sha256(bytes_of(s->key, SHA256_LEN), buf_bytes(&text), mac);
    put_hex(to, bytes_of(mac, sizeof mac));
    ASSERT(text.err == OK);
    buf_done(&text);
}

void sign_request(
    struct signer *s, int64_t now_s, struct bytes target, struct bytes body, struct buf *to)
{
    refresh(s, now_s);
    buf_put_str(to, "POST / HTTP/1.1\r\nHost: ");
    buf_put_bytes(to, s->host);
    buf_putf(
        to,
        "\r\nContent-Type: application/x-amz-json-1.0\r\nX-Amz-Date: %s\r\nX-Amz-Target: %.*s\r\n"
        "Content-Length: %zu\r\nAuthorization: AWS4-HMAC-SHA256 Credential=%.*s/%.8s/%.*s/dynamodb/"
        "aws4_request, SignedHeaders=%s, Signature=",
        s->date,
        BYTES_FMT(target),
        body.len,
        BYTES_FMT(s->access_key),
        s->date,
        BYTES_FMT(s->region),
        signed_names);
    if (s->secret_key.len > 0) {
        put_signature(s, target, body, to);
    } else {
        buf_put_str(to, "0");
    }
    buf_put_str(to, "\r\n\r\n");
    buf_put_bytes(to, body);
}

/* Content codings: what a client's header asks for, and bodies both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "io/io.h"

#include <cmocka.h>

struct wanted {
    const char *header;
    enum http_coding coding;
};

/* As DynamoDB answers them. */
static const struct wanted wanted[] = {
    {"", HTTP_CODING_NONE},
    {"identity", HTTP_CODING_NONE},
    {"br", HTTP_CODING_NONE},
    {"x-gzip", HTTP_CODING_NONE},
    {"gzip", HTTP_CODING_GZIP},
    {"deflate", HTTP_CODING_DEFLATE},
    {"gzip, deflate", HTTP_CODING_GZIP},
    {"br, identity, deflate, gzip", HTTP_CODING_DEFLATE},
    {"GZIP, identity", HTTP_CODING_GZIP},
    {"dog, gzip ,, cat", HTTP_CODING_GZIP},
    {"gzip;q=0.8, deflate;q=0.5", HTTP_CODING_GZIP},
    {"br, gzip;q=0, deflate; q = 0.5 , identity;q=0", HTTP_CODING_DEFLATE},
    {"*", HTTP_CODING_GZIP},
    {"*, deflate;q=0.5", HTTP_CODING_GZIP},
    {"*, deflate", HTTP_CODING_DEFLATE},
    {"*, identity", HTTP_CODING_GZIP},
    {"*, gzip;q=0.5", HTTP_CODING_DEFLATE},
    {"gzip ;q=0", HTTP_CODING_NONE},
    {"identity;q=0", HTTP_CODING_NONE},
    {"*;q=0", HTTP_CODING_NONE},
    {"*;q=0.5,identity", HTTP_CODING_GZIP},
    {"gzip;q=0.5,identity;q=0.8", HTTP_CODING_GZIP},
    {"br;q=0.8,identity;q=0.5,*;q=0", HTTP_CODING_NONE},
    {"\"gzip\"", HTTP_CODING_NONE},
    {"gzip br", HTTP_CODING_NONE},
    {"gzip:q=1", HTTP_CODING_NONE},
    {"deflate;q=0.5, gzip;q=31", HTTP_CODING_GZIP},
    {"gzip;q=31,deflate;q=51", HTTP_CODING_GZIP},
    {"deflate;q=0.5, gzip;q=0.2", HTTP_CODING_DEFLATE},
    {"deflate;q=0.5, gzip;q=1;q=0.2", HTTP_CODING_GZIP},
    {"deflate;q=0.5,gzip;q=0.", HTTP_CODING_DEFLATE},
    {"deflate;q=0.5,gzip;q=0.x", HTTP_CODING_GZIP},
    {"deflate;q=-0.5,gzip;q=0.2", HTTP_CODING_GZIP},
    {"gzip;nq=1;q=0 ", HTTP_CODING_NONE},
    {"gzip;q=0, gzip;q=1, gzip;q=0", HTTP_CODING_GZIP},
    {"br,identity;q=0.5,gzip;q=0.0001", HTTP_CODING_GZIP},
};

/* Each header gets the coding that DynamoDB gives it. */
static void test_wanted(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        if (http_coding_wanted(bytes_str(wanted[i].header)) != wanted[i].coding) {
            fail_msg("%s", wanted[i].header);
        }
    }
}

static void fill(struct buf *b, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        buf_put_u8(b, (uint8_t)((i * i >> 3) ^ i));
    }
}

/* What is packed is unpacked as it was, in both codings, short and long. */
static void test_round_trip(void **state)
{
    (void)state;
    static const enum http_coding codings[] = {HTTP_CODING_GZIP, HTTP_CODING_DEFLATE};
    static const size_t lens[] = {1, 100, 65535, 65536, 65537, 1000000};
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < sizeof lens / sizeof lens[0]; i++) {
            struct buf plain;
            struct buf packed;
            struct buf again;
            buf_init(&plain, 2 << 20);
            buf_init(&packed, 2 << 20);
            buf_init(&again, 2 << 20);
            fill(&plain, lens[i]);
            assert_int_equal(http_pack(codings[c], buf_bytes(&plain), &packed), OK);
            assert_int_equal(http_unpack(codings[c], buf_bytes(&packed), lens[i], &again), OK);
            assert_true(bytes_eq(buf_bytes(&plain), buf_bytes(&again)));
            buf_done(&plain);
            buf_done(&packed);
            buf_done(&again);
        }
    }
}

static enum err unpack(enum http_coding coding, struct bytes body, size_t len_max)
{
    struct buf to;
    buf_init(&to, 2 << 20);
    enum err err = http_unpack(coding, body, len_max, &to);
    buf_done(&to);
    return err;
}

/* A body that is no such thing, is cut off, has something behind its end, or gets too long is
 * refused; two gzip files are one. */
static void test_faults(void **state)
{
    (void)state;
    struct buf plain;
    struct buf packed;
    buf_init(&plain, 2 << 20);
    buf_init(&packed, 2 << 20);
    fill(&plain, 5000);
    assert_int_equal(http_pack(HTTP_CODING_GZIP, buf_bytes(&plain), &packed), OK);
    struct bytes all = buf_bytes(&packed);
    assert_int_equal(unpack(HTTP_CODING_GZIP, BYTES_LIT(""), 5000), ERR_FORMAT);
    assert_int_equal(unpack(HTTP_CODING_GZIP, BYTES_LIT("{\"a\":1}"), 5000), ERR_FORMAT);
    assert_int_equal(unpack(HTTP_CODING_DEFLATE, all, 5000), ERR_FORMAT);
    assert_int_equal(unpack(HTTP_CODING_GZIP, bytes_of(all.base, all.len - 1), 5000), ERR_FORMAT);
    assert_int_equal(unpack(HTTP_CODING_GZIP, all, 4999), ERR_TOO_BIG);
    size_t len = packed.len;
    buf_put_str(&packed, "junk");
    assert_int_equal(unpack(HTTP_CODING_GZIP, buf_bytes(&packed), 5000), ERR_FORMAT);
    packed.len = len;
    assert_int_equal(http_pack(HTTP_CODING_GZIP, buf_bytes(&plain), &packed), OK);
    assert_int_equal(unpack(HTTP_CODING_GZIP, buf_bytes(&packed), 10000), OK);
    buf_done(&plain);
    buf_done(&packed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_wanted),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_faults),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

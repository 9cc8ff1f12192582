/* Streams, walks and packing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/io.h"

#include <cmocka.h>

static char dir[64];

static int make_dir(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof dir, "/tmp/io_stream_XXXXXX");
    return mkdtemp(dir) == NULL ? -1 : 0;
}

static int drop_dir(void **state)
{
    (void)state;
    static const char *const made[] = {
        "w/x/y/c", "w/x/loop", "w/b", "w/z", "w/x/y", "w/x", "w", "."};
    char path[256];
    int rc = 0;
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/%s", dir, made[i][0] == '.' ? "" : made[i]);
        rc |= remove(path);
    }
    return rc;
}

static const char *in_dir(const char *name)
{
    static char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    return path;
}

static void write_file(const char *name, struct bytes content)
{
    struct io_stream *s;
    assert_int_equal(io_stream_create(in_dir(name), &s), OK);
    assert_int_equal(io_stream_write(s, content), OK);
    assert_int_equal(io_stream_commit(s), OK);
}

static enum err read_file(const char *name, size_t step, struct buf *ret)
{
    struct io_stream *s;
    enum err e = io_stream_open(in_dir(name), &s);
    if (e != OK) {
        return e;
    }
    while ((e = io_stream_read(s, step, ret)) == OK) {
    }
    io_stream_close(s);
    return e == ERR_NOT_FOUND ? OK : e;
}

/* A file shows only once it is whole; given up, it leaves nothing, and the old content stands. */
static void test_streams(void **state)
{
    (void)state;
    struct buf b;
    struct io_stream *s;
    buf_init(&b, 1 << 20);
    assert_int_equal(read_file("a", 3, &b), ERR_NOT_FOUND);
    write_file("a", BYTES_LIT("one and two"));
    assert_int_equal(io_stream_create(in_dir("a"), &s), OK);
    assert_int_equal(io_stream_write(s, BYTES_LIT("three")), OK);
    io_stream_close(s);
    assert_int_equal(read_file("a", 3, &b), OK);
    assert_true(bytes_eq_str(buf_bytes(&b), "one and two"));
    assert_int_equal(access(in_dir("a.tmp"), F_OK), -1);
    assert_int_equal(io_unlink(in_dir("a")), OK);
    assert_int_equal(io_unlink(in_dir("a")), ERR_NOT_FOUND);
    buf_done(&b);
}

static void note_name(void *ctx, const char *name, uint64_t bytes)
{
    buf_putf(ctx, "%s:%llu ", name, (unsigned long long)bytes);
}

/* A walk tells of files in order, those below only when asked, and follows no links. */
static void test_walk(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b, 1 << 20);
    assert_int_equal(io_mkdir_p(in_dir("w/x/y"), 0700), OK);
    write_file("w/b", BYTES_LIT("12"));
    write_file("w/x/y/c", BYTES_LIT("123"));
    write_file("w/z", BYTES_LIT(""));
    char target[256];
    (void)snprintf(target, sizeof target, "%s", in_dir("w"));
    assert_int_equal(symlink(target, in_dir("w/x/loop")), 0);
    assert_int_equal(io_dir_walk(in_dir("w"), true, note_name, &b), OK);
    assert_true(bytes_eq_str(buf_bytes(&b), "b:2 x/y/c:3 z:0 "));
    buf_clear(&b);
    assert_int_equal(io_dir_walk(in_dir("w"), false, note_name, &b), OK);
    assert_true(bytes_eq_str(buf_bytes(&b), "b:2 z:0 "));
    assert_int_equal(io_dir_walk(in_dir("none"), true, note_name, &b), ERR_NOT_FOUND);
    assert_true(io_is_dir(in_dir("w")));
    assert_false(io_is_dir(in_dir("w/b")));
    buf_done(&b);
}

static enum err unpack(enum io_packing packing, struct bytes in, size_t step, struct buf *ret)
{
    struct io_unpack *u = io_unpack_new(packing);
    enum err e = OK;
    for (size_t at = 0; at < in.len && e == OK; at += step) {
        struct bytes rest = bytes_from(in, at);
        rest.len = rest.len < step ? rest.len : step;
        e = io_unpack(u, rest, ret);
    }
    if (e == OK) {
        e = io_unpack_end(u);
    }
    io_unpack_free(u);
    return e;
}

/* What gzip packs unpacks to the same, in any pieces, two members one after the other too; a cut or
 * a changed byte is noticed. */
static void test_gzip(void **state)
{
    (void)state;
    struct buf packed;
    struct buf plain;
    struct buf text;
    buf_init(&packed, 1 << 24);
    buf_init(&plain, 1 << 24);
    buf_init(&text, 1 << 24);
    for (unsigned i = 0; i < 20000; i++) {
        buf_putf(&text, "line %u\n", i * 7919 % 10007);
    }
    for (int member = 0; member < 2; member++) {
        struct io_gzip *g = io_gzip_new();
        size_t half = text.len / 2;
        assert_int_equal(io_gzip_put(g, bytes_of(text.base, half), false, &packed), OK);
        assert_int_equal(io_gzip_put(g, bytes_from(buf_bytes(&text), half), true, &packed), OK);
        io_gzip_free(g);
    }
    static const size_t steps[] = {1, 1000, 1 << 24};
    for (size_t i = 0; i < 3; i++) {
        buf_clear(&plain);
        assert_int_equal(unpack(IO_PACKED_GZIP, buf_bytes(&packed), steps[i], &plain), OK);
        assert_int_equal(plain.len, 2 * text.len);
        assert_memory_equal(plain.base + text.len, text.base, text.len);
    }
    struct bytes cut = bytes_of(packed.base, packed.len - 5);
    assert_int_equal(unpack(IO_PACKED_GZIP, cut, 1000, &plain), ERR_CORRUPT);
    packed.base[packed.len / 3] ^= 0x20;
    assert_int_equal(unpack(IO_PACKED_GZIP, buf_bytes(&packed), 1000, &plain), ERR_CORRUPT);
    buf_done(&packed);
    buf_done(&plain);
    buf_done(&text);
}

/* A frame as the zstd tool writes it unpacks; a cut one is noticed; without packing bytes pass as
 * they are. */
static void test_zstd(void **state)
{
    (void)state;
    static const uint8_t frame[] = {
        0x28, 0xb5, 0x2f, 0xfd, 0x20, 0x06, 0x31, 0x00, 0x00, 'h', 'e', 'l', 'l', 'o', '\n'};
    struct buf plain;
    buf_init(&plain, 1 << 20);
    struct bytes whole = bytes_of(frame, sizeof frame);
    assert_int_equal(unpack(IO_PACKED_ZSTD, whole, 4, &plain), OK);
    assert_true(bytes_eq_str(buf_bytes(&plain), "hello\n"));
    whole.len -= 2;
    assert_int_equal(unpack(IO_PACKED_ZSTD, whole, 4, &plain), ERR_CORRUPT);
    assert_int_equal(unpack(IO_PACKED_ZSTD, BYTES_LIT("nonsense"), 4, &plain), ERR_CORRUPT);
    buf_clear(&plain);
    assert_int_equal(unpack(IO_PACKED_NOT, BYTES_LIT("as it is"), 3, &plain), OK);
    assert_true(bytes_eq_str(buf_bytes(&plain), "as it is"));
    buf_done(&plain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),
        cmocka_unit_test(test_walk),
        cmocka_unit_test(test_gzip),
        cmocka_unit_test(test_zstd),
    };
    return cmocka_run_group_tests(tests, make_dir, drop_dir);
}

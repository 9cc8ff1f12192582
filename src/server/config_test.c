#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "server/server.h"

#include <cmocka.h>

#define WHOLE "region = us-east-2\nid = 6f30db3eb5686efc\nsecret = s\n"

/* What is said of a whole configuration with one more line, which is its fourth. */
static void expect(const char *line, const char *said)
{
    struct arena a;
    struct server_config c;
    struct bytes msg = BYTES_LIT("");
    arena_init(&a, 1 << 16);
    struct bytes text = bytes_fmt(&a, WHOLE "%s\n", line);
    enum err e = server_config_parse(&a, text, &c, &msg);
    assert_int_equal(e, said == NULL ? OK : ERR_INVALID);
    assert_string_equal(bytes_cstr(&a, msg), said == NULL ? "" : said);
    arena_done(&a);
}

/* A setting that does not exist is told from a value that does not do, and the range is said. */
static void test_refused_lines(void **state)
{
    (void)state;
    expect("web.threads = 2 # of four", NULL);
    expect("web.thread = 2", "line 4: there is no setting \"web.thread\"");
    expect("nonsense", "line 4: there is no setting \"nonsense\"");
    expect(
        "seed.bytes = 64KiB",
        "line 4: \"64KiB\" is no value for seed.bytes: a whole number from 1024 to 8388608");
    expect(
        "seed.bytes = 1023",
        "line 4: \"1023\" is no value for seed.bytes: a whole number from 1024 to 8388608");
    expect("log.level = loud", "line 4: \"loud\" is no value for log.level");
    expect("development = maybe", "line 4: \"maybe\" is no value for development");
}

/* Names are never resolved, so an address that is not numeric is refused before anything listens.
 */
static void test_addresses(void **state)
{
    (void)state;
    expect("http = 10.0.0.1:8000", NULL);
    expect("link = [::1]:9000", NULL);
    expect(
        "http = localhost:8000",
        "line 4: \"localhost:8000\" is no value for http: a numeric address and a port, such as "
        "127.0.0.1:8000");
    expect(
        "link = 10.0.0.1",
        "line 4: \"10.0.0.1\" is no value for link: a numeric address and a port, such as "
        "127.0.0.1:8000");
    expect("peer = eu-west-1 5bdfb3b15110572b 10.0.0.1:9000", NULL);
    expect(
        "peer = eu-west-1 5bdfb3b15110572b host:9000",
        "line 4: \"eu-west-1 5bdfb3b15110572b host:9000\" is no value for peer");
}

/* What is left out and has no default is named. */
static void test_missing(void **state)
{
    (void)state;
    struct arena a;
    struct server_config c;
    struct bytes msg;
    arena_init(&a, 1 << 16);
    enum err e = server_config_parse(&a, BYTES_LIT("region = r\n"), &c, &msg);
    assert_int_equal(e, ERR_INVALID);
    assert_string_equal(bytes_cstr(&a, msg), "the setting \"id\" is missing");
    arena_done(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused_lines),
        cmocka_unit_test(test_addresses),
        cmocka_unit_test(test_missing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}

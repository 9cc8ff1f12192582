"""A checker that cannot fail proves nothing: plants breaches of every rule of tidy.py and looks for each.

Two more things must hold: a rule nobody plants a breach of is itself a finding, and a clean tree, full of
things that merely look like breaches, must pass without one.
"""
import pathlib
import tempfile

import tidy

LAW = pathlib.Path(__file__).with_name('layers.txt')
C = '/* Opens as it should. */\n'
H = '#pragma once\n\n/* Opens as it should. */\n\n'
LONG = 'int f(void)\n{\n' + '    g();\n' * tidy.FUNCTION_LINES_MAX + '}\n'
SHADE = '/* A set of colours. */\n#include "doc/shade.h"\n\n'

# rule, file, its text (and line of the breach, where it is not the only thing that could be found)
BREACHES = [
    ('room', 'src/attic/a.c', C),
    ('room', 'src/loose.c', C),
    ('layer', 'src/repl/a.c', C + '#include "engine/engine.h"\n'),
    ('layer', 'src/engine/a.c', C + '#include "part/part.h"\n'),
    ('layer', 'src/front/dynamo/a.c', C + '#include "part/part.h"\n'),
    ('layer', 'src/part/a.c', C + '#include "repl/repl.h"\n'),
    ('layer', 'sim/a.c', C + '#include "io/io.h"\n'),
    ('layer', 'sim/b.c', C + '#include "server/server.h"\n'),
    ('private', 'src/core/a.c', C + '#include "part/cursor.h"\n'),
    ('private', 'src/server/a.c', C + '#include "front/dynamo/ops.h"\n'),
    ('bare-include', 'src/doc/b.c', C + '#include "decimal.h"\n'),
    ('include-c', 'src/doc/c.c', C + '#include "doc/decimal.c"\n'),
    ('own-first', 'src/doc/shade.c', C + '#include <string.h>\n#include "doc/shade.h"\n'),
    ('own-first', 'src/doc/shade_test.c', C + '#include <string.h>\n#include "doc/shade.h"\n'),
    ('lib', 'src/core/b.c', C + '#include <rocksdb/c.h>\n'),
    ('lib', 'src/engine/engine.c', C + '#include <rocksdb/c.h>\n'),
    ('lib', 'src/doc/d.cpp', C + '#include <simdjson.h>\n'),
    ('lib', 'src/server/b.c', C + '#include <h2o.h>\n'),
    ('lib', 'src/front/dynamo/b.c', C + '#include <openssl/evp.h>\n'),
    ('lib', 'src/server/c.c', C + '#include <openssl/ssl.h>\n'),
    ('lib', 'src/server/d.c', C + '#include <curl/curl.h>\n'),
    ('lib', 'src/repl/b.c', C + '#include <zstd.h>\n'),
    ('lib', 'src/repl/c.c', C + '#include <zstd.h>\n'),
    ('lib', 'src/repl/d.c', C + '#include <zlib.h>\n'),
    ('lib', 'src/doc/e.c', C + '#include <cmocka.h>\n'),
    ('lib', 'src/io/a.c', C + '#include <jansson.h>\n'),
    ('os', 'src/part/b.c', C + 'uint64_t f(void)\n{\n    return (uint64_t)time(NULL);\n}\n'),
    ('os', 'src/hlc/a.c', C + 'void f(void)\n{\n    clock_gettime(CLOCK_REALTIME, &ts);\n}\n'),
    ('os', 'src/repl/e.c', C + '#include <sys/socket.h>\n'),
    ('os', 'src/region/a.c', C + '#include <unistd.h>\n'),
    ('os', 'src/engine/engine_mem.c', C + 'int f(void)\n{\n    return fsync(3);\n}\n'),
    ('os', 'src/merge/a.c', C + 'void f(void)\n{\n    getrandom(b, 8, 0);\n}\n'),
    ('os', 'sim/c.c', C + 'void f(void)\n{\n    usleep(3);\n}\n'),
    ('os', 'src/doc/f.cpp', C + '#include <chrono>\n'),
    ('os', 'src/repl/f.c', C + '#define NOW() time(0)\n'),
    ('say', 'src/core/c.c', C + 'void f(void)\n{\n    printf("hello");\n}\n'),
    ('say', 'src/io/b.c', C + 'void f(void)\n{\n    fprintf(stderr, "hello");\n}\n'),
    ('lock', 'src/server/e.c', C + 'void f(void)\n{\n    pthread_mutex_lock(&m);\n}\n'),
    ('lock', 'src/core/d.c', C + '#include <stdatomic.h>\n'),
    ('lock', 'src/io/c.c', C + 'struct x {\n    _Atomic int n;\n};\n'),
    ('state', 'src/merge/b.c', C + 'static int counter;\n'),
    ('state', 'src/merge/c.c', C + 'static struct x table[3] = {{0}};\n'),
    ('state', 'src/merge/d.c', C + 'int counter = 3;\n'),
    ('state', 'src/merge/e.c', C + 'static const char *names[] = {"a", "b"};\n'),
    ('state', 'src/merge/f.c', C + 'static _Thread_local struct arena *scratch;\n'),
    ('state', 'src/merge/g.c', C + 'static void (*hook)(int);\n'),
    ('state', 'src/io/d.c', C + 'int f(void)\n{\n    static int n = 0;\n    return n++;\n}\n'),
    ('state', 'src/io/e.h', H + 'extern "C" {\nstatic int n;\n}\n'),
    ('pragma-once', 'src/hlc/b.h', '/* Guarded by nothing. */\n'),
    ('opening', 'src/hlc/c.h', '#pragma once\n\nint hlc_x(void);\n'),
    ('opening', 'src/hlc/d.c', '#include "hlc/hlc.h"\n'),
    ('assert', 'src/change/a.c', C + 'void f(int n)\n{\n    ASSERT(n++ < 3);\n}\n'),
    ('assert', 'src/change/b.c', C + 'void f(int a, int b)\n{\n    ASSERT(a &&\n        b);\n}\n'),
    ('assert', 'src/change/c.c', C + 'void f(int a)\n{\n    ASSERT_SLOW(a = 3);\n}\n'),
    ('assert', 'src/change/d.c', C + 'void f(int a)\n{\n    ASSERT(part_commit(a) == OK);\n}\n'),
    ('assert-h', 'src/change/e.c', C + '#include <assert.h>\n'),
    ('must-check', 'src/change/f.h', H + 'enum err change_read(int n);\n'),
    ('typedef', 'src/change/g.h', H + 'typedef struct change change_t;\n'),
    ('enum-default', 'src/doc/g.c', SHADE
     + 'int f(enum shade s)\n{\n    switch (s) {\n    case SHADE_RED:\n        return 1;\n'
     + '    default:\n        return 0;\n    }\n}\n'),
    ('enum-default', 'src/doc/h.c', SHADE
     + 'int f(enum tone s)\n{\n    switch (s) {\n    case TONE_LOW:\n        return 1;\n'
     + '    default:\n        return 0;\n    }\n}\n'),
    ('recursion', 'src/expr/a.c', C + 'static int walk(struct node *n)\n{\n    return walk(n->left);\n}\n'),
    ('function-length', 'src/expr/b.c', C + LONG),
    ('file-length', 'src/expr/c.c', C + 'int f(void);\n' * tidy.FILE_LINES_MAX),
    ('leftover', 'src/server/f.c', C + '/* FIX' + 'ME: later */\n'),
    ('leftover', 'src/server/g.c', C + '/* TO' + 'DO: later */\n'),
    ('leftover', 'tests/a.py', '# XX' + 'X\n'),
    ('whitespace', 'src/server/h.c', C + 'int f(void);  \n'),
    ('whitespace', 'src/server/i.c', C + '\tint f(void);\n'),
    ('whitespace', 'src/server/j.c', C + 'int f(void);'),
    ('unbuilt', 'src/server/forgotten.c', C),
    ('unbuilt', 'src/server/forgotten_test.c', C),
    ('unbuilt', 'src/expr/forgotten.y', '/* A grammar. */\n'),
    ('test-sentence', 'src/hlc/e_test.c', C
     + '#include "hlc/hlc.h"\n\nstatic void test_tick(void **state)\n{\n    (void)state;\n}\n'),
    ('test-sleep', 'src/hlc/f_test.c', C + 'void f(void)\n{\n    sleep(1);\n}\n'),
    ('test-sleep', 'tests/cluster/a_test.c', C + 'void f(void)\n{\n    usleep(1);\n}\n'),
    ('python', 'tests/b.py', 'def f(:\n'),
    ('python', 'tools/c.py', '#!/usr/bin/env python3\n'),
] + [('banned', f'src/cli/banned_{name}.c', C + f'void f(void)\n{{\n    {name}(a);\n}}\n') for name in tidy.BANNED]

BROKEN_LAWS = {
    'room base : doc\nroom doc :\n': 'a room that names one above it',
    'room base :\nroom base :\n': 'a room named twice',
    'rooom base :\n': 'a word the law does not know',
}

# Everything here looks like a breach to a careless eye and is none.
CLEAN = {
    'src/doc/shade.h': H + '#define TONES(X) X(TONE_LOW) X(TONE_HIGH)\n'
                           '#define TONE(name) name,\nenum tone { TONES(TONE) };\n'
                           'enum shade { SHADE_RED, SHADE_BLUE = 4 };\nstruct shade_table;\n'
                           'MUST_CHECK enum err shade_parse(struct bytes text, enum shade *ret);\n',
    'src/doc/clean.c': C + '#include <string.h>\n'
                           'static const char *const names[] = {"a; static int b", "printf(c)"}; /* time(0) */\n'
                           'static const struct shade table[] = {{.n = 1}};\n'
                           'static enum err read(struct bytes text, char c)\n{\n'
                           '    static const int primes[] = {2, 3};\n'
                           "    ASSERT(c != '=');\n    ASSERT(!a || b);\n    ASSERT(text.len <= primes[0]);\n"
                           '    x->time(y);\n    return x.read(text) + strtotime(c);\n}\n'
                           'static int walk(const struct node *n, int depth_left)\n{\n'
                           '    return depth_left == 0 ? 0 : walk(n->left, depth_left - 1);\n}\n'
                           'int f(uint8_t tag)\n{\n    switch (tag) {\n'
                           '    case SHADE_RED:\n        return read(text, c);\n'
                           '    default: /* any byte may come from a peer */\n        return 0;\n    }\n}\n'
                           'static int (*const op)(int) = f;\nstruct x {\n    int counter;\n};\n',
    'src/doc/clean_test.c': C + '#include "doc/clean.c"\n#include <setjmp.h>\n#include <cmocka.h>\n'
                                '/* A clean thing stays clean. */\nstatic void test_clean(void **state)\n{\n'
                                '    (void)state;\n}\n',
    'src/engine/clean.c': '/* A heap: its depth is the logarithm of its size. */\n'
                          'static void sift(struct heap *h, size_t at)\n{\n    sift(h, at / 2);\n}\n',
    'src/io/mailbox.c': C + '#include <pthread.h>\n#include <stdatomic.h>\n',
    'src/io/tls.c': C + '#include <openssl/ssl.h>\n#include <sys/epoll.h>\n',
    'src/base/hash.c': C + '#include <openssl/evp.h>\n',
    'src/engine/engine_rocks.c': C + '#include <rocksdb/c.h>\n',
    'src/part/clean.c': C + '#include "base/arena.h"\n#include "part/cursor.h"\n#include "engine/engine.h"\n',
    'src/expr/long.y': '/* A grammar. */\n%include {\n' + 'x\n' * (tidy.FUNCTION_LINES_MAX + 1) + '}\n',
    'tools/clean.py': '#!/usr/bin/python3\nprint(1)\n',
}


def plant(root, files):
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding='utf-8')


def name_all(files):
    """One meson.build that names every source, but for those planted as forgotten."""
    named = (name.rsplit('/', 1)[-1] for name in files)
    return '\n'.join(f"'{name}'" for name in named if not name.startswith('forgotten')) + '\n'


def findings_of(files):
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder)
        plant(root, {'tools/layers.txt': LAW.read_text(encoding='utf-8'), **files, 'meson.build': name_all(files)})
        return tidy.check_tree(root)


def main(_root):
    found = {(path, rule) for path, _, rule, _ in findings_of(
        {'src/doc/shade.h': CLEAN['src/doc/shade.h'], **{path: text for _, path, text in BREACHES}})}
    missed = [f'{rule}: planted in {path}, not found' for rule, path, _ in BREACHES if (path, rule) not in found]
    for text, what in BROKEN_LAWS.items():
        if not tidy.Law(text).errors:
            missed.append(f'law: {what} was accepted')
    planted = {rule for rule, _, _ in BREACHES} | {'law'}
    missed += [f'{rule}: no breach of it is planted' for rule in tidy.RULES if rule not in planted]
    missed += [f'{path}:{number}: [{rule}] {what}: found in a clean tree'
               for path, number, rule, what in findings_of(CLEAN)]
    print('\n'.join(missed) if missed else
          f'canary: {len(BREACHES) + len(BROKEN_LAWS)} planted breaches of {len(planted)} rules, all found')
    return 1 if missed else 0

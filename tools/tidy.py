#!/usr/bin/python3
"""The tree's own laws: who includes whom, who may touch the outside, and the shape of files.

usage: tidy.py [ROOT]      check the tree; every breach is a line `file:line: [rule] what`, exit 1 if any
       tidy.py --rules     list the rules and their reasons
       tidy.py --canary    plant a breach of every rule and fail unless each is found (canary.py)

The include law itself is data: tools/layers.txt. The C code is read as text, not parsed: comments and
literals are blanked first, so that no rule sees a word inside them. What the compiler or clang-format
can say is left to them.
"""
import ast
import fnmatch
import pathlib
import re
import sys

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 1000
TOPS = ('src', 'sim', 'tests', 'bench')
C_SUFFIXES = {'.c', '.h', '.cpp'}
GRAMMAR_SUFFIXES = {'.y', '.re'}
TEXT_SUFFIXES = C_SUFFIXES | GRAMMAR_SUFFIXES | {'.py', '.sh', '.build', '.def'}

RULES = {
    'law': 'layers.txt is well formed and a room only names rooms below it',
    'room': 'every file is in a room of the law',
    'layer': 'a room includes only the rooms the law gives it',
    'private': 'of another room, only room/room.h is public',
    'bare-include': 'an include names its room, so that the law can read it',
    'include-c': 'only a test includes a .c file',
    'own-first': "a .c file includes its own header first: proof that it stands alone",
    'lib': 'one file (or room) per third-party library, so that it can be swapped and its errors converted once',
    'os': 'pure code calls no kernel, clock, thread or random source: the simulator replaces them all',
    'say': 'rooms return errors and emit trace events; only the outermost write lines',
    'lock': 'threads talk by mailbox; locks and atomics live in the few files of the law',
    'state': 'no mutable static state: several regions live in one process',
    'banned': 'calls with a safer house replacement',
    'pragma-once': 'a header begins with #pragma once',
    'opening': 'a file opens with a comment saying what it is for',
    'assert': 'ASSERT takes one condition without side effects',
    'assert-h': "base/assert.h is the one assertion: NDEBUG must not remove checks",
    'must-check': 'a declared function returning enum err is MUST_CHECK',
    'typedef': 'structs, unions and enums are named with their keyword',
    'enum-default': 'a switch on an enum has no default: a new member must not compile unnoticed',
    'recursion': 'a function that calls itself carries a depth bound, or its file opens with why one holds',
    'function-length': f'functions fit in {FUNCTION_LINES_MAX} lines',
    'file-length': f'files fit in {FILE_LINES_MAX} lines',
    'leftover': 'nothing lands half done',
    'whitespace': 'no tabs, trailing blanks or missing final newline',
    'unbuilt': 'every source is named in a meson.build: unbuilt code and unrun tests rot',
    'test-sentence': 'each test has a sentence above it: situation and expectation',
    'test-sleep': 'tests wait for events, they never sleep',
    'python': "scripts parse, and run under Debian's own interpreter",
}

PURE_HEADERS = set(
    'ctype.h errno.h float.h inttypes.h limits.h math.h stdalign.h stdarg.h stdbool.h stddef.h stdint.h stdio.h '
    'stdlib.h stdnoreturn.h string.h strings.h endian.h byteswap.h cpuid.h arm_acle.h arm_neon.h'.split())
OS_HEADERS = set(
    'unistd.h fcntl.h time.h signal.h poll.h pthread.h sched.h dirent.h netdb.h getopt.h termios.h spawn.h '
    'syslog.h threads.h semaphore.h ifaddrs.h pwd.h grp.h glob.h ftw.h err.h fnmatch.h wait.h execinfo.h '
    'locale.h dlfcn.h link.h malloc.h libgen.h'.split())
OS_FOLDERS = ('sys/', 'netinet/', 'arpa/', 'linux/', 'net/')
OS_CPP = {'thread', 'mutex', 'chrono', 'random', 'filesystem', 'fstream', 'iostream', 'atomic'}
LOCK_HEADERS = {'stdatomic.h', 'pthread.h', 'threads.h', 'semaphore.h'}

OS_CALLS = re.compile(
    r'(?<![\w.>])(clock_gettime|clock_nanosleep|gettimeofday|time|clock|times|rand|rand_r|random|drand48|getrandom|'
    r'getentropy|arc4random\w*|u?sleep|nanosleep|epoll_\w+|poll|select|eventfd|timerfd_\w+|signalfd|socket|'
    r'accept4?|connect|bind|listen|recv|recvfrom|recvmsg|send|sendto|sendmsg|getaddrinfo|pthread_\w+|'
    r'thrd_\w+|fork|vfork|execv\w*|execl\w*|posix_spawn\w*|kill|raise|waitpid|getpid|getenv|setenv|open|openat|'
    r'creat|read|pread|write|pwrite|fsync|fdatasync|ftruncate|truncate|unlink|rename|mkdir|mkdtemp|mkstemp|'
    r'rmdir|mmap|munmap|fopen|fdopen|freopen|tmpfile|sigaction|signal|sysconf|popen|syscall|remove)\s*\(')
SAY_CALLS = re.compile(
    r'(?<![\w.>])(printf|vprintf|puts|putchar|perror|dprintf|vdprintf|syslog|psignal)\s*\(|\b(stdout|stderr)\b')
LOCK_WORDS = re.compile(
    r'\b(pthread_(mutex|rwlock|cond|spin|barrier)\w*|mtx_\w+|cnd_\w+|sem_(init|wait|post)\w*|_Atomic|atomic_\w+|'
    r'__atomic_\w+|__sync_\w+)\b')
SLEEP_CALLS = re.compile(r'(?<![\w.>])(u?sleep|nanosleep|clock_nanosleep)\s*\(')
BANNED = {
    'strcpy': 'bytes_dup or bytes_cstr', 'stpcpy': 'bytes_dup', 'strncpy': 'bytes_dup', 'strcat': 'buf_put_str',
    'strncat': 'buf_put', 'sprintf': 'bytes_fmt or snprintf', 'vsprintf': 'vsnprintf', 'gets': 'a bounded read',
    'strtok': 'a scan over struct bytes', 'strtok_r': 'a scan over struct bytes', 'atoi': 'bytes_u64',
    'atol': 'bytes_u64', 'atoll': 'bytes_u64', 'atof': 'decimal_parse', 'strtol': 'bytes_u64',
    'strtoll': 'bytes_u64', 'strtoul': 'bytes_u64', 'strtoull': 'bytes_u64', 'sscanf': 'a scan over struct bytes',
    'alloca': 'the arena', 'localtime': 'gmtime_r in an @os file', 'gmtime': 'gmtime_r', 'ctime': 'strftime',
    'asctime': 'strftime', 'mktime': 'timegm', 'setjmp': 'enum err', 'longjmp': 'enum err', 'system': 'posix_spawn',
    'rand': 'struct prng', 'srand': 'struct prng', 'tmpnam': 'mkdtemp', 'strerror': 'strerror_r',
}
BANNED_CALLS = re.compile(r'(?<![\w.>])(' + '|'.join(BANNED) + r')\s*\(')
LEFTOVER = re.compile(r'\b(' + 'TO' + r'DO(?!\(#\d+\))|FIX' + r'ME|XX' + r'X|HA' + r'CK)\b')

LITERAL = re.compile(
    r'^[ \t]*\#[ \t]*include[^\n]*|R"(?P<d>\w*)\(.*?\)(?P=d)"|//[^\n]*|/\*.*?\*/|'
    r'"(?:\\.|[^"\\\n])*"|(?<![0-9A-Fa-f])\'(?:\\.|[^\'\\\n])*\'', re.S | re.M)
DIRECTIVE = re.compile(r'^[ \t]*#(?:[^\n\\]|\\.|\\\n)*', re.M)


def blank(match):
    """As many lines and columns as there were, with nothing to read in them."""
    text = match.group()
    if text.lstrip().startswith('#'):
        return text.split('/*')[0].ljust(len(text)) if '\n' not in text else text
    quote = text[0] if text[0] in '"\'' else ''
    inner = re.sub(r'[^\n]', ' ', text)
    return quote + inner[1:-1] + quote if quote else inner


def without_directives(code):
    return DIRECTIVE.sub(lambda m: re.sub(r'[^\n]', ' ', m.group()), code)


def closing(code, start, pair='()'):
    """The offset behind the bracket that closes the one at `start`, or the end of the text."""
    depth = 0
    for at in range(start, len(code)):
        depth += (code[at] == pair[0]) - (code[at] == pair[1])
        if depth == 0:
            return at + 1
    return len(code)


class Law:
    """tools/layers.txt, read."""

    def __init__(self, text):
        self.rooms, self.libs, self.globs, self.errors = {}, [], {'os': [], 'say': [], 'lock': []}, []
        for number, line in enumerate(text.splitlines(), 1):
            left, colon, right = line.split('#')[0].strip().partition(':')
            if not left.strip():
                continue
            kind, *words = left.split()
            if not colon or kind not in ('room', 'lib', 'os', 'say', 'lock') or (kind == 'room') != (len(words) == 1):
                self.errors.append((number, f'cannot read {line.strip()!r}'))
            elif kind == 'room':
                self.add_room(number, words[0], right.split())
            elif kind == 'lib':
                self.libs.append((words[0], words[1:], right.split()))
            else:
                self.globs[kind] += right.split()

    def add_room(self, number, room, may):
        for name in may:
            if name not in self.rooms:
                self.errors.append((number, f'{room} names {name}, which is not below it'))
        if room in self.rooms:
            self.errors.append((number, f'{room} is named twice'))
        self.rooms[room] = {room, *may}

    def room_of(self, path):
        parts = path.removeprefix('src/').split('/')
        for n in (2, 1):
            if len(parts) > n and '/'.join(parts[:n]) in self.rooms:
                return '/'.join(parts[:n])
        return None

    def grants(self, kind, path):
        return any(fnmatch.fnmatchcase(path, glob) for glob in self.globs[kind])

    def lib_of(self, header):
        for name, headers, files in self.libs:
            if any(fnmatch.fnmatchcase(header, glob) for glob in headers):
                return name, files
        return None, []


class Source:
    """One C file: `text` as written, `code` with comments and literals blanked, line for line."""

    def __init__(self, path, text):
        self.path, self.text = path, text
        self.lines = text.splitlines()
        self.code = LITERAL.sub(blank, text)
        self.plain = without_directives(self.code)
        self.name = path.rsplit('/', 1)[-1]
        self.is_header = path.endswith('.h')
        outside = path.startswith(('tests/', 'bench/'))
        self.is_test = outside or bool(re.search(r'_(test|fuzz)\.[ch]$|/test_\w+\.h$', path))

    def line_at(self, offset):
        return self.code.count('\n', 0, offset) + 1

    def functions(self):
        """(first line, last line, signature, body) of each function, by the braces in column one."""
        for match in re.finditer(r'^\{\n(.*?)^\}', self.plain, re.S | re.M):
            head = self.plain[:match.start()]
            signature = head[max(head.rfind(';'), head.rfind('}')) + 1:].strip()
            yield self.line_at(match.start()), self.line_at(match.end() - 1), signature, match.group(1)


# ---- the law of includes ----

def check_includes(src, law, room, beside):
    for number, line in enumerate(src.code.splitlines(), 1):
        quoted = re.match(r'\s*#\s*include\s+"([^"]+)"', line)
        if quoted:
            yield from check_quoted(src, law, room, number, quoted.group(1), beside)
        angled = re.match(r'\s*#\s*include\s+<([^>]+)>', line)
        if angled:
            yield from check_angled(src, law, number, angled.group(1))


def check_quoted(src, law, room, number, target, beside):
    if target.endswith(('.c', '.cpp')):
        if not src.is_test:
            yield number, 'include-c', f'{target}: only a test may look inside'
    if '/' not in target:
        if target.rsplit('.', 1)[0] + '.y' not in beside:
            yield number, 'bare-include', f'write "{room}/{target}"'
        return
    owner = law.room_of(target)
    if src.is_test and target.startswith('tests/'):
        return  # what tests of several rooms share
    if owner not in law.rooms[room]:
        yield number, 'layer', f'{room} may not include {target}'
    elif owner not in (room, 'base') and target != f'{owner}/{owner.split("/")[-1]}.h':
        yield number, 'private', f'{target} is private to {owner}'


def check_angled(src, law, number, header):
    name, files = law.lib_of(header)
    if header in ('setjmp.h', 'malloc.h') and src.is_test:
        return  # cmocka needs the one; the other measures the heap
    if header == 'assert.h':
        yield number, 'assert-h', 'use ASSERT of base/assert.h'
    elif name is not None:
        if not any(fnmatch.fnmatchcase(src.path, glob) for glob in files):
            yield number, 'lib', f'<{header}> of {name} belongs to {" ".join(files)} alone'
    elif header in LOCK_HEADERS and not law.grants('lock', src.path) and not law.grants('os', src.path):
        yield number, 'lock', f'<{header}> belongs to {" ".join(law.globs["lock"])}'
    elif header in OS_HEADERS or header in OS_CPP or header.startswith(OS_FOLDERS):
        if not law.grants('os', src.path):
            yield number, 'os', f'<{header}> is of the kernel; this file is pure'
    elif not (header in PURE_HEADERS or header in LOCK_HEADERS or header.endswith('intrin.h') or '.' not in header):
        yield number, 'lib', f'<{header}> is of no library in layers.txt'


def check_own_first(src, beside):
    stem = re.sub(r'_(test|fuzz|mem|rocks)$', '', src.name.rsplit('.', 1)[0])
    if src.is_header or f'{stem}.h' not in beside:
        return
    includes = list(re.finditer(r'^\s*#\s*include\s+["<]([^">]+)', src.code, re.M))
    names = [match.group(1).rsplit('/', 1)[-1] for match in includes]
    if src.is_test and f'{stem}.h' not in names:
        return
    if names and names[0] not in (f'{stem}.h', f'{stem}.c'):
        yield src.line_at(includes[0].start(1)), 'own-first', f'{stem}.h comes before every other include'


# ---- words that must not be there ----

def check_words(src, law):
    grants = {kind: law.grants(kind, src.path) for kind in law.globs}
    # A file's own static helper may be called read() or remove(): it is no system call.
    own = set(re.findall(r'^static\b[^;={]*?\b(\w+)\(', src.plain, re.M))
    if src.is_test:
        own.add('getenv')  # how long to run, and from which seed
    for number, line in enumerate(src.code.splitlines(), 1):
        for match in BANNED_CALLS.finditer(line):
            yield number, 'banned', f'{match.group(1)}: use {BANNED[match.group(1)]}'
        for match in OS_CALLS.finditer(line):
            if not grants['os'] and match.group(1) not in own:
                yield number, 'os', f'{match.group(1)}() in pure code'
        if not grants['say'] and SAY_CALLS.search(line):
            yield number, 'say', 'return an error or emit a trace event'
        if not grants['lock'] and not src.is_test and LOCK_WORDS.search(line):
            yield number, 'lock', f'{LOCK_WORDS.search(line).group(1)} outside {" ".join(law.globs["lock"])}'
        if src.is_test and not src.path.startswith('bench/') and SLEEP_CALLS.search(line):
            yield number, 'test-sleep', 'wait for the event'
        if re.match(r'\s*typedef\s+(struct|union|enum)\b', line):
            yield number, 'typedef', 'write the keyword at each use'


# ---- static state ----

def is_fixed(declaration):
    """Whether a variable's declaration makes it constant: `const` behind the last star, or at all."""
    declarator = re.sub(r'\[[^\]]*\]', '', declaration.split('=')[0])
    pointee, star, behind = declarator.rpartition('*')
    return re.search(r'\b(const|constexpr)\b', behind if star else declarator) is not None


def is_variable(declaration):
    head = re.sub(r'__attribute__\s*\(\(.*?\)\)', '', declaration.split('=')[0])
    head = re.sub(r'\[[^\]]*\]', '', head).strip()
    if re.match(r'(typedef|extern|using|static_assert|_Static_assert|template|return)\b', head) or not head:
        return False
    if re.fullmatch(r'(static\s+)?(const\s+)?(struct|union|enum)(\s+\w+)?', head):
        return False
    if '(' in head:
        return re.search(r'\(\s*\*[^)]*\)\s*\(', head) is not None and not re.match(r'.*\w+\s*\([^*]', head)
    return re.search(r'\w[\s*]+\w+$', head) is not None


def top_declarations(code):
    """(offset, text) of each declaration outside functions, contents of braces left out."""
    at, start, text = 0, 0, ''
    while at < len(code):
        char = code[at]
        if char == ';':
            yield start, text
            text = ''
        elif char == '{' and re.fullmatch(r'\s*(extern\s*" *"|namespace\s*\w*)\s*', text):
            text = ''
        elif char == '{':
            at = closing(code, at, '{}')
            if '=' not in text and re.search(r'\)[\s\w]*$', text):
                text = ''
            continue
        elif char == '}':
            text = ''
        elif text or not char.isspace():
            start = start if text else at
            text += char
        at += 1


def check_state(src):
    if src.is_test:
        return
    for offset, text in top_declarations(src.plain):
        if is_variable(text) and not is_fixed(text):
            yield src.line_at(offset), 'state', 'mutable state outside functions'
    for match in re.finditer(r'^[ \t]+static\b([^;={(]*)[;={]', src.plain, re.M):
        if not is_fixed(match.group(1)):
            yield src.line_at(match.start()), 'state', 'a static local is mutable state too'


# ---- assertions, switches, functions ----

def check_asserts(src):
    for match in re.finditer(r'\bASSERT(?:_SLOW)?\s*(?=\()', src.plain):
        inside = src.plain[match.end() + 1:closing(src.plain, match.end()) - 1]
        flat = inside
        while re.search(r'\([^()]*\)', flat):
            flat = re.sub(r'\([^()]*\)', ' ', flat)
        if '&&' in flat:
            yield src.line_at(match.start()), 'assert', 'one condition each: split at &&'
        elif re.search(r'\+\+|--|<<=|>>=|(?<![=!<>])=(?!=)', inside):
            yield src.line_at(match.start()), 'assert', 'an assertion must not change anything'
        elif re.search(r'\w\s*\(.*\)\s*==\s*OK\b', inside, re.S):
            yield src.line_at(match.start()), 'assert', 'call first, then assert what it returned'


def enum_members(sources):
    """Which named enum each enumerator belongs to; X-macro lists are followed by name."""
    lists, owner = {}, {}
    for src in sources:
        for name, arg, body in re.findall(r'#define[ \t]+(\w+)\((\w+)\)((?:[^\n\\]|\\.|\\\n)*)', src.code):
            lists[name] = re.findall(rf'\b{arg}\((\w+)', body)
    for src in sources:
        for name, body in re.findall(r'\benum\s+(\w+)\s*\{([^}]*)\}', src.code):
            used = re.match(r'\s*(\w+)\(\w+\)', body)
            members = lists.get(used.group(1), []) if used else re.findall(r'(?:^|,)\s*(\w+)', body)
            owner.update((member, name) for member in members)
    return owner


def check_switches(src, owner):
    for match in re.finditer(r'\bswitch\s*(?=\()', src.plain):
        behind = closing(src.plain, match.end())
        brace = src.plain.find('{', behind)
        body = src.plain[brace + 1:closing(src.plain, brace, '{}')]
        inner = re.search(r'\bswitch\b', body)
        body = body[:inner.start()] if inner else body
        default = re.search(r'\bdefault\s*:', body)
        labels = re.findall(r'\bcase\s+([^:]+?)\s*:', body)
        owners = {owner.get(label) for label in labels}
        if default and labels and len(owners) == 1 and None not in owners:
            number = src.line_at(brace + 1 + default.start())
            if '/*' not in src.lines[number - 1]:
                yield number, 'enum-default', (
                    f'all cases are of enum {owners.pop()}; if the operand is a number from outside, say so '
                    'in a comment on the default')


def check_functions(src):
    bound_stated = 'depth' in src.text[:src.text.find('*/')].lower()
    for first, last, signature, body in src.functions():
        if last - first + 1 > FUNCTION_LINES_MAX:
            yield first, 'function-length', f'{last - first + 1} lines, at most {FUNCTION_LINES_MAX}'
        name = re.search(r'(\w+)\s*\((?:[^()]|\([^()]*\))*\)\s*$', signature)
        if name and re.search(rf'(?<![\w.>]){name.group(1)}\s*\(', body) and not (
                bound_stated or 'depth' in signature):
            yield first, 'recursion', f'{name.group(1)}: no depth parameter, no bound in the opening comment'


def check_tests(src):
    if not src.name.endswith('_test.c'):
        return
    for match in re.finditer(r'^static void (test_\w+)\(void \*\*\w+\)\n\{', src.plain, re.M):
        number = src.line_at(match.start())
        if number < 2 or not src.lines[number - 2].rstrip().endswith('*/'):
            yield number, 'test-sentence', f'{match.group(1)} has no sentence above it'


# ---- the shape of files ----

def check_shape(src):
    opening = '\n'.join(src.lines[:5])
    if src.is_header:
        if not src.text.startswith('#pragma once\n'):
            yield 1, 'pragma-once', 'the first line is not #pragma once'
        elif '/*' not in opening:
            yield 1, 'opening', 'no comment behind #pragma once'
        for match in [] if src.is_test else re.finditer(r'^(?:static inline )?enum err (?!\w+_err\()\w+\(', src.plain, re.M):
            yield src.line_at(match.start()), 'must-check', 'an error that nobody has to look at'
    elif not src.is_test and not src.text.startswith(('/*', '//')):
        yield 1, 'opening', 'a source opens with a comment'


def check_text(path, text):
    lines = text.splitlines()
    if len(lines) > FILE_LINES_MAX:
        yield 1, 'file-length', f'{len(lines)} lines: look for the second room inside'
    if text and not text.endswith('\n'):
        yield len(lines), 'whitespace', 'no newline at the end'
    for number, line in enumerate(lines, 1):
        if LEFTOVER.search(line):
            yield number, 'leftover', f'{LEFTOVER.search(line).group(1)} without an issue number'
        if line != line.rstrip() or ('\t' in line and not path.endswith(('Makefile', '.sh', 'run'))):
            yield number, 'whitespace', 'tab or trailing blank'


def check_python(path, text):
    try:
        ast.parse(text)
    except SyntaxError as error:
        yield error.lineno or 1, 'python', error.msg
    if text.startswith('#!') and not text.startswith('#!/usr/bin/python3\n'):
        yield 1, 'python', "begin with #!/usr/bin/python3: Debian's packages belong to it"


def check_built(path, builds, all_builds):
    """`builds` is the text of the meson.build files from the file's folder up; any may name it by its path."""
    name = path.rsplit('/', 1)[-1]
    stem, suffix = name.rsplit('.', 1)
    if suffix == 'h' or f"'{name}'" in builds or f"'{stem}'" in builds or f"{path}'" in all_builds:
        return
    short = re.sub(r'_(test|fuzz)$', '', stem)
    if f"'{short}'" in builds and re.search(r"(@|\+ ')(_test|_fuzz)?\.\w+'", builds):
        return
    yield 1, 'unbuilt', 'no meson.build names this file'


# ---- the tree ----

def tree_files(root):
    """The checked files, as path -> text; build folders and what npm installs are not ours."""
    found = {}
    for top in (*TOPS, 'tools', 'demo', '.ci'):
        for path in sorted((root / top).rglob('*')):
            name = path.relative_to(root).as_posix()
            if path.is_file() and 'node_modules' not in name and (path.suffix in TEXT_SUFFIXES or top == '.ci'):
                found[name] = path.read_text(encoding='utf-8')
    for name in ('Makefile', 'meson.build', 'meson_options.txt'):
        if (root / name).exists():
            found[name] = (root / name).read_text(encoding='utf-8')
    return found


def builds_for(path, files):
    parts = path.split('/')[:-1]
    folders = ['/'.join(parts[:n]) for n in range(len(parts), 0, -1)]
    return ''.join(files.get(f'{folder}/meson.build', '') for folder in folders) + files.get('meson.build', '')


def check_c(src, law, files, owner):
    room = law.room_of(src.path)
    if room is None:
        yield 1, 'room', 'the folder is in no room of layers.txt'
        return
    folder = src.path.rsplit('/', 1)[0] + '/'
    beside = {name.removeprefix(folder) for name in files if name.startswith(folder)}
    yield from check_includes(src, law, room, beside)
    yield from check_own_first(src, beside)
    yield from check_words(src, law)
    yield from check_state(src)
    yield from check_asserts(src)
    yield from check_switches(src, owner)
    yield from check_functions(src)
    yield from check_tests(src)
    yield from check_shape(src)


def check_tree(root):
    """[(path, line, rule, message)] of every breach, in the order of the tree."""
    law = Law((root / 'tools/layers.txt').read_text(encoding='utf-8'))
    findings = [('tools/layers.txt', number, 'law', what) for number, what in law.errors]
    files = tree_files(root)
    sources = {name: Source(name, text) for name, text in files.items()
               if name.endswith(tuple(C_SUFFIXES)) and name.startswith(TOPS)}
    owner = enum_members(sources.values())
    all_builds = ''.join(text for name, text in files.items() if name.endswith('meson.build'))
    for name, text in files.items():
        found = list(check_text(name, text))
        if name in sources:
            found += check_c(sources[name], law, files, owner)
        if name.endswith('.py'):
            found += check_python(name, text)
        if name.startswith(TOPS) and name.endswith(tuple(C_SUFFIXES | GRAMMAR_SUFFIXES)):
            found += check_built(name, builds_for(name, files), all_builds)
        findings += [(name, *finding) for finding in sorted(found)]
    assert {rule for _, _, rule, _ in findings} <= RULES.keys(), 'a finding of an unlisted rule'
    return findings


def main(args):
    root = pathlib.Path(__file__).resolve().parent.parent
    if args == ['--rules']:
        print('\n'.join(f'{rule:16} {why}' for rule, why in RULES.items()))
        return 0
    if args == ['--canary']:
        sys.dont_write_bytecode = True
        import canary
        return canary.main(root)
    if len(args) > 1 or (args and args[0].startswith('-')):
        print(__doc__)
        return 2
    findings = check_tree(pathlib.Path(args[0]).resolve() if args else root)
    for path, number, rule, what in findings:
        print(f'{path}:{number}: [{rule}] {what}')
    print(f'tidy: {len(findings)} findings' if findings else f'tidy: {len(RULES)} rules, no findings')
    return 1 if findings else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))

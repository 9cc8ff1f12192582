#!/bin/sh
# Installs the Debian 12 packages that the named parts of the work need, and only those that are missing.
#
# usage: tools/deps.sh [--list] PART...      parts: build, test, check, bench
#
# Works as root or with sudo. --list prints the packages and installs nothing. Nothing outside Debian is
# fetched here: the npm packages of tests/clients and bench are installed from their lock files by those themselves.
set -eu

build='gcc g++ libc6-dev meson ninja-build pkg-config lemon re2c
  librocksdb-dev libh2o-evloop-dev libwslay-dev libssl-dev libsimdjson-dev libxxhash-dev
  libzstd-dev zlib1g-dev libcurl4-openssl-dev libcmocka-dev ca-certificates'
test='python3 python3-pytest python3-boto3 awscli procps'
check='clang clang-format libclang-rt-14-dev git'
bench='redis-server redis-tools rocksdb-tools postgresql-15'

# Node may have come from elsewhere, under another package name: the programs are what counts.
node_packages() {
    if ! command -v node >/dev/null || ! command -v npm >/dev/null; then echo nodejs npm; fi
}

list_only=no
wanted=
for part in "$@"; do
    case $part in
    --list) list_only=yes ;;
    build) wanted="$wanted $build" ;;
    test) wanted="$wanted $test $(node_packages)" ;;
    check) wanted="$wanted $check" ;;
    bench) wanted="$wanted $bench $(node_packages)" ;;
    *)
        echo "deps: no part is called '$part': build, test, check, bench" >&2
        exit 2 ;;
    esac
done
if [ $list_only = yes ]; then
    printf '%s\n' $wanted
    exit 0
fi
[ -n "$wanted" ] || exit 0

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
    echo "deps: this is no Debian; install what these packages hold by your own means:" $wanted >&2
    echo "deps: then run make with DEPS=no" >&2
    exit 1
fi
installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' $wanted 2>/dev/null | sed -n 's/^installed //p')
missing=
for package in $wanted; do
    printf '%s\n' "$installed" | grep -qxF "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

as_root=
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "deps: as root, please: apt-get install$missing" >&2
        exit 1
    fi
    as_root=sudo
fi
echo "deps: installing$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y "$@" </dev/null >"$log" 2>&1 && return
    cat "$log" >&2
    echo "deps: 'apt-get $*' failed" >&2
    exit 1
}
# Servers that are only measured beside ours shall not be started, now or at boot.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' | $as_root tee $policy >/dev/null
    $as_root chmod 755 $policy
    trap '$as_root rm -f "$policy"; rm -f "$log"' EXIT
fi
apt update
apt install --no-install-recommends $missing
echo "deps: installed $(printf '%s\n' $missing | wc -l) packages and what they need"

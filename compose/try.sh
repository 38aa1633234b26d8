#!/bin/sh
# SPDX-License-Identifier: MIT
# testenv's main job on a fresh Debian 12: builds testenv and a small shop in C,
# and runs the shop's tests four at a time, each worker on a database of its
# own: PostgreSQL in containers where an engine answers, else SQLite files.
#
#   sh compose/try.sh [postgres|mariadb|sqlite]
#
# Can be run again: what is there is not made twice. It writes only below
# TESTENV_BUILD (build/try) and testenv's own cache.
set -eu

db=${1:-postgres}
case $db in
postgres | mariadb | sqlite) ;;
*)
	echo "usage: sh compose/try.sh [postgres|mariadb|sqlite]" >&2
	exit 2
	;;
esac
root=$(cd "$(dirname "$0")/.." && pwd)
out=${TESTENV_BUILD:-$root/build/try}
testenv=$out/testenv/testenv
packages='
	gcc libc6-dev cmake ninja-build pkg-config
	libcurl4-openssl-dev libcjson-dev libpq-dev libmariadb-dev
	libsqlite3-dev libarchive-dev libssl-dev libuv1-dev libfyaml-dev
	uthash-dev
'

say() {
	printf '== %s\n' "$*"
}

die() {
	echo "try.sh: $*" >&2
	exit 1
}

missing_packages() {
	there=$(dpkg-query -W -f='${db:Status-Status} ${Package} \n' "$@" \
		2>/dev/null | sed -n 's/^installed//p')
	for p; do
		echo "$there" | grep -qF " $p " || printf '%s ' "$p"
	done
}

# as_root COMMAND...: directly or by sudo; 1 if neither can
as_root() {
	if [ "$(id -u)" = 0 ]; then
		"$@"
	elif sudo -n true 2>/dev/null; then
		sudo -n "$@"
	else
		return 1
	fi
}

install_packages() {
	command -v dpkg-query >/dev/null 2>&1 || {
		echo "not Debian: taking the packages for granted"
		return 0
	}
	# shellcheck disable=SC2086 # one word each
	missing=$(missing_packages $packages)
	[ -n "$missing" ] || {
		echo "all there"
		return 0
	}
	as_root true || die "these packages are missing; run as root:
  apt-get install --no-install-recommends $missing"
	echo "installing $missing"
	as_root apt-get -qq update
	# shellcheck disable=SC2086
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y \
		-o DPkg::Lock::Timeout=300 --no-install-recommends \
		$missing >"$out/apt.log" 2>&1 || {
		tail -n 20 "$out/apt.log" >&2
		die "apt-get failed"
	}
}

# build NAME SOURCE [CMAKE OPTION...]: quiet unless it fails
build() {
	name=$1 source=$2
	shift 2
	{
		cmake -G Ninja -S "$source" -B "$out/$name" \
			-DCMAKE_BUILD_TYPE=Release "$@" &&
			cmake --build "$out/$name"
	} >"$out/$name.log" 2>&1 || {
		tail -n 30 "$out/$name.log" >&2
		die "cannot build $name; all of it is in '$out/$name.log'"
	}
}

# On an engine without our image, makes it. Nothing here is fatal: exec finds
# out by itself what it can use, and says so.
prepare_engine() {
	if ! list=$("$testenv" images list 2>"$out/engine.log"); then
		cat "$out/engine.log"
		return 0
	fi
	case $list in *"testenv/$db:"*)
		echo "testenv/$db is on the engine"
		return 0
		;;
	esac
	echo "building testenv/$db; the next run finds it there"
	"$testenv" images build "$db" >"$out/image.log" 2>&1 || {
		tail -n 5 "$out/image.log"
		echo "no image of our own; going on without it"
	}
}

mkdir -p "$out"
say "packages"
install_packages
say "building testenv"
build testenv "$root" -DTESTENV_TESTS=OFF
say "building the shop and its tests"
build shop "$root/compose/shop"
if [ "$db" != sqlite ]; then
	say "container engine"
	prepare_engine
fi

cd "$root/compose/shop"
say "testenv exec --db $db --workers 4 --migrations db/migrations" \
	"--seed db/seed.sql -- ./run-tests"
code=0
rm -f "$out/used"
# shellcheck disable=SC2016 # for the inner shell, which has the variables
SHOP_BUILD=$out/shop SHOP_USED=$out/used "$testenv" exec --db "$db" \
	--workers 4 --migrations db/migrations --seed db/seed.sql -- sh -c '
		echo "$TESTENV_BACKEND" "${TESTENV_FALLBACK_REASON:-}" >"$SHOP_USED"
		exec ./run-tests' || code=$?

say "summary"
backend=nothing reason=
[ ! -f "$out/used" ] || read -r backend reason <"$out/used"
echo "database:  $db, asked for"
echo "ran on:    $backend${reason:+ ($reason)}"
if [ "$code" = 0 ]; then
	echo "result:    every test passed"
else
	echo "result:    failed with code $code"
fi
echo "next:      $testenv help"
exit "$code"

#!/bin/sh
# SPDX-License-Identifier: MIT
# Builds testenv in every supported way and runs its tests.
#
#   sh tests/run.sh                everything, as CI does
#   sh tests/run.sh PART...        only these, in the order given:
#     packages    print the Debian packages that are needed
#     unit        gcc: build, tests without a server (labels unit and fake)
#     lint        layers, layout, spelling (label lint)
#     images      build the server images through the program
#     live        the built program on real servers (label live)
#     gcc-asan gcc-tsan clang clang-asan
#                 the same build and unit tests, otherwise
#     fuzz        clang: the fuzzers, a minute for the engine's replies
#     live-asan   live without images, with clang's sanitizers
#
# As root it installs what is missing and starts a Docker engine where none
# answers; otherwise it says what is missing and goes on with what is there.
# A test that cannot run is skipped; with CI=true that is a failure.
#
# Variables: TESTENV_BUILD, where to build (build/tests); TESTENV_JOBS (cores).
set -u

root=$(cd "$(dirname "$0")/.." && pwd)
out=${TESTENV_BUILD:-$root/build/tests}
jobs=${TESTENV_JOBS:-$(nproc)}
ci=${CI:-}
began=$(date +%s)
engine_started=
total=0
failed=0
summary=
bad=

# The one list. The names are Debian 12's.
packages='
	gcc g++ libc6-dev clang libclang-rt-14-dev cmake ninja-build pkg-config
	libcurl4-openssl-dev libcjson-dev libpq-dev libmariadb-dev
	libsqlite3-dev libarchive-dev libssl-dev libuv1-dev libfyaml-dev
	uthash-dev libcmocka-dev
	clang-format-14 clang-format shellcheck codespell git
	ca-certificates curl jq procps python3 sqlite3
	postgresql-client mariadb-client
	make parallel python3-pytest-xdist
'
# Node may be there from elsewhere than Debian, whose npm it then shuts out.
command -v npm >/dev/null 2>&1 || packages="$packages nodejs npm"
# Only where an engine has to be brought up.
engine_packages='docker.io iptables mmdebstrap'
# Servers and readers that only live tests want, and only CI installs: a
# developer may not like a database server to start.
live_packages='postgresql mariadb-server-core mandoc iproute2 docker.io
	python3-psycopg2 python3-pymysql python3-alembic golang-go'
# Rust may be there from elsewhere, too, and Debian's is large.
command -v cargo >/dev/null 2>&1 || live_packages="$live_packages cargo"

say() {
	printf '\n== %s\n' "$*"
}

seconds() {
	echo $(($(date +%s) - began))
}

# note RESULT WHAT SINCE: a line of the closing summary
note() {
	summary="$summary
$(printf '%-7s %5ds  %s' "$1" $(($(seconds) - $3)) "$2")"
	[ "$1" != FAILED ] || bad=yes
}

# step WHAT COMMAND...: runs it, and remembers how it ended
step() {
	what=$1 since=$(seconds)
	shift
	say "$what"
	if "$@"; then
		note ok "$what" "$since"
		return 0
	fi
	note FAILED "$what" "$since"
	return 1
}

missing_packages() {
	there=$(dpkg-query -W -f='${db:Status-Status} ${Package} \n' "$@" \
		2>/dev/null | sed -n 's/^installed//p')
	for p; do
		echo "$there" | grep -qF " $p " || printf '%s ' "$p"
	done
}

# Fails only when what is missing cannot be installed by us.
need_packages() {
	if ! command -v dpkg-query >/dev/null 2>&1; then
		echo "not Debian: the packages are taken for granted"
		return 0
	fi
	missing=$(missing_packages "$@")
	if [ -z "$missing" ]; then
		echo "all there"
		return 0
	fi
	if [ "$(id -u)" != 0 ]; then
		echo "missing; as root: apt-get install --no-install-recommends $missing"
		return 1
	fi
	echo "installing $missing"
	# shellcheck disable=SC2086 # one word each
	apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install \
		-y -o DPkg::Lock::Timeout=300 --no-install-recommends $missing \
		>/dev/null
}

# ping_socket PATH: does an engine answer there?
ping_socket() {
	[ -S "$1" ] && curl -fs -m 5 -o /dev/null --unix-socket "$1" http://d/_ping
}

engine_answers() {
	for s in /var/run/docker.sock "${XDG_RUNTIME_DIR:-/nowhere}/docker.sock" \
		"${XDG_RUNTIME_DIR:-/nowhere}/podman/podman.sock"; do
		ping_socket "$s" && return 0
	done
	return 1
}

# Never fails: without an engine the rest is tested all the same, and what
# needs one says so by itself.
bring_up_engine() {
	if engine_answers; then
		echo "an engine answers"
	elif [ "$(id -u)" != 0 ]; then
		echo "no engine answers, and only root can start one"
		return 0
	else
		# shellcheck disable=SC2086
		need_packages $engine_packages || return 0
		"$root/tests/engines/docker20-up" || {
			echo "no engine can be started on this machine"
			return 0
		}
		engine_started=yes
	fi
	if ping_socket /var/run/docker.sock; then
		"$root/tests/engines/base-image" unix:///var/run/docker.sock || true
	fi
	return 0
}

# build NAME COMPILER [CMAKE OPTION...]: $targets, or all
targets=
build() {
	name=$1 cc=$2
	shift 2
	if command -v ccache >/dev/null 2>&1; then
		set -- "$@" -DCMAKE_C_COMPILER_LAUNCHER=ccache
	fi
	cmake -G Ninja -S "$root" -B "$out/$name" -DCMAKE_C_COMPILER="$cc" \
		-DTESTENV_WERROR=ON "$@" >"$out/$name.log" 2>&1 || {
		cat "$out/$name.log"
		return 1
	}
	# shellcheck disable=SC2086 # one word each; none: everything
	ninja -C "$out/$name" -j "$jobs" $targets >"$out/$name.log" 2>&1 || {
		tail -n 60 "$out/$name.log"
		return 1
	}
	tail -n 1 "$out/$name.log"
}

build_gcc() { build gcc gcc -DCMAKE_BUILD_TYPE=Release; }
build_clang() { build clang clang -DCMAKE_BUILD_TYPE=Release; }
build_gcc_asan() {
	build gcc-asan gcc -DCMAKE_BUILD_TYPE=Debug \
		-DTESTENV_SANITIZE=address,undefined
}
build_gcc_tsan() {
	build gcc-tsan gcc -DCMAKE_BUILD_TYPE=Debug -DTESTENV_SANITIZE=thread
}
build_clang_asan() {
	build clang-asan clang -DCMAKE_BUILD_TYPE=Debug \
		-DTESTENV_SANITIZE=address,undefined
}

# skip_reasons SCREEN LOG: why each test that the screen shows as skipped was:
# the last line of its output, which ctest keeps in its log.
skip_reasons() {
	awk '
		NR == FNR && /\*\*\*Skipped/ { skipped[$4]; next }
		/^[0-9]+\/[0-9]+ Test: / { name = $3; last = "" }
		/^<end of output>/ {
			if (name in skipped) print "skipped " name ": " last
			reading = 0
		}
		reading && NF { last = $0 }
		/^Output:/ { reading = 1 }
	' "$1" "$2"
}

# tests NAME LABELS [CTEST OPTION...]: runs ctest and counts
tests() {
	name=$1 labels=$2
	shift 2
	log=$out/ctest.log
	# -L takes a regular expression
	(
		cd "$out/$name" &&
			ctest -L "^($labels)\$" --output-on-failure \
				--timeout 900 "$@" </dev/null
		echo $? >"$log.status"
	) 2>&1 | tee "$log"
	# the last: a test that failed may show a ctest of its own before
	ran=$(sed -n 's/.*tests failed out of \([0-9]*\)$/\1/p' "$log" |
		tail -n 1)
	lost=$(sed -n 's/.* \([0-9]*\) tests failed out of .*/\1/p' "$log" |
		tail -n 1)
	total=$((total + ${ran:-0}))
	failed=$((failed + ${lost:-0}))
	skipped=$(grep -c '\*\*\*Skipped' "$log")
	if [ "$skipped" != 0 ]; then
		skip_reasons "$log" "$out/$name/Testing/Temporary/LastTest.log"
		if [ "$ci" = true ]; then
			echo "$skipped tests skipped: in CI that is a failure"
			failed=$((failed + skipped))
			return 1
		fi
	fi
	[ "$(cat "$log.status")" = 0 ]
}

build_images() {
	if ! engine_answers; then
		echo "no engine: nothing to build on"
		[ "$ci" != true ]
		return
	fi
	"$out/gcc/testenv" images build </dev/null &&
		"$root/tests/images/build" unix:///var/run/docker.sock services
}

# containers_left: of sessions; on an engine that others use, too, only those
# whose project is below this tree or gone, as those of our tests are.
containers_left() {
	curl -fs -m 10 --unix-socket /var/run/docker.sock -G \
		--data-urlencode 'filters={"label":["dev.testenv.session"]}' \
		-d all=1 http://d/v1.41/containers/json |
		jq -r '.[] | .Names[0] + " " + .Labels["dev.testenv.project"]' |
		while read -r name project; do
			case $project in "$root"/*) project=/nowhere ;; esac
			[ -z "$engine_started" ] && [ -d "$project" ] ||
				echo "container $name"
		done
}

# Whatever was built and still runs, under any name.
processes_left() {
	for exe in /proc/[0-9]*/exe; do
		case $(readlink "$exe" 2>/dev/null) in "$out"/*)
			pid=${exe#/proc/}
			ps -o pid=,args= -p "${pid%/exe}" | sed 's/^/process /'
			;;
		esac
	done
}

# The last may still be on its way out.
nothing_left() {
	for _ in $(seq 20); do
		left=$(
			processes_left
			containers_left
		)
		[ -n "$left" ] || return 0
		sleep 1
	done
	echo "$left"
	return 1
}

part_unit() {
	step 'gcc: build' build_gcc &&
		step 'gcc: unit and fake' tests gcc 'unit|fake' -j "$jobs"
}
part_lint() {
	step 'gcc: build' build_gcc && step lint tests gcc lint -j "$jobs"
}
part_images() {
	step 'gcc: build' build_gcc && step 'server images' build_images
}
part_live() {
	step 'gcc: build' build_gcc && step 'gcc: live' tests gcc live -j 2
}
part_gcc_asan() {
	step 'gcc, sanitizers: build' build_gcc_asan &&
		step 'gcc, sanitizers: unit and fake' \
			tests gcc-asan 'unit|fake' -j "$jobs"
}
part_gcc_tsan() {
	step 'gcc, threads: build' build_gcc_tsan &&
		step 'gcc, threads: unit and fake' \
			tests gcc-tsan 'unit|fake' -j "$jobs"
}
part_clang() {
	step 'clang: build' build_clang &&
		step 'clang: unit and fake' tests clang 'unit|fake' -j "$jobs"
}
part_clang_asan() {
	step 'clang, sanitizers: build' build_clang_asan &&
		step 'clang, sanitizers: unit and fake' \
			tests clang-asan 'unit|fake' -j "$jobs"
}
build_fuzz() {
	targets='fuzz_startup fuzz_json fuzz_split fuzz_engine'
	build fuzz clang -DCMAKE_BUILD_TYPE=Debug -DTESTENV_FUZZ=ON
	built=$?
	targets=
	return "$built"
}

# fuzz NAME SECONDS: what it finds is kept beside it
# From the same seed each time: a find is what a change brought, as far as
# threads allow. Longer and from anywhere: tests/fuzz/CMakeLists.txt.
fuzz() {
	found=$out/fuzz/found/$1
	mkdir -p "$found"
	"$out/fuzz/tests/fuzz/fuzz_$1" -seed=1 -max_total_time="$2" -timeout=60 \
		-artifact_prefix="$found/" -print_final_stats=1 "$found" \
		"$root/tests/fuzz/corpus/$1" >"$out/fuzz-$1.log" 2>&1 || {
		tail -n 60 "$out/fuzz-$1.log"
		return 1
	}
	grep '^stat::number_of_executed_units' "$out/fuzz-$1.log"
}
part_fuzz() {
	step 'clang, fuzzers: build' build_fuzz || return
	step 'fuzz: first packets' fuzz startup 10
	step 'fuzz: protocol' fuzz json 10
	step 'fuzz: SQL and CSV' fuzz split 10
	step 'fuzz: replies of an engine' fuzz engine 60
}
# What it leaves out builds images or starts hundreds of servers, which run no
# line of ours that the rest does not, or looks at memory, which the sanitizer
# keeps for a while, or preloads, which it does not let.
part_live_asan() {
	step 'clang, sanitizers: build' build_clang_asan &&
		step 'clang, sanitizers: live' tests clang-asan live -j 2 \
			-E 'cache_crash|live.(crash_|faults_local)|engine_|fresh_machine|images_|live.(install|load|migrate_(tools|layouts))|runners_([^c]|co)|savepoint|shop_[rmp]'
}

everything() {
	part_unit || [ -x "$out/gcc/testenv" ] || return
	step lint tests gcc lint -j "$jobs"
	step 'server images' build_images
	step 'gcc: live' tests gcc live -j 2
	part_gcc_asan
	part_gcc_tsan
	part_clang
	part_clang_asan
	part_fuzz
	part_live_asan
	step 'nothing is left' nothing_left
}

# An engine that we started ends with us.
finish() {
	if [ -n "$engine_started" ]; then
		"$root/tests/engines/down" docker20 || true
	fi
}

if [ "${1:-}" = packages ]; then
	# shellcheck disable=SC2086
	echo $packages
	exit 0
fi
for part; do
	case $part in
	unit | lint | images | live | gcc-asan | gcc-tsan | clang | clang-asan | fuzz | live-asan) ;;
	*)
		sed -n '3,/^set -u/s/^# \{0,1\}//p' "$0"
		echo "run.sh: there is no part '$part'" >&2
		exit 2
		;;
	esac
done

# the live tests take the machine's own engine
unset DOCKER_HOST DOCKER_CONTEXT
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
# shellcheck disable=SC2086
step packages need_packages $packages || exit 1
mkdir -p "$out" || exit 1
case " $* " in *' images '* | *' live '* | *' live-asan '* | '  ')
	if [ "$ci" = true ]; then
		# shellcheck disable=SC2086
		step 'packages for live tests' need_packages $live_packages
	fi
	step engine bring_up_engine ;;
esac
if [ $# = 0 ]; then
	everything
fi
for part; do
	"part_$(echo "$part" | tr - _)"
done

say "summary, $(seconds) seconds"
echo "$summary" | sed 1d
if [ "$total" -gt 0 ]; then
	# as ctest words it, for all of its runs together
	echo "$(((total - failed) * 100 / total))% tests passed," \
		"$failed tests failed out of $total"
fi
[ -z "$bad" ]

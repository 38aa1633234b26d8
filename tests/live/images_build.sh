#!/bin/sh
# SPDX-License-Identifier: MIT
# `testenv images` itself: build, list, remove, and what a killed build leaves.
# The base does next to nothing and makes a server of a version that is older
# than any, so that nobody takes the image.
# shellcheck disable=SC2317 # functions that others call by their names
set -u
# shellcheck source=lib.sh
. "$SOURCE_DIR/tests/live/lib.sh"
# shellcheck source=../support/exec.sh
. "$SOURCE_DIR/tests/support/exec.sh"
id=$$-$(date +%s)
label=dev.testenv.test=$id
base=testenv-test/images-base:$id
tag=testenv/mariadb:0.$$

command -v docker >/dev/null 2>&1 || skip "there is no docker program"
docker version >/dev/null 2>&1 || skip "no container engine answers"
clean() {
	# the base only when nothing is built on it any more
	for _ in 1 2 3; do
		docker images -q --filter "label=$label" | sort -u |
			xargs -r docker rmi -f >/dev/null 2>&1
	done
	rm -rf "$tmp"
}
trap clean EXIT

docker image inspect debian:bookworm-slim >/dev/null 2>&1 ||
	skip "no debian:bookworm-slim"
mkdir base
# `sh /usr/share/testenv/install` and `… bake` of the build
cat >base/sh <<E2
#!/bin/bash
case \$1 in
*/install) sleep 1 ;;
*/bake) echo "0.$$.3-test" >/usr/share/testenv/version ;;
*) exec /bin/sh "\$@" ;;
esac
E2
chmod +x base/sh
printf 'FROM debian:bookworm-slim\nCOPY sh /usr/local/bin/sh\n' >base/Dockerfile
DOCKER_BUILDKIT=0 docker build -q --label "$label" -t "$base" base \
	>"$tmp/out" 2>"$tmp/err" || fail "no base"

# ours TAG...: the images there are of this test, by name
ours() {
	docker images --filter "label=$label" --format '{{.Repository}}:{{.Tag}}' |
		grep -v '^testenv-test/\|<none>' | sort >"$tmp/out"
	what="docker images"
	out_is "$*"
}

run 2 testenv images build nonsense
err_has "^testenv: there is no image 'nonsense' to build$"
err_has '^hint: there are: mariadb, postgres$'
run 0 testenv images build mariadb --base "$base"
out_is "$tag"
ours "$tag"
docker inspect -f '{{range $k, $v := .Config.Labels}}{{$k}}={{$v}} {{end}}' \
	"$tag" >"$tmp/out"
out_has "dev.testenv.image=mariadb .*dev.testenv.server=0.$$.3-test "
out_has_not 'dev.testenv.(owner|session|role)'
run 0 testenv images list
out_has "^$tag +server +mariadb +0\.$$\.3 "
run 0 testenv images list --json
jq -e --arg tag "$tag" '.[] | select(.name == $tag) | .kind == "server"' \
	"$tmp/out" >/dev/null || fail "the list has no $tag"
# the same again is the same
run 0 testenv images build mariadb --base "$base"
ours "$tag"
run 0 testenv images remove "$tag"
out_is "$tag"
ours ''
run 8 testenv images remove "$tag"
run 19 testenv images remove "$base"

# Killed as soon as there is something, which gc then takes away.
"$TESTENV_BIN" images build mariadb --base "$base" >"$tmp/out" 2>"$tmp/err" &
pid=$!
half_there() {
	docker images --filter "label=$label" --format '{{.Repository}}' |
		grep -q '^testenv/'
}
wait_for 60 half_there || fail "nothing is built"
kill -9 "$pid" 2>/dev/null
wait "$pid" 2>/dev/null
# what else it finds on this engine is not this test's to judge
gc() {
	testenv gc "$@" >"$tmp/out" 2>"$tmp/err" || true
	what=gc
}
# The engine may still finish what the dead one asked for last.
all_gone() {
	gc
	docker rmi "$tag" >/dev/null 2>&1 # it was done already
	! half_there
}
wait_for 60 all_gone || fail "gc leaves a killed build"
ours ''

# half NAME OWNER: as a killed build leaves it
half() {
	printf 'FROM %s\n' "$base" | DOCKER_BUILDKIT=0 docker build -q \
		--label "dev.testenv.session=images" \
		--label "dev.testenv.owner=$2" -t "$1" - >/dev/null
}
boot=$(cat /etc/machine-id 2>/dev/null):$(cat /proc/sys/kernel/random/boot_id)
boot=$boot:$(stat -Lc %i /proc/self/ns/pid)
start=$(awk '{ print $22 }' /proc/$$/stat)
half "testenv/build:live-$id" "$boot:$$:$start:$(id -u)" || fail 'no image'
# any gc takes the dead one's, so a neighbour's may have come first
dead_is_shown() {
	half "testenv/build:dead-$id" "$boot:$$:1:$(id -u)" && gc --dry-run &&
		grep -Eq "^image +testenv/build:dead-$id +- +its owner is gone +removed$" \
			"$tmp/out"
}
for _ in 1 2 3 4 5; do
	dead_is_shown && break
done
out_has "^image +testenv/build:dead-$id +- +its owner is gone +removed$"
out_has_not "build:live-$id"
gc
ours "testenv/build:live-$id"
finish

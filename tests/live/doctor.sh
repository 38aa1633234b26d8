#!/bin/sh
# SPDX-License-Identifier: MIT
# doctor where there is an engine, none, a dead one, and nonsense.
# shellcheck source=lib.sh
. "$(dirname "$0")/lib.sh"
cd "$tmp" || exit 1
# no engine of this machine is found by accident: homes and sockets are ours
HOME=$tmp XDG_RUNTIME_DIR=$tmp
export HOME XDG_RUNTIME_DIR

# none: SQLite serves, and it is said
run 0 env DOCKER_HOST=unix:///nonexistent "$TESTENV_BIN" doctor
out_has "^  - unix:///nonexistent \(DOCKER_HOST\): no socket '/nonexistent'$"
out_has "^would be used: SQLite files instead of containers: .*no socket '/nonexistent'$"
out_has "^fix: DOCKER_HOST is 'unix:///nonexistent', where no engine answers"
out_has '^sqlite: 3\.'
out_has '^disk: .* free for '
out_has_not '^the engine:'
err_is ''

# what demands containers fails with the kind's code, and SQLite does not
run 4 env DOCKER_HOST=unix:///nonexistent "$TESTENV_BIN" doctor --require container
out_has '^would be used: nothing: '
run 4 env DOCKER_HOST=unix:///nonexistent "$TESTENV_BIN" doctor --fallback none
run 4 env DOCKER_HOST=unix:///nonexistent "$TESTENV_BIN" doctor --backend container
run 0 env DOCKER_HOST=unix:///nonexistent "$TESTENV_BIN" doctor --db sqlite
out_has '^would be used: SQLite files, as asked for$'

# nowhere
run 0 env DOCKER_HOST=tcp://127.0.0.1:1 "$TESTENV_BIN" doctor
out_has '^  - tcp://127\.0\.0\.1:1 \(DOCKER_HOST\): .*[Rr]efused'
out_has '^fix: DOCKER_HOST is '
run 4 testenv doctor --fallback none --host tcp://127.0.0.1:1
out_has '^  - tcp://127\.0\.0\.1:1 \(command line\)'
out_has '^fix: --host is '

# nonsense is never passed over
run 3 env DOCKER_HOST=foo "$TESTENV_BIN" doctor
out_has "^would be used: nothing: DOCKER_HOST: 'foo' is not an engine's address$"
out_has '^fix: '
run 3 env DOCKER_CONTEXT=none "$TESTENV_BIN" doctor
out_has "^would be used: nothing: DOCKER_CONTEXT: there is no docker context 'none'$"

# a dead engine's socket: bound, and nobody listens
if command -v python3 >/dev/null 2>&1; then
	python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$tmp/dead.sock"
	run 0 env DOCKER_HOST="unix://$tmp/dead.sock" "$TESTENV_BIN" doctor
	out_has "dead.sock \(DOCKER_HOST\): nobody listens on '.*dead.sock'"
	out_has "^fix: '.*dead.sock' is there but nobody answers: start the engine"
	# as one of the usual places, it is passed over
	mkdir -p "$tmp/.docker/run"
	mv "$tmp/dead.sock" "$tmp/.docker/run/docker.sock"
	run 0 testenv doctor
	out_has '\.docker/run/docker\.sock \(docker desktop\): nobody listens'
	# a context leads to it
	sha=$(printf dead | sha256sum | cut -d ' ' -f 1)
	mkdir -p "$tmp/.docker/contexts/meta/$sha"
	printf '{"Name":"dead","Endpoints":{"docker":{"Host":"unix:///gone"}}}' \
		>"$tmp/.docker/contexts/meta/$sha/meta.json"
	printf '{"currentContext":"dead"}' >"$tmp/.docker/config.json"
	run 0 testenv doctor
	out_has "^fix: context 'dead' leads to 'unix:///gone', where no engine"
	rm -r "$tmp/.docker"
else
	echo "python3 is not installed: no dead socket was tried"
fi

# signal_when_called SIGNAL COMMAND...: its exit code; the signal comes when the
# engine below has been called. (Not by timeout: see signal_after.)
# shellcheck disable=SC2317 # called through run
signal_when_called() {
	signalled=$1
	shift
	rm -f called
	"$@" &
	caller=$!
	while [ ! -e called ] && kill -0 "$caller" 2>/dev/null; do
		sleep 0.05
	done
	kill -s "$signalled" "$caller"
	wait "$caller"
}

# an engine that takes the call and says nothing: a signal ends the wait
if command -v python3 >/dev/null 2>&1; then
	mkfifo "$tmp/ready"
	python3 -c 'import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(300)
s.bind(sys.argv[1])
s.listen()
print("ready", flush=True)
calls = []
while True:
    calls.append(s.accept())
    open("called", "w").close()' "$tmp/mute.sock" >"$tmp/ready" &
	mute=$!
	read -r _ <"$tmp/ready"
	for signal in INT:130 TERM:143 HUP:129; do
		# a signal that our own parent ignores would stay ignored
		run "${signal#*:}" signal_when_called "${signal%:*}" \
			env --default-signal=INT,TERM,HUP \
			DOCKER_HOST="unix://$tmp/mute.sock" "$TESTENV_BIN" doctor
		out_is ''
		err_is "testenv: doctor: interrupted by SIG${signal%:*}"
	done
	kill "$mute"
	wait "$mute" 2>/dev/null
fi

# a socket that others own
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null 2>&1 &&
	command -v python3 >/dev/null 2>&1; then
	chmod 755 "$tmp"
	python3 -c 'import socket, sys
socket.socket(socket.AF_UNIX).bind(sys.argv[1])' "$tmp/other.sock"
	chmod 660 "$tmp/other.sock"
	cp "$TESTENV_BIN" "$tmp/copy" && chmod 755 "$tmp/copy"
	mkdir -m 777 "$tmp/nobody"
	run 0 env HOME="$tmp/nobody" XDG_RUNTIME_DIR="$tmp/nobody" \
		DOCKER_HOST="unix://$tmp/other.sock" setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$tmp/copy" doctor
	out_has "\(DOCKER_HOST\): no permission for '.*other.sock'"
	out_has "^fix: you may not use '.*other.sock'"
fi

# --json says the same to programs
run 0 env DOCKER_HOST=unix:///nonexistent "$TESTENV_BIN" doctor --json
if command -v jq >/dev/null 2>&1; then
	got=$(jq -r '[.backend, .kind, .candidates[0].host, .engine,
		(.fixes | length)] | map(tostring) | join(" ")' out)
	[ "$got" = 'sqlite no-engine unix:///nonexistent null 1' ] ||
		fail "doctor --json: $got"
fi

# with an engine
run 0 testenv doctor
if grep -q '^the engine:' out; then
	out_has '^  \* .*: answers, version [0-9]'
	out_has '^  API +1\.[0-9]+'
	out_has '^  storage driver '
	out_has '^  memory limits +(yes|no)$'
	out_has '^  process limits +(yes|no)$'
	out_has '^  shared files +(yes|no)$'
	out_has '^  SELinux +(yes|no)$'
	out_has '^would be used: containers$'
	run 0 testenv doctor --require container --json
	out_has '"backend":.*"container"'
else
	echo "no engine answers on this machine: only the failures were tried"
fi
finish

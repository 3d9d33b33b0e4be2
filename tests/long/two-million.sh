#!/bin/sh
# tests/long/two-million.sh: one directory of two million files is summed up
# alike by one worker and by several, its zombies are taken, and put back to
# the last name. Exit status 77: no room for it.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
qscan=${QSCAN:-$top/build/qscan}
generate=$top/build/tests/bench/generate
messages=1000000
needed_kb=$((9 * 1024 * 1024))

room_kb() {
    df -Pk "$1" 2>/dev/null | awk 'NR == 2 { print $4 }'
}
for folder in /dev/shm "${TMPDIR:-/tmp}" ''; do
    [ -n "$folder" ] || { echo 'no 9 GB of room'; exit 77; }
    [ "$(room_kb "$folder")" -lt "$needed_kb" ] 2>/dev/null || break
done
work=$(mktemp -d "$folder/qscan-long.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

fail() {
    echo "two-million: $*"
    exit 1
}
names() {
    find "$work/queue" -maxdepth 1 -type f -printf '%f\n' | LC_ALL=C sort
}
run() {
    "$qscan" --rules="$top/rules/shipped" --now=1795375579 -C /dev/null "$@" \
        "$work/queue"
}

make -C "$top" build/tests/bench/generate >/dev/null ||
    fail 'the generator was not built'
"$generate" "$work/queue" $messages || fail 'the queue was not made'
names >"$work/before"
[ "$(wc -l <"$work/before")" = $((2 * messages)) ] || fail 'files are missing'
zombies=$("$generate" "$work/queue" $messages ids | wc -l)

run -j1 -f json >"$work/one" || fail "exit $? with one worker"
run -j4 -f json >"$work/four" || fail "exit $? with four workers"
cmp "$work/one" "$work/four" || fail 'workers change the summary'
grep -q "\"messages\": *${messages}[,}]" "$work/one" ||
    fail "not $messages messages: $(head -c 300 "$work/one")"

run --purge-bounces --yes --no-syslog >"$work/purge" 2>&1 ||
    fail "purge: exit $?: $(cat "$work/purge")"
grep -q "^Took $zombies messages" "$work/purge" ||
    fail "not $zombies taken: $(cat "$work/purge")"
[ "$(names | wc -l)" = $((2 * (messages - zombies))) ] ||
    fail 'what is left is not what was kept'
run --undo --yes --no-syslog >"$work/undo" 2>&1 ||
    fail "undo: exit $?: $(cat "$work/undo")"
names | cmp - "$work/before" || fail 'undo did not bring all names back'
echo "$zombies of $messages taken and put back"

# tests/bench/measuring.sh: sourced by run and run-logs; what both need to
# measure and to say it. Wants $top and $rounds; gives $work, a folder in
# memory that is gone at the end, and $table, the file of the rows.
#
# shellcheck shell=sh disable=SC2154 # $top, $rounds, $image, $mount_point

QSCAN=${QSCAN:-$top/build/qscan}
tools=${BENCH_TOOLS:-$top/build/tests/bench}
memory_dir=${BENCH_DIR:-/dev/shm}

work=$(mktemp -d "$memory_dir/qscan-bench.XXXXXX") || exit 0
table=$work/table
: >"$table"
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say() {
    echo "bench: $*" >&2
}
note() {
    echo "$*" | tee -a "$table" >&2
}
must_be_built() {
    for program in "$QSCAN" "$@"; do
        [ -x "$program" ] || { say "$program: not built; run make"; exit 0; }
    done
}
room_kb() {
    df -Pk "$work" | awk 'NR == 2 { print $4 }'
}

# timed SERIES COMMAND...: one run, counted under that name; output dropped.
timed() {
    series=$work/series.$1
    shift
    "$tools/measure" "$series" "$@" >"$work/out" 2>"$work/err"
    code=$?
    [ $code = 0 ] || say "exit $code of $*: $(tail -n 1 "$work/err")"
}
forget() {
    rm -f "$work"/series.*
}
median() { # SERIES [COLUMN]: 1 = seconds, 2 = resident kB, 3 = anonymous kB
    [ -f "$work/series.$1" ] || return 0
    awk -v c="${2:-1}" '{ print $c }' "$work/series.$1" | sort -n |
        awk '{ v[NR] = $1 } END { print NR % 2 ? v[(NR + 1) / 2] \
            : (v[NR / 2] + v[NR / 2 + 1]) / 2 }'
}
# row WHAT OURS THEIRS LIMIT: a line of ratios; says whether it holds.
row() {
    awk -v what="$1" -v ours="$2" -v theirs="$3" -v limit="$4" 'BEGIN {
        if (ours == "" || theirs + 0 == 0) {
            printf "%-58s not measured, not installed here\n", what
            exit
        }
        ratio = ours / theirs
        printf "%-58s %8.3fs %8.3fs %7.2f %6s %s\n", what, ours, theirs, \
            ratio, limit, limit == "" ? "" : ratio <= limit ? "ok" : "OVER"
    }' | tee -a "$table" >&2
}
# memory_row WHAT KB LIMIT-MB: the limit may be empty.
memory_row() {
    awk -v what="$1" -v k="$2" -v limit="$3" 'BEGIN {
        printf "%s: %.1f MB", what, k / 1024
        if (limit != "")
            printf " (limit %d: %s)", limit, \
                (k > limit * 1024 ? "OVER" : "ok")
        printf "\n" }' | tee -a "$table" >&2
}
# print_table ABOUT: all rows, on the terminal and behind build/bench.txt.
print_table() {
    if [ ! -f "$table" ]; then
        say "$work: gone meanwhile; nothing to show"
        return
    fi
    {
        echo
        echo "$1"
        printf '%-58s %9s %9s %7s %6s\n' 'what : beside what' ours theirs \
            ratio limit
        cat "$table"
    } | tee -a "$top/build/bench.txt"
}

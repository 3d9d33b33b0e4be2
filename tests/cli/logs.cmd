# needs: speed
# The summary of a real log; the same whatever it is packed with, in how many
# files, from a pipe, and for any number of workers.
# Commands are wrapped: a path as long everywhere.
cp -R "$RULES" rules
RULES=rules
fixture maillog-lab lab
ask --logs --utc lab/maillog.gz
gzip -dc lab/maillog.gz >plain
touch -r lab/maillog.gz plain

# Without what is the file's own: its name, how it is packed, which of its
# lines, and the commands.
body() {
    sed -E '/^WHAT TO TYPE NEXT/,$d; /^\$ /d; /^ +[0-9]+  [0-9-]+ [0-9:]+  (plain|gzip) /d
        /files?, in the order of reading/d
        /^$/d
        s/^( +)\S+ line [0-9]+:$/\1LOG line N:/
        s/"evidence":\{"file":"[^"]*","line":[0-9]+/"evidence":{LOG/'
}
compare() {
    body <"$1" >one
    body <"$2" >other
    if [ -s one ] && diff one other; then echo "$3: the same"; fi
}
ask --logs --utc lab/maillog.gz >packed
for workers in 1 2 5; do
    ask --logs --utc -j $workers plain >got
    compare packed got "plain, $workers workers"
    ask --logs --utc -j $workers lab/maillog.gz >got
    compare packed got "gzip, $workers workers"
done
# shellcheck disable=SC2002 # a pipe, not a file
cat plain | qscan --logs --utc --now="$NOW" --rules="$RULES" >got
compare packed got 'from a pipe'

# Cut into a rotated set, named in any order.
split -n l/4 plain part.
ask --attackers --utc -fjson plain >packed
for files in 'part.aa part.ab part.ac part.ad' 'part.ac part.aa part.ad part.ab'
do
    # shellcheck disable=SC2086 # four words
    ask --attackers --utc -fjson $files >got
    compare packed got "$files"
done
# Each host's own log, merged again.
for host in mx2 mail; do
    grep -E "^.{15} $host " plain >log.$host
done
cat log.mx2 log.mail | wc -l
ask --attackers --utc -fjson log.mx2 log.mail >packed
ask --attackers --utc -fjson -j 1 log.mail log.mx2 >got
compare packed got 'two hosts, in any order'

# Lines of a day only.
ask --logs --utc --since=2026-11-22 --until=2026-11-22T12:00 lab/maillog.gz |
    head -n 40

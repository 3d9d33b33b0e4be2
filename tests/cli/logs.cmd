# The summary of a real log; the same whatever it is packed with, from a pipe,
# and for any number of workers.
fixture maillog-lab lab
ask --logs --utc lab/maillog.gz
gzip -dc lab/maillog.gz >plain
ask --logs --utc lab/maillog.gz >first
touch -r lab/maillog.gz plain
for workers in 1 2 5; do
    ask --logs --utc -j $workers plain | sed 's/plain  plain/gzip   lab\/maillog.gz/
        s/ plain$/ lab\/maillog.gz/; s/^    plain line/    lab\/maillog.gz line/' >other
    sed '/^\$/d; s/lab\/maillog.gz/X/g; s/gzip *X/X/' first >a
    sed '/^\$/d; s/lab\/maillog.gz/X/g; s/gzip *X/X/' other >b
    diff a b && echo "$workers workers, plain: the same"
done
# Cut into a rotated set, named in any order.
split -n l/4 plain part.
ask --attackers --utc -fjson plain | sed '/^\$/d; s/"evidence":.*//' >one
ask --attackers --utc -fjson part.ac part.aa part.ad part.ab |
    sed '/^\$/d; s/"evidence":.*//' >four
diff one four && echo 'in four files: the same'
cat plain | qscan --attackers --utc -fjson --now="$NOW" --rules="$RULES" |
    sed 's/"evidence":.*//' >piped
sed '/^exit/d' one | diff - piped && echo 'from a pipe: the same'
# Lines of a day only.
ask --logs --utc --since=2026-11-22 --until=2026-11-22T12:00 lab/maillog.gz |
    head -n 40

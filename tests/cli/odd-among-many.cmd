# needs: speed
# A summary does not look at owner and links of each of very many files; what
# was done to all of them is told of all, and what stands where others write.
mkdir queue
chmod 700 queue
fixture queue-kinds kinds
cp kinds/qf6ALGJlYL017016 qf
awk 'BEGIN {
    while ((getline line < "qf") > 0)
        text = text line "\n"
    for (i = 0; i < 4500; i++) {
        printf "%s", text >("queue/qf6ALGJlYL1" 10000 + i)
        close("queue/qf6ALGJlYL1" 10000 + i)
        printf "body\n" >("queue/df6ALGJlYL1" 10000 + i)
        close("queue/df6ALGJlYL1" 10000 + i)
    }
}'
odd() { # the numbers that a summary gives
    qscan --now="$NOW" --rules="$RULES" --format=json "$@" |
        tr '{' '\n' | sed -n 's/.*"what": *"\(control[^"]*\)", *"count": *\([0-9]*\).*/\2 \1/p'
}
echo none is odd:
odd queue
echo a copy that links:
cp -al queue copy
odd -j 3 queue
odd -j 1 copy
rm -rf copy
odd queue
echo a single one, where a group writes:
ln queue/qf6ALGJlYL114499 one
chmod 770 queue
odd queue
echo and by a purge, wherever it is:
chmod 700 queue
printf 'rule any\n  class any\n  on message\n  purge yes, foreign\n%s\n' \
    '  when recipient exists' >any.rules
qscan --now="$NOW" --rules=any.rules --purge-bounces --delete --yes \
    --no-syslog queue
ls queue

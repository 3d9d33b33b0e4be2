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
echo some of those behind the first 4096, some of whose ids end in 00:
ls -U queue | grep ^qf | tail -n 400 >behind
mkdir links
while read -r name; do
    ln "queue/$name" links
done <behind
odd queue
rm -rf links
echo a single one of them, where others write:
one=$(grep -v '00$' behind | tail -n 1)
ln "queue/$one" one
odd queue
chmod 770 queue
odd queue
chmod 700 queue
echo beside a larger queue, in one that it has for itself:
mkdir small
chmod 700 small
cp "queue/$one" "queue/d${one#q}" small
ln "small/$one" two
odd queue small
rm -r small two
echo and by a purge, wherever it is:
printf 'rule any\n  class any\n  on message\n  purge yes, foreign\n%s\n' \
    '  when recipient exists' >any.rules
qscan --now="$NOW" --rules=any.rules --purge-bounces --delete --yes \
    --no-syslog queue
ls queue | sed "s/$one/ONE/; s/d${one#q}/ITS-DF/"

# Where nobody at all answers we are cut off, more likely than all hosts are dead:
# the same bounces, as they were, without a line, and without a name server.
fixture queue-demo demo
ln -s /dev/null none.cf
taken() {
    echo "$1: $(qscan --now="$NOW" --rules="$RULES" -C none.cf --list \
        --format=csv "$1" | grep -c ',yes,') taken, network.down of $(
        qscan --now="$NOW" --rules="$RULES" -C none.cf --list --format=csv \
        --where 'network.down is yes' "$1" | sed 1d | wc -l)"
}
NOW=1795375579
for way in line names; do
    cp -R --preserve=timestamps demo "$way"
done
silent='Deferred: Connection timed out with'
sed -i "s/^MDeferred: Connection refused by/M$silent/
    s/^MDeferred: Connection reset by/M$silent/
    s/^MDeferred: 4.*/M$silent mx.example.net./
    s/^Mhost map: lookup (\(.*\)): deferred/M$silent \1/" line/[hqQ]f*
sed -i "s/^MDeferred: Connection .* \([^ ]*\)\.$/Mhost map: lookup (\1): deferred/
    s/^MDeferred: .*/Mhost map: lookup (mx.example.net): deferred/" names/[hqQ]f*
# those that were brought lately show that we can be reached: see below
sed -i 's/^T.*/T1794977567/' line/[hqQ]f* names/[hqQ]f*
for queue in demo line names; do
    taken $queue
done
ask -C none.cf line | sed -n '/WRONG/,/^$/p'
# one host that refuses shows that our line is up, one that is found by its name,
# that names are; one in our own network shows neither
line=$(grep -l "$silent" line/qf* | head -n 1)
name=$(grep -l '^Mhost map' names/qf* | head -n 1)
for near in '[192.168.1.2]' mail.corp.local. '[198.51.100.9]'; do
    sed -i "s/^M.*/MDeferred: Connection refused by $near/" "$line" "$name"
    taken line
    taken names
done
sed -i 's/^M.*/MDeferred: Connection timed out with mx.example.net./' "$name"
taken names
sed -i 's/^M.*/MDeferred: 452 4.2.2 mailbox full/' "$name"
taken names
# hosts that were tried hours before show nothing of the time afterwards, nor does a
# clock that was wrong
for moment in 1795360000 1799000000; do
    sed -i "s/^K.*/K$moment/" "$line" "$name"
    taken line
    taken names
done
# somebody outside who brings mail does
printf 'V8\nT1795375000\nK0\nN0\nP3\n$_mx.example.net [198.51.100.9]\nS<a@b.example>\nRPFD:<ann@example.com>\n.\n' \
    >line/qf6AMHqK0f009999
echo hello >line/df6AMHqK0f009999
taken line

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
# nor does a host that a list calls ours
printf 'list our-hosts\n    value 198.51.100.9, mx.firm.example\n' >mine.rules
for near in '[198.51.100.9]' mx.firm.example.; do
    sed -i "s/^M.*/MDeferred: Connection refused by $near/; s/^K.*/K1795375000/" \
        "$line"
    qscan --now="$NOW" --rules="$RULES" --rules=mine.rules -C none.cf --list \
        --format=csv --where 'network.down is yes' line | sed 1d | wc -l
done

# A purge takes away the bounces that showed for which domain mail comes in.
# The next one must still keep our bounce to that domain, whose primary is down.
fixture queue-demo all
mkdir queue
ids=$("$QSCAN" --rules="$RULES" --now="$NOW" --list -fjson \
    --class=bounce-zombie all | sed 's/^{"id":"\([^"]*\)".*/\1/')
for id in $ids; do cp -p "all/qf$id" "all/df$id" queue; done
id=$(echo "$ids" | head -n 1)
own=6AI4qhZZ004985
sed -e "s/$id/$own/g" -e 's/^RPF:.*/RPF:<ann@example.com>/' \
    -e 's/^rRFC822; .*/rRFC822; ann@example.com/' \
    -e 's/^M.*/MDeferred: Connection refused by mail.example.com./' \
    "queue/qf$id" >"queue/qf$own"
sed "s/$id/$own/g" "queue/df$id" >"queue/df$own"
ask --list --id=$own -fjson queue | grep -o '"class":"[^"]*"'
ask --purge-bounces --yes queue | head -n 2
grep -h '"clients"' queue/.qscan/*/journal
ask --purge-bounces --yes queue | head -n 2
ls queue
# Nor does it forget that a host of a domain spoke, which only a report said that
# it took: one of a client that was alone there, but not at the domain's host.
rm -rf queue
mkdir queue
n=0
for id in $ids; do
    cp -p "all/qf$id" "all/df$id" queue
    n=$((n + 1))
    [ $n -gt 6 ] || sed -i -e "s/example\.com/town$n.example/g" \
        -e "s/mail\.town$n\.example/mx.provider.example/g" "queue/df$id"
done
id=$(echo "$ids" | tail -n 1)
sed -e "s/$id/$own/g" -e 's/^RPF:.*/RPF:<ann@town1.example>/' \
    -e 's/^rRFC822; .*/rRFC822; ann@town1.example/' \
    -e 's/^M.*/MDeferred: Connection refused by mx.provider.example./' \
    "queue/qf$id" >"queue/qf$own"
sed "s/$id/$own/g" "queue/df$id" >"queue/df$own"
ask --list --id=$own -fjson queue | grep -o '"class":"[^"]*"'
ask --purge-bounces --yes queue | head -n 2
grep -h '"clients"' queue/.qscan/*/journal | LC_ALL=C sort
ask --purge-bounces --yes queue | head -n 2

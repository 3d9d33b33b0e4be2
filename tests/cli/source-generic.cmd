# Whether the source of a bounce has a name of its own, or none that is proven,
# or one that spells its address.
fixture queue-other queue
asked() {
    qscan --now="$NOW" --rules="$RULES" --list --format=json \
        --where="source.generic is $1" queue |
        sed 's/.*"source":{"address":\(.*\)},"parent_id".*/\1/'
}
echo made of the address
asked yes | sed 's/^[^,]*,//; s/[0-9][0-9]*/9/g; s/"p[0-9A-F]*\./"pXX./' |
    LC_ALL=C sort | uniq -c
echo given
asked no | LC_ALL=C sort | uniq -c

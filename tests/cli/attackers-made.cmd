# needs: speed
# Logs of other releases, made up with their truth: who is hostile is named,
# with its guesses; who is not is not; every line is known.
fixture maillog-made made
for release in 8.9 8.15; do
    log=made/sendmail-$release.gz truth=made/sendmail-$release.tsv
    echo "--- sendmail $release"
    qscan --attackers --utc --format=json --rules="$RULES" --now="$NOW" \
        "$log" >found
    echo "exit $?"
    cut -d'"' -f4 found >named
    grep -o '"members":\[[^]]*\]' found | grep -o '"[0-9a-f][0-9a-f.:]*"' |
        tr -d '"' >>named
    sort -u named -o named
    grep -vE '	(legit|backup-mx-relay)' "$truth" | cut -f1 | sort >hostile
    grep -E '	(legit|backup-mx-relay)' "$truth" | cut -f1 | sort >harmless
    echo "hostile, not named, of $(wc -l <hostile):"
    comm -23 hostile named
    echo "harmless, named, of $(wc -l <harmless):"
    comm -12 harmless named
    echo 'kind in the truth, kind named:'
    sed -n 's/^{"source":"\([^"/]*\)","kind":"\([^"]*\)".*/\1	\2/p' found |
        sort >kinds
    sort "$truth" | join -t'	' - kinds | cut -f2,4 | sort | uniq -c |
        sed 's/^ *//'
    sed -n 's/^{"source":"\([^"/]*\)".*"guesses":\([0-9]*\),.*/\1	\2/p' found |
        sort >counts
    sort "$truth" | join -t'	' - counts |
        awk -F'\t' '$2 == "dictionary-attack"' >both
    echo "other counts of guesses than the truth, of $(wc -l <both):"
    awk -F'\t' '$3 != $4' both
    qscan --logs --utc --format=json --rules="$RULES" --now="$NOW" "$log" |
        grep -oE '"all":[0-9]+|"other":[0-9]+|"foreign":[0-9]+|"no_stamp":[0-9]+' |
        tr '\n' ' '
    echo
done
exit 0

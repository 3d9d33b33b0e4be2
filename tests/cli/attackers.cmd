# needs: speed
# Against the truth of a real log: who is hostile is named, itself or by its
# network, with how many guesses; who is not is not.
fixture maillog-lab lab
qscan --attackers --utc --format=json --rules="$RULES" --now="$NOW" \
    lab/maillog.gz >found
echo "exit $?"
cut -d'"' -f4 found >named
grep -o '"members":\[[^]]*\]' found | grep -o '"[0-9a-f][0-9a-f.:]*"' |
    tr -d '"' >>named

# Addresses that stand in named, or in a network that stands there.
within() {
    awk -F'\t' '
        function prefix(address, groups,    part, full, i, n, fill) {
            if (address !~ /:/)
                return substr(address, 1, match(address, /[0-9]+$/) - 1)
            # "::" written out, then so many groups of it
            n = split(address, part, ":")
            fill = 8 - n + 1
            full = ""
            for (i = 1; i <= n; i++) {
                if (part[i] == "" && i > 1 && fill > 0) {
                    for (; fill > 0; fill--)
                        full = full "0:"
                } else {
                    full = full part[i] ":"
                }
            }
            split(full, part, ":")
            full = ""
            for (i = 1; i <= groups; i++)
                full = full part[i] ":"
            return full
        }
        FNR == NR {
            if ($1 ~ /\/24$/)
                net[prefix(substr($1, 1, length($1) - 3))]
            else if ($1 ~ /\/(64|48)$/)
                net[prefix(substr($1, 1, length($1) - 3),
                    $1 ~ /64$/ ? 4 : 3)]
            else
                named[$1]
            next
        }
        $1 in named || prefix($1, 4) in net || prefix($1, 3) in net' \
        named "$1" | sort
}

echo 'kinds:'
grep -o '"kind":"[^"]*"' found | sort | uniq -c | sed 's/^ *//'

grep -E '	(dictionary-|botnet|auth-bruteforce|relay-probe|vrfy|pre-gr)' \
    lab/truth.tsv | sort >hostile
grep -E '	(legit|backup-mx-relay|primary)' lab/truth.tsv | sort >harmless
echo "hostile, not named, of $(wc -l <hostile):"
within hostile | comm -23 hostile -
echo "harmless, named, of $(wc -l <harmless):"
within harmless

sed -n 's/^{"source":"\([^"/]*\)".*"guesses":\([0-9]*\),.*/\1	\2/p' found |
    sort >counts
awk -F'\t' '$2 == "dictionary-attack" { print $1 "\t" $3 }' lab/truth.tsv |
    sort >truth
echo "other counts of guesses than the truth, of $(wc -l <truth):"
join -t'	' truth counts >both
awk -F'\t' '$2 != $3' both
echo "$(wc -l <both) were compared"
echo
ask --attackers --utc --format=json lab/maillog.gz |
    grep '"source":"203.0.113.66"'
ask --attackers --utc lab/maillog.gz | head -n 12
ask --attackers --utc --format=csv lab/maillog.gz | head -n 4
exit 0

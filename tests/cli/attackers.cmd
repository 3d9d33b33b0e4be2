# Against the truth of a real log: who is hostile is named, with how many
# guesses; who is not is not.
fixture maillog-lab lab
qscan --attackers --utc --format=json --rules="$RULES" --now="$NOW" \
    lab/maillog.gz >found
echo "exit $?"
cut -d'"' -f4 found >named
grep -o '"members":\[[^]]*\]' found | grep -o '"[0-9a-f][0-9a-f.:]*"' |
    tr -d '"' >>named
sort -u named >all

echo 'kinds:'
grep -o '"kind":"[^"]*"' found | sort | uniq -c | sed 's/^ *//'

echo 'hostile, not named:'
awk -F'\t' '$2 ~ /^(dictionary-attack|dictionary-v6|botnet|auth-|relay-probe|vrfy|pre-gr)/ {
    print $1 }' lab/truth.tsv | sort | comm -23 - all
echo 'harmless, named:'
awk -F'\t' '$2 ~ /^(legit|backup)/ { print $1 }' lab/truth.tsv | sort |
    comm -12 - all
echo 'other counts of guesses than the truth:'
sed -n 's/^{"source":"\([^"]*\)".*"kind":"dictionary-attack".*"guesses":\([0-9]*\),.*/\1 \2/p' \
    found | sort >counts
awk -F'\t' '$2 == "dictionary-attack" { print $1, $3 }' lab/truth.tsv | sort |
    comm -13 - counts
echo "of $(wc -l <counts)"
echo
ask --attackers --utc --format=json lab/maillog.gz |
    grep '"source":"203.0.113.66"'
ask --attackers --utc lab/maillog.gz | head -n 12
ask --attackers --utc --format=csv lab/maillog.gz | head -n 4

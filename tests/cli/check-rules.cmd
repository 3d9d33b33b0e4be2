ask --check-rules
try qscan --check-rules --format=json
# a shipped rule that was copied, as qscan.rules(5) shows it
sed -n '/^rule dictionary-attack$/,/^$/p' "$RULES/70-sources.rules" |
    sed 's/^rule .*/&-here/' >65-mine.rules
try qscan --check-rules --rules=65-mine.rules | sed -n '1,2p; /^exit/p'
try qscan --check-rules --rules=65-mine.rules --rules="$RULES" |
    sed 's/[0-9][0-9]* *,/N,/g'

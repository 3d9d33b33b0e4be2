# Behind a content filter all mail comes from 127.0.0.1: who had brought it stands
# further down in the original, and a zombie is told from others as anywhere.
fixture queue-filter queue
NOW=1209978000
ln -s /dev/null none.cf
ask --list --format=csv -C none.cf queue >list
tr -d '"' <list | awk -F, -v OFS='\t' '
    NR == FNR { split($0, t, "\t"); may[t[1]] = t[2]; note[t[1]] = t[3]; next }
    $1 in may { print $1, (may[$1] == $4 ? "right" : "WRONG"), $3, note[$1] }
' "$FIXTURES/queue-filter/truth.tsv" -
# whose session it was, whatever is asked
qscan --now="$NOW" --rules="$RULES" -C none.cf --list --format=json queue |
    sed -n 's/.*"id":"\([^"]*\)".*"source":\({[^}]*}\),"parent_id":\(.*\)}/\1 \2 \3/p'
for what in 'source in 127.0.0.0/8' 'source.auth is yes' 'source.writes is yes' \
    'source.bounces >= 1' 'source.helo exists' 'recipient.known is yes'; do
    echo "$what: $(qscan --now="$NOW" --rules="$RULES" -C none.cf --list \
        --format=csv --where "$what" queue | sed 1d | cut -d, -f1 | tr '\n' ' ')"
done
ask -C none.cf queue | sed -n '/^WHAT IS/,/^MESS/p; /^WHO/,/^AGE/p' |
    sed '/^[MA]/d'
ask -C none.cf --explain=m427fQNu030382 queue |
    grep -A1 'source in own-networks$\|source.auth is yes$\|source.helo under'

# Another site's queue, judged against what its postmaster would let go: who
# goes, who stays, and by which rule.
fixture queue-other queue
ask --list --format=csv queue >list
tr -d '"' <list | awk -F, -v OFS='\t' '
    NR == FNR { split($0, t, "\t"); kind[t[1]] = t[2]; may[t[1]] = t[3]
                note[t[1]] = t[4]; next }
    $1 in kind { n++
                 if ($4 == "yes" && may[$1] == "no") print "WRONG", $1
                 print kind[$1] " " may[$1], $2 " " $4, $3, note[$1] }
    END { print n " messages" }
' "$FIXTURES/queue-other/truth.tsv" - | LC_ALL=C sort | uniq -c

# What strangers wrote into a log cannot steer a terminal, a spreadsheet or a
# browser, nor pass for another line.
# Commands are wrapped: a path as long everywhere.
cp -R "$RULES" rules
RULES=rules
esc=$(printf '\033')
log="log${esc}[1m"
line() {
    printf 'Nov 18 04:52:4%s mail sm-mta[7]: 6AI4qhYl000007: %s\n' "$1" "$2"
}
{
    for i in 1 2 3 4 5 6 7 8 9; do
        line $i "<=cmd|'/C calc'!A$i@${esc}[2J<b>\\012x.example>... User unknown"
        line $i "<<script>alert($i)</script>@=1+1.example>... User unknown"
        line $i "<${esc}[31m$i$(printf '\342\200\256\302\233')@x.example>... User unknown"
    done
    line 9 'lost input channel from =2+3.evil.example [192.0.2.7] to MTA after rcpt'
    line 9 "lost input channel from ${esc}]0;owned [192.0.2.9] to MTA after rcpt"
    line 9 "from=<\"a, relay=[192.0.2.6], stat=Sent\"@x.example>, size=9, class=0, nrcpts=1, msgid=<\\012Nov 18 04:52:49 mail sm-mta[8]: from=<y>, relay=[192.0.2.6]>, proto=ESMTP, relay=+SUM(A1) [192.0.2.8]"
    line 9 "${esc}[31m no known shape $(printf '\302\205\342\200\256') at all"
    line 9 "SYSERR(root): $(printf '\302\233') ${esc}[31m disk full"
} >"$log"
for format in text json csv; do
    for mode in --attackers --logs; do
        echo "$mode $format"
        qscan $mode --utc --now="$NOW" --rules="$RULES" -f$format "$log" >out
        echo "exit $?"
        cat out
        printf 'control bytes: '
        LC_ALL=C tr -d '\n -~\200-\377' <out | wc -c
        [ $format = json ] || printf 'formulas: '
        [ $format = json ] || tr , '\n' <out | grep -c '^"\{0,1\}[=+@-]'
        grep -c '192\.0\.2\.6"' out
        echo
    done
done
qscan --attackers --utc -fjson --rules="$RULES" "$log" nothing 2>&1 >out | cat

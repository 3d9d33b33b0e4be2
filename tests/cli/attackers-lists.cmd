# Dead members of a list, an alias or a .forward of ours are not guesses of whom
# it reaches them from: a list with owner and one without, an alias of users who
# left, aliases that lead to mailboxes elsewhere. Beside them a guesser whom the
# primary finds out.
line() {
    printf 'Mar  2 %02d:%02d:%02d mail sm-mta[%d]: %s\n' \
        $(($1 / 3600)) $(($1 / 60 % 60)) $(($1 % 60)) $((2000 + $1)) "$2"
}
# from SECOND ID RECIPIENTS RELAY
from() {
    line "$1" "$2: from=<hugo@writer.example>, size=9001, class=0, nrcpts=$3, msgid=<$2@writer.example>, proto=ESMTP, daemon=MTA, relay=$4"
}
# dead SECOND ID RECIPIENT
dead() {
    line "$1" "$2: to=$3, delay=00:00:02, xdelay=00:00:01, mailer=esmtp, pri=150019, relay=mx.away.example. [198.18.0.1], dsn=5.1.1, reply=550 5.1.1 User unknown, stat=User unknown"
}

{
    from 100 622000000100 1 'owned.example [198.51.100.1]'
    line 101 '622000000100: 622000000101: clone: owner=liste-request'
    from 200 622000000200 1 'plain.example [198.51.100.2]'
    from 300 622000000300 1 'alias.example [198.51.100.3]'
    i=0
    while [ $i -lt 30 ]; do
        dead 102 622000000101 "<dead$i@away.example>"
        dead 202 622000000200 "<dead$i@away.example>"
        line 302 "622000000300: to=gone$i, ctladdr=<all@example.org> (8/0), delay=00:00:00, mailer=local, pri=120018, dsn=5.1.1, stat=User unknown"
        from $((400 + i)) 622000000$((400 + i)) 1 'forward.example [198.51.100.4]'
        dead $((402 + i)) 622000000$((400 + i)) "old$i@away.example"
        from $((500 + i)) 622000000$((500 + i)) 1 'guess.example [198.51.100.5]'
        dead $((502 + i)) 622000000$((500 + i)) "<guess$i@example.org>"
        i=$((i + 1))
    done
} | sort -s -k3,3 >maillog
ask --attackers --utc --year=2026 maillog

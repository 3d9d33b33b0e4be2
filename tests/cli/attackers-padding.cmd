# Two guesses and two of the same five users in each connection: half of its
# recipients exist, but there are few of them. A list has the same five, and asks
# for its dead ones each time.
# connections FROM RELAY HOW: at which second, by whom; "list": dead ones again
connections() {
    i=0
    while [ $i -lt 30 ]; do
        at=$(($1 + i * 20)) n=$i
        [ "$3" != list ] || n=$((i % 11))
        head=$(printf 'Mar  2 08:%02d:%02d mail sm-mta[%d]: 622%011d:' \
            $((at / 60)) $((at % 60)) $((1000 + at)) "$at")
        echo "$head <x$n@example.org>... User unknown"
        echo "$head <y$n@example.org>... User unknown"
        echo "$head from=<a$i@s.example>, size=900, class=0, nrcpts=2, msgid=<$at@x.example>, proto=ESMTP, daemon=MTA, relay=$2"
        echo "$head to=user$((i % 5)),user$(((i + 1) % 5)), delay=00:00:00, xdelay=00:00:00, mailer=local, pri=60900, relay=local, dsn=2.1.5, stat=Sent"
        i=$((i + 1))
    done
}

{
    connections 1 'srv.host.example [198.51.100.108]' once
    connections 2 'lists.club.example [203.0.113.9]' list
} | sort -s -k3,3 >maillog
ask --attackers --utc --year=2026 maillog

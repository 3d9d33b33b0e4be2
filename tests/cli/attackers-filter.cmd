# A filter in front of us hands on what it refuses to nobody; a relay of the
# provider does so with a little of the mail; clients of ours, one private and
# one whose password was found, send to whoever there may be elsewhere.
stamp() {
    printf 'Mar  2 %02d:%02d:%02d mail sm-mta[%d]: 622%011d: ' \
        $(($1 / 3600)) $(($1 / 60 % 60)) $(($1 % 60)) $((1000 + $1 % 9000)) "$1"
}

# hand_on FROM COUNT EACH GOOD CLIENT: one recipient a message, each so many
# seconds, the last ones of every ten exist
hand_on() {
    i=0
    while [ $i -lt "$2" ]; do
        at=$(($1 + i * $3))
        if [ $((i % 10)) -ge "$4" ]; then
            stamp $at
            echo "from=<a@s$i.example>, size=900, class=0, nrcpts=1, msgid=<$at@x.example>, proto=ESMTP, daemon=MTA, relay=$5"
            stamp $at
            echo "to=<ann@example.org>, delay=00:00:00, xdelay=00:00:00, mailer=local, pri=30900, dsn=2.0.0, stat=Sent"
        else
            stamp $at
            echo "<u$at@example.org>... User unknown"
            stamp $at
            echo "from=<a@s$i.example>, size=0, class=0, nrcpts=0, proto=ESMTP, daemon=MTA, relay=$5"
        fi
        i=$((i + 1))
    done
}

# send FROM COUNT CLIENT [USER]: to a domain elsewhere, of ten seven are dead
send() {
    i=0
    while [ $i -lt "$2" ]; do
        at=$(($1 + i * 7))
        [ -z "${4-}" ] || { stamp $at; echo "AUTH=server, relay=$3, authid=$4, mech=PLAIN, bits=0"; }
        stamp $at
        echo "from=<news@example.org>, size=900, class=0, nrcpts=1, msgid=<$at@x.example>, proto=ESMTP, daemon=MTA, relay=$3"
        stamp $at
        if [ $((i % 10)) -lt 7 ]; then
            echo "to=<c$i@big$((i % 4)).example>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=30900, relay=mx.big.example. [203.0.113.200], dsn=5.1.1, stat=User unknown"
        else
            echo "to=<c$i@big$((i % 4)).example>, delay=00:00:01, xdelay=00:00:01, mailer=esmtp, pri=30900, relay=mx.big.example. [203.0.113.200], dsn=2.0.0, stat=Sent (ok)"
        fi
        i=$((i + 1))
    done
}

{
    hand_on 1 400 100 7 'mx.filter.example [198.51.100.77]'
    hand_on 5 100 300 8 'mx.backupco.example [203.0.113.99]'
    hand_on 9 400 99 0 'mail.firm.example [203.0.113.5]'
    send 30001 200 '[10.1.2.3]'
    send 40002 200 '[198.18.9.9]' bob
} | sort >maillog
ask --attackers --utc --year=2026 maillog
ask --logs --utc --year=2026 maillog | sed -n '/^SPARED/,/^$/p'

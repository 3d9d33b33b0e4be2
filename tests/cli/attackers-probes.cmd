# Who probes, and who only seems to: a provider's mail host goes on sending to a
# customer's domain that moved away, a guest of a hotel does not log in, a monitor
# in a private network asks for all there is. Beside them two that probe.
line() {
    printf 'Mar  2 10:%02d:%02d mail sm-mta[%d]: 622%011d: %s\n' \
        $(($1 / 60)) $(($1 % 60)) $((2000 + $1)) "$1" "$2"
}
# denied SECOND RECIPIENT RELAY
denied() {
    line "$1" "ruleset=check_rcpt, arg1=<$2>, relay=$3, reject=550 5.7.1 <$2>... Relaying denied"
    line "$1" "from=<a@writer.example>, size=0, class=0, nrcpts=0, proto=ESMTP, daemon=MTA, relay=$3"
}

{
    host='mail-f47.provider.example [198.18.220.47]'
    line 1 "from=<a@writer.example>, size=900, class=0, nrcpts=1, msgid=<1@writer.example>, proto=ESMTP, daemon=MTA, relay=$host"
    line 2 "to=<ann@example.org>, delay=00:00:01, xdelay=00:00:01, mailer=local, pri=30900, dsn=2.0.0, stat=Sent"
    i=0
    while [ $i -lt 12 ]; do
        denied $((10 + i)) "user$i@moved.example" "$host"
        denied $((40 + i)) "friend$i@other.example" 'host77.hotel.example [198.51.99.7]'
        denied $((70 + i)) "p$i@probe.example" '[10.1.1.5]'
        line $((100 + i)) "[10.1.1.5]: VRFY user$i"
        denied $((130 + i)) "p$i@probe.example" 'ppp-113-9.isp.example [203.0.113.9]'
        i=$((i + 1))
    done | grep -v 'friend[4-9]\|friend1'
    denied 200 'rt@probe.example' 'vps.probe.example [203.0.113.10]'
    denied 201 'rt%probe.example@example.org' 'vps.probe.example [203.0.113.10]'
    denied 202 '@example.org:rt@probe.example' 'vps.probe.example [203.0.113.10]'
} | sort -s -k3,3 >maillog
ask --attackers --utc --year=2026 maillog
ask --logs --utc --year=2026 maillog | sed -n '/^SPARED/,/^HOUR/p'

# A botnet of lines whose names say so, and do not spell their address; mail hosts
# with a typo each are no members, one called "host" neither.
guess() {
    printf 'Mar  2 %02d:%02d:00 mail sm-mta[%d]: 622%011d: <u%d@example.org>... User unknown\n' \
        $(($1 / 60)) $(($1 % 60)) $((2000 + $1)) "$1" "$1"
    printf 'Mar  2 %02d:%02d:01 mail sm-mta[%d]: 622%011d: from=<a%d@writer.example>, size=0, class=0, nrcpts=0, proto=ESMTP, daemon=MTA, relay=%s\n' \
        $(($1 / 60)) $(($1 % 60)) $((2000 + $1)) "$1" "$1" "$2"
}

{
    i=1
    for word in vdsl pppoe ftth cpe gprs user; do
        for k in 1 2 3; do
            guess $i "$word-$k.city.isp.example [100.70.$i.$i]"
            i=$((i + 1))
        done
    done
    for word in host static wan; do
        guess $i "$word-$i.city.isp.example [100.70.$i.$i]"
        i=$((i + 1))
    done
    for name in mail.a.example host-7.b.example relay.users.example; do
        guess $i "$name [198.51.$i.9]"
        i=$((i + 1))
    done
} >maillog
ask --attackers --utc --year=2026 maillog
ask --attackers --utc --year=2026 --format=json maillog |
    grep -o '"members":\[[^]]*\]' | tr ',' '\n' | sed 's/.*"\([0-9]\)/\1/; s/"].*//; s/"//'

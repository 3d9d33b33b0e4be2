# Users who forgot to log in are denied relaying as testers are: whose names they
# write in tells them apart.
line() { # ID TEXT
    second=$((second + 1))
    printf 'Nov 18 04:%02d:%02d mx sm-mta[7]: %s: %s\n' \
        $((second / 60)) $((second % 60)) "$1" "$2"
}
denied() { # ID ADDRESS SENDER
    for name in cy dan eli; do
        line "$1" "ruleset=check_rcpt, arg1=<$name@box.example>, relay=[$2],\
 reject=550 5.7.1 <$name@box.example>... Relaying denied"
    done
    line "$1" "from=<$3>, size=0, class=0, nrcpts=0, proto=ESMTP, daemon=MTA,\
 relay=[$2]"
}
second=0
{
    line 6AI4qhYl000001 "from=<ann@example.net>, size=100, class=0, nrcpts=1,\
 proto=ESMTP, daemon=MTA, relay=mail.example.net [192.0.2.1]"
    line 6AI4qhYl000001 "to=<bob@example.com>, delay=00:00:01, xdelay=00:00:00,\
 mailer=local, pri=30100, dsn=2.0.0, stat=Sent"
    # those who mistype show that the domain is served here
    for i in 1 2 3 4 5 6 7 8 9; do
        line 6AI4qhYl00001$i "<bobb@example.com>... User unknown"
        line 6AI4qhYl00001$i "from=<u@example.org>, size=0, class=0, nrcpts=0,\
 proto=ESMTP, daemon=MTA, relay=[198.51.100.$i]"
    done
    denied 6AI4qhYl000021 198.18.1.1 bob@example.com
    denied 6AI4qhYl000022 198.18.1.1 Bob@Example.com
    denied 6AI4qhYl000023 198.18.1.2 cat@example.com
    denied 6AI4qhYl000024 198.18.1.2 cat@example.com
    denied 6AI4qhYl000025 198.18.1.3 postmaster@example.com
    denied 6AI4qhYl000026 198.18.1.3 postmaster@example.com
    denied 6AI4qhYl000027 198.18.1.4 ann@example.net
    denied 6AI4qhYl000028 198.18.1.4 ann@example.net
} >log
ask --attackers --utc --year=2026 -fcsv log | cut -d, -f1-3

# Who tries not to be seen, and, by each, who looks alike and is harmless. The
# logs are made up here, as sendmail 8.18 writes them (8.12 where no user is
# named), with their truth: "hostile" or "harmless" and why.
cat >story.awk <<'AWK'
function line(t, text) {
    printf "%07d Nov %2d %02d:%02d:%02d mail sm-mta[%d]: %s\n", t, 10 + t / DAY,
        t / HOUR % 24, t / 60 % 60, t % 60, pid, text
}
function session() {
    pid = 2000 + ++sessions
    id = sprintf("6AF%05d%06d", sessions, pid)
}
function said(t, text) { session(); line(t, id ": " text) }
function from(t, sender, bytes, recipients, peer) {
    line(t, id ": from=<" sender ">, size=" bytes ", class=0, nrcpts=" \
        recipients ", proto=ESMTP, daemon=MTA-v4, relay=" peer)
}
# A message, delivered.
function mail(t, sender, peer) {
    session()
    from(t, sender, 2100, 1, peer)
    line(t + 1, id ": to=<ann@example.com>, delay=00:00:01, xdelay=00:00:01, " \
        "mailer=local, pri=32100, dsn=2.0.0, stat=Sent")
}
# RCPT for somebody who exists, then QUIT.
function asked(t, sender, peer) { session(); from(t, sender, 0, 1, peer) }
function guess(t, sender, user, peer) {
    said(t, "<" user "@example.com>... User unknown")
    from(t + 1, sender, 0, 0, peer)
}
# user: as it is logged, "user=ann, " or nothing
function failed(t, why, user, peer) {
    said(t, "AUTH failure (LOGIN): " why ": checkpass failed, " user \
        "relay=" peer)
}
function wrong(t, user, peer) {
    failed(t, "authentication failure (-13) SASL(-13): authentication failure",
        user == "" ? "" : "user=" user ", ", peer)
}
function nobody(t, peer) {
    failed(t, "user not found (-20) SASL(-13): user not found", "", peer)
}
function login(t, user, peer) {
    session()
    line(t, "AUTH=server, relay=" peer ", authid=" user ", mech=LOGIN, bits=0")
}
function is(address, truth) { print address "\t" truth >TRUTH }
function named(name, address) { return name " [" address "]" }

# What the rules ask for that also ask whether mail came.
function probes(i, peer,    k) {
    for (k = 0; k < 14; k++) {
        if (i == 1 && k < 2)
            said(k * DAY, peer ": possible SMTP attack: command=AUTH, count=6")
        if (i == 2)
            wrong(int(k / 5) * DAY + k % 5, "", peer)
        if (i == 3 && k < 6)
            nobody(k * 2 * HOUR, peer)
        if (i == 4 && k < 6)
            wrong(k * DAY, "user" k, peer)
        if (i == 5)
            said(k * 2 * HOUR, "ruleset=check_rcpt, arg1=<probe" k \
                "@example.net>, relay=" peer ", reject=550 5.7.1 <probe" k \
                "@example.net>... Relaying denied")
        if (i == 6 && k < 2)
            said(k * HOUR, peer \
                ": probable open proxy: command=GET / HTTP/1.0\\r\\n")
        if (i == 7)
            said(k * 2 * HOUR, peer ": VRFY user" k)
        if (i == 8 && k < 4)
            said(k * DAY, "rejecting commands from " \
                (peer ~ / / ? peer : peer " " peer) \
                " due to pre-greeting traffic after 0 seconds")
    }
}
function asks_for_one_who_exists(    i) {
    for (i = 1; i <= 8; i++) {
        probes(i, "[198.18.1." i "]")
        asked(5 * DAY, "a@b.example", "[198.18.1." i "]")
        is("198.18.1." i, "hostile: asked for postmaster, and left")

        probes(i, named("mail.p" i ".example", "192.0.2." i))
        mail(5 * DAY, "a@p" i ".example", named("mail.p" i ".example", "192.0.2." i))
        is("192.0.2." i, "harmless: brings mail, too")
    }
    for (i = 5; i <= 8; i += 3) {
        probes(i, named("out.big.example", "192.0.2.1" i))
        asked(5 * DAY, "", named("out.big.example", "192.0.2.1" i))
        is("192.0.2.1" i, "harmless: asks whether senders of ours exist")
    }
}
function makes_noise(    i, k, peer) {
    for (i = 0; i < 110; i++) {
        asked(i * 60, "a@b.example", "[198.18.2.1]")
        asked(i * 60, "a@b.example", "[198.18.2.2]")
        asked(i * 60, "a@b.example", "[198.18.2.3]")
    }
    for (i = 0; i < 15; i++) {
        guess(i * 60, "a@b.example", "hasty" i, "[198.18.2.1]")
        guess(i * 3 * HOUR, "a@b.example", "slow" i, "[198.18.2.2]")
        wrong(int(i / 5) * HOUR + i % 5, "", "[198.18.2.3]")
    }
    is("198.18.2.1", "hostile: hides guesses in noise")
    is("198.18.2.2", "hostile: hides slow guesses in noise")
    is("198.18.2.3", "hostile: hides failed logins in noise")
    for (i = 0; i < 120; i++) {
        guess(i / 12 * HOUR, "c" i "@mail.example", "left" i % 12,
            named("fwd.example.net", "192.0.2.21"))
        wrong(i * HOUR, "", named("pc.firm.example", "192.0.2.23"))
    }
    is("192.0.2.21", "harmless: forwards to twelve who left")
    is("192.0.2.23", "harmless: a program with an old password")
    for (i = 1; i <= 25; i++) {
        peer = named("dsl-" i ".isp.example", "198.18." 100 + i ".4")
        for (k = 0; k < 2; k++)
            guess(HOUR + i * 60 + k, "a@b.example", "bot" i "k" k, peer)
        for (k = 0; k < 35; k++)
            asked(HOUR + i * 60 + k, "a@b.example", peer)
        is("198.18." 100 + i ".4", "hostile: one of a botnet, with noise")
        peer = named("dsl-" i ".old.example", "198.19." 100 + i ".5")
        for (k = 0; k < 40; k++)
            guess(HOUR + i * 60 + k * 600, "a@list" i ".example", "gone" i "k" k % 2, peer)
        is("198.19." 100 + i ".5", "harmless: a list on a line, with two who left")
    }
}
function finds_a_password(    i, k, office) {
    office = named("nat.office.example", "192.0.2.31")
    for (i = 0; i < 120; i++)
        for (k = 0; k < 2; k++) {
            wrong(i * 60 + k, "user" i, "[198.18.3.1]")
            wrong(i * 60 + k, "clerk" i, office)
        }
    for (i = 0; i < 200; i++) {
        login(DAY + i, "user7", "[198.18.3.1]")
        login(DAY + i, "clerk" i % 40, office)
    }
    is("198.18.3.1", "hostile: tries all users, uses the one that it found")
    is("192.0.2.31", "harmless: an office that forgot its passwords")

    # 200000 are not 65535.
    wrong(2 * DAY, "info", "[198.18.3.2]")
    printf "%07d Nov 12 00:00:01 mail last message repeated 200000 times\n", 2 * DAY
    wrong(3 * DAY, "info", named("nat.firm.example", "192.0.2.32"))
    printf "%07d Nov 13 00:00:01 mail last message repeated 40000 times\n", 3 * DAY
    for (i = 0; i < 1400; i++) {
        login(2 * DAY + 100 + i, "info", "[198.18.3.2]")
        login(3 * DAY + 100 + i, "u" i % 9, named("nat.firm.example", "192.0.2.32"))
    }
    is("198.18.3.2", "hostile: 1 of 143 logins is good")
    is("192.0.2.32", "harmless: 1 of 30 logins is good")
}
function shares_the_work(    i, k) {
    for (i = 1; i <= 40; i++) {
        for (k = 0; k < 2; k++) {
            wrong(i * 600 + k * 9 * HOUR, "user" i, "[203.0.113." i "]")
            wrong(i * 600 + k * 9 * HOUR, "user" i, "[IPv6:2001:db8:bad:1:0:0:0:" i "]")
        }
        is("203.0.113." i, "hostile: one of a network, two logins each")
        is("2001:db8:bad:1::" i, "hostile: one of a network, two logins each")

        wrong(i * 1800, "ann", "[198.51.100." i "]")
        is("198.51.100." i, "harmless: a phone with an old password, under way")
        wrong(i * 600, "student" i, "[198.18.6." i "]")
        is("198.18.6." i, "harmless: of a campus")
        wrong(i * 600, "guest" i, "[IPv6:2001:db8:ca:1:0:0:0:" i "]")
        is("2001:db8:ca:1::" i, "harmless: of a campus")
    }
    for (i = 101; i <= 103; i++) {
        login(DAY + i, "student" i, "[198.18.6." i "]")
        mail(DAY + i, "student@example.com", "[198.18.6." i "]")
        login(DAY + i, "guest" i, "[IPv6:2001:db8:ca:1:0:0:0:" i "]")
        mail(DAY + i, "guest@example.com", "[IPv6:2001:db8:ca:1:0:0:0:" i "]")
    }
}
function names_of_others(    i) {
    for (i = 1; i <= 10; i++)
        mail(i * HOUR, "a@p" i ".example", named("mail.p" i ".example", "192.0.2." i))
}
function returns(first, last, word, is_named,    i, peer) {
    for (i = first; i <= last; i++) {
        peer = "[198.18." i ".7]"
        if (is_named)
            peer = "mx.v" i ".example " peer
        guess(DAY + i * 300, "", word i, peer)
        if (i % 2)
            guess(DAY + i * 300 + 40, "", word i "b", peer)
    }
}
BEGIN {
    HOUR = 3600
    DAY = 24 * HOUR
    if (STORY == "single") {
        asks_for_one_who_exists()
        makes_noise()
        finds_a_password()
        shares_the_work()
    } else if (STORY == "null-sender-botnet") {
        names_of_others()
        returns(1, 60, "smith", 0)
        for (i = 1; i <= 60; i++)
            is("198.18." i ".7", "hostile: one of a botnet that says MAIL FROM:<>")
        returns(100, 109, "made", 1)
        for (i = 100; i <= 109; i++)
            is("198.18." i ".7", "harmless: returns what was forged")
    } else {
        if (STORY == "backscatter")
            names_of_others()
        else
            for (i = 1; i <= 10; i++)
                mail(i * HOUR, "a@p" i ".example", "[192.0.2." i "]")
        returns(1, 20, "made", 0)
        returns(21, 80, "made", STORY == "backscatter")
        for (i = 1; i <= 80; i++)
            is("198.18." i ".7", "harmless: returns what was forged")
    }
}
AWK

for story in single null-sender-botnet backscatter backscatter-without-names; do
    echo "--- $story"
    awk -v STORY=$story -v TRUTH=truth -f story.awk | LC_ALL=C sort -s -k1,1 |
        cut -c9- >log
    sort -o truth truth
    qscan --attackers --utc --format=json --rules="$RULES" --now="$NOW" \
        --year=2026 log >found
    echo "exit $?"
    cut -d'"' -f4 found >named
    grep -o '"members":\[[^]]*\]' found | grep -o '"[0-9a-f][0-9a-f.:]*"' |
        tr -d '"' >>named
    sort -u named -o named
    echo 'hostile, not named:'
    grep '	hostile' truth | sort | join -t'	' -v1 - named
    echo 'harmless, named:'
    grep '	harmless' truth | sort | join -t'	' - named
    echo "of $(wc -l <truth), named by:"
    sed 's/.*"source":"\([^"]*\)".*"rule":"\([^"]*\)".*/\2 \1/' found | sort
    rm truth
done

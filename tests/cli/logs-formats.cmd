# Logs of all ages and shapes: 8.8's ids and words, RFC 5424, journalctl.
old() {
    for i in 0 1 2 3 4 5 6 7; do
        echo "Mar  1 10:0$i:00 mail sendmail[812]: KAA0081$i: <user$i@example.com>... User unknown"
        echo "Mar  1 10:0$i:01 mail sendmail[812]: KAA0081$i: from=<x@src.example>, size=0, class=0, pri=0, nrcpts=0, proto=SMTP, relay=dial-7.example.net [192.0.2.7]"
    done
    echo 'Mar  1 10:09:00 mail sendmail[900]: NOQUEUE: Null connection from root@localhost'
    echo 'Mar  1 10:09:10 mail sendmail[901]: KAA00901: from=<ann@example.org>, size=1234, class=0, pri=31234, nrcpts=1, msgid=<1@example.org>, proto=ESMTP, relay=mail.example.org [192.0.2.9]'
    echo 'Mar  1 10:09:11 mail sendmail[902]: KAA00901: to=<bob@example.com>, delay=00:00:01, mailer=local, stat=Sent'
}
old >old
touch -d 1999-03-02 old
old | sed -E 's/^Mar  1 (\S+) mail sendmail\[([0-9]+)\]: /<22>1 2026-03-01T\1.25+01:00 mail sendmail \2 - - /' >rfc5424
old | sed -E 's/^Mar  1 (\S+) /2026-03-01T\1+0100 /' >short-iso
{ echo '-- Logs begin at Sun 2026-03-01 00:00:00 CET. --'; cat short-iso; } >journal
for log in old rfc5424 short-iso journal; do
    head -n 1 $log
    ask --attackers --utc -fjson $log
    ask --logs --utc $log | sed -n '/^Maillogs/,/^MAIL/p; /accepted  /p; /^  delivered/p'
done
ask --attackers --utc --year=1998 -fjson old | grep -o '"first":[0-9]*'
echo 'the same in local time:'
TZ=CET-1 qscan --attackers -fjson --rules="$RULES" --now="$NOW" --year=2026 old |
    sed 's/,"evidence.*//' >one
qscan --attackers -fjson --rules="$RULES" --now="$NOW" rfc5424 |
    sed 's/,"evidence.*//' | diff one - && echo yes

echo 'the same log twice:'
gzip -nc old >old.gz
touch -r old old.gz
ask --attackers --utc -fcsv old.gz rfc5424 old | cut -c 1-75
ask --logs --utc rfc5424 short-iso journal | sed -n '1,/^$/p'
ask --logs --utc -q -fjson rfc5424 old short-iso | grep -o '"copy_of":[^}]*'

echo 'spared by a condition of a rule of the site:'
cat >site.rules <<'END'
rule many-guesses
    about   Guesses, and nothing but guesses
    on      source
    kind    guesser
    count   of unknown-user by source >= 5 in 1h
    when    attempts > 2
    unless  guesses <= 20
    unless  source is 192.0.2.1
    hit     unknown-user*5 from 192.0.2.9 in 1h with attempts=5 guesses=21
    miss    unknown-user*5 from 192.0.2.9 in 1h with attempts=5 guesses=20
END
qscan --logs --utc --rules=site.rules --rules="$RULES/60-events.rules" --now="$NOW" rfc5424 |
    sed -n '/^SPARED/,/^$/p'
qscan --logs --utc --rules=site.rules --rules="$RULES/60-events.rules" --now="$NOW" -fjson rfc5424 |
    grep -o '"spared":[^]]*'

# A message that has a sender waits for the very address that a bounce is for:
# past a hundred others, and as one of two that the bounce is for. What a row
# does not keep is undecided, never that nobody writes.
fixture queue-demo all
mkdir long two
cat >writes.rules <<'END'
rule no-correspondent
    about   Own bounces, but to those whom somebody writes to
    on      message
    class   bounce-zombie
    purge   yes
    when    origin is local-dsn
    unless  source.writes is yes
    hit     S=MAILER-DAEMON R=<bob@example.net> dsn.kind=failure source=198.51.100.7 source.writes=no
    miss    S=MAILER-DAEMON R=<bob@example.net> dsn.kind=failure source=198.51.100.7 source.writes=yes
    miss    S=<ann@example.com> R=<bob@example.net>
END
bounce=6AI4qioP005238
letter=6AI4qioZ005238
for folder in long two; do
    sed 's/^RPF:.*/RPF:<bob@example.net>/' all/qf$bounce >$folder/qf$bounce
    cp all/df$bounce $folder
    echo hello >$folder/df$letter
done
sed -i 's/^RPF:.*/RPF:<ann@example.org>\n&/' two/qf$bounce
{
    printf 'V8\nT1794977564\nK1795375511\nN30\nP2643080\nFs\nS<joe@example.com>\n'
    for i in $(seq 120); do echo "RPF:<member$i@example.org>"; done
    printf 'RPF:<Bob@example.net>\nH??Subject: news\n.\n'
} >long/qf$letter
grep -v member long/qf$letter >two/qf$letter
judged() {
    qscan --now="$NOW" --rules=writes.rules --list --format=csv \
        --id=$bounce "$1" | cut -d, -f2-4
}
for folder in long two; do
    judged $folder
    sed -i 's/Bob@example/bart@example/' $folder/qf$letter
    judged $folder
done

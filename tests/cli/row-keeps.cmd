# What the second phase decides from a row is what the message itself would
# say, or nothing: domains beyond those that a row keeps, a recipient without
# one, a source of a report that is no failure.
fixture queue-demo demo
head='V8\nT1794977564\nK1795375511\nN30\nP2643080\nFs\nS<joe@example.com>'
letter() { # FILE: its M and R lines come on standard input
    { printf '%b\n' "$head"; cat; printf 'H??Subject: news\n.\n'; } >"$1"
    echo hello >"$(echo "$1" | sed 's,/qf,/df,')"
}
rule() { # NAME CONDITION-LINES...
    printf 'rule %s\n    class %s\n    on message\n    purge yes, foreign\n' \
        "$1" "$1"
    shift
    printf '    %s\n' "$@"
}
judged() { # RULES QUEUE ID
    qscan --now="$NOW" --rules="$1" --list --format=csv --id="$3" "$2" |
        cut -d, -f1-4
    qscan --now="$NOW" --rules="$1" --no-syslog --purge-bounces --yes \
        --id="$3" "$2" | head -n 1
}

# the last of many domains answers
mkdir many
{
    echo 'MDeferred: Connection refused by x.example.org.'
    for i in $(seq 60); do
        echo "RPF:<u@some-rather-long-name-$i.example.org>"
    done
    echo 'RPF:<last@answers.example.net>'
} | letter many/qf6AI4qioA005238
printf '%s\n' 'MDeferred: 451 4.7.1 Greylisted' \
    'RPF:<who@answers.example.net>' | letter many/qf6AI4qioB005238
rule silent 'when recipients > 1' 'unless host.answered >= 1' \
    'hit R=<a@b.example> R=<c@d.example> host.answered=0' \
    'miss R=<a@b.example> R=<c@d.example> host.answered=1' >silent.rules
judged silent.rules many 6AI4qioA005238

# one of two has no domain; then nobody has
mkdir two none
printf '%s\n' 'MDeferred: Connection refused by dead.example.org.' \
    'RPF:<u@dead.example.org>' 'MDeferred: cannot write mailbox' \
    'RPF:<localuser>' | letter two/qf6AI4qioC005238
for i in 1 2 3 4 5; do
    printf '%s\n' 'MDeferred: Connection refused by dead.example.org.' \
        "RPF:<u$i@dead.example.org>" | letter two/qf6AI4qioD00523$i
    printf '%s\n' 'MDeferred: Operation timed out' "RPF:localuser$i" |
        letter none/qf6AI4qioD00523$i
done
rule waiting 'when host.waiting >= 3' 'hit R=<a@b.example> host.waiting=3' \
    'miss R=<a@b.example> host.waiting=1' >waiting.rules
judged waiting.rules two 6AI4qioC005238
judged waiting.rules two 6AI4qioD005231
judged waiting.rules none 6AI4qioD005231

# its source writes, but it is a warning
mkdir warning
id=6AKGt2Qo012456
for part in q d; do
    cp demo/${part}f$id warning
done
sed -i 's/^Action: failed/Action: delayed/; s/^Status: 5/Status: 4/' warning/df$id
sed -i 's/^H??Subject: .*/H??Subject: Warning: could not send message for past 4 hours/' \
    warning/qf$id
rule stuck 'when origin is local-dsn' 'unless source.writes is yes' \
    'hit S=MAILER-DAEMON R=<bob@example.net> dsn.kind=warning source=198.51.100.7 source.writes=no' \
    'miss S=MAILER-DAEMON R=<bob@example.net> dsn.kind=warning source=198.51.100.7 source.writes=yes' \
    >stuck.rules
judged stuck.rules warning $id

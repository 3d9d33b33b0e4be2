fixture queue-kinds queue
ask --list queue
ask --list --class=bounce-zombie,damaged queue
ask --list --where='tries >= 7' queue
ask --list --where='status ~ /Greylisted/' queue
ask --list --where='recipient.domain is example.com' --class=inbound queue
ask --list --id=6AMEjQA6022445,6AMKnowhere queue
ask --list --id=6AMKnowhere queue
ask --list --id=6AMKnowhere,6AMKnone queue
# The start of an id is none.
ask --list --id=6AMEjQA queue
ask --list --id=6AMEjQA,6AMJJw8E028245 queue
ask --explain=6AM queue
ask --show=queue/qf6AMEjQA queue
printf '6AMEjQA6022445\n\n  6AMJJw8E028245 \n6AMEjQA6022445\n' >ids
ask --list --id=- queue <ids
ask --list --id=- queue </dev/null
# A host that answers counts for the last of several recipients, too.
fixture queue-demo demo
sed -i 's/^RPF:<nxcmvmha@bluewidgets.example>$/&\nRPF:<bob@greylist-isp.example>/' \
    demo/qf6AI4qioP005238
cat >several.rules <<'EOF'
rule several
    about   Our own bounce to several recipients of whom no host answers
    on      message
    class   bounce-retry
    when    dsn.kind is failure
    when    recipients >= 2
    unless  host.answered >= 1
    hit     F=rs S=MAILER-DAEMON R=<a@example.net> R=<b@example.org> dsn.kind=failure
    miss    F=rs S=MAILER-DAEMON R=<a@example.net> dsn.kind=failure
EOF
try qscan --now="$NOW" --rules=several.rules --list --class=bounce-retry demo

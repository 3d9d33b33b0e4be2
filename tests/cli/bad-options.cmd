fixture queue-kinds queue
for option in --logs --check --quarantine=inbound --release --queue-config \
    --attackers --nonsense -x -nx --li --list=x --dry-run=x --format=xml \
    --format=html -f --now=yesterday --now=-5 --now=20261122 --top=-1 --top=1e3 \
    --top=99999999999999999999 -j0 -j-1 -j99999999999999 --older=soon \
    --color=blue --progress=often --class= --class=a,,b --id= --id=a,,b; do
    ask $option queue
done
ask queue --purge
ask queue --explain
ask queue -f
ask --class=unheard-of queue
ask --list --explain=6AMEjQA6022445 queue
ask --delete queue
ask --dry-run queue
ask --older=1d queue
ask --runs --class=inbound queue
ask --format=csv queue
ask --undo --format=csv queue
ask --list -C /nowhere/sendmail.cf queue
ask --list --top=3 queue
ask --list --yes queue
ask --undo= queue
ask --apply= queue
ask --check-rules queue
ask --purge-bounces --plan=plan -f csv queue
ask --list --where='tries > 9' --where='tries > 0' queue
ask --undo=A --undo=B queue
ask --list --now=1969-12-31 queue
ask --list --now=2026-11-22T17:52:25+1 queue

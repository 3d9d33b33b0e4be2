ask nowhere
mkdir not-a-queue
echo words >not-a-queue/words
ask not-a-queue
ask not-a-queue/words
ask 'nowhere/q*'
mkdir base base/other
ask 'base/q*'
ask ''
fixture queue-kinds queue
ask --list --class=warning nowhere queue
ask --list queue/qf6AMAKjxN019413
(cd queue && ask df6AMAKjxN019413)
ask --list --id=6AMAKjxN019413 queue
ask queue/qf6AMAKjxN019413/qf6AMAKjxN019413
ask --purge-bounces nowhere
ask --runs nowhere
# A folder of a queue is none: its messages would seem to be torn.
mkdir -p split/qf split/df
mv queue/qf6AMAKjxN019413 split/qf
mv queue/df6AMAKjxN019413 split/df
ask --list split/qf
ask split/df/
(cd split && ask qf/ && cd df && ask .)
ask --list 'split/*'
ask --list split/qf split
# Nor do those of a sendmail.cf need to be here.
cat >gone.cf <<END2
O QueueDirectory=/nowhere/q*
Qslow, P=/nowhere/slow
END2
ask -C gone.cf
ask --purge-bounces -n -C gone.cf

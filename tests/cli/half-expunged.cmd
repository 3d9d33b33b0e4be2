# An expunge that was killed between two messages. The journal says that it
# began.
fixture queue-kinds queue
half_expunge() {
    run=$(ls queue/.qscan)
    echo '{"event":"expunge-begin","held":2}' >>queue/.qscan/$run/journal
    rm queue/.qscan/$run/6AMEjQA6022445.qf
}
ask --purge-bounces -q queue
half_expunge
ask --runs queue
ask --runs -f json queue
ask --top=0 queue | head -n 2
ask --undo --dry-run queue
ask --undo --yes queue
ask --runs queue
ask --undo --yes --undo=$run queue
ask --expunge --yes --older=0s queue
# the next purge completes what was begun
fixture queue-kinds second
mv second queue2 && rm -r queue && mv queue2 queue
ask --purge-bounces -q queue
half_expunge
ask --purge-bounces --dry-run --class=orphan queue
ask --purge-bounces queue
ask --runs queue
# and so does an expunge of it
fixture queue-kinds third
rm -r queue && mv third queue
ask --purge-bounces -q queue
half_expunge
ask --expunge=$run --yes queue
test -e queue/.qscan || echo gone
# a folder that holds what nobody knows stays, and is named
fixture queue-kinds flat
mkdir parted parted/qf parted/df
mv flat/[qhQt]f* parted/qf; mv flat/df* parted/df
ask --purge-bounces -q parted
run=$(ls parted/qf/.qscan)
echo x >parted/df/.qscan/$run/notes
ask --expunge --yes parted
ask --runs -q parted

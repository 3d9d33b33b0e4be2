fixture queue-kinds queue
ask --purge-bounces --delete queue
ask --purge-bounces --delete --yes queue
ls -A queue
ask --runs queue
ask --undo --yes queue
ask --expunge --older=0s --yes -fjson queue
# one that was killed: nothing to undo
fixture queue-kinds killed
rm -r queue && mv killed queue
ask --purge-bounces --delete --yes queue
run=$(ls queue/.qscan)
sed -i '$d' queue/.qscan/$run/journal
ask --list --class=orphan queue
ask --undo=$run --yes queue
ask --undo --yes queue
ask --expunge=$run --yes queue

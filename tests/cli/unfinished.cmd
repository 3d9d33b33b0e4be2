# A run that was killed: named by whatever comes next, completed by a purge.
fixture queue-kinds queue
ask --purge-bounces queue
run=$(ls queue/.qscan)
sed -i '$d' queue/.qscan/$run/journal
mv queue/.qscan/$run/6AMEjQA6022445.df queue/df6AMEjQA6022445
ask --list --class=orphan queue
ask --runs queue
ask --purge-bounces --dry-run --class=orphan queue
ask --purge-bounces queue
ask --runs queue
ask --list --class=orphan queue
# its last line cut, as by a full disk
truncate -s -10 queue/.qscan/$run/journal
ask --runs queue
ask --undo --yes queue
ask --runs queue
# a folder that a run left before it had a journal
mkdir -m 700 queue/.qscan/20000101T000000Z-1
ask --top=0 queue | head -n 2
ask --runs queue
# files, and no journal
touch queue/.qscan/20000101T000000Z-1/some.qf
ask --runs queue
ask --runs -f json queue
ask --undo --yes queue
ask --undo=20000101T000000Z-1 --yes queue
ask --expunge --older=0s --yes queue
rm queue/.qscan/20000101T000000Z-1/some.qf
ask --expunge --older=0s --yes queue
ls -A queue | grep qscan
# a file that its journal does not know
sleep 1
ask --purge-bounces -q queue
run=$(ls queue/.qscan)
sed -i '/"take".*6AMEjQA6022445/d' queue/.qscan/$run/journal
ask --runs queue
ask --undo --yes queue
ask --expunge --older=0s --yes queue
ls queue/.qscan/*
# killed before it took anything: an undo by no name passes it over
rm queue/.qscan/$run/*.?f
ask --expunge --older=0s --yes queue
mkdir -p -m 700 queue/.qscan/20000101T000000Z-1
echo '{"event":"begin","run":"20000101T000000Z-1","action":"hold"}' \
    >queue/.qscan/20000101T000000Z-1/journal
ask --runs queue
ask --undo --yes queue
ask --expunge --yes queue
ask --undo=20000101T000000Z-1 --yes queue
ask --runs queue
# killed before its first line was whole: it did nothing
truncate -s 9 queue/.qscan/20000101T000000Z-1/journal
ask --runs queue
ask --undo --yes queue

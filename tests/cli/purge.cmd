# Taken, looked at, put back, taken again, expunged.
fixture queue-kinds queue
ls -lA --time-style=+%s queue >before
ask --purge-bounces queue
find queue -name '.qscan*' -o -path '*/.qscan/*' | sort
find queue/.qscan -printf '%m %P\n' | sort -k 2
ask --runs queue
ask --runs -fjson queue
ask --list --class=bounce-zombie queue
ask --explain=6AMEjQA6022445 queue | head -n 6
ask --show=6AMEjQA6022445 queue | head -n 8
ask --purge-bounces queue
ask queue | sed -n '/^EARLIER/,/^$/p'
ask --undo --dry-run queue
ask --undo --yes queue
ask queue | grep '^EARLIER'
ls -lA --time-style=+%s queue | grep -v '\.qscan' | sed 1d >after
sed 1d before | diff - after && echo 'all is as it was'
ask --runs queue
ask --undo --yes queue
ask --undo=$(ls queue/.qscan) --yes queue
sleep 1
ask --purge-bounces -fjson queue
ask --expunge queue
ask --expunge --dry-run queue
ask --expunge --yes queue
ask --runs queue
ask --expunge --older=0s --yes queue
ask --expunge --yes queue
ls -A queue

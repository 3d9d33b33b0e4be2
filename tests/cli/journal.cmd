# The journal elsewhere, because the disk of the queue is full.
fixture queue-kinds queue
mkdir journals
ask --purge-bounces --journal=journals queue
ls journals
find queue/.qscan -type f | sort
ask --undo --yes queue
ask --undo --journal=journals --yes queue
ask --purge-bounces --journal=nowhere queue
ls -A queue | grep qscan

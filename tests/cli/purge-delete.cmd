fixture queue-kinds queue
ask --purge-bounces --delete queue
ask --purge-bounces --delete --yes queue
ls -A queue
ask --runs queue
ask --undo --yes queue
ask --expunge --older=0s --yes -fjson queue

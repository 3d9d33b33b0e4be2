# Nothing that is there now is replaced.
fixture queue-kinds queue
ask --purge-bounces queue
cp -p queue/qf6AMJJw8E028245 queue/qf6AMEjQA6022445
ask --undo --dry-run queue
ask --undo --yes queue
ask --runs queue
rm queue/qf6AMEjQA6022445
: >queue/df6AMEjQA6022445
ask --undo --dry-run queue
ask --undo --yes queue
rm queue/df6AMEjQA6022445
: >queue/tf6AMEjQA6022445
ask --undo --dry-run -fjson queue
ask --undo --yes -fjson queue
rm queue/tf6AMEjQA6022445
ask --undo --dry-run queue
ask --undo --yes queue
ask --undo=nowhere --yes queue
ask --undo=20000101T000000Z-1 --yes queue

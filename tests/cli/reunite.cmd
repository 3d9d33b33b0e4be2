# A crash of the machine that put a control file back, but not its df.
fixture queue-kinds queue
ask --purge-bounces -q --no-syslog queue
run=$(ls queue/.qscan)
mv queue/.qscan/$run/6AMEjQA6022445.qf queue/qf6AMEjQA6022445
ask --runs queue
ask --undo=$run --dry-run queue
ask --undo=$run --yes queue
ls queue/?f6AMEjQA6022445
# the same, and the space is to be freed
ask --purge-bounces -q --no-syslog --id=6AMEjQA6022445 queue
run=$(ls queue/.qscan | tail -n 1)
mv queue/.qscan/$run/6AMEjQA6022445.qf queue/qf6AMEjQA6022445
ask --expunge --yes queue
ls queue/?f6AMEjQA6022445
# a control file that somebody copied back needs the df that is held
sleep 1
ask --purge-bounces -q --no-syslog --id=6AMEjQA6022445 queue
run=$(ls queue/.qscan | tail -n 1)
cp queue/.qscan/$run/6AMEjQA6022445.qf queue/qf6AMEjQA6022445
ask --expunge=$run --yes queue
ls queue/.qscan/$run

# A crash of the machine lost the taking of a control file, but not that of its
# df: the df goes back to it.
fixture queue-kinds queue
ask --purge-bounces queue
mv queue/.qscan/*/6AMEjQA6022445.qf queue/qf6AMEjQA6022445
ask --list --id=6AMEjQA6022445 queue
ask --undo --yes queue
ask --list --class=bounce-zombie queue
ask --runs queue

# A queue that was copied, or restored from a backup: no file and no folder has
# the inode of the journal.
fixture queue-kinds queue
mkdir parted parted/qf parted/df parted/xf
mv queue/[qhQt]f* parted/qf; mv queue/df* parted/df; mv queue/xf* parted/xf
ask --purge-bounces -q parted
cp -a parted copy && rm -r parted
ask --runs copy
ask --undo --dry-run copy
ask --undo --yes copy
ls copy/qf/qf6AMEjQA6022445 copy/df/df6AMEjQA6022445
ask --runs copy
mkdir journals
sleep 1 # copied within the second of two runs, they would seem made in it
ask --purge-bounces -q --journal=journals copy
cp -a copy again && rm -r copy
ask --runs --journal=journals again
ask --runs --journal=jurnals again
ask --undo --yes --journal=copy/nothing again
ask --expunge --older=0s --yes --journal=jurnals again
ask --undo --yes --journal=journals again
ask --expunge --older=0s --yes --journal=journals again

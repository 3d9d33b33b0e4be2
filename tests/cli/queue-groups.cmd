# A directory of queues holds queue groups, too: named by itself, it stands for
# all of them, and what is taken from them comes back.
fixture queue-kinds queue
mkdir -p mqueue/q1/qf mqueue/q1/df mqueue/slow/s1 mqueue/slow/deep/er disk
mv queue/qf6AMEjQA6022445 mqueue/q1/qf
mv queue/df6AMEjQA6022445 mqueue/q1/df
mv queue/?f6ALGJlYL017016 mqueue/slow/s1
mv queue/?f6AMJJw8E028245 mqueue/slow/s1
mv queue/?f6AMAKjxN019413 disk
cp -R queue mqueue/slow/deep/er
ln -s ../../disk mqueue/slow/s2
ask --list mqueue
ask --list -q mqueue mqueue/slow mqueue/q1 mqueue
ask --purge-bounces -q mqueue
find mqueue/slow/s1 -name '*.?f' | sort
ask --undo --yes -q mqueue
find mqueue/slow/s1 -name '[qdx]f?*' | sort
# A queue in a queue may be a group, or what somebody has put aside: it is told
# of, and no purge acts on it.
fixture queue-kinds flat
mkdir -p flat/aside flat/slow/s1 flat/empty flat/words/more
mv flat/?f6AMEjQA6022445 flat/aside
mv flat/?f6ALGJlYL017016 flat/slow/s1
ln -s ../disk flat/link
ln -s .. flat/up
touch flat/words/more/readme
ask --list --class=warning flat
ask --list --class=warning,bounce-zombie flat flat/slow/s1
ask --list -q --class=warning flat
ask --purge-bounces -q flat
ls flat/aside
mkdir -p parted/qf parted/df parted/group
mv flat/aside/qf* parted/group
ask --list parted
printf 'O QueueDirectory=%s\n' "$PWD/flat" >flat.cf
ask --list --class=warning -C flat.cf
for i in 0 1 2 3 4 5 6 7 8 9 10 11; do
    mkdir parted/$i
    touch parted/$i/qf6AMEjQA602244$i
done
ask --list parted

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

# A queue in which no bounce may go: the summary says why they are kept, and
# does not promise that this will change.
fixture queue-kinds all
mkdir queue
cp all/?f6AMEjQA6022445 all/?f6ALGJlYL017016 queue
# A filter of ours hands all mail in.
sed -i 's/^from ppp.*/from localhost [127.0.0.1]/' queue/df6AMEjQA6022445
sed -i 's/^from .*/from localhost [127.0.0.1]/' queue/df6ALGJlYL017016
ask queue | sed '/^MESSAGES/,/^WHAT TO/d'
# One of them is young, one has a second name, and ordinary mail says nothing.
sed -i 's/^N.*/N1/' queue/qf6ALGJlYL017016
cp all/?f6AMJJw8E028245 queue
cp queue/qf6AMEjQA6022445 queue/qf6AMEjQA6022446
cp queue/df6AMEjQA6022445 queue/df6AMEjQA6022446
ln queue/qf6AMEjQA6022446 queue/other-name
ask queue | sed '/^MESSAGES/,/^WHAT TO/d'
ask --purge-bounces -n queue
ask --purge-bounces -n --format=csv queue | cut -d, -f1,12-

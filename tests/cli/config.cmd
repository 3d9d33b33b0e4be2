# Queues, their groups and our domains come from sendmail.cf.
fixture queue-kinds queue
mkdir -p spool/main/qf spool/main/df spool/slow1
mv queue/qf6AMEjQA6022445 spool/main/qf
mv queue/df6AMEjQA6022445 spool/main/df
mv queue/?f6AMJJw8E028245 queue/?f6ALGJlYL017016 spool/slow1
cat >sendmail.cf <<END2
O QueueDirectory=$PWD/spool/main
Qslow, P=$PWD/spool/slow*, R=2
O Timeout.queuereturn=7d
Cw example.com
END2
ask --list -C sendmail.cf
ask --list -C sendmail.cf queue | head -n 2
# What is no sendmail.cf would leave us without a domain of our own.
echo 1209978000 >NOW
ask --list -C NOW queue
ask --check-rules -C NOW
ask --logs -C NOW /dev/null
ask --logs -C /nowhere/sendmail.cf /dev/null

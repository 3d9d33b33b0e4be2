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
# A copied one names files of its own host: those domains are not known here.
mkdir names
cat >copied.cf <<END2
V10/Berkeley
F{R}/nowhere/relay-domains
FR-o /nowhere/relay-domains
Fw-o /nowhere/local-host-names
END2
ask --list -C copied.cf --class=warning queue
ask --list -q -C copied.cf --class=warning queue
ask --logs -C copied.cf /dev/null | grep qscan:
ask --runs -C copied.cf queue
# One that is there and cannot be read is a failure, optional or not.
echo "Fw-o $PWD/names" >>copied.cf
ask --list -q -C copied.cf --class=warning queue
ask --logs -C copied.cf /dev/null | grep qscan:
# What waits for a host of the mailertable tells nothing of the sender's.
cat >table.cf <<END2
V10/Berkeley
Cw example.com
Kmailertable hash -o $PWD/mailertable
END2
ask --list -C table.cf --id=6AMEjQA6022445 spool/main
echo 'dsl.example  relay:[cust-203-0-113-33.pool.cheapdsl.example]' >mailertable
ask --list -C table.cf --id=6AMEjQA6022445 spool/main
rm mailertable
mkdir mailertable
ask --list -C table.cf --id=6AMEjQA6022445 spool/main
# A bounce to a domain that the access map relays mail of is to one of ours; where
# its text is not kept, that is told.
cat >access.cf <<END2
V10/Berkeley
Cw example.com
Kaccess hash -T<TMPF> -o $PWD/access
END2
: >access.db
ask --list -C access.cf --id=6AMEjQA6022445 spool/main
echo 'From:cheapdsl.example RELAY' >access
ask --list -C access.cf --id=6AMEjQA6022445 spool/main

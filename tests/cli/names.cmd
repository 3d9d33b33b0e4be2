# One queue named in many ways is one queue.
fixture queue-kinds queue
mkdir q
mv queue q/q1
ln -s q1 q/q2
mkdir q/q3
mv q/q1/?f6AMEjQA6022445 q/q3
ask --list --class=bounce-zombie q/q1 q/q1/ ./q/q1 q/q2
ask --list --class=bounce-zombie 'q/q*'
ask --list --class=bounce-zombie q
ask --list --class=bounce-zombie 'q/q*' q/q1 q/q3
# sendmail would take a .qscan in here for a queue
mv q/q3 wild
mkdir wild/sub
echo 'CRexample.com' >relay.cf
ask --purge-bounces -C relay.cf wild 'wild/*'
ask --purge-bounces -C relay.cf --dry-run wild 'wild/*'
ask --purge-bounces -C relay.cf --plan=plan wild 'wild/*'
ask --purge-bounces -C relay.cf --plan=plan wild
ask --apply=plan -C relay.cf --dry-run wild 'wild/*'
ls -A wild

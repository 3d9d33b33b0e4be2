# What came beside a control file since the plan was made keeps its message.
fixture queue-kinds queue
ask --purge-bounces --plan=plan queue
cp -p queue/qf6AMEjQA6022445 queue/hf6AMEjQA6022445
cp -p queue/qf6ALGJlYL017016 queue/tf6ALGJlYL017016
ask --apply=plan --yes queue
ls queue/*6AMEjQA6022445 queue/*6ALGJlYL017016
rm queue/hf6AMEjQA6022445
ask --apply=plan --yes queue
# an id that no journal could name
mv queue/qf6AMAKjxN019413 'queue/qf6AMAKjxN"19413'
mv queue/df6AMAKjxN019413 'queue/df6AMAKjxN"19413'
ask --purge=warning --dry-run --class=warning queue
# A rewrite that is left beside a message after the names were listed, by one
# who had it locked.
fixture queue-kinds late
exec 9<>late/qf6ALGJlYL017016
flock -x 9
(
    until ls late/.qscan/*/journal >/dev/null 2>&1; do sleep 0.01; done
    cp -p late/qf6ALGJlYL017016 late/tf6ALGJlYL017016
) &
exec 9>&-
ask --purge-bounces --yes late
wait
ls late/*6ALGJlYL017016

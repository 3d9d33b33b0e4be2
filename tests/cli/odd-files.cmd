# Links, pipes, folders and sockets that call themselves control files: told
# of, never followed, never taken, never waited for.
fixture queue-kinds queue
mkdir elsewhere
mv queue/qf6AMEjQA6022445 elsewhere/qf
ln -s ../elsewhere/qf queue/qf6AMEjQA6022445
mkfifo queue/qf6AMIAHst023701
mkdir queue/qf6AMIAHst023702
python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(
    "queue/qf6AMIAHst023703")' 2>/dev/null || mkfifo queue/qf6AMIAHst023703
ln queue/qf6ALGJlYL017016 queue/another-name
ln -s /dev/zero queue/qf6AMIAHst023704
mkfifo queue/hf6AMIAHst023705
ln -s /etc/passwd queue/df6AMIAHst023705
ask --list --class=damaged,quarantined,bounce-zombie queue
ask --top=0 queue
ask --explain=6AMEjQA6022445 queue | head -n 3
ask --show=6AMIAHst023701 queue
ask --show=6AMIAHst023705 queue
ask --purge-bounces queue
printf 'rule any\n  class any\n  on message\n  purge yes, foreign\n%s\n' \
    '  when recipient exists' >any.rules
echo 'a rule that reads no df knows of another name, too:'
qscan --rules=any.rules --now="$NOW" --list -f csv --id=6ALGJlYL017016 queue \
    2>/dev/null | cut -d, -f1-4
qscan --rules=any.rules --now="$NOW" --explain=6ALGJlYL017016 queue \
    2>/dev/null | head -n 2
ask --purge=quarantined --yes queue
ls queue | grep -c .
cat elsewhere/qf | head -n 1
chmod 777 queue
ask --list -q --id=6ALGJlYL017016 queue
ask --list --id=6ALGJlYL017016 queue

# Where the output cannot go.
fixture queue-kinds queue
ask --list -o list queue
wc -l <list
ask --list -o nowhere/list queue
ask --list -o queue queue
ask --list -o /dev/null queue
ask --list -o /dev/full queue
echo '$ qscan --list queue >/dev/full'
qscan --now="$NOW" --rules="$RULES" --list queue 2>&1 >/dev/full
echo "exit $?"
echo '$ qscan queue >&-'
qscan --now="$NOW" --rules="$RULES" queue 2>&1 >&-
echo "exit $?"
echo '$ qscan --purge-bounces queue >&-'
qscan --now="$NOW" --rules="$RULES" --no-syslog --purge-bounces queue 2>&1 >&-
echo "exit $?"
ls queue/.qscan
echo '$ qscan --list queue | head -n 1'
{
    qscan --now="$NOW" --rules="$RULES" --list queue 2>&1
    echo "exit $?" >&2
} | head -n 1
ls

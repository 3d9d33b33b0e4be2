# needs: descriptors
# What is written to a closed descriptor must not land in a queue file.
fixture queue-kinds queue
qscan --now="$NOW" --rules="$RULES" --no-syslog --purge-bounces queue >&- 2>&-
echo '$ qscan --undo --yes queue 0<&- >&- 2>&-'
qscan --undo --yes --no-syslog queue 0<&- >&- 2>&-
echo "exit $?"
echo '$ qscan --purge-bounces queue 2>&-'
chmod 0 queue/df6AMIAHst023603
qscan --now="$NOW" --rules="$RULES" --no-syslog --purge-bounces queue 2>&- |
    head -n 1
cat queue/.qscan/*/*.?f | grep -c qscan

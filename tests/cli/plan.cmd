# What would be taken, and why the rest stays; nothing is changed.
fixture queue-kinds queue
find queue | sort >before
ask --purge-bounces --dry-run queue
ask --purge=warning,receipt -n queue
ask --purge-bounces --class=receipt -n queue
ask --purge-bounces -n --format=csv queue
ask --purge-bounces --delete -n --class=bounce-zombie queue
find queue | sort | diff before - && echo 'nothing changed'

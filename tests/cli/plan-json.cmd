fixture queue-kinds queue
ask --purge-bounces --dry-run --class=bounce-zombie,damaged -fjson queue

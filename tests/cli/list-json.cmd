fixture queue-kinds queue
ask --list --format=json queue

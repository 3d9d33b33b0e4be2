fixture queue-kinds queue
ask --list --format=csv queue

fixture queue-kinds queue
ask --format=json queue

fixture queue-kinds queue
ask --explain=6AMJGB5X027695 --format=json queue
ask --explain=6AJ9fbQ6900003 --format=json queue
ask --explain=6AJ9fbQ6900003 --format=csv queue

fixture queue-kinds queue
ask queue
ask --top=2 queue
ask --top=0 queue
ask --class=damaged,orphan queue

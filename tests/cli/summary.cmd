fixture queue-kinds queue
ask queue
ask --top=2 queue
ask --top=0 queue
ask --class=damaged,orphan queue
ask --top=3 --where='age > 3d' queue | sed -n '/^HOSTS/,/^AGE/p'

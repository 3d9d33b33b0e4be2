fixture queue-kinds queue
ask queue
ask --top=2 queue
ask --top=0 queue
ask --class=damaged,orphan queue
ask --top=3 --where='age > 3d' queue | sed -n '/^HOSTS/,/^AGE/p'
# an address that is wider than its column
fixture queue-demo demo
sed -i 's/198\.51\.100\.215\]/IPv6:2001:db8:1234:5678:9abc:def0:1234:5678]/' \
    demo/df6AI4qioP005238
ask --top=0 demo | sed -n '/^WHO/,/^$/p' | grep -A1 -B1 2001:db8:1234

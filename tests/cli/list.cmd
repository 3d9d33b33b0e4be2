fixture queue-kinds queue
ask --list queue
ask --list --class=bounce-zombie,damaged queue
ask --list --where='tries >= 7' queue
ask --list --where='status ~ /Greylisted/' queue
ask --list --where='recipient.domain is example.com' --class=inbound queue
ask --list --id=6AMEjQA6022445,6AMKnowhere queue
ask --list --id=6AMKnowhere queue
printf '6AMEjQA6022445\n\n  6AMJJw8E028245 \n6AMEjQA6022445\n' >ids
ask --list --id=- queue <ids
ask --list --id=- queue </dev/null

mkdir queue
ask queue
ask --list queue
ask --list -fcsv queue
ask --purge-bounces queue

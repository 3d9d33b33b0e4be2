# Whatever the bytes, nothing steers the terminal.
fixture queue-kinds queue
ask --show=6AMIAHst023601 queue >shown
cat shown
tr -d '[:print:]\n' <shown | od -c | sed 's/^[0-9]* */non-ASCII: /'
ask --show=6AMEjQA6022445 queue

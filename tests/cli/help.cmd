try qscan --help
try qscan -h -n --list
qscan --version | sed 's/ .*//' | head -n 1

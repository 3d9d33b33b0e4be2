ask --check-rules
try qscan --check-rules --format=json

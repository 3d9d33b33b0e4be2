# Exactly that plan, on messages that are what they were.
fixture queue-kinds queue
ask --purge=warning,receipt,bounce-zombie --plan=plan queue
sed -n 1p plan
tail -n 1 plan
ask --apply=plan queue
ask --apply=plan --dry-run queue
touch queue/qf6AMAKjxN019413
rm queue/?f6AI4qoIn006000
ask --apply=plan --dry-run queue
ask --apply=plan --dry-run -fjson queue
ask --apply=plan --yes queue
ask --apply=plan --yes queue
ask --apply=nowhere --yes queue
echo '{"action":"hold","id":"6AMEjQA6022445","queue":"queue"}' >broken
ask --apply=broken --yes queue
sed 's/"hold"/"delete"/;q' plan | cat - plan >mixed
ask --apply=mixed --yes queue
ask --apply=plan --plan=other queue
ask --list --plan=other queue
ask --purge-bounces --plan=/nowhere/plan queue

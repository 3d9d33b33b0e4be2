# A plan goes by the files it means, not by the spelling of their folder.
fixture queue-kinds queue
fixture queue-kinds other
ask --purge-bounces --plan=plan queue
ask --apply=plan --yes other
ask --apply=plan --yes --no-syslog ./queue/../queue
ask --undo --dry-run -fjson queue
ask --expunge --dry-run -fjson queue
ask --expunge --dry-run --older=0s queue
# a further run, with its journal elsewhere: it goes with the run
mkdir journals
ask --purge-bounces --class=bounce-zombie --journal=journals -q other
sleep 1
ask --purge=warning --yes --journal=journals -q other
ask --undo --yes --journal=journals other
ask --purge=warning --yes other
ask --expunge --older=0s --yes --journal=journals other
ls journals

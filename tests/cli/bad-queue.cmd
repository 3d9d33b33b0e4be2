ask nowhere
mkdir not-a-queue
echo words >not-a-queue/words
ask not-a-queue
ask not-a-queue/words
ask 'nowhere/q*'
mkdir base base/other
ask 'base/q*'
ask ''
fixture queue-kinds queue
ask --list --class=warning nowhere queue
ask --list queue/qf6AMAKjxN019413
(cd queue && ask df6AMAKjxN019413)
ask --list --id=6AMAKjxN019413 queue
ask queue/qf6AMAKjxN019413/qf6AMAKjxN019413
ask --purge-bounces nowhere
ask --runs nowhere

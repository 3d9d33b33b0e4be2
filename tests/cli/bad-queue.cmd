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
ask --purge-bounces nowhere
ask --runs nowhere

# What no rule would take goes only when it is named, and with --yes.
fixture queue-kinds queue
ask --purge=warning queue
ask --purge=bounce-zombie queue
ask --purge=warning,receipt --yes queue
ask --purge=inbound --where='recipient.domain is nowhere.example' -y queue
ask --purge=quarantined --yes queue
ask --purge=damaged --yes queue
ask --purge=lost,orphan --yes queue
ask --purge=unheard-of --yes queue
ask --purge=inbound --id=6AMJJw8E028245 --yes queue
ls queue | grep 6AMJJw8E028245
# A minute or the numbers of processes may begin anew between them.
ask --runs queue | sed 's/^2[^ ]* *[0-9-]* [0-9:]* */RUN /' | sort

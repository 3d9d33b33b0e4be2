# Two numbers of the crowd, compared with each other when all messages are seen:
# of a host that all wait for under another domain's name they are the same.
fixture queue-kinds queue
cat >two.rules <<'END'
rule other-names
    about   Each that waits for its host is of another domain
    on      message
    class   inbound
    when    host.waiting is host.domains
    hit     host.waiting=3 host.domains=3
    miss    host.waiting=3 host.domains=2

rule some-names
    about   Some that wait for its host are of other domains
    on      message
    class   outbound
    when    host.waiting isnt host.domains
    hit     host.waiting=3 host.domains=2
    miss    host.waiting=3 host.domains=3
END
qscan --now="$NOW" --rules=two.rules --list --format=csv queue |
    cut -d, -f2 | sort | uniq -c

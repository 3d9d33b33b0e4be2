# A queue that may not be read, one that may not be written.
d=$(mktemp -d /tmp/qscan-cli-XXXXXX)
trap 'chmod -R u+rwx "$d"; rm -rf "$d"' EXIT
fixture queue-kinds "$d/queue"
chmod 755 "$d"
cat "$QSCAN" >"$d/qscan"
cat "$RULES"/*.rules >"$d/shipped.rules"
chmod 755 "$d/qscan" "$d/queue"
chmod 644 "$d"/queue/* "$d/shipped.rules"
cd "$d"
as_nobody() {
    printf '$ qscan %s\n' "$*"
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid=65534 --regid=65534 --clear-groups \
            ./qscan --now="$NOW" --rules=shipped.rules --no-syslog "$@" 2>&1
    else
        ./qscan --now="$NOW" --rules=shipped.rules --no-syslog "$@" 2>&1
    fi
    echo "exit $?"
    echo
}
chmod 0 queue/qf6AMEjQA6022445 queue/df6ALGJlYL017016
as_nobody --list --class=bounce-zombie,damaged,bounce-retry queue | sort
chmod 0 queue/qf*
as_nobody --list queue >out
sed "s|queue/.f[^:]*: cannot|FILE: cannot|" out | grep "FILE\|and" | sort | uniq -c
chmod 644 queue/*
chmod 555 queue
as_nobody --purge-bounces queue
chmod 0 queue
as_nobody queue

# tests/live/machine.sh: sourced by scene and mail; the machine that sendmail
# lives on, in namespaces of its own, and how to complain. Wants $here, $layout
# and $LIVE_DIR.
#
# shellcheck shell=sh disable=SC2154,SC2034 # variables of those who source it
work=$LIVE_DIR/$layout
base=/var/spool/mqueue
root=$LIVE_DIR/root
sendmail=$root/usr/libexec/sendmail/sendmail
maillog=$work/maillog
problems=0
TZ=UTC0
LC_ALL=C
export TZ LC_ALL

note() {
    printf 'live %s: %s\n' "$layout" "$*"
}

wrong() {
    note "FAIL: $*"
    problems=$((problems + 1))
}

give_up() {
    note "FAIL: $*"
    exit 1
}

# wait_for SECONDS COMMAND...: until the command succeeds.
wait_for() {
    left=$(($1 * 5))
    shift
    until "$@"; do
        [ "$left" -gt 0 ] || return 1
        left=$((left - 1))
        sleep 0.2
    done
}

# A /dev with a log socket of its own. Binds, for a container's root may not
# make devices.
make_dev() {
    mkdir -p "$work/dev"
    mount -t tmpfs -o mode=755 dev "$work/dev"
    for node in null zero full random urandom; do
        : >"$work/dev/$node"
        mount --bind "/dev/$node" "$work/dev/$node"
    done
    ln -s /proc/self/fd "$work/dev/fd"
    mkdir -m 1777 "$work/dev/shm"
    mount --rbind "$work/dev" /dev
}

make_etc() {
    mkdir -p "$work/etc"
    # awk and its like are links by way of here.
    for part in ld.so.cache alternatives; do
        if [ -e "/etc/$part" ]; then
            cp -R "/etc/$part" "$work/etc/"
        fi
    done
    cd "$work/etc" || exit
    printf '%s\n' root:x:0:0:root:/root:/bin/sh \
        mail:x:8:8:mail:/nonexistent:/bin/false \
        smmta:x:990:990:mta:/nonexistent:/bin/false \
        smmsp:x:991:991:msp:/nonexistent:/bin/false \
        nobody:x:65534:65534:nobody:/nonexistent:/bin/false >passwd
    printf '%s\n' root:x:0: mail:x:8: smmta:x:990: smmsp:x:991: \
        nogroup:x:65534: >group
    printf '%s\n' '127.0.0.1 localhost' '127.0.0.2 mx2.example.org mx2' \
        '127.0.0.4 client.example.net' >hosts
    # Nothing listens there, so a question is answered at once: refused.
    echo 'nameserver 127.0.0.99' >resolv.conf
    printf '%s: files\n' passwd group hosts services protocols >nsswitch.conf
    echo 'smtp 25/tcp' >services
    echo 'tcp 6 TCP' >protocols
    mkdir mail
    printf '%s\n' 'hosts files' 'aliases files' >mail/service.switch
    : >mail/local-host-names
    echo 'postmaster: root' >mail/aliases
    mime=True
    if [ "$LIVE_DSN" = text ]; then
        mime=False
    fi
    "$root/usr/bin/m4" "-D_CF_DIR_=$root/usr/share/sendmail/cf/" \
        "-DLIVE_QUEUE=$queue" "-DLIVE_MIME=$mime" \
        "-DLIVE_MAIL_LOCAL=$work/mail.local" \
        "$here/mx2.mc" >mail/sendmail.cf
    cd / || exit
    mount --bind "$work/etc" /etc
}

make_queue() {
    mkdir -p "$work/spool/mqueue" "$work/run"
    case $layout in
    flat | mail)
        queue=$base
        directories=$base
        ;;
    multi)
        # One flat directory, one with subdirectories, as a wildcard.
        queue="$base/q*"
        directories="$base/q1 $base/q2/qf $base/q2/df $base/q2/xf"
        ;;
    *) give_up "no such layout" ;;
    esac
    mount --bind "$work/spool" /var/spool
    mount --bind "$work/run" /run
    # shellcheck disable=SC2086 # a list of directories
    mkdir -p $directories
}

# wrap PROGRAM AS: sendmail hands no LD_LIBRARY_PATH on, nor does cron.
wrap() {
    printf '#!/bin/sh\nLD_LIBRARY_PATH=%s exec %s "$@"\n' "$libraries" "$1" >"$2"
    chmod +x "$2"
}

# bare_machine: host name and loopback, queue, /dev, /etc, mailboxes; syslog
# goes to $maillog.
bare_machine() {
    rm -rf "$work"
    mkdir -p "$work"
    mount --make-rprivate /
    "$LIVE_DIR/bin/stage" up mx2.example.org
    # The loader needs them before /etc, and only what is unpacked needs them.
    libraries=$(find "$root" -name '*.so*' -printf '%h\n' | sort -u | tr '\n' :)
    make_queue
    make_dev
    make_etc
    wrap "$sendmail" "$work/sendmail"
    wrap "$root/usr/bin/bsd-mailx" "$work/mailx"
    wrap "$root/usr/libexec/sendmail/mail.local" "$work/mail.local"
    mkdir -m 1777 "$work/mail"
    mount --bind "$work/mail" /var/mail
    find "$base" -exec chown smmta:smmsp {} + -exec chmod 2750 {} +
    "$LIVE_DIR/bin/stage" log /dev/log "$maillog" &
    wait_for 5 test -S /dev/log || give_up "no log listener"
    "$work/sendmail" -bi >"$work/newaliases" 2>&1 ||
        give_up "newaliases: $(tail -n 1 "$work/newaliases")"
}

# A listener answers with a banner; the sender stops at once with no orders.
sendmail_answers() {
    grep -q 'started as:\|starting daemon' "$maillog" 2>/dev/null &&
        [ -s /run/sendmail.pid ]
}

start_sendmail() {
    rm -f /run/sendmail.pid
    "$work/sendmail" -L sm-mta -bd -q1s \
        >>"$work/sendmail.out" 2>&1 ||
        give_up "sendmail does not start: $(tail -n 1 "$work/sendmail.out")"
    wait_for 10 sendmail_answers || give_up "sendmail does not come up"
}

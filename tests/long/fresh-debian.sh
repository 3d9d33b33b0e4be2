#!/bin/sh
# tests/long/fresh-debian.sh: the README's first commands on a Debian without
# even a compiler, in a folder of its own: without root they name what is
# missing, as root they install it and work, and work again at once; then the
# tests pass there. Exit status 77: such a Debian cannot be made here.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)

skip() {
    echo "$*"
    exit 77
}
[ "$(id -u)" = 0 ] || skip 'needs root'
command -v debootstrap >/dev/null || skip 'no debootstrap'
git -C "$top" rev-parse -q --verify HEAD >/dev/null 2>&1 ||
    skip 'not a git tree'
# Mounts of its own end with it.
if [ "${FRESH_DEBIAN:-}" != inside ]; then
    unshare --mount true 2>/dev/null || skip 'no mount namespace'
    FRESH_DEBIAN=inside exec unshare --mount "$0"
fi

# As this machine gets its packages. apt-get knows $(SITE), the shell does not.
suite=$(sed -n 's/^VERSION_CODENAME=//p' /etc/os-release)
# shellcheck disable=SC2016
mirror=$(apt-get indextargets --format '$(SITE)' "Codename: $suite" \
    'Created-By: Packages' 2>/dev/null | head -n 1)
[ -n "$mirror" ] || skip 'no mirror is known'

root=$(mktemp -d "${TMPDIR:-/tmp}/qscan-debian.XXXXXX") || exit 1
chmod 755 "$root"
trap 'umount "$root/proc" "$root/dev/shm" 2>/dev/null; rm -rf "$root"' EXIT
trap 'exit 130' INT TERM

fail() {
    echo "fresh-debian: $*"
    exit 1
}
here() { # COMMAND: in the tree, as root
    chroot "$root" sh -c "cd /qscan && $1"
}

debootstrap --variant=minbase "$suite" "$root" "$mirror" >"$root.log" 2>&1 || {
    tail -n 3 "$root.log"
    rm -f "$root.log"
    skip 'debootstrap failed'
}
rm -f "$root.log"
cp -a /etc/apt/sources.list* /etc/apt/apt.conf.d /etc/apt/trusted.gpg.d \
    "$root/etc/apt/" 2>/dev/null
cp -a /etc/apt/auth.conf* "$root/etc/apt/" 2>/dev/null
cp /etc/resolv.conf /etc/hosts "$root/etc/" 2>/dev/null
mount -t proc proc "$root/proc" || skip 'no /proc in it'
mount -t tmpfs none "$root/dev/shm" || skip 'no /dev/shm in it'
mkdir "$root/qscan"
git -C "$top" archive HEAD | tar -x -C "$root/qscan"
[ -x "$root/qscan/scripts/demo" ] || fail 'the tree was not copied'
chroot "$root" sh -c 'command -v gcc make' && fail 'it has a compiler already'

for command in demo check; do
    said=$(chroot --userspec=nobody:nogroup "$root" \
        sh -c "cd /qscan && scripts/$command" 2>&1)
    [ $? = 2 ] || fail "scripts/$command without root: $said"
    echo "$said" | grep -q 'apt-get install .*gcc.*make' ||
        fail "scripts/$command without root names no packages: $said"
done
here 'scripts/demo' || fail "scripts/demo: exit $?"
here 'scripts/demo' >"$root/again" 2>&1 || fail "scripts/demo again: exit $?"
grep -E 'installing|CC ' "$root/again" && fail 'the second demo did it all anew'
here "scripts/deps check && make -j $(nproc) WERROR=1 check" ||
    fail "make check: exit $?"

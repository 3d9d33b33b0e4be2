# needs: root
# Not a byte left where the messages are to be held: nothing is lost.
fixture queue-kinds queue
mkdir full
mount -t tmpfs -o size=256k,nr_inodes=400,mode=0755 none full 2>/dev/null || {
    cat "$(dirname "$RULES")/../tests/cli/disk-full.out"
    exit 0
}
trap 'cd /; umount "$OLDPWD/full"' EXIT
cp -p queue/* full
head -c 1000000 /dev/zero >full/filler 2>/dev/null
ls full | grep -v filler >before
ask --purge-bounces full
ls full | grep -v filler | diff before - && echo 'nothing lost'
mkdir journals
ask --purge-bounces --journal=journals full
ask --undo --yes --journal=journals full
ls full | grep -v filler | diff before - && echo 'nothing lost'
ask --list -o full/list full

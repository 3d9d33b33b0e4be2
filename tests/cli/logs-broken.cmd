# needs: speed
# Maillogs that cannot be read, or not to their end; where the report goes.
fixture maillog-lab lab
gzip -dc lab/maillog.gz | head -n 300 >good
head -n 200 lab/truth.tsv >truth.tsv
gzip -nc good | head -c 3000 >cut.gz
gzip -nc good >garbled.gz
printf '\377\377\377\377' | dd of=garbled.gz bs=1 seek=3000 conv=notrunc 2>dd
mkdir folder
touch empty
short() {
    ask "$@" --utc | sed -n '1,5p; /^exit/p'
}
short --attackers -fcsv cut.gz
short --attackers -fcsv garbled.gz
short --attackers -fcsv nothing good folder
short --attackers -fcsv nothing
{ cat good; gzip -nc good; } >joined
short --logs joined
short --logs folder nothing
short --logs truth.tsv
short --logs empty

echo 'many that are damaged: told of in their order, whoever read them:'
mkdir many
for i in 10 11 12 13 14 15 16 17 18 19 20 21 22 23; do
    head -n "${i}0" good | gzip -nc | head -c "12$i" >"many/log.$i.gz"
done
# the first takes longest, and has two things wrong with it
{
    printf '\037\213\010 behind the end\n'
    for i in 1 2 3 4 5 6; do cat good good good good good good good good; done
} >two
for i in 1 2 3 4 5 6; do cat two two two two; done |
    gzip -1nc | head -c 200000 >many/log.10.gz
for workers in 1 4 4 4 4 4 4 4 4; do
    qscan --logs --utc -j "$workers" --rules="$RULES" --now="$NOW" \
        many/* 2>"told.$workers" >/dev/null
    cmp told.1 "told.$workers"
done
grep 'read to its end' told.4 | sed -n '1p; 10,$p'

echo 'from a pipe, a file, and both with others:'
cat good | short --attackers -fcsv
short --attackers -fcsv <good
short --attackers -fcsv - <good
cat good | short --logs - -
cat good | gzip | short --attackers -fcsv - empty
cat good | head -c 200 | short --logs - cut.gz
# what a pipe held cannot be read again, whatever its name
mkfifo fifo
cat good >fifo &
ask --logs --utc fifo | grep -c -e 'TO TYPE NEXT' -e '--attackers'
ask --logs --utc good | grep -c -e 'TO TYPE NEXT' -e '--attackers'
short --logs </dev/null
: | short --logs

echo 'into a file, whole or not at all:'
ask --attackers --utc -fcsv -o report good
head -n 2 report
ask --attackers --utc -fcsv -o report nothing
head -n 1 report
ask --attackers --utc -fcsv -o none/report good
ls
ask --attackers --utc -o /dev/full good
qscan --attackers --utc --rules="$RULES" --now="$NOW" good 2>&1 >/dev/full
echo "exit $?"
qscan --logs --utc --rules="$RULES" --now="$NOW" good 2>&1 >/dev/full
echo "exit $?"

echo 'no stamp at first: a hole where a log was cut, a program without a clock:'
{ head -c 262144 /dev/zero; cat good; } >hole
{ yes 'no stamp' | head -n 300; cat good; } >junk
{ echo 'Jan  1 00:00:05 mx2 kernel: no clock yet'; cat good; } >unset
touch -d "@$NOW" hole junk unset
for log in hole junk unset; do
    short --logs "$log"
    short --logs --year=2026 --since=2026-11-01 "$log"
done
cat hole | short --logs

echo 'a day that the year does not have:'
printf 'Feb 2%s 10:00:00 mx sm-mta[7]: 6AI4qhYl000007: done; delay=0\n' 8 9 >leap
short --logs --year=2025 leap
short --logs --year=2024 leap
short --logs --since=2025-02-29 leap

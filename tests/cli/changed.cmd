# Messages that change after they were judged, before they are taken: locked by
# another, who rewrites them, or their df, before he lets go. What still says
# the same goes, whatever the bytes; what does not stays.
fixture queue-demo queue
sleep 1 # files of this very second are judged again in any case
says_more=6AI4qioP005238
other_report=6AI4ql5s005823
new_recipient=6AI4qmS5005457
no_report=6AI4qnrs005557
touched=6AJ9fb34009386
in_place=6AKGt3Ag012686
free=6AJ9febX009549

cd queue || exit
exec 5<qf$says_more 6<qf$other_report 7<qf$new_recipient 8<qf$no_report \
    9<qf$touched 4<qf$in_place
for fd in 4 5 6 7 8 9; do
    flock -x $fd
done
# made ready before: who waits for a lock does not wait for long
mkdir ../new
sed 's/^N10$/N11/' qf$says_more >../new/qf$says_more
sed 's/203\.0\.113\.50/127.0.0.1/' df$other_report >../new/df$other_report
sed 's/^RPF:/RPFD:<ann@example.net>\n&/' qf$new_recipient \
    >../new/qf$new_recipient
sed 's/198\.51\.100\.122/127.12.134.122/' df$in_place >../in_place
touch -r df$in_place ../time
cd ..
(
    until ls queue/.qscan/*/journal >/dev/null 2>&1; do sleep 0.01; done
    cd queue || exit
    mv ../new/* .
    rm df$no_report
    touch df$touched
    # of the same size, with its time put back
    cat ../in_place >df$in_place
    touch -r ../time df$in_place
) &
exec 4<&- 5<&- 6<&- 7<&- 8<&- 9<&-
ask --purge-bounces --yes \
    --id=$says_more,$other_report,$new_recipient,$no_report,$touched,$in_place,$free \
    queue
wait
ls queue | grep -e $says_more -e $other_report -e $new_recipient \
    -e $no_report -e $touched -e $in_place -e $free
# and who is too old for its rule when his turn comes
cat >young.rules <<'END'
rule young
    class   young
    about   Not yet three days old, on the day this queue is from
    on      message
    purge   yes
    when    age < 3d
    when    origin is local-dsn
    hit     F=r age=1h
    miss    F=r age=4d
END
alone() {
    try qscan --now="$NOW" --no-syslog --purge-bounces --yes "$@" \
        --id=6AKGt2Qo012456 queue
}
alone --rules=young.rules
sed 's/age < 3d/age exists/' young.rules >any.rules
alone --rules=any.rules --where='age < 3d'
alone --rules=any.rules

fixture queue-kinds queue
for id in 6AJ9fbVp900005 6AJ9fbQ6900003 6AMIAHst023602 6AMIAHst023603 \
    6AMIAHst023604 6AMIAHst023605 6AMIAHst023606 6AMJKE5W028473 \
    6AMJJraC028046 6AMIAHst023601; do
    ask --explain=$id queue | sed '/^rule own-warning/,$d'
done
ask --explain=6AMKnowhere queue
ask --explain= queue
ask --explain='../../etc/passwd' queue
echo 'by the name of a file, as ODDITIES and ls print it:'
ask --explain=qf6AMIAHst023602 queue | sed -n '1,4p'
ask --show=queue/df6AMIAHst023602 queue | sed -n '1,3p'
ask --explain=qf6AMKnowhere queue
ask --explain=queue/qf queue
qscan --purge-bounces --rules="$RULES" --now="$NOW" --no-syslog -q queue >taken
ask --explain=qf6AMEjQA6022445 queue | sed -n '1,3p'
ask --explain=6AMEjQA6022445 -f json queue | sed 's/"rules":.*/.../'
# of a run that was killed before its end, as well
sed -i '$d' queue/.qscan/*/journal
ask --explain=6AMEjQA6022445 queue | sed -n '1,3p'
ask --explain=6AMEjQA6022445 -f json queue | sed 's/"rules":.*/.../'

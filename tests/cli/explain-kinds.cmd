fixture queue-kinds queue
for id in 6AJ9fbVp900005 6AJ9fbQ6900003 6AMIAHst023602 6AMIAHst023603 \
    6AMIAHst023604 6AMIAHst023605 6AMIAHst023606 6AMJKE5W028473 \
    6AMJJraC028046 6AMIAHst023601; do
    ask --explain=$id queue | sed '/^rule own-warning/,$d'
done
ask --explain=6AMKnowhere queue
ask --explain= queue
ask --explain='../../etc/passwd' queue

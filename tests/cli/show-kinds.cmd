fixture queue-kinds queue
for id in 6AJ9fbVp900005 6AJ9fbQ6900003 6AMIAHst023602 6AMIAHst023603 \
    6AMIAHst023604 6AMIAHst023606 6AMJKE5W028473; do
    ask --show=$id queue
done
ask --show=6AMKnowhere queue
ask --show=6AMEjQA6022445 --format=json queue

# One id in two queues: the name of a file says which of the two is meant.
fixture queue-kinds one
fixture queue-kinds two
sed -i 's/^N.*/N99/' two/qf6ALGJsY0017980
for name in two/qf6ALGJsY0017980 one/df6ALGJsY0017980 hf6ALGJsY0017980 \
    three/qf6ALGJsY0017980; do
    ask --show=$name one two | grep -e tries -e qscan
done

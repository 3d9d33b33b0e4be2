# The same words for any number of workers, and whoever read a message: those
# that are listed first are read while the others are listed.
fixture queue-kinds queue
for id in 6AMEjQA6022445 6ALGJlYL017016; do
    for letter in q d; do
        awk -v id="$id" -v to="queue/${letter}f" '
            { text = text $0 "\n" }
            END {
                for (n = 30000; n < 30700; n++) {
                    new = substr(id, 1, 8) "0" n
                    copy = text
                    gsub(id, new, copy)
                    printf "%s", copy >(to new)
                    close(to new)
                }
            }' "queue/${letter}f$id"
    done
done
tell() {
    qscan --now="$NOW" --rules="$RULES" "$@" queue
}
tell -j1 --top=3
tell -j1 --list --format=json >one
wc -l <one
for workers in 2 3 16; do
    tell -j$workers --list --format=json | cmp - one && echo the same
done

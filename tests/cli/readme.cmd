# The output in the README is what the program prints, but for the id.
top=${RULES%/rules/shipped}
hide() {
    sed -e 's/--explain=[^ ]*/--explain=ID/' -e "s| --rules=$RULES||"
}

fixture queue-demo queue
qscan --rules="$RULES" --now="$NOW" --top=3 queue | hide >printed
sed -n '/^    Queue queue/,/^(/{
    /^(/d
    s/^    //
    p
}' "$top/README" | sed '$d' | hide | diff - printed

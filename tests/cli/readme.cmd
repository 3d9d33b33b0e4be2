# The output in the README is what the program prints, but for the id.
top=${RULES%/rules/shipped}
hide() { sed 's/--explain=[^ ]*/--explain=ID/'; }

fixture queue-demo queue
qscan --rules="$RULES" --now="$NOW" --top=3 queue | hide >printed
sed -n '/^    Queue queue/,/^    .*--class=damaged queue/{
    s/^    //
    p
}' "$top/README" | hide | diff - printed

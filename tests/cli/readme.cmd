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

# So is what it shows of a report on logs.
mkdir -p tests/fixtures
fixture maillog-lab tests/fixtures/maillog-lab
qscan --rules="$RULES" --logs --year=2026 --utc \
    tests/fixtures/maillog-lab/maillog.gz >printed
sed -n '/^  Maillogs from/,/^[^ ]/{
    /^[^ ]/d
    s/^  //
    p
}' "$top/README" | sed '$d' >shown
{
    sed '/^  3 lines: /,$d' printed
    echo ...
    echo
    sed -n '/^MAIL/,/^  refused for now/p' printed
    echo ...
    echo
    echo HOSTILE SOURCES
    sed -n '/^  203.*  srv1/,+6p' printed
} | diff shown -

# Each shape in parsers/VIOLATIONS names a case that is there: a title in a
# test, or a fixture. Prints those that are not.
top=${RULES%/rules/shipped}

tr -s ' \n' ' ' <"$top/parsers/VIOLATIONS" >text
grep -oE 'test_[a-z]+ "[^"]*"' text | while read -r test title; do
    title=${title#\"}
    title=${title%\"}
    grep -qF -e "$title" "$top/tests/$test.c" ||
        echo "$test: no case: $title"
done
grep -oE 'fixtures/[^ ;]+' text | while read -r path; do
    [ -e "$top/tests/$path" ] || echo "no $path"
done
[ "$(grep -oE 'test_[a-z]+ "|fixtures/' text | wc -l)" -ge 40 ] ||
    echo 'VIOLATIONS: read wrongly'

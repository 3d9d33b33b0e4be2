# options.c, --help, the manual and the completion name the same options, the
# rules and the completion the same classes, the rules and the manuals the same
# kinds, events and fields; no text names an option that is not there. Prints
# what one has and the other has not.
top=${RULES%/rules/shipped}

{
    sed -n 's/^    {"\([a-z-]*\)", [a-z]*_argument.*/--\1/p' \
        "$top/qscan/options.c"
    sed -n 's/.*short_options\[\] = ":\([^"]*\)".*/\1/p' \
        "$top/qscan/options.c" | tr -d : | grep -o . | sed 's/^/-/'
} | sort >have

# A word of an option in running text: behind a blank, a slash or a bracket.
options_in() {
    grep -oE "(^|[^[:alnum:]_-])--?[A-Za-z][a-z-]*" "$@" |
        grep -oE -- '--?[A-Za-z][a-z-]*$' | sort -u
}
same() { # whose, the options that it names
    sort -u "$2" | comm -3 have - |
        sed -e "s/^	/$1 alone: /" -e "t" -e "s/^/not in $1: /"
}

qscan --help | sed 's/^qscan .*//' >help
options_in help >in-help
same --help in-help

awk '/^\.It Fl/ {
    for (i = 3; i <= NF && $i != "Ns" && $i != "Ar"; i++)
        if ($i ~ /^-?[A-Za-z][a-z-]*$/)
            print "-" $i
}' "$top/qscan/qscan.8" >in-manual
same qscan.8 in-manual

# shellcheck disable=SC2016 # for bash
bash -c '. "$1" && echo $_qscan_options' - "$top/qscan/completion.bash" |
    tr ' ' '\n' | tr -d = >in-completion
same completion.bash in-completion

# Everywhere else: nothing that is not there. --long is scripts/check's.
grep -oE 'Fl -[a-z-]+' "$top/qscan/qscan.8" | sed 's/Fl /-/' >mentioned
options_in -h "$top/rules/qscan.rules.5" "$top/README" "$top/NEWS" |
    grep -E '^--[a-z]' >>mentioned
sort -u mentioned | grep -vx -- --long | comm -13 have - |
    sed 's/^/named, but not there: /'

{
    sed -n 's/^ *class  *//p' "$RULES"/*.rules
    printf '%s\n' quarantined lost damaged orphan unclassified
} | sort -u >classes
# shellcheck disable=SC2016
bash -c '. "$1" && echo $_qscan_classes' - "$top/qscan/completion.bash" |
    tr ' ' '\n' | sort | comm -3 classes - | sed 's/^/class: /'

# Kinds of hostile sources and events: the rules and the manual.
sed -n 's/^ *kind  *//p; s/^event //p' "$RULES"/*.rules | sort -u >kinds
awk '/^\.Ss Kinds/ { on = 1 } /^\.Sh/ { on = 0 } on && /^\.It Cm/ { print $3 }' \
    "$top/qscan/qscan.8" | sort -u | comm -3 kinds - | sed 's/^/kind or event: /'

# Fields: the table and the manual of the rules.
grep -oE '\(FIELD_[A-Z_]+, "[a-z.]+"' "$top/rules/fields.c" | cut -d'"' -f2 |
    sort -u >fields
sed -n '/^\.It Cm/{
    s/Ns [^ ]*//g
    s/^\.It Cm//
    s/\\&//g
    s/[ ,][ ,]*/\n/gp
}' "$top/rules/qscan.rules.5" | sort -u | comm -23 fields - |
    sed 's/^/field not in qscan.rules.5: /'

# None found would agree, too.
[ "$(wc -l <have)" -ge 30 ] || echo 'options.c: read wrongly'
[ "$(wc -l <classes)" -ge 14 ] || echo 'classes: read wrongly'
[ "$(wc -l <fields)" -ge 50 ] || echo 'fields.c: read wrongly'
[ "$(wc -l <kinds)" -ge 20 ] || echo 'kinds: read wrongly'

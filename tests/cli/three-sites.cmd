# Queues of several sites, judged against what their postmasters would let go.
# Each cf says which domains are ours, and by which relay the site sends; the
# harbour's and the hospital's queue came without.
fixture queue-sites sites
judge() {
    ask --list --format=csv -C "$1.cf" $2 >list
    tr -d '"' <list | awk -F, -v OFS='\t' -v site="$1" '
        NR == FNR { split($0, t, "\t"); if (t[1] != site) next
                    kind[t[2]] = t[3]; may[t[2]] = t[4]; note[t[2]] = t[5]; next }
        $1 in kind { n++
                     if ($4 != may[$1] && !($4 == "no" && may[$1] == "no"))
                         print (may[$1] == "no" ? "WRONG" : "missed"), $1
                     print may[$1], kind[$1], $2, $3, note[$1] }
        END { print n " messages of the " site }
    ' "$FIXTURES/queue-sites/truth.tsv" - | LC_ALL=C sort
}
cat >university.cf <<'END'
Cwlocalhost mx2.uni-lindau.example
CRuni-lindau.example
END
cat >provider.cf <<'END'
Cwisp-nord.example smtp1.isp-nord.example
CRbaeckerei.example kanzlei.example schreinerei.example
DSesmtp:[out.grossnetz.example]
END
cat >company.cf <<'END'
Cwkleinfirma.example mail.kleinfirma.example
DSrelay:smtp.provider-sued.example
END
ln -s /dev/null harbour.cf
NOW=1066219200
judge university sites/university
NOW=1331280000
judge provider 'sites/provider/q*'
NOW=1732095000
judge company sites/company
NOW=1311156000
judge harbour sites/harbour
ln -s /dev/null hospital.cf
NOW=1667376000
judge hospital sites/hospital
# Without a cf the queue alone tells: of a relay by the domains that wait for it,
# of ourselves by our own reports.
ln -s /dev/null none.cf
told() {
    ask --list --format=csv -C none.cf "sites/$1" | tr -d '"' >list
    grep -c ',bounce-zombie,' list
    grep "^$1	.*	$2" "$FIXTURES/queue-sites/truth.tsv" | cut -f2 >ours
    grep -F -f ours list | cut -d, -f2-4
}
NOW=1066219200
told university 'our smart host'
NOW=1732095000
told company 'MX points'
named() {
    cut -f2,5 "$FIXTURES/queue-sites/truth.tsv" | grep "	$1" | cut -f1
}
NOW=1732095000
# a domain that only a map relays for; a message from the future
ask --explain="$(named 'to a user of a domain of')" -C company.cf \
    sites/company | grep -A 1 -e 'unless recipient.clients'
ask --show="$(named 'made in the future')" -C company.cf sites/company |
    grep -e created -e 'last attempt'
# An any line has failed when none of its conditions holds, not before.
ask --explain="$(named 'foreign exim')" -C company.cf sites/company |
    grep -A 3 -e 'rule mail-inbound'
NOW=1066219200
ask --explain="$(named 'twin1: zombie')" -C university.cf sites/university |
    grep -A 4 -e 'rule bounce-of-own-mail-host'

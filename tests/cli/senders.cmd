# Senders behind dial-up lines, in rented machines and without a name of their own,
# whom something tells from zombies: who they say they are, who writes to them, that
# they come again in the name of one domain.
fixture queue-senders sites
ln -s /dev/null none.cf
judge() {
    ask --list --format=csv -C none.cf "sites/$1" | tr -d '"' >list
    awk -F, -v OFS='\t' -v site="$1" '
        NR == FNR { split($0, t, "\t"); if (t[1] != site) next
                    may[t[2]] = t[4]; note[t[2]] = t[5]; next }
        $1 in may { n++; taken += $4 == "yes"
                    if ($4 == "yes" && may[$1] == "no") print "WRONG", $1, note[$1]
                    if ($4 != "yes" && may[$1] == "yes") print "missed", $1, note[$1]
                    if ($2 ~ /bounce-retry/) print $3, note[$1] }
        END { print n " messages of the " site ", " taken " taken" }
    ' "$FIXTURES/queue-senders/truth.tsv" list | LC_ALL=C sort
}
NOW=1795805047
judge firm
NOW=1474438800
judge webhost
NOW=1067226000
judge schools
NOW=1234963200
judge single
NOW=1571726700
judge customers
# what the counts of the crowd say, and of whom
NOW=1795805047
for field in source.steady recipient.known; do
    ask --list --format=csv -C none.cf --where "$field is yes" sites/firm |
        cut -d, -f1,3 | tr -d '"'
done
# whom a relay of ours writes to is known, by its name, too; not whom any host does
# that is named in a domain of ours, as web servers are
NOW=1067226000
echo 'Cwastro-inst.edu.example' >domain.cf
echo 'DSsmtp1.astro-inst.edu.example' >relay.cf
for cf in none domain relay; do
    echo "$cf: $(qscan --now="$NOW" --rules="$RULES" -C $cf.cf --list \
        --format=csv --where 'recipient.known is yes' sites/schools |
        sed 1d | cut -d, -f1 | wc -l)"
done
NOW=1795805047
# of the demo's bounces most are of mail for example.com; whom this host names in
# its reports, itself, is ours without being named; where a list is not all there,
# nobody knows whose the others are
echo 'Cwexample.com' >com.cf
echo 'Cwexample.net' >net.cf
printf 'Cwexample.net\nFw@LDAP\n' >partial.cf
fixture queue-demo all
cp -R --preserve=timestamps all own
sed -i 's/^\(Final-Recipient: .*@\)example\.com$/\1MX2.example.org/' own/df*
for cf in none com net partial; do
    for ours in yes no; do
        for queue in all own; do
            echo "$cf, $queue, $ours: $(qscan --now="$NOW" --rules="$RULES" \
                -C $cf.cf --list --format=csv --where "dsn.ours is $ours" \
                $queue 2>complaints | grep -c ',"*bounce-')"
            cat complaints
        done
    done
done

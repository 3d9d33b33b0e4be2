# Mail of ours that waits for the sender's domain shows that somebody is there whom
# we write to, unless a program answered him; so does a receipt that we owe the very
# host. Whoever mistypes twice within the hour, or asks from many places for one
# address, guesses nothing.
fixture queue-demo demo
ln -s /dev/null none.cf
bounce=6AI4ql5s005823 receipt=6AI4qoIn006000
judge() {
    echo "$1: $(qscan --now=1795375579 --rules="$RULES" -C none.cf --list \
        --format=csv --id=$bounce demo | sed 1d | cut -d, -f4)"
}
mail() {
    printf 'V8\nT1795370000\nK1795370100\nN1\nP30000\n$_localhost [127.0.0.1]\n' \
        >demo/qf6AMHqK0f009999
    printf 'S<ann@example.org>\nRPFD:<bob@dnssec-bogus.example>\nH??%s\n.\n' "$1" \
        >>demo/qf6AMHqK0f009999
    echo hello >demo/df6AMHqK0f009999
    judge "$1"
    rm demo/?f6AMHqK0f009999
}
# Handed in by three hosts outside: we relay for that domain. What comes back, and
# what programs answer, goes to a forged one, too.
handed() {
    for n in 1 2 3; do
        printf 'V8\nT1795370000\nK1795370100\nN1\nP30000\n$_mx.other%s.example [198.51.%s.7]\n' \
            $n $n >demo/qf6AMHqK0f00999$n
        printf 'S%s\nRPFD:<eve@dnssec-bogus.example>\nH??%s\n.\n' "$1" "$2" \
            >>demo/qf6AMHqK0f00999$n
        echo hello >demo/df6AMHqK0f00999$n
    done
    judge "three of $1, $2"
    rm demo/?f6AMHqK0f00999?
}
# With two bounces more; of each: to whom, of mail by which host, for whom.
again() {
    what=$1
    shift
    for n in 1 2; do
        for f in q d; do
            sed "s/$bounce/6AI4ql5s00900$n/g; s/wxjsmkfp@/$1/g
                s/203\.0\.113\.50/203.0.113.$2/g
                s/brianw73976@example\.com/$3/g" \
                demo/${f}f$bounce >demo/${f}f6AI4ql5s00900$n
        done
        shift 3
    done
    judge "$what"
    rm demo/?f6AI4ql5s00900?
}
judge alone
for header in 'Subject: offer' 'Auto-Submitted: auto-generated' \
    'Auto-Submitted: auto-replied' 'X-List-Administrivia: yes'; do
    mail "$header"
done
handed '<ann@example.org>' 'Subject: offer'
handed '<>' 'Subject: returned'
handed '<ann@example.org>' 'Auto-Submitted: auto-replied'
sed -i 's/north-hill6/dnssec-bogus/g' demo/qf$receipt
judge 'a receipt, by another host'
sed -i 's/north-hill6/dnssec-bogus/g; s/192\.0\.2\.146/203.0.113.50/g' \
    demo/df$receipt
judge 'a receipt, by the same host'
rm demo/?f$receipt
again 'once more by its source, in the same name' \
    wxjsmkfp@ 50 brian@example.com ann@ 60 eve@example.com
again 'once more by its source, in another name' \
    ann@ 50 brian@example.com eve@ 60 eve@example.com
again 'three hosts ask for one address' \
    ann@ 60 brianw73976@example.com eve@ 70 brianw73976@example.com
again 'three hosts ask for two' \
    ann@ 60 brianw73976@example.com eve@ 70 eve@example.com

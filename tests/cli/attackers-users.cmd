# A botnet tries one user from many networks, a phone with an old password
# another from the addresses of its provider, and a user his own from home and
# from everywhere, until he logs in there.
fail() {
    printf 'Mar  2 %02d:%02d:00 mail sm-mta[%d]: 622%011d: ' \
        $(($1 / 60)) $(($1 % 60)) $((1000 + $1)) "$1"
    echo "AUTH failure (LOGIN): authentication failure (-13) SASL(-13): authentication failure: checkpass failed, user=$2, relay=$3"
}

{
    i=0
    while [ $i -lt 40 ]; do
        fail $((i * 30)) ann "n$i.isp$i.example [198.18.$i.7]"
        fail $((i * 30 + 1)) bob "[198.19.$((i % 4)).$i]"
        fail $((i * 30 + 2)) carol "[198.19.$((100 + i)).9]"
        if [ $i -gt 10 ]; then
            printf 'Mar  2 23:%02d:00 mail sm-mta[7]: AUTH=server, relay=[198.19.%d.9], authid=carol, mech=PLAIN, bits=0\n' $i $((100 + i))
        fi
        i=$((i + 1))
    done
} | sort >maillog
ask --attackers --utc --year=2026 maillog
ask --attackers --utc --year=2026 --format=csv maillog
ask --attackers --utc --year=2026 --format=json maillog
ask --logs --utc --year=2026 maillog | sed -n '/^HOSTILE/,/^HOUR/p'
# a name with a domain in front, and a byte that is no text
sed 's/user=ann/user=EX\\jos\xe9/' maillog >domain
for format in text csv json; do
    ask --attackers --utc --year=2026 --format=$format domain |
        sed -n "s/.*\(user ex[^ ,]*\).*/\1/p"
done

fixture queue-kinds queue
mkdir rules
cat >rules/a.rules <<'EOF'
rule one
    on      message
    class   one
    when    colour is red
    when    status ~ /(/
rule two
    on      message
    class   two
    purge   yes
    when    tries >= many
EOF
try qscan --rules=rules queue
try qscan --rules=rules/a.rules --check-rules
try qscan --rules=nowhere queue
mkdir empty
try qscan --rules=empty queue
cat >rules/a.rules <<'EOF'
rule twin
    on      message
    class   twin
    when    tries >= 1
    hit     N=1
    miss    N=1
EOF
try qscan --rules=rules --check-rules
cp rules/a.rules rules/b.rules
try qscan --rules=rules queue
ask --list --where='colour is red' queue
ask --list --where='' queue
ask --list --where='tries >' queue
printf 'rule \033[31m\007\2331m\n' >rules/a.rules
rm rules/b.rules
try qscan --rules=rules --check-rules

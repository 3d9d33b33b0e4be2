# Ten megabytes in one header line.
fixture queue-kinds queue
{
    sed '/^H??Subject/,$d' queue/qf6AMJJw8E028245
    printf 'H??Subject: '
    head -c 10000000 /dev/zero | tr '\0' s
    printf '\n.\n'
} >queue/qf6AMIAHst023801
cp queue/df6AMJJw8E028245 queue/df6AMIAHst023801
ask --list --id=6AMIAHst023801 queue
ask --show=6AMIAHst023801 queue | cut -c 1-60 | tail -n 12
ask --explain=6AMIAHst023801 queue | head -n 3

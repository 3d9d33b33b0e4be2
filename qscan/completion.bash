# bash completion for qscan(8). Names of options, classes and formats stand
# here as they are in the program; tests/cli/options-agree holds them together.

_qscan_options='
    --list --explain= --show= --check-rules
    --logs --attackers --since= --until= --year= --utc
    --purge-bounces --purge= --apply= --undo --expunge --runs
    --class= --where= --id=
    -n --dry-run -y --yes --plan= --delete --journal= --older= --no-syslog
    -f --format= -o --top= --progress= --color= -q --quiet -v --verbose
    --rules= -C --now= -j -h --help --version'
_qscan_classes='
    bounce-zombie bounce-retry bounce-relayed warning receipt postmaster
    autoreply inbound outbound quarantined lost damaged orphan unclassified'

# The last name of a list "a,b,c", what stands before it kept.
_qscan_complete_list() {
    local before=
    [[ $1 == *,* ]] && before=${1%,*},
    mapfile -t COMPREPLY < \
        <(compgen -P "$before" -W "$_qscan_classes" -- "${1##*,}")
    compopt -o nospace
}

_qscan_complete_path() { # -f or -d, what is typed
    mapfile -t COMPREPLY < <(compgen "$1" -- "$2")
    compopt -o filenames
}

_qscan() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}

    # bash takes "--class=x" for three words
    if [[ $cur == = ]]; then
        cur=
    elif [[ $prev == = ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    elif [[ $prev == --* ]]; then
        prev= # a value that is not behind "=" is a queue
    fi
    case $prev in
    --class | --purge) _qscan_complete_list "$cur" ;;
    --format | -f)
        mapfile -t COMPREPLY < <(compgen -W 'text json csv' -- "$cur")
        ;;
    --progress | --color)
        mapfile -t COMPREPLY < <(compgen -W 'auto always never' -- "$cur")
        ;;
    --plan | --apply | --rules | -o | -C) _qscan_complete_path -f "$cur" ;;
    --journal) _qscan_complete_path -d "$cur" ;;
    --since | --until)
        mapfile -t COMPREPLY < <(compgen -W 'today yesterday 24h 7d' -- "$cur")
        ;;
    --explain | --show | --where | --id | --now | --top | --older | -j) ;;
    --year) ;;
    --undo | --expunge) ;;
    *)
        if [[ $cur == -* ]]; then
            mapfile -t COMPREPLY < \
                <(compgen -W "$_qscan_options" -- "$cur")
            [[ ${COMPREPLY[0]-} == *= ]] && compopt -o nospace
        elif [[ " ${COMP_WORDS[*]} " == *' --'@(logs|attackers)' '* ]]; then
            _qscan_complete_path -f "$cur"
        else
            _qscan_complete_path -d "$cur"
        fi
        ;;
    esac
}

complete -F _qscan qscan

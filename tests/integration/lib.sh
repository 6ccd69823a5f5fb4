#!/bin/bash
# Shared by the scripts here: runs real processes of $P2PDI, talks to them through pipes, waits by
# reading their events, never by sleeping. Source it first.
set -euo pipefail

: "${P2PDI:?is not set: run this through make check T=integration/...}"
# Sanitized programs are slower.
patience=60
[[ ${VARIANT-release} == release ]] || patience=240

work=$(mktemp -d)
cd "$work"
declare -A pid in out

# Ends what is still running, by its id.
finish_all() {
    local rc=$? name
    trap - EXIT
    for name in "${!pid[@]}"; do
        kill -KILL "${pid[$name]}" 2>/dev/null || true
    done
    wait 2>/dev/null || true
    if ((rc != 0 && rc != 77)); then
        for name in *.err *.log; do
            [[ -s $name ]] && { echo "--- $name"; tail -n 40 "$name"; }
        done
    fi
    cd /
    rm -rf "$work"
    exit "$rc"
}
trap finish_all EXIT

fail() {
    echo "FAILED: $*"
    exit 1
}

# start NAME ARGUMENT...: p2pdi in the background. Its standard input is ${in[NAME]}, its output is read by
# `event`, what it says on standard error lies in NAME.err.
start() {
    local name=$1 fd
    shift
    rm -f "$name.in" "$name.out"
    mkfifo "$name.in" "$name.out"
    (
        # Nobody else holds the ends of the others' pipes open.
        for fd in "${in[@]}" "${out[@]}"; do exec {fd}>&-; done
        exec "$P2PDI" "$@" <"$name.in" >"$name.out" 2>>"$name.err"
    ) &
    pid[$name]=$!
    exec {fd}>"$name.in"
    in[$name]=$fd
    exec {fd}<"$name.out"
    out[$name]=$fd
}

# event NAME EVENT: reads on until that event comes; it is in $line then.
event() {
    local name=$1 want=$2
    while IFS= read -r -t "$patience" -u "${out[$name]}" line; do
        printf '%s\n' "$line" >>"$name.log"
        [[ $line == *"\"event\":\"$want\""* ]] && return 0
    done
    fail "$name: no event '$want'; the last line was: ${line:-none}"
}

# field KEY: of the object in $line; a string, a number or true/false.
field() {
    local re="\"$1\":(\"([^\"]*)\"|[-0-9.]+|true|false)"
    [[ $line =~ $re ]] || fail "no '$1' in $line"
    printf '%s\n' "${BASH_REMATCH[2]:-${BASH_REMATCH[1]}}"
}

say() {
    local name=$1
    shift
    printf '%s\n' "$@" >&"${in[$name]}"
}

# Closes a program's standard input.
close_input() {
    local fd=${in[$1]}
    exec {fd}>&-
    unset "in[$1]"
}

# ended NAME CODE: waits for the end of the program; what it still says goes to its log.
ended() {
    local name=$1 want=$2 rc=0 fd
    [[ -z ${in[$name]-} ]] || close_input "$name"
    fd=${out[$name]}
    timeout "$patience" cat <&"$fd" >>"$name.log" || fail "$name does not end"
    exec {fd}<&-
    unset "out[$name]"
    wait "${pid[$name]}" || rc=$?
    unset "pid[$name]"
    ((rc == want)) || fail "$name ended with $rc, not $want"
}

# start_rs NAME [ARGUMENT...]: a registration server on a free port; sets $rs to its address.
start_rs() {
    local name=$1
    shift
    start "$name" rs --listen 127.0.0.1:0 --state "$work/$name.state" --json "$@"
    event "$name" listening
    rs=127.0.0.1:$(field port)
}

# start_peer NAME [ARGUMENT...]: a peer of $rs that takes commands; its library is NAME.rfcs. Sets $at to its address.
start_peer() {
    local name=$1
    shift
    mkdir -p "$name.rfcs"
    start "$name" peer --batch --json --rs "$rs" --listen 127.0.0.1:0 --share "$name.rfcs" \
        --state "$work/$name.state" "$@"
    event "$name" listening
    # shellcheck disable=SC2034 # for who sources this
    at=127.0.0.1:$(field port)
}

# expect CODE NAME ARGUMENT...: runs p2pdi to its end; output in NAME.log, errors in NAME.err.
expect() {
    local want=$1 name=$2 rc=0
    shift 2
    timeout "$patience" "$P2PDI" "$@" >"$name.log" 2>"$name.err" </dev/null || rc=$?
    ((rc == want)) || fail "p2pdi $*: exit code $rc, not $want"
}

# has FILE TEXT...: each of them is in it.
has() {
    local file=$1 text
    shift
    for text; do
        grep -qF -e "$text" "$file" || fail "$file does not say '$text'"
    done
}

has_not() {
    local file=$1 text
    shift
    for text; do
        ! grep -qF -e "$text" "$file" || fail "$file says '$text'"
    done
}

# document DIR NUMBER [LINES]: something of an RFC's shape.
document() {
    local dir=$1 number=$2 lines=${3:-200}
    mkdir -p "$dir"
    {
        printf '\n\nInternet Engineering Task Force (IETF)                         A. Author\n'
        printf 'Request for Comments: %s                                 Example\n\n\n' "$number"
        printf '                       The Test Document Number %s\n\n' "$number"
        awk -v n="$number" -v lines="$lines" 'BEGIN {
            for (i = 1; i <= lines; i++) printf "   Line %d of document %d, %d.\n", i, n, i * n * 7919 % 1000003
        }'
    } >"$dir/rfc$number.txt"
}

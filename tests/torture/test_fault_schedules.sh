#!/bin/bash
# Downloads through networks that fail: the registration server and three holders each behind a proxy with a delay, a
# rate, pieces down to one byte and a share of connections that are reset, closed, half closed, that stall or are
# refused, all drawn from the seed. Each download ends in time, either with everything, right, or with the exit code
# and an event for each document that names who was tried and why; nothing wrong is visible.
# SCHEDULES=n; NUMBER=i runs only the i-th.
# shellcheck source=tests/torture/swarm.sh
source "$(dirname "$0")/swarm.sh"

schedules=${SCHEDULES:-$(full 3 200)} limit_s=90
numbers=(91000 91001 91002 91003 91004)
for n in "${numbers[@]}"; do text truth "$n" $((1000 + RANDOM % 100000)); done
holders=(one two three)
for name in "${holders[@]}"; do serve "$name" truth; done
start_rs rs

declare -A proxy proxy_out proxied

# draw WORST: options of a proxy for $options; WORST: at most so many percent of connections suffer.
draw() {
    local delays=(0 0 5 40) rates=(0 0 2000000 100000) pieces=(0 0 1400 100 1)
    options=(--delay "${delays[RANDOM % 4]}" --rate "${rates[RANDOM % 4]}" --piece "${pieces[RANDOM % 5]}"
        --faults $((RANDOM % ($1 + 1))) --within $((1 + RANDOM * 6)) --seed "$RANDOM")
    ((RANDOM % 2)) || options+=(--stall $((RANDOM % 5000)))
}

# interpose NAME PORT OPTION...: a proxy before that port; sets ${proxied[NAME]} to its own.
interpose() {
    local name=$1 to=$2 line fd
    shift 2
    exec {fd}< <(exec "$(tool proxy)" "$@" "$to" <&"${in[rs]}" 2>"proxy.$name.err")
    proxy[$name]=$! proxy_out[$name]=$fd
    IFS= read -r -t "$patience" -u "$fd" line || fail "the proxy does not start: $(<"proxy.$name.err")"
    proxied[$name]=${line#port }
}
remove_proxies() {
    local name fd
    for name in "${!proxy[@]}"; do
        kill -KILL "${proxy[$name]}"
        fd=${proxy_out[$name]}
        exec {fd}<&-
    done
    proxy=() proxy_out=()
}

# One download; sets $ended_with.
download() {
    local i=$1 name worst=60 hopeless='' from
    RANDOM=$((SEED + i))
    ((RANDOM % 10)) || hopeless=yes
    for name in "${holders[@]}"; do
        draw "$worst"
        [[ -z $hopeless ]] || options=(--faults 100 --only refuse)
        interpose "$name" "${port[$name]}" "${options[@]}"
        told+=" $name: ${options[*]};"
    done
    draw 30
    told+=" rs: ${options[*]}"
    start_rs "rs$i"
    interpose rs "${rs##*:}" "${options[@]}"
    enlist "$rs" "${proxied[one]}" "${proxied[two]}" "${proxied[three]}"

    ended_with=0
    timeout -s KILL "$limit_s" "$P2PDI" get "${numbers[@]}" --rs "127.0.0.1:${proxied[rs]}" --share a.rfcs --state a.state \
        --listen 127.0.0.1:0 --json >a.log 2>a.err </dev/null || ended_with=$?
    case $ended_with in
    0) diff -r truth a.rfcs || fail "said that all is done" ;;
    1 | 4)
        (($(grep -cE '"event":"(done|failed)"' a.log) == ${#numbers[@]})) || fail "not every document has an outcome"
        while IFS= read -r line; do
            [[ $line == *'"why":"'* ]] || fail "names nobody: $line"
            while IFS= read -r from; do
                [[ " ${proxied[one]} ${proxied[two]} ${proxied[three]} " == *" ${from##*:} "* ]] ||
                    fail "names a stranger: $line"
            done < <(grep -oE '"from":"[^"]*"' <<<"$line" | tr -d '"')
        done < <(grep '"event":"failed"' a.log)
        ;;
    3) grep -q "\"event\":\"error\".*127.0.0.1:${proxied[rs]}" a.log || fail "does not name the registration server" ;;
    *) fail "ended with $ended_with" ;;
    esac
    [[ -z $hopeless ]] || ((ended_with != 0)) || fail "got everything from nobody"
    for from in a.rfcs/rfc*.txt; do
        [[ ! -e $from ]] || cmp "truth/${from##*/}" "$from" || fail "a wrong document is visible"
    done
    remove_proxies
    kill -TERM "${pid[rs$i]}"
    ended "rs$i" 143
}

declare -A count
for ((i = ${NUMBER:-0}; i < ${NUMBER:-$((schedules - 1))} + 1; i++)); do
    told="schedule $i:"
    rm -rf a.rfcs a.state
    before=${EPOCHREALTIME/./}
    # What was drawn is said if it fails.
    download "$i"
    echo "$told: $ended_with after $(((${EPOCHREALTIME/./} - before) / 1000)) ms"
    count[$ended_with]=$((${count[$ended_with]-0} + 1))
done
codes=''
for code in "${!count[@]}"; do codes+=", ${count[$code]} ended with $code"; done
row "$((i - ${NUMBER:-0})) schedules$codes; all right or with the exact error"
for name in "${holders[@]}"; do
    say "$name" quit
    ended "$name" 0
done

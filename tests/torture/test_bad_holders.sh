#!/bin/bash
# Holders that go bad in the middle of a download, one case after the other: one that stalls at 99% of each document,
# one that trickles, one that lies, one that never says anything, half of them killed at once, half of them gone without a word. Everything arrives,
# right, within 1.5 times what it takes without the bad ones. All send at a limited rate, so that times mean something.
# ROUNDS=n, DOCUMENTS=n, BYTES=n of each, RATE=bytes/s of each holder; CASES='lies killed'.
# shellcheck source=tests/torture/swarm.sh
source "$(dirname "$0")/swarm.sh"

rounds=${ROUNDS:-$(full 1 5)} documents=${DOCUMENTS:-$(full 32 160)} bytes=${BYTES:-100000} rate=${RATE:-$(full 800k 500k)}
read -ra cases <<<"${CASES:-$(full 'stalls mute' 'stalls trickles lies mute killed frozen')}"

for ((i = 0; i < documents; i++)); do text truth $((91000 + i)) "$bytes"; done
for i in 1 2 3 4; do serve "good$i" truth --up "$rate"; done

# download CASE: everything from the four good ones and those of the case; sets $took (ms).
download() {
    local case=$1 i before
    start_rs "rs.$case"
    enlist "$rs" "${port[good1]}" "${port[good2]}" "${port[good3]}" "${port[good4]}"
    case $case in
    killed | frozen)
        for i in 1 2 3 4; do
            serve "bad$i" truth --up "$rate"
            enlist "$rs" "${port[bad$i]}"
        done
        ;;
    alone) ;;
    *) misbehave "${rs##*:}" truth "$case" ;;
    esac
    rm -rf a.rfcs
    truncate -s 0 a.log a.err
    before=${EPOCHREALTIME/./}
    start a get 91000-$((91000 + documents - 1)) --rs "$rs" --share a.rfcs --state a.state \
        --listen 127.0.0.1:0 --json
    case $case in
    killed | frozen)
        for ((i = 0; i < documents / 8; i++)); do event a 'done'; done
        for i in 1 2 3 4; do
            kill "$([[ $case == killed ]] && echo -KILL || echo -STOP)" "${pid[bad$i]}"
        done
        ;;
    esac
    event a complete
    took=$(((${EPOCHREALTIME/./} - before) / 1000))
    [[ $(field files) == "$documents" ]] || fail "$case: not everything came: $line"
    ended a 0
    diff -r truth a.rfcs || fail "$case: a wrong document is visible"
    if [[ $case == killed || $case == frozen ]]; then
        for i in 1 2 3 4; do
            kill -KILL "${pid[bad$i]}" 2>/dev/null || true
            { ended "bad$i" 137; } 2>/dev/null
        done
    fi
    reform
    kill -TERM "${pid[rs.$case]}"
    ended "rs.$case" 143
}

for ((r = 0; r < rounds; r++)); do
    for case in alone "${cases[@]}"; do
        download "$case"
        echo "$took" >>"took.$case"
        echo "round $r: $case: $took ms"
    done
done

alone=$(median took.alone) figures="without: $alone ms"
# In short some seconds more: other work of the machine is no bad holder, and a silence that is waited for would be ten.
most=$((alone * 3 / 2 + $(full 4000 0)))
for case in "${cases[@]}"; do
    ms=$(median "took.$case")
    figures+=", $case: $(awk -v a="$ms" -v b="$alone" 'BEGIN { printf "%.2f", a / b }') x"
    ((ms <= most)) || late+=" $case ($ms ms)"
done
[[ -z ${late-} ]] || fail "took longer than $most ms:$late; $figures"
row "$rounds rounds of $documents documents of $bytes bytes; $figures"
for i in 1 2 3 4; do
    say "good$i" quit
    ended "good$i" 0
done

#!/bin/bash
# A peer and a server that get no more memory while clients crowd in: they refuse, count, and live; with memory
# again all are served. The limit is set while they run, to a little more than they have.
# shellcheck source=tests/torture/lib.sh
source "$(dirname "$0")/lib.sh"

[[ ${VARIANT-release} == release ]] || { echo "a sanitizer needs more memory than any limit here allows"; exit 77; }
command -v prlimit >/dev/null || { echo "there is no prlimit here"; exit 77; }
ulimit -n "$(ulimit -H -n)"
clients=$(full 500 3000)
(($(ulimit -n) > clients + 5000)) || { echo "only $(ulimit -n) descriptors here"; exit 77; }

# crowd WORD...: tells the clients; the rest of the answer is in $answer.
crowd() {
    echo "$*" >&"${crowd[1]}"
    IFS= read -r -t $((patience * 4)) -u "${crowd[0]}" answer || fail "the clients: $(tail -n 1 crowd.err)"
    answer=${answer#* }
}

for ((i = 0; i < 50; i++)); do document b.rfcs $((91000 + i)) 3000; done
start_rs rs
start_peer b
say b 'wait rfcs 50 timeout 60' register
event b registered

figures=''
for name in rs b; do
    address=$rs path=/peers.json
    [[ $name == rs ]] || address=$at path=/rfc/91007.txt
    coproc crowd { exec "$(tool crowd)" "${address##*:}" 2>crowd.err; }
    pid[crowd]=$!
    for spare_kib in $(full '0 1000' '0 64 256 500 1000 2000 4000'); do
        size=$(sed -n 's/^VmSize:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/${pid[$name]}/status")
        prlimit --pid "${pid[$name]}" --as=$(((size + spare_kib) * 1024)):unlimited
        crowd hold "$clients" 50 50 "$path"
        crowd ask "$path"
        served=${answer% *} refused=${answer#* }
        crowd probe "${address##*:}" 200 /metrics
        kill -0 "${pid[$name]}" 2>/dev/null || fail "$name did not survive $spare_kib KiB"
        prlimit --pid "${pid[$name]}" --as=unlimited:unlimited
        crowd hold 0 0 0 /
        # What it still tells those who are gone is soon over.
        for ((i = 0; ; i++)); do
            crowd probe "${address##*:}" 100 "$path"
            ((${answer##* } > 0 && i < 50)) || break
        done
        ((${answer##* } == 0)) || fail "$name with memory again: ${answer##* } of 100 GETs failed"
        figures+=" $name +$spare_kib KiB: $served served, $refused refused;"
    done
    fd=${crowd[1]}
    exec {fd}>&-
    wait "${pid[crowd]}"
    unset 'pid[crowd]'
done
row "$clients clients, 50 slow readers, 50 slow senders;$figures all served with memory again"
say b quit
ended b 0

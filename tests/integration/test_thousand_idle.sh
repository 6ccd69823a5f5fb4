#!/bin/bash
# A thousand connections that send nothing, and some that stop in the middle of a head, do not keep others
# from being served.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

ulimit -n 4096 2>/dev/null || ulimit -n "$(ulimit -H -n)"
(($(ulimit -n) > 1100)) || { echo "only $(ulimit -n) descriptors here"; exit 77; }

document b.rfcs 8609
start_rs rs
start_peer b --workers 4
say b 'wait rfcs 1 timeout 60' register
event b registered

for address in "$at" "$rs"; do
    idle=()
    for ((i = 0; i < 1000; i++)); do
        exec {fd}<>"/dev/tcp/${address%:*}/${address#*:}"
        idle+=("$fd")
    done
    for ((i = 0; i < 10; i++)); do printf 'PQUERY P2P-DI/1.0\r\nHo' >&"${idle[i]}"; done
    for ((i = 0; i < 20; i++)); do
        before=$EPOCHREALTIME
        exec {fd}<>"/dev/tcp/${address%:*}/${address#*:}"
        printf 'GET %s HTTP/1.0\r\n\r\n' "$([[ $address == "$rs" ]] && echo /peers.json || echo /rfc/8609.txt)" >&"$fd"
        answer=$(timeout "$patience" cat <&"$fd") || fail "no answer from $address"
        exec {fd}>&-
        [[ $answer == 'HTTP/1.1 200 OK'* ]] || fail "wrong answer from $address: ${answer:0:80}"
        # A worker that waits for a silent client would wait for seconds.
        awk -v a="$before" -v b="$EPOCHREALTIME" 'BEGIN { exit !(b - a < 5) }' ||
            fail "$address took from $before to $EPOCHREALTIME"
    done
    for fd in "${idle[@]}"; do exec {fd}>&-; done
done
say b quit
ended b 0

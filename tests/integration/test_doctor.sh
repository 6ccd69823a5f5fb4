#!/bin/bash
# The doctor finds what is wrong, says what helps, and leaves nothing behind but one record.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

# check NAME RESULT [TEXT...]: what the events in doctor.log say of it.
check() {
    local name=$1 want=$2 text
    shift 2
    line=$(grep -F '"event":"check"' doctor.log | grep -F "\"name\":\"$name\"") ||
        fail "no check of '$name'"
    [[ $(field result) == "$want" ]] || fail "not $want: $line"
    for text; do
        [[ $line == *"$text"* ]] || fail "no '$text': $line"
    done
}

start_rs rs
mkdir a.rfcs
here=(--listen 127.0.0.1:0 --share a.rfcs --state "$work/state")

expect 0 doctor doctor --rs "$rs" "${here[@]}" --json
for name in state library listen server clock; do
    check "$name" ok
done
check reachable note 'only for peers on this machine'
has_not doctor.log '"event":"error"'
# It has left, and whoever comes again is the same.
expect 0 peers peers --rs "$rs" --json
has peers.log '"count":0'
expect 0 text doctor --rs "$rs" "${here[@]}"
has text.log "ok      server     $rs, 0 peers are active" 'ok      clock'
has text.err 'nothing that stands in the way'
printf 'GET /metrics HTTP/1.0\r\n\r\n' >request
exec {fd}<>"/dev/tcp/${rs%:*}/${rs#*:}"
cat request >&"$fd"
timeout "$patience" cat <&"$fd" >metrics.log
exec {fd}>&-
has metrics.log 'p2pdi_peers_known{role="rs"} 1' 'p2pdi_register_total{role="rs"} 2'

# What is wrong is told with what is right beside it.
expect 0 doctor doctor --rs "$rs" "${here[@]}" --share none --json
check library note 'mkdir -p'
[[ ! -e none ]] || fail "the doctor made a library"
touch plain
for share in plain plain/rfcs; do
    expect 6 doctor doctor --rs "$rs" "${here[@]}" --share "$share" --json
    check library failed "$share"
    check server ok
done
expect 6 doctor doctor --rs "$rs" "${here[@]}" --listen "$rs" --json
check listen failed 'already in use' 'ss -ltnp'
check server ok
expect 6 doctor doctor --rs "$rs" "${here[@]}" --state plain/state --json
check state failed plain/state
check server ok

kill -KILL "${pid[rs]}"
ended rs 137
expect 3 doctor doctor --rs "$rs" "${here[@]}" --json
check server failed 'connection refused' 'p2pdi rs'
check listen ok
expect 3 doctor doctor --rs no-such-host.invalid "${here[@]}"
has doctor.log 'failed  server' '  try: getent hosts no-such-host.invalid'
# 6 before 3
expect 6 doctor doctor --rs "$rs" "${here[@]}" --share plain

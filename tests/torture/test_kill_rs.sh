#!/bin/bash
# The registration server is killed (-9) at random moments under load, over and over: every REGISTER and LEAVE that it
# acknowledged is there after the restart, with the same cookie and number, and it is ready at once.
# shellcheck source=tests/torture/lib.sh
source "$(dirname "$0")/lib.sh"

kills=${KILLS:-$(full 8 200)} rate=${RATE:-500}

# ledger COMMAND...: tells the load generator; its answer is in $answer.
ledger() {
    echo "$*" >&"${ledger[1]}"
    IFS= read -r -t $((patience * 4)) -u "${ledger[0]}" answer || fail "the ledger: $(tail -n 1 ledger.err)"
}

coproc ledger { exec "$(tool rs_ledger)" 16 "$rate" "$SEED" 2>ledger.err; }
pid[ledger]=$!
start_rs rs
slowest=0
for ((k = 0; k < kills; k++)); do
    ledger load "${rs##*:}"
    # The moment is what is drawn: nothing is waited for but time.
    sleep "0.$((100 + RANDOM % 600))"
    kill -KILL "${pid[rs]}"
    { ended rs 137; } 2>/dev/null
    before=${EPOCHREALTIME/./}
    restart_rs rs
    curl -fsS -o peers.tsv "http://$rs/peers.tsv"
    took=$((${EPOCHREALTIME/./} - before))
    ((took <= slowest)) || slowest=$took
    ledger check "${rs##*:}"
done
ledger all "${rs##*:}"
[[ -z ${FULL-} ]] || ((slowest < 1000000)) || fail "it took $slowest us until the server was ready"
row "$kills kills, ${answer#all }: all there; ready within $((slowest / 1000)) ms"
fd=${ledger[1]}
exec {fd}>&-
wait "${pid[ledger]}"
unset 'pid[ledger]'
kill -TERM "${pid[rs]}"
ended rs 143

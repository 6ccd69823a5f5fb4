#!/bin/bash
# The registration server is gone for a while when a thousand peers want to renew, and comes back, with its records and
# without: all of them are registered again, spread over the time of their back-off, not all at once.
# shellcheck source=tests/torture/lib.sh
source "$(dirname "$0")/lib.sh"

peers=$(full 120 1000)
ulimit -n "$(ulimit -H -n)"
(($(ulimit -n) > peers * 4)) || { echo "only $(ulimit -n) descriptors here"; exit 77; }

# registrars WORD: tells them; the rest of the answer is in $answer.
registrars() {
    echo "$1" >&"${registrars[1]}"
    IFS= read -r -t $((patience * 10)) -u "${registrars[0]}" answer || fail "$1: $(tail -n 3 registrars.err)"
    answer=${answer#* }
}

active() { curl -fsS "http://$rs/metrics" | sed -n 's/^p2pdi_peers_active{.*} //p'; }

# Where the system gives no ports away while the server is gone: the peers know it by this one.
start rs rs --listen "127.0.0.1:$((20000 + RANDOM % 10000))" --state "$work/rs.state" --json
event rs listening
rs=127.0.0.1:$(field port)
coproc registrars { exec "$(tool registrars)" "$peers" "${rs##*:}" "$work/state" "$SEED" 2>registrars.err; }
pid[registrars]=$!
registrars go
[[ $(active) == "$peers" ]] || fail "only $(active) of $peers are registered"

figures=''
for outage in $(full 3-kept '2-kept 20-kept 90-kept 20-lost'); do
    kill -KILL "${pid[rs]}"
    { ended rs 137; } 2>/dev/null
    registrars lose
    [[ $answer == 0 ]] || fail "$answer were answered by a server that is dead"
    sleep "${outage%-*}" # this is how long it is gone
    [[ $outage == *-kept ]] || rm -rf rs.state
    start rs rs --listen "$rs" --state "$work/rs.state" --json
    event rs listening
    registrars return
    read -r seconds mean peak <<<"$answer"
    figures+="gone ${outage%-*} s, records ${outage#*-}: back within $seconds s, $mean a second, peak $peak; "
    [[ $(active) == "$peers" ]] || fail "$(active) are registered; $figures"
    awk -v mean="$mean" -v peak="$peak" 'BEGIN { exit !(peak <= 3 * mean) }' || fail "$figures"
done
registrars leave
[[ $(active) == 0 ]] || fail "$(active) have not left"
row "$peers peers; ${figures%; }"
fd=${registrars[1]}
exec {fd}>&-
wait "${pid[registrars]}"
unset 'pid[registrars]'
kill -TERM "${pid[rs]}"
ended rs 143

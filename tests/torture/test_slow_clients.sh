#!/bin/bash
# Silent, slow-reading and slow-sending clients by the thousand on four workers: others are served as if they were
# not there, none of them is refused, and memory stays in bounds.
# shellcheck source=tests/torture/lib.sh
source "$(dirname "$0")/lib.sh"

idle=$(full 1000 10000) slow=$(full 50 500) probes=$(full 300 2000)

ulimit -n "$(ulimit -H -n)"
if (($(ulimit -n) < idle + 2 * slow + 5000)); then
    echo "only $(ulimit -n) descriptors here"
    exit 77
fi

# crowd WORD...: tells the clients; the rest of the answer is in $answer.
crowd() {
    echo "$*" >&"${crowd[1]}"
    IFS= read -r -t $((patience * 4)) -u "${crowd[0]}" answer || fail "the clients: $(tail -n 1 crowd.err)"
    answer=${answer#* }
}

# memory KEY: of the peer, in KiB.
memory() { sed -n "s/^$1:[[:space:]]*\([0-9]*\) kB/\1/p" "/proc/${pid[b]}/status"; }

document b.rfcs 8609 400
document b.rfcs 8610 60000
cp -r b.rfcs alone.rfcs
start_rs rs
# Another one, alone, for comparison: whatever else the machine does, it does to both.
start_peer alone --workers 4
alone=$at
start_peer b --workers 4
for name in alone b; do
    say "$name" 'wait rfcs 2 timeout 60' register
    event "$name" registered
done
coproc crowd { exec "$(tool crowd)" "${at##*:}" 2>crowd.err; }
pid[crowd]=$!

# probe ADDRESS FILE: p50 and p99 of a round of GETs are added to the file.
probe() {
    local p50 p99 failed
    crowd probe "${1##*:}" "$probes" /rfc/8609.txt
    read -r p50 p99 _ failed <<<"$answer"
    ((failed == 0)) || fail "$failed of $probes GETs failed at $2"
    echo "$p50 $p99" >>"$2"
}
# median FIELD FILE
median() { sort -n -k "$1,$1" "$2" | awk -v f="$1" '{ v[NR] = $f } END { print v[int((NR + 1) / 2)] }'; }

for name in alone b; do probe "$at" warm; done
before=$(memory VmRSS)
crowd hold "$idle" "$slow" "$slow" /rfc/8610.txt
crowd count
read -r open _ <<<"$answer"
((open == idle + 2 * slow)) || fail "only $open of $((idle + 2 * slow)) are connected"

# In full the slow ones get the time in which deadlines fall: slow heads are cut off after 10 s.
until_s=$((SECONDS + $(full 0 45)))
while
    probe "$alone" p.alone
    probe "$at" p.crowd
    ((SECONDS < until_s))
do :; done
after=$(memory VmRSS)
crowd count
read -r open away <<<"$answer"
p99=$(median 2 p.crowd) p99_alone=$(median 2 p.alone)
figures="$idle idle, $slow slow readers, $slow slow senders: $((probes * $(grep -c '' p.crowd))) GETs, 0 failed;"
figures+=" p50 $(median 1 p.crowd) us, p99 $p99 us, of one without them $(median 1 p.alone) and $p99_alone us"
figures+=" (medians of $(grep -c '' p.crowd) rounds); $open connected, $away sent away for slowness;"
figures+=" memory from $before to $after KiB"
if [[ -n ${FULL-} ]]; then
    ((p99 <= 2 * p99_alone || p99 <= 5000)) || fail "$figures"
fi
# What one costs: its slot and a buffer; nothing of the document it reads.
((after - before < 16384 + (idle + 2 * slow) * 8)) || fail "$figures"
row "$figures"
for name in alone b; do
    say "$name" quit
    ended "$name" 0
done

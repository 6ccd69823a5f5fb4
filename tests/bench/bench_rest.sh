#!/bin/bash
# A peer at rest with every document: how soon it listens once hashes are cached, what memory it holds, how often it
# wakes and what processor time it takes while registered and idle. Usage: bench_rest.sh [ROUNDS [SECONDS]]
set -eu
. "$(dirname "$0")/lib.sh"
need awk
rounds=${1:-5} idle_s=${2:-10}

what=$(documents all "$docs" 9823)
find "$docs" -type f ! -name 'rfc[0-9]*.txt' ! -name rfc-index.txt -delete
count=$(find "$docs" -name 'rfc[0-9]*.txt' | wc -l)
describe
echo "work    $count documents, $what, $(du -sb "$docs" | cut -f1) bytes; load $(cut -d' ' -f1 /proc/loadavg)"

start rs "$P2PDI" rs --json --listen 127.0.0.1:0 --state "$work/rs-state"
rs=127.0.0.1:$(await rs listening | port_of)

# peer COMMANDS: in the background, its events in $work/events; sets peer.
peer() {
    "$P2PDI" peer -q --json --rs "$rs" --share "$docs" --state "$work/state" --listen 127.0.0.1:0 -c "$1" \
        </dev/null >"$work/events" 2>"$work/err" &
    peer=$!
    pids+=("$peer")
}
# event NAME: waits for it; prints the seconds since the peer started at which it came.
event() {
    local i
    for ((i = 0; i < 6000; i++)); do
        if grep -qF "\"event\":\"$1\"" "$work/events"; then
            grep -F "\"event\":\"$1\"" "$work/events" | head -n 1 | sed -E 's/.*"t":([0-9.]+).*/\1/'
            return
        fi
        kill -0 "$peer" || break
        sleep 0.01
    done
    cat "$work/err" >&2
    return 1
}
# From the launch: what comes before the program's own clock is in it. The file was last written with its last event.
since() { # T0 NAME
    awk -v t0="$1" -v wrote="$(stat -c %.6Y "$work/events")" -v name="\"event\":\"$2\"" '
        {match($0, /"t":[0-9.]+/); t = substr($0, RSTART + 4, RLENGTH - 4)}
        index($0, name) && at == "" {at = t}
        END {printf "%.1f\n", 1000 * (wrote - t + at - t0)}' "$work/events"
}
switches() { cat "/proc/$peer/task"/*/status | awk -v k="^$1voluntary" '$0 ~ k {s += $2} END {print s}'; }
ticks() { awk '{sub(/.*\) /, ""); print $12 + $13}' "/proc/$peer/stat"; }
kilobytes() { awk -v k="$1:" '$1 == k {print $2}' "/proc/$peer/status"; }

t0=$EPOCHREALTIME
peer "wait rfcs $count timeout 600; status; hold"
event status >/dev/null
first=$(since "$t0" status)
end "$peer"

for ((i = 0; i < rounds; i++)); do
    t0=$EPOCHREALTIME
    peer "wait rfcs $count timeout 600; status; register; hold"
    event registered >/dev/null
    since "$t0" listening >>"$work/listening"
    since "$t0" status >>"$work/ready"
    sleep 1 # what starting leaves to do; then idle
    s0=$(switches '') t0=$EPOCHREALTIME c0=$(ticks)
    sleep "$idle_s"
    s1=$(switches '') c1=$(ticks)
    awk -v a="$s0" -v b="$s1" -v s="$idle_s" 'BEGIN {printf "%.2f\n", (b - a) / s}' >>"$work/wakeups"
    awk -v a="$c0" -v b="$c1" -v s="$idle_s" -v hz="$(getconf CLK_TCK)" 'BEGIN {printf "%.2f\n", 1000 * (b - a) / hz / s}' >>"$work/cpu"
    kilobytes VmRSS >>"$work/rss"
    kilobytes VmHWM >>"$work/peak"
    kilobytes RssAnon >>"$work/anon"
    end "$peer"
done

row() { printf '%-52s %10s %10s\n' "$@"; }
echo
row "$count documents, medians of $rounds" measured goal
row 'first start: all hashed, ms' "$first" ''
row 'start to listening, hashes cached, ms' "$(median <"$work/listening")" '<= 100'
row 'start to all documents known, hashes cached, ms' "$(median <"$work/ready")" ''
row 'resident memory, MB' "$(median <"$work/rss" | awk '{printf "%.1f", $1 / 1024}')" '<= 32'
row '  of it its own (not mapped files), MB' "$(median <"$work/anon" | awk '{printf "%.1f", $1 / 1024}')" ''
row '  most so far, MB' "$(median <"$work/peak" | awk '{printf "%.1f", $1 / 1024}')" ''
row 'wake-ups a second, registered and idle' "$(median <"$work/wakeups")" '<= 1'
row 'processor time a second, ms' "$(median <"$work/cpu")" ''

#!/bin/bash
# Do --up and --down hold? The real programs over loopback, nothing compressed: bytes of documents that arrived a second, over the
# limit, from the start of the first get to the end of the last one. Usage: bench_rate.sh [--rates '1000000 8000000']
set -eu
. "$(dirname "$0")/lib.sh"
rates='500000 2000000 8000000 30000000'
[[ $# -lt 2 || $1 != --rates ]] || rates=$2
need awk

mkdir "$work/seed60" "$work/set600"
documents seed60 "$work/seed60" 60 >"$work/what"
documents set600 "$work/set600" 600 >"$work/what"
describe
echo "documents: $(<"$work/what")"
start rs "$P2PDI" rs --json --listen 127.0.0.1:0 --state "$work/state-rs" </dev/null
rs=127.0.0.1:$(await rs listening | port_of)
export P2PDI_RS=$rs
# Times of events count from each program's start: the receivers' gets last long enough for that not to matter.
round() { # LIMIT RATE RECEIVERS
    local set=seed60 i up='' down='' pids_of=() name=$1-$2-$3
    (($2 < 4000000)) || set=set600
    if [[ $1 == --up ]]; then up=$2; else down=$2; fi
    rm -f "$work"/first "$work"/got-?
    # shellcheck disable=SC2086 # nothing or two words
    "$P2PDI" peer --json --share "$work/$set" --state "$work/state-$set" --listen 127.0.0.1:0 --compress never ${up:+--up $up} \
        -c "wait rfcs $(find "$work/$set" -name 'rfc[0-9]*.txt' | wc -l) timeout 100; register; hold" </dev/null >"$work/first" 2>"$work/first.err" &
    local first=$!
    pids+=("$first")
    until grep -qs '"event":"registered"' "$work/first"; do kill -0 "$first"; done
    for ((i = 1; i <= $3; i++)); do
        # shellcheck disable=SC2086
        "$P2PDI" peer --json --share "$work/got-$name-$i" --state "$work/state-$name-$i" --listen 127.0.0.1:0 --compress never \
            ${down:+--down $down} -c "get all from 127.0.0.1:$(sed -n 's/.*"event":"listening".*"port":\([0-9]*\).*/\1/p' "$work/first"); quit" </dev/null >"$work/got-$i" 2>"$work/got-$i.err" &
        pids_of+=($!)
    done
    wait "${pids_of[@]}"
    kill "$first"
    wait "$first" || true
    awk -v rate="$2" -v what="$1" -v n="$3" '
        /"event":"complete"/ {
            match($0, /"bytes":[0-9]+/); bytes += substr($0, RSTART + 8, RLENGTH - 8)
            match($0, /"us":[0-9]+/); us = substr($0, RSTART + 5, RLENGTH - 5); if (us > most) most = us
            sum += 1 / us
        }
        END {
            # What each receives is limited by --down, what all receive by --up.
            got = what == "--up" ? bytes / most : bytes / n * sum / n
            printf "%-7s %9d bytes/s  %d receiver(s)  %6.2f s  %6.1f%% of the limit\n", what, rate, n, most / 1e6, 100 * got * 1e6 / rate
        }' $(seq -f "$work/got-%g" 1 "$3")
    rm -rf "$work"/got-"$name"-*
}
for rate in $rates; do
    for n in 1 3; do
        round --up "$rate" "$n"
        round --down "$rate" "$n"
    done
done

#!/bin/bash
# Mirroring everything to this machine over loopback into an empty directory: p2pdi get all (verified,
# renamed into place, durable) against curl -Z from nginx (nothing verified, nothing durable, and once more with
# sync -f). In turn, medians and ratio. Usage: bench_mirror.sh [ROUNDS]
set -eu
. "$(dirname "$0")/lib.sh"
need nginx curl taskset
rounds=${1:-5}

what=$(documents upto8781 "$docs")
count=$(find "$docs" -name 'rfc[0-9]*.txt' | wc -l)
describe
echo "work    $count documents, $what, $(du -sb "$docs" | cut -f1) bytes"

cores=0-$(($(nproc) - 1))
start_nginx "$cores" 'worker_processes 2;'
start rs "$P2PDI" rs --json --listen 127.0.0.1:0 --state "$work/rs-state"
rs=127.0.0.1:$(await rs listening | port_of)
start_peer "$cores" "$count" register --rs "$rs"

find "$docs" -name 'rfc[0-9]*.txt' -printf '%f\n' | sort |
    awk -v p=$nginx_port '{printf "url=\"http://127.0.0.1:%s/%s\"\nremote-name\n", p, $1}' >"$work/urls"

seconds() { # COMMAND...: wall seconds of it
    local t0 t1
    t0=$(date +%s.%N)
    "$@"
    t1=$(date +%s.%N)
    awk -v a="$t0" -v b="$t1" 'BEGIN {printf "%.3f\n", b - a}'
}
ours() { "$P2PDI" get all --rs "$rs" --share "$got" --state "$work/run/state" --listen 127.0.0.1:0 -q >/dev/null; }
curl_z() { (cd "$got" && curl -s -Z --parallel-max 16 -K "$work/urls" >/dev/null 2>&1); }
curl_sync() { curl_z && sync -f "$got"; }

for name in ours curl_z curl_sync; do : >"$work/$name"; done
for ((i = 0; i < rounds; i++)); do
    for name in ours curl_z curl_sync; do
        fresh "$work/run"
        got=$work/run/got
        mkdir "$got"
        seconds "$name" >>"$work/$name"
        diff -rq --exclude='rfc-index*' "$docs" "$got" >&2 || { echo "$name: not the same" >&2; exit 1; }
    done
done
o=$(median <"$work/ours") c=$(median <"$work/curl_z") s=$(median <"$work/curl_sync")
echo "disk    $disk"
awk -v o="$o" -v c="$c" -v s="$s" 'BEGIN {
    printf "\n%-52s %8s %8s\n", "seconds, medians", "seconds", "ratio"
    printf "%-52s %8.2f %8s\n", "p2pdi get all (verified, durable)", o, ""
    printf "%-52s %8.2f %8.2f\n", "curl -Z from nginx (nothing verified or durable)", c, o / c
    printf "%-52s %8.2f %8.2f\n", "the same and sync -f", s, o / s
}'

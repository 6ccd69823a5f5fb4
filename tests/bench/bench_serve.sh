#!/bin/bash
# Serving from one machine: a peer against nginx, both on core 0, wrk on core 1; rounds in turn, medians
# and the ratio. Usage: bench_serve.sh [ROUNDS [SECONDS]]
set -eu
. "$(dirname "$0")/lib.sh"
need nginx wrk taskset curl
rounds=${1:-5} seconds=${2:-3}

what=$(documents upto8781 "$docs")
count=$(find "$docs" -name 'rfc[0-9]*.txt' | wc -l)
one=$(find "$docs" -name 'rfc[0-9]*.txt' -printf '%s %f\n' | awk '{d = $1 - 24576; if (d < 0) d = -d; print d, $2}' | sort -n | awk 'NR == 1 {print $2}')
describe
echo "work    $count documents, $what; one document: $one, $(stat -c %s "$docs/$one") bytes"

find "$docs" -name 'rfc[0-9]*.txt' -printf '/%f\n' | sort -R --random-source=<(yes) >"$work/paths"
cat >"$work/mixed.lua" <<LUA
local paths = {}
for line in io.lines("$work/paths") do paths[#paths + 1] = line end
math.randomseed(1)
request = function() return wrk.format("GET", paths[math.random(#paths)]) end
LUA

start_nginx 0 'worker_processes 1;'
start_peer 0 "$count" ''

# rate ARG...: requests a second; an error or a non-2xx answer ends the benchmark.
rate() {
    taskset -c 1 wrk -t1 -c32 -d"${seconds}s" "$@" >"$work/wrk" 2>&1
    if grep -qE 'Non-2xx|Socket errors: .*(connect [1-9]|timeout [1-9])' "$work/wrk"; then
        cat "$work/wrk" >&2
        exit 1
    fi
    sed -n 's/^Requests\/sec: *//p' "$work/wrk"
}

printf '\n%-36s %12s %12s %8s\n' 'requests a second, medians' p2pdi nginx ratio
compare() { # TITLE PATH WRK-ARG...
    local title=$1 path=$2 i
    shift 2
    : >"$work/ours"
    : >"$work/theirs"
    for ((i = 0; i < rounds; i++)); do
        rate "$@" "http://127.0.0.1:$peer_port$path" >>"$work/ours"
        rate "$@" "http://127.0.0.1:$nginx_port$path" >>"$work/theirs"
    done
    awk -v t="$title" -v a="$(median <"$work/ours")" -v b="$(median <"$work/theirs")" \
        'BEGIN {printf "%-36s %12.0f %12.0f %8.2f\n", t, a, b, a / b}'
}
compare 'mixed RFCs, 32 connections' / -s "$work/mixed.lua"
compare 'one 24 KB RFC, 32 connections' "/$one"
compare 'one 24 KB RFC, connection a request' "/$one" -H 'Connection: close'
printf '\n1.00 is nginx 1 worker with sendfile and open_file_cache, on the same core in the same run.\n'

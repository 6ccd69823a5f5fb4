#!/bin/bash
# A holder is asked the moment it listens, while it still hashes its library: the answer waits for that, and
# nothing is missing.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

document b.rfcs 90001 30000
for ((i = 2; i <= 40; i++)); do sed "s/document 90001/document $((90000 + i))/" b.rfcs/rfc90001.txt >"b.rfcs/rfc$((90000 + i)).txt"; done
start_rs rs
start_peer b
say b register
event b registered
get_all=(get all --rs "$rs" --share a.rfcs --state a.state --listen 127.0.0.1:0)
expect 0 a "${get_all[@]}"
diff -r a.rfcs b.rfcs

# Why there is nothing to get is said.
expect 0 again "${get_all[@]}"
has again.err 'here already'
say b quit
ended b 0
expect 0 alone "${get_all[@]}"
has alone.err 'no other peer'

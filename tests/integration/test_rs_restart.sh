#!/bin/bash
# The server is killed while peers run, and started again on the same port: its records are there, the
# peers carry on. Started without its records, they register again. A peer may be there before its server.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

document b.rfcs 8609
document b.rfcs 8610
start_rs rs
start_peer b
say b 'wait rfcs 2 timeout 60' register
event b registered
b_id=$(field peer)
start_peer a
say a register pquery rfcquery 'get 8609'
event a registered
a_id=$(field peer)
event a complete

kill -KILL "${pid[rs]}"
ended rs 137

# Peers go on exchanging with the peers they know.
say a '-keepalive' 'get 8610'
event a error
event a complete
[[ $(field files) == 1 ]] || fail "no download without the server: $line"
cmp a.rfcs/rfc8610.txt b.rfcs/rfc8610.txt

start rs rs --listen "$rs" --state "$work/rs.state" --json
event rs listening
expect 0 peers peers --json --rs "$rs"
line=$(<peers.log)
[[ $(field count) == 2 ]] || fail "records are missing: $line"
has peers.log "\"peer\":$a_id" "\"peer\":$b_id"
say a keepalive status
event a status
[[ $(field registered) == true && $(field peer) == "$a_id" ]] || fail "A is not carried on: $line"

kill -KILL "${pid[rs]}"
ended rs 137
rm -rf "$work/rs.state"
start rs rs --listen "$rs" --state "$work/rs.state" --json
event rs listening
say b keepalive
event b registered
say a pquery
event a registered
say a 'wait peers 1 timeout 60' quit
ended a 0
say b quit
ended b 0

kill -KILL "${pid[rs]}"
ended rs 137
start d peer --json --rs "$rs" --listen 127.0.0.1:0 --share d.rfcs --state "$work/d.state"
event d error
start rs rs --listen "$rs" --state "$work/rs.state" --json
event rs listening
event d registered
has d.err 'connection refused' 'trying again'
kill -TERM "${pid[d]}"
event d left
ended d 143

#!/bin/bash
# Where downloads cannot be written the cause is told once, not for each document, and is not blamed on the
# holders; once they can, the rest comes. A limit on the size of files stands for the disk.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

command -v prlimit >/dev/null || { echo 'there is no prlimit here'; exit 77; }

for number in {8600..8619}; do document b.rfcs "$number"; done
start_rs rs
start_peer b
b=$at
say b 'wait rfcs 20 timeout 60' register
event b registered

start_peer a
prlimit --pid "${pid[a]}" --fsize=4000:
say a '-get all' status
event a complete
[[ $(field files) == 0 ]] || fail "stored in spite of the limit: $line"
event a status
has a.log '20 of 20 RFCs failed' 'they could not be stored here' 'p2pdi doctor' '"why":"could not be stored here"'
[[ $(grep -c 'a download cannot be stored' a.log) == 1 ]] || fail "not told once: $(<a.err)"

# For people: what failed and why, and no holder's name in front of it.
rc=0
prlimit --fsize=4000: "$P2PDI" get 8600 --rs "$rs" --listen 127.0.0.1:0 --share c.rfcs --state "$work/c.state" \
    >c.log 2>c.err </dev/null || rc=$?
((rc == 1)) || fail "without room: exit code $rc"
grep -q '^p2pdi: RFC 8600 could not be stored here: [a-z]' c.err || fail "no reason: $(<c.err)"
has_not c.err "$b could not"

prlimit --pid "${pid[a]}" --fsize=unlimited:
say a 'get all' quit
event a complete
[[ $(field files) == 20 ]] || fail "with room: $line"
ended a 0
diff -r a.rfcs b.rfcs
say b quit
ended b 0

#!/bin/bash
# A holder is killed in the middle of a download: the rest comes from another one.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

start_rs rs
for i in 1 2 3 4; do document b.rfcs "900$i" 400000; done
cp -r b.rfcs c.rfcs
for name in b c; do
    start_peer "$name"
    eval "$name=\$at"
    say "$name" 'wait rfcs 4 timeout 200' register
    event "$name" registered
done
start_peer a
say a 'wait peers 2 timeout 60' rfcquery
event a index

# It still accepts connections but does not answer, until it is gone: whatever it was asked for breaks off.
# shellcheck disable=SC2154 # b is set by eval above
kill -STOP "${pid[b]}"
say a 'get all'
while event a start; do
    [[ $(field from) == "$b" ]] && break
done
kill -KILL "${pid[b]}"
broken=$(field rfc)
event a complete
[[ $(field files) == 4 ]] || fail "not everything came: $line"
# shellcheck disable=SC2154 # so is c
grep -q "\"done\".*\"rfc\":$broken,\"from\":\"$c\"" a.log || fail "$broken did not come from $c"
say a quit
ended a 0
diff -r a.rfcs c.rfcs
say c quit
ended c 0

# The only holder of many is killed: a few of them are told, the rest is counted.
for i in {9101..9140}; do document d.rfcs "$i" 2000; done
start_peer d --up 200k --compress never
say d 'wait rfcs 40 timeout 60' register
event d registered
mkfifo g.pipe
mkdir g.rfcs
"$P2PDI" get 9101-9140 --rs "$rs" --listen 127.0.0.1:0 --share g.rfcs --state "$work/g.state" >g.log 2>g.pipe &
pid[g]=$!
exec {said}<g.pipe
while IFS= read -r -t "$patience" -u "$said" line; do
    printf '%s\n' "$line" >>g.err
    [[ $line == 'RFC '*' from '* ]] && break
done
kill -KILL "${pid[d]}"
timeout "$patience" cat <&"$said" >>g.err || fail 'get does not end'
rc=0
wait "${pid[g]}" || rc=$?
((rc == 1)) || fail "get ended with $rc"
unset 'pid[g]' 'pid[d]'
has g.err 'more RFCs failed in the same way; -v tells each' 'of 40 RFCs failed'
(($(grep -c '^p2pdi: RFC 91.. failed' g.err) < 20)) || fail "each failure is told: $(<g.err)"

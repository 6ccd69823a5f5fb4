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

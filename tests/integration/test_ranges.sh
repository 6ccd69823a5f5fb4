#!/bin/bash
# A large document comes from three slow holders at once. The receiver is killed (-9) in the middle: what lies on the
# disk then are the document's first bytes and nothing else, and the next run goes on behind them.
# shellcheck source=tests/torture/swarm.sh
source "$(dirname "$0")/../torture/swarm.sh"

text truth 91001 1500000
size=$(stat -c %s truth/rfc91001.txt)
start_rs rs
for i in 1 2 3; do
    serve "b$i" truth --up 150k
    enlist "$rs" "${port[b$i]}"
done
receive() {
    start a get 91001 --rs "$rs" --share a.rfcs --state a.state --listen 127.0.0.1:0 --compress never --json --trace
}
requests() { grep -c '^ *GET RFC 91001 ' a.err || true; }
part_size() { stat -c %s a.rfcs/.rfc91001.*.part 2>/dev/null || echo 0; }

# A download that ends before its kill, because the machine had other things to do, begins anew.
had=0
for ((try = 0; try < 50 && had == 0; try++)); do
    rm -rf a.rfcs
    truncate -s 0 a.err
    receive
    looks=0
    until (($(requests) >= 6 && $(part_size) >= 100000)) || [[ -e a.rfcs/rfc91001.txt ]]; do
        ((++looks < patience * 20)) || fail "neither done nor helped: $(requests) requests, $(part_size) bytes"
        read -r -t 0.05 <>"$work/a.in" || true
    done
    kill -KILL "${pid[a]}" 2>/dev/null || true
    { wait "${pid[a]}" || true; } 2>/dev/null
    unset "pid[a]"
    had=$(part_size)
done
((had >= 100000 && had < size)) || fail "$had bytes of $size are here"
cmp -n "$had" a.rfcs/.rfc91001.*.part truth/rfc91001.txt || fail "what is here are not the document's first bytes"

truncate -s 0 a.err
receive
event a 'done'
(($(field wire_bytes) <= size - had)) || fail "came again: $(field wire_bytes) of $((size - had))"
ended a 0
diff -r truth a.rfcs
[[ $(find a.rfcs -type f | wc -l) == 1 ]] || fail "something was left: $(ls -A a.rfcs)"
first=$(sed -nE 's/^ *Range: bytes=([0-9]+)-.*/\1/p' a.err | sort -n | head -n 1)
((first >= had)) || fail "asked for from byte $first, $had were here"
for i in 1 2 3; do
    say "b$i" quit
    ended "b$i" 0
done

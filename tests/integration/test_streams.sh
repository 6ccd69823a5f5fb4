#!/bin/bash
# Results on standard output, everything else on standard error; with --json nothing but JSON objects on
# standard output, flushed line by line.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

document b.rfcs 8609
document b.rfcs 8610
start_rs rs
start_peer b
b=$at
say b 'wait rfcs 2 timeout 60' register
event b registered
b_id=$(field peer)
asked=(--rs "$rs" --listen 127.0.0.1:0 --share a.rfcs --state "$work/a.state")

# text
expect 0 text peer -c 'register; pquery; rfcquery; get all; leave' "${asked[@]}"
[[ ! -s text.log ]] || fail "standard output: $(<text.log)"
[[ $(head -n 1 text.err) == 'listening 127.0.0.1:'* ]] || fail "not listening first: $(head -n 1 text.err)"
has text.err 'registered as peer' '1 peer is active' 'RFC 8609 from' '2 files' left
expect 0 tables peer -q -c 'wait rfcs 2 timeout 60; register; pquery; peers; index; transfers; status' "${asked[@]}"
[[ $(grep -vc '^listening ' tables.err) == 0 ]] || fail "-q says: $(<tables.err)"
has tables.log 'Hostname' 'Active Flag' 'Listening Port' 'Most Recent Registration' \
    'The Test Document Number 8609' 'registered: yes'
expect 0 peers peers --rs "$rs"
[[ ! -s peers.err ]] || fail "standard error: $(<peers.err)"
[[ $(wc -l <peers.log) == 2 ]] || fail "not one peer: $(<peers.log)"
expect 0 ls ls --rs "$rs" 8600-8609
[[ $(wc -l <ls.log) == 2 ]] || fail "not one RFC: $(<ls.log)"
has ls.log "8609" " $b_id "
expect 0 help get --help
[[ ! -s help.err ]] || fail "help on standard error"
expect 0 version --version
[[ $(<version.log) == 'p2pdi '* ]] || fail "version: $(<version.log)"

# On a terminal `get` draws a bar, and takes it away before the last line.
rm -rf a.rfcs
if script -qec true /dev/null </dev/null >/dev/null 2>&1; then # there is a pseudo-terminal
    TERM=xterm script -qec "stty cols 80; '$P2PDI' get all ${asked[*]}" /dev/null </dev/null >screen.log
    grep -qE 'looking for holders|[0-2]/2 files' screen.log || fail "no bar: $(cat -v screen.log)"
    has screen.log $'\r\033[J' '2 files, '
    has_not screen.log 'RFC 8609 from'
    [[ $(tail -c 3 screen.log) == $'\033[J' ]] || fail "the bar is still there: $(cat -v screen.log)"
fi

# JSON
rm -rf a.rfcs
expect 1 events peer --json -c 'register; pquery; rfcquery; get all; peers; index; transfers; status; leave; get 1 from 99' \
    "${asked[@]}"
expect 0 ls-events ls --json --rs "$rs"
expect 0 peers-events peers --json --rs "$rs"
has events.err "there is no peer '99'"
[[ $(head -n 1 events.log) == '{"v":1,"event":"listening",'* ]] || fail "not listening first"
for name in registered peers index start 'done' complete entry transfer status left error; do
    has events.log "{\"v\":1,\"event\":\"$name\",\"t\":"
done
has ls-events.log '"event":"entry"' '"title":"The Test Document Number 8609"' "\"from\":\"$b\""
valid() {
    if command -v jq >/dev/null; then
        jq -e . >/dev/null
    elif command -v python3 >/dev/null; then
        python3 -c 'import json, sys
for line in sys.stdin: json.loads(line)'
    else
        cat >/dev/null
    fi
}
for file in events ls-events peers-events; do
    valid <"$file.log" || fail "$file.log is not JSON"
done

# A reader that goes away is no error; a disk that is full is one.
"$P2PDI" ls --rs "$rs" 2>closed.err | head -n 0
[[ ! -s closed.err ]] || fail "a closed pipe: $(<closed.err)"
for closed in "ls --rs $rs" '--help'; do
    rc=0
    # shellcheck disable=SC2086 # words
    "$P2PDI" $closed >&- 2>closed.err || rc=$?
    ((rc == 1)) || fail "$closed with standard output closed: exit code $rc"
    has closed.err 'standard output cannot be written'
done
if [[ -w /dev/full ]]; then
    rc=0
    "$P2PDI" ls --rs "$rs" >/dev/full 2>full.err || rc=$?
    ((rc == 1)) || fail "a full disk: exit code $rc"
    has full.err 'standard output cannot be written'
fi

# Commands from a file and from standard input do what -c does.
printf 'register # first\npquery; quit\nnonsense is not reached\n' >script
expect 2 file peer --batch script "${asked[@]}"
printf 'register # first\npquery; quit\n' >script
expect 0 file peer --batch script --json "${asked[@]}"
has file.log '"event":"left"'
"$P2PDI" peer --batch --json "${asked[@]}" <script >stdin.log 2>stdin.err
has stdin.log '"event":"left"'

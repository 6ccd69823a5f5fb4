#!/bin/bash
# Each exit code of the contract, really produced, and what is said with it.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

document b.rfcs 8609
document b.rfcs 8610
document b.rfcs 8611
start_rs rs
start_peer b
b=$at
say b 'wait rfcs 3 timeout 60' register
event b registered
asked=(--rs "$rs" --listen 127.0.0.1:0 --share a.rfcs --state "$work/a.state")

# 0, in text and as events
expect 0 get0 get 8609 "${asked[@]}"
cmp a.rfcs/rfc8609.txt b.rfcs/rfc8609.txt
has get0.err "RFC 8609 from $b" '1 file,'
expect 0 again get 8609 "${asked[@]}" --json
has again.log '"event":"complete"' '"files":0'

# 0: help, asked for in either way
expect 0 help1 help get
expect 0 help2 get --help
cmp help1.log help2.log
has help1.log 'p2pdi get'
expect 0 help3 help
expect 0 help4 --help
cmp help3.log help4.log
expect 2 help5 help gte
has help5.err 'no such command' '  try: p2pdi get'

# 1: some came, some did not
expect 1 get1 get 8610 9999 "${asked[@]}"
cmp a.rfcs/rfc8610.txt b.rfcs/rfc8610.txt
has get1.err 'RFC 9999 failed' "$b" '1 of 2 RFCs failed' '  try: '
expect 1 wait1 peer -c 'register; wait peers 5 timeout 0.2' "${asked[@]}"
has wait1.err 'wait: 1 of 5 peers' 'timed out'

# 2: options, configuration, batch commands
expect 2 bare
has bare.err 'a command is missing' '  try: p2pdi --help'
has_not bare.err 'missing:'
expect 2 command gte 8609
has command.err 'no such command' '  try: p2pdi get'
expect 2 option get 8609 --shrae x
has option.err '--shrae' '  try: p2pdi get --share'
expect 2 number get abc
has number.err "'abc' is no RFC number"
expect 2 script peer -c 'register; gte 1' "${asked[@]}"
has script.err "-c: there is no batch command 'gte'" '  try: get'
has_not script.err listening
expect 2 nothing peer -c 'xyzzy' "${asked[@]}"
has nothing.err '  try: p2pdi help batch'
expect 0 language help batch
has language.log '  get N...' '  quit'
expect 0 helps peer -c 'help; ?' "${asked[@]}"
(($(grep -c '  quit' helps.log) == 2)) || fail "help does not list: $(<helps.log)"
expect 0 helpjson peer --json -c help "${asked[@]}"
has_not helpjson.log quit
has helpjson.err '  quit'
expect 2 file peer script.txt "${asked[@]}"
has file.err 'needs --batch'
expect 2 renew peer -c keepalive "${asked[@]}"
has renew.err 'not registered' '  try: register first'
mkdir -p "$XDG_CONFIG_HOME/p2pdi"
printf '# mine\n\nworker = 3\n' >"$XDG_CONFIG_HOME/p2pdi/config"
expect 2 config ls
has config.err "$XDG_CONFIG_HOME/p2pdi/config:3: worker" '  try: workers = '
rm "$XDG_CONFIG_HOME/p2pdi/config"
expect 2 json get --json
has json.log '"event":"error"' '"hint":"p2pdi get --help"'

# an empty list is no failure
start_rs empty
expect 0 ls0 ls --rs "$rs"
has ls0.err 'no peer is active'
expect 0 peers0 peers --json --rs "$rs"
has peers0.log '"count":0'

# 3: nobody listens where this server was
start_rs gone
nowhere=$rs
kill -TERM "${pid[gone]}"
ended gone 143
for command in 'get 8611' peers ls; do
    # shellcheck disable=SC2086 # two words
    expect 3 no-rs $command --rs "$nowhere"
    has no-rs.err "$nowhere" '  try: '
done
expect 3 no-rs peer -c register --rs "$nowhere" --share a.rfcs --state "$work/a.state"
has no-rs.err 'connection refused'
expect 0 forgiven peer -c '-register; status' --rs "$nowhere" --share a.rfcs --state "$work/a.state"
has forgiven.log 'registered: no'
expect 3 no-rs get 8611 --rs "$nowhere" --share none --state "$work/a.state"
[[ ! -e none ]] || fail "an empty library was left behind"
# who mistypes it is told, after where it listens
expect 0 typo peer -c quit --share none --listen 127.0.0.1:0 --state "$work/a.state"
[[ $(sed -n 2p typo.err) == *'made the library none'* ]] || fail "nothing about the library: $(<typo.err)"
[[ ! -e none ]] || fail "an empty library was left behind"
expect 3 no-name peers --rs no-such-host.invalid
has no-name.err 'no-such-host.invalid' '  try: getent hosts no-such-host.invalid'

# another program there, such as a peer
expect 3 other peers --rs "$b"
has other.err "$b" 'not a registration server' '  try: check --rs'

# 4: nobody has it; the holders that were asked are named
rs=127.0.0.1:${asked[1]#*:}
expect 4 get4 get 9999 "${asked[@]}"
has get4.err 'RFC 9999 failed' "$b" '  try: '
expect 4 get4 get 9000-9010 "${asked[@]}"
expect 4 ls4 ls 9999 --rs "$rs"
has ls4.err 'nobody has 9999' '  try: p2pdi peers'

# 5: a holder announces another SHA-256 than that of what it sends, because its cache of hashes is wrong
document liar.rfcs 8700
sum=$(sha256sum <liar.rfcs/rfc8700.txt | cut -d' ' -f1)
expect 0 fill peer --rs "$rs" --listen 127.0.0.1:0 --share liar.rfcs --state "$work/liar.state" \
    -c 'wait rfcs 1 timeout 60'
cache=$(echo "$work"/liar.state/*/hashes.db)
pattern=$(printf %s "$sum" | sed 's/../\\x&/g')
offset=$(LC_ALL=C grep -obUaP -m 1 "$pattern" "$cache" | head -n 1 | cut -d: -f1)
[[ -n $offset ]] || fail "no hash in $cache"
printf '\377\377' | dd of="$cache" bs=1 seek="$offset" conv=notrunc status=none
start_peer liar
liar=$at
say liar 'wait rfcs 1 timeout 60' register
event liar registered
expect 5 get5 get 8700 "${asked[@]}"
has get5.err "$liar content did not match its SHA-256" '  try: '
[[ ! -e a.rfcs/rfc8700.txt ]] || fail "a document with the wrong content is visible"
# the same with an honest holder as well
cp liar.rfcs/rfc8700.txt b.rfcs/
say b 'wait rfcs 4 timeout 60' status
event b status
expect 0 honest get 8700 "${asked[@]}"
cmp a.rfcs/rfc8700.txt b.rfcs/rfc8700.txt

# 6: port, state, library, file
expect 6 bind rs --listen "$b" --state "$work/other"
has bind.err "$b" 'already in use' '  try: '
expect 6 bind peer --rs "$rs" --listen "$b" --share a.rfcs --state "$work/a.state" -c quit
expect 6 locked peer --rs "$rs" --share b.rfcs --state "$work/b.state" -c quit
has locked.err 'another p2pdi' '  try: '
touch plain
expect 6 share get 1 --rs "$rs" --share plain/rfcs --state "$work/a.state"
has share.err plain/rfcs '  try: '
expect 6 state rs --listen 127.0.0.1:0 --state plain/state
has state.err plain/state '  try: '
expect 6 out experiment --out plain/R
has out.err plain/R '  try: '
has_not out.log Task
expect 2 out experiment --rfcs none --out R
[[ ! -e R ]] || fail "a directory for no report was left behind"
expect 6 script peer --batch no-such-file --rs "$rs" --share a.rfcs --state "$work/a.state"
has script.err no-such-file

# 130 and 143: after leaving
for signal in INT:130 TERM:143 HUP:143; do
    start_peer c
    say c register hold
    event c registered
    kill "-${signal%:*}" "${pid[c]}"
    event c left
    ended c "${signal#*:}"
done
# while it waits for something else
start_peer c
say c 'wait rfcs 5'
kill -INT "${pid[c]}"
ended c 130
# a second signal does not wait for a server that is silent
start_peer e
say e register hold
event e registered
kill -STOP "${pid[rs]}"
kill -INT "${pid[e]}"
kill -TERM "${pid[e]}"
ended e 143
has_not e.log '"left"'
kill -CONT "${pid[rs]}"
# a daemon without terminal and commands registers by itself
start d peer --json --rs "$rs" --listen 127.0.0.1:0 --share d.rfcs --state "$work/d.state"
event d registered
kill -TERM "${pid[d]}"
event d left
ended d 143

# hold ends with standard input, the script with its last line
start_peer c
say c register hold
event c registered
close_input c
event c left
ended c 0

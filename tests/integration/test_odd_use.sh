#!/bin/bash
# Odd environments, configurations, options, scripts and streams: each is refused with its exit code and a word
# that helps, or does what it can.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

document b.rfcs 8609
start_rs rs
start_peer b
b=$at
say b 'wait rfcs 1 timeout 60' register
event b registered
asked=(--rs "$rs" --listen 127.0.0.1:0 --share a.rfcs --state "$work/a.state")

# under ENVIRONMENT... -- CODE NAME ARGUMENT...: expect, with these variables.
under() {
    local set=() want=0 name=''
    while [[ $1 != -- ]]; do set+=("$1") && shift; done
    want=$2 name=$3
    shift 3
    local rc=0
    timeout "$patience" env "${set[@]}" "$P2PDI" "$@" >"$name.log" 2>"$name.err" </dev/null || rc=$?
    ((rc == want)) || fail "${set[*]} p2pdi $*: exit code $rc, not $want: $(<"$name.err")"
}

# environments
under -u HOME -u XDG_CONFIG_HOME -u XDG_STATE_HOME -- 0 nohome peer --print-config
under HOME= XDG_CONFIG_HOME=relative XDG_STATE_HOME=relative -- 0 relative peer --print-config
under -u HOME -u XDG_STATE_HOME -- 6 nostate peer -c status --rs "$rs" --listen 127.0.0.1:0 --share a.rfcs
has nostate.err --state
under P2PDI_WORKERS= -- 0 empty peer --print-config
under P2PDI_WORKERS=many -- 2 many peer --print-config
has many.err P2PDI_WORKERS
under P2PDI_RS="$rs" -- 0 rs peers
has rs.log "${b%:*}"

# configurations
mkdir -p conf/p2pdi
config=conf/p2pdi/config
head -c 70000 /dev/zero | tr '\0' '#' >$config
under XDG_CONFIG_HOME="$work/conf" -- 2 large peer --print-config
has large.err "$config"
printf 'workers = 3\0\n' >$config
under XDG_CONFIG_HOME="$work/conf" -- 2 nul peer --print-config
printf 'workers = 3 # three\r\n\r\n   # no more\n rs=127.0.0.1 ' >$config
under XDG_CONFIG_HOME="$work/conf" -- 0 crlf peer --print-config
has crlf.log "$config"
printf 'workers\n' >$config
under XDG_CONFIG_HOME="$work/conf" -- 2 novalue peer --print-config
has novalue.err "$config:1"
printf '= 3\n' >$config
under XDG_CONFIG_HOME="$work/conf" -- 2 nokey peer --print-config
printf 'workers = 3\nmanual = maybe\n' >$config
under XDG_CONFIG_HOME="$work/conf" -- 2 maybe peer --print-config
has maybe.err "$config:2"
rm $config && mkdir $config
under XDG_CONFIG_HOME="$work/conf" -- 2 directory peer --print-config
has directory.err 'it is a directory'

# options
expect 2 none completion
expect 2 fish2 completion nosuch
for shell in bash zsh fish; do
    expect 0 "$shell" completion "$shell"
    [[ -s $shell.log ]] || fail "no completion for $shell"
done
for command in rs peer get ls peers experiment demo; do
    expect 0 "help.$command" "$command" --help
    has "help.$command.log" "p2pdi $command" Examples
    (($(wc -l <"help.$command.log") <= 24)) || fail "the help of $command does not fit one screen"
    expect 0 "version.$command" "$command" -V
done
expect 0 h -h
expect 2 word "$(printf 'x%.0s' {1..200})"
has_not word.err 'try: p2pdi x'
expect 2 listen peer -c status --rs "$rs" --share a.rfcs --listen 127.0.0.1:99999
has listen.err 99999
expect 6 bind peer -c status --rs "$rs" --share a.rfcs --state "$work/a.state" --listen 192.0.2.1:0
expect 2 rsport peers --rs 127.0.0.1:x
has rsport.err "'127.0.0.1:x' is not HOST or HOST:PORT with a port from 1 to 65535"
expect 2 rsempty peers --rs ,
expect 2 rsmany peers --rs 1,2,3,4,5,6,7,8,9
has rsmany.err 'at most 8'
expect 0 noneed get --print-config
has noneed.log 'share = '
expect 2 which get
has which.err 'get: which RFCs?'
has_not which.err 'N...'
expect 3 rstwo peers --rs 127.0.0.1:1,127.0.0.1:2
expect 0 rsnext peers --rs "127.0.0.1:1,$rs"
expect 2 rate get 1 "${asked[@]}" --up 5
expect 2 rate2 get 1 "${asked[@]}" --down 1x
expect 0 rate3 peer -c status "${asked[@]}" --up 0 --down 1m
expect 2 workers rs --workers 0 --print-config
expect 2 task experiment --task nosuch
expect 6 state rs --listen 127.0.0.1:0 --state "$work/$(printf 'd%.0s' {1..250})/$(printf 'd%.0s' {1..4000})"
expect 2 two peer -c status script.txt "${asked[@]}"
expect 0 split peer -c status -c index "${asked[@]}" --listen '127.0.0.1'
expect 0 dash ls --rs "$rs" -- 8609
expect 4 nothing ls --rs "$rs" 99999
expect 4 pattern ls --rs "$rs" 'no such title'
expect 4 wrongwords ls --rs "$rs" no such title
has wrongwords.err 'nobody has no such title: the active peers hold nothing like it'
for words in 'document number' 'DOCUMENT 8609' rfc8609 RFC8609.txt 1,8609 '1, 8600-8609'; do
    # shellcheck disable=SC2086 # words, as a shell hands them over
    expect 0 words ls --rs "$rs" $words
    has words.log 'The Test Document Number 8609'
done
rm -rf a.rfcs
expect 0 commas get rfc8609,RFC8609.txt 8609-8609, "${asked[@]}"
cmp a.rfcs/rfc8609.txt b.rfcs/rfc8609.txt
rm -rf a.rfcs
expect 0 named peer -c "get rfc8609; index RFC8609" "${asked[@]}"
has named.log 'The Test Document Number 8609'
expect 0 help ls --help
has help.log 'p2pdi ls caching architecture'
rm -rf a.rfcs

# scripts
expect 6 nofile peer --batch nosuch.txt "${asked[@]}"
has nofile.err nosuch.txt '  try: p2pdi peer --batch FILE'
expect 6 directory peer --batch "$work" "${asked[@]}"
has directory.err "cannot read $work: it is a directory"
printf '# a comment\r\nstatus\r\n\n; ;status ; # another\n-get 1 from 999\nsleep 0.01\nquit\nget 99999\n' >script.txt
expect 0 file peer --batch script.txt "${asked[@]}"
(($(grep -c 'registered: no' file.log) == 2)) || fail "status was not printed twice: $(<file.log)"
has file.err "there is no peer '999'"
{
    printf 'get '
    head -c 2000000 /dev/zero | tr '\0' 1
    printf '\n'
} >long.txt
expect 2 long peer --batch long.txt "${asked[@]}"
printf 'sta\0tus\n' >nul.txt
expect 2 nulscript peer --batch nul.txt "${asked[@]}"
expect 1 unknown peer -c 'rfcquery 999' "${asked[@]}"
expect 1 refused peer -c 'rfcquery 127.0.0.1:1' "${asked[@]}"
expect 0 anyway peer -c "-rfcquery 127.0.0.1:1; rfcquery $b; index 'no such'; index 86??; get 8609 from $b; transfers" "${asked[@]}"
cmp a.rfcs/rfc8609.txt b.rfcs/rfc8609.txt
has anyway.err "nobody has 'no such': the active peers hold nothing like it"

# Nobody has to know that the list of peers comes first.
rm -rf c.rfcs
fresh=(--rs "$rs" --listen 127.0.0.1:0 --share c.rfcs --state "$work/c.state")
expect 0 atonce peer -c 'rfcquery; index document number; index no such' "${fresh[@]}"
has atonce.err '1 peer is active' '1 RFCs known, 1 copies' 'nobody has no such: the active peers hold nothing like it'
has atonce.log 'The Test Document Number 8609'
(($(wc -l <atonce.log) == 2)) || fail "an empty table was printed: $(<atonce.log)"
expect 0 unasked peer -c 'index; pquery; index' "${fresh[@]}"
(($(grep -c 'nothing to list: no peer was asked what it holds: rfcquery does' unasked.err) == 2)) ||
    fail "no word of rfcquery: $(<unasked.err)"
expect 3 noserver peer -c rfcquery --rs 127.0.0.1:1 "${fresh[@]:2}"
expect 1 wait peer -c 'wait rfcs 5 timeout 0' "${asked[@]}"
expect 0 stdin peer --batch "${asked[@]}"

# streams
[[ ! -e /dev/full ]] || {
    rc=0
    "$P2PDI" man >/dev/full 2>full.err || rc=$?
    ((rc == 1)) || fail "a full disk behind standard output: $rc"
    has full.err 'standard output cannot be written'
}
"$P2PDI" --version <&- >version.log 2>&- || fail "without standard input and error"
has version.log p2pdi
rc=0
"$P2PDI" peers --rs "$rs" <&- >&- 2>&- || rc=$?
((rc <= 1)) || fail "without any stream: $rc"

# signals
start_peer c
say c hold
kill -INT "${pid[c]}"
ended c 130
start_rs d
kill -TERM "${pid[d]}"
ended d 143

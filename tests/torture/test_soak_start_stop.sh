#!/bin/bash
# Programs are started and ended by SIGTERM at random moments, over and over: receivers in the middle of a download, peers
# that serve, servers under load. Each ends within two seconds, says so by its exit code, has left the server
# and forgotten nothing.
# shellcheck source=tests/torture/lib.sh
source "$(dirname "$0")/lib.sh"

rounds=${ROUNDS:-$(full 20 10000)} limit_us=$(full 10000000 2000000)
[[ ${VARIANT-release} == release ]] || limit_us=20000000

for ((i = 0; i < 60; i++)); do document b.rfcs $((91000 + i)) $((50 + 37 * i)); done
(cd b.rfcs && sha256sum rfc*.txt) >sums
start_rs rs
start_peer b --up 4m
holder=$at
say b 'wait rfcs 60 timeout 60' register
event b registered

# counter ADDRESS NAME: of that program's.
counter() { curl -fsS "http://$1/metrics" | sed -n "s/^p2pdi_$2{.*} //p"; }

# ledger COMMAND...: tells the load generator.
ledger() {
    echo "$*" >&"${ledger[1]}"
    IFS= read -r -t $((patience * 4)) -u "${ledger[0]}" _ || fail "round $round: the ledger: $(tail -n 1 ledger.err)"
}
coproc ledger { exec "$(tool rs_ledger)" 4 500 "$SEED" 2>ledger.err; }
pid[ledger]=$!

# stop NAME CODE...: by SIGTERM; it has to end in time, with one of these codes. Those that are late are counted.
slowest=0 late=0
stop() {
    local name=$1 before rc=0 took fd=${out[$1]}
    shift
    before=${EPOCHREALTIME/./}
    kill -TERM "${pid[$name]}" 2>/dev/null || true
    timeout "$patience" cat <&"$fd" >>"$name.log" || fail "round $round: $name does not end"
    { wait "${pid[$name]}"; } 2>/dev/null || rc=$?
    took=$((${EPOCHREALTIME/./} - before))
    exec {fd}<&-
    close_input "$name"
    unset "pid[$name]" "out[$name]"
    ((took <= slowest)) || slowest=$took
    [[ " $* " == *" $rc "* ]] || fail "round $round: $name ended with $rc"
    if ((took >= limit_us)); then
        echo "${what:-round $round}: $name took $took us to end"
        ((late += 1))
    fi
}

# a_moment MS: as long as is drawn, below that. Nothing is waited for but time.
a_moment() { read -r -t "0.$(printf %06d $((RANDOM * 1000 * $1 / 32768)))" -u "$never" _ || true; }
mkfifo never
exec {never}<>never

declare -A count=([get]=0 [peer]=0 [rs]=0)
mkdir a.rfcs
for ((round = 0; round < rounds; round++)); do
    truncate -s 0 a.err a.log c.err c.log d.err d.log
    kind="get"
    ((round % 3 != 1)) || kind=peer
    ((round % 10 != 9)) || kind=rs
    case $kind in
    get)
        start a get all --rs "$rs" --share a.rfcs --state a.state --listen 127.0.0.1:0 --json
        a_moment 200
        stop a 143 0
        (cd a.rfcs && find . -name 'rfc*.txt' -printf '%f\n') >visible
        grep -F -f visible sums >expected || true
        [[ ! -s visible ]] || (cd a.rfcs && sha256sum --quiet -c ../expected) || fail "round $round: a wrong document"
        (($(grep -c '' visible) < 60)) || rm -rf a.rfcs a.state
        mkdir -p a.rfcs
        ;;
    peer)
        # It registers by itself and downloads what it lacks while it serves.
        start a peer --rs "$rs" --share a.rfcs --state a.state --listen 127.0.0.1:0 --json -c 'register; get all; hold'
        a_moment 200
        stop a 143
        ;;
    rs)
        start d rs --listen 127.0.0.1:0 --state "$work/d.state" --json
        event d listening
        ledger load "$(field port)"
        a_moment 300
        stop d 143
        start d rs --listen 127.0.0.1:0 --state "$work/d.state" --json
        event d listening
        ledger check "$(field port)"
        stop d 143
        ;;
    esac
    ((count[$kind] += 1))
    # Only the holder is left: whoever had registered has left.
    [[ $kind == rs ]] || [[ $(counter "$rs" peers_active) == 1 ]] ||
        fail "round $round: the server still has $(curl -fsS "http://$rs/peers.tsv")"
done

usual=$slowest slowest=0

# The worst that can stand in the way: a server that hangs, and clients that do not read.
cp b.rfcs/rfc91059.txt a.rfcs
for ((i = 0; i < 40; i++)); do cat b.rfcs/*.txt; done >a.rfcs/rfc90001.txt
for ((round = 0; round < $(full 1 20); round++)); do
    what="a server that hangs, round $round"
    start a peer --rs "$rs" --share a.rfcs --state a.state --listen 127.0.0.1:0 --json -c 'wait rfcs 1; register; hold'
    event a listening
    port=$(field port)
    event a registered
    held=()
    for ((i = 0; i < 20; i++)); do
        exec {fd}<>"/dev/tcp/127.0.0.1/$port"
        printf 'GET /rfc/90001.txt HTTP/1.1\r\n\r\n' >&"$fd"
        read -r -t "$patience" -u "$fd" line
        held+=("$fd")
    done
    kill -STOP "${pid[rs]}"
    stop a 143
    kill -CONT "${pid[rs]}"
    for fd in "${held[@]}"; do exec {fd}>&-; done
    # What it had sent is carried out when the server goes on.
    SECONDS=0
    until [[ $(counter "$rs" peers_active) == 1 ]]; do
        ((SECONDS < patience)) || fail "$what: its LEAVE was never sent"
    done
done

registered=$(counter "$rs" register_total) left=$(counter "$rs" leave_total)
figures="$rounds starts and stops (${count[get]} receivers, ${count[peer]} peers, ${count[rs]} servers under load):"
figures+=" slowest end $((usual / 1000)) ms, with a server that hangs and clients that do not read $((slowest / 1000)) ms;"
figures+=" $late later than $((limit_us / 1000)) ms; $((registered - 1)) registrations, $left left"
((late == 0)) || fail "$figures"
row "$figures"
curl -fsS "http://$holder/rfc/91007.txt" | cmp - b.rfcs/rfc91007.txt
say b quit
ended b 0

#!/bin/bash
# State that was torn, cut off or zeroed while nobody looked: the registration server starts with everything or
# refuses with the command that mends it, and never comes up emptier in silence; a peer registers as new, hashes
# again or fetches again, says so, and serves only what is right.
# shellcheck source=tests/torture/lib.sh
source "$(dirname "$0")/lib.sh"

# draw N: a number below it.
draw() { echo $(((RANDOM * 32768 + RANDOM) % $1)); }

ledger() {
    echo "$*" >&"${ledger[1]}"
    IFS= read -r -t $((patience * 4)) -u "${ledger[0]}" _ || fail "$what: $(tail -n 1 ledger.err)"
}

# counter NAME: of the server's.
counter() { curl -fsS "http://$rs/metrics" | sed -n "s/^p2pdi_$1{.*} //p"; }

# ---- a registry with records, as it lies there after a stop and after a kill ----------------------------------

coproc ledger { exec "$(tool rs_ledger)" 8 2000 "$SEED" 2>ledger.err; }
pid[ledger]=$!
what='at first'
start_rs rs
ledger load "${rs##*:}"
until (($(counter register_total) >= $(full 300 3000))); do :; done
kill -KILL "${pid[rs]}"
{ ended rs 137; } 2>/dev/null
cp -r rs.state killed
restart_rs rs
ledger all "${rs##*:}"
records=$(counter peers_known) # also those whose answer it did not live to give
kill -TERM "${pid[rs]}"
ended rs 143
cp -r rs.state stopped
db=rs/records.db

# try: starts the server with what is in rs.state. $verdict: whole, refused, fewer.
try() {
    truncate -s 0 rs.err
    start rs rs --listen 127.0.0.1:0 --state "$work/rs.state" --json
    while IFS= read -r -t "$patience" -u "${out[rs]}" line && [[ $line != *'"listening"'* ]]; do :; done
    if [[ $line != *'"listening"'* ]]; then
        ended rs 6
        # It names the command, and that is one that works.
        command=$(sed -n "s/.*\(cd '[^']*' && for f in records.db\*; do mv \"\$f\" \"damaged-\$f\"; done\).*/\1/p" rs.err |
            tail -n 1)
        [[ -n $command ]] || { cat rs.err; fail "$what: refused without the command that mends it"; }
        verdict=refused
        return
    fi
    rs=127.0.0.1:$(field port)
    known=$(counter peers_known)
    verdict=fewer # $known: how many
    if ((known == records)); then
        ledger all "${rs##*:}"
        verdict=whole
    fi
    kill -TERM "${pid[rs]}"
    ended rs 143
}

# damage FROM HOW...: a copy of that state is damaged and tried; whole and refused are both right.
declare -A count=([whole]=0 [refused]=0)
damage() {
    local from=$1
    shift
    what="$from, $*"
    rm -rf rs.state
    cp -r "$from" rs.state
    (cd rs.state && "$@") 2>/dev/null
    try
    [[ $verdict != fewer ]] || fail "$what: comes up with $known of $records records and says nothing"
    ((count[$verdict] += 1))
}

cut_at() { truncate -s "$2" "$1"; }
zero_at() { dd if=/dev/zero of="$1" bs="$2" seek="$3" count=1 conv=notrunc status=none; }
noise_at() { dd if=/dev/urandom of="$1" bs=4096 seek="$2" count=1 conv=notrunc status=none; }

size=$(stat -c %s "stopped/$db")
for at in 0 1 15 16 99 100 4095 4096 8192 $((size - 4096)) $((size - 1)); do damage stopped cut_at "$db" "$at"; done
for ((i = 0; i < $(full 4 200); i++)); do damage stopped cut_at "$db" "$(draw "$size")"; done
for ((i = 0; i < $(full 8 400); i++)); do damage stopped zero_at "$db" 512 "$(draw $((size / 512)))"; done
for ((i = 0; i < $(full 4 200); i++)); do damage stopped noise_at "$db" "$(draw $((size / 4096)))"; done
damage killed rm "$db"
damage killed cut_at "$db" 0
damage killed rm -f "$db-shm"
damage killed cut_at "$db-shm" 100

# What the refusal says to do.
damage stopped cut_at "$db" 5000
(eval "$command")
try
[[ $verdict == fewer && $known == 0 ]] || fail "after $command: $verdict"

# A log that is cut off holds its transactions up to there: the later the cut, the more there is.
size=$(stat -c %s "killed/$db-wal")
truncate -s 0 cuts
for ((i = 0; i < $(full 4 100); i++)); do
    at=$(draw "$size")
    what="the log is cut off at $at"
    rm -rf rs.state
    cp -r killed rs.state
    truncate -s "$at" "rs.state/$db-wal"
    try
    [[ $verdict != refused ]] || fail "$what: refused"
    echo "$at $known" >>cuts
    ((count[log] += 1))
done
sort -n cuts | awk '$2 < last { exit 1 } { last = $2 }' || fail "a longer log has fewer records: $(sort -n cuts | tr '\n' ';')"
fd=${ledger[1]}
exec {fd}>&-
wait "${pid[ledger]}"
unset 'pid[ledger]'

# ---- a peer ---------------------------------------------------------------------------------------------------

mkdir b.rfcs a.rfcs
for ((i = 0; i < 40; i++)); do document b.rfcs $((91000 + i)) $((50 + RANDOM % 400)); done
(cd b.rfcs && sha256sum rfc*.txt) >sums
sed -E 's/ +rfc([0-9]+)\.txt/ \1 The Test Document Number \1/' sums | sort >listed
rm -rf rs.state
start_rs rs
start_peer b
say b 'wait rfcs 40 timeout 60' register
event b registered
say b quit
ended b 0
cp -r b.state b.master
cookie=$(cd b.master && echo peer-*/cookie)
hashes=${cookie%/*}/hashes.db

# serve WORD...: damages the peer's state, starts it: it has all documents, rightly, and registers; says WORD.
serve() {
    local word=$1 n
    shift
    what=$*
    rm -rf b.state
    cp -r b.master b.state
    (cd b.state && "$@") 2>/dev/null
    truncate -s 0 b.err
    start_peer b
    say b 'wait rfcs 40 timeout 60' register
    event b registered
    curl -fsS "http://$at/index.tsv" | tail -n +2 | awk -F '\t' '{ print $7, $1, $2 }' | sort | cmp - listed ||
        fail "$what: the index is wrong"
    n=91$(printf %03d $((RANDOM % 40)))
    curl -fsS "http://$at/rfc/$n.txt" | cmp - "b.rfcs/rfc$n.txt" || fail "$what: serves RFC $n wrongly"
    say b quit
    ended b 0
    [[ -z $word ]] || grep -q "$word" b.err || { cat b.err; fail "$what: nothing is said about it"; }
    (cd b.rfcs && sha256sum --quiet -c ../sums) || fail "$what: the library was changed"
    ((count[peer] += 1))
}

length=$(stat -c %s "b.master/$cookie")
for ((cut = 0; cut < length; cut += $(full 7 1))); do serve 'registering as new' cut_at "$cookie" "$cut"; done
size=$(stat -c %s "b.master/$hashes")
for cut in 0 100 4096 $((size - 1)); do serve 'made anew' cut_at "$hashes" "$cut"; done
for ((i = 0; i < $(full 2 100); i++)); do serve '' zero_at "$hashes" 512 "$(draw $((size / 512)))"; done
for ((i = 0; i < $(full 1 50); i++)); do serve '' noise_at "$hashes" "$(draw $((size / 4096)))"; done

# ---- parts of downloads ---------------------------------------------------------------------------------------

# Cut off, zeroed, longer than the document, of no document, or no file at all.
start_peer b
say b 'wait rfcs 40 timeout 60' register
event b registered
for ((round = 0; round < $(full 1 50); round++)); do
    rm -rf a.rfcs
    mkdir a.rfcs
    what="parts, round $round"
    while read -r sum name; do
        part=a.rfcs/.${name%.txt}.$sum.part
        size=$(stat -c %s "b.rfcs/$name")
        case $((RANDOM % 7)) in
        0) head -c "$(draw "$size")" "b.rfcs/$name" >"$part" ;;
        1) cp "b.rfcs/$name" "$part" && zero_at "$part" 512 "$(draw $((size / 512)))" ;;
        2) { cat "b.rfcs/$name" && echo more; } >"$part" ;;
        3) head -c "$(draw "$size")" /dev/urandom >"$part" ;;
        4) cp "b.rfcs/$name" "$part" ;;
        5) : >"$part" ;;
        6) : ;; # nothing of it
        esac
    done <sums
    : >a.rfcs/.rfc91000.0000000000000000000000000000000000000000000000000000000000000000.part
    expect 0 a get all --rs "$rs" --share a.rfcs --state a.state --listen 127.0.0.1:0
    (cd a.rfcs && sha256sum --quiet -c ../sums) || fail "$what: wrong or missing"
    [[ $(find a.rfcs -name 'rfc*.txt' | wc -l) == 40 ]] || fail "$what: more than there is"
    ((count[parts] += 40))
done
say b quit
ended b 0
row "registry $((count[whole] + count[refused])) times (${count[whole]} whole, ${count[refused]} refused with the" \
    "command), log cut ${count[log]} times, peer's state ${count[peer]} times, ${count[parts]} parts"

#!/bin/bash
# Each place in our code that calls for memory, files, sockets, threads or a library's objects fails once, at its
# first call, over as many runs as it takes: a program may then end with one of its exit codes or go on, but it
# neither crashes nor hangs nor leaks nor shows a wrong document, and in the end all works. Then each place again,
# failing for good. In short: a random one of PART=6 places, once. SCENES="get rs" and MODES="once on" choose, RUNS=n limits.
# Not here: getrandom (abort is on purpose), locks, and what libraries do inside.
# shellcheck source=tests/torture/lib.sh
source "$(dirname "$0")/lib.sh"

failing=$(tool failing)
runs=${RUNS:-$(full 40 2000)} part=${PART:-$(full 6 1)}
# Coverage wants all of them, once.
[[ ${VARIANT-} != cover ]] || runs=400 part=1
read -ra modes <<<"${MODES:-$(full once 'once on')}"
all_failed=0 all_runs=0
good=$P2PDI
patience=20

for ((i = 0; i < 6; i++)); do document all.rfcs $((8609 + i)) $((20 + 300 * i)); done
(cd all.rfcs && sha256sum rfc*.txt) >sums

# failed_places: how many have, in this scene.
failed_places() { [[ -s places ]] && od -An -tu4 -N4 places | tr -d ' ' || echo 0; }

# in_order CODE WHAT: a program's end was one of those that are told to users.
in_order() {
    local code=$1
    mv places.log last.log 2>/dev/null || : >last.log
    ((code <= 6 || code == 130 || code == 143)) || fail "$2: ended with $code"
    if grep -qE 'Sanitizer|runtime error|Assertion' ./*.err; then fail "$2: a report"; fi
}

# Whatever is visible is right.
check_documents() {
    local f
    for f in "$1"/rfc*.txt; do
        [[ -e $f ]] || continue
        cmp -s "$f" "all.rfcs/${f##*/}" || fail "$f is wrong"
    done
}

# once ARGUMENT...: the failing program to its end; its exit code is in $code.
once() {
    code=0
    timeout "$patience" "$failing" "$@" >once.log 2>once.err </dev/null || code=$?
    in_order "$code" "$*"
}

scene_get() {
    rm -rf a.rfcs
    once get all --json --rs "$rs" --listen 127.0.0.1:0 --share a.rfcs --state "$work/a.state" --downloads 2
    check_documents a.rfcs
    # Whoever waits for what it says waits for something.
    ((code != 0)) || grep -qE '"event":"(error|peers)"' once.log || fail "neither the peers nor an error was told"
}

scene_batch() {
    rm -rf a.rfcs
    cp -r all.rfcs a.rfcs
    rm a.rfcs/rfc8610.txt
    once peer -v --trace --rs "$rs" --listen 127.0.0.1:0 --share a.rfcs --state "$work/a.state" -c \
        "-register; -pquery; -rfcquery; -get 8610 from $holder; -get missing serial; index; peers; -keepalive;
         transfers; status; -wait rfcs 3 timeout 0.01; -leave"
    check_documents a.rfcs
    code=$(($(find a.rfcs -name 'rfc*.txt' | wc -l) == 6 ? code : 1))
}

# each ARGUMENT...: once, as one of several; $worst is not 0 if one of them did not end well.
each() {
    once "$@"
    worst=$((worst | code))
}

scene_lists() {
    local worst=0
    each ls --rs "$rs" --json
    each ls --rs "$rs"
    each peers --rs "$rs"
    each peers --rs "$rs" --json
    each peer --print-config
    each man
    each completion zsh
    each --help
    code=$worst
}

# serving NAME ARGUMENT...: the failing program as a server; false: it ended, or had no memory to say that it listens.
serving() {
    local name=$1
    P2PDI=$failing start "$@"
    while IFS= read -r -t "$patience" -u "${out[$name]}" line; do
        [[ $line != *'"event":"listening"'* ]] || return 0
    done
    kill -TERM "${pid[$name]}" 2>/dev/null || true
    stopped "$name"
    return 1
}

# stopped NAME: waits for its end, which has been asked for; its exit code is in $code.
stopped() {
    local fd=${out[$1]}
    code=0
    timeout "$patience" cat <&"$fd" >/dev/null || fail "$1 does not end"
    exec {fd}<&-
    unset "out[$1]"
    close_input "$1"
    wait "${pid[$1]}" || code=$?
    unset "pid[$1]"
    in_order "$code" "$1"
    ((code != 143)) || code=0
}

ask() { curl -s -m 10 "$@" >/dev/null 2>&1 || true; }

scene_rs() {
    local to
    rm -rf f.state
    mkdir -p c.rfcs
    serving f rs --json --listen 127.0.0.1:0 --state "$work/f.state" --workers 2 || return 0
    to=127.0.0.1:$(field port)
    timeout "$patience" "$good" peer -q --rs "$to" --listen 127.0.0.1:0 --share c.rfcs --state "$work/c.state" \
        -c '-register; -pquery; -keepalive; -leave' >client.log 2>&1 </dev/null || true
    ask "http://$to/" "http://$to/peers.tsv" "http://$to/peers.json" "http://$to/metrics"
    kill -TERM "${pid[f]}" 2>/dev/null || true # it may have ended by itself
    stopped f
}

scene_peer() {
    local to
    rm -rf c.rfcs c.state
    mkdir -p c.rfcs
    serving f peer --batch --json --rs "$rs" --listen 127.0.0.1:0 --share all.rfcs --state "$work/f.state" \
        --compress always || return 0
    to=127.0.0.1:$(field port)
    say f '-wait rfcs 6 timeout 5' '-register' 'hold'
    timeout "$patience" "$good" peer -q --rs "$rs" --listen 127.0.0.1:0 --share c.rfcs --state "$work/c.state" \
        -c "-register; -pquery; -rfcquery; -get all from $to; -leave" >client.log 2>&1 </dev/null || true
    check_documents c.rfcs
    ask --compressed "http://$to/" "http://$to/index.tsv" "http://$to/index.json" \
        "http://$to/rfc/8609.txt"
    ask -I "http://$to/rfc8610.txt"
    ask -r 5-90 "http://$to/rfc/8611.txt" "http://$to/metrics"
    kill -TERM "${pid[f]}" 2>/dev/null || true # it may have ended by itself
    stopped f
}

# screen KEYS ARGUMENT...: the failing program on a terminal, the keys typed ahead.
screen() {
    code=0
    timeout "$patience" "$(tool on_terminal)" "$(printf '%b' "$1")" "$failing" "${@:2}" >screen.log 2>screen.err \
        </dev/null || code=$?
    in_order "$code" "${*:2}"
}

scene_peer_screen() {
    rm -rf a.rfcs
    screen 'j/rfc\rG1jj\r3D4?q2\r q:index\rqqqy' peer --rs "$rs" --listen 127.0.0.1:0 --share a.rfcs \
        --state "$work/a.state"
    check_documents a.rfcs
}

scene_rs_screen() {
    screen '/127\rjG?q\rqqy' rs --listen 127.0.0.1:0 --state "$work/g.state"
}

scene_lab() {
    once experiment --help
    mkdir -p lab
    once experiment --task 1 --peers 2 --files 3 --out lab
}

# until_all_failed SCENE: until a run ends well in which nothing was left to fail.
until_all_failed() {
    local scene=$1 n before=-1 after
    for ((n = 0; n < runs; n++)); do
        "scene_$scene"
        after=$(failed_places)
        ((code != 0 || after != before)) || break
        before=$after
    done
    echo "$scene${FAILING_STAY:+, for good}: $after places failed in $n runs"
    ((all_failed += after, all_runs += n)) || true
    ((n < runs)) || { [[ -z ${FULL-} ]] || fail "$scene: never well again"; }
}

start_rs rs
cp -r all.rfcs h.rfcs
start_peer h
holder=$at
say h 'wait rfcs 6 timeout 60' register
event h registered

export FAILING_STATE=$work/places FAILING_LOG=$work/places.log FAILING_ONE_IN=$part FAILING_SEED=$SEED
for scene in ${SCENES:-get batch lists rs peer peer_screen rs_screen lab}; do
    for mode in "${modes[@]}"; do
        rm -f places
        case $mode in
        once) until_all_failed "$scene" ;;
        on) FAILING_STAY=1 until_all_failed "$scene" ;;
        *) fail "MODES: $mode?" ;;
        esac
    done
done
row "$all_failed places failed in $all_runs runs; 0 crashes, hangs, leaks or wrong documents"

#!/bin/bash
# A receiver is killed (-9) again and again in the middle of a mirror: nothing visible is ever wrong, nothing
# reported done is lost or fetched again, and a last run completes it. KILLS=n, DOCUMENTS=n; SOURCE=DIR takes a real
# library instead of generated documents.
# shellcheck source=tests/torture/lib.sh
source "$(dirname "$0")/lib.sh"

kills=${KILLS:-$(full 5 1000)} documents=${DOCUMENTS:-$(full 150 500)}

start_rs rs
if [[ -n ${SOURCE-} ]]; then
    ln -s "$SOURCE" b.rfcs
    documents=$(find "$SOURCE/" -name 'rfc[0-9]*.txt' | wc -l)
else
    mkdir b.rfcs
    for ((i = 0; i < documents; i++)); do document b.rfcs $((91000 + i)) $((100 + 977 * i % 1500)); done
fi
start_peer b
say b "wait rfcs $documents timeout 200" register
event b registered

: >done.before
get() { start a get all --rs "$rs" --share a.rfcs --state a.state --listen 127.0.0.1:0 --json; }

# Everything visible is right; everything ever reported done is visible.
check_library() {
    local file
    for file in a.rfcs/*; do
        [[ ! -e $file ]] || cmp -s "$file" "b.rfcs/${file##*/}" || fail "$file is wrong"
    done
    while read -r n; do
        [[ -e a.rfcs/rfc$n.txt ]] || fail "$n was reported done and is not there"
    done <done.before
}

# numbers EVENT FILE: the RFCs of these events.
numbers() { sed -nE "s/.*\"event\":\"$1\".*\"rfc\":([0-9]+).*/\1/p" "$2" | sort -u; }

per_run=$((documents / (kills + 1)))
for ((k = 0; k < kills; k++)); do
    get
    for ((i = RANDOM % (2 * per_run); i > 0; i--)); do
        IFS= read -r -t "$patience" -u "${out[a]}" line || break # it was quicker than that
        printf '%s\n' "$line" >>a.log
    done
    kill -KILL "${pid[a]}" 2>/dev/null || true
    # What was written to the pipe before it died counts as reported.
    timeout "$patience" cat <&"${out[a]}" >>a.log
    wait "${pid[a]}" 2>/dev/null || true
    close_input a
    unset "pid[a]" "out[a]"
    numbers start a.log >started
    comm -12 started done.before >again
    [[ ! -s again ]] || fail "reported done and fetched again: $(tr '\n' ' ' <again)"
    numbers 'done' a.log | sort -u - done.before >done.now
    mv done.now done.before
    : >a.log
    check_library
done

get
event a complete
ended a 0
check_library
diff -r --exclude='.*' --exclude='rfc-index*' --exclude='refs.json' b.rfcs a.rfcs
[[ -z $(find a.rfcs -name '.*.part') ]] || fail "parts are left over: $(ls -A a.rfcs)"
say b quit
ended b 0
row "$kills kills"

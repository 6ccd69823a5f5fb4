#!/bin/bash
# A receiver is killed (-9) at random moments of a download, over and over: nothing visible is ever wrong, nothing
# reported done is lost, and the next run asks for no byte that lay on the disk: only what was in flight is fetched
# again. A download that ends before its kill is compared and begins anew. KILLS=n, DOCUMENTS=n; SOURCE=DIR takes a
# real library.
# shellcheck source=tests/torture/lib.sh
source "$(dirname "$0")/lib.sh"

kills=${KILLS:-$(full 6 1000)} documents=${DOCUMENTS:-$(full 50 500)}

start_rs rs
if [[ -n ${SOURCE-} ]]; then
    ln -s "$SOURCE" b.rfcs
    documents=$(find "$SOURCE/" -name 'rfc[0-9]*.txt' | wc -l)
else
    mkdir b.rfcs
    for ((i = 0; i < documents; i++)); do document b.rfcs $((91000 + i)) $((100 + 977 * i % 1500)); done
fi
(cd b.rfcs && sha256sum rfc[0-9]*.txt) >sums
find -L b.rfcs -name 'rfc[0-9]*.txt' -printf '%f %s\n' | tr -d a-z. >sizes
# Slow enough that a run gets a part of it done.
start_peer b --up 2m
say b "wait rfcs $documents timeout 200" register
event b registered

# numbers EVENT FILE: the RFCs of these events.
numbers() { sed -nE "s/.*\"event\":\"$1\".*\"rfc\":([0-9]+).*/\1/p" "$2" | sort -u; }
# Everything visible is right; everything ever reported done is visible.
check_library() {
    (cd a.rfcs && find . -name 'rfc*.txt' -printf '%f\n' | sort) >visible
    sed 's/.*  //' sums | sort | comm -13 - visible >strange
    [[ ! -s strange ]] || fail "visible and never asked for: $(tr '\n' ' ' <strange)"
    grep -F -f visible sums >expected || true
    [[ ! -s visible ]] || (cd a.rfcs && sha256sum --quiet -c ../expected) || fail "a wrong document is visible"
    sed 's/.*/rfc&.txt/' done.before | sort | comm -23 - visible >lost
    [[ ! -s lost ]] || fail "reported done and not there: $(tr '\n' ' ' <lost)"
}

# What lies on the disk, whole or in part: number and bytes.
look() {
    find a.rfcs \( -name 'rfc*.txt' -o -name '.rfc*.part' \) -printf '%f %s\n' |
        sed -E 's/^\.?rfc([0-9]+)[^ ]*/\1/' >"$1"
}

# Checks what the run said and asked for; what was in flight may be fetched again.
account() {
    numbers 'done' a.log | sort -u - done.before >done.after
    mv done.after done.before
    check_library
    look after
    # Requests as the receiver traced them; the last one may be cut off.
    awk '/^ *GET RFC [0-9]+ / { if (n) print n, at; n = $3; at = 0 }
         n && $1 == "Range:" { at = $2; sub(/^bytes=/, "", at); sub(/-.*/, "", at) }
         n && NF == 0 { print n, at; n = "" }' a.err >asked
    awk -v sizes=sizes -v before=before '
        BEGIN {
            while ((getline <sizes) > 0) size[$1] = $2
            while ((getline <before) > 0) had[$1] = $2
        }
        FILENAME == "asked" {
            if ($2 < had[$1]) { print "RFC " $1 " asked for from byte " $2 ", " had[$1] " were here"; wrong = 1 }
            open[$1] = 1
        }
        FILENAME == "after" { has[$1] = $2 }
        END { for (n in open) flying += size[n] - has[n]; print flying + 0; exit wrong }' asked after >flying ||
        fail "fetched again: $(<flying)"
    ((in_flight += $(<flying), requests += $(wc -l <asked))) || true
    mv after before
}

# The library is whole; the next download begins with nothing.
new_round() {
    cmp -s visible <(sed 's/.*  //' sums | sort) || fail "the download ended and is not whole"
    [[ -z $(find a.rfcs -name '.*.part') ]] || fail "parts are left over: $(ls -A a.rfcs)"
    ((rounds += 1))
    rm -rf a.rfcs
    mkdir a.rfcs
    truncate -s 0 done.before before
}

get() {
    truncate -s 0 a.log a.err
    start a get all --rs "$rs" --share a.rfcs --state a.state --listen 127.0.0.1:0 --json --trace
}

mkdir a.rfcs
truncate -s 0 done.before before
in_flight=0 requests=0 rounds=0 killed=0
while ((killed < kills)); do
    get
    # The moment is what is drawn: nothing is waited for but time.
    moment=$((RANDOM % 100000 * 3 / 2))
    ended_first=''
    until_us=$((${EPOCHREALTIME/./} + moment))
    while (((left = until_us - ${EPOCHREALTIME/./}) > 0)); do
        if IFS= read -r -t "$(printf '%d.%06d' $((left / 1000000)) $((left % 1000000)))" -u "${out[a]}" line; then
            printf '%s\n' "$line" >>a.log
        elif (($? <= 128)); then
            ended_first=yes
            break
        fi
    done
    if [[ -n $ended_first ]]; then
        ended a 0
        account
        new_round
        continue
    fi
    kill -KILL "${pid[a]}" 2>/dev/null || true
    # What was written to the pipe before it died counts as reported.
    timeout "$patience" cat <&"${out[a]}" >>a.log
    { wait "${pid[a]}"; } 2>/dev/null || true
    close_input a
    unset "pid[a]" "out[a]"
    ((killed += 1))
    account
done

get
event a complete
ended a 0
account
new_round
row "$killed kills in $rounds downloads of $documents documents: 0 wrong, 0 lost, in $requests requests 0 for bytes" \
    "that lay on the disk; $in_flight bytes in flight at kills"
say b quit
ended b 0

#!/bin/bash
# A receiver is killed (-9) at random moments of a download, over and over: nothing visible is ever wrong, nothing
# reported done is lost or fetched again, and no more is fetched twice than was in flight when it died. A download
# that ends before its kill is compared and begins anew. KILLS=n, DOCUMENTS=n; SOURCE=DIR takes a real library.
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
sizes=$(find -L b.rfcs -name 'rfc[0-9]*.txt' -printf '%f %s\n')
# Slow enough that a run gets a part of it done.
start_peer b --up 2m
holder=$at
say b "wait rfcs $documents timeout 200" register
event b registered

# counter NAME: of the holder's.
counter() { curl -fsS "http://$holder/metrics" | sed -n "s/^p2pdi_$1{.*} //p"; }
# numbers EVENT FILE: the RFCs of these events.
numbers() { sed -nE "s/.*\"event\":\"$1\".*\"rfc\":([0-9]+).*/\1/p" "$2" | sort -u; }
# size_of FILE: bytes of the documents whose numbers are in it.
size_of() {
    awk 'NR == FNR { size[$1] = $2; next } { n += size["rfc" $1 ".txt"] } END { print n + 0 }' <(echo "$sizes") "$1"
}
total=$(awk '{ n += $2 } END { print n }' <<<"$sizes")

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

# Checks what the run said; what it left open is in flight.
account() {
    numbers start a.log >started
    comm -12 started done.before >again
    [[ ! -s again ]] || fail "reported done and fetched again: $(tr '\n' ' ' <again)"
    numbers 'done' a.log >done.now
    comm -23 started done.now >flying
    ((in_flight += $(size_of flying), deepest = $(size_of flying) > deepest ? $(size_of flying) : deepest)) || true
    sort -u done.now done.before >done.after
    mv done.after done.before
    check_library
}

# The library is whole; the next download begins with nothing.
new_round() {
    cmp -s visible <(sed 's/.*  //' sums | sort) || fail "the download ended and is not whole"
    [[ -z $(find a.rfcs -name '.*.part') ]] || fail "parts are left over: $(ls -A a.rfcs)"
    ((rounds += 1))
    rm -rf a.rfcs
    mkdir a.rfcs
    : >done.before
}

mkdir a.rfcs
: >done.before
in_flight=0 deepest=0 rounds=0 killed=0
while ((killed < kills)); do
    : >a.log
    start a get all --rs "$rs" --share a.rfcs --state a.state --listen 127.0.0.1:0 --json
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

: >a.log
start a get all --rs "$rs" --share a.rfcs --state a.state --listen 127.0.0.1:0 --json
event a complete
ended a 0
account
new_round

# All that left the holder, less heads (as long as that of a range) and lists, less every document once a round.
exec {fd}<>"/dev/tcp/${holder%:*}/${holder##*:}"
printf 'GET RFC %s P2P-DI/1.0\r\nRange: bytes=0-0\r\nConnection: close\r\n\r\n' \
    "$(sed -n '1s/.*rfc\([0-9]*\).*/\1/p' sums)" >&"$fd"
head=$(($(timeout "$patience" wc -c <&"$fd") - 1))
exec {fd}>&-
list=$(curl -fsS -o list.tsv -w '%{size_download}' "http://$holder/index.tsv")
sent=$(counter bytes_sent_total)
heads=$((head * $(counter requests_total) + list * $(counter rfcquery_total) + list))
twice=$((sent - heads - rounds * total))
((twice > 0)) || twice=0
((twice <= in_flight)) || fail "$twice bytes fetched twice, only $in_flight were in flight"
row "$killed kills in $rounds downloads of $documents documents ($total bytes): 0 wrong, 0 lost," \
    "$twice bytes fetched twice of $in_flight in flight at kills (at most $deepest at one)"
say b quit
ended b 0

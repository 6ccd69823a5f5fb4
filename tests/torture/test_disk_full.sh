#!/bin/bash
# The disk is full from byte k on, for every k of a document, its cookie and its hash cache, and of a registry's
# commit: nothing partial is visible, the error is clear, what was acknowledged stays, and with room again all goes on.
# A limit on the size of files stands for the disk, since it can be set to the byte.
# shellcheck source=tests/torture/lib.sh
source "$(dirname "$0")/lib.sh"

# A sanitizer writes files before the program has told that it does not want the signal.
[[ ${VARIANT-release} == release ]] || trap '' XFSZ
command -v prlimit >/dev/null || { echo "there is no prlimit here"; exit 77; }

# ---- a download ------------------------------------------------------------------------------------------------

document b.rfcs 91001 20
document b.rfcs 91002 500
size=$(stat -c %s b.rfcs/rfc91001.txt)
start_rs rs
start_peer b
say b 'wait rfcs 2 timeout 60' register
event b registered

downloads=0 failures=0
for k in $(seq 0 "$(full $((size / 11)) 1)" $((size - 1))) "$size" $((size + 1)); do
    rm -rf a.rfcs a.state
    mkdir a.rfcs
    cp b.rfcs/rfc91002.txt a.rfcs # what is there stays
    rc=0
    prlimit --fsize="$k:$k" "$P2PDI" get 91001 --rs "$rs" --share a.rfcs --state a.state --listen 127.0.0.1:0 \
        2>&1 >/dev/null | cat >a.err || rc=${PIPESTATUS[0]}
    cmp b.rfcs/rfc91002.txt a.rfcs/rfc91002.txt || fail "at byte $k: what was there has changed"
    if ((k < size)); then
        ((rc == 1)) || fail "at byte $k: exit code $rc"
        [[ $(ls -A a.rfcs) == rfc91002.txt || -z $(find a.rfcs -name 'rfc91001*') ]] || fail "at byte $k: $(ls -A a.rfcs)"
        has a.err 'a download cannot be stored' 'limit reached' 'see ulimit -a'
        ((failures += 1))
    else
        ((rc == 0)) || fail "at byte $k: exit code $rc"
        cmp b.rfcs/rfc91001.txt a.rfcs/rfc91001.txt
    fi
    ((downloads += 1))
done

# ---- a commit --------------------------------------------------------------------------------------------------

# register PORT: at the server; $status, and $cookie of a 200.
register() {
    local fd head
    exec {fd}<>"/dev/tcp/${rs%:*}/${rs##*:}"
    printf 'REGISTER P2P-DI/1.0\r\nPort: %s\r\nConnection: close\r\n\r\n' "$1" >&"$fd"
    head=$(timeout "$patience" cat <&"$fd") || fail "at byte $k of a commit: no answer"
    exec {fd}>&-
    status=${head#* } status=${status%% *}
    cookie=$(sed -nE 's/^Cookie: ([0-9]+).*/\1/p' <<<"$head")
}

# check: what was acknowledged is there after a kill. Then a new one, whose log still grows.
check() {
    kill -KILL "${pid[rs]}"
    { ended rs 137; } 2>/dev/null
    restart_rs rs
    exec {fd}<>"/dev/tcp/${rs%:*}/${rs##*:}"
    while read -r cookie; do
        printf 'KEEP-ALIVE P2P-DI/1.0\r\nCookie: %s\r\n\r\n' "$cookie" >&"$fd"
        IFS= read -r -t "$patience" -u "$fd" line
        [[ $line == *' 200 '* ]] || fail "acknowledged and forgotten: $line"
        while IFS= read -r -t "$patience" -u "$fd" line && [[ $line != $'\r' ]]; do :; done
    done <cookies
    exec {fd}>&-
    ((acknowledged += $(grep -c '' cookies))) || true
    truncate -s 0 cookies
    kill -TERM "${pid[rs]}"
    ended rs 143
    rm -rf rs.state
    start_rs rs
}

say b quit
ended b 0
kill -TERM "${pid[rs]}"
ended rs 143
rm -rf rs.state
start_rs rs
truncate -s 0 cookies
commits=0 refused=0 acknowledged=0
for ((k = 0; k < 12400; k += $(full 1100 25))); do
    log=$(stat -c %s rs.state/rs/records.db-wal)
    prlimit --pid "${pid[rs]}" --fsize=$((log + k)):unlimited
    register $((2000 + commits))
    if [[ $status == 500 ]]; then
        ((refused += 1))
    else
        [[ $status == 200 ]] || fail "at byte $k of a commit: $status"
        echo "$cookie" >>cookies
    fi
    curl -fsS -o peers.tsv "http://$rs/peers.tsv" # it serves on
    prlimit --pid "${pid[rs]}" --fsize=unlimited:unlimited
    register $((20000 + commits))
    [[ $status == 200 ]] || fail "after byte $k of a commit, with room again: $status"
    echo "$cookie" >>cookies
    ((commits += 1))
    ((commits % 50 != 0)) || check
done
((refused > 0)) || fail "no commit failed: the limit was not felt"
has rs.err 'records cannot be written to' 'records are written to'
check
row "$downloads downloads, $failures of them into a full disk: none visible; $commits commits, $refused refused:" \
    "$acknowledged acknowledged, all there after a kill"

#!/bin/bash
# Words for rows with many holders, some of them bad. Source it first; it brings lib.sh with it.
# shellcheck source=tests/torture/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

declare -A port

# text DIR NUMBER BYTES: a document of about so many bytes; quickly made, different each.
text() {
    mkdir -p "$1"
    awk -v n="$2" -v len="$3" -v salt="$RANDOM" 'BEGIN {
        printf "\n\nRequest for Comments: %s\n\n                       The Test Document Number %s\n\n", n, n
        for (at = 90 + 2 * length(n); at < len; at += 57) printf "   Line %10d of document %10d: %13d\n", at, n, at * salt
    }' >"$1/rfc$2.txt"
}

# serve NAME DIR [ARGUMENT...]: a holder of DIR that registers nowhere; sets ${port[NAME]}.
serve() {
    local name=$1 dir=$2
    shift 2
    # Nothing answers there: whoever is to list it is told by `enlist`.
    start "$name" peer --batch --json --rs 127.0.0.1:1 --listen 127.0.0.1:0 --share "$dir" --state "$work/$name.state" "$@"
    event "$name" listening
    # shellcheck disable=SC2034 # for who sources this
    port[$name]=$(field port)
    say "$name" "wait rfcs $(find "$dir" -name 'rfc*.txt' | wc -l) timeout 60" status
    event "$name" status
}

# enlist RS PORT...: registers those ports of this machine there, as if they were peers.
enlist() {
    local at=$1 p answer
    shift
    for p; do
        exec {socket}<>"/dev/tcp/${at%:*}/${at##*:}"
        printf 'REGISTER P2P-DI/1.0\r\nHost: 127.0.0.1\r\nPort: %s\r\nConnection: close\r\n\r\n' "$p" >&"$socket"
        IFS= read -r -t "$patience" -u "$socket" answer || fail "the server does not answer REGISTER"
        exec {socket}>&-
        [[ $answer == 'P2P-DI/1.0 200 '* ]] || fail "REGISTER: $answer"
    done
}

# misbehave RS_PORT DIR BEHAVIOUR...: hostile peers that say they hold what is in DIR; `reform` ends them.
misbehave() {
    coproc hostile { exec "$(tool hostile)" "$@" 2>hostile.err; }
    hostile_pid=$!
    while IFS= read -r -t "$patience" -u "${hostile[0]}" line; do
        [[ $line == ready ]] && return 0
    done
    fail "the hostile peers do not start: $(<hostile.err)"
}
reform() {
    [[ -n ${hostile_pid-} ]] || return 0
    kill -KILL "$hostile_pid"
    { wait "$hostile_pid"; } 2>/dev/null || true
    unset hostile_pid
}

# median FILE: of the numbers there.
median() { sort -n "$1" | awk '{ n[NR] = $1 } END { print n[int((NR + 1) / 2)] }'; }

#!/bin/bash
# The acceptance scenario of the original assignment: B holds two RFCs, A none. Both register. A queries
# the server, sees B, asks B for its index, downloads one RFC. B leaves. A queries again and is told that
# no peer is active. All print every message that they receive and send.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

document b.rfcs 8609
document b.rfcs 8624

start_rs rs --trace
start_peer b --trace
b=$at
start_peer a --trace

say b 'wait rfcs 2 timeout 60' register
event b registered
say a register pquery
event a peers
[[ $(field count) == 1 ]] || fail "A does not see one peer: $line"
[[ $(field port) == "${b#*:}" ]] || fail "A does not see B: $line"
say a rfcquery
event a index
[[ $(field rfcs) == 2 ]] || fail "A does not know two RFCs: $line"
say a 'get 8609'
event a 'done'
[[ $(field rfc) == 8609 && $(field from) == "$b" ]] || fail "wrong document: $line"
[[ $(field sha256) == "$(sha256sum <b.rfcs/rfc8609.txt | cut -d' ' -f1)" ]] || fail "wrong hash: $line"
event a complete
[[ $(field files) == 1 ]] || fail "not one file: $line"
cmp a.rfcs/rfc8609.txt b.rfcs/rfc8609.txt
[[ ! -e a.rfcs/rfc8624.txt ]] || fail "the other one came too"

say b leave
event b left
say a pquery
event a peers
[[ $(field count) == 0 ]] || fail "A still sees somebody: $line"
say a quit
ended a 0
say b quit
ended b 0
kill -TERM "${pid[rs]}"
ended rs 143

# What passed, in order, as each of them printed it.
transcript() {
    local file=$1 at=0 want
    shift
    for want; do
        at=$(awk -v from="$at" -v want="$want" \
            'NR > from && index($0, want) == 1 { print NR; exit }' "$file")
        [[ -n $at ]] || fail "$file has no '$want' where it should be"
    done
}
transcript a.err "-> $rs" '   REGISTER P2P-DI/1.0' "<- $rs" '   P2P-DI/1.0 200 OK' \
    "-> $rs" '   PQUERY P2P-DI/1.0' "<- $rs" '   P2P-DI/1.0 200 OK' '   Active-Peers: 1' \
    "-> $b" '   GET RFC-Index P2P-DI/1.0' "<- $b" '   P2P-DI/1.0 200 OK' \
    "-> $b" '   GET RFC 8609 P2P-DI/1.0' "<- $b" '   P2P-DI/1.0 200 OK' '   SHA-256: ' \
    "-> $rs" '   PQUERY P2P-DI/1.0' "<- $rs" '   P2P-DI/1.0 204 No Active Peers'
transcript b.err '   REGISTER P2P-DI/1.0' '<- 127.0.0.1:' '   GET RFC-Index P2P-DI/1.0' \
    '-> 127.0.0.1:' '   P2P-DI/1.0 200 OK' '   GET RFC 8609 P2P-DI/1.0' '   LEAVE P2P-DI/1.0'
transcript rs.err '<- 127.0.0.1:' '   REGISTER P2P-DI/1.0' '-> 127.0.0.1:' '   P2P-DI/1.0 200 OK' \
    '   PQUERY P2P-DI/1.0' '   LEAVE P2P-DI/1.0' '   PQUERY P2P-DI/1.0' '   Active-Peers: 0'

# The cookies are nowhere but in the state directories.
for cookie in "$work"/[ab].state/*/cookie; do
    secret=$(tr -dc 0-9 <"$cookie")
    ((${#secret} > 6)) || fail "no cookie in $cookie"
    has_not a.err "$secret"
    has_not b.err "$secret"
    has_not rs.err "$secret"
    has_not a.log "$secret"
    has_not b.log "$secret"
    has_not rs.log "$secret"
done

#!/bin/bash
# Garbage on either port gets the status of the contract, and the next client is served.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

document b.rfcs 8609
start_rs rs
start_peer b
b=$at
say b 'wait rfcs 1 timeout 60' register
event b registered

# status ADDRESS FORMAT...: sends it, prints the first line of the answer.
status() {
    local address=$1 fd answer=''
    shift
    exec {fd}<>"/dev/tcp/${address%:*}/${address#*:}"
    # The other side may answer and close before everything is sent.
    # shellcheck disable=SC2059
    { printf "$@" >&"$fd"; } 2>/dev/null || true
    IFS= read -r -t "$patience" -u "$fd" answer || true
    exec {fd}>&-
    printf '%s\n' "${answer%$'\r'}"
}

served() {
    [[ $(status "$rs" 'PQUERY P2P-DI/1.0\r\nHost: x\r\n\r\n') == 'P2P-DI/1.0 200 OK' ]] ||
        fail "the server does not serve any more after $1"
    [[ $(status "$b" 'GET RFC 8609 P2P-DI/1.0\r\nHost: x\r\n\r\n') == 'P2P-DI/1.0 200 OK' ]] ||
        fail "the peer does not serve any more after $1"
}

# both WHAT STATUS FORMAT: what either port answers.
both() {
    local what=$1 want=$2 address got
    shift 2
    for address in "$rs" "$b"; do
        got=$(status "$address" "$@")
        [[ $got == "$want"* ]] || fail "$what: '$got', not '$want'"
    done
    served "$what"
}

trap '' PIPE
megabyte=$(head -c 1048576 /dev/zero | tr '\0' a)
both garbage 'P2P-DI/1.0 400' '\001\002\003 nonsense\r\n\r\n'
both 'an endless first line' 'P2P-DI/1.0 431' '%s' "$megabyte"
both 'a long field' 'P2P-DI/1.0 431' 'PQUERY P2P-DI/1.0\r\nHost: %s\r\n\r\n' "$megabyte"
both 'a NUL' 'P2P-DI/1.0 400' 'PQUERY P2P-DI/1.0\r\nHost: a\0b\r\n\r\n'
both 'a bare CR' 'P2P-DI/1.0 400' 'PQUERY P2P-DI/1.0\r\nHost: a\rb\r\n\r\n'
both 'a field without colon' 'P2P-DI/1.0 400' 'PQUERY P2P-DI/1.0\r\nHost\r\n\r\n'
both 'two lengths' 'P2P-DI/1.0 400' \
    'PQUERY P2P-DI/1.0\r\nContent-Length: 0\r\nContent-Length: 0\r\n\r\n'
both 'a negative length' 'P2P-DI/1.0 400' 'PQUERY P2P-DI/1.0\r\nContent-Length: -1\r\n\r\n'
both 'an overlong length' 'P2P-DI/1.0 400' \
    'PQUERY P2P-DI/1.0\r\nContent-Length: 18446744073709551617\r\n\r\n'
both 'a large body' 'P2P-DI/1.0 413' 'PQUERY P2P-DI/1.0\r\nContent-Length: 1048577\r\n\r\n'
both 'another version' 'P2P-DI/1.0 505' 'PQUERY P2P-DI/2.0\r\n\r\n'
both 'HTTP with another method' 'HTTP/1.1 405' 'DELETE / HTTP/1.1\r\nHost: x\r\n\r\n'
both 'a path out of the library' 'HTTP/1.1 404' 'GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n'

one() {
    local address=$1 want=$2 got
    shift 2
    got=$(status "$address" "$@")
    [[ $got == "$want"* ]] || fail "'$got', not '$want' to $1"
    served "$1"
}
for number in -1 0x10 99999999999999999999 1.5 8609/..; do
    one "$b" 'P2P-DI/1.0 400' 'GET RFC %s P2P-DI/1.0\r\n\r\n' "$number"
done
one "$b" 'P2P-DI/1.0 404' 'GET RFC 4711 P2P-DI/1.0\r\n\r\n'
one "$b" 'P2P-DI/1.0 405' 'PQUERY P2P-DI/1.0\r\n\r\n'
one "$b" 'P2P-DI/1.0 416' 'GET RFC 8609 P2P-DI/1.0\r\nRange: bytes=99999999-99999999\r\n\r\n'
one "$rs" 'P2P-DI/1.0 405' 'GET RFC 8609 P2P-DI/1.0\r\n\r\n'
for port in -1 0 65536 99999999999999999999 x; do
    one "$rs" 'P2P-DI/1.0 400' 'REGISTER P2P-DI/1.0\r\nPort: %s\r\n\r\n' "$port"
done
one "$rs" 'P2P-DI/1.0 400' 'REGISTER P2P-DI/1.0\r\n\r\n'
one "$rs" 'P2P-DI/1.0 401' 'PQUERY P2P-DI/1.0\r\nCookie: 12345\r\n\r\n'
one "$rs" 'P2P-DI/1.0 401' 'LEAVE P2P-DI/1.0\r\nCookie: 12345\r\n\r\n'
one "$rs" 'P2P-DI/1.0 400' 'LEAVE P2P-DI/1.0\r\nCookie: 18446744073709551617\r\n\r\n'

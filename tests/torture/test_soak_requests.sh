#!/bin/bash
# A million requests of all kinds at a peer and at a server: all are answered, and neither has more descriptors,
# threads or memory than after the first of them. REQUESTS=n.
# shellcheck source=tests/torture/lib.sh
source "$(dirname "$0")/lib.sh"

requests=${REQUESTS:-$(full 16000 1000000)}

# crowd WORD...: tells the clients; the rest of the answer is in $answer.
crowd() {
    echo "$*" >&"${crowd[1]}"
    IFS= read -r -t 7200 -u "${crowd[0]}" answer || fail "the clients: $(tail -n 1 crowd.err)"
    answer=${answer#* }
}

for ((i = 0; i < 40; i++)); do document b.rfcs $((91000 + i)) $((50 + 40 * i)); done
start_rs rs
start_peer b --workers 4
say b 'wait rfcs 40 timeout 60' register
event b registered
exec {fd}<>"/dev/tcp/${rs%:*}/${rs##*:}"
printf 'REGISTER P2P-DI/1.0\r\nPort: 2000\r\nConnection: close\r\n\r\n' >&"$fd"
cookie=$(timeout "$patience" sed -nE 's/^Cookie: ([0-9]+).*/\1/p' <&"$fd")
exec {fd}>&-

cat >b.requests <<'END'
GET RFC 91000 P2P-DI/1.0|Host: a||
GET RFC 91007 P2P-DI/1.0|Host: a|Accept-Encoding: zstd||
GET RFC 91013 P2P-DI/1.0|Host: a|Range: bytes=100-2000||
GET RFC 91039 P2P-DI/1.0|Host: a||
GET RFC 91021 P2P-DI/1.0|Host: a||
GET RFC 92000 P2P-DI/1.0|Host: a||
GET RFC-Index P2P-DI/1.0|Host: a||
GET RFC-Index P2P-DI/1.0|Host: a|Scope: own|Accept-Encoding: zstd||
PROBE P2P-DI/1.0|Nonce: abc||
GET /rfc/91011.txt HTTP/1.1|Host: a||
GET /rfc/91011.txt HTTP/1.1|Host: a|Accept-Encoding: gzip||
GET /rfc/91030.txt HTTP/1.1|Host: a|Range: bytes=-100||
GET /index.json HTTP/1.1|Host: a||
GET / HTTP/1.1|Host: a||
GET /metrics HTTP/1.1|Host: a||
PQUERY P2P-DI/1.0||
nonsense||
END
cat >rs.requests <<END
PQUERY P2P-DI/1.0|Host: a||
PQUERY P2P-DI/1.0|Host: a|Cookie: $cookie||
PQUERY P2P-DI/1.0|Host: a|Limit: 1||
KEEP-ALIVE P2P-DI/1.0|Cookie: $cookie||
KEEP-ALIVE P2P-DI/1.0|Cookie: $cookie||
KEEP-ALIVE P2P-DI/1.0|Cookie: 1||
PQUERY P2P-DI/1.0|Cookie: 1||
REGISTER P2P-DI/1.0|Cookie: $cookie|Port: 2000||
LEAVE P2P-DI/1.0|Cookie: $cookie||
GET /peers.tsv HTTP/1.1|Host: a||
GET /peers.json HTTP/1.1|Host: a|Accept-Encoding: gzip||
GET /metrics HTTP/1.1|Host: a||
GET / HTTP/1.1|Host: a||
GET RFC 91000 P2P-DI/1.0||
nonsense||
END

# look NAME: "descriptors threads KiB" of that program, when its clients have gone.
look() {
    local p=${pid[$1]}
    echo "$(find "/proc/$p/fd" -mindepth 1 | wc -l) $(sed -n 's/^Threads:[[:space:]]*//p' "/proc/$p/status")" \
        "$(sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$p/status")"
}
# quiet ADDRESS: its clients have gone, but the one who asks.
quiet() { until [[ $(curl -fsS "http://$1/metrics" | sed -n 's/^p2pdi_connections_open{.*} //p') == 1 ]]; do :; done; }

figures=''
for name in b rs; do
    address=$at
    [[ $name == b ]] || address=$rs
    coproc crowd { exec "$(tool crowd)" "${address##*:}" 2>crowd.err; }
    pid[crowd]=$!
    crowd requests "${address##*:}" $((requests / 10)) "$name.requests"
    quiet "$address"
    read -r fds threads kib <<<"$(look "$name")"
    crowd requests "${address##*:}" $((requests * 9 / 10)) "$name.requests"
    read -r answered failed rate <<<"$answer"
    quiet "$address"
    read -r fds_after threads_after kib_after <<<"$(look "$name")"
    figures+="$name: $((answered + requests / 10)) answered ($rate/s), $failed failed, descriptors $fds to $fds_after,"
    figures+=" threads $threads to $threads_after, memory $kib to $kib_after KiB; "
    ((failed == 0)) || fail "$figures"
    # curl's own connection may still be there.
    ((fds_after <= fds + 1 && threads_after == threads)) || fail "$figures"
    [[ ${VARIANT-release} != release ]] || ((kib_after <= kib + 1024)) || fail "$figures"
    fd=${crowd[1]}
    exec {fd}>&-
    wait "${pid[crowd]}"
    unset 'pid[crowd]'
done
row "${figures%; }"
say b quit
ended b 0

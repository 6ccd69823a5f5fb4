#!/bin/bash
# A client that is not ours: documents, ranges, a 304, the index, the metrics.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"
command -v curl >/dev/null || { echo 'curl is not installed'; exit 77; }

document b.rfcs 8609
document b.rfcs 8610
start_rs rs
start_peer b
say b 'wait rfcs 2 timeout 60' register
event b registered
b_id=$(field peer)
peer=http://$at server=http://$rs
ask() { curl -sS --max-time "$patience" "$@"; }

ask -f -o got "$peer/rfc/8609.txt"
cmp got b.rfcs/rfc8609.txt
ask -f -o got "$peer/rfc8610.txt"
cmp got b.rfcs/rfc8610.txt
ask -f -r 100-299 -D head -o got "$peer/rfc/8609.txt"
dd if=b.rfcs/rfc8609.txt bs=1 skip=100 count=200 of=part status=none
cmp got part
has head '206 Partial Content' 'Content-Range: bytes 100-299/'
ask -f -D head -o got --compressed "$peer/rfc/8609.txt"
cmp got b.rfcs/rfc8609.txt
ask -f -I -o head "$peer/rfc/8609.txt"
sum=$(sha256sum <b.rfcs/rfc8609.txt | cut -d' ' -f1)
has head '200 OK' "ETag: \"$sum\"" "Content-Length: $(stat -c %s b.rfcs/rfc8609.txt)"
code=$(ask -o got -w '%{http_code}' -H "If-None-Match: \"$sum\"" "$peer/rfc/8609.txt")
[[ $code == 304 ]] || fail "If-None-Match: $code, not 304"
code=$(ask -o got -w '%{http_code}' "$peer/rfc/4711.txt")
[[ $code == 404 ]] || fail "an unknown RFC: $code, not 404"
# a download that was interrupted goes on
head -c 1000 b.rfcs/rfc8609.txt >got
ask -f -C - -o got "$peer/rfc/8609.txt"
cmp got b.rfcs/rfc8609.txt

ask -f -o index.tsv "$peer/index.tsv"
has index.tsv $'RFC\tTitle\tHostname\tPort\tTTL\tSize\tSHA-256' "$sum"
ask -f -o index.json "$peer/index.json"
has index.json "$sum"
ask -f -o page "$peer/"
has page rfc/8609.txt
ask -f -o metrics "$peer/metrics"
has metrics '# TYPE p2pdi_http_total counter' 'p2pdi_documents_held'

ask -f -o peers.json "$server/peers.json"
has peers.json "${at#*:}" "$b_id"
ask -f -o peers.tsv "$server/peers.tsv"
has peers.tsv $'Hostname\tPeer\tActive\tTTL\tPort' "${at#*:}"
ask -f -o metrics "$server/metrics"
has metrics 'p2pdi_peers_active'
ask -f -o page "$server/"
secret=$(tr -dc 0-9 <"$(echo "$work"/b.state/*/cookie)")
for file in peers.json peers.tsv page metrics index.json; do has_not "$file" "$secret"; done
if command -v jq >/dev/null; then jq -e . index.json >/dev/null; jq -e . peers.json >/dev/null; fi

#!/bin/bash
# Server, peer and get in one directory, as the demo and the README advise: get has a library of its own. With the
# peer's library it cannot run, and is told what to do.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

export P2PDI_LISTEN=127.0.0.1:0
document rfcs 90001
start rs rs --json
event rs listening
P2PDI_RS=127.0.0.1:$(field port)
export P2PDI_RS
start peer peer --share rfcs --json
event peer registered

expect 0 get get 90001 --share mine
cmp mine/rfc90001.txt rfcs/rfc90001.txt
expect 6 same get 90001
has same.err 'cannot use library ./rfcs' 'another p2pdi' '  try: p2pdi get --share OTHER-DIR'
kill -TERM "${pid[peer]}"
ended peer 143

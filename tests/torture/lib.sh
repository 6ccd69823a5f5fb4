#!/bin/bash
# Shared by the rows here: a seed that repeats a run, counts that depend on FULL, the line with the
# result. Source it first; it brings tests/integration/lib.sh with it.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "${BASH_SOURCE[0]}")/../integration/lib.sh"

# A failing run's output is shown, so the seed is in it.
RANDOM=${SEED:=$RANDOM}
echo "seed $SEED"

# full SHORT LONG: the count of this run.
full() { if [[ -n ${FULL-} ]]; then echo "$2"; else echo "$1"; fi; }

# tool NAME: the path of tests/torture/tool_NAME.
tool() { echo "${BUILD:?is not set: run this through make check T=torture/...}/tests/torture/tool_$1"; }

# restart_rs NAME: the server again, with what its state is now, on another free port; sets $rs.
restart_rs() {
    start "$1" rs --listen 127.0.0.1:0 --state "$work/$1.state" --json
    event "$1" listening
    rs=127.0.0.1:$(field port)
}

# row FIGURES: what this run found; the last thing a row says.
row() {
    local name=${0##*/test_}
    echo "row: ${name%.sh}: $*"
}

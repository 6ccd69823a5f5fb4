#!/bin/bash
# What the simulator (tests/sim/pipes.h: the product's scheduler in virtual time) predicts for the lab's cases, beside what
# the lab measured; how distribution time grows with the number of peers; what neighbours and indexes cost then.
#
#   bench_sim.sh [--lab ROUNDS] [--most 10000] [--out docs/bench]
#
# Writes OUT/growth.md and growth.svg. The lab's rows are kept in OUT/growth.tsv; --lab measures them anew (root, network
# namespaces: see bench_swarm.sh). Without real RFCs beside the checkout both take generated ones. --most: the largest swarm; 10,000
# peers take some minutes of one processor.
set -eu
. "$(dirname "$0")/lib.sh"
dir=$here/../../docs/bench lab=0 most=10000
while [[ $# -ge 2 ]]; do
    case $1 in
    --lab) lab=$2 ;;
    --most) most=$2 ;;
    --out) dir=$2 ;;
    *) break ;;
    esac
    shift 2
done
[[ $# -eq 0 ]] || {
    sed -n '/^#$/,/^$/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
sim=${SIM:-$here/../../build/release/tests/sim/test_pipes}
[[ -x $sim ]] || {
    echo "bench_sim.sh: needs $sim (make bench-sim builds it)" >&2
    exit 77
}
need awk
mkdir -p "$dir"
dir=$(cd "$dir" && pwd)
rows=$dir/growth.tsv

# name|what|of the simulator|of bench_swarm.sh
cases() {
    cat <<'END'
t1-600-20|task 1, 600 RFCs, 20 Mbit/s|600 task=1 rate=20|--set 600 --task 1 --rate 20mbit
t2-600-20|task 2, 600 RFCs, 20 Mbit/s|600 task=2 rate=20|--set 600 --task 2 --rate 20mbit
t1-60-20|task 1, 60 RFCs, 20 Mbit/s|60 task=1 rate=20|--set 60 --task 1 --rate 20mbit
t2-60-20|task 2, 60 RFCs, 20 Mbit/s|60 task=2 rate=20|--set 60 --task 2 --rate 20mbit
t1-600-10|task 1, 600 RFCs, 10 Mbit/s|600 task=1 rate=10|--set 600 --task 1 --rate 10mbit
t2-600-10|task 2, 600 RFCs, 10 Mbit/s|600 task=2 rate=10|--set 600 --task 2 --rate 10mbit
t1-60-10|task 1, 60 RFCs, 10 Mbit/s|60 task=1 rate=10|--set 60 --task 1 --rate 10mbit
t2-60-10|task 2, 60 RFCs, 10 Mbit/s|60 task=2 rate=10|--set 60 --task 2 --rate 10mbit
twenty|task 1, 600 RFCs, 20 Mbit/s, 20 receivers|600 task=1 rate=20 peers=21|--set 600 --task 1 --rate 20mbit --receivers 20
slow-first|task 1, 600 RFCs, P0 10 Mbit/s, the rest 100|600 task=1 rate=100 first=10|--set 600 --task 1 --rate 100mbit --rate-first 10mbit
slow-last|task 1, 600 RFCs, one receiver 10 Mbit/s, the rest 100|600 task=1 rate=100 last=10|--set 600 --task 1 --rate 100mbit --rate-last 10mbit
t1-600-100|task 1, 600 RFCs, 100 Mbit/s|600 task=1 rate=100|--set 600 --task 1 --rate 100mbit
t2-600-100|task 2, 600 RFCs, 100 Mbit/s|600 task=2 rate=100|--set 600 --task 2 --rate 100mbit
t1-60-100|task 1, 60 RFCs, 100 Mbit/s|60 task=1 rate=100|--set 60 --task 1 --rate 100mbit
t2-60-100|task 2, 60 RFCs, 100 Mbit/s|60 task=2 rate=100|--set 60 --task 2 --rate 100mbit
END
}

# Columns: name commit date, then those of bench_swarm.sh --rows: task set rate first last receivers rounds program fluid
# seconds last/median synced sent load.
measure() {
    local name args
    while IFS='|' read -r name _ _ args; do
        : >"$work/row"
        # shellcheck disable=SC2086 # arguments are words
        "$here/bench_swarm.sh" $args --rounds "$lab" --rows "$work/row" </dev/null
        touch "$rows"
        sed -i "/^$name\t/d" "$rows"
        awk -v OFS='\t' -v n="$name" -v c="$(git -C "$here" rev-parse --short HEAD 2>/dev/null || echo unknown)" -v d="$(date +%F)" \
            '{print n, c, d, $0}' "$work/row" >>"$rows"
    done < <(cases)
}

# The simulator's figures of a case, medians of five seeds: "last last/median left".
predict() { # SET ARGUMENTS...
    local set=$1
    shift
    "$sim" dir="$work/set$set" runs=5 "$@" | awk '{print $2, $2 / $4, $10}' | sort -g | sed -n 3p
}

[[ $lab == 0 ]] || measure
mkdir "$work/set60" "$work/set600"
documents seed60 "$work/set60" 60 >"$work/what"
documents set600 "$work/set600" 600 >"$work/what"
describe >"$work/head"
cases | while IFS='|' read -r name what args _; do
    # shellcheck disable=SC2086
    echo "$name|$what|$(predict $args)"
done >"$work/predicted"
for n in 6 20 50 100 200 500 1000 2000 5000 10000; do
    [[ $n -gt $most ]] || echo "$n $("$sim" peers="$n" docs=60 rate=20)"
done >"$work/growth"

{
    echo "# How a swarm grows"
    echo
    echo "Written by \`tests/bench/bench_sim.sh\` (\`make bench-sim\`). $(sed -n 's/^commit *//p' "$work/head"), $(sed -n 's/^machine *//p' "$work/head"); documents: $(<"$work/what")."
    cat <<'END'

The simulator runs the scheduler and the turns of the product (`src/sched`) in virtual time; links queue bytes at their rate, in turn for each
connection, and small messages wait behind four frames of each. Compression is that of zstd 9; processors cost nothing; start-up is 50 ms, a batch
becomes durable in 20 ms.

## Prediction beside measurement

Seconds until the last receiver has everything: simulated, medians of five seeds; measured in the lab (`bench_swarm.sh`), medians of the rounds. The
load is that of the machine while the lab ran: with two processors for six or more peers the fast links are not the limit there, and the simulator knows
of no processors. *left P0*: how often a document left the first holder (task 2: its own ones).

| case | simulated | measured | measured / simulated | last / median, simulated | measured | left P0, simulated | load |
|---|---|---|---|---|---|---|---|
END
    awk -F'|' -v rows="$rows" '
        BEGIN {while ((getline line < rows) > 0) {split(line, f, "\t"); s[f[1]] = f[13]; fair[f[1]] = f[14]; load[f[1]] = f[17]}}
        {
            split($3, p, " ")
            if ($1 in s) printf "| %s | %.2f | %.2f | %.2f | %.2f | %.2f | %.2f | %.0f |\n", $2, p[1], s[$1], s[$1] / p[1], p[2], fair[$1], p[3], load[$1]
            else printf "| %s | %.2f | – | – | %.2f | – | %.2f | – |\n", $2, p[1], p[2], p[3]
        }' "$work/predicted"
    cat <<'END'

## Time against the number of peers

60 documents at one of them, everybody else wants them, links of 20 Mbit/s. The time grows with the logarithm of the number: that is how many
steps a document takes through a network in which everyone knows a few.

![the same as a picture](growth.svg)

| peers | first has all, s | median | last | last / median | left P0 | most links to one at a time | others met, mean | most | events simulated |
|---|---|---|---|---|---|---|---|---|---|
END
    awk '{printf "| %d | %.2f | %.2f | %.2f | %.2f | %.2f | %d | %.1f | %d | %d |\n", $1, $7, $5, $3, $3 / $5, $11, $25, $21, $23, $27}' "$work/growth"
    cat <<'END'

## What an index costs

News (RFC-Index with `Since` and `Wait`), of a peer on average, in requests and answers sent to it; the list of peers comes once: 256 rows of
some 75 bytes, however many there are. Memory is that of the whole simulator for each peer: its scheduler, what it knows of its neighbours, and the simulator's own.

| peers | bytes of news | messages | rows told | bytes of documents | news / documents | memory of a peer |
|---|---|---|---|---|---|---|
END
    awk '{printf "| %d | %.0f K | %d | %d | %.0f K | %.0f%% | %.0f K |\n", $1, $13 / 1e3, $15, $19, $17 / 1e3, 100 * $13 / $17, $31 / 1e3}' "$work/growth"
    cat <<'END'

What bounds the neighbours (ARCHITECTURE.md, "Who asks whom for what"): a peer listens to 8, asks 48 others once when it begins and 4 in a round of two
seconds, whatever the number of peers; a document that none of these offers makes it ask further. So a swarm of N peers exchanges
a number of messages that grows with N, not with its square.
END
} >"$dir/growth.md"

awk '
    function x(n) {return 60 + 480 * (log(n) - log(6)) / (log(10000) - log(6))}
    function y(s) {return 260 - 220 * s / top}
    {n[NR] = $1; last[NR] = $3; median[NR] = $5; if ($3 > top) top = $3}
    END {
        top = int(top) + 1
        print "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 580 310\" font-family=\"sans-serif\" font-size=\"12\">"
        print "<title>Distribution time against the number of peers</title>\n<rect width=\"580\" height=\"310\" fill=\"white\"/>"
        print "<text x=\"10\" y=\"20\" font-size=\"14\">Seconds until all (green) and half (grey) of the peers have 60 documents, 20 Mbit/s</text>"
        for (s = 0; s <= top; s += top > 4 ? 1 : 0.5)
            printf "<line x1=\"60\" x2=\"540\" y1=\"%.1f\" y2=\"%.1f\" stroke=\"#dddddd\"/><text x=\"50\" y=\"%.1f\" text-anchor=\"end\">%g</text>\n", y(s), y(s), y(s) + 4, s
        for (i = 1; i <= NR; i++) {
            printf "<text x=\"%.1f\" y=\"280\" text-anchor=\"middle\">%d</text>\n", x(n[i]), n[i]
            a = a sprintf("%.1f,%.1f ", x(n[i]), y(last[i])); b = b sprintf("%.1f,%.1f ", x(n[i]), y(median[i]))
        }
        printf "<text x=\"300\" y=\"300\" text-anchor=\"middle\">peers</text>\n<polyline points=\"%s\" fill=\"none\" stroke=\"#9e9e9e\" stroke-width=\"2\"/>\n", b
        printf "<polyline points=\"%s\" fill=\"none\" stroke=\"#1b7837\" stroke-width=\"2\"/>\n</svg>\n", a
    }' "$work/growth" >"$dir/growth.svg"
sed -n '/^## Prediction/,$p' "$dir/growth.md"
echo "$dir/growth.md"

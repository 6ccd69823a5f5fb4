#!/bin/bash
# What the laboratory measures with real processes: who got what from whom and when, the same for
# the same seed; nothing left after an interrupt or a kill in the middle. On generated documents and,
# where they lie beside the project, on the 60 RFCs. (What its command says: test_experiment.sh.)
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

[[ -r /proc/self/cmdline ]] || {
    echo "needs /proc mounted, to see what still runs"
    exit 77
}
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
export TMPDIR=$work/t
mkdir t

# Nothing of ours may stay behind, on any way out.
nothing_left() {
    [[ -z $(ls -A t) ]] || fail "left in TMPDIR: $(ls -A t)"
    [[ -z $(children) ]] || fail "still running: $(children)"
}

# Processes that work below our TMPDIR.
children() {
    local dir
    for dir in /proc/[0-9]*; do
        grep -qaF "$TMPDIR/p2pdi-lab-" "$dir/cmdline" 2>/dev/null && echo "${dir#/proc/}"
    done
    return 0
}

# rows TASK: of files.csv, without the task's name.
rows() {
    sed -n "s/^$1,//p" R/files.csv
}

# check_report PEERS FILES: what must hold for every result in R.
check_report() {
    local peers=$1 files=$2 task count
    local -A downloaders=([task1-centralised]=$((peers - 1)) [task2-best]=$peers
        [task2-worst]=$peers [task3-swarm]=$((peers - 1)))
    for task in "${!downloaders[@]}"; do
        count=$(rows "$task" | wc -l)
        ((count == downloaders[$task] * files)) || fail "$task: $count files"
        # each document once for a peer, none from itself
        [[ -z $(rows "$task" | cut -d, -f1,3 | sort | uniq -d) ]] || fail "$task: a file twice"
        [[ -z $(rows "$task" | awk -F, '$1 == $4') ]] || fail "$task: a file from oneself"
        # arrivals in order, and on disk only after that
        rows "$task" | awk -F, '
            $2 == 1 { last = 0 }
            $9 < last || $9 > $10 { bad = 1 }
            { last = $9 }
            END { exit bad }' || fail "$task: times go back"
        # one curve for each peer, perhaps one of task 1 for comparison
        count=$(grep -c '<polyline class="curve' "R/$task.svg")
        ((count == downloaders[$task])) || fail "$task.svg: $count curves"
    done
    # task 1 from P0 only; task 2 the same number from each
    [[ $(rows task1-centralised | cut -d, -f4 | sort -u) == P0 ]] || fail "not from P0 alone"
    for task in task2-best task2-worst; do
        count=$(rows $task | cut -d, -f1,4 | sort | uniq -c | awk '{ print $1 }' | sort -u)
        ((count == files / (peers - 1))) || fail "$task: uneven shares"
    done
    # the tables add up
    awk -F, -v n="$peers" 'NR > 1 {
        sum = 0
        for (i = 3; i < 3 + n; i++)
            sum += $i
        if (sum != $(3 + n))
            exit 1
    }' R/matrix.csv || fail "the matrix does not add up"
    ((3 == $(grep -cE 'was faster than|equally fast' R/report.txt))) || fail "not three sentences"
    has R/totals.svg "</svg>"
}

expect 0 generated experiment --peers 4 --files 6 --out R
check_report 4 6
nothing_left

# The same seed, the same arrangement; another one, another.
order() {
    expect 0 "$1" experiment --task 2worst --peers 3 --files 4 --seed "$2" --out "$1"
    cut -d, -f2-5 "$1/files.csv" | sort >"$1.order"
}
order s1 7
order s2 7
order s3 8
cmp s1.order s2.order
! cmp -s s1.order s3.order || fail 'the seed changes nothing'

nothing_left

# middle NAME: an experiment in the background that has begun to download.
middle() {
    start "$1" experiment --files 300 --task 1
    local deadline=$((SECONDS + patience))
    until compgen -G 't/p2pdi-lab-*/task1-*/p5/*' >/dev/null; do
        ((SECONDS < deadline)) || fail 'it does not begin'
        sleep 0.02
    done
    kill -STOP "${pid[$1]}" # it shall not be through before we have looked
}

# Interrupted: ends its peers and removes its files.
middle interrupted
[[ -n $(children) ]] || fail 'no peers'
kill -INT "${pid[interrupted]}"
kill -CONT "${pid[interrupted]}"
ended interrupted 130
nothing_left

# Killed: it can clean up no more, but its peers do not outlive it.
middle killed
orphans=$(children)
[[ -n $orphans ]] || fail 'no peers'
kill -KILL "${pid[killed]}"
for orphan in $orphans; do
    timeout "$patience" tail -s 0.05 --pid="$orphan" -f /dev/null || fail 'a peer outlives its lab'
done
rm -r t/*

# The real ones.
if [[ -x $top/../shared/corpus/unpack.sh || -f $top/../shared/corpus/unpack.sh ]]; then
    bash "$top/../shared/corpus/unpack.sh" seed60 sixty >/dev/null
    rm -rf R
    expect 0 sixty experiment --task all --rfcs sixty --out R
    check_report 6 50
    has sixty.log '60 RFCs from'
    (($(cut -d, -f4 R/files.csv | sort -u | grep -c '^8[56]') == 60)) || fail 'not all of the 60'
    nothing_left
else
    echo 'no ../shared/corpus here: not run on the 60 RFCs'
fi

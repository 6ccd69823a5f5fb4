#!/bin/bash
# The experiments as a user runs them: tables that add up, files that can be read, nothing left behind.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

mkdir tmp
export TMPDIR=$work/tmp
# No process and no file of an experiment is left.
clean() {
    local left
    left=$(grep -laF "$work/tmp" /proc/[0-9]*/cmdline 2>/dev/null || true)
    [[ -z $left ]] || fail "$1: processes are left: $left"
    [[ -z $(ls -A tmp) ]] || fail "$1: files are left: $(ls -A tmp)"
}

expect 0 text experiment --peers 3 --files 4 --seed 3 --out plots
clean 'an experiment'
has text.log 'Task 1, centralised' 'Task 2, distributed, best case' 'Task 2, distributed, worst case' \
    'Task 3, swarm' ' was faster than '
has text.err plots
has_not text.log '   No.    RFC'
for svg in task1-centralised task2-best task2-worst task3-swarm totals; do
    has "plots/$svg.svg" '<svg' '</svg>'
    ! command -v xmllint >/dev/null || xmllint --noout "plots/$svg.svg"
done
# task,peer,P0..P2,total,elapsed
awk -F, 'NR > 1 { if ($3 + $4 + $5 != $6 || $6 == 0) { print "wrong total: " $0; bad = 1 } rows++ }
    END { exit bad || rows != 2 + 3 + 3 + 2 }' plots/matrix.csv || fail "$(<plots/matrix.csv)"
# Each peer has each of its files once.
awk -F, 'NR > 1 { if (seen[$1, $2, $4]++) bad = 1; rows++ } END { exit bad || rows != 10 * 4 }' \
    plots/files.csv || fail "$(<plots/files.csv)"

# Into the same directory with fewer tasks: no plot of the earlier experiment stays, what is not ours does.
touch plots/notes.svg
expect 0 again experiment --task 1 --peers 3 --files 4 --out plots
[[ $(LC_ALL=C ls plots) == $'files.csv\nmatrix.csv\nnotes.svg\nreport.json\nreport.txt\ntask1-centralised.svg\ntotals.svg' ]] ||
    fail "$(ls plots)"
mkdir plots/task2-best.svg
rm plots/report.txt
expect 6 stays experiment --task 1 --peers 3 --files 4 --out plots
has stays.err 'cannot remove the earlier plots/task2-best.svg' '  try: '
[[ -s plots/report.txt ]] || fail "the new report is not there"

expect 0 json experiment --task 1 --peers 3 --files 4 --json
[[ $(wc -l <json.log) == 1 ]] || fail "not one line: $(<json.log)"
[[ $(<json.log) == '{"v":1,"event":"experiment","t":'* ]] || fail "no event: $(head -c 200 json.log)"
! command -v jq >/dev/null || jq -e '.runs | length == 1' json.log >/dev/null
expect 0 files experiment --task 1 --peers 3 --files 4 -v
has files.log '   No.    RFC'

# Links as they were asked for, and nothing else: what the environment holds for peers limits nobody unsaid.
# P0 sends four documents to each of two, whose first bytes come at once.
P2PDI_DOWN=1k expect 0 limited experiment --task 1 --peers 3 --files 4 --up 100k --json
[[ $(<limited.log) == *'"up_bytes_per_s":100000,'* ]] || fail 'JSON does not say what limited the links'
number() { grep -o "\"$1\":[0-9]*" "$2" | head -n 1 | cut -d: -f2; }
least=$(($(number wire_bytes limited.log) * 10 * 8 / 10)) # microseconds, less a fifth
(($(number slowest_us limited.log) >= least)) || fail "$(number slowest_us limited.log) us, not $least at 100k"
(($(number slowest_us limited.log) < 20 * least)) || fail "$(number slowest_us limited.log) us, so P2PDI_DOWN counts"
P2PDI_UP=2m expect 0 said experiment --task 1,2 --peers 3 --files 4
has said.log 'Links      each peer sends at most 2.0M/s'
has_not said.log 'No link was limited'
has text.log 'Links      no link was limited' 'p2pdi experiment --up 1m'
expect 2 rate experiment --up fast
has rate.err 'bytes a second'

for number in 1 2 3 4 5 6 7 8; do document given "860$number" 50; done
expect 0 given experiment --task 2 --peers 2 --files 4 --rfcs given
has given.log '8 RFCs from given'
expect 2 few experiment --task 1 --peers 3 --files 10 --rfcs given
has few.err 'holds 8 documents' '  try: '
expect 2 none experiment --rfcs nowhere
expect 2 peers experiment --peers 1
rc=0
TMPDIR=$work/nowhere "$P2PDI" experiment --task 1 >place.log 2>place.err || rc=$?
((rc == 2)) || fail "without a temporary directory: exit code $rc"
has place.err 'cannot make a temporary directory' '  try: TMPDIR=OTHER-DIR p2pdi experiment'
if unshare -rm true 2>/dev/null; then # a file system of our own
    mkdir full
    rc=0
    # shellcheck disable=SC2016 # the inner shell expands
    unshare -rm "$BASH" -c 'mount -t tmpfs -o size=64k none full && TMPDIR=$PWD/full exec "$P2PDI" experiment --task 1' \
        >full.log 2>full.err </dev/null || rc=$?
    ((rc == 6)) || fail "on a full disk: exit code $rc"
    has full.err 'no space left on the device' "  try: df -h '$work/full', or TMPDIR=OTHER-DIR p2pdi experiment"
fi
touch plain
expect 6 out experiment --task 1 --peers 2 --files 1 --out plain/plots

expect 0 demo demo --peers 3 --files 4
has demo.log ' was faster than '
clean 'the demo'

# Interrupted as soon as there is something to clean up.
"$P2PDI" experiment >/dev/null 2>interrupted.err &
pid[experiment]=$!
until [[ -n $(ls -A tmp) ]]; do
    kill -0 "${pid[experiment]}" || fail "it ended before it began"
done
kill -INT "${pid[experiment]}"
rc=0
wait "${pid[experiment]}" || rc=$?
unset 'pid[experiment]'
((rc == 130)) || fail "interrupted: exit code $rc, not 130: $(<interrupted.err)"
clean 'an interrupted experiment'

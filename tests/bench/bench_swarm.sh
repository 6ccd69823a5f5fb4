#!/bin/bash
# The swarm on slow links: how long until the last host has everything, over the fluid bound; beside other programs on
# the same files and links, in turn. Task 1: P0 holds all, the others want it. Task 2: each holds a share, all want all.
#
#   bench_swarm.sh [--task 1|2] [--set 60|600|all] [--rounds 5] [--with nginx,rsync-z,...] [--rate 100mbit]
#                  [--receivers 5] [--rate-first RATE] [--rate-last RATE] [--rows FILE] [--keep DIR]
#                  [--nice N]
#
# Without --task or --set: both tasks, the sets 60 and 600. --rate-first is P0's link, --rate-last that of one receiver.
# --rows adds a line a program to FILE, for swarm_table.sh, which runs all there is to compare. --keep copies what our last round printed to DIR.
# --nice -15 (or BENCH_NICE=-15, for all benchmarks) gives what is measured precedence over what else the machine does.
#
# The clock runs from the launch of the receivers (task 2: of all) to the last `complete`: registering, peer list
# and indexes are in it. P0 runs with its hashes cached and nothing compressed. The fluid bound is what no scheme that sends
# the bytes as they are can beat (Kurose & Ross), links counted by what frames leave for payload: 1448 of 1514 bytes.
set -eu
. "$(dirname "$0")/lib.sh"
. "$here/net.sh"
. "$here/rivals.sh"

usage() {
    sed -n '/^#$/,/^$/s/^# \{0,1\}//p' "$0" >&2
    exit 2
}
tasks='1 2' sets='60 600' rate=100mbit rounds=5 receivers=5 rivals='' rows='' keep=''
first='' last=''
while [[ $# -gt 0 ]]; do
    [[ $1 == --help || $# -ge 2 ]] || usage
    case $1 in
    --task) tasks=$2 ;;
    --set) sets=$2 ;;
    --rate) rate=$2 ;;
    --rounds) rounds=$2 ;;
    --receivers) receivers=$2 ;;
    --rate-first) first=$2 ;;
    --rate-last) last=$2 ;;
    --with) rivals=${2//,/ } ;;
    --rows) rows=$2 ;;
    --keep) keep=$2 ;;
    --nice) precede "$2" ;;
    *) usage ;;
    esac
    shift 2
done

need awk diff curl
net_need
for r in $rivals; do rival_need "$r"; done
at_exit+=(net_down)
for ((h = 0; h <= receivers; h++)); do link[h]=$rate; done
link[0]=${first:-$rate}
link[receivers]=${last:-$rate}
for ((h = 0; h <= receivers; h++)); do export "RATE_h$h=${link[h]}"; done
port=4000

# ---- the arrangement ------------------------------------------------------------------------------

# The documents of set $1 in $docs, the share of each host in $work/seed/hN.
arrange() {
    local set=$1 task=$2 i=0 f h
    docs=$work/set-$set
    if [[ ! -d $docs ]]; then
        mkdir "$docs"
        case $set in
        60) documents seed60 "$docs" 60 >"$work/what" ;;
        600) documents set600 "$docs" 600 >"$work/what" ;;
        all) documents all "$docs" 9823 >"$work/what" ;;
        *) usage ;;
        esac
        find "$docs" -type f ! -name 'rfc[0-9]*.txt' -delete
    fi
    rm -rf "$work/seed"
    for ((h = 0; h <= receivers; h++)); do mkdir -p "$work/seed/h$h"; done
    for f in "$docs"/*; do
        if [[ $task == 1 ]]; then h=0; else h=$((i % (receivers + 1))); fi
        ln "$f" "$work/seed/h$h/"
        i=$((i + 1))
    done
    count=$i
    bytes=$(find "$docs" -type f -printf '%s\n' | awk '{s += $1} END {printf "%d", s}')
    mapfile -t clients < <(seq $((task == 1 ? 1 : 0)) "$receivers")
    fluid=$(bound "$task" "$bytes")
    limit_s=$(awk -v b="$fluid" 'BEGIN {printf "%d", 60 + 25 * b}')
}

# bound TASK BYTES: seconds that no scheme can beat that brings BYTES to each host as they are.
bound() {
    printf '%s\n' "${link[@]}" | awk -v task="$1" -v f="$2" '
        {
            n = $1 + 0
            if ($1 ~ /gbit$/) n *= 1e9
            else if ($1 ~ /mbit$/) n *= 1e6
            else if ($1 ~ /kbit$/) n *= 1e3
            u[NR] = n / 8 * 1448 / 1514
            sum += u[NR]
        }
        END {
            own = task == 1 ? 0 : f / NR
            # Everything has to leave its first holder, to pass all links out together, and to enter each host.
            t = task == 1 ? f / u[1] : 0
            all = (task == 1 ? NR - 1 : NR) * (f - own) / sum
            if (all > t) t = all
            for (i = task == 1 ? 2 : 1; i <= NR; i++) {
                if ((f - own) / u[i] > t) t = (f - own) / u[i]
                if (own / u[i] > t) t = own / u[i]
            }
            printf "%.4f", t
        }'
}

# ---- ours -----------------------------------------------------------------------------------------

# peer HOST LIBRARY COMMANDS: starts it; its events go to $dir/hHOST.out.
peer() {
    net_in "h$1" "$P2PDI" peer -q --json --rs "$(net_addr rs)" --listen ":$port" --share "$2" \
        --state "$dir/state$1" -c "$3" </dev/null >"$dir/h$1.out" 2>"$dir/h$1.err" &
    pid_of[$1]=$!
    pids+=($!)
}

# until_event FILE EVENT PID: before the clock runs.
until_event() {
    local i
    for ((i = 0; i < 6000; i++)); do
        grep -qsF "\"event\":\"$2\"" "$1" && return 0
        kill -0 "$3" 2>/dev/null || break
        sleep 0.02
    done
    echo "no '$2' in $1" >&2
    return 1
}

# Hashes of what a host holds, cached: a peer is run until it has scanned its library.
warm() { # HOST LIBRARY
    "$P2PDI" peer -q --rs "$(net_addr rs)" --listen 127.0.0.1:0 --share "$2" --state "$dir/state$1" \
        -c "wait rfcs $(find "$2" -type f | wc -l) timeout 600; quit" </dev/null >/dev/null 2>"$dir/warm.err"
}

cpu_of() { awk -v hz="$(getconf CLK_TCK)" '{sub(/.*\) /, ""); printf "%.2f+%.2f", $12 / hz, $13 / hz}' "/proc/$1/stat" 2>/dev/null || echo 0; }
machine() { awk '$1 == "cpu" {t = 0; for (i = 2; i <= 9; i++) t += $i; print t, $5 + $6, $9}' /proc/stat; } # all, idle, stolen

# When the last `complete` came: events carry seconds since the program started, and the file was last written at its last.
complete_at() { # FILE T0
    awk -v wrote="$(stat -c %.6Y "$1")" -v t0="$2" '
        {match($0, /"t":[0-9.]+/); t = substr($0, RSTART + 4, RLENGTH - 4)}
        /"event":"complete"/ {done = t}
        END {printf "%.3f\n", wrote - t + done - t0}' "$1"
}

ours() {
    local h t0 until_s lacking rs sent0 now cpu files=() list=() pid_of=()
    for h in "${clients[@]}"; do files+=("$dir/h$h.out"); done
    mkdir -p "$dir/rs"
    net_in rs "$P2PDI" rs -q --json --listen "0.0.0.0:65423" --state "$dir/rs" </dev/null >"$dir/rs.out" 2>"$dir/rs.err" &
    rs=$!
    pids+=("$rs")
    until_event "$dir/rs.out" listening "$rs"
    if [[ $task == 1 ]]; then
        warm 0 "$work/seed/h0"
        peer 0 "$work/seed/h0" "wait rfcs $count timeout 600; register; hold"
        until_event "$dir/h0.out" registered "${pid_of[0]}"
        for h in "${clients[@]}"; do mkdir "$dir/got$h"; done
    else
        for h in "${clients[@]}"; do
            cp -r "$work/seed/h$h" "$dir/got$h"
            warm "$h" "$dir/got$h"
            list[h]=$(find "$docs" -type f -printf '%f\n' | grep -vxFf <(ls "$dir/got$h") | tr -dc '0-9\n' | tr '\n' ' ')
        done
    fi
    sync -f "$dir"
    sent0=$(net_sent h0)
    now=$(machine)
    t0=$EPOCHREALTIME
    for h in "${clients[@]}"; do
        if [[ $task == 1 ]]; then
            peer "$h" "$dir/got$h" 'get all; hold'
        else
            peer "$h" "$dir/got$h" "wait rfcs $(find "$work/seed/h$h" -type f | wc -l) timeout 60; register; wait peers $receivers timeout 60; get ${list[h]}; hold"
        fi
    done
    until_s=$((SECONDS + limit_s))
    while sleep "$pause_s"; do
        lacking=$(grep -LF '"event":"complete"' "${files[@]}") || true
        [[ -n $lacking ]] || break
        for h in "${clients[@]}"; do
            kill -0 "${pid_of[h]}" 2>/dev/null || { echo "ours: P$h ended: $(tail -n 3 "$dir/h$h.err")" >&2; break 2; }
        done
        if ((SECONDS > until_s)); then
            echo "ours: not complete after $limit_s s" >&2
            break
        fi
    done
    now+=" $(machine)"
    cpu="rs $(cpu_of "$rs")"
    for h in "${!pid_of[@]}"; do cpu+=" P$h $(cpu_of "${pid_of[h]}")"; done
    for h in "${clients[@]}"; do
        grep -qF '"event":"complete"' "$dir/h$h.out" && complete_at "$dir/h$h.out" "$t0" >"$dir/at$h"
    done
    curl_metrics h0 >"$dir/metrics" || true
    {
        echo "cpu $cpu"
        echo "frames $(($(net_sent h0) - sent0))"
        awk '{printf "idle %.0f\nstolen %.0f\n", 100 * ($5 - $2) / ($4 - $1), 100 * ($6 - $3) / ($4 - $1)}' <<<"$now"
        sed -n 's/^p2pdi_bytes_sent_total[^ ]* /metric /p' "$dir/metrics"
    } >"$dir/notes"
    [[ -z $keep ]] || { mkdir -p "$keep" && cp "$dir"/*.out "$dir"/*.err "$dir"/metrics "$dir"/notes "$keep"; }
    end "${pid_of[@]}" "$rs"
    pids=()
    explain
}

curl_metrics() { (net_in "$1" curl -s --max-time 5 "http://$(net_addr "$1"):$port/metrics"); }

# From $files and $dir/notes: where the documents came from, what left the first holder, what it cost.
explain() {
    awk -v first="$(net_addr h0):" -v payload="$bytes" -v n="$count" -v last="$(sort -g "$dir"/at* | tail -n 1)" \
        -v link="${link[0]}" -v fluid="$fluid" -v sent_file="$dir/sent" '
        FILENAME ~ /notes$/ {
            if ($1 == "cpu") cpu = substr($0, 5)
            else note[$1] = $2
            next
        }
        /"event":"done"/ {
            match($0, /"rfc":[0-9]+/); rfc = substr($0, RSTART + 6, RLENGTH - 6)
            match($0, /"wire_bytes":[0-9]+/); wire += substr($0, RSTART + 13, RLENGTH - 13)
            match($0, /"from":"[^"]*"/); from = substr($0, RSTART + 8, RLENGTH - 9)
            got++
            if (index(from, first) == 1) { firsts++; left[rfc]++ }
        }
        /"event":"failed"/ {failed++}
        END {
            for (r in left) if (left[r] > most) most = left[r]
            printf "      P0 sent %.2f F in answers, %.2f F in frames (its link %.0f%% busy); documents left P0 %.2f times each (most %d), %d of %d came from others\n", \
                note["metric"] / payload, note["frames"] / payload, 100 * note["frames"] * 8 / (last * first_rate(link)), firsts / n, most, got - firsts, got
            sent = wire / (got / n * payload + 1e-9)
            print sent >sent_file
            printf "      on the wire %.2f of the bytes, %.2f x the fluid bound of these; failed %d; processor seconds (user+system): %s; machine idle %s%%, stolen by its host %s%%\n", sent, last / fluid / (sent + 1e-9), failed, cpu, note["idle"], note["stolen"]
        }
        function first_rate(s) {return s * (s ~ /gbit$/ ? 1e9 : s ~ /mbit$/ ? 1e6 : 1e3)}' "$dir/notes" "${files[@]}"
}

# ---- rounds ---------------------------------------------------------------------------------------

# Every host has every document, byte by byte.
whole() {
    local h bad=0
    for h in "${clients[@]}"; do
        [[ $1 == ours || $task == 1 ]] || cp -n "$work/seed/h$h"/* "$dir/got$h/"
        if ! diff -rq "$docs" "$dir/got$h" >"$dir/diff" 2>&1 && grep -vqE 'Only in .*/got[0-9]+: \.' "$dir/diff"; then
            echo "$1: P$h lacks or garbles $(grep -vcE 'Only in .*/got[0-9]+: \.' "$dir/diff") documents" >&2
            bad=1
        fi
    done
    return $bad
}

load() { cut -d' ' -f1 /proc/loadavg; }

# A round of one program: prints it, adds "seconds fairness with-sync sent-of-bytes load" to $work/result-NAME.
round() { # NAME NUMBER
    local name=$1 line before
    dir=$work/round
    fresh "$dir"
    before=$(load)
    if [[ $name == ours ]]; then ours >"$dir/explained"; else rival "$name"; fi
    if ! whole "$name" || [[ $(cat "$dir"/at* 2>/dev/null | wc -l) -ne ${#clients[@]} ]]; then
        printf '  %-14s round %d: not complete\n' "$name" "$2"
        incomplete=1
        return 0
    fi
    line=$(for h in "${clients[@]}"; do printf 'P%s %s\n' "$h" "$(<"$dir/at$h")"; done | sort -g -k 2 |
        awk -v f="$fluid" '{v[NR] = $2; s = s " " $1 "=" sprintf("%.2f", $2)}
            END {m = v[int((NR + 1) / 2)]; printf "%.3f %.2f %.2f%s", v[NR], v[NR] / f, v[NR] / m, s}')
    read -r slowest ratio fair hosts <<<"$line"
    printf '  %-14s round %d: %7.2f s  %5.2f x fluid  last/median %.2f  load %s  %s\n' "$name" "$2" "$slowest" "$ratio" "$fair" "$before" "$hosts"
    [[ ! -s $dir/explained ]] || cat "$dir/explained"
    printf '%s %s %s %s %s\n' "$slowest" "$fair" "$(cat "$dir/synced" 2>/dev/null || echo "$slowest")" \
        "$(cat "$dir/sent" 2>/dev/null || echo -)" "$before" >>"$work/result-$name"
}

column() { awk -v c="$1" '{print $c}' "$2" | median; }

summary() {
    local name ours_s
    ours_s=$(column 1 "$work/result-ours" 2>/dev/null || echo 0)
    printf '\n  %-14s %9s %9s %9s %12s %9s   (medians of %d; files on %s)\n' program seconds fluid 'ours/it' last/median 'and sync' \
        "$rounds" "$disk"
    for name in ours $rivals; do
        [[ -s $work/result-$name ]] || continue
        awk -v n="$name" -v s="$(column 1 "$work/result-$name")" -v f="$fluid" -v o="$ours_s" -v l="$(column 2 "$work/result-$name")" \
            -v y="$(column 3 "$work/result-$name")" 'BEGIN {printf "  %-14s %9.2f %9.2f %9.2f %12.2f %9.2f\n", n, s, s / f, o / s, l, y}'
        [[ -z $rows ]] || {
            printf '%s\t' "$task" "$set" "$rate" "${first:--}" "${last:--}" "$receivers" "$rounds" "$name" "$fluid"
            for i in 1 2 3 4 5; do column "$i" "$work/result-$name"; done | paste -s
        } >>"$rows"
    done
}

describe
incomplete=0
for set in $sets; do
    pause_s=0.25 # the events tell the times: each look takes 3 ms of what is measured
    [[ $set == all ]] && pause_s=1
    for task in $tasks; do
        arrange "$set" "$task"
        echo
        echo "task $task, $count documents, $bytes bytes, $(<"$work/what"); links $(printf '%s\n' "${link[@]}" | uniq -c | awk '{printf "%s%d x %s", s, $1, $2; s = ", "}'); fluid bound $fluid s"
        net_up "$rate" $((receivers + 1))
        rm -f "$work"/result-*
        for ((r = 1; r <= rounds; r++)); do
            for name in ours $rivals; do
                rival_for "$name" "$task" || continue
                round "$name" "$r"
            done
        done
        summary
        net_down
    done
done
exit "$incomplete"

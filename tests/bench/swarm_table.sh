#!/bin/bash
# The whole comparison of the swarm with other programs: every case in turn, written as a table and a picture. Takes
# hours with all rounds. Usage: swarm_table.sh [--rounds 5] [--out docs/bench] [--only CASE[,CASE...]] [--again]
# A case is only run if its rows are not in OUT/swarm.tsv yet, so that a run that was broken off goes on; --again
# measures it anew. BENCH_NICE=-15 gives what is measured precedence over what else the machine does.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
rounds=5 out=$here/../../docs/bench only='' again=''

usage() {
    sed -n '2,5s/^# //p' "$0" >&2
    exit 2
}
while [[ $# -gt 0 ]]; do
    if [[ $1 == --again ]]; then
        again=yes
        shift
        continue
    fi
    [[ $# -ge 2 ]] || usage
    case $1 in
    --rounds) rounds=$2 ;;
    --out) out=$2 ;;
    --only) only=,$2, ;;
    *) usage ;;
    esac
    shift 2
done
mkdir -p "$out"
rows=$out/swarm.tsv
scratch=$(mktemp)
trap 'rm -f "$scratch"' EXIT

# name|what|goal, over the fluid bound where it is a number|programs beside ours|arguments. The slowest programs are left out where they would take
# the longest and their place is known.
cases() {
    cat <<'END'
t1-600|task 1, 600 RFCs, 100 Mbit/s|0.35|nginx,nginx-gz,nginx-gzs,rsync,rsync-z,udpcast,aria2,transmission|--task 1 --set 600
t2-600|task 2, 600 RFCs, 100 Mbit/s|0.35|nginx,nginx-gz,nginx-gzs,rsync,rsync-z|--task 2 --set 600
t1-60|task 1, 60 RFCs, 100 Mbit/s|0.55|nginx,nginx-gz,nginx-gzs,rsync,rsync-z,udpcast,aria2,transmission|--task 1 --set 60
t2-60|task 2, 60 RFCs, 100 Mbit/s|0.55|nginx,nginx-gz,nginx-gzs,rsync,rsync-z|--task 2 --set 60
t1-all|task 1, all RFCs, 100 Mbit/s|0.33|nginx-gzs,rsync-z,udpcast|--task 1 --set all
t1-10m|task 1, 600 RFCs, 10 Mbit/s|0.32|nginx-gzs,rsync-z,udpcast|--task 1 --set 600 --rate 10mbit
t1-1g|task 1, 600 RFCs, 1 Gbit/s|1.2|nginx,nginx-gz,nginx-gzs,rsync,rsync-z,udpcast,aria2|--task 1 --set 600 --rate 1gbit
t2-1g|task 2, 600 RFCs, 1 Gbit/s|1.2|nginx,nginx-gz,nginx-gzs,rsync,rsync-z|--task 2 --set 600 --rate 1gbit
slow-first|task 1, 600 RFCs, P0 10 Mbit/s, the rest 100|1.3 x the fluid bound of what is sent|nginx-gzs,rsync-z,udpcast|--task 1 --set 600 --rate-first 10mbit
slow-last|task 1, 600 RFCs, one receiver 10 Mbit/s, the rest 100|1.3 x the fluid bound of what is sent|nginx-gzs,rsync-z,udpcast|--task 1 --set 600 --rate-last 10mbit
five|task 1, 600 RFCs, 20 Mbit/s, 5 receivers||nginx-gzs,rsync-z,udpcast|--task 1 --set 600 --rate 20mbit
twenty|task 1, 600 RFCs, 20 Mbit/s, 20 receivers|1.2 x the time of 5 receivers|nginx-gzs,rsync-z,udpcast|--task 1 --set 600 --rate 20mbit --receivers 20
END
}

machine() {
    printf '%s x %s, Linux %s\n' "$(nproc)" "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(uname -r)"
}

measure() {
    local name with args status
    while IFS='|' read -r name _ _ with args; do
        [[ -z $only || $only == *,$name,* ]] || continue
        [[ -n $again ]] || ! grep -qs "^$name	" "$rows" || continue
        : >"$scratch"
        status=0
        # shellcheck disable=SC2086 # arguments are words
        "$here/bench_swarm.sh" $args --rounds "$rounds" --with "$with" --rows "$scratch" </dev/null || status=$?
        case $status in
        0) ;;
        1) echo "$name: not every round was complete" >&2 ;;
        *) exit "$status" ;;
        esac
        touch "$rows"
        sed -i "/^$name\t/d" "$rows"
        awk -v OFS='\t' -v n="$name" -v c="$(git -C "$here" rev-parse --short HEAD 2>/dev/null || echo unknown)" -v d="$(date +%F)" \
            -v m="$(machine)" '{print n, c, d, $0, m}' "$scratch" >>"$rows"
    done < <(cases)
}

# Columns: case commit date task set rate first last receivers rounds program fluid seconds last/median synced sent load machine.
# `median` of rounds each.
write_table() {
    cases | awk -F'|' '
        FILENAME == "-" {name[++n] = $1; what[$1] = $2; goal[$1] = $3; next}
        {
            split($0, f, "\t")
            k = f[1]
            if (!(k in count)) {commit[k] = f[2]; date[k] = f[3]; rounds[k] = f[10]; fluid[k] = f[12]; ours[k] = f[13]; machine[k] = f[18]}
            row[k, ++count[k]] = $0
        }
        END {
            print "# The swarm beside other programs\n"
            print "Written by `tests/bench/swarm_table.sh` from `swarm.tsv`; how it is measured: [PERFORMANCE.md](../PERFORMANCE.md)."
            print "Seconds until the last host has everything, medians; over the fluid bound (less is better);"
            print "ours over it: below 1 we are faster; last host over the median one; with everything on the disk (`sync -f`; ours"
            print "is durable when it says so); load average of the machine when a round began.\n"
            print "![the table as a picture](swarm.svg)"
            for (i = 1; i <= n; i++) {
                k = name[i]
                if (!(k in count)) continue
                printf "\n## %s\n\nFluid bound %.2f s; median of %d; commit %s, %s; %s.%s", what[k], fluid[k], rounds[k], commit[k], date[k], machine[k], \
                    goal[k] == "" ? "" : " Goal: " goal[k] "."
                for (j = 1; j <= count[k]; j++) {
                    split(row[k, j], f, "\t")
                    if (f[11] == "ours" && f[16] != "-")
                        printf " Ours sent %.2f of the bytes: %.2f x the fluid bound of these.", f[16], f[13] / f[12] / f[16]
                }
                print "\n\n| program | seconds | over fluid | ours over it | last / median | on disk | load |\n|---|---|---|---|---|---|---|"
                for (j = 1; j <= count[k]; j++) {
                    split(row[k, j], f, "\t")
                    b = f[11] == "ours" ? "**" : ""
                    printf "| %s%s%s | %.2f | %s%.2f%s | %.2f | %.2f | %.2f | %s |\n", b, f[11], b, f[13], b, f[13] / f[12], b, ours[k] / f[13], f[14], f[15], f[17]
                }
            }
        }' - "$rows" >"$out/swarm.md"
}

# Bars of the time over the fluid bound, on a logarithmic scale from 0.1 to 100.
write_picture() {
    cases | awk -F'|' '
        function x(v) {v = v < 0.1 ? 0.1 : v > 100 ? 100 : v; return 150 + 500 * (log(v) / log(10) + 1) / 3}
        function esc(s) {gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s); return s}
        FILENAME == "-" {name[++n] = $1; what[$1] = $2; next}
        {split($0, f, "\t"); k = f[1]; row[k, ++count[k]] = f[11] "\t" f[13] / f[12]}
        END {
            y = 40
            for (i = 1; i <= n; i++) {
                k = name[i]
                if (!(k in count)) continue
                y += 24
                body = body sprintf("<text x=\"10\" y=\"%d\" font-weight=\"bold\">%s</text>\n", y, esc(what[k]))
                for (j = 1; j <= count[k]; j++) {
                    split(row[k, j], f, "\t")
                    y += 18
                    body = body sprintf("<text x=\"140\" y=\"%d\" text-anchor=\"end\">%s</text><rect x=\"150\" y=\"%d\" width=\"%.1f\" height=\"12\" fill=\"%s\"/><text x=\"%.1f\" y=\"%d\">%.2f</text>\n", \
                        y, esc(f[1]), y - 11, x(f[2]) - 150, f[1] == "ours" ? "#1b7837" : "#9e9e9e", x(f[2]) + 5, y, f[2])
                }
            }
            printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 710 %d\" font-family=\"sans-serif\" font-size=\"12\">\n", y + 30
            printf "<title>Time until the last host has everything, over the fluid bound</title>\n<rect width=\"710\" height=\"%d\" fill=\"white\"/>\n", y + 30
            print "<text x=\"10\" y=\"20\" font-size=\"14\">Time until the last host has everything, over the fluid bound (logarithmic; less is better)</text>"
            for (v = 0.1; v <= 101; v *= 10)
                printf "<line x1=\"%.1f\" x2=\"%.1f\" y1=\"45\" y2=\"%d\" stroke=\"%s\"/><text x=\"%.1f\" y=\"40\" text-anchor=\"middle\">%g</text>\n", x(v), x(v), y + 10, (v > 0.9 && v < 1.1) ? "#b2182b" : "#dddddd", x(v), v
            printf "%s</svg>\n", body
        }' - "$rows" >"$out/swarm.svg"
}

measure
[[ -s $rows ]] || exit 1
write_table
write_picture
echo "$out/swarm.md"

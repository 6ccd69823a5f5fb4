# Shared by the benchmarks: finds documents, starts and ends servers by process id, takes medians.
# Sourced, never run. The caller has set -eu.
# shellcheck shell=bash disable=SC2034 # variables for those who source it

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
P2PDI=${P2PDI:-$here/../../p2pdi}
work=$(mktemp -d "${BENCH_DIR:-$here/../..}/bench.XXXXXX")
pids=()
docs=$work/docs
mkdir "$docs"

at_exit=() # functions to call once the processes have ended

# end PID...: asks them to end, kills what is still there after five seconds.
end() {
    local pid i
    kill "$@" 2>/dev/null || true
    for pid in "$@"; do
        for ((i = 0; i < 100; i++)); do
            kill -0 "$pid" 2>/dev/null || break
            sleep 0.05
        done
        kill -KILL "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
}

finish() {
    local f
    [[ ${#pids[@]} -eq 0 ]] || end "${pids[@]}"
    for f in "${at_exit[@]}"; do "$f"; done
    rm -rf "$work"
}
trap finish EXIT
trap 'exit 130' INT TERM

# precede NICE: over what else the machine has to do. Where the kernel groups processes by session, a group has a nice
# value of its own.
precede() {
    renice -n "$1" -p $$ >/dev/null
    if [[ -w /proc/self/autogroup ]]; then
        echo "$1" >/proc/self/autogroup
        at_exit+=(recede)
    fi
}
recede() { echo 0 >/proc/self/autogroup; }
[[ -z ${BENCH_NICE:-} ]] || precede "$BENCH_NICE"

need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || {
            echo "$(basename "$0"): needs $tool: contrib/deps bench" >&2
            exit 77
        }
    done
}

# documents SET DIR [COUNT]: that set of the corpus, or without it so many generated ones; prints what it is.
documents() {
    local corpus=$here/../../../shared/corpus
    if [[ -x $corpus/unpack.sh || -f $corpus/unpack.sh ]]; then
        bash "$corpus/unpack.sh" "$1" "$2" >/dev/null
        rm -f "$2"/refs.json
        echo "real RFCs ($1)"
    else
        awk -v dir="$2" -v count="${3:-600}" 'BEGIN {
            srand(1)
            for (n = 91001; n <= 91000 + count; n++) {
                file = dir "/rfc" n ".txt"
                printf "Request for Comments: %d\n\n            A Document to Measure With, Number %d\n\n", n, n >file
                for (lines = 100 + int(1400 * rand() ^ 2); lines > 0; lines--)
                    printf "   The sender %d MUST answer each message %d of section %d.\n", 9999 * rand(), n, 99 * rand() >file
                close(file)
            }
        }'
        echo "generated documents (no corpus beside the checkout)"
    fi
}

# fresh DIR: empty, on an ext4 of its own that was just made, so that no run meets what the one before left: where
# many files were just deleted, ext4 makes new ones slowly. Without root or loop devices it is a plain directory; $disk
# says which it was.
disk=''
disks=()
fresh() {
    local dir=$1 image=$1.ext4 loop
    [[ " ${disks[*]} " != *" $dir "* ]] || disk_off "$dir"
    rm -rf "$dir" "$image"
    mkdir "$dir"
    disk='a directory (no loop device to be had)'
    truncate -s 24G "$image"
    if loop=$(losetup --find --show --direct-io=on "$image" 2>/dev/null); then
        if mkfs.ext4 -q -N 500000 -E nodiscard "$loop" && mount -o noinit_itable "$loop" "$dir"; then
            [[ " ${disks[*]} " == *" $dir "* ]] || disks+=("$dir")
            rmdir "$dir/lost+found"
            disk='a new ext4 for each run'
        fi
        losetup -d "$loop" # once it is unmounted
    fi
    sync -f "$work"
}
disk_off() { umount "$1" 2>/dev/null || umount -l "$1"; }
disks_off() {
    local d
    for d in "${disks[@]}"; do disk_off "$d"; done
}
at_exit+=(disks_off)

median() { sort -g | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

# describe: commit and machine, once at the head of a report.
describe() {
    echo "commit  $(git -C "$here" rev-parse --short HEAD 2>/dev/null || echo unknown)$(git -C "$here" diff --quiet HEAD -- ':(top,exclude)docs' 2>/dev/null || echo ' (changed)')"
    echo "machine $(nproc) x $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), Linux $(uname -r)"
    echo "command $0${BENCH_NICE:+ (nice $BENCH_NICE)}; load $(cut -d' ' -f1-3 /proc/loadavg)"
}

# start_nginx CORES CONFIG-LINE...: on $nginx_port, serving $docs.
nginx_port=18080
start_nginx() {
    local cores=$1
    shift
    mkdir -p "$work/nginx"
    {
        printf 'daemon off; pid %s/nginx/pid; error_log %s/nginx/error.log; user root;\n' "$work" "$work"
        printf '%s\n' "$@"
        printf 'events { worker_connections 4096; }\n'
        printf 'http { default_type text/plain; access_log off; sendfile on; tcp_nopush on;\n'
        printf 'keepalive_requests 100000000; open_file_cache max=20000 inactive=600s; open_file_cache_valid 600s;\n'
        printf 'server { listen 127.0.0.1:%s backlog=4096; root %s; } }\n' "$nginx_port" "$docs"
    } >"$work/nginx.conf"
    taskset -c "$cores" nginx -c "$work/nginx.conf" &
    nginx_pid=$!
    pids+=("$nginx_pid")
    until curl -s -o /dev/null "http://127.0.0.1:$nginx_port/"; do kill -0 "$nginx_pid"; done
}

# start NAME COMMAND...: in the background; its output is read from file descriptor ${out[NAME]}.
declare -A out
start() {
    local name=$1 fd
    shift
    mkfifo "$work/$name.out"
    "$@" >"$work/$name.out" 2>"$work/$name.err" &
    pids+=($!)
    exec {fd}<"$work/$name.out"
    out[$name]=$fd
}

# await NAME EVENT: reads until that event comes; prints its line.
await() {
    local line
    while read -r line <&"${out[$1]}"; do
        if [[ $line == *"\"event\":\"$2\""* ]]; then
            echo "$line"
            return
        fi
    done
    cat "$work/$1.err" >&2
    return 1
}

port_of() { sed -E 's/.*"port":([0-9]+).*/\1/'; }

# start_peer CORES RFCS COMMANDS ARG...: a peer that serves $docs, once it has hashed them and carried out the
# commands, until it is ended; sets peer_port.
start_peer() {
    local cores=$1 count=$2 commands=$3
    shift 3
    start peer taskset -c "$cores" "$P2PDI" peer --json --share "$docs" --state "$work/state" \
        --listen 127.0.0.1:0 "$@" -c "wait rfcs $count timeout 600; $commands; status; hold" </dev/null
    peer_port=$(await peer listening | port_of)
    await peer status >/dev/null
}

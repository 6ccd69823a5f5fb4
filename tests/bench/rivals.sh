# The other programs, on the same hosts, files and links. Sourced by bench_swarm.sh, whose variables it uses, never run.
# shellcheck shell=bash disable=SC2154 # variables of bench_swarm.sh, net.sh and lib.sh
#
# A rival is up to three functions: NAME_serve starts what runs before the clock; NAME_go what starts with the clock
# beside the clients (pids of both go to $servers); NAME_client HOST runs on each host that wants documents and
# returns when $dir/gotHOST has them. What they leave running is ended afterwards. None verifies or syncs anything;
# `sync -f` follows outside the clock, and its time is added in a column of its own.

rivals_all='nginx nginx-gz nginx-gzs rsync rsync-z udpcast aria2 transmission'

rival_need() {
    case $1 in
    nginx | nginx-gz | nginx-gzs) need nginx curl ;;
    rsync | rsync-z) need rsync ;;
    udpcast) need udp-sender udp-receiver zstd tar ;;
    aria2) need aria2c opentracker transmission-create transmission-show ;;
    transmission) need opentracker transmission-create transmission-show transmission-daemon transmission-remote ;;
    *)
        echo "bench_swarm.sh: there is no rival '$1'; there are: $rivals_all" >&2
        exit 2
        ;;
    esac
}

# Multicast has one sender, a torrent one first holder of the whole.
rival_for() { # NAME TASK
    case $1 in
    udpcast | aria2 | transmission) [[ $2 == 1 ]] ;;
    esac
}

on() { # HOST COMMAND...: a server there
    net_in "$@" >>"$dir/servers.log" 2>&1 </dev/null &
    servers+=($!)
    pids+=($!)
}
listens() { # HOST PORT: waits until somebody does
    local i
    for ((i = 0; i < 500; i++)); do
        [[ -z $(ip netns exec "$net_prefix-$1" ss -Hltn "sport = :$2") ]] || return 0
        sleep 0.02
    done
    echo "nothing listens on $1 port $2: $(tail -n 3 "$dir/servers.log")" >&2
    return 1
}
holders() { # hosts that hold something at the start
    local h
    for ((h = 0; h <= receivers; h++)); do [[ -z $(ls -A "$work/seed/h$h") ]] || echo "$h"; done
}

# ---- nginx and curl -Z: plain; gzip 1 as it goes; compressed beforehand (gzip 9) ---------------------

nginx_serve() {
    local h
    for h in $(holders); do
        cat >"$dir/nginx$h.conf" <<END
daemon off; worker_processes 1; pid $dir/nginx$h.pid; error_log $dir/nginx$h.log; user root;
events { worker_connections 1024; }
http { default_type text/plain; access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; send_timeout 600s; ${1:-}
server { listen 8080; root $dir/www$h; } }
END
        cp -r "$work/seed/h$h" "$dir/www$h"
        [[ ${1:-} != *gzip_static* ]] || gzip -9 -k "$dir/www$h"/*
        on "h$h" nginx -c "$dir/nginx$h.conf"
        for c in "${clients[@]}"; do
            [[ $c == "$h" ]] || find "$work/seed/h$h" -type f -printf '%f\n' | sort |
                awk -v a="$(net_addr "h$h")" '{printf "url=\"http://%s:8080/%s\"\nremote-name\n", a, $1}' >>"$dir/urls$c"
        done
    done
    for h in $(holders); do listens "h$h" 8080; done
}
nginx_client() { # HOST OPTION...
    (cd "$dir/got$1" && net_in "h$1" curl -s "${@:2}" -Z --parallel-max 16 -K "$dir/urls$1" >/dev/null 2>&1)
}
nginx-gz_serve() { nginx_serve 'gzip on; gzip_types text/plain; gzip_comp_level 1;'; }
nginx-gz_client() { nginx_client "$1" --compressed; }
nginx-gzs_serve() { nginx_serve 'gzip_static on;'; }
nginx-gzs_client() { nginx_client "$1" --compressed; }

# ---- rsync, plain and with zstd 3 -------------------------------------------------------------------

rsync_serve() {
    local h
    for h in $(holders); do
        printf 'use chroot = no\nmax connections = 50\nread only = yes\n[s]\npath = %s\n' "$work/seed/h$h" >"$dir/rsyncd$h.conf"
        on "h$h" rsync --daemon --no-detach --config="$dir/rsyncd$h.conf"
    done
    for h in $(holders); do listens "h$h" 873; done
}
rsync_client() { # HOST OPTION...
    local c=$1 h of=()
    shift
    for h in $(holders); do
        [[ $h != "$c" ]] || continue
        net_in "h$c" rsync -a "$@" "rsync://$(net_addr "h$h")/s/" "$dir/got$c/" &
        of+=($!)
    done
    wait "${of[@]}"
}
rsync-z_serve() { rsync_serve; }
rsync-z_client() { rsync_client "$1" -z --zc=zstd --zl=3; }

# ---- multicast: all start together, all or nothing ---------------------------------------------------

# With its defaults it waits two seconds for further receivers and greets them once; here it starts as soon as all are
# there. Told the rate of the slowest link it loses fewer packets than by finding out.
udpcast_go() {
    local slowest_kbit
    slowest_kbit=$(printf '%s\n' "${link[@]}" | sed 's/gbit/000000/; s/mbit/000/; s/kbit//' | sort -n | head -n 1)
    (tar -C "$work/seed/h0" -cf - . | zstd -q -3 | net_in h0 udp-sender --nokbd --min-receivers "$receivers" --min-wait 0 \
        --rexmit-hello-interval 100 --interface eth0 --max-bitrate "$((slowest_kbit * 97 / 100))k" >>"$dir/servers.log" 2>&1) &
    servers+=($!)
    pids+=($!)
}
udpcast_client() {
    (net_in "h$1" udp-receiver --nokbd --interface eth0 --start-timeout 30 --receive-timeout 30 2>/dev/null) |
        zstd -q -d | tar -C "$dir/got$1" -xf -
}

# ---- BitTorrent: one torrent of everything, pieces of 64 KB ------------------------------------------

torrent() {
    cp -r "$docs" "$dir/torrent"
    transmission-create -s 64 -t "http://$(net_addr rs):6969/announce" -o "$dir/set.torrent" "$dir/torrent" >/dev/null
    transmission-show "$dir/set.torrent" | awk '/Hash( v1)?:/ {print $NF}' >"$dir/white"
    chmod a+rx "$work" "$dir"
    on rs opentracker -p 6969 -P 6969 -w "$dir/white"
    listens rs 6969
    for ((h = 0; h <= receivers; h++)); do mkdir -p "$dir/bt$h"; done
    mv "$dir/torrent" "$dir/bt0/torrent"
}
# Until a file is there; the whole round has a limit.
until_there() { until [[ -e $1 ]]; do sleep 0.02; done; }
aria2_on() { # HOST OPTION...
    local h=$1
    shift
    printf '#!/bin/sh\n: >%s/done%s\n' "$dir" "$h" >"$dir/done$h.sh"
    chmod +x "$dir/done$h.sh"
    on "h$h" aria2c -q --seed-ratio=0.0 --seed-time=600 --bt-tracker-interval=1 --enable-dht=false --bt-enable-lpd=false \
        --enable-peer-exchange=true --file-allocation=none --bt-max-peers=20 --listen-port=6881 \
        --on-bt-download-complete="$dir/done$h.sh" -d "$dir/bt$h" "$@" "$dir/set.torrent"
}
aria2_serve() {
    torrent
    aria2_on 0 --check-integrity=true -V
    listens h0 6881
    sleep 2 # it announces itself meanwhile; nothing tells when
}
aria2_go() { for c in "${clients[@]}"; do aria2_on "$c"; done; }
aria2_client() {
    until_there "$dir/done$1"
    moved "$1"
}
moved() {
    rmdir "$dir/got$1"
    mv "$dir/bt$1/torrent" "$dir/got$1"
    ln -s "$dir/got$1" "$dir/bt$1/torrent"
}

transmission_on() {
    mkdir -p "$dir/tc$1"
    on "h$1" transmission-daemon -f -g "$dir/tc$1" -w "$dir/bt$1" -P 51413 --no-portmap --lpd --no-dht --no-utp \
        -a 127.0.0.1 -p 9091 --encryption-tolerated
}
transmission_tell() { (net_in "$1" transmission-remote 127.0.0.1:9091 "${@:2}" 2>/dev/null); }
transmission_serve() {
    torrent
    for ((h = 0; h <= receivers; h++)); do transmission_on "$h"; done
    for ((h = 0; h <= receivers; h++)); do listens "h$h" 9091; done
    transmission_tell h0 -a "$dir/set.torrent" >/dev/null
    transmission_tell h0 -t1 -v >/dev/null
    for ((h = 0; h < 600; h++)); do
        ! transmission_tell h0 -l | grep -q '100%.*\(Idle\|Seeding\)' || return 0
        sleep 0.1
    done
    echo 'transmission: P0 does not come to have everything' >&2
    return 1
}
transmission_client() {
    transmission_tell "h$1" -a "$dir/set.torrent" >/dev/null
    until transmission_tell "h$1" -l | grep -q '100%'; do sleep 0.05; done
    moved "$1"
}

# ---- a round -----------------------------------------------------------------------------------------

# Puts the seconds of each client into $dir/atHOST, those until all is on the disk into $dir/synced.
rival() {
    local name=$1 c t0 waits=() ended now
    servers=()
    for c in "${clients[@]}"; do mkdir -p "$dir/got$c"; done
    ! declare -F "${name}_serve" >/dev/null || "${name}_serve"
    sync -f "$dir"
    t0=$EPOCHREALTIME
    ! declare -F "${name}_go" >/dev/null || "${name}_go"
    for c in "${clients[@]}"; do
        (
            trap - EXIT
            "${name}_client" "$c" || echo "$name: P$c: $?" >&2
            echo "$EPOCHREALTIME" >"$dir/end$c"
        ) &
        waits+=($!)
    done
    pids+=("${waits[@]}")
    ended=''
    for ((i = 0; ; i++)); do
        sleep 0.1
        alive "${waits[@]}" || break
        if awk -v a="$t0" -v b="$EPOCHREALTIME" -v l="$limit_s" 'BEGIN {exit !(b - a > l)}'; then
            echo "$name: not complete after $limit_s s" >&2
            ended=late
            break
        fi
    done
    if [[ -z $ended ]]; then
        now=$EPOCHREALTIME
        sync -f "$dir"
        now="$now $EPOCHREALTIME"
        for c in "${clients[@]}"; do
            awk -v a="$t0" '{printf "%.3f\n", $1 - a}' "$dir/end$c" >"$dir/at$c"
        done
        awk -v last="$(sort -g "$dir"/at* | tail -n 1)" '{printf "%.3f\n", last + $2 - $1}' <<<"$now" >"$dir/synced"
    fi
    end "${waits[@]}" "${servers[@]}"
    pids=()
}

alive() {
    local pid
    for pid in "$@"; do kill -0 "$pid" 2>/dev/null && return 0; done
    return 1
}

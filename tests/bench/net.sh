# A network to measure in: hosts h0..h(N-1) and rs on one switch, in network namespaces of their own, each
# behind a link of so many bits a second both ways (HTB). Sourced after lib.sh, never run.
# shellcheck shell=bash disable=SC2154 # variables of lib.sh
#
#   net_up RATE [HOSTS]     RATE as tc writes it (100mbit); RATE_h0=10mbit and the like make one link differ
#   net_in HOST COMMAND... &   becomes that command there (so: in the background or a subshell), which is killed
#                           if the shell that started it dies
#   net_addr HOST           its address
#   net_sent HOST           bytes that have left its interface, heads of frames included
#   net_down                takes everything away; called on every exit, too
#
# The namespaces are named after the process id of the script, so that several can run at once; what a script
# that was killed has left is taken away by the next. Host i has 10.73.0.(10 + i), rs has 10.73.0.2.

net_prefix=p2pdi-bench-$$
net_is_up=''

net_need() {
    local missing=''
    [[ $(id -u) -eq 0 ]] || missing+=' root;'
    command -v ip >/dev/null && command -v tc >/dev/null || missing+=' ip and tc (package iproute2);'
    command -v ethtool >/dev/null || missing+=' ethtool (package ethtool);'
    command -v setpriv >/dev/null || missing+=' setpriv (package util-linux);'
    if [[ -z $missing ]]; then
        # Containers often have all of these and may use none.
        if ! ip netns add "$net_prefix-try" 2>"$work/net.err"; then
            missing=" the right to make network namespaces: $(<"$work/net.err");"
        else
            ip -n "$net_prefix-try" link add try0 type veth peer name try1 2>"$work/net.err" &&
                ip netns exec "$net_prefix-try" tc qdisc add dev try0 root handle 1: htb 2>"$work/net.err" ||
                missing=" veth and HTB of the kernel (modules veth, sch_htb): $(<"$work/net.err");"
            ip netns del "$net_prefix-try"
        fi
    fi
    [[ -z $missing ]] || {
        echo "$(basename "$0"): needs${missing%;}" >&2
        exit 77
    }
}

net_addr() { if [[ $1 == rs ]]; then echo 10.73.0.2; else echo "10.73.0.$((10 + ${1#h}))"; fi; }

# Ends what runs there, then the namespaces of the scripts with that process id.
net_remove() {
    local ns pid
    for ns in $(ip netns list 2>/dev/null | awk -v p="p2pdi-bench-$1-" 'index($1, p) == 1 {print $1}'); do
        for pid in $(ip netns pids "$ns"); do kill -KILL "$pid" 2>/dev/null || true; done
        ip netns del "$ns" 2>/dev/null || true
    done
}

net_down() {
    [[ -z $net_is_up ]] || net_remove $$
    net_is_up=''
}

net_remove_stale() {
    local pid
    for pid in $(ip netns list | sed -n 's/^p2pdi-bench-\([0-9]*\)-.*/\1/p' | sort -u); do
        [[ -d /proc/$pid ]] || net_remove "$pid"
    done
}

# Frames leave at no more than that rate. Offloading is off, or HTB would count frames of 64 KB.
net_limit() { # NAMESPACE INTERFACE RATE
    ip netns exec "$1" ethtool -K "$2" tso off gso off gro off >/dev/null 2>&1 || true
    ip netns exec "$1" tc qdisc add dev "$2" root handle 1: htb default 1
    ip netns exec "$1" tc class add dev "$2" parent 1: classid 1:1 htb rate "$3" ceil "$3" \
        burst 32k cburst 32k quantum 3000
    ip netns exec "$1" tc qdisc add dev "$2" parent 1:1 pfifo limit 256
}

net_up() {
    local rate=$1 hosts=${2:-6} h own ns sw=$net_prefix-sw
    net_remove_stale
    net_is_up=yes
    ip netns add "$sw"
    ip -n "$sw" link set lo up
    ip -n "$sw" link add br0 type bridge mcast_snooping 0
    ip -n "$sw" link set br0 up
    # A switch is no packet filter: where the kernel makes it one, that costs processor time and nothing else.
    ip netns exec "$sw" sysctl -q -w net.bridge.bridge-nf-call-iptables=0 2>/dev/null || true
    for h in rs $(seq -f 'h%g' 0 $((hosts - 1))); do
        own=RATE_$h
        ns=$net_prefix-$h
        ip netns add "$ns"
        ip -n "$sw" link add "s$h" type veth peer name eth0 netns "$ns"
        ip -n "$ns" link set lo up
        ip -n "$ns" addr add "$(net_addr "$h")/24" brd + dev eth0
        ip -n "$ns" link set eth0 up
        ip -n "$ns" route add 224.0.0.0/4 dev eth0
        ip -n "$sw" link set "s$h" master br0 up
        net_limit "$ns" eth0 "${!own:-$rate}"
        net_limit "$sw" "s$h" "${!own:-$rate}"
    done
}

net_in() {
    local h=$1
    shift
    exec setpriv --pdeathsig KILL ip netns exec "$net_prefix-$h" "$@"
}

net_sent() { ip netns exec "$net_prefix-$1" cat /sys/class/net/eth0/statistics/tx_bytes; }

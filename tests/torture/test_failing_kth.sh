#!/bin/bash
# Every k-th call of our own code fails, once and from there on: allocations, open, read, write, sync, rename, sockets,
# epoll and poll, threads; in a download, in a peer that serves, in a registration server. It may fail with a message,
# it may not crash, hang, leak (make torture VARIANT=asan T=failing_kth), show a wrong document or leave behind what a
# later run cannot live with. In full all k until there are no more; in short RUNS=n that SEED draws.
# ROLES='get peer rs', CLASSES='malloc open', MODES='once on', FROM=k, STEP=n.
# shellcheck source=tests/torture/swarm.sh
source "$(dirname "$0")/swarm.sh"

runs=${RUNS:-10} limit=20
# Coverage wants more of them.
[[ $VARIANT != cover ]] || runs=${RUNS:-150}
[[ $VARIANT == release ]] || limit=60
read -ra roles <<<"${ROLES:-get peer rs}"
read -ra modes <<<"${MODES:-once on}"
declare -A calls=(
    [malloc]='malloc calloc realloc reallocarray strdup strndup'
    [open]='open openat syscall fopen fdopen opendir fdopendir mkdir mkdtemp'
    [read]='read pread recv fstat stat fstatat readdir'
    [write]='write pwrite send sendmsg sendfile ftruncate'
    [sync]='fsync fdatasync syncfs'
    [rename]='rename renameat link unlink unlinkat flock'
    [socket]='accept4 socket connect bind listen setsockopt getsockopt getsockname'
    [wait]='epoll_wait poll ppoll'
    [epoll]='epoll_create1 epoll_ctl eventfd pipe2 inotify_init1 inotify_add_watch signalfd'
    [thread]='pthread_create'
)
read -ra classes <<<"${CLASSES:-malloc open read write sync rename socket epoll wait thread}"
# What a sanitizer finds is told apart from what the program says.
export ASAN_OPTIONS="${ASAN_OPTIONS-}:exitcode=99" UBSAN_OPTIONS="${UBSAN_OPTIONS-}:exitcode=99"

text truth 91000 40000
text truth 91001 300000
text truth 91002 70000
start_rs rs
healthy=$rs
serve good truth
enlist "$healthy" "${port[good]}"
# Addresses that stay the same: the next run takes the place of one that did not leave.
spare='' other=''
for name in spare other; do
    start_peer "$name"
    printf -v "$name" %s "$at"
    say "$name" quit
    ended "$name" 0
done

broken() { fail "$role, call $k of $class fails, $mode: $*"; }

# failing ARGUMENT...: the program whose calls fail, in the background; its output is read from $output.
failing() {
    local settings=(FAILING_STATE=places FAILING_ONLY="${calls[$class]}" FAILING_CALL="$k")
    [[ $mode == once ]] || settings+=(FAILING_STAY=1)
    rm -f failing.out places
    mkfifo failing.out
    timeout -s KILL "$limit" env "${settings[@]}" "$(tool failing)" "$@" --json >failing.out 2>failing.err </dev/null &
    failing=$!
    exec {output}<failing.out
    truncate -s 0 failing.log
}

# until_says EVENT SECONDS: reads on until it says that; false: it ended, or said nothing for so long. A line that it
# had no memory for is not said.
until_says() {
    local line
    while IFS= read -r -t "$2" -u "$output" line; do
        printf '%s\n' "$line" >>failing.log
        [[ $line != *"\"event\":\"$1\""* ]] || return 0
    done
    return 1
}

# Its end must be one that the manual knows; ours are asked for by SIGTERM. Sets $code.
end_failing() {
    code=0
    until_says 'the end of its output' $((limit + 5)) || true
    exec {output}<&-
    wait "$failing" || code=$?
    ends[$code]=$((${ends[$code]-0} + 1))
    case $code in
    0 | 1 | 2 | 3 | 4 | 6 | 143) ;;
    137) broken "does not end" ;;
    *) broken "ended with $code" ;;
    esac
}

# Nothing visible in that library is wrong.
nothing_wrong() {
    local file
    for file in "$1"/rfc*.txt; do
        [[ ! -e $file ]] || cmp "truth/${file##*/}" "$file" || broken "a wrong document is visible"
    done
}

# everything ARGUMENT...: a healthy download to a.rfcs gets all, whatever was left there.
everything() {
    timeout "$limit" "$P2PDI" get 91000-91002 --listen 127.0.0.1:0 --share a.rfcs --state a.state --json "$@" \
        >healthy.log 2>healthy.err </dev/null || broken "a healthy download ended with $?"
    diff -r -x '.*' truth a.rfcs || broken "a healthy download did not get everything"
}

run_get() {
    rm -rf a.rfcs a.state
    failing get 91000-91002 --rs "$healthy" --listen "$spare" --share a.rfcs --state a.state
    end_failing
    ((code != 0)) || diff -r truth a.rfcs || broken "said that all is done"
    nothing_wrong a.rfcs
    everything --rs "$healthy"
}

# A download from it and from a healthy one gets everything; what it holds stays what it was.
run_peer() {
    rm -rf a.rfcs a.state b.rfcs b.state
    cp -r truth b.rfcs
    failing peer --batch -c 'register; hold' --rs "$healthy" --listen "$other" --share b.rfcs --state b.state
    until_says registered 3 || true
    everything --rs "$healthy"
    kill -TERM "$failing" 2>/dev/null || true
    end_failing
    diff -r truth b.rfcs || broken "what it held has changed"
}

# Whom it registered is there after a restart; with a peer's help a healthy download gets everything then.
run_rs() {
    local told='' i
    rm -rf a.rfcs a.state b.state
    failing rs --listen "$other" --state b.state
    until_says listening 3 || true
    for i in 1 2 3; do
        # One that fails may have taken the place of the one before at that address.
        told=''
        (patience=2 && enlist "$other" "${port[good]}") >/dev/null 2>&1 || break
        told=yes
        curl -s -m 2 -o /dev/null "http://$other/peers.tsv" || break
    done
    kill -TERM "$failing" 2>/dev/null || true
    end_failing
    rm -f "$work/rs.again.err"
    start again rs --listen "$other" --state "$work/b.state" --json
    event again listening
    curl -fsS -m 20 "http://$other/peers.tsv" >peers.tsv
    if [[ -n $told ]]; then
        grep -q "[[:space:]]${port[good]}[[:space:]]" peers.tsv || broken "forgot whom it had registered"
    fi
    enlist "$other" "${port[good]}"
    everything --rs "$other"
    kill -TERM "${pid[again]}"
    ended again 143
}

declare -A ends
injected=0 done_runs=0

# run: one, of $role with $class, $k, $mode; false if there were fewer than k such calls.
run() {
    "run_$role"
    ((++done_runs))
    (($(od -An -tu4 -N4 places) > 0)) || return 1
    ((++injected))
}

if [[ -n ${FULL-} ]]; then
    for role in "${roles[@]}"; do
        for class in "${classes[@]}"; do
            for mode in "${modes[@]}"; do
                k=${FROM:-1}
                while run; do ((k += ${STEP:-1})); done
                echo "$role, $class, $mode: $((k - 1))"
            done
        done
    done
else
    # What waits for connections or a signal has nothing else to wait for: it ends on SIGTERM all the same.
    for role in peer rs; do class=wait mode=on k=1 && run; done
    for ((i = 0; i < runs; i++)); do
        role=${roles[RANDOM % ${#roles[@]}]} class=${classes[RANDOM % ${#classes[@]}]}
        mode=${modes[RANDOM % ${#modes[@]}]}
        k=$((1 + RANDOM % (1 + RANDOM % 80)))
        run || true
    done
fi
((injected > 0)) || fail "no call failed"
codes=''
for code in "${!ends[@]}"; do codes+=" $code: ${ends[$code]}"; done
row "$done_runs runs, in $injected of them calls failed: 0 crashes, 0 hangs, 0 wrong; ended with$codes"
say good quit
ended good 0

#!/bin/bash
# The order of system calls of a real download, seen from outside: a document's bytes are written, then on the disk,
# then it gets its name, then the directory is on the disk, and only then it is reported. The same for the cookie.
# shellcheck source=tests/torture/lib.sh
source "$(dirname "$0")/lib.sh"

if ! strace -f -o /dev/null true 2>strace.err; then
    echo "strace cannot watch here: $(tail -n 1 strace.err)"
    exit 77
fi
documents=${DOCUMENTS:-$(full 60 2000)}

start_rs rs
mkdir b.rfcs a.rfcs
for ((i = 0; i < documents; i++)); do document b.rfcs $((91000 + i)) $((20 + RANDOM % 600)); done
start_peer b
say b "wait rfcs $documents timeout 200" register
event b registered

# LeakSanitizer cannot work on a process that is watched.
ASAN_OPTIONS="${ASAN_OPTIONS-}:detect_leaks=0" timeout $((patience * 10)) strace -f -y -qq -s 8192 -o calls \
    -e trace=write,pwrite64,fsync,fdatasync,syncfs,rename,renameat,renameat2,openat,link,linkat \
    "$P2PDI" get all --rs "$rs" --share a.rfcs --state "$work/a.state" --listen 127.0.0.1:0 --json \
    >a.log 2>a.err </dev/null ||
    fail "the download ended with $?"

# A call that others interrupt stands in two lines: it begins at the first and has ended at the second.
awk -v dir="$work/a.rfcs" -v wanted="$documents" '
    function bad(text) { print "line " NR ": " text ": " call; broken = 1 }
    function path_of(text) { match(text, /<[^>]*>/); return substr(text, RSTART + 1, RLENGTH - 2) }
    # The last data sync of that file, or of all, began after its last write and ended before now.
    function is_synced(file) {
        if (sync_begin[file] > written[file] && sync_end[file] < begin) { by_file++; return 1 }
        if (all_begin > written[file] && all_end < begin) { by_all++; return 1 }
        return 0
    }
    {
        pid = $1; call = $0; sub(/^[0-9]+ +/, "", call); begin = NR
    }
    / <unfinished \.\.\.>$/ { sub(/ <unfinished \.\.\.>$/, "", call); open[pid] = call; since[pid] = NR }
    # What is reported counts from where it begins.
    call ~ /^write\(1</ && $0 !~ / resumed>/ {
        for (rest = call; match(rest, /event\\":\\"done\\"[^}]*rfc\\":[0-9]+/); rest = substr(rest, RSTART + RLENGTH)) {
            n = substr(rest, RSTART, RLENGTH); sub(/.*:/, "", n)
            if (!(n in durable)) bad("RFC " n " reported before its name was on the disk")
            told++
        }
        if (call ~ /event\\":\\"registered\\"/ && !cookie_durable) bad("registered before the cookie was on the disk")
    }
    / <unfinished \.\.\.>$/ { next }
    / resumed>/ { sub(/^<\.\.\. [a-z0-9_]+ resumed>/, "", call); call = open[pid] call; begin = since[pid] }
    call !~ / = [0-9]+/ { next }
    call ~ /^p?write(64)?\(/ {
        file = path_of(call)
        written[file] = NR
        if (file ~ "^" dir "/rfc") bad("written to while visible")
    }
    call ~ /^f(data)?sync\(/ { file = path_of(call); sync_begin[file] = begin; sync_end[file] = NR }
    call ~ /^syncfs\(/ { all_begin = begin; all_end = NR }
    call ~ /^fsync\(/ {
        if (path_of(call) == dir)
            for (n in renamed) if (renamed[n] < begin) { durable[n] = NR; delete renamed[n] }
        if (cookie_renamed && path_of(call) == cookie_dir && cookie_renamed < begin) cookie_durable = NR
    }
    call ~ /^rename/ {
        split(call, part, "\"")
        if (part[4] ~ /^rfc[0-9]+\.txt$/) {
            if (!is_synced(dir "/" part[2])) bad("named before its bytes were on the disk")
            n = part[4]; gsub(/[^0-9]/, "", n)
            renamed[n] = NR
        } else if (part[4] ~ /\/cookie$/) {
            if (!(sync_begin[part[2]] > written[part[2]] && sync_end[part[2]] < begin)) bad("the cookie was not on the disk")
            cookie_dir = part[4]; sub(/\/cookie$/, "", cookie_dir)
            cookie_renamed = NR
        }
    }
    call ~ /^link/ || (call ~ /^openat\(/ && call ~ /O_CREAT/ && call ~ /"rfc[0-9]+\.txt"/) { bad("visible in another way") }
    END {
        if (told != wanted || !cookie_durable) { print told + 0 " of " wanted " reported, cookie " cookie_durable + 0; broken = 1 }
        printf "%d documents in the right order (%d by a sync of their own, %d by one for many)\n", told, by_file, by_all
        exit broken
    }' calls >verdict || { cat verdict; fail "the order is wrong"; }
diff -r b.rfcs a.rfcs
row "$(<verdict)"
say b quit
ended b 0

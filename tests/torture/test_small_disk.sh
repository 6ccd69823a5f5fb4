#!/bin/bash
# A peer and a server on a disk of 1 MB: downloads of more than that fail with a clear error, nothing partial is
# visible, what is there is served on; the server refuses what it cannot keep, and answers on. With room again all
# goes on. The disk is filled to the page at which it becomes full, for one page after another.
if [[ -z ${ON_SMALL_DISK-} ]]; then
    export ON_SMALL_DISK=yes
    unshare -rm true 2>/dev/null || { echo "there are no user namespaces here"; exit 77; }
    exec unshare -rm "$BASH" "$0" "$@"
fi
# shellcheck source=tests/torture/lib.sh
source "$(dirname "$0")/lib.sh"

mkdir disk
mount -t tmpfs -o size=1m none disk
room() { df --output=avail -B1 disk | tail -n 1; }
# fill PAGES: leaves that much room.
fill() {
    rm -f disk/filler
    head -c $(($(room) - $1 * 4096)) /dev/zero >disk/filler
}

documents=200
for ((i = 0; i < documents; i++)); do document b.rfcs $((91000 + i)) $((100 + i * 3)); done
(cd b.rfcs && sha256sum rfc*.txt) >sums
document disk/a.rfcs 90500

# ---- a peer ----------------------------------------------------------------------------------------------------

start_rs rs
start_peer b
say b "wait rfcs $documents timeout 100" register
event b registered
start a peer --batch --json --rs "$rs" --listen 127.0.0.1:0 --share disk/a.rfcs --state disk/state
event a listening
at=127.0.0.1:$(field port)
say a register
event a registered

# What is visible of the downloads is right, and what was there is served.
check_peer() {
    (cd disk/a.rfcs && find . -name 'rfc91*' -printf '%f\n' | sort) >visible
    grep -F -f visible sums >expected || true
    [[ ! -s visible ]] || (cd disk/a.rfcs && sha256sum --quiet -c ../../expected) || fail "$1: a partial document is visible"
    curl -fsS "http://$at/rfc/90500.txt" | cmp - disk/a.rfcs/rfc90500.txt || fail "$1: serving has stopped"
}

tries=0
for ((pages = 0; pages < 200; pages += $(full 70 2))); do
    fill "$pages"
    say a '-get 91000-91199' status
    event a complete
    files=$(field files)
    event a status
    check_peer "with $pages pages"
    ((files < documents)) || fail "all of it on a full disk"
    has a.log '"event":"failed"' '"event":"error"'
    [[ $(grep -c '' visible) == "$files" ]] || fail "with $pages pages: $files are said to be there, $(grep -c '' visible) are"
    rm -f disk/filler disk/a.rfcs/rfc91* disk/a.rfcs/.*.part
    # The watcher is to see that they are gone.
    say a 'pquery' status
    until
        say a status
        event a status
        [[ $(field held) == 1 ]]
    do :; done
    ((tries += 1))
done
say a 'get 91000-91019'
event a complete
[[ $(field files) == 20 ]] || fail "with room again: $line"
check_peer 'with room again'
say a quit
ended a 0
say b quit
ended b 0

# ---- a server --------------------------------------------------------------------------------------------------

rm -rf disk/a.rfcs disk/state
kill -TERM "${pid[rs]}"
ended rs 143

# register PORT: $status of it.
register() {
    local fd
    exec {fd}<>"/dev/tcp/${rs%:*}/${rs##*:}"
    printf 'REGISTER P2P-DI/1.0\r\nPort: %s\r\nConnection: close\r\n\r\n' "$1" >&"$fd"
    read -r -t "$patience" -u "$fd" _ status _ || fail "no answer to REGISTER"
    exec {fd}>&-
}

# start_here: the server on this disk, with whatever it has kept.
start_here() {
    start rs rs --listen 127.0.0.1:0 --state disk/rs --json
    event rs listening
    rs=127.0.0.1:$(field port)
}

all=0 refused=0
for ((pages = 0; pages < $(full 3 60); pages++)); do
    registered=0
    start_here
    fill "$pages"
    for ((i = 0; i < 20; i++)); do
        register $((2000 + i))
        case $status in
        200) ((registered += 1)) ;;
        500) ((refused += 1)) ;;
        *) fail "a full disk is answered with $status" ;;
        esac
    done
    curl -fsS -o /dev/null "http://$rs/peers.tsv"
    rm -f disk/filler
    register 3000
    [[ $status == 200 ]] || fail "with room again REGISTER is answered with $status"
    ((registered += 1))
    kill -KILL "${pid[rs]}"
    { ended rs 137; } 2>/dev/null
    start_here
    known=$(curl -fsS "http://$rs/metrics" | sed -n 's/^p2pdi_peers_known{.*} //p')
    ((known >= registered)) || fail "with $pages pages: $registered were acknowledged, $known are there after a kill"
    kill -TERM "${pid[rs]}"
    ended rs 143
    rm -rf disk/rs
    ((all += registered))
done
((refused > 0)) || fail "the disk was never full"
umount disk
row "1 MB: $tries rounds of $documents downloads: nothing partial; $all registrations, all there after a kill," \
    "$refused refused"

#!/bin/bash
# Directories on a disk that is full, on one that is read-only, and files in their place: each is told as what it is,
# with a command that can be run.
if [[ -z ${OWN_MOUNTS-} ]]; then
    export OWN_MOUNTS=yes
    unshare -rm true 2>/dev/null || { echo "there are no user namespaces here"; exit 77; }
    exec unshare -rm "$BASH" "$0" "$@"
fi
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

mkdir full ro ok
mount -t tmpfs -o size=64k none full
head -c 100000 /dev/zero >full/fill 2>/dev/null || true
mount -t tmpfs none ro
mkdir ro/lib
mount -o remount,ro ro
touch file
start_rs rs
rest=(--rs "$rs" --listen 127.0.0.1:0)
check() {
    line=$(grep -F "\"name\":\"$1\"" doctor.log) || fail "no check of '$1'"
    [[ $(field result) == "$2" ]] || fail "not $2: $line"
    [[ $line == *"$3"* ]] || fail "no '$3': $line"
}

# full: `get` sends people to the doctor for that
expect 6 doctor doctor "${rest[@]}" --state ok --share full --json
check library failed "df -h 'full'"
check library failed ' free: too little'
expect 6 full rs --listen 127.0.0.1:0 --state full
has full.err 'no space left on the device' "  try: df -h 'full'"

# the records of a run before are no help: SQLite needs a little room to open them
mount -t tmpfs -o size=1m none full
start before rs --listen 127.0.0.1:0 --state full --json
event before listening
kill -TERM "${pid[before]}"
ended before 143
head -c 2000000 /dev/zero >full/fill 2>/dev/null || true
expect 6 again rs --listen 127.0.0.1:0 --state full
has again.err 'no space left on the device' "  try: df -h 'full'"
umount full

# some is left, but not much; all of the names are taken
mount -t tmpfs -o size=2m none full
expect 0 doctor doctor "${rest[@]}" --state ok --share full --json
check library note "df -h 'full'"
umount full
mount -t tmpfs -o size=200m,nr_inodes=1 none full
expect 6 doctor doctor "${rest[@]}" --state ok --share full --json
check library failed 'not for one more file'
expect 6 doctor doctor "${rest[@]}" --state full --share ok --json
check state failed 'df -h'
umount full

# read-only
for share in ro/lib ro/none; do
    expect 6 share get 1 "${rest[@]}" --state ok --share "$share"
    has share.err "$share: read-only file system" '  try: p2pdi get --share OTHER-DIR'
    expect 6 doctor doctor "${rest[@]}" --state ok --share "$share" --json
    check library failed 'read-only file system'
done
expect 6 state rs --listen 127.0.0.1:0 --state ro/rs
has state.err 'cannot use state directory ro/rs: read-only file system' '  try: p2pdi rs --state OTHER-DIR'
expect 6 doctor doctor "${rest[@]}" --state ro/state --share ok --json
check state failed 'read-only file system'
check listen note 'not tried'
check server ok ''

# a file: said once, without names that are ours, and what is to be looked at is there
expect 6 place peer "${rest[@]}" --share ok --state file -c quit
has place.err 'cannot use state directory file: there is a file in its place' "  try: ls -ld 'file'"
has_not place.err peer- 'cannot make'
expect 6 below peer "${rest[@]}" --share ok --state file/x/y -c quit
has below.err 'file/x/y: a part of its path is a file' "  try: ls -ld 'file'"

umount full ro

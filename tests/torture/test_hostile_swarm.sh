#!/bin/bash
# Nine of ten peers are hostile, each in one of many ways: nothing wrong becomes visible, everything arrives, and it
# takes at most three times as long as from the honest ones alone. ROUNDS=n, DOCUMENTS=n, RATE=bytes/s of each
# honest holder, EACH=n of each behaviour; BEHAVIOURS='lies bombs'.
# shellcheck source=tests/torture/swarm.sh
source "$(dirname "$0")/swarm.sh"

rounds=${ROUNDS:-$(full 1 5)} documents=${DOCUMENTS:-$(full 32 160)} rate=${RATE:-500k} each=${EACH:-2}
honest=4
mapfile -t behaviours < <("$(tool hostile)")
[[ -z ${BEHAVIOURS-} ]] || read -ra behaviours <<<"$BEHAVIOURS"

for ((i = 0; i < documents; i++)); do text truth $((91000 + i)) 100000; done
ports=()
for ((i = 1; i <= honest; i++)); do
    serve "good$i" truth --up "$rate"
    ports+=("${port[good$i]}")
done

# download NAME [PEER...]: everything, from the honest ones and those; sets $took (ms).
download() {
    local name=$1 before
    shift
    start_rs "rs.$name"
    enlist "$rs" "${ports[@]}"
    (($# == 0)) || misbehave "${rs##*:}" truth "$@"
    rm -rf a.rfcs a.state
    truncate -s 0 a.log a.err
    before=${EPOCHREALTIME/./}
    start a get 91000-$((91000 + documents - 1)) --rs "$rs" --share a.rfcs --state a.state \
        --listen 127.0.0.1:0 --json
    event a complete
    took=$(((${EPOCHREALTIME/./} - before) / 1000))
    [[ $(field files) == "$documents" ]] || fail "not everything came: $line"
    ended a 0
    diff -r truth a.rfcs || fail "a wrong document is visible"
    reform
    kill -TERM "${pid[rs.$name]}"
    ended "rs.$name" 143
}

for ((r = 0; r < rounds; r++)); do
    download clean
    echo "$took" >>took.clean
    echo "round $r: clean: $took ms"
    download hostile "${behaviours[@]/%/=$each}"
    echo "$took" >>took.hostile
    echo "round $r: hostile: $took ms"
done

without=$(median took.clean) with=$(median took.hostile)
# One short round says little: a second more is no failure there.
((with <= 3 * without + $(full 1000 0))) || fail "took $with ms, $without ms without the hostile peers"
row "$rounds rounds of $documents documents, $honest honest peers, $((each * ${#behaviours[@]})) hostile ones in" \
    "${#behaviours[@]} ways: 0 wrong, $without ms without them, $with ms with them"
for ((i = 1; i <= honest; i++)); do
    say "good$i" quit
    ended "good$i" 0
done

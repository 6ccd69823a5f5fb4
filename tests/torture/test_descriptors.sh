#!/bin/bash
# A peer and a server with 64 descriptors and 200 clients that stay: those who are connected are served, the others are
# told to come back, neither turns in circles over it, and when the clients go everything is as before. A
# receiver with as few downloads hundreds of documents.
# shellcheck source=tests/torture/lib.sh
source "$(dirname "$0")/lib.sh"

clients=200 descriptors=64 window=$(full 1 10)

# crowd WORD...: tells the clients; the rest of the answer is in $answer.
crowd() {
    echo "$*" >&"${crowd[1]}"
    IFS= read -r -t "$patience" -u "${crowd[0]}" answer || fail "the clients: $(tail -n 1 crowd.err)"
    answer=${answer#* }
}

# Clock ticks that a process has run.
ticks() {
    local stat
    read -r stat <"/proc/$1/stat"
    # shellcheck disable=SC2086 # fields
    set -- ${stat##*) }
    echo $((${12} + ${13}))
}

documents=$(full 100 600)
for ((i = 0; i < documents; i++)); do document b.rfcs $((91000 + i)) 40; done
cat >few <<END
#!/bin/sh
ulimit -n $descriptors
exec '$P2PDI' "\$@"
END
chmod +x few
P2PDI=$work/few start_rs rs
P2PDI=$work/few start_peer b
say b "wait rfcs $documents timeout 100" register
event b registered

figures=''
for name in rs b; do
    address=$rs path=/peers.json
    [[ $name == rs ]] || address=$at path=/rfc/91007.txt
    coproc crowd { exec "$(tool crowd)" "${address##*:}" 2>crowd.err; }
    pid[crowd]=$!
    crowd hold "$clients" 0 0 /
    before=$(ticks "${pid[$name]}")
    sleep "$window"
    used=$(($(ticks "${pid[$name]}") - before))
    percent=$((used * 100 / ($(getconf CLK_TCK) * window)))
    crowd count
    connected=${answer% *} away=${answer#* }
    crowd ask "$path"
    served=${answer% *}
    ((served >= 8)) || fail "$name served only $served of $connected that were connected"
    crowd hold 0 0 0 /
    before=${EPOCHREALTIME/./}
    curl -fsS --retry 100 --retry-delay 0 --retry-max-time 10 --retry-all-errors -o /dev/null "http://$address$path"
    took=$((${EPOCHREALTIME/./} - before))
    fd=${crowd[1]}
    exec {fd}>&-
    wait "${pid[crowd]}"
    unset 'pid[crowd]'
    figures+="$name: $percent% CPU, $served served, $away sent away, back after $((took / 1000)) ms; "
    if [[ -n ${FULL-} ]]; then
        ((percent < 10)) || fail "$figures"
        ((took < 1000000)) || fail "$figures"
    fi
done

# The same few for one that downloads.
mkdir a.rfcs
P2PDI=$work/few expect 0 a get all --rs "$rs" --share a.rfcs --state a.state --listen 127.0.0.1:0
diff -r b.rfcs a.rfcs
row "$clients clients, $descriptors descriptors: ${figures}$documents documents downloaded with as few"
say b quit
ended b 0

#!/bin/bash
# What is generated from the option table is right: the manual page and the completions.
# shellcheck source=tests/integration/lib.sh
source "$(dirname "$0")/lib.sh"

"$P2PDI" man >p2pdi.1
if command -v mandoc >/dev/null; then
    mandoc -T lint -W warning p2pdi.1 >lint.log || fail "mandoc: $(<lint.log)"
    mandoc -T utf8 p2pdi.1 | col -b >page.log 2>/dev/null || mandoc -T ascii p2pdi.1 >page.log
    has page.log --downloads rfcquery 'EXIT STATUS'
fi
"$P2PDI" completion bash >bash.completion
bash -n bash.completion
# shellcheck source=/dev/null
source bash.completion
complete_words() {
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _p2pdi
    printf '%s ' "${COMPREPLY[@]}"
}
[[ $(complete_words p2pdi ex) == 'experiment ' ]] || fail "completion of a command"
[[ $(complete_words p2pdi peer --do) == '--downloads --down ' ]] || fail "completion of an option"
"$P2PDI" completion zsh >zsh.completion
! command -v zsh >/dev/null || zsh -n zsh.completion
"$P2PDI" completion fish >fish.completion
! command -v fish >/dev/null || fish --no-execute fish.completion
expect 2 shell completion tcsh
has shell.err 'bash, zsh, fish'

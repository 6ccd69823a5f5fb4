#!/bin/bash
# The layers check must find each kind of violation, planted one at a time into an otherwise clean
# tree, and must not cry over what only looks like one.
set -euo pipefail

check=$(cd "$(dirname "$0")/.." && pwd)/layers
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
failures=0

plant() { # FILE LINE...
    mkdir -p "$tree/$(dirname "$1")"
    printf '%s\n' "${@:2}" >"$tree/$1"
}

clean_tree() {
    rm -rf "$tree/src" "$tree/include"
    plant include/p2pdi/base/buf.h '#include <stddef.h>'
    plant include/p2pdi/rs.h '#include <p2pdi/base/buf.h>'
    plant src/net/sock.c '#include <p2pdi/base/buf.h>' '#include <sys/socket.h>' '#include <openssl/ssl.h>'
    plant src/cli/main.c '#include <p2pdi/tui/view.h>' '#include "p2pdi/peer/peer.h"' 'int main(void) { exit(0); }'
    plant src/base/log.c '// exit(1)' '/* exit(2)' '   exit(3) */' 'puts("exit(4) /*");' 'at_exit(5);' \
        '/* #include <p2pdi/rs/rs.h> */' '_exit(6);' '/*' '#include <ncurses.h>' '*/'
}

expect_clean() {
    if ! "$check" "$tree"; then
        echo "not clean: $1"
        failures=$((failures + 1))
    fi
}

expect_found() { # FILE LINE
    clean_tree
    plant "$1" '' "$2"
    if out=$("$check" "$tree"); then
        echo "not found: $2 in $1"
        failures=$((failures + 1))
    elif [[ $out != "$1:2: "* && $out != "$1:1: "* ]]; then
        echo "found $2 in $1, but said: $out"
        failures=$((failures + 1))
    fi
}

clean_tree
expect_clean 'the tree without violation'

# Arrows that point down the table, from sources and from public headers.
expect_found src/base/x.c '#include <p2pdi/stats/counters.h>'
expect_found src/wire/x.c '#include <p2pdi/net/sock.h>'
expect_found src/index/x.c '#include "p2pdi/store/library.h"'
expect_found src/sched/x.c '#  include <p2pdi/net/sock.h>'
expect_found include/p2pdi/net/x.h '#include <p2pdi/peer/peer.h>'
expect_found include/p2pdi/net.h '#include <p2pdi/lab.h>'
expect_found src/peer/x.c '#include <p2pdi/cli/options.h>'
expect_found src/service/x.c '#include <p2pdi/rs/rs.h>'
# Sideways.
expect_found src/rs/x.c '#include <p2pdi/peer/peer.h>'
expect_found src/peer/x.c '#include <p2pdi/rs/rs.h>'
expect_found src/tui/x.c '#include <p2pdi/report/table.h>'
expect_found src/report/x.c '#include <p2pdi/tui/view.h>'
# Around the table.
expect_found src/peer/x.c '#include "../rs/registry.h"'
expect_found src/util/x.c '#include <stdio.h>'
# What belongs to one module.
expect_found src/cli/x.c '#include <ncurses.h>'
expect_found src/report/x.c '#include <ncursesw/ncurses.h>'
expect_found src/peer/x.c '#include <sys/socket.h>'
expect_found src/rs/x.h '#include <sqlite3.h>'
expect_found src/store/x.c '#include <openssl/evp.h>'
expect_found src/report/x.c '#include <jansson.h>'
expect_found src/lab/x.c '    exit(1);'
expect_found src/lab/x.c '/* so */ exit (EXIT_FAILURE); // there'

((failures == 0)) || exit 1
echo "every planted violation was found"

#!/bin/bash
# The runner must count what cmocka and scripts say, and must not be fooled by a test that dies,
# hangs, runs nothing, or succeeds with a sanitizer's report somewhere. It is run over made-up tests.
set -euo pipefail

tests=$(cd "$(dirname "$0")/.." && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT
mkdir -p "$tree/tests/unit" "$tree/tests/integration" "$tree/build/tests/unit"
cp "$tests/run" "$tree/tests/run"
printf '#!/bin/bash\nexit 0\n' >"$tree/tests/layers"
chmod +x "$tree/tests/layers"
failures=0
unset ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS # those that the outer runner set

program() { # NAME, what it does on standard input
    : >"$tree/tests/unit/test_$1.c"
    { echo '#!/bin/bash' && cat; } >"$tree/build/tests/unit/test_$1"
    chmod +x "$tree/build/tests/unit/test_$1"
}

script() { # NAME, what it does on standard input
    cat >"$tree/tests/integration/test_$1.sh"
}

expect() { # TEST EXIT-CODE CLOSING-LINE [TEXT]
    local out rc=0
    out=$(TEST_TIMEOUT=1 V='' "$tree/tests/run" release "$tree/build" "$1" 2>&1) || rc=$?
    if [[ $rc != "$2" || ${out##*$'\n'} != "$3" || $out != *"${4-}"* ]]; then
        printf 'expected %s, %s, "%s" of %s; got %s:\n%s\n' "$2" "$3" "${4-}" "$1" "$rc" "$out"
        failures=$((failures + 1))
    fi
}

program good <<'END'
echo '[==========] Running 2 test(s).
[ RUN      ] a
[       OK ] a
[ RUN      ] b
[       OK ] b
[==========] 2 test(s) run.
[  PASSED  ] 2 test(s).'
END
expect unit/test_good 0 '2 passed, 0 failed, 0 skipped'

program mixed <<'END'
echo '[==========] Running 3 test(s).
[ RUN      ] a
[       OK ] a
[ RUN      ] b
no such disk here
[  SKIPPED ] b
[ RUN      ] c
[  FAILED  ] c
[==========] 3 test(s) run.
[  PASSED  ] 1 test(s).
[  SKIPPED ] 1 test(s), listed below:
[  SKIPPED ] b
[  FAILED  ] 1 test(s), listed below:
[  FAILED  ] c'
exit 1
END
expect unit/test_mixed 1 '1 passed, 1 failed, 1 skipped'

program skips <<'END'
echo '[==========] Running 1 test(s).
[ RUN      ] b
no such disk here
[  SKIPPED ] b
[==========] 1 test(s) run.
[  PASSED  ] 0 test(s).
[  SKIPPED ] 1 test(s), listed below:
[  SKIPPED ] b'
END
expect unit/test_skips 0 '0 passed, 0 failed, 1 skipped' 'skipped b: no such disk here'

program dies <<'END'
echo '[==========] Running 3 test(s).
[ RUN      ] a
[       OK ] a
[ RUN      ] b'
kill -ABRT $$
END
expect unit/test_dies 1 '1 passed, 2 failed, 0 skipped' 'signal 6'

program nothing <<'END'
exit 0
END
expect unit/test_nothing 1 '0 passed, 1 failed, 0 skipped' 'ran no test'

program wrong_exit <<'END'
echo '[==========] Running 1 test(s).
[       OK ] a
[  PASSED  ] 1 test(s).'
exit 3
END
expect unit/test_wrong_exit 1 '1 passed, 1 failed, 0 skipped'

: >"$tree/tests/unit/test_unbuilt.c"
expect unit/test_unbuilt 1 '0 passed, 1 failed, 0 skipped'

script good <<'END'
test -d "$TMPDIR" && test "${P2PDI##*/}" = p2pdi
END
expect integration/test_good 0 '1 passed, 0 failed, 0 skipped'
script bad <<<'echo why not; exit 1'
expect integration/test_bad 1 '0 passed, 1 failed, 0 skipped' 'why not'
script away <<<'echo first; echo needs a network; exit 77'
expect integration/test_away 0 '0 passed, 0 failed, 1 skipped' '(needs a network)'
script hangs <<<'sleep 60'
expect integration/test_hangs 1 '0 passed, 1 failed, 0 skipped' 'after 1 s'

script report <<<'echo "==1==ERROR: AddressSanitizer: heap-use-after-free"'
expect integration/test_report 1 '0 passed, 1 failed, 0 skipped' 'sanitizer report'
script race <<<'echo "WARNING: ThreadSanitizer: data race"'
expect integration/test_race 1 '0 passed, 1 failed, 0 skipped' 'sanitizer report'
# A server whose output goes nowhere still writes its report where the runner told it to.
script daemon <<'END'
log=${UBSAN_OPTIONS##*log_path=}
echo 'x.c:1:2: runtime error: signed integer overflow' >"${log%%:*}.123"
END
expect integration/test_daemon 1 '0 passed, 1 failed, 0 skipped' 'x.c:1:2'

# What a test leaves running is ended with it: the reader of the pipe then sees its end. The pipe is
# opened before the process starts: one that is ended on its way there would leave the reader waiting.
mkfifo "$tree/fifo"
script leaves <<<"exec >'$tree/fifo' 2>&1; sleep 60 &"
timeout 100 cat "$tree/fifo" &
reader=$!
expect integration/test_leaves 0 '1 passed, 0 failed, 0 skipped'
if ! wait "$reader"; then
    echo "a process outlived its test"
    failures=$((failures + 1))
fi

((failures == 0)) || exit 1
echo "the runner was not fooled"

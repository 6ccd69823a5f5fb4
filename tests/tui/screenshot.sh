#!/bin/bash
# Writes docs/screenshot.svg, the picture in README.md. Run by `make screenshot`.
#   P2PDI    the program    SCREENSHOT   tests/tui/screenshot, built
set -euo pipefail
cd "$(dirname "$0")/../.."

TMPDIR=$(mktemp -d)
trap 'rm -rf "$TMPDIR"' EXIT
export TMPDIR TERMINFO=$TMPDIR/terminfo HOME=$TMPDIR XDG_STATE_HOME=$TMPDIR XDG_CONFIG_HOME=$TMPDIR

# xterm, but what is faint is told by the alternative font, which libvterm can tell us.
infocmp -x -1 xterm-256color |
    sed -e 's/^xterm-256color|.*/screenshot|for pictures,/' -e 's/dim=\\E\[2m/dim=\\E[11m/' -e 's/%?%p5%t;2%;/%?%p5%t;11%;/' >"$TMPDIR/source"
tic -x -o "$TERMINFO" "$TMPDIR/source"
infocmp xterm-256color | tic -o "$TERMINFO" -

"$SCREENSHOT" >"$TMPDIR/picture.svg"
mv "$TMPDIR/picture.svg" docs/screenshot.svg
echo docs/screenshot.svg

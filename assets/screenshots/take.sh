#!/usr/bin/env bash
# Takes the README's pictures: the window makes them itself, of the sample stores, on a screen that nobody sees.
#   assets/screenshots/take.sh [PROGRAM]      (needs Xvfb; every page, both colours, three sizes, into a folder it names)
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
program=${1:-"$here/../../target/debug/cachescope"}
home=$(mktemp -d)
shots=$(mktemp -d)
Xvfb -noreset -displayfd 3 -screen 0 1920x1080x24 3>"$home/display" 2>/dev/null &
screen=$!
trap 'kill "$screen"; rm -r "$home"' EXIT
until [ -s "$home/display" ]; do sleep 0.1; done
# The pointer starts in the middle of the screen, where it would call up tooltips.
if command -v xdotool >/dev/null; then
    DISPLAY=:$(cat "$home/display") xdotool mousemove 0 1079
fi
HOME=$home XDG_DATA_HOME=$home/data DISPLAY=:$(cat "$home/display") WAYLAND_DISPLAY= \
    "$program" --state-dir "$home/state" --pictures "$shots"
for name in entries-dark overview-light; do
    cp "$shots/$name.png" "$here/$name.png"
done
echo "$shots"

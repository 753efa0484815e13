#!/usr/bin/env bash
# Renders cachescope.svg at the sizes that desktops ask for (Debian: apt-get install librsvg2-bin).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
for size in 16 24 32 48 64 128 256 512; do
    rsvg-convert --width "$size" --height "$size" --output "cachescope-$size.png" cachescope.svg
done

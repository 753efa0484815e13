# The commands of this project; `just` alone lists them.

_list:
    @just --list --unsorted

# What CI runs: format, lints, documentation, tests
check:
    .ci/run

# The tests, or those whose name contains FILTER
test *FILTER:
    cargo test --workspace {{FILTER}}

# Open the window, or run a command line
run *ARGS:
    cargo run --release -- {{ARGS}}

# Write tests/fixtures anew with the real libraries (all, or those whose path begins with a FOLDER)
fixtures *FOLDERS:
    tests/fixtures/generate.py {{FOLDERS}}
    git add --force tests/fixtures

# Write assets/samples anew with the real libraries
samples:
    assets/samples/pack.py

# Whether the library still fits macOS and Windows: the compiler reads it, and nothing is linked or run
systems:
    #!/usr/bin/env bash
    set -euo pipefail
    # No C is compiled in earnest: nothing is linked.
    export CC_x86_64_apple_darwin=true AR_x86_64_apple_darwin=true
    export CC_x86_64_pc_windows_gnu=true AR_x86_64_pc_windows_gnu=true
    for system in x86_64-apple-darwin x86_64-pc-windows-gnu; do
        rustup target add "$system"
        CARGO_TARGET_DIR=target/systems cargo clippy --package cachescope-core --target "$system" -- -D warnings
    done

# Licences, sources and duplicates of dependencies (needs cargo-deny)
deny:
    cargo deny check bans licenses sources

# Lines per file and per function: median, 95th percentile, and the longest
sizes:
    #!/usr/bin/env bash
    set -euo pipefail
    lines_per_file() { git ls-files '*.rs' | xargs wc -l | awk '$2 != "total" { print $1, $2 }'; }
    # rustfmt puts a function's closing brace under its first letter.
    lines_per_function() {
        git ls-files '*.rs' | xargs awk '
            FNR == 1 { inside = 0 }
            !inside && /^ *(pub(\([a-z]+\))? )?(const |async )*fn / && /[{(,]$/ {
                match($0, /^ */); indent = RLENGTH; inside = 1; start = FNR
                name = $0; sub(/.*fn /, "", name); sub(/[(<].*/, "", name)
            }
            inside && match($0, /^ *}/) && RLENGTH == indent + 1 { print FNR - start + 1, FILENAME ": " name; inside = 0 }'
    }
    for what in lines_per_file lines_per_function; do
        $what | sort -n | awk -v what="$what" '
            { size[NR] = $1; text[NR] = $0 }
            END {
                printf "%s: %d, median %d, p95 %d\n", what, NR, size[int((NR + 1) / 2)], size[int(NR * 0.95 + 0.5)]
                for (n = NR; n > NR - 8 && n > 0; n--) print "  " text[n]
            }'
    done

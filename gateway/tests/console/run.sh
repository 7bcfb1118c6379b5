#!/bin/sh
# The console, as a person sees it, in headless Chromium.
#
#   gateway/tests/console/run.sh                     builds creel-gateway, and tests it
#   gateway/tests/console/run.sh GATEWAY [PICTURES]  tests this program; screenshots go into the folder PICTURES
#
# What was looked at is listed. Exit code 1 if something was not as expected. Needs chromium and Node 20.10 or newer; without
# them it says SKIP and succeeds.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
build=${CARGO_TARGET_DIR:-$root/target}

skip() {
    echo "SKIP: $1, so nothing was tested"
    exit 0
}

chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || skip "there is no chromium"
command -v node >/dev/null || skip "there is no node"
node --experimental-websocket -e 'process.exit(typeof WebSocket === "function" ? 0 : 1)' 2>/dev/null ||
    skip "node has no WebSocket: expected 20.10 or newer"

if [ $# -eq 0 ]; then
    (cd "$root" && cargo build --locked --quiet --package creel-gateway)
    set -- "$build/debug/creel-gateway"
fi
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for profile in 2026.3 2026.9; do
    mkdir "$scratch/$profile"
    node --experimental-websocket --no-warnings "$here/console.mjs" "$1" "$profile" "$chromium" "$scratch/$profile" "${2:-}"
done

#!/bin/sh
# The pages that `creel run --report html=` and `creel matrix --html` write, as a person sees them, in headless Chromium.
#
#   conformance/tests/report_page/run.sh                        builds creel, makes a red report and a matrix, and looks at them
#   conformance/tests/report_page/run.sh PAGE.html [PICTURES]   looks at this page; screenshots go into the folder PICTURES
#
# What was looked at is listed. Exit code 1 if something was not as expected. Needs chromium and Node 20.10 or newer; without
# them it says SKIP and succeeds.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
creel=${CARGO_TARGET_DIR:-$root/target}/debug/creel

skip() {
    echo "SKIP: $1, so nothing was tested"
    exit 0
}

chromium=$(command -v chromium || command -v chromium-browser || command -v google-chrome) || skip "there is no chromium"
command -v node >/dev/null || skip "there is no node"
node --experimental-websocket -e 'process.exit(typeof WebSocket === "function" ? 0 : 1)' 2>/dev/null ||
    skip "node has no WebSocket: expected 20.10 or newer"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

look() {
    profile=$(mktemp -d "$scratch/browser.XXXXXX")
    node --experimental-websocket --no-warnings "$here/look.mjs" "$1" "$chromium" "$profile" "${2:-}"
}

if [ $# -gt 0 ]; then
    look "$1" "${2:-}"
    exit 0
fi
(cd "$root" && cargo build --locked --quiet --package creel)
# A scenario that asks for one request too many, whose answer would be markup if it were not text.
mkdir -p "$scratch/queue"
cat >"$scratch/queue/broken-on-purpose.yaml" <<'YAML'
id: queue/broken-on-purpose
title: A scenario that fails, for this test
covers: [QUE-001]
chats:
  alice: { channel: telegram, dm: "3001" }
model:
  alice:
    - { after: 1s, say: "<script>document.title = 'broken into'</script>" }
steps:
  - { at: 0s, send: { chat: alice, text: "one", as: m1 } }
expect:
  - exactly: { n: 2, of: sent, chat: alice }
    covers: [QUE-001]
  - exactly: { n: 1, of: model-request, chat: alice }
control:
  edit: { "gateway.channels.telegram.dmPolicy": disabled }
  flips: [exactly#2]
YAML
(
    cd "$root"
    "$creel" run 'queue/collect-*' "$scratch/queue/broken-on-purpose.yaml" --world events \
        --report "html=$scratch/red.html" --report "json=$scratch/red.json" >"$scratch/red.log" && code=0 || code=$?
    [ "$code" -eq 1 ] || { cat "$scratch/red.log"; echo "FAIL the run ended with $code instead of 1"; exit 1; }
    "$creel" run 'queue/collect-*' --world events --report "json=$scratch/green.json" >"$scratch/green.log" ||
        { cat "$scratch/green.log"; exit 1; }
    "$creel" matrix "$scratch/red.json" "$scratch/green.json" --html "$scratch/matrix.html"
)
look "$scratch/red.html"
look "$scratch/matrix.html"

#!/bin/sh
# The reference gateway, as OpenClaw's own clients see it: the command line of two releases, and the package openclaw-node.
#
#   gateway/tests/peers/run.sh                       builds creel-gateway and creel, and tests them
#   gateway/tests/peers/run.sh GATEWAY CREEL [NAME…] tests these programs; only the clients of these names
#
# What becomes of each call is listed. Exit code 1 if one that is expected to work does not, or one that must be refused is not.
#
# The clients are installed once, into $CREEL_PEERS or a folder `peers` beside the build, 1.7 GB in all. Needs python3, npm and
# Linux on x86-64, for which the clients' runtimes are pinned. Without a package registry it says SKIP and succeeds.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
build=${CARGO_TARGET_DIR:-$root/target}
cache=${CREEL_PEERS:-$build/peers}

skip() {
    echo "SKIP: $1, so nothing was tested"
    exit 0
}

[ "$(uname -sm)" = "Linux x86_64" ] || skip "the clients' runtimes are pinned for Linux on x86-64"
command -v npm >/dev/null || skip "there is no npm"

if [ $# -eq 0 ]; then
    (cd "$root" && cargo build --release --locked --quiet --package creel-gateway --package creel)
    set -- "$build/release/creel-gateway" "$build/release/creel"
fi
if [ $# -lt 2 ]; then
    echo "usage: $0 [GATEWAY CREEL [NAME...]]" >&2
    exit 2
fi

for peer in openclaw-2026.3.13 openclaw-2026.9.6 openclaw-node; do
    folder=$cache/$peer
    cmp -s "$here/$peer/package.json" "$folder/installed.json" && continue
    echo "installing $peer into $folder"
    mkdir -p "$folder"
    cp "$here/$peer/package.json" "$folder/package.json"
    if ! (cd "$folder" && timeout 900 npm install --ignore-scripts --omit=optional --no-audit --no-fund \
        --fetch-retries 1 --fetch-timeout 60000 --loglevel error >install.log 2>&1); then
        tail -n 5 "$folder/install.log"
        if grep -qE 'ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ERR_SOCKET_TIMEOUT' "$folder/install.log"; then
            skip "the package registry does not answer"
        fi
        exit 1
    fi
    # Only a whole installation is used again.
    cp "$here/$peer/package.json" "$folder/installed.json"
done

# The tests leave nothing beside them.
export PYTHONDONTWRITEBYTECODE=1
exec python3 "$here/peers.py" "$cache" "$@"

#!/bin/sh
# The twins, as clients see them that others wrote: python-telegram-bot, discord.py, irc, pywa, Slack's own libraries, OpenAI's and
# Anthropic's own, and MCP's. And the reference gateway, as OpenAI's library sees it.
#
#   sim/tests/foreign_clients/run.sh                          builds creel and tests `creel twin`
#   sim/tests/foreign_clients/run.sh target/debug/creel twin  tests this program
#
# Needs python3 with venv, and a package registry that pip knows. Without the registry it says SKIP and succeeds.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)

if [ $# -eq 0 ]; then
    (cd "$root" && cargo build --release --locked --quiet --package creel)
    set -- "${CARGO_TARGET_DIR:-$root/target}/release/creel" twin
fi

scratch=$(mktemp -d "${TMPDIR:-/tmp}/creel-foreign-clients.XXXXXX")
trap 'rm -rf "$scratch"' EXIT

python3 -m venv "$scratch/venv"
if ! "$scratch/venv/bin/pip" --quiet --disable-pip-version-check --retries 1 --timeout 20 \
    install --requirement "$here/requirements.txt" >"$scratch/pip.log" 2>&1; then
    tail -n 3 "$scratch/pip.log"
    if grep -qiE 'connection|timed out|name resolution' "$scratch/pip.log"; then
        echo "SKIP: the package registry does not answer, so nothing was tested"
        exit 0
    fi
    exit 1
fi

# The tests leave nothing beside them.
export PYTHONDONTWRITEBYTECODE=1
for test in test_telegram test_discord test_irc test_whatsapp test_slack test_openai test_anthropic test_mcp test_gateway; do
    "$scratch/venv/bin/python" -W ignore::ResourceWarning "$here/$test.py" "$@"
done

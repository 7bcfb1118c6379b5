# A server of tools over standard streams, for tests: MCP's handshake and the tools `echo` and `die`, and no more.
while read -r line; do
    id=$(printf '%s' "$line" | sed -n 's/.*"id":\([0-9]*\).*/\1/p')
    case $line in
    *'"method":"initialize"'*)
        result='{"protocolVersion":"2025-06-18","capabilities":{"tools":{}},"serverInfo":{"name":"sh","version":"1"}}'
        ;;
    *'"method":"tools/list"'*)
        result='{"tools":[{"name":"echo","inputSchema":{"type":"object"}},{"name":"die","inputSchema":{"type":"object"}}]}'
        ;;
    *'"name":"die"'*) exit 1 ;;
    *'"method":"tools/call"'*)
        result="{\"content\":[{\"type\":\"text\",\"text\":\"token $GITHUB_TOKEN, cargo ${CARGO_MANIFEST_DIR:-hidden}\"}]}"
        ;;
    *) continue ;;
    esac
    printf '{"jsonrpc":"2.0","id":%s,"result":%s}\n' "$id" "$result"
done

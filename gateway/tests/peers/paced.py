"""A provider that says what the recorded one said, at its pace."""

import contextlib
import http.server
import json
import threading
import time

# What it says to what nobody recorded.
OTHERWISE = [(0, "Understood.")]

USAGE = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}


class Provider(http.server.ThreadingHTTPServer):
    """Chat completions of OpenAI, streamed."""

    daemon_threads = True

    def __init__(self, answers):
        super().__init__(("127.0.0.1", 0), Handler)
        # The longest message first, for another may be in it.
        self.answers = sorted(answers, key=lambda it: -len(it.message))

    def pieces(self, prompt):
        return next((it.pieces for it in self.answers if it.message in prompt), OTHERWISE)

    def handle_error(self, request, client_address):
        """A gateway that leaves in the middle of an answer is no error."""


class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers.get("content-length") or 0)))
        said = [it["content"] for it in asked["messages"] if it["role"] == "user"]
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        for wait, text in self.server.pieces(plain(said[-1]) if said else ""):
            time.sleep(wait)
            self.say(asked, {"content": text})
        self.say(asked, {}, "stop", usage=USAGE)
        self.wfile.write(b"data: [DONE]\n\n")

    def say(self, asked, delta, reason=None, **more):
        choice = {"index": 0, "delta": delta, "finish_reason": reason}
        chunk = {"id": "paced", "object": "chat.completion.chunk", "model": asked.get("model"), "choices": [choice], **more}
        self.wfile.write(f"data: {json.dumps(chunk)}\n\n".encode())

    def log_message(self, *_):
        """What it is asked is no news."""


def plain(content):
    if isinstance(content, str):
        return content
    return "\n".join(it.get("text", "") for it in content or [])


@contextlib.contextmanager
def provider(answers):
    """Its address, for as long as the block lasts."""
    server = Provider(answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()

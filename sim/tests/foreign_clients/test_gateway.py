"""The reference gateway's `/v1/chat/completions`, as OpenAI's own library sees it. Its provider is the twin, which echoes."""

import contextlib
import json
import pathlib
import socket
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request

import twin
from openai import (
    AuthenticationError,
    BadRequestError,
    OpenAI,
    PermissionDeniedError,
)

KEY = "sk-test"
TOKEN = "the-operators-token"
HELLO = [{"role": "user", "content": "héllo 🦀"}]
ECHO = "You said: "


@contextlib.contextmanager
def gateway(provider):
    """The address of a gateway without a channel, for as long as the block lasts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        config = pathlib.Path(folder, "openclaw.json")
        model = {"baseUrl": f"{provider}/v1", "apiKey": KEY, "models": [{"id": "any"}]}
        config.write_text(json.dumps({
            "gateway": {
                "port": port, "auth": {"mode": "token", "token": TOKEN},
                "http": {"endpoints": {"chatCompletions": {"enabled": True}}},
            },
            "agents": {"defaults": {"model": "openai/any"}},
            "models": {"providers": {"openai": model}},
        }))
        command = [twin.COMMAND[0], "gateway", "serve", "--config", config, "--state-dir", folder]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(f"{address}/ready", process)
            yield address
        finally:
            process.terminate()
            process.wait(twin.PATIENCE)


def wait_for(url, process):
    end = time.monotonic() + twin.PATIENCE
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError, urllib.error.HTTPError):
            with urllib.request.urlopen(url, timeout=1) as answer:
                if answer.status == 200:
                    return
        time.sleep(0.05)
    raise AssertionError(f"{url} did not answer 200 within {twin.PATIENCE} s")


class Completions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        provider = cls.enterClassContext(twin.serving("openai", "--key", KEY))
        cls.address = cls.enterClassContext(gateway(provider.removesuffix("/v1")))

    def setUp(self):
        self.client = self.another_client(TOKEN)

    def another_client(self, key):
        client = OpenAI(
            api_key=key, base_url=f"{self.address}/v1", max_retries=0, timeout=twin.PATIENCE
        )
        self.addCleanup(client.close)
        return client

    def ask(self, text, **options):
        messages = [{"role": "user", "content": text}]
        answer = self.client.chat.completions.create(model="openclaw", messages=messages, **options)
        return answer.choices[0].message.content

    def test_a_whole_answer(self):
        answer = self.client.chat.completions.create(model="openclaw", messages=HELLO)
        [choice] = answer.choices
        self.assertIn("héllo 🦀", choice.message.content)
        self.assertTrue(choice.message.content.startswith(ECHO), choice.message.content)
        self.assertEqual((choice.message.role, choice.finish_reason), ("assistant", "stop"))
        self.assertEqual(answer.object, "chat.completion")

    def test_chunks_add_up(self):
        stream = self.client.chat.completions.create(model="openclaw", messages=HELLO, stream=True)
        chunks = list(stream)
        parts = [it.choices[0].delta.content for it in chunks if it.choices[0].delta.content]
        self.assertIn("héllo 🦀", "".join(parts))
        self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
        reasons = [it.choices[0].finish_reason for it in chunks]
        self.assertEqual([it for it in reasons if it], ["stop"])
        self.assertEqual(len({it.id for it in chunks}), 1)

    def test_the_librarys_own_assembly(self):
        with self.client.chat.completions.stream(model="openclaw", messages=HELLO) as stream:
            answer = stream.get_final_completion()
        self.assertIn("héllo 🦀", answer.choices[0].message.content)

    def test_a_user_has_a_session_that_nobody_else_has(self):
        headers = {"x-openclaw-session-key": "agent:main:kept"}
        self.assertIn("marmalade", self.ask("marmalade", user="ann", extra_headers=headers))
        with self.assertRaises(PermissionDeniedError) as refused:
            self.ask("what did ann say?", user="ben", extra_headers=headers)
        self.assertNotIn("marmalade", str(refused.exception))

    def test_a_wrong_key_is_refused(self):
        with self.assertRaises(AuthenticationError) as refused:
            self.another_client("sk-wrong").chat.completions.create(model="openclaw", messages=HELLO)
        self.assertNotIn(TOKEN, str(refused.exception))

    def test_what_is_no_conversation_is_refused(self):
        with self.assertRaises(BadRequestError):
            self.client.chat.completions.create(model="openclaw", messages=[])


if __name__ == "__main__":
    unittest.main(argv=["test_gateway"], verbosity=2)

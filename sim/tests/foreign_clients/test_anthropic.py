"""The provider twin's messages, as Anthropic's own library sees them."""

import base64
import time
import unittest

import twin
from anthropic import (
    Anthropic,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    RateLimitError,
)

KEY = "sk-test"
HELLO = [{"role": "user", "content": "héllo 🦀"}]
ASKED = {"model": "m1", "max_tokens": 99}


class Messages(unittest.TestCase):
    def setUp(self):
        self.address = self.enterContext(twin.serving("anthropic", "--key", KEY))
        self.client = self.another_client(KEY)

    def another_client(self, key, address=None):
        client = Anthropic(
            api_key=key,
            base_url=address or self.address,
            max_retries=0,
            timeout=twin.PATIENCE,
        )
        self.addCleanup(client.close)
        return client

    def test_a_whole_answer(self):
        answer = self.client.messages.create(**ASKED, messages=HELLO, system="be brief")
        [block] = answer.content
        self.assertEqual((block.type, block.text), ("text", "You said: héllo 🦀"))
        self.assertEqual((answer.role, answer.stop_reason, answer.model), ("assistant", "end_turn", "m1"))
        self.assertGreater(answer.usage.input_tokens, 0)

    def test_events_come_in_order_and_add_up(self):
        events = list(self.client.messages.create(**ASKED, messages=HELLO, stream=True))
        kinds = [it.type for it in events]
        self.assertEqual(kinds[:2], ["message_start", "content_block_start"])
        self.assertEqual(kinds[-3:], ["content_block_stop", "message_delta", "message_stop"])
        parts = [it.delta.text for it in events if it.type == "content_block_delta"]
        self.assertGreater(len(parts), 1)
        self.assertEqual("".join(parts), "You said: héllo 🦀")

    def test_the_librarys_own_assembly(self):
        with self.client.messages.stream(**ASKED, messages=HELLO) as stream:
            answer = stream.get_final_message()
        self.assertEqual(answer.content[0].text, "You said: héllo 🦀")
        self.assertEqual(answer.stop_reason, "end_turn")

    def test_blocks_and_tools_are_understood(self):
        picture = base64.b64encode(twin.PNG).decode()
        source = {"type": "base64", "media_type": "image/png", "data": picture}
        call = {"type": "tool_use", "id": "c1", "name": "read", "input": {}}
        result = {"type": "tool_result", "tool_use_id": "c1", "content": "done"}
        messages = [
            {"role": "user", "content": "read it"},
            {"role": "assistant", "content": [call]},
            {"role": "user", "content": [result]},
            {"role": "user", "content": [
                {"type": "image", "source": source},
                {"type": "text", "text": "what is this?"},
            ]},
        ]
        tool = {"name": "read", "input_schema": {"type": "object"}}
        answer = self.client.messages.create(**ASKED, messages=messages, tools=[tool])
        self.assertEqual(answer.content[0].text, "You said: what is this?")

    def test_a_wrong_key_is_refused(self):
        client = self.another_client("sk-wrong")
        with self.assertRaises(AuthenticationError) as refused:
            client.messages.create(**ASKED, messages=HELLO)
        self.assertEqual(refused.exception.body["error"]["type"], "authentication_error")

    def test_an_invalid_request_is_refused(self):
        orphan = [{"role": "user", "content": [{"type": "tool_result", "tool_use_id": "c1", "content": "x"}]}]
        for messages in ([], orphan, [{"role": "robot", "content": "x"}]):
            with self.subTest(messages), self.assertRaises(BadRequestError) as refused:
                self.client.messages.create(**ASKED, messages=messages)
            self.assertEqual(refused.exception.body["error"]["type"], "invalid_request_error")

    def test_the_library_tries_again_as_it_was_told(self):
        kinds = {"429": ("rate_limit_error", 1), "529": ("overloaded_error", 0)}
        for status, (kind, wait) in kinds.items():
            with self.subTest(status):
                address = self.enterContext(twin.serving("anthropic", "--key", KEY, "--status", status))
                client = self.another_client(KEY, address).with_options(max_retries=1)
                begun = time.monotonic()
                with self.assertRaises(APIStatusError) as refused:
                    client.messages.create(**ASKED, messages=HELLO)
                self.assertEqual(str(refused.exception.status_code), status)
                self.assertEqual(refused.exception.body["error"]["type"], kind)
                self.assertGreaterEqual(time.monotonic() - begun, wait)

    def test_a_wait_is_told(self):
        address = self.enterContext(twin.serving("anthropic", "--key", KEY, "--status", "429"))
        with self.assertRaises(RateLimitError) as refused:
            self.another_client(KEY, address).messages.create(**ASKED, messages=HELLO, stream=True)
        self.assertEqual(refused.exception.response.headers["retry-after"], "1")


if __name__ == "__main__":
    unittest.main(argv=["test_anthropic"], verbosity=2)

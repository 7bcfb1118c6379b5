"""The OpenAI twin, as OpenAI's own library sees it."""

import base64
import time
import unittest

import twin
from openai import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    OpenAI,
    RateLimitError,
)

KEY = "sk-test"
HELLO = [{"role": "user", "content": "héllo 🦀"}]


class Client(unittest.TestCase):
    def setUp(self):
        self.address = self.enterContext(twin.serving("openai", "--key", KEY))
        self.client = self.another_client(KEY)

    def another_client(self, key, address=None):
        client = OpenAI(
            api_key=key,
            base_url=f"{address or self.address}/v1",
            max_retries=0,
            timeout=twin.PATIENCE,
        )
        self.addCleanup(client.close)
        return client


class Chat(Client):
    def test_a_whole_answer(self):
        answer = self.client.chat.completions.create(model="m1", messages=HELLO)
        [choice] = answer.choices
        self.assertEqual(choice.message.content, "You said: héllo 🦀")
        self.assertEqual((choice.message.role, choice.finish_reason), ("assistant", "stop"))
        self.assertEqual((answer.model, answer.object), ("m1", "chat.completion"))
        usage = answer.usage
        self.assertEqual(usage.prompt_tokens + usage.completion_tokens, usage.total_tokens)

    def test_chunks_add_up(self):
        stream = self.client.chat.completions.create(
            model="m1", messages=HELLO, stream=True, stream_options={"include_usage": True}
        )
        chunks = list(stream)
        *told, usage = chunks
        self.assertEqual(told[0].choices[0].delta.role, "assistant")
        parts = [it.choices[0].delta.content for it in told if it.choices[0].delta.content]
        self.assertGreater(len(parts), 1)
        self.assertEqual("".join(parts), "You said: héllo 🦀")
        reasons = [it.choices[0].finish_reason for it in told]
        self.assertEqual(reasons, [None] * (len(told) - 1) + ["stop"])
        self.assertEqual((usage.choices, usage.usage.total_tokens > 0), ([], True))
        self.assertEqual(len({it.id for it in chunks}), 1)

    def test_the_librarys_own_assembly(self):
        with self.client.chat.completions.stream(model="m1", messages=HELLO) as stream:
            answer = stream.get_final_completion()
        self.assertEqual(answer.choices[0].message.content, "You said: héllo 🦀")

    def test_parts_and_tools_are_understood(self):
        parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
        call = {"id": "c1", "type": "function", "function": {"name": "read", "arguments": "{}"}}
        messages = [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": parts},
            {"role": "assistant", "content": None, "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "c1", "content": "done"},
        ]
        tool = {"type": "function", "function": {"name": "read", "parameters": {}}}
        answer = self.client.chat.completions.create(model="m1", messages=messages, tools=[tool])
        self.assertEqual(answer.choices[0].message.content, "You said: one\ntwo")

    def test_images_are_understood_and_must_be_pictures(self):
        def ask(url):
            image = {"type": "image_url", "image_url": {"url": url}}
            content = [{"type": "text", "text": "what is this?"}, image]
            messages = [{"role": "user", "content": content}]
            return self.client.chat.completions.create(model="m1", messages=messages)

        picture = base64.b64encode(twin.PNG).decode()
        answer = ask(f"data:image/png;base64,{picture}")
        self.assertIn("what is this?", answer.choices[0].message.content)
        with self.assertRaises(BadRequestError):
            ask("data:image/png;base64,!")

    def test_a_wrong_key_is_refused(self):
        client = self.another_client("sk-wrong")
        with self.assertRaises(AuthenticationError) as refused:
            client.chat.completions.create(model="m1", messages=HELLO)
        self.assertEqual(refused.exception.code, "invalid_api_key")

    def test_an_invalid_request_is_refused(self):
        orphan = [{"role": "tool", "tool_call_id": "c1", "content": "done"}]
        for messages in ([], orphan, [{"role": "robot", "content": "x"}]):
            with self.subTest(messages), self.assertRaises(BadRequestError) as refused:
                self.client.chat.completions.create(model="m1", messages=messages)
            self.assertEqual(refused.exception.type, "invalid_request_error")
            self.assertTrue(refused.exception.param.startswith("messages"))

    def test_models_are_listed(self):
        self.assertEqual([it.id for it in self.client.models.list()], ["creel-echo"])
        self.assertEqual(self.client.models.retrieve("creel-echo").id, "creel-echo")
        with self.assertRaises(NotFoundError):
            self.client.models.retrieve("other")

    def test_a_status_can_be_asked_for(self):
        address = self.enterContext(twin.serving("openai", "--key", KEY, "--status", "429"))
        client = self.another_client(KEY, address)
        with self.assertRaises(RateLimitError) as refused:
            client.chat.completions.create(model="m1", messages=HELLO, stream=True)
        self.assertEqual(refused.exception.response.headers["retry-after"], "1")
        self.assertEqual(refused.exception.code, "rate_limit_exceeded")

    def test_the_library_tries_again_as_it_was_told(self):
        for status, wait in (("429", 1), ("529", 0)):
            with self.subTest(status):
                address = self.enterContext(twin.serving("openai", "--key", KEY, "--status", status))
                client = self.another_client(KEY, address).with_options(max_retries=1)
                begun = time.monotonic()
                with self.assertRaises(APIStatusError) as refused:
                    client.chat.completions.create(model="m1", messages=HELLO)
                self.assertEqual(str(refused.exception.status_code), status)
                self.assertGreaterEqual(time.monotonic() - begun, wait)


class Responses(Client):
    """OpenAI's other protocol."""

    def test_a_whole_response(self):
        answer = self.client.responses.create(model="m1", input="héllo 🦀", instructions="be brief")
        self.assertEqual(answer.output_text, "You said: héllo 🦀")
        self.assertEqual((answer.status, answer.model), ("completed", "m1"))
        usage = answer.usage
        self.assertEqual(usage.input_tokens + usage.output_tokens, usage.total_tokens)

    def test_events_come_in_order_and_add_up(self):
        events = list(self.client.responses.create(model="m1", input="héllo 🦀", stream=True))
        self.assertEqual([it.sequence_number for it in events], list(range(len(events))))
        self.assertEqual(events[0].type, "response.created")
        self.assertEqual(events[-1].type, "response.completed")
        parts = [it.delta for it in events if it.type == "response.output_text.delta"]
        self.assertGreater(len(parts), 1)
        self.assertEqual("".join(parts), "You said: héllo 🦀")
        self.assertEqual(events[-1].response.output_text, "You said: héllo 🦀")

    def test_the_librarys_own_assembly_of_a_response(self):
        with self.client.responses.stream(model="m1", input="héllo 🦀") as stream:
            answer = stream.get_final_response()
        self.assertEqual(answer.output_text, "You said: héllo 🦀")

    def test_items_and_tools_are_understood(self):
        picture = base64.b64encode(twin.PNG).decode()
        shown = {"type": "input_image", "image_url": f"data:image/png;base64,{picture}", "detail": "auto"}
        items = [
            {"role": "user", "content": "read it"},
            {"type": "function_call", "call_id": "c1", "name": "read", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "c1", "output": "done"},
            {"role": "user", "content": [{"type": "input_text", "text": "what is this?"}, shown]},
        ]
        tool = {"type": "function", "name": "read", "parameters": {}, "strict": False}
        answer = self.client.responses.create(model="m1", input=items, tools=[tool])
        self.assertEqual(answer.output_text, "You said: what is this?")

    def test_an_invalid_response_request_is_refused(self):
        orphan = [{"type": "function_call_output", "call_id": "c1", "output": "done"}]
        for items in ([], orphan, [{"role": "robot", "content": "x"}]):
            with self.subTest(items), self.assertRaises(BadRequestError) as refused:
                self.client.responses.create(model="m1", input=items)
            self.assertEqual(refused.exception.type, "invalid_request_error")

    def test_the_library_asks_for_a_response_again_as_it_was_told(self):
        address = self.enterContext(twin.serving("openai", "--key", KEY, "--status", "429"))
        client = self.another_client(KEY, address).with_options(max_retries=1)
        begun = time.monotonic()
        with self.assertRaises(RateLimitError):
            client.responses.create(model="m1", input="x", stream=True)
        self.assertGreaterEqual(time.monotonic() - begun, 1)


if __name__ == "__main__":
    unittest.main(argv=["test_openai"], verbosity=2)

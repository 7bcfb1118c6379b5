"""The WhatsApp twin, as pywa sees it: its calls are sent to the twin, and its webhook is called by the twin."""

import http.server
import json
import queue
import threading
import unittest
import urllib.parse

import httpx
import twin
from pywa import WhatsApp, types, utils
from pywa.errors import ReEngagementMessage, WhatsAppError

NUMBER = "106540352242922"
TOKEN = "access"
APP_SECRET = "app-secret"
VERIFY_TOKEN = "verify"
PERSON = "15550001"


class ToTheTwin(httpx.BaseTransport):
    """Sends what is meant for graph.facebook.com to the twin."""

    def __init__(self, address):
        self.address = httpx.URL(address)
        self.inner = httpx.HTTPTransport()

    def handle_request(self, request):
        request.url = request.url.copy_with(
            scheme="http", host=self.address.host, port=self.address.port
        )
        return self.inner.handle_request(request)

    def close(self):
        self.inner.close()


class Webhook(http.server.BaseHTTPRequestHandler):
    """What pywa's server does, by hand: it answers the challenge, and keeps what is signed."""

    def do_GET(self):
        query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.path).query))
        good = query["hub.mode"] == "subscribe" and query["hub.verify_token"] == VERIFY_TOKEN
        self.answer(200 if good else 403, query["hub.challenge"].encode())

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        signature = self.headers["x-hub-signature-256"]
        valid = utils.webhook_updates_validator(APP_SECRET, body, signature)
        if valid and self.server.failures:
            self.server.failures.pop()
            return self.answer(500, b"")
        self.server.calls.put((valid, body))
        self.answer(200 if valid else 401, b"")

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Cloud(unittest.TestCase):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Webhook)
        self.server.calls, self.server.failures = queue.Queue(), []
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        webhook = f"http://127.0.0.1:{self.server.server_port}/hook"
        self.address = self.enterContext(
            twin.serving(
                "whatsapp",
                *("--webhook", webhook, "--phone-number-id", NUMBER, "--access-token", TOKEN),
                *("--app-secret", APP_SECRET, "--verify-token", VERIFY_TOKEN),
            )
        )
        self.client = self.another_client(TOKEN)

    def another_client(self, token):
        session = httpx.Client(transport=ToTheTwin(self.address))
        self.addCleanup(session.close)
        return WhatsApp(phone_id=NUMBER, token=token, session=session, api_version=23.0)

    def write(self, text, **more):
        body = {"text": text, **more}
        return twin.call(f"{self.address}/twin/messages", body)["message_id"]

    def heard(self):
        valid, body = self.server.calls.get(timeout=twin.PATIENCE)
        self.assertTrue(valid, "pywa refuses the signature")
        return body

    def message(self):
        """The next webhook, as pywa reads it."""
        update = json.loads(self.heard())
        return types.Message.from_update(self.client, update)

    def seen(self):
        lines = twin.call(f"{self.address}/twin/messages")
        return [("business" if it["is_bot"] else "person", it["text"]) for it in lines]

    def test_a_message_is_signed_and_read(self):
        id = self.write("hello")
        message = self.message()
        self.assertEqual((message.text, message.id), ("hello", id))
        self.assertEqual(message.from_user.wa_id, PERSON)
        self.assertEqual(message.metadata.phone_number_id, NUMBER)

    def test_a_text_and_a_reply_are_shown(self):
        id = self.write("hello")
        self.heard()
        sent = self.client.send_message(PERSON, "hi *there*")
        self.assertTrue(sent.id.startswith("wamid."))
        self.client.send_message(PERSON, "about that", reply_to_message_id=id)
        self.assertEqual(
            self.seen(),
            [("person", "hello"), ("business", "hi there"), ("business", "about that")],
        )
        lines = twin.call(f"{self.address}/twin/messages")
        self.assertEqual(lines[2]["reply_to"], id)

    def test_images_travel_both_ways(self):
        self.write("look", image="cat")
        message = self.message()
        self.assertEqual((message.caption, message.image.mime_type), ("look", "image/png"))
        content = message.image.get_bytes()
        self.assertTrue(content.startswith(b"\x89PNG"))
        self.client.send_image(PERSON, twin.PNG, caption="mine", mime_type="image/png")
        shown = twin.call(f"{self.address}/twin/messages")[-1]
        self.assertEqual((shown["is_bot"], shown["text"]), (True, "mine"))

    def test_a_status_comes_after_a_message(self):
        self.write("hello")
        self.heard()
        sent = self.client.send_message(PERSON, "hi")
        self.assertIn(sent.id.encode(), self.heard())

    def test_a_call_that_fails_is_repeated(self):
        self.server.failures.append("once")
        self.write("hello")
        self.assertEqual(self.message().text, "hello")

    def test_before_the_person_wrote_only_templates_may_be_sent(self):
        with self.assertRaises(ReEngagementMessage):
            self.client.send_message(PERSON, "hi")

    def test_a_wrong_token_is_refused(self):
        with self.assertRaises(WhatsAppError) as refused:
            self.another_client("other").send_message(PERSON, "hi")
        self.assertEqual(refused.exception.code, 190)

    def test_a_refusal_that_was_asked_for_comes(self):
        self.write("hello")
        self.heard()
        twin.call(f"{self.address}/twin/refusals", {"status": 429})
        with self.assertRaises(WhatsAppError) as refused:
            self.client.send_message(PERSON, "hi")
        self.assertEqual(refused.exception.code, 130429)

    def test_the_number_knows_itself(self):
        number = self.client.get_business_phone_number()
        self.assertEqual(number.id, NUMBER)


if __name__ == "__main__":
    unittest.main(argv=["test_whatsapp"])

"""The Slack twin, as slack_sdk and slack_bolt see it: the Web API, Socket Mode, and signed calls of the Events API."""

import http.client
import http.server
import json
import queue
import threading
import unittest
import urllib.parse
import urllib.request

import twin
from slack_bolt import App, BoltRequest
from slack_bolt.adapter.socket_mode.builtin import SocketModeHandler
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry import RateLimitErrorRetryHandler
from slack_sdk.signature import SignatureVerifier
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.response import SocketModeResponse

BOT_TOKEN = "xoxb-bot"
APP_TOKEN = "xapp-app"
SECRET = "signing-secret"
PERSON = "U3001"
ROOM = "C800"


class Slack(unittest.TestCase):
    # Where nobody answers, unless a test says otherwise.
    events_url = "http://127.0.0.1:9/slack/events"

    def setUp(self):
        self.address = self.enterContext(
            twin.serving(
                "slack",
                *("--bot-token", BOT_TOKEN, "--app-token", APP_TOKEN),
                *("--signing-secret", SECRET, "--events-url", self.events_url),
            )
        )
        self.web = self.another_web(BOT_TOKEN)

    def another_web(self, token):
        return WebClient(token=token, base_url=f"{self.address}/api/", timeout=twin.PATIENCE)

    def write(self, text, **more):
        return twin.call(f"{self.address}/twin/messages", {"text": text, **more})["ts"]

    def seen(self):
        lines = twin.call(f"{self.address}/twin/messages")
        return [("bot" if it["is_bot"] else "person", it["text"]) for it in lines]


class WebApi(Slack):
    def test_the_bot_knows_itself(self):
        me = self.web.auth_test()
        self.assertEqual((me["user_id"], me["team_id"]), ("UBOT0", "T1"))

    def test_a_text_is_shown_and_has_a_time_stamp(self):
        direct = self.web.conversations_open(users=PERSON)["channel"]["id"]
        first = self.web.chat_postMessage(channel=direct, text="hi *there* &lt;you&gt;")
        second = self.web.chat_postMessage(channel=ROOM, text="all")
        self.assertRegex(first["ts"], r"^\d{10}\.\d{6}$")
        self.assertNotEqual(first["ts"], second["ts"])
        self.assertEqual(self.seen(), [("bot", "hi there <you>"), ("bot", "all")])

    def test_a_reply_stays_in_its_thread(self):
        ts = self.write("hello", room=True)
        self.web.chat_postMessage(channel=ROOM, text="hi", thread_ts=ts)
        self.assertEqual(twin.call(f"{self.address}/twin/messages")[-1]["thread"], ts)

    def test_a_channel_is_described(self):
        channel = self.web.conversations_info(channel=ROOM)["channel"]
        self.assertEqual((channel["is_channel"], channel["is_mpim"]), (True, False))

    def refused(self, call):
        with self.assertRaises(SlackApiError) as refused:
            call()
        return refused.exception.response

    def test_what_is_not_right_is_refused_by_its_name(self):
        post = self.web.chat_postMessage
        for error, call in {
            "invalid_auth": lambda: self.another_web("xoxb-other").auth_test(),
            "channel_not_found": lambda: post(channel="C999", text="hi"),
            "no_text": lambda: post(channel=ROOM, text=" "),
            "msg_too_long": lambda: post(channel=ROOM, text="x" * 40_001),
            "user_not_found": lambda: self.web.conversations_open(users="U999"),
            "unknown_method": lambda: self.web.api_call("no.such.method"),
        }.items():
            with self.subTest(error):
                self.assertEqual(self.refused(call)["error"], error)

    def test_an_upload_is_shown_with_its_words_in_its_thread(self):
        ts = self.write("hello", room=True)
        self.web.files_upload_v2(
            channel=ROOM, thread_ts=ts, content=twin.PNG, filename="dot.png",
            initial_comment="hi *there*",
        )
        shown = twin.call(f"{self.address}/twin/messages")[-1]
        self.assertEqual((shown["text"], shown["thread"]), ("hi there", ts))
        [image] = shown["images"]
        self.assertTrue(image.startswith("image/png"), image)

    def test_an_upload_that_never_came_is_not_shown(self):
        told = self.web.files_getUploadURLExternal(filename="dot.png", length=5)
        files = [{"id": told["file_id"], "title": "dot"}]
        complete = lambda: self.web.files_completeUploadExternal(files=files, channel_id=ROOM)
        self.assertEqual(self.refused(complete)["error"], "file_not_found")
        self.assertEqual(self.seen(), [])

    def test_a_limited_rate_says_for_how_long(self):
        twin.call(f"{self.address}/twin/refusals", {"status": 429, "room": True, "retry_after": 7})
        response = self.refused(lambda: self.web.chat_postMessage(channel=ROOM, text="hi"))
        self.assertEqual((response.status_code, response.headers["Retry-After"]), (429, "7"))

    def test_the_librarys_own_retry_comes_through(self):
        self.web.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=1))
        twin.call(f"{self.address}/twin/refusals", {"status": 429, "room": True, "retry_after": 1})
        self.web.chat_postMessage(channel=ROOM, text="hi")
        self.assertEqual(self.seen(), [("bot", "hi")])


class SocketMode(Slack):
    def connected(self):
        """A client whose envelopes are put in a queue, acknowledged only by the test."""
        client = SocketModeClient(app_token=APP_TOKEN, web_client=self.web)
        client.heard = queue.Queue()
        client.socket_mode_request_listeners.append(lambda _, it: client.heard.put(it))
        client.connect()
        self.addCleanup(client.close)
        return client

    def envelope(self, client):
        return client.heard.get(timeout=twin.PATIENCE)

    def acknowledge(self, client, envelope):
        client.send_socket_mode_response(SocketModeResponse(envelope_id=envelope.envelope_id))

    def test_a_message_comes_in_an_envelope(self):
        client = self.connected()
        ts = self.write("hello & welcome")
        envelope = self.envelope(client)
        self.acknowledge(client, envelope)
        event = envelope.payload["event"]
        self.assertEqual(envelope.type, "events_api")
        self.assertEqual((event["type"], event["channel_type"]), ("message", "im"))
        self.assertEqual((event["user"], event["ts"]), (PERSON, ts))
        self.assertEqual(event["text"], "hello &amp; welcome")

    def test_a_file_is_opened_by_the_bots_token(self):
        client = self.connected()
        self.write("look", image="cat")
        envelope = self.envelope(client)
        self.acknowledge(client, envelope)
        event = envelope.payload["event"]
        [file] = event["files"]
        self.assertEqual((event["subtype"], file["mimetype"]), ("file_share", "image/png"))
        headers = {"authorization": f"Bearer {BOT_TOKEN}"}
        request = urllib.request.Request(file["url_private"], headers=headers)
        with urllib.request.urlopen(request, timeout=twin.PATIENCE) as answer:
            content = answer.read()
        self.assertTrue(content.startswith(b"\x89PNG"))
        self.assertEqual(len(content), file["size"])
        address = urllib.parse.urlsplit(file["url_private"])
        connection = http.client.HTTPConnection(address.netloc, timeout=twin.PATIENCE)
        self.addCleanup(connection.close)
        connection.request("GET", address.path)
        self.assertEqual(connection.getresponse().status, 302)

    def test_a_mention_in_a_channel_is_two_events_of_one_message(self):
        client = self.connected()
        ts = self.write("hello", room=True, mention=True)
        events = [self.envelope(client).payload["event"] for _ in range(2)]
        self.assertEqual([it["type"] for it in events], ["message", "app_mention"])
        self.assertEqual([it["ts"] for it in events], [ts, ts])
        self.assertEqual(events[0]["text"], "<@UBOT0> hello")

    def test_what_is_not_acknowledged_comes_again_on_the_next_connection(self):
        client = self.connected()
        self.write("hello")
        first = self.envelope(client)
        twin.call(f"{self.address}/twin/disconnections", {})
        again = self.envelope(client)
        self.assertEqual(again.payload["event_id"], first.payload["event_id"])
        self.assertEqual((first.retry_attempt, again.retry_attempt), (0, 1))
        self.acknowledge(client, again)

    def test_what_is_acknowledged_does_not_come_again(self):
        client = self.connected()
        self.write("one")
        self.acknowledge(client, self.envelope(client))
        self.write("two")
        second = self.envelope(client)
        self.acknowledge(client, second)
        twin.call(f"{self.address}/twin/disconnections", {})
        self.write("three")
        texts = [self.envelope(client).payload["event"]["text"]]
        self.assertEqual(texts, ["three"])

    def test_a_wrong_token_opens_nothing(self):
        client = SocketModeClient(app_token="xapp-other", web_client=self.web)
        with self.assertRaises(SlackApiError):
            client.connect()

    def test_bolt_answers_a_mention_in_its_thread(self):
        app = App(client=self.web, signing_secret=SECRET)

        @app.event("app_mention")
        def answer(event, say):
            say(text="you called?", thread_ts=event["ts"])

        @app.event("message")
        def overhear():
            pass

        handler = SocketModeHandler(app, APP_TOKEN, web_client=self.web)
        handler.connect()
        self.addCleanup(handler.close)
        ts = self.write("hello", room=True, mention=True)
        for _ in range(twin.PATIENCE * 20):
            lines = twin.call(f"{self.address}/twin/messages")
            if len(lines) > 1:
                break
            threading.Event().wait(0.05)
        self.assertEqual((lines[-1]["text"], lines[-1]["thread"]), ("you called?", ts))


class Endpoint(http.server.BaseHTTPRequestHandler):
    """What bolt's adapters do: they check the signature, and answer."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"])).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        server = self.server
        valid = SignatureVerifier(SECRET).is_valid_request(body, headers)
        said = json.loads(body)
        if said["type"] == "event_callback" and server.failures:
            server.calls.put((valid, said, headers))
            server.failures.pop()
            return self.answer(500, "")
        response = server.app.dispatch(BoltRequest(body=body, headers=headers))
        server.calls.put((valid, said, headers))
        self.answer(response.status, response.body)

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("content-length", str(len(body.encode())))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_):
        pass


class EventsApi(Slack):
    def setUp(self):
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
        self.server.calls, self.server.failures, self.heard = queue.Queue(), [], queue.Queue()
        self.events_url = f"http://127.0.0.1:{self.server.server_port}/slack/events"
        super().setUp()
        self.server.app = App(client=self.web, signing_secret=SECRET)
        self.server.app.event("message")(lambda event, ack: (ack(), self.heard.put(event)))
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        # Before it calls, Slack wants to hear its challenge.
        valid, said, _ = self.call()
        self.assertEqual((valid, said["type"]), (True, "url_verification"))

    def call(self):
        return self.server.calls.get(timeout=twin.PATIENCE)

    def test_a_message_is_signed_and_bolt_takes_it(self):
        ts = self.write("hello")
        self.assertEqual(self.heard.get(timeout=twin.PATIENCE)["ts"], ts)
        valid, said, headers = self.call()
        self.assertTrue(valid, "slack_sdk refuses the signature")
        self.assertEqual(said["event"]["text"], "hello")
        self.assertNotIn("x-slack-retry-num", headers)

    def test_a_call_that_fails_is_made_again_and_says_so(self):
        self.server.failures.append("once")
        self.write("hello")
        _, first, _ = self.call()
        valid, again, headers = self.call()
        self.assertTrue(valid, "slack_sdk refuses the signature")
        self.assertEqual(again["event_id"], first["event_id"])
        self.assertEqual(headers["x-slack-retry-num"], "1")


if __name__ == "__main__":
    unittest.main(argv=["test_slack"])

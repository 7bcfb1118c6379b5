"""The IRC twin, as the library `irc` sees it."""

import queue
import threading
import time
import unittest

import irc.client
import twin

PERSON, ROOM = "alice", "#creel"
SECRET = "let-me-in"


class Client(irc.client.SimpleIRCClient):
    """Keeps what it hears, by the kind of event."""

    def __init__(self):
        super().__init__()
        self.heard = {}
        self.lock = threading.Lock()

    def of(self, kind):
        with self.lock:
            return self.heard.setdefault(kind, queue.Queue())

    def _dispatcher(self, connection, event):
        super()._dispatcher(connection, event)
        self.of(event.type).put(event)


class Irc(unittest.TestCase):
    def setUp(self):
        # Its own port is chosen by `serving`'s last argument; the server's is asked for.
        arguments = ["irc", "--password", SECRET, "--people-port", "0"]
        self.address = self.enterContext(twin.serving(*arguments))
        host, port = twin.call(f"{self.address}/twin")["irc"].rsplit(":", 1)
        self.where = (host, int(port))
        self.clients = []

    def connect(self, nick, password=SECRET):
        client = Client()
        client.connect(*self.where, nick, password=password, username="bot", ircname="A bot")
        running = threading.Event()
        running.set()

        def work():
            while running.is_set():
                client.reactor.process_once(0.02)

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        self.addCleanup(thread.join, twin.PATIENCE)
        self.addCleanup(running.clear)
        return client

    def enter(self, nick="creel"):
        client = self.connect(nick)
        client.of("welcome").get(timeout=twin.PATIENCE)
        client.connection.join(ROOM)
        client.of("endofnames").get(timeout=twin.PATIENCE)
        return client

    def write(self, text, **where):
        return twin.call(f"{self.address}/twin/messages", {"text": text, **where})

    def seen(self, count):
        """What people see of the client's, once there is so much."""
        end = time.monotonic() + twin.PATIENCE
        while True:
            lines = [it for it in twin.call(f"{self.address}/twin/messages") if it["is_bot"]]
            if len(lines) >= count or time.monotonic() > end:
                return [(it["chat"], it["text"]) for it in lines]
            time.sleep(0.02)

    def test_people_and_a_client_hear_each_other(self):
        client = self.enter()
        self.write("hello")
        event = client.of("privmsg").get(timeout=twin.PATIENCE)
        self.assertEqual((event.source.nick, event.target, event.arguments), (PERSON, "creel", ["hello"]))
        self.write("to all", chat="room", mention=True)
        event = client.of("pubmsg").get(timeout=twin.PATIENCE)
        self.assertEqual((event.source.nick, event.target), (PERSON, ROOM))
        self.assertEqual(event.arguments, ["creel: to all"])
        client.connection.privmsg(PERSON, "to one")
        client.connection.privmsg(ROOM, "to all")
        client.connection.action(ROOM, "nods")
        client.connection.notice(PERSON, "noted")
        expected = [(PERSON, "to one"), (ROOM, "to all"), (ROOM, "* creel nods"), (PERSON, "noted")]
        self.assertEqual(self.seen(4), expected)

    def test_who_is_where_can_be_asked(self):
        client = self.enter()
        names = client.of("namreply").get(timeout=twin.PATIENCE).arguments
        self.assertEqual(sorted(names[2].split()), [PERSON, "creel"])
        client.connection.whois([PERSON])
        about = client.of("whoisuser").get(timeout=twin.PATIENCE).arguments
        self.assertEqual((about[0], about[2]), (PERSON, "people.creel.test"))
        client.of("endofwhois").get(timeout=twin.PATIENCE)
        client.connection.mode(ROOM, "")
        self.assertEqual(client.of("channelmodeis").get(timeout=twin.PATIENCE).arguments[1], "+nt")
        client.connection.topic(ROOM, "mine")
        client.of("chanoprivsneeded").get(timeout=twin.PATIENCE)
        client.connection.ping("are you there")
        client.of("pong").get(timeout=twin.PATIENCE)

    def test_a_nick_that_is_taken_is_refused_and_another_is_not(self):
        self.enter()
        second = self.connect("creel")
        second.of("nicknameinuse").get(timeout=twin.PATIENCE)
        second.connection.nick("creel_")
        second.of("welcome").get(timeout=twin.PATIENCE)

    def test_a_wrong_password_ends_it(self):
        client = self.connect("creel", password="guessed")
        client.of("passwdmismatch").get(timeout=twin.PATIENCE)
        client.of("disconnect").get(timeout=twin.PATIENCE)

    def test_a_refusal_is_told(self):
        client = self.enter()
        twin.call(f"{self.address}/twin/refusals", {"chat": "room"})
        client.connection.privmsg(ROOM, "lost")
        client.of("cannotsendtochan").get(timeout=twin.PATIENCE)
        client.connection.privmsg(ROOM, "kept")
        self.assertEqual(self.seen(1), [(ROOM, "kept")])

    def test_a_cut_connection_is_told_and_made_anew(self):
        client = self.enter()
        twin.call(f"{self.address}/twin/cuts", {})
        client.of("disconnect").get(timeout=twin.PATIENCE)
        self.enter()


if __name__ == "__main__":
    unittest.main(argv=["test_irc"])

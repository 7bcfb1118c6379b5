"""Says to a gateway what clients said in a capture, and hears what it answers."""

import collections
import dataclasses
import json
import re
import selectors
import time

import device
import wire

# Seconds that our gateway has for what the recorded one did at once.
PATIENCE = 10

# Seconds for an event of a run that the recorded one sent.
PATIENCE_FOR_EVENTS = 5

# Seconds for an event that belongs to no run: some gateways never send it.
PATIENCE_FOR_NEWS = 0.5

# Seconds that are listened for what comes when nothing is said.
LINGER = 0.3

# Seconds between two ticks, and some more.
TICK_WITHIN = 32

# What a gateway makes up and a client repeats later: ids, tokens, hashes.
MADE_UP = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}|[A-Za-z0-9_+/=-]{16,}")


@dataclasses.dataclass
class Heard:
    """A frame, and the step during which it came."""

    label: str
    frame: dict


@dataclasses.dataclass
class Talk:
    """What was heard on one connection, and how it ended: its code, if the gateway ended it."""

    heard: list = dataclasses.field(default_factory=list)
    end: int | None = None
    # When a message first was no JSON, say.
    faults: list = dataclasses.field(default_factory=list)


def event_kind(frame):
    """What kind of event it is: its name, and what its payload says of itself."""
    payload = frame.get("payload")
    payload = payload if isinstance(payload, dict) else {}
    data = payload.get("data") if isinstance(payload.get("data"), dict) else {}
    words = [frame["event"], payload.get("stream"), data.get("phase"), payload.get("state")]
    return " ".join(it for it in words if isinstance(it, str))


def run_of(frame):
    payload = frame.get("payload")
    return payload.get("runId") if isinstance(payload, dict) else None


def what_it_is(frame):
    """A frame's kind, as far as one waits for it: an answer to a request, or an event of a run."""
    if frame.get("type") == "res":
        return "res", frame.get("id")
    return "event", event_kind(frame), run_of(frame)


class Player:
    """Plays the clients of a capture against one address."""

    def __init__(self, rows, host, port):
        self.rows = rows
        self.address = host, port
        self.selector = selectors.DefaultSelector()
        self.clients, self.labels = {}, {}
        # What was recorded and what we heard, by connection.
        self.theirs, self.ours = {}, {}
        # What must have come on a connection before its client goes on.
        self.due = {}
        self.devices = {}
        # What our gateway made up in place of what theirs did, and kinds of events that it never sends.
        self.instead, self.never = {}, set()
        self.said_at, self.wanted = {}, collections.Counter()

    def play(self):
        for row in self.rows:
            if row.connection not in self.clients:
                self.open(row.connection)
            self.labels.setdefault(row.connection, row.label)
            if row.what == "heard":
                self.theirs[row.connection].heard.append(Heard(row.label, row.frame))
                self.due[row.connection].append(row.frame)
            elif row.what == "said":
                self.say(row)
            else:
                self.end(row)
        for connection, client in self.clients.items():
            if self.due[connection]:
                self.await_due(connection)
            self.drop(client)
            client.leave()

    def open(self, connection):
        client = wire.Client(*self.address)
        self.clients[connection] = client
        self.theirs[connection], self.ours[connection] = Talk(), Talk()
        self.due[connection] = []
        self.selector.register(client, selectors.EVENT_READ, connection)
        if client.early:
            self.take(connection)

    def say(self, row):
        connection = row.connection
        self.await_due(connection)
        # No faster than it was recorded.
        recorded, replayed = self.said_at.get(connection, (row.at, time.monotonic()))
        self.listen(replayed + row.at - recorded - time.monotonic(), lambda: False)
        self.said_at[connection] = row.at, time.monotonic()
        self.labels[connection] = row.label
        frame = row.frame
        if isinstance(frame, dict):
            frame = json.dumps(self.fresh(connection, frame))
        self.clients[connection].say(frame)

    def fresh(self, connection, frame):
        """The frame, with what our gateway made up in place of what theirs did, and signed anew."""
        signed = frame.get("params")
        frame = self.replaced(frame)
        params = frame.get("params")
        if isinstance(signed, dict) and isinstance(signed.get("device"), dict):
            self.listen(PATIENCE, lambda: self.challenge(self.ours[connection]))
            recorded = self.challenge(self.theirs[connection]) or {}
            challenge = self.challenge(self.ours[connection])
            if challenge:
                params["device"] = self.device(signed).instead_of(signed, params, recorded, challenge)
        return frame

    def device(self, params):
        """The device that stands for a recorded one, wherever it is named."""
        recorded = str(params["device"].get("id"))
        if recorded not in self.devices:
            self.devices[recorded] = device.Device()
            self.instead[recorded] = self.devices[recorded].id
        return self.devices[recorded]

    @staticmethod
    def challenge(talk):
        frames = (it.frame for it in talk.heard)
        return next((it["payload"] for it in frames if it.get("event") == "connect.challenge"), None)

    def replaced(self, value):
        if isinstance(value, str):
            return self.instead.get(value, value)
        if isinstance(value, list):
            return [self.replaced(it) for it in value]
        if isinstance(value, dict):
            return {key: self.replaced(it) for key, it in value.items()}
        return value

    def end(self, row):
        """The end of a connection: the gateway's, for which we wait, or the client's, which says goodbye."""
        connection = row.connection
        self.await_due(connection)
        client = self.clients[connection]
        if row.by_gateway:
            self.theirs[connection].end = row.frame
            before = [it.at for it in self.rows if it.connection == connection and it is not row]
            pause = row.at - max(before, default=row.at)
            self.listen(pause + PATIENCE, lambda: client.closed)
        else:
            self.listen(LINGER, lambda: client.closed)
        if client.closed:
            self.ours[connection].end = client.closed[0]
        self.drop(client)
        client.leave()

    def await_due(self, connection):
        """Waits until what was recorded until here has come, as far as it comes."""
        due, self.due[connection] = self.due[connection], []
        for frame in due:
            it = what_it_is(frame)
            kind = it[:2]
            if it[0] == "event" and kind in self.never:
                continue
            of_news = it[0] == "event" and it[2] is None
            patience = PATIENCE
            if frame.get("event") == "tick":
                patience = TICK_WITHIN
            elif it[0] == "event":
                patience = PATIENCE_FOR_NEWS if of_news else PATIENCE_FOR_EVENTS
            self.wanted[connection, it] += 1
            wanted = self.wanted[connection, it] if it[0] == "res" else 1
            has_come = self.listen(patience, lambda it=it, wanted=wanted: self.has(connection, it, wanted))
            if not has_come and it[0] == "event":
                self.never.add(kind)
        self.learn(connection)

    def has(self, connection, kind, wanted):
        """Whether so many frames of a kind have come, or nothing comes any more."""
        heard = self.ours[connection].heard
        return self.clients[connection].closed or sum(what_it_is(it.frame) == kind for it in heard) >= wanted

    def listen(self, seconds, until):
        """Hears what comes on any connection, until something holds or so much time has gone by; whether it holds."""
        deadline = time.monotonic() + seconds
        while not (holds := until()) and (left := deadline - time.monotonic()) > 0:
            for key, _ in self.selector.select(left):
                self.take(key.data)
        return bool(holds)

    def take(self, connection):
        client = self.clients[connection]
        for text in client.read():
            try:
                frame = json.loads(text)
            except ValueError:
                self.ours[connection].faults.append(text[:80])
                continue
            self.ours[connection].heard.append(Heard(self.labels.get(connection, "no words"), frame))
        if client.closed:
            self.drop(client)

    def drop(self, client):
        # One that is closed already has left.
        if client.fileno() >= 0 and client.fileno() in self.selector.get_map():
            self.selector.unregister(client)

    def learn(self, connection):
        """What our gateway made up where theirs had made up something else."""
        ours = {what_it_is(it.frame): it.frame for it in self.ours[connection].heard}
        for heard in self.theirs[connection].heard:
            self.match(heard.frame.get("payload"), ours.get(what_it_is(heard.frame), {}).get("payload"))

    def match(self, theirs, ours):
        if isinstance(theirs, dict) and isinstance(ours, dict):
            for key in theirs.keys() & ours.keys() - {"server"}:
                self.match(theirs[key], ours[key])
        elif isinstance(theirs, list) and isinstance(ours, list):
            for one, other in zip(theirs, ours):
                self.match(one, other)
        elif isinstance(theirs, str) and isinstance(ours, str) and theirs != ours and MADE_UP.fullmatch(theirs):
            self.instead.setdefault(theirs, ours)

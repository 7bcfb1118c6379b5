"""Recorded frames: how they are read, and what they say of the provider behind them."""

import collections
import dataclasses
import json
import typing

# Endings of what a file is called, for captures in which nobody was greeted.
PROFILES = {3: "2026.3", 4: "2026.9"}


@dataclasses.dataclass
class Row:
    """A line: when, on which connection, and what: `said` by a client, `heard` by it, or `ended`."""

    at: float
    connection: str
    what: str
    # The name of the step, as whoever recorded it called it; else the method.
    label: str
    # The frame, or a text that is none; the code of an end.
    frame: typing.Any
    by_gateway: bool = False


def read(path):
    """The rows of a file, each with its connection."""
    rows, ordinal, greeted, label, first = [], 0, set(), {}, {}
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip():
            continue
        try:
            found = json.loads(line)
            what = {">": "said", "<": "heard", "x": "ended"}[found["dir"]]
            frame, at = found["frame"], float(found["t"])
        except (ValueError, KeyError, TypeError) as error:
            raise SystemExit(f"{path}:{number}: expected a line of a capture, found {line[:60]!r} ({error!r})") from None
        connection = str(found.get("connection", f"{ordinal + 1}"))
        if what == "said":
            frame = parsed(frame)
            label[connection] = found.get("tag") or (frame.get("method") if isinstance(frame, dict) else None) or "text"
            first.setdefault(connection, label[connection])
        if is_hello(frame):
            greeted.add(connection)
        row = Row(at, connection, what, found.get("tag") or label.get(connection), frame)
        if what == "ended":
            # Who recorded nothing of it was a client that said goodbye, unless it had not even been greeted.
            row.frame = frame["close"][0]
            row.by_gateway = found["by"] == "gateway" if "by" in found else row.frame != 1000 or connection not in greeted
            ordinal += 1
        rows.append(row)
    if not rows:
        raise SystemExit(f"{path}: expected lines of a capture, found none")
    # What came before a client's first words is of the same step.
    for row in rows:
        if row.label is None:
            row.label = first.get(row.connection, "no words")
    return rows


def parsed(frame):
    """A frame that was recorded as the text that was sent."""
    if isinstance(frame, str):
        try:
            found = json.loads(frame)
        except ValueError:
            return frame
        return found if isinstance(found, dict) else frame
    return frame


def is_hello(frame):
    payload = frame.get("payload") if isinstance(frame, dict) else None
    return isinstance(payload, dict) and payload.get("type") == "hello-ok"


def facts(rows):
    """The profile that the recorded gateway went by, and the token that it took; none where it shows neither."""
    profile = token = None
    asked = {}
    for row in rows:
        if row.what == "said" and isinstance(row.frame, dict) and row.frame.get("method") == "connect":
            asked[row.connection] = row.frame.get("params") or {}
        if row.what == "heard" and is_hello(row.frame):
            profile = profile or PROFILES.get(row.frame["payload"].get("protocol"))
            token = token or (asked[row.connection].get("auth") or {}).get("token")
    return profile, token


def sessions_before(rows):
    """The sessions that there were before anything was said: who asked for a list found them in it."""
    keys = []
    for row in rows:
        frame = row.frame
        if row.what == "said" and isinstance(frame, dict) and "message" in (frame.get("params") or {}):
            break
        if row.what == "heard" and frame.get("type") == "res" and isinstance(frame.get("payload"), dict):
            listed = frame["payload"].get("sessions")
            for session in listed if isinstance(listed, list) else []:
                if session.get("key") not in keys:
                    keys.append(session["key"])
    return keys


@dataclasses.dataclass
class Answer:
    """What the model said to a message: its pieces, each after so many seconds."""

    message: str
    pieces: list


# A run that was ended from outside would have gone on for so many pieces more.
PIECES_MORE = 100


def answers(rows):
    """What the provider has to say, and when, so that our runs go as the recorded ones did."""
    asked, runs = {}, collections.OrderedDict()
    for row in rows:
        frame = row.frame
        if row.what == "said" and isinstance(frame, dict) and isinstance(frame.get("params"), dict):
            name, message = frame["params"].get("idempotencyKey"), frame["params"].get("message")
            if name and message and name not in asked:
                asked[name] = (row.at, message)
        if row.what == "heard" and frame.get("type") == "event" and isinstance(frame.get("payload"), dict):
            name = frame["payload"].get("runId")
            if name in asked:
                runs.setdefault(name, []).append((row.at, frame))
    return [answer(*asked[name], events) for name, events in runs.items()]


def answer(at, message, events):
    pieces, text = [], ""
    for when, frame in events:
        payload = frame["payload"]
        data = payload.get("data") or {}
        if frame["event"] == "agent" and payload.get("stream") == "assistant" and data.get("delta"):
            pieces.append((max(when - at, 0), data["delta"]))
            text, at = text + data["delta"], when
        if frame["event"] == "chat" and payload.get("state") == "final":
            whole = text_of(payload)
            if whole.startswith(text) and len(whole) > len(text):
                pieces.append((0, whole[len(text):]))
        if frame["event"] == "chat" and payload.get("state") == "aborted":
            pieces += [(0.2, " more")] * PIECES_MORE
    return Answer(message, pieces or [(0, "Nothing was recorded.")])


def text_of(payload):
    content = (payload.get("message") or {}).get("content") or []
    return "".join(it.get("text", "") for it in content if isinstance(it, dict))

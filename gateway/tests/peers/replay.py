#!/usr/bin/env python3
"""Says to our gateway what clients said to another one, and compares the shapes of what they are answered.

    replay.py CAPTURE GATEWAY [--profile 2026.3|2026.9] [--expected FILE] [--json]

GATEWAY is the program `creel-gateway`; it is started on loopback with the token that the recorded gateway took, and beside a
provider that says what the recorded one said, at its pace. What has to be fresh is: nonces, signatures of devices, their keys,
and ids that answers gave. Compared are fields with their JSON types, error codes and their details, the words that clients act
on (`status`, `state`, `role`…), the order of a run's events, and who closed with which code; not values, and not how messages
are worded. Each comparison (a request, a run's events, a connection's other events, its end) is one line: `same`, `known` if
the list has all of its differences, or `NEW`.

A list (--expected) is TOML, with a reason for its differences, which stand in it as they are written here:

    [[difference]]
    reason = "…"
    of = ["sessions.list payload.path: ours absent, theirs text"]
    steps = ["device-cli"]        # only in these; in any if left out

Exit code 1 on a difference that is not in the list, and on one of the list that did not appear.

A capture is a file of JSON lines, one a frame, in the order in which they came:

    {"t": 1795227130.16, "dir": ">", "connection": 1, "frame": {"type": "req", "id": "1", "method": "health", "params": {}}}

`t` is in seconds. `dir` is `>` for what a client said, `<` for what it heard and `x` for the end of a connection, whose frame is
{"close": [CODE, REASON]}, with `by` beside it, `client` or `gateway`. Instead of `connection`, a capture of one connection after
another has each end with its `x`. `tag`, if given, is the name of the step. A text that is no JSON is recorded as a text.
`record.py` records such a file. It has the tokens of those who were recorded in it.
"""

import argparse
import contextlib
import dataclasses
import json
import pathlib
import shutil
import signal
import sys
import tempfile
import tomllib

import capture
import device
import paced
import peers
import player
import shape

# The name of the whole frame, where it is absent.
WHOLE = "(frame)"

# Events of a run that come as often as the provider's words do.
IN_PIECES = ("agent assistant", "chat delta", "agent thinking")


@dataclasses.dataclass
class Compared:
    """A call, or what else was compared at a step, and its differences."""

    step: str
    subject: str
    differences: list


def config_of(token, provider_address):
    """A gateway with one agent, two providers and two models of each."""
    models = [{
        "id": it, "name": it, "reasoning": False, "input": ["text"], "contextWindow": 200_000, "maxTokens": 4_096,
        "cost": {"input": 0, "output": 0, "cacheRead": 0, "cacheWrite": 0},
    } for it in ("m1", "m2")]
    provider = {"baseUrl": f"{provider_address}/v1", "api": "openai-completions", "apiKey": peers.KEY, "models": models}
    return {
        "gateway": {"mode": "local", "auth": {"mode": "token", "token": token}},
        "agents": {
            "defaults": {
                "model": {"primary": "prova/m1", "fallbacks": ["provb/m2"]},
                "heartbeat": {"every": "0m"}, "maxConcurrent": 4,
            },
            "list": [{"id": "main", "default": True}],
        },
        "models": {"mode": "replace", "providers": {"prova": provider, "provb": provider}},
    }


def prelude(keys, token, protocol):
    """A capture of our own: one turn in each session that there was before, or lists would be empty."""
    client = {"id": "gateway-client", "version": "1", "platform": "linux", "mode": "backend"}
    scopes = ["operator.read", "operator.write"]
    own = device.Device()
    params = {
        "minProtocol": protocol, "maxProtocol": protocol, "client": client, "role": "operator", "scopes": scopes,
        "auth": {"token": token},
        "device": {"id": own.id, "publicKey": device.url_base64(own.public), "nonce": "n", "signedAt": 0},
    }
    signature = own.sign(device.signed_text("v3", params, params["device"]))
    params["device"]["signature"] = device.url_base64(signature)
    rows = []

    def row(what, frame):
        rows.append(capture.Row(0.0, "before", what, "before", frame))

    def request(ordinal, method, params):
        row("said", {"type": "req", "id": f"before-{ordinal}", "method": method, "params": params})
        row("heard", {"type": "res", "id": f"before-{ordinal}", "ok": True})

    row("heard", {"type": "event", "event": "connect.challenge", "payload": {"nonce": "n", "ts": 0}})
    request(0, "connect", params)
    for ordinal, key in enumerate(keys, 1):
        name = f"before-{ordinal}"
        request(ordinal, "chat.send", {"sessionKey": key, "message": "What was before?", "idempotencyKey": name})
        row("heard", {"type": "event", "event": "chat", "payload": {"state": "final", "runId": name}})
    return rows


def requests(rows):
    """The requests of a capture: connection, id, step and method."""
    for row in rows:
        if row.what == "said" and isinstance(row.frame, dict) and isinstance(row.frame.get("id"), str):
            yield row.connection, row.frame["id"], row.label, str(row.frame.get("method"))


def compare_lists(subject, ours, theirs):
    """Compares answers of one request one by one: the first with the first."""
    differences = []
    for index in range(max(len(ours), len(theirs))):
        name = subject if index == 0 else f"{subject}, again"
        if index >= len(ours):
            differences.append(shape.Difference(name, WHOLE, shape.ABSENT, "there"))
        elif index >= len(theirs):
            differences.append(shape.Difference(name, WHOLE, "there", shape.ABSENT))
        else:
            differences += shape.compare(name, [ours[index]], [theirs[index]])
    return differences


def compare_requests(rows, ours, theirs):
    seen = set()
    for connection, name, step, method in requests(rows):
        if (connection, name) in seen:
            continue
        seen.add((connection, name))
        mine, other = (
            [it.frame for it in talks[connection].heard if it.frame.get("type") == "res" and it.frame.get("id") == name]
            for talks in (ours, theirs)
        )
        yield Compared(step, method, compare_lists(method, mine, other))


def events(talk, of_run):
    """Events of a connection that belong to a run, or those that belong to none, by run and then by kind."""
    found = {}
    for heard in talk.heard:
        frame = heard.frame
        if frame.get("type") == "event" and (player.run_of(frame) is not None) == of_run:
            run = player.run_of(frame)
            found.setdefault(run, {}).setdefault(player.event_kind(frame), []).append(heard)
    return found


# Events that come when a second is over, however short the recorded connection was.
BY_THE_CLOCK = ("presence", "tick")


def compare_kinds(ours, theirs):
    """Compares events, given by kind, and their order."""
    differences = []
    for kind in sorted(ours.keys() | theirs.keys()):
        subject = f"event {kind}"
        mine, other = ([it.frame for it in of.get(kind, [])] for of in (ours, theirs))
        if kind in BY_THE_CLOCK and not other:
            continue
        if not mine or not other:
            sides = ["there" if it else shape.ABSENT for it in (mine, other)]
            differences.append(shape.Difference(subject, WHOLE, *sides))
            continue
        differences += shape.compare(subject, mine, other)
    return differences


def compare_order(ours, theirs):
    """In which order the kinds first came, and which came once and which often, as far as both sides have them."""
    differences = []
    both = [it for it in theirs if it in ours]
    orders = [", ".join(it for it in of if it in both) for of in (ours, theirs)]
    if orders[0] != orders[1]:
        differences.append(shape.Difference("run", "(order)", *orders))
    for kind in both:
        if kind not in IN_PIECES and (len(ours[kind]) > 1) != (len(theirs[kind]) > 1):
            sides = [str(len(of[kind])) for of in (ours, theirs)]
            differences.append(shape.Difference("run", f"(count of {kind})", *sides))
    return differences


def compare_talk(ours, theirs):
    """Compares what came unasked on one connection, and its end."""
    runs, other_runs = events(ours, True), events(theirs, True)
    for run, other in other_runs.items():
        mine = runs.get(run, {})
        step = next(iter(other.values()))[0].label
        yield Compared(step, "run", compare_kinds(mine, other) + compare_order(mine, other))
    for run in runs.keys() - other_runs.keys():
        step = next(iter(runs[run].values()))[0].label
        yield Compared(step, "run", [shape.Difference("run", WHOLE, "there", shape.ABSENT)])
    mine, other = (events(it, False).get(None, {}) for it in (ours, theirs))
    step = (theirs.heard or ours.heard)[0].label if theirs.heard or ours.heard else "no words"
    yield Compared(step, "other events", compare_kinds(mine, other))
    faults = [shape.Difference("frame", fault, "no JSON", "JSON") for fault in ours.faults]
    ends = [f"closed with {it.end}" if it.end else "open" for it in (ours, theirs)]
    if ends[0] != ends[1]:
        faults.append(shape.Difference("end", "(code)", *ends))
    yield Compared(step, "end", faults)


def compare(rows, played):
    found = list(compare_requests(rows, played.ours, played.theirs))
    for connection in played.theirs:
        found += compare_talk(played.ours[connection], played.theirs[connection])
    return found


class Expected:
    """The list of differences that are known, with their reasons."""

    def __init__(self, path):
        self.rows = tomllib.loads(path.read_text())["difference"] if path else []
        self.unseen = set()
        for index, row in enumerate(self.rows):
            if not row.get("reason", "").strip() or not row.get("of"):
                sys.exit(f"{path}: expected a reason and differences, found {row}")
            self.unseen.update((line, index) for line in row["of"])

    def has(self, step, difference):
        line = difference.line()
        rows = [it for it, row in enumerate(self.rows) if line in row["of"] and step in row.get("steps", [step])]
        self.unseen.difference_update((line, it) for it in rows)
        return bool(rows)


def told(found, expected):
    """What became of each call, as it is written."""
    outcomes = []
    for it in found:
        new = [one for one in it.differences if not expected.has(it.step, one)]
        outcome = "NEW" if new else "known" if it.differences else "same"
        outcomes.append({
            "step": it.step, "subject": it.subject, "outcome": outcome,
            "differences": [{**dataclasses.asdict(one), "known": one not in new} for one in it.differences],
        })
    return outcomes


def write(outcomes, counts, unseen):
    for it in outcomes:
        print(f"{it['outcome']:5} {it['step']}: {it['subject']}")
        for one in it["differences"]:
            mark = "" if one["known"] else "NEW"
            print(f"   {mark:5} {shape.line(one)}")
    for line in unseen:
        print(f"GONE  {line} (listed, and it did not appear)")
    print(", ".join(f"{count} {name}" for name, count in counts.items()))


def main(options):
    rows = capture.read(options.capture)
    profile, token = capture.facts(rows)
    profile = options.profile or profile
    if profile is None:
        sys.exit("nobody was greeted in this capture, so say --profile")
    expected = Expected(options.expected)
    token = token or peers.calls.TOKEN
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="creel-replay."))
    try:
        with paced.provider(capture.answers(rows)) as address, \
                peers.gateway(options.gateway, profile, config_of(token, address), scratch) as target:
            host, port = target.url.removeprefix("ws://").split(":")
            if keys := capture.sessions_before(rows):
                player.Player(prelude(keys, token, 3 if profile == "2026.3" else 4), host, int(port)).play()
            played = player.Player(rows, host, int(port))
            played.play()
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(scratch)
    outcomes = told(compare(rows, played), expected)
    unseen = sorted(line for line, _ in expected.unseen)
    kinds = {shape.line(one) for it in outcomes for one in it["differences"]}
    counts = {"comparisons": len(outcomes)}
    counts |= {it: sum(one["outcome"] == it for one in outcomes) for it in ("same", "known", "NEW")}
    counts |= {"kinds of differences": len(kinds), "gone": len(unseen)}
    if options.json:
        print(json.dumps({"counts": counts, "calls": outcomes, "gone": unseen}, indent=1))
    else:
        write(outcomes, counts, unseen)
    return 1 if counts["NEW"] or unseen else 0


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("capture", type=pathlib.Path)
    parser.add_argument("gateway")
    parser.add_argument("--profile", choices=["2026.3", "2026.9"])
    parser.add_argument("--expected", type=pathlib.Path)
    parser.add_argument("--json", action="store_true")
    signal.signal(signal.SIGTERM, peers.end)
    sys.exit(main(parser.parse_args()))

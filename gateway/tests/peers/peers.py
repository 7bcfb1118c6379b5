"""OpenClaw's own clients against the reference gateway, which is started beside a provider that echoes.

    peers.py CACHE GATEWAY CREEL [NAME…]

See run.sh, which installs the clients into the folder CACHE.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

import calls

HERE = pathlib.Path(__file__).parent

# Seconds that a program has to say where it listens, or that it is ready.
STARTS_WITHIN = 30

# Seconds that a client has for one call. The older one takes ten to start on a busy machine.
ANSWERS_WITHIN = 120

# What the gateway bears to its provider.
KEY = "sk-peers"

# A proxy that the machine is configured with must not see loopback.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"


class Peer:
    """A client of a name, with the version of the contract that its gateway goes by."""

    def __init__(self, name, profile, list_calls):
        self.name = name
        self.profile = profile
        self.list_calls = list_calls


PEERS = [
    Peer("openclaw-2026.3.13", "2026.3", calls.of_command_line),
    Peer("openclaw-2026.9.6", "2026.9", calls.of_command_line),
    Peer("openclaw-node-3", "2026.3", calls.of_package),
    Peer("openclaw-node-4", "2026.9", calls.of_package),
]


@contextlib.contextmanager
def running(command, log, **options):
    """A program, for as long as the block lasts. What it writes to stderr goes into the file `log`."""
    with open(log, "wb") as errors:
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True, **options)
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STARTS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def drain(process):
    """Reads what a program writes to stdout, so that it never waits for a reader."""
    threading.Thread(target=process.stdout.read, daemon=True).start()


@contextlib.contextmanager
def provider(creel, scratch):
    """The address of a provider that answers every request with what was said last."""
    command = [creel, "twin", "openai", "--port", "0", "--key", KEY]
    with running(command, scratch / "provider.log") as process:
        # If it says nothing, its end is what ends the reading.
        watchdog = threading.Timer(STARTS_WITHIN, process.kill)
        watchdog.start()
        line = process.stdout.readline()
        watchdog.cancel()
        if "http://" not in line:
            sys.exit(f"expected the provider's address, found {line!r}")
        drain(process)
        yield "http://" + line.split("http://")[1].split()[0].removesuffix("/v1")


def plain_config(provider_address):
    """A gateway without a channel, whose operators bear the token."""
    return {
        "gateway": {"auth": {"mode": "token", "token": calls.TOKEN}},
        "agents": {"defaults": {"model": "openai/any"}},
        "models": {"providers": {"openai": {
            "baseUrl": f"{provider_address}/v1", "apiKey": KEY, "models": [{"id": "any"}],
        }}},
    }


@contextlib.contextmanager
def gateway(program, profile, settings, scratch):
    """The address of a gateway that is configured so, on a port that was free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    state = scratch / f"gateway-{profile}"
    state.mkdir()
    config = state / "openclaw.json"
    config.write_text(json.dumps({**settings, "gateway": {**settings["gateway"], "port": port}}))
    log = scratch / f"gateway-{profile}.log"
    command = [program, "serve", "--config", config, "--state-dir", state, "--profile", profile]
    with running(command, log) as process:
        drain(process)
        if not ready(f"http://127.0.0.1:{port}/ready", process):
            sys.exit(f"the gateway was not ready within {STARTS_WITHIN} s:\n{log.read_text()[-2000:]}")
        yield calls.Target(f"ws://127.0.0.1:{port}", state)
        if process.poll() is not None:
            sys.exit(f"the gateway ended by itself, {process.returncode}:\n{log.read_text()[-2000:]}")


def ready(url, process):
    """Whether the address answers with 200 before the patience ends."""
    end = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < end and process.poll() is None:
        with contextlib.suppress(OSError, urllib.error.HTTPError):
            with urllib.request.urlopen(url, timeout=1) as answer:
                if answer.status == 200:
                    return True
        time.sleep(0.05)
    return False


def end(*_):
    """As if interrupted: what was started is ended."""
    raise KeyboardInterrupt


def run(command, home):
    """A client's exit code, or none if it took too long, with what it wrote and the seconds that it took."""
    environment = {
        "PATH": os.environ["PATH"], "HOME": str(home), "OPENCLAW_STATE_DIR": str(home / ".openclaw"),
        "OPENCLAW_DISABLE_BONJOUR": "1", "NO_COLOR": "1", "TERM": "dumb", "NO_PROXY": os.environ["NO_PROXY"],
    }
    begun = time.monotonic()
    # A session of its own, so that what it started ends with it.
    process = subprocess.Popen(
        [str(it) for it in command], env=environment, cwd=home, text=True, errors="replace", start_new_session=True,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )
    try:
        output, errors = process.communicate(timeout=ANSWERS_WITHIN)
        code = process.returncode
    except BaseException as interruption:
        os.killpg(process.pid, signal.SIGKILL)
        output, errors = process.communicate()
        code = None
        if not isinstance(interruption, subprocess.TimeoutExpired):
            raise
    return calls.Ran(code, output, errors, time.monotonic() - begun)


def main(cache, program, creel, names):
    unknown = set(names) - {peer.name for peer in PEERS}
    if unknown:
        sys.exit(f"no such client: {', '.join(sorted(unknown))}; there are {', '.join(it.name for it in PEERS)}")
    peers = [peer for peer in PEERS if not names or peer.name in names]
    scratch = pathlib.Path(tempfile.mkdtemp(prefix="creel-peers."))
    outcomes = []
    try:
        with provider(creel, scratch) as address:
            for profile in sorted({peer.profile for peer in peers}):
                with gateway(program, profile, plain_config(address), scratch) as target:
                    for peer in (it for it in peers if it.profile == profile):
                        home = scratch / peer.name
                        (home / ".openclaw").mkdir(parents=True)
                        print(f"{peer.name}, profile {profile}", flush=True)
                        for outcome in peer.list_calls(peer.name, cache, target, home, run):
                            outcomes.append(outcome)
                            print(f"  {outcome.line()}", flush=True)
    finally:
        shutil.rmtree(scratch)
    wrong = [it for it in outcomes if it.is_wrong()]
    print(f"{len(outcomes)} calls, {len(wrong)} not as expected")
    return 1 if wrong or not outcomes else 0


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    signal.signal(signal.SIGTERM, end)
    sys.exit(main(pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3], sys.argv[4:]))

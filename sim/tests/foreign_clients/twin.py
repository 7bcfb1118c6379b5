"""Starts a twin as a process of its own, and ends it."""

import base64
import contextlib
import json
import os
import subprocess
import sys
import threading
import urllib.request

# Seconds. Nothing here waits for longer.
PATIENCE = 20

# A proxy that the machine is configured with must not see loopback.
os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"

# Durations as python-telegram-bot will have them from its next version on.
os.environ["PTB_TIMEDELTA"] = "true"

COMMAND = sys.argv[1:]

# The smallest PNG there is: one pixel.
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@contextlib.contextmanager
def serving(*arguments):
    """The twin's address, for as long as the block lasts."""
    command = [*COMMAND, *arguments, "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    # If the twin says nothing, its end is what ends the reading.
    watchdog = threading.Timer(PATIENCE, process.kill)
    watchdog.start()
    try:
        line = process.stdout.readline()
        watchdog.cancel()
        assert "http://" in line, f"expected an address, found {line!r}"
        yield "http://" + line.split("http://")[1].split()[0]
    finally:
        watchdog.cancel()
        process.kill()
        process.wait(PATIENCE)
        process.stdout.close()


def call(url, body=None):
    """A JSON answer, to a POST if there is a body."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        return json.load(answer)

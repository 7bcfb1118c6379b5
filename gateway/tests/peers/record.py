#!/usr/bin/env python3
"""Records what clients and a gateway say to each other, for replay.py, until it is interrupted.

    record.py GATEWAY-PORT CAPTURE [PORT]

Listens on loopback, on PORT or a free one, and passes everything on to a gateway on this machine, so clients are told
`ws://127.0.0.1:PORT` instead of the gateway's address. Both sides are asked to leave compression away. The file has whatever
secrets are said: a gateway of one's own for the occasion, with a token of its own, is best.
"""

import json
import pathlib
import socket
import sys
import threading
import time

import wire


class Capture:
    """The file. Lines of several connections come one by one."""

    def __init__(self, path):
        self.file = path.open("w", buffering=1)
        self.lock = threading.Lock()
        self.ended = set()

    def note(self, connection, direction, frame, **more):
        with self.lock:
            if connection not in self.ended:
                line = {"t": round(time.time(), 4), "dir": direction, "connection": connection, **more, "frame": frame}
                self.file.write(json.dumps(line) + "\n")

    def end(self, connection, close, by):
        """The first end is the one that counts."""
        self.note(connection, "x", {"close": list(close)}, by=by)
        self.ended.add(connection)


def head_of(sender):
    head = b""
    while b"\r\n\r\n" not in head and (more := sender.recv(wire.READ_BYTES)):
        head += more
    head, end, rest = head.partition(b"\r\n\r\n")
    kept = [it for it in head.split(b"\r\n") if not it.lower().startswith(b"sec-websocket-extensions:")]
    return b"\r\n".join(kept) + end, rest


def frame_of(text):
    try:
        return json.loads(text)
    except ValueError:
        return text


def pass_on(sender, receiver, capture, connection, by):
    """Passes one direction on, and notes the messages in it."""
    direction, reader = {"client": ">", "gateway": "<"}[by], wire.Reader()
    try:
        head, more = head_of(sender)
        is_socket = b"websocket" in head.lower()
        receiver.sendall(head)
        while True:
            # Noted before it is passed on, or an answer could come first.
            for message in reader.feed(more) if is_socket else []:
                if message.kind in (wire.TEXT, wire.BINARY):
                    capture.note(connection, direction, frame_of(message.text()))
                elif message.kind == wire.CLOSE:
                    capture.end(connection, message.close(), by)
            receiver.sendall(more)
            if not (more := sender.recv(wire.READ_BYTES)):
                break
    except OSError:
        pass
    if is_socket:
        capture.end(connection, (wire.GONE, ""), by)
    for it in (sender, receiver):
        try:
            it.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


def main(gateway_port, path, port):
    capture, connection = Capture(path), 0
    with socket.create_server(("127.0.0.1", port)) as server:
        print(f"ws://127.0.0.1:{server.getsockname()[1]}", flush=True)
        while True:
            client, _ = server.accept()
            connection += 1
            gateway = socket.create_connection(("127.0.0.1", gateway_port))
            for sender, receiver, by in ((client, gateway, "client"), (gateway, client, "gateway")):
                threading.Thread(target=pass_on, args=(sender, receiver, capture, connection, by), daemon=True).start()


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    try:
        main(int(sys.argv[1]), pathlib.Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) == 4 else 0)
    except KeyboardInterrupt:
        pass

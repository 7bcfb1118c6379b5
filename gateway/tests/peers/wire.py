"""WebSocket with nothing but the standard library: a client, and a reader of what either side put on the line."""

import base64
import dataclasses
import os
import socket
import struct

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10

# What a side is said to have closed with if it gave no code, and if it was gone without a word.
NO_CODE, GONE = 1005, 1006

READ_BYTES = 65_536
CONNECTS_WITHIN = 10


@dataclasses.dataclass
class Message:
    """A whole message: the kind of its first frame, and its bytes."""

    kind: int
    body: bytes

    def text(self):
        return self.body.decode("utf-8", "replace")

    def close(self):
        """The code and the reason of a close."""
        if len(self.body) < 2:
            return NO_CODE, ""
        return struct.unpack(">H", self.body[:2])[0], self.body[2:].decode("utf-8", "replace")


class Reader:
    """Makes messages of the bytes of one direction, which come in pieces. Knows no compression."""

    def __init__(self):
        self.bytes = bytearray()
        self.kind = None
        self.body = b""

    def feed(self, more):
        """The messages that are whole now."""
        self.bytes += more
        messages = []
        while (frame := self.frame()) is not None:
            is_last, kind, body = frame
            if kind >= CLOSE:
                messages.append(Message(kind, body))
                continue
            if kind:
                self.kind, self.body = kind, b""
            self.body += body
            if is_last:
                messages.append(Message(self.kind or BINARY, self.body))
        return messages

    def frame(self):
        """The first frame, if it is whole: whether a message ends with it, its kind and its bytes."""
        if len(self.bytes) < 2:
            return None
        first, second = self.bytes[:2]
        length, at = second & 0x7F, 2
        wide = {126: ">H", 127: ">Q"}.get(length)
        if wide:
            at += struct.calcsize(wide)
            if len(self.bytes) < at:
                return None
            length = struct.unpack(wide, self.bytes[2:at])[0]
        mask = b""
        if second & 0x80:
            mask, at = bytes(self.bytes[at:at + 4]), at + 4
        if len(self.bytes) < at + length:
            return None
        body = bytes(self.bytes[at:at + length])
        del self.bytes[:at + length]
        return bool(first & 0x80), first & 0x0F, masked(body, mask) if mask else body


def masked(body, mask):
    whole = mask * (len(body) // 4 + 1)
    return (int.from_bytes(body, "big") ^ int.from_bytes(whole[:len(body)], "big")).to_bytes(len(body), "big")


def of_client(kind, body):
    """A frame as a client has to write it."""
    length = len(body)
    if length < 126:
        head = struct.pack(">BB", 0x80 | kind, 0x80 | length)
    elif length < 65_536:
        head = struct.pack(">BBH", 0x80 | kind, 0x80 | 126, length)
    else:
        head = struct.pack(">BBQ", 0x80 | kind, 0x80 | 127, length)
    mask = os.urandom(4)
    return head + mask + masked(body, mask)


class Client:
    """One connection. It never waits: who reads from it asks the operating system first whether there is something."""

    def __init__(self, host, port):
        self.socket = socket.create_connection((host, port), CONNECTS_WITHIN)
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((
            f"GET / HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n\r\n"
        ).encode())
        head = b""
        while b"\r\n\r\n" not in head:
            more = self.socket.recv(READ_BYTES)
            if not more:
                break
            head += more
        head, _, rest = head.partition(b"\r\n\r\n")
        if b" 101 " not in head.split(b"\r\n")[0]:
            raise OSError(f"expected an upgrade, found {head[:80]!r}")
        self.reader = Reader()
        self.early = self.reader.feed(rest)
        # How the other side closed, once it has.
        self.closed = None

    def fileno(self):
        return self.socket.fileno()

    def read(self):
        """The texts that have come. Only if there is something to read, or this waits."""
        messages, self.early = self.early, []
        if not messages:
            try:
                more = self.socket.recv(READ_BYTES)
            except OSError:
                more = b""
            if not more:
                self.end(GONE, "")
            messages = self.reader.feed(more)
        texts = []
        for message in messages:
            if message.kind == CLOSE:
                self.put(CLOSE, message.body[:2])
                self.end(*message.close())
            elif message.kind == PING:
                self.put(PONG, message.body)
            elif message.kind == TEXT:
                texts.append(message.text())
        return texts

    def put(self, kind, body):
        try:
            self.socket.sendall(of_client(kind, body))
        except OSError:
            self.end(GONE, "")

    def say(self, text):
        self.put(TEXT, text.encode())

    def end(self, code, reason):
        if self.closed is None:
            self.closed = code, reason

    def leave(self):
        """Closes as a client does that has what it came for."""
        if self.closed is None:
            self.put(CLOSE, struct.pack(">H", 1000))
        self.socket.close()

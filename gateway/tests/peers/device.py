"""A device that signs its connects: Ed25519 as RFC 8032 has it, and the text that is signed.

The keys live for one replay. This is not made to keep secrets: how long it takes says something about the key.
"""

import base64
import hashlib
import os

P = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, -1, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)
NEUTRAL = (0, 1, 1, 0)


def x_of(y, is_odd):
    """The point's other coordinate, or none if there is no such point."""
    square = (y * y - 1) * pow(D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * ROOT_OF_MINUS_ONE % P
    if x * x % P != square:
        return None
    return P - x if x % 2 != is_odd else x


def point(y, is_odd):
    x = x_of(y, is_odd)
    return None if x is None else (x, y, 1, x * y % P)


BASE = point(4 * pow(5, -1, P) % P, 0)


def add(a, b):
    e, f = (a[1] - a[0]) * (b[1] - b[0]) % P, (a[1] + a[0]) * (b[1] + b[0]) % P
    g, h = 2 * a[3] * b[3] * D % P, 2 * a[2] * b[2] % P
    e, f, g, h = f - e, h - g, h + g, f + e
    return e * f % P, g * h % P, f * g % P, e * h % P


def times(count, a):
    sum_ = NEUTRAL
    while count:
        if count & 1:
            sum_ = add(sum_, a)
        a, count = add(a, a), count >> 1
    return sum_


def packed(a):
    inverse = pow(a[2], -1, P)
    return (a[1] * inverse % P | (a[0] * inverse % P & 1) << 255).to_bytes(32, "little")


def unpacked(raw):
    number = int.from_bytes(raw, "little")
    return point(number & (1 << 255) - 1, number >> 255) if len(raw) == 32 else None


def hashed(*parts):
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def holds(public, text, signature):
    """Whether a signature is this key's of this text."""
    key, first = unpacked(public), unpacked(signature[:32])
    second = int.from_bytes(signature[32:], "little")
    if key is None or first is None or len(signature) != 64 or second >= ORDER:
        return False
    return packed(times(second, BASE)) == packed(add(first, times(hashed(signature[:32], public, text) % ORDER, key)))


def url_base64(raw):
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def of_url_base64(text):
    try:
        return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        return b""


def signed_text(form, params, device):
    """What a device signs, in the form `v3` or `v2`."""
    client = params.get("client") or {}
    token = (params.get("auth") or {}).get("token") or ""
    parts = [
        form, device.get("id"), client.get("id"), client.get("mode"), params.get("role") or "",
        ",".join(params.get("scopes") or []), device.get("signedAt"), token, device.get("nonce"),
    ]
    if form == "v3":
        parts += [(client.get(it) or "").lower() for it in ("platform", "deviceFamily")]
    return "|".join(str(it) for it in parts).encode()


def form_of(params):
    """In which form a recorded connect was signed; none if its signature does not hold."""
    device = params["device"]
    public, signature = (of_url_base64(str(device.get(it, ""))) for it in ("publicKey", "signature"))
    return next((it for it in ("v3", "v2") if holds(public, signed_text(it, params, device), signature)), None)


class Device:
    """A key that nobody had before."""

    def __init__(self):
        hashed_seed = hashlib.sha512(os.urandom(32)).digest()
        scalar = int.from_bytes(hashed_seed[:32], "little")
        self.scalar = scalar & (1 << 254) - 8 | 1 << 254
        self.prefix = hashed_seed[32:]
        self.public = packed(times(self.scalar, BASE))
        self.id = hashlib.sha256(self.public).hexdigest()

    def sign(self, text):
        nonce = hashed(self.prefix, text) % ORDER
        first = packed(times(nonce, BASE))
        second = (nonce + hashed(first, self.public, text) * self.scalar) % ORDER
        return first + second.to_bytes(32, "little")

    def instead_of(self, recorded, params, recorded_challenge, challenge):
        """The `device` of the connect `recorded`, as this one says it in `params`. What was wrong with it stays wrong."""
        said = dict(recorded["device"])
        form = form_of(recorded)
        said["publicKey"] = url_base64(self.public)
        if said.get("id") == hashlib.sha256(of_url_base64(str(recorded["device"].get("publicKey", "")))).hexdigest():
            said["id"] = self.id
        if said.get("nonce") == recorded_challenge.get("nonce"):
            said["nonce"] = challenge["nonce"]
        if isinstance(said.get("signedAt"), int):
            said["signedAt"] += challenge["ts"] - recorded_challenge.get("ts", said["signedAt"])
        text = signed_text(form, params, said) if form else b"another text"
        said["signature"] = url_base64(self.sign(text))
        return said

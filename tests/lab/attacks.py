# SPDX-License-Identifier: Apache-2.0
"""What an attacker sends: requests, frames and messages that break the rules, and how each has to
end. EVIL stands in whatever might come back."""

import os
import struct
from dataclasses import dataclass, field

from .raw_websocket import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT

EVIL = b"EVIL-4711"
HEALTH = b"GET /healthz HTTP/1.1\r\n"
HOST = b"Host: localhost\r\n"
UPGRADE = b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
VERSION = b"Sec-WebSocket-Version: 13\r\n"
END = b"\r\n"
FURTHER = b"GET /" + EVIL + b" HTTP/1.1\r\n" + HOST + END  # must not be taken for a request


@dataclass
class Request:
    """`statuses`: the answers that are good; None is an end without one."""

    name: str
    wire: bytes
    statuses: set[int | None]
    alone: bool = False  # no second answer may follow


def opening(start: bytes = b"GET /ws HTTP/1.1\r\n", host: bytes = HOST, upgrade: bytes = UPGRADE,
            key: bytes = KEY, version: bytes = VERSION, more: bytes = b"") -> bytes:
    return start + host + upgrade + key + version + more + END


def of_path(path: bytes) -> bytes:
    return b"GET " + path + b" HTTP/1.1\r\n" + HOST + b"Connection: close\r\n" + END


HANDSHAKES = [
    Request("good", opening(), {101}),
    Request("by POST", opening(start=b"POST /ws HTTP/1.1\r\n"), {400}),
    Request("by HTTP/1.0", opening(start=b"GET /ws HTTP/1.0\r\n"), {400}),
    Request("nowhere", opening(start=b"GET /" + EVIL + b" HTTP/1.1\r\n"), {404}),
    Request("no host", opening(host=b""), {400}),
    Request("a strange host", opening(host=b"Host: " + EVIL + b".example\r\n"), {403}),
    Request("two hosts", opening(host=HOST + b"Host: " + EVIL + b".example\r\n"), {400, 403}),
    Request("two hosts, the good one last",
            opening(host=b"Host: " + EVIL + b".example\r\n" + HOST), {400, 403}),
    Request("a strange origin", opening(more=b"Origin: http://" + EVIL + b".example\r\n"), {403}),
    Request("to HTTP/2", opening(upgrade=b"Upgrade: h2c\r\nConnection: Upgrade\r\n"), {400}),
    Request("to nothing", opening(upgrade=b"Upgrade: " + EVIL + b"\r\nConnection: Upgrade\r\n"),
            {400, 403}),
    Request("no connection", opening(upgrade=b"Upgrade: websocket\r\n"), {400, None}),
    Request("connection: close",
            opening(upgrade=b"Upgrade: websocket\r\nConnection: close\r\n"), {400, None}),
    Request("no key", opening(key=b""), {400, None}),
    Request("a short key", opening(key=b"Sec-WebSocket-Key: abc\r\n"), {400}),
    Request("a long key", opening(key=b"Sec-WebSocket-Key: " + b"A" * 200 + END), {400, None}),
    Request("no version", opening(version=b""), {426}),
    Request("version 8", opening(version=b"Sec-WebSocket-Version: 8\r\n"), {426}),
    Request("version 0", opening(version=b"Sec-WebSocket-Version: 0\r\n"), {426}),
    Request("two versions", opening(version=VERSION + VERSION), {426}),
    Request("a path that is not UTF-8", opening(start=b"GET /ws/vm/%ff%c3 HTTP/1.1\r\n"), {101}),
    Request("a path for a terminal", opening(start=b"GET /ws/vm/%1b[2J HTTP/1.1\r\n"), {101}),
    Request("a strange subprotocol",
            opening(more=b"Sec-WebSocket-Protocol: " + EVIL + b"\r\n"), {400}),
    Request("a long subprotocol",
            opening(more=b"Sec-WebSocket-Protocol: " + b"x" * 3000 + END), {400, None}),
]

REQUESTS = [
    Request("HTTP/0.9", b"GET /healthz\r\n", {None}),
    Request("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", {403, None}),
    Request("no method", b" /healthz HTTP/1.1\r\n" + HOST + END, {403, None}),
    Request("CONNECT", b"CONNECT localhost:22 HTTP/1.1\r\n" + HOST + END, {400, 403, 405, None}),
    Request("TRACE", b"TRACE /" + EVIL + b" HTTP/1.1\r\n" + HOST + END, {400, 403, 405, None}),
    Request("absolute form", b"GET http://" + EVIL + b"/ HTTP/1.1\r\n" + HOST + END, {400, 403}),
    Request("asterisk", of_path(b"*"), {400, 403}),
    Request("dots", of_path(b"/../../../etc/passwd"), {403, 404}),
    Request("escaped dots", of_path(b"/%2e%2e/%2e%2e/etc/passwd"), {403, 404}),
    Request("escaped slashes", of_path(b"/ws/vm/..%2f..%2fetc"), {403, 404}),
    Request("escaped NUL", of_path(b"/healthz%00" + EVIL), {400, 403, 404, None}),
    *(Request(f"escaped line break {path!r}", of_path(path), {400, 403, 404}) for path in
      (b"/%0d%0aX:" + EVIL, b"/healthz%0d%0a", b"/healthz%0a", b"/healthz%0aX:" + EVIL,
       b"/healthz%0aX", b"/healthz%0aHost:localhost", b"/healthz%0d%0aHost:localhost")),
    Request("HTTP/3.7", b"GET /healthz HTTP/3.7\r\n" + HOST + END, {400}),
    Request("no version", b"GET /healthz \r\n" + HOST + END, {400}),
    Request("half an escape", of_path(b"/%"), {400, 403, 404}),
    Request("no escape", of_path(b"/%zz"), {400, 403, 404}),
    Request("a long path", of_path(b"/" + b"a" * 50000), {None, 404, 414}),
    Request("a line break in the query", of_path(b"/healthz?x=%0d%0aSet-Cookie:%20" + EVIL), {400}),
    Request("a version in the path", of_path(b"/healthz%0ahttp/1.1"), {200, 400, 404}),
    Request("NUL in the host", HEALTH + b"Host: localhost\0." + EVIL + END + END, {400, 403}),
    Request("blank before the colon", HEALTH + b"Host : localhost\r\n" + END, {400}),
    Request("many headers", HEALTH + HOST + b"X: y\r\n" * 5000 + END, {None, 200, 431}),
    Request("a long header", HEALTH + HOST + b"X: " + b"y" * 200000 + END + END, {None, 431}),
    Request("a long known header", HEALTH + HOST + b"Origin: " + b"y" * 200000 + END + END,
            {None, 431}),
    Request("a name of zeros", HEALTH + HOST + b"\0\x80\xff: x\r\n" + END, {200, 400, None}),
    Request("length and encoding", b"POST /healthz HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + FURTHER, {400, 405}, alone=True),
    Request("two lengths", b"POST /healthz HTTP/1.1\r\n" + HOST + b"Content-Length: 5\r\n"
            b"Content-Length: 50\r\n\r\nabcde" + FURTHER, {400, 405}, alone=True),
    Request("a negative length", b"POST /healthz HTTP/1.1\r\n" + HOST + b"Content-Length: -5\r\n"
            b"\r\nabcde" + FURTHER, {400, 405}, alone=True),
    Request("a huge length", b"POST /healthz HTTP/1.1\r\n" + HOST +
            b"Content-Length: 99999999999999999999\r\n\r\n" + FURTHER, {400, 405}, alone=True),
    Request("chunks without end", b"POST /api/v1/events HTTP/1.1\r\n" + HOST +
            b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 1000, {403, 405, 411},
            alone=True),
    Request("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\xa5" * 500, {403, None}),
    Request("zeros", b"\0" * 5000, {403, None}),
    Request("random bytes", bytes((i * 7919 >> 3) & 0xff for i in range(5000)), {403, None}),
]


def frame(opcode: int, payload: bytes = b"", *, final: bool = True, masked: bool = True,
          reserved: int = 0, length: int | None = None, wide: int = 0) -> bytes:
    """One frame (RFC 6455 §5.2). `length` is what it claims to have, `wide` in how many bytes it
    says so at the least."""
    size = len(payload) if length is None else length
    head = bytes([(0x80 if final else 0) | reserved | opcode])
    bit = 0x80 if masked else 0
    if size < 126 and wide == 0:
        head += bytes([bit | size])
    elif size < 1 << 16 and wide <= 2:
        head += struct.pack("!BH", bit | 126, size)
    else:
        head += struct.pack("!BQ", bit | 127, size)
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


ALIVE = "alive"
PING_MESSAGE = b'{"type":"ping"}'


@dataclass
class Frames:
    """`end`: ALIVE, a closing code, or None for a connection that is lost without one."""

    name: str
    wire: bytes
    end: str | int | None
    more_ends: set = field(default_factory=set)  # as good


FRAMES = [
    Frames("good", frame(TEXT, PING_MESSAGE), ALIVE),
    Frames("not masked", frame(TEXT, PING_MESSAGE, masked=False), ALIVE),  # PROTOCOL.md says so
    *(Frames(f"reserved bits {bits:x}", frame(TEXT, PING_MESSAGE, reserved=bits), 1002)
      for bits in (0x10, 0x20, 0x40, 0x70)),
    Frames("a reserved bit of a ping", frame(PING, b"x", reserved=0x40), 1002),
    *(Frames(f"opcode {opcode}", frame(opcode, EVIL), 1002) for opcode in (3, 7, 11, 15)),
    Frames("a ping in fragments", frame(PING, b"x", final=False) + frame(CONTINUATION, b"y"), 1002),
    Frames("a ping of 126 bytes", frame(PING, b"x" * 126), None, {1002}),
    Frames("a closing frame of 126 bytes", frame(CLOSE, b"\x03\xe8" + b"x" * 124), None, {1002}),
    Frames("a continuation of nothing", frame(CONTINUATION, PING_MESSAGE), 1002),
    Frames("a message in a message",
           frame(TEXT, b'{"ty', final=False) + frame(TEXT, PING_MESSAGE), 1002),
    Frames("a length of 2^63", frame(TEXT, b"x", length=1 << 63), None, {1002}),
    Frames("a length of 2^40", frame(TEXT, b"x" * 70000, length=1 << 40), 1009),
    Frames("a short length in two bytes", frame(TEXT, PING_MESSAGE, wide=2), ALIVE, {1002}),
    Frames("a short length in eight bytes", frame(TEXT, PING_MESSAGE, wide=8), ALIVE, {1002}),
    Frames("fragments without end",
           frame(TEXT, b"{", final=False) + frame(CONTINUATION, b" " * 1000, final=False) * 70,
           1009),
    Frames("a thousand empty fragments", frame(TEXT, b"", final=False)
           + frame(CONTINUATION, b"", final=False) * 1000 + frame(CONTINUATION, PING_MESSAGE),
           ALIVE),
    Frames("half a character at the end of a message", frame(TEXT, b'{"a":"\xe2\x82', final=False)
           + frame(CONTINUATION, b'"}'), 1007),
    Frames("a character cut by fragments", frame(TEXT, b'{"type":"\xe2\x82', final=False)
           + frame(CONTINUATION, b'\xac"}'), ALIVE),
    Frames("a surrogate", frame(TEXT, b'"\xed\xa0\x80"'), 1007),
    Frames("an overlong NUL", frame(TEXT, b'"\xc0\x80"'), 1007),
    Frames("bytes", frame(BINARY, EVIL), 1003),
    Frames("bytes in fragments", frame(BINARY, EVIL, final=False) + frame(CONTINUATION, b""), 1003),
    Frames("a pong that nobody asked for", frame(PONG, EVIL), ALIVE),
    *(Frames(f"closing code {code}", frame(CLOSE, struct.pack("!H", code)), 1002)
      for code in (0, 999, 1004, 1005, 1006, 1015, 1016, 2999)),
    *(Frames(f"closing code {code}", frame(CLOSE, struct.pack("!H", code)), 1002, {code})
      for code in (5000, 65535)),
    Frames("one byte of a closing code", frame(CLOSE, b"\x03"), None, {1002}),
    Frames("more after the closing frame",
           frame(CLOSE, struct.pack("!H", 1000)) + frame(TEXT, PING_MESSAGE) * 10, 1000),
]

# Each is answered with `error` and one of these codes, and the connection goes on.
MESSAGES = [
    (text.encode() if isinstance(text, str) else text, code) for text, code in [
        ("", "invalid_json"), ("[" * 30000, "invalid_json"), ('{"a":' * 10000, "invalid_json"),
        ("[" + "[]," * 20000 + "[]]", "invalid_message"),
        ("{" + ",".join(f'"{i}":0' for i in range(6000)) + "}", "invalid_message"),
        ('{"type":"ping","type":"ping"}', "invalid_json"),
        ('{"type":"ping","\\u0074ype":"ping"}', "invalid_json"),
        ('{"type":"\\ud800"}', "invalid_json"), ('{"type":"\\udc00\\ud800"}', "invalid_json"),
        ('{"type":"ping"}\0', "invalid_json"), ('\ufeff{"type":"ping"}', "invalid_json"),
        ('{"type":"subscribe","data":{"vm_ids":[' + "9" * 5000 + "]}}", "invalid_json"),
        ('{"type":"subscribe","data":{"vm_ids":[1e999]}}', "invalid_json"),
        ('{"type":"subscribe","data":{"vm_ids":[1' + "0" * 300 + "]}}", "invalid_message"),
        ('{"type":"subscribe","data":{"vm_ids":[0.' + "0" * 5000 + "1]}}", "invalid_json"),
        ('{"type":"subscribe","data":{"vm_ids":[18446744073709551617]}}', "invalid_message"),
        ('{"type":"' + EVIL.decode() + '"}', "unknown_type"),
        ('{"type":"subscribe","data":{"' + EVIL.decode() + '":1}}', "invalid_message"),
        ('{"type":"auth","data":{"token":"' + EVIL.decode() + '"}}', "invalid_token"),
        ('{"type":"ping"}' * 100, "invalid_json"), ("\0" * 1000, "invalid_json"),
        ("/*" + "*/" * 1000 + "{}", "invalid_json"), ("NaN", "invalid_json"),
        ('{"type":"console_input","data":"' + "\\u0000" * 1000 + '"}', "unsupported"),
    ]
]

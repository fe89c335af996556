# SPDX-License-Identifier: Apache-2.0
"""A WebSocket on a bare socket, for what no well-behaved library does: frames that break the
rules, pings that stay unanswered, a client that does not read."""

import base64
import os
import socket
import ssl
import struct
from collections.abc import Iterator

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def frames(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Opcode and payload of each frame of a server that is there as a whole."""
    begin = 0
    while len(data) >= begin + 2:
        size, head = data[begin + 1] & 0x7f, 2
        if size >= 126:
            head = 4 if size == 126 else 10
            size = int.from_bytes(data[begin + 2:begin + head], "big")
        if len(data) < begin + head + size:
            return
        yield data[begin] & 0x0f, data[begin + head:begin + head + size]
        begin += head + size


class RawWebSocket:
    """Context manager. `address` is a TCP port on loopback or the path of a UNIX socket;
    `source` is the address to come from, `tls` what to speak TLS with."""

    def __init__(self, address: int | str, path: str = "/ws/monitor", seconds: float = 10.0,
                 receive_buffer: int | None = None, headers: str = "",
                 source: str | None = None, tls: ssl.SSLContext | None = None):
        self.socket = socket.socket(socket.AF_INET if isinstance(address, int) else
                                    socket.AF_UNIX)
        self.socket.settimeout(seconds)
        if receive_buffer is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source is not None:
            self.socket.bind((source, 0))
        self.socket.connect(("127.0.0.1", address) if isinstance(address, int) else address)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall((f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n"
                             f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
                             f"Sec-WebSocket-Version: 13\r\n{headers}\r\n").encode())
        self._pending = b""
        while b"\r\n\r\n" not in self._pending:
            self._more()
        self.answer, self._pending = self._pending.split(b"\r\n\r\n", 1)
        self.status = int(self.answer.split()[1])

    def __enter__(self) -> "RawWebSocket":
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, opcode: int, payload: bytes = b"", final: bool = True):
        """One masked frame."""
        mask = os.urandom(4)
        size = len(payload)
        head = bytes([(0x80 if final else 0) | opcode])
        if size < 126:
            head += bytes([0x80 | size])
        elif size < 1 << 16:
            head += struct.pack("!BH", 0x80 | 126, size)
        else:
            head += struct.pack("!BQ", 0x80 | 127, size)
        stream = (mask * (size // 4 + 1))[:size]
        masked = (int.from_bytes(payload, "big") ^ int.from_bytes(stream, "big")).to_bytes(
            size, "big")
        self.socket.sendall(head + mask + masked)

    def receive(self) -> tuple[int, bytes]:
        """The next frame: opcode and payload. Raises EOFError at the end of the connection."""
        first, second = self._take(2)
        size = second & 0x7f
        if size == 126:
            size, = struct.unpack("!H", self._take(2))
        elif size == 127:
            size, = struct.unpack("!Q", self._take(8))
        return first & 0x0f, self._take(size)

    def receive_until(self, opcode: int) -> bytes:
        """The payload of the next frame of this kind; others are left out."""
        while True:
            kind, payload = self.receive()
            if kind == opcode:
                return payload

    def receive_all(self) -> bytes:
        """Everything up to the end of the connection, as it is on the wire."""
        try:
            while True:
                self._more()
        except (EOFError, ConnectionResetError):
            return self._pending

    def pending(self) -> bytes:
        """What has come and was not asked for yet, as it is on the wire."""
        return self._pending

    def _take(self, size: int) -> bytes:
        while len(self._pending) < size:
            self._more()
        taken, self._pending = self._pending[:size], self._pending[size:]
        return taken

    def _more(self):
        if not (data := self.socket.recv(65536)):
            raise EOFError
        self._pending += data

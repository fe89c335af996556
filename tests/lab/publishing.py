# SPDX-License-Identifier: Apache-2.0
"""A program that publishes events at the agent, by TCP or by the socket for that alone."""

import http.client
import json
import socket
from pathlib import Path

from .agent import Agent
from .strangers import Answer

EVENTS = "/api/v1/events"


def progress(operation_id: str, percent: float = 10, status: str = "in_progress", **more) -> dict:
    return {"type": "progress", "data": {
        "operation_id": operation_id, "operation_type": "backup", "progress_percent": percent,
        "status": status, "message": "Copying", **more}}


def alert(alert_id: str, **more) -> dict:
    return {"type": "alert", "data": {
        "alert_id": alert_id, "alert_type": "backup", "severity": "warning", "title": "Late",
        "message": "No backup for two days", "entity_type": "server", "entity_id": None, **more}}


class UnixConnection(http.client.HTTPConnection):
    """HTTP over a UNIX socket."""

    def __init__(self, path: Path):
        super().__init__("localhost", timeout=10)
        self._path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Publisher:
    """Sends what it is called with: a dict or list as JSON, bytes as they are. Returns status and
    body. By `path` if there is one, else by TCP with the token."""

    def __init__(self, agent: Agent, token: str | None = None, path: Path | None = None):
        self._agent = agent
        self._token = token
        self._path = path

    def connection(self) -> http.client.HTTPConnection:
        if self._path:
            return UnixConnection(self._path)
        return http.client.HTTPConnection("127.0.0.1", self._agent.port, timeout=10)

    def headers(self) -> dict[str, str]:
        return {"Content-Type": "application/json",
                **({"Authorization": f"Bearer {self._token}"} if self._token else {})}

    def request(self, method: str, target: str, body: bytes | None = None,
                headers: dict[str, str] | None = None) -> http.client.HTTPResponse:
        """The answer, whose body has been read into its attribute `content`."""
        connection = self.connection()
        try:
            connection.request(method, target, body, self.headers() | (headers or {}))
            answer = connection.getresponse()
            answer.content = answer.read()
            return answer
        finally:
            connection.close()

    def __call__(self, what: dict | list | bytes,
                 headers: dict[str, str] | None = None) -> tuple[int, dict]:
        body = what if isinstance(what, bytes) else json.dumps(what).encode()
        answer = self.request("POST", EVENTS, body, headers)
        return answer.status, json.loads(answer.content)

    def raw(self, head: str, body: bytes = b"") -> bytes:
        """The bytes of a request whose headers are these beside Host and the token."""
        token = f"Authorization: Bearer {self._token}\r\n" if self._token else ""
        return f"POST {EVENTS} HTTP/1.1\r\nHost: localhost\r\n{token}{head}\r\n".encode() + body


def receive_answer(peer: socket.socket) -> Answer:
    """One answer with a length, of a connection that stays open."""
    received = b""
    while b"\r\n\r\n" not in received:
        data = peer.recv(1)
        if not data:
            raise ConnectionError(f"it ended after {received!r}")
        received += data
    length = int(Answer(received).headers.get("content-length", 0))
    while length > 0:
        data = peer.recv(length)
        if not data:
            raise ConnectionError(f"it ended after {received!r}")
        received += data
        length -= len(data)
    return Answer(received)

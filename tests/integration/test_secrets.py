# SPDX-License-Identifier: Apache-2.0
"""Tokens and keys come in by every way there is, while everything is logged; in the end nothing of
them stands where anybody else could read it: log, answers, figures, environment, list of
processes."""

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import pytest

from lab.agent import Agent, run_agent
from lab.publishing import Publisher, progress
from lab.raw_websocket import CLOSE, TEXT, RawWebSocket
from lab.strangers import dial, read_to_end
from lab.tokens import secret_of, sign, token_for
from lab.wait import wait_until

PROGRAM = Path(__file__).parents[1] / "lab/console_terminal.py"
SHORTEST_PART = 12


class Leaks:
    """What must stand nowhere, and what was found where it must not."""

    def __init__(self, agent: Agent):
        self.agent = agent
        self.answers: list[bytes] = []  # all that came back
        self.secrets = {secret_of(agent).decode()}

    def token(self, sub: str, **claims) -> str:
        return self.keep(token_for(self.agent, sub, **claims))

    def keep(self, token: str) -> str:
        """Its payload, its signature, half of each, and what the payload says of a secret id."""
        for part in token.split(".")[1:]:
            if len(part) >= SHORTEST_PART:
                self.secrets |= {part, part[:len(part) // 2], part[len(part) // 2:]}
        self.secrets.add(token)
        return token

    def found(self, text: bytes) -> list[str]:
        return [secret for secret in self.secrets if secret.encode() in text
                or quote(secret).encode() in text]

    def check(self, where: str, text: bytes):
        assert text, where
        assert not self.found(text), where


def raw(leaks: Leaks, request: str, body: bytes = b""):
    with dial(leaks.agent) as peer:
        peer.sendall(request.encode() + body)
        leaks.answers.append(read_to_end(peer))


def get(leaks: Leaks, path: str, *headers: str):
    lines = "".join(f"{line}\r\n" for line in ("Host: localhost", "Connection: close", *headers))
    raw(leaks, f"GET {path} HTTP/1.1\r\n{lines}\r\n")


def websocket(leaks: Leaks, path: str, headers: str = "", messages: tuple[dict, ...] = ()):
    """Opens, says that, and closes; keeps all that it is told."""
    with RawWebSocket(leaks.agent.port, path, headers=headers) as client:
        leaks.answers.append(client.answer)
        if client.status != 101:
            return
        for message in (*messages, {"type": "ping"}):
            client.send(TEXT, json.dumps(message).encode())
        while True:
            kind, payload = client.receive()
            leaks.answers.append(payload)
            if kind == CLOSE or payload.startswith(b'{"type":"pong"'):
                return


def auth(token: str) -> dict:
    return {"type": "auth", "data": {"token": token}}


def bad(leaks: Leaks, good: str) -> list[str]:
    head, payload, signature = good.split(".")
    return [leaks.keep(token) for token in (
        f"{head}.{payload}.{signature[:-4]}AAAA", f"{head}.{payload}", f"{good}.{signature}",
        sign({"sub": "expired-somebody", "exp": 1000}, secret_of(leaks.agent)),
        sign({"sub": "someone", "exp": 9000000000}, b"x" * 40, {"alg": "HS256", "kid": "gone"}),
        sign({"sub": "someone", "exp": "soon"}, secret_of(leaks.agent)),
        "no-token-but-a-password")]


@pytest.fixture
def leaks(agents, guests) -> Leaks:
    agent = agents(config={"agent": {"log_level": "trace"},
                           "auth": {"anonymous": False, "leeway_seconds": 0}})
    guest = guests("secretive", vm_id=71).create()
    guest.wait_booted()
    made = Leaks(agent)
    wait_until(lambda: agent.get("/api/v1/vms/71", made.token("knows", role="viewer"))[0] == 200)
    return made


def by_every_way(leaks: Leaks):
    """As HTTP and WebSocket clients bring tokens, rightly and by mistake."""
    good = leaks.token("ann", role="admin")
    for token in (good, *bad(leaks, good)):
        header = f"Authorization: Bearer {token}\r\n"
        for path in ("/ws", "/ws/vm/71", "/ws/console/71", "/ws/stats"):
            websocket(leaks, path, header)
            websocket(leaks, f"{path}?token={token}")
            websocket(leaks, f"{path}?auth=message", messages=(auth(token),))
        websocket(leaks, f"/ws?token={good}", messages=(auth(token), auth(good)))
        websocket(leaks, "/ws?auth=message", messages=({"type": "auth", "data": {"tokn": token}},))
        websocket(leaks, "/ws", header, ({"type": "subscribe", "data": {"events": [token]}},
                                         {"type": token}))
        for path in ("/api/v1/vms", "/metrics", "/nowhere", "/api/v1/vms/71/console/log"):
            get(leaks, path, f"Authorization: Bearer {token}")
            get(leaks, f"{path}?token={token}")
            get(leaks, path, f"Authorization: Basic {token}")
        raw(leaks, f"POST /api/v1/tickets HTTP/1.1\r\nHost: localhost\r\n{header}"
                   "Content-Length: 2\r\n\r\n", b"{}")
        # Where no token belongs.
        for path in (f"/api/v1/vms/token={token}", f"/ws/token={token}", f"/api/v1&token={token}",
                     f"/ticket={token}", f"/ws/vm/71%3Ftoken%3D{token}"):
            get(leaks, path)
            websocket(leaks, path, header)
        if token.startswith("eyJ"):
            get(leaks, f"/{token}")
            get(leaks, f"/api/v1/vms/{token}", f"Authorization: Bearer {good}")
        get(leaks, f"/ws?ticket={token}")
        get(leaks, "/api/v1/vms", f"Origin: https://{token}")
        raw(leaks, f"GET /api/v1/vms HTTP/1.1\r\nHost: {token}\r\nConnection: close\r\n\r\n")
        raw(leaks, f"GET /?token={token} HTTP/9.9\r\n\r\n")
        Publisher(leaks.agent, token)(progress("leaking"))
    leaks.keep(good)


@pytest.mark.short
def test_nothing_of_a_token_or_key_stands_anywhere(leaks, connect, tmp_path):
    agent = leaks.agent
    by_every_way(leaks)
    console = console_program(leaks, tmp_path)
    stats = connect(agent, "/ws/stats", token=leaks.token("looks", role="admin"))
    stats.expect("websocket_stats")
    stats.expect("websocket_stats", seconds=20)
    status, page = agent.get("/metrics", leaks.token("scrapes", role="admin"))
    assert status == 200
    agent.reload()
    wait_until(lambda: "read again" in agent.log(), what="it has been read again")
    checked = run_agent("--config", str(agent.config_path), "--check-config")
    places = {
        "log": agent.log(), "answers": b"\n".join(leaks.answers), "/metrics": page,
        "/ws/stats": str(stats.received), "console": console, "check": checked.stdout,
        **{name: Path(f"/proc/{agent.pid}/{name}").read_bytes() for name in ("environ", "cmdline")},
    }
    for where, text in places.items():
        leaks.check(where, text if isinstance(text, bytes) else text.encode())
    log = agent.log()
    assert "[redacted]" in log and "401 GET /api/v1/vms" in log and "< auth of" in log
    assert leaks.found(f"a log with {next(iter(leaks.secrets))}".encode())  # it would be seen
    assert payload_words(leaks) == []


def payload_words(leaks: Leaks) -> list[str]:
    """Claims that only a decoded payload could have told the log: of tokens that are not valid."""
    return [word for word in ("expired-somebody", "no-token-but-a-password")
            if word in leaks.agent.log()]


def console_program(leaks: Leaks, directory: Path) -> bytes:
    """`./dev console` with a token of a file and of the environment: its command line, and what
    it says."""
    said = b""
    token = leaks.token("types", role="operator")
    file = directory / "token"
    file.write_text(token + "\n")
    for options, more in (([f"--token-file={file}"], {}), ([], {"ROLLO_TOKEN": token})):
        with subprocess.Popen([sys.executable, str(PROGRAM), "71", f"--url={leaks.agent.url}",
                               *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, env={**os.environ, **more}) as program:
            said += program.stderr.readline()
            assert b"connected" in said, said
            said += Path(f"/proc/{program.pid}/cmdline").read_bytes()
            program.terminate()
            said += b"".join(program.communicate(timeout=10))
    refused = subprocess.run([sys.executable, str(PROGRAM), "71", "--url=http://127.0.0.1:1",
                              f"--token={token}"], stdin=subprocess.DEVNULL, capture_output=True,
                             timeout=20, check=False)
    assert refused.returncode == 2  # there is no such option
    return said


def test_the_checks_know_a_leak_when_they_see_one(leaks):
    token = leaks.token("leaked", role="viewer")
    payload = token.split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["sub"] == \
        "leaked"
    for text in (token, payload, payload[:len(payload) // 2], token.split(".")[2][-22:],
                 secret_of(leaks.agent).decode()):
        assert leaks.found(f"<7>GET /ws?token={text} from 127.0.0.1".encode()), text
    assert not leaks.found(re.sub("eyJ.*", "", token).encode())

# SPDX-License-Identifier: Apache-2.0
"""Tokens with a wrong signature: to look at one costs time, so that an address may send so many."""

import json
import os
import subprocess
import time
import uuid

import pytest

from lab.raw_websocket import CLOSE, TEXT, RawWebSocket
from lab.schema import check_message
from lab.strangers import ask, dial, keeps_its_latency, read_to_end, refused
from lab.tokens import base64url, token_for
from lab.wait import wait_until

STRANGER = "127.0.0.2"
SIGNATURE_BYTES = {"HS256": 32, "RS256": 256, "ES256": 64}


@pytest.fixture
def strict(agents):
    """Makes an agent that holds loopback addresses to its limits."""

    def make(per_minute: int, auth: dict | None = None, **server):
        return agents(config={
            "server": {"exempt_networks": [], "new_connections_per_second": 10000, **server},
            "auth": {"failures_per_minute": per_minute, **(auth or {})},
            "metrics": {"public": True, "interval_seconds": 1}})

    return make


def badly_signed(alg: str = "HS256", exp: float = 3600) -> str:
    """Good but for its signature, which is as long as it has to be; another one each time."""
    parts = [{"alg": alg}, {"sub": uuid.uuid4().hex, "exp": int(time.time() + exp)}]
    return ".".join([base64url(json.dumps(part).encode()) for part in parts]
                    + [base64url(os.urandom(SIGNATURE_BYTES[alg]))])


def request(token: str, path: str = "/api/v1/vms") -> bytes:
    return (f"GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
            "Connection: close\r\n\r\n").encode()


def farewell(client: RawWebSocket) -> tuple[int, str, int]:
    """Close code, reason, and how long it is to wait, in milliseconds."""
    while True:
        message = json.loads(client.receive_until(TEXT))
        check_message(message)
        if message["type"] == "goodbye":
            break
    payload = client.receive_until(CLOSE)
    return (int.from_bytes(payload[:2], "big"), payload[2:].decode(),
            message["data"]["retry_after_ms"])


def spend(agent, count: int):
    for _ in range(count):
        assert ask(agent, STRANGER, request(badly_signed())).status == 401


@pytest.mark.short
def test_after_so_many_an_address_is_not_looked_at_and_the_others_are(strict):
    agent = strict(4)
    good = token_for(agent, role="viewer")
    spend(agent, 4)
    for token in (badly_signed(), good):
        answer = ask(agent, STRANGER, request(token))
        assert answer.status == 429 and answer.json()["code"] == "too_many_requests"
        assert 1 <= int(answer.headers["retry-after"]) <= 15
    with RawWebSocket(agent.port, f"/ws?token={good}", source=STRANGER) as client:
        code, reason, wait = farewell(client)
        assert (code, reason) == (4008, "rate_limited") and 0 < wait <= 15000
    assert refused(agent, "token_rate") == 3 and refused(agent, "token") == 4
    assert ask(agent, "127.0.0.3", request(good)).status == 200
    assert ask(agent, "127.0.0.3", request(badly_signed())).status == 401
    # Who shows none is not concerned.
    assert ask(agent, STRANGER, b"GET /api/v1/vms HTTP/1.1\r\nHost: localhost\r\n"
                                b"Connection: close\r\n\r\n").status == 200


def test_it_may_come_again_after_a_while(strict):
    agent = strict(60)
    good = token_for(agent, role="viewer")
    wait_until(lambda: ask(agent, STRANGER, request(badly_signed())).status == 429, step=0,
               what="it has sent too many")
    wait_until(lambda: ask(agent, STRANGER, request(good)).status == 200, step=0.1,
               what="it is looked at again")


def test_tokens_that_come_as_messages_count_as_well(strict):
    agent = strict(3)
    good = token_for(agent, role="viewer")

    def auth(token: str) -> bytes:
        return json.dumps({"type": "auth", "data": {"token": token}}).encode()

    def error(client: RawWebSocket) -> str:
        while True:
            message = json.loads(client.receive_until(TEXT))
            if message["type"] == "error":
                return message["data"]["code"]

    with RawWebSocket(agent.port, source=STRANGER) as client:
        for _ in range(3):
            client.send(TEXT, auth(badly_signed()))
            assert error(client) == "invalid_token"
        client.send(TEXT, auth(good))
        assert error(client) == "rate_limited"
        client.send(TEXT, b'{"type":"ping"}')  # it stays what it was
        assert json.loads(client.receive_until(TEXT))["type"] == "pong"
    with RawWebSocket(agent.port, "/ws?auth=message", source=STRANGER) as client:
        client.send(TEXT, auth(good))
        assert farewell(client)[:2] == (4008, "rate_limited")


def test_what_is_no_token_of_ours_or_has_expired_does_not_count(strict):
    agent = strict(2)
    good = token_for(agent, role="viewer")
    for token in (["nonsense", "a.b.c", badly_signed("RS256"), token_for(agent, "late", -10),
                   "x" * 3000] * 3):
        assert ask(agent, STRANGER, request(token)).status == 401
    assert ask(agent, STRANGER, request(good)).status == 200
    assert refused(agent, "token_rate") == 0


@pytest.mark.short
def test_loopback_is_exempt_but_one_connection_makes_so_many_errors(agents):
    agent = agents(config={"server": {"errors_per_minute": 5},
                           "auth": {"failures_per_minute": 1}, "metrics": {"public": True}})
    good = token_for(agent, role="viewer")
    for _ in range(10):
        assert ask(agent, request=request(badly_signed())).status == 401
    assert ask(agent, request=request(good)).status == 200
    assert refused(agent, "token_rate") == 0
    with dial(agent) as peer:
        peer.sendall(request(badly_signed()).replace(b"Connection: close\r\n", b"") * 20)
        answers = read_to_end(peer).split(b"HTTP/1.1 ")[1:]
    assert [answer[:3] for answer in answers] == [b"401"] * 6
    assert b"connection: close" in answers[-1] and b"connection: close" not in answers[-2]
    assert refused(agent, "errors") == 1


@pytest.fixture
def keys(tmp_path) -> list[str]:
    """Public keys, for which nobody signs."""
    made = []
    for alg, new in (("rs256", ["rsa:2048"]), ("es256", ["ec", "-pkeyopt",
                                                          "ec_paramgen_curve:P-256"])):
        private, public = tmp_path / f"{alg}.private", tmp_path / f"{alg}.pem"
        subprocess.run(["openssl", "req", "-x509", "-nodes", "-subj", "/CN=x", "-newkey", *new,
                        "-keyout", private, "-out", tmp_path / "unused"], check=True,
                       capture_output=True)
        subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True,
                       capture_output=True)
        made.append(str(public))
    return made


@pytest.mark.short
@pytest.mark.parametrize("alg", SIGNATURE_BYTES)
def test_a_flood_of_them_disturbs_nobody_next_door(strict, connect, keys, alg):
    agent = strict(60, {"key_files": keys}, messages_per_second=1_000_000,
                   errors_per_minute=1_000_000)
    honest = connect(agent)
    with dial(agent, STRANGER) as flood:
        some = b"".join(request(badly_signed(alg)).replace(b"Connection: close\r\n", b"")
                        for _ in range(200))

        def act():
            flood.sendall(some)
            answers, rest = 0, b""
            while answers < 200:
                received = flood.recv(1 << 16)
                assert received, "it was ended"
                rest += received
                answers += rest.count(b"HTTP/1.1 ")
                rest = rest[-8:]

        keeps_its_latency(honest, act)
    assert refused(agent, "token_rate") > 200
    assert 60 <= refused(agent, "token") < 200
    with RawWebSocket(agent.port, f"/ws?token={badly_signed(alg)}", source="127.0.0.3") as other:
        assert farewell(other)[:2] == (4001, "token_invalid")

# SPDX-License-Identifier: Apache-2.0
"""How long, how much and how wrongly a client may speak before the agent ends it, and that the
others are served meanwhile."""

import http.client
import json
import socket
import time

import libvirt
import pytest

from lab.raw_websocket import CLOSE, PING as PING_FRAME, PONG, TEXT, RawWebSocket
from lab.schema import check_message
from lab.strangers import (Answer, Nuisance, ask, counter, dial, held_open, keeps_its_latency,
                           read_to_end, refused)
from lab.wait import wait_until

PING = b'{"type":"ping"}'
UPGRADE = (b"GET /ws HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
           b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n")


@pytest.fixture
def patient(agents):
    """Makes an agent with these limits, whose counters everybody may read."""

    def make(**server):
        return agents(config={"server": server,
                              "metrics": {"public": True, "interval_seconds": 1}})

    return make


def open_connections(agent) -> int:
    return counter(agent, "rollo_agent_connections")


# --- requests that do not come --------------------------------------------------------------------


@pytest.mark.short
def test_who_connects_and_says_nothing_is_ended_and_counted(patient):
    agent = patient(request_seconds=1)
    with held_open(agent, 5, "127.0.0.1") as silent:
        for peer in silent:
            assert read_to_end(peer) == b""
        assert refused(agent, "request_time") == 5
    assert "request_seconds" in agent.log()


@pytest.mark.short
@pytest.mark.parametrize("start", [b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX: ", UPGRADE,
                                   b"GET /"], ids=["header", "upgrade", "path"])
def test_a_header_byte_by_byte_is_ended_and_counted(patient, start):
    agent = patient(request_seconds=1)
    with dial(agent) as slow:
        slow.sendall(start)
        slow.settimeout(0.05)
        begin = time.monotonic()
        while time.monotonic() < begin + 20:
            try:
                slow.sendall(b"x")
                if slow.recv(1000) == b"":
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        else:
            pytest.fail("it is still there")
    wait_until(lambda: refused(agent, "request_time") == 1, what="it is counted")


@pytest.mark.short
def test_slow_requests_hold_up_nobody(patient, connect):
    agent = patient(request_seconds=60)
    honest = connect(agent)
    with held_open(agent, 500, "127.0.0.1") as slow:
        for peer in slow:
            peer.sendall(UPGRADE)
        assert connect(agent).expect("connection_status", seconds=5)
        assert ask(agent).status == 200

        def trickle():
            for peer in slow:
                peer.sendall(b"x")

        keeps_its_latency(honest, trickle)
        assert open_connections(agent) > 500
    wait_until(lambda: open_connections(agent) < 10, what="they are gone")


def test_a_connection_may_rest_between_two_requests(patient):
    agent = patient(request_seconds=1)
    connection = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=5)
    sockets = set()
    for _ in range(2):
        connection.request("GET", "/healthz")
        assert connection.getresponse().read()
        sockets.add(connection.sock.getsockname())
        begin = time.monotonic()
        wait_until(lambda: time.monotonic() - begin > 2.5, what="it has rested")
    assert len(sockets) == 1 and refused(agent, "request_time") == 0
    connection.close()


@pytest.mark.parametrize("body", [b"Content-Length: 1000000000\r\n\r\n",
                                  b"Transfer-Encoding: chunked\r\n\r\n5\r\nGET /\r\n"],
                         ids=["length", "chunks"])
@pytest.mark.parametrize("method", [b"POST", b"GET", b"PUT"])
def test_a_body_is_not_waited_for_nor_taken_for_a_request(patient, method, body):
    agent = patient()
    with dial(agent) as sender:
        sender.sendall(method + b" /healthz HTTP/1.1\r\nHost: localhost\r\n" + body
                       + b"GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answers = read_to_end(sender)
        assert answers.count(b"HTTP/1.1 ") == 1
        assert Answer(answers).status in (200, 405)
        assert Answer(answers).headers["connection"] == "close"
    wait_until(lambda: open_connections(agent) == 1, what="it is gone")


# --- answers that are not taken -------------------------------------------------------------------


@pytest.fixture
def large_inventory(guests, lab):
    """More than the kernel keeps for a connection."""
    for i in range(10):
        guest = guests(f"large-{i}").define()
        guest.domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, f"{i}" + "x" * 1_500_000, None,
                                 None, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    return lab


@pytest.mark.short
def test_who_does_not_take_an_answer_is_ended_and_counted(patient, large_inventory):
    assert large_inventory
    agent = patient(response_seconds=1)
    wait_until(lambda: len(json.dumps(agent.get("/api/v1/vms")[1])) > 15_000_000, 20, "all known")
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect(("127.0.0.1", agent.port))
        slow.settimeout(20)
        slow.sendall(b"GET /api/v1/vms HTTP/1.1\r\nHost: localhost\r\n\r\n")
        wait_until(lambda: refused(agent, "response_time") == 1, 20, "it is counted")
        assert len(read_to_end(slow)) < 15_000_000
    wait_until(lambda: open_connections(agent) == 1, what="it is gone")


# --- too many messages, bytes, errors -------------------------------------------------------------


def is_ended(client: RawWebSocket, reason: str, code: int = 4008) -> int:
    """What is left ends with goodbye and the code; returns `retry_after_ms`."""
    while True:
        message = json.loads(client.receive_until(TEXT))
        check_message(message)
        if message["type"] == "goodbye":
            break
    assert message["data"]["reason"] == reason
    assert client.receive_until(CLOSE) == code.to_bytes(2, "big") + reason.encode()
    return message["data"]["retry_after_ms"]


@pytest.mark.short
def test_messages_that_come_too_fast_are_not_looked_at(patient, connect):
    agent = patient(messages_per_second=2, errors_per_minute=1000)
    client = connect(agent)
    for _ in range(60):
        client.send({"type": "ping"})
    errors = client.wait(lambda seen: [m for m in seen if m["type"] == "error"][29:] and
                         [m["data"]["code"] for m in seen if m["type"] == "error"])
    assert set(errors) == {"rate_limited"}
    assert 20 <= len(client.messages("pong")) <= 30
    assert refused(agent, "message_rate") == 60 - len(client.messages("pong"))

    before = len(client.messages("pong"))

    def answered() -> bool:
        client.send({"type": "ping"})
        return len(client.messages("pong")) > before

    wait_until(answered, step=0.3, what="it may speak again")


@pytest.mark.short
def test_a_flood_of_messages_is_ended_with_4008(patient, connect):
    agent = patient(messages_per_second=2, errors_per_minute=10)
    honest = connect(agent)
    with RawWebSocket(agent.port) as flood:
        for _ in range(50):
            flood.send(TEXT, PING)
        assert is_ended(flood, "rate_limited") >= 5000
    assert refused(agent, "errors") == 1 and refused(agent, "message_rate") >= 11
    assert counter(agent, "rollo_agent_closed_websockets_total", code="4008") == 1
    honest.send({"type": "ping"})
    assert honest.expect("pong")


@pytest.mark.short
@pytest.mark.parametrize("opcode, payload", [(TEXT, b" " * 60000), (PONG, b"x" * 120)],
                         ids=["messages", "pongs"])
def test_a_flood_of_bytes_is_ended_with_4008(patient, connect, opcode, payload):
    agent = patient(bytes_per_second=20000)
    honest = connect(agent)
    with RawWebSocket(agent.port) as flood:
        try:
            for _ in range(300000 // len(payload)):
                flood.send(opcode, payload)
        except OSError:
            pass
        assert is_ended(flood, "rate_limited") > 1000
    assert refused(agent, "byte_rate") == 1
    honest.send({"type": "ping"})
    assert honest.expect("pong")


def test_a_flood_of_pings_is_ended_with_4008(patient, connect):
    """The library answers them by itself: they are seen by the kernel's count alone."""
    agent = patient(bytes_per_second=20000)
    honest = connect(agent)
    with RawWebSocket(agent.port) as flood, Nuisance(lambda: flood.send(PING_FRAME, b"x" * 100)) as pings:
        wait_until(lambda: refused(agent, "byte_rate") == 1, 20, "it is refused")
        assert is_ended(flood, "rate_limited") >= 0
        assert pings.rounds > 3000
    honest.send({"type": "ping"})
    assert honest.expect("pong")


@pytest.mark.short
def test_requests_on_one_connection_that_come_too_fast(patient):
    agent = patient(messages_per_second=2)
    connection = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=5)
    answers = []
    for _ in range(30):
        connection.request("GET", "/healthz")
        answers.append(connection.getresponse())
        answers[-1].read()
    assert 20 <= [answer.status for answer in answers].count(200) < 25
    assert {answer.status for answer in answers} == {200, 429}
    assert answers[-1].status == 429 and answers[-1].getheader("Retry-After") == "1"
    assert agent.get("/healthz")[0] == 200  # on another connection
    connection.close()


@pytest.mark.short
@pytest.mark.parametrize("wrong", [b"{", b'{"type":"nonsense"}', b'{"type":"console_break"}',
                                   b'{"type":"auth","data":{"token":"x"}}'])
def test_errors_have_a_budget(patient, wrong):
    agent = patient(errors_per_minute=5)
    with RawWebSocket(agent.port) as client:
        for _ in range(5):
            client.send(TEXT, wrong)
        client.send(TEXT, PING)
        kinds = []
        while "pong" not in kinds:
            kinds.append(json.loads(client.receive_until(TEXT))["type"])
        assert kinds.count("error") == 5
        client.send(TEXT, wrong)
        assert 50000 < is_ended(client, "too_many_errors") <= 60000
    assert refused(agent, "errors") == 1


@pytest.mark.short
def test_an_honest_client_meets_no_limit(patient, connect):
    agent = patient()
    client = connect(agent)
    for i in range(300):
        client.send({"type": "ping"})
        if i % 10 == 0:
            client.send({"type": "ping", "data": "x" * 60000})
    client.wait(lambda seen: sum(m["type"] == "pong" for m in seen) == 330, 20, "all pongs")
    assert not client.messages("error")


def test_a_flood_disturbs_nobody_else(patient, connect):
    agent = patient(messages_per_second=50, errors_per_minute=1_000_000)
    honest = connect(agent)
    with RawWebSocket(agent.port) as flood:
        flood.socket.settimeout(0.02)

        def act():
            for _ in range(50):
                flood.send(TEXT, b'{"type":"nonsense"}')
            try:
                while flood.receive():
                    pass
            except TimeoutError:
                pass

        keeps_its_latency(honest, act)

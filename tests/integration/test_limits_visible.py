# SPDX-License-Identifier: Apache-2.0
"""Each limit is exceeded once, and then `/ws/stats` and `/metrics` both tell of it. What `/metrics`
shows of a limit is asked first, so that a figure that is always there proves nothing."""

import json
import socket

import pytest

from lab.publishing import Publisher, progress
from lab.raw_websocket import CLOSE, PING, TEXT, RawWebSocket
from lab.strangers import ask, counter, dial, held_open, read_to_end, refused
from lab.tickets import ask_ticket, ticket_for
from lab.tokens import sign, token_for
from lab.wait import wait_until

STRANGER = "127.0.0.2"


@pytest.fixture
def make(agents):
    def make(**tables):
        return agents(config={"metrics": {"public": True, "interval_seconds": 1}, **tables})

    return make


def stats(agent) -> dict:
    token = token_for(agent, "figures", role="admin")
    with RawWebSocket(agent.port, f"/ws/stats?token={token}") as client:
        while True:
            message = json.loads(client.receive_until(TEXT))
            if message["type"] == "websocket_stats":
                return message["data"]


def is_told(agent, reason: str, times: int | None = None):
    wait_until(lambda: refused(agent, reason) > 0, what=f"{reason} in /metrics")
    count = refused(agent, reason)
    assert times is None or count == times
    assert stats(agent)["refused_by_reason"][reason] == count


def is_closed_with(agent, code: int, client: RawWebSocket):
    assert client.receive_until(CLOSE)[:2] == code.to_bytes(2, "big")
    assert counter(agent, "rollo_agent_closed_websockets_total", code=str(code)) == 1
    assert stats(agent)["closed_by_code"][str(code)] == 1


def test_nothing_is_told_where_nothing_was_refused(make):
    agent = make()
    told = stats(agent)
    assert (told["refused_by_reason"], told["closed_by_code"], told["errors_by_code"]) == \
        ({}, {}, {})
    assert (told["auth_failures"], told["rate_limited"], told["shed_clients"]) == (0, 0, 0)


# --- connections ----------------------------------------------------------------------------------


@pytest.mark.parametrize("reason, limits, held", [
    ("connections_per_address", {"max_connections_per_address": 3}, 3),
    ("connection_rate", {"new_connections_per_second": 2}, 0),
    ("connections", {"max_connections": 6}, 6)])
def test_connections(make, reason, limits, held):
    exempt = ["127.0.0.1"] if reason != "connections" else ["127.0.0.0/8"]
    agent = make(server={"exempt_networks": exempt, **limits})
    with held_open(agent, held, STRANGER):
        for _ in range(6 if reason == "connection_rate" else 1):
            ask(agent, STRANGER)
    wait_until(lambda: ask(agent).status == 200, what="there is room")
    is_told(agent, reason)


def test_connections_of_a_user(make, connect):
    agent = make(server={"max_connections_per_user": 2})
    ann, bob = token_for(agent, "ann", role="admin"), token_for(agent, "bob", role="admin")
    first, second = connect(agent, token=ann), connect(agent, "/ws/stats", token=ann)
    for client in (first, second):
        client.expect("connection_status")
    third = connect(agent, token=ann)
    goodbye = third.expect("goodbye")["data"]
    assert goodbye["reason"] == "too_many_connections" and goodbye["retry_after_ms"] > 0
    assert third.wait_closed() == (4008, "too_many_connections")
    assert not third.messages("connection_status")
    is_told(agent, "connections_per_user", 1)
    for client in (connect(agent), connect(agent, token=bob)):  # anonymous, and another one
        client.expect("connection_status")
    assert agent.get("/api/v1/vms", ann)[0] == 200  # HTTP is not counted
    first.send({"type": "auth", "data": {"token": ann}})  # it has its seat
    first.expect("connection_status")
    anonymous = connect(agent)
    anonymous.expect("connection_status")
    anonymous.send({"type": "auth", "data": {"token": ann}})
    assert anonymous.wait_closed() == (4008, "too_many_connections")
    late = connect(agent, "/ws?auth=message")
    late.send({"type": "auth", "data": {"token": ann}})
    assert late.wait_closed() == (4008, "too_many_connections")
    is_told(agent, "connections_per_user", 3)
    second.close()

    def is_let_in() -> bool:
        client = connect(agent, token=ann)
        client.wait(lambda got: got)
        return client.messages()[0]["type"] == "connection_status"

    wait_until(is_let_in, what="there is room again")


def test_who_was_raised_gives_its_seat_back(make, connect):
    agent = make(server={"max_connections_per_user": 1})
    ann = token_for(agent, "ann", role="admin")
    raised = connect(agent)
    for _ in range(3):
        raised.send({"type": "auth", "data": {"token": ann}})
        raised.expect("connection_status", lambda m: m["data"]["user"] == "ann")
    assert connect(agent, token=ann).wait_closed()[0] == 4008
    raised.close()
    wait_until(lambda: not connect(agent, token=ann).messages("goodbye"), what="it is free")


def test_consoles_of_a_user(make, guests, watch):
    agent = make(console={"enabled": True, "max_per_user": 2})
    one, two = guests("one").define(), guests("two").define()
    viewers = [watch(agent, one, "ann"), watch(agent, two, "ann")]
    for viewer in viewers:
        viewer.wait_attached()
    third = watch(agent, one, "ann")
    goodbye = third.expect("goodbye")["data"]
    assert goodbye["reason"] == "too_many_consoles" and goodbye["retry_after_ms"] > 0
    assert third.wait_closed()[0] == 4008
    is_told(agent, "consoles_per_user", 1)
    watch(agent, one, "bob").wait_attached()
    viewers[0].send({"type": "auth", "data": {"token": token_for(agent, "ann", role="operator")}})
    viewers[0].expect("connection_status", lambda m: m["data"]["user"] == "ann")
    viewers[1].close()
    wait_until(lambda: stats(agent)["consoles"]["viewers"] == 2, what="it has gone")
    watch(agent, two, "ann").wait_attached()


# --- time -----------------------------------------------------------------------------------------


def test_the_first_request(make):
    agent = make(server={"request_seconds": 1})
    with dial(agent) as silent:
        assert read_to_end(silent) == b""
    is_told(agent, "request_time", 1)


def test_the_first_message(make):
    agent = make(server={"auth_seconds": 1})
    with RawWebSocket(agent.port, "/ws?auth=message") as silent:
        is_closed_with(agent, 4001, silent)
    is_told(agent, "auth_time", 1)
    assert stats(agent)["auth_failures"] == 1 and refused(agent, "token") == 0


def test_idle_without_pong(make):
    agent = make(server={"heartbeat_seconds": 1})
    with RawWebSocket(agent.port) as silent:
        silent.receive_until(PING)
        is_closed_with(agent, 4014, silent)


# --- messages -------------------------------------------------------------------------------------


def test_messages_and_errors(make):
    agent = make(server={"messages_per_second": 1, "errors_per_minute": 3})
    with RawWebSocket(agent.port) as flood:
        for _ in range(14):
            flood.send(TEXT, b'{"type":"ping"}')
        is_closed_with(agent, 4008, flood)
    is_told(agent, "message_rate", 4)
    is_told(agent, "errors", 1)
    assert counter(agent, "rollo_agent_errors_total", code="rate_limited") == 4
    told = stats(agent)
    assert told["errors_by_code"] == {"rate_limited": 4} and told["rate_limited"] == 4


def test_bytes(make):
    agent = make(server={"bytes_per_second": 1024})
    with RawWebSocket(agent.port) as flood:
        flood.send(TEXT, b" " * 20000)
        is_closed_with(agent, 4008, flood)
    is_told(agent, "byte_rate", 1)


def test_a_message_that_is_too_large(make):
    agent = make(server={"max_message_bytes": 1024})
    with RawWebSocket(agent.port) as large:
        large.send(TEXT, b" " * 1025)
        is_closed_with(agent, 1009, large)


def test_rules(make, connect):
    agent = make(server={"max_rules": 2})
    client = connect(agent)
    assert client.expect("connection_status")["data"]["limits"] == {
        "max_message_bytes": 65536, "max_rules": 2, "max_ids": 20000, "messages_per_second": 50,
        "bytes_per_second": 262144, "errors_per_minute": 60}
    client.subscribe(["progress"], id="one")
    client.send({"type": "subscribe", "data": {"id": "two", "events": ["vm_created"]}})
    assert client.expect("error")["data"]["code"] == "too_many_rules"
    assert counter(agent, "rollo_agent_errors_total", code="too_many_rules") == 1
    assert stats(agent)["errors_by_code"] == {"too_many_rules": 1}


def test_what_waits_for_one_client(make):
    agent = make(server={"queue_bytes": 65536, "messages_per_second": 1_000_000,
                         "bytes_per_second": 1_000_000_000})
    with RawWebSocket(agent.port, receive_buffer=4096) as deaf:
        deaf.socket.settimeout(0.2)
        pings = (b"\x81\x8f\0\0\0\0" + b'{"type":"ping"}') * 20_000

        def is_dropped() -> bool:
            try:
                deaf.socket.sendall(pings)
            except (TimeoutError, socket.timeout, OSError):
                pass
            return counter(agent, "rollo_agent_closed_websockets_total", code="4013") == 1

        wait_until(is_dropped, 30, "it is dropped")
        told = stats(agent)
        assert told["closed_by_code"] == {"4013": 1} and told["slow_disconnects"] == 1


# --- users and programs ---------------------------------------------------------------------------


def test_what_a_program_publishes(make):
    agent = make(publish={"events_per_second": 1})
    publish = Publisher(agent, token_for(agent, "backup", role="admin"))
    assert publish([progress(f"op-{i}") for i in range(64)])[0] == 202
    assert publish(progress("one-more"))[0] == 429
    is_told(agent, "publish_rate", 1)
    assert stats(agent)["rate_limited"] == 1


def test_tickets(make):
    agent = make(auth={"max_tickets_per_user": 1, "anonymous": True})
    token = token_for(agent, "ann", role="admin")
    ticket_for(agent, token, "/ws")
    assert ask_ticket(agent, token, {"endpoint": "/ws"})[0] == 429
    is_told(agent, "tickets", 1)


def test_bad_tokens(make):
    agent = make(server={"exempt_networks": ["127.0.0.1"]}, auth={"failures_per_minute": 1})
    bad = sign({"sub": "x", "exp": 2 ** 33}, b"another key that is long enough to be one")
    request = (f"GET /api/v1/server HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
               f"Authorization: Bearer {bad}\r\n\r\n").encode()
    assert [ask(agent, STRANGER, request).status for _ in range(3)] == [401, 429, 429]
    is_told(agent, "token_rate", 2)
    is_told(agent, "token", 1)
    told = stats(agent)
    assert (told["auth_failures"], told["rate_limited"]) == (1, 2)


def test_names(make):
    agent = make()
    assert agent.get("/healthz", headers={"Host": "rebound.example"})[0] == 403
    assert agent.get("/healthz", headers={"Origin": "https://other.example"})[0] == 403
    is_told(agent, "host", 1)
    is_told(agent, "origin", 1)

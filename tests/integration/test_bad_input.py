# SPDX-License-Identifier: Apache-2.0
"""Whatever a client sends, it gets a clear answer, and nobody else notices."""

import asyncio
import json

import libvirt
import pytest
import websockets

from lab.client import AsyncClient, Client
from lab.raw_websocket import (BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, RawWebSocket)
from lab.schema import check_message
from lab.wait import wait_until

SUBSCRIBE = {"type": "subscribe", "data": {"events": ["alert"], "snapshot": False}}


@pytest.fixture
def client(module_agent, connect) -> Client:
    made = connect(module_agent)
    made.expect("connection_status")
    return made


def is_well(client: Client):
    """The connection goes on."""
    client.send({"type": "ping"})
    client.expect("pong")


def error_for(client: Client, text: str | bytes) -> dict:
    client.send(text)
    return client.expect("error")["data"]


# --- answered with an error, the connection stays -------------------------------------------------


NESTED = '{"type":"subscribe","data":{"events":' + "[" * 3000 + "]" * 3000 + "}}"


@pytest.mark.short
@pytest.mark.parametrize("text", [
    "", " ", "nonsense", "{", '{"type":"ping"', '{"type":"ping"} x',
    '{"type":"ping","type":"ping"}',
    "{'type':'ping'}", '{"type":"ping",}', '{"type":NaN}', '\ufeff{"type":"ping"}',
    '{"type":"pi\u0001ng"}', '{"type":"ping"}\0', NESTED, "[" * 60000, '{"a":' * 10000,
    '{"type":"subscribe","data":{"vm_ids":[01]}}', '{"type":"\\ud800"}',
], ids=range(18))
def test_what_is_no_json(client, text):
    error = error_for(client, text)
    assert error["code"] == "invalid_json" and "request_type" not in error
    is_well(client)


@pytest.mark.parametrize("text", ["null", "7", '"ping"', "[]", '[{"type":"ping"}]', "{}", "true",
                                  '{"type":null}', '{"type":7}', '{"data":{}}'])
def test_what_is_no_message(client, text):
    assert error_for(client, text)["code"] == "invalid_message"
    is_well(client)


@pytest.mark.parametrize("kind", ["nonsense", "", "SUBSCRIBE", "vm_created", "x" * 1000,
                                  "<script>alert(1)</script>"])
def test_an_unknown_type_is_not_repeated(client, kind):
    error = error_for(client, json.dumps({"type": kind}))
    assert error["code"] == "unknown_type" and "request_type" not in error
    assert not kind or kind not in json.dumps(error)
    is_well(client)


@pytest.mark.short
@pytest.mark.parametrize("data, field", [
    ({"events": "vm_created"}, "data.events"), ({"events": [1]}, "data.events[0]"),
    ({"events": ["x" * 65]}, "data.events[0]"), ({"events": ["a"] * 65}, "data.events"),
    ({"vm_ids": ["1"]}, "data.vm_ids[0]"), ({"vm_ids": [1, 2, 0]}, "data.vm_ids[2]"),
    ({"vm_ids": [1.5]}, "data.vm_ids[0]"), ({"vm_ids": [2**53]}, "data.vm_ids[0]"),
    ({"vm_ids": [True]}, "data.vm_ids[0]"), ({"vm_ids": 1}, "data.vm_ids"),
    ({"server_ids": [-1]}, "data.server_ids[0]"), ({"snapshot": 1}, "data.snapshot"),
    ({"snapshot": "no"}, "data.snapshot"), ({"id": ""}, "data.id"), ({"id": "x" * 65}, "data.id"),
    ({"id": 7}, "data.id"), ({"resume": "now"}, "data.resume"),
    ({"resume": {"epoch": "0123456789abcdef"}}, "data.resume.seq"),
    ({"resume": {"epoch": 7, "seq": 1}}, "data.resume.epoch"),
    ({"resume": {"epoch": "0123456789abcdef", "seq": -1}}, "data.resume.seq"),
    ({"vms": [1]}, "data"), ([], "data"), ("all", "data"),
])
def test_a_subscription_with_wrong_fields_names_the_field(client, data, field):
    error = error_for(client, json.dumps({"type": "subscribe", "data": data}))
    assert (error["code"], error["request_type"]) == ("invalid_message", "subscribe")
    assert error["field"].startswith(field)
    is_well(client)
    assert not client.messages("subscription_confirmed")


@pytest.mark.parametrize("message, field", [
    ({"type": "ping", "extra": 1}, None), ({"type": "auth"}, "data"),
    ({"type": "auth", "data": {}}, "data.token"),
    ({"type": "auth", "data": {"token": 7}}, "data.token"),
    ({"type": "auth", "data": {"token": "x" * 8193}}, "data.token"),
    ({"type": "unsubscribe", "data": {"snapshot": True}}, "data"),
])
def test_other_messages_with_wrong_fields(client, message, field):
    error = error_for(client, json.dumps(message))
    assert (error["code"], error["request_type"]) == ("invalid_message", message["type"])
    assert field is None or error["field"].startswith(field)
    is_well(client)


def test_null_means_absent_and_a_ping_may_carry_anything(client):
    client.send({"type": "subscribe", "timestamp": None,
                 "data": {"events": None, "vm_ids": None, "id": None, "snapshot": None,
                          "resume": None}})
    assert client.expect("subscription_confirmed")["data"]["events"] is None
    client.send({"type": "ping", "data": {"any": ["thing"]}, "timestamp": "not a time"})
    client.expect("pong")


def test_a_wrong_message_loses_nothing(client, guests, module_agent, connect):
    client.subscribe(["vm_status_changed"])
    guest = guests("kept").define()
    client.expect("vm_created")
    for text in ("{", "[]", '{"type":"x"}', '{"type":"subscribe","data":{"vm_ids":[0]}}'):
        error_for(client, text)
    guest.domain.undefine()
    client.expect("vm_deleted")
    assert connect(module_agent).expect("connection_status")


# --- frames ---------------------------------------------------------------------------------------


@pytest.mark.short
@pytest.mark.parametrize("opcode, payload, code, reason", [
    (BINARY, b"\0\1\2", 1003, b"binary_not_allowed"),
    (BINARY, b'{"type":"ping"}', 1003, b"binary_not_allowed"),
    (TEXT, b'{"type":"\xff\xfe"}', 1007, b"not_utf8"),
    (TEXT, b"\xc3", 1007, b"not_utf8"),
    (TEXT, b"\xed\xa0\x80", 1007, b"not_utf8"),
    (TEXT, b" " * 65537, 1009, b"message_too_large"),
    (TEXT, b"x" * 1000000, 1009, b"message_too_large"),
], ids=range(7))
def test_what_ends_the_connection_says_why(module_agent, opcode, payload, code, reason):
    with RawWebSocket(module_agent.port) as bad:
        check_message(json.loads(bad.receive_until(TEXT)))
        try:
            bad.send(opcode, payload)
        except (BrokenPipeError, ConnectionResetError):
            pass
        goodbye = json.loads(bad.receive_until(TEXT))
        check_message(goodbye)
        assert goodbye["data"]["reason"].encode() == reason
        assert bad.receive_until(CLOSE) == code.to_bytes(2, "big") + reason


def test_the_longest_message_that_is_allowed(client):
    text = json.dumps({"type": "ping", "data": "x" * 65400})
    client.send(text + " " * (65536 - len(text)))
    client.expect("pong")


@pytest.mark.short
def test_fragments_are_joined_and_control_frames_may_come_between(module_agent):
    text = json.dumps({**SUBSCRIBE, "data": {"events": ["äöü"], "snapshot": False}},
                      ensure_ascii=False).encode()
    with RawWebSocket(module_agent.port) as client:
        client.receive_until(TEXT)
        client.send(TEXT, text[:1], final=False)
        for i in range(1, len(text) - 1):  # in the middle of characters, too
            client.send(CONTINUATION, text[i:i + 1], final=False)
            if i % 20 == 0:
                client.send(PING, b"between")
                assert client.receive_until(PONG) == b"between"
        client.send(CONTINUATION, text[-1:])
        confirmed = json.loads(client.receive_until(TEXT))
        check_message(confirmed)
        assert confirmed["data"]["refused"] == ["äöü"]
        client.send(TEXT, b'{"type":"p', final=False)
        client.send(CONTINUATION, b"", final=False)
        client.send(CONTINUATION, b'ing"}')
        assert json.loads(client.receive_until(TEXT))["type"] == "pong"


def test_fragments_count_together(module_agent):
    with RawWebSocket(module_agent.port) as client:
        client.receive_until(TEXT)
        client.send(TEXT, b" " * 40000, final=False)
        client.send(CONTINUATION, b" " * 40000, final=False)
        assert b"message_too_large" in client.receive_until(TEXT)
        assert client.receive_until(CLOSE)[:2] == (1009).to_bytes(2, "big")


@pytest.mark.parametrize("payload", [b"", b"hello", b"x" * 125])
def test_a_ping_frame_is_answered_with_its_payload(module_agent, payload):
    with RawWebSocket(module_agent.port) as client:
        client.send(PING, payload)
        assert client.receive_until(PONG) == payload


@pytest.mark.parametrize("opcode", [3, 7, 11, 15])
def test_a_frame_of_no_known_kind_ends_that_connection_alone(module_agent, connect, opcode):
    with RawWebSocket(module_agent.port) as bad:
        bad.receive_until(TEXT)
        bad.send(opcode, b"?")
        try:
            bad.receive_until(CLOSE)
        except (EOFError, ConnectionResetError):
            pass
    assert connect(module_agent).expect("connection_status")


@pytest.mark.parametrize("payload, answer", [(b"", b""), ((1000).to_bytes(2, "big") + b"bye", None),
                                             ((4321).to_bytes(2, "big"), None)])
def test_a_closing_frame_is_answered(module_agent, payload, answer):
    with RawWebSocket(module_agent.port) as client:
        client.receive_until(TEXT)
        client.send(CLOSE, payload)
        closing = client.receive_until(CLOSE)
        assert closing[:2] in (payload[:2], answer)


@pytest.mark.parametrize("headers, status", [
    ("", 101),
    ("Sec-WebSocket-Extensions: permessage-deflate\r\n", 101)])
def test_no_compression_is_agreed_on(module_agent, headers, status):
    with RawWebSocket(module_agent.port, headers=headers) as client:
        assert client.status == status
        assert b"permessage-deflate" not in client.answer.lower()
        assert json.loads(client.receive_until(TEXT))["type"] == "connection_status"


# --- slow, silent, many ---------------------------------------------------------------------------


@pytest.mark.short
def test_a_client_that_never_reads_is_closed_while_another_gets_everything(agents, connect,
                                                                           guests):
    guest = guests("chatty").define()
    agent = agents(config={"server": {"queue_bytes": 262144}})
    other = connect(agent, "/ws?events=vm_status_changed&snapshot=0")
    other.expect("subscription_confirmed")
    changes = kernel_buffer() * 3 // 2 // 100000 + 5
    with RawWebSocket(agent.port, "/ws?events=vm_status_changed&snapshot=0",
                      receive_buffer=4096) as deaf:
        for i in range(changes):
            title = f"{i} " + "x" * 100000
            guest.domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, title, None, None,
                                     libvirt.VIR_DOMAIN_AFFECT_CONFIG)
            other.expect("vm_updated", lambda m, t=title: m["data"]["vm"]["title"] == t)
        wait_until(lambda: " ended: closed with 4013: too_slow" in agent.log(), 15, "given up")
        assert 0 < deaf.receive_all().count(b'"vm_updated"') < changes
    numbers = [m["seq"] for m in other.messages("vm_updated")]
    assert numbers == list(range(numbers[0], numbers[0] + changes))
    # It comes back and resumes: nothing is lost.
    epoch = other.messages("connection_status")[0]["data"]["epoch"]
    again = connect(agent, f"/ws?events=vm_status_changed&resume={epoch}:{numbers[0] - 1}")
    assert again.expect("resumed")["data"]["count"] == changes


def kernel_buffer() -> int:
    """The most that the kernel keeps for one connection."""
    with open("/proc/sys/net/ipv4/tcp_wmem", encoding="ascii") as file:
        return int(file.read().split()[2])


def test_a_client_that_answers_no_ping_is_closed_with_4014(agents, connect):
    agent = agents(config={"server": {"heartbeat_seconds": 1}})
    alive = connect(agent)
    with RawWebSocket(agent.port) as silent:
        assert json.loads(silent.receive_until(TEXT))["data"]["heartbeat_seconds"] == 1
        silent.receive_until(PING)
        goodbye = json.loads(silent.receive_until(TEXT))
        check_message(goodbye)
        assert goodbye["data"]["reason"] == "no_pong"
        assert silent.receive_until(CLOSE)[:2] == (4014).to_bytes(2, "big")
    is_well(alive)  # its library answers pings by itself


@pytest.mark.short
def test_two_hundred_connections_at_once(module_agent, session_loop, guests):
    url = module_agent.ws_url + "/ws?events=vm_status_changed"

    async def open_all() -> list[AsyncClient]:
        clients = [AsyncClient(url) for _ in range(200)]
        return await asyncio.gather(*(client.connect() for client in clients))

    async def all_heard(clients: list[AsyncClient]):
        await asyncio.gather(*(
            client.wait_for(lambda c=client: any(m["type"] == "vm_created" for m in c.received),
                            20, "vm_created") for client in clients))

    async def close_all(clients: list[AsyncClient]):
        await asyncio.gather(*(client.close() for client in clients))

    clients = session_loop.run(open_all())
    guests("for-all").define()
    session_loop.run(all_heard(clients))
    created = [[m for m in client.received if m["type"] == "vm_created"] for client in clients]
    assert all(messages == created[0] for messages in created)
    assert len({client.received[0]["data"]["connection_id"] for client in clients}) == 200
    session_loop.run(close_all(clients))
    assert not [error for client in clients for error in client.schema_errors]


def test_more_connections_than_allowed_are_refused_with_503(agents, connect):
    agent = agents(config={"server": {"max_connections": 3}})
    kept = [connect(agent) for _ in range(3)]
    for client in kept:
        client.expect("connection_status")
    with pytest.raises(websockets.InvalidStatusCode) as refused:
        connect(agent)
    assert refused.value.status_code == 503
    kept.pop().close()

    def lets_in() -> bool:
        try:
            return bool(connect(agent).expect("connection_status"))
        except websockets.InvalidStatusCode:
            return False

    wait_until(lets_in, what="there is room again")
    is_well(kept[0])

# SPDX-License-Identifier: Apache-2.0
"""Whatever a viewer sends, it gets the documented answer, and the console lives on for the others."""

import json

import pytest
import websockets

from lab.console import SUBPROTOCOL, Console, console_path
from lab.raw_websocket import BINARY, CLOSE, CONTINUATION, TEXT, RawWebSocket
from lab.tokens import token_for


@pytest.fixture(scope="module")
def agent(module_agents):
    return module_agents()


@pytest.fixture
def guest(guests):
    made = guests("robust").create()
    made.wait_booted()
    return made


@pytest.fixture
def other(agent, guest, watch):
    """Somebody else, for whom everything goes on whatever the test does."""
    viewer = watch(agent, guest, "other", tail=0)
    viewer.wait_status("connected")
    viewer.wait_attached()
    yield viewer
    viewer.wait_told(lambda told: told.status["writer_user"] in (None, "other"), 20, "the lease")
    viewer.type("alive")
    viewer.wait_output("alive")
    viewer.check_gapless()


def raw(agent, guest, binary: bool = True, **query) -> RawWebSocket:
    headers = f"Authorization: Bearer {token_for(agent, 'bad', role='operator')}\r\n"
    if binary:
        headers += f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n"
    return RawWebSocket(agent.port, console_path(guest, **query), headers=headers)


def ending(client: RawWebSocket) -> tuple[int, str]:
    """Close code, and the reason that `goodbye` gave."""
    reason = ""
    while True:
        opcode, payload = client.receive()
        if opcode == TEXT and json.loads(payload)["type"] == "goodbye":
            reason = json.loads(payload)["data"]["reason"]
        if opcode == CLOSE:
            return int.from_bytes(payload[:2], "big"), reason


def send(client: RawWebSocket, opcode: int, payload: bytes):
    try:
        client.send(opcode, payload)
    except (BrokenPipeError, ConnectionResetError):
        pass


# --- the upgrade ----------------------------------------------------------------------------------


@pytest.mark.short
@pytest.mark.parametrize("query", [
    {"mode": "x"}, {"mode": ""}, {"mode": "RW"}, {"tail": "-1"}, {"tail": "abc"}, {"tail": ""},
    {"tail": "1.5"}, {"tail": "99999999999999999999999"}, {"from": "-1"}, {"from": "0x10"},
    {"from": str(2**53)}, {"force": "yes"}, {"force": "lease"},
    {"tail": "1", "from": "1"}, {"device": ""}, {"device": "x" * 200},
], ids=str)
def test_a_query_that_means_nothing(agent, guest, other, query):
    with raw(agent, guest, **query) as client:
        assert client.status == 400
        assert b'"code"' in client.answer + client.receive_all()


def test_without_the_subprotocol_it_is_the_json_form_and_others_are_refused(agent, guest, other):
    headers = f"Authorization: Bearer {token_for(agent, 'bad', role='operator')}\r\n"
    with RawWebSocket(agent.port, console_path(guest), headers=headers) as client:
        assert client.status == 101 and b"sec-websocket-protocol" not in client.answer.lower()
        other.type("x")
        while b'"console_output"' not in client.receive_until(TEXT):
            pass
    unknown = "Sec-WebSocket-Protocol: chat\r\n"
    with RawWebSocket(agent.port, console_path(guest), headers=headers + unknown) as client:
        assert client.status == 400
        assert SUBPROTOCOL.encode() in client.answer + client.receive_all()
    offered = f"Sec-WebSocket-Protocol: chat, {SUBPROTOCOL}\r\n"
    with RawWebSocket(agent.port, console_path(guest), headers=headers + offered) as client:
        assert f"sec-websocket-protocol: {SUBPROTOCOL}".encode() in client.answer.lower()


# --- frames ---------------------------------------------------------------------------------------


@pytest.mark.short
@pytest.mark.parametrize("binary, opcode, payload, code, reason", [
    (False, BINARY, b"x", 1003, "binary_not_allowed"),
    (True, TEXT, b'{"type":"\xff"}', 1007, "not_utf8"),
    (True, BINARY, b"x" * 65537, 1009, "message_too_large"),
    (True, TEXT, b" " * 65537, 1009, "message_too_large"),
    (False, TEXT, b" " * 1_000_000, 1009, "message_too_large"),
], ids=range(5))
def test_what_ends_the_connection_says_why(agent, guest, other, binary, opcode, payload, code,
                                           reason):
    with raw(agent, guest, binary) as client:
        client.receive_until(TEXT)
        send(client, opcode, payload)
        assert ending(client) == (code, reason)


def test_a_message_in_parts_is_one_and_an_empty_one_is_nothing(agent, guest, other, watch):
    with raw(agent, guest) as client:
        client.receive_until(TEXT)
        client.send(BINARY, b"")
        client.send(BINARY, b"one", final=False)
        client.send(CONTINUATION, b"", final=False)
        client.send(CONTINUATION, b"two")
        other.wait_output("onetwo")


# --- messages -------------------------------------------------------------------------------------


@pytest.fixture(params=[True, False], ids=["binary", "json"])
def viewer(request, agent, guest, watch) -> Console:
    made = watch(agent, guest, "bad", tail=0, binary=request.param)
    made.wait_attached()
    return made


def error_for(viewer: Console, message: str) -> tuple[str, str | None]:
    viewer.send(message)
    error = viewer.expect("error")["data"]
    return error["code"], error.get("field")


@pytest.mark.short
def test_messages_that_are_none(viewer, other):
    for text in ("", "nonsense", "{", "[]x", '{"type":"console_input","data":"\\ud800"}'):
        assert error_for(viewer, text)[0] == "invalid_json", text
    for text in ("null", "[]", "{}", '{"type":7}', '{"type":"console_ack"}',
                 '{"type":"console_ack","data":{"offset":-1}}',
                 '{"type":"console_ack","data":{"offset":"1"}}',
                 '{"type":"console_acquire","data":{"force":1}}',
                 '{"type":"console_input","data":7}', '{"type":"console_input"}',
                 '{"type":"console_resize","data":{"rows":0,"cols":80}}',
                 '{"type":"console_input","data":"x","more":1}'):
        assert error_for(viewer, text)[0] == "invalid_message", text
    assert error_for(viewer, '{"type":"nonsense"}')[0] == "unknown_type"
    for kind in ("subscribe", "unsubscribe"):
        assert error_for(viewer, json.dumps({"type": kind}))[0] == "unsupported"
    viewer.send({"type": "ping"})
    viewer.expect("pong")
    assert other.output == b""


def test_console_messages_on_an_event_endpoint_are_unsupported(agent, connect):
    client = connect(agent, token=token_for(agent, role="admin"))
    client.expect("connection_status")
    for message in ({"type": "console_input", "data": "x"}, {"type": "console_acquire"},
                    {"type": "console_release"}, {"type": "console_break"},
                    {"type": "console_ack", "data": {"offset": 1}}):
        client.send(message)
        assert client.expect("error")["data"]["code"] == "unsupported"


def test_input_as_json_beside_the_subprotocol(agent, guest, other, watch):
    """A control message like any other."""
    viewer = watch(agent, guest, "bad", tail=0)
    viewer.send({"type": "console_input", "data": "as json"})
    other.wait_told(lambda told: told.output or viewer.transcript.errors, what="an answer")
    if not viewer.transcript.errors:
        other.wait_output("as json")
    viewer.close()


# --- too much -------------------------------------------------------------------------------------


@pytest.mark.short
def test_too_many_errors_end_it(agent, guest, other):
    with raw(agent, guest) as client:
        client.receive_until(TEXT)
        for _ in range(70):
            send(client, TEXT, b"nonsense")
        assert ending(client) == (4008, "too_many_errors")


def test_too_many_messages_are_said_to_be_too_many(agents, guest, watch):
    agent = agents(config={"server": {"messages_per_second": 5}})
    viewer, other = watch(agent, guest, "fast", tail=0), watch(agent, guest, "other", tail=0)
    viewer.wait_status("connected")
    for _ in range(60):
        viewer.type("k")
    viewer.wait_error("rate_limited")
    other.wait_output("k" * 50)
    viewer.wait_told(lambda told: len(told.errors) >= 5, what="each is told")
    viewer.close()
    other.wait_status("connected", writer_user=None)
    other.type("alive")
    other.wait_output("alive")


def test_too_many_bytes_end_it(agents, guest, watch):
    agent = agents(config={"server": {"bytes_per_second": 2048}})
    other = watch(agent, guest, "other", tail=0)
    other.wait_status("connected")
    with raw(agent, guest) as client:
        client.receive_until(TEXT)
        for _ in range(10):
            send(client, BINARY, b"x" * 8192)
        assert ending(client) == (4008, "rate_limited")
    other.wait_status("connected", viewers=1, writer_user=None)
    other.type("alive")
    other.wait_output("alive", 30)


def test_without_an_upgrade(agent, guest):
    status, _ = agent.get(console_path(guest), token_for(agent, role="operator"))
    assert status == 400


@pytest.mark.parametrize("path", ["/ws/console", "/ws/console/", "/ws/console/name/x",
                                  "/ws/consoles/name"])
def test_paths_beside_it(agent, connect, path):
    with pytest.raises(websockets.InvalidStatusCode) as refused:
        connect(agent, path, token=token_for(agent, role="operator"))
    assert refused.value.status_code == 404

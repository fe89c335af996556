# SPDX-License-Identifier: Apache-2.0
"""Which names the agent answers to, and which pages may speak to it."""

import http.client
import json
import socket

import pytest
import websockets

from lab.raw_websocket import TEXT, RawWebSocket
from lab.wait import wait_until

DASH = "https://dash.example.org"
UPGRADE = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
           "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}


@pytest.fixture(scope="module")
def locked(module_agents):
    return module_agents(config={"server": {
        "allowed_hosts": ["kvm.example.org", "*.fleet.example.org"], "allowed_origins": [DASH]}})


def ask(agent, method="GET", path="/healthz", **headers) -> tuple[int, dict[str, str], bytes]:
    """`Host=None` sends none."""
    connection = http.client.HTTPConnection("127.0.0.1", agent.port, timeout=5)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    headers = {"Host": f"127.0.0.1:{agent.port}"} | {
        name.replace("_", "-"): value for name, value in headers.items()}
    for name, value in headers.items():
        if value is not None:
            connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    return answer.status, {k.lower(): v for k, v in answer.getheaders()}, body


def exchange(agent, request: bytes) -> bytes:
    """The answer to a request on a bare socket, up to the end of the connection."""
    with socket.create_connection(("127.0.0.1", agent.port), 5) as client:
        client.sendall(request)
        client.shutdown(socket.SHUT_WR)
        answer = b""
        while data := client.recv(65536):
            answer += data
        return answer


# --- Host -----------------------------------------------------------------------------------------


@pytest.mark.short
def test_names_and_addresses_that_work_out_of_the_box(module_agent):
    own = socket.gethostname()
    for host in ("127.0.0.1", "localhost", "LocalHost:1", "[::1]:8780", "192.0.2.55:99",
                 "a.localhost", own, own.upper() + ":8780", own.split(".")[0]):
        assert ask(module_agent, Host=host)[0] == 200, host


@pytest.mark.short
@pytest.mark.parametrize("host", ["evil.example", "evil.example:8780", "127.0.0.1.evil.example",
                                  "localhost.evil.example", "kvm.example.org", "a b", "localhost/x"])
def test_a_name_that_is_not_ours_is_refused(module_agent, host):
    for path, more in (("/healthz", {}), ("/api/v1/vms", {}), ("/nothing", {}), ("/ws/monitor", {}),
                       ("/ws/monitor", UPGRADE)):
        status, headers, body = ask(module_agent, path=path, Host=host, **more)
        assert (status, headers["content-type"]) == (403, "application/json"), path
        assert json.loads(body)["code"] == "forbidden" and b"allowed_hosts" in body
        assert host.encode() not in body


def test_names_that_are_listed(locked):
    for host in ("kvm.example.org", "KVM.example.org:8780", "kvm7.fleet.example.org", "localhost"):
        assert ask(locked, Host=host)[0] == 200
    for host in ("fleet.example.org", "x.kvm.example.org"):
        assert ask(locked, Host=host)[0] == 403


def test_a_request_without_host(module_agent):
    assert ask(module_agent, Host=None)[0] == 400
    assert exchange(module_agent, b"GET /healthz HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.1 200 ")


def test_two_hosts_are_none(module_agent):
    for hosts in (b"Host: localhost\r\nHost: evil.example\r\n",
                  b"Host: evil.example\r\nHost: localhost\r\n"):
        answer = exchange(module_agent, b"GET /healthz HTTP/1.1\r\n" + hosts + b"\r\n")
        assert answer.startswith(b"HTTP/1.1 403 ")


def test_any_name_by_a_unix_socket(agents, tmp_path):
    path = str(tmp_path / "agent.sock")
    agent = agents(start=False)
    agent.config["server"]["listen"].append(f"unix:{path}")
    agent.start()
    with RawWebSocket(path, headers="") as client:
        assert client.status == 101
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        client.sendall(b"GET /healthz HTTP/1.1\r\nHost: behind.a.proxy\r\n\r\n")
        assert client.recv(4096).startswith(b"HTTP/1.1 200 ")


# --- Origin ---------------------------------------------------------------------------------------


@pytest.mark.short
def test_pages_of_the_server_itself_and_no_pages_may_connect(module_agent, connect):
    own = f"http://127.0.0.1:{module_agent.port}"
    assert connect(module_agent, origin=own).expect("connection_status")
    assert connect(module_agent).expect("connection_status")
    assert ask(module_agent, Origin=own)[0] == 200


@pytest.mark.short
@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1",
                                    "http://127.0.0.1:1", "http://localhost.evil.example",
                                    DASH])
def test_other_pages_are_refused_before_the_upgrade(module_agent, connect, origin):
    with pytest.raises(websockets.InvalidStatusCode) as refused:
        connect(module_agent, origin=origin)
    assert refused.value.status_code == 403
    status, headers, body = ask(module_agent, path="/ws/monitor", Origin=origin, **UPGRADE)
    assert (status, json.loads(body)["code"]) == (403, "forbidden")
    status, headers, body = ask(module_agent, path="/api/v1/vms", Origin=origin)
    assert (status, json.loads(body)["code"]) == (403, "forbidden")
    assert "access-control-allow-origin" not in headers
    preflight = ask(module_agent, "OPTIONS", "/api/v1/vms", Origin=origin,
                    Access_Control_Request_Method="GET")
    assert preflight[0] == 403 and "access-control-allow-origin" not in preflight[1]


@pytest.mark.short
def test_a_page_that_is_listed_may_connect_and_read(locked, connect):
    assert connect(locked, origin=DASH).expect("connection_status")
    for path, expected in (("/healthz", 200), ("/api/v1/vms", 200), ("/nothing", 404)):
        status, headers, _ = ask(locked, path=path, Origin=DASH)
        assert status == expected
        assert headers["access-control-allow-origin"] == DASH
        assert headers["access-control-allow-credentials"] == "true"
        assert "origin" in headers["vary"].lower()
    with pytest.raises(websockets.InvalidStatusCode):
        connect(locked, origin=DASH.replace("https", "http"))


def test_an_error_can_be_read_across_origins_too(locked):
    status, headers, _ = ask(locked, path="/api/v1/vms", Origin=DASH, Authorization="Bearer bad")
    assert status == 401 and headers["access-control-allow-origin"] == DASH


@pytest.mark.short
def test_a_preflight_is_answered(locked):
    status, headers, body = ask(locked, "OPTIONS", "/api/v1/vms", Origin=DASH,
                                Access_Control_Request_Method="GET",
                                Access_Control_Request_Headers="authorization")
    assert (status, body) == (204, b"")
    assert headers["access-control-allow-origin"] == DASH
    assert "origin" in headers["vary"].lower()
    assert {"GET", "POST"} <= set(headers["access-control-allow-methods"].split(", "))
    allowed = headers["access-control-allow-headers"].lower().split(", ")
    assert {"authorization", "content-type"} <= set(allowed)
    assert int(headers["access-control-max-age"]) > 0


def test_a_connection_goes_on_after_a_preflight(locked):
    connection = http.client.HTTPConnection("127.0.0.1", locked.port, timeout=5)
    for _ in range(3):
        connection.request("OPTIONS", "/api/v1/vms", headers={
            "Origin": DASH, "Access-Control-Request-Method": "GET"})
        assert connection.getresponse().read() == b""
        connection.request("GET", "/api/v1/vms", headers={"Origin": DASH})
        assert connection.getresponse().read().startswith(b"{")
    connection.close()


def test_options_without_a_page_is_no_preflight(locked):
    assert ask(locked, "OPTIONS")[0] == 405


def test_a_star_means_anybody_and_no_credentials(agents, connect):
    agent = agents(config={"server": {"allowed_origins": ["*"]}})
    for origin in ("https://any.example", "null"):
        assert connect(agent, origin=origin).expect("connection_status")
        headers = ask(agent, Origin=origin)[1]
        assert headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-credentials" not in headers


def test_both_lists_change_with_a_reload(agents, connect):
    agent = agents()
    kept = connect(agent)
    agent.config["server"] |= {"allowed_hosts": ["new.example"], "allowed_origins": [DASH]}
    agent.reload()
    wait_until(lambda: ask(agent, Host="new.example")[0] == 200, what="the new name is good")
    assert connect(agent, origin=DASH).expect("connection_status")
    agent.config["server"] |= {"allowed_hosts": [], "allowed_origins": []}
    agent.reload()
    wait_until(lambda: ask(agent, Host="new.example")[0] == 403, what="the name is gone")
    assert ask(agent, Origin=DASH)[0] == 403
    kept.send({"type": "ping"})
    assert kept.expect("pong")


# --- the log --------------------------------------------------------------------------------------


def test_refused_strangers_do_not_flood_the_log(agents):
    agent = agents()
    for _ in range(50):
        assert ask(agent, Host="evil.example")[0] == 403
        assert ask(agent, path="/ws", Origin="https://evil.example", **UPGRADE)[0] == 403
    assert agent.log().count("allowed_hosts") == 1
    assert agent.log().count("allowed_origins") == 1
    wait_until(lambda: "49 more were refused, the last one 127.0.0.1: its Host" in agent.log(),
               20, "the rest is told in one line")


def test_bad_tokens_do_not_flood_the_log_either(agents, connect):
    agent = agents(config={"auth": {"anonymous": False}})
    for _ in range(30):
        assert connect(agent, token="a.b.c").wait_closed()[0] == 4001
        assert ask(agent, path="/api/v1/vms", Authorization="Bearer a.b.c")[0] == 401
    lines = [line for line in agent.log().splitlines() if not line.startswith("<7>")]
    assert sum("127.0.0.1" in line for line in lines) < 8
    assert "its token is missing or not valid: " in agent.log()


@pytest.mark.parametrize("key, value, complaint", [
    ("allowed_hosts", ["kvm:8780"], '"kvm:8780" is none of'),
    ("allowed_hosts", "kvm", "must be a list of"),
    ("allowed_origins", ["dash.example.org"], '"dash.example.org" is none of'),
    ("allowed_origins", [DASH + "/"], "is none of"),
])
def test_wrong_entries_are_named(agents, key, value, complaint):
    agent = agents(start=False, config={"server": {key: value}})
    with pytest.raises(RuntimeError, match="the agent ended with 2"):
        agent.start()
    assert f"server.{key}: " in agent.log() and complaint in agent.log()

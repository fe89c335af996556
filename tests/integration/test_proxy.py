# SPDX-License-Identifier: Apache-2.0
"""Behind a real nginx, by TCP and by UNIX socket: it works, a client is known by its own address,
and nobody gains anything by what they write into headers."""

import contextlib
import socket

import pytest
import websockets

from lab.agent import Agent
from lab.certificates import make_pair
from lab.console import Console
from lab.nginx import FROM, Nginx
from lab.strangers import Answer, counter, read_to_end, refused
from lab.tokens import token_for
from lab.wait import wait_until

CLIENT, OTHER = "127.0.0.2", "127.0.0.3"


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    return make_pair(tmp_path_factory.mktemp("pair"), "nginx")


class Proxied:
    """An agent, and nginx before it."""

    def __init__(self, agent: Agent, nginx: Nginx, socket_path: str | None):
        self.agent = agent
        self.nginx = nginx
        self._socket_path = socket_path

    def dial(self) -> socket.socket:
        """A connection to the agent as nginx has it."""
        if self._socket_path is None:
            return socket.create_connection(("127.0.0.1", self.agent.port), 10, (FROM, 0))
        peer = socket.socket(socket.AF_UNIX)
        peer.settimeout(10)
        peer.connect(self._socket_path)
        return peer

    def ask(self, *headers: str, path: str = "/healthz") -> Answer:
        """One request as nginx would send it, with these lines of headers."""
        with self.dial() as peer:
            peer.sendall(wire_request(path, *headers, "Connection: close"))
            return Answer(read_to_end(peer))


def wire_request(path: str, *headers: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", "Host: localhost", *headers, "", ""]
    return "\r\n".join(lines).encode()


@pytest.fixture(params=["tcp", "unix"])
def proxied(request, agents, pair, tmp_path):
    """`proxied(max_rules=3)`: loopback addresses are held to their limits."""
    opened = []

    def make(config: dict | None = None, **server) -> Proxied:
        by_tcp = request.param == "tcp"
        path = str(tmp_path / "proxy.sock")
        agent = agents(start=False, config={
            "agent": {"log_level": "debug"},
            "server": {"exempt_networks": [], "new_connections_per_second": 1000,
                       "trusted_proxies": [FROM if by_tcp else f"unix:{path}"], **server},
            "metrics": {"public": True, "interval_seconds": 1}, **(config or {})})
        agent.config["server"]["listen"].append(f"unix:{path}")
        agent.start()
        nginx = Nginx(tmp_path / "nginx", pair, agent.port if by_tcp else path)
        opened.append(nginx.__enter__())
        return Proxied(agent, nginx, None if by_tcp else path)

    yield make
    for nginx in opened:
        nginx.__exit__()


@pytest.fixture
def connect_by(connect, pair):
    """A WebSocket through nginx: `connect_by(proxied, "127.0.0.2", "/ws")`."""

    def make(front: Proxied, source: str = CLIENT, path: str = "/ws/monitor", **options):
        return connect(front.nginx, path, ssl=pair.trusted(), local_addr=(source, 0), **options)

    return make


# --- it works -------------------------------------------------------------------------------------


@pytest.mark.short
def test_http_and_websockets(proxied, connect_by, guests):
    guests("web").define()
    front = proxied()
    wait_until(lambda: len(front.nginx.get("/api/v1/vms", CLIENT)[1]["vms"]) == 1, what="a VM")
    client = connect_by(front, path="/ws?events=vm_status_changed")
    assert client.expect("snapshot")["data"]["vms"][0]["name"] == "web"
    client.send({"type": "ping"})
    assert client.expect("pong")
    client.close()
    wait_until(lambda: f"of anonymous from {CLIENT} to /ws ended: the client closed with 1000"
               in front.agent.log(), what="its end is told, with its address")


@pytest.mark.short
def test_a_console(proxied, guests, session_loop, pair):
    guest = guests("web").create()
    front = proxied()
    token = token_for(front.agent, "ann", role="operator")
    console = f"/api/v1/vms/{guest.spec.uuid}/console"

    def viewers() -> tuple[int, list]:
        status, body = front.nginx.get(console, Authorization=f"Bearer {token}")
        return status, body["consoles"][0]["viewers"] if status == 200 else []

    wait_until(lambda: viewers()[0] == 200, what="it is known")
    with Console(session_loop, front.nginx, guest, token=token,
                 options={"ssl": pair.trusted(), "local_addr": (CLIENT, 0)}) as viewer:
        viewer.wait_status("connected")
        viewer.type("by way of a proxy")
        viewer.wait_output("by way of a proxy")
        assert [each["address"] for each in viewers()[1]] == [CLIENT]
    viewer.check()


@pytest.mark.short
def test_a_close_code_arrives(proxied, connect_by):
    client = connect_by(proxied(), path="/ws?token=bad")
    assert client.wait_closed() == (4001, "token_invalid")


def test_no_token_comes_into_its_log(proxied, connect_by):
    front = proxied()
    token = token_for(front.agent, "ann", role="viewer")
    connect_by(front, path=f"/ws/monitor?token={token}").close()
    wait_until(lambda: '"GET /ws/monitor" 101' in front.nginx.access_log(), what="it is logged")
    assert token not in front.nginx.access_log() and token.split(".")[2] not in front.agent.log()


# --- whose address counts -------------------------------------------------------------------------


@pytest.mark.short
def test_what_a_client_writes_into_the_header_counts_for_nothing(proxied, connect_by):
    front = proxied()
    for spoofed in ("192.0.2.66", f"192.0.2.66, {FROM}", "<nonsense>"):
        client = connect_by(front, path="/ws", extra_headers={"X-Forwarded-For": spoofed})
        client.expect("connection_status")
        client.close()
    front.nginx.get("/healthz", OTHER, X_Forwarded_For="192.0.2.66")
    assert f"200 GET /healthz from {OTHER}" in front.agent.log()
    assert front.agent.log().count(f"of anonymous from {CLIENT} opened /ws") == 3
    assert "192.0.2.66" not in front.agent.log()


@pytest.mark.short
def test_only_a_trusted_proxy_is_believed(proxied):
    front = proxied()
    status, _ = front.agent.get("/healthz", headers={"X-Forwarded-For": "192.0.2.66",
                                                     "X-Forwarded-Proto": "nonsense"})
    assert status == 200
    assert "192.0.2.66" not in front.agent.log()
    assert front.ask("X-Forwarded-For: 192.0.2.66").status == 200
    assert "200 GET /healthz from 192.0.2.66" in front.agent.log()


def test_several_headers_are_one_list(proxied):
    front = proxied()
    front.ask("X-Forwarded-For: 192.0.2.1", "X-Forwarded-For: 192.0.2.2, 2001:db8::3")
    assert "200 GET /healthz from 2001:db8::3" in front.agent.log()


@pytest.mark.short
@pytest.mark.parametrize("header", ["X-Forwarded-For: nonsense", "X-Forwarded-For: 192.0.2.1,",
                                    "X-Forwarded-Proto: gopher", "x-forwarded-for: 1.2.3.4.5"])
def test_what_cannot_be_read_is_refused(proxied, header):
    front = proxied()
    answer = front.ask(header)
    assert answer.status == 400
    assert header.split(": ")[0].lower() in answer.json()["message"].lower()
    assert header.split(": ")[1] not in answer.json()["message"]
    upgrade = front.ask(header, "Upgrade: websocket", "Sec-WebSocket-Version: 13",
                        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", path="/ws")
    assert upgrade.status == 400
    assert refused(front.agent, "forwarded") == 2
    assert "what this trusted proxy says of its client cannot be read" in front.agent.log()
    assert "nonsense" not in front.agent.log() and "gopher" not in front.agent.log()


# --- limits ---------------------------------------------------------------------------------------


@pytest.mark.short
def test_websockets_count_for_their_clients_address(proxied, connect_by):
    front = proxied(max_connections_per_address=3)
    clients = [connect_by(front) for _ in range(3)]
    with pytest.raises(websockets.InvalidStatusCode) as error:
        connect_by(front)
    assert error.value.status_code == 429 and int(error.value.headers["retry-after"]) > 0
    assert connect_by(front, OTHER).expect("connection_status")
    assert refused(front.agent, "connections_per_address") == 1
    assert f"{CLIENT} was refused: its address has" in front.agent.log()
    clients.pop().close()

    def there_is_room() -> bool:
        try:
            return bool(connect_by(front))
        except websockets.InvalidStatusCode:
            return False

    wait_until(there_is_room, what="there is room again")


UPGRADE = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
           "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==")


@pytest.mark.short
def test_an_ipv6_address_counts_as_its_64(proxied):
    front = proxied(max_connections_per_address=2)
    with contextlib.ExitStack() as held:
        def opens(client: str) -> bool:
            peer = held.enter_context(front.dial())
            peer.sendall(wire_request("/ws", f"X-Forwarded-For: {client}", *UPGRADE))
            return peer.recv(64).startswith(b"HTTP/1.1 101")

        assert opens("2001:db8:0:1::1") and opens("2001:db8:0:1:ffff::2")
        assert not opens("2001:db8:0:1:1234:5678:9abc:def0")
        assert opens("2001:db8:0:2::1")
        assert opens("::ffff:192.0.2.1") and opens("192.0.2.1") and not opens("192.0.2.1")
        assert opens("192.0.2.2")
    assert refused(front.agent, "connections_per_address") == 2


@pytest.mark.short
def test_new_websockets_are_bounded_for_each_address(proxied, connect_by):
    front = proxied(new_connections_per_second=3)
    statuses = set()
    for _ in range(30):
        try:
            connect_by(front).close()
            statuses.add(101)
        except websockets.InvalidStatusCode as error:
            statuses.add(error.status_code)
    assert statuses == {101, 429}
    assert connect_by(front, OTHER).expect("connection_status")
    assert refused(front.agent, "connection_rate") >= 1


@pytest.mark.short
def test_requests_of_one_client_leave_the_others_theirs(proxied):
    front = proxied(new_connections_per_second=2, messages_per_second=1)

    def status(client: str) -> int:
        return front.ask(f"X-Forwarded-For: {client}").status

    greedy = [status("192.0.2.1") for _ in range(30)]
    assert 200 in greedy and 429 in greedy
    assert [status(f"192.0.2.{i}") for i in range(2, 40)] == [200] * 38
    assert status("2001:db8::1") == 200
    assert refused(front.agent, "message_rate") == greedy.count(429)


@pytest.mark.short
@pytest.mark.parametrize("hiding", ["Content-Length : {}", "X: y\r\n Content-Length: {}", "X: y",
                                    "Content-Length: {}"])
def test_no_request_is_slipped_in_behind_another(proxied, hiding):
    """What a lenient proxy passes on as a body is none for the library, and would be answered."""
    front = proxied()
    slipped = wire_request("/api/v1/server", "X-Forwarded-For: 192.0.2.66")
    with front.dial() as peer:
        peer.sendall(wire_request("/healthz", hiding.format(len(slipped))) + slipped)
        wire = read_to_end(peer)
    assert wire.count(b"HTTP/1.1 ") == 1 and b"192.0.2.66" not in wire
    assert "/api/v1/server from 192.0.2.66" not in front.agent.log()


def test_the_proxys_own_connections_count_in_all_alone(proxied):
    front = proxied(max_connections_per_address=2, new_connections_per_second=10)
    peers = [front.dial() for _ in range(40)]
    assert counter(front.agent, "rollo_agent_connections") >= 40
    for i, peer in enumerate(peers):
        peer.sendall(wire_request("/healthz", f"X-Forwarded-For: 192.0.2.{i}"))
        assert b"200 OK" in read_to_end(peer)
    for peer in peers:
        peer.close()


# --- Host, Origin, identity -----------------------------------------------------------------------


@pytest.mark.short
def test_host_and_origin_are_checked(proxied, connect_by):
    front = proxied()
    assert front.nginx.get("/healthz", Host="evil.example")[0] == 403
    assert front.nginx.get("/healthz", Host="localhost")[0] == 200
    assert connect_by(front, origin=front.nginx.origin).expect("connection_status")
    for foreign in (front.nginx.origin.replace("https", "http"), "https://evil.example"):
        with pytest.raises(websockets.InvalidStatusCode):
            connect_by(front, origin=foreign)
    assert refused(front.agent, "host") == 1 and refused(front.agent, "origin") == 2


@pytest.mark.short
def test_nobody_gains_an_identity(proxied, connect_by):
    front = proxied({"auth": {"anonymous": False}})
    headers = {name: "127.0.0.1" for name in ("X-Forwarded-For", "X-Real-IP", "Forwarded")}
    headers |= {name: "admin" for name in ("X-Forwarded-User", "X-Remote-User", "Remote-User",
                                           "X-Forwarded-Client-Cert", "X-SSL-Client-S-DN")}
    status, _ = front.nginx.get("/api/v1/vms", **{name.replace("-", "_"): value
                                                  for name, value in headers.items()})
    assert status == 401
    lines = [f"{name}: {value}" for name, value in headers.items()]
    assert front.ask(*lines, path="/api/v1/vms").status == 401
    assert connect_by(front, extra_headers=headers).wait_closed()[0] == 4001
    token = token_for(front.agent, "ann", role="viewer")
    assert front.nginx.get("/api/v1/vms", Authorization=f"Bearer {token}")[0] == 200


def test_a_reload_ends_the_trust(proxied):
    front = proxied()
    front.agent.config["server"]["trusted_proxies"] = []
    front.agent.reload()
    wait_until(lambda: "read again" in front.agent.log(), what="it has been read again")
    assert front.ask("X-Forwarded-For: 192.0.2.66").status == 200
    assert "192.0.2.66" not in front.agent.log()

# SPDX-License-Identifier: Apache-2.0
"""Who may do what, as PROTOCOL.md says it: every route and endpoint for everybody who may come, and
that what may not be seen cannot be told from what does not exist."""

import itertools
import json
import re
import uuid as uuids
from dataclasses import dataclass, field

import pytest

from lab.agent import Agent
from lab.guests import Guest, GuestSpec
from lab.publishing import progress
from lab.raw_websocket import CLOSE, TEXT, RawWebSocket
from lab.strangers import dial, read_to_end
from lab.tokens import token_for
from lab.wait import wait_until

VIEWER = {"vm:view", "server:view"}
OPERATOR = VIEWER | {"console:read", "console:write"}
ADMIN = OPERATOR | {"console:force", "stats:view", "events:publish"}
EVERYBODY: set[str] = set()  # no permission is needed

MINE, HIDDEN = 801, 802
MINE_UUID, HIDDEN_UUID = str(uuids.UUID(int=801)), str(uuids.UUID(int=802))
numbers = itertools.count()


@dataclass
class Caller:
    """Somebody, and what PROTOCOL.md grants."""

    granted: set[str]
    claims: dict | None = None  # of the token; none: comes without one
    bound: bool = False  # to the VM `mine`
    welcome: bool = True  # whether the agent lets such a one in


CALLERS = {
    "anonymous where that is off": Caller(set(), welcome=False),
    "anonymous where that is on": Caller(VIEWER),
    "viewer": Caller(VIEWER, {"role": "viewer"}),
    "operator": Caller(OPERATOR, {"role": "operator"}),
    "admin": Caller(ADMIN, {"role": "admin"}),
    "no role": Caller(set(), {}),
    "unknown role": Caller(set(), {"role": "root"}),
    "a list in place of the role": Caller({"vm:view"}, {"role": "admin",
                                                       "permissions": ["vm:view", "no:such"]}),
    "an empty list": Caller(set(), {"role": "admin", "permissions": []}),
    **{f"{word} alone": Caller({word}, {"permissions": [word]}) for word in sorted(ADMIN)},
    **{f"{word} and vm:view": Caller({word, "vm:view"}, {"permissions": [word, "vm:view"]})
       for word in ("console:read", "console:write", "events:publish")},
    **{f"{role} of a VM by {kind}": Caller(granted, {"role": role, "vms": [name]}, bound=True)
       for kind, name in (("id", MINE), ("UUID", MINE_UUID), ("name", "mine"))
       for role, granted in (("viewer", VIEWER), ("operator", OPERATOR), ("admin", ADMIN))},
    "admin of no VM": Caller(ADMIN, {"role": "admin", "vms": []}, bound=True),
}


@dataclass
class Place:
    """A route or an endpoint. `vm`: which one it is about, if any; `host`: nothing for those who
    are bound to some VMs. Any of `needs` is enough."""

    path: str
    needs: set[str]
    vm: int | None = None
    host: bool = False
    body: dict | None = None  # of a POST
    sees: set[str] = field(default_factory=set)  # beside `needs`, to see the VM at all
    good: int = 200  # what who may is answered


NAMES = [(MINE, MINE), (MINE, MINE_UUID), (MINE, "mine"), (HIDDEN, HIDDEN), (HIDDEN, "hidden"),
         (0, 899), (0, "nobody")]  # which VM each is, none as 0


def of_vm(path: str, needs: str) -> list[Place]:
    return [Place(path.format(vm=name), {needs}, vm, sees={"vm:view"}) for vm, name in NAMES]


def ticket_for(endpoint: str, needs: str, vm: int | None = None, host: bool = False) -> Place:
    """A ticket is given to who may go where it leads, and has shown a token."""
    return Place("/api/v1/tickets", {needs}, vm, host, {"endpoint": endpoint},
                 sees=set() if vm is None else {"vm:view"}, good=201)


ROUTES = [
    Place("/", EVERYBODY), Place("/healthz", EVERYBODY), Place("/readyz", EVERYBODY),
    Place("/metrics", {"stats:view"}, host=True),
    Place("/api/v1/server", {"server:view"}, host=True),
    Place("/api/v1/server/history", {"server:view"}, host=True),
    Place("/api/v1/vms", {"vm:view"}),
    Place("/api/v1/operations", {"vm:view"}),
    Place("/api/v1/alerts", {"vm:view", "server:view"}),
    *of_vm("/api/v1/vms/{vm}", "vm:view"),
    *of_vm("/api/v1/vms/{vm}/history", "vm:view"),
    *of_vm("/api/v1/vms/{vm}/console", "console:read"),
    *of_vm("/api/v1/vms/{vm}/console/log", "console:read"),
    Place("/api/v1/events", {"events:publish"}, host=True, body={}, good=202),
    Place("/api/v1/events", {"events:publish"}, MINE, body={"vm_id": MINE}, good=202),
    ticket_for("/ws/monitor", "vm:view"),
    ticket_for("/ws/server/self", "server:view", host=True),
    ticket_for("/ws/stats", "stats:view", host=True),
    *(ticket_for(f"/ws/vm/{name}", "vm:view", vm) for vm, name in NAMES),
    *(ticket_for(f"/ws/console/{name}", "console:read", vm) for vm, name in NAMES),
    *(ticket_for(f"/api/v1/vms/{name}/console/log", "console:read", vm) for vm, name in NAMES),
    Place("/api/v1/events?since=0123456789abcdef:0", {"vm:view", "server:view"}, good=410),
]

ENDPOINTS = [
    Place("/ws", {"vm:view"}), Place("/ws/monitor", {"vm:view"}),
    Place("/ws/server/self", {"server:view"}, host=True),
    Place("/ws/stats", {"stats:view"}, host=True),
    *of_vm("/ws/vm/{vm}", "vm:view"),
    *of_vm("/ws/console/{vm}", "console:read"),
]


def may(caller: Caller, place: Place) -> bool:
    return not place.needs or bool(place.needs & caller.granted) and not (place.host
                                                                          and caller.bound)


def sees(caller: Caller, place: Place) -> bool:
    """Whether the VM that it is about exists for the caller."""
    if place.vm is None:
        return True
    everything = not caller.bound
    mine = caller.claims is None or caller.claims.get("vms") != []
    return place.sees <= caller.granted and place.vm != 0 and (everything or
                                                               place.vm == MINE and mine)


def expected_status(caller: Caller, place: Place) -> int:
    is_ticket = place.body is not None and "endpoint" in place.body
    if place.needs and not caller.welcome or is_ticket and caller.claims is None:
        return 401
    opens_websocket = is_ticket and place.body["endpoint"].startswith("/ws")
    if not may(caller, place) or opens_websocket and not place.sees <= caller.granted:
        return 403
    if not sees(caller, place):
        return 404 if place.body is None or is_ticket else 400
    return place.good


def expected_end(caller: Caller, place: Place) -> int | None:
    """With which code it is closed; none where it stays open."""
    if not caller.welcome:
        return 4001
    if not may(caller, place) or not place.sees <= caller.granted:
        return 4003
    return None if sees(caller, place) else 4004


# --- asking ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def agents_of(module_agents):
    """Agents that let anonymous clients in, or not."""
    return {on: module_agents(f"anonymous-{on}", config={
        "auth": {"anonymous": on, "max_tickets_per_user": 10_000}}) for on in (True, False)}


@pytest.fixture(scope="module")
def pair(session_lab, agents_of):
    """A VM of the caller's, and one that is not, for all tests of this file: none changes them."""
    session_lab.remove_guests()
    for name, vm, uuid in (("mine", MINE, MINE_UUID), ("hidden", HIDDEN, HIDDEN_UUID)):
        Guest(session_lab, GuestSpec(name, vm_id=vm, uuid=uuid)).create().wait_booted()
    for agent in agents_of.values():
        admin = token_for(agent, role="admin")
        for vm in (MINE, HIDDEN):  # it runs, has figures and a console
            wait_until(lambda a=agent, t=admin, v=vm: a.get(f"/api/v1/vms/{v}/history", t)[0] == 200
                       and a.get(f"/api/v1/vms/{v}/console", t)[1].get("consoles"), 30)
    yield
    session_lab.remove_guests()


def bearer(token: str | None) -> str:
    return f"Authorization: Bearer {token}\r\n" if token else ""


def over_http(agent: Agent, path: str, token: str | None, body: dict | None = None) -> bytes:
    """The whole answer."""
    content = b"" if body is None else json.dumps(body).encode()
    head = f"GET {path}" if body is None else f"POST {path}"
    length = "" if body is None else \
        f"Content-Type: application/json\r\nContent-Length: {len(content)}\r\n"
    with dial(agent) as peer:
        peer.sendall(f"{head} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                     f"{bearer(token)}{length}\r\n".encode() + content)
        return read_to_end(peer)


def over_websocket(agent: Agent, path: str, token: str | None) -> tuple[int | None, bytes]:
    """The code with which it is closed, if it is, and all that it was told by then."""
    with RawWebSocket(agent.port, path, headers=bearer(token)) as client:
        assert client.status == 101
        client.send(TEXT, b'{"type":"ping"}')
        told = client.answer
        while True:
            kind, payload = client.receive()
            told += payload
            if kind == CLOSE:
                return int.from_bytes(payload[:2], "big"), told
            if kind == TEXT and payload.startswith(b'{"type":"pong"'):
                return None, told


def event(about: dict) -> dict:
    return progress(f"permission-{next(numbers)}", **about)


@pytest.mark.parametrize("name", CALLERS)
def test_every_route_and_endpoint(agents_of, pair, name):
    caller = CALLERS[name]
    agent = agents_of[name == "anonymous where that is on"]
    token = None if caller.claims is None else token_for(agent, "caller", **caller.claims)
    wrong = []
    for place in ROUTES:
        body = place.body if place.body is None or "endpoint" in place.body else event(place.body)
        status = int(over_http(agent, place.path, token, body).split()[1])
        if status != expected_status(caller, place):
            wrong.append((place.path, place.body, status, "expected",
                          expected_status(caller, place)))
    for place in ENDPOINTS:
        end = over_websocket(agent, place.path, token)[0]
        if end != expected_end(caller, place):
            wrong.append((place.path, end, "expected", expected_end(caller, place)))
    assert not wrong


def test_the_table_covers_every_route_there_is(agents_of):
    """As far as the agent names its own, in the answer to `GET /`."""
    text = over_http(agents_of[True], "/", None).decode().partition("\r\n\r\n")[2]
    named = set(re.findall(r"(?<!\S)/(?:ws|api|metrics|healthz|readyz)[\w/]*(?:\{[^}]*\})?[\w/]*",
                           text))
    covered = {re.sub(r"\b801\b", "{}", place.path.partition("?")[0])
               for place in ROUTES + ENDPOINTS}
    open_ones = {re.sub(r"\{.*?\}", "{}", path).rstrip("/") for path in named}
    assert len(open_ones) > 8 and not open_ones - covered, text


def test_a_route_has_no_other_method(agents_of):
    agent = agents_of[True]
    admin = token_for(agent, role="admin")
    for place in ROUTES:
        with dial(agent) as peer:
            peer.sendall(f"DELETE {place.path} HTTP/1.1\r\nHost: localhost\r\n"
                         f"Connection: close\r\n{bearer(admin)}\r\n".encode())
            assert b" 405 " in read_to_end(peer).split(b"\r\n")[0], place.path


# --- what may not be seen -------------------------------------------------------------------------

CHANGES = re.compile(rb'"(connection_id|timestamp|session|connected_at)":"[^"]*"'
                     rb"|sec-websocket-accept: [^\r]*|date: [^\r]*", re.I)


def same(wire: bytes) -> bytes:
    """Without what differs for everybody each time."""
    return CHANGES.sub(b"", wire)


@pytest.mark.parametrize("path", [
    "/api/v1/vms/{}", "/api/v1/vms/{}/history", "/api/v1/vms/{}/console",
    "/api/v1/vms/{}/console/log", "/api/v1/vms/{}/console?device=none",
    "/api/v1/vms/{}/console/log?device=none", "/api/v1/vms/{}/no-such"])
@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_over_http_hidden_and_missing_are_the_same_bytes(agents_of, pair, path, role):
    agent = agents_of[False]
    token = token_for(agent, "s", role=role, vms=["mine"])
    answers = {same(over_http(agent, path.format(name), token)) for name in names_of_nothing()}
    assert len(answers) == 1
    if "no-such" not in path and "device" not in path and role != "viewer":  # one that could fail
        assert same(over_http(agent, path.format(MINE), token)) not in answers


@pytest.mark.parametrize("path", [
    "/ws/vm/{}", "/ws/vm/{}?events=*&snapshot=0", "/ws/console/{}", "/ws/console/{}?mode=ro",
    "/ws/console/{}?device=none", "/ws/console/{}?force=device"])
@pytest.mark.parametrize("role", ["viewer", "operator", "admin"])
def test_over_a_websocket_hidden_and_missing_are_the_same_bytes(agents_of, pair, path, role):
    agent = agents_of[False]
    token = token_for(agent, "s", role=role, vms=["mine"])
    answers = {(code, same(told)) for code, told in
               (over_websocket(agent, path.format(name), token) for name in names_of_nothing())}
    assert len(answers) == 1, answers
    assert next(iter(answers))[0] in (4003, 4004)


def names_of_nothing() -> list:
    """Of one that is hidden, and of none."""
    return [HIDDEN, 899, "hidden", "nobody", HIDDEN_UUID, str(uuids.uuid4())]


@pytest.mark.parametrize("name", ["vm_id", "vm_uuid"])
def test_publishing_about_hidden_and_missing_is_the_same(agents_of, pair, name):
    agent = agents_of[False]
    token = token_for(agent, "s", role="admin", vms=["mine"])
    pairs = {"vm_id": (HIDDEN, 899), "vm_uuid": (HIDDEN_UUID, str(uuids.uuid4()))}[name]
    answers = {same(over_http(agent, "/api/v1/events", token, event({name: value})))
               for value in pairs}
    assert len(answers) == 1 and b" 400 " in answers.pop()


def test_subscribing_to_hidden_and_missing_is_the_same(agents_of, pair, connect):
    agent = agents_of[False]
    client = connect(agent, "/ws", token=token_for(agent, "s", role="admin", vms=["mine"]))
    client.expect("connection_status")
    told = [client.subscribe(["*"], vm_ids=[vm], snapshot=True)["data"] for vm in (HIDDEN, 899)]
    assert [one["pending"][-1] for one in told] == [{"vm_id": HIDDEN}, {"vm_id": 899}]
    assert HIDDEN_UUID not in str(client.received) and "hidden" not in str(client.received)

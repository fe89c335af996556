# SPDX-License-Identifier: Apache-2.0
"""Who may see what, and for how long. The agent runs with `trace`: in the end no token may stand
in its log."""

import json
import re
import socket
import time
import uuid

import libvirt
import pytest

from lab.agent import Agent
from lab.client import Client
from lab.guests import METADATA_NAMESPACE
from lab.raw_websocket import RawWebSocket
from lab.tokens import secret_of, sign, sign_bytes, token_for
from lab.wait import wait_until

VIEWER = ["server:view", "vm:view"]
OPERATOR = ["console:read", "console:write", *VIEWER]
ADMIN = ["console:force", "console:read", "console:write", "events:publish", "server:view",
         "stats:view", "vm:view"]
TIMESTAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


class Issuer:
    """Makes tokens for an agent and remembers them."""

    def __init__(self, agent: Agent):
        self.agent = agent
        self.made: list[str] = []

    def __call__(self, sub: str = "tester", ttl: float = 3600, **claims) -> str:
        return self.keep(token_for(self.agent, sub, ttl, **claims))

    def keep(self, token: str) -> str:
        self.made.append(token)
        return token


@pytest.fixture(scope="module")
def agent(module_agents):
    """Anonymous clients are not let in; no leeway."""
    return module_agents(config={"agent": {"log_level": "trace"},
                                 "auth": {"anonymous": False, "leeway_seconds": 0}})


@pytest.fixture(scope="module")
def open_agent(module_agents):
    return module_agents("open", config={"agent": {"log_level": "trace"}})


@pytest.fixture(scope="module")
def token(agent):
    return Issuer(agent)


@pytest.fixture(scope="module")
def open_token(open_agent):
    return Issuer(open_agent)


@pytest.fixture(scope="module", autouse=True)
def slow_ones(request, agent, token, open_agent, session_loop):
    """Connections that need half a minute to end, begun now and looked at by the last tests."""
    made: dict[str, Client] = {}

    def connect(name: str, target: Agent, path: str, bearer: str | None = None):
        made[name] = Client(session_loop, target.ws_url + path, token=bearer).connect()

    if any("slow_ones" in item.function.__code__.co_varnames for item in request.session.items
           if item.module is request.module):
        for name in ("expiring", "renewed"):
            connect(name, agent, "/ws", token(name, 4, role="viewer"))
        connect("silent", open_agent, "/ws?auth=message")
        made["renewed"].expect("token_expiring")  # valid for less than a minute: at once
        auth(made["renewed"], token("renewed", 3600, role="viewer"))
    yield made
    for client in made.values():
        client.close()
        client.check()


def who(client: Client) -> tuple[str | None, str | None, list[str]]:
    status = client.expect("connection_status")["data"]
    return status["user"], status["role"], sorted(status["permissions"])


def closed(client: Client) -> tuple[str, int]:
    """What it was told and with which code it was closed."""
    reason = client.expect("goodbye", seconds=20)["data"]["reason"]
    return reason, client.wait_closed()[0]


def auth(client: Client, new_token: str):
    client.send({"type": "auth", "data": {"token": new_token}})


# --- where the token is ---------------------------------------------------------------------------


@pytest.mark.short
def test_anonymous_clients_may_view_where_that_is_allowed_and_nowhere_else(agent, open_agent,
                                                                           connect):
    assert who(connect(open_agent)) == (None, "anonymous", VIEWER)
    assert closed(connect(agent)) == ("token_missing", 4001)
    assert open_agent.get("/api/v1/vms")[0] == 200
    assert agent.get("/api/v1/vms")[0] == 401
    assert agent.get("/readyz")[0] == 200 == agent.get("/healthz")[0]


@pytest.mark.short
def test_a_token_by_header_query_and_message(agent, connect, token):
    expected = ("somebody", "operator", OPERATOR)
    good = token("somebody", role="operator")
    assert who(connect(agent, token=good)) == expected
    assert who(connect(agent, f"/ws/monitor?token={good}")) == expected
    client = connect(agent, "/ws?auth=message&events=*")
    auth(client, good)
    assert who(client) == expected
    client.expect("snapshot")
    assert client.messages()[0]["type"] == "connection_status"
    assert agent.get("/api/v1/vms", good)[0] == 200 == agent.get(f"/api/v1/vms?token={good}")[0]


def test_the_header_comes_first(agent, connect, token):
    header, query = token("header", role="viewer"), token("query", role="viewer")
    assert who(connect(agent, f"/ws?token={query}", token=header))[0] == "header"
    assert closed(connect(agent, f"/ws?token={query}", token="bad")) == ("token_invalid", 4001)


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "bEARER"])
def test_a_scheme_in_any_case_is_a_token(open_agent, open_token, scheme):
    """Else a bad token, written so, would come in as anonymous."""
    def status(token: str) -> int:
        headers = {"Authorization": f"{scheme} {token}"}
        return open_agent.get("/api/v1/vms", headers=headers)[0]

    assert status(open_token()) == 403  # somebody, who has no permission
    assert status("a.b.c") == 401
    assert open_agent.get("/api/v1/vms")[0] == 200


def test_nothing_happens_before_the_first_message_is_a_token(open_agent, connect):
    client = connect(open_agent, "/ws?auth=message&events=*")
    client.send({"type": "ping"})
    assert closed(client) == ("token_missing", 4001)
    assert [m["type"] for m in client.messages()] == ["goodbye"]
    client = connect(open_agent, "/ws?auth=message")
    auth(client, "no token")
    assert closed(client) == ("token_invalid", 4001)


def bad_tokens(issuer: Issuer) -> dict[str, str]:
    """Each differs in one thing from a token that is taken."""
    key = secret_of(issuer.agent)
    now = int(time.time())
    good = {"sub": "x", "exp": now + 600, "role": "admin"}
    header = b'{"alg":"HS256"}'

    def claims(text: str) -> str:
        return sign_bytes(header, text.encode("utf-8", "surrogateescape"), key)

    def named(**members) -> str:
        return sign(good, key, {"alg": "HS256", **members})

    token = sign(good, key)
    signed, signature = token.rsplit(".", 1)
    return {
        "garbage": "garbage", "dot": ".", "dots": "..", "empty parts": "a..b",
        "no signature": signed + ".", "four segments": token + ".x",
        "padding": token + "=", "not base64url": token.replace(".", ".+", 1),
        "tampered": f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}",
        "too long": sign({**good, "padding": "x" * 6000}, key),
        "another key": sign(good, b"another key that is long enough to be one"),
        "one byte as key": sign(good, b"x"), "no key": sign(good, b""),
        "alg none": named(alg="none"), "alg NONE": named(alg="NONE"),
        "alg none, unsigned": named(alg="none").rsplit(".", 1)[0] + ".",
        "HS512": named(alg="HS512"), "RS256": named(alg="RS256"), "hs256": named(alg="hs256"),
        "unknown kid": named(kid="k"), "empty kid": named(kid=""),
        "unknown crit": named(crit=["x"], x=1),
        "alg twice": sign_bytes(b'{"alg":"none","alg":"HS256"}', json.dumps(good).encode(), key),
        "exp twice": claims('{"sub":"x","exp":1,"exp":%d}' % (now + 600)),
        "sub twice": claims('{"sub":"x","sub":"y","exp":%d}' % (now + 600)),
        "NUL": claims('{"sub":"x\\u0000y","exp":%d}' % (now + 600)),
        "not UTF-8": claims('{"sub":"x\udcff","exp":%d}' % (now + 600)),
        "deep": claims('{"sub":"x","exp":%d,"x":%s}' % (now + 600, "[" * 900 + "]" * 900)),
        "no exp": sign({"sub": "x"}, key), "no sub": sign({"exp": now + 600}, key),
        "exp as text": sign({**good, "exp": str(now + 600)}, key),
        "exp with a fraction": sign({**good, "exp": now + 600.5}, key),
        "exp beyond all": claims('{"sub":"x","exp":1e300}'),
        "exp below zero": sign({**good, "exp": -1}, key),
        "expired": sign({**good, "exp": now - 30}, key),
        "not yet": sign({**good, "nbf": now + 600}, key),
        "sub is a number": sign({**good, "sub": 7}, key),
    }


@pytest.mark.short
def test_a_bad_token_never_counts_as_anonymous(open_agent, connect, open_token):
    for name, bad in bad_tokens(open_token).items():
        client = connect(open_agent, "/ws?auth=message")
        auth(client, open_token.keep(bad))
        assert closed(client) in (("token_invalid", 4001), ("token_expired", 4001)), name
        if len(bad) < 4000:  # the longest header line that the library takes
            reason, code = closed(connect(open_agent, token=bad))
            assert (reason in ("token_invalid", "token_expired"), code) == (True, 4001), name
            assert open_agent.get("/api/v1/vms", bad)[0] == 401, name


# --- what it allows -------------------------------------------------------------------------------


@pytest.mark.parametrize("claims, role, permissions", [
    ({"role": "viewer"}, "viewer", VIEWER),
    ({"role": "operator"}, "operator", OPERATOR),
    ({"role": "admin"}, "admin", ADMIN),
    ({"roles": ["viewer", "admin"]}, "admin", ADMIN),
    ({"role": "admin", "permissions": ["vm:view", "no:such"]}, "admin", ["vm:view"]),
    ({"permissions": ["vm:view"]}, None, ["vm:view"]),
])
def test_roles_and_permissions(agent, connect, token, claims, role, permissions):
    assert who(connect(agent, token=token("r", **claims))) == ("r", role, permissions)


@pytest.mark.parametrize("claims", [{"role": "emperor"}, {}, {"permissions": ["stats:view"]}])
def test_without_a_permission_the_endpoint_is_closed_with_4003(agent, connect, token, claims):
    powerless = token("p", **claims)
    assert closed(connect(agent, "/ws", token=powerless)) == ("permission_denied", 4003)
    assert closed(connect(agent, "/ws/vm/anything", token=powerless)) == \
        ("permission_denied", 4003)
    assert closed(connect(agent, "/ws/server/self", token=powerless)) == \
        ("permission_denied", 4003)
    status, body = agent.get("/api/v1/vms", powerless)
    assert status == 403 and set(body) == {"code", "message"}


def test_the_server_is_a_permission_of_its_own(agent, connect, token, guests):
    guests("seen").define()
    no_server = token("n", permissions=["vm:view"])
    assert closed(connect(agent, "/ws/server/self", token=no_server)) == \
        ("permission_denied", 4003)
    assert agent.get("/api/v1/server", no_server)[0] == 403
    client = connect(agent, "/ws?events=*", token=no_server)
    snapshot = client.expect("snapshot")["data"]
    assert snapshot["server"] is None
    client.send({"type": "subscribe", "data": {"server_ids": [1]}})
    assert client.expect("subscription_confirmed",
                         lambda m: m["data"]["pending"] == [{"server_id": 1}])
    wait_until(lambda: agent.get("/api/v1/vms/seen", no_server)[0] == 200, what="it is seen")


# --- VMs that it is bound to ----------------------------------------------------------------------


@pytest.mark.parametrize("by", ["uuid", "name", pytest.param("id", marks=pytest.mark.short)])
def test_the_vms_of_a_token_are_the_only_ones_there_are(agent, connect, token, guests, by):
    mine = guests("mine", vm_id=601).define()
    guests("hidden", vm_id=602).define()
    scoped = token("s", role="admin",
                   vms=[{"uuid": mine.spec.uuid, "name": "mine", "id": 601}[by]])
    wait_until(lambda: agent.get("/api/v1/vms/602", token(role="viewer"))[0] == 200,
               what="both are known")
    assert [vm["id"] for vm in agent.get("/api/v1/vms", scoped)[1]["vms"]] == [601]
    client = connect(agent, "/ws?events=*", token=scoped)
    snapshot = client.expect("snapshot")["data"]
    assert [vm["name"] for vm in snapshot["vms"]] == ["mine"] and snapshot["server"] is None
    assert client.subscribe(["*"], vm_ids=[601, 602], snapshot=False)["data"]["pending"] == \
        [{"vm_id": 602}]
    assert closed(connect(agent, "/ws/server/self", token=scoped)) == ("permission_denied", 4003)
    guests("later").define()
    mine.domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, "T", None, None,
                            libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    client.expect("vm_updated")
    assert not client.messages("vm_created", "server_metrics_update")


def test_an_allotted_id_is_no_name_for_a_token(agent, connect, token, guests):
    guests("allotted").define()
    wait_until(lambda: agent.get("/api/v1/vms/allotted", token(role="viewer"))[0] == 200)
    found = agent.get("/api/v1/vms/allotted", token(role="viewer"))[1]
    scoped = token("s", role="viewer", vms=[found["id"]])
    assert agent.get("/api/v1/vms", scoped)[1]["vms"] == []
    assert closed(connect(agent, f"/ws/vm/{found['id']}", token=scoped)) == ("not_found", 4004)


def test_a_vm_that_may_not_be_seen_and_one_that_is_not_there_get_the_same_bytes(agent, token,
                                                                               guests):
    hidden = guests("hidden", vm_id=611).define()
    wait_until(lambda: agent.get("/api/v1/vms/611", token(role="viewer"))[0] == 200)
    scoped = token("s", role="viewer", vms=["mine"])
    pairs = [("611", "612"), (hidden.name, "nobody"), (hidden.spec.uuid, str(uuid.uuid4()))]
    for seen, missing in pairs:
        assert over_websocket(agent, seen, scoped) == over_websocket(agent, missing, scoped)
        assert over_http(agent, seen, scoped) == over_http(agent, missing, scoped)
    # And with a comparison that could fail:
    everything = token("all", role="viewer")
    assert over_http(agent, "611", everything) != over_http(agent, "612", everything)


def over_websocket(agent: Agent, vm: str, bearer: str) -> bytes:
    with RawWebSocket(agent.port, f"/ws/vm/{vm}?token={bearer}", 5) as client:
        frames = []
        while True:
            opcode, payload = client.receive()
            frames.append(b"%d:%s" % (opcode, TIMESTAMP.sub(b"T", payload)))
            if opcode == 8:
                assert payload[:2] == (4004).to_bytes(2, "big")
                return b"|".join(frames)


def over_http(agent: Agent, vm: str, bearer: str) -> bytes:
    with socket.create_connection(("127.0.0.1", agent.port), 5) as plain:
        plain.sendall(f"GET /api/v1/vms/{vm} HTTP/1.1\r\nHost: localhost\r\n"
                      f"Authorization: Bearer {bearer}\r\nConnection: close\r\n\r\n".encode())
        answer = b""
        while data := plain.recv(65536):
            answer += data
            head, _, body = answer.partition(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.I)
            if length and len(body) >= int(length.group(1)):
                break
        return TIMESTAMP.sub(b"T", answer)


@pytest.mark.short
def test_a_vm_that_is_renamed_out_of_sight_is_told_as_gone_to_that_client_alone(agent, connect,
                                                                               token, guests):
    guest = guests("mine").define()
    scoped = connect(agent, "/ws?events=vm_status_changed",
                     token=token("s", role="viewer", vms=["mine"]))
    witness = connect(agent, "/ws?events=vm_status_changed", token=token(role="viewer"))
    for client in (scoped, witness):
        client.expect("snapshot")
        wait_until(lambda c=client: c.messages("vm_created") or
                   c.messages("snapshot")[0]["data"]["vms"])
    guest.domain.rename("not-mine")
    update = witness.expect("vm_updated")
    deleted = scoped.expect("vm_deleted")
    assert deleted["data"]["reason"] == "access_ended" and deleted["seq"] == update["seq"]
    assert deleted["data"]["vm_name"] == "mine"
    guest.domain.rename("mine")  # and back into sight
    assert scoped.expect("vm_updated")["data"]["vm"]["name"] == "mine"
    assert not witness.messages("vm_deleted")
    assert "not-mine" not in str(scoped.received)


def test_an_id_that_leaves_the_metadata_ends_the_access_by_id(agent, connect, token, guests):
    guest = guests("by-id", vm_id=621).define()
    wait_until(lambda: agent.get("/api/v1/vms/621", token(role="viewer"))[0] == 200)
    scoped = connect(agent, "/ws?events=*", token=token("s", role="viewer", vms=[621]))
    scoped.expect("snapshot")
    guest.domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, '<vm id="622"/>', "rollo",
                             METADATA_NAMESPACE, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    assert scoped.expect("vm_deleted")["data"]["vm_id"] == 621
    scoped.send({"type": "ping"})
    scoped.expect("pong")
    assert not scoped.messages("vm_created")


# --- changing in place ----------------------------------------------------------------------------


@pytest.mark.short
def test_auth_raises_an_anonymous_connection(open_agent, connect, open_token):
    client = connect(open_agent, "/ws?events=vm_status_changed")
    assert who(client) == (None, "anonymous", VIEWER)
    client.expect("snapshot")
    auth(client, open_token("riser", role="admin"))
    assert who(client) == ("riser", "admin", ADMIN)
    client.expect("subscription_confirmed")
    assert client.expect("snapshot")["data"]["reason"] == "resync"
    auth(client, "nonsense")
    assert client.expect("error")["data"]["code"] == "invalid_token"
    auth(client, open_token("somebody else", role="admin"))
    assert client.expect("error")["data"]["code"] == "identity_mismatch"
    client.send({"type": "ping"})
    client.expect("pong")


def test_auth_with_fewer_rights_takes_vms_away(agent, connect, token, guests):
    for name in ("kept", "taken"):
        guests(name).define()
        wait_until(lambda n=name: agent.get(f"/api/v1/vms/{n}", token(role="viewer"))[0] == 200)
    client = connect(agent, "/ws?events=*", token=token("shrinking", role="viewer"))
    client.expect("snapshot")
    auth(client, token("shrinking", role="viewer", vms=["kept"]))
    client.expect("connection_status")
    client.expect("subscription_confirmed")
    gone = client.expect("vm_deleted")
    assert (gone["data"]["vm_name"], gone["data"]["reason"]) == ("taken", "access_ended")
    assert "seq" not in gone  # there was no event
    snapshot = client.expect("snapshot")["data"]
    assert snapshot["reason"] == "resync"
    assert [vm["name"] for vm in snapshot["vms"]] == ["kept"] and snapshot["server"] is None
    auth(client, token("shrinking", permissions=["stats:view"]))
    assert closed(client) == ("permission_denied", 4003)


# --- the end of a token ---------------------------------------------------------------------------


def test_without_a_token_for_ten_seconds(slow_ones):
    assert closed(slow_ones["silent"]) == ("token_missing", 4001)


def test_an_expired_token_ends_the_connection_and_a_renewed_one_does_not(slow_ones):
    expiring, renewed = slow_ones["expiring"], slow_ones["renewed"]
    warned = expiring.expect("token_expiring")["data"]
    assert TIMESTAMP.fullmatch(warned["expires_at"].encode())
    expiring.wait(lambda got: got[-1]["type"] == "goodbye", 40)
    assert closed(expiring) == ("token_expired", 4001)
    renewed.send({"type": "ping"})
    renewed.expect("pong")
    assert [m["data"]["user"] for m in renewed.messages("connection_status")] == ["renewed"] * 2


def test_no_token_stands_in_the_log(agent, open_agent, token, open_token):
    assert token.made and open_token.made
    for issuer, target in ((token, agent), (open_token, open_agent)):
        log = target.log()
        assert "subscription_confirmed of" in log  # it is the log with trace
        assert secret_of(target).decode() not in log
        for made in issuer.made:
            parts = [part for part in made.split(".") if len(part) > 12]
            assert not [part for part in parts[1:] if part in log], made

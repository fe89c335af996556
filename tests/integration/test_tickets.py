# SPDX-License-Identifier: Apache-2.0
"""One-time tickets: who gets one, where it leads, and that it leads nowhere else and only once. The
agent runs with `trace`: in the end no ticket may stand in its log."""

import re
import time
from datetime import datetime

import pytest

from lab.raw_websocket import CLOSE, RawWebSocket
from lab.schema import check_body
from lab.tickets import TICKETS, ask_ticket, ticket_for
from lab.tokens import token_for
from lab.wait import wait_until

ADMIN = {"role": "admin"}
OPERATOR = {"role": "operator"}
WS = ["/ws/monitor", "/ws", "/ws/server/self", "/ws/server/1", "/ws/stats"]


@pytest.fixture(scope="module")
def agent(module_agents):
    """It lets in anonymous clients: a bad ticket must not make one of them."""
    return module_agents(config={"agent": {"log_level": "trace"},
                                 "server": {"allowed_origins": ["https://panel.example"]},
                                 "auth": {"leeway_seconds": 0, "max_tickets_per_user": 1000}})


@pytest.fixture(scope="module", autouse=True)
def made(agent):
    """Every ticket of the module; in the end none stands in the log."""
    tickets: list[str] = []
    yield tickets
    log = agent.log()
    assert "/api/v1/tickets" in log  # it is the log with trace
    assert not [ticket for ticket in tickets if ticket in log]


@pytest.fixture
def ticket(agent, made):
    """Makes a ticket: `ticket("/ws/monitor", role="viewer")`."""

    def make(endpoint: str, mode: str | None = None, user: str = "ann", **claims) -> str:
        more = {"mode": mode} if mode else {}
        made.append(ticket_for(agent, token_for(agent, user, **(claims or ADMIN)), endpoint,
                               **more))
        return made[-1]

    return make


@pytest.fixture
def guest(agent, guests):
    guest = guests("ticketed", vm_id=9).define()
    wait_until(lambda: agent.get("/api/v1/vms/9")[0] == 200, what="it is known")
    return guest


@pytest.fixture
def running(guest):
    guest.start()
    guest.wait_booted()
    return guest


def closed_with(agent, path: str) -> tuple[int, str]:
    """How the agent ends an upgrade to that path."""
    with RawWebSocket(agent.port, path) as client:
        payload = client.receive_until(CLOSE)
        return int.from_bytes(payload[:2], "big"), payload[2:].decode()


BAD = (4001, "token_invalid")


# --- where it leads -------------------------------------------------------------------------------


@pytest.mark.short
@pytest.mark.parametrize("path", WS)
def test_a_ticket_opens_its_endpoint_once_for_who_asked(agent, connect, ticket, path):
    shown = ticket(path)
    client = connect(agent, f"{path}?ticket={shown}")
    assert client.expect("connection_status")["data"]["user"] == "ann"
    assert closed_with(agent, f"{path}?ticket={shown}") == BAD
    client.send({"type": "ping"})
    client.expect("pong")  # who came first is not disturbed


@pytest.mark.short
def test_the_answer_is_a_ticket_of_128_bits_for_half_a_minute(agent, made):
    before = time.time()
    status, answer, headers = ask_ticket(agent, token_for(agent, "ann", **ADMIN),
                                         {"endpoint": "/ws/monitor"})
    assert status == 201
    check_body("ticket", answer)
    made.append(answer["ticket"])
    assert re.fullmatch("[0-9a-f]{32}", answer["ticket"])
    assert headers["cache-control"] == "no-store"
    end = datetime.fromisoformat(answer["expires_at"]).timestamp()
    assert before + 29.9 <= end <= time.time() + 30.1
    assert len({ticket_for(agent, token_for(agent, "ann", **ADMIN), "/ws") for _ in range(20)}) \
        == 20


def test_a_ticket_of_a_vm_in_all_its_forms(agent, connect, ticket, guest):
    for name in (guest.name, guest.spec.uuid, "9"):
        client = connect(agent, f"/ws/vm/{name}?ticket={ticket(f'/ws/vm/{name}')}")
        assert client.expect("connection_status")["data"]["user"] == "ann"
        client.expect("snapshot")


def test_a_download_link_of_a_consoles_log(agent, ticket, running, watch):
    viewer = watch(agent, running)
    viewer.wait_status("connected")
    viewer.type("abc")
    viewer.wait_output("abc")
    path = f"/api/v1/vms/{running.name}/console/log"
    shown = ticket(path)
    status, text = agent.get(f"{path}?ticket={shown}&tail=1000")
    assert status == 200 and "abc" in text
    assert agent.get(f"{path}?ticket={shown}")[0] == 401


# --- it leads nowhere else ------------------------------------------------------------------------


@pytest.mark.short
@pytest.mark.parametrize("elsewhere", ["/ws/stats", "/ws", "/ws/server/self", "/ws/vm/9",
                                       "/ws/console/9"])
def test_anywhere_else_it_is_a_bad_token_and_used_up(agent, ticket, guest, elsewhere):
    shown = ticket("/ws/monitor")
    assert closed_with(agent, f"{elsewhere}?ticket={shown}") == BAD
    assert closed_with(agent, f"/ws/monitor?ticket={shown}") == BAD


def test_by_http_it_is_a_bad_token_as_well(agent, ticket, guest):
    log = f"/api/v1/vms/{guest.name}/console/log"
    for path in ("/api/v1/vms", "/api/v1/server", "/api/v1/alerts", "/metrics", "/api/v1/vms/9",
                 f"/api/v1/vms/{guest.spec.uuid}/console/log"):
        shown = ticket(log)
        assert agent.get(f"{path}?ticket={shown}")[0] == 401, path
        assert agent.get(f"{log}?ticket={shown}")[0] == 401, path
    assert agent.get(log, token_for(agent, **ADMIN))[0] == 200


def test_what_was_never_a_ticket_is_not_anonymous(agent):
    assert agent.get("/api/v1/vms")[0] == 200  # an anonymous client
    for bad in ("", "0" * 32, "x", "%20", "0" * 3000):
        assert closed_with(agent, f"/ws?ticket={bad}") == BAD, bad
        assert closed_with(agent, f"/ws?auth=message&ticket={bad}") == BAD, bad
        assert agent.get(f"/api/v1/vms?ticket={bad}")[0] == 401, bad


def test_beside_a_token_neither_counts(agent, ticket):
    shown, token = ticket("/ws"), token_for(agent, **ADMIN)
    assert closed_with(agent, f"/ws?ticket={shown}&token={token}") == BAD
    assert closed_with(agent, f"/ws?ticket={shown}") == BAD  # used up
    assert agent.get(f"/api/v1/vms?ticket={ticket('/ws')}", token)[0] == 401


def test_it_ends_after_half_a_minute(agent, ticket):
    shown, begin = ticket("/ws"), time.monotonic()
    wait_until(lambda: time.monotonic() - begin > 30.5, 60, "it has expired")
    assert closed_with(agent, f"/ws?ticket={shown}") == BAD


def test_it_is_no_longer_good_than_the_token_it_was_given_for(agent, made):
    token = token_for(agent, "short", 3, **ADMIN)
    status, answer, _ = ask_ticket(agent, token, {"endpoint": "/ws"})
    assert status == 201
    made.append(answer["ticket"])
    end = datetime.fromisoformat(answer["expires_at"]).timestamp()
    assert end <= time.time() + 3
    wait_until(lambda: time.time() > end + 0.1, what="the token has expired")
    assert closed_with(agent, f"/ws?ticket={answer['ticket']}") == BAD


def test_it_is_worth_nothing_once_its_owner_is_denied(agent, connect, ticket):
    stays, goes = ticket("/ws", user="stays"), ticket("/ws", user="goes")
    denied = agent.directory / "deny"
    denied.write_text("sub goes\n")
    try:
        wait_until(lambda: agent.get("/api/v1/vms", token_for(agent, "goes", **ADMIN))[0] == 401,
                   what="the deny list is in force")
        assert closed_with(agent, f"/ws?ticket={goes}") == BAD
        status = connect(agent, f"/ws?ticket={stays}").expect("connection_status")
        assert status["data"]["user"] == "stays"
    finally:
        denied.unlink()
        wait_until(lambda: agent.get("/api/v1/vms", token_for(agent, "goes", **ADMIN))[0] == 200,
                   what="it is gone")


def test_a_name_that_means_another_vm_meanwhile_is_refused(agent, ticket, guests):
    first = guests("taken-over", vm_id=21).define()
    wait_until(lambda: agent.get("/api/v1/vms/taken-over")[0] == 200, what="it is known")
    shown, log = ticket("/ws/vm/taken-over"), ticket("/api/v1/vms/taken-over/console/log")
    first.domain.undefine()
    guests("taken-over", vm_id=22).define()
    wait_until(lambda: agent.get("/api/v1/vms/taken-over")[1].get("id") == 22, what="the other one")
    assert closed_with(agent, f"/ws/vm/taken-over?ticket={shown}") == BAD
    assert agent.get(f"/api/v1/vms/taken-over/console/log?ticket={log}")[0] == 401


# --- consoles -------------------------------------------------------------------------------------


def may_type(viewer) -> bool:
    viewer.wait_status("connected", writer_user=None)
    viewer.type("z")
    told = viewer.wait(lambda got: [m for m in got if isinstance(m, dict) and (
        m["type"] == "error" or m["type"] == "console_status" and m["data"]["writer"])])
    if told[-1]["type"] == "error":
        assert told[-1]["data"]["code"] == "permission_denied"
        return False
    viewer.release()
    viewer.wait_status("connected", writer_user=None)
    return True


def test_a_consoles_ticket_is_for_reading_unless_it_says_otherwise(agent, ticket, running, watch):
    path = f"/ws/console/{running.name}"
    for mode in (None, "ro"):
        assert not may_type(watch(agent, running.name, token="", ticket=ticket(path, mode)))
    assert not may_type(watch(agent, running.name, token="", ticket=ticket(path, "ro"), mode="ro"))
    assert may_type(watch(agent, running.name, token="", ticket=ticket(path, "rw")))
    assert may_type(watch(agent, running.name, token="", ticket=ticket(path, "rw"), mode="rw"))


def test_one_for_reading_types_nothing_with_a_renewed_token_either(agent, ticket, running, watch):
    viewer = watch(agent, running.name, token="", ticket=ticket(f"/ws/console/{running.name}"))
    viewer.wait_status("connected")
    viewer.send({"type": "auth", "data": {"token": token_for(agent, "ann", **ADMIN)}})
    viewer.expect("connection_status")
    viewer.expect("connection_status")
    assert not may_type(viewer)
    viewer.send({"type": "console_acquire", "data": {"force": True}})
    viewer.wait_error("permission_denied")


@pytest.mark.parametrize("mode, query", [("ro", "mode=rw"), ("rw", "mode=ro"),
                                         ("ro", "force=device"), (None, "mode=rw")])
def test_a_query_that_contradicts_the_ticket_is_refused(agent, ticket, guest, mode, query):
    path = f"/ws/console/{guest.name}"
    assert closed_with(agent, f"{path}?ticket={ticket(path, mode)}&{query}") == BAD


# --- who gets one ---------------------------------------------------------------------------------


@pytest.mark.short
def test_only_a_token_in_the_header_gets_one(agent, made):
    token = token_for(agent, "ann", **ADMIN)
    wanted = {"endpoint": "/ws"}
    for bearer, target in ((None, TICKETS), (None, f"{TICKETS}?token={token}"), ("bad", TICKETS),
                           (token_for(agent, "late", -10), TICKETS)):
        status, answer, _ = ask_ticket(agent, bearer, wanted, target)
        assert (status, answer["code"]) == (401, "unauthorized")
    made.append(ticket_for(agent, token, "/ws"))
    status, _, _ = ask_ticket(agent, None, wanted, f"{TICKETS}?ticket={made[-1]}")
    assert status == 401
    assert agent.get(TICKETS, token)[0] == 405


@pytest.mark.parametrize("endpoint, more, claims, status", [
    ("/ws/stats", {}, {"role": "operator"}, 403),
    ("/ws/stats", {}, {"permissions": ["stats:view"]}, 201),
    ("/ws/monitor", {}, {"permissions": ["stats:view"]}, 403),
    ("/ws/server/self", {}, {"role": "viewer", "vms": ["ticketed"]}, 403),
    ("/ws/server/77", {}, {"role": "viewer"}, 404),
    ("/ws/vm/ticketed", {}, {"role": "viewer"}, 201),
    ("/ws/vm/ticketed", {}, {"permissions": ["stats:view"]}, 403),
    ("/ws/console/ticketed", {}, {"role": "viewer"}, 403),
    ("/ws/console/ticketed", {}, {"role": "operator"}, 201),
    ("/ws/console/ticketed", {"mode": "rw"}, {"role": "operator"}, 201),
    ("/ws/console/ticketed", {"mode": "rw"}, {"permissions": ["vm:view", "console:read"]}, 403),
    ("/ws/console/ticketed", {"mode": "ro"}, {"permissions": ["vm:view", "console:read"]}, 201),
    ("/api/v1/vms/ticketed/console/log", {}, {"role": "viewer"}, 403),
    ("/api/v1/vms/ticketed/console/log", {}, {"role": "operator"}, 201)])
def test_who_may_not_be_there_gets_none(agent, guest, endpoint, more, claims, status):
    answer = ask_ticket(agent, token_for(agent, "r", **claims), {"endpoint": endpoint, **more})
    assert answer[0] == status, answer[1]


@pytest.mark.parametrize("pattern", ["/ws/vm/{}", "/ws/console/{}", "/api/v1/vms/{}/console/log"])
def test_a_vm_that_may_not_be_seen_is_as_good_as_none(agent, guest, pattern):
    token = token_for(agent, "narrow", role="operator", vms=["another"])
    answers = [ask_ticket(agent, token, {"endpoint": pattern.format(name)})[:2]
               for name in (guest.name, guest.spec.uuid, "9", "nobody", "12345")]
    assert answers == [answers[0]] * 5 and answers[0][0] == 404
    assert ask_ticket(agent, token_for(agent, **OPERATOR),
                      {"endpoint": pattern.format("9")})[0] == 201


@pytest.mark.short
@pytest.mark.parametrize("body, field", [
    (b"", None), (b"{", None), (b"[]", None), (b"7", None), (b'{"endpoint":"/ws","x":1}', None),
    (b"{}", "endpoint"), (b'{"endpoint":7}', "endpoint"), (b'{"endpoint":""}', "endpoint"),
    (b'{"endpoint":"/api/v1/vms"}', "endpoint"), (b'{"endpoint":"ws"}', "endpoint"),
    (b'{"endpoint":"/ws/monitor/"}', "endpoint"), (b'{"endpoint":"/ws/vm/"}', "endpoint"),
    (b'{"endpoint":"/ws?mode=ro"}', "endpoint"), (b'{"endpoint":null}', "endpoint"),
    (b'{"endpoint":"/ws","endpoint":"/ws"}', None), (b'{"endpoint":"/ws","mode":"ro"}', "mode"),
    (b'{"endpoint":"/ws/console/9","mode":"w"}', "mode"),
    (b'{"endpoint":"/api/v1/vms/9/console/log","mode":"ro"}', "mode"),
    (b'{"endpoint":"' + b"x" * 1100 + b'"}', "endpoint")])
def test_what_is_no_request_for_one(agent, body, field):
    status, answer, _ = ask_ticket(agent, token_for(agent, **ADMIN), body)
    assert (status, answer.get("field")) == (400, field)


@pytest.mark.parametrize("length", [4097, 10 ** 12])
def test_a_long_body_is_not_read(agent, length):
    assert ask_ticket(agent, token_for(agent, **ADMIN), b"x" * min(length, 5000),
                      Content_Length=str(length))[0] == 413


def test_pages_of_other_origins_ask_as_everywhere(agent, made):
    token = token_for(agent, **ADMIN)
    status, answer, headers = ask_ticket(agent, token, {"endpoint": "/ws"},
                                         Origin="https://panel.example")
    made.append(answer["ticket"])
    assert status == 201
    assert headers["access-control-allow-origin"] == "https://panel.example"
    assert ask_ticket(agent, token, {"endpoint": "/ws"}, Origin="https://other.example")[0] == 403


# --- how many -------------------------------------------------------------------------------------


def test_a_user_has_so_many_that_wait_to_be_used(agents, connect):
    agent = agents(config={"auth": {"max_tickets_per_user": 3},
                           "metrics": {"public": True, "interval_seconds": 1}})
    ann, bob = token_for(agent, "ann", **ADMIN), token_for(agent, "bob", **ADMIN)
    waiting = [ticket_for(agent, ann, "/ws") for _ in range(3)]
    status, answer, headers = ask_ticket(agent, ann, {"endpoint": "/ws"})
    assert (status, answer["code"], headers["retry-after"]) == (429, "too_many_requests", "30")
    ticket_for(agent, bob, "/ws")
    connect(agent, f"/ws?ticket={waiting[0]}").expect("connection_status")
    ticket_for(agent, ann, "/ws")
    assert ask_ticket(agent, ann, {"endpoint": "/ws"})[0] == 429
    assert agent.figure("rollo_agent_refused_total", '{reason="tickets"}') == 2
    stats = connect(agent, "/ws/stats", token=ann).expect("websocket_stats")["data"]
    assert stats["refused_by_reason"] == {"tickets": 2}

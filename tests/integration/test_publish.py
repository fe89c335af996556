# SPDX-License-Identifier: Apache-2.0
"""What other programs publish: who may, what is refused, and what clients hear of it."""

import json
import os
import random
import socket
import stat
import subprocess
import tempfile
from pathlib import Path

import pytest

from lab.publishing import (EVENTS, Publisher, UnixConnection, alert, progress, receive_answer)
from lab.strangers import (Answer, counter, dial, keeps_its_latency, read_to_end, refused)
from lab.tokens import token_for
from lab.wait import wait_until

INVALID = Path(__file__).resolve().parents[2] / "proto/examples/invalid/publisher"
ORIGINAL = ["operation_id", "operation_type", "progress_percent", "status", "message"]


@pytest.fixture(scope="module")
def open_folder():
    """A folder that everybody may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="rollo-publish-") as folder:
        os.chmod(folder, 0o755)
        yield Path(folder)


@pytest.fixture(scope="module")
def agent(module_agents, open_folder):
    return module_agents(config={
        "publish": {"socket": str(open_folder / "publish.sock"), "events_per_second": 100000},
        "server": {"messages_per_second": 100000},
        "metrics": {"public": True, "interval_seconds": 1}})


@pytest.fixture(scope="module")
def publish(agent):
    """A program whose token may publish and nothing else."""
    return Publisher(agent, token_for(agent, "backup", permissions=["events:publish"]))


@pytest.fixture(scope="module")
def by_socket(agent):
    return Publisher(agent, path=Path(agent.config["publish"]["socket"]))


def known(agent, guest) -> int:
    """Its id, once the agent knows it."""
    found = wait_until(lambda: [vm for vm in agent.get("/api/v1/vms")[1]["vms"]
                                if vm["uuid"] == guest.spec.uuid], what="it is known")
    return found[0]["id"]


# --- what clients hear ----------------------------------------------------------------------------


@pytest.mark.short
def test_an_operation_from_its_beginning_to_its_end(agent, publish, connect, guests):
    vm_id = known(agent, guests("backed-up").define())
    plain, narrow = connect(agent), connect(agent)
    narrow.subscribe(["progress"], vm_ids=[vm_id])
    for percent, status in ((0, "pending"), (40, "in_progress"), (30, "in_progress"),
                            (100, "in_progress")):
        assert publish(progress("whole", percent, status, vm_id=vm_id, phase="copy"))[0] == 202
        told = plain.expect_data("progress", operation_id="whole")
        assert narrow.expect_data("progress", operation_id="whole") == told
        assert told["status"] == status and told["vm_id"] == vm_id and told["phase"] == "copy"
        assert told["progress_percent"] == {0: 0, 40: 40, 30: 40, 100: 99}[percent]
    late = connect(agent)
    late.subscribe(["progress"])
    under_way = late.expect("snapshot")["data"]["operations"]
    assert [(o["operation_id"], o["progress_percent"]) for o in under_way] == [("whole", 99)]
    status, answer = publish(progress("whole", 12, "completed", vm_id=vm_id))
    end = plain.expect("progress", lambda m: m["data"]["status"] == "completed")
    assert status == 202 and answer == {"accepted": 1, "seq": end["seq"]}
    assert end["data"]["progress_percent"] == 100
    assert narrow.expect_data("progress", status="completed") == end["data"]
    after = connect(agent)
    after.subscribe(["progress"])
    assert after.expect("snapshot")["data"]["operations"] == []


def test_the_originals_message_can_be_published_as_it_is(agent, publish, connect):
    original = json.loads((INVALID.parents[2] / "examples/original/agent/progress.json").read_text())
    client = connect(agent)
    assert publish(original)[0] == 202
    told = client.expect_data("progress", operation_id=original["data"]["operation_id"])
    assert {key: told[key] for key in ORIGINAL} == {key: original["data"][key] for key in ORIGINAL}
    publish(progress(original["data"]["operation_id"], status="cancelled"))


@pytest.mark.short
def test_an_alert_is_raised_and_resolved(agent, publish, connect):
    client = connect(agent)
    assert publish(alert("tape", entity_type="tape", entity_id=3, value=1.5))[0] == 202
    fires = client.expect_data("alert", alert_id="tape")
    assert fires["state"] == "firing" and fires["count"] == 1 and fires["threshold"] is None
    assert (fires["entity_type"], fires["entity_id"], fires["value"]) == ("tape", 3, 1.5)
    late = connect(agent)
    late.subscribe(["alert"])
    assert [a["alert_id"] for a in late.expect("snapshot")["data"]["alerts"]] == ["tape"]
    over = alert("tape", entity_type="tape", entity_id=3, state="resolved")
    assert publish(over)[0] == 202
    assert client.expect_data("alert", alert_id="tape")["state"] == "resolved"
    after = connect(agent)
    after.subscribe(["alert"])
    assert after.expect("snapshot")["data"]["alerts"] == []


def test_it_is_heard_by_those_alone_who_may_see_its_vm(agent, publish, connect, guests):
    mine, other = guests("mine").define(), guests("other").define()
    mine_id, other_id = known(agent, mine), known(agent, other)
    bound = connect(agent, token=token_for(agent, "bound", role="viewer", vms=[mine.spec.uuid]))
    bound.expect("connection_status")
    assert publish([alert("of-other", entity_type="vm", entity_id=other_id), alert("of-server"),
                    progress("of-nothing"), progress("of-mine", vm_id=mine_id)])[0] == 202
    bound.expect_data("progress", operation_id="of-mine")
    assert [m["data"]["operation_id"] for m in bound.messages("progress")] == ["of-mine"]
    assert bound.messages("alert") == []
    publish([alert("of-server", state="resolved"), progress("of-nothing", status="failed"),
             progress("of-mine", status="failed")])


def test_several_in_one_request_keep_their_order(agent, publish, connect):
    client = connect(agent)
    events = [progress(f"o{i}", 100, "completed") for i in range(64)]
    status, answer = publish(events)
    assert (status, answer["accepted"]) == (202, 64)
    client.wait(lambda seen: sum(m["type"] == "progress" for m in seen) == 64, what="all of them")
    assert [m["data"]["operation_id"] for m in client.messages("progress")] == \
        [e["data"]["operation_id"] for e in events]
    assert publish([*events, events[0]])[0] == 400


# --- what is refused ------------------------------------------------------------------------------


@pytest.mark.parametrize("example", sorted(INVALID.glob("*/data*.json")),
                         ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_every_field_that_is_wrong_is_named(agent, publish, example):
    status, answer = publish(example.read_bytes())
    assert status == 400 and set(answer) == {"code", "message", "field"}
    assert answer["code"] == "bad_request" and answer["field"].startswith("data")
    assert example.stem.startswith(answer["field"]) and agent.running()


@pytest.mark.short
def test_a_vm_that_is_not_there(agent, publish, guests):
    vm_id = known(agent, guests("hidden").define())
    bound = Publisher(agent, token_for(agent, "bound", permissions=["events:publish"],
                                       vms=["somebody-elses"]))
    missing = publish(progress("x", vm_id=4711))
    assert missing[0] == 400 and missing[1]["field"] == "data.vm_id"
    assert bound(progress("x", vm_id=vm_id)) == missing
    assert bound(alert("x", entity_type="vm", entity_id=vm_id))[1]["field"] == "data.entity_id"
    for event, field in ((progress("x"), "data.vm_id"), (alert("x"), "data.entity_type")):
        status, answer = bound(event)
        assert (status, answer["code"], answer["field"]) == (403, "forbidden", field)


def test_who_is_bound_to_a_vm_publishes_about_it(agent, connect, guests):
    guest = guests("own").define()
    vm_id = known(agent, guest)
    client = connect(agent)
    bound = Publisher(agent, token_for(agent, "bound", permissions=["events:publish"],
                                       vms=[guest.spec.uuid]))
    assert bound([progress("own", vm_id=vm_id), progress("own", 100, "completed")])[0] == 202
    assert client.expect_data("progress", status="completed")["vm_id"] == vm_id


def test_an_id_that_is_in_use_is_not_taken_over(agent, publish, guests):
    first, second = (known(agent, guests(name).define()) for name in ("first", "second"))
    assert publish(progress("taken", vm_id=first))[0] == 202
    for event in (progress("taken", vm_id=second), progress("libvirt:1"),
                  alert("agent-state-unsaved")):
        status, answer = publish(event)
        assert (status, answer["code"], answer["accepted"]) == (409, "conflict", 0)
    assert publish(progress("taken", status="cancelled"))[0] == 202


@pytest.mark.short
def test_who_may_not_publish(agents):
    agent = agents(config={"auth": {"anonymous": False}})
    for token, expected in ((None, 401), ("a.b.c", 401), (token_for(agent, role="viewer"), 403),
                            (token_for(agent, role="operator"), 403),
                            (token_for(agent, role="admin"), 202)):
        status, answer = Publisher(agent, token)(progress("x"))
        assert status == expected and "message" in answer or status == 202
    assert agent.get(EVENTS, token_for(agent, role="admin"))[0] == 400  # it reads events


def test_nobody_is_anonymous_here(agent):
    assert Publisher(agent)(progress("x"))[0] == 403
    assert agent.get("/api/v1/vms")[0] == 200


def test_pages_of_other_origins(agent, publish, agents):
    headers = {"Origin": "https://evil.example"}
    assert publish(progress("x"), headers)[0] == 403
    friendly = agents(config={"server": {"allowed_origins": ["https://pages.example"]}})
    page = Publisher(friendly, token_for(friendly, role="admin"))
    answer = page.request("POST", EVENTS, json.dumps(progress("x")).encode(),
                          {"Origin": "https://pages.example"})
    assert answer.status == 202
    assert answer.getheader("Access-Control-Allow-Origin") == "https://pages.example"


# --- bodies ---------------------------------------------------------------------------------------


@pytest.mark.short
@pytest.mark.parametrize("head, status", [
    ("Content-Type: application/json\r\nContent-Length: 65537\r\n", 413),
    ("Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n", 411),
    ("Content-Type: application/json\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n", 411),
    ("Content-Type: application/json\r\n", 411),
    ("Content-Type: application/json\r\nContent-Length: 0\r\n", 400),
    ("Content-Type: application/json\r\nContent-Length: -1\r\n", 400),
    ("Content-Type: application/json\r\nContent-Length: 9\r\nContent-Length: 5\r\n", 400),
    ("Content-Type: text/plain\r\nContent-Length: 9\r\n", 415),
    ("Content-Length: 9\r\n", 415),
], ids=["large", "chunks", "both", "none", "empty", "negative", "two", "text", "untyped"])
def test_what_the_headers_decide_is_answered_without_the_body(agent, publish, head, status):
    with dial(agent) as peer:
        peer.sendall(publish.raw(head + "Expect: 100-continue\r\n"))
        answer = receive_answer(peer)
        assert answer.status == status and answer.json()["message"]
        if "Length: 0" not in head and status != 411:
            assert answer.headers["connection"] == "close" and read_to_end(peer) == b""


def test_the_largest_body_is_read_however_it_comes(agent, publish):
    body = json.dumps(progress("large", status="failed")).encode()
    body += b" " * (65536 - len(body))
    head = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    with dial(agent) as peer:
        request = publish.raw(head, body)
        for begin in range(0, len(request), 1000):
            peer.sendall(request[begin:begin + 1000])
        assert receive_answer(peer).status == 202


@pytest.mark.short
def test_who_waits_for_100_continue_gets_it(agent, publish):
    body = json.dumps(progress("expecting", status="failed")).encode()
    head = (f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
            "Expect: 100-continue\r\n")
    with dial(agent) as peer:
        peer.sendall(publish.raw(head))
        assert receive_answer(peer).status == 100
        peer.sendall(body)
        assert receive_answer(peer).status == 202


@pytest.mark.short
def test_what_comes_behind_a_body_is_no_request(agent, publish, connect):
    body = json.dumps(progress("in-front", status="failed")).encode()
    head = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    client = connect(agent)
    with dial(agent) as peer:
        peer.sendall(publish.raw(head, body) * 5)
        answers = read_to_end(peer)
    assert answers.count(b"HTTP/1.1 ") == 1 and Answer(answers).status == 202
    assert Answer(answers).headers["connection"] == "close"
    assert publish(progress("later", status="failed"))[0] == 202
    client.expect_data("progress", operation_id="later")
    assert len(client.messages("progress")) == 2


@pytest.mark.short
def test_a_body_that_does_not_come_is_not_waited_for(agents):
    agent = agents(config={"server": {"request_seconds": 1}, "metrics": {"public": True}})
    publish = Publisher(agent, token_for(agent, role="admin"))
    head = "Content-Type: application/json\r\nContent-Length: 1000\r\n"
    with dial(agent) as slow, dial(agent) as silent:
        slow.sendall(publish.raw(head, b'{"type":'))
        silent.sendall(publish.raw(head))
        assert read_to_end(silent) == b""
        assert read_to_end(slow) == b""
    assert refused(agent, "request_time") == 2


def test_nonsense_is_refused_and_harms_nobody(agent, publish, seed):
    chance = random.Random(seed)
    whole = json.dumps([progress("a"), alert("b")]).encode()
    for _ in range(300):
        kind = chance.randrange(3)
        if kind == 0:
            body = chance.randbytes(chance.randrange(1, 200))
        elif kind == 1:
            body = whole[:chance.randrange(1, len(whole))]
        else:
            at = chance.randrange(len(whole))
            body = whole[:at] + b"\xff" + whole[at + 1:]
        status, answer = publish(body)
        assert status == 400 and answer["code"] == "bad_request", body
    assert publish(progress("a", status="failed"))[0] == 202


# --- how fast -------------------------------------------------------------------------------------


@pytest.mark.short
def test_who_publishes_too_fast_is_told_and_the_others_keep_what_they_have(agents, connect):
    agent = agents(config={"publish": {"events_per_second": 1},
                           "metrics": {"public": True, "interval_seconds": 1}})
    publish = Publisher(agent, token_for(agent, "fast", permissions=["events:publish"]))
    honest = connect(agent)
    many = json.dumps([progress("fast")] * 64).encode()
    first, *late = [publish.request("POST", EVENTS, many) for _ in range(10)]
    assert first.status == 202 and {answer.status for answer in late} == {429}
    assert all(1 <= int(answer.getheader("Retry-After")) <= 64 for answer in late)
    assert refused(agent, "publish_rate") == 9
    assert counter(agent, "rollo_agent_published_events_total") == 64
    keeps_its_latency(honest, lambda: publish(progress("fast")))
    other = Publisher(agent, token_for(agent, "calm", permissions=["events:publish"]))
    assert other(progress("calm"))[0] == 202
    wait_until(lambda: publish(progress("fast"))[0] == 202, step=0.2, what="it may again")


# --- the socket -----------------------------------------------------------------------------------


@pytest.mark.short
def test_the_socket_serves_publishing_alone(agent, by_socket, connect):
    client = connect(agent)
    assert by_socket(progress("local", status="failed"))[0] == 202
    assert client.expect_data("progress", operation_id="local")
    admin = {"Authorization": f"Bearer {token_for(agent, role='admin')}"}
    for path in ("/api/v1/vms", "/api/v1/server", "/metrics", "/healthz", "/", "/ws/monitor"):
        for method in ("GET", "POST", "OPTIONS"):
            assert by_socket.request(method, path, headers=admin).status == 404
    assert by_socket.request("GET", EVENTS, headers=admin).status == 405
    for path in ("/ws", "/ws/monitor", "/ws/console/1"):
        answer = by_socket.request("GET", path, headers={
            **admin, "Upgrade": "websocket", "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="})
        assert answer.status == 404


def curl(*arguments: str, as_user: list[str] | None = None) -> subprocess.CompletedProcess:
    return subprocess.run([*(as_user or []), "curl", "-sS", "-w", "\n%{http_code}", "-H",
                           "Content-Type: application/json", *arguments], capture_output=True,
                          text=True, timeout=20, check=False)


@pytest.mark.short
def test_by_curl(agent, publish, by_socket, open_folder):
    assert publish and by_socket
    body = open_folder / "event.json"
    body.write_text(json.dumps(progress("by-curl", status="failed", error="x" * 4000)))
    token = token_for(agent, "curl", permissions=["events:publish"])
    for way in ([f"{agent.url}{EVENTS}", "-H", f"Authorization: Bearer {token}"],
                ["--unix-socket", agent.config["publish"]["socket"], f"http://agent{EVENTS}"]):
        for more in ([], ["-H", "Expect: 100-continue"]):
            done = curl("-d", f"@{body}", *more, *way)
            answer, status = done.stdout.rsplit("\n", 1)
            assert (status, json.loads(answer)["accepted"]) == ("202", 1), done.stderr


@pytest.mark.skipif(os.getuid() != 0, reason="takes on other users")
def test_the_sockets_file_says_who_may_publish(agent, by_socket):
    assert by_socket
    path = Path(agent.config["publish"]["socket"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert (path.stat().st_uid, path.stat().st_gid) == (os.getuid(), os.getgid())

    def publish_as(group: str) -> str:
        user = ["setpriv", "--reuid=65534", f"--regid={group}", "--clear-groups", "--"]
        done = curl("-d", json.dumps(progress("by-another", status="failed")), "--unix-socket",
                    str(path), f"http://agent{EVENTS}", as_user=user)
        return done.stdout.rsplit("\n", 1)[-1]

    assert publish_as("65534") == "000"
    assert publish_as(str(os.getgid())) == "202"


def test_the_socket_is_replaced_when_nobody_listens_and_is_gone_in_the_end(agents, tmp_path):
    path = tmp_path / "publish.sock"
    config = {"publish": {"socket": str(path)}}
    first = agents("first", config=config)
    first.kill()
    assert path.is_socket()
    first.start()
    assert Publisher(first, path=path)(progress("x"))[0] == 202
    second = agents("second", start=False, config=config)
    second.start(ready=False)
    wait_until(lambda: not second.running(), what="the second one gives up")
    assert f"{path}: cannot listen: Address already in use" in second.log()
    assert Publisher(first, path=path)(progress("x"))[0] == 202
    first.stop()
    assert not path.exists()


def test_a_file_in_the_sockets_place_is_left_alone(agents, tmp_path):
    path = tmp_path / "publish.sock"
    path.write_text("somebody's")
    agent = agents(start=False, config={"publish": {"socket": str(path)}})
    agent.start(ready=False)
    wait_until(lambda: not agent.running(), what="it gives up")
    assert "cannot listen" in agent.log() and path.read_text() == "somebody's"


def test_without_the_key_there_is_no_socket(agents, tmp_path):
    agent = agents()
    assert "for publishing alone" not in agent.log()
    assert not [path for path in tmp_path.rglob("*") if path.is_socket()]

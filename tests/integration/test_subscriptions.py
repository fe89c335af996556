# SPDX-License-Identifier: Apache-2.0
"""Endpoints, subscriptions and snapshots over the wire."""

import json

import libvirt
import pytest
import websockets

from lab.agent import Agent
from lab.client import Client
from lab.guests import Guest
from lab.raw_websocket import TEXT, RawWebSocket
from lab.schema import check_message
from lab.wait import wait_until

MANY = 4200  # more than the replay log holds, and more than one part of a snapshot


def title(guest: Guest, text: str):
    """Makes one ordered event about a guest that is defined."""
    guest.domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, text, None, None,
                             libvirt.VIR_DOMAIN_AFFECT_CONFIG)


def titles(client: Client) -> list[str]:
    return [m["data"]["vm"]["title"] for m in client.messages("vm_updated")]


def kinds(client: Client) -> list[str]:
    return [m["type"] for m in client.messages()]


def expect_title(client: Client, text: str):
    client.expect("vm_updated", lambda m: m["data"]["vm"]["title"] == text)


@pytest.fixture
def two(guests, module_agent):
    """Two defined guests that the agent knows, with ids of the platform."""
    pair = [guests(f"guest-{number}", vm_id=number).define() for number in (801, 802)]
    for guest in pair:
        wait_until(lambda: module_agent.get(f"/api/v1/vms/{guest.spec.uuid}")[0] == 200,
                   what="the agent knows it")
    return pair


# --- endpoints -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/ws", "/ws/monitor"])
def test_the_monitor_says_nothing_before_it_is_asked(module_agent, connect, two, path):
    silent, witness = connect(module_agent, path), connect(module_agent, "/ws?events=*&snapshot=0")
    title(two[0], "Changed")
    expect_title(witness, "Changed")
    silent.send({"type": "ping"})
    silent.expect("pong")
    assert kinds(silent) == ["connection_status", "pong"]


def test_the_first_message_says_who_and_where(module_agent, connect, session_lab):
    status = connect(module_agent, "/ws").expect("connection_status")["data"]
    assert (status["status"], status["protocol"]) == ("connected", 1)
    assert status["server_id"] == 1 and status["server_uuid"] == session_lab.host_uuid
    assert status["user"] is None and status["role"] == "anonymous"
    assert sorted(status["permissions"]) == ["server:view", "vm:view"]
    assert status["limits"]["max_message_bytes"] == 65536 and status["heartbeat_seconds"] == 30


@pytest.mark.parametrize("by", ["id", pytest.param("uuid", marks=pytest.mark.short), "name"])
def test_the_endpoint_of_a_vm(module_agent, connect, two, by):
    one, other = two
    name = {"id": "801", "uuid": one.spec.uuid, "name": one.name}[by]
    client = connect(module_agent, f"/ws/vm/{name}")
    snapshot = client.expect("snapshot")["data"]
    assert [vm["id"] for vm in snapshot["vms"]] == [801]
    assert snapshot["server"] is None and snapshot["reason"] == "subscribed"
    title(other, "Not mine")
    one.domain.rename("renamed")
    client.expect("vm_updated", lambda m: m["data"]["vm"]["name"] == "renamed")
    one.domain.undefine()
    client.expect_data("vm_deleted", vm_id=801)
    one.spec.name, one.spec.vm_id = "again", 803
    one.define()
    if by != "id":  # bound to the UUID, whatever its name and id
        assert client.expect("vm_created")["data"]["vm"]["id"] == 803
    client.send({"type": "ping"})
    client.expect("pong")
    assert "Not mine" not in titles(client) and len(client.messages("vm_created")) == (by != "id")


@pytest.mark.parametrize("name", ["1", "self"])
def test_the_endpoint_of_the_server(module_agent, connect, two, name):
    client = connect(module_agent, f"/ws/server/{name}")
    snapshot = client.expect("snapshot")["data"]
    assert snapshot["server"]["id"] == 1 and snapshot["vms"] == []
    assert snapshot["server"]["status"] == "online"
    title(two[0], "Not mine")
    client.expect("server_metrics_update")
    assert not client.messages("vm_updated", "vm_metrics_update")


@pytest.mark.parametrize("path", ["/ws/vm/nobody", "/ws/vm/99", "/ws/server/2", "/ws/server/me",
                                  "/ws/vm/00000000-0000-4000-8000-000000000000",
                                  "/ws/vm/99999999999999999999999"])
def test_what_does_not_exist_is_closed_with_4004(module_agent, connect, path):
    client = connect(module_agent, path)
    assert client.expect("goodbye")["data"]["reason"] == "not_found"
    assert client.wait_closed()[0] == 4004
    assert kinds(client) == ["goodbye"]


def test_a_unix_socket_serves_the_same(agents, tmp_path, guests):
    path = str(tmp_path / "agent.sock")
    guest = guests("over-unix").define()
    agent: Agent = agents(start=False)
    agent.config["server"]["listen"].append(f"unix:{path}")
    agent.start()
    with RawWebSocket(path, f"/ws/vm/{guest.name}") as client:
        assert client.status == 101
        for kind in ("connection_status", "snapshot"):
            message = json.loads(client.receive_until(TEXT))
            check_message(message)
            assert message["type"] == kind
    with RawWebSocket(path, "/ws/vm/nobody") as client:
        message = json.loads(client.receive_until(TEXT))
        assert message["data"]["reason"] == "not_found"


# --- the query -----------------------------------------------------------------------------------


def test_events_and_ids_in_the_query(module_agent, connect, two):
    one, other = two
    client = connect(module_agent, "/ws?events=vm_updated,nonsense&vm_ids=801,899&snapshot=1")
    confirmed = client.expect("subscription_confirmed")["data"]
    assert confirmed["refused"] == ["nonsense"] and confirmed["pending"] == [{"vm_id": 899}]
    assert confirmed["rules"][-1] == {"include": True, "events": ["vm_updated"],
                                      "vm_ids": [801, 899], "server_ids": None}
    assert [vm["id"] for vm in client.expect("snapshot")["data"]["vms"]] == [801]
    title(other, "Other")
    title(one, "One")
    expect_title(client, "One")
    assert titles(client) == ["One"]


def test_server_ids_in_the_query(module_agent, connect, two):
    client = connect(module_agent, "/ws?server_ids=1")
    snapshot = client.expect("snapshot")["data"]
    assert snapshot["server"]["id"] == 1 and [vm["id"] for vm in snapshot["vms"]] == [801, 802]
    title(two[0], "Of this server")
    expect_title(client, "Of this server")


def test_everything_without_a_snapshot(module_agent, connect, two):
    client = connect(module_agent, "/ws/monitor?events=*&snapshot=0")
    title(two[0], "All")
    expect_title(client, "All")
    client.expect("server_metrics_update")
    assert not client.messages("snapshot")
    assert client.messages("subscription_confirmed")[0]["data"]["events"] is None


@pytest.mark.parametrize("query", ["vm_ids=x", "vm_ids=0", "vm_ids=1,,2", "server_ids=-1",
                                   "snapshot=yes", "resume=abc", "resume=:1", "resume=a:b"])
def test_a_query_that_is_wrong_is_refused_before_the_upgrade(module_agent, connect, query):
    with pytest.raises(websockets.InvalidStatusCode) as refused:
        connect(module_agent, f"/ws/monitor?{query}")
    assert refused.value.status_code == 400


# --- subscribe and unsubscribe -------------------------------------------------------------------


@pytest.mark.short
def test_subscribe_snapshot_live_unsubscribe(module_agent, connect, two):
    one, other = two
    client = connect(module_agent)
    client.expect("connection_status")
    confirmed = client.subscribe(["vm_status_changed"], vm_ids=[801], id="mine")["data"]
    assert confirmed["id"] == "mine" and confirmed["refused"] == confirmed["pending"] == []
    assert confirmed["rules"][-1]["id"] == "mine"
    snapshot = client.expect("snapshot")["data"]
    assert [vm["id"] for vm in snapshot["vms"]] == [801] and snapshot["server"] is None
    title(one, "First")
    update = client.expect("vm_updated")
    assert update["seq"] > snapshot["seq"]
    # A later subscribe brings only what is new.
    client.subscribe(["vm_status_changed"], vm_ids=[801, 802])
    assert [vm["id"] for vm in client.expect("snapshot")["data"]["vms"]] == [802]
    client.subscribe(["vm_status_changed"], vm_ids=[802], snapshot=False)
    client.send({"type": "unsubscribe", "data": {"vm_ids": [802]}})
    confirmed = client.expect("subscription_confirmed")["data"]
    assert confirmed["rules"][-1] == {"include": False, "events": None, "vm_ids": [802],
                                      "server_ids": None}
    title(other, "Unheard")
    title(one, "Second")
    expect_title(client, "Second")
    assert titles(client) == ["First", "Second"]
    assert len(client.messages("snapshot")) == 2
    client.send({"type": "unsubscribe"})
    assert client.expect("subscription_confirmed")["data"]["rules"] in (
        [], [{"include": False, "events": None, "vm_ids": None, "server_ids": None}])
    title(one, "Third")
    expect_title(connect_and_see(connect, module_agent, one, "Fourth"), "Fourth")
    client.send({"type": "ping"})
    client.expect("pong")
    assert "Third" not in titles(client)


def connect_and_see(connect, agent, guest: Guest, text: str) -> Client:
    """A witness of one more event: whatever came before it has been sent."""
    witness = connect(agent, "/ws?events=vm_updated&snapshot=0")
    witness.expect("subscription_confirmed")
    title(guest, text)
    return witness


def test_rules_with_ids_are_replaced_and_deleted_by_id(module_agent, connect, two):
    client = connect(module_agent)
    client.expect("connection_status")
    first = client.subscribe(["vm_status_changed"], vm_ids=[801], id="a", snapshot=False)["data"]
    second = client.subscribe(["vm_status_changed"], vm_ids=[802], id="a", snapshot=False)["data"]
    assert len(second["rules"]) == len(first["rules"])
    assert second["rules"][-1]["vm_ids"] == [802]
    client.send({"type": "unsubscribe", "data": {"id": "a"}})
    third = client.expect("subscription_confirmed")["data"]
    assert third["id"] == "a" and len(third["rules"]) == len(second["rules"]) - 1
    assert all(rule.get("id") != "a" for rule in third["rules"])


def test_a_covering_rule_removes_the_others(module_agent, connect):
    client = connect(module_agent)
    client.expect("connection_status")
    client.subscribe(["vm_created"], snapshot=False)
    client.subscribe(["vm_deleted"], vm_ids=[1], snapshot=False)
    confirmed = client.subscribe(["*"], snapshot=False)["data"]
    assert confirmed["rules"] == [{"include": True, "events": None, "vm_ids": None,
                                   "server_ids": None}]
    assert confirmed["events"] is confirmed["vm_ids"] is confirmed["server_ids"] is None


def test_an_empty_list_matches_nothing(module_agent, connect, two):
    client = connect(module_agent)
    client.expect("connection_status")
    client.subscribe([])
    client.subscribe(["vm_status_changed"], vm_ids=[])
    for snapshot in (client.expect("snapshot"),):
        assert snapshot["data"]["vms"] == []
    expect_title(connect_and_see(connect, module_agent, two[0], "Any"), "Any")
    client.send({"type": "ping"})
    client.expect("pong")
    assert not client.messages("vm_updated")


def test_the_originals_names_bring_their_companions(module_agent, connect, guests):
    client = connect(module_agent)
    client.expect("connection_status")
    client.subscribe(["vm_status_changed"], snapshot=False)
    guest = guests("companion").define()
    client.expect("vm_created")
    title(guest, "Companion")
    client.expect("vm_updated")
    guest.domain.undefine()
    client.expect("vm_deleted")


@pytest.mark.short
def test_a_pending_vm_appears_later(module_agent, connect, guests):
    client = connect(module_agent)
    client.expect("connection_status")
    confirmed = client.subscribe(["*"], vm_ids=[811, 812], server_ids=[7])["data"]
    assert sorted(map(json.dumps, confirmed["pending"])) == [
        '{"server_id": 7}', '{"vm_id": 811}', '{"vm_id": 812}']
    guests("unwanted", vm_id=813).define()
    guests("wanted", vm_id=811).define()
    assert client.expect("vm_created")["data"]["vm"]["id"] == 811
    assert len(client.messages("vm_created")) == 1


def test_too_many_rules(agents, connect):
    agent = agents(config={"server": {"max_rules": 3}})
    client = connect(agent)
    assert client.expect("connection_status")["data"]["limits"]["max_rules"] == 3
    for number in range(1, 5):
        client.send({"type": "subscribe",
                     "data": {"events": ["alert"], "vm_ids": [number], "snapshot": False}})
    error = client.expect("error")["data"]
    assert (error["code"], error["request_type"]) == ("too_many_rules", "subscribe")
    client.send({"type": "ping"})
    client.expect("pong")
    assert len(client.messages("subscription_confirmed")[-1]["data"]["rules"]) == 3


def test_two_clients_do_not_disturb_each_other(module_agent, connect, two):
    clients = [connect(module_agent) for _ in two]
    for client, number in zip(clients, (801, 802)):
        client.subscribe(["vm_status_changed"], vm_ids=[number])
        assert [vm["id"] for vm in client.expect("snapshot")["data"]["vms"]] == [number]
    for guest in two:
        title(guest, f"of {guest.spec.vm_id}")
    for client, guest in zip(clients, two):
        expect_title(client, f"of {guest.spec.vm_id}")
        assert titles(client) == [f"of {guest.spec.vm_id}"]


def test_consoles_are_not_served_by_this_version(module_agent, connect):
    client = connect(module_agent)
    client.expect("connection_status")
    for kind, data in (("console_input", "x"), ("console_acquire", None), ("console_break", None)):
        client.send({"type": kind, "data": data})
        error = client.expect("error")["data"]
        assert (error["code"], error["request_type"]) == ("unsupported", kind)


# --- many VMs ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def crowd(module_agents, tmp_path_factory):
    """An agent on libvirt's test driver with thousands of domains."""
    file = tmp_path_factory.mktemp("crowd") / "node.xml"
    domains = "".join(
        f"<domain type='test'><name>vm-{i}</name><title>{'A title. ' * 8}{i}</title>"
        "<memory>1024</memory><os><type>hvm</type></os></domain>" for i in range(MANY))
    file.write_text(f"<node>{domains}</node>")
    return module_agents("crowd", uri=f"test://{file}")


def test_a_large_snapshot_comes_in_parts(crowd, connect):
    client = connect(crowd)
    status = client.expect("connection_status")["data"]
    client.subscribe(["vm_status_changed"])
    first = client.expect("snapshot", seconds=30)["data"]
    assert first["parts"] > 4
    client.wait(lambda _: len(client.messages("snapshot")) == first["parts"], 30)
    parts = [m["data"] for m in client.messages("snapshot")]
    assert [part["part"] for part in parts] == list(range(1, first["parts"] + 1))
    assert {part["seq"] for part in parts} == {first["seq"]} and first["seq"] >= status["seq"]
    names = [vm["name"] for part in parts for vm in part["vms"]]
    assert sorted(names) == sorted(f"vm-{i}" for i in range(MANY))
    sizes = [len(json.dumps(m)) for m in client.messages("snapshot")]
    assert max(sizes) < 300 * 1024
    assert len(crowd.get("/api/v1/vms")[1]["vms"]) == MANY


def test_what_has_left_the_log_cannot_be_replayed(crowd, connect):
    status = connect(crowd).expect("connection_status")["data"]
    assert status["seq"] > 4096
    late = connect(crowd, f"/ws?events=vm_created&vm_ids=1&resume={status['epoch']}:1")
    assert late.expect("snapshot")["data"]["reason"] == "gap"
    recent = connect(crowd, f"/ws?events=vm_created&resume={status['epoch']}:{status['seq'] - 10}")
    assert recent.expect("resumed")["data"]["count"] <= 10

# SPDX-License-Identifier: Apache-2.0
"""The original's client against the agent: what worked with the original back end works here."""

import json

import pytest
from original_client import ORIGINAL_FIELDS, ORIGINAL_METRICS, ConnectionStatus
from stand_in import original as example

STATUS_OF_1 = {"events": ["vm_status_changed"], "vm_ids": [1], "server_ids": [1]}


def test_it_connects_without_a_token(agent, original):
    client = original(agent)
    assert client.event("connection_status", status="connected")
    assert client.status is ConnectionStatus.CONNECTED


def test_an_alert_comes_without_a_subscription(agent, original, copied_guest):
    client = original(agent)
    client.event("connection_status")
    copied_guest(1)
    alert = client.event("alert")
    assert alert["severity"] in ("info", "warning", "error", "critical")
    assert alert["entity_type"] == "vm"
    assert client.of_type("vm_status_changed") == []


def test_a_status_change_arrives_with_the_originals_fields(agent, original, guests):
    client = original(agent, subscriptions=STATUS_OF_1)
    client.event("subscription_confirmed")
    guests[1].start()
    change = client.event("vm_status_changed", new_status="running")
    expected = json.loads(example("vm_status_changed"))["data"]
    assert {field: type(value) for field, value in expected.items()}.items() <= \
        {field: type(value) for field, value in change.items()}.items()
    assert (change["vm_id"], change["vm_name"]) == (1, "web-server-01")
    assert change["old_status"] == "stopped"
    message = client.of_type("vm_status_changed")[0]
    assert isinstance(message["timestamp"], str)


def test_the_whole_of_the_originals_subscription_is_understood(agent, original, guests):
    wanted = {"events": list(ORIGINAL_FIELDS), "vm_ids": [1, 2, 3], "server_ids": [1]}
    client = original(agent, subscriptions=wanted)
    confirmed = client.event("subscription_confirmed")
    assert set(confirmed) >= set(wanted)
    guests[2].start()
    client.event("vm_status_changed", vm_id=2, new_status="running")
    client.event("vm_metrics_update", vm_id=2)
    assert client.of_type("error") == []


def test_only_the_vms_of_the_filter_are_told(agent, original, guests):
    client = original(agent, subscriptions=STATUS_OF_1)
    client.event("subscription_confirmed")
    guests[2].start()
    guests[1].start()
    client.event("vm_status_changed", vm_id=1, new_status="running")
    assert {event["data"]["vm_id"] for event in client.of_type("vm_status_changed")} == {1}


def test_metrics_arrive_with_the_originals_fields_and_types(agent, original, guests):
    guests[1].start()
    client = original(agent, subscriptions={"events": ["vm_metrics_update"], "vm_ids": [1]})

    def measured():
        for event in client.of_type("vm_metrics_update"):
            if event["data"]["metrics"]["cpu_usage_percent"] is not None:
                return event["data"]
        return None

    metrics = client.wait(measured)["metrics"]
    for field, expected in ORIGINAL_METRICS.items():
        assert field in metrics
        # The guest has no network card, and no balloon driver that would tell how much of its
        # memory it uses: what is not known is null.
        unknown = field.startswith("network") or field == "memory_usage_percent"
        if not (unknown and metrics[field] is None):
            assert isinstance(metrics[field], expected) and not isinstance(metrics[field], bool)
    assert metrics["memory_used_mb"] > 0


def test_a_ping_is_answered(agent, original):
    client = original(agent, heartbeat_interval=60000)
    client.event("connection_status")
    client.ping()
    assert isinstance(client.event("pong")["timestamp"], str)


def test_the_heartbeat_keeps_being_answered(agent, original):
    client = original(agent, heartbeat_interval=50)
    client.wait(lambda: len(client.of_type("pong")) >= 5)
    assert client.connections == 1


def test_what_was_unsubscribed_comes_no_more(agent, original, guests):
    client = original(agent, subscriptions={"events": ["vm_status_changed"]})
    client.event("subscription_confirmed")
    client.unsubscribe(events=["vm_status_changed"], vm_ids=[1])
    client.wait(lambda: len(client.of_type("subscription_confirmed")) == 2)
    guests[1].start()
    guests[2].start()
    client.event("vm_status_changed", vm_id=2, new_status="running")
    assert {event["data"]["vm_id"] for event in client.of_type("vm_status_changed")} == {2}


def test_the_endpoint_of_a_vm_needs_no_subscription(agent, original, guests):
    client = original(agent, path="/vm/1")
    client.event("connection_status")
    guests[2].start()
    guests[1].start()
    client.event("vm_status_changed", vm_id=1, new_status="running")
    client.event("vm_metrics_update", vm_id=1)
    told = [*client.of_type("vm_status_changed"), *client.of_type("vm_metrics_update")]
    assert {event["data"]["vm_id"] for event in told} == {1}


def test_the_endpoint_of_a_server_needs_no_subscription(agent, original, guests):
    client = original(agent, path="/server/1")
    guests[1].start()
    # The original's description names no message of a server: it comes, and is not known to it.
    client.wait(lambda: "server_metrics_update" in client.ignored)
    assert client.of_type("vm_status_changed") == []


def test_the_main_address_is_the_same_under_both_names(agent, original, guests):
    subscriptions = {"events": ["vm_status_changed"]}
    clients = [original(agent, path=path, subscriptions=subscriptions)
               for path in ("", "/monitor")]
    for client in clients:
        client.event("subscription_confirmed")
    guests[1].start()
    for client in clients:
        client.event("vm_status_changed", vm_id=1, new_status="running")


@pytest.mark.parametrize("text", ["no JSON", "{", "[]", '"ping"', "{}", '{"type": 1}',
                                  '{"type": "no_such_thing", "data": {}}'])
def test_what_is_no_message_does_not_end_the_connection(agent, original, text):
    client = original(agent, heartbeat_interval=60000)
    client.event("connection_status")
    client.send_text(text)
    client.ping()
    client.event("pong")
    assert client.connections == 1
    assert client.close_codes == []


def test_messages_that_are_newer_than_the_original_are_ignored(agent, original, guests):
    client = original(agent, subscriptions=STATUS_OF_1)
    client.wait(lambda: "snapshot" in client.ignored)
    guests[1].start()
    client.event("vm_status_changed", new_status="running")


def test_a_token_in_the_query_opens(guarded_agent, original, guests):
    client = original(guarded_agent, token=guarded_agent.token(), subscriptions=STATUS_OF_1)
    client.event("subscription_confirmed")
    guests[1].start()
    client.event("vm_status_changed", new_status="running")


@pytest.mark.parametrize("token", [None, "abc", "a.b.c"])
def test_without_a_valid_token_it_is_closed_with_a_code(guarded_agent, original, token):
    client = original(guarded_agent, token=token, max_reconnect_attempts=1)
    client.wait(lambda: client.close_codes)
    assert client.close_codes[0] == 4001
    assert client.of_type("connection_status") == []


def test_a_wrong_token_never_counts_as_none(agent, original):
    client = original(agent, token="abc", max_reconnect_attempts=1)
    client.wait(lambda: client.close_codes)
    assert client.close_codes[0] == 4001


def test_another_token_helps_after_a_wrong_one(guarded_agent, original):
    refused = original(guarded_agent, token="abc", max_reconnect_attempts=0)
    refused.wait(lambda: refused.status is ConnectionStatus.DISCONNECTED)
    accepted = original(guarded_agent, token=guarded_agent.token())
    accepted.event("connection_status", status="connected")


def test_it_comes_back_when_the_agent_does_and_events_flow_again(agent, original, guests):
    client = original(agent, subscriptions=STATUS_OF_1)
    client.event("subscription_confirmed")
    guests[1].start()
    client.event("vm_status_changed", new_status="running")
    agent.restart()
    client.wait(lambda: len(client.of_type("subscription_confirmed")) == 2)
    assert client.connections == 2
    guests[1].domain.destroy()
    change = client.event("vm_status_changed", new_status="stopped")
    assert change["vm_id"] == 1


def test_what_was_said_while_offline_is_heard_afterwards(agent, original, guests):
    client = original(agent)
    client.event("connection_status")
    agent.stop()
    client.wait(lambda: client.status is ConnectionStatus.RECONNECTING)
    client.subscribe(**STATUS_OF_1)
    assert client.queue_status()["size"] == 1
    agent.start()
    client.event("subscription_confirmed")
    guests[1].start()
    client.event("vm_status_changed", vm_id=1, new_status="running")


def test_a_killed_agent_is_found_again(agent, original):
    client = original(agent)
    client.event("connection_status")
    agent.kill()
    client.wait(lambda: client.status is ConnectionStatus.RECONNECTING)
    agent.start()
    client.wait(lambda: len(client.of_type("connection_status")) == 2)
    assert client.close_codes[0] == 1006

# SPDX-License-Identifier: Apache-2.0
"""A client that lost its connection gets exactly what it missed, or is told that it cannot."""

import time

import libvirt
import pytest

from lab.client import Client, Message
from lab.guests import Guest
from lab.wait import wait_until

FULL = "/ws?events=vm_status_changed&snapshot=0"


@pytest.fixture
def guest(guests, module_agent):
    one = guests("resumed", vm_id=901).define()
    wait_until(lambda: module_agent.get("/api/v1/vms/901")[0] == 200, what="the agent knows it")
    return one


@pytest.fixture
def witness(module_agent, connect, guest):
    """A client that stays connected and hears everything."""
    client = connect(module_agent, FULL)
    client.expect("subscription_confirmed")
    assert guest
    return client


def retitle(guest: Guest, texts: str):
    """One event for each letter, but for those that the next has overtaken."""
    flags = libvirt.VIR_DOMAIN_AFFECT_CONFIG
    if guest.domain.isActive():
        flags |= libvirt.VIR_DOMAIN_AFFECT_LIVE
    for text in texts:
        guest.domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, text, None, None, flags)


def heard(client: Client, last_title: str) -> list[Message]:
    """Its ordered events, up to the one that brings this title."""
    client.expect("vm_updated", lambda m: m["data"]["vm"]["title"] == last_title)
    return [m for m in client.messages() if "seq" in m]


def epoch_of(client: Client) -> str:
    return client.messages("connection_status")[0]["data"]["epoch"]


@pytest.mark.parametrize("way", ["query", "subscribe",
                                 pytest.param("held", marks=pytest.mark.short)])
def test_drop_and_resume(module_agent, connect, guest, witness, way):
    client = connect(module_agent, FULL)
    client.expect("subscription_confirmed")
    retitle(guest, "ab")
    before = heard(client, "b")
    client.close()
    guest.domain.rename("resumed-renamed")
    guest.start()
    retitle(guest, "cd")
    heard(witness, "d")
    resume = {"epoch": epoch_of(client), "seq": before[-1]["seq"]}
    point = f"{resume['epoch']}:{resume['seq']}"
    if way == "query":
        again = connect(module_agent, f"{FULL}&resume={point}")
    elif way == "subscribe":
        again = connect(module_agent)
        again.expect("connection_status")
        again.subscribe(["vm_status_changed"], resume=resume)
    else:
        again = connect(module_agent, f"/ws?resume={point}")
        again.expect("connection_status")
        retitle(guest, "e")
        heard(witness, "e")
        again.send({"type": "ping"})
        again.expect("pong")
        assert [m["type"] for m in again.messages()] == ["connection_status", "pong"]
        again.subscribe(["vm_status_changed"])
    resumed = again.expect("resumed")["data"]
    replayed = [m for m in again.messages() if "seq" in m]
    assert resumed["from_seq"] == resume["seq"] and resumed["count"] == len(replayed)
    assert resumed["epoch"] == resume["epoch"] and resumed["to_seq"] == replayed[-1]["seq"]
    retitle(guest, "z")
    everything = heard(witness, "z")
    assert before + heard(again, "z") == everything
    types = [m["type"] for m in again.messages() if m["type"] != "pong"]
    assert types[:2] == ["connection_status", "subscription_confirmed"]
    assert types[2 + len(replayed)] == "resumed" and "snapshot" not in types


def test_a_filter_holds_for_the_replay(module_agent, connect, guests, guest, witness):
    other = guests("other", vm_id=902).define()
    start = heard_any(witness, lambda m: m["data"].get("vm", {}).get("id") == 902)["seq"]
    retitle(other, "x")
    retitle(guest, "y")
    heard(witness, "y")
    again = connect(module_agent, f"/ws?events=vm_status_changed&vm_ids=901"
                                  f"&resume={epoch_of(witness)}:{start}")
    assert again.expect("resumed")["data"]["count"] == 1
    assert [m["data"]["vm"]["title"] for m in again.messages("vm_updated")] == ["y"]


def heard_any(client: Client, fits) -> Message:
    return client.wait(lambda got: next((m for m in got if "seq" in m and fits(m)), None))


def test_nothing_missed_is_an_empty_replay(module_agent, connect, witness):
    witness.send({"type": "ping"})
    seq = witness.expect("pong")["data"]["seq"]
    again = connect(module_agent, f"{FULL}&resume={epoch_of(witness)}:{seq}")
    resumed = again.expect("resumed")["data"]
    assert (resumed["count"], resumed["from_seq"], resumed["to_seq"]) == (0, seq, seq)


def test_the_endpoint_of_a_vm_resumes_with_its_own_rule(module_agent, connect, guests, guest,
                                                        witness):
    witness.send({"type": "ping"})
    seq = witness.expect("pong")["data"]["seq"]
    retitle(guest, "mine")
    guests("stranger").define()
    witness.expect("vm_created", lambda m: m["data"]["vm"]["name"] == "stranger")
    missed = len(witness.messages("vm_updated"))
    again = connect(module_agent, f"/ws/vm/901?resume={epoch_of(witness)}:{seq}")
    assert again.expect("resumed")["data"]["count"] == missed > 0
    assert not again.messages("vm_created", "snapshot")


@pytest.mark.parametrize("point", ["0123456789abcdef:1", "{epoch}:999999999"])
def test_another_epoch_or_a_number_from_the_future_is_a_gap(module_agent, connect, guest, witness,
                                                            point):
    assert guest
    again = connect(module_agent, f"{FULL}&resume={point.format(epoch=epoch_of(witness))}")
    snapshot = again.expect("snapshot")["data"]
    assert snapshot["reason"] == "gap" and [vm["id"] for vm in snapshot["vms"]] == [901]
    assert not again.messages("resumed")


@pytest.mark.short
def test_a_restart_of_the_agent_is_a_gap(agents, connect, guests):
    agent = agents()
    client = connect(agent, FULL)
    client.expect("subscription_confirmed")
    guest = guests("persistent").define()
    created = client.expect("vm_created")
    agent.restart()
    guest.domain.rename("renamed-since")
    wait_until(lambda: agent.get("/api/v1/vms/renamed-since")[0] == 200, what="it is told")
    again = connect(agent, f"{FULL}&resume={epoch_of(client)}:{created['seq']}")
    snapshot = again.expect("snapshot")["data"]
    assert snapshot["reason"] == "gap" and snapshot["epoch"] != epoch_of(client)
    assert [vm["name"] for vm in snapshot["vms"]] == ["renamed-since"]
    assert snapshot["vms"][0]["id"] == created["data"]["vm"]["id"]


def test_resume_too_late(module_agent, connect, guest):
    client = connect(module_agent, FULL)
    client.expect("subscription_confirmed")
    retitle(guest, "t")
    update = client.expect("vm_updated")
    resume = {"epoch": epoch_of(client), "seq": update["seq"] - 1}
    client.send({"type": "subscribe", "data": {"events": ["alert"], "resume": resume}})
    error = client.expect("error")["data"]
    assert (error["code"], error["request_type"]) == ("resume_too_late", "subscribe")
    client.send({"type": "unsubscribe", "data": {"id": "no such"}})
    rules = client.expect("subscription_confirmed")["data"]["rules"]
    assert all(rule["events"] != ["alert"] for rule in rules)  # nothing was subscribed
    retitle(guest, "u")
    client.expect("vm_updated", lambda m: m["seq"] > update["seq"])


def test_rules_that_do_not_come_are_not_waited_for_without_end(module_agent, connect, guest):
    first = connect(module_agent)
    seq = first.expect("connection_status")["data"]["seq"]
    again = connect(module_agent, f"/ws?resume={epoch_of(first)}:{seq}")
    began = time.monotonic()
    assert guest and again.expect("resumed")["data"]["from_seq"] == seq
    assert time.monotonic() - began > 4

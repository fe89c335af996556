# SPDX-License-Identifier: Apache-2.0
"""Fifty clients that lose their connections at random while guests go through two thousand
transitions: each has what a client has that never lost anything."""

import asyncio
import subprocess
import sys

import pytest

from lab.agent import ROOT
from lab.client import Message
from lab.guests import Guest, GuestSpec
from lab.resuming import ResumingClient
from lab.story import VM_EVENTS, Stage

CLIENTS = 50
TRANSITIONS = 2000
GUESTS = 8
BYSTANDERS = 100  # never run, so that a snapshot has several parts
EVERYTHING = "/ws/monitor?events=vm_status_changed,server_status_changed,alert"
IDS = (800, 801, 802)


@pytest.fixture(scope="module")
def cast(session_lab):
    made = [Guest(session_lab, GuestSpec(f"restless-{i}", vm_id=800 + i)) for i in range(GUESTS)]
    crowd = [Guest(session_lab, GuestSpec(f"bystander-{i}", title="t" * 6000))
             for i in range(BYSTANDERS)]
    for guest in crowd:
        guest.define()
    for guest in made:
        guest.create()
    yield made
    for guest in made + crowd:
        guest.remove()


def vm_id(message: Message) -> int | None:
    data = message["data"]
    return data["vm"]["id"] if "vm" in data else data.get("vm_id")


def client(agent, number: int, seed: int) -> ResumingClient:
    """Every fifth has a filter of its own, every fifth forgets where it was every other time."""
    url, seed = agent.ws_url, f"{seed} {number}"
    if number % 5 == 0:
        ids = ",".join(map(str, IDS))
        return ResumingClient(f"{url}/ws?events=vm_status_changed&vm_ids={ids}", seed,
                              lambda m: m["type"] in VM_EVENTS and vm_id(m) in IDS,
                              lambda vm: vm["id"] in IDS)
    if number % 5 == 1:
        return ResumingClient(url + EVERYTHING, seed, forgetful=True)
    return ResumingClient(url + EVERYTHING, seed)


async def keep_coming_back(clients: list[ResumingClient], lab, guests: list[Guest], seed: int):
    """While the guests are shaken; the first mistake ends it."""
    command = [sys.executable, "-m", "lab.shake", lab.uri, str(seed), str(TRANSITIONS),
               *(guest.spec.uuid for guest in guests)]
    async with asyncio.TaskGroup() as group:
        for each in clients:
            group.create_task(each.storm())
        storm = await asyncio.to_thread(subprocess.run, command, cwd=ROOT / "tests", timeout=120)
        for each in clients:
            each.end()
    assert storm.returncode == 0


@pytest.mark.short
@pytest.mark.torture
def test_what_resuming_clients_know(session_lab, module_agent, session_loop, connect, cast, seed):
    witness = connect(module_agent, EVERYTHING)
    witness.wait(lambda got: any(m["type"] == "snapshot" and m["data"]["part"] == m["data"]["parts"]
                                 for m in got))
    clients = [client(module_agent, number, seed) for number in range(CLIENTS)]
    with Stage(session_lab, module_agent, session_loop) as stage:
        session_loop.run(keep_coming_back(clients, session_lab, cast, seed), 170)
        stage.barrier()
        witness.send({"type": "ping"})
        upto = witness.expect("pong")["data"]["seq"]
        session_loop.run(catch_up(clients, upto))
    snapshot = witness.messages("snapshot")
    events = [m for m in witness.messages() if m.get("seq", upto + 1) <= upto]
    assert len(snapshot) > 1, "that snapshot was no large one"
    assert sum(m["type"] == "vm_status_changed" for m in events) >= TRANSITIONS
    assert [m["seq"] for m in events] == list(range(snapshot[0]["data"]["seq"] + 1, upto + 1))
    for each in clients:
        each.check(snapshot, events, upto)
    assert sum(each.drops for each in clients) > 4 * CLIENTS
    assert sum(each.torn_snapshots for each in clients) > 0
    assert any(len(each.chapters) > 1 for each in clients)


async def catch_up(clients: list[ResumingClient], upto: int):
    await asyncio.gather(*(each.catch_up(upto) for each in clients))

# SPDX-License-Identifier: Apache-2.0
"""Users by the thousand come and go for `--soak-minutes`; in the end the agent holds what it held
when it was warm, and whoever was there all the time has missed nothing."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.agent import Agent
from lab.tokens import token_for
from lab.wait import wait_until
from soak.crowd_of_users import CrowdOfUsers

WARM_UP_SECONDS = 60
# Memory that is free comes back to the allocator, not to the kernel, and where it lies differs each
# time. 6 MiB are less than 600 bytes for each of ten thousand users: a leak of the smallest thing
# that a connection has is seen.
MEMORY_TOLERANCE = 6 << 20
USERS = 16


@dataclass
class Held:
    memory: int
    descriptors: int


def held(agent: Agent) -> Held:
    pages = int(Path(f"/proc/{agent.pid}/statm").read_text().split()[1])
    return Held(pages * os.sysconf("SC_PAGESIZE"), len(os.listdir(f"/proc/{agent.pid}/fd")))


def quiet(agent: Agent, connect) -> dict:
    """The agent's own figures once everybody but two has gone, and all that they had with them."""
    stats = connect(agent, "/ws/stats", token=token_for(agent, "looks", role="admin"))
    calm = stats.expect("websocket_stats", is_calm, seconds=60)["data"]
    stats.close()
    return calm


def is_calm(message: dict) -> bool:
    data = message["data"]
    return (data["connections_by_endpoint"] == {"/ws/monitor": 1, "/ws/stats": 1}
            and data["consoles"]["viewers"] == data["consoles"]["attached"] == 0)


def soak(agent: Agent, vms: list[str], seconds: float, seed: int) -> CrowdOfUsers:
    with CrowdOfUsers(agent, vms, USERS, seed) as crowd:
        until = time.monotonic() + seconds
        wait_until(lambda: time.monotonic() > until or crowd.failures, seconds + 60, step=0.2)
    assert not crowd.failures, crowd.failures[:20]
    return crowd


@pytest.fixture
def minutes(request) -> float:
    return request.config.getoption("--soak-minutes")


def test_it_holds_in_the_end_what_it_held_when_it_was_warm(agents, guests, connect, minutes, seed,
                                                           capsys):
    agent = agents(config={
        "auth": {"anonymous": False}, "agent": {"log_level": "warning"},
        # Small, so that they are full when it is warm.
        "console": {"enabled": True, "linger_seconds": 1, "scrollback_bytes": 65536,
                    "boot_bytes": 4096}})
    vms = []
    for number in range(3):
        guest = guests(f"soaked-{number}", vm_id=9000 + number).create()
        guest.wait_booted()
        vms += [guest.spec.uuid, guest.name, str(9000 + number)]
    admin = token_for(agent, role="admin")
    wait_until(lambda: len(agent.get("/api/v1/vms", admin)[1]["vms"]) == 3)
    witness = connect(agent, "/ws/monitor?events=*", token=token_for(agent, "witness",
                                                                    role="viewer"))
    warm_up = min(WARM_UP_SECONDS, minutes * 60 / 3)
    soak(agent, vms, warm_up, seed)
    quiet(agent, connect)
    before = held(agent)
    crowd = soak(agent, vms, minutes * 60 - warm_up, seed + 1)
    calm = quiet(agent, connect)
    after = wait_until(lambda: (now := held(agent)).descriptors <= before.descriptors and now, 30,
                       f"no more open files than {before}, now {held(agent)}")

    with capsys.disabled():
        print(f"\n{sum(crowd.deeds.values())} deeds: {dict(crowd.deeds)}\n{before}\n{after}")
    assert after.memory - before.memory < MEMORY_TOLERANCE, (before, after)
    assert calm["libvirt"]["stuck_calls"] == 0 and calm["queue_bytes"] < 1 << 20
    assert calm["active_connections"] == 2 and calm["slow_disconnects"] == 0
    assert min(crowd.deeds.values()) > 0 and len(crowd.deeds) == 9
    witness.send({"type": "ping"})
    witness.expect("pong")
    numbers = [message["seq"] for message in witness.messages() if "seq" in message]
    assert len(numbers) > 10 and numbers == list(range(numbers[0], numbers[0] + len(numbers)))

# SPDX-License-Identifier: Apache-2.0
"""Clients that do not read, or slowly: what it costs them, and what it costs the others."""

import asyncio
import json
import statistics
import time

import libvirt
import pytest

from lab.agent import Agent
from lab.client import AsyncClient
from lab.guests import Guest
from lab.raw_websocket import CLOSE, TEXT, RawWebSocket
from lab.schema import check_message
from lab.wait import wait_until

VMS = "/ws?events=vm_status_changed&snapshot=0"
DEAF = 40
LISTENERS = 20
CHANGES = 60
SOME_MS = 3  # of noise, in a median on two busy cores


def retitle(guest: Guest, title: str):
    guest.domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_TITLE, title, None, None,
                             libvirt.VIR_DOMAIN_AFFECT_CONFIG)


async def latencies(agent: Agent, guest: Guest) -> list[float]:
    """Milliseconds from the request for a change to its event at each of the listeners."""
    clients = [AsyncClient(agent.ws_url + VMS, check=False) for _ in range(LISTENERS)]
    await asyncio.gather(*(client.connect() for client in clients))
    found = []
    for number in range(CHANGES):
        title = f"{number} at {time.monotonic()}"
        began = time.monotonic()
        await asyncio.to_thread(retitle, guest, title)
        for client in clients:
            await client.wait_for(lambda c=client: titles(c) == title, 10, "the change")
            found.append((client.arrived[-1] - began) * 1000)
    await asyncio.gather(*(client.close() for client in clients))
    return found


def titles(client: AsyncClient) -> str | None:
    last = client.received[-1] if client.received else {}
    return last["data"]["vm"]["title"] if last.get("type") == "vm_updated" else None


def test_clients_that_do_not_read_delay_nobody(guests, agents, session_loop):
    """Their queues are full up to the brim, over and over, while the others are measured."""
    guest, filler = guests("measured").define(), guests("filler").define()
    agent = agents(config={"server": {"queue_bytes": 1 << 20}})
    alone = statistics.median(session_loop.run(latencies(agent, guest)))
    deaf = [RawWebSocket(agent.port, VMS, receive_buffer=4096) for _ in range(DEAF)]
    try:
        for i in range(60):  # 6 MB: more than the kernel takes, less than ends the connection
            if agent.figure("rollo_agent_waiting_bytes") > DEAF * 300_000:
                break
            retitle(filler, f"{i} " + "x" * 100_000)
            wait_until(lambda i=i: (agent.get(f"/api/v1/vms/{filler.spec.uuid}")[1]["title"] or "")
                       .startswith(f"{i} "), what="the change")
        assert agent.figure("rollo_agent_waiting_bytes") > DEAF * 300_000
        assert agent.figure("rollo_agent_websockets") >= DEAF
        crowded = statistics.median(session_loop.run(latencies(agent, guest)))
        assert agent.figure("rollo_agent_websockets") >= DEAF
    finally:
        for each in deaf:
            each.socket.close()
    assert crowded <= 2 * alone + SOME_MS, f"{alone:.1f} ms alone, {crowded:.1f} ms beside them"


@pytest.mark.short
def test_who_reads_slowly_is_told_what_it_does_not_get(guests, agents):
    """Samples of a client that stands still are merged into the latest, and it hears of it."""
    filler = guests("filler").define()
    agent = agents()
    with RawWebSocket(agent.port, "/ws?events=*&snapshot=0", receive_buffer=4096) as slow:
        i = 0
        while agent.figure("rollo_agent_waiting_bytes") < 200_000:
            retitle(filler, f"{i} " + "x" * 100_000)
            i += 1
            assert i < 100
        stalled = agent.figure("rollo_agent_deliveries_total")
        wait_until(lambda: agent.figure("rollo_agent_deliveries_total") > stalled + 3, 20, "samples")
        heard = messages_until(slow, "lag")
        assert heard[-1]["data"]["dropped_metrics"] > 0 and heard[-1]["data"]["conflated"] > 0
        # Nothing that has a number is missing.
        slow.send(TEXT, b'{"type":"ping"}')
        heard += messages_until(slow, "pong")
        numbers = [message["seq"] for message in heard if "seq" in message]
        assert len(numbers) > 10
        assert numbers == list(range(numbers[0], heard[-1]["data"]["seq"] + 1))


def messages_until(client: RawWebSocket, kind: str) -> list[dict]:
    """All up to the next one of that type."""
    messages = []
    while not messages or messages[-1]["type"] != kind:
        opcode, payload = client.receive()
        assert opcode != CLOSE, payload
        if opcode == TEXT:
            messages.append(json.loads(payload))
            check_message(messages[-1])
    return messages

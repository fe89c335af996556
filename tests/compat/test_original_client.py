# SPDX-License-Identifier: Apache-2.0
"""The client itself, against a server that replays the original's messages."""

import asyncio

import pytest
from original_client import ConnectionStatus, OriginalClient, OriginalConfig, understood
from stand_in import ORIGINALS, StandIn, original

EVERYTHING = {"events": ["vm_status_changed", "vm_metrics_update", "progress", "alert"],
              "vm_ids": [1, 2, 3], "server_ids": [1]}


def quick(url: str, **changes) -> OriginalConfig:
    return OriginalConfig(url=url, **{"reconnect_interval": 5, "heartbeat_interval": 60000,
                                      **changes})


def run(scenario, **changes):
    """Runs the scenario with a stand-in and a client for it, and ends both."""
    async def whole():
        async with StandIn() as server:
            client = OriginalClient(quick(server.url, **changes))
            try:
                await scenario(server, client)
            finally:
                await client.disconnect()
    asyncio.run(asyncio.wait_for(whole(), 20))


def test_the_defaults_are_the_originals():
    config = OriginalConfig()
    assert config.url.endswith("/ws")
    assert (config.reconnect_interval, config.max_reconnect_attempts) == (3000, 15)
    assert (config.heartbeat_interval, config.message_queue_size) == (30000, 200)


@pytest.mark.parametrize("kind", [path.stem for path in sorted(ORIGINALS.glob("*.json"))])
def test_it_reads_the_originals_example(kind):
    async def scenario(server, client):
        client.connect(subscriptions={"events": [kind]})
        await client.wait_for_event(kind)
        assert client.malformed == []
        assert server.paths == ["/ws"]
    run(scenario)


def test_an_event_without_one_of_the_originals_fields_is_malformed():
    async def scenario(server, client):
        client.connect()
        await client.wait_for_event("connection_status")
        await server.broadcast(original("alert").replace('"entity_id": 1', '"entity_id": "1"'))
        await server.broadcast(original("vm_status_changed").replace('"vm_name"', '"name"'))
        await client.wait_for(lambda: client.malformed == ["alert", "vm_status_changed"])
        assert client.of_type("alert") == []
    run(scenario)
    assert not understood("progress", {"operation_id": "1", "progress_percent": True})


def test_it_ignores_what_it_does_not_know():
    async def scenario(server, client):
        client.connect()
        await client.wait_for_event("connection_status")
        await server.broadcast('{"type": "snapshot", "data": {"vms": []}, "seq": 7}')
        await server.broadcast("no JSON")
        await client.wait_for(lambda: client.ignored == ["snapshot"] and client.malformed)
        await client.ping()
        await client.wait_for_event("pong")
    run(scenario)


def test_it_subscribes_with_its_filters_and_pings_at_intervals():
    async def scenario(server, client):
        client.connect(token="abc", subscriptions=EVERYTHING)
        await client.wait_for(lambda: len(client.of_type("pong")) >= 3)
        assert server.paths == ["/ws?token=abc"]
        assert server.received[0] == {"type": "subscribe", "data": EVERYTHING}
        assert set(server.received[1]) == {"type", "timestamp"}
    run(scenario, heartbeat_interval=20)


def test_it_comes_back_and_subscribes_again_waiting_longer_each_time():
    async def scenario(server, client):
        client.connect(subscriptions=EVERYTHING)
        await client.wait_for_event("alert")
        await server.stop()
        await client.wait_for(lambda: len(client.delays) >= 4)
        assert client.delays[:4] == [0.005, 0.01, 0.02, 0.04]
        await server.start()
        await client.wait_for(lambda: len(client.of_type("alert")) == 2)
        assert client.connections == 2
        assert client.attempt == 0
    run(scenario)


def test_it_gives_up_in_the_end():
    async def scenario(server, client):
        server.close_with = 4001
        client.connect(token="wrong")
        await client.wait_for(lambda: client.status is ConnectionStatus.DISCONNECTED)
        assert client.close_codes == [4001] * 4
    run(scenario, max_reconnect_attempts=3, reconnect_interval=1)


def test_it_keeps_the_last_messages_of_an_offline_time():
    async def scenario(server, client):
        for number in range(203):
            await client.subscribe(events=[], vm_ids=[number])
        assert client.queue_status() == {"size": 200, "enabled": True}
        client.connect()
        await client.wait_for(lambda: len(client.of_type("subscription_confirmed")) == 200)
        assert server.received[0]["data"]["vm_ids"] == [3]
        assert client.queue_status()["size"] == 0
    run(scenario)

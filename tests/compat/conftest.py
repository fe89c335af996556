# SPDX-License-Identifier: Apache-2.0
"""The laboratory for the original's client: a private libvirt, two guests whose ids the platform
wrote into their metadata, the agent, and clients in a loop of their own."""

import sys
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).resolve().parents[1]), str(Path(__file__).resolve().parent)]

from lab.agent import Agent  # noqa: E402
from lab.client import Loop  # noqa: E402
from lab.guests import Guest, GuestSpec  # noqa: E402
from lab.libvirtd import PrivateLibvirt  # noqa: E402
from original_client import OriginalClient, OriginalConfig  # noqa: E402


class Original:
    """The client with a synchronous face: every method of it that waits, waits here too."""

    def __init__(self, loop: Loop, client: OriginalClient):
        self._loop = loop
        self.client = client

    def connect(self, **how):
        async def begin():
            self.client.connect(**how)
        self._loop.run(begin())

    def event(self, kind: str, seconds: float = 15.0, **fields) -> dict:
        return self._loop.run(self.client.wait_for_event(kind, seconds, **fields))

    def wait(self, condition, seconds: float = 15.0):
        return self._loop.run(self.client.wait_for(condition, seconds))

    def __getattr__(self, name):
        found = getattr(self.client, name)
        if name in ("subscribe", "unsubscribe", "ping", "send", "send_text", "disconnect"):
            return lambda *args, **kwargs: self._loop.run(found(*args, **kwargs))
        return found


@pytest.fixture(scope="session")
def laboratory():
    with PrivateLibvirt() as private:
        yield private


@pytest.fixture(scope="session")
def defined_guests(laboratory):
    """Guests 1 and 2 of the platform."""
    guests = {number: Guest(laboratory, GuestSpec(f"web-server-0{number}", vm_id=number)).define()
              for number in (1, 2)}
    yield guests
    for guest in guests.values():
        guest.remove()


@pytest.fixture
def guests(defined_guests):
    """The same, stopped before and after the test."""
    yield defined_guests
    for guest in defined_guests.values():
        if guest.domain.isActive():
            guest.domain.destroy()


@pytest.fixture(scope="session")
def agent(laboratory, tmp_path_factory):
    with Agent(laboratory.uri, tmp_path_factory.mktemp("agent")) as running:
        yield running


@pytest.fixture(scope="session")
def guarded_agent(laboratory, tmp_path_factory):
    """An agent that lets nobody in without a token."""
    with Agent(laboratory.uri, tmp_path_factory.mktemp("guarded"),
               config={"auth": {"anonymous": False}}) as running:
        yield running


@pytest.fixture(scope="session")
def loop():
    running = Loop()
    yield running
    running.close()


@pytest.fixture
def original(loop):
    """Makes clients: `original(agent, path="/vm/1", token=…, subscriptions=…)`. The configuration
    is the original's but for the times."""
    made = []

    def make(agent, path: str = "", token: str | None = None, subscriptions: dict | None = None,
             **config) -> Original:
        config = {"reconnect_interval": 20, "heartbeat_interval": 200, **config}
        client = OriginalClient(OriginalConfig(url=f"{agent.ws_url}/ws", **config))
        made.append(Original(loop, client))
        made[-1].connect(path=path, token=token, subscriptions=subscriptions)
        return made[-1]

    yield make
    for client in made:
        client.disconnect()
    assert [client.malformed for client in made] == [[] for _ in made]


@pytest.fixture
def copied_guest(laboratory, guests):
    """Defines a guest that claims the id of another, as a copied definition does."""
    copies = []

    def copy(number: int) -> Guest:
        spec = GuestSpec(f"copy-of-{number}-{len(copies)}", vm_id=number)
        copies.append(Guest(laboratory, spec).define())
        return copies[-1]

    yield copy
    for guest in copies:
        guest.remove()

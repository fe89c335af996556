# SPDX-License-Identifier: Apache-2.0
"""What the tests of the real binary share: one private libvirt for the session; for each test
guests, agents and clients that are gone when it ends. Logs of a test that failed are kept below
build/test-artefacts."""

import re
import shutil
from pathlib import Path

import pytest

from lab.agent import Agent, AgentMisbehaved
from lab.client import Client, Loop
from lab.console import Console
from lab.guests import Guest, GuestSpec
from lab.libvirtd import PrivateLibvirt
from lab.linux_guest import LinuxGuest, LinuxSpec
from lab.tokens import token_for
from lab.wait import wait_until

ROOT = Path(__file__).resolve().parents[1]
ARTEFACTS = ROOT / "build/test-artefacts"


def pytest_addoption(parser):
    parser.addoption("--seed", type=int, default=7, help="of the tests that do random things")
    parser.addoption("--soak-minutes", type=float, default=10, help="how long the soak goes on")


def pytest_report_header(config):
    return f"seed: {config.getoption('--seed')}"


@pytest.fixture(scope="session")
def seed(request) -> int:
    """What a random test draws its numbers from, so that it can be run again as it was."""
    return request.config.getoption("--seed")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    if outcome.get_result().failed:
        item.stash[FAILED] = True


FAILED = pytest.StashKey[bool]()


@pytest.fixture(scope="session")
def session_lab():
    with PrivateLibvirt() as lab:
        yield lab


@pytest.fixture
def artefacts(request):
    """A function that keeps a file, if it exists, should the test have failed."""
    name = re.sub(r"[^\w.-]+", "_", request.node.nodeid)

    def keep(path: Path, always: bool = False):
        if (always or request.node.stash.get(FAILED, False)) and path.exists():
            directory = ARTEFACTS / name
            directory.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, directory / path.name)

    return keep


@pytest.fixture
def lab(session_lab, artefacts):
    """The session's private libvirt, empty of guests before and after the test, running after
    it even if the test stopped it."""
    session_lab.remove_guests()
    yield session_lab
    artefacts(session_lab.log_path)
    session_lab.remove_guests()


@pytest.fixture
def guests(lab):
    """Makes guests: `guests("name", pvpanic=True)` gives a boot-sector guest that is neither
    defined nor started yet. Arguments are those of GuestSpec."""

    def make(name: str, **options) -> Guest:
        return Guest(lab, GuestSpec(name, **options))

    return make


@pytest.fixture
def linux_guests(lab):
    """Like `guests`, for the small Linux."""

    def make(name: str, **options) -> LinuxGuest:
        return LinuxGuest(lab, LinuxSpec(name, **options))

    return make


@pytest.fixture
def agents(lab, tmp_path, artefacts):
    """Makes agents on the private libvirt: `agents(config={...})`, started and ready. In the end
    each must stop cleanly, and without a word from a sanitizer."""
    made: list[Agent] = []

    def make(name: str = "agent", start: bool = True, **options) -> Agent:
        agent = Agent(options.pop("uri", lab.uri), tmp_path / name, **options)
        made.append(agent)
        if start:
            agent.start()
        return agent

    yield make
    complaints = []
    for agent in made:
        try:
            agent.close()
        except AgentMisbehaved as error:
            complaints.append(str(error))
    for agent in made:
        artefacts(agent.log_path, always=bool(complaints))
        artefacts(agent.config_path, always=bool(complaints))
    assert not complaints, "\n".join(complaints)


@pytest.fixture
def agent(agents):
    """One agent that is ready, with anonymous access and a sample a second."""
    return agents()


@pytest.fixture(scope="module")
def module_agents(request, session_lab, tmp_path_factory):
    """Like `agents`, for all tests of a module: for those that do not change the agent."""
    made: list[Agent] = []

    def make(name: str = "agent", **options) -> Agent:
        agent = Agent(options.pop("uri", session_lab.uri), tmp_path_factory.mktemp(name), **options)
        made.append(agent)
        agent.start()
        return agent

    yield make
    complaints = []
    for agent in made:
        try:
            agent.close()
        except AgentMisbehaved as error:
            complaints.append(str(error))
    tests = [item for item in request.session.items if item.module is request.module]
    if complaints or any(item.stash.get(FAILED, False) for item in tests):
        for agent in made:
            directory = ARTEFACTS / request.module.__name__ / agent.directory.name
            directory.mkdir(parents=True, exist_ok=True)
            shutil.copy(agent.log_path, directory)
    assert not complaints, "\n".join(complaints)


@pytest.fixture(scope="module")
def module_agent(module_agents):
    """One agent for all tests of a module, with anonymous access and a sample a second."""
    return module_agents()


@pytest.fixture(scope="session")
def session_loop():
    loop = Loop()
    yield loop
    loop.close()


@pytest.fixture
def connect(session_loop):
    """Opens WebSocket clients: `connect(agent, "/ws/monitor", token=…)`. In the end they are
    closed, and every message that any of them received must have fitted the schema."""
    opened: list[Client] = []

    def make(agent: Agent, path: str = "/ws/monitor", **options) -> Client:
        client = Client(session_loop, agent.ws_url + path, **options)
        opened.append(client)
        return client.connect()

    yield make
    for client in opened:
        client.close()
    for client in opened:
        client.check()


def knows(agent: Agent, guest: Guest) -> bool:
    return agent.get(f"/api/v1/vms/{guest.spec.uuid}", token_for(agent, role="admin"))[0] == 200


@pytest.fixture
def watch(session_loop):
    """Opens viewers of consoles: `watch(agent, guest, "ann", role="operator", tail=0)`, once the
    agent knows the guest. In the end they are closed, and all that each was told must have fitted
    the schema and the rules."""
    opened: list[Console] = []

    def make(agent: Agent, vm, user: str = "ann", *, token: str | None = None,
             claims: dict | None = None, role: str | None = "operator", **options) -> Console:
        if token is None:
            token = token_for(agent, user, **({"role": role} if role else {}), **(claims or {}))
        if isinstance(vm, Guest):
            wait_until(lambda: knows(agent, vm), what=f"the agent knows {vm.name}")
        viewer = Console(session_loop, agent, vm, token=token, **options)
        opened.append(viewer)
        return viewer.connect()

    yield make
    for viewer in opened:
        viewer.close()
    for viewer in opened:
        viewer.check()

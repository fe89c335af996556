# SPDX-License-Identifier: Apache-2.0
"""One writer at a time: who gets the lease, how it is given back, lost and taken, and that everybody
is told, and the log says who it was."""

import pytest

from lab.agent import Agent
from lab.console import Console

WRITER, READER, VIEW = "console:write", "console:read", "vm:view"


@pytest.fixture(scope="module")
def agent(module_agents):
    return module_agents()


@pytest.fixture
def guest(guests):
    made = guests("leased").create()
    made.wait_booted()
    return made


@pytest.fixture
def join(agent, guest, watch):
    """A viewer that is attached, from now on."""
    def make(user: str, **options) -> Console:
        viewer = watch(options.pop("on", agent), guest, user, tail=0, **options)
        viewer.wait_status("connected")
        viewer.wait_attached()
        return viewer

    return make


def is_writer(viewer: Console, user: str | None):
    viewer.wait_status("connected", writer=True, writer_user=user)


def is_not(viewer: Console, writer_user: str | None):
    viewer.wait_status("connected", writer=False, writer_user=writer_user)


@pytest.mark.short
def test_the_first_who_types_has_it_and_the_others_are_refused(join):
    ann, bob = join("ann"), join("bob")
    assert ann.status["writer_user"] is None
    ann.type("a")
    is_writer(ann, "ann")
    is_not(bob, "ann")
    ann.wait_output("a")
    bob.type("b")
    bob.wait_error("console_busy")
    bob.acquire()
    bob.wait_error("console_busy")
    ann.type("c")
    for viewer in (ann, bob):
        viewer.wait_told(lambda told: told.output == b"ac", what="what ann typed alone")


def test_it_is_acquired_beforehand_and_released(join):
    ann, bob = join("ann", binary=False), join("bob")
    ann.acquire()
    is_writer(ann, "ann")
    is_not(bob, "ann")
    ann.acquire()
    is_writer(ann, "ann")
    ann.release()
    is_not(bob, None)
    is_not(ann, None)
    bob.type("b")
    is_writer(bob, "bob")
    bob.wait_output("b")
    ann.release()  # not hers
    bob.type("c")
    bob.wait_output("c")
    assert bob.status["writer"]


def test_it_ends_with_its_connection(join):
    ann, bob = join("ann"), join("bob")
    ann.acquire()
    is_not(bob, "ann")
    ann.close()
    is_not(bob, None)
    bob.wait_status("connected", viewers=1)
    bob.type("b")
    is_writer(bob, "bob")


def test_two_connections_of_one_user_are_two(join):
    first, second = join("ann"), join("ann")
    first.acquire()
    is_writer(first, "ann")
    second.type("x")
    second.wait_error("console_busy")
    is_not(second, "ann")


def test_it_lapses_when_its_holder_is_idle(agents, join):
    agent = agents(config={"console": {"lease_idle_seconds": 2}})
    ann, bob = join("ann", on=agent), join("bob", on=agent)
    ann.type("a")
    is_not(bob, "ann")
    is_not(bob, None)
    is_not(ann, None)
    bob.type("b")
    is_writer(bob, "bob")
    for _ in range(8):  # who goes on keeps it
        bob.type("c")
        ann.send({"type": "ping"})
        ann.expect("pong")
        assert bob.status["writer"]


@pytest.mark.short
def test_it_is_taken_by_force_where_that_is_permitted(join):
    ann, bob, root = join("ann"), join("bob"), join("root", role="admin")
    ann.type("a")
    is_writer(ann, "ann")
    bob.acquire(force=True)
    bob.wait_error("permission_denied")
    assert ann.status["writer"]
    root.acquire(force=True)
    is_writer(root, "root")
    is_not(ann, "root")
    is_not(bob, "root")
    ann.type("x")
    ann.wait_error("console_busy")
    root.type("r")
    root.wait_output("r")
    assert root.output == b"ar"


def test_force_takes_a_free_lease_as_well(join):
    root = join("root", role="admin")
    root.acquire(force=True)
    is_writer(root, "root")


@pytest.mark.short
@pytest.mark.parametrize("options", [{"mode": "ro"}, {"role": None, "claims": {
    "permissions": [READER, VIEW]}}])
def test_who_may_or_wants_only_to_read(join, options):
    reader, ann = join("reader", **options), join("ann")
    for say in (lambda: reader.type("x"), reader.acquire, lambda: reader.acquire(True)):
        say()
        reader.wait_error("permission_denied")
    ann.type("a")
    reader.wait_output("a")
    assert reader.output == b"a" and not reader.status["writer"]


def test_who_may_write_and_not_read(agent, guest, watch):
    viewer = watch(agent, guest, role=None, claims={"permissions": [WRITER, VIEW]})
    assert viewer.wait_closed()[0] == 4003


def lines(agent: Agent, *words: str) -> list[str]:
    return [line for line in agent.log().splitlines() if all(word in line for word in words)]


def test_the_log_says_who_did_what_from_where(agents, guest, join):
    agent = agents()
    ann = join("ann-of-the-log", on=agent)
    ann.type("secret-keys")
    is_writer(ann, "ann-of-the-log")
    root = join("root-of-the-log", on=agent, role="admin")
    root.acquire(force=True)
    is_writer(root, "root-of-the-log")
    root.release()
    is_not(ann, None)
    ann.close()
    root.wait_status("connected", viewers=1)
    for user in ("ann-of-the-log", "root-of-the-log"):
        told = lines(agent, user)
        assert len(told) >= 2 and all("127.0.0.1" in line for line in told), told
        assert all(guest.name in line or guest.spec.uuid in line for line in told), told
    assert any("forc" in line for line in lines(agent, "root-of-the-log"))
    assert "secret-keys" not in agent.log()

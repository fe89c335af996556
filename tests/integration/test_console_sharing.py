# SPDX-License-Identifier: Apache-2.0
"""Other programs that want the same device, by `virsh console`: nobody is ousted who is not taken
by force, and nobody fights."""

import pytest

from lab.console import Console
from lab.virsh_console import VirshConsole
from lab.wait import wait_until


@pytest.fixture(scope="module")
def agent(module_agents):
    return module_agents(config={"console": {"linger_seconds": 1}})


@pytest.fixture
def guest(guests):
    made = guests("shared").create()
    made.wait_booted()
    return made


def types(viewer: Console, text: str):
    viewer.wait_status("connected")
    viewer.type(text)
    viewer.wait_output(text)


@pytest.mark.short
def test_who_has_it_keeps_it_and_it_is_ours_afterwards(agent, guest, watch):
    with VirshConsole(guest) as virsh:
        virsh.answers()
        viewer = watch(agent, guest)
        viewer.wait_status("in_use")
        viewer.type("x")
        virsh.type(b"still mine")
        virsh.wait_output(b"still mine")
        assert virsh.running()
        virsh.leave()
    viewer.wait_status("connected", 40)
    types(viewer, "ours now")


@pytest.mark.short
def test_while_we_have_it_others_are_refused_and_we_notice_nothing(agent, guest, watch):
    viewer = watch(agent, guest)
    types(viewer, "before")
    for _ in range(3):
        with VirshConsole(guest) as virsh:
            virsh.wait_ended()
            assert virsh.refused
    types(viewer, "after")
    assert [s["status"] for s in viewer.transcript.statuses].count("connected") \
        == len(viewer.transcript.statuses)
    viewer.check_gapless()


def test_who_takes_it_by_force_has_it_until_it_is_given_back(agent, guest, watch):
    viewer = watch(agent, guest)
    types(viewer, "before")
    with VirshConsole(guest, force=True) as virsh:
        virsh.answers(b"mine")
        viewer.wait_status("preempted")
        for number in range(5):  # nobody fights
            virsh.type(f"still {number}".encode())
            virsh.wait_output(f"still {number}".encode())
        assert virsh.running()
        assert viewer.status["status"] in ("preempted", "in_use")
        virsh.leave()
    viewer.wait_status("connected", 60)
    types(viewer, "after")
    # Nobody knows how much went by.
    gap, *_ = viewer.transcript.gaps
    assert gap.approximate and b"still" not in viewer.output


@pytest.mark.short
def test_we_take_it_by_force_where_that_is_permitted(agent, guest, watch):
    with VirshConsole(guest) as virsh:
        virsh.answers()
        bob = watch(agent, guest, "bob")
        bob.wait_status("in_use")
        assert watch(agent, guest, "bob", force="device").wait_closed()[0] == 4003
        virsh.type(b"still mine")
        virsh.wait_output(b"still mine")
        root = watch(agent, guest, "root", role="admin", force="device")
        root.wait_status("connected")
        virsh.wait_ended()
    types(root, "taken")
    bob.wait_status("connected")
    assert any("root" in line and "forc" in line for line in agent.log().splitlines())


def test_when_nobody_watches_any_more_others_may_have_it(agent, guest, watch):
    viewer = watch(agent, guest)
    types(viewer, "watched")
    viewer.close()

    def free() -> bool:
        with VirshConsole(guest) as virsh:
            try:
                virsh.answers(seconds=1.0)
            except TimeoutError:
                return False
            return True

    wait_until(free, 20, "virsh gets the console")

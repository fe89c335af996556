# SPDX-License-Identifier: Apache-2.0
"""Libvirt that dies, freezes and comes back in the middle of a flood: the console is suspended and
goes on by itself, and where there is a log file not a byte is missing."""

import libvirt
import pytest

from lab import guests as commands
from lab.console import Console
from lab.numbered import check_flood, check_logged
from lab.wait import wait_until


# What libvirt, its sockets and the terminal may have under way behind the mark of a gap.
UNDER_WAY = 400_000


@pytest.fixture
def flooding(guests, agents, watch):
    """An agent, a guest that floods, and a viewer who has been there from its first byte."""
    def make(log: bool, code: str = "flood"):
        agent = agents()
        guest = guests("flooding", code=code, log_console=log).define()
        viewer = watch(agent, guest)
        viewer.wait_status("waiting_for_vm")
        guest.start()
        viewer.wait_bytes(20_000)
        return agent, guest, viewer

    return make


def more(viewer: Console, size: int, seconds: float = 30.0):
    viewer.wait_bytes(len(viewer.transcript.output) + size, seconds)


def end(guest, viewer: Console):
    """Ends the flood; all of it has come."""
    guest.send(commands.IDLE)
    viewer.type("~")
    viewer.wait_output("~", 30)
    viewer.transcript._pieces[-1][1].pop()


def standstill(guest) -> int:
    """The size of the log, once it does not grow any more."""
    sizes = [0]

    def stands():
        sizes.append(guest.console_log.stat().st_size)
        return sizes[-1] == sizes[-2]

    wait_until(stands, step=0.2, what="the log stands still")
    return sizes[-1]


def check_whole(guest, viewer: Console):
    """Nothing is missing, nor told to be."""
    check_logged(viewer.output.rstrip(b"~"), guest.console_log.read_bytes().rstrip(b"~"))
    viewer.check_gapless()


@pytest.mark.short
@pytest.mark.parametrize("way", ["kill", "stop"])
@pytest.mark.parametrize("log", [True, False], ids=["log", "no log"])
def test_libvirtd_is_ended_and_started(lab, flooding, way, log):
    agent, guest, viewer = flooding(log)
    boot = viewer.status["boot_id"]
    for _ in range(3):
        getattr(lab, way)()
        viewer.wait_status("suspended")
        lab.start()
        viewer.wait_status("connected", 40)
        more(viewer, 20_000)
    end(guest, viewer)
    assert viewer.status["boot_id"] == boot
    assert [m.kind for m in viewer.transcript.markers] == ["started"]
    if log:
        check_whole(guest, viewer)
    else:
        viewer.transcript.check_flood_in_parts()
        assert sum(gap.approximate for gap in viewer.transcript.gaps) >= 3


def test_the_guest_ends_while_libvirt_is_away(lab, flooding):
    agent, guest, viewer = flooding(True)
    lab.kill()
    viewer.wait_status("suspended")
    guest.send(commands.POWER_OFF)
    lab.start()
    viewer.wait_status("waiting_for_vm", 40)
    viewer.wait_markers("started", "stopped")
    check_whole(guest, viewer)


def test_another_boot_while_libvirt_is_away_from_the_agent(lab, flooding, watch):
    """The agent sees neither the end nor the start."""
    agent, guest, viewer = flooding(True, "flood")
    lab.kill()
    viewer.wait_status("suspended")
    guest.kill()
    lab.start()
    guest.wait_state(libvirt.VIR_DOMAIN_SHUTOFF)
    guest.start()
    viewer.wait_status("connected", 40)
    viewer.wait_markers("started", "stopped", "started")
    more(viewer, 5000)
    end(guest, viewer)
    viewer.transcript.check()
    first, second = viewer.transcript.boots()
    check_flood(first, 0)
    check_flood(second, second[0][0])


@pytest.mark.parametrize("log", [True, False], ids=["log", "no log"])
def test_libvirtd_freezes_and_thaws(lab, flooding, log):
    agent, guest, viewer = flooding(log)
    lab.freeze()
    viewer.wait_status("suspended", 20)
    assert not viewer.closed
    lab.thaw()
    viewer.wait_status("connected", 40)
    more(viewer, 20_000)
    end(guest, viewer)
    if log:
        check_whole(guest, viewer)
    else:
        viewer.transcript.check_flood_in_parts(within=UNDER_WAY)


def test_libvirtd_dies_just_after_the_terminal_was_full(lab, flooding):
    """QEMU has just written a byte into the log once more, so that the place in the log is further
    on than what was printed."""
    agent, guest, viewer = flooding(True)
    for _ in range(2):
        # Until QEMU has noticed its reader, a second, it drops what a full terminal does not take.
        more(viewer, 400_000)
        lab.freeze()
        full = standstill(guest)
        lab.thaw()
        viewer.wait_bytes(full + 500)
        lab.kill()
        viewer.wait_status("suspended")
        lab.start()
        viewer.wait_status("connected", 40)
    more(viewer, 20_000)
    end(guest, viewer)
    check_whole(guest, viewer)


def test_a_moment_of_frost_costs_nothing(lab, flooding):
    """Less than is noticed: the guest waits for its line, or libvirt has kept what it printed."""
    agent, guest, viewer = flooding(False)
    lab.freeze()
    guest.wait_booted()  # its control line answers, in the midst of the flood
    lab.thaw()
    more(viewer, 20_000)
    end(guest, viewer)
    viewer.check_gapless()
    viewer.transcript.check_flood()
    assert {s["status"] for s in viewer.transcript.statuses} <= {"connected", "waiting_for_vm"}


def test_what_is_typed_while_libvirt_is_away_is_not_lost_silently(lab, guests, agents, watch):
    agent = agents()
    guest = guests("typed").define().start()
    guest.wait_booted()
    viewer = watch(agent, guest)
    viewer.type("before")
    viewer.wait_output("before")
    lab.kill()
    viewer.wait_status("suspended")
    viewer.type("meanwhile")
    lab.start()
    viewer.wait_status("connected", 40)
    viewer.type("after")
    viewer.wait_output("after")
    lost = sum(s.get("input_dropped") or 0 for s in viewer.transcript.statuses)
    assert (b"meanwhile" in viewer.output) != bool(lost or viewer.transcript.errors)

# SPDX-License-Identifier: Apache-2.0
"""What a guest printed before the agent could listen is taken from libvirt's log file of the device:
once, in order, or not at all and told so."""

import os

import pytest

from lab import guests as commands
from lab.console import Console
from lab.guests import Guest
from lab.numbered import BANNER, check_flood
from lab.tokens import token_for
from lab.wait import wait_until


@pytest.fixture(scope="module")
def agent(module_agents):
    return module_agents(config={"console": {"linger_seconds": 1}})


def end(guest: Guest, viewer: Console) -> bytes:
    """Ends the flood; all of it has come, and is returned as the log file has it."""
    guest.send(commands.IDLE)
    whole = guest.console_log.read_bytes()
    viewer.wait_told(lambda told: told.output.endswith(whole[-15:]), 20, "the last line")
    return whole


def let_go(agent, guest: Guest):
    """Waits until the agent has given up the console that nobody watches."""
    def is_free() -> bool:
        status, body = agent.get(f"/api/v1/vms/{guest.spec.uuid}/console",
                                 token_for(agent, role="admin"))
        return status == 200 and body["consoles"][0]["status"] != "connected"

    wait_until(is_free, 20, "it is let go")


@pytest.mark.short
@pytest.mark.parametrize("append", [False, True])
def test_every_byte_from_the_first_instruction_on(agent, guests, watch, append):
    guest = guests(f"first-{append}", code="flood", log_console=True, log_append=append).define()
    viewer = watch(agent, guest)
    viewer.wait_status("waiting_for_vm")
    for boot in (1, 2, 3):
        before = len(viewer.transcript.output)
        guest.start()
        viewer.wait_bytes(before + 30_000, 30)
        whole = end(guest, viewer)
        guest.domain.destroy()
        viewer.wait_status("waiting_for_vm")
        *_, pieces = viewer.transcript.boots()
        assert check_flood(pieces, before) == before
        assert whole.endswith(viewer.output[before:]) and (append or whole
                                                           == viewer.output[before:])
    assert viewer.output.count(BANNER) == 3
    viewer.check_gapless()


@pytest.mark.short
def test_who_comes_late_gets_it_from_the_beginning(agent, guests, watch):
    guest = guests("late", code="flood", log_console=True).create()
    wait_until(lambda: guest.console_log.exists() and guest.console_log.stat().st_size > 100_000, 20,
               "a part has been printed")
    viewer = watch(agent, guest)
    viewer.wait_bytes(200_000, 30)
    whole = end(guest, viewer)
    viewer.check_gapless()
    assert viewer.transcript.check_flood(0) == 0 and viewer.output == whole


@pytest.mark.short
def test_what_was_printed_between_two_viewers_is_there(agent, guests, watch):
    guest = guests("between", code="flood", log_console=True).create()
    first = watch(agent, guest)
    first.wait_bytes(20_000)
    first.close()
    let_go(agent, guest)
    size = guest.console_log.stat().st_size
    wait_until(lambda: guest.console_log.stat().st_size > size + 20_000, what="some more")
    second = watch(agent, guest)
    second.wait_bytes(len(first.output) + 60_000, 30)
    whole = end(guest, second)
    second.check_gapless()
    assert second.transcript.check_flood(0) == 0 and second.output == whole


def test_identical_bytes_are_not_guessed_about(agent, guests, watch):
    guest = guests("same", code="same", log_console=True).define()
    viewer = watch(agent, guest)
    viewer.wait_status("waiting_for_vm")
    guest.start()
    viewer.wait_bytes(20_000, 30)
    guest.send(commands.IDLE)
    whole = guest.console_log.read_bytes()
    wait_until(lambda: len(viewer.output) == len(whole) or viewer.transcript.gaps, 5,
               f"all of it, or a gap: {len(viewer.output)} of {len(whole)} bytes")
    if viewer.transcript.gaps:
        gap, = viewer.transcript.gaps
        assert gap.approximate and len(viewer.output) <= len(whole)
    else:
        assert viewer.output == whole


@pytest.mark.parametrize("what", ["truncated", "rotated", "missing", "a folder", "a pipe"])
def test_a_file_that_is_not_what_it_was(agent, guests, watch, what):
    guest = guests("changed", code="flood", log_console=True, log_append=True).create()
    first = watch(agent, guest)
    first.wait_bytes(20_000)
    first.close()
    let_go(agent, guest)
    change(guest, what)
    guest.wait_booted()
    second = watch(agent, guest, tail=10**9)
    second.wait_told(lambda told: any(gap.approximate for gap in told.gaps), 20,
                     "an approximate gap")
    second.wait_bytes(len(first.output) + 20_000, 30)
    guest.send(commands.IDLE)
    second.transcript.check_flood_in_parts()


def change(guest: Guest, what: str):
    log = guest.console_log
    if what == "truncated":
        os.truncate(log, 0)
        return
    log.rename(log.with_suffix(".old"))
    if what == "rotated":
        log.write_bytes(b"something else\r\n" * 5000)
    elif what == "a folder":
        log.mkdir()
    elif what == "a pipe":
        os.mkfifo(log)  # to open it as if it were a file would wait for ever


@pytest.mark.parametrize("what", ["missing", "a folder", "a pipe"])
def test_a_file_that_cannot_be_read_is_as_none(agent, guests, watch, what):
    guest = guests("unreadable", code="flood", log_console=True).create()
    guest.wait_booted()
    change(guest, what)
    viewer = watch(agent, guest)
    viewer.wait_bytes(20_000, 30)
    guest.send(commands.IDLE)
    viewer.transcript.check_flood()


def test_after_the_agent_was_started_anew_it_is_all_there(agents, guests, watch):
    agent = agents()
    guest = guests("remembered", code="flood", log_console=True).create()
    viewer = watch(agent, guest)
    viewer.wait_bytes(50_000)
    agent.kill()
    agent.start()
    again = watch(agent, guest)
    again.wait_bytes(len(viewer.output) + 50_000, 30)
    whole = end(guest, again)
    again.check_gapless()
    assert again.transcript.check_flood(0) == 0 and again.output == whole

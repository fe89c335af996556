# SPDX-License-Identifier: Apache-2.0
"""A console outlives its guest: every start, end, reboot and disappearance is in the stream at its
place, and what each boot printed comes once."""

import libvirt
import pytest

from lab import guests as commands
from lab.console import Console
from lab.guests import Guest
from lab.libvirtd import PrivateLibvirt
from lab.numbered import BANNER, check_logged
from lab.tokens import token_for
from lab.wait import wait_until

STOPPED = "waiting_for_vm"


@pytest.fixture(scope="module")
def agent(module_agents):
    return module_agents(config={"console": {"linger_seconds": 1}})


def types(viewer: Console, text: str):
    viewer.wait_status("connected")
    viewer.type(text)
    viewer.wait_output(text)


def banners(viewer: Console) -> int:
    return viewer.output.count(BANNER)


def wait_banners(viewer: Console, count: int):
    viewer.wait_told(lambda told: told.output.count(BANNER) >= count, 20, f"{count} banners")


@pytest.mark.short
def test_a_start_and_an_end(agent, guests, watch):
    guest = guests("brief", log_console=True).define()
    viewer = watch(agent, guest)
    assert viewer.wait_status(STOPPED)["boot_id"] is None
    guest.start()
    running = viewer.wait_status("connected")
    wait_banners(viewer, 1)
    types(viewer, "hello")
    guest.domain.destroy()
    viewer.wait_status(STOPPED)
    viewer.wait_markers("started", "stopped")
    assert {m.boot_id for m in viewer.transcript.markers} == {running["boot_id"]}
    assert viewer.output == BANNER + b"hello" and viewer.transcript.gaps == []
    late = watch(agent, guest)
    late.wait_replayed()
    late.wait_markers("started", "stopped")
    assert late.output == viewer.output
    assert [m.offset for m in late.transcript.markers] == [
        m.offset for m in viewer.transcript.markers]


def test_twenty_starts_and_ends(agent, guests, watch):
    guest = guests("again", log_console=True).define()
    viewer = watch(agent, guest)
    for boot in range(1, 21):
        guest.start()
        wait_banners(viewer, boot)
        viewer.wait_status("connected")
        types(viewer, f"boot {boot}.")
        guest.domain.destroy()
        viewer.wait_status(STOPPED)
    viewer.wait_markers(*["started", "stopped"] * 20)
    assert len({m.boot_id for m in viewer.transcript.markers}) == 20
    assert viewer.output == b"".join(BANNER + f"boot {n}.".encode() for n in range(1, 21))
    boots = list(viewer.transcript.boots())
    assert [len(pieces) for pieces in boots] == [1] * 20
    viewer.check_gapless()
    late = watch(agent, guest)
    late.wait_replayed()
    late.wait_markers(*["started", "stopped"] * 20)
    assert late.output == viewer.output


def test_a_start_without_a_log_file_says_that_something_may_be_missing(agent, guests, watch):
    guest = guests("unlogged", code="flood").define()
    viewer = watch(agent, guest)
    viewer.wait_status(STOPPED)
    guest.start()
    viewer.wait_bytes(10_000)
    guest.send(commands.IDLE)
    begin = viewer.transcript.pieces[0][1]
    gaps = viewer.transcript.gaps
    assert begin.startswith(BANNER) or (gaps and gaps[0].approximate and gaps[0].begin == 0)
    viewer.transcript.check_flood()


@pytest.mark.short
@pytest.mark.parametrize("how", ["guest", "reset"])
def test_reboots_go_on_in_the_same_stream(agent, guests, watch, how):
    guest = guests(f"reboot-{how}", log_console=True).define()
    viewer = watch(agent, guest)
    guest.start()
    wait_banners(viewer, 1)
    for boot in range(2, 12):
        guest.send(commands.REBOOT) if how == "guest" else guest.domain.reset()
        wait_banners(viewer, boot)
    types(viewer, "alive")
    assert viewer.output == BANNER * 11 + b"alive"
    assert {s["status"] for s in viewer.transcript.statuses} <= {STOPPED, "connected"}
    # Libvirt tells of one reboot several times, so that those within a second are one.
    first, *others = [m.kind for m in viewer.transcript.markers]
    assert first == "started" and set(others) == {"reboot"} and len(others) <= 10
    assert len({m.boot_id for m in viewer.transcript.markers}) == 1
    viewer.check_gapless()


@pytest.mark.short
@pytest.mark.parametrize("how", ["panic", "kill", "power off"])
def test_the_last_words_of_a_guest_are_told(agent, guests, watch, how):
    guest = guests(f"ends-{how}", log_console=True, pvpanic=True, code="flood").define()
    viewer = watch(agent, guest)
    guest.start()
    viewer.wait_bytes(30_000, 30)
    if how == "kill":
        guest.kill()
    else:
        guest.send(commands.PANIC if how == "panic" else commands.POWER_OFF)
    viewer.wait_status(STOPPED, 20)
    viewer.wait_markers("started", "stopped")
    check_logged(viewer.output, guest.console_log.read_bytes(), killed=how == "kill")
    viewer.check_gapless()
    guest.spec.code = "guest"
    guest.define().start()
    wait_banners(viewer, 2)  # before, it would not hear
    types(viewer, "again")


def test_a_panic_with_a_restart_is_a_reboot(agent, guests, watch):
    guest = guests("restarted", log_console=True, pvpanic=True, on_crash="restart").define()
    viewer = watch(agent, guest)
    guest.start()
    wait_banners(viewer, 1)
    guest.send(commands.PANIC)
    wait_banners(viewer, 2)
    types(viewer, "alive")
    viewer.wait_told(lambda told: told.markers[-1].kind in ("reboot", "started"), what="a marker")
    assert banners(viewer) == 2


@pytest.mark.parametrize("managed", [True, False])
def test_saved_and_restored(agent, guests, watch, session_lab, managed):
    guest = guests(f"saved-{managed}").define().start()
    guest.wait_booted()
    viewer = watch(agent, guest)
    types(viewer, "before")
    file = str(session_lab.directory / "images/console.save")
    guest.domain.managedSave() if managed else guest.domain.save(file)
    viewer.wait_status(STOPPED)
    guest.start() if managed else session_lab.connection.restore(file)
    viewer.wait_status("connected")
    types(viewer, "after")
    assert [m.kind for m in viewer.transcript.markers][-2:] == ["stopped", "started"]
    first, second = (m.boot_id for m in viewer.transcript.markers[-2:])
    assert first != second


def test_a_pause_changes_nothing(agent, guests, watch):
    guest = guests("paused").create()
    guest.wait_booted()
    viewer = watch(agent, guest)
    types(viewer, "before")
    told = len(viewer.transcript.markers)
    guest.domain.suspend()
    guest.domain.resume()
    types(viewer, "after")
    assert len(viewer.transcript.markers) == told
    assert {s["status"] for s in viewer.transcript.statuses} == {"connected"}


# --- guests that go away --------------------------------------------------------------------------


@pytest.mark.short
@pytest.mark.parametrize("by", ["uuid", "name"])
def test_deleted_and_defined_again_under_its_uuid(agent, guests, watch, by):
    guest = guests("phoenix").create()
    guest.wait_booted()
    watch(agent, guest).wait_status("connected")
    viewer = watch(agent, guest if by == "uuid" else guest.name)
    types(viewer, "before")
    guest.domain.destroy()  # transient: gone
    viewer.wait_status(STOPPED)
    guest.spec.name = "another-name"
    guest.define().start()
    guest.wait_booted()
    types(viewer, "after")


def test_a_rename(agent, guests, watch):
    guest = guests("old-name").define()
    watch(agent, guest).wait_status(STOPPED)
    viewer = watch(agent, "old-name")
    viewer.wait_status(STOPPED)
    guest.domain.rename("new-name")
    guest.spec.name = "new-name"
    guest.start()
    guest.wait_booted()
    types(viewer, "same guest")


def test_another_guest_under_the_same_name_is_another(agent, guests, watch):
    first = guests("name").create()
    viewer = watch(agent, first)
    viewer.wait_status("connected")
    first.domain.destroy()
    viewer.wait_status(STOPPED)
    second = guests("name").create()
    other = watch(agent, second)
    second.wait_booted()
    types(other, "second")
    assert viewer.status["status"] == STOPPED and viewer.output.count(b"second") == 0


def test_migrated_away(agent, guests, watch):
    guest = guests("traveller", log_console=True).define().start()
    guest.wait_booted()
    viewer = watch(agent, guest)
    types(viewer, "before")
    with PrivateLibvirt() as there:
        socket = there.directory / "run/migration"
        target = there.connect()
        guest.domain.migrate3(target, {libvirt.VIR_MIGRATE_PARAM_URI: f"unix://{socket}"},
                              libvirt.VIR_MIGRATE_LIVE | libvirt.VIR_MIGRATE_UNSAFE)
        reason = viewer.expect("goodbye")["data"]["reason"]
        assert (viewer.wait_closed()[0], reason) == (4009, "migrated")
        target.close()
    late = watch(agent, guest)
    late.wait_status(STOPPED)
    assert b"before" in late.output


# --- when nobody watches --------------------------------------------------------------------------


@pytest.mark.short
@pytest.mark.parametrize("policy", ["configuration", "metadata"])
def test_the_last_words_before_a_crash_that_nobody_watched(agents, guests, watch, policy):
    agent = agents(config={"console": {"linger_seconds": 1, **(
        {"attach": "always"} if policy == "configuration" else {})}})
    guest = guests("alone", code="flood", pvpanic=True, log_console=True,
                   console_policy="always" if policy == "metadata" else None).define().start()
    guest.wait_booted()
    guest.wait_logged(30_000)
    guest.send(commands.PANIC)
    guest.wait_state(libvirt.VIR_DOMAIN_SHUTOFF)
    viewer = watch(agent, guest)
    viewer.wait_markers("started", "stopped")
    check_logged(viewer.output, guest.console_log.read_bytes())


def test_who_comes_back_soon_finds_what_was_printed_meanwhile(agents, guests, watch):
    agent = agents(config={"console": {"linger_seconds": 60}})
    guest = guests("linger").create()
    guest.wait_booted()
    first = watch(agent, guest)
    first.wait_status("connected")
    guest.send(commands.FLOOD)
    first.wait_bytes(1000)
    first.close()
    reached = first.transcript.offset
    second = watch(agent, guest, from_=reached,
                   epoch=first.messages("connection_status")[0]["data"]["epoch"])
    second.wait_bytes(20_000)
    guest.send(commands.IDLE)
    second.check_gapless()
    assert second.transcript.pieces[0][0] == reached
    second.transcript.check_flood(first.transcript.check_flood())


def test_who_comes_back_late_is_told_that_something_is_missing(agent, guests, watch):
    guest = guests("late").create()
    guest.wait_booted()
    first = watch(agent, guest)
    types(first, "before")
    first.close()
    wait_until(lambda: attached(agent, guest) is False, 20, "the agent has let it go")
    guest.send(commands.FLOOD)
    second = watch(agent, guest)
    second.wait_told(lambda told: b"line" in told.output, what="the flood")
    guest.send(commands.IDLE)
    assert b"before" in second.output
    assert any(gap.approximate for gap in second.transcript.gaps)


def attached(agent, guest: Guest) -> bool:
    """Whether the agent has the stream of its first console."""
    status, body = agent.get(f"/api/v1/vms/{guest.spec.uuid}/console",
                             token_for(agent, role="admin"))
    assert status == 200, body
    return body["consoles"][0]["status"] == "connected"


# --- the agent itself -----------------------------------------------------------------------------


@pytest.mark.short
def test_the_agent_is_stopped_and_started(agents, guests, watch):
    agent = agents()
    guest = guests("outlives", log_console=True).create()
    guest.wait_booted()
    viewer = watch(agent, guest)
    types(viewer, "before")
    epoch = viewer.messages("connection_status")[0]["data"]["epoch"]
    agent.stop()
    told = viewer.expect("goodbye")["data"]
    assert told["reason"] == "shutting_down" and told["retry_after_ms"] > 0
    assert viewer.wait_closed()[0] == 1001
    agent.start()
    again = watch(agent, guest, from_=viewer.transcript.offset, epoch=epoch)
    types(again, "after")
    assert again.output == BANNER + b"beforeafter"  # from the log file: the epoch is another
    again.check_gapless()

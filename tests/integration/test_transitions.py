# SPDX-License-Identifier: Apache-2.0
"""Each transition that libvirt offers against the protocol's table "From callbacks to status":
exactly these events, in this order, and no others."""

import os
import signal
import subprocess

import libvirt
import pytest

from lab import guests as commands
from lab.guests import METADATA_NAMESPACE, Guest, GuestSpec
from lab.story import Stage, Story

DESTROYED = ("running->stopping destroyed", "stopping->stopped destroyed")
SHUT_DOWN = ("running->stopping shutdown", "stopping->stopped shutdown")
CRASHED = ("running->crashed panicked", "crashed->stopped crashed")
CONFIG, LIVE = libvirt.VIR_DOMAIN_AFFECT_CONFIG, libvirt.VIR_DOMAIN_AFFECT_LIVE
PAUSED = libvirt.VIR_DOMAIN_START_PAUSED


@pytest.fixture(scope="module")
def stage(session_lab, module_agent, session_loop):
    with Stage(session_lab, module_agent, session_loop) as shared:
        yield shared


@pytest.fixture
def story(stage):
    """Makes guests that are followed: `story("name", pvpanic=True)`; arguments are GuestSpec's."""
    made = []

    def make(name: str, **options) -> Story:
        made.append(Story(stage, Guest(stage.lab, GuestSpec(name, **options))))
        return made[-1]

    yield make
    for each in made:
        each.guest.remove()


@pytest.fixture
def defined(story):
    def make(name: str, **options) -> Story:
        new = story(name, **options)
        new.guest.define()
        new.told("created stopped")
        return new

    return make


@pytest.fixture
def running(defined):
    """A story whose guest has been defined and started, and obeys."""

    def make(name: str, **options) -> Story:
        new = defined(name, **options)
        new.guest.start().wait_booted()
        new.told("stopped->running booted")
        return new

    return make


@pytest.fixture
def transient(story):
    def make(name: str, **options) -> Story:
        new = story(name, **options)
        new.guest.create().wait_booted()
        new.told("created stopped", "stopped->running booted")
        return new

    return make


def set_id(domain: libvirt.virDomain, number: int | None, flags: int = CONFIG):
    element = None if number is None else f'<vm id="{number}"/>'
    domain.setMetadata(libvirt.VIR_DOMAIN_METADATA_ELEMENT, element, "rollo", METADATA_NAMESPACE,
                       flags)


# --- definitions ---------------------------------------------------------------------------------


@pytest.mark.short
def test_define_redefine_rename_undefine(story):
    it = story("defined")
    it.guest.define()
    created = it.told("created stopped")[0]["data"]["vm"]
    assert created["persistent"] is True and created["memory_mb"] == 16 and created["vcpus"] == 1
    assert created["autostart"] is False and created["console"] is True
    it.guest.define()
    it.told("updated")
    it.guest.spec.memory_mb = 20
    it.guest.define()
    assert it.told("updated memory_mb")[0]["data"]["vm"]["memory_mb"] == 20
    it.guest.spec.vcpus = 2
    it.guest.spec.title = "A title"
    it.guest.define()
    it.told("updated title,vcpus")
    it.guest.domain.rename("renamed")
    it.guest.spec.name = "renamed"
    renamed = it.told("updated name")[0]["data"]["vm"]
    assert (renamed["name"], renamed["id"]) == ("renamed", created["id"])
    it.guest.domain.undefine()
    deleted = it.told("deleted undefined")[0]["data"]
    assert (deleted["vm_id"], deleted["vm_name"]) == (created["id"], "renamed")


def test_metadata_that_the_messages_carry_is_told_and_no_other(defined):
    it = defined("described")
    domain = it.guest.domain
    title, text = libvirt.VIR_DOMAIN_METADATA_TITLE, libvirt.VIR_DOMAIN_METADATA_DESCRIPTION
    domain.setMetadata(title, "New", None, None, CONFIG)
    assert it.told("updated title")[0]["data"]["vm"]["title"] == "New"
    domain.setMetadata(title, "New", None, None, CONFIG)
    it.nothing()
    domain.setMetadata(text, "Nobody sees this", None, None, CONFIG)
    it.nothing()
    domain.setMetadata(title, None, None, None, CONFIG)
    assert it.told("updated title")[0]["data"]["vm"]["title"] is None


def test_an_id_in_the_metadata_renumbers(defined):
    it = defined("numbered")
    set_id(it.guest.domain, 501)
    gone, come = it.told("deleted renumbered", "created stopped")
    allotted = gone["data"]["vm_id"]
    assert allotted >= 1000001 and come["data"]["vm"]["id"] == 501
    set_id(it.guest.domain, 501)
    it.nothing()
    set_id(it.guest.domain, 502)
    gone, come = it.told("deleted renumbered", "created stopped")
    assert (gone["data"]["vm_id"], come["data"]["vm"]["id"]) == (501, 502)
    set_id(it.guest.domain, None)
    gone, come = it.told("deleted renumbered", "created stopped")
    assert gone["data"]["vm_id"] == 502
    assert come["data"]["vm"]["id"] == allotted  # its own from before, and nobody else's
    it.guest.spec.vm_id = 503
    it.guest.define()
    gone, come = it.told("deleted renumbered", "created stopped")
    assert (gone["data"]["vm_id"], come["data"]["vm"]["id"]) == (allotted, 503)


def test_an_id_in_the_metadata_of_a_running_guest(running):
    it = running("numbered-live")
    set_id(it.guest.domain, 511, LIVE | CONFIG)
    _, come = it.told("deleted renumbered", "created running")
    assert come["data"]["vm"]["id"] == 511
    it.guest.domain.destroy()
    assert {m["data"]["vm_id"] for m in it.told(*DESTROYED)} == {511}


def test_an_id_that_another_guest_has_is_not_given_twice(stage, defined, connect, module_agent):
    client = connect(module_agent, "/ws/monitor")
    client.expect("connection_status")
    first = defined("first", vm_id=521)
    second = defined("second", vm_id=521)
    firing = client.expect_data("alert", state="firing", alert_type="vm_id_conflict")
    assert firing["entity_type"] == "vm" and firing["entity_id"] >= 1000001
    second.guest.domain.undefine()
    second.told("deleted undefined")
    resolved = client.expect_data("alert", state="resolved", alert_id=firing["alert_id"])
    assert resolved["entity_id"] == firing["entity_id"]
    first.nothing()


# --- starting, pausing, rebooting, stopping ------------------------------------------------------


@pytest.mark.short
def test_start_pause_resume_destroy(running):
    it = running("started")
    domain = it.guest.domain
    domain.suspend()
    it.told("running->paused user")
    domain.suspend()
    it.nothing()
    domain.resume()
    it.told("paused->running user")
    with pytest.raises(libvirt.libvirtError):
        domain.resume()
    it.nothing()
    domain.destroy()
    it.told(*DESTROYED)
    it.guest.start()
    it.told("stopped->running booted")
    assert len(it.boots) == 2
    it.guest.domain.suspend()
    it.told("running->paused user")
    it.guest.domain.destroy()
    it.told("paused->stopping destroyed", "stopping->stopped destroyed")


def test_start_paused_and_the_power_button(defined):
    it = defined("button")
    it.guest.start(PAUSED)
    it.told("stopped->paused booted")
    it.guest.domain.resume()
    it.told("paused->running user")
    it.guest.wait_booted()
    it.guest.domain.shutdown()
    it.told(*SHUT_DOWN)


def test_the_guest_powers_itself_off(running):
    it = running("poweroff")
    it.guest.send(commands.POWER_OFF)
    it.told(*SHUT_DOWN)


@pytest.mark.parametrize("how", ["guest", "reset", "acpi"])
def test_a_reboot_is_told_once(running, how):
    it = running(f"reboot-{how}")
    {"guest": lambda: it.guest.send(commands.REBOOT),
     "reset": lambda: it.guest.domain.reset(),
     "acpi": lambda: it.guest.domain.reboot(libvirt.VIR_DOMAIN_REBOOT_ACPI_POWER_BTN)}[how]()
    it.told("running->running reboot")
    it.guest.wait_booted()  # the last of libvirt's reports comes before the guest's code runs
    it.nothing()
    it.guest.domain.destroy()
    it.told(*DESTROYED)
    assert len(it.boots) == 1


@pytest.mark.parametrize("number, lines", [
    (signal.SIGKILL, ["running->stopped failed"]),
    (signal.SIGTERM, ["running->stopping destroyed", "stopping->stopped shutdown"])])
def test_qemu_ended_by_a_signal(running, number, lines):
    it = running(f"signal-{int(number)}")
    os.kill(it.guest.pid(), number)
    it.told(*lines)


def test_a_start_that_fails_is_no_event(defined, session_lab):
    disk = session_lab.directory / "images/missing.img"
    it = defined("unlucky", extra="<disk type='file'><driver name='qemu' type='raw'/>"
                                  f"<source file='{disk}'/><target dev='vdc' bus='virtio'/></disk>")
    with pytest.raises(libvirt.libvirtError):
        it.guest.start()
    it.nothing()


def test_autodestroy_with_its_connection(story, session_lab):
    it = story("attached-to-me")
    owner = session_lab.connect()
    owner.createXML(it.guest.xml(), libvirt.VIR_DOMAIN_START_AUTODESTROY)
    it.told("created stopped", "stopped->running booted")
    owner.close()
    it.told(*DESTROYED, "deleted transient_ended")


# --- panics, watchdogs, sleep --------------------------------------------------------------------


@pytest.mark.short
def test_panic_with_on_crash_destroy(running):
    it = running("panic-destroy", pvpanic=True)
    it.guest.send(commands.PANIC)
    it.told(*CRASHED)


def test_panic_with_on_crash_restart(running):
    it = running("panic-restart", pvpanic=True, on_crash="restart")
    it.guest.send(commands.PANIC)
    it.told("running->crashed panicked", "crashed->running user")
    it.guest.wait_booted()
    it.nothing()
    assert len(it.boots) == 1


def test_panic_with_on_crash_preserve(running):
    it = running("panic-preserve", pvpanic=True, on_crash="preserve")
    it.guest.send(commands.PANIC)
    it.told("running->crashed panicked")
    it.guest.domain.resume()
    it.told("crashed->running user")
    it.guest.domain.destroy()
    it.told(*DESTROYED)


def test_watchdogs(defined):
    """Three at once: the watchdog takes two seconds."""
    its = {action: defined(f"dog-{action}", watchdog=action)
           for action in ("reset", "poweroff", "pause")}
    for it in its.values():
        it.guest.start().wait_booted()
        it.told("stopped->running booted")
        it.guest.send(commands.WATCHDOG)
    its["reset"].told("running->running reboot")
    its["poweroff"].told("running->stopped failed")
    its["pause"].told("running->paused watchdog")
    its["reset"].guest.wait_booted()
    its["reset"].nothing()


def test_sleep_and_wake(running):
    it = running("sleeper", suspend_to_memory=True)
    it.guest.send(commands.SLEEP)
    it.told("running->suspended memory")
    it.guest.domain.pMWakeup()
    # The wake-up of this guest is a reset of its machine as well: libvirt reports REBOOT.
    it.told("suspended->running wakeup", "running->running reboot")
    it.guest.domain.destroy()
    it.told(*DESTROYED)
    assert len(it.boots) == 1


# --- saving and restoring ------------------------------------------------------------------------


@pytest.mark.parametrize("paused", [False, True])
def test_save_and_restore(running, session_lab, paused):
    it = running(f"saved-{paused}")
    file = str(session_lab.directory / "images" / f"{it.guest.name}.save")
    if paused:
        it.guest.domain.suspend()
        it.told("running->paused user")
        it.guest.domain.save(file)
        it.told("paused->stopped saved")
    else:
        it.guest.domain.save(file)
        it.told("running->paused user", "paused->stopped saved")
    session_lab.connection.restore(file)
    it.told("stopped->paused restored" if paused else "stopped->running restored")
    assert len(it.boots) == 2


def test_managed_save_and_start(running):
    it = running("managed")
    it.guest.domain.managedSave()
    it.told("running->paused user", "paused->stopped saved")
    it.guest.start()
    it.told("stopped->running restored")
    it.guest.domain.suspend()
    it.told("running->paused user")
    it.guest.domain.managedSave()
    it.told("paused->stopped saved")
    it.guest.start()
    it.told("stopped->paused restored")


def test_dump_and_crash_dump(running, session_lab):
    it = running("dumped")
    file = str(session_lab.directory / "images/dumped.core")
    it.guest.domain.coreDump(file)
    it.told("running->paused user", "paused->running user")
    it.guest.domain.coreDump(file, libvirt.VIR_DUMP_CRASH)
    it.told("running->paused user", "paused->stopped crashed")


def test_revert_to_a_snapshot(defined, session_lab):
    disk = session_lab.directory / "images/snapshots.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(disk), "1M"], check=True)
    session_lab.own(disk)
    it = defined("reverted", extra="<disk type='file'><driver name='qemu' type='qcow2'/>"
                                   f"<source file='{disk}'/><target dev='vdc'/></disk>")
    it.guest.start().wait_booted()
    it.told("stopped->running booted")
    snapshot = it.guest.domain.snapshotCreateXML(
        "<domainsnapshot><name>s</name><disks><disk name='vda' snapshot='no'/></disks>"
        "</domainsnapshot>")
    it.told("running->paused user", "paused->running user")
    it.guest.domain.revertToSnapshot(snapshot)
    it.told("running->stopped from_snapshot", "stopped->running from_snapshot", "updated")
    it.guest.domain.destroy()
    it.told(*DESTROYED)
    it.guest.domain.revertToSnapshot(snapshot)
    it.told("stopped->running from_snapshot", "updated")


# --- undefining, transient guests ----------------------------------------------------------------


def test_undefine_while_running(running):
    it = running("undefined-running")
    it.guest.domain.undefine()
    updated = it.told("updated persistent")[0]["data"]["vm"]
    assert updated["persistent"] is False
    it.guest.domain.destroy()
    it.told(*DESTROYED, "deleted transient_ended")


def test_undefine_while_running_and_define_again(running):
    it = running("undefined-defined")
    it.guest.domain.undefine()
    it.told("updated persistent")
    it.guest.define()
    it.told("updated persistent")
    it.guest.domain.destroy()
    it.told(*DESTROYED)


@pytest.mark.short
def test_a_transient_guest_is_created_and_destroyed(transient):
    it = transient("transient")
    it.guest.domain.destroy()
    it.told(*DESTROYED, "deleted transient_ended")
    it.guest.create()  # the same UUID again: the same id, another boot
    first, second = it.told("created stopped", "stopped->running booted")
    assert first["data"]["vm"]["persistent"] is False
    assert first["data"]["vm"]["id"] == second["data"]["vm_id"]
    assert len(it.boots) == 2


def test_a_transient_guest_is_created_paused_and_powers_off(story):
    it = story("transient-paused")
    it.guest.create(PAUSED)
    it.told("created stopped", "stopped->paused booted")
    it.guest.domain.resume()
    it.told("paused->running user")
    it.guest.wait_booted()
    it.guest.send(commands.POWER_OFF)
    it.told(*SHUT_DOWN, "deleted transient_ended")


@pytest.mark.parametrize("how", ["kill", "panic"])
def test_a_transient_guest_ends_badly(transient, how):
    it = transient(f"transient-{how}", pvpanic=True)
    if how == "kill":
        it.guest.kill()
        it.told("running->stopped failed", "deleted transient_ended")
    else:
        it.guest.send(commands.PANIC)
        it.told(*CRASHED, "deleted transient_ended")


def test_a_transient_guest_is_saved_and_restored(transient, session_lab):
    it = transient("transient-saved")
    file = str(session_lab.directory / "images/transient.save")
    it.guest.domain.save(file)
    it.told("running->paused user", "paused->stopped saved", "deleted transient_ended")
    session_lab.connection.restore(file)
    it.told("created stopped", "stopped->running restored")


def test_define_over_a_transient_guest(transient):
    it = transient("kept")
    it.guest.define()
    updated = it.told("updated persistent")[0]["data"]["vm"]
    assert updated["persistent"] is True
    it.guest.send(commands.POWER_OFF)
    it.told(*SHUT_DOWN)
    it.guest.domain.undefine()
    it.told("deleted undefined")


def test_a_change_for_the_next_start_is_told_when_it_holds(running):
    it = running("changed-later")
    it.guest.spec.memory_mb = 24
    it.guest.define()
    vm = it.told("updated")[0]["data"]["vm"]
    assert vm["memory_mb"] == 16  # that of the process, which is what memory_mb means
    it.guest.domain.destroy()
    it.told(*DESTROYED, "updated memory_mb")
    it.guest.start()
    it.told("stopped->running booted")
    it.guest.domain.setMemoryFlags(20 * 1024, CONFIG)
    it.nothing()
    it.guest.domain.setMemoryFlags(20 * 1024, LIVE)  # no driver: it stays as it is
    it.nothing()

# SPDX-License-Identifier: Apache-2.0
"""The laboratory itself: a test that relies on it must be able to."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import libvirt
import pytest

from lab import guests as commands
from lab import jobs
from lab.guests import Guest, GuestSpec
from lab.libvirtd import PrivateLibvirt, descendants
from lab.schema import SchemaError, check_message
from lab.wait import wait_until

OWNER = """
import sys
sys.path.insert(0, sys.argv[1])
from lab.guests import Guest, GuestSpec
from lab.libvirtd import PrivateLibvirt
with PrivateLibvirt() as lab:
    Guest(lab, GuestSpec("orphan")).create().wait_booted()
    print(lab.directory, flush=True)
    sys.stdin.read()
"""


def test_the_guest_obeys_its_control_bytes(guests):
    guest = guests("obedient", data_disk=1 << 20).define().start()
    guest.wait_booted()
    guest.send(commands.WRITE)
    wait_until(lambda: guest.domain.blockStats("vdb")[3] == 32768, what="32 KiB written")
    guest.send(commands.REBOOT)
    guest.wait_booted()
    guest.send(commands.POWER_OFF)
    guest.wait_state(libvirt.VIR_DOMAIN_SHUTOFF)
    assert guest.domain.state()[1] == libvirt.VIR_DOMAIN_SHUTOFF_SHUTDOWN


def test_a_busy_guest_uses_the_processor_and_an_idle_one_does_not(guests):
    guest = guests("worker").create()
    guest.wait_booted()

    def cpu_ns() -> int:
        return guest.domain.info()[4]

    guest.send(commands.BUSY)
    start = cpu_ns()
    wait_until(lambda: cpu_ns() - start > 300_000_000, 20, "0.3 s of processor time")
    guest.send(commands.IDLE)


def test_a_guest_outlives_its_libvirtd(lab, guests):
    guest = guests("survivor").define().start()
    guest.wait_booted()
    lab.kill()
    guest.send(commands.LINE)
    lab.start()
    assert guest.state() == libvirt.VIR_DOMAIN_RUNNING


@pytest.mark.parametrize("sign", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_nothing_is_left_when_the_owner_is_ended(sign):
    with subprocess.Popen(
            [sys.executable, "-c", OWNER, str(Path(__file__).parents[1])], text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as owner:
        directory = Path(owner.stdout.readline().strip())
        below = descendants(owner.pid)
        assert directory.is_dir() and len(below) >= 3  # reaper, libvirtd, QEMU
        owner.send_signal(sign)
        owner.wait(30)
    wait_until(lambda: not directory.exists(), 30, f"{directory} is removed")
    wait_until(lambda: not any(alive(pid) for pid in below), 30, "every process is gone")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_the_small_linux_has_a_shell_a_balloon_and_a_power_button(linux_guests):
    guest = linux_guests("penguin").define().start()
    guest.wait_booted()
    assert guest.run("echo $((6 * 7))") == "42"
    with pytest.raises(RuntimeError):
        guest.run("false")
    wait_until(lambda: guest.domain.memoryStats().get("usable", 0) > 0, what="memory figures")
    guest.domain.setMemory(128 * 1024)
    wait_until(lambda: guest.domain.memoryStats()["actual"] == 128 * 1024, what="balloon inflated")
    guest.domain.shutdown()
    guest.wait_state(libvirt.VIR_DOMAIN_SHUTOFF, 30)


def test_jobs_take_their_time():
    with PrivateLibvirt(image_format="xz") as lab, PrivateLibvirt() as other:
        guest = Guest(lab, GuestSpec("busy", memory_mb=16, data_disk=32 << 20, noise=True))
        guest.define().start().wait_booted()
        guest.fill_memory()
        jobs.copy_disk(guest, 16)
        wait_until(lambda: 0 < guest.domain.blockJobInfo("vdb")["cur"] < 32 << 20, what="a copy")
        jobs.cancel_copy(guest)
        saving = jobs.save(guest)
        wait_until(lambda: guest.domain.state() == [libvirt.VIR_DOMAIN_PAUSED,
                                                    libvirt.VIR_DOMAIN_PAUSED_SAVE], what="a save")
        guest.domain.abortJob()
        assert "canceled" in saving.wait() and guest.state() == libvirt.VIR_DOMAIN_RUNNING
        assert jobs.migrate(guest, other).wait() == ""
        assert guest.state() == libvirt.VIR_DOMAIN_SHUTOFF
        assert other.connection.lookupByName("busy").isActive()


@pytest.mark.short
def test_agent_guests_and_clients_fit_together(agent, guests, connect):
    client = connect(agent, "/ws/monitor?events=vm_status_changed", token=agent.token())
    client.expect("snapshot")
    guest = guests("together", vm_id=7).define().start()
    assert client.expect_data("vm_status_changed", new_status="running")["vm_id"] == 7
    guest.domain.destroy()
    assert client.expect_data("vm_status_changed", new_status="stopped")["vm_uuid"] \
        == guest.spec.uuid


def test_messages_that_break_the_schema_are_noticed():
    good = {"type": "pong", "data": {"timestamp": "2024-01-01T00:00:00.000Z", "seq": 0},
            "timestamp": "2024-01-01T00:00:00.000Z"}
    check_message(good)
    for bad in ({}, [], {"type": "nonsense"}, {**good, "data": {}}, {**good, "type": "goodbye"}):
        with pytest.raises(SchemaError):
            check_message(bad)

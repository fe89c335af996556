# SPDX-License-Identifier: Apache-2.0
"""Which device: the first, one that is named, one that does not exist or gives no stream."""

import pytest

from lab.console import Console
from lab.numbered import BANNER


@pytest.fixture(scope="module")
def agent(module_agents):
    return module_agents()


def closed(viewer: Console) -> tuple[int, str]:
    reason = viewer.expect("goodbye")["data"]["reason"]
    return viewer.wait_closed()[0], reason


def test_two_devices_each_with_its_own(agent, guests, watch):
    guest = guests("two", control="pty").define()
    default, first, second = (watch(agent, guest, **query) for query in (
        {}, {"device": "serial0"}, {"device": "serial1"}))
    for viewer, device in ((default, "serial0"), (first, "serial0"), (second, "serial1")):
        viewer.wait_status("waiting_for_vm", device=device)
    guest.start()
    for viewer in (default, first, second):
        viewer.wait_status("connected")
    first.type("to the first")
    second.type("to the second")  # leases are of the device
    default.wait_output("to the first")
    second.wait_output("to the second")
    assert b"second" not in default.output and b"first" not in second.output
    assert first.status["viewers"] == 2 and second.status["viewers"] == 1


def test_a_virtio_console(agent, linux_guests, watch):
    guest = linux_guests("hvc", virtio_console=True).create()
    guest.wait_booted()
    serial, virtio = watch(agent, guest), watch(agent, guest, device="console1")
    for viewer in (serial, virtio):
        viewer.wait_status("connected")
    virtio.type("echo $((6 * 7))\r")
    virtio.wait_output("\r\n42\r\n")
    serial.type("echo $((7 * 8))\r")
    serial.wait_output("\r\n56\r\n")
    assert b"56" not in virtio.output


@pytest.mark.parametrize("device", ["serial9", "../x", "net0"])
def test_a_device_that_there_is_not(agent, guests, watch, device):
    guest = guests("few").create()
    viewer = watch(agent, guest, device=device)
    assert closed(viewer) == (4004, "not_found")


@pytest.mark.parametrize("running", [True, False])
def test_a_guest_without_a_console(agent, guests, watch, running):
    guest = guests("mute", console="", control="")
    guest = guest.create() if running else guest.define()
    assert closed(watch(agent, guest)) == (4004, "not_found")


@pytest.mark.parametrize("kind", ["file", "unix"])
def test_a_device_that_is_no_terminal_says_so(agent, guests, watch, kind):
    """Libvirt gives no stream of it; not now, and not later."""
    guest = guests("no-terminal", console=kind).create()
    guest.wait_booted()
    viewer = watch(agent, guest, device="serial0")
    status = viewer.wait_status("closed")
    assert kind in status["message"].lower() or "terminal" in status["message"].lower(), status
    viewer.type("x")
    viewer.wait_error("console_not_connected")


def test_the_default_device_is_the_first_that_there_is(agent, guests, watch):
    """Also where another one could be opened: who wants that names it."""
    guest = guests("unix-first", console="unix", control="pty", log_console=True).create()
    guest.wait_logged(len(BANNER))
    viewer = watch(agent, guest)
    viewer.wait_told(lambda told: told.statuses, what="console_status")
    assert viewer.status["device"] == "serial0"
    other = watch(agent, guest, device="serial1")
    other.wait_status("connected")
    other.type("abc")
    other.wait_output("abc")

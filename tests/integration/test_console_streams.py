# SPDX-License-Identifier: Apache-2.0
"""Streams of consoles as agent/virt gives them to the core, against a real libvirt: nothing is
lost or delayed that need not be, every end is told once, and nothing hangs but what must."""

import re
import subprocess
import time

import libvirt
import pytest

from lab import guests as commands
from lab.console_driver import ConsoleDriver
from lab.wait import wait_until

LINE = re.compile(rb"line ([0-9a-f]{8})\r\n")
# QEMU looks once a second whether somebody reads its PTY.
NOTICED = 1.5
# What the terminal, libvirt and its sockets may still have when the guest prints no more.
UNDER_WAY = 64 * 1024


@pytest.fixture
def driver(lab, tmp_path, artefacts):
    with ConsoleDriver(lab.uri, tmp_path) as driver:
        yield driver
    artefacts(tmp_path / "driver.log")
    assert "Sanitizer" not in driver.log()


@pytest.fixture
def guest(guests):
    guest = guests("guest").create()
    guest.wait_booted(30)
    return guest


def attached(driver, guest, *more) -> int:
    """A stream by which the guest can be heard."""
    stream = driver.opened(guest, "serial0", *more)
    wait_until(lambda: speak(driver, stream), 10, "the guest is heard")
    return stream


def speak(driver, stream) -> bool:
    """Whether the guest, asked by this stream for a line, is heard to print one."""
    before = len(driver.output(stream))
    driver.send(stream, commands.LINE)
    try:
        wait_until(lambda: numbers(driver.output(stream)[before:]), 0.3, step=0.002)
    except TimeoutError:
        return False
    return True


def numbers(output: bytes) -> list[int]:
    return [int(number, 16) for number in LINE.findall(output)]


def check_complete(output: bytes):
    """Every number from the first to the last, and nothing but such lines from there on."""
    seen = numbers(output)
    assert seen == list(range(seen[0], seen[0] + len(seen)))


def other(lab, guest, force=False):
    """Somebody else's stream of the same device."""
    connection = lab.connect()
    stream = connection.newStream(libvirt.VIR_STREAM_NONBLOCK)
    flags = libvirt.VIR_DOMAIN_CONSOLE_FORCE if force else 0
    connection.lookupByUUIDString(guest.spec.uuid).openConsole("serial0", stream, flags)
    return stream


@pytest.mark.short
def test_what_is_typed_is_echoed(driver, guest):
    stream = attached(driver, guest)
    driver.send(stream, b"hello")
    driver.await_output(stream, b"hello")
    taken = len(driver.words("taken", stream))
    driver.send(stream, b" world")
    driver.expect("taken", stream, count=taken + 1)
    driver.await_output(stream, b"hello world")
    assert driver.end()


def test_a_flood_is_read_without_loss_and_without_haste(driver, guest):
    stream = attached(driver, guest)
    time.sleep(0.1)
    guest.send(commands.FLOOD)
    began = time.monotonic()
    time.sleep(20)
    took = time.monotonic() - began
    guest.send(commands.IDLE)
    size = len(driver.output(stream))
    tells = len(driver.words("output", stream))
    time.sleep(0.1)
    check_complete(driver.output(stream))
    print(f"{size / took:.0f} bytes and {tells / took:.0f} observations a second")
    assert size > 20 * 20_000
    assert driver.dropped(stream) == 0
    assert tells / took < 205
    # After it one byte comes as fast as ever.
    driver.send(stream, b"!")
    driver.await_output(stream, b"!")


def test_the_first_byte_after_quiet_comes_at_once(driver, guest):
    stream = attached(driver, guest)
    times = []
    for i in range(100):
        time.sleep(0.02)
        before = len(driver.output(stream))
        began = time.monotonic()
        driver.send(stream, b"a")
        wait_until(lambda n=before: len(driver.output(stream)) > n, 2, step=0)
        times.append(1000 * (time.monotonic() - began))
    times.sort()
    print(f"median {times[50]:.2f} ms, longest {times[-1]:.2f} ms")
    assert times[50] < 4
    assert times[90] < 15  # none waits for another that came before it


def test_output_that_nobody_takes_is_bounded_and_counted(driver, guests):
    guest = guests("guest", log_console=True).create()
    guest.wait_booted(30)
    stream = attached(driver, guest)
    driver.hold(stream)
    guest.send(commands.FLOOD)
    guest.wait_logged(3 << 19, 120)
    guest.send(commands.IDLE)
    before = len(driver.output(stream))
    driver.release(stream)
    wait_until(lambda: driver.dropped(stream) > 0, 10, "it is counted")
    after = len(driver.output(stream)) - before
    assert after <= (1 << 20) + UNDER_WAY
    # The lines that were dropped, and not one more.
    seen = numbers(driver.output(stream)[before:])
    last = numbers(driver.output(stream)[:before])[-1]
    missing = (seen[0] - last - 1) * len(b"line 00000000\r\n")
    assert abs(missing - driver.dropped(stream)) < 40


def test_a_second_opener_is_told_that_it_is_in_use(driver, guest, lab):
    stream = attached(driver, guest)
    second = driver.open(guest)
    assert driver.expect("failed", second) == ["inUse"]
    with pytest.raises(libvirt.libvirtError):
        other(lab, guest)
    forced = attached(driver, guest, "force")
    assert driver.expect("ended", stream) == ["0"]
    assert speak(driver, forced)
    theirs = other(lab, guest, force=True)
    driver.expect("ended", forced)
    theirs.abort()
    assert speak(driver, attached(driver, guest))
    assert driver.words("ended", stream) == [["0"]]


def test_why_it_cannot_be_opened(driver, guest, guests):
    off = guests("off").define()
    for stream, why in ((driver.open(guest, "serial1"), "notOpenable"),
                        (driver.open(guest, "serial7"), "noSuchDevice"),
                        (driver.open(off), "notRunning"),
                        (driver.open(guests("nobody")), "notRunning")):
        assert driver.expect("failed", stream) == [why]


def test_all_output_before_the_end_arrives(driver, guest, lab):
    stream = attached(driver, guest)
    guest.send(commands.FLOOD)
    time.sleep(0.5)
    guest.domain.destroy()
    driver.expect("ended", stream)
    assert driver.said("ended", stream)[-1][0] >= driver.said("output", stream)[-1][0]
    check_complete(driver.output(stream))
    lab.restart()  # which ends its connection as well
    attached(driver, guest.create())
    assert len(driver.words("ended", stream)) == 1


def test_a_reset_keeps_the_stream(driver, guest):
    stream = attached(driver, guest)
    before = len(driver.output(stream))
    guest.domain.reset()
    wait_until(lambda: len(driver.output(stream)) > before, 20, "it boots")
    guest.wait_booted(30)
    assert speak(driver, stream)
    assert driver.words("ended", stream) == []


@pytest.mark.short
def test_libvirt_that_dies_ends_every_stream_once(driver, guest, lab):
    stream = attached(driver, guest)
    lab.kill()
    assert driver.expect("ended", stream, 5) == ["0"]
    late = driver.open(guest)
    assert driver.expect("failed", late) == ["libvirt"]
    lab.start()
    again = attached(driver, guest)
    lab.restart()
    driver.expect("ended", again)
    attached(driver, guest)
    assert len(driver.words("ended", stream)) == len(driver.words("ended", again)) == 1


def test_libvirt_that_is_frozen(driver, guest, lab):
    stream = attached(driver, guest)
    lab.freeze()
    late = driver.open(guest)
    assert driver.expect("failed", late, 13) == ["libvirt"]
    assert driver.figures() == (1, 1, 1)
    assert driver.words("ended", stream) == []
    lab.thaw()
    wait_until(lambda: driver.figures() == (1, 0, 1), 10, "it has come back")
    assert speak(driver, stream)


def test_closing_while_qemu_is_frozen_delays_nobody(driver, guest, guests, lab):
    neighbour = guests("neighbour").create()
    neighbour.wait_booted(30)
    stream = attached(driver, guest)
    beside = attached(driver, neighbour)
    level = driver.holdings()
    guest.freeze()
    driver.send(stream, b"x" * 65536)
    time.sleep(1)
    assert driver.words("ended", stream) == []
    driver.shut(stream)
    for _ in range(50):
        began = time.monotonic()
        assert speak(driver, beside)
        assert time.monotonic() - began < 0.2
        time.sleep(0.05)
    assert driver.figures() == (1, 0, 0)
    guest.thaw()
    wait_until(lambda: driver.holdings().within(level), 10, "it holds no more")
    assert speak(driver, attached(driver, guest))
    assert driver.words("ended", stream) == []


def test_guests_that_take_no_input_for_long_keep_their_streams(driver, guest, guests):
    """Libvirt's keepalive closes a connection that it has not read for 30 s."""
    paused = guests("paused").create()
    paused.wait_booted(30)
    streams = {attached(driver, paused): paused.domain.resume, attached(driver, guest): guest.thaw}
    paused.domain.suspend()
    guest.freeze()
    text = b"".join(b"%07d " % i for i in range(5000))
    before = {}
    for stream in streams:
        before[stream] = len(driver.words("taken", stream)), len(driver.output(stream))
        driver.send(stream, text)
    time.sleep(45)
    for stream, (taken, _) in before.items():
        assert driver.words("ended", stream) == []
        assert len(driver.words("taken", stream)) == taken
    for go_on in streams.values():
        go_on()

    def echo(stream, printed) -> bytes:
        """Without late answers to what was asked to see whether the guest is heard."""
        return LINE.sub(b"", driver.output(stream)[printed:])

    for stream, (taken, printed) in before.items():
        driver.expect("taken", stream, 60, count=taken + 1)
        wait_until(lambda: len(echo(stream, printed)) >= len(text), 60, "all is echoed")
        assert echo(stream, printed) == text


def test_a_guest_that_runs_and_takes_nothing(driver, guests):
    """Nothing tells such a guest from one that is slow. Libvirt does not read the stream's
    connection then, so that closing it takes until its keepalive closes it, after 30 s."""
    extra = ("<controller type='virtio-serial'/>"
             "<console type='pty'><target type='virtio'/></console>")
    guest = guests("guest", extra=extra).create()
    guest.wait_booted(30)
    guest.send(commands.BUSY)
    beside = attached(driver, guest)
    level = driver.holdings()
    stream = driver.opened(guest, "console1")
    driver.send(stream, b"x" * 65536)
    time.sleep(3)
    driver.shut(stream)
    wait_until(lambda: driver.figures() == (1, 1, 1), 5, "it is left behind")
    for _ in range(50):
        assert speak(driver, beside)
    wait_until(lambda: driver.figures() == (1, 0, 1), 35, "it has come back")
    wait_until(lambda: driver.holdings().within(level), 10, "it holds no more")
    again = driver.opened(guest, "console1")
    driver.send(again, b"x" * 65536)
    assert int(driver.expect("ended", again, 40)[0]) > 0


def test_input_that_waits_is_told_as_lost(driver, guest):
    stream = attached(driver, guest)
    guest.freeze()
    driver.send(stream, b"x" * 65536)
    time.sleep(2)
    guest.kill()
    lost = int(driver.expect("ended", stream, 20)[0])
    assert 65536 - 20_000 <= lost <= 65536


def test_a_log_file_is_read_before_and_after(driver, guests):
    guest = guests("guest", log_console=True).create()
    guest.wait_booted(30)
    guest.wait_logged(1)
    stream = driver.opened(guest, "serial0", str(guest.console_log))
    start, length = map(int, driver.words("opened", stream)[0])
    assert start == 0 and length > 0
    wait_until(lambda: speak(driver, stream), 10, "the guest is heard")
    driver.read_log(stream, length)
    assert int(driver.expect("log", stream)[1]) > 0
    driver.read_log(stream, 1 << 30)
    assert driver.expect("log", stream, count=2) == ["-", "-"]


def test_nothing_is_held_after_a_hundred_times(driver, guest):
    def once():
        stream = driver.opened(guest)
        driver.shut(stream)
        wait_until(lambda: driver.figures()[0] == 0, 5, step=0.002)

    for _ in range(3):
        once()
    time.sleep(0.5)
    level = driver.holdings()
    for _ in range(100):
        once()
    wait_until(lambda: driver.holdings().within(level), 10, f"it holds no more than {level}")
    assert driver.figures() == (0, 0, 0)
    assert driver.end()

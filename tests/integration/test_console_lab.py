# SPDX-License-Identifier: Apache-2.0
"""What the tests of consoles rely on: guests that print and listen as they should, another program
at the console, and checkers that notice every byte that is lost, doubled or out of its place."""

import os

import pytest

from lab import guests as commands
from lab.numbered import BANNER, FloodError, check_flood, check_logged, flood
from lab.transcript import Gap, Marker, Transcript
from lab.virsh_console import VirshConsole
from lab.wait import wait_until

ATTACHED = {"boot_id": "b", "start_offset": 0, "replay_from": 0, "next_offset": 0}
FLOOD = flood(0, 4000)


# --- checkers -------------------------------------------------------------------------------------


def test_a_flood_that_is_whole_passes_from_wherever_it_is_seen():
    assert FLOOD.startswith(BANNER + b"line 00000001\r\nline 00000002\r\n")
    for begin in (0, 1, 25, 26, 27, 40, 41, 100):
        assert flood(begin, 500) == FLOOD[begin:begin + 500]
        assert check_flood([(7, FLOOD[begin:])]) == 7 - begin
    assert check_flood([(0, FLOOD[:1000]), (2000, FLOOD[2000:])]) == 0


@pytest.mark.parametrize("stream, told", [
    ([(0, FLOOD[:1000] + FLOOD[1001:])], "1 bytes are missing"),
    ([(0, FLOOD[:1000] + FLOOD[985:])], "15 bytes are too many"),
    ([(0, FLOOD[:1001] + b"\0" + FLOOD[1002:])], "goes on as it should"),
    ([(0, FLOOD[:161] + FLOOD[176:191] + FLOOD[161:176] + FLOOD[191:])], "line 0000000a"),
    ([(0, FLOOD[:1000]), (1999, FLOOD[2000:])], "1 bytes are missing"),
    ([(0, FLOOD[:1000]), (1000, FLOOD[985:])], "15 bytes are too many"),
    ([(0, b"x" + FLOOD)], "before the boot"),
    ([(0, b"xxxx")], "not a single whole line"),
], ids=range(8))
def test_a_flood_with_a_fault_does_not_and_the_place_is_named(stream, told):
    with pytest.raises(FloodError, match=told):
        check_flood(stream)


def with_again(place: int, times: int = 1) -> bytes:
    return FLOOD[:place] + times * FLOOD[place - 1:place] + FLOOD[place:]


@pytest.mark.parametrize("output, logged, killed", [
    (FLOOD, FLOOD, False),
    (FLOOD, with_again(1000), False),
    (FLOOD, with_again(1000, 4), False),
    (with_again(1000), with_again(1000), False),
    (with_again(1000), with_again(1000, 2), False),
    (FLOOD, FLOOD[:-1], True),
    (FLOOD[:-1], FLOOD, True),
], ids=range(7))
def test_output_that_is_what_the_log_has_passes(output, logged, killed):
    check_logged(output, logged, killed)


@pytest.mark.parametrize("output, logged, killed, told", [
    (FLOOD[:1000] + FLOOD[1001:], FLOOD, False, "the output goes wrong at byte 1000 "),
    (FLOOD, FLOOD[:1000] + FLOOD[1001:], False, "the log file goes wrong at byte 1000 "),
    (FLOOD[:1000] + FLOOD[1015:], FLOOD[:1000] + FLOOD[1015:], False, "the output goes wrong"),
    (FLOOD, FLOOD[:1000] + FLOOD[985:], False, "the log file goes wrong at byte 1013 "),
    (FLOOD[1:], FLOOD, False, "the output goes wrong at byte 0 of 3999, byte 0 "),
    (with_again(1000), FLOOD, False, "byte 999 of the flood 1 times too often"),
    (with_again(1000), with_again(1001), False, "byte 999 of the flood 1 times too often"),
    (with_again(1000, 2), with_again(1000), False, "the log file 1 times"),
    (FLOOD, FLOOD[:-1], False, "after 4000 .* after 3999"),
    (FLOOD[:-2], FLOOD, True, "after 3998 .* after 4000"),
], ids=range(10))
def test_output_that_differs_from_the_log_does_not(output, logged, killed, told):
    with pytest.raises(FloodError, match=told):
        check_logged(output, logged, killed)


def transcript(*messages) -> Transcript:
    made = Transcript()
    for message in messages:
        made.feed(message if isinstance(message, bytes) else
                  {"type": message[0], "data": message[1]})
    return made


def beginning(**changes):
    return ("connection_status", {}), ("console_status", {}), ("console_attached",
                                                               {**ATTACHED, **changes})


def test_a_transcript_keeps_offsets_gaps_and_markers():
    told = transcript(*beginning(replay_from=10, next_offset=13), b"abc", b"d",
                      ("console_gap", {"from": 14, "to": 20}), b"efg",
                      ("console_marker", {"kind": "stopped", "offset": 23, "boot_id": "b"}),
                      ("console_marker", {"kind": "started", "offset": 23, "boot_id": "c"}),
                      ("console_gap", {"from": 23, "to": 23, "approximate": True}), b"h")
    told.check()
    assert told.pieces == [(10, b"abcd"), (20, b"efg"), (23, b"h")] and told.offset == 24
    assert told.gaps == [Gap(14, 20), Gap(23, 23, True)]
    assert told.markers == [Marker("stopped", 23, "b"), Marker("started", 23, "c")]
    assert told.between(21, 24) == b"fgh" and list(told.boots()) == [
        [(10, b"abcd"), (20, b"efg")], [(23, b"h")]]
    with pytest.raises(AssertionError):
        told.between(12, 21)


@pytest.mark.parametrize("messages", [
    [*beginning()[:2], b"early"],
    [("console_status", {}), *beginning()],
    [*beginning(), b"abc", ("console_gap", {"from": 4, "to": 5})],
    [*beginning(), b"abc", ("console_gap", {"from": 3, "to": 3})],
    [*beginning(), b"abc", ("console_gap", {"from": 3, "to": 9, "approximate": True})],
    [*beginning(), b"abc", ("console_marker", {"kind": "x", "offset": 2, "boot_id": "b"})],
    [*beginning(), b"abc", ("console_attached", {**ATTACHED, "replay_from": 2, "next_offset": 2})],
    [*beginning(), ("console_output", {"output": "abc"})],
    [*beginning(), b""],
], ids=range(9))
def test_a_transcript_that_breaks_the_protocol_is_noticed(messages):
    with pytest.raises(AssertionError):
        transcript(*messages).check()


# --- guests ---------------------------------------------------------------------------------------


def read_file(path, size: int, seconds: float = 10.0) -> bytes:
    wait_until(lambda: path.exists() and path.stat().st_size >= size, seconds,
               f"{size} bytes in {path}")
    return path.read_bytes()


def test_a_flooding_guest_prints_what_the_checker_expects(guests):
    guest = guests("flooding", code="flood", log_console=True).create()
    check_flood([(0, read_file(guest.console_log, 50_000))], 0)
    guest.send(commands.IDLE)  # which it echoes between two lines
    whole = guest.console_log.read_bytes()
    assert whole.endswith(b"\r\n")
    check_flood([(0, whole)], 0)
    guest.send(commands.REBOOT)
    wait_until(lambda: guest.console_log.read_bytes().count(BANNER) == 2, what="another banner")


def test_a_log_that_is_appended_to_keeps_both_boots(guests):
    guest = guests("appended", log_console=True, log_append=True).define()
    for boots in (1, 2):
        guest.start().wait_booted()
        guest.domain.destroy()
        assert guest.console_log.read_bytes().count(BANNER) == boots
    guest.spec.log_append = False
    guest.define().start().wait_booted()
    assert guest.console_log.read_bytes().count(BANNER) == 1


def test_a_guest_of_identical_bytes(guests):
    guest = guests("same", code="same", log_console=True).create()
    text = read_file(guest.console_log, 20_000)
    assert text.startswith(BANNER) and set(text[len(BANNER):]) == {ord("x")}
    guest.wait_booted()


def test_a_deaf_guest_leaves_its_line_unread(guests):
    guest = guests("deaf", code="deaf").create()
    guest.wait_booted()
    terminal = os.open(guest.console_path(), os.O_RDWR | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        def full():
            try:
                return not os.write(terminal, b"y" * 1024)
            except BlockingIOError:
                return True
        wait_until(full, 20, "the line is full", step=0)
        guest.send(commands.LINE)  # it lives
    finally:
        os.close(terminal)


# --- other programs -------------------------------------------------------------------------------


def test_virsh_console_holds_a_device_and_is_ousted_by_force(guests):
    guest = guests("held").create()
    guest.wait_booted()
    with VirshConsole(guest) as first:
        first.answers(b"first")
        with VirshConsole(guest) as second:
            second.wait_ended()
            assert second.refused and first.running()
        with VirshConsole(guest, force=True) as third:
            third.answers(b"third")
            first.wait_ended()
            assert not first.refused
            third.leave()
    with VirshConsole(guest) as fourth:
        fourth.answers(b"fourth")


def test_two_devices_that_are_told_apart(guests):
    guest = guests("two", control="pty", log_console=True).create()
    guest.wait_logged(len(BANNER))
    with VirshConsole(guest, "serial0") as first, VirshConsole(guest, "serial1") as second:
        first.answers(b"first")
        second.answers(b"second")
        assert b"second" not in first.output and b"first" not in second.output


@pytest.mark.parametrize("kinds", [("file", "unix"), ("unix", "unix"), ("", "")])
def test_guests_whose_console_is_no_terminal(guests, kinds):
    guest = guests("mute", console=kinds[0], control=kinds[1]).create()
    with VirshConsole(guest, "serial0") as console:
        console.wait_ended()


def test_a_linux_guest_with_a_virtio_console(linux_guests):
    guest = linux_guests("hvc", virtio_console=True).create()
    guest.wait_booted()
    with VirshConsole(guest, "console1") as console:
        console.answers(b"echo $((6 * 7))")
        console.type(b"\r")
        console.wait_output(b"\r\n42\r\n")
        guest.flood()
        wait_until(lambda: len(console.output) > 500_000, 20, "half a megabyte")
        begin = console.output.index(BANNER)
        check_flood([(0, bytes(console.output[begin:]))], 0)

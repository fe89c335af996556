# SPDX-License-Identifier: Apache-2.0
"""What a flooding boot sector prints, byte for byte: a checker that says where a stream of it lost
something, doubled it, or turned it round."""

import re
from collections import Counter
from collections.abc import Iterable

BANNER = b"\r\nRollo test guest ready\r\n"
LINE = re.compile(rb"line ([0-9a-f]{8})\r\n")
LINE_BYTES = 15
FIRST_LINE = 1

Piece = tuple[int, bytes]


class FloodError(AssertionError):
    """A stream is not what the guest printed."""


def flood(begin: int, size: int) -> bytes:
    """So many bytes of what a boot prints that does nothing but flood, from its byte `begin` on:
    the banner, then numbered lines without end. Before byte 0 there is nothing."""
    if size <= 0:
        return b""
    number, inside = divmod(max(0, begin - len(BANNER)), LINE_BYTES)
    count = size // LINE_BYTES + 2
    text = b"".join(b"line %08x\r\n" % (FIRST_LINE + number + i) for i in range(count))[inside:]
    return (BANNER[begin:] + text)[:size]


def boot_of(pieces: Iterable[Piece]) -> int:
    """The offset of the boot's first byte, from the first line that is there as a whole. Below 0
    where what was printed at first has never been seen."""
    for offset, data in pieces:
        if found := LINE.search(data):
            before = len(BANNER) + LINE_BYTES * (int(found[1], 16) - FIRST_LINE)
            return offset + found.start() - before
    raise FloodError("not a single whole line in " + repr([bytes(d[:60]) for _, d in pieces]))


def check_flood(pieces: list[Piece], boot: int | None = None) -> int:
    """Each piece, with the offset of its first byte, is what one boot printed there. Returns the
    offset of the boot's first byte; raises FloodError with the place and what is wrong there.

    Since the offsets of all pieces are held against one boot, a hole between two of them is
    exactly as large as they say, or this raises."""
    boot = boot_of(pieces) if boot is None else boot
    for offset, data in pieces:
        if offset < boot:
            raise FloodError(f"output at {offset}, before the boot's first byte at {boot}")
        expected = flood(offset - boot, len(data))
        if data != expected:
            raise FloodError(explain(bytes(data), expected, offset, boot))
    return boot


def part_at_the_first_fault(offset: int, data: bytes, within: int) -> list[Piece]:
    """The piece in two, where it ceases to be one flood among its first bytes; in one, else. What
    is no line at its beginning goes with the first part."""
    if (found := LINE.search(data)) is None:
        return [(offset, data)]
    boot = boot_of([(offset, data)])
    expected = flood(offset - boot, len(data))
    place = next((i for i, (a, b) in enumerate(zip(data, expected)) if a != b), len(data))
    if place < found.start():  # a rest of before
        return [(offset, data[:found.start()]), (offset + found.start(), data[found.start():])]
    if place >= within:
        return [(offset, data)]
    # Both parts may share a cut line, of which nobody knows where the one ends.
    next_line = LINE.search(data, place)
    end = next_line.start() if next_line else len(data)
    return [(offset, data[:place]), (offset + end, data[end:])]


def explain(data: bytes, expected: bytes, offset: int, boot: int) -> str:
    place = next(i for i, (a, b) in enumerate(zip(data, expected)) if a != b)
    told = (f"at offset {offset + place}, {place} bytes into a piece: expected "
            f"{expected[place:place + 40]!r} and got {data[place:place + 40]!r}")
    if (found := LINE.search(data, place)) is None:
        return f"{told}; no numbered line comes after it"
    moved = boot_of([(offset, data[found.start():])]) + found.start() - boot
    if moved == 0:
        return f"{told}; it goes on as it should with line {found[1].decode()}"
    what = f"{-moved} bytes are missing" if moved < 0 else f"{moved} bytes are too many"
    return f"{told}; it goes on with line {found[1].decode()}: {what}"


def check_logged(output: bytes, logged: bytes, killed: bool = False):
    """Output and log file hold the same flood of one boot from its first byte on; raises FloodError
    with the place and what is wrong there.

    QEMU writes a byte into the log file, but not to the terminal, as often as it had to wait for
    the terminal to take it. Output may have such a byte where the log has it as well: there it
    came from the log. Of a process that was `killed` the last byte may be in one of the two
    alone."""
    shown, in_output = told_again(output, "the output")
    written, in_log = told_again(logged, "the log file")
    if alone := in_output - in_log:
        place = min(alone)
        raise FloodError(f"the output has byte {place} of the flood {in_output[place]} times too "
                         f"often, the log file {in_log[place]} times: "
                         f"{flood(place - 40, 40)!r}, {flood(place, 40)!r}")
    if abs(shown - written) > killed:
        raise FloodError(f"the output ends after {shown} bytes of the flood, "
                         f"{output[-40:]!r}, the log file after {written}, {logged[-40:]!r}")


def told_again(data: bytes, name: str) -> tuple[int, Counter[int]]:
    """How many bytes of the flood are there, and which of them how many times too often. In a run
    of the same byte it is the last. Raises FloodError where it is anything else."""
    expected = flood(0, len(data))
    place = 0
    again: Counter[int] = Counter()
    for at, byte in enumerate(data):
        if byte == expected[place]:
            place += 1
        elif place > 0 and byte == expected[place - 1]:
            again[place - 1] += 1
        else:
            raise FloodError(f"{name} goes wrong at byte {at} of {len(data)}, byte {place} of the "
                             f"flood: {data[max(0, at - 40):at]!r}, then {data[at:at + 60]!r} and "
                             f"not {expected[place:place + 60]!r}; {len(again)} bytes before stand "
                             f"there again")
    return place, again

# SPDX-License-Identifier: Apache-2.0
"""What one viewer was told of a console: every byte with its offset, gaps, markers, and whatever
broke the protocol on the way."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from .client import Message
from .numbered import LINE, Piece, check_flood, part_at_the_first_fault

# What a terminal may keep for the next who opens it.
TERMINAL_BYTES = 8192


@dataclass(frozen=True)
class Gap:
    begin: int
    end: int
    approximate: bool = False


@dataclass(frozen=True)
class Marker:
    kind: str
    offset: int
    boot_id: str | None


@dataclass
class Transcript:
    """Fed with every message of a connection in their order; never raises there. `check` does.

    In the JSON form (`binary` false) the protocol has texts, not bytes: offsets are counted by
    their UTF-8, which is exact as long as the guest prints valid UTF-8."""

    binary: bool = True
    statuses: list[Message] = field(default_factory=list)
    attachments: list[Message] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    markers: list[Marker] = field(default_factory=list)
    errors: list[Message] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    output: bytearray = field(default_factory=bytearray)  # all of it, one after the other
    offset: int | None = None  # of the next byte; nothing before `console_attached`
    _pieces: list[tuple[int, bytearray]] = field(default_factory=list)
    _exact: bool = True
    _seen: list[str] = field(default_factory=list)

    # Told

    def feed(self, message: Message | bytes):
        if isinstance(message, bytes):
            if not self.binary:
                self.problems.append("a binary frame without the subprotocol")
            self._print(message)
            return
        kind, data = message["type"], message["data"]
        # The answer to what was typed too early, and what concerns the token, come when they do.
        if len(self._seen) < 3 and kind not in ("error", "token_expiring"):
            self._seen.append(kind)
        heard = {"console_status": lambda: self.statuses.append(data),
                 "console_attached": lambda: self._attach(data),
                 "console_gap": lambda: self._skip(data),
                 "console_marker": lambda: self._mark(data),
                 "console_output": lambda: self._say(data["output"]),
                 "error": lambda: self.errors.append(data)}
        heard.get(kind, lambda: None)()

    def _attach(self, data: Message):
        self.attachments.append(data)
        begin, end = data["replay_from"], data["next_offset"]
        if end < begin:
            self.problems.append(f"a replay from {begin} back to {end}")
        if self.offset is None:
            self.offset = begin
        elif begin != self.offset:
            self.problems.append(f"attached again at {begin}, but came as far as {self.offset}")
            self.offset = begin
        self._cut()

    def _say(self, text: str):
        if self.binary:
            self.problems.append("console_output beside binary frames")
        if "\ufffd" in text:
            self._exact = False
        self._print(text.encode("utf-8", "surrogatepass"))

    def _print(self, data: bytes):
        if self.offset is None:
            self.problems.append(f"output before console_attached: {data[:40]!r}")
            return
        if not data:
            self.problems.append("output of no bytes")
        if not self._pieces:
            self._pieces.append((self.offset, bytearray()))
        self._pieces[-1][1].extend(data)
        self.output.extend(data)
        self.offset += len(data)

    def _skip(self, data: Message):
        gap = Gap(data["from"], data["to"], data.get("approximate", False))
        if gap.end == 0 and gap.approximate:
            return  # of what was printed before the agent first attached nobody knows
        self.gaps.append(gap)
        self._expect(gap.begin, f"{gap}")
        if (gap.end == gap.begin) != gap.approximate or gap.end < gap.begin:
            self.problems.append(f"{gap}: its size is known, or it is approximate")
        self.offset = gap.end
        self._cut()

    def _mark(self, data: Message):
        marker = Marker(data["kind"], data["offset"], data["boot_id"])
        self.markers.append(marker)
        self._expect(marker.offset, f"{marker}")
        self._cut()

    def _expect(self, offset: int, what: str):
        if self.offset != offset and self._exact:
            self.problems.append(f"{what}, but the output has come as far as {self.offset}")
        self.offset = offset

    def _cut(self):
        """What follows is another piece."""
        if self._pieces and not self._pieces[-1][1]:
            self._pieces.pop()
        self._pieces.append((self.offset, bytearray()))

    # Looked at

    def check(self):
        """Raises AssertionError with all that broke the protocol."""
        order = ["connection_status", "console_status", "console_attached"]
        if self.attachments and self._seen != order:
            self.problems.append(f"the first messages are {self._seen}")
        assert not self.problems, "\n".join(self.problems[:20])

    @property
    def pieces(self) -> list[Piece]:
        """What was printed, parted by gaps and markers; each with the offset of its first byte."""
        return [(offset, bytes(data)) for offset, data in list(self._pieces) if data]

    @property
    def status(self) -> Message:
        """The latest `console_status`."""
        return self.statuses[-1]

    def between(self, begin: int, end: int) -> bytes:
        """The bytes between two offsets. Raises AssertionError where some were not told."""
        found = bytearray()
        for offset, data in self.pieces:
            if begin < offset + len(data) and offset < end:
                assert offset <= begin + len(found), f"nothing at {begin + len(found)}"
                found += data[max(0, begin - offset):end - offset]
        assert len(found) == end - begin, f"{len(found)} bytes from {begin}, not up to {end}"
        return bytes(found)

    def boots(self) -> Iterator[list[Piece]]:
        """The pieces of each QEMU process. Of a reboot within one nobody knows at which byte it was:
        its marker stands where the agent heard of it."""
        begins = sorted({m.offset for m in self.markers if m.kind == "started"})
        pieces = self.pieces
        for begin, end in zip([-1, *begins], [*begins, float("inf")]):
            if part := [piece for piece in pieces if begin <= piece[0] < end]:
                yield part

    def check_flood(self, boot: int | None = None) -> int:
        """All of it is what one flooding boot printed, `lab.numbered.check_flood`, and what is
        missing is what the gaps say. Returns the offset of the boot's first byte."""
        self.check()
        return check_flood(self.pieces, boot)

    def check_flood_in_parts(self, within: int = TERMINAL_BYTES):
        """Each piece is whole in itself, and begins later in the flood than the last ended: for
        gaps of which nobody knows how large they are. The terminal keeps some of what was printed
        when the last reader left for the next one, and QEMU notices that one only later: such a
        gap may be a little after where it is told."""
        self.check()
        unknown = {gap.end for gap in self.gaps if gap.approximate}
        last = 0
        for offset, data in self.pieces:
            parts = [(offset, data)]
            if offset in unknown:
                parts = part_at_the_first_fault(offset, data, within=within)
            for begin, part in parts:
                if numbers := [int(number, 16) for number in LINE.findall(part)]:
                    check_flood([(begin, part)])
                    assert numbers[0] > last, f"line {numbers[0]:08x} after {last:08x}"
                    last = numbers[-1]

    def check_gapless(self):
        self.check()
        assert self.gaps == [], f"{self.gaps}"

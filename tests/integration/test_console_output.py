# SPDX-License-Identifier: Apache-2.0
"""What a guest prints comes to every viewer, each byte once and in order; who falls behind is told
exactly what it did not get, and nobody else notices."""

import json

import pytest

from lab import guests as commands
from lab.agent import Agent
from lab.console import SUBPROTOCOL, Console, console_path
from lab.crowd import Crowd
from lab.raw_websocket import BINARY, PING, PONG, TEXT, RawWebSocket
from lab.schema import check_message
from lab.tokens import token_for
from lab.transcript import Transcript
from lab.wait import wait_until

WINDOW = SCROLLBACK = 65536
BLOCK = 16384  # in which a scrollback is kept
BOOT = 16384
END = b"~"  # no flooding guest prints it


@pytest.fixture(scope="module")
def agent(module_agents):
    return module_agents(config={"console": {"viewer_window_bytes": WINDOW,
                                     "scrollback_bytes": SCROLLBACK, "boot_bytes": BOOT}})


@pytest.fixture
def booted(guests, agent, watch):
    """A guest that waits for commands, and a viewer that has its console."""
    def make(name: str, **options) -> tuple:
        guest = guests(name, **options).create()
        viewer = watch(agent, guest)
        viewer.wait_status("connected")
        guest.wait_booted()
        return guest, viewer

    return make


def end_flood(guest, viewer: Console, seconds: float = 30.0):
    """Ends it with a byte that it prints nowhere else, and waits until that is there."""
    guest.send(commands.IDLE)
    viewer.type(END)
    viewer.wait_output(END, seconds)


@pytest.mark.short
@pytest.mark.parametrize("binary", [True, False])
def test_what_is_printed_and_what_is_typed_comes(booted, agent, watch, binary):
    guest, _ = booted("plain")
    viewer = watch(agent, guest, binary=binary)
    viewer.wait_attached()
    viewer.type("hello\r")
    viewer.wait_output(b"hello\r\n")
    status = viewer.wait_status("connected", writer=True, writer_user="ann", viewers=2)
    assert status["device"] == "serial0" and status["boot_id"]
    viewer.check_gapless()


@pytest.mark.short
@pytest.mark.parametrize("binary, plain", [(1, 0), (0, 1), (2, 1), (10, 10)])
def test_a_flood_comes_to_everybody_whole(booted, agent, binary, plain):
    guest, writer = booted(f"flood-{binary}-{plain}")
    with Crowd(agent, console_path(guest), token_for(agent, role="operator"), binary,
               plain) as crowd:
        writer.wait_status("connected", viewers=1 + binary + plain)
        guest.send(commands.FLOOD)
        writer.wait_bytes(400_000, 60)
        end_flood(guest, writer)
        crowd.wait_output(END)
        told = crowd.transcripts()
    for each in told:
        each.check_gapless()
        assert each.output == told[0].output
    told[0].output.remove(END[0])
    assert len(told[0].output) >= 400_000
    whole = told[0].between(told[0].pieces[0][0], told[0].offset - 1)
    from_here = Transcript()
    from_here.offset = told[0].pieces[0][0]
    from_here.feed(whole)
    from_here.check_flood()


class Sleeper:
    """Context manager: a viewer that reads only when told to, over a small socket."""

    def __init__(self, agent: Agent, guest, **query):
        headers = (f"Authorization: Bearer {token_for(agent, 'sleeper', role='operator')}\r\n"
                   f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n")
        self.socket = RawWebSocket(agent.port, console_path(guest, **query), receive_buffer=4096,
                                   headers=headers)
        self.told = Transcript()

    def __enter__(self) -> "Sleeper":
        return self

    def __exit__(self, *_):
        self.socket.socket.close()

    def read_until(self, found, ack: bool = False):
        """`ack`: each output is acknowledged once it is drawn, and nothing else is."""
        while not found(self.told):
            opcode, payload = self.socket.receive()
            if opcode == TEXT:
                message = json.loads(payload)
                check_message(message)
                self.told.feed(message)
            elif opcode == BINARY:
                self.told.feed(payload)
                if ack:
                    self.ack()
            elif opcode == PING:
                self.socket.send(PONG, payload)
            else:
                raise AssertionError(f"frame {opcode}: {payload!r}")

    def ack(self):
        self.socket.send(TEXT, json.dumps(
            {"type": "console_ack", "data": {"offset": self.told.offset}}).encode())


def check_end(told: Transcript, end: int):
    """A flood, but for END after it: the gaps are exactly what is missing."""
    assert told.offset == end and told.output[-1:] == END
    told._pieces[-1][1].pop()
    told.check_flood()


@pytest.mark.short
def test_who_does_not_acknowledge_skips_ahead_and_the_others_miss_nothing(booted, agent):
    guest, other = booted("unacknowledged")
    with Sleeper(agent, guest) as sleeper:
        sleeper.read_until(lambda told: told.attachments)
        sleeper.ack()
        guest.send(commands.FLOOD)
        sleeper.read_until(lambda told: len(told.output) > 1000)
        sleeper.ack()
        acknowledged = sleeper.told.offset
        other.wait_offset(acknowledged + 4 * WINDOW, 60)
        end_flood(guest, other)
        end = other.transcript.offset
        # The socket has room: it is the window alone that holds it back.
        sleeper.read_until(lambda told: told.offset >= acknowledged + WINDOW // 2)
        assert sleeper.told.gaps == []
        sleeper.ack()
        sleeper.read_until(lambda told: told.offset >= end, ack=True)
        gap, = sleeper.told.gaps
        # The last message may reach beyond the window.
        assert acknowledged < gap.begin <= acknowledged + 2 * WINDOW and not gap.approximate
        assert end - SCROLLBACK - BLOCK <= gap.end
        check_end(sleeper.told, end)
    other.check_gapless()
    check_end(other.transcript, end)


def test_who_does_not_read_skips_ahead_and_the_others_miss_nothing(booted, linux_guests, agent,
                                                                   watch):
    """Without acknowledgements it is what the socket takes; a fast guest, because the kernel takes
    megabytes before that shows."""
    guest = linux_guests("fast", virtio_console=True).create()
    guest.wait_booted()
    other = watch(agent, guest, device="console1")
    other.wait_status("connected")
    with Sleeper(agent, guest, device="console1", tail=0) as sleeper:
        sleeper.read_until(lambda told: told.attachments)
        guest.flood()
        other.wait_bytes(8_000_000, 60)
        sleeper.read_until(lambda told: told.gaps)
        gap, = sleeper.told.gaps
        assert not gap.approximate and gap.end - gap.begin > 100_000
        sleeper.read_until(lambda told: told.offset > gap.end + 100_000)
        other.wait_offset(sleeper.told.offset)
        begin = sleeper.told.attachments[0]["replay_from"]
        for offset, data in sleeper.told.pieces:
            assert other.transcript.between(offset, offset + len(data)) == data
        assert begin < gap.begin
    other.check_gapless()


def test_an_acknowledgement_of_what_has_not_been_sent_is_no_licence(booted, agent, watch):
    """One that is too large, or goes back, changes nothing for the worse."""
    guest, viewer = booted("liar")
    viewer.ack(2**53 - 1)
    viewer.ack(0)
    viewer.type("abc")
    viewer.wait_output("abc")
    wait_until(lambda: agent.running(), what="it lives")
    other = watch(agent, guest)
    other.wait_output("abc")


def test_a_break_is_sent_or_said_to_be_unsupported(booted):
    _, viewer = booted("break")
    viewer.send({"type": "console_break"})
    viewer.wait_error("unsupported")
    viewer.type("abc")
    viewer.wait_output("abc")


def test_a_window_size_is_taken_and_said_once_to_mean_nothing(booted):
    _, viewer = booted("resized")
    for _ in range(3):
        viewer.send({"type": "console_resize", "data": {"rows": 24, "cols": 80}})
    viewer.type("abc")
    viewer.wait_output("abc")
    assert viewer.transcript.errors == []
    assert sum("size" in status["message"] for status in viewer.transcript.statuses) <= 1

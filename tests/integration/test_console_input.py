# SPDX-License-Identifier: Apache-2.0
"""What is typed arrives, whole and in order, as fast as the guest's line may take it; where it
cannot arrive, the one who typed waits, and in the end is told how much was lost."""

import random
import threading
import time
from pathlib import Path

import pytest

from lab.agent import Agent
from lab.console import SUBPROTOCOL, Console, console_path
from lab.raw_websocket import BINARY, RawWebSocket
from lab.tokens import token_for
from lab.transcript import Transcript
from lab.wait import wait_until

FAST = {"input_bytes_per_second": 1_000_000, "input_burst_bytes": 65536, "input_queue_bytes": 65536}
PATIENT = {"bytes_per_second": 10 << 20, "messages_per_second": 10_000}
# What libvirt, QEMU and the terminal may hold of what was typed.
UNDER_WAY = 20_000


@pytest.fixture(scope="module")
def agent(module_agents):
    return module_agents(config={"console": FAST, "server": PATIENT})


@pytest.fixture(scope="module")
def default_agent(module_agents):
    return module_agents("default")


@pytest.fixture
def typist(guests, watch):
    """A viewer that holds the lease of a guest that has booted."""
    def make(agent: Agent, name: str, code: str = "guest", **options) -> tuple:
        guest = guests(name, code=code).create()
        guest.wait_booted()
        viewer = watch(agent, guest, tail=0, **options)
        viewer.wait_status("connected")
        viewer.acquire()
        viewer.wait_status("connected", writer=True)
        return guest, viewer

    return make


def printable(seed: int, size: int) -> bytes:
    return bytes(random.Random(seed).choices(range(0x20, 0x7f), k=size))


def type_in_pieces(viewer: Console, text: bytes, seed: int):
    """As messages of all sizes."""
    dice = random.Random(seed)
    while text:
        size = dice.choice([1, 2, 7, 100, 1000, 4096, 8192])
        viewer.type(text[:size])
        text = text[size:]


def taken(viewer: Console, seconds: float = 10.0):
    """Everything said before has been read by the agent."""
    viewer.send({"type": "ping"})
    viewer.expect("pong", seconds=seconds)


@pytest.mark.parametrize("binary, size", [
    (True, 256 << 10), pytest.param(False, 32 << 10, marks=pytest.mark.short)])
def test_what_is_typed_comes_back_whole(agent, typist, seed, binary, size):
    """QEMU takes some 18 KB/s for a serial line, whoever sends."""
    guest, viewer = typist(agent, f"echo-{binary}", binary=binary)
    text = printable(seed, size)
    type_in_pieces(viewer, text, seed)
    viewer.wait_bytes(size, 60)
    assert viewer.output == text
    viewer.check_gapless()


@pytest.mark.parametrize("binary", [True, False])
def test_a_megabyte_for_a_guest_that_is_fast(agent, linux_guests, watch, seed, binary):
    guest = linux_guests("fast", virtio_console=True).create()
    guest.wait_booted()
    viewer = watch(agent, guest, device="console1", binary=binary)
    viewer.wait_status("connected")
    viewer.type("stty raw -echo; echo re''ady; cat\r")
    viewer.wait_output("ready\n")
    before, text = len(viewer.output), printable(seed, 1 << 20)
    for begin in range(0, len(text), 32768):
        viewer.type(text[begin:begin + 32768])
    viewer.wait_bytes(before + len(text), 60)
    assert viewer.output[before:] == text


def test_the_budget(default_agent, typist, seed):
    """8 KiB/s after 2 KiB at once."""
    guest, viewer = typist(default_agent, "budget")
    text = printable(seed, 24 << 10)
    began = time.monotonic()
    viewer.type(text)
    viewer.wait_bytes(len(text), 30)
    took = time.monotonic() - began
    assert viewer.output == text
    assert 2.3 < took < 6, f"{took:.1f} s"


def test_a_key_is_not_held_back_by_the_budget(default_agent, typist):
    guest, viewer = typist(default_agent, "keys")
    viewer.type(b"k")  # QEMU looks once a second whether there is somebody
    viewer.wait_bytes(1)
    for number in range(1, 40):
        began = time.monotonic()
        viewer.type(b"k")
        viewer.wait_bytes(number + 1)
        assert time.monotonic() - began < 0.5


# --- characters -----------------------------------------------------------------------------------


def text_of(viewer: Console) -> str:
    return "".join(m["data"]["output"] for m in viewer.messages("console_output"))


@pytest.mark.short
@pytest.mark.parametrize("split", [1, 2, 3])
def test_a_character_that_comes_in_two_parts_is_one(agent, typist, watch, split):
    guest, typing = typist(agent, f"split-{split}")
    plain = watch(agent, guest, "bob", binary=False, tail=0)
    plain.wait_attached()
    character = "𝄞".encode()
    typing.type(character[:split])
    typing.wait_bytes(split)  # the first part has been sent to whoever takes bytes
    typing.type(character[split:] + b".")
    plain.wait_output(".")
    assert text_of(plain) == "𝄞."


@pytest.mark.parametrize("data, text", [
    (b"a\xffb", "a\ufffdb"), (b"\xc3(", "\ufffd("), (b"\xed\xa0\x80x", "\ufffd\ufffd\ufffdx"),
    (b"\xf0\x9d\x84z", "\ufffd\ufffd\ufffdz"), (b"\xc3\xa4\xc3\xb6.", "äö."), (b"\x80\x81.", "\ufffd\ufffd."),
], ids=range(6))
def test_bytes_that_are_no_character_are_replaced(agent, typist, watch, data, text):
    guest, typing = typist(agent, "no-character")
    plain = watch(agent, guest, "bob", binary=False, tail=0)
    plain.wait_attached()
    typing.type(data)
    typing.wait_bytes(len(data))
    plain.wait_output(text[-1:])
    assert text_of(plain) == text
    assert typing.output == data


def test_text_of_the_json_form_is_sent_as_utf8(agent, typist, watch):
    guest, plain = typist(agent, "utf8", binary=False)
    binary = watch(agent, guest, "bob", tail=0)
    binary.wait_attached()
    plain.type("grüße 𝄞\0")
    binary.wait_bytes(len("grüße 𝄞\0".encode()))
    assert binary.output == "grüße 𝄞\0".encode()


# --- a guest that does not take it ----------------------------------------------------------------


@pytest.mark.short
def test_input_for_a_paused_guest_waits_until_it_goes_on(agent, typist):
    guest, viewer = typist(agent, "paused")
    guest.domain.suspend()
    text = printable(1, 30_000)
    viewer.type(text)
    taken(viewer)
    assert viewer.output == b""
    guest.domain.resume()
    viewer.wait_bytes(len(text), 30)
    assert viewer.output == text


def dropped(told: Transcript) -> int:
    """Bytes that are said not to arrive any more."""
    return sum(status.get("input_dropped") or 0 for status in told.statuses)


@pytest.mark.short
def test_input_that_was_not_sent_when_the_guest_ends_is_counted(agent, typist):
    guest, viewer = typist(agent, "deaf-ends", code="deaf")
    viewer.type(printable(2, 50_000))
    taken(viewer)
    guest.domain.destroy()
    viewer.wait_told(lambda told: 50_000 - UNDER_WAY <= dropped(told), 20, "input_dropped")
    viewer.wait_status("waiting_for_vm")
    assert dropped(viewer.transcript) <= 50_000


def test_input_while_there_is_no_guest_is_counted_as_well(agent, guests, watch):
    guest = guests("not-yet").define()
    viewer = watch(agent, guest)
    viewer.wait_status("waiting_for_vm")
    viewer.type(b"nobody hears this")
    viewer.wait_told(lambda told: told.errors or any(s.get("input_dropped")
                                                     for s in told.statuses), what="an answer")
    guest.start()
    guest.wait_booted()
    viewer.wait_status("connected")
    viewer.type(b"~")
    viewer.wait_output(b"~")
    assert b"nobody" not in viewer.output


def resident(pid: int) -> int:
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * 4096


def test_who_types_more_than_the_guest_takes_is_held_up_and_kept(agents, typist, watch):
    """Nothing more is read of it, so that the agent holds little; and nobody is shown out for not
    answering a ping that it cannot be heard answering."""
    agent = agents(config={"console": FAST, "server": {**PATIENT, "heartbeat_seconds": 1}})
    guest, other = typist(agent, "deaf", code="deaf")
    other.release()
    headers = (f"Authorization: Bearer {token_for(agent, 'flood', role='operator')}\r\n"
               f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n")
    with RawWebSocket(agent.port, console_path(guest, tail=0), headers=headers,
                      seconds=30) as typing:
        other.wait_status("connected", viewers=2)
        before = resident(agent.pid)
        sent = Sender(typing, 16 << 20)
        wait_until(sent.is_stuck, 30, "the agent does not read any more")
        assert sent.bytes < 12 << 20
        began = time.monotonic()
        while time.monotonic() - began < 5:  # several heartbeats
            taken(other)
        assert sent.is_stuck() and not sent.failed
        assert resident(agent.pid) - before < 2 << 20
        guest.domain.destroy()
        wait_until(lambda: sent.done or not sent.is_stuck(), 20, "it is read again")
        sent.stop()


class Sender:
    """Sends binary frames in a thread until so many bytes have left."""

    def __init__(self, client: RawWebSocket, size: int):
        self._client = client
        self._size = size
        self._moved = time.monotonic()
        self._stopped = False
        self.bytes = 0
        self.done = False
        self.failed: OSError | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def is_stuck(self) -> bool:
        """Nothing has left for a second."""
        return not self.done and time.monotonic() - self._moved > 1.0

    def stop(self):
        self._stopped = True
        self._client.socket.shutdown(2)
        self._thread.join(10)

    def _run(self):
        try:
            while self.bytes < self._size and not self._stopped:
                self._client.send(BINARY, b"y" * 16384)
                self.bytes += 16384
                self._moved = time.monotonic()
        except OSError as error:
            self.failed = None if self._stopped else error
        self.done = True

# SPDX-License-Identifier: Apache-2.0
"""A viewer of a console, `/ws/console/{vm}`: types, waits for what is printed, and keeps a
transcript of all that it was told."""

from typing import Callable
from urllib.parse import urlencode

from .agent import Agent
from .client import Client, Loop, Message
from .guests import Guest
from .transcript import Transcript

SUBPROTOCOL = "rollo.console.v1"


def console_path(vm: Guest | str | int, **query) -> str:
    """The address of a console below an agent's; a guest is named by its UUID."""
    name = vm.spec.uuid if isinstance(vm, Guest) else str(vm)
    path = f"/ws/console/{name}"
    return f"{path}?{urlencode(query)}" if query else path


class Console(Client):
    """Context manager, as `Client`. `binary`: with the subprotocol, in which output and input are
    bytes; else in the original JSON form. `query` is that of the address: `device`, `mode`, `tail`,
    `from_` (for `from`), `epoch`, `force`."""

    def __init__(self, loop: Loop, agent: Agent, vm: Guest | str | int, *, binary: bool = True,
                 token: str | None = None, options: dict | None = None, **query):
        if "from_" in query:
            query["from"] = query.pop("from_")
        self.binary = binary
        self.transcript = Transcript(binary)
        self._searched = 0
        protocols = {"subprotocols": [SUBPROTOCOL]} if binary else {}
        super().__init__(loop, agent.ws_url + console_path(vm, **query), token=token,
                         on_message=self.transcript.feed, **protocols, **(options or {}))

    def check(self):
        """Raises the first schema error, or what broke the rules of the console."""
        super().check()
        self.transcript.check()

    def check_gapless(self):
        self.transcript.check_gapless()

    # Saying

    def type(self, data: bytes | str):
        """Input, as one message."""
        if self.binary:
            self.send(data.encode() if isinstance(data, str) else data)
        else:
            text = data.decode() if isinstance(data, bytes) else data
            self.send({"type": "console_input", "data": text})

    def acquire(self, force: bool = False):
        self.send({"type": "console_acquire", "data": {"force": True}} if force else
                  {"type": "console_acquire"})

    def release(self):
        self.send({"type": "console_release"})

    def ack(self, offset: int | None = None):
        """Acknowledges what has come, or what is named."""
        self.send({"type": "console_ack",
                   "data": {"offset": self.transcript.offset if offset is None else offset}})

    # Hearing

    @property
    def output(self) -> bytes:
        """All that was printed, gaps left out."""
        return bytes(self.transcript.output)

    @property
    def status(self) -> Message:
        return self.transcript.status

    def wait_output(self, text: bytes | str, seconds: float = 10.0):
        """Waits until that has been printed after what the last `wait_output` found."""
        text = text.encode() if isinstance(text, str) else text
        output = self.transcript.output
        begin = self._searched

        def found():
            nonlocal begin
            place = output.find(text, begin)
            if place < 0:
                begin = max(begin, len(output) - len(text) + 1)
                return None
            self._searched = place + len(text)
            return True

        self._wait(found, seconds, f"output {text[:80]!r}")

    def wait_bytes(self, count: int, seconds: float = 10.0):
        """Waits until so many bytes have been printed in all."""
        self.wait_told(lambda told: len(told.output) >= count, seconds, f"{count} bytes of output")

    def wait_offset(self, offset: int, seconds: float = 10.0):
        """Waits until output, or gaps, have come as far as that."""
        self.wait_told(lambda told: (told.offset or 0) >= offset, seconds, f"offset {offset}")

    def wait_told(self, found: Callable[[Transcript], object], seconds: float = 10.0,
                  what: str = "such a transcript"):
        return self._wait(lambda: found(self.transcript), seconds, what)

    def wait_attached(self, seconds: float = 10.0) -> Message:
        """The first `console_attached`."""
        self.wait_told(lambda told: told.attachments, seconds, "console_attached")
        return self.transcript.attachments[0]

    def wait_replayed(self, seconds: float = 10.0):
        """Waits until the replay has come, to its end."""
        self.wait_offset(self.wait_attached(seconds)["next_offset"], seconds)

    def wait_status(self, word: str, seconds: float = 10.0, **fields) -> Message:
        """Waits until the latest status is this word, and its members are these."""
        def found(told: Transcript):
            last = told.statuses[-1] if told.statuses else {}
            fits = last.get("status") == word and all(
                last.get(name) == value for name, value in fields.items())
            return last if fits else None

        return self.wait_told(found, seconds, f"console_status {word} {fields or ''}")

    def wait_markers(self, *kinds: str, seconds: float = 10.0):
        """Waits until the markers so far are these."""
        self.wait_told(lambda told: [m.kind for m in told.markers] == list(kinds), seconds,
                       f"markers {kinds}")

    def wait_error(self, code: str, seconds: float = 10.0) -> Message:
        """The next `error`, which must be this one."""
        error = self.expect("error", seconds=seconds)["data"]
        assert error["code"] == code, error
        return error

# SPDX-License-Identifier: Apache-2.0
"""Somebody who works with a program in a terminal: a real PTY, and what is seen and typed there."""

import os
import pty
import subprocess
import termios
import threading

from .wait import wait_until


class TerminalUser:
    """Context manager: the program runs until it ends or is ended in the end. `seen` is all that it
    has written, to stdout and stderr alike."""

    def __init__(self, command: list[str], environment: dict[str, str] | None = None):
        self._command = command
        self._environment = {**os.environ, "TERM": "xterm", "PYTHONDONTWRITEBYTECODE": "1",
                             **(environment or {})}
        self.seen = b""

    def __enter__(self) -> "TerminalUser":
        self._mine, program = pty.openpty()
        self._settings = termios.tcgetattr(self._mine)
        try:
            self.process = subprocess.Popen(self._command, stdin=program, stdout=program,
                                            stderr=program, start_new_session=True,
                                            env=self._environment)
        finally:
            # Held open until the end: what the program leaves behind is looked at.
            self._program = program
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._program)
        self._reader.join(5)
        os.close(self._mine)

    def type(self, keys: bytes | str):
        keys = keys.encode() if isinstance(keys, str) else keys
        while keys:
            keys = keys[os.write(self._mine, keys):]

    def wait_for(self, text: str | bytes, seconds: float = 15.0, after: int = 0) -> int:
        """Waits until it stands in what was seen after that place; returns the place behind it."""
        text = text.encode() if isinstance(text, str) else text
        try:
            wait_until(lambda: text in self.seen[after:], seconds, f"{text!r} is seen")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; instead: {self.seen[-1500:]!r}") from None
        return self.seen.index(text, after) + len(text)

    def wait_ended(self, seconds: float = 10.0) -> int:
        """The program's exit status."""
        return self.process.wait(seconds)

    def is_raw(self) -> bool:
        return not termios.tcgetattr(self._mine)[3] & termios.ICANON

    def is_as_before(self) -> bool:
        """Whether the terminal has the settings that it had when the program began."""
        return termios.tcgetattr(self._mine) == self._settings

    def _read(self):
        try:
            while data := os.read(self._mine, 65536):
                self.seen += data
        except OSError:  # nobody has the other end any more
            pass

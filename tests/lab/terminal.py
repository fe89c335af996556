# SPDX-License-Identifier: Apache-2.0
"""The terminal of somebody who works on a guest's console."""

import os
import re
import termios
import tty

# Puts back what a guest may have switched on: colours, a hidden cursor, the second screen, reports
# of mouse, focus and pasting, other cursor keys.
ORDINARY = (b"\033[0m\033[?25h\033[?47l\033[?1000l\033[?1002l\033[?1003l\033[?1004l\033[?1006l"
            b"\033[?2004l\033[?1l\033>")
ESCAPES = re.compile(rb"\033(?:\[[0-9;?]*[@-~]|[@-Z\\-_])")
# What a terminal says by itself when the guest asks where the cursor is, or what it can do.
ANSWERS = re.compile(rb"\033\[(?:[?>][\d;]*c|\d+;\d+R|[03]n)"
                     rb"|\033[\]P][^\007\033]*(?:\007|\033\\)")
LONGEST_LINE = 200


def without_answers(keys: bytes) -> bytes:
    """What a person has typed of that."""
    return ANSWERS.sub(b"", keys)


def write(descriptor: int, text: bytes):
    while text:
        text = text[os.write(descriptor, text):]


class Terminal:
    """Context manager: keys come as they are pressed, and what a guest prints is shown as it is.
    Notes go to stderr; on the same screen they stand between the guest's lines. Leaving it puts the
    terminal back as it was."""

    def __init__(self):
        self.has_keys = os.isatty(0)
        self._same_screen = os.isatty(1) and os.isatty(2)
        self._dim = os.isatty(2) and "NO_COLOR" not in os.environ
        self._before: list | None = None
        self._line = b""  # that the guest has begun

    def __enter__(self) -> "Terminal":
        if self.has_keys:
            self._before = termios.tcgetattr(0)
            self.make_raw()
        return self

    def __exit__(self, *_):
        if os.isatty(1):
            self.show(ORDINARY + (b"\r\n" if self._begun() else b""))
        if self._before:
            termios.tcsetattr(0, termios.TCSADRAIN, self._before)
            self._before = None

    def make_raw(self):
        """Again, after somebody else has had the terminal."""
        if self.has_keys:
            tty.setraw(0, termios.TCSADRAIN)

    def show(self, output: bytes):
        write(1, output)
        self._line = (self._line + output).rpartition(b"\n")[2][-LONGEST_LINE:]

    def note(self, text: str):
        """One line that is not the guest's. A line that it has begun is begun again below."""
        # Names of users and VMs are somebody else's words: nothing in them may steer the terminal.
        text = "".join(each if each.isprintable() else "?" for each in text)
        line = f"\033[2m[rollo: {text}]\033[0m" if self._dim else f"[rollo: {text}]"
        begun = self._begun() if self._same_screen else b""
        if begun:
            line = "\r\n" + line
        line += "\r\n" if self._before and os.isatty(2) else "\n"
        write(2, line.encode(errors="replace"))
        if begun and min(begun) >= 0x20:
            write(1, begun + (b"\r" if self._line.endswith(b"\r") else b""))

    def _begun(self) -> bytes:
        return ESCAPES.sub(b"", self._line).rstrip(b"\r").rpartition(b"\r")[2]

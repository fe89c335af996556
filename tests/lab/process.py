# SPDX-License-Identifier: Apache-2.0
"""What a process holds, as the kernel counts it."""

import os
from dataclasses import dataclass
from pathlib import Path

from .wait import wait_until


@dataclass(frozen=True)
class Holdings:
    threads: int
    descriptors: int

    def within(self, other: "Holdings") -> bool:
        """No more than the other in anything."""
        return self.threads <= other.threads and self.descriptors <= other.descriptors


def holdings(pid: int) -> Holdings:
    return Holdings(threads=len(os.listdir(f"/proc/{pid}/task")),
                    descriptors=len(os.listdir(f"/proc/{pid}/fd")))


def what_it_holds(pid: int) -> str:
    """For people: its threads by name, its descriptors by what they lead to."""
    process = Path(f"/proc/{pid}")
    threads = [(task / "comm").read_text().strip() for task in (process / "task").iterdir()]
    files = []
    for descriptor in (process / "fd").iterdir():
        try:
            files.append(os.readlink(descriptor))
        except FileNotFoundError:  # closed meanwhile
            pass
    return f"threads: {sorted(threads)}; descriptors: {sorted(files)}"


def settled_holdings(pid: int) -> Holdings:
    """What it holds once that has not changed for 2 s: what opens beside the rest is open."""
    seen = [holdings(pid)]

    def same_for_a_while() -> bool:
        seen.append(holdings(pid))
        return len(seen) > 40 and len(set(seen[-40:])) == 1

    wait_until(same_for_a_while, 20, "it settles", step=0.05)
    return seen[-1]

# SPDX-License-Identifier: Apache-2.0
"""What a process holds, as the kernel counts it."""

import os
from dataclasses import dataclass


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

# SPDX-License-Identifier: Apache-2.0
"""What a bench has found: rows beside their targets, printed as they come and kept as JSON."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass
class Row:
    """`agent` and `floor` are what `measured` is the ratio of, in `scale`. Without a target a row
    is there to be read alone."""
    what: str
    measured: float
    unit: str
    target: float | None = None
    agent: float | None = None
    floor: float | None = None
    scale: str = "us"
    message_bytes: int | None = None
    spread: tuple[float, float] | None = None  # quartiles of the ratio

    @property
    def good(self) -> bool:
        return self.target is None or self.measured <= self.target

    def details(self) -> str:
        parts = []
        if self.agent is not None:
            size = f", {self.message_bytes} B" if self.message_bytes else ""
            parts.append(f"{self.agent:6.2f} {self.scale} to {self.floor:6.2f} {self.scale}{size}")
        if self.spread:
            parts.append(f"quartiles {self.spread[0]:.2f} to {self.spread[1]:.2f}")
        return "   " + ", ".join(parts) if parts else ""


class Report:
    """The rows of one bench."""

    def __init__(self):
        self._rows: list[Row] = []

    def add(self, row: Row):
        self._rows.append(row)
        target = "" if row.target is None else f"(at most {row.target:.2f})"
        print(f"{row.what:44} {row.measured:6.2f} {row.unit:8} {target:15}"
              f"{'' if row.good else '  MISSED'}{row.details()}", flush=True)

    def write(self, path: Path) -> int:
        """The exit status: 1 where a target is missed."""
        path.write_text(json.dumps([asdict(row) for row in self._rows], indent=2) + "\n")
        print(f"written to {path}")
        return 0 if all(row.good for row in self._rows) else 1

# SPDX-License-Identifier: Apache-2.0
"""A page of /metrics, read as Prometheus reads it."""

import re
from collections.abc import Iterator

from .agent import Agent

SAMPLE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)")
LABEL = re.compile(r'([a-zA-Z_]\w*)="((?:[^"\\]|\\.)*)"(?:,|$)')
ESCAPED = re.compile(r"\\(.)")


def unescaped(value: str) -> str:
    return ESCAPED.sub(lambda found: "\n" if found[1] == "n" else found[1], value)


def labels_of(text: str) -> dict[str, str]:
    labels = {name: unescaped(value) for name, value in LABEL.findall(text)}
    assert "".join(found[0] for found in LABEL.finditer(text)) == text, text
    return labels


class Page:
    """Its samples, by name and labels. A series that stands there twice is an error."""

    def __init__(self, text: str):
        self.text = text
        self.samples: list[tuple[str, dict[str, str], float]] = []
        seen = set()
        for line in text.split("\n")[:-1]:
            if line.startswith("#"):
                continue
            found = SAMPLE.fullmatch(line)
            assert found, line
            labels = labels_of(found[2] or "")
            assert (key := (found[1], *sorted(labels.items()))) not in seen, line
            seen.add(key)
            self.samples.append((found[1], labels, float(found[3])))

    def values(self, name: str, /, **labels: str) -> Iterator[float]:
        """Of all samples that have these labels, and perhaps others."""
        return (value for each, found, value in self.samples
                if each == name and labels.items() <= found.items())

    def value(self, name: str, /, **labels: str) -> float | None:
        """Of the one sample that has these labels; None where there is none."""
        found = list(self.values(name, **labels))
        assert len(found) <= 1, (name, labels, found)
        return found[0] if found else None

    def names(self, **labels: str) -> set[str]:
        """The metrics that have a sample with these labels."""
        return {name for name, found, _ in self.samples if labels.items() <= found.items()}


def scrape(agent: Agent) -> Page:
    """Needs a public page."""
    status, text = agent.get("/metrics")
    assert status == 200, text
    return Page(text)

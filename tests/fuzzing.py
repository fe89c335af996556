#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Fuzz targets: every one of tests/fuzz/*.cpp is given its seeds, and then what libFuzzer makes of
them, for as long as one likes: `./dev fuzz` calls this. What it learns is kept in build-fuzz/corpus,
what went wrong in build-fuzz/crashes; an input that failed once belongs into tests/fuzz/corpus."""

import argparse
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = ROOT / "tests/fuzz"
BUILD = ROOT / "build-fuzz"
EXAMPLES = ROOT / "proto/examples"
TARGETS = sorted(path.stem for path in SOURCES.glob("*.cpp"))
SPARE_SECONDS = 120  # for a target to read its seeds, on a busy machine
INPUT_SECONDS = 25  # one input that takes longer is a failure
MEGABYTES = 2048
SYMBOLIZER = "/usr/bin/llvm-symbolizer-19"  # gives the places of a stack their names

# Whose seeds are the examples of messages, which are read where they stand.
SEEDS_OF_EXAMPLES = {"client_messages": ["client"], "published_events": ["publisher"],
                     "json_text": ["client", "publisher"]}


@dataclass
class Outcome:
    target: str
    good: bool
    told: str  # what libFuzzer says
    crash: Path | None = None

    def inputs(self) -> str:
        """How many it was given."""
        found = re.findall(r"^(?:stat::number_of_executed_units: |#)(\d+)", self.told, re.MULTILINE)
        return found[-1] if found else "?"

    def covered(self) -> str:
        """How many places of the target and of what it tests were reached."""
        found = re.findall(r" cov: (\d+)", self.told)
        return found[-1] if found else "?"

    def __str__(self) -> str:
        if self.good:
            return f"{self.target}: good, {self.inputs()} inputs, {self.covered()} places"
        lines = [line for line in self.told.splitlines() if not line.startswith(("#", "INFO:"))]
        lines = lines[-60:]
        if self.crash:
            kept = self.crash.relative_to(ROOT)
            lines += [f"kept: {kept}", f"again: ASAN_SYMBOLIZER_PATH={SYMBOLIZER} "
                      f"build-fuzz/tests/fuzz/{self.target} {kept}"]
        return "\n    ".join([f"{self.target}: FAILED", *lines])


def seeds(target: str) -> Iterator[Path]:
    """Folders of inputs that are only read."""
    for kind in SEEDS_OF_EXAMPLES.get(target, []):
        yield from (path for path in EXAMPLES.glob(f"*/{kind}") if path.is_dir())
    if (SOURCES / "corpus" / target).is_dir():
        yield SOURCES / "corpus" / target


def command(target: str, seconds: float, learned: Path, more: Sequence[str]) -> list[str]:
    dictionary = SOURCES / "dictionaries" / f"{target}.dict"
    crashes = BUILD / "crashes" / target
    for folder in (learned, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    return [str(BUILD / "tests/fuzz" / target), f"-max_total_time={int(seconds)}",
            "-print_final_stats=1", f"-timeout={INPUT_SECONDS}", f"-rss_limit_mb={MEGABYTES}",
            f"-artifact_prefix={crashes}/",
            *([f"-dict={dictionary}"] if dictionary.exists() else []), *more, str(learned),
            *map(str, seeds(target))]


class Fuzzer:
    """Runs targets, as many at once as there are processors. `environment` is that of sanitized
    programs."""

    def __init__(self, environment: dict[str, str]):
        self._environment = {**environment, "ASAN_SYMBOLIZER_PATH": SYMBOLIZER}
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen] = set()
        self._ended = False

    def run(self, targets: Sequence[str], seconds: float,
            keep: bool = True) -> Iterator[Outcome]:
        """Each target for so long, in order. `keep`: what it learns, for the next time."""
        processors = os.cpu_count() or 1
        share = processors // len(targets)
        more = [f"-fork={share}"] if share > 1 else []
        with ThreadPoolExecutor(processors) as pool:
            try:
                yield from pool.map(lambda each: self._one(each, seconds, keep, more), targets)
            finally:
                self.end()

    def end(self):
        """Ends what runs. Nothing begins afterwards."""
        with self._lock:
            self._ended = True
            for process in self._running:
                process.terminate()

    def _one(self, target: str, seconds: float, keep: bool, more: Sequence[str]) -> Outcome:
        learned = BUILD / ("corpus" if keep else "corpus-of-tests") / target
        line = command(target, seconds, learned, more)
        before = set((BUILD / "crashes" / target).iterdir())
        with self._lock:
            if self._ended:
                return Outcome(target, False, "not run")
            process = subprocess.Popen(line, cwd=ROOT, env=self._environment,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                       stderr=subprocess.STDOUT, text=True, errors="replace")
            self._running.add(process)
        try:
            told, _ = process.communicate(timeout=seconds + SPARE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            told, _ = process.communicate()
            told += f"\nit took more than {seconds + SPARE_SECONDS:g} s"
        with self._lock:
            self._running.discard(process)
        new = sorted(set((BUILD / "crashes" / target).iterdir()) - before)
        return Outcome(target, process.returncode == 0 and not new, told, new[0] if new else None)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev fuzz", description=__doc__)
    parser.add_argument("target", nargs="*", metavar="TARGET",
                        help=f"these alone: {', '.join(TARGETS)}")
    parser.add_argument("--minutes", type=float, default=10, help="for each target (10)")
    options = parser.parse_args()
    for each in options.target:
        if each not in TARGETS:
            parser.error(f"there is no target {each}; there are {', '.join(TARGETS)}")
    return options


def main() -> int:
    from run import Build  # which runs the targets as well

    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    build = Build("fuzz")
    if not build.make():
        return 1
    failed = 0
    try:
        for outcome in Fuzzer(build.environment()).run(options.target or TARGETS,
                                                       60 * options.minutes):
            print(outcome, flush=True)
            failed += not outcome.good
    except KeyboardInterrupt:
        print()
        return 130
    return 1 if failed else 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    sys.exit(main())

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Builds and runs every test suite and ends with the counts: `./dev test` calls this.

Exit status 0 only when something ran and nothing failed. A suite whose folder is not there is
left out; one that was asked for by name and is not there is an error.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from fuzzing import TARGETS, Fuzzer

ROOT = Path(__file__).resolve().parents[1]
ARTEFACTS = ROOT / "build/test-artefacts"
PYTHON = "/usr/bin/python3"
SUITE_SECONDS = 2700
TEST_SECONDS = 180  # a Python test that takes longer is told where it hangs


@dataclass
class Counts:
    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        return Counts(self.passed + other.passed, self.failed + other.failed,
                      self.skipped + other.skipped)

    def __str__(self) -> str:
        skipped = f", {self.skipped} skipped" if self.skipped else ""
        return f"{self.passed} passed, {self.failed} failed{skipped}"


@dataclass
class Build:
    """One build directory, and the environment in which its programs are run."""

    kind: str

    @property
    def directory(self) -> Path:
        return ROOT / ("build" if self.kind == "plain" else f"build-{self.kind}")

    def make(self, targets: Sequence[str] = ()) -> bool:
        return run([str(ROOT / "dev"), "build", self.kind, *targets], quiet=True) == 0

    def environment(self) -> dict[str, str]:
        supp = ROOT / "tests/sanitizers"
        variables = {**os.environ, "ROLLO_BUILD": str(self.directory),
                     "PYTHONDONTWRITEBYTECODE": "1"}
        variables["ASAN_OPTIONS"] = "detect_leaks=1:detect_stack_use_after_return=1"
        variables["LSAN_OPTIONS"] = f"suppressions={supp}/lsan.supp:print_suppressions=0"
        variables["UBSAN_OPTIONS"] = "halt_on_error=1:print_stacktrace=1"
        # Libvirt, glib and their like are not instrumented: what they lock is not seen.
        variables["TSAN_OPTIONS"] = (f"suppressions={supp}/tsan.supp:print_suppressions=0:"
                                     "ignore_noninstrumented_modules=1:second_deadlock_stack=1")
        return variables

    def wrapper(self) -> list[str]:
        """Thread Sanitizer of g++ 12 does not start where the kernel randomizes addresses with
        many bits: run it without, where that is allowed."""
        fixed = ["setarch", "-R"]
        if self.kind == "tsan" and subprocess.run([*fixed, "true"], stderr=subprocess.DEVNULL,
                                                  check=False).returncode == 0:
            return fixed
        return []


PLAIN = Build("plain")


def run(command: list[str], quiet: bool = False, seconds: float = SUITE_SECONDS,
        output=None, **options) -> int:
    """Runs a command in a session of its own, which is ended as a whole when it takes too long.
    Its output goes to that file, if there is one; a quiet one shows it when it fails."""
    pipe = subprocess.PIPE if quiet else output
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=pipe,
                          stderr=subprocess.STDOUT, start_new_session=True, **options) as process:
        try:
            told, _ = process.communicate(timeout=seconds)
        except BaseException as error:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            print(f"{command[0]} took more than {seconds} s", flush=True)
            return 1
    if quiet and process.returncode != 0:
        print(told.decode(errors="replace"), flush=True)
    return process.returncode


def junit_counts(path: Path) -> Counts | None:
    """Counts of a JUnit report; None when there is none that can be read."""
    try:
        cases = list(ElementTree.parse(path).iter("testcase"))
    except (OSError, ElementTree.ParseError):
        return None
    bad = sum(1 for case in cases
              if case.find("failure") is not None or case.find("error") is not None)
    skipped = sum(1 for case in cases if case.find("skipped") is not None)
    return Counts(len(cases) - bad - skipped, bad, skipped)


def judged(report: Path, status: int) -> Counts:
    """A report and an exit status that disagree, or a missing report, are a failure."""
    counts = junit_counts(report)
    if counts is None:
        return Counts(failed=1)
    if status != 0 and counts.failed == 0:
        counts.failed = 1
    return counts


# Suites


def unit(build: Build, folder: str = "unit") -> Counts | None:
    """The doctest programs below tests/FOLDER of a build."""
    programs = sorted((build.directory / "tests" / folder).rglob("*_test"))
    if not programs:
        return None
    total = Counts()
    for program in programs:
        report = report_path(build, program.name)
        status = run([*build.wrapper(), str(program), "--reporters=junit", f"--out={report}"],
                     env=build.environment(), seconds=300)
        counts = judged(report, status)
        total += counts
        print(f"{program.name}: {counts}", flush=True)
        if (told := junit_counts(report)) and told.failed:  # again, for people
            run([*build.wrapper(), str(program)], env=build.environment(), seconds=300)
    return total


def pytest(build: Build, folders: list[str], *options: str) -> Counts | None:
    """Python tests. The report is pytest's own."""
    folders = [f"tests/{name}" for name in folders if any((ROOT / "tests" / name).glob("test_*"))]
    if not folders:
        return None
    report = report_path(build, "pytest-" + "-".join(map(os.path.basename, folders)))
    status = run([*build.wrapper(), PYTHON, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                  "-o", f"faulthandler_timeout={TEST_SECONDS}", f"--junitxml={report}",
                  *options, *folders], env=build.environment())
    if status == 5:  # nothing collected
        return Counts()
    return judged(report, status)


def report_path(build: Build, name: str) -> Path:
    path = ARTEFACTS / "reports" / f"{build.kind}-{name}.xml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    return path


def layers(_: argparse.Namespace) -> Counts | None:
    script = ROOT / "tests/check_layers.py"
    if not script.exists():
        return None
    return one(run([PYTHON, str(script)], quiet=True) == 0)


def formatting(_: argparse.Namespace) -> Counts | None:
    files = [name for name in source_files() if name.endswith((".cpp", ".hpp"))]
    if not files:
        return None
    return one(run(["clang-format-19", "--dry-run", "-Werror", *files], quiet=True) == 0)


def source_files() -> list[str]:
    """What belongs to the tree, also when the tree is somebody else's or no clone at all."""
    listing = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-z", "--cached", "--others",
         "--exclude-standard"], cwd=ROOT, capture_output=True, check=False)
    if listing.returncode == 0:
        names = listing.stdout.decode().split("\0")
    else:
        names = [str(path.relative_to(ROOT)) for folder in ("agent", "common", "proto", "tests")
                 for path in (ROOT / folder).rglob("*")]
    return [name for name in names if (ROOT / name).is_file()]


def one(good: bool) -> Counts:
    return Counts(passed=1) if good else Counts(failed=1)


def schema(options: argparse.Namespace) -> Counts | None:
    return both(unit(PLAIN, "schema"), pytest(PLAIN, ["schema"], *options.pytest))


def counts(options: argparse.Namespace) -> Counts | None:
    """System calls and allocations of the fan-out. Its times are not judged here: `./dev bench`."""
    return both(unit(PLAIN, "bench"), pytest(PLAIN, ["bench"], *options.pytest))


def integration(options: argparse.Namespace) -> Counts | None:
    return pytest(PLAIN, ["integration"], *options.pytest)


def compat(options: argparse.Namespace) -> Counts | None:
    return pytest(PLAIN, ["compat"], *options.pytest)


def soak(options: argparse.Namespace) -> Counts | None:
    """Ten minutes; `--suite=soak -- --soak-minutes=3` takes three."""
    if not options.long and "soak" not in (options.suite or []):
        return None
    return pytest(PLAIN, ["soak"], *options.pytest)


def unit_programs(folders: list[str]) -> list[str]:
    return [f"tests/unit/{folder}/{folder}_test" for folder in folders]


# What the short sets build: every unit test where memory counts, those with threads where threads
# do.
SHORT = ["agent/rollo-agent", "tests/fixtures/guest.img", "tests/fixtures/console_driver"]
SHORT_TARGETS = {
    "asan": SHORT + unit_programs(["agent", "auth", "common", "config", "core", "proto", "server",
                                   "store", "virt"]),
    "tsan": SHORT + unit_programs(["common", "store", "virt"]),
}


FUZZ_SECONDS = 5  # for each target, after its seeds


def fuzz(_: argparse.Namespace) -> Counts | None:
    """Every fuzz target, shortly: all that failed once, and a little of what is new."""
    build = Build("fuzz")
    if not build.make():
        return Counts(failed=1)
    total = Counts()
    for outcome in Fuzzer(build.environment()).run(TARGETS, FUZZ_SECONDS, keep=False):
        print(outcome, flush=True)
        total += one(outcome.good)
    return total


def sanitized(kind: str):
    def suite(options: argparse.Namespace) -> Counts | None:
        build = Build(kind)
        if not build.make([] if options.long else SHORT_TARGETS[kind]):
            return Counts(failed=1)
        chosen = [] if options.long else ["-m", "short"]
        return both(unit(build),
                    pytest(build, ["integration", "compat"], *chosen, *options.pytest))
    return suite


def both(first: Counts | None, second: Counts | None) -> Counts | None:
    if first is None or second is None:
        return first or second
    return first + second


SUITES = {
    "unit": lambda options: unit(PLAIN),
    "layers": layers,
    "format": formatting,
    "schema": schema,
    "counts": counts,
    "integration": integration,
    "compat": compat,
    "fuzz": fuzz,
    "soak": soak,
    "asan": sanitized("asan"),
    "tsan": sanitized("tsan"),
}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev test", description=__doc__)
    parser.add_argument("--long", action="store_true",
                        help="every test under both sanitizers, not the short set alone, and the "
                        "soak")
    parser.add_argument("--suite", action="append", choices=SUITES, metavar="NAME",
                        help=f"this suite alone (may be repeated): {', '.join(SUITES)}")
    parser.add_argument("pytest", nargs="*", help="after --: arguments for pytest")
    return parser.parse_args()


def terminated(*_):
    sys.exit(143)


def main() -> int:
    options = parse()
    signal.signal(signal.SIGTERM, terminated)
    names = options.suite or list(SUITES)
    began = time.monotonic()
    if not PLAIN.make() or any(run([str(ROOT / "dev"), fixture], quiet=True) != 0
                               for fixture in ("linux-guest", "promtool", "nginx")):
        print("0 passed, 1 failed")
        return 1
    times = [("build", time.monotonic() - began, None)]
    total = Counts()
    for name in names:
        print(f"== {name}", flush=True)
        start = time.monotonic()
        counts = SUITES[name](options)
        if counts is None and options.suite:
            print(f"there is no suite {name} in this tree")
            counts = Counts(failed=1)
        times.append((name, time.monotonic() - start, counts))
        total += counts or Counts()
    print()
    for name, seconds, counts in times:
        print(f"{name:12} {seconds:7.1f} s  {counts if counts is not None else '-'}")
    print(f"{'all':12} {time.monotonic() - began:7.1f} s")
    print(total, flush=True)
    return 0 if total.failed == 0 and total.passed > 0 else 1


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The tests that do random things, again and again with another seed each time, for as long as one
likes: `./dev torture` calls this. Each round prints its seed; one that fails keeps its log and the
logs of agent and libvirtd below build/torture/, and is told how to be run again."""

import argparse
import random
import shutil
import signal
import sys
import time
from pathlib import Path

from run import ARTEFACTS, ROOT, Build, run

KEPT = ROOT / "build/torture"
ROUND_SECONDS = 3600


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="dev torture", description=__doc__)
    parser.add_argument("--build", choices=("plain", "asan", "tsan"), default="plain",
                        help="which build is tortured")
    parser.add_argument("--minutes", type=float, help="begin no round after that time")
    parser.add_argument("--seed", type=int, help="one round, with this seed")
    parser.add_argument("pytest", nargs="*", help="after --: arguments for pytest")
    return parser.parse_args()


def torture(build: Build, seed: int, more: list[str]) -> bool:
    """One round. What is left of one that failed is kept."""
    began = time.strftime("%Y-%m-%d %H:%M:%S")
    print(f"{began}  seed {seed} ", end="", flush=True)
    shutil.rmtree(ARTEFACTS, ignore_errors=True)
    log = KEPT / f"{build.kind}-{seed}" / "pytest.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "wb") as output:
        status = run([*build.wrapper(), "/usr/bin/python3", "-m", "pytest", "-p",
                      "no:cacheprovider", "-m", "torture", f"--seed={seed}", *more,
                      "tests/integration"],
                     seconds=ROUND_SECONDS, env=build.environment(), output=output)
    if status == 0:
        shutil.rmtree(log.parent)
        print(" good", flush=True)
        return True
    shutil.copytree(ARTEFACTS, log.parent, dirs_exist_ok=True)
    print(f" FAILED\n    kept: {log.parent.relative_to(ROOT)}\n    again: ./dev torture "
          f"--seed={seed}" + (f" --build={build.kind}" if build.kind != "plain" else ""), flush=True)
    return False


def main() -> int:
    options = parse()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    build = Build(options.build)
    if not build.make():
        return 1
    if options.seed is not None:
        return 0 if torture(build, options.seed, options.pytest) else 1
    end = time.monotonic() + 60 * options.minutes if options.minutes else float("inf")
    rounds, failed = 0, []
    try:
        while time.monotonic() < end:
            rounds += 1
            seed = random.SystemRandom().randrange(1 << 31)
            if not torture(build, seed, options.pytest):
                failed.append(seed)
    except KeyboardInterrupt:
        print()
    print(f"{rounds} rounds, {len(failed)} failed" + "".join(f" {seed}" for seed in failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    sys.exit(main())

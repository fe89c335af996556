# SPDX-License-Identifier: Apache-2.0
"""Where the demo that runs is, and a token for it: the demo leaves them for `./dev console`."""

import json
import os
from contextlib import contextmanager
from pathlib import Path

FILE = Path(__file__).resolve().parents[2] / "build/demo.json"


@contextmanager
def published(url: str, token: str):
    """While inside, the user who runs this, and nobody else, can read both from FILE."""
    new = FILE.with_suffix(f".{os.getpid()}")
    new.unlink(missing_ok=True)
    with open(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w") as file:
        json.dump({"url": url, "token": token}, file)
    new.replace(FILE)
    try:
        yield
    finally:
        if find() == (url, token):  # and not that of a demo that was started later
            FILE.unlink(missing_ok=True)


def find() -> tuple[str, str] | None:
    """URL and token of the demo that was started last; none when it has ended."""
    try:
        said = json.loads(FILE.read_text())
        return said["url"], said["token"]
    except FileNotFoundError:
        return None

# SPDX-License-Identifier: Apache-2.0
"""Waiting for a condition, with a deadline, instead of sleeping and hoping."""

import time
from typing import Callable, TypeVar

T = TypeVar("T")


def wait_until(condition: Callable[[], T], seconds: float = 10.0, what: str = "",
               step: float = 0.01) -> T:
    """Calls `condition` until it returns something true, and returns that.

    Raises TimeoutError, which names `what`, after `seconds`.
    """
    deadline = time.monotonic() + seconds
    while True:
        if result := condition():
            return result
        if time.monotonic() > deadline:
            raise TimeoutError(f"after {seconds:g} s still not: {what or condition!r}")
        time.sleep(step)

# SPDX-License-Identifier: Apache-2.0
"""A file system that is full when a test wants it to be."""

import subprocess
from pathlib import Path

import pytest


class SmallDisk:
    """Context manager: a file system of `size` (as mount(8) writes it, `256k`) in memory, mounted
    on `folder`, which is made. Skips the test where nothing can be mounted."""

    def __init__(self, folder: Path, size: str):
        self.folder = folder
        self._size = size

    def __enter__(self) -> "SmallDisk":
        self.folder.mkdir()
        mounted = self._mount(f"size={self._size}")
        if mounted.returncode != 0:
            pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", str(self.folder)], check=True)

    def resize(self, size: str):
        self._mount(f"remount,size={size}").check_returncode()

    def fill(self) -> Path:
        """Takes all the room that is left, with a file that it returns."""
        path = self.folder / "ballast"
        with open(path, "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError:
                return path

    def _mount(self, options: str) -> subprocess.CompletedProcess:
        return subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", str(self.folder)],
                              check=False, capture_output=True, text=True)

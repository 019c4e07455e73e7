"""One run per peer and machine: a lock that ends with its process, however that ends.

Runs of other machines are told apart by their lease (runs.py). Source: RULES 1.10.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Self

FILE_MODE = 0o600


class Lock:
    """A peer's lock in the data folder, held until it is released or the process ends."""

    def __init__(self, descriptor: int) -> None:
        """Take over an open, locked file."""
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, home: Path, peer_id: int) -> Self | None:
        """Take a peer's lock; None when somebody has it. Raises OSError."""
        file = home / f".full-sync-{peer_id}.lock"
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as problem:
            os.close(descriptor)
            if isinstance(problem, BlockingIOError):
                return None
            raise
        return cls(descriptor)

    def release(self) -> None:
        """Release it; once or more."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

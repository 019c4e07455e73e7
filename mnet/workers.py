"""Threads that take works from one queue, with no more about it than every call needs.

(A future for each work, as concurrent.futures makes, costs more than Twisted's whole answer.)
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from queue import SimpleQueue

import structlog

from mnet.logs import log_failure

log = structlog.get_logger("workers")


class Workers:
    """A fixed number of threads, made when they are first needed."""

    def __init__(self, count: int) -> None:
        """Take how many there may be; none is made yet."""
        self.count = count
        self._threads: list[threading.Thread] = []
        self._is_closed = False
        # Held while a thread is made: works come from many threads, ours among them.
        self._making = threading.Lock()
        self._works: SimpleQueue[Callable[[], object] | None] = SimpleQueue()

    def submit(self, work: Callable[[], object]) -> None:
        """Run `work` soon in one of the threads; what it raises is logged."""
        self._works.put(work)
        if len(self._threads) < self.count:
            with self._making:
                if len(self._threads) < self.count and not self._is_closed:
                    thread = threading.Thread(target=self._run, name="worker", daemon=True)
                    thread.start()
                    self._threads.append(thread)  # now that `close` can wait for it

    def close(self, timeout_s: float) -> None:
        """Drop what waits, and give what runs that long to end."""
        with self._making:
            self._is_closed = True  # no thread comes to those that are told to end here
        for _thread in self._threads:
            self._works.put(None)
        until_s = time.monotonic() + timeout_s
        for thread in self._threads:
            thread.join(max(0.0, until_s - time.monotonic()))

    def _run(self) -> None:
        while (work := self._works.get()) is not None and not self._is_closed:
            try:
                work()
            except Exception as problem:  # noqa: BLE001 - whatever it is, others go on
                log_failure(log, problem)

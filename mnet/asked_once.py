"""A question that several have at the same moment is asked once, and answered to all of them.

Knows nothing of what is asked. Source: PROTOCOL.md section 9 (slow work).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")


class AskedOnce(Generic[T]):
    """Questions under way, by what they are about; used by many threads."""

    def __init__(self) -> None:
        """Begin with none."""
        self._under_way: dict[Hashable, Future[T]] = {}
        self._lock = threading.Lock()

    def ask(self, about: Hashable, question: Callable[[], T], *, wait_s: float) -> T:
        """Ask, or wait for the answer of whoever asks already.

        Raises what the question raises, for everybody; TimeoutError when another's answer does
        not come within `wait_s`.
        """
        with self._lock:
            other = self._under_way.get(about)
            if other is None:
                mine = self._under_way[about] = Future()
        if other is not None:
            return other.result(wait_s)
        try:
            answer = question()
        except BaseException as problem:
            self._end(about)
            mine.set_exception(problem)
            raise
        self._end(about)
        mine.set_result(answer)
        return answer

    def _end(self, about: Hashable) -> None:
        with self._lock:
            del self._under_way[about]

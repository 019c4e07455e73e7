"""Allows something once in an interval for each key, however often it is asked for.

The keys are few (peers), so that each is remembered.
"""

from __future__ import annotations

import threading
from collections.abc import Hashable


class OncePerPeriod:
    """When something was last done for each key; used by many threads."""

    def __init__(self, interval_s: float) -> None:
        """Begin with none; `interval_s` lies between two times for one key."""
        self._interval_s = interval_s
        self._last_s: dict[Hashable, float] = {}
        self._lock = threading.Lock()

    def is_due(self, about: Hashable, now_s: float) -> bool:
        """Tell whether it is time again, and if so count it as done; a clock may be set back."""
        with self._lock:
            last_s = self._last_s.get(about)
            if last_s is not None and 0 <= now_s - last_s < self._interval_s:
                return False
            self._last_s[about] = now_s
            return True
